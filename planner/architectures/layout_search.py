"""The layouts that suit a shape and devices, the fastest that fit first."""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import rounded
from planner.architectures.fewest_layouts import accumulated, on_fewest
from planner.architectures.launch import sequences
from planner.architectures.layout import Layout, Recompute
from planner.architectures.layout_grid import (
    Site,
    nothing_left,
    recomputations,
    sizes_at_once,
    split_sizes,
    staged,
    virtual_stages,
)
from planner.architectures.memory import Scheme, memory
from planner.architectures.parallelism import Asked, Fit, as_given, check_split, speed_of, unmeasured
from planner.architectures.step_time import step_time, work_of
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.quantities import format_count, format_percent, listed

SHOWN = 5
"""Layouts shown, each with another split."""


def layouts(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return layouts, the one to take first: on the devices there are the fastest that surely fits, else on the fewest devices.

    Raises
    ------
    OptionError
        A split, or a batch, that the shape or the number of devices does not allow.
    """
    check_split(shape, asked, where.counted)
    if where.capacity is None:
        return (_unlimited(shape, scheme, asked, where),)
    if where.counted is None:
        return on_fewest(shape, scheme, asked, where)
    found = _searched(shape, scheme, asked, where)
    if not found:
        raise OptionError(nothing_left(asked) if asked.batch is None else _no_batch(asked, where, shape))
    if asked.batch is None and where.sequences is not None:  # all that are shown work on the batch of the best
        step = sequences(found[0].layout)
        found = _searched(shape, scheme, asked._replace(batch=float(step * shape.context)), where._replace(sequences=float(step)))
    return found


def _no_batch(asked: Asked, where: Site, shape: Shape) -> str:
    """Say that no layout works on such a batch, and which ones would do."""
    assert where.counted is not None  # of devices that are counted
    split = (asked.tensor or 1) * (asked.pipeline or 1) * (asked.context_parallel or 1)
    step = where.counted // split * (asked.micro_batch or 1)
    sequences = asked.batch / shape.context if asked.batch else 0
    near = [each * step * shape.context for each in (int(sequences // step), int(sequences // step) + 1) if each]
    return (
        f"batch {format_count(asked.batch or 0)}: no layout that is left splits it evenly over {where.counted} devices, not even "
        f"with {format_percent(_ROUNDED)} more or less; {listed([str(each) for each in near], 3)} tokens of a step would do, or "
        "another micro_batch"
    )


class _Columns(NamedTuple):
    """Many layouts, a column of each whole number."""

    tensor: Any
    pipeline: Any
    context_parallel: Any
    expert: Any
    micro_batch: Any
    zero: Any
    data: Any
    micro_batches: Any
    virtual: Any


def _searched(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return the best layout of each split, of all that work on the batch."""
    assert where.counted is not None  # of devices that are counted
    assert where.capacity is not None  # and whose memory is known
    columns = _columns(shape, asked, where)
    if not columns.data.size:
        return ()
    found: list[_Candidate] = []
    for place, recompute in enumerate(recomputations(asked)):
        many = asked.start._replace(**columns._asdict(), recompute=recompute)
        taken = memory(shape, scheme, many)
        low, high = taken.range
        verdict = np.where(high <= where.capacity, 0, np.where(low <= where.capacity, 1, 2))
        slow, total = rounded(_slowness(shape, many, where, columns)), rounded(taken.total)
        ties = np.stack([np.full_like(columns.zero, place), *_tied(columns)], axis=1)
        found += [
            _Candidate(int(verdict[i]), float(slow[i]), float(total[i]), tuple(int(tie) for tie in ties[i]), i, recompute)
            for i in range(len(verdict))
        ]

    def fit(each: _Candidate) -> Fit:
        numbers = {name: int(column[each.place]) for name, column in columns._asdict().items()}
        return _fit(shape, scheme, asked, where, numbers, each.recompute)

    sure = sorted((each for each in found if each.verdict == 0), key=lambda each: (each.slow, each.ties))
    if not sure:  # of those that come nearest, the fastest that is about as small as the smallest
        nearest = min(each.verdict for each in found)
        least = min(each.total for each in found if each.verdict == nearest)

        def rank(each: _Candidate) -> tuple[Any, ...]:
            small = each.verdict == nearest and each.total <= _ABOUT * least
            return (each.verdict, 0, each.slow, each.ties) if small else (each.verdict, 1, each.total, each.ties)

        return tuple(fit(each) for each in _of_splits(columns, sorted(found, key=rank), SHOWN))
    close = sorted((each for each in found if each.verdict == 1), key=lambda each: (each.slow, each.ties))
    faster = _of_splits(columns, [each for each in close if each.slow < sure[0].slow / _WORTH], 2)
    return tuple(fit(each) for each in (*_of_splits(columns, sure, SHOWN - len(faster)), *faster))


class _Candidate(NamedTuple):
    """One of many layouts: 0 where it surely fits, 1 where that is too close to say, 2 where it does not."""

    verdict: int
    slow: float
    total: float
    ties: tuple[int, ...]
    place: int
    recompute: Recompute


def _of_splits(columns: _Columns, candidates: list[_Candidate], most: int) -> list[_Candidate]:
    """Return the first candidate of each split of the devices."""
    first: dict[tuple[int, ...], _Candidate] = {}
    for each in candidates:
        first.setdefault(tuple(int(column[each.place]) for column in columns[:4]), each)
    return list(first.values())[:most]


_ROUNDED = 0.05
"""How far a batch may be from the one asked for, so that it is of whole micro-batches."""

_ABOUT = 1.1
"""How much more memory is about as little, among layouts of which none surely fits."""

_WORTH = 1.05
"""How much faster a layout that may not fit must be to be shown."""


def _tied(columns: _Columns) -> tuple[Any, ...]:
    """Return what breaks ties: the lower stage of sharding, the smaller split, fewer stages of a device."""
    split = columns.tensor * columns.pipeline * columns.context_parallel
    return columns.zero, split, columns.expert, columns.virtual, columns.micro_batch


def _fit(shape: Shape, scheme: Scheme, asked: Asked, where: Site, numbers: dict[str, Any], recompute: Recompute) -> Fit:
    layout = asked.start._replace(**numbers, recompute=recompute)
    layout = layout._replace(schedule="interleaved") if layout.virtual > 1 else layout
    return as_given(shape, layout, memory(shape, scheme, layout), where.capacity, speed_of(shape, layout, where.running))


def _slowness(shape: Shape, many: Layout, where: Site, columns: _Columns) -> Any:
    """Return seconds a token; where no step can be forecast, the devices that share a sequence, which have to talk."""
    if where.running is None or unmeasured(many):
        return 1.0 * columns.tensor * columns.pipeline * columns.context_parallel
    tokens = many.data * many.micro_batch * many.micro_batches
    return step_time(work_of(shape), many, where.running.rate, where.running.software).total / tokens


def _columns(shape: Shape, asked: Asked, where: Site) -> _Columns:
    """Return every combination that the rules allow."""
    counted = where.counted or 1
    sizes = [
        *split_sizes(shape, asked),
        sizes_at_once(where) if asked.micro_batch is None else [asked.micro_batch],
        [0, 1, 2, 3] if asked.zero is None else [asked.zero],
        virtual_stages(asked),
    ]
    tensor, pipeline, context, expert, micro, zero, virtual = (axis.ravel() for axis in np.meshgrid(*sizes, indexing="ij"))
    split = tensor * pipeline * context
    data = counted // split
    good = (counted % split == 0) & ((counted // np.minimum(pipeline, counted)) % (expert * asked.start.expert_tensor) == 0)
    good &= (data * context > 1) | (zero == (asked.zero or 0))  # sharding over one device is none
    if asked.zero is None:  # nothing was measured of weights gathered over larger groups
        good &= (zero < 3) | (data * context <= settings("memory.toml", "fit")["largest_gathering"])
    if asked.zero is None:  # gradients of a pipeline are summed once a step, so 2 shards nothing that frameworks keep sharded
        good &= (pipeline == 1) | (zero <= 1)
    good &= staged(shape, asked, pipeline, virtual)
    inside = tensor <= (where.running.rate.domain if where.running is not None else tensor)
    good &= inside | (asked.tensor is not None) | ~(good & inside).any()  # no step of matrices split over slow links is forecast
    at_once = data * micro
    steps = np.ones_like(at_once)
    if where.sequences is not None:
        steps = np.maximum(1, np.round(where.sequences / np.maximum(at_once, 1))).astype(int)
        whole = np.maximum(1, np.round(steps / pipeline)).astype(int) * pipeline  # what interleaving needs
        steps = np.where(virtual > 1, whole, steps)
        if asked.batch is not None:
            good &= np.abs(steps * at_once / where.sequences - 1) <= _ROUNDED
        elif (good & (at_once <= 2 * where.sequences)).any():  # as many devices as can work on a batch
            good &= at_once <= 2 * where.sequences
        else:
            good &= micro == micro.min()
    return _Columns(*(column[good] for column in (tensor, pipeline, context, expert, micro, zero, data, steps, virtual)))


def _unlimited(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit:
    """Return the layout as asked for, where no memory is known to hold it against: on all devices there are, or on one."""
    start = asked.start
    split = start.tensor * start.pipeline * start.context_parallel
    layout = start._replace(data=int(start.least_data) if where.counted is None else where.counted // split)
    layout = layout._replace(micro_batches=accumulated(layout, where) if where.sequences else 0)
    return as_given(shape, layout, memory(shape, scheme, layout), None)
