"""Runs in progress: laws of the schedule against brute force, forecasts of runs that were left out, choices, a watched log, bad logs."""

import csv
import json
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize

import planner
from planner._util.frozen_dict import FrozenDict
from planner.errors import FitError, OptionError, PlannerError, RunsFileError
from planner.fitting.training_curve.curve_fit import fit_curves
from planner.fitting.training_curve.forecast import shared
from planner.fitting.training_curve.laws import Along, curve_laws, losses
from planner.fitting.training_curve.rate_path import KINDS, SHAPES, Defaults, RatePath, in_words
from planner.fitting.training_curve.shipped_curves import curves_source, shipped_curves
from planner.fitting.training_curve.smoothing import smoothed
from planner.output import render

Array = NDArray[np.float64]
FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
LEFT_OUT = ("cosine_72000", "constant_72000", "wsd_20000_24000", "wsdld_20000_24000", "wsdcon_18", "wsdcon_3")
SIZES = ("25M", "100M")


@cache
def table() -> dict[tuple[str, str], Array]:
    """Return step, learning rate and loss of the curves of Luo et al. 2025 (arXiv 2503.12811), by size and schedule."""
    return {
        (name.partition("/")[0], name.partition("/")[2]): np.array([*rows.values()]) for name, rows in shipped_curves().items()
    }


def log(size: str, schedule: str, until: float = 1e9) -> dict[str, Array]:
    """Return a curve up to a step, as a log."""
    rows = table()[size, schedule]
    step, lr, loss = rows[:, rows[0] <= until]
    return {"step": step, "lr": lr, "loss": loss}


@cache
def fitted(size: str) -> planner.TrainingCurve:
    """Return the curve fitted to three short schedules and the first third of a long one."""
    run = log(size, "cosine_72000", 24000)
    return planner.training_curve([run, *(log(size, each) for each in FITTED)], schedule="cosine 72000 end 3e-5")


def power_law(steps: Array, floor: float = 2.5) -> Array:
    """Return a loss that falls with the square root of the steps."""
    return floor + 25 / np.sqrt(steps)


STEPS = np.arange(100.0, 30001.0, 100.0)
RATE = np.full_like(STEPS, 3e-4)


# ---- paths and schedules in words


def test_words_give_the_schedules_they_name() -> None:
    """Each example of a kind: warm-up, peak, end and the points in between, by the schedules' own formulas."""
    known = Defaults(24000, 3e-4, 0)
    cosine = in_words(KINDS["cosine"], known)
    t = np.linspace(2160, 24000, 50)
    x = (t - 2160) / (24000 - 2160)
    assert np.allclose(cosine.at(t), 3e-5 + 2.7e-4 * (1 + np.cos(np.pi * x)) / 2, atol=3e-4 * 1e-4)
    assert np.isclose(cosine.at(np.array([1080.0]))[0], 1.5e-4)
    linear = in_words(KINDS["linear"], known)
    assert np.allclose(linear.at(t), 3e-4 * (1 - x), atol=1e-12)
    wsd = in_words(KINDS["wsd"], known)
    assert wsd.at(np.array([0.0, 60000, 66000, 72000])).tolist() == pytest.approx([3e-4, 3e-4, 1.5e-4, 0])
    root = in_words(KINDS["inverse-sqrt"], known)
    assert np.allclose(root.at(np.array([2000.0, 8000, 18000])), 3e-4 / np.array([1, 2, 3]), rtol=1e-3)
    steps = in_words(KINDS["steps"], known)
    assert steps.at(np.array([7999.0, 8000, 15999, 16000, 24000])).tolist() == pytest.approx([3e-4, 9e-5, 9e-5, 3e-5, 3e-5])
    assert in_words("constant 24k", known).lr.tolist() == [3e-4, 3e-4]
    assert in_words("linear 24000 warmup 9% peak 3e-4", known).steps.tolist() == [0, 2160, 24000]
    for word in ("warmup", "decay"):
        with pytest.raises(OptionError, match=f"{word} 0.2: expected steps, or a share with its sign, such as 20%"):
            in_words(f"wsd 24000 {word} 0.2", known)
        with pytest.raises(OptionError, match=f"{word} '300%': expected steps, or a share such as 20%"):
            in_words(f"wsd 24000 {word} 300%", known)


def test_words_agree_with_the_logged_rates_of_published_schedules() -> None:
    """The published cosine and both decays of wsd, within 0.1 % of the peak of the rates in the log (linear in 4,000 steps, exponential)."""
    for name, words in (
        ("cosine_24000", "cosine 24000 warmup 2160 peak 3e-4 end 3e-5"),
        ("cosine_72000", "cosine 72000 warmup 2160 peak 3e-4 end 3e-5"),
        ("wsd_20000_24000", "wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5 shape exponential"),
        ("wsdld_20000_24000", "wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5"),
        ("wsdcon_9", "steps 14144 warmup 2160 peak 3e-4 at 8000 9e-5"),
    ):
        step, lr, _ = table()["25M", name]
        assert np.abs(in_words(words, Defaults()).at(step) - lr).max() < 1e-3 * 3e-4, name


@given(
    kind=st.sampled_from(["cosine", "linear", "wsd"]),
    shape=st.sampled_from(list(SHAPES)),
    total=st.floats(100, 1e6),
    warmup=st.floats(0, 0.5),
    end=st.floats(0, 1),
)
def test_schedules_never_leave_their_ends(kind: str, shape: str, total: float, warmup: float, end: float) -> None:
    """Whatever the words: steps never fall, the rate stays between 0 and the peak, falls after the warm-up and ends where it was told."""
    first = round(warmup * total)
    words = f"{kind} {total!r} warmup {first} peak 2e-4 end {2e-4 * end!r}" + (
        f" shape {shape} decay 30%" if kind == "wsd" else ""
    )
    path = in_words(words, Defaults())
    assert (np.diff(path.steps) >= 0).all()
    assert path.end == total
    assert (path.lr >= 0).all()
    assert path.lr.max() <= 2e-4 * (1 + 1e-12)
    after = path.at(np.linspace(first, total, 60))
    assert (np.diff(after) <= 2e-4 * 1e-9).all()
    least = 1e-3 if kind == "wsd" and shape == "exponential" else 0.0
    assert path.lr[-1] == pytest.approx(2e-4 * max(end, least), abs=1e-12)


