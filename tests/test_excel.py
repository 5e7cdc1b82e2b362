"""The xlwings wrappers: importable on Linux, and run through xlwings' own Windows code with stand-ins for Windows."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planner import sheets
from planner.sheets.cell_functions.arguments import ERRORS, REQUIRED
from planner.sheets.cell_functions.cells import CellError
from planner.sheets.cell_functions.registry import FUNCTIONS

pytest.importorskip("xlwings")
excel: Any = pytest.importorskip("planner.sheets.excel")


def test_every_function_has_a_wrapper() -> None:
    """With the registry's name, arguments and help; arguments without a default stay required."""
    assert {name for name in vars(excel) if name.startswith("PLAN_")} == set(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        wrapper = getattr(excel, name)
        assert wrapper.__name__ == name
        assert function.summary in wrapper.__doc__
        parameters = inspect.signature(wrapper).parameters
        assert list(parameters) == [each.name for each in function.takes if each is not ERRORS]
        for each in function.arguments:
            assert (parameters[each.name].default is inspect.Parameter.empty) == (each.default is REQUIRED)


def test_wrappers_answer_as_python_does() -> None:
    """Rows of cells in, rows of cells out; errors say their reason in the cell, no longer than Excel takes."""
    assert excel.PLAN_TOKENS([[1e21]]) == [[sheets.plan_tokens(1e21)]]
    assert excel.PLAN_TOKENS([[1e21], [None], ["lots"]], None) == [
        [sheets.plan_tokens(1e21)],
        [None],
        [str(sheets.plan_tokens("lots"))],
    ]
    assert excel.PLAN_LAWS() == sheets.plan_laws()
    assert len(excel.PLAN_TOKENS([["1e21"]], [["x" * 5000]])[0][0]) <= 255


@pytest.fixture(scope="module")
def windows() -> dict[str, Any]:
    """Register and call through xlwings as on Windows."""
    calls = [
        ["PLAN_TOKENS", [1e21, "missing"]],
        ["PLAN_TOKENS", [[[1e21], [None], ["#N/A"], ["lots"]], "missing"]],
        ["PLAN_COST", [1e22, "h100", "missing", 2.0, "missing"]],
        ["PLAN_REGIME", ["175B", [["300B", "30T"]], "missing"]],
        ["PLAN_TABLE", [[[1e20], [1e21]], "missing"]],
    ]
    script = Path(__file__).with_name("windows.py")
    ran = subprocess.run([sys.executable, str(script)], input=json.dumps(calls), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_what_xlwings_registers(windows: dict[str, Any]) -> None:
    """Names, categories, help that Excel takes (255 characters), and a VBA function for each."""
    assert set(windows["registered"]) == set(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        registered = windows["registered"][name]
        assert registered["category"] == "planner"
        assert len(registered["ret"]["doc"]) <= 255
        for each, argument in zip(registered["args"], function.arguments, strict=True):
            assert each["name"] == argument.name
            assert each["doc"] == argument.help
            assert len(each["doc"]) <= 255
            assert each["options"] == {"ndim": 2, "err_to_str": True}
        optional = [("" if each.default is REQUIRED else "Optional ") + each.name for each in function.arguments]
        assert f"Function {name}({', '.join(optional)})" in windows["vba"]


def test_what_excel_gets(windows: dict[str, Any]) -> None:
    """Numbers, nothing for a blank, a reason for an error; errors of other cells pass on."""
    one, column, cost, regimes, table = windows["answers"]
    assert one == [[sheets.plan_tokens(1e21)]]
    assert column == [one[0], [""], ["#PLAN! the input holds #N/A"], [str(sheets.plan_tokens("lots"))]]
    assert cost == [[sheets.plan_cost(1e22, "h100", None, 2.0)]]
    assert regimes == [["overfit", "underfit"]]
    assert table == sheets.plan_table([1e20, 1e21])
    assert isinstance(sheets.plan_tokens("lots"), CellError)


def test_a_missing_xlwings_says_what_to_install() -> None:
    """One line, with the command."""
    code = "import sys; sys.modules['xlwings'] = None\nimport planner.sheets.excel"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.rstrip().endswith('planner.sheets.excel needs xlwings: pip install "compute-budget-planner[excel]"')
