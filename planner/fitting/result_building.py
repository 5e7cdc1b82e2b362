"""From a fit to its answer: the law with its provenance, quality, notes and round budgets, the same for every method."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._version import __version__
from planner.allocation.intervals import answer_intervals, exponent_interval
from planner.allocation.solver import allocate
from planner.errors import CannotPlanError, FitError
from planner.fitting import diagnostics
from planner.fitting.classical import Model
from planner.fitting.generalised_law import Array
from planner.fitting.results import Combination, FitResult, Method, Outlier, Quality, RatioAt, Search
from planner.fitting.sample import FEWEST_BLOCKS, Sample
from planner.fitting.tables.runs import Runs
from planner.notes import Note
from planner.quantities import bare, format_percent, format_signed_percent, plain, significant
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.law import Law, guarded
from planner.scaling_laws.provenance import Conventions, Domain, Source

ROUND_BUDGETS = (1e21, 1e22, 1e23, 1e24, 1e25)
"""Budgets [FLOP] for which a fit shows the compute-optimal run."""


@dataclass(frozen=True, eq=False)
class Job:
    """What every method needs."""

    table: Runs
    sample: Sample
    model: Model
    draws: int
    seed: int
    level: float
    inputs: FrozenDict
    conventions: Conventions
    name: str
    design: diagnostics.Design


def why_no_size(job: Job) -> str:
    """Say why the law must not choose a size, where it must not."""
    pinned = {"alpha", "beta"} <= set(job.model.limits.fixed)
    if job.design.collinear and job.model.shape != "compute" and not pinned:
        missing = "budgets" if job.design.one_budget else "tokens per parameter"
        return f"its runs lie near one line in N and D, so the best size is not known; add runs at other {missing}"
    return ""


def law_of(job: Job, method: Method, form: str, constants: Mapping[str, Any], no_allocation: str) -> Law:
    """Return the law of a fit, with its domain, conventions and provenance; refuse constants under which it has no losses."""
    sample, table = job.sample, job.table
    group = job.inputs.get("group")
    runs = len(set(table.run_ids)) if table.run_ids else len(table)
    law = Law(
        id=job.name,
        title=f"{method} fit of {table.name}" + (f", group {group}" if group else ""),
        form=FORMS[form],
        params=FrozenDict(dict(constants)),
        conventions=job.conventions,
        source=Source(
            authors="planner's fit of your runs",
            title=f"{len(sample)} runs of {table.name}",
            year=time.gmtime().tm_year,
            locator=f"{method} fit, planner {__version__}",
            read="fitted, not published",
            url=table.name + (f", sha256 {table.sha256[:16]}" if table.sha256 else ""),
        ),
        domain=Domain(
            params=_range(sample.params),
            tokens=_range(sample.tokens),
            flops=_range(sample.flops),
            tokens_per_param=_range(sample.tokens / sample.params),
            detail=f"{runs} runs" if runs == len(table) else f"{len(table)} checkpoints of {runs} runs",
        ),
        no_allocation=no_allocation,
        fit=FrozenDict({key: value for key, value in job.inputs.items() if value not in (None, "")} | {"used": method}),
    )
    try:
        guarded(law, lambda: law.loss(sample.params, sample.tokens) if law.form.surface else 0.0)
    except CannotPlanError:
        text = f"{table.name}: the {method} fit runs away: do these losses fall with params and with tokens?"
        raise FitError(text, law.params) from None
    return law


def _range(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def common_notes(job: Job, residuals: Array, *, squared: bool = False, aside: int = 0) -> list[Note]:
    """Return what every method says of the table and of the residuals, ``aside`` of which are of runs that failed."""
    rows = [place_of(job.table, i, float(-residuals[i])) for i in diagnostics.outlying(residuals)]
    notes = list(job.table.notes)
    if job.conventions.params == "unstated":
        text = "which parameters N counts was not said: --params-count total, or another, lets the law be compared"
        notes.append(Note("params-unstated", "info", text))
    notes += diagnostics.design_notes(job.sample, job.design)
    runs = set(job.table.run_ids or ())
    if 0 < len(runs) < FEWEST_BLOCKS:
        text = f"only {len(runs)} distinct runs: their checkpoints were resampled one by one, so intervals are too narrow"
        notes.append(Note("few-blocks", "warning", text))
    notes += diagnostics.outlier_note(rows, len(residuals), aside, squared=squared)
    missed = near_frontier(job.sample, residuals)
    if missed > _MISFIT:
        text = f"the law misses even the best runs at their compute by {format_percent(missed)} on average"
        notes.append(Note("misfit", "warning", f"{text}: one recipe and one data set? --group"))
    return notes


_MISFIT = 0.03


def place_of(table: Runs, at: int, miss: float) -> str:
    """Return a row as a message names it: its number, its run and how far off its loss is."""
    where = f"{table.file[at]}:{table.rows[at]}" if table.file else f"{table.rows[at]}"
    run = f"run {bare(table.run[at])}, " if table.run else ""
    return f"{where} ({run}{format_signed_percent(float(np.expm1(miss)))})"


_NEAR = 0.05


def near_frontier(sample: Sample, residuals: Array) -> float:
    """Return the mean size of residuals of runs near the lowest loss at their compute."""
    return float(np.abs(residuals[sample.excess <= _NEAR]).mean())


def constant_intervals(law: Law, level: float) -> dict[str, tuple[float, float]]:
    """Return the interval of each constant from the law's draws."""
    if law.draws is None:
        return {}
    ends = [(1 - level) / 2, (1 + level) / 2]
    found = {name: np.quantile(values, ends) for name, values in law.draws.params.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}


