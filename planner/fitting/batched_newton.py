"""Damped Newton descent on many fits at once: no Python loop over starts, members or resamples.

Each problem minimises

    sum_i w_i c_i rho(r_i) + 1/2 (theta - m)' Q (theta - m),     r_i = ln Lhat_i - ln L_i,  c_i = over where r_i > 0 else 1

inside bounds; a parameter whose bounds are equal is pinned. rho is Huber's, the square or the absolute value.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from planner.fitting.generalised_law import ALPHA, BETA, Array, G, Parts, Rows, gradient, hessian, parts

Tie = Literal["", "exponents", "kaplan"]
_DIAGONAL = np.arange(6)
_TIED = {"exponents": (BETA, ALPHA), "kaplan": (G, BETA)}


@dataclass(frozen=True)
class Problems:
    """A batch of B fits over the same n rows."""

    rows: Rows
    weights: Array  # (B, n) or (1, n)
    over: Array  # (B,): multiplies the cost of rows that are predicted too high
    delta: Array  # (B,): Huber's delta in ln L; infinite for squares
    lower: Array  # (B, 6)
    upper: Array
    mean: Array | None = None  # (B, 6); None without a prior
    precision: Array | None = None  # (B, 6, 6)
    tie: Tie = ""  # "exponents" makes beta = alpha, "kaplan" makes g = ln beta
    additive: bool = False
    asymmetric: bool = True

    @classmethod
    def of(cls, rows: Rows, weights: Array, over: Array, delta: Array, lower: Array, upper: Array, tie: Tie = "") -> "Problems":
        """Return problems without a prior; gamma pinned at 1 everywhere makes them additive, which is several times quicker."""
        additive = not (lower[:, G].any() or upper[:, G].any() or tie == "kaplan")
        return cls(rows, weights, over, delta, lower, upper, tie=tie, additive=additive, asymmetric=bool((over != 1).any()))

    def take(self, index: Array) -> "Problems":
        """Return the problems at the given positions."""
        names = ["over", "delta", "lower", "upper"]
        names += ["weights"] if len(self.weights) > 1 else []
        names += ["mean", "precision"] if self.mean is not None else []
        return replace(self, **{name: getattr(self, name)[index] for name in names})


def _weight(problems: Problems, r: Array) -> Array:
    return problems.weights * np.where(r > 0, problems.over[:, None], 1.0) if problems.asymmetric else problems.weights


def _value(problems: Problems, r: Array, delta: Array) -> Array:
    """Return the summed cost of residuals (B, n)."""
    size = np.abs(r)
    near = np.minimum(size, delta[:, None])
    # r^2/2 inside delta, delta (|r| - delta/2) outside
    size -= 0.5 * near
    size *= near
    size *= _weight(problems, r)
    value: Array = size.sum(1)
    return value


def _parts(problems: Problems, theta: Array) -> Parts:
    return parts(theta, problems.rows.x, problems.rows.y, additive=problems.additive)


def _prior(problems: Problems, theta: Array) -> Array | float:
    if problems.mean is None or problems.precision is None:
        return 0.0
    off = theta - problems.mean
    value: Array = 0.5 * np.einsum("bi,bij,bj->b", off, problems.precision, off)
    return value


def objective(problems: Problems, theta: Array) -> Array:
    """Return the objective of each problem, (B,)."""
    return _value(problems, _parts(problems, theta).log_loss - problems.rows.target, problems.delta) + _prior(problems, theta)


def derivatives(problems: Problems, theta: Array, p: Parts, delta: Array, exact: Array) -> tuple[Array, Array]:
    """Return gradient (B, 6) and curvature (B, 6, 6): the Hessian where ``exact`` (B,), else the reweighted Gauss-Newton matrix.

    The Gauss-Newton matrix is never indefinite and belongs to a parabola that lies above the objective, so it is safe far from
    the minimum; the Hessian converges quadratically near it.
    """
    r, wide = p.log_loss - problems.rows.target, delta[:, None]
    weight, within = _weight(problems, r), np.abs(r) <= wide
    slope = weight * np.clip(r, -wide, wide)  # w c rho'(r)
    outer, inner = weight * within, slope
    if not exact.all():
        easy = np.flatnonzero(~exact)
        outer[easy] = np.where(within[easy], outer[easy], slope[easy] / np.where(within[easy], 1.0, r[easy]))  # w c rho'(r) / r
        inner = slope.copy()
        inner[easy] = 0.0
    grad = gradient(problems.rows, p, slope)
    H = hessian(problems.rows, theta, p, outer, inner)
    if problems.mean is not None and problems.precision is not None:
        grad = grad + np.einsum("bij,bj->bi", problems.precision, theta - problems.mean)
        H = H + problems.precision
    return _tied(problems.tie, theta, grad, H)


def _tied(tie: Tie, theta: Array, grad: Array, H: Array) -> tuple[Array, Array]:
    """Move the derivatives of a tied parameter to the one it follows."""
    if not tie:
        return grad, H
    follower, leader = _TIED[tie]
    rate = np.exp(-theta[:, follower]) if tie == "kaplan" else np.ones(len(theta))  # d follower / d leader; g = ln beta
    J = np.broadcast_to(np.eye(6), H.shape).copy()
    J[:, follower, leader] = rate
    J[:, follower, follower] = 0.0
    return np.einsum("bij,bi->bj", J, grad), np.einsum("bki,bkl,blj->bij", J, H, J)


def led(tie: Tie) -> Array:
    """Tell which parameters follow another."""
    found: Array = np.arange(6) == (_TIED[tie][0] if tie else -1)
    return found


def follow(tie: Tie, theta: Array) -> Array:
    """Return theta with the tied parameter set from the one it follows."""
    if tie:
        follower, leader = _TIED[tie]
        theta = theta.copy()
        theta[:, follower] = np.log(theta[:, leader]) if tie == "kaplan" else theta[:, leader]
    return theta


_LONGEST_STEP = 1.0
_EASED, _STIFFENED = 0.25, 2.5  # of the damping after a whole step, and after one that had to be shortened or brought nothing
_SHRINK = 0.5  # delta falls to its own value by halves: each stage starts where the last one ended
_SMOOTH = 0.7  # share of the rows inside the first delta
_GIVE_UP = 12


_CELLS = 100_000  # problems times rows that go together: arrays of this size stay in the cache of a core


@cache
def _keep_freed_memory() -> None:
    """Free a block of 30 MiB that was never touched, from which on glibc keeps smaller ones that are freed.

    Else each step returns its arrays to the system and asks for them again, page by page, which takes as long as the arithmetic.
    Other allocators do not mind.
    """
    np.empty(30 << 20, np.uint8)


def descend(problems: Problems, theta: Array, *, iterations: int = 80, tolerance: float = 1e-13) -> tuple[Array, Array]:
    """Return the minima reached from ``theta`` (B, 6) and their objectives (B,), however many problems and rows there are."""
    _keep_freed_memory()
    size = max(_CELLS // len(problems.rows.x), 1)
    if len(theta) <= size:
        return _descend(problems, theta, iterations, tolerance)
    pieces = [np.arange(i, min(i + size, len(theta))) for i in range(0, len(theta), size)]
    found = [_descend(problems.take(index), theta[index], iterations, tolerance) for index in pieces]
    return np.concatenate([at for at, _ in found]), np.concatenate([value for _, value in found])


def _descend(problems: Problems, theta: Array, iterations: int, tolerance: float) -> tuple[Array, Array]:
    """Return the minima reached from ``theta`` (B, 6) and their objectives (B,).

    Huber's delta starts wide and falls by halves, so that which rows lie inside it changes a little at a time. A problem stops
    when its Newton step promises less than ``tolerance`` of the objective, when two steps in a row bring less than a thousandth
    of the square root of that, or when no damping lowers it.
    """
    now = _Descent.start(problems, follow(problems.tie, np.clip(theta, problems.lower, problems.upper)))
    found, lowest = now.at.copy(), np.full(len(theta), np.inf)
    live = np.arange(len(theta))
    for _ in range(iterations):
        done = now.step(tolerance)
        if done.any():
            found[live[done]], lowest[live[done]] = now.at[done], now.value[done]
            keep = np.flatnonzero(~done)
            if not len(keep):
                return found, lowest
            live, now = live[keep], now.take(keep)
        now.narrow()
    found[live] = now.at
    lowest[live] = now.value_under(now.problems.delta)
    return found, lowest


@dataclass
class _Descent:
    """Where a batch of problems stands: ``failed`` counts steps in a row that brought nothing, ``quiet`` those that brought
    little, and ``cut`` tells which of the last steps had to be shortened.
    """

    problems: Problems
    at: Array
    parts: Parts
    delta: Array
    value: Array
    damping: Array
    failed: Array
    quiet: Array
    cut: Array

    @classmethod
    def start(cls, problems: Problems, theta: Array) -> "_Descent":
        """Begin with a delta that most rows lie inside."""
        p, none = _parts(problems, theta), np.zeros(len(theta), int)
        delta = np.maximum(problems.delta, np.quantile(np.abs(p.log_loss - problems.rows.target), _SMOOTH, axis=1))
        delta = np.where(np.isinf(problems.delta), np.inf, delta)
        found = cls(problems, theta, p, delta, none, np.full(len(theta), 1e-4), none, none, np.zeros(len(theta), bool))
        found.value = found.value_under(delta)
        return found

    def take(self, keep: Array) -> "_Descent":
        """Return where some of the problems stand."""
        rest = (each[keep] for each in (self.delta, self.value, self.damping, self.failed, self.quiet, self.cut))
        return _Descent(self.problems.take(keep), self.at[keep], _taken(self.parts, keep), *rest)

    def value_under(self, delta: Array) -> Array:
        """Return the objectives under some delta."""
        there = _value(self.problems, self.parts.log_loss - self.problems.rows.target, delta)
        return there + _prior(self.problems, self.at)

    def narrow(self) -> None:
        """Let delta fall towards its own value."""
        if (self.delta > self.problems.delta).any():
            self.delta = np.maximum(self.delta * _SHRINK, self.problems.delta)
            self.value = self.value_under(self.delta)

    def step(self, tolerance: float) -> Array:
        """Take a damped step, where one lowers the objective, and tell which problems are at their ends, (B,)."""
        problems, at, delta, value = self.problems, self.at, self.delta, self.value
        grad, H = derivatives(problems, at, self.parts, delta, (self.failed % 2 == 0) & ~self.cut)
        step = _step(problems, at, grad, H, self.damping)
        promised = -np.einsum("bi,bi->b", grad, step)
        trial = follow(problems.tie, np.clip(at + step, problems.lower, problems.upper))
        q = _parts(problems, trial)
        new = _value(problems, q.log_loss - problems.rows.target, delta) + _prior(problems, trial)
        better = new < value  # not so for nan
        short = np.flatnonzero(~better & np.isfinite(new))
        if len(short):
            trial, q, new = _shortened(problems, at, trial, q, new, delta, short)
            better = new < value
        self.cut = np.zeros(len(at), bool)
        self.cut[short] = better[short]
        little, final = value - new <= 1e-3 * tolerance**0.5 * value, delta <= problems.delta
        self.quiet = np.where(final & better & little, self.quiet + 1, np.where(better, 0, self.quiet))
        done: Array = final & ((np.abs(promised) <= tolerance * value) | (self.quiet >= 2) | (self.failed >= _GIVE_UP))
        if not better.all():
            worse = np.flatnonzero(~better)
            _put(q, worse, _taken(self.parts, worse))
        self.parts, self.at, self.value = q, np.where(better[:, None], trial, at), np.where(better, new, value)
        eased, stiffened = np.maximum(self.damping * _EASED, 1e-12), np.maximum(self.damping * _STIFFENED, 1e-4)
        self.damping = np.where(better & ~self.cut, eased, stiffened)
        self.failed = np.where(better, 0, self.failed + 1)
        return done


_SHARE = 0.25  # of a step that went too far


def _shortened(
    problems: Problems, at: Array, trial: Array, q: Parts, new: Array, delta: Array, short: Array
) -> tuple[Array, Parts, Array]:
    """Shorten the steps of the problems in ``short``, which went too far."""
    part = problems.take(short)
    nearer = follow(part.tie, at[short] + _SHARE * (trial[short] - at[short]))
    there = _parts(part, nearer)
    trial, new = trial.copy(), new.copy()
    trial[short] = nearer
    new[short] = _value(part, there.log_loss - part.rows.target, delta[short]) + _prior(part, nearer)
    _put(q, short, there)
    return trial, q, new


def _taken(p: Parts, keep: Array) -> Parts:
    """Return the parts of some problems."""
    mix = None if p.mix is None else (p.mix[0][keep], p.mix[1][keep], p.mix[2][keep])
    return Parts(p.log_loss[keep], p.s_u[keep], p.s_v[keep], mix)


def _put(there: Parts, index: Array, parts: Parts) -> None:
    """Write the parts of some problems into those of all, in place."""
    for all_of, some in zip((*there[:3], *(there.mix or ())), (*parts[:3], *(parts.mix or ())), strict=True):
        all_of[index] = some


def _step(problems: Problems, theta: Array, grad: Array, H: Array, damping: Array) -> Array:
    """Return a damped step that leaves pinned parameters, and those pushed against a bound, where they are."""
    pinned = (
        (problems.lower == problems.upper) | ((theta <= problems.lower) & (grad > 0)) | ((theta >= problems.upper) & (grad < 0))
    )
    pinned |= led(problems.tie)
    free = ~pinned
    diagonal = np.abs(np.einsum("bii->bi", H))
    scale = diagonal + (1e-12 * diagonal.max(1, keepdims=True) + 1e-300)
    M = H * free[:, :, None] * free[:, None, :]
    M[:, _DIAGONAL, _DIAGONAL] += np.where(pinned, 1.0, (damping[:, None] + 1e-14) * scale)
    b = np.where(free, -grad, 0.0)
    if not np.isfinite(M).all():
        M[~np.isfinite(M).all((1, 2))] = np.eye(6)
    step = np.linalg.solve(M, b[..., None])[..., 0]
    uphill = ~(np.einsum("bi,bi->b", step, b) > 0)
    if uphill.any():
        step = np.where(uphill[:, None], b / scale, step)
        step = np.where(np.isfinite(step), step, 0.0)
    longest = np.abs(step).max(1, keepdims=True)
    shortened: Array = step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
    return shortened
