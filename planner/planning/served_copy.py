"""What a served copy of a model takes of the devices that hold it."""

from collections.abc import Iterator
from typing import NamedTuple

from planner.inputs.mixture_memory import all_params, cache_bytes, refuse_cache, served_bits, serving_parts
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_bytes
from planner.scaling_laws.law import Law


class ServedCopy(NamedTuple):
    """A copy of a model on the devices that serve it.

    Attributes
    ----------
    devices : str
    bytes : float
        Their memory.
    bits : float
        Of a weight.
    weight_bytes : float
    cache_bytes : float
        Keys and values of the tokens that are cached.
    """

    devices: str
    bytes: float
    bits: float
    weight_bytes: float
    cache_bytes: float

    @property
    def fits(self) -> bool:
        """Whether weights and cache take no more than there is."""
        return self.weight_bytes + self.cache_bytes <= self.bytes


def served_copy(question: Question, law: Law, params: float) -> ServedCopy | None:
    """Return what a copy takes; None where no devices to serve on were named."""
    if question.serving_gpus is None:
        return None
    refuse_cache(question, law)
    shape, bits = question.shape, served_bits(question)
    total = float(all_params(law, params)) if shape is None else float(shape.total)
    cached = question.cached_tokens or 0.0
    each = 2.0 * shape.cached_per_token if shape is not None else float(cache_bytes(law, total)) if cached else 0.0
    parts = serving_parts(question)
    devices = " + ".join(f"{number:g} x {device.id}" for number, device in parts)
    there = sum(number * (device.memory or 0.0) for number, device in parts)
    return ServedCopy(devices, there, bits, total * bits / 8, cached * each)


def served_copy_notes(found: ServedCopy | None) -> Iterator[Note]:
    """Say where a copy does not fit the devices that are to hold it."""
    if found is not None and not found.fits:
        needed = format_bytes(found.weight_bytes + found.cache_bytes)
        text = f"a served copy takes {needed}, {found.devices} have {format_bytes(found.bytes)}: it does not fit"
        yield Note("served-copy", "warning", text)
