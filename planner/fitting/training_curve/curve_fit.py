"""The laws fitted to smoothed logs: the most likely constants of each, how sure they are, and how the laws are weighed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import settings
from planner.fitting.training_curve.laws import FILE, Along, CurveLaw, curve_laws, losses
from planner.fitting.training_curve.smoothing import Smoothed

Array = NDArray[np.float64]


class FittedLaw(NamedTuple):
    """One law on the logs.

    Attributes
    ----------
    law : CurveLaw
    constants : array, shape (6,)
        As in ``laws.CONSTANTS``.
    covariance : array, shape (6, 6)
    weight : float
        Its share of the forecast.
    cost : float
        Half the squares left over, those of the constants among them.
    """

    law: CurveLaw
    constants: Array
    covariance: Array
    weight: float
    cost: float


class CurveFit(NamedTuple):
    """All laws on the logs.

    Attributes
    ----------
    laws : tuple of FittedLaw
    logs : tuple of Smoothed
    peak : float
        Highest learning rate of the logs.
    reference : float
        Longest progress of the logs [steps at the peak].
    """

    laws: tuple[FittedLaw, ...]
    logs: tuple[Smoothed, ...]
    peak: float
    reference: float

    @property
    def warmup(self) -> float:
        """Return the longest warm-up of the logs, or their first step."""
        return max(log.warmup or float(log.steps[0]) for log in self.logs)

    def along(self, law: FittedLaw, along: Along) -> tuple[Array, Array]:
        """Return a law's loss at each step, and the slopes of its logarithm."""
        return losses(law.law, law.constants, along, self.reference)


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

    how: Any = settings(FILE, "fit")
    mean = law.mean + level * np.array([1, 1, 0, 1, 0, 0])
    measured = np.concatenate([np.log(log.loss[log.early :]) for log in logs])
    spread = np.concatenate([_spread(log, how) for log in logs])

    def both(constants: Array) -> tuple[Array, Array]:
        parts = [losses(law, constants, along, reference) for along in seen]
        missed = (np.concatenate([np.log(part[0]) for part in parts]) - measured) / spread
        slopes = np.concatenate([part[1] for part in parts]) / spread[:, None]
        return np.append(missed, (constants - mean) / law.deviation), np.concatenate([slopes, np.diag(1 / law.deviation)])

    ends = mean - _REACH * law.deviation, mean + _REACH * law.deviation
    ends[0][5] = max(ends[0][5], _LEAST_POWER)
    kept: dict[bytes, tuple[Array, Array]] = {}

    def at(constants: Array) -> tuple[Array, Array]:
        key = constants.tobytes()
        if key not in kept:
            kept.clear()
            kept[key] = both(constants)
        return kept[key]

    found = least_squares(
        lambda x: at(x)[0],
        mean,
        lambda x: at(x)[1],
        bounds=ends,
        x_scale=law.deviation,
        loss="soft_l1",
        f_scale=how["robust"],
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )
    slopes = both(found.x)[1]
    covariance = np.asarray(np.linalg.inv(slopes.T @ slopes), np.float64)
    return FittedLaw(law, found.x, covariance, law.share, float(found.cost))


_REACH = 8.0
"""Standard deviations from what is known before, within which constants are sought."""

_LEAST_POWER = 0.05


def _spread(log: Smoothed, how: Any) -> Array:
    """Return the standard deviation of ln(loss) of each point: the law's own, which neighbours share, and the log's noise."""
    steps = log.steps[log.early :]
    alike = max(len(steps) / how["effective"], 1.0)
    unsettled = how["unsettled"] * (steps[0] / steps) ** how["fades"]
    spread: Array = np.sqrt(alike * (how["misfit"] ** 2 + unsettled**2) + (log.noise / log.loss)[log.early :] ** 2)
    return spread
