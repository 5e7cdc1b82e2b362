"""Mixtures planned whole: experts chosen within memory, dense models beside them, laws side by side, weights rounded after training."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.accelerators.catalogue import accelerator, accelerators
from planner.allocation import solver
from planner.allocation.open_choices import best_choice, open_choices
from planner.allocation.problem import Limits, problem_of, spending_of
from planner.architectures.mixture_shapes import propose_mixtures
from planner.errors import CannotPlanError, OptionError, PlannerError
from planner.inputs.mixture_memory import all_params
from planner.planning.quantised import added_loss
from planner.scaling_laws.forms.experts import leverage
from planner.scaling_laws.forms.joint_experts import JOINT_EXPERTS, joint_active, joint_total, joint_width

MIXTURES = ("ludziejewski2025", "abnar2025", "krajewski2024-moe", "krajewski2024-moe16")
BUDGETS = st.floats(18.5, 25).map(lambda e: 10.0**e)


def _brute(law: planner.Law, flops: float, most: float = np.inf, served: float = 0.0) -> float:
    """Return the lowest loss of a budget over every choice and a dense grid of sizes of at most so many parameters in all."""
    lowest = np.inf
    for each in open_choices(law):
        spending = spending_of(each, served)
        sizes = np.logspace(6, 14, 40_001)
        sizes = np.append(sizes[all_params(each, sizes) <= most], [] if np.isinf(most) else [_at(each, most)])
        tokens = spending.tokens(flops, sizes)
        good = tokens > 0
        if good.any():
            lowest = min(lowest, float(each.loss(sizes[good], tokens[good]).min()))
    return lowest


def _at(law: planner.Law, total: float) -> float:
    """Return N of a law at so many parameters in all, by bisection."""
    low, high = 1.0, 1e16
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if all_params(law, middle) < total else (low, middle)
    return low


# ---------------------------------------------------------------- the joint law


@pytest.mark.parametrize(
    ("experts", "flops", "active", "tokens"),
    [
        (1, 1e20, 1.73e9, 9.65e9), (1, 1e21, 5.71e9, 29.2e9), (1, 1e22, 18.9e9, 88.3e9),
        (32, 1e20, 674e6, 24.7e9), (32, 1e21, 2.88e9, 57.9e9), (32, 1e22, 12.3e9, 136e9),
    ],
)  # fmt: skip
def test_table_1_of_ludziejewski_is_planned(experts: int, flops: float, active: float, tokens: float) -> None:
    """Compute-optimal active parameters and tokens, to the three digits that are printed."""
    answer = planner.plan(flops=flops, law="ludziejewski2025", experts=experts, others=())
    assert answer.params == pytest.approx(active, rel=5e-3)
    assert answer.tokens == pytest.approx(tokens, rel=5e-3)


@given(st.floats(7, 12), st.integers(1, 64))
def test_all_and_active_parameters_invert(log_N: float, experts: int) -> None:
    """The width solves the cubic, and all parameters of so many active ones have as many active; one expert is dense."""
    law = planner.load_law("ludziejewski2025").choose(E=experts)
    N, p = 10.0**log_N, law.symbols
    total = joint_total(p, N)
    assert joint_active(p, total) == pytest.approx(N, rel=1e-9)
    d = joint_width(p, total)
    assert 2 * p["V"] * d + (4 + 9 * experts) * d**3 / 64 == pytest.approx(total, rel=1e-9)
    assert total == pytest.approx(N, rel=1e-12) if experts == 1 else total > N


def test_one_expert_is_the_dense_law() -> None:
    """With E = 1 the surface is the additive one of the paper's E^ = E_start."""
    law = planner.load_law("ludziejewski2025").choose(E=1)
    p, effective = law.params, law.params["E_start"]
    N, D = 3e9, 8e10
    by_hand = (
        p["a"] * effective ** p["delta"] * N ** (p["alpha"] + p["gamma"] * np.log(effective))
        + p["b"] * effective ** p["omega"] * D ** (p["beta"] + p["zeta"] * np.log(effective))
        + p["c"]
    )
    assert law.loss(N, D) == pytest.approx(by_hand, rel=1e-12)
    assert JOINT_EXPERTS.active is not None
    assert JOINT_EXPERTS.active(p) == 1.0


