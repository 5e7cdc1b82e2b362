"""Devices of a plan that names no model: the speed of the one it proposes, the same on every surface; whole runs against steps."""

import re
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner import sheets
from planner._util.files import settings as numbers
from planner.allocation import solver
from planner.errors import PlannerError
from planner.inputs.forecast_speed import FILE, proposing
from planner.inputs.proposed_speed import Speeds, whole_run
from planner.inputs.question import Question
from planner.inputs.registry import PlanInputs
from planner.inputs.request import read_request
from planner.quantities.estimate import Range
from tests.whole_runs import of_sources, slower, whole_runs

KNOWN = numbers(FILE, "whole_runs")


def speeds_of(gpus: str) -> Speeds:
    """Return the speeds of proposed models on devices, under the default law."""
    found = read_request(Question.of(PlanInputs, "plan", {"gpus": gpus, "flops": 1e21})).speeds
    assert found is not None
    return found


def test_whole_runs_take_longer_than_their_steps() -> None:
    """The factor and its range follow from the rows that ship, one voice a source; sources left out lie in the range of the rest."""
    runs = whole_runs()
    assert len(runs) == 23
    voices = of_sources(runs)
    middle, half = slower(list(voices.values()))
    assert KNOWN["slower"] == pytest.approx(exp(middle), abs=0.005)
    dense = log(numbers(FILE, "intervals")["dense"]["0.8"])
    assert KNOWN["spread"] == pytest.approx(exp((half**2 - dense**2) ** 0.5), abs=0.005)
    inside = 0
    for source, voice in voices.items():
        others, width = slower([each for name, each in voices.items() if name != source])
        inside += abs(voice - others) <= width
    assert 0.7 <= inside / len(voices) <= 0.95


@given(st.floats(0.01, 0.9), st.floats(1.01, 3), st.booleans())
def test_a_whole_run_widens_the_range(share: float, factor: float, own: bool) -> None:
    """It lies below the steps' and its range holds their factor and that of whole runs, as independent ones add."""
    found = whole_run(Range(share / factor, share, share * factor), own=own)
    assert found.expected == pytest.approx(share / KNOWN["own" if own else "slower"])
    spread = exp((log(factor) ** 2 + log(KNOWN["own_spread" if own else "spread"]) ** 2) ** 0.5)
    assert (found.expected / found.low, found.high / found.expected) == pytest.approx((spread, spread))


@pytest.mark.parametrize("asked", [{"days": 21}, {"gpu_hours": 30_000}, {"dollars": "100k"}, {"energy": "50 MWh"}], ids=str)
@pytest.mark.parametrize("law", ["besiroglu2024", "kaplan2020", "hoffmann2022-approach1"])
def test_a_budget_of_devices_is_a_fixed_point(asked: dict[str, Any], law: str) -> None:
    """The run that is planned is trained at the utilisation by which its budget was told, and no larger one would be."""
    answer = planner.plan(gpus="64xH100", law=law, **asked)
    machine, problem = answer.machine, answer.problem
    assert machine is not None
    speeds = proposing(Question.of(PlanInputs, "plan", {"gpus": "64xH100"}), problem, read_of("64xH100"))
    assert speeds is not None
    there = speeds.shares(problem, answer.params, answer.tokens)
    assert (machine.mfu.low, machine.mfu.expected, machine.mfu.high) == pytest.approx(
        tuple(float(end) for end in there), rel=1e-8
    )
    full = answer.flops / machine.mfu.expected
    larger = np.geomspace(answer.flops * (1 + 1e-6), full, 400)
    shares = speeds.shares(problem, *solver.best_run(problem, larger)).expected
    assert np.nanmax(full * shares / larger) < 1 + 1e-9, "a larger run would reach its own utilisation"


def read_of(gpus: str) -> Any:
    """Return what is held in devices at the published utilisation."""
    from planner.inputs.held_budgets import read_held

    return read_held(Question.of(PlanInputs, "plan", {"gpus": gpus}))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["8xH100", "64xH100", "512xA100", "1024xH200", "4096xV100", "10000xH100"]),
    st.floats(0.5, 3000),
    st.floats(1.001, 3),
)
def test_more_days_never_buy_less(gpus: str, days: float, times: float) -> None:
    """Not even where larger models run so much faster that several runs reach their own speed; and what they buy takes them."""
    less, more = (planner.plan(gpus=gpus, days=each, others=()) for each in (days, days * times))
    assert more.flops >= less.flops * (1 - 1e-9)
    again = planner.plan(gpus=gpus, flops=less.flops, others=()).cost
    assert again is not None
    assert again.hours is not None
    assert again.hours.expected == pytest.approx(24 * days, rel=1e-6)


