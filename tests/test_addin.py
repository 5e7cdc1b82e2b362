"""The Calc add-in: its helper over a pipe, what it is built of, and every function in a real LibreOffice."""

import ast
import io
import json
import math
import os
import signal
import sys
import textwrap
import time
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from planner import sheets
from planner.errors import OptionError
from planner.sheets.calc import bridge, building, helper
from planner.sheets.cell_functions.arguments import REQUIRED
from planner.sheets.cell_functions.cells import CellError
from planner.sheets.cell_functions.registry import FUNCTIONS
from tests import office

HELPER = [sys.executable, "-E", "-P", "-m", "planner.sheets.calc.helper"]


# ---------------------------------------------------------------- the pipe


@pytest.fixture
def asked() -> Iterator[bridge.Helper]:
    """Give a helper as the add-in starts it."""
    found = bridge.Helper([HELPER])
    yield found
    found.close()


def _script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "helper.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return [sys.executable, str(path)]


def test_the_helper_answers_as_python_does(asked: bridge.Helper) -> None:
    """Cells, ranges, blanks, errors with their reasons: what planner.sheets gives, through the pipe."""
    assert asked.ask("PLAN_TOKENS", [1e21, None, None]) == sheets.plan_tokens(1e21)
    column = asked.ask("PLAN_TOKENS", [(("1e21",), ("",), ("lots",)), None, None])
    assert column == [[sheets.plan_tokens(1e21)], [None], [{"error": sheets.plan_tokens("lots").reason}]]
    assert asked.ask("PLAN_LAWS", [None]) == sheets.plan_laws()
    assert "has no 'PLAN_NONSENSE'" in asked.ask("PLAN_NONSENSE", [])["error"]
    assert "must be finite" in asked.ask("PLAN_TOKENS", [math.inf])["error"]


def test_the_helper_is_started_once_and_anew_when_it_was_killed(asked: bridge.Helper) -> None:
    """One process serves all cells; after a kill the next cell is right again."""
    asked.ask("PLAN_TOKENS", [1e21])
    first = asked._process
    assert first is not None
    asked.ask("PLAN_PARAMS", [1e21])
    assert asked._process is first
    os.kill(first.pid, signal.SIGKILL)
    assert asked.ask("PLAN_TOKENS", [1e21]) == sheets.plan_tokens(1e21)
    assert asked._process is not first


def test_a_whole_column_passes_both_ways(asked: bridge.Helper) -> None:
    """More than a pipe holds, in both directions."""
    column = [[10.0 ** (18 + i / 5000)] for i in range(30_000)]
    found = asked.ask("PLAN_TOKENS", [column])
    assert len(found) == 30_000
    assert found[12_345][0] == sheets.plan_tokens(column[12_345][0])


