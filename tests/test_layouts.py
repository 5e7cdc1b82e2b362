"""Which layout to take: what a mixture's split takes, how fast layouts are, which is recommended, and how it is typed."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.accelerators.catalogue import accelerator, accelerators
from planner.architectures.advice import off
from planner.architectures.launch import Training, arguments, sequences
from planner.architectures.layout import Layout
from planner.architectures.memory import Scheme, held_params, memory
from planner.architectures.parallelism import Running, speed_of
from planner.architectures.published_models import model
from planner.architectures.step_time import Software, rates, step_time, usual_software, work_of
from planner.errors import CannotPlanError, PlannerError

ADAM = Scheme("adam", 2, 2, 12)
MIXTRAL, DEEPSEEK = model("mixtral-8x7b").shape, model("deepseek-v3").shape


# ---------------------------------------------------------------- mixtures in memory


def test_unsplit_parameters_are_all_of_them() -> None:
    """On one device the fullest stage is the whole model, of every published one."""
    for known in planner.models():
        held = held_params(known.shape, Layout())
        assert held.shared + held.experts == pytest.approx(known.shape.total), known.id


def test_experts_are_split_over_their_devices() -> None:
    """Mixtral's 32 x 8 experts of 3 x 4096 x 14336: an eighth of them on 8 devices; their optimizer over those with the same."""
    experts = 32 * 8 * 3 * 4096 * 14336
    for expert in (1, 2, 4, 8):
        held = held_params(MIXTRAL, Layout(data=8, expert=expert))
        assert held.experts == experts / expert
        assert held.shared == MIXTRAL.total - experts
    sharded = memory(MIXTRAL, ADAM, Layout(data=16, zero=1, expert=8))
    assert sharded.optimizer == pytest.approx(12 * ((MIXTRAL.total - experts) / 16 + experts / 8 / 2))
    assert sharded.weights == pytest.approx(2 * (MIXTRAL.total - experts + experts / 8))


