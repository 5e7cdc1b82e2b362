"""A table of proposed runs in, a verdict on each out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any, NamedTuple, Unpack, get_args, overload

import numpy as np
from numpy.typing import NDArray

from planner._util.defaults import DEFAULT_LAW, TOLERANCE
from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import lowest
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation import solver
from planner.allocation.assessment import Regime, regime_notes, regimes_of
from planner.allocation.extrapolation import FAR, extrapolation
from planner.allocation.problem import as_problem
from planner.errors import CannotPlanError, OptionError, RunsFileError
from planner.fitting.fit import TableLike
from planner.fitting.tables.columns import Columns, read_columns
from planner.fitting.tables.raw_table import are_sources
from planner.fitting.tables.units import check_units
from planner.inputs.input_row import Number
from planner.inputs.law_choice import LawLike, read_constants, resolve_law
from planner.inputs.mixtures import experts_of
from planner.inputs.registry import asks
from planner.inputs.table_inputs import Reading, TableInputs
from planner.notes import Note
from planner.planning.plan_details import size_notes
from planner.quantities import LARGEST, listed, parse_fraction, plain, shown
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


class JudgedRuns(Sequence[JudgedRun]):
    """The runs of a table with their verdicts, held as columns: a million of them fit where as many objects would not.

    Parameters
    ----------
    columns : mapping of str to array
        By the names of :class:`JudgedRun`, all of one length; NaN where there is no number.
    names : tuple of str
        What the table calls its runs; empty where it does not.
    """

    __slots__ = ("columns", "names")

    def __init__(self, columns: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> None:
        self.columns, self.names = columns, names

    def __len__(self) -> int:
        return len(self.columns["row"])

    def __iter__(self) -> Iterator[JudgedRun]:
        for some in self.blocks():
            yield from some

    @overload
    def __getitem__(self, index: int) -> JudgedRun: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[JudgedRun, ...]: ...

    def __getitem__(self, index: int | slice) -> JudgedRun | tuple[JudgedRun, ...]:
        if not isinstance(index, slice):
            return self[index : index + 1 or None][0]
        parts = {name: values[index].tolist() for name, values in self.columns.items()}
        for name in ("extrapolation", "measured"):
            parts[name] = [None if value != value else value for value in parts[name]]
        parts["run"] = self.names[index] if self.names else [""] * len(parts["row"])
        parts["regime"] = [REGIMES[code] for code in parts["regime"]]
        return tuple(map(JudgedRun._make, zip(*(parts[name] for name in JudgedRun._fields), strict=True)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (JudgedRuns, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def blocks(self) -> Iterator[tuple[JudgedRun, ...]]:
        """Give the runs some at a time."""
        for start in range(0, len(self), _BLOCK):
            yield self[start : start + _BLOCK]

    @property
    def measured(self) -> bool:
        """Whether the table has a loss of any run."""
        return not bool(np.isnan(self.columns["measured"]).all())

    def counts(self) -> dict[str, int]:
        """Return how many runs are of each regime."""
        return {regime: int((self.columns["regime"] == code).sum()) for code, regime in enumerate(REGIMES)}

    def to_dict(self) -> list[Any]:
        """Return JSON types."""
        return [run._asdict() for run in self]


REGIMES = get_args(Regime)
_BLOCK = 20_000


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
    runs : JudgedRuns
        A sequence of :class:`JudgedRun` in the order of the table.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    name: str
    law: Law
    tolerance: float
    runs: JudgedRuns
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(TableInputs)
def check_runs(
    runs: TableLike | Sequence[TableLike],
    *,
    law: LawLike = DEFAULT_LAW,
    constants: Mapping[str, object] | None = None,
    tolerance: Number = TOLERANCE,
    **asked: Unpack[TableInputs],
) -> RunsCheck:
    """Judge every run of a table, as :func:`planner.check` judges one.

    Parameters
    ----------
    runs : path, data frame, open binary file, or a list of them
        A table, as of :func:`planner.fit`, with columns params and tokens; run (its name) and loss (what was measured) are
        optional.
    law : str, Path or Law
        The judge: one that plans and has a loss surface.
    constants : mapping, optional
        Constants of the law to replace.
    tolerance : float or str
        Extra compute up to which a run counts as balanced (0.1 or "10%").
    {inputs}

    Returns
    -------
    RunsCheck

    Raises
    ------
    PlannerError
        A table that cannot be read (the message says file, row and column), or a law that cannot judge runs.
    """
    if not are_sources(runs):
        raise OptionError(f"runs {shown(runs)}: expected a file of runs, such as runs.csv or budget.xlsx")
    replaced = read_constants(constants)
    judge = resolve_law(law, constants=replaced)
    if judge.surface_law is not judge or judge.role != "plan":
        raise CannotPlanError(f"{judge.id} cannot judge runs: it has no loss surface of its own to plan on; besiroglu2024 has")
    allowed = parse_fraction(tolerance, "tolerance")
    reading = Reading.of(asked, "check_runs")
    read = read_columns(runs, reading, ("params", "tokens"), sparse=() if reading.skip_bad else ("loss",))
    odd = check_units(read.numbers, read.loss_unit, read.name, read.columns, flops=read.measured_flops)
    judged = guarded(judge, lambda: _judged(judge, read, allowed))
    return RunsCheck(
        name=read.name,
        law=judge,
        tolerance=allowed,
        runs=judged,
        notes=(*read.notes, *odd, *judge.notes, *_notes(judge, judged, read)),
        inputs=FrozenDict({"runs": read.name, **reading.stated(), "law": judge.id, "constants": replaced, "tolerance": allowed}),
    )


def _judged(law: Law, read: Columns, tolerance: float) -> JudgedRuns:
    N, D = read.numbers["params"], read.numbers["tokens"]
    problem = as_problem(law)
    C = problem.spending.training(N, D)
    if C.max() > LARGEST:
        row = int(read.rows[lowest(-C)])
        raise RunsFileError(f"{read.name}:{row}: spends {plain(float(C.max()), 4)} FLOP, above {plain(LARGEST)}")
    columns = {
        "row": read.rows, "params": N, "tokens": D, "tokens_per_param": D / N, "flops": C, "loss": np.empty(N.shape),
        "overhead": np.empty(N.shape), "regime": np.empty(N.shape, np.uint8), "extrapolation": np.full(N.shape, np.nan),
        "measured": read.numbers.get("loss", np.full(N.shape, np.nan)),
    }  # fmt: skip
    for start in range(0, len(N), _BLOCK):
        some = slice(start, start + _BLOCK)
        columns["loss"][some] = law.loss(N[some], D[some])
        columns["overhead"][some] = extra = solver.overhead(law, N[some], D[some])
        regimes = regimes_of(problem, N[some], D[some], extra, tolerance)
        for code, regime in enumerate(REGIMES):
            columns["regime"][some][regimes == regime] = code
        if (outside := extrapolation(law, N[some], D[some], C[some])) is not None:
            columns["extrapolation"][some] = outside
    return JudgedRuns(columns, read.texts.get("run", ()))


def _notes(law: Law, runs: JudgedRuns, read: Columns) -> Iterator[Note]:
    columns = runs.columns
    if far := columns["row"][np.nan_to_num(columns["extrapolation"]) > FAR].tolist():
        rows = listed(far, 8)
        text = f"{len(far)} of {len(runs)} runs lie more than {FAR:g}x outside those that {law.id} was fitted on (row {rows})"
        yield Note("extrapolation", "warning", f"{text}: guesses, not forecasts")
    yield from size_notes(float(np.minimum(columns["params"], columns["tokens"]).min()))
    if law.choices:
        yield Note("mixture-size", "info", f"judged with {experts_of(law)}")
    if (repeated := _repeated(read)) is not None:
        text = f"{repeated} of {len(runs)} runs see tokens again (unique_tokens), which a table counts as fresh"
        yield Note("repeats-fresh", "warning", f"{text}; plan check --params N --tokens D --unique-tokens U weighs them")
    if runs.measured:
        if unknown := columns["row"][np.isnan(columns["measured"])].tolist():
            text = f"{len(unknown)} of {len(runs)} runs have no measured loss (row {listed(unknown, 8)})"
            yield Note("loss-missing", "warning", f"{text}: did they diverge?")
        unit, own = read.loss_unit or "nats/token", law.conventions.loss_unit
        text = "a measured loss is on other data and another tokenizer than the law's: compare the order of runs, not the values"
        if unit != own:
            said = unit if read.loss_unit else f"{unit}, for nothing else is said (--loss-unit)"
            text = f"measured losses are in {said}, those of {law.id} in {own}: they do not compare"
        elif law.fit and law.fit.get("sha256") == read.sha256:
            text = "the law was fitted to these very runs: what a measured loss is off by is the fit's error, not a forecast's"
        elif law.fit:
            text = "a measured loss compares with the law's where it is on the data that the law was fitted to"
        yield Note("measured-loss", "info" if unit == own else "warning", text)
    if runs.counts()["underfit"]:
        yield from regime_notes("underfit")


def _repeated(read: Columns) -> int | None:
    """Return how many runs have fewer different tokens than they train on; None where none has."""
    unique = read.numbers.get("unique_tokens")
    return None if unique is None else int(np.count_nonzero(unique < read.numbers["tokens"])) or None