def test_a_helper_that_hangs_is_ended(tmp_path: Path) -> None:
    """Silence at the start or later ends in an error in time, and for a while at once; nothing waits for ever."""
    silent = bridge.Helper([_script(tmp_path, "import time; time.sleep(60)")], start_seconds=0.5, pause_seconds=60)
    start = time.monotonic()
    with pytest.raises(bridge.HelperError, match="planner does not start there"):
        silent.ask("PLAN_TOKENS", [1e21])
    for _ in range(1000):
        with pytest.raises(bridge.HelperError):
            silent.ask("PLAN_TOKENS", [1e21])
    assert time.monotonic() - start < 20
    hangs = _script(tmp_path, """import time; print('{"planner": "1"}', flush=True); time.sleep(60)""")
    later = bridge.Helper([hangs], answer_seconds=0.5, pause_seconds=0)
    with pytest.raises(bridge.HelperError, match="did not answer in time"):
        later.ask("PLAN_TOKENS", [1e21])
    with pytest.raises(bridge.HelperError, match="did not answer in time"):  # not even where it reads nothing of a long question
        later.ask("PLAN_TOKENS", ["x" * 1_000_000])
    later.close()


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        ("print('hello')", "planner does not start there"),
        ("raise SystemExit(3)", "planner does not start there"),
        ("""print('{"planner": 1}', flush=True); input(); print("what?", flush=True); input()""", "died twice"),
        ("""print('{"planner": 1}', flush=True); input(); raise SystemExit""", "died twice"),
        ("""print('{"planner": 1}', flush=True); input(); print('{"id": 99, "result": 5}', flush=True); input()""", "died twice"),
    ],
)
def test_nonsense_is_no_answer(tmp_path: Path, talk: str, reason: str) -> None:
    """Neither another program, nor one that dies, nor an answer to another question passes for a number."""
    odd = bridge.Helper([_script(tmp_path, talk)])
    with pytest.raises(bridge.HelperError, match=reason):
        odd.ask("PLAN_TOKENS", [1e21])
    odd.close()


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_a_child_that_holds_the_pipe_holds_nothing_up(tmp_path: Path) -> None:
    """A wrapper whose child never answers is left in time, and the child ends with it."""
    (tmp_path / "child.py").write_text("import time; print('{\"planner\": 1}', flush=True); time.sleep(60)")
    wrapper = tmp_path / "wrapper.sh"
    wrapper.write_text(f"#!/bin/sh\n{sys.executable} {tmp_path}/child.py\nexit $?\n")
    wrapper.chmod(0o755)
    wrapped = bridge.Helper([[str(wrapper)]], answer_seconds=0.5, pause_seconds=0)
    start = time.monotonic()
    with pytest.raises(bridge.HelperError, match="did not answer in time"):
        wrapped.ask("PLAN_TOKENS", [1e21])
    assert time.monotonic() - start < 20
    wrapped.close()


def test_what_no_sheet_sends_is_an_error_of_that_cell(asked: bridge.Helper) -> None:
    """Objects, flat ranges and answers without end are refused or answered, and the next cell is right."""
    for cells in ([object()], [b"x"], [{1, 2}]):
        with pytest.raises(bridge.HelperError, match="cannot be sent"):
            asked.ask("PLAN_TOKENS", cells)
    assert asked.ask("PLAN_TOKENS", [[1e21, 1e22]]) == sheets.plan_tokens([1e21, 1e22])
    assert asked.ask("PLAN_TOKENS", [1e21]) == sheets.plan_tokens(1e21)


def test_one_bad_cell_does_not_stop_the_others(tmp_path: Path) -> None:
    """A cell that kills the helper twice is an error; the one after it is answered by a fresh helper."""
    script = """
        import os
        from planner.sheets.calc import helper
        known = helper.answer
        helper.answer = lambda line: os._exit(1) if b"666" in line else known(line)
        helper.main()
    """
    mortal = bridge.Helper([_script(tmp_path, script)], pause_seconds=60)
    for _ in range(2):
        with pytest.raises(bridge.HelperError, match="died twice"):
            mortal.ask("PLAN_TOKENS", [666.0])
        assert mortal.ask("PLAN_TOKENS", [1e21]) == sheets.plan_tokens(1e21)
    mortal.close()


def test_the_next_command_is_tried(tmp_path: Path) -> None:
    """Where the Python that built the add-in has gone, the plan on the path answers; where none is, the reason names both."""
    second = bridge.Helper([[str(tmp_path / "gone")], HELPER])
    assert second.ask("PLAN_TOKENS", [1e21]) == sheets.plan_tokens(1e21)
    second.close()
    with pytest.raises(bridge.HelperError, match=r"gone: No such file or directory; .*build the add-in anew"):
        bridge.Helper([[str(tmp_path / "gone")], [str(tmp_path / "too")]]).ask("PLAN_TOKENS", [1e21])


