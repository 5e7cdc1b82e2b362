"""Where on its learning curve a problem is: the three regions, what more data buys, and the model that the data want."""

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.student_t import student_quantile
from planner.allocation.extrapolation import FAR
from planner.allocation.loss_interval import check_level
from planner.errors import FitError, OptionError
from planner.fitting.learning_curve.curve_result import Curve, Estimate, Reach, refuse_endless, refuse_unreachable, sizes_of
from planner.fitting.learning_curve.descent import Constants, Fitted, Shape, choose_shape, fit_shape, gain, spread
from planner.fitting.learning_curve.points import Array, read_guess, read_points, read_target, rising_notes, said
from planner.fitting.learning_curve.published import general_model_exponents, published_curve
from planner.inputs.input_row import Number
from planner.inputs.registry import asks
from planner.inputs.table_inputs import Reading, RowInputs
from planner.notes import Note
from planner.quantities import (
    format_count,
    format_factor,
    format_percent,
    parse_count,
    plain,
    whole_number,
)

_DRAWS = 400
_NOISY = 0.2
"""Scatter of ln(error) above which a curve is called noisy: a house convention."""

_SPAN = 10.0
"""Sizes that span less are too close for a power law: a house convention."""


@asks(RowInputs)
def curve(
    sizes: Any,
    errors: Any = None,
    *,
    best_guess: Number | None = None,
    target: Number | None = None,
    domain: str | None = None,
    params: Number | None = None,
    level: Number = LEVEL,
    seed: int = 0,
    **asked: Unpack[RowInputs],
) -> Curve:
    """Fit a learning curve to errors at several training-set sizes: best guess, power law, floor.

    Parameters
    ----------
    sizes : path, data frame, open binary file, or sequence of numbers
        A table with columns size and error, or the sizes themselves.
    errors : sequence of numbers
        Beside sizes: any metric that falls, in one unit.
    best_guess : float or str, optional
        The error of guessing, where it is known; else estimated where the points show it.
    target : float or str, optional
        An error to reach, in the unit of the errors.
    domain : str, optional
        Whose published exponents say how the model grows: word-lm, char-lm, translation, imagenet, speech.
    params : float or str, optional
        Parameters of the model at the largest size.
    level : float or str
        Of the intervals.
    seed : int
        Same seed, same intervals.
    {inputs}

    Returns
    -------
    Curve

    Raises
    ------
    PlannerError
        Too few points, all in one region, errors that rise with data, a target below the floor.

    References
    ----------
    Hestness et al. 2017, arXiv 1712.00409: the three regions (Fig. 6), error ~ size^beta_g, model size ~ size^beta_p. That the
    curve bends sharply where it leaves the best guess, and that the irreducible region begins where the floor is half of the
    error, are conventions of this house.

    Examples
    --------
    >>> import planner
    >>> found = planner.curve([1e4, 1e5, 1e6, 1e7, 1e8], [0.8, 0.4, 0.2, 0.1, 0.05])
    >>> round(found.exponent.value, 3), found.floor is None, round(found.doubling.value, 3)
    (0.301, True, 0.812)
    """
    reading = Reading.of(asked, "curve", RowInputs)
    m, e, name, notes = read_points(sizes, errors, reading)
    confidence = check_level(level)
    start = whole_number(seed, "seed", 0, 2**63 - 1)
    guess = None if best_guess is None else read_guess(best_guess, m, e)
    known = None if domain is None else published_curve(domain)
    size = None if params is None else parse_count(params, "params", "parameters")
    error = None if target is None else read_target(target, e)
    notes += rising_notes(m, e)
    if size is not None and error is None:
        raise OptionError("params say how large a model the target wants: give a target too")
    center = float(np.log(m).mean())
    x, y = np.log(m) - center, np.log(e)
    fitted = choose_shape(x, y, guess)
    if fitted is None:
        raise FitError(f"{name}: {len(m)} points are too few for a best guess and a power law; give more")
    _hold(fitted, x, y, m, name)
    whole = _drawn(fitted, x, y, guess, confidence, start)
    found = _described(whole, fitted.shape, center, confidence, float(m[0]))
    doubled = whole.errors(x[-1:] + np.log(2.0))[:, 0] / whole.errors(x[-1:])[:, 0]
    at_most = float(found["floor"].high) if found["floor"] else _floor_at_most(x, y, fitted.shape, guess, confidence, start)
    reach = None if error is None else _reach(whole, fitted.shape, center, error, confidence, float(m[-1]), known, size)
    return Curve(
        name=name,
        sizes=tuple(m.tolist()),
        errors=tuple(e.tolist()),
        reducible=float(whole.power(x[None, -1:])[0, 0]),
        floor_at_most=at_most,
        noise=float(np.sqrt(fitted.squares / fitted.freedom)),
        doubling=_estimate(doubled, confidence),
        reach=reach,
        domain=known,
        level=confidence,
        notes=(*notes, *_point_notes(x, y, m, fitted, guess), *_notes(found, fitted, m, reach, at_most)),
        inputs=FrozenDict(
            {"points": name, "best_guess": guess, "target": error, "domain": domain, "params": size}
            | {"level": confidence, "seed": start, **reading.stated()}
        ),
        **found,
    )


