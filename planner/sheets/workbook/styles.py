"""How the workbook looks, and what its pages share."""

from collections.abc import Mapping, Sequence
from typing import Any

from planner.scaling_laws.law import Law
from planner.sheets.workbook.inputs import Inputs

FIRST = 5
"""Row of the first law and of the first device, counted from 1."""

WAITS = "#N/A"
"""What a cell shows that waits for a marked cell to be mended."""

_INK, _PAPER, _EDGE, _GREY = "#1F3864", "#FFF2CC", "#BF9000", "#595959"
_BASE = {"font_name": "Calibri", "font_size": 11}
_CENTRED = {"text_wrap": True, "valign": "vcenter", "align": "center"}
_YOURS = {**_BASE, "bg_color": _PAPER, "border": 1, "border_color": _EDGE, "locked": False}
_NUMBERS = {
    "sci": "0.000E+00",
    "count": '[>=1E+12]0.00,,,,"T";[>=1E+9]0.00,,,"B";0.00,,"M"',
    "money": "$#,##0",
    "cents": "$#,##0.00",
    "one": "#,##0.0",
    "whole": "#,##0",
    "four": "0.0000",
    "share": "0.0%",
    "plain": "General",
}
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "title": {**_BASE, "bold": True, "font_size": 16, "font_color": _INK},
    "part": {**_BASE, "bold": True, "font_size": 12, "font_color": _INK, "bottom": 1, "bottom_color": _INK},
    "head": {**_BASE, "bold": True, "bg_color": _INK, "font_color": "white", **_CENTRED},
    "text": _BASE,
    "top": {**_BASE, "valign": "top"},
    "answer": {**_BASE, "align": "right"},
    "remark": {**_BASE, "italic": True, "font_color": _GREY, "indent": 1},
    "small": {**_BASE, "italic": True, "font_color": _GREY},
    "wrap": {**_BASE, "text_wrap": True, "valign": "top"},
    "in_text": {**_YOURS, "align": "right"},
    **{name: {**_BASE, "num_format": code} for name, code in _NUMBERS.items()},
    **{f"in_{name}": {**_YOURS, "num_format": code} for name, code in _NUMBERS.items()},
    "link": {**_BASE, "font_color": "#0563C1", "underline": 1},
    "alarm": {"bg_color": "#F8CBAD", "font_color": "#833C0B", "bold": True},
    "chosen": {"bg_color": "#DDEBF7", "bold": True},
}
"""Formats by name; ``in_`` marks cells that a user may change."""


class Book:
    """A workbook that is being written: its formats and names, and what stands in it."""

    def __init__(self, book: Any, inputs: Inputs, laws: Sequence[Law]) -> None:
        self.book, self.inputs, self.laws = book, inputs, laws
        self.name = book.define_name
        self.formats = {name: book.add_format(dict(each)) for name, each in FORMATS.items()}

    def page(self, name: str, title: str) -> Any:
        """Add a sheet with a title, set up for print."""
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&Rpage &P of &N")
        sheet.protect("", {"format_columns": True, "format_rows": True, "format_cells": True})  # formulas; no password
        self.text(sheet, 0, 0, title, "title")
        return sheet

    def heads(self, sheet: Any, line: int, texts: Sequence[str]) -> None:
        """Write the heads of a table."""
        sheet.set_row(line, 32)
        for column, text in enumerate(texts):
            self.text(sheet, line, column, text, "head")

    def table(self, sheet: Any, line: int, heads: Sequence[str], *, above: str = "", fixed: int = 0) -> None:
        """Write the heads of a table whose rows scroll below them, beside so many fixed columns, and what is said above it."""
        if above:
            self.text(sheet, 1, 0, above, "small")
        self.heads(sheet, line, heads)
        sheet.freeze_panes(line + 1, fixed)

    def part(self, sheet: Any, line: int, text: str, width: int = 2) -> None:
        """Write the heading of a part."""
        self.text(sheet, line, 0, text, "part")
        for column in range(1, width + 1):
            sheet.write_blank(line, column, None, self.formats["part"])

    def text(self, sheet: Any, line: int, column: int, text: str, look: str = "text") -> None:
        """Write a text."""
        sheet.write_string(line, column, text, self.formats[look])

    def formula(self, sheet: Any, line: int, column: int, formula: str, look: str, value: Any) -> None:
        """Write a formula with the value that stands there at first: ``WAITS`` where there is none yet."""
        sheet.write_formula(line, column, f"={formula}", self.formats[look], WAITS if value is None else value)

    def number(self, sheet: Any, line: int, column: int, value: float | None, look: str) -> None:
        """Write a number, or a blank cell of the same look."""
        if value is None:
            sheet.write_blank(line, column, None, self.formats[look])
        else:
            sheet.write_number(line, column, value, self.formats[look])

    def columns(self, sheet: str, count: int, names: Mapping[str, str]) -> None:
        """Name the columns of a table of so many rows; prefixes keep names apart from references such as N1."""
        for name, column in names.items():
            self.name(name, f"={sheet}!${column}${FIRST}:${column}${FIRST + count - 1}")


def widths(sheet: Any, *each: float) -> None:
    """Set the widths of columns from the first on."""
    for column, width in enumerate(each):
        sheet.set_column(column, column, width)


def letters(column: int) -> str:
    """Return a column's letters, counted from 0: A, B, ..., AA."""
    text, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text
