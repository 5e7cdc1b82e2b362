"""Forms of a score against what a run spent or reached: floor + (ceiling - floor) link(eta), values and slopes.

compute      -ln q = A/C^a, q = (score - floor)/(ceiling - floor): Krajewski et al. 2025, arXiv 2512.08894
sizes        -ln q = A/N^a + B/D^b: the same source
sigmoid      q = 1/(1 + e^(-k (L0 - L))): Bhagia et al. 2024, arXiv 2412.04403
exponential  q = 1 - e^(-K e^(-g L)), which is K e^(-g L) far below the ceiling: Gadre et al. 2024, arXiv 2403.08540
answer loss  the sigmoid in the loss of the task's correct answer instead of the loss of the model
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SMALL, _LARGE = -40.0, 40.0  # of an exponent: beyond it a link is flat to the last bit


class Where(NamedTuple):
    """Runs by what they spent and reached, each of shape (runs,); None for what is not known."""

    flops: Array | None = None
    params: Array | None = None
    tokens: Array | None = None
    loss: Array | None = None
    answer_loss: Array | None = None

    def take(self, kept: Any) -> "Where":
        """Return the runs where a mask is true."""
        return Where(*(None if each is None else each[kept] for each in self))


class Center(NamedTuple):
    """Where covariates are 0: the largest run, and the best loss. Not a number where the table has none."""

    flops: float = float("nan")
    params: float = float("nan")
    tokens: float = float("nan")
    loss: float = float("nan")
    answer_loss: float = float("nan")

    @classmethod
    def of(cls, runs: Where) -> "Center":
        """Take the largest run, and the mean of the three best losses."""
        tops = [np.nan if each is None else float(np.nanmax(each)) for each in runs[:3]]
        best = [np.nan if each is None else float(np.mean(np.sort(each[np.isfinite(each)])[:3])) for each in runs[3:]]
        return cls(*tops, *best)


class Form(NamedTuple):
    """A form, by the attributes of :class:`Where` that it needs.

    Its link gives eta -> value in (0, 1) and its slope. Its constants, beside floor and height of a plateau, have each a prior in
    ``data/scores/settings.toml`` under ``prior``; the search for them begins at the ``starts``.
    """

    name: str
    needs: tuple[str, ...]
    link: Callable[[Array], tuple[Array, Array]]
    constants: tuple[str, ...]
    prior: str
    starts: tuple[tuple[float, ...], ...]

    def covariates(self, runs: Where, center: Center) -> tuple[Array, ...]:
        """Return what the form reads of runs, 0 at the largest: ln C, ln N, ln D, or the fall of the loss over the best loss."""
        found = []
        for name in self.needs:
            value, middle = getattr(runs, name), getattr(center, name)
            found.append((middle - value) / middle if name.endswith("loss") else np.log(value) - np.log(middle))
        return tuple(found)

    def read_by(self, runs: Where) -> bool:
        """Tell whether runs have what the form reads."""
        return all(getattr(runs, need) is not None for need in self.needs)

    def eta(self, p: Array, z: tuple[Array, ...]) -> tuple[Array, Array]:
        """Return eta and its slopes, shape (runs, constants)."""
        if len(z) == 1:
            slope = np.exp(np.clip(p[1], -8, 6))
            return p[0] + slope * z[0], np.stack([np.ones_like(z[0]), slope * z[0]], 1)
        a, b = np.exp(np.clip(p[2], -8, 3)), np.exp(np.clip(p[3], -8, 3))
        first, second = np.exp(np.clip(p[0] - a * z[0], _SMALL, _LARGE)), np.exp(np.clip(p[1] - b * z[1], _SMALL, _LARGE))
        both = first + second
        slopes = [-first / both, -second / both, first / both * a * z[0], second / both * b * z[1]]
        return -np.log(both), np.stack(slopes, 1)

    def values(self, p: Array, z: tuple[Array, ...], ceiling: float, plateau: bool) -> tuple[Array, Array]:
        """Return scores and their slopes by floor, the form's constants and, with a ``plateau``, the logit of its height."""
        eta, slopes = self.eta(p[1:], z)
        q, dq = self.link(eta)
        share = 1 / (1 + np.exp(-np.clip(p[-1], _SMALL, _LARGE))) if plateau else 1.0
        top = ceiling * share
        parts = [(1 - q)[:, None], ((top - p[0]) * dq)[:, None] * slopes]
        if plateau:
            parts.append((q * (top * (1 - share)))[:, None])
        return p[0] + (top - p[0]) * q, np.concatenate(parts, 1)


def logistic(eta: Array) -> tuple[Array, Array]:
    """Return 1/(1 + e^-eta) and its slope."""
    q = 1 / (1 + np.exp(-np.clip(eta, _SMALL, _LARGE)))
    return q, q * (1 - q)


def gompertz(eta: Array) -> tuple[Array, Array]:
    """Return e^(-e^-eta) and its slope."""
    gap = np.exp(-np.clip(eta, -5, _LARGE))
    q = np.exp(-gap)
    return q, q * gap


def saturating(eta: Array) -> tuple[Array, Array]:
    """Return 1 - e^(-e^eta) and its slope."""
    rise = np.exp(np.clip(eta, _SMALL, 4))
    return -np.expm1(-rise), rise * np.exp(-rise)


_LOSS_STARTS = ((-1.0, 1.9), (-3.0, 2.0), (0.4, 1.6))
FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("compute", ("flops",), gompertz, ("intercept", "slope"), "compute", ((0.0, -1.5), (-1.5, -1.5), (1.0, -1.2))),
        Form(
            "sizes",
            ("params", "tokens"),
            gompertz,
            ("params_level", "tokens_level", "params_exponent", "tokens_exponent"),
            "sizes",
            ((0.0, 0.0, -1.2, -1.1), (0.8, 0.5, -1.2, -1.0), (-1.0, -0.5, -1.0, -1.0)),
        ),
        Form("sigmoid", ("loss",), logistic, ("intercept", "slope"), "sigmoid", _LOSS_STARTS),
        Form("exponential", ("loss",), saturating, ("intercept", "slope"), "exponential", _LOSS_STARTS),
        Form("answer loss", ("answer_loss",), logistic, ("intercept", "slope"), "sigmoid", _LOSS_STARTS),
    )
}
