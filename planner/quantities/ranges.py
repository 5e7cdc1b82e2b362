"""Ranges of a quantity, ``1e18..1e26`` or a pair, and the values in them."""

from collections.abc import Callable

from planner._util.showing import Raw, shown
from planner.errors import QuantityError

_SIGN = ".."


def is_range(value: Raw) -> bool:
    """Tell whether a value is a range: a text with two dots in it, or a pair."""
    return _SIGN in value if isinstance(value, str) else isinstance(value, (list, tuple)) and len(value) == 2


def parse_range(value: Raw, name: str, parse: Callable[[object, str], float], example: str) -> tuple[float, float]:
    """Read a range whose ends ``parse`` reads.

    Raises
    ------
    QuantityError
        No range, an end that cannot be read, or a range that ends where it begins or before.
    """
    ends = value
    if isinstance(value, str):
        ends = [end.strip() for end in value.split(_SIGN)] if "..." not in value else None
    if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(end != "" for end in ends):
        raise QuantityError(f"{name} {shown(value)}: expected a range such as {example}")
    low, high = (parse(end, name) for end in ends)
    if not low < high:
        raise QuantityError(f"{name} {shown(value)}: the range ends where it begins or before; smaller first, such as {example}")
    return low, high
