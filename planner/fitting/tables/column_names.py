"""Which column of a table is which quantity: by our names, the user's, or those that loggers write."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.logger_names import SCALED, Meaning, meaning_of, meanings, peeled, unit_said
from planner.fitting.tables.tensorboard_scalars import is_scalar
from planner.notes import Note
from planner.quantities import bare, listed, plain, shown

DERIVED = ("params", "tokens", "flops")
"""Quantities of which two give the third: C = k N D."""

NONE = "none"
"""What a quantity is mapped to whose column is to be left aside."""


class Place(NamedTuple):
    """Where a quantity stands in a header."""

    at: int
    called: str  # by the table
    factor: float = 1.0  # what a plain number there is worth in base units
    unit: str = ""  # of losses, where the name says one
    counts: str = ""  # which parameters it counts, where the name says so


class Found(NamedTuple):
    """Where all quantities stand, other columns that could be them, where a run's end is told, and what to say of that."""

    places: Mapping[str, Place]
    others: Mapping[str, tuple[str, ...]]
    state: int | None
    notes: tuple[Note, ...]


def find_columns(
    header: Sequence[str], columns: Mapping[str, str], known: Sequence[str], required: Sequence[str], name: str
) -> Found:
    """Return where each of the ``known`` quantities stands in the header; the ``required`` must, or follow from others.

    ``columns`` says what the user calls them: ``{"params": "n_params", "tokens": "Tokens (B):1e9", "flops": "none"}``.

    Raises
    ------
    OptionError
        A quantity that is not known, or a column that is two.
    RunsFileError
        A column is missing, comes twice, or could be either of two.
    """
    places = _stated(header, columns, known, name)
    taken = {place.at for place in places.values()}
    meant = meanings(header)
    others: dict[str, tuple[str, ...]] = {}
    told, warnings = [], []
    for quantity in known:
        if quantity in columns:
            if quantity in places and (places[quantity].factor != 1 or places[quantity].unit):
                told.append(_said(quantity, places[quantity], ()))
            continue
        own = _own(header, quantity, taken, name)
        near = sorted((each, at) for at, each in meant.items() if each.quantity == quantity and at not in taken and at != own)
        chosen, rest = _loss(header, own, near, name) if quantity == "loss" else _chosen(header, quantity, own, near, name)
        if chosen is None:
            continue
        places[quantity] = chosen
        taken.add(chosen.at)
        others[quantity] = rest
        if chosen.at != own or rest:
            told.append(_said(quantity, chosen, rest))
        if quantity == "loss" and chosen.at == own and rest:
            text = f"is {shown(chosen.called)} an evaluation's? Beside it stand {named(rest, 6)}; --columns loss=NAME takes one"
            warnings.append(Note("loss-of-what", "warning", text))
    notes = [Note("columns-found", "info", f"columns taken: {', '.join(told)}")] if told else []
    third_follows = len(places.keys() & {*DERIVED}) == 2
    missing = [each for each in required if each not in places and not (third_follows and each in DERIVED)]
    if missing:
        raise RunsFileError(f"{name}: {_missing(header, missing)}")
    state = next((at for at, each in meant.items() if each.quantity == "state"), None)
    return Found(places, others, state, (*notes, *warnings, *_passes(header, places)))


def _passes(header: Sequence[str], places: Mapping[str, Place]) -> list[Note]:
    """Ask whether tokens of a data set are those of one pass, where the table counts passes too."""
    tokens = places.get("tokens")
    counted = next((cell for cell in header if {*peeled(cell)[0]} & _PASSES), None)
    if tokens is None or counted is None or "dataset" not in peeled(tokens.called)[0]:
        return []
    text = f"tokens are {shown(tokens.called)}, and {shown(counted)} stands beside it: where those are of one pass, a column of"
    return [Note("passes", "warning", f"{text} all tokens trained on is wanted, times the passes, and that one is unique_tokens")]


_PASSES = {"epoch", "epochs", "passes", "repeats"}


def _own(header: Sequence[str], quantity: str, taken: Collection[int], name: str) -> int | None:
    """Return where a quantity stands under our own name, in any case."""
    alike = places_of(header, quantity, taken)
    if len(alike) > 1 and header[alike[0]] == quantity:
        raise RunsFileError(f"{name}: column {shown(quantity)} comes twice")
    return alike[0] if len(alike) == 1 else None


def _chosen(
    header: Sequence[str], quantity: str, own: int | None, near: Sequence[tuple[Meaning, int]], name: str
) -> tuple[Place | None, tuple[str, ...]]:
    """Return where a quantity stands, and what else could be it."""
    kinds = {at: each.kind for each, at in near} | ({} if own is None else {own: ""})
    if quantity == "params" and "active" in kinds.values() and len({*kinds.values()}) > 1:
        which = named([header[at] for at in sorted(kinds)])
        text = f"{name}: has parameters in all and those at work on a token ({which}): which of them is N?"
        raise RunsFileError(f"{text} `columns` params=NAME; C = 6 N D counts those at work")
    if own is not None:
        return Place(own, header[own]), tuple(header[at] for _, at in near)
    return _first(header, quantity, near, name) if near else (None, ())


def _first(header: Sequence[str], quantity: str, near: Sequence[tuple[Meaning, int]], name: str) -> tuple[Place, tuple[str, ...]]:
    """Return the likeliest of several columns; refuse two that are equally likely."""
    (best, at), *rest = near
    equal = [header[place] for each, place in near if each.rank == best.rank]
    if len(equal) > 1:
        raise RunsFileError(f"{name}: {quantity} could be {' or '.join(map(shown, equal))}; say which: `columns` {quantity}=NAME")
    counts = best.kind if quantity == "params" else ""
    return Place(at, header[at], best.factor, best.unit, counts), tuple(header[place] for _, place in rest)