def test_paths_are_cut_joined_and_compared() -> None:
    """A path cut and put together again is itself; two paths are shared up to where their rates part."""
    path = in_words("steps 24000 warmup 2000 peak 3e-4 at 8000 9e-5", Defaults())
    again = path.until(10000).then(path.after(10000))
    t = np.linspace(0, 24000, 999)
    assert np.allclose(again.at(t), path.at(t), atol=1e-12)
    other = in_words("constant 24000 warmup 2000 peak 3e-4", Defaults())
    assert 7000 < shared(path, other, 3e-4) <= 8000
    assert shared(path, path, 3e-4) == 24000
    assert path.until(30000).end == 30000


# ---- laws


def brute_force(law: Any, constants: Array, path: RatePath, step: int, peak: float, reference: float) -> float:
    """Return the loss at a step by sums over all steps, one by one."""
    u = path.at(np.arange(step + 1.0)) / peak
    middle = np.maximum((u[1:] + u[:-1]) / 2, 1e-9)
    floor, power, exponent, decay, relaxation = np.exp(constants[:5])
    progress = float((middle ** constants[5]).sum())
    time_left = np.cumsum((middle**law.clock)[::-1])[::-1] - middle**law.clock / 2
    x = time_left * np.maximum(u[1:], 1e-9) ** -law.slowing / relaxation
    reached = 1 - (1 + x) ** -law.tail if law.tail else 1 - np.exp(-x)
    return float(floor + power * (progress / reference) ** -exponent - decay * (reached * (u[:-1] - u[1:])).sum())


@pytest.mark.parametrize(
    "words",
    [
        "cosine 6000 warmup 500 peak 1e-3 end 1e-4",
        "wsd 6000 warmup 500 peak 1e-3 decay 1500",
        "steps 6000 warmup 500 peak 1e-3 at 3000 2e-4",
    ],
)
def test_the_laws_are_their_sums_over_all_steps(words: str) -> None:
    """Values along a path of few knots agree with sums step by step to 0.03 % of the loss, well below what a law misses."""
    path = in_words(words, Defaults())
    for law in curve_laws():
        constants = law.mean + np.log(3.0) * np.array([1, 1, 0, 1, 0, 0])
        for step in (2000, 4500, 6000):
            found = losses(law, constants, Along(path, np.array([float(step)]), 1e-3), 5000.0)[0][0]
            assert found == pytest.approx(brute_force(law, constants, path, step, 1e-3, 5000.0), rel=3e-4), (law.name, step)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_slopes_are_the_derivatives(seed: int) -> None:
    """The slopes of ln(loss) in every constant are those of differences."""
    rng = np.random.default_rng(seed)
    path = in_words("wsd 20000 warmup 1000 peak 1e-3 decay 5000 end 1e-4", Defaults())
    along = Along(path, np.array([3000.0, 15500, 17000, 20000]), 1e-3)
    for law in curve_laws():
        x = law.mean + np.array([1, 1, 0, 1, 0, 0]) + 0.5 * law.deviation * rng.standard_normal(6)
        slopes = losses(law, x, along, 15000.0)[1]
        for at in range(6):
            move = np.zeros(6)
            move[at] = 1e-6
            up, down = (np.log(losses(law, x + sign * move, along, 15000.0)[0]) for sign in (1, -1))
            assert slopes[:, at] == pytest.approx((up - down) / 2e-6, abs=1e-7)


@given(scale=st.floats(1e-3, 1e3), unit=st.floats(0.1, 10))
@settings(max_examples=15)
def test_units_of_rates_and_losses_do_not_matter(scale: float, unit: float) -> None:
    """Rates in another unit give the same forecast, losses in another unit the same one in that unit."""
    run = log("25M", "cosine_24000")
    base = planner.training_curve(run, until=24000)
    other = planner.training_curve({"step": run["step"], "lr": scale * run["lr"], "loss": unit * run["loss"]}, until=24000)
    assert [each.loss for each in other.choices] == pytest.approx([unit * each.loss for each in base.choices], rel=2e-5)


def test_an_independent_minimiser_finds_nothing_better() -> None:
    """Nelder-Mead of scipy on the same posterior, from the fit and from the prior's mean, ends no lower."""
    rows = log("100M", "cosine_24000")
    path = RatePath(np.append(0.0, rows["step"]), np.append(0.0, rows["lr"]))
    smooth = smoothed("log", rows["step"], rows["loss"], path)
    fit = fit_curves([smooth])
    for law in fit.laws[:2]:

        def cost(x: Array, law: Any = law) -> float:
            along = Along(smooth.path, smooth.steps[smooth.early :], fit.peak)
            found = np.log(losses(law.law, x, along, fit.reference)[0] / smooth.loss[smooth.early :])
            n = len(found)
            steps = smooth.steps[smooth.early :]
            spread = np.sqrt(
                n / 8 * (0.0015**2 + (0.01 * (steps[0] / steps) ** 2) ** 2) + (smooth.noise / smooth.loss)[smooth.early :] ** 2
            )
            mean = law.law.mean + np.log(smooth.loss.min()) * np.array([1, 1, 0, 1, 0, 0])
            z = np.concatenate([found / spread, (x - mean) / law.law.deviation])
            return float(0.5 * 9 * (2 * (np.sqrt(1 + z**2 / 9) - 1)).sum())

        assert cost(law.constants) == pytest.approx(law.cost, rel=1e-6)
        tried = optimize.minimize(cost, law.constants, method="Nelder-Mead", options={"maxiter": 400, "xatol": 1e-9})
        assert tried.fun > law.cost * (1 - 1e-6)


# ---- forecasts of published curves


