"""The one registry of spreadsheet functions: name, arguments, units, help and example; every host is generated from it."""

from collections.abc import Mapping
from functools import partial
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
    Function,
)


def _planning(name: str) -> Law:
    law = load_law(name)
    refuse_without_plans(law)
    return law


def _allocated(budget: Any, law: str) -> solver.Allocation:
    planning = _planning(law)
    return guarded(planning, lambda: best_allocation(planning, budget))


def _optimal_loss(budget: Any, law: str) -> Any:
    found = _allocated(budget, law).loss
    if found is None:
        raise CannotPlanError(f"{law} says which size, not which loss; besiroglu2024 does")
    return found


def _surface(name: str) -> Law:
    law = load_law(name)
    if law.surface_law is not law:
        raise CannotPlanError(f"{law.id} has no loss surface; besiroglu2024 has one")
    return law


def _run_loss(params: Any, tokens: Any, law: str) -> Any:
    judge = _surface(law)
    _run_flops(params, tokens, law)
    return guarded(judge, lambda: judge.loss(params, tokens))


def _overhead(params: Any, tokens: Any, law: str) -> Any:
    judge = _surface(law)
    _planning(law)
    _run_flops(params, tokens, law)
    return guarded(judge, lambda: solver.overhead(judge, params, tokens))


def _regime(params: Any, tokens: Any, law: str) -> Any:
    judge = _surface(law)
    extra = _overhead(params, tokens, law)
    return guarded(judge, lambda: regimes_of(as_problem(judge), params, tokens, extra, TOLERANCE))


def _flops_for_loss(loss: Any, law: str) -> Any:
    judge = _surface(law)
    _planning(law)
    floor = float(judge.irreducible_loss)
    if np.any(loss <= floor):
        raise CannotPlanError(f"loss {np.min(loss):g} cannot be reached: the irreducible loss of {law} is {floor:.5g}")
    flops = guarded(judge, lambda: solver.equivalent_flops(judge, loss - floor))
    if np.any(flops < 1):
        raise CannotPlanError(f"loss {np.max(loss):g} is reached without any training, says {law}: is it in another unit?")
    return flops


def _outside(budget: Any, law: str) -> list[float | None]:
    best = _allocated(budget, law)
    return _run_outside(best.params, best.tokens, law)


def _run_outside(params: Any, tokens: Any, law: str) -> list[float | None]:
    judge, flops = load_law(law), _run_flops(params, tokens, law)
    return [extrapolation(judge, *run) for run in zip(params, tokens, flops, strict=True)]


def _notes(budget: Any, law: str) -> list[str]:
    found = [plan(flops=float(each), law=_planning(law), others=()).notes for each in budget]
    ordered = (sorted(notes, key=lambda note: note.severity != "warning") for notes in found)
    return ["; ".join(f"{'WARNING: ' * (note.severity == 'warning')}{note.text}" for note in notes) for notes in ordered]


def _price(device: str) -> float:
    found = accelerator(device, accelerators())
    if found.price is None:
        raise CannotPlanError(f"no price of {found.id} is known")
    return found.price.expected


def _run_flops(params: Any, tokens: Any, law: str) -> Any:
    flops = as_problem(load_law(law)).spending.training(params, tokens)
    if np.any(flops > LARGEST):
        raise QuantityError(f"the run spends {plain(float(np.max(flops)), 4)} FLOP, above {plain(LARGEST)}")
    return flops


def _takes(what: str, budget: Any, device: str = "", devices: str = "", **others: Any) -> Any:
    """Return what a budget takes on a device or on devices: ``what`` names a quantity of its cost."""
    machine = {"gpus": read_devices(devices, "devices")} if devices else {"gpu": read_device(device, "device")}
    question, problem = Question(**machine, **others), problem_of(load_law(DEFAULT_LAW))
    held = read_held(question)
    assert held.machine is not None  # a device is named
    speeds = proposing(question, problem, held)
    used = held.machine if speeds is None else speeds.machine_for(problem, *solver.best_run(problem, budget))
    found = getattr(used.cost(budget), what)
    if found is None:
        known = held.machine.parts[0].device.id
        unpriced = what == "dollars"
        raise CannotPlanError(f"no price of {known} is known: give one" if unpriced else f"the power of {known} is not published")
    return found.expected


def _table(budget: Any, law: str) -> list[list[Any]]:
    params, tokens, loss = _allocated(budget, law)
    losses = [None] * len(budget) if loss is None else loss.tolist()
    columns = (budget, params, tokens, tokens / params)
    rows = zip(*(column.tolist() for column in columns), losses, strict=True)
    return [["FLOP", "parameters", "tokens", "tokens per parameter", "loss"], *map(list, rows)]


def _laws() -> list[list[Any]]:
    header = ["id", "title", "plans", "N ~ C^", "D ~ C^", "loss unit", "reference"]
    rows = [
        [law.id, law.title, law.role == "plan", *(law.exponents or (None, None)), law.conventions.loss_unit, law.reference]
        for law in all_laws()
    ]
    return [header, *rows]


def _devices() -> list[list[Any]]:
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


