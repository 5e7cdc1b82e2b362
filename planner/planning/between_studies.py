"""How far apart studies are: where the optimum of another data set and recipe lies, from those that have been published."""

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.student_t import student_quantile
from planner.allocation.effective_size import non_embedding_params
from planner.allocation.problem import Problem
from planner.errors import CannotPlanError
from planner.planning.allocate import possible_allocation
from planner.planning.plan_details import embedded_params
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import guarded


class OtherStudies(NamedTuple):
    """Where the optimum of a budget lies for another data set and recipe, by the spread of published studies.

    Attributes
    ----------
    level : float
        Share of other studies inside.
    params, tokens : (low, high)
        N as the law of the answer counts it, with the D that the budget leaves it.
    studies : tuple of str
        Data sets, one voice each.
    """

    level: float
    params: tuple[float, float]
    tokens: tuple[float, float]
    studies: tuple[str, ...]


def other_studies(problem: Problem, flops: float) -> OtherStudies | None:
    """Return where other studies put the optimum of a budget; None where a question has limits or weighs what they do not."""
    law = problem.law
    plainly = problem.limits.free and not problem.modifiers and not problem.spending.served
    if not plainly or law.form.active is not None or law.conventions.params == "active" or law.judge is not None:
        return None
    k = law.symbols["k"]
    if problem.spending.training(1.0, 1.0) != k:  # compute is counted otherwise: of a shape, or of active parameters
        return None
    section = settings("planning.toml", "studies")
    try:
        low, high = spread(voices(flops), section["level"])
    except CannotPlanError:  # a budget so small that a study's run is none
        return None
    if law.conventions.params == "non-embedding":
        gamma = load_law(settings("planning.toml", "embeddings")["law"]).params["gamma"]
        low, high = (float(non_embedding_params(end, gamma)) for end in (low, high))
    return OtherStudies(section["level"], (low, high), (flops / (k * high), flops / (k * low)), tuple(section["voices"]))


def voices(flops: float) -> dict[str, float]:
    """Return ln N of each data set at a budget [FLOP], the mean of its laws: with embeddings where that can be converted."""
    known: Mapping[str, Sequence[str]] = settings("planning.toml", "studies")["voices"]
    return {name: float(np.mean([log(_size(law, flops)) for law in laws])) for name, laws in known.items()}


def spread(heard: Mapping[str, float], level: float) -> tuple[float, float]:
    """Return the interval that a share of further studies lies in: one voice each, as a random effect (Student's t)."""
    logs, count = list(heard.values()), len(heard)
    half = student_quantile((1 + level) / 2, count - 1) * float(np.std(logs, ddof=1)) * sqrt(1 + 1 / count)
    middle = float(np.mean(logs))
    return exp(middle - half), exp(middle + half)


def _size(name: str, flops: float) -> float:
    law = load_law(name)
    params = float(guarded(law, lambda: possible_allocation(law, np.float64(flops))).params)
    return embedded_params(law, params)[0] or params
