"""The curve of a run in progress: its logs read and fitted, its end forecast, its choices set side by side, its log watched."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.allocation.loss_interval import check_level
from planner.errors import FitError, OptionError, RunsFileError
from planner.fitting.training_curve.curve_fit import FittedLaw, fit_curves
from planner.fitting.training_curve.curve_notes import curve_notes
from planner.fitting.training_curve.curve_result import CurvePoint, LawShare, LogRead, TrainingCurve, grid
from planner.fitting.training_curve.decide import Asked, choices, decay_starts
from planner.fitting.training_curve.forecast import forecast, gain
from planner.fitting.training_curve.held_to_law import held_to_law
from planner.fitting.training_curve.laws import CONSTANTS, settings
from planner.fitting.training_curve.log_paths import paths_of, read_schedule
from planner.fitting.training_curve.log_reader import Log, of_arrays, read_log, several
from planner.fitting.training_curve.rate_path import LONGEST, Array, Defaults, RatePath
from planner.fitting.training_curve.smoothing import Smoothed, smoothed, warmed_up
from planner.fitting.training_curve.watch import Event, events, turned
from planner.inputs.input_row import Number
from planner.inputs.registry import asks
from planner.inputs.table_inputs import Reading, RowInputs
from planner.notes import Note
from planner.quantities import format_count, format_whole, parse_count, parse_number, plain, shown


@asks(RowInputs)
def training_curve(
    logs: Any = None,
    *,
    steps: Any = None,
    loss: Any = None,
    lr: Any = None,
    batch: Number | None = None,
    schedule: Any = None,
    until: Number | None = None,
    compare: Sequence[Any] = (),
    warmup: Number | None = None,
    law: Any = None,
    params: Number | None = None,
    level: Number = LEVEL,
    **asked: Unpack[RowInputs],
) -> TrainingCurve:
    """Forecast the loss of a run in progress, and what else it could do.

    Parameters
    ----------
    logs : path, binary file, data frame, mapping, or a list of them, optional
        Logs with a step (or tokens), a loss and a learning rate a row. The first is the run's; others are of the same model and
        data under other schedules, or branches of it: one law is fitted to all. Curves that ship go by name:
        ``25M/cosine_24000``, or ``25M/cosine_72000:24000`` for its first steps.
    steps, loss, lr : sequence of float
        Instead of a log: its columns.
    batch : float or str, optional
        Tokens a step, for logs that count tokens and no steps; by default what a log says that counts both.
    schedule : str, path, or pair of arrays, optional
        The run's schedule from step 0 to its end, in words such as ``"cosine 24000 warmup 2160 peak 3e-4 end 3e-5"``, a file with
        columns step and lr, or (steps, lr). For logs without learning rates it says those; a list gives one for each log.
    until : float or str, optional
        The step at which the run ends, or its tokens, such as ``"10B"``, where those of a step are known. Without a schedule the
        last rate is held until then.
    compare : sequence of schedules
        Others to set beside the plan.
    warmup : float or str, optional
        Steps of warm-up before a log's first row.
    law : str, Path or Law, optional
        A law to hold the run against, best one of your own from the same data: ahead or behind, and since when.
    params : float or str, optional
        The run's parameters, as the law counts them; ``law`` needs them, and the tokens of a step.
    level : float or str
        Of the intervals.
    {inputs}

    Returns
    -------
    TrainingCurve

    Raises
    ------
    PlannerError
        A log that cannot be read, has too few rows, or neither learning rates nor a schedule; a schedule that is not understood.

    References
    ----------
    Tissue et al. 2024, arXiv 2408.11029; Luo et al. 2025, arXiv 2503.12811.

    Examples
    --------
    >>> import planner
    >>> found = planner.training_curve("25M/constant_72000:24000", schedule="wsd 72000 decay 12000")
    >>> f"{found.now.loss:.2f} at step {found.now.step:.0f}, {found.end.loss:.2f} at step {found.end.step:.0f}"
    '3.35 at step 23936, 3.16 at step 72000'
    """
    reading = Reading.of(asked, "training_curve", RowInputs)
    confidence = check_level(level)
    tokens = None if batch is None else parse_count(batch, "`batch`", "tokens")
    rise = None if warmup is None else _read_step(warmup, "warmup", least=0.0)
    read = _read(logs, steps, loss, lr, tokens, reading)
    tokens, told = _tokens_a_step(tokens, read[0])
    end, meant = (None, []) if until is None else _last_step(until, tokens)
    size = _size(law, params, tokens)
    run, smooth, seen, called, notes = _fitted(read, schedule, end, rise, confidence)
    known = Defaults(run.plan.end, run.fit.peak, run.warmup)
    others = [read_schedule(each, known, [log.path for log in smooth], "compare") for each in _several(compare)]
    what, ways = choices(run, [(name, path) for path, name, _ in others])
    starts, best = decay_starts(run)
    against = None if size is None else held_to_law(run, law, *size, read[0].loss_unit)
    notes += [against.note] if against and against.note else []
    inputs: dict[str, Any] = {"logs": [log.name for log in read], "sha256": [log.sha256 for log in read if log.sha256]}
    inputs |= {"schedule": called, "until": end, "compare": [name for _, name, _ in others], "warmup": rise}
    inputs |= {"batch": tokens, "law": against and against.law, "params": against and against.params, "level": confidence}
    constant = next((path for each, path in zip(what, ways, strict=True) if each.kind == "hold"), None)
    return TrainingCurve(
        name=read[0].name,
        logs=tuple(_log_read(log, part) for log, part in zip(read, smooth, strict=True)),
        now=_points(run._replace(plan=run.past), np.array([run.now]))[0],
        end=_points(run, np.array([run.plan.end]))[0],
        schedule=called,
        curve=tuple(_points(run, grid(run.plan.end, run.fit.warmup))),
        observed=tuple(tuple(zip(part.steps.tolist(), part.loss.tolist(), strict=True)) for part in smooth),
        decay_gain=constant and gain(run.fit, (constant, run.plan.end), (run.plan, run.plan.end), run.level),
        choices=tuple(what),
        decay_starts=tuple(starts),
        best_start=starts[best] if starts else None,
        events=tuple(seen),
        laws=tuple(_share(each) for each in run.fit.laws),
        against=against,
        level=confidence,
        notes=(*(note for log in read for note in log.notes), *told, *meant, *notes, *curve_notes(run, smooth, seen)),
        inputs=FrozenDict(inputs | reading.stated()),
        fit=run.fit,
        paths=tuple(ways),
    )


def _read(logs: Any, steps: Any, loss: Any, lr: Any, batch: float | None, reading: Reading) -> list[Log]:
    """Read the logs, from files or from arrays."""
    if logs is None:
        if steps is None or loss is None:
            raise OptionError(
                "a training curve needs a log: a file such as log.csv, or `steps` and `loss`, and `lr` or a schedule"
            )
        if reading != Reading():
            raise OptionError("columns, sheet and rows go with a log that is read, not with arrays")
        read = [of_arrays(steps, loss, lr, batch)]
    elif not (steps is None and loss is None and lr is None):
        raise OptionError("`steps`, `loss` and `lr` are columns instead of a log: give one or the other")
    else:
        sources = several(logs)
        read = [read_log(each, reading, batch, at if len(sources) > 1 else 0) for at, each in enumerate(sources, 1)]
    least, rows = settings("fit")["least"], sum(len(log.steps) for log in read)
    if rows < least:
        names = ", ".join(log.name for log in read)
        raise RunsFileError(f"{names}: {rows} rows with a step and a loss; at least {least} are needed, 100 are better")
    return read


_APART = 0.05
"""How far a stated batch may be from the log's own: a house convention."""

