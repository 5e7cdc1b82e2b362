"""What a mixture of experts is best made of, where the user left it open, and what memory leaves room for."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.root_finding import find_root
from planner._util.stable_choice import lowest
from planner.allocation import solver
from planner.allocation.effective_size import non_embedding_params, total_params
from planner.allocation.open_choices import open_choices
from planner.allocation.problem import Limits, Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.mixtures import MIXTURES
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_count, plain
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.law import Law, guarded

if TYPE_CHECKING:
    from planner.accelerators.accelerator import Accelerator
    from planner.accelerators.fleet import Machine


def varies(question: Question, law: Law) -> bool:
    """Tell whether what is chosen, or what memory allows, may differ from budget to budget."""
    return law.form.active is not None or question.serving_gpus is not None


class Room(NamedTuple):
    """What must hold all parameters.

    Attributes
    ----------
    bytes : float
        Memory there is, what is held beside the parameters taken off; infinite for a cap on parameters.
    each : float
        Bytes that a parameter takes.
    cached : float
        Tokens whose keys and values lie beside them.
    most : float
        Parameters that the user allows.
    text : str
        What holds them, and how.
    """

    bytes: float
    each: float
    cached: float
    most: float
    text: str


class Chosen(NamedTuple):
    """A law with its mixture chosen, the limits that memory leaves, and what to say of both."""

    law: Law
    limits: Limits
    notes: tuple[Note, ...] = ()


def choose_mixture(
    question: Question,
    law: Law,
    limits: Limits,
    machine: "Machine | None",
    budget: float | None,
    problem_of: Callable[[Law, Limits], Problem],
) -> Chosen:
    """Return the experts, granularity or sparsity of the lowest loss, or of the least compute for a loss, that memory holds.

    Every value that was measured, or lies between two of them, is solved; the best is taken, of equal ones the cheapest, then the
    smallest. What the user chose is kept.

    Raises
    ------
    PlannerError
        No run of the law fits, or the law does not say how many parameters there are in all.
    """
    if question.cached_tokens is not None and question.serving_gpus is None:
        raise OptionError("`cached_tokens`: in the memory of which devices? Give `serving_gpus`, such as 8xH100")
    rooms = [*_rooms(question, law, machine)]
    candidates = open_choices(law)
    if len(candidates) == 1 and not rooms:
        return Chosen(law, limits)
    caps = [_cap(each, rooms) for each in candidates]
    runs = [_run(each, cap, limits, budget, question.loss, problem_of) for each, (cap, _) in zip(candidates, caps, strict=True)]
    if not any(np.isfinite(run.merit) for run in runs):
        if limits.params is None and not all(cap >= _least(each) for each, (cap, _) in zip(candidates, caps, strict=True)):
            raise CannotPlanError(_nothing_fits(law, candidates, caps))
        return Chosen(law, limits)  # the user's size, or out of reach: what is wrong is said of the answer
    best = lowest(*([run[part] for run in runs] for part in range(3)))
    chosen, (cap, room) = candidates[best], caps[best]
    notes = (_chosen_note(chosen, candidates),) if len(candidates) > 1 else ()
    if room is None or limits.params is not None or runs[best].params < cap * (1 - _AT_CAP):
        return Chosen(chosen, limits, notes)
    why = f", {format_count(float(all_params(chosen, cap)))} in all" if chosen.form.total else ""
    binds = Note("memory-limits", "info", f"at most {format_count(cap)} parameters{why}: {room.text}")
    return Chosen(chosen, limits._replace(max_params=cap), (*notes, binds))


_AT_CAP = 1e-9
"""How far below its cap, as a fraction, a size is still at it."""


def all_params(law: Law, params: Num) -> Num:
    """Return all parameters of a model whose N a law counts, embeddings of dense models included."""
    if law.form.total is not None:
        return law.form.total(law.symbols, params)
    if law.form.active is None and law.conventions.params == "non-embedding":
        return total_params(params, _embeddings())
    return params


def as_counted(law: Law, total: float) -> float:
    """Return N as a law counts it of so many parameters in all."""
    if law.form.active_of is not None:
        return float(law.form.active_of(law.symbols, total))
    if law.form.active is None and law.conventions.params == "non-embedding":
        return float(non_embedding_params(total, _embeddings()))
    return total


def _embeddings() -> float:
    return float(load_law(settings("planning.toml", "embeddings")["law"]).params["gamma"])


class _Run(NamedTuple):
    """A law's best run within its cap: what is compared of it, what it costs, all its parameters, and N as the law counts."""

    merit: float
    flops: float
    total: float
    params: float


