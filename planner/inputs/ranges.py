"""Ranges of inputs: how each is divided into points, and how a point becomes part of a question."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.showing import Raw
from planner.accelerators.fleet import Grid
from planner.errors import OptionError
from planner.inputs.input_row import Input
from planner.inputs.law_choice import several_laws
from planner.inputs.question import Devices
from planner.inputs.registry import every_input
from planner.quantities import finite, is_range, parse_range, shown
from planner.quantities.estimate import exactly
from planner.quantities.resource_parsing import COUNTED_DEVICES


class Axis(NamedTuple):
    """A range of one input."""

    name: str
    column: str  # what it is called in rows
    unit: str
    values: NDArray[np.float64]  # its points, in that unit
    per: float = 1.0  # base units to one of it
    device: str = ""  # what the devices are, where their number varies

    def at(self, index: int) -> Any:
        """Return a point as a question has it."""
        value = float(self.values[index]) * self.per
        match self.name:
            case "gpus":
                return Devices(((value, self.device),))
            case "pue":
                return exactly(value)
            case "grid":
                return Grid("yours", exactly(value), "as given")
            case _:
                return value


ALONG = ("flops", "pf_days", "gpu_hours", "dollars", "energy", "co2", "days", "loss")
"""What whole arrays are solved along: budgets, in FLOP or in what is linear in them, and losses."""


def axes() -> Mapping[str, Input]:
    """Return the inputs that can be ranges."""
    return {name: row for name, (_, row) in every_input().items() if row.range}


def has_ranges(given: Mapping[str, object]) -> bool:
    """Tell whether inputs ask for more than one plan: a range among them, or several laws."""
    ranged = any(name in axes() and is_range(value) for name, value in given.items())
    return ranged or "points" in given or several_laws(given.get("law"))


def axis_of(name: str, value: Raw, points: int) -> Axis:
    """Read a range and divide it: evenly in the logarithm, or evenly where that is how the input is thought of.

    Raises
    ------
    PlannerError
        No range, an end that cannot be read, or a range that ends where it begins or before.
    """
    row = axes()[name]
    device = ""
    if name == "gpus":
        value, device = _fleet(value)
    low, high = parse_range(_same_unit(value, name), f"`{name}`", _reader(name, row), row.range)
    divide = np.linspace if row.even or not low > 0 else np.geomspace
    values = divide(low, high, points)
    values[0], values[-1] = low, high
    values = values / row.per
    if row.whole:
        values = np.unique(np.round(values))
    return Axis(name, row.column or name, row.column_unit or row.unit, values, row.per, device)


def _reader(name: str, row: Input) -> Any:
    """Return a reader of one end of a range as a number."""
    number = {
        "gpus": lambda found: found.parts[0][0],
        "pue": lambda found: found.expected,
        "grid": lambda found: found.grams_per_kwh.expected,
    }.get(name)
    return row.read if number is None else lambda value, called: number(row.read(value, called))


_DIGITS = "0123456789.,eE+-_$ "
_MEASURED = {"energy", "co2", "power", "peak"}
"""Inputs that are never without a unit."""


def _same_unit(value: Raw, name: str) -> object:
    """Give the first end the unit of the second where one is due: 1..10GWh; 1..10M could be meant in two ways and is refused."""
    if not isinstance(value, str) or value.count("..") != 1:
        return value
    low, high = (end.strip() for end in value.split(".."))
    unit = high.lstrip(_DIGITS)
    if not low or not unit or low.lstrip(_DIGITS):
        return value
    due = name in _MEASURED or (unit == "%" and finite(low) is not None and float(low) > 1)
    if not due:
        raise OptionError(f"`{name}` {shown(value)}: {low} or {low}{unit}? Write the unit at both ends: {low}{unit}..{high}")
    return f"{low}{unit}..{high}"


def _fleet(value: Raw) -> tuple[object, str]:
    """Return a range of devices of one kind as texts that name it at both ends, and which they are."""
    ends = [end.strip() for end in value.split("..")] if isinstance(value, str) and "..." not in value else []
    kinds = {end[found.end() :].strip() for end in ends if (found := re.match(COUNTED_DEVICES, end))}
    if len(ends) != 2 or len(kinds) != 1 or any("+" in end or " for " in end for end in ends):
        raise OptionError(f"`gpus` {shown(value)}: expected a range of devices of one kind, such as 64..1024xH100")
    device = kinds.pop()
    return "..".join(end if re.match(COUNTED_DEVICES, end) else f"{end}x{device}" for end in ends), device
