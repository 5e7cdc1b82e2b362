"""How long a step of training takes: products, attention, memory traffic and communication of one device, added up.

Everything takes one run, or columns of many.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner.accelerators.accelerator import Accelerator
from planner.architectures.layout import Layout
from planner.architectures.transformer import Shape

FILE = "throughput.toml"


class Rates(NamedTuple):
    """What a device does in a second."""

    kind: str  # whose efficiencies it shares
    peak: Any  # dense peak of matrix products in the format used [FLOP/s]
    half: Any  # the same in 16 bits
    best: Any  # best matrix product that was measured, or the peak where none was [FLOP/s]
    low: str  # the format, where it has fewer than 16 bits; empty otherwise
    memory: Any  # bandwidth of memory [bytes/s]
    inside: Any  # of links inside a fast domain, and between domains [bytes/s]
    between: Any
    domain: Any  # devices in one


def rates(device: Accelerator, dtype: str) -> Rates | None:
    """Return a device's rates; None where its links or a kind like it are not known, so that no step can be forecast."""
    kind = next((name for name, each in settings(FILE, "kinds").items() if {device.id, device.like} & set(each)), None)
    half = device.peaks.get("bf16") or device.peaks.get("fp16")
    peak = device.peaks.get(dtype) or device.low_bit.get(dtype)
    if kind is None or device.links is None or device.bandwidth_tb_s is None or half is None or peak is None:
        return None
    low = dtype if dtype in settings(FILE, "constants") else ""
    best, memory = device.matmul.get(dtype, peak), 1e12 * device.bandwidth_tb_s
    return Rates(kind, peak, half, best, low, memory, *device.links)


class Work(NamedTuple):
    """What a shape asks of devices, a token: weights of matrix products by where they are, and sizes."""

    layers: Any
    mixed: Any  # layers with experts
    width: Any
    ffn: Any  # a dense layer's feed-forward width, an expert's where there is none
    vocab: Any
    context: Any
    attention: Any  # entries of all heads, of queries
    keys: Any  # and of keys and values each
    head_size: Any
    scores: Any  # products of attention, tokens seen causally, over all layers
    heads: Any
    rest: Any  # weights of products at work, of attention, dense and shared feed-forward parts
    routed: Any  # of routed experts
    table: Any  # of the head
    experts: Any
    at_work: Any
    expert_ffn: Any
    params: Any
    expert_params: Any  # those of routed experts


def work_of(shape: Shape) -> Work:
    """Return what a shape asks of devices."""
    routed = shape.routed_layers * shape.experts_per_token * shape.expert_products
    table = (1 + shape.details.mtp) * shape.vocab * shape.width
    return Work(
        layers=shape.layers,
        mixed=shape.mixed_layers,
        width=shape.width,
        ffn=shape.ffn,
        vocab=shape.vocab,
        context=shape.context,
        attention=shape.heads * shape.head_size,
        keys=shape.kv_heads * shape.head_size,
        head_size=shape.head_size,
        scores=shape.heads * shape.head_products * shape.seen_causally,
        heads=shape.heads,
        rest=shape.matrix_products - routed - table,
        routed=routed,
        table=table,
        experts=shape.experts,
        at_work=shape.experts_per_token if shape.experts > 1 else 1,
        expert_ffn=shape.details.expert_ffn or shape.ffn,
        params=shape.total,
        expert_params=shape.routed_layers * shape.experts * shape.expert_params,
    )


class Software(NamedTuple):
    """What runs on the devices."""

    stack: str  # "megatron", "fsdp", "xla", or "old", which is Megatron-DeepSpeed of 2022
    year: Any
    attention: str = "flash"  # fused and causal; fused over the whole context, "skips nothing"; or "unfused"


def usual_software() -> Software:
    """Return what is taken where nothing is said."""
    asked = settings(FILE, "asked")
    return Software(asked["software"], asked["year"])


class StepTime(NamedTuple):
    """Seconds of a step of training.

    Attributes
    ----------
    total : float
        Less than the sum of the parts, which overlap.
    parts : mapping of str to float
        ``products`` (experts and head among them), ``attention``, ``elementwise``, ``tensor`` (and context) communication,
        ``expert`` exchange and routing, ``launch`` of kernels, pipeline ``bubble``, ``data`` communication, ``optimizer``.
    """

    total: Any
    parts: FrozenDict


