"""Charts of one law's loss: isoFLOP curves, the surface over N and D with the optimal path, sizes of one loss."""

from collections.abc import Sequence

import numpy as np

from planner.allocation import solver
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem, as_problem
from planner.errors import CannotPlanError
from planner.output.charts._base import (
    PARAMS,
    TOKENS,
    Box,
    Chart,
    Line,
    Mark,
    Marker,
    Panel,
    Points,
    Scale,
    Span,
    guess_text,
    law_text,
    point,
)
from planner.output.charts.frontiers import growth_panels
from planner.planning.check import Check
from planner.planning.check_table import REGIMES, RunsCheck
from planner.planning.plan_result import Plan
from planner.planning.trade import TradeOff
from planner.quantities import format_count, format_flops, format_percent, significant
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law

_APART = 10.0  # budgets of neighbouring isoFLOP curves
_MARGIN = 12.0  # how far their panel goes beyond the outer optima
_GRID = 161
_FLAT = 1e-6  # of the loss: the least that a panel is high, where more compute no longer changes it


def loss_scale(law: Law, ends: tuple[float, float] | None = None) -> Scale:
    """Return the scale of a law's loss with its unit."""
    return Scale(f"loss, {law.conventions.loss_unit}", log=False, unit="plain", ends=ends)


def plan_chart(plan: Plan) -> Chart:
    """Return isoFLOP curves around a plan's budget and the loss surface with it; of a law without one, how N and D grow."""
    own = (plan.params, plan.tokens, "this plan")
    title = f"{format_count(plan.params)} parameters on {format_count(plan.tokens)} tokens for {format_flops(plan.flops)}"
    title += _conditions(plan.problem)
    guess = guess_text(plan.extrapolation)
    if plan.problem.law.surface_law is None:
        return Chart(title, law_text(plan.law) + guess, growth_panels(plan.problem, plan.flops, own))
    problem = plan.problem.judged().without_limits()
    run = own if plan.optimum else None
    isoflop = _isoflop_panel(problem, plan.flops, plan.params_band, plan.band_tolerance, run)
    surface = surface_panel(problem, plan.flops, run, own=plan.problem if plan.law.judge else None)
    return Chart(title, law_text(problem.law) + guess, (isoflop, surface))


def check_chart(check: Check) -> Chart:
    """Return the isoFLOP curve of a run's compute and the loss surface, with the run on both."""
    run = (check.params, check.tokens, "this run")
    title = f"{check.regime or 'run'}: {format_count(check.params)} parameters on {format_count(check.tokens)} tokens"
    title += _conditions(check.problem)
    if check.optimum is None:
        raise CannotPlanError(f"plot: {check.law.id} plans nothing, so there is no optimum to draw a run beside")
    if check.problem.law.surface_law is None:
        return Chart(title, law_text(check.law), growth_panels(check.problem, check.flops, run))
    problem = check.problem.judged().without_limits()
    isoflop = _isoflop_panel(problem, check.spent, check.optimum.params_band, 0.01, run)
    panels = (isoflop, surface_panel(problem, check.spent, run))
    return Chart(title, law_text(problem.law) + guess_text(check.extrapolation), panels)


def _conditions(problem: Problem) -> str:
    """Return what else holds, for a title: unique tokens and serving change every line of a picture."""
    parts = [f"{format_count(float(problem.repetition.unique))} unique tokens"] if problem.repetition else []
    parts += ["serving counted in the compute"] if problem.spending.served else []
    return f" ({', '.join(parts)})" if parts else ""


