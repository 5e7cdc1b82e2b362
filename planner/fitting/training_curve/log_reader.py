"""Logs of a run: steps, loss and learning rate from files, frames, mappings or arrays, checked and put in order."""

import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.showing import Raw
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.columns import refuse_twice
from planner.fitting.tables.csv_cells import decimal_comma
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.json_tables import of_mappings
from planner.fitting.tables.raw_table import RawTable, is_source
from planner.fitting.tables.raw_tables import read_raw
from planner.fitting.tables.row_choice import text_of
from planner.fitting.tables.runs import items_of
from planner.fitting.training_curve.laws import settings
from planner.fitting.training_curve.log_columns import log_columns, losses_in_nats, stated_column
from planner.fitting.training_curve.rate_path import LONGEST, Array
from planner.fitting.training_curve.shipped_curves import shipped_curve
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import format_whole, listed, plain, shown

_LOWEST, _HIGHEST = 1e-6, 1e6


class Log(NamedTuple):
    """Rows of one run, by step.

    Attributes
    ----------
    steps, loss : array, shape (rows,)
    lr : array, shape (rows,), or None
        None where the log has none.
    broken : tuple of float
        Steps at which the loss was no number.
    per_step : float or None
        Tokens of a step, of a log that counts both.
    loss_unit : str
        Where it was said.
    """

    name: str
    steps: Array
    loss: Array
    lr: Array | None
    broken: tuple[float, ...]
    notes: tuple[Note, ...]
    sha256: str
    per_step: float | None
    loss_unit: str = ""


def read_log(source: Any, reading: Reading, batch: float | None, number: int, *, loss: bool = True) -> Log:
    """Read a log from a file, an open one, a data frame, a mapping, or by the name of a curve that ships.

    Parameters
    ----------
    batch : float or None
        Tokens a step, for logs that count tokens.
    number : int
        Of several logs, for messages; 0 for one alone.
    loss : bool
        Whether a loss is needed; a schedule has none.

    Raises
    ------
    RunsFileError
        It cannot be read, or lacks steps or losses.
    """
    if (curve := shipped_curve(source)) is not None:
        return _log(source, curve, batch, loss=loss)
    try:
        raw = read_raw(source, reading.sheet, lambda header: list(range(len(header))), number)
    except RunsFileError as error:  # the readers are those of tables of runs
        raise RunsFileError(error.marked.replace("params,tokens,loss", "step,loss,lr")) from None
    raw = _of_trainer(raw._replace(name=raw.name.replace("the table given", "the log given", 1)))
    places, worth, unit, said = log_columns(raw, reading, loss=loss)
    columns = {quantity: values * worth.get(quantity, 1.0) for quantity, values in _numbers(raw, places, reading).items()}
    unit, told = losses_in_nats(columns, unit, raw.name) if loss else ("", [])
    return _log(raw.name, columns, batch, (*raw.notes, *said, *told), raw.sha256, loss=loss)._replace(loss_unit=unit)


def _of_trainer(raw: RawTable) -> RawTable:
    """Return the log in the state of a Hugging Face Trainer (``trainer_state.json``), any other as it is."""
    if "log_history" not in raw.header:
        return raw
    at = raw.header.index("log_history")
    rows: list[Any] = [cells[at] for _, cells in raw.rows(Faults(skip=True))]
    held = rows[0] if rows and isinstance(rows[0], list) else rows  # its only key makes a column of it
    if not held or not all(isinstance(row, Mapping) for row in held):
        raise RunsFileError(f"{raw.name}: its log_history is no list of mappings, a row a step")
    return of_mappings(list(enumerate(held, 1)), raw.name, raw.sha256)


def of_arrays(steps: Raw, loss: Raw, lr: Raw, batch: float | None) -> Log:
    """Return a log that is given as arrays.

    Raises
    ------
    RunsFileError
        Arrays of different lengths, or anything that is no number.
    """
    name = "the log given"
    given = {"step": steps, "loss": loss} | ({} if lr is None else {"lr": lr})
    columns = {}
    for quantity, values in given.items():
        try:
            listed_values = values if isinstance(values, np.ndarray) and values.ndim == 1 else items_of(values, quantity, name)
            columns[quantity] = np.array(listed_values, float)
        except (TypeError, ValueError):
            raise RunsFileError(f"{name}: {quantity}: expected an array of numbers, one a row") from None
    lengths = {quantity: len(values) for quantity, values in columns.items()}
    if len(set(lengths.values())) > 1:
        said = listed([f"{many} of {quantity}" for quantity, many in lengths.items()], 4)
        raise RunsFileError(f"{name}: {said}; they must be as many")
    return _log(name, columns, batch)


