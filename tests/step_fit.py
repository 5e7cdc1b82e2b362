"""Constants of the step model fitted to the published steps that ship, with rows left out where that is asked."""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.optimize import least_squares

from planner._util.files import settings
from planner.architectures.measured_steps import grouped, measured_steps
from planner.architectures.step_time import FILE

ROWS = measured_steps()
GROUPS = tuple(grouped(ROWS))
MEASURED = np.array([row["step_time_s"] for row in ROWS])
SOURCES = np.array([row["source"] for row in ROWS])
DEVICES = np.array([row["device"] for row in ROWS])
COUNTS = np.array([row["devices"] for row in ROWS])
MIXTURE = np.array([row["experts"] > 1 for row in ROWS])
LARGE = np.array([row["params"] >= 1e9 for row in ROWS])


def errors(constants: Mapping[str, float]) -> np.ndarray:
    """Return log(measured/forecast) of each row."""
    forecast = np.full(len(ROWS), np.nan)
    for group in GROUPS:
        forecast[group.places] = group.forecast(constants).total
    found: np.ndarray = np.log(MEASURED / forecast)
    return found


def weights(among: np.ndarray) -> np.ndarray:
    """Return the weight of each row, so that a source of n rows counts as sqrt(n); 0 of those that are not among them."""
    _, place, count = np.unique(SOURCES[among], return_inverse=True, return_counts=True)
    found = np.zeros(len(ROWS))
    found[among] = 1 / np.sqrt(count[place])
    return found


def fit(among: np.ndarray, start: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return constants fitted to some rows, each source with an offset of its own that is thrown away; the search starts at the prior."""
    prior, noise, known = settings(FILE, "prior"), settings(FILE, "noise"), dict(settings(FILE, "constants"))
    names = list(prior)
    middle, spread = np.log([prior[name][0] for name in names]), np.log([prior[name][1] for name in names])
    sources = np.unique(SOURCES[among])
    place = np.searchsorted(sources, SOURCES[among])
    counted = np.sqrt(weights(among)[among])

    def of(logs: np.ndarray) -> dict[str, float]:
        return {**known, **dict(zip(names, np.exp(logs), strict=True))}

    def residuals(point: np.ndarray) -> np.ndarray:
        logs, offsets = point[: len(names)], point[len(names) :]
        rows = counted * (errors(of(logs))[among] - offsets[place]) / noise["row"]
        return np.concatenate([rows, (logs - middle) / spread, offsets / noise["source"]])

    def slopes(point: np.ndarray) -> np.ndarray:
        here = errors(of(point[: len(names)]))[among]
        full = np.zeros((len(counted) + len(names) + len(sources), len(point)))
        for i in range(len(names)):
            moved = point[: len(names)].copy()
            moved[i] += 1e-4
            full[: len(counted), i] = counted * (errors(of(moved))[among] - here) / 1e-4 / noise["row"]
            full[len(counted) + i, i] = 1 / spread[i]
        for i in range(len(sources)):
            full[: len(counted), len(names) + i] = np.where(place == i, -counted / noise["row"], 0.0)
            full[len(counted) + len(names) + i, len(names) + i] = 1 / noise["source"]
        return full

    first = middle if start is None else np.log([start[name] for name in names])
    found = least_squares(
        residuals,
        np.concatenate([first, np.zeros(len(sources))]),
        slopes,
        loss="soft_l1",
        f_scale=noise["soft"],
        x_scale="jac",
        ftol=1e-6,
    )
    return of(found.x[: len(names)])


def quantiles(found: np.ndarray, among: np.ndarray, ends: Iterable[float] = (0.5, 0.9)) -> list[float]:
    """Return weighted quantiles of |error|."""
    weight, size = weights(among)[among], np.abs(found[among])
    order = np.argsort(size)
    share = np.cumsum(weight[order]) / weight.sum()
    return [float(size[order][np.searchsorted(share, end)]) for end in ends]


def left_out(keys: np.ndarray) -> np.ndarray:
    """Return the errors of each row under constants fitted without those of its key."""
    found, near = np.full(len(ROWS), np.nan), fit(np.ones(len(ROWS), bool))
    for key in np.unique(keys):
        found[keys == key] = errors(fit(keys != key, near))[keys == key]
    return found
