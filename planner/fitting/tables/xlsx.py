"""One sheet of an .xlsx workbook as lines of tab-separated text, so that it is read and complained about as a CSV file is."""

import io
import zipfile
from typing import Any

from planner.errors import OptionError, RunsFileError
from planner.quantities import shown

_LARGEST = 400 * 1024 * 1024
"""Bytes that a workbook may unpack to."""

USUAL = "Runs"
"""The sheet that is read where none is named and there are several."""


def sheet_text(content: bytes, sheet: str | None, name: str) -> str:
    """Return the text of a sheet, row by row as it stands: values only, formulas by what they last gave.

    Parameters
    ----------
    content : bytes
        Of the workbook.
    sheet : str or None
        Its name; None for the only one, or the one called Runs.
    name : str
        Of the file, for complaints.

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
            if sum(each.file_size for each in archive.infolist()) > _LARGEST:
                raise RunsFileError(f"{name}: unpacks to more than {_LARGEST >> 20} MiB; save the sheet as CSV")
        book, formulas = (openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=only) for only in (True, False))
        return _text(book, formulas, sheet, name)
    except RunsFileError:
        raise
    except Exception as error:  # a broken file breaks its reader in many ways, here or only when its rows are read
        raise RunsFileError(f"{name}: is no workbook that can be read ({type(error).__name__}); save the sheet as CSV") from None


def _text(book: Any, formulas: Any, sheet: str | None, name: str) -> str:
    names = book.sheetnames
    if sheet is None:
        sheet = names[0] if len(names) == 1 else USUAL
    if sheet not in names:
        raise RunsFileError(
            f"{name}: has no sheet {shown(sheet)}; it has {', '.join(shown(each) for each in names[:12])}: --sheet"
        )
    pages = [each[sheet] for each in (book, formulas)]
    if not all(hasattr(page, "iter_rows") for page in pages):
        raise RunsFileError(f"{name}: {shown(sheet)} is a chart, not a sheet of cells")
    for page in pages:
        page.reset_dimensions()  # the size that a file claims may be too small, and loses rows, or too large, and never ends
    lines = []
    both = zip(*(page.iter_rows(values_only=True) for page in pages), strict=True)
    for row, (values, written) in enumerate(both, 1):
        for value, formula in zip(values, written, strict=True):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                raise RunsFileError(
                    f"{name}:{row}: holds a formula that was never calculated; open and save it in a spreadsheet program"
                )
        lines.append("\t".join(_cell(value) for value in values).rstrip("\t"))
    width = next((line.count("\t") for line in lines if line), 0)  # of the header; empty cells at the end of a row are cells
    return "\n".join(line + "\t" * (width - line.count("\t")) if line else "" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = repr(value) if isinstance(value, float) else " ".join(str(value).split())
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if '"' in text else text
