"""Scores by compute from public models, with the spread of those near it."""

import numpy as np

from planner.fitting.scores.score_model import ScoreModel, fit_model
from planner.fitting.scores.settings import settings
from planner.fitting.scores.table import ScoreTable
from planner.fitting.scores.task_model import TaskModel


def observed(table: ScoreTable, flops: float) -> tuple[ScoreModel, float]:
    """Fit public models, with the error of those nearest a compute; return the largest standard deviation that is given too.

    What counts is how far one model is off the curve of the others, not how well small ones foretell large ones: public models
    lie on both sides of most targets.
    """
    model, _ = fit_model(table)
    known = settings("public")
    tasks = [each._replace(held_out=_spread_near(each, flops, int(known["nearest"])), scatter=0.0) for each in model.tasks]
    return model._replace(tasks=tuple(tasks)), float(known["most"])


def _spread_near(task: TaskModel, flops: float, count: int) -> float:
    """Return the root mean square distance of the models nearest a compute from the weighted forms."""
    assert task.where.flops is not None
    near = np.argsort(np.abs(np.log(task.where.flops / flops)), kind="stable")[:count]
    missed = task.scores[near] - task.forecast(task.where.take(near))
    return float(np.sqrt(np.mean(missed**2)))