def test_tensor_parallelism_leaves_experts_and_routers_whole() -> None:
    """With two tensor-parallel devices attention halves; norms and routers do not, and experts go over all eight devices."""
    one, two = (held_params(MIXTRAL, Layout(data=8 // tensor, tensor=tensor, expert=8)) for tensor in (1, 2))
    assert one.experts == two.experts
    whole = 32 * (2 * 4096 + 4096 * 8)
    assert two.shared == pytest.approx((one.shared - whole) / 2 + whole)


def test_a_stage_of_a_mixture_has_as_many_mixed_layers_as_can_be() -> None:
    """DeepSeek-V3's first three layers are dense: of 16 stages of 4 layers the fullest has 4 with experts."""
    held = held_params(DEEPSEEK, Layout(pipeline=16, expert=8, data=8))
    assert held.experts == 4 * 256 / 8 * 3 * 7168 * 2048


def test_multi_token_prediction_is_counted() -> None:
    """DeepSeek-V3's module: 11.5 B parameters of its own, 2.4 B at work with both tables (README of its weights, as printed)."""
    more = DEEPSEEK._replace(details=DEEPSEEK.details._replace(mtp=1))
    tables = 2 * 129_280 * 7168
    assert more.total - DEEPSEEK.total == pytest.approx(11.5e9, rel=0.01)
    assert more.active - DEEPSEEK.active + tables == pytest.approx(2.4e9, rel=0.06)
    both = [shape.flops_per_token("exact", shape.active) for shape in (DEEPSEEK, more)]
    assert both[1] / both[0] == pytest.approx(1 + 1.5e9 / 37e9, rel=0.02)  # with the head once more


def test_a_mixture_is_laid_out() -> None:
    """Mixtral on 64 H100: it fits by splitting the experts, and without a law of mixtures nothing is said of its loss."""
    found = planner.configure(shape="mixtral-8x7b", tokens="1T", gpus="64xh100")
    best = found.fits[0]
    assert best.fits is True
    assert best.layout.devices == 64
    assert found.loss is None
    assert "nothing is said of this mixture's loss" in next(note.text for note in found.notes if note.code == "unjudged")
    judged = planner.configure(shape="mixtral-8x7b", tokens="1T", gpus="64xh100", law="abnar2025")
    assert judged.loss == planner.check(shape="mixtral-8x7b", tokens="1T", law="abnar2025").loss
    paid = planner.configure(shape="mixtral-8x7b", flops=1e23, gpus="64xh100")
    assert paid.shapes[0].training_flops == pytest.approx(1e23)
    whole = planner.configure(shape="mixtral-8x7b", tokens="1T", gpus="64xh100", expert=1, zero=0, tensor=1, pipeline=1)
    assert {fit.fits for fit in whole.fits} == {False}, "47 B parameters on each device"


# ---------------------------------------------------------------- speed


@pytest.mark.parametrize(
    ("devices", "data", "context", "cp", "mfu"),
    [(8192, 64, 8192, 1, 0.43), (16384, 128, 8192, 1, 0.41), (16384, 8, 131_072, 16, 0.38)],
)
def test_llama_3_405b_was_as_fast_as_forecast(devices: int, data: int, context: int, cp: int, mfu: float) -> None:
    """Grattafiori et al. 2024, arXiv 2407.21783, Table 4: tensor 8, pipeline 16, 16 M tokens a step; within 20 %."""
    shape = model("llama3.1-405b").shape._replace(context=context)
    micro = 16 * 2**20 // context // data
    layout = Layout(data, 8, 16, 1, 1, "selective", context_parallel=cp, virtual=8, micro_batches=micro)
    assert layout.devices == devices
    rate = rates(accelerator("h100-sxm", accelerators()), "bf16")
    assert rate is not None
    seconds = float(step_time(work_of(shape), layout, rate, Software("megatron", 2024.5)).total)
    tokens = data * micro * context
    found = tokens * shape.flops_per_token("exact", shape.active, causal=context > 8192) / (seconds * devices * 989e12)
    assert found == pytest.approx(mfu, rel=0.2)


rows = st.builds(
    Layout,
    data=st.sampled_from([1, 2, 8, 64]),
    tensor=st.sampled_from([1, 2, 4, 8]),
    pipeline=st.sampled_from([1, 2, 4]),
    zero=st.integers(0, 3),
    micro_batch=st.integers(1, 8),
    recompute=st.sampled_from(["selective", "op", "full"]),
    sequence=st.just(True),
    dropout=st.just(False),
    expert=st.just(1),
    expert_tensor=st.just(1),
    context_parallel=st.sampled_from([1, 2]),
    schedule=st.just("1f1b"),
    virtual=st.sampled_from([1, 2]),
    micro_batches=st.integers(1, 64),
    loss_kernel=st.just("eager"),
    offload=st.just(False),
    lora=st.just(0),
)


@given(
    rows, st.sampled_from(["llama2-7b", "llama3-70b", "mixtral-8x7b"]), st.sampled_from(["h100-sxm", "a100-sxm-80gb", "tpu-v5p"])
)
def test_a_step_holds_together(layout: Layout, name: str, device: str) -> None:
    """Parts are not below zero, a step takes no longer than all of them and its overheads, and no less than its products."""
    shape, known = model(name).shape, accelerator(device, accelerators())
    rate = rates(known, "bf16")
    assert rate is not None
    running = Running(rate, known.peaks["bf16"], usual_software())
    speed = speed_of(shape, layout, running)
    assert speed is not None
    assert min(speed.parts.values()) >= 0
    assert speed.step_time.low <= speed.step_time.expected <= speed.step_time.high
    assert speed.step_time.expected <= 1.25 * sum(speed.parts.values())
    assert speed.mfu.expected <= speed.mfu_full_attention.expected
    tokens = layout.data * layout.micro_batch * layout.micro_batches * shape.context
    assert speed.tokens_per_second.expected * speed.step_time.expected == pytest.approx(tokens)
    longer = speed_of(shape, layout._replace(recompute="full"), running)
    assert longer is not None
    assert longer.step_time.expected >= speed.step_time.expected * (1 - 1e-12)


def test_a_device_without_links_gets_no_forecast() -> None:
    """Nothing is made up: layouts go by how little they split, and a note says so."""
    found = planner.configure(shape="llama2-7b", tokens="1T", gpus="8xl40s")
    assert {fit.speed for fit in found.fits} == {None}
    assert "no step is forecast" in next(note.text for note in found.notes if note.code == "no-speed")
    assert found.machine is not None
    assert found.machine.mfu.expected == pytest.approx(0.375)


# ---------------------------------------------------------------- the one to take


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["llama2-7b", "llama3-70b", "mixtral-8x7b", "qwen3-30b-a3b"]),
    st.sampled_from(["8xh100", "64xh100", "96xa100", "256xb200", "1024xh200"]),
    st.sampled_from([{}, {"recompute": "full"}, {"micro_batch": 1}, {"zero": 1}, {"batch": 2**22}]),
)
def test_the_layout_to_take_is_the_fastest_that_surely_fits(name: str, gpus: str, fixed: dict[str, Any]) -> None:
    """Every row keeps the rules: sizes multiply to the devices, matrices and experts divide, a batch that is given is met."""
    asked: dict[str, Any] = {"shape": f"{name},context=4096", "tokens": "1T", "gpus": gpus, **fixed}
    found = planner.configure(**asked)
    shape = found.shapes[0].shape
    for fit in found.fits:
        layout = fit.layout
        assert layout.devices == int(gpus.split("x")[0])
        assert shape.heads % layout.tensor == 0
        assert shape.experts % layout.expert == 0
        assert (layout.data * layout.context_parallel * layout.tensor) % layout.expert == 0
        assert {name: getattr(layout, name) for name in fixed if name != "batch"} == {
            k: v for k, v in fixed.items() if k != "batch"
        }
        if "batch" in fixed:
            assert sequences(layout) * shape.context == pytest.approx(fixed["batch"], rel=0.05)
    sure = [fit for fit in found.fits if fit.fits]
    if not sure:
        assert any(note.code == "no-fit" for note in found.notes)
        return
    speeds = [fit.speed.tokens_per_second.expected for fit in sure if fit.speed]
    assert found.fits[0] is sure[0]
    assert speeds == sorted(speeds, reverse=True)
    splits = [(fit.layout.tensor, fit.layout.pipeline, fit.layout.context_parallel, fit.layout.expert) for fit in sure]
    assert len(set(splits)) == len(splits)


def test_what_would_make_it_fit_does() -> None:
    """A million tokens of context on 8 H100: with all logits at once it does not fit, with a fused loss it may (it ran)."""
    asked: dict[str, Any] = {"shape": "qwen3-8b,context=1048576", "tokens": "1B", "gpus": "8xh100-sxm", "optimizer": "adam-bf16"}
    found = planner.configure(**asked, recompute="full")
    assert {fit.fits for fit in found.fits} == {False}
    text = next(note.text for note in found.notes if note.code == "no-fit")
    assert "it may fit (too close to say) with --loss-kernel fused" in text
    fused = planner.configure(**asked, recompute="full", loss_kernel="fused")
    assert fused.fits[0].fits is None
    shared = planner.configure(**asked, recompute="full", loss_kernel="fused", context_parallel=8, tensor=1)
    assert shared.fits[0].memory.range[0] < 56.2 * 2**30 < shared.fits[0].memory.range[1], "measured, 8 devices a sequence"


def test_offloaded_states_are_the_hosts() -> None:
    """The optimizer leaves the device, a note says how much the host has, and no speed is made up."""
    found = planner.configure(shape="llama2-7b", tokens="1T", gpus="8xh100", offload=True, zero=1, tensor=1, pipeline=1)
    assert found.fits[0].memory.optimizer == 0
    assert found.fits[0].speed is None
    assert "the host has 10.1 GB of optimizer states" in next(note.text for note in found.notes if note.code == "memory")


def test_schedules_of_a_pipeline() -> None:
    """Fewer micro-batches than stages hold fewer; interleaving holds (p - 1)/(p v) more and idles a v-th as long."""
    shape, start = model("llama3-70b").shape, Layout(data=2, tensor=8, pipeline=8, micro_batches=32)
    kept = {name: memory(shape, ADAM, layout).activations for name, layout in _schedules(start).items()}
    layers = kept["1f1b"]
    assert kept["few"] == pytest.approx(layers / 4, rel=0.35)  # two of eight, and the last stage's logits
    assert kept["interleaved"] == pytest.approx(layers * (1 + 7 / 16))
    rate = rates(accelerator("h100-sxm", accelerators()), "bf16")
    assert rate is not None
    bubbles = {name: step_time(work_of(shape), layout, rate).parts["bubble"] for name, layout in _schedules(start).items()}
    assert bubbles["interleaved"] == pytest.approx(bubbles["1f1b"] / 2)
    assert bubbles["zero-bubble"] == pytest.approx(bubbles["1f1b"] / 3)


def _schedules(start: Layout) -> dict[str, Layout]:
    return {
        "1f1b": start,
        "few": start._replace(micro_batches=2),
        "interleaved": start._replace(schedule="interleaved", virtual=2),
        "zero-bubble": start._replace(schedule="zero-bubble"),
    }


# ---------------------------------------------------------------- what to type, and to start from


def test_the_layout_is_typed_for_each_framework() -> None:
    """Sizes multiply to the devices in each; what a framework has no argument for is said."""
    layout = Layout(data=8, tensor=4, pipeline=2, zero=1, micro_batch=2, expert=8, micro_batches=16)
    megatron, titan, speed = arguments(MIXTRAL, layout, Training(ADAM, rate=3e-4))
    assert "--tensor-model-parallel-size 4 --pipeline-model-parallel-size 2 --expert-model-parallel-size 8" in megatron.text
    assert "--micro-batch-size 2 --global-batch-size 256" in megatron.text
    assert "--use-distributed-optimizer" in megatron.text
    assert "--parallelism.data_parallel_shard_degree 8 --parallelism.data_parallel_replicate_degree 1" in titan.text
    assert "--training.local_batch_size 32 --training.global_batch_size 256" in titan.text
    content = json.loads(speed.text)
    assert content["train_batch_size"] == 8 * content["train_micro_batch_size_per_gpu"] * content["gradient_accumulation_steps"]
    assert content["zero_optimization"] == {"stage": 1}
    assert any("tensor 4" in text for text in speed.without)
    assert any("ZeRO 1" in text for text in titan.without)
    assert "--grad-reduce-in-bf16" in megatron.text, "memory counts gradients of 16 bits"
    sharded = arguments(MIXTRAL, layout._replace(pipeline=1, zero=3), Training(ADAM, "fp8"))
    assert (
        "--use-distributed-optimizer --use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params "
        "--ckpt-format fsdp_dtensor --no-gradient-accumulation-fusion" in sharded[0].text
    )
    assert "--fp8-format hybrid" in sharded[0].text
    assert any("float8" in text for text in sharded[1].without)
    odd = arguments(MIXTRAL, layout._replace(recompute="op", schedule="zero-bubble"), Training(Scheme("muon", 2, 2, 8)))
    for what in ("recompute op", "zero-bubble", "the optimizer muon"):
        assert any(what in text for text in odd[0].without), what
    short = arguments(MIXTRAL, layout, Training(Scheme("adam-bf16-moments", 2, 4, 8)))[0]
    assert "--use-precision-aware-optimizer --exp-avg-dtype bf16 --exp-avg-sq-dtype bf16" in short.text
    assert not short.without
    for other in (layout._replace(zero=0), layout._replace(offload=True)):
        said = arguments(MIXTRAL, other, Training(Scheme("adam-bf16-moments", 2, 4, 8)))[0]
        assert "--exp-avg-dtype" not in said.text
        assert any("adam-bf16-moments" in text for text in said.without)
    routed = arguments(DEEPSEEK, Layout(), Training(ADAM))[0].text
    assert "--moe-router-score-function sigmoid --moe-router-enable-expert-bias" in routed
    assert "--moe-layer-freq '([0]*3+[1]*58)'" in routed
    uneven = arguments(DEEPSEEK, Layout(pipeline=16, micro_batches=16), Training(ADAM))[0]
    assert any("61 layers on 16 stages" in text for text in uneven.without)
    assert (
        "--account-for-loss-in-pipeline-split"
        in arguments(model("llama3.1-405b").shape, Layout(pipeline=16), Training(ADAM))[0].text
    )


def test_one_recipe_with_its_range() -> None:
    """The nearest law of both is taken, the others make the range, which is never under half to twice; being off is measured."""
    found = planner.configure(params="1B", tokens="100B")
    told = found.advice
    assert told is not None
    assert told.law == "steplaw2025"
    assert told.beyond == pytest.approx(1, rel=0.1)
    assert told.batch_range[0] <= told.batch / 2 < 2 * told.batch <= told.batch_range[1]
    assert told.rate_range[0] <= told.learning_rate / 2 < 2 * told.learning_rate <= told.rate_range[1]
    assert found.batch == told.batch
    own = planner.configure(params="1B", tokens="100B", batch="4M")
    assert own.batch == 4e6
    assert [each.factor for each in off()] == [0.25, 0.5, 2, 4]
    assert off()[0].learning_rate < off()[3].learning_rate, "err low"
    mixture = planner.configure(shape="qwen3-30b-a3b", tokens="1T")
    step = next(each for each in mixture.suggestions if each.recipe.id == "steplaw2025")
    total = model("qwen3-30b-a3b").shape.non_embedding
    assert step.learning_rate == pytest.approx(1.79 * total**-0.713 * 1e12**0.307), "all parameters go into it"


def test_adapters_take_their_own_gradients_and_states_alone() -> None:
    """Rank 16 on Llama 2 7B's seven matrices a layer are 40 M parameters (16 (4 x 8192 + 3 x 15104) x 32); the rest is frozen."""
    shape = model("llama2-7b").shape
    adapted = 16 * 32 * (4 * 2 * 4096 + 3 * (4096 + 11_008))
    assert shape.adapter_params(16) == adapted == 39_976_960
    found = planner.configure(shape="llama2-7b", tokens="1B", gpus="1xA100", lora=16, zero=0, micro_batch=1)
    taken = found.fits[0].memory
    assert taken.weights == 2 * (shape.total + adapted)
    assert taken.gradients + taken.optimizer == 14 * adapted
    assert found.loss is None
    assert found.advice is None
    full = shape.flops_per_token("exact", shape.active)
    assert found.shapes[0].flops_per_token == full - 2 * shape.matrix_products + 6 * adapted
    assert 0.6 < found.shapes[0].flops_per_token / full < 0.75
    assert "of rank 16" in next(note.text for note in found.notes if note.code == "adapters")
    latent = model("deepseek-v3").shape
    assert latent.adapter_params(2) == 2 * latent.adapter_params(1)
    with pytest.raises(planner.PlannerError, match="lora 16: of which model"):
        planner.configure(flops=1e21, lora=16)
    with pytest.raises(planner.PlannerError, match="adapters take their tokens"):
        planner.configure(flops=1e21, lora=16, shape="llama2-7b")
    with pytest.raises(planner.PlannerError, match="adapters alone are trained"):
        planner.throughput(shape="llama2-7b", gpus="8xA100", lora=16)


# ---------------------------------------------------------------- experts over several devices


@given(
    st.sampled_from(["mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3"]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 8]),
    st.integers(1, 3),
)
def test_matrices_of_an_expert_are_split_over_devices(name: str, expert: int, parts: int, tensor: int, zero: int) -> None:
    """Experts are held by expert x expert_tensor devices, and sharded over the rest; other parameters are as they were."""
    shape = model(name).shape
    whole = Layout(data=64, tensor=tensor, zero=zero, expert=expert)
    split = whole._replace(expert_tensor=parts)
    experts = shape.routed_layers * shape.experts * shape.expert_params
    held, before = held_params(shape, split), held_params(shape, whole)
    assert held.experts == pytest.approx(experts / (expert * parts))
    assert held.shared == before.shared
    there, taken = memory(shape, ADAM, split), memory(shape, ADAM, whole)
    assert there.optimizer == pytest.approx(taken.optimizer)  # over all devices of a stage either way
    if zero < 3:
        assert taken.weights - there.weights == pytest.approx(ADAM.weights * experts / expert * (1 - 1 / parts))
    width = shape.experts_per_token * shape.width
    more = 4 * width * (parts - 1) / tensor * shape.mixed_layers * shape.context  # copies of the tokens that are routed
    assert there.activations - taken.activations == pytest.approx(more, abs=1.0)


