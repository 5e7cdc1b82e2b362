"""The best (N, D) under a budget and limits, and the inverses: closed forms are fast paths of one search."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from planner._util.root_finding import find_root, reach_above
from planner.allocation.loss_surface import Landscape, landscape
from planner.allocation.problem import FARTHEST, MOST, LawOrProblem, Limits, Problem, as_problem, corner
from planner.errors import CannotPlanError
from planner.scaling_laws.forms import Num

_REACH = 120.0
"""How far one side of a run is searched when the other is fixed, in e-folds: 52 decades."""


class Allocation(NamedTuple):
    """Parameters, tokens and expected loss, each a float or an array of the budgets' shape.

    ``loss`` is None where the law has no loss surface.
    """

    params: Num
    tokens: Num
    loss: Num


def allocate(question: LawOrProblem, flops: Num) -> Allocation:
    """Return the best allocation of one budget or of an array of budgets [FLOP]; CannotPlanError where the law has no optimum.

    What it costs equals the budget to the last bits, unless caps on both N and D leave some of it. Where serving a fixed size
    costs more than the budget, ``tokens`` is not above 0.
    """
    problem = as_problem(question)
    params, tokens = best_run(problem, flops)
    if problem.plain and problem.limits.free:
        reducible = problem.frontier.reducible
        p, floor = problem.symbols, problem.law.irreducible_loss
        loss = reducible(p, _as_counted(problem, flops)) if reducible else None
        return Allocation(params, tokens, loss if loss is None or floor is None else loss + floor)
    if problem.law.surface_law is None:
        return Allocation(params, tokens, None)
    surface = landscape(problem)
    with np.errstate(invalid="ignore", divide="ignore"):  # no tokens, no loss
        return Allocation(params, tokens, surface.floor + surface.reducible(params, tokens))


def _as_counted(problem: Problem, flops: Num) -> Num:
    """Return the budget at the law's own price of a parameter and token, for its closed forms."""
    k = problem.symbols["k"]
    return flops if problem.spending.k == k else flops * (k / problem.spending.k)


def best_run(problem: Problem, flops: Num) -> tuple[Num, Num]:
    """Return the best (N, D) within the limits: loss is unimodal along the spending curve, so a cap cuts the free optimum off."""
    limits, spending = problem.limits, problem.spending
    if limits.params is not None:
        params = limits.params + 0 * flops
        tokens = spending.tokens(flops, params)
    elif limits.tokens is not None:
        params, tokens = spending.params(flops, limits.tokens), limits.tokens + 0 * flops
    elif limits.tokens_per_param is not None:
        params = spending.params_at(flops, limits.tokens_per_param)
        tokens = limits.tokens_per_param * params
    else:
        params, tokens = free_run(problem, flops)
    if limits.max_tokens is not None:
        over, tokens = tokens > limits.max_tokens, np.minimum(tokens, limits.max_tokens)
        if limits.tokens_per_param is not None:
            params = _where(over, limits.max_tokens / limits.tokens_per_param, params)
        elif limits.params is None:  # what tokens may not take goes to parameters
            params = _where(over, spending.params(flops, limits.max_tokens), params)
    if limits.max_params is not None:
        over, params = params > limits.max_params, np.minimum(params, limits.max_params)
        if limits.tokens_per_param is not None:
            tokens = _where(over, limits.tokens_per_param * limits.max_params, tokens)
        elif limits.tokens is None:
            rest = spending.tokens(flops, limits.max_params)
            rest = rest if limits.max_tokens is None else np.minimum(rest, limits.max_tokens)
            tokens = _where(over, rest, tokens)
    return params, tokens


def _where(condition: Num, then: Num, otherwise: Num) -> Num:
    chosen: Num = np.where(condition, then, otherwise)
    return chosen[()]


def free_run(problem: Problem, flops: Num) -> tuple[Num, Num]:
    """Return the best (N, D) for each budget without limits: in closed form where that holds, else by search."""
    closed = problem.frontier.params(problem.symbols, _as_counted(problem, flops))
    if problem.plain:
        return closed, problem.spending.tokens(flops, closed)
    if isinstance(flops, float) and problem.symbols is problem.law.symbols:
        return _searched(problem._replace(limits=Limits()), flops)
    return search_run(problem, flops, closed)


@lru_cache(maxsize=256)
def _searched(problem: Problem, flops: float) -> tuple[Num, Num]:
    """Return the best run of one budget by search; an answer asks for the same one many times over."""
    return search_run(problem, flops, problem.frontier.params(problem.symbols, _as_counted(problem, flops)))


