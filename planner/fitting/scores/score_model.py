"""What forecasts the scores of a table's tasks at any target: the task models and the law of loss."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers, mapper
from planner._util.student_t import student_quantile
from planner.errors import CannotPlanError, OptionError, PlannerError
from planner.fitting.scores.forms import FORMS, Array, Center, Where
from planner.fitting.scores.known_tasks import LOSS_KINDS
from planner.fitting.scores.loss_law import fit_loss_law, foretold, origins_of, with_loss
from planner.fitting.scores.result import Guess, ScoreTarget, Suite, TaskScore
from planner.fitting.scores.settings import settings
from planner.fitting.scores.table import ScoreTable, Task
from planner.fitting.scores.task_model import Origin, TaskModel, candidates, fit_task
from planner.fitting.scores.verdicts import PREDICTABLE, SATURATED, judge
from planner.scaling_laws.law import Law

_DRAWS = 200
"""Of the law of loss: enough for a standard deviation."""


class ScoreModel(NamedTuple):
    """Task models with what a target needs to be read by them.

    Attributes
    ----------
    name, sha256 : str
        Of the table.
    answer_laws : mapping of str to Law
        Laws of the losses of tasks' answers, and of tasks that are losses.
    ratio : float or None
        Tokens per parameter of the largest runs.
    rows : Where
        The runs.
    local : int
        For public models, how many nearest a target's compute say how far one model is off; else 0.
    """

    name: str
    sha256: str
    tasks: tuple[TaskModel, ...]
    loss_law: Law | None
    answer_laws: Mapping[str, Law]
    per_token: float
    ratio: float | None
    rows: Where
    local: int = 0

    @property
    def largest(self) -> float | None:
        """Compute of the largest run [FLOP]."""
        return None if self.rows.flops is None else float(np.nanmax(self.rows.flops))

    def place(self, flops: float | None, params: float | None, tokens: float | None, loss: float | None) -> ScoreTarget:
        """Return a target with what follows from what is known of it.

        Raises
        ------
        CannotPlanError
            The table knows nothing that this target could be read by.
        """
        k = self.per_token
        if flops is not None and params is not None and tokens is None:
            tokens = flops / (k * params)
        elif flops is not None and tokens is not None and params is None:
            params = flops / (k * tokens)
        elif flops is not None and params is None and self.rows.params is not None:
            params, tokens = self._divided(flops)
        if flops is None and params is not None and tokens is not None:
            flops = k * params * tokens
        low = high = None
        if loss is None and params is not None and tokens is not None and self.loss_law is not None:
            loss, low, high = _one(foretold(self.loss_law, np.array([params]), np.array([tokens])))
        reach = None if flops is None or self.largest is None else flops / self.largest
        found = ScoreTarget(flops, params, tokens, loss, low, high, reach)
        needs = [FORMS[name].needs for name, plateau in candidates(self.rows) if not plateau and name != "answer loss"]
        if not any(all(getattr(found, need) is not None for need in form) for form in needs):
            said = {"flops": "a budget", "params": "params and tokens", "loss": "a loss"}
            able = " or ".join(dict.fromkeys(said[form[0]] for form in needs))
            raise CannotPlanError(f"{self.name}: its runs say scores by {able}: give one of these as the target")
        return found

    def _divided(self, flops: float) -> tuple[float, float]:
        """Return the compute-optimal sizes by the table's own law, or those at the tokens per parameter of its largest runs."""
        from planner.allocation.solver import allocate

        if self.loss_law is not None:
            with suppress(PlannerError):
                best = allocate(self.loss_law, flops)
                return float(best.params), float(best.tokens)
        ratio = self.ratio or 20.0
        params = float(np.sqrt(flops / (self.per_token * ratio)))
        return params, ratio * params

    def where(self, target: ScoreTarget) -> tuple[Where, tuple[Array, Array] | None]:
        """Return a target as the task models read it, and one standard deviation below and above its loss."""
        runs = Where(*(None if each is None else np.array([each]) for each in target[:4]))
        if target.loss_low is None or target.loss_high is None:
            return runs, None
        return runs, (np.array([target.loss_low]), np.array([target.loss_high]))

    def score(self, target: ScoreTarget, level: float, most: float | None = None) -> dict[str, TaskScore]:
        """Return the forecast of each task; ``most`` is the largest standard deviation of one that is given."""
        found = {}
        for each in self.tasks:
            if each.kind in LOSS_KINDS:
                found[each.name] = self._score_loss(each, target, level)
            else:
                found[each.name] = self._score_one(self._near(each, target), target, level, most)
        return found

    def forecast(self, model: TaskModel, target: ScoreTarget, level: float) -> tuple[float, float, float]:
        """Return the expected score of one task and the ends of its interval, whatever its verdict."""
        runs, losses = self.where(target)
        model = self._near(model, target)
        return _one(model.interval(self.with_answer(model, runs), level, losses))

    def _near(self, model: TaskModel, target: ScoreTarget) -> TaskModel:
        """Return a task of public models with the distance of those nearest a target from the weighted forms as its error."""
        if not self.local or target.flops is None or model.where.flops is None:
            return model
        near = np.argsort(np.abs(np.log(model.where.flops / target.flops)), kind="stable")[: self.local]
        missed = model.scores[near] - model.forecast(model.where.take(near))
        return model._replace(held_out=float(np.sqrt(np.mean(missed**2))), scatter=0.0)

    def foreseen(self, runs: Where) -> tuple[Where, tuple[Array, Array] | None]:
        """Return runs with the losses that the table's own law forecasts for them, and those one standard deviation off."""
        if self.loss_law is None or runs.params is None or runs.tokens is None:
            return runs._replace(loss=None), None
        mean, below, above = foretold(self.loss_law, runs.params, runs.tokens)
        return runs._replace(loss=mean), (below, above)

    def with_answer(self, model: TaskModel, runs: Where) -> Where:
        """Return runs with the loss that a task's correct answers are forecast to have."""
        law = self.answer_laws.get(model.name)
        if law is None or runs.params is None or runs.tokens is None:
            return runs
        return runs._replace(answer_loss=foretold(law, runs.params, runs.tokens)[0])

    def _score_one(self, model: TaskModel, target: ScoreTarget, level: float, most: float | None) -> TaskScore:
        runs, losses = self.where(target)
        runs = self.with_answer(model, runs)
        guess = Guess(*_one(model.interval(runs, level, losses)))
        errors = model.errors(runs, losses)
        verdict = judge(model, errors, guess.score, runs, most)
        weights: dict[str, float] = {}
        for fit, weight in zip(model.fits, model.weights, strict=True):
            weights[fit.form] = weights.get(fit.form, 0.0) + weight
        scored = verdict.name in {PREDICTABLE, SATURATED}
        given: tuple[float | None, float | None, float | None] = guess if scored else (None, None, None)
        return TaskScore(
            *given,
            verdict.name,
            verdict.reason,
            verdict.decided_by,
            model.kind,
            model.chance,
            model.questions,
            model.low_end,
            model.ceiling,
            model.top,
            model.above_chance,
            len(model.scores),
            self._doubling(model, target, guess.score) if verdict.name == PREDICTABLE else None,
            float(np.max(errors.upwards)),
            FrozenDict({name: float(np.max(part)) for name, part in errors._asdict().items()}),
            FrozenDict(weights),
            guess,
        )

    def _doubling(self, model: TaskModel, target: ScoreTarget, score: float) -> float | None:
        """Return what twice the compute adds, at the same tokens per parameter."""
        if target.flops is None:
            return None
        if target.params is None or target.tokens is None:
            twice = self.place(2 * target.flops, None, None, None)
        else:
            twice = self.place(None, target.params * np.sqrt(2.0), target.tokens * np.sqrt(2.0), None)
        runs = self.with_answer(model, self.where(twice)[0])
        return float(model.forecast(runs)[0]) - score

    def _score_loss(self, model: TaskModel, target: ScoreTarget, level: float) -> TaskScore:
        """Return the forecast of a task that is a loss: by a law of its own, as any loss is forecast."""
        law = self.answer_laws[model.name]
        if target.params is None or target.tokens is None:
            raise CannotPlanError(f"task {model.name} is a loss: give a budget, or params and tokens")
        mean, below, above = _one(foretold(law, np.array([target.params]), np.array([target.tokens])))
        wide, sd = student_quantile((1 + level) / 2, 200.0), (above - below) / 2
        guess = Guess(mean, mean - wide * (mean - below), mean + wide * (above - mean))
        reason = "forecast as a loss, by a law fitted to it"
        return TaskScore(
            *guess, PREDICTABLE, reason, "", model.kind, None, model.questions, model.floor, None, model.top, True,
            len(model.scores), None, sd, FrozenDict(loss=sd), FrozenDict({"law of the answer's loss": 1.0}), guess,
        )  # fmt: skip


