"""Calls a registered function on cells: blank rows stay blank, errors stay in their cell, rows of one law go together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planner.errors import PlannerError
from planner.sheets.cell_functions.arguments import ERRORS, REQUIRED, Argument, Function, HeldBudget
from planner.sheets.cell_functions.cells import CellError, Grid, each_once, error_in, grid, is_blank, matched

MISSING = object()
"""An argument that was not given, which is not a blank cell."""


def call(function: Function, given: Sequence[Any]) -> Any:
    """Call a function on cells or ranges, a value for each argument it takes; trailing ones may be missing.

    The result has the shape of the given ranges: a ``CellError`` where a cell has no answer, or its reason where ``errors`` is
    ``"text"``; None where a required cell is blank.
    """
    values = [*given, *[MISSING] * (len(function.takes) - len(given))]
    forgotten = any(value is MISSING and each.default is REQUIRED for each, value in zip(function.takes, values, strict=False))
    if len(values) > len(function.takes) or forgotten:
        names = [each.name if each.default is REQUIRED else f"[{each.name}]" for each in function.takes]
        return CellError(f"{function.name} takes {len(names)} argument{'s' if len(names) > 1 else ''}: {', '.join(names)}")
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
    return shape.back([said(found) for found in _column(function, cells)])


def _column(function: Function, columns: Sequence[list[Any]]) -> list[Any]:
    """Return a result for each row of cells."""
    results: list[Any] = [None] * len(columns[0])
    read = {each.name: _read(each, cells) for each, cells in zip(function.arguments, columns, strict=True)}
    first = function.arguments[0].name
    budgets = read[first]
    read[first] = _settled(read)
    if {"device", "mfu"} <= read.keys():  # the bill of the very devices that hold a budget
        read["mfu"] = [_as_held(*row) for row in zip(budgets, read["device"], read["mfu"], strict=True)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row, values in enumerate(zip(*read.values(), strict=True)):
        failed = next((value for value in values if isinstance(value, CellError)), None)
        if failed is not None:
            results[row] = failed
        elif not any(value is REQUIRED for value in values):  # else blank
            key = tuple(None if each.varies else value for each, value in zip(function.arguments, values, strict=True))
            groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        arguments = {
            each.name: np.array([read[each.name][row] for row in rows], float) if each.varies else value
            for each, value in zip(function.arguments, key, strict=True)
        }
        for row, result in zip(rows, _computed(function, arguments, len(rows)), strict=True):
            results[row] = result
    return results


def _as_held(budget: Any, device: Any, mfu: Any) -> Any:
    """Return the utilisation at which a budget that devices hold was counted, where it is asked of them and none is given."""
    return budget.share_on(device) if mfu is None and isinstance(budget, HeldBudget) and isinstance(device, str) else mfu


def _settled(read: Mapping[str, list[Any]]) -> list[Any]:
    """Return the first argument's values, of budgets held in devices under the law and at the utilisation that go with them."""
    decide = {name: read[name] for name in ("mfu", "overhead", "law") if name in read}

    def settle(budget: Any, *given: Any) -> Any:
        if not isinstance(budget, HeldBudget) or any(isinstance(each, CellError) for each in given):
            return budget
        try:
            return budget.at(**dict(zip(decide, given, strict=True)))
        except PlannerError as error:
            return CellError(str(error))

    return [settle(*row) for row in zip(next(iter(read.values())), *decide.values(), strict=True)]


def _read(argument: Argument, cells: list[Any]) -> list[Any]:
    """Read an argument's cells; REQUIRED marks a blank one that has no default."""

    def read(cell: Any) -> Any:
        return argument.default if is_blank(cell) else error_in(cell) or argument.read(cell)

    return each_once(cells, read)


def _computed(function: Function, arguments: Mapping[str, Any], count: int) -> list[Any]:
    """Compute rows at once, and one by one where that fails, so that an error stays in its cell."""
    try:
        found = np.broadcast_to(np.asarray(function.compute(**arguments)), (count,))
    except PlannerError as error:
        if count == 1:
            return [CellError(str(error))]
        return [_one(function, arguments, row) for row in range(count)]
    if found.dtype.kind != "f":
        return list(found.tolist())
    values = found.tolist()
    for row in np.flatnonzero(~np.isfinite(found)).tolist():
        values[row] = _one(function, arguments, row) if count > 1 else CellError("the answer leaves the range of numbers")
    return list(values)


def _one(function: Function, arguments: Mapping[str, Any], row: int) -> Any:
    alone = {name: each[row : row + 1] if isinstance(each, np.ndarray) else each for name, each in arguments.items()}
    return _computed(function, alone, 1)[0]


def _table(function: Function, values: Sequence[Any]) -> Any:
    """Return a table with a header and a row for each cell: of blanks for a blank one, of its error for a bad one."""
    if not function.arguments:
        return function.compute()
    arguments: dict[str, Any] = {}
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
        arguments[argument.name] = read if argument.varies else read[0]
    first = function.arguments[0].name
    count = len(arguments[first])
    rows = _settled({name: each if name == first else [each] * count for name, each in arguments.items()})
    usable = [each for each in rows if not isinstance(each, CellError) and each is not REQUIRED]
    header, *found = function.compute(**{**arguments, first: np.array(usable, float)})
    answers = iter(found)

    def row(cell: Any) -> list[Any]:
        unanswered = isinstance(cell, CellError) or cell is REQUIRED
        return [None if cell is REQUIRED else cell] * len(header) if unanswered else next(answers)

    return [header, *map(row, rows)]
