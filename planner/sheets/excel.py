"""planner's functions for Excel through xlwings: name this module as a UDF module, and =PLAN_TOKENS(A2) works in cells.

Thin wrappers over the registry, one for each function. xlwings cannot return an error value from a cell function (its issue 776),
so an error stands in the cell as a text that begins with #PLAN! and says its reason. Sums pass over texts: guard a total with
``=IF(COUNTIF(B2:B9,"#PLAN!*"),NA(),SUM(B2:B9))``.
"""

from inspect import Parameter, Signature
from typing import Any

from planner.sheets.cell_functions.arguments import ERRORS, REQUIRED, Function
from planner.sheets.cell_functions.calling import call
from planner.sheets.cell_functions.registry import FUNCTIONS

try:
    import xlwings
except ImportError:
    raise ImportError('planner.sheets.excel needs xlwings: pip install "compute-budget-planner[excel]"') from None

_LONGEST = 255
"""Characters of a text: a longer one turns a whole range into #VALUE! in some versions of Excel (xlwings issue 456)."""


def _wrapper(function: Function) -> Any:
    """Return a cell function that xlwings registers with the registry's names and help."""
    taken = [each for each in function.takes if each is not ERRORS]

    def of_cells(*cells):  # type: ignore[no-untyped-def]  # xlwings would take the hints for conversions
        given = [*cells, *[None] * (len(taken) - len(cells))]
        return _short(call(function, [*given, "text"]))

    of_cells.__name__ = of_cells.__qualname__ = function.name
    of_cells.__doc__ = f"{function.summary} {function.example}"
    defaults = [Parameter.empty if each.default is REQUIRED else None for each in taken]
    kind = Parameter.POSITIONAL_OR_KEYWORD
    parameters = [Parameter(each.name, kind, default=default) for each, default in zip(taken, defaults, strict=True)]
    of_cells.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what xlwings reads
    found: Any = of_cells
    for each in taken:  # rows of cells whatever the range, and errors in them as texts such as #N/A
        found = xlwings.arg(each.name, doc=each.help, ndim=2, err_to_str=True)(found)
    return xlwings.func(found, category="planner")


def _short(found: Any) -> Any:
    if isinstance(found, list):
        return [_short(each) for each in found]
    return found[:_LONGEST] if isinstance(found, str) else found


for _function in FUNCTIONS.values():
    globals()[_function.name] = _wrapper(_function)
