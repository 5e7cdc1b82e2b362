"""A shape on devices by one layout: what a user fixed of it, what the shape allows, what it takes of memory and time."""

from collections.abc import Mapping
from math import exp, log
from typing import NamedTuple

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.normal import normal_quantile
from planner._util.showing import Raw
from planner.accelerators.accelerator import MeasuredStep
from planner.accelerators.fleet import Machine
from planner.architectures.layout import RECOMPUTE, Layout, Recompute, Schedule, even_stages
from planner.architectures.memory import Memory, Scheme
from planner.architectures.step_time import FILE, Rates, Software, step_time, work_of
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.quantities import listed, plain, shown
from planner.quantities.estimate import Range


class Speed(NamedTuple):
    """How fast a layout trains.

    Attributes
    ----------
    step_time : Range
        Seconds, with the range that four of five runs lie in, or another share of them.
    tokens_per_second, tokens_per_second_per_device : Range
    mfu, mfu_full_attention : Range
        Model FLOP utilisation with attention counted causally, half of it, and in full.
    parts : mapping of str to float
        Seconds; they overlap, so they add up to more than the step.
    """

    step_time: Range
    tokens_per_second: Range
    tokens_per_second_per_device: Range
    mfu: Range
    mfu_full_attention: Range
    parts: FrozenDict


class Fit(NamedTuple):
    """The first shape on devices by one layout.

    Attributes
    ----------
    layout : Layout
    memory : Memory
        Bytes of the fullest device.
    fits : bool or None
        Whether it fits even where the forecast is low (True) or does not even where it is high (False); None between, and where
        no device was named.
    verdict : str
        The same in words, empty without a device.
    speed : Speed or None
        None where no step can be forecast: without a device, or on one whose links or kind are not known.
    """

    layout: Layout
    memory: Memory
    fits: bool | None
    verdict: str
    speed: Speed | None = None


VERDICTS = {True: "yes", None: "too close to say", False: "no"}


def smallest_memory(machine: Machine | None) -> float | None:
    """Return the bytes of the smallest device, as its driver reports them; None without one, or where that is not known."""
    if machine is None or any(part.device.memory is None for part in machine.parts):
        return None
    return float(min(part.device.memory or 0.0 for part in machine.parts))


def read_scheme(optimizer: str) -> Scheme:
    """Return what an optimizer keeps of each parameter."""
    found = settings("memory.toml", "schemes")[optimizer]
    return Scheme(optimizer, found["weights"], found["gradients"], found["optimizer"])


class Asked(NamedTuple):
    """A layout as far as the user fixed it; what is None is searched."""

    zero: int | None = None
    tensor: int | None = None
    pipeline: int | None = None
    expert: int | None = None
    expert_tensor: int | None = None
    context_parallel: int | None = None
    micro_batch: int | None = None
    recompute: Recompute | None = None
    batch: float | None = None
    schedule: Schedule | None = None
    virtual: int | None = None
    loss_kernel: str = "eager"
    offload: bool = False
    lora: int = 0

    @property
    def start(self) -> Layout:
        """The layout with everything fixed in it, and the rest as on one device."""
        usual = {"schedule": "interleaved" if self.virtual else "1f1b", "virtual": 2 if self.schedule == "interleaved" else 1}
        fixed = {name: value for name, value in self._asdict().items() if value is not None and name != "batch"}
        return Layout(**(usual | fixed))


def read_recompute(value: Raw) -> Recompute | None:
    """Read which activations are computed anew."""
    if value is not None and not (isinstance(value, str) and value in RECOMPUTE):
        raise OptionError(f"recompute {shown(value)}: expected one of {', '.join(RECOMPUTE)}")
    return value


def check_split(shape: Shape, asked: Asked, counted: int | None) -> None:
    """Refuse a split that the shape or the number of devices does not allow, with what would do."""
    start, virtual = asked.start, asked.virtual or 1
    tensor, pipeline, experts, context = start.tensor, start.pipeline, start.expert, start.context_parallel
    if pipeline > shape.layers:
        raise OptionError(f"pipeline {pipeline}: the shape has {shape.layers} layers")
    if not divides(shape, tensor):
        allowed = listed([each for each in range(1, 129) if divides(shape, each)], 12)
        raise OptionError(
            f"tensor {tensor}: does not divide the shape's {shape.heads} heads, {shape.kv_heads} key-value heads and "
            f"feed-forward width {shape.ffn} evenly; {allowed} do"
        )
    for name, given in (("expert", asked.expert), ("expert_tensor", asked.expert_tensor)):
        if given is not None and shape.experts == 1:
            raise OptionError(f"{name} {given}: the shape has no experts; tensor and pipeline split dense models")
    wide, parts = shape.details.expert_ffn or shape.ffn, start.expert_tensor
    if wide % parts:
        allowed = listed([each for each in range(1, 129) if wide % each == 0], 12)
        raise OptionError(f"expert_tensor {parts}: does not divide an expert's width of {wide}; {allowed} do")
    if shape.experts % experts:
        allowed = listed([each for each in range(1, shape.experts + 1) if shape.experts % each == 0], 12)
        raise OptionError(f"expert {experts}: does not divide the shape's {shape.experts} experts; {allowed} do")
    if context > 1 and shape.context % (2 * context):
        raise OptionError(f"context_parallel {context}: a context of {shape.context} is no multiple of {2 * context}, twice that")
    if shape.context // context % tensor:
        raise OptionError(f"tensor {tensor}: does not divide the {shape.context // context} tokens of a device's sequence evenly")
    if virtual > 1 and asked.pipeline and not even_stages(shape.layers, pipeline * virtual):
        raise OptionError(
            f"virtual {virtual}: {shape.layers} layers on pipeline {pipeline} with so many stages each come out uneven; give "
            f"pipeline and virtual whose product divides {shape.layers}, {shape.layers + 1} or {shape.layers + 2}: embedding and "
            "head may stand for a layer each"
        )
    if asked.schedule in {"interleaved", "zero-bubble"} and asked.pipeline == 1:
        raise OptionError(f"schedule {asked.schedule}: a pipeline of 1 has no bubble; drop one of them")
    if counted is not None and counted % start.split:
        sizes = {"tensor": tensor, "pipeline": pipeline, "context_parallel": context}
        told = " x ".join(f"{name} {size}" for name, size in sizes.items() if size > 1)
        raise OptionError(f"{told}: {counted} devices are no multiple of {start.split}")
    if counted is not None and counted // pipeline % (experts * parts):
        told = f"expert {experts}" + (f" x expert_tensor {parts}" if parts > 1 else "")
        raise OptionError(f"{told}: {counted // pipeline} devices of a pipeline stage are no multiple of {experts * parts}")


