"""What a log shows that its schedule does not explain: spikes, losses that are no number, divergence, a bend."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import settings
from planner.fitting.training_curve.curve_fit import CurveFit
from planner.fitting.training_curve.forecast import expected
from planner.fitting.training_curve.laws import FILE, Along
from planner.fitting.training_curve.log_reader import Log
from planner.fitting.training_curve.smoothing import Smoothed

Array = NDArray[np.float64]


class Event(NamedTuple):
    """Something that the schedule does not explain.

    Attributes
    ----------
    kind : {"spike", "not a number", "divergence", "bend", "jump"}
    log : str
    step, until : float
        Where it begins and ends.
    change : float
        Of the loss, as a share: the height of a spike, the rise of a run that diverges, the move of the end by a bend; 0 for a
        loss that is no number.
    rows : int
        Of losses that are no number, how many.
    at_end : bool
        Whether no loss follows on them.
    """

    kind: str
    log: str
    step: float
    until: float
    change: float
    rows: int = 0
    at_end: bool = False


def events(log: Log, smooth: Smoothed, fit: CurveFit) -> list[Event]:
    """Return what a log shows that did not turn, by step; :func:`turned` says whether it did."""
    found = [*_broken(log), *_spikes(log, smooth), *(_bend(log, smooth, fit) or _jump(log, smooth, fit))]
    return sorted(found, key=lambda each: (each.step, each.kind))


def _broken(log: Log) -> list[Event]:
    if not log.broken:
        return []
    at_end = log.broken[-1] > float(log.steps[-1])
    return [Event("not a number", log.name, log.broken[0], log.broken[-1], 0.0, len(log.broken), at_end)]


def _spikes(log: Log, smooth: Smoothed) -> list[Event]:
    """Return rows far above the smoothed loss; rows that follow each other are one spike."""
    how: Any = settings(FILE, "watch")
    far, least = how["spike"]
    above = log.loss / np.interp(log.steps, smooth.steps, smooth.loss) - 1
    high = np.flatnonzero(
        (above > max(far * smooth.scatter, least)) & (log.steps >= smooth.steps[smooth.early]) & (log.steps <= smooth.path.end)
    )
    if not len(high):
        return []
    parts = np.split(high, np.flatnonzero(np.diff(high) > _APART) + 1)
    found = [
        Event("spike", log.name, float(log.steps[part[0]]), float(log.steps[part[-1]]), float(above[part].max()))
        for part in parts
    ]
    return sorted(found, key=lambda each: (-round(each.change, 9), each.step))[: how["most"]]


_APART = 3
"""Rows between two high ones that still make one spike."""


def turned(smooth: Smoothed) -> Event | None:
    """Return where a run turned that ends above its least loss, though its rate does not rise."""
    far, least = settings(FILE, "watch")["rise"]
    lowest = int(np.argmin(np.round(smooth.loss, 9)))
    rises = smooth.loss[-1] / smooth.loss[lowest] - 1
    after = smooth.path.at(smooth.steps[lowest:])
    if rises < max(far * smooth.noise[-1] / smooth.loss[-1], least) or after.max() > 1.05 * after[0]:
        return None
    return Event("divergence", smooth.name, float(smooth.steps[lowest]), float(smooth.steps[-1]), float(rises))


def _bend(log: Log, smooth: Smoothed, fit: CurveFit) -> list[Event]:
    """Return the step from which on the loss leaves the laws, by a jump or by another slope; none where they explain it."""
    how: Any = settings(FILE, "watch")
    t = smooth.steps[smooth.early :]
    if len(t) < 4 * _SIDE:
        return []
    missed = np.log(smooth.loss[smooth.early :]) - expected(fit, smooth.path, t)
    x = np.log(Along(smooth.path, t, fit.peak).progress(1.0)[0])
    straight = np.stack([np.ones_like(x), x], 1)
    squares = _left_over(straight, missed)[0]
    best: tuple[float, float, int] = (1.0, 0.0, 0)
    first = max(_SIDE, int(np.searchsorted(t, how["bend_from"] * t[-1])))
    for at in range(first, len(t) - _SIDE):
        for change in ((np.arange(len(t)) >= at).astype(float), np.maximum(x - x[at], 0.0)):
            left, weights = _left_over(np.column_stack([straight, change]), missed)
            moved = float(weights[-1] * change[-1])
            if round(left / max(squares, 1e-300), 9) < best[0] and abs(moved) >= how["bend"]:
                best = (round(left / max(squares, 1e-300), 9), moved, at)
    if best[0] > 1 - how["explained"]:
        return []
    return [Event("bend", log.name, float(t[best[2]]), float(t[-1]), best[1])]


def _jump(log: Log, smooth: Smoothed, fit: CurveFit) -> list[Event]:
    """Return the step at which the loss leaves its level at once: laws bend to meet it, but not as sharply as it jumps."""
    least, sure = settings(FILE, "watch")["jump"]
    t = smooth.steps[smooth.early :]
    if len(t) < 4 * _SIDE:
        return []
    missed = np.log(smooth.loss[smooth.early :]) - expected(fit, smooth.path, t)
    means = np.convolve(missed, np.full(_NEAR, 1 / _NEAR), "valid")
    moved = means[_NEAR:] - means[:-_NEAR]
    usual = 1.4826 * float(np.median(np.abs(moved - np.median(moved))))
    at = int(np.argmax(np.round(np.abs(moved), 9)))
    if abs(moved[at]) < max(least, sure * usual):
        return []
    step = float(t[at + _NEAR])
    return [Event("jump", log.name, step, step, float(np.expm1(moved[at])))]


_NEAR = 3
"""Points on either side of a jump."""

_SIDE = 6
"""Points on either side of a bend."""


def _left_over(columns: Array, values: Array) -> tuple[float, Array]:
    weights = np.asarray(np.linalg.lstsq(columns, values, rcond=None)[0], np.float64)
    return float(((values - columns @ weights) ** 2).sum()), weights
