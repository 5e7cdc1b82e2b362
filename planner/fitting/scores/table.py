"""A table of runs with their scores: which columns are tasks, what is known of each, and scores as fractions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import finite
from planner.errors import RunsFileError
from planner.fitting.scores.about import About, with_point
from planner.fitting.scores.forms import Array, Where
from planner.fitting.scores.known_tasks import is_loss, is_setting, kind_of, known_task, stem
from planner.fitting.scores.score_units import as_fractions
from planner.fitting.scores.settings import settings
from planner.fitting.tables.column_names import named
from planner.fitting.tables.columns import NUMBERS, TEXTS, Columns, read_with_cells
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_table import RawTable
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import bare, plain, shown

_MOST_TASKS, _MOST_ROWS = 400, 5000
_FEWEST_SCORES = 2
NOT_ASKED = "not asked for"


class Task(NamedTuple):
    """One task of a table.

    Its scores, shape (rows,), are fractions, or losses as they stand; not a number where a run has none.
    """

    name: str
    kind: str
    chance: float | None
    questions: float | None
    ceiling: float
    scores: Array
    answer_loss: Array | None = None


class ScoreTable(NamedTuple):
    """Runs in the order of compute (of loss, from high to low, where compute is not known) with their tasks.

    Attributes
    ----------
    per_token : float
        k of C = k N D.
    ratio : float or None
        Tokens per parameter, the median of the third of the runs that spent most.
    left_out : mapping of str to str
        Columns of numbers that are no tasks, with the reason.
    """

    name: str
    sha256: str
    where: Where
    tasks: tuple[Task, ...]
    per_token: float
    ratio: float | None
    left_out: Mapping[str, str]
    notes: tuple[Note, ...]

    @property
    def runs(self) -> int:
        """How many there are."""
        return next(len(each) for each in self.where if each is not None)


def read_score_table(
    source: Any, reading: Reading, about: About, wanted: Sequence[str] | None, group: str | None, per_token: float, by_loss: bool
) -> ScoreTable:
    """Read a table of runs with one column a task.

    Raises
    ------
    RunsFileError
        It cannot be read, has no task, no measure of a run's size or loss, or scores that are none.
    """
    read, raw = read_with_cells(source, reading, (*NUMBERS, *TEXTS), lambda name: known_task(name).chance is not None)
    kept = _group_of(read, group)
    rows = read.rows[kept]
    if not fewest() <= len(rows) <= _MOST_ROWS:
        raise RunsFileError(f"{read.name}: {len(rows)} runs; between {fewest()} and {_MOST_ROWS} are taken")
    numbers = {name: values[kept] for name, values in read.numbers.items()}
    where, k = _where(numbers, per_token, read.name)
    if by_loss:
        if where.loss is None:
            raise RunsFileError(
                f"{read.name}: has no column of losses to read a score by a loss; give `target`, or `params` and `tokens`"
            )
        where = Where(loss=where.loss)
    order = _order(where)
    cells = _cells(raw, rows, {*read.columns.values()}, wanted)
    left: dict[str, str] = {}
    columns = {name: values[order] for name, values in _chosen(cells, wanted, about, left, read.name).items()}
    asked = {*(each.lower() for each in wanted or ()), *about.listed}
    columns, told = as_fractions(columns, about, asked, left, read.name)
    where = where.take(order)
    kept, twice = _once(where, columns)
    where, columns = where.take(kept), {called: values[kept] for called, values in columns.items()}
    tasks = _tasks(columns, about, left, read.name)
    if not tasks:
        others = "; ".join(f"{bare(column)}: {why}" for column, why in list(left.items())[:4])
        others = others or "it has no other column of numbers"
        raise RunsFileError(f"{read.name}: no column of scores found; name them with `task`; {others}")
    if len(tasks) > _MOST_TASKS:
        raise RunsFileError(f"{read.name}: {len(tasks)} columns of scores; at most {_MOST_TASKS} at once: choose with `task`")
    notes = (*read.notes, *about.missing(cells, read.name), *told, *twice)
    return ScoreTable(read.name, read.sha256, where, tuple(tasks), k, _ratio(where), FrozenDict(left), notes)


def _once(where: Where, columns: Mapping[str, Array]) -> tuple[Any, list[Note]]:
    """Return which rows count: of rows that are alike to the last digit in size, loss and every score, one."""
    cells = np.column_stack([*(each for each in where if each is not None), *columns.values()])
    first = np.unique(np.nan_to_num(cells, nan=-1.0), axis=0, return_index=True)[1]
    kept = np.isin(np.arange(len(cells)), first)
    copies = int((~kept).sum())
    if not copies or not columns:
        return np.ones(len(cells), dtype=bool), []
    which = "row says" if copies == 1 else "rows say"
    text = f"{copies} {which} the same as another in every score, and count once: copies are no seeds"
    return kept, [Note("copies", "warning", text)]


def fewest() -> int:
    """Return the least number of runs."""
    return int(settings("fit")["fewest_rows"])


def _group_of(read: Columns, group: str | None) -> Any:
    """Return which rows are of the group that was asked for; several groups are not chosen among."""
    names = read.texts.get("group", ())
    known = list(dict.fromkeys(names))
    if group == "all" or (group is None and len(known) <= 1):
        return np.ones(len(read.rows), dtype=bool)
    said = named(known, 12) or "none: the table has no group column"
    if group is None:
        raise RunsFileError(f"{read.name}: holds {len(known)} groups ({said}); choose one with `group`, or all to pool them")
    if group not in known:
        raise RunsFileError(f"{read.name}: no group {shown(group)}; groups are {said}")
    return np.array([name == group for name in names])


def _where(numbers: Mapping[str, Array], per_token: float, name: str) -> tuple[Where, float]:
    """Return what runs spent and reached; of params, tokens and compute two give the third."""
    N, D, C, L = (numbers.get(each) for each in ("params", "tokens", "flops", "loss"))
    k = per_token
    if C is not None and N is not None and D is not None and np.isfinite(C / (N * D)).any():
        k = float(f"{np.nanmedian(C / (N * D)):.7g}")
    if N is not None and D is not None:
        C = k * N * D if C is None else np.where(np.isfinite(C), C, k * N * D)
    elif C is not None and N is not None:
        D = C / (k * N)
    elif C is not None and D is not None:
        N = C / (k * D)
    if C is None:
        N = D = None
    if C is None and L is None:
        raise RunsFileError(
            f"{name}: has neither compute nor loss: flops, two of params, tokens and flops, or loss; "
            "name columns with `columns`, such as flops=FLOPs (1E21):1e21"
        )
    return Where(*(None if each is None or np.isfinite(each).sum() < fewest() else each for each in (C, N, D, L))), k


def _order(where: Where) -> Any:
    """Return the rows that have compute by it, or by loss from high to low where none has."""
    key = where.flops if where.flops is not None else None if where.loss is None else -where.loss
    if key is None:
        raise RunsFileError(f"fewer than {fewest()} runs have compute or a loss")
    order = np.argsort(key, kind="stable")
    return order[np.isfinite(key[order])]


def _ratio(where: Where) -> float | None:
    if where.params is None or where.tokens is None:
        return None
    ratios = (where.tokens / where.params)[-max(3, len(where.params) // 3) :]
    return float(np.median(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else None


def _cells(raw: RawTable, rows: Any, taken: set[str], wanted: Sequence[str] | None) -> dict[str, list[object]]:
    """Return the cells of the columns that may be tasks, of the rows that count."""
    asked = {each.lower() for each in wanted or ()}
    places = {}
    for at, called in enumerate(raw.header):
        if called and (called.lower() in asked or called not in taken) and called not in places:
            places[called] = at
    keep = {int(row) for row in rows}
    found: dict[str, list[object]] = {called: [] for called in places}
    for row, cells in raw.rows(Faults(skip=True)):
        if row in keep:
            for called, at in places.items():
                found[called].append(cells[at] if at < len(cells) else None)
    return {called: [_plain_number(cell, raw.separator) for cell in values] for called, values in found.items()}


_NONE = {"nan", "na", "n/a", "null", "none", "inf", "infinity", ""}  # "-" too, without its sign


def _plain_number(cell: object, separator: str) -> object:
    """Return a score as a float, not a number for an empty cell, and any other cell as its text."""
    if cell is None:
        return math.nan
    number = finite(cell)
    if number is not None:
        return number
    item = getattr(cell, "item", None)
    if item is not None and not isinstance(cell, str):
        return _plain_number(item(), separator) if finite(item()) is not None else math.nan
    text = str(cell).strip()
    if text.startswith("#") or text.lower().lstrip("+-") in _NONE:
        return math.nan
    percent = text.endswith("%")
    text = with_point(text.removesuffix("%").strip(), separator)
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return str(cell)
    return number / 100 if percent else number if math.isfinite(number) else math.nan


def _chosen(
    cells: Mapping[str, list[object]], wanted: Sequence[str] | None, about: About, left: dict[str, str], name: str
) -> dict[str, Array]:
    """Return the columns of numbers that are tasks or losses of answers; the reasons of others go to ``left``."""
    asked = _asked(cells, wanted, about, name)
    found = {}
    for called, values in cells.items():
        texts = [value for value in values if isinstance(value, str)]
        numbers = np.array([math.nan if isinstance(value, str) else float(value) for value in values])  # type: ignore[arg-type]
        if called in asked or (not asked and about.names_task(called)):
            if texts:
                raise RunsFileError(f"{name}:{called}: {shown(texts[0])}: expected a score, a number; or leave the column out")
            bad = None if is_loss(called) else _no_score(numbers)
            if bad is not None:
                text = "a score lies between 0 and 1, or between 0 and 100 in per cent"
                raise RunsFileError(f"{name}:{called}: {plain(bad, 4)}: {text}")
            found[called] = numbers
        elif not texts and np.isfinite(numbers).any():
            reason = NOT_ASKED if asked and not is_loss(called) else _not_a_task(called, numbers)
            if reason:
                left[called] = reason
            else:
                found[called] = numbers
    return found


def _asked(cells: Mapping[str, list[object]], wanted: Sequence[str] | None, about: About, name: str) -> set[str]:
    """Return the columns that were named, by option or in the side file of a table that ships: no others are tasks."""
    by_lower = {called.lower(): called for called in cells}
    if wanted:
        missing = [each for each in wanted if each.lower() not in by_lower]
        if missing:
            raise RunsFileError(f"{name}: has no column {shown(missing[0])}; it has {named(list(cells), 12)}")
        return {by_lower[each.lower()] for each in wanted}
    return {called for called in cells if about.chooses and about.names_task(called)}


def _no_score(numbers: Array) -> float | None:
    """Return a number of a column that no score can be, in per cent either; None where there is none."""
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    return low if low < 0 else high if high > 100 else None


def _not_a_task(called: str, numbers: Array) -> str:
    """Return why a column that nobody named is no task; empty where it is one, or the loss of an answer."""
    known = numbers[np.isfinite(numbers)]
    if is_setting(called):
        return "by its name how a run was made"
    if is_loss(called):
        return ""
    if (bad := _no_score(numbers)) is not None:
        return f"holds {plain(bad, 3)}: no score"
    whole = np.all(known == np.round(known)) and known.max() > 1 and known_task(called).chance is None
    return "holds whole numbers" if whole else ""


def _tasks(columns: Mapping[str, Array], about: About, left: dict[str, str], name: str) -> list[Task]:
    """Return the tasks, each with the loss of its answers where the table has one."""
    scored = {called: values for called, values in columns.items() if not is_loss(called)}
    losses = {called: values for called, values in columns.items() if is_loss(called)}
    by_stem = {stem(called): values for called, values in losses.items()}
    found = []
    for called, values in scored.items():
        known = values[np.isfinite(values)]
        if len(known) < _FEWEST_SCORES:
            left[called] = f"has {len(known)} scores"
            continue
        if known.min() == known.max():
            left[called] = f"says {plain(float(known[0]), 4)} of every run"
            continue
        said = about.of(called)
        ceiling = 1.0 if said.ceiling is None else said.ceiling
        if known.max() > ceiling * (1 + 1e-9):
            text = f"a run scores {plain(float(known.max()), 3)}, above its ceiling of {plain(ceiling, 3)}"
            raise RunsFileError(f"{name}:{bare(called)}: {text}: the ceiling is the highest score that any model can have")
        kind = said.kind or kind_of(called)
        found.append(Task(called, kind, said.chance, said.questions, ceiling, values, by_stem.get(stem(called))))
    stems = {stem(task.name) for task in found}
    for called, values in losses.items():
        if stem(called) in stems:
            continue
        if about.names_task(called) or known_task(called).chance is not None:
            found.append(Task(called, kind_of(called), None, about.of(called).questions, math.inf, values))
        else:
            left[called] = "a loss of no task that has scores"
    return found
