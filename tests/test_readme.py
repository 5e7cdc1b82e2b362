"""The README is true: every block runs, every law and option appears, the set-up commands are the ones CI runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import click
import pytest

import planner
from planner.cli._app import app
from planner.scaling_laws.forms import FORMS
from tests import pictures, readme, reference

TEXT = readme.README.read_text(encoding="utf-8")
CI = readme.README.parent / ".ci" / "run"


@pytest.mark.parametrize("block", list(readme.blocks(TEXT)), ids=lambda block: block[0][0][:70])
def test_console_blocks_print_what_they_show(
    block: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of a block, one after the other in an empty folder with the README's own files, print the README's output."""
    monkeypatch.chdir(tmp_path)
    for name, text in readme.files(TEXT).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command, shown in block:
        assert readme.abbreviated(readme.replay(command), shown) == shown


def test_there_are_console_blocks() -> None:
    """The patterns above find something."""
    assert sum(map(len, readme.blocks(TEXT))) >= 14
    assert "my-law.toml" in readme.files(TEXT)


def test_python_blocks_run() -> None:
    """The README's Python session gives the shown results."""
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", "README.md", 0)
    assert len(test.examples) >= 12
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.failures == 0


def _modules() -> list[str]:
    found = pkgutil.walk_packages(planner.__path__, "planner.")
    return ["planner", *(module.name for module in found if module.name != "planner.sheets.calc.component")]  # LibreOffice's


@pytest.mark.parametrize("module", _modules())
def test_docstring_examples_run(module: str) -> None:
    """Every >>> in the package holds."""
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_every_law_stands_in_the_readme() -> None:
    """A law that is added must be listed, and one that is listed must exist."""
    listed = set(re.findall(r"`([a-z][\w-]*\d{4}[\w-]*|llama3)`", TEXT.split("## The laws")[1].split("### Adding")[0]))
    assert listed == {law.id for law in planner.laws()}


def test_every_command_and_option_stands_in_the_readme() -> None:
    """Options of all commands are documented, whole words: in the README, or on the page of inputs."""
    groups = [app, *(each for each in app.commands.values() if isinstance(each, click.Group))]
    commands: list[click.Command] = [app, *(command for group in groups for command in group.commands.values())]
    written = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", TEXT + reference.PAGE.read_text(encoding="utf-8")))
    options = {
        param.opts[0]
        for command in commands
        for param in command.params
        if isinstance(param, click.Option) and param.name not in {"help", "version"}
    }
    assert options - written == set()
    assert "--gpu-hour" not in written  # whole words: an option that begins like another is not found in it
    assert all(re.search(rf"\bplan {name}\b", TEXT) for name in app.commands)


def test_ci_runs_the_readmes_own_commands() -> None:
    """.ci/run takes both set-up lines from the README rather than copies of them."""
    setup = re.findall(r"```sh\n(.*?)\n```", TEXT, re.DOTALL)
    assert len(setup) == 2
    assert setup[0].endswith("plan --flops 1e21")
    assert setup[1].endswith("-m pytest")
    if CI.is_file():  # absent from an sdist
        assert "README.md" in CI.read_text(encoding="utf-8")


def test_the_public_surface_is_exactly_all() -> None:
    """__all__ lists what can be imported, every name has a docstring, and no module hides a function."""
    assert sorted(planner.__all__) == sorted(set(planner.__all__))
    assert set(vars(planner)["_HOME_OF"]) | {"__version__"} == set(planner.__all__)
    for name in planner.__all__:
        value = getattr(planner, name)
        assert name.startswith("__") or isinstance(value, str) or value.__doc__, name
    assert dir(planner) == sorted(planner.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = planner.nonsense  # type: ignore[attr-defined]  # that is the point
    for module in _modules():
        assert module.removeprefix("planner.") not in {
            "plan",
            "check",
            "compare",
            "laws",
            "fit",
            "backtest",
            "curve",
            "limits",
            "levers",
        }


def test_forms_explain_themselves() -> None:
    """Every form that plans or judges has an equation, named constants and its arithmetic in words."""
    for form in FORMS.values():
        assert form.equation
        assert form.parameters
        if form.frontier:
            assert form.frontier.derivation, form.name
            assert bool(form.frontier.loss_derivation) == bool(form.frontier.budget), form.name
        if form.surface and len(form.surface.uses) == 2:
            assert form.surface.derivation, form.name
        for parameter in form.parameters.values():
            assert parameter.fitted_with in {"", *form.parameters}


def test_pictures_are_small_and_drawn_by_the_commands_shown() -> None:
    """Every picture in the README is a small PNG, and one of its commands draws it: python -m tests.pictures."""
    names = pictures.shown()
    assert names
    assert set(names) == set(pictures.commands()) == {path.name for path in pictures.FOLDER.glob("*.png")}
    for name in names:
        content = (pictures.FOLDER / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 100_000, name
