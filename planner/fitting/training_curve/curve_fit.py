"""The laws fitted to smoothed logs: the most likely constants of each, how sure they are, and how the laws are weighed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from planner.fitting.training_curve.laws import Along, CurveLaw, curve_laws, losses, settings
from planner.fitting.training_curve.rate_path import Array
from planner.fitting.training_curve.smoothing import Smoothed


class FittedLaw(NamedTuple):
    """One law on the logs; ``weight`` is its share of the forecast.

    Constants, shape (6,), are those of ``laws.CONSTANTS``; the cost is half the squares left over, their own among them.
    """

    law: CurveLaw
    constants: Array
    covariance: Array
    weight: float
    cost: float


class CurveFit(NamedTuple):
    """All laws on the logs, with the highest learning rate and the longest progress [steps at the peak] of these."""

    laws: tuple[FittedLaw, ...]
    logs: tuple[Smoothed, ...]
    peak: float
    reference: float

    @property
    def warmup(self) -> float:
        """Return the longest warm-up of the logs, or their first step."""
        return max(log.warmup or float(log.steps[0]) for log in self.logs)

    @property
    def weights(self) -> Array:
        """Return the share of each law in the forecast."""
        return np.array([each.weight for each in self.laws])


def fit_curves(logs: Sequence[Smoothed]) -> CurveFit:
    """Fit every law to the logs of one model.

    The constants are those of least squares of ln(loss) with a soft L1 beyond some standard deviations, held by what is known of
    them from other models. Points of a curve err alike: each curve counts as ``effective`` points.
    """
    peak = max(float(log.path.lr.max()) for log in logs)
    seen = [Along(log.path, log.steps[log.early :], peak) for log in logs]
    reference = max(float(each.progress(1.0)[0].max()) for each in seen)
    level = float(np.log(min(float(log.loss.min()) for log in logs)))
    found = [_fitted(law, logs, seen, reference, level) for law in curve_laws()]
    least = min(each.cost for each in found)
    weights = np.array([each.law.share * np.exp(least - each.cost) for each in found])
    weights /= weights.sum()
    laws = tuple(each._replace(weight=float(weight)) for each, weight in zip(found, weights, strict=True))
    return CurveFit(laws, tuple(logs), peak, reference)


def _fitted(law: CurveLaw, logs: Sequence[Smoothed], seen: Sequence[Along], reference: float, level: float) -> FittedLaw:
    from scipy.optimize import least_squares

    mean = law.mean + level * np.array([1, 1, 0, 1, 0, 0])
    measured = np.concatenate([np.log(log.loss[log.early :]) for log in logs])
    spread = np.concatenate([_spread(log) for log in logs])

    def both(constants: Array) -> tuple[Array, Array]:
        parts = [losses(law, constants, along, reference) for along in seen]
        missed = (np.concatenate([np.log(part[0]) for part in parts]) - measured) / spread
        slopes = np.concatenate([part[1] for part in parts]) / spread[:, None]
        return np.append(missed, (constants - mean) / law.deviation), np.concatenate([slopes, np.diag(1 / law.deviation)])

    kept: dict[bytes, tuple[Array, Array]] = {}

    def at(constants: Array) -> tuple[Array, Array]:
        key = constants.tobytes()
        if key not in kept:
            kept.clear()
            kept[key] = both(constants)
        return kept[key]

    ends = mean - _REACH * law.deviation, mean + _REACH * law.deviation
    ends[0][5] = max(ends[0][5], _LEAST_POWER)
    precision = dict.fromkeys(("xtol", "ftol", "gtol"), 1e-10)
    how = {"bounds": ends, "x_scale": law.deviation, "loss": "soft_l1", "f_scale": settings("fit")["robust"], **precision}
    found = least_squares(lambda x: at(x)[0], mean, lambda x: at(x)[1], **how)
    slopes = both(found.x)[1]  # anew: SciPy scales in place what it was given
    covariance = np.asarray(np.linalg.inv(slopes.T @ slopes), np.float64)
    return FittedLaw(law, found.x, covariance, law.share, float(found.cost))


_REACH = 8.0
"""Standard deviations from what is known before, within which constants are sought."""

_LEAST_POWER = 0.05


def _spread(log: Smoothed) -> Array:
    """Return the standard deviation of ln(loss) of each point: the law's own, which neighbours share, and the log's noise."""
    how, steps = settings("fit"), log.steps[log.early :]
    alike = max(len(steps) / how["effective"], 1.0)
    unsettled = how["unsettled"] * (steps[0] / steps) ** how["fades"]
    spread: Array = np.sqrt(alike * (how["misfit"] ** 2 + unsettled**2) + (log.noise / log.loss)[log.early :] ** 2)
    return spread
