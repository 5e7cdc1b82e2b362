"""The runs that pilots are chosen from: a grid of costs and ratios, or the models nearest to it that can be trained."""

from typing import NamedTuple

import numpy as np

from planner._files import settings
from planner.designing import FILE
from planner.errors import CannotPlanError, OptionError
from planner.fitting.surface import Array
from planner.proposing import propose, usual_proportions, usual_vocab
from planner.recipes import Recipe, recipes, suggest
from planner.shapes import Shape
from planner.units import LARGEST, format_count, format_flops, format_whole, parse_count, parse_whole, shown


class Model(NamedTuple):
    """What one pilot trains.

    Attributes
    ----------
    shape : Shape
    batch : int
        Tokens of a step, whole sequences of the shape's context.
    steps : int
    flops : float
        Exact training FLOP: every matrix product, attention over the whole context.
    """

    shape: Shape
    batch: int
    steps: int
    flops: float

    @property
    def tokens(self) -> int:
        """D: whole batches."""
        return self.batch * self.steps


class Builder(NamedTuple):
    """How pilots are built: one vocabulary and one context for all, for losses are compared only within a tokenizer.

    Attributes
    ----------
    convention : str
        Which parameters N counts.
    vocab, context : int
    batch : int or None
        Tokens of a step; None for what the recipe says of each run.
    recipe : Recipe
        The published law of batch size.
    least_steps : int
        A run of fewer is not trained.
    """

    convention: str
    vocab: int
    context: int
    batch: int | None
    recipe: Recipe
    least_steps: int

    def counted(self, model: Model) -> float:
        """Return N of a model as the law counts it."""
        return float(model.shape.counted(self.convention))

    def build(self, flops: float, params: float) -> Model | None:
        """Return the model nearest a size, trained on as many whole batches as a cost pays for; None where there is none.

        Parameters
        ----------
        flops : float
            The most that it may cost [FLOP].
        params : float
            N.
        """
        try:
            (best, *_), _ = propose(params, convention=self.convention, count=1, vocab=self.vocab, context=self.context)
        except CannotPlanError:
            return None
        shape = best.shape
        each = shape.flops_per_token("exact", shape.counted(self.convention))
        affordable = flops / each
        batch = self.batch
        if batch is None:
            sequences = suggest(self.recipe, shape, affordable, None).sequences
            batch = shape.context * max(1, round(sequences or 1))
        steps = int(affordable // batch)
        return Model(shape, batch, steps, each * batch * steps) if steps >= self.least_steps else None


def read_builder(vocab: object, context: object, batch: object, convention: str, largest: float) -> Builder:
    """Read how pilots for a run of about ``largest`` parameters are built; its vocabulary is theirs unless said otherwise."""
    section = settings(FILE, "models")
    words = (
        usual_vocab(largest, usual_proportions(largest, gated=True).aspect) if vocab is None else parse_whole(vocab, "vocab", 1)
    )
    window = int(settings("planning.toml", "shapes")["context"]) if context is None else parse_whole(context, "context", 1)
    step = None
    if batch is not None:
        tokens = parse_count(batch, "batch", "tokens")
        step = window * round(tokens / window)
        if step == 0:
            raise OptionError(
                f"batch {shown(batch)}: less than half a sequence of {window} tokens; a larger batch or a shorter context"
            )
    recipe = next(each for each in recipes() if each.id == section["recipe"])
    return Builder(convention, words, window, step, recipe, int(section["least_steps"]))


class Cells(NamedTuple):
    """The runs that a design is chosen from.

    Attributes
    ----------
    costs, params, tokens : array, shape (cells,)
        C [FLOP], N and D.
    models : tuple of Model or None
        What each trains; None for numbers on paper.
    """

    costs: Array
    params: Array
    tokens: Array
    models: tuple[Model | None, ...]


class Bounds(NamedTuple):
    """What every pilot must keep to.

    Attributes
    ----------
    k : float
        Of C = k N D, for numbers on paper.
    ratios : (low, high)
        Tokens per parameter.
    sizes : (low or None, high or None)
        Of N.
    builder : Builder or None
        Of models that exist; None for numbers on paper.
    """

    k: float
    ratios: tuple[float, float]
    sizes: tuple[float | None, float | None]
    builder: Builder | None

    def fit_size(self, params: float) -> bool:
        """Say whether a model is neither too small nor too large."""
        return (self.sizes[0] or 0.0) <= params <= (self.sizes[1] or LARGEST)


def cells(budget: float, bounds: Bounds) -> Cells:
    """Return the runs to choose from: costs and ratios on a grid, or the models nearest to it that keep the bounds."""
    c = settings(FILE, "candidates")
    costs = budget * np.geomspace(c["cheapest"], c["dearest"], c["costs"])
    if bounds.builder:
        low, high = bounds.ratios
        return _modelled(bounds, bounds.builder, costs, np.geomspace(low * _INSIDE, high / _INSIDE, c["ratios"]))
    C, ratio = (each.ravel() for each in np.meshgrid(costs, np.geomspace(*bounds.ratios, c["ratios"])))
    N = np.sqrt(C / (bounds.k * ratio))
    inside = np.array([bounds.fit_size(size) for size in N.tolist()])
    return Cells(C[inside], N[inside], (ratio * N)[inside], (None,) * int(inside.sum()))


_INSIDE = 1.05
"""How far inside the limits ratios of models are aimed at, for shapes come within 2 % of a size."""


def _modelled(bounds: Bounds, builder: Builder, costs: Array, aims: Array) -> Cells:
    """Return the models nearest to costs and ratios that keep the bounds."""
    found: dict[tuple[Shape, int, int], Model] = {}
    for aim in aims.tolist():
        per_token = bounds.k  # FLOP per parameter and token: of the next cheaper model once there is one
        for cost in costs.tolist():
            size = (cost / (per_token * aim)) ** 0.5
            model = builder.build(cost, size) if bounds.fit_size(size) else None
            if model is None:
                continue
            counted = builder.counted(model)
            per_token = model.flops / (counted * model.tokens)
            if bounds.fit_size(counted) and bounds.ratios[0] <= model.tokens / counted <= bounds.ratios[1]:
                found.setdefault((model.shape, model.batch, model.steps), model)
    models = tuple(found.values())
    numbers = np.array([(each.flops, builder.counted(each), each.tokens) for each in models], float).reshape(-1, 3)
    return Cells(numbers[:, 0], numbers[:, 1], numbers[:, 2], models)


def affordable_cells(budget: float, bounds: Bounds, count: int, target: float) -> Cells:
    """Return the runs to choose ``count`` from.

    Raises
    ------
    CannotPlanError
        The bounds leave fewer, or the budget does not pay for as many; with a budget that does, where one below half of the
        target [FLOP] is found.
    """
    choice = cells(budget, bounds)
    if _enough(choice, budget, count):
        return choice
    names = zip(("min_params", "max_params"), bounds.sizes, strict=True)
    limits = [f"{name} {format_count(size)}" for name, size in names if size]
    cures = "fewer runs, wider limits or smaller models"
    if builder := bounds.builder:
        limits.append(
            f"shapes with a vocabulary of {format_whole(builder.vocab)} and a context of {format_whole(builder.context)}, "
            f"trained for {builder.least_steps} steps or more"
        )
        cures += " (vocab, context, batch)"
    enough = budget
    while enough <= target / 20:
        enough = float(f"{10 * enough:.2e}")
        if _enough(cells(enough, bounds), enough, count):
            cures += f", or a larger budget: {format_flops(_least(budget, enough, bounds, count))} is enough"
            break
    if len(choice.costs) < count:
        raise CannotPlanError(
            f"{' and '.join(limits)}: leave {len(choice.costs)} of the runs that {format_flops(budget)} could buy, of which "
            f"{count} are wanted; {cures}"
        )
    least = format_flops(float(np.sort(choice.costs)[:count].sum()))
    raise CannotPlanError(f"budget {format_flops(budget)}: {count} runs within these limits cost at least {least}; {cures}")


def _enough(choice: Cells, budget: float, count: int) -> bool:
    return len(choice.costs) >= count and float(np.sort(choice.costs)[:count].sum()) <= budget


def _least(low: float, high: float, bounds: Bounds, count: int) -> float:
    """Return a budget that is enough, in the three digits that are shown: within about a third of the least, by bisection."""
    for _ in range(4):
        middle = float(f"{(low * high) ** 0.5:.2e}")
        if _enough(cells(middle, bounds), middle, count):
            high = middle
        else:
            low = middle
    return high
