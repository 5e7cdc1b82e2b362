"""Forecast benchmark scores as data: a score with its interval or a refusal for each task, and means over what is predictable."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.showing import Raw
from planner._util.to_json import Answer, as_json
from planner._version import __version__
from planner.errors import OptionError
from planner.fitting.scores.verdicts import PREDICTABLE
from planner.notes import Note

if TYPE_CHECKING:
    from planner.fitting.scores.score_model import ScoreModel


class Guess(NamedTuple):
    """The score that would have been forecast for a task that is refused, with its interval: for back-tests, not for use."""

    score: float
    low: float
    high: float


class TaskScore(NamedTuple):
    """One task's forecast.

    Attributes
    ----------
    score, low, high : float or None
        Expected score and its interval for one model, as fractions (nats or bits for a task that is a loss); None where the
        forecast is refused.
    verdict : str
        predictable, not yet above chance, saturated, not monotone, or too noisy.
    reason, decided_by : str
        Why, and which run or test would change a refusal.
    kind : str
        accuracy, exact match, pass@k, loss or bits.
    chance, questions : float or None
        Where they are known.
    floor, ceiling : float
        The floor is estimated from the runs: it may differ from chance.
    largest : float
        Mean score of the third of the runs that spent most.
    above_chance : bool
        Whether that is above the runs that spent least, beyond noise.
    runs : int
        Rows with a score.
    doubling : float or None
        What a doubling of compute adds, as a fraction.
    error : float
        Standard deviation of the forecast.
    error_parts : mapping of str to float
        What it is made of: held_out, forms, loss, scatter, questions, hidden; squares add.
    weights : mapping of str to float
        Of the forms.
    would_be : Guess
    """

    score: float | None
    low: float | None
    high: float | None
    verdict: str
    reason: str
    decided_by: str
    kind: str
    chance: float | None
    questions: float | None
    floor: float
    ceiling: float | None
    largest: float
    above_chance: bool
    runs: int
    doubling: float | None
    error: float
    error_parts: Mapping[str, float]
    weights: Mapping[str, float]
    would_be: Guess

    @property
    def refused(self) -> bool:
        """Whether no score is given."""
        return self.score is None

    @property
    def predictable(self) -> bool:
        """Whether it counts in means over tasks."""
        return self.verdict == PREDICTABLE


class Suite(NamedTuple):
    """A mean over tasks.

    Attributes
    ----------
    name : str
    score, low, high : float or None
        None where none of its tasks is predictable.
    tasks, left_out : tuple of str
        Those it is the mean of, and those of the suite that are not predictable.
    """

    name: str
    score: float | None
    low: float | None
    high: float | None
    tasks: tuple[str, ...]
    left_out: tuple[str, ...]


class ScoreTarget(NamedTuple):
    """The run that scores are forecast for; None for what is not known of it.

    Attributes
    ----------
    flops, params, tokens, loss : float or None
    loss_low, loss_high : float or None
        Interval of its loss by the table's own law.
    reach : float or None
        Its compute over the largest run's.
    """

    flops: float | None
    params: float | None
    tokens: float | None
    loss: float | None
    loss_low: float | None = None
    loss_high: float | None = None
    reach: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Answer):
    """Expected benchmark scores of a run.

    Attributes
    ----------
    tasks : mapping of str to TaskScore
    target : ScoreTarget
    suites : tuple of Suite
        The mean over all tasks first.
    name : str
        Where the runs came from.
    runs : int
    forms : tuple of str
        The forms that the table's columns allow.
    level : float
        Of the intervals.
    notes : tuple of Note
    inputs : mapping
    model : ScoreModel
        What forecasts them, for other targets; not part of ``to_dict``.
    version : str
    """

    tasks: Mapping[str, TaskScore]
    target: ScoreTarget
    suites: tuple[Suite, ...]
    name: str
    runs: int
    forms: tuple[str, ...]
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    model: "ScoreModel"
    version: str = __version__

    @property
    def predictable(self) -> tuple[str, ...]:
        """Tasks whose score can be forecast."""
        return tuple(name for name, each in self.tasks.items() if each.predictable)

    @property
    def refused(self) -> tuple[str, ...]:
        """Tasks without a score."""
        return tuple(name for name, each in self.tasks.items() if each.refused)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: fractions, base units, full precision."""
        return {name: as_json(getattr(self, name)) for name in self.__dataclass_fields__ if name != "model"}

    def save(self, path: Raw, *, overwrite: bool = False) -> Path:
        """Write what forecasts these scores as a JSON file, for ``plan --scores``.

        Raises
        ------
        OptionError
            The name does not end in .json, or the file exists and ``overwrite`` is not given.
        """
        from planner.fitting.scores.score_file import save_model

        if self.model.local:
            raise OptionError(
                "save: `observational` scores rest on public models, which plan does not take: give runs of your own"
            )
        if self.model.rows.flops is None:
            raise OptionError("save: these scores go by loss alone, and plan asks for compute: give `target` instead of `loss`")

        return save_model(self.model, path, overwrite=overwrite)