def test_the_helper_outlives_what_it_is_sent() -> None:
    """Lines that are no question, and questions that are none of planner's, are answered with what is wrong."""
    lines = [b"", b"nonsense\n", b"[]\n", b'{"id": 4}\n', b'{"id": 5, "call": "PLAN_TOKENS", "cells": [{"a": 1}]}\n']
    lines += [
        b'{"id": NaN, "call": "PLAN_TOKENS", "cells": [1e21]}\n',
        b'{"id": 1e999, "call": "PLAN_TOKENS", "cells": [1e21]}\n',
    ]
    lines += [b'{"id": 6, "call": ["x"], "cells": []}\n', b'{"id": 7, "call": "PLAN_TOKENS", "cells": 7}\n', b"\xff\n"]
    said = io.BytesIO()
    helper.serve(io.BytesIO(b"".join(lines)), said)
    answers = [json.loads(line) for line in said.getvalue().splitlines()]
    assert answers[0]["planner"]
    assert len(answers) == len(lines)
    assert all(isinstance(each["result"]["error"], str) for each in answers[1:])
    assert len(helper.answer(json.dumps({"id": 1, "call": "A\n" * 9999, "cells": []}).encode())["result"]["error"]) < 300


def test_zero_and_empty_cells() -> None:
    """Calc gives an empty cell as 0: blank where 0 means nothing else, an error where it could be meant."""
    assert helper.from_calc(FUNCTIONS["PLAN_TOKENS"], [0.0, 0.0, None]) == [None, None]
    price = helper.from_calc(FUNCTIONS["PLAN_COST"], [1e22, "h100", 0.0, 0.0])[3]
    assert isinstance(price, CellError)
    assert "which Calc does not tell apart" in price.reason
    assert helper.from_calc(FUNCTIONS["PLAN_COST"], [0.0, "h100", 0.0, 0.0]) == [None, "h100", None, None]  # a blank row
    asked = {"id": 1, "call": "PLAN_COST", "cells": [1e22, "h100", 0.0, None]}
    assert helper.answer(json.dumps(asked).encode())["result"] == sheets.plan_cost(1e22, "h100")
    assert helper.from_calc(FUNCTIONS["PLAN_TOKENS"], [[[0.0], [""]]]) == [[[0.0], [""]]]  # in a range they differ


# ---------------------------------------------------------------- what it is built of


