"""Scalars that TensorBoard exported, a file a run and tag: their last values as a history beside the table of the runs."""

import hashlib
import re
from collections.abc import Sequence
from itertools import product
from pathlib import PurePath

from planner.errors import RunsFileError
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_table import RawTable
from planner.quantities import shown

HEADER = ("wall time", "step", "value")
_FILE = re.compile(r"run-(?P<run>.+)-tag-(?P<tag>.+?)( \(\d+\))?(\.(csv|json))?(\.gz)?")
"""What TensorBoard calls a file that is downloaded, and a browser the second of that name."""


def is_scalar(header: Sequence[str]) -> bool:
    """Tell whether a table is one scalar of one run."""
    return tuple(cell.lower() for cell in header) == HEADER


def as_history(scalars: Sequence[RawTable]) -> RawTable:
    """Return scalars as a history in wide form, of which only the last row is kept: a column a run and tag.

    Raises
    ------
    RunsFileError
        A name that does not say of which run the scalar is, one that comes twice, or scalars of fewer than two runs.
    """
    last: dict[tuple[str, str], object] = {}
    for table in scalars:
        found = _FILE.fullmatch(PurePath(table.name).name)
        if not found:
            text = f"{table.name}: is one scalar of one run, and its name does not say of which"
            raise RunsFileError(f"{text}: expected run-NAME-tag-TAG.csv, as TensorBoard downloads it")
        key = found["run"], found["tag"]
        if key in last:
            raise RunsFileError(f"{table.name}: a scalar of run {shown(key[0])} and tag {shown(key[1])} was given before")
        values = [cells[2] for _, cells in table.rows(Faults(skip=True))]
        last[key] = next((value for value in reversed(values) if str(value).strip()), None)
    runs, tags = (tuple(dict.fromkeys(key[at] for key in last)) for at in (0, 1))
    if len(runs) == 1:
        raise RunsFileError(f"{scalars[0].name}: all scalars are of one run, {shown(runs[0])}; a fit needs several runs")
    cells = [last.get(key) for key in product(runs, tags)]
    digest = hashlib.sha256("".join(table.sha256 for table in scalars).encode()).hexdigest()
    header = ["step", *(" - ".join(key) for key in product(runs, tags))]
    return RawTable(f"{len(scalars)} scalars of TensorBoard", header, lambda faults: iter([(1, ["", *cells])]), digest)
