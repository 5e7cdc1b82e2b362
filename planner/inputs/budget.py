"""A budget in any unit, where a function needs one and plans nothing of its own."""

from planner.allocation.problem import Problem
from planner.errors import OptionError
from planner.inputs.forecast_speed import held_at_speed
from planner.inputs.held_budgets import Held, read_held
from planner.inputs.question import Question
from planner.inputs.registry import Machine, rows

_TIME = ("gpus", "gpu", "mfu", "dtype", "peak", "overhead", "gpu_file")
_POWER = (*_TIME, "power", "pue")
_DECIDES = {
    "days": _TIME,
    "gpu_hours": _TIME,
    "dollars": (*_TIME, "price"),
    "energy": _POWER,
    "co2": (*_POWER, "grid"),
}
"""Which inputs of a machine decide what a budget computes."""


def needed_budget(question: Question, problem: Problem | None = None, uses: tuple[str, ...] = ()) -> tuple[float, Held]:
    """Return the budget of a question [FLOP], and what it is held in.

    Parameters
    ----------
    question : Question
    problem : Problem, optional
        What the budget is spent on: devices are used as the model that follows from it uses them, where that can be forecast.
    uses : tuple of str
        Inputs of a machine that the caller makes something of, whatever the budget is held in.

    Raises
    ------
    PlannerError
        None, or one with an input beside it that would change nothing; or as :func:`read_held`.
    """
    held = read_held(question) if problem is None else held_at_speed(question, problem)[0]
    flops, name = (question.flops, "flops") if question.flops is not None else (held.flops, held.name)
    if flops is None:
        raise OptionError(
            "no budget: give --flops, such as --flops 1e21 (flops=1e21 in Python), --gpus 512xH100 with --days, or --dollars "
            "with --gpu"
        )
    refuse_idle(question, name, uses)
    return flops, held


PAID = ("gpus", "gpu", "price", "peak", "dtype", "mfu", "overhead", "gpu_file")
"""Inputs of a machine that decide what an amount of compute costs in dollars."""


def refuse_idle(question: Question, name: str, uses: tuple[str, ...] = ()) -> None:
    """Refuse an input of a machine that would change nothing beside a budget given by ``name``, or what the caller uses."""
    idle = [each for each in question.named(*rows(Machine)) if each not in (*_DECIDES.get(name, ()), *uses)]
    if idle:
        raise OptionError(f"`{idle[0]}` would change nothing beside `{name}` here; plan says what a budget takes on devices")
