"""Sweeps, pictures and the report: wall time, memory and size, whole commands as a user runs them.

    .venv/bin/python benchmarks/looking.py [--rounds 5]

Commands are interleaved, so that noise hits all alike; beside each the time of its libraries alone in the same run.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAN = str(Path(sys.executable).with_name("plan"))
# without bytecode every run would compile the package anew, which no installed command does
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
LIBRARIES = "import click, numpy, tabulate"
WRITING = "x = [i * 1.1 for i in range(1000000)]\nfor _ in range(5): list(map(repr, x))"
MILLION = [PLAN, "--flops", "1e18..1e26", "--points", "1000000", "--format", "csv"]


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is timed, by name."""
    return {
        "libraries of a plan": [sys.executable, "-c", LIBRARIES],
        "libraries of a picture": [sys.executable, "-c", f"{LIBRARIES}, matplotlib.figure, matplotlib.backends.backend_agg"],
        "plan --plot FILE.png": [PLAN, "--flops", "1e21", "--force", "--plot", str(folder / "plan.png")],
        "range --plot FILE.png": [PLAN, "--flops", "1e18..1e26", "--force", "--plot", str(folder / "range.png")],
        "check --plot -": [PLAN, "check", "--params", "7B", "--tokens", "2T", "--plot", "-"],
        "plan report": [PLAN, "report", "--flops", "1e21", "--force", "-o", str(folder / "plan.html")],
        "plan compare": [PLAN, "compare", "--flops", "1e21"],
        "a million budgets to CSV": MILLION,
        "the same, two workers": [*MILLION, "--workers", "2"],
        "a million numbers written, five times": [sys.executable, "-c", WRITING],
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed = commands(folder)
        times: dict[str, list[float]] = {label: [] for label in timed}
        for turn in range(rounds + 1):
            for label, command in timed.items():
                start = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
                if turn:  # the first round warms the file cache, writes bytecode and finds the fonts
                    times[label].append(time.perf_counter() - start)
        for label, values in times.items():
            print(f"{label:40} {statistics.median(values):6.2f} s median, {min(values):6.2f} s least")
        print(f"{'the page':40} {(folder / 'plan.html').stat().st_size / 1e3:6.0f} kB")
    print(f"{'memory, largest process of all':40} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:6.0f} MB")


if __name__ == "__main__":
    main()
