"""The one registry of spreadsheet functions: name, arguments, units, help and example; every host is generated from it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from planner._util.defaults import DEFAULT_LAW, TOLERANCE
from planner.accelerators.catalogue import accelerator, accelerators
from planner.allocation import solver
from planner.allocation.assessment import regimes_of
from planner.allocation.extrapolation import extrapolation
from planner.allocation.problem import as_problem, problem_of
from planner.errors import CannotPlanError, QuantityError
from planner.inputs.forecast_speed import proposing
from planner.inputs.held_budgets import read_held
from planner.inputs.law_choice import refuse_without_plans
from planner.inputs.question import Question
from planner.inputs.readers import device as read_device
from planner.inputs.readers import devices as read_devices
from planner.planning.allocate import best_allocation
from planner.planning.plan import plan
from planner.quantities import LARGEST, plain
from planner.scaling_laws.catalogue import all_laws, load_law
from planner.scaling_laws.law import Law, guarded
from planner.sheets.cell_functions.arguments import (
    BUDGET,
    DEVICE,
    FLEET,
    GRID,
    LAW,
    LOSS,
    MFU,
    OVERHEAD,
    PARAMS,
    PRICE,
    TOKENS,
    Argument,
    Function,
)

FUNCTIONS: dict[str, Function] = {}
"""Every spreadsheet function by its name, in the order in which they are written here."""


def _in_cells(
    example: str, *takes: Argument, table: bool = False, text: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what computes a spreadsheet function under its name; its docstring is what people read."""

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        name = compute.__name__.upper()
        FUNCTIONS[name] = Function(name, compute.__doc__ or "", takes, compute, example, table, text)
        return compute

    return register


def _planning(name: str) -> Law:
    law = load_law(name)
    refuse_without_plans(law)
    return law


def _surface(name: str) -> Law:
    law = load_law(name)
    if law.surface_law is not law:
        raise CannotPlanError(f"{law.id} has no loss surface; besiroglu2024 has one")
    return law


def _allocated(budget: Any, law: str) -> solver.Allocation:
    planning = _planning(law)
    return guarded(planning, lambda: best_allocation(planning, budget))


def _takes(what: str, budget: Any, **machine: Any) -> Any:
    """Return what a budget takes on a machine: ``what`` names a quantity of its cost."""
    question, problem = Question(**machine), problem_of(load_law(DEFAULT_LAW))
    held = read_held(question)
    assert held.machine is not None  # a device is named
    speeds = proposing(question, problem, held)
    used = held.machine if speeds is None else speeds.machine_for(problem, *solver.best_run(problem, budget))
    found = getattr(used.cost(budget), what)
    if found is None:
        device = held.machine.parts[0].device.id
        unpriced = what == "dollars"
        raise CannotPlanError(
            f"no price of {device} is known: give one" if unpriced else f"the power of {device} is not published"
        )
    return found.expected


@_in_cells('=PLAN_FLOPS("512xH100 x 30d", 0.4)', BUDGET, MFU, OVERHEAD)
def plan_flops(budget: Any, **_: Any) -> Any:
    """A budget in FLOP; of devices for a time, or of money, at a utilisation."""
    return budget


@_in_cells("=PLAN_PARAMS(1e21)", BUDGET, LAW)
def plan_params(budget: Any, law: str) -> Any:
    """Compute-optimal parameters of a budget."""
    return _allocated(budget, law).params


@_in_cells('=PLAN_TOKENS(A2, "kaplan2020")', BUDGET, LAW)
def plan_tokens(budget: Any, law: str) -> Any:
    """Compute-optimal training tokens of a budget."""
    return _allocated(budget, law).tokens


@_in_cells("=PLAN_LOSS(1e21)", BUDGET, LAW)
def plan_loss(budget: Any, law: str) -> Any:
    """Expected loss of the compute-optimal run, in the law's unit."""
    found = _allocated(budget, law).loss
    if found is None:
        raise CannotPlanError(f"{law} says which size, not which loss; besiroglu2024 does")
    return found


@_in_cells("=PLAN_FLOPS_FOR_LOSS(2.1)", LOSS, LAW)
def plan_flops_for_loss(loss: Any, law: str) -> Any:
    """The least compute that reaches a loss, in FLOP."""
    judge = _surface(law)
    _planning(law)
    floor = float(judge.irreducible_loss)
    if np.any(loss <= floor):
        raise CannotPlanError(f"loss {np.min(loss):g} cannot be reached: the irreducible loss of {law} is {floor:.5g}")
    flops = guarded(judge, lambda: solver.equivalent_flops(judge, loss - floor))
    if np.any(flops < 1):
        raise CannotPlanError(f"loss {np.max(loss):g} is reached without any training, says {law}: is it in another unit?")
    return flops


@_in_cells('=PLAN_RUN_FLOPS("70B", "1.4T")', PARAMS, TOKENS, LAW)
def plan_run_flops(params: Any, tokens: Any, law: str) -> Any:
    """Training compute of a run, in FLOP."""
    flops = as_problem(load_law(law)).spending.training(params, tokens)
    if np.any(flops > LARGEST):
        raise QuantityError(f"the run spends {plain(float(np.max(flops)), 4)} FLOP, above {plain(LARGEST)}")
    return flops


@_in_cells('=PLAN_RUN_LOSS("70B", "1.4T")', PARAMS, TOKENS, LAW)
def plan_run_loss(params: Any, tokens: Any, law: str) -> Any:
    """Expected loss of a run, in the law's unit."""
    judge = _surface(law)
    plan_run_flops(params, tokens, law)  # which refuses a run too large
    return guarded(judge, lambda: judge.loss(params, tokens))


