"""Mixtures of experts, precision, data quality and concrete shapes: published numbers, limits and refusals."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.allocation import solver
from planner.allocation.compute_cost import Spending
from planner.allocation.problem import problem_of, spending_of
from planner.architectures.transformer import Shape
from planner.inputs import readers
from planner.inputs.shape_text import read_shape
from planner.scaling_laws.forms.counting import kept_params
from planner.scaling_laws.forms.experts import dense_equivalent

# ---------------------------------------------------------------- what is paid


@given(st.floats(0.01, 10), st.floats(0, 1e9), st.floats(6, 14), st.floats(6, 14), st.floats(0, 14))
def test_a_price_with_routing_inverts(k: float, q: float, log_N: float, log_D: float, log_S: float) -> None:
    """Tokens, parameters and the ratio that a budget pays for give back the budget, with and without routing and serving."""
    paid = Spending(k, 10.0**log_S if log_S else 0.0, q)
    N, D = 10.0**log_N, 10.0**log_D
    flops = paid.paid(N, D)
    assert paid.params(flops, D) == pytest.approx(N, rel=1e-9)
    assert paid.tokens(flops, N) == pytest.approx(D, rel=1e-9, abs=1e-9 * float(paid.extra_tokens))
    assert paid.params_at(flops, D / N) == pytest.approx(N, rel=1e-9)
    step = 1e-5
    slope = np.log(paid.paid(N * np.exp(step), D) / paid.paid(N * np.exp(-step), D)) / (2 * step)
    assert paid.params_elasticity(N) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    ("active", "tokens", "granularity", "flops"),
    [(1e9, 28.94e9, 16, 1.93e20), (3e9, 72.90e9, 16, 1.41e21), (7e9, 137.6e9, 32, 6.46e21), (300e9, 2.96e12, 64, 5.69e24)],
)
def test_the_published_optimal_mixtures_are_planned(active: float, tokens: float, granularity: float, flops: float) -> None:
    """Krajewski et al. 2024, Table 2: N_active and D of each budget, within what the rounded constants allow (3 %)."""
    answer = planner.plan(flops=flops, law="krajewski2024-moe", granularity=granularity, others=())
    assert answer.mixture is not None
    assert answer.mixture.active_params == pytest.approx(active, rel=0.03)
    assert answer.tokens == pytest.approx(tokens, rel=0.03)
    assert answer.spent == pytest.approx(flops, rel=1e-9)


def test_the_best_granularity_is_the_published_one() -> None:
    """Among powers of two, routing costs make G = 16 best for 1.93e20 FLOP and 32 for 6.46e21 (Table 2)."""
    for flops, best in ((2.95e18, 8), (1.93e20, 16), (6.46e21, 32)):
        losses = {
            G: planner.plan(flops=flops, law="krajewski2024-moe", granularity=G, others=()).loss or 9.0
            for G in (1, 2, 4, 8, 16, 32, 64)
        }
        assert min(losses, key=lambda G: losses[G]) == best


@pytest.mark.parametrize("law", ["krajewski2024-moe", "abnar2025"])
@pytest.mark.parametrize("flops", [1e19, 1e22, 1e25])
def test_a_mixture_is_as_good_as_a_grid(law: str, flops: float) -> None:
    """No size on a grid of 10,001 beats the plan at the same cost, routing counted."""
    chosen = planner.load_law(law)
    problem = problem_of(chosen)
    best = solver.allocate(problem, flops)
    grid = np.logspace(-3, 3, 10_001) * float(best.params)
    losses = chosen.loss(grid, spending_of(chosen).tokens(flops, grid))
    assert best.loss <= losses.min() * (1 + 1e-12)
    assert abs(np.log(grid[losses.argmin()] / best.params)) <= np.log(grid[1] / grid[0])
    again = solver.equivalent_flops(problem, best.loss - chosen.irreducible_loss)
    assert again == pytest.approx(flops, rel=1e-9)


def test_a_mixture_names_the_dense_models_it_stands_for() -> None:
    """Active parameters, the dense run of the same loss and Clark's dense equivalent; dense costs more."""
    answer = planner.plan(flops=1e21, law="abnar2025", experts=64, experts_per_token=4, others=())
    found = answer.mixture
    assert found is not None
    assert found.active_params == pytest.approx(answer.params * 4 / 64)
    assert found.dense_flops is not None
    assert found.dense_flops > answer.flops
    assert found.dense_equivalent is not None
    assert found.dense_equivalent > found.active_params
    densest = planner.plan(flops=1e21, law="abnar2025", sparsity=0, others=())
    assert densest.mixture is not None
    assert densest.mixture.dense_flops == pytest.approx(1e21, rel=1e-9)


