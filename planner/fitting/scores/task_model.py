"""The forms of one task, weighted by how they foretold larger runs of the same table, and what they forecast with what error."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from planner._util.student_t import student_quantile
from planner.fitting.scores.fitting import FLAT, FormFit, fit_flat, fit_form, task_rows
from planner.fitting.scores.forms import FORMS, Array, Center, Where
from planner.fitting.scores.settings import settings
from planner.fitting.scores.table import Task

_FEWEST = 4
"""Rows that a form is fitted to, at least: priors hold the rest."""
_LEAST_REACH = 2.0


class Origin(NamedTuple):
    """A smaller table within the table: which rows are fitted, which are held out, and those with the loss forecast for them."""

    fitted: Any
    held_out: Any
    foreseen: Where


class Errors(NamedTuple):
    """What a forecast's standard deviation is made of; squares add. All are fractions of the scale of scores.

    Attributes
    ----------
    held_out : float
        Root mean square error on larger runs of the same table that smaller ones foretold.
    forms : array
        Spread of the forms.
    loss : array
        From the interval of the forecast loss.
    scatter : float
        Of the larger runs around the weighted forms, beside what the questions explain.
    questions : array
        Binomial noise of one test.
    hidden : array
        A rise that the noise of the largest runs hides, or one that has only begun and goes on; upwards only.
    """

    held_out: float
    forms: Array
    loss: Array
    scatter: float
    questions: Array
    hidden: Array

    @property
    def both_ways(self) -> Array:
        """Standard deviation downwards."""
        return np.sqrt(self.held_out**2 + self.forms**2 + self.loss**2 + self.scatter**2 + np.asarray(self.questions) ** 2)

    @property
    def upwards(self) -> Array:
        """Standard deviation upwards."""
        return np.hypot(self.both_ways, self.hidden)

    @property
    def judged(self) -> Array:
        """What decides whether a task is predictable: with half the squared noise of the questions, for several models."""
        return np.sqrt(np.maximum(self.upwards**2 - 0.5 * np.asarray(self.questions) ** 2, 0.0))


class TaskModel(NamedTuple):
    """One task.

    Attributes
    ----------
    scores, where : array
        The rows that have a score, by compute.
    weights : tuple of float
        One a fit; they add up to 1.
    held_out, scatter : float
        See :class:`Errors`.
    floor, top, top_error : float
        Mean score of the lowest and of the highest third of the rows, and the standard error of the latter.
    rise : float
        Their difference in standard errors.
    reached : float
        Compute of the farthest run held out over the largest fitted with it: as far as ``held_out`` was measured.
    """

    name: str
    kind: str
    chance: float | None
    questions: float | None
    ceiling: float
    scores: Array
    where: Where
    fits: tuple[FormFit, ...]
    weights: tuple[float, ...]
    held_out: float
    scatter: float
    floor: float
    top: float
    rise: float
    top_error: float
    reached: float
    center: Center

    @property
    def above_chance(self) -> bool:
        """Whether the largest runs are above the smallest, beyond noise."""
        known = settings("verdict")
        least = "sure" if abs(self.top - self.floor) < float(known["least_rise"]) else "above_chance"
        return self.rise >= float(known[least])

    @property
    def few(self) -> bool:
        """Whether there are too few scores to hold any out: then nothing is known of the error."""
        return self.held_out >= self.ceiling

    @property
    def low_end(self) -> float:
        """The least score that is forecast: the estimated floor."""
        return float(sum(weight * fit.floor for weight, fit in zip(self.weights, self.fits, strict=True)))

    def forecast(self, runs: Where) -> Array:
        """Return the expected scores of runs."""
        weights, values = self._values(runs)
        return np.clip(weights @ values, 0.0, self.ceiling)

    def _values(self, runs: Where) -> tuple[Array, Array]:
        """Return weights and values of the fits that can read the runs."""
        both = zip(self.weights, self.fits, strict=True)
        kept = [(weight, fit) for weight, fit in both if fit.form == FLAT or FORMS[fit.form].read_by(runs)]
        weights = np.array([weight for weight, _ in kept])
        return weights / weights.sum(), np.array([fit.predict(runs, self.center, self.ceiling) for _, fit in kept])

    def errors(self, runs: Where, losses: tuple[Array, Array] | None = None) -> Errors:
        """Return what the error of a forecast is made of; ``losses`` are one standard deviation down and up of the loss."""
        weights, values = self._values(runs)
        p = np.clip(weights @ values, 0.0, self.ceiling)
        share = np.clip(p / self.ceiling, 0.01, 0.99)
        questions = self.ceiling * np.sqrt(share * (1 - share) / self.questions) if self.questions else np.zeros(len(p))
        ratio = self.reach(runs)
        known = settings("interval")
        hidden = np.zeros(len(p)) if self.above_chance else self.top_error * ratio ** float(known["hidden_growth"])
        if (onward := goes_on(self, runs)) is not None:
            hidden = np.maximum(hidden, np.maximum(onward - p, 0.0) / 2)
        far = np.maximum(1.0, np.log(np.maximum(ratio, 1.0)) / np.log(max(self.reached, _LEAST_REACH)))
        moved = np.zeros(len(p))
        if losses is not None and runs.loss is not None:
            ends = [self.forecast(runs._replace(loss=each)) for each in losses]
            moved = np.abs(ends[0] - ends[1]) / 2
        spread = np.sqrt(np.maximum(weights @ (values - p) ** 2, 0.0))
        return Errors(self.held_out * float(np.max(far)), spread, moved, self.scatter, questions, hidden)

    def reach(self, runs: Where) -> Array:
        """Return compute over the largest run's, at least 1; by loss, e-folds of the reducible rest are not known, so 1."""
        if runs.flops is None or not np.isfinite(self.center.flops):
            return np.ones(next(len(each) for each in runs if each is not None))
        return np.maximum(runs.flops / self.center.flops, 1.0)

    def interval(self, runs: Where, level: float, losses: tuple[Array, Array] | None = None) -> tuple[Array, Array, Array]:
        """Return expected scores and the ends of the interval of one model's score."""
        p, errors = self.forecast(runs), self.errors(runs, losses)
        wide = student_quantile((1 + level) / 2, max(len(self.scores) - 4, 1))
        return p, np.clip(p - wide * errors.both_ways, 0.0, self.ceiling), np.clip(p + wide * errors.upwards, 0.0, self.ceiling)


