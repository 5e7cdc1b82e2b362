"""A form fitted to the scores of one task: robust, with priors, by SciPy."""

from typing import NamedTuple

import numpy as np

from planner._util.stable_choice import first_lowest
from planner.fitting.scores.forms import FORMS, Array, Center, Where
from planner.fitting.scores.settings import settings

_MOST_CALLS = 100
FLAT = "flat"
"""A score that does not move."""


class FormFit(NamedTuple):
    """A form, of ``FORMS`` or ``flat``, with its constants for one task.

    These are the floor, the form's own, and of a ``plateau``, a height below the ceiling, its logit; of a flat form the score.
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
    """Scores of one task as fractions, each with its standard deviation, and the prior of their floor with its own."""

    scores: Array
    noise: Array
    floor: float
    floor_sd: float
    ceiling: float


def task_rows(scores: Array, questions: float, ceiling: float) -> TaskRows:
    """Weigh the scores of one task, in the order of compute; the floor is about the median of their lowest third."""
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
    priors += [settings("priors.plateau")["height"]] if plateau else []
    mean, width = np.array([(rows.floor, rows.floor_sd), *priors]).T

    def residuals(p: Array) -> Array:
        values, _ = form.values(p, z, rows.ceiling, plateau)
        return np.concatenate([_softened((values - rows.scores) / rows.noise, force)[0], (p - mean) / width])

    def slopes(p: Array) -> Array:
        values, slope = form.values(p, z, rows.ceiling, plateau)
        pull = _softened((values - rows.scores) / rows.noise, force)[1]
        return np.concatenate([(pull / rows.noise)[:, None] * slope, np.diag(1 / width)])

    starts = [np.array(near.constants)] if near else _starts(name, plateau, rows)
    found = [leastsq(residuals, start, Dfun=slopes, full_output=True, maxfev=_MOST_CALLS)[0] for start in starts]
    best = first_lowest(found, lambda p: float(np.sum(residuals(p) ** 2)))
    return FormFit(name, plateau, tuple(best.tolist()))


def _softened(r: Array, force: float) -> tuple[Array, Array]:
    """Return residuals whose squares are the soft L1 loss, and their slopes."""
    q = r / force
    root = np.sqrt(1 + q * q)
    soft = force * q * np.sqrt(2 / (1 + root))
    return soft, np.where(np.abs(r) < 1e-9, 1.0, r / np.where(np.abs(soft) < 1e-12, 1.0, soft) / root)


def _starts(name: str, plateau: bool, rows: TaskRows) -> list[Array]:
    starts = FORMS[name].starts
    if not plateau:
        return [np.array([rows.floor, *start]) for start in starts]
    top = float(np.clip(np.sort(rows.scores)[-4:-1].mean() / rows.ceiling, 0.02, 0.97))
    height = float(np.log(top / (1 - top)))
    return [np.array([rows.floor, *starts[0], 3.0]), *(np.array([rows.floor, *start, height]) for start in starts)]
