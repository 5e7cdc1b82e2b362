"""A chart as data: panels with scales and marks in base units, ready to be drawn with ink, in a terminal, or read by a test."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from planner.allocation.extrapolation import FAR
from planner.quantities import format_factor
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law

Unit = Literal["count", "flops", "percent", "plain", "dollars"]
"""How numbers along a scale are written; ``render`` knows how."""

Weight = Literal["main", "usual", "faint"]
Marker = Literal["circle", "cross", "square", "triangle", "dot", "star"]


class Scale(NamedTuple):
    """One axis of a panel: its label with the unit, whether it is logarithmic, how numbers are written, and its ends."""

    label: str
    log: bool = True
    unit: Unit = "count"
    ends: tuple[float, float] | None = None


class Line(NamedTuple):
    """A line through points; ``group`` picks colour and dash, alike for marks of the same group."""

    x: Num
    y: Num
    label: str = ""
    group: int = 0
    weight: Weight = "usual"
    dashed: bool = False
    note: str = ""
    """Text at the line's end."""


class Band(NamedTuple):
    """The area between two lines over x."""

    x: Num
    low: Num
    high: Num
    label: str = ""
    group: int = 0


class Points(NamedTuple):
    """Points, each with a text beside it where ``texts`` are given, and with ends of an interval where ``spans`` are."""

    x: Num
    y: Num
    label: str = ""
    group: int = 0
    marker: Marker = "circle"
    texts: tuple[str, ...] = ()
    spans: tuple[Num, Num] | None = None


def point(x: float, y: float, label: str, group: int, marker: Marker, text: str = "", ends: Sequence[Any] = ()) -> Points:
    """Return a single point, with a text and the ends of an interval where they are given."""
    spans = (np.array([ends[0]]), np.array([ends[1]])) if ends else None
    return Points(np.array([x]), np.array([y]), label, group, marker, (text,) if text else (), spans)


class Span(NamedTuple):
    """A range of x, shaded from bottom to top."""

    low: float
    high: float
    label: str = ""
    group: int = 0


def runs_span(law: Law) -> list[Span]:
    """Return the compute of a law's runs, where it is known."""
    return [Span(*law.domain.flops, f"runs of {law.id}")] if law.domain.flops else []


class Rule(NamedTuple):
    """A straight line across the panel at one x, or at one y, with a text along it."""

    at: float
    text: str = ""
    across: Literal["x", "y"] = "x"


class Box(NamedTuple):
    """The outline of a rectangle."""

    x: tuple[float, float]
    y: tuple[float, float]
    label: str = ""


Mark = Line | Band | Points | Span | Rule | Box


class Panel(NamedTuple):
    """One plot: a title, two scales, marks; ``rows`` names what stands on a y scale without numbers, from the top."""

    title: str
    x: Scale
    y: Scale
    marks: tuple[Mark, ...]
    rows: tuple[str, ...] = ()

    def found(self, kind: type[Any], label: str = "") -> list[Any]:
        """Return the marks of a kind, with a label that begins so."""
        return [mark for mark in self.marks if isinstance(mark, kind) and getattr(mark, "label", "").startswith(label)]


class Chart(NamedTuple):
    """Panels side by side under a title; ``source`` says which law and where it comes from."""

    title: str
    source: str
    panels: tuple[Panel, ...]


def thinned(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many items, evenly picked, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


PARAMS, TOKENS = Scale("parameters N"), Scale("tokens D")
COMPUTE = Scale("training compute C, FLOP", unit="flops")


def guess_text(extrapolation: float | None) -> str:
    """Return what a picture must say of an answer far outside the runs of its law."""
    if extrapolation is None or extrapolation <= FAR:
        return ""
    return f"; {format_factor(extrapolation)} outside those runs: a guess, not a forecast"


def law_text(law: Law) -> str:
    """Return the law with its source, as every chart names it."""
    return f"{law.id}: {law.form.equation} ({law.reference})"
