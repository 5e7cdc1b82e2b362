"""Cells in, cells out: scalars, ranges, columns of a data frame; blanks stay blank, errors are values with a reason."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from planner._util.showing import printable
from planner.errors import PlannerError


class CellError(float):
    """An error as a cell's value: not a number, so that sums show it, with its reason.

    Attributes
    ----------
    reason : str
        One line: what was given, what is required, what to do.
    """

    reason: str

    def __new__(cls, reason: str) -> "CellError":
        """Return not-a-number with a reason."""
        error = super().__new__(cls, "nan")
        error.reason = reason
        return error

    def __repr__(self) -> str:
        return f"#PLAN! {self.reason}"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return CellError, (self.reason,)


class Grid(NamedTuple):
    """Cells row by row, and how to give a result back in the shape they came in."""

    rows: int
    columns: int
    cells: list[Any]
    back: Callable[[list[Any]], Any]


def grid(value: Any) -> Grid:
    """Read a scalar, a flat list (a column), a list of rows, an array, or a column of a data frame."""
    if hasattr(value, "iloc") and hasattr(value, "index"):  # a pandas Series or DataFrame
        return _frame(value)
    if hasattr(value, "tolist") and not isinstance(value, type):  # an array, or a scalar of one
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return Grid(1, 1, [value], lambda cells: cells[0])
    if not any(isinstance(row, (list, tuple)) for row in value):
        return Grid(len(value), 1, list(value), list)
    rows = [list(row) if isinstance(row, (list, tuple)) else [row] for row in value]
    width = max((len(row) for row in rows), default=0)
    cells = [cell for row in rows for cell in (*row, *[None] * (width - len(row)))]
    return Grid(len(rows), width, cells, lambda found: _in_rows(found, len(rows), width))


def _in_rows(cells: list[Any], rows: int, columns: int) -> list[list[Any]]:
    return [cells[i * columns : (i + 1) * columns] for i in range(rows)]


def _frame(value: Any) -> Grid:
    table = value.to_numpy(dtype=object)
    columns = table.shape[1] if table.ndim == 2 else 1
    cells = table.ravel().tolist()

    def back(found: list[Any]) -> Any:
        kept = object if any(isinstance(each, CellError) for each in found) else None  # as numbers they would lose their reasons
        if table.ndim == 2:
            return type(value)(_in_rows(found, len(table), columns), index=value.index, columns=value.columns, dtype=kept)
        return type(value)(found, index=value.index, dtype=kept)

    return Grid(len(cells) // max(columns, 1), columns, cells, back)


def is_blank(cell: Any) -> bool:
    """Tell whether a cell is empty: None, a text of blanks, or what a data frame writes for a missing value (NaN, NaT, NA)."""
    if cell is None or type(cell).__name__ == "NAType":
        return True
    if isinstance(cell, str):
        return not cell.strip()
    if isinstance(cell, CellError):
        return False
    try:
        return bool(cell != cell)
    except Exception:  # whatever a cell holds, the sheet goes on
        return False


def error_in(cell: Any) -> CellError | None:
    """Return the error that a cell holds: one of ours, or a host's such as ``#N/A``."""
    if isinstance(cell, CellError):
        return cell
    if isinstance(cell, str) and cell.startswith(("#", "Err:")):
        return CellError(f"the input holds {printable(cell[:60])}")
    return None


def matched(grids: Sequence[Grid]) -> tuple[list[list[Any]], Grid]:
    """Return the cells of every argument for every cell of the result, and the grid that gives the result its shape.

    Single cells, and a single row or column along the other, are repeated; other ranges of different shape are refused.
    """
    empty = next((each for each in grids if not each.cells), None)
    if empty is not None:
        if any(len(each.cells) > 1 for each in grids):
            raise PlannerError("ranges of different shape: an empty one beside others; give ranges of one shape, or single cells")
        return [[] for _ in grids], empty
    rows, columns = max(each.rows for each in grids), max(each.columns for each in grids)
    for each in grids:
        if each.rows not in {1, rows} or each.columns not in {1, columns}:
            raise PlannerError(
                f"ranges of different shape: {each.rows} x {each.columns} beside {rows} x {columns}; give ranges of one "
                "shape, or single cells"
            )
    widened = [_widened(each, rows, columns) for each in grids]
    whole = next((each for each in grids if (each.rows, each.columns) == (rows, columns)), None)
    return widened, whole or Grid(rows, columns, [], lambda cells: _in_rows(cells, rows, columns))


def _widened(each: Grid, rows: int, columns: int) -> list[Any]:
    if (each.rows, each.columns) == (rows, columns):
        return each.cells
    if (each.rows, each.columns) == (1, 1):
        return each.cells * (rows * columns)
    whole_row, whole_column = each.rows == 1, each.columns == 1
    return [
        each.cells[(0 if whole_row else i) * each.columns + (0 if whole_column else j)]
        for i in range(rows)
        for j in range(columns)
    ]


def each_once(values: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Read cells, each different text or number once; what cannot be read becomes a CellError."""
    known: dict[Any, Any] = {}

    def once(value: Any) -> Any:
        plain = type(value) in {str, float, int}
        if plain and (type(value), value) in known:
            return known[type(value), value]
        try:
            found = read(value)
        except PlannerError as error:
            found = CellError(str(error))
        except Exception as error:  # whatever a cell holds, the sheet goes on
            found = CellError(f"a cell of type {type(value).__name__} cannot be read ({type(error).__name__})")
        if plain:
            known[type(value), value] = found
        return found

    return [once(value) for value in values]
