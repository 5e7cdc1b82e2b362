"""What efficiency levers are worth, as blocks to read and as rows."""

from planner.output.csv_json_machines import Row
from planner.output.documents.blocks import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    between,
    four_digits,
    law_facts,
    note_blocks,
    or_dash,
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

_WORKS_ON = {"flops": "the FLOP", "price": "their price"}


def levers_document(found: Levers) -> list[Block]:
    money = found.cost is not None and found.cost.dollars is not None
    headers = ["lever", "works on", "gain", "range", "worth", "loss", "", "saves", *(["saved"] if money else [])]
    every = _every(found)
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


def _every(found: Levers) -> list[Worth]:
    return [*found.levers, *([found.combined] if found.combined else [])]


def _cost(found: Levers) -> tuple[str, str, str]:
    """Return what the budget itself costs, and on what."""
    assert found.machine is not None  # asked only where there is a cost
    assert found.cost is not None
    part, dollars = found.machine.parts[0], found.cost.dollars
    if dollars is None or part.price is None:
        return "the budget", "-", f"no price of {part.device.id} is known"
    on = f"on {part.device.id} at {format_price(part.price.expected)}, MFU {format_percent(found.machine.mfu.expected)}"
    span = "" if "dollars" in found.inputs else f"{between(dollars, format_dollars)}, "  # of dollars what they buy has a range
    return "the budget", format_dollars(dollars.expected), span + on


def levers_rows(found: Levers) -> list[Row]:
    """Return a row for each lever."""
    head = {"flops": found.flops, "law": found.law.id, "loss_without": found.loss, **served_columns(found.demand)}
    return [{**head, **each._asdict()} for each in _every(found)]


def _row(each: Worth, without: float, *, money: bool) -> list[str]:
    low, high = (or_dash(end, format_factor) for end in (each.gain_low, each.gain_high))
    return [
        each.id,
        _WORKS_ON[each.works_on],
        or_dash(each.gain, format_factor),
        f"{low} to {high}" if each.gain_low is not None else "-" if each.gain_high is None else f"up to {high}",
        or_dash(each.equivalent_flops, format_flops),
        or_dash(each.loss, four_digits),
        "" if each.loss is None else format_change(each.loss - without),
        or_dash(each.saved, format_percent),
        *([or_dash(each.dollars_saved, format_dollars)] if money else []),
    ]
