"""What to configure: published models to the last parameter, shapes that hit a size, memory, batch size and learning rate."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner._util.files import data_root, read_table
from planner.accelerators.catalogue import accelerator, accelerators
from planner.architectures import layout
from planner.architectures.activations import layer_activations
from planner.architectures.fewest_layouts import _least_data
from planner.architectures.hyperparameters import batch_trade, recipes
from planner.architectures.layout import RECOMPUTE, Layout
from planner.architectures.memory import Scheme, held_params, memory
from planner.architectures.published_models import model
from planner.architectures.shape_search import propose, usual_proportions
from planner.architectures.step_time import rates, step_time, work_of
from planner.architectures.transformer import Details, Shape
from planner.errors import PlannerError
from tests.measured_memory import measured

MODELS = planner.models()
ADAM = Scheme("adam", 2, 2, 12)


# ---------------------------------------------------------------- published models


@pytest.mark.parametrize("known", MODELS, ids=lambda known: known.id)
def test_a_published_model_is_counted_as_published(known: planner.Model) -> None:
    """Exact counts to the last parameter; printed ones within 1 %, but for those whose print cannot be right."""
    assert known.sources
    assert known.read
    if known.exact:
        assert known.shape.total == known.params
    elif not known.flag:
        assert abs(known.off) < 0.01
    if known.non_embedding is not None:
        assert known.shape.non_embedding == pytest.approx(known.non_embedding, rel=0.005)


def test_there_are_many_exact_models() -> None:
    """123 models, 81 of them exact."""
    assert len(MODELS) == 123
    assert sum(known.exact for known in MODELS) == 81


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("gpt2-124m", 124_439_808),  # biases, LayerNorm, learned positions
        ("pythia-70m", 70_426_624),  # untied, padded vocabulary
        ("llama3.1-405b", 405_853_388_800),  # grouped keys
        ("qwen2.5-0.5b", 494_032_768),  # bias on queries, keys and values alone
        ("gemma2-2b", 2_614_341_888),  # heads x size is not the width
        ("phi-2", 2_779_683_840),  # parallel block, bias of the head
        ("bloom-176b", 176_247_271_424),  # norm of the embedding
        ("mixtral-8x7b", 46_702_792_704),  # experts
        ("deepseek-v3", 671_026_419_200),  # latent attention, shared experts, bias of the router
        ("gpt-oss-120b", 116_829_156_672),  # sinks, biases of experts
    ],
)
def test_the_odd_parts_of_published_models(name: str, total: int) -> None:
    """Each tests another part of the count; the integers stand in checkpoints."""
    assert model(name).shape.total == total


@pytest.mark.parametrize(
    ("name", "active"),
    [("mixtral-8x7b", 12_879_925_248), ("deepseek-v3", 37_552_297_472), ("gpt-oss-120b", 5_711_982_912)],
)
def test_active_parameters(name: str, active: int) -> None:
    """Those at work on a token, input table included, enumerated tensor by tensor elsewhere."""
    assert model(name).shape.active == active


def test_all_rows_of_chinchillas_table_a9() -> None:
    """All 50 rows within 0.7 % of the printed millions, 48 of them within 0.51 million."""
    table = read_table(data_root() / "models.toml")["chinchilla_table_a9"]
    details = Details(relative_positions=True, bias="all")
    off = []
    for millions, width, ffn, size, heads, layers in table["rows"]:
        shape = Shape(layers, width, heads, 32_000, 2048, ffn, heads, size, tied=True, details=details)
        assert shape.total / 1e6 == pytest.approx(millions, rel=0.007)
        off.append(abs(shape.total / 1e6 - millions))
    assert len(off) == 50
    assert sum(each <= 0.51 for each in off) == 48


@pytest.mark.parametrize(("layers", "width"), [(8, 512), (24, 1024), (40, 5120), (80, 8192)])
def test_flops_equivalent_parameters(layers: int, width: int) -> None:
    """DeepSeek LLM, Eq. 2: M = 72 n d^2 + 12 n d l; beside it only the norms, which the equation leaves out."""
    shape = Shape(layers, width, width // 64, 102_400, 4096, 4 * width, width // 64, 64)
    norms = (2 * layers + 1) * width
    assert 6 * (shape.counted("flops-equivalent") - norms) == 72 * layers * width**2 + 12 * layers * width * 4096


@pytest.mark.parametrize("tied", [True, False])
def test_parameters_without_the_input_table(tied: bool) -> None:
    """The head counts, a tied one too; so an untied model has one table less than in all, a tied one none."""
    shape = Shape(12, 768, 12, 50_257, 1024, 3072, 12, 64, tied=tied)
    assert shape.total - shape.counted("non-input-embedding") == (0 if tied else 50_257 * 768)


@pytest.mark.parametrize("law", ["deepseek2024", "porian2024-tuned", "kaplan2020", "besiroglu2024", "llama3"])
def test_a_shape_has_one_n_under_a_law(law: str) -> None:
    """The plan and the configuration count a shape alike, whatever the law's convention."""
    shape = "gpt2-small"
    asked = {"shape": shape, "law": law, "flops": 1e20}
    assert planner.configure(**asked).params == planner.plan(**asked).params  # type: ignore[arg-type]  # keywords by name


