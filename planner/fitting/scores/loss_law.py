"""The law of loss of a table of scores: fitted to its runs, and again to its smaller ones for held-out forecasts."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from planner._util.normal import normal_quantile
from planner.errors import PlannerError
from planner.fitting.fit import fit
from planner.fitting.scores.forms import Array, Where
from planner.fitting.scores.settings import settings
from planner.fitting.scores.task_model import Origin
from planner.scaling_laws.law import Law

_LEVEL = 0.95


def foretold(law: Law, params: Array, tokens: Array) -> tuple[Array, Array, Array]:
    """Return expected losses by a law, and one standard deviation below and above for a single run."""
    from planner.allocation.loss_interval import loss_interval

    mean = np.asarray(law.loss(params, tokens), float)
    found = loss_interval(law, params, tokens, _LEVEL)
    if found is None:
        return mean, mean, mean
    wide = normal_quantile((1 + _LEVEL) / 2)
    low, high = (np.asarray(each, float) for each in found.run)
    return mean, mean - (mean - low) / wide, mean + (high - mean) / wide


def fit_loss_law(where: Where, column: str = "loss", *, draws: int = 0) -> Law:
    """Fit the law of loss, or of the loss of a task's answers, to the runs that have one.

    Raises
    ------
    PlannerError
        No sizes, too few runs, or runs from which no law can be concluded.
    """
    loss = getattr(where, column)
    if where.params is None or where.tokens is None or where.flops is None or loss is None:
        raise PlannerError("a law of loss needs params, tokens and loss")
    columns = {"params": where.params, "tokens": where.tokens, "flops": where.flops, "loss": loss}
    kept = np.all([np.isfinite(each) for each in columns.values()], axis=0)
    return fit(**{name: each[kept] for name, each in columns.items()}, draws=draws).law


def origins_of(where: Where, answer_loss: Array | None = None) -> list[Origin]:
    """Return the smaller tables within a table: fitted up to C_max/ratio, and the rest held out with losses forecast for it.

    Without compute, loss takes its place: then held-out rows keep the losses that they have.
    """
    known = settings("weights")
    length = next(len(each) for each in where if each is not None)
    rank = np.arange(length)
    if where.flops is not None:
        most = float(where.flops.max()) * (1 + 1e-9)
        wanted = [where.flops <= most / float(ratio) for ratio in known["ratios"]]
    else:
        wanted = [rank < length // 2, rank < 2 * length // 3]
    enough = [each for each in wanted if each.sum() >= known["fewest_fitted"] and (~each).sum() >= known["fewest_held_out"]]
    parts = list({int(each.sum()): each for each in enough}.values())
    if not parts:  # few runs far below the largest, or few at all: the largest quarter is held out
        parts = [rank < length - max(1, length // 4)]
    return [Origin(small, ~small, _foreseen(where._replace(answer_loss=answer_loss), small)) for small in parts]


def _foreseen(where: Where, small: Any) -> Where:
    """Return runs with the losses that the small ones among them foretell; None where they foretell none."""
    if where.flops is None:
        return where
    found: dict[str, Array | None] = dict.fromkeys(("loss", "answer_loss"))
    for column in found:
        with suppress(PlannerError):  # no sizes, no losses, or too few
            law: Any = fit_loss_law(where.take(small), column)
            found[column] = np.asarray(law.loss(where.params, where.tokens), float)
    return where._replace(**found)


def with_loss(where: Where, origins: Sequence[Origin], answer_loss: Array | None) -> list[Origin]:
    """Return the origins of a task that has losses of its own answers: only those are forecast anew."""
    if answer_loss is None:
        return list(origins)
    known = where._replace(loss=None, answer_loss=answer_loss)
    own = [_foreseen(known, each.fitted).answer_loss for each in origins]
    return [each._replace(foreseen=each.foreseen._replace(answer_loss=loss)) for each, loss in zip(origins, own, strict=True)]
