"""The generalised law in the fit's own coordinates, with derivatives summed over rows, for a batch of problems at once.

With x = ln N - mean ln N and y = ln D - mean ln D, and theta = (e, a, b, alpha, beta, g):

    u = exp(a - alpha x),  v = exp(b - beta y),  gamma = exp(g),  T = (u^(1/gamma) + v^(1/gamma))^gamma,  L = exp(e) + T

gamma = 1 is Hoffmann's additive law, gamma -> 0 the larger of the two terms, e = -inf with gamma = beta Kaplan's joint law.
Every derivative follows from two steps: ln L as a function of z = (e, ln u, ln v, g), and z linear in theta.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

E, A, B, ALPHA, BETA, G = range(6)
_DIAGONAL = np.arange(6)


@dataclass(frozen=True)
class Rows:
    """Centred logarithms of a table of runs: x of N, y of D and the target ln L, each of shape (n,)."""

    x: Array
    y: Array
    target: Array

    @cached_property
    def by_x(self) -> Array:
        """1, -x, x^2: how the derivatives in (a, alpha) follow from those in ln u; shape (n, 3)."""
        return np.stack([np.ones_like(self.x), -self.x, self.x**2], 1)

    @cached_property
    def by_y(self) -> Array:
        """The same of (b, beta)."""
        return np.stack([np.ones_like(self.y), -self.y, self.y**2], 1)

    @cached_property
    def by_both(self) -> Array:
        """1, -x, -y, x y: for the mixed derivatives; shape (n, 4)."""
        return np.stack([np.ones_like(self.x), -self.x, -self.y, self.x * self.y], 1)


class Parts(NamedTuple):
    """ln L of a batch and what its derivatives are made of, each (B, n).

    ``s_u`` and ``s_v`` are d ln L/d ln u and d ln L/d ln v: the shares of the loss owed to parameters and to tokens. ``mix``
    holds what only gamma other than 1 needs: (f, ln u - ln v, tau), f the share of u in T and tau = dt/dg.
    """

    log_loss: Array
    s_u: Array
    s_v: Array
    mix: tuple[Array, Array, Array] | None = None


def parts(theta: Array, x: Array, y: Array, *, additive: bool) -> Parts:
    """Return ln L and its ingredients, (B, n), for parameters (B, 6) at x and y of shape (n,) or (B, n).

    ``additive`` promises that gamma is 1 everywhere and of no interest, which is several times quicker.
    """
    e, a, b, alpha, beta, g = theta.T[:, :, None]
    log_u = a - alpha * x
    log_v = b - beta * y
    if additive:
        u, v = np.exp(log_u), np.exp(log_v)
        L = np.exp(e) + u + v
        return Parts(np.log(L), u / L, v / L)
    gamma = np.exp(g)
    difference = log_u - log_v
    gap = difference / gamma
    small = -np.abs(gap)
    np.exp(small, out=small)
    f = 1 / (1 + small)
    f *= np.where(gap < 0, small, 1.0)
    np.log1p(small, out=small)
    small *= gamma
    tau = np.maximum(difference, 0)
    tau += small  # t - ln v
    P = np.exp(tau + log_v)
    L = np.exp(e) + P
    P /= L
    s_u = P * f
    tau -= f * difference  # gamma times the entropy of the shares
    P -= s_u
    return Parts(np.log(L, out=L), s_u, P, (f, difference, tau))


def gradient(rows: Rows, p: Parts, slope: Array) -> Array:
    """Return sum_i slope_i d ln L_i / d theta, (B, 6)."""
    u, v = slope * p.s_u, slope * p.s_v
    by_u = u @ rows.by_x[:, :2]
    by_v = v @ rows.by_y[:, :2]
    by_e = slope.sum(1) - by_u[:, 0] - by_v[:, 0]
    by_g = np.zeros(len(u)) if p.mix is None else np.einsum("bn,bn->b", u + v, p.mix[2])
    return np.stack([by_e, by_u[:, 0], by_v[:, 0], by_u[:, 1], by_v[:, 1], by_g], 1)


def hessian(rows: Rows, theta: Array, p: Parts, outer: Array, inner: Array) -> Array:
    """Return sum_i outer_i (d ln L_i)(d ln L_i)' + inner_i d2 ln L_i in theta, (B, 6, 6)."""
    s_u, s_v = p.s_u, p.s_v
    P = s_u + s_v
    s_e = 1 - P
    rest = outer - inner
    ru, rv = rest * s_u, rest * s_v
    # for gamma = 1, ln L is the logarithm of a sum of exponentials: d2 = diag(s) - s s'
    uu, uv, vv = (ru + inner) * s_u, ru * s_v, (rv + inner) * s_v
    H = np.zeros((len(theta), 6, 6))
    if p.mix is not None:
        f, difference, tau = p.mix
        gamma = np.exp(theta[:, [G]])
        bend = inner * s_u * (1 - f)
        twist = bend * (1 / gamma - 1)  # d2t/dlnu2 = f (1-f)/gamma instead of f (1-f)
        uu, uv, vv = uu + twist, uv - twist, vv + twist
        tilt = bend * (difference / gamma)
        both = ru + rv  # the g terms: like u and v, with tau for the share, and tau itself changes with g
        H[:, E, G] = np.einsum("bn,bn->b", both * s_e, tau)
        both += inner
        both *= tau
        H[:, [A, ALPHA], G] = (both * s_u - tilt) @ rows.by_x[:, :2]
        H[:, [B, BETA], G] = (both * s_v + tilt) @ rows.by_y[:, :2]
        both += inner
        both *= P
        H[:, G, G] = np.einsum("bn,bn->b", both, tau) + np.einsum("bn,bn->b", tilt, difference)
    H[:, E, E] = np.einsum("bn,bn->b", rest * s_e + inner, s_e)
    H[:, E, A : BETA + 1 : 2] = (ru * s_e) @ rows.by_x[:, :2]
    H[:, E, B : BETA + 1 : 2] = (rv * s_e) @ rows.by_y[:, :2]
    H[:, A, A], H[:, A, ALPHA], H[:, ALPHA, ALPHA] = (uu @ rows.by_x).T
    H[:, B, B], H[:, B, BETA], H[:, BETA, BETA] = (vv @ rows.by_y).T
    H[:, A, B], H[:, B, ALPHA], H[:, A, BETA], H[:, ALPHA, BETA] = (uv @ rows.by_both).T
    H += H.transpose(0, 2, 1).copy()  # only one triangle was filled
    H[:, _DIAGONAL, _DIAGONAL] *= 0.5
    return H
