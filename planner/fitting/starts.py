"""Where descents begin: for given exponents the additive law is linear in (E, A, B), so a start is sought in two dimensions."""

import numpy as np

from planner._util.stable_choice import rounded
from planner.fitting.batched_newton import Problems
from planner.fitting.generalised_law import Array

_LADDER = np.geomspace(0.06, 1.0, 12)


def grid_starts(problems: Problems, count: int) -> Array:
    """Return the ``count`` best starts of each problem, (B, count, 6).

    Relative-error least squares for (E, A, B) at every pair of exponents of a 12 x 12 logarithmic grid, with a coefficient that
    comes out negative held near 0, judged by absolute relative errors.
    """
    rows = problems.rows
    weights = np.broadcast_to(problems.weights, (len(problems.over), len(rows.x)))
    inverse = np.exp(-rows.target)
    u = np.exp(-np.outer(_LADDER, rows.x)) * inverse  # (12, n), relative to the loss
    v = np.exp(-np.outer(_LADDER, rows.y)) * inverse
    m = len(_LADDER)
    heavy = weights * inverse
    gram = np.empty((len(weights), m, m, 3, 3))
    gram[..., 0, 0] = (heavy @ inverse)[:, None, None]
    gram[..., 0, 1] = gram[..., 1, 0] = (heavy @ u.T)[:, :, None]
    gram[..., 0, 2] = gram[..., 2, 0] = (heavy @ v.T)[:, None, :]
    gram[..., 1, 1] = (weights @ (u * u).T)[:, :, None]
    gram[..., 2, 2] = (weights @ (v * v).T)[:, None, :]
    gram[..., 1, 2] = gram[..., 2, 1] = np.einsum("bn,in,jn->bij", weights, u, v, optimize=True)
    moment = np.empty((len(weights), m, m, 3))
    moment[..., 0] = heavy.sum(1)[:, None, None]
    moment[..., 1] = (weights @ u.T)[:, :, None]
    moment[..., 2] = (weights @ v.T)[:, None, :]
    ridge = 1e-12 * np.einsum("...ii->...", gram)[..., None, None] * np.eye(3)
    found = np.linalg.solve(gram + ridge, moment[..., None])[..., 0]
    found = np.maximum(found, np.exp(rows.target.min()) * np.array([0.05, 1e-3, 1e-3]))
    error = np.empty((len(weights), m, m))
    for b, i in np.ndindex(len(weights), m):
        fitted = found[b, i, :, :1] * inverse + found[b, i, :, 1:2] * u[i] + found[b, i, :, 2:] * v
        error[b, i] = np.abs(fitted - 1) @ weights[b]
    theta = np.zeros((*error.shape, 6))
    theta[..., :3] = np.log(found)
    theta[..., 3] = _LADDER[:, None]
    theta[..., 4] = _LADDER
    best = np.argsort(rounded(error.reshape(len(weights), m * m)), 1, kind="stable")[:, :count]
    return np.take_along_axis(theta.reshape(len(weights), m * m, 6), best[..., None], 1)


def neutral_start(problems: Problems) -> Array:
    """Return a start that favours nothing: floor 0.65 of the lowest loss, equal terms, exponents 0.33; shape (B, 6)."""
    lowest = problems.rows.target.min()
    theta = np.array([np.log(0.65) + lowest, np.log(0.2) + lowest, np.log(0.2) + lowest, 0.33, 0.33, 0.0])
    return np.broadcast_to(theta, problems.lower.shape)
