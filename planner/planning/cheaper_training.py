"""Training made cheaper by a factor, or a better law: what a budget then reaches and what that is worth."""

from math import isfinite

from planner.allocation import solver
from planner.allocation.extrapolation import extrapolation
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem

_NOTHING = 1e-12
"""A share nearer to 0 than this is the solver's rounding."""


def with_gain(problem: Problem, budget: float, gain: float) -> tuple[Problem, float]:
    """Return the problem and the budget of a lever: training is what it makes cheaper, and all of a budget without serving."""
    if not problem.spending.served:
        return problem, budget * gain
    return problem._replace(spending=problem.spending.cheaper_training(gain)), budget


def worth_of_gain(problem: Problem, budget: float, gain: float, without: float) -> tuple[float, float | None]:
    """Return what :func:`worth_of` does, of a gain in training."""
    if not problem.spending.served:
        return budget * gain, 1 - 1 / gain
    return worth_of(problem, budget, with_gain(problem, budget, gain)[0], without)


def worth_of(problem: Problem, budget: float, better: Problem, without: float) -> tuple[float, float | None]:
    """Return the budget that gives a better problem's loss without it, and the share by which the loss ``without`` it is cheaper
    with it; None where that loss lies below the better one's floor.
    """
    reached = float(solver.allocate(better, budget).loss)
    equivalent = float(solver.equivalent_flops(problem, reached - float(landscape(problem).floor)))
    goal = without - float(landscape(better).floor)
    spent = float(solver.equivalent_flops(better, goal)) if goal > 0 else float("inf")
    saved = 1 - spent / budget
    if not isfinite(spent):
        return equivalent, None
    return equivalent, 0.0 if abs(saved) < _NOTHING else saved


def outside(problem: Problem, run: solver.Allocation) -> float:
    """Return by which factor a run leaves those that the law was fitted on; 1 inside, and where these are not known."""
    training = float(problem.spending.training(run.params, run.tokens))
    return extrapolation(problem.law, float(run.params), float(run.tokens), training) or 1.0