@pytest.mark.parametrize("size", SIZES)
def test_schedules_that_were_left_out_are_foretold(size: str) -> None:
    """Fitted to three short schedules and a third of a long one: its end within 0.5 %, every other end within 0.6 %."""
    found = fitted(size)
    assert found.end.loss == pytest.approx(log(size, "cosine_72000")["loss"][-1], rel=0.005)
    for name in LEFT_OUT:
        rows = log(size, name)
        there = found.predict((rows["step"], rows["lr"]))
        assert there.steps.tolist() == rows["step"].tolist()
        assert there.loss[-1] == pytest.approx(rows["loss"][-1], rel=0.006), name
        inside = (there.low <= rows["loss"]) & (rows["loss"] <= there.high)
        assert inside.mean() > 0.9, name
        assert np.median((there.high - there.low) / 2 / there.loss) < 0.012


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("schedule", "until"),
    [("cosine_72000", 36000), ("cosine_24000", 12000), ("constant_72000", 24000), ("wsd_20000_24000", 18000)],
)
def test_one_log_foretells_its_own_end(size: str, schedule: str, until: float) -> None:
    """A run alone, part of the way: its end lies in the interval, which is no wider than 3 %."""
    rows = log(size, schedule)
    found = planner.training_curve(log(size, schedule, until), schedule=(rows["step"], rows["lr"]))
    assert found.end.low <= rows["loss"][-1] <= found.end.high
    assert found.end.high / found.end.low < 1.06
    assert found.end.step == rows["step"][-1]


@pytest.mark.parametrize("size", SIZES)
def test_what_a_decay_gives_is_foretold(size: str) -> None:
    """Of a log at constant rate the gain of the published decays lies in its interval, which is wide and says why."""
    constant, decayed = log(size, "constant_24000"), log(size, "wsdld_20000_24000")
    run = log(size, "constant_24000", 20000)
    found = planner.training_curve(run, schedule="wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5")
    assert found.decay_gain is not None
    gain = constant["loss"][-1] - decayed["loss"][-1]
    assert found.decay_gain.low < gain < found.decay_gain.high
    assert found.decay_gain.value == pytest.approx(gain, rel=0.25)
    assert "no-decay-seen" in {note.code for note in found.notes}
    more = planner.training_curve(
        [run, log(size, "cosine_24000")], schedule="wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5"
    )
    assert more.decay_gain is not None
    assert more.decay_gain.high - more.decay_gain.low < 0.7 * (found.decay_gain.high - found.decay_gain.low)
    assert "no-decay-seen" not in {note.code for note in more.notes}


def test_a_schedule_step_by_step_is_the_schedule() -> None:
    """Seventy-two thousand steps one by one give what the words give, at each of them, in bounded memory."""
    found = fitted("25M")
    words = "wsd 72000 warmup 2160 peak 3e-4 decay 12000 end 3e-5"
    steps = np.arange(1.0, 72001.0)
    start = time.perf_counter()
    given = found.predict((steps, in_words(words, Defaults()).at(steps)))
    assert time.perf_counter() - start < 5
    assert given.steps.shape == given.loss.shape == (72000,)
    worded = found.predict(words)
    assert np.interp(worded.steps, given.steps, given.loss) == pytest.approx(worded.loss, rel=2e-4)


def test_a_schedule_that_is_not_the_logs_is_named() -> None:
    """A linear fall given for a log at constant rate: a warning with both rates; none where they agree."""
    odd = planner.training_curve("25M/constant_72000:24000", schedule="linear 72000")
    assert [note.code for note in odd.notes if note.severity == "warning"] == ["schedule-differs"]
    assert odd.now.lr == 3e-4
    fine = planner.training_curve("25M/cosine_72000:24000", schedule="cosine 72000 end 3e-5")
    assert "schedule-differs" not in {note.code for note in fine.notes}


def test_a_branch_knows_its_trunk() -> None:
    """A log that begins in the middle takes its trunk's rates before, and none of the notes on a warm-up."""
    trunk, branch = log("25M", "constant_72000", 24000), log("25M", "wsdld_20000_24000")
    late = {name: values[branch["step"] > 18000] for name, values in branch.items()}
    found = planner.training_curve([late, trunk])
    whole = planner.training_curve([branch, trunk])
    assert found.end.loss == pytest.approx(whole.end.loss, rel=1e-3)
    assert "late-start" not in {note.code for note in found.notes}
    alone = planner.training_curve(late)
    assert "late-start" in {note.code for note in alone.notes if note.severity == "warning"}


def test_logged_and_worded_schedules_agree() -> None:
    """The same schedule in words, as arrays, as a file and as the log's own rates gives the same forecast."""
    rows = log("25M", "cosine_72000")
    run = log("25M", "cosine_72000", 24000)
    worded = planner.training_curve(run, schedule="cosine 72000 warmup 2160 peak 3e-4 end 3e-5")
    given = planner.training_curve(run, schedule=(rows["step"], rows["lr"]))
    assert given.end.loss == pytest.approx(worded.end.loss, rel=2e-4)
    blind = planner.training_curve(
        {"step": run["step"], "loss": run["loss"]}, schedule="cosine 72000 warmup 2160 peak 3e-4 end 3e-5"
    )
    assert blind.end.loss == pytest.approx(worded.end.loss, rel=2e-4)
    again = worded.predict("cosine 72000 end 3e-5")
    assert again.loss[-1] == pytest.approx(worded.end.loss, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), every=st.sampled_from([1, 7, 50]))
