"""Charts of scores against compute: runs, the forecast with its band, chance and ceiling; and what a back-test held out."""

from typing import Any

import numpy as np

from planner.errors import OptionError
from planner.fitting.scores.backtest import ScoreBacktest
from planner.fitting.scores.result import Scores
from planner.fitting.scores.score_model import ScoreModel
from planner.fitting.scores.task_model import TaskModel
from planner.fitting.scores.verdicts import PREDICTABLE
from planner.output.charts._base import COMPUTE, Band, Chart, Line, Mark, Panel, Points, Rule, Scale, point
from planner.quantities import format_flops, format_percent, format_points, significant

_PANELS = 4
_STEPS = 61
_LOSS_KINDS = ("loss", "bits")


def scores_chart(found: Scores) -> Chart:
    """Return up to four tasks, those that rise most: runs, forecast with its band, chance, ceiling, and the target."""
    able = [name for name, each in found.tasks.items() if each.kind not in _LOSS_KINDS]
    ranked = sorted(able, key=lambda name: (found.tasks[name].refused, _rise(found, name)))
    if not ranked:
        raise OptionError("plot: all tasks are losses, of which there is no curve of scores; plan fit draws a law of loss")
    shown = [name for name in able if name in ranked[:_PANELS]]
    panels = tuple(_panel(found, name) for name in shown)
    more = f"; {len(found.tasks) - len(shown)} more in the table" if len(found.tasks) > len(shown) else ""
    at = format_flops(found.target.flops) if found.target.flops is not None else f"loss {significant(found.target.loss or 0, 4)}"
    return Chart(f"Expected scores at {at}", f"{found.runs} runs of {found.name}{more}", panels)


def _rise(found: Scores, name: str) -> float:
    return round(found.tasks[name].floor - found.tasks[name].largest, 6)


def _panel(found: Scores, name: str) -> Panel:
    task, model = found.tasks[name], next(each for each in found.model.tasks if each.name == name)
    where = model.where
    axis: tuple[Scale, Any] = (LOSS, where.loss) if where.flops is None else (COMPUTE, where.flops)
    x, values = axis
    rows = Points(values, model.scores, f"{len(model.scores)} runs", 7, "dot")
    at = found.target.flops if x is COMPUTE else found.target.loss
    low = min(float(np.nanmin(values)), at or np.inf)
    high = max(float(np.nanmax(values)), at or -np.inf)
    marks: list[Mark] = [*path_marks(found.model, model, low, high, found.level, x), rows]
    if at is not None and task.score is not None:
        marks.append(point(at, task.score, "target", 5, "star", ends=(task.low, task.high)))
    marks += levels(model)
    verdict = "" if task.predictable else f" ({task.verdict})"
    return Panel(f"{name}{verdict}", x, SCORE, tuple(marks))


SCORE = Scale("score", log=False, unit="percent", ends=(0.0, 1.08))
"""With room above the ceiling for its name."""


LOSS = Scale("loss of the model", log=False, unit="plain")


def path_marks(score_model: ScoreModel, model: TaskModel, low: float, high: float, level: float, x: Scale) -> list[Mark]:
    """Return the forecast with its band from the smallest run to the target, compute-optimal where sizes are known."""
    if x is COMPUTE:
        grid = np.geomspace(low, high * 1.5, _STEPS)
        places = [score_model.place(float(each), None, None, None) for each in grid]
    else:
        grid = np.linspace(low, high, _STEPS)
        places = [score_model.place(None, None, None, float(each)) for each in grid]
    label = "forecast, compute-optimal" if x is COMPUTE and places[0].params is not None else "forecast"
    values = [score_model.forecast(model, each, level) for each in places]
    p, below, above = (np.array([each[at] for each in values]) for at in range(3))
    return [Band(grid, below, above, f"{format_percent(level)} interval of one model", 0), Line(grid, p, label, 0, "main")]


def levels(model: TaskModel) -> list[Mark]:
    """Return chance and ceiling as lines across."""
    known = [("chance", model.chance)] if model.chance else []
    known += [("ceiling", model.ceiling)] if np.isfinite(model.ceiling) else []
    return [Rule(at, f"{name} {format_percent(at)}", "y") for name, at in known]


def score_backtest_chart(found: ScoreBacktest) -> Chart:
    """Return up to four tasks, those that rise most: fitted runs, the forecast with its band, and held-out runs as crosses."""
    model, ratio = found.models[0], found.summaries[0].ratio
    tests = {each.task: each for each in found.tests if each.ratio == ratio}
    tasks = {each.name: each for each in model.tasks if each.name in tests}
    ranked = sorted(tasks, key=lambda name: (tests[name].verdict != PREDICTABLE, round(tasks[name].floor - tasks[name].top, 6)))
    panels = []
    for name in [each for each in tasks if each in ranked[:_PANELS]]:
        task, test = tasks[name], tests[name]
        assert task.where.flops is not None
        runs = test.runs
        marks: list[Mark] = [
            *path_marks(model, task, float(task.where.flops.min()), max(runs.flops) / 1.5, found.level, COMPUTE),
            Points(task.where.flops, task.scores, f"{test.fitted} runs fitted", 7, "dot"),
            Points(np.array(runs.flops), np.array(runs.measured), f"{test.predicted} held out", 5, "cross"),
            Points(np.array(runs.flops), np.array(runs.predicted), "foretold for their sizes", 0, "square"),
            *levels(task),
        ]
        verdict = "" if test.verdict == PREDICTABLE else f"{test.verdict}, "
        panels.append(Panel(f"{name}: {verdict}off by {format_points(test.error)} points", COMPUTE, SCORE, tuple(marks)))
    title = f"Scores of {found.name} foretold from C <= C_max/{ratio:g}"
    more = f"{len(tests) - len(panels)} more tasks in the table" if len(tests) > len(panels) else "all tasks"
    return Chart(title, f"held-out runs were foretold from parameters and tokens alone; {more}", tuple(panels))
