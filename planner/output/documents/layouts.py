"""Layouts of a shape, the memory and the arguments of the first, and what batch and learning rate to start from."""

from typing import TYPE_CHECKING

from planner.output.documents.blocks import Block, Facts, Items, Table, Title, between
from planner.quantities import (
    format_bytes,
    format_count,
    format_factor,
    format_percent,
    format_rate,
    format_signed_percent,
    format_whole,
    plain,
    significant,
)

if TYPE_CHECKING:
    from planner.architectures.layout import Layout
    from planner.architectures.parallelism import Fit
    from planner.planning.configure import Configuration


def layout_blocks(found: "Configuration") -> list[Block]:
    """Return the layouts; of the first its memory, how fast it is, what to start from, and what to type."""
    return [
        _layouts(found),
        Title("Memory of the first layout"),
        _memory(found),
        *_speed(found),
        *_advice(found),
        Items("The first layout as arguments", [str(each) for each in found.arguments]),
    ]


def _layouts(found: "Configuration") -> Table:
    """Return the layouts, the one to take first."""
    several = len({fit.layout.devices for fit in found.fits}) > 1 or not (found.machine and found.machine.counted)
    sizes: list[tuple[str, str]] = [("devices", "devices")] if several else []
    sizes += [("DP", "data"), ("TP", "tensor"), ("PP", "pipeline")]
    sizes += [("EP", "expert")] if found.shapes[0].shape.experts > 1 else []
    sizes += [("ETP", "expert_tensor")] if any(fit.layout.expert_tensor > 1 for fit in found.fits) else []
    sizes += [("CP", "context_parallel")] if any(fit.layout.context_parallel > 1 for fit in found.fits) else []
    timed, there = found.fits[0].speed is not None, found.capacity is not None
    headers = [*(header for header, _ in sizes), "ZeRO", "seqs", "recompute", "memory"]
    headers += [*(["fits"] if there else []), *(["tokens/s", "MFU", "slower"] if timed else [])]
    causal = found.inputs.get("attention_flops") == "causal"
    rows = []
    for fit in found.fits:
        layout = fit.layout
        row = [*(format_whole(getattr(layout, name)) for _, name in sizes), str(layout.zero), str(layout.micro_batch)]
        row += [layout.recompute, format_bytes(fit.memory.total), *([SHORT[fit.fits]] if there else [])]
        rows.append(row + (_speed_cells(fit, found.fits[0], causal=causal) if timed else []))
    align = "r" * len(sizes) + "rrlr" + "l" * there + "rrr" * timed
    return Table("Layouts, the one to take first", align, headers, rows, _footnotes(found, timed=timed))


COLUMNS = "DP, TP, PP, EP, CP: devices that share batch, matrices, layers, experts, sequences"
SHORT = {True: "yes", None: "close", False: "no"}


def _speed_cells(fit: "Fit", first: "Fit", *, causal: bool) -> list[str]:
    if fit.speed is None or first.speed is None:
        return ["-", "-", "-"]
    each, used = fit.speed.tokens_per_second_per_device, fit.speed.mfu if causal else fit.speed.mfu_full_attention
    slower = first.speed.tokens_per_second_per_device.expected / each.expected - 1
    return [format_whole(each.expected), format_percent(used.expected), "" if fit is first else format_signed_percent(slower)]


def _footnotes(found: "Configuration", *, timed: bool) -> list[str]:
    """Return what the columns mean, and why the first layout is the first."""
    layout, notes = found.fits[0].layout, []
    kept = f"loss {layout.loss_kernel}, schedule {layout.schedule}{f' of {layout.virtual}' if layout.virtual > 1 else ''}"
    notes.append(f"{COLUMNS}; seqs: of a device at once")
    if any(fit.layout.expert_tensor > 1 for fit in found.fits):
        notes.append("ETP: devices that share each matrix of an expert")
    notes.append(f"the first shape; {found.scheme.name}: {plain(found.scheme.total)} bytes a parameter; {kept}")
    if found.capacity is None:
        notes.append("whether it fits, and how fast it is: name a device, --gpu h100 or --gpus 64xH100")
        return notes
    counted = found.machine is not None and found.machine.counted
    if counted and timed:
        notes.append("the fastest that surely fits, then the fastest of other splits")
    elif counted:
        notes.append("the one that surely fits and splits least, then others")
    else:
        notes.append("the fewest devices that surely hold it, by stage of sharding")
    if timed:
        how = "causally" if found.inputs.get("attention_flops") == "causal" else "in full"
        notes.append(f"tokens/s of a device; MFU with attention counted {how}, as --mfu is")
    return notes


