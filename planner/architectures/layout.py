"""How a model is split over devices: by data, matrices, layers, experts and context, and what is kept of each micro-batch."""

from typing import Any, Literal, NamedTuple

import numpy as np

Recompute = Literal["none", "selective", "op", "full"]
RECOMPUTE: tuple[Recompute, ...] = ("none", "selective", "op", "full")

Schedule = Literal["1f1b", "interleaved", "zero-bubble"]
SCHEDULES: tuple[Schedule, ...] = ("1f1b", "interleaved", "zero-bubble")

SPLITS = {
    "data": ("data", "DP"),
    "tensor": ("tensor", "TP"),
    "pipeline": ("pipeline", "PP"),
    "expert": ("expert", "EP"),
    "expert_tensor": ("expert tensor", "ETP"),
    "context_parallel": ("context", "CP"),
}
"""Kinds of parallelism by their attribute: what each is called, and in short."""


class Layout(NamedTuple):
    """How a model is split.

    Functions of :mod:`planner.architectures.memory` and :mod:`planner.architectures.step_time` take one whose whole numbers are
    arrays of many layouts, too.

    Attributes
    ----------
    data, tensor, pipeline : int
        Devices that share the batch, each matrix, and the layers.
    zero : int
        Stage of ZeRO or FSDP: 1 shards the optimizer over the data-parallel devices, 2 gradients too, 3 weights too.
    micro_batch : int
        Sequences that a device works on at once.
    recompute : {"none", "selective", "op", "full"}
        Which activations are computed anew: none, attention's scores (as fused attention does), all but every second matrix
        product (torchtitan's selective checkpointing by operation), all but a layer's input.
    sequence : bool
        Whether norms and dropout are split over the tensor-parallel devices too.
    dropout : bool
        Whether masks of dropout are kept, as language models did until about 2022.
    expert : int
        Devices that share the experts of a layer: of data, context and tensor parallelism together.
    expert_tensor : int
        Devices that share each matrix of an expert; ``expert`` times as many hold all experts of a layer.
    context_parallel : int
        Devices that share each sequence.
    schedule : {"1f1b", "interleaved", "zero-bubble"}
        Order of a pipeline's micro-batches: one forward, one backward; the same with ``virtual`` smaller stages a device
        (Narayanan et al. 2021, arXiv 2104.04473); or with the backward pass in two
        halves (Qi et al. 2023, arXiv 2401.10241, ZB-H1).
    virtual : int
        Stages a device has, if interleaved.
    micro_batches : int
        Of a step; 0 where it is not known, and taken to be as many as there are stages.
    loss_kernel : str
        How the loss is computed, one of ``data/memory.toml``.
    offload : bool
        Whether the optimizer's states are in the host's memory.
    lora : int
        Rank of low-rank adapters that alone are trained; 0 where all parameters are.
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    zero: int = 0
    micro_batch: int = 1
    recompute: Recompute = "selective"
    sequence: bool = True
    dropout: bool = False
    expert: int = 1
    expert_tensor: int = 1
    context_parallel: int = 1
    schedule: Schedule = "1f1b"
    virtual: int = 1
    micro_batches: int = 0
    loss_kernel: str = "eager"
    offload: bool = False
    lora: int = 0

    @property
    def split(self) -> int:
        """Devices that one copy of the model is split over."""
        return self.tensor * self.pipeline * self.context_parallel

    @property
    def devices(self) -> int:
        """Devices in all."""
        return self.data * self.split

    @property
    def replicas(self) -> int:
        """Devices over which ZeRO shards what is not an expert's."""
        return self.data * self.context_parallel

    @property
    def least_data(self) -> Any:
        """The fewest data-parallel devices that leave room for all experts of a layer, in whole groups."""
        beside = self.tensor * self.context_parallel
        return np.lcm(self.expert * self.expert_tensor, beside) // beside

    @property
    def expert_replicas(self) -> Any:
        """Devices over which ZeRO shards an expert."""
        return self.replicas * self.tensor / (self.expert * self.expert_tensor)

    def row(self, place: int) -> "Layout":
        """Return one of many layouts."""
        numbers = {name: int(column[place]) for name, column in self._asdict().items() if isinstance(column, np.ndarray)}
        return self._replace(**numbers)  # type: ignore[arg-type]  # the whole numbers

    def rows(self, kept: Any) -> "Layout":
        """Return some of many layouts."""
        return self._replace(**{name: each[kept] for name, each in self._asdict().items() if isinstance(each, np.ndarray)})


def even_stages(layers: int, stages: Any) -> Any:
    """Tell whether stages come out even, the tables counted as a layer each, as Megatron-LM can, or not."""
    return np.any([(layers + tables) % stages == 0 for tables in (0, 1, 2)], axis=0)


def split_text(layout: Layout, *, short: bool = False) -> str:
    """Return the sizes above one in words, ``data 8, tensor 2``, or in short, ``DP8 TP2``."""
    found = [(*names, size) for attribute, names in SPLITS.items() if (size := getattr(layout, attribute)) > 1]
    in_short, in_words = (f"{short}{size}" for _, short, size in found), (f"{name} {size}" for name, _, size in found)
    return (" ".join(in_short) if short else ", ".join(in_words)) or "one device"
