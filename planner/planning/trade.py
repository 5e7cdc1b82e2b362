"""Over-training as a table: the same loss at other sizes, what each costs to train and saves in serving, and when it pays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, NamedTuple, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import lowest
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation import solver
from planner.allocation.extrapolation import extrapolation, own_notes, range_notes
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.budget import refuse_idle
from planner.inputs.input_row import Number
from planner.inputs.question import Question
from planner.inputs.registry import TradeInputs, asks
from planner.inputs.request import read_request
from planner.inputs.serving import WEIGHED, Demand
from planner.notes import Note
from planner.planning.answering_run import run_of
from planner.quantities import parse_number, plain, shown
from planner.scaling_laws.law import Law, guarded

RATIOS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
"""Sizes over the optimal one that the table shows, unless the user says otherwise."""


class Trade(NamedTuple):
    """A model of another size that reaches the same loss.

    Attributes
    ----------
    ratio : float
        Its N over that of the run cheapest to train.
    params : float
    tokens, tokens_per_param : float or None
        What it must train on; None where no amount of data reaches the loss.
    flops : float or None
        Training compute [FLOP].
    overhead : float or None
        Extra training compute over the cheapest, as a fraction.
    epochs : float or None
        Passes over the unique tokens, where those were given.
    extrapolation : float or None
        Largest factor by which it leaves the law's fitted range, 1 inside; None where the range is not known.
    saved_per_token, saved_share : float
        FLOP saved with each token served, and their share of what the cheapest run's model takes; below 0 for larger models.
    break_even : float or None
        Tokens served at which its life costs the same: from there on it is cheaper, where it is smaller; None where never.
    life : float or None
        Training and serving the tokens asked for [FLOP, at the price of training]; None where none were, or out of reach.
    cheapest : bool
        Whether no other row's life costs less.
    """

    ratio: float
    params: float
    tokens: float | None
    tokens_per_param: float | None
    flops: float | None
    overhead: float | None
    epochs: float | None
    extrapolation: float | None
    saved_per_token: float
    saved_share: float
    break_even: float | None
    life: float | None = None
    cheapest: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class TradeOff(Answer):
    """The same loss at other sizes.

    Attributes
    ----------
    flops : float
        Training compute of the cheapest run [FLOP].
    loss, irreducible_loss : float
        The loss they all reach, and its irreducible part, in ``loss_unit``.
    loss_unit : str
    law : Law
    problem : Problem
    rows : tuple of Trade
    smallest : float
        N below which no amount of data reaches the loss.
    unique_tokens : float or None
    demand : Demand or None
        Where tokens to serve were given.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    loss: float
    irreducible_loss: float
    loss_unit: str
    law: Law
    problem: Problem = field(compare=False)
    rows: tuple[Trade, ...]
    smallest: float
    unique_tokens: float | None
    demand: Demand | None
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(TradeInputs)
def trade(*, ratios: Sequence[Number] = RATIOS, **asked: Unpack[TradeInputs]) -> TradeOff:
    """Tabulate models smaller and larger than the optimal one that reach the same loss.

    Parameters
    ----------
    ratios : sequence of float
        Sizes over the optimal one.
    {inputs}

    Returns
    -------
    TradeOff

    Raises
    ------
    PlannerError
        Bad input, or a law without a loss surface to plan on.

    Examples
    --------
    >>> import planner
    >>> half = planner.trade(flops=1e23, law="devries2023", ratios=[0.5]).rows[0]
    >>> f"{half.overhead:.0%} more compute, pays from {half.break_even:.2g} served tokens"
    '21% more compute, pays from 1.1e+12 served tokens'

    Notes
    -----
    The overheads are those of de Vries 2023; a served token costs a third of a trained one (Sardana et al. 2024, Eq. 2).
    """
    question = Question.of(TradeInputs, "trade", asked)
    wanted = _ratios(ratios)
    request = read_request(question)
    refuse_idle(question, request.held.name or ("loss" if question.flops is None else "flops"), WEIGHED if request.demand else ())
    chosen = request.problem.law
    if chosen.surface_law is not chosen or chosen.role != "plan":
        raise CannotPlanError(f"{chosen.id} has no loss surface to plan on, so it cannot hold a loss; besiroglu2024 has one")

    def answer() -> TradeOff:
        problem = request.problem._replace(spending=request.problem.spending._replace(served=0.0))  # the budget trains
        budget, N, D = run_of(request._replace(problem=problem))
        surface = landscape(problem)
        floor = float(surface.floor)
        reducible = float(surface.reducible(N, D))
        if problem.modifiers:  # what the budget bought may be had for less, where data run out
            budget, N, D = (float(value) for value in solver.cheapest(problem, reducible))
        rows = _over_their_lives([_trade(problem, budget, reducible, ratio, N) for ratio in wanted], problem, request.demand)
        return TradeOff(
            flops=budget,
            loss=floor + reducible,
            irreducible_loss=floor,
            loss_unit=chosen.conventions.loss_unit,
            law=chosen,
            problem=problem,
            rows=rows,
            smallest=float(solver.smallest_params(problem, reducible)),
            unique_tokens=question.unique_tokens,
            demand=request.demand,
            notes=(
                *request.notes,
                *own_notes(chosen, budget, problem.repetition),
                *range_notes(chosen, N, D, budget),
                *_smaller(rows),
            ),
            inputs=FrozenDict({**request.inputs, "ratios": wanted}),
        )

    return guarded(chosen, answer)


