"""Learning curves: best guess, power law and floor, fitted to many tables at once by damped Gauss-Newton on ln(error).

ln error = min(ln g, ln(gamma + alpha m^-b)), m the size of the training set (Hestness et al. 2017, arXiv 1712.00409).
"""

from typing import Any, NamedTuple

import numpy as np

from planner._util.stable_choice import first_lowest, lowest
from planner._util.student_t import student_quantile
from planner.fitting.learning_curve.points import Array

_STEPS = 60
_QUIET = 4  # steps without gain after which a table is left
_DIAGONAL = np.arange(4)
NO_FLOOR = -40.0
"""ln gamma of a curve without a floor, far below any error."""
_SHARES = (0.3, 0.7, 0.9, 0.98)  # of the least error, where the search for a floor starts
_ROUNDING = 1e-12  # relative errors below are rounding
_FLOOR_LEVEL = 0.975
_GUESS_LEVEL = 0.995  # where the plateau ends is searched too, so that more is asked of it


class Shape(NamedTuple):
    """Which parts a curve has: a best guess to start from, a floor to end on, and whether the guess is known."""

    guess: bool
    floor: bool
    known_guess: bool = False

    @property
    def free(self) -> int:
        """Constants that are fitted."""
        return 2 + self.floor + (self.guess and not self.known_guess)


class Constants(NamedTuple):
    """Curves, arrays of one length: ln of the power law at the reference size, its exponent b, ln of floor and of best guess."""

    level: Array
    b: Array
    floor: Array
    guess: Array

    def power(self, x: Array) -> Array:
        """Return the power-law part at ln m from the reference, (B, n)."""
        found: Array = np.exp(self.level[:, None] - self.b[:, None] * x)
        return found

    def errors(self, x: Array) -> Array:
        """Return the errors, (B, n)."""
        found: Array = np.minimum(np.exp(self.guess)[:, None], np.exp(self.floor)[:, None] + self.power(x))
        return found

    def take(self, index: Array) -> "Constants":
        """Return some of them."""
        return Constants(*(values[index] for values in self))


class Fitted(NamedTuple):
    """The best curve of a shape: its constants, sum of squares of ln residuals, degrees of freedom."""

    shape: Shape
    constants: Constants
    squares: float
    freedom: int


def fit_shape(x: Array, y: Array, shape: Shape, known_guess: float | None) -> Fitted | None:
    """Fit one shape to ln sizes (from the reference) and ln errors; None where there are too few points."""
    freedom = len(x) - shape.free
    if freedom < 1:
        return None
    starts = _starts(x, y, shape, known_guess)
    found, squares = descend(x, np.broadcast_to(y, (len(starts.b), len(y))), starts, shape)
    best = lowest(squares)
    return Fitted(shape, found.take(np.array([best])), float(squares[best]), freedom)


def choose_shape(x: Array, y: Array, known_guess: float | None) -> Fitted | None:
    """Return the plainest shape that the points do not refute: a part is added where Student's t asks for it."""
    known = known_guess is not None
    best = fit_shape(x, y, Shape(known, False, known), known_guess)
    while best is not None:
        candidates = [] if best.shape.floor else [(best.shape._replace(floor=True), _FLOOR_LEVEL)]
        candidates += [] if best.shape.guess else [(best.shape._replace(guess=True), _GUESS_LEVEL)]
        tried = [(fit_shape(x, y, shape, known_guess), level) for shape, level in candidates]
        better = [(gain(best, each, len(x), level), each) for each, level in tried if each is not None]
        better = [(gain, each) for gain, each in better if gain > 1]
        if not better and len(tried) == 2:  # either part may only show beside the other
            both = fit_shape(x, y, Shape(True, True), known_guess)
            if both is not None and gain(best, both, len(x), _GUESS_LEVEL) > 1:
                better = [(1.0, both)]
        if not better:
            return best
        best = first_lowest(better, lambda pair: -pair[0])[1]
    return best


def gain(plain: Fitted, rich: Fitted, count: int, level: float) -> float:
    """Return the t statistic of the parts added over what a level asks for."""
    least = count * _ROUNDING**2
    per_degree = max(rich.squares, least) / rich.freedom
    added = rich.shape.free - plain.shape.free
    t = np.sqrt(max(plain.squares - rich.squares, 0.0) / added / per_degree)
    return float(t / student_quantile(level, rich.freedom))


