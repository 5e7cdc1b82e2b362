"""How sure a fitted law is: intervals of N_opt, of the loss, and what they are made of.

A classical fit's intervals are its bootstrap draws: they know the scatter of the runs, not whether the law is the right one. A
forecast adds what draws cannot know, each part calibrated on extrapolations whose outcome was known: misfit of nearby runs,
disagreement between structures, distance beyond the largest run, few rows.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.quantiles import quantiles
from planner._util.root_finding import find_root
from planner.allocation.loss_interval import check_level, drawn_symbols, loss_interval, widening
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import LawOrProblem, Problem, as_problem
from planner.allocation.solver import best_run
from planner.errors import OptionError
from planner.notes import Note
from planner.quantities import LARGEST, plain, shown
from planner.quantities.arrays import real_numbers
from planner.scaling_laws.forms import FORMS, Form, Num
from planner.scaling_laws.law import Law


class Intervals(NamedTuple):
    """How sure an answer is, from a fitted law's draws; None where the question leaves nothing to be unsure of.

    Attributes
    ----------
    level : float
    flops : (low, high) or None
        Of the budget that reaches the loss asked for; the high end is None where no budget is sure to. None where it was given.
    params, tokens, tokens_per_param : (low, high) or None
        Of the best run of this budget, or of any budget between the ends of ``flops``.
    loss : (low, high) or None
        Of the law's mean at this run, in its loss unit.
    run_loss : (low, high) or None
        Of the loss that one such run will reach.
    loss_parts : mapping or None
        What half the width of ``run_loss`` is made of, in ln loss; the squares add.
    calibrated : bool
        Whether the run lies where the coverage was measured.
    """

    level: float
    flops: tuple[float, float | None] | None
    params: tuple[float, float] | None
    tokens: tuple[float, float] | None
    tokens_per_param: tuple[float, float] | None
    loss: tuple[float, float] | None
    run_loss: tuple[float, float] | None
    loss_parts: Mapping[str, float] | None
    calibrated: bool


def answer_intervals(
    question: LawOrProblem, flops: float, params: float, tokens: float, level: float, *, sizes: bool, loss: float | None = None
) -> Intervals | None:
    """Return the intervals of an answer, those of N and D only where ``sizes`` were left to the law; None without draws.

    Where a ``loss`` was asked for, the budget has an interval of its own, and those of N and D hold for any budget inside it.
    """
    problem = as_problem(question)
    law = problem.law
    if law.draws is None:
        return None
    of_budget = _budget_interval(problem, loss, flops, level) if loss is not None else None
    least, most = of_budget or (flops, flops)
    N = D = ratio = None
    if sizes and most is not None:
        low, high = (size_interval(problem, end, level) for end in (least, most))
        if low and high:
            N = (float(low[0]), float(high[1]))
            D = (_tokens(problem, least, low[1]), _tokens(problem, most, high[0]))
            ratio = (_ratio(problem, least, low[1]), _ratio(problem, most, high[0]))
            ratio = (min(ratio[0], _ratio(problem, most, high[1])), max(ratio[1], _ratio(problem, least, low[0])))
    of_loss = loss_interval(law, *_counted(problem, params, tokens), level)
    if of_loss is None:
        return Intervals(level, of_budget, N, D, ratio, None, None, None, True)
    mean, run = ((float(low), float(high)) for low, high in (of_loss.mean, of_loss.run))
    parts = FrozenDict({name: float(part) for name, part in of_loss.parts.items()})
    return Intervals(level, of_budget, N, D, ratio, mean, run, parts, bool(of_loss.calibrated))


def span_of_rows(
    problem: Problem, flops: Num, params: Num, tokens: Num, level: float
) -> tuple[tuple[Num, Num] | None, tuple[Num, Num] | None]:
    """Return the intervals of N, where the law chose it, and of the law's mean loss, of arrays of best runs."""
    sizes = None if problem.limits.fixed else size_interval(problem, flops, level)
    of_loss = loss_interval(problem.law, *_counted(problem, params, tokens), level)
    return sizes, None if of_loss is None else of_loss.mean


def _tokens(problem: Problem, flops: float, params: float) -> float:
    tokens = float(problem.spending.tokens(flops, params))
    return tokens if problem.limits.max_tokens is None else min(tokens, problem.limits.max_tokens)


def _ratio(problem: Problem, flops: float, params: float) -> float:
    return _tokens(problem, flops, params) / float(params)


def _counted(problem: Problem, params: Num, tokens: Num) -> tuple[Num, Num]:
    """Return what counts of a run: intervals are those of the surface, which knows nothing of modifiers."""
    if not problem.modifiers:
        return params, tokens
    counts = landscape(problem).counts(params, tokens)
    return counts.params, counts.tokens


_SEARCHED = (-30.0, 70.0)
"""How far from the best estimate, in e-folds of compute, an end of the budget's interval is looked for."""


def _budget_interval(problem: Problem, loss: float, flops: float, level: float) -> tuple[float, float | None] | None:
    """Return the budgets whose best run's interval of the mean loss still holds the loss asked for."""
    if problem.law.surface_law is not problem.law:
        return None

    def gap(log_C: Num) -> Num:
        found = loss_interval(problem.law, *_counted(problem, *best_run(problem, np.exp(log_C))), level)
        assert found is not None  # the law has draws and a surface of its own
        return np.log(np.array(found.mean) / loss)

    ladder = np.log(flops) + np.linspace(*_SEARCHED, 81)
    ends = gap(ladder)

    def reached(end: int) -> float | None:
        """Return the first budget at which an end of the loss's interval is down to the loss, None where it never is."""
        there = np.flatnonzero(ends[end] <= 0)
        if not len(there) or not there[0]:
            return None
        return float(np.exp(find_root(lambda x: gap(x)[end], *ladder[there[0] - 1 : there[0] + 1])))

    return reached(0) or flops, reached(1)


