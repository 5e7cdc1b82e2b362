"""The curve of a run in progress as blocks to read, and as rows."""

from planner.fitting.training_curve.curve_result import CurvePoint, TrainingCurve
from planner.fitting.training_curve.decide import MUCH, Choice, DecayStart
from planner.fitting.training_curve.held_to_law import Held, HeldToLaw
from planner.output.csv_json_machines import Row
from planner.output.documents.blocks import Block, Facts, Table, Title, between, four_digits, note_blocks
from planner.quantities import format_count, format_percent, format_rate, format_signed_percent, format_whole, significant


def training_curve_document(curve: TrainingCurve) -> list[Block]:
    end, level = curve.end, format_percent(curve.level)
    title = f"Training curve of {curve.name}: loss {four_digits(end.loss)} at step {format_whole(end.step)}"
    now = f"smoothed, at step {format_whole(curve.now.step)}; learning rate {_rate(curve.now.lr)}"
    rows = [("now", four_digits(curve.now.loss), now)]
    if end.step > curve.now.step:
        at = f"at step {format_whole(end.step)}, learning rate {_rate(end.lr)}"
        rows.append(("end", four_digits(end.loss), f"{level} interval {_ends(end)}, {at}"))
    rows.append(("schedule", "", curve.schedule))
    if curve.decay_gain:
        span = f"{significant(curve.decay_gain.low, 2)} to {significant(curve.decay_gain.high, 2)}"
        text = f"of loss from the decay that is left; {level} interval {span}"
        rows.append(("decay", significant(curve.decay_gain.value, 2), text))
    if best := curve.best_start:
        share = format_percent(round(best.share, 2))
        text = f"the best step for a decay to 0, {share} of the run; it ends at {four_digits(best.loss)} ({_ends(best)})"
        rows.append(("decay from", format_whole(best.step), text))
    laws = ", ".join(f"{law.name} {format_percent(round(law.weight, 2))}" for law in curve.laws)
    rows.append(("laws", "", f"weighed by how they fit: {laws}"))
    if curve.against:
        rows.append(("law", curve.against.verdict, _verdict(curve.against)))
    return [
        Title(title),
        Facts(rows),
        _choices(curve),
        *([_starts(curve)] if curve.decay_starts else []),
        *([_against_law(curve.against, level)] if curve.against else []),
        *note_blocks(curve.notes),
    ]


def _verdict(held: HeldToLaw) -> str:
    last = held.rows[-1]
    since = f", since step {format_whole(held.since)} or before" if held.since is not None else ""
    beside = f"the end is {format_signed_percent(last.difference, 2)} beside {held.law}, {four_digits(last.law_loss)}"
    return f"{beside} for {format_count(held.params)} parameters and {format_count(last.tokens)} tokens{since}"


def _against_law(held: HeldToLaw, level: str) -> Table:
    rows = [
        [
            format_whole(row.step),
            format_count(row.tokens),
            f"{four_digits(row.loss)} ({_ends(row)})",
            four_digits(row.law_loss) + (f" ({between(law, four_digits)})" if law[0] < law[1] else ""),
            format_signed_percent(row.difference, 2),
            ("ahead" if row.difference < 0 else "behind") if row.sure else "on the law",
        ]
        for row in held.rows
        for law in ((row.law_low, row.law_high),)
    ]
    headers = ["step", "tokens", f"the run ({level} interval) [1]", held.law, "difference", ""]
    note = "as planned at the end; before it, had it decayed to 0 over the last fifth, for a law speaks of runs that are done"
    return Table("Held against the law", "rrrrrl", headers, rows, [f"{note} ({held.reference})"])


def _choices(curve: TrainingCurve) -> Table:
    level = format_percent(curve.level)
    rows = [[each.what, format_whole(each.steps), four_digits(each.loss), _ends(each), _against(each)] for each in curve.choices]
    stretched = "the schedule is stretched after its warm-up, from the start"
    if curve.end.step - curve.now.step >= MUCH * curve.end.step:
        stretched = "what is left of the schedule is stretched"
    note = (
        "loss less the planned end's by the laws alone, with its interval: below 0 is better. What schedules share does not "
        "widen it; the losses beside also heed how far the log lies off the laws now"
    )
    headers = ["", "steps", "loss", f"{level} interval", "against the plan [1]"]
    return Table("What else it could do", "lrrrl", headers, rows, [f"{note}. For more steps {stretched}"])


def _against(choice: Choice) -> str:
    if choice.kind == "plan":
        return "-"
    return f"{_signed(-choice.gain.value)} ({_signed(-choice.gain.high)} to {_signed(-choice.gain.low)})"


def _starts(curve: TrainingCurve) -> Table:
    rows = []
    for each in curve.decay_starts:
        lowest = "lowest" if each == curve.best_start else ""
        rows.append([format_whole(each.step), format_percent(round(each.share, 2)), four_digits(each.loss), _ends(each), lowest])
    heading = f"A decay to 0 that ends at step {format_whole(curve.end.step)}"
    return Table(heading, "rrrrl", ["from step", "of the run", "loss", f"{format_percent(curve.level)} interval", ""], rows, [])


def training_curve_rows(curve: TrainingCurve) -> list[Row]:
    """Return a row for each choice and start of a decay, then for each step along the schedule and each smoothed point."""
    empty = {"what": "", "lr": None, "low": None, "high": None, "gain": None, "gain_low": None, "gain_high": None}

    def row(kind: str, steps: float, loss: float, **rest: object) -> Row:
        return {"kind": kind, "steps": steps, "loss": loss, **empty, **rest}

    found = []
    for each in curve.choices:
        gain = {"gain": each.gain.value, "gain_low": each.gain.low, "gain_high": each.gain.high}
        found.append(row(each.kind, each.steps, each.loss, what=each.what, low=each.low, high=each.high, **gain))
    found += [row("decay start", each.step, each.loss, low=each.low, high=each.high) for each in curve.decay_starts]
    found += [row("forecast", each.step, each.loss, lr=each.lr, low=each.low, high=each.high) for each in curve.curve]
    for log, points in zip(curve.logs, curve.observed, strict=True):
        found += [row("observed", step, loss, what=log.name) for step, loss in points]
    return found


def _rate(value: float) -> str:
    return format_rate(value) if value else "0"


def _ends(each: CurvePoint | Choice | DecayStart | Held) -> str:
    return between((each.low, each.high), four_digits)


def _signed(value: float) -> str:
    rounded = round(value, 3)
    return f"{rounded:+.3f}" if rounded else "0"