def _quality(sample: Sample, residuals: Array) -> Quality:
    target = sample.rows.target
    return Quality(
        rows=len(sample),
        sizes=len(np.unique(sample.params)),
        rms=float(np.sqrt((residuals**2).mean())),
        mean_absolute=float(np.abs(residuals).mean()),
        median_absolute=float(np.median(np.abs(residuals))),
        bias=float(residuals[sample.excess <= _NEAR].mean()),
        largest=float(np.abs(residuals).max()),
        near_frontier=near_frontier(sample, residuals),
        explained=float(1 - (residuals**2).sum() / ((target - target.mean()) ** 2).sum()),
    )


def _outliers(job: Job, residuals: Array) -> tuple[Outlier, ...]:
    table = job.table
    return tuple(
        Outlier(
            *(int(table.rows[i]), float(table.params[i]), float(table.tokens[i]), float(table.loss[i]), float(-residuals[i])),
            run=table.run[i] if table.run else "",
            file=table.file[i] if table.file else "",
        )
        for i in diagnostics.outlying(residuals)
    )


def result_of(
    job: Job,
    method: Method,
    law: Law,
    constants: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    notes: list[Note],
    residuals: Array | None,
    search: Search | None,
    combination: Combination | None,
) -> FitResult:
    """Return the answer: round budgets where a best size can be told, outliers, quality and notes."""
    ratios: tuple[RatioAt, ...] = ()
    if law.role == "plan":
        top = float(job.sample.flops.max())
        found = _sizes(law, top, job.level)
        if found is None:
            text = "not concluded: these runs show no best size, for their losses hardly fall with params or with tokens"
            notes = [*notes, Note("no-optimum", "warning", f"{text}; add runs that differ more in both")]
            law = replace(law, no_allocation="its runs show no best size: their losses hardly fall with params or tokens")
        else:
            ratios = tuple(found[1:])
            notes = [*notes, *diagnostics.ratio_note(job.design, top, found[0].tokens_per_param)]
    carried = tuple(note for note in notes if note.severity == "warning" or note.code == "floor-unseen")
    law = replace(law, notes=carried)
    return FitResult(
        method=method,
        law=law,
        quality=None if residuals is None else _quality(job.sample, residuals),
        constants=FrozenDict(dict(constants)),
        intervals=FrozenDict(dict(intervals)),
        exponents=law.exponents,
        exponent_interval=guarded(law, lambda: exponent_interval(law, job.level)),
        ratios=ratios,
        search=search,
        combination=combination,
        outliers=() if residuals is None else _outliers(job, residuals),
        notes=tuple(notes),
        level=job.level,
        inputs=job.inputs,
        sample=job.sample,
    )


