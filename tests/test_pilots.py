"""Pilot runs: gradients by finite differences, designs that keep their limits, and what is promised of them held by real fits."""

import csv
import io
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import planner
from planner.allocation import solver
from planner.errors import PlannerError
from planner.fitting.generalised_law import parts
from planner.fitting.sample import Sample
from planner.fitting.tables.runs import read_runs
from planner.output import render, save_pilots
from planner.output.charts import chart_of
from planner.output.charts._base import Points
from planner.pilot_design import budget_ladder as ladder
from planner.pilot_design import information as designing
from planner.pilot_design.candidate_runs import Bounds, Grid, read_builder
from planner.pilot_design.information import (
    DesignAim,
    Laws,
    drawn_laws,
    exchange,
    extra_compute,
    information,
    optimum,
    sensitivities,
    variances,
    wanted,
)
from planner.pilot_design.simulation import _bent
from planner.scaling_laws.forms.generalised import GENERALISED
from tests.conftest import Run

K = 6.0
LAWS = drawn_laws(12, 1e20, K, np.random.default_rng(3))


@cache
def usual() -> planner.Pilots:
    return planner.pilots(budget=1e20, target=1e23)


def log_loss(theta: Any, x: Any, y: Any) -> Any:
    """ln L of one law at centred logarithms."""
    return parts(np.atleast_2d(theta), np.atleast_1d(x), np.atleast_1d(y), additive=False).log_loss[0]


@pytest.mark.parametrize("place", range(6))
def test_sensitivities_are_the_gradients_of_the_loss(place: int) -> None:
    """By central differences, at runs far and near."""
    x, y = np.array([-3.0, 0.0, 2.0]), np.array([4.0, -1.0, -2.0])
    step = 1e-6 * np.eye(6)[place]
    for law, J in zip(LAWS.theta, sensitivities(LAWS, x, y), strict=True):
        slope = (log_loss(law + step, x, y) - log_loss(law - step, x, y)) / 2e-6
        assert J[:, place] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("place", range(6))
