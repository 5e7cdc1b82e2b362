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
    def devices(self) -> int:
        """Devices in all."""
        return self.data * self.context_parallel * self.tensor * self.pipeline

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
        return self.data * self.context_parallel * self.tensor / (self.expert * self.expert_tensor)


def split_text(layout: Layout, *, short: bool = False) -> str:
    """Return the sizes above one in words, ``data 8, tensor 2``, or in short, ``DP8 TP2``."""
    found = [(names, getattr(layout, attribute)) for attribute, names in SPLITS.items() if getattr(layout, attribute) > 1]
    said = (
        " ".join(f"{names[1]}{size}" for names, size in found)
        if short
        else ", ".join(f"{names[0]} {size}" for names, size in found)
    )
    return said or "one device"
