"""A file of runs, or the sheet of a workbook -> columns of numbers and texts; every complaint says file, row and column."""

import csv
import hashlib
import io
import math
import os
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import read_bytes
from planner.errors import PlannerError, RunsFileError
from planner.fitting.tables.csv_cells import columns_of, decimal_comma, delimiter, rows
from planner.fitting.tables.xlsx import Wanted, sheet_lines
from planner.notes import Note
from planner.quantities import LARGEST, finite, parse_count, parse_error, parse_flops, parse_number, plain, shown, shown_path

Array = NDArray[Any]

NUMBERS = ("params", "tokens", "flops", "loss", "weight", "unique_tokens")
TEXTS = ("group", "run", "purpose")
LARGEST_FILE = 256 * 1024 * 1024


class Columns(NamedTuple):
    """The columns of a file that are known, and where they come from.

    Attributes
    ----------
    numbers : dict of str to array
    texts : dict of str to tuple of str
    rows : array of int
        Row number of each line, the header being row 1.
    name, sha256 : str
        Of the file.
    notes : tuple of Note
    """

    numbers: dict[str, Array]
    texts: dict[str, tuple[str, ...]]
    rows: NDArray[np.int64]
    name: str
    sha256: str
    notes: tuple[Note, ...]


def read_columns(
    path: "str | os.PathLike[str]",
    columns: Mapping[str, str] | None,
    sheet: str | None,
    required: Sequence[str],
    sparse: Sequence[str] = (),
    known: Sequence[str] = (*NUMBERS, *TEXTS),
) -> Columns:
    """Read a file of runs: CSV with comma, semicolon, tab or bar between cells, or a sheet of an .xlsx workbook; a header on top.

    Parameters
    ----------
    path : str or Path
    columns : mapping or None
        What the file calls its columns, such as ``{"params": "n_params"}``.
    sheet : str or None
        Of a workbook: the only one, or the one called Runs, unless named.
    required : sequence of str
        Columns that must be there.
    sparse : sequence of str
        Columns whose cells may be empty: not a number there.
    known : sequence of str
        Columns that are read where they are there; texts by the names in ``TEXTS``, all others as numbers.

    Raises
    ------
    RunsFileError
        The file cannot be read, lacks a column, or a cell is not a positive number; the message says row and column.
    """
    name = shown_path(path)
    lines, digest = _read(path, name, sheet, lambda header: columns_of(header, columns, known, required, name).values())
    header_at = next((i for i, line in enumerate(lines()) if line.strip()), None)
    top = "" if header_at is None else _line(lines, header_at)
    named = re.fullmatch(r"sep=(.)", top.strip(), re.IGNORECASE)  # as spreadsheets may write it
    if named and header_at is not None:
        header_at += 1
        top = _line(lines, header_at)
    if header_at is None or not top.strip():
        raise RunsFileError(f"{name}: is empty; expected a header line such as params,tokens,loss")
    separator = named[1] if named else delimiter(top, name)
    try:
        header = [cell.strip() for cell in next(csv.reader([top], delimiter=separator, skipinitialspace=True))]
    except csv.Error as error:
        raise RunsFileError(f"{name}:{header_at + 1}: the header is not CSV ({error})") from None
    where = columns_of(header, columns, known, required, name)

    def table() -> Iterator[tuple[int, list[str]]]:
        return rows(lines(), header_at, separator, len(header), name)

    numeric = [column for column in known if column in where and column not in TEXTS]
    with_commas = separator != "," and any("," in line for line in lines())
    with_commas = with_commas and decimal_comma(table, [where[c] for c in numeric], name)
    at, numbers = array("q"), {column: array("d") for column in numeric}
    texts: dict[str, list[str]] = {column: [] for column in TEXTS if column in where}
    same: dict[str, str] = {}  # a text that comes again is kept once
    for row, cells in table():
        at.append(row)
        for column, values in numbers.items():
            values.append(_number(cells[where[column]], row, column, name, with_commas, column in sparse))
        for column, found in texts.items():
            text = cells[where[column]].strip()
            found.append(same.setdefault(text, text))
    if not at:
        raise RunsFileError(f"{name}: has a header but no runs")
    notes = (Note("decimal-commas", "info", f"{name}: numbers were read with decimal commas"),) if with_commas else ()
    return Columns(
        {column: np.array(values) for column, values in numbers.items()},
        {column: tuple(found) for column, found in texts.items()},
        np.array(at),
        name,
        digest,
        notes,
    )


