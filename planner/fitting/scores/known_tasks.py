"""What is known of a task by its column's name: chance, questions, kind; and which columns are none."""

import re
from typing import NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled

LOSS_KINDS = ("loss", "bits")
KINDS = ("accuracy", "exact match", "pass@k", *LOSS_KINDS)


class Known(NamedTuple):
    """What is known of a task; None for what is not."""

    kind: str | None = None
    chance: float | None = None
    questions: float | None = None
    ceiling: float | None = None


@kept_while_unchanged("scores/known_tasks.toml")
def _words() -> dict[str, frozenset[str]]:
    return {name: frozenset(words) for name, words in read_bundled("scores/known_tasks.toml")["words"].items()}


@kept_while_unchanged("scores/known_tasks.toml")
def _registry() -> dict[str, Known]:
    found: dict[str, Known] = {}
    for each in read_bundled("scores/known_tasks.toml")["task"]:
        about = Known(each.get("kind"), float(each["chance"]), float(each["questions"]))
        found |= {name.replace(" ", ""): about for name in each["names"]}
    return found


def parts_of(column: str) -> list[str]:
    """Return the words of a name in lower case."""
    return [word for word in re.split(r"[^a-z0-9]+", column.lower()) if word]


def stem(column: str) -> str:
    """Return a name as names are compared: without signs, and without words that say how a task was scored."""
    dropped = _words()["dropped"] | _words()["loss"]
    return "".join(word for word in parts_of(column) if word not in dropped and not re.fullmatch(r"\d+shots?|\d", word))


def known_task(column: str) -> Known:
    """Return what the registry knows of a task."""
    return _registry().get(stem(column), Known())


def is_loss(column: str) -> bool:
    """Tell whether a name says that a column holds losses, or bits."""
    return bool(_words()["loss"] & {*parts_of(column)})


def is_setting(column: str) -> bool:
    """Tell whether a name says that a column is how a run was made, or an error bar."""
    return bool(_words()["settings"] & {*parts_of(column)})


def kind_of(column: str) -> str:
    """Return the kind of a task by its column's name."""
    words = {*parts_of(column)}
    if words & {"bits", "bpb"}:
        return "bits"
    if words & _words()["loss"]:
        return "loss"
    if "pass" in words or re.search(r"pass@\d+", column.lower()):
        return "pass@k"
    return "exact match" if words & {"em", "exact", "f1"} else known_task(column).kind or "accuracy"
