"""Charts of what stands on rows: devices ranked, layouts and batch sizes, levers."""

import numpy as np

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
    names = [name for name, each in zip(names, ranges, strict=True) if each is not None]
    known = list(enumerate(each for each in reversed(ranges) if each is not None))
    x = np.array([each.expected for _, each in known])
    spans = np.array([each.low for _, each in known]), np.array([each.high for _, each in known])
    y = np.array([place for place, _ in known], float)
    return Panel(heading, scale, _ROWS, (Points(x, y, label, 0, "circle", (), spans),), tuple(names))


def ranking_chart(found: Ranking) -> Chart:
    """Return what the compute costs on each device, and the energy it takes, with low and high ends; of money what it buys."""
    rows = [row for row in found.rows if row.cost.dollars or row.cost.kwh]
    if not rows:
        raise CannotPlanError("plot: neither price nor power of these devices is known: there is nothing to draw")
    left = f"; the first {_MOST} of {len(rows)} by {found.order}" if len(rows) > _MOST else ""
    rows = rows[:_MOST]
    names = [row.device.id for row in rows]
    if found.flops is None:
        bought = (("Compute", COMPUTE, [row.flops for row in rows]), ("Parameters", PARAMS, [row.params for row in rows]))
        panels = [_ranges(head, scale, names, [exactly(each) for each in each_of], "expected") for head, scale, each_of in bought]
        return Chart("What the budget buys on each device", f"{law_text(found.law)}{left}", tuple(panels))
    dollars, kwh = [row.cost.dollars for row in rows], [row.cost.kwh for row in rows]
    panels = [
        _ranges(heading, scale, names, ranges, "expected, with the published range")
        for heading, scale, ranges in (
            ("Cost", Scale("US dollars", unit="dollars"), dollars),
            ("Energy at the meter", Scale("kWh", unit="plain"), kwh),
        )
        if any(ranges)
    ]
    source = f"published prices of the dates shown by plan hardware{left}"
    return Chart(f"{format_flops(found.flops)} on each device", source, tuple(panels))


_MOST = 24
"""Devices that are drawn: their names stand beside each other."""


def throughput_chart(found: Throughput) -> Chart:
    """Return where the time of a step goes, and how fast each layout is with its range, beside what was measured near it."""
    some = [(name, value) for name, value in found.parts.items() if value > 5e-4 * found.step_time]
    parts = sorted(some, key=lambda part: -part[1])
    names, seconds = [name for name, _ in parts], np.array([value for _, value in parts])
    place = np.arange(len(names) - 1, -1, -1.0)
    marks = (Points(seconds, place, "seconds of a step; they overlap", 0, "square"),)
    work = Panel("Where the time of a step goes", Scale("seconds", unit="plain"), _ROWS, marks, tuple(names))
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
    return Chart(
        f"{format_count(found.batch)} tokens a step",
        f"a doubling pays if it makes it {plain(found.worth)} times as fast",
        (panel,),
    )


def _layout_name(layout: Layout) -> str:
    """Return a layout in short: its sizes above one, its stage, and the sequences of a device."""
    return f"{split_text(layout, short=True)}, Z{layout.zero}, {layout.micro_batch} seq"


def configuration_chart(found: Configuration) -> Chart:
    """Return what each layout keeps on a device, and the batch sizes and learning rates of published laws."""
    panels = []
    if found.fits:
        names = [_layout_name(fit.layout) for fit in found.fits]
        place = np.arange(len(names) - 1, -1, -1.0)
        parts = [
            ("weights, gradients, optimizer", np.array([fit.memory.states for fit in found.fits]), "square"),
            ("and activations: in all", np.array([fit.memory.total for fit in found.fits]), "circle"),
        ]
        marks: list[Mark] = [Points(x / 1e9, place, label, group, marker) for group, (label, x, marker) in enumerate(parts)]  # type: ignore[arg-type]
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
            points = Points(np.array(values), np.arange(len(laws) - 1, -1, -1.0), "by published laws", 2, "triangle")
            panels.append(Panel(heading, scale, _ROWS, (points,), tuple(laws)))
    if not panels:
        raise CannotPlanError("plot: no layout, batch size or learning rate of this run is known: there is nothing to draw")
    return Chart("What to configure", law_text(found.law), tuple(panels))


def levers_chart(found: Levers) -> Chart:
    """Return the gain of each lever, with its range, as a factor on compute; of a budget that serves too, what it is worth."""
    serves = found.served > 0
    every = [*found.levers, *([found.combined] if found.combined else [])]
    rows = [(each.id, _worth(each, found.flops) if serves else _gain(each.gain, each.gain_low, each.gain_high)) for each in every]
    names, gains = [name for name, gain in rows if gain], [gain for _, gain in rows if gain]
    if not gains:
        raise CannotPlanError("plot: no lever has a number: there is nothing to draw")
    panel = _ranges(
        "What each lever is worth",
        Scale("worth, over the budget that trains and serves" if serves else "gain, as a factor on compute", unit="plain"),
        names,
        [*gains],
        "what it is worth" if serves else "measured, with its range",
    )
    return Chart(f"Instead of more compute than {format_flops(found.flops)}", law_text(found.law), (panel,))


def _worth(each: Worth, flops: float) -> Range | None:
    times = None if each.equivalent_flops is None else each.equivalent_flops / flops
    return None if times is None else Range(times, times, times)


def _gain(gain: float | None, low: float | None, high: float | None) -> Range | None:
    known = [each for each in (low, gain, high) if each is not None]
    return Range(known[0], known[len(known) // 2], known[-1]) if known else None
