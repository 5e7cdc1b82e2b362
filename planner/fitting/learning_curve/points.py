"""The points of a learning curve, read and held to what a curve needs: enough sizes, one unit, errors that fall."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner._util.showing import Raw
from planner._util.stable_choice import lowest
from planner.errors import FitError, OptionError, RunsFileError
from planner.fitting.tables.cells import read_numbers
from planner.fitting.tables.columns import read_columns
from planner.fitting.tables.raw_table import is_source
from planner.fitting.tables.runs import items_of
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import format_count, format_factor, listed, parse_error, plain, shown

Array = NDArray[np.float64]

_FEWEST = 4
_MIXED = 20.0
"""A drop from above 1 to below it by more than this, and by far the steepest, is one of units: a house convention."""


def read_points(sizes: Any, errors: Any, reading: Reading) -> tuple[Array, Array, str, list[Note]]:
    """Return sizes and errors by size, where they came from, and what to say of that."""
    if is_source(sizes):
        if errors is not None:
            raise OptionError("errors go with a sequence of sizes, not with a file")
        read = read_columns(sizes, reading, ("size", "error"), known=("size", "error"))
        m, e, name, notes = read.numbers["size"], read.numbers["error"], read.name, list(read.notes)
    else:
        if reading != Reading():
            raise OptionError("columns, sheet and rows go with a file of points, not with a sequence of sizes")
        name, notes = "the points given", []
        of_sizes, of_errors = items_of(sizes, "sizes", name), items_of(errors, "errors", name)
        if len(of_sizes) != len(of_errors):
            raise RunsFileError(f"{name}: {len(of_sizes)} sizes but {len(of_errors)} errors; they must agree")
        m, e = read_numbers(enumerate(of_sizes, 1), "size", name), read_numbers(enumerate(of_errors, 1), "error", name)
    if len(m) < _FEWEST or len(set(m.tolist())) < _FEWEST:
        raise FitError(f"{name}: {len(set(m.tolist()))} different sizes; at least {_FEWEST} are needed, 8 are better")
    if m.max() < 2 * m.min():
        raise FitError(f"{name}: the sizes span {format_factor(float(m.max() / m.min()))}; at least twofold, better tenfold")
    order = np.argsort(m, kind="stable")
    m, e = m[order], e[order]
    drops = -np.diff(np.log(e))
    worst = lowest(-drops)
    if e[worst] > 1 >= e[worst + 1] and drops[worst] > max(np.log(_MIXED), 4 * float(np.median(drops))):
        drop = f"{said(e[worst])} and then {said(e[worst + 1])}"
        raise RunsFileError(f"{name}: {drop}: per cent beside fractions? Bring all to one")
    return m, e, name, notes


def said(value: Any, digits: int = 3) -> str:
    """Write a number of a curve for a message."""
    return plain(float(value), digits)


def positive(value: Raw, name: str) -> float:
    """Read an error, as a number or a percentage."""
    number = parse_error(value, name)
    if number <= 0:
        raise OptionError(f"{name} {shown(value)}: must be above 0")
    return number


def read_guess(value: Raw, m: Array, e: Array) -> float:
    """Read the error of guessing; asks where it is in another unit than the points, and refuses one below them."""
    guess = positive(value, "best_guess")
    if guess >= 1 and (e < 1).all():
        raise OptionError(f"best_guess {shown(value)}: the errors are fractions; write {said(guess / 100)} for {said(guess)} %")
    if (e > 1.5 * guess).any():
        raise OptionError(f"best_guess {plain(guess, 4)}: the error at {said(m[e.argmax()], 4)} is {said(e.max(), 4)}")
    return guess


def read_target(value: Raw, errors: Array) -> float:
    """Read an error to reach; asks where it is in another unit than the points."""
    target = positive(value, "target")
    if target < 1 and (errors > 1).all() and target * _MIXED < errors.min():
        ends = f"from {said(errors.min())} to {said(errors.max())}"
        raise OptionError(f"target {shown(value)}: the errors are {ends}; in per cent? Then write {said(100 * target)}")
    if target >= 1 and (errors < 1).all():
        fraction = f"{plain(target / 100, 4)} for {plain(target)} %"
        raise OptionError(f"target {shown(value)}: the errors are fractions; write {fraction}")
    return target


def rising_notes(m: Array, e: Array) -> list[Note]:
    """Refuse errors that do not fall with data; note those that rise between neighbours."""
    up = [i for i in range(1, len(e)) if e[i] > e[i - 1] and m[i] > m[i - 1]]
    points = listed([f"{said(e[i], 3)} at {format_count(float(m[i]))}" for i in up], 4)
    slope, level = np.polyfit(np.log(m), np.log(e), 1)
    if slope >= 0 or e[-1] >= e[0]:
        rest = np.log(e) - slope * np.log(m) - level
        if up and abs(slope) * np.ptp(np.log(m)) < 3 * rest.std():
            ends = f"from {format_count(float(m[0]))} to {format_count(float(m[-1]))}"
            text = f"{ends} the error stays at {said(float(np.median(e)), 3)} within its scatter: the small-data region"
            raise FitError(f"{text}, before any power law; more data are needed")
        raise FitError(f"the error does not fall with data: it rises to {points or said(e[-1], 3)}; is it an accuracy?")
    return [Note("rises", "info", f"the error rises to {points}: noise, or another recipe?")] if up else []