def test_the_cache_of_a_token() -> None:
    """2 layers x kv heads x head size numbers; latent attention keeps its latent and one rotary key (DeepSeek-V3: 70 kB)."""
    llama = model("llama3-8b")
    assert llama.cache_bytes == 2 * 2 * 32 * 8 * 128
    assert model("deepseek-v3").cache_bytes == 2 * 61 * (512 + 64)


def test_models_are_named_in_questions() -> None:
    """A published model's name is a shape, with changes after it."""
    named = planner.plan(flops=1e22, shape="llama3-8b,context=8192")
    typed = "layers=32,width=4096,heads=32,kv_heads=8,ffn=14336,gated=1,vocab=128256,context=8192"
    assert named.params == 8_030_261_248
    assert named.tokens == planner.plan(flops=1e22, shape=typed).tokens
    with pytest.raises(PlannerError, match=r"no published model 'llama3-9b'; did you mean llama3-8b"):
        planner.plan(flops=1e22, shape="llama3-9b")


# ---------------------------------------------------------------- proposals


@settings(max_examples=25, deadline=None)
@given(
    st.floats(5e6, 2e12),
    st.sampled_from(["total", "non-embedding", "non-input-embedding", "flops-equivalent", "unstated"]),
    st.booleans(),
    st.sampled_from([None, 32_000, 65_536]),
    st.sampled_from([None, 2048, 32_768]),
)
def test_proposals_hit_the_size(params: float, convention: str, gated: bool, vocab: int | None, context: int | None) -> None:
    """Within 2 %, with proportions that published models have, and parts that fit each other."""
    try:
        found, usual = propose(params, convention=convention, count=5, vocab=vocab, context=context, gated=gated)
    except PlannerError:
        long = convention == "flops-equivalent" and context == 32_768
        assert params < (1e9 if long else 2e7), "only small models have no room for a vocabulary, or for attention over a context"
        return
    assert 1 <= len(found) <= 5
    for each in found:
        shape = each.shape
        assert shape.counted(convention) / params - 1 == pytest.approx(each.off, abs=1e-12)
        assert abs(each.off) <= 0.02
        assert usual.aspects[0] <= shape.width / shape.layers <= usual.aspects[1]
        assert usual.ffns[0] <= shape.ffn / shape.width <= usual.ffns[1]
        assert shape.heads * shape.head_size == shape.width
        assert shape.heads % shape.kv_heads == 0
        assert shape.width % 64 == 0
        assert shape.ffn % 64 == 0
        if shape.width >= 4096:
            assert shape.width % 128 == 0
            assert shape.ffn % 256 == 0
        assert shape.context == (context or 4096)


@pytest.mark.parametrize("known", [each for each in MODELS if each.shape.experts == 1 and each.exact], ids=lambda each: each.id)
def test_published_sizes_can_be_proposed(known: planner.Model) -> None:
    """For every exact dense model's size there is a proposal, and its width is within a factor of 1.6 of the model's own."""
    found, _ = propose(known.params, convention="total", count=5, vocab=known.shape.vocab, tied=known.shape.tied)
    assert any(1 / 1.6 < each.shape.width / known.shape.width < 1.6 for each in found)


def test_proportions_come_from_neighbours() -> None:
    """What is sane for 7 B is read off the models of that size."""
    usual = usual_proportions(7e9, gated=True)
    assert any("7B" in name for name in usual.like)
    assert usual.aspect == 128


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize(
    ("params", "devices", "stages"),
    [
        (7.5e9, 64, (120, 31.4, 16.6, 1.88)),
        (7.5e9, 4, (120, 52.5, 41.3, 30)),
        (7.5e9, 1024, (120, 30.1, 15.1, 0.12)),
        (128e9, 64, (2048, 536, 284, 32)),
        (1e12, 1024, (16000, 4011, 2013, 15.6)),
        (1e12, 16, (16000, 4750, 2875, 1000)),
    ],
)
def test_zero_table_1(params: float, devices: int, stages: tuple[float, ...]) -> None:
    """Model states per device in GB: Rajbhandari et al. 2020, Table 1 and Fig. 1 (some cells are truncated, not rounded)."""
    width = 1024
    layers = 8
    ffn = round((params / layers - 4 * width**2 - 2 * width) / (2 * width))
    shape = Shape(layers, width, 8, 1, 1, ffn, 8, 128, tied=True)
    for zero, expected in enumerate(stages):
        found = memory(shape, ADAM, Layout(data=devices if zero else 1, zero=zero)).states / 1e9
        assert found == pytest.approx(expected, rel=0.02, abs=0.005), zero


