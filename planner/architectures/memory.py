"""What training a shape takes of a device's memory: weights, gradients, optimizer, activations, split over devices."""

from math import ceil
from typing import Literal, NamedTuple

from planner.architectures.transformer import Shape

Recompute = Literal["none", "selective", "full"]
RECOMPUTE: tuple[Recompute, ...] = ("none", "selective", "full")

_HALF = 2  # bytes of a 16-bit number
_FULL = 4  # of a 32-bit one


class Scheme(NamedTuple):
    """Bytes kept of each parameter."""

    name: str
    weights: float
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        """Bytes of each parameter on one device."""
        return self.weights + self.gradients + self.optimizer


class Layout(NamedTuple):
    """How a model is split.

    Attributes
    ----------
    data, tensor, pipeline : int
        Devices that share the batch, each matrix, and the layers.
    zero : int
        Stage of ZeRO or FSDP: 1 shards the optimizer over the data-parallel devices, 2 gradients too, 3 weights too.
    micro_batch : int
        Sequences that a device works on at once.
    recompute : {"none", "selective", "full"}
        Which activations are computed anew: none, attention's scores (as fused attention does), all but a layer's input.
    sequence : bool
        Whether norms and dropout are split over the tensor-parallel devices too.
    dropout : bool
        Whether masks of dropout are kept, as language models did until about 2022.
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    zero: int = 0
    micro_batch: int = 1
    recompute: Recompute = "selective"
    sequence: bool = True
    dropout: bool = False

    @property
    def devices(self) -> int:
        """Devices in all."""
        return self.data * self.tensor * self.pipeline


class Memory(NamedTuple):
    """Bytes of the fullest device.

    Attributes
    ----------
    weights, gradients, optimizer, activations : float
    gathered : float
        Weights and gradients of the layer that ZeRO 3 has at hand.
    """

    weights: float
    gradients: float
    optimizer: float
    activations: float
    gathered: float

    @property
    def states(self) -> float:
        """Weights, gradients and optimizer."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> float:
        """All of it."""
        return self.states + self.activations + self.gathered


def shard_params(shape: Shape, tensor: int, pipeline: int) -> float:
    """Return the parameters of the fullest device before sharding over data: its layers, and a table at the ends.

    References
    ----------
    Megatron-LM, theoretical_memory_usage.py: the first stage holds its layers and the input table.
    """
    final = shape.width
    layers = (shape.non_embedding - final) / shape.layers * ceil(shape.layers / pipeline)
    tables = shape.embeddings if pipeline == 1 or shape.tied else shape.embeddings / 2
    return (layers + final + tables) / tensor


def layer_activations(shape: Shape, layout: Layout) -> float:
    """Return the bytes that a layer keeps of one token for the backward pass.

    Notes
    -----
    Korthikanti et al. 2022, arXiv 2205.05198, Sec. 4 and Table 2, tensor by tensor, so that grouped keys, gated and wider
    feed-forward parts count as they are: for a plain layer with dropout and without recomputation s b h (34 + 5 a s/h) bytes.
    """
    width, queries, keys = shape.width, shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    if layout.recompute == "full":
        return _HALF * width
    everywhere = 4 * _HALF * width + (2 * width if layout.dropout else 0)  # inputs of two norms and of what follows them, masks
    ffn = (shape.details.expert_ffn or shape.ffn) * (shape.experts_per_token + shape.details.shared_experts)
    split = _HALF * (queries + 2 * keys + queries) + _HALF * ffn * (3 if shape.gated else 2)
    if layout.recompute == "none":
        split += (5 if layout.dropout else 2) * shape.heads * shape.context
    return everywhere / (layout.tensor if layout.sequence else 1) + split / layout.tensor


def activations(shape: Shape, layout: Layout) -> float:
    """Return the bytes of activations on the first pipeline stage, which has as many micro-batches in flight as there are stages.

    References
    ----------
    Korthikanti et al. 2022, arXiv 2205.05198, Eq. 5 and Sec. 4.3 (embedding, logits); with the one layer being computed anew, and
    the logits in 16 bits and their gradient beside the 32-bit copy: so a measured run comes out 3.4 % low (open-sci 1.7B on
    Megatron-LM, 50,277 MiB).
    """
    tokens = shape.context * layout.micro_batch
    kept = layer_activations(shape, layout) * ceil(shape.layers / layout.pipeline) * layout.pipeline
    if layout.recompute == "full":
        kept += layer_activations(shape, layout._replace(recompute="selective"))
    ends = shape.width * layout.pipeline / layout.tensor if layout.dropout else 0.0
    if layout.pipeline == 1:
        ends += (2 * _HALF * shape.width + (_HALF + 2 * _FULL) * shape.vocab) / layout.tensor
    return tokens * (kept + ends)


def memory(shape: Shape, scheme: Scheme, layout: Layout) -> Memory:
    """Return what the fullest device holds [bytes].

    References
    ----------
    ZeRO: Rajbhandari et al. 2020, arXiv 1910.02054, Sec. 5.
    """
    params = shard_params(shape, layout.tensor, layout.pipeline)
    over = [layout.data if layout.zero >= stage else 1 for stage in (3, 2, 1)]
    layer = (shape.non_embedding - shape.width) / shape.layers / layout.tensor
    return Memory(
        weights=scheme.weights * params / over[0],
        gradients=scheme.gradients * params / over[1],
        optimizer=scheme.optimizer * params / over[2],
        activations=activations(shape, layout),
        gathered=(scheme.weights + scheme.gradients) * layer if layout.zero == 3 and layout.data > 1 else 0.0,
    )


def fewest_devices(shape: Shape, scheme: Scheme, layout: Layout, capacity: float, most: int = 1_000_000) -> Layout | None:
    """Return the layout with the fewest data-parallel devices that fits a device's capacity [bytes]; None where none does.

    The split over tensor and pipeline is kept: what data parallelism shards only shrinks as it grows.
    """

    def fits(data: int) -> bool:
        return memory(shape, scheme, layout._replace(data=data)).total <= capacity

    if fits(1):
        return layout._replace(data=1)
    if layout.zero == 0 or not fits(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return layout._replace(data=high)
