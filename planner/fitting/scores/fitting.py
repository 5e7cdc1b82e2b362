"""A form fitted to the scores of one task: robust, with priors, by SciPy."""

from typing import NamedTuple

import numpy as np

from planner._util.stable_choice import lowest
from planner.fitting.scores.forms import FORMS, Array, Center, Where
from planner.fitting.scores.settings import settings

_MOST_CALLS = 100
FLAT = "flat"
"""A score that does not move."""


class FormFit(NamedTuple):
    """A form with its constants for one task.

    Attributes
    ----------
    form : str
        A name of ``FORMS``, or ``flat``.
    plateau : bool
        Whether the score levels off below the ceiling, at a height that is fitted.
    constants : tuple of float
        Floor, the form's constants, and the logit of the height; of a flat form the score.
    """

    form: str
    plateau: bool
    constants: tuple[float, ...]

    def predict(self, runs: Where, center: Center, ceiling: float) -> Array:
        """Return scores of runs, between 0 and the ceiling; not a number where a run lacks what the form reads."""
        if self.form == FLAT:
            length = next(len(each) for each in runs if each is not None)
            return np.full(length, self.constants[0])
        form = FORMS[self.form]
        values, _ = form.values(np.array(self.constants), form.covariates(runs, center), ceiling, self.plateau)
        return np.clip(values, 0.0, ceiling)

    @property
    def floor(self) -> float:
        """The score far below the smallest run."""
        return self.constants[0]

    def height(self, ceiling: float) -> float:
        """Return the score far above the largest run."""
        if self.form == FLAT:
            return self.constants[0]
        return ceiling / (1 + float(np.exp(-self.constants[-1]))) if self.plateau else ceiling


class TaskRows(NamedTuple):
    """Scores of one task with what fits need of them.

    Attributes
    ----------
    scores, noise : array, shape (rows,)
        Scores as fractions, and the standard deviation of each.
    floor, floor_sd : float
        Prior of the floor: the median of the lowest third of the rows by compute.
    ceiling : float
    """

    scores: Array
    noise: Array
    floor: float
    floor_sd: float
    ceiling: float


def task_rows(scores: Array, questions: float, ceiling: float) -> TaskRows:
    """Weigh the scores of one task, in the order of compute."""
    known = settings("fit")
    low = float(np.median(scores[: max(4, len(scores) // 3)]))
    p = np.clip((0.7 * scores + 0.3 * scores.mean()) / ceiling, 0.01, 0.99)
    noise = ceiling * np.sqrt(p * (1 - p) / questions + float(known["row_noise"]) ** 2)
    share = low / ceiling
    spread = ceiling * max(float(known["floor_sd"]), float(np.sqrt(max(share * (1 - share), 0.01) / questions)))
    return TaskRows(scores, noise, low, spread, ceiling)


def fit_flat(rows: TaskRows) -> FormFit:
    """Return the weighted mean."""
    weight = rows.noise**-2
    return FormFit(FLAT, False, (float(np.sum(weight * rows.scores) / weight.sum()),))


def fit_form(name: str, plateau: bool, runs: Where, center: Center, rows: TaskRows, near: FormFit | None = None) -> FormFit:
    """Fit one form to the scores of one task by damped least squares (MINPACK), from several starts or ``near`` a fit."""
    from scipy.optimize import leastsq

    form, force = FORMS[name], float(settings("fit")["robust"])
    z = form.covariates(runs, center)
    priors = [settings(f"priors.{form.prior}")[constant] for constant in form.constants]
    if plateau:
        priors.append(settings("priors.plateau")["height"])
    mean = np.array([rows.floor, *(float(each[0]) for each in priors)])
    width = np.array([rows.floor_sd, *(float(each[1]) for each in priors)])

    def residuals(p: Array) -> Array:
        values, _ = form.values(p, z, rows.ceiling, plateau)
        return np.concatenate([_softened((values - rows.scores) / rows.noise, force)[0], (p - mean) / width])

    def slopes(p: Array) -> Array:
        values, slope = form.values(p, z, rows.ceiling, plateau)
        pull = _softened((values - rows.scores) / rows.noise, force)[1]
        return np.concatenate([(pull / rows.noise)[:, None] * slope, np.diag(1 / width)])

    found, costs = [], []
    for start in _starts(name, plateau, rows, near):
        p = leastsq(residuals, start, Dfun=slopes, full_output=True, maxfev=_MOST_CALLS)[0]
        found.append(p)
        costs.append(float(np.sum(residuals(p) ** 2)))
    best = found[lowest(costs)]
    return FormFit(name, plateau, tuple(float(each) for each in best))


def _softened(r: Array, force: float) -> tuple[Array, Array]:
    """Return residuals whose squares are the soft L1 loss, and their slopes."""
    q = r / force
    root = np.sqrt(1 + q * q)
    soft = force * q * np.sqrt(2 / (1 + root))
    return soft, np.where(np.abs(r) < 1e-9, 1.0, r / np.where(np.abs(soft) < 1e-12, 1.0, soft) / root)


def _starts(name: str, plateau: bool, rows: TaskRows, near: FormFit | None) -> list[Array]:
    if near is not None:
        return [np.array(near.constants)]
    if not plateau:
        return [np.array([rows.floor, *start]) for start in FORMS[name].starts]
    top = float(np.clip(np.sort(rows.scores)[-4:-1].mean() / rows.ceiling, 0.02, 0.97))
    height = float(np.log(top / (1 - top)))
    starts = FORMS[name].starts
    return [np.array([rows.floor, *starts[0], 3.0]), *(np.array([rows.floor, *start, height]) for start in starts)]
