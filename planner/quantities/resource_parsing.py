"""Readers of what people hold beside FLOP: devices, time, money, energy, carbon."""

import re
from collections.abc import Callable, Mapping

from planner._util.showing import Raw, shown
from planner.errors import QuantityError
from planner.quantities.parsing import EXAMPLES, LARGEST, Scale, count_scale, positive, refuse

_HOURS: Mapping[str, float] = {
    "": 24.0, "min": 1 / 60, "minute": 1 / 60, "minutes": 1 / 60, "h": 1.0, "hr": 1.0, "hrs": 1.0, "hour": 1.0, "hours": 1.0,
    "d": 24.0, "day": 24.0, "days": 24.0, "w": 168.0, "wk": 168.0, "week": 168.0, "weeks": 168.0,
    "y": 8760.0, "yr": 8760.0, "year": 8760.0, "years": 8760.0,
}  # fmt: skip
_KWH: Mapping[str, int | float] = {
    "wh": -3, "kwh": 0, "mwh": 3, "gwh": 6, "twh": 9, "mj": 1 / 3.6, "gj": 1e3 / 3.6, "tj": 1e6 / 3.6,
}  # fmt: skip
_KG: Mapping[str, int] = {"g": -3, "kg": 0, "t": 3, "tonne": 3, "tonnes": 3, "ton": 3, "tons": 3, "kt": 6, "mt": 9, "gt": 12}
_WATTS: Mapping[str, int] = {"": 0, "w": 0, "watt": 0, "watts": 0, "kw": 3}
_FLOPS_PER_S: Mapping[str, int] = {"": 0, "g": 9, "giga": 9, "t": 12, "tera": 12, "p": 15, "peta": 15}
_DEVICE = r"(?:(?:gpu|tpu|chip|device|accelerator|card)s?[- ]?)?"
_CURRENCY = r"[€£¥₹]|(?:\b|(?<=[0-9\s]))[kmb]?(?:eur|euros?|gbp|pounds?|jpy|yen|cny|rmb|yuan|inr|rupees?|chf|cad|aud)\b"
_DOLLARS = r"(?:us)?\$|\b(?:us )?dollars?\b|usd\b"
_COUNT = r"[0-9][0-9,_.]*(?:[eE]\+?[0-9]+)?[kK]?"
COUNTED_DEVICES = rf"(?P<count>{_COUNT})(?:\s*[xX×*]\s*|\s)"
"""A number of devices before their name: ``512xH100``, ``64 H100``."""

_FLEET = rf"(?:{COUNTED_DEVICES})?(?P<name>[A-Za-z][\w\- .]*)"
_TIMED = (
    r"(?P<fleet>.*?)\s*(?:\bfor\b|[xX×*,@])\s*"
    r"(?P<time>[0-9][0-9.,]*\s*(?:min(?:utes?)?|h|hrs?|hours?|d|days?|w|wk|weeks?|y|yrs?|years?))"
)
_MOST_DEVICES = 1e8
_LONGEST = 500


def parse_duration(value: Raw, name: str) -> float:
    """Read a time such as ``30d``, ``"720 hours"`` or ``30`` (days), in hours."""
    return _measure(value, name, "duration", _HOURS.get)


def parse_device_hours(value: Raw, name: str) -> float:
    """Read device-hours such as ``350k``, ``"1.2M GPU-hours"`` or ``350_000``."""
    tail = rf"\s*{_DEVICE}(?:h|hrs?|hours?)?$"
    return _measure(value, name, "device-hours", lambda unit: count_scale(re.sub(tail, "", unit), ""))


def parse_dollars(value: Raw, name: str) -> float:
    """Read an amount of money in US dollars, such as ``2M`` or ``"$250k"``."""
    return _measure(_without_dollars(value, name), name, "dollars", lambda unit: count_scale(unit, ""))


def parse_price(value: Raw, name: str) -> float:
    """Read US dollars per device-hour, such as ``2.95`` or ``"$2.95/h"``."""
    head, per = rf"^(?:/|per )\s*{_DEVICE}", {"": 0, "h": 0, "hr": 0, "hour": 0}
    amount = _without_dollars(value, name)
    return _measure(amount, name, "price", lambda unit: per.get(re.sub(head, "", unit)), least=1e-6, most=1e6)


