"""How numbers stand along a scale, drawn or in a terminal."""

from collections.abc import Callable
from math import ceil, floor, log10

from planner.output.charts._base import Unit, thinned
from planner.quantities import format_count, format_dollars, format_percent, significant

_MOST_TICKS = 8
_FEWEST_TICKS = 3


def writer(unit: Unit, ends: tuple[float, float] | None = None) -> Callable[[float], str]:
    """Return what writes the numbers of a scale; between ``ends`` that are near to each other with digits enough."""
    if ends is not None and unit in {"plain", "percent"}:
        size, apart = max(map(abs, ends)), abs(ends[1] - ends[0])
        digits = min(3 + max(floor(log10(size / apart)), 0), 12) if apart > 0 and size > 0 else 3
        if digits > 3:
            return lambda value: significant(value, digits) if unit == "plain" else f"{significant(100 * value, digits)} %"
    return {"count": _count, "flops": _power, "percent": format_percent, "plain": _plain, "dollars": format_dollars}[unit]


def ticks(low: float, high: float) -> list[float]:
    """Return round places along a logarithmic scale: whole decades, or 1, 2 and 5 of each where there are few."""
    first, last = floor(log10(low)), ceil(log10(high))
    decades = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
    if len(decades) > _MOST_TICKS:
        step = ceil(len(decades) / _MOST_TICKS)
        return [10.0**power for power in range(first, last + 1) if power % step == 0 and low <= 10.0**power <= high]
    if len(decades) >= 3:
        return decades
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), tuple(1 + step / 10 for step in range(90))):
        found = [
            digit * 10.0**power for power in range(first - 1, last + 1) for digit in digits if low <= digit * 10.0**power <= high
        ]
        if len(found) >= _FEWEST_TICKS:
            break
    return thinned(found, _MOST_TICKS)


def _count(value: float) -> str:
    return format_count(value, 2).replace(".0 ", " ") if 1 <= value < 1e15 else _plain(value)


def _power(value: float) -> str:
    mantissa, _, power = f"{value:.1e}".partition("e")
    shown = mantissa.removesuffix(".0")
    return f"{shown}e{int(power)}"


def _plain(value: float) -> str:
    return "0" if value == 0 else f"{significant(value, 3)}"
