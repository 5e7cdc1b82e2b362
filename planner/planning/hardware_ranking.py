"""Which machine is cheapest for an amount of compute: every device of the catalogue, priced and ranked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import rounded
from planner._util.to_json import Answer, Listing, as_json, fields_as_json
from planner._version import __version__
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import accelerator, accelerators
from planner.accelerators.fleet import Cost, Machine
from planner.accelerators.prices import one_line
from planner.errors import OptionError, PlannerError
from planner.inputs.budget import needed_budget
from planner.inputs.machine import read_machine
from planner.inputs.question import Question
from planner.inputs.registry import RankInputs, asks
from planner.notes import Note
from planner.quantities import format_percent, shown

ORDERS = ("dollars", "energy", "devices")
"""What devices can be ranked by."""


class Ranked(NamedTuple):
    """A device and what the compute takes on it."""

    device: Accelerator
    machine: Machine
    cost: Cost


@dataclass(frozen=True, eq=False, repr=False)
class Ranking(Answer):
    """Devices by what an amount of compute takes on them.

    Attributes
    ----------
    flops : float
        Compute [FLOP].
    deadline_hours : float or None
        In which it must be done.
    order : str
        What they are ranked by: ``dollars``, ``energy`` or ``devices``; those of which it is not known come last.
    rows : tuple of Ranked
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    deadline_hours: float | None
    order: str
    rows: tuple[Ranked, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        rows = [{"device": row.device.id, "machine": row.machine.to_dict(), "cost": as_json(row.cost)} for row in self.rows]
        return {**fields_as_json(replace(self, rows=())), "rows": rows}


def hardware(name: str | None = None, *, gpu_file: str | Path | None = None) -> Listing[Accelerator]:
    """Return the catalogue of accelerators, or one of them.

    Parameters
    ----------
    name : str, optional
        Id or another way of writing it, such as ``"H100"``.
    gpu_file : str or Path, optional
        A TOML file of one's own devices and prices: ``[[accelerator]]`` with id and ``peak_tflops`` (dense), optionally
        ``memory_gb``, ``power_w``, ...; ``[[price]]`` with id, ``usd_per_hour`` (a number or [low, high]), date and source.

    Returns
    -------
    tuple of Accelerator
        One that shows itself.

    Raises
    ------
    PlannerError
        A name that is not known, or a file that breaks a rule.

    Examples
    --------
    >>> import planner
    >>> planner.hardware("H100")[0].peaks["bf16"]
    989000000000000.0
    """
    catalogue = accelerators(gpu_file)
    return Listing(catalogue if name is None else (accelerator(name, catalogue),), "devices")


@asks(RankInputs)
def rank_hardware(*, by: str = "dollars", **asked: Unpack[RankInputs]) -> Ranking:
    """Rank the devices of the catalogue by what an amount of compute takes on them.

    Devices without the format, or that cannot reach the utilisation, are left out with a note.

    Parameters
    ----------
    by : {"dollars", "energy", "devices"}
    {inputs}

    Returns
    -------
    Ranking

    Raises
    ------
    PlannerError
        Bad input, or no device that fits it.

    Examples
    --------
    >>> import planner
    >>> best = planner.rank_hardware(flops=1e22, deadline="30d").rows[0]
    >>> best.device.id, best.cost.devices_needed.expected
    ('mi300x', 8.0)
    """
    question = Question.of(RankInputs, "rank_hardware", asked)
    budget, _ = needed_budget(Question(flops=question.flops, pf_days=question.pf_days))
    if not isinstance(by, str) or by not in ORDERS:
        raise OptionError(f"`by` {shown(by)}: expected one of {', '.join(ORDERS)}")
    if by == "devices" and question.deadline is None:
        raise OptionError("`by` devices: how many are needed depends on the time there is; give a `deadline`, such as 30d")
    rows, left_out, notes = [], [], []
    problem: PlannerError | None = None
    for device in hardware(gpu_file=question.gpu_file):
        try:
            machine, said = read_machine(question, ((1.0, device),), counted=False)
        except OptionError as error:
            problem = error
            left_out.append(device.id)
            continue
        rows.append(Ranked(device, machine, machine.cost(budget)))
        notes += [note for note in said if note.code in {"mfu-default", "mfu-high"} and note not in notes]
    if not rows:
        raise problem or OptionError("no device is known")
    if left_out:
        wanted = f"MFU {format_percent(question.mfu)}" if question.mfu is not None else "format"
        why = f"format {question.dtype}" if question.dtype is not None else wanted
        notes.append(Note("left-out", "info", f"left out, for the {why} is beyond them: {', '.join(left_out)}"))
    return Ranking(
        flops=budget,
        deadline_hours=rows[0].machine.deadline,
        order=by,
        rows=tuple(sorted(rows, key=lambda row: _rank(row, by))),
        notes=tuple(notes),
        inputs=FrozenDict({"flops": budget, **question.stated(), "by": by}),
    )


def _rank(row: Ranked, by: str) -> tuple[bool, float, float]:
    """Return what a device is ranked by; by dollars, one whose price one line says stands behind those that several say."""
    published = all(part.price == part.device.price for part in row.machine.parts)
    weak = by == "dollars" and published and row.device.origin == "planner" and one_line(row.device.prices)
    found = {"dollars": row.cost.dollars, "energy": row.cost.kwh, "devices": row.cost.devices_needed}[by]
    return weak, rounded(found.expected if found else inf), rounded(row.cost.device_hours.expected)