# ---------------------------------------------------------------- the solver against brute force


@pytest.mark.parametrize("name", MIXTURES)
@given(flops=BUDGETS)
@settings(max_examples=8, deadline=None)
def test_a_free_mixture_is_as_good_as_brute_force(name: str, flops: float) -> None:
    """No choice and no size of a dense grid has a lower loss than the plan, and the best of them comes within 1e-7 of it."""
    answer = planner.plan(flops=flops, law=name, others=())
    best = _brute(planner.load_law(name), flops)
    assert answer.loss is not None
    assert answer.loss <= best * (1 + 1e-9)
    assert answer.loss == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("name", MIXTURES)
@given(flops=BUDGETS, log_most=st.floats(9.5, 12), served=st.sampled_from([0.0, 2e12]))
@settings(max_examples=8, deadline=None)
def test_a_mixture_within_a_cap_is_as_good_as_brute_force(name: str, flops: float, log_most: float, served: float) -> None:
    """The same under a cap on all parameters, with and without serving; the cap is kept."""
    most = 10.0**log_most
    asked: dict[str, Any] = {"inference_tokens": served} if served else {}
    best = _brute(planner.load_law(name), flops, most, served)
    if np.isinf(best):
        return  # serving the smallest costs more than the budget
    try:
        answer = planner.plan(flops=flops, law=name, max_total_params=most, others=(), **asked)
    except CannotPlanError:
        assert best == np.inf
        return
    assert answer.mixture is not None
    assert answer.loss is not None
    assert answer.mixture.total_params <= most * (1 + 1e-9)
    assert answer.loss <= best * (1 + 1e-9)
    assert answer.loss == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("name", MIXTURES)
def test_more_memory_or_compute_never_raises_the_loss(name: str) -> None:
    """Over four fleets and four budgets: each step up in either is no worse."""
    losses = np.array(
        [
            [
                planner.plan(flops=flops, law=name, gpus=f"{count}xH100", mfu=0.4, others=()).loss
                for flops in (1e21, 1e22, 1e23, 1e24)
            ]
            for count in (1, 8, 64, 512)
        ],
        float,
    )
    assert (np.diff(losses, axis=0) <= 1e-12).all()
    assert (np.diff(losses, axis=1) <= 1e-12).all()


@given(BUDGETS, st.sampled_from(MIXTURES))
@settings(max_examples=20, deadline=None)
def test_allocate_and_plan_choose_alike(flops: float, name: str) -> None:
    """Python's arrays, cells and plans solve for the same choice."""
    answer = planner.plan(flops=flops, law=name, others=())
    one, many = planner.allocate(name, flops), planner.allocate(name, [flops, 10 * flops])
    assert one.params == pytest.approx(answer.params, rel=1e-12)
    assert many.params[0] == pytest.approx(answer.params, rel=1e-12)
    chosen = best_choice(planner.load_law(name), flops)
    assert chosen.params == answer.law.params


def test_a_loss_takes_the_least_compute_over_the_choices() -> None:
    """No other number of experts reaches the loss with less, memory held."""
    answer = planner.plan(loss=2.1, law="ludziejewski2025", max_total_params="20B", others=())
    least = []
    for each in open_choices(planner.load_law("ludziejewski2025")):
        cap = joint_active(each.symbols, 20e9)
        problem = problem_of(each, limits=Limits(max_params=cap))
        least.append(float(solver.cheapest(problem, 2.1 - each.params["c"])[0]))
    assert answer.flops == pytest.approx(min(least), rel=1e-9)
    assert answer.mixture is not None
    assert answer.mixture.total_params <= 20e9 * (1 + 1e-9)