def test_what_is_wanted_has_the_right_gradients(place: int) -> None:
    """Of ln N* and of the loss there, by central differences of the optimum itself."""
    step = np.zeros(6)
    step[place] = 1e-6
    to_size, to_loss = wanted(LAWS, 1e23)
    ends = [LAWS._replace(theta=LAWS.theta + sign * step) for sign in (1, -1)]
    sizes = [optimum(each, 1e23)[0] for each in ends]
    assert to_size[:, place] == pytest.approx((sizes[0] - sizes[1]) / 2e-6, rel=1e-6, abs=1e-8)
    losses = [
        np.array([log_loss(law, *run)[0] for law, run in zip(each.theta, zip(*optimum(each, 1e23), strict=True), strict=True)])
        for each in ends
    ]
    assert to_loss[:, place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_the_drawn_laws_are_what_the_prior_says() -> None:
    """Their optimum at the reference budget has the drawn ratio and share of the floor; the form's own optimum agrees."""
    e, a, b, alpha, beta, g = LAWS.theta.T
    for law in range(len(LAWS.theta)):
        p = {"E": np.exp(e[law]), "alpha": alpha[law], "beta": beta[law], "gamma": np.exp(g[law]), "k": K}
        p |= {"A": np.exp(a[law] + alpha[law] * LAWS.x0), "B": np.exp(b[law] + beta[law] * LAWS.y0)}
        assert GENERALISED.frontier is not None
        N = float(GENERALISED.frontier.params(p, 1e23))
        assert np.log(N) - LAWS.x0 == pytest.approx(optimum(LAWS, 1e23)[0][law], rel=1e-9)
    many = drawn_laws(4000, 1e20, K, np.random.default_rng(0))
    x, y = optimum(many, 1e21)
    ratio = np.exp(y - x + many.y0 - many.x0)
    assert np.median(ratio) == pytest.approx(20, rel=0.05)
    assert np.std(np.log(ratio)) == pytest.approx(0.7, rel=0.05)
    share = np.exp(parts(many.theta, x[:, None], y[:, None], additive=False).log_loss[:, 0] - many.theta[:, 0]) - 1
    assert np.median(share) == pytest.approx(0.35, rel=0.05)


def test_extra_compute_is_the_solvers() -> None:
    """T/C_0 - 1 by the form's own inverse."""
    found = extra_compute(LAWS, 1e23, np.array([-1.0, 0.0, 0.7]))
    for law in range(len(LAWS.theta)):
        e, a, b, alpha, beta, g = LAWS.theta[law]
        p = {
            "E": np.exp(e),
            "A": np.exp(a + alpha * LAWS.x0),
            "B": np.exp(b + beta * LAWS.y0),
            "alpha": alpha,
            "beta": beta,
            "gamma": np.exp(g),
            "k": K,
        }
        assert GENERALISED.frontier is not None
        assert GENERALISED.frontier.budget is not None
        assert GENERALISED.surface is not None
        for place, away in enumerate((-1.0, 0.0, 0.7)):
            N = np.exp(optimum(LAWS, 1e23)[0][law] + LAWS.x0 + away)
            R = sum(GENERALISED.surface.terms(p, N, 1e23 / (K * N)))
            assert found[law, place] == pytest.approx(1e23 / GENERALISED.frontier.budget(p, R) - 1, rel=1e-6, abs=1e-9)
    assert (found[:, 1] < 1e-9).all()


def test_more_runs_never_tell_less() -> None:
    """Information adds: variances fall with every run; a hundred copies of a run tell a hundredfold."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-4, 4, 30), rng.uniform(-4, 4, 30)
    J = sensitivities(LAWS, x, y)
    g = wanted(LAWS, 1e23)
    before = variances(information(J[:, :10], 0.005), *g)
    for runs in (11, 20, 30):
        after = variances(information(J[:, :runs], 0.005), *g)
        assert (after[0] <= before[0] * (1 + 1e-9)).all()
        assert (after[1] <= before[1] * (1 + 1e-9)).all()
        before = after


def test_the_exchange_leaves_nothing_better_one_swap_away() -> None:
    """By brute force over every cell in every place, with matrices inverted afresh."""
    rng = np.random.default_rng(2)
    costs = np.exp(rng.uniform(-6, -1, 40))
    x, y = rng.uniform(-4, 4, 40), rng.uniform(-4, 4, 40)
    question = DesignAim.of(LAWS, 1e23, 0.005)
    J = sensitivities(LAWS, x, y)
    known = information(J[:, :0], 0.005)
    chosen, value = exchange(question, J, costs, known, 1.0, 8, rng)
    assert costs[chosen].sum() <= 1.0
    assert len(set(chosen)) == 8
    assert value == pytest.approx(designing.criterion(question, information(J[:, chosen], 0.005)), rel=1e-6)
    for place in range(8):
        for cell in set(range(40)) - set(chosen):
            other = [*chosen[:place], cell, *chosen[place + 1 :]]
            if costs[other].sum() <= 1.0:
                assert designing.criterion(question, information(J[:, other], 0.005)) >= value - 1e-6


@given(st.floats(16, 24), st.floats(1, 5), st.integers(6, 40), st.sampled_from([0.003, 0.005, 0.01]))
@settings(max_examples=8)
def test_a_design_keeps_its_budget_and_limits(decades: float, beyond: float, runs: int, noise: float) -> None:
    """Spends at most the budget, on distinct runs of the ratios allowed, C = k N D exactly."""
    found = planner.pilots(budget=10.0**decades, target=10.0 ** (decades + beyond), runs=runs, noise=noise)
    assert len(found.runs) == runs
    assert found.spent <= found.budget * (1 + 1e-12)
    assert len({(run.params, run.tokens) for run in found.runs}) == runs
    for run in found.runs:
        assert run.flops == pytest.approx(K * run.params * run.tokens, rel=1e-12)
        assert 1 - 1e-9 <= run.tokens_per_param <= 400 * (1 + 1e-9)
        assert run.share == pytest.approx(run.flops / found.budget)


def test_limits_hold_and_their_price_is_shown() -> None:
    """Ratios and sizes; the unrestricted design stands beside a restricted one, and is better."""
    found = planner.pilots(budget=1e20, target=1e23, ratios="3..120", min_params="10M", max_params="1B")
    for run in found.runs:
        assert 3 - 1e-9 <= run.tokens_per_param <= 120 + 1e-9
        assert 1e7 <= run.params <= 1e9
    free = next(each for each in found.expected if each.design == "ratios 1 to 400")
    assert free.regret_90 < found.expected[0].regret_90


REGRETS = ("regret_median", "regret_90", "regret_mean")


def no_worse(fewer: planner.Pilots, more: planner.Pilots) -> bool:
    """Say whether more money raises no regret at all, and leaves the loss about as sure."""
    cheap, dear = fewer.expected[0], more.expected[0]
    assert fewer.spent <= fewer.budget < more.budget >= more.spent
    return dear.loss_error <= 1.05 * cheap.loss_error and all(getattr(dear, name) <= getattr(cheap, name) for name in REGRETS)


@pytest.mark.calibration
@given(
    st.floats(20, 26),
    st.floats(-6.5, -1),
    st.one_of(st.floats(1e-4, 0.3), st.floats(0.3, 3)),
    st.sampled_from(
        [
            {},
            {"noise": 0.003},
            {"noise": 0.02, "seed": 4},
            {"ratios": "3..120", "runs": 12},
            {"max_params": 3e8},
            {"min_params": 2e6, "runs": 10},
            {"shapes": True, "vocab": 32000, "context": 2048, "runs": 10},
        ]
    ),
)
@settings(max_examples=10)
def test_more_money_never_raises_an_expected_regret(target: float, fraction: float, more: float, asked: dict[str, Any]) -> None:
    """Strictly, for budgets near and far, with limits and without, for numbers and for models that exist."""
    goal = 10.0**target
    budgets = goal * 10**fraction, min(goal * 10 ** (fraction + more), goal / 2)
    try:
        fewer = planner.pilots(budget=budgets[0], target=goal, **asked)
    except PlannerError:  # too small a budget for such limits
        reject()
    assert no_worse(fewer, planner.pilots(budget=budgets[1], target=goal, **asked))


@pytest.mark.parametrize(
    ("budgets", "target", "noise"), [((6.695e18, 8.556e18), 1.12e25, 0.0393), ((1.3e17, 1.34e17, 1e18), 1e29, 0.05)]
)
def test_where_a_scaled_design_alone_would_rise(budgets: tuple[float, ...], target: float, noise: float) -> None:
    """Far below the target and with much noise the median rises slightly as one design is scaled up; the climb holds it."""
    found = [planner.pilots(budget=budget, target=target, noise=noise) for budget in budgets]
    assert all(no_worse(fewer, more) for fewer, more in pairwise(found))


@pytest.mark.calibration
@pytest.mark.parametrize("asked", [{}, {"shapes": True, "vocab": 32000, "context": 2048}])
def test_regrets_fall_all_the_way_up(asked: dict[str, Any]) -> None:
    """Over four decades and in neighbouring budgets, where a search at each would rise and fall; and they do fall."""
    budgets = [*np.geomspace(1e18, 1e22, 5), *np.geomspace(1.0e20, 1.3e20, 4)[1:]]
    found = [planner.pilots(budget=float(budget), target=1e24, **asked) for budget in sorted(budgets)]
    for fewer, more in pairwise(found):
        assert no_worse(fewer, more)
    assert found[-1].expected[0].regret_90 < 0.5 * found[0].expected[0].regret_90
    assert found[-1].expected[0].loss_error < 0.2 * found[0].expected[0].loss_error


def test_more_runs_given_leave_more_budget_no_worse() -> None:
    """The same beside runs that are done."""
    table = planner.load_runs("gadre2024")
    found = [
        planner.pilots(budget=budget, target=1e24, given=table, group=table.groups[0]) for budget in (1e19, 1.3e19, 1e20, 3e21)
    ]
    for fewer, more in pairwise(found):
        assert all(getattr(more.expected[1], name) <= getattr(fewer.expected[1], name) for name in REGRETS)
        assert fewer.expected[0]._replace(flops=0) == more.expected[0]._replace(flops=0)  # of the runs given alone


@pytest.mark.parametrize("asked", [{}, {"max_params": 3e8}])
def test_budgets_asked_before_change_nothing(asked: dict[str, Any]) -> None:
    """A climb goes on from a smaller budget's, and a smaller one finds its place in it."""
    budgets = [3e16, 2e18, 2.2e18, 1e19]
    ladder._kept.cache_clear()
    together = [planner.pilots(budget=budget, target=1e24, **asked) for budget in (budgets[2], *budgets)][1:]
    for budget, found in zip(budgets, together, strict=True):
        ladder._kept.cache_clear()
        assert planner.pilots(budget=budget, target=1e24, **asked) == found


def test_what_is_not_spent_is_said() -> None:
    """A budget in which only small models are allowed is left over."""
    found = planner.pilots(budget=1e22, target=1e24, max_params="20M")
    assert found.spent < 0.9 * 1e22
    assert [note.code for note in found.notes].count("unspent") == 1
    assert "unspent" not in [note.code for note in usual().notes]


def grid(**bounds: Any) -> Grid:
    return Grid(1e23, Bounds(K, (1.0, 400.0), (None, None), None)._replace(**bounds))


@pytest.mark.parametrize("rung", [-16, 0, 8, 24])
def test_a_rung_can_buy_what_lower_ones_can(rung: int) -> None:
    """From rung 0 on; below it cells keep their share of the budget. All cost C = k N D within the shares that settings say."""
    made = grid()
    here, above = made.cells(rung), made.cells(rung + made.per_step)
    assert here.costs == pytest.approx(K * here.params * here.tokens)
    assert here.costs.max() == pytest.approx(0.5 * made.budget(rung))
    if rung >= 0:
        assert set(here.places) <= set(above.places)
        assert here.costs.min() == pytest.approx(5e-4 * made.budget(0))
    else:
        assert here.costs.min() == pytest.approx(5e-4 * made.budget(rung))
    assert made.budget(0) == pytest.approx(1e20)
    assert made.rung(made.budget(rung)) == pytest.approx(rung)


@pytest.mark.parametrize(("rungs", "limit"), [(1.0, None), (0.37, None), (-5.0, None), (8.0, None), (3.0, 3e8)])
def test_a_dearer_design_costs_as_much_more(rungs: float, limit: float | None) -> None:
    """Every run at its ratio, times the same; those that the bounds hold stay; none comes twice."""
    made = grid(sizes=(None, limit))
    cells = made.cells(0)
    before = cells.of(range(0, len(cells.costs), 4))
    after = made.dearer(before, rungs)
    factor = made.budget(rungs) / made.budget(0)
    moved = after.costs != before.costs
    assert after.costs[moved] == pytest.approx(factor * before.costs[moved])
    assert after.tokens / after.params == pytest.approx(before.tokens / before.params)
    assert len(set(zip(after.params, after.tokens, strict=True))) == len(before.costs)
    assert moved.all() == (limit is None)
    if limit:
        assert after.params.max() <= limit < (before.params * factor**0.5).max()


def test_models_of_a_rung_are_near_their_places() -> None:
    """They cost at most what their place does, at a ratio nearer to its own than to the next; none is mostly tables."""
    builder = read_builder("32000", 2048, None, "total", 1e10)
    made = grid(builder=builder)
    cells = made.cells(0)
    assert len(cells.costs) > 100
    ratios = np.geomspace(1, 400, 12)
    for model, (row, column), cost in zip(cells.models, cells.places, cells.costs, strict=True):
        assert model is not None
        assert cost == model.flops <= made.budget(0) * 5e-4 * 1000 ** (row / 14) * (1 + 1e-12)
        assert abs(np.log(model.tokens / model.shape.total / ratios[column])) < 0.6 * np.log(ratios[1] / ratios[0])
        assert model.shape.embeddings <= 0.8 * model.shape.total


def test_the_design_halves_the_regret_of_a_grid() -> None:
    """As the study found: 0.5x of a 5x5 isoFLOP grid or better at equal cost, at both of its noises; a ray tells nothing."""
    for noise in (0.003, 0.01):
        found = planner.pilots(budget=1e20, target=1e23, noise=noise)
        own, grid, ray, arms = found.expected
        assert own.regret_median <= 0.5 * grid.regret_median
        assert own.regret_90 <= 0.5 * grid.regret_90
        assert own.loss_error < grid.loss_error
        assert own.flops <= grid.flops == pytest.approx(1e20)
        assert ray.regret_median == ray.regret_90 == np.inf
        assert ray.condition > 1e6 > grid.condition
        assert own.regret_90 < grid.regret_90 < arms.regret_90, "an L says less than a grid"


SPREAD: dict[str, dict[str, Any]] = {
    "usual": {},
    "dear": {"budget": 1e22},
    "held ratios": {"ratios": "3..120", "runs": 12},
    "held sizes": {"min_params": "20M", "max_params": "2B"},
    "shapes": {"shapes": True, "vocab": 32000, "context": 2048},
}


@cache
def spread_design(name: str) -> planner.Pilots:
    return planner.pilots(**{"budget": 1e20, "target": 1e23, **SPREAD[name]})


@pytest.mark.calibration
@pytest.mark.parametrize("law", ["besiroglu2024", "hoffmann2022-approach3-tex", "muennighoff2023"])
@pytest.mark.parametrize("design", SPREAD)
def test_without_noise_the_design_recovers_the_optimum(design: str, law: str) -> None:
    """A fit of the designed runs plans the target within 1 % of the true size."""
    true = planner.load_law(law)
    runs = spread_design(design).runs
    N, D = (np.array([getattr(run, name) for run in runs]) for name in ("params", "tokens"))
    fit = planner.fit(params=N, tokens=D, loss=true.loss(N, D), method="classical", draws=0)
    found = planner.plan(flops=1e23, law=fit.law, others=()).params
    assert found == pytest.approx(float(solver.allocate(true, 1e23).params), rel=0.01)


@pytest.mark.calibration
def test_expected_errors_are_those_of_real_fits() -> None:
    """Forty noisy tables under one law: the scatter of ln N* is what was expected of that law, within a third."""
    true = planner.load_law("besiroglu2024")
    runs = usual().runs
    N, D = (np.array([getattr(run, name) for run in runs]) for name in ("params", "tokens"))
    rng = np.random.default_rng(5)
    x0, y0 = np.log(N).mean(), np.log(D).mean()
    p = true.params
    theta = np.array(
        [[np.log(p["E"]), np.log(p["A"]) - p["alpha"] * x0, np.log(p["B"]) - p["beta"] * y0, p["alpha"], p["beta"], 0.0]]
    )
    laws = Laws(theta, x0, y0, K)
    J = sensitivities(laws, *laws.logs(N, D))[:, :, :5]  # gamma is known to a classical fit
    expected = float(
        np.sqrt(
            np.einsum(
                "i,ij,j", wanted(laws, 1e23)[0][0, :5], np.linalg.inv(J[0].T @ J[0] / 0.005**2), wanted(laws, 1e23)[0][0, :5]
            )
        )
    )
    sizes = []
    for _ in range(40):
        loss = true.loss(N, D) * np.exp(0.005 * rng.standard_normal(len(N)))
        fit = planner.fit(params=N, tokens=D, loss=loss, method="classical", draws=0, robust="squared")
        sizes.append(np.log(solver.allocate(fit.law, 1e23).params))
    assert np.std(sizes) == pytest.approx(expected, rel=0.33)


def test_the_same_question_has_the_same_answer() -> None:
    """Seeds are explicit."""
    assert planner.pilots(budget=1e20, target=1e23).to_dict() == usual().to_dict()
    assert planner.pilots(budget=1e20, target=1e23, seed=1).runs != usual().runs


def test_budgets_in_other_units() -> None:
    """Devices for days buy what they compute."""
    held = planner.pilots(gpus="64xh100-sxm", days=2, mfu=0.4, target=1e24)
    assert held.budget == pytest.approx(planner.plan(gpus="64xh100-sxm", days=2, mfu=0.4, others=()).flops)
    assert planner.pilots(budget="3 PF-days", target=1e24).budget == 3 * 8.64e19


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ({"budget": 1e17, "min_params": "1B"}, 1e23),
        ({"budget": 1e20, "min_params": "500M"}, 1e23),
        ({"budget": 1e15, "shapes": True, "vocab": 32000, "context": 2048}, 1e20),
    ],
)
def test_a_budget_too_small_is_told_what_is_enough(asked: dict[str, Any], target: float) -> None:
    """The budget named is enough, and half of it is not."""
    with pytest.raises(PlannerError) as refused:
        planner.pilots(**asked, target=target)
    enough = float(str(refused.value).split("a larger budget: ")[1].split(" FLOP")[0])
    assert len(planner.pilots(**{**asked, "budget": enough}, target=target).runs) == 24
    with pytest.raises(PlannerError, match="is enough"):
        planner.pilots(**{**asked, "budget": enough / 2}, target=target)