def _one(parts: tuple[Array, Array, Array]) -> tuple[float, float, float]:
    """Return the expected value of one run and the ends of its interval."""
    mean, low, high = parts
    return float(mean[0]), float(low[0]), float(high[0])


def fit_model(
    table: ScoreTable, workers: Workers = 1, progress: Progress | None = None, origins: Sequence[Origin] | None = None
) -> tuple[ScoreModel, list[str]]:
    """Fit every task of a table; return what forecasts them, and what could not be fitted."""
    told = []
    loss_law = None
    if table.where.loss is not None and table.where.params is not None:
        try:
            loss_law = fit_loss_law(table.where, draws=_DRAWS)
        except PlannerError as error:
            told.append(f"no law of loss ({error}): scores are forecast without their loss")
    where = table.where
    if loss_law is None and where.flops is not None:
        where = where._replace(loss=None)
    laws: dict[str, Law] = {}
    tasks = []
    for task in table.tasks:
        own = task.scores if task.kind in LOSS_KINDS else task.answer_loss
        kept: Task | None = task
        if own is not None:
            try:
                laws[task.name] = fit_loss_law(where._replace(answer_loss=own), "answer_loss", draws=_DRAWS)
            except PlannerError as error:
                told.append(f"{task.name}: no law of its loss ({error})")
                kept = None if task.kind in LOSS_KINDS else task._replace(answer_loss=None)
        tasks += [kept] if kept else []
    if not tasks:
        raise OptionError(f"{table.name}: {told[0] if told else 'no task'}")
    origins = origins_of(where) if origins is None else origins
    with mapper(workers, progress) as spread:
        models = spread(partial(_fit_one, where=where, origins=origins), tasks)
    of_table = (table.per_token, table.ratio, where)
    return ScoreModel(table.name, table.sha256, tuple(models), loss_law, FrozenDict(laws), *of_table), told


