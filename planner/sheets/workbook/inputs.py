"""What a user asks of a workbook: the budget, device and law that stand in its marked cells at first."""

import re
from typing import NamedTuple

from planner._util.files import settings
from planner.accelerators.accelerator import FILE, Accelerator
from planner.accelerators.catalogue import accelerators
from planner.accelerators.fleet import Machine
from planner.allocation.problem import problem_of
from planner.errors import CannotPlanError, OptionError
from planner.inputs.forecast_speed import Forecast, held_at_speed
from planner.inputs.held_budgets import BUDGETS, read_held
from planner.inputs.question import Question
from planner.quantities import shown
from planner.scaling_laws.catalogue import all_laws
from planner.scaling_laws.law import Law
from planner.sheets.workbook.formulas import kind_of

MODES = ("FLOP", "devices for days", "US dollars")
"""What a budget can be held in, as the workbook's drop-down says it."""

GRID = float(settings(FILE, "grid")["world"]["expected"])
"""Grams of CO2e per kWh at first: the world's average."""

GRIDS = tuple(settings(FILE, "grid"))
"""Names of the published grids, as the page Grids lists them."""

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
    grid: float | str
    grams: float
    law: Law
    devices: tuple[Accelerator, ...]
    forecast: Forecast | None = None


def read_inputs(law: Law, question: Question) -> Inputs:
    """Read what stands in the marked cells at first; budgets, fleets and laws that they cannot hold are refused."""
    _refuse_law(law)
    budgets = question.named("flops", *BUDGETS)
    if len(budgets) > 1:
        raise OptionError(f"`{budgets[0]}` and `{budgets[1]}` are two budgets: give one of them")
    name = budgets[0] if budgets else "flops"
    if question.gpus is None and name == "days":
        raise OptionError("`gpus` and `days` go together, such as 512xH100 for 30 days")
    if question.gpus is not None and not budgets:
        raise OptionError("`gpus` and `days` go together, such as 512xH100 for 30 days; or give another budget beside `gpus`")
    if (name == "dollars" or question.named("peak", "power")) and not question.named("gpu", "gpus"):
        read_held(question)  # which says that a device is missing, as a plan does
    named = question if question.named("gpu", "gpus") else question._replace(gpu=_DEVICE)
    typed = name in {"days", "dollars"}  # a cell of their own; what they buy is a formula
    forecast = held_at_speed(named, problem_of(law))[1] if question.gpus is not None else None
    held = read_held(named._replace(days=None, dollars=None) if typed else named, forecast and forecast.share)
    machine = held.machine
    assert machine is not None  # a device is named
    if len(machine.parts) > 1:
        raise OptionError("a workbook holds one kind of device; mixed fleets are for plan --gpus")
    if machine.dtype != "bf16":
        raise OptionError(
            f"`dtype` {machine.dtype} of {machine.parts[0].device.id}: the workbook counts in bf16; plan --gpu knows others"
        )
    part = machine.parts[0]
    return Inputs(
        mode={"days": MODES[1], "dollars": MODES[2]}.get(name, MODES[0]),
        flops=question.flops or held.flops or 1e21,
        gpus=part.number if question.gpus is not None else 64.0,
        days=30.0 if question.days is None else question.days / 24,
        dollars=1e5 if question.dollars is None else question.dollars,
        device=part.device,
        machine=machine,
        price=question.price,
        grid=_grid(machine),
        grams=GRID if machine.grid is None else machine.grid.grams_per_kwh.expected,
        law=law,
        devices=tuple(each for each in accelerators(question.gpu_file) if "bf16" in each.peaks),
        forecast=forecast,
    )


def _refuse_law(law: Law) -> None:
    if kind_of(law) is None:
        raise CannotPlanError(f"{law.id} plans no runs that cells could hold; besiroglu2024 does")
    known_ids = {each.id.lower(): each.id for each in all_laws()}
    if known_ids.get(law.id.lower(), law.id) != law.id or not re.match(r"[a-z]", law.id, re.IGNORECASE):
        raise OptionError(
            f"law {shown(law.id)}: spreadsheets take its id for {known_ids.get(law.id.lower(), 'a number')}; rename it"
        )


def _grid(machine: Machine) -> float | str:
    """Return the grid as it stands in its cell: by its name, where that is a published one, else its grams."""
    if machine.grid is None:
        return "world"
    return machine.grid.name if machine.grid.name in GRIDS else machine.grid.grams_per_kwh.expected