def test_a_dense_equivalent_beyond_its_runs_says_so() -> None:
    """Clark's base models have at most 1.3 B parameters: a larger mixture's equivalent is an extrapolation."""
    codes = [
        {note.code for note in planner.plan(flops=flops, law="krajewski2024-moe", granularity=8, others=()).notes}
        for flops in (1e19, 1e23)
    ]
    assert "equivalent-outside" not in codes[0]
    assert "equivalent-outside" in codes[1]


def test_one_expert_is_its_own_dense_equivalent() -> None:
    """Clark's effective parameters of a model with one expert are its own; more experts never mean fewer."""
    law = planner.load_law("clark2022-s-base")
    sizes = [float(dense_equivalent(law.params, 1e8, E)) for E in (1, 4, 64, 512)]
    assert sizes[0] == pytest.approx(1e8, rel=1e-9)
    assert sizes == sorted(sizes)


def test_a_choice_outside_the_measured_is_a_warning_and_changes_no_name() -> None:
    """Granularity is the user's: the law keeps its name; beyond the fits there is a warning."""
    inside = planner.plan(flops=1e20, law="krajewski2024-moe", granularity=4, others=())
    outside = planner.plan(flops=1e20, law="krajewski2024-moe", granularity=64, others=())
    assert inside.law.id == "krajewski2024-moe"
    assert "choice-outside" not in {note.code for note in inside.notes}
    assert {note.code: note.severity for note in outside.notes}["choice-outside"] == "warning"