def candidates(where: Where) -> list[tuple[str, bool]]:
    """Return the forms that the columns of a table allow, each to the ceiling and to a plateau."""
    able = [name for name, form in FORMS.items() if form.read_by(where)]
    return [(name, plateau) for plateau in (False, True) for name in able]


def fit_task(task: Task, where: Where, origins: Sequence[Origin]) -> TaskModel:
    """Fit every form to the scores of one task, and weigh the forms by their held-out errors.

    Scores and ``where`` are those of the same rows in the order of compute, as are the smaller tables within them, ``origins``.
    """
    has, ceiling = np.isfinite(task.scores), task.ceiling
    scores, runs = task.scores[has], where.take(has)
    counted = float(task.questions or settings("fit")["unknown_questions"])
    center = Center.of(runs)
    rows = task_rows(scores, counted, ceiling)
    known = _Scored(where, task.scores, counted, ceiling)
    fits = [fit_flat(rows), *(known.fit(form, has, center) for form in candidates(where) if known.enough(form[0], has))]
    squares, foretold = known.held_out(fits, origins)
    weights = _weights(squares, scores, counted, ceiling)
    combined = [_combined(weights, values, seen) for values, seen in foretold] or [ceiling**2]
    whole = np.array([fit.predict(runs, center, ceiling) for fit in fits])
    missed = weights[weights > 0] @ whole[weights > 0] - scores
    missed = missed[np.isfinite(missed)] if np.isfinite(missed).any() else whole[0] - scores
    floor, top, rise, error = _ends(scores, counted, ceiling)
    return TaskModel(
        **{name: getattr(task, name) for name in ("name", "kind", "chance", "questions", "ceiling")},
        scores=scores,
        where=runs,
        fits=tuple(fits),
        weights=tuple(weights.tolist()),
        held_out=float(np.sqrt(np.mean(combined))),
        scatter=float(np.sqrt(np.mean(missed[-12:] ** 2))),
        floor=floor,
        top=top,
        rise=rise,
        top_error=error,
        reached=max((_reach_of(where, origin) for origin in origins), default=1.0),
        center=center,
    )


