"""What training a shape takes of a device's memory: weights, gradients, optimizer, activations, split over devices.

Everything takes one layout, or one whose whole numbers are arrays of many.
"""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner.architectures.activations import activations
from planner.architectures.layout import Layout
from planner.architectures.transformer import Shape

_FULL = 4  # bytes of a 32-bit number


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


class Held(NamedTuple):
    """Parameters of the fullest device before sharding over data: those of experts, and the others."""

    shared: Any
    experts: Any


def held_params(shape: Shape, layout: Layout) -> Held:
    """Return the parameters of the fullest device before sharding over data: its layers, and a table at the ends.

    Of a mixture's layers, as many with experts as a stage can have. Where tensor parallelism exceeds the key-value heads each
    device keeps one. Norms and the router are whole on each device.

    References
    ----------
    Megatron-LM, theoretical_memory_usage.py: the first stage holds its layers and the input table.
    """
    tensor, pipeline = layout.tensor, layout.pipeline
    layers = np.ceil(shape.layers / pipeline)
    mixed = np.minimum(layers, shape.mixed_layers)
    repeated = 0 if shape.details.latent else np.maximum(shape.kv_heads, tensor) - shape.kv_heads
    keys = 2 * shape.width * shape.head_size * repeated * layers
    whole = (layers - mixed) * shape.whole_params(mixed=False) + mixed * shape.whole_params(mixed=True)
    split = (layers - mixed) * shape.shared_params(mixed=False) + mixed * shape.shared_params(mixed=True) + keys - whole
    further = (shape.routed_layers - shape.mixed_layers) * shape.experts * shape.expert_params
    tables = np.where((pipeline == 1) | shape.tied, shape.embeddings, shape.embeddings / 2)
    experts = (mixed * shape.experts * shape.expert_params + further) / (layout.expert * layout.expert_tensor)
    return Held((split + shape.beyond_layers + tables) / tensor + whole, experts)


def memory(shape: Shape, scheme: Scheme, layout: Layout) -> Memory:
    """Return what the fullest device holds [bytes].

    References
    ----------
    ZeRO: Rajbhandari et al. 2020, arXiv 1910.02054, Sec. 5; experts are sharded over those devices that have the same ones
    (Megatron-LM's expert data parallelism). Fully sharded data parallelism gathers its stage once for all micro-batches of a
    pipeline, and keeps gradients in 32 bits until the last: Llama 3.1 405B on 8 stages takes 75 GiB, as torchtitan measured
    (benchmarks/llama3_h100_202412_torchtitan.md, Table 5).
    With adapters (LoRA, arXiv 2106.09685, Sec. 4.2) weights stay, and gradients and optimizer are theirs alone.
    """
    held = held_params(shape, layout)
    trained = held if not layout.lora else Held(shape.adapter_params(layout.lora) / (layout.tensor * layout.pipeline), 0.0)

    def kept(size: float, stage: int, which: Held = trained) -> Any:
        shared = np.where(layout.zero >= stage, layout.replicas, 1)
        experts = np.where(layout.zero >= stage, layout.expert_replicas, 1)
        return size * (which.shared / shared + which.experts / experts)

    at_hand = np.where((layout.zero == 3) & (layout.replicas > 1), _gathered(shape, scheme, layout, held), 0.0)
    parts = Memory(
        weights=kept(scheme.weights, 3, held) + (kept(scheme.weights, 3) if layout.lora else 0.0),
        gradients=kept(scheme.gradients, 2),
        optimizer=0.0 if layout.offload else kept(scheme.optimizer, 1),
        activations=activations(shape, layout),
        gathered=at_hand,  # type: ignore[arg-type]  # a number of one layout
        overhead=0.0,
    )
    if isinstance(layout.tensor, int):
        parts = Memory._make(float(part) for part in parts)
    beside = settings("memory.toml", "overhead")
    return parts._replace(overhead=beside["fragmentation"] * parts.total + beside["context_gib"][1] * 2**30)


def _gathered(shape: Shape, scheme: Scheme, layout: Layout, held: Held) -> Any:
    """Return the bytes that ZeRO 3 has at hand."""
    mixed = shape.mixed_layers > 0
    experts = shape.experts * shape.expert_params / (layout.expert * layout.expert_tensor) if mixed else 0
    layer = (shape.shared_params(mixed=mixed) + shape.vocab * shape.width) / layout.tensor + experts
    full, gradients = (0, 0) if layout.lora else (_FULL, scheme.gradients)  # frozen weights have none
    whole = (scheme.weights + full) * (held.shared + held.experts)
    return np.where(layout.pipeline > 1, whole, (scheme.weights + gradients) * layer)
