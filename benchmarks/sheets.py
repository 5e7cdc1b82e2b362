"""How long spreadsheet functions take: ten thousand rows of a data frame, a thousand cells one by one, and of the Calc add-in.

    .venv/bin/python benchmarks/sheets.py [--rounds 5] [--no-office]

Times are medians of some rounds, the aim beside them. The add-in is timed in a real LibreOffice where that is installed: entering
the first cell, which starts the helper, and calculating a thousand more by force.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from planner import sheets
from planner.sheets.calc import bridge, building

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests import office

ROWS = 10_000
CELLS = 1000


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """Return the median time of the work."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print a line for each function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-office", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
    budgets = np.logspace(18, 26, ROWS)
    frame = pandas.DataFrame({"budget": budgets, "params": budgets**0.5 / 3, "tokens": budgets**0.5 / 2})
    frame["text"] = [f"{budget:.6g}" for budget in budgets]
    made = sheets.functions()
    columns = {
        "plan_tokens": ("budget",),
        "plan_tokens of texts": ("text",),
        "plan_loss": ("budget",),
        "plan_overhead": ("params", "tokens"),
        "plan_regime": ("params", "tokens"),
    }
    for label, names in columns.items():
        function = made[label.split()[0]]
        took = seconds(lambda f=function, n=names: f(*(frame[name] for name in n)), rounds)  # type: ignore[misc]
        print(f"{label:<22} {ROWS} rows {took:.3f} s (aim 0.5)")
    took = seconds(lambda: made["plan_cost"](frame["budget"], "h100", 0.4), rounds)
    print(f"{'plan_cost':<22} {ROWS} rows {took:.3f} s (aim 0.5)")
    took = seconds(lambda: [made["plan_tokens"](budget) for budget in budgets[:1000].tolist()], rounds)
    print(f"{'plan_tokens':<22} 1000 cells one by one {took:.3f} s")
    print(f"{'opening the helper':<22} {opening(rounds):.3f} s (aim 1)")
    if shutil.which("soffice") and not options.no_office:
        office_cells(rounds)


def opening(rounds: int) -> float:
    """Return how long the helper takes from its start to its first answer."""
    times = []
    for _ in range(rounds):
        helper = bridge.Helper([[sys.executable, "-E", "-P", "-m", "planner.sheets.calc.helper"]])
        times.append(seconds(lambda asked=helper: asked.ask("PLAN_TOKENS", [1e21]), 1))  # type: ignore[misc]
        helper.close()
    return statistics.median(times)


def office_cells(rounds: int) -> None:
    """Time cells in LibreOffice: one, then a thousand more."""
    with tempfile.TemporaryDirectory() as folder:
        addin = building.build_addin(Path(folder, "planner.oxt"))
        first = {"formulas": [["Sheet1!A1", "=PLAN_TOKENS(1E+21)"]], "timed": True}
        column: dict[str, Any] = {"set": [[f"Sheet1!B{i}", 10.0 ** (18 + i / 125)] for i in range(1, CELLS + 1)]}
        column["formulas"] = [[f"Sheet1!C{i}", f"=PLAN_TOKENS(B{i})"] for i in range(1, CELLS + 1)]
        found = office.recalculate(None, [first, column, *[{"timed": True}] * rounds], addin)
    opened, *again = (job[-1][0][0] for job in found if job)
    print(f"{'Calc add-in':<22} first cell {opened:.3f} s (aim 1)")
    print(f"{'Calc add-in':<22} {CELLS} cells {statistics.median(again):.3f} s (aim 2)")


if __name__ == "__main__":
    main()