_NO_RUN = _Run(np.inf, np.inf, np.inf, np.inf)


def _run(
    law: Law,
    cap: float,
    limits: Limits,
    budget: float | None,
    loss: float | None,
    problem_of: Callable[[Law, Limits], Problem],
) -> _Run:
    """Return the best run of a law within its cap; of infinite merit where none fits."""
    if cap < _least(law) or (limits.params is not None and limits.params > cap * (1 + _AT_CAP)):
        return _NO_RUN
    if limits.params is None and np.isfinite(cap):
        limits = limits._replace(max_params=cap if limits.max_params is None else min(cap, limits.max_params))
    problem = problem_of(law, limits)
    if law.surface_law is None:  # an allocation alone: the law is not chosen by loss, and has one candidate
        assert budget is not None
        N = float(guarded(law, lambda: solver.best_run(problem, budget))[0])
        return _Run(0.0, budget, float(all_params(law, N)), N)
    return guarded(law, lambda: _best_run(problem, budget, loss))


def _best_run(problem: Problem, budget: float | None, loss: float | None) -> _Run:
    floor = float(problem.law.irreducible_loss)
    if budget is None:
        assert loss is not None  # a question has a budget or a loss
        if loss <= floor:
            return _NO_RUN
        flops, N, _ = (float(value) for value in solver.cheapest(problem, loss - floor))
        return _Run(flops, flops, float(all_params(problem.law, N)), N)
    N, D = (float(value) for value in solver.best_run(problem, budget))
    if not D > 0:
        return _NO_RUN
    reached = floor + float(sum(solver.reducible(problem, N, D)))
    return _Run(reached, float(problem.spending.paid(N, D)), float(all_params(problem.law, N)), N)


def _rooms(question: Question, law: Law, machine: "Machine | None") -> Iterator[Room]:
    """Give what must hold a model: the devices that train it, those that serve a copy, the user's cap."""
    mixture = law.form.active is not None
    if question.max_total_params is not None:
        if not mixture:
            raise OptionError(f"`max_total_params`: {law.id} is no law of mixtures of experts, so it is `max_params`; {MIXTURES}")
        yield Room(np.inf, 0.0, 0.0, question.max_total_params, "")
    known = machine is not None and machine.counted and all(part.device.memory is not None for part in machine.parts)
    if mixture and known and machine is not None:
        each = state_bytes()
        there = sum(part.number * (part.device.memory or 0.0) for part in machine.parts)
        named = " + ".join(f"{part.number:g} x {part.device.id}" for part in machine.parts)
        yield Room(
            _usable(there / settings("memory.toml", "overhead")["spread"], machine.devices),
            each,
            0.0,
            np.inf,
            f"weights, gradients and Adam's states ({plain(each)} bytes a parameter) of more do not surely fit "
            f"{named}, for measured peaks vary; activations come on top, and plan configure lays it out",
        )
    if question.serving_gpus is not None:
        yield _served_room(question, law)


def state_bytes() -> float:
    """Return the bytes that training keeps of a parameter: weights, gradients and Adam's states in mixed precision."""
    kept = settings("memory.toml", "schemes")["adam"]
    return float(kept["weights"] + kept["gradients"] + kept["optimizer"])


def _usable(there: float, devices: float) -> float:
    """Return what parameters may take of so much memory: frameworks and fragments hold some."""
    beside = settings("memory.toml", "overhead")
    return float((there - devices * beside["context_gib"][1] * 2**30) / (1 + beside["fragmentation"]))


