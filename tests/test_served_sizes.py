"""Devices for some days with a demand: smaller sizes on the same devices and days, and the one that pays."""

import re
from typing import Any

import pytest
from scipy.optimize import minimize_scalar

import planner
from planner.allocation import solver
from planner.planning.quantised import added_loss
from planner.planning.served_sizes import RATIOS
from tests.conftest import Run

ASKED: dict[str, Any] = {"gpus": "64xH100", "days": 21, "mfu": 0.4, "inference_per_month": "100B", "months": 24}


def _net(plan: planner.Plan, params: float, tokens: float) -> float:
    """Return the serving saved less what the worse loss is worth, from the definitions alone [FLOP at the price of training]."""
    law, budget = plan.law, plan.flops
    D = budget / (6 * params)
    reducible = float(law.loss(params, D)) - float(law.irreducible_loss)
    worth = float(solver.equivalent_flops(law, reducible))
    served = 2 * tokens * (plan.params - params)  # a forward pass over each token, 2 N FLOP (Sardana et al. 2024, Eq. 2)
    return served - (budget - worth)


def test_the_plan_is_the_training_optimal_one_and_serving_comes_after() -> None:
    """N, D and loss are those of the same FLOP without a demand; what serving costs stands beside them."""
    plan = planner.plan(**ASKED)
    alone = planner.plan(flops=plan.flops)
    assert (plan.params, plan.tokens, plan.loss) == (alone.params, alone.tokens, alone.loss)
    assert plan.serving is not None
    assert plan.serving.tokens == 2.4e12
    assert plan.serving.serving_flops == pytest.approx(2 * plan.params * 2.4e12, rel=1e-12)
    assert plan.spent == pytest.approx(plan.flops, rel=1e-12)


def test_rows_follow_from_their_definitions() -> None:
    """Every size is trained on the same budget; what is saved and lost is what the definitions say, in FLOP and dollars."""
    plan = planner.plan(**ASKED)
    assert {row.ratio for row in plan.served_sizes} >= set(RATIOS)
    hour = plan.machine
    assert hour is not None
    for row in plan.served_sizes:
        assert 6 * row.params * row.tokens == pytest.approx(plan.flops, rel=1e-12)
        assert row.loss == pytest.approx(float(plan.law.loss(row.params, row.tokens)), rel=1e-12)
        assert row.net == pytest.approx(_net(plan, row.params, 2.4e12), rel=1e-6, abs=1e-9 * plan.flops)
        dollars = hour.cost(1.0).dollars
        assert dollars is not None
        assert row.net_dollars == pytest.approx(row.net * dollars.expected, rel=1e-12)


def test_the_marked_size_is_the_best_of_all() -> None:
    """SciPy finds no better one, and a demand of nothing worth speaking of keeps the training-optimal size."""
    plan = planner.plan(**ASKED)
    (best,) = [row for row in plan.served_sizes if row.best]
    found = minimize_scalar(lambda ratio: -_net(plan, ratio * plan.params, 2.4e12), bounds=(0.01, 1.0), method="bounded")
    assert best.net == pytest.approx(-found.fun, rel=1e-4)
    assert best.ratio == pytest.approx(found.x, rel=0.01)
    (little,) = [row for row in planner.plan(**{**ASKED, "inference_per_month": "1M"}).served_sizes if row.best]
    assert little.ratio == pytest.approx(1.0, abs=0.01)


_FEWER = {**ASKED, "inference_per_month": "20B"}
_SPEEDS: tuple[dict[str, Any], ...] = ({}, {"inference_mfu": 0.2})


def test_a_dearer_demand_marks_a_smaller_size() -> None:
    """Serving at less than training's utilisation counts more; requests say the same demand."""
    plain, slow = (next(row for row in planner.plan(**_FEWER, **more).served_sizes if row.best) for more in _SPEEDS)
    assert slow.params < plain.params
    requests = {name: value for name, value in ASKED.items() if name != "inference_per_month"}
    same = planner.plan(**requests, requests_per_month="10M", tokens_per_request=2000)
    assert next(row for row in same.served_sizes if row.best) == plain


def test_a_demand_beyond_the_budget_marks_no_size() -> None:
    """A worse loss is never worth more than the budget: where serving costs more, ever smaller models pay, and none is best."""
    plan = planner.plan(**ASKED, inference_mfu=0.04)
    assert not any(row.best for row in plan.served_sizes)
    nets = [row.net for row in plan.served_sizes]
    assert nets == sorted(nets)
    assert "no size is best by the serving saved" in plan.text().replace("\n      ", " ")


def test_what_makes_nothing_of_it_refuses_it_by_name() -> None:
    """A range and a configuration point to what does."""
    for ask in (planner.configure, planner.sweep):
        asked = {**ASKED, "days": "10..30"} if ask is planner.sweep else ASKED
        with pytest.raises(planner.PlannerError, match="days train and serving comes after"):
            ask(**asked)


def test_it_is_printed(run: Run) -> None:
    """The table, its mark and its dollars; the trade marks the cheapest life."""
    asked = ("--gpus", "64xH100", "--days", "21", "--inference-per-month", "100B", "--months", "24")
    code, out, _ = run(*asked)
    assert code == 0
    assert "The same devices and days on smaller models" in out
    assert out.count(" [1]  ") >= 1
    assert "in dollars" in out
    code, out, _ = run("trade", *asked)
    assert code == 0
    assert "FLOP [1]" in out
    assert "the least for training it and serving 2.40 T tokens" in out


