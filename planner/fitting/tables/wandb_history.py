"""A W&B history export in wide form, a column a run: the last value of each run, beside the table of the runs."""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from planner.errors import RunsFileError
from planner.fitting.tables.column_names import named, names_of_runs
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.logger_names import meaning_of, peeled
from planner.fitting.tables.raw_table import Cells, RawTable
from planner.notes import Note
from planner.quantities import shown

_COLUMN = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<end>__MIN|__MAX)?")


class History(NamedTuple):
    """The columns of an export: where each run's values of each metric stand, and a run whose name comes twice."""

    metrics: tuple[str, ...]
    runs: tuple[str, ...]
    places: dict[tuple[str, str], int]
    twice: str = ""


def history_of(header: Sequence[str]) -> History | None:
    """Return what an export holds; None for a table of another kind: most of its columns are no run's."""
    places: dict[tuple[str, str], int] = {}
    ends, twice = 0, ""
    for at, cell in enumerate(header):
        found = _COLUMN.fullmatch(cell)
        if found and found["end"]:
            ends += 1
        elif found:
            twice = found["run"] if (found["run"], found["metric"]) in places else twice
            places[found["run"], found["metric"]] = at
    metrics = tuple(dict.fromkeys(metric for _, metric in places))
    runs = tuple(dict.fromkeys(run for run, _ in places))
    whole = len(places) == len(runs) * len(metrics) or ends
    if not places or not whole or len(places) + ends < len(header) / 2 or (len(runs) < _FEW and not ends):
        return None
    return History(metrics, runs, places, twice)


def metric_of(cell: str) -> str:
    """Return the metric that a column of an export holds; of its least and largest values nothing; else the name itself."""
    found = _COLUMN.fullmatch(cell)
    return cell if found is None else "" if found["end"] else found["metric"]


_FEW = 2
"""Runs of an export without its least and largest values: fewer may be a table with such names."""


def told(history: History) -> str:
    """Say what an export is, and what else is needed."""
    return (
        f"is a W&B history export in wide form, {named(history.metrics, 3)} of {len(history.runs)} runs "
        f"({named(history.runs, 4)}), without their parameters and tokens: give the run table beside it, plan fit history.csv "
        "runs.csv, or export the run table alone, a row a run, with parameters, tokens and the loss at its end"
    )


def joined(history: RawTable, held: History, table: RawTable) -> RawTable:
    """Return the table of runs with the last value of each metric in the export; runs of which that has none are left out.

    Raises
    ------
    RunsFileError
        The table has no names of runs, or none that the export has.
    """
    if held.twice:
        raise RunsFileError(f"{history.name}: two runs are called {shown(held.twice)}; rename one, and export again")
    names = names_of_runs(table.header)
    axis = history.header[0] if "_".join(peeled(history.header[0])[0]) not in _STEPS else ""
    metrics = (*held.metrics, axis) if axis else held.metrics
    last = _last_values(history, held, axis)
    seen = [cells for _, cells in table.rows(Faults(skip=True))]
    found = [at for at in names if any(str(cells[at]).strip() in held.runs for cells in seen)]
    if not found:
        text = f"{table.name}: has no column of run names that {history.name} knows ({named(held.runs, 4)})"
        raise RunsFileError(f"{text}; it has {named(table.header)}")
    given = {meaning.quantity for meaning in map(meaning_of, metrics) if meaning}
    meant = [(cell.lower(), meaning.quantity if (meaning := meaning_of(cell)) else "") for cell in table.header]
    kept = [at for at, cell in enumerate(table.header) if cell not in metrics and not given & {*meant[at]}]
    called = [str(cells[found[0]]).strip() for cells in seen]
    if doubled := next((run for run in held.runs if called.count(run) > 1), None):
        raise RunsFileError(f"{table.name}: two rows are of the run {shown(doubled)}, which {history.name} has once")

    def rows(faults: Faults) -> Cells:
        for row, cells in table.rows(faults):
            values = [last.get((str(cells[found[0]]).strip(), metric)) for metric in metrics]
            if any(value is not None for value in values):
                yield row, [*(cells[at] for at in kept), *values]

    name = f"{table.name} with {history.name}"
    header = [*(table.header[at] for at in kept), *metrics]
    digest = hashlib.sha256((table.sha256 + history.sha256).encode()).hexdigest()
    return RawTable(name, header, rows, digest, table.separator, (*table.notes, _note(history, held, metrics, table, called)))


def _last_values(history: RawTable, held: History, axis: str) -> dict[tuple[str, str], object]:
    """Return the last value of each run and metric, and of the axis where the run has a value."""
    last: dict[tuple[str, str], object] = {}
    for _, cells in history.rows(Faults(skip=True)):
        for (run, metric), at in held.places.items():
            if cells[at] is not None and str(cells[at]).strip():
                last[run, metric] = cells[at]
                if axis:
                    last[run, axis] = cells[0]
    return last


def _note(history: RawTable, held: History, metrics: Sequence[str], table: RawTable, called: Sequence[str]) -> Note:
    """Say which values go with which rows, and what is left out."""
    known = set(called)
    text = f"{', '.join(map(shown, metrics))} of {history.name}, at the end of each run, go with the rows of {table.name}"
    if absent := [run for run in held.runs if run not in known]:
        text += f"; {len(absent)} of its runs have no row there: {named(absent, 8)}"
    if left := sum(run not in held.runs for run in called):
        text += f"; {left} of {len(called)} rows have no run there, and are left out"
    return Note("history", "warning" if absent or left else "info", text)


_STEPS = {"step", "global_step", "relative_time", "relative_time_process", "relative_time_wall", "wall_time", "time", "epoch"}