@pytest.fixture(scope="module")
def addin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the add-in."""
    return building.build_addin(tmp_path_factory.mktemp("addin") / "planner.oxt")


def test_the_addin_is_whole(addin: Path) -> None:
    """Every file the manifest names is there and well formed; every function has its name, help and arguments in all of them."""
    with zipfile.ZipFile(addin) as archive:
        names = set(archive.namelist())
        for name in names:
            if name.endswith((".xml", ".xcu", ".components")):
                ElementTree.fromstring(archive.read(name))
        manifest = ElementTree.fromstring(archive.read("META-INF/manifest.xml"))
        named = {value for entry in manifest for key, value in entry.attrib.items() if key.endswith("full-path")}
        assert named <= names
        interface = archive.read("plan.idl").decode()
        configured = ElementTree.fromstring(archive.read("CalcAddIns.xcu"))
        built = json.loads(archive.read("functions.json"))
    texts = {element.text for element in configured.iter("value")}
    methods = {building.method(each) for each in FUNCTIONS.values()}
    assert len(methods) == len(FUNCTIONS) == len(built["functions"])
    for function in FUNCTIONS.values():
        assert f" {building.method(function)}(" in interface
        assert function.name in texts
        assert {argument.help for argument in function.takes} <= texts
        assert any(text and text.startswith(function.summary) for text in texts)
    assert built["command"][0] == sys.executable


def test_files_for_libreoffices_python_are_old_enough_and_alone() -> None:
    """The component and the bridge parse as Python 3.8, and import nothing but its standard library and LibreOffice's own."""
    for module in ("bridge", "component"):
        source = (Path(building.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        tree = ast.parse(source, feature_version=(3, 8))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        foreign = {name.split(".")[0] for name in names} - sys.stdlib_module_names
        assert foreign <= {"uno", "unohelper", "com", "org", "planner_calc_bridge"}, module


def test_an_addin_is_not_lost(tmp_path: Path) -> None:
    """An existing file is kept unless told, other endings and folders that cannot be written are refused."""
    path = building.build_addin(tmp_path / "planner.oxt")
    with pytest.raises(OptionError, match="exists already"):
        building.build_addin(path)
    assert building.build_addin(path, overwrite=True) == path
    lock = tmp_path / ".~lock.planner.oxt#"
    lock.touch()
    with pytest.raises(OptionError, match="is open in a spreadsheet program; close it there first"):
        building.build_addin(path, overwrite=True)
    lock.unlink()
    with pytest.raises(OptionError, match=r"ends in \.oxt"):
        building.build_addin(tmp_path / "planner.zip")
    with pytest.raises(OptionError, match="cannot be written"):
        building.build_addin(tmp_path / "nowhere" / "planner.oxt")
    for bad in (None, 3):
        with pytest.raises(OptionError, match="expected a file to write"):
            building.build_addin(bad)  # type: ignore[arg-type]


def _component(addin: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> Any:
    """Load the component as LibreOffice does, with stand-ins for what only LibreOffice has."""
    with zipfile.ZipFile(addin) as archive:
        archive.extractall(folder)
    built = json.loads((folder / "functions.json").read_text())
    (folder / "functions.json").write_text(json.dumps({**built, "command": command}))
    unohelper: Any = types.ModuleType("unohelper")
    unohelper.Base = type("Base", (), {})
    unohelper.ImplementationHelper = lambda: types.SimpleNamespace(addImplementation=lambda *given: None)
    stand_ins: dict[str, Any] = {"unohelper": unohelper, "planner_calc_bridge": bridge}
    for name, kind in (("com.sun.star.lang", "XServiceInfo"), ("org.planner", "XPlan")):
        stand_ins[name] = types.ModuleType(name)
        setattr(stand_ins[name], kind, type(kind, (), {}))
    for name, module in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, module)
    found: Any = types.ModuleType("plan_addin")
    found.__file__ = str(folder / "plan_addin.py")
    exec(compile((folder / "plan_addin.py").read_text(), found.__file__, "exec"), found.__dict__)
    return found


def test_the_component_without_a_helper(addin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without planner every cell is not available, and with "text" says why; the component names itself."""
    monkeypatch.setenv("PATH", str(tmp_path))
    component = _component(addin, tmp_path, monkeypatch, [str(tmp_path / "gone")])
    plan = component.Plan(None)
    assert plan.supportsService("com.sun.star.sheet.AddIn")
    assert plan.getImplementationName() in plan.getSupportedServiceNames()
    assert math.isnan(plan.tokens(1e21, None, None)[0][0])
    assert math.isnan(plan.regime(1e9, 1e10, None, None))
    assert plan.regime(1e9, 1e10, None, "text").startswith("#PLAN! no helper of planner")
    assert plan.tokens(1e21, None, "text")[0][0].endswith("build the add-in anew: plan sheets build-addin")


def test_the_component_with_a_helper(addin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers in rows, texts alone, blanks as empty texts, errors as not-a-numbers."""
    component = _component(addin, tmp_path, monkeypatch, HELPER)
    plan = component.Plan(None)
    assert plan.tokens(1e21, None, None) == ((sheets.plan_tokens(1e21),),)
    (one,), (blank,), (bad,) = plan.tokens(((1e21,), ("",), ("lots",)), None, None)
    assert (one, blank) == (sheets.plan_tokens(1e21), "")
    assert math.isnan(bad)
    assert plan.regime("175B", "300B", None, None) == "overfit"
    assert plan.regime(0.0, "300B", None, None) == ""
    component.HELPER.close()


# ---------------------------------------------------------------- in the real thing

EXAMPLES: dict[str, list[Any]] = {
    "budget": [1e21, "512xH100 x 30d", "", "lots", -5.0],
    "params": [7e9, "70B", "", "many", 1e9],
    "tokens": [1.4e12, "300B", "", 2e9, "none"],
    "loss": [2.1, "2.5", "", 1.0, "low"],
    "device": ["h100", "A100", "", "h1000", "h100"],
    "devices": ["512xH100", "64xA100", "", "many", "8xH100"],
    "grid": ["france", 475.0, "", "frence", "0"],
    "law": ["besiroglu2024", "kaplan2020", "", "nolaw", "hoffmann2022"],
    "mfu": [0.4, "35%", "", 0.9, 40.0],
    "price": [2.95, "$2", "", "cheap", -1.0],
    "overhead": [0.1, "5%", "", "much", 0.0],
}
"""Values of each argument, row by row: good ones as numbers and texts, a blank, bad ones."""
COLUMNS = "ABCDEFGHIJK"
ROWS = 5


def _reference(argument: str, first: int, last: int | None = None) -> str:
    letter = COLUMNS[list(EXAMPLES).index(argument)]
    return f"{letter}{first}" if last is None else f"{letter}{first}:{letter}{last}"


def _sheet_of_values() -> list[list[Any]]:
    return [
        [f"Sheet1!{COLUMNS[column]}{row + 1}", value]
        for column, values in enumerate(EXAMPLES.values())
        for row, value in enumerate(values)
        if value != ""
    ]


def _expected(function: Any, row: int) -> Any:
    """Return what Python gives for a row, None for a blank, and a CellError for an error."""
    given = [EXAMPLES[argument.name][row] for argument in function.arguments]
    return getattr(sheets, function.python)(*given)


def _agrees(cell: Any, expected: Any, where: str) -> None:
    if isinstance(expected, CellError):
        assert cell is None, where
    elif expected is None:
        assert cell == "", where
    elif isinstance(expected, float):
        assert cell == pytest.approx(expected, rel=1e-12), where
    else:
        assert cell == expected, where


COLUMN_FUNCTIONS = [each for each in FUNCTIONS.values() if not each.table]


@pytest.mark.usefixtures("libreoffice")
def test_every_function_in_a_real_calc(addin: Path) -> None:
    """Every function on single cells and on ranges, of numbers, texts, blanks and bad values: to 1e-12 what Python gives."""
    formulas, arrays, wanted = [], [], []
    for column, function in enumerate(COLUMN_FUNCTIONS):
        letter = chr(ord("A") + column)
        for row in range(ROWS):
            given = ";".join(_reference(argument.name, row + 1) for argument in function.arguments)
            formulas.append([f"Sheet1!{letter}{20 + row}", f"={function.name}({given})"])
            wanted.append((f"{function.name} cell {row + 1}", 0, row, column, function))
        if not function.text:
            given = ";".join(_reference(argument.name, 1, ROWS) for argument in function.arguments)
            arrays.append([f"Sheet1!{letter}30:{letter}{29 + ROWS}", f"={function.name}({given})"])
            wanted += [(f"{function.name} range {row + 1}", 1, row, column, function) for row in range(ROWS)]
    tables = [
        ["Sheet1!A50:E55", f"=PLAN_TABLE(A1:A{ROWS})"],
        ["Sheet1!A60:G140", "=PLAN_LAWS()"],
        ["Sheet1!I60:O140", "=PLAN_DEVICES()"],
    ]
    last = chr(ord("A") + len(COLUMN_FUNCTIONS) - 1)
    job = {
        "set": _sheet_of_values(),
        "formulas": formulas,
        "arrays": [*arrays, *tables],
        "get": [f"Sheet1!A20:{last}{19 + ROWS}", f"Sheet1!A30:{last}{29 + ROWS}", *(where for where, _ in tables)],
    }
    ((cells, ranges, planned, laws, devices),) = office.recalculate(None, [job], addin)
    for where, block, row, column, function in wanted:
        _agrees((cells, ranges)[block][row][column], _expected(function, row), where)
    for found, expected in (
        (planned, sheets.plan_table(EXAMPLES["budget"])),
        (laws, sheets.plan_laws()),
        (devices, sheets.plan_devices()),
    ):
        for i, line in enumerate(expected):
            for j, value in enumerate(line):
                _agrees(found[i][j], float(value) if isinstance(value, bool) else value, f"table {i} {j}")


@pytest.mark.usefixtures("libreoffice")
def test_errors_in_a_real_calc(addin: Path) -> None:
    """Errors are error values that sums show, in the cell and beyond; they come with a reason where asked for; errors propagate."""
    formulas = {
        "B1": "=PLAN_TOKENS(A1)",
        "B2": '=PLAN_TOKENS(A1;;"text")',
        "B3": "=SUM(B1:B2)",
        "B4": "=PLAN_TOKENS(A2)",
        "B5": "=PLAN_TOKENS(A3)",
        "B6": "=PLAN_TOKENS()",
        "B7": "=PLAN_TOKENS(1e21;;2)",
        "B8": "=IFERROR(PLAN_TOKENS(A1);0)",
        "B9": "=PLAN_TOKENS(PLAN_FLOPS_FOR_LOSS(1))",
        "B10": "=SUMPRODUCT(PLAN_TOKENS(A4:A6))",
        "B11": '=IF(PLAN_REGIME("175B";"300B")="overfit";1;0)',
        "B12": "=PLAN_REGIME(A4:A5;1e12)",
        "B13": "=PLAN_TOKENS(A1:A3)",
        "B14": '=PLAN_COST(1e22;"h100";0.4;A7;;"text")',
        "B15": "=PLAN_LOSS(1e21)+1",
        "B16": '=INDEX(PLAN_LAWS();2;1)&""="abnar2025"',
        "B17": "=PLAN_NONSENSE(1)",
    }
    job = {
        "set": [["Sheet1!A1", "lots"], ["Sheet1!A4", 1e21], ["Sheet1!A5", 1e22]],
        "formulas": [
            ["Sheet1!A2", "=1/0"],
            ["Sheet1!A3", "=NA()"],
            *([f"Sheet1!{where}", text] for where, text in formulas.items()),
        ],
        "show": [f"Sheet1!{where}" for where in formulas],
        "get": ["Sheet1!B1:B20"],
    }
    ((values, *shown),) = office.recalculate(None, [job], addin)
    found = {where: cell[0][0] for where, cell in zip(formulas, shown, strict=True)}
    assert found["B1"] == found["B3"] == found["B6"] == found["B7"] == found["B9"] == found["B12"] == "#VALUE!"
    assert found["B2"] == str(sheets.plan_tokens("lots"))
    assert found["B4"] == "#DIV/0!"
    assert found["B5"] == "#N/A"
    assert found["B8"] == "0"
    assert values[9][0] == pytest.approx(sheets.plan_tokens(1e21) + sheets.plan_tokens(1e22), rel=1e-12)
    assert found["B11"] == "1"
    assert found["B13"] == "Err:504"  # Calc itself passes no range on that holds an error
    assert found["B14"].startswith("#PLAN! price: 0 or an empty cell")
    assert values[14][0] == pytest.approx(sheets.plan_loss(1e21) + 1, rel=1e-12)
    assert found["B16"] == "TRUE"
    assert found["B17"] == "#NAME?"


def _answered_by(addin: Path, target: Path, script: Path) -> Path:
    """Return a copy of the add-in that starts another helper, and waits less for it."""
    with zipfile.ZipFile(addin) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "functions.json":
                content = json.dumps({**json.loads(content), "command": [sys.executable, str(script)]}).encode()
            if name.endswith("bridge.py"):
                assert b"START_SECONDS = 20.0" in content
                content = content.replace(b"START_SECONDS = 20.0", b"START_SECONDS = 4.0")
            copy.writestr(name, content)
    return target


@pytest.mark.usefixtures("libreoffice")
def test_the_addin_survives_its_helper(addin: Path, tmp_path: Path) -> None:
    """A helper that dies every seventh cell in the middle of a sheet, and one killed from outside: every cell is right all the same."""
    pid, starts, script = tmp_path / "pid", tmp_path / "starts", tmp_path / "mortal.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, sys
            from planner.sheets.calc import helper
            open({str(pid)!r}, "w").write(str(os.getpid()))
            open({str(starts)!r}, "a").write("x")
            known, count = helper.answer, 0
            def mortal(line):
                global count
                count += 1
                if count == 7:
                    os._exit(1)
                return known(line)
            helper.answer = mortal
            helper.main()
            """
        ),
        encoding="utf-8",
    )
    dying = _answered_by(addin, tmp_path / "dying.oxt", script)
    budgets = [10.0 ** (18 + i / 4) for i in range(30)]
    job: dict[str, Any] = {
        "set": [[f"Sheet1!A{i + 1}", budget] for i, budget in enumerate(budgets)],
        "formulas": [[f"Sheet1!B{i + 1}", f"=PLAN_TOKENS(A{i + 1})"] for i in range(30)],
        "get": ["Sheet1!B1:B30"],
    }
    again = {"run": ["sh", "-c", f"kill -9 $(cat {pid})"], "get": ["Sheet1!B1:B30"]}
    for (found,) in office.recalculate(None, [job, again, again], dying):
        assert [row[0] for row in found] == pytest.approx([sheets.plan_tokens(budget) for budget in budgets], rel=1e-12)
    assert len(starts.read_text()) >= 12


@pytest.mark.usefixtures("libreoffice")
def test_a_saved_sheet_keeps_its_functions(addin: Path, tmp_path: Path) -> None:
    """A sheet saved as .ods calculates again when it is opened, where the add-in is installed."""
    saved = tmp_path / "saved.ods"
    office.recalculate(None, [{"formulas": [["Sheet1!A1", "=PLAN_TOKENS(1e21)"]], "save": str(saved)}], addin)
    ((found,),) = office.recalculate(saved, [{"get": ["Sheet1!A1"]}], addin)
    assert found[0][0] == pytest.approx(sheets.plan_tokens(1e21), rel=1e-12)


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("script", ["raise SystemExit", "import time; time.sleep(600)"], ids=["gone", "silent"])
def test_without_a_helper_nothing_passes_for_a_number(
    addin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Where none starts or none answers, cells are #N/A, and so is all that is made of them; the sheet comes back in time."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = tmp_path / "helper.py"
    path.write_text(script, encoding="utf-8")
    formulas = {
        "A1": "=PLAN_TOKENS(1e21)",
        "A2": "=PLAN_REGIME(1e9;1e10)",
        "A3": "=SUM(A1:A1)",
        "A4": '=IF(A1>10000;"big";"small")',
        "A5": "=SUMPRODUCT(PLAN_TOKENS(C1:C3))",
        "A6": "=ISNA(A1)",
        "A7": '=PLAN_TOKENS(1e21;;"text")',
        "A8": "=SUM(D1:D2)",
    }
    job = {
        "formulas": [[f"Sheet1!{where}", text] for where, text in formulas.items()],
        "set": [["Sheet1!C1", 1e21]],
        "arrays": [["Sheet1!D1:D2", "=PLAN_TOKENS(C1:C2)"]],
        "show": [f"Sheet1!{where}" for where in (*formulas, "D1", "D2")],
        "timed": True,
    }
    (found,) = office.recalculate(None, [job], _answered_by(addin, tmp_path / "mute.oxt", path))
    *shown, took = (cell[0][0] for cell in found)
    assert [text for i, text in enumerate(shown) if i not in {5, 6}] == ["#N/A"] * 8
    assert shown[5] == "TRUE"
    assert shown[6].startswith("#PLAN! no helper of planner")
    assert took < 60


def test_examples_cover_every_argument() -> None:
    """The values above are of every argument that a function takes, and required ones come with a blank."""
    taken = {argument.name for function in COLUMN_FUNCTIONS for argument in function.arguments}
    assert taken == set(EXAMPLES)
    assert all(len(values) == ROWS and "" in values for values in EXAMPLES.values())
    assert any(argument.default is REQUIRED for function in COLUMN_FUNCTIONS for argument in function.arguments)
