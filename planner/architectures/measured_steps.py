"""Steps of training that others measured and published: as columns for the step model, and as rows to show beside a forecast."""

import csv
import re
from collections.abc import Iterator, Mapping
from math import log
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import data_root, kept_while_unchanged, settings
from planner._util.stable_choice import order
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import accelerators
from planner.architectures.layout import Layout, split_text
from planner.architectures.step_time import FILE, Rates, Software, StepTime, Work, rates, step_time

ROWS = "throughput_rows.csv"
_TEXTS = {"source", "locator", "licence", "date", "device", "model", "dtype", "framework", "attention", "notes"}
_ONE = {"tp", "pp", "virtual_pp", "dp", "cp", "ep", "experts", "experts_active", "micro_batch"}
"""Columns whose empty cells mean one."""


@kept_while_unchanged(ROWS)
def measured_steps() -> tuple[Mapping[str, Any], ...]:
    """Return the published rows that ship with planner, numbers as numbers."""
    with (data_root() / ROWS).open(newline="", encoding="utf-8") as file:
        return tuple(_row(row) for row in csv.DictReader(file))


def _row(row: Mapping[str, str]) -> dict[str, Any]:
    usual = {name: 1.0 if name in _ONE else 0.0 for name in row}
    found: dict[str, Any] = {name: text if name in _TEXTS else float(text) if text else usual[name] for name, text in row.items()}
    found["kv_heads"] = found["kv_heads"] or found["heads"]
    found["head_dim"] = found["head_dim"] or found["width"] / found["heads"]
    return found


def year_of(date: str) -> float:
    """Return the year of a date as the constants were fitted."""
    known: Mapping[str, float] = settings(FILE, "dates")
    if date in known:
        return known[date]
    year, *month = date.split("-")
    return float(year) + (known["bare"] if not month else (float(month[0]) - 0.5) / 12)


def limit_of(row: Mapping[str, Any], device: Accelerator) -> float:
    """Return the share of the peak that a limit of power leaves: about its square root, an assumption."""
    found = re.search(r"\b([0-9]{3,4}) W\b", row["notes"])
    return (float(found[1]) / device.watts) ** 0.5 if found and device.watts else 1.0


class Group(NamedTuple):
    """Rows of one kind of device, format and software, as columns."""

    places: np.ndarray  # of the rows among all that were grouped
    work: Work
    layout: Layout
    rate: Rates
    software: Software
    again: np.ndarray  # share of the forward pass that was done again

    def forecast(self, constants: Mapping[str, float] | None = None) -> StepTime:
        """Return the forecast of each row."""
        return step_time(self.work, self.layout, self.rate, self.software, constants=constants, again=self.again)


_DTYPES = {"nvfp4": "fp4", "mxfp8": "fp8"}


def grouped(rows: tuple[Mapping[str, Any], ...]) -> Iterator[Group]:
    """Yield rows in groups of which one call forecasts all."""
    known, stacks = {each.id: each for each in accelerators()}, settings(FILE, "software").items()
    keys: dict[tuple[str, str, str, str, float], list[int]] = {}
    for place, row in enumerate(rows):
        dtype = _DTYPES.get(row["dtype"], row["dtype"])
        usual = settings(FILE, "attention").get(row["framework"], "flash")
        attention = "unfused" if row["attention"] == "unfused" else usual
        key = (row["device"], dtype, row["framework"], attention, limit_of(row, known[row["device"]]))
        keys.setdefault(key, []).append(place)
    for (device, dtype, framework, attention, limit), places in keys.items():
        rate = rates(known[device], dtype)
        if rate is None:
            continue
        column = {name: np.array([rows[place][name] for place in places]) for name in rows[0] if name not in _TEXTS}
        far = settings(FILE, "between").get(framework, rate.between)
        years = np.array([year_of(rows[place]["date"]) for place in places])
        stack = next((stack for stack, names in stacks if framework in names), "megatron")
        yield Group(
            np.array(places),
            _work(column),
            _layout(column),
            rate._replace(between=far, peak=rate.peak * limit, half=rate.half * limit),
            Software(stack, years, attention),
            column["recompute_frac"],
        )


