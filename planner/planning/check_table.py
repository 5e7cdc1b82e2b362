"""A table of proposed runs in, a verdict on each out."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from planner._util.defaults import DEFAULT_LAW, TOLERANCE
from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import lowest
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation import solver
from planner.allocation.assessment import regime_notes, regimes_of
from planner.allocation.extrapolation import FAR, extrapolation
from planner.allocation.problem import as_problem
from planner.errors import CannotPlanError, OptionError, RunsFileError
from planner.fitting.tables.columns import Columns, read_columns
from planner.inputs.input_row import Number
from planner.inputs.law_choice import LawLike, read_constants, resolve_law
from planner.notes import Note
from planner.planning.plan_notes import size_notes
from planner.quantities import LARGEST, parse_fraction, plain, shown
from planner.scaling_laws.law import Law, guarded


class JudgedRun(NamedTuple):
    """One run of a table, and what the law says of it.

    Attributes
    ----------
    row : int
        In its file, the header being row 1.
    run : str
        What the table calls it; empty without such a column.
    params, tokens, tokens_per_param : float
        N, counted as the law counts, and D.
    flops : float
        What training it takes [FLOP], as the law counts.
    loss : float
        Expected, in the law's unit.
    overhead : float
        Extra compute over an optimal run of the same loss, as a fraction.
    regime : {"overfit", "underfit", "balanced", "compute wasted"}
    extrapolation : float or None
        Largest factor by which C, N or D leaves the law's fitted range, 1 inside; None where the range is not known.
    measured : float or None
        The loss that the table has.
    """

    row: int
    run: str
    params: float
    tokens: float
    tokens_per_param: float
    flops: float
    loss: float
    overhead: float
    regime: str
    extrapolation: float | None
    measured: float | None


@dataclass(frozen=True, eq=False, repr=False)
class RunsCheck(Answer):
    """The verdicts on a table of runs.

    Attributes
    ----------
    name : str
        Of the file.
    law : Law
        The judge.
    tolerance : float
        Overhead up to which a run is balanced.
    runs : tuple of JudgedRun
        In the order of the table.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    name: str
    law: Law
    tolerance: float
    runs: tuple[JudgedRun, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


def check_runs(
    runs: "str | os.PathLike[str]",
    *,
    law: LawLike = DEFAULT_LAW,
    constants: Mapping[str, object] | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    tolerance: Number = TOLERANCE,
) -> RunsCheck:
    """Judge every run of a table, as :func:`planner.check` judges one.

    Parameters
    ----------
    runs : path
        A CSV file or an .xlsx workbook with columns params and tokens; run (its name) and loss (what was measured) are optional.
    law : str, Path or Law
        The judge: one that plans and has a loss surface.
    constants : mapping, optional
        Constants of the law to replace.
    columns : mapping, optional
        What the file calls its columns, such as ``{"params": "n_params"}``.
    sheet : str, optional
        Of a workbook: the only one, or the one called Runs, unless named.
    tolerance : float or str
        Extra compute up to which a run counts as balanced (0.1 or "10%").

    Returns
    -------
    RunsCheck

    Raises
    ------
    PlannerError
        A table that cannot be read (the message says file, row and column), or a law that cannot judge runs.
    """
    if not isinstance(runs, (str, os.PathLike)):
        raise OptionError(f"runs {shown(runs)}: expected a file of runs, such as runs.csv or budget.xlsx")
    replaced = read_constants(constants)
    judge = resolve_law(law, constants=replaced)
    if judge.surface_law is not judge or judge.role != "plan":
        raise CannotPlanError(f"{judge.id} cannot judge runs: it has no loss surface of its own to plan on; besiroglu2024 has")
    allowed = parse_fraction(tolerance, "tolerance")
    read = read_columns(runs, columns, sheet, ("params", "tokens"), sparse=("loss",))
    judged = guarded(judge, lambda: _judged(judge, read, allowed))
    return RunsCheck(
        name=read.name,
        law=judge,
        tolerance=allowed,
        runs=judged,
        notes=(*read.notes, *judge.notes, *_notes(judge, judged)),
        inputs=FrozenDict({"runs": read.name, "sheet": sheet, "law": judge.id, "constants": replaced, "tolerance": allowed}),
    )


def _judged(law: Law, read: Columns, tolerance: float) -> tuple[JudgedRun, ...]:
    N, D = read.numbers["params"], read.numbers["tokens"]
    problem = as_problem(law)
    C = problem.spending.training(N, D)
    if C.max() > LARGEST:
        row = int(read.rows[lowest(-C)])
        raise RunsFileError(f"{read.name}:{row}: spends {plain(float(C.max()), 4)} FLOP, above {plain(LARGEST)}")
    loss = np.broadcast_to(law.loss(N, D), N.shape)
    extra = solver.overhead(law, N, D)
    regimes = regimes_of(problem, N, D, extra, tolerance)
    measured = [None if loss != loss else loss for loss in read.numbers.get("loss", np.full(N.shape, np.nan)).tolist()]
    names = read.texts.get("run", ("",) * len(N))
    outside = extrapolation(law, N, D, C)
    outside = [None] * len(N) if outside is None else outside.tolist()
    columns = (values.tolist() for values in (read.rows, N, D, C, loss, extra, regimes))
    return tuple(
        JudgedRun(row, name, params, tokens, tokens / params, flops, expected, over, regime, far, found)
        for row, params, tokens, flops, expected, over, regime, far, name, found in zip(
            *columns, outside, names, measured, strict=True
        )
    )


def _notes(law: Law, runs: tuple[JudgedRun, ...]) -> list[Note]:
    found = []
    far = [each.row for each in runs if each.extrapolation is not None and each.extrapolation > FAR]
    if far:
        listed = ", ".join(map(str, far[:8])) + (", ..." if len(far) > 8 else "")
        text = f"{len(far)} of {len(runs)} runs lie more than {FAR:g}x outside those that {law.id} was fitted on (row {listed})"
        found.append(Note("extrapolation", "warning", f"{text}: guesses, not forecasts"))
    found += size_notes(min(min(each.params, each.tokens) for each in runs))
    if not law.domain.known:
        found.append(Note("range-unknown", "info", f"the range of runs that {law.id} was fitted on is not known"))
    if any(each.measured is not None for each in runs):
        text = "a measured loss is on other data and another tokenizer than the law's: compare the order of runs, not the values"
        found.append(Note("measured-loss", "info", text))
    if any(each.regime == "underfit" for each in runs):
        found += regime_notes("underfit")
    return found
