"""A training curve as data: what a run will end at, what else it could do, and what its log shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from planner._util.showing import Raw
from planner._util.to_json import Answer, as_json
from planner._version import __version__
from planner.allocation.loss_interval import check_level
from planner.errors import OptionError
from planner.fitting.training_curve.curve_fit import CurveFit
from planner.fitting.training_curve.decide import Choice, DecayStart
from planner.fitting.training_curve.forecast import Gain, LossForecast, forecast
from planner.fitting.training_curve.held_to_law import HeldToLaw
from planner.fitting.training_curve.log_paths import read_schedule
from planner.fitting.training_curve.rate_path import Defaults, RatePath
from planner.fitting.training_curve.watch import Event
from planner.notes import Note


class LogRead(NamedTuple):
    """A log as it was fitted.

    Attributes
    ----------
    name : str
    rows : int
        With a loss.
    first, last : float
        Steps.
    warmup : float
        Steps until the highest rate.
    scatter : float
        Standard deviation of a row around its neighbours, as a share of the loss.
    points, shortest, longest : int
        Points after smoothing, and the fewest and most rows in one.
    """

    name: str
    rows: int
    first: float
    last: float
    warmup: float
    scatter: float
    points: int
    shortest: int
    longest: int


class CurvePoint(NamedTuple):
    """A smoothed loss at a step, with the learning rate there and the ends of its interval."""

    step: float
    lr: float
    loss: float
    low: float
    high: float


class LawShare(NamedTuple):
    """A law in the forecast: its weight, its constants (rates over the peak, steps), and where it comes from."""

    name: str
    weight: float
    constants: Mapping[str, float]
    equation: str
    source: str


@dataclass(frozen=True, eq=False, repr=False)
class TrainingCurve(Answer):
    """What a run in progress will end at, what else it could do, and what its log shows.

    Attributes
    ----------
    name : str
        Of the run's log.
    logs : tuple of LogRead
        The run's first, then the others of the same model.
    now : CurvePoint
        At the run's last row.
    end : CurvePoint
        At the end of its schedule.
    schedule : str
        The schedule, as it was given.
    curve : tuple of CurvePoint
        Along the schedule.
    observed : tuple of tuple of (step, loss)
        The smoothed points of each log.
    decay_gain : Gain or None
        What the rest of the schedule gives over holding the rate of now; None where nothing is left of it.
    choices : tuple of Choice
        The plan, stopping, decaying now, going on for longer, other schedules.
    decay_starts : tuple of DecayStart
        Decays to zero from other steps on, to the same end; empty where a decay has begun.
    best_start : DecayStart or None
        The lowest of them.
    events : tuple of Event
        What the schedule does not explain.
    laws : tuple of LawShare
    against : HeldToLaw or None
        The run beside a scaling law, where one was given.
    level : float
        Of the intervals.
    notes : tuple of Note
    inputs : mapping
    fit : CurveFit or None
    paths : tuple of RatePath
        Of the choices.
    version : str
    """

    name: str
    logs: tuple[LogRead, ...]
    now: CurvePoint
    end: CurvePoint
    schedule: str
    curve: tuple[CurvePoint, ...]
    observed: tuple[tuple[tuple[float, float], ...], ...]
    decay_gain: Gain | None
    choices: tuple[Choice, ...]
    decay_starts: tuple[DecayStart, ...]
    best_start: DecayStart | None
    events: tuple[Event, ...]
    laws: tuple[LawShare, ...]
    against: HeldToLaw | None
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    fit: CurveFit | None = field(default=None, compare=False)
    paths: tuple[RatePath, ...] = field(default=(), compare=False)
    version: str = __version__

    def predict(self, schedule: Any, level: Raw = None) -> LossForecast:
        """Return the loss along a schedule.

        Parameters
        ----------
        schedule : str, path, mapping, data frame, or pair of arrays
            In words such as ``"wsd 72000 decay 12000"`` (warm-up and peak are the logs' where they are not said), a file with
            columns step and lr, or (steps, lr). One that is given by steps is answered at its steps; before the first of them it
            is taken as the logs are.
        level : float or str, optional
            Of the intervals; by default the curve's.

        Returns
        -------
        LossForecast
            Arrays steps, lr, loss, low, high.

        Raises
        ------
        PlannerError
            A schedule that is not understood.
        """
        fit = self.fit
        if fit is None:
            raise OptionError("predict: this curve does not hold its fit; fit its logs again")
        known = Defaults(None, fit.peak, self.logs[0].warmup)
        path, _, steps = read_schedule(schedule, known, [log.path for log in fit.logs])
        if not len(steps):
            steps = grid(path.end, fit.warmup)
        return forecast(fit, path, steps, self.level if level is None else check_level(level))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types; the fit itself and the paths of the choices are no results."""
        return {name: as_json(getattr(self, name)) for name in self.__dataclass_fields__ if name not in {"fit", "paths"}}


_POINTS = 121


def grid(end: float, warmup: float) -> Any:
    """Return steps at which a schedule is shown: evenly from the end of its warm-up to its end."""
    first = min(max(warmup, 1.0), end / 2)
    return np.unique(np.round(np.linspace(first, end, _POINTS), 6))