def runs_chart(found: RunsCheck) -> Chart:
    """Return the loss surface with every run of a table."""
    columns, flops = found.runs.columns, found.runs.columns["flops"]
    base = surface_panel(as_problem(found.law), float(np.exp(np.mean(np.log(flops)))), None, flops.tolist())
    marks: list[Mark] = [mark for mark in base.marks if not isinstance(mark, Points)]
    for code, regime in enumerate(REGIMES):
        runs = np.flatnonzero(columns["regime"] == code)
        if len(runs):
            texts = tuple(found.runs[int(i)].run for i in runs) if len(found.runs) <= 30 else ()
            N, D, (group, marker) = columns["params"][runs], columns["tokens"][runs], _LOOKS[regime]
            marks.append(Points(N, D, f"{regime} ({len(runs)})", group, marker, texts))
    return Chart(f"{len(found.runs)} runs of {found.name}", law_text(found.law), (base._replace(marks=tuple(marks)),))


_LOOKS: dict[str, tuple[int, Marker]] = {
    "overfit": (5, "triangle"),
    "balanced": (2, "circle"),
    "underfit": (0, "square"),
    "compute wasted": (1, "square"),
}

_Run = tuple[float, float, str] | None
"""Parameters, tokens and name of the user's run."""


def _isoflop_panel(problem: Problem, flops: float, band: tuple[float, float] | None, tolerance: float, run: _Run) -> Panel:
    """Return loss against N, one curve for each budget, the optimum of each marked and the flat band shaded."""
    surface = landscape(problem)
    marks: list[Mark] = []
    if band is not None:
        marks.append(Span(*band, f"at most {format_percent(tolerance)} more compute"))
    budgets = [flops, flops / _APART, flops * _APART]  # the first is drawn in full
    best = [solver.best_run(problem, budget) for budget in budgets]
    lowest = [float(surface.floor + surface.reducible(*each)) for each in best]
    ends = [float(each[0]) for each in best[1:]] + ([run[0]] if run else [])
    sizes = min(ends) / _MARGIN, max(ends) * _MARGIN
    N = np.geomspace(*sizes, _GRID)
    for group, budget in enumerate(budgets):
        D = np.asarray(problem.spending.tokens(budget, N))
        known = D > 0
        loss = surface.floor + surface.reducible(N[known], D[known])
        marks.append(Line(N[known], loss, format_flops(budget), group, "main" if group == 0 else "usual"))
    x = np.array([float(N) for N, _ in best])
    marks.append(Points(x, np.array(lowest), "compute-optimal", 3, "circle", tuple(format_count(N) for N in x)))
    apart = max(lowest[1] - lowest[2], _FLAT * abs(lowest[0]))
    bottom, top = lowest[2] - apart / 8, lowest[1] + apart / 2
    if run is not None:
        own = float(surface.floor + surface.reducible(*run[:2]))
        marks.append(point(run[0], own, run[2], 5, "cross"))
        top = max(top, own + (own - bottom) / 10)
    return Panel("Loss at fixed compute", PARAMS._replace(ends=sizes), loss_scale(problem.law, (bottom, top)), tuple(marks))


