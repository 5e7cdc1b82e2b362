"""The layouts that suit a shape and devices, the fastest that fit first."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import order, rounded
from planner.accelerators.fleet import Machine
from planner.architectures.layout import Layout, Recompute
from planner.architectures.memory import Scheme, fewest_devices, memory
from planner.architectures.parallelism import Asked, Fit, Running, as_given, check_split, divides, speed_of
from planner.architectures.step_time import Software, rates, step_time, usual_software, work_of
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.quantities import format_count, format_percent, listed

SHOWN = 5
"""Layouts shown, each with another split."""


class Site(NamedTuple):
    """Where a shape is to be trained.

    Attributes
    ----------
    counted : int or None
        Devices there are; None where their number is open.
    capacity : float or None
        Bytes of a device.
    running : Running or None
        What it does in a second, where a step can be forecast.
    sequences : float or None
        Of a step, where anything is known of the batch.
    """

    counted: int | None
    capacity: float | None
    running: Running | None
    sequences: float | None


def site(
    machine: Machine | None, capacity: float | None, sequences: float | None, software: Software | None = None, level: float = 0.8
) -> Site:
    """Return where a shape is trained; of a mixed fleet nothing is known of its speed."""
    if machine is None:
        return Site(None, capacity, None, sequences)
    part = machine.parts[0]
    alone = len(machine.parts) == 1 and part.peak == part.device.peaks.get(machine.dtype)
    rate = rates(part.device, machine.dtype) if alone else None
    running = Running(rate, part.peak, software or usual_software(), level) if rate is not None else None
    return Site(int(machine.devices) if machine.counted else None, capacity, running, sequences)


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
        return _on_fewest(shape, scheme, asked, where)
    found = _searched(shape, scheme, asked, where)
    if not found:
        raise OptionError(_no_batch(asked, where, shape))
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
    for place, recompute in enumerate(_recomputed(asked)):
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

    def of_splits(candidates: list[_Candidate], most: int) -> list[_Candidate]:
        first: dict[tuple[int, ...], _Candidate] = {}
        for each in candidates:
            first.setdefault(tuple(int(column[each.place]) for column in columns[:4]), each)
        return list(first.values())[:most]

    sure = sorted((each for each in found if each.verdict == 0), key=lambda each: (each.slow, each.ties))
    if not sure:
        return tuple(
            fit(each) for each in of_splits(sorted(found, key=lambda each: (each.verdict, each.total, each.ties)), SHOWN)
        )
    close = sorted((each for each in found if each.verdict == 1), key=lambda each: (each.slow, each.ties))
    faster = of_splits([each for each in close if each.slow < sure[0].slow / _WORTH], 2)
    return tuple(fit(each) for each in (*of_splits(sure, SHOWN - len(faster)), *faster))


_ROUNDED = 0.05
"""How far a batch may be from the one asked for, so that it is of whole micro-batches."""

_WORTH = 1.05
"""How much faster a layout that may not fit must be to be shown."""


class _Candidate(NamedTuple):
    """One of many layouts: 0 where it surely fits, 1 where that is too close to say, 2 where it does not."""

    verdict: int
    slow: float
    total: float
    ties: tuple[int, ...]
    place: int
    recompute: Recompute


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
    if where.running is None:
        return 1.0 * columns.tensor * columns.pipeline * columns.context_parallel
    tokens = many.data * many.micro_batch * many.micro_batches
    return step_time(work_of(shape), many, where.running.rate, where.running.software).total / tokens


def _recomputed(asked: Asked) -> tuple[Recompute, ...]:
    return ("selective", "full") if asked.recompute is None else (asked.recompute,)


def _columns(shape: Shape, asked: Asked, where: Site) -> _Columns:
    """Return every combination that the rules allow."""
    counted = where.counted or 1
    sizes = [
        _tensors(shape) if asked.tensor is None else [asked.tensor],
        _pipelines(shape) if asked.pipeline is None else [asked.pipeline],
        _contexts(shape) if asked.context_parallel is None else [asked.context_parallel],
        _experts(shape) if asked.expert is None else [asked.expert],
        _micro_batches(where) if asked.micro_batch is None else [asked.micro_batch],
        [0, 1, 2, 3] if asked.zero is None else [asked.zero],
        _virtual(asked),
    ]
    tensor, pipeline, context, expert, micro, zero, virtual = (axis.ravel() for axis in np.meshgrid(*sizes, indexing="ij"))
    split = tensor * pipeline * context
    data = counted // split
    good = (counted % split == 0) & ((counted // np.minimum(pipeline, counted)) % expert == 0)
    good &= (data * context > 1) | (zero == (asked.zero or 0))  # sharding over one device is none
    if asked.zero is None:  # gradients of a pipeline are summed once a step, so 2 shards nothing that frameworks keep sharded
        good &= (pipeline == 1) | (zero <= 1)
    stages = pipeline * virtual
    even = np.any([(shape.layers + tables) % stages == 0 for tables in (0, 1, 2)], axis=0)
    good &= (virtual == 1) | ((pipeline > 1) & even)
    good &= (pipeline > 1) | (asked.schedule in {None, "1f1b"})
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


def _powers(most: float) -> list[int]:
    return [2**i for i in range(12) if 2**i <= most]


def _tensors(shape: Shape) -> list[int]:
    return [each for each in _powers(settings("memory.toml", "fit")["largest_tensor"]) if divides(shape, each)]


def _pipelines(shape: Shape) -> list[int]:
    """Return pipelines whose stages come out even, the tables counted as a layer each, as Megatron-LM can, or not."""
    return [each for each in _powers(shape.layers) if any((shape.layers + tables) % each == 0 for tables in (0, 1, 2))]


def _contexts(shape: Shape) -> list[int]:
    """Return how many devices may share a sequence: not below the tokens that each of them needs."""
    least = settings("memory.toml", "fit")["context_each"]
    return [each for each in _powers(max(1, shape.context / least)) if shape.context % each == 0]


def _experts(shape: Shape) -> list[int]:
    return [each for each in _powers(shape.experts) if shape.experts % each == 0]


def _virtual(asked: Asked) -> list[int]:
    """Return stages of a device: 1 but in an interleaved schedule."""
    if asked.virtual is not None:
        return [asked.virtual]
    return {None: [1, 2, 4], "interleaved": [2, 4]}.get(asked.schedule, [1])


def _micro_batches(where: Site) -> list[int]:
    """Return sequences at once; where no step can be forecast, nothing says what more than one is good for."""
    return _powers(settings("memory.toml", "fit")["largest_micro_batch"]) if where.running is not None else [1]


def _unlimited(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit:
    """Return the layout as asked for, where no memory is known to hold it against: on all devices there are, or on one."""
    start = asked.start
    split = start.tensor * start.pipeline * start.context_parallel
    least = max(1, start.expert // (start.tensor * start.context_parallel))
    layout = start._replace(data=least if where.counted is None else where.counted // split)
    return as_given(shape, layout, memory(shape, scheme, layout), None)


def _on_fewest(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return the placement of each stage on the fewest devices, each once, the fewest first."""
    found = [_fewest_of(shape, scheme, asked, where, zero) for zero in ((0, 1, 2, 3) if asked.zero is None else (asked.zero,))]
    slow = [1 / fit.speed.tokens_per_second.expected if fit.speed else 0.0 for fit in found]
    places = order([not fit.fits for fit in found], [float(fit.layout.devices) for fit in found], slow)
    seen: dict[Layout, Fit] = {}
    for fit in (found[place] for place in places):
        bare = fit.layout._replace(zero=0) if fit.layout.replicas == 1 else fit.layout  # sharding over one device is none
        seen.setdefault(bare, fit)
    return tuple(seen.values())


