"""The run that a configuration is made for: stated, planned, or of a mixture that no law judges."""

from typing import NamedTuple

from planner.accelerators.fleet import Machine
from planner.allocation.problem import Problem
from planner.errors import OptionError
from planner.inputs.held_budgets import read_held
from planner.inputs.mixtures import MIXTURES
from planner.inputs.question import Question
from planner.inputs.request import read_request, read_run, refuse_served_after
from planner.notes import Note
from planner.planning.plan import answered
from planner.scaling_laws.law import Law


class ConfiguredRun(NamedTuple):
    """A run to configure.

    Attributes
    ----------
    params, tokens : float
        N as the law counts it, and D.
    budget : float or None
        That its tokens come from [FLOP]; None where D is given or follows from a loss.
    machine : Machine or None
    problem : Problem or None
        What the law judges; None of a mixture under a law of dense models.
    notes : tuple of Note
    """

    params: float
    tokens: float
    budget: float | None
    machine: Machine | None
    problem: Problem | None
    notes: tuple[Note, ...]


def run_of(question: Question, law: Law) -> ConfiguredRun:
    """Return the run that is stated, or that the plan of the question gives.

    Raises
    ------
    PlannerError
        As a plan of the question.
    """
    if question.shape is not None and question.shape.experts > 1 and law.form.active is None:
        return _unjudged(question, law)
    held = read_held(question)
    if question.tokens is not None and question.named("params", "shape") and not (held.name or question.named("flops", "loss")):
        stated = read_run(question, law)
        assert stated.run is not None  # what read_run promises
        return ConfiguredRun(*stated.run, None, held.machine, stated.problem, held.notes)
    refuse_served_after(read_request(question), "configure")
    answer = answered(question)
    kept = [note for note in answer.notes if note.code in _KEPT]
    paid = question.loss is None and question.tokens is None
    budget = answer.training_flops if paid else None
    return ConfiguredRun(answer.params, answer.tokens, budget, held.machine, answer.problem, (*held.notes, *kept))


_KEPT = {"extrapolation", "params-convention", "no-run", "limit-does-not-bind", "budget-not-spent"}
"""What is said of the plan that a configuration is made for."""


def _unjudged(question: Question, law: Law) -> ConfiguredRun:
    """Return the run of a mixture, of which a law of dense models says nothing: its tokens, or those that a budget pays for."""
    shape = question.shape
    assert shape is not None  # asked for
    needs = question.named(*_OF_A_LAW)
    if needs:
        raise OptionError(f"`{needs[0]}`: {law.id} is of dense models and says nothing of a mixture; {MIXTURES}")
    held = read_held(question)
    budget = question.flops if held.flops is None else held.flops
    if (question.tokens is None) == (budget is None):
        what = "neither" if budget is None else f"`{held.name or 'flops'}` and `tokens`"
        raise OptionError(f"a mixture to configure takes its `tokens`, or a budget such as `flops`; {what} given")
    tokens = question.tokens if budget is None else budget / shape.flops_per_token("exact", shape.active)
    assert tokens is not None  # one of the two
    text = f"{law.id} is of dense models, so nothing is said of this mixture's loss; {MIXTURES}"
    return ConfiguredRun(
        float(shape.total), tokens, budget, held.machine, None, (*held.notes, Note("mixture-unjudged", "info", text))
    )


_OF_A_LAW = (
    *("loss", "params", "tokens_per_param", "max_params", "max_tokens", "unique_tokens", "precision", "data_quality"),
    *("inference_tokens", "inference_per_month", "requests_per_month", "tokens_per_request", "generated_per_request", "months"),
    *("generated_tokens", "inference_mfu", "generation_mfu", "inference_price"),
)