def test_no_budget_is_named_where_none_is_enough() -> None:
    """Models of about one size cannot make up a design at any budget."""
    with pytest.raises(PlannerError) as refused:
        planner.pilots(budget=1e20, target=1e23, min_params="1M", max_params="1.2M")
    assert "larger budget" not in str(refused.value)


# ---------------------------------------------------------------- models that exist


def by_hand(shape: Any) -> float:
    """Training FLOP per token of a gated model: three times two for every weight of a product, attention and its softmax."""
    kv = shape.kv_heads * shape.head_size
    inner = shape.heads * shape.head_size
    weights = shape.width * (2 * inner + 2 * kv) + 3 * shape.width * shape.ffn
    forward = shape.layers * (2 * weights + 4 * shape.context * inner + 3 * shape.heads * shape.context)
    return float(3 * (forward + 2 * shape.vocab * shape.width))


@pytest.mark.parametrize(
    ("asked", "ratios", "sizes", "batch"),
    [
        ({}, (1, 400), (0, 1e99), None),
        ({"vocab": "32000", "context": 2048, "batch": "256k"}, (1, 400), (0, 1e99), 125 * 2048),
        ({"vocab": 32000, "context": 2048, "ratios": "3..120", "min_params": "20M"}, (3, 120), (2e7, 1e99), None),
        ({"vocab": 50304, "context": 1024, "max_params": "200M", "runs": 12}, (1, 400), (0, 2e8), None),
        ({"given": "gadre2024", "vocab": 50432, "target": 1e24, "context": 2048}, (1, 400), (0, 1e99), None),
    ],
)
def test_designs_of_models_that_exist(
    asked: dict[str, Any], ratios: tuple[float, float], sizes: tuple[float, float], batch: int | None
) -> None:
    """Whole batches of whole sequences, N and C exactly the shape's, one vocabulary, limits and budget kept."""
    if "given" in asked:
        asked = {**asked, "given": planner.load_runs(asked["given"]), "group": planner.load_runs(asked["given"]).groups[0]}
    found = planner.pilots(**{"budget": 1e20, "target": 1e23, "shapes": True, **asked})
    assert found.spent <= found.budget
    assert found.expected[0].flops == pytest.approx(found.spent) or asked.get("given")
    vocab = {each.model.shape.vocab for each in found.runs if each.model}
    assert len(vocab) == 1
    for run in found.runs:
        model = run.model
        assert model is not None
        assert run.tokens == model.tokens == model.batch * model.steps
        assert model.batch % model.shape.context == 0
        assert batch in (None, model.batch)
        assert model.steps >= 100
        assert run.params == model.shape.total
        assert run.flops == model.flops
        assert model.flops == pytest.approx(by_hand(model.shape) * model.tokens, rel=1e-12)
        assert ratios[0] <= run.tokens_per_param <= ratios[1]
        assert sizes[0] <= run.params <= sizes[1]
    assert [note.code for note in found.notes if note.code == "shapes"]


