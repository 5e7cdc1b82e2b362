"""Charts of what stands on rows: devices ranked, layouts and batch sizes, levers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.architectures.layout import Layout, split_text
from planner.errors import CannotPlanError
from planner.output.charts._base import COMPUTE, PARAMS, Chart, Line, Mark, Panel, Points, Rule, Scale, law_text
from planner.planning.configure import Configuration
from planner.planning.hardware_ranking import Ranking
from planner.planning.levers_result import Levers, Worth
from planner.planning.scaling import Scaling
from planner.planning.throughput import Throughput
from planner.quantities import format_count, format_flops, format_whole, plain
from planner.quantities.estimate import Range, exactly

_ROWS = Scale("", log=False)


def _ranges(heading: str, scale: Scale, names: list[str], ranges: list[Range | None], label: str) -> Panel:
    """Return one row for each name, from the top, with low, expected and high."""
    known = [(name, each) for name, each in zip(names, ranges, strict=True) if each is not None]
    low, x, high = np.array([each for _, each in reversed(known)]).T
    marks = (Points(x, _places(known)[::-1], label, 0, "circle", (), (low, high)),)
    return Panel(heading, scale, _ROWS, marks, tuple(name for name, _ in known))


def _places(rows: Sequence[object]) -> NDArray[np.float64]:
    """Return the heights of rows, from the top."""
    return np.arange(len(rows) - 1, -1, -1.0)


def ranking_chart(found: Ranking) -> Chart:
    """Return what the compute costs on each device, and the energy it takes, with low and high ends; of money what it buys."""
    rows = [row for row in found.rows if row.cost.dollars or row.cost.kwh]
    if not rows:
        raise CannotPlanError("plot: neither price nor power of these devices is known: there is nothing to draw")
    left = f"; the first {_MOST} of {len(rows)} by {found.order}" if len(rows) > _MOST else ""
    rows = rows[:_MOST]
    names = [row.device.id for row in rows]
    if found.flops is None:
        compute, params = [exactly(row.flops) for row in rows], [exactly(row.params) for row in rows]
        bought = (("Compute", COMPUTE, compute), ("Parameters", PARAMS, params))
        panels = [_ranges(heading, scale, names, [*ranges], "expected") for heading, scale, ranges in bought]
        return Chart("What the budget buys on each device", f"{law_text(found.law)}{left}", tuple(panels))
    dollars, kwh = [row.cost.dollars for row in rows], [row.cost.kwh for row in rows]
    scales = Scale("US dollars", unit="dollars"), Scale("kWh", unit="plain")
    spent = (("Cost", scales[0], dollars), ("Energy at the meter", scales[1], kwh))
    label = "expected, with the published range"
    panels = [_ranges(heading, scale, names, ranges, label) for heading, scale, ranges in spent if any(ranges)]
    source = f"published prices of the dates shown by plan hardware{left}"
    return Chart(f"{format_flops(found.flops)} on each device", source, tuple(panels))


_MOST = 24
"""Devices that are drawn: their names stand beside each other."""


def throughput_chart(found: Throughput) -> Chart:
    """Return where the time of a step goes, and how fast each layout is with its range, beside what was measured near it."""
    parts = [part for part in sorted(found.parts.items(), key=lambda part: -part[1]) if part[1] > 5e-4 * found.step_time]
    names, seconds = zip(*parts, strict=True)
    marks = (Points(np.array(seconds), _places(parts), "seconds of a step; they overlap", 0, "square"),)
    work = Panel("Where the time of a step goes", Scale("seconds", unit="plain"), _ROWS, marks, names)
    low, high = found.intervals["tokens_per_second_per_device"]
    ranges: list[Range | None] = [Range(low, found.tokens_per_second_per_device, high)]
    ranges += [fit.speed and fit.speed.tokens_per_second_per_device for fit in found.others]
    layouts = [_layout_name(layout) for layout in (found.layout, *(fit.layout for fit in found.others))]
    scale = Scale("tokens a second, a device", unit="plain")
    speeds = _ranges("How fast each layout is", scale, layouts, ranges, f"forecast, with its {found.level:.0%} interval")
    title = f"{format_count(found.shape.total)} parameters on {format_whole(found.machine.devices)} devices"
    return Chart(title, f"software {found.software} of {found.year:.1f}", (work, speeds))


def scaling_chart(found: Scaling) -> Chart:
    """Return tokens a second over devices, with the intervals and the line on which twice the devices are twice as fast."""
    known = [row for row in found.rows if row.throughput is not None]
    devices = np.array([row.devices for row in known], float)
    speeds = np.array([row.throughput.tokens_per_second for row in known if row.throughput])
    ends = np.array([row.throughput.intervals["tokens_per_second"] for row in known if row.throughput])
    marks: tuple[Mark, ...] = (
        Points(devices, speeds, "forecast, with its interval", 0, spans=(ends[:, 0], ends[:, 1])),
        Line(devices, speeds[0] * devices / devices[0], "twice the devices, twice as fast", 1),
    )
    if found.pays_to is not None and found.pays_to < found.rows[-1].devices:
        marks = (*marks, Rule(found.pays_to, "more stop paying"))
    panel = Panel("Tokens a second on more devices, at the same batch", Scale("devices"), Scale("tokens a second"), marks)
    worth = f"a doubling pays if it makes it {plain(found.worth)} times as fast"
    return Chart(f"{format_count(found.batch)} tokens a step", worth, (panel,))


def _layout_name(layout: Layout) -> str:
    """Return a layout in short: its sizes above one, its stage, and the sequences of a device."""
    return f"{split_text(layout, short=True)}, Z{layout.zero}, {layout.micro_batch} seq"


def configuration_chart(found: Configuration) -> Chart:
    """Return what each layout keeps on a device, and the batch sizes and learning rates of published laws."""
    panels = []
    if found.fits:
        names, place = [_layout_name(fit.layout) for fit in found.fits], _places(found.fits)
        states, whole = (np.array([getattr(fit.memory, name) for fit in found.fits]) / 1e9 for name in ("states", "total"))
        marks: list[Mark] = [Points(states, place, "weights, gradients, optimizer", 0, "square")]
        marks.append(Points(whole, place, "and activations: in all", 1, "circle"))
        if found.capacity:
            marks.append(Rule(found.capacity / 1e9, f"{found.capacity / 1e9:.0f} GB there are"))
        panels.append(Panel("Memory of the fullest device", Scale("GB", unit="plain"), _ROWS, tuple(marks), tuple(names)))
    for heading, scale, name in (
        ("Batch size by law", Scale("tokens a batch"), "batch"),
        ("Learning rate by law", Scale("peak learning rate", unit="plain"), "learning_rate"),
    ):
        said = [(each.recipe.id, getattr(each, name)) for each in found.suggestions if getattr(each, name)]
        if said:
            laws, values = zip(*said, strict=True)
            points = Points(np.array(values), _places(said), "by published laws", 2, "triangle")
            panels.append(Panel(heading, scale, _ROWS, (points,), laws))
    if not panels:
        raise CannotPlanError("plot: no layout, batch size or learning rate of this run is known: there is nothing to draw")
    return Chart("What to configure", law_text(found.law), tuple(panels))


def levers_chart(found: Levers) -> Chart:
    """Return the gain of each lever, with its range, as a factor on compute; of a budget that serves too, what it is worth."""
    serves = found.served > 0
    every = [*found.levers, *([found.combined] if found.combined else [])]
    gains = [_worth(each, found.flops) if serves else _gain(each) for each in every]
    if not any(gains):
        raise CannotPlanError("plot: no lever has a number: there is nothing to draw")
    scale, label = Scale("gain, as a factor on compute", unit="plain"), "measured, with its range"
    if serves:
        scale, label = scale._replace(label="worth, over the budget that trains and serves"), "what it is worth"
    panel = _ranges("What each lever is worth", scale, [each.id for each in every], gains, label)
    return Chart(f"Instead of more compute than {format_flops(found.flops)}", law_text(found.law), (panel,))


def _worth(each: Worth, flops: float) -> Range | None:
    return None if each.equivalent_flops is None else exactly(each.equivalent_flops / flops)


def _gain(lever: Worth) -> Range | None:
    known = [each for each in (lever.gain_low, lever.gain, lever.gain_high) if each is not None]
    return Range(known[0], known[len(known) // 2], known[-1]) if known else None
