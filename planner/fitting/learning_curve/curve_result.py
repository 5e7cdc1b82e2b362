"""A learning curve as data: its regions, and what an error takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from planner._util.showing import Raw
from planner._util.to_json import Answer
from planner._version import __version__
from planner.errors import CannotPlanError
from planner.fitting.learning_curve.points import Array, positive, said
from planner.fitting.learning_curve.published import PublishedCurve
from planner.notes import Note
from planner.quantities import (
    LARGEST,
    parse_count,
    plain,
)

_LARGEST_LOG = 600.0  # of an error: beyond it there are no floats


class Estimate(NamedTuple):
    """A number of the curve with the ends of its interval; ``high`` is None where there may be no end."""

    value: float
    low: float
    high: float | None


class Reach(NamedTuple):
    """What a target error takes.

    Attributes
    ----------
    error : float
    size : Estimate
        Training examples; its ``high`` is None where the floor may lie above the target.
    beyond : float
        The size over the largest of the data; at most 1 inside.
    model_factor : (low, high) or None
        How much larger a model the data want than at the largest size: by the domain's exponents, else the general range.
    params : (low, high) or None
        Its parameters, where those at the largest size are known.
    """

    error: float
    size: Estimate
    beyond: float
    model_factor: tuple[float, float] | None
    params: tuple[float, float] | None


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Answer):
    """A learning curve: error = min(best guess, floor + reducible (size/largest size)^-exponent), and how sure each part is.

    Attributes
    ----------
    name : str
        Where the points came from.
    sizes, errors : tuple of float
        The points, by size.
    exponent : Estimate
        b in the power law size^-b; published as beta_g = -b.
    reducible : float
        The power-law part of the error at the largest size.
    best_guess : Estimate or None
        Error before anything is learned; None where the points do not show it. Given by the user: with no width.
    learning_from : Estimate or None
        Where the small-data region ends and the power law begins; None where the points begin beyond it.
    floor : Estimate or None
        Irreducible error; None where the points do not show one.
    floor_at_most : float
        The most that the points allow, where they show none, at the level of the intervals.
    half_floor_from : Estimate or None
        Where the floor is half of the error: from there on more than half of it is irreducible.
    noise : float
        Standard deviation of ln(error) around the curve.
    doubling : Estimate
        The error at twice the largest size, over that at the largest.
    reach : Reach or None
        What the target takes.
    domain : PublishedCurve or None
    level : float
        Of the intervals.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    name: str
    sizes: tuple[float, ...]
    errors: tuple[float, ...]
    exponent: Estimate
    reducible: float
    best_guess: Estimate | None
    learning_from: Estimate | None
    floor: Estimate | None
    floor_at_most: float
    half_floor_from: Estimate | None
    noise: float
    doubling: Estimate
    reach: Reach | None
    domain: PublishedCurve | None
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    def error(self, size: Raw) -> float:
        """Return the expected error at a training-set size."""
        m = parse_count(size, "size", "tokens")
        power = self.reducible * np.exp(min(self.exponent.value * np.log(self.sizes[-1] / m), _LARGEST_LOG))
        expected = power + (self.floor.value if self.floor else 0.0)
        return float(min(expected, self.best_guess.value) if self.best_guess else expected)

    def size(self, error: Raw) -> float:
        """Return the training-set size at which an error is expected.

        Raises
        ------
        CannotPlanError
            At or below the floor, or beyond 1e60 examples.
        """
        target = positive(error, "error")
        floor = self.floor.value if self.floor else 0.0
        refuse_unreachable("error", target, floor, self.best_guess.value if self.best_guess else np.inf)
        size = sizes_of(np.log(self.sizes[-1]) + np.log(self.reducible / (target - floor)) / self.exponent.value)
        refuse_endless("error", target, float(size))
        return float(size)


def sizes_of(logs: Array) -> Array:
    """Return sizes by their logarithms, infinite beyond 1e60."""
    most = float(np.log(LARGEST))
    return np.where(logs < most, np.exp(np.clip(logs, -most, most)), np.inf)


def refuse_unreachable(what: str, error: float, floor: float, guess: float) -> None:
    """Refuse an error that no amount of data reaches, or that guessing does."""
    if error <= floor:
        raise CannotPlanError(f"{what} {plain(error, 4)}: no amount of data reaches it; the floor is {said(floor, 4)}")
    if error >= guess:
        raise CannotPlanError(f"{what} {plain(error, 4)}: guessing does as well, {said(guess, 4)}; no data are needed")


def refuse_endless(what: str, error: float, size: float) -> None:
    """Refuse an error that takes more data than there are numbers for."""
    if size == np.inf:
        raise CannotPlanError(f"{what} {said(error)}: takes more than {plain(LARGEST)} examples")
