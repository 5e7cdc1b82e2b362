"""Does fitting two losses of the same runs together foretell larger runs better? ``python -m benchmarks.joint_losses``: no.

Gadre's runs have a loss on C4 and one on OpenLM's set, for each of three data mixes. The generalised law is fitted to each alone,
to both with one gamma, and to both with one gamma, one pair of exponents and one ratio of the two terms; each by least squares of
soft residuals of ln L (0.3 %) from 14 starts, with weak priors on the floor and the exponents and without. Mean absolute errors
in per cent of the runs above C_max/R; their quotients to the fits alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

import planner

MIXES, LOSSES, RATIOS = ("c4_original", "rpj", "rw_original"), ("c4_val", "openlm"), (5.5, 10.0, 17.0, 30.0)
NOISE, STARTS = 0.003, 14


class Rows(NamedTuple):
    """ln N - 20, ln D - 23 and ln L of runs, (n,) each."""

    x: Any
    y: Any
    target: Any


def _alone(p: Any, count: int) -> list[Any]:
    return [p[6 * k : 6 * k + 6] for k in range(count)]


def _one_gamma(p: Any, count: int) -> list[Any]:
    return [np.r_[p[5 * k : 5 * k + 5], p[-1]] for k in range(count)]


def _one_shape(p: Any, count: int) -> list[Any]:
    shifts = np.r_[0.0, p[count : 2 * count - 1]]
    a, b, alpha, beta, g = p[2 * count - 1 :]
    return [np.array([p[k], a + shifts[k], b + shifts[k], alpha, beta, g]) for k in range(count)]


def start(way: Any, lowest: Sequence[float], rng: np.random.Generator) -> Any:
    """Return parameters to begin with."""
    floors = [each + np.log(rng.uniform(0.4, 0.8)) for each in lowest]

    def shape() -> list[float]:
        return [*rng.uniform(-1, 0.5, 2), *rng.uniform(0.2, 0.6, 2)]

    if way is _one_shape:
        return np.array([*floors, *np.zeros(len(lowest) - 1), *shape(), rng.normal(-0.2, 0.2)])
    gammas = [[rng.normal(-0.2, 0.2)] if way is _alone else [] for _ in lowest]
    each = [value for floor, gamma in zip(floors, gammas, strict=True) for value in (floor, *shape(), *gamma)]
    return np.array([*each, *([rng.normal(-0.2, 0.2)] if way is _one_gamma else [])])


def log_loss(theta: Any, rows: Rows) -> Any:
    """Return ln L of the generalised law."""
    e, a, b, alpha, beta, g = theta
    gamma, u, v = np.exp(g), a - alpha * rows.x, b - beta * rows.y
    return np.logaddexp(e, gamma * np.logaddexp(u / gamma, v / gamma))


def fitted(way: Any, tables: Sequence[Rows], *, priors: bool) -> list[Any]:
    """Return the constants of each loss."""
    lowest = [float(rows.target.min()) for rows in tables]

    def residuals(p: Any) -> Any:
        thetas = way(p, len(tables))
        off = np.concatenate([(log_loss(theta, rows) - rows.target) / NOISE for theta, rows in zip(thetas, tables, strict=True)])
        soft = np.sign(off) * np.sqrt(2 * (np.sqrt(1 + off**2) - 1))
        if not priors:
            return soft
        known = [
            (
                (e - low - np.log(0.65)) / 0.25,
                (alpha - 0.35) / 0.15,
                (beta - 0.35) / 0.15,
                (alpha - beta) / 0.1,
                (g - np.log(0.8)) / 0.5,
            )
            for (e, _, _, alpha, beta, g), low in zip(thetas[:1] if way is _one_shape else thetas, lowest, strict=False)
        ]
        return np.r_[soft, np.ravel(known)]

    rng, best = np.random.default_rng(0), None
    for _ in range(STARTS):
        with np.errstate(all="ignore"):
            try:
                found = least_squares(residuals, start(way, lowest, rng), max_nfev=400)
            except ValueError:  # a start from which nothing is finite
                continue
        best = found if best is None or found.cost < best.cost else best
    assert best is not None
    thetas: list[Any] = way(best.x, len(tables))
    return thetas


def errors(mix: str, ratio: float, *, priors: bool) -> dict[str, float]:
    """Return the mean error of each way over the two losses."""
    tables = [planner.load_runs("gadre2024").select(f"{mix}|{loss}") for loss in LOSSES]
    small, large = [], []
    for runs in tables:
        kept = runs.flops <= runs.flops.max() / ratio
        rows = Rows(np.log(runs.params) - 20, np.log(runs.tokens) - 23, np.log(runs.loss))
        small.append(Rows(*(each[kept] for each in rows)))
        large.append(Rows(*(each[~kept] for each in rows)))
    thetas = {
        "alone": [fitted(_alone, [rows], priors=priors)[0] for rows in small],
        "one gamma": fitted(_one_gamma, small, priors=priors),
        "one shape": fitted(_one_shape, small, priors=priors),
    }
    return {
        way: float(np.mean([np.abs(log_loss(theta, rows) - rows.target).mean() for theta, rows in zip(each, large, strict=True)]))
        for way, each in thetas.items()
    }


def main() -> None:
    """Print the table."""
    for priors in (True, False):
        print("with weak priors" if priors else "without priors")
        for ratio in RATIOS:
            found = [errors(mix, ratio, priors=priors) for mix in MIXES]
            mean = {way: 100 * float(np.mean([each[way] for each in found])) for way in found[0]}
            shown = ", ".join(f"{way} {value:.2f} ({value / mean['alone']:.2f})" for way, value in mean.items())
            print(f"  R = {ratio:4}: {shown}", flush=True)


if __name__ == "__main__":
    main()
