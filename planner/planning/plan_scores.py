"""The benchmark scores expected of a plan, by a score model fitted to smaller runs, and the compute that a score takes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.root_finding import find_root
from planner.errors import OptionError
from planner.fitting.scores.forms import Array
from planner.fitting.scores.result import Suite, TaskScore
from planner.fitting.scores.score_file import load_model
from planner.fitting.scores.score_model import ScoreModel, suites_of
from planner.fitting.scores.scores import target_notes
from planner.fitting.scores.settings import settings
from planner.inputs.question import Question
from planner.notes import Note
from planner.planning.plan_result import Plan
from planner.quantities import bare, listed, plain, shown

_STEPS = 61


class NeededCompute(NamedTuple):
    """The compute that a score takes, compute-optimally by the score model's own law of loss.

    Attributes
    ----------
    task : str
    score : float
    flops : float or None
        None where it cannot be said, for the ``reason``.
    low, high : float or None
        Interval: where one model's score may already reach it, and where it surely does; None where that is not within the
        range that is searched.
    reason : str
    """

    task: str
    score: float
    flops: float | None
    low: float | None
    high: float | None
    reason: str


class PlanScores(NamedTuple):
    """Scores expected of a plan.

    Attributes
    ----------
    name : str
        The table of runs that they are forecast from.
    tasks : mapping of str to TaskScore
    suites : tuple of Suite
    needed : tuple of NeededCompute
    level : float
    """

    name: str
    tasks: Mapping[str, TaskScore]
    suites: tuple[Suite, ...]
    needed: tuple[NeededCompute, ...]
    level: float


def with_scores(plan: Plan, question: Question) -> Plan:
    """Return a plan with the scores that its question asks for; refuse a target without a model, or of a task it has not."""
    if question.scores is None:
        raise OptionError("`target_score` goes with `scores`, a file that plan scores --save wrote")
    model = load_model(question.scores)
    sizes = model.rows.params is not None and model.rows.tokens is not None
    place = model.place(None, plan.params, plan.tokens, None) if sizes else model.place(plan.training_flops, None, None, None)
    tasks = model.score(place, question.level)
    needed = tuple(_needed(model, name, score, question.level) for name, score in (question.target_score or {}).items())
    through = f"for its recipe, and through its own law of loss, not through {plan.law.id}"
    said = Note("scores-of", "info", f"scores are forecast from {bare(model.name)}: {through}")
    notes = (*plan.notes, said, *target_notes(place, tasks))
    suites = suites_of(tasks, {}, float(settings("interval")["shared"]))
    return replace(plan, scores=PlanScores(model.name, FrozenDict(tasks), suites, needed, question.level), notes=notes)


def _needed(model: ScoreModel, name: str, score: float, level: float) -> NeededCompute:
    task = next((each for each in model.tasks if each.name.lower() == name.lower()), None)
    if task is None:
        known = listed([bare(each.name) for each in model.tasks], 12)
        raise OptionError(f"`target_score` {shown(name)}: no such task; tasks are {known}")
    nothing = NeededCompute(task.name, score, None, None, None, "")
    if model.largest is None or not task.fits:
        return nothing._replace(reason="its runs have no compute, or it is a loss")
    if not task.floor < score < task.ceiling:
        return nothing._replace(reason=f"its scores lie between {plain(task.floor, 3)} and {plain(task.ceiling, 3)}")
    farthest = model.largest * float(settings("verdict")["farthest"])
    assert model.rows.flops is not None
    grid = np.geomspace(float(np.nanmin(model.rows.flops)), farthest, _STEPS)

    def end(at: int) -> float | None:
        return _crossing(lambda flops: model.forecast(task, model.place(flops, None, None, None), level)[at], score, grid)

    flops = end(0)
    if flops is None and not task.above_chance:
        known = f"{settings('verdict')['chance_to']:g} times the largest run"
        return nothing._replace(reason=f"not known: not yet above chance in any run, and not foretold beyond {known}")
    if flops is None:
        return nothing._replace(reason=f"not reached within {settings('verdict')['farthest']:g} times the largest run")
    verdict = model.score(model.place(flops, None, None, None), level)[task.name]
    if not verdict.predictable:
        return nothing._replace(reason=f"{verdict.verdict} there: {verdict.reason}")
    return NeededCompute(task.name, score, flops, end(2), end(1), "")


def _crossing(value: Callable[[float], float], score: float, grid: Array) -> float | None:
    """Return where a curve over compute first reaches a score; None where it does not within the grid."""
    above = np.array([value(float(each)) >= score for each in grid])
    if not above.any():
        return None
    at = int(np.argmax(above))
    if at == 0:
        return float(grid[0])
    root = find_root(lambda x: np.array(value(float(np.exp(x))) - score), float(np.log(grid[at - 1])), float(np.log(grid[at])))
    return float(f"{float(np.exp(root)):.6g}")
