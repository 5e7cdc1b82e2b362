"""The normal law, without scipy and without ``statistics``, whose import takes longer than a plan."""

from math import erfc, exp, inf, pi, sqrt


def normal_quantile(p: float) -> float:
    """Return the quantile of the standard normal law, to the last bits: Newton's method from the middle, in the lower half."""
    if not 0 < p < 1:
        return {0.0: -inf, 1.0: inf}[p]
    if p > 0.5:
        return -normal_quantile(1 - p)
    x, step = 0.0, 1.0
    for _ in range(100):
        step = (erfc(-x / sqrt(2)) / 2 - p) * sqrt(2 * pi) * exp(x * x / 2)
        x -= max(min(step, 1.0), -1.0)
        if abs(step) < 1e-15 * max(1.0, abs(x)):
            break
    return x
