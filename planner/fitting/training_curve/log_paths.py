"""The learning rate of each log from step 0 on: its rows', a schedule's, another log's of which it is a branch, or a warm-up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from planner.errors import FitError, OptionError, RunsFileError
from planner.fitting.tables.raw_table import is_source
from planner.fitting.training_curve.laws import settings
from planner.fitting.training_curve.log_reader import Log, read_log
from planner.fitting.training_curve.rate_path import KINDS, Array, Defaults, RatePath, checked, in_words
from planner.fitting.training_curve.smoothing import thinned
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.quantities import format_whole, shown


def paths_of(logs: Sequence[Log], planned: Sequence[RatePath | None], warmup: float | None) -> tuple[list[RatePath], list[Note]]:
    """Return the path of each log up to its last row, and what to say of them.

    ``planned`` has the schedule of each, for those without learning rates; ``warmup`` are steps before the first row, if known.

    Raises
    ------
    FitError
        A log has neither learning rates nor a schedule.
    """
    found: dict[int, RatePath] = {}
    notes: list[Note] = []
    # those that begin first come first: later ones may be branches of them
    for at in sorted(range(len(logs)), key=lambda i: (float(logs[i].steps[0]), i)):
        log, plan = logs[at], planned[at]
        if log.lr is not None:
            found[at], said = _begun(RatePath(log.steps, log.lr), [found[i] for i in sorted(found)], warmup, log.name)
            notes += said
        elif plan is not None:
            found[at] = plan.until(float(log.steps[-1]))
        else:
            raise FitError(f"{log.name}: has no learning rates above 0; give its schedule: `schedule` {shown(KINDS['cosine'])}")
    return [found[at] for at in range(len(logs))], notes


def _begun(path: RatePath, others: Sequence[RatePath], warmup: float | None, name: str) -> tuple[RatePath, list[Note]]:
    """Return a path from step 0 on: before its first step it is another's, of the nearest rate there, or a linear warm-up."""
    first, rate = float(path.steps[0]), float(path.lr[0])
    trunks = [each for each in others if each.steps[0] == 0 and each.end >= first]
    said = []
    if warmup is not None and warmup > first:
        text = f"{name}: --warmup {format_whole(warmup)} reaches past its first row, step {format_whole(first)}"
        said = [Note("warm-up-logged", "warning", f"{text}, from which on the rates of the log are taken")]
    if first <= 0:
        return path, said
    if trunks and warmup is None:
        apart = [round(abs(float(each.at(np.array([first]))[0]) - rate) / max(rate, 1e-300), 6) for each in trunks]
        # of equally near ones the longest, then the first
        trunk = min(range(len(trunks)), key=lambda i: (apart[i], -trunks[i].end, i))
        return trunks[trunk].until(first).then(path), []
    late = first > settings("smoothing")["late_start"] * path.end
    usual = first / 10 if late else first
    rise = min(usual if warmup is None else warmup, first)
    before = RatePath(np.array([0.0, rise]), np.array([0.0, rate])) if rise > 0 else RatePath(np.zeros(1), np.array([rate]))
    whole = RatePath(*(np.append(head, rest[path.steps > rise]) for head, rest in zip(before, path, strict=True)))
    if warmup is not None or rate < 0.5 * float(path.lr.max()):  # the log shows how the rate rises
        return whole, said
    text = f"{name}: before its first row, step {format_whole(first)}, a linear warm-up"
    if late:
        text += f" over {format_whole(rise)} steps and then its first rate are taken; --warmup says how it was"
        return whole, [Note("late-start", "warning", text)]
    return whole, [Note("warm-up-taken", "info", f"{text} is taken")]


def read_schedule(value: Any, known: Defaults, others: Sequence[RatePath], name: str = "schedule") -> tuple[RatePath, str, Array]:
    """Return a schedule, what it is called, and its own steps where it was given by steps.

    It is said in words, which need not say what is ``known``, by a table with columns step and lr, or as (steps, lr). Before the
    first step of one that is given by steps it is that of the ``others``, the logs.

    Raises
    ------
    PlannerError
        It is not understood.
    """
    if isinstance(value, RatePath):
        return value, name, np.zeros(0)
    if isinstance(value, str) and not _is_file(value):
        return in_words(value, known, name), " ".join(value.split()), np.zeros(0)
    if is_source(value):
        read = read_log(value, Reading(), None, 0, loss=False)
        if read.lr is None:
            raise RunsFileError(f"{read.name}: its learning rates are 0 in every row; a schedule has one above 0")
        given, called = checked(read.steps, read.lr, name), read.name
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        given, called = checked(value[0], value[1], name), "the schedule given"
    else:
        raise OptionError(f"`{name}` {shown(value)}: expected words such as {shown(KINDS['cosine'])}, a file, or (steps, lr)")
    steps = np.unique(given.steps)
    if others and steps[0] > max(each.end for each in others):  # it goes on from the run
        whole = others[0].then(given)
    else:
        whole = _begun(given, others, known.warmup if not others else None, called)[0]
    return thinned(whole, settings("fit")["schedule_knots"]), called, steps


def _is_file(text: str) -> bool:
    """Tell whether a text names a file rather than a schedule."""
    try:
        there = Path(text).is_file()
    except (OSError, ValueError):
        return False
    return there or Path(text).suffix.lower() in {".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".parquet", ".gz"}