def test_models_that_exist_tell_about_as_much() -> None:
    """Of the target: snapping costs less than a fifth more expected regret where tables are a small part of the models."""
    found = planner.pilots(budget=1e20, target=1e23, shapes=True, vocab=32000, context=2048)
    assert found.expected[0].regret_90 < 1.2 * usual().expected[0].regret_90
    assert found.expected[0].regret_90 < 0.5 * found.expected[1].regret_90


def test_their_table_is_fitted_with_the_targets_convention(tmp_path: Path) -> None:
    """The exact FLOP of small models are mostly attention: the fit takes 6ND, and finds the law that the losses came from."""
    found = planner.pilots(budget=1e20, target=1e23, shapes=True, vocab=32000, context=2048)
    text = save_pilots(found, tmp_path / "pilots.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["batch"]) * int(row["steps"]) for row in rows] == [float(row["tokens"]) for row in rows]
    assert {row["tied"] for row in rows} == {"yes"}, "small models tie their embeddings"
    law = planner.load_law("besiroglu2024")
    for row in rows:
        row["loss"] = repr(float(law.loss(float(row["params"]), float(row["tokens"]))))
    forecast = _fit_of(rows, tmp_path / "filled.csv")
    assert forecast.law.conventions.flops_per_param_token == 6
    assert "designed-pilots" in [note.code for note in forecast.notes]
    planned = planner.plan(flops=1e23, law=forecast.law, others=()).params
    assert planned == pytest.approx(float(solver.allocate(law, 1e23).params), rel=0.05)
    shown = render(found, "table")
    assert "What to train" in shown
    assert "exact against 6ND" in shown
    assert json.loads(render(found, "json"))["runs"][0]["model"]["shape"]["vocab"] == 32000


# ---------------------------------------------------------------- in simulation


def test_a_bend_is_the_law_of_the_target_beyond_some_tokens() -> None:
    """At the bend both laws agree, beyond it the exponent is the share that is said; a target below it is not simulated with one."""
    laws = drawn_laws(5, 1e23, 6.0, np.random.default_rng(0))
    bent, at = _bent(laws)
    x = np.full((5, 1), 0.3)
    for tokens, same in ((at, True), (10 * at, False)):
        y = np.full((5, 1), np.log(tokens) - laws.y0)
        losses = [parts(each.theta, x, y, additive=False).log_loss for each in (laws, bent)]
        assert (np.abs(losses[0] - losses[1]) < 1e-12).all() == same
    assert bent.theta[:, 4] == pytest.approx(0.7 * laws.theta[:, 4])
    small = planner.pilots(budget=1e17, target=1e19, simulate=True, tables=1).simulation
    assert {each.misfit for each in small} == {"none", "overtrained", "small"}


def test_a_far_target_is_told_of_two_dear_runs() -> None:
    """From 300 times the budget on; their costs are the shares that were simulated (benchmarks/dear_pilots.py)."""
    far, near = (planner.pilots(budget=1e20, target=target) for target in (1e23, 1e22))
    (text,) = [note.text for note in far.notes if note.code == "dear-runs"]
    assert "342 M at 1.40e19 FLOP and 465 M at 2.60e19 FLOP" in text
    assert not [note for note in near.notes if note.code == "dear-runs"]
    N, D = np.array([2e8, 4e8, 8e8]), np.array([[4e9], [1.6e10], [6.4e10]])
    runs = [(n, d, float(planner.load_law("besiroglu2024").loss(n, d))) for n in N for d in D[:, 0]]
    done = dict(zip(("params", "tokens", "loss"), np.array(runs).T, strict=True))
    known = planner.pilots(given=done, budget=1e19, target=1e23)  # of runs that are dearer already, two more say nothing new
    assert not [note for note in known.notes if note.code == "dear-runs"]


@pytest.mark.calibration
def test_simulation_fits_every_design_under_every_law_and_misfit() -> None:
    """Without noise the plan wastes next to nothing; misfit alone is what is left, and the same seed gives the same figures."""
    found = planner.pilots(budget=1e20, target=1e23, noise="0.001%", simulate=True, tables=1)
    assert [(each.design, each.truths, each.misfit) for each in found.simulation] == [
        (design, truths, misfit)
        for truths in ("published", "drawn")
        for misfit in ("none", "overtrained", "small", "bend")
        for design in ("these runs", "isoFLOP grid 5x5", "L of 11")
    ]
    for each in found.simulation:
        assert each.tables == {"published": 3, "drawn": 5}[each.truths]
        if each.misfit == "none":
            assert each.regret_90 < 1e-3
            assert each.loss_error < 2e-3 or each.design.startswith("L"), "an L leaves the floor to the prior"
        assert 0 <= each.regret_median <= each.regret_90
    worst = max(each.regret_90 for each in found.simulation if each.misfit != "none")
    assert worst > 10 * max(each.regret_90 for each in found.simulation if each.misfit == "none")
    again = planner.pilots(budget=1e20, target=1e23, noise="0.001%", simulate=True, tables=1, workers=map)
    assert again.simulation == found.simulation
    assert "In simulation" in render(found, "table")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"tables": 3}, "tables go with simulate"),
        ({"simulate": True, "tables": 0}, "tables 0"),
        ({"simulate": True, "workers": 0}, "workers 0: expected"),
        ({"simulate": "yes"}, "simulate 'yes': expected True or False"),
        ({"simulate": True, "given": "gadre2024"}, "simulated tables begin without runs"),
    ],
)
def test_simulations_that_cannot_be_made_are_refused(asked: dict[str, Any], message: str) -> None:
    """Before anything long is computed."""
    with pytest.raises(PlannerError, match=message):
        planner.pilots(budget=1e20, target=1e23, **asked)


