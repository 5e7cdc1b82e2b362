"""A table as it comes, whatever it is written in: a header, and rows of cells that can be gone through again."""

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from planner._util.files import read_bytes
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.csv_cells import delimiter, rows
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.xlsx import Wanted, sheet_lines
from planner.quantities import shown, shown_path

LARGEST_FILE = 256 * 1024 * 1024

Cells = Iterator[tuple[int, Sequence[object]]]
Lines = Callable[[], Iterator[str]]
"""Gives the lines of a file from its first one on, each time it is called: a long one is never held as lines."""


class RawTable(NamedTuple):
    """A table whose cells are not read yet.

    Attributes
    ----------
    name : str
        Of the file, for messages.
    header : list of str
    rows : (faults) -> iterator of (row number, cells)
        From the first one on, each time it is called; a row that is broken goes to the faults.
    sha256 : str
        Of the bytes; empty where there are none.
    separator : str
        Between cells of a text; empty where cells come as values.
    """

    name: str
    header: list[str]
    rows: Callable[[Faults], Cells]
    sha256: str = ""
    separator: str = ""


def is_frame(source: object) -> bool:
    """Tell whether something is a data frame of any library: columns by name, each a series that gives a list."""
    return hasattr(source, "columns") and hasattr(source, "__getitem__") and not isinstance(source, Mapping)


def is_source(source: object) -> bool:
    """Tell whether something can be read as a table: a path, a file that is open, a data frame."""
    return isinstance(source, (str, os.PathLike)) or is_frame(source) or hasattr(source, "read")


def are_sources(source: object) -> bool:
    """Tell whether something is a table, or a list of them."""
    return is_source(source) or (isinstance(source, (list, tuple)) and bool(source) and all(map(is_source, source)))


def read_raw(source: Any, sheet: str | None, wanted: Wanted) -> RawTable:
    """Read a file of any kind, an open binary one, or a data frame.

    Parameters
    ----------
    source : path, binary file, or data frame of pandas, polars or their like
    sheet : str or None
        Of a workbook.
    wanted : callable
        Picks the needed columns of a workbook by their header.

    Raises
    ------
    RunsFileError
        It cannot be read.
    OptionError
        A library that it takes is not installed.
    """
    if is_frame(source):
        return _of_frame(source, "the data frame", sheet)
    name, content = _content(source)
    digest = hashlib.sha256(content).hexdigest()
    if content[:4] == b"PAR1":
        return _of_frame(_parquet(content, name), name, sheet)._replace(sha256=digest)
    suffix = "" if hasattr(source, "read") else Path(source).suffix.lower()
    if content[:2] == b"PK" and suffix in {".xlsx", ".xlsm", ""}:
        cells = sheet_lines(content, sheet, name, wanted)
        return _of_text(lambda: iter(cells), name, digest)
    if content[:2] in {b"PK", b"\xd0\xcf"}:
        raise RunsFileError(f"{name}: is a workbook or an archive, not CSV; save it as .xlsx or the sheet as CSV first")
    if sheet is not None:
        raise RunsFileError(f"{name}: is no .xlsx workbook, so it has no sheet {shown(sheet)}")
    encoding = _encoding(content, name)
    start = content[:4096].decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    if start[:1] in {"{", "["}:
        return _of_json(content.decode(encoding), name, digest)
    return _of_text(
        lambda: (line.rstrip("\n") for line in io.TextIOWrapper(io.BytesIO(content), encoding=encoding)), name, digest
    )


def _content(source: Any) -> tuple[str, bytes]:
    """Return the name and the bytes of a file that is open, or at a path."""
    large = (
        f"is larger than {LARGEST_FILE >> 20} MiB, up to which tables of runs are read. Keep params, tokens, loss and the final "
        "checkpoints, or one row in ten"
    )
    if hasattr(source, "read"):
        named = getattr(source, "name", "")
        name = "standard input" if named == "<stdin>" else shown_path(named) if isinstance(named, str) and named else "the file"
        content = source.read(LARGEST_FILE + 1)
        if not isinstance(content, bytes):
            raise RunsFileError(f"{name}: expected a file opened for bytes: open(..., 'rb')")
        if len(content) > LARGEST_FILE:
            raise RunsFileError(f"{name}: {large}")
        return name, content
    return shown_path(source), read_bytes(Path(os.fspath(source)), LARGEST_FILE, large, RunsFileError)