def _memory(found: "Configuration") -> Facts:
    """Return what the fullest device holds."""
    fit = found.fits[0]
    taken = fit.memory
    rows = [
        ("weights", format_bytes(taken.weights), ""),
        ("gradients", format_bytes(taken.gradients), ""),
        ("optimizer", format_bytes(taken.optimizer), "in the host's memory" if fit.layout.offload else ""),
        ("activations", format_bytes(taken.activations), f"{at_once(fit.layout)}, recompute {fit.layout.recompute}"),
    ]
    if taken.gathered:
        rows.append(("gathered", format_bytes(taken.gathered), "weights and gradients that ZeRO 3 has at hand"))
    rows.append(("beside", format_bytes(taken.overhead), "fragmentation, framework, communication"))
    there = ""
    if found.capacity is not None and found.machine is not None:
        devices = " + ".join(part.device.id for part in found.machine.parts)
        there = f", of {format_bytes(found.capacity)} that there are on {devices}: {fit.verdict}"
    rows.append(("in all", format_bytes(taken.total), f"{between(taken.range, format_bytes)}{there}"))
    return Facts(rows)


def at_once(layout: "Layout") -> str:
    """Return the sequences of a device, and how often it works on so many."""
    every = f"{layout.micro_batch} sequence{'s' if layout.micro_batch > 1 else ''} at once"
    return every + (f", {format_whole(layout.micro_batches)} times a step" if layout.micro_batches else "")


def _speed(found: "Configuration") -> list[Block]:
    """Return how long a step of the first layout takes, and with what."""
    fit = found.fits[0]
    if fit.speed is None:
        return []
    speed, shape = fit.speed, found.shapes[0].shape
    batch = fit.layout.data * fit.layout.micro_batch * fit.layout.micro_batches * shape.context
    whole = sum(speed.parts.values())
    parts = ", ".join(f"{name} {format_percent(part / whole)}" for name, part in speed.parts.items() if part / whole >= 0.005)
    used, took = speed.mfu_full_attention, speed.step_time
    rows = [
        ("step", f"{significant(took.expected)} s", f"{between(took, significant)}; {format_count(batch)} tokens"),
        ("tokens/s", format_count(speed.tokens_per_second.expected), between(speed.tokens_per_second, format_count)),
        ("MFU", format_percent(used.expected), f"attention in full; {format_percent(speed.mfu.expected)} counted causally"),
        ("time goes to", "", f"{parts} (they overlap)"),
    ]
    return [Title("A step of the first layout, forecast"), Facts(rows)]


_SPAN = "half to twice, further where laws say so"
"""What the range of a batch or a learning rate spans."""


def _advice(found: "Configuration") -> list[Block]:
    """Return what batch and learning rate to start from, and what being off costs."""
    from planner.architectures.advice import off

    if found.advice is None:
        return []
    told, fit = found.advice, found.fits[0]
    shape = found.shapes[0].shape
    step = fit.layout.data * fit.layout.micro_batch * fit.layout.micro_batches
    batch = (found.batch or told.batch) if step == 0 else step * shape.context
    where = "within its runs" if told.beyond <= 1 else f"{format_factor(told.beyond)} outside its runs"
    given = f"tokens, by {told.law}"
    if found.inputs.get("batch"):
        given = f"as asked for; {told.law} says {format_count(told.batch)}"
    elif not 1 / _FAR < batch / told.batch < _FAR:
        given = f"tokens: so many devices are quicker on it than on {told.law}'s {format_count(told.batch)}, which --batch takes"
    asked = [
        ("batch", format_count(batch), f"{given}; {between(told.batch_range, format_count)}: {_SPAN}"),
        ("steps", format_whole(max(1.0, round(found.tokens / batch))), f"for {format_count(found.tokens)} tokens"),
        ("learning rate", format_rate(told.learning_rate), f"peak; {between(told.rate_range, format_rate)}: {_SPAN}; {where}"),
    ]
    for each in off():
        rate, in_batch = (f"+{format_percent(share)}" for share in (each.learning_rate, each.batch))
        asked.append(("off by", format_factor(each.factor), f"costs {rate} of loss in the rate, {in_batch} in the batch"))
    asked.append(("", "", "so err low on the learning rate and high on the batch (medians over the runs released with Step Law)"))
    return [Title("Start from"), Facts(asked)]


_FAR = 1.2
"""From how many times the batch of a law on it is no longer that law's."""