def test_active_params_fix_all_of_them() -> None:
    """7 B active of 64 experts are 301 B in all (43 times: Sec. 6.1)."""
    answer = planner.plan(flops=6.46e21, law="krajewski2024-moe", active_params="7B", others=())
    assert answer.params == pytest.approx(43 * 7e9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"experts": 64}, "besiroglu2024 is no law of mixtures of experts; laws with experts are ludziejewski2025"),
        ({"active_params": "7B"}, "no law of mixtures"),
        ({"law": "krajewski2024-moe", "experts": 32}, "was fitted with 64"),
        ({"law": "krajewski2024-moe", "sparsity": 0.5}, "abnar2025 knows sparsity"),
        ({"law": "krajewski2024-moe", "granularity": 0.5}, "expected a whole number"),
        ({"law": "abnar2025", "granularity": 8}, "krajewski2024-moe knows granularity"),
        ({"law": "abnar2025", "experts": 8}, "go together"),
        ({"law": "abnar2025", "experts": 8, "experts_per_token": 9}, "at most as many"),
        ({"law": "abnar2025", "sparsity": 1}, "below 1"),
        ({"law": "abnar2025", "sparsity": 0.5, "experts": 8, "experts_per_token": 4}, "not both"),
        ({"law": "krajewski2024-moe", "active_params": "7B", "params": "300B"}, "say too much"),
        ({"precision": "fp7"}, "expected one of bf16"),
        ({"precision": 8}, "expected one of bf16"),
        ({"precision": "w2a8kv8"}, "3 to 16 bits"),
        ({"precision": "w3a3kv3"}, "3 to 16 bits"),
        ({"data_quality": 0.2}, "0.5 was the worst"),
        ({"data_quality": "120%"}, "1 is clean"),
        ({"precision": "fp8", "law": "llama3"}, "no loss surface"),
        ({"flops_rule": "exact"}, "needs a concrete model"),
        ({"recompute": True}, "needs a concrete model"),
        ({"shape": "layers=2"}, "lacks width"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4,depth=3"}, "'depth' is none of its names"),
        ({"shape": "layers=2,layers=3"}, "each once"),
        ({"shape": "layers=2.5,width=8,heads=2,vocab=9,context=4"}, "whole number"),
        ({"shape": "layers=2,width=9,heads=2,vocab=9,context=4"}, "not a multiple"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4,kv_heads=3"}, "at most heads"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4,tied=2"}, "0 or 1"),
        ({"shape": 7}, "NAME=NUMBER"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4", "params": "1B"}, "drop params"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4,experts=4"}, "law of dense models"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4", "law": "abnar2025"}, "law of mixtures"),
        ({"shape": "layers=2,width=8,heads=2,vocab=9,context=4", "flops_rule": "8nd"}, "expected one of exact, kaplan, 6nd"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(call: dict[str, Any], message: str) -> None:
    """Options on laws that know nothing of them, values beyond what was measured, shapes that are none."""
    with pytest.raises(planner.PlannerError, match=message) as caught:
        planner.plan(flops=1e21, **call)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- precision and quality


def test_full_precision_and_clean_data_change_nothing() -> None:
    """bf16 and quality 1 are the plain plan, without a note."""
    plain = planner.plan(flops=1e21, others=())
    same = planner.plan(flops=1e21, precision="bf16", data_quality=1, others=())
    assert same.params == pytest.approx(plain.params, rel=1e-9)
    assert same.loss == pytest.approx(plain.loss, rel=1e-12)
    assert not {"precision", "data-quality"} & {note.code for note in same.notes}


def test_fewer_bits_and_worse_data_cost_loss_and_move_the_size() -> None:
    """fp8 leaves 83 % of N, 4 bits a fifth; the best N grows, so that what counts is again balanced."""
    found = [planner.plan(flops=1e21, precision=precision, others=()) for precision in ("bf16", "fp8", "fp4")]
    losses = [answer.loss or 0.0 for answer in found]
    assert losses == sorted(losses)
    assert [answer.params for answer in found] == sorted(answer.params for answer in found)
    dirty = planner.plan(flops=1e21, data_quality=0.8, others=())
    assert dirty.loss is not None
    assert dirty.loss > losses[0]
    assert dirty.tokens > found[0].tokens


@given(st.floats(4.5, 16), st.floats(0, 8))
def test_more_bits_never_leave_fewer_parameters(bits: float, more: float) -> None:
    """What precision leaves rises with bits and is at most all."""
    p = planner.load_law("kumar2024").params
    low, high = (float(kept_params(p, (b, b, b))) for b in (bits, min(bits + more, 16.0)))
    assert 0 < low <= high < 1


def test_bits_are_read_for_each_part() -> None:
    """w4a8kv8 and a format's name."""
    assert readers.precision("W4A8KV16", "precision") == (4.0, 8.0, 16.0)
    assert readers.precision("fp8", "precision") == (8.0, 8.0, 8.0)


# ---------------------------------------------------------------- concrete shapes

_LLAMA = {"gated": 1, "vocab": 32000, "context": 2048}


@pytest.mark.parametrize(
    ("shape", "total"),
    [
        ({"layers": 80, "width": 8192, "heads": 64, "ffn": 22016, **_LLAMA}, 65_285_660_672),  # LLaMA 65B
        ({"layers": 80, "width": 8192, "heads": 64, "kv_heads": 8, "ffn": 28672, **_LLAMA}, 68_976_648_192),  # Llama 2 70B
        (
            {"layers": 126, "width": 16384, "heads": 128, "kv_heads": 8, "ffn": 53248, **_LLAMA, "vocab": 128256},
            405_853_388_800,  # Llama 3.1 405B
        ),
        (
            {
                "layers": 32,
                "width": 4096,
                "heads": 32,
                "kv_heads": 8,
                "ffn": 14336,
                **_LLAMA,
                "experts": 8,
                "experts_per_token": 2,
            },
            46_702_792_704,  # Mixtral 8x7B
        ),
    ],
)
def test_shapes_count_the_parameters_of_published_models(shape: dict[str, int], total: int) -> None:
    """To the last integer of the checkpoints."""
    model = read_shape(shape, "shape")
    assert model.total == total
    if shape.get("experts"):
        assert model.active == 12_879_925_248  # Mixtral's active parameters


@pytest.mark.parametrize(
    ("params", "layers", "width", "ffn", "heads", "head_size", "ratio", "tolerance"),
    [
        (73e6, 10, 640, 2560, 10, 64, 1.03, 0.012),
        (552e6, 24, 1280, 5120, 10, 128, 1.08, 0.01),
        (1.6e9, 28, 2048, 8192, 16, 128, 1.03, 0.03),
    ],
)
def test_layer_flops_reproduce_chinchilla_table_a4(
    params: float, layers: int, width: int, ffn: int, heads: int, head_size: int, ratio: float, tolerance: float
) -> None:
    """Hoffmann 2022, Table A4: FLOP over 6ND, of the layers without embeddings and head, 2,048 tokens of context."""
    shape = Shape(layers, width, heads, 32000, 2048, ffn, heads, head_size)
    head = shape.vocab * shape.width
    layers = 3 * (2 * (shape.matrix_products - head + shape.attended) + 3 * shape.seen * shape.heads)
    assert layers / (6 * params) == pytest.approx(ratio, rel=tolerance)


def test_exact_flops_give_the_published_utilisation_of_palm() -> None:
    """Chowdhery et al. 2022, App. B: 6 N + 12 L H Q T and 238.3k tokens/s on 6,144 chips of 275 TFLOP/s are 46.2 %."""
    attention = 12 * 118 * 48 * 256 * 2048
    assert 238.3e3 * (6 * 540.35e9 + attention) / (6144 * 275e12) == pytest.approx(0.462, rel=0.002)
    shape = Shape(118, 18432, 48, 256000, 2048, 4 * 18432, 1, 256, gated=True, tied=True)
    softmax = 3 * 118 * 3 * 48 * 2048
    products = 6 * (shape.total - 118 * 2 * 18432 - 18432)  # norms multiply nothing
    assert shape.flops_per_token("exact", 0) == pytest.approx(products + attention + softmax, rel=1e-12)


def test_rules_differ_as_their_papers_do() -> None:
    """Kaplan leaves out embeddings and counts half of attention; recomputation adds a third."""
    shape = Shape(12, 768, 12, 50257, 1024, 3072, 12, 64, tied=True)
    kaplan = shape.flops_per_token("kaplan", shape.total)
    assert kaplan == 6 * shape.non_embedding + 6 * 12 * 1024 * 768
    exact = shape.flops_per_token("exact", shape.total)
    assert shape.flops_per_token("exact", shape.total, recompute=True) == pytest.approx(4 / 3 * exact)
    assert shape.flops_per_token("6nd", shape.total) == 6 * shape.total


def test_a_shape_fixes_the_size_and_pays_its_own_price() -> None:
    """Tokens are the budget over the shape's FLOP a token; the note says how far 6ND is off."""
    text = "layers=32,width=4096,heads=32,kv_heads=8,ffn=14336,gated=1,vocab=128256,context=8192"
    answer = planner.plan(flops=1e22, shape=text, others=())
    shape = read_shape(text, "shape")
    assert answer.params == shape.total == 8_030_261_248
    assert answer.tokens == pytest.approx(1e22 / shape.flops_per_token("exact", shape.total), rel=1e-12)
    note = next(note for note in answer.notes if note.code == "shape")
    assert "+20.4 % against 6 N D" in note.text
    six = planner.plan(flops=1e22, shape=text, flops_rule="6nd", others=())
    assert six.tokens == pytest.approx(1e22 / (6 * shape.total), rel=1e-12)
    json.dumps(answer.to_dict(), allow_nan=False)


def test_a_shape_of_experts_is_the_mixture_that_is_planned() -> None:
    """Sparsity follows from the shape, active parameters are the shape's own; another choice, or another law's experts, are refused."""
    shape = "layers=32,width=2048,heads=16,vocab=32000,context=2048,experts=64,experts_per_token=2"
    answer = planner.plan(flops=1e21, law="abnar2025", shape=shape, others=())
    model = read_shape(shape, "shape")
    assert answer.mixture is not None
    assert answer.mixture.active_params == model.active
    assert answer.mixture.choices == {"S": 1 - 2 / 64}
    with pytest.raises(planner.PlannerError, match="contradicts the shape"):
        planner.plan(flops=1e21, law="abnar2025", shape=shape, sparsity=0.5)
    with pytest.raises(planner.PlannerError, match="was fitted with 64"):
        planner.plan(flops=1e21, law="krajewski2024-moe", shape=shape)


def test_counts_with_and_without_embeddings_stand_side_by_side() -> None:
    """Pearce & Song convert either way; a shape knows both exactly; mixtures and other counts give neither."""
    total = planner.plan(flops=1e21, others=())
    assert total.params_total == total.params
    assert total.params_non_embedding is not None
    gamma = planner.load_law("pearce2024").params["gamma"]
    assert total.params_non_embedding + gamma * total.params_non_embedding ** (1 / 3) == pytest.approx(total.params, rel=1e-12)
    without = planner.plan(flops=1e21, law="kaplan2020", others=())
    assert without.params_non_embedding == without.params
    assert without.params_total is not None
    assert without.params_total > without.params
    shaped = planner.plan(flops=1e21, shape="layers=12,width=768,heads=12,vocab=50257,context=1024,tied=1", others=())
    assert (shaped.params_total or 0) - (shaped.params_non_embedding or 0) == 50257 * 768
    assert planner.plan(flops=1e21, law="abnar2025", others=()).params_total is None


def test_sizes_of_a_shape_may_have_suffixes() -> None:
    """32k is 32,000, as everywhere."""
    found = read_shape("layers=2,width=1k,heads=8,vocab=32k,context=4096", "shape")
    assert (found.width, found.vocab) == (1000, 32000)


def test_recomputation_is_not_served() -> None:
    """Serving costs one forward pass a token, however training keeps its activations."""
    shape = "layers=32,width=2048,heads=16,vocab=32000,context=2048"
    costs = [
        planner.plan(flops=1e23, shape=shape, recompute=recompute, inference_tokens="1T", others=()).serving
        for recompute in (False, True)
    ]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0].serving_flops == pytest.approx(costs[1].serving_flops, rel=1e-12)


