"""A shape and a layout as the arguments of the frameworks that train it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from planner.architectures.layout import Layout
from planner.architectures.memory import Scheme
from planner.architectures.transformer import Details, Shape


class Arguments(NamedTuple):
    """What to type for a framework.

    Attributes
    ----------
    framework : str
    text : str
        Its arguments, or its configuration as JSON.
    without : tuple of str
        What of the layout it has no argument for.
    """

    framework: str
    text: str
    without: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.framework}: {self.text}" + (f" (without {'; '.join(self.without)})" if self.without else "")


class Training(NamedTuple):
    """What is trained with, beside the layout: an optimizer, a format, and the peak learning rate where one is known."""

    scheme: Scheme
    dtype: str = "bf16"
    rate: float | None = None

    @property
    def adam(self) -> bool:
        """Whether the optimizer is Adam with 32-bit moments, which every framework has."""
        return self.scheme.name in {"adam", "adam-fp32-gradients", "adam-fp32"}


def arguments(shape: Shape, layout: Layout, training: Training) -> tuple[Arguments, ...]:
    """Return the arguments for Megatron-LM, torchtitan and DeepSpeed."""
    return _megatron(shape, layout, training), _torchtitan(shape, layout, training), _deepspeed(layout, training)


def _without(framework: str, text: str, missing: Mapping[str, bool]) -> Arguments:
    """Return what to type, without that which is missing."""
    return Arguments(framework, text, tuple(what for what, lacks in missing.items() if lacks))


def _typed(pairs: Iterable[tuple[str, object]]) -> str:
    return " ".join(
        f"--{name}" if value is True else f"--{name} {value}" for name, value in pairs if value is not None and value is not False
    )


def sequences(layout: Layout) -> int:
    """Return the sequences of a step."""
    return layout.data * layout.micro_batch * max(layout.micro_batches, 1)


def _megatron(shape: Shape, layout: Layout, training: Training) -> Arguments:
    """References: Megatron-LM, megatron/training/arguments.py."""
    moments = training.scheme.name == "adam-bf16-moments" and layout.zero > 0 and not layout.offload  # on devices
    tables = next((each for each in (0, 1, 2) if (shape.layers + each) % (layout.pipeline * layout.virtual) == 0), None)
    missing = {
        **_beyond(shape.details),
        "a chunked loss": layout.loss_kernel == "chunked",
        "recompute op, which torchtitan has": layout.recompute == "op",
        "the schedule zero-bubble": layout.schedule == "zero-bubble",
        f"the optimizer {training.scheme.name}": not (training.adam or moments or training.scheme.name == "sgd"),
        "adapters, which --peft brings in NeMo": layout.lora > 0,
        f"{shape.layers} layers on {layout.pipeline} stages, which --pipeline-model-parallel-layout lays out": tables is None,
    }
    uneven = [("account-for-loss-in-pipeline-split", True), ("account-for-embedding-in-pipeline-split", True)]
    pairs = [
        *_of_shape(shape),
        *_of_layout(layout, mixture=shape.experts > 1),
        *uneven[: tables or 0],
        ("lr", training.rate and f"{training.rate:.3g}"),
        ("fp16" if training.dtype == "fp16" else "bf16", True),
        ("fp8-format", "hybrid" if training.dtype == "fp8" else None),
        ("grad-reduce-in-bf16", training.scheme.gradients == 2),
        ("optimizer", "sgd" if training.scheme.name == "sgd" else None),
        ("use-precision-aware-optimizer", moments),
        ("exp-avg-dtype", moments and "bf16"),
        ("exp-avg-sq-dtype", moments and "bf16"),
    ]
    return _without("Megatron-LM", _typed(pairs), missing)


def _beyond(details: Details) -> dict[str, bool]:
    """Return what of shapes the arguments here leave out, and whether this one has it."""
    return {
        "layers with a window": details.windowed_layers > 0,
        "norms of queries and keys over all heads": details.qk_norm == "full",
        f"norms a layer: {details.norms_per_layer}, where there are 2": details.norms_per_layer != 2,
        "layer norms without a bias": details.norm == "ln_nobias",
        "a norm of the embedding": details.embedding_norm,
        "a bias of the head": details.head_bias,
        "attention sinks": details.sinks,
        "relative positions": details.relative_positions,
        "more than one module of multi-token prediction": details.mtp > 1,
    }


def _of_shape(shape: Shape) -> Iterator[tuple[str, object]]:
    details = shape.details
    yield from (("num-layers", shape.layers), ("hidden-size", shape.width), ("ffn-hidden-size", shape.ffn))
    yield from (("num-attention-heads", shape.heads), ("kv-channels", shape.head_size))
    yield "group-query-attention", shape.kv_heads != shape.heads
    yield "num-query-groups", shape.kv_heads if shape.kv_heads != shape.heads else None
    yield from (("seq-length", shape.context), ("max-position-embeddings", max(shape.context, details.learned_positions)))
    yield from (("vocab-size", shape.vocab), ("make-vocab-size-divisible-by", 1), ("swiglu", shape.gated))
    yield "untie-embeddings-and-output-weights", not shape.tied
    yield "position-embedding-type", None if details.learned_positions else "rope"
    yield from (("normalization", "RMSNorm" if details.norm == "rms" else None), ("qk-layernorm", details.qk_norm == "head"))
    yield from (("disable-bias-linear", details.bias != "all"), ("add-qkv-bias", details.bias == "qkv"))
    if details.latent:
        latent = details.latent
        yield from (("multi-latent-attention", True), ("q-lora-rank", latent.query_rank or None))
        yield from (("kv-lora-rank", latent.kv_rank), ("qk-head-dim", latent.nope), ("qk-pos-emb-head-dim", latent.rope))
        yield "v-head-dim", latent.value
    if shape.experts > 1:
        width = details.expert_ffn or shape.ffn
        yield from (("num-experts", shape.experts), ("moe-router-topk", shape.experts_per_token), ("moe-ffn-hidden-size", width))
        yield "moe-shared-expert-intermediate-size", details.shared_experts * width or None
        yield "moe-shared-expert-gate", details.shared_gate
        if details.router_bias:
            yield from (("moe-router-score-function", "sigmoid"), ("moe-router-enable-expert-bias", True))
        if details.dense_layers:
            yield "moe-layer-freq", f"'([0]*{details.dense_layers}+[1]*{shape.mixed_layers})'"
    yield "mtp-num-layers", details.mtp or None


def _of_layout(layout: Layout, *, mixture: bool) -> Iterator[tuple[str, object]]:
    yield from (("tensor-model-parallel-size", layout.tensor), ("pipeline-model-parallel-size", layout.pipeline))
    yield "num-virtual-stages-per-pipeline-rank", layout.virtual if layout.virtual > 1 else None
    yield "context-parallel-size", layout.context_parallel if layout.context_parallel > 1 else None
    if layout.expert * layout.expert_tensor > 1 or (mixture and layout.tensor > 1):  # whose default is the tensor's
        yield "expert-model-parallel-size", layout.expert
        yield "expert-tensor-parallel-size", layout.expert_tensor
    yield "sequence-parallel", layout.tensor > 1
    yield "use-distributed-optimizer", layout.zero > 0
    if layout.zero > 1:
        kind = "optim_grads" if layout.zero == 2 else "optim_grads_params"
        yield from (("use-megatron-fsdp", True), ("data-parallel-sharding-strategy", kind), ("ckpt-format", "fsdp_dtensor"))
        yield "no-gradient-accumulation-fusion", True  # Megatron-FSDP User Guide, "Required Configurations"
    yield from (("micro-batch-size", layout.micro_batch), ("global-batch-size", sequences(layout)))
    if layout.recompute == "full":
        yield from (("recompute-granularity", "full"), ("recompute-method", "uniform"), ("recompute-num-layers", 1))
    yield "cross-entropy-loss-fusion", layout.loss_kernel == "fused"
    yield from (("optimizer-cpu-offload", layout.offload), ("use-precision-aware-optimizer", layout.offload))


def _virtual_stages(layers: int, layout: Layout) -> list[tuple[str, object]]:
    """Return how torchtitan is told the stages of a device: by layers of one, the tables counted as one each, or as none."""
    wanted = layout.pipeline * layout.virtual
    for first, last in ((1, 1), (1, 0), (0, 0)):
        each = -(-(layers + first + last) // wanted)
        if layout.virtual > 1 and -(-(layers + first + last) // each) == wanted:
            less = [("first", first)] * (first != 1) + [("last", last)] * (last != 1)
            less_layers = [(f"parallelism.pipeline_parallel_{end}_stage_less_layers", str(count)) for end, count in less]
            return [("parallelism.pipeline_parallel_layers_per_stage", each), *less_layers]
    return []


_TORCHTITAN_SCHEDULES = {"1f1b": "1F1B", "interleaved": "Interleaved1F1B", "zero-bubble": "ZBVZeroBubble"}
_TORCHTITAN_RECOMPUTES = {"none": "none", "selective": "none", "op": "selective", "full": "full"}


def _torchtitan(shape: Shape, layout: Layout, training: Training) -> Arguments:
    """References: torchtitan, torchtitan/config/job_config.py (2025; later versions write ``size`` for ``degree``)."""
    shards, split, stages = layout.zero >= 1 or layout.expert > 1, layout.expert_tensor, _virtual_stages(shape.layers, layout)
    beside = layout.context_parallel * (1 if split == layout.tensor else layout.tensor)
    missing = {
        f"ZeRO {layout.zero}: sharded here as FSDP that keeps its weights gathered": layout.zero < 2 and shards,
        "adapters": layout.lora > 0,
        f"{layout.virtual} stages a device of {shape.layers} layers": layout.virtual > 1 and not stages,
        "the loss kernel": layout.loss_kernel != "eager",
        "fp8, which its converter for float8 sets": training.dtype == "fp8",
        f"the optimizer {training.scheme.name}": not training.adam,
        f"experts split over {split}: it takes 1, or the {layout.tensor} of tensor": split not in {1, layout.tensor},
        "experts apart from tensor: without expert parallelism it splits them alike": shape.experts > 1
        and layout.expert == 1
        and split != layout.tensor,
        f"expert {layout.expert}: it wants a multiple of {beside}, those that share its sequences": layout.expert > 1
        and layout.expert % beside != 0,
    }
    keeps = shards and layout.zero < 3
    piped = layout.pipeline > 1
    pairs = [
        ("parallelism.data_parallel_shard_degree", layout.data if shards else 1),
        ("parallelism.data_parallel_replicate_degree", 1 if shards else layout.data),
        ("parallelism.fsdp_reshard_after_forward", "never" if keeps else "always" if layout.zero == 3 else None),
        ("parallelism.tensor_parallel_degree", layout.tensor),
        ("parallelism.context_parallel_degree", layout.context_parallel),
        ("parallelism.expert_parallel_degree", layout.expert if shape.experts > 1 else None),
        ("parallelism.expert_tensor_parallel_degree", split if layout.expert > 1 else None),
        ("parallelism.pipeline_parallel_degree", layout.pipeline),
        ("parallelism.pipeline_parallel_schedule", _TORCHTITAN_SCHEDULES[layout.schedule] if piped else None),
        ("parallelism.pipeline_parallel_microbatch_size", layout.micro_batch if piped else None),
        *stages,
        ("training.local_batch_size", layout.micro_batch * (max(layout.micro_batches, 1) if piped else 1)),
        ("training.global_batch_size", sequences(layout)),
        ("training.seq_len", shape.context),
        ("training.enable_cpu_offload", layout.offload),
        ("activation_checkpoint.mode", _TORCHTITAN_RECOMPUTES[layout.recompute]),
        ("activation_checkpoint.selective_ac_option", "op" if layout.recompute == "op" else None),
        ("optimizer.lr", training.rate and f"{training.rate:.3g}"),
    ]
    return _without("torchtitan", _typed(pairs), missing)


def _deepspeed(layout: Layout, training: Training) -> Arguments:
    """References: DeepSpeed, "DeepSpeed Configuration JSON"; its pipelines take ZeRO 0 and 1 only."""
    zero: dict[str, object] = {"stage": layout.zero}
    if layout.offload:
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
    content: dict[str, object] = {
        "train_batch_size": sequences(layout),
        "train_micro_batch_size_per_gpu": layout.micro_batch,
        "gradient_accumulation_steps": max(layout.micro_batches, 1),
        "zero_optimization": zero,
        "fp16" if training.dtype == "fp16" else "bf16": {"enabled": True},
    }
    kind = {"lion": "Lion", "muon": "Muon", "sgd": "SGD"}.get(training.scheme.name, "AdamW")
    if training.rate:
        content["optimizer"] = {"type": kind, "params": {"lr": float(f"{training.rate:.3g}")}}
    sizes = {name: getattr(layout, name) for name in ("tensor", "pipeline", "context_parallel", "expert", "expert_tensor")}
    missing = {
        **{f"{name.replace('_', ' ')} {size}, which the training script sets": size > 1 for name, size in sizes.items()},
        f"the optimizer {training.scheme.name}": kind == "AdamW" and not training.adam,
        "adapters, which a library such as PEFT brings": layout.lora > 0,
        "fp8, which Transformer Engine brings": training.dtype == "fp8",
        f"ZeRO {layout.zero} under a pipeline, which it refuses": layout.pipeline > 1 and layout.zero > 1,
    }
    return _without("DeepSpeed", json.dumps(content), missing)
