"""What pilots lead to in simulation: known laws, noise and misfit, a fit to each table, and what its plan wastes."""

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.parallel import Progress, Workers, mapper
from planner.fitting.constraints import Limits
from planner.fitting.forecast import fit_under_prior
from planner.fitting.generalised_law import BETA, Array, parts
from planner.fitting.generalised_law import B as B_PLACE
from planner.fitting.sample import Sample
from planner.pilot_design.information import FILE, Laws, drawn_laws, extra_compute, optimum
from planner.scaling_laws.catalogue import load_law

MISFITS = ("none", "overtrained", "small", "bend")
"""What no law describes: nothing, a higher loss of runs with many tokens for their size, or of small runs, a smaller exponent of
D from some tokens on.
"""

_FARTHEST = 12.0  # e-folds that a plan's size may be off: beyond, every regret is unbounded


class Simulated(NamedTuple):
    """Regrets of one design over simulated tables.

    Attributes
    ----------
    design : str
    truths : str
        ``published``: laws of the catalogue; ``drawn``: laws from the design's prior.
    misfit : str
        One of ``MISFITS``.
    tables : int
        Simulated and fitted.
    regret_median, regret_90 : float
        Extra compute at the target, as a fraction.
    loss_error : float
        Root mean square error of ln L forecast at the target's true optimum.
    """

    design: str
    truths: str
    misfit: str
    tables: int
    regret_median: float
    regret_90: float
    loss_error: float


class _Job(NamedTuple):
    """One design under one law and one misfit."""

    params: Array
    tokens: Array
    laws: Laws
    target: float
    noise: float
    misfit: str
    draws: int
    seed: int
    trunks: Array | None = None


def misfits() -> tuple[float, float, float, float]:
    """Return what misfit adds to ln loss of overtrained runs, and of small ones, and where the exponent of D bends, to which."""
    s = settings(FILE, "simulation")
    return float(s["overtrained"]), float(s["small"]), float(s["bend_at"]), float(s["bend"])


def assumed_correlation() -> float:
    """Return how much the errors of models from one trunk are taken to be correlated."""
    return float(settings(FILE, "trunks")["assumed"])


def simulated(
    designs: Mapping[str, tuple[Array, ...]],
    laws: Laws,
    target: float,
    noise: float,
    *,
    draws: int,
    seed: int,
    workers: Workers,
    progress: Progress | None,
) -> tuple[Simulated, ...]:
    """Fit ``draws`` noisy tables of every design under every true law, in the coordinates of ``laws``, and misfit.

    A design is (N, D), or (N, D, trunk): errors of one trunk's models are correlated, as designs of trunks assume.
    """
    s = settings(FILE, "simulation")
    rng = np.random.default_rng(seed)
    drawn = drawn_laws(int(s["drawn"]), float(np.exp(laws.x0 + laws.y0)) * laws.k, laws.k, rng)
    truths = {"published": _published(laws, s["published"]), "drawn": drawn}
    far = np.exp(optimum(laws, target)[1] + laws.y0).min() > 10 * s["bend_at"]  # a bend matters to what is trained beyond it
    cases = [(name, which, misfit) for which in truths for misfit in MISFITS[: None if far else -1] for name in designs]
    jobs = []
    for name, which, misfit in cases:
        N, D, *shared = designs[name]
        for row, theta in enumerate(truths[which].theta):
            truth = truths[which]._replace(theta=theta[None])
            # the same noise for every design and misfit: they differ in nothing else
            jobs.append(_Job(N, D, truth, target, noise, misfit, draws, seed + 1000 * row + ord(which[0]), *shared))
    with mapper(workers, progress) as spread:
        results = iter(spread(_simulate, jobs))
    found = []
    for case in cases:
        own = list(islice(results, len(truths[case[1]].theta)))
        regrets, errors = (np.concatenate([each[end] for each in own]) for end in (0, 1))
        median, most = (float(np.quantile(regrets, share)) for share in (0.5, 0.9))
        found.append(Simulated(*case, len(regrets), median, most, float(np.sqrt((errors**2).mean()))))
    return tuple(found)