class _Run(NamedTuple):
    """One run, or columns of many: what is done, by which layout, where, with what, repeated how much."""

    work: Work
    layout: Layout
    rate: Rates
    software: Software
    constants: Mapping[str, float]
    again: Any

    @property
    def at_once(self) -> Any:
        """Tokens of a micro-batch on a device."""
        return self.layout.micro_batch * self.work.context / self.layout.context_parallel

    @property
    def micro(self) -> Any:
        return np.maximum(self.layout.micro_batches, 1)

    @property
    def tokens(self) -> Any:
        """Tokens of a step that a device works on."""
        return self.at_once * self.micro

    @property
    def old(self) -> bool:
        return self.software.stack == "old"


def step_time(
    work: Work,
    layout: Layout,
    rate: Rates,
    software: Software | None = None,
    *,
    constants: Mapping[str, float] | None = None,
    again: Any = None,
) -> StepTime:
    """Return how long a step of ``layout.micro_batches`` on each device takes.

    Software and constants are by default those of ``data/throughput.toml``; ``again`` is the share of the forward pass that is
    done again, by default that of ``layout.recompute``.

    References
    ----------
    Constants and what they were fitted to: ``data/throughput.toml``. Bytes of communication: tensor parallelism, Korthikanti et
    al. 2022, arXiv 2205.05198, Sec. 4.2; pipelines, Narayanan et al. 2021, arXiv 2104.04473, Sec. 2.2; data parallelism,
    Rajbhandari et al. 2020, arXiv 1910.02054, Sec. 7.
    """
    known, fixed = constants or settings(FILE, "constants"), settings(FILE, "fixed")
    repeated = settings(FILE, "again")[layout.recompute] if again is None else again
    run = _Run(work, layout, rate, software or usual_software(), known, repeated)
    parts = _products(run) | _memory_bound(run) | _exchanged(run)
    layers = work.layers / layout.pipeline
    parts["launch"] = known["launch_old" if run.old else "launch"] * layers * run.micro * (1 + repeated / 3)
    busy = sum(parts[name] for name in ("products", "attention", "elementwise", "tensor", "expert"))
    working = np.cbrt(busy**3 + parts["launch"] ** 3)
    thirds = 3 if layout.schedule == "zero-bubble" else 1
    parts["bubble"] = working * (layout.pipeline - 1) / (run.micro * layout.virtual * thirds)
    own = (work.params - work.expert_params * (1 - 1 / layout.expert)) / (layout.pipeline * layout.tensor)
    parts["data"] = _data(run, own)
    sharded = np.where(np.asarray(layout.zero) >= 1, layout.replicas, 1)
    parts["optimizer"] = fixed["optimizer"] * own / (rate.memory * sharded)
    both = np.cbrt((working + parts["bubble"]) ** 3 + parts["data"] ** 3)
    late = 1 + fixed["late"] * np.log2(layout.devices / 8)
    age = np.clip(np.asarray(run.software.year) - fixed["year_dense_since"], *fixed["year_dense_span"])
    total = (both + parts["optimizer"]) * late * known[run.software.stack] * np.exp(-fixed["year_dense"] * age)
    return StepTime(total, FrozenDict(parts))


