"""One batch size and one learning rate, with a range, of what the laws say; and what being off costs."""

from math import log
from typing import NamedTuple

from planner._util.files import settings
from planner._util.stable_choice import order
from planner.architectures.hyperparameters import Suggestion, recipes, suggest
from planner.architectures.step_time import FILE
from planner.architectures.transformer import Shape


class Advice(NamedTuple):
    """A batch size and a learning rate to start from.

    Attributes
    ----------
    law : str
        Of the recipes that say both, the one whose runs are nearest.
    beyond : float
        Largest factor by which the run leaves these; 1 inside.
    batch : float
        Tokens.
    batch_range : (low, high)
        What the laws of an optimal batch say, at least half to twice the batch.
    learning_rate : float
        Peak.
    rate_range : (low, high)
        The same of the learning rate.
    """

    law: str
    beyond: float
    batch: float
    batch_range: tuple[float, float]
    learning_rate: float
    rate_range: tuple[float, float]


class Off(NamedTuple):
    """What a batch or a learning rate this many times the best costs: loss over the lowest, less one."""

    factor: float
    learning_rate: float
    batch: float


def advice(suggestions: tuple[Suggestion, ...]) -> Advice | None:
    """Return what to start from; None where no recipe says both."""
    optimal = [each for each in suggestions if each.recipe.kind == "optimal"]
    both = [each for each in optimal if each.batch is not None and each.learning_rate is not None]
    if not both:
        return None
    best = both[order([log(each.beyond) for each in both])[0]]
    assert best.batch is not None  # of those that say both
    assert best.learning_rate is not None
    batches = [each.batch for each in optimal if each.batch is not None]
    rates = [each.learning_rate for each in both if each.learning_rate is not None]
    return Advice(
        best.recipe.id,
        best.beyond,
        best.batch,
        (min(*batches, best.batch / 2), max(*batches, best.batch * 2)),
        best.learning_rate,
        (min(*rates, best.learning_rate / 2), max(*rates, best.learning_rate * 2)),
    )


def advised(shape: Shape, tokens: float | None = None) -> Advice:
    """Return what to start from for a shape on so many tokens; by default on the usual number for each parameter at work."""
    run = settings(FILE, "asked")["tokens_per_param"] * shape.active if tokens is None else tokens
    found = advice(tuple(suggest(each, shape, run, None) for each in recipes()))
    assert found is not None  # Step Law says both, of any run
    return found


def off() -> tuple[Off, ...]:
    """Return what being off costs, as it was measured (``data/recipes.toml``)."""
    table = settings("recipes.toml", "off")
    return tuple(Off(*row) for row in zip(table["factors"], table["learning_rate"], table["batch"], strict=True))
