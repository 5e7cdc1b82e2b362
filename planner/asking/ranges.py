"""Which inputs can be ranges, how each is read, divided into points and handed on."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.asking.conditions import above_zero
from planner.choosing import several_laws
from planner.errors import OptionError
from planner.units import (
    finite,
    is_range,
    parse_count,
    parse_flops,
    parse_fraction,
    parse_number,
    parse_range,
    shown,
)
from planner.units.resources import (
    parse_device_hours,
    parse_dollars,
    parse_duration,
    parse_energy,
    parse_fleet,
    parse_intensity,
    parse_mass,
    parse_peak,
    parse_power,
    parse_price,
)

_DAY = 24.0


class Axis(NamedTuple):
    """A range of one input.

    Attributes
    ----------
    name : str
        The input.
    column : str
        What it is called in rows.
    unit : str
    values : array
        Its points, in that unit.
    suffix : str
        What follows a point where :func:`planner.plan` reads it.
    """

    name: str
    column: str
    unit: str
    values: NDArray[np.float64]
    suffix: str = ""

    def given(self, index: int) -> object:
        """Return a point as :func:`planner.plan` takes it."""
        value = float(self.values[index])
        if self.name == "gpus":
            return f"{value:.0f}{self.suffix}"
        return f"{value!r}{self.suffix}" if self.suffix else value


class _Kind(NamedTuple):
    """How an input is read: to base units, evenly divided or in the logarithm, under which column and unit, handed on how."""

    parse: Callable[[object, str], float]
    example: str
    even: bool = False
    column: str = ""
    unit: str = ""
    suffix: str = ""
    per: float = 1.0


def _params(value: object, name: str) -> float:
    return parse_count(value, name, "parameters")


def _tokens(value: object, name: str) -> float:
    return parse_count(value, name, "tokens")


_SIZE, _DATA = _Kind(_params, "1B..70B", unit="parameters"), _Kind(_tokens, "100B..2T", unit="tokens")
_SHARE, _PLAIN = _Kind(parse_fraction, "30%..50%", even=True), _Kind(above_zero, "1..10")
_PRICE = _Kind(parse_price, "2..4", unit="USD/hour")

AXES = {
    "flops": _Kind(parse_flops, "1e18..1e26", unit="FLOP"),
    "loss": _Kind(above_zero, "1.9..2.5", even=True, column="target_loss"),
    **dict.fromkeys(("params", "active_params", "max_params"), _SIZE),
    **dict.fromkeys(("tokens", "max_tokens", "unique_tokens", "inference_tokens", "inference_per_month"), _DATA),
    "generated_tokens": _DATA,
    **dict.fromkeys(("tokens_per_param", "experts", "granularity", "experts_per_token"), _PLAIN),
    "months": _PLAIN._replace(unit="months"),
    **dict.fromkeys(("sparsity", "data_quality", "mfu", "inference_mfu", "generation_mfu"), _SHARE),
    "overhead": _SHARE._replace(column="overhead_time"),
    **dict.fromkeys(("price", "inference_price"), _PRICE),
    "gpus": _Kind(lambda value, name: parse_fleet(value, name)[0][0][0], "64..1024xH100", unit="devices"),
    "days": _Kind(parse_duration, "10..60", column="budget_days", unit="days", suffix=" days", per=_DAY),
    "gpu_hours": _Kind(parse_device_hours, "100k..2M", column="budget_device_hours", unit="device-hours"),
    "dollars": _Kind(parse_dollars, "1M..10M", column="budget_dollars", unit="USD"),
    "energy": _Kind(parse_energy, "1..10GWh", column="budget_kwh", unit="kWh", suffix=" kWh"),
    "co2": _Kind(parse_mass, "100..500t", column="budget_kg_co2e", unit="kg", suffix=" kg"),
    "pf_days": _Kind(above_zero, "10..1000", column="budget_pf_days", unit="PF-days"),
    "peak": _Kind(parse_peak, "312..989TFLOPS", unit="FLOP/s"),
    "power": _Kind(parse_power, "700W..1.4kW", unit="W", suffix=" W"),
    "pue": _Kind(parse_number, "1.1..1.4", even=True),
    "grid": _Kind(parse_intensity, "50..500", even=True, unit="g/kWh"),
}
"""Inputs that can be ranges."""

ALONG = ("flops", "pf_days", "gpu_hours", "dollars", "energy", "co2", "days", "loss")
"""What whole arrays are solved along: budgets, in FLOP or in what is linear in them, and losses."""


def has_ranges(given: Mapping[str, object]) -> bool:
    """Tell whether inputs ask for more than one plan: a range among them, or several laws."""
    ranged = any(name in AXES and is_range(value) for name, value in given.items())
    return ranged or "points" in given or several_laws(given.get("law"))


def axis_of(name: str, value: object, points: int) -> Axis:
    """Read a range and divide it: evenly in the logarithm, or evenly where that is how the input is thought of.

    Raises
    ------
    PlannerError
        No range, an end that cannot be read, or a range that ends where it begins or before.
    """
    kind = AXES[name]
    suffix = kind.suffix
    if name == "gpus":
        value, suffix = _fleet(value)
    low, high = parse_range(_same_unit(value, name), name, kind.parse, kind.example)
    divide = np.linspace if kind.even or not low > 0 else np.geomspace
    values = divide(low, high, points)
    values[0], values[-1] = low, high
    values = values / kind.per
    if name in _WHOLE:
        values = np.unique(np.round(values))
    return Axis(name, kind.column or name, kind.unit, values, suffix)


_DIGITS = "0123456789.,eE+-_$ "
_MEASURED = {"energy", "co2", "power", "peak"}
"""Inputs that are never without a unit."""


def _same_unit(value: object, name: str) -> object:
    """Give the first end the unit of the second where one is due: 1..10GWh; 1..10M could be meant in two ways.

    Raises
    ------
    OptionError
        Only the second end has a unit, and the first could stand without.
    """
    if not isinstance(value, str) or value.count("..") != 1:
        return value
    low, high = (end.strip() for end in value.split(".."))
    unit = high.lstrip(_DIGITS)
    if not low or not unit or low.lstrip(_DIGITS):
        return value
    due = name in _MEASURED or (unit == "%" and finite(low) is not None and float(low) > 1)
    if not due:
        raise OptionError(f"{name} {shown(value)}: {low} or {low}{unit}? Write the unit at both ends: {low}{unit}..{high}")
    return f"{low}{unit}..{high}"


_WHOLE = {"gpus", "experts", "experts_per_token"}


def _fleet(value: object) -> tuple[object, str]:
    """Return a range of devices of one kind as texts that name it at both ends, and what follows their number."""
    ends = [end.strip() for end in value.split("..")] if isinstance(value, str) and "..." not in value else []
    kinds = {end.partition("x")[2].strip() for end in ends if "x" in end}
    if len(ends) != 2 or len(kinds) != 1 or any("+" in end or " for " in end for end in ends):
        raise OptionError(f"gpus {shown(value)}: expected a range of devices of one kind, such as 64..1024xH100")
    suffix = f"x{kinds.pop()}"
    return "..".join(end if "x" in end else end + suffix for end in ends), suffix
