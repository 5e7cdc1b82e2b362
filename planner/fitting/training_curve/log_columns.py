"""Which column of a log is which quantity: by our names, the user's, or those that loggers write, with units in the header."""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.column_names import places_of
from planner.fitting.tables.columns import in_nats
from planner.fitting.tables.faults import Faults
from planner.fitting.tables.logger_names import peeled, unit_said, without_unit
from planner.fitting.tables.raw_table import RawTable
from planner.fitting.tables.wandb_history import metric_of
from planner.fitting.training_curve.laws import settings
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import listed, shown

QUANTITIES = ("step", "tokens", "loss", "lr")


def log_columns(raw: RawTable, reading: Reading, *, loss: bool) -> tuple[dict[str, int], dict[str, float], str, list[Note]]:
    """Return where each quantity stands, what one of it is worth, the unit of the losses if the header says it, and what to say.

    Raises
    ------
    RunsFileError
        There are neither steps nor tokens, or no losses; of a schedule, no learning rates.
    OptionError
        A quantity was named that logs do not have.
    """
    odd = [quantity for quantity in reading.columns if quantity not in QUANTITIES]
    if odd:
        raise OptionError(f"`columns` {shown(odd[0])}: a log has {', '.join(QUANTITIES)}")
    names = [_name_of(cell) for cell in raw.header]
    places: dict[str, int] = {}
    worth: dict[str, float] = {}
    notes = []
    for quantity in QUANTITIES:
        if quantity in reading.columns:
            called, worth[quantity] = _called(reading.columns[quantity])
            places[quantity] = stated_column(raw, called)
            continue
        found = _found(quantity, names)
        if not found and (found := _found(quantity, [_bare(cell, quantity) for cell in raw.header])) and quantity == "tokens":
            worth[quantity] = peeled(raw.header[found[0]])[1]
        if len(found) > 1 or (found and names[found[0]] != quantity):
            beside = f", not {listed([shown(raw.header[at]) for at in found[1:]], 3)}" if len(found) > 1 else ""
            notes.append(Note("columns-found", "info", f"{quantity} is column {shown(raw.header[found[0]])}{beside}"))
        if found:
            places[quantity] = found[0]
    needed = {"step": "steps or tokens"} | ({"loss": "losses"} if loss else {"lr": "learning rates"})
    for quantity, what in needed.items():
        if quantity not in places and not (quantity == "step" and "tokens" in places):
            raise RunsFileError(f"{_lacks(raw, f'of {what}')}; `columns` {quantity}=NAME names it")
    unit = unit_said(raw.header[places["loss"]]) if "loss" in places else ""
    return {each: at for each, at in places.items() if loss or each != "loss"}, worth, unit, notes


def _lacks(raw: RawTable, column: str) -> str:
    return f"{raw.name}: has no column {column}; it has {listed([shown(cell) for cell in raw.header], 12)}"


def _found(quantity: str, names: list[str]) -> list[int]:
    """Return the columns that may be a quantity, the likelier first."""
    aliases = [_name_of(each) for each in settings("read")[quantity]]
    found = list(dict.fromkeys(at for alias in aliases for at, name in enumerate(names) if name == alias))
    if quantity == "lr" and not found:
        rates = [at for at, name in enumerate(names) if "learning_rate" in name or name.startswith("lr_")]
        return [at for at in rates if not names[at].endswith(("_min", "_max"))]
    return found


def _name_of(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_")


def _bare(cell: str, quantity: str) -> str:
    """Return the name of the metric alone, without the unit at its end; a perplexity is a loss."""
    words = peeled(metric_of(cell))[0]
    if quantity == "loss" and set(words) & {"ppl", "perplexity"}:
        words = [word for word in words if word not in {"ppl", "perplexity", "loss"}] + ["loss"]
    return "_".join(without_unit(words) if quantity == "loss" else words)


def _called(column: str) -> tuple[str, float]:
    """Return the name of a column and what one in it is worth, as in ``Tokens (B):1e9``."""
    name, sign, worth = column.rpartition(":")
    try:
        factor = float(worth)
    except ValueError:
        return column, 1.0
    return (name, factor) if sign and math.isfinite(factor) and factor > 0 else (column, 1.0)


def stated_column(raw: RawTable, called: str) -> int:
    """Return where a column stands that was named.

    Raises
    ------
    RunsFileError
        There is none of that name.
    """
    found = places_of(raw.header, called.strip())
    if not found:
        raise RunsFileError(_lacks(raw, shown(called)))
    return found[0]


def losses_in_nats(columns: dict[str, NDArray[Any]], unit: str, name: str) -> tuple[str, list[Note]]:
    """Turn losses in bits, or perplexities, into nats, in place; return the unit that they are then in, and what to say."""
    known = columns["loss"].copy()
    found = in_nats(columns, np.arange(len(known)), unit, Faults(skip=True), name)
    columns["loss"][~(known > 0)] = known[~(known > 0)]  # what is empty, or no number, stays so
    return found
