"""Laws of the loss over the steps under a learning rate that changes: their values and slopes along a path."""

from functools import partial
from typing import NamedTuple

import numpy as np

from planner._util import files
from planner.fitting.training_curve.rate_path import Array, RatePath

_FILE = "training_curves.toml"
settings = partial(files.settings, _FILE)
"""Return one section of the numbers of training curves, each with its origin."""

CONSTANTS = ("floor", "power", "exponent", "decay", "relaxation", "progress")
"""Of every law, in this order: logarithms of L0, A, alpha, B and the relaxation, and the power of the rate in the progress."""

_LEAST_RATE = 1e-9
_FINEST = 64
"""Parts into which a fall from the peak to zero is divided at least."""


class CurveLaw(NamedTuple):
    """A law as ``data/training_curves.toml`` has it.

    Before a log is seen ``share`` is its weight, and its constants have a mean and a standard deviation, shape (6,), the losses
    over the least loss of the log. ``clock`` and ``slowing`` are powers of the rate in the time of relaxation, ``tail`` is that
    of its end, 0 for an exponential one.
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


@files.kept_while_unchanged(_FILE)
def curve_laws() -> tuple[CurveLaw, ...]:
    """Return the laws that are averaged."""
    table = files.read_bundled(_FILE)
    prior = [table["prior"][name] for name in CONSTANTS[:-1]]
    found = []
    for entry in table["law"]:
        mean, deviation = np.array([*prior, entry["progress"]], float).T
        mean = mean + np.array([0, 0, 0, 0, np.log(entry["relaxation"]), 0])
        numbers = {name: float(entry.get(name, 0.0)) for name in ("share", "clock", "slowing", "tail")}
        found.append(CurveLaw(entry["name"], entry["equation"], entry["source"], **numbers, mean=mean, deviation=deviation))
    return tuple(found)


class Along:
    """A path seen from some of its steps: what the laws need of it; ``rates`` are over the peak."""

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


def _divided(t: Array, u: Array) -> tuple[Array, ...]:
    """Return knots so near to each other that a fall may be taken as one at the middle."""
    many = np.where(np.diff(t) > 0, np.maximum(np.ceil(np.abs(np.diff(u)) * _FINEST), 1), 1).astype(int)
    first = np.repeat(np.arange(len(many)), many)
    share = (np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)) / many[first]
    return tuple(np.append(each[first] + share * np.diff(each)[first], each[-1]) for each in (t, u))


def losses(law: CurveLaw, constants: Array, along: Along, reference: float) -> tuple[Array, Array]:
    """Return the loss at each step and the slopes of its logarithm, shape (points, 6), by ``CONSTANTS``.

    ``reference`` is the progress at which the power-law part is A [steps at the peak].
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
