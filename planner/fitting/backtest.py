"""Would the small runs have foretold the large ones? Fit below C_max/R, predict the rest, group by group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers, mapper
from planner._util.showing import Raw
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation.loss_interval import check_level
from planner.errors import FitError, OptionError, PlannerError
from planner.fitting.fit import RunsLike, fit, one_group, read_table_of_runs
from planner.fitting.forecast import failed
from planner.fitting.generalised_law import Array
from planner.fitting.result_building import place_of
from planner.fitting.results import FitResult
from planner.fitting.sample import Sample
from planner.fitting.tables.runs import Runs, items_of
from planner.inputs.input_row import Number
from planner.inputs.registry import asks
from planner.inputs.table_inputs import FitInputs, Reading
from planner.notes import Note
from planner.quantities import listed, parse_number, plain, shown

_FRONTIER = 1e-9


class Foretold(NamedTuple):
    """Predicted runs, of one length: what they spent [FLOP] and reached, and what was foretold, with its interval."""

    flops: tuple[float, ...]
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Case(NamedTuple):
    """One group, one ratio and one method.

    Attributes
    ----------
    group, method : str
    ratio : float
        R: fitted on C <= C_max/R.
    fitted, predicted : int
        Rows on either side.
    reach : float
        Largest predicted compute over the largest fitted one.
    error, bias : float
        Mean absolute and mean relative error of the predicted losses.
    frontier_error : float or None
        The same over predicted rows that are the lowest loss at their compute.
    coverage, half_width : float or None
        Share of predicted rows inside the interval of a new run, and the median of its half-width relative to the loss.
    refused : str
        Why there is no answer, where there is none.
    runs : Foretold or None
        The predicted runs one by one.
    """

    group: str
    method: str
    ratio: float
    fitted: int
    predicted: int
    reach: float | None = None
    error: float | None = None
    bias: float | None = None
    frontier_error: float | None = None
    coverage: float | None = None
    half_width: float | None = None
    refused: str = ""
    runs: Foretold | None = None


class Summary(NamedTuple):
    """Means over the groups of one ratio and one method."""

    method: str
    ratio: float
    groups: int
    error: float
    frontier_error: float | None
    bias: float
    coverage: float | None
    half_width: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Answer):
    """How a table's larger runs were foretold by its smaller ones.

    Attributes
    ----------
    cases : tuple of Case
        One for each group, ratio and method.
    summaries : tuple of Summary
    level : float
    notes : tuple of Note
    inputs : mapping
    """

    cases: tuple[Case, ...]
    summaries: tuple[Summary, ...]
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


METHODS = ("forecast", "classical")


@asks(FitInputs)
def backtest(
    runs: RunsLike | None = None,
    *,
    params: Iterable[Any] | None = None,
    tokens: Iterable[Any] | None = None,
    loss: Iterable[Any] | None = None,
    flops: Iterable[Any] | None = None,
    run: Iterable[Any] | None = None,
    weight: Iterable[Any] | None = None,
    group: str | None = None,
    ratios: Sequence[object] = (10, 30),
    methods: Sequence[str] = METHODS,
    seed: int = 0,
    level: Number = LEVEL,
    workers: Workers = 1,
    progress: Progress | None = None,
    **asked: Unpack[FitInputs],
) -> Backtest:
    """Fit the small runs of each group and predict the large ones.

    Parameters
    ----------
    runs, params, tokens, loss, flops, run, weight
        As for :func:`planner.fit`.
    group : str, optional
        Only this group; by default each by itself; ``"all"`` pools them.
    ratios : sequence of float
        R: fit on C <= C_max/R, predict the rest.
    methods : sequence of {"forecast", "classical"}
    seed : int
    level : float or str
        Of the intervals whose coverage is counted.
    workers : int or map-like callable
        Processes, or an engine's map: groups and ratios are independent.
    progress : callable, optional
        Called with (pieces that came back, pieces in all).
    {inputs}

    Returns
    -------
    Backtest

    Raises
    ------
    FitError
        No group has runs enough on either side of any ratio.

    Examples
    --------
    >>> import planner
    >>> found = planner.backtest("muennighoff2023", group="one epoch", ratios=[10])
    >>> [(case.method, case.fitted, case.predicted) for case in found.cases]
    [('forecast', 30, 11), ('classical', 30, 11)]
    """
    arrays = {"params": params, "tokens": tokens, "loss": loss, "flops": flops, "run": run, "weight": weight}
    reading = Reading.of(asked, "backtest", FitInputs)
    table = read_table_of_runs(runs, arrays, reading)
    confidence = check_level(level)
    factors = [parse_number(ratio, "ratio") for ratio in _several(ratios, "ratios", "numbers above 1 such as 10, 30")]
    for factor in factors:
        if not 1 < factor <= 1e6:
            text = f"ratio {plain(factor)}: must be above 1 and at most 1e6"
            raise OptionError(f"{text}; 10 fits on runs up to a tenth of the largest")
    methods = _several(methods, "methods", f"any of {', '.join(METHODS)}")
    unknown = [method for method in methods if not isinstance(method, str) or method not in METHODS]
    if unknown or not factors or not methods:
        raise OptionError(f"method {shown(unknown[0]) if unknown else 'missing'}: a back-test takes {' or '.join(METHODS)}")
    names = [group] if group is not None else list(table.groups) or ["all"]
    jobs = [(one_group(table, name if table.group else None), name, factor) for name in names for factor in factors]
    judge = partial(_cases, methods=tuple(methods), seed=seed, level=confidence, exclude=reading.exclude_outliers)
    with mapper(workers, progress) as spread:
        found = spread(judge, jobs)
    cases = tuple(case for each in found for case in each)
    if all(case.refused for case in cases):
        raise FitError(f"nothing to test in {table.name}: {cases[0].refused}")
    summaries = []
    for factor, method in product(factors, methods):
        if answered := [case for case in cases if case.method == method and case.ratio == factor and not case.refused]:
            summaries.append(_summary(method, factor, answered))
    inputs = FrozenDict(
        runs=table.name,
        sha256=table.sha256,
        group=group,
        ratios=tuple(factors),
        methods=tuple(methods),
        seed=seed,
        level=confidence,
        **reading.stated(),
    )
    notes = _notes(cases, table, {name: part for part, name, _ in jobs}.values())
    return Backtest(cases, tuple(summaries), confidence, tuple(notes), inputs)


def _failed(groups: Iterable[Runs]) -> list[Note]:
    """Name the runs that failed, by the law fitted to all of their group: what is foretold of them is no measure of a method."""
    rows = []
    for part in groups:
        sample = Sample.of(part)
        if len(sample) >= _FEWEST:
            far, missed = failed(sample)
            rows += [place_of(part, at, float(missed[at])) for at in np.flatnonzero(far).tolist()]
    if not rows:
        return []
    which = f"{'rows' if len(rows) > 1 else 'row'} {listed(rows, 8)}"
    text = f"far from the law fitted to every run, undertuned or diverged? {which}"
    return [Note("outliers", "warning", f"{text}: where such a run is foretold, the error is its own; --drop leaves it out")]


_FEWEST = 8
"""Runs of a group below which none of them can be called far from the others."""


def _several(value: Raw, name: str, expected: str) -> list[Any]:
    try:
        return items_of(value, name, "back-test")
    except PlannerError:
        raise OptionError(f"{name} {shown(value)}: expected {expected}") from None


def _cases(job: tuple[Runs, str, float], *, methods: tuple[str, ...], seed: int, level: float, exclude: bool) -> list[Case]:
    """Fit once and judge each method on it."""
    table, group, ratio = job
    small = table.flops <= table.flops.max() / ratio
    train, test = table.take(small), table.take(~small)
    if not len(train):
        text = f"no run spends at most 1/{plain(ratio)} of the largest compute"
        return [Case(group, method, ratio, 0, len(test), refused=text) for method in methods]
    try:
        fitted = fit(train, group="all" if train.group else None, seed=seed, level=level, exclude_outliers=exclude)
    except PlannerError as error:
        return [Case(group, method, ratio, len(train), len(test), refused=str(error)) for method in methods]
    on_frontier = Sample.of(table).excess[~small] <= _FRONTIER
    both = {result.method: result for result in (fitted, *fitted.others)}
    return [_judged(both[method], test, on_frontier, Case(group, method, ratio, len(train), len(test))) for method in methods]  # type: ignore[index]


def _judged(found: FitResult, test: Runs, on_frontier: Array, case: Case) -> Case:
    guess = found.predict(test.params, test.tokens, level=found.level)
    error = guess.loss / test.loss - 1
    low, high = guess.run
    assert found.law.domain.flops is not None  # every fitted law has it
    return case._replace(
        reach=float(test.flops.max() / found.law.domain.flops[1]),
        error=float(np.abs(error).mean()),
        bias=float(error.mean()),
        frontier_error=float(np.abs(error[on_frontier]).mean()) if on_frontier.any() else None,
        coverage=float(((low <= test.loss) & (test.loss <= high)).mean()),
        half_width=float(np.median((high - low) / 2 / guess.loss)),
        runs=Foretold(*(tuple(each.tolist()) for each in (test.flops, test.loss, guess.loss, low, high))),
    )


def _summary(method: str, ratio: float, cases: Sequence[Case]) -> Summary:
    found: dict[str, Any] = {}
    for name in ("error", "frontier_error", "bias", "coverage", "half_width"):
        values = [getattr(case, name) for case in cases if getattr(case, name) is not None]
        found[name] = float(np.mean(values)) if values else None
    return Summary(method, ratio, len(cases), **found)


def _notes(cases: Sequence[Case], table: Runs, groups: Iterable[Runs]) -> list[Note]:
    notes = list(table.notes)
    refused = [case for case in cases if case.refused]
    if refused:
        text = f"{len(refused)} of {len(cases)} fits were refused; the first: {refused[0].refused}"
        notes.append(Note("refused", "warning", text))
    text = "errors inside one group share a bias, so coverage comes in all-or-nothing pieces: read it over groups, not within one"
    return [*notes, *_failed(groups), Note("coverage-in-pieces", "info", text)]
