"""Runs in, a law with draws out: chooses the method, and says what cannot be concluded."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers, mapper
from planner._util.showing import Raw
from planner._version import __version__
from planner.allocation.loss_interval import check_level
from planner.errors import OptionError, PlannerError
from planner.fitting import diagnostics
from planner.fitting.classical import ROBUST, SHAPES, Model
from planner.fitting.constraints import Limits, read_limits
from planner.fitting.form_selection import choose_form
from planner.fitting.generalised_law import Array
from planner.fitting.methods import fit_by_groups, fit_classical, fit_forecast, fit_repeated
from planner.fitting.result_building import Job, answer_of, place_of
from planner.fitting.results import METHODS, FitResult, Method
from planner.fitting.sample import Sample
from planner.fitting.settings import settings
from planner.fitting.tables.raw_table import are_sources
from planner.fitting.tables.runs import Runs, read_runs, runs_from_arrays
from planner.fitting.tables.shipped import load_runs, table_names
from planner.inputs.input_row import Number
from planner.inputs.registry import asks
from planner.inputs.table_inputs import FitInputs, Reading
from planner.notes import Note
from planner.quantities import bare, format_count, listed, plain, shown, significant, whole_number
from planner.scaling_laws.catalogue import law_ids
from planner.scaling_laws.law import is_id
from planner.scaling_laws.provenance import PARAM_COUNTS, Conventions

_MOST_DRAWS = 20_000  # what a law file holds
_FEWEST_DRAWS = 20
FORM_CHOICES = (*SHAPES, "repetition", "auto")

TableLike = str | os.PathLike[str] | BinaryIO | Any
"""A file, or a data frame of any library: what has columns by name, each a series that gives a list."""

RunsLike = TableLike | Runs | Sequence[TableLike]


@asks(FitInputs)
def fit(
    runs: RunsLike | None = None,
    *,
    params: Iterable[Any] | None = None,
    tokens: Iterable[Any] | None = None,
    loss: Iterable[Any] | None = None,
    flops: Iterable[Any] | None = None,
    run: Iterable[Any] | None = None,
    weight: Iterable[Any] | None = None,
    unique_tokens: Iterable[Any] | None = None,
    group: str | None = None,
    method: str = "forecast",
    form: str = "additive",
    robust: str = "huber",
    fix: Mapping[str, object] | None = None,
    bound: Mapping[str, object] | None = None,
    overestimate_penalty: Number | None = None,
    draws: int = 1000,
    seed: int = 0,
    level: Number = LEVEL,
    workers: Workers = 1,
    name: str = "my-law",
    params_count: str | None = None,
    data: str | None = None,
    progress: Progress | None = None,
    **asked: Unpack[FitInputs],
) -> FitResult:
    """Fit a scaling law to a table of training runs.

    Parameters
    ----------
    runs : path, name of a shipped table, Runs, data frame, open binary file, or a list of them
        A table with columns params, tokens and loss (optional: flops, group, run, weight): CSV, .xlsx, JSON, JSON lines,
        Parquet, or a data frame of pandas or polars. Of params, tokens and flops two are enough.
    params, tokens, loss, flops, run, weight, unique_tokens : sequences
        The runs themselves, instead of a file.
    group : str, optional
        Which group of the table to fit; ``"all"`` pools them.
    method : {"forecast", "classical", "isoflop", "envelope"}
        ``forecast`` extrapolates best and is what a plan should use; ``classical`` is the field's E, A, B, alpha, beta at the
        exact minimum; ``isoflop`` and ``envelope`` are Hoffmann's approaches 2 and 1. Both parametric ones are always reported.
    form : {"additive", "tied", "no-floor", "kaplan", "compute", "generalised", "repetition", "auto"}
        Of the classical fit; ``auto`` compares them by held-out error, ``repetition`` needs ``unique_tokens``.
    robust : {"huber", "squared", "absolute"}
        Loss of ln residuals of the classical fit.
    fix, bound : mapping, optional
        Constants to pin, ``{"E": 1.69}``, or to bound, ``{"alpha": (0.1, 0.6)}``.
    overestimate_penalty : float, optional
        How much more a run predicted too high costs than one predicted too low: undertuned runs then pull less.
    draws : int
        Bootstrap refits of the classical fit; the forecast's own number is fixed. 0: no draws, no intervals.
    seed : int
        Same seed, same draws.
    level : float or str
        Of the intervals.
    workers : int or map-like callable
        Processes for the bootstrap, or an engine's map.
    name, params_count, data : str
        What the law is called and which conventions the runs follow: they travel with it. By default those of a shipped table,
        or "unstated" and the file's name.
    progress : callable, optional
        Called with (pieces that came back, pieces in all).
    {inputs}

    Returns
    -------
    FitResult

    Raises
    ------
    RunsFileError
        A table that cannot be read; the message says file, row and column.
    FitError
        Runs from which nothing can be concluded.

    Examples
    --------
    >>> import planner
    >>> result = planner.fit("muennighoff2023", group="one epoch")
    >>> result.method, len(result.law.params["E"]), result.others[0].law.form.name
    ('forecast', 18, 'additive')
    """
    arrays = {"params": params, "tokens": tokens, "loss": loss, "flops": flops, "run": run, "weight": weight}
    reading = Reading.of(asked, "fit", FitInputs)
    table = read_table_of_runs(runs, {**arrays, "unique_tokens": unique_tokens}, reading)
    table = one_group(table, group)
    chosen = _choice(method, METHODS, "method")
    shape = _choice(form, FORM_CHOICES, "form")
    limits = read_limits(fix, bound, overestimate_penalty)
    model = Model("additive" if shape in {"auto", "repetition"} else shape, _choice(robust, ROBUST, "robust"), limits)
    count = whole_number(draws, "draws", 0, _MOST_DRAWS)
    if 0 < count < _FEWEST_DRAWS:
        raise OptionError(f"`draws` {count}: too few for an interval; 0 for none, or at least {_FEWEST_DRAWS}")
    start = whole_number(seed, "seed", 0, 2**63 - 1)
    confidence = check_level(level)
    _check_name(name)
    inputs = FrozenDict(
        runs=table.name,
        sha256=table.sha256,
        group=group,
        method=chosen,
        form=shape,
        robust=model.robust,
        fix=" ".join(f"{key}={plain(value, 17)}" for key, value in model.limits.fixed.items()) or None,
        bound=" ".join(f"{key}={plain(low)}:{plain(high)}" for key, (low, high) in model.limits.bounds.items()) or None,
        overestimate_penalty=model.limits.penalty,
        draws=count,
        seed=start,
        level=confidence,
        **reading.stated(),
        version=__version__,
    )
    sample = Sample.of(table)
    conventions = _conventions(table, sample, params_count, data)
    job = Job(table, sample, model, count, start, confidence, inputs, conventions, name, diagnostics.design_of(sample))
    if reading.exclude_outliers:
        job = _without_outliers(job, _fitted(replace(job, draws=0), chosen, shape, 1, None))
        return _fitted(job, chosen, shape, workers, progress)
    found = _fitted(job, chosen, shape, workers, progress)
    return replace(found, notes=(*found.notes, *_fresh_note(table, shape), *_without_note(job, found, chosen, shape)))


def _fresh_note(table: Runs, form: str) -> tuple[Note, ...]:
    """Say that tokens seen again count as fresh, where the form does not weigh them."""
    unique = table.unique_tokens
    many = 0 if unique is None else int(np.count_nonzero(unique < table.tokens))
    if form == "repetition" or not many:
        return ()
    text = (
        f"{many} of {len(table)} runs see tokens again (unique_tokens), which count as fresh here; --form repetition weighs them"
    )
    return (Note("repeats-fresh", "warning", text),)


def _check_name(name: Raw) -> None:
    """Refuse what cannot be the name of a law of one's own."""
    if not isinstance(name, str) or not is_id(name):
        raise OptionError(f"name {shown(name)}: use letters, digits, '-', '.' and '_' only, at most 100")
    if name in law_ids():
        raise OptionError(f"name {shown(name)} belongs to a catalogued law; choose another")


