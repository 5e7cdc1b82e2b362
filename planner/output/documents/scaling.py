"""One batch on ever more devices, as blocks to read."""

from typing import TYPE_CHECKING

from planner.output.documents.blocks import Block, Table, Title, note_blocks
from planner.quantities import format_count, format_dollars, format_percent, format_whole, plain, significant

if TYPE_CHECKING:
    from planner.planning.scaling import ScaledRun, Scaling


def scaling_document(found: "Scaling") -> list[Block]:
    """Return a row for each number of devices, and where more stop paying."""
    most = found.rows[-1].devices
    worth = f"{plain(found.worth)} times as fast"
    if found.pays_to == most:
        title = f"Every doubling pays up to {format_whole(most)} devices: at least {worth}"
    else:
        title = f"More than {format_whole(found.pays_to or 0)} devices stop paying: a doubling is less than {worth}"
    headers = ["devices", "layout", "tokens/s", "low to high", "a device", "MFU", "of ideal", "step [s]", "$ per 1 T tokens"]
    rows = [_row(row) for row in found.rows]
    table = Table(
        "The same batch on more devices",
        "rlrlrrrrr",
        headers,
        rows,
        [
            "layout: data x tensor x pipeline x expert x context, ZeRO; MFU with attention in full",
            "of ideal: against the first row, had twice the devices been twice as fast",
        ],
        ("$ per 1 T tokens", "low to high"),
    )
    return [Title(title), table, *note_blocks(found.notes)]


def _row(row: "ScaledRun") -> list[str]:
    if row.throughput is None:
        return [format_whole(row.devices), "none", *["-"] * 7]
    found = row.throughput
    layout = found.layout
    sizes = (layout.data, layout.tensor, layout.pipeline, layout.expert, layout.context_parallel)
    low, high = found.intervals["tokens_per_second"]
    return [
        format_whole(row.devices),
        f"{' x '.join(str(size) for size in sizes)}, {layout.zero}",
        format_count(found.tokens_per_second),
        f"{format_count(low)} to {format_count(high)}",
        format_whole(found.tokens_per_second_per_device),
        format_percent(found.mfu_full_attention),
        "-" if row.efficiency is None else format_percent(row.efficiency),
        significant(found.step_time),
        "-" if row.dollars_per_trillion is None else format_dollars(row.dollars_per_trillion),
    ]
