"""Forecasts of benchmark scores: ``python -m benchmarks.scores``; with ``tasks`` task by task, with ``public`` of public models.

Fitted on C <= C_max/R of the C4 and of the RedPajama models of Gadre et al. 2024, asked for all larger models: errors in points
of accuracy, of a task the mean over the models held out, which are foretold from parameters and tokens alone. Beside it what
single forms, no law and the number of questions give on the same tasks. The choices in data/scores/settings.toml were made on
these two corpora at R = 30, 100 and 400; each stands by itself. ``public``: each family of public models in turn is left out.
"""

import csv
import sys
from typing import Any

import numpy as np

import planner
from planner.fitting.scores.backtest import ScoreBacktest, TaskTest
from planner.fitting.scores.forms import Where
from planner.fitting.scores.public_models import public_table
from planner.fitting.scores.score_model import ScoreModel, observed
from planner.fitting.scores.shipped import shipped_scores
from planner.fitting.scores.verdicts import PREDICTABLE

_CORPORA, _RATIOS = ("c4_original", "rpj"), (30, 100)
_LOSSES = ("loss_c4_val", "loss_openlm")


def main() -> None:
    """Print what was asked for."""
    if "public" in sys.argv:
        _public()
        return
    for column in _LOSSES:
        for group in _CORPORA:
            found = planner.backtest_scores("gadre2024", group=group, ratios=_RATIOS, columns={"loss": column}, workers=2)
            for at, summary in enumerate(found.summaries):
                _show(found, at, f"{group}, {column}, R = {summary.ratio:g}")
                if "tasks" in sys.argv:
                    _tasks([each for each in found.tests if each.ratio == summary.ratio])


def _show(found: ScoreBacktest, at: int, title: str) -> None:
    each = found.summaries[at]
    tests = [test for test in found.tests if test.ratio == each.ratio]
    kept = [test for test in tests if test.verdict == PREDICTABLE]
    risen = [test for test in kept if test.above_chance]
    assert None not in (each.error, each.narrow_error, each.noise, each.coverage)
    print(f"{title}: {each.kept} of {each.tasks} tasks predictable")
    print(f"  error {_points(each.error)}, narrowest half {_points(each.narrow_error)}, binomial noise {_points(each.noise)}")
    print(f"  {len(risen)} of them above chance in the fitted runs: error {_points(np.mean([test.error for test in risen]))}")
    print(
        f"  inside the 95 % interval: {_points(each.coverage)} %, of all tasks {_points(np.mean([t.coverage for t in tests]))} %"
    )
    print(f"  refused: {each.caught} of {each.large} off by more than 6 points, {each.missed} of {each.small} off by less than 3")
    single = {
        name: np.mean([_single(found.models[at], test, name) for test in risen])
        for name in ("compute", "sizes", "sigmoid", "exponential")
    }
    beside = ", ".join(f"{name} {_points(error)}" for name, error in single.items())
    print(f"  the same tasks above chance by one form: {beside}, no law {_points(np.mean([test.no_law for test in risen]))}\n")


def _points(value: Any) -> str:
    return f"{100 * float(value):.2f}"


def _single(model: ScoreModel, test: TaskTest, form: str) -> float:
    """Return the mean absolute error of one form to the ceiling."""
    task = next(each for each in model.tasks if each.name == test.task)
    weights = tuple(float(fit.form == form and not fit.plateau) for fit in task.fits)
    sizes = _sizes(test, model)
    runs, _ = model.foreseen(sizes)
    alone = task._replace(weights=weights)
    return float(np.mean(np.abs(alone.forecast(runs) - np.array(test.runs.measured))))


def _sizes(test: TaskTest, model: ScoreModel) -> Where:
    """Return parameters and tokens of the runs held out."""
    with open(shipped_scores("gadre2024").file, newline="", encoding="utf-8") as file:
        rows = {round(float(row["flops"]), -3): (float(row["params"]), float(row["tokens"])) for row in csv.DictReader(file)}
    pairs = [rows[round(flops, -3)] for flops in test.runs.flops]
    return Where(np.array(test.runs.flops), *(np.array(each) for each in zip(*pairs, strict=True)))


def _tasks(tests: list[TaskTest]) -> None:
    for test in sorted(tests, key=lambda each: (each.verdict != PREDICTABLE, each.error)):
        noise = "  - " if test.noise is None else _points(test.noise)
        error, half = _points(test.error), _points(test.half_width)
        print(f"    {test.task:<34} {test.verdict:<21} error {error:>5}  +- {half:>5}  noise {noise}")
    print()


def _public() -> None:
    """Leave out each family of public models, and predict its models by their compute."""
    table = public_table()
    with open(shipped_scores("obsscaling2024").file, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["FLOPs (1E21)"]]
    order = np.argsort([float(row["FLOPs (1E21)"]) * 1e21 for row in rows], kind="stable")
    family = np.array([rows[at]["Model Family"] for at in order])
    found: dict[str, list[tuple[float, bool, float]]] = {task.name: [] for task in table.tasks}
    assert table.where.flops is not None
    for name in sorted(set(family)):
        kept = family != name
        tasks = tuple(task._replace(scores=task.scores[kept]) for task in table.tasks)
        model = observed(table._replace(where=table.where.take(kept), tasks=tasks))
        for at in np.flatnonzero(~kept):
            place = model.place(float(table.where.flops[at]), None, None, None)
            for task, fitted in zip(table.tasks, model.tasks, strict=True):
                score = float(task.scores[at])
                if np.isfinite(score):
                    p, low, high = model.forecast(fitted, place, 0.95)
                    found[task.name].append((abs(p - score), low <= score <= high, (high - low) / 2))
    print("public models, a family left out: error, half-width, inside the 95 % interval")
    for name, values in found.items():
        error, inside, half = (float(np.mean(each)) for each in zip(*values, strict=True))
        print(f"  {name:<11} {_points(error):>5}  {_points(half):>5}  {100 * inside:.1f} % of {len(values)}")


if __name__ == "__main__":
    main()