def _numbers(raw: RawTable, places: Mapping[str, int], reading: Reading) -> dict[str, Array]:
    """Return the columns as numbers."""
    faults = Faults(skip=True)
    where = [(stated_column(raw, condition.column), condition) for condition in reading.where]
    commas = raw.separator not in {"", ","} and decimal_comma(
        lambda: ((row, [text_of(cell) for cell in cells]) for row, cells in raw.rows(Faults(skip=True))),
        list(places.values()),
        raw.name,
        [places[each] for each in ("loss", "lr") if each in places],
    )
    held, at, all_count = array("d"), list(places.values()), not (reading.drop or where)
    numbered = array("q")
    for row, cells in raw.rows(faults):
        if not all_count and (row in reading.drop or not all(each.holds(text_of(cells[place])) for place, each in where)):
            continue
        numbered.append(row)
        try:
            held.extend([float(cells[place]) for place in at])  # type: ignore[arg-type]  # what is no number is caught
        except (TypeError, ValueError):
            held.extend([_read(cells[place], commas) for place in at])
    if faults.rows and not reading.skip_bad and len(faults.rows) > 1:  # the last row may be cut off: the run is going on
        row, what = next(iter(faults.rows.items()))
        raise RunsFileError(f"{raw.name}:{row}: {what}; `skip_bad` leaves such rows out")
    columns = dict(zip(places, np.array(held).reshape(-1, len(at)).T, strict=True))
    if not reading.skip_bad:
        _refuse_odd(raw, places, columns, numbered)
    return columns


def _refuse_odd(raw: RawTable, places: Mapping[str, int], columns: Mapping[str, Array], numbered: Sequence[int]) -> None:
    """Refuse steps that are no numbers, in more rows than the last that may be cut off, and a schedule's rates that are none."""
    counted = [each for each in ("step", "tokens") if each in columns and np.isfinite(columns[each]).any()][:1]
    for quantity in counted + ([] if "loss" in columns else ["lr"]):
        values = columns[quantity]
        odd = np.flatnonzero(np.isnan(values) | ((values < 0) & (values != _EMPTY)) | (values == math.inf))
        cut_off = [quantity] == counted and odd.tolist() == [len(values) - 1]
        if len(odd) and not cut_off:
            row = numbered[odd[0]]
            text = next((text_of(cells[places[quantity]]) for number, cells in raw.rows(Faults(skip=True)) if number == row), "")
            more = f" (and {len(odd) - 1} rows more)" if len(odd) > 1 else ""
            what = "a rate" if quantity == "lr" else "a number of at least 0; `skip_bad` leaves such rows out"
            raise RunsFileError(f"{raw.name}:{row}:{quantity}: {shown(text)}{more}: expected {what}")


_EMPTY = -math.inf
"""A cell that says nothing: a row that logs something else."""

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
"""A number with its thousands set apart: 1,010."""

_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def _read(cell: object, commas: bool) -> float:
    """Read a cell as people write it; minus infinity where it is empty, not a number where it is anything else."""
    text = text_of(cell)
    if not text:
        return _EMPTY
    if commas:
        text = text.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    factor = _SUFFIX.get(text[-1:].lower(), 1.0)
    try:
        return float(text[:-1] if factor != 1 else text) * factor
    except ValueError:
        return math.nan


def _log(
    name: str,
    columns: Mapping[str, Array],
    batch: float | None,
    notes: Sequence[Note] = (),
    digest: str = "",
    *,
    loss: bool = True,
) -> Log:
    """Return the rows that count, by step."""
    steps, rate = _steps(name, columns, batch), columns.get("lr")
    if rate is not None:
        low = np.flatnonzero(np.isfinite(rate) & (rate < 0))
        if len(low):
            where = f"{plain(float(rate[low[0]]))} at step {format_whole(steps[low[0]])}"
            raise RunsFileError(f"{name}: learning rate {where}: must be at least 0")
        if not (np.isfinite(rate).any() and (rate > 0).any()):
            rate = None  # a logger that fills in zeros says nothing
    placed = np.isfinite(steps) & (steps >= 0) & (columns["loss"] != _EMPTY if loss else True)
    kept, said = _ordered(name, np.where(placed, steps, np.nan))
    t = steps[kept]
    rate = None if rate is None else _at(t, steps, rate)
    told = (*notes, *said)
    if not loss:
        return Log(name, t, t, rate, (), told, digest, None)
    y = columns["loss"][kept]
    finite = np.flatnonzero(np.isfinite(y))
    odd = finite[(y[finite] < _LOWEST) | (y[finite] > _HIGHEST)]
    if len(odd):
        where = f"{plain(float(y[odd[0]]))} at step {format_whole(t[odd[0]])}"
        raise RunsFileError(f"{name}: loss {where}: must be above 0 and below 1e6")
    how = settings("fit")
    if len(finite) < how["least_each"]:
        least = f"at least {how['least_each']} are needed, {how['least']} of all logs, 100 are better"
        raise RunsFileError(f"{name}: {len(finite)} rows with a step and a loss; {least}")
    broken = tuple(t[np.isnan(y) | (y == math.inf)].tolist())
    rate = None if rate is None else rate[finite]
    return Log(name, t[finite], y[finite], rate, broken, told, digest, _per_step(columns))


