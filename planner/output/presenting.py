"""What a result says of itself in Python and in notebooks: its text, its HTML, its rows as a data frame."""

from typing import Any

from planner._util.showing import shown, whole
from planner.errors import OptionError
from planner.output import document, render, rows_of, stream_sweep
from planner.output.html import to_html
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


def html(result: Any) -> str:
    """Return what the command prints of a result as HTML."""
    return to_html(document(result))


def frame(result: Any) -> Any:
    """Return the rows of ``--format csv`` as a pandas data frame."""
    try:
        import pandas as pd
    except ImportError:
        raise OptionError('data frames need pandas: pip install "compute-budget-planner[pandas]"') from None
    return pd.DataFrame(rows_of(result))