# ---------------------------------------------------------------- memory


def test_what_is_proposed_fits_the_devices_named() -> None:
    """States of 16 bytes a parameter, frameworks' memory beside them, fit 64 H100; without devices there is no such limit."""
    free = planner.plan(flops=1e23, law="abnar2025", others=())
    held = planner.plan(flops=1e23, law="abnar2025", gpus="64xH100", others=())
    memory = accelerator("h100-sxm", accelerators()).memory
    assert memory is not None
    assert free.mixture is not None
    assert held.mixture is not None
    assert free.mixture.training_bytes > 64 * memory
    assert held.mixture.training_bytes <= 64 * memory
    assert held.mixture.training_bytes == 16 * held.mixture.total_params
    assert "memory" not in {note.code for note in held.notes}
    assert "memory-limits" in {note.code for note in held.notes}


def test_a_served_copy_fits_with_its_cache() -> None:
    """Weights of four bits leave room for more than those of sixteen; the cache takes from it; both fit what is there."""
    sizes = {}
    for bits, cached in itertools.product((None, "int4"), (None, "128k")):
        asked: dict[str, Any] = {name: value for name, value in (("serve_precision", bits), ("cached_tokens", cached)) if value}
        answer = planner.plan(flops=1e23, law="ludziejewski2025", serving_gpus="1xH100", others=(), **asked)
        copy = answer.served_copy
        assert copy is not None
        assert copy.fits
        assert (copy.cache_bytes > 0) == (cached is not None)
        assert answer.mixture is not None
        sizes[bits, cached] = answer.mixture.total_params
    assert sizes["int4", None] > sizes[None, None] > sizes[None, "128k"]
    assert sizes["int4", None] == pytest.approx(4 * sizes[None, None], rel=1e-6)


def test_dense_models_must_fit_the_serving_devices_too() -> None:
    """A dense law is held by the devices that serve it, and by no others."""
    held = planner.plan(flops=1e24, serving_gpus="1xH100", others=())
    free = planner.plan(flops=1e24, others=())
    assert held.served_copy is not None
    assert held.served_copy.fits
    assert held.params < free.params
    stated = planner.plan(params="70B", tokens="1.4T", serving_gpus="1xH100", others=())
    assert {note.code: note.severity for note in stated.notes}["served-copy"] == "warning"


def test_dense_models_stand_beside_the_mixture() -> None:
    """The dense run of its loss costs more compute; that of its compute and memory has a higher loss; each says what serving takes."""
    answer = planner.plan(flops=1e22, law="ludziejewski2025", gpus="64xH100", inference_tokens="1T", others=())
    assert answer.mixture is not None
    mixture, same_loss, same_memory = answer.mixture.beside
    assert same_loss.loss == pytest.approx(mixture.loss, rel=1e-9)
    dense = planner.load_law("ludziejewski2025").choose(E=1)
    assert dense.loss(same_loss.active_params, same_loss.tokens) == pytest.approx(mixture.loss, rel=1e-9)
    assert same_loss.training_flops > mixture.training_flops
    assert same_memory.loss > mixture.loss
    assert same_memory.total_params <= mixture.total_params
    spent = [row.training_flops + (row.serving_flops or 0.0) for row in (mixture, same_memory)]
    assert spent[0] == pytest.approx(1e22, rel=1e-9)
    assert spent[1] == pytest.approx(1e22, rel=1e-9)
    for row in answer.mixture.beside:
        assert row.serving_flops == pytest.approx(row.serving_flops_per_token * 1e12, rel=1e-12)
        assert row.serving_flops_per_token == pytest.approx(2 * row.active_params, rel=1e-9)
        assert row.weight_bytes == 2 * row.total_params


