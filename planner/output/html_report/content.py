"""What the page knows: laws with their functions, constants, ranges and sources; devices; published models; the question."""

import re
from collections.abc import Mapping
from typing import Any

from planner._util.files import settings
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import accelerators
from planner.accelerators.fleet import Machine
from planner.accelerators.prices import one_line
from planner.allocation.extrapolation import PRINTED
from planner.inputs.held_budgets import read_held
from planner.inputs.question import Question
from planner.output.charts.frontiers import model_points
from planner.output.csv_json_machines import fields
from planner.output.html_report.javascript import law_functions, spending
from planner.planning.alternatives import MAIN_LAWS
from planner.planning.plan_result import BAND, Plan
from planner.quantities import plain
from planner.scaling_laws.catalogue import all_laws, load_law
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

EXHAUSTED = 300.0
"""Passes over unique tokens beyond which the page names no size: the loss there is as flat as a double can tell."""

DEVICE = "h100-sxm"
"""The device at first, where the plan names none."""


def page_laws(chosen: Law) -> list[Law]:
    """Return the laws of the page: all that plan, and the plan's own in place of the one it came from."""
    known = [law for law in all_laws() if law.role == "plan" and law.id != chosen.id]
    return [chosen, *known] if chosen.role == "plan" else known


def _main_laws(plan: Plan) -> list[str]:
    """Return the laws beside the plan's, those too that cannot weigh what it serves or repeats: the page plans afresh."""
    beside = [other.law.id for other in plan.others]
    if beside and not plan.problem.plain:
        beside += [name for name in MAIN_LAWS if name not in {plan.law.id, *beside}]
    return beside


def law_content(law: Law) -> dict[str, Any]:
    """Return a law as JSON types."""
    per_param, routing = spending(law)
    source = load_law(settings("planning.toml", "repetition")["law"])
    own = law.params if "R_D" in law.params else source.params
    floor = law.irreducible_loss
    return {
        **fields(law, "id", "title"),
        "equation": law.form.equation,
        "reference": law.reference,
        "unit": None if law.conventions.loss_unit == "none" else law.conventions.loss_unit,
        "counts": PARAM_COUNTS[law.conventions.params],
        "data": law.conventions.data,
        "k": float(law.symbols["k"]),
        "f": per_param,
        "q": routing,
        "floor": None if floor is None else float(floor),
        "surface": law.surface_law is law,
        "R_D": float(own["R_D"]),
        "R_N": float(own["R_N"]),
        "carried": "" if "R_D" in law.params else source.id,
        "domain": fields(law.domain, "flops", "params", "tokens", "tokens_per_param"),
        "notes": [
            {"warning": note.severity == "warning", "text": spoken(note.text), "from": note.from_flops}
            for note in law.notes
            if note.code != "single-epoch"
        ],
    }


def spoken(text: str) -> str:
    """Return a text without the options of the command line, which a reader of the page has not."""
    for pattern, instead in _OPTIONS:
        text = re.sub(pattern, instead, text)
    return text


_OPTIONS: tuple[tuple[str, Any], ...] = (
    (r"\s*\([^()]*--[a-z][^()]*\)", ""),  # (--set C_per_Cmin=1)
    (r"; say how many different ones there are with --unique-tokens(?: \([^()]*\))?", ""),
    (r"; with yours (?:it is|they are): --[a-z-]+(?:, watts)?", ""),
    (r"[;,:]?\s*(?:yours|more):? --[a-z-]+", ""),
    (r"(?<![\w-])--[a-z][a-z0-9-]*", lambda found: found[0][2:].replace("-", " ")),
)
"""What of a note speaks of the command line, and what is left of it on a page."""


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
    dates = {part.device.price_date or "" for part in parts}
    return {
        "id": f"the plan's: {' + '.join(fleet)}, {machine.dtype}",
        "peak": machine.peak / count,
        "dtype": machine.dtype,
        "price": hourly and hourly.times(1 / count)._asdict(),
        "dated": dates.pop() if len(dates) == 1 else "",
        "whose": "your file" if any(part.device.origin != "planner" for part in parts) else "published",
        "doubted": any(part.device.origin == "planner" and one_line(part.device.prices) for part in parts),
        "kw": machine.kilowatts and machine.kilowatts.times(1 / count)._asdict(),
        "mfu": machine.mfu._asdict(),
        "best": parts[0].device.best_share(machine.dtype) if len(parts) == 1 else None,
    }


