"""Numbers in base units in, rounded texts for people out; nothing else in the package rounds."""

import math

from planner.quantities.parsing import PF_DAY


def significant(value: float, digits: int = 3) -> str:
    """Write a number with that many significant digits, keeping trailing zeros; scientific where that is shorter."""
    if value < 0:
        return f"-{significant(-value, digits)}"
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    text = _scientific(value, digits)
    power = int(text.split("e")[1])
    return f"{value:.{max(digits - 1 - power, 0)}f}" if -4 <= power < max(digits, 6) else text


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def plain(value: float, digits: int = 9) -> str:
    """Write a number to that many digits, without trailing zeros, so that it can be typed again: ``2.77845946e9``, ``0.34``."""
    mantissa, sign, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if sign else mantissa


def rounded_up(value: float, digits: int = 3) -> float:
    """Round up to as many digits as will be shown, where what is shown must be enough."""
    from decimal import ROUND_CEILING, Context

    return float(Context(prec=digits, rounding=ROUND_CEILING).create_decimal_from_float(value))


def format_count(value: float, digits: int = 3) -> str:
    """Write a count of parameters or tokens with K, M, B or T: ``2.78 B``; scientific above a thousand trillion."""
    if value < 999.5:
        return significant(value, digits)
    for scale, letter in ((3, "K"), (6, "M"), (9, "B"), (12, "T")):
        if float(f"{value:.{digits - 1}e}") < 10.0 ** (scale + 3):
            return f"{significant(value / 10.0**scale, digits)} {letter}"
    return _scientific(value, digits)


def format_flops(value: float, digits: int = 3) -> str:
    """Write an amount of compute in FLOP: ``1.00e21 FLOP``."""
    return f"{_scientific(value, digits)} FLOP"


def format_pf_days(flops: float) -> str:
    """Write compute [FLOP] in PF-days: ``11.6 PF-days``."""
    days = flops / PF_DAY
    return f"{days:.0f} PF-days" if 1e3 <= days < 1e6 else f"{significant(days)} PF-days"


def format_points(fraction: float) -> str:
    """Write a score, or a difference of two, in per cent to a tenth: ``46.2``."""
    return f"{100 * fraction:.1f}"


def format_percent(fraction: float) -> str:
    """Write a fraction as a percentage to 3 digits, without trailing zeros: ``11.6 %``, ``1 %``; just below 100 % to 6."""
    percent = 100 * fraction
    text = significant(percent, (6 if 99.95 <= percent < 100 else 3) if percent >= 0.1 else 2)
    return f"{text.rstrip('0').rstrip('.') if '.' in text and 'e' not in text else text} %"


def format_overhead(fraction: float) -> str:
    """Write extra compute: ``64.5 % more compute``, from ten times on ``63.8x the compute``."""
    if fraction < _LITTLE:
        return f"under {format_percent(_LITTLE)} more compute"
    return f"{format_extra(fraction)} {'the' if fraction >= _MANY else 'more'} compute"


def format_extra(fraction: float) -> str:
    """Write extra compute where a heading says what it is: ``64.5 %``, ``< 0.1 %``, from ten times on ``63.8x``."""
    if fraction < _LITTLE:
        return f"< {format_percent(_LITTLE)}"
    return format_factor(1 + fraction) if fraction >= _MANY else format_percent(fraction)


_LITTLE, _MANY = 1e-3, 9
"""Extra compute below which its size says nothing, and from which on it is said as a factor."""


def format_change(difference: float, smallest: float = 5e-5) -> str:
    """Write a signed difference to 4 decimals: ``-0.0162``; nothing where it would be 0."""
    return "" if abs(difference) < smallest else f"{difference:+.4f}"


def format_signed_percent(fraction: float, decimals: int = 1) -> str:
    """Write a signed fraction as a percentage: ``+6.5 %``, ``-0.80 %`` with two decimals."""
    return f"{100 * fraction:+.{decimals}f} %"


def format_factor(factor: float) -> str:
    """Write a ratio: ``3.24x``."""
    return f"{significant(factor)}x"


def _in_units(value: float, units: dict[int, str], least: str = "") -> str:
    """Write a number in the first of the units, by their powers of ten, of which it has one; ``least`` is that below them."""
    power, unit = next(((power, unit) for power, unit in units.items() if value >= 0.9995 * 10.0**power), (0, least))
    return f"{significant(value / 10.0**power)}{unit}"


def format_dollars(value: float) -> str:
    """Write an amount of money: ``$1.09M``, ``$824``."""
    return f"${_in_units(value, {12: 'T', 9: 'B', 6: 'M', 3: 'k'})}"


def format_price(value: float) -> str:
    """Write dollars per device-hour: ``$2.95``."""
    return f"${value:.2f}" if value >= 0.1 else f"${significant(value, 2)}"


def format_hours(value: float) -> str:
    """Write device-hours: ``369 thousand``, ``30.8 million``; small numbers as they are."""
    return _in_units(value, {12: " trillion", 9: " billion", 6: " million", 3: " thousand"})


def format_duration(hours: float) -> str:
    """Write a time in the unit that people would say it in: ``30.0 days``, ``5.20 hours``, ``3.10 years``."""
    if hours < 0.95:
        return f"{significant(60 * hours)} minutes"
    if hours < 47.5:
        return f"{significant(hours)} hours"
    return f"{significant(hours / 24)} days" if hours < 2 * 8760 else f"{significant(hours / 8760)} years"


def format_energy(kwh: float) -> str:
    """Write an energy: ``1.20 GWh``."""
    return _in_units(kwh, {9: " TWh", 6: " GWh", 3: " MWh"}, " kWh")


def format_mass(kg: float) -> str:
    """Write a mass of CO2e: ``300 t``."""
    return _in_units(kg, {12: " Gt", 9: " Mt", 6: " kt", 3: " t"}, " kg")


def format_peak(flops_per_s: float, unit: str = " TFLOP/s") -> str:
    """Write a speed in TFLOP/s: ``989 TFLOP/s``."""
    return f"{plain(flops_per_s / 1e12, 5)}{unit}"


def format_whole(value: float) -> str:
    """Write a whole number with thousands separators: ``124,439,808``."""
    return f"{value:,.0f}"


def format_rate(value: float) -> str:
    """Write a learning rate: ``4.40e-4``."""
    return _scientific(value, 3)


def format_bytes(value: float) -> str:
    """Write an amount of memory in powers of ten: ``80.0 GB``."""
    return _in_units(value, {15: " PB", 12: " TB", 9: " GB", 6: " MB", 3: " kB"}) if value >= 999.5 else f"{value:.0f} B"
