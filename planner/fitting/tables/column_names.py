"""Which column of a table is which quantity: by our names, the user's, or those that loggers write."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled
from planner.errors import OptionError, RunsFileError
from planner.notes import Note
from planner.quantities import plain, shown

DERIVED = ("params", "tokens", "flops")
"""Quantities of which two give the third: C = k N D."""


class Place(NamedTuple):
    """Where a quantity stands in a header.

    Attributes
    ----------
    at : int
    called : str
        By the table.
    factor : float
        What a plain number there is worth in base units.
    unit : str
        Of losses, where the name says one.
    """

    at: int
    called: str
    factor: float = 1.0
    unit: str = ""


class Found(NamedTuple):
    """Where all quantities stand, and what a reader should know of that."""

    places: Mapping[str, Place]
    state: int | None
    notes: tuple[Note, ...]


class _Known(NamedTuple):
    """The names that loggers write, by quantity, with factor and unit."""

    names: Mapping[str, Mapping[str, tuple[float, str]]]
    every: frozenset[str]
    evaluation: frozenset[str]
    prefixes: tuple[str, ...]
    units: Mapping[str, float]


@kept_while_unchanged("run_columns.toml")
def _known() -> _Known:
    table = read_bundled("run_columns.toml")
    names = {quantity: dict.fromkeys(said, (1.0, "")) for quantity, said in table["names"].items()}
    for factor, said in table["flops_units"].items():
        names["flops"] |= dict.fromkeys(said, (float(factor), ""))
    names["loss"] = {}
    for kind in ("evaluation", "unsaid", "training"):
        names["loss"] |= dict.fromkeys(table["loss"][kind], (1.0, ""))
        if kind == "evaluation":
            for unit, said in table["loss_units"].items():
                names["loss"] |= dict.fromkeys(said, (1.0, unit))
    every = frozenset(alias for said in names.values() for alias in said)
    return _Known(names, every, frozenset(table["loss"]["evaluation"]), tuple(table["prefixes"]), table["units"])


def find_columns(
    header: Sequence[str], columns: Mapping[str, str] | None, known: Sequence[str], required: Sequence[str], name: str
) -> Found:
    """Return where each quantity stands in the header.

    Parameters
    ----------
    header : sequence of str
    columns : mapping or None
        What the user calls them: ``{"params": "n_params", "tokens": "Tokens (B):1e9"}``.
    known : sequence of str
        Quantities that are read where they are there.
    required : sequence of str
        Those that must be there, or follow from others.
    name : str
        Of the file.

    Raises
    ------
    OptionError
        A quantity that is not known, or a column that is two.
    RunsFileError
        A column is missing, comes twice, or could be either of two.
    """
    places = _stated(header, columns, known, name)
    taken = {place.at for place in places.values()}
    lowered = [cell.lower() for cell in header]
    for quantity in known:
        if quantity in places:
            continue
        exact = [at for at, cell in enumerate(header) if cell == quantity and at not in taken]
        alike = exact or [at for at, cell in enumerate(lowered) if cell == quantity and at not in taken]
        if len(exact) > 1:
            raise RunsFileError(f"{name}: column {shown(quantity)} comes twice")
        if len(alike) == 1:
            places[quantity] = Place(alike[0], header[alike[0]])
    taken = {place.at for place in places.values()}
    stated = columns or {}
    told = []
    for quantity, place in _by_loggers(header, [each for each in known if each not in stated], places, taken, name).items():
        told.append(_said(quantity, place, places.get(quantity)))
        places[quantity] = place
    told += [_said(quantity, places[quantity], None) for quantity in stated if places[quantity].factor != 1]
    notes = (Note("columns-found", "info", f"columns taken: {', '.join(told)}"),) if told else ()
    missing = [each for each in required if each not in places and not _follows(each, places, required)]
    if missing:
        raise RunsFileError(f"{name}: {_missing(header, missing)}")
    state = next((at for at, cell in enumerate(header) if _stem(cell)[0] in _known().names["state"]), None)
    return Found(places, state, notes)


def _stated(header: Sequence[str], columns: Mapping[str, str] | None, known: Sequence[str], name: str) -> dict[str, Place]:
    places: dict[str, Place] = {}
    columns = columns or {}
    for quantity, called in columns.items():
        if quantity not in known:
            raise OptionError(f"columns {shown(quantity)}: no such quantity; map any of {', '.join(known)}")
        wanted, factor = called, _stem(called)[1]
        if called not in header:
            column, _, number = called.rpartition(":")
            if column in header:
                wanted, factor = column, _factor(number, quantity)
        if wanted not in header:
            raise RunsFileError(f"{name}: has no column {shown(wanted)} for {quantity}; it has {listed(header)}")
        if header.count(wanted) > 1:
            raise RunsFileError(f"{name}: column {shown(wanted)} comes twice")
        own = wanted in known and wanted != quantity and wanted not in columns
        if own or any(place.called == wanted for place in places.values()):
            raise OptionError(f"columns: {shown(wanted)} cannot be two quantities at once")
        unit = _known().names.get(quantity, {}).get(_stem(wanted)[0], (1.0, ""))[1]
        places[quantity] = Place(header.index(wanted), wanted, factor if quantity in _SCALED else 1.0, unit)
    return places


_SCALED = ("params", "tokens", "flops", "unique_tokens", "loss")


def _factor(text: str, quantity: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1e-30 <= factor <= 1e30:
        raise OptionError(f"columns {quantity}: {shown(text)}: expected what one of the column is worth, such as 1e6 or 1e9")
    return factor


def _by_loggers(
    header: Sequence[str], wanted: Sequence[str], places: Mapping[str, Place], taken: set[int], name: str
) -> dict[str, Place]:
    """Return what is found by names that loggers write: what is missing, and an evaluation's loss beside a plain one."""
    known = _known()
    stems = [_stem(cell) for cell in header]
    found: dict[str, Place] = {}
    for quantity in wanted:
        names = known.names.get(quantity, {})
        order = {alias: rank for rank, alias in enumerate(names)}
        near = sorted((order[stem], at) for at, (stem, _) in enumerate(stems) if stem in order and at not in taken)
        if quantity == "loss" and quantity in places:
            near = [each for each in near if stems[each[1]][0] in known.evaluation]
        elif quantity in places:
            continue
        if not near:
            continue
        rank, at = near[0]
        if len(near) > 1 and near[1][0] == rank:
            either = " or ".join(shown(header[place]) for best, place in near if best == rank)
            raise RunsFileError(f"{name}: {quantity} could be {either}; say which: `columns` {quantity}=NAME")
        stem, scale = stems[at]
        factor, unit = names[stem]
        found[quantity] = Place(at, header[at], factor * scale, unit)
    return found


