"""A table as it comes: a header, and rows of cells that can be gone through again."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from planner.fitting.tables.faults import Faults
from planner.notes import Note

Cells = Iterator[tuple[int, Sequence[object]]]


class RawTable(NamedTuple):
    """A table whose cells are not read yet."""

    name: str  # of the file, for messages
    header: list[str]
    rows: Callable[[Faults], Cells]  # numbered, from the first one on each time; a row that is broken goes to the faults
    sha256: str = ""  # of the bytes, where there are any
    separator: str = ""  # between cells of a text; empty where cells come as values
    notes: tuple[Note, ...] = ()  # what became of it before


def is_frame(source: object) -> bool:
    """Tell whether something is a data frame of any library: columns by name, each a series that gives a list."""
    if isinstance(source, type):
        return False
    named = hasattr(type(source), "columns") or "columns" in getattr(source, "__dict__", ())  # asked of a query it would warn
    return named and hasattr(source, "__getitem__") and not isinstance(source, Mapping)


def is_source(source: object) -> bool:
    """Tell whether something can be read as a table: a path, an open file, a data frame, a mapping, mappings a row."""
    return isinstance(source, (str, os.PathLike, Mapping)) or is_frame(source) or hasattr(source, "read") or is_rows(source)


def is_rows(source: object) -> bool:
    """Tell whether something is a list of mappings, a run each."""
    return isinstance(source, (list, tuple)) and bool(source) and all(isinstance(row, Mapping) for row in source)


def are_sources(source: object) -> bool:
    """Tell whether something is a table, or a list of them."""
    return is_source(source) or (isinstance(source, (list, tuple)) and bool(source) and all(map(is_source, source)))
