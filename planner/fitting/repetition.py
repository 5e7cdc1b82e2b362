"""Runs that repeat their data: how fast do repeated tokens, and parameters beyond what the data can fill, lose their worth?

Two stages, as in the source: the additive law from runs that saw each token once, then R_D and R_N from all runs, the law held.

References
----------
Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5-8 and App. A.
"""

from typing import Any

import numpy as np

from planner._util.stable_choice import lowest
from planner.allocation.effective_size import repeated_params, repeated_tokens
from planner.errors import FitError, OptionError
from planner.fitting.classical import Minimum, Model, bootstrap, minimise
from planner.fitting.generalised_law import Array
from planner.fitting.sample import Sample
from planner.fitting.settings import settings
from planner.scaling_laws.forms import additive

ONCE = 1.001  # epochs up to which every token counts as seen once
_FINE = 41
_LEVELS = 18
_CLOSER = 0.55  # slowly enough that a narrow valley is not lost between two points of the grid
_POINTS = 7
DECAY_RANGE = (0.05, 5e3)
MOST_DRAWS = 200


def fit_repetition(
    sample: Sample, unique: Array | None, model: Model, draws: int, rng: np.random.Generator, name: str
) -> tuple[Sample, Minimum, tuple[float, float], float, Array | None]:
    """Fit the law on single-epoch runs, then R_D and R_N on all.

    Returns those runs, their minimum, (R_D, R_N), the objective over all runs, and draws of theta, R_D and R_N, (draws, 8).
    """
    if unique is None:
        text = f"{name}: the form repetition needs a column unique_tokens"
        raise OptionError(f"{text}: how many different tokens each run drew from")
    if (unique > sample.tokens * ONCE).any():
        unique = np.minimum(unique, sample.tokens)  # what was not drawn cannot have been seen
    seen_once = sample.tokens <= ONCE * unique
    once = sample.take(seen_once)
    if len(once) < model.free + 3 or (~seen_once).sum() < 3:
        text = f"{name}: {len(once)} runs saw each token once and {int((~seen_once).sum())} repeated data"
        raise FitError(f"{text}; the form needs at least {model.free + 3} and 3")
    minimum = minimise(once, model)
    best, value = _decay(sample, unique, once.constants(minimum.theta), sample.weight)
    drawn = None
    if draws:
        count = min(draws, MOST_DRAWS)
        thetas = bootstrap(once, model, minimum.theta, count, rng)
        counts = sample.resamples(count, rng) * sample.weight
        pairs = zip(thetas, counts, strict=True)
        found = [_decay(sample, unique, once.constants(theta), weight, best)[0] for theta, weight in pairs]
        drawn = np.column_stack([thetas, np.array(found)])
    return once, minimum, best, value, drawn


def effective(constants: dict[str, Any], R_D: Any, R_N: Any, N: Array, D: Array, unique: Array) -> tuple[Array, Array]:
    """Return N' and D', what parameters and repeated tokens are worth (Muennighoff 2023, Eq. 5 and 8)."""
    # the size that is best for the unique tokens seen once: more parameters than that are in excess
    a, b = additive.exponents(constants)
    G = additive.scale(constants)
    enough = G * (unique * G) ** (a / b)
    return repeated_params(N, np.minimum(N, enough), R_N), repeated_tokens(D, unique, R_D)


def _decay(
    sample: Sample, unique: Array, constants: dict[str, Array], weight: Array, near: tuple[float, float] | None = None
) -> tuple[tuple[float, float], float]:
    """Return (R_D, R_N) of the lowest objective: a fine grid of both, or a start, then grids that close in on their best cell."""
    p = {key: float(value) for key, value in constants.items()}

    def best_pair(R_D: Array, R_N: Array) -> tuple[Array, float]:
        pairs = np.array([axis.ravel() for axis in np.meshgrid(R_D, R_N, indexing="ij")])
        N, D = effective(p, np.exp(pairs[0])[:, None], np.exp(pairs[1])[:, None], sample.params, sample.tokens, unique)
        delta = settings("classical")["huber_delta"]
        size = np.abs(np.log(p["E"] + p["A"] * N ** -p["alpha"] + p["B"] * D ** -p["beta"]) - sample.rows.target)
        inside = np.minimum(size, delta)
        values = (inside * (size - 0.5 * inside)) @ weight
        best = lowest(values)
        return pairs[:, best], float(values[best])

    ends = np.log(np.array(DECAY_RANGE))
    if near is None:
        ladder = np.linspace(ends[0], ends[1], _FINE)
        middle, value = best_pair(ladder, ladder)
        half = 2 * (ladder[1] - ladder[0])
    else:
        middle, half = np.log(near), 1.0
    for _ in range(_LEVELS):
        steps = np.linspace(-half, half, _POINTS)
        R_D, R_N = np.clip(middle[:, None] + steps, ends[0], ends[1])
        middle, value = best_pair(R_D, R_N)
        half *= _CLOSER
    return (float(np.exp(middle[0])), float(np.exp(middle[1]))), value
