"""The optimal line of a surface that has none in closed form, by search along k N D = C."""

from collections.abc import Callable

import numpy as np

from planner._util.root_finding import find_root, reach_above
from planner.scaling_laws.forms._base import Frontier, Num, Surface, Symbols

_REFERENCE = 1e20  # FLOP: exponents are taken from here to 100 times as much; the line is not quite straight
DECADES = 2.0
_FARTHEST = 256.0


def root_from(rising: Callable[[Num], Num], start: Num, step: float, farthest: float = _FARTHEST) -> Num:
    """Return where a function that rises is zero, looked for from ``start`` in steps that grow."""
    right = reach_above(rising, start, step, farthest)
    left = reach_above(lambda x: -rising(x), start, -step, farthest)
    return find_root(rising, start + left, start + right)


def bent_frontier(
    surface: Surface,
    params: Callable[[Symbols, Num], Num],
    exponents: Callable[[Symbols], tuple[Num, Num]],
    start: Callable[[Symbols], Num],
    farthest: float = _FARTHEST,
) -> Frontier:
    """Return the optimal line whose N is searched; the budget of a loss is looked for from ``start``."""

    def reducible(p: Symbols, C: Num) -> Num:
        N = params(p, C)
        return sum(surface.terms(p, N, C / (p["k"] * N)))

    def budget(p: Symbols, R: Num) -> Num:
        log_target = np.log(R)

        def gap(log_C: Num) -> Num:
            return log_target - np.log(reducible(p, np.exp(log_C)))  # rises with C

        return np.exp(root_from(gap, np.log(start(p)) + 0.0 * log_target, 4.0, farthest))

    return Frontier(
        params,
        exponents,
        reducible,
        budget,
        derivation=(("N", "argmin(L(N, C/(k*N))) = N"),),
        loss_derivation=(("C_opt", "L_opt(C_opt)-E = R"),),
        straight=False,
    )


def searched_frontier(surface: Surface) -> Frontier:
    """Return the optimal line of a surface."""

    def params(p: Symbols, C: Num) -> Num:
        C = np.asarray(C, float)

        def tilt(log_N: Num) -> Num:
            N = np.exp(log_N)
            by_params, by_tokens = surface.slopes(p, N, C / (p["k"] * N))
            with np.errstate(divide="ignore"):
                return np.log(by_tokens) - np.log(by_params)  # rises with N

        even = 0.5 * np.log(C / p["k"]) + 0.0 * np.log(sum(surface.terms(p, np.sqrt(C), np.sqrt(C))))
        return np.exp(root_from(tilt, even, 1.0))

    def exponents(p: Symbols) -> tuple[Num, Num]:
        low, high = (np.log(params(p, _REFERENCE * 10.0**decades)) for decades in (0.0, DECADES))
        a = (high - low) / (DECADES * np.log(10.0))
        return a, 1 - a

    return bent_frontier(surface, params, exponents, lambda p: _REFERENCE)