class _Scored(NamedTuple):
    """All runs with the scores of one task, its questions as they count for weights, and its ceiling."""

    where: Where
    scores: Array
    questions: float
    ceiling: float

    def enough(self, form: str, has: Any) -> bool:
        """Tell whether enough rows have a score and what a form reads."""
        return bool(self._whole(form, has).sum() >= _FEWEST)

    def fit(self, form: tuple[str, bool], has: Any, center: Center, near: FormFit | None = None) -> FormFit:
        """Fit one form to the rows that have a score and what the form reads."""
        whole = self._whole(form[0], has)
        rows = task_rows(self.scores[whole], self.questions, self.ceiling)
        return fit_form(*form, self.where.take(whole), center, rows, near)

    def _whole(self, form: str, has: Any) -> Any:
        return has & np.all([np.isfinite(getattr(self.where, need)) for need in FORMS[form].needs], axis=0)

    def held_out(self, fits: Sequence[FormFit], origins: Sequence[Origin]) -> tuple[Array, list[tuple[Array, Array]]]:
        """Return the mean squared error of each fit at each origin, and what each foretold of the rows held out there."""
        squares, foretold = [], []
        for origin in origins:
            has = origin.fitted & np.isfinite(self.scores)
            seen = origin.held_out & np.isfinite(self.scores)
            if has.sum() < _FEWEST or not seen.any():
                continue
            center, scores = Center.of(self.where.take(has)), self.scores[seen]
            runs = origin.foreseen.take(seen)
            flat = fit_flat(task_rows(self.scores[has], self.questions, self.ceiling))
            lines = [flat.predict(runs, center, self.ceiling)]
            for fit in fits[1:]:
                if FORMS[fit.form].read_by(runs) and self.enough(fit.form, has):
                    again = self.fit((fit.form, fit.plateau), has, center, fit)
                    lines.append(again.predict(runs, center, self.ceiling))
                else:
                    lines.append(np.full(len(scores), np.nan))
            squares.append([_mean_square(line - scores) for line in lines])
            foretold.append((np.array(lines), scores))
        return np.array(squares or [[float("nan")] * len(fits)]), foretold


