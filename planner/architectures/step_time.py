"""How long a step of training takes: products, attention, memory traffic and communication of one device, added up.

Everything takes one layout, or one whose whole numbers are arrays of many.
"""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner.accelerators.accelerator import Accelerator
from planner.architectures.layout import Layout
from planner.architectures.transformer import Shape

FILE = "throughput.toml"
_REPEATED = {"none": 0.0, "selective": 0.0, "op": 0.35, "full": 1.0}
"""Share of the forward pass that is done again."""


class Rates(NamedTuple):
    """What a device does in a second.

    Attributes
    ----------
    products, half : float
        Peak of matrix products in the format used, times what its format loses, and in 16 bits [FLOP/s].
    efficiency, attention : float
        Best share of the peak that products and fused attention reach.
    best : float
        Best matrix product that was measured, or the peak where none was [FLOP/s].
    memory, inside, between : float
        Bandwidth of memory, of links inside a fast domain and between domains [bytes/s].
    domain : int
        Devices in one.
    """

    products: float
    half: float
    efficiency: float
    attention: float
    best: float
    memory: float
    inside: float
    between: float
    domain: int


def rates(device: Accelerator, dtype: str) -> Rates | None:
    """Return a device's rates; None where its links or a kind like it are not known, so that no step can be forecast."""
    kinds = settings(FILE, "efficiency")
    kind = next((name for name, each in kinds.items() if device.id in each["devices"]), None)
    half = device.peaks.get("bf16") or device.peaks.get("fp16")
    peak = device.peaks.get(dtype)
    if kind is None or device.links is None or device.bandwidth_tb_s is None or half is None or peak is None:
        return None
    return Rates(
        products=peak * settings(FILE, "formats").get(dtype, 1.0),
        half=half,
        efficiency=kinds[kind]["value"],
        attention=settings(FILE, "attention")[kind],
        best=device.matmul.get(dtype, peak),
        memory=1e12 * device.bandwidth_tb_s,
        inside=device.links.inside,
        between=device.links.between,
        domain=device.links.domain,
    )


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


def step_time(shape: Shape, layout: Layout, rate: Rates, *, year: float | None = None) -> StepTime:
    """Return how long a step takes; ``layout.micro_batches`` of them on each device.

    Parameters
    ----------
    shape : Shape
    layout : Layout
    rate : Rates
    year : float, optional
        Of software; by default that of ``data/throughput.toml``.

    References
    ----------
    Constants and what they were fitted to: ``data/throughput.toml``. Bytes of communication: tensor parallelism, Korthikanti et
    al. 2022, arXiv 2205.05198, Sec. 4.2; pipelines, Narayanan et al. 2021, arXiv 2104.04473, Sec. 2.2; data parallelism,
    Rajbhandari et al. 2020, arXiv 1910.02054, Sec. 7.
    """
    software = settings(FILE, "software")
    year = software["year"] if year is None else year
    again, micro = _REPEATED[layout.recompute], np.maximum(layout.micro_batches, 1)
    tokens = layout.micro_batch * shape.context / layout.context_parallel * micro  # a device's, of a step
    parts = _products(shape, layout, rate, tokens, again) | _memory_bound(shape, layout, rate, tokens, again)
    parts |= _exchanged(shape, layout, rate, tokens, again, year)
    layers = shape.layers / layout.pipeline
    parts["launch"] = software["launch"] * layers * micro * (1 + again / 3)
    busy = sum(parts[name] for name in ("products", "attention", "elementwise", "tensor", "expert"))
    work = np.cbrt(busy**3 + parts["launch"] ** 3)
    thirds = 3 if layout.schedule == "zero-bubble" else 1
    parts["bubble"] = work * (layout.pipeline - 1) / (micro * layout.virtual * thirds)
    own = _own(shape, layout)
    parts["data"] = _data(layout, rate, own, micro)
    sharded = np.where(layout.zero >= 1, layout.replicas, 1)
    parts["optimizer"] = software["optimizer"] * 28 * own / (rate.memory * sharded)
    both = np.cbrt((work + parts["bubble"]) ** 3 + parts["data"] ** 3)
    late = 1 + software["late"] * np.log2(np.maximum(layout.devices, 1) / 8)
    age = np.clip(year - software["since"], *software["span"])
    total = (both + parts["optimizer"]) * late * software["stack"] * np.exp(-software["by_year"] * age)
    return StepTime(total, FrozenDict(parts))


