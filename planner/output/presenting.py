"""What a result says of itself in Python and in notebooks: its text, its HTML, its rows as a data frame.

The HTML is what a terminal shows, as clean tables, on light and dark pages alike.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from planner._util.showing import printable, shown, whole
from planner.errors import OptionError
from planner.output import document, render, rows_of, stream_sweep
from planner.output.documents.blocks import WARNINGS, Block, Code, Facts, Items, Table, Title
from planner.output.screen import NARROWEST, written_for
from planner.planning.sweep import Sweep


def text(result: Any, width: int | None = None) -> str:
    """Return what the command prints of a result, ``width`` columns wide (the terminal's, or 100)."""
    columns = None if width is None else whole(width)
    if width is not None and (columns is None or columns < NARROWEST):
        raise OptionError(f"width {shown(width)}: expected a whole number of at least {NARROWEST}")
    with written_for("never", columns):
        if isinstance(result, Sweep):
            return "".join(stream_sweep(result, "table", lambda _: None))
        return render(result, "table")


def frame(result: Any) -> Any:
    """Return the rows of ``--format csv`` as a pandas data frame."""
    try:
        import pandas as pd
    except ImportError:
        raise OptionError('data frames need pandas: pip install "compute-budget-planner[pandas]"') from None
    return pd.DataFrame(rows_of(result))


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


def html(result: Any) -> str:
    """Return what the command prints of a result as HTML."""
    return to_html(document(result))


def to_html(blocks: Sequence[Block]) -> str:
    """Return blocks as one ``<div>`` with its own style; every text is escaped."""
    return f'{_STYLE}<div class="planner-answer">{"".join(_html(block) for block in blocks)}</div>'


def _html(block: Block) -> str:
    if isinstance(block, Title):
        return _heading(block.text)
    if isinstance(block, Facts):
        return f"<table>{''.join(_fact(*map(_text, row), long=len(row[1]) >= _LONG) for row in block.rows)}</table>"
    if isinstance(block, Items):
        items = "".join(f"<li>{_text(text)}</li>" for text in block.texts)
        marked = ' class="w"' if block.heading == WARNINGS else ""
        return f"<div{marked}>{_heading(block.heading)}<ul>{items}</ul></div>"
    if isinstance(block, Code):
        return f"{_heading(block.heading)}<pre>{_text(chr(10).join(block.lines))}</pre>"
    return _heading(block.heading) + _table(block)


def _fact(label: str, value: str, remark: str, *, long: bool) -> str:
    if long:
        return f'<tr><td>{label}</td><td colspan="2">{value} {remark}</td></tr>'
    return f'<tr><td>{label}</td><td class="v">{value}</td><td class="r">{remark}</td></tr>'


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