def _plain(width: int, heads: int, layers: int) -> Shape:
    return Shape(layers, width, heads, 51_200, 2048, 4 * width, heads, width // heads, tied=True)


@pytest.mark.parametrize(
    ("width", "heads", "layers", "batch"),
    [(6144, 64, 48, 4), (12288, 96, 96, 1), (20480, 128, 105, 1), (25600, 160, 128, 1)],
    ids=["22B", "175B", "530B", "1T"],
)
def test_activations_are_those_of_korthikanti(width: int, heads: int, layers: int, batch: int) -> None:
    """Table 2 of arXiv 2205.05198 for its four models: s b h (34 + 5 a s/h) and its variants, per layer."""
    shape = _plain(width, heads, layers)
    s, t = 2048, 8
    scores = 5 * heads * s / width
    table = {
        ("none", 1, True): 34 + scores,
        ("none", t, False): 10 + 24 / t + scores / t,
        ("none", t, True): 34 / t + scores / t,
        ("selective", t, False): 10 + 24 / t,
        ("selective", t, True): 34 / t,
        ("full", t, False): 2,
        ("full", t, True): 2 / t,  # with sequence parallelism a layer's input is split too, as torchtitan and Megatron-LM have it
    }
    for (recompute, tensor, sequence), expected in table.items():
        layout = Layout(tensor=tensor, recompute=recompute, sequence=sequence, micro_batch=batch, dropout=True)  # type: ignore[arg-type]
        assert layer_activations(shape, layout) == pytest.approx(width * expected)
    if width == 12288:
        assert scores == 80  # GPT-3, Sec. 5


def test_logged_and_measured_memory() -> None:
    """Megatron-LM's own logs: Llama 2 7B on 4 stages 20,029.52 MiB of states (12 bytes), GPT-2 XL 26,699.47 (18), a run's peak."""
    llama = model("llama2-7b").shape
    assert 12 * held_params(llama, Layout(pipeline=4)).shared / 2**20 == pytest.approx(20_029.52, rel=1e-4)
    gpt2 = model("gpt2-1.5b").shape._replace(vocab=50_304)
    assert 18 * held_params(gpt2._replace(details=Details(norm="ln")), Layout()).shared / 2**20 == pytest.approx(
        26_699.47, rel=1e-3
    )
    megatron = Scheme("megatron", 2, 4, 12)
    ours = Shape(24, 2048, 32, 50_304, 4096, 8192, 32, 64, gated=True, tied=True)
    found = memory(ours, megatron, Layout(data=252, zero=1, micro_batch=4))
    assert found.states / 2**20 == pytest.approx(9_884.48, rel=1e-4)
    assert (found.total - found.overhead) / 2**20 == pytest.approx(50_277.16, rel=0.05)  # measured peak: 48,592 by the formula
    assert found.range[0] < 50_277.16 * 2**20 < found.range[1]


def test_llama_3_405b_fits_as_it_was_trained() -> None:
    """16,384 H100 of 80 GB, tensor 8, pipeline 16, contexts of 8192, no layer computed anew (Llama 3 paper, Table 4)."""
    asked: dict[str, Any] = {"tensor": 8, "pipeline": 16, "zero": 2, "gpus": "16384xH100", "tokens": "15.6T"}
    asked |= {"micro_batch": 1, "recompute": "selective", "schedule": "1f1b"}
    (fit,) = planner.configure(shape="llama3.1-405b,context=8192", **asked).fits
    assert fit.fits is not False
    assert fit.memory.total < 85.5e9
    assert fit.layout.data == 128
    (naive,) = planner.configure(shape="llama3.1-405b,context=8192", **(asked | {"tensor": 1, "pipeline": 1})).fits
    assert naive.fits is False


def _verdict(shape: str, **asked: Any) -> Any:
    fixed = {"micro_batch": 1, "recompute": "selective", "schedule": "1f1b"}
    (fit,) = planner.configure(shape=shape, **{**fixed, **asked}).fits
    return fit


def test_full_recomputation_splits_the_inputs_it_keeps() -> None:
    """Llama 3.1 70B on 256 H100, tensor 8, 16 sequences, full recomputation: 77.2 GB measured (torchtitan, Table 4)."""
    asked: dict[str, Any] = {"tokens": "15T", "gpus": "256xh100-sxm", "zero": 3, "tensor": 8, "pipeline": 1, "recompute": "full"}
    fit = _verdict("llama3.1-70b,context=8192", micro_batch=16, **asked)
    assert fit.fits is not False
    assert fit.memory.activations == pytest.approx(48e9, rel=0.02)
    assert fit.memory.range[0] < 77.2e9 < fit.memory.range[1]


def test_the_last_stage_of_a_pipeline_has_the_logits() -> None:
    """10 bytes x vocabulary x tokens do not vanish with two stages: 41.9 GB of Gemma 2 9B's, and it is not said to fit."""
    asked: dict[str, Any] = {
        "tokens": "1T",
        "gpus": "8xa100-sxm-80gb",
        "zero": 1,
        "tensor": 1,
        "recompute": "full",
        "micro_batch": 2,
    }
    fit = _verdict("gemma2-9b,context=8192", pipeline=2, **asked)
    assert fit.memory.activations == pytest.approx(46.9e9, rel=0.02)
    assert fit.memory.states == pytest.approx(35.6e9, rel=0.01)
    assert fit.fits is not True


def test_key_value_heads_are_repeated_where_tensor_parallelism_exceeds_them() -> None:
    """StarCoder ran on tensor 4 with one key-value head; each device keeps it, as if there were four."""
    parts = "layers=40,width=6144,heads=48,ffn=24576,vocab=49152,context=8192,tied=1"
    asked: dict[str, Any] = {"tokens": "1T", "gpus": "512xa100-sxm-80gb", "tensor": 4, "pipeline": 4, "zero": 1}
    fit = _verdict(f"{parts},kv_heads=1", **asked)
    assert fit.memory == _verdict(f"{parts},kv_heads=4", **asked).memory
    assert fit.fits is True
    with pytest.raises(PlannerError, match="tensor 4: does not divide"):
        planner.configure(shape=f"{parts},kv_heads=3", **asked)


def test_a_card_of_16_gb_does_not_hold_what_one_of_32_may() -> None:
    """GPT-2 XL with 16 bytes a parameter, unsharded."""
    asked: dict[str, Any] = {"tokens": "10B", "tensor": 1, "pipeline": 1, "zero": 0}
    assert _verdict("gpt2-1.5b", gpus="8xV100 16GB", **asked).verdict == "no"
    assert _verdict("gpt2-1.5b", gpus="8xV100 32GB", **asked).verdict == "too close to say"
    assert _verdict("gpt2-1.5b", gpus="8xH100", **asked).verdict == "yes"


def test_published_peaks_are_forecast() -> None:
    """60 peaks of others, none fitted to: no run that ran is refused, none that ran out of memory accepted."""
    runs = list(measured())
    ran = [run for run in runs if run.peak is not None]
    assert (len(ran), len(runs)) == (60, 64)
    errors = np.abs([np.log((run.peak or np.nan) / run.expected.total) for run in ran])
    middle, tail = np.quantile(errors, [0.5, 0.9])
    assert middle <= 0.27
    assert tail <= 0.48
    inside = [run.expected.range[0] <= (run.peak or np.nan) <= run.expected.range[1] for run in ran]
    assert np.mean(inside) >= 0.8
    verdicts = [run.expected.fits(run.capacity) for run in ran]
    assert False not in verdicts
    assert verdicts.count(None) <= 0.6 * len(ran)
    assert not any(run.expected.fits(run.capacity) for run in runs if run.peak is None)


layouts = st.builds(
    Layout,
    data=st.integers(1, 512),
    tensor=st.sampled_from([1, 2, 4, 8]),
    pipeline=st.sampled_from([1, 2, 4, 8]),
    zero=st.integers(0, 3),
    micro_batch=st.integers(1, 8),
    recompute=st.sampled_from(["none", "selective", "op", "full"]),
    sequence=st.booleans(),
    dropout=st.booleans(),
    expert=st.just(1),
    expert_tensor=st.just(1),
    context_parallel=st.sampled_from([1, 2, 4]),
    schedule=st.sampled_from(["1f1b", "zero-bubble"]),
    virtual=st.sampled_from([1, 2, 4]),
    micro_batches=st.integers(0, 64),
    loss_kernel=st.sampled_from(["eager", "chunked", "fused"]),
    offload=st.booleans(),
    lora=st.just(0),
)


@given(layouts, st.sampled_from(["llama2-7b", "llama3-70b", "gpt3-13b"]))
def test_memory_shrinks_with_sharding(layout: Layout, name: str) -> None:
    """More tensor or data parallelism, a higher stage, more recomputation or a smaller batch never take more."""
    shape = model(name).shape._replace(context=4096)
    here = memory(shape, ADAM, layout)
    assert min(here) >= 0
    assert here.total == pytest.approx(sum(here))
    assert memory(shape, ADAM, layout._replace(tensor=2 * layout.tensor)).total < here.total
    assert memory(shape, ADAM, layout._replace(data=2 * layout.data)).states <= here.states
    assert memory(shape, ADAM, layout._replace(zero=min(layout.zero + 1, 3))).states <= here.states
    assert memory(shape, ADAM, layout._replace(micro_batch=layout.micro_batch + 1)).activations > here.activations
    assert memory(shape, ADAM, layout._replace(context_parallel=2 * layout.context_parallel)).activations < here.activations
    assert memory(shape, ADAM, layout._replace(offload=True)).total <= here.total
    recomputed = [memory(shape, ADAM, layout._replace(recompute=each)).activations for each in ("none", "selective")]
    assert recomputed[0] >= recomputed[1]
    kernels = [memory(shape, ADAM, layout._replace(loss_kernel=each)).total for each in ("eager", "chunked", "fused")]
    assert kernels == sorted(kernels, reverse=True)


@given(st.lists(layouts, min_size=2, max_size=5), st.sampled_from(["llama2-7b", "deepseek-v3"]))
def test_many_layouts_at_once_are_those_one_by_one(many: list[Layout], name: str) -> None:
    """Columns of whole numbers give what each row gives, of memory and of the time of a step."""
    shape, rate = model(name).shape, rates(accelerator("h100-sxm", accelerators()), "bf16")
    assert rate is not None
    words = {field: getattr(many[0], field) for field in Layout._fields if not isinstance(getattr(many[0], field), int)}
    flags = {field: getattr(many[0], field) for field in ("sequence", "dropout", "offload", "lora")}
    rows = [each._replace(**words, **flags) for each in many]
    columns = {field: np.array([getattr(row, field) for row in rows]) for field in Layout._fields if field not in words | flags}
    both = rows[0]._replace(**columns)  # type: ignore[arg-type]  # arrays of whole numbers
    together, times = memory(shape, ADAM, both).total, step_time(work_of(shape), both, rate).total
    for i, row in enumerate(rows):
        assert np.asarray(together)[i] == pytest.approx(memory(shape, ADAM, row).total)
        assert times[i] == pytest.approx(float(step_time(work_of(shape), row, rate).total))


@given(layouts, st.floats(20e9, 300e9), st.sampled_from(["llama2-7b", "llama3-70b"]))
def test_the_fewest_devices_are_the_fewest(layout: Layout, capacity: float, name: str) -> None:
    """What is found fits, one device fewer does not."""
    shape = model(name).shape._replace(context=4096)
    data = int(_least_data(shape, ADAM, layout._replace(data=np.asarray(layout.least_data)), capacity))  # type: ignore[arg-type]  # an array of whole numbers
    if not data:
        assert memory(shape, ADAM, layout._replace(data=1_000_000)).range[1] > capacity
        return
    found = layout._replace(data=data)
    assert memory(shape, ADAM, found).range[1] <= capacity
    if found.data > 1:
        assert memory(shape, ADAM, found._replace(data=found.data - 1)).range[1] > capacity


# ---------------------------------------------------------------- batch size and learning rate


@pytest.mark.parametrize(
    ("recipe", "number"),
    [(each, i) for each in recipes() for i in range(len(each.checks))],
    ids=lambda value: getattr(value, "id", value),
)
def test_published_outputs_of_recipes(recipe: Any, number: int) -> None:
    """Each law of batch size and learning rate gives what was published, or used, in its own units."""
    check = recipe.checks[number]
    found = {"batch": recipe.batch_tokens, "learning_rate": recipe.rate}[check.quantity](check.inputs)
    assert found == pytest.approx(check.expected, rel=check.rel_tolerance), check.locator


def test_every_recipe_says_where_it_holds() -> None:
    """Source, way of reading, range and at least one check each; schedules differ, so they are said."""
    for recipe in recipes():
        assert recipe.source
        assert recipe.read
        assert recipe.ranges
        assert recipe.checks
        assert recipe.kind in {"optimal", "critical"}
        assert recipe.schedule or not recipe.learning_rate


def test_kaplans_learning_rate_ends() -> None:
    """His rule turns negative above 1.2e10 parameters: then there is none."""
    kaplan = next(each for each in recipes() if each.id == "kaplan2020")
    assert kaplan.rate({"params": 1e9}) == pytest.approx(0.003239 - 0.0001395 * 20.723265, rel=1e-6)
    assert kaplan.rate({"params": 2e10}) is None


def test_batch_trades_compute_for_time() -> None:
    """(S/S_min - 1) (E/E_min - 1) = 1 everywhere; twice of both at the critical batch."""
    for ratio, steps, compute in batch_trade():
        assert (steps - 1) * (compute - 1) == pytest.approx(1)
        assert compute / steps == pytest.approx(ratio)
    assert (1.0, 2.0, 2.0) in batch_trade()


# ---------------------------------------------------------------- configure


def test_a_configuration_holds_together() -> None:
    """Shapes have the plan's size, suggestions are the recipes in their own counts, the cost is that of the exact FLOP."""
    plan = planner.plan(gpus="64xH100", days=30, mfu=0.4)
    found = planner.configure(gpus="64xH100", days=30, mfu=0.4)
    assert found.params == plan.params
    assert found.flops == plan.flops
    assert all(each.training_flops == pytest.approx(plan.flops, rel=1e-12) for each in found.shapes), "the budget is kept"
    assert found.tokens == found.shapes[0].tokens
    assert found.loss == pytest.approx(planner.load_law("besiroglu2024").loss(plan.params, found.tokens))
    best = found.shapes[0]
    assert best.params == best.shape.total
    assert best.off == pytest.approx(best.params / plan.params - 1)
    assert best.training_flops == pytest.approx(best.shape.flops_per_token("exact", best.params) * found.tokens)
    assert best.cost is not None
    assert best.cost.hours is not None
    assert best.cost.hours.expected / 24 == pytest.approx(30, rel=1e-9)
    step = next(each for each in found.suggestions if each.recipe.id == "steplaw2025")
    assert step.batch == pytest.approx(0.58 * found.tokens**0.571)
    assert step.learning_rate == pytest.approx(1.79 * best.params_non_embedding**-0.713 * found.tokens**0.307)
    assert step.batch is not None
    assert step.steps == pytest.approx(found.tokens / step.batch, abs=1)
    assert all(fit.layout.devices == 64 for fit in found.fits)
    assert any(fit.fits for fit in found.fits)
    reached = planner.configure(loss=2.1)
    assert reached.tokens == planner.plan(loss=2.1).tokens, "a loss needs its tokens"
    json.dumps(found.to_dict())


def test_a_configuration_of_a_given_run_or_shape() -> None:
    """N and D need no budget; a shape is taken as it is; without a device memory is shown, and nothing said to fit."""
    run = planner.configure(params="7B", tokens="140B", vocab=32_000, tied=False, kv_heads=8, count=3)
    assert len(run.shapes) == 3
    assert all(each.shape.kv_heads == 8 and each.shape.vocab == 32_000 for each in run.shapes)
    assert [fit.fits for fit in run.fits] == [None]
    given = planner.configure(shape="llama2-7b", tokens="2T", gpu="a100")
    assert given.shapes[0].params == 6_738_415_616
    assert given.proportions is None
    assert given.params == 6_738_415_616
    assert planner.configure(shape="llama2-7b", flops=1e22).tokens == planner.plan(flops=1e22, shape="llama2-7b").tokens
    without = planner.configure(flops=1e21, law="kaplan2020")
    assert without.shapes[0].params_non_embedding == pytest.approx(without.params, rel=0.02)


def test_layouts_can_be() -> None:
    """Heads, key-value heads and feed-forward parts split evenly; where nothing fits, a warning says on how many devices it would."""
    machines: list[dict[str, Any]] = [{"gpus": "64xA100"}, {"gpu": "h100"}, {"gpus": "24xH200"}]
    for asked in machines:
        for kv_heads in (3, 8, 9):
            found = planner.configure(params="30B", tokens="600B", kv_heads=kv_heads, **asked)
            for fit in found.fits:
                for part in ("heads", "ffn"):
                    assert getattr(found.shapes[0].shape, part) % fit.layout.tensor == 0
                keys, split = found.shapes[0].shape.kv_heads, fit.layout.tensor
                assert keys % split == 0 or split % keys == 0
                assert fit.layout.pipeline <= found.shapes[0].shape.layers
                assert found.capacity is not None
                low, high = fit.memory.range
                assert low < fit.memory.total < high
                assert fit.fits is (True if high <= found.capacity else None if low <= found.capacity else False)
    small = planner.configure(params="70B", tokens="1.4T", gpus="8xH100")
    assert {fit.fits for fit in small.fits} == {False}
    text = next(note.text for note in small.notes if note.code == "no-fit")
    enough = planner.configure(params="70B", tokens="1.4T", gpu="H100")
    least = min(fit.layout.devices for fit in enough.fits)
    assert f"the fewest that do are {least} devices" in text


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"params": "10B", "tokens": "200B", "kv_heads": 3, "tensor": 8}, "tensor 8: does not divide"),
        ({"params": "10B", "tokens": "200B", "gpus": "8xH100", "pipeline": 3}, "8 devices are no multiple of 3"),
        ({}, "no budget"),
        ({"params": "1B"}, None),
        ({"flops": 1e21, "law": "ling2025-moe"}, "does not say how many parameters its mixtures have in all; give a shape"),
        ({"shape": "mixtral-8x7b"}, "takes its tokens, or a budget such as flops; neither given"),
        ({"shape": "mixtral-8x7b", "tokens": "1T", "flops": 1e22}, "flops and tokens given"),
        ({"shape": "mixtral-8x7b", "loss": 2}, "loss: besiroglu2024 is of dense models"),
        (
            {"shape": "mixtral-8x7b", "tokens": "1T", "expert": 3},
            "expert 3: does not divide the shape's 8 experts; 1, 2, 4, 8 do",
        ),
        ({"shape": "llama2-7b", "tokens": "1T", "expert": 2}, "expert 2: the shape has no experts"),
        ({"shape": "llama2-7b", "tokens": "1T", "tensor": 3}, "tensor 3: does not divide .*; 1, 2, 4, 8, 16, 32 do"),
        ({"shape": "llama2-7b", "tokens": "1T", "context_parallel": 3}, "a context of 4096 is no multiple of 6"),
        ({"shape": "llama2-7b", "tokens": "1T", "virtual": 3, "pipeline": 4}, "virtual 3: 32 layers on pipeline 4"),
        ({"shape": "llama2-7b", "tokens": "1T", "virtual": 2, "schedule": "1f1b"}, "stages of the schedule interleaved"),
        ({"shape": "llama2-7b", "tokens": "1T", "schedule": "zero-bubble", "pipeline": 1}, "a pipeline of 1 has no bubble"),
        (
            {"shape": "llama2-7b", "tokens": "1T", "gpus": "8xH100", "batch": 36_864, "tensor": 1, "pipeline": 1},
            "32768, 65536 tokens of a step",
        ),
        (
            {"shape": "mixtral-8x7b", "tokens": "1T", "gpus": "12xH100", "expert": 8},
            "12 devices of a pipeline stage are no multiple",
        ),
        ({"flops": 1e21, "optimizer": "sgdd"}, "expected one of adam"),
        ({"flops": 1e21, "zero": 4}, "zero 4: expected a whole number from 0 to 3"),
        ({"flops": 1e21, "tensor": 0}, "tensor 0: expected a whole number"),
        ({"flops": 1e21, "pipeline": 500, "gpu": "h100"}, "pipeline 500: the shape has"),
        ({"flops": 1e21, "recompute": "some"}, "expected one of none, selective, op, full"),
        ({"flops": 1e21, "count": 0}, "from 1 to 50"),
        ({"flops": 1e21, "count": "a" * 5000}, "from 1 to 50"),
        ({"params": 1e20, "tokens": "1B"}, "no published model is near"),
        ({"flops": 1e21, "shape": "llama2-7b", "gated": False}, "gated: the shape says that itself"),
        ({"flops": 1e21, "shape": "llama2-7b", "count": 3}, "count: the shape says that itself"),
        ({"flops": 1e21, "recompute": [1, 2]}, "expected one of none"),
        ({"flops": 1e21, "vocab": 1.5}, "expected a whole number"),
        ({"flops": 1e21, "vocab": "50 words"}, "vocab '50 words': expected a whole number from 1 to 1,000,000,000"),
        ({"params": "7B", "tokens": 1e60}, "FLOP, above 1e60"),
        ({"params": "10M", "tokens": "1B", "vocab": 256_000}, "tables would take"),
        ({"flops": 1e21, "shape": "llama2-7b", "vocab": 32_000}, "vocab: the shape says that itself"),
        ({"params": "7B", "tokens": "1T", "shape": "llama2-7b"}, "drop params"),
        ({"flops": 1e21, "tied": "yes"}, "expected True or False"),
        ({"flops": 1e21, "kv_heads": 7}, None),
    ],
    ids=str,
)
def test_bad_configurations_are_refused(asked: dict[str, Any], complaint: str | None) -> None:
    """One line with the remedy."""
    if complaint is None:
        assert planner.configure(**asked).shapes
        return
    with pytest.raises(PlannerError, match=complaint) as caught:
        planner.configure(**asked)
    assert "\n" not in str(caught.value)


