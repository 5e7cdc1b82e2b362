"""What to say beside a configuration: conventions, what memory assumes, what would fit, how sure the speed is."""

from collections.abc import Iterator
from typing import Any

from planner._util.files import settings
from planner.accelerators.fleet import Machine
from planner.architectures.fewest_layouts import fewest
from planner.architectures.hyperparameters import Suggestion
from planner.architectures.layout import SPLITS, split_text
from planner.architectures.layout_grid import Site
from planner.architectures.layout_search import layouts
from planner.architectures.memory import Scheme, held_params
from planner.architectures.parallelism import Asked, Fit, read_scheme, why_not
from planner.architectures.shape_search import Proportions
from planner.architectures.step_time import FILE
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.inputs.machine import usual_utilisation
from planner.inputs.shape import vocabulary_law
from planner.notes import Note
from planner.planning.configured_run import ConfiguredRun
from planner.planning.shape_candidates import Candidate
from planner.quantities import (
    format_bytes,
    format_count,
    format_factor,
    format_percent,
    format_signed_percent,
    format_whole,
    plain,
)
from planner.scaling_laws.provenance import PARAM_COUNTS


def configure_notes(
    first: Candidate,
    run: ConfiguredRun,
    usual: Proportions | None,
    scheme: Scheme,
    asked: Asked,
    where: Site,
    fits: tuple[Fit, ...],
    suggestions: tuple[Suggestion, ...],
    machine: Machine | None,
    vocab_chosen_here: bool,
) -> Iterator[Note]:
    """Return all of them; ``vocab_chosen_here`` where the user gave no vocabulary."""
    forecast = machine is not None and run.machine is not None and machine.mfu != run.machine.mfu
    told = {"mfu-default", "mfu-forecast"} if forecast else {"mfu-forecast"}
    yield from (note for note in run.notes if note.code not in told)
    yield from _speed(first.shape, fits[0], where, machine, forecast=forecast)
    yield from _conventions(first, run, usual)
    yield _memory(scheme, first.shape, asked, fits[0])
    if usual is not None and first.shape.experts > 1:
        yield from _divided(run, first.shape, usual, vocab_chosen_here=vocab_chosen_here)
    elif usual is not None and vocab_chosen_here:
        yield from _vocabulary(first.shape)
    if where.capacity is not None and not any(fit.fits for fit in fits):
        yield _no_fit(first.shape, scheme, asked, where, fits)
    if asked.lora:
        adapted = format_count(first.shape.adapter_params(asked.lora))
        text = f"adapters of rank {asked.lora} on attention and dense or shared feed-forward parts: {adapted} parameters are "
        text += "trained, the rest is frozen, in the same format; a token costs about two thirds of full training"
        yield Note("adapters", "info", text)
    elif first.shape.experts > 1:
        text = "laws of batch size and learning rate are of dense models: of this mixture all parameters go into them"
        yield Note("recipes-dense", "info", text)
    yield from _crowd(fits, suggestions)


def _speed(shape: Shape, fit: Fit, where: Site, machine: Machine | None, *, forecast: bool) -> Iterator[Note]:
    """Say what the forecast of speed is, and where there is none, why."""
    if machine is None:
        return
    if fit.speed is None:
        names = " and ".join(part.device.id for part in machine.parts)
        unknown = (
            f"links or efficiency of {names} are not known"
            if len(machine.parts) == 1
            else "nothing was measured of a mixed fleet"
        )
        why = unknown if where.running is None else why_not(shape, fit.layout, where.running.rate)
        text = f"no step is forecast ({why}): layouts go by how little they split, and time and cost by the MFU beside them"
        yield Note("no-speed", "info", text)
        return
    low, share, high = (format_percent(end) for end in fit.speed.mfu_full_attention)
    year = plain(settings(FILE, "asked")["year"], 5)
    text = (
        f"MFU {share} ({low} to {high}, four of five) is forecast for steps of the first layout by a model of them, with "
        f"software of {year}; attention counted in full, as FLOP are here; {format_percent(fit.speed.mfu.expected)} if counted "
        "causally"
    )
    if forecast:
        usual = format_percent(usual_utilisation(machine.dtype).expected)
        low, share, high = (format_percent(end) for end in machine.mfu)
        text += f"; whole runs took longer, so days and dollars rest on {share} ({low} to {high})"
        text += f", where {usual} of published runs would be taken; yours: --mfu"
    else:
        why = "as the budget does" if machine.counted else "since how many devices is open"
        text += f"; days and dollars here rest on {format_percent(machine.mfu.expected)}, {why}"
    yield Note("mfu-forecast", "info", text)