# ---------------------------------------------------------------- beside runs that are done


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usual pilots with losses of a known law and half a per cent of noise."""
    law, rng = planner.load_law("besiroglu2024"), np.random.default_rng(0)
    path = tmp_path_factory.mktemp("done") / "done.csv"
    rows = [
        (each.params, each.tokens, float(law.loss(each.params, each.tokens)) * np.exp(0.005 * rng.standard_normal()))
        for each in usual().runs
    ]
    path.write_text("params,tokens,loss\n" + "".join(f"{N!r},{D!r},{float(L)!r}\n" for N, D, L in rows), encoding="utf-8")
    return path


def test_the_next_runs_improve_on_those_that_are_done(done: Path) -> None:
    """Within their own budget; more than a grid or a ray of the same cost would; the noise is that of the runs."""
    found = planner.pilots(given=done, budget=3e19, target=1e23)
    assert len(found.runs) == 8
    assert found.spent <= 3e19
    assert found.noise == pytest.approx(0.005, rel=0.5)
    before, own, grid, ray, _ = found.expected
    assert (before.design, before.runs) == ("runs given", 24)
    for other in (before, grid, ray):
        assert own.regret_median < other.regret_median
        assert own.regret_90 < other.regret_90
    assert found.saved == pytest.approx(1e23 * (before.regret_mean - own.regret_mean))


def test_what_is_known_of_the_law_is_near_the_truth(done: Path) -> None:
    """The laws drawn after the runs plan the target around its true optimum, as wide as they say."""
    sample = Sample.of(read_runs(done, flops_per_param_token=6.0))
    laws = designing.laws_after(sample, 0.005, 400, np.random.default_rng(1))
    sizes = optimum(laws, 1e23)[0] + laws.x0
    true = np.log(float(solver.allocate(planner.load_law("besiroglu2024"), 1e23).params))
    assert abs(np.median(sizes) - true) < 3 * np.std(sizes)
    assert 0.02 < np.std(sizes) < 0.3


def table(path: Path, N: Any, D: Any, noise: float) -> Path:
    """Save runs with losses of a known law."""
    law, rng = planner.load_law("besiroglu2024"), np.random.default_rng(3)
    loss = np.asarray(law.loss(N, D)) * np.exp(noise * rng.standard_normal(len(N)))
    rows = "".join(f"{n!r},{d!r},{value!r}\n" for n, d, value in zip(N.tolist(), D.tolist(), loss.tolist(), strict=True))
    path.write_text("params,tokens,loss\n" + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("count", [4, 12])
def test_runs_that_tell_no_law_do_no_harm(tmp_path: Path, count: int) -> None:
    """Few runs, or runs of one ratio: the design is made for laws of the prior, no worse than without them, and said to be so."""
    N = np.geomspace(5e7, 5e8, count)
    given = table(tmp_path / "ray.csv", N, 20 * N, 0.003)
    found = planner.pilots(given=given, budget=3e19, target=1e23, runs=12, noise=0.005)
    alone = planner.pilots(budget=3e19, target=1e23, runs=12, noise=0.005)
    codes = {note.code: note.severity for note in found.notes}
    assert codes["given"] == "warning"
    assert "worth" in codes
    assert found.expected[0].regret_90 == np.inf or count < 6
    assert found.expected[1].regret_90 <= 1.1 * alone.expected[0].regret_90
    fewest = planner.pilots(given=given, budget=3e19, target=1e23)
    assert (0.005 if count < 10 else 0.001) <= fewest.noise < 0.01


def test_scatter_that_no_law_has_is_said(tmp_path: Path) -> None:
    """Half of a loss is no noise between runs trained alike."""
    rng = np.random.default_rng(5)
    N, D = 10 ** rng.uniform(7, 9, 20), 10 ** rng.uniform(9, 10.5, 20)
    found = planner.pilots(given=table(tmp_path / "wild.csv", N, D, 0.3), budget=3e20, target=1e23)
    assert found.noise == pytest.approx(0.05)
    (note,) = [note for note in found.notes if note.code == "noise"]
    assert note.severity == "warning"
    assert "look for runs that failed" in note.text


def test_one_toy_run_does_not_lead_to_more(done: Path, tmp_path: Path) -> None:
    """A run of 1e10 FLOP among dear ones: the next ones stay as dear as the rest."""
    text = done.read_text(encoding="utf-8")
    loss = float(planner.load_law("besiroglu2024").loss(1e4, 1.6e5))
    (tmp_path / "toy.csv").write_text(text + f"1e4,1.6e5,{loss}\n", encoding="utf-8")
    found = planner.pilots(given=tmp_path / "toy.csv", budget=3e19, target=1e23)
    assert min(run.flops for run in found.runs) > 1e16


def test_devices_are_named_with_what_the_runs_cost() -> None:
    """By the utilisation and the price assumed; and numpy's seeds are numbers."""
    found = planner.pilots(dollars="20k", gpu="h100", target=1e24, seed=cast(int, np.int64(2)))
    (note,) = [note for note in found.notes if note.code == "cost"]
    assert "on h100-sxm at an MFU of" in note.text
    assert found.inputs["gpu"] == ["h100-sxm"]
    assert found.dollars_per_flop is not None
    assert found.dollars_per_flop * found.budget == pytest.approx(20_000)
    assert json.loads(json.dumps(found.to_dict()))["inputs"]["seed"] == 2