def _devices_at_first(plan: Plan) -> float | None:
    """Return how many devices stand in the field at first: those of the plan, or what its deadline needs; else nobody said."""
    if plan.machine and plan.machine.counted:
        return plan.machine.devices
    return plan.cost.devices_needed.expected if plan.cost and plan.cost.devices_needed else None


def model_content(which: str) -> list[dict[str, Any]]:
    """Return published models as marks of a plot."""
    (found,) = model_points(which, (1.0, 1e60))
    return [{"x": float(x), "y": float(y), "name": name} for x, y, name in zip(found.x, found.y, found.texts, strict=True)]


def page_content(plan: Plan) -> dict[str, Any]:
    """Return all that the page knows, but the laws' functions."""
    machine = plan.machine
    laws = page_laws(plan.law)
    said = "; ".join(spoken(note.text) for note in plan.notes if note.code in {"mfu-forecast", "mfu-measured"})
    own = [{**machine_content(machine), "said": said}] if machine else []
    typed = plan.inputs.get("mfu") is not None
    asked = {
        "flops": plan.flops,
        "law": plan.law.id,
        "unique": plan.data.unique_tokens if plan.data else None,
        "device": own[0]["id"] if own else DEVICE,
        "devices": _devices_at_first(plan),
        "mfu": machine.mfu.expected if machine and typed else None,
        "price": plan.inputs.get("price") if machine else None,
        "overhead": machine.overhead if machine else 0.0,
    }
    ends = ("low", "expected", "high")
    published = settings("hardware.toml", "grid").items()
    grids = [{"name": name, **{end: float(each[end]) for end in ends}} for name, each in published]
    if machine and machine.grid and machine.grid.name not in {each["name"] for each in grids}:
        grids.insert(0, {"name": machine.grid.name, **machine.grid.grams_per_kwh._asdict()})
    return {
        "asked": asked,
        "start": _fields(plan, asked),
        "grids": grids,
        "main": [name for name in _main_laws(plan) if name in {law.id for law in laws}],
        "band": BAND,
        "exhausted": EXHAUSTED,
        "printed": PRINTED,
        "laws": [law_content(law) for law in laws],
        "devices": [*own, *map(device_content, accelerators())],
        "models": {which: model_content(which) for which in ("params", "tokens")},
    }


_MODES = {"devices for a time": "devices", "dollars": "money"}


def _fields(plan: Plan, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in the page's fields at first, as a reader would type it."""
    funded = plan.funded
    mode = _MODES.get(funded.kind, "compute") if funded else "compute"
    held = funded.amount if funded else 0.0
    texts = {name: "" if asked[name] is None else plain(asked[name], 12) for name in ("flops", "devices", "price", "unique")}
    return {
        **texts,
        "mode": mode,
        "days": plain(held / 24, 12) if mode == "devices" else "30",
        "dollars": plain(held, 12) if mode == "money" else "1M",
        "mfu": "" if asked["mfu"] is None else f"{plain(100 * asked['mfu'], 12)}%",
        "unique": f"{plain(asked['unique'] / 1e9, 12)}B" if asked["unique"] else "",
        "device": asked["device"],
        "law": asked["law"],
        "grid": plan.machine.grid.name if plan.machine and plan.machine.grid else "",
    }


def functions_text(laws: list[Law]) -> str:
    """Return the laws' functions as one JavaScript object literal."""
    parts = [", ".join(f"{name}: {text}" for name, text in law_functions(law).items()) for law in laws]
    return "[\n" + ",\n".join(f"  {{ {part} }}" for part in parts) + "\n]"
