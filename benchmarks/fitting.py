"""How quick and how exact is a fit? One run, side by side.

python benchmarks/fitting.py                  objective, times, memory, scaling
python benchmarks/fitting.py --grid 4500      the objective against that many L-BFGS starts (minutes a group)
python benchmarks/fitting.py --chinchilla     the `chinchilla` package on the same rows (pip install chinchilla; minutes)
"""

import argparse
import itertools
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import planner
from planner.fitting.classical import Model, bootstrap, minimise, value_at
from planner.fitting.constraints import Limits
from planner.fitting.forecast import forecast, forecast_draws
from planner.fitting.sample import Sample

TABLE, GROUP = "gemstones2025", "gemstones_hot"  # 220 rows


def timed(work: Callable[[], Any], times: int = 5) -> float:
    """Return the median wall time [s]."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def published_grid(sample: Sample, starts: int) -> float:
    """Return the lowest objective over the published grid of L-BFGS starts (Hoffmann 2022, App. D.3)."""
    from scipy.optimize import minimize

    x, y, target = np.log(sample.params), np.log(sample.tokens), np.log(sample.loss)

    def total(p: Any) -> float:
        a, b, e, alpha, beta = p
        terms = np.stack([a - alpha * x, b - beta * y, np.full_like(x, e)])
        top = terms.max(0)
        r = np.abs(top + np.log(np.exp(terms - top).sum(0)) - target)
        near = np.minimum(r, 1e-3)
        return float((near * (r - 0.5 * near)).sum())

    grid = itertools.product(
        np.arange(0, 26, 5), np.arange(0, 26, 5), np.arange(-1, 1.1, 0.5), np.arange(0, 2.1, 0.5), np.arange(0, 2.1, 0.5)
    )
    chosen = list(grid)
    step = max(len(chosen) // starts, 1)
    return min(float(minimize(total, start, method="L-BFGS-B").fun) for start in chosen[::step])


def main() -> None:
    """Print the figures asked for."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--grid", type=int, default=0)
    ask.add_argument("--chinchilla", action="store_true")
    given = ask.parse_args()
    sample = Sample.of(planner.load_runs(TABLE).select(GROUP))
    if given.grid:
        against_the_grid(given.grid)
    elif given.chinchilla:
        against_chinchilla(sample)
    else:
        times(sample)


def times(sample: Sample) -> None:
    """Print times, memory and how they grow."""
    rng = np.random.default_rng
    found = minimise(sample, Model())
    print(f"{len(sample)} rows; medians of 5, one process")
    print(f"classical fit                    {1e3 * timed(lambda: minimise(sample, Model())):7.1f} ms")
    seconds = timed(lambda: bootstrap(sample, Model(), found.theta, 4000, rng(0)), 3)
    print(f"its bootstrap, 4,000 draws       {seconds:7.2f} s")
    print(f"peak memory so far               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB")
    ahead = timed(lambda: forecast_draws(sample, forecast(sample, Limits()), 1000, rng(0), Limits()))
    print(f"forecast with its 1,000 draws    {1e3 * ahead:7.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        runs = planner.load_runs(TABLE).select(GROUP)
        rows = zip(runs.params.tolist(), runs.tokens.tolist(), runs.loss.tolist(), strict=True)
        path.write_text("params,tokens,loss\n" + "".join(f"{n!r},{d!r},{x!r}\n" for n, d, x in rows))
        command = [str(Path(sys.executable).with_name("plan")), "fit", str(path)]
        seconds = timed(lambda: subprocess.run(command, check=True, capture_output=True), 3)
        print(f"plan fit on the command line     {seconds:7.2f} s")
    print("rows      classical fit   1,000 draws   forecast      (synthetic, 0.5 % noise)")
    law = planner.load_law("besiroglu2024")
    for count in (100, 1000, 10_000, 100_000):
        draw = rng(1)
        params, tokens = 10 ** draw.uniform(7.5, 9.5, count), 10 ** draw.uniform(9, 11, count)
        loss = law.loss(params, tokens) * np.exp(0.005 * draw.standard_normal(count))
        rows_of = Sample(params, tokens, 6 * params * tokens, loss, np.ones(count), np.arange(count))
        start = time.perf_counter()
        at = minimise(rows_of, Model()).theta
        fit_time = time.perf_counter() - start
        draws = 1000 if count <= 10_000 else 100
        start = time.perf_counter()
        bootstrap(rows_of, Model(), at, draws, rng(0))
        draw_time = (time.perf_counter() - start) * 1000 / draws
        start = time.perf_counter()
        forecast(rows_of, Limits())
        ahead = time.perf_counter() - start
        print(f"{count:7d}   {fit_time:10.3f} s   {draw_time:9.2f} s   {ahead:8.2f} s")
    print(f"peak memory, the largest table   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB")


def against_the_grid(starts: int) -> None:
    """Print each group's objective beside the lowest of the published grid."""
    print(f"objective of this fit, of the best of {starts} L-BFGS starts, relative difference")
    groups = [(table.name, group) for table in planner.run_tables() for group, what in table.groups.items() if what.kind]
    with multiprocessing.Pool() as pool:
        jobs = [(name, group, pool.apply_async(_one_group, (name, group, starts))) for name, group in groups]
        for name, group, job in jobs:
            ours, theirs = job.get()
            print(f"{name:16s} {group:26s} {ours:.10e} {theirs:.10e} {ours / theirs - 1:+.1e}", flush=True)


def _one_group(name: str, group: str, starts: int) -> tuple[float, float]:
    sample = Sample.of(planner.load_runs(name).select(group))
    return minimise(sample, Model()).objective, published_grid(sample, starts)


def against_chinchilla(sample: Sample) -> None:
    """Time one fit of the ``chinchilla`` package with its published grid, and compare objectives."""
    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber

    with tempfile.TemporaryDirectory() as folder:
        grid = {
            "e": np.linspace(-1, 1, 5), "a": np.linspace(0, 25, 5), "b": np.linspace(0, 25, 5),
            "alpha": np.linspace(0, 2, 5), "beta": np.linspace(0, 2, 5),
        }  # fmt: skip
        peer = Chinchilla(folder, param_grid=grid, loss_fn=lambda true, guess: log_huber(true, guess, 1e-3), log_level=100)
        for n, d, c, loss in zip(sample.params, sample.tokens, sample.flops, sample.loss, strict=True):
            peer.database.append(C=float(c), N=float(n), D=float(d), loss=float(loss))
        start = time.perf_counter()
        peer.fit()
        theirs = time.perf_counter() - start
        E, A, B, alpha, beta = (float(peer.params[name]) for name in ("E", "A", "B", "alpha", "beta"))
    ours = timed(lambda: minimise(sample, Model()))
    found = minimise(sample, Model())
    log_A, log_B = np.log(A) - alpha * sample.center[0], np.log(B) - beta * sample.center[1]
    value = value_at(sample, Model(), np.array([np.log(E), log_A, log_B, alpha, beta, 0.0]))
    print(f"chinchilla package, {5**5} starts   {theirs:8.1f} s     objective {value:.8e}")
    print(f"this fit                        {1e3 * ours:8.1f} ms    objective {found.objective:.8e}")
    print(f"{theirs / ours:,.0f} times as fast")


if __name__ == "__main__":
    main()