def test_a_design_worse_than_a_grid_is_said_to_be() -> None:
    """Narrow limits leave too little: the grid on paper keeps to none of them."""
    found = planner.pilots(budget=1e20, target=1e23, max_params="5M")
    assert found.expected[0].regret_90 > found.expected[1].regret_90
    assert [note.severity for note in found.notes if note.code == "limits"] == ["warning"]
    assert "limits" not in [note.code for note in usual().notes]


def test_advice_to_stop(done: Path) -> None:
    """More pilots that cost more than they save at a modest target are a warning, in FLOP and dollars; for a great one they pay."""
    stop = planner.pilots(given=done, gpus="8xh100-sxm", days=20, mfu=0.4, target=3e22)
    (note,) = [note for note in stop.notes if note.code == "stop"]
    assert note.severity == "warning"
    assert note.text.count("$") == 4
    assert stop.saved is not None
    assert stop.saved < stop.spent
    smaller = planner.pilots(given=done, budget=1e21, target=3e22)
    (note,) = [note for note in smaller.notes if note.code == "stop"]
    enough = float(note.text.split("a budget of ")[1].split(" FLOP")[0])
    less = planner.pilots(given=done, budget=enough, target=3e22)
    assert [note.code for note in less.notes if note.code in {"stop", "worth"}] == ["worth"]
    on = planner.pilots(given=done, budget=1e19, target=1e25)
    assert [note.code for note in on.notes if note.code in {"stop", "worth"}] == ["worth"]
    assert on.saved is not None
    assert on.saved > on.spent


