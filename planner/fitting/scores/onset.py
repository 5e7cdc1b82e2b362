"""A rise that has only begun: where it would be if it goes on as in the last runs, which forms that ease off fall short of."""

from typing import TYPE_CHECKING

import numpy as np

from planner.fitting.scores.forms import Array, Where
from planner.fitting.scores.settings import settings

if TYPE_CHECKING:
    from planner.fitting.scores.task_model import TaskModel


def goes_on(model: "TaskModel", runs: Where) -> Array | None:
    """Return the scores of runs if the log-odds of a task go on as over its last runs; None where its rise is not a fresh one.

    Fresh is a rise of which the largest runs have seen little, but more than the noise of their questions.
    """
    known = settings("onset")
    x, at = _along(model.where, runs)
    if x is None or at is None or not model.questions or len(model.scores) < int(known["last"]):
        return None
    order = np.argsort(x, kind="stable")[-int(known["last"]) :]
    x, scores = x[order], model.scores[order]
    width = model.ceiling - model.floor
    if width <= 0:
        return None
    share = np.clip((scores - model.floor) / width, 0.5 / model.questions, 1 - 0.5 / model.questions)
    top = float(share[-2:].mean())
    spread = model.floor * (model.ceiling - model.floor) + width * top  # of one answer, about
    if top >= float(known["seen"]) or width * top < float(known["sure"]) * np.sqrt(spread / (2 * model.questions)):
        return None
    odds = np.log(share / (1 - share))
    noise = np.maximum(model.floor + width * share, 1 / model.questions) / (model.questions * (width * share) ** 2)
    weights = 1 / (noise + float(known["own"]) ** 2)
    middle = float(weights @ x / weights.sum())
    slope = float(weights @ ((x - middle) * odds) / (weights @ (x - middle) ** 2)) if np.ptp(x) > 0 else 0.0
    goal = float(weights @ odds / weights.sum()) + max(slope, 0.0) * (at - middle)
    found: Array = model.floor + width / (1 + np.exp(-np.clip(goal, -40, 40)))
    return found


def _along(where: Where, runs: Where) -> tuple[Array | None, Array | None]:
    """Return the runs of a table and those asked for by ln compute, or by -loss where compute is not known."""
    if where.flops is not None and runs.flops is not None:
        return np.log(where.flops), np.log(runs.flops)
    if where.loss is not None and runs.loss is not None and runs.flops is None:
        return -where.loss, -runs.loss
    return None, None
