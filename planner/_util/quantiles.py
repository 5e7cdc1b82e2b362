"""Quantiles of draws. ``numpy.quantile`` finds the ends of its partition with ``numpy.unique``, whose first use imports
``numpy.ma``, which takes as long as the plan itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def quantiles(values: Any, levels: Sequence[float]) -> tuple[Any, ...]:
    """Return the quantiles along the first axis, linear between order statistics, as ``numpy.quantile`` gives them.

    Parameters
    ----------
    values : array of shape (n, ...)
        At least one; a quantile with a nan among its values is nan.
    levels : sequence of float
        From 0 to 1.

    Returns
    -------
    tuple of array
        One of shape (...) for each level.
    """
    ordered = np.sort(np.asarray(values, float), axis=0)  # nan goes last
    last = len(ordered) - 1
    broken = np.isnan(ordered[last])

    def at(level: float) -> Any:
        below = min(int(level * last), max(last - 1, 0))
        left, right = ordered[below], ordered[min(below + 1, last)]
        share = level * last - below
        between = left + (right - left) * share if share < 0.5 else right - (right - left) * (1 - share)
        return np.where(broken, np.nan, np.where(left == right, left, between))[()]

    return tuple(at(level) for level in levels)
