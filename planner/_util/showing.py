"""How an error message shows a value that it was given: printable, on one line and short."""

import math
from collections.abc import Sequence
from operator import index

Raw = object
"""What a user gave, of any type at all: a reader says what it must be."""


def finite(value: Raw) -> float | None:
    """Return a plain int or float as a finite float, or None for anything else (texts, bools, nan, integers beyond a double)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: Raw) -> int | None:
    """Return a whole number of any library as an int, or None for anything else, truth values included."""
    if type(value).__name__ in {"bool", "bool_"}:  # Python's, and NumPy's, which is no subclass and still has an index
        return None
    try:
        return index(value)  # type: ignore[arg-type]  # what is none is refused
    except TypeError:
        return None


def shown(value: Raw) -> str:
    """Return a value as an error message shows it: quoted, printable, on one line and short."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:
        return "an integer of thousands of digits"
    except Exception:  # somebody's type that cannot say what it is
        return f"an object of type {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:56] + "...'"


def printable(text: str, kept: str = "") -> str:
    """Return a text with a question mark for each sign that is not printable, but for those ``kept``.

    A text of somebody's file must not steer the reader's terminal.
    """
    return "".join(c if c.isprintable() or c in kept else "?" for c in text)


def bare(name: str) -> str:
    """Return a name of somebody's table as :func:`shown` has it, without its quotation marks."""
    return shown(name)[1:-1]


def listed(parts: Sequence[object], most: int) -> str:
    """List the first parts, with dots where there are more."""
    return ", ".join(map(str, parts[:most])) + (", ..." if len(parts) > most else "")


def shown_path(path: Raw) -> str:
    """Return a path as an error message shows it: printable, on one line, and cut only when absurdly long."""
    text = printable(path if isinstance(path, str) else str(path))
    return text if len(text) <= 400 else text[:397] + "..."
