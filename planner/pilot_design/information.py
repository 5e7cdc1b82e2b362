"""Which runs tell most of a law: information, the criterion, and the exchange that lowers it.

The law is the generalised one in logarithms, theta = (e, a, b, alpha, beta, g) with x = ln N - x_0 and y = ln D - y_0:

    ln u = a - alpha x,  ln v = b - beta y,  gamma = exp(g),  L = exp(e) + (u^(1/gamma) + v^(1/gamma))^gamma

A run's information about theta is J J'/noise^2, J the gradient of ln L there. What is wanted is the compute-optimal N of a target
budget, and the loss there: with H the sum of the runs' information and of the prior, v_N = g_N' H^-1 g_N is the variance of
ln N*, v_L that of ln L. The criterion is the mean over laws drawn from a prior of ln v_N + w ln v_L.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import settings
from planner._util.stable_choice import PRECISION, lowest, rounded
from planner.fitting.constraints import Limits
from planner.fitting.forecast import fit_under_prior
from planner.fitting.generalised_law import ALPHA, BETA, Array, B, E, G, Parts, parts
from planner.fitting.generalised_law import A as A_PLACE
from planner.fitting.sample import Sample

FILE = "pilots.toml"

CONSTANTS = 6
"""Of the generalised law: as many different runs are needed to tell them all."""


class Laws(NamedTuple):
    """Laws that the truth may be, in coordinates centred at ln N = ``x0`` and ln D = ``y0``; ``theta`` is (laws, 6)."""

    theta: Array
    x0: float
    y0: float
    k: float

    def logs(self, params: Array, tokens: Array) -> tuple[Array, Array]:
        """Return centred logarithms of runs."""
        return np.log(params) - self.x0, np.log(tokens) - self.y0

    def room(self, flops: float) -> float:
        """Return x + y of a budget [FLOP]."""
        return float(np.log(flops / self.k)) - self.x0 - self.y0


def drawn_laws(count: int, flops: float, k: float, rng: np.random.Generator) -> Laws:
    """Draw laws from the design prior, centred at the reference ratio of a budget [FLOP]."""
    s = settings(FILE, "laws")
    spread = (s[name] for name in ("alpha", "beta"))
    alpha, beta = (np.clip(centre + sd * rng.standard_normal(count), low, high) for centre, sd, low, high in spread)
    lognormal = (s[name] for name in ("gamma", "floor", "ratio", "reducible"))
    gamma, floor, ratio, share = (centre * np.exp(sd * rng.standard_normal(count)) for centre, sd in lognormal)
    y_minus_x = float(np.log(s["ratio"][0]))
    total = float(np.log(flops / k))
    x0, y0 = (total - y_minus_x) / 2, (total + y_minus_x) / 2
    at = float(np.log(s["reference"] / k))
    x, y = (at - np.log(ratio)) / 2 - x0, (at + np.log(ratio)) / 2 - y0
    # at an optimum alpha f = beta (1 - f), f the share of u^(1/gamma)
    f = beta / (alpha + beta)
    log_T = np.log(share * floor)
    a = gamma * np.log(f) + log_T + alpha * x
    b = gamma * np.log(1 - f) + log_T + beta * y
    return Laws(np.stack([np.log(floor), a, b, alpha, beta, np.log(gamma)], 1), x0, y0, k)


def laws_after(sample: Sample, noise: float, count: int, rng: np.random.Generator) -> Laws:
    """Draw laws that runs leave possible: around the fit under its priors, as far as its information says, (count, 6).

    Exponents stay within the bounds of the design prior.
    """
    theta = fit_under_prior(sample, Limits())
    best = Laws(theta[None], *sample.center, sample.per_token)
    H = information(sensitivities(best, sample.rows.x, sample.rows.y), noise)[0]
    drawn = theta + rng.standard_normal((count, 6)) @ np.linalg.cholesky(np.linalg.inv(H)).T
    s = settings(FILE, "laws")
    for place, name in ((ALPHA, "alpha"), (BETA, "beta")):
        drawn[:, place] = np.clip(drawn[:, place], *s[name][2:])
    drawn[:, G] = np.clip(drawn[:, G], -1.5, 1.5)
    return best._replace(theta=drawn)


def sensitivities(laws: Laws, x: Array, y: Array) -> Array:
    """Return J, the gradient of ln L in theta at runs under each law, (laws, runs, 6)."""
    p = parts(laws.theta, x, y, additive=False)
    return _gradients(p, np.broadcast_to(x, p.s_u.shape), np.broadcast_to(y, p.s_u.shape))


def _gradients(p: Parts, x: Array, y: Array) -> Array:
    assert p.mix is not None  # asked of the generalised law
    P = p.s_u + p.s_v
    return np.stack([1 - P, p.s_u, p.s_v, -x * p.s_u, -y * p.s_v, P * p.mix[2]], -1)


def optimum(laws: Laws, flops: float) -> tuple[Array, Array]:
    """Return the centred ln N* and ln D* of a budget [FLOP] under each law, (laws,)."""
    _, a, b, alpha, beta, g = laws.theta.T
    room = laws.room(flops)
    x = (np.exp(g) * np.log(alpha / beta) + a - b + beta * room) / (alpha + beta)
    return x, room - x


def wanted(laws: Laws, flops: float) -> tuple[Array, Array]:
    """Return g_N and g_L, the gradients of ln N* and of ln L at the optimum of a budget [FLOP], (laws, 6) each."""
    _, _, _, alpha, beta, g = laws.theta.T
    x, y = optimum(laws, flops)
    total, gamma = alpha + beta, np.exp(g)
    to_size = np.zeros_like(laws.theta)
    to_size[:, A_PLACE], to_size[:, B] = 1 / total, -1 / total
    to_size[:, ALPHA] = (gamma / alpha - x) / total
    to_size[:, BETA] = (laws.room(flops) - gamma / beta - x) / total
    to_size[:, G] = gamma * np.log(alpha / beta) / total
    p = parts(laws.theta, x[:, None], y[:, None], additive=False)
    return to_size, _gradients(p, x[:, None], y[:, None])[:, 0]  # at the optimum moving N changes nothing


def prior_information() -> Array:
    """Return what a fit knows before it sees a run, (6, 6)."""
    s = settings(FILE, "estimator")
    Q = np.zeros((6, 6))
    for place, name in ((E, "floor"), (ALPHA, "alpha"), (BETA, "beta"), (G, "gamma")):
        Q[place, place] = s[name] ** -2.0
    tie = s["alpha_minus_beta"] ** -2.0
    Q[[ALPHA, BETA], [ALPHA, BETA]] += tie
    Q[[ALPHA, BETA], [BETA, ALPHA]] -= tie
    return Q


_FLAT = 1e-9  # a and b are free: so little is known of them that it never tells, and H can be inverted


def information(J: Array, noise: float) -> Array:
    """Return H of runs with sensitivities (laws, runs, 6) and a noise of ln L, (laws, 6, 6)."""
    found: Array = prior_information() + _FLAT * np.eye(6) + products(J) / noise**2
    return found


def products(J: Array) -> Array:
    """Return the sum of J J' over runs, (laws, 6, 6)."""
    found: Array = J.swapaxes(1, 2) @ J
    return found