def fewest(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit | None:
    """Return the placement on the fewest devices of any stage; None where none fits."""
    first = _on_fewest(shape, scheme, asked, where)[0]
    return first if first.fits else None


def _fewest_of(shape: Shape, scheme: Scheme, asked: Asked, where: Site, zero: int) -> Fit:
    """Return the placement of one stage: the fewest devices, then the least split; where none surely fits, the least memory."""
    assert where.capacity is not None  # of devices whose memory is known
    found: list[Fit] = []
    for layout in _splits(shape, asked._replace(zero=zero)):
        there = fewest_devices(shape, scheme, layout, where.capacity) or layout
        there = there._replace(micro_batches=_steps(there, where))
        taken = memory(shape, scheme, there)
        found.append(as_given(shape, there, taken, where.capacity, speed_of(shape, there, where.running)))
    good = [fit for fit in found if fit.fits]
    if good:
        return min(good, key=lambda fit: (fit.layout.devices, fit.layout.tensor * fit.layout.pipeline))
    return min(found, key=lambda fit: rounded(fit.memory.total))


def _steps(layout: Layout, where: Site) -> int:
    """Return the micro-batches of a step."""
    return max(1, round((where.sequences or 0.0) / (layout.data * layout.micro_batch)))


def _splits(shape: Shape, asked: Asked) -> Iterator[Layout]:
    """Yield layouts that suit the shape, on one data-parallel device or as few as the experts take."""
    for pipeline in _pipelines(shape) if asked.pipeline is None else [asked.pipeline]:
        if asked.start.virtual > 1 and (pipeline == 1 or shape.layers % (pipeline * asked.start.virtual)):
            continue
        for tensor in _tensors(shape) if asked.tensor is None else [asked.tensor]:
            for expert in _experts(shape) if asked.expert is None else [asked.expert]:
                start = asked.start._replace(tensor=tensor, pipeline=pipeline, expert=expert)
                yield start._replace(data=max(1, expert // (tensor * start.context_parallel)))
