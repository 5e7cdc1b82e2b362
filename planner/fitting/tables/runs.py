"""A user's table of training runs -> validated arrays; every complaint says file, row and column."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.cells import Array, read_numbers
from planner.fitting.tables.columns import NUMBERS, TEXTS, Columns, read_columns
from planner.fitting.tables.row_choice import PURPOSES
from planner.fitting.tables.units import check_units
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import bare, listed, plain, shown

REQUIRED = ("params", "tokens", "loss")
_PERPLEXITY = 20.0  # nats per token: above the entropy of any vocabulary (e^20 entries)


@dataclass(frozen=True, eq=False)
class Runs:
    """Training runs as arrays of one length.

    Attributes
    ----------
    params, tokens, flops, loss : array
        N, D, C [FLOP] and the loss reached, all above 0.
    name : str
        Where they came from, for messages.
    rows : array of int
        Row number of each in its file, the header being row 1; counted from 1 where there is no file.
    group : tuple of str or None
        Data set and recipe; one group is fitted at a time.
    run : tuple of str or None
        The run a row is a checkpoint of: rows of one run are not independent.
    purpose : tuple of str or None
        What each run of a design of ours is for, see :func:`planner.pilots`.
    file : tuple of str or None
        The file of each row, where several were read together.
    weight, unique_tokens : array or None
    sha256 : str
        Of the file's bytes, empty without a file.
    measured_flops : bool
        Whether ``flops`` was in the table, not computed as k N D.
    params_count, loss_unit, data : str
        Conventions that come with a shipped table; empty for one's own, who says so when fitting.
    notes : tuple of Note
        What a reader should know of the table.
    columns : mapping of str to str
        What the table calls its quantities, as far as they stand there in base units.
    """

    params: Array
    tokens: Array
    flops: Array
    loss: Array
    name: str
    rows: NDArray[np.int64]
    group: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    purpose: tuple[str, ...] | None = None
    file: tuple[str, ...] | None = None
    weight: Array | None = None
    unique_tokens: Array | None = None
    sha256: str = ""
    measured_flops: bool = False
    params_count: str = ""
    loss_unit: str = ""
    data: str = ""
    notes: tuple[Note, ...] = ()
    columns: Mapping[str, str] = FrozenDict()

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        return f"Runs({self.name[-100:]!r}: {len(self)} rows, {self.flops.min():.3g} to {self.flops.max():.3g} FLOP)"

    @property
    def designed(self) -> bool:
        """Whether the runs are pilots that planner designed: then none of them is far from the frontier by accident."""
        return self.purpose is not None and set(self.purpose) <= set(PURPOSES)

    @property
    def run_ids(self) -> tuple[tuple[str, str], ...] | None:
        """File and name of the run of each row: the same name in two files is not the same run."""
        return None if self.run is None else _ids(self.run, self.file)

    @property
    def groups(self) -> tuple[str, ...]:
        """The distinct groups, in the order in which they come."""
        return tuple(dict.fromkeys(self.group)) if self.group else ()

    def take(self, kept: Any) -> "Runs":
        """Return the rows where a mask is true, or at the given positions."""
        index = np.flatnonzero(kept) if np.asarray(kept).dtype == bool else np.asarray(kept)
        values: dict[str, Any] = {}
        for name in (*NUMBERS, *TEXTS, "file", "rows"):
            value = getattr(self, name)
            values[name] = tuple(value[i] for i in index) if isinstance(value, tuple) else None if value is None else value[index]
        return replace(self, **values)

    def select(self, group: str) -> "Runs":
        """Return one group.

        Raises
        ------
        OptionError
            No such group; the message lists them.
        """
        if group not in self.groups:
            known = listed(list(map(bare, self.groups)), 12) or "none: the table has no group column"
            raise OptionError(f"{self.name}: no group {shown(group)}; groups are {known}")
        assert self.group is not None
        return self.take(np.array([name == group for name in self.group]))


def read_runs(
    source: Any,
    reading: Reading | None = None,
    *,
    flops_per_param_token: float,
) -> Runs:
    """Read a table of runs, or several as one: a file of any kind, an open binary one, a data frame, or a list of them.

    ``flops_per_param_token`` is k in C = k N D where there is no flops column.

    Raises
    ------
    RunsFileError
        It cannot be read, lacks a column, or a cell is not a positive number; the message says row and column.
    """
    k = flops_per_param_token
    return _checked(read_columns(source, reading or Reading(), REQUIRED, flops_per_param_token=k), k)


def runs_from_arrays(
    values: Mapping[str, object], *, flops_per_param_token: float, name: str = "the runs given", loss_unit: str = ""
) -> Runs:
    """Take runs as sequences: params, tokens, loss and, where known, flops, group, run, weight and unique_tokens.

    Raises
    ------
    RunsFileError
        A sequence is missing, of another length, or holds something that is not a positive number.
    """
    given = {column: value for column, value in values.items() if value is not None}
    missing = [column for column in REQUIRED if column not in given]
    if missing:
        raise RunsFileError(f"{name}: lacks {', '.join(missing)}; a fit needs params, tokens and loss")
    length = None
    numbers: dict[str, Array] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for column, value in given.items():
        items = items_of(value, column, name)
        length = len(items) if length is None else length
        if len(items) != length:
            raise RunsFileError(f"{name}: {column} has {len(items)} entries, {next(iter(given))} has {length}; they must agree")
        if column in TEXTS:
            texts[column] = tuple(str(item) for item in items)
        else:
            numbers[column] = read_numbers(list(enumerate(items, 1)), column, name)
    if not length:
        raise RunsFileError(f"{name}: are empty")
    read = Columns(numbers, texts, np.arange(1, length + 1), name, "", (), loss_unit, "flops" in numbers)
    return _checked(read, flops_per_param_token)


def items_of(value: Raw, column: str, name: str) -> list[Any]:
    """Return the entries of an ordered sequence: a set or a mapping would pair sizes with the wrong losses.

    Raises
    ------
    RunsFileError
        Anything else.
    """
    ordered = hasattr(value, "__len__") and hasattr(value, "__iter__") and hasattr(value, "__getitem__")
    if isinstance(value, (str, bytes, Mapping)) or not ordered or getattr(value, "ndim", 1) != 1:
        raise RunsFileError(f"{name}: {column} {shown(value)}: expected a list or an array of one axis, one entry a run")
    return list(value)  # type: ignore[call-overload, no-any-return]  # iterable, checked above


def _checked(read: Columns, k: float) -> Runs:
    numbers, texts, rows, name, digest, notes = read[:6]
    loss = numbers["loss"]
    if not read.loss_unit:
        _refuse_mixed(loss, rows, texts.get("file") or (name,) * len(rows))
    odd = check_units(numbers, read.loss_unit, name, read.columns, flops=read.measured_flops)
    run, said = _run_names(texts, numbers["params"], numbers["tokens"])
    flops = numbers.get("flops")
    return Runs(
        params=numbers["params"],
        tokens=numbers["tokens"],
        flops=k * numbers["params"] * numbers["tokens"] if flops is None else flops,
        loss=loss,
        name=name,
        rows=rows,
        group=texts.get("group"),
        run=run,
        purpose=texts.get("purpose"),
        file=texts.get("file"),
        weight=numbers.get("weight"),
        unique_tokens=numbers.get("unique_tokens"),
        sha256=digest,
        measured_flops=flops is not None and read.measured_flops,
        loss_unit=read.loss_unit,
        params_count=read.params_count,
        notes=(*notes, *odd, *said, *_repeats(numbers, texts, rows), *_odd_flops(flops, numbers, rows)),
        columns=FrozenDict({name: called for name, called in read.columns.items() if name not in read.scaled}),
    )


def _refuse_mixed(loss: Array, rows: NDArray[np.int64], files: tuple[str, ...]) -> None:
    """Refuse perplexities beside losses in nats."""
    high = loss > _PERPLEXITY
    if high.sum() >= 2 and (loss < _PERPLEXITY / 2).sum() >= 2:
        at = int(np.argmax(high))
        found = f"{plain(float(loss[at]), 4)} beside losses below {plain(_PERPLEXITY / 2)}"
        raise RunsFileError(
            f"{files[at]}:{rows[at]}:loss: {found}: mixed units? perplexity is exp(loss in nats); bring all to one unit"
        )


def _run_names(texts: Mapping[str, tuple[str, ...]], params: Array, tokens: Array) -> tuple[tuple[str, ...] | None, list[Note]]:
    """Return which run each row is of, and what to say of that: a name that is of several sizes names no run."""
    names = texts.get("run")
    ids = _ids(names, texts.get("file")) if names else ()
    if names is None or len(set(ids)) == len(names):
        return names, []
    size: dict[tuple[str, str], float] = {}
    named = [*zip(texts.get("group") or ("",) * len(names), ids, strict=True)]
    if len({*zip(named, tokens.tolist(), strict=True)}) == len({*named}):
        text = "runs of one name have as many tokens each, so rows are taken as runs of their own (seeds?), not as checkpoints"
        return None, [Note("run-names", "info", text)]
    for each, N in zip(ids, params.tolist(), strict=True):
        if abs(size.setdefault(each, N) / N - 1) > _SAME_SIZE:
            text = f"the run {shown(each[1])} is of several sizes, so rows are taken as runs of their own, not as checkpoints"
            return None, [Note("run-names", "info", text)]
    text = f"{len(names)} checkpoints of {len(size)} runs, by the column of run names: rows of one run are not independent"
    decay = "losses before the end of a learning-rate decay are higher than those of runs that end there"
    return names, [Note("checkpoints", "info", f"{text}, and {decay}")]


_SAME_SIZE = 1e-3


def _ids(names: tuple[str, ...], files: tuple[str, ...] | None) -> tuple[tuple[str, str], ...]:
    return tuple(zip(files or ("",) * len(names), names, strict=True))


def _odd_flops(flops: Array | None, numbers: dict[str, Array], rows: NDArray[np.int64]) -> list[Note]:
    """Note a flops column that does not go with params and tokens, and the few rows of which that is said."""
    if flops is None:
        return []
    per_token = flops / (numbers["params"] * numbers["tokens"])
    low, high = float(per_token.min()), float(per_token.max())
    if high <= _ODD_FLOPS * low:
        return []
    text = f"flops per parameter and token range from {plain(low, 3)} to {plain(high, 3)}"
    far = np.flatnonzero(np.abs(np.log(per_token / np.median(per_token))) > np.log(_ODD_FLOPS) / 2)
    if len(far) <= len(rows) / 10:
        text += f", of most {plain(float(np.median(per_token)), 3)}; row {listed(rows[far].tolist(), 8)} is not like them"
    return [Note("flops-differ", "warning", f"{text}: are flops, params and tokens of one kind?")]


_ODD_FLOPS = 5.0  # a house convention: embeddings and attention move it by less


def _repeats(numbers: dict[str, Array], texts: dict[str, tuple[str, ...]], rows: NDArray[np.int64]) -> list[Note]:
    """Note rows that say the same as an earlier one: they count twice."""
    said = [texts.get("group", ("",) * len(rows)), *(numbers[column].tolist() for column in ("params", "tokens", "loss"))]
    first: dict[tuple[object, ...], int] = {}
    again = [row for row, *key in zip(rows.tolist(), *said, strict=True) if first.setdefault(tuple(key), row) != row]
    if not again:
        return []
    which = "row repeats an earlier one" if len(again) == 1 else "rows repeat earlier ones"
    return [Note("repeated-rows", "warning", f"{len(again)} {which} (row {listed(again, 8)}): counted again")]
