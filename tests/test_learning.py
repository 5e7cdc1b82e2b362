"""Learning curves: the three regions found again, intervals that keep what they promise, and honest silence on what is not seen."""

import csv
import io
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import planner
from planner._util.parallel import mapper
from planner.errors import CannotPlanError, FitError, PlannerError
from planner.fitting.learning_curve.descent import Shape, choose_shape, fit_shape, spread
from planner.fitting.learning_curve.published import general_model_exponents, published_curve, published_curves

SIZES = np.geomspace(1e3, 1e9, 14)


def _errors(sizes: Any, exponent: float, scale: float, floor: float, guess: float) -> Any:
    return np.minimum(guess, floor + (np.asarray(sizes) / scale) ** -exponent)


def test_without_noise_everything_is_found() -> None:
    """Exponent, floor, best guess and both break points of a three-region curve, to 1e-6."""
    found = planner.curve(SIZES, _errors(SIZES, 0.35, 4e3, 0.08, 0.9))
    assert found.exponent.value == pytest.approx(0.35, rel=1e-6)
    assert found.floor is not None
    assert found.floor.value == pytest.approx(0.08, rel=1e-6)
    assert found.best_guess is not None
    assert found.best_guess.value == pytest.approx(0.9, rel=1e-6)
    assert found.reducible == pytest.approx((1e9 / 4e3) ** -0.35, rel=1e-6)
    assert found.learning_from is not None
    assert found.learning_from.value == pytest.approx(4e3 * 0.82 ** (-1 / 0.35), rel=1e-6)
    assert found.half_floor_from is not None
    assert found.half_floor_from.value == pytest.approx(4e3 * 0.08 ** (-1 / 0.35), rel=1e-6)
    assert found.error(1e12) == pytest.approx(_errors(1e12, 0.35, 4e3, 0.08, 0.9), rel=1e-6)


@pytest.mark.parametrize(
    ("floor", "guess"), [(0.0, math.inf), (0.1, math.inf), (0.0, 0.8), (0.1, 0.8)], ids=["power", "floor", "guess", "all"]
)
def test_only_what_is_there_is_seen(floor: float, guess: float) -> None:
    """Without noise each of the four shapes is recognised as itself, and its exponent found to 1e-6."""
    found = planner.curve(SIZES, _errors(SIZES, 0.3, 3e3, floor, guess))
    assert (found.floor is not None, found.best_guess is not None) == (floor > 0, guess < math.inf)
    assert found.exponent.value == pytest.approx(0.3, rel=1e-6)
    codes = {note.code for note in found.notes}
    assert ("floor-not-seen" in codes, "small-data-not-seen" in codes) == (floor == 0, guess == math.inf)


def test_the_fit_is_the_least_squares_one() -> None:
    """An independent minimiser (scipy, from many starts) finds no better curve."""
    rng = np.random.default_rng(5)
    x = np.log(SIZES) - np.log(SIZES).mean()
    for _ in range(5):
        y = np.log(_errors(SIZES, 0.35, 4e3, 0.08, 0.9)) + 0.03 * rng.standard_normal(len(SIZES))
        ours = fit_shape(x, y, Shape(True, True), None)
        assert ours is not None

        def misfit(theta: Any, y: Any = y) -> Any:
            return np.minimum(theta[3], np.logaddexp(theta[2], theta[0] - theta[1] * x)) - y

        others = [
            optimize.least_squares(misfit, [-1.8 + a, 0.3 + b, -2.5, -0.1 + a / 10]).cost * 2
            for a in (-0.5, 0, 0.5)
            for b in (-0.1, 0, 0.1)
        ]
        assert ours.squares <= min(others) * (1 + 1e-6)


COVERED = {"exponent": 0.35, "scale": 4e3, "floor": 0.08, "guess": 0.9}


def intervals_that_hold(tables: range) -> Any:
    """Return of how many tables the intervals of exponent, floor and both breaks hold the truth, and in how many all regions show."""
    exponent, scale, floor, guess = COVERED.values()
    center = np.log(SIZES).mean()
    x, truth = np.log(SIZES) - center, np.log(_errors(SIZES, exponent, scale, floor, guess))
    wanted = [exponent, floor, scale * (guess - floor) ** (-1 / exponent), scale * floor ** (-1 / exponent)]
    held = np.zeros(5)
    for table in tables:
        noise = np.random.default_rng([11, table]).standard_normal(len(x))
        fitted = choose_shape(x, truth + 0.02 * noise, None)
        if fitted is None or not (fitted.shape.floor and fitted.shape.guess):
            continue
        draws = spread(x, fitted, 200, 0.95, table)
        height, least = np.exp(draws.guess) - np.exp(draws.floor), np.exp(draws.floor)
        breaks = [np.exp(center + (draws.level - np.log(each)) / draws.b) for each in (height, least)]
        for i, values in enumerate((draws.b, least, *breaks)):
            low, high = np.quantile(values, [0.025, 0.975])
            held[i] += low <= wanted[i] <= high
        held[4] += 1
    return held


