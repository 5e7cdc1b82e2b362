"""Charts -> characters in a terminal, with plotille: the same panels, one below the other, logarithms along the scales."""

import re
from string import ascii_lowercase
from typing import Any

import numpy as np

from planner.errors import OptionError
from planner.output.charts._base import Band, Box, Chart, Line, Panel, Points, Rule, Scale, Span
from planner.output.plots.axis_ticks import writer
from planner.output.screen import screen
from planner.output.text_table import wrapped_lines
from planner.scaling_laws.forms import Num

_HEIGHT = 18
_MARGIN = 30  # what plotille needs beside the canvas
_LABEL = 10  # characters that plotille gives to a label beside the canvas
_COLOURS = (
    "bright_blue",
    "bright_yellow",
    "bright_green",
    "bright_white",
    "bright_magenta",
    "bright_red",
    "bright_cyan",
    "white",
)
_MARKERS = {"circle": "o", "cross": "X", "square": "#", "triangle": "^", "star": "*", "dot": None}


def require_plotille() -> Any:
    """Return plotille, or say how it is installed."""
    try:
        import plotille
    except ImportError:
        raise OptionError('plots in the terminal need plotille: pip install "compute-budget-planner[plot]"') from None
    return plotille


def to_terminal(chart: Chart, *, colours: bool) -> str:
    """Write a chart for a terminal.

    Raises
    ------
    OptionError
        plotille is not installed.
    """
    plotille = require_plotille()
    columns = screen().width
    width = max(columns - _MARGIN, 12)
    parts = [chart.title]
    for panel in chart.panels:
        parts.append(f"{panel.title}: {panel.y.label or 'groups'} (up) against {panel.x.label} (right)")
        parts.append(_canvas(plotille, panel, width, colours))
        parts += _legend(panel)
    lines: list[str] = []
    for line in "\n".join([*parts, chart.source]).split("\n"):
        lines += wrapped_lines(line, columns) if len(_ESCAPE.sub("", line)) > columns else [line]
    return "\n".join(lines) + "\n"


_ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def _canvas(plotille: Any, panel: Panel, width: int, colours: bool) -> str:
    figure = plotille.Figure()
    figure.width, figure.height = width, _height(panel)
    figure.color_mode = "names"
    figure.with_colors = colours
    figure.origin = False
    figure.register_label_formatter(float, lambda value, chars, **_: str(value)[:chars])
    (x_low, x_high), (y_low, y_high) = _ends(panel)
    figure.set_x_limits(x_low, x_high)
    figure.set_y_limits(y_low, y_high)
    figure.x_ticks_fkt = lambda low, high: _tick(panel.x, low)
    figure.y_ticks_fkt = lambda low, high: _row(panel, low, high) if panel.rows else _tick(panel.y, (low + high) / 2)
    letters = _letters(panel)
    for mark in panel.marks:
        colour = _COLOURS[getattr(mark, "group", 7) % len(_COLOURS)] if colours else None
        if isinstance(mark, Line):
            _plot(figure, panel, mark.x, mark.y, colour)
            if mark.label in letters:
                _letter(figure, panel, mark, letters[mark.label], colour)
        elif isinstance(mark, Band):
            _plot(figure, panel, mark.x, mark.low, colour)
            _plot(figure, panel, mark.x, mark.high, colour)
        elif isinstance(mark, Points):
            x, y = _inside(panel, mark.x, mark.y)
            if mark.spans:
                for low, high, at in zip(*mark.spans, mark.y if panel.rows else mark.x, strict=True):
                    ends, level = np.array([low, high]), np.full(2, at)
                    _plot(figure, panel, ends if panel.rows else level, level if panel.rows else ends, colour)
            if len(x):
                figure.scatter(x, y, lc=colour, marker=_MARKERS[mark.marker])
        elif isinstance(mark, Rule) and mark.across == "y":
            _plot(figure, panel, np.array(_unlogged(panel.x, (x_low, x_high))), np.full(2, mark.at), colour)
        elif isinstance(mark, (Span, Rule)):
            for at in (mark.low, mark.high) if isinstance(mark, Span) else (mark.at,):
                _plot(figure, panel, np.full(2, at), np.array(_unlogged(panel.y, (y_low, y_high))), colour)
        elif isinstance(mark, Box):
            corners = np.array(mark.x)[[0, 1, 1, 0, 0]], np.array(mark.y)[[0, 0, 1, 1, 0]]
            _plot(figure, panel, *corners, colour)
    text: str = figure.show(legend=False)
    return text


def _height(panel: Panel) -> int:
    """Return lines of a panel: an odd number for each row, so that a row lies in the middle of one."""
    return len(panel.rows) * (3 if 3 * len(panel.rows) <= _HEIGHT else 1) or _HEIGHT