FUNCTIONS: Mapping[str, Function] = {
    each.name: each
    for each in (
        Function(
            "PLAN_FLOPS",
            "A budget in FLOP; of devices for a time, or of money, at a utilisation.",
            (BUDGET, MFU, OVERHEAD),
            lambda budget, mfu, overhead: budget,
            '=PLAN_FLOPS("512xH100 x 30d", 0.4)',
        ),
        Function(
            "PLAN_PARAMS",
            "Compute-optimal parameters of a budget.",
            (BUDGET, LAW),
            lambda budget, law: _allocated(budget, law).params,
            "=PLAN_PARAMS(1e21)",
        ),
        Function(
            "PLAN_TOKENS",
            "Compute-optimal training tokens of a budget.",
            (BUDGET, LAW),
            lambda budget, law: _allocated(budget, law).tokens,
            '=PLAN_TOKENS(A2, "kaplan2020")',
        ),
        Function(
            "PLAN_LOSS",
            "Expected loss of the compute-optimal run, in the law's unit.",
            (BUDGET, LAW),
            _optimal_loss,
            "=PLAN_LOSS(1e21)",
        ),
        Function(
            "PLAN_FLOPS_FOR_LOSS",
            "The least compute that reaches a loss, in FLOP.",
            (LOSS, LAW),
            _flops_for_loss,
            "=PLAN_FLOPS_FOR_LOSS(2.1)",
        ),
        Function(
            "PLAN_RUN_FLOPS",
            "Training compute of a run, in FLOP.",
            (PARAMS, TOKENS, LAW),
            _run_flops,
            '=PLAN_RUN_FLOPS("70B", "1.4T")',
        ),
        Function(
            "PLAN_RUN_LOSS",
            "Expected loss of a run, in the law's unit.",
            (PARAMS, TOKENS, LAW),
            _run_loss,
            '=PLAN_RUN_LOSS("70B", "1.4T")',
        ),
        Function(
            "PLAN_REGIME",
            "overfit, underfit or balanced.",
            (PARAMS, TOKENS, LAW),
            _regime,
            '=PLAN_REGIME("175B", "300B")',
            text=True,
        ),
        Function(
            "PLAN_OVERHEAD",
            "Extra compute of a run over an optimal one of the same loss, as a fraction.",
            (PARAMS, TOKENS, LAW),
            _overhead,
            '=PLAN_OVERHEAD("175B", "300B")',
        ),
        Function(
            "PLAN_OUTSIDE",
            "How far the optimum of a budget leaves the runs that the law was fitted on, as a factor; 1 inside.",
            (BUDGET, LAW),
            _outside,
            "=PLAN_OUTSIDE(1e25)",
        ),
        Function(
            "PLAN_RUN_OUTSIDE",
            "How far a run leaves the runs that the law was fitted on, as a factor; 1 inside.",
            (PARAMS, TOKENS, LAW),
            _run_outside,
            '=PLAN_RUN_OUTSIDE("405B", "15T")',
        ),
        Function(
            "PLAN_NOTES",
            "What to know before trusting a plan: its caveats, warnings first.",
            (BUDGET, LAW),
            _notes,
            "=PLAN_NOTES(1e25)",
            text=True,
        ),
        Function(
            "PLAN_PRICE",
            "The published price used for a device, in US dollars per device-hour.",
            (DEVICE,),
            _price,
            '=PLAN_PRICE("h100")',
        ),
        Function(
            "PLAN_GPU_HOURS",
            "Device-hours that a budget takes.",
            (BUDGET, DEVICE, MFU, OVERHEAD),
            partial(_takes, "device_hours"),
            '=PLAN_GPU_HOURS(1e22, "h100", 0.4)',
        ),
        Function(
            "PLAN_DAYS",
            "Days that a budget takes on devices.",
            (BUDGET, FLEET, MFU, OVERHEAD),
            lambda **asked: _takes("hours", **asked) / 24,
            '=PLAN_DAYS(1e22, "64xH100", 0.4)',
        ),
        Function(
            "PLAN_COST",
            "US dollars that a budget takes.",
            (BUDGET, DEVICE, MFU, PRICE, OVERHEAD),
            partial(_takes, "dollars"),
            '=PLAN_COST(1e22, "h100", 0.4, 2.95)',
        ),
        Function(
            "PLAN_ENERGY",
            "Energy at the meter that a budget takes, in kWh.",
            (BUDGET, DEVICE, MFU, OVERHEAD),
            partial(_takes, "kwh"),
            '=PLAN_ENERGY(1e22, "h100", 0.4)',
        ),
        Function(
            "PLAN_CO2",
            "CO2e that a budget takes, in kg.",
            (BUDGET, DEVICE, GRID, MFU, OVERHEAD),
            partial(_takes, "kg_co2e"),
            '=PLAN_CO2(1e22, "h100", "france", 0.4)',
        ),
        Function(
            "PLAN_TABLE", "Plans of several budgets, with a header.", (BUDGET, LAW), _table, "=PLAN_TABLE(A2:A9)", table=True
        ),
        Function("PLAN_LAWS", "The catalogue of laws, with a header.", (), _laws, "=PLAN_LAWS()", table=True),
        Function("PLAN_DEVICES", "The catalogue of devices, with a header.", (), _devices, "=PLAN_DEVICES()", table=True),
    )
}
"""Every spreadsheet function by its name."""
