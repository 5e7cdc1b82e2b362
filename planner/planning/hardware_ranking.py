"""Which machine is cheapest for an amount of compute: every device of the catalogue, priced and ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner._util.stable_choice import rounded
from planner._util.to_json import Answer, Listing, as_json, fields_as_json
from planner._version import __version__
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import accelerator, accelerators
from planner.accelerators.fleet import Cost, Machine, funding
from planner.accelerators.prices import one_line
from planner.allocation.open_choices import allocate_best
from planner.errors import OptionError, PlannerError
from planner.inputs.budget import needed_budget
from planner.inputs.held_budgets import BUDGETS, KINDS, missing_of
from planner.inputs.law_choice import resolve_law
from planner.inputs.machine import read_machine
from planner.inputs.question import Question
from planner.inputs.registry import RankInputs, asks
from planner.notes import Note
from planner.planning.plan import plan
from planner.quantities import format_percent, shown
from planner.scaling_laws.law import Law

_TAKES = {"dollars": "dollars", "energy": "kwh", "co2": "kg_co2e", "devices": "devices_needed"}
"""What a run takes, as devices are ranked by it and as a cost calls it."""

ORDERS = (*_TAKES, "loss")
"""What devices can be ranked by; by loss where each does as much compute as a budget of money, energy or carbon buys on it."""


class Ranked(NamedTuple):
    """A device, the compute that is done on it, the best run of that, and what it takes."""

    device: Accelerator
    machine: Machine
    flops: float
    params: float
    tokens: float
    loss: float | None
    cost: Cost


@dataclass(frozen=True, eq=False, repr=False)
class Ranking(Answer):
    """Devices by what an amount of compute takes on them.

    Attributes
    ----------
    flops : float or None
        Compute [FLOP]; None where each device does as much as the budget buys on it.
    law : Law
        Whose best run the compute is spent on.
    loss_unit : str
    deadline_hours : float or None
        In which it must be done.
    order : str
        What they are ranked by, one of ``ORDERS``; those of which it is not known come last.
    rows : tuple of Ranked
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float | None
    law: Law
    loss_unit: str
    deadline_hours: float | None
    order: str
    rows: tuple[Ranked, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        rows = [as_json({**row._asdict(), "device": row.device.id}) for row in self.rows]
        return {**fields_as_json(replace(self, rows=())), "law": self.law.id, "rows": rows}


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
def rank_hardware(*, gpu: str | Sequence[str] | None = None, by: str | None = None, **asked: Unpack[RankInputs]) -> Ranking:
    """Rank devices by what an amount of compute takes on them, or by what a budget of money, energy or carbon buys on them.

    Devices without the format, or that cannot reach the utilisation, are left out with a note.

    Parameters
    ----------
    gpu : str or sequence of str, optional
        Only these devices: ``"h100,mi300x"``.
    by : {"dollars", "energy", "co2", "devices", "loss"}, optional
        By default dollars, and the loss of the best run where a budget buys each device another amount of compute.
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
    >>> [row.device.id for row in planner.rank_hardware(dollars="2M", gpu="h100,a100").rows]
    ['h100-sxm', 'a100-sxm-80gb']
    """
    question = Question.of(RankInputs, "rank_hardware", asked)
    law = resolve_law(question.law, constants=question.constants)
    flops, held = _budget(question, law)
    order = ("loss" if held else "dollars") if by is None else by
    _check_order(order, question, held)
    rows, left_out, notes = [], [], list[Note]()
    problem: PlannerError | None = None
    for device in _chosen(gpu, question):
        try:
            row, said = _row(question, device, law, flops, held)
        except OptionError as error:
            problem = error
            left_out.append(device.id)
            continue
        rows.append(row)
        notes += [note for note in said if note.code in {"mfu-default", "mfu-high"} and note not in notes]
    if not rows:
        raise problem or OptionError("no device is known")
    if left_out:
        notes.append(Note("left-out", "info", f"left out, for {_why(question, held)}: {', '.join(left_out)}"))
    own = {"law": law.id, "constants": question.constants, "gpu": [row.device.id for row in rows] if gpu else None, "by": order}
    return Ranking(
        flops=flops,
        law=law,
        loss_unit=law.conventions.loss_unit,
        deadline_hours=rows[0].machine.deadline,
        order=order,
        rows=tuple(sorted(rows, key=lambda row: _rank(row, order, money=held in {"", "dollars"}))),
        notes=tuple(notes),
        inputs=FrozenDict({"flops": flops, **question.stated(), **own}),
    )


def _budget(question: Question, law: Law) -> tuple[float | None, str]:
    """Return the compute [FLOP], or the name of the budget that decides it for each device."""
    named = question.named("flops", "pf_days", "loss", *BUDGETS[:-1])
    if len(named) > 1:
        raise OptionError(f"`{named[0]}` and `{named[1]}` are two budgets: give one of them")
    if not named:
        raise OptionError(
            "no budget: give --flops, such as --flops 1e21 (flops=1e21 in Python), --loss, or --dollars, --energy or --co2"
        )
    if named[0] == "days":
        raise OptionError("`days`: of how many devices? plan says what devices do in a time; here a `deadline` says until when")
    if named[0] == "loss":
        return plan(loss=question.loss, law=law, others=()).flops, ""
    if named[0] in {"flops", "pf_days"}:
        return needed_budget(Question(flops=question.flops, pf_days=question.pf_days))[0], ""
    return None, named[0]


def _check_order(by: str, question: Question, held: str) -> None:
    if not isinstance(by, str) or by not in ORDERS:
        raise OptionError(f"`by` {shown(by)}: expected one of {', '.join(ORDERS)}")
    if by == "devices" and question.deadline is None:
        raise OptionError("`by` devices: how many are needed depends on the time there is; give a `deadline`, such as 30d")
    if by == "co2" and question.grid is None:
        raise OptionError("`by` co2: of which electricity? Give a `grid`, such as france")
    if by == "loss" and not held:
        raise OptionError("`by` loss: the same compute has the same loss on every device; give `dollars`, `energy` or `co2`")


def _chosen(gpu: Raw, question: Question) -> Sequence[Accelerator]:
    if gpu is None:
        return hardware(gpu_file=question.gpu_file)
    names = gpu.split(",") if isinstance(gpu, str) else gpu
    if not isinstance(names, (list, tuple)) or not names:
        raise OptionError(f"`gpu` {shown(gpu)}: expected names such as h100,mi300x")
    found = [hardware(name.strip() if isinstance(name, str) else name, gpu_file=question.gpu_file)[0] for name in names]
    return list({device.id: device for device in found}.values())


def _row(question: Question, device: Accelerator, law: Law, flops: float | None, held: str) -> tuple[Ranked, tuple[Note, ...]]:
    """Return a device with what it takes, or with what the budget buys on it."""
    machine, said = read_machine(question, ((1.0, device),), counted=False)
    if flops is None:
        bought = funding(machine, KINDS[held], getattr(question, held))
        if bought is None:
            raise OptionError(missing_of(machine, held))
        flops = bought.flops.expected
    best = allocate_best(law, flops)
    loss = None if best.loss is None else float(best.loss)
    return Ranked(device, machine, flops, float(best.params), float(best.tokens), loss, machine.cost(flops)), said


def _why(question: Question, held: str) -> str:
    reasons = []
    if question.dtype is not None:
        reasons.append(f"format {question.dtype}")
    if question.mfu is not None:
        reasons.append(f"MFU {format_percent(question.mfu)}")
    if held:
        reasons.append(f"{'price' if held == 'dollars' else 'power'} that the budget needs")
    return f"the {' or the '.join(reasons or ['format'])} is beyond them or not known"


def _rank(row: Ranked, by: str, *, money: bool) -> tuple[bool, float, float]:
    """Return what a device is ranked by; where money decides, one whose price one line says stands behind the others."""
    published = all(part.price == part.device.price for part in row.machine.parts)
    weak = money and by in {"dollars", "loss"} and published and row.device.origin == "planner" and one_line(row.device.prices)
    if by == "loss":
        return weak, rounded(-row.flops), 0.0
    found = getattr(row.cost, _TAKES[by])
    return weak, rounded(found.expected if found else inf), rounded(row.cost.device_hours.expected)
