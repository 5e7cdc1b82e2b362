"""A W&B history export in wide form, a column a run: the last value of each run, beside the table of the runs."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from planner.errors import RunsFileError
from planner.fitting.tables.column_names import listed, names_of_runs
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_tables import Cells, RawTable

_COLUMN = re.compile(r"(?P<run>.+?) - (?P<metric>.+?)(?P<end>__MIN|__MAX)?")


class History(NamedTuple):
    """The columns of an export: where each run's values of each metric stand."""

    metrics: tuple[str, ...]
    runs: tuple[str, ...]
    places: dict[tuple[str, str], int]


def history_of(header: Sequence[str]) -> History | None:
    """Return what an export holds; None for a table of another kind: most of its columns are no run's."""
    places = {}
    ends = 0
    for at, cell in enumerate(header):
        found = _COLUMN.fullmatch(cell)
        if found and found["end"]:
            ends += 1
        elif found:
            places[found["run"], found["metric"]] = at
    if not places or len(places) + ends < len(header) / 2:
        return None
    metrics = tuple(dict.fromkeys(metric for _, metric in places))
    return History(metrics, tuple(dict.fromkeys(run for run, _ in places)), places)


def told(history: History) -> str:
    """Say what an export is, and what else is needed."""
    return (
        f"is a W&B history export in wide form, {listed(history.metrics, 3)} of {len(history.runs)} runs "
        f"({listed(history.runs, 4)}), without their parameters and tokens: give the run table beside it, plan fit history.csv "
        "runs.csv, or export the run table alone, a row a run, with parameters, tokens and the loss at its end"
    )


def joined(history: RawTable, table: RawTable) -> RawTable:
    """Return the table of runs with the last value of each metric in the export; runs of which that has none are left out.

    Raises
    ------
    RunsFileError
        The table has no names of runs, or none that the export has.
    """
    held = history_of(history.header)
    assert held is not None  # asked before
    names = names_of_runs(table.header)
    last = {(run, metric): _last(history, at) for (run, metric), at in held.places.items()}
    seen = [cells for _, cells in table.rows(Faults(skip=True))]
    found = [at for at in names if any(str(cells[at]).strip() in held.runs for cells in seen)]
    if not found:
        raise RunsFileError(
            f"{table.name}: has no column of run names that {history.name} knows ({listed(held.runs, 4)}); it has "
            f"{listed(table.header)}"
        )
    kept = [at for at, cell in enumerate(table.header) if cell not in held.metrics]

    def rows(faults: Faults) -> Cells:
        for row, cells in table.rows(faults):
            values = [last.get((str(cells[found[0]]).strip(), metric)) for metric in held.metrics]
            if any(value is not None for value in values):
                yield row, [*(cells[at] for at in kept), *values]

    name = f"{table.name} with {history.name}"
    return RawTable(name, [*(table.header[at] for at in kept), *held.metrics], rows, table.sha256, table.separator)


def _last(history: RawTable, at: int) -> object:
    """Return the last cell of a column that says something."""
    value: object = None
    for _, cells in history.rows(Faults(skip=True)):
        if cells[at] is not None and str(cells[at]).strip():
            value = cells[at]
    return value
