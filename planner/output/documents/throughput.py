"""How fast a model trains, on some devices and on ever more, as blocks to read."""

from typing import TYPE_CHECKING

from planner.architectures.layout import split_text
from planner.architectures.parallelism import VERDICTS
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, between, note_blocks, or_dash
from planner.output.documents.layouts import COLUMNS, SHORT, at_once
from planner.quantities import (
    format_bytes,
    format_count,
    format_dollars,
    format_factor,
    format_percent,
    format_signed_percent,
    format_whole,
    plain,
    significant,
)

if TYPE_CHECKING:
    from planner.planning.scaling import ScaledRun, Scaling
    from planner.planning.throughput import Throughput


def throughput_document(found: "Throughput") -> list[Block]:
    """Return the forecast, what it is made of, runners-up, published rows beside it, and what to type."""
    devices = " + ".join(f"{format_whole(part.number)} x {part.device.id}" for part in found.machine.parts)
    size = format_count(found.shape.total)
    return [
        Title(f"{format_count(found.tokens_per_second)} tokens a second: {size} parameters on {devices}"),
        Facts(_answer(found)),
        Table("Where the time goes", "lrr", ["part", "seconds", "of all work"], _parts(found), [_overlap(found)]),
        *([_others(found)] if found.others else []),
        *([_nearest(found)] if found.nearest else []),
        Items("Arguments", [str(each) for each in found.arguments]),
        *note_blocks(found.notes),
    ]


def _answer(found: "Throughput") -> list[tuple[str, str, str]]:
    level, dollars, layout = format_percent(found.level), found.dollars_per_trillion, found.layout
    stages = f", interleaved {layout.virtual}" if layout.virtual > 1 else f", {layout.schedule}" if layout.pipeline > 1 else ""
    speed = between(found.intervals["tokens_per_second_per_device"], format_whole)
    step = between(found.intervals["step_time"], significant)
    used, causal = (between(found.intervals[name], format_percent) for name in ("mfu_full_attention", "mfu"))
    uncomputed = ", half of which is never computed" if found.intervals["mfu_full_attention"][1] > 1 else ""
    memory = f"{between(found.memory.range, format_bytes)}; fits: {VERDICTS[found.fits]}"
    return [
        ("a device", f"{format_whole(found.tokens_per_second_per_device)} tokens/s", f"{speed}: {level} of such runs"),
        ("step", f"{significant(found.step_time)} s", f"{step}; {format_count(found.batch)} tokens"),
        ("MFU", format_percent(found.mfu_full_attention), f"attention in full{uncomputed}; {used}"),
        ("", format_percent(found.mfu), f"counted causally; {causal}"),
        ("layout", f"ZeRO {layout.zero}", f"{split_text(layout)}; {at_once(layout)}, recompute {layout.recompute}{stages}"),
        ("memory", format_bytes(found.memory.total), memory),
        *([("cost", format_dollars(dollars), _STEPS_ALONE)] if dollars is not None else []),
        ("software", found.software, f"of {plain(found.year, 5)}; {found.machine.dtype}"),
    ]


_STEPS_ALONE = "of 1 T tokens at this step; plan counts that whole runs take longer"


def _parts(found: "Throughput") -> list[list[str]]:
    whole = sum(found.parts.values())
    shares = [(name, seconds, seconds / whole) for name, seconds in sorted(found.parts.items(), key=lambda part: -part[1])]
    return [[_PARTS[name], significant(seconds), format_percent(share)] for name, seconds, share in shares if share >= 5e-4]


_PARTS = {
    "products": "matrix products",
    "attention": "attention",
    "elementwise": "elementwise work",
    "tensor": "tensor and context communication",
    "expert": "exchange with experts, routing",
    "launch": "launch of kernels",
    "bubble": "bubble of the pipeline",
    "data": "data-parallel communication",
    "optimizer": "optimizer",
}


def _overlap(found: "Throughput") -> str:
    share = found.step_time / sum(found.parts.values())
    waits = "launches overlap with work; with what so many devices wait for,"
    overlaps = "communication and launches overlap with work, so"
    return f"{waits if share >= 1 else overlaps} the step takes {format_factor(share)} of their sum"


def _others(found: "Throughput") -> Table:
    headers = ["DP", "TP", "PP", "EP", "CP", "ZeRO", "seqs", "recompute", "fits", "tokens/s", "slower"]
    rows = []
    for fit in found.others:
        layout, each = fit.layout, fit.speed.tokens_per_second_per_device.expected if fit.speed else None
        row = [format_whole(size) for size in (layout.data, layout.tensor, layout.pipeline, layout.expert)]
        row += [str(size) for size in (layout.context_parallel, layout.zero, layout.micro_batch)]
        slower = None if each is None else found.tokens_per_second_per_device / each - 1
        speeds = [or_dash(each, format_whole), or_dash(slower, format_signed_percent)]
        rows.append([*row, layout.recompute, SHORT[fit.fits], *speeds])
    return Table("Other layouts", "rrrrrrrllrr", headers, rows, [f"{COLUMNS}; tokens/s of a device"])


def _nearest(found: "Throughput") -> Table:
    headers = ["model", "devices", "measured", "forecast", "off", "layout", "source"]
    rows = []
    for each in found.nearest:
        measured, forecast = each.tokens_per_second_per_device, each.forecast
        speeds = [format_whole(measured), format_whole(forecast), format_signed_percent(forecast / measured - 1)]
        rows.append([each.model, f"{format_whole(each.devices)} x {each.device}", *speeds, each.layout, each.source])
    notes = ["tokens/s of a device; the forecast of the same run by the same model, with the software of its time"]
    return Table("Published steps nearest to it", "llrrrll", headers, rows, notes)


def scaling_document(found: "Scaling") -> list[Block]:
    """Return a row for each number of devices, and where more stop paying."""
    most = found.rows[-1].devices
    worth = f"{plain(found.worth)} times as fast"
    if found.pays_to == most:
        title = f"Every doubling pays up to {format_whole(most)} devices: at least {worth}"
    else:
        title = f"More than {format_whole(found.pays_to or 0)} devices stop paying: a doubling is less than {worth}"
    headers = ["devices", "layout", "tokens/s", "low to high", "a device", "MFU", "of ideal", "step [s]", "$ per 1 T tokens"]
    notes = [
        "layout: data x tensor x pipeline x expert x context, ZeRO; MFU with attention in full",
        "of ideal: against the first row, had twice the devices been twice as fast",
    ]
    rows, spare = [_scaled(row) for row in found.rows], ("$ per 1 T tokens", "low to high")
    table = Table("The same batch on more devices", "rlrlrrrrr", headers, rows, notes, spare)
    return [Title(title), table, *note_blocks(found.notes)]


def _scaled(row: "ScaledRun") -> list[str]:
    if row.throughput is None:
        return [format_whole(row.devices), "none", *["-"] * 7]
    found, layout = row.throughput, row.throughput.layout
    sizes = (layout.data, layout.tensor, layout.pipeline, layout.expert, layout.context_parallel)
    return [
        format_whole(row.devices),
        f"{' x '.join(str(size) for size in sizes)}, {layout.zero}",
        format_count(found.tokens_per_second),
        between(found.intervals["tokens_per_second"], format_count),
        format_whole(found.tokens_per_second_per_device),
        format_percent(found.mfu_full_attention),
        or_dash(row.efficiency, format_percent),
        significant(found.step_time),
        or_dash(row.dollars_per_trillion, format_dollars),
    ]