def test_the_price_of_memory_is_over_the_best_of_all_choices() -> None:
    """What memory costs is spent over the least that any number of experts needs for the loss, and twice the compute chooses anew."""
    held = planner.plan(flops=1e23, law="ludziejewski2025", gpus="64xH100", others=())
    assert held.loss is not None
    assert held.overhead is not None
    least = planner.plan(loss=held.loss, law="ludziejewski2025", others=()).flops
    assert held.overhead == pytest.approx(1e23 / least - 1, rel=1e-9)
    assert held.regime == "underfit"
    assert held.optimum is not None
    assert held.optimum.loss == pytest.approx(planner.plan(flops=1e23, law="ludziejewski2025", others=()).loss, rel=1e-12)
    twice = planner.plan(flops=2e23, law="ludziejewski2025", gpus="64xH100", others=())
    assert held.doubling is not None
    assert twice.loss == pytest.approx(held.loss - held.doubling.loss_gain, rel=1e-9)
    (row,) = planner.sweep(flops="1e23..2e23", points=2, law="ludziejewski2025", gpus="64xH100").table()["overhead"][:1]
    assert row == pytest.approx(held.overhead, rel=1e-9)


def test_active_and_all_parameters_say_the_sparsity() -> None:
    """DeepSeek-V3's 37 of 671 B: loss and compute are of one mixture, in a plan and in a check; a law of active ones refuses both."""
    plan = planner.plan(flops=1e23, law="abnar2025", params="671B", active_params="37B", others=())
    assert plan.law.params["S"] == pytest.approx(1 - 37 / 671)
    assert plan.tokens == pytest.approx(1e23 / 6 / 37e9)
    check = planner.check(params="671B", active_params="37B", tokens=plan.tokens, law="abnar2025")
    assert check.loss == pytest.approx(plan.loss, rel=1e-12)
    with pytest.raises(OptionError, match="say too much"):
        planner.check(params="671B", active_params="37B", tokens="14.8T", law="ludziejewski2025")


def test_a_loss_or_size_beyond_memory_is_refused() -> None:
    """A loss below what the cap allows names its floor; a size above the user's own cap is a contradiction."""
    with pytest.raises(CannotPlanError, match="the floor there is"):
        planner.plan(loss=1.5, law="ludziejewski2025", max_total_params="27.9B")
    with pytest.raises(CannotPlanError, match="the floor there is"):
        planner.plan(loss=1.5, law="abnar2025", gpus="8xH100")
    with pytest.raises(OptionError, match="contradicts"):
        planner.plan(flops=1e23, law="abnar2025", params="100B", max_total_params="50B")
    too_large = planner.plan(flops=1e23, law="abnar2025", params="1T", gpus="8xH100", others=())
    free = planner.plan(flops=1e23, law="abnar2025", params="1T", others=())
    assert too_large.loss == free.loss
    assert "memory" in {note.code for note in too_large.notes}


def test_the_best_served_run_fits_what_serves_it() -> None:
    """Rounded weights of the best served run fit the devices named."""
    found = planner.plan(flops=2e24, serve_precision="int4", serving_gpus="1xH100", others=()).quantised
    assert found is not None
    assert found.best_params is not None
    memory = accelerator("h100-sxm", accelerators()).memory
    assert memory is not None
    assert found.best_params / 2 <= memory


# ---------------------------------------------------------------- laws side by side, leverage


def test_every_law_of_mixtures_stands_beside_the_others() -> None:
    """Each is its own best plan; how far they differ is said; the leverage is the published one at its example."""
    found = planner.compare_mixtures(flops=1e22)
    for each in found.plans:
        own = planner.plan(flops=1e22, law=each.law.id, others=())
        assert each.tokens == pytest.approx(own.tokens, rel=1e-12)
        assert each.loss == own.loss
    assert found.active_params is not None
    assert found.active_params[0] < found.active_params[1]
    assert "disagree" in {note.code for note in found.notes}
    assert found.leverage.factor is not None
    assert "nothing outside" in planner.compare_mixtures(flops=1.01e22).leverage.text
    p = planner.load_law("ling2025-leverage").params
    assert leverage(p, 1e22, 0.031, 12.0) == pytest.approx(7.24, rel=2e-3)