def test_a_model_that_fits_no_layout_takes_the_speed_of_one_about_its_size() -> None:
    """Where memory rules all layouts out, or a model is too small for any: said, and never the median of runs that do fit."""
    big = planner.plan(gpus="8xH100", flops=1e24)
    named = planner.plan(shape="llama3.1-405b", gpus="8xH100", days=30)
    for answer in (big, named):
        assert "its memory fits no layout on these devices" in next(
            note.text for note in answer.notes if note.code == "mfu-forecast"
        )
        assert any(note.severity == "warning" and note.text.startswith("does not fit") for note in answer.notes)
    odd = planner.plan(gpus="8xH100", flops=1e9)
    for answer, said in ((big, "the model of 95.9 B"), (odd, "for no layout of one of")):
        assert answer.machine is not None
        assert answer.machine.mfu.expected < 0.35
        assert said in next(note.text for note in answer.notes if note.code == "mfu-forecast")


def test_a_step_of_ones_own_corrects_what_is_proposed(tmp_path: Path) -> None:
    """A measured step that is just as forecast leaves the steps as they were, and whole runs at what such runs took."""
    own = tmp_path / "own.toml"
    own.write_text('[[measured]]\nid = "h100-sxm"\nlog_time = 0.0\nparams = 8e9\ndevices = 64\nmixture = false\n')
    asked: dict[str, Any] = {"gpus": "64xH100", "flops": 5e22}
    theirs, mine = (planner.plan(**asked, **more).machine for more in (dict[str, Any](), dict[str, Any](gpu_file=own)))
    assert theirs is not None
    assert mine is not None
    assert mine.mfu.expected / theirs.mfu.expected == pytest.approx(KNOWN["slower"] / KNOWN["own"])
    notes = planner.plan(**asked, gpu_file=own).notes
    steps = re.search(r"its steps reach ([0-9.]+) %", next(note.text for note in notes if note.code == "mfu-forecast"))
    assert steps is not None
    assert float(steps[1]) == pytest.approx(100 * KNOWN["own"] * mine.mfu.expected, rel=2e-3)


@pytest.mark.parametrize(("gpus", "days"), [("1xH100", 5), ("8xH100", 1), ("64xH100", 30), ("256xA100", 30)])
def test_configure_trains_on_what_its_layout_does_in_the_time(gpus: str, days: float) -> None:
    """Tokens a second of its first layout times the time, over what whole runs took longer: attention is not paid twice."""
    found, answer = planner.configure(gpus=gpus, days=days), planner.plan(gpus=gpus, days=days)
    assert found.cost is not None
    assert found.cost.hours is not None
    assert found.cost.hours.expected == pytest.approx(24 * days)
    speed = found.fits[0].speed
    assert speed is not None
    every = speed.tokens_per_second_per_device.expected * float(gpus.partition("x")[0])
    assert found.tokens == pytest.approx(every * 86400 * days / KNOWN["slower"], rel=1e-6)
    assert found.tokens == pytest.approx(answer.tokens, rel=0.15), "the table between sizes misses by little"


def test_every_surface_has_the_same_speed() -> None:
    """plan, check, a sweep, cells, compare, levers and limits; a utilisation of one's own overrides it on each."""
    held: dict[str, Any] = {"gpus": "64xH100", "days": 30}
    answer = planner.plan(**held)
    assert answer.machine is not None
    assert answer.machine.mfu.expected != 0.375
    rows = list(planner.sweep(gpus="64xH100", days="10..90", points=3))
    for row in rows:
        one = planner.plan(gpus="64xH100", days=row["budget_days"])
        assert one.machine is not None
        assert (row["flops"], row["params"], row["mfu"]) == pytest.approx(
            (one.flops, one.params, one.machine.mfu.expected), rel=1e-8
        )
        assert one.cost is not None
        assert row["dollars_low"] == pytest.approx(one.cost.dollars.low, rel=1e-8)  # type: ignore[union-attr]  # H100s have a price
        assert row["hours"] == pytest.approx(24 * row["budget_days"])
    judged = planner.check(params=answer.params, tokens=answer.tokens, gpus="64xH100")
    assert judged.machine is not None
    assert judged.machine.mfu == pytest.approx(answer.machine.mfu)
    cells = {name: getattr(sheets, name)("64xH100 x 30d") for name in ("plan_flops", "plan_params", "plan_tokens")}
    assert cells == pytest.approx({"plan_flops": answer.flops, "plan_params": answer.params, "plan_tokens": answer.tokens})
    assert sheets.plan_days("64xH100 x 30d", "64xH100") == pytest.approx(30)
    kaplan = planner.plan(**held, law="kaplan2020")
    assert sheets.plan_params("64xH100 x 30d", "kaplan2020") == pytest.approx(kaplan.params)
    assert sheets.plan_table([["64xH100 x 30d"]], "kaplan2020")[1][1] == pytest.approx(kaplan.params)
    for found in (planner.compare(**held), planner.levers(**held), planner.limits(**held)):
        assert found.flops == pytest.approx(answer.flops) if hasattr(found, "flops") else found.inputs
    traded = planner.trade(**held)
    assert traded.flops == pytest.approx(answer.flops)
    own = planner.plan(**held, mfu=0.5).flops
    assert own == pytest.approx(64 * 989e12 * 0.5 * 30 * 86400)
    assert sheets.plan_flops("64xH100 x 30d", 0.5) == planner.compare(**held, mfu=0.5).flops == pytest.approx(own)


