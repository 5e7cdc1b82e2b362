"""xlwings as it is on Windows, with stand-ins for what only Windows has: registers planner's functions and calls them as Excel does.

Run as a script: reads ``[["PLAN_TOKENS", [1e21, "missing"]]]`` as JSON from standard input; writes what xlwings would register, the VBA
that it generates, and what each call hands back to Excel.
"""

import ctypes
import io
import json
import sys
import types
from importlib import import_module
from typing import Any
from unittest.mock import MagicMock

MISSING = -2147352572
"""What VBA passes for an argument left out."""
ERRORS = {"#N/A": -2146826246, "#DIV/0!": -2146826281}
"""Excel's error values as Windows passes them."""


def _stand_ins() -> None:
    windows: Any = ctypes
    windows.PyDLL, windows.oledll, windows.windll = MagicMock(), MagicMock(), MagicMock()
    names = "pythoncom pywintypes win32com win32com.client win32com.server win32com.server.util win32com.server.dispatcher"
    names += " win32com.server.policy win32com.client.dynamic win32api win32con win32gui win32process win32timezone winerror"
    for name in names.split():
        sys.modules[name] = MagicMock(name=name)
    modules: Any = sys.modules
    modules["pythoncom"].__file__ = "pythoncom.dll"
    modules["pywintypes"].TimeType = type("TimeType", (), {})
    modules["pywintypes"].com_error = type("com_error", (Exception,), {})
    for name in ("CDispatch", "CoClassBaseClass", "DispatchBaseClass"):
        setattr(modules["win32com.client"], name, type(name, (), {}))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_cell(each) for each in value)
    return MISSING if value == "missing" else ERRORS.get(value, value) if isinstance(value, str) else value


def _main() -> None:
    _stand_ins()
    xlwings: Any = import_module("xlwings")
    windows: Any = import_module("xlwings._xlwindows")
    udfs: Any = import_module("xlwings.udfs")
    sys.modules["xlwings.com_server"] = MagicMock(name="xlwings.com_server")
    xlwings._xlwindows = windows
    xlwings.engines.add(xlwings.main.Engine(impl=windows.engine))
    xlwings.func, xlwings.arg = udfs.xlfunc, udfs.xlarg
    module = import_module("planner.sheets.excel")

    written = io.StringIO()
    udfs.generate_vba_wrapper(module.__name__, module, written, types.SimpleNamespace(Name="budget.xlsm"))
    registered = {name: each.__xlfunc__ for name, each in vars(module).items() if hasattr(each, "__xlfunc__")}
    answers = [
        udfs.call_udf(module.__name__, name, tuple(_cell(value) for value in cells), None, None)
        for name, cells in json.load(sys.stdin)
    ]
    sys.stdout.write(json.dumps({"registered": registered, "vba": written.getvalue(), "answers": answers}, default=str))


if __name__ == "__main__":
    _main()
