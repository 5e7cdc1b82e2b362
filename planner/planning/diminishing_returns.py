"""Where compute stops paying under a law: what a doubling buys over a range of budgets, and the marks on the way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.root_finding import find_root
from planner._util.stable_choice import rounded
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation import solver
from planner.allocation.extrapolation import FAR, extrapolation_of, own_notes
from planner.allocation.open_choices import best_choice, open_choices
from planner.allocation.problem import Problem, problem_of
from planner.errors import OptionError
from planner.inputs.input_row import Number
from planner.inputs.question import Question
from planner.inputs.served_budget import ServedBudget
from planner.inputs.serving import Demand
from planner.notes import Note
from planner.planning.allocate import possible_allocation
from planner.quantities import (
    LARGEST,
    PF_DAY,
    format_percent,
    parse_count,
    parse_fraction,
    shown,
    whole_number,
)
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law, guarded

_POINTS = 11


class Returns(NamedTuple):
    """What a budget's optimum is, and what more would buy.

    Attributes
    ----------
    reducible_share : float or None
        The reducible part over the irreducible one.
    doubling, doubling_params, doubling_tokens : float or None
        Fall in loss from twice the compute, at its own optimum; from twice the parameters alone; from twice the tokens alone.
    doubling_share : float or None
        The first over the reducible loss.
    extrapolation : float or None
        Largest factor by which C, N or D leaves the law's fitted range, 1 inside.
    """

    flops: float
    params: float
    tokens: float
    loss: float | None
    reducible_share: float | None
    doubling: float | None
    doubling_params: float | None
    doubling_tokens: float | None
    doubling_share: float | None
    extrapolation: float | None


class Mark(NamedTuple):
    """A budget from which something changes.

    Attributes
    ----------
    flops_low, flops_high : float or None
        Where what it rests on has a range.
    params, tokens : float
        Of the law's optimum there.
    """

    code: str
    text: str
    flops: float
    flops_low: float | None
    flops_high: float | None
    params: float
    tokens: float
    source: str


@dataclass(frozen=True, eq=False, repr=False)
class ComputeLimits(Answer):
    """Diminishing returns over a range of budgets.

    Attributes
    ----------
    law : Law
    rows : tuple of Returns
    marks : tuple of Mark
        By budget; those beyond 1e60 FLOP are left out.
    stock : tuple of float
        Different tokens to train on: low, expected, high.
    share : float
        Of the irreducible loss below which the rest is called small.
    demand : Demand or None
        Tokens to serve over the model's life.
    served : float
        Those that every budget serves too, each counted as its price says; 0 where devices train for some days, and serving comes
        after.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    law: Law
    rows: tuple[Returns, ...]
    marks: tuple[Mark, ...]
    stock: tuple[float, float, float]
    share: float
    demand: Demand | None
    served: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


def compute_limits(
    read: ServedBudget, high: float, question: Question, *, stock: Number | None, share: Number | None, points: int | None
) -> ComputeLimits:
    """Say what more compute buys from a budget [FLOP] to another, and where it stops paying; see :func:`planner.limits`."""
    chosen, low = read.law, read.flops
    if points is not None and low == high:
        raise OptionError("`points` go with a range of budgets, such as 1e18..1e28")
    count = 1 if low == high else whole_number(_POINTS if points is None else points, "`points`", 2, 1000)
    section, house = settings("planning.toml", "stock"), settings("planning.toml", "returns")
    limit = float(house["share"]) if share is None else parse_fraction(share, "`share`")
    if limit <= 0:
        raise OptionError(f"`share` {shown(share)}: must be above 0, such as 10%")
    own = None if stock is None else parse_count(stock, "`stock`", "tokens")
    low_stock, usual, high_stock = (float(section[name]) if own is None else own for name in ("low", "expected", "high"))
    tokens = (low_stock, usual, high_stock)
    problem = read.problem_of(chosen)
    rows = guarded(chosen, lambda: _rows(problem, np.geomspace(low, high, count)))
    marks = guarded(chosen, lambda: _marks(problem, limit, tokens, "yours" if stock is not None else section["source"]))
    inputs = {**question.stated(), "flops": [low, high], "law": chosen.id, "constants": question.constants}
    inputs |= {"stock": list(tokens), "share": limit}
    said = (*_notes(problem, rows), *read.notes)
    return ComputeLimits(chosen, rows, marks, tokens, limit, read.demand, read.served, said, FrozenDict(inputs))


def _rows(problem: Problem, budgets: Num) -> tuple[Returns, ...]:
    law = problem.law
    if len(open_choices(law)) > 1:  # each budget has its own best mixture
        return tuple(_chosen_row(problem, float(budget)) for budget in budgets)
    best, twice = possible_allocation(problem, budgets), solver.allocate(problem, 2 * budgets)
    none = [None] * len(budgets)
    columns: dict[str, Any] = dict.fromkeys(Returns._fields[3:-1], none)
    if best.loss is not None:
        floor = float(law.irreducible_loss or 0.0)
        left = _reducible(law, best, floor)
        gain = left - _reducible(law, twice, floor)
        columns |= {"loss": best.loss.tolist(), "doubling": gain.tolist(), "doubling_share": (gain / left).tolist()}
        columns["reducible_share"] = (left / floor).tolist() if floor > 0 else none
    if judge := law.surface_law:
        here: Num = sum(solver.reducible(judge, best.params, best.tokens))
        more = [(2 * best.params, best.tokens), (best.params, 2 * best.tokens)]
        alone: list[Num] = [here - sum(solver.reducible(judge, *run)) for run in more]
        columns["doubling_params"], columns["doubling_tokens"] = (each.tolist() for each in alone)
    rows = zip(budgets.tolist(), best.params.tolist(), best.tokens.tolist(), *columns.values(), strict=True)
    return tuple(Returns._make((C, N, D, *worth, extrapolation_of(problem, N, D))) for C, N, D, *worth in rows)