def _products(run: _Run) -> dict[str, Any]:
    """Return the seconds of matrix products and of attention."""
    work, rate, known = run.work, run.rate, run.constants
    split = run.layout.tensor * run.layout.pipeline
    efficiency = known[f"eta_{rate.kind}"]
    half_width = known["half_width_xla" if run.software.stack == "xla" else "half_width"]
    narrow = np.minimum(np.minimum(work.width, work.ffn), work.attention) / run.layout.tensor
    filled = run.at_once / (run.at_once + known["half_tokens"]) * narrow / (narrow + half_width)
    filled = filled * np.where(np.asarray(work.head_size) % 8, settings(FILE, "fixed")["odd_head"], 1.0)
    passes = 6 + 2 * run.again
    fast = rate.peak * efficiency * (known[rate.low] if rate.low else 1.0)
    seconds = passes * work.rest / (fast * filled) + 6 * work.table / (rate.half * efficiency * filled)
    rows = run.at_once * work.at_work * run.layout.expert / work.experts
    full = rows / (rows + known["half_rows"]) * work.expert_ffn / (work.expert_ffn + half_width)
    seconds = seconds + passes * work.routed / (fast * full)
    if run.software.attention == "unfused":
        attended = 2 * passes * work.scores / (rate.half * settings(FILE, "fixed")["unfused_attention"] * efficiency)
    else:
        kind = "tpu" if rate.kind.startswith("tpu") else rate.kind
        reached = known[f"attention_{kind}"] * work.context / (work.context + known["half_context"])
        attended = passes * work.scores * (2 if run.software.attention == "skips nothing" else 1) / (rate.half * reached)
    return {"products": seconds * run.tokens / split, "attention": attended * run.tokens / split}


def _memory_bound(run: _Run) -> dict[str, Any]:
    """Return the seconds of what is neither a product nor attention."""
    work, layout, known, fixed = run.work, run.layout, run.constants, settings(FILE, "fixed")
    layers, more = work.layers / layout.pipeline, 1 + run.again / 3
    wide = known["passes_old" if run.old else "passes"] * 2 * work.width / (1 if run.old else layout.tensor)
    wide = wide + fixed["feed_forward"] * work.ffn * work.at_work / layout.tensor
    if run.software.attention == "unfused":
        wide = wide + known["unfused"] * 2 * work.heads * work.context / layout.tensor
    logits = fixed["logits"] * work.vocab / (layout.tensor * layout.pipeline)
    return {"elementwise": run.tokens * (wide * layers * more + logits) / run.rate.memory}


def _exchanged(run: _Run) -> dict[str, Any]:
    """Return the seconds of what devices exchange for a layer: matrices and sequences shared, tokens sent to experts."""
    work, layout, rate, known, fixed = run.work, run.layout, run.rate, run.constants, settings(FILE, "fixed")
    tensor, layers, passes = layout.tensor, work.layers / layout.pipeline, 4 + 2 * run.again
    mixed = np.asarray(work.experts) > 1
    share = known["tensor_old" if run.old else "tensor"]
    link = np.where(np.asarray(tensor) <= rate.domain, rate.inside, rate.between)
    sums = np.where(mixed, fixed["mixture_tensor"], 1.0) * share * passes * layers * run.tokens * work.width
    sums = sums * 4 * (tensor - 1) / tensor / link
    sums = sums + share * 3 * layers * run.tokens * 2 * work.keys / tensor * 2 * (layout.context_parallel - 1) / link
    routed = work.mixed / layout.pipeline
    span = fixed["year_mixture_span"]
    age = np.exp(-fixed["year_mixture"] * np.clip(np.asarray(run.software.year) - fixed["year_mixture_since"], *span))
    far = np.where(layout.expert * tensor <= rate.domain, rate.inside, rate.between)
    copies = routed * run.tokens * work.at_work * work.width * 2
    sending = known["experts"] * passes * copies * (layout.expert - 1) / layout.expert / far
    each = known["mixture"] * routed * run.micro * (1 + run.again / 3)
    return {"tensor": sums, "expert": age * (sending + known["routing"] * copies / rate.memory + each)}


def _data(run: _Run, own: Any) -> Any:
    """Return the seconds of summing gradients, and of gathering weights where they are sharded."""
    layout, rate, fixed = run.layout, run.rate, settings(FILE, "fixed")
    group = layout.tensor * layout.replicas
    gathers = (np.asarray(layout.zero) == 3) & (np.asarray(layout.pipeline) == 1) & (run.software.stack != "xla")
    each = np.where(gathers, 2 * (2 * run.micro + 1), 6)
    ports = np.maximum(1, rate.domain / (layout.tensor * layout.context_parallel))
    wider = 1 + fixed["congestion"] * np.log2(np.maximum(group / rate.domain, 1))
    far = np.minimum(rate.inside, rate.between * ports) / wider
    link = np.where(group <= rate.domain, rate.inside, far)
    return each * own * (layout.replicas - 1) / layout.replicas / (fixed["link"] * link)