def _products(shape: Shape, layout: Layout, rate: Rates, tokens: Any, again: float) -> dict[str, Any]:
    """Return the seconds of matrix products and of attention."""
    half = settings(FILE, "products")
    split = layout.tensor * layout.pipeline
    at_once = layout.micro_batch * shape.context / layout.context_parallel
    narrow = min(shape.width, shape.ffn, shape.heads * shape.head_size) / layout.tensor
    filled = at_once / (at_once + half["half_tokens"]) * narrow / (narrow + half["half_width"])
    filled = filled * (half["odd_head"] if shape.head_size % 8 else 1.0)
    head = shape.vocab * shape.width * (1 + shape.details.mtp)
    routed = shape.routed_layers * shape.experts_per_token * shape.expert_products
    rest = shape.matrix_products - head - routed
    passes = 6 + 2 * again
    seconds = passes * rest / (rate.products * rate.efficiency * filled) + 6 * head / (rate.half * rate.efficiency * filled)
    if shape.experts > 1:
        width = shape.details.expert_ffn or shape.ffn
        rows = at_once * shape.experts_per_token * layout.expert / shape.experts
        full = rows / (rows + half["half_rows"]) * width / (width + half["half_width"])
        seconds = seconds + passes * routed / (rate.products * rate.efficiency * full)
    reached = rate.attention * shape.context / (shape.context + settings(FILE, "attention")["half_context"])
    attended = passes * shape.heads * shape.head_products * shape.seen_causally
    return {"products": seconds * tokens / split, "attention": attended * tokens / split / (rate.half * reached)}


def _memory_bound(shape: Shape, layout: Layout, rate: Rates, tokens: Any, again: float) -> dict[str, Any]:
    """Return the seconds of what is neither a product nor attention."""
    passes = settings(FILE, "elementwise")
    layers = shape.layers / layout.pipeline
    wide = passes["passes"] * 2 * shape.width + passes["feed_forward"] * shape.ffn * shape.experts_per_token
    logits = passes["logits"] * shape.vocab / (layout.tensor * layout.pipeline)
    return {"elementwise": tokens * (wide / layout.tensor * layers * (1 + again / 3) + logits) / rate.memory}


def _exchanged(shape: Shape, layout: Layout, rate: Rates, tokens: Any, again: float, year: float) -> dict[str, Any]:
    """Return the seconds of what devices exchange for a layer: matrices and sequences shared, tokens sent to experts."""
    sent, tensor = settings(FILE, "communication"), layout.tensor
    layers, passes = shape.layers / layout.pipeline, 4 + 2 * again
    link = np.where(tensor <= rate.domain, rate.inside, rate.between)
    share = sent["tensor"] * (sent["mixture"] if shape.experts > 1 else 1.0)
    sums = share * passes * layers * tokens * shape.width * 4 * (tensor - 1) / tensor / link
    keys = 2 * shape.kv_heads * shape.head_size / tensor
    sums = sums + sent["tensor"] * 3 * layers * tokens * keys * 2 * (layout.context_parallel - 1) / link
    if shape.experts == 1:
        return {"tensor": sums, "expert": 0.0 * sums}
    mixture = settings(FILE, "mixture")
    routed = shape.mixed_layers / layout.pipeline
    age = np.exp(-mixture["by_year"] * np.clip(year - mixture["since"], *mixture["span"]))
    far = np.where(layout.expert * tensor <= rate.domain, rate.inside, rate.between)
    copies = routed * tokens * shape.experts_per_token * shape.width * 2
    sending = sent["experts"] * passes * copies * (layout.expert - 1) / layout.expert / far
    each = mixture["each"] * routed * np.maximum(layout.micro_batches, 1) * (1 + again / 3)
    return {"tensor": sums, "expert": age * (sending + mixture["routing"] * copies / rate.memory + each)}


def _own(shape: Shape, layout: Layout) -> Any:
    """Return the parameters of a device before sharding over data, averaged over stages."""
    experts = shape.routed_layers * shape.experts * shape.expert_params if shape.experts > 1 else 0
    return (shape.total - experts * (1 - 1 / layout.expert)) / (layout.pipeline * layout.tensor)


def _data(layout: Layout, rate: Rates, own: Any, micro: Any) -> Any:
    """Return the seconds of summing gradients, and of gathering weights where they are sharded."""
    sent, group = settings(FILE, "communication"), layout.tensor * layout.replicas
    each = np.where((layout.zero == 3) & (layout.pipeline == 1), 2 * (2 * micro + 1), 6)
    ports = np.maximum(1, rate.domain / (layout.tensor * layout.context_parallel))
    wider = 1 + sent["congestion"] * np.log2(np.maximum(group / rate.domain, 1))
    link = np.where(group <= rate.domain, rate.inside, np.minimum(rate.inside, rate.between * ports) / wider)
    return each * own * (layout.replicas - 1) / layout.replicas / (sent["link"] * link)
