"""Start-up, throughput and memory of the main job, each against its yardstick in the same run.

    .venv/bin/python benchmarks/start_up.py [--rounds 25]

Commands are timed as whole processes, interleaved so that noise hits all alike; ratios are of medians, with those of minima
beside.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import planner

PLAN = str(Path(sys.executable).with_name("plan"))
# without bytecode every run would compile the package anew, which no installed command does
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
COMMANDS = {
    "libraries": [sys.executable, "-c", "import click, numpy, tabulate"],
    "plan --flops 1e21": [PLAN, "--flops", "1e21"],
    "click": [sys.executable, "-c", "import click"],
    "plan --help": [PLAN, "--help"],
}


def wall_times(rounds: int) -> dict[str, list[float]]:
    """Time every command once a round."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
            if turn:  # the first round warms the file cache and writes bytecode
                times[name].append(time.perf_counter() - start)
    return times


def throughput(law: str, budgets: int = 1_000_000, repeats: int = 7) -> float:
    """Return budgets planned per second, vectorised: N, D and loss."""
    flops = np.logspace(18, 26, budgets)
    best = min(_timed(law, flops) for _ in range(repeats))
    return budgets / best


def _timed(law: str, flops: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    start = time.perf_counter()
    planner.allocate(law, flops)
    return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    times = wall_times(rounds)
    for name, yardstick, aim in (("plan --flops 1e21", "libraries", 1.2), ("plan --help", "click", 1.25)):
        ratio = statistics.median(times[name]) / statistics.median(times[yardstick])
        least = min(times[name]) / min(times[yardstick])
        median = statistics.median(times[name]) * 1e3
        print(f"{name:18} {ratio:.2f}x of {COMMANDS[yardstick][-1]!r} (minima {least:.2f}x, aim {aim}); median {median:.0f} ms")
    for law in ("besiroglu2024", "hoffmann2022-approach1", "kaplan2020", "kaplan2020-lns", "llama3"):
        print(f"allocate {law:24} {throughput(law) / 1e6:5.1f} million budgets a second (aim 5)")
    own, commands = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"peak memory: {commands:.0f} MiB for a command, {own:.0f} MiB for a million budgets at once")


if __name__ == "__main__":
    main()