def _conventions(table: Runs, sample: Sample, params_count: Raw, data: Raw) -> Conventions:
    """Return what the fitted law's numbers mean: as the table says, or as stated."""
    counted = table.params_count or "unstated" if params_count is None else params_count
    data = table.data or f"as in {table.name}"[:500] if data is None else data
    if not isinstance(data, str) or not data.isprintable() or not 0 < len(data) <= 500:
        raise OptionError(f"data {shown(data)}: expected one line of at most 500 printable characters")
    counts = _choice(counted, tuple(PARAM_COUNTS), "params count")
    return Conventions(counts, table.loss_unit or "nats/token", sample.per_token, data)


def _without_outliers(job: Job, found: FitResult) -> Job:
    """Return the job of the runs that are not far from the law, with a note of those that are."""
    if not found.outliers:
        note = Note("left-out", "info", "no run is far from the law: none is left out")
        return replace(job, table=replace(job.table, notes=(*job.table.notes, note)))
    missed = _missed(job, found)
    kept = np.isnan(missed)
    places = [place_of(job.table, i, missed[i]) for i in np.flatnonzero(~kept).tolist()]
    note = Note("left-out", "info", f"{len(places)} of {len(kept)} runs far from the law left out: row {listed(places, 20)}")
    table = job.table.take(kept)
    return _of_table(job, replace(table, notes=(*table.notes, note)))


def _missed(job: Job, found: FitResult) -> Array:
    """Return ln(loss/law) of the runs far from the law, (n,), and nan for all others."""
    far = {(outlier.row, outlier.file): outlier.residual for outlier in found.outliers}
    files = job.table.file or ("",) * len(job.table)
    return np.array([far.get(place, np.nan) for place in zip(job.table.rows.tolist(), files, strict=True)])


