"""The runs that pilots are chosen from: a grid of costs and ratios, or the models nearest to it that can be trained."""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import settings
from planner._util.showing import Raw
from planner._util.stable_choice import lowest
from planner.architectures.hyperparameters import Recipe, recipes, suggest
from planner.architectures.shape_search import propose, usual_proportions, usual_vocab
from planner.architectures.transformer import Shape
from planner.errors import CannotPlanError, OptionError
from planner.fitting.generalised_law import Array
from planner.pilot_design.information import FILE
from planner.quantities import LARGEST, parse_count, parse_whole, shown


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
    """How pilots are built: one vocabulary and one context for all, for losses are compared only within a tokenizer."""

    convention: str  # which parameters N counts
    vocab: int
    context: int
    batch: int | None  # tokens of a step; None for what the recipe says of each run
    recipe: Recipe  # the published law of batch size
    least_steps: int  # a run of fewer is not trained
    most_tables: float  # share of a model's parameters in its embeddings and head: one with more is not trained

    def build(self, flops: float, ratio: float, limits: tuple[float, float], k: float) -> Model | None:
        """Return the model that ``flops`` train on whole batches nearest to a ratio of tokens per parameter, within limits of it.

        None where there is none. ``k`` is FLOP per parameter and token of a large model: of a small one they are a third to three
        times as many.
        """
        middle = round(log(flops / (k * ratio)) / 2 / _SIZES)
        near = (_shape(size, self.convention, self.vocab, self.context) for size in range(middle - _AROUND, middle + _AROUND + 1))
        fit = [each for each in near if each and each.tables <= self.most_tables]
        reached = [flops / each.flops_per_token / each.counted for each in fit]
        kept = [place for place, ratio in enumerate(reached) if limits[0] <= ratio <= limits[1]]
        if not kept:
            return None
        shape, _, each, _ = fit[kept[lowest([abs(log(reached[place] / ratio)) for place in kept])]]
        batch = self.batch
        if batch is None:
            sequences = suggest(self.recipe, shape, flops / each, None).sequences
            batch = shape.context * max(1, round(sequences or 1))
        steps = int(flops / each / batch * (1 + 1e-12))  # a cost that pays for whole batches may have been rounded down
        return Model(shape, batch, steps, each * batch * steps) if steps >= self.least_steps else None


_SIZES = 0.03
"""Step of ln N between the sizes that shapes are proposed for, which they come within 2 % of."""

_AROUND = 20
"""Such steps to either side of a size that 6ND suggests."""


class _Shaped(NamedTuple):
    """A shape, its N, its FLOP per token, and the share of its parameters in its tables."""

    shape: Shape
    counted: int
    flops_per_token: float
    tables: float


@lru_cache(maxsize=4096)
def _shape(size: int, convention: str, vocab: int, context: int) -> _Shaped | None:
    """Return the best shape of a size."""
    try:
        ((shape, *_), *_), _ = propose(exp(_SIZES * size), convention=convention, count=1, vocab=vocab, context=context)
    except CannotPlanError:
        return None
    counted = shape.counted(convention)
    return _Shaped(shape, counted, shape.flops_per_token("exact", counted), shape.embeddings / shape.total)


def read_builder(vocab: Raw, context: Raw, batch: Raw, convention: str, largest: float) -> Builder:
    """Read how pilots for a run of about ``largest`` parameters are built; its vocabulary is theirs unless said otherwise."""
    section = settings(FILE, "models")
    aspect = usual_proportions(largest, gated=True).aspect
    words = usual_vocab(largest, aspect) if vocab is None else parse_whole(vocab, "vocab", 1)
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
    return Builder(convention, words, window, step, recipe, int(section["least_steps"]), float(section["most_tables"]))


Place = tuple[float, int]
"""Where a run lies on the grid: its step of cost, from the cheapest of rung 0, and its step of tokens per parameter."""


class Cells(NamedTuple):
    """Runs on a grid: C [FLOP], N and D, each of shape (cells,), what each trains and where it lies."""

    costs: Array
    params: Array
    tokens: Array
    models: tuple[Model | None, ...]  # None for numbers on paper
    places: tuple[Place, ...]

    def least(self, count: int) -> float:
        """Return what the cheapest ``count`` cost together [FLOP]; infinite where there are fewer."""
        return float(np.sort(self.costs)[:count].sum()) if len(self.costs) >= count else np.inf

    def of(self, order: Sequence[int]) -> "Cells":
        """Return some of them."""
        kept = list(order)
        models, places = (tuple(self.models[each] for each in kept), tuple(self.places[each] for each in kept))
        return Cells(self.costs[kept], self.params[kept], self.tokens[kept], models, places)

    def beside(self, other: "Cells") -> "Cells":
        """Return these and others."""
        costs, params, tokens = (np.concatenate(each) for each in zip(self[:3], other[:3], strict=True))
        return Cells(costs, params, tokens, self.models + other.models, self.places + other.places)


class Bounds(NamedTuple):
    """What every pilot must keep to."""

    k: float  # of C = k N D, for numbers on paper
    ratios: tuple[float, float]  # tokens per parameter
    sizes: tuple[float | None, float | None]  # least and largest N
    builder: Builder | None  # of models that exist; None for numbers on paper

    def keep(self, params: Array, ratios: Array) -> NDArray[np.bool_]:
        """Say which runs are neither too small nor too large, starved nor overtrained."""
        low, high = self.sizes
        sized = (params >= (low or 0.0)) & (params <= (high or LARGEST))
        return sized & (ratios >= self.ratios[0] * (1 - 1e-12)) & (ratios <= self.ratios[1] * (1 + 1e-12))