def _loss(
    header: Sequence[str], own: int | None, near: Sequence[tuple[Meaning, int]], name: str
) -> tuple[Place | None, tuple[str, ...]]:
    """Return where the loss stands: an evaluation's before one of one data set, before a plain one, before one of training."""
    kinds = {kind: [each for each in near if each[0].kind == kind] for kind in ("evaluation", "set", "unsaid", "training")}
    plain_one = () if own is None else (header[own],)
    beside = tuple(header[at] for _, at in (*kinds["unsaid"], *kinds["training"]))
    if kinds["evaluation"]:
        place, rest = _first(header, "loss", kinds["evaluation"], name)
        return place, (*rest, *plain_one, *beside)
    if len(kinds["set"]) == 1:
        place, _ = _first(header, "loss", kinds["set"], name)
        return place, (*plain_one, *beside)
    sets = tuple(header[at] for _, at in kinds["set"])
    if own is not None:
        return Place(own, header[own], 1.0, unit_said(header[own])), sets
    if sets and not kinds["unsaid"]:
        raise RunsFileError(f"{name}: has losses of several evaluations, {named(sets, 8)}; say which: `columns` loss=NAME")
    if not beside:
        return None, ()
    place, others = _first(header, "loss", kinds["unsaid"] or kinds["training"], name)
    return place, (*others, *sets)


def _stated(header: Sequence[str], columns: Mapping[str, str], known: Sequence[str], name: str) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for quantity, called in columns.items():
        if quantity not in known:
            raise OptionError(f"columns {shown(quantity)}: no such quantity; map any of {', '.join(known)}")
        if called == NONE and NONE not in header:
            continue
        wanted, number = called, ""
        if called not in header and called.rpartition(":")[0] in header:
            wanted, _, number = called.rpartition(":")
        if wanted not in header:
            raise RunsFileError(f"{name}: has no column {shown(wanted)} for {quantity}; it has {named(header)}")
        if header.count(wanted) > 1:
            raise RunsFileError(f"{name}: column {shown(wanted)} comes twice")
        own = wanted in known and wanted != quantity and wanted not in columns
        if own or any(place.called == wanted for place in places.values()):
            raise OptionError(f"columns: {shown(wanted)} cannot be two quantities at once")
        meaning = meaning_of(wanted)
        expected = meaning if meaning and meaning.quantity == quantity else None
        factor = 1.0
        if number:
            factor = _factor(number, quantity)
        elif quantity in SCALED:
            factor = expected.factor if expected else peeled(wanted)[1]
        counts = expected.kind if expected and quantity == "params" else ""
        places[quantity] = Place(header.index(wanted), wanted, factor, unit_said(wanted) if quantity == "loss" else "", counts)
    return places


def _factor(text: str, quantity: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1e-30 <= factor <= 1e30:
        raise OptionError(f"columns {quantity}: {shown(text)}: expected what one of the column is worth, such as 1e6 or 1e9")
    return factor


def _said(quantity: str, place: Place, rest: Sequence[str]) -> str:
    about = [f"one is {plain(place.factor)}{' FLOP' if quantity == 'flops' else ''}"] if place.factor != 1 else []
    about += [f"in {place.unit}"] if place.unit else []
    about += [f"not {listed([shown(each) for each in rest], 3)}"] if rest else []
    return f"{quantity} from {shown(place.called)}" + (f" ({', '.join(about)})" if about else "")


def names_of_runs(header: Sequence[str]) -> list[int]:
    """Return which columns may hold names of runs, the likelier first."""
    return [at for _, at in sorted((each.rank, at) for at, each in meanings(header).items() if each.quantity == "run")]


def _missing(header: Sequence[str], missing: Sequence[str]) -> str:
    """Say what a header lacks, and what kind of file it is where it is none of runs."""
    lacks = f"lacks column {', '.join(missing)}"
    if is_scalar(header):
        what = "this is one scalar of one run, as TensorBoard exports it (wall time, step, value)"
        remedy = "give those of all runs beside a table of their names, params and tokens: plan fit run-*.csv runs.csv"
        return f"{lacks}: {what}; {remedy}"
    if "log_history" in header:
        what = "this is the state of one run of a Hugging Face Trainer"
        return f"{lacks}: {what}; write a table with a row a run: params, tokens and the loss at its end"
    first = missing[0]
    close = next((cell for cell in header if first in cell.lower() and not _RATES & {*peeled(cell)[0]}), "NAME")
    names = " ".join(f"--columns {each}={bare(close) if each == first else 'NAME'}" for each in missing)
    hint = f"Other names: {names}, or columns={{'{first}': {shown(close)}}} in Python"
    if first == "tokens" and any({"batch", "bsz"} & {*peeled(cell)[0]} for cell in header):
        hint = "Tokens are steps times the tokens of a batch: write such a column. " + hint
    either = "; of params, tokens and flops two are enough" if {*missing} & {*DERIVED} else ""
    return f"{lacks}; it has {named(header)}. {hint}{either}"


_RATES = {"batch", "per", "second", "sec", "s", "rate", "log", "log10", "ln", "ratio"}


def named(names: Sequence[str], most: int = 20) -> str:
    """List names of columns or runs for a message."""
    return listed([bare(each) for each in names[: most + 1]], most)


def places_of(header: Sequence[str], name: str, taken: Collection[int] = ()) -> list[int]:
    """Return where a name stands in a header, but for places that are taken: as it is, else in any case."""
    exact = [at for at, cell in enumerate(header) if cell == name and at not in taken]
    return exact or [at for at, cell in enumerate(header) if cell.lower() == name.lower() and at not in taken]
