"""Pilots from trunks: what they cost, what they tell, and that a fit of their table knows which models share a trunk."""

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.output import save_pilots
from planner.pilot_design.candidate_runs import Bounds, Grid
from planner.pilot_design.expected_regret import expectation
from planner.pilot_design.information import DesignAim, drawn_laws, information, sensitivities
from planner.pilot_design.trunks import Trunk, _Search, _told, candidate_trunks, design_trunks, trunk_expectation, trunk_runs
from planner.scaling_laws.catalogue import load_law

TARGET, K, NOISE = 1e23, 6.0, 0.005


@pytest.fixture(scope="module")
def aim() -> DesignAim:
    """The aim of the usual design."""
    return DesignAim.of(drawn_laws(48, TARGET, K, np.random.default_rng(0)), TARGET, NOISE)


@pytest.fixture(scope="module")
def found() -> planner.Pilots:
    """A design."""
    return planner.pilots(budget=1e20, target=TARGET, trunk=True)


def test_a_trunk_is_paid_once_and_every_cooldown() -> None:
    """By hand: 1e9 parameters, 80 % of 10 B tokens once, then 20 % each of 10, 5 and 2.5 B."""
    trunk = Trunk(1e9, (10e9, 5e9, 2.5e9), 0.2, 6.0)
    assert trunk.flops == pytest.approx(6e9 * (8e9 + 2e9 + 1e9 + 0.5e9))
    assert trunk.starts == pytest.approx((8e9, 4e9, 2e9))
    assert sum(trunk.alone) == pytest.approx(6e9 * 17.5e9)


