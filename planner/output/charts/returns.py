"""Charts of what more buys: a learning curve's regions, the fall in loss over budgets, a benchmark's error against compute."""

import numpy as np

from planner.allocation.open_choices import allocate_best
from planner.fitting.learning_curve.curve_result import Curve
from planner.output.charts._base import COMPUTE, Chart, Line, Mark, Panel, Points, Rule, Scale, Span, law_text, point, runs_span
from planner.output.charts.surfaces import loss_scale
from planner.planning.benchmark_limits import BenchmarkLimits
from planner.planning.benchmark_regressions import Regression
from planner.planning.diminishing_returns import ComputeLimits
from planner.quantities import format_count, format_percent, significant
from planner.scaling_laws.forms import Num


def curve_chart(curve: Curve) -> Chart:
    """Return the points of a learning curve, the curve through them, and its regions."""
    sizes, errors = np.array(curve.sizes), np.array(curve.errors)
    low, high = sizes[0] / 3, sizes[-1] * 30
    if curve.reach:
        high = max(high, min(curve.reach.size.value * 3, sizes[-1] * 1e6))
    marks: list[Mark] = []
    first = curve.learning_from.value if curve.learning_from else None
    last = curve.half_floor_from.value if curve.half_floor_from else None
    if first is not None and first > low:
        marks.append(Span(low, first, "small-data region", 1))
    middle = (max(first or low, low), min(last or high, high))
    if middle[0] < middle[1]:
        marks.append(Span(*middle, "power-law region", 2))
    if last is not None and last < high:
        marks.append(Span(max(last, low), high, "irreducible region: floor above half of the error", 5))
    x = np.geomspace(low, high, 241)
    marks.append(Line(x, np.array([curve.error(size) for size in x]), f"exponent {significant(curve.exponent.value)}", 0, "main"))
    marks.append(Points(sizes, errors, f"{len(sizes)} points of {curve.name}", 0, "circle"))
    marks.append(Rule(float(sizes[-1]), "largest size"))
    if curve.floor:
        marks.append(Rule(curve.floor.value, f"floor {significant(curve.floor.value)}", "y"))
    if curve.best_guess:
        marks.append(Rule(curve.best_guess.value, f"best guess {significant(curve.best_guess.value)}", "y"))
    if curve.reach:
        error, size = curve.reach.error, curve.reach.size
        text = f"target {significant(error)}"
        if size.value <= high:
            marks.append(point(size.value, error, text, 3, "star", format_count(size.value)))
        elif np.isfinite(size.low):
            marks.append(Rule(error, text, "y"))
    panel = Panel("Learning curve", Scale("training examples", ends=(low, high)), Scale("error", unit="plain"), tuple(marks))
    source = "error = min(best guess, floor + power law of size); regions after Hestness et al. 2017, arXiv 1712.00409"
    return Chart(f"Learning curve of {curve.name}", source, (panel,))


_MARKED = {
    "beyond-10": "10x beyond its runs",
    "beyond-100": "100x beyond its runs",
    "data-run-out": "data run out",
    "near-the-floor": "near the floor",
    "contradiction": "Kaplan's laws contradict",
}


