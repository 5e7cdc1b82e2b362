"""The same question under other laws, and where the optimum of another data set and recipe lies by the published studies."""

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.student_t import student_quantile
from planner.allocation import solver
from planner.allocation.assessment import assess
from planner.allocation.effective_size import Repetition, non_embedding_params
from planner.allocation.extrapolation import convention_notes, extrapolation, own_notes, range_notes
from planner.allocation.open_choices import best_choice
from planner.allocation.problem import Problem, possible, problem_of, spending_of
from planner.errors import CannotPlanError
from planner.inputs.effective_size import repetition
from planner.notes import Note
from planner.planning.allocate import possible_allocation
from planner.planning.plan_details import embedded_params
from planner.planning.plan_result import Alternative
from planner.quantities import format_count
from planner.scaling_laws.catalogue import embedding_count, load_law
from planner.scaling_laws.law import Law, guarded

MAIN_LAWS = (
    "kaplan2020",
    "hoffmann2022-approach1",
    "hoffmann2022-approach2",
    "hoffmann2022-approach3",
    "besiroglu2024",
    "deepseek2024",
    "llama3",
    "muennighoff2023",
)
"""The laws that stand beside every plan."""


def alternatives(
    others: Sequence[Law], problem: Problem, flops: float, tolerance: float, referee: Problem
) -> tuple[Alternative, ...]:
    """Return what other laws would do with the same budget, without the user's limits, and how the problem's law judges it.

    Those that cannot weigh what the problem asks (repeated tokens, serving) are left out; sizes are compared with the optimum of
    ``referee``.
    """
    best = float(solver.best_run(referee.without_limits(), flops)[0])
    able = [other for other in others if other.id != problem.law.id and (problem.plain or other.surface_law is other)]
    found = (alternative(other, problem, flops, tolerance, best) for other in able)
    return tuple(each for each in found if possible(each.params, each.tokens))


def alternative(other: Law, problem: Problem, flops: float, tolerance: float, best_params: float) -> Alternative:
    """Return what another law would do with the same budget; ``best_params`` is the N that its own is compared with."""
    law, other = problem.law, best_choice(other, flops)
    own = spending_of(other, problem.spending.weighed)
    counted = problem.spending.k / spending_of(law).k  # 1 unless a shape's FLOP were counted
    # repetition has constants of its own in each law
    modifiers = tuple(repetition(other, each.unique) if isinstance(each, Repetition) else each for each in problem.modifiers)
    asked = problem_of(other, spending=own._replace(k=own.k * counted), modifiers=modifiers)
    best = solver.allocate(asked, flops)
    N, D = float(best.params), float(best.tokens)
    verdict = assess(problem, N, D, tolerance) if (law.form.active is None) == (other.form.active is None) else None
    said = own_notes(other, flops, asked.repetition)
    notes = [*(note for note in said if note.code != "params-convention"), *convention_notes(other, law)]
    if other.conventions.params != law.conventions.params:
        notes = [_counted(note, other, N) for note in (*notes, *(n for n in said if n.code == "params-convention"))]
    training = float(asked.spending.training(N, D))
    assert other.exponents is not None  # a law that allocates has them
    return Alternative(
        law=other,
        exponents=other.exponents,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        loss=None if best.loss is None else float(best.loss),
        params_ratio=N * other.active_share / (best_params * law.active_share),
        regime=verdict.regime if verdict else None,
        overhead=verdict.overhead if verdict else None,
        extrapolation=extrapolation(other, N, D, training),
        notes=(*notes, *range_notes(other, N, D, training)),
    )


def _counted(note: Note, law: Law, params: float) -> Note:
    """Add to a note on counting what the number would be with embeddings, where the law counts none."""
    total, _ = embedded_params(law, params)
    if note.code != "params-convention" or total is None or format_count(total) == format_count(params):
        return note
    count = embedding_count()
    text = f"{note.text}: about {format_count(total)} with them ({count.conventions.data}; {count.citation})"
    return Note(note.code, note.severity, text)


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
        gamma = embedding_count().params["gamma"]
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