@pytest.mark.calibration
def test_intervals_hold_at_the_stated_rate() -> None:
    """500 tables with 2 % noise: all regions seen in 95 %; 95 % intervals of exponent, floor and both breaks hold in 92 to 99 %."""
    with mapper(2, None) as spread_out:
        *held, seen = sum(spread_out(intervals_that_hold, [range(start, start + 125) for start in range(0, 500, 125)]))
    assert seen >= 475
    rates = np.array(held) / seen
    assert ((rates > 0.92) & (rates < 0.99)).all(), rates


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0.05, 1.0),
    st.floats(0.0, 0.3),
    st.sampled_from([0.5, 0.9, math.inf]),
    st.integers(0, 5),
    st.floats(0.0, 0.03),
)
def test_more_data_never_raises_the_error(exponent: float, floor: float, guess: float, seed: int, noise: float) -> None:
    """Whatever the points: the curve falls, target and size invert, doubling helps and a smaller target needs more data."""
    rng = np.random.default_rng(seed)
    errors = _errors(SIZES, exponent, 1e4, floor, guess) * np.exp(noise * rng.standard_normal(len(SIZES)))
    try:
        found = planner.curve(SIZES, errors)
    except FitError:
        return
    sizes = np.geomspace(1e2, 1e15, 40)
    expected = [found.error(m) for m in sizes]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(expected))
    assert found.doubling.value <= 1
    floor_found = found.floor.value if found.floor else 0.0
    top = found.best_guess.value if found.best_guess else found.error(1e2)
    for share in (0.1, 0.5, 0.9):
        target = floor_found + share * (top - floor_found)
        try:
            size = found.size(target)
        except CannotPlanError:
            continue
        if size >= 1:
            assert found.error(size) == pytest.approx(target, rel=1e-6)
    assert found.exponent.low <= found.exponent.value * 1.5


def test_a_given_best_guess_is_not_estimated() -> None:
    """It has no width, and the small-data region ends where the power law meets it."""
    errors = _errors(SIZES, 0.3, 5e4, 0.0, 0.75)
    found = planner.curve(SIZES, errors, best_guess="75%")
    assert found.best_guess == (0.75, 0.75, 0.75)
    assert found.learning_from is not None
    assert found.learning_from.value == pytest.approx(5e4 * 0.75 ** (-1 / 0.3), rel=1e-6)


def test_what_a_target_takes() -> None:
    """Size with interval, how far beyond the data, and the model by the domain's published exponents."""
    errors = _errors(SIZES, 0.35, 4e3, 0.08, 0.9) * np.exp(0.01 * np.random.default_rng(3).standard_normal(len(SIZES)))
    found = planner.curve(SIZES, errors, target=0.09, domain="imagenet", params="50M")
    assert found.reach is not None
    assert found.reach.size.value == pytest.approx(found.size(0.09), rel=1e-9)
    assert found.reach.size.low < found.reach.size.value
    assert found.reach.beyond == pytest.approx(found.reach.size.value / 1e9, rel=1e-9)
    assert found.reach.model_factor == pytest.approx((found.reach.beyond**0.573,) * 2)
    assert found.reach.params == pytest.approx((5e7 * found.reach.beyond**0.573,) * 2)
    near = planner.curve(SIZES, errors, target=0.081)
    assert near.reach is not None
    assert near.reach.size.high is None, "the floor may lie above the target"
    assert json.loads(json.dumps(near.to_dict(), allow_nan=False))["reach"]["size"]["high"] is None
    assert near.reach.model_factor == pytest.approx([near.reach.beyond**power for power in general_model_exponents()])


def test_the_published_exponents() -> None:
    """As Hestness et al. 2017 print them: exponents of five domains, and the word models' whole law."""
    assert {each.id: (each.exponent, each.model_exponents) for each in published_curves()} == {
        "word-lm": (0.0656, (0.69, 0.78)),
        "char-lm": (0.0936, (0.78, 0.92)),
        "translation": (0.128, None),
        "imagenet": (0.309, (0.573, 0.573)),
        "speech": (0.299, None),
    }
    word = published_curve("word-lm")
    assert word.level is not None
    sizes = np.geomspace(1e6, 1e9, 10)
    found = planner.curve(sizes, word.level * sizes**-word.exponent)
    assert found.exponent.value == pytest.approx(word.exponent, rel=1e-9)
    assert found.error(1e8) == pytest.approx(11.9 * 1e8**-0.0656, rel=1e-9)
    assert general_model_exponents() == (0.5, 1.0)


