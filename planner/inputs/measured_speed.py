"""The utilisation that a measured speed means, or a run that is done: tokens a second, or tokens, devices and days."""

from typing import TYPE_CHECKING

from planner.allocation.problem import spending_of
from planner.errors import OptionError
from planner.inputs.held_budgets import read_held
from planner.inputs.mixtures import all_of_active, share_given
from planner.inputs.question import Devices, Question
from planner.inputs.shape import counted_flops_per_token
from planner.notes import Note
from planner.quantities import format_count, format_duration, format_flops, format_peak, format_percent, format_whole
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine


Measured = tuple[Question, tuple[Note, ...]]
"""A question with its utilisation in place of what it was measured by, and what to say of it."""


def measured(question: Question, law: Law) -> Measured:
    """Return the question with the utilisation that a measured speed means; as it is where none was given.

    Raises
    ------
    OptionError
        A speed without a model or devices, beside a utilisation, or above what the devices can.
    """
    whole = question.tokens is not None and question.named("params", "active_params", "shape")
    if question.tokens_per_second is not None:
        if whole and question.days is not None:
            raise OptionError("`tokens_per_second` and `days` of a whole run together say too much: one follows from the other")
        return _of_speed(question, law)
    hours = question.days if question.days is not None else question.gpus.hours if question.gpus else None
    other = question.named("flops", "loss", "mfu", "pf_days", "gpu_hours", "dollars", "energy", "co2")
    if hours is None or not whole or other or question.gpus is None or question.deadline is not None:
        return question, ()
    return _of_run(question, law, hours)


def _of_speed(question: Question, law: Law) -> Measured:
    speed = question.tokens_per_second
    assert speed is not None  # asked for
    if question.mfu is not None:
        raise OptionError("`tokens_per_second` and `mfu` together say too much: one follows from the other")
    if not question.named("params", "active_params", "shape"):
        raise OptionError(f"`tokens_per_second` {speed.told}: of which model? Give its `shape`, such as llama2-7b, or `params`")
    machine = _machine(question)
    if machine is None:
        raise OptionError(
            f"`tokens_per_second` {speed.told}: on which device? Give `gpus`, such as 96xH100, or `gpu`, such as h100-sxm"
        )
    if speed.sequences:
        if question.shape is None:
            raise OptionError(
                f"`tokens_per_second` {speed.told}: of how many tokens each? Give the `shape`, such as llama2-7b,context=4096"
            )
        speed = speed.of(question.shape.context)
    if speed.all and not machine.counted:
        raise OptionError(f"`tokens_per_second` {speed.told}: of how many devices? Give `gpus`, such as 96xH100")
    tokens = speed.tokens if speed.all else speed.tokens * machine.devices
    told = f"{format_whole(speed.tokens)} tokens/s {'in all' if speed.all else 'a device'}"
    held = question._replace(tokens_per_second=None)
    return _with(held, law, machine, tokens, f"`tokens_per_second` {speed.told}", told, speed.log)


def _of_run(question: Question, law: Law, hours: float) -> Measured:
    machine = _machine(question)
    assert machine is not None  # devices are counted
    assert question.tokens is not None  # of a whole run
    tokens = question.tokens * (1 + machine.overhead) / (3600 * hours)
    told = f"{format_count(question.tokens)} tokens in {format_duration(hours)}"
    if question.gpus is not None and question.gpus.hours is not None:
        question = question._replace(gpus=Devices(question.gpus.parts))
    return _with(question._replace(days=None), law, machine, tokens, "`days`", told)


def _machine(question: Question) -> "Machine | None":
    """Return the devices, however they are used."""
    gpus = Devices(question.gpus.parts) if question.gpus is not None else None
    bare = Question(gpus=gpus, gpu=question.gpu, dtype=question.dtype, peak=question.peak, gpu_file=question.gpu_file)
    return read_held(bare._replace(overhead=question.overhead)).machine if gpus or question.gpu else None


def _with(question: Question, law: Law, machine: "Machine", tokens: float, what: str, told: str, log: str = "") -> Measured:
    """Return the question with the utilisation of so many tokens a second, and what to say of it."""
    shape = question.shape
    each = counted_flops_per_token(question, law) if shape is not None else _of_size(question, law)
    share = tokens * each / machine.peak
    best = min(
        (part.device.best_share(machine.dtype) or 1.0) * part.device.peaks[machine.dtype] / part.peak for part in machine.parts
    )
    fleet = " + ".join(part.device.id for part in machine.parts)
    if share > best:
        limit = "the best matrix product that was measured there" if best < 1 else "its peak"
        count = told.partition(" ")[0]
        asks = "is it a device's? Then drop in all" if "in all" in told else f"is it of all devices? Then write {count} in all"
        raise OptionError(
            f"{what}: {told} of it are an MFU of {format_percent(share)} on {fleet}, above {format_percent(best)}, {limit}"
            f"; {asks if 'tokens/s' in told else 'are the devices, days and tokens of one run?'}"
        )
    if share < _LEAST:
        raise OptionError(f"{what}: {told} of this model are an MFU of {share:.2g} on {fleet}: less than {_LEAST:g} is a slip")
    text = f"MFU {format_percent(share)} follows from {told}: {format_flops(each)} a token"
    if shape is None:
        text += " by 6 N"
    elif question.flops_rule in {None, "exact"}:
        causal = question.attention_flops == "causal"
        again = shape.flops_per_token("exact", shape.active, recompute=bool(question.recompute), causal=not causal)
        here, there = ("causally", "in full") if causal else ("in full", "causally")
        counted = format_percent(tokens * again / machine.peak)
        text += f", attention counted {here}; {counted} with attention counted {there}"
    text += f"; of {format_peak(machine.peak / machine.devices)} {machine.dtype}, dense"
    text += f"; the speed is {log}" if log else ""
    text += "; what is computed anew counts, so this is HFU" if question.recompute else ""
    return question._replace(mfu=share), (Note("mfu-measured", "info", text),)


_LEAST = 1e-4


def _of_size(question: Question, law: Law) -> float:
    """Return what a token costs of so many parameters, as the law counts."""
    share, params = share_given(question, law), all_of_active(question, law).params
    assert params is not None  # asked for
    return float(spending_of(law, 0.0).per_token(params)) if share is None else float(law.symbols["k"] * share * params)
