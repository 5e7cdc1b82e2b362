"""What a law leaves to whoever plans, such as the number of experts: the values there are, and the best of them."""

from math import ceil

import numpy as np

from planner._util.stable_choice import lowest, lowest_of_each
from planner.allocation import solver
from planner.allocation.problem import problem_of
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law

_EXPERTS = 64
"""Experts of which some rest: the steps in which a sparsity is looked for."""


def open_choices(law: Law) -> tuple[Law, ...]:
    """Return a law with each value of its choice that was measured or lies between: whole numbers, and 64ths of a sparsity.

    The law alone, where it leaves nothing open, was chosen already, or does not say what was measured.
    """
    if law.chosen or not law.domain.choices:
        return (law,)
    ((name, (low, high)),) = law.domain.choices.items()
    if law.form.parameters[name].high <= 1:
        values = sorted({low, high, *(each / _EXPERTS for each in range(_EXPERTS) if low <= each / _EXPERTS <= high)})
    else:
        values = [float(each) for each in range(ceil(low), int(high) + 1)]
    return tuple(law.choose(**{name: value}) for value in values)


def choice_text(law: Law) -> str:
    """Say of a law that leaves a choice open which one stands where it is not solved for; empty for others."""
    if len(open_choices(law)) == 1:
        return ""
    made = ", ".join(
        f"{law.form.parameters[name].meaning.split(':')[0].split(',')[0]} {law.params[name]:g}" for name in law.choices
    )
    return f"{made} here; plan chooses it for each budget"


def best_choice(law: Law, flops: float, served: float = 0.0) -> Law:
    """Return a law with its choice made as the lowest loss of a budget [FLOP] wants it, which serves so many tokens too."""
    laws = open_choices(law)
    if len(laws) == 1:
        return laws[0]
    return laws[lowest([solver.allocate(problem_of(each, served=served), flops).loss for each in laws])]


def allocate_best(law: Law, flops: Num, served: float = 0.0) -> solver.Allocation:
    """Return the best allocation of one budget or an array of them, each with its own best choice and serving so many tokens."""
    found = [solver.allocate(problem_of(each, served=served), flops) for each in open_choices(law)]
    if len(found) == 1:
        return found[0]
    shape = np.shape(found[0].loss)
    columns = [np.stack([np.broadcast_to(each[part], shape).ravel() for each in found], axis=1) for part in range(3)]
    best = lowest_of_each(columns[2])
    chosen = (column[np.arange(len(best)), best].reshape(shape)[()] for column in columns)
    return solver.Allocation(*chosen)
