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
from planner.benchmarks import Regression, benchmark_named, benchmarks
from planner.errors import CannotPlanError, PlannerError

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
    found = planner.limits(benchmark=benchmark, error=0.2, today=0.3, gpu="h100", price=2.0, grid="france")
    for each in found.needed:
        line = next(line for line in found.benchmark.regressions if line.kind == each.kind)
        assert each.flops is not None
        assert each.low is not None
        assert math.log10(each.flops) == pytest.approx(line.log_flops(0.2), rel=1e-12)
        assert each.low <= each.flops
        assert each.high is None or each.high >= each.flops
        assert each.factor == pytest.approx(10 ** (line.log_flops(0.2) - line.log_flops(0.3)), rel=1e-9)
        device = found.machine.parts[0]
        assert each.device_hours == pytest.approx(each.flops / device.peak / 3600, rel=1e-12)
        assert each.device_hours is not None
        assert each.dollars == pytest.approx(2.0 * each.device_hours, rel=1e-12)
        assert each.kg_co2e is not None
    assert {note.severity for note in found.notes if note.code == "regression"} == {"warning"}


def test_what_the_paper_says_stands_beside() -> None:
    """Its own words where it has any, and the dated statement of 2020."""
    assert "another 1e5 times" in planner.limits(benchmark="imagenet", error="5%").said
    assert planner.limits(benchmark="imagenet", error="6%").said == ""
    far = planner.limits(benchmark="imagenet", error="1%")
    assert [each.flops is None for each in far.needed] == [False, True], "nobody has 1e60 FLOP"
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