def _served_room(question: Question, law: Law) -> Room:
    """Return what holds a copy that is served."""
    if law.hides_total:
        raise OptionError(f"`serving_gpus`: {law.id} does not say how many parameters its mixtures have in all; {MIXTURES}")
    cached = question.cached_tokens or 0.0
    if cached and law.form.total is None and question.shape is None:
        raise OptionError(
            f"`cached_tokens`: {law.id} does not say how wide its models are; ludziejewski2025 does, or give a `shape`"
        )
    parts = serving_parts(question)
    each = served_bits(question) / 8
    there = sum(number * (device.memory or 0.0) for number, device in parts)
    named = " + ".join(f"{number:g} x {device.id}" for number, device in parts)
    cache = f" and the cache of {format_count(cached)} tokens" if cached else ""
    text = f"weights of {plain(8 * each)} bits{cache} of more do not fit {named}, which hold a served copy"
    return Room(_usable(there, sum(number for number, _ in parts)), each, cached, np.inf, text)


def serving_parts(question: Question) -> "list[tuple[float, Accelerator]]":
    """Return the devices that hold a served copy, (number, device) each.

    Raises
    ------
    PlannerError
        A device that is not known, or whose memory is not.
    """
    from planner.accelerators.catalogue import accelerator, accelerators

    assert question.serving_gpus is not None  # asked where they were named
    catalogue = accelerators(question.gpu_file)
    parts = [(number, accelerator(name, catalogue)) for number, name in question.serving_gpus.parts]
    unknown = next((device.id for _, device in parts if device.memory is None), None)
    if unknown is not None:
        raise OptionError(f"`serving_gpus` {question.serving_gpus}: the memory of {unknown} is not known; `gpu_file` may say it")
    return parts


def served_bits(question: Question) -> float:
    """Return the bits of a served weight: those asked for, or 16."""
    return (
        float(settings("planning.toml", "precision")["baseline"])
        if question.serve_precision is None
        else question.serve_precision
    )


def _cap(law: Law, rooms: list[Room]) -> tuple[float, Room | None]:
    """Return the most parameters, as a law counts them, that every room holds, and the room that holds fewest."""
    totals = [_most(law, room) for room in rooms]
    if not totals:
        return np.inf, None
    place = lowest(totals)
    return (as_counted(law, totals[place]) if totals[place] > 0 else 0.0), rooms[place]


def _most(law: Law, room: Room) -> float:
    """Return the most parameters in all that a room holds; 0 where it holds none."""
    if not room.each:
        return room.most
    if room.bytes <= 0:
        return 0.0
    alone = room.bytes / room.each
    if not room.cached or law.form.total is None:
        return alone

    def over(log_total: Num) -> Num:
        total = np.exp(log_total)
        return np.log(room.each * total + room.cached * cache_bytes(law, total)) - np.log(room.bytes)

    bottom = np.log(alone) - 100.0
    return 0.0 if over(bottom) > 0 else float(np.exp(find_root(over, bottom, np.log(alone))))


def cache_bytes(law: Law, total: Num) -> Num:
    """Return the bytes that a token's keys and values take in 16 bits: two of the width in each block (Ludziejewski 2025)."""
    from planner.scaling_laws.forms.joint_experts import joint_width

    width = joint_width(law.symbols, total)
    return 2 * 2 * width * width / law.symbols["w"]


_SMALLEST = 1e6
"""Fewer parameters than this are no model to plan for, where a law does not print its smallest: a house convention."""


def _least(law: Law) -> float:
    known = law.domain.params
    return max(_SMALLEST, known[0]) if known else _SMALLEST


def _nothing_fits(law: Law, candidates: Sequence[Law], caps: list[tuple[float, Room | None]]) -> str:
    place = lowest([-cap for cap, _ in caps])
    cap, room = caps[place]
    held = f"holds {format_count(all_params(candidates[place], cap))}" if cap > 0 else "holds none"
    what = (
        "`max_total_params`" if room is not None and not room.each else f"what there is ({room.text})" if room else "the budget"
    )
    smallest = f"{law.id} knows models from {format_count(_least(law))} parameters on"
    return f"no plan fits: {what} {held}, and {smallest}; take more devices or memory, or a larger cap"


def _chosen_note(chosen: Law, candidates: Sequence[Law]) -> Note:
    (name,) = chosen.choices
    values = [law.params[name] for law in candidates]
    value, low, high = chosen.params[name], values[0], values[-1]
    what = chosen.form.parameters[name].meaning.split(":")[0].split(",")[0]
    text = f"{what} {plain(value, 4)}: the best of {plain(low, 4)} to {plain(high, 4)}, which were measured"
    text += "; it is their end, and more might be better still" if value == high and high > low else ""
    return Note("mixture-chosen", "info", text)
