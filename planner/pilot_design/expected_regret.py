"""What pilot runs lead to: how far the best size and loss for the target would be off, and what that wastes."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import rounded
from planner.fitting.generalised_law import ALPHA, BETA, A, Array, B
from planner.fitting.sample import Sample
from planner.pilot_design.information import (
    CONSTANTS,
    FILE,
    DesignAim,
    Laws,
    extra_compute,
    information,
    sensitivities,
    variances,
)
from planner.quantities import plain

_QUANTILES = np.array([NormalDist().inv_cdf((place + 0.5) / 200) for place in range(200)])
"""Standard normal errors of ln N*, evenly likely."""

RAY_CONDITION = 1e6
"""Condition number of a design's information from which N cannot be told from D: a house convention."""


class Expected(NamedTuple):
    """How good a plan for the target would be after some runs.

    Attributes
    ----------
    design : str
        Which runs.
    runs : int
    flops : float
        What they cost [FLOP].
    regret_median, regret_90 : float
        Extra compute at the target through the error in N*, as a fraction: the median and the 90th percentile over laws and
        errors; infinite where N cannot be told from D.
    regret_mean : float
        The mean, a regret above 1 counted as 1: a run that wastes more than its budget would be stopped.
    size_error : float
        Root mean square error of ln N*, the median over laws.
    loss_error : float
        Root mean square error of ln L at the target's optimum, the mean over laws.
    condition : float
        Condition number of what the runs tell of the constants, the median over laws: above a million one ray of runs hides.
    """

    design: str
    runs: int
    flops: float
    regret_median: float
    regret_90: float
    regret_mean: float
    size_error: float
    loss_error: float
    condition: float


def sensitivities_of(laws: Laws, done: Sample | None) -> Array:
    """Return the sensitivities of the runs that are done, none without them."""
    if done is None:
        return np.zeros((len(laws.theta), 0, 6))
    return sensitivities(laws, *laws.logs(done.params, done.tokens))


def expectation(
    design: str, aim: DesignAim, target: float, costs: Array, params: Array, tokens: Array, done: Sample | None
) -> Expected:
    """Return what a set of runs leads to, beside those that are done; to thirty bits, beyond which processors differ."""
    laws = aim.laws
    J = np.concatenate([sensitivities_of(laws, done), sensitivities(laws, *laws.logs(params, tokens))], 1)
    H = information(J, aim.noise)
    return expected_of(design, aim, target, float(costs.sum()), J, *variances(H, aim.to_size, aim.to_loss), len(params))


def expected_of(
    design: str, aim: DesignAim, target: float, cost: float, J: Array, v_N: Array, v_L: Array, runs: int | None = None
) -> Expected:
    """Return what runs with sensitivities (laws, runs, 6) and variances under each law lead to; ``runs`` of them are new."""
    laws = aim.laws
    errors = np.sqrt(v_N)[:, None] * _QUANTILES
    regrets = extra_compute(laws, target, np.clip(errors, -60.0, 60.0)).ravel()
    hidden = condition(J)
    unbounded = hidden > RAY_CONDITION and np.median(v_N) > 1
    median, most = (np.inf if unbounded else rounded(each) for each in np.quantile(regrets, (0.5, 0.9)))
    size_error, loss_error = rounded(np.median(np.sqrt(v_N))), rounded(np.sqrt(v_L).mean())
    mean = 1.0 if unbounded else rounded(np.minimum(regrets, 1.0).mean())
    return Expected(design, J.shape[1] if runs is None else runs, cost, median, most, mean, size_error, loss_error, hidden)


def condition(J: Array) -> float:
    """Return the condition number of what runs with sensitivities (laws, runs, 6) tell of the constants, the median over laws."""
    if J.shape[1] < CONSTANTS:
        return np.inf
    moved = _centred(J)
    scaled = moved / np.sqrt(np.maximum((moved**2).sum(1, keepdims=True), 1e-300))
    # of J rather than of J'J, whose smallest eigenvalue is lost in rounding long before J's smallest singular value is
    found = np.linalg.svd(scaled, compute_uv=False)
    with np.errstate(divide="ignore"):
        return float(np.median((found[:, 0] / found[:, -1]) ** 2))


def _centred(J: Array) -> Array:
    """Return sensitivities to constants at the middle of the runs: elsewhere a and b go with their exponents."""
    moved = J.copy()
    for of_scale, of_exponent in ((A, ALPHA), (B, BETA)):
        # J of an exponent is -(x - x_0) times that of its scale
        at = np.where(J[..., of_scale] == 0, 0.0, J[..., of_exponent] / np.where(J[..., of_scale] == 0, 1.0, J[..., of_scale]))
        moved[..., of_exponent] -= at.mean(1, keepdims=True) * J[..., of_scale]
    return moved


def usual(aim: DesignAim, target: float, budget: float, k: float, done: Sample | None) -> list[Expected]:
    """Return the same of a 5x5 isoFLOP grid, a ray and an L that cost the whole budget on paper."""
    return [expectation(name, aim, target, k * N * D, N, D, done) for name, (N, D) in usual_runs(budget, k).items()]


def usual_runs(budget: float, k: float) -> dict[str, tuple[Array, Array]]:
    """Return N and D of a 5x5 isoFLOP grid, of a ray, and of an L of sizes and lengths that cost a budget."""
    grid, ray, arms = settings(FILE, "grid"), settings(FILE, "ray"), settings(FILE, "l")
    cells = [(grid["factor"] ** -step, grid["middle"] * away) for step in range(grid["budgets"]) for away in grid["ratios"]]
    line = [(ray["factor"] ** -step, ray["ratio"]) for step in range(ray["runs"])]
    found: dict[str, tuple[Array, Array]] = {}
    for name, pairs in (
        (f"isoFLOP grid {grid['budgets']}x{len(grid['ratios'])}", cells),
        (f"ray at {plain(ray['ratio'])}", line),
    ):
        C, ratio = (np.array(each, float) for each in zip(*pairs, strict=True))
        N = np.sqrt(C * budget / C.sum() / (k * ratio))
        found[name] = N, ratio * N
    steps = arms["factor"] ** np.arange(arms["runs"])
    more = np.concatenate([steps, np.ones(arms["runs"] - 1)]), np.concatenate([np.ones(arms["runs"]), steps[1:]])
    corner = np.sqrt(budget / (k * arms["ratio"] * (more[0] * more[1]).sum()))
    found[f"L of {len(more[0])}"] = corner * more[0], arms["ratio"] * corner * more[1]
    return found
