"""Inputs of a table of runs: what its columns are called, which rows count, and in which units they are."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypedDict

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw, shown, whole
from planner.errors import OptionError
from planner.inputs.input_row import Input, flag_row
from planner.quantities import PF_DAY

if TYPE_CHECKING:
    from collections.abc import Sequence


class Condition(NamedTuple):
    """What a cell of a column must say, in any case, or must not."""

    column: str
    value: str
    is_not: bool = False

    def __str__(self) -> str:
        return f"{self.column}{'!' if self.is_not else ''}={self.value}"

    def holds(self, cell: str) -> bool:
        """Tell whether a cell fulfils it: the same text, or the same number."""
        same = cell.strip().lower() == self.value.lower()
        with suppress(ValueError):
            same = same or float(cell) == float(self.value)
        return same != self.is_not


def read_names(value: Raw, name: str) -> FrozenDict:
    """Read names of columns by quantity."""
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise OptionError(f"columns {shown(value)}: expected names such as {{'params': 'n_params'}}")
    return FrozenDict(value)


def read_sheet(value: Raw, name: str) -> str:
    """Read the name of a sheet."""
    if not isinstance(value, str):
        raise OptionError(f"sheet {shown(value)}: names a sheet of an .xlsx file, such as Runs")
    return value


def read_where(value: Raw, name: str) -> tuple[Condition, ...]:
    """Read conditions on rows: ``"State=finished"``, several of them, or a mapping."""
    if isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair):
        return tuple(Condition(key.strip(), text.strip()) for key, text in value.items())
    given: Iterable[object] = value if isinstance(value, (list, tuple)) else [value]
    found = []
    for each in given:
        column, sign, wanted = each.partition("=") if isinstance(each, str) else ("", "", "")
        if not sign or not column.strip().rstrip("!"):
            raise OptionError(f"`where` {shown(each)}: expected COLUMN=VALUE or COLUMN!=VALUE, such as State=finished")
        found.append(Condition(column.strip().removesuffix("!").strip(), wanted.strip(), column.strip().endswith("!")))
    return tuple(found)


def read_drop(value: Raw, name: str) -> frozenset[int]:
    """Read row numbers: ``"23,29"``, ``"23,40-44"`` or whole numbers."""
    several = isinstance(value, (list, tuple, set, frozenset, range)) or getattr(value, "ndim", 0) == 1
    if several and len(value) > _MOST_ROWS:  # type: ignore[arg-type]  # all of these have a length
        raise OptionError(f"`drop` has {len(value)} row numbers; at most {_MOST_ROWS}")  # type: ignore[arg-type]  # as above
    parts: Iterable[object] = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else [value]
    found: set[int] = set()
    for part in value if several and isinstance(value, Iterable) else parts:
        ends = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part) if isinstance(part, str) else None
        number = whole(part)
        low, high = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0) if number is None else (number, number)
        if not 1 <= low <= high < 10**9 or high - low > _MOST_ROWS:
            raise OptionError(f"`drop` {shown(part)}: expected row numbers as messages name them, such as 23,29 or 40-44")
        found.update(range(low, high + 1))
    return frozenset(found)


_MOST_ROWS = 2_000_000

FLOPS_UNITS: Mapping[str, float] = FrozenDict(
    {
        "flop": 1.0,
        "mac": 2.0,
        "gflop": 1e9,
        "tflop": 1e12,
        "pflop": 1e15,
        "eflop": 1e18,
        "zflop": 1e21,
        "pf-days": PF_DAY,
    }
)
"""FLOP to one: prefixes of the metric system, a multiplication with an addition, and a PF-day."""


def read_flops_unit(value: Raw, name: str) -> str:
    """Read a unit of compute."""
    text = value.lower().strip().removesuffix("s") if isinstance(value, str) else ""
    found = next((unit for unit in FLOPS_UNITS if text in {unit, unit.removesuffix("s")}), None)
    if found is None:
        raise OptionError(f"`flops_unit` {shown(value)}: expected one of {', '.join(FLOPS_UNITS)}")
    return found


def read_loss_unit(value: Raw, name: str) -> str:
    """Read the unit of losses, in any words."""
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= 500:
        raise OptionError(f"loss unit {shown(value)}: expected one line of at most 500 printable characters")
    return value.strip()


class RowInputs(TypedDict, total=False):
    """What the columns of a table are called, and which rows count."""

    columns: Annotated[
        "Mapping[str, str]",
        Input(
            read_names,
            "Other column names, with what one is worth: params=n_params,tokens=Tokens (B):1e9; repeat for more.",
            "QUANTITY=COLUMN",
            many=True,
        ),
    ]
    sheet: Annotated["str", Input(read_sheet, "Sheet of an .xlsx workbook.  [default: the only one, or Runs]", "NAME")]
    where: Annotated[
        "str | Sequence[str]",
        Input(
            read_where,
            "Only rows whose column says so: State=finished, or State!=crashed; may repeat.",
            "COLUMN=VALUE",
            many=True,
        ),
    ]
    drop: Annotated["str | Sequence[int]", Input(read_drop, "Leave out rows by their numbers: 23,29 or 40-44.", "ROWS")]
    skip_bad: Annotated["bool", flag_row("Leave out rows without a number, diverged or not finished, and list them.")]


class UnitInputs(TypedDict, total=False):
    """The units of a table of runs."""

    flops_unit: Annotated[
        "str", Input(read_flops_unit, f"Unit of the flops column: {', '.join(FLOPS_UNITS)}.  [default: flop]", "UNIT")
    ]
    loss_unit: Annotated[
        "str",
        Input(
            read_loss_unit,
            "Unit of the losses: bits/token, bits/byte and perplexity are converted to nats, another is named in the law.  "
            "[default: the table's, or nats/token]",
            "UNIT",
        ),
    ]


class OutlierInputs(TypedDict, total=False):
    """What becomes of runs far from the law."""

    exclude_outliers: Annotated["bool", flag_row("Leave out runs far from the law that is fitted to all, and list them.")]


class TableInputs(RowInputs, UnitInputs, total=False):
    """How a table of runs is read."""


class FitInputs(TableInputs, OutlierInputs, total=False):
    """How a table of runs is read for a fit."""


_TOLD = 100


class Reading(NamedTuple):
    """How a table of runs is read, as it was asked for."""

    columns: Mapping[str, str] = FrozenDict()
    sheet: str | None = None
    where: tuple[Condition, ...] = ()
    drop: frozenset[int] = frozenset()
    skip_bad: bool = False
    flops_unit: str = ""
    loss_unit: str = ""
    exclude_outliers: bool = False

    def stated(self) -> dict[str, object]:
        """Return what was asked, as texts and truth values, for the inputs of an answer and of a law that is saved."""
        said = {
            **self._asdict(),
            "columns": ",".join(f"{quantity}={called}" for quantity, called in self.columns.items()),
            "where": ",".join(map(str, self.where)),
            "drop": ",".join(map(str, sorted(self.drop)[:_TOLD])),
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def of(cls, asked: Mapping[str, object], verb: str, kind: type = TableInputs) -> "Reading":
        """Read what a function was asked of a ``kind`` of inputs, as :func:`planner.inputs.registry.read_stated` does."""
        from planner.inputs.registry import read_stated

        return cls(**read_stated(asked, kind, verb))