def _chosen_row(problem: Problem, flops: float) -> Returns:
    """Return the row of a mixture chosen for a budget; twice as much may want another."""
    served = problem.spending.served
    here, then = (problem_of(best_choice(problem.law, each, served), served=served) for each in (flops, 2 * flops))
    (row,) = _rows(here, np.array([flops]))
    assert row.loss is not None  # a law that leaves a choice open has a loss
    gain = row.loss - float(solver.allocate(then, 2 * flops).loss)
    return row._replace(doubling=gain, doubling_share=gain / (row.loss - float(here.law.irreducible_loss or 0.0)))


def _reducible(law: Law, best: Any, floor: float) -> Num:
    """Return the reducible loss at optima, without taking the floor off again where a surface gives it."""
    if law.surface_law is law:
        return sum(solver.reducible(law, best.params, best.tokens))
    return best.loss - floor


def _marks(problem: Problem, share: float, stock: tuple[float, ...], source: str) -> tuple[Mark, ...]:
    low, expected, high = (solver.optimal_at(problem, tokens=tokens) for tokens in stock)
    ends = None if stock[0] == stock[2] else (low, high)
    text = "the optimum wants more different tokens than there are"
    found = [*_range_marks(problem), *_mark(problem, "data-run-out", text, expected, source, ends)]
    law, floor = problem.law, float(problem.law.irreducible_loss or 0.0)
    if law.surface_law is law and floor > 0:
        text = f"what more compute can still remove is {format_percent(share)} of the irreducible loss"
        found += _mark(problem, "near-the-floor", text, solver.equivalent_flops(problem, share * floor), law.reference)
    found += [] if problem.spending.served else _contradiction()  # of laws that weigh no serving
    return tuple(sorted(found, key=lambda mark: rounded(mark.flops)))


def _mark(problem: Problem, code: str, text: str, flops: Num, source: str, ends: tuple[Num, Num] | None = None) -> list[Mark]:
    if not 1 <= flops <= LARGEST:
        return []
    best = solver.allocate(problem, float(flops))
    low, high = (float(end) if 1 <= end <= LARGEST else None for end in ends) if ends else (None, None)
    return [Mark(code, text, float(flops), low, high, float(best.params), float(best.tokens), source)]


def _range_marks(problem: Problem) -> list[Mark]:
    """Return where the optimum is 10 and 100 times beyond the runs that the law was fitted on, in C, N or D."""
    law, marks = problem.law, []
    ranges = {"training": law.domain.flops, "params": law.domain.params, "tokens": law.domain.tokens}
    for factor in (FAR, 10 * FAR):
        if ends := [float(solver.optimal_at(problem, **{name: span[1] * factor})) for name, span in ranges.items() if span]:
            text = f"{factor:g}x beyond the runs that {law.id} was fitted on, in compute, parameters or tokens"
            marks += _mark(problem, f"beyond-{factor:g}", text, min(ends), law.reference)
    return marks


def contradiction() -> tuple[float, float, float]:
    """Return Kaplan's (C_min [PF-days], N, loss) where his law of compute promises less loss than his law of data allows.

    References
    ----------
    Kaplan et al. 2020, arXiv 2001.08361, Sec. 6.3; there about 1e4 PF-days, 1e12 and 1.7, each within about a factor of ten.
    """
    section = settings("planning.toml", "contradiction")
    compute, data = load_law(section["compute"]), load_law(section["data"])

    def gap(log_flops: Num) -> Num:
        best = solver.allocate(compute, np.exp(log_flops))
        return data.loss(tokens=best.tokens) - best.loss  # rises: compute promises more and more

    flops = float(np.exp(find_root(gap, np.log(1e15), np.log(1e35))))
    best = solver.allocate(compute, flops)
    return flops / compute.symbols["C_per_Cmin"] / PF_DAY, float(best.params), float(best.loss)


def _contradiction() -> list[Mark]:
    section = settings("planning.toml", "contradiction")
    law = load_law(section["compute"])
    pf_days, _, loss = contradiction()
    flops = pf_days * law.symbols["C_per_Cmin"] * PF_DAY
    text = f"Kaplan's law of compute promises less loss than his law of data allows ({loss:.2f}; the sizes are his)"
    return _mark(problem_of(law), "contradiction", text, flops, section["source"])


def _notes(problem: Problem, rows: tuple[Returns, ...]) -> Iterator[Note]:
    law = problem.law
    yield from own_notes(law, rows[-1].flops)
    if problem.spending.served:
        text = "where Kaplan's two laws contradict each other is not marked: it is a matter of training alone"
        yield Note("no-contradiction", "info", text)
    if rows[0].loss is None:
        yield Note("no-loss", "info", f"{law.id} says how N and D grow, not which loss follows: no returns are known")
    if far := [row for row in rows if row.extrapolation is not None and row.extrapolation > FAR]:
        text = f"{len(far)} of {len(rows)} budgets lie more than {FAR:g}x outside the runs of {law.id}: guesses, not forecasts"
        yield Note("extrapolation", "warning", text)