def test_a_dense_model_is_its_own_dense_instead_under_any_conditions() -> None:
    """With nothing at rest the dense run is the plan itself, with repeated data, served tokens or low precision."""
    for conditions in ({"unique_tokens": "10B"}, {"inference_tokens": "1T"}, {"precision": "int4"}):
        answer = planner.plan(flops=1e22, law="abnar2025", sparsity=0, others=(), **conditions)  # type: ignore[arg-type]
        assert answer.mixture is not None
        assert answer.mixture.dense_flops == pytest.approx(1e22, rel=1e-7)


def test_every_condition_is_explained_line_by_line() -> None:
    """Repetition, precision and quality each show their own line, and serving its price; the numbers are the plan's."""
    answer = planner.plan(
        flops=1e22, unique_tokens="50B", precision="fp8", data_quality=0.9, inference_tokens="1T", max_params="4B", others=()
    )
    steps = planner.explain(answer)
    mine = {step.symbol: step for step in steps if step.part == "its loss"}
    assert {"D_eff", "f_w", "f_a", "f_kv", "N_eff", "L"} <= set(mine)
    assert mine["L"].result == pytest.approx(answer.loss, rel=1e-9)
    assert {step.symbol for step in steps if step.part == "what serving costs"} == {"S"}
    assert answer.data is not None
    assert answer.serving is not None
    results = {step.symbol: step.result for step in steps}
    assert results["owed"] == pytest.approx(answer.data.loss_owed, rel=1e-9)
    assert results["saved"] == pytest.approx(answer.serving.saved, rel=1e-6)
    priced = planner.plan(
        flops=1e24,
        inference_tokens="2T",
        generated_tokens="1T",
        mfu=0.5,
        inference_mfu=0.4,
        generation_mfu=0.01,
        price=2,
        inference_price=1,
        others=(),
    )
    assert priced.serving is not None
    w = next(step for step in planner.explain(priced) if step.symbol == "w")
    assert w.result == pytest.approx(priced.serving.price, rel=1e-12) == 0.5 * (0.5 * 0.5 / 0.4 + 0.5 * 0.5 / 0.01)
    for law, options in (("krajewski2024-moe", {"granularity": 4}), ("abnar2025", {"sparsity": 0.5})):
        plan = planner.plan(flops=1e20, law=law, **options, others=())
        found = next(step for step in planner.explain(plan) if step.symbol == "L")
        assert found.result == pytest.approx(plan.loss, rel=1e-9)


