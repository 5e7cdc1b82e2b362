"""Tables of runs, read: columns of numbers and texts in base units; every complaint says file, row and column."""

import hashlib
import math
import os
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.cells import Array
from planner.fitting.tables.column_names import DERIVED, NONE, Found, find_columns
from planner.fitting.tables.csv_cells import decimal_comma
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_table import RawTable, is_rows
from planner.fitting.tables.raw_tables import read_raw
from planner.fitting.tables.row_choice import Rows
from planner.fitting.tables.tensorboard_scalars import as_history, is_scalar
from planner.fitting.tables.units import LARGEST_LOSS
from planner.fitting.tables.wandb_history import history_of, joined, told
from planner.inputs.table_inputs import FLOPS_UNITS, Reading
from planner.notes import Note
from planner.quantities import plain

NUMBERS = ("params", "tokens", "flops", "loss", "weight", "unique_tokens")
TEXTS = ("group", "run", "purpose")


class Columns(NamedTuple):
    """The columns of a table that are known, and where they come from."""

    numbers: dict[str, Array]  # in base units
    texts: dict[str, tuple[str, ...]]
    rows: NDArray[np.int64]  # row number of each line, as messages name them
    name: str  # of the file
    sha256: str
    notes: tuple[Note, ...]
    loss_unit: str = ""  # where it was said
    measured_flops: bool = True  # whether ``flops`` was in the table and nothing was computed from it
    columns: Mapping[str, str] = {}  # what the table calls its quantities
    scaled: frozenset[str] = frozenset()  # quantities that the table has in other than base units
    params_count: str = ""  # which parameters N counts, where the name of its column says so


def read_columns(
    source: Any,
    reading: Reading,
    required: Sequence[str],
    *,
    sparse: Sequence[str] = (),
    known: Sequence[str] = (*NUMBERS, *TEXTS),
    flops_per_param_token: float = 6.0,
) -> Columns:
    """Read a table of runs, or several as one: CSV, .xlsx, JSON, JSON lines, Parquet, open files, data frames.

    Of the ``known`` columns, texts by the names in ``TEXTS`` and all others numbers, the ``required`` must be there or follow
    from C = k N D, k being ``flops_per_param_token``; an empty cell of the ``sparse`` is not a number.

    Raises
    ------
    RunsFileError
        A file cannot be read, lacks a column, or cells are not positive numbers; the message says row and column of each.
    """
    sources = list(source) if isinstance(source, (list, tuple)) and not is_rows(source) else [source]
    if reading.drop and len(sources) > 1:
        raise OptionError("`drop` goes with one table: rows of several have the same numbers")
    refuse_twice(sources)

    def needed(header: list[str]) -> list[int]:
        if history_of(header):
            return list(range(len(header)))
        found = find_columns(header, reading.columns, known, required, "the sheet")
        more = [at for at, cell in enumerate(header) if any(cell.lower() == c.column.lower() for c in reading.where)]
        return [*(place.at for place in found.places.values()), *more, *([] if found.state is None else [found.state])]

    tables = [read_raw(each, reading.sheet, needed, len(sources) > 1 and at) for at, each in enumerate(sources, 1)]
    parts = []
    for raw in _with_histories(tables):
        found = find_columns(raw.header, reading.columns, known, required, raw.name)
        parts.append(_derived(_read(raw, found, reading, sparse), required, flops_per_param_token))
    return _together(parts)


def refuse_twice(sources: Sequence[Any], what: str = "runs") -> None:
    """Refuse a file that is given twice."""
    paths = [os.path.abspath(each) for each in sources if isinstance(each, (str, os.PathLike))]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise OptionError(f"{what}: {os.path.basename(twice)!r} is given twice")


def _with_histories(tables: Sequence[RawTable]) -> list[RawTable]:
    """Bring exports of a history, or scalars of TensorBoard, together with the table of their runs."""
    scalars = [table for table in tables if is_scalar(table.header)]
    if 0 < len(scalars) < len(tables):
        tables = [as_history(scalars), *(table for table in tables if not is_scalar(table.header))]
    histories = [(table, held) for table in tables if (held := history_of(table.header))]
    others = [table for table in tables if not history_of(table.header)]
    for history, held in histories:
        if len(others) != 1:
            raise RunsFileError(f"{history.name}: {told(held)}")
        others = [joined(history, held, others[0])]
    return others


