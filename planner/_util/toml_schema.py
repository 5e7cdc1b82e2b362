"""Typed access to a parsed file, with file and key in every complaint."""

from collections.abc import Iterable, Mapping
from typing import Any

from planner._util.showing import bare, finite, shown
from planner.errors import LawFileError

_LONGEST_TEXT = 2000


def only(given: Mapping[str, Any], allowed: Iterable[str], file: str, where: str) -> None:
    """Refuse keys that are not known."""
    unknown = [key for key in given if key not in set(allowed)]
    if unknown:
        raise LawFileError(f"{file}: {where}{bare(unknown[0])} is not a key known here, which are {', '.join(sorted(allowed))}")


def table_of(given: Mapping[str, Any], key: str, file: str, where: str = "") -> Mapping[str, Any]:
    """Return the table under a key."""
    if key not in given:
        raise LawFileError(f"{file}: lacks [{where}{key}]")
    value = given[key]
    if not isinstance(value, dict):
        raise LawFileError(f"{file}: {where}{key}: expected a table, got {type(value).__name__}")
    return value


def tables_of(given: Mapping[str, Any], key: str, file: str) -> list[Mapping[str, Any]]:
    """Return the list of tables under a key, empty where there is none."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise LawFileError(f"{file}: {key}: expected a list of tables, [[{key}]]")
    return value


def texts_of(given: Mapping[str, Any], key: str, file: str, where: str = "") -> list[str]:
    """Return the list of texts under a key, empty where there is none."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LawFileError(f"{file}: {where}{key}: expected a list of texts")
    return [legible(item, f"{file}: {where}{key}") for item in value]


def _given(given: Mapping[str, Any], key: str, file: str, where: str) -> Any:
    if key not in given:
        raise LawFileError(f"{file}: lacks {where}{key}")
    return given[key]


def text_of(given: Mapping[str, Any], key: str, file: str, where: str = "", default: str | None = None) -> str:
    """Return the text under a key, or the default."""
    if key not in given and default is not None:
        return default
    value = _given(given, key, file, where)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise LawFileError(f"{file}: {where}{key}: expected a text, got {shown(value)}")
    return legible(value, f"{file}: {where}{key}")


def legible(text: str, where: str) -> str:
    """Refuse what could steer a terminal or break out of a table cell: control characters, line breaks, reversed text."""
    if not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise LawFileError(f"{where}: must be one line of at most {_LONGEST_TEXT} printable characters, got {shown(text)}")
    return text


def number_of(given: Mapping[str, Any], key: str, file: str, where: str) -> float:
    """Return the finite number under a key."""
    value = _given(given, key, file, where)
    number = finite(value)
    if number is None:
        raise LawFileError(f"{file}: {where}{key}: expected a finite number, got {shown(value)}")
    return number


def range_of(given: Mapping[str, Any], key: str, file: str, where: str) -> tuple[float, float]:
    """Return the [low, high] under a key."""
    value = _given(given, key, file, where)
    if not isinstance(value, list) or len(value) != 2:
        raise LawFileError(f"{file}: {where}{key}: expected [low, high], got {shown(value)}")
    low, high = (number_of({key: item}, key, file, where) for item in value)
    if low > high:
        raise LawFileError(f"{file}: {where}{key}: low end {low:g} is above high end {high:g}")
    return low, high