def search_run(question: LawOrProblem, flops: Num, start: Num = None) -> tuple[Num, Num]:
    """Return the best (N, D) for each budget [FLOP] by search along the spending curve, without the closed form.

    Where what a parameter and a token buy is as what they cost, no neighbour on the curve is better. The search is the reference
    that every closed form must agree with. It begins with ``start`` parameters, by default with as many as tokens.
    """
    problem = as_problem(question)
    surface, spending = landscape(problem), problem.spending
    flops = np.asarray(flops, float)
    N = (flops / spending.k) ** 0.5 if start is None else start
    if not np.any(spending.extra_tokens):

        def run(x: Num) -> tuple[Num, Num]:
            params = np.exp(x)
            return params, spending.tokens(flops, params)

        center = np.log(N)
    else:  # by tokens: at their price nothing cancels, however little of the budget serving leaves

        def run(x: Num) -> tuple[Num, Num]:
            tokens = np.exp(-x)
            return spending.params(flops, tokens), tokens

        center = np.log(spending.per_token(N) / flops)

    def tilt(x: Num) -> Num:
        params, tokens = run(x)
        by_params, by_tokens = surface.log_slopes(params, tokens)
        # rises with x: more params, fewer tokens; a slope that underflows to 0 has the right sign, and so has its log
        return by_tokens - by_params - np.log(spending.token_elasticity(tokens) / spending.params_elasticity(params))

    # at the start the tilt tells on which side the optimum lies
    side = np.where(tilt(center) < 0, 1.0, -1.0)
    step = reach_above(lambda away: side * tilt(center + side * away), 0.0 * center, 8.0 if start is None else 0.5, FARTHEST)
    return run(find_root(tilt, center, center + side * step))


def reducible(question: LawOrProblem, params: Num, tokens: Num) -> tuple[Num, Num]:
    """Return the reducible loss of a run, split into (owed to params, owed to tokens)."""
    return landscape(question).terms(np.asarray(params, float), np.asarray(tokens, float))


def lowest_reducible(question: LawOrProblem) -> Num:
    """Return the reducible loss that no budget gets below within the limits and with the unique tokens at hand."""
    problem = as_problem(question)
    return landscape(problem).reducible(*(np.asarray(end, float) for end in corner(problem.limits)))


def equivalent_flops(question: LawOrProblem, reducible_loss: Num) -> Num:
    """Return the least that reaches a reducible loss [the law's loss unit] within the limits [FLOP]; infinite beyond reach.

    Where limits or repeated data leave a floor, what lies within a billionth of it counts as the floor: no budget is enough for
    the floor itself, and to the last digit of a double many are.
    """
    problem = as_problem(question).judged()
    budget = problem.frontier.budget
    if budget is None:
        raise CannotPlanError(f"{problem.law.id} has no loss, so it cannot say which budget reaches one")
    plain = budget(problem.symbols, reducible_loss)
    plain = plain if problem.spending.k == problem.symbols["k"] else plain * (problem.spending.k / problem.symbols["k"])
    if problem.plain and problem.limits.free:
        return plain
    surface = landscape(problem)
    floor = lowest_reducible(problem)
    log_target = np.log(np.maximum(reducible_loss, floor * (1 + AT_FLOOR)))
    if problem.limits.fixed:
        flops = _fixed_cost(problem, surface, log_target)
    else:
        flops = _least_cost(problem, surface, log_target, np.log(plain) + 0 * log_target)
    return np.where(reducible_loss < floor * (1 - 1e-12), np.inf, flops)[()]


AT_FLOOR = 1e-9
_ENOUGH = 1e-13  # of the last step in ln C


def _least_cost(problem: Problem, surface: Landscape, log_target: Num, start: Num) -> Num:
    """Return the budget whose best run has a log reducible loss; infinite beyond reach.

    ln L against ln C is convex: Newton's steps come up to the root from below; where they fail, it is bracketed.
    """
    spending = problem.spending
    log_C = start
    for _ in range(40):
        params, tokens = best_run(problem, np.exp(log_C))
        excess = np.log(surface.reducible(params, tokens)) - log_target
        # what a FLOP more buys where it goes: at a cap, to the side that is free, where it buys less
        by_params, by_tokens = surface.log_slopes(params, tokens)
        by_cost = np.minimum(
            by_params - np.log(spending.params_elasticity(params)), by_tokens - np.log(spending.token_elasticity(tokens))
        )
        step = np.clip(excess * np.exp(np.minimum(excess + log_target - by_cost, 60.0)), -1.0, 20.0)
        log_C = log_C + step
        if np.all(np.abs(step) <= _ENOUGH * np.abs(log_C)):
            return np.exp(log_C)

    def gap(x: Num) -> Num:
        return log_target - np.log(surface.reducible(*best_run(problem, np.exp(x))))  # rises with C

    right = reach_above(gap, start, 0.5, FARTHEST)
    left = reach_above(lambda x: -gap(x), start, -0.01, FARTHEST)
    return np.where(gap(start + right) < 0, np.inf, np.exp(find_root(gap, start + left, start + right)))


def _fixed_cost(problem: Problem, surface: Landscape, log_target: Num) -> Num:
    """Return what reaches a log reducible loss with N, D or their ratio fixed; infinite beyond reach."""
    limits, frontier, p = problem.limits, problem.frontier, problem.symbols
    assert frontier.budget is not None  # asked of surfaces only
    plain = frontier.budget(p, np.exp(log_target))
    start_N = frontier.params(p, plain)
    most_N, most_D = corner(limits)
    free, most = (start_N, most_N) if limits.params is None else (plain / (p["k"] * start_N), most_D)
    start = np.log(free) + 0 * log_target
    top = np.minimum(start + _REACH, np.log(most))

    def run(x: Num) -> tuple[Num, Num]:
        size = np.exp(x)
        if limits.params is not None:
            return limits.params + 0 * x, size
        return size, limits.tokens_per_param * size if limits.tokens is None else limits.tokens + 0 * x

    def excess(x: Num) -> Num:
        return np.log(surface.reducible(*run(x))) - log_target  # falls with x

    x = find_root(excess, np.minimum(start, top) - _REACH, top)
    return np.where(excess(top) > 0, np.inf, problem.spending.paid(*run(x)))[()]


