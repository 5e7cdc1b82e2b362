"""What a user says of tasks: a side file of chance levels, questions and ceilings, and values; the registry knows the rest."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.errors import OptionError, PlannerError, RunsFileError
from planner.fitting.scores.known_tasks import KINDS, Known, known_task, parts_of
from planner.fitting.tables.column_names import named
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.raw_tables import read_raw
from planner.fitting.tables.row_choice import text_of
from planner.notes import Note
from planner.quantities import bare, parse_fraction, parse_number, plain, shown

_COLUMNS: Mapping[str, tuple[str, ...]] = FrozenDict(
    {
        "task": ("task", "name", "benchmark", "eval"),
        "chance": ("chance", "random", "baseline", "random_baseline", "chance_level", "floor"),
        "questions": ("questions", "n", "items", "examples", "n_questions", "num_questions", "n_items", "count", "size"),
        "ceiling": ("ceiling", "max", "maximum"),
        "kind": ("kind", "metric"),
    }
)
_MOST_TASKS = 10_000


class About(NamedTuple):
    """What was said of tasks, by the lower-case name of their columns."""

    said: Mapping[str, Known] = FrozenDict()
    listed: frozenset[str] = frozenset()
    chooses: bool = False
    """Whether no other column is a task: so says the side file of a table that ships."""

    def missing(self, columns: Iterable[str], name: str) -> list[Note]:
        """Name the tasks of the side file that a table does not have.

        Raises
        ------
        RunsFileError
            It has none of them.
        """
        gone = sorted(self.listed - {each.lower() for each in columns})
        if not gone:
            return []
        if len(gone) == len(self.listed):
            raise RunsFileError(f"{name}: has none of the tasks that `about` tells of: {named(gone, 8)}")
        text = f"--about tells of {len(gone)} of its {len(self.listed)} tasks in vain: {named(gone, 8)}"
        return [Note("tasks-missing", "warning", f"{text} is no column of {name}")]

    def names_task(self, column: str) -> bool:
        """Tell whether the side file or an option names a column."""
        return column.lower() in self.listed

    def of(self, column: str) -> Known:
        """Return what is known of a task: what was said first, then what the registry has."""
        said, known = self.said.get(column.lower(), Known()), known_task(column)
        return known._replace(**{field: own for field, own in said._asdict().items() if own is not None})


def read_about(file: Any, options: Mapping[str, Raw], *, chooses: bool = False) -> About:
    """Read the side file and the options that go before it, by field; ``chooses`` makes what it lists the only tasks.

    Raises
    ------
    RunsFileError
        The file cannot be read, names a task twice, or has a value that cannot be.
    OptionError
        An option that cannot be.
    """
    said = {} if file is None else _side_file(file)
    told = frozenset(said)
    for field, given in options.items():
        if given is None:
            continue
        if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
            raise OptionError(f"`{field}` {shown(given)}: expected a value a task, such as {{'mmlu': {_EXAMPLES[field]}}}")
        for name, value in given.items():
            known = said.get(name.lower(), Known())
            own: dict[str, Any] = {field: _value(field, value, f"`{field}` {bare(name)}")}
            said[name.lower()] = known._replace(**own)
    return About(FrozenDict(said), told, chooses=chooses and file is not None)


_EXAMPLES = {"chance": "0.25", "questions": "14042", "ceiling": "0.95"}


def _value(field: str, value: Raw, where: str) -> float:
    try:
        number = parse_number(value, where) if field == "questions" else parse_fraction(value, where)
    except PlannerError as error:
        raise OptionError(str(error)) from None
    fits, inside = {
        "chance": (0 <= number < 1, "at least 0 and below 1"),
        "questions": (1 <= number <= 1e9, "from 1 to 1e9"),
        "ceiling": (0 < number <= 1, "above 0 and at most 1"),
    }[field]
    if not fits:
        raise OptionError(f"{where} {plain(number)}: must be {inside}")
    return number


def _side_file(file: Any) -> dict[str, Known]:
    raw = read_raw(file, None, lambda header: list(range(len(header))))
    lower = ["_".join(parts_of(cell)) for cell in raw.header]
    # of several names the first counts: it is put in last
    places = {field: lower.index(name) for field, names in _COLUMNS.items() for name in reversed(names) if name in lower}
    if "task" not in places:
        raise RunsFileError(f"{raw.name}: has no column task; a file about tasks has task, chance, questions and ceiling")
    found: dict[str, Known] = {}
    for row, cells in raw.rows(Faults()):
        name = str(cells[places["task"]] or "").strip().lower()
        if not name:
            continue
        if name in found:
            raise RunsFileError(f"{raw.name}:{row}:task: {shown(name)} comes twice")
        if len(found) >= _MOST_TASKS:
            raise RunsFileError(f"{raw.name}: names more than {_MOST_TASKS} tasks")
        found[name] = _known(cells, places, f"{raw.name}:{row}", raw.separator)
    return found


def with_point(text: str, separator: str) -> str:
    """Return the text of a number with a point for its decimal comma, where no comma separates cells."""
    return text.replace(",", ".") if separator not in {"", ","} and text.count(",") == 1 and "." not in text else text


def _known(cells: Any, places: Mapping[str, int], where: str, separator: str) -> Known:
    values: dict[str, Any] = {}
    for field in ("chance", "questions", "ceiling"):
        text = with_point(text_of(cells[places[field]]) if field in places else "", separator)
        if text and text.lower() not in {"nan", "na", "none", "-"}:
            try:
                values[field] = _value(field, text, f"{where}:{field}:")
            except OptionError as error:
                raise RunsFileError(str(error)) from None
    kind = str(cells[places["kind"]] or "").strip().lower() if "kind" in places else ""
    return Known(kind if kind in KINDS else None, **values)


def source_name(file: Any) -> str | None:
    """Return what to call a side file in the inputs of an answer."""
    return None if file is None else os.path.basename(os.fspath(file)) if isinstance(file, (str, os.PathLike)) else "a table"
