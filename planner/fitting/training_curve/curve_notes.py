"""What a reader of a training curve must know: what its log cannot tell, how far it reaches, what no schedule explains."""

from collections.abc import Sequence

import numpy as np

from planner.fitting.training_curve.decide import Asked
from planner.fitting.training_curve.forecast import expected, shared
from planner.fitting.training_curve.laws import settings
from planner.fitting.training_curve.smoothing import Smoothed
from planner.fitting.training_curve.watch import Event
from planner.notes import Note, Severity
from planner.quantities import format_factor, format_percent, format_whole, plain


def curve_notes(run: Asked, logs: Sequence[Smoothed], seen: Sequence[Event]) -> list[Note]:
    """Return the notes of a curve."""
    log, known, least = logs[0], settings("reach"), settings("decide")["least_rate"]
    notes = [_of_event(event) for event in seen]
    notes += [note for other in logs[1:] for note in _apart(run, log, other)]
    notes += [_smooth_rows(each) for each in logs if round(each.follows, 9) >= settings("watch")["follows"]]
    reach = run.plan.end / max(each.path.end for each in logs)
    if reach > known["near"]:
        beyond = reach > _WELL_BEYOND * known["tested"]
        severity: Severity = "warning" if beyond else "info"
        text = f"the end lies at {format_factor(reach)} the steps of the longest log"
        more = f"; forecasts were tested up to {format_factor(known['tested'])}: beyond it they are guesses" if beyond else ""
        notes.append(Note("extrapolation", severity, text + more))
    if min(_lowest(each) for each in logs) > _CONSTANT:
        text = "the logs are at a constant rate: what a decay gives is not in them. It is taken from the runs that ship, two "
        text += "sizes of one recipe, where it gave 2 to 3 % of the loss; in simulation a decay that gives more than 6 % ended "
        notes.append(Note("no-decay-seen", "info", f"{text}below the interval: a branch that decays says more"))
    after = run.plan.lr[run.plan.steps > run.now]
    if len(after) and after.min() < 0.99 * least * run.fit.peak:
        text = f"the schedule falls below {format_percent(least)} of the peak, the lowest rate of the runs that the laws "
        notes.append(Note("low-rate", "info", f"{text}were tested on"))
    says = float(run.plan.at(np.array([run.now]))[0]) if run.plan.end > run.now else run.rate
    if abs(says - run.rate) > _APART * run.fit.peak:
        rates = f"the log's learning rate is {plain(run.rate, 3)}, the schedule's {plain(says, 3)}"
        text = f"at step {format_whole(run.now)} {rates}: is it this run's? It is taken from there on"
        notes.append(Note("schedule-differs", "warning", text))
    many = " to ".join(dict.fromkeys([format_whole(log.shortest), format_whole(log.longest)]))
    many += " row" if log.longest == 1 else " rows"
    scatter = format_percent(log.scatter) if log.scatter >= 5e-5 else "less than 0.01 %"
    text = f"{log.name}: {format_whole(log.rows)} rows as {len(log.steps)} means of {many}; a row scatters by {scatter}"
    text += ". The interval is that of the smoothed training loss"
    return [*notes, Note("smoothing", "info", text)]


def _smooth_rows(log: Smoothed) -> Note:
    """Say that a log's rows look smoothed: what they lag behind, and how much they scatter, cannot be seen in them."""
    text = f"{log.name}: each row follows the one before it (correlation {plain(log.follows, 2)}): a smoothed export, or losses "
    text += "that drift? Smoothing lags behind a falling loss, and hides its scatter: the interval is too narrow. "
    return Note("smoothed-rows", "warning", f"{text}Give the raw rows")


def _apart(run: Asked, first: Smoothed, log: Smoothed) -> list[Note]:
    """Say that a log's losses are not those of the first: where their schedules are one, or beside the laws fitted to both."""
    least = settings("watch")["apart"]
    until = shared(first.path, log.path, run.fit.peak)
    begun = max(float(each.steps[min(each.early, len(each.steps) - 1)]) for each in (first, log))
    same = (log.steps >= begun) & (log.steps <= min(until, float(first.steps[-1])))
    if same.sum() >= _ENOUGH:
        beside = float(np.median(np.log(log.loss[same] / np.interp(log.steps[same], first.steps, first.loss))))
    else:
        parts = [(np.log(each.loss) - expected(run.fit, each.path, each.steps))[each.early :] for each in (first, log)]
        beside = float(np.median(parts[1]) - np.median(parts[0]))
    noise = float(np.median(log.noise / log.loss)) / np.sqrt(max(same.sum(), _ENOUGH))
    if round(abs(beside), 9) < max(least, 4 * noise):
        return []
    way = "above" if beside > 0 else "below"
    text = f"{log.name} lies {format_percent(abs(beside))} {way} {first.name}, more than one model and data make: other data, "
    return [Note("logs-apart", "warning", f"{text}another unit or another size? One law for both is of neither: leave one out")]


_ENOUGH = 6
"""Points that two logs have in common, from which they are compared there."""

_WELL_BEYOND = 1.01
"""A log need not end at the very step that was tested from."""

_APART = 0.03
"""Difference of two rates, over the peak, from which a schedule is not the log's."""

_CONSTANT = 0.95
"""Lowest rate over the highest from which on a log is called constant."""


def _lowest(log: Smoothed) -> float:
    """Return the lowest rate after the warm-up, over the highest."""
    after = log.path.lr[log.path.steps >= log.warmup]
    return float(np.min(after) / np.max(log.path.lr))


def _of_event(event: Event) -> Note:
    """Return an event as a sentence."""
    at, change = format_whole(event.step), format_percent(abs(event.change))
    until = f"in {format_whole(event.rows)} rows from step {at} to {format_whole(event.until)}"
    rows = until if event.rows > 1 else f"at step {at}"
    ended = ", the last of the log: did the run diverge? The forecast is of one that goes on as before" if event.at_end else ""
    way = "above" if event.change > 0 else "below"
    text = {
        "jump": f"at step {at} the loss jumps to about {change} {way} what came before, which the schedule does not explain: "
        "other data, another batch or another tokenizer? One law does not hold on both sides: give the rows after it as the log",
        "spike": f"a spike at step {at}, {change} above the smoothed loss",
        "not a number": f"the loss is no number {rows}{ended}",
        "divergence": f"the loss rises by {change} from step {at} on though the rate does not: the run "
        "diverges. The forecast is of a run that goes on from there as before",
        "bend": f"from step {at} on the loss leaves its law, to end {change} {way} it, which the schedule does not explain: "
        "other data, another batch size, or a fault?",
    }[event.kind]
    return Note(event.kind.replace(" ", "-"), "info" if event.kind == "spike" else "warning", f"{event.log}: {text}")
