"""Shapes for a run, and what training each takes."""

from typing import Any, NamedTuple

from planner.accelerators.fleet import Cost, Machine
from planner.architectures.mixture_shapes import Experts, propose_mixtures
from planner.architectures.shape_search import Proportions, propose
from planner.architectures.transformer import Shape
from planner.errors import CannotPlanError, OptionError
from planner.inputs.input_row import Number
from planner.inputs.mixture_memory import all_params
from planner.inputs.mixtures import MIXTURES
from planner.quantities import parse_whole, shown, whole_number
from planner.scaling_laws.law import Law

COUNT = 5
"""Shapes proposed, unless the user says otherwise."""


class FixedParts(NamedTuple):
    """What the user fixes of the shapes to propose; see :func:`planner.configure`."""

    vocab: Number | None
    context: Number | None
    kv_heads: Number | None
    gated: bool | None
    tied: bool | None
    shapes: int | None


class Candidate(NamedTuple):
    """A shape, and what training it takes.

    Attributes
    ----------
    shape : Shape
    off : float
        What it counts over N, less one; N counted as the law counts.
    params, params_non_embedding : int
    flops_per_token : float
        Exact training FLOP per token.
    over_6nd : float
        These over 6 times the N that the law counts, less one.
    tokens : float
        D: of the run given, or what the budget pays for with the exact FLOP.
    training_flops : float
        For all of them.
    cache_bytes : int
        Key-value cache of a token in 16 bits.
    cost : Cost or None
        Of the exact FLOP on the machine.
    """

    shape: Shape
    off: float
    params: int
    params_non_embedding: int
    flops_per_token: float
    over_6nd: float
    tokens: float
    training_flops: float
    cache_bytes: int
    cost: Cost | None


def shapes_for(
    law: Law, fixed: FixedParts, known: Shape | None, N: float, experts: Experts | None = None
) -> tuple[list[tuple[Shape, float]], Proportions | None]:
    """Return the shape given, or proposals with what they go by; each with what it counts over N, less one.

    Under a law of mixtures they are mixtures of its active and all parameters, divided as the user said or as published ones.
    """
    if known is not None:
        told = [name for name, value in fixed._asdict().items() if value is not None]
        if told:
            option = "count" if told[0] == "shapes" else told[0]
            raise OptionError(f"`{option}`: the shape says that itself; drop it, or change the shape: llama2-7b,context=2048")
        return [(known, known.counted(law.conventions.params) / N - 1)], None
    for name, value in (("gated", fixed.gated), ("tied", fixed.tied)):
        if value is not None and not isinstance(value, bool):
            raise OptionError(f"`{name}` {shown(value)}: expected True or False")

    if law.hides_total:
        raise CannotPlanError(f"{law.id} does not say how many parameters its mixtures have in all; give a `shape`; {MIXTURES}")
    count = whole_number(COUNT if fixed.shapes is None else fixed.shapes, "`count`", 1, 50)
    parts: dict[str, Any] = {"gated": fixed.gated is not False, "tied": fixed.tied, "count": count}
    for part, size in (("vocab", fixed.vocab), ("context", fixed.context), ("kv_heads", fixed.kv_heads)):
        parts[part] = None if size is None else parse_whole(size, f"`{part}`", 1)
    total = float(all_params(law, N))
    active = law.active_share * N
    if law.form.active is None or total <= active * (1 + 1e-9):
        proposals, usual = propose(N, convention=law.conventions.params, **parts)
    else:
        proposals, usual = propose_mixtures(active, total, convention=law.conventions.params, experts=experts, **parts)
    return [(each.shape, each.off) for each in proposals], usual


def candidate(
    shape: Shape,
    off: float,
    law: Law,
    planned: float,
    budget: float | None,
    machine: Machine | None,
    *,
    causal: bool = False,
    lora: int = 0,
) -> Candidate:
    """Return what training a shape takes: on the tokens planned, or on those that a budget [FLOP] pays for.

    ``causal`` counts attention to tokens before alone; ``lora`` is the rank of adapters that alone are trained.
    """
    counted = shape.counted(law.conventions.params)
    each = shape.flops_per_token("exact", counted, causal=causal)
    if lora:  # no gradients of what is frozen, a third of its products; those of the adapters
        each += 6 * shape.adapter_params(lora) - 2 * shape.matrix_products
    tokens = planned if budget is None else budget / each
    return Candidate(
        shape=shape,
        off=off,
        params=shape.total,
        params_non_embedding=shape.non_embedding,
        flops_per_token=each,
        over_6nd=each / shape.flops_per_token("6nd", shape.working(law.conventions.params)) - 1,
        tokens=tokens,
        training_flops=each * tokens,
        cache_bytes=2 * shape.cached_per_token,
        cost=machine.cost(each * tokens) if machine else None,
    )
