"""A result in, a picture out: a file by its ending, or characters for the terminal."""

from pathlib import Path
from typing import Any

from planner._util.files import new_file
from planner.errors import OptionError
from planner.output.charts import chart_of
from planner.output.plots.matplotlib_plots import ENDINGS, draw, require_matplotlib
from planner.output.plots.terminal_plots import require_plotille, to_terminal

TERMINAL = "-"
"""What stands for the terminal instead of a file."""


def plot(result: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Draw a result as a picture.

    Parameters
    ----------
    result : object
        A Plan, Check, RunsCheck, Sweep, Comparison, TradeOff, FitResult, Backtest, Curve, ComputeLimits, BenchmarkLimits or
        Pilots.
    path : str or Path
        A file ending in .png, .svg or .pdf.
    overwrite : bool
        Let it replace a file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PlannerError
        Nothing of that kind can be drawn, another ending, a file that exists, or matplotlib is missing (the message says which
        command installs it).
    """
    require_matplotlib()
    target = new_file(path, overwrite, ENDINGS, "a picture")
    return draw(chart_of(result), target, overwrite=overwrite)


def plot_text(result: Any, *, colours: bool = False) -> str:
    """Draw a result in characters, for a terminal."""
    return to_terminal(chart_of(result), colours=colours)


def check_plot(path: str, *, overwrite: bool) -> None:
    """Refuse early what :func:`plot` would refuse in the end, before anything long is computed."""
    if path == TERMINAL:
        if overwrite:
            raise OptionError("force goes with a file to write, not with the terminal")
        require_plotille()
        return
    new_file(path, overwrite, ENDINGS, "a picture")
    require_matplotlib()
