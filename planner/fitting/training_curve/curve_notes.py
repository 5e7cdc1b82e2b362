"""What a reader of a training curve must know: what its log cannot tell, how far it reaches, what no schedule explains."""

from collections.abc import Sequence

import numpy as np

from planner._util.files import settings
from planner.fitting.training_curve.decide import Asked
from planner.fitting.training_curve.laws import FILE
from planner.fitting.training_curve.smoothing import Smoothed
from planner.fitting.training_curve.watch import Event
from planner.notes import Note, Severity
from planner.quantities import format_factor, format_percent, format_whole, plain

_NEAR = 1.5
_FAR = 6.05
"""The longest forecast that was tested, over the log: from 12,000 steps to 72,000. A longer one is a guess."""


def curve_notes(run: Asked, logs: Sequence[Smoothed], seen: Sequence[Event]) -> list[Note]:
    """Return the notes of a curve."""
    least = settings(FILE, "decide")["least_rate"]
    notes = [_of_event(event) for event in seen]
    reach = run.plan.end / max(log.path.end for log in logs)
    if reach > _NEAR:
        severity: Severity = "warning" if reach > _FAR else "info"
        text = f"the end lies at {format_factor(reach)} the steps of the longest log"
        more = f"; forecasts were tested up to {format_factor(6.0)}: beyond it they are guesses" if reach > _FAR else ""
        notes.append(Note("extrapolation", severity, text + more))
    if min(_lowest(log) for log in logs) > _CONSTANT:
        text = "the logs are at a constant rate: what a decay gives is not in them. It is taken from the runs that ship, "
        notes.append(Note("no-decay-seen", "info", f"{text}two sizes of one recipe, and its interval is wide"))
    after = run.plan.lr[run.plan.steps > run.now]
    if len(after) and after.min() < 0.99 * least * run.fit.peak:
        text = f"the schedule falls below {format_percent(least)} of the peak, the lowest rate of the runs that the laws "
        notes.append(Note("low-rate", "info", f"{text}were tested on"))
    says = float(run.plan.at(np.array([run.now]))[0]) if run.plan.end > run.now else run.rate
    if abs(says - run.rate) > _APART * run.fit.peak:
        rates = f"the log's learning rate is {plain(run.rate, 3)}, the schedule's {plain(says, 3)}"
        text = f"at step {format_whole(run.now)} {rates}: is it this run's? It is taken from there on"
        notes.append(Note("schedule-differs", "warning", text))
    log = logs[0]
    text = f"{log.name}: {format_whole(log.rows)} rows as {len(log.steps)} means of {_rows(log)}; a row scatters by "
    text += f"{_percent(log.scatter)}. The interval is that of the smoothed training loss"
    return [*notes, Note("smoothing", "info", text)]


_APART = 0.03
"""Difference of two rates, over the peak, from which a schedule is not the log's."""

_CONSTANT = 0.95
"""Lowest rate over the highest from which on a log is called constant."""


def _rows(log: Smoothed) -> str:
    ends = dict.fromkeys([format_whole(log.shortest), format_whole(log.longest)])
    return f"{' to '.join(ends)} {'row' if log.longest == 1 else 'rows'}"


def _percent(share: float) -> str:
    return format_percent(share) if share >= 5e-5 else "less than 0.01 %"


def _lowest(log: Smoothed) -> float:
    """Return the lowest rate after the warm-up, over the highest."""
    after = log.path.lr[log.path.steps >= log.warmup]
    return float(np.min(after) / np.max(log.path.lr))


def _of_event(event: Event) -> Note:
    """Return an event as a sentence."""
    at, change = format_whole(event.step), format_percent(abs(event.change))
    more = f" and up to {format_whole(event.until)}" if event.until > event.step else ""
    way = "above" if event.change > 0 else "below"
    text = {
        "spike": f"a spike at step {at}, {change} above the smoothed loss",
        "not a number": f"the loss is no number at step {at}{more}",
        "divergence": f"the loss rises by {change} from step {at} on though the rate does not: the run "
        "diverges. The forecast is of a run that goes on from there as before",
        "bend": f"from step {at} on the loss leaves its law, to end {change} {way} it, which the schedule does not explain: "
        "other data, another batch size, or a fault?",
    }[event.kind]
    return Note(event.kind.replace(" ", "-"), "info" if event.kind == "spike" else "warning", f"{event.log}: {text}")
