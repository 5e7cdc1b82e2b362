"""Charts -> PNG, SVG or PDF, with matplotlib: colours for every kind of sight, dashes and markers that grey print keeps."""

import textwrap
from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.files import new_file, write_new
from planner._util.showing import Raw, finite, shown
from planner.errors import OptionError
from planner.output.charts._base import Band, Box, Chart, Line, Panel, Points, Rule, Scale, Span
from planner.output.plots.axis_ticks import apart, ticks, writer
from planner.output.plots.labels import USUAL, points, write_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")

# Okabe & Ito 2008, distinct to every kind of colour vision; ordered so that neighbours differ in lightness too
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#000000", "#CC79A7", "#D55E00", "#56B4E9", "#777777")
_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1.5)), (0, (8, 2, 1.5, 2, 1.5, 2)))
_WIDTHS = {"main": 2.2, "usual": 1.5, "faint": 0.8}
_MARKERS = {"circle": "o", "cross": "X", "square": "s", "triangle": "^", "dot": ".", "star": "*"}
_SIZES = {"circle": 6.0, "cross": 10.0, "square": 5.0, "triangle": 6.0, "dot": 6.0, "star": 9.0}
_SCALED = {
    "font.size": USUAL,
    "axes.titlesize": 10.0,
    "axes.labelpad": 4.0,
    "axes.titlepad": 6.0,
    **{f"{axis}tick.major.{what}": 3.5 for axis in "xy" for what in ("pad", "size")},
}
"""Points of letters, pads and ticks of the usual picture."""
_SETTINGS = {"svg.hashsalt": "planner", "svg.fonttype": "none", "pdf.fonttype": 42, **_SCALED}
_DPI = 110


def require_matplotlib() -> Any:
    """Return matplotlib, or say how it is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise OptionError('plots need matplotlib: pip install "compute-budget-planner[plot]"') from None
    return mpl


class Look(NamedTuple):
    """How large a picture is: dots per inch, and width and height in inches, where they were asked for."""

    dpi: float = _DPI
    size: tuple[float, float] | None = None

    @classmethod
    def of(cls, dpi: Raw, size: Raw) -> "Look":
        """Read what a user gave.

        Raises
        ------
        OptionError
            Less than 20 or more than 1200 dots per inch; sides shorter than 2 or longer than 60 inches; anything else.
        """
        dots = _DPI if dpi is None else _number(dpi)
        if dots is None or not _DOTS[0] <= dots <= _DOTS[1]:
            raise OptionError(f"`dpi` {shown(dpi)}: expected dots per inch from {_DOTS[0]} to {_DOTS[1]}, such as 200")
        if size is None:
            return cls(dots)
        parts = size.lower().split("x") if isinstance(size, str) else size
        sides = [_number(part) for part in parts] if isinstance(parts, (list, tuple)) else []
        known = tuple(side for side in sides if side is not None and _SIDES[0] <= side <= _SIDES[1])
        if len(sides) != 2 or len(known) != 2:
            wanted = f"width and height in inches, each {_SIDES[0]} to {_SIDES[1]}, such as 11x5"
            raise OptionError(f"`size` {shown(size)}: expected {wanted}")
        return cls(dots, (known[0], known[1]))


_DOTS, _SIDES = (20, 1200), (2, 60)


def _number(value: Raw) -> float | None:
    try:
        return finite(float(value)) if isinstance(value, str) else finite(value)
    except ValueError:
        return None


def draw(chart: Chart, path: str | Path, look: Look = Look(), *, overwrite: bool = False) -> Path:  # noqa: B008  # frozen
    """Write a chart as a picture.

    Raises
    ------
    OptionError
        Another ending than .png, .svg or .pdf, a file that exists already, or matplotlib is not installed.
    """
    target = new_file(path, overwrite, ENDINGS, "a picture")
    figure, content, ending = figure_of(chart, look), BytesIO(), target.suffix.lower()
    # no date in the file: the same chart is the same file
    said: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[ending]
    with require_matplotlib().rc_context(_SETTINGS):
        figure.savefig(content, format=ending[1:], dpi=look.dpi, metadata=said)
    write_new(target, content.getvalue(), overwrite=overwrite)
    return target


def draw_into(chart: Chart, ax: Raw) -> Any:
    """Draw a chart into axes that are there: its first panel into one, each panel into one of several.

    Raises
    ------
    OptionError
        What is given is no axes, or there are more or fewer of them than panels.
    """
    mpl = require_matplotlib()
    from matplotlib.axes import Axes

    given = [ax] if isinstance(ax, Axes) else list(getattr(ax, "flat", ax)) if isinstance(ax, Iterable) else []
    if not given or not all(isinstance(each, Axes) for each in given):
        raise OptionError(f"`ax` {shown(ax)}: expected matplotlib axes, or as many of them as the picture has panels")
    if len(given) not in {1, len(chart.panels)}:
        raise OptionError(f"`ax`: {len(given)} axes for {len(chart.panels)} panels; expected one, or {len(chart.panels)}")
    with mpl.rc_context(_SETTINGS):
        for axes, panel in zip(given, chart.panels, strict=False):
            _draw(axes, panel)
    return given[0].figure


@lru_cache
def _figure_class() -> Any:
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that a notebook shows without pyplot."""

        def _repr_png_(self) -> bytes:
            written = BytesIO()
            self.savefig(written, format="png", dpi=self.dpi)
            return written.getvalue()

    return Picture