@pytest.mark.parametrize(
    ("rows", "asked", "message"),
    [
        ("1e8,2e9,3.5\n1e8,4e9,3.4\n", {}, "2 runs for 3 constants; at least 4 are needed"),
        ("1e8,2e9,3.5\n1e8,4e9,3.4\n1e8,6e9,3.3\n1e8,8e9,3.2\n", {}, "every run has the same params"),
        ("1e8,2e9,3.5\n2e8,4e9,3.3\n3e8,6e9,3.2\n4e8,8e9,3.1\n", {"target": 2e19}, "less than twice the dearest run given"),
        ("1e8,2e9,3\n2e8,4e9,3\n3e8,6e9,3\n4e8,8e9,3\n", {}, "every loss is 3: there is nothing to learn from"),
        ("1e8,2e9,3\n2e8,4e9,3.1\n3e8,6e9,3.2\n4e8,8e9,3.3\n", {}, "losses rise with compute"),
        ("1e8,2e9,\n", {}, "loss"),
    ],
)
def test_tables_that_say_nothing_are_refused(tmp_path: Path, rows: str, asked: dict[str, Any], message: str) -> None:
    """Too few runs, runs as large as the target, runs without a loss."""
    path = tmp_path / "done.csv"
    path.write_text("params,tokens,loss\n" + rows, encoding="utf-8")
    with pytest.raises(PlannerError, match=message):
        planner.pilots(given=path, **{"budget": 1e18, "target": 1e23, **asked})


# ---------------------------------------------------------------- the way out


