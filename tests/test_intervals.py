"""How sure: intervals in plans and checks, saved laws, back-tests and their coverage."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import planner
from planner._util.student_t import student_quantile
from planner.errors import CannotPlanError, FitError, LawFileError, OptionError
from planner.output import FORMATS, render
from planner.scaling_laws.law_file import law_from_table, law_to_table
from planner.scaling_laws.parameter_draws import POWERS


@cache
def fitted() -> planner.FitResult:
    """Return one fit, made where a test first needs it."""
    return planner.fit("gemstones2025", group="gemstones_cool_end", draws=200)


@pytest.fixture(params=["forecast", "classical"])
def found(request: pytest.FixtureRequest) -> planner.FitResult:
    """The forecast, and the classical fit beside it."""
    return fitted() if request.param == "forecast" else fitted().others[0]


@given(st.floats(0.51, 0.9999), st.sampled_from([1.0, 4.0, 30.0]))
def test_quantiles_of_students_t(p: float, degrees: float) -> None:
    """The quantile found without scipy is scipy's."""
    assert student_quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=1e-8)


def test_a_plan_under_a_fitted_law_has_intervals(found: planner.FitResult) -> None:
    """N, D, their ratio and the loss each lie inside their interval; the tokens' ends are those of the parameters at the same budget."""
    plan = planner.plan(flops=1e22, law=found.law, others=())
    sure = plan.intervals
    assert sure is not None
    assert sure.params and sure.tokens and sure.loss and sure.run_loss and sure.tokens_per_param  # noqa: PT018  # for mypy
    assert sure.params[0] < plan.params < sure.params[1]
    assert sure.tokens[0] < plan.tokens < sure.tokens[1]
    assert sure.params[0] * sure.tokens[1] * found.law.conventions.flops_per_param_token == pytest.approx(1e22)
    assert plan.loss is not None
    assert sure.run_loss[0] < sure.loss[0] < plan.loss < sure.loss[1] < sure.run_loss[1]
    assert planner.plan(flops=1e22, law=found.law, params="3B", others=()).intervals.params is None  # type: ignore[union-attr]


def test_a_higher_level_is_a_wider_interval(found: planner.FitResult) -> None:
    """Intervals grow with the level, and the parts of a forecast's add in squares to its width."""
    widths = []
    for level in (0.5, 0.8, 0.95, 0.99):
        guess = found.predict(3e9, 1e11, level=level)
        widths.append(np.log(guess.run[1] / guess.run[0]))
        assert guess.run[0] <= guess.mean[0] <= guess.loss <= guess.mean[1] <= guess.run[1]
    assert sorted(widths) == widths
    guess = fitted().predict(3e9, 1e11)
    assert np.log(guess.run[1] / guess.loss) == pytest.approx(np.sqrt(sum(part**2 for part in guess.parts.values())))
    assert set(guess.parts) == {"local", "structures", "distance", "rows"}


def test_a_law_file_of_an_older_planner_keeps_its_intervals() -> None:
    """Without the powers, which 0.2.0 did not write, parts grow as they did then: by the formula of that version."""
    table = json.loads(json.dumps(law_to_table(fitted().law)))
    scales = table["draws"]["calibration"]["scales"]
    assert set(POWERS) <= set(scales)
    older = {name: value for name, value in scales.items() if name not in POWERS}
    table["draws"]["calibration"]["scales"] = {**older, "local": 1.8, "structures": 2.0, "distance": 0.048, "rows": 0.0065}
    law = law_from_table(table, "older")
    assert law.draws is not None
    known = law.draws.calibration
    assert known is not None
    found = planner.loss_interval(law, 3e9, 1e11)
    assert found is not None
    low, high = known.flops
    beyond, span = np.log(6 * 3e20 / high), np.log(high / low)
    assert found.parts["distance"] == pytest.approx(0.048 * beyond / span)
    assert found.parts["rows"] == pytest.approx(0.0065 * beyond * np.sqrt(40 / known.rows))
    away = ((np.log(1e11 / 3e9) - (known.log_tokens - known.log_params)) / scales["ratio_width"]) ** 2
    away = away + ((np.log(3e9) - known.log_params) / scales["size_width"]) ** 2
    near = np.exp(-(away - scales["shrink"] * away.min()) / 2)
    local = ((near * known.residuals**2).sum() + scales["prior_rows"] * known.base) / (near.sum() + scales["prior_rows"])
    assert found.parts["local"] == pytest.approx(1.8 * np.sqrt(local))
    scales["local_power"] = 9
    table["draws"]["calibration"]["scales"] = scales
    with pytest.raises(LawFileError, match="a power from 0 to 4"):
        law_from_table(table, "mine.json")