@_in_cells('=PLAN_REGIME("175B", "300B")', PARAMS, TOKENS, LAW, text=True)
def plan_regime(params: Any, tokens: Any, law: str) -> Any:
    """overfit, underfit or balanced."""
    judge, extra = _surface(law), plan_overhead(params, tokens, law)
    return guarded(judge, lambda: regimes_of(as_problem(judge), params, tokens, extra, TOLERANCE))


@_in_cells('=PLAN_OVERHEAD("175B", "300B")', PARAMS, TOKENS, LAW)
def plan_overhead(params: Any, tokens: Any, law: str) -> Any:
    """Extra compute of a run over an optimal one of the same loss, as a fraction."""
    judge = _surface(law)
    _planning(law)
    plan_run_flops(params, tokens, law)  # which refuses a run too large
    return guarded(judge, lambda: solver.overhead(judge, params, tokens))


@_in_cells("=PLAN_OUTSIDE(1e25)", BUDGET, LAW)
def plan_outside(budget: Any, law: str) -> Any:
    """How far the optimum of a budget leaves the runs that the law was fitted on, as a factor; 1 inside."""
    best = _allocated(budget, law)
    return plan_run_outside(best.params, best.tokens, law)


@_in_cells('=PLAN_RUN_OUTSIDE("405B", "15T")', PARAMS, TOKENS, LAW)
def plan_run_outside(params: Any, tokens: Any, law: str) -> Any:
    """How far a run leaves the runs that the law was fitted on, as a factor; 1 inside."""
    judge, flops = load_law(law), plan_run_flops(params, tokens, law)
    return [extrapolation(judge, *run) for run in zip(params, tokens, flops, strict=True)]


@_in_cells("=PLAN_NOTES(1e25)", BUDGET, LAW, text=True)
def plan_notes(budget: Any, law: str) -> list[str]:
    """What to know before trusting a plan: its caveats, warnings first."""
    found = [plan(flops=float(each), law=_planning(law), others=()).notes for each in budget]
    ordered = (sorted(notes, key=lambda note: note.severity != "warning") for notes in found)
    return ["; ".join(f"{'WARNING: ' * (note.severity == 'warning')}{note.text}" for note in notes) for notes in ordered]


@_in_cells('=PLAN_PRICE("h100")', DEVICE)
def plan_price(device: str) -> float:
    """The published price used for a device, in US dollars per device-hour."""
    found = accelerator(device, accelerators())
    if found.price is None:
        raise CannotPlanError(f"no price of {found.id} is known")
    return found.price.expected


@_in_cells('=PLAN_GPU_HOURS(1e22, "h100", 0.4)', BUDGET, DEVICE, MFU, OVERHEAD)
def plan_gpu_hours(budget: Any, device: str, **machine: Any) -> Any:
    """Device-hours that a budget takes."""
    return _takes("device_hours", budget, gpu=read_device(device, "device"), **machine)


@_in_cells('=PLAN_DAYS(1e22, "64xH100", 0.4)', BUDGET, FLEET, MFU, OVERHEAD)
def plan_days(budget: Any, devices: str, **machine: Any) -> Any:
    """Days that a budget takes on devices."""
    return _takes("hours", budget, gpus=read_devices(devices, "devices"), **machine) / 24


@_in_cells('=PLAN_COST(1e22, "h100", 0.4, 2.95)', BUDGET, DEVICE, MFU, PRICE, OVERHEAD)
def plan_cost(budget: Any, device: str, **machine: Any) -> Any:
    """US dollars that a budget takes."""
    return _takes("dollars", budget, gpu=read_device(device, "device"), **machine)


@_in_cells('=PLAN_ENERGY(1e22, "h100", 0.4)', BUDGET, DEVICE, MFU, OVERHEAD)
def plan_energy(budget: Any, device: str, **machine: Any) -> Any:
    """Energy at the meter that a budget takes, in kWh."""
    return _takes("kwh", budget, gpu=read_device(device, "device"), **machine)


@_in_cells('=PLAN_CO2(1e22, "h100", "france", 0.4)', BUDGET, DEVICE, GRID, MFU, OVERHEAD)
def plan_co2(budget: Any, device: str, **machine: Any) -> Any:
    """CO2e that a budget takes, in kg."""
    return _takes("kg_co2e", budget, gpu=read_device(device, "device"), **machine)


@_in_cells("=PLAN_TABLE(A2:A9)", BUDGET, LAW, table=True)
def plan_table(budget: Any, law: str) -> list[list[Any]]:
    """Plans of several budgets, with a header."""
    params, tokens, loss = _allocated(budget, law)
    losses = [None] * len(budget) if loss is None else loss.tolist()
    columns = (budget, params, tokens, tokens / params)
    rows = zip(*(column.tolist() for column in columns), losses, strict=True)
    return [["FLOP", "parameters", "tokens", "tokens per parameter", "loss"], *map(list, rows)]


@_in_cells("=PLAN_LAWS()", table=True)
def plan_laws() -> list[list[Any]]:
    """The catalogue of laws, with a header."""
    header = ["id", "title", "plans", "N ~ C^", "D ~ C^", "loss unit", "reference"]
    rows = [
        [law.id, law.title, law.role == "plan", *(law.exponents or (None, None)), law.conventions.loss_unit, law.reference]
        for law in all_laws()
    ]
    return [header, *rows]


@_in_cells("=PLAN_DEVICES()", table=True)
def plan_devices() -> list[list[Any]]:
    """The catalogue of devices, with a header."""
    header = ["id", "name", "bf16 FLOP/s, dense", "memory GB", "watts", "$ per device-hour", "price of"]
    rows = [
        [
            each.id,
            each.name,
            each.peaks.get("bf16"),
            each.memory_gb,
            each.watts,
            each.price.expected if each.price else None,
            each.price_date or None,
        ]
        for each in accelerators()
    ]
    return [header, *rows]
