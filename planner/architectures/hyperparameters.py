"""Published laws of batch size and learning rate, each in its own conventions."""

from collections.abc import Mapping
from math import ceil, inf, log
from typing import Any, NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled, settings
from planner._util.frozen_dict import FrozenDict
from planner.architectures.transformer import Shape
from planner.quantities import PF_DAY

_QUANTITIES = {"N": "params", "D": "tokens", "C": "flops", "L": "loss"}


class RecipeCheck(NamedTuple):
    """A published output that the law must reproduce."""

    quantity: str
    inputs: Mapping[str, float]
    expected: float
    rel_tolerance: float
    locator: str


class Recipe(NamedTuple):
    """A law of batch size and learning rate.

    Attributes
    ----------
    id : str
    kind : {"optimal", "critical"}
        Whether its batch has the lowest loss for the compute, or is where more devices stop saving time in proportion.
    params : str
        Which parameters its N counts, as in a law's conventions.
    flops : str
        What its C is: ``6nd`` of its N, or Kaplan's ``C_min`` [PF-days].
    batch, learning_rate : mapping
        ``k`` and the exponents of N, D, C and L; or ``constant`` and ``log_params``, up to ``most_params``; empty where it says
        nothing.
    schedule : str
        Optimizer, warm-up and decay that it holds for.
    ranges : mapping of str to (low, high)
        Of the runs it was fitted on.
    detail, source, read : str
    checks : tuple of RecipeCheck
    """

    id: str
    kind: str
    params: str
    flops: str
    batch: Mapping[str, float]
    learning_rate: Mapping[str, float]
    schedule: str
    ranges: Mapping[str, tuple[float, float]]
    detail: str
    source: str
    read: str
    checks: tuple[RecipeCheck, ...]

    def batch_tokens(self, given: Mapping[str, float]) -> float | None:
        """Return the batch [tokens] for ``params``, ``tokens``, ``flops`` [FLOP] and ``loss``; None where it says nothing."""
        found = self._value(self.batch, given)
        return found if found is None or 0 < found < inf else None

    def rate(self, given: Mapping[str, float]) -> float | None:
        """Return the peak learning rate; None where the law says nothing, or none above 0."""
        found = self._value(self.learning_rate, given)
        return found if found is None or found > 0 else None

    def _value(self, terms: Mapping[str, float], given: Mapping[str, float]) -> float | None:
        if not terms or given["params"] > terms.get("most_params", inf):
            return None
        if "log_params" in terms:
            return terms["constant"] + terms["log_params"] * log(given["params"])
        value = terms["k"]
        for symbol, name in _QUANTITIES.items():
            if symbol in terms:
                if name not in given:
                    return None
                amount = given[name] / 2 / PF_DAY if symbol == "C" and self.flops == "C_min" else given[name]
                value *= amount ** terms[symbol]
        return value

    def beyond(self, given: Mapping[str, float]) -> float:
        """Return the largest factor by which a run leaves the fitted range; 1 inside."""
        return max((max(low / given[name], given[name] / high, 1.0) for name, (low, high) in self.ranges.items()), default=1.0)


class Suggestion(NamedTuple):
    """What one published law says of batch size and learning rate.

    Attributes
    ----------
    recipe : Recipe
    batch : float or None
        Tokens.
    sequences, steps : float or None
        Of the shape's context, and of the run.
    learning_rate : float or None
        Peak.
    beyond : float
        Largest factor by which the run leaves the range it was fitted on; 1 inside.
    """

    recipe: Recipe
    batch: float | None
    sequences: float | None
    steps: float | None
    learning_rate: float | None
    beyond: float


class Used(NamedTuple):
    """What a published model used."""

    model: str
    batch: float
    learning_rate: float
    warm_up: str
    source: str
    params: float
    tokens: float


@kept_while_unchanged("recipes.toml")
def recipes() -> tuple[Recipe, ...]:
    """Return the published laws of batch size and learning rate."""
    return tuple(_recipe(entry) for entry in read_bundled("recipes.toml")["recipe"])


@kept_while_unchanged("recipes.toml")
def used() -> tuple[Used, ...]:
    """Return what published models used."""
    return tuple(Used(**entry) for entry in read_bundled("recipes.toml")["used"])


def batch_trade() -> tuple[tuple[float, float, float], ...]:
    """Return (batch over the critical one, steps over the least, compute over the least).

    References
    ----------
    McCandlish et al. 2018; Kaplan et al. 2020, Eq. 5.4 and 5.5: S = S_min (1 + B_crit/B), C = C_min (1 + B/B_crit).
    """
    return tuple((ratio, 1 + 1 / ratio, 1 + ratio) for ratio in settings("recipes.toml", "batch_trade")["multiples"])


def suggest(recipe: Recipe, shape: Shape, tokens: float, loss: float | None) -> Suggestion:
    """Evaluate a recipe for a run, in its own conventions; ``loss`` [nats/token] where it is known.

    Of a mixture all parameters count, and the compute of those at work: recipes are of dense models.
    """
    params = float(shape.counted(recipe.params))
    resting = 0 if recipe.params == "flops-equivalent" else shape.total - shape.active
    known = {"params": params, "tokens": tokens, "flops": 6 * (params - resting) * tokens}
    if loss is not None:
        known["loss"] = loss
    batch = recipe.batch_tokens(known)
    return Suggestion(
        recipe=recipe,
        batch=batch,
        sequences=None if batch is None else batch / shape.context,
        steps=None if batch is None else float(ceil(tokens / batch)),
        learning_rate=recipe.rate(known),
        beyond=recipe.beyond(known),
    )


def _recipe(entry: Mapping[str, Any]) -> Recipe:
    checks = [
        RecipeCheck(**{**each, "inputs": FrozenDict(each["inputs"]), "expected": float(each["expected"])})
        for each in entry.get("check", [])
    ]
    return Recipe(
        **{name: entry[name] for name in ("id", "kind", "params", "flops", "schedule", "source", "read")},
        batch=FrozenDict(entry.get("batch", {})),
        learning_rate=FrozenDict(entry.get("learning_rate", {})),
        ranges=FrozenDict({name: (float(low), float(high)) for name, (low, high) in entry["range"].items()}),
        detail=entry.get("range_detail", ""),
        checks=tuple(checks),
    )