def divides(shape: Shape, tensor: int) -> bool:
    """Tell whether matrices can be split over so many devices; key-value heads are split, or repeated where they are fewer."""
    keys = shape.kv_heads % tensor == 0 or tensor % shape.kv_heads == 0
    return keys and shape.heads % tensor == 0 and shape.ffn % tensor == 0


class Running(NamedTuple):
    """What a layout runs on."""

    rate: Rates  # of one device
    peak: float  # its dense peak [FLOP/s]
    software: Software
    level: float = 0.8  # of the intervals
    own: tuple[MeasuredStep, ...] = ()  # steps of the user's own

    def own_step(self, shape: Shape) -> MeasuredStep | None:
        """Return the step of the user's that is nearest in size, of the same kind of model."""
        kind = [each for each in self.own if each.mixture == (shape.experts > 1)]
        return min(kind, key=lambda each: abs(log(each.params / shape.total)), default=None)


def unmeasured(layout: Layout) -> str:
    """Return what of a layout no step was measured with; empty where there is none."""
    if layout.offload:
        return "the optimizer is offloaded to the host"
    if layout.lora:
        return f"lora {layout.lora}: adapters alone are trained, of which nothing was measured"
    split = layout.expert_tensor
    return f"expert_tensor {split}: experts are split, of which nothing was measured" if split > 1 else ""


def why_not(shape: Shape, layout: Layout, rate: Rates) -> str:
    """Return why a step of such a layout is not forecast; empty where it is."""
    at_once = layout.micro_batch * shape.context / layout.context_parallel
    least = settings(FILE, "wide")["tokens"]
    if unmeasured(layout):
        return unmeasured(layout)
    if layout.tensor > rate.domain:
        return f"tensor {layout.tensor} is wider than the {rate.domain} devices of a fast domain"
    if at_once < least:
        return f"a device has {plain(at_once, 4)} tokens at once, fewer than the {least:,} that anything was measured with"
    return ""


def speed_of(shape: Shape, layout: Layout, running: Running | None) -> Speed | None:
    """Return how fast a layout trains, with the range that a share of such runs lie in; None where it is not forecast."""
    if running is None or why_not(shape, layout, running.rate):
        return None
    found = step_time(work_of(shape), layout, running.rate, running.software)
    tokens = float(layout.data * layout.micro_batch * max(layout.micro_batches, 1) * shape.context)
    own = running.own_step(shape)
    usual = float(found.total) * (exp(settings(FILE, "own")["share"] * own.log_time) if own else 1.0)
    off = factor_of(running.level, interval_of(shape, layout, running.rate, own))
    causal = shape.flops_per_token("exact", shape.active, causal=True)
    least = tokens * causal / (running.rate.best * layout.devices)  # no step is shorter than its products at their best
    step = Range(min(usual, max(usual / off, least)), usual, usual * off)
    every = Range(*(tokens / end for end in reversed(step)))
    each = every.times(1 / layout.devices)
    full = shape.flops_per_token("exact", shape.active)
    return Speed(
        step,
        every,
        each,
        each.times(causal / running.peak),
        each.times(full / running.peak),
        FrozenDict({name: float(part) for name, part in found.parts.items()}),
    )


def interval_of(shape: Shape, layout: Layout, rate: Rates, own: MeasuredStep | None) -> Mapping[str, float]:
    """Return the factors either way within which shares of such runs lie."""
    if own is None:
        found: Mapping[str, float] = settings(FILE, "intervals")["wide" if is_wide(shape, layout, rate) else "dense"]
        return found
    known = settings(FILE, "own")
    far = not 1 / known["near"] <= shape.total / own.params <= known["near"]
    kind: Mapping[str, float] = known["mixture" if own.mixture else "other" if far else "like"]
    return kind


def factor_of(level: float, known: Mapping[str, float]) -> float:
    """Return the factor either way within which a share of runs lie: measured of two, else by the normal law of logarithms."""
    ends = sorted((normal_quantile((1 + float(share)) / 2), log(factor)) for share, factor in known.items())
    (near, small), (far, large) = ends
    z = normal_quantile((1 + level) / 2)
    return exp(z * small / near if z <= near else small + (z - near) * (large - small) / (far - near))


def is_wide(shape: Shape, layout: Layout, rate: Rates) -> bool:
    """Tell whether forecasts miss by more, as of mixtures, four bits, slow links, and kinds of devices without a row."""
    limits = settings(FILE, "wide")
    few = 0 < layout.micro_batches < layout.pipeline
    odd = shape.experts > 1 or shape.total < limits["params"] or shape.context > limits["context"] or few
    far = rate.between < limits["link"] and layout.devices > rate.domain
    return bool(odd or far or rate.kind in limits["kinds"] or rate.low == "fp4")
