"""A plan as blocks to read."""

from planner.answers import Alternative, Plan
from planner.notes import Note
from planner.render.documents import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    conventions,
    loss_interval_rows,
    loss_text,
    note_lines,
    regime_text,
)
from planner.units import format_count, format_factor, format_flops, format_overhead, format_percent, format_pf_days, significant


def plan_document(plan: Plan) -> list[Block]:
    """Return the blocks of a plan."""
    fixed = [name for name in ("params", "tokens") if plan.inputs.get(name)]
    kind = "Plan by your exponents" if plan.optimum else "Compute-optimal plan"
    if fixed:
        kind = f"Plan with {'parameters' if fixed == ['params'] else 'tokens'} fixed"
    rows = [
        ("parameters", format_count(plan.params), "" if plan.optimum else _band_text(plan)),
        *_interval_row(plan, "params"),
        ("tokens", format_count(plan.tokens), f"{significant(plan.tokens_per_param)} per parameter"),
        *_interval_row(plan, "tokens"),
        ("loss", *loss_text(plan.loss, plan.irreducible_loss, plan.loss_unit)),
        *loss_interval_rows(plan.intervals),
        ("regime", *regime_text(plan)),
    ]
    if plan.doubling:
        kept = f", {'parameters' if fixed == ['params'] else 'tokens'} kept" if fixed else ""
        gain = f"of loss, {format_percent(plan.doubling.share_of_reducible)} of what is reducible{kept}"
        rows.append(("next doubling", significant(-plan.doubling.loss_gain), gain))
    if plan.optimum:
        loss = "" if plan.optimum.loss is None else f", loss {significant(plan.optimum.loss, 4)}"
        rows.append(("optimum here", format_count(plan.optimum.params), f"on {format_count(plan.optimum.tokens)} tokens{loss}"))
        if plan.optimum.params_band:
            rows.append(("", "", _band_text(plan.optimum)))
    if plan.params_spread:
        low, high = (format_count(size) for size in plan.params_spread)
        rows.append(("other laws", f"{low} - {high}", "parameters, for the same budget"))
    law = [
        ("law", plan.law.id, _growth(plan)),
        ("", "", plan.law.form.equation),
        ("", "", plan.law.reference),
        ("conventions", "", conventions(plan.law)),
    ]
    blocks: list[Block] = [
        Title(f"{kind} for {format_flops(plan.flops)} ({format_pf_days(plan.flops)})"),
        Facts(rows),
        Facts(law),
    ]
    if plan.notes:
        blocks.append(Items("Notes", note_lines(plan.notes)))
    if plan.others:
        blocks.append(_alternatives(plan))
    return blocks


def _interval_row(plan: Plan, name: str) -> list[tuple[str, str, str]]:
    sure = plan.intervals
    ends = getattr(sure, name) if sure else None
    if sure is None or ends is None:
        return []
    text = f"{format_percent(sure.level)} interval {format_count(ends[0])} to {format_count(ends[1])}"
    if name == "tokens" and sure.tokens_per_param:
        low, high = sure.tokens_per_param
        text += f", {significant(low)} to {significant(high)} per parameter"
    return [("", "", text)]


def _alternatives(plan: Plan) -> Table:
    judge = plan.law.surface_law
    footnotes: list[str] = []
    rows = []
    for other in plan.others:
        texts = [_footnote(note) for note in other.notes if note.code not in _IN_THE_TABLE]
        footnotes += [text for text in texts if text not in footnotes]
        mark = f" [{','.join(str(footnotes.index(text) + 1) for text in texts)}]" if texts else ""
        rows.append(
            [
                other.law.id + mark,
                f"{significant(other.exponents[0], 2)} / {significant(other.exponents[1], 2)}",
                format_count(other.params),
                format_count(other.tokens),
                significant(other.tokens_per_param),
                "-" if other.loss is None else significant(other.loss, 4),
                _beyond(other),
                _seen(other),
            ]
        )
    seen = f"seen by {judge.id}" if judge else f"N against {plan.law.id}"
    headers = ["law", "N, D ~ C^", "parameters", "tokens", "tok/param", "loss", "outside its data", seen]
    return Table("The same budget under other laws", "llrrrrrl", headers, rows, footnotes)


_IN_THE_TABLE = {"extrapolation", "range-unknown"}
"""Codes of notes that a column of the table says already."""


def _footnote(note: Note) -> str:
    # not "WARNING": that word is for the answer's own law, which alone decides under --strict
    return f"caution: {note.text}" if note.severity == "warning" else note.text


def _beyond(other: Alternative) -> str:
    if other.extrapolation is None:
        return "unknown"
    return "no" if other.extrapolation <= 1 else format_factor(other.extrapolation)


def _seen(other: Alternative) -> str:
    if other.regime is None or other.overhead is None:
        return f"{format_factor(other.params_ratio)} its parameters"
    return f"{other.regime}, {format_overhead(other.overhead)}"


def _band_text(plan: Plan) -> str:
    if plan.params_band is None:
        return ""
    low, high = (format_count(end) for end in plan.params_band)
    return f"any size from {low} to {high} costs at most {format_percent(plan.band_tolerance)} more compute"


def _growth(plan: Plan) -> str:
    if plan.exponents is None:
        return ""
    a, b = plan.exponents
    return f"N ~ C^{significant(a, 3)}, D ~ C^{significant(b, 3)}"
