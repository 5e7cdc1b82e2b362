"""The forecast: many fits of the generalised law with weak priors, averaged, because no single setting extrapolates best.

Three ingredients do the work: a sixth constant gamma (how the two terms combine) under a prior; leaving out or down-weighting
runs far above the lowest loss at their compute, which say little of a well-tuned larger run; and averaging ln L over arbitrary
settings instead of choosing one. ``benchmarks/backtest.py`` measures it against exact classical fits.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from planner._util.stable_choice import lowest_of_each
from planner.fitting.batched_newton import Problems, descend
from planner.fitting.classical import Model, minimise
from planner.fitting.constraints import Limits
from planner.fitting.diagnostics import few, outlying
from planner.fitting.generalised_law import ALPHA, BETA, Array, E, G, parts
from planner.fitting.sample import Sample
from planner.fitting.settings import settings
from planner.fitting.starts import grid_starts, neutral_start

_TOLERANCE = 1e-8
_STEPS = 60


@dataclass(frozen=True, eq=False)
class Forecast:
    """The members of a forecast in the fit's coordinates, (count, 6) each: three groups of them."""

    frontier: Array  # fits to runs near the loss-compute frontier
    adaptive: Array  # fits with weights found from the data
    structures: Array  # the reference with its structure changed
    reference: Array  # (6,)
    eta: float  # the chosen decay of weights with distance from the frontier; 0 uses every row alike
    zeta: float  # the same from the largest compute
    gain: float  # log-likelihood that eta gains over 0: 0 where nothing off the frontier is worse than noise
    trust: Array  # (structures,): 1 for one that misses the runs at most twice as badly as the reference; less beyond
    row_weight: Array  # (n,): of the first adaptive member
    scale: float  # the prior's unit b, in ln L, for that member

    @property
    def members(self) -> Array:
        """All members, (count, 6)."""
        return np.concatenate([self.frontier, self.adaptive, self.structures])

    def weights(self, *, designed: bool) -> Array:
        """Return their weights, which add to 1: each group weighs as ``data/fitting.toml`` says, structures as far as trusted.

        Where every row is like the others, there is nothing for the frontier members to leave aside: they, and the structures of
        one of them, count as far as rows off the frontier are worse than noise, by the likelihood of that. Of ``designed``
        pilots the adaptive members alone count: their starved and overtrained runs are meant to be far from the frontier, and
        what looks at the frontier would leave them aside.
        """
        share = settings("forecast")["designed" if designed else "weights"]
        worse = -np.expm1(-self.gain)
        each = [
            np.full(len(self.frontier), worse * share["frontier"] / len(self.frontier)),
            np.full(len(self.adaptive), share["adaptive"] / len(self.adaptive)),
            worse * self.trust * share["structures"] / len(self.structures),
        ]
        weights = np.concatenate(each)
        weights /= weights.sum()
        return weights


def failed(sample: Sample) -> tuple[Array, Array]:
    """Tell which runs failed, (n,), none where they are many; and return ln of each loss over the classical law's, (n,).

    A run failed that is far from that law, which heeds such runs little, and whose loss is also above that of a smaller run, of
    no more parameters and tokens, or below that of a larger one: without the second it may be the law that fails, at a corner
    of the design. Failed runs would widen the unit of the priors, and what lies off the frontier would count as noise for them.
    """
    theta = minimise(sample, Model()).theta[None]
    residuals = sample.rows.target - parts(theta, sample.rows.x, sample.rows.y, additive=True).log_loss[0]
    far = np.zeros(len(sample), bool)
    deviations, least = settings("forecast")["failed"]
    far[outlying(residuals, deviations)] = True
    far &= np.abs(residuals) > least
    for at in np.flatnonzero(far):
        way = np.sign(residuals[at])
        smaller = (way * (sample.params - sample.params[at]) <= 0) & (way * (sample.tokens - sample.tokens[at]) <= 0)
        far[at] = (way * (sample.loss[at] - sample.loss[smaller])).max() > 0
    return far & few(int(far.sum()), len(sample)), residuals


