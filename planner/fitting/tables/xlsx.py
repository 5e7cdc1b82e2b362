"""One sheet of an .xlsx workbook as lines of tab-separated text, so that it is read and complained about as a CSV file is."""

import io
import zipfile
from collections.abc import Callable, Collection, Iterator
from typing import Any

from planner.errors import OptionError, PlannerError, RunsFileError
from planner.quantities import shown

_LARGEST = 256 * 1024 * 1024
"""Bytes that a workbook may unpack to: reading them takes a minute or two, as measured in ``benchmarks/large_tables.py``."""

_LARGEST_PART = 16 * 1024 * 1024
"""Bytes that a part beside the sheets may unpack to: all texts of a workbook are read before its first cell."""

_DEEPEST, _WIDEST = 50, 1000  # rows and columns in which a header is looked for
_LONGEST = 2_000_000  # rows of a sheet, blank ones too

USUAL = "Runs"
"""The sheet that is read where none is named and there are several."""

Wanted = Callable[[list[str]], Collection[int]]
"""Given the cells of a header: the places of those that are needed."""


def sheet_lines(content: bytes, sheet: str | None, name: str, wanted: Wanted) -> list[str]:
    """Return the columns that are ``wanted`` of a sheet, row by row as it stands: values, formulas by what they last gave.

    Where no sheet is named it is the only one, or the one called Runs.

    Raises
    ------
    RunsFileError
        Not a workbook, too large, or no such sheet.
    OptionError
        openpyxl is missing.
    """
    try:
        import openpyxl
    except ImportError:
        raise OptionError('a workbook needs openpyxl to be read: pip install "compute-budget-planner[xlsx]"') from None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_size(archive, name)

        def page(data_only: bool) -> Any:
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=data_only)
            return _page(book, sheet, name)

        return _lines(page, name, wanted)
    except (RunsFileError, OptionError):
        raise
    except Exception as error:  # a broken file breaks its reader in many ways, here or only when its rows are read
        raise RunsFileError(f"{name}: is no workbook that can be read ({type(error).__name__}); save the sheet as CSV") from None


def _check_size(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a workbook that unpacks to more than can be read in a sensible time."""
    parts = archive.infolist()
    if sum(each.file_size for each in parts) > _LARGEST:
        raise RunsFileError(f"{name}: unpacks to more than {_LARGEST >> 20} MiB; save the sheet as CSV")
    beside = [each for each in parts if "worksheets/" not in each.filename and each.filename.endswith((".xml", ".rels"))]
    if any(each.file_size > _LARGEST_PART for each in beside):
        raise RunsFileError(f"{name}: holds more than {_LARGEST_PART >> 20} MiB of texts or styles; save the sheet as CSV")


def _page(book: Any, sheet: str | None, name: str) -> Any:
    """Return the sheet that is meant."""
    names = book.sheetnames
    if sheet is None:
        sheet = names[0] if len(names) == 1 else USUAL
    if sheet not in names:
        known = ", ".join(map(shown, names[:12]))
        raise RunsFileError(f"{name}: has no sheet {shown(sheet)}; it has {known}: --sheet")
    found = book[sheet]
    if not hasattr(found, "iter_rows"):
        raise RunsFileError(f"{name}: {shown(sheet)} is a chart, not a sheet of cells")
    found.reset_dimensions()  # the size that a file claims may be too small, and loses rows, or too large, and never ends
    return found


def _lines(page: Callable[[bool], Any], name: str, wanted: Wanted) -> list[str]:
    values = page(True)
    above, places = _header(values, wanted)
    if not places:
        return []
    lines = [""] * above
    holes = False
    for number, row in enumerate(_cells(values, places, above)):
        if number > _LONGEST:
            raise RunsFileError(f"{name}: has more than {_LONGEST} rows; thin it out first")
        holes = holes or None in row
        lines.append("\t".join(map(_cell, row)) if any(value is not None for value in row) else "")
    if holes:  # nothing in a cell: then only its formula says whether something should be
        _refuse_uncalculated(_cells(values, places, above), _cells(page(False), places, above), above, name)
    return lines


def _header(page: Any, wanted: Wanted) -> tuple[int, list[int]]:
    """Return how many rows stand above the header and which of its columns are needed; none where the sheet is empty.

    The header is the first row that has the columns; titles may stand above it. Where none has them, the first row that is not
    empty is what is complained about.
    """
    first: PlannerError | None = None
    for above, row in enumerate(page.iter_rows(values_only=True, max_row=_DEEPEST, max_col=_WIDEST)):
        last = max((place for place, value in enumerate(row) if value is not None), default=None)
        if last is None:
            continue
        try:
            return above, sorted(wanted(["" if value is None else " ".join(str(value).split()) for value in row[: last + 1]]))
        except PlannerError as error:
            first = first or error
    if first:
        raise first
    return 0, []


def _cells(page: Any, places: list[int], above: int) -> Iterator[list[Any]]:
    """Give the cells in those columns, from the header on."""
    for row in page.iter_rows(values_only=True, min_row=above + 1, max_col=places[-1] + 1):
        yield [row[place] for place in places]


def _refuse_uncalculated(values: Iterator[list[Any]], written: Iterator[list[Any]], above: int, name: str) -> None:
    for number, (row, formulas) in enumerate(zip(values, written, strict=True), above + 1):
        for value, formula in zip(row, formulas, strict=True):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                text = f"{name}:{number}: holds a formula that was never calculated"
                raise RunsFileError(f"{text}; open and save it in a spreadsheet program")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = repr(value) if isinstance(value, float) else " ".join(str(value).split())
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if '"' in text else text
