"""What an error on a benchmark takes: published statements reproduced, lines that invert, and refusals where nothing follows compute."""

import csv
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner._util.files import settings
from planner.errors import CannotPlanError, PlannerError
from planner.planning.benchmark_regressions import Regression, benchmark_named, benchmarks
from planner.planning.diminishing_returns import ComputeLimits, contradiction

USABLE = [(each, line) for each in benchmarks() for line in each.regressions if line.significant(0.95)]
LINES = [f"{each.id}-{line.kind}" for each, line in USABLE]


@pytest.mark.parametrize("benchmark", benchmarks(), ids=lambda each: each.id)
def test_published_statements(benchmark: Any) -> None:
    """The errors and the compute that the paper's text names: 1e26 FLOP for 5 %, 1e33 for 1 % on ImageNet."""
    for check in benchmark.checks:
        found = benchmark.regressions[0].log_flops(check.error)
        assert found == pytest.approx(check.log10_flops, abs=check.tolerance), check.reason
    assert benchmark.id != "imagenet" or len(benchmark.checks) == 2


@pytest.mark.parametrize(
    ("slope", "error", "systems", "low", "high"),
    [(0.093, 0.006, 104, 9.5, 12.3), (0.062, 0.007, 20, 13.0, 21.3), (0.096, 0.012, 12, 8.3, 14.3)],
)
def test_the_intervals_are_the_papers(slope: float, error: float, systems: int, low: float, high: float) -> None:
    """Table 2b prints the exponents' 95 % intervals: 10.8 (9.5 to 12.3), 16.0 (13.0 to 21.3), 10.5 (8.3 to 14.3); to its rounding."""
    ends = Regression("polynomial", 0.0, slope, 0.1, error, systems, 0.7).slopes(0.95)
    assert 1 / ends[1] == pytest.approx(low, rel=0.02)
    assert 1 / ends[0] == pytest.approx(high, rel=0.02)


@pytest.mark.parametrize(("benchmark", "line"), USABLE, ids=LINES)
def test_standard_errors_agree_with_r2(benchmark: Any, line: Regression) -> None:
    """t^2 = R2 (n-2)/(1-R2) in a regression of one variable: what was transcribed hangs together, to the rounding of the standard errors."""
    assert line.t**2 == pytest.approx(line.r2 * (line.n - 2) / (1 - line.r2), rel=0.17)


@pytest.mark.parametrize(("benchmark", "line"), USABLE, ids=LINES)
@given(st.floats(0.01, 0.6), st.floats(1.01, 1.5))
def test_lines_invert_and_lower_errors_cost_more(benchmark: Any, line: Regression, error: float, times: float) -> None:
    """Error and compute invert; the lower error takes more; the line turned by no change of slope is itself."""
    log_flops = line.log_flops(error)
    assert line.error(log_flops) == pytest.approx(error, rel=1e-9)
    assert line.log_flops(error / times) > log_flops
    assert line.log_flops(error, line.c1) == pytest.approx(log_flops, rel=1e-9)


@pytest.mark.parametrize("benchmark", ["imagenet", "coco", "squad", "conll"])
def test_what_is_answered(benchmark: str) -> None:
    """Compute, its interval around it, factors from today's error, and costs that are hours of a whole device."""
    found: Any = planner.limits(benchmark=benchmark, error=0.2, today=0.3, gpu="h100", price=2.0, grid="france")
    assert found.machine.mfu == (1, 1, 1)
    for each in found.needed:
        line = next(line for line in found.benchmark.regressions if line.kind == each.kind)
        assert each.flops is not None
        assert each.low is not None
        assert math.log10(each.flops) == pytest.approx(line.log_flops(0.2), rel=1e-12)
        assert each.low <= each.flops
        assert each.high is None or each.high >= each.flops
        assert each.factor == pytest.approx(10 ** (line.log_flops(0.2) - line.log_flops(0.3)), rel=1e-9)
        device = found.machine.parts[0]
        if each.kind == "operations":  # what training computes, not what the devices could have
            assert (each.device_hours, each.dollars, each.kwh, each.kg_co2e) == (None, None, None, None)
            continue
        assert each.device_hours == pytest.approx(each.flops / device.peak / 3600, rel=1e-12)
        assert each.device_hours is not None
        assert each.dollars == pytest.approx(2.0 * each.device_hours, rel=1e-12)
        assert each.kg_co2e is not None
    assert {note.severity for note in found.notes if note.code == "regression"} == {"warning"}


