"""Do forecasts of training curves hold? On published curves and schedules that the fit has not seen, and on simulated models.

Fitted, for each size, to cosine_24000, constant_24000, wsdcon_9 and the first 24,000 steps of cosine_72000 of Luo et al. 2025
(arXiv 2503.12811): the loss at the end of cosine_72000, then every schedule that was left out, at its end and along it where
it is no part that was fitted. Then from one log alone, or a part of it; what a decay gives; models that never were (four kinds of
laws, constants of their own, rows with noise); and how long it takes. Errors are shares of the loss; an interval is of 95 %.

    python -m benchmarks.training_curves
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import planner
from planner.fitting.training_curve import curve_fit
from planner.fitting.training_curve.forecast import gain, shared
from planner.fitting.training_curve.log_paths import read_schedule
from planner.fitting.training_curve.rate_path import Defaults
from planner.fitting.training_curve.shipped_curves import shipped_curves
from tests.simulated_curves import forecasts

Array = NDArray[np.float64]
SIZES = ("25M", "100M")
FITTED = (("cosine_24000", 0), ("constant_24000", 0), ("wsdcon_9", 0), ("cosine_72000", 24000))
ALONE = (
    *(("cosine_24000", until) for until in (12000, 16000, 20000, 0)),
    *(("cosine_72000", until) for until in (24000, 36000, 54000, 0)),
    *(("constant_72000", until) for until in (12000, 36000, 0)),
    *(("wsd_20000_24000", until) for until in (18000, 22000, 0)),
    ("wsdcon_9", 0),
)


CURVES = {(name.partition("/")[0], name.partition("/")[2]): np.array([*rows.values()]) for name, rows in shipped_curves().items()}
"""Step, learning rate and loss by size and schedule."""


def log(size: str, schedule: str, until: float = 0) -> dict[str, Any]:
    """Return a curve, or its first steps, as a log."""
    rows = CURVES[size, schedule]
    step, lr, loss = rows[:, rows[0] <= until] if until else rows
    return {"step": step, "lr": lr, "loss": loss}


def left_out(size: str, fitted: Sequence[tuple[str, int]]) -> list[tuple[str, float, float, Array, Array]]:
    """Return schedule, error and half-width at its end, and both along it, of every schedule that was not fitted whole."""
    curve = planner.training_curve([log(size, *each) for each in fitted])
    assert curve.fit is not None
    whole = {name for name, until in fitted if not until}
    found = []
    for name in [each for of, each in CURVES if of == size and each not in whole]:
        step, lr, loss = CURVES[size, name]
        there = curve.predict((step, lr))
        path = read_schedule((step, lr), Defaults(), [each.path for each in curve.fit.logs])[0]
        new = step > max(shared(each.path, path, curve.fit.peak) for each in curve.fit.logs)  # the rest was fitted
        error, half = there.loss / loss - 1, (there.high - there.low) / 2 / there.loss
        found.append((name, float(error[-1]), float(half[-1]), error[new], half[new]))
    return found


def line(name: str, rows: Sequence[tuple[str, float, float, Array, Array]]) -> None:
    """Print a summary of forecasts."""
    ends, widths = (np.array([row[at] for row in rows]) for at in (1, 2))
    along, half = (np.concatenate([row[at] for row in rows]) for at in (3, 4))
    inside, within = np.mean(np.abs(ends) <= widths), np.mean(np.abs(along) <= half)
    print(
        f"  {name:34} {len(rows):4}  {np.median(np.abs(ends)):6.2%} {np.abs(ends).max():6.2%} {ends.mean():+7.2%}  "
        f"{inside:6.1%} {within:6.1%}  {np.median(widths):6.2%} {np.median(half):6.2%}"
    )


HEAD = f"  {'':34}   of  median  worst    bias   inside  along  half-width at the end, along"


def acceptance() -> None:
    """Print what the issue asks for."""
    print("Fitted to cosine_24000, constant_24000, wsdcon_9 and 24,000 steps of cosine_72000\n" + HEAD)
    rows = {size: left_out(size, FITTED) for size in SIZES}
    for size in SIZES:
        line(f"{size}, its own end (cosine_72000)", [row for row in rows[size] if row[0] == "cosine_72000"])
        line(f"{size}, every schedule left out", rows[size])
    line("both sizes", [row for size in SIZES for row in rows[size]])
    for size in SIZES:
        for name, error, half, *_ in rows[size]:
            print(f"    {size:5} {name:18} {error:+.2%} (interval {half:.2%})")


def alone() -> None:
    """Print what one log tells, or a part of it."""
    print("\nFitted to one log, every other schedule and its own end\n" + HEAD)
    for name, until in ALONE:
        line(f"{name}, {until:,} steps" if until else name, [row for size in SIZES for row in left_out(size, ((name, until),))])


def gains() -> None:
    """Print what decays give, foretold before they begin."""
    print(
        "\nWhat a decay gives (loss at its end below that of the constant rate at the same step), foretold from the steps before"
    )
    for size in SIZES:
        for name, words in (
            ("wsd_20000_24000", "wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5 shape exponential"),
            ("wsdld_20000_24000", "wsd 24000 warmup 2160 peak 3e-4 decay 4000 end 3e-5"),
        ):
            true = CURVES[size, "constant_24000"][2][-1] - CURVES[size, name][2][-1]
            for others in ((), ("cosine_24000",)):
                logs = [log(size, name, 20000), *(log(size, other) for other in others)]
                gives = planner.training_curve(logs, schedule=words).decay_gain
                assert gives is not None
                beside = f" and {', '.join(others)}" if others else ""
                print(
                    f"  {size:5} {name + beside:36} {gives.value:.3f} ({gives.low:.3f} to {gives.high:.3f}), measured {true:.3f}"
                )


PAIRS = (
    *(
        ("constant_24000", name)
        for name in ("wsd_20000_24000", "wsdld_20000_24000", "cosine_24000", "constant_72000", "wsdcon_9")
    ),
    *(("cosine_24000", name) for name in ("wsd_20000_24000", "cosine_72000")),
    ("constant_72000", "cosine_72000"),
    ("wsdcon_3", "wsdcon_18"),
)


def between_schedules() -> None:
    """Print how differences between the ends of two schedules hold, of which at most one was fitted whole."""
    held, missed = [], []
    for size in SIZES:
        for fitted in (FITTED, *((each,) for each in ALONE)):
            fit = planner.training_curve([log(size, *each) for each in fitted]).fit
            assert fit is not None
            paths = [each.path for each in fit.logs]
            for pair in PAIRS:
                if all((name, 0) in fitted for name in pair):
                    continue
                ends = [read_schedule(tuple(CURVES[size, name][:2]), Defaults(), paths)[0] for name in pair]
                found = gain(fit, (ends[0], ends[0].end), (ends[1], ends[1].end), 0.95)
                true = CURVES[size, pair[0]][2][-1] - CURVES[size, pair[1]][2][-1]
                held.append(found.low <= true <= found.high)
                missed.append(abs(found.value - true))
    off = f"off by {np.median(missed):.3f} in the median, inside {np.mean(held):.1%}"
    print(f"\n{len(held)} differences between the ends of two schedules: {off}")


def from_the_other_size() -> None:
    """Print what is reached where all that is known before of the constants comes from the other size."""
    print("\nThe same, what is known of the constants before a log is seen taken from the other size alone\n" + HEAD)
    module: Any = curve_fit
    kept = module.curve_laws
    for size, other in zip(SIZES, SIZES[::-1], strict=True):
        whole = planner.training_curve([log(other, name) for of, name in CURVES if of == other]).fit
        assert whole is not None
        least = min(float(each.loss.min()) for each in whole.logs)
        scale = np.log(least) * np.array([1, 1, 0, 1, 0, 0])
        laws = tuple(each.law._replace(mean=each.constants - scale) for each in whole.laws)
        module.curve_laws = lambda laws=laws: laws
        try:
            line(f"{size}, four logs", left_out(size, FITTED))
            line(f"{size}, cosine_24000", left_out(size, (("cosine_24000", 0),)))
            line(f"{size}, constant_24000", left_out(size, (("constant_24000", 0),)))
        finally:
            module.curve_laws = kept


def simulated() -> None:
    """Print how forecasts of models that never were hold."""
    print("\n48 simulated models, rows every tenth step that scatter by 0.02, six schedules each that were left out")
    for name, fitted in (
        ("four logs", ()),
        ("a cosine", ("cosine",)),
        ("a constant rate", ("constant",)),
        ("a third of a cosine", ("part of a long cosine",)),
    ):
        found = forecasts(48, 0, fitted)
        ends, widths, inside = (np.array([row[at] for row in found]) for at in (1, 2, 3))
        print(
            f"  {name:20} median {np.median(np.abs(ends)):.2%}, 90 % within {np.quantile(np.abs(ends), 0.9):.2%}; "
            f"half-width {np.median(widths):.2%}; inside at the end {np.mean(np.abs(ends) <= widths):.1%}, "
            f"along {inside.mean():.1%}"
        )


def speed() -> None:
    """Print how long a fit takes, once scipy is loaded."""
    logs = [log("100M", name) for name, until in FITTED if not until]
    planner.training_curve(logs)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        planner.training_curve(logs)
        times.append(time.perf_counter() - start)
    print(f"\nThree curves read, fitted, forecast and decided on: {np.median(times):.2f} s")
    n = 1_000_000
    t = np.arange(1.0, n + 1)
    loss = (2.5 + 25 / np.sqrt(t)) * (1 + 0.02 * np.random.default_rng(0).standard_normal(n))
    start = time.perf_counter()
    planner.training_curve(steps=t, loss=loss, lr=np.full(n, 1e-3))
    print(f"A million rows of arrays: {time.perf_counter() - start:.2f} s")
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_text(
            "step,loss,lr\n" + "".join(f"{int(a)},{b:.5f},0.001\n" for a, b in zip(t, loss, strict=True)), encoding="utf-8"
        )
        start = time.perf_counter()
        planner.training_curve(path)
        print(f"A million rows of a CSV file: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    acceptance()
    alone()
    gains()
    between_schedules()
    from_the_other_size()
    simulated()
    speed()