def test_more_devices_than_sequences_are_warned_about(tmp_path: Path) -> None:
    """A million devices cannot all work on a batch that any law suggests; devices of unknown memory are all counted."""
    crowded = planner.configure(params="100M", tokens="2B", gpus="1000003xH100")
    assert "batch-too-large" in {note.code for note in crowded.notes}
    own = tmp_path / "ours.toml"
    own.write_text('[[accelerator]]\nid = "our-chip"\npeak_tflops = { bf16 = 500 }\n', encoding="utf-8")
    (fit,) = planner.configure(params="7B", tokens="140B", gpus="64xour-chip", gpu_file=own).fits
    assert (fit.fits, fit.layout.devices) == (None, 64)


def test_memory_numbers_have_sources() -> None:
    """Every optimizer says what it keeps and where that comes from; the command line knows the same ones."""
    from planner.cli._options import ORDERS
    from planner.inputs.layout_inputs import LOSS_KERNELS, OPTIMIZERS, RECOMPUTED, SCHEDULES
    from planner.planning.hardware_ranking import ORDERS as KNOWN

    table = read_table(data_root() / "memory.toml")
    assert tuple(table["schemes"]) == OPTIMIZERS
    assert all(each["source"] and each["what"] for each in table["schemes"].values())
    assert tuple(table["loss_kernels"]) == LOSS_KERNELS
    assert RECOMPUTED == RECOMPUTE
    assert SCHEDULES == layout.SCHEDULES
    assert ORDERS == KNOWN


