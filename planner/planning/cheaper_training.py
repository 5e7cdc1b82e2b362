"""Training made cheaper by a factor: what a budget then reaches and what that is worth, also where part of it serves."""

import numpy as np

from planner._util.root_finding import find_root
from planner.allocation import solver
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.errors import CannotPlanError


def with_gain(problem: Problem, budget: float, gain: float) -> tuple[Problem, float]:
    """Return the problem and the budget of a lever: training is what it makes cheaper, and all of a budget without serving."""
    if not problem.spending.served:
        return problem, budget * gain
    return problem._replace(spending=problem.spending.cheaper_training(gain)), budget


def worth_of(problem: Problem, budget: float, gain: float, without: float) -> tuple[float, float]:
    """Return the budget that gives a lever's loss without it, and the share by which the loss without it is cheaper with it."""
    if not problem.spending.served:
        return budget * gain, 1 - 1 / gain
    floor = float(landscape(problem).floor)
    better, spent = with_gain(problem, budget, gain)
    equivalent = solver.equivalent_flops(problem, float(solver.allocate(better, spent).loss) - floor)
    return float(equivalent), 1 - float(solver.equivalent_flops(better, without - floor)) / spent


def gain_to(problem: Problem, budget: float, reducible: float) -> float:
    """Return the gain in training compute under which a budget reaches a reducible loss."""
    if not problem.spending.served:
        return float(solver.equivalent_flops(problem, reducible)) / budget
    floor, ends = float(landscape(problem).floor), np.log([1e-12, 1e12])

    def gap(log_gain: float) -> float:
        return float(solver.allocate(*with_gain(problem, budget, float(np.exp(log_gain)))).loss) - floor - reducible

    if gap(ends[0]) < 0 or gap(ends[1]) > 0:
        raise CannotPlanError("better: no gain in training compute gives that loss while so much is served")
    return float(np.exp(find_root(gap, *ends)))