def test_a_comparison_is_held_by_memory() -> None:
    """What devices hold limits every law that says how many parameters there are, and the one that does not is named."""
    found = planner.compare_mixtures(flops=1e23, gpus="8xH100")
    memory = accelerator("h100-sxm", accelerators()).memory
    assert memory is not None
    assert all(each.training_bytes is None or each.training_bytes <= 8 * memory for each in found.plans)
    assert "ling2025-moe" in next(note.text for note in found.notes if note.code == "memory-unknown")
    assert json.loads(json.dumps(found.to_dict()))["flops"] == 1e23


# ---------------------------------------------------------------- rounding after training


def test_rounding_adds_what_kumar_printed() -> None:
    """C_T D^gamma_D/N^gamma_N e^(-P/gamma_post) with N without embeddings, by hand; sixteen bits round nothing."""
    answer = planner.plan(flops=1e21, serve_precision="int4", others=())
    found, N = answer.quantised, answer.params_non_embedding
    assert found is not None
    assert N is not None
    by_hand = 0.0598 * answer.tokens**0.5068 / N**0.3439 * np.exp(-4 / 0.5907)
    assert found.added == pytest.approx(by_hand, rel=1e-9)
    assert answer.loss is not None
    assert found.loss == pytest.approx(answer.loss + by_hand, rel=1e-12)
    for whole in ("16", "bf16"):
        assert planner.plan(flops=1e21, serve_precision=whole, others=()).quantised is None


@given(BUDGETS, st.sampled_from([3, 4, 6]), st.sampled_from([None, 1e12]))
@settings(max_examples=25, deadline=None)
def test_the_best_served_run_is_as_good_as_a_grid(flops: float, bits: int, served: float | None) -> None:
    """No size of a dense grid is better once rounded, and the best one has more parameters than the plan."""
    asked: dict[str, Any] = {} if served is None else {"inference_tokens": served}
    answer = planner.plan(flops=flops, serve_precision=str(bits), others=(), **asked)
    found = answer.quantised
    assert found is not None
    assert found.best_loss is not None
    assert found.best_params is not None
    law, spending = answer.law, answer.problem.spending
    sizes = answer.params * np.logspace(-1, 3, 4001)
    tokens = spending.tokens(flops, sizes)
    sizes, tokens = sizes[tokens > 0], tokens[tokens > 0]
    losses = law.loss(sizes, tokens) + added_loss(law, sizes, tokens, float(bits))
    assert found.best_loss <= losses.min() * (1 + 1e-12)
    assert found.best_loss == pytest.approx(losses.min(), rel=1e-3)  # the grid is coarse where serving leaves few tokens
    assert found.best_params >= answer.params * (1 - 1e-9)
    assert found.best_loss <= found.loss


