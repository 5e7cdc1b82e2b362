"""What training a shape takes of a device's memory: weights, gradients, optimizer, activations, split over devices."""

from math import ceil
from typing import Literal, NamedTuple

from planner._util.files import settings
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
        Weights and gradients that ZeRO 3 has at hand: of a layer and a table; under a pipeline, of its whole stage.
    overhead : float
        Fragmentation, and what the framework, its kernels and communication take.
    """

    weights: float
    gradients: float
    optimizer: float
    activations: float
    gathered: float
    overhead: float

    @property
    def states(self) -> float:
        """Weights, gradients and optimizer."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> float:
        """All of it."""
        return self.states + self.activations + self.gathered + self.overhead

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest total: more than four of five measured peaks are between them (``data/memory.toml``).

        The lowest with the least context that a tool shows, the highest with the most, both with what the formula misses.
        """
        beside = settings("memory.toml", "overhead")
        least, usual, most = (2**30 * gib for gib in beside["context_gib"])
        return (self.total - usual + least) / beside["spread"], (self.total - usual + most) * beside["spread"]

    def fits(self, capacity: float) -> bool | None:
        """Tell whether a device of so many bytes holds it; None where that is too close to say."""
        low, high = self.range
        return True if high <= capacity else None if low <= capacity else False


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
    norms = layout.tensor if layout.sequence else 1
    if layout.recompute == "full":
        return _HALF * width / norms
    everywhere = 4 * _HALF * width + (2 * width if layout.dropout else 0)  # inputs of two norms and of what follows them, masks
    ffn = (shape.details.expert_ffn or shape.ffn) * (shape.experts_per_token + shape.details.shared_experts)
    split = _HALF * (queries + 2 * keys + queries) + _HALF * ffn * (3 if shape.gated else 2)
    if layout.recompute == "none":
        split += (5 if layout.dropout else 2) * shape.heads * shape.context
    return everywhere / norms + split / layout.tensor


def activations(shape: Shape, layout: Layout) -> float:
    """Return the bytes of activations on the fullest pipeline stage.

    Of the first, which has as many micro-batches in flight as there are stages, or of the last, which has one and the logits.

    References
    ----------
    Korthikanti et al. 2022, arXiv 2205.05198, Eq. 5 and Sec. 4.3 (embedding, logits); with the one layer being computed anew, and
    the logits in 16 bits and their gradient beside the 32-bit copy: so a measured run comes out 3.4 % low (open-sci 1.7B on
    Megatron-LM, 50,277 MiB).
    """
    kept = layer_activations(shape, layout) * ceil(shape.layers / layout.pipeline)
    embedding = shape.width / layout.tensor if layout.dropout else 0.0
    head = (2 * _HALF * shape.width + (_HALF + 2 * _FULL) * shape.vocab) / layout.tensor
    first, last = (kept + embedding) * layout.pipeline, kept + head
    fullest = first + head if layout.pipeline == 1 else max(first, last)
    if layout.recompute == "full":
        fullest += layer_activations(shape, layout._replace(recompute="selective"))
    return shape.context * layout.micro_batch * fullest


def memory(shape: Shape, scheme: Scheme, layout: Layout) -> Memory:
    """Return what the fullest device holds [bytes].

    Where tensor parallelism exceeds the key-value heads each device keeps one, as Megatron-LM has it.

    References
    ----------
    ZeRO: Rajbhandari et al. 2020, arXiv 1910.02054, Sec. 5. Fully sharded data parallelism gathers its stage once for all
    micro-batches of a pipeline, and keeps gradients in 32 bits until the last: Llama 3.1 405B on 8 stages takes 75 GiB, as
    torchtitan measured (benchmarks/llama3_h100_202412_torchtitan.md, Table 5).
    """
    shape = shape._replace(kv_heads=max(shape.kv_heads, layout.tensor))
    params = shard_params(shape, layout.tensor, layout.pipeline)
    over = [layout.data if layout.zero >= stage else 1 for stage in (3, 2, 1)]
    counted = Memory(
        weights=scheme.weights * params / over[0],
        gradients=scheme.gradients * params / over[1],
        optimizer=scheme.optimizer * params / over[2],
        activations=activations(shape, layout),
        gathered=_gathered(shape, scheme, layout, params) if layout.zero == 3 and layout.data > 1 else 0.0,
        overhead=0.0,
    )
    beside = settings("memory.toml", "overhead")
    return counted._replace(overhead=beside["fragmentation"] * counted.total + beside["context_gib"][1] * 2**30)


def _gathered(shape: Shape, scheme: Scheme, layout: Layout, stage: float) -> float:
    """Return the bytes that ZeRO 3 has at hand."""
    if layout.pipeline > 1:
        return (scheme.weights + _FULL) * stage
    layer = (shape.non_embedding - shape.width) / shape.layers
    return (scheme.weights + scheme.gradients) * (layer + shape.vocab * shape.width) / layout.tensor


def fewest_devices(shape: Shape, scheme: Scheme, layout: Layout, capacity: float, most: int = 1_000_000) -> Layout | None:
    """Return the layout with the fewest data-parallel devices that surely fits a capacity [bytes]; None where none does.

    The split over tensor and pipeline is kept: what data parallelism shards only shrinks as it grows.
    """

    def fits(data: int) -> bool:
        return memory(shape, scheme, layout._replace(data=data)).fits(capacity) is True

    if fits(1):
        return layout._replace(data=1)
    if layout.zero == 0 or not fits(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return layout._replace(data=high)
