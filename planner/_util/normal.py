"""The normal law, without scipy and without ``statistics``, whose import takes longer than a plan."""

from math import erfc, exp, inf, pi, sqrt


def normal_quantile(p: float, start: float = 0.0) -> float:
    """Return the quantile of the standard normal law, to the last bits: Newton's method below the middle, from ``start`` <= 0."""
    if not 0 < p < 1:
        return {0.0: -inf, 1.0: inf}[p]
    if p > 0.5:
        return -normal_quantile(1 - p)
    x, step = start, 1.0
    for _ in range(100):
        step = (erfc(-x / sqrt(2)) / 2 - p) * sqrt(2 * pi) * exp(x * x / 2)
        x -= max(min(step, 1.0), -1.0)
        if abs(step) < 1e-15 * max(1.0, abs(x)):
            break
    return x