def variances(H: Array, to_size: Array, to_loss: Array) -> tuple[Array, Array]:
    """Return v_N and v_L under each law, (laws,) each."""
    inverse = np.linalg.inv(H)
    return (
        np.einsum("li,lij,lj->l", to_size, inverse, to_size),
        np.einsum("li,lij,lj->l", to_loss, inverse, to_loss),
    )


class DesignAim(NamedTuple):
    """What a design is for: laws, what is wanted of each, the noise, and how much the loss counts beside the size."""

    laws: Laws
    to_size: Array
    to_loss: Array
    noise: float
    loss_weight: float

    @classmethod
    def of(cls, laws: Laws, target: float, noise: float) -> "DesignAim":
        """Return the aim of a target budget [FLOP]."""
        return cls(laws, *wanted(laws, target), noise, float(settings(FILE, "candidates")["loss_weight"]))


def criterion(aim: DesignAim, H: Array) -> float:
    """Return the mean over laws of ln v_N + w ln v_L."""
    v_N, v_L = variances(H, aim.to_size, aim.to_loss)
    return float((np.log(v_N) + aim.loss_weight * np.log(v_L)).mean())


def exchange(
    aim: DesignAim,
    J: Array,
    costs: NDArray[np.float64],
    known: Array,
    budget: float,
    runs: int,
    rng: np.random.Generator,
    start: Sequence[int] = (),
) -> tuple[list[int], float]:
    """Choose ``runs`` distinct cells whose costs (cells,) fit the budget by exchanging one at a time for the best other.

    ``J`` are the sensitivities of the cells (laws, cells, 6), ``known`` is information that is there already (laws, 6, 6),
    ``start`` cells to begin with rather than with random ones. Returned are the cells and the criterion.
    """
    s = settings(FILE, "candidates")
    best: tuple[list[int], float] = ([], np.inf)
    for first in [list(start)] if start else [rng.permutation(len(costs)).tolist() for _ in range(s["starts"])]:
        chosen = _start(costs, budget, first, runs)
        value = np.inf
        for _ in range(s["sweeps_up"] if start else s["sweeps"]):
            before = value
            for place in range(runs):
                value = _improve(aim, J, costs, known, budget, chosen, place)
            if value > before - PRECISION * abs(before):
                break
        if not best[0] or value < best[1] - PRECISION * abs(best[1]):
            best = chosen, value
    return best