def _read(raw: RawTable, found: Found, reading: Reading, sparse: Sequence[str]) -> Columns:
    """Read the rows that count."""
    name, places = raw.name, found.places
    numeric = [quantity for quantity in places if quantity not in TEXTS]
    commas = _with_commas(raw, {quantity: places[quantity].at for quantity in numeric})
    factors = {quantity: places[quantity].factor for quantity in numeric}
    if reading.flops_unit:
        if "flops" not in places:
            raise OptionError(f"`flops_unit` {reading.flops_unit}: {name} has no column of compute")
        factors["flops"] = FLOPS_UNITS[reading.flops_unit]
    chosen = Rows(raw, found, reading)
    numbers = {quantity: array("d") for quantity in numeric}
    texts: dict[str, list[str]] = {quantity: [] for quantity in TEXTS if quantity in places}
    rows = chosen.fill(raw, numbers, texts, commas, sparse, factors)
    chosen.faults.stop(name)
    _refuse_constant({quantity: values for quantity, values in numbers.items() if quantity in DERIVED}, found.others, name)
    table = {quantity: np.array(values) for quantity, values in numbers.items()}
    unit = reading.loss_unit or (places["loss"].unit if "loss" in places else "")
    converted, said = in_nats(table, rows, unit, chosen.faults, name)
    _leave_diverged(table, rows, converted, chosen.faults)
    kept_rows = np.array([row not in chosen.faults.rows for row in rows.tolist()], dtype=bool)
    if not kept_rows.any():
        raise RunsFileError(f"{name}: {chosen.none_left()}")
    notes = (*raw.notes, *found.notes, *said, *chosen.notes(len(rows)))
    if commas:
        notes += (Note("decimal-commas", "info", f"{name}: numbers were read with decimal commas"),)
    return Columns(
        {quantity: values[kept_rows] for quantity, values in table.items()},
        {quantity: tuple(text for text, kept in zip(lines, kept_rows, strict=True) if kept) for quantity, lines in texts.items()},
        rows[kept_rows],
        name,
        raw.sha256,
        notes,
        converted,
        "flops" in table,
        {quantity: place.called for quantity, place in places.items()},
        frozenset(quantity for quantity in numeric if factors[quantity] != 1 or (quantity == "loss" and converted != unit)),
        places["params"].counts if "params" in places else "",
    )


def _refuse_constant(numbers: Mapping[str, Sequence[float]], others: Mapping[str, tuple[str, ...]], name: str) -> None:
    """Refuse a column that says the same of every run where another of its kind stands beside it."""
    for quantity, values in numbers.items():
        if others.get(quantity) and len(values) > 2 and len(set(values)) == 1:
            beside = " or ".join(f"`columns` {quantity}={each}" for each in others[quantity][:3])
            raise RunsFileError(f"{name}: {quantity} are {plain(values[0])} in every row; are they in another column: {beside}?")


def _with_commas(raw: RawTable, places: Mapping[str, int]) -> bool:
    if raw.separator in {"", ","}:
        return False
    losses = [place for quantity, place in places.items() if quantity in {"loss", "error"}]
    return decimal_comma(lambda: raw.rows(Faults(skip=True)), list(places.values()), raw.name, losses)


_UNITS = {"perplexity": "token", "bpb": "byte", "bpc": "character", "bit": "token", "bits": "token"}
"""What a loss is of in each unit other than nats, where that is not said."""


def in_nats(table: dict[str, Array], rows: Array, unit: str, faults: Faults, name: str) -> tuple[str, list[Note]]:
    """Turn losses in bits, or perplexities, into nats; return the unit that they are then in."""
    if "loss" not in table or not unit:
        return unit, []
    words = re.sub(r"\s*[ _-]per[ _-]\s*|\s*/\s*", "/", unit.lower().strip())
    words = re.sub(r"^(ppl|perplexities|perplexity)\b(/.*)?$", "perplexity", words)
    kind, *said = words.split("/")
    if kind not in _UNITS:
        return unit, []
    nats = f"nats/{said[0] if said else _UNITS[kind]}"
    loss = table["loss"]
    if kind == "perplexity":
        for at in np.flatnonzero(loss <= 1):
            row = int(rows[at])
            faults.add(row, f"{name}:{row}:loss: {plain(float(loss[at]))}: no perplexity is 1 or less", "no perplexity")
        faults.stop(name)
    with np.errstate(divide="ignore", invalid="ignore"):
        table["loss"] = np.log(loss) if kind == "perplexity" else loss * math.log(2)
    how = "ln" if kind == "perplexity" else "times ln 2"
    return nats, [Note("loss-converted", "info", f"losses converted from {unit} to {nats} ({how})")]


