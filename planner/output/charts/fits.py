"""Charts of a fit: residuals, the cloud of draws, the forecast's fan beyond the data; and of a back-test's errors."""

from itertools import product

import numpy as np

from planner._util.defaults import DEFAULT_LAW
from planner.allocation import solver
from planner.allocation.intervals import draw_cloud
from planner.allocation.loss_interval import loss_interval
from planner.allocation.problem import as_problem
from planner.errors import OptionError
from planner.fitting.backtest import Backtest, Case
from planner.fitting.results import FitResult
from planner.fitting.sample import Sample
from planner.fitting.tables.row_choice import PURPOSES
from planner.output.charts._base import COMPUTE, Band, Box, Chart, Line, Mark, Marker, Panel, Points, Rule, Scale, Span, law_text
from planner.output.charts.surfaces import loss_scale, surface_panel
from planner.pilot_design.pilots_result import Pilots
from planner.quantities import format_flops, format_percent
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import Num

_BEYOND = 100.0  # how far the fan goes past the largest run, over its compute
_MOST = 2000  # points of a cloud


def fit_chart(fit: FitResult) -> Chart:
    """Return residuals against compute, the draws, and the expected loss with its intervals beyond the data."""
    runs = fit.sample
    if runs is None:
        raise OptionError("plot: this fit does not hold its runs; fit them again")
    panels = [panel for panel in (_residuals(fit, runs), _cloud(fit, runs), _fan(fit, runs)) if panel is not None]
    return Chart(f"{fit.method} fit to {len(runs)} runs of {fit.inputs['runs']}", law_text(fit.law), tuple(panels))


def _residuals(fit: FitResult, runs: Sample) -> Panel | None:
    if fit.law.surface_law is not fit.law:
        return None
    missed = runs.loss / np.asarray(fit.law.loss(runs.params, runs.tokens)) - 1
    marks: list[Mark] = [Rule(0.0, "", "y"), Points(runs.flops, missed, f"{len(runs)} runs", 0, "dot")]
    if fit.outliers:
        N, D, L = np.array([(each.params, each.tokens, each.loss) for each in fit.outliers]).T
        far = L / np.asarray(fit.law.loss(N, D)) - 1
        marks.append(Points(runs.per_token * N * D, far, f"{len(far)} far from the law", 5, "cross"))
    return Panel("Residuals", COMPUTE, Scale("measured loss over the law's, less 1", log=False, unit="percent"), tuple(marks))


def _cloud(fit: FitResult, runs: Sample) -> Panel | None:
    if fit.law.draws is None or fit.law.role != "plan":
        return None
    flops = _BEYOND * float(runs.flops.max())
    a, N = draw_cloud(fit.law, flops)
    best, exponents = float(solver.allocate(fit.law, flops).params), fit.law.exponents
    marks: list[Mark] = [Points(a[:_MOST], N[:_MOST], f"{len(a)} draws", 0, "dot")]
    if exponents:
        marks.append(Points(np.array([exponents[0]]), np.array([best]), fit.law.id, 5, "cross"))
    x = Scale("exponent a of N ~ C^a", log=False, unit="plain")
    return Panel(f"Draws at {format_flops(flops)}", x, Scale("parameters N"), tuple(marks))


def _fan(fit: FitResult, runs: Sample) -> Panel | None:
    law = fit.law
    if law.surface_law is not law or law.role != "plan":
        return None
    low, high = float(runs.flops.min()), float(runs.flops.max())
    C = np.geomspace(low, high * _BEYOND, 61)
    best = solver.allocate(law, C)
    marks: list[Mark] = [Span(low, high, "the runs' compute")]
    found = loss_interval(law, best.params, best.tokens, fit.level)
    if found is not None:
        level = format_percent(fit.level)
        marks.append(Band(C, *found.run, f"{level} interval of a run", 0))
        marks.append(Band(C, *found.mean, f"{level} interval of the law", 0))
    marks.append(Line(C, best.loss, "expected, compute-optimal", 0, "main"))
    marks.append(Points(runs.flops, runs.loss, "runs", 7, "dot"))
    ends = float(min(np.min(runs.loss), np.min(best.loss))), float(np.quantile(runs.loss, 0.98))
    pad = (ends[1] - ends[0]) / 12
    return Panel("Forecast", COMPUTE, loss_scale(law, (ends[0] - pad, ends[1] + pad)), tuple(marks))


