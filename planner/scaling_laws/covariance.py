"""Constants drawn by a published covariance: a law file's ``[covariance]``, the sampling error of its study."""

from collections.abc import Mapping
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.normal import normal_quantile
from planner._util.toml_schema import number_of, only, text_of, texts_of
from planner.errors import LawFileError
from planner.quantities import finite, shown
from planner.scaling_laws.forms import Form
from planner.scaling_laws.parameter_draws import Draws

if TYPE_CHECKING:  # it takes longer to import than a law to read
    from numpy.typing import NDArray

DRAWS = 2000
"""Draws of a covariance: as many as make the ends of a 95 % interval sure to half a percent."""

_LOG = "log "


class Covariance(NamedTuple):
    """What constants, or their logarithms (``"log A"``), vary by and together, around those of the law.

    Attributes
    ----------
    of : tuple of str
    matrix : tuple of tuple of float
    noise : float
        Standard deviation of ln loss of a single run around the law.
    how : str
        What it is the error of, and where it comes from.
    """

    of: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    noise: float
    how: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: what a law file stores under ``covariance``."""
        return {"of": list(self.of), "matrix": [list(row) for row in self.matrix], "noise": self.noise, "how": self.how}


def covariance_from_table(given: Mapping[str, Any], form: Form, params: Mapping[str, Any], file: str) -> Draws:
    """Read the covariance of a law's constants, and draw from it; refused where constants would leave their range."""
    where = "covariance."
    only(given, set(Covariance._fields), file, where)
    of = tuple(texts_of(given, "of", file))
    names = [each.removeprefix(_LOG) for each in of]
    unknown = [each for each, name in zip(of, names, strict=True) if not isinstance(params.get(name), float)]
    if unknown or not of or len(set(names)) != len(of):
        named = unknown[0] if unknown else list(of)
        raise LawFileError(
            f"{file}: {where}of = {shown(named)}: expected constants of the form {form.name}, each once, such as log A"
        )
    noise = number_of(given, "noise", file, where)
    if not 0 <= noise < 10:
        raise LawFileError(f"{file}: {where}noise = {noise:g}: must be at least 0 and below 10")
    matrix = _matrix(given.get("matrix"), len(of), f"{file}: {where}matrix")
    covariance = Covariance(of, matrix, noise, text_of(given, "how", file))
    drawn = _drawn(_factor(matrix, f"{file}: {where}matrix"))
    arrays: dict[str, NDArray[np.float64]] = {name: np.full(DRAWS, value) for name, value in params.items()}
    for each, name, away in zip(of, names, drawn, strict=True):
        with np.errstate(over="ignore"):  # looked at below
            arrays[name] = params[name] * np.exp(away) if each.startswith(_LOG) else params[name] + away
        if not all(form.parameters[name].allows(float(value)) for value in (arrays[name].min(), arrays[name].max())):
            raise LawFileError(f"{file}: {where}matrix: so wide that {name} is not always {form.parameters[name].rule}")
    return Draws(form, FrozenDict(arrays), noise, covariance=covariance)


def _matrix(given: Any, size: int, where: str) -> tuple[tuple[float, ...], ...]:
    rows = given if isinstance(given, list) and len(given) == size else []
    if not rows or any(not isinstance(row, list) or len(row) != size or any(finite(v) is None for v in row) for row in rows):
        raise LawFileError(f"{where}: expected {size} rows of {size} numbers")
    if any(abs(rows[i][j] - rows[j][i]) > 1e-9 * sqrt(abs(rows[i][i] * rows[j][j])) for i in range(size) for j in range(i)):
        raise LawFileError(f"{where}: expected a symmetric one")
    return tuple(tuple(float(value) for value in row) for row in rows)


def _factor(matrix: tuple[tuple[float, ...], ...], where: str) -> list[list[float]]:
    """Return the Cholesky factor, in plain arithmetic: the same on every machine."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j and rest <= 0:
                raise LawFileError(f"{where}: expected a positive definite one")
            lower[i][j] = sqrt(rest) if i == j else rest / lower[j][j]
    return lower


def _drawn(factor: list[list[float]]) -> "list[NDArray[np.float64]]":
    """Return deviations of each constant: normal scores in evenly spread orders, which have no correlation, times the factor."""
    scores = _scores()
    scores = scores / np.sqrt((scores**2).mean())
    axes: list[NDArray[np.float64]] = []
    for turn in _turns(len(factor)):
        order = np.argsort(np.modf((np.arange(DRAWS) + 0.5) * turn)[0], kind="stable")
        axis = np.empty(DRAWS)
        axis[order] = scores
        for before in axes:
            axis = axis - (axis * before).mean() * before
        axes.append(axis / np.sqrt((axis**2).mean()))
    return [sum((factor[i][j] * axes[j] for j in range(i + 1)), np.zeros(DRAWS)) for i in range(len(factor))]


def _scores() -> "NDArray[np.float64]":
    lower = [0.0]
    for i in reversed(range(DRAWS // 2)):  # each from the one before, nearer to the middle
        lower.append(normal_quantile((i + 0.5) / DRAWS, lower[-1]))
    return np.array([*reversed(lower[1:]), *(-each for each in lower[1:])])


def _turns(size: int) -> list[float]:
    """Return the turns of an evenly spread sequence (Roberts 2018: powers of the root of x^(d+1) = x + 1)."""
    root = 2.0
    for _ in range(60):
        root = exp(log(1 + root) / (size + 1))
    return [root ** -(turn + 1) % 1 for turn in range(size)]
