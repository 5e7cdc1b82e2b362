"""Choices do not depend on a double's last bits, and neither does what is printed: the same answer on every processor."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planner._util.stable_choice import PRECISION, first_lowest, lowest, lowest_of_each, order, rounded
from tests import kernels

CRITERIA = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)
BITS = st.integers(-64, 64)


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_rounding_keeps_thirty_bits(value: float) -> None:
    """A rounded number lies within its own precision, and rounding it again changes nothing; a vector's numbers are a scalar's."""
    once = rounded(value)
    assert once == value or abs(once - value) <= PRECISION * abs(value)
    assert rounded(once) == once
    assert rounded(np.array([value, 1.0]))[0] == once


@given(CRITERIA, st.data())
def test_last_bits_choose_nothing(criteria: list[float], data: st.DataObject) -> None:
    """Candidates that differ in their last bits only are told apart by the stated order, whatever those bits are."""
    values = np.array(criteria)
    gaps = np.abs(values[:, None] - values.min()) / max(abs(values.min()), 1e-300)
    assume(not ((gaps > 0.5 * PRECISION) & (gaps < 2 * PRECISION)).any())  # no candidate stands on the edge itself
    twice = np.concatenate([values, values])
    noise = np.array(data.draw(st.lists(BITS, min_size=len(twice), max_size=len(twice)))) * 2.0**-52
    costs = np.arange(len(twice))[::-1].astype(float)
    chosen = lowest(twice)
    assert lowest(twice * (1 + noise)) == chosen < len(values)
    dearer_first = lowest(twice * (1 + noise), costs)
    assert dearer_first == lowest(twice, costs) >= len(values)
    assert lowest_of_each((twice * (1 + noise))[None])[0] == chosen
    assert first_lowest(list(range(len(twice))), lambda place: twice[place] * (1 + noise[place])) == chosen


@given(CRITERIA)
def test_the_lowest_is_lowest(criteria: list[float]) -> None:
    """What is chosen is within the precision of the least, and an order rises."""
    values = np.array(criteria)
    assert values[lowest(values)] - values.min() <= PRECISION * abs(values.min()) + 1e-300
    assert (np.diff(rounded(values)[order(values)]) >= 0).all()


def test_missing_and_infinite_criteria() -> None:
    """What is missing is not chosen while anything else is there, nor what is infinite."""
    assert lowest([np.nan, np.inf, 3.0, 3.0]) == 2
    assert lowest([np.nan, np.inf]) == 1
    assert lowest([np.nan, np.nan]) == 0
    assert lowest([-np.inf, 0.0]) == 0
    assert order([2.0, 1.0, 1.0], [0.0, 5.0, 4.0]).tolist() == [2, 1, 0]


@pytest.mark.parametrize("name", kernels.names())
def test_kernels_are_really_used(name: str) -> None:
    """What a kernel's environment asks for is in force in a process that has it: unknown names would be ignored in silence."""
    assert kernels.in_force(name) == ""


def test_a_kernel_that_is_not_in_force_is_noticed() -> None:
    """The check can fail."""
    if "Nehalem" in kernels.names():
        assert kernels.in_force("Nehalem", {"OPENBLAS_CORETYPE": "Haswell"}) != ""