def _ratios(ratios: Sequence[Number]) -> tuple[float, ...]:
    if not isinstance(ratios, (list, tuple)) or not ratios:
        raise OptionError(f"ratios {shown(ratios)}: expected a list of sizes over the optimal one, such as 0.5 and 2")
    read = tuple(parse_number(ratio, "ratio") for ratio in ratios)
    wrong = [ratio for ratio in read if not 1e-6 <= ratio <= 1e6]
    if wrong:
        raise OptionError(f"ratio {plain(wrong[0])}: must lie between 1e-6 and 1e6: the size over the optimal one, such as 0.5")
    return read


def _trade(problem: Problem, budget: float, reducible: float, ratio: float, best: float) -> Trade:
    N = ratio * best
    flops = budget if ratio == 1 else float(solver.cost_of_loss(problem, reducible, N))
    there = float(problem.spending.serving_token(best))
    saved = there - float(problem.spending.serving_token(N))
    if not isfinite(flops):
        return Trade(ratio, N, None, None, None, None, None, None, saved, saved / there, None)
    D = float(problem.spending.tokens(flops, N))
    repetition = problem.repetition
    extra = max(flops - budget, 0.0)
    return Trade(
        ratio=ratio,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        flops=flops,
        overhead=extra / budget,
        epochs=D / float(repetition.unique) if repetition else None,
        extrapolation=extrapolation(problem.law, N, D, flops),
        saved_per_token=saved,
        saved_share=saved / there,
        break_even=extra / saved if saved > 0 else None,
    )


def _over_their_lives(rows: list[Trade], problem: Problem, demand: Demand | None) -> tuple[Trade, ...]:
    """Return the rows with what training and serving cost together, and the cheapest marked."""
    if demand is None:
        return tuple(rows)
    served = problem.spending._replace(served=demand.tokens * demand.price)
    lives = [inf if row.flops is None else row.flops + float(served.serving(row.params)) for row in rows]
    best = lowest(lives)
    return tuple(
        row._replace(life=life if isfinite(life) else None, cheapest=place == best and isfinite(life))
        for place, (row, life) in enumerate(zip(rows, lives, strict=True))
    )


def _smaller(rows: Sequence[Trade]) -> Iterator[Note]:
    """Say that other laws price small models differently."""
    if any(row.ratio < 1 for row in rows):
        fits = "fits with more over-trained runs give other exponents (Sardana et al. 2024, Table 1)"
        text = f"what a small model costs depends much on the law: {fits}; compare sardana2023-all"
        yield Note("over-training", "info", text)