def _drawn(fitted: Fitted, x: Array, y: Array, guess: float | None, level: float, seed: int) -> Constants:
    """Return the fitted curve, draws of it, and draws with a floor and a small-data region that the points do not show.

    Those change every number beyond the points.
    """
    drawn = [fitted.constants, spread(x, fitted, _DRAWS, level, seed)]
    hidden = [] if fitted.shape.floor else [fitted.shape._replace(floor=True)]
    hidden += [] if fitted.shape.guess else [Shape(True, True)]
    for shape in hidden:
        other = fit_shape(x, y, shape, guess)
        if other is not None:
            drawn.append(spread(x, other, _DRAWS, level, seed))
    return Constants(*(np.concatenate(values) for values in zip(*drawn, strict=True)))


def _hold(fitted: Fitted, x: Array, y: Array, m: Array, name: str) -> None:
    """Refuse points of which none, or one, shows a power law, and those that do not fall beyond their noise."""
    curve = fitted.constants
    falling = curve.errors(x)[0] < np.exp(curve.guess[0]) * (1 - 1e-9)
    if len(set(m[falling].tolist())) < 2:
        few = int(falling.sum())
        raise FitError(f"{name}: all points but {few} are at the best guess: the small-data region; more data are needed")
    level = float(((y - y.mean()) ** 2).sum())
    per_degree = max(fitted.squares, len(y) * 1e-24) / fitted.freedom
    if (level - fitted.squares) / (fitted.shape.free - 1) < per_degree * student_quantile(0.975, fitted.freedom) ** 2:
        text = f"{name}: the errors do not fall beyond their noise"
        raise FitError(f"{text}: no power law can be read off them; more data are needed")


def _point_notes(x: Array, y: Array, m: Array, fitted: Fitted, guess: float | None) -> list[Note]:
    """Say which points lie far off, how much they scatter and span, and whether the given best guess fits."""
    notes = []
    residual = y - np.log(fitted.constants.errors(x)[0])
    if fitted.freedom > 1:
        others = np.maximum((fitted.squares - residual**2) / (fitted.freedom - 1), 1e-24)  # without the point itself
        apart = np.abs(residual) / np.sqrt(others)
        for i in np.flatnonzero(apart > student_quantile(1 - 0.005 / len(x), fitted.freedom - 1))[:3]:
            text = f"the error {said(np.exp(y[i]))} at {format_count(float(m[i]))} lies far off the curve of the others: check it"
            notes.append(Note("outlier", "warning", text))
    noise = np.sqrt(fitted.squares / fitted.freedom)
    if noise > _NOISY:
        text = f"the points scatter by {format_percent(float(noise))}: regions may hide, and what is far beyond them is a guess"
        notes.append(Note("noisy", "warning", text))
    if m[-1] < _SPAN * m[0]:
        text = f"the sizes span {format_factor(float(m[-1] / m[0]))}: a power law over less than {_SPAN:g}x is a guess"
        notes.append(Note("short-span", "warning", text))
    if guess is not None:
        free = fit_shape(x, y, fitted.shape._replace(known_guess=False), None)
        if free is not None and gain(fitted, free, len(x), 0.995) > 1:
            text = f"the points would rather have a best guess of {said(np.exp(free.constants.guess[0]))} than the one given"
            notes.append(Note("best-guess-differs", "warning", text))
    return notes


