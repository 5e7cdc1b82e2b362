"""What is generated from the registry of inputs: ``python -m tests.update_docs`` writes it, ``test_reference`` compares it.

The type stub of the public functions, and the reference page of every input with the commands that take it.
"""

import ast
import importlib
import inspect
from pathlib import Path

import click

import planner
from planner.cli._app import app
from planner.inputs.registry import GROUPS, TAKES, documented, option_of, rows

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "planner" / "__init__.pyi"
PAGE = ROOT / "docs" / "reference" / "inputs.md"

_HEAD = '''"""The public names with their types: generated from planner/__init__.py and planner/inputs/registry.py by tests.reference."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from planner._util.parallel import Progress, Workers
from planner._version import __version__ as __version__
from planner.fitting.fit import RunsLike, TableLike
from planner.inputs.input_row import FileLike, LawLike, Number, ShapeLike
'''


def stub() -> str:
    """Return the stub: every class and short function from its home, and each function of inputs with all its arguments."""
    lines = [_HEAD]
    lines += [
        f"from {home} import {', '.join(f'{name} as {name}' for name in names if name not in TAKES)}"
        for home, names in planner._HOMES.items()  # type: ignore[attr-defined]  # the stub has the names alone
        if set(names) - set(TAKES)
    ]
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in planner.__all__), "]", ""]
    lines += [_function(name) for name in TAKES]
    return "\n".join(lines) + "\n"


def _function(name: str) -> str:
    function = getattr(planner, name)
    tree = ast.parse(inspect.getsource(importlib.import_module(function.__module__)))
    node = next(each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name)
    given = [""] * (len(node.args.args) - len(node.args.defaults)) + [" = ..."] * len(node.args.defaults)
    own = [
        f"{each.arg}: {ast.unparse(each.annotation)}{default}"
        for each, default in zip(node.args.args, given, strict=True)
        if each.annotation
    ] + ["*"]
    for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        assert each.annotation is not None
        own.append(f"{each.arg}: {ast.unparse(each.annotation)}" + ("" if default is None else " = ..."))
    told = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    for key, (type_, row) in rows(TAKES[name]).items():
        if key not in told:
            text = getattr(type_, "__forward_arg__", None) or ("Number" if str(type_) == "float | str" else type_.__name__)
            ranged = " | tuple[Number, Number]" if row.range and (name == "sweep" or (name, key) == ("limits", "flops")) else ""
            own.append(f"{key}: {text}{ranged} | None = ...")
    assert node.returns is not None
    return f"def {name}(\n    " + ",\n    ".join(own) + f",\n) -> {ast.unparse(node.returns)}: ..."


def commands() -> dict[str, set[str]]:
    """Return the names of the inputs that each command takes, its own options left out."""
    known = {"plan": app, **{f"plan {name}": command for name, command in app.commands.items()}}
    return {name: _taken(command) for name, command in known.items() if _taken(command)}


def _taken(command: click.Command) -> set[str]:
    return {str(param.name) for param in command.params if getattr(param, "heading", "")}


def page() -> str:
    """Return the reference of inputs."""
    taken = commands()
    parts = [
        "# Inputs",
        "",
        "Generated from `planner/inputs/registry.py`, where each is declared once. Options are those of the command line; in "
        "Python the same names are keyword arguments (`--gpu-hours` is `gpu_hours=`). A range of one or two of them is a sweep.",
        "",
    ]
    for heading, groups in GROUPS.items():
        parts += [
            f"## {heading}",
            "",
            "| option | keyword | type | base unit | a range | what it says |",
            "|---|---|---|---|---|---|",
        ]
        for group in groups:
            for name, (type_, row) in rows(group).items():
                default = f" Default: {row.default}." if row.default is not None else ""
                cells = [f"`{option_of(name)}`", f"`{name}`", documented(type_), row.unit, row.range, row.help + default]
                parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    parts += ["## Which command takes which input", "", "A command refuses the others by name, and says which take them.", ""]
    parts += ["| option | " + " | ".join(f"`{name}`" for name in taken) + " |", "|---|" + ":-:|" * len(taken)]
    for groups in GROUPS.values():
        for group in groups:
            for name in rows(group):
                marks = " | ".join("x" if name in names else "" for names in taken.values())
                parts.append(f"| `{option_of(name)}` | {marks} |")
    return "\n".join(parts) + "\n"


def write() -> None:
    """Write both anew."""
    STUB.write_text(stub(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
