"""Blocks -> plain text for a terminal, or Markdown."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from planner.output.documents.blocks import Block, Code, Facts, Items, Title

WIDTH = 110
"""Columns at which running text wraps in a terminal; tables keep their own width."""


def to_text(blocks: Sequence[Block]) -> str:
    """Write blocks for a terminal."""
    return _printable("\n\n".join(_text(block) for block in blocks)) + "\n"


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write blocks as Markdown."""
    return _printable("\n\n".join(_markdown(block) for block in blocks)) + "\n"


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

    Columns are as wide as the first block and the rows ``widest`` need; a longer cell later moves its own line alone.
    """
    head = f"{'## ' if markdown else ''}{title}\n\n"
    widths: list[int] = []
    for some in blocks:
        rows = some
        if not widths:
            widths = [max(map(len, column)) for column in zip(headers, *rows, *widest, strict=True)]
            rows = [[*headers], *([[":--" if side == "l" else "--:" for side in align]] if markdown else []), *rows]
        if markdown:
            text = "".join("| " + " | ".join(map(_escaped, row)) + " |\n" for row in rows)
        else:
            text = "".join(f"  {_line(row, align, widths)}".rstrip() + "\n" for row in rows)
        yield _printable(head + text)
        head = ""


def _line(row: Sequence[str], align: str, widths: Sequence[int]) -> str:
    cells = zip(row, align, widths, strict=True)
    return "  ".join(cell.rjust(width) if side == "r" else cell.ljust(width) for cell, side, width in cells)


def _text(block: Block) -> str:
    if isinstance(block, Title):
        return block.text
    if isinstance(block, Facts):
        return _facts(block)
    if isinstance(block, Items):
        lines = [_wrapped(text, "- " if block.heading else "") for text in block.texts]
        return "\n".join([block.heading, *lines] if block.heading else lines)
    if isinstance(block, Code):
        return "\n".join([block.heading, *(part for line in block.lines for part in _code_lines(line))])
    table = _aligned([block.headers, *block.rows], block.align)
    notes = [_wrapped(text, f"[{number}] ") for number, text in enumerate(block.footnotes, 1)]
    body = textwrap.indent(table, "  ")
    return "\n".join(line.rstrip() for line in [block.heading, *body.split("\n")]) + ("\n\n" + "\n".join(notes) if notes else "")


def _aligned(rows: Sequence[Sequence[str]], align: str) -> str:
    """Line up columns two blanks apart: so little that loading a library for it would be a seventh of a plan's whole time."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, align, widths) for row in rows)


def _facts(block: Facts) -> str:
    labels = max(len(label) for label, _, _ in block.rows)
    values = max((len(value) for _, value, remark in block.rows if remark), default=0)
    lines = []
    for label, value, remark in block.rows:
        start = f"  {label:<{labels}}  {value:<{values}}  " if remark else f"  {label:<{labels}}  "
        wrapped = _lines(remark or value, max(WIDTH - len(start), 40))
        lines.append((start + wrapped[0]).rstrip())
        lines += [" " * len(start) + more for more in wrapped[1:]]
    return "\n".join(lines)


def _lines(text: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(_bound(text), width, break_long_words=False, break_on_hyphens=False) or [""]
    return [line.replace(_TIE, " ") for line in wrapped]


_TIE = "\N{NO-BREAK SPACE}"


def _bound(text: str) -> str:
    """Tie numbers to their units, so that no line breaks between them."""
    return re.sub(r"(?<=\d) (?=(?:%|[KMBT]|FLOP|PF-days)(?:\W|$))", _TIE, text)


def _code_lines(line: str) -> list[str]:
    """Indent a line of arithmetic; the numbered sources below it may wrap, the arithmetic itself stays whole."""
    return (
        [_wrapped(line[line.index("]") + 2 :], line[: line.index("]") + 2])] if line.startswith("[") else [f"  {line}".rstrip()]
    )


def _wrapped(text: str, bullet: str) -> str:
    margin = " " * (2 + len(bullet))
    first, *rest = _lines(text, WIDTH - len(margin))
    return "\n".join([f"  {bullet}{first}", *(margin + line for line in rest)])


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

    cells = [[_escaped(cell) for cell in row] for row in rows]
    escaped = [_escaped(header) for header in headers]
    table: str = tabulate(
        cells, headers=escaped, tablefmt="pipe", disable_numparse=True, colalign=_alignment(align) if rows else None
    )
    return table


def _alignment(align: str) -> list[str]:
    return ["right" if side == "r" else "left" for side in align]


def _escaped(text: str) -> str:
    for sign in "\\|*_<`[]":
        text = text.replace(sign, "\\" + sign)
    return text


def _printable(text: str) -> str:
    """Drop control characters: a law file's text must not steer the reader's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
