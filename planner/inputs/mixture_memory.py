"""What must hold all parameters of a model: the devices that train it, those that serve a copy, the user's cap."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.root_finding import find_root
from planner._util.stable_choice import lowest
from planner.allocation.effective_size import non_embedding_params, total_params
from planner.errors import OptionError
from planner.inputs.mixtures import MIXTURES
from planner.inputs.question import Question
from planner.quantities import format_count, plain
from planner.scaling_laws.catalogue import embedding_count
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine


class Room(NamedTuple):
    """What must hold all parameters."""

    bytes: float  # memory there is, what is held beside the parameters taken off; infinite for a cap on parameters
    each: float  # bytes that a parameter takes
    cached: float  # tokens whose keys and values lie beside them
    most: float  # parameters that the user allows
    text: str  # what holds them, and how


def cap_of(question: Question, law: Law, machine: "Machine | None") -> float:
    """Return the most parameters, as a law counts them, that memory and the user's cap on all of them leave room for."""
    return cap_within(law, [*rooms_of(question, law, machine)])[0]


def all_params(law: Law, params: Num) -> Num:
    """Return all parameters of a model whose N a law counts, embeddings of dense models included."""
    if law.form.total is not None:
        return law.form.total(law.symbols, params)
    if law.form.active is None and law.conventions.params == "non-embedding":
        return total_params(params, embedding_count().params["gamma"])
    return params


def as_counted(law: Law, total: float) -> float:
    """Return N as a law counts it of so many parameters in all."""
    if law.form.active_of is not None:
        return float(law.form.active_of(law.symbols, total))
    if law.form.active is None and law.conventions.params == "non-embedding":
        return float(non_embedding_params(total, embedding_count().params["gamma"]))
    return total


def rooms_of(question: Question, law: Law, machine: "Machine | None") -> Iterator[Room]:
    """Give what must hold a model: the devices that train it, those that serve a copy, the user's cap."""
    if question.max_total_params is not None:
        refuse_total(law)
        yield Room(np.inf, 0.0, 0.0, question.max_total_params, "")
    there = machine and machine.memory
    if law.form.active is not None and machine is not None and there is not None:
        each = state_bytes()
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


def refuse_total(law: Law) -> None:
    """Refuse a cap on all parameters under a law that does not know them apart."""
    if law.hides_total:
        raise OptionError(f"`max_total_params`: {law.id} does not say how many parameters its mixtures have in all; {MIXTURES}")
    if law.form.active is None:
        raise OptionError(f"`max_total_params`: {law.id} is no law of mixtures of experts, so it is `max_params`; {MIXTURES}")


def state_bytes() -> float:
    """Return the bytes that training keeps of a parameter: weights, gradients and Adam's states in mixed precision."""
    kept = settings("memory.toml", "schemes")["adam"]
    return float(kept["weights"] + kept["gradients"] + kept["optimizer"])


def _usable(there: float, devices: float) -> float:
    """Return what parameters may take of so much memory: frameworks and fragments hold some."""
    beside = settings("memory.toml", "overhead")
    return float((there - devices * beside["context_gib"][1] * 2**30) / (1 + beside["fragmentation"]))


def refuse_cache(question: Question, law: Law) -> None:
    """Refuse tokens to cache where nothing says how wide the models are."""
    if question.cached_tokens and question.shape is None and not (law.form.total and {"V", "w"} <= set(law.symbols)):
        raise OptionError(
            f"`cached_tokens`: {law.id} does not say how wide its models are; ludziejewski2025 does, or give a `shape`"
        )


def _served_room(question: Question, law: Law) -> Room:
    """Return what holds a copy that is served."""
    if law.hides_total:
        raise OptionError(f"`serving_gpus`: {law.id} does not say how many parameters its mixtures have in all; {MIXTURES}")
    cached = question.cached_tokens or 0.0
    refuse_cache(question, law)
    devices = serving_devices(question)
    each = served_bits(question) / 8
    cache = f" and the cache of {format_count(cached)} tokens" if cached else ""
    text = f"weights of {plain(8 * each)} bits{cache} of more do not fit {devices.text}, which hold a served copy"
    return Room(_usable(devices.bytes, devices.number), each, cached, np.inf, text)


class ServingDevices(NamedTuple):
    """The devices that hold a served copy."""

    text: str
    number: float
    bytes: float  # their memory


def serving_devices(question: Question) -> ServingDevices:
    """Return the devices that hold a served copy; their memory must be known."""
    from planner.accelerators.catalogue import accelerator, accelerators

    assert question.serving_gpus is not None  # asked where they were named
    catalogue = accelerators(question.gpu_file)
    parts = [(number, accelerator(name, catalogue)) for number, name in question.serving_gpus.parts]
    there = 0.0
    for number, device in parts:
        if device.memory is None:
            raise OptionError(
                f"`serving_gpus` {question.serving_gpus}: the memory of {device.id} is not known; `gpu_file` may say it"
            )
        there += number * device.memory
    named = " + ".join(f"{number:g} x {device.id}" for number, device in parts)
    return ServingDevices(named, sum(number for number, _ in parts), there)


def served_bits(question: Question) -> float:
    """Return the bits of a served weight: those asked for, or 16."""
    return question.serve_precision or float(settings("planning.toml", "precision")["baseline"])


def cap_within(law: Law, rooms: list[Room]) -> tuple[float, Room | None]:
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