_MOST_STEPS = 1e8
"""More steps than any run takes: such an end is one in tokens."""


def _tokens_a_step(batch: float | None, log: Log) -> tuple[float | None, list[Note]]:
    """Return the tokens of a step as stated, else as the log counts them, and what is to be said of it."""
    counted = log.per_step
    if batch is None or counted is None or abs(batch / counted - 1) <= _APART:
        return batch or counted, []
    text = f"--batch {format_whole(batch)} is taken, but {log.name} counts {format_whole(counted)} tokens a step"
    return batch, [Note("batch-differs", "warning", text)]


def _last_step(until: Raw, per_step: float | None) -> tuple[float, list[Note]]:
    """Read where a run ends: a step, or tokens where that would be more steps than any run takes."""
    number = _read_step(until, "until", most=math.inf)
    if number <= _MOST_STEPS and not (isinstance(until, str) and until.strip().lower().endswith("tokens")):
        return number, []
    if per_step is None:
        raise OptionError(
            f"`until` {shown(until)}: more steps than any run takes; where tokens are meant, give `batch`, the tokens of a step"
        )
    step = number / per_step
    if not 1 <= step <= LONGEST:
        raise OptionError(
            f"`until` {shown(until)}: {plain(step, 4)} steps of {format_whole(per_step)} tokens; expected 1 or more"
        )
    text = f"`until` {format_count(number)} tokens is step {format_whole(step)}, of {format_whole(per_step)} tokens each"
    return step, [Note("until-tokens", "info", text)]