def test_noisy_logs_of_every_interval_tell_the_same(seed: int, every: int) -> None:
    """Rows that scatter by 1 %, every step or every fiftieth, with spikes: the end within 0.5 % (1 % of few rows) of the smooth log's."""
    rng = np.random.default_rng(seed)
    path = in_words("cosine 20000 warmup 500 peak 1e-3 end 1e-4", Defaults())
    t = np.arange(1.0, 12001.0, every)
    smooth = 2.0 + 12 * (np.cumsum(path.at(np.arange(1.0, 12001.0))) / 1e-3)[t.astype(int) - 1] ** -0.5 + 0.1 * path.at(t) / 1e-3
    noisy = smooth * (1 + 0.01 * rng.standard_normal(len(t)))
    noisy[rng.integers(len(t) // 2, len(t), 3)] *= 1.5
    words = "cosine 20000 warmup 500 peak 1e-3 end 1e-4"
    quiet = planner.training_curve(steps=t, loss=smooth, lr=path.at(t), schedule=words)
    loud = planner.training_curve(steps=t, loss=noisy, lr=path.at(t), schedule=words, level="99.99%")
    assert loud.end.loss == pytest.approx(quiet.end.loss, rel=5e-3 if every < 50 else 1e-2)
    assert loud.end.low < quiet.end.loss < loud.end.high
    assert loud.logs[0].scatter == pytest.approx(0.01, rel=0.35)


# ---- choices


def test_choices_say_what_they_are() -> None:
    """Their losses are forecasts of their schedules; differences are of the planned end; the plan comes first."""
    found = planner.training_curve(
        log("25M", "constant_72000", 24000), schedule="wsd 72000 decay 12000", compare=["linear 72000 end 3e-5"]
    )
    kinds = [each.kind for each in found.choices]
    assert kinds[0] == "plan"
    assert set(kinds) == {"plan", "stop", "decay now", "hold", "longer", "schedule"}
    by_name = {each.what: each for each in found.choices}
    assert by_name["linear 72000 end 3e-5"].loss == pytest.approx(found.predict("linear 72000 end 3e-5").loss[-1], rel=1e-9)
    assert by_name["2x the steps"].steps == 144000
    assert by_name["2x the steps"].loss < by_name["1.5x the steps"].loss < found.end.loss
    assert by_name["stop now"].loss == pytest.approx(found.now.loss)
    for each in found.choices:
        assert each.low < each.loss < each.high
        assert each.gain.low <= each.gain.value <= each.gain.high
        assert each.gain.value == pytest.approx(found.end.loss - each.loss, abs=0.003)
    assert found.best_start in found.decay_starts
    assert found.best_start is not None
    assert found.best_start.loss <= min(each.loss for each in found.decay_starts) * (1 + 2e-4)
    # a decay of a published wsd, a sixth of the run, is near the best
    assert 0.05 < found.best_start.share < 0.4


def test_a_run_that_is_done_stretches_its_schedule() -> None:
    """Of a finished cosine: no stop, no hold, no start of a decay; more steps stretch it from the start, as the published longer one."""
    found = planner.training_curve(log("100M", "cosine_24000"))
    assert {each.kind for each in found.choices}.isdisjoint({"stop", "hold"})
    assert not found.decay_starts
    assert found.best_start is None
    longer = {each.what: each for each in found.choices}["2x the steps"]
    assert longer.low < 2.9 < longer.high  # between the published 24,000 and 72,000 steps: 2.979 and 2.863
    assert longer.steps == 2 * 23920


def test_a_run_is_held_against_a_law() -> None:
    """A law made so that the run is on it, 3 % better and 3 % worse: the verdict follows, with the step since when."""
    run = planner.training_curve(["100M/constant_72000:36000", "100M/cosine_24000"], schedule="wsd 72000 decay 12000 end 3e-5")
    base = planner.load_law("besiroglu2024")
    given: dict[str, Any] = {"schedule": "wsd 72000 decay 12000 end 3e-5", "params": "100M", "batch": 2**19}
    logs = ["100M/constant_72000:36000", "100M/cosine_24000"]

    def verdict(factor: float) -> Any:
        # a floor that brings the law to the run's own end times a factor
        short = run.end.loss * factor - float(base.loss(1e8, 72000 * 2**19))
        law = replace(base, params=FrozenDict({**base.params, "E": base.params["E"] + short}), draws=None)
        return planner.training_curve(logs, law=law, **given).against

    assert verdict(1.0).verdict == "on the law"
    assert verdict(1.0).since is None
    ahead, behind = verdict(1.05), verdict(0.95)
    assert (ahead.verdict, behind.verdict) == ("ahead", "behind")
    assert ahead.rows[-1].difference == pytest.approx(1 / 1.05 - 1, rel=0.02)
    assert ahead.since is not None
    assert ahead.since < 72000
    assert ahead.rows[-1].tokens == 72000 * 2**19
    found = planner.training_curve(logs, law="besiroglu2024", **given)
    assert "law-of-other-data" in {note.code for note in found.notes}
    assert "Held against the law" in found.text()
    with pytest.raises(OptionError, match="needs the run's params and batch, the tokens of a step"):
        planner.training_curve(logs, law="besiroglu2024")
    with pytest.raises(OptionError, match="give law too"):
        planner.training_curve(logs, params="1B")


def test_what_is_stated_is_held_against_the_log() -> None:
    """The tokens of a step are the log's where it counts both, a batch that is not is warned of, and ends may be tokens."""
    log = {"step": STEPS, "loss": power_law(STEPS), "lr": RATE, "tokens": STEPS * 524288.0}
    own = planner.training_curve(log, law="besiroglu2024", params="100M")
    assert own.against is not None
    assert own.against.batch == pytest.approx(524288)
    assert own.against.rows[-1].tokens == pytest.approx(STEPS[-1] * 524288)
    odd = planner.training_curve(log, law="besiroglu2024", params="100M", batch="4M")
    assert odd.against is not None
    assert odd.against.batch == 4e6
    assert "counts 524,288 tokens a step" in next(note.text for note in odd.notes if note.code == "batch-differs")
    longer = planner.training_curve(log, until="20B tokens", schedule="wsd 60000 decay 12000")
    assert longer.end.step == pytest.approx(20e9 / 524288)
    assert planner.training_curve(log, until="20B", schedule="wsd 60000 decay 12000").end == longer.end
    assert any(note.code == "until-tokens" for note in longer.notes)
    del log["tokens"]
    with pytest.raises(OptionError, match="more steps than any run takes; where tokens are meant, give batch"):
        planner.training_curve(log, until="20B")
    late = planner.training_curve(log, warmup=int(STEPS[0]) + 5000)
    assert any(note.code == "warm-up-logged" for note in late.notes)
    assert late.end.loss == pytest.approx(planner.training_curve(log, warmup=int(STEPS[0])).end.loss)


# ---- what the log shows


def test_spikes_divergence_and_bends_are_named() -> None:
    """Each where it was put in; none in the eighteen published curves."""
    loss = power_law(STEPS)

    def seen(loss: Array) -> dict[str, Any]:
        return {each.kind: each for each in planner.training_curve(steps=STEPS, loss=loss, lr=RATE).events}

    assert seen(loss) == {}
    spike = loss.copy()
    spike[150:152] *= 1.3
    assert seen(spike)["spike"].step == STEPS[150]
    assert seen(spike)["spike"].change == pytest.approx(0.3, abs=0.02)
    diverging = loss.copy()
    diverging[200:] *= np.linspace(1, 1.3, 100)
    assert seen(diverging)["divergence"].step == pytest.approx(STEPS[200], abs=1200)
    bent = loss.copy()
    bent[180:] *= 0.96
    assert seen(bent)["bend"].step == pytest.approx(STEPS[180], abs=1200)
    assert seen(bent)["bend"].change < 0
    broken = loss.copy()
    broken[-3:] = np.nan
    assert seen(broken)["not a number"].step == STEPS[-3]
    for size, name in table():
        found = planner.training_curve(log(size, name))
        assert found.events == (), (size, name)


def test_a_diverging_log_is_forecast_from_before() -> None:
    """What follows the turn is left out: now is before it, with a warning."""
    loss = power_law(STEPS)
    loss[200:] *= np.linspace(1, 1.3, 100)
    found = planner.training_curve(steps=STEPS, loss=loss, lr=RATE, until=40000)
    assert found.now.step < 21000
    assert found.end.loss < 2.66
    assert [note.code for note in found.notes if note.severity == "warning"] == ["divergence"]


# ---- reading


def test_logs_are_read_as_loggers_write_them(tmp_path: Path) -> None:
    """Names and signs of several loggers, JSON lines, semicolons with decimal commas, rows of evaluations between: one answer."""
    loss = power_law(STEPS)
    expected = planner.training_curve(steps=STEPS, loss=loss, lr=RATE).end.loss

    def of(name: str, text: str, **options: Any) -> float:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return planner.training_curve(path, **options).end.loss

    rows = list(zip(STEPS.tolist(), loss.tolist(), RATE.tolist(), strict=True))
    plain = "".join(f"{int(s)},{y!r},{r!r}\n" for s, y, r in rows)
    assert of("a.csv", "Step,Train Loss,Learning Rate\n" + plain) == pytest.approx(expected)
    assert of("b.tsv", "global_step\ttrain/loss\toptim/learning_rate_group0\n" + plain.replace(",", "\t")) == pytest.approx(
        expected
    )
    semi = "".join(f"{int(s)};{y!r};{r!r}\n".replace(".", ",") for s, y, r in rows)
    assert of("c.csv", "iteration;lm loss;learning rate\n" + semi) == pytest.approx(expected)
    lines = "\n".join(json.dumps({"_step": int(s), "train/loss": y, "train/learning_rate": r}) for s, y, r in rows)
    assert of("d.jsonl", lines) == pytest.approx(expected)
    between = "".join(f"{int(s)},{y!r},{r!r},\n{int(s)},,,{y + 0.1!r}\n" for s, y, r in rows)
    assert of("e.csv", "step,loss,lr,eval_loss\n" + between) == pytest.approx(expected)
    tokens = "".join(f"{int(s) * 524288},{y!r},{r!r}\n" for s, y, r in rows)
    assert of("f.csv", "tokens,loss,lr\n" + tokens, batch=524288) == pytest.approx(expected)
    assert of("g.csv", "n,y,eta\n" + plain, columns={"step": "n", "loss": "y"}) == pytest.approx(expected)
    billions = "".join(f"{s * 524288 / 1e9!r},{y!r},{r!r}\n" for s, y, r in rows)
    assert of("i.csv", "Tokens (B),loss,lr\n" + billions, batch=524288, columns={"tokens": "Tokens (B):1e9"}) == pytest.approx(
        expected
    )
    headed = "".join(f"{s * 524288 / 1e9!r},{y / float(np.log(2))!r},{r!r}\n" for s, y, r in rows)
    assert of("j.csv", "Tokens (B),loss (bits/token),lr\n" + headed, batch=524288) == pytest.approx(expected)
    exported = "".join(f"{int(s)},{y!r},{y - 0.1!r},{y + 0.1!r},{r!r}\n" for s, y, r in rows)
    header = 'Step,"gpt - train/loss","gpt - train/loss__MIN","gpt - train/loss__MAX","gpt - train/learning_rate"\n'
    assert of("k.csv", header + exported) == pytest.approx(expected)
    perplexities = "".join(f"{int(s)},{float(np.exp(y))!r},{r!r}\n" for s, y, r in rows)
    assert of("l.csv", "step,val ppl,lr\n" + perplexities) == pytest.approx(expected)
    state = {
        "best_metric": None,
        "log_history": [{"step": int(s), "loss": y, "learning_rate": r, "epoch": 0.1} for s, y, r in rows],
    }
    state["log_history"].insert(5, {"step": int(rows[4][0]), "eval_loss": 9.0})  # type: ignore[union-attr]
    assert of("trainer_state.json", json.dumps(state)) == pytest.approx(expected)
    assert of("history.json", json.dumps({"log_history": state["log_history"]})) == pytest.approx(expected)
    both = "".join(f"{int(s)},9,{y!r},{r!r}\n" for s, y, r in rows)
    assert of("m.csv", "step,Loss,loss,lr\n" + both, columns={"loss": "loss"}) == pytest.approx(expected)
    assert of("h.csv", "step,loss,lr\n" + plain + "30100,2.6") == pytest.approx(expected)  # a row that is being written


def test_restarts_repeats_and_disorder_are_put_right() -> None:
    """A run that went back keeps its last way; equal steps the last; rows in any order are sorted; each is said."""
    loss = power_law(STEPS)
    expected = planner.training_curve(steps=STEPS, loss=loss, lr=RATE)

    def again(order: Any, worse: Any = ()) -> planner.TrainingCurve:
        y = loss[order].copy()
        y[list(worse)] *= 2
        return planner.training_curve(steps=STEPS[order], loss=y, lr=RATE[order])

    restarted = again(np.r_[:200, 150:300], range(150, 200))
    assert restarted.end.loss == pytest.approx(expected.end.loss)
    assert "goes back to step 15,100" in next(note.text for note in restarted.notes if note.code == "restarts")
    repeated = again(np.repeat(np.arange(300), 2), range(0, 600, 2))
    assert repeated.end.loss == pytest.approx(expected.end.loss)
    shuffled = again(np.random.default_rng(0).permutation(300))
    assert shuffled.end.loss == pytest.approx(expected.end.loss)
    assert {"sorted"} <= {note.code for note in shuffled.notes}


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"steps": STEPS, "loss": power_law(STEPS)}, FitError, "has no learning rates above 0; give its schedule"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": 0 * RATE}, FitError, "has no learning rates above 0"),
        ({"steps": STEPS[:20], "loss": power_law(STEPS[:20]), "lr": RATE[:20]}, RunsFileError, "20 rows with a step and a loss; at least 30"),
        ({"steps": STEPS, "loss": power_law(STEPS)[:-1], "lr": RATE}, RunsFileError, "300 of step, 299 of loss, 300 of lr; they must be as many"),
        ({"steps": STEPS, "loss": -power_law(STEPS), "lr": RATE}, RunsFileError, "must be above 0"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": -RATE}, RunsFileError, "must be at least 0"),
        ({"steps": STEPS, "loss": ["x"] * 300, "lr": RATE}, RunsFileError, "expected an array of numbers"),
        ({"steps": STEPS, "loss": 3 + 0 * STEPS, "lr": RATE}, FitError, "its loss does not fall"),
        ({"steps": STEPS, "loss": np.full(300, np.nan), "lr": RATE}, RunsFileError, "0 rows with a step and a loss; at least 8 are needed, 30 of all logs"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "until": 10}, OptionError, "is at step 30,000 already"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "cosine 20000"}, OptionError, "ends at step 20,000"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "cosine"}, OptionError, "lacks its number of steps"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "cosin 40000"}, OptionError, "expected constant, cosine, linear"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "cosine 40000 speed 3"}, OptionError, "'speed' is not understood"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "wsd 40000 decay 90000"}, OptionError, "does not fit into 40,000 steps"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "linear 40000 decay 10"}, OptionError, "decay goes with wsd"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": "linear 40000 end 1"}, OptionError, "an end of 1 above the peak"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": 5}, OptionError, "expected words such as"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": ([1, 2], [1])}, OptionError, "two arrays of one length"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": ([2, 1], [1, 1])}, OptionError, "steps must rise"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "schedule": ([1, 2], [1, -1])}, OptionError, "must be at least 0"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "warmup": "-1"}, OptionError, "expected steps, from 0"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "level": 2}, PlannerError, "level"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "columns": {"loss": "y"}}, OptionError, "go with a log that is read"),
        ({}, OptionError, "a training curve needs a log"),
        ({"logs": {"step": STEPS, "loss": power_law(STEPS)}, "lr": RATE}, OptionError, "give one or the other"),
        ({"logs": {"tokens": STEPS * 1e6, "loss": power_law(STEPS), "lr": RATE}}, RunsFileError, "counts tokens, not steps"),
        ({"logs": {"loss": power_law(STEPS), "lr": RATE}}, RunsFileError, "has no column of steps or tokens"),
        ({"logs": {"step": STEPS, "lr": RATE}}, RunsFileError, "has no column of losses"),
        ({"logs": {"step": STEPS, "loss": power_law(STEPS), "lr": RATE}, "columns": {"params": "x"}}, OptionError, "a log has step, tokens, loss, lr"),
        ({"logs": "nowhere.csv"}, RunsFileError, "cannot be read"),
        ({"logs": 5}, OptionError, "expected a file such as log.csv"),
        ({"logs": []}, OptionError, "expected a file such as log.csv"),
        ({"logs": [None]}, OptionError, "expected a file such as log.csv"),
        ({"steps": STEPS, "loss": power_law(STEPS), "lr": RATE, "compare": "cosin 40000"}, OptionError, "compare 'cosin 40000'"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_one_line(given: dict[str, Any], error: type[PlannerError], says: str) -> None:
    """What was given, what is required, on one line."""
    with pytest.raises(error) as refused:
        planner.training_curve(**given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_raw_logs_are_thinned_without_losing_their_ends() -> None:
    """Three hundred thousand noisy rows: fitted in under 5 s as at most 80 points, the last of them at the end."""
    n = 300_000
    t = np.arange(1.0, n + 1)
    loss = power_law(t) * (1 + 0.02 * np.random.default_rng(0).standard_normal(n))
    start = time.perf_counter()
    found = planner.training_curve(steps=t, loss=loss, lr=np.full(n, 1e-3))
    assert time.perf_counter() - start < 5
    assert found.logs[0].rows == n
    assert found.logs[0].points <= 80
    assert found.logs[0].last == n
    assert found.now.loss == pytest.approx(power_law(t)[-1], rel=2e-3)


def test_shipped_curves_go_by_name() -> None:
    """Eighteen curves with their licence, whole or their first steps; a wrong name lists them."""
    assert len(shipped_curves()) == 18
    assert sum(len(rows["step"]) for rows in shipped_curves().values()) == 4162
    assert curves_source()["licence"] == "MIT"
    named = planner.training_curve(
        ["25M/cosine_72000:24000", *(f"25M/{each}" for each in FITTED)], schedule="cosine 72000 end 3e-5"
    )
    assert named.end == fitted("25M").end
    assert named.name == "25M/cosine_72000:24000"
    with pytest.raises(OptionError, match="no shipped curve of that name; there are 25M/constant_24000, 25M"):
        planner.training_curve("25M/cosine")


def test_ends_of_one_trunk_are_no_independent_rows_of_a_fit() -> None:
    """A table whose rows share trunks that err alike: with the trunks' names in `run` the interval of the best size is wider."""
    rng = np.random.default_rng(0)
    sizes = np.repeat(np.geomspace(2e7, 1e9, 8), 4)
    tokens = sizes * np.tile([5, 10, 20, 60], 8)
    loss = np.asarray(planner.load_law("besiroglu2024").loss(sizes, tokens))
    loss = loss * np.exp(np.repeat(0.01 * rng.standard_normal(8), 4) + 0.002 * rng.standard_normal(32))
    trunks = [f"trunk-{number}" for number in range(8) for _ in range(4)]

    def width(run: list[str] | None) -> float:
        found = planner.fit(params=sizes, tokens=tokens, loss=loss, run=run, method="classical", draws=200)
        low, high = found.ratios[-1].params_interval or (0.0, 0.0)
        return float(np.log(high / low))

    assert width(trunks) > 1.3 * width(None)


# ---- what is shown


def test_every_form_shows_the_answer() -> None:
    """Text, Markdown, CSV and JSON carry end, interval, choices and notes; the fit itself stays out of JSON."""
    found = fitted("25M")
    text = found.text()
    assert text.startswith("Training curve of the log given 1: loss 3.199 at step 72,000")
    for part in ("95 % interval", "What else it could do", "1.5x the steps", "against the plan", "Notes"):
        assert part in text
    content = json.loads(render(found, "json"))
    assert content["end"]["loss"] == found.end.loss
    assert {"fit", "paths"}.isdisjoint(content)
    assert len(content["choices"]) == len(found.choices)
    rows = list(csv.DictReader(render(found, "csv").splitlines()))
    assert {row["kind"] for row in rows} >= {"plan", "longer", "forecast", "observed"}
    assert float(rows[0]["loss"]) == found.end.loss
    assert render(found, "markdown").startswith("## Training curve")
    assert found.to_frame().shape[0] == len(rows)
    assert planner.training_curve(log("25M", "cosine_24000")) == planner.training_curve(log("25M", "cosine_24000"))


def test_level_sets_the_interval() -> None:
    """A lower level gives a narrower interval around the same loss."""
    found = fitted("25M")
    wide, narrow = found.predict("wsd 72000 decay 12000"), found.predict("wsd 72000 decay 12000", level=0.5)
    assert wide.loss.tolist() == narrow.loss.tolist()
    assert (wide.low < narrow.low).all()
    assert (narrow.high < wide.high).all()


def test_on_the_command_line(tmp_path: Path) -> None:
    """Two logs with a schedule and another to compare, a plot, --strict, and a bad schedule with exit code 2."""
    paths = []
    for name, until in (("constant_72000", 24000.0), ("cosine_24000", 1e9)):
        rows = log("25M", name, until)
        path = tmp_path / f"{name}.csv"
        path.write_text(
            "step,lr,loss\n"
            + "".join(
                f"{s!r},{r!r},{y!r}\n" for s, r, y in zip(*(rows[k].tolist() for k in ("step", "lr", "loss")), strict=True)
            ),
            encoding="utf-8",
        )
        paths.append(str(path))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "planner", "training-curve", *more], capture_output=True, text=True, check=False
        )

    done = run(
        *paths, "--schedule", "wsd 72000 decay 12000", "--compare", "linear 72000", "--plot", str(tmp_path / "a.svg"), "--strict"
    )
    assert done.returncode == 0, done.stderr
    assert "at step 72,000" in done.stdout
    assert "linear 72000" in done.stdout
    assert (tmp_path / "a.svg").stat().st_size > 10_000
    wrong = run(paths[0], "--schedule", "cosin 72000")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("plan: --schedule 'cosin 72000': expected")
    assert wrong.stderr.count("\n") == 1
    unknown = run(paths[0], "--until", "100k", "--strict")
    assert unknown.returncode == 0


