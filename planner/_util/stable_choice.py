"""Choices that do not depend on the processor: criteria count to thirty bits, and ties go by a stated order.

Kernels of linear algebra, and vector and scalar powers, differ in a double's last bits. Two candidates that are equal on paper
must not be told apart by those bits, so whatever chooses compares criteria through this module.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 30
"""Bits of a criterion that count: about nine significant digits."""

PRECISION = 2.0**-BITS
SINGULAR = 1 / float(np.finfo(float).eps)
"""Condition number from which on a double says no more than that a matrix is singular."""


def rounded(values: Any) -> Any:
    """Return criteria to thirty bits, of any shape; a float for a float. What is infinite or missing stays."""
    mantissa, exponent = np.frexp(np.asarray(values, float))
    found = np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS)
    return float(found) if found.ndim == 0 else found


def order(criteria: Any, *then: Any) -> "NDArray[np.intp]":
    """Return the places of candidates, the lowest criterion first; of equal ones the lowest in ``then`` first, then the first.

    Parameters
    ----------
    criteria, *then : array, shape (candidates,)
        What is compared, and what decides between equals: cost before size, by the house's order.
    """
    return np.lexsort(tuple(rounded(each) for each in (*then[::-1], criteria)))


def lowest(criteria: Any, *then: Any) -> int:
    """Return the place of the lowest criterion; of those within ``PRECISION`` of it the lowest in ``then``, then the first.

    Parameters
    ----------
    criteria, *then : array, shape (candidates,)
        At least one; missing values (nan) are never chosen unless all are missing.
    """
    values = np.asarray(criteria, float)
    least = np.min(np.where(np.isnan(values), np.inf, values))
    if np.isinf(least):
        tied = np.flatnonzero(values == least) if (values == least).any() else np.arange(len(values))
    else:
        tied = np.flatnonzero(values <= _within(least))
    return int(tied[0] if not then else tied[order(*(np.asarray(each, float)[tied] for each in then))[0]])


def _within(least: Any) -> Any:
    """Return the highest criterion that ties with the lowest; of numbers too small to have all their digits, a little more."""
    return least + PRECISION * np.maximum(np.abs(least), 1e-300)


def lowest_of_each(criteria: "NDArray[Any]") -> "NDArray[np.intp]":
    """Return, for each row of (rows, candidates), the first of the candidates within ``PRECISION`` of the lowest."""
    least = criteria.min(1, keepdims=True)
    found: NDArray[np.intp] = (criteria <= _within(least)).argmax(1)
    return found


def first_lowest(items: Sequence[Any], criterion: Any) -> Any:
    """Return the first of the items whose ``criterion(item)`` is the lowest to thirty bits."""
    return items[lowest([criterion(item) for item in items])]