def _read_step(value: Raw, name: str, least: float = 1.0, most: float = LONGEST) -> float:
    """Read a step, or a number of them, such as 72000 or 72k."""
    text = value.strip() if isinstance(value, str) else value
    suffixed = isinstance(text, str) and text[-1:].isalpha()
    number = parse_count(text, f"`{name}`", "tokens") if suffixed else parse_number(text, f"`{name}`")
    if not least <= number <= most:
        raise OptionError(f"`{name}` {shown(value)}: expected steps, from {plain(least)} to {plain(LONGEST)}")
    return number


def _fitted(
    read: Sequence[Log], schedule: Any, end: float | None, rise: float | None, level: float
) -> tuple[Asked, list[Smoothed], list[Event], str, list[Note]]:
    """Fit the laws to the logs; return the run, its logs as fitted, what they show, its schedule's name, and what to say."""
    plans = schedule if isinstance(schedule, list) and len(schedule) == len(read) else [schedule] + [None] * (len(read) - 1)
    whole = _schedules(read, plans, end, rise)
    paths, notes = paths_of(read, [each and each[0] for each in whole], rise)
    parts = [_smoothed(log, path) for log, path in zip(read, paths, strict=True)]
    smooth = [part for part, _ in parts]
    fit = fit_curves(smooth)
    plan, called = _plan(whole[0], smooth[0].path, end, read[0].name)
    seen = [event for log, (part, turn) in zip(read, parts, strict=True) for event in (*events(log, part, fit), *turn)]
    return Asked(fit, smooth[0].path, plan, smooth[0].warmup, level), smooth, seen, called, notes


def _several(compare: Raw) -> list[Any]:
    """Return the schedules to compare, of one alone too."""
    if isinstance(compare, str):
        return [compare]
    if not isinstance(compare, (list, tuple)):
        raise OptionError(f"`compare` {shown(compare)}: expected schedules in a list, such as ['wsd 72000 decay 12000']")
    return list(compare)


def _size(law: Any, params: Raw, batch: float | None) -> tuple[float, float] | None:
    """Return parameters and tokens a step of a run that is held against a law."""
    if law is None and params is not None:
        raise OptionError("`params` are for a law that the run is held against: give `law` too")
    if law is None:
        return None
    if params is None or batch is None:
        raise OptionError(
            "`law` needs the run's `params` and `batch`, the tokens of a step (or a log that counts both): a law speaks of "
            "parameters and tokens"
        )
    return parse_count(params, "`params`", "parameters"), batch