def test_the_picture_shows_what_the_answer_says() -> None:
    """Loss and schedule over the steps: the forecast's end with its band, the smoothed logs, other schedules thin."""
    from planner.output.charts import chart_of
    from planner.output.charts._base import Band, Line, Points, Rule

    found = fitted("25M")
    losses_panel, rates = chart_of(found).panels
    line = losses_panel.found(Line, "expected")[0]
    assert line.x[-1] == found.end.step
    assert line.y[-1] == pytest.approx(found.end.loss)
    band = losses_panel.found(Band)[0]
    assert (band.low[-1], band.high[-1]) == pytest.approx((found.end.low, found.end.high))
    assert len(losses_panel.found(Points, "smoothed log")[0].x) == len(found.observed[0])
    assert losses_panel.found(Rule)[0].at == found.now.step
    assert rates.found(Line, "planned")[0].x[-1] == found.end.step
    assert len([each for each in losses_panel.found(Line) if each.weight == "faint"]) >= 3


@pytest.mark.calibration
def test_intervals_hold_on_curves_from_other_laws() -> None:
    """96 simulated models of four kinds with constants of their own, rows with noise: most forecasts hold, none far outside."""
    from tests.simulated_curves import held

    inside, half_width, worst = held(models=24, seed=7)
    assert 0.88 <= inside <= 1.0
    assert half_width < 0.012
    assert worst < 0.03


