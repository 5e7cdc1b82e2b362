"""Blocks -> plain text for a terminal, or Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate

from planner._util.showing import printable
from planner.output.documents.blocks import WARNINGS, Block, Code, Facts, Items, Table, Title
from planner.output.screen import Screen, screen
from planner.output.text_table import cells, fitting, laid_out, without_spare, wrapped_lines

_MARGIN = "  "
_printable = partial(printable, kept="\n")


def to_text(blocks: Sequence[Block], on: Screen | None = None) -> str:
    """Write blocks for a terminal, no line longer than it is wide."""
    shown = on or screen()
    return "\n\n".join(_text(block, shown) for block in blocks) + "\n"


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write blocks as Markdown."""
    return _printable("\n\n".join(_markdown(block) for block in blocks)) + "\n"


def brief(blocks: Sequence[Block], on: Screen | None = None) -> str:
    """Write the answer alone: the title, the first facts or rows, a line each, and the first warning in short."""
    shown = on or screen()
    title = [_bold(_printable(_cut(block.text, shown.width)), shown) for block in blocks if isinstance(block, Title)][:1]
    warnings = [text for block in blocks if isinstance(block, Items) and block.heading == WARNINGS for text in block.texts]
    told = []
    if warnings:
        start = "warning: " if len(warnings) == 1 else f"{len(warnings)} warnings, the first: "
        told.append(_warned(_MARGIN + _printable(_cut(f"{start}{_short(warnings[0])}", shown.width - 2)), shown))
    lines = _brief_lines(blocks, _BRIEF - len(title) - len(told), shown.width)
    return "\n".join([*title, *(_printable(_cut(line, shown.width)) for line in lines), *told]) + "\n"


def _brief_lines(blocks: Sequence[Block], room: int, width: int) -> list[str]:
    tables = [block for block in blocks if isinstance(block, Table)]
    first = next((block for block in blocks if isinstance(block, (Facts, Table))), None)
    if isinstance(first, Facts) and tables and not _decides(first):
        lines = _brief_facts(first.rows, first, 2, width)
        return lines + _brief_table(tables[0], room - len(lines), width)
    if isinstance(first, Facts):
        rows = [row for block in blocks if isinstance(block, Facts) for row in block.rows]
        return _brief_facts(rows, first, room, width)
    layouts = [table for table in tables if table.heading.startswith("Layouts")]
    lines = _brief_table(first._replace(rows=first.rows[:1]) if layouts else first, room, width) if first else []
    return lines + (_brief_table(layouts[0], room - len(lines), width) if layouts else [])


def _short(warning: str) -> str:
    """Return a warning up to its first colon, or to the second where the first ends the name of a file."""
    head, sign, rest = warning.partition(": ")
    return f"{head}{sign}{rest.partition(': ')[0]}" if " " not in head.strip("'") and sign else head


_BRIEF = 8
"""Lines of a brief answer."""


_DECISIVE = (
    *("budget", "pays from", "parameters", "in all", "tokens", "loss", "regime", "remedy", "needs", "wall-clock", "cost"),
    *("a device", "step", "MFU", "layout", "memory"),
    *("with teacher", "without", "longer instead", "smaller", "verdict"),
)
"""Labels of what a plan or a check is asked for, time and money included; other answers begin with theirs."""


def _decides(block: Facts) -> bool:
    labels = {label for label, _, _ in block.rows}
    return {"regime", "loss"} <= labels or bool(labels & {"a device", "verdict"})


_ASIDE = re.compile(r" \([^()]*\)")


def _brief_facts(every: list[tuple[str, str, str]], first: Facts, room: int, width: int) -> list[str]:
    decisive = [row for row in every if row[0] in _DECISIVE]
    for spare in first.spare[: max(len(decisive) - room, 0)]:
        decisive = [row for row in decisive if row[0] != spare]
    chosen = decisive if _decides(first) else [row for row in first.rows if row[0]]
    rows = [(label, value.removesuffix("; compared below"), _ASIDE.sub("", remark)) for label, value, remark in chosen][:room]
    labels = max(len(label) for label, _, _ in rows)
    values = max((len(value) for _, value, remark in rows if remark), default=0)
    start = len(_MARGIN) * 3 + labels + values
    rows = [(label, value, _shortened(remark, width - start)) for label, value, remark in rows]
    return [f"{_MARGIN}{label:<{labels}}{_MARGIN}{value:<{values}}{_MARGIN}{remark}" for label, value, remark in rows]


