"""What a person reads, as blocks that the text and the Markdown writer share, and the phrases that results have in common."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from planner.notes import Note
from planner.quantities import format_count, format_factor, format_overhead, format_percent, plain, significant
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

if TYPE_CHECKING:
    from planner.allocation.intervals import Intervals
    from planner.inputs.serving import Demand
    from planner.planning.check import Check
    from planner.planning.explain.steps import Step
    from planner.planning.plan_result import DataUse, Plan


class Title(NamedTuple):
    """A line on top."""

    text: str


SPARE = ("budget", "wall-clock", "regime")


class Facts(NamedTuple):
    """Labelled values with a remark each.

    Attributes
    ----------
    spare : tuple of str
        Labels that a brief answer without room does without, the first one first: the title has them, or nearly.
    """

    rows: list[tuple[str, str, str]]
    spare: tuple[str, ...] = SPARE


class Table(NamedTuple):
    """A table under a heading, with numbered footnotes.

    Attributes
    ----------
    align : str
        l or r for each column.
    spare : tuple of str
        Headers of the columns that a narrow screen does without, the first one first. What still finds no room stands below.
    best : int
        The row that a brief answer shows, with those around it.
    """

    heading: str
    align: str
    headers: list[str]
    rows: list[list[str]]
    footnotes: list[str]
    spare: tuple[str, ...] = ()
    best: int = 0


class Items(NamedTuple):
    """A list of texts under a heading."""

    heading: str
    texts: list[str]


class Code(NamedTuple):
    """Lines kept as they are, under a heading."""

    heading: str
    lines: list[str]


Block = Title | Facts | Table | Items | Code

_REGIME_TEXT = {
    "balanced": "parameters and data each carry their share",
    "overfit": "data-limited: too many parameters for these tokens",
    "underfit": "capacity-limited: too few parameters for these tokens",
    "compute wasted": "the unique tokens are worn out: more compute buys nothing, more data does",
}

_SERVED_TEXT = "weighed over the model's life: serving pays for fewer parameters, trained longer"


four_digits = partial(significant, digits=4)
"""Writes a loss."""

three_digits = partial(plain, digits=3)
"""Writes an end of the range that a law was fitted on."""


def or_dash(value: float | None, write: Callable[[float], str]) -> str:
    """Write a number, or a dash where there is none."""
    return "-" if value is None else write(value)


def between(ends: Sequence[float], write: Callable[[float], str], sign: str = " to ") -> str:
    """Write the low and the high end of what is not known exactly."""
    return write(ends[0]) + sign + write(ends[-1])


def loss_text(loss: float | None, irreducible: float | None, unit: str | None) -> tuple[str, str]:
    """Return the loss and what to say of it."""
    if loss is None:
        return "-", "this law gives none here"
    floor = f"{four_digits(irreducible)} of it irreducible" if irreducible else "no irreducible part in this law"
    return four_digits(loss), f"{unit}; {floor}"


def loss_interval_rows(sure: "Intervals | None") -> list[tuple[str, str, str]]:
    """Return the intervals of the loss, and what they are made of."""
    if sure is None or sure.run_loss is None or sure.loss is None or sure.loss_parts is None:
        return []
    run, mean = (between(ends, four_digits) for ends in (sure.run_loss, sure.loss))
    parts = ", ".join(f"{name} {format_percent(part)}" for name, part in sure.loss_parts.items())
    level = format_percent(sure.level)
    return [("", "", f"{level} interval {run} for one such run, {mean} for the law's mean; half-widths: {parts}")]


def repetition_rows(data: "DataUse | None") -> list[tuple[str, str, str]]:
    """Return what repeating tokens costs, nothing where they are seen once."""
    if data is None or data.loss_owed < 5e-5:
        return []
    seen = f"{format_count(data.unique_tokens)} unique tokens seen {significant(data.epochs)} times"
    text = f"of loss: {seen} count as {format_count(data.effective_tokens)} fresh ones"
    return [("repetition", f"+{significant(data.loss_owed)}", text)]


def regime_text(result: "Plan | Check", *, experts_chosen: bool = False) -> tuple[str, str]:
    """Return the regime and what to say of it."""
    if result.regime is None:
        return "-", "cannot be measured under this law"
    served = result.problem.spending.served
    text = _SERVED_TEXT if served and result.regime == "balanced" else _REGIME_TEXT[result.regime]
    if result.overhead and result.overhead >= 5e-4:
        link = "of" if result.overhead >= 9 else "than"
        text += f"; {format_overhead(result.overhead)} {link} an optimal run of the same loss"
        text += _of_experts(result.law, experts_chosen)
        if result.regime != "compute wasted":
            text += f" (balanced: at most {format_percent(result.tolerance)} more)"
    return result.regime, text


def _of_experts(law: Law, chosen: bool) -> str:
    """Say whether the run that a mixture is held against has the same experts; nothing of dense models."""
    if law.form.active is None or not law.choices:
        return ""
    return ", its experts chosen anew" if chosen else " with the same experts"


def beyond_text(extrapolation: float | None) -> str:
    """Return how far an answer leaves the runs of its law."""
    if extrapolation is None:
        return "unknown"
    return "no" if extrapolation <= 1 else format_factor(extrapolation)


def law_facts(law: Law) -> Facts:
    """Return the law that judges: equation, source and conventions."""
    return Facts([("law", law.id, law.form.equation), ("", "", law.reference), ("conventions", "", conventions(law))])


def price_text(price: float) -> str:
    """Say what a served FLOP costs over a trained one, where that is not the same."""
    return "" if price == 1 else f", a served FLOP counted {significant(price)} times"


def serving_fact(demand: "Demand | None") -> list[tuple[str, str, str]]:
    """Return the tokens to serve, where there are any."""
    return [] if demand is None else [("serving", format_count(demand.tokens), f"tokens over its life{price_text(demand.price)}")]


def served_columns(demand: "Demand | None") -> dict[str, float | None]:
    """Return the columns of a demand: tokens to serve, and how many times a served FLOP counts."""
    return {"inference_tokens": demand and demand.tokens, "served_weight": demand and demand.price}


def conventions(law: Law) -> str:
    """Return what a law's numbers mean, in one line."""
    counts, per_token, data = law.conventions.params, law.conventions.flops_per_param_token, law.conventions.data
    cost = f"C = {per_token:g} N D"
    if law.form.price:
        routing = " + routing" if law.form.price(law.symbols)[1] else ""
        cost = f"C = {per_token:g} N_active D{routing}, N_active = {significant(law.active_share)} N"
    return f"N counts {PARAM_COUNTS[counts]}; {cost}; {data}"


