"""What an error on a benchmark takes, as blocks to read and as rows."""

from collections.abc import Callable

from planner.output.csv_json_machines import Row
from planner.output.documents.blocks import (
    Block,
    Facts,
    Table,
    Title,
    beyond_text,
    four_digits,
    law_facts,
    note_blocks,
    or_dash,
    served_columns,
    serving_fact,
)
from planner.planning.benchmark_limits import BenchmarkLimits, Needed
from planner.planning.diminishing_returns import ComputeLimits, Mark, Returns
from planner.quantities import (
    format_change,
    format_count,
    format_dollars,
    format_energy,
    format_factor,
    format_flops,
    format_hours,
    format_mass,
    format_percent,
    format_price,
    significant,
)


def returns_document(found: ComputeLimits) -> list[Block]:
    unit = found.law.conventions.loss_unit
    headers = ["budget", "parameters", "tokens", "loss", "over the floor", "twice the compute", "parameters alone"]
    headers += ["tokens alone", "outside its data"]
    rows = [
        [
            format_flops(row.flops),
            format_count(row.params),
            format_count(row.tokens),
            or_dash(row.loss, four_digits),
            or_dash(row.reducible_share, format_percent),
            *("-" if fall is None else format_change(-fall) for fall in (row.doubling, row.doubling_params, row.doubling_tokens)),
            beyond_text(row.extrapolation),
        ]
        for row in found.rows
    ]
    sources = list(dict.fromkeys(mark.source for mark in found.marks))
    marks = [
        [format_flops(mark.flops), _ends(mark), format_count(mark.params), format_count(mark.tokens), f"{mark.text} [{number}]"]
        for mark in found.marks
        for number in (sources.index(mark.source) + 1,)
    ]
    over = "over the floor: what is reducible over the irreducible loss"
    buys = f"the next three: fall in loss ({unit}) from twice the compute at its own optimum, from either side alone"
    first, last = found.rows[0].flops, found.rows[-1].flops
    return [
        Title(f"What more compute buys, {format_flops(first)}" + (f" to {format_flops(last)}" if last > first else "")),
        *([Facts(facts)] if (facts := serving_fact(found.demand)) else []),
        Table("Budgets", "r" * len(headers), headers, rows, [over, buys] if found.rows[0].loss is not None else []),
        Table("From which budget on", "rrrrl", ["budget", "range", "parameters", "tokens", ""], marks, sources),
        law_facts(found.law),
        *note_blocks(found.notes),
    ]


def returns_rows(found: ComputeLimits) -> list[Row]:
    """Return a row for each budget, then for each mark."""
    empty = {**dict.fromkeys(("mark", *Returns._fields, *Mark._fields)), **served_columns(found.demand)}
    del empty["code"]
    rows = [{**empty, **row._asdict()} for row in found.rows]
    marks = [mark._asdict() for mark in found.marks]
    return [*rows, *({**empty, "mark": mark.pop("code"), **mark} for mark in marks)]


def _ends(mark: Mark) -> str:
    if mark.flops_low is None and mark.flops_high is None:
        return ""
    return f"{_or(mark.flops_low, format_flops)} to {_or(mark.flops_high, format_flops)}"


def limits_document(found: BenchmarkLimits) -> list[Block]:
    known, level = found.benchmark, format_percent(found.level)
    from_today = f", from {format_percent(found.today)}" if found.today else ""
    headers = ["line", "compute", f"{level} of the slope", *(["times today's"] if found.today else [])]
    headers += ["more for half of it", "R2", "systems"]
    rows = [
        [
            each.kind,
            _or(each.flops, format_flops),
            f"{_or(each.low, format_flops)} to {_or(each.high, format_flops)}",
            *([_factor(each)] if found.today else []),
            _or(each.halving, format_factor),
            significant(each.r2),
            str(each.systems),
        ]
        for each in found.needed
    ]
    device = found.machine.parts[0]
    price = f" at {format_price(device.price.expected)}" if device.price else ""
    priced = [each for each in found.needed if each.kind != "operations"]
    return [
        Title(f"{known.title}: {known.metric} of {format_percent(found.error)}{from_today}"),
        Table("Compute", "l" + "r" * (len(headers) - 1), headers, rows, []),
        Table(
            f"On {device.device.id}{price}, at its peak",
            "lrrrr",
            ["line", "device-hours", "dollars", "energy", "CO2e"],
            [[each.kind, *(or_dash(getattr(each, name), write) for name, write in _COSTS.items())] for each in priced],
            ["the burden counts peak FLOP/s, so these are hours of the whole device; --gpu, --price and --grid change them"],
        ),
        Facts([("source", known.id, known.source), *([("the paper", "says", found.said)] if found.said else [])]),
        *note_blocks(found.notes),
    ]


_COSTS = {"device_hours": format_hours, "dollars": format_dollars, "kwh": format_energy, "kg_co2e": format_mass}


def limits_rows(found: BenchmarkLimits) -> list[Row]:
    """Return a row for each regression."""
    head = {"benchmark": found.benchmark.id, "error": found.error, "today": found.today}
    return [{**head, **each._asdict()} for each in found.needed]


_BEYOND = "over 1e60"


def _or(value: float | None, write: Callable[[float], str]) -> str:
    return _BEYOND if value is None else write(value)


def _factor(each: Needed) -> str:
    usual, low, high = (_or(factor, format_factor) for factor in (each.factor, each.factor_low, each.factor_high))
    return f"{usual} ({low} to {high})"