_PURPOSES: dict[str, tuple[int, Marker]] = dict(zip(PURPOSES, ((2, "circle"), (5, "triangle"), (0, "square")), strict=True))


def pilots_chart(found: Pilots) -> Chart:
    """Return the pilots over the default law's loss surface, up to the target; larger marks are not dearer runs."""
    law = load_law(DEFAULT_LAW)
    base = surface_panel(as_problem(law), found.target, None, [run.flops for run in found.runs])
    marks: list[Mark] = [mark for mark in base.marks if not isinstance(mark, Box)]
    for purpose, (group, marker) in _PURPOSES.items():
        runs = [(run.params, run.tokens) for run in found.runs if run.purpose == purpose]
        if runs:
            N, D = np.array(runs).T
            marks.append(Points(N, D, f"{purpose} ({len(runs)})", group, marker))
    title = f"{len(found.runs)} pilots of {format_flops(found.spent)} for {format_flops(found.target)}"
    return Chart(title, f"over {law_text(law)}", (base._replace(title="Pilots and target", marks=tuple(marks)),))


_SIGNS: tuple[Marker, ...] = ("circle", "square", "triangle", "cross")


def _foretold(done: list[Case]) -> Panel:
    """Return predicted against measured losses, of each method and ratio, with the line where they agree."""
    points = []
    for group, (method, ratio) in enumerate(dict.fromkeys((case.method, case.ratio) for case in done)):
        runs = [case.runs for case in done if (case.method, case.ratio) == (method, ratio) and case.runs]
        x, y = np.concatenate([each.measured for each in runs]), np.concatenate([each.predicted for each in runs])
        points.append(_of_group(x, y, group, method, ratio))
    loss = Scale("measured loss", unit="plain")
    marks: tuple[Mark, ...] = (_diagonal(points, "foretold exactly"), *points)
    return Panel("Predicted against measured", loss, Scale("predicted loss", unit="plain"), marks)


def _of_group(x: Num, y: Num, group: int, method: str, ratio: float) -> Points:
    return Points(x, y, f"{method}, fitted on C <= C_max/{ratio:g}", group, _SIGNS[group % len(_SIGNS)])


def _diagonal(points: list[Points], text: str, least: float = 0.0) -> Line:
    """Return the line where both sides are the same, as long as the points need."""
    values = np.concatenate([[*each.x, *each.y] for each in points])
    ends = np.array([max(float(values.min()), least), float(values.max())])
    return Line(ends, ends, text, 7, "faint", dashed=True)


def backtest_chart(found: Backtest) -> Chart:
    """Return the error of each group's prediction, and how wide the intervals were against it."""
    done = [case for case in found.cases if case.error is not None]
    names = list(dict.fromkeys(case.group for case in done))
    rows = {name: len(names) - 1 - place for place, name in enumerate(names)}
    marks, widths = [], []
    methods, ratios = dict.fromkeys(case.method for case in done), sorted({case.ratio for case in done})
    for group, (method, ratio) in enumerate(product(methods, ratios)):
        cases = [case for case in done if (case.method, case.ratio) == (method, ratio)]
        if cases:
            errors, heights = np.array([(case.error, rows[case.group]) for case in cases], float).T
            marks.append(_of_group(errors, heights, group, method, ratio))
        pairs = [(case.half_width, case.error) for case in cases if case.half_width is not None]
        if pairs:
            half_widths, errors = np.array(pairs, float).T
            widths.append(_of_group(half_widths, errors, group, method, ratio))
    error = Scale("mean absolute error of the predicted losses", unit="percent")
    panels = [_foretold(done), Panel("Error by group", error, Scale("", log=False), tuple(marks), tuple(names))]
    if widths:
        diagonal = _diagonal(widths, "as wide as the error", 1e-5)
        width = Scale(f"median half-width of the {format_percent(found.level)} interval", unit="percent")
        panels.append(Panel("Intervals against errors", width, Scale("mean absolute error", unit="percent"), (diagonal, *widths)))
    title = f"Back-test of {found.inputs['runs']}: larger runs predicted by smaller ones"
    return Chart(title, "fitted on the runs of least compute, judged on the others; see plan backtest", tuple(panels))
