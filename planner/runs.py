"""A user's table of training runs -> validated arrays; every complaint says file, row and column."""

import csv
import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.errors import OptionError, PlannerError, RunsFileError
from planner.notes import Note
from planner.units import LARGEST, finite, parse_count, parse_flops, parse_number, plain, shown, shown_path

Array = NDArray[Any]

NUMBERS = ("params", "tokens", "flops", "loss", "weight", "unique_tokens")
TEXTS = ("group", "run")
REQUIRED = ("params", "tokens", "loss")
LARGEST_FILE = 256 * 1024 * 1024
LARGEST_ROWS = 2_000_000
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
    weight, unique_tokens : array or None
    sha256 : str
        Of the file's bytes, empty without a file.
    measured_flops : bool
        Whether ``flops`` was in the table, not computed as k N D.
    params_count, loss_unit, data : str
        Conventions that come with a shipped table; empty for one's own, who says so when fitting.
    notes : tuple of Note
        What a reader should know of the table.
    """

    params: Array
    tokens: Array
    flops: Array
    loss: Array
    name: str
    rows: NDArray[np.int64]
    group: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    weight: Array | None = None
    unique_tokens: Array | None = None
    sha256: str = ""
    measured_flops: bool = False
    params_count: str = ""
    loss_unit: str = ""
    data: str = ""
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def groups(self) -> tuple[str, ...]:
        """The distinct groups, in the order in which they come."""
        return tuple(dict.fromkeys(self.group)) if self.group else ()

    def take(self, kept: Any) -> "Runs":
        """Return the rows where a mask is true, or at the given positions."""
        index = np.flatnonzero(kept) if np.asarray(kept).dtype == bool else np.asarray(kept)
        values: dict[str, Any] = {}
        for name in (*NUMBERS, *TEXTS, "rows"):
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
            known = ", ".join(shown(name)[1:-1] for name in self.groups[:12]) or "none: the table has no group column"
            raise OptionError(f"{self.name}: no group {shown(group)}; groups are {known}")
        assert self.group is not None
        return self.take(np.array([name == group for name in self.group]))


def read_runs(path: "str | os.PathLike[str]", *, columns: Mapping[str, str] | None = None, flops_per_param_token: float) -> Runs:
    """Read a CSV file of runs: comma, semicolon, tab or bar between cells, a header line on top.

    Parameters
    ----------
    path : str or Path
    columns : mapping, optional
        What the file calls its columns, such as ``{"params": "n_params"}``.
    flops_per_param_token : float
        k in C = k N D where there is no flops column.

    Returns
    -------
    Runs

    Raises
    ------
    RunsFileError
        The file cannot be read, lacks a column, or a cell is not a positive number; the message says row and column.
    """
    name = shown_path(path)
    text, digest = _read(path, name)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header_at = next((i for i, line in enumerate(lines) if line.strip()), None)
    if header_at is None:
        raise RunsFileError(f"{name}: is empty; expected a header line such as params,tokens,loss")
    delimiter = _delimiter(lines[header_at], name)
    header = [cell.strip() for cell in next(csv.reader([lines[header_at]], delimiter=delimiter, skipinitialspace=True))]
    where = _columns(header, columns, name)
    table = list(_rows(lines, header_at, delimiter, len(header), name))
    if not table:
        raise RunsFileError(f"{name}: has a header but no runs")
    decimal_comma = _decimal_comma(table, [where[c] for c in NUMBERS if c in where], delimiter, name)
    numbers = {
        column: _numbers([(row, cells[where[column]]) for row, cells in table], column, name, decimal_comma)
        for column in NUMBERS
        if column in where
    }
    texts = {column: tuple(cells[where[column]].strip() for _, cells in table) for column in TEXTS if column in where}
    notes = [Note("decimal-commas", "info", f"{name}: numbers were read with decimal commas")] if decimal_comma else []
    return _checked(numbers, texts, np.array([row for row, _ in table]), name, digest, flops_per_param_token, notes)


def runs_from_arrays(values: Mapping[str, object], *, flops_per_param_token: float, name: str = "the runs given") -> Runs:
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
        items = _items(value, column, name)
        length = len(items) if length is None else length
        if len(items) != length:
            raise RunsFileError(f"{name}: {column} has {len(items)} entries, {next(iter(given))} has {length}; they must agree")
        if column in TEXTS:
            texts[column] = tuple(str(item) for item in items)
        else:
            numbers[column] = _numbers(list(enumerate(items, 1)), column, name, decimal_comma=False)
    if not length:
        raise RunsFileError(f"{name}: are empty")
    return _checked(numbers, texts, np.arange(1, length + 1), name, "", flops_per_param_token, [])


def _items(value: object, column: str, name: str) -> list[Any]:
    """Return the entries of an ordered sequence: a set or a mapping would pair sizes with the wrong losses."""
    ordered = hasattr(value, "__len__") and hasattr(value, "__iter__") and hasattr(value, "__getitem__")
    if isinstance(value, (str, bytes, Mapping)) or not ordered or getattr(value, "ndim", 1) != 1:
        raise RunsFileError(f"{name}: {column} {shown(value)}: expected a list or an array of one axis, one entry a run")
    return list(value)  # type: ignore[call-overload, no-any-return]  # iterable, checked above


def _read(path: "str | os.PathLike[str]", name: str) -> tuple[str, str]:
    try:
        file = Path(path)
        if file.exists() and not file.is_file():
            raise RunsFileError(f"{name}: cannot be read (not a regular file)")
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise RunsFileError(
                f"{name}: is {size >> 20} MiB; tables of runs up to {LARGEST_FILE >> 20} MiB are read. Keep params, tokens, "
                "loss and the final checkpoints, or one row in ten"
            )
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)  # a file may grow, or say nothing of its size
        if content[:2] in {b"PK", b"\xd0\xcf"}:
            raise RunsFileError(f"{name}: is a workbook or an archive, not CSV; save the sheet as CSV first")
        return content.decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
    except UnicodeDecodeError as error:
        raise RunsFileError(f"{name}: not UTF-8 text ({error.reason} at byte {error.start}); save it as CSV UTF-8") from None
    except OSError as error:
        raise RunsFileError(f"{name}: cannot be read ({error.strerror or error})") from None
    except PlannerError:
        raise
    except ValueError as error:  # a NUL in the path
        raise RunsFileError(f"{name}: not a path ({error})") from None


def _delimiter(header: str, name: str) -> str:
    """Return the separator of a header line: the one that splits it most."""
    found = max(",;\t|", key=header.count)
    if header.count(found) == 0:
        raise RunsFileError(
            f"{name}: its header {shown(header)} is one cell; expected params,tokens,loss with commas, ';' or tabs"
        )
    return found


def _columns(header: Sequence[str], columns: Mapping[str, str] | None, name: str) -> dict[str, int]:
    wanted = {column: column for column in (*NUMBERS, *TEXTS)}
    for column, called in (columns or {}).items():
        if column not in wanted:
            raise OptionError(f"columns {shown(column)}: no such quantity; map any of {', '.join(wanted)}")
        if called not in header:
            raise RunsFileError(f"{name}: has no column {shown(called)} for {column}; it has {_list(header)}")
        wanted[column] = called
    called_twice = [called for called in wanted.values() if list(wanted.values()).count(called) > 1]
    if called_twice:
        raise OptionError(f"columns: {shown(called_twice[0])} cannot be two quantities at once")
    twice = sorted({cell for cell in header if header.count(cell) > 1} & set(wanted.values()))
    if twice:
        raise RunsFileError(f"{name}: column {shown(twice[0])} comes twice")
    where = {column: header.index(called) for column, called in wanted.items() if called in header}
    missing = [column for column in REQUIRED if column not in where]
    if missing:
        close = next((cell for cell in header if missing[0] in cell.lower()), "NAME")
        raise RunsFileError(
            f"{name}: lacks column {', '.join(missing)}; it has {_list(header)}. "
            f"Other names: --columns {missing[0]}={shown(close)[1:-1]}, or columns={{'{missing[0]}': {shown(close)}}} in Python"
        )
    return where


def _list(header: Sequence[str]) -> str:
    text = ", ".join(shown(cell)[1:-1] for cell in header[:20])
    return text + (", ..." if len(header) > 20 else "")


def _rows(lines: Sequence[str], header_at: int, delimiter: str, width: int, name: str) -> Iterator[tuple[int, list[str]]]:
    # one reader a line: a quoted line break would hide which row a complaint is about, and no number holds one
    for number, line in enumerate(lines[header_at + 1 :], header_at + 2):
        if not line.strip():
            continue
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
        except csv.Error as error:
            raise RunsFileError(f"{name}:{number}: not CSV ({error}); a cell must not hold a line break") from None
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]  # separators at the end of a row say nothing
        if len(cells) != width:
            hint = "; a decimal comma between commas? save with ';' or points" if delimiter == "," and len(cells) > width else ""
            raise RunsFileError(
                f"{name}:{number}: has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {width}{hint}"
            )
        if number - header_at > LARGEST_ROWS:
            raise RunsFileError(f"{name}: has more than {LARGEST_ROWS} rows; thin it out first")
        yield number, cells


def _decimal_comma(table: Sequence[tuple[int, list[str]]], places: Sequence[int], delimiter: str, name: str) -> bool:
    """Tell whether numbers use a decimal comma; refuse a table that could be read in two ways."""
    if delimiter == ",":
        return False
    cells = [(row, cells[place].strip()) for row, cells in table for place in places]
    commas = [(row, cell) for row, cell in cells if "," in cell]
    if not commas:
        return False
    sure = False
    for row, cell in cells:
        number = _leading_number(cell)
        groups = number.replace(",", ".").split(".")
        if number.count(",") > 1 or ("," in number and "." in number.partition(",")[2]):
            raise _misreadable(name, row, cell, "commas stand between thousands here")
        if number.count(".") == 1 and "," not in number:
            raise _misreadable(name, row, cell, "other numbers of the table have commas")
        if number.count(".") > 1 and not all(len(group) == 3 for group in groups[1 : number.count(".") + 1]):
            raise _misreadable(name, row, cell, "its points are no thousands separators")
        sure = sure or ("," in number and len(groups[-1]) != 3)
    if not sure:
        raise _misreadable(name, *commas[0], "the comma could be a decimal point or a thousands separator")
    return True


def _leading_number(cell: str) -> str:
    """Return the digits, points and commas a cell begins with: its unit must not hide how many digits follow a comma."""
    length = 0
    while length < len(cell) and cell[length] in "0123456789.,":
        length += 1
    return cell[:length]


def _misreadable(name: str, row: int, cell: str, why: str) -> RunsFileError:
    return RunsFileError(f"{name}:{row}: {shown(cell)}: {why}; save the table with decimal points and no thousands separators")


_READERS = {
    "params": lambda value, name: parse_count(value, name, "parameters"),
    "tokens": lambda value, name: parse_count(value, name, "tokens"),
    "unique_tokens": lambda value, name: parse_count(value, name, "tokens"),
    "flops": parse_flops,
    "loss": parse_number,
    "weight": parse_number,
}


def _numbers(cells: Iterable[tuple[int, object]], column: str, name: str, decimal_comma: bool) -> Array:
    reader = _READERS[column]
    values = []
    for row, cell in cells:
        where = f"{name}:{row}:{column}"
        if isinstance(cell, str):
            text = cell.strip()
            if not text:
                raise RunsFileError(f"{where}: is empty; every run needs one")
            if decimal_comma:
                text = text.replace(".", "").replace(",", ".")
            try:
                number = float(text) if text.isascii() and text[-1].isdigit() and "_" not in text else math.nan
            except ValueError:
                number = math.nan
            if text.lower().lstrip("+-") in {"nan", "na", "n/a", "null", "none", "inf", "infinity"}:
                raise RunsFileError(f"{where}: {shown(cell)}: must be a number; a run that diverged or failed? delete its row")
            if math.isnan(number):
                number = _human(reader, text, where)
        else:
            cell = cell.item() if isinstance(cell, np.generic) else cell
            plainly = finite(cell)
            if plainly is None:
                raise RunsFileError(f"{where}: {shown(cell)}: expected a finite number above 0")
            number = plainly
        low, high = (1e-12, 1e12) if column in {"loss", "weight"} else (1.0, LARGEST)
        if not low <= number <= high:
            wrong = "above 0" if number <= 0 else f"from {plain(low)} to {plain(high)}"
            raise RunsFileError(f"{where}: {shown(cell)}: must be {wrong}")
        values.append(number)
    return np.array(values)


def _human(reader: Any, text: str, where: str) -> float:
    try:
        return float(reader(text, where))
    except PlannerError as error:
        raise RunsFileError(str(error).replace(f"{where} ", f"{where}: ", 1)) from None


def _checked(
    numbers: dict[str, Array],
    texts: dict[str, tuple[str, ...]],
    rows: NDArray[np.int64],
    name: str,
    digest: str,
    k: float,
    notes: list[Note],
) -> Runs:
    loss = numbers["loss"]
    high = loss > _PERPLEXITY
    if high.sum() >= 2 and (loss < _PERPLEXITY / 2).sum() >= 2:
        row = int(rows[np.argmax(high)])
        raise RunsFileError(
            f"{name}:{row}:loss: {plain(float(loss[high][0]), 4)} beside losses below {plain(_PERPLEXITY / 2)}: mixed units? "
            "perplexity is exp(loss in nats); bring all to one unit"
        )
    flops = numbers.get("flops")
    notes = [*notes, *_repeats(numbers, texts, rows), *_odd_flops(flops, numbers)]
    return Runs(
        params=numbers["params"],
        tokens=numbers["tokens"],
        flops=k * numbers["params"] * numbers["tokens"] if flops is None else flops,
        loss=loss,
        name=name,
        rows=rows,
        group=texts.get("group"),
        run=texts.get("run"),
        weight=numbers.get("weight"),
        unique_tokens=numbers.get("unique_tokens"),
        sha256=digest,
        measured_flops=flops is not None,
        notes=tuple(notes),
    )


def _odd_flops(flops: Array | None, numbers: dict[str, Array]) -> list[Note]:
    """Note a flops column that does not go with params and tokens."""
    if flops is None:
        return []
    per_token = flops / (numbers["params"] * numbers["tokens"])
    low, high = float(per_token.min()), float(per_token.max())
    if high <= _ODD_FLOPS * low:
        return []
    text = (
        f"flops per parameter and token range from {plain(low, 3)} to {plain(high, 3)}: are flops, params and tokens of one kind?"
    )
    return [Note("flops-differ", "warning", text)]


_ODD_FLOPS = 5.0  # a house convention: embeddings and attention move it by less


def _repeats(numbers: dict[str, Array], texts: dict[str, tuple[str, ...]], rows: NDArray[np.int64]) -> list[Note]:
    """Note rows that say the same as an earlier one: they count twice."""
    columns = [numbers[column] for column in ("params", "tokens", "loss")]
    groups = texts.get("group", ("",) * len(rows))
    first: dict[tuple[object, ...], int] = {}
    again = []
    for row, *key in zip(rows.tolist(), groups, *(column.tolist() for column in columns), strict=True):
        if first.setdefault(tuple(key), row) != row:
            again.append(row)
    if not again:
        return []
    listed = ", ".join(map(str, again[:8])) + (", ..." if len(again) > 8 else "")
    which = "row repeats an earlier one" if len(again) == 1 else "rows repeat earlier ones"
    text = f"{len(again)} {which} (row {listed}): counted again"
    return [Note("repeated-rows", "warning", text)]
