"""A table of runs made ready for fitting: centred logarithms, distance from the loss-compute frontier, constants back again."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fitting.generalised_law import ALPHA, BETA, A, Array, B, E, G, Rows
from planner.fitting.tables.runs import Runs

FEWEST_BLOCKS = 3
"""Runs below which their checkpoints are resampled one by one: one block has no spread."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Arrays of n runs [counts, FLOP, the table's loss unit] with weights of mean 1 and blocks of correlated rows."""

    params: Array
    tokens: Array
    flops: Array
    loss: Array
    weight: Array
    block: Array

    @classmethod
    def of(cls, runs: Runs) -> "Sample":
        """Take the arrays of a validated table."""
        weight = np.ones(len(runs)) if runs.weight is None else runs.weight / runs.weight.mean()
        block = np.arange(len(runs))
        ids = runs.run_ids
        if ids is not None and FEWEST_BLOCKS <= len(set(ids)) < len(runs):
            number = {each: at for at, each in enumerate(dict.fromkeys(ids))}
            block = np.array([number[each] for each in ids])
        block = _by_content(block, np.column_stack([runs.params, runs.tokens, runs.loss]))
        return cls(runs.params, runs.tokens, runs.flops, runs.loss, weight, block)

    def __len__(self) -> int:
        return len(self.loss)

    def take(self, index: Array) -> "Sample":
        """Return the rows at the given positions, or where a mask is true."""
        return Sample(*(getattr(self, name)[index] for name in ("params", "tokens", "flops", "loss", "weight", "block")))

    @cached_property
    def center(self) -> tuple[float, float]:
        """Means of ln N and ln D."""
        return float(np.log(self.params).mean()), float(np.log(self.tokens).mean())

    @cached_property
    def rows(self) -> Rows:
        """Centred logarithms."""
        return Rows(np.log(self.params) - self.center[0], np.log(self.tokens) - self.center[1], np.log(self.loss))

    @cached_property
    def per_token(self) -> float:
        """k of C = k N D: the median over rows, so that a table's own flops column is respected."""
        k = float(np.median(self.flops / (self.params * self.tokens)))
        return float(f"{k:.7g}")  # tables round their numbers: 5.99999996 means 6

    @cached_property
    def excess(self) -> Array:
        """How far each loss lies above the lowest one seen at the same or less compute, as a fraction; shape (n,)."""
        order = np.argsort(self.flops, kind="stable")
        lowest = np.minimum.accumulate(self.loss[order])
        last = np.searchsorted(self.flops[order], self.flops, side="right") - 1
        return self.loss / lowest[last] - 1

    def resamples(self, count: int, rng: np.random.Generator) -> Array:
        """Return how often each row is drawn in ``count`` bootstrap samples of blocks, shape (count, n)."""
        blocks = int(self.block.max()) + 1 if len(self) else 0
        drawn = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=count)
        return drawn[:, self.block].astype(float)

    def constants(self, theta: Array) -> dict[str, Array]:
        """Turn parameters in the fit's coordinates, (..., 6), into the constants of the form ``generalised``."""
        e, a, b, alpha, beta, g = np.moveaxis(np.asarray(theta, float), -1, 0)
        return {
            "E": np.exp(e),
            "A": np.exp(np.clip(a + alpha * self.center[0], -_LARGEST, _LARGEST)),
            "B": np.exp(np.clip(b + beta * self.center[1], -_LARGEST, _LARGEST)),
            "alpha": alpha,
            "beta": beta,
            "gamma": np.exp(g),
        }

    def coordinates(self, constants: Mapping[str, float]) -> dict[int, float]:
        """Turn pinned constants into values of the fit's coordinates, by position; A and B need their exponent pinned too."""
        found = {place: constants[name] for name, place in (("alpha", ALPHA), ("beta", BETA)) if name in constants}
        for name, (place, exponent, center) in {"A": (A, "alpha", self.center[0]), "B": (B, "beta", self.center[1])}.items():
            if name in constants:
                found[place] = float(np.log(constants[name]) - constants[exponent] * center)
        if "E" in constants:
            found[E] = float(np.log(constants["E"])) if constants["E"] > 0 else NO_FLOOR
        if "gamma" in constants:
            found[G] = float(np.log(constants["gamma"]))
        return found


def _by_content(block: Array, content: Array) -> Array:
    """Number blocks by what their rows say, so that draws do not depend on names or on the order of rows."""
    order = np.lexsort(content.T[::-1])
    first = np.full(int(block.max()) + 1, len(block))
    np.minimum.at(first, block[order], np.arange(len(block)))
    rank = np.empty_like(first)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[block]


_LARGEST = 690.0  # exp of it still fits a double
NO_FLOOR = -80.0
"""ln E of a law without a floor: exp of it adds nothing to any loss."""