def _text(answer: Any, code: str) -> str:
    return next((note.text for note in answer.notes if note.code == code), "")


def test_a_vocabulary_outside_what_was_measured_is_no_advice() -> None:
    """Tao et al. trained up to 1.13 B parameters, all dense: beyond that nothing is claimed, of a mixture never."""
    small = planner.plan(shape="gpt2-small", tokens="10B")
    assert _text(small, "vocabulary").startswith("vocabulary: ")
    assert "is best for this model by tao2024; the shape" in _text(small, "vocabulary")
    for name in ("llama2-7b", "llama2-70b"):
        large = _text(planner.plan(shape=name, tokens="2T"), "vocabulary")
        assert "nothing is known here" in large
        assert "best" not in large
    mixture = planner.plan(shape="mixtral-8x7b", tokens="2T", law="abnar2025")
    assert _text(mixture, "vocabulary") == ""
    assert "a guess, so give your tokenizer's" in _text(planner.configure(params="70B", tokens="1T"), "vocabulary")
    assert _text(planner.configure(params="70B", tokens="1T", vocab=128256), "vocabulary") == ""
    assert "a guess" in _text(planner.configure(params="2B", tokens="40B"), "vocabulary")
    assert _text(planner.configure(params="1B", tokens="20B"), "vocabulary") == ""


