"""Numbers and texts in, floats in base units out: FLOP, parameters, tokens, plain fractions."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Literal

from planner._util.showing import Raw, bare, shown, whole
from planner.errors import QuantityError

PF_DAY = 1e15 * 86_400.0
"""FLOP in one petaFLOP/s-day (a definition: 1e15 FLOP/s for 86,400 s; Kaplan 2020, Sec. 1.3)."""

LARGEST = 1e60
"""Amounts above this are refused: no budget is near it, and squares of it still fit a double."""

Scale = int | float | None
"""A power of ten (int) or a factor (float); None for a unit that does not fit."""

Count = Literal["parameters", "tokens", "requests", "tokens per second"]

# Patterns stay text until first used: compiling them costs more than the rest of `plan --help`.
_NUMBER = (
    r"(?P<sign>[+\-−]?)"
    r"(?P<digits>(?:[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}|[0-9]+(?:_[0-9]+)*)(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:[eE](?P<exp>[+\-]?[0-9]{1,6})|\s*[xX×*]\s*10(?:\^|\*\*)(?P<pow>[+\-]?[0-9]{1,6}))?"
    r"(?P<rest>.*)"
)
_TEN_TO = r"10(?:\^|\*\*)(?P<pow>[+\-]?[0-9]{1,6})(?P<rest>.*)"
# "PFLOPS" is a speed, "PFLOPs" a plural; other spellings could be either
_MAYBE_SPEED = r"(?:[kKmMgGtTpPeEzZyY]|[A-Za-z]{3,6}a)[- ]?(?:FLOPS|flops)"
_PLAIN = frozenset("0123456789.e+-")

_PREFIXES = {
    "": 0, "k": 3, "m": 6, "g": 9, "t": 12, "p": 15, "e": 18, "z": 21, "y": 24, "r": 27, "q": 30,
    "kilo": 3, "mega": 6, "giga": 9, "tera": 12, "peta": 15, "exa": 18, "zetta": 21, "yotta": 24, "ronna": 27, "quetta": 30,
}  # fmt: skip
_TIMES = {"h": 3600.0, "hr": 3600.0, "hour": 3600.0, "d": 86_400.0, "day": 86_400.0}
_RATE = r"(?:f|flops?|flops?/s|flop/sec|flops?ps|fs)"
_COMPUTE_UNIT = r"(?P<prefix>[a-z]*?)[- ]?flops?"
_RATE_DAYS = rf"(?P<prefix>[a-z]*?)[- ]?{_RATE}[-· *]?(?P<time>{'|'.join(_TIMES)})s?"
_RATE_ONLY = r"(?:[a-z]*?)[- ]?(?:flops?/s(?:ec)?|flops?ps)"
_SCALES = {
    "": 0, "k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "g": 9, "billion": 9,
    "t": 12, "tn": 12, "trillion": 12, "quadrillion": 15,
}  # fmt: skip
_NOUNS = {
    "parameters": {"", "param", "params", "parameter", "parameters", "weights"},
    "tokens": {"", "tok", "toks", "token", "tokens"},
    "requests": {"", "request", "requests"},
    "tokens per second": {""},
}
EXAMPLES = {
    "flops": 'a number of FLOPs such as 1e21, "3 PF-days" or "1 ZFLOP"',
    "parameters": "a number of parameters such as 70B, 1.4e9 or 125M",
    "tokens": "a number of tokens such as 1.4T, 300e9 or 20B",
    "tokens per second": "tokens per second of a device such as 9600, or of all such as 1.2M in all",
    "requests": "a number of requests such as 50M or 1e6",
    "fraction": 'a fraction such as 0.1 or "10%"',
    "number": "a number such as 0.34",
    "duration": "a time such as 30d, 720h or 6 weeks; a bare number is in days",
    "device-hours": "device-hours such as 350k, 3.5e5 or 1.2M",
    "dollars": "US dollars such as 2M, $250k or 1.5e6",
    "price": "US dollars per device-hour such as 2.95",
    "energy": "an energy with its unit, such as 4GWh, 900 MWh or 5e5 kWh",
    "mass": "a mass of CO2e with its unit, such as 300t or 5e4 kg",
    "power": "watts of one device such as 700W or 0.7kW",
    "peak": "the dense peak of one device such as 989TFLOPS or 989e12",
    "intensity": "a country such as france, or grams of CO2e per kWh such as 56",
    "fleet": "devices such as 512xH100 or 256xH100+512xA100",
}


def parse_flops(value: Raw, name: str = "flops") -> float:
    """Read an amount of training compute.

    Parameters
    ----------
    value : number or str
        ``1e21``, ``"1 ZFLOP"``, ``"3 PF-days"``, ``"10^21"``. A bare number is in FLOP.
    name : str
        What to call the value in an error message.

    Returns
    -------
    float
        Compute [FLOP], between 1 and 1e60.

    Raises
    ------
    QuantityError
        Not a number, not positive, not finite, or a unit that is no amount of compute.
    """
    return _amount(value, name, "flops")


def parse_count(value: Raw, name: str, what: Count) -> float:
    """Read a number of parameters or tokens, such as ``70B``, ``"1.4 trillion tokens"`` or ``300e9``.

    Returns
    -------
    float
        The count, between 1 and 1e60.

    Raises
    ------
    QuantityError
        Not a number, not positive, not finite, or a unit that counts something else.
    """
    return _amount(value, name, what)


def parse_fraction(value: Raw, name: str, most: float = math.inf) -> float:
    """Read a fraction of at least 0, such as ``0.1`` or ``"10%"``; one above ``most`` is never suggested."""
    number, unit = split(value, name, "fraction")
    if unit not in {"", "%"}:
        raise refuse(value, name, "fraction")
    number = number / 100 if unit == "%" else number
    if not 0 <= number < math.inf:
        raise QuantityError(f"{name} {shown(value)}: must be at least 0 and finite; expected {EXAMPLES['fraction']}")
    if number > 1 and unit != "%":
        either = f"{number:.9g}%" + (f" or {100 * number:.9g}%" if number <= most else "")
        raise QuantityError(f"{name} {shown(value)}: above 1, so it could be meant in per cent; write {either}")
    return number


def parse_number(value: Raw, name: str) -> float:
    """Read a plain finite number."""
    number, unit = split(value, name, "number")
    if unit or not math.isfinite(number):
        raise refuse(value, name, "number")
    return number


def parse_error(value: Raw, name: str) -> float:
    """Read an error in the unit of its metric, or in per cent: ``"62%"`` is 0.62."""
    return parse_fraction(value, name) if isinstance(value, str) and "%" in value else parse_number(value, name)


def parse_whole(value: Raw, name: str, least: int, most: int = 10**9) -> int:
    """Read a whole number, such as ``4096`` or ``"32k"``."""
    try:
        number = parse_number(value, name) if least == 0 else parse_count(value, name, "tokens")
    except QuantityError:
        raise _not_whole(value, name, least, most) from None
    if number != int(number) or not least <= number <= most:
        raise _not_whole(value, name, least, most)
    return int(number)


def whole_number(value: Raw, name: str, least: int, most: int) -> int:
    """Return a whole number, of any library; no text."""
    number = whole(value)
    if number is None or not least <= number <= most:
        raise _not_whole(value, name, least, most)
    return number


def _not_whole(value: Raw, name: str, least: int, most: int) -> QuantityError:
    return QuantityError(f"{name} {shown(value)}: expected a whole number from {least} to {most:,}")


def parse_anchor(value: Raw, name: str) -> tuple[float, float]:
    """Read a known optimum, ``"1e21:2.8B"`` or a pair (flops, params), as (C [FLOP], N [parameters])."""
    parts = value.split(":") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or len(parts) != 2:
        raise QuantityError(f"{name} {shown(value)}: expected FLOPS:PARAMS such as 1e21:2.8B")
    return parse_flops(parts[0], f"{name} (compute)"), parse_count(parts[1], f"{name} (parameters)", "parameters")


def _amount(value: Raw, name: str, what: str) -> float:
    amount = positive(value, name, what, _compute_scale if what == "flops" else partial(count_scale, what=what), _misfit)
    if amount < 1 or amount > LARGEST:
        bound = "at least 1" if amount < 1 else f"finite and at most {LARGEST:.0e}"
        raise QuantityError(f"{name} {shown(value)}: must be {bound}; expected {EXAMPLES[what]}")
    return amount


def positive(
    value: Raw, name: str, what: str, scale_of: Callable[[str], Scale], misfit: Callable[[str, str], str | None] | None = None
) -> float:
    """Read an amount above 0 in one of the units that ``scale_of`` knows; ``misfit`` says what another unit measures."""
    number, unit = split(value, name, what)
    scale = scale_of(unit)
    if scale is None:
        raise refuse(value, name, what, misfit(unit, what) if misfit else None)
    amount = scaled(number, scale)
    if math.isnan(amount) or amount <= 0:
        raise QuantityError(f"{name} {shown(value)}: must be above 0; expected {EXAMPLES[what]}")
    return amount


def scaled(number: float, scale: float | int) -> float:
    """Scale by a power of ten (int) through decimal text, so that "70B" is exactly 70e9, or by a factor (float)."""
    if isinstance(scale, int) and "e" not in repr(number) and math.isfinite(number):
        return float(f"{number!r}e{scale}")
    return number * (10.0**scale if isinstance(scale, int) else scale)


def split(value: Raw, name: str, what: str) -> tuple[float, str]:
    """Return the leading number and the unit text, lower-cased and stripped."""
    if not isinstance(value, str):
        return _plain_number(value, name, what), ""
    text = value.strip()
    if text and _PLAIN.issuperset(text):  # the common case, without a pattern
        try:
            return float(text), ""
        except ValueError:
            raise refuse(value, name, what) from None
    power = re.fullmatch(_TEN_TO, text, re.DOTALL)
    if power:
        return float(f"1e{power['pow']}"), _unit_text(power["rest"])
    match = re.fullmatch(_NUMBER, text, re.DOTALL)
    if not match:
        raise refuse(value, name, what)
    rest = match["rest"]
    if rest[:1] in {",", ".", "_"} or rest[:1].isdigit():
        hint = "a comma could be a decimal point or a thousands separator; write neither as a comma" if rest[:1] == "," else None
        raise refuse(value, name, what, hint)
    if "," in match["digits"] and what in {"fraction", "number", "price"}:
        raise refuse(value, name, what, "write a decimal point and no thousands separators")
    if what != "peak" and re.fullmatch(_MAYBE_SPEED, rest.strip()):
        raise refuse(value, name, what, "that reads as a speed (FLOP per second); write PFLOP for an amount, or PF-days")
    digits = match["digits"].replace(",", "").replace("_", "")
    number = float(f"{digits}e{match['exp'] or match['pow'] or 0}")
    return (-number if match["sign"] in {"-", "−"} else number), _unit_text(rest)


def _plain_number(value: Raw, name: str, what: str) -> float:
    """Return a number that is no text as a float: real numbers of any library, but no bool, no complex, no array."""
    from numbers import Complex, Number, Real

    if isinstance(value, bool) or not isinstance(value, Number) or (isinstance(value, Complex) and not isinstance(value, Real)):
        many = "; for many budgets at once use planner.allocate" if what == "flops" and hasattr(value, "__len__") else ""
        raise QuantityError(f"{name} {shown(value)}: expected {EXAMPLES[what]}, got {type(value).__name__}{many}")
    try:
        return float(value)  # type: ignore[arg-type]  # Number promises nothing; what cannot be a float is refused below
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        raise refuse(value, name, what) from None


def _unit_text(rest: str) -> str:
    return " ".join(rest.replace("–", "-").replace("‑", "-").lower().split())


def compute_unit(unit: str) -> float | None:
    """Return the FLOP to one of a unit in lower case, such as ``gflops``, ``exaflop`` or ``pf-days``; None for another word."""
    scale = _compute_scale(unit)
    return 10.0**scale if isinstance(scale, int) else scale


def _compute_scale(unit: str) -> Scale:
    if not unit:
        return 0
    for pattern in (_COMPUTE_UNIT, _RATE_DAYS):
        match = re.fullmatch(pattern, unit)
        if match and (power := _PREFIXES.get(match["prefix"])) is not None:
            return power if pattern == _COMPUTE_UNIT else float(10.0**power * _TIMES[match["time"]])
    return None


def count_scale(unit: str, what: str) -> int | None:
    if unit in _SCALES:
        return _SCALES[unit]
    scale, _, noun = unit.rpartition(" ")
    if noun in _NOUNS.get(what, ()) and scale in _SCALES:
        return _SCALES[scale]
    for noun in _NOUNS.get(what, {""}) - {""}:
        if unit.endswith(noun) and unit[: -len(noun)] in _SCALES:
            return _SCALES[unit[: -len(noun)]]
    return None


def _misfit(unit: str, what: str) -> str | None:
    """Say what the unit measures, when it is one we know but not of this kind."""
    if re.fullmatch(_RATE_ONLY, unit):
        return "that is a speed, not an amount; multiply it by a time, as in PF-days"
    if what != "flops" and _compute_scale(unit) is not None:
        return "that is an amount of compute"
    for other in ("parameters", "tokens"):
        if other != what and count_scale(unit, other) is not None:
            return "that is a count" if unit in _SCALES else f"that counts {other}"
    return None


def refuse(value: Raw, name: str, what: str, why: str | None = None) -> QuantityError:
    if why is None and isinstance(value, str) and ".." in value:
        why = "one value here, not a range; plan and planner.sweep take ranges of some inputs"
    elif why is None and isinstance(value, str) and re.fullmatch(r"\W*[0-9][^:]*:\W*[0-9][^:]*", value):
        why = f"a range is written with two dots, {bare(value.replace(':', '..'))}"
    return QuantityError(f"{name} {shown(value)}: {why + '; ' if why else ''}expected {EXAMPLES[what]}")


def is_range(value: Raw) -> bool:
    """Tell whether a value is a range: a text with two dots in it, or a pair."""
    return ".." in value if isinstance(value, str) else isinstance(value, (list, tuple)) and len(value) == 2


def parse_range(value: Raw, name: str, parse: Callable[[object, str], float], example: str) -> tuple[float, float]:
    """Read a range whose ends ``parse`` reads; one that ends where it begins or before is refused."""
    ends = value
    if isinstance(value, str):
        ends = [end.strip() for end in value.split("..")] if "..." not in value else None
    if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(end != "" for end in ends):
        raise QuantityError(f"{name} {shown(value)}: expected a range such as {example}")
    low, high = (parse(end, name) for end in ends)
    if not low < high:
        raise QuantityError(f"{name} {shown(value)}: the range ends where it begins or before; smaller first, such as {example}")
    return low, high
