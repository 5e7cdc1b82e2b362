"""A budget in, what every law of mixtures of experts makes of it out: their best mixtures, and how far they disagree."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation.extrapolation import FAR
from planner.errors import CannotPlanError
from planner.inputs.budget import needed_budget
from planner.inputs.mixtures import CHOICE_INPUTS
from planner.inputs.question import Question
from planner.inputs.registry import CompareMixturesInputs, asks
from planner.notes import Note
from planner.planning.mixture import leverage_of
from planner.planning.plan import answered
from planner.quantities import format_factor
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import Law


class MixturePlan(NamedTuple):
    """What one law makes of the budget.

    Attributes
    ----------
    choices : mapping
        Its experts, granularity or sparsity, chosen for the budget, by the names of the inputs.
    active_params, total_params, tokens, loss : float or None
        Parameters at work on a token and all there are, as the law counts; None what it does not say.
    dense_ratio : float or None
        Compute of the cheapest dense run of the same loss over the mixture's, by the same authors' law.
    training_bytes : float or None
        Weights, gradients and Adam's states.
    extrapolation : float or None
        Largest factor by which it leaves the law's runs.
    reason : str
        Why it has no answer; empty where it has.
    """

    law: Law
    choices: Mapping[str, float]
    active_params: float | None = None
    total_params: float | None = None
    tokens: float | None = None
    loss: float | None = None
    dense_ratio: float | None = None
    training_bytes: float | None = None
    extrapolation: float | None = None
    reason: str = ""


class Leverage(NamedTuple):
    """Compute of a dense model over that of a mixture of the same loss, by a law of its own; None where it says nothing."""

    law: str
    active_share: float
    granularity: float
    factor: float | None
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class MixtureComparison(Answer):
    """What every law of mixtures makes of a budget.

    Attributes
    ----------
    flops : float
        The budget C [FLOP].
    plans : tuple of MixturePlan
    active_params, total_params, tokens : (low, high) or None
        Over the laws that answer.
    memory_bytes : float or None
        Of the devices that train, where they were counted.
    leverage : Leverage
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    plans: tuple[MixturePlan, ...]
    active_params: tuple[float, float] | None
    total_params: tuple[float, float] | None
    tokens: tuple[float, float] | None
    memory_bytes: float | None
    leverage: Leverage
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(CompareMixturesInputs)
def compare_mixtures(**asked: Unpack[CompareMixturesInputs]) -> MixtureComparison:
    """Compare the best mixtures of experts of every law that plans them, for a budget and within the memory there is.

    Parameters
    ----------
    {inputs}

    Returns
    -------
    MixtureComparison

    Raises
    ------
    PlannerError
        Bad input, or no law with an answer.

    Examples
    --------
    >>> import planner
    >>> found = planner.compare_mixtures(flops=1e21)
    >>> [each.law.id for each in found.plans][:2]
    ['ludziejewski2025', 'abnar2025']
    """
    question = Question.of(CompareMixturesInputs, "compare_mixtures", asked)
    budget, held_in = needed_budget(question, None, ("gpus",))
    section = settings("planning.toml", "mixture")
    plans = tuple(_plan(question, load_law(name)) for name in section["laws"])
    told = [each for each in plans if not each.reason]
    if not told:
        raise CannotPlanError(plans[0].reason)
    share, granularity = section["leverage_at"]["active_share"], section["leverage_at"]["granularity"]
    held = question.named("gpus", "max_total_params", "serving_gpus")
    spans: dict[str, Any] = {name: _span(told, name) for name in _SPANNED}
    return MixtureComparison(
        flops=budget,
        plans=plans,
        **spans,
        memory_bytes=held_in.machine and held_in.machine.memory,
        leverage=Leverage(section["leverage"], share, granularity, *leverage_of(budget, share, granularity)),
        notes=tuple(_notes(told, spans, held=bool(held), cached=question.cached_tokens is not None)),
        inputs=FrozenDict({**question.stated(), "flops": budget}),
    )


def _plan(question: Question, law: Law) -> MixturePlan:
    """Return the best mixture of a law; one that does not say how many parameters there are is held to no memory."""
    told = question
    if law.form.active is None:
        told = question._replace(max_total_params=None, serving_gpus=None, cached_tokens=None)
    elif law.form.total is None:
        told = question._replace(cached_tokens=None)
    try:
        found = answered(told._replace(law=law))
    except CannotPlanError as error:
        return MixturePlan(law, FrozenDict(), reason=str(error))
    made = ("active_params", "total_params", "dense_ratio", "training_bytes")
    return MixturePlan(
        law=found.law,
        choices=FrozenDict({CHOICE_INPUTS[name]: found.law.params[name] for name in found.law.choices}),
        tokens=found.tokens,
        loss=found.loss,
        extrapolation=found.extrapolation,
        **{name: getattr(found.mixture, name) for name in made} if found.mixture else {"active_params": found.params},
    )


def _span(plans: list[MixturePlan], name: str) -> tuple[float, float] | None:
    values = [getattr(each, name) for each in plans if getattr(each, name) is not None]
    return (min(values), max(values)) if values else None


_SPANNED = {"active_params": "active parameters", "total_params": "parameters in all", "tokens": "tokens"}
"""What the laws' answers are spread in, and what it is called."""


def _notes(plans: list[MixturePlan], spans: dict[str, Any], *, held: bool, cached: bool) -> Iterator[Note]:
    apart = ", ".join(f"{format_factor(ends[1] / ends[0])} in {_SPANNED[name]}" for name, ends in spans.items() if ends)
    yield Note("disagree", "info", f"the laws differ by {apart}: other data, counts, routing and ranges; none is a consensus")
    yield Note("losses-differ", "info", "losses of different laws are for different data: compare sizes, not losses")
    if held and (unheld := [each.law.id for each in plans if each.total_params is None]):
        text = f"{', '.join(unheld)}: held to no memory, for it does not say how many parameters there are in all"
        yield Note("memory-unknown", "info", text)
    if cached and (narrow := [each.law.id for each in plans if each.law.form.total is None]):
        text = f"{', '.join(narrow)}: held without a cache, for it is not said how wide their models are"
        yield Note("cache-unknown", "info", text)
    if far := [each.law.id for each in plans if each.extrapolation is not None and each.extrapolation > FAR]:
        text = f"more than {FAR:g}x outside their runs, guesses rather than forecasts: {', '.join(far)}"
        yield Note("extrapolation", "warning", text)
