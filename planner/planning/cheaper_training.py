"""Training made cheaper by a factor, or a better law: what a budget then reaches and what that is worth."""

from math import isfinite
from typing import NamedTuple

from planner.allocation import solver
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem

_NOTHING = 1e-12
"""A share nearer to 0 than this is the solver's rounding."""


class Reached(NamedTuple):
    """The loss that a better problem reaches; the budget that gives it without; and the share by which the loss that there was is
    cheaper, None where that lies below the better one's floor.
    """

    loss: float
    equivalent: float
    saved: float | None


def with_gain(problem: Problem, budget: float, gain: float) -> tuple[Problem, float]:
    """Return the problem and the budget of a lever: training is what it makes cheaper, and all of a budget without serving."""
    if not problem.spending.served:
        return problem, budget * gain
    return problem._replace(spending=problem.spending.cheaper_training(gain)), budget


def loss_of_gain(problem: Problem, budget: float, gain: float) -> float:
    """Return the loss that a gain in training reaches."""
    return float(solver.allocate(*with_gain(problem, budget, gain)).loss)


def worth_of_gain(problem: Problem, budget: float, gain: float, without: float) -> Reached:
    """Return what a gain in training is worth; ``without`` is the loss without it."""
    if not problem.spending.served:
        return Reached(loss_of_gain(problem, budget, gain), budget * gain, 1 - 1 / gain)
    return worth_of(problem, budget, with_gain(problem, budget, gain)[0], without)


def worth_of(problem: Problem, budget: float, better: Problem, without: float) -> Reached:
    """Return what a better problem is worth at the same budget; ``without`` is the loss without it."""
    reached = float(solver.allocate(better, budget).loss)
    equivalent = float(solver.equivalent_flops(problem, reached - float(landscape(problem).floor)))
    goal = without - float(landscape(better).floor)
    spent = float(solver.equivalent_flops(better, goal)) if goal > 0 else float("inf")
    saved = 1 - spent / budget
    return Reached(reached, equivalent, None if not isfinite(spent) else 0.0 if abs(saved) < _NOTHING else saved)
