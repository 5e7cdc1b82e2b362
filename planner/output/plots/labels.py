"""Texts on lines and beside points: where no other text stands, and as few points and lines as can be."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.output.charts._base import Line, Panel, Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _HIGH, _GAP = 4.4, 9.0, 4.4
"""Points of a letter of seven points, nearly, of a line of them, and between a mark and its text."""


class _Box(NamedTuple):
    """Ends in pixels."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: "_Box") -> bool:
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high

    def within(self, frame: Any) -> bool:
        return bool(frame.x0 <= self.left and self.right <= frame.x1 and frame.y0 <= self.low and self.high <= frame.y1)

    def covers(self, inked: NDArray[np.float64]) -> int:
        x, y = inked.T
        return int(((self.left < x) & (x < self.right) & (self.low < y) & (y < self.high)).sum())


def points(usual: float) -> float:
    """Return a size of letters, in points, in the picture that is drawn: its texts shrink with it."""
    from matplotlib import rcParams

    return float(usual * rcParams["font.size"] / USUAL)


USUAL = 9.0
"""Points of a picture's letters at its usual size."""


def write_beside(axes: "Axes", panel: Panel, colour: Callable[[int], str]) -> None:
    """Write the texts of a panel's lines and points; one that finds no place beside its point, free of texts, is left out."""
    from matplotlib.patheffects import withStroke

    frame, pixels = axes.get_window_extent(), axes.figure.dpi / 72 * points(1)
    named = [
        (mark, str(text), (float(x), float(y)))
        for mark in panel.marks
        if isinstance(mark, Points) and mark.texts
        for x, y, text in zip(mark.x, mark.y, mark.texts, strict=True)
    ]
    inked = _inked(axes, panel)
    taken = _write_on_lines(axes, panel, colour)
    for mark, text, at in sorted(named, key=lambda each: (each[0].marker == "star", each[2])):  # published models last
        x, y = axes.transData.transform(at)
        width, height, gap = _WIDE * len(text) * pixels, _HIGH * pixels, _GAP * pixels
        boxes = [_Box(x + dx, y + dy, x + dx + width, y + dy + height) for dx, dy in _places(width, height, gap)]
        free = [box for box in boxes if box.within(frame) and not any(box.meets(each) for each in taken)]
        if not free:
            continue
        best = min(free, key=lambda box: (box.covers(inked), boxes.index(box)))
        taken.append(best)
        offset = tuple(each * 72 / axes.figure.dpi for each in (best.left - x, best.low - y))
        look: dict[str, Any] = {
            "fontsize": points(7),
            "color": colour(mark.group),
            "va": "bottom",
            "zorder": 5,
            "parse_math": False,
            "path_effects": [withStroke(linewidth=points(2.2), foreground="white")],
        }
        axes.annotate(text, at, offset, textcoords="offset points", annotation_clip=True, **look)


def _write_on_lines(axes: "Axes", panel: Panel, colour: Callable[[int], str]) -> list[_Box]:
    """Write each line's text onto it, near its end, where the fewest others cross; return the places."""
    pixels, taken = axes.figure.dpi / 72 * points(1), list[_Box]()
    look: dict[str, Any] = {"fontsize": points(7), "ha": "center", "va": "center", "parse_math": False}
    look["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    for mark in (each for each in panel.marks if isinstance(each, Line) and each.note and len(each.x)):
        others = _inked(axes, panel, but=mark)
        half = _WIDE * len(mark.note) * pixels / 2, _HIGH * pixels / 2
        usual = round(_NOTED * (len(mark.x) - 1))
        found = []
        for place in {round(share * (len(mark.x) - 1)) for share in np.linspace(0.1, 0.97, 60)} | {usual}:
            x, y = axes.transData.transform((mark.x[place], mark.y[place]))
            box = _Box(x - half[0], y - half[1], x + half[0], y + half[1])
            crossed = box.covers(others) + 100 * sum(box.meets(each) for each in taken)
            found.append((not box.within(axes.get_window_extent()), crossed, abs(place - usual), place, box))
        *_, place, box = min(found)
        taken.append(box)
        axes.annotate(mark.note, (mark.x[place], mark.y[place]), color=colour(mark.group), **look)
    return taken


_NOTED = 0.85
"""Share of a line at which its text stands, if nothing crosses there."""


def _places(width: float, height: float, gap: float) -> list[tuple[float, float]]:
    """Return where a text may stand against its point: right, left, above, below, and the corners."""
    sides = [(gap, -height / 2), (-gap - width, -height / 2), (-width / 2, gap), (-width / 2, -gap - height)]
    return sides + [(dx, dy) for dx in (gap / 2, -gap / 2 - width) for dy in (gap / 2, -gap / 2 - height)]


def _inked(axes: "Axes", panel: Panel, but: Line | None = None) -> NDArray[np.float64]:
    """Return pixels that the marks and lines of a panel cover ``but`` one, close enough to find those under a text."""
    found = [np.zeros((0, 2))]
    for mark in panel.marks:
        if not isinstance(mark, (Line, Points)) or mark is but or not len(mark.x):
            continue
        covered = axes.transData.transform(np.column_stack([mark.x, mark.y]))
        covered = covered[np.isfinite(covered).all(axis=1)]
        if isinstance(mark, Line) and len(covered) > 1:
            steps = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
            covered = (covered[:-1] + steps * np.diff(covered, axis=0)).reshape(-1, 2)
        found.append(covered)
    return np.concatenate(found)
