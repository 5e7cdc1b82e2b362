"""The house keeps its floors: imports point down, arithmetic and formatting stay in their rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import planner

PACKAGE = Path(planner.__file__).parent
FLOORS = (
    "_util",
    "quantities",
    "scaling_laws",
    "accelerators",
    "architectures",
    "allocation",
    "inputs",
    "fitting",
    "planning",
    "pilot_design",
    "sheets",
    "output",
    "cli",
    "__main__",
)
"""The packages, each importing only from those before it; errors, notes and the version stand below all."""

GROUND = ("errors", "notes", "_version")


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _at_start(tree: ast.Module) -> set[str]:
    """Return what is imported outside functions, whole packages."""
    inner = {id(node) for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) for node in ast.walk(each)}
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in inner]
    return {name.split(".")[0] for node in nodes for name in _imports(ast.Module([node], []))}


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _upward(room: str, tree: ast.Module) -> list[str]:
    below = {*GROUND, *FLOORS[: FLOORS.index(room) + 1]} if room in FLOORS else set(GROUND)
    known = {*GROUND, *FLOORS}
    parts = [(name, name.split(".")) for name in _imports(tree)]
    return [
        f"{room} imports {name}" for name, part in parts if part[0] == "planner" and len(part) > 1 and part[1] in known - below
    ]


def _long(tree: ast.Module, most: int = 40) -> list[str]:
    """Return functions with more lines than that, their docstrings apart."""
    found = []
    for each in ast.walk(tree):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = each.body[1:] if ast.get_docstring(each) is not None else each.body
            if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 > most:
                found.append(each.name)
    return found


def test_functions_are_short() -> None:
    """At most forty lines without the docstring: what takes more is two things."""
    assert [(path.name, name) for path, tree in _sources() for name in _long(tree)] == []
    assert _long(ast.parse("def f():\n    " + "1\n    " * 41)) == ["f"]


def test_every_package_has_its_place() -> None:
    """A new package, or a module at the top, is drawn here and on the architecture page first; at most twenty stand there."""
    rooms = {_room(path) for path, _ in _sources()} - {"__init__"}
    assert rooms == {*FLOORS, *GROUND}
    assert len(rooms) < 20
    drawn = (PACKAGE.parent / "docs" / "contributing" / "architecture.md").read_text(encoding="utf-8")
    assert all(f"`{room}" in drawn for room in rooms)


def test_imports_point_down() -> None:
    """No package imports from one above it (lazily or not); planner/__init__ alone may name them all."""
    assert [arrow for path, tree in _sources() if _room(path) != "__init__" for arrow in _upward(_room(path), tree)] == []


def test_the_import_test_can_fail() -> None:
    """An upward arrow is caught."""
    assert _upward("allocation", ast.parse("def f():\n    from planner.planning.plan import plan")) != []
    assert _upward("allocation", ast.parse("import planner.cli")) != []
    assert _upward("allocation", ast.parse("from planner import quantities, planning")) != []
    assert _upward("errors", ast.parse("from planner.quantities import plain")) != []


def test_files_are_short_and_nothing_is_grabbed() -> None:
    """A file has at most 350 lines; no function takes its arguments from locals(); few values are of no type at all."""
    texts = {path: path.read_text(encoding="utf-8") for path, _ in _sources()}
    assert {path.name: text.count("\n") for path, text in texts.items() if text.count("\n") > LONGEST} == {}
    assert [path for path, text in texts.items() if "locals()" in text] == []


LONGEST = 350


def test_heavy_and_foreign_modules_stay_where_they_belong() -> None:
    """scipy is imported inside functions of fitting alone, click only in cli, tabulate only in output; nothing unpickles, evaluates or goes online."""
    for path, tree in _sources():
        names = {name.split(".")[0] for name in _imports(tree)}
        assert not names & {"pickle", "urllib", "http", "socket", "requests"}, path
        assert "scipy" not in names or (_room(path) == "fitting" and "scipy" not in _at_start(tree)), path
        assert "subprocess" not in names or path == PACKAGE / "sheets" / "calc" / "bridge.py", path  # runs in LibreOffice
        assert "click" not in names or _room(path) == "cli", path
        assert "tabulate" not in names or _room(path) == "output", path
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
