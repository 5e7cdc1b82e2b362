"""Human quantities in and out."""

import math
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import QuantityError
from planner.quantities import (
    PF_DAY,
    format_count,
    format_dollars,
    format_duration,
    format_energy,
    format_factor,
    format_flops,
    format_hours,
    format_mass,
    format_overhead,
    format_peak,
    format_percent,
    format_pf_days,
    format_price,
    parse_anchor,
    parse_count,
    parse_flops,
    parse_fraction,
    parse_number,
    significant,
)
from planner.quantities.resource_parsing import (
    parse_device_hours,
    parse_dollars,
    parse_duration,
    parse_energy,
    parse_mass,
    parse_peak,
    parse_price,
)


@pytest.mark.parametrize(
    ("text", "flops"),
    [
        ("1e21", 1e21),
        (" 1E21 ", 1e21),
        ("1e21 FLOP", 1e21),
        ("1e21flops", 1e21),
        ("1 ZFLOP", 1e21),
        ("1 zettaFLOPs", 1e21),
        ("2.5 EFLOP", 2.5e18),
        ("3 PF-days", 3 * 8.64e19),
        ("3 pf-day", 3 * 8.64e19),
        ("3 PFLOP/s-days", 3 * 8.64e19),
        ("3 petaflop/s days", 3 * 8.64e19),
        ("1 pfs-days", 8.64e19),
        ("1 EF-day", 8.64e22),
        ("24 PF-hours", 8.64e19),
        ("1 ZFLOPs", 1e21),
        ("10^21", 1e21),
        ("10**21", 1e21),
        ("1.5x10^21", 1.5e21),
        ("1.5 * 10**21", 1.5e21),
        ("1_000_000", 1e6),
        ("1,000,000", 1e6),
        (1e21, 1e21),
        (10**21, 1e21),
        (np.float64(1e21), 1e21),
        (np.int64(10), 10.0),
        (Fraction(10), 10.0),
    ],
)
def test_flops_are_read(text: object, flops: float) -> None:
    """FLOP, SI prefixes and PF-days in the spellings people use."""
    assert parse_flops(text) == pytest.approx(flops, rel=1e-15)


def test_a_pf_day_is_kaplans() -> None:
    """1 PF-day = 8.64e19 FLOP (Kaplan 2020, Sec. 1.3)."""
    assert abs(PF_DAY / 8.64e19 - 1) < 1e-12


@pytest.mark.parametrize(("params", "tokens", "flops"), [
    # GPT-3 Small, Large, XL, 13B, 175B (arXiv 2005.14165, Table D.1)
    (125e6, 300e9, 2.25e20), (760e6, 300e9, 1.37e21), (1.32e9, 300e9, 2.38e21), (12.85e9, 300e9, 2.31e22), (174.6e9, 300e9, 3.14e23),
    # PaLM-62B, PaLM-540B, Gopher (arXiv 2204.02311, Table 21), Llama 3 405B (arXiv 2407.21783, Sec. 3.2)
    (62e9, 795e9, 2.957e23), (540e9, 780e9, 2.5272e24), (280e9, 300e9, 5.04e23), (405e9, 15.6e12, 3.8e25),
    # Chinchilla's Table 3 (arXiv 2203.15556): 1B and 10T rows
    (1e9, 20.2e9, 1.21e20), (10e12, 216.2e12, 1.3e28),
])  # fmt: skip
def test_published_compute(params: float, tokens: float, flops: float) -> None:
    """6ND reproduces the compute that papers print, to their digits."""
    from planner.allocation.compute_cost import training_flops

    assert training_flops(params, tokens, 6.0) == pytest.approx(flops, rel=0.005)


def test_gpt3_pf_days() -> None:
    """3.14e23 FLOP is 3,640 PF-days (GPT-3, Table D.1)."""
    assert pytest.approx(3640, rel=0.003) == 3.14e23 / PF_DAY


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("70B", 70e9),
        ("70 b", 70e9),
        ("1.4T", 1.4e12),
        ("300e9", 300e9),
        ("1.4 trillion tokens", 1.4e12),
        ("20 billion", 20e9),
        ("125M", 125e6),
        ("12.5K", 12_500.0),
        ("20B tokens", 20e9),
        ("20Btokens", 20e9),
        ("5", 5.0),
    ],
)
def test_counts_are_read(text: str, count: float) -> None:
    """K, M, B, T and their words; a trailing noun is allowed."""
    assert parse_count(text, "tokens", "tokens") == count


@pytest.mark.parametrize(
    "text", ["1e21x", "-5", "0", "nan", "inf", "-inf", "", " ", "1e999", "1e-400", "0.5", "--", "1.2.3", "1,4T", "٣e21", "1e", "e21", "1 e21", "=1+1"]
)  # fmt: skip
def test_nonsense_is_refused_in_one_line(text: str) -> None:
    """The message names the option, shows the value and says what is expected."""
    with pytest.raises(QuantityError) as caught:
        parse_flops(text, "--flops")
    message = str(caught.value)
    assert message.startswith(f"--flops {text!r}: ")
    assert "expected a number of FLOPs such as 1e21" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [1e21],
        {},
        object(),
        1 + 2j,
        math.nan,
        math.inf,
        -1.0,
        0,
        10**400,
        b"1e21",
        Decimal("sNaN"),
        np.complex64(1e21),
    ],
)
def test_wrong_types_and_values_are_refused(value: object) -> None:
    """From Python too: no nan, no bool, no list passes."""
    with pytest.raises(QuantityError):
        parse_flops(value)


