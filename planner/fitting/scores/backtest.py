"""Would the scores of the small runs have foretold those of the large ones? Fit below C_max/R, predict the rest, task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers
from planner._util.to_json import Answer, as_json
from planner._version import __version__
from planner.allocation.loss_interval import check_level
from planner.errors import FitError, OptionError
from planner.fitting.backtest import Foretold
from planner.fitting.fit import TableLike
from planner.fitting.scores.forms import Array, Where
from planner.fitting.scores.known_tasks import LOSS_KINDS
from planner.fitting.scores.score_model import ScoreModel, fit_model
from planner.fitting.scores.scores import read_table
from planner.fitting.scores.table import ScoreTable, fewest
from planner.fitting.scores.task_model import Errors, TaskModel
from planner.fitting.scores.verdicts import PREDICTABLE, judge
from planner.inputs.input_row import Number
from planner.inputs.registry import asks
from planner.inputs.table_inputs import Reading, TableInputs
from planner.notes import Note
from planner.quantities import parse_number, plain, shown

LARGE, SMALL = 0.06, 0.03
"""Errors that a refusal should catch, and those that it should let pass, as fractions."""


class TaskTest(NamedTuple):
    """One task and one ratio.

    Attributes
    ----------
    task : str
    ratio : float
        R: fitted on C <= C_max/R.
    verdict, reason : str
        Of the forecasts, by what their errors were made of on average over the runs held out.
    fitted, predicted : int
        Rows on either side that have a score.
    error : float
        Mean absolute error of the predicted scores, whatever the verdict.
    coverage, half_width : float
        Share of predicted scores inside their interval, and the mean of half its width.
    noise : float or None
        Mean absolute error that the number of questions alone would give: no forecast is better.
    no_law : float
        Mean absolute error of the mean of the three best fitted runs.
    above_chance : bool
        Of the fitted runs.
    runs : Foretold
        The predicted runs one by one.
    """

    task: str
    ratio: float
    verdict: str
    reason: str
    fitted: int
    predicted: int
    error: float
    coverage: float
    half_width: float
    noise: float | None
    no_law: float
    above_chance: bool
    runs: Foretold


class TestSummary(NamedTuple):
    """All tasks of one ratio; errors are means over tasks.

    Attributes
    ----------
    ratio : float
    tasks, kept : int
        Tasks in all, and those that are predictable.
    error, narrow_error, noise, no_law : float or None
        Of the predictable tasks, of the half of them with the narrowest intervals, and what questions alone and no law give.
    coverage : float or None
        Of the predictable tasks.
    large, caught : int
        Tasks whose error exceeds 6 points, and those of them that are refused.
    small, missed : int
        Tasks whose error is under 3 points, and those of them that are refused.
    """

    ratio: float
    tasks: int
    kept: int
    error: float | None
    narrow_error: float | None
    noise: float | None
    no_law: float | None
    coverage: float | None
    large: int
    caught: int
    small: int
    missed: int


@dataclass(frozen=True, eq=False, repr=False)
class ScoreBacktest(Answer):
    """How the scores of a table's larger runs were foretold by its smaller ones.

    Attributes
    ----------
    tests : tuple of TaskTest
        One for each ratio and task.
    summaries : tuple of TestSummary
    name : str
    level : float
    notes : tuple of Note
    inputs : mapping
    models : tuple of ScoreModel
        What was fitted at each ratio; not part of ``to_dict``.
    version : str
    """

    tests: tuple[TaskTest, ...]
    summaries: tuple[TestSummary, ...]
    name: str
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    models: tuple[ScoreModel, ...]
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: fractions, base units, full precision."""
        return {name: as_json(getattr(self, name)) for name in self.__dataclass_fields__ if name != "models"}


@asks(TableInputs)
def backtest_scores(
    runs: TableLike,
    *,
    ratios: Sequence[object] = (30,),
    task: Sequence[str] | str | None = None,
    about: TableLike | None = None,
    chance: Mapping[str, Number] | None = None,
    questions: Mapping[str, Number] | None = None,
    ceiling: Mapping[str, Number] | None = None,
    group: str | None = None,
    level: Number = LEVEL,
    workers: Workers = 1,
    progress: Progress | None = None,
    **asked: Unpack[TableInputs],
) -> ScoreBacktest:
    """Fit the scores of the small runs of a table and predict those of the large ones.

    Parameters
    ----------
    runs, task, about, chance, questions, ceiling, group, level, workers, progress
        As for :func:`planner.scores`.
    ratios : sequence of float
        R: fit on C <= C_max/R, predict the rest.
    {inputs}

    Returns
    -------
    ScoreBacktest

    Raises
    ------
    FitError
        Too few runs on either side of every ratio, or no compute.

    Examples
    --------
    >>> import planner
    >>> found = planner.backtest_scores("gadre2024", group="rpj", task=["piqa", "boolq"])
    >>> [(each.task, each.verdict, each.predicted) for each in found.tests]
    [('boolq', 'too noisy', 4), ('piqa', 'predictable', 4)]
    """
    reading = Reading.of(asked, "backtest_scores", TableInputs)
    confidence = check_level(level)
    factors = _ratios(ratios)
    of_tasks = {"chance": chance, "questions": questions, "ceiling": ceiling}
    table, side = read_table(runs, reading, of_tasks, task=task, about=about, group=group)
    if table.where.flops is None:
        raise FitError(f"{table.name}: a back-test needs the compute of runs: flops, or params and tokens")
    tests, models, notes = _tested(table, factors, confidence, workers, progress)
    inputs = FrozenDict(
        {"runs": table.name, "sha256": table.sha256, "group": group, "ratios": tuple(factors), "about": side}
        | {"level": confidence, **reading.stated()}
    )
    summaries = tuple(_summary(factor, [each for each in tests if each.ratio == factor]) for factor in factors)
    kept = tuple(each for each in summaries if each.tasks)
    return ScoreBacktest(tuple(tests), kept, table.name, confidence, tuple(notes), inputs, tuple(models))