def figure_of(chart: Chart, look: Look = Look()) -> "Figure":  # noqa: B008  # frozen
    """Return a chart as a matplotlib figure.

    Raises
    ------
    OptionError
        matplotlib is not installed.
    """
    mpl = require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    across = len(chart.panels) if len(chart.panels) <= _MOST_ACROSS else -(-len(chart.panels) // 2)
    down = -(-len(chart.panels) // across)
    below = _BELOW + _ROW * max(-(-len(_labels(panel)) // _columns_of(panel)) for panel in chart.panels)
    usual = max(5.6 * across, 7.0), down * (3.75 + below) + 0.1
    size = look.size or usual
    scale = max(min(1.0, size[0] / usual[0], size[1] / usual[1]), _SMALLEST)  # a small picture is the usual one, smaller
    with mpl.rc_context({**_SETTINGS, **{name: usual * scale for name, usual in _SCALED.items()}}):
        figure: Figure = _figure_class()(figsize=size, dpi=look.dpi)
        width, height = (side / scale for side in size)
        FigureCanvasAgg(figure)
        heading: dict[str, Any] = {"x": 0.01, "y": 1 - 0.12 / height, "ha": "left", "va": "top", "parse_math": False}
        figure.suptitle(chart.title, fontsize=points(12), fontweight="bold", **heading)
        source = "\n".join(textwrap.wrap(chart.source, int(18 * width), max_lines=2, placeholder=" ..."))
        figure.text(0.01, 0.06 / height, source, fontsize=points(7.5), color="#555555", parse_math=False)
        left, top = (0.18 if not any(panel.rows for panel in chart.panels) else 0.34) / across, 1 - 0.7 / height
        bottom = min(below / height, 0.6)
        each = max((height * (top - bottom) - (down - 1) * (below + 0.35)) / down, 0.5)
        room = {"left": left, "right": 1 - 0.04 / across, "top": top, "bottom": bottom, "hspace": (below + 0.35) / each}
        rows = 0.62 if any(panel.rows for panel in chart.panels[1:]) else 0.32
        figure.subplots_adjust(**room, wspace=rows if across > 1 else 0)
        for place, panel in enumerate(chart.panels, 1):
            _draw(figure.add_subplot(down, across, place), panel, _BELOW_AXES / each)
    return figure


_SMALLEST = 0.4
_MOST_ACROSS = 3
"""Panels side by side; more stand on two rows."""

_ACROSS, _ROW, _BELOW, _BELOW_AXES = 2, 0.19, 0.85, 0.5
"""Labels of a legend side by side; inches of a row of it, of what stands below axes without one, and from axes to legend."""


def _columns_of(panel: Panel) -> int:
    """Return how many labels of a legend find room side by side."""
    return _ACROSS if max(map(len, _labels(panel)), default=0) <= _LONGEST_LABEL else 1


_LONGEST_LABEL = 26
"""Characters of a label beside which another finds room."""


def _labels(panel: Panel) -> list[str]:
    return list(dict.fromkeys(mark.label for mark in panel.marks if not isinstance(mark, Rule) and mark.label))


def _draw(axes: "Axes", panel: Panel, below: float = 0.13) -> None:
    axes.set_title(panel.title, loc="left", parse_math=False)
    for name, axis, scale in (("x", axes.xaxis, panel.x), ("y", axes.yaxis, panel.y)):
        axis.set_label_text(scale.label, parse_math=False)
        if scale.log:
            axes.set(**{f"{name}scale": "log"})
        if scale.ends:
            axes.set(**{f"{name}lim": scale.ends})
    rules = 0
    for mark in panel.marks:
        if isinstance(mark, Rule):
            _rule(axes, mark, _RULED[rules % len(_RULED)])
            rules += mark.across == "x"
        elif panel.rows and isinstance(mark, Points):
            _points(axes, mark._replace(spans=None))
            if mark.spans is not None:
                axes.hlines(mark.y, *mark.spans, color=_colour(mark.group), linewidth=2.0, alpha=0.5, zorder=3)
        else:
            _MARKS[type(mark)](axes, mark)
    _tick(axes.xaxis, panel.x, axes.get_xlim())
    _tick(axes.yaxis, panel.y, axes.get_ylim())
    axes.autoscale_view()  # places of texts depend on the scales
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), labels=panel.rows[::-1], fontsize=points(7), parse_math=False)
        axes.set_ylim(-0.7, len(panel.rows) - 0.3)
    write_beside(axes, panel, _colour)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (-0.02, -below), "borderaxespad": 0}
        axes.legend(fontsize=points(7.5), frameon=False, ncols=_columns_of(panel), handlelength=2.6, columnspacing=1.2, **place)


def _tick(axis: Any, scale: Scale, ends: tuple[float, float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    write = writer(scale.unit, None if scale.log else ends)
    if scale.log:
        places = ticks(*ends)
        if axis.axis_name == "x":
            letter = 0.6 * points(USUAL) * axis.figure.dpi / 72
            decade = axis.axes.get_window_extent().width / abs(log10(ends[1] / ends[0]))
            places = apart(places, [letter * (len(write(place)) + 2) for place in places], decade)
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def _colour(group: int) -> str:
    return _COLOURS[group % len(_COLOURS)]


def _line(axes: "Axes", mark: Line) -> None:
    faint = mark.weight == "faint"
    dashes = (0, (4, 3)) if mark.dashed else "-" if faint else _DASHES[mark.group % len(_DASHES)]
    look: dict[str, Any] = {"linewidth": points(_WIDTHS[mark.weight]), "linestyle": dashes, "alpha": 0.6 if faint else 1.0}
    axes.plot(mark.x, mark.y, color=_colour(mark.group), label=mark.label or None, **look)


def _band(axes: "Axes", mark: Band) -> None:
    look: dict[str, Any] = {"color": _colour(mark.group), "alpha": 0.18, "linewidth": 0}
    axes.fill_between(mark.x, mark.low, mark.high, label=mark.label or None, **look)


def _points(axes: "Axes", mark: Points) -> None:
    dot, colour = mark.marker == "dot", _colour(mark.group)
    look: dict[str, Any] = {"color": colour, "markersize": points(_SIZES[mark.marker]), "alpha": 0.55 if dot else 1.0}
    look |= {"markeredgecolor": "none" if dot else "white", "markeredgewidth": 0.6, "zorder": 4}
    axes.plot(mark.x, mark.y, _MARKERS[mark.marker], label=mark.label or None, **look)
    if mark.spans is not None:
        axes.vlines(mark.x, *mark.spans, color=colour, linewidth=2.0, zorder=3)


def _span(axes: "Axes", mark: Span) -> None:
    colour = _colour(mark.group) if mark.group else "#BBBBBB"
    axes.axvspan(mark.low, mark.high, color=colour, alpha=0.16, linewidth=0, label=mark.label or None)


_RULED = (0.02, 0.34)
"""Heights at which the texts of upright rules stand in turn, so that near ones do not run into each other."""


def _rule(axes: "Axes", mark: Rule, height: float) -> None:
    line = axes.axvline if mark.across == "x" else axes.axhline
    line(mark.at, color="#555555", linewidth=0.9, linestyle=(0, (2, 2)))
    if not mark.text:
        return
    if mark.across == "x":
        place: dict[str, Any] = {"xy": (mark.at, height), "xycoords": ("data", "axes fraction"), "rotation": 90, "va": "bottom"}
        place |= {"xytext": (-8, 0)}
    else:
        place = {"xy": (0.98, mark.at), "xycoords": ("axes fraction", "data"), "ha": "right", "xytext": (0, 3)}
    axes.annotate(mark.text, textcoords="offset points", fontsize=points(7), color="#555555", parse_math=False, **place)


def _box(axes: "Axes", mark: Box) -> None:
    from matplotlib.patches import Rectangle

    width, height = mark.x[1] - mark.x[0], mark.y[1] - mark.y[0]
    look: dict[str, Any] = {"facecolor": "#BBBBBB", "alpha": 0.3, "edgecolor": "#555555", "label": mark.label or None}
    axes.add_patch(Rectangle((mark.x[0], mark.y[0]), width, height, **look))


_MARKS: dict[type, Callable[["Axes", Any], None]] = {
    Line: _line, Band: _band, Points: _points, Span: _span, Box: _box,
}  # fmt: skip