def test_split_experts_are_placed_and_not_timed() -> None:
    """The sizes multiply out, no speed is made up, layouts go by how little they split; frameworks get the argument."""
    found = planner.configure(shape="mixtral-8x7b", tokens="1T", gpus="64xH100", expert=4, expert_tensor=2, tensor=2, batch=2**22)
    assert {(fit.layout.expert_tensor, fit.speed) for fit in found.fits} == {(2, None)}
    why = next(note.text for note in found.notes if note.code == "no-speed")
    assert why.startswith("no step is forecast (expert_tensor 2: experts are split, of which nothing was measured)")
    splits = [fit.layout.tensor * fit.layout.pipeline * fit.layout.context_parallel for fit in found.fits if fit.fits]
    assert splits
    assert splits == sorted(splits)
    assert all(fit.layout.data * fit.layout.context_parallel * fit.layout.tensor % 8 == 0 for fit in found.fits)
    megatron, torchtitan, deepspeed = found.arguments
    assert "--expert-model-parallel-size 4 --expert-tensor-parallel-size 2" in megatron.text
    assert "--parallelism.expert_tensor_parallel_degree 2" in torchtitan.text
    assert "expert tensor 2, which the training script sets" in deepspeed.without
    with pytest.raises(CannotPlanError, match="expert_tensor 2: experts are split, of which nothing was measured"):
        planner.throughput(shape="mixtral-8x7b", gpus="64xH100", expert_tensor=2)
    apart = planner.configure(shape="mixtral-8x7b", tokens="1T", gpus="64xH100", expert=1, tensor=8)
    assert "--expert-tensor-parallel-size 1" in apart.arguments[0].text  # whose default is that of tensor
    assert any("experts apart from tensor" in what for what in apart.arguments[1].without)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shape": "llama2-7b", "expert_tensor": 2}, "expert_tensor 2: the shape has no experts"),
        ({"shape": "mixtral-8x7b", "expert_tensor": 3}, "does not divide an expert's width of 14336; 1, 2, 4, 7"),
        (
            {"shape": "mixtral-8x7b", "expert_tensor": 4, "expert": 8, "gpus": "16xH100"},
            "expert 8 x expert_tensor 4: 16 devices of a pipeline stage are no multiple of 32",
        ),
        ({"shape": "mixtral-8x7b", "expert_tensor": 0}, "expert_tensor"),
    ],
)
def test_experts_that_cannot_be_split_so_are_refused(asked: dict[str, Any], said: str) -> None:
    """With what was given, and what would do."""
    with pytest.raises(PlannerError, match=re.escape(said)):
        planner.configure(tokens="1T", **asked)


