"""The catalogue of devices, one device, and devices ranked by what compute takes on them, as blocks to read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.accelerators.accelerator import Accelerator
from planner.accelerators.catalogue import assumptions, average_watts
from planner.accelerators.prices import doubt
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, between, four_digits, note_blocks, or_dash
from planner.quantities import (
    format_bytes,
    format_count,
    format_dollars,
    format_duration,
    format_energy,
    format_flops,
    format_hours,
    format_mass,
    format_peak,
    format_percent,
    format_price,
    format_whole,
    plain,
)

if TYPE_CHECKING:
    from planner.accelerators.accelerator import Price
    from planner.planning.hardware_ranking import Ranking
    from planner.quantities.estimate import Range


_TAKEN = "Taken where you give none (grids in grams of CO2e per kWh; --grid takes these names, or a number of your own)"
_AVERAGE = "taken on average, with its share of the server and before PUE; --power replaces it"
_NOT_WEIGHED = "the same utilisation is taken everywhere; whether the model fits, network and availability are not weighed"


def devices_document(devices: Sequence[Accelerator]) -> list[Block]:
    """Return the list of devices."""
    headers = ["device", "bf16", "fp16", "fp8", "best bf16", "memory", "power", "$ a device-hour", "as of"]
    rows = []
    for device in devices:
        peaks = [format_peak(device.peaks[dtype], "") if dtype in device.peaks else "-" for dtype in ("bf16", "fp16", "fp8")]
        best = or_dash(device.best_share(device.dtype), format_percent)
        rows.append([device.id, *peaks, best, _memory(device), _power(device), _price(device.price), device.price_date or "-"])
    notes = [
        "dense peaks [TFLOP/s], never the headline with sparsity; best: the best dense matrix product measured, of the peak",
        "prices: lowest to highest published, and the one used: the newest median over sellers, else that of what they ask on "
        "demand and of the middles of ranges in the last 12 months; plan hardware DEVICE shows each with source and date",
    ]
    if any((device.best_share(device.dtype) or 0) > 1 for device in devices):
        notes.append("above 100 % it ran faster than the clock that the peak is stated for (boost)")
    taken = assumptions()
    sources = list(dict.fromkeys(each.source for each in taken))
    used = [[each.name, *(plain(end, 4) for end in each.value), f"[{sources.index(each.source) + 1}]"] for each in taken]
    return [
        Title(f"{len(devices)} accelerators"),
        Table("Per GPU or chip", "lrrrrrrrl", headers, rows, notes),
        Table(_TAKEN, "lrrrl", ["what", "low", "used", "high", "source"], used, sources),
    ]


def device_document(device: Accelerator) -> list[Block]:
    """Return one device whole."""
    facts = [
        *((dtype, format_peak(peak), _peak_text(device, dtype)) for dtype, peak in device.peaks.items()),
        *((dtype, format_peak(peak).replace("FLOP/s", "OP/s"), "dense") for dtype, peak in device.low_bit.items()),
        ("memory", _memory(device), f"{plain(device.bandwidth_tb_s, 4)} TB/s" if device.bandwidth_tb_s else ""),
    ]
    if device.driver_bytes:
        facts.append(("", format_bytes(device.driver_bytes), "that the driver reports: what a run can have"))
    if links := device.links:
        between_them = f"usually {plain(links.between / 1e9, 4)} GB/s between them"
        text = f"one way a device, inside a domain of {format_whole(links.domain)}; {between_them}"
        facts.append(("links", f"{plain(links.inside / 1e9, 4)} GB/s", text))
    facts.append(("power", _power(device), device.watts_kind))
    if watts := average_watts(device):
        facts.append(("", f"{plain(watts.expected, 4)} W", _AVERAGE))
    if device.price:
        span = "" if device.price.known else f"; published {between(device.price, format_price)}"
        how = "a median over sellers, else that of prices on demand and spans of the last 12 months"
        price = f"the one used: {how}; {device.price_date}{span}"
        facts.append(("price", f"{format_price(device.price.expected)} an hour", price))
    if device.aliases:
        facts.append(("also called", ", ".join(device.aliases), ""))
    blocks: list[Block] = [Title(f"{device.id}: {device.name}"), Facts(facts)]
    if device.prices:
        rows = [[_ends(price), price.kind, price.date, price.source] for price in device.prices]
        blocks.append(Table("Published prices", "llll", ["$ a device-hour", "kind", "date", "source"], rows, []))
    sources = [*device.sources, *([f"best matrix product: {device.matmul_source}"] if device.matmul_source else [])]
    notes = [text for text in (doubt(device.prices), device.note) if text]
    notes += [f"not read in a source: {name}" for name in device.unverified]
    return blocks + [Items(heading, texts) for heading, texts in (("Sources", sources), ("Notes", notes)) if texts]


def ranking_document(ranking: "Ranking") -> list[Block]:
    """Return the ranked devices."""
    until = f" in {format_duration(ranking.deadline_hours)}" if ranking.deadline_hours else ""
    columns = _ranking_columns(ranking)
    said = {name: cells for name, cells in columns.items() if any(cell != "-" for cell in cells)}
    footnotes = [_NOT_WEIGHED]
    if any(row.cost.dollars is None for row in ranking.rows):
        footnotes.append("without dollars: no price is known here; give yours in a --gpu-file")
    if any(len(row.device.prices) == 1 for row in ranking.rows):
        footnotes.append(
            "prices: how many published ones; where there is one, low and high know nothing of other sellers, and where money "
            "decides it stands behind those that several sellers say"
        )
    first, order = ranking.rows[0], "CO2e" if ranking.order == "co2" else ranking.order
    facts = [("law", ranking.law.id, ranking.law.reference)]
    if ranking.flops is not None:
        title = f"{format_flops(ranking.flops)}{until} on each device, by {order}"
        loss = "" if first.loss is None else f", loss {four_digits(first.loss)} {ranking.loss_unit}"
        facts.insert(0, ("best run", format_count(first.params), f"parameters on {format_count(first.tokens)} tokens{loss}"))
    else:
        title = f"What the budget buys on each device{until}, by {order}"
    align = "".join("l" if name in {"device", "as of"} else "r" for name in said)
    rows = [list(row) for row in zip(*said.values(), strict=True)]
    return [Title(title), Table("Devices", align, list(said), rows, footnotes), Facts(facts), *note_blocks(ranking.notes)]


def _ranking_columns(ranking: "Ranking") -> dict[str, list[str]]:
    """Return the columns of a ranking; a cell of which nothing is known is a dash."""
    rows, own = ranking.rows, ranking.flops is None
    costs = [row.cost for row in rows]
    return {
        "device": [row.device.id for row in rows],
        "compute": [format_flops(row.flops) if own else "-" for row in rows],
        "parameters": [format_count(row.params) if own else "-" for row in rows],
        "tokens": [format_count(row.tokens) if own else "-" for row in rows],
        "loss": [or_dash(row.loss if own else None, four_digits) for row in rows],
        "devices": [format_whole(cost.devices_needed.expected) if cost.devices_needed else "-" for cost in costs],
        "device-hours": [format_hours(cost.device_hours.expected) for cost in costs],
        "dollars": [format_dollars(cost.dollars.expected) if cost.dollars else "-" for cost in costs],
        "low - high": [between(cost.dollars, format_dollars, " - ") if cost.dollars and not own else "-" for cost in costs],
        "energy": [format_energy(cost.kwh.expected) if cost.kwh else "unknown" for cost in costs],
        "CO2e": [format_mass(cost.kg_co2e.expected) if cost.kg_co2e else "-" for cost in costs],
        "$ a device-hour": [format_price(row.device.price.expected) if row.device.price else "-" for row in rows],
        "prices": [f"{len(row.device.prices)}" if row.device.prices else "-" for row in rows],
        "as of": [f"{row.device.price_date}{'' if row.device.origin == 'planner' else ' (yours)'}" or "-" for row in rows],
    }


def _memory(device: Accelerator) -> str:
    return f"{plain(device.memory_gb, 4)} GB" if device.memory_gb else "-"


def _power(device: Accelerator) -> str:
    return f"{plain(device.watts, 4)} W" if device.watts else "unknown"


def _peak_text(device: Accelerator, dtype: str) -> str:
    texts = ["dense"]
    if dtype in device.sparse:
        texts.append(f"the headline with sparsity is {format_peak(device.sparse[dtype])}")
    share = device.best_share(dtype)
    if share is not None:
        texts.append(f"best matrix product measured {format_peak(device.matmul[dtype])}, {format_percent(share)}")
    return "; ".join(texts)


def _price(price: "Range | None") -> str:
    if price is None:
        return "-"
    return _ends(price) if price.known else f"{_ends(price)}, {format_price(price.expected)}"


def _ends(price: "Range | Price") -> str:
    low, high = format_price(price.low), format_price(price.high)
    return low if price.low == price.high else f"{low} - {high}"


def hardware_document(devices: Sequence[Accelerator]) -> list[Block]:
    return device_document(devices[0]) if len(devices) == 1 else devices_document(devices)
