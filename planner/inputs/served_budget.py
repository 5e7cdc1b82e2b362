"""A budget that may serve too, where a function plans nothing of its own: the same reading as a plan's."""

from typing import NamedTuple

from planner.allocation.open_choices import best_choice
from planner.allocation.problem import Problem, problem_of
from planner.inputs.budget import needed_budget
from planner.inputs.held_budgets import Held
from planner.inputs.law_choice import resolve_law
from planner.inputs.machine_inputs import Serving
from planner.inputs.question import Question
from planner.inputs.registry import rows
from planner.inputs.request import read_request
from planner.inputs.serving import WEIGHED, Demand
from planner.notes import Note
from planner.quantities import format_count
from planner.scaling_laws.law import Law, guarded


class ServedBudget(NamedTuple):
    """A budget [FLOP], what it is held in, the law that plans it, the demand, and what to say."""

    flops: float
    held: Held
    law: Law
    demand: Demand | None
    served: float
    """Tokens that the budget serves too, each counted as many times as a served FLOP costs more than a trained one; 0 where it
    serves none, or where devices train for some days and serving comes after."""
    notes: tuple[Note, ...]

    def problem_of(self, law: Law) -> Problem:
        """Return what a law plans under the budget's demand."""
        return problem_of(law, served=self.served)

    def chosen(self) -> Problem:
        """Return the problem of the law, its mixture of experts chosen for the budget."""
        return self.problem_of(guarded(self.law, lambda: best_choice(self.law, self.flops, self.served)))


def read_served_budget(question: Question, uses: tuple[str, ...] = ()) -> ServedBudget:
    """Read a budget in any unit and what is served of it; ``uses`` are inputs of a machine that the caller makes something of.

    Refused as :func:`planner.inputs.budget.needed_budget` and :func:`planner.inputs.request.read_request` do.
    """
    law = resolve_law(question.law, constants=question.constants)
    if not question.named(*rows(Serving)):
        flops, held = needed_budget(question, problem_of(law), uses)
        return ServedBudget(flops, held, law, None, 0.0, _of_speed(held.notes))
    needed_budget(question, None, (*uses, *WEIGHED))
    request = read_request(question)
    assert request.flops is not None  # of a budget
    assert request.demand is not None  # of inputs that say one
    if not request.served_after:
        notes = (*_of_speed(request.held.notes), *(note for note in request.notes if note.code == "served-as-trained"))
        return ServedBudget(request.flops, request.held, law, request.demand, float(request.problem.spending.served), notes)
    text = (
        f"the devices train for their days; serving {format_count(request.demand.tokens)} tokens comes after and is not in the "
        "budget, so it changes nothing here: plan says what it costs, and which smaller size saves"
    )
    notes = (*_of_speed(request.held.notes), Note("served-after", "info", text))
    return ServedBudget(request.flops, request.held, law, request.demand, 0.0, notes)


def _of_speed(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple(note for note in notes if note.code.startswith("mfu-"))
