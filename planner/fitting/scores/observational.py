"""Scores by compute from public models, with the spread of those near it."""

import numpy as np

from planner.fitting.scores.score_model import ScoreModel, fit_model
from planner.fitting.scores.settings import settings
from planner.fitting.scores.table import ScoreTable
from planner.fitting.scores.task_model import Origin

_FOLDS = 5


def observed(table: ScoreTable) -> ScoreModel:
    """Fit public models: forms are weighed on every fifth model in turn, from the least compute to the most.

    What counts is how far one model is off the curve of the others, not how well small ones foretell large ones: public models
    lie on both sides of most targets.
    """
    fold = np.arange(table.runs) % _FOLDS
    parts = [Origin(fold != each, fold == each, table.where) for each in range(_FOLDS)]
    model, _ = fit_model(table, origins=parts)
    return model._replace(local=int(settings("public")["nearest"]))
