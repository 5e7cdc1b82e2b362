"""The run that a configuration is made for: stated, planned, or of a mixture that no law judges."""

from typing import NamedTuple

from planner.accelerators.fleet import Machine
from planner.allocation.problem import Problem
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.inputs.held_budgets import BUDGETS, read_held
from planner.inputs.measured_speed import measured
from planner.inputs.mixtures import CHOICES, MIXTURES
from planner.inputs.question import Question
from planner.inputs.request import read_request, read_run, refuse_served_after
from planner.inputs.shape import counted_flops_per_token
from planner.notes import Note
from planner.planning.plan import answered
from planner.scaling_laws.law import Law


class ConfiguredRun(NamedTuple):
    """A run to configure, under its law with the mixture chosen.

    Attributes
    ----------
    budget : float or None
        That its tokens come from [FLOP]; None where D is given or follows from a loss.
    problem : Problem or None
        What the law judges; None of a mixture under a law of dense models.
    timed : bool
        Whether the budget is what devices do in some time at the speed forecast for a proposed model: then its tokens do not
        come from its FLOP, but from the speed of the shape and layout that are configured.
    """

    params: float
    tokens: float
    budget: float | None
    machine: Machine | None
    problem: Problem | None
    notes: tuple[Note, ...]
    law: Law
    timed: bool = False


def run_of(question: Question, law: Law) -> ConfiguredRun:
    """Return the run that is stated, or that the plan of the question gives."""
    if question.lora is not None:
        if question.shape is None:
            raise OptionError(f"`lora` {question.lora}: of which model? Give its `shape`, such as llama3-8b")
        why = "laws of pretraining say nothing of adapters: neither loss nor batch nor rate"
        return _unjudged(question, question.shape, law, "adapters", why)
    if question.shape is not None and question.shape.experts > 1 and law.form.active is None:
        why = f"{law.id} is of dense models, so nothing is said of this mixture's loss; {MIXTURES}"
        return _unjudged(question, question.shape, law, "a mixture", why)
    if question.tokens is not None and question.named("params", "shape") and not question.named(*BUDGETS, "flops", "loss"):
        stated = read_run(question, law)
        assert stated.run is not None  # what read_run promises
        kept = _kept(stated.notes, stated.held.notes)
        return ConfiguredRun(*stated.run, None, stated.held.machine, stated.problem, kept, stated.problem.law)
    request = read_request(question)
    held = request.held
    refuse_served_after(request, "configure")
    answer = answered(question)
    budget = answer.training_flops if question.loss is None and question.tokens is None else None
    timed = budget is not None and held.name is not None and request.speeds is not None
    notes = _kept(answer.notes, held.notes)
    return ConfiguredRun(answer.params, answer.tokens, budget, held.machine, answer.problem, notes, answer.law, timed)


def _kept(notes: tuple[Note, ...], of_devices: tuple[Note, ...]) -> tuple[Note, ...]:
    """Return what is said of the devices, and what of the plan or run holds for its configuration."""
    return (*of_devices, *(note for note in notes if note.code in _KEPT))


_KEPT = {
    *("mixture-chosen", "memory-limits", "mfu-measured", "extrapolation", "params-convention", "no-run", "limit-does-not-bind"),
    "budget-not-spent",
}
"""What is said of the plan that a configuration is made for."""


def _unjudged(question: Question, shape: Shape, law: Law, what: str, why: str) -> ConfiguredRun:
    """Return a run that the law says nothing of: its tokens, or those that a budget pays for."""
    if needs := question.named(*_OF_A_LAW):
        raise OptionError(f"`{needs[0]}`: {why}")
    question, speed_notes = measured(question, law)
    held = read_held(question)
    budget = question.flops if held.flops is None else held.flops
    if (question.tokens is None) == (budget is None):
        said = "neither" if budget is None else f"`{held.name or 'flops'}` and `tokens`"
        raise OptionError(f"{what} to configure takes its `tokens`, or a budget such as `flops`; {said} given")
    if budget is not None and question.lora is not None:
        raise OptionError(f"`{held.name or 'flops'}`: adapters take their `tokens`; what those cost is said")
    tokens = question.tokens if budget is None else budget / counted_flops_per_token(question, law)
    assert tokens is not None  # one of the two
    notes = (*speed_notes, *held.notes, Note("unjudged", "info", why))
    return ConfiguredRun(float(shape.total), tokens, budget, held.machine, None, notes, law)


_OF_A_LAW = (
    *("active_params", "max_total_params", *CHOICES),
    *("loss", "params", "tokens_per_param", "max_params", "max_tokens", "unique_tokens", "precision", "data_quality"),
    *("inference_tokens", "inference_per_month", "requests_per_month", "tokens_per_request", "generated_per_request", "months"),
    *("generated_tokens", "inference_mfu", "generation_mfu", "inference_price"),
)
