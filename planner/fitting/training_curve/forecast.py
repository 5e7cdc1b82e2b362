"""The loss along any schedule from the fitted laws, with an interval, and what one schedule gives over another."""

from typing import NamedTuple

import numpy as np

from planner._util.student_t import student_quantile
from planner.fitting.training_curve.curve_fit import CurveFit
from planner.fitting.training_curve.laws import Along, losses, settings
from planner.fitting.training_curve.rate_path import Array, RatePath
from planner.fitting.training_curve.smoothing import Smoothed


class LossForecast(NamedTuple):
    """The expected loss along a schedule.

    Attributes
    ----------
    steps, lr : array, shape (steps,)
    loss, low, high : array, shape (steps,)
        Of the smoothed training loss, and the ends of its interval.
    """

    steps: Array
    lr: Array
    loss: Array
    low: Array
    high: Array


class Gain(NamedTuple):
    """How much lower a loss is than another.

    Attributes
    ----------
    value, low, high : float
        Above 0 where it is lower.
    """

    value: float
    low: float
    high: float


def forecast(fit: CurveFit, path: RatePath, steps: Array, level: float) -> LossForecast:
    """Return the loss along a path at some steps.

    The average over the laws, moved by what is left over where it leaves a log. The standard deviation
    holds that of the fits, how far the laws differ, and what laws miss of a schedule that they have not seen.
    """
    shown = steps if len(steps) <= _MOST else np.unique(steps[np.linspace(0, len(steps) - 1, _MOST).round().astype(int)])
    mean, spread = (np.interp(steps, shown, each) for each in _spread(fit, path, shown))
    width = _quantile(level) * spread
    return LossForecast(steps, path.at(steps), np.exp(mean), np.exp(mean - width), np.exp(mean + width))


_MOST = 2000
"""Steps at which a schedule is computed; between them the loss is as good as straight."""


def loss_at(fit: CurveFit, path: RatePath, step: float, level: float) -> tuple[float, float, float]:
    """Return the loss at one step of a path, and the ends of its interval."""
    there = forecast(fit, path, np.array([step]), level)
    return float(there.loss[0]), float(there.low[0]), float(there.high[0])


def gain(fit: CurveFit, worse: tuple[RatePath, float], better: tuple[RatePath, float], level: float) -> Gain:
    """Return the loss at a step of one path less that at a step of another; both go on from the same log, or from none."""
    (first, first_slopes), (second, second_slopes) = (
        _of_laws(fit, Along(path, np.array([step]), fit.peak)) for path, step in (worse, better)
    )
    mean, variance = (float(each[0]) for each in _averaged(fit, first - second, first_slopes - second_slopes))
    base = loss_at(fit, *better, level)[0]
    width = _quantile(level) * np.sqrt(variance + (settings("interval")["gain"] * mean) ** 2)
    return Gain(*(float(base * np.expm1(each)) for each in (mean, mean - width, mean + width)))


def _quantile(level: float) -> float:
    return student_quantile((1 + level) / 2, settings("interval")["freedom"])


def _of_laws(fit: CurveFit, along: Along) -> tuple[Array, Array]:
    """Return ln(loss) of each law, shape (laws, points), and its slopes, shape (laws, points, 6)."""
    parts = [losses(each.law, each.constants, along, fit.reference) for each in fit.laws]
    return np.log([part[0] for part in parts]), np.array([part[1] for part in parts])


def _averaged(fit: CurveFit, logs: Array, slopes: Array) -> tuple[Array, Array]:
    """Return the laws' mean, shape (points,), and its variance: of their constants, and by how far they disagree."""
    mean = fit.weights @ logs
    parts = zip(slopes, fit.laws, strict=True)
    variances = np.array([np.einsum("ij,jk,ik->i", part, law.covariance, part) for part, law in parts])
    return mean, settings("interval")["spread"] ** 2 * (fit.weights @ (variances + (logs - mean) ** 2))