def _stem(cell: str) -> tuple[str, float]:
    """Return a name of a column as it is compared, and what its unit is worth."""
    known = _known()
    words = [word for word in re.split(r"[^a-z0-9]+", re.sub(r"[\[(]\s*in\s+", "(", cell.lower())) if word]
    factor = 1.0
    if len(words) > 1 and words[-1] in known.units:
        factor = known.units[words.pop()]
        if len(words) > 1 and words[-1] == "in":
            words.pop()
    whole, rest = "_".join(words), "_".join(words[1:])
    return (rest if words and words[0] in known.prefixes and whole not in known.every else whole), factor


def _said(quantity: str, place: Place, instead: Place | None) -> str:
    about = []
    if place.factor != 1:
        about.append(f"one is {plain(place.factor)}{' FLOP' if quantity == 'flops' else ''}")
    if place.unit:
        about.append(f"in {place.unit}")
    if instead is not None:
        about.append(f"an evaluation's, not {shown(instead.called)}; --columns {quantity}={instead.called} takes that")
    return f"{quantity} from {shown(place.called)}" + (f" ({', '.join(about)})" if about else "")


def names_of_runs(header: Sequence[str]) -> list[int]:
    """Return which columns may hold names of runs, the likelier first."""
    names = list(_known().names["run"])
    ranked = sorted((names.index(stem), at) for at, stem in enumerate(_stem(cell)[0] for cell in header) if stem in names)
    return [at for _, at in ranked]


def _follows(quantity: str, places: Mapping[str, Place], required: Sequence[str]) -> bool:
    """Tell whether a quantity follows from two others."""
    return quantity in DERIVED and all(each in places for each in DERIVED if each != quantity)


def _missing(header: Sequence[str], missing: Sequence[str]) -> str:
    """Say what a header lacks, and what kind of file it is where it is none of runs."""
    lacks = f"lacks column {', '.join(missing)}"
    first = missing[0]
    if [cell.lower() for cell in header] == ["wall time", "step", "value"]:
        return (
            f"{lacks}: this is one scalar of one run, as TensorBoard exports it (wall time, step, value); write a table with "
            "a row a run: params, tokens and the loss at its end"
        )
    close = next((cell for cell in header if first in cell.lower()), "NAME")
    hint = f"Other names: --columns {first}={shown(close)[1:-1]}, or columns={{'{first}': {shown(close)}}} in Python"
    return f"{lacks}; it has {listed(header)}. {hint}"


def listed(names: Sequence[str], most: int = 20) -> str:
    """List names for a message."""
    text = ", ".join(shown(each)[1:-1] for each in names[:most])
    return text + (", ..." if len(names) > most else "")
