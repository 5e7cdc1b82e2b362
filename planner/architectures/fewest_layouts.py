"""The fewest devices that surely hold a shape, and by which layout."""

from typing import Any

import numpy as np

from planner._util.stable_choice import order, rounded
from planner.architectures.layout import Layout, Recompute
from planner.architectures.layout_grid import (
    Site,
    nothing_left,
    recomputations,
    split_sizes,
    staged,
    virtual_stages,
)
from planner.architectures.memory import Scheme, memory
from planner.architectures.parallelism import Asked, Fit, as_given, speed_of
from planner.architectures.transformer import Shape
from planner.errors import OptionError


def on_fewest(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return the placement of each stage on the fewest devices, each once, the fewest first.

    Raises
    ------
    OptionError
        What was asked for leaves no layout, whatever the number of devices.
    """
    found = [
        fit
        for zero in ((0, 1, 2, 3) if asked.zero is None else (asked.zero,))
        if (fit := _fewest_of(shape, scheme, asked, where, zero))
    ]
    if not found:
        raise OptionError(nothing_left(asked))
    slow = [1 / fit.speed.tokens_per_second.expected if fit.speed else 0.0 for fit in found]
    places = order([not fit.fits for fit in found], [float(fit.layout.devices) for fit in found], slow)
    seen: dict[Layout, Fit] = {}
    for fit in (found[place] for place in places):
        bare = fit.layout._replace(zero=0) if fit.layout.replicas == 1 else fit.layout  # sharding over one device is none
        seen.setdefault(bare, fit)
    return tuple(seen.values())


def fewest(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit | None:
    """Return the placement on the fewest devices of any stage; None where none fits."""
    first = on_fewest(shape, scheme, asked, where)[0]
    return first if first.fits else None


def _fewest_of(shape: Shape, scheme: Scheme, asked: Asked, where: Site, zero: int) -> Fit | None:
    """Return the placement of one stage: the fewest devices, then the least split; where none surely fits, the least memory; None
    where what was fixed leaves none.
    """
    assert where.capacity is not None  # of devices whose memory is known
    best: tuple[tuple[float, ...], Layout] | None = None
    for place, recompute in enumerate(recomputations(asked)):
        many, least = _open_columns(shape, asked._replace(zero=zero), recompute)
        if not least.size:
            continue
        data = _least_data(shape, scheme, many, least, where.capacity)
        placed = many._replace(data=np.where(data > 0, data, least))
        total = rounded(memory(shape, scheme, placed).total)
        devices = np.where(data > 0, placed.devices, 0)
        split = placed.tensor * placed.pipeline * placed.context_parallel
        keys: list[Any] = [
            np.where(data > 0, 0, 1),
            np.where(data > 0, devices, total),
            np.full_like(split, place),
            split,
            placed.expert,
            placed.virtual,
        ]
        first = int(np.lexsort(keys[::-1])[0])
        key = tuple(float(column[first]) for column in keys)
        if best is None or key < best[0]:
            columns = {name: value for name, value in placed._asdict().items() if isinstance(value, np.ndarray)}
            numbers: dict[str, Any] = {name: int(value[first]) for name, value in columns.items()}
            best = key, asked._replace(zero=zero).start._replace(**numbers, recompute=recompute)
    if best is None:
        return None
    layout = best[1]._replace(micro_batches=accumulated(best[1], where))
    layout = layout._replace(schedule="interleaved") if layout.virtual > 1 else layout
    return as_given(shape, layout, memory(shape, scheme, layout), where.capacity, speed_of(shape, layout, where.running))


def _open_columns(shape: Shape, asked: Asked, recompute: Recompute) -> tuple[Layout, Any]:
    """Return every split that the rules allow as columns, and the fewest data-parallel devices that each has experts for."""
    sizes = [
        *split_sizes(shape, asked),
        virtual_stages(asked) if asked.schedule == "interleaved" or asked.virtual else [1],
    ]
    tensor, pipeline, context, expert, virtual = (axis.ravel() for axis in np.meshgrid(*sizes, indexing="ij"))
    good = staged(shape, asked, pipeline, virtual)
    tensor, pipeline, context, expert, virtual = (column[good] for column in (tensor, pipeline, context, expert, virtual))
    sizes_of: dict[str, Any] = {"tensor": tensor, "pipeline": pipeline, "context_parallel": context}
    sizes_of |= {"expert": expert, "virtual": virtual}
    many = asked.start._replace(**sizes_of, recompute=recompute)
    return many._replace(data=many.least_data), many.least_data


def _least_data(shape: Shape, scheme: Scheme, many: Layout, least: Any, capacity: float, most: int = 1_000_000) -> Any:
    """Return the fewest data-parallel devices with which each layout surely fits; 0 where no number does."""

    def fits(times: Any) -> Any:
        return memory(shape, scheme, many._replace(data=least * times)).range[1] <= capacity

    low, high = np.zeros_like(least), np.full_like(least, most)
    possible = fits(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = fits(np.maximum(middle, 1)) & (middle > 0)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(possible, high * least, 0)


def accumulated(layout: Layout, where: Site) -> int:
    """Return the micro-batches of a step."""
    return max(1, round((where.sequences or 0.0) / (layout.data * layout.micro_batch)))