def test_predictions_broadcast() -> None:
    """Arrays of runs give what each gives alone."""
    params, tokens = np.array([1e9, 3e9, 9e9]), np.array([2e10, 6e10, 2e11])
    for found in (fitted(), fitted().others[0]):
        together = found.predict(params, tokens)
        for i in range(3):
            alone = found.predict(params[i], tokens[i])
            assert together.loss[i] == pytest.approx(alone.loss, rel=1e-12)
            assert together.run[0][i] == pytest.approx(alone.run[0], rel=1e-12)
            assert together.mean[1][i] == pytest.approx(alone.mean[1], rel=1e-12)


def test_intervals_widen_with_distance_and_say_when_they_are_not_calibrated() -> None:
    """Further from the runs means wider; beyond thirty times the largest the note is a warning."""
    law = fitted().law
    assert law.domain.flops is not None
    top = law.domain.flops[1]
    near, far = (planner.plan(flops=top * factor, law=law, others=()) for factor in (3, 300))
    assert near.intervals is not None
    assert far.intervals is not None
    assert near.intervals.run_loss is not None
    assert far.intervals.run_loss is not None
    assert np.log(far.intervals.run_loss[1] / far.intervals.run_loss[0]) > np.log(
        near.intervals.run_loss[1] / near.intervals.run_loss[0]
    )
    assert near.intervals.calibrated
    assert not far.intervals.calibrated
    assert "uncalibrated" in {note.code for note in far.notes if note.severity == "warning"}
    assert "bootstrap-only" in {note.code for note in planner.plan(flops=1e22, law=fitted().others[0].law).notes}


def test_a_check_under_a_fitted_law_has_intervals() -> None:
    """The loss of a proposed run comes with its interval; its optimum with those of N and D."""
    verdict = planner.check(params=7e9, tokens=2e11, law=fitted().law)
    assert verdict.intervals is not None
    assert verdict.intervals.params is None
    assert verdict.intervals.run_loss is not None
    assert verdict.optimum is not None
    assert verdict.optimum.intervals is not None
    assert verdict.optimum.intervals.params is not None
    assert verdict.to_dict()["intervals"]["run_loss"] == list(verdict.intervals.run_loss)


def test_most_published_laws_have_no_intervals_and_changed_ones_lose_them() -> None:
    """Draws belong to the constants they were drawn with, as a covariance does."""
    assert planner.plan(flops=1e21, law="hoffmann2022-approach3").intervals is None
    assert planner.plan(flops=1e21).intervals is not None
    assert planner.plan(flops=1e21, constants={"E": 1.5}).intervals is None
    assert planner.plan(flops=1e22, law=fitted().others[0].law, constants={"E": 1.5}, others=()).intervals is None
    with pytest.raises(OptionError, match="is an ensemble"):
        planner.plan(flops=1e22, law=fitted().law, constants={"E": 1.5})


def test_a_saved_law_plans_as_the_fit_does(found: planner.FitResult, tmp_path: Path) -> None:
    """The file carries constants, draws, calibration and provenance: the same plan to the last bit."""
    path = found.save(tmp_path / "my-law.json")
    law = planner.load_law(path)
    assert law == found.law
    mine, theirs = (planner.plan(flops=1e22, law=each, others=()).to_dict() for each in (law, found.law))
    assert mine == theirs
    content = json.loads(path.read_text())
    assert content["fit"]["runs"] == "gemstones2025"
    assert len(content["fit"]["sha256"]) == 64
    assert content["fit"]["seed"] == 0
    assert content["fit"]["version"] == planner.__version__


def test_a_law_fitted_from_arrays_is_saved_and_loaded(tmp_path: Path) -> None:
    """Runs that never were a file have no hash; their law is a law all the same, and `plan laws` shows it whole."""
    runs = planner.load_runs("gadre2024").select("rpj|c4_val")
    found = planner.fit(params=runs.params, tokens=runs.tokens, loss=runs.loss, draws=20)
    for number, result in enumerate((found, *found.others)):
        law = planner.load_law(result.save(tmp_path / f"law{number}.json"))
        assert law == result.law
        for fmt in FORMATS:
            assert "irreducible loss" in render(law, fmt) or law.form.name in render(law, fmt)


