"""Calls a registered function on cells: blank rows stay blank, errors stay in their cell, rows of one law go together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from planner.errors import PlannerError
from planner.sheets.cell_functions.arguments import ERRORS, REQUIRED, Argument, Function, HeldBudget
from planner.sheets.cell_functions.cells import CellError, Grid, each_once, error_in, grid, is_blank, matched

MISSING = object()
"""An argument that was not given, which is not a blank cell."""


def call(function: Function, given: Sequence[Any]) -> Any:
    """Call a function on cells or ranges.

    Parameters
    ----------
    function : Function
    given : sequence
        A value for each argument it takes; trailing ones may be missing.

    Returns
    -------
    object
        In the shape of the given ranges; a ``CellError`` where a cell has no answer, or its reason where ``errors`` is
        ``"text"``; None where a required cell is blank.
    """
    values = [*given, *[MISSING] * (len(function.takes) - len(given))]
    forgotten = any(value is MISSING and each.default is REQUIRED for each, value in zip(function.takes, values, strict=False))
    if len(values) > len(function.takes) or forgotten:
        return CellError(f"{function.name} takes {_usage(function)}")
    *values, errors = [None if value is MISSING else value for value in values]
    as_text = _read(ERRORS, [errors])[0]
    if isinstance(as_text, CellError):
        return as_text

    def said(found: Any) -> Any:
        return str(found) if as_text and isinstance(found, CellError) else found

    try:
        if function.table:
            found = _table(function, values)
            return [[said(cell) for cell in row] for row in found] if isinstance(found, list) else said(found)
        cells, shape = matched([grid(value) for value in values])
    except PlannerError as error:
        return said(CellError(str(error)))
    return shape.back([said(found) for found in _column(function, cells, len(cells[0]))])


def _usage(function: Function) -> str:
    names = [each.name if each.default is REQUIRED else f"[{each.name}]" for each in function.takes]
    return f"{len(names)} argument{'s' if len(names) > 1 else ''}: {', '.join(names)}"


def _column(function: Function, columns: Sequence[list[Any]], count: int) -> list[Any]:
    """Return a result for each row of cells."""
    results: list[Any] = [None] * count
    read = [_read(argument, cells) for argument, cells in zip(function.arguments, columns, strict=True)]
    read[0] = _settled([argument.name for argument in function.arguments], read)
    groups: dict[tuple[Any, ...], list[int]] = {}
    varies = [argument.varies for argument in function.arguments]
    for row in range(count):
        values = [column[row] for column in read]
        failed = next((value for value in values if isinstance(value, CellError)), None)
        if failed is not None:
            results[row] = failed
            continue
        if any(value is REQUIRED for value in values):
            continue  # blank
        key = tuple(value for value, several in zip(values, varies, strict=True) if not several)
        groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        fixed = iter(key)
        arguments = [
            np.array([column[row] for row in rows], float) if several else next(fixed)
            for column, several in zip(read, varies, strict=True)
        ]
        for row, result in zip(rows, _computed(function, arguments, len(rows)), strict=True):
            results[row] = result
    return results


def _settled(names: Sequence[str], read: Sequence[list[Any]]) -> list[Any]:
    """Return the first argument's values, of budgets held in devices under the law and at the utilisation that go with them."""
    decide = {name: read[names.index(name)] for name in ("mfu", "overhead", "law") if name in names}

    def settle(budget: Any, *given: Any) -> Any:
        if not isinstance(budget, HeldBudget) or any(isinstance(each, CellError) for each in given):
            return budget
        try:
            return budget.at(**dict(zip(decide, given, strict=True)))
        except PlannerError as error:
            return CellError(str(error))

    return [settle(*row) for row in zip(read[0], *decide.values(), strict=True)]


def _read(argument: Argument, cells: list[Any]) -> list[Any]:
    """Read an argument's cells; REQUIRED marks a blank one that has no default."""

    def read(cell: Any) -> Any:
        return argument.default if is_blank(cell) else error_in(cell) or argument.read(cell)

    return each_once(cells, read)


def _computed(function: Function, arguments: list[Any], count: int) -> list[Any]:
    """Compute rows at once, and one by one where that fails, so that an error stays in its cell."""
    try:
        found = np.broadcast_to(np.asarray(function.compute(*arguments)), (count,))
    except PlannerError as error:
        if count == 1:
            return [CellError(str(error))]
        return [_one(function, arguments, row) for row in range(count)]
    if found.dtype.kind != "f":
        return list(found.tolist())
    values = found.tolist()
    bad = np.flatnonzero(~np.isfinite(found)).tolist()
    for row in bad:
        values[row] = _one(function, arguments, row) if count > 1 else CellError(_OUT_OF_RANGE)
    return list(values)


_OUT_OF_RANGE = "the answer leaves the range of numbers"


def _one(function: Function, arguments: list[Any], row: int) -> Any:
    alone = [argument[row : row + 1] if isinstance(argument, np.ndarray) else argument for argument in arguments]
    return _computed(function, alone, 1)[0]


def _table(function: Function, values: Sequence[Any]) -> Any:
    """Return a table with a header and a row for each cell: of blanks for a blank one, of its error for a bad one."""
    arguments: list[Any] = []
    for argument, value in zip(function.arguments, values, strict=True):
        cells: Grid = grid(value)
        read = _read(argument, cells.cells)
        if argument.varies:
            if all(each is REQUIRED for each in read):
                return None
        else:
            read = [each for each in read if each is not REQUIRED] or [argument.default]
            failed = next((each for each in read if isinstance(each, CellError)), None)
            if failed is not None:
                return failed
            if len(set(read)) > 1:
                return CellError(f"{function.name} takes one {argument.name} for the whole table")
        arguments.append(read if argument.varies else read[0])
    if not function.arguments:
        return function.compute()
    rows, *fixed = arguments
    rows = _settled([argument.name for argument in function.arguments], [rows, *([each] * len(rows) for each in fixed)])
    usable = [each for each in rows if not isinstance(each, CellError) and each is not REQUIRED]
    header, *found = function.compute(np.array(usable, float), *fixed)
    answers = iter(found)

    def row(cell: Any) -> list[Any]:
        unanswered = isinstance(cell, CellError) or cell is REQUIRED
        return [None if cell is REQUIRED else cell] * len(header) if unanswered else next(answers)

    return [header, *map(row, rows)]