Lines = Callable[[], Iterator[str]]
"""Gives the lines of a file from its first one on, each time it is called: a long one is never held as lines."""


def _line(lines: Lines, number: int) -> str:
    return next(islice(lines(), number, None), "")


def _read(path: "str | os.PathLike[str]", name: str, sheet: str | None, wanted: Wanted) -> tuple[Lines, str]:
    """Return the lines of a file and the hash of its bytes."""
    large = (
        f"is larger than {LARGEST_FILE >> 20} MiB, up to which tables of runs are read. Keep params, tokens, loss and the final "
        "checkpoints, or one row in ten"
    )
    content = read_bytes(Path(path), LARGEST_FILE, large, RunsFileError)
    digest = hashlib.sha256(content).hexdigest()
    if content[:2] == b"PK" and Path(path).suffix.lower() in {".xlsx", ".xlsm"}:
        cells = sheet_lines(content, sheet, name, wanted)
        return lambda: iter(cells), digest
    if content[:2] in {b"PK", b"\xd0\xcf"}:
        raise RunsFileError(f"{name}: is a workbook or an archive, not CSV; save it as .xlsx or the sheet as CSV first")
    if sheet is not None:
        raise RunsFileError(f"{name}: is no .xlsx workbook, so it has no sheet {shown(sheet)}")
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunsFileError(f"{name}: not UTF-8 text ({error.reason} at byte {error.start}); save it as CSV UTF-8") from None
    return lambda: (line.rstrip("\n") for line in io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig")), digest


_READERS: Mapping[str, Callable[[Any, str], float]] = {
    "params": lambda value, name: parse_count(value, name, "parameters"),
    "tokens": lambda value, name: parse_count(value, name, "tokens"),
    "unique_tokens": lambda value, name: parse_count(value, name, "tokens"),
    "flops": parse_flops,
    "loss": parse_number,
    "weight": parse_number,
    "size": lambda value, name: parse_count(value, name, "tokens"),
    "error": parse_error,
}


def read_numbers(cells: Iterable[tuple[int, object]], column: str, name: str) -> Array:
    """Read (row, cell) pairs of a column as numbers above 0."""
    return np.array([_number(cell, row, column, name, False, False) for row, cell in cells])


def _number(cell: object, row: int, column: str, name: str, decimal_comma: bool, sparse: bool) -> float:
    """Read a cell as a number above 0; an empty cell is not a number where ``sparse``, else refused."""
    if isinstance(cell, str):
        text = cell.strip()
        if sparse and (not text or text.startswith("#")):  # nothing, or a spreadsheet's error such as #N/A
            return math.nan
        if not text:
            raise RunsFileError(f"{name}:{row}:{column}: is empty; every run needs one")
        if decimal_comma:
            text = text.replace(".", "").replace(",", ".")
        try:
            number = float(text) if text.isascii() and text[-1].isdigit() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if math.isnan(number):
            number = _human(text, column, f"{name}:{row}:{column}", cell)
    else:
        cell = cell.item() if isinstance(cell, np.generic) else cell
        plainly = finite(cell)
        if plainly is None:
            raise RunsFileError(f"{name}:{row}:{column}: {shown(cell)}: expected a finite number above 0")
        number = plainly
    low, high = (1e-12, 1e12) if column in {"loss", "weight", "error"} else (1.0, LARGEST)
    if not low <= number <= high:
        wrong = "above 0" if number <= 0 else f"from {plain(low)} to {plain(high)}"
        raise RunsFileError(f"{name}:{row}:{column}: {shown(cell)}: must be {wrong}")
    return number


def _human(text: str, column: str, where: str, cell: str) -> float:
    """Read a number as people write it."""
    if text.lower().lstrip("+-") in {"nan", "na", "n/a", "null", "none", "inf", "infinity"}:
        raise RunsFileError(f"{where}: {shown(cell)}: must be a number; a run that diverged or failed? delete its row")
    try:
        return float(_READERS[column](text, where))
    except PlannerError as error:
        raise RunsFileError(str(error).replace(f"{where} ", f"{where}: ", 1)) from None
