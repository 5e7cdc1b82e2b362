"""Tables that fit a width: long headers and texts wrap, and columns that still find no room stand in a second table below."""

import re
import textwrap
from collections.abc import Sequence
from itertools import accumulate

_GAP = 2
_NARROW = 12
"""A column of texts is not made narrower for the sake of the others, unless its longest word is shorter still."""

Row = Sequence[str]


def laid_out(headers: Row, rows: Sequence[Row], align: str, width: int) -> list[str]:
    """Return the lines of a table, none longer than ``width``.

    Parameters
    ----------
    headers, rows, align : sequence
        ``align`` has l or r for each column; columns that are r hold numbers, which do not break.
    width : int
        Columns of the screen.
    """
    parts, least = stacks(headers, rows, align, width), _leasts(headers, rows, align)
    lines: list[str] = []
    if any(sum(least[at] for at in part) + _GAP * (len(part) - 1) > width for part in parts):
        return [line for row in (headers, *rows) for line in wrapped_lines((" " * _GAP).join(row), width)]
    for columns in parts:
        some = [[row[column] for column in columns] for row in (headers, *rows)]
        sides = "".join(align[column] for column in columns)
        widths = _widths(some[0], some[1:], sides, width)
        lines += [*([""] if lines else []), *(line for row in some for line in cells(row, sides, widths, top=row is not some[0]))]
    return lines


def stacks(headers: Row, rows: Sequence[Row], align: str, width: int) -> list[list[int]]:
    """Return which columns stand side by side: all, or as many as find room after those that name the rows in every part."""
    least = _leasts(headers, rows, align)
    if sum(least) + _GAP * (len(least) - 1) <= width:
        return [list(range(len(least)))]
    keys = list(range(_keys(rows)))
    taken = sum(least[at] + _GAP for at in keys)
    if taken > width / 2:
        keys, taken = [0], least[0] + _GAP
    found, room = [list(keys)], width + _GAP - taken
    for column in range(len(keys), len(least)):
        if least[column] + _GAP > room and len(found[-1]) > len(keys):
            found.append(list(keys))
            room = width + _GAP - taken
        found[-1].append(column)
        room -= least[column] + _GAP
    return found


_MOST_KEYS = 3
"""Columns that may name a row; where more would be needed, rows are told apart by their order."""


def _keys(rows: Sequence[Row]) -> int:
    """Return how many columns, from the left, tell the rows apart."""
    for many in range(1, min(_MOST_KEYS, len(rows[0]) - 1 if rows else 1) + 1):
        if len({tuple(row[:many]) for row in rows}) == len(rows):
            return many
    return 1


def without_spare(headers: Row, rows: Sequence[Row], align: str, width: int, spare: Row) -> list[int]:
    """Return the columns that stay when spare ones go, one after the other, until the rest finds room side by side."""
    kept = list(range(len(headers)))
    for name in spare:
        head, *some = ([row[at] for at in kept] for row in (headers, *rows))
        if len(stacks(head, some, "".join(align[at] for at in kept), width)) == 1:
            break
        kept = [at for at in kept if headers[at] != name]
    return kept


def _leasts(headers: Row, rows: Sequence[Row], align: str) -> list[int]:
    """Return the least width of each column."""
    return [_least(column, side) for column, side in zip(zip(headers, *rows, strict=True), align, strict=True)]


def _at_hyphens(word: str) -> list[str]:
    """Break a word where a reader expects it; a number or an id stays whole."""
    return re.findall(r"[A-Za-z]+[-/]?|[-/]", word) if _BREAKABLE.fullmatch(word) else [word]


def _breakable(word: str) -> bool:
    return not set(word) & {"-", "/"} or _BREAKABLE.fullmatch(word) is not None


def _least(column: Sequence[str], side: str) -> int:
    """Return the least width of a column, whose first cell is its header."""
    head = max((len(part) for word in column[0].split() for part in _at_hyphens(word)), default=0)
    body = column[1:]
    if side == "r":
        return max([head, *map(len, body)])
    longest = max((len(word) for cell in body for word in cell.split()), default=0)
    return max(head, min(max(map(len, body), default=0), max(_NARROW, longest)))


def _widths(headers: Row, rows: Sequence[Row], align: str, width: int) -> list[int]:
    columns, least = list(zip(headers, *rows, strict=True)), _leasts(headers, rows, align)
    widths = [max(map(len, column)) for column in columns]
    room = width - _GAP * (len(widths) - 1)
    for wanted in ([max([low, *map(len, column[1:])]) for column, low in zip(columns, least, strict=True)], least):
        while sum(widths) > room:  # the widest column gives way first: headers wrap before texts do
            loose = [at for at, now in enumerate(widths) if now > wanted[at]]
            if not loose:
                break
            at = max(loose, key=lambda at: (widths[at], at))
            widths[at] -= 1
    return [min(now, width) for now in widths]


def cells(row: Row, align: str, widths: Sequence[int], *, top: bool = True) -> list[str]:
    """Return the lines of one row, texts wrapped to their columns; a header's words stand at the foot, cells at the top."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, wrapped))
    filled = [[*lines, *[""] * (height - len(lines))] if top else [*[""] * (height - len(lines)), *lines] for lines in wrapped]
    found = []
    for line in zip(*filled, strict=True):
        sided = zip(line, align, widths, strict=True)
        texts = [cell.rjust(width) if side == "r" else cell.ljust(width) for cell, side, width in sided]
        found.append((" " * _GAP).join(texts).rstrip())
    return found


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return [line for line in wrapped_lines(cell, width, hyphens=all(map(_breakable, cell.split()))) if line]


def wrapped_lines(text: str, width: int, *, hyphens: bool = False) -> list[str]:
    """Return a text in lines of at most ``width``; a number stays with its unit."""
    tied = re.sub(r"(?<=\d) (?=(?:%|[KMBT]|FLOP|PF-days)(?:\W|$))", _TIE, text)
    loose = tied.replace("/", "/\N{ZERO WIDTH SPACE} ") if hyphens else tied  # headers such as tok/param break there too
    lines = textwrap.wrap(loose, width, break_on_hyphens=hyphens) or [""]
    return [line.replace(_TIE, " ").replace("\N{ZERO WIDTH SPACE} ", "").replace("\N{ZERO WIDTH SPACE}", "") for line in lines]


_TIE = "\N{NO-BREAK SPACE}"
_BREAKABLE = re.compile(r"[A-Za-z/-]+")


def fitting(headers: Row, rows: Sequence[Row], align: str, width: int) -> tuple[int, list[int]]:
    """Return how many columns, from the left, find room in one table, and how wide each is."""
    ends = accumulate(low + _GAP for low in _leasts(headers, rows, align))
    many = max(1, sum(end - _GAP <= width for end in ends))
    return many, _widths(headers[:many], [row[:many] for row in rows], align[:many], width)