class Grid:
    """The runs that designs are chosen from: costs and ratios on a grid, or the models nearest to it that keep the bounds.

    The grid hangs on the target alone, never on the budget, so that the same runs are there for every budget. Budgets climb it in
    rungs, some to a step of cost; rung 0 is a thousandth of the target, at most 1e20 FLOP. The runs of a rung cost from a
    two-thousandth to half of its budget; above rung 0 the cheap ones stay, so that what a rung buys every higher one can.

    ``done`` is what the cheapest runs cost that are done already [FLOP]: then no rung has cheaper ones than they, or than rung 0.
    """

    def __init__(self, target: float, bounds: Bounds, done: float | None = None) -> None:
        c = settings(FILE, "candidates")
        self.target, self.bounds = target, bounds
        self._costs = int(c["costs"])
        self._step = float((c["dearest"] / c["cheapest"]) ** (1 / (self._costs - 1)))
        self.searched = int(c["rungs_between"])  # rungs to a search, and to a step of cost
        self.per_step = self.searched * int(c["searches_per_step"])
        self._base, self._cheapest = min(target * float(c["first_rung"]), float(c["first_rung_most"])), float(c["cheapest"])
        self._ratios = np.geomspace(*bounds.ratios, c["ratios"])
        # whether runs may be as small and as cheap as one likes; else the first step of cost, and the least cost [FLOP], if any
        self.any_cost = done is None and bounds.builder is None and bounds.sizes[0] is None
        self._first, self.cheapest = None, None
        if done is not None:
            self._first = min(int(np.floor(np.log(done / (self._base * self._cheapest)) / np.log(self._step) + 0.5)), 0)
            self.cheapest = self._base * self._cheapest * self._step**self._first
        self._built: dict[Place, Model | None] = {}

    def budget(self, rung: float) -> float:
        """Return the budget of a rung [FLOP]."""
        return float(self._base * self._step ** (rung / self.per_step))

    def least(self, budget: float) -> float:
        """Return what the cheapest run of a budget costs [FLOP]."""
        return self._cheapest * min(budget, self._base)

    def rung(self, budget: float) -> float:
        """Return the rung of a budget [FLOP]; a fraction of it lies between two."""
        return float(self.per_step * np.log(budget / self._base) / np.log(self._step))

    def cells(self, rung: int) -> Cells:
        """Return the runs that a rung chooses from."""
        step = rung // self.per_step
        rows = range(min(step, 0) if self._first is None else self._first, step + self._costs)
        return self._at([(float(row), column) for column in range(len(self._ratios)) for row in rows])

    def dearer(self, design: Cells, rungs: float) -> Cells:
        """Return a design that many rungs higher: every run at its ratio, for so much more; one that the bounds hold stays."""
        steps = rungs / self.per_step
        moved = self._at([(row + steps, column) for row, column in design.places])
        both, rows = design.beside(moved), list(range(len(design.places)))
        there = {place: each for each, place in enumerate(moved.places, len(rows))}
        runs = list(zip(both.params.tolist(), both.tokens.tolist(), strict=True))
        taken = {runs[each] for each in rows}
        # the farthest moves first, and leaves its place to the next
        for old in sorted(rows, key=lambda each: -np.sign(rungs) * both.costs[each]):
            row, column = both.places[old]
            new = there.get((row + steps, column))
            if new is not None and runs[new] not in taken:
                taken = taken - {runs[old]} | {runs[new]}
                rows[old] = new
        return both.of(rows)

    def _at(self, places: Sequence[Place]) -> Cells:
        """Return the runs at places that keep the bounds, no model twice."""
        costs = self._base * self._cheapest * self._step ** np.array([row for row, _ in places])
        ratios = self._ratios[[column for _, column in places]]
        if self.bounds.builder:
            return self._modelled(self.bounds.builder, places, costs, ratios)
        N = np.sqrt(costs / (self.bounds.k * ratios))
        found = Cells(costs, N, ratios * N, (None,) * len(places), tuple(places))
        return found.of(np.flatnonzero(self.bounds.keep(N, ratios)).tolist())

    def _modelled(self, builder: Builder, places: Sequence[Place], costs: Array, ratios: Array) -> Cells:
        """Return the models nearest to costs and ratios that keep the bounds."""
        found: dict[tuple[Shape, int, int], tuple[Place, Model]] = {}
        near = float(self._ratios[1] / self._ratios[0]) ** 0.5  # a place's models are nearer to its ratio than to another's
        for place, cost, ratio in zip(places, costs.tolist(), ratios.tolist(), strict=True):
            if place not in self._built:
                limits = max(ratio / near, self.bounds.ratios[0]), min(ratio * near, self.bounds.ratios[1])
                self._built[place] = builder.build(cost, ratio, limits, self.bounds.k)
            if model := self._built[place]:
                found.setdefault((model.shape, model.batch, model.steps), (place, model))
        kept, models = tuple(place for place, _ in found.values()), tuple(model for _, model in found.values())
        N = np.array([each.shape.counted(builder.convention) for each in models], float)
        costs, D = np.array([each.flops for each in models], float), np.array([each.tokens for each in models], float)
        cells = Cells(costs, N, D, models, kept)
        return cells.of(np.flatnonzero(self.bounds.keep(cells.params, cells.tokens / cells.params)).tolist())