def _smoothed(log: Log, path: RatePath) -> tuple[Smoothed, list[Event]]:
    """Return a smoothed log, of one that diverges the part before, and whether it does."""
    rise, how = warmed_up(path), settings("fit")
    beyond = int((log.steps >= rise).sum())
    if beyond < how["least_each"]:
        raise FitError(
            f"{log.name}: {beyond} of its {len(log.steps)} rows lie beyond the warm-up, which ends at step {format_whole(rise)}; "
            f"at least {how['least_each']} are needed, for no law holds before"
        )
    whole = smoothed(log.name, log.steps, log.loss, path)
    turn = turned(whole)
    if turn is not None:
        before = log.steps <= turn.step
        if before.sum() >= how["least"]:
            return smoothed(log.name, log.steps[before], log.loss[before], path.until(float(log.steps[before][-1]))), [turn]
    if not whole.loss[-1] < whole.loss[0] * (1 - 1e-9):
        ends = f"{plain(whole.loss[0], 4)} at step {format_whole(whole.steps[0])}, {plain(whole.loss[-1], 4)}"
        raise FitError(
            f"{log.name}: its loss does not fall: {ends} at step {format_whole(whole.steps[-1])}; nothing follows from that"
        )
    return whole, []


_Called = tuple[RatePath, str]
"""A schedule as it was given, and what it is called."""


def _schedules(logs: Sequence[Log], plans: Sequence[Any], end: float | None, rise: float | None) -> list[_Called | None]:
    """Return the schedule of each log, where one was given; words need not say what the logs do."""
    peak = max((float(log.lr.max()) for log in logs if log.lr is not None), default=None)
    found: list[_Called | None] = []
    for log, plan in zip(logs, plans, strict=True):
        if plan is None:
            found.append(None)
            continue
        first, before = rise, []
        if log.lr is not None:
            before = paths_of([log], [None], rise)[0]
            first = rise if rise is not None else warmed_up(RatePath(log.steps, log.lr)) or float(log.steps[0])
        found.append(read_schedule(plan, Defaults(end, peak, first), before)[:2])
    return found


def _plan(whole: _Called | None, past: RatePath, end: float | None, name: str) -> _Called:
    """Return the run's path to its end: its rows so far, then its schedule, or its last rate."""
    now = past.end
    if end is not None and end < now:
        raise OptionError(f"`until` {format_whole(end)}: {name} is at step {format_whole(now)} already")
    if whole is None:
        rate = float(past.lr[-1])
        if end is None or end == now:
            return past, "none: the log's last row is taken as the end"
        return past.then(RatePath(np.array([now, end]), np.array([rate, rate]))), f"the last rate, {plain(rate, 3)}, is held"
    path, called = whole
    last = path.end if end is None else end
    if last > path.end:
        raise OptionError(f"`until` {format_whole(last)}: the schedule {shown(called)} ends at step {format_whole(path.end)}")
    if last < now:
        raise OptionError(f"the schedule {shown(called)} ends at step {format_whole(last)}; {name} is at {format_whole(now)}")
    return (past.then(path.until(last).after(now)) if last > now else past), called


def _points(run: Asked, steps: Array) -> list[CurvePoint]:
    along = forecast(run.fit, run.plan, steps, run.level)
    columns = (along.steps, along.lr, along.loss, along.low, along.high)
    return [CurvePoint(*map(float, row)) for row in zip(*columns, strict=True)]


def _log_read(log: Log, part: Smoothed) -> LogRead:
    ends = float(log.steps[0]), float(log.steps[-1])
    return LogRead(log.name, part.rows, *ends, part.warmup, part.scatter, len(part.steps), part.shortest, part.longest)


def _share(found: FittedLaw) -> LawShare:
    constants = [*np.exp(found.constants[:5]).tolist(), float(found.constants[5])]
    law = found.law
    return LawShare(law.name, found.weight, FrozenDict(zip(CONSTANTS, constants, strict=True)), law.equation, law.source)