def _fit_one(task: Task, where: Where, origins: Sequence[Origin]) -> TaskModel:
    if task.kind in LOSS_KINDS:
        has = np.isfinite(task.scores)
        scores, kept = task.scores[has], where.take(has)
        third = max(1, len(scores) // 3)
        ends = float(scores[:third].mean()), float(scores[-third:].mean())
        return TaskModel(
            task.name, task.kind, None, task.questions, float("inf"), scores, kept, (), (), 0.0, 0.0, *ends, 0.0, 0.0, 1.0,
            Center.of(kept),
        )  # fmt: skip
    full = where._replace(answer_loss=task.answer_loss)
    return fit_task(task, full, with_loss(full, origins, task.answer_loss))


_FOLDS = 5


def observed(table: ScoreTable) -> ScoreModel:
    """Fit public models: forms are weighed on every fifth model in turn, from the least compute to the most.

    What counts is how far one model is off the curve of the others, not how well small ones foretell large ones: public models
    lie on both sides of most targets.
    """
    fold = np.arange(table.runs) % _FOLDS
    parts = [Origin(fold != each, fold == each, table.where) for each in range(_FOLDS)]
    model, _ = fit_model(table, origins=parts)
    return model._replace(local=int(settings("public")["nearest"]))


def suites_of(tasks: Mapping[str, TaskScore], named: Mapping[str, Sequence[str]], share: float) -> tuple[Suite, ...]:
    """Return the means over all tasks and over named suites, of predictable tasks alone.

    ``share`` is the correlation of the errors of two tasks for one model, measured in back-tests.
    """
    scored = [name for name, each in tasks.items() if each.kind not in LOSS_KINDS]
    found = []
    for name, members in {"all tasks": scored, **named}.items():
        kept = [each for each in members if tasks[each].predictable]
        left = tuple(each for each in members if not tasks[each].predictable)
        if not kept:
            found.append(Suite(name, None, None, None, (), left))
            continue
        ends = np.array([tasks[each].would_be for each in kept])
        mean = float(ends[:, 0].mean())
        halves = np.abs(ends[:, 1:] - ends[:, :1])
        spread = [float(np.sqrt((1 - share) * np.sum(half**2) + share * np.sum(half) ** 2) / len(kept)) for half in halves.T]
        found.append(Suite(name, mean, max(mean - spread[0], 0.0), min(mean + spread[1], 1.0), tuple(kept), left))
    return tuple(found)
