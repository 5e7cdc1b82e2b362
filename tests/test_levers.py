"""Efficiency levers: a gain of one changes nothing, gains multiply, and each number is its source's."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.errors import PlannerError
from planner.planning.diminishing_returns import ComputeLimits
from planner.planning.published_levers import published_levers, unusable_levers


def _one(found: planner.Levers, name: str) -> Any:
    return next(each for each in found.levers if each.id == name)


def test_a_gain_of_one_changes_nothing() -> None:
    """Neither the loss nor the money; nor does waiting for no time."""
    found = planner.levers(flops=1e22, own={"mine": 1}, mfu=0.4, mfu_to=0.4, years=0, gpu="h100", combine="mine,mfu")
    assert found.combined is not None
    for each in (_one(found, "mine"), _one(found, "mfu"), _one(found, "algorithms"), _one(found, "hardware"), found.combined):
        assert (each.gain, each.loss, each.saved, each.dollars_saved) == (1.0, found.loss, 0.0, 0.0)
    same = planner.levers(flops=1e22, better={"alpha": planner.load_law("besiroglu2024").params["alpha"]})
    assert _one(same, "exponents").gain == pytest.approx(1.0, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 50), st.floats(0.1, 50), st.floats(1e19, 1e25))
def test_levers_multiply(one: float, other: float, flops: float) -> None:
    """Two gains combined are their product, and the loss is that of a budget so many times as large; a larger gain never hurts."""
    found = planner.levers(flops=flops, own={"one": one, "other": other}, combine=["one", "other"])
    assert found.combined is not None
    assert found.combined.gain == pytest.approx(one * other, rel=1e-12)
    assert found.combined.loss == pytest.approx(planner.plan(flops=flops * one * other, others=()).loss, rel=1e-12)
    assert found.combined.saved == pytest.approx(1 - 1 / (one * other), rel=1e-9, abs=1e-12)
    worse, better = sorted((_one(found, "one"), _one(found, "other")), key=lambda each: each.gain)
    assert better.loss <= worse.loss


def test_utilisation_and_money() -> None:
    """Utilisation from 35 to 45 % is 45/35; what is saved of the money is dollars on the device."""
    found = planner.levers(flops=1e22, mfu="35%", mfu_to="45%", gpu="h100", price=2.0)
    lever = _one(found, "mfu")
    assert lever.gain == pytest.approx(45 / 35, rel=1e-12)
    cost = planner.plan(flops=1e22, gpu="h100", mfu=0.35, price=2.0).cost
    assert cost is not None
    assert cost.dollars is not None
    assert lever.dollars_saved == pytest.approx(cost.dollars.expected * (1 - 35 / 45), rel=1e-9)
    assert lever.works_on == "price"


def test_better_exponents() -> None:
    """The gain is the compute at which the law as it is reaches the loss that the better constants give."""
    found = planner.levers(flops=1e22, better={"alpha": 0.36})
    lever = _one(found, "exponents")
    changed = planner.plan(flops=1e22, constants={"alpha": 0.36}, others=())
    assert lever.loss == pytest.approx(changed.loss, rel=1e-9)
    assert planner.plan(flops=1e22 * lever.gain, others=()).loss == pytest.approx(changed.loss, rel=1e-9)


def test_what_is_published() -> None:
    """Factors and times as printed; what comes with time doubles with it; ranges stay ranges; shrunken claims are named."""
    known = {each.id: each for each in published_levers()}
    assert known["algorithms"].gain(8 / 12) == pytest.approx((2 ** (8 / 22), 2.0, 16.0))
    assert known["hardware"].gain(2.07) == pytest.approx((2 ** (2.07 / 3.13), 2.0, 2 ** (2.07 / 1.54)))
    assert [(name, known[name].gain(3)) for name in ("fp8", "sparsity", "moe", "data", "optimiser", "tuning")] == [
        ("fp8", (None, 1.34, None)),
        ("sparsity", (1.4, None, 1.7)),
        ("moe", (None, 4.0, None)),
        ("data", (None, 6.6, None)),
        ("optimiser", (None, 1.1, None)),
        ("tuning", (None, None, 2.0)),
    ]
    assert {name: each.claimed for name, each in known.items() if each.claimed} == {
        "fp8": 1.75,
        "sparsity": 2.0,
        "optimiser": 2.0,
    }
    assert all(each.source and each.caveat and each.applies_to for each in known.values())
    assert {what for what, _ in unusable_levers()} == {"pruning", "deduplication", "distillation", "low rank"}
    found = planner.levers(flops=1e22)
    sparse = _one(found, "sparsity")
    assert (sparse.loss, sparse.saved) == (None, None)
    assert sparse.loss_low < sparse.loss_high < found.loss
    assert "shrank" in {note.code for note in found.notes}


@pytest.mark.parametrize("law", ["besiroglu2024", "kaplan2020", "abnar2025", "minicpm2024", "porian2024-tuned"])
def test_under_other_laws(law: str) -> None:
    """A law with a loss weighs levers, one without says so."""
    if planner.allocate(law, 1e21).loss is None:
        with pytest.raises(PlannerError, match="which size, not which loss"):
            planner.levers(flops=1e21, law=law)
        return
    found = planner.levers(flops=1e21, law=law)
    assert found.loss == pytest.approx(planner.allocate(law, 1e21).loss, rel=1e-12)
    if found.law.form.active is not None or found.law.hides_total:
        assert not any(each.id.startswith("moe") for each in found.levers)  # it is a mixture already
        return
    assert _one(found, "moe").loss == pytest.approx(planner.allocate(law, 4e21).loss, rel=1e-12)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"flops": "lots"}, "expected a number of FLOPs"),
        ({"flops": 1e22, "law": "llama3"}, "which size, not which loss"),
        ({"flops": 1e22, "law": "gadre2024-c4"}, "its optimum of 3.36 tokens per parameter is an artefact"),
        ({"flops": 1e22, "own": {"fp8": 2}}, "is the name of a lever already"),
        ({"flops": 1e22, "own": {"mine": 0}}, "a gain is a factor above 0"),
        ({"flops": 1e22, "own": {"mine": "big"}}, "mine 'big'"),
        ({"flops": 1e22, "own": ["mine"]}, "expected names and gains"),
        ({"flops": 1e22, "mfu_to": 0.5}, "from which utilisation?"),
        ({"flops": 1e22, "mfu": 0.4, "mfu_to": 0}, "must be above 0 and at most 100 %"),
        ({"flops": 1e22, "mfu": 0.4}, "mfu goes with mfu_to"),
        ({"flops": 1e22, "price": 2}, "goes with a device"),
        ({"flops": 1e22, "years": -1}, "expected from 0 to 20"),
        ({"flops": 1e22, "combine": "fp8,magic"}, "no such lever; there are"),
        ({"flops": 1e22, "combine": "fp8"}, "name two levers or more"),
        ({"flops": 1e22, "combine": "fp8,fp8"}, "each once"),
        ({"flops": 1e22, "combine": "fp8,sparsity"}, "only a range is published"),
        ({"flops": 1e22, "combine": "moe,moe-law"}, "versions of one lever"),
        ({"flops": 1e22, "combine": 5}, "expected names of levers"),
        ({"flops": 1e22, "combine": [5, 6]}, "expected names of levers"),
        ({"flops": 1e22, "own": {"a,b": 2}}, "or holds a comma"),
        ({"flops": 1e22, "law": "kaplan2020", "better": {"alpha_N": 0.09}}, "does not change what kaplan2020 says"),
        ({"flops": 1e22, "better": {"nonsense": 1}}, "nonsense"),
        ({"flops": 1e22, "better": {"E": 0.5}}, "at or below the floor"),
        ({"flops": 1e59, "own": {"mine": 1e6}}, "leaves the budgets that can be planned"),
    ],
)
def test_bad_questions_are_refused(asked: dict[str, Any], complaint: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(PlannerError) as refused:
        planner.levers(**asked)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All formats agree; options become levers."""
    from planner.cli import main

    def run(*more: str) -> tuple[Any, str]:
        monkeypatch.setattr("sys.argv", ["plan", "levers", "--flops", "1e22", *more])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().out

    asked = ["--lever", "dedup=1.2", "--better", "alpha=0.36", "--mfu", "35%", "--mfu-to", "45%"]
    asked += ["--combine", "dedup,mfu", "--gpu", "h100"]
    code, out = run(*asked)
    assert code == 0
    assert "Without a usable published number" in out
    content = json.loads(run(*asked, "--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(run(*asked, "--format", "csv")[1])))
    every = [*content["levers"], content["combined"]]
    assert [row["id"] for row in rows] == [each["id"] for each in every]
    assert [row["gain"] for row in rows] == ["" if each["gain"] is None else repr(each["gain"]) for each in every]
    assert run("--strict")[0] == 1


def test_ranges_and_limits_of_levers() -> None:
    """A combination keeps the published ranges; a gain that leaves all budgets is left out, not the whole table; waiting long warns."""
    both = planner.levers(flops=1e22, combine="algorithms,fp8").combined
    assert both is not None
    slow, usual, fast = published_levers()[0].gain(1)
    assert (both.gain_low, both.gain, both.gain_high) == pytest.approx((slow * 1.34, usual * 1.34, fast * 1.34))  # type: ignore[operator]
    far = planner.levers(flops=1e59, years=10)
    assert "algorithms" not in {each.id for each in far.levers}
    assert {"left-out", "far-ahead"} <= {note.code for note in far.notes}
    assert "combined" in {note.code for note in planner.levers(flops=1e22, combine="moe,fp8").notes}


# ---------------------------------------------------------------- where part of the budget serves


def test_a_lever_makes_training_alone_cheaper() -> None:
    """By brute force over sizes: 6 N D / gain + 2 N S is what a budget pays for, and what the same loss takes."""
    law, flops, served, gain = planner.load_law("besiroglu2024"), 1e22, 2e12, 4.0
    found = planner.levers(flops=flops, inference_tokens=served, own={"mine": gain})
    mine = _one(found, "mine")
    N = np.geomspace(1e7, 1e12, 200_001)

    def lowest(budget: float, gain: float) -> float:
        D = (budget / N - 2 * served) * gain / 6
        return float(law.loss(N[D > 0], D[D > 0]).min())

    assert found.loss == pytest.approx(lowest(flops, 1.0), rel=1e-8)
    assert mine.loss == pytest.approx(lowest(flops, gain), rel=1e-8)
    assert lowest(mine.equivalent_flops, 1.0) == pytest.approx(mine.loss, rel=1e-8)
    assert lowest((1 - mine.saved) * flops, gain) == pytest.approx(found.loss, rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.floats(1.01, 50), st.floats(19, 25), st.floats(9, 13))
def test_a_lever_is_worth_less_where_serving_takes_its_part(gain: float, decades: float, served: float) -> None:
    """Never more than without serving, never nothing, and as much where next to nothing is served."""
    asked: dict[str, Any] = {"flops": 10.0**decades, "own": {"mine": gain}}
    some = _one(planner.levers(**asked, inference_tokens=10.0**served), "mine")
    assert asked["flops"] < some.equivalent_flops <= gain * asked["flops"] * (1 + 1e-9)
    assert 0 < some.saved <= (1 - 1 / gain) * (1 + 1e-9)
    none = _one(planner.levers(**asked, inference_tokens=1), "mine")
    assert none.equivalent_flops == pytest.approx(gain * asked["flops"], rel=1e-6)
    assert none.saved == pytest.approx(1 - 1 / gain, rel=1e-6)


def test_better_constants_are_worth_what_their_own_law_gives() -> None:
    """Their loss is a plan's with them; worth and saving are budgets that reach that loss without, and the loss as it is with them."""
    law = planner.load_law("besiroglu2024")
    for asked in ({"flops": 1e22, "inference_tokens": "2T"}, {"flops": 1e22}):
        found = planner.levers(**asked, better={"alpha": 0.385})
        better = _one(found, "exponents")
        rest: dict[str, Any] = {**asked, "others": ()}
        improved = planner.plan(**rest, constants={"alpha": 0.385})
        assert better.loss == pytest.approx(improved.loss, rel=1e-9)
        assert planner.plan(**{**rest, "flops": better.equivalent_flops}).loss == pytest.approx(better.loss, rel=1e-9)
        spent = {**rest, "flops": (1 - better.saved) * found.flops}
        assert planner.plan(**spent, constants={"alpha": 0.385}).loss == pytest.approx(found.loss, rel=1e-9)
        assert (better.gain is None) == ("inference_tokens" in asked)
    assert law.params["alpha"] != 0.385
    with pytest.raises(PlannerError, match="no gain in training"):
        planner.levers(flops=1e22, inference_tokens="2T", better={"alpha": 0.36}, combine="exponents,fp8")


def test_devices_for_days_train_and_serving_comes_after() -> None:
    """The levers are those of the training, and a note says so; dollars pay for both."""
    devices: dict[str, Any] = {"gpus": "64xH100", "days": 21}
    demand: dict[str, Any] = {"inference_per_month": "100B", "months": 24}
    plain, served = planner.levers(**devices), planner.levers(**devices, **demand)
    assert [each._asdict() for each in served.levers] == [each._asdict() for each in plain.levers]
    assert served.demand is not None
    assert served.demand.tokens == pytest.approx(2.4e12)
    assert "served-after" in {note.code for note in served.notes}
    paid = planner.levers(dollars="1M", gpu="h100", **demand)
    assert "training-alone" in {note.code for note in paid.notes}
    assert paid.loss == pytest.approx(planner.plan(dollars="1M", gpu="h100", **demand, others=()).loss, rel=1e-9)


@pytest.mark.parametrize(
    "asked",
    [
        {"gpus": "64xH100", "flops": 1e22, "inference_tokens": "2T", "inference_mfu": "20%"},
        {"gpus": "64xH100", "dollars": "100k", "inference_tokens": "2T", "inference_mfu": "20%"},
        {"gpu": "h100", "dollars": "100k", "inference_tokens": "2T", "price": 3, "inference_price": 1},
    ],
)
def test_a_budget_that_serves_is_read_as_a_plans(asked: dict[str, Any]) -> None:
    """Its utilisation is that of the model that follows from it: levers, limits and plan say the same of it."""
    plan = planner.plan(**asked, others=())
    found, limits = planner.levers(**asked), planner.limits(**asked)
    assert isinstance(limits, ComputeLimits)
    assert found.flops == pytest.approx(plan.flops, rel=1e-9)
    assert found.loss == pytest.approx(plan.loss, rel=1e-9)
    assert found.machine is not None
    assert plan.machine is not None
    assert found.machine.mfu.expected == pytest.approx(plan.machine.mfu.expected, rel=1e-9)
    assert limits.rows[0].loss == pytest.approx(plan.loss, rel=1e-9)


def test_what_a_lever_saves_is_no_rounding() -> None:
    """Waiting for no time saves nothing, to the last digit."""
    found = planner.levers(flops=1e22, inference_tokens="2T", years=0, own={"mine": 1})
    assert {_one(found, name).saved for name in ("algorithms", "hardware", "mine")} == {0.0}
    assert planner.levers(flops=1e22, inference_tokens="2T", mfu=0.35, mfu_to=0.45).inputs["mfu_to"] == 0.45


@pytest.mark.parametrize("budget", [{"gpu_hours": "350k"}, {"energy": "4GWh"}, {"co2": "300t", "grid": "france"}])
def test_money_does_not_stretch_a_budget_of_another_kind(budget: dict[str, Any]) -> None:
    """A cheaper device-hour in serving leaves more of dollars, not of device-hours, energy or carbon."""
    for ask in (planner.levers, planner.plan):
        with pytest.raises(PlannerError, match="weighs serving by money"):
            ask(**budget, gpu="h100", inference_tokens="2T", price=3, inference_price=1)


def test_dollars_given_are_what_they_are(run: Any) -> None:
    """A budget of dollars has no range of dollars; one of FLOP has."""
    said = [run("levers", *words, "--gpu", "h100")[1].split("\n")[2] for words in (("--dollars", "2M"), ("--flops", "1e22"))]
    assert "$2.00M" in said[0]
    assert " to $" not in said[0]
    assert " to $" in said[1]


def test_a_brief_answer_shows_what_was_combined(run: Any) -> None:
    """The row that was asked for, rather than the first published one."""
    assert "combined" in run("levers", "--flops", "1e22", "--combine", "fp8,optimiser", "--brief")[1]