def _crowd(fits: tuple[Fit, ...], suggestions: tuple[Suggestion, ...]) -> Iterator[Note]:
    """Say when the devices work on more sequences at once than any law would put into a batch."""
    at_once = fits[0].layout.data * fits[0].layout.micro_batch
    largest = max((each.sequences for each in suggestions if each.sequences is not None), default=at_once)
    if at_once > largest:
        text = f"{format_whole(at_once)} sequences are worked on at once, more than the largest batch suggested"
        text += f", {format_whole(largest)}: so many devices cannot all be used"
        yield Note("batch-too-large", "warning", text)


def _no_fit(shape: Shape, scheme: Scheme, asked: Asked, where: Site, fits: tuple[Fit, ...]) -> Note:
    """Say that no layout surely fits, what would make it fit, and on how many devices it would."""
    close = any(fit.fits is None for fit in fits)
    text = "no layout surely fits, measure a step first" if close else "no layout fits"
    found = fewest(shape, scheme, asked._replace(batch=None), where._replace(counted=None))
    if found is None:
        text += ": on no number of these devices surely; larger ones, or a shorter context"
    else:
        layout = found.layout
        text += f": the fewest that do are {layout.devices} devices (ZeRO {layout.zero}, {split_text(layout)})"
    helping = _remedies(shape, scheme, asked, where, close=close) if where.counted is not None else ""
    text += f"; on these {helping}" if helping else ""
    return Note("no-fit", "warning", text)


def _remedies(shape: Shape, scheme: Scheme, asked: Asked, where: Site, *, close: bool) -> str:
    """Return the changes, each alone, with which a layout surely fits, or at least may; else those together; else nothing."""
    smaller = read_scheme("adam-8bit")
    free = dict.fromkeys((*(name for name in SPLITS if name != "data"), "zero", "micro_batch", "virtual", "schedule"))
    changes: list[tuple[str, Scheme, dict[str, Any]]] = [
        ("--recompute full", scheme, {"recompute": "full"}),
        ("--loss-kernel fused", scheme, {"loss_kernel": "fused"}),
        *([("--optimizer adam-8bit", smaller, {})] if smaller.total < scheme.total else []),
        ("--offload", scheme, {"offload": True}),
        ("a layout that is searched whole", scheme, free),
    ]

    def verdict(kept: Scheme, changed: dict[str, Any]) -> bool | None:
        try:
            found = layouts(shape, kept, asked._replace(**changed), where)
        except OptionError:
            return False
        return True if any(fit.fits for fit in found) else None if any(fit.fits is None for fit in found) else False

    alone = {text: verdict(kept, changed) for text, kept, changed in changes}
    for wanted, words in ((True, "it fits with"), (None, "it may fit (too close to say) with")):
        helping = [text for text, found in alone.items() if found is wanted]
        if helping and (wanted or not close):
            return f"{words} {' or '.join(helping)}"
    less = smaller.total < scheme.total
    if not verdict(smaller if less else scheme, {"recompute": "full", "loss_kernel": "fused", **free}):
        return ""
    kept = " --optimizer adam-8bit" if less else ""
    return f"it fits with --recompute full --loss-kernel fused{kept} and a layout that is searched whole"


_FAR_FROM_PLAN = 0.05
"""A difference in what works on a token that is worth a warning: a house convention."""


