"""Student's t, without scipy."""

from functools import lru_cache
from typing import Any

import numpy as np

from planner._util.root_finding import find_root

_NODES = 64


@lru_cache(maxsize=1)
def _gauss_legendre() -> tuple[Any, Any]:
    """Return nodes and weights of Gauss and Legendre's rule on [-1, 1]: ``numpy.polynomial`` takes longer to import."""
    x = np.cos(np.pi * (np.arange(_NODES) + 0.75) / (_NODES + 0.5))
    for _ in range(5):  # Newton's method on the last Legendre polynomial, whose roots these nearly are
        before, last = np.ones(_NODES), x
        for n in range(2, _NODES + 1):
            before, last = last, ((2 * n - 1) * x * last - (n - 1) * before) / n
        slope = _NODES * (x * last - before) / (x * x - 1)
        x = x - last / slope
    return x, 2 / ((1 - x * x) * slope**2)


@lru_cache(maxsize=256)
def student_quantile(p: float, degrees: float) -> float:
    """Return the quantile of Student's t, by integrating its density: no scipy at run time."""
    # t = sqrt(degrees) tan(angle): the density becomes cos(angle)^(degrees - 1)
    nodes, weights = _gauss_legendre()

    def area(angle: Any) -> Any:
        half = np.asarray(angle) / 2
        return half * (np.cos(half[..., None] * (nodes + 1)) ** (degrees - 1) @ weights)

    whole = 2 * area(np.asarray(np.pi / 2))
    angle = find_root(lambda x: area(x) / whole - (p - 0.5), 0.0, np.pi / 2)
    return float(np.sqrt(degrees) * np.tan(angle))