def _letters(panel: Panel) -> dict[str, str]:
    """Return a letter for each line with a label, where there are several: colours are no help in a log file."""
    labels = list(dict.fromkeys(mark.label for mark in panel.marks if isinstance(mark, Line) and mark.label))
    return dict(zip(labels, ascii_lowercase, strict=False)) if len(labels) > 1 else {}


def _letter(figure: Any, panel: Panel, mark: Line, letter: str, colour: str | None) -> None:
    """Put a letter on a line, each at a place of its own along it."""
    X, Y = _inside(panel, mark.x, mark.y)
    if X:
        place = (len(X) - 1) * (2 + 3 * ascii_lowercase.index(letter) % 17) // 20
        figure.text([X[place]], [Y[place]], [letter], lc=colour)


def _legend(panel: Panel) -> list[str]:
    """Say what is drawn: the labels of lines and points, with numbers beside marked points."""
    lines = [f"  {label} {row}" for label, row in zip(_row_labels(panel), panel.rows, strict=True) if label != row]
    letters = _letters(panel)
    for mark in panel.marks:
        if isinstance(mark, Points) and mark.label:
            write = writer(panel.x.unit)
            texts = mark.texts or (tuple(map(write, mark.x.tolist())) if len(mark.x) <= 3 and panel.x.unit != "flops" else ())
            sign = _MARKERS[mark.marker] or "."
            lines.append(f"  {sign} {mark.label}" + (f": {', '.join(texts)}" if texts else ""))
        elif isinstance(mark, Rule) and mark.text:
            lines.append(f"  | {mark.text}")
        elif not isinstance(mark, Rule) and mark.label:
            lines.append(f"  {letters.get(mark.label, '-')} {mark.label}")
    return lines


def _scaled(scale: Scale, values: Num) -> Num:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if scale.log else np.asarray(values, float)


def _unlogged(scale: Scale, ends: tuple[float, float]) -> tuple[float, ...]:
    return tuple(10.0**end if scale.log else end for end in ends)


def _ends(panel: Panel) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of both scales as drawn: given, or those of the marks."""
    drawn = [mark for mark in panel.marks if isinstance(mark, (Line, Points))]
    bands = [mark for mark in panel.marks if isinstance(mark, Band)]
    ends = [end for mark in drawn if isinstance(mark, Points) for end in mark.spans or ()]
    if panel.rows:
        x = _span(panel.x, [*(mark.x for mark in drawn if isinstance(mark, Points)), *ends])
        return x, (-0.5, len(panel.rows) - 0.5)
    x = _span(panel.x, [mark.x for mark in (*drawn, *bands)])
    return x, _span(panel.y, [*(mark.y for mark in drawn), *(end for mark in bands for end in (mark.low, mark.high)), *ends])


def _span(scale: Scale, values: list[Num]) -> tuple[float, float]:
    if scale.ends:
        low, high = (float(end) for end in _scaled(scale, np.array(scale.ends)))
        if low < high:
            return low, high
    every = _scaled(scale, np.concatenate([np.atleast_1d(each) for each in values]))
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    pad = (high - low) / 20 or max(abs(high), 1.0) / 20
    return low - pad, high + pad


def _inside(panel: Panel, x: Num, y: Num) -> tuple[list[float], list[float]]:
    """Return points that lie on the canvas, as drawn."""
    (x_low, x_high), (y_low, y_high) = _ends(panel)
    X, Y = _scaled(panel.x, np.asarray(x, float)), _scaled(panel.y, np.asarray(y, float))
    seen = np.isfinite(X) & np.isfinite(Y) & (x_low <= X) & (x_high >= X) & (y_low <= Y) & (y_high >= Y)
    return X[seen].tolist(), Y[seen].tolist()


def _plot(figure: Any, panel: Panel, x: Num, y: Num, colour: str | None) -> None:
    X, Y = _inside(panel, x, y)
    if len(X) > 1:
        figure.plot(X, Y, lc=colour)


def _tick(scale: Scale, value: float) -> str:
    return writer(scale.unit)(10.0**value if scale.log else value)


def _row(panel: Panel, low: float, high: float) -> str:
    """Return the label of the row that lies between two heights."""
    place = round((low + high) / 2)
    return _row_labels(panel)[::-1][place] if 0 <= place < len(panel.rows) and low <= place < high else ""


def _row_labels(panel: Panel) -> list[str]:
    """Return what stands beside each row: its name where all have room, otherwise numbers that the legend explains."""
    long = any(len(row) > _LABEL for row in panel.rows)
    return [str(i) for i in range(1, len(panel.rows) + 1)] if long else list(panel.rows)