def _of_table(job: Job, table: Runs) -> Job:
    sample = Sample.of(table)
    return replace(job, table=table, sample=sample, design=diagnostics.design_of(sample))


def _without_note(job: Job, found: FitResult, chosen: Method, shape: str) -> list[Note]:
    """Say what leaving out the few runs far from the law would change, ten times beyond the largest."""
    if not diagnostics.few(len(found.outliers), len(job.table)) or not found.ratios or shape in {"auto", "repetition"}:
        return []
    try:
        kept = job.table.take(np.isnan(_missed(job, found)))
        other = _fitted(replace(_of_table(job, kept), draws=0), chosen, shape, 1, None)
    except PlannerError:  # nothing can be said of the rest
        return []
    if not other.ratios:
        return []
    at = next((i for i, ratio in enumerate(found.ratios) if ratio.beyond >= 10), 0)
    whole, without = found.ratios[at], other.ratios[at]
    if abs(without.params / whole.params - 1) < _SAME:  # the forecast did without them
        return []
    sizes = f"{format_count(without.params)} instead of {format_count(whole.params)}"
    text = f"without them N at {plain(whole.flops, 3)} FLOP would be {sizes}"
    if whole.loss is not None and without.loss is not None:
        text += f" and its loss {significant(without.loss, 4)} instead of {significant(whole.loss, 4)}"
    return [Note("without-outliers", "info", f"{text}; --exclude-outliers leaves them out")]


_SAME = 1e-3
"""Share by which a size must move for the runs left out to have moved it."""


def _fitted(job: Job, chosen: Method, shape: str, workers: Workers, progress: Progress | None) -> FitResult:
    """Run the chosen method, and both parametric ones beside it."""
    with mapper(workers, progress) as spread:
        if shape == "repetition":
            if chosen not in {"classical", "forecast"}:
                raise OptionError(f"form repetition goes with method classical; {chosen} knows nothing of repeated data")
            repeated, once = fit_repeated(job)
            return answer_of({"classical": repeated, "forecast": fit_forecast(once)}, "classical")
        if shape == "auto":
            form, candidates, how, unsure = choose_form(job.sample, job.model, spread)
            inputs = FrozenDict({**job.inputs, "chosen_form": form, "chosen_by": how})
            job = replace(job, model=replace(job.model, shape=form), inputs=inputs)
            classical = fit_classical(job, spread)
            classical = replace(classical, candidates=candidates, notes=(*unsure, *classical.notes))
        else:
            classical = fit_classical(job, spread)
        found_by = {"classical": classical, "forecast": fit_forecast(job)}
        if chosen in {"isoflop", "envelope"}:
            if job.model.limits != Limits():
                raise OptionError(f"fix, bound and the penalty are for forecast and classical; {chosen} has no such constants")
            found_by = {chosen: fit_by_groups(job, chosen, classical), **found_by}
    return answer_of(found_by, chosen)


def read_table_of_runs(runs: RunsLike | None, arrays: Mapping[str, object], reading: Reading) -> Runs:
    """Read a table of any kind, a shipped one by name, or arrays."""
    given = [name for name, value in arrays.items() if value is not None]
    k = float(settings("conventions")["flops_per_param_token"])
    if isinstance(runs, str) and runs in table_names():
        runs = load_runs(runs)
    if runs is None or isinstance(runs, Runs):
        for name in ("columns", "sheet", "where", "drop", "skip_bad", "flops_unit"):
            if getattr(reading, name):
                raise OptionError(f"`{name}` goes with a file of runs; these are not from a file")
    if runs is None:
        return runs_from_arrays(arrays, flops_per_param_token=k, loss_unit=reading.loss_unit)
    if given:
        raise OptionError(f"give a table or the runs themselves, not both: {given[0]} was given beside a table")
    if isinstance(runs, Runs):
        return replace(runs, loss_unit=reading.loss_unit or runs.loss_unit)
    if not are_sources(runs):
        expected = "a file, a data frame or the name of a shipped table; arrays go in params=, tokens=, loss="
        raise OptionError(f"runs {shown(runs)}: expected {expected}")
    return read_runs(runs, reading, flops_per_param_token=k)


def one_group(table: Runs, group: str | None) -> Runs:
    """Return the group that was asked for, all of them for "all"; refuse to choose among several."""
    if group is not None and not isinstance(group, str):
        raise OptionError(f"group {shown(group)}: expected one name, or all")
    if group == "all":
        return table
    if group is not None:
        return table.select(group)
    if len(table.groups) > 1:
        known = f"{len(table.groups)} groups ({listed(list(map(bare, table.groups)), 12)})"
        raise OptionError(f"{table.name}: holds {known}; choose one: --group NAME, or --group all to pool them")
    return table


def _choice(value: Raw, allowed: Sequence[str], what: str) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise OptionError(f"{what} {shown(value)}: must be one of {', '.join(allowed)}")
    return value
