"""Bytes that the forward pass leaves for the backward pass on the fullest stage of a pipeline."""

from typing import Any

import numpy as np

from planner._util.files import settings
from planner.architectures.layout import Layout
from planner.architectures.transformer import Shape

_HALF = 2  # bytes of a 16-bit number


def layer_activations(shape: Shape, layout: Layout, *, mixed: bool = False) -> Any:
    """Return the bytes that a layer keeps of one token for the backward pass; ``mixed`` of one with experts.

    Notes
    -----
    Korthikanti et al. 2022, arXiv 2205.05198, Sec. 4 and Table 2, tensor by tensor, so that grouped keys, gated and wider
    feed-forward parts count as they are: for a plain layer with dropout and without recomputation s b h (34 + 5 a s/h) bytes. Of
    a token that is routed, each expert at work has its copy, before and after; on every device that shares the expert.
    """
    width, tensor = shape.width, layout.tensor
    norms = tensor if layout.sequence else 1
    if layout.recompute == "full":
        return _HALF * width / norms
    routed = shape.experts_per_token if mixed else 0
    ffn = (routed + shape.details.shared_experts) * (shape.details.expert_ffn or shape.ffn) if mixed else shape.ffn
    queries, values, mean, ranks = _attended(shape, tensor)
    if layout.recompute == "op":  # every second product: queries, values and the first matrix of the feed-forward part
        return _HALF * (width * (2 if shape.gated else 1) / norms + (queries + values + mean + ffn) / tensor)
    everywhere = 4 * _HALF * width + (2 * width if layout.dropout else 0)  # inputs of two norms and of what follows them, masks
    fed = (3 if shape.gated else 2) * ffn + 2 * routed * width * layout.expert_tensor
    split = _HALF * (2 * (queries + values) + ranks + fed)
    if layout.recompute == "none":
        split += (5 if layout.dropout else 2) * shape.heads * shape.context
    return everywhere / norms + split / tensor


def _attended(shape: Shape, tensor: Any) -> tuple[Any, Any, Any, Any]:
    """Return the numbers of queries, of values (or keys) and of their mean, and the ranks of latent attention."""
    latent, heads = shape.details.latent, shape.heads
    if latent:
        queries, values = heads * (latent.nope + latent.rope), heads * latent.value
        return queries, values, values, latent.query_rank + latent.kv_rank + latent.rope
    queries = heads * shape.head_size
    return queries, shape.head_size * np.maximum(shape.kv_heads, tensor), queries, 0


def in_flight(layout: Layout) -> Any:
    """Return the micro-batches whose activations the first stage holds at once, in units of its own layers.

    References
    ----------
    As many as there are stages, or fewer where a step has fewer; if interleaved, (pipeline - 1)/(pipeline virtual) more of them
    (Narayanan et al. 2021, arXiv 2104.04473, Sec. 2.2; Korthikanti et al. 2022, Eq. 5).
    """
    in_flight = np.where(layout.micro_batches, np.minimum(layout.micro_batches, layout.pipeline), layout.pipeline)
    more = (layout.pipeline - 1) / (layout.pipeline * layout.virtual)
    return in_flight * (1 + np.where(np.asarray(layout.virtual) > 1, more, 0.0))


def activations(shape: Shape, layout: Layout) -> Any:
    """Return the bytes of activations on the fullest pipeline stage.

    Of the first, which has as many micro-batches in flight as there are stages, or of the last, which has one and the logits.

    References
    ----------
    Korthikanti et al. 2022, arXiv 2205.05198, Eq. 5 and Sec. 4.3 (embedding, logits); with the one layer being computed anew, and
    the logits as the loss is computed: so a measured run comes out 3.4 % low (open-sci 1.7B on Megatron-LM, 50,277 MiB).
    """
    layers = np.ceil(shape.layers / layout.pipeline)
    mixed = np.minimum(layers, shape.mixed_layers)
    plain, routed = (layer_activations(shape, layout, mixed=kind) for kind in (False, True))
    kept = (layers - mixed) * plain + mixed * routed
    embedding = shape.width / layout.tensor if layout.dropout else 0.0
    logits = settings("memory.toml", "loss_kernels")[layout.loss_kernel]["logits"]
    head = (2 * _HALF * shape.width + logits * shape.vocab) / layout.tensor
    first, last = (kept + embedding) * in_flight(layout), kept + head
    fullest = np.where(layout.pipeline == 1, first + head, np.maximum(first, last))
    if layout.recompute in {"op", "full"}:
        fullest = fullest + layer_activations(shape, layout._replace(recompute="selective"), mixed=shape.mixed_layers > 0)
    return shape.context / layout.context_parallel * layout.micro_batch * fullest