def test_draws_of_another_law_are_refused(tmp_path: Path) -> None:
    """A classical law takes neither draws of another form nor a forecast's calibration."""
    table = json.loads(fitted().others[0].save(tmp_path / "classical.json").read_text())
    forecast = json.loads(fitted().save(tmp_path / "forecast.json").read_text())
    for change, message in (
        ({"form": "kaplan_joint"}, "draws of a law of the form additive are additive"),
        ({"calibration": forecast["draws"]["calibration"]}, "no other law has one"),
    ):
        path = tmp_path / "changed.json"
        path.write_text(json.dumps({**table, "draws": {**table["draws"], **change}}))
        with pytest.raises(LawFileError, match=message):
            planner.load_law(path)


def test_saving_never_loses_a_file(tmp_path: Path) -> None:
    """An existing file is refused unless asked, a folder always, another ending too, and no half-written file stays."""
    path = tmp_path / "my-law.json"
    path.write_text("mine")
    with pytest.raises(OptionError, match="exists already"):
        fitted().save(path)
    assert path.read_text() == "mine"
    fitted().save(path, overwrite=True)
    assert planner.load_law(path) == fitted().law
    with pytest.raises(OptionError, match=r"ends in \.json"):
        fitted().save(tmp_path / "law.toml")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OptionError, match="exists already"):
        fitted().save(tmp_path / "folder.json", overwrite=True)
    with pytest.raises(OptionError, match="cannot be written"):
        fitted().save(tmp_path / "none" / "law.json")
    assert {entry.name for entry in tmp_path.iterdir()} == {"my-law.json", "folder.json"}


def _broken(change: Any) -> Any:
    def apply(table: dict[str, Any]) -> None:
        change(table["draws"])

    return apply


TAMPERED = {
    "short draw": (_broken(lambda d: d["params"]["E"].pop()), "same number of values"),
    "missing": (_broken(lambda d: d["params"].pop("E")), "needs exactly"),
    "negative": (_broken(lambda d: d["params"]["alpha"].__setitem__(0, -1.0)), "every value must be above 0"),
    "text": (_broken(lambda d: d["params"].__setitem__("E", "=1")), "expected a list of"),
    "noise": (_broken(lambda d: d.__setitem__("noise", -1)), "draws.noise"),
    "form": (_broken(lambda d: d.__setitem__("form", "additive")), "draws of a law of the form ensemble are generalised"),
    "no calibration": (_broken(lambda d: d.pop("calibration")), "an ensemble needs one"),
    "one structure": (
        _broken(lambda d: [d["calibration"]["structures"][n].__delitem__(slice(1, None)) for n in d["params"]]),
        "at least one other",
    ),
    "part of a row": (_broken(lambda d: d["calibration"].__setitem__("rows", 1.9)), "a whole number"),
    "flops": (_broken(lambda d: d["calibration"].__setitem__("flops", [1e19, 1e19])), "flops must rise"),
    "no flops": (_broken(lambda d: d["calibration"].pop("flops")), "lacks draws.calibration.flops"),
    "logs": (_broken(lambda d: d["calibration"]["log_params"].__setitem__(0, 1e300)), "none lies beyond 150"),
    "domain": (lambda table: table["domain"].__setitem__("tokens_per_param", [5e-324, 5e-324]), "must lie between"),
    "key": (_broken(lambda d: d.__setitem__("evil", 1)), "evil is not a key"),
    "rows": (_broken(lambda d: d["calibration"].__setitem__("rows", 0)), "whole number of at least 1"),
    "scales": (_broken(lambda d: d["calibration"]["scales"].pop("local")), "scales.local"),
    "members": (lambda table: table["params"]["E"].pop(), "one value for each member"),
    "provenance": (lambda table: table["fit"].__setitem__("runs", {"a": 1}), "expected a text or a number"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_law_files_are_refused(case: str, tmp_path: Path) -> None:
    """A saved law is data like any other: every rule broken gets one line."""
    change, message = TAMPERED[case]
    path = fitted().save(tmp_path / "law.json")
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))
    with pytest.raises(LawFileError, match=message):
        planner.load_law(path)


