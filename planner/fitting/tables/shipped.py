"""The run tables that ship with planner: real runs, their licence and where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from planner._util.files import data_root, kept_while_unchanged, read_bundled
from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Listing, Shown, fields_as_json
from planner.errors import OptionError
from planner.fitting.settings import settings
from planner.fitting.tables.runs import Runs, read_runs
from planner.quantities import shown


class Group(NamedTuple):
    """One data set and recipe: ``core`` where the learning-rate decay matched the run length, ``stress`` where not, or empty."""

    kind: str
    detail: str


@dataclass(frozen=True, repr=False)
class RunTable(Shown):
    """A shipped table.

    Attributes
    ----------
    name, title : str
    params, params_detail, loss_unit, data : str
        Conventions, as of a law.
    authors, year, arxiv, origin, licence : str
        Where the runs came from, and under which licence they are shipped.
    groups : mapping of str to Group
    notes : tuple of str
    """

    name: str
    title: str
    params: str
    params_detail: str
    loss_unit: str
    data: str
    authors: str
    year: int
    arxiv: str
    origin: str
    licence: str
    groups: Mapping[str, Group]
    notes: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Short citation."""
        return f"{self.authors} {self.year}, arXiv {self.arxiv}"

    def load(self) -> Runs:
        """Read the runs."""
        k = float(settings("conventions")["flops_per_param_token"])
        runs = read_runs(data_root() / "runs" / f"{self.name}.csv", flops_per_param_token=k)
        # rounding to eight digits makes a few honest rows look like repeats of each other
        return replace(
            runs,
            name=self.name,
            params_count=self.params,
            loss_unit=self.loss_unit,
            data=f"{self.data} ({self.reference})",
            notes=tuple(note for note in runs.notes if note.code != "repeated-rows"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return fields_as_json(self)


def table_names() -> list[str]:
    """Return the names of the shipped tables, sorted."""
    return sorted(path.stem for path in (data_root() / "runs").glob("*.toml"))


def run_table(name: str) -> RunTable:
    """Return one shipped table by name.

    Raises
    ------
    OptionError
        No such table; the message lists them.
    """
    if not isinstance(name, str) or name not in table_names():
        raise OptionError(f"runs {shown(name)}: no shipped table of that name; there are {', '.join(table_names())}")
    return _read_table(name)


@kept_while_unchanged("runs/{0}.toml")
def _read_table(name: str) -> RunTable:
    table = read_bundled(f"runs/{name}.toml")
    source = table["source"]
    return RunTable(
        name=name,
        **{key: table[key] for key in ("title", "params", "params_detail", "loss_unit", "data")},
        **{key: source[key] for key in ("authors", "year", "arxiv", "origin", "licence")},
        groups=FrozenDict({group: Group(**what) for group, what in table["groups"].items()}),
        notes=tuple(table["notes"]),
    )


def run_tables() -> Listing[RunTable]:
    """Return the shipped tables, sorted by name.

    Examples
    --------
    >>> import planner
    >>> [table.name for table in planner.run_tables()]
    ['clark2022', 'gadre2024', 'gemstones2025', 'muennighoff2023', 'porian2024']
    """
    return Listing((run_table(name) for name in table_names()), "shipped tables")


def load_runs(name: str) -> Runs:
    """Read the runs of a shipped table.

    Raises
    ------
    OptionError
        No such table.
    """
    return run_table(name).load()
