"""Blocks -> a piece of HTML for a notebook: what a terminal shows, as clean tables, on light and dark pages alike."""

from collections.abc import Sequence
from html import escape

from planner._util.showing import printable
from planner.output.documents.blocks import WARNINGS, Block, Code, Facts, Items, Table, Title

_STYLE = (
    "<style>.planner-answer{font-size:13px;line-height:1.45;max-width:72em}"
    ".planner-answer h4{margin:.9em 0 .3em;font-size:14px}.planner-answer h4:first-child{font-size:16px;margin-top:.2em}"
    ".planner-answer table{border-collapse:collapse;margin:.2em 0 .6em}"
    ".planner-answer td,.planner-answer th{padding:.2em .7em .2em 0;text-align:left;vertical-align:top;border:0;"
    "border-bottom:1px solid rgba(128,128,128,.25);background:none}"
    ".planner-answer td:first-child{white-space:nowrap}"
    ".planner-answer .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".planner-answer .v{font-weight:600;white-space:nowrap}.planner-answer .r{opacity:.8}"
    ".planner-answer ul,.planner-answer ol{margin:.2em 0 .6em;padding-left:1.4em}"
    ".planner-answer .w{border-left:3px solid #d97706;padding-left:.7em}</style>"
)


def to_html(blocks: Sequence[Block]) -> str:
    """Return blocks as one ``<div>`` with its own style; every text is escaped."""
    return f'{_STYLE}<div class="planner-answer">{"".join(_html(block) for block in blocks)}</div>'


def _html(block: Block) -> str:
    if isinstance(block, Title):
        return _heading(block.text)
    if isinstance(block, Facts):
        rows = (
            f'<tr><td>{_text(label)}</td><td class="v">{_text(value)}</td><td class="r">{_text(remark)}</td></tr>'
            if len(value) < _LONG
            else f'<tr><td>{_text(label)}</td><td colspan="2">{_text(value)} {_text(remark)}</td></tr>'
            for label, value, remark in block.rows
        )
        return f"<table>{''.join(rows)}</table>"
    if isinstance(block, Items):
        items = "".join(f"<li>{_text(text)}</li>" for text in block.texts)
        marked = ' class="w"' if block.heading == WARNINGS else ""
        return f"<div{marked}>{_heading(block.heading)}<ul>{items}</ul></div>"
    if isinstance(block, Code):
        return f"{_heading(block.heading)}<pre>{_text(chr(10).join(block.lines))}</pre>"
    return _heading(block.heading) + _table(block)


_LONG = 40
"""A value of more characters is a sentence: it takes the room of its remark too."""


def _table(block: Table) -> str:
    sides = ['class="n"' if side == "r" else "" for side in block.align]
    head = "".join(f"<th {side}>{_text(name)}</th>" for name, side in zip(block.headers, sides, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td {side}>{_text(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in block.rows
    )
    notes = "".join(f"<li>{_text(text)}</li>" for text in block.footnotes)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{f'<ol>{notes}</ol>' if notes else ''}"


def _heading(text: str) -> str:
    return f"<h4>{_text(text)}</h4>" if text else ""


def _text(text: str) -> str:
    return escape(printable(text, kept="\n"))