def _per_step(columns: Mapping[str, Array]) -> float | None:
    """Return the tokens of a step, from the first to the last row that has both; None where they do not rise together."""
    steps, tokens = columns.get("step"), columns.get("tokens")
    if steps is None or tokens is None:
        return None
    both = np.flatnonzero(np.isfinite(steps) & np.isfinite(tokens))
    if not len(both):
        return None
    rise = np.ptp(steps[both]), np.ptp(tokens[both])
    return float(rise[1] / rise[0]) if min(rise) > 0 else None


def _at(t: Array, steps: Array, rate: Array) -> Array:
    """Return the rate at some steps: a logger may write it in other rows than the loss."""
    known = np.flatnonzero(np.isfinite(rate) & np.isfinite(steps))
    known = known[np.argsort(steps[known], kind="stable")]
    last = np.append(np.diff(steps[known]) > 0, True)
    found: Array = np.interp(t, steps[known][last], rate[known][last])
    return found


def _steps(name: str, columns: Mapping[str, Array], batch: float | None) -> Array:
    """Return the steps, from tokens where there are no others."""
    steps, tokens = columns.get("step"), columns.get("tokens")
    if steps is None or not np.isfinite(steps).any():
        if tokens is None:
            raise RunsFileError(f"{name}: its column of steps holds no number")
        if batch is None:
            raise RunsFileError(f"{name}: counts tokens, not steps; give the tokens of a step: `batch` 524288, or 0.5M")
        steps = tokens / batch
    highest = np.nanmax(steps) if np.isfinite(steps).any() else 0.0
    if not 0 < highest <= LONGEST:
        raise RunsFileError(f"{name}: its last step is {plain(float(highest))}; expected steps from 0 to {plain(LONGEST)}")
    return steps


def _ordered(name: str, steps: Array) -> tuple[NDArray[np.intp], list[Note]]:
    """Return the rows by step, of a run that was restarted those of its last way, and what to say of it."""
    rows = np.flatnonzero(np.isfinite(steps))
    t = steps[rows]
    back = np.flatnonzero(np.diff(t) < 0)
    if len(back) > max(_MOST_RESTARTS, settings("smoothing")["unsorted"] * len(t)):
        order = np.argsort(t, kind="stable")
        last = np.append(np.diff(t[order]) > 0, True)
        text = f"{name}: its rows are not by step; they were sorted, of equal steps the last one taken"
        return rows[order][last], [Note("sorted", "info", text)]
    kept = t < np.append(np.minimum.accumulate(t[::-1])[::-1][1:], np.inf)
    notes = []
    if len(back):
        where = listed([format_whole(step) for step in t[back + 1]], 4)
        text = f"{name}: the run goes back to step {where}: of what it did twice the last is taken"
        notes.append(Note("restarts", "info", text))
    elif not kept.all():
        notes.append(Note("same-steps", "info", f"{name}: {int((~kept).sum())} rows repeat a step; the last of each is taken"))
    return rows[kept], notes


_MOST_RESTARTS = 20


def several(source: Any) -> list[Any]:
    """Return logs one by one: a list of them, or one alone."""
    if isinstance(source, (list, tuple)) and source and not all(isinstance(row, Mapping) and _is_row(row) for row in source):
        for each in source:
            if not is_source(each):
                raise OptionError(f"logs {shown(each)}: expected a file such as log.csv, a data frame, or columns by name")
        refuse_twice(source, "logs")
        return list(source)
    if not is_source(source):
        raise OptionError(
            f"logs {shown(source)}: expected a file such as log.csv, a data frame, columns by name, or a list of them"
        )
    return [source]


def _is_row(row: Mapping[str, Any]) -> bool:
    """Tell whether a mapping is one row of a log: its values are no columns."""
    return not any(isinstance(value, Iterable) and not isinstance(value, (str, bytes)) for value in row.values())
