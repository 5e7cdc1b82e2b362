"""A log brought to few points: mean losses over stretches of steps, with their noise, and the learning rate by few knots."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.fitting.training_curve.laws import settings
from planner.fitting.training_curve.rate_path import Array, RatePath


class Smoothed(NamedTuple):
    """What is fitted of a log.

    Attributes
    ----------
    path : RatePath
        From step 0 to its last row.
    warmup : float
        Step at which the highest rate is reached first.
    steps, loss, noise : array, shape (points,)
        Mean step and loss of each stretch, after the warm-up, and the standard deviation of that mean by the scatter of the rows.
    early, rows : int
        First points, which no law is fitted to, and rows with a loss.
    scatter : float
        Standard deviation of one row around its neighbours, as a share of the loss.
    shortest, longest : int
        Rows in a stretch.
    follows : float
        Correlation of rows with those before them, around the means: near 0 of raw rows, near 1 of smoothed ones.
    """

    name: str
    path: RatePath
    warmup: float
    steps: Array
    loss: Array
    noise: Array
    early: int
    rows: int
    scatter: float
    shortest: int
    longest: int
    follows: float


def smoothed(name: str, steps: Array, loss: Array, path: RatePath) -> Smoothed:
    """Return the means of a log over stretches of steps.

    Stretches share ln(steps), steps and changes of the learning rate evenly; what lies far from the median of its stretch counts
    as far as ``clip`` standard deviations.
    """
    how, warmup = settings("fit"), warmed_up(path)
    used = steps >= min(warmup, steps[-2])
    t, y = steps[used], loss[used]
    first = _places(t, path.at(t), how["points"])
    many = np.diff(first, append=len(t))
    mean_steps, mean_loss = (np.add.reduceat(each, first) / many for each in (t, _clipped(y, first, many)))
    # laws hold from some warm-ups on, or after a share of the steps
    left = float(steps[-1]) - warmup
    settled = min(max(how["settled"] * warmup, warmup + how["skip"] * left), warmup + how["most_skipped"] * left)
    scatter = _row_scatter(y)
    return Smoothed(
        name=name,
        path=thinned(path, how["knots"]),
        warmup=warmup,
        steps=mean_steps,
        loss=mean_loss,
        noise=scatter * mean_loss / np.sqrt(many),
        early=int(np.searchsorted(mean_steps, settled)),
        rows=len(steps),
        scatter=scatter,
        shortest=int(many.min()),
        longest=int(many.max()),
        follows=_follows(y, np.interp(t, mean_steps, mean_loss)),
    )


def _follows(y: Array, usual: Array) -> float:
    """Return the correlation of neighbouring rows around what is usual there; 0 of few rows."""
    if len(y) < settings("smoothing")["follow_rows"]:
        return 0.0
    off = np.log(y / usual)
    reach = 5 * 1.4826 * float(np.median(np.abs(off)))  # a spike is one row
    off = np.clip(off, -reach, reach)
    squares = float((off**2).mean())
    return float((off[1:] * off[:-1]).mean()) / squares if squares > 0 else 0.0


def warmed_up(path: RatePath) -> float:
    """Return the step at which the highest rate is reached first; 0 where the rate does not rise to it from below."""
    first = int(np.argmax(path.lr >= 0.995 * path.lr.max()))
    return float(path.steps[first]) if first else 0.0


def _row_scatter(loss: Array) -> float:
    """Return the standard deviation of single rows around the mean of their neighbours, as a share of the loss."""
    if len(loss) < 3:
        return 0.0
    between = loss[1:-1] - (loss[2:] + loss[:-2]) / 2
    return float(1.4826 * np.median(np.abs(between) / loss[1:-1]) / np.sqrt(1.5))


def thinned(path: RatePath, most: int) -> RatePath:
    """Return a path with few knots: both ends, and those that share steps and changes of the rate evenly."""
    if len(path.steps) <= most:
        return path
    inner = _places(np.maximum(path.steps, 1.0), path.lr, most // 2)
    kept = np.unique(np.concatenate([[0, len(path.steps) - 1], inner, np.maximum(inner - 1, 0)]))
    return RatePath(path.steps[kept], path.lr[kept])


def _places(t: Array, rate: Array, most: int) -> NDArray[np.intp]:
    """Return where stretches begin: at most so many, alike in ln(steps), steps and changes of the rate."""
    shares = settings("smoothing")["shares"]
    logs = np.log(np.maximum(t, 1e-9))
    changes = np.append(0.0, np.cumsum(np.abs(np.diff(rate))))
    measure = np.zeros(len(t))
    for share, each in zip(shares, (logs, t, changes), strict=True):
        span = each[-1] - each[0]
        measure += share * (each - each[0]) / span if span > 0 else 0.0
    # rounded: the last bit must not move a stretch
    goals = np.round(np.linspace(0, 1, most + 1)[:-1] * measure[-1], 12)
    return np.unique(np.searchsorted(np.round(measure, 12), goals))


def _clipped(y: Array, first: NDArray[np.intp], many: NDArray[np.intp]) -> Array:
    """Return losses with those far from the median of their stretch brought nearer."""
    found = y.copy()
    far = settings("smoothing")["clip"] * 1.4826
    for start, length in zip(first, many, strict=True):
        part = y[start : start + length]
        if length >= _ENOUGH:
            middle = np.median(part)
            reach = far * np.median(np.abs(part - middle))
            found[start : start + length] = np.clip(part, middle - reach, middle + reach)
    # few rows a stretch: against the median of their neighbours, and only what is far
    if len(y) > _WINDOW and many.min() < _ENOUGH:
        sides = np.pad(y, _WINDOW // 2, mode="reflect")
        usual = np.median(np.lib.stride_tricks.sliding_window_view(sides, _WINDOW), axis=1)
        reach = max(far / 1.4826 * _row_scatter(y), settings("watch")["spike"][1]) * usual
        thin = np.repeat(many < _ENOUGH, many)
        found[thin] = np.where(np.abs(y - usual) > reach, usual, y)[thin]
    return found


_WINDOW = 9
_ENOUGH = 5
"""Rows from which a stretch has a scatter of its own."""
