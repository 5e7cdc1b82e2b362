"""The cells of a CSV file as people save them: separators, headers, decimal commas; every complaint says file and row."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from planner.errors import RunsFileError
from planner.fitting.tables.faults import Faults
from planner.quantities import shown

LARGEST_ROWS = 2_000_000


def delimiter(header: str, name: str, below: str = "") -> str:
    """Return the separator of a header line: one that splits the line ``below`` alike, and of those the one that splits most."""
    many = {sign: _cells(header, sign) for sign in ",;\t|"}
    found = max(many, key=lambda sign: (many[sign] > 1 and many[sign] == _cells(below, sign), many[sign]))
    if many[found] == 1:
        text = f"{name}: its header {shown(header)} is one cell"
        raise RunsFileError(f"{text}; expected params,tokens,loss with commas, ';' or tabs")
    return found


def _cells(line: str, sign: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=sign, skipinitialspace=True), [""]))
    except csv.Error:
        return line.count(sign) + 1


def rows(
    lines: Iterable[str], header_at: int, delimiter: str, width: int, name: str, faults: Faults
) -> Iterator[tuple[int, list[str]]]:
    """Return (row number, cells) of each run, the header being row ``header_at + 1``; blank lines are passed over.

    A row that is no row of the table goes to the faults.
    """
    # one reader a line: a quoted line break would hide which row a complaint is about, and no number holds one
    for number, line in enumerate(lines, 1):
        if number <= header_at + 1 or not line.strip():
            continue
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
        except csv.Error as error:
            hint = "" if "limit" in str(error) else "; a cell must not hold a line break"
            faults.add(number, f"{name}:{number}: not CSV ({error}){hint}", "not CSV")
            continue
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]  # separators at the end of a row say nothing
        if not any(cell.strip() for cell in cells):
            continue  # separators alone, as spreadsheets write a blank row
        if len(cells) != width:
            hint = "; a decimal comma between commas? save with ';' or points" if delimiter == "," and len(cells) > width else ""
            has = f"has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {width}"
            faults.add(number, f"{name}:{number}: {has}{hint}", has)
            continue
        if number - header_at > LARGEST_ROWS:
            raise RunsFileError(f"{name}: has more than {LARGEST_ROWS} rows; thin it out first")
        yield number, cells


def decimal_comma(
    table: Callable[[], Iterable[tuple[int, Sequence[Any]]]], places: Sequence[int], name: str, losses: Sequence[int] = ()
) -> bool:
    """Tell whether numbers use a decimal comma; refuse a table that could be read in two ways.

    ``table`` gives the rows afresh each time: a long table is read twice rather than held. In the columns of ``losses`` a comma
    before three digits is a decimal one, for no loss is a thousand.
    """

    def numbers() -> Iterator[tuple[int, str, int]]:
        return ((row, cells[place].strip(), place) for row, cells in table() for place in places)

    first = next(((row, cell) for row, cell, _ in numbers() if "," in cell), None)
    if first is None:
        return False
    sure = False
    for row, cell, place in numbers():
        number = cell[: len(cell) - len(cell.lstrip("0123456789.,"))]  # its unit must not hide how many digits follow a comma
        groups = number.replace(",", ".").split(".")
        if number.count(",") > 1 or ("," in number and "." in number.partition(",")[2]):
            raise _misreadable(name, row, cell, "commas stand between thousands here")
        if number.count(".") == 1 and "," not in number:
            raise _misreadable(name, row, cell, "other numbers of the table have commas")
        if number.count(".") > 1 and not all(len(group) == 3 for group in groups[1 : number.count(".") + 1]):
            raise _misreadable(name, row, cell, "its points are no thousands separators")
        decimal = len(groups[-1]) != 3 or place in losses or number.startswith("0,")
        sure = sure or ("," in number and decimal)
    if not sure:
        raise _misreadable(name, *first, "the comma could be a decimal point or a thousands separator")
    return True


def _misreadable(name: str, row: int, cell: str, why: str) -> RunsFileError:
    return RunsFileError(f"{name}:{row}: {shown(cell)}: {why}; save the table with decimal points and no thousands separators")
