"""What is generated from the registry is what is there, and types, help and signatures know every input."""

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import planner
from planner.errors import OptionError
from planner.inputs.question import Question
from planner.inputs.registry import GROUPS, TAKES, every_input, rows
from planner.inputs.table_inputs import Reading
from tests import reference


def test_the_stub_and_the_page_are_fresh() -> None:
    """python -m tests.update_docs would change nothing."""
    assert reference.STUB.read_text(encoding="utf-8") == reference.stub()
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_a_question_has_every_input_once() -> None:
    """The registry and the question know the same inputs; no input stands in two groups."""
    names = [name for groups in GROUPS.values() for group in groups for name in rows(group)]
    assert len(names) == len(set(names))
    assert set(names) == {*Question._fields, *Reading._fields} == set(every_input())
    assert not {*Question._fields} & {*Reading._fields}


@pytest.mark.parametrize("name", list(TAKES))
def test_help_and_signature_are_complete(name: str) -> None:
    """Every input is a keyword of the signature and a paragraph of the documentation, with its own sentence."""
    function = getattr(planner, name)
    parameters = inspect.signature(function).parameters
    assert not any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    for key, (_, row) in rows(TAKES[name]).items():
        assert key in parameters
        if key not in typing.get_type_hints(function, localns={"LawLike": str, "ShapeLike": str, "FileLike": str}):
            assert parameters[key].default == row.default
            assert f"\n{key} : " in str(function.__doc__)
            assert row.help in str(function.__doc__)


def test_unknown_keywords_are_python_errors_and_foreign_inputs_name_their_functions() -> None:
    """A slip is a TypeError with the nearest name; an input of other functions is refused with them."""
    with pytest.raises(TypeError, match=r"plan\(\) got an unexpected keyword argument 'flop'. Did you mean 'flops'?"):
        planner.plan(flop=1e21)  # type: ignore[call-arg]
    with pytest.raises(OptionError, match="check does not take max_params; plan, sweep, configure take it"):
        planner.check(params=1e9, tokens=2e10, max_params=1e9)  # type: ignore[call-arg]


def test_type_checkers_know_names_and_types(tmp_path: Path) -> None:
    """mypy --strict refuses a slip in a name and a list for a number, and takes what is right."""
    (tmp_path / "right.py").write_text(
        'import planner\nplanner.plan(flops=1e21, shape="llama2-7b", gpus="64xH100")\nplanner.sweep(flops=(1e18, 1e26))\n',
        encoding="utf-8",
    )
    for place, wrong in enumerate(
        ("planner.plan(flop=1e21)", "planner.plan(flops=[1])", "planner.check(params=1, tokens=2, dollars=3)")
    ):
        (tmp_path / f"wrong{place}.py").write_text(f"import planner\n{wrong}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    found = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    wrongs = {line.split(":")[0] for line in found.stdout.splitlines() if ": error:" in line}
    assert {Path(each).name for each in wrongs} == {"wrong0.py", "wrong1.py", "wrong2.py"}, found.stdout + found.stderr