def test_network_operations_of_imagenet() -> None:
    """Table 2a: an error half as large for 12.1 times the power of 2 (10.6 to 14.1); the text's about 1e26 FLOP for 5 %."""
    found: Any = planner.limits(benchmark="imagenet", error="5%")
    line = next(each for each in found.benchmark.regressions if each.kind == "operations")
    need = next(each for each in found.needed if each.kind == "operations")
    assert 1 / line.c1 == pytest.approx(12.1, abs=0.15)
    assert [1 / slope for slope in line.slopes(0.95)][::-1] == pytest.approx([10.6, 14.1], abs=0.3)
    assert need.flops is not None
    assert math.log10(need.flops) == pytest.approx(26, abs=0.5)
    assert {note.text[:40] for note in found.notes if note.code == "remark"} == {
        "the slope of hardware burden is the auth", "operations are those of training itself "
    }  # fmt: skip


def test_what_the_paper_says_stands_beside() -> None:
    """Its own words where it has any, and the dated statement of 2020."""
    near: Any = planner.limits(benchmark="imagenet", error="5%")
    assert "another 1e5 times" in near.said
    between: Any = planner.limits(benchmark="imagenet", error="6%")
    assert between.said == ""
    far: Any = planner.limits(benchmark="imagenet", error="1%")
    assert [each.flops is None for each in far.needed] == [False, True, False], "nobody has 1e60 FLOP"
    assert json.loads(json.dumps(far.to_dict(), allow_nan=False))["needed"][1]["flops"] is None


