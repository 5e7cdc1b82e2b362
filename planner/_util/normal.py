"""The normal law, without scipy and without ``statistics``, whose import takes longer than a plan."""

from math import erfc, exp, inf, log, pi, sqrt


def normal_quantile(p: float, start: float | None = None) -> float:
    """Return the quantile of the standard normal law, to the last bits: Halley's method below the middle, from ``start`` <= 0."""
    if not 0 < p < 1:
        return {0.0: -inf, 1.0: inf}[p]
    if p > 0.5:
        return -normal_quantile(1 - p)
    x = -sqrt(-2 * log(2 * p)) if start is None else start  # in the tail a little too far
    for _ in range(100):
        newton = (erfc(-x / sqrt(2)) / 2 - p) * sqrt(2 * pi) * exp(min(x * x / 2, 700.0))
        step = newton / max(1 + x * newton / 2, 0.5)
        x -= max(min(step, 1.0), -1.0)
        if abs(step) < 1e-7:  # the next one would be of its cube
            break
    return x
