"""A table as it comes, whatever it is written in: a header, and rows of cells that can be gone through again."""

import csv
import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from planner._util.files import read_bytes
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.csv_cells import LARGEST_ROWS, delimiter, rows
from planner.fitting.tables.json_tables import of_json, of_mapping, of_mappings
from planner.fitting.tables.raw_table import RawTable, is_frame
from planner.fitting.tables.xlsx import Wanted, sheet_lines
from planner.quantities import shown, shown_path

LARGEST_FILE = 256 * 1024 * 1024

Lines = Callable[[], Iterator[str]]
"""Gives the lines of a file from its first one on, each time it is called: a long one is never held as lines."""


def read_raw(source: Any, sheet: str | None, wanted: Wanted, number: int = 0) -> RawTable:
    """Read a file of any kind, an open binary one, or a data frame of pandas, polars or their like.

    ``wanted`` picks the needed columns of a workbook by their header; the ``number`` of several tables is for messages about
    those without a name, and 0 for one alone.

    Raises
    ------
    RunsFileError
        It cannot be read.
    OptionError
        A library that it takes is not installed.
    """
    which = f" {number}" if number else ""
    if is_frame(source):
        return _of_frame(source, f"the data frame{which}", sheet)
    if isinstance(source, Mapping):
        return of_mapping(source, f"the table given{which}")
    if isinstance(source, (list, tuple)):
        return of_mappings(list(enumerate(source, 1)), f"the table given{which}", "")
    name, content = _content(source, f"the file{which}")
    digest = hashlib.sha256(content).hexdigest()
    content = _unpacked(content, name)
    if content[:4] == b"PAR1":
        return _of_frame(_parquet(content, name), name, sheet)._replace(sha256=digest)
    suffix = "" if hasattr(source, "read") else Path(os.fspath(source)).suffix.lower()
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
        return of_json(content.decode(encoding), name, digest)
    return _of_text(
        lambda: (line.rstrip("\n") for line in io.TextIOWrapper(io.BytesIO(content), encoding=encoding)), name, digest
    )


def _content(source: Any, unnamed: str) -> tuple[str, bytes]:
    """Return the name and the bytes of a file that is open, or at a path."""
    large = (
        f"is larger than {LARGEST_FILE >> 20} MiB, up to which tables of runs are read. Keep params, tokens, loss and the final "
        "checkpoints, or one row in ten"
    )
    if hasattr(source, "read"):
        named = getattr(source, "name", "")
        name = "standard input" if named == "<stdin>" else shown_path(named) if isinstance(named, str) and named else unnamed
        content = _drained(source, name)
        if len(content) > LARGEST_FILE:
            raise RunsFileError(f"{name}: {large}")
        return name, content
    return shown_path(source), read_bytes(Path(os.fspath(source)), LARGEST_FILE, large, RunsFileError)


def _drained(source: Any, name: str) -> bytes:
    """Return what an open file still holds: a pipe gives it in pieces."""
    found = b""
    while len(found) <= LARGEST_FILE:
        try:
            piece = source.read(LARGEST_FILE + 1 - len(found))
            piece = piece.encode() if isinstance(piece, str) else piece
        except Exception as error:  # whatever the object is
            raise RunsFileError(f"{name}: cannot be read ({type(error).__name__}: {error})") from None
        if not isinstance(piece, bytes):
            raise RunsFileError(f"{name}: gives {type(piece).__name__} when it is read; expected bytes or text")
        if not piece:
            break
        found += piece
    return found


