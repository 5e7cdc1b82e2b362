"""planner in spreadsheets: ``plan_tokens(cells)`` and its like for scalars, ranges and columns of data frames.

>>> from planner.sheets import plan_tokens
>>> [f"{tokens:.3g}" for tokens in plan_tokens([1e20, "1 ZFLOP"])]
['1.95e+10', '6e+10']
"""

from typing import Any

__all__ = ["CellError", "functions"]


def functions() -> dict[str, Any]:
    """Return every function by its name in Python, such as ``plan_tokens``."""
    from planner.sheets.cell_functions.registry import FUNCTIONS

    return {each.python: _callable(each) for each in FUNCTIONS.values()}


def _callable(function: Any) -> Any:
    """Return a function of cells with the registry's help."""
    from planner.sheets.cell_functions.arguments import REQUIRED
    from planner.sheets.cell_functions.calling import MISSING, call
    from planner.sheets.cell_functions.cells import CellError

    def of_cells(*cells: Any, **named: Any) -> Any:
        names = [each.name for each in function.takes]
        unknown = [name for name in named if name not in names[len(cells) :]]
        if unknown:
            return CellError(f"{function.name}: {unknown[0]} is none of {', '.join(names)}, or given twice")
        return call(function, [*cells, *(named.get(name, MISSING) for name in names[len(cells) :])])

    lines = [f"    {each.name}{'' if each.default is REQUIRED else ' (optional)'}: {each.help}" for each in function.takes]
    of_cells.__name__ = of_cells.__qualname__ = function.python
    of_cells.__doc__ = "\n".join([function.summary, "", *lines, "", f"In a cell: {function.example}"])
    return of_cells


def __getattr__(name: str) -> Any:
    """Return a function of the registry, made when it is first asked for."""
    if name == "CellError":
        from planner.sheets.cell_functions.cells import CellError

        return CellError
    if name.startswith("plan_") and (made := functions().get(name)):
        globals()[name] = made
        return made
    raise AttributeError(f"module 'planner.sheets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *functions()])