@pytest.mark.parametrize(
    ("sizes", "errors", "options", "complaint"),
    [
        ([1e3, 1e4, 1e5], [0.9, 0.5, 0.3], {}, "3 different sizes; at least 4"),
        ([1e3] * 5, [0.9, 0.8, 0.7, 0.6, 0.5], {}, "1 different sizes"),
        ([1e3, 1e4, 1e5, 1e6], [0.3, 0.5, 0.7, 0.9], {}, "the error does not fall with data: it rises to 0.5 at 10.0 K"),
        ([1e3, 1e4, 1e5, 1e6], [0.9, 0.9, 0.9, 0.9], {}, "does not fall with data"),
        (np.geomspace(1e3, 1e6, 6), [0.9, 0.91, 0.89, 0.905, 0.895, 0.902], {}, "stays at 0.901 within its scatter: the small"),
        ([1e3, 1e4, 1e5, 1e6], [0.5, 0.4, 0.3], {}, "4 sizes but 3 errors"),
        ([1e3, 1e4, 1e5, 1e6], [80, 40, 0.2, 0.1], {}, "per cent beside fractions"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0], {}, "must be above 0"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, None, 0.1], {}, "is empty; every run needs one"),
        ([1e3, 1e4, 1e5, -1], [0.8, 0.4, 0.2, 0.1], {}, "must be above 0"),
        ([1e3, 1e4, 1e5, 1e6], [80, 40, 20, 10], {"target": 0.05}, "in per cent? Then write 5"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"target": 5}, "the errors are fractions; write 0.05 for 5 %"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"target": -1}, "target -1: must be above 0"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"domain": "music"}, "expected one of word-lm"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"best_guess": 0.1}, "best_guess 0.1: the error at"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"seed": -1}, "expected a whole number"),
        ([1e3, 1e4, 1e5, 1e6], {1, 2}, {}, "expected a list"),
        ([1000, 1001, 1002, 1003], [0.9, 0.8, 0.7, 0.6], {}, "at least twofold"),
        ([1e3, 1e4, 1e5, 1e6], [0.5, 0.51, 0.49, 0.495], {}, "do not fall beyond their noise"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"best_guess": 92}, "the errors are fractions; write 0.92 for 92 %"),
        ([1e3, 1e4, 1e5, 1e6], [0.8, 0.4, 0.2, 0.1], {"params": "7B"}, "give a target too"),
        ([1e3, 1e4, 1e5, 1e6], None, {}, "expected a list"),
        ("nowhere.csv", None, {}, "cannot be read"),
        ("nowhere.csv", [1], {}, "errors go with a sequence"),
    ],
)
def test_bad_points_are_refused(sizes: Any, errors: Any, options: dict[str, Any], complaint: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(PlannerError) as refused:
        planner.curve(sizes, errors, **options)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_targets_out_of_reach_are_refused() -> None:
    """At the floor no amount of data helps, at the best guess none is needed."""
    errors = _errors(SIZES, 0.35, 4e3, 0.08, 0.9)
    with pytest.raises(CannotPlanError, match=r"target 0\.05: no amount of data reaches it; the floor is 0\.08"):
        planner.curve(SIZES, errors, target=0.05)
    with pytest.raises(CannotPlanError, match="guessing does as well"):
        planner.curve(SIZES, errors, target=0.95)
    with pytest.raises(CannotPlanError, match="no amount of data"):
        planner.curve(SIZES, errors).size(0.01)
    flat = np.r_[np.full(10, 0.9) + 1e-4 * np.sin(np.arange(10)), 0.85]
    with pytest.raises(FitError, match="at the best guess: the small-data region"):
        planner.curve(np.geomspace(1e3, 1e8, 11), flat)


def test_points_in_one_region_say_so() -> None:
    """Four points of a power law give wide intervals and a warning; a rise between neighbours is named."""
    found = planner.curve([1e3, 1e4, 1e5, 1e6], [0.8, 0.41, 0.2, 0.1])
    assert {"few-points", "floor-not-seen", "small-data-not-seen"} <= {note.code for note in found.notes}
    bumpy = planner.curve([1e3, 1e4, 1e5, 1e6, 1e7, 1e8], [0.8, 0.4, 0.42, 0.2, 0.15, 0.08])
    assert "rises to 0.42 at 100 K" in next(note.text for note in bumpy.notes if note.code == "rises")


@pytest.mark.calibration
def test_a_floor_that_does_not_show_widens_the_intervals() -> None:
    """Eight points with 5 % noise above a floor that most tables cannot show: the exponent's interval holds in 90 % or more of them."""
    sizes = np.geomspace(1e5, 1e8, 8)
    held = missed = 0
    for seed in range(40):
        noise = np.exp(0.05 * np.random.default_rng(seed).standard_normal(8))
        found = planner.curve(sizes, (0.05 + (sizes / 1e4) ** -0.3) * noise)
        if found.floor is None:
            missed += 1
            assert found.exponent.high is not None
            held += found.exponent.low <= 0.3 <= found.exponent.high
            assert "the intervals allow for it" in next(note.text for note in found.notes if note.code == "floor-not-seen")
    assert missed > 15
    assert held / missed >= 0.9


def test_odd_points_are_named() -> None:
    """A point far off, a large scatter, a short span and a best guess that does not fit."""
    errors = _errors(SIZES, 0.35, 4e3, 0.08, 0.9) * np.exp(0.01 * np.random.default_rng(1).standard_normal(len(SIZES)))
    odd = errors.copy()
    odd[9] *= 3
    found = planner.curve(SIZES, odd)
    assert "lies far off the curve" in next(note.text for note in found.notes if note.code == "outlier")
    codes = {note.code for note in planner.curve([1e3, 2e3, 3e3, 5e3, 8e3], [0.8, 0.3, 0.5, 0.2, 0.16]).notes}
    assert {"noisy", "short-span"} <= codes
    assert "best-guess-differs" in {note.code for note in planner.curve(SIZES, errors, best_guess=0.99).notes}
    assert not {"outlier", "noisy", "best-guess-differs"} & {
        note.code for note in planner.curve(SIZES, errors, best_guess=0.9).notes
    }


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with other column names, in all formats, and a warning under --strict."""
    from planner.cli import main

    path = tmp_path / "points.csv"
    errors = _errors(SIZES, 0.35, 4e3, 0.08, 0.9)
    path.write_text(
        "samples;top1\n" + "".join(f"{m:.6g};{e:.6g}\n" for m, e in zip(SIZES, errors, strict=True)), encoding="utf-8"
    )
    arguments = ["plan", "curve", str(path), "--columns", "size=samples,error=top1", "--target", "8.5%"]

    def run(*more: str) -> tuple[Any, str]:
        monkeypatch.setattr("sys.argv", [*arguments, *more])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().out

    code, out = run()
    assert code == 0
    assert "irreducible" in out
    assert "Warnings" in out
    content = json.loads(run("--format", "json")[1])
    assert content["exponent"]["value"] == pytest.approx(0.35, rel=1e-4)
    rows = {row["quantity"]: row for row in csv.DictReader(io.StringIO(run("--format", "csv")[1])) if row["quantity"] != "error"}
    assert float(rows["exponent"]["value"]) == content["exponent"]["value"]
    assert float(rows["target_size"]["low"]) == content["reach"]["size"]["low"]
    assert run("--format", "markdown")[1].startswith("## Learning curve")
    assert run("--strict")[0] == (1 if any(note["severity"] == "warning" for note in content["notes"]) else 0)


def test_errors_in_per_cent_signs(tmp_path: Path) -> None:
    """A file that writes 62% means what one that writes 0.62 means."""
    shares = [0.62, 0.51, 0.4, 0.32, 0.25, 0.2]
    sizes = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5]
    written = tmp_path / "points.csv"
    written.write_text(
        "size,error\n" + "".join(f"{m:.0f},{e:.0%}\n" for m, e in zip(sizes, shares, strict=True)), encoding="utf-8"
    )
    assert planner.curve(written).exponent == planner.curve(sizes, shares).exponent
    written.write_text("size,error\n1000,%\n3000,50%\n10000,40%\n30000,30%\n", encoding="utf-8")
    with pytest.raises(PlannerError, match=r"points\.csv:2"):
        planner.curve(written)


def test_the_largest_floor_that_would_not_show_is_above_the_true_one() -> None:
    """Of power laws with noise and floors that they hide, and never so small that no points could have shown it."""
    sizes, rng = np.geomspace(1e4, 1e9, 11), np.random.default_rng(1)
    for floor in (0.0, 3e-4, 1e-3):
        for _ in range(6):
            errors = (14 * sizes**-0.3 + floor) * np.exp(0.03 * rng.standard_normal(11))
            found = planner.curve(sizes, errors)
            assert found.floor_at_most >= max(floor, 0.02 * errors[-1])
