"""What a law says of a run: overfit, underfit or balanced, what to do about it, and how far the answer leaves the data."""

from math import inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from planner.allocation import solver
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import LawOrProblem, Problem, as_problem, possible
from planner.notes import Note
from planner.scaling_laws.forms._base import Num

if TYPE_CHECKING:
    from numpy.typing import NDArray

Regime = Literal["balanced", "overfit", "underfit", "compute wasted"]
Action = Literal["same loss", "train longer", "train shorter", "shrink", "grow"]


class Assessment(NamedTuple):
    """A law's judgement of a run of N parameters on D tokens.

    Attributes
    ----------
    loss, irreducible_loss : float
        Expected loss and the part that nothing removes, in the law's loss unit.
    from_params, from_tokens : float
        The reducible loss owed to too few parameters and to too few tokens; with the irreducible part they add to ``loss``.
    equivalent_flops : float or None
        Compute [FLOP] with which an optimal run reaches the same loss; None where the law must not allocate.
    overhead : float or None
        Extra compute over that, as a fraction.
    regime : {"overfit", "underfit", "balanced", "compute wasted"} or None
        ``overfit``: data-limited, too many parameters for the tokens. ``underfit``: capacity-limited, too few. ``balanced``: the
        overhead is at most the tolerance. ``compute wasted``: the unique tokens are worn out, and no compute buys another
        billionth of the reducible loss.
    """

    loss: float
    irreducible_loss: float
    from_params: float
    from_tokens: float
    equivalent_flops: float | None
    overhead: float | None
    regime: Regime | None


OUT_OF_REACH = 30.0
"""A remedy that costs more than this many times the run's compute is no advice: a house convention, not published."""


class Change(NamedTuple):
    """What another run would change: factors on params, tokens and flops, and the difference in loss (negative is better)."""

    params: float
    tokens: float
    flops: float
    loss: float | None


class Remedy(NamedTuple):
    """A run on the optimal line that mends an unbalanced one: the cheapest of the same loss, or one that keeps N or D.

    ``same loss`` costs less compute; ``train longer`` and ``train shorter`` keep N; ``shrink`` and ``grow`` keep D.
    """

    action: Action
    params: float
    tokens: float
    flops: float
    loss: float
    change: Change

    @property
    def out_of_reach(self) -> bool:
        """Whether it costs so much more than the run that nobody would follow it."""
        return self.change.flops > OUT_OF_REACH

    @property
    def another_run(self) -> bool:
        """Whether its compute is so far from the run's, either way, that it is no advice on this one."""
        return not 1 / OUT_OF_REACH <= self.change.flops <= OUT_OF_REACH

    @property
    def costs_loss(self) -> bool:
        """Whether it mends by spending less at a higher loss."""
        return self.change.flops < 1 and self.change.loss is not None and self.change.loss > 0


def assess(question: LawOrProblem, params: float, tokens: float, tolerance: float) -> Assessment | None:
    """Judge a run under a law, whose limits do not matter; None where the law has no loss surface.

    An allocation with other exponents is judged by the law it was taken from. Up to ``tolerance`` of extra compute (0.1 = 10 %) a
    run is balanced.
    """
    problem = as_problem(question)
    judge = problem.law.surface_law
    if judge is None:
        return None
    problem = problem.judged().without_limits()
    from_params, from_tokens = (float(part) for part in solver.reducible(problem, params, tokens))
    floor = float(judge.irreducible_loss)
    parts = (floor + from_params + from_tokens, floor, from_params, from_tokens)
    if judge.role != "plan":
        return Assessment(*parts, None, None, None)
    equivalent = float(solver.equivalent_flops(problem, from_params + from_tokens))
    extra = float(solver.overhead(problem, params, tokens, equivalent))
    regime: Any = str(regimes_of(problem, params, tokens, extra, tolerance, from_params + from_tokens))
    return Assessment(*parts, equivalent, extra, regime)


def regimes_of(
    problem: Problem, params: Num, tokens: Num, extra: Num, tolerance: float, reducible: Num = None
) -> "NDArray[np.str_]":
    """Name the regimes of runs with the given overheads: their side is that of N from the optimum at the same cost.

    ``reducible`` is their reducible loss, where that is known already.
    """
    balanced = np.asarray(extra) <= tolerance
    wasted = _saturated(problem, sum(solver.reducible(problem, params, tokens)) if reducible is None else reducible)
    if np.all(balanced | wasted):
        return np.where(wasted, "compute wasted", np.full(balanced.shape, "balanced"))
    best = solver.best_run(problem, problem.spending.paid(params, tokens))[0]
    sided = np.where(balanced, "balanced", np.where(params > best, "overfit", "underfit"))
    return np.where(wasted, "compute wasted", sided)


def _saturated(problem: Problem, reducible_loss: Num) -> Num:
    """Tell whether a reducible loss is within a billionth of what no budget gets below: more compute buys nothing there."""
    if problem.plain and problem.limits.free:
        return np.zeros(np.shape(reducible_loss), bool)[()]  # a power law never ends
    return reducible_loss <= solver.lowest_reducible(problem.judged()) * (1 + solver.AT_FLOOR)


def remedies(question: LawOrProblem, params: float, tokens: float, verdict: Assessment | None) -> tuple[Remedy, ...]:
    """Return the runs on the optimal line that keep the loss, the parameters, or the tokens; none for a balanced run.

    Where compute is wasted only the cheapest run of the same loss is left: neither parameters nor tokens would help.
    """
    if verdict is None or verdict.regime in {None, "balanced"} or verdict.equivalent_flops is None:
        return ()
    judge = as_problem(question).judged().without_limits()
    too_large = verdict.regime == "overfit"
    spent = float(judge.spending.paid(params, tokens))

    def remedy(action: Action, N: float, D: float, C: float, L: float) -> Remedy:
        return Remedy(action, N, D, C, L, Change(N / params, D / tokens, C / spent, L - verdict.loss))

    same = solver.allocate(judge, verdict.equivalent_flops)
    found = [remedy("same loss", float(same.params), float(same.tokens), verdict.equivalent_flops, verdict.loss)]
    if verdict.regime == "compute wasted":
        return tuple(found) if verdict.overhead else ()
    surface, actions = landscape(judge), _LARGE if too_large else _SMALL
    for action, kept in zip(actions, ({"params": params}, {"tokens": tokens}), strict=True):
        flops = float(solver.optimal_at(judge, **kept))
        if flops < inf:
            best = solver.allocate(judge, flops)
            N, D = kept.get("params", float(best.params)), kept.get("tokens", float(best.tokens))
            mends = (params > N or tokens < D) == too_large and possible(N, D)
            if mends and not _saturated(judge, sum(solver.reducible(judge, N, D))):  # whose compute is not wasted in its turn
                found.append(remedy(action, N, D, flops, float(surface.floor + surface.reducible(N, D))))
    return tuple(found)


_LARGE: tuple[Action, Action] = ("train longer", "shrink")
_SMALL: tuple[Action, Action] = ("train shorter", "grow")


def regime_notes(regime: Regime | None, *, served: bool = False) -> list[Note]:
    """Say what a regime does not know; ``served`` tells that serving is counted."""
    if regime != "underfit" or served:
        return []
    text = "the verdict counts training compute alone: a small model trained for long may be meant, to be cheap to serve"
    return [Note("inference-not-counted", "info", text)]