def test_a_jump_is_named_where_it_is() -> None:
    """The loss falls or rises at once under a cosine, which laws bend to meet; a smooth log has none."""
    lr = 1e-4 + 9e-4 * (1 + np.cos(np.pi * STEPS / 60000)) / 2
    rng = np.random.default_rng(0)
    loss = power_law(STEPS) * np.exp(rng.normal(0, 0.002, len(STEPS)))

    def seen(loss: Array) -> list[Any]:
        found = planner.training_curve(steps=STEPS, loss=loss, lr=lr, schedule="cosine 60000 end 1e-4")
        return [each for each in found.events if each.kind in {"jump", "bend", "divergence"}]

    assert seen(loss) == []
    for change in (0.94, 0.97):
        jumped = np.where(STEPS > 18000, change, 1.0) * loss
        (event,) = seen(jumped)
        assert event.step == pytest.approx(18000, abs=1500)
        assert event.change < 0


@pytest.mark.parametrize("more", [0.05, 0.3, -0.1])
def test_logs_that_are_not_of_one_model_are_told_apart(more: float) -> None:
    """The same schedule with other losses: a warning; the published curves of a size give none."""
    one = {"step": STEPS, "loss": power_law(STEPS), "lr": RATE}
    found = planner.training_curve([one, one | {"loss": power_law(STEPS) + more}])
    assert [note.severity for note in found.notes if note.code == "logs-apart"] == ["warning"]
    for size in SIZES:
        assert not [note for note in fitted(size).notes if note.code == "logs-apart"]