def _work(row: Mapping[str, Any]) -> Work:
    mixed = row["experts"] > 1
    matrices = np.where(row["gated"] > 0, 3, 2)
    expert = matrices * row["width"] * row["expert_ffn"]
    routed = np.where(mixed, row["moe_layers"] * expert * row["experts_active"], 0.0)
    table = row["vocab"] * row["width"]
    return Work(
        layers=row["layers"],
        mixed=np.where(mixed, row["moe_layers"], 0.0),
        width=row["width"],
        ffn=np.where(row["ffn"] > 0, row["ffn"], row["expert_ffn"]),
        vocab=row["vocab"],
        context=row["seq_len"],
        attention=row["heads"] * row["head_dim"],
        keys=row["kv_heads"] * row["head_dim"],
        head_size=row["head_dim"],
        scores=row["layers"] * row["heads"] * row["head_dim"] * row["seq_len"],
        heads=row["heads"],
        rest=row["params_active"] - routed - table,
        routed=routed,
        table=table,
        experts=np.maximum(row["experts"], 1),
        at_work=np.where(mixed, row["experts_active"], 1.0),
        expert_ffn=np.maximum(row["expert_ffn"], 1),
        params=row["params"],
        expert_params=np.where(mixed, row["moe_layers"] * row["experts"] * expert, 0.0),
    )


def _layout(row: Mapping[str, Any]) -> Layout:
    steps: Any = np.maximum(1, np.round(row["global_batch_seqs"] / (row["dp"] * row["micro_batch"])))
    return Layout(**{name: row[column] for name, column in _SIZES.items()}, recompute="full", micro_batches=steps)


_SIZES = {"data": "dp", "tensor": "tp", "pipeline": "pp", "expert": "ep", "context_parallel": "cp", "virtual": "virtual_pp"}
_SIZES |= {"zero": "zero_stage", "micro_batch": "micro_batch"}
"""Columns of the whole numbers of a layout."""


class Nearest(NamedTuple):
    """A published row beside a forecast.

    Attributes
    ----------
    source, locator, model, device : str
    devices : int
    tokens_per_second_per_device : float
        As measured.
    forecast : float
        The same by the step model.
    layout : str
    """

    source: str
    locator: str
    model: str
    device: str
    devices: int
    tokens_per_second_per_device: float
    forecast: float
    layout: str


def nearest(work: Work, layout: Layout, device: Accelerator, count: int = 3) -> tuple[Nearest, ...]:
    """Return the published rows nearest in size, devices and context, those of the device itself first; one of a model each."""
    alike = next((kind for kind in settings(FILE, "kinds").values() if device.id in kind), ())
    mixture = np.max(work.experts) > 1
    same = [row for row in measured_steps() if row["device"] in alike and (row["experts"] > 1) == mixture]

    def away(row: Mapping[str, Any]) -> float:
        size = abs(log(row["params"] / float(work.params))) + 0.5 * abs(log(row["devices"] / layout.devices))
        return size + abs(log(row["seq_len"] / float(work.context))) + (0.0 if row["device"] == device.id else 1.0)

    found: dict[tuple[str, str, str], Nearest] = {}
    for place in order([away(row) for row in same]) if same else []:
        row = same[int(place)]
        key = (row["source"], row["model"], row["device"])
        if key not in found:
            found[key] = _nearest(row)
        if len(found) == count:
            break
    return tuple(found.values())


def _nearest(row: Mapping[str, Any]) -> Nearest:
    (group,) = grouped((row,))
    tokens = row["global_batch_seqs"] * row["seq_len"] / row["devices"]
    return Nearest(
        **{name: row[name] for name in ("source", "locator", "model", "device")},
        devices=int(row["devices"]),
        tokens_per_second_per_device=tokens / row["step_time_s"],
        forecast=float(tokens / group.forecast().total[0]),
        layout=f"{split_text(group.layout.row(0))}, {row['dtype']}, context {row['seq_len']:.0f}",
    )