WARNINGS = "Warnings"

NOTEBOOK_ROWS = 100
"""Rows of a long table that a notebook shows."""


def note_lines(notes: Sequence[Note]) -> list[str]:
    """Return notes as lines, warnings marked."""
    return [f"{'WARNING: ' if note.severity == 'warning' else ''}{note.text}" for note in notes]


def note_blocks(notes: Sequence[Note], law: Law | None = None) -> list[Block]:
    """Return notes as lists: warnings apart, and what is true of every answer of the ``law`` after what is of this one."""
    warnings = [note.text for note in notes if note.severity == "warning"]
    own = law.notes if law else ()
    ranked = sorted(notes, key=lambda note: 2 if note.code in _OF_ANY_LAW else note in own)
    others = [note.text for note in ranked if note.severity != "warning"]
    return [Items(heading, texts) for heading, texts in ((WARNINGS, warnings), ("Notes", others)) if texts]


_OF_ANY_LAW = {"losses-differ"}


def below_rows(rest: Sequence[Block], notes: Sequence[Note]) -> list[Block]:
    """Return what stands below a long table: its warnings, what else there is, its notes."""
    told = note_blocks(notes)
    warnings = [block for block in told if isinstance(block, Items) and block.heading == WARNINGS]
    return [*warnings, *rest, *(block for block in told if block not in warnings)]


def answer_first(blocks: Sequence[Block]) -> list[Block]:
    """Return a document with its warnings below the answer, which ends with the first facts or table, and its notes last."""
    warnings = [block for block in blocks if isinstance(block, Items) and block.heading == WARNINGS]
    notes = [block for block in blocks if isinstance(block, Items) and block.heading == "Notes"]
    rest = [block for block in blocks if block not in warnings and block not in notes]
    answer = next((at for at, block in enumerate(rest, 1) if isinstance(block, (Facts, Table))), len(rest))
    code = next((at for at, block in enumerate(rest) if isinstance(block, Code)), len(rest))
    return [*rest[:answer], *warnings, *rest[answer:code], *notes, *rest[code:]]


def arithmetic(steps: "Sequence[Step]") -> list[Block]:
    """Return the arithmetic as a block, or nothing."""
    if not steps:
        return []
    margin = max(len(step.symbol) for step in steps)
    sources = list(dict.fromkeys(step.source for step in steps))
    lines: list[str] = []
    part = ""
    for step in steps:
        if step.part != part:
            part = step.part
            lines += ["", f"{part}:"] if lines else [f"{part}:"]
        solved = "=" in step.formula
        lines.append(f"{step.symbol:<{margin}} {'solves ' if solved else '= '}{step.formula}  [{sources.index(step.source) + 1}]")
        lines.append(f"{'':<{margin}} {'i.e.   ' if solved else '= '}{step.numbers}")
        lines.append(f"{'':<{margin}} = {plain(step.result)} {step.unit}".rstrip())
    return [Code("The arithmetic", [*lines, "", *(f"[{number}] {source}" for number, source in enumerate(sources, 1))])]
