"""The cells of a table read as numbers above 0; every complaint says file, row and column."""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.errors import PlannerError, RunsFileError
from planner.fitting.tables.faults import Faults
from planner.quantities import LARGEST, Count, finite, parse_count, parse_error, parse_flops, parse_number, plain, shown

Array = NDArray[Any]

_COUNTS: dict[str, Count] = {"params": "parameters", "tokens": "tokens", "unique_tokens": "tokens", "size": "tokens"}
_OTHERS = {"flops": parse_flops, "loss": parse_number, "weight": parse_number, "error": parse_error}


def read_numbers(cells: Iterable[tuple[int, object]], column: str, name: str) -> Array:
    """Read (row, cell) pairs of a column as numbers above 0; all that are none are listed."""
    faults, found = Faults(hint=False), []
    for row, cell in cells:
        try:
            found.append(read_number(cell, row, column, name, False, False, 1.0))
        except RunsFileError as error:
            faults.add(row, error.marked, "")
    faults.stop(name)
    return np.array(found)


def read_number(cell: object, row: int, column: str, name: str, decimal_comma: bool, sparse: bool, factor: float) -> float:
    """Read a cell as a number above 0; an empty cell is not a number where ``sparse``, else refused."""
    cell = "" if cell is None else cell
    if isinstance(cell, str):
        text = cell.strip()
        if sparse and (not text or text.startswith("#") or text.lower() in _NONE):  # nothing, or an error such as #N/A
            return math.nan
        if not text:
            raise RunsFileError(f"{name}:{row}:{column}: is empty; every run needs one")
        if decimal_comma:
            text = text.replace(".", "").replace(",", ".")
        try:
            number = float(text) if text.isascii() and text[-1].isdigit() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if math.isnan(number):
            number, factor = _human(text, column, f"{name}:{row}:{column}", cell), 1.0
    else:
        cell = cell.item() if isinstance(cell, np.generic) else cell
        cell = float(cell) if isinstance(cell, (Decimal, np.longdouble)) else cell
        plainly = finite(cell)
        if plainly is None and sparse and isinstance(cell, float) and math.isnan(cell):
            return math.nan
        if plainly is None:
            raise RunsFileError(f"{name}:{row}:{column}: {shown(cell)}: expected a finite number above 0")
        number = plainly
    number *= factor
    low = 1.0 if column == "size" else 1e-12
    high = LARGEST if column in _COUNTS or column == "flops" else 1e12
    if not low <= number <= high:
        wrong = "above 0" if number <= 0 else f"from {plain(low)} to {plain(high)}"
        raise RunsFileError(f"{name}:{row}:{column}: {shown(cell)}: must be {wrong}")
    return number


_NONE = {"nan", "na", "n/a", "null", "none", "inf", "infinity"}


def _human(text: str, column: str, where: str, cell: str) -> float:
    """Read a number as people write it."""
    if text.lower().lstrip("+-") in _NONE:
        raise RunsFileError(f"{where}: {shown(cell)}: must be a number; a run that diverged or failed?")
    try:
        return parse_count(text, where, _COUNTS[column]) if column in _COUNTS else _OTHERS[column](text, where)
    except PlannerError as error:
        raise RunsFileError(str(error).replace(f"{where} ", f"{where}: ", 1)) from None