def pays(budget: float, costs: Any) -> Any:
    """Say whether a budget pays for costs [FLOP]; what a sum's rounding adds is paid for."""
    return costs <= budget * (1 + 1e-12)


def _start(costs: NDArray[np.float64], budget: float, first: list[int], runs: int) -> list[int]:
    """Return distinct cells that fit the budget, the first ones: the dearest give way to cheaper ones until they do."""
    chosen = first[:runs]
    costs = rounded(costs)  # of equal costs the first cell is the cheaper one
    spare = sorted(set(range(len(costs))) - set(chosen), key=lambda cell: (float(costs[cell]), cell))
    while len(chosen) < runs:
        chosen.append(spare.pop(0))
    while not pays(budget, costs[chosen].sum()):
        dearest = max(range(runs), key=lambda place: float(costs[chosen[place]]))
        cheapest = spare.pop(0)
        spare.append(chosen[dearest])
        chosen[dearest] = cheapest
    return chosen


def _improve(
    aim: DesignAim, J: Array, costs: NDArray[np.float64], known: Array, budget: float, chosen: list[int], place: int
) -> float:
    """Put the best affordable cell in one place of a design; return the criterion."""
    rest = chosen[:place] + chosen[place + 1 :]
    inverse = np.linalg.inv(known + products(J[:, rest]) / aim.noise**2)
    spread = J @ inverse  # H^-1 J of every cell
    taken = aim.noise**2 + np.einsum("lci,lci->lc", spread, J)
    wanted_by = np.stack([aim.to_size, aim.to_loss], -1)
    before = np.einsum("liw,lij,ljw->lw", wanted_by, inverse, wanted_by)[:, None]
    gain = (spread @ wanted_by) ** 2 / taken[:, :, None]  # a run more: rank-one update
    of_size, of_loss = np.log(np.maximum(before - gain, 1e-300)).mean(0).T
    total = of_size + aim.loss_weight * of_loss
    allowed = pays(budget, costs[rest].sum() + costs)
    allowed[rest] = False
    total[~allowed] = np.inf
    chosen[place] = lowest(total, costs)
    return float(total[chosen[place]])


def extra_compute(laws: Laws, flops: float, log_ratio: Array) -> Array:
    """Return the extra compute of training N* exp(log_ratio) with a budget [FLOP], as a fraction, (laws, ratios).

    It is T/C_0 - 1, C_0 being the compute at which the optimum reaches the loss obtained; infinite beyond what doubles can say.
    """
    e, _, _, alpha, beta, _ = laws.theta.T[:, :, None]
    x, y = (each[:, None] for each in optimum(laws, flops))
    with np.errstate(over="ignore", invalid="ignore"):
        p = parts(laws.theta, x + log_ratio, y - log_ratio, additive=False)
        best = parts(laws.theta, x, y, additive=False)
        # on the optimal line the reducible loss falls as C^-s with s = alpha beta/(alpha + beta)
        gap = np.log(np.expm1(p.log_loss - e)) - np.log(np.expm1(best.log_loss - e))
        found: Array = np.expm1(np.maximum(np.nan_to_num(gap, nan=np.inf), 0.0) * (alpha + beta) / (alpha * beta))
    return found
