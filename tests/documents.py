"""The console blocks of the README and the docs: ``test_documents`` replays them, ``python -m tests.update_docs`` rewrites them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from planner.cli._app import app
from planner.errors import PlannerError
from planner.inputs.registry import option_of

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"`(?P<name>[\w.-]+)`:\n\n```(?:toml|json|csv)\n(?P<text>.*?)```", re.DOTALL)


def pages() -> dict[str, str]:
    """Return the text of every page by its path from the checkout: the README first, then the docs."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in [README, *sorted(DOCS.rglob("*.md"))]}


def files(text: str) -> dict[str, str]:
    """Return the files that a page shows, by name: a name in backquotes and a colon, then a TOML, JSON or CSV block."""
    return {match["name"]: match["text"] for match in _FILE.finditer(text)}


def blocks(text: str) -> Iterator[list[tuple[str, str]]]:
    """Return, for every console block, (command, printed output) of its lines that start with ``$ plan``."""
    for block in _BLOCK.findall(text):
        parts = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
        yield [(command, output.rstrip("\n")) for command, _, output in parts]


def sessions(text: str) -> list[str]:
    """Return the Python blocks of a page."""
    return re.findall(r"```python\n(>>> .*?)```", text, re.DOTALL)


def replay(command: str) -> str:
    """Run a ``plan`` command line in this process, and return what a terminal would show of it."""
    name, *args = shlex.split(command)
    assert name == "plan", command
    result = CliRunner(env={"COLUMNS": None}).invoke(app, args)
    if isinstance(result.exception, PlannerError):
        return f"plan: {result.exception.renamed(option_of)}"
    assert result.exit_code == 0, f"{command}: {result.output} {result.exception!r}"
    return result.output.rstrip("\n")


def abbreviated(output: str, shown: str) -> str:
    """Cut an output where the page's version ends in a line of three dots."""
    if not shown.rstrip().endswith("..."):
        return output
    return "\n".join([*output.split("\n")[: len(shown.rstrip().split("\n")) - 1], "..."])


def renewed(text: str) -> str:
    """Return a page with fresh output under every command."""

    def fresh(match: "re.Match[str]") -> str:
        parts = [f"$ {command}\n{abbreviated(replay(command), shown)}\n" for command, shown in next(blocks(match[0]))]
        return "```console\n" + "\n".join(parts) + "```"

    return _BLOCK.sub(fresh, text)
