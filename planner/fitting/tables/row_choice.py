"""Which rows of a table count, and what became of the others."""

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planner._util.files import kept_while_unchanged, read_bundled
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.cells import read_number
from planner.fitting.tables.column_names import Found, named, places_of
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_table import RawTable
from planner.inputs.table_inputs import Condition, Reading
from planner.notes import Note
from planner.quantities import listed, shown

PURPOSES = ("near the optimum", "starved", "overtrained")
"""What runs of a design are for: their tokens for their size, beside the optimum's."""


class Rows:
    """Which rows of a table count, and what became of the others."""

    def __init__(self, raw: RawTable, found: Found, reading: Reading) -> None:
        self.faults = Faults(reading.skip_bad, dropped=reading.drop)
        self._reading, self._places, self._state = reading, found.places, found.state
        self._where = [(_column(raw, condition), condition) for condition in reading.where]
        self._drop, self._name = set(reading.drop), raw.name
        self._unfinished_states = _unfinished_states()
        self._pilots = {"loss", "purpose"} <= found.places.keys()
        self._all = not (self._where or self._drop or self._pilots or found.state is not None)
        self._seen = self._unmet = self._awaiting = self._last = 0
        self._unfinished: list[tuple[int, str]] = []

    def fill(
        self,
        raw: RawTable,
        numbers: Mapping[str, "array[float]"],
        texts: Mapping[str, list[str]],
        commas: bool,
        sparse: Sequence[str],
        factors: Mapping[str, float],
    ) -> Any:
        """Append what the rows that count hold to the columns, nan where it is at fault, and return where these rows stand."""
        at, same = array("q"), dict[str, str]()  # a text that comes again is kept once
        for row, cells in raw.rows(self.faults):
            if not self.counts(row, cells):
                continue
            at.append(row)
            for quantity, values in numbers.items():
                cell = cells[self._places[quantity].at]
                try:
                    values.append(read_number(cell, row, quantity, raw.name, commas, quantity in sparse, factors[quantity]))
                except RunsFileError as error:
                    values.append(math.nan)
                    self.faults.add(row, error.marked, str(error).removeprefix(f"{raw.name}:{row}:").partition("; ")[0])
            for quantity, kept in texts.items():
                text = text_of(cells[self._places[quantity].at])
                kept.append(same.setdefault(text, text))
        return np.array(at, dtype=np.int64)

    def counts(self, row: int, cells: Sequence[object]) -> bool:
        """Tell whether a row counts."""
        self._seen, self._last = self._seen + 1, row
        if self._all:
            return True
        if row in self._drop:
            self._drop.discard(row)
            return False
        if not all(condition.holds(text_of(cells[at])) for at, condition in self._where):
            self._unmet += 1
            return False
        places = self._places
        if self._pilots and not text_of(cells[places["loss"].at]) and text_of(cells[places["purpose"].at]) in PURPOSES:
            self._awaiting += 1
            return False
        state = "" if self._state is None else text_of(cells[self._state]).lower()
        if state in self._unfinished_states:
            if self._reading.skip_bad:
                self.faults.add(row, f"{self._name}:{row}: {state}", state)
                return False
            self._unfinished.append((row, state))
        return True

    def none_left(self) -> str:
        """Say why there is no row."""
        if not self._seen:
            return "has a header but no runs"
        if self._awaiting == self._seen:
            return "none of its pilots has a loss yet; fill in the column loss"
        bad = f"; {_rows_said(list(self.faults.rows.items()))}" if self.faults.rows else ""
        return f"of {self._seen} rows none is left{bad}"

    def notes(self, read: int) -> list[Note]:
        """Say what became of rows that do not count."""
        if unknown := self._drop - self.faults.broken:
            missing = listed(sorted(unknown), 8)
            raise OptionError(f"`drop` {missing}: {self._name} has no such row; its last is row {self._last}")
        bad, asked = list(self.faults.rows.items()), ", ".join(map(str, self._reading.where))
        left = [
            (self._reading.drop, f"rows left out as asked: {listed(sorted(self._reading.drop), 20)}"),
            (asked, f"{self._unmet} of {self._seen} rows left out by {asked}"),
            (self._awaiting, f"{self._awaiting} of {self._seen} pilots have no loss yet: left out"),
            (bad, f"{len(bad)} of {self._seen} rows left out: {_rows_said(bad)}"),
        ]
        found = [Note("left-out", "info", text) for rows, text in left if rows]
        if self._unfinished:
            text = f"{len(self._unfinished)} of {read} rows are of runs that did not finish: {_rows_said(self._unfinished)}"
            found.append(Note("unfinished", "warning", f"{text}; --skip-bad leaves them out"))
        return found


def _rows_said(bad: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"row {row} ({what})" for row, what in bad[:8]) + (f", and {len(bad) - 8} more" if len(bad) > 8 else "")


@kept_while_unchanged("run_columns.toml")
def _unfinished_states() -> frozenset[str]:
    return frozenset(read_bundled("run_columns.toml")["states"]["others"])


def _column(raw: RawTable, condition: Condition) -> int:
    alike = places_of(raw.header, condition.column)
    if len(alike) != 1:
        which = "has no column" if not alike else "has several columns"
        raise RunsFileError(f"{raw.name}: {which} {shown(condition.column)} for `where`; it has {named(raw.header)}")
    return alike[0]


def text_of(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