def _estimate(values: Array, level: float) -> Estimate:
    """Return the first value with the quantiles of the others."""
    low, high = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Estimate(float(values[0]), float(low), float(high) if high < np.inf else None)


def _described(whole: Constants, shape: Shape, center: float, level: float, smallest: float) -> dict[str, Any]:
    """Return the parts of the curve with their intervals."""
    floor, guess = np.exp(whole.floor), np.exp(whole.guess)
    begins = _where(whole, np.log(np.maximum(guess - floor, 1e-300)), center, level) if shape.guess else None
    return {
        "exponent": _estimate(whole.b, level),
        "floor": _estimate(floor, level) if shape.floor else None,
        "half_floor_from": _where(whole, whole.floor, center, level) if shape.floor else None,
        "best_guess": _estimate(guess, level) if shape.guess else None,
        "learning_from": begins if begins and begins.value >= smallest else None,
    }


def _where(whole: Constants, height: Array, center: float, level: float) -> Estimate | None:
    """Return the size at which the power-law part has a height (its logarithm); None beyond 1e60 examples."""
    sizes = sizes_of(center + (whole.level - height) / whole.b)
    return None if sizes[0] == np.inf else _estimate(sizes, level)


def _floor_at_most(x: Array, y: Array, shape: Shape, guess: float | None, level: float, seed: int) -> float:
    """Return the largest floor that the points allow although they show none, with a small-data region or without."""
    shapes = [shape._replace(floor=True)] if guess is not None else [Shape(False, True), Shape(True, True)]
    fits = [fit_shape(x, y, each, guess) for each in shapes]
    ends = [np.quantile(np.exp(spread(x, each, _DRAWS, level, seed).floor), (1 + level) / 2) for each in fits if each is not None]
    return float(min(max(ends, default=np.inf), np.exp(y.min())))


def _reach(
    whole: Constants, shape: Shape, center: float, error: float, level: float, largest: float, domain: Any, params: float | None
) -> Reach:
    floor = np.exp(whole.floor)
    refuse_unreachable("target", error, floor[0], np.exp(whole.guess[0]) if shape.guess else np.inf)
    left = np.maximum(error - floor, 1e-300)
    sizes = np.where(error > floor, sizes_of(center + (whole.level - np.log(left)) / whole.b), np.inf)
    refuse_endless("target", error, sizes[0])
    size = _estimate(sizes, level)
    exponents = domain.model_exponents if domain and domain.model_exponents else general_model_exponents()
    ratio = size.value / largest
    factor = (min(ratio**power for power in exponents), max(ratio**power for power in exponents))
    return Reach(error, size, ratio, factor, None if params is None else (params * factor[0], params * factor[1]))


def _notes(found: Mapping[str, Any], fitted: Fitted, m: Array, reach: Reach | None, at_most: float) -> list[Note]:
    notes = []
    if found["best_guess"] is None:
        text = "no small-data region in these points: the curve falls from the first on"
        notes.append(Note("small-data-not-seen", "info", text))
    if found["floor"] is None:
        text = f"no floor in these points; one of at most {plain(at_most, 3)} would not show"
        notes.append(Note("floor-not-seen", "info", f"{text}: the intervals allow for it, the expected values do not"))
    if fitted.freedom < 3:
        text = f"{len(m)} points for {fitted.shape.free} constants: the intervals are wide, and regions may hide"
        notes.append(Note("few-points", "warning", text))
    if reach is not None and reach.beyond > 1:
        severity: Any = "warning" if reach.beyond > FAR else "info"
        text = f"the target takes {format_factor(reach.beyond)} the largest size of the data"
        notes.append(Note("extrapolation", severity, text))
    if reach is not None and found["floor"] is None and reach.error <= at_most:
        text = f"the target, {plain(reach.error, 3)}, lies where a floor would not show: it may be out of reach with any data"
        notes.append(Note("floor-may-bind", "warning", text))
    return notes
