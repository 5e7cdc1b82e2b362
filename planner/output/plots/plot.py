"""A result in, a picture out: a file by its ending, or characters for the terminal."""

from pathlib import Path
from typing import Any

from planner._util.files import new_file
from planner.errors import OptionError
from planner.output.charts import chart_of
from planner.output.plots.matplotlib_plots import ENDINGS, Look, draw, draw_into, figure_of, require_matplotlib
from planner.output.plots.terminal_plots import require_plotille, to_terminal
from planner.output.screen import screen

TERMINAL = "-"
"""What stands for the terminal instead of a file."""


def plot(
    result: Any,
    path: str | Path | None = None,
    *,
    ax: Any = None,
    dpi: float | None = None,
    size: str | tuple[float, float] | None = None,
    overwrite: bool = False,
) -> Any:
    """Draw a result as a picture: into a file, as a figure, or into axes of your own.

    Parameters
    ----------
    result : object
        A Plan, Check, RunsCheck, Sweep, Comparison, TradeOff, FitResult, Backtest, Curve, ComputeLimits, BenchmarkLimits or
        Pilots.
    path : str or Path, optional
        A file ending in .png, .svg or .pdf; without one a figure is returned, which a notebook shows.
    ax : matplotlib Axes, or a sequence of them, optional
        Draw there: the first panel into one, each panel into one of a sequence.
    dpi : float, optional
        Dots per inch of a .png and of a figure.
    size : str or (float, float), optional
        Width and height in inches, such as ``"11x5"``.
    overwrite : bool
        Let it replace a file.

    Returns
    -------
    Path or matplotlib Figure
        The file, or the figure.

    Raises
    ------
    PlannerError
        Nothing of that kind can be drawn, another ending, a file that exists, or matplotlib is missing (the message says which
        command installs it).
    """
    require_matplotlib()
    look = Look.of(dpi, size)
    if path is None:
        return figure_of(chart_of(result), look) if ax is None else draw_into(chart_of(result), ax)
    if ax is not None:
        raise OptionError("path and ax: a picture goes into a file or into axes, not both")
    target = new_file(path, overwrite, ENDINGS, "a picture")
    return draw(chart_of(result), target, look, overwrite=overwrite)


def plot_text(result: Any) -> str:
    """Draw a result in characters, for a terminal."""
    return to_terminal(chart_of(result), colours=screen().colours)


def check_plot(path: str, *, overwrite: bool, dpi: object = None, size: object = None) -> None:
    """Refuse early what :func:`plot` would refuse in the end, before anything long is computed."""
    Look.of(dpi, size)
    if path == TERMINAL:
        if overwrite:
            raise OptionError("force goes with a file to write, not with the terminal")
        require_plotille()
        return
    new_file(path, overwrite, ENDINGS, "a picture")
    require_matplotlib()