def _divided(run: ConfiguredRun, shape: Shape, usual: Proportions, *, vocab_chosen_here: bool) -> Iterator[Note]:
    """Say how the layers of a mixture are divided, what of that the law knows, and whose vocabulary it has."""
    law, planned = run.law, run.law.active_share * run.params
    shared = f" and {shape.details.shared_experts} shared" if shape.details.shared_experts else ""
    made = f"{shape.experts_per_token} of {shape.experts} experts at work{shared}, each of width {shape.details.expert_ffn}"
    text = f"{law.id} says how many parameters work on a token and how many there are; that these are {made}"
    text += ", is as in published mixtures of the size, or as you said: of other divisions the law's loss is not"
    yield Note("divided-experts", "info", text)
    working = shape.working(law.conventions.params)
    if abs(working / planned - 1) > _FAR_FROM_PLAN:
        text = f"the first shape has {format_count(working)} at work on a token, the plan {format_count(planned)}"
        yield Note("active-off", "warning", f"{text}: FLOP and tokens are the shape's, the loss is the plan's")
    if vocab_chosen_here:
        said = f"a vocabulary of {format_whole(shape.vocab)} is that of {usual.like[0]}, the published mixture nearest in size"
        yield Note("vocabulary", "info", f"{said}; give your tokenizer's (--vocab 128k, vocab in Python)")


def _vocabulary(shape: Shape) -> Iterator[Note]:
    """Say when the vocabulary, which nobody chose, is a law's far from what that was measured on."""
    law, span, outside = vocabulary_law(shape.total - shape.embeddings)
    if outside > 1:
        text = f"a vocabulary of {format_whole(shape.vocab)} is {law.id}'s, {format_factor(outside)} outside its {span}"
        text += ", and no larger than any published one: a guess, so give your tokenizer's (--vocab 128k, vocab in Python)"
        yield Note("vocabulary", "info", text)


def _conventions(first: Candidate, run: ConfiguredRun, usual: Proportions | None) -> Iterator[Note]:
    if remark := first.shape.details.remark:
        yield Note("published-shape", "info", remark)
    convention = run.law.conventions.params
    if convention not in {"total", "non-embedding"}:
        text = f"{run.law.id} counts {PARAM_COUNTS[convention]}: that is what the shapes have N of"
        if convention == "unstated":
            text = f"{run.law.id} does not say which parameters it counts: the shapes have its N in all of them"
        yield Note("params-convention", "info", text)
    if abs(first.over_6nd) > _NOTABLE:
        exact = format_signed_percent(first.over_6nd)
        why = f"attention over {format_whole(first.shape.context)} tokens counts, looking up embeddings does not"
        paid = f"the budget pays for {format_count(first.tokens)} tokens, where "
        paid += "the plan, which takes the speed of usual shapes between sizes, has" if run.timed else "6 N D gave"
        paid += f" {format_count(run.tokens)}"
        text = f"the exact FLOP of the first shape are {exact} against 6 N D: {why}"
        text += f"; {paid}" if first.tokens != run.tokens else ""
        yield Note("over-6nd", "info", text)
    if usual is not None:
        low, aspect, high = (plain(end, 3) for end in (usual.aspects[0], usual.aspect, usual.aspects[1]))
        text = f"proportions of {', '.join(usual.like[:4])} and others of the size: width over layers {aspect}"
        text += f", from {low} to {high} allowed; the loss depends on them only mildly (Kaplan et al. 2020, Fig. 5)"
        yield Note("proportions", "info", text)


_NOTABLE = 0.02
"""A difference of compute that is worth a word: a house convention."""


def _memory(scheme: Scheme, shape: Shape, asked: Asked, fit: Fit) -> Note:
    """Say what the forecast of memory rests on."""
    beside = settings("memory.toml", "overhead")
    kernel = settings("memory.toml", "loss_kernels")[asked.loss_kernel]
    least, usual_gib, most = beside["context_gib"]
    text = (
        f"memory: {settings('memory.toml', 'schemes')[scheme.name]['source']}; activations by Korthikanti et al. 2022; loss "
        f"{asked.loss_kernel}: {kernel['what']}; {format_percent(beside['fragmentation'])} for fragmentation and {usual_gib} GiB "
        f"for the framework and communication; the range takes {least} to {most} GiB and a factor of {beside['spread']} either "
        f"way ({beside['source']})"
    )
    if asked.offload:
        layout, held = fit.layout, held_params(shape, fit.layout)
        shared, experts = (1, 1) if layout.zero == 0 else (layout.replicas, layout.expert_replicas)
        host = scheme.optimizer * (held.shared / shared + held.experts / experts)
        text += f"; the host has {format_bytes(float(host))} of optimizer states for each device"
    if shape.experts > 1:
        text += "; tokens are taken to spread evenly over a mixture's experts"
    return Note("memory", "info", text)
