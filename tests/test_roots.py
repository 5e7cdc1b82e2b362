"""The root finder, against known roots and scipy; quantiles, against numpy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import brentq

from planner._util.quantiles import quantiles
from planner._util.root_finding import find_root


@given(st.floats(-50, 50), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.1, 5))
def test_it_finds_roots_of_monotone_functions(root: float, below: float, above: float, steep: float) -> None:
    """Exponentials, cubes and their mirror images, from any bracket."""
    low, high = root - below, root + above
    for fn in (
        lambda x: np.expm1(steep * (x - root)),
        lambda x: -((x - root) ** 3) - steep * (x - root),
        lambda x: np.tanh(x - root),
    ):
        assert find_root(fn, low, high) == pytest.approx(root, rel=1e-13, abs=1e-13)


def test_arrays_of_brackets_are_solved_together() -> None:
    """Each element gets its own root; brentq agrees."""
    target = np.logspace(-3, 3, 13)
    found = find_root(lambda x: np.exp(x) + x - target, np.full(13, -20.0), np.full(13, 20.0))
    for value, root in zip(target, found, strict=True):
        assert root == pytest.approx(brentq(lambda x, v=value: np.exp(x) + x - v, -20, 20, xtol=1e-14), abs=1e-12)


def test_it_is_quick() -> None:
    """A smooth function takes few evaluations where bisection takes fifty."""
    calls = []

    def counted(x: float) -> float:
        calls.append(x)
        return float(np.exp(x) - 2.0)

    find_root(counted, -10.0, 10.0)
    assert len(calls) < 25


def test_a_root_at_an_end_is_found() -> None:
    """A bracket may start on the root."""
    assert find_root(lambda x: x - 1.0, 1.0, 5.0) == pytest.approx(1.0, abs=1e-12)
    assert find_root(lambda x: x - 1.0, -5.0, 1.0) == pytest.approx(1.0, abs=1e-12)


@example(2.713171047873238e-156, 0.25, 0.04581353507984484, 8.0, -2.2602169576470095)
@given(st.floats(-30, 30), st.floats(0.01, 30), st.floats(0.01, 30), st.floats(0.01, 8), st.floats(-5, 5))
def test_one_bracket_and_an_array_of_one_agree_to_the_bit(
    root: float, below: float, above: float, steep: float, shift: float
) -> None:
    """A single bracket is solved with plain numbers, several with arrays: the same steps."""

    def fn(x: Any) -> Any:
        return (x - root) * (1 + steep * ((x - shift) * (x - shift)))  # powers of a number and of an array differ by an ulp

    assert find_root(fn, root - below, root + above) == find_root(fn, np.array([root - below]), np.array([root + above]))[0]


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.inf, -np.inf, np.nan])), min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_are_numpys(values: list[float], levels: list[float]) -> None:
    """To the last bits, of one column and of several; a nan among the values is a nan."""
    with np.errstate(invalid="ignore"):  # between infinities
        found, expected = np.array(quantiles(values, levels)), np.quantile(values, levels)
        columns = np.stack([values, values[::-1]], 1)
        both = np.array(quantiles(columns, levels))
    ordinary = np.isfinite(expected)
    assert found[ordinary] == pytest.approx(expected[ordinary], rel=1e-15, abs=1e-300)
    assert np.isnan(found).all() or not np.isnan(values).any()
    assert both[:, 0][ordinary] == pytest.approx(found[ordinary])