def _encoding(content: bytes, name: str) -> str:
    """Return what a text is encoded in: UTF-8, UTF-16 with its mark, or what Windows writes in Western Europe."""
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in content:
            raise RunsFileError(f"{name}: is no text ({error.reason} at byte {error.start}); save it as CSV UTF-8") from None
        return "cp1252" if _decodes(content, "cp1252") else "latin-1"
    if b"\0" in content[:4096]:
        raise RunsFileError(f"{name}: is no text (a zero byte among the first); save it as CSV UTF-8")
    return "utf-8-sig"


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _of_text(lines: Lines, name: str, digest: str) -> RawTable:
    """Return the table of a text with a header line and a separator between cells."""
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
    above = header_at
    return RawTable(name, header, lambda faults: rows(lines(), above, separator, len(header), name, faults), digest, separator)


def _line(lines: Lines, number: int) -> str:
    return next(islice(lines(), number, None), "")


def _of_frame(frame: Any, name: str, sheet: str | None) -> RawTable:
    """Return the table of a data frame, its rows counted from 1."""
    if sheet is not None:
        raise OptionError(f"sheet {shown(sheet)}: names a sheet of an .xlsx file, such as Runs")
    header = [str(column) for column in frame.columns]
    try:
        columns = [_listed(frame[column]) for column in frame.columns]
    except (AttributeError, TypeError, ValueError, KeyError):
        raise RunsFileError(f"{name}: expected columns by name, as of a data frame of pandas or polars") from None
    return RawTable(name, header, lambda faults: enumerate(zip(*columns, strict=True), 1))


def _listed(series: Any) -> list[object]:
    missing = getattr(series, "isna", None)  # of pandas, whose missing numbers and texts are several things
    values = list(series.to_list())
    return [None if gone else value for value, gone in zip(values, missing(), strict=True)] if missing else values


def _parquet(content: bytes, name: str) -> Any:
    try:
        import pandas as pd
        import pyarrow  # noqa: F401  # which pandas reads it with
    except ImportError:
        raise OptionError('a Parquet file needs pandas and pyarrow: pip install "compute-budget-planner[pandas]"') from None
    try:
        return pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # a broken file breaks its reader in many ways
        raise RunsFileError(f"{name}: is no Parquet file that can be read ({type(error).__name__})") from None


def _of_json(text: str, name: str, digest: str) -> RawTable:
    """Return the table of a JSON document, or of lines of JSON: a mapping a run, or a list a column."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise RunsFileError(f"{name}: is nested too deeply for a table of runs") from None
    except ValueError:
        return _of_mappings(_json_lines(text, name), name, digest)
    if isinstance(content, dict):
        columns = {key: list(value.values()) if isinstance(value, dict) else value for key, value in content.items()}
        if columns and all(isinstance(value, list) for value in columns.values()):
            if len({len(value) for value in columns.values()}) > 1:
                raise RunsFileError(f"{name}: its columns are of different lengths")
            header, cells = list(columns), list(zip(*columns.values(), strict=True))
            return RawTable(name, header, lambda faults: enumerate(cells, 1), digest)
        content = [content]
    if isinstance(content, list) and content and all(isinstance(each, list) and len(each) == _SCALAR for each in content):
        return RawTable(name, ["wall time", "step", "value"], lambda faults: iter(()), digest)
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise RunsFileError(f"{name}: expected a JSON list with a mapping a run, such as [{{'params': 5e7, ...}}, ...]")
    return _of_mappings(list(enumerate(content, 1)), name, digest)


_SCALAR = 3
"""Wall time, step and value: a scalar as TensorBoard exports it in JSON."""


def _json_lines(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.lstrip("\ufeff"))
        except (ValueError, RecursionError) as error:
            why = getattr(error, "msg", "nested too deeply")
            raise RunsFileError(f"{name}:{number}: is no JSON ({why}); expected a mapping a line, or one JSON list") from None
        if not isinstance(row, dict):
            raise RunsFileError(f"{name}:{number}: expected a mapping such as {{'params': 5e7, 'tokens': 1e9, 'loss': 3.1}}")
        found.append((number, row))
    return found


def _of_mappings(found: Sequence[tuple[int, Mapping[str, Any]]], name: str, digest: str) -> RawTable:
    flat = [(number, dict(_flat(row))) for number, row in found]
    header = list(dict.fromkeys(key for _, row in flat for key in row))
    if not header:
        raise RunsFileError(f"{name}: is empty; expected a mapping a run with params, tokens and loss")
    return RawTable(name, header, lambda faults: ((number, [row.get(key) for key in header]) for number, row in flat), digest)


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Give the parts of nested mappings, such as config and summary of a run, by their names joined with a slash."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