def test_what_is_asked_for_otherwise_has_its_own_speed() -> None:
    """A FLOP budget, a loss, a run: the model that answers is the one whose speed is forecast."""
    problem = planner.plan(flops=1e22).problem
    speeds = speeds_of("64xH100")
    for asked in ({"flops": 1e22}, {"loss": 2.1}, {"params": "7B", "tokens": "1T"}, {"flops": 1e22, "params": "20B"}):
        answer = planner.plan(gpus="64xH100", **asked)
        assert answer.machine is not None
        assert answer.machine.mfu.expected == pytest.approx(float(speeds.shares(problem, answer.params, answer.tokens).expected))
    text = next(note.text for note in planner.plan(flops=1e22, gpus="64xH100").notes if note.code == "mfu-forecast")
    assert "that configure would propose" in text
    assert "the median of published runs is 37.5 %" in text


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"gpu": "h100", "dollars": "1M"}, "of a number of devices"),
        ({"gpus": "32xH100+32xA100", "days": 30}, "mixed fleet"),
        ({"gpus": "64xrtx4090", "days": 30}, "rtx4090 are not known"),
        ({"gpus": "8xH100", "flops": 1e5}, "no model of about its size"),
        ({"gpus": "64xH100", "days": 30, "peak": 9e14}, "peak of your own"),
        ({"gpus": "4096xH100", "days": 30, "law": "krajewski2024-moe", "experts": 64, "granularity": 4}, "is of mixtures"),
    ],
    ids=str,
)
def test_where_none_is_forecast_the_published_one_stands_with_the_reason(asked: dict[str, Any], why: str) -> None:
    """The old median and range, and why."""
    answer = planner.plan(**asked)
    assert answer.machine is not None
    assert answer.machine.mfu == (0.213, 0.375, 0.462)
    (text,) = [note.text for note in answer.notes if note.code == "mfu-default"]
    assert why in text


def test_serving_that_hangs_on_the_speed_is_settled_with_it() -> None:
    """A served FLOP costs mfu over inference_mfu trained ones: the mfu is that of the model that follows."""
    answer = planner.plan(gpus="64xH100", dollars="300k", inference_tokens="2T", inference_mfu=0.2)
    assert answer.machine is not None
    assert answer.serving is not None
    speeds = speeds_of("64xH100")
    there = float(speeds.shares(answer.problem, answer.params, answer.tokens).expected)
    assert answer.machine.mfu.expected == pytest.approx(there, rel=1e-8)


def test_between_nodes_the_table_is_near_the_forecast() -> None:
    """Models and tokens at random: 4 % in the median, 15 % in nine of ten, against each model forecast by itself (docs)."""
    random, off = Random(5), []
    for gpus in ("8xH100", "64xH100", "1024xH100", "512xA100"):
        speeds = speeds_of(gpus)
        problem = planner.plan(flops=1e21).problem
        for _ in range(25):
            N = exp(random.uniform(log(5e8), log(3e11)))
            D = 20 * N * exp(random.uniform(-1, 2))
            direct, share = speeds.first(N, D), float(speeds.shares(problem, N, D).expected)
            if direct is None or direct[1].speed is None or direct[1].fits is False or np.isnan(share):
                continue
            shape, fit = direct
            assert fit.speed is not None
            exact = fit.speed.tokens_per_second_per_device.expected * shape.total * 6 / 989e12 / KNOWN["slower"]
            off.append(abs(log(share * speeds.machine.parts[0].peak / 989e12 / exact)))
    assert len(off) > 60
    assert np.quantile(off, 0.5) < 0.04
    assert np.quantile(off, 0.9) < 0.15


def test_a_workbook_and_a_page_carry_the_speed(tmp_path: Any) -> None:
    """The utilisation stands as an input, with its range and the layout it is forecast for."""
    openpyxl = pytest.importorskip("openpyxl")
    answer = planner.plan(gpus="64xH100", days=30)
    assert answer.machine is not None
    path = planner.write_workbook(tmp_path / "budget.xlsx", gpus="64xH100", days=30)
    sheet = openpyxl.load_workbook(path)["Plan"]
    row = next(row for row in sheet.iter_rows(values_only=True) if row[0] == "Utilisation (MFU)")
    assert row[1] == pytest.approx(answer.machine.mfu.expected)
    assert "ZeRO" in row[2]
    assert " to " in row[2]
    page = planner.write_report(answer, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "that configure would propose" in page


def test_refusals_stay_what_they_were() -> None:
    """A budget that is too small, or a run that cannot be, is refused with devices as without."""
    wrong: list[dict[str, Any]] = [
        {"gpus": "1xH100", "loss": 1.0},
        {"gpus": "8xH100", "days": 30, "params": "7B", "tokens": "1T", "flops": 1e21},
    ]
    for asked in wrong:
        with pytest.raises(PlannerError):
            planner.plan(**asked)
