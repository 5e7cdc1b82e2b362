"""Throughput of plans under constraints, and the time of one with 4,000 draws on the command line.

    .venv/bin/python benchmarks/constraints.py [--rounds 5]

Rates are the best of some rounds on one core; the plain closed form stands beside as a yardstick of the same run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import planner
from planner.allocation import solver
from planner.allocation.compute_cost import Spending
from planner.allocation.effective_size import Repetition
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Limits, Problem, problem_of

LAW = planner.load_law("besiroglu2024")
DATA = (Repetition(25e9, 15.387756, 5.309743),)
SERVING = Spending(6.0, 2e12)
PROBLEMS: dict[str, Problem] = {
    "plain": problem_of(LAW),
    "caps": problem_of(LAW, limits=Limits(max_params=1e10, max_tokens=1e12)),
    "ratio": problem_of(LAW, limits=Limits(tokens_per_param=20.0)),
    "serving": problem_of(LAW, spending=SERVING),
    "repetition": problem_of(LAW, modifiers=DATA),
    "repetition, serving, cap": problem_of(LAW, spending=SERVING, modifiers=DATA, limits=Limits(max_params=1e10)),
    "mixture of experts": problem_of(planner.load_law("krajewski2024-moe")),
}
COUNT = 200_000


def rates(rounds: int) -> None:
    """Print plans a second, from budgets and from losses."""
    flops = np.logspace(18, 24, COUNT)
    print(f"{'':26} {'budget -> plan':>16} {'loss -> plan':>16}   (a second, {COUNT} at once)")
    for name, problem in PROBLEMS.items():
        params, tokens = solver.best_run(problem, flops)
        goals = landscape(problem).reducible(params, tokens)[::20]
        there, back = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            solver.allocate(problem, flops)
            there.append(COUNT / (time.perf_counter() - start))
            start = time.perf_counter()
            solver.equivalent_flops(problem, goals)
            back.append(len(goals) / (time.perf_counter() - start))
        print(f"{name:26} {max(there):16,.0f} {max(back):16,.0f}")


def command(rounds: int) -> None:
    """Print the time of a constrained plan under a law with 4,000 draws."""
    runs = planner.load_runs("porian2024")
    group = sorted(set(runs.group or ()))[0]
    folder = Path(tempfile.mkdtemp())
    path = folder / "law.json"
    planner.fit(runs, group=group, method="classical", draws=4000).save(path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    plan = [str(Path(sys.executable).with_name("plan")), "--law", str(path), "--flops", "1e21"]
    questions = {
        "plain": plan,
        "repetition and serving": [*plan, "--unique-tokens", "20B", "--inference-tokens", "1T"],
        "loss, repetition and serving": [*plan[:3], "--loss", "3.0", "--unique-tokens", "20B", "--inference-tokens", "1T"],
    }
    for name, question in questions.items():
        times = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            subprocess.run(question, stdout=subprocess.DEVNULL, check=True, env=environment)
            times.append(time.perf_counter() - start)
        print(f"plan with 4,000 draws, {name:30} {min(times[1:]):.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    rates(chosen.rounds)
    command(chosen.rounds)
