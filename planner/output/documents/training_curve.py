"""The curve of a run in progress as blocks to read, and as rows."""

from typing import TYPE_CHECKING

from planner.fitting.training_curve.curve_result import CurvePoint, TrainingCurve
from planner.fitting.training_curve.decide import MUCH, Choice, DecayStart
from planner.fitting.training_curve.forecast import Gain
from planner.fitting.training_curve.held_to_law import HeldToLaw
from planner.output.documents.blocks import Block, Facts, Table, Title, note_blocks
from planner.quantities import format_count, format_percent, format_rate, format_signed_percent, format_whole, significant

if TYPE_CHECKING:
    from planner.output.csv_json_machines import Row


def training_curve_document(curve: TrainingCurve) -> list[Block]:
    """Return the blocks of a training curve."""
    end, level = curve.end, format_percent(curve.level)
    ahead = end.step > curve.now.step
    title = f"Training curve of {curve.name}: loss {_loss(end.loss)} at step {format_whole(end.step)}"
    rows = [
        ("now", _loss(curve.now.loss), f"smoothed, at step {format_whole(curve.now.step)}; learning rate {_rate(curve.now.lr)}")
    ]
    if ahead:
        at = f"at step {format_whole(end.step)}, learning rate {_rate(end.lr)}"
        rows.append(("end", _loss(end.loss), f"{level} interval {_ends(end)}, {at}"))
    rows.append(("schedule", "", curve.schedule))
    if curve.decay_gain:
        text = f"of loss from the decay that is left; {level} interval {_span(curve.decay_gain)}"
        rows.append(("decay", significant(curve.decay_gain.value, 2), text))
    if curve.best_start:
        best = curve.best_start
        share = format_percent(round(best.share, 2))
        text = f"the best step for a decay to 0, {share} of the run; it ends at {_loss(best.loss)} ({_ends(best)})"
        rows.append(("decay from", format_whole(best.step), text))
    laws = ", ".join(f"{law.name} {format_percent(round(law.weight, 2))}" for law in curve.laws)
    rows.append(("laws", "", f"weighed by how they fit: {laws}"))
    if curve.against:
        rows.append(("law", curve.against.verdict, _verdict(curve.against)))
    blocks: list[Block] = [Title(title), Facts(rows), _choices(curve)]
    if curve.decay_starts:
        blocks.append(_starts(curve))
    if curve.against:
        blocks.append(_against_law(curve.against, curve.level))
    return [*blocks, *note_blocks(curve.notes)]


def _verdict(held: HeldToLaw) -> str:
    last = held.rows[-1]
    since = f", since step {format_whole(held.since)} or before" if held.since is not None else ""
    beside = f"the end is {format_signed_percent(last.difference, 2)} beside {held.law}, {_loss(last.law_loss)}"
    return f"{beside} for {format_count(held.params)} parameters and {format_count(last.tokens)} tokens{since}"


def _against_law(held: HeldToLaw, level: float) -> Table:
    rows = [
        [
            format_whole(row.step),
            format_count(row.tokens),
            f"{_loss(row.loss)} ({_loss(row.low)} to {_loss(row.high)})",
            _loss(row.law_loss) + (f" ({_loss(row.law_low)} to {_loss(row.law_high)})" if row.law_low < row.law_high else ""),
            format_signed_percent(row.difference, 2),
            ("ahead" if row.difference < 0 else "behind") if row.sure else "on the law",
        ]
        for row in held.rows
    ]
    headers = ["step", "tokens", f"the run ({format_percent(level)} interval) [1]", held.law, "difference", ""]
    note = "as planned at the end; before it, had it decayed to 0 over the last fifth, for a law speaks of runs that are done"
    return Table("Held against the law", "rrrrrl", headers, rows, [f"{note} ({held.reference})"])


def _choices(curve: TrainingCurve) -> Table:
    level = format_percent(curve.level)
    rows = [
        [each.what, format_whole(each.steps), _loss(each.loss), _ends(each), _against(each)] for each in curve.choices
    ]  # fmt: skip
    left = curve.end.step - curve.now.step >= MUCH * curve.end.step
    stretched = (
        "what is left of the schedule is stretched" if left else "the schedule is stretched after its warm-up, from the start"
    )
    note = (
        "loss less the planned end's by the laws alone, with its interval: below 0 is better. What schedules share does not "
        "widen it; the losses beside also heed how far the log lies off the laws now"
    )
    headers = ["", "steps", "loss", f"{level} interval", "against the plan [1]"]
    return Table("What else it could do", "lrrrl", headers, rows, [f"{note}. For more steps {stretched}"])


def _against(choice: Choice) -> str:
    if choice.kind == "plan":
        return "-"
    low, high = -choice.gain.high, -choice.gain.low
    return f"{_signed(-choice.gain.value)} ({_signed(low)} to {_signed(high)})"


def _starts(curve: TrainingCurve) -> Table:
    rows = [
        [
            format_whole(each.step),
            format_percent(round(each.share, 2)),
            _loss(each.loss),
            _ends(each),
            "lowest" if each == curve.best_start else "",
        ]
        for each in curve.decay_starts
    ]
    heading = f"A decay to 0 that ends at step {format_whole(curve.end.step)}"
    return Table(heading, "rrrrl", ["from step", "of the run", "loss", f"{format_percent(curve.level)} interval", ""], rows, [])


def training_curve_rows(curve: TrainingCurve) -> "list[Row]":
    """Return a row for each choice and start of a decay, then for each step along the schedule and each smoothed point."""
    empty = {"what": "", "lr": None, "low": None, "high": None, "gain": None, "gain_low": None, "gain_high": None}

    def row(kind: str, steps: float, loss: float, **rest: object) -> "Row":
        return {"kind": kind, "steps": steps, "loss": loss, **empty, **rest}

    def gains(gain: Gain) -> dict[str, float]:
        return {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}

    found = [
        row(each.kind, each.steps, each.loss, what=each.what, low=each.low, high=each.high, **gains(each.gain))
        for each in curve.choices
    ]
    found += [row("decay start", each.step, each.loss, low=each.low, high=each.high) for each in curve.decay_starts]
    found += [row("forecast", each.step, each.loss, lr=each.lr, low=each.low, high=each.high) for each in curve.curve]
    for log, points in zip(curve.logs, curve.observed, strict=True):
        found += [row("observed", step, loss, what=log.name) for step, loss in points]
    return found


def _loss(value: float) -> str:
    return significant(value, 4)


def _rate(value: float) -> str:
    return format_rate(value) if value else "0"


def _ends(each: CurvePoint | Choice | DecayStart) -> str:
    return f"{_loss(each.low)} to {_loss(each.high)}"


def _span(gain: Gain) -> str:
    return f"{significant(gain.low, 2)} to {significant(gain.high, 2)}"


def _signed(value: float) -> str:
    rounded = round(value, 3)
    return f"{rounded:+.3f}" if rounded else "0"
