"""What a user asks of a workbook: the budget, device and law that stand in its marked cells at first."""

import re
from typing import Any, NamedTuple

from planner._files import settings
from planner.asking.conditions import Conditions, read
from planner.asking.holding import read_means
from planner.asking.means import Means
from planner.catalogue import all_laws
from planner.errors import CannotPlanError, OptionError
from planner.law import Law
from planner.machines.devices import FILE, Accelerator
from planner.machines.fleet import Machine
from planner.sheets.formulas import kind_of
from planner.units import parse_flops, shown
from planner.units.resources import parse_dollars, parse_duration

MODES = ("FLOP", "devices for days", "US dollars")
"""What a budget can be held in, as the workbook's drop-down says it."""

GRID = float(settings(FILE, "grid")["world"]["expected"])
"""Grams of CO2e per kWh at first: the world's average."""

_DEVICE = "h100-sxm"


class Inputs(NamedTuple):
    """What stands in the marked cells at first."""

    mode: str
    flops: float
    gpus: float
    days: float
    dollars: float
    device: Accelerator
    machine: Machine
    price: float | None
    grid: float
    law: Law


def read_inputs(
    law: Law,
    *,
    flops: object = None,
    gpus: object = None,
    days: object = None,
    dollars: object = None,
    gpu: object = None,
    mfu: object = None,
    price: object = None,
    overhead: object = None,
    pue: object = None,
    grid: object = None,
) -> Inputs:
    """Read what stands in the marked cells at first.

    Raises
    ------
    PlannerError
        Budgets that contradict each other, a mixed fleet, or a law that no cell can hold.
    """
    if kind_of(law) is None:
        raise CannotPlanError(f"{law.id} plans no runs that cells could hold; besiroglu2024 does")
    known_ids = {each.id.lower(): each.id for each in all_laws()}
    if known_ids.get(law.id.lower(), law.id) != law.id or not re.match(r"[a-z]", law.id, re.IGNORECASE):
        raise OptionError(
            f"law {shown(law.id)}: spreadsheets take its id for {known_ids.get(law.id.lower(), 'a number')}; rename it"
        )
    if (gpus is None) != (days is None):
        raise OptionError("gpus and days go together, such as 512xH100 for 30 days")
    given = [name for name, value in (("flops", flops), ("days", days), ("dollars", dollars)) if value is not None]
    if len(given) > 1:
        raise OptionError(f"{given[0]} and {given[1]} are two budgets: give one of them")
    if gpus is not None and gpu is not None:
        raise OptionError("gpus names the device already: drop gpu")
    conditions = read(Conditions(mfu=mfu, price=price))
    known: Any = conditions
    named = None if gpus is not None else _DEVICE if gpu is None else gpu
    means = Means(gpus=gpus, gpu=named, overhead=overhead, pue=pue, grid=grid)
    machine = read_means(means, mfu=known.mfu, price=known.price).machine
    assert machine is not None  # a device is named
    if len(machine.parts) > 1:
        raise OptionError("a workbook holds one kind of device; mixed fleets are for plan --gpus")
    if machine.dtype != "bf16":
        raise OptionError(f"{machine.parts[0].device.id} has no bf16, which the workbook counts in; plan --gpu knows it")
    part = machine.parts[0]
    return Inputs(
        mode=MODES[("flops", "days", "dollars").index(given[0])] if given else MODES[0],
        flops=1e21 if flops is None else parse_flops(flops, "flops"),
        gpus=part.number if gpus is not None else 64.0,
        days=30.0 if days is None else parse_duration(days, "days") / 24,
        dollars=1e5 if dollars is None else parse_dollars(dollars, "dollars"),
        device=part.device,
        machine=machine,
        price=known.price,
        grid=GRID if machine.grid is None else machine.grid.grams_per_kwh.expected,
        law=law,
    )