def _tested(
    table: ScoreTable, factors: Sequence[float], level: float, workers: Workers, progress: Progress | None
) -> tuple[list[TaskTest], list[ScoreModel], list[Note]]:
    """Fit and predict at each ratio; what cannot be tested is noted, or refused where nothing is left."""
    assert table.where.flops is not None
    tests: list[TaskTest] = []
    models: list[ScoreModel] = []
    notes = list(table.notes)
    for factor in factors:
        small = table.where.flops <= float(table.where.flops.max()) / factor * (1 + 1e-9)
        if small.sum() < fewest() or not (~small).any():
            text = f"{int(small.sum())} runs spend at most 1/{plain(factor)} of the largest compute"
            notes.append(Note("refused", "warning", f"{text}; at least {fewest()} are needed"))
            continue
        model, told = fit_model(_rows(table, small), workers, progress)
        notes += [Note("not-fitted", "warning", text) for text in told]
        models.append(model)
        tests += _tests(model, table, ~small, factor, level)
    if not tests:
        raise FitError(f"nothing to test in {table.name}: {notes[-1].text if notes else 'no task has scores on both sides'}")
    return tests, models, notes


def _ratios(values: Any) -> list[float]:
    found = [parse_number(each, "ratio") for each in (values if isinstance(values, (list, tuple)) else [values])]
    if not found or any(not 1 < each <= 1e6 for each in found):
        raise OptionError(f"ratios {shown(values)}: must be above 1 and at most 1e6; 30 fits on runs up to 1/30 of the largest")
    return found


def _rows(table: ScoreTable, kept: Any) -> ScoreTable:
    """Return some runs of a table, with the tasks that still have scores that differ."""
    tasks = []
    for task in table.tasks:
        scores = task.scores[kept]
        known = scores[np.isfinite(scores)]
        if len(known) >= 2 and known.min() < known.max():
            own = None if task.answer_loss is None else task.answer_loss[kept]
            tasks.append(task._replace(scores=scores, answer_loss=own))
    return table._replace(where=table.where.take(kept), tasks=tuple(tasks))


def _tests(model: ScoreModel, table: ScoreTable, held_out: Any, ratio: float, level: float) -> list[TaskTest]:
    """Predict the runs held out, from their sizes alone: their losses are forecast too."""
    where = table.where.take(held_out)
    known = {task.name: task.scores[held_out] for task in table.tasks}
    found = []
    for task in model.tasks:
        scores = known[task.name]
        has = np.isfinite(scores)
        if not has.any() or task.kind in LOSS_KINDS:
            continue
        runs, losses = model.foreseen(where.take(has))
        found.append(_test(task, model.with_answer(task, runs), losses, scores[has], ratio, level))
    return found


def _test(
    task: TaskModel, runs: Where, losses: tuple[Array, Array] | None, scores: Array, ratio: float, level: float
) -> TaskTest:
    assert runs.flops is not None
    p, low, high = task.interval(runs, level, losses)
    middle = Where(flops=np.array([float(np.exp(np.mean(np.log(runs.flops))))]))
    verdict = judge(task, Errors(*map(_root_mean_square, task.errors(runs, losses))), float(p.mean()), middle)
    noise = None
    if task.questions:
        share = np.clip(scores / task.ceiling, 0, 1)
        noise = float(np.mean(np.sqrt(2 / np.pi * share * (1 - share) / task.questions))) * task.ceiling
    best = float(np.sort(task.scores)[-3:].mean())
    return TaskTest(
        task.name,
        ratio,
        verdict.name,
        verdict.reason,
        len(task.scores),
        len(scores),
        float(np.mean(np.abs(p - scores))),
        float(np.mean((low <= scores) & (scores <= high))),
        float(np.mean(high - low) / 2),
        noise,
        float(np.mean(np.abs(best - scores))),
        task.above_chance,
        Foretold(*(tuple(each.tolist()) for each in (runs.flops, scores, p, low, high))),
    )


def _root_mean_square(part: Any) -> Any:
    return np.array([float(np.sqrt(np.mean(part**2)))]) if isinstance(part, np.ndarray) else part


def _summary(ratio: float, tests: Sequence[TaskTest]) -> TestSummary:
    kept = [each for each in tests if each.verdict == PREDICTABLE]
    narrow = sorted(kept, key=lambda each: round(each.half_width, 9))[: len(kept) // 2]
    large = [each.verdict != PREDICTABLE for each in tests if each.error > LARGE]
    small = [each.verdict != PREDICTABLE for each in tests if each.error < SMALL]

    def mean(of: Sequence[TaskTest], name: str) -> float | None:
        values = [getattr(each, name) for each in of if getattr(each, name) is not None]
        return float(np.mean(values)) if values else None

    errors = (mean(kept, "error"), mean(narrow, "error"), mean(kept, "noise"), mean(kept, "no_law"), mean(kept, "coverage"))
    return TestSummary(ratio, len(tests), len(kept), *errors, len(large), sum(large), len(small), sum(small))