def cheapest(question: LawOrProblem, reducible_loss: Num) -> tuple[Num, Num, Num]:
    """Return (C, N, D) of the cheapest run that reaches a reducible loss within the limits; C is infinite beyond reach."""
    problem = as_problem(question).judged()
    flops = equivalent_flops(problem, reducible_loss)
    params, tokens = best_run(problem, np.where(np.isfinite(flops), flops, 1.0)[()])
    return flops, params, tokens


def overhead(question: LawOrProblem, params: Num, tokens: Num, equivalent: Num = None) -> Num:
    """Return what a run costs over the cheapest of the same loss, as a fraction >= 0 (0.1 = 10 % more); limits do not count.

    ``equivalent`` is what the cheapest costs, where that is known already.
    """
    problem = as_problem(question).judged().without_limits()
    if equivalent is None:
        equivalent = equivalent_flops(problem, sum(reducible(problem, params, tokens)))
    return np.maximum(problem.spending.paid(params, tokens) / equivalent - 1, 0.0)


def flat_band(question: LawOrProblem, flops: Num, extra: float) -> tuple[Num, Num]:
    """Return the range of N whose run at this budget costs at most ``extra`` more compute than an optimal run of the same loss.

    The ends solve L(N, D(C, N)) = L_opt(C/(1 + extra)), so :func:`overhead` there is ``extra`` (0.01 = 1 %).
    """
    problem = as_problem(question).judged().without_limits()
    surface, spending = landscape(problem), problem.spending
    center = np.log(free_run(problem, flops)[0])
    cheaper = np.asarray(flops, float) / (1 + extra)
    target = np.log(surface.reducible(*best_run(problem, cheaper)))

    def excess(log_N: Num) -> Num:
        N = np.exp(log_N)
        D = spending.tokens(flops, N)
        lost = D <= 0  # serving alone spends all
        return np.where(lost, np.inf, np.log(surface.reducible(N, np.where(lost, 1.0, D))) - target)[()]

    low, high = (find_root(excess, center, center + reach_above(excess, center, first, FARTHEST)) for first in (-0.5, 0.5))
    return np.exp(low), np.exp(high)


def cost_of_size(question: LawOrProblem, flops: Num, params: Num) -> Num:
    """Return what a size needs [FLOP] for the loss that the optimal run reaches with ``flops``; infinite beyond reach."""
    problem = as_problem(question).judged().without_limits()
    return cost_of_loss(problem, landscape(problem).reducible(*best_run(problem, flops)), params)


def cost_of_loss(question: LawOrProblem, reducible_loss: Num, params: Num) -> Num:
    """Return what a model of the given size needs for a reducible loss [FLOP]; infinite where no amount of tokens gets there."""
    problem = as_problem(question).judged()
    N = np.asarray(params, float)
    return equivalent_flops(problem._replace(limits=Limits(params=N)), reducible_loss + 0 * N)


def smallest_params(question: LawOrProblem, reducible_loss: Num) -> Num:
    """Return the N below which no amount of tokens reaches a reducible loss."""
    problem = as_problem(question).without_limits()
    surface = landscape(problem)
    log_target = np.log(np.maximum(reducible_loss, lowest_reducible(problem) * (1 + AT_FLOOR)))
    end = np.log(MOST) + 0 * log_target
    return np.exp(find_root(lambda x: np.log(surface.reducible(np.exp(x), MOST)) - log_target, -end, end))


def optimal_at(question: LawOrProblem, *, params: Num = None, tokens: Num = None, training: Num = None) -> Num:
    """Return the budget C [FLOP] whose optimum has given parameters, tokens or FLOP of training; infinite beyond 1e100 FLOP."""
    problem = as_problem(question).without_limits()
    wanted = np.log(next(each for each in (params, tokens, training) if each is not None))

    def gap(log_C: Num) -> Num:
        N, D = best_run(problem, np.exp(log_C))
        has = N if params is not None else D if tokens is not None else problem.spending.training(N, D)
        return np.log(has) - wanted

    top = np.log(MOST) + 0 * gap(np.zeros(np.shape(wanted)))
    outside = (gap(top) < 0) | (gap(-top) > 0)
    return np.where(outside, np.inf, np.exp(find_root(gap, -top, top)))[()]


def fixed(question: LawOrProblem, flops: Num, *, params: Num = None, tokens: Num = None) -> tuple[Num, Num]:
    """Return (N, D) that spend the budget with one of the two given."""
    problem = as_problem(question)
    return best_run(problem._replace(limits=problem.limits._replace(params=params, tokens=tokens)), flops)