def _leave_diverged(table: dict[str, Array], rows: Array, unit: str, faults: Faults) -> None:
    """Leave out runs whose loss no model of language has, where bad rows are left out and most have one."""
    loss = table.get("loss")
    if loss is None or not faults.skip or np.isnan(loss).all() or unit not in {"", "nats/token"}:
        return
    if np.nanmedian(loss) <= LARGEST_LOSS:
        for at in np.flatnonzero(loss > LARGEST_LOSS):
            faults.add(int(rows[at]), "", f"diverged: loss {plain(float(loss[at]), 4)}")


def _derived(read: Columns, required: Sequence[str], k: float) -> Columns:
    """Compute what follows from C = k N D."""
    missing = [quantity for quantity in DERIVED if quantity not in read.numbers]
    if len(missing) != 1 or missing[0] not in required:
        return read
    given, formula = ("params", "D = C/({:g} N)") if missing == ["tokens"] else ("tokens", "N = C/({:g} D)")
    note = Note("derived", "info", f"{missing[0]} computed from flops and {given}: {formula.format(k)}")
    numbers = {**read.numbers, missing[0]: read.numbers["flops"] / (k * read.numbers[given])}
    return read._replace(numbers=numbers, notes=(*read.notes, note), measured_flops=False)


_WITHOUT = {
    "flops": "compute is taken as 6 N D in all",
    "run": "rows of all are taken as runs of their own",
    "purpose": "none counts as a pilot that planner designed",
}


def _together(parts: Sequence[Columns]) -> Columns:
    """Return several tables as one; what only some have is what the others' rows would say without it."""
    if len(parts) == 1:
        return parts[0]
    numbers, texts, left = {}, {}, []
    quantities = dict.fromkeys(quantity for part in parts for quantity in (*part.numbers, *part.texts))
    for quantity in quantities:
        lacking = next((part for part in parts if quantity not in {*part.numbers, *part.texts}), None)
        if lacking is not None and quantity in _WITHOUT:
            left.append(f"{lacking.name} has no column {quantity}: {_WITHOUT[quantity]}")
        elif lacking is not None and quantity != "group":
            raise RunsFileError(f"{lacking.name}: lacks column {quantity}, which the others have")
        elif quantity in TEXTS:
            texts[quantity] = tuple(text for part in parts for text in part.texts.get(quantity, (part.name,) * len(part.rows)))
        else:
            numbers[quantity] = np.concatenate([part.numbers[quantity] for part in parts])
    if len({part.loss_unit for part in parts}) > 1:
        units = ", ".join(f"{part.name} {part.loss_unit or 'unsaid'}" for part in parts)
        raise RunsFileError(f"losses in different units: {units}; say one with `loss_unit`, or bring all to one")
    if len({part.params_count for part in parts}) > 1:
        counts = ", ".join(f"{part.name} {part.params_count or 'unsaid'}" for part in parts)
        raise RunsFileError(f"parameters are counted differently: {counts}; name the columns alike, or bring all to one count")
    texts["file"] = tuple(part.name for part in parts for _ in part.rows)
    digest = hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    notes = tuple(Note(note.code, note.severity, f"{part.name}: {note.text}") for part in parts for note in part.notes)
    notes += tuple(Note("files-differ", "info", text) for text in left)
    rows, name = np.concatenate([part.rows for part in parts]), ", ".join(part.name for part in parts)
    return Columns(
        numbers,
        texts,
        rows,
        name,
        digest,
        notes,
        parts[0].loss_unit,
        measured_flops=all(part.measured_flops for part in parts),
        columns=parts[0].columns,
        scaled=frozenset[str]().union(*(part.scaled for part in parts)),
        params_count=parts[0].params_count,
    )


def read_with_cells(
    source: Any, reading: Reading, known: Sequence[str], no_loss: Callable[[str], bool]
) -> tuple[Columns, RawTable]:
    """Read the known columns of one table, any of whose cells may be empty, and the table whose other cells are still to be read.

    ``no_loss`` tells of a name that it is no loss of the model, where nobody said that it is.

    Raises
    ------
    RunsFileError
        As :func:`read_columns`.
    """
    raw = read_raw(source, reading.sheet, lambda header: list(range(len(header))))
    found = find_columns(raw.header, reading.columns, known, (), raw.name)
    if "loss" in found.places and "loss" not in reading.columns and no_loss(found.places["loss"].called):
        found = find_columns(raw.header, {**reading.columns, "loss": NONE}, known, (), raw.name)
    return _read(raw, found, reading, known), raw
