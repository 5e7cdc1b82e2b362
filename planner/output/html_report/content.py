"""What the page knows: laws with their functions, constants, ranges and sources; devices; published models; the question."""

from typing import Any

from planner._util.files import settings
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import accelerators
from planner.accelerators.fleet import Machine
from planner.allocation.extrapolation import PRINTED
from planner.inputs.held_budgets import read_held
from planner.inputs.question import Question
from planner.notes import Note
from planner.output.charts._base import Points
from planner.output.charts.frontiers import model_points
from planner.output.html_report.javascript import law_functions, spending
from planner.planning.plan_result import BAND, Plan
from planner.scaling_laws.catalogue import all_laws, load_law
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

_EVERY = (1.0, 1e60)
EXHAUSTED = 300.0
"""Passes over unique tokens beyond which the page names no size: the loss there is as flat as a double can tell."""

DEVICE = "h100-sxm"
"""The device at first, where the plan names none."""


def page_laws(chosen: Law) -> list[Law]:
    """Return the laws of the page: all that plan, and the plan's own in place of the one it came from."""
    known = [law for law in all_laws() if law.role == "plan" and law.id != chosen.id]
    return [chosen, *known] if chosen.role == "plan" else known


def law_content(law: Law) -> dict[str, Any]:
    """Return a law as JSON types."""
    per_param, routing = spending(law)
    source = load_law(settings("planning.toml", "repetition")["law"])
    own = law.params if "R_D" in law.params else source.params
    floor = law.irreducible_loss
    return {
        "id": law.id,
        "title": law.title,
        "equation": law.form.equation,
        "reference": law.reference,
        "unit": None if law.conventions.loss_unit == "none" else law.conventions.loss_unit,
        "counts": PARAM_COUNTS[law.conventions.params],
        "data": law.conventions.data,
        "k": float(law.symbols["k"]),
        "f": per_param,
        "q": routing,
        "floor": None if floor is None else float(floor),
        "R_D": float(own["R_D"]),
        "R_N": float(own["R_N"]),
        "carried": "" if "R_D" in law.params else source.id,
        "domain": {name: getattr(law.domain, name) for name in ("flops", "params", "tokens", "tokens_per_param")},
        "notes": [_note(note) for note in law.notes if note.code != "single-epoch"],
    }


def _note(note: Note) -> dict[str, Any]:
    return {"warning": note.severity == "warning", "text": note.text}


def device_content(device: Accelerator) -> dict[str, Any]:
    """Return a device as it is used when nothing else is given."""
    machine = read_held(Question(gpu=device.id)).machine
    assert machine is not None
    return {**machine_content(machine), "id": device.id}


def machine_content(machine: Machine) -> dict[str, Any]:
    """Return a machine as one kind of device: that of the plan as it was used, the average of a mixed fleet."""
    parts, count = machine.parts, machine.devices
    hourly, names = machine.dollars_per_hour, [part.device.id for part in parts]
    fleet = [f"{part.number:.0f} x {name}" if machine.counted else name for part, name in zip(parts, names, strict=True)]
    watts = None if machine.kilowatts is None else 1e3 * machine.kilowatts.expected / machine.pue.expected / count
    dates = {part.device.price_date or "" for part in parts}
    return {
        "id": f"the plan's: {' + '.join(fleet)}, {machine.dtype}",
        "peak": machine.peak / count,
        "dtype": machine.dtype,
        "watts": watts,
        "price": hourly and hourly.times(1 / count)._asdict(),
        "dated": dates.pop() if len(dates) == 1 else "",
        "pue": machine.pue.expected,
        "mfu": machine.mfu.expected,
    }


def devices_at_first(plan: Plan) -> float | None:
    """Return how many devices stand in the field at first: those of the plan, or what its deadline needs; else nobody said."""
    if plan.machine and plan.machine.counted:
        return plan.machine.devices
    return plan.cost.devices_needed.expected if plan.cost and plan.cost.devices_needed else None


def model_content(which: str) -> list[dict[str, Any]]:
    """Return published models as marks of a plot."""
    found = model_points(which, _EVERY)
    assert isinstance(found, Points)
    return [{"x": float(x), "y": float(y), "name": name} for x, y, name in zip(found.x, found.y, found.texts, strict=True)]


def page_content(plan: Plan) -> dict[str, Any]:
    """Return all that the page knows, but the laws' functions."""
    machine = plan.machine
    known = [device_content(device) for device in accelerators()]
    own = [machine_content(machine)] if machine else []
    unique = plan.data.unique_tokens if plan.data else None
    return {
        "asked": {
            "flops": plan.flops,
            "law": plan.law.id,
            "unique": unique,
            "device": own[0]["id"] if own else DEVICE,
            "devices": devices_at_first(plan),
            "mfu": machine.mfu.expected if machine else None,
            "price": plan.inputs.get("price") if machine else None,
            "overhead": machine.overhead if machine else 0.0,
        },
        "band": BAND,
        "exhausted": EXHAUSTED,
        "printed": PRINTED,
        "laws": [law_content(law) for law in page_laws(plan.law)],
        "devices": [*own, *known],
        "models": {which: model_content(which) for which in ("params", "tokens")},
    }


def functions_text(laws: list[Law]) -> str:
    """Return the laws' functions as one JavaScript object literal."""
    rows = []
    for law in laws:
        parts = ", ".join(f"{name}: {text}" for name, text in law_functions(law).items())
        rows.append(f"  {{ {parts} }}")
    return "[\n" + ",\n".join(rows) + "\n]"
