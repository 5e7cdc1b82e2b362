"""How fast a model trains on devices: the time of a step, tokens a second and utilisation, each with an interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Unpack

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Answer
from planner._version import __version__
from planner.accelerators.accelerator import MeasuredStep
from planner.accelerators.fleet import Machine
from planner.architectures.advice import advised
from planner.architectures.launch import Arguments, Training, arguments, sequences
from planner.architectures.layout import Layout
from planner.architectures.layout_grid import site
from planner.architectures.layout_search import layouts
from planner.architectures.measured_steps import Nearest, nearest
from planner.architectures.memory import Memory
from planner.architectures.parallelism import (
    Fit,
    is_wide,
    read_recompute,
    read_scheme,
    smallest_memory,
    why_not,
)
from planner.architectures.step_time import FILE, Software, rates, work_of
from planner.architectures.transformer import Shape
from planner.errors import CannotPlanError, OptionError
from planner.inputs.held_budgets import read_held
from planner.inputs.layout_asked import layout_asked
from planner.inputs.question import Question
from planner.inputs.registry import ThroughputInputs, asks
from planner.notes import Note
from planner.planning.own_step import corrected, own_note, write_step
from planner.quantities import format_count, format_percent, plain
from planner.quantities.estimate import Range


@dataclass(frozen=True, eq=False, repr=False)
class Throughput(Answer):
    """How fast a model trains.

    Attributes
    ----------
    shape : Shape
    layout : Layout
        As asked for, the rest searched: the fastest that fits.
    machine : Machine
    software, year : str, float
        What runs, and of when.
    batch : float
        Tokens of a step.
    step_time : float
        Seconds.
    tokens_per_second, tokens_per_second_per_device : float
    mfu, mfu_full_attention : float
        Model FLOP utilisation, attention counted causally, about half of it, and in full.
    level : float
        Of the intervals.
    intervals : mapping of str to (low, high)
        Of each of the five.
    parts : mapping of str to float
        Seconds of ``products``, ``attention``, ``elementwise``, ``tensor``, ``expert``, ``launch``, ``bubble``, ``data`` and
        ``optimizer``; they overlap, so they add up to more than the step.
    limited_by : str
        The largest of them.
    memory : Memory
    fits : bool or None
        None where it is too close to say, or no memory is known.
    others : tuple of Fit
        Runners-up, where parts of the layout were searched.
    measured : MeasuredStep or None
        The user's own step that the forecast was corrected by.
    nearest : tuple of Nearest
        Published rows nearest to this run, with what they measured.
    arguments : tuple of Arguments
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    shape: Shape
    layout: Layout
    machine: Machine
    software: str
    year: float
    batch: float
    step_time: float
    tokens_per_second: float
    tokens_per_second_per_device: float
    mfu: float
    mfu_full_attention: float
    level: float
    intervals: Mapping[str, tuple[float, float]]
    parts: Mapping[str, float]
    limited_by: str
    memory: Memory
    fits: bool | None
    others: tuple[Fit, ...]
    measured: MeasuredStep | None
    nearest: tuple[Nearest, ...]
    arguments: tuple[Arguments, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    @property
    def dollars_per_trillion(self) -> float | None:
        """What 1e12 tokens cost at the devices' price."""
        price = self.machine.dollars_per_hour
        return None if price is None else price.expected * 1e12 / self.tokens_per_second / 3600

    def save_measured(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the user's own step as a file of devices (TOML), for ``--gpu-file``: other forecasts on such devices are then
        corrected by it, and surer.

        Raises
        ------
        OptionError
            No step was given, the name does not end in .toml, or the file exists and ``overwrite`` is not given.
        """
        if self.measured is None or self.inputs.get("tokens_per_second") is None:
            raise OptionError("`tokens_per_second`: no speed was given, so none can be saved; give one that you measured")
        return write_step(self.measured, self.machine.parts[0].device.id, path, overwrite=overwrite)


@asks(ThroughputInputs)
def throughput(*, recompute: str | None = None, **asked: Unpack[ThroughputInputs]) -> Throughput:
    """Forecast how fast a model trains on devices, by a model of its step that was fitted to published measurements.

    Parameters
    ----------
    recompute : {"none", "selective", "op", "full"}, optional
        Which activations are computed anew; by default that which is fastest and fits.
    {inputs}

    Returns
    -------
    Throughput

    Raises
    ------
    PlannerError
        Bad input, a layout that does not multiply to the devices, a batch that they do not work on evenly, or a run that nothing
        was measured of: devices without links or of an unknown kind, optimizers in the host's memory, too few tokens at once.

    Examples
    --------
    >>> import planner
    >>> found = planner.throughput(shape="llama3-8b", gpus="64xH100", batch="4M")
    >>> low, high = found.intervals["tokens_per_second_per_device"]
    >>> low < found.tokens_per_second_per_device < high
    True
    """
    question = Question.of(ThroughputInputs, "throughput", asked)
    shape, machine = model_of(question), _machine(question)
    usual = settings(FILE, "asked")
    software = Software(question.software or usual["software"], question.year or usual["year"])
    scheme, wanted = read_scheme(question.optimizer or "adam"), layout_asked(question, read_recompute(recompute))
    batch, said = batch_for(question, shape)
    capacity = smallest_memory(machine)
    where = site(machine, capacity or inf, batch / shape.context, software, question.level)
    if where.running is None:
        raise CannotPlanError(_missing(machine))
    fits = layouts(shape, scheme, wanted, where)
    taken = float(sequences(fits[0].layout) * shape.context)
    if fits[0].speed is None:
        raise CannotPlanError(f"no step of this run can be forecast: {why_not(shape, fits[0].layout, where.running.rate)}")
    (first, *rest), own = corrected(question, fits, shape, where.running, taken)
    given = {"recompute": recompute} if recompute is not None else {}
    wide = is_wide(shape, first.layout, where.running.rate)
    said = _batch_said(question, batch, taken, said)
    return Throughput(
        shape=shape,
        layout=first.layout,
        machine=machine,
        software=software.stack,
        year=software.year,
        batch=taken,
        **_figures(first),
        level=question.level,
        memory=first.memory,
        fits=first.fits if capacity is not None else None,
        others=tuple(rest),
        measured=own,
        nearest=nearest(work_of(shape), first.layout, machine.parts[0].device),
        arguments=arguments(shape, first.layout, Training(scheme, machine.dtype)),
        notes=tuple(_notes(first, shape, software, capacity, own, wide=wide, batch=said)),
        inputs=FrozenDict({**question.stated(), **given, "level": question.level}),
    )


def model_of(question: Question) -> Shape:
    """Return the model that is asked about; refuse a question without one."""
    if question.shape is None:
        raise OptionError("`shape`: of which model? A published one (llama3-8b), a config.json, or layers=32,width=4096,...")
    return question.shape


def _machine(question: Question) -> Machine:
    """Return the devices that are asked about; refuse a number that is open."""
    machine = read_held(question).machine
    if machine is None or not machine.counted:
        raise OptionError("`gpus`: on how many devices? Give them with their kind, such as 64xH100")
    return machine


def _batch_said(question: Question, batch: float, taken: float, said: str) -> str:
    """Return what to say of a batch that is another than was asked for, or than a law says."""
    whole = f"{format_count(taken)} in whole micro-batches of this layout"
    if question.batch is not None:
        return said if taken == batch else f"a batch of {format_count(batch)} tokens is {whole}"
    if taken > settings(FILE, "asked")["larger"] * batch:
        return f"{said}; so many devices work on {format_count(taken)} at once, {plain(taken / batch, 3)} times as many"
    return f"{said}; {whole}" if abs(taken / batch - 1) > _ROUNDED else said


_ROUNDED = 0.02
"""Share by which a batch may be rounded unsaid."""


def _figures(fit: Fit) -> dict[str, Any]:
    """Return the five figures, their intervals and the parts."""
    speed = fit.speed
    assert speed is not None  # looked at by the caller
    spans = {name: span for name, span in speed._asdict().items() if isinstance(span, Range)}
    return {
        **{name: span.expected for name, span in spans.items()},
        "intervals": FrozenDict({name: (span.low, span.high) for name, span in spans.items()}),
        "parts": speed.parts,
        "limited_by": max(speed.parts, key=lambda name: speed.parts[name]),
    }


def batch_for(question: Question, shape: Shape) -> tuple[float, str]:
    """Return the tokens of a step, and what to say of a batch that nobody chose."""
    if question.batch is not None:
        return question.batch, ""
    told, usual = advised(shape), settings(FILE, "asked")["tokens_per_param"]
    text = f"a batch of {format_count(told.batch)} tokens is {told.law}'s for {usual} tokens a parameter at work; yours: --batch"
    return told.batch, text


def _missing(machine: Machine) -> str:
    """Say why nothing is known of how fast such devices train."""
    if len(machine.parts) > 1:
        return "a mixed fleet: a step takes as long as its slowest devices, and nothing was measured of that; ask for one kind"
    part = machine.parts[0]
    if part.device.links is None:
        given = "links = { inside_gb_s = 450, between_gb_s = 50, domain = 8 }"
        return (
            f"{part.device.id}: its links are not known, so no step can be forecast; a gpu_file gives them, as {given}, with "
            'memory_bandwidth_tb_s and like = "h100-sxm", a device as efficient'
        )
    if rates(part.device, machine.dtype) is None:
        return (
            f"{part.device.id}: no device of its kind was measured, or its bandwidth is not known; in a gpu_file say "
            'memory_bandwidth_tb_s, and like = "h100-sxm", a device as efficient'
        )
    return f"{part.device.id}: with a `peak` of your own nothing is known of its efficiency"


def _notes(
    fit: Fit, shape: Shape, software: Software, capacity: float | None, own: MeasuredStep | None, *, wide: bool, batch: str
) -> Iterator[Note]:
    if batch:
        yield Note("batch", "info", batch)
    if capacity is None:
        yield Note("memory-unknown", "info", "the memory of these devices is not known: whether it fits is not said")
    elif fit.fits is False:
        yield Note("no-fit", "warning", "this layout does not fit in memory; configure says what would")
    elif fit.fits is None:
        yield Note("close-fit", "warning", "whether this layout fits in memory is too close to say: measure a step")
    if own is None:
        rows = "published steps of 2021 to 2026, whole sources left out"
        text = f"the intervals hold what was missed on {rows}; software {software.stack} of {plain(software.year, 5)}"
        kinds = "mixtures, small models, long contexts, few micro-batches, slow links and devices without a row"
        yield Note("speed-intervals", "info", f"{text}; wider here, as for {kinds}" if wide else text)
    else:
        yield own_note(own)
    fixed, kind = settings(FILE, "fixed"), "mixture" if shape.experts > 1 else "dense"
    latest = fixed[f"year_{kind}_since"] + fixed[f"year_{kind}_span"][1]
    if software.year > latest + settings(FILE, "asked")["later"]:
        text = f"software later than {plain(latest, 5)} counts as of then: nothing was measured of it"
        yield Note("year", "info", text)
    if shape.details.remark:
        yield Note("published-shape", "info", shape.details.remark)
    if shape.context > settings(FILE, "wide")["context"] and fit.speed:
        attended = format_percent(fit.speed.parts["attention"] / sum(fit.speed.parts.values()))
        yield Note("long-context", "info", f"attention takes {attended} of the work at a context of {shape.context:,}")
