"""What to say of any plan: limits that do not bind, runs that are none, compute in vain."""

from collections.abc import Iterator

from planner.allocation.problem import Problem
from planner.inputs.limits import limit_texts
from planner.notes import Note
from planner.planning.plan_result import Doubling
from planner.quantities import (
    format_count,
    format_percent,
)


def limit_notes(problem: Problem, flops: float, spent: float, *, free: bool) -> Iterator[Note]:
    """Say when limits change nothing, and when they leave some of the budget."""
    if free and not problem.limits.free:
        limits = " and ".join(limit_texts(problem.limits))
        yield Note("limit-does-not-bind", "info", f"{limits}: does not bind, the answer is the same without")
    left = 1 - spent / flops
    if left > UNSPENT:
        text = f"{format_percent(left)} of the budget is not spent: the caps on parameters and on tokens leave no use for it"
        yield Note("budget-not-spent", "warning", text)


UNSPENT = 1e-6
"""Share of a budget that must be left for it to be called not spent: less is rounding."""

_NO_RUN = 1e4
"""Fewer parameters or tokens than this are no language model: a house convention."""


def size_notes(smallest: float) -> Iterator[Note]:
    """Say that a run is too small to be one, by the smaller of its parameters and tokens."""
    if smallest < _NO_RUN:
        text = f"fewer than {format_count(_NO_RUN)} parameters or tokens are no model: was a suffix such as B forgotten?"
        yield Note("no-run", "warning", text)


_IN_VAIN = 1e-3
"""A doubling of compute that buys less than this share of the reducible loss is wasted: a house convention."""


def waste_notes(doubling: Doubling | None) -> Iterator[Note]:
    if doubling and doubling.share_of_reducible < _IN_VAIN:
        share = format_percent(doubling.share_of_reducible)
        text = f"twice the compute would buy {share} of the reducible loss: most of this budget is wasted here"
        yield Note("compute-wasted", "warning", text)