def test_steps_and_rates_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    """With the row; thousands that are set apart are read, and a last row that is cut off is left out."""

    def written(name: str, steps: list[str], rates: list[str]) -> Path:
        rows = [f'"{step}",{loss!r},{rate}' for step, loss, rate in zip(steps, power_law(STEPS).tolist(), rates, strict=True)]
        path = tmp_path / name
        path.write_text("\n".join(["step,loss,lr", *rows]) + "\n")
        return path

    plain, rates = [f"{step:.0f}" for step in STEPS], ["3e-4"] * len(STEPS)
    usual = planner.training_curve(written("plain.csv", plain, rates)).end.loss
    assert planner.training_curve(written("thousands.csv", [f"{step:,.0f}" for step in STEPS], rates)).end.loss == usual
    assert planner.training_curve(written("cut.csv", [*plain[:-1], "x"], rates)).now.step == STEPS[-2]
    odd = written("odd.csv", [*plain[:40], "x41", *plain[41:]], rates)
    with pytest.raises(RunsFileError, match=r"odd\.csv:42:step: 'x41'"):
        planner.training_curve(odd)
    assert planner.training_curve(odd, skip_bad=True).now.step == STEPS[-1]
    schedule = written("schedule.csv", plain, [*rates[:-1], "n/a"])
    with pytest.raises(RunsFileError, match=r"schedule\.csv:301:lr: 'n/a'"):
        planner.training_curve("25M/constant_72000:24000", schedule=schedule)


