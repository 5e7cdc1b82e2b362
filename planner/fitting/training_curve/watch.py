"""What a log shows that its schedule does not explain: spikes, losses that are no number, divergence, a bend."""

from typing import NamedTuple

import numpy as np

from planner.fitting.training_curve.curve_fit import CurveFit
from planner.fitting.training_curve.forecast import expected
from planner.fitting.training_curve.laws import Along, settings
from planner.fitting.training_curve.log_reader import Log
from planner.fitting.training_curve.rate_path import Array
from planner.fitting.training_curve.smoothing import Smoothed


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
    found = _spikes(log, smooth)
    if log.broken:
        at_end = log.broken[-1] > float(log.steps[-1])
        found.append(Event("not a number", log.name, log.broken[0], log.broken[-1], 0.0, len(log.broken), at_end))
    t = smooth.steps[smooth.early :]
    if len(t) >= 4 * _SIDE:
        missed = np.log(smooth.loss[smooth.early :]) - expected(fit, smooth.path, t)
        x = np.log(Along(smooth.path, t, fit.peak).progress(1.0)[0])
        found += _bend(log.name, t, x, missed) or _jump(log.name, t, missed)
    return sorted(found, key=lambda each: (each.step, each.kind))


def _spikes(log: Log, smooth: Smoothed) -> list[Event]:
    """Return rows far above the smoothed loss; rows that follow each other are one spike."""
    far, least = settings("watch")["spike"]
    above = log.loss / np.interp(log.steps, smooth.steps, smooth.loss) - 1
    seen = (log.steps >= smooth.steps[smooth.early]) & (log.steps <= smooth.path.end)
    high = np.flatnonzero(seen & (above > max(far * smooth.scatter, least)))
    parts = np.split(high, np.flatnonzero(np.diff(high) > _APART) + 1) if len(high) else []
    found = [
        Event("spike", log.name, float(log.steps[part[0]]), float(log.steps[part[-1]]), float(above[part].max()))
        for part in parts
    ]
    return sorted(found, key=lambda each: (-round(each.change, 9), each.step))[: settings("watch")["most"]]


_APART = 3
"""Rows between two high ones that still make one spike."""


def turned(smooth: Smoothed) -> Event | None:
    """Return where a run turned that ends above its least loss, though its rate does not rise."""
    far, least = settings("watch")["rise"]
    lowest = int(np.argmin(np.round(smooth.loss, 9)))
    rises = smooth.loss[-1] / smooth.loss[lowest] - 1
    after = smooth.path.at(smooth.steps[lowest:])
    if rises < max(far * smooth.noise[-1] / smooth.loss[-1], least) or after.max() > 1.05 * after[0]:
        return None
    return Event("divergence", smooth.name, float(smooth.steps[lowest]), float(smooth.steps[-1]), float(rises))


def _bend(name: str, t: Array, x: Array, missed: Array) -> list[Event]:
    """Return the step from which on the loss leaves the laws, by a jump or by another slope; none where they explain it.

    ``x`` is ln of the progress at the steps ``t``, ``missed`` what the laws miss of ln(loss) there.
    """
    how = settings("watch")
    straight = np.stack([np.ones_like(x), x], 1)
    squares = max(_left_over(straight, missed)[0], 1e-300)
    best, moved_by, begins = 1.0, 0.0, 0
    first = max(_SIDE, int(np.searchsorted(t, how["bend_from"] * t[-1])))
    for at in range(first, len(t) - _SIDE):
        for change in ((np.arange(len(t)) >= at).astype(float), np.maximum(x - x[at], 0.0)):
            left, weights = _left_over(np.column_stack([straight, change]), missed)
            moved, share = float(weights[-1] * change[-1]), round(left / squares, 9)
            if share < best and abs(moved) >= how["bend"]:
                best, moved_by, begins = share, moved, at
    return [] if best > 1 - how["explained"] else [Event("bend", name, float(t[begins]), float(t[-1]), moved_by)]


def _jump(name: str, t: Array, missed: Array) -> list[Event]:
    """Return the step at which the loss leaves its level at once: laws bend to meet it, but not as sharply as it jumps."""
    least, sure = settings("watch")["jump"]
    means = np.convolve(missed, np.full(_NEAR, 1 / _NEAR), "valid")
    moved = means[_NEAR:] - means[:-_NEAR]
    usual = 1.4826 * float(np.median(np.abs(moved - np.median(moved))))
    at = int(np.argmax(np.round(np.abs(moved), 9)))
    if abs(moved[at]) < max(least, sure * usual):
        return []
    step = float(t[at + _NEAR])
    return [Event("jump", name, step, step, float(np.expm1(moved[at])))]


_NEAR = 3
"""Points on either side of a jump."""

_SIDE = 6
"""Points on either side of a bend."""


def _left_over(columns: Array, values: Array) -> tuple[float, Array]:
    weights = np.asarray(np.linalg.lstsq(columns, values, rcond=None)[0], np.float64)
    return float(((values - columns @ weights) ** 2).sum()), weights