def interval_notes(found: Intervals | None, law: Law) -> list[Note]:
    """Say where intervals must not be trusted as they stand."""
    if found is None:
        return []
    known = law.draws.calibration if law.draws else None
    if law.draws and law.draws.covariance:
        text = f"intervals are the {law.draws.covariance.how}; another data set or recipe has its own optimum and loss"
        return [Note("study-interval", "info", text)]
    if known is None:
        text = (
            "intervals are a bootstrap over the runs: they hold the scatter, not the error of the law itself; on larger runs "
            "they cover far less than they say"
        )
        return [Note("bootstrap-only", "info" if found.calibrated else "warning", text)]
    if not found.calibrated:
        tested = plain(known.scales["calibrated_to"])
        text = f"outside the calibrated range: intervals were tested to {tested}x the largest run, this lies beyond"
        return [Note("uncalibrated", "warning", text)]
    return []


def size_interval(question: LawOrProblem, flops: Num, level: float = LEVEL) -> tuple[Num, Num] | None:
    """Return the interval of the compute-optimal N of a budget [FLOP], or of each of an array; None for a law without draws."""
    if not isinstance(question, (Law, Problem)):
        raise OptionError(f"question {shown(question)}: expected a Law, such as planner.load_law('my-law.json')")
    problem = as_problem(question)
    law, flops, level = problem.law, real_numbers(flops, "flops"), check_level(level)
    if not np.all((flops >= 1) & (flops <= LARGEST)):
        raise OptionError(f"flops {shown(flops)}: every budget must lie between 1 and {plain(LARGEST)} FLOP")
    if law.draws is None or law.role != "plan":
        return None
    flops = np.asarray(flops)
    draws = _best_params(problem, law.draws.form, law.draws.params, flops)
    if law.draws.calibration is None:
        tail = (1 - level) / 2
        low, high = quantiles(draws, (tail, 1 - tail))
        return low, high
    own = np.log(_best_params(problem, FORMS["generalised"], law.params, flops))
    half = _half_width(law, law.draws.calibration.scales, own, np.log(draws), level, law.draws.calibration.scales["size_least"])
    best = best_run(problem, flops)[0]
    return (best * np.exp(-half))[()], (best * np.exp(half))[()]


def _half_width(law: Law, scales: Mapping[str, float], own: Num, draws: Num, level: float, least: float = 0.0) -> Num:
    """Return half the width of an ensemble's interval, from how far its members' ``own`` values and its draws spread."""
    weight = np.asarray(law.params["weight"]).reshape(-1, *[1] * (own.ndim - 1))
    weight = weight / weight.sum()
    center = (weight * own).sum(0)
    spread = (weight * (own - center) ** 2).sum(0)
    low, high = quantiles(draws, (0.16, 0.84))
    width = scales["size_factor"] * np.sqrt(spread + (scales["size_draws"] * (high - low) / 2) ** 2 + least**2)
    return width * widening(scales["degrees_of_freedom"], level)


def draw_cloud(law: Law, flops: float) -> tuple[Num, Num]:
    """Return of each draw of a law the exponent a in N_opt ~ C^a, and the compute-optimal N of a budget [FLOP]."""
    assert law.draws is not None
    N = _best_params(as_problem(law), law.draws.form, law.draws.params, np.asarray(flops, float))
    return np.broadcast_to(_exponents(law, law.draws.params), np.shape(N)), N


def _exponents(law: Law, constants: Mapping[str, Num]) -> Num:
    """Return a in N_opt ~ C^a under each set of constants."""
    assert law.draws is not None
    assert law.draws.form.frontier is not None  # asked of laws that plan
    return law.draws.form.frontier.exponents(drawn_symbols(law, constants, 0))[0]


def exponent_interval(law: Law, level: float = LEVEL) -> tuple[float, float] | None:
    """Return the interval of a in N_opt ~ C^a."""
    if law.draws is None or law.role != "plan":
        return None
    drawn = _exponents(law, law.draws.params)
    if law.draws.calibration is None:
        low, high = quantiles(np.broadcast_to(drawn, len(law.draws)), ((1 - level) / 2, (1 + level) / 2))
        return float(low), float(high)
    # an ensemble's: the same mixture of member spread and draws as for N itself
    half = float(_half_width(law, law.draws.calibration.scales, _exponents(law, law.params), drawn, level))
    assert law.exponents is not None  # the law plans
    return max(law.exponents[0] - half, 0.0), min(law.exponents[0] + half, 1.0)


def _best_params(problem: Problem, form: Form, constants: Mapping[str, Num], flops: Num) -> Num:
    """Return N for each budget under each set of constants, (sets, ...)."""
    symbols = drawn_symbols(problem.law, {name: constants[name] for name in form.parameters}, flops.ndim)
    N = best_run(problem._replace(form=form, symbols=symbols), flops)[0]
    return np.clip(np.where(np.isfinite(N), N, 1e100), 1e-100, 1e100)