def forecast(sample: Sample, limits: Limits) -> Forecast:
    """Fit every member, each from starts that favour nothing."""
    s = settings("forecast")
    single = limits.penalty
    frontier = list(product(s["trims"], [single] if single else s["penalties"], s["powers"]))
    reference = s["reference"]
    chosen = [*frontier, (reference["trim"], single or reference["penalty"], reference["power"])]
    weights = np.array([_near_frontier(sample, trim, power) for trim, _, power in chosen])
    over = np.array([penalty for _, penalty, _ in chosen], float)
    plain, scale = _without_prior(sample, weights, over, limits)
    pins, floors = s["gamma_pins"], s["floor_priors"]
    index = np.r_[np.arange(len(chosen)), np.full(len(pins) + len(floors), len(chosen) - 1)]
    prior = _Prior(sample, len(index))
    if "gamma" not in limits.fixed:
        prior.gamma[len(chosen) : len(chosen) + len(pins)] = np.log(pins)
    centers, prior.sd[len(chosen) + len(pins) :, 0] = np.array(floors).T
    prior.middle[len(chosen) + len(pins) :, 0] = np.log(centers) + prior.lowest
    found = _with_prior(sample, weights[index], over[index], scale[index], plain[index], prior, limits, neutral=True)
    n = len(frontier)
    base = found[n]
    penalties = np.array([single] if single else s["adaptive_penalties"])
    adaptive, choice, gain, row_weight, unit = _adaptive(sample, base, penalties, limits)
    eta, zeta = list(product(s["etas"], s["zetas"]))[choice]
    # a structure may miss the reference's rows a few times as badly as that does, and counts less beyond
    residuals = np.abs(parts(found[n:], sample.rows.x, sample.rows.y, additive=False).log_loss - sample.rows.target)
    misfit = np.maximum(residuals @ weights[n] / weights[n].sum(), 1e-12)
    trust = np.minimum(s["tolerated"] * misfit[0] / misfit[1:], 1.0)
    return Forecast(found[:n], adaptive, found[n + 1 :], base, eta, zeta, gain, trust, row_weight, unit)


def forecast_draws(sample: Sample, fitted: Forecast, count: int, rng: np.random.Generator, limits: Limits) -> Array:
    """Return bootstrap refits of the first adaptive member, (count, 6): rows resampled, prior centres drawn from the prior."""
    s = settings("forecast")
    prior = _Prior(sample, count)
    prior.middle = prior.middle + rng.standard_normal(prior.middle.shape) * prior.sd
    weights = sample.resamples(count, rng) * fitted.row_weight
    over = np.full(count, limits.penalty or float(s["adaptive_penalties"][0]))
    start = np.broadcast_to(fitted.adaptive[0], (count, 6))
    scale = np.full(count, fitted.scale)
    return _with_prior(sample, weights, over, scale, start, prior, limits, neutral=False)


def fit_under_prior(sample: Sample, limits: Limits) -> Array:
    """Return one fit of the generalised law to every row alike under the forecast's priors, in its coordinates, (6,).

    The estimator of designed pilots: their rows were chosen for what they tell, so none is left aside.
    """
    weights = (sample.weight / sample.weight.max())[None, :]
    plain, scale = _without_prior(sample, weights, np.ones(1), limits)
    found: Array = _with_prior(sample, weights, np.ones(1), scale, plain, _Prior(sample, 1), limits, neutral=True)[0]
    return found


class _Prior:
    """Centre (B, 6) and precision (B, 6, 6) of independent normal priors on e, alpha, beta, alpha - beta, g; flat in a, b."""

    def __init__(self, sample: Sample, count: int) -> None:
        s = settings("forecast")
        self.lowest = float(np.log(sample.loss.min()))
        self.sd = np.tile([s["floor"][1], s["alpha"][1], s["beta"][1], s["gamma"][1], s["alpha_minus_beta"]], (count, 1))
        middle = [np.log(s["floor"][0]) + self.lowest, s["alpha"][0], s["beta"][0], np.log(s["gamma"][0]), 0.0]
        self.middle = np.tile(middle, (count, 1))
        self.gamma: Array = np.full(count, np.nan)  # ln gamma where it is pinned

    def moments(self) -> tuple[Array, Array]:
        """Return centre and precision, the prior on alpha - beta folded in."""
        known = [E, ALPHA, BETA, G]
        precision, pull = np.zeros((len(self.sd), 6, 6)), np.zeros((len(self.sd), 6))
        weight = self.sd**-2.0
        tie = weight[:, 4]
        precision[:, known, known] = weight[:, :4]
        pull[:, known] = weight[:, :4] * self.middle[:, :4]
        pull[:, ALPHA] += tie * self.middle[:, 4]
        pull[:, BETA] -= tie * self.middle[:, 4]
        precision[:, ALPHA, ALPHA] += tie
        precision[:, BETA, BETA] += tie
        precision[:, ALPHA, BETA] -= tie
        precision[:, BETA, ALPHA] -= tie
        center = np.zeros((len(self.sd), 6))
        center[:, known] = np.linalg.solve(precision[:, known][:, :, known], pull[:, known, None])[..., 0]
        return center, precision