_WIDEST = 1e4
"""An interval of N whose ends differ by more than this says that the size is not known: a house convention, not published."""


def _sizes(law: Law, top: float, level: float) -> list[RatioAt] | None:
    """Return the best run of the largest budget seen and of the round ones; None where no best size can be told."""
    try:
        found = guarded(law, lambda: [_ratio(law, flops, top, level) for flops in (top, *ROUND_BUDGETS)])
    except CannotPlanError:
        return None
    trainable = all(np.isfinite([ratio.params, ratio.tokens]).all() and min(ratio.params, ratio.tokens) >= 1 for ratio in found)
    ends = found[0].params_interval
    return found if trainable and (ends is None or ends[1] <= _WIDEST * ends[0]) else None


def _ratio(law: Law, flops: float, top: float, level: float) -> RatioAt:
    best = allocate(law, flops)
    N, D = float(best.params), float(best.tokens)
    sure = answer_intervals(law, flops, N, D, level, sizes=True)
    return RatioAt(
        flops=flops,
        beyond=flops / top,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        loss=None if best.loss is None else float(best.loss),
        loss_interval=sure.run_loss if sure else None,
        params_interval=sure.params if sure else None,
        ratio_interval=sure.tokens_per_param if sure else None,
    )


def answer_of(found_by: Mapping[str, FitResult], chosen: str) -> FitResult:
    """Return the chosen method's result with the others beside it, and a bend that the classical fit shows in the runs."""
    first = found_by[chosen]
    others = tuple(result for name, result in found_by.items() if name != chosen)
    bent = [note for result in others for note in result.notes if note.code == "bend"]
    apart = (*_disagreement(found_by), *_exponents_apart(first, others))
    return replace(first, notes=(*first.notes, *bent, *apart), others=others)


_DIFFERENT = 1.5


def _disagreement(found_by: Mapping[str, FitResult]) -> tuple[Note, ...]:
    """Compare the sizes of the two parametric methods far beyond the runs."""
    classical, forecast = found_by["classical"].ratios, found_by["forecast"].ratios
    if not classical or not forecast:
        return ()
    far = next((i for i, ratio in enumerate(classical) if ratio.beyond >= 10), len(classical) - 1)
    ratio = classical[far].params / forecast[far].params
    if not max(ratio, 1 / ratio) > _DIFFERENT:
        return ()
    larger = f"{significant(ratio)}x the parameters of the forecast"
    text = f"at {plain(classical[far].flops, 3)} FLOP the classical fit would train {larger}: it follows every run alike"
    return (Note("methods-differ", "info", f"{text}, the forecast the best runs at their compute; the truth may lie between"),)


def _exponents_apart(first: FitResult, others: Sequence[FitResult]) -> tuple[Note, ...]:
    """Warn of a line through budgets whose exponent both parametric fits of the same runs put outside its interval."""
    if first.exponents is None or first.exponent_interval is None:
        return ()
    low, high = first.exponent_interval
    said = [result.exponents[0] for result in others if result.exponents is not None]
    if len(said) < 2 or not (max(said) < low or min(said) > high):
        return ()
    own, low_end, high_end = (significant(each, 3) for each in (first.exponents[0], low, high))
    parametric = " and ".join(significant(each, 3) for each in sorted(said))
    text = f"N ~ C^{own} ({low_end} to {high_end}) by {first.method}, but parametric fits of the same runs say {parametric}"
    return (Note("exponents-apart", "warning", f"{text}: too few sizes a budget bend such a line; plan with the forecast"),)
