"""The user's choice of a mixture of experts, under laws that know them."""

from dataclasses import replace
from typing import Any

from planner.asking.conditions import Conditions
from planner.errors import OptionError
from planner.law import Law
from planner.units import plain

MIXTURES = (
    "laws with experts are krajewski2024-moe (--granularity) and abnar2025 (--experts with --experts-per-token, or --sparsity)"
)


def mixed(law: Law, given: Any) -> Law:
    """Return a law with the mixture of experts that the user chose.

    Raises
    ------
    OptionError
        The law knows no experts, or not this number, or what was given contradicts itself.
    """
    if given.shape is not None and given.shape.experts > 1 and law.choices:
        given = _of_shape(given, law)
    named = [name for name in ("experts", "granularity", "experts_per_token", "sparsity") if getattr(given, name) is not None]
    if not named:
        return law
    if not law.choices:
        raise OptionError(f"{named[0]}: {law.id} is no law of mixtures of experts; {MIXTURES}")
    if "G" in law.choices:
        unknown = [name for name in named if name not in {"experts", "granularity"}]
        if unknown:
            raise OptionError(f"{unknown[0]}: {law.id} knows experts and granularity; abnar2025 knows sparsity")
        if given.experts is not None and given.experts != law.params["E"]:
            raise OptionError(
                f"experts {plain(given.experts)}: {law.id} was fitted with {plain(law.params['E'])}; "
                "abnar2025 takes any number, with experts_per_token"
            )
        return law if given.granularity is None else law.choose(G=given.granularity)
    if given.granularity is not None:
        raise OptionError(f"granularity: {law.id} knows sparsity only; krajewski2024-moe knows granularity")
    if (given.experts is None) != (given.experts_per_token is None):
        raise OptionError("experts and experts_per_token go together, such as 64 with 2 at work on a token")
    if given.sparsity is not None and given.experts is not None:
        raise OptionError("give sparsity, or experts with experts_per_token, not both")
    if given.experts is None:
        return law.choose(S=given.sparsity)
    if not 1 <= given.experts <= 1e9:
        raise OptionError(f"experts {plain(given.experts)}: expected 1 to 1e9")
    if given.experts_per_token > given.experts:
        raise OptionError(
            f"experts_per_token {plain(given.experts_per_token)}: at most as many as experts, {plain(given.experts)}"
        )
    return law.choose(S=1 - given.experts_per_token / given.experts)


def all_of_active(given: Any, law: Law) -> Conditions:
    """Return the conditions with all parameters instead of active ones."""
    if law.form.active is None:
        raise OptionError(f"active_params: {law.id} is no law of mixtures of experts; {MIXTURES}")
    if given.params is not None:
        raise OptionError("active_params and params together say too much: give one of them")
    all_params: Conditions = replace(given, params=given.active_params / law.active_share)
    return all_params


def _of_shape(given: Any, law: Law) -> Conditions:
    """Return the conditions with the mixture that a shape has; refuse one that the user gave otherwise."""
    shape = given.shape
    if "G" in law.choices:
        found = {"experts": shape.experts / shape.experts_per_token, "granularity": float(shape.experts_per_token)}
    else:
        found = {"experts": float(shape.experts), "experts_per_token": float(shape.experts_per_token)}
    for name in ("experts", "granularity", "experts_per_token", "sparsity"):
        value = getattr(given, name)
        if value is not None and value != found.get(name):
            raise OptionError(
                f"{name} {plain(value)} contradicts the shape, which has {shape.experts_per_token} of {shape.experts} experts"
            )
    everything: Conditions = replace(given, **found)
    return everything