def _near_frontier(sample: Sample, trim: float, power: float) -> Array:
    """Return weights (C/C_max)^power of rows at most ``trim`` above the frontier, of maximum 1; wider where few are left."""
    s = settings("forecast")
    while True:
        kept = sample.excess <= trim
        if kept.all() or (kept.sum() >= s["fewest_rows"] and len(np.unique(sample.params[kept])) >= s["fewest_sizes"]):
            break
        trim *= s["widen"]
    weight: Array = kept * (sample.flops / sample.flops.max()) ** power * sample.weight
    weight /= weight.max()
    return weight


def _bounds(sample: Sample, count: int, limits: Limits) -> tuple[Array, Array]:
    s, lowest = settings("forecast"), np.log(sample.loss.min())
    (low, high), log_gamma = s["exponent"], s["log_gamma"]
    lower = np.tile([lowest - s["floor_decades"], -np.inf, -np.inf, low, low, -log_gamma], (count, 1))
    upper = np.tile([lowest, np.inf, np.inf, high, high, log_gamma], (count, 1))
    return limits.applied(sample, lower, upper)


def _lowest(problems: Problems, starts: Array) -> Array:
    """Return the lowest of the minima that several starts (B, K, 6) reach, (B, 6)."""
    B, K = starts.shape[:2]
    index = np.repeat(np.arange(B), K)
    theta, value = descend(problems.take(index), starts.reshape(-1, 6), tolerance=_TOLERANCE, iterations=_STEPS)
    best = lowest_of_each(value.reshape(B, K))
    found: Array = theta.reshape(B, K, 6)[np.arange(B), best]
    return found


def _scale(weights: Array, residuals: Array) -> Array:
    """Return the prior's unit b: the weighted mean size of residuals, which makes the objective a Laplace likelihood."""
    spread = (weights * np.abs(residuals)).sum(1) / np.maximum(weights.sum(1) - 4, 2)
    scale: Array = np.maximum(spread, settings("forecast")["smallest_scale"])
    return scale


def _without_prior(sample: Sample, weights: Array, over: Array, limits: Limits) -> tuple[Array, Array]:
    """Fit the additive law without priors: a start, and the scale of its residuals."""
    lower, upper = _bounds(sample, len(over), limits)
    lower[:, G] = upper[:, G] = 0.0
    delta = np.full(len(over), settings("forecast")["huber_delta"])
    problems = Problems.of(sample.rows, weights, over, delta, lower, upper)
    theta = _lowest(problems, grid_starts(problems, 2))
    residuals = parts(theta, sample.rows.x, sample.rows.y, additive=True).log_loss - sample.rows.target
    return theta, _scale(weights, residuals)


def _with_prior(
    sample: Sample, weights: Array, over: Array, scale: Array, start: Array, prior: _Prior, limits: Limits, *, neutral: bool
) -> Array:  # fmt: skip
    """Fit the generalised law under priors, from ``start`` and, where asked, from a neutral start too."""
    lower, upper = _bounds(sample, len(over), limits)
    pinned = ~np.isnan(prior.gamma)
    lower[pinned, G] = upper[pinned, G] = prior.gamma[pinned]
    center, precision = prior.moments()
    delta = np.full(len(over), settings("forecast")["huber_delta"])
    unit = scale * delta  # the objective is in units of delta
    problems = Problems(sample.rows, weights, over, delta, lower, upper, center, precision * unit[:, None, None])
    starts = np.stack([start, neutral_start(problems)], 1) if neutral else start[:, None]
    return _lowest(problems, starts)


def _adaptive(sample: Sample, start: Array, penalties: Array, limits: Limits) -> tuple[Array, int, float, Array, float]:
    """Alternate between fitting and choosing the weights under which the residuals look most like Laplace noise."""
    s = settings("forecast")
    theta = np.tile(start, (len(penalties), 1))
    away = np.log(sample.flops.max() / sample.flops)
    spread = np.array([np.hypot(np.hypot(1, eta * sample.excess), zeta * away) for eta, zeta in product(s["etas"], s["zetas"])])
    log_spread = np.log(spread).sum(1)
    n = len(sample)
    for _ in range(s["rounds"]):
        residuals = np.abs(parts(theta, sample.rows.x, sample.rows.y, additive=False).log_loss - sample.rows.target)
        noise = np.maximum((residuals * sample.weight) @ (1 / spread).T / n, s["smallest_noise"])
        unlikely = n * np.log(noise) + log_spread
        choice = lowest_of_each(unlikely)
        weights = sample.weight / spread[choice]
        scale = _scale(weights, residuals)
        theta = _with_prior(sample, weights, penalties, scale, theta, _Prior(sample, len(penalties)), limits, neutral=False)
    alike = np.repeat(np.array(s["etas"]) == 0, len(s["zetas"]))
    gain = max(float(unlikely[0, alike].min() - unlikely[0].min()), 0.0)
    return theta, int(choice[0]), gain, weights[0], float(scale[0])
