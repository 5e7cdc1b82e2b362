"""The cells of a CSV file as people save them: separators, headers, decimal commas; every complaint says file and row."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from planner.errors import OptionError, RunsFileError
from planner.quantities import shown

LARGEST_ROWS = 2_000_000


def delimiter(header: str, name: str) -> str:
    """Return the separator of a header line: the one that splits it most."""
    found = max(",;\t|", key=header.count)
    if header.count(found) == 0:
        raise RunsFileError(
            f"{name}: its header {shown(header)} is one cell; expected params,tokens,loss with commas, ';' or tabs"
        )
    return found


def columns_of(
    header: Sequence[str], columns: Mapping[str, str] | None, known: Sequence[str], required: Sequence[str], name: str
) -> dict[str, int]:
    """Return where each quantity stands in the header, by our names or the user's."""
    if columns is not None and not (isinstance(columns, Mapping) and all(isinstance(each, str) for each in columns.values())):
        raise OptionError(f"columns {shown(columns)}: expected names such as {{'params': 'n_params'}}")
    wanted = {column: column for column in known}
    for column, called in (columns or {}).items():
        if column not in wanted:
            raise OptionError(f"columns {shown(column)}: no such quantity; map any of {', '.join(wanted)}")
        if called not in header:
            raise RunsFileError(f"{name}: has no column {shown(called)} for {column}; it has {_list(header)}")
        wanted[column] = called
    called_twice = [called for called in wanted.values() if list(wanted.values()).count(called) > 1]
    if called_twice:
        raise OptionError(f"columns: {shown(called_twice[0])} cannot be two quantities at once")
    twice = sorted({cell for cell in header if header.count(cell) > 1} & set(wanted.values()))
    if twice:
        raise RunsFileError(f"{name}: column {shown(twice[0])} comes twice")
    where = {column: header.index(called) for column, called in wanted.items() if called in header}
    lowered = [cell.lower() for cell in header]
    where |= {column: lowered.index(column) for column in set(known) - set(where) if lowered.count(column) == 1}
    missing = [column for column in required if column not in where]
    if missing:
        close = next((cell for cell in header if missing[0] in cell.lower()), "NAME")
        raise RunsFileError(
            f"{name}: lacks column {', '.join(missing)}; it has {_list(header)}. "
            f"Other names: --columns {missing[0]}={shown(close)[1:-1]}, or columns={{'{missing[0]}': {shown(close)}}} in Python"
        )
    return where


def _list(header: Sequence[str]) -> str:
    text = ", ".join(shown(cell)[1:-1] for cell in header[:20])
    return text + (", ..." if len(header) > 20 else "")


def rows(lines: Iterable[str], header_at: int, delimiter: str, width: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Return (row number, cells) of each run, the header being row ``header_at + 1``; blank lines are passed over."""
    # one reader a line: a quoted line break would hide which row a complaint is about, and no number holds one
    for number, line in enumerate(lines, 1):
        if number <= header_at + 1 or not line.strip():
            continue
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
        except csv.Error as error:
            hint = "" if "limit" in str(error) else "; a cell must not hold a line break"
            raise RunsFileError(f"{name}:{number}: not CSV ({error}){hint}") from None
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]  # separators at the end of a row say nothing
        if not any(cell.strip() for cell in cells):
            continue  # separators alone, as spreadsheets write a blank row
        if len(cells) != width:
            hint = "; a decimal comma between commas? save with ';' or points" if delimiter == "," and len(cells) > width else ""
            raise RunsFileError(
                f"{name}:{number}: has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {width}{hint}"
            )
        if number - header_at > LARGEST_ROWS:
            raise RunsFileError(f"{name}: has more than {LARGEST_ROWS} rows; thin it out first")
        yield number, cells


def decimal_comma(table: Callable[[], Iterable[tuple[int, list[str]]]], places: Sequence[int], name: str) -> bool:
    """Tell whether numbers use a decimal comma; refuse a table that could be read in two ways.

    ``table`` gives the rows afresh each time: a long table is read twice rather than held.
    """

    def numbers() -> Iterator[tuple[int, str]]:
        return ((row, cells[place].strip()) for row, cells in table() for place in places)

    first = next(((row, cell) for row, cell in numbers() if "," in cell), None)
    if first is None:
        return False
    sure = False
    for row, cell in numbers():
        number = _leading_number(cell)
        groups = number.replace(",", ".").split(".")
        if number.count(",") > 1 or ("," in number and "." in number.partition(",")[2]):
            raise _misreadable(name, row, cell, "commas stand between thousands here")
        if number.count(".") == 1 and "," not in number:
            raise _misreadable(name, row, cell, "other numbers of the table have commas")
        if number.count(".") > 1 and not all(len(group) == 3 for group in groups[1 : number.count(".") + 1]):
            raise _misreadable(name, row, cell, "its points are no thousands separators")
        sure = sure or ("," in number and len(groups[-1]) != 3)
    if not sure:
        raise _misreadable(name, *first, "the comma could be a decimal point or a thousands separator")
    return True


def _leading_number(cell: str) -> str:
    """Return the digits, points and commas a cell begins with: its unit must not hide how many digits follow a comma."""
    length = 0
    while length < len(cell) and cell[length] in "0123456789.,":
        length += 1
    return cell[:length]


def _misreadable(name: str, row: int, cell: str, why: str) -> RunsFileError:
    return RunsFileError(f"{name}:{row}: {shown(cell)}: {why}; save the table with decimal points and no thousands separators")
