"""A concrete shape under a law: which of its parameters count, and what training on a token costs."""

from typing import TYPE_CHECKING, NamedTuple

from planner._util.files import settings
from planner.allocation.problem import Limits
from planner.errors import OptionError
from planner.inputs.mixtures import MIXTURES
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_count, format_factor, format_flops, format_percent, format_signed_percent
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.architectures.transformer import Rule, Shape


class Counted(NamedTuple):
    """A concrete shape under a law's way of counting: N, and what training on a token costs [FLOP], by the rule and by 6 N.

    ``served_over_trained`` is 1, less where training repeats the forward pass, which serving does not. ``causal`` says whether
    attention counts to tokens before alone.
    """

    shape: "Shape"
    rule: "Rule"
    params: float
    flops_per_token: float
    six_n: float
    served_over_trained: float
    causal: bool


_OF_SHAPE = ("flops_rule", "recompute", "attention_flops")


def counted_shape(question: Question, law: Law) -> Counted | None:
    """Return the shape that the user gave, counted; None without one."""
    if question.shape is None:
        named = [name for name in _OF_SHAPE if getattr(question, name) not in (None, "6nd", False)]
        if named:
            from planner.inputs.shape_text import SHAPE

            raise OptionError(f"`{named[0]}` needs a concrete model: `shape`, such as {SHAPE}")
        return None
    shape = question.shape
    if law.judge is not None:
        raise OptionError("`exponents` and `anchor` cannot be combined with `shape`: a shape fixes N")
    if (shape.experts > 1) != (law.form.active is not None) and not (shape.experts == 1 and law.form.total is not None):
        kind = "a mixture of experts" if shape.experts > 1 else "a dense model"
        raise OptionError(
            f"`shape`: {kind}, but {law.id} is a law of {'dense models' if shape.experts > 1 else 'mixtures'}; {MIXTURES}"
        )
    params = float(shape.counted(law.conventions.params))
    working = shape.working(law.conventions.params)
    k = law.symbols["k"]
    rule, causal = _rule(question)
    once, cost = shape.flops_per_token(rule, working, causal=causal), counted_flops_per_token(question, law)
    return Counted(shape, rule, params, cost, k * working, once / cost, causal)


def _rule(question: Question) -> tuple["Rule", bool]:
    """Return how FLOP are counted, and whether attention to what comes after is left out."""
    rule: Rule = question.flops_rule or "exact"
    if question.attention_flops is not None and rule != "exact":
        raise OptionError(
            f"`attention_flops` {question.attention_flops}: of the exact rule; {rule} has its own way with attention"
        )
    return rule, question.attention_flops == "causal"


def counted_flops_per_token(question: Question, law: Law) -> float:
    """Return what training on a token of the shape given costs [FLOP]; of a mixture under any law."""
    shape = question.shape
    assert shape is not None  # asked for
    rule, causal = _rule(question)
    return shape.flops_per_token(rule, shape.working(law.conventions.params), recompute=bool(question.recompute), causal=causal)


def of_shape(limits: Limits, counted: Counted) -> Limits:
    """Return the limits with N fixed to that of the shape."""
    if limits.params is not None or limits.tokens_per_param is not None:
        raise OptionError("`shape` fixes the parameters: drop `params`, `active_params` and `tokens_per_param`")
    if limits.max_params is not None and counted.params > limits.max_params:
        raise OptionError(
            f"`shape` has {format_count(counted.params)} parameters, above `max_params` {format_count(limits.max_params)}"
        )
    return limits._replace(params=counted.params)


def vocabulary_law(params: float) -> tuple[Law, str, float]:
    """Return the law of the best vocabulary, what it was measured on, and the factor by which so many parameters leave that.

    ``params`` counts no vocabulary parameters.
    """
    law = load_law(settings("planning.toml", "vocabulary")["law"])
    assert law.domain.params is not None  # of the catalogue's own
    low, high = law.domain.params
    span = f"{format_count(low)} to {format_count(high)} parameters without vocabulary"
    return law, span, max(params / high, low / params, 1.0)


def shape_notes(counted: Counted | None) -> list[Note]:
    """Say what the shape counts, and how far 6 N is from what a token costs."""
    if counted is None:
        return []
    from planner.scaling_laws.forms.counting import best_vocab

    shape = counted.shape
    sizes = f"{format_count(shape.total, 4)} parameters in all, {format_count(shape.non_embedding, 4)} without embeddings"
    active = f", {format_count(shape.active, 4)} at work on a token" if shape.experts > 1 else ""
    off = counted.flops_per_token / counted.six_n - 1
    cost = f"training on a token costs {format_flops(counted.flops_per_token)} by the rule {counted.rule}"
    if counted.rule == "exact":
        cost += f", attention counted {'causally' if counted.causal else 'in full'}"
    text = f"the shape has {sizes}{active}; {cost}, {format_signed_percent(off)} against 6 N D of what this law counts"
    found = [Note("shape", "info", text)]
    if counted.served_over_trained < 1:
        share = format_percent(counted.served_over_trained)
        text = "what is computed anew counts as FLOP here, so a utilisation (--mfu) is HFU: the model's own part, MFU, is "
        text += f"{share} of it"
        found.append(Note("recompute", "info", text))
    if counted.shape.details.remark:
        found.append(Note("published-shape", "info", counted.shape.details.remark))
    if shape.experts == 1:  # of a mixture's parameters nobody has measured which vocabulary they want
        law, span, outside = vocabulary_law(shape.total - shape.embeddings)
        best = float(best_vocab(law.params, shape.total - shape.embeddings, shape.width))
        said = f"{format_count(best)} is best for this model by {law.id}"
        if outside > 1:
            said = f"{law.id} was measured on {span}, this model is {format_factor(outside)} outside: nothing is known here"
        text = f"vocabulary: {said}; the shape has {format_count(shape.vocab)}, and the loss here does not know it"
        found.append(Note("vocabulary", "info", text))
    return found