def _published(laws: Laws, names: tuple[str, ...]) -> Laws:
    """Return laws of the catalogue in a design's coordinates: gamma is 1."""
    rows = []
    for name in names:
        p = load_law(name).params
        a, b = np.log(p["A"]) - p["alpha"] * laws.x0, np.log(p["B"]) - p["beta"] * laws.y0
        rows.append([np.log(p["E"]), a, b, p["alpha"], p["beta"], 0.0])
    return laws._replace(theta=np.array(rows))


def _worse(job: _Job, flops: Array) -> Array:
    """Return how much higher the loss of each run is than the law's, as a fraction."""
    s = settings(FILE, "simulation")
    if job.misfit == "overtrained":
        return np.where(job.tokens / job.params > s["overtrained_from"], s["overtrained"], 0.0)
    if job.misfit == "small":
        return np.where(flops < s["small_below"] * flops.sum(), s["small"], 0.0)
    return np.zeros(len(flops))


def _bent(laws: Laws) -> tuple[Laws, float]:
    """Return the law beyond the tokens at which its exponent of D changes, which a far target is under, and these tokens."""
    s = settings(FILE, "simulation")
    theta = laws.theta.copy()
    at, less = np.log(s["bend_at"]) - laws.y0, (1 - s["bend"]) * theta[:, BETA]
    theta[:, B_PLACE] -= less * at
    theta[:, BETA] -= less
    return laws._replace(theta=theta), float(s["bend_at"])


def _luck(job: _Job, rng: np.random.Generator) -> Array:
    """Return standard normal errors of the runs, those of one trunk correlated."""
    own = rng.standard_normal(len(job.params))
    if job.trunks is None:
        return own
    shared = assumed_correlation()
    of_trunk = rng.standard_normal(int(job.trunks.max()) + 1)[job.trunks.astype(int)]
    found: Array = np.sqrt(shared) * of_trunk + np.sqrt(1 - shared) * own
    return found


def _simulate(job: _Job) -> tuple[Array, Array]:
    """Return the regret and the error of ln L of each noisy table."""
    laws = job.laws
    rng = np.random.default_rng(job.seed)
    flops = laws.k * job.params * job.tokens
    clean = parts(laws.theta, *laws.logs(job.params, job.tokens), additive=False).log_loss[0]
    if job.misfit == "bend":
        laws, beyond = _bent(laws)
        bent = parts(laws.theta, *laws.logs(job.params, job.tokens), additive=False).log_loss[0]
        clean = np.where(job.tokens > beyond, bent, clean)
    else:
        clean = clean + np.log1p(_worse(job, flops))
    best_x, best_y = optimum(laws, job.target)
    true = parts(laws.theta, best_x[:, None], best_y[:, None], additive=False).log_loss[0, 0]
    ones, order = np.ones(len(flops)), np.arange(len(flops))
    away, errors = [], []
    for _ in range(job.draws):
        loss = np.exp(clean + job.noise * _luck(job, rng))
        sample = Sample(job.params, job.tokens, flops, loss, ones, order)
        fitted = Laws(fit_under_prior(sample, Limits())[None], *sample.center, laws.k)
        away.append(float(optimum(fitted, job.target)[0][0] + fitted.x0 - laws.x0 - best_x[0]))
        there = best_x + laws.x0 - fitted.x0, best_y + laws.y0 - fitted.y0
        errors.append(float(parts(fitted.theta, there[0][:, None], there[1][:, None], additive=False).log_loss[0, 0] - true))
    regrets = extra_compute(laws, job.target, np.clip(np.array(away), -_FARTHEST, _FARTHEST))[0]
    return regrets, np.array(errors)