def test_without_draws_there_are_no_intervals() -> None:
    """draws=0 is quick and says nothing of certainty; asking for a prediction interval is then refused."""
    quick = planner.fit("gadre2024", group="rpj|c4_val", draws=0)
    assert quick.intervals == {}
    assert quick.ratios[0].params_interval is None
    assert planner.plan(flops=1e22, law=quick.law, others=()).intervals is None
    with pytest.raises(CannotPlanError, match="has no draws"):
        quick.predict(1e9, 2e10)
    with pytest.raises(CannotPlanError, match="gives no loss of a run"):
        planner.fit("porian2024", group="rw|base|short|chinchilla", method="isoflop", draws=0).predict(1e9, 2e10)


# ---------------------------------------------------------------- back-tests


@pytest.fixture(scope="module")
def tested() -> list[tuple[str, Any]]:
    """Every shipped group, fitted on a tenth and a thirtieth of its largest compute."""
    cases = []
    for table in planner.run_tables():
        for group, what in table.groups.items():
            if what.kind:
                cases += [(what.kind, case) for case in planner.backtest(table.name, group=group).cases]
    return cases


def _mean(tested: list[tuple[str, Any]], kind: str, method: str, ratio: float, name: str) -> float:
    values = [getattr(case, name) for of, case in tested if of == kind and case.method == method and case.ratio == ratio]
    assert len(values) == {"core": 9, "stress": 7}[kind]
    return 100 * float(np.mean(values))


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("kind", "ratio", "error", "frontier"),
    [("core", 10, 1.15, 0.95), ("core", 30, 2.15, 2.25), ("stress", 10, 1.0, 0.6), ("stress", 30, 1.5, 1.35)],
)
def test_the_forecast_foretells_better_than_the_classical_fit(
    tested: list[tuple[str, Any]], kind: str, ratio: float, error: float, frontier: float
) -> None:
    """Mean absolute error over the shipped groups stays where benchmarks/backtest.py measured it, below the classical fit's."""
    ours, theirs = (_mean(tested, kind, method, ratio, "error") for method in ("forecast", "classical"))
    assert ours < error
    assert ours < theirs
    assert _mean(tested, kind, "forecast", ratio, "frontier_error") < frontier


@pytest.mark.calibration
@pytest.mark.parametrize("kind", ["core", "stress"])
@pytest.mark.parametrize("ratio", [10, 30])
def test_intervals_are_honest_out_of_range(tested: list[tuple[str, Any]], kind: str, ratio: float) -> None:
    """Nominal 95 % intervals of a forecast cover at least 90 % of the larger runs with a median half-width of at most 6 %."""
    assert _mean(tested, kind, "forecast", ratio, "coverage") >= 90
    assert _mean(tested, kind, "forecast", ratio, "half_width") <= 6
    assert _mean(tested, kind, "classical", ratio, "coverage") < 90  # what a bootstrap alone promises and does not keep


def test_a_backtest_sees_only_the_small_runs() -> None:
    """Changing the losses of the large runs changes the errors, not the fit: predictions plus errors give the losses back."""
    runs = planner.load_runs("gadre2024").select("rpj|c4_val")
    base = planner.backtest(runs, ratios=[10]).cases[0]
    small = runs.flops <= runs.flops.max() / 10
    doubled = planner.backtest(
        params=runs.params.tolist(), tokens=runs.tokens.tolist(), flops=runs.flops.tolist(),
        loss=np.where(small, runs.loss, 2 * runs.loss).tolist(), ratios=[10],
    ).cases[0]  # fmt: skip
    assert base.fitted == doubled.fitted == int(small.sum())
    assert base.bias is not None
    assert doubled.bias is not None
    assert 1 + doubled.bias == pytest.approx((1 + base.bias) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"ratios": [1]}, "must be above 1"), ({"ratios": "10"}, "expected numbers"), ({"ratios": []}, "method"),
     ({"methods": ["isoflop"]}, "a back-test takes"), ({"group": "none"}, "no group")],
)  # fmt: skip
def test_backtest_options_are_checked(options: dict[str, Any], message: str) -> None:
    """Each wrong option gets one line."""
    with pytest.raises(OptionError, match=message):
        planner.backtest("gadre2024", **options)


def test_groups_too_small_are_refused_with_the_reason() -> None:
    """A group without enough small runs is a case without numbers; a table of such groups is refused."""
    with pytest.raises(FitError, match="nothing to test"):
        planner.backtest(params=[1e8, 1e9, 1e10], tokens=[1e9, 1e10, 1e11], loss=[3.5, 3, 2.5])