def surface_panel(problem: Problem, flops: float, run: _Run, others: Sequence[float] = (), own: Problem | None = None) -> Panel:
    """Return lines of equal loss over N and D, with iso-FLOP lines, the optimal path, the law's runs and the user's run."""
    surface = landscape(problem)
    seen = [flops, *others]
    ends = (min(seen) / 1e3, max(seen) * 1e3)
    path = np.geomspace(*ends, 61)
    N_path, D_path = solver.best_run(problem, path)
    sizes = (float(N_path[0]) / 3, float(N_path[-1]) * 3)
    data = (float(np.min(D_path)) / 3, float(np.max(D_path)) * 3)
    if run is not None:
        sizes = min(sizes[0], run[0] / 3), max(sizes[1], run[0] * 3)
        data = min(data[0], run[1] / 3), max(data[1], run[1] * 3)
    grid = np.geomspace(*sizes, _GRID)
    marks: list[Mark] = []
    for step, budget in enumerate(np.geomspace(*ends, 7)[1:-1]):
        D = np.asarray(problem.spending.tokens(budget, grid))
        inside = (data[0] < D) & (data[1] > D)
        label = "equal compute" if step == 0 else ""
        marks.append(Line(grid[inside], D[inside], label, 7, "faint", dashed=True, note=format_flops(float(budget), 1)))
        reducible = float(surface.reducible(*solver.best_run(problem, budget)))
        N, D = _equal_loss(problem, reducible, grid)
        inside = np.isfinite(D) & (data[0] < D) & (data[1] > D)
        text = significant(float(surface.floor) + reducible, 4)
        marks.append(Line(N[inside], D[inside], "equal loss" if step == 0 else "", 0, "usual", note=text))
    if problem.law.domain.params and problem.law.domain.tokens and _in_view(problem.law, sizes, data):
        marks.append(Box(problem.law.domain.params, problem.law.domain.tokens, f"runs of {problem.law.id}"))
    marks.append(Line(N_path, D_path, "optimal path", 5, "main"))
    if own is not None:
        marks.append(Line(*solver.best_run(own.without_limits(), path), "your exponents", 4, "usual"))
    best_N, best_D = (float(each) for each in solver.best_run(problem, flops))
    marks.append(point(best_N, best_D, f"optimum of {format_flops(flops)}", 3, "circle", format_count(best_N)))
    if run is not None:
        marks.append(point(*run, 5, "cross"))
    return Panel("Loss over parameters and tokens", PARAMS._replace(ends=sizes), TOKENS._replace(ends=data), tuple(marks))


def _in_view(law: Law, sizes: tuple[float, float], data: tuple[float, float]) -> bool:
    """Tell whether any of the law's runs lie within a panel."""
    N, D = law.domain.params, law.domain.tokens
    return bool(N and D and N[0] < sizes[1] and N[1] > sizes[0] and D[0] < data[1] and D[1] > data[0])


def _equal_loss(problem: Problem, reducible: float, params: Num) -> tuple[Num, Num]:
    """Return the tokens at which each N has a reducible loss; not finite where none does."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        flops = np.asarray(solver.cost_of_loss(problem, reducible, params))
        return params, np.where(np.isfinite(flops), problem.spending.tokens(flops, params), np.inf)


def trade_chart(found: TradeOff) -> Chart:
    """Return what other sizes of the same loss cost to train, and from which demand each pays."""
    problem = found.problem
    best = found.rows[0].params / found.rows[0].ratio
    x, y = np.array([(row.params, row.flops) for row in found.rows if row.flops is not None]).T
    N = np.geomspace(max(found.smallest * 1.0001, x.min() / 2), x.max() * 2, _GRID)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        C = np.asarray(solver.cost_of_loss(problem, found.loss - found.irreducible_loss, N))
    inside = np.isfinite(C) & (100 * found.flops > C)
    shown = y < 100 * found.flops
    marks = (
        Line(N[inside], C[inside], "any size", 0, "main"),
        Points(x[shown], y[shown], "rows of the table", 1, "square"),
        point(best, found.flops, "cheapest to train", 3, "circle", format_count(best)),
    )
    cost = Scale("training compute, FLOP", unit="flops")
    training = Panel(f"Training to a loss of {significant(found.loss, 4)}", PARAMS, cost, marks)
    pays = [(row.params, row.break_even) for row in found.rows if row.break_even is not None and row.ratio != 1]
    if not pays:
        return Chart("The same loss at other sizes", law_text(found.law), (training,))
    x, y = np.array(pays).T
    N = np.unique(np.concatenate([np.geomspace(x.min(), best * 0.999, _GRID), x[x < best]]))
    extra = np.asarray(solver.cost_of_loss(problem, found.loss - found.irreducible_loss, N)) - found.flops
    saved = problem.spending.serving_token(best) - problem.spending.serving_token(N)
    line = Line(N, np.maximum(extra, 0.0) / saved, "any smaller size", 0, "main")
    points = Points(x, y, "costs the same as the cheapest to train; above, less", 1, "square")
    serving = Panel("Where a smaller model pays", PARAMS, Scale("tokens served over its life"), (line, points))
    return Chart("The same loss at other sizes", law_text(found.law), (training, serving))
