"""Charts of how N, D and loss grow: sweeps, and every law on one budget, with published models marked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner._util.files import settings
from planner.allocation import solver
from planner.allocation.problem import Problem
from planner.architectures.published_models import model
from planner.errors import CannotPlanError
from planner.output.charts._base import (
    COMPUTE,
    PARAMS,
    TOKENS,
    Band,
    Chart,
    Line,
    Mark,
    Panel,
    Points,
    Rule,
    Scale,
    Unit,
    guess_text,
    law_text,
    point,
    runs_span,
    thinned,
)
from planner.planning.compare import Comparison
from planner.planning.sweep import Sweep
from planner.quantities import format_count, format_flops, format_percent, significant
from planner.scaling_laws.law import Law

_MOST_ROWS = 400
_MOST_LINES = 6


def model_points(which: str, span: tuple[float, float]) -> list[Points]:
    """Return published models between two budgets, if any: their parameters at work, or their tokens, against compute."""
    names = settings("planning.toml", "landmarks")["models"]
    found = [each for each in map(model, names) if each.tokens is not None]
    placed = [
        (each.flops or each.flops_6nd or 0.0, each.shape.active if which == "params" else each.tokens, each.name)
        for each in found
    ]
    inside = [each for each in placed if span[0] <= each[0] <= span[1]]
    if not inside:
        return []
    x, y, names = zip(*inside, strict=True)
    return [Points(np.array(x, float), np.array(y, float), "published models", 7, "star", names)]


def growth_panels(problem: Problem, flops: float, run: tuple[float, float, str]) -> tuple[Panel, ...]:
    """Return N and D of a law's optima against compute, with a run and published models."""
    C = np.geomspace(flops / 1e3, flops * 1e3, 61)
    best = solver.best_run(problem.without_limits(), C)
    panels = []
    for scale, values, own, which in zip((PARAMS, TOKENS), best, run[:2], ("params", "tokens"), strict=True):
        marks: tuple[Mark, ...] = (
            *runs_span(problem.law),
            Line(C, values, problem.law.id, 0, "main"),
            *model_points(which, (float(C[0]), float(C[-1]))),
            point(flops, own, run[2], 5, "cross", format_count(own)),
        )
        panels.append(Panel(_heading(scale), COMPUTE, scale, marks))
    return tuple(panels)


def _heading(scale: Scale) -> str:
    return scale.label.partition(" ")[0].partition(",")[0].capitalize()


def _along(few: Sweep, table: Any, lines: list[Any], name: str, unit: str) -> list[Mark]:
    """Return one quantity of a sweep: a line for each law that has it in this unit, with its interval."""
    values, along = table[name], _column(few, table)
    marks: list[Mark] = []
    for group, (law, text, rows) in enumerate(lines):
        if np.isnan(values[rows]).all() or (name == "loss" and law.conventions.loss_unit != unit):
            continue
        known = ~np.isnan(values) & rows
        if f"{name}_low" in table and not np.isnan(table[f"{name}_low"][known]).all():
            level = format_percent(few.question.level)
            low, high = (table[f"{name}_{end}"][known] for end in ("low", "high"))
            marks.append(Band(along[known], low, high, f"{level} interval", group))
        marks.append(Line(along[known], values[known], text, group, "main" if len(lines) == 1 else "usual"))
    return marks


def sweep_chart(found: Sweep) -> Chart:
    """Return N, D and loss along a sweep: one line for each law, or for each value of the other range."""
    few = _thinned(found)
    table = few.table()
    lines = _lines_of(few, table)
    x = _across(few)
    by_compute, panels = x is COMPUTE, []
    unit = _loss_unit(few, table)
    wanted = [("params", PARAMS), ("tokens", TOKENS), ("loss", Scale(f"loss, {unit}", log=False, unit="plain"))]
    if not by_compute:
        wanted.insert(0, ("flops", COMPUTE))
    ends = float(table["flops"].min()), float(table["flops"].max())
    varied = {each for axis in few.axes for each in (axis.name, axis.column)}
    for name, y in wanted:
        if np.isnan(table[name]).all() or name in varied or (name == "flops" and ends[0] == ends[1]):
            continue
        marks = _along(few, table, lines, name, unit)
        if not marks:
            continue
        if by_compute and len(few.laws) == 1:
            marks = [*runs_span(few.laws[0]), *marks]
        if by_compute and name != "loss":
            marks += model_points(name, ends)
        panels.append(Panel(_heading(y), x, y, tuple(marks)))
    if by_compute and len(few.axes) == 1 and len(lines) >= _FEWEST_LAWS and "params" not in varied:
        panels.append(_ratios(_column(few, table)[lines[0][2]], [(text, table["params"][rows]) for _, text, rows in lines]))
    if not panels:
        raise CannotPlanError("plot: no row of this range has an answer to draw")
    title = "Compute-optimal plans" if by_compute and "regime" not in few.columns else f"Plans over {x.label}"
    far = float(np.nan_to_num(table["extrapolation"]).max())
    cited = "; ".join(f"{law.id} ({law.source.authors} {law.source.year})" for law in few.named)
    if len(few.named) == 1:
        cited = f"{few.named[0].id} ({few.named[0].reference})"
    return Chart(title, cited + guess_text(far), tuple(panels))