@given(st.integers(1, 64), st.sampled_from([1, 2, 4, 8]), st.integers(1, 8), st.integers(1, 4))
def test_the_least_data_parallelism_leaves_whole_groups_of_experts(expert: int, parts: int, tensor: int, context: int) -> None:
    """And none smaller does."""
    layout = Layout(tensor=tensor, expert=expert, expert_tensor=parts, context_parallel=context)
    least = int(layout.least_data)
    good = [data for data in range(1, least + 1) if data * tensor * context % (expert * parts) == 0]
    assert good == [least]


def test_layouts_that_are_shown_work_on_one_batch() -> None:
    """That of the first, which is the fastest on it: asked for that batch, the same one comes first."""
    for params, tokens in (("350M", "7B"), ("3B", "60B")):
        found = planner.configure(params=params, tokens=tokens, gpus="2048xH100")
        steps = [sequences(fit.layout) for fit in found.fits]
        assert max(steps) <= 1.05 * min(steps)
        assert found.batch is not None
        again = planner.configure(params=params, tokens=tokens, gpus="2048xH100", batch=steps[0] * found.shapes[0].shape.context)
        assert again.fits[0].layout == found.fits[0].layout


def test_without_devices_the_arguments_have_the_batch_of_the_run() -> None:
    """In whole sequences, for all three frameworks."""
    megatron, titan, speed = (each.text for each in planner.configure(params="7B", tokens="140B", batch="4M").arguments)
    assert "--global-batch-size 977 " in megatron
    assert "--training.global_batch_size 977 " in titan
    assert json.loads(speed)["train_batch_size"] == 977