def test_both_views_of_rounding_are_told() -> None:
    """What drives it is disputed, and the answer says so; of mixtures nothing is known, and nothing is added."""
    notes = {note.code: note.text for note in planner.plan(flops=1e21, serve_precision="int4", others=()).notes}
    assert "Kumar" in notes["quantised-views"]
    assert "Catalan-Tatjer" in notes["quantised-views"]
    assert "outside the models whose rounding" in notes["quantised-outside"]
    mixture = planner.plan(flops=1e21, law="abnar2025", serve_precision="int4", others=())
    assert mixture.quantised is None
    assert "quantised-unknown" in {note.code for note in mixture.notes}


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"law": "ludziejewski2025", "sparsity": 0.5}, "knows experts alone"),
        ({"law": "ludziejewski2025", "experts": 8, "experts_per_token": 2}, "one at work on a token"),
        ({"law": "ludziejewski2025", "experts_per_token": 1}, "takes experts"),
        ({"law": "ludziejewski2025", "experts": 0.5}, "expected a whole number"),
        ({"law": "ludziejewski2025", "shape": "mixtral-8x7b", "tokens": "1T"}, "2 of 8 experts at work"),
        ({"law": "ludziejewski2025", "max_total_params": "1k"}, "no plan fits"),
        ({"law": "krajewski2024-moe", "max_total_params": "10M"}, "no plan fits: max_total_params holds 10.0 M"),
        ({"max_total_params": "10B"}, "no law of mixtures of experts, so it is max_params"),
        ({"law": "ling2025-moe", "serving_gpus": "8xH100"}, "does not say how many parameters"),
        ({"cached_tokens": "1M"}, "in the memory of which devices"),
        ({"cached_tokens": "1M", "serving_gpus": "8xH100"}, "does not say how wide its models are"),
        ({"cached_tokens": "1M", "serving_gpus": "8xH100", "params": "7B"}, "does not say how wide its models are"),
        ({"loss": 2.1, "law": "llama3", "serving_gpus": "8xH100"}, "cannot say which budget reaches a loss"),
        ({"serving_gpus": "8xnothing"}, "nothing"),
        ({"serving_gpus": "8xH100 for 3d"}, "without a time"),
        ({"serve_precision": "2"}, "3 to 16 bits"),
        ({"serve_precision": "int99"}, "expected one of"),
        ({"law": "ludziejewski2025", "serving_gpus": "1xH100", "cached_tokens": "1e30"}, "no plan fits"),
    ],
)
def test_what_cannot_be_had_is_one_line(asked: dict[str, Any], message: str) -> None:
    """Experts a law does not know, caps below every model, devices too small: what was given, and what is possible."""
    budget: dict[str, Any] = {} if {"shape", "params", "loss"} & set(asked) else {"flops": 1e22}
    with pytest.raises(PlannerError) as caught:
        planner.plan(**budget, **asked, others=())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_comparison_refuses_what_it_cannot_hold() -> None:
    """No budget, and a cap below every law's models."""
    with pytest.raises(OptionError, match="no budget"):
        planner.compare_mixtures()
    found = planner.compare_mixtures(flops=1e22, max_total_params="1k")
    assert ["no plan fits" in each.reason for each in found.plans] == [True, True, True, True, False]
    assert "no plan fits" in found.text()


# ---------------------------------------------------------------- shapes of mixtures


@given(st.floats(8.5, 10.7), st.floats(3, 25), st.sampled_from(["total", "non-embedding", "active"]))
@settings(max_examples=40, deadline=None)
def test_proposed_mixtures_have_the_parameters_asked_for(log_active: float, ratio: float, convention: str) -> None:
    """Active within 2 %, all within 4 %, experts in eights, proportions within those of published mixtures; or no shape at all."""
    active = 10.0**log_active
    try:
        found, usual = propose_mixtures(active, ratio * active, convention=convention, count=5)
    except CannotPlanError:
        return  # as with a vocabulary that takes all the parameters at work
    assert found
    for shape, off in found:
        counted = shape.non_embedding if convention == "non-embedding" else shape.total
        resting = shape.total - shape.active
        assert counted == pytest.approx(ratio * active, rel=0.041)
        assert off == pytest.approx(counted / (ratio * active) - 1, abs=2e-3)
        assert counted - resting == pytest.approx(active, rel=0.022)
        assert shape.experts % 8 == 0
        assert shape.experts >= 2 * shape.experts_per_token
        assert usual.aspects[0] <= shape.width / shape.layers <= usual.aspects[1]
        assert shape.heads % shape.kv_heads == 0