def test_models_that_share_no_luck_are_independent_runs(aim: DesignAim, found: planner.Pilots) -> None:
    """Without correlation a design tells what the same models tell as runs of their own."""
    params, tokens = trunk_runs(found.trunks)
    own = trunk_expectation("", aim, TARGET, found.trunks, 0.0)
    alone = expectation("", aim, TARGET, K * params * tokens, params, tokens, None)
    for name in ("regret_median", "regret_90", "regret_mean", "size_error", "loss_error", "condition"):
        assert getattr(own, name) == pytest.approx(getattr(alone, name), rel=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_the_variance_is_that_of_a_fit_that_takes_models_as_independent(
    aim: DesignAim, found: planner.Pilots, correlation: float
) -> None:
    """Against the covariance of all errors written out, and against simulated fits of the linearised law."""
    params, tokens = trunk_runs(found.trunks)
    J = sensitivities(aim.laws, *aim.laws.logs(params, tokens))
    of = np.repeat(np.arange(len(found.trunks)), [len(each.lengths) for each in found.trunks])
    V = np.where(of[:, None] == of, correlation, 0.0) + (1 - correlation) * np.eye(len(of))
    H = information(J, NOISE)
    prior = information(J[:, :0], NOISE)[0]
    told = _told(aim, found.trunks, len(aim.laws.theta))
    own = type(told)(*(each.sum(0) for each in told)).variances(aim, correlation)
    rng = np.random.default_rng(0)
    for law in (0, 17, 40):
        inverse = np.linalg.inv(H[law])
        spread = inverse @ (prior + J[law].T @ V @ J[law] / NOISE**2) @ inverse
        assert own[law, 0] == pytest.approx(aim.to_size[law] @ spread @ aim.to_size[law], rel=1e-6)
        assert own[law, 1] == pytest.approx(aim.to_loss[law] @ spread @ aim.to_loss[law], rel=1e-6)
        luck = rng.multivariate_normal(np.zeros(len(of)), NOISE**2 * V, 20_000)
        known = rng.multivariate_normal(np.zeros(6), prior, 20_000)  # what the prior is off by
        off = (luck @ J[law] / NOISE**2 + known) @ inverse @ aim.to_size[law]
        assert off.var() == pytest.approx(own[law, 0], rel=0.05)


@settings(max_examples=max(settings().max_examples // 8, 1), deadline=None)
@given(
    st.floats(17, 21),
    st.floats(2.5, 5),
    st.floats(0.02, 0.6),
    st.integers(8, 40),
    st.sampled_from([(1.0, 400.0), (3.0, 120.0), (5.0, 1000.0)]),
)
def test_a_design_keeps_its_bounds(
    log_budget: float, farther: float, cooldown: float, runs: int, ratios: tuple[float, float]
) -> None:
    """Budget, ratios, number of models, one trunk a size; the bill is that of its trunks."""
    budget = 10.0**log_budget
    found = planner.pilots(
        budget=budget, target=budget * 10**farther, runs=runs, ratios=ratios, cooldown=cooldown, trunk=True, min_params=2e5
    )
    assert found.spent == pytest.approx(budget)
    assert 6 <= len(found.runs) <= runs
    assert sum(run.share for run in found.runs) == pytest.approx(1)
    assert all(ratios[0] * (1 - 1e-9) <= run.tokens_per_param <= ratios[1] * (1 + 1e-9) for run in found.runs)
    assert all(run.cools_from == pytest.approx((1 - cooldown) * run.tokens) for run in found.runs)
    sizes = sorted(each.params for each in found.trunks)
    assert all(b / a > 1.25 * (1 - 1e-9) for a, b in itertools.pairwise(sizes))
    assert sizes[0] >= 2e5
    assert all(tuple(sorted(each.lengths, reverse=True)) == each.lengths for each in found.trunks)


def test_the_exchange_comes_near_the_best_of_all_pairs_and_triples(aim: DesignAim) -> None:
    """Brute force over few trunks, within the same budget and number of models."""
    choice = candidate_trunks(Grid(TARGET, Bounds(K, (1.0, 400.0), (None, None), None)), 1e20, 0.2)[::31]
    search = _Search(aim, choice, 1e20, 12)
    told = _told(aim, choice, 16)
    for count in (2, 3):
        best = np.inf
        for some in itertools.combinations(range(len(choice)), count):
            sizes = np.log([choice[each].params for each in some])
            apart = np.abs(sizes[:, None] - sizes)[np.triu_indices(count, 1)].min() >= np.log(1.25)
            if apart and sum(choice[each].flops for each in some) <= 1e20 and search.models(list(some)) <= 12:
                value = type(told)(*(each[list(some)].sum(0) for each in told)).criterion(aim, 0.5)
                best = min(best, float(value))
        assert best <= search.exchanged(count)[1] + 1e-9 <= best + 0.5  # of ln v_N: at most a quarter more error


def test_more_is_told_where_cooldowns_are_cheap(aim: DesignAim) -> None:
    """A short cooldown buys no worse a plan than a long one."""
    grid = Grid(TARGET, Bounds(K, (1.0, 400.0), (None, None), None))
    short, long = (
        trunk_expectation("", aim, TARGET, design_trunks(aim, grid, 1e20, 24, share), 0.5).regret_90 for share in (0.02, 0.8)
    )
    assert short < long


def test_trunks_stand_beside_independent_runs(found: planner.Pilots) -> None:
    """The same cost and as many models; the correlations of the settings; a note says which does better."""
    names = [each.design for each in found.expected]
    assert names == [
        "these trunks, 0.5", "these trunks, 0", "these trunks, 0.9", "independent runs", "isoFLOP grid 5x5", "ray at 20", "L of 11",
    ]  # fmt: skip
    own, _, _, alone, grid, *_ = found.expected
    assert own.runs == alone.runs == len(found.runs)
    assert alone.flops <= own.flops * (1 + 1e-9)
    assert own.regret_90 < 0.5 * grid.regret_90
    (text,) = (note.text for note in found.notes if note.code == "independent")
    assert ("do not plan the target better" in text) == (own.regret_90 >= alone.regret_90)
    assert found.to_dict()["spent"] == found.spent
    assert len(found.to_dict()["trunks"]) == len(found.trunks)


@pytest.mark.calibration
def test_a_filled_table_of_trunks_is_fitted_and_its_intervals_know_them(found: planner.Pilots, tmp_path: Path) -> None:
    """Rows of one trunk bear its name: where they share their luck, intervals of N are wider than without the names."""
    path = tmp_path / "pilots.csv"
    save_pilots(found, path)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == [f"trunk-{run.trunk}" for run in found.runs]
    N, D, cools = (np.array([float(row[name]) for row in rows]) for name in ("params", "tokens", "cools_from"))
    assert cools == pytest.approx(0.8 * D, rel=1e-6)
    p = load_law("besiroglu2024").params
    clean = p["E"] + p["A"] * N ** -p["alpha"] + p["B"] * D ** -p["beta"]
    true = planner.plan(flops=1e22, law="besiroglu2024").params
    widths = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        luck = rng.standard_normal(len(found.trunks) + 1)
        errors = NOISE * (
            np.sqrt(0.95) * luck[[run.trunk or 0 for run in found.runs]] + np.sqrt(0.05) * rng.standard_normal(len(N))
        )
        table: dict[str, Any] = {name: [row[name] for row in rows] for name in ("run", "purpose")}
        table |= {"params": N.tolist(), "tokens": D.tolist(), "loss": (clean * np.exp(errors)).tolist()}
        free = {name: values for name, values in table.items() if name != "run"}
        intervals = [planner.plan(flops=1e22, law=planner.fit(each).law).intervals for each in (table, free)]
        ends = [each.params for each in intervals if each is not None and each.params is not None]
        assert ends[0][0] <= true <= ends[0][1]
        widths.append([np.log(high / low) for low, high in ends])
    named, unnamed = np.mean(widths, 0)
    assert named > unnamed


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"cooldown": 0.2, "trunk": False}, "goes with trunk"),
        ({"cooldown": 0}, "cooldown"),
        ({"cooldown": "95%"}, "1% to 90%"),
        ({"cooldown": "much"}, "cooldown"),
        ({"trunk": 1}, "expected True or False"),
        ({"shapes": True}, "shapes does not go with trunk"),
        ({"given": {"params": [1e8], "tokens": [1e9], "loss": [3.0]}}, "given does not go with trunk"),
        ({"min_params": 1e12}, "other min_params"),
        ({"budget": 10.0, "target": 1e6}, "budget"),
    ],
)
def test_what_trunks_cannot_take_is_refused(given_: dict[str, Any], said: str) -> None:
    """One line of what to do."""
    with pytest.raises(planner.PlannerError, match=said):
        planner.pilots(**({"budget": 1e20, "target": TARGET, "trunk": True} | given_))
