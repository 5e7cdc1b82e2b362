"""How numbers stand along a scale, drawn or in a terminal."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, floor, log10

from planner.output.charts._base import Unit
from planner.quantities import format_count, format_dollars, format_percent, significant

_MOST_TICKS = 8
_FEWEST_TICKS = 3
_NEAR = 1e-9


def writer(unit: Unit, ends: tuple[float, float] | None = None) -> Callable[[float], str]:
    """Return what writes the numbers of a scale; between ``ends`` that are near to each other with digits enough."""
    if ends is not None and unit in {"plain", "percent"}:
        size, apart = max(map(abs, ends)), abs(ends[1] - ends[0])
        digits = min(3 + max(floor(log10(size / apart)), 0), 12) if apart > 0 and size > 0 else 3
        if digits > 3:
            return lambda value: significant(value, digits) if unit == "plain" else f"{significant(100 * value, digits)} %"
    return {"count": _count, "flops": _power, "percent": format_percent, "plain": _plain, "dollars": format_dollars}[unit]


def ticks(low: float, high: float) -> list[float]:
    """Return round places along a logarithmic scale: whole decades, or 1, 2 and 5 of each, or even steps where there are few."""
    first, last = floor(log10(low)), ceil(log10(high))
    decades = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
    if len(decades) > _MOST_TICKS:
        step = ceil(len(decades) / _MOST_TICKS)
        return [10.0**power for power in range(first, last + 1) if power % step == 0 and low <= 10.0**power <= high]
    if len(decades) >= 3:
        return decades
    for digits in ((1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)):
        found = [
            digit * 10.0**power for power in range(first - 1, last + 1) for digit in digits if low <= digit * 10.0**power <= high
        ]
        if len(found) >= _FEWEST_TICKS:
            return found
    least = (high - low) / (_MOST_TICKS - 1)
    size = 10.0 ** floor(log10(least))
    even = next(many * size for many in (1, 2, 5, 10) if many * size >= least)
    return [even * many for many in range(ceil(low / even), floor(high / even) + 1)]


def apart(places: Sequence[float], widths: Sequence[float], decade: float) -> list[float]:
    """Return every place, or every second, third and so on, so that texts of these widths stay apart along a logarithmic scale.

    Widths and the length of a decade have one unit. One, where it is a place, is kept: ratios are read against it.
    """
    for step in range(1, len(places)):
        kept = range(next((i for i, place in enumerate(places) if abs(place - 1) < _NEAR), 0) % step, len(places), step)
        gaps = [decade * log10(places[b] / places[a]) for a, b in pairwise(kept)]
        if all(gap > (widths[a] + widths[b]) / 2 for gap, (a, b) in zip(gaps, pairwise(kept), strict=True)):
            return [places[i] for i in kept]
    return list(places[:1])


def _count(value: float) -> str:
    return format_count(value, 2).replace(".0 ", " ") if 1 <= value < 1e15 else _plain(value)


def _power(value: float) -> str:
    mantissa, _, power = f"{value:.1e}".partition("e")
    shown = mantissa.removesuffix(".0")
    return f"{shown}e{int(power)}"


def _plain(value: float) -> str:
    return "0" if value == 0 else f"{significant(value, 3)}"