def compute_chart(found: ComputeLimits) -> Chart:
    """Return the fall in loss from doubling compute, parameters or tokens, and the loss itself, over budgets."""
    rows = [row for row in found.rows if row.loss is not None]
    C = np.array([row.flops for row in (rows or found.rows)])
    inside = [mark for mark in found.marks if C[0] <= mark.flops <= C[-1]]
    rules = [Rule(mark.flops, _MARKED.get(mark.code, mark.code)) for mark in inside]
    spans = runs_span(found.law)
    if not rows:
        N, D = (np.array([getattr(row, name) for row in found.rows]) for name in ("params", "tokens"))
        lines = (Line(C, N, "parameters", 0), Line(C, D, "tokens", 1))
        sizes = Panel("Optima", COMPUTE, Scale("parameters, tokens"), (*spans, *lines, *rules))
        return Chart("Where more compute goes", law_text(found.law), (sizes,))
    falls: list[Mark] = []
    for group, (name, label) in enumerate(_FALLS.items()):
        values = [getattr(row, name) for row in rows]
        if all(value is not None for value in values):
            falls.append(_along(C, np.array(values), label, group))
    unit = found.law.conventions.loss_unit
    x = COMPUTE._replace(label="compute that trains and serves, FLOP") if found.served else COMPUTE
    fall = Panel("What doubling buys", x, Scale(f"fall in loss, {unit}", unit="plain"), (*spans, *falls, *rules))
    dense = C if len(C) == 1 else np.geomspace(C[0], C[-1], 121)
    losses: list[Mark] = [_along(dense, allocate_best(found.law, dense, found.served).loss, "compute-optimal", 0)]
    floor = float(found.law.irreducible_loss or 0.0)
    if floor > 0:
        losses.append(Rule(floor, f"irreducible {significant(floor, 4)}", "y"))
    loss = Panel("What is left", x, loss_scale(found.law), (*spans, *losses, *rules))
    return Chart("Where more compute stops paying", law_text(found.law), (fall, loss))


_FALLS = {
    "doubling": "twice the compute",
    "doubling_params": "twice the parameters alone",
    "doubling_tokens": "twice the tokens alone",
}


def _along(x: Num, y: Num, label: str, group: int) -> Mark:
    """Return a line over budgets, or the point of a single one."""
    return Points(x, y, label, group, "circle") if len(x) == 1 else Line(x, y, label, group, "main" if group == 0 else "usual")


def benchmark_chart(found: BenchmarkLimits) -> Chart:
    """Return a benchmark's error against compute by each regression, with the target and today's error."""
    lines: list[Mark] = []
    last = np.log10(max((need.flops for need in found.needed if need.flops), default=1e30) * 10)
    for group, (line, need) in enumerate(zip(found.benchmark.regressions, found.needed, strict=True)):
        logs = np.linspace(line.middle - 3, last, 241)
        errors = np.array([_error(line, each) for each in logs])
        seen = np.isfinite(errors) & (errors > 0) & (errors < 1)
        label = f"{line.kind}, R2 {significant(line.r2, 2)}"
        lines.append(Line(10.0 ** logs[seen], errors[seen], label, group, "main" if group == 0 else "usual"))
        grid = np.geomspace(max(found.error / 2, 1e-4), 0.9, 61)
        ends = [np.array([_flops(line, error, slope) for error in grid]) for slope in line.slopes(found.level)]
        both = np.isfinite(ends[0]) & np.isfinite(ends[1])
        if both.any():
            lines += [Line(end[both], grid[both], "", group, "faint", dashed=True) for end in ends]
        if need.flops:
            lines.append(point(need.flops, found.error, "", group, "star"))
    rules: list[Mark] = [Rule(found.error, f"target {format_percent(found.error)}", "y")]
    if found.today is not None:
        rules.append(Rule(found.today, f"today {format_percent(found.today)}", "y"))
    first = min(line.middle for line in found.benchmark.regressions) - 3
    x = COMPUTE._replace(label="hardware burden, or operations, FLOP", ends=(10**first, 10**last))
    panel = Panel(found.benchmark.title, x, Scale(found.benchmark.metric, unit="percent"), (*lines, *rules))
    text = f"dashed: {format_percent(found.level)} interval of the slope"
    return Chart(f"What an error of {format_percent(found.error)} takes", f"{found.benchmark.source}; {text}", (panel,))


def _error(line: Regression, log_flops: float) -> float:
    height = line.c0 + line.c1 * log_flops
    return float("nan") if line.kind == "exponential" and height <= 0 else line.error(log_flops)


def _flops(line: Regression, error: float, slope: float) -> float:
    log = line.log_flops(error, slope) if slope > 0 else float("inf")
    return float(10.0**log) if abs(log) < 60 else float("nan")
