"""The user's choice of a mixture of experts, under laws that know them."""

from typing import TYPE_CHECKING, Any

from planner.errors import OptionError
from planner.inputs.question import Question
from planner.quantities import format_count, plain
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.architectures.mixture_shapes import Experts
    from planner.architectures.transformer import Shape

MIXTURES = (
    "laws with experts are ludziejewski2025 (--experts), krajewski2024-moe (--granularity) and abnar2025 (--experts with "
    "--experts-per-token, or --sparsity)"
)


CHOICE_INPUTS = {"E": "experts", "G": "granularity", "S": "sparsity"}
"""What a law calls the user's choice, and which input says it."""

CHOICES = ("experts", "granularity", "experts_per_token", "sparsity")


def experts_of(law: Law) -> str:
    """Return which experts a law of mixtures speaks of, and that nobody chose them where that is so."""
    made = ", ".join(f"{CHOICE_INPUTS[name]} {plain(law.params[name], 4)}" for name in law.choices)
    return made if law.chosen else f"{made}, which nobody chose"


def mixed(law: Law, question: Question) -> Law:
    """Return a law with the mixture of experts that the user chose.

    Raises
    ------
    OptionError
        The law knows no experts, or not this number, or what was given contradicts itself.
    """
    if question.shape is not None and (question.shape.experts > 1 or "E" in law.choices) and law.choices:
        question = _of_shape(question, question.shape, law)
    named = question.named(*CHOICES)
    _refuse_parts(question)
    if not named:
        return _by_sizes(law, question)
    if not law.choices:
        raise OptionError(f"`{named[0]}`: {law.id} is no law of mixtures of experts; {MIXTURES}")
    experts, working, sparsity = question.experts, question.experts_per_token, question.sparsity
    if "E" in law.choices:
        unknown = [name for name in named if name not in {"experts", "experts_per_token"}]
        if unknown or working not in (None, 1):
            name = unknown[0] if unknown else "experts_per_token"
            raise OptionError(f"`{name}`: {law.id} knows experts alone, one at work on a token; {MIXTURES}")
        if experts is None:
            raise OptionError(f"`experts_per_token`: {law.id} takes `experts`, of which one is at work on a token")
        return law.choose(E=experts)
    if "G" in law.choices:
        unknown = [name for name in named if name not in {"experts", "granularity"}]
        if unknown:
            raise OptionError(f"`{unknown[0]}`: {law.id} knows experts and granularity; abnar2025 knows sparsity")
        if experts is not None and experts != law.params["E"]:
            said = f"`experts` {plain(experts)}" if question.shape is None else f"`shape` of {plain(experts)} experts"
            raise OptionError(
                f"{said}: {law.id} was fitted with {plain(law.params['E'])}; abnar2025 takes any number, with `experts_per_token`"
            )
        return law if question.granularity is None else law.choose(G=question.granularity)
    if question.granularity is not None:
        raise OptionError(f"`granularity`: {law.id} knows sparsity only; krajewski2024-moe knows granularity")
    if sparsity is not None and experts is not None:
        raise OptionError("give `sparsity`, or `experts` with `experts_per_token`, not both")
    if sparsity is not None and working is None:
        return law.choose(S=sparsity)
    if experts is None or working is None:
        raise OptionError("`experts` and `experts_per_token` go together, such as 64 with 2 at work on a token")
    if not 1 <= experts <= 1e9:
        raise OptionError(f"`experts` {plain(experts)}: expected 1 to 1e9")
    if working > experts:
        raise OptionError(f"`experts_per_token` {plain(working)}: at most as many as experts, {plain(experts)}")
    return law.choose(S=1 - working / experts)


def _by_sizes(law: Law, question: Question) -> Law:
    """Return a law with the sparsity that active parameters and all of them say together."""
    if "S" not in law.choices or question.params is None or question.active_params is None:
        return law
    return law if question.active_params > question.params else law.choose(S=1 - question.active_params / question.params)


def _refuse_parts(question: Question) -> None:
    """Refuse parts of an expert."""
    for name in question.named("experts", "experts_per_token", "granularity"):
        value: float = getattr(question, name)
        if value != round(value):
            raise OptionError(f"`{name}` {plain(value)}: expected a whole number")


def divided(question: Question, law: Law) -> "Experts | None":
    """Return how the user divides the layers of a mixture by what was said of its experts; None where nothing was.

    One full expert at work under a law of experts alone; under one of granularity each expert in so many parts; experts and those
    at work as they were given.
    """
    from planner.architectures.mixture_shapes import Experts

    if question.granularity is not None:
        parts = round(question.granularity)
        return Experts(parts, 0, round(law.params["E"]) * parts)
    if "E" in law.choices and question.experts is not None:
        return Experts(1, 0, round(question.experts))
    if question.experts_per_token is not None and question.experts is not None:
        return Experts(round(question.experts_per_token), 0, round(question.experts))
    return None


def all_of_active(question: Question, law: Law) -> Question:
    """Return the question with all parameters instead of active ones."""
    if question.active_params is None:
        return question
    if law.form.active is None:
        raise OptionError(f"`active_params`: {law.id} is no law of mixtures of experts; {MIXTURES}")
    if question.params is not None:
        share_given(question, law)
        return question
    return question._replace(params=question.active_params / law.active_share)


def share_given(question: Question, law: Law) -> float | None:
    """Return the share of parameters at work that a user gives by both numbers; None where one follows by the law.

    More at work than there are is refused, and both under a law that prices routing by its own choices.
    """
    params, active = question.params, question.active_params
    if params is None or active is None:
        return None
    if active > params:
        raise OptionError(f"`active_params` {format_count(active)}: more than all `params`, {format_count(params)}")
    if law.form.total is not None:
        raise OptionError(
            f"`active_params` and `params` together say too much: {law.id} counts the active ones, `experts` says the rest"
        )
    if law.form.price is not None and law.form.price(law.symbols)[1]:
        raise OptionError(f"`active_params` and `params` together say too much: under {law.id} one follows from the other")
    return active / params


def _of_shape(question: Question, shape: "Shape", law: Law) -> Question:
    """Return the question with the mixture that a shape has; refuse one that the user gave otherwise."""
    if "E" in law.choices and shape.experts_per_token != 1 and shape.experts > 1:
        raise OptionError(
            f"`shape`: {shape.experts_per_token} of {shape.experts} experts at work on a token, but {law.id} knows mixtures of "
            "which one is; abnar2025 knows others"
        )
    working = float(shape.experts_per_token)
    if "G" in law.choices:
        found: dict[str, Any] = {"experts": shape.experts / working, "granularity": working}
    else:
        found = {"experts": float(shape.experts), "experts_per_token": working}
    for name in question.named(*CHOICES):
        value: float = getattr(question, name)
        if value != found.get(name):
            raise OptionError(
                f"`{name}` {plain(value)} contradicts the shape, which has {shape.experts_per_token} of {shape.experts} experts"
            )
    return question._replace(**{"granularity": None, "experts_per_token": None, **found})