def test_configure_proposes_a_mixture_and_lays_it_out() -> None:
    """From a budget and devices: a mixture of the plan's sizes, expert parallelism among its layouts, memory, batch and rate."""
    found = planner.configure(flops=1e22, law="ludziejewski2025", gpus="256xH100")
    plan = planner.plan(flops=1e22, law="ludziejewski2025", gpus="256xH100", others=())
    first = found.shapes[0].shape
    assert plan.mixture is not None
    assert first.active == pytest.approx(plan.params, rel=0.025)
    assert first.total == pytest.approx(plan.mixture.total_params, rel=0.045)
    assert found.law.params == plan.law.params
    assert first.experts_per_token + first.details.shared_experts > 1
    assert any(fit.layout.expert > 1 for fit in found.fits)
    assert found.fits[0].fits is True
    assert found.advice is not None
    assert {"divided-experts", "recipes-dense"} <= {note.code for note in found.notes}


@pytest.mark.parametrize(
    ("asked", "experts", "at_work"),
    [
        ({"law": "ludziejewski2025", "experts": 8}, 8, 1),
        ({"law": "krajewski2024-moe16", "granularity": 8}, 128, 8),
        ({"law": "abnar2025", "experts": 64, "experts_per_token": 4}, 64, 4),
    ],
)
def test_experts_are_divided_as_they_were_given(asked: dict[str, Any], experts: int, at_work: int) -> None:
    """What the user says of experts is what the shapes have; their parameters are the plan's."""
    found = planner.configure(flops=1e21, **asked)
    total = planner.plan(flops=1e21, others=(), **asked).mixture
    assert total is not None
    for each in found.shapes:
        assert (each.shape.experts, each.shape.experts_per_token) == (experts, at_work)
        counted = each.shape.non_embedding if "krajewski" in asked["law"] else each.shape.total
        assert counted == pytest.approx(total.total_params, rel=0.041)


def test_one_expert_is_configured_as_a_dense_model() -> None:
    """A mixture of one expert is none."""
    assert planner.configure(flops=1e21, law="ludziejewski2025", experts=1).shapes[0].shape.experts == 1


@pytest.mark.parametrize("flops", [1e22, 1e23, 1e24])
def test_active_parameters_are_held_at_every_sparsity(flops: float) -> None:
    """Where active parameters alone are stated, each sparsity that is tried has its own total; the best is that of brute force."""
    found = planner.plan(flops=flops, law="abnar2025", active_params="3B", others=())
    assert found.mixture is not None
    assert found.mixture.active_params == pytest.approx(3e9, rel=1e-12)
    tried = [
        planner.plan(flops=flops, law="abnar2025", active_params="3B", sparsity=each, others=()).loss
        for each in np.linspace(0.0, 0.95, 40)
    ]
    assert found.loss is not None
    assert found.loss <= min(loss for loss in tried if loss is not None) * (1 + 1e-4)
    held = planner.plan(flops=flops, law="abnar2025", active_params="3B", max_total_params="20B", others=())
    assert held.params_total is None or held.params <= 20e9
    assert held.mixture is not None
    assert held.mixture.active_params == pytest.approx(3e9, rel=1e-12)
    with pytest.raises(PlannerError, match=r"active_params 3.00 B contradicts max_total_params 2.00 B"):
        planner.plan(flops=flops, law="abnar2025", active_params="3B", max_total_params="2B")


def test_a_loss_within_a_cap_is_refused_with_the_floor_there() -> None:
    """Below what any sparsity reaches it cannot be at all; above that, and below the cap's floor, the cap is why."""
    lowest = min(
        float(planner.plan(flops=1e30, law="abnar2025", sparsity=each, others=()).irreducible_loss or 9) for each in (0.0, 0.95)
    )
    for loss in (1.3, 1.5):
        with pytest.raises(
            PlannerError,
            match=rf"with at most 20.0 B parameters: the floor there is 1.8\d+ nats/token; without limits it is {lowest:.4f}",
        ):
            planner.plan(loss=loss, law="abnar2025", max_total_params="20B")
    with pytest.raises(PlannerError, match="cannot be reached at all"):
        planner.plan(loss=1.2, law="abnar2025", max_total_params="20B")