def spread(x: Array, fitted: Fitted, draws: int, level: float, seed: int) -> Constants:
    """Return refits to tables drawn around a fitted curve, wider where few degrees of freedom tell the noise."""
    at = fitted.constants.errors(x)[0]
    deviation = np.sqrt(fitted.squares / fitted.freedom)
    normal = student_quantile((1 + level) / 2, 1e4)
    wider = student_quantile((1 + level) / 2, fitted.freedom) / normal
    noise = np.random.default_rng(seed).standard_normal((draws, len(x))) * deviation * wider * np.sqrt(len(x) / (len(x) - 1))
    tables = np.log(at) + noise
    start = fitted.constants.take(np.zeros(draws, int))
    found, squares = descend(x, tables, start, fitted.shape)
    if not fitted.shape.floor:
        return found
    # a floor far below the errors has no slope to leave by: each table begins with one of half its least error too
    falling = at < np.exp(fitted.constants.guess[0]) * (1 - 1e-9)
    floor = 0.5 * at.min()
    slope = np.polyfit(x[falling], np.log(at[falling] - floor), 1)
    again = start._replace(
        level=np.full(draws, slope[1]), b=np.full(draws, max(-slope[0], 1e-3)), floor=np.full(draws, np.log(floor))
    )
    other, least = descend(x, tables, again, fitted.shape)
    return Constants(*(np.where(least < squares, new, old) for new, old in zip(other, found, strict=True)))


def descend(x: Array, y: Array, start: Constants, shape: Shape) -> tuple[Constants, Array]:
    """Minimise the squares of ln residuals of each table (B, n) from its start; return curves and sums of squares."""
    free = np.array([True, True, shape.floor, shape.guess and not shape.known_guess])
    found = np.stack(start, 1)
    least = np.empty(len(found))
    at: Any = np.arange(len(found))  # those that are still moving
    theta, tables, damping = found.copy(), y, np.full(len(found), 1e-3)
    quiet: Any = np.zeros(len(found), int)
    squares, residual, slopes = _misfit(x, tables, theta, free)
    for _ in range(_STEPS):
        weights = np.einsum("bnk,bnl->bkl", slopes, slopes)
        scale = np.einsum("bkk->bk", weights).copy()
        scale = np.where(free, np.maximum(scale, 1e-12 * scale.max(1, keepdims=True) + 1e-300), 1.0)
        weights[:, _DIAGONAL, _DIAGONAL] = scale * (1 + damping[:, None])
        step = np.linalg.solve(weights, np.einsum("bnk,bn->bk", slopes, residual)[:, :, None])[:, :, 0]
        trial = theta - np.where(free, np.clip(step, -2.0, 2.0), 0.0)
        trial[:, 1] = np.clip(trial[:, 1], 1e-6, 20.0)
        trial[:, 2] = np.maximum(trial[:, 2], NO_FLOOR)
        new_squares, new_residual, new_slopes = _misfit(x, tables, trial, free)
        better = new_squares <= squares
        quiet = np.where(new_squares >= squares * (1 - 1e-9), quiet + 1, 0)
        theta = np.where(better[:, None], trial, theta)
        residual = np.where(better[:, None], new_residual, residual)
        slopes = np.where(better[:, None, None], new_slopes, slopes)
        squares = np.where(better, new_squares, squares)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-12, 1e12)
        found[at], least[at] = theta, squares
        moving = quiet < _QUIET
        if not moving.any():
            break
        at, theta, tables, damping, quiet, squares, residual, slopes = (
            values[moving] for values in (at, theta, tables, damping, quiet, squares, residual, slopes)
        )
    return Constants(*found.T), least


def _misfit(x: Array, y: Array, theta: Array, free: Array) -> tuple[Array, Array, Array]:
    curve = Constants(*theta.T)
    power = curve.power(x)
    whole = np.exp(curve.floor)[:, None] + power
    level = np.log(whole)
    capped = level > curve.guess[:, None]
    residual = np.where(capped, curve.guess[:, None], level) - y
    share = power / whole
    slopes = np.stack([share, -share * x, 1 - share, np.zeros_like(share)], 2)
    slopes = np.where(capped[:, :, None], np.array([0.0, 0.0, 0.0, 1.0]), slopes) * free
    return (residual**2).sum(1), residual, slopes


def _starts(x: Array, y: Array, shape: Shape, known_guess: float | None) -> Constants:
    """Return where the search starts: plateaus of every length, floors at several heights, a straight line through the rest."""
    plateaus = range(2, len(x) - 1) if shape.guess and not shape.known_guess else [0]
    if shape.known_guess and known_guess is not None:
        plateaus = range(max(1, len(x) - 1))
    rows = []
    for count in plateaus:
        guess = np.log(known_guess) if known_guess is not None and shape.guess else y[:count].mean() if count else np.inf
        rest_x, rest = x[count:], y[count:]
        least = np.exp(rest.min())
        for share in _SHARES if shape.floor else (0.0,):
            height = np.log(np.exp(rest) - share * least)
            slope = np.polyfit(rest_x, height, 1) if np.ptp(rest_x) > 0 else np.array([-0.3, height.mean()])
            floor = np.log(share * least) if share else NO_FLOOR
            rows.append([slope[1], max(-slope[0], 1e-3), floor, guess])
    return Constants(*np.array(rows, float).T)
