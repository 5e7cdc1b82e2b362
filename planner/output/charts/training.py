"""Chart of a run in progress: loss and learning rate over steps, the forecast with its band, other schedules thin."""

from collections.abc import Sequence

import numpy as np

from planner.errors import OptionError
from planner.fitting.training_curve.curve_result import TrainingCurve, grid
from planner.fitting.training_curve.forecast import forecast
from planner.fitting.training_curve.rate_path import RatePath
from planner.output.charts._base import Band, Chart, Line, Mark, Panel, Points, Rule, Scale
from planner.quantities import format_percent, format_whole

_SHOWN = {"hold", "schedule", "decay now"}
_MOST = 5


def training_chart(curve: TrainingCurve) -> Chart:
    """Return the loss and the learning rate over the steps."""
    if curve.fit is None:
        raise OptionError("plot: this curve does not hold its fit; fit its logs again")
    others = [(each.what, path) for each, path in zip(curve.choices, curve.paths, strict=True) if each.kind in _SHOWN]
    others = [each for each in others if each[1].end <= 1.2 * max(curve.end.step, curve.now.step)][-_MOST:]
    title = f"Training curve of {curve.name}: forecast to step {format_whole(curve.end.step)}"
    laws = ", ".join(f"{law.name} {format_percent(round(law.weight, 2))}" for law in curve.laws)
    source = f"laws of the learning-rate schedule, weighed by how they fit: {laws}"
    return Chart(title, source, (_losses(curve, others), _rates(curve, others)))


def _losses(curve: TrainingCurve, others: Sequence[tuple[str, RatePath]]) -> Panel:
    assert curve.fit is not None
    x, loss, low, high = (np.array([getattr(point, name) for point in curve.curve]) for name in ("step", "loss", "low", "high"))
    marks: list[Mark] = [Band(x, low, high, f"{format_percent(curve.level)} interval", 0)]
    seen = [y for points in curve.observed for _, y in points]
    lowest = min(float(low.min()), min(seen))
    for group, (what, path) in enumerate(others, 1):
        along = forecast(curve.fit, path, grid(path.end, curve.fit.warmup), curve.level)
        marks.append(Line(along.steps, along.loss, what, group, "faint"))
        lowest = min(lowest, float(along.loss.min()))
    ahead = x >= curve.now.step if curve.end.step > curve.now.step else x > 0
    marks.append(Line(x[ahead], loss[ahead], "expected", 0, "main"))
    for number, points in enumerate(curve.observed):
        t, y = np.array(points).T
        label = "smoothed log" if not number else ("other logs" if number == 1 else "")
        marks.append(Points(t, y, label, 7 if not number else 6, "dot"))
    if curve.end.step > curve.now.step:
        marks.append(Rule(curve.now.step, "now"))
    # the first steps fall too far for what matters to be seen
    most = max(float(np.quantile(seen, 0.85)), float(np.quantile(high, 0.9)))
    ends = lowest - 0.04 * (most - lowest), most + 0.25 * (most - lowest)
    scale = Scale("training loss, smoothed", log=False, unit="plain", ends=ends)
    return Panel("Loss", _steps(curve, others), scale, tuple(marks))


def _steps(curve: TrainingCurve, others: Sequence[tuple[str, RatePath]]) -> Scale:
    last = max([curve.end.step, curve.now.step, *(path.end for _, path in others)])
    return Scale("step", log=False, ends=(0.0, 1.03 * last))


def _rates(curve: TrainingCurve, others: Sequence[tuple[str, RatePath]]) -> Panel:
    marks: list[Mark] = [Line(path.steps, path.lr, what, group, "faint") for group, (what, path) in enumerate(others, 1)]
    marks.append(Line(curve.paths[0].steps, curve.paths[0].lr, "planned", 0, "main"))
    if curve.end.step > curve.now.step:
        marks.append(Rule(curve.now.step, "now"))
    return Panel("Schedule", _steps(curve, others), Scale("learning rate", log=False, unit="plain"), tuple(marks))