def test_a_schedule_from_the_next_step_on_goes_on_from_the_run() -> None:
    """Given from the last step, from the next one or from step 0: the same end."""
    found = planner.training_curve("25M/cosine_72000:24000", schedule="cosine 72000 end 3e-5")
    path = found.paths[0]
    ends = []
    for first in (1.0, found.now.step, found.now.step + 1, found.now.step + 100):
        steps = np.arange(first, 72001.0, 50.0)
        steps = np.append(steps, 72000.0) if steps[-1] < 72000 else steps
        ends.append(float(found.predict((steps, path.at(steps))).loss[-1]))
    assert ends == pytest.approx([ends[1]] * 4, rel=2e-4)


def test_a_decay_of_no_steps_is_none() -> None:
    """``wsd N decay 0`` is a constant rate, and 0.2 steps are 20 per cent forgotten."""
    constant, none = (
        planner.training_curve("25M/constant_72000:24000", schedule=f"{words}").end
        for words in ("constant 72000", "wsd 72000 decay 0")
    )
    assert none.loss == pytest.approx(constant.loss, rel=1e-9)
    assert none.lr == constant.lr
    with pytest.raises(OptionError, match="20%"):
        in_words("wsd 72000 decay 0.2", Defaults(None, 3e-4, 0.0))


def test_smoothed_rows_are_told() -> None:
    """A running mean lags and hides its scatter: a warning; raw rows, and the published curves, give none."""
    rng = np.random.default_rng(0)
    steps = np.arange(10.0, 9001.0, 5.0)
    raw = power_law(steps) * np.exp(rng.normal(0, 0.01, len(steps)))
    running = raw.copy()
    for at in range(1, len(running)):
        running[at] = 0.95 * running[at - 1] + 0.05 * raw[at]

    def told(loss: Array) -> list[str]:
        found = planner.training_curve(steps=steps, loss=loss, lr=np.full_like(steps, 3e-4))
        return [note.severity for note in found.notes if note.code == "smoothed-rows"]

    assert told(running) == ["warning"]
    assert told(raw) == []
    for size in SIZES:
        assert not [note for note in fitted(size).notes if note.code == "smoothed-rows"]


def test_a_warm_up_that_the_log_shows_is_not_taken() -> None:
    """Nothing is assumed of a log that begins within its warm-up; of one that begins after it, a rise to its first rate is."""
    rising = np.minimum(STEPS / 2000, 1) * 3e-4
    for lr, said in ((rising, []), (RATE, ["warm-up-taken"])):
        found = planner.training_curve(steps=STEPS, loss=power_law(STEPS), lr=lr)
        assert [note.code for note in found.notes if note.code == "warm-up-taken"] == said


def test_rows_of_the_warm_up_alone_are_no_log() -> None:
    """No law holds before the highest rate: too few rows after it are refused, with where it ends."""
    rate = np.interp(STEPS, [0, STEPS[-6], STEPS[-1]], [0, 6e-4, 6e-4])
    with pytest.raises(
        FitError, match=r"of its 300 rows lie beyond the warm-up, which ends at step 29,\d00; at least 8 are needed"
    ):
        planner.training_curve(steps=STEPS, loss=power_law(STEPS), lr=rate)


def test_losses_that_are_no_number_are_counted() -> None:
    """Isolated ones, and those at the end, after which nothing is known."""
    loss = power_law(STEPS)
    loss[[100, 140]] = np.nan
    found = planner.training_curve(steps=STEPS, loss=loss, lr=RATE)
    assert any("is no number in 2 rows from step 10,100 to 14,100" in note.text for note in found.notes)
    assert not any("the last of the log" in note.text for note in found.notes)
    loss[250:] = np.nan
    found = planner.training_curve(steps=STEPS, loss=loss, lr=RATE)
    assert any(
        "52 rows from step 10,100 to 30,000, the last of the log: did the run diverge?" in note.text for note in found.notes
    )
