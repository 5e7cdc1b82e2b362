"""Laws of the loss over the steps under a learning rate that changes: their values and slopes along a path."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.files import kept_while_unchanged, read_bundled
from planner.fitting.training_curve.rate_path import RatePath

Array = NDArray[np.float64]

FILE = "training_curves.toml"
CONSTANTS = ("floor", "power", "exponent", "decay", "relaxation", "progress")
"""Of every law, in this order: logarithms of L0, A, alpha, B and the relaxation, and the power of the rate in the progress."""

_LEAST_RATE = 1e-9
_FINEST = 64
"""Parts into which a fall from the peak to zero is divided at least."""


class CurveLaw(NamedTuple):
    """A law as ``data/training_curves.toml`` has it.

    Attributes
    ----------
    name, equation, source : str
    share : float
        Its weight before a log is seen.
    clock, slowing, tail : float
        Powers of the rate in the time of relaxation, and of its end; 0 for an exponential end.
    mean, deviation : array, shape (6,)
        Of the constants before a log is seen, the losses over the least loss of the log.
    """

    name: str
    equation: str
    source: str
    share: float
    clock: float
    slowing: float
    tail: float
    mean: Array
    deviation: Array


@kept_while_unchanged(FILE)
def curve_laws() -> tuple[CurveLaw, ...]:
    """Return the laws that are averaged."""
    table = read_bundled(FILE)
    prior = [table["prior"][name] for name in CONSTANTS[:-1]]

    def law(entry: dict[str, Any]) -> CurveLaw:
        mean, deviation = np.array([*prior, entry["progress"]], float).T
        mean = mean + np.array([0, 0, 0, 0, np.log(entry["relaxation"]), 0])
        numbers = {name: float(entry.get(name, 0.0)) for name in ("share", "clock", "slowing", "tail")}
        return CurveLaw(entry["name"], entry["equation"], entry["source"], **numbers, mean=mean, deviation=deviation)

    return tuple(law(entry) for entry in table["law"])


class Along:
    """A path seen from some of its steps: what the laws need of it.

    Attributes
    ----------
    steps : array, shape (points,)
    rates : array, shape (points,)
        Over the peak.
    """

    def __init__(self, path: RatePath, steps: Array, peak: float) -> None:
        t, u = _divided(path.steps, path.lr / peak)
        self.steps, self.rates = np.asarray(steps, float), path.at(steps) / peak
        self._t, self._dt = t, np.diff(t)
        self._rate = np.maximum((u[1:] + u[:-1]) / 2, _LEAST_RATE)
        fall = -np.diff(u)
        self._fallen = np.flatnonzero(np.abs(fall) > 1e-7)
        self.falls = fall[self._fallen]
        # a rate that jumps relaxes at the rate after the jump, one that slides at its own
        after = np.where(self._dt > 0, self._rate, u[1:])
        self._after = np.maximum(after[self._fallen], _LEAST_RATE)
        self._middle = ((t[1:] + t[:-1]) / 2)[self._fallen]
        self._times: dict[tuple[float, float], Array] = {}

    def progress(self, power: float) -> tuple[Array, Array]:
        """Return the sum of rate^power up to each step [steps at the peak], and its slope in the power."""
        part = self._dt * self._rate**power
        total, slope = (np.append(0.0, np.cumsum(each)) for each in (part, part * np.log(self._rate)))
        return np.maximum(self._seen(total, self.steps), 1e-9), self._seen(slope, self.steps)

    def times(self, clock: float, slowing: float) -> Array:
        """Return the time since each fall, shape (points, falls); 0 before it."""
        if (clock, slowing) not in self._times:
            total = np.append(0.0, np.cumsum(self._dt * self._rate**clock))
            since = self._seen(total, self.steps)[:, None] - self._seen(total, self._middle)[None]
            self._times[clock, slowing] = np.maximum(since, 0.0) * self._after[None] ** -slowing
        return self._times[clock, slowing]

    def _seen(self, total: Array, steps: Array) -> Array:
        return np.interp(steps, self._t, total)


def _divided(t: Array, u: Array) -> tuple[Array, Array]:
    """Return knots so near to each other that a fall may be taken as one at the middle."""
    many = np.where(np.diff(t) > 0, np.maximum(np.ceil(np.abs(np.diff(u)) * _FINEST), 1), 1).astype(int)
    first = np.repeat(np.arange(len(many)), many)
    share = (np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)) / many[first]
    steps, rates = (np.append(each[first] + share * np.diff(each)[first], each[-1]) for each in (t, u))
    return steps, rates


def losses(law: CurveLaw, constants: Array, along: Along, reference: float) -> tuple[Array, Array]:
    """Return the loss at each step and the slopes of its logarithm, shape (points, 6).

    Parameters
    ----------
    law : CurveLaw
    constants : array, shape (6,)
        As in ``CONSTANTS``.
    along : Along
    reference : float
        Progress at which the power-law part is A [steps at the peak].
    """
    floor, power, exponent, decay, relaxation = np.exp(constants[:5])
    progress, slope = along.progress(constants[5])
    distance = np.log(progress / reference)
    part = power * np.exp(-exponent * distance)
    x = along.times(law.clock, law.slowing) / relaxation
    rest = (1 + x) ** -law.tail if law.tail else np.exp(-x)
    faster = (law.tail * x / (1 + x) if law.tail else x) * rest
    fallen, quicker = decay * ((1 - rest) @ along.falls), decay * (faster @ along.falls)
    loss = np.maximum(floor + part - fallen, floor / 100)
    slopes = (np.full_like(loss, floor), part, -exponent * part * distance, -fallen, quicker, -exponent * part * slope / progress)
    return loss, np.stack(slopes, 1) / loss[:, None]
