"""The tables of scores that ship with planner; the file beside each says its origin and licence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from planner._util.files import data_root, kept_while_unchanged, read_bundled
from planner._util.showing import shown
from planner.errors import OptionError, RunsFileError
from planner.quantities import shown_path


class ShippedScores(NamedTuple):
    """A shipped table of scores; ``tasks`` is its side file."""

    file: Path
    tasks: Path | None
    reference: str


_NAMES = ("gadre2024", "obsscaling2024")


@kept_while_unchanged("scores/{0}.toml")
def shipped_scores(name: str) -> ShippedScores:
    """Return a shipped table of scores by its name."""
    table = read_bundled(f"scores/{name}.toml")
    source, folder = table["source"], data_root() / "scores"
    reference = f"{source['authors']} {source['year']}, arXiv {source['arxiv']}"
    return ShippedScores(folder / table["file"], folder / table["tasks"] if "tasks" in table else None, reference)


def shipped_source(runs: Any) -> tuple[Any, Path | None]:
    """Return the file of a shipped table that is named, with its side file; anything else as it is."""
    if isinstance(runs, str) and runs == _NAMES[0] and not Path(runs).exists():
        found = shipped_scores(runs)
        return found.file, found.tasks
    return runs, None


@contextmanager
def called(runs: Any, source: Any) -> Iterator[None]:
    """Let complaints about a shipped table call it by its name, not by where it lies."""
    try:
        yield
    except RunsFileError as error:
        raise RunsFileError(error.marked if runs is source else error.marked.replace(shown_path(source), runs)) from None


def own_table(name: str) -> str:
    """Return the name of a shipped table of one's own runs, or refuse it.

    Raises
    ------
    OptionError
        No such table.
    """
    if name != _NAMES[0]:
        raise OptionError(f"runs {shown(name)}: no table of scores of that name ships; there is {_NAMES[0]}")
    return name
