"""What levers are worth: training made cheaper by a factor, a better law, and several levers at once, whose gains multiply."""

from collections.abc import Callable
from math import isfinite, prod
from typing import Any, NamedTuple

from planner.allocation import solver
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.errors import OptionError
from planner.planning.levers_result import Worth
from planner.planning.published_levers import published_levers
from planner.quantities import shown

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
    reducible = without - float(landscape(better).floor)
    spent = float(solver.equivalent_flops(better, reducible)) if reducible > 0 else float("inf")
    saved = 1 - spent / budget
    return Reached(reached, equivalent, None if not isfinite(spent) else 0.0 if abs(saved) < _NOTHING else saved)


def combined(found: list[Worth], combine: Any, worth: Callable[..., Worth]) -> Worth | None:
    """Return the lever of several at once, their gains multiplied; None where none are named.

    Where no range is published of a lever, its gain itself is taken for the ends.
    """
    if combine is None:
        return None
    asked = combine.split(",") if isinstance(combine, str) else list(combine) if isinstance(combine, (list, tuple)) else [combine]
    if not all(isinstance(name, str) for name in asked):
        raise OptionError(f"`combine` {shown(combine)}: expected names of levers, such as fp8,mfu")
    names = [name.strip() for name in asked]
    known = {each.id: each for each in found}
    if wrong := [name for name in names if name not in known]:
        raise OptionError(f"`combine` {shown(wrong[0])}: no such lever; there are {', '.join(known)}")
    if len(set(names)) < len(names) or len(names) < 2:
        raise OptionError(f"`combine` {shown(', '.join(names))}: name two levers or more, each once")
    chosen = [known[name] for name in names]
    without = next((each.id for each in chosen if each.gain is None), None)
    if without is not None:
        why = "only a range is published of it"
        if without == "exponents":
            why = "no gain in training, while part of the budget serves"
        raise OptionError(f"`combine` {shown(without)}: {why}; give your own gain")
    kinds = {each.id: each.kind for each in published_levers()}
    same = [name for name in names if kinds.get(name, name) in {kinds.get(other, other) for other in names if other != name}]
    if same:
        raise OptionError(f"`combine` {', '.join(same)}: versions of one lever; name one of them")
    works_on = "flops" if all(each.works_on == "flops" for each in chosen) else "price"
    gains = [(each.gain_low or each.gain, each.gain, each.gain_high or each.gain) for each in chosen if each.gain]
    low, value, high = (prod(ends) for ends in zip(*gains, strict=True))
    ranged = any(each.gain_low or each.gain_high for each in chosen)
    ends = (low, value, high) if ranged else (None, value, None)
    return worth("combined", " and ".join(names), works_on, ends, caveat="that gains multiply is an assumption")
