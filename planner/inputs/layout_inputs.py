"""Inputs of how a model is split over devices, and of what is kept of it there."""

from typing import Annotated, TypedDict

from planner.inputs.input_row import Input, Number, choice_row, flag_row, tokens_row, whole_row, within

OPTIMIZERS = (
    *("adam", "adam-fp32-gradients", "adam-8bit", "muon", "sgd", "adam-fp32", "adam-bf16-moments", "adam-bf16"),
    *("lion", "adafactor"),
)
LOSS_KERNELS = ("eager", "chunked", "fused")
SOFTWARE = ("megatron", "fsdp", "xla", "old")
SCHEDULES = ("1f1b", "interleaved", "zero-bubble")
RECOMPUTED = ("none", "selective", "op", "full")
# the library's own lists, written out so that --help need not load numpy; a test holds them equal


class Split(TypedDict, total=False):
    """How a model is split over devices."""

    zero: Annotated[int, whole_row(0, 3, "Stage of ZeRO or FSDP, 0 to 3.  [default: the fastest that fits]", "STAGE")]
    tensor: Annotated[int, whole_row(1, 1024, "Devices that share each matrix.  [default: searched]", "DEVICES")]
    pipeline: Annotated[int, whole_row(1, 1024, "Devices that share the layers.  [default: searched]", "DEVICES")]
    expert: Annotated[
        int, whole_row(1, 4096, "Devices that share the experts of a mixture's layer.  [default: searched]", "DEVICES")
    ]
    expert_tensor: Annotated[int, whole_row(1, 1024, "Devices that share each matrix of an expert.  [default: 1]", "DEVICES")]
    context_parallel: Annotated[int, whole_row(1, 1024, "Devices that share each sequence.  [default: searched]", "DEVICES")]
    micro_batch: Annotated[
        int, whole_row(1, 65_536, "Sequences that a device works on at once.  [default: searched]", "SEQUENCES")
    ]
    batch: Annotated[Number, tokens_row("Tokens of a step (4M).  [default: what a law of batch sizes says]", "")]
    schedule: Annotated[str, choice_row(SCHEDULES, "Order of a pipeline's micro-batches.  [default: searched]")]
    virtual: Annotated[int, whole_row(2, 256, "Stages of a device in an interleaved schedule.  [default: searched]", "STAGES")]


class Running(TypedDict, total=False):
    """What runs on the devices."""

    software: Annotated[
        str,
        choice_row(
            SOFTWARE,
            "Megatron-LM and its like, FSDP of PyTorch, XLA, or Megatron-DeepSpeed of 2022 (old).  [default: megatron]",
        ),
    ]
    year: Annotated[
        Number, Input(within(2019, 2035), "Year of the software (2025.5).  [default: of planner's data]", "YEAR", even=True)
    ]


class Kept(TypedDict, total=False):
    """What a device keeps of a model in training."""

    optimizer: Annotated[
        str, choice_row(OPTIMIZERS, "What is kept of each parameter: adam, adam-8bit, ...  [default: adam]", "NAME")
    ]
    loss_kernel: Annotated[
        str,
        choice_row(
            LOSS_KERNELS,
            "How the loss is computed: all logits at once, an eighth at a time, or fused with the head.  [default: eager]",
        ),
    ]
    lora: Annotated[int, whole_row(1, 4096, "Rank of low-rank adapters, which alone are trained (LoRA).", "RANK")]
    offload: Annotated[bool, flag_row("Optimizer states are in the host's memory.")]