def test_active_parameters_beside_all_of_them_are_what_is_paid() -> None:
    """DeepSeek-V3: 671 B in all and 37 B at work cost 6 x 37 B a token, not 6 (1 - S) N; a law that prices routing refuses both."""
    asked: dict[str, Any] = {"params": "671B", "active_params": "37B", "experts": 256, "experts_per_token": 8, "law": "abnar2025"}
    found = planner.check(**asked, tokens="14.8T")
    assert found.flops == pytest.approx(6 * 37e9 * 14.8e12)
    assert "of the 37.0 B active parameters given, where abnar2025 takes 21.0 B" in next(
        n.text for n in found.notes if n.code == "active-given"
    )
    plan = planner.plan(**asked, flops=found.flops)
    assert plan.tokens == pytest.approx(14.8e12)
    assert plan.mixture is not None
    assert plan.mixture.active_params == pytest.approx(37e9)
    timed = planner.check(**asked, tokens="14.8T", gpus="2048xH800", tokens_per_second=1500)
    assert timed.machine is not None
    assert timed.machine.mfu.expected == pytest.approx(1500 * 6 * 37e9 / 989e12)
    with pytest.raises(planner.PlannerError, match="more than all params"):
        planner.check(params="7B", active_params="8B", tokens="1T", law="abnar2025")
    with pytest.raises(planner.PlannerError, match="one follows from the other"):
        planner.check(params="7B", active_params="1B", tokens="1T", law="krajewski2024-moe")