def expected(fit: CurveFit, path: RatePath, steps: Array) -> Array:
    """Return ln(loss) along a path, by the laws alone."""
    mean: Array = fit.weights @ _of_laws(fit, Along(path, steps, fit.peak))[0]
    return mean


def _spread(fit: CurveFit, path: RatePath, steps: Array) -> tuple[Array, Array]:
    """Return ln(loss) at some steps and its standard deviation."""
    how = settings("interval")
    along = Along(path, steps, fit.peak)
    mean, variance = _averaged(fit, *_of_laws(fit, along))
    seen = _seen(fit, path)
    # runs that differ in nothing but chance differ most right after the warm-up
    early = (how["early"] * (fit.warmup / np.maximum(steps, fit.warmup)) ** 2) ** 2
    if seen is None:
        return mean, np.sqrt(variance + early + how["floor"] ** 2)
    log, until, residual, unsure = seen
    near = np.exp(-_distance(along, path, until, fit.peak) / how["near"])
    moved = np.interp(np.minimum(steps, until), log.steps[log.steps <= until], residual)
    own = how["again"] ** 2 + unsure**2 + early
    return mean + moved * near, np.sqrt((variance + how["floor"] ** 2) * (1 - near**2) + own)


def _distance(along: Along, path: RatePath, until: float, peak: float) -> Array:
    """Return how far steps lie beyond what a log shows: in ln of progress, and in the rate over the peak."""
    there = Along(path, np.array([until]), peak)
    grown = np.log(along.progress(1.0)[0] / there.progress(1.0)[0])
    before = float(path.at(np.array([np.nextafter(until, 0)]))[0]) / peak
    return np.where(along.steps <= until, 0.0, np.maximum(grown, 0.0) + np.abs(along.rates - before))


def _seen(fit: CurveFit, path: RatePath) -> tuple[Smoothed, float, Array, float] | None:
    """Return the log whose schedule is the path's for the longest, until when, its losses off the laws, and how sure they are.

    None where no log is beyond its first points.
    """
    until, log = max(((shared(log.path, path, fit.peak), log) for log in fit.logs), key=lambda each: each[0])
    if until < log.steps[min(_FEW, len(log.steps) - 1)]:
        return None
    used = log.steps <= until
    missed = np.log(log.loss[used]) - expected(fit, log.path, log.steps[used])
    # what neighbours share of it is the laws' miss, the rest the scatter of the rows
    noise = float(np.median(log.noise / log.loss)) / np.sqrt(2 * _SIDE + 1)
    law = settings("fit")["misfit"] ** 2
    return log, until, _smooth(missed) * law / (law + noise**2), noise * np.sqrt(law / (law + noise**2))


_FEW = 8
_ALIKE = 0.02
"""Rates over the peak that differ by less are the same."""


def shared(path: RatePath, other: RatePath, peak: float) -> float:
    """Return the step up to which two paths are the same."""
    last = min(path.end, other.end)
    steps = np.unique(np.concatenate([np.linspace(0, last, 257), path.steps[path.steps <= last]]))
    apart = np.flatnonzero(np.abs(path.at(steps) - other.at(steps)) > _ALIKE * peak)
    return last if not len(apart) else float(steps[max(apart[0] - 1, 0)])


def _smooth(values: Array) -> Array:
    """Return the mean of each value with its neighbours."""
    if len(values) < 2 * _SIDE + 1:
        return values
    padded = np.concatenate([values[:_SIDE][::-1], values, values[-_SIDE:][::-1]])
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * _SIDE + 1), axis=1)
    far = 3 * 1.4826 * np.median(np.abs(values - middle))  # a spike is no part of the curve
    padded[_SIDE:-_SIDE] = np.clip(values, middle - far, middle + far)
    return np.convolve(padded, np.full(2 * _SIDE + 1, 1 / (2 * _SIDE + 1)), "valid")


_SIDE = 2