@pytest.mark.parametrize(
    ("value", "what", "reason"),
    [
        ("70B", "flops", "that is a count"),
        ("3 tokens", "flops", "that counts tokens"),
        ("5 TFLOP/s", "flops", "that is a speed"),
        ("989 TFLOPS", "flops", "reads as a speed"),
        ("3 petaflops", "flops", "reads as a speed"),
        ("1,400", "flops", "a comma could be"),
        ("0,100,000", "flops", "a comma could be"),
        ("3 PF-days", "tokens", "that is an amount of compute"),
        ("70B params", "tokens", "that counts parameters"),
        ("20B tokens", "parameters", "that counts tokens"),
    ],
)
def test_units_that_do_not_fit_say_what_they_are(value: str, what: str, reason: str) -> None:
    """A known unit of the wrong kind is named."""
    parse: Any = parse_flops if what == "flops" else partial(parse_count, name="x", what=cast(Any, what))
    with pytest.raises(QuantityError, match=reason):
        parse(value)


def test_endless_integers_are_refused() -> None:
    """An integer too long to print is refused without printing it."""
    with pytest.raises(QuantityError, match="thousands of digits"):
        parse_flops(10**5000)


def test_fractions_and_numbers() -> None:
    """Percent signs are read for fractions only."""
    assert parse_fraction("10%", "tolerance") == pytest.approx(0.1)
    assert parse_fraction(0.1, "tolerance") == 0.1
    assert parse_number("-0.5", "x") == -0.5
    assert parse_fraction("150%", "tolerance") == 1.5
    with pytest.raises(QuantityError, match="write 5% or 500%"):
        parse_fraction(5, "tolerance")
    for bad in ("-1%", "nan", "10 percent", "1e999", "0,100", "1,000,000"):
        with pytest.raises(QuantityError):
            parse_fraction(bad, "tolerance")
    with pytest.raises(QuantityError, match="expected a number"):
        parse_number("10%", "x")


def test_anchors() -> None:
    """C:N as text or as a pair."""
    assert parse_anchor("1e21:2.8B", "anchor") == (1e21, 2.8e9)
    assert parse_anchor((1e21, "2.8B"), "anchor") == (1e21, 2.8e9)
    for bad in ("1e21", "1e21:2:3", 5, "2.8B:1e21"):
        with pytest.raises(QuantityError):
            parse_anchor(bad, "anchor")


@given(st.floats(1, 1e14))
def test_counts_survive_a_round_trip(value: float) -> None:
    """parse(format(x)) is x to the displayed digits."""
    assert parse_count(format_count(value), "x", "tokens") == pytest.approx(value, rel=5.1e-3)


@given(st.floats(0, 60).map(lambda e: 10.0**e).filter(lambda x: x <= 9.9e59))
def test_flops_survive_a_round_trip(value: float) -> None:
    """FLOP and PF-days as displayed read back to the displayed digits."""
    assert parse_flops(format_flops(value)) == pytest.approx(value, rel=5.1e-3)
    if value > 1e3:
        assert parse_flops(format_pf_days(value)) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (format_duration, parse_duration),
        (format_energy, parse_energy),
        (format_mass, parse_mass),
        (format_dollars, parse_dollars),
        (format_hours, parse_device_hours),
    ],
)
@given(st.floats(-3, 15).map(lambda e: 10.0**e))
def test_what_is_printed_can_be_typed_back(write: Any, read: Any, value: float) -> None:
    """Times, energies, masses of CO2e, money and device-hours, in every unit that is written."""
    assert read(write(value), "x") == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("write", "read", "low", "high", "digits"),
    [
        (format_percent, parse_fraction, -6, 3, 5.1e-2),  # of less than 0.1 % two digits
        (format_price, parse_price, -2, 5, 5.1e-2),  # dollars and cents
        (format_peak, parse_peak, 11, 17, 5.1e-5),
    ],
)
@given(st.floats(0, 1))
def test_what_has_bounds_can_be_typed_back(write: Any, read: Any, low: float, high: float, digits: float, share: float) -> None:
    """Percentages, prices and peaks, to the digits that are written."""
    value = 10.0 ** (low + share * (high - low))
    assert read(write(value), "x") == pytest.approx(value, rel=digits)


@given(st.floats(1e-6, 1e30))
def test_significant_digits_are_kept(value: float) -> None:
    """Three digits are three digits."""
    assert float(significant(value)) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.7785e9, "2.78 B"),
        (60e9, "60.0 B"),
        (999.96e6, "1.00 B"),
        (768, "768"),
        (12_500, "12.5 K"),
        (1.4e12, "1.40 T"),
        (3e15, "3.00e15"),
    ],
)
def test_counts_look_as_people_write_them(value: float, text: str) -> None:
    """Three digits, one letter, no 1000 M."""
    assert format_count(value) == text


def test_percentages_and_factors() -> None:
    """Trailing zeros go; huge overheads become factors."""
    assert format_percent(0.01) == "1 %"
    assert format_percent(0.1162) == "11.6 %"
    assert format_percent(4.51) == "451 %"
    assert format_overhead(0.645) == "64.5 % more compute"
    assert format_overhead(62.8) == "63.8x the compute"
    assert format_factor(3.2421) == "3.24x"
    assert significant(0.0) == "0"
