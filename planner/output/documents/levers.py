"""What efficiency levers are worth, as blocks to read and as rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.output.documents.blocks import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    law_facts,
    note_blocks,
    served_columns,
    serving_fact,
)
from planner.planning.levers_result import Levers, Worth
from planner.quantities import (
    format_change,
    format_dollars,
    format_factor,
    format_flops,
    format_percent,
    format_price,
    significant,
)

if TYPE_CHECKING:
    from planner.output.csv_json_machines import Row

_WORKS_ON = {"flops": "the FLOP", "price": "their price"}


def levers_document(found: Levers) -> list[Block]:
    """Return the blocks of levers at a budget."""
    money = found.cost is not None and found.cost.dollars is not None
    headers = ["lever", "works on", "gain", "range", "worth", "loss", "", "saves", *(["saved"] if money else [])]
    every = [*found.levers, *([found.combined] if found.combined else [])]
    rows = [_row(each, found.loss, money=money) for each in every]
    footnotes = [
        "worth: compute that gives that loss without the lever; saves: of the money, at the loss without it",
        f"what comes with time is waited for {significant(found.years)} years (--years)",
    ]
    about = [f"{each.id}: {each.applies_to}; {each.caveat} [{each.source}]" for each in every if each.applies_to]
    unusable = [f"{what}: {why}" for what, why in found.unusable]
    return [
        Title(f"Instead of more compute than {format_flops(found.flops)}, whose loss is {significant(found.loss, 4)}"),
        *([Facts(facts)] if (facts := [*serving_fact(found.demand), *([_cost(found)] if found.cost else [])]) else []),
        Table("Levers", "ll" + "r" * (len(headers) - 2), headers, rows, footnotes, best=len(rows) - 1 if found.combined else 0),
        Items("Where it was measured, and what is wrong with it", about),
        Items("Without a usable published number; give your own: --lever NAME=GAIN", unusable),
        law_facts(found.law),
        *note_blocks(found.notes),
    ]


def _cost(found: Levers) -> tuple[str, str, str]:
    """Return what the budget itself costs, and on what."""
    assert found.machine is not None  # asked only where there is a cost
    assert found.cost is not None
    part, dollars = found.machine.parts[0], found.cost.dollars
    if dollars is None or part.price is None:
        return "the budget", "-", f"no price of {part.device.id} is known"
    on = f"on {part.device.id} at {format_price(part.price.expected)}, MFU {format_percent(found.machine.mfu.expected)}"
    if "dollars" in found.inputs:  # which are what they are: what they buy has a range
        return "the budget", format_dollars(dollars.expected), on
    return (
        "the budget",
        format_dollars(dollars.expected),
        f"{format_dollars(dollars.low)} to {format_dollars(dollars.high)}, {on}",
    )


def levers_rows(found: Levers) -> "list[Row]":
    """Return a row for each lever."""
    every = [*found.levers, *([found.combined] if found.combined else [])]
    head = {"flops": found.flops, "law": found.law.id, "loss_without": found.loss, **served_columns(found.demand)}
    return [{**head, **each._asdict()} for each in every]


def _row(each: Worth, without: float, *, money: bool) -> list[str]:
    ends = [_or(end, format_factor) for end in (each.gain_low, each.gain_high)]
    shown = "-" if each.gain_low is None and each.gain_high is None else f"{ends[0]} to {ends[1]}"
    if each.gain_low is None and each.gain_high is not None:
        shown = f"up to {ends[1]}"
    return [
        each.id,
        _WORKS_ON[each.works_on],
        _or(each.gain, format_factor),
        shown,
        _or(each.equivalent_flops, format_flops),
        _or(each.loss, lambda value: significant(value, 4)),
        "" if each.loss is None else format_change(each.loss - without),
        _or(each.saved, format_percent),
        *([_or(each.dollars_saved, format_dollars)] if money else []),
    ]


def _or(value: float | None, write: Callable[[float], str]) -> str:
    return "-" if value is None else write(value)
