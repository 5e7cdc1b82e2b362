"""Bracketed root finding on arrays, without scipy (importing scipy.optimize costs more than a whole plan)."""

from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Any

import numpy as np

_EPS = float(np.finfo(float).eps)


def reach_above(fn: Callable[[Any], Any], center: Any, first: float, last: float) -> Any:
    """Return a step from ``center`` at which the function is above 0, doubling ``first`` elementwise up to ``last``.

    A negative ``first`` steps to the left. Where even ``last`` is not enough, the last step tried.
    """
    step = np.full(np.shape(center), first)
    while True:
        short = fn(center + step) <= 0
        if not np.any(short) or np.all(np.abs(step[short] if np.ndim(step) else step) >= last):
            return step
        step = np.where(short, 2 * step, step)


def find_root(fn: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Find where a function changes sign, to the last bits, elementwise.

    Parameters
    ----------
    fn : callable
        Continuous; broadcasts over arrays; of opposite sign at the two ends of each bracket.
    low, high : float or array
        Ends of the brackets; broadcast against each other.

    Returns
    -------
    float or array
        The roots, of the brackets' shape.

    Notes
    -----
    Chandrupatla's method: inverse quadratic interpolation where it is safe, bisection elsewhere; never slower than a few times
    bisection and usually about ten evaluations.

    References
    ----------
    T. R. Chandrupatla, Advances in Engineering Software 28 (1997) 145-149.
    """
    if np.ndim(low) == np.ndim(high) == 0:
        return np.float64(_find_one_root(lambda x: float(fn(np.float64(x))), float(low), float(high)))
    x1, x2 = (np.array(end, float) for end in np.broadcast_arrays(low, high))
    f1, f2 = np.broadcast_to(fn(x1), x1.shape), np.broadcast_to(fn(x2), x1.shape)
    t: Any = 0.5
    for _ in range(200):
        x = x1 + t * (x2 - x1)
        f = fn(x)
        same = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = np.where(same, x2, x1), np.where(same, f2, f1)
        x1, f1 = x, f
        best = np.where(np.abs(f2) < np.abs(f1), x2, x1)
        width = np.abs(x2 - x1)
        shortest = 2 * _EPS * np.abs(best) + 1e-300
        if np.all((2 * shortest > width) | (f1 == 0) | (f2 == 0)):
            break
        with np.errstate(all="ignore"):  # where the interpolation divides by zero, the bisection below is taken instead
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            quadratic = f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
            margin = np.minimum(shortest / width, 0.5)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(quadratic)
            t = np.clip(np.where(safe, quadratic, 0.5), margin, 1 - margin)
    return np.where(f2 == 0, x2, best)[()]


def _find_one_root(fn: Callable[[float], float], x1: float, x2: float) -> float:
    """Do the same with plain numbers: for a single bracket NumPy's overhead is many times the work."""
    f1, f2 = fn(x1), fn(x2)
    t = 0.5
    for _ in range(200):
        x = x1 + t * (x2 - x1)
        f = fn(x)
        if (f > 0) - (f < 0) == (f1 > 0) - (f1 < 0):
            x3, f3 = x1, f1
        else:
            x3, f3, x2, f2 = x2, f2, x1, f1
        x1, f1 = x, f
        best = x2 if abs(f2) < abs(f1) else x1
        width = abs(x2 - x1)
        shortest = 2 * _EPS * abs(best) + 1e-300
        if 2 * shortest > width or f1 == 0 or f2 == 0:
            break
        t = 0.5
        with suppress(ZeroDivisionError):
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            quadratic = f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
            if phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi and isfinite(quadratic):
                t = quadratic
        margin = min(shortest / width, 0.5)
        t = min(max(t, margin), 1 - margin)
    return x2 if f2 == 0 else best
