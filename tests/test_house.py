"""The house keeps its floors: imports point down, arithmetic and formatting stay in their rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import planner

PACKAGE = Path(planner.__file__).parent
FLOORS = {
    "errors": 0, "notes": 0, "units": 0, "_files": 0, "_roots": 0, "_version": 0, "_frozen": 0, "_cells": 0, "_choice": 0, "_xlsx": 0, "_student": 0, "_spread": 0,
    "forms": 1, "modifiers": 1, "spending": 1, "shapes": 1, "memory": 1,
    "provenance": 2, "law": 2, "_schema": 2, "_lawdraws": 2, "_lawfile": 2, "catalogue": 2, "machines": 2, "published": 2, "recipes": 2, "learning_curves": 2, "benchmarks": 2, "published_levers": 2, "uncertainty": 2, "runs": 2, "run_files": 2, "curve_points": 2, "tables": 2,
    "problems": 3, "landscapes": 3, "solver": 3, "regimes": 3, "intervals": 3, "fitting": 3, "proposing": 3, "designing": 3, "pilot_cells": 3,
    "answers": 4, "choosing": 4, "_defaults": 0, "inputs": 4, "allocating": 4, "accounting": 4, "comparing": 4, "plans": 4, "verdicts": 4, "arithmetic": 4, "trading": 4, "explaining": 4, "verifying": 4, "purchasing": 4, "budget_steps": 4, "configuring": 4, "candidates": 4, "judging": 4, "learning": 4, "limiting": 4, "diminishing": 4, "weighing": 4, "placing": 4, "sweeping": 4, "served_sizes": 4, "sweep_rows": 4, "consensus": 4, "charts": 4, "piloting": 4, "pilot_expectations": 4, "pilot_ladder": 4, "pilot_given": 4, "pilot_notes": 4, "pilot_options": 4, "simulating": 4,
    "render": 5, "report": 5, "sheets": 5,
    "cli": 6,
}  # fmt: skip


def _room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _upward(room: str, floor: int, tree: ast.Module) -> list[str]:
    found = []
    for name in _imports(tree):
        parts = name.split(".")
        if parts[0] == "planner" and len(parts) > 1 and parts[1] in FLOORS and parts[1] != room and FLOORS[parts[1]] > floor:
            found.append(f"{room} imports {name}")
    return found


def test_every_room_has_a_floor() -> None:
    """A new module must be given its floor here and in the README."""
    rooms = {_room(path) for path, _ in _sources()} - {"__init__"}
    assert rooms == set(FLOORS)


def test_imports_point_down() -> None:
    """No room imports from a floor above it (lazily or not); planner/__init__ alone may name them all."""
    upward = []
    for path, tree in _sources():
        if _room(path) != "__init__":
            upward += _upward(_room(path), FLOORS[_room(path)], tree)
    assert upward == []


def test_the_import_test_can_fail() -> None:
    """An upward arrow is caught."""
    assert _upward("solver", 3, ast.parse("def f():\n    from planner.planning.plan import plan")) != []
    assert _upward("solver", 3, ast.parse("import planner.cli")) != []
    assert _upward("solver", 3, ast.parse("from planner import units, plans")) != []


def test_heavy_and_foreign_modules_stay_where_they_belong() -> None:
    """scipy is nowhere, click only in cli, tabulate only in render; nothing unpickles, evaluates or goes online."""
    for path, tree in _sources():
        names = {name.split(".")[0] for name in _imports(tree)}
        assert not names & {"scipy", "pickle", "urllib", "http", "socket", "requests"}, path
        assert "subprocess" not in names or path == PACKAGE / "sheets" / "calc" / "bridge.py", path  # runs in LibreOffice
        assert "click" not in names or _room(path) == "cli", path
        assert "tabulate" not in names or _room(path) == "render", path
        calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not calls & {"eval", "exec", "__import__"}, path


def test_the_command_line_computes_and_formats_nothing() -> None:
    """cli has no arithmetic and opens no file."""
    for path, tree in _sources():
        if _room(path) == "cli":
            operators = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr)]
            assert not [node for node in operators if not isinstance(node.left, (ast.JoinedStr, ast.Constant))], path
            assert not {
                node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            } & {"open"}