def test_every_format(tmp_path: Path) -> None:
    """A row for each run; JSON has what is expected too, None for what has no bound."""
    found = usual()
    content = json.loads(render(found, "json"))
    assert [row["params"] for row in content["runs"]] == [each.params for each in found.runs]
    assert content["expected"][2]["regret_median"] is None
    assert content["spent"] == found.spent
    for fmt in ("table", "markdown"):
        text = render(found, fmt)
        assert "unbounded" in text
        assert "isoFLOP grid 5x5" in text
    path = save_pilots(found, tmp_path / "pilots.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert [float(row["params"]) for row in rows] == [round(each.params) for each in found.runs]
    assert {row["loss"] for row in rows} == {""}
    with pytest.raises(PlannerError, match="exists already"):
        save_pilots(found, path)


def _fit_of(rows: list[dict[str, str]], path: Path) -> planner.FitResult:
    """Write a table and fit its forecast."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return planner.fit(path, draws=0)


def test_the_saved_table_is_fitted_once_it_is_filled_in(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty losses are refused with their row; with losses it is a table like any other."""
    monkeypatch.chdir(tmp_path)
    code, _, err = run("pilots", "--budget", "1e20", "--target", "1e23", "--save", "pilots.csv")
    assert (code, err) == (0, "saved; fill in the losses, then: plan fit 'pilots.csv'\n")
    code, _, err = run("fit", "pilots.csv")
    assert code == 2
    assert "none of its pilots has a loss yet" in err
    rows = list(csv.DictReader(io.StringIO(Path("pilots.csv").read_text(encoding="utf-8"))))
    law = planner.load_law("besiroglu2024")
    for row in rows:
        row["loss"] = repr(float(law.loss(float(row["params"]), float(row["tokens"]))))
    forecast = _fit_of(rows, Path("filled.csv"))
    assert [note.code for note in forecast.notes if note.code == "designed-pilots"]
    assert len(forecast.law.params["weight"]) == 2, "the adaptive members alone"
    forecast.save("designed.json")
    assert planner.load_law("designed.json").params["weight"] == forecast.law.params["weight"]
    planned = planner.plan(flops=1e23, law=forecast.law, others=()).params
    assert planned == pytest.approx(float(solver.allocate(law, 1e23).params), rel=0.05)
    for row in rows:
        row["purpose"] = "mine"
    assert len(_fit_of(rows, Path("alike.csv")).law.params["weight"]) == 2, "nothing off the frontier is worse than noise"
    mistuned = planner.fit("porian2024", group="rw|tuned|short|const", draws=0)
    assert len(mistuned.law.params["weight"]) == 18, "of mistuned tables all members count"
    code, out, _ = run("fit", "filled.csv", "--draws", "0", "--method", "classical")
    assert code == 0
    assert "N ~ C^0.513, D ~ C^0.487" in out, "the law that the losses came from"


def test_the_plot_shows_every_run() -> None:
    """Under its purpose, with the target's optimum."""
    found = usual()
    (panel,) = chart_of(found).panels
    drawn = [mark for mark in panel.found(Points) if mark.label.startswith(("near", "starved", "overtrained"))]
    points = {(x, y) for mark in drawn for x, y in zip(mark.x, mark.y, strict=True)}
    assert points == {(each.params, each.tokens) for each in found.runs}
    (best,) = panel.found(Points, "optimum of 1.00e23")
    assert best.x[0] == pytest.approx(float(solver.allocate(planner.load_law("besiroglu2024"), 1e23).params))


REFUSED = [
    ("--target 1e23", "no budget for the pilots: give --budget, such as 1e20"),
    ("--budget 1e20 --target 1e20", "target 1.00e20 FLOP is less than twice the pilots' 1.00e20 FLOP"),
    ("--budget 1e20 --target 1e23 --runs 3", "runs 3: expected a whole number from 6 to 100"),
    ("--budget 1e20 --target 1e23 --ratios 20", "ratios '20': expected a range of tokens per parameter such as 3..120"),
    ("--budget 1e20 --target 1e23 --ratios 20..25", "within a factor of three runs hardly tell N from D"),
    ("--budget 1e20 --target 1e23 --ratios 120..3", "smaller first"),
    ("--budget 1e20 --target 1e23 --noise 50%", "noise '50%': expected the scatter"),
    ("--budget 1e20 --target 1e23 --min-params 1B --max-params 10M", "--min-params 1.00 B is not below --max-params 10.0 M"),
    ("--budget 1e17 --target 1e23 --min-params 1B", "min_params 1.00 B: leave 0 of the runs that 1.00e17 FLOP could buy"),
    ("--budget 1e20 --target 1e23 --min-params 500M", "runs within these limits cost at least"),
    ("--budget 1e20 --target 1e23 --pf-days 3", "two budgets"),
    ("--budget 1e20 --target 1e23 --save pilots.txt", "the name of a table of pilots ends in .csv"),
    ("--budget 1e20 --target 1e23 --force", "--force goes with --save FILE or --plot FILE"),
    ("--budget 1e20 --target 1e23 --vocab 32000", "--vocab goes with --shapes"),
    ("--budget 1e20 --target 1e23 --shapes --vocab many", "vocab 'many': expected a whole number"),
    ("--budget 1e20 --target 1e23 --shapes --context 0", "context '0': expected a whole number"),
    ("--budget 1e20 --target 1e23 --shapes --batch 5", "batch '5': less than half a sequence of 4096 tokens"),
    ("--budget 1e20 --target 1e23 --shapes --batch 1T", "trained for 100 steps or more: leave 0 of the runs"),
    ("--budget 1e16 --target 1e19 --shapes", "24 runs within these limits cost at least 1"),
    ("--budget lots --target 1e23", "expected a number of FLOPs"),
    ("--budget 1 --target 1e23", "its smallest run would have 0.00046 parameters; a larger budget (4.80e12 FLOP is enough)"),
    ("--budget 1e20 --target 1e23 --mfu 30%", "mfu says what a device's time is worth: of which device?"),
    ("--budget 1e20 --target 1e23 --group a", "--group goes with --given"),
    ("--budget 1e20 --target 1e23 --workers 3", "workers go with simulate"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[each[0] for each in REFUSED])
def test_bad_questions_get_one_line(run: Run, line: str, message: str) -> None:
    """What was given, what is required; exit code 2; nothing on standard output."""
    code, out, err = run("pilots", *line.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
