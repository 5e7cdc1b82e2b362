"""A step of the user's own: its speed against the forecast, in an answer and as a file of devices."""

import json
from math import exp, log
from pathlib import Path

from planner._util.files import new_file, settings, write_new
from planner._version import __version__
from planner.accelerators.accelerator import MeasuredStep
from planner.architectures.layout import split_text
from planner.architectures.parallelism import Fit, Running, speed_of
from planner.architectures.step_time import FILE
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.inputs.question import Question, TokensPerSecond
from planner.notes import Note
from planner.quantities import format_count, format_percent, format_signed_percent, plain

_SLIP = 2.5
"""A logarithm of time against forecast beyond which a measured speed is of something else."""


def own_step(speed: TokensPerSecond, fit: Fit, shape: Shape, running: Running, batch: float) -> MeasuredStep:
    """Return a measured speed against its forecast, for steps of ``batch`` tokens; refuse one above what the devices can, or so
    far from the forecast that it is a slip.
    """
    assert fit.speed is not None  # looked at by the caller
    devices, layout = fit.layout.devices, fit.layout
    each = speed.tokens / devices if speed.all else speed.tokens
    told = f"`tokens_per_second` {speed.told}: {plain(each, 5)} of this model on a device"
    causal = each * shape.flops_per_token("exact", shape.active, causal=True)
    if causal > running.rate.best:
        share = format_percent(causal / running.peak)
        raise OptionError(f"{told} are {share} of the peak, above the best product that was measured; is it of all devices?")
    off = log(batch / (each * devices) / fit.speed.step_time.expected)
    if abs(off) > _SLIP:
        expected = f"{plain(fit.speed.tokens_per_second_per_device.expected, 5)} is forecast"
        raise OptionError(f"{told}, where {expected}: another model, layout or number of devices must have been meant")
    size, logged = format_count(shape.total), f", {speed.log}" if speed.log else ""
    text = f"{size} parameters on {devices} devices, {split_text(layout)}: {plain(each, 5)} tokens/s a device{logged}"
    return MeasuredStep(off, float(shape.total), shape.experts > 1, devices, text)


def corrected(
    question: Question, fits: tuple[Fit, ...], shape: Shape, running: Running, batch: float
) -> tuple[tuple[Fit, ...], MeasuredStep | None]:
    """Return layouts with their speeds corrected by the step that the question states, and the step; else as they are."""
    if question.tokens_per_second is None:
        return fits, running.own_step(shape)
    plainly = running._replace(own=())
    first = fits[0]._replace(speed=speed_of(shape, fits[0].layout, plainly))
    own = own_step(question.tokens_per_second.of(shape.context), first, shape, plainly, batch)
    return tuple(fit._replace(speed=speed_of(shape, fit.layout, running._replace(own=(own,)))) for fit in fits), own


def step_file(path: str | Path, *, overwrite: bool) -> Path:
    """Return the file that a step is to be written to, or refuse it."""
    return new_file(path, overwrite, ".toml", "a file of devices")


def write_step(step: MeasuredStep, device: str, path: str | Path, *, overwrite: bool) -> Path:
    """Write a step as a file of devices, or refuse the file's name, and one that exists unless ``overwrite``."""
    target = step_file(path, overwrite=overwrite)
    lines = [
        "# written by plan throughput --save-measured; give it as --gpu-file",
        "[[measured]]",
        f'id = "{device}"',
        f"log_time = {step.log_time!r} # of the measured step over the forecast by planner {__version__}",
        f"params = {step.params!r}",
        f"mixture = {str(step.mixture).lower()}",
        f"devices = {step.devices}",
        f"text = {json.dumps(step.text, ensure_ascii=False)}",
    ]
    write_new(target, "\n".join(lines) + "\n", overwrite=overwrite)
    return target


def own_note(own: MeasuredStep) -> Note:
    share, slower = format_percent(settings(FILE, "own")["share"]), format_signed_percent(exp(own.log_time) - 1)
    text = (
        f"corrected by a step of yours ({own.text}): it took {slower} of its forecast's time, of which {share} is "
        "taken to be your devices' and software's own; the interval is narrower for it"
    )
    return Note("own-step", "info", text)
