"""How fast a model trains, as blocks to read."""

from typing import TYPE_CHECKING

from planner.architectures.layout import split_text
from planner.architectures.parallelism import VERDICTS
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, note_blocks
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
    from planner.planning.throughput import Throughput


def throughput_document(found: "Throughput") -> list[Block]:
    """Return the forecast, what it is made of, runners-up, published rows beside it, and what to type."""
    devices = " + ".join(f"{format_whole(part.number)} x {part.device.id}" for part in found.machine.parts)
    size = format_count(found.shape.total)
    blocks: list[Block] = [
        Title(f"{format_count(found.tokens_per_second)} tokens a second: {size} parameters on {devices}"),
        Facts(_answer(found)),
        Table("Where the time goes", "lrr", ["part", "seconds", "of all work"], _parts(found), [_overlap(found)]),
    ]
    if found.others:
        blocks.append(_others(found))
    if found.nearest:
        blocks.append(_nearest(found))
    blocks.append(Items("Arguments", [str(each) for each in found.arguments]))
    return blocks + note_blocks(found.notes)


def _answer(found: "Throughput") -> list[tuple[str, str, str]]:
    level, dollars = format_percent(found.level), found.dollars_per_trillion
    low, high = found.intervals["tokens_per_second_per_device"]
    step_low, step_high = found.intervals["step_time"]
    used_low, used_high = found.intervals["mfu_full_attention"]
    causal_low, causal_high = found.intervals["mfu"]
    layout, fits = found.layout, VERDICTS[found.fits]
    stages = f", interleaved {layout.virtual}" if layout.virtual > 1 else f", {layout.schedule}" if layout.pipeline > 1 else ""
    memory_low, memory_high = found.memory.range
    return [
        (
            "a device",
            f"{format_whole(found.tokens_per_second_per_device)} tokens/s",
            f"{format_whole(low)} to {format_whole(high)}: {level} of such runs",
        ),
        (
            "step",
            f"{significant(found.step_time)} s",
            f"{significant(step_low)} to {significant(step_high)}; {format_count(found.batch)} tokens",
        ),
        (
            "MFU",
            format_percent(found.mfu_full_attention),
            f"attention in full; {format_percent(used_low)} to {format_percent(used_high)}",
        ),
        ("", format_percent(found.mfu), f"counted causally; {format_percent(causal_low)} to {format_percent(causal_high)}"),
        ("layout", f"ZeRO {layout.zero}", f"{split_text(layout)}; {at_once(layout)}, recompute {layout.recompute}{stages}"),
        ("memory", format_bytes(found.memory.total), f"{format_bytes(memory_low)} to {format_bytes(memory_high)}; fits: {fits}"),
        *([("cost", format_dollars(dollars), "of 1 T tokens")] if dollars is not None else []),
        ("software", found.software, f"of {plain(found.year, 5)}; {found.machine.dtype}"),
    ]


def _parts(found: "Throughput") -> list[list[str]]:
    whole = sum(found.parts.values())
    ranked = sorted(found.parts.items(), key=lambda part: -part[1])
    return [
        [_PARTS[name], significant(seconds), format_percent(seconds / whole)]
        for name, seconds in ranked
        if seconds / whole >= 5e-4
    ]


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
    if share >= 1:
        return (
            f"launches overlap with work; with what so many devices wait for, the step takes {format_factor(share)} of their sum"
        )
    return f"communication and launches overlap with work, so the step takes {format_factor(share)} of their sum"


def _others(found: "Throughput") -> Table:
    headers = ["DP", "TP", "PP", "EP", "CP", "ZeRO", "seqs", "recompute", "fits", "tokens/s", "slower"]
    rows = []
    for fit in found.others:
        layout, speed = fit.layout, fit.speed
        each = speed.tokens_per_second_per_device.expected if speed else None
        rows.append(
            [
                *(format_whole(size) for size in (layout.data, layout.tensor, layout.pipeline, layout.expert)),
                *(str(size) for size in (layout.context_parallel, layout.zero, layout.micro_batch)),
                layout.recompute,
                SHORT[fit.fits],
                "-" if each is None else format_whole(each),
                "-" if each is None else format_signed_percent(found.tokens_per_second_per_device / each - 1),
            ]
        )
    notes = [f"{COLUMNS}; tokens/s of a device"]
    return Table("Other layouts", "rrrrrrrllrr", headers, rows, notes)


def _nearest(found: "Throughput") -> Table:
    headers = ["model", "devices", "measured", "forecast", "off", "layout", "source"]
    rows = [
        [
            each.model,
            f"{format_whole(each.devices)} x {each.device}",
            format_whole(each.tokens_per_second_per_device),
            format_whole(each.forecast),
            format_signed_percent(each.forecast / each.tokens_per_second_per_device - 1),
            each.layout,
            each.source,
        ]
        for each in found.nearest
    ]
    notes = ["tokens/s of a device; the forecast of the same run by the same model, with the software of its time"]
    return Table("Published steps nearest to it", "llrrrll", headers, rows, notes)