@pytest.mark.parametrize(
    ("layers", "pipeline", "virtual", "says"),
    [
        (126, 8, 4, {"layers_per_stage": 4}),
        (22, 8, 3, {"layers_per_stage": 1}),
        (32, 4, 2, {"layers_per_stage": 4, "first_stage_less_layers": 0, "last_stage_less_layers": 0}),
    ],
)
def test_torchtitan_is_told_the_stages_of_a_device(layers: int, pipeline: int, virtual: int, says: dict[str, int]) -> None:
    """As its own code counts them: ceil((layers + those less in the first and last stage) / layers of a stage)."""
    shape = f"layers={layers},width=1024,heads=16,kv_heads=8,ffn=3840,gated=1,vocab=21504,context=4096"
    found = planner.configure(shape=shape, tokens="7B", gpus="64xH100", pipeline=pipeline, virtual=virtual, batch="4M")
    titan = next(each for each in found.arguments if each.framework == "torchtitan")
    read = {
        name: int(value)
        for name, value in re.findall(r"--parallelism.pipeline_parallel_(\w+_layers|layers_per_stage) (\d+)", titan.text)
    }
    assert read == says
    less = read.get("first_stage_less_layers", 1) + read.get("last_stage_less_layers", 1)
    assert -(-(layers + less) // read["layers_per_stage"]) == pipeline * virtual
    assert not any("stages a device" in what for what in titan.without)


def test_an_interleaved_schedule_searches_its_stages() -> None:
    """Three a device where two and four come out uneven."""
    shape = "layers=22,width=1024,heads=16,kv_heads=8,ffn=3840,gated=1,vocab=21504,context=4096,tied=1"
    found = planner.configure(shape=shape, tokens="7B", gpus="64xH100", pipeline=8, schedule="interleaved")
    assert found.fits[0].layout.virtual == 3


def test_key_value_heads_divide_heads() -> None:
    """A typed shape is held to what a configuration file is."""
    with pytest.raises(PlannerError, match="32 heads are no multiple of 5 key-value heads"):
        planner.configure(shape="layers=32,width=4096,heads=32,kv_heads=5,vocab=32000,context=4096", tokens="1T")


def test_a_speed_of_ones_own_corrects_the_layouts() -> None:
    """As it does in ``throughput``; the layout stays."""
    plain = planner.configure(params="7B", tokens="140B", gpus="64xH100").fits[0]
    own = planner.configure(params="7B", tokens="140B", gpus="64xH100", tokens_per_second=9000).fits[0]
    assert plain.speed is not None
    assert own.speed is not None
    assert own.layout == plain.layout
    assert 9000 < own.speed.tokens_per_second_per_device.expected < plain.speed.tokens_per_second_per_device.expected
