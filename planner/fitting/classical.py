"""The classical fit: constants at the exact minimum of the published objective, with a bootstrap over runs.

The objective is the literature's: the sum (not the mean: averaging makes optimisers stop early) of a robust loss of ln residuals.
Squares and absolute values are offered beside it because the choice matters more than the sampling noise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from planner._util.stable_choice import lowest
from planner.errors import OptionError
from planner.fitting.batched_newton import Problems, Tie, descend, follow, led, objective
from planner.fitting.constraints import Limits
from planner.fitting.generalised_law import ALPHA, BETA, Array, B, E, G, Rows
from planner.fitting.sample import NO_FLOOR, Sample
from planner.fitting.settings import settings
from planner.fitting.starts import grid_starts, neutral_start

Robust = Literal["huber", "squared", "absolute"]
ROBUST: tuple[Robust, ...] = get_args(Robust)
Shape = Literal["additive", "tied", "no-floor", "kaplan", "compute", "generalised"]
SHAPES: tuple[Shape, ...] = get_args(Shape)

_ABSOLUTE = 1e-7  # Huber's delta that stands for the absolute value
_DRAW_TOLERANCE = 1e-8
_STEPS: dict[Robust, int] = {"huber": 80, "squared": 80, "absolute": 400}  # kinks take many
_DRAW_STEPS: dict[Robust, int] = {"huber": 60, "squared": 60, "absolute": 400}
_CELLS = 60_000  # draws times rows refitted together: what stays in a processor's cache
_AGREE = 1e-6


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the descents ended."""

    theta: Array  # (6,): the lowest minimum, in the fit's coordinates
    objective: float
    starts: int
    agree: int  # starts that ended within one millionth of the lowest objective
    bound: tuple[int, ...]  # coordinates that ended at a bound which is not a pin


@dataclass(frozen=True)
class Model:
    """What is fitted: a shape of the law, a robust loss and the user's limits."""

    shape: Shape = "additive"
    robust: Robust = "huber"
    limits: Limits = field(default_factory=Limits)

    @property
    def tie(self) -> Tie:
        """Which parameter follows another."""
        ties: dict[str, Tie] = {"tied": "exponents", "kaplan": "kaplan"}
        return ties.get(self.shape, "")

    @property
    def free(self) -> int:
        """How many constants the data must decide."""
        shape = {"additive": 5, "tied": 4, "no-floor": 4, "kaplan": 4, "compute": 3, "generalised": 6}[self.shape]
        return shape - len(self.limits.fixed)


def minimise(sample: Sample, model: Model) -> Minimum:
    """Return the lowest minimum over starts from a grid of exponents and a neutral one."""
    problems = _problems(sample, model, sample.weight[None])
    starts = np.concatenate([grid_starts(problems, settings("classical")["starts"])[0], neutral_start(problems)])
    theta, value = descend(problems.take(np.zeros(len(starts), int)), starts, iterations=_STEPS[model.robust])
    best = lowest(value)
    lower, upper = problems.lower[0], problems.upper[0]
    agree = int((value <= value[best] * (1 + _AGREE)).sum())
    at, least = theta[best], float(value[best])
    if agree == 1 < len(starts):
        at, least = _polished(problems, at, least)
    ended = (lower < upper) & ((at <= lower) | (at >= upper))
    if model.tie:
        ended[G if model.tie == "kaplan" else BETA] = False
    return Minimum(at, least, len(starts), agree, tuple(int(i) for i in np.flatnonzero(ended)))


def _polished(problems: Problems, theta: Array, value: float) -> tuple[Array, float]:
    """Return a lower point by SciPy's simplex, and its objective: along a valley with kinks descents stop where one turns."""
    from scipy.optimize import minimize

    free = np.flatnonzero((problems.lower[0] < problems.upper[0]) & ~led(problems.tie))

    def placed(x: Array) -> Array:
        point = theta[None].copy()
        point[0, free] = x
        return follow(problems.tie, np.clip(point, problems.lower, problems.upper))

    best = theta
    for _ in range(_SIMPLICES):
        found = minimize(lambda x: float(objective(problems, placed(x))[0]), best[free], method="Nelder-Mead", options=_SIMPLEX)
        if not found.fun < value * (1 - _AGREE):
            break
        best, value = placed(found.x)[0], float(found.fun)
    return best, value


_SIMPLICES, _SIMPLEX = 8, {"xatol": 1e-9, "fatol": 1e-15, "maxfev": 4000, "adaptive": True}


def bootstrap(
    sample: Sample, model: Model, start: Array, draws: int, rng: np.random.Generator, run_each: Callable[..., Any] = map
) -> Array:
    """Refit ``draws`` resamples of the table, blocks of rows together, from the table's own minimum; shape (draws, 6).

    ``run_each`` is any map: the resamples are made here, so that the result does not depend on how the work is spread.
    """
    counts = sample.resamples(draws, rng)
    size = min(max(_CELLS // len(sample), 8), 250)
    chunks = [counts[i : i + size] for i in range(0, draws, size)]
    refit = partial(_refit, sample, model, start)
    return np.concatenate(list(run_each(refit, chunks)))


def _refit(sample: Sample, model: Model, start: Array, counts: Array) -> Array:
    problems = _problems(sample, model, counts * sample.weight)
    start = np.broadcast_to(start, (len(counts), 6))
    return descend(problems, start, tolerance=_DRAW_TOLERANCE, iterations=_DRAW_STEPS[model.robust])[0]


def value_at(sample: Sample, model: Model, theta: Array) -> float:
    """Return the objective of a table at given parameters."""
    return float(objective(_problems(sample, model, sample.weight[None]), theta[None])[0])


def _problems(sample: Sample, model: Model, weights: Array) -> Problems:
    s = settings("classical")
    count = len(weights)
    lowest, highest = np.log(sample.loss.min()), np.log(sample.loss.max())
    lower, upper = np.full((count, 6), -np.inf), np.full((count, 6), np.inf)
    lower[:, E], upper[:, E] = lowest - s["floor_decades"], highest
    lower[:, [ALPHA, BETA]], upper[:, [ALPHA, BETA]] = s["exponent"]
    lower[:, G], upper[:, G] = {"generalised": (-2.5, 2.5), "kaplan": (-np.inf, np.inf)}.get(model.shape, (0.0, 0.0))
    if model.shape in {"no-floor", "kaplan"}:
        lower[:, E] = upper[:, E] = NO_FLOOR
    if model.shape == "compute":
        lower[:, [B, BETA]] = upper[:, [B, BETA]] = (NO_FLOOR, 1.0)
    lower, upper = model.limits.applied(sample, lower, upper)
    if (model.limits.fixed.get("gamma", 1) != 1 or "gamma" in model.limits.bounds) and model.shape != "generalised":
        raise OptionError(f"gamma belongs to the generalised form; the {model.shape} one has none: --form generalised")
    delta = {"huber": s["huber_delta"], "squared": np.inf, "absolute": _ABSOLUTE}[model.robust]
    rows = sample.rows
    if model.shape == "compute":  # the only size is compute: x is ln C
        log_flops = np.log(sample.flops)
        rows = Rows(log_flops - log_flops.mean(), np.zeros_like(log_flops), rows.target)
    over = np.full(count, model.limits.penalty or 1.0)
    return Problems.of(rows, weights, over, np.full(count, delta), lower, upper, model.tie)