def test_the_trade_marks_the_cheapest_life() -> None:
    """Training and serving together, at the price of training: least in the marked row."""
    found = planner.trade(**ASKED)
    assert found.demand is not None
    lives = [row.life for row in found.rows if row.life is not None]
    (best,) = [row for row in found.rows if row.cheapest]
    assert best.life == min(lives)
    assert best.flops is not None
    assert best.life == pytest.approx(best.flops + 2 * best.params * 2.4e12, rel=1e-12)
    assert planner.trade(flops=found.flops).rows[0].life is None


@pytest.mark.parametrize("fixed", [{"params": "7B"}, {"max_params": "7B"}, {"tokens": "1T"}, {"tokens_per_param": 100}])
def test_a_limit_leaves_serving_after(run: Run, fixed: dict[str, Any]) -> None:
    """A size of one's own is trained on the whole of the devices and days too: no part of them is called serving's."""
    plan = planner.plan(**ASKED, **fixed)
    assert plan.serving is not None
    assert plan.serving.after
    assert plan.training_flops == pytest.approx(plan.flops, rel=1e-9)
    words = [word for name, value in {**ASKED, **fixed}.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert ", then serving 2.40 T tokens" in out.splitlines()[0]
    assert "of what is spent" not in out
    assert "loss, regime and optimum are those of training alone" in " ".join(out.split())
    assert "inference-not-counted" not in {note.code for note in plan.notes}
    assert plan.serving.saved == 0 or abs(plan.serving.saved) > 1e-12


def test_what_a_run_takes_counts_what_is_served(run: Run) -> None:
    """The first line says that its FLOP are those of training and of serving."""
    code, out, _ = run(*["--params", "7B", "--tokens", "1T", "--inference-tokens", "2.4T"])
    assert code == 0
    assert out.startswith("What 7.00 B parameters on 1.00 T tokens take, training and serving 2.40 T tokens: 7.56e22 FLOP")
    plan = planner.plan(params="7B", tokens="1T", inference_tokens="2.4T")
    assert plan.flops == pytest.approx(6 * 7e9 * 1e12 + 2 * 7e9 * 2.4e12, rel=1e-12)
    (taken,) = [step for step in planner.explain(plan) if (step.symbol, step.part) == ("C", "this run")]
    assert taken.result == pytest.approx(plan.flops, rel=1e-12)


def test_rows_of_a_range_say_that_a_machine_trains_alone(run: Run) -> None:
    """The FLOP of a row pay serving, its device-hours do not."""
    said = "device-hours, time, cost, energy and CO2e are of training alone"
    served = ["--dollars", "1M..2M", "--gpu", "h100", "--points", "2", "--inference-tokens", "1T"]
    assert said in " ".join(run(*served)[1].split())
    assert said not in " ".join(run(*served[:-2])[1].split())


@pytest.mark.parametrize(
    "asked",
    [
        {"shape": "llama2-70b", "tokens": "15T", "gpus": "2048xH100", "deadline": "60d"},
        {"flops": 1e24, "gpus": "512xH100", "deadline": "30d"},
    ],
)
def test_a_late_run_is_told_how_many_devices_end_it_in_time(asked: dict[str, Any]) -> None:
    """At the utilisation that is forecast of that many: asked for them, the run is in time."""
    (late,) = [note.text for note in planner.plan(**asked, others=()).notes if note.code == "deadline"]
    said = re.search(r"given; ([\d,]+) devices, whose MFU is forecast at ([\d.]+) %", late)
    assert said is not None
    more = planner.plan(**{**asked, "gpus": f"{said[1].replace(',', '')}xH100"}, others=())
    assert more.cost is not None
    assert more.cost.in_time
    assert more.machine is not None
    assert more.machine.mfu.expected == pytest.approx(float(said[2]) / 100, rel=2e-3)


@pytest.mark.parametrize("asked", [{}, {"shape": "llama2-70b"}])
def test_fewer_devices_that_train_more_are_named(asked: dict[str, Any]) -> None:
    """An odd number splits badly: so many of them, the others idle, compute as much more as is said."""
    odd = planner.plan(gpus="509xH100", days=30, others=(), **asked)
    (text,) = [note.text for note in odd.notes if note.code == "idle-devices"]
    said = re.search(r"^(\d+) of these 509 devices, the others idle, would compute ([\d.]+) % more", text)
    assert said is not None
    fewer = planner.plan(gpus=f"{said[1]}xH100", days=30, others=(), **asked)
    assert fewer.flops / odd.flops == pytest.approx(1 + float(said[2]) / 100, rel=2e-3)
    assert not [note for note in planner.plan(gpus="512xH100", days=30, others=()).notes if note.code == "idle-devices"]


def test_the_sizes_say_that_rounding_is_not_in_them(run: Run) -> None:
    """Of weights that are rounded for serving the smaller sizes, which saw more tokens, lose more than their rows say."""
    plan = planner.plan(**ASKED, serve_precision=4)
    added = [float(added_loss(plan.law, row.params, row.tokens, 4)) for row in plan.served_sizes]
    assert added == sorted(added)
    assert added[0] < added[-1]
    asked = ["--gpus", "64xH100", "--days", "21", "--mfu", "0.4", "--inference-per-month", "100B", "--months", "24"]
    said = "rounded to 4 bits, fewer parameters on more tokens lose more"
    assert said in re.sub(r"\s+", " ", run(*asked, "--serve-precision", "4")[1])
    assert said not in re.sub(r"\s+", " ", run(*asked)[1])
