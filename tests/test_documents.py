"""README and docs are true: every block runs, every link leads somewhere, every command and option appears, CI runs the set-up commands."""

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
from planner.sheets.cell_functions.registry import FUNCTIONS
from tests import documents, pictures, site_pages, validation

PAGES = documents.pages()
README = PAGES["README.md"]
TEXT = "\n".join(PAGES.values())
CI = documents.ROOT / ".ci" / "run"


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, block) for page, text in PAGES.items() for block in documents.blocks(text)],
    ids=lambda part: part if isinstance(part, str) else part[0][0][:70],
)
def test_console_blocks_print_what_they_show(
    page: str, block: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of a block, one after the other in an empty folder with the page's own files, print the output shown."""
    monkeypatch.chdir(tmp_path)
    for name, text in documents.files(PAGES[page]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command, shown in block:
        assert documents.abbreviated(documents.replay(command), shown) == shown


def test_there_are_console_blocks() -> None:
    """The patterns above find something."""
    assert sum(map(len, documents.blocks(README))) >= 4
    assert sum(map(len, documents.blocks(TEXT))) >= 50
    assert "my-law.toml" in documents.files(TEXT)


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if documents.sessions(text)])
def test_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python session of a page gives the shown results, in an empty folder with the page's own files."""
    monkeypatch.chdir(tmp_path)
    for name, text in documents.files(PAGES[page]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(
        "".join([">>> import planner\n", *documents.sessions(PAGES[page])]), {}, page, page, 0
    )
    assert test.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.failures == 0


def test_every_python_block_is_a_session_or_a_file() -> None:
    """No Python block escapes the test above."""
    for page, text in PAGES.items():
        assert len(documents.sessions(text)) == len(re.findall(r"^```python", text, re.MULTILINE)), page


def _anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", list(PAGES))
def test_links_lead_somewhere(page: str) -> None:
    """Every link and picture within the checkout exists, the heading it names too."""
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = (documents.ROOT / page).parent / name if name else documents.ROOT / page
        assert path.exists() or _built(path), f"{page}: {target}"
        if anchor and path.suffix == ".md" and path.exists():
            assert anchor in _anchors(path.read_text(encoding="utf-8")), f"{page}: {target}"


def _built(path: Path) -> bool:
    """Whether a page is made when the site is built."""
    return path.resolve().relative_to(documents.DOCS).as_posix() in site_pages.generated()


def test_the_page_of_validation_is_fresh() -> None:
    """What it says is what planner gives."""
    assert PAGES["docs/explanation/validation.md"] == validation.page()


def test_the_readme_counts_what_ships() -> None:
    """Laws, models, tables and functions."""
    assert f"{len(planner.laws())} laws, {len(planner.models())} models, {len(planner.run_tables())} tables of runs" in README
    assert f"`=PLAN_TOKENS(1e21)` and {len(FUNCTIONS) - 1} more" in README


def test_the_readme_is_a_page() -> None:
    """A newcomer reads it to the end."""
    assert len(README.split("\n")) <= 200


def _modules() -> list[str]:
    found = pkgutil.walk_packages(planner.__path__, "planner.")
    return ["planner", *(module.name for module in found if module.name != "planner.sheets.calc.component")]  # LibreOffice's


@pytest.mark.parametrize("module", _modules())
def test_docstring_examples_run(module: str) -> None:
    """Every >>> in the package holds."""
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_every_law_stands_on_the_page_of_laws() -> None:
    """A law that is added must be listed, and one that is listed must exist."""
    listed = set(re.findall(r"`([a-z][\w-]*\d{4}[\w-]*|llama3)`", PAGES["docs/reference/laws.md"]))
    assert listed == {law.id for law in planner.laws()}


def test_every_command_and_option_is_documented() -> None:
    """Options of all commands stand in the docs, whole words; commands in the README."""
    groups = [app, *(each for each in app.commands.values() if isinstance(each, click.Group))]
    commands: list[click.Command] = [app, *(command for group in groups for command in group.commands.values())]
    written = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", TEXT))
    options = {
        param.opts[0]
        for command in commands
        for param in command.params
        if isinstance(param, click.Option) and param.name not in {"help", "version"}
    }
    assert options - written == set()
    assert "--gpu-hour" not in written  # whole words: an option that begins like another is not found in it
    assert all(re.search(rf"\bplan {name}\b", README) for name in app.commands)


def test_ci_runs_the_readmes_own_commands() -> None:
    """.ci/run takes both set-up lines from the README rather than copies of them."""
    setup = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)
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
            "scores",
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
    """Every picture in README and docs is a small PNG, and one of their commands draws it: python -m tests.pictures."""
    names = pictures.shown()
    assert names
    assert set(names) == set(pictures.commands()) == {path.name for path in pictures.FOLDER.glob("*.png")}
    for name in names:
        content = (pictures.FOLDER / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 100_000, name