_FEWEST_LAWS = 3
"""So many laws have a consensus; of fewer the lines can be told apart."""


def _ratios(budgets: NDArray[Any], sizes: list[tuple[str, NDArray[Any]]], *others: Mark) -> Panel:
    """Return N over the geometric mean of some laws: where they coincide, lines of N itself cannot be told apart."""
    known = [(name, values) for name, values in sizes if not np.isnan(values).any()]
    middle = np.exp(np.mean(np.log([values for _, values in known]), axis=0))
    lines = (Line(budgets, values / middle, name, group) for group, (name, values) in enumerate(known))
    over = Scale("N over the geometric mean of these laws", unit="plain")
    return Panel("Parameters over their mean", COMPUTE, over, (*lines, *others))


def _thinned(found: Sweep) -> Sweep:
    """Return the same sweep with no more points than a picture shows."""
    from dataclasses import replace

    most = [_MOST_ROWS if axis is found.axes[-1] else _MOST_LINES for axis in found.axes]
    values = [np.array(thinned(axis.values.tolist(), few)) for axis, few in zip(found.axes, most, strict=True)]
    axes = tuple(axis._replace(values=some) for axis, some in zip(found.axes, values, strict=True))
    return replace(found, axes=axes, workers=1)


_NAMES = {"params": "parameters N", "tokens": "tokens D", "mfu": "utilisation (MFU)", "price": "price", "pue": "PUE"}


def _across(found: Sweep) -> Scale:
    """Return the scale of the last range."""
    axis = found.axes[-1] if found.axes else None
    if axis is None or axis.name == "flops":
        return COMPUTE
    units: dict[str, Unit] = {"parameters": "count", "tokens": "count", "USD": "dollars"}
    values = axis.values
    unit: Unit = "percent" if not axis.unit and values[-1] <= 1 else units.get(axis.unit, "plain")
    plainly = {"", axis.name, "parameters", "tokens", "USD"}
    label = _NAMES.get(axis.name, axis.name.replace("_", " ")) + ("" if axis.unit in plainly else f", {axis.unit}")
    return Scale(label, log=bool(values[0] > 0 and values[-1] >= 5 * values[0]), unit=unit)


def _column(found: Sweep, table: dict[str, NDArray[Any]]) -> NDArray[Any]:
    return table[found.axes[-1].column if found.axes else "flops"]


def _lines_of(found: Sweep, table: dict[str, NDArray[Any]]) -> list[tuple[Law, str, NDArray[np.bool_]]]:
    """Return the law, a text and the rows of each line: laws times values of the first of two ranges."""
    other = found.axes[0] if len(found.axes) == 2 else None
    lines = []
    for law in found.named:
        of_law = table["law"] == law.id
        if other is None:
            lines.append((law, law.id, of_law))
            continue
        for value in other.values:
            amount = format_count(float(value)) if other.unit in {"parameters", "tokens"} else significant(float(value))
            text = f"{other.name.replace('_', ' ')} {amount}"
            lines.append((law, text if len(found.laws) == 1 else f"{law.id}, {text}", of_law & (table[other.column] == value)))
    return lines


def _loss_unit(found: Sweep, table: dict[str, NDArray[Any]]) -> str:
    """Return the unit of the first law that has a loss: losses in others are not drawn beside it."""
    units = [law.conventions.loss_unit for law in found.named if not np.isnan(table["loss"][table["law"] == law.id]).all()]
    return units[0] if units else "none"


def comparison_chart(found: Comparison) -> Chart:
    """Return N and D against compute under the laws that have a voice, the others faint, with published models marked."""
    budgets = np.geomspace(found.flops / 1e3, found.flops * 1e3, 61)
    voices = sorted(found.voices, key=lambda voice: bool(voice.silent))
    chosen = len(voices) <= _MOST_LINES + 2  # laws that somebody asked for by name bear it
    dense = [voice for voice in voices if voice.answer.law.form.active is None]
    panels, asked = [], Rule(found.flops, format_flops(found.flops))
    for name, scale, spread in (("params", PARAMS, found.params), ("tokens", TOKENS, found.tokens)):
        marks: list[Mark] = []
        silent_said = False
        for group, voice in enumerate(dense):
            values = getattr(solver.allocate(voice.answer.law, budgets), name)
            if voice.silent and not chosen:
                marks.append(Line(budgets, values, "" if silent_said else "laws without a voice", 7, "faint"))
                silent_said = True
            else:
                marks.append(Line(budgets, values, voice.answer.law.id, group))
        ends = (spread.low, spread.high)
        marks += [asked, point(found.flops, spread.middle, "consensus, all studies", 3, "circle", ends=ends)]
        marks += model_points(name, (float(budgets[0]), float(budgets[-1])))
        panels.append(Panel(_heading(scale), COMPUTE, scale, tuple(marks)))
    voiced = [voice.answer.law for voice in dense if chosen or not voice.silent]
    if len(voiced) >= _FEWEST_LAWS:
        sizes = [(law.id, np.asarray(solver.allocate(law, budgets).params)) for law in voiced]
        panels.append(_ratios(budgets, sizes, asked))
    title = f"{len(found.studies)} studies and {len(found.voices)} laws around {format_flops(found.flops)}"
    return Chart(title, f"judged by {law_text(found.judge)}", tuple(panels))