def test_what_does_not_fit_is_sent_to_a_command_that_lays_it_out() -> None:
    """A mixture of a size that was asked for, and a dense model: both say that configure tells what fits."""
    mixture = _text(planner.plan(flops=1e24, law="abnar2025", params="1T", gpus="8xh100"), "memory")
    assert "does not fit" in mixture
    assert "plan configure says what fits" in mixture
    assert "plan configure says what fits" in _text(planner.plan(flops=1e24, gpus="8xh100"), "memory")


@pytest.mark.parametrize("called", ["llama3.1-405b", "Llama 3.1 405B"])
def test_a_published_model_costs_what_its_pretraining_did(called: str) -> None:
    """30.84 M H100-hours (model card of Llama 3.1) for 15.6 T tokens in contexts of 8,192, not of 131,072; and that is said."""
    found = planner.configure(shape=called, tokens="15.6T", gpu="h100-sxm")
    assert found.cost is not None
    assert found.cost.device_hours.expected == pytest.approx(30.84e6, rel=0.02)
    assert "a context of 8,192, that of pretraining; extended to 131,072" in next(
        n.text for n in found.notes if n.code == "published-shape"
    )
    bought = planner.plan(flops=3.8e25, shape=called, others=())
    assert bought.tokens == pytest.approx(15e12, rel=0.04)
    said = planner.plan(flops=3.8e25, shape="llama3.1-405b,context=131072", others=())
    assert said.tokens < 0.5 * bought.tokens
    assert "published-shape" not in {note.code for note in said.notes}


def test_a_name_that_its_shape_contradicts_says_both() -> None:
    """GPT-3 XL: 1.32 B in the paper, 1.517 B by the shape of its table."""
    answer = planner.plan(shape="gpt3-xl", tokens="300B", others=())
    assert "1.517 B by its shape, 1.320 B as published" in next(n.text for n in answer.notes if n.code == "published-shape")


def test_contexts_of_pretraining_are_shorter_and_sourced() -> None:
    """Each with its source among those of the model."""
    extended = [each for each in planner.models() if each.longest_context != each.shape.context]
    assert len(extended) >= 13
    for each in extended:
        assert each.shape.context < each.longest_context
        assert any(source.startswith("pretraining context: ") for source in each.sources)
