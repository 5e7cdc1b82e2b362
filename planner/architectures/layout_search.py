"""The layouts that suit a shape and devices, the fastest that fit first."""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import rounded
from planner.architectures.fewest_layouts import accumulated, on_fewest, placement
from planner.architectures.launch import sequences
from planner.architectures.layout import Layout, Recompute
from planner.architectures.layout_grid import INTERLEAVED, Site, combinations, nothing_left, powers, recomputations, staged
from planner.architectures.memory import Scheme, memory
from planner.architectures.parallelism import Asked, Fit, check_split, unmeasured
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
        raise OptionError(nothing_left(asked) if asked.batch is None else _no_batch(asked.batch, asked, where, shape))
    if asked.batch is None and where.sequences is not None:  # all that are shown work on the batch of the best
        step = sequences(found[0].layout)
        found = _searched(shape, scheme, asked._replace(batch=float(step * shape.context)), where._replace(sequences=float(step)))
    return found


def _no_batch(batch: float, asked: Asked, where: Site, shape: Shape) -> str:
    """Say that no layout works on such a batch, and which ones would do."""
    assert where.counted is not None  # of devices that are counted
    step = where.counted // asked.start.split * asked.start.micro_batch
    times = int(batch / shape.context // step)
    near = [each * step * shape.context for each in (times, times + 1) if each]
    return (
        f"batch {format_count(batch)}: no layout that is left splits it evenly over {where.counted} devices, not even with "
        f"{format_percent(_ROUNDED)} more or less; {listed(near, 3)} tokens of a step would do, or another micro_batch"
    )


def _searched(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return the best layout of each split, of all that work on the batch."""
    assert where.capacity is not None  # of devices whose memory is known
    every: Any = _columns(shape, asked, where)
    if not every.data.size:
        return ()
    found: list[_Candidate] = []
    for place, recompute in enumerate(recomputations(asked)):
        many = every._replace(recompute=recompute)
        taken = memory(shape, scheme, many)
        low, high = taken.range
        verdict = np.where(high <= where.capacity, 0, np.where(low <= where.capacity, 1, 2))
        slow, total = rounded(_slowness(shape, many, where)), rounded(taken.total)
        # the lower stage of sharding, the smaller split, fewer stages of a device
        columns = (np.full_like(many.zero, place), many.zero, many.split, many.expert, many.virtual, many.micro_batch)
        ties = np.stack(columns, axis=1).tolist()
        rows = zip(verdict.tolist(), slow.tolist(), total.tolist(), ties, strict=True)
        found += [_Candidate(*row, i, recompute) for i, row in enumerate(rows)]

    def fits(chosen: list[_Candidate]) -> tuple[Fit, ...]:
        rows = (every.row(each.place)._replace(recompute=each.recompute) for each in chosen)
        return tuple(placement(shape, scheme, layout, where) for layout in rows)

    sure = sorted((each for each in found if each.verdict == 0), key=lambda each: (each.slow, each.ties))
    if not sure:  # of those that come nearest, the fastest that is about as small as the smallest
        nearest = min(each.verdict for each in found)
        least = min(each.total for each in found if each.verdict == nearest)

        def rank(each: _Candidate) -> tuple[Any, ...]:
            small = each.verdict == nearest and each.total <= _ABOUT * least
            return (each.verdict, 0, each.slow, each.ties) if small else (each.verdict, 1, each.total, each.ties)

        return fits(_of_splits(every, sorted(found, key=rank), SHOWN))
    close = sorted((each for each in found if each.verdict == 1), key=lambda each: (each.slow, each.ties))
    faster = _of_splits(every, [each for each in close if each.slow < sure[0].slow / _WORTH], 2)
    return fits([*_of_splits(every, sure, SHOWN - len(faster)), *faster])


class _Candidate(NamedTuple):
    """One of many layouts: 0 where it surely fits, 1 where that is too close to say, 2 where it does not."""

    verdict: int
    slow: float
    total: float
    ties: list[int]
    place: int
    recompute: Recompute


def _of_splits(every: Any, candidates: list[_Candidate], most: int) -> list[_Candidate]:
    """Return the first candidate of each split of the devices."""
    splits = np.stack([every.tensor, every.pipeline, every.context_parallel, every.expert], axis=1).tolist()
    first: dict[tuple[int, ...], _Candidate] = {}
    for each in candidates:
        first.setdefault(tuple(splits[each.place]), each)
    return list(first.values())[:most]


_ROUNDED = 0.05
"""How far a batch may be from the one asked for, so that it is of whole micro-batches."""

_ABOUT = 1.1
"""How much more memory is about as little, among layouts of which none surely fits."""

_WORTH = 1.05
"""How much faster a layout that may not fit must be to be shown."""


def _slowness(shape: Shape, many: Layout, where: Site) -> Any:
    """Return seconds a token; where no step can be forecast, the devices that share a sequence, which have to talk."""
    if where.running is None or unmeasured(many):
        return 1.0 * many.split
    tokens = many.data * many.micro_batch * many.micro_batches
    return step_time(work_of(shape), many, where.running.rate, where.running.software).total / tokens


def _columns(shape: Shape, asked: Asked, where: Site) -> Layout:
    """Return every combination that the rules allow."""
    counted = where.counted or 1
    limits = settings("memory.toml", "fit")
    # where no step can be forecast, nothing says what more than one sequence at once is good for
    at_once = [1] if where.running is None else powers(limits["largest_micro_batch"])
    virtual = {None: [1, 2, 4], "interleaved": INTERLEAVED}.get(asked.schedule, [1])
    many: Any = combinations(shape, asked, micro_batch=at_once, zero=[0, 1, 2, 3], virtual=virtual)
    many = many._replace(data=counted // many.split)
    grouped = (counted // np.minimum(many.pipeline, counted)) % (many.expert * many.expert_tensor) == 0
    good = (counted % many.split == 0) & grouped
    good &= (many.replicas > 1) | (many.zero == (asked.zero or 0))  # sharding over one device is none
    if asked.zero is None:  # nothing was measured of weights gathered over larger groups
        good &= (many.zero < 3) | (many.replicas <= limits["largest_gathering"])
        # gradients of a pipeline are summed once a step, so 2 shards nothing that frameworks keep sharded
        good &= (many.pipeline == 1) | (many.zero <= 1)
    good &= staged(shape, asked, many)
    inside = many.tensor <= (where.running.rate.domain if where.running is not None else many.tensor)
    good &= inside | (asked.tensor is not None) | ~(good & inside).any()  # no step of matrices split over slow links is forecast
    steps, at_once = np.ones_like(many.data), many.data * many.micro_batch
    if where.sequences is not None:
        steps = np.maximum(1, np.round(where.sequences / np.maximum(at_once, 1))).astype(int)
        whole = np.maximum(1, np.round(steps / many.pipeline)).astype(int) * many.pipeline  # what interleaving needs
        steps = np.where(many.virtual > 1, whole, steps)
        if asked.batch is not None:
            good &= np.abs(steps * at_once / where.sequences - 1) <= _ROUNDED
        elif (good & (at_once <= 2 * where.sequences)).any():  # as many devices as can work on a batch
            good &= at_once <= 2 * where.sequences
        else:
            good &= many.micro_batch == many.micro_batch.min()
    kept: Layout = many._replace(micro_batches=steps).rows(good)
    return kept


def _unlimited(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit:
    """Return the layout as asked for, where no memory is known to hold it against: on all devices there are, or on one."""
    start = asked.start
    layout = start._replace(data=int(start.least_data) if where.counted is None else where.counted // start.split)
    layout = layout._replace(micro_batches=accumulated(layout, where) if where.sequences else 0)
    return Fit(layout, memory(shape, scheme, layout), None, "")