@pytest.mark.parametrize("benchmark", ["wmt-en-fr", "wmt-en-de"])
def test_translation_is_refused(benchmark: str) -> None:
    """No slope that differs from 0: no compute can be read off it."""
    with pytest.raises(CannotPlanError, match="do not follow compute significantly"):
        planner.limits(benchmark=benchmark, error=0.5)
    assert not any(line.significant(0.95) for line in benchmark_named(benchmark).regressions)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"benchmark": "mnist", "error": 0.1}, "expected one of imagenet, coco"),
        ({"benchmark": 3, "error": 0.1}, "expected one of imagenet"),
        ({"benchmark": "imagenet", "error": 5}, "could be meant in per cent"),
        ({"benchmark": "imagenet", "error": 0}, "must be above 0 and below 1"),
        ({"benchmark": "imagenet", "error": "100%"}, "must be above 0 and below 1"),
        ({"benchmark": "imagenet", "error": 0.1, "today": 0.05}, "not above the error to reach"),
        ({"benchmark": "imagenet", "error": 0.1, "gpu": "h1000"}, "no device"),
        ({"benchmark": "imagenet", "error": 0.1, "level": 2}, "level"),
        ({"benchmark": "imagenet", "error": 0.1, "price": -1}, "price"),
        ({"benchmark": "imagenet"}, "needs an error to reach"),
        ({}, "limits of what?"),
        ({"flops": "1e18..1e28", "benchmark": "imagenet"}, "two questions"),
        ({"flops": "1e18..1e28", "gpu": "h100"}, "gpu would change nothing beside flops"),
        ({"benchmark": "imagenet", "error": 0.1, "stock": "1T"}, "stock does not go with benchmark"),
        ({"flops": "1e28..1e18"}, "the range ends where it begins or before"),
        ({"flops": "1e21", "points": 3}, "points go with a range"),
        ({"flops": "1e21.."}, "expected a range such as 1e18..1e28"),
        ({"flops": "1e21..1e21"}, "ends where it begins"),
        ({"flops": "1e20...1e22"}, "expected a range such as 1e18..1e28"),
        ({"benchmark": "wmt-en-fr", "error": 0.1, "level": 0.5}, "do not follow compute significantly"),
        ({"flops": [1e18]}, "expected a range of budgets"),
        ({"flops": "1e18..lots"}, "expected a number of FLOPs"),
        ({"flops": (1e18, 1e28), "points": 1}, "points 1"),
        ({"flops": (1e18, 1e28), "share": 0}, "must be above 0"),
        ({"flops": (1e18, 1e28), "stock": "none"}, "stock"),
        ({"flops": (1e18, 1e28), "law": "gadre2024-c4"}, "its optimum of 3.36 tokens per parameter is an artefact"),
    ],
)
def test_bad_questions_are_refused(asked: dict[str, Any], complaint: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(PlannerError) as refused:
        planner.limits(**asked)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All formats agree; a regression is a warning under --strict."""
    from planner.cli import main

    def run(*more: str) -> tuple[Any, str]:
        monkeypatch.setattr("sys.argv", ["plan", "limits", "--benchmark", "imagenet", "--error", "5%", *more])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().out

    code, out = run("--today", "11.5%")
    assert code == 0
    assert "1.21e26 FLOP" in out
    content = json.loads(run("--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv")[1])))
    assert [float(row["flops"]) for row in rows] == [each["flops"] for each in content["needed"]]
    assert run("--strict")[0] == 1


# ---------------------------------------------------------------- over a range of budgets


PLANS = [law for law in planner.laws() if law.role == "plan"]


@pytest.mark.parametrize("law", PLANS, ids=str)
def test_returns_are_those_of_the_plans(law: planner.Law) -> None:
    """N, D, loss and what a doubling buys are planner.plan's; either side alone buys what the loss surface says; returns diminish."""
    found: Any = planner.limits(flops=(1e19, 1e25), law=law, points=4)
    for row in found.rows:
        answer = planner.plan(flops=row.flops, law=law, others=())
        assert row.params == pytest.approx(answer.params, rel=1e-9)
        assert row.tokens == pytest.approx(answer.tokens, rel=1e-9)
        assert row.extrapolation == (None if answer.extrapolation is None else pytest.approx(answer.extrapolation, rel=1e-9))
        if row.loss is None:
            continue
        assert answer.doubling is not None
        assert row.doubling == pytest.approx(answer.doubling.loss_gain, rel=1e-7)
        assert row.doubling_share == pytest.approx(answer.doubling.share_of_reducible, rel=1e-7)
        surface = answer.law.surface_law
        if surface is answer.law:
            alone = surface.loss(row.params, row.tokens) - surface.loss(2 * row.params, row.tokens)
            assert row.doubling_params == pytest.approx(alone, rel=1e-6, abs=1e-12)
            alone = surface.loss(row.params, row.tokens) - surface.loss(row.params, 2 * row.tokens)
            assert row.doubling_tokens == pytest.approx(alone, rel=1e-6, abs=1e-12)
    gains = [row.doubling for row in found.rows if row.doubling is not None]
    assert gains == sorted(gains, reverse=True)


@pytest.mark.parametrize("law", PLANS, ids=str)
def test_marks_are_where_they_say(law: planner.Law) -> None:
    """At each mark what it says holds: the law's distance from its runs, the share of the floor, the tokens of the stock."""
    found: Any = planner.limits(flops=(1e19, 1e25), law=law, points=2, stock="15T", share="20%")
    marks = {mark.code: mark for mark in found.marks}
    assert [mark.flops for mark in found.marks] == sorted(mark.flops for mark in found.marks)
    for factor in (10, 100):
        if f"beyond-{factor}" in marks and not law.domain.tokens_per_param:
            at = planner.limits(flops=(marks[f"beyond-{factor}"].flops, 1e59), law=law, points=2)
            assert at.rows[0].extrapolation == pytest.approx(factor, rel=1e-6)  # type: ignore[union-attr]
    if "near-the-floor" in marks:
        best = planner.allocate(law, marks["near-the-floor"].flops)
        assert best.loss / law.irreducible_loss == pytest.approx(1.2, rel=1e-9)
    if "data-run-out" in marks:
        assert marks["data-run-out"].tokens == pytest.approx(15e12, rel=1e-9)
        assert marks["data-run-out"].flops_low is None, "a stock of one's own has no range"
    assert "contradiction" in marks


def compute_limits(flops: float | tuple[float, float]) -> ComputeLimits:
    """Return the limits of a range of budgets, or of one."""
    found = planner.limits(flops=flops)
    assert isinstance(found, ComputeLimits)
    return found


def test_one_budget_is_a_row_of_the_range() -> None:
    """Of any plan: the row that a range has there, the same marks, and the fall in loss that the plan itself prints."""
    one, over = (compute_limits(flops=flops) for flops in (1e21, (1e21, 1e23)))
    assert one.rows == over.rows[:1]
    assert one.marks == over.marks
    doubling = planner.plan(flops=1e21).doubling
    assert doubling is not None
    assert one.rows[0].doubling == pytest.approx(doubling.loss_gain, rel=1e-9)


def test_kaplans_contradiction() -> None:
    """About 1e4 PF-days of C_min, 1e12 parameters and a loss of 1.7, each within the printed factor of ten; there both laws agree."""
    pf_days, params, loss = contradiction()
    section = settings("planning.toml", "contradiction")
    for ours, printed in zip((pf_days, params), (section["printed"]["pf_days"], section["printed"]["params"]), strict=True):
        assert 0.1 < ours / printed < 10
    assert loss == pytest.approx(section["printed"]["loss"], abs=0.1)
    flops = pf_days * 2 * 8.64e19
    best = planner.allocate("kaplan2020", flops)
    assert planner.load_law("kaplan2020-ld").loss(tokens=best.tokens) == pytest.approx(best.loss, rel=1e-9)


def test_returns_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, JSON and CSV of a range; the stock that was found in the literature stands with its range."""
    from planner.cli import main

    def run(*more: str) -> str:
        monkeypatch.setattr("sys.argv", ["plan", "limits", "--flops", "1e18..1e28", *more])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        return capsys.readouterr().out

    assert "the optimum wants more different tokens than there are" in run()
    content = json.loads(run("--format", "json"))
    assert len(content["rows"]) == 11
    assert content["stock"] == [1e14, 3e14, 1e15]
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv", "--law", "llama3"))))
    assert [row["loss"] for row in rows[:11]] == [""] * 11
    assert rows[-1]["mark"]
    assert "modified" in run("--set", "alpha=0.4")


@pytest.mark.parametrize("law", ["besiroglu2024", "kaplan2020-lns", "muennighoff2023", "abnar2025"])
def test_returns_of_budgets_that_serve_are_those_of_the_plans(law: str) -> None:
    """N, D, loss and what a doubling buys while so much is served are planner.plan's; marks are budgets whose plans are there."""
    found: Any = planner.limits(flops=(1e21, 1e25), law=law, points=3, inference_tokens="1T")
    for row in found.rows:
        answer, twice = (planner.plan(flops=times * row.flops, law=law, inference_tokens="1T", others=()) for times in (1, 2))
        assert answer.loss is not None
        assert twice.loss is not None
        assert row.params == pytest.approx(answer.params, rel=1e-7)
        assert row.tokens == pytest.approx(answer.tokens, rel=1e-7)
        assert row.loss == pytest.approx(answer.loss, rel=1e-9)
        assert row.doubling == pytest.approx(answer.loss - twice.loss, rel=1e-5)
        assert row.extrapolation == (None if answer.extrapolation is None else pytest.approx(answer.extrapolation, rel=1e-7))
    for mark in found.marks:
        there = planner.plan(flops=mark.flops, law=law, inference_tokens="1T", others=())
        if law != "abnar2025":  # whose plan chooses its own experts there
            assert (mark.params, mark.tokens) == pytest.approx((there.params, there.tokens), rel=1e-6)
        if mark.code == "data-run-out":
            assert mark.tokens == pytest.approx(found.stock[1], rel=1e-6)


def test_a_benchmark_serves_nothing() -> None:
    """What is served says nothing of an error on a benchmark."""
    with pytest.raises(PlannerError, match="inference_tokens does not go with"):
        planner.limits(benchmark="imagenet", error="5%", inference_tokens="1T")


def test_a_range_that_serves_trains_at_one_utilisation() -> None:
    """Of devices each budget would have its own; a single budget has."""
    asked: dict[str, Any] = {"inference_tokens": "1T", "inference_mfu": "10%"}
    with pytest.raises(PlannerError, match="give that as mfu instead"):
        planner.limits(flops="1e20..1e24", gpus="8xH100", **asked)
    found = planner.limits(flops="1e20..1e24", mfu="30%", **asked)
    assert isinstance(found, ComputeLimits)
    assert found.served == pytest.approx(3e12)