def _weights(squares: Array, scores: Array, counted: float, ceiling: float) -> Array:
    """Return weights of fits by their squared errors, shape (origins, fits), on rows held out; alike where none is known."""
    least = float(settings("weights")["least"])
    tail = np.clip(scores[-8:] / ceiling, 0.02, 0.98)
    binomial = float(np.mean(tail * (1 - tail))) * ceiling**2 / counted
    seen = np.isfinite(squares)
    mean = np.where(seen, squares, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    raw = np.where(seen.any(0), 1 / (mean + 0.5 * binomial + least), 0.0)
    found: Array = raw / raw.sum() if raw.any() else np.full(len(raw), 1 / len(raw))
    return found


def _reach_of(where: Where, origin: Origin) -> float:
    """Return how far beyond the runs fitted those held out lie, in compute."""
    if where.flops is None:
        return 1.0
    return float(np.max(where.flops[origin.held_out]) / np.max(where.flops[origin.fitted]))


def _mean_square(missed: Array) -> float:
    """Return the mean square of what is a number; not a number where nothing is."""
    known = missed[np.isfinite(missed)]
    return float(np.mean(known**2)) if len(known) else float("nan")


def _combined(weights: Array, values: Array, seen: Array) -> float:
    """Return the mean squared error of the weighted forms at one origin."""
    able = np.isfinite(values).all(1) & (weights > 0)
    if not able.any():
        return float(np.mean((seen - seen.mean()) ** 2))
    share = weights[able] / weights[able].sum()
    return float(np.mean((share @ values[able] - seen) ** 2))


def _ends(scores: Array, counted: float, ceiling: float) -> tuple[float, float, float, float]:
    """Return floor, top, the rise between them in standard errors, and the standard error of the top.

    Floor and top are the median of the lowest and the mean of the highest third of the rows by compute; the rise is the clearest
    of that of the highest third and of the highest two and three runs, so that one which begins at the end of a table is seen.
    """
    count = max(2, len(scores) // 3)
    low, high = scores[:count], scores[-count:]
    scatter = [max(float(part.std(ddof=1)), _row_noise(part, counted, ceiling)) for part in (low, high)]
    floor, mean = float(np.median(low)), float(low.mean())
    rises = [(float(high.mean()) - mean) / float(np.hypot(scatter[0], scatter[1])) * np.sqrt(count)]
    for few in (each for each in (2, 3) if each < count):
        part = scores[-few:]
        noise = max(scatter[0], _row_noise(part, counted, ceiling))
        rises.append((float(part.mean()) - mean) / (noise * float(np.sqrt(1 / few + 1 / count))))
    return floor, float(high.mean()), float(max(rises, key=abs)), scatter[1] / float(np.sqrt(count))


def _row_noise(scores: Array, counted: float, ceiling: float) -> float:
    """Return the standard deviation of a score by its questions."""
    share = np.clip(scores / ceiling, 0.0, 1.0)
    return ceiling * float(np.sqrt(np.mean(np.clip(share * (1 - share), 1e-3, 1.0)) / counted))


def goes_on(model: TaskModel, runs: Where) -> Array | None:
    """Return the scores of runs if the log-odds of a task go on as over its last runs; None where its rise is not a fresh one.

    Fresh is a rise of which the largest runs have seen little, but more than the noise of their questions.
    """
    known = settings("onset")
    x, at = _along(model.where, runs)
    if x is None or at is None or not model.questions or len(model.scores) < int(known["last"]):
        return None
    width = model.ceiling - model.floor
    if width <= 0:
        return None
    order = np.argsort(x, kind="stable")[-int(known["last"]) :]
    x, scores = x[order], model.scores[order]
    share = np.clip((scores - model.floor) / width, 0.5 / model.questions, 1 - 0.5 / model.questions)
    top = float(share[-2:].mean())
    spread = model.floor * (model.ceiling - model.floor) + width * top  # of one answer, about
    if top >= float(known["seen"]) or width * top < float(known["sure"]) * np.sqrt(spread / (2 * model.questions)):
        return None
    odds = np.log(share / (1 - share))
    noise = np.maximum(model.floor + width * share, 1 / model.questions) / (model.questions * (width * share) ** 2)
    weights = 1 / (noise + float(known["own"]) ** 2)
    middle = float(weights @ x / weights.sum())
    slope = float(weights @ ((x - middle) * odds) / (weights @ (x - middle) ** 2)) if np.ptp(x) > 0 else 0.0
    log_odds = float(weights @ odds / weights.sum()) + max(slope, 0.0) * (at - middle)
    found: Array = model.floor + width / (1 + np.exp(-np.clip(log_odds, -40, 40)))
    return found


def _along(where: Where, runs: Where) -> tuple[Array | None, Array | None]:
    """Return the runs of a table and those asked for by ln compute, or by -loss where compute is not known."""
    if where.flops is not None and runs.flops is not None:
        return np.log(where.flops), np.log(runs.flops)
    if where.loss is not None and runs.loss is not None and runs.flops is None:
        return -where.loss, -runs.loss
    return None, None
