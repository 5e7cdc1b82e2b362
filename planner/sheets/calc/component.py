"""The add-in as LibreOffice loads it: a UNO object with a method for each function of functions.json, answered by the helper."""

from __future__ import annotations

import json
import os
import shutil
import struct
from typing import Any

import planner_calc_bridge  # type: ignore[import-not-found]  # bridge.py, in the add-in's pythonpath
import unohelper  # type: ignore[import-not-found]
from com.sun.star.lang import XServiceInfo  # type: ignore[import-not-found]
from org.planner import XPlan  # type: ignore[import-not-found]  # of plan.idl

IMPLEMENTATION = "org.planner.Plan"
SERVICES = (IMPLEMENTATION, "com.sun.star.sheet.AddIn")


def _error(code: int) -> float:
    """Return a not-a-number that Calc shows as one of its errors."""
    found: float = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 | code))[0]
    return found


BAD_INPUT = _error(519)
"""#VALUE!: a cell without an answer."""
NOT_AVAILABLE = _error(32767)
"""#N/A: no helper."""

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "functions.json"), encoding="utf-8") as _file:
    BUILT = json.load(_file)


_FOUND = shutil.which("plan")
HELPER = planner_calc_bridge.Helper([BUILT["command"], *([[_FOUND, "sheets", "serve"]] if _FOUND else [])])
"""Started as where the add-in was built, else by whatever ``plan`` is on the path."""


def _cell(found: Any) -> Any:
    """Return a cell as Calc takes it: a number, a text or an error.

    A blank is an empty text, as spreadsheets' own formulas write one: averages and counts take nothing at all for 0.
    """
    if isinstance(found, dict):
        return BAD_INPUT
    if isinstance(found, bool):
        return float(found)  # Calc shows either as 1
    return "" if found is None else found


def _method(function: dict[str, Any]) -> Any:
    def method(self: Any, *cells: Any) -> Any:
        try:
            found = HELPER.ask(function["name"], cells)
        except planner_calc_bridge.HelperError as error:
            as_text = len(cells) == function["takes"] and str(cells[-1]).strip().lower() == "text"
            found = f"#PLAN! {error}" if as_text else NOT_AVAILABLE
        if function["text"]:
            return _cell(found)
        rows = found if isinstance(found, list) else [[found]]
        return tuple(tuple(_cell(cell) for cell in row) for row in rows)

    return method


_OWN = {
    "__init__": lambda self, context: None,
    "getImplementationName": lambda self: IMPLEMENTATION,
    "supportsService": lambda self, name: name in SERVICES,
    "getSupportedServiceNames": lambda self: SERVICES,
}
Plan = type(
    "Plan", (unohelper.Base, XPlan, XServiceInfo), {**_OWN, **{each["method"]: _method(each) for each in BUILT["functions"]}}
)

g_ImplementationHelper = unohelper.ImplementationHelper()  # noqa: N816  # the name that LibreOffice looks for
g_ImplementationHelper.addImplementation(Plan, IMPLEMENTATION, SERVICES)