def _shortened(text: str, room: int) -> str:
    for end in ("; ", ", "):
        text = text if len(text) <= room else text.partition(end)[0]
    return text


def _brief_table(block: Table, room: int, width: int) -> list[str]:
    many = room - 2 if len(block.rows) <= room - 2 else max(room - 3, 1)
    start = min(max(block.best - many // 2, 0), max(len(block.rows) - many, 0))
    rows = block.rows[start : start + many]
    widths = [max(map(len, column)) for column in zip(block.headers, *rows, strict=True)]
    fit = sum(end <= width for end in accumulate(each + len(_MARGIN) for each in widths))
    lines = [_MARGIN + line for row in (block.headers, *rows) for line in cells(row[:fit], block.align[:fit], widths[:fit])]
    left = len(block.rows) - len(rows)
    return [block.heading, *lines, *([f"{_MARGIN}{left} more rows"] if left and len(lines) + 2 <= room else [])]


def _cut(text: str, width: int) -> str:
    text = text.rstrip()
    return text if len(text) <= width else text[: max(width - 3, 1)].rstrip(" ,") + "..."


def table_pieces(
    title: str,
    headers: Sequence[str],
    align: str,
    blocks: Iterable[list[list[str]]],
    *,
    markdown: bool,
    widest: Sequence[Sequence[str]] = (),
) -> Iterator[str]:
    """Write a title and a long table block by block, for a terminal or as Markdown.

    Columns are as wide as the first blocks, of a few hundred rows together, and the rows ``widest`` need; a longer cell later
    wraps. Columns for which the screen has no room are left out, and named below.
    """
    shown = screen()
    head = f"## {_printable(title)}\n\n" if markdown else f"{_bold(_headed(title, shown.width), shown)}\n\n"
    many, widths = 0, [0]
    for some in _together(blocks):
        if markdown:
            rows = [*([[*headers], [":--" if side == "l" else "--:" for side in align]] if head else []), *some]
            yield head + _printable("".join("| " + " | ".join(map(_escaped, row)) + " |\n" for row in rows))
        else:
            if not many:
                many, widths = fitting(headers, [*some, *widest], align, shown.width - len(_MARGIN))
                head += "".join(f"{_MARGIN}{line}\n" for line in cells(headers[:many], align[:many], widths, top=False))
            lines = (line for row in some for line in cells(row[:many], align[:many], widths))
            yield head + _printable("".join(f"{_MARGIN}{line}\n" for line in lines))
        head = ""
    if many and many < len(headers):
        yield "\n" + _printable(_wrapped(_NO_ROOM.format(", ".join(headers[many:])), "", shown.text_width)) + "\n"


def _together(blocks: Iterable[list[list[str]]]) -> Iterator[list[list[str]]]:
    """Give the first blocks as one, as long as they are short: laws may have columns that others leave empty."""
    rest = iter(blocks)
    first: list[list[str]] = []
    for some in rest:
        first += some
        if len(first) >= _MEASURED:
            break
    yield first
    yield from rest


_MEASURED = 400
"""Rows from which on the widths of a long table are known."""


def _text(block: Block, on: Screen) -> str:
    if isinstance(block, Title):
        return _bold(_headed(block.text, on.width), on)
    if isinstance(block, Facts):
        return _printable(_facts(block, on.text_width))
    if isinstance(block, Items):
        lines = _printable("\n".join(_wrapped(text, "- " if block.heading else "", on.text_width) for text in block.texts))
        if not block.heading:
            return lines
        mark = _warned if block.heading == WARNINGS else _bold
        return f"{mark(_headed(block.heading, on.text_width), on)}\n{lines}"
    heading = _bold(_headed(block.heading, on.text_width), on)
    if isinstance(block, Code):
        body = "\n".join(part for line in block.lines for part in _code_lines(line, on.width))
        return f"{heading}\n{_printable(body)}"
    lines = "\n".join(f"{_MARGIN}{line}".rstrip() for line in _table(block, on.width - len(_MARGIN)))
    notes = "\n".join(_wrapped(text, f"[{number}] ", on.text_width) for number, text in enumerate(block.footnotes, 1))
    return f"{heading}\n{_printable(lines)}" + (f"\n\n{_printable(notes)}" if notes else "")


def _table(block: Table, width: int) -> list[str]:
    kept = without_spare(block.headers, block.rows, block.align, width, block.spare)
    headers, *rows = ([row[at] for at in kept] for row in (block.headers, *block.rows))
    lines = laid_out(headers, rows, "".join(block.align[at] for at in kept), width)
    left = [name for name in block.headers if name not in headers]
    return [*lines, "", *wrapped_lines(_NO_ROOM.format(", ".join(left)), width)] if left else lines


_NO_ROOM = "no room here for {}: a wider terminal and --format csv have more"


def _bold(text: str, on: Screen, colour: str = "") -> str:
    return f"\x1b[1{colour}m{text}\x1b[0m" if on.colours and text else text


_warned = partial(_bold, colour=";33")


def _headed(text: str, width: int) -> str:
    return _printable("\n".join(wrapped_lines(text, width)))


_LEAST = 24
"""Columns that a remark needs beside its value."""

_NARROWEST = 12


def _facts(block: Facts, width: int) -> str:
    labels = max(len(label) for label, _, _ in block.rows)
    most = max(width // 4, 12)
    values = max((len(value) for _, value, remark in block.rows if remark and len(value) <= most), default=0)
    start = len(_MARGIN) + labels + len(_MARGIN)
    remarks = start + values + len(_MARGIN) if values else start
    if width - remarks < _LEAST:  # what is said of a value then stands below it
        values, remarks = 0, start
    lines = []
    for label, value, remark in block.rows:
        head = f"{_MARGIN}{label:<{labels}}{_MARGIN}"
        if remark and len(value) <= values:
            wrapped, margin = wrapped_lines(remark, max(width - remarks, _NARROWEST)), remarks
            head += f"{value:<{values}}{_MARGIN}" if values else ""
        else:
            wrapped, margin = wrapped_lines(value, max(width - start, _NARROWEST)), start
        lines += [(head + wrapped[0]).rstrip(), *(" " * margin + more for more in wrapped[1:])]
        if remark and len(value) > values:
            lines += [" " * remarks + more for more in wrapped_lines(remark, max(width - remarks, _NARROWEST))]
    return "\n".join(lines)


def _code_lines(line: str, width: int) -> list[str]:
    """Indent a line of arithmetic, broken after an operator where it must be; the numbered sources below it wrap as text."""
    if line.startswith("["):
        return [_wrapped(line[line.index("]") + 2 :], line[: line.index("]") + 2], width)]
    lines, room = [], width - len(_MARGIN)
    indent = re.match(r"\S*\s*(= |solves |i\.e\.\s+|\+ |- )?", line).end()  # type: ignore[union-attr]  # it matches any text
    while len(line) > room:
        cut = max((found.end() for found in re.finditer(r"[*/+,^]|\s|(?<!e)-", line[:room])), default=room)
        cut = cut if cut > indent else room
        lines.append(line[:cut].rstrip())
        line = " " * min(indent, room // 2) + line[cut:]
    return [f"{_MARGIN}{part}".rstrip() for part in [*lines, line]]


def _wrapped(text: str, bullet: str, width: int) -> str:
    margin = " " * (len(_MARGIN) + len(bullet))
    first, *rest = wrapped_lines(text, width - len(margin))
    return "\n".join([f"{_MARGIN}{bullet}{first}", *(margin + line for line in rest)])


def _markdown(block: Block) -> str:
    if isinstance(block, Title):
        return f"## {_escaped(block.text)}"
    if isinstance(block, Facts):
        return _pipes(["", "", ""], [list(row) for row in block.rows], "lll")
    if isinstance(block, Items):
        lines = "\n".join(f"- {_escaped(text)}" for text in block.texts)
        return f"### {block.heading}\n\n{lines}" if block.heading else lines
    if isinstance(block, Code):
        return "\n".join([f"### {block.heading}", "", "```text", *block.lines, "```"])
    notes = "\n".join(f"{number}. {_escaped(text)}" for number, text in enumerate(block.footnotes, 1))
    return f"### {block.heading}\n\n{_pipes(block.headers, block.rows, block.align)}" + (f"\n\n{notes}" if notes else "")


def _pipes(headers: list[str], rows: list[list[str]], align: str) -> str:
    from tabulate import tabulate

    escaped, *cells = ([_escaped(cell) for cell in row] for row in (headers, *rows))
    sides = ["right" if side == "r" else "left" for side in align] if rows else None
    return str(tabulate(cells, headers=escaped, tablefmt="pipe", disable_numparse=True, colalign=sides))


def _escaped(text: str) -> str:
    for sign in "\\|*_<`[]":
        text = text.replace(sign, "\\" + sign)
    return text
