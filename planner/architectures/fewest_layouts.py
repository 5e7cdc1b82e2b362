"""The fewest devices that surely hold a shape, and by which layout."""

from typing import Any

import numpy as np

from planner._util.stable_choice import order, rounded
from planner.architectures.layout import Layout
from planner.architectures.layout_grid import INTERLEAVED, Site, combinations, nothing_left, recomputations, staged
from planner.architectures.memory import Scheme, memory
from planner.architectures.parallelism import VERDICTS, Asked, Fit, speed_of
from planner.architectures.transformer import Shape
from planner.errors import OptionError


def on_fewest(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> tuple[Fit, ...]:
    """Return the placement of each stage on the fewest devices, each once, the fewest first.

    Raises
    ------
    OptionError
        What was asked for leaves no layout, whatever the number of devices.
    """
    stages = (0, 1, 2, 3) if asked.zero is None else (asked.zero,)
    found = [fit for zero in stages if (fit := _fewest_of(shape, scheme, asked._replace(zero=zero), where))]
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


def _fewest_of(shape: Shape, scheme: Scheme, asked: Asked, where: Site) -> Fit | None:
    """Return the placement of one stage: on the fewest devices, then the least split; where none surely fits, by least memory."""
    assert where.capacity is not None  # of devices whose memory is known
    every = combinations(shape, asked, virtual=INTERLEAVED if asked.schedule == "interleaved" else [1])
    every = every.rows(staged(shape, asked, every))
    every = every._replace(data=every.least_data)
    best: tuple[tuple[float, ...], Layout] | None = None
    for place, recompute in enumerate(recomputations(asked) if every.least_data.size else ()):
        many = every._replace(recompute=recompute)
        data = _least_data(shape, scheme, many, where.capacity)
        fits = data > 0
        placed = many._replace(data=np.where(fits, data, many.data))  # type: ignore[arg-type]  # columns
        total = rounded(memory(shape, scheme, placed).total)
        keys: list[Any] = [
            ~fits,
            np.where(fits, placed.devices, total),
            np.full_like(fits, place, int),
            placed.split,
            placed.expert,
            placed.virtual,
        ]
        first = int(np.lexsort(keys[::-1])[0])
        key = tuple(float(column[first]) for column in keys)
        if best is None or key < best[0]:
            best = key, placed.row(first)
    if best is None:
        return None
    return placement(shape, scheme, best[1]._replace(micro_batches=accumulated(best[1], where)), where)


def _least_data(shape: Shape, scheme: Scheme, many: Layout, capacity: float, most: int = 1_000_000) -> Any:
    """Return the fewest data-parallel devices with which each layout surely fits, in multiples of its own; 0 where none does."""
    least: Any = many.data

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


def placement(shape: Shape, scheme: Scheme, layout: Layout, where: Site) -> Fit:
    """Return the placement by a layout, on devices whose memory is known; several stages of a device are interleaved."""
    assert where.capacity is not None
    layout = layout._replace(schedule="interleaved") if layout.virtual > 1 else layout
    taken = memory(shape, scheme, layout)
    fits = taken.fits(where.capacity)
    return Fit(layout, taken, fits, VERDICTS[fits], speed_of(shape, layout, where.running))
