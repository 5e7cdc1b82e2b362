"""How far an answer leaves the runs that its law was fitted on, and what the law's own file says of it."""

from collections.abc import Callable, Iterator

import numpy as np

from planner.allocation import solver
from planner.allocation.problem import Problem
from planner.notes import Note
from planner.quantities import format_count, format_factor, format_flops, significant
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

FAR = 10.0
"""An answer further outside the fitted range than this is a warning, not a remark: a house convention, not published."""


def extrapolation(law: Law, params: Num, tokens: Num, flops: Num) -> Num:
    """Return the largest factor by which N, D or C leaves the fitted range (1 inside), or None where no range is known.

    Scalars give a float, arrays an array.
    """
    if not law.domain.known:
        return None
    factors: Num = 1.0
    for _, value, (low, high), _ in _held_to(law, params, tokens, flops):
        outside = np.maximum(value / high, low / value)
        factors = np.maximum(factors, np.where(outside > PRINTED, outside, 1.0))
    return float(factors) if np.ndim(factors) == 0 else factors


def extrapolation_of(problem: Problem, params: Num, tokens: Num) -> Num:
    """Return the same of a problem's run, whose training alone is held against the fitted compute."""
    return extrapolation(problem.law, params, tokens, problem.spending.training(params, tokens))


def covers(law: Law, flops: float) -> bool:
    """Tell whether a law can plan this budget inside its fitted range: compute, and the N and D it would choose."""
    if law.role != "plan":
        return False
    best = solver.allocate(law, flops)
    return bool(extrapolation(law, float(best.params), float(best.tokens), flops) == 1.0)


def own_notes(law: Law, flops: float, repetition: object = None) -> list[Note]:
    """Return what the law's file says of an answer of so much compute; that tokens count as fresh only where that is so."""
    return [note for note in law.notes if flops >= note.from_flops and not (repetition and note.code == "single-epoch")]


def range_notes(law: Law, params: float, tokens: float, flops: float) -> list[Note]:
    """Say how far an answer leaves the runs that the law was fitted on."""
    if not law.domain.known:  # which the law itself says of every answer
        return []
    outside = []
    for name, value, (low, high), write in _held_to(law, params, tokens, flops):
        if value > high * PRINTED:
            outside.append((value / high, f"{name} {format_factor(value / high)} above {write(high)}"))
        elif value * PRINTED < low:
            outside.append((low / value, f"{name} {format_factor(low / value)} below {write(low)}"))
    if not outside:
        return []
    texts = "; ".join(text for _, text in sorted(outside, reverse=True))
    far = max(outside)[0] > FAR
    advice = ": a guess, not a forecast" if far else ""
    return [Note("extrapolation", "warning" if far else "info", f"outside the runs that {law.id} was fitted on{advice}: {texts}")]


def convention_notes(law: Law, other: Law) -> list[Note]:
    """Say where the numbers of two laws must not be compared: which parameters count, which loss unit, which data."""
    notes, codes = [], {note.code for note in law.notes}
    if law.conventions.params != other.conventions.params and "params-convention" not in codes:
        notes.append(Note("params-convention", "info", f"N counts {PARAM_COUNTS[law.conventions.params]}"))
    ours, theirs = law.conventions.loss_unit, other.conventions.loss_unit
    if law.form.surface and ours != theirs and "none" not in {ours, theirs} and "loss-unit" not in codes:
        notes.append(Note("loss-unit", "info", f"loss is in {ours}, not {theirs}"))
    return notes


PRINTED = 1.005
"""Ranges are printed to three digits: half a unit of the last is not outside."""


def _held_to(
    law: Law, params: Num, tokens: Num, flops: Num
) -> Iterator[tuple[str, Num, tuple[float, float], Callable[..., str]]]:
    """Give each quantity of a run whose fitted range is known: its name, its value, the range, and what writes it."""
    for name, value, limits, write in (
        ("compute", flops, law.domain.flops, format_flops),
        ("parameters", params, law.domain.params, format_count),
        ("tokens", tokens, law.domain.tokens, format_count),
        ("tokens per parameter", tokens / params, law.domain.tokens_per_param, significant),
    ):
        if limits:
            yield name, value, limits, write