def parse_energy(value: Raw, name: str) -> float:
    """Read an energy such as ``"4GWh"``, in kWh."""
    return _measure(value, name, "energy", _KWH.get)


def parse_mass(value: Raw, name: str) -> float:
    """Read a mass of CO2e such as ``"300t"``, in kg."""
    return _measure(value, name, "mass", lambda unit: _KG.get(re.sub(r"\s*co2(?:e|eq)?$", "", unit)))


def parse_power(value: Raw, name: str) -> float:
    """Read the power of one device such as ``"700W"``, in W."""
    return _measure(value, name, "power", _WATTS.get, least=1.0, most=1e5)


def parse_peak(value: Raw, name: str) -> float:
    """Read the peak of one device such as ``"989 TFLOP/s"`` or ``989e12``, in FLOP/s."""
    tail = r"\s*(?:f|flops?|flops?/s(?:ec)?|flopps)$"
    return _measure(value, name, "peak", lambda unit: _FLOPS_PER_S.get(re.sub(tail, "", unit)), least=1e11, most=1e17)


def parse_intensity(value: Raw, name: str) -> float:
    """Read grams of CO2e per kWh, such as ``56`` or ``"56 g/kWh"``."""
    units: Mapping[str, int] = {"": 0, "g/kwh": 0, "gco2e/kwh": 0, "gco2/kwh": 0, "kg/kwh": 3, "kg/mwh": 0}
    return _measure(value, name, "intensity", lambda unit: units.get(unit.replace(" ", "")), most=1e4)


def parse_fleet(value: Raw, name: str) -> tuple[tuple[tuple[float, str], ...], float | None]:
    """Read devices such as ``"512xH100"``, summed with ``+``, and a time where the text has one.

    Returns
    -------
    tuple
        ((count, name), ...), names as given; and hours, None where none stand in the text.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise refuse(value, name, "fleet")
    text = " ".join(value.split())
    timed = re.fullmatch(_TIMED, text, re.IGNORECASE)
    parts = []
    for part in (timed["fleet"] if timed else text).split("+"):
        match = re.fullmatch(_FLEET, part.strip())
        if not match:
            raise refuse(value, name, "fleet")
        if then := re.search(r"\bfor\b|\s[x×*]\s", match["name"], re.IGNORECASE):
            raise refuse(value, name, "fleet", f"the time after '{then[0].strip()}' is not understood (30d, 720h, 6 weeks)")
        parts.append((parse_devices(match["count"] or "1", name), match["name"].strip()))
    return tuple(parts), parse_duration(timed["time"], name) if timed else None


def names_devices(text: str) -> bool:
    """Tell whether a text that might be anything is one of devices: ``512xH100``, ``64 H100 x 30d``; not ``3 PF-days``."""
    timed = re.fullmatch(_TIMED, text.strip(), re.IGNORECASE)
    fleet = timed["fleet"] if timed else text
    sign = r"(?:\s*[xX×*]\s*|\s)" if timed else r"\s*[xX×*]\s*"
    return bool(re.match(rf"\s*{_COUNT}{sign}[A-Za-z]", fleet))


def parse_devices(value: Raw, name: str) -> float:
    """Read a number of devices: whole, from 1 to 1e8."""
    count = _measure(value, name, "fleet", lambda unit: count_scale(unit, ""), least=1, most=_MOST_DEVICES)
    if count != int(count):
        raise QuantityError(f"{name} {shown(value)}: expected a whole number of devices")
    return count


def _measure(
    value: Raw, name: str, what: str, scale_of: Callable[[str], Scale], *, least: float = 1e-12, most: float = LARGEST
) -> float:
    """Read a positive amount in one of the units."""
    amount = positive(value, name, what, scale_of)
    if not least <= amount <= most:
        raise QuantityError(f"{name} {shown(value)}: must lie between {least:g} and {most:g}; expected {EXAMPLES[what]}")
    return amount


def _without_dollars(value: Raw, name: str) -> object:
    """Return an amount of dollars without its sign; another currency is refused."""
    if not isinstance(value, str):
        return value
    if re.search(_CURRENCY, value, re.IGNORECASE):
        raise QuantityError(f"{name} {shown(value)}: only US dollars are known; convert at your own rate and give dollars")
    return re.sub(_DOLLARS, "", value, count=1, flags=re.IGNORECASE).strip()