def _unpacked(content: bytes, name: str) -> bytes:
    """Return what a gzip file holds; other content as it is."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RunsFileError(f"{name}: is no gzip file that can be read ({error})") from None
    if len(content) > LARGEST_FILE:
        raise RunsFileError(f"{name}: unpacks to more than {LARGEST_FILE >> 20} MiB")
    return content


def _encoding(content: bytes, name: str) -> str:
    """Return what a text is encoded in: UTF-8, UTF-16 with its mark, or what Windows writes in Western Europe."""
    wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    try:
        content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if wide or b"\0" in content:
            raise RunsFileError(f"{name}: is no text ({error.reason} at byte {error.start}); save it as CSV UTF-8") from None
        with suppress(UnicodeDecodeError):
            content.decode("cp1252")
            return "cp1252"
        return "latin-1"
    if wide:
        return "utf-16"
    if b"\0" in content[:4096]:
        raise RunsFileError(f"{name}: is no text (a zero byte among the first); save it as CSV UTF-8")
    return "utf-8-sig"


def _of_text(lines: Lines, name: str, digest: str) -> RawTable:
    """Return the table of a text with a header line and a separator between cells."""
    header_at = _header_at(lines())
    top = "" if header_at is None else _line(lines, header_at)
    named = re.fullmatch(r"sep=(.)", top.strip(), re.IGNORECASE)  # as spreadsheets may write it
    if named and header_at is not None:
        header_at += 1
        top = _line(lines, header_at)
    if header_at is None or not top.strip():
        raise RunsFileError(f"{name}: is empty; expected a header line such as params,tokens,loss")
    below = next((line for line in islice(lines(), header_at + 1, header_at + 5) if line.strip()), "")
    separator = named[1] if named else delimiter(top, name, below)
    try:
        header = [cell.strip() for cell in next(csv.reader([top], delimiter=separator, skipinitialspace=True))]
    except csv.Error as error:
        raise RunsFileError(f"{name}:{header_at + 1}: the header is not CSV ({error})") from None
    above = header_at
    return RawTable(name, header, lambda faults: rows(lines(), above, separator, len(header), name, faults), digest, separator)


_ABOVE = 20
"""Lines in which a header is looked for below titles and remarks."""


def _header_at(lines: Iterator[str]) -> int | None:
    """Return the first line of several cells that is no remark; the first one that is not blank where there is none.

    A line that has fewer signs between cells than the names below it is a title.
    """
    said = [(at, line) for at, line in enumerate(islice(lines, _ABOVE)) if line.strip() and not line.lstrip().startswith("#")]
    for (number, line), (_, below) in zip_longest(said, said[1:], fillvalue=(0, "")):
        if line.lower().startswith("sep="):
            return number
        signs, names = _signs(line), _signs(below)
        if signs and (signs >= names or any(sign.isdigit() for sign in below)):
            return number
    return said[0][0] if said else None


def _signs(line: str) -> int:
    return sum(line.count(sign) for sign in ",;\t|")


def _line(lines: Lines, number: int) -> str:
    return next(islice(lines(), number, None), "")


def _of_frame(frame: Any, name: str, sheet: str | None) -> RawTable:
    """Return the table of a data frame, its rows counted from 1."""
    if sheet is not None:
        raise OptionError(f"sheet {shown(sheet)}: names a sheet of an .xlsx file, such as Runs")
    if hasattr(frame, "collect"):
        raise RunsFileError(f"{name}: is a query that has not run; collect() it first")
    names = getattr(frame, "column_names", None)  # of pyarrow, whose columns have no names
    index = getattr(frame, "index", None)
    if names is None and any(getattr(index, "names", None) or []):  # of pandas, after groupby
        frame = frame.reset_index()
    held = frame.columns if names is None else names
    keys = list(held) if hasattr(held, "__iter__") else []
    header = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in keys]
    if twice := next((cell for cell in header if header.count(cell) > 1), None):
        raise RunsFileError(f"{name}: column {shown(twice)} comes twice")
    if keys and len(frame[keys[0]]) > LARGEST_ROWS:
        raise RunsFileError(f"{name}: has more than {LARGEST_ROWS} rows; thin it out first")
    try:
        columns = [_listed(frame[key]) for key in keys]
        if len(set(map(len, columns))) > 1:
            raise ValueError
    except (AttributeError, TypeError, ValueError, KeyError):
        raise RunsFileError(f"{name}: expected columns by name, as of a data frame of pandas or polars") from None
    return RawTable(name, header, lambda faults: enumerate(zip(*columns, strict=True), 1))


def _listed(series: Any) -> list[object]:
    missing = getattr(series, "isna", None)  # of pandas, whose missing numbers and texts are several things
    values = list(series.to_pylist() if hasattr(series, "to_pylist") else series.to_list())
    return [None if gone else value for value, gone in zip(values, missing(), strict=True)] if missing else values


def _parquet(content: bytes, name: str) -> Any:
    try:
        import pandas as pd
        import pyarrow.parquet as pq
    except ImportError:
        raise OptionError('a Parquet file needs pandas and pyarrow: pip install "compute-budget-planner[pandas]"') from None
    try:
        if pq.ParquetFile(io.BytesIO(content)).metadata.num_rows > LARGEST_ROWS:
            raise RunsFileError(f"{name}: has more than {LARGEST_ROWS} rows; thin it out first")
        return pd.read_parquet(io.BytesIO(content))
    except RunsFileError:
        raise
    except Exception as error:  # a broken file breaks its reader in many ways
        raise RunsFileError(f"{name}: is no Parquet file that can be read ({type(error).__name__})") from None
