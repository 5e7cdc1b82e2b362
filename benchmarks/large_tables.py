"""Time and peak memory of tables that are long, wide, or hostile: ``python -m benchmarks.large_tables``.

Each command runs by itself, so that its peak is its own. The bounds of ``planner/fitting/tables/xlsx.py`` come from here.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xlsxwriter

from tests.hostile import endless_texts


def _csv(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    params, tokens, loss = 10 ** rng.uniform(8, 11, rows), 10 ** rng.uniform(9, 12, rows), rng.uniform(2, 4, rows)
    with path.open("w") as file:
        file.write("run,params,tokens,loss\n")
        file.writelines(f"r{i},{params[i]:.6g},{tokens[i]:.6g},{loss[i]:.4f}\n" for i in range(rows))


def _book(path: Path, rows: int, *, header: int | None = None, cell: int | None = None) -> None:
    """Write a workbook of runs, with one more cell far to the right: in the header, or in every row."""
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet("Runs")
    sheet.write_row(0, 0, ["params", "tokens"])
    if header is not None:
        sheet.write(0, header, "far")
    for i in range(1, rows + 1):
        sheet.write_row(i, 0, [1e9 + i, 2e10 + i])
        if cell is not None:
            sheet.write(i, cell, 1)
    book.close()


_RUN = (
    "import resource, sys\nfrom planner.cli import main\ntry: main()\n"
    "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
)


def _measured(command: list[str]) -> tuple[float, float, int]:
    """Run a command on Linux; return seconds, peak MB, and its exit code.

    A shell stands between: what this process has held would count too.
    """
    start = time.perf_counter()
    found = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", _RUN, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return time.perf_counter() - start, int(found.stderr.split()[-1]) / 1e3, found.returncode


def main() -> None:
    """Make the files, run the commands, print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        _csv(there / "million.csv", 1_000_000)
        _book(there / "far-header.xlsx", 20_000, header=16_383)
        _book(there / "far-cells.xlsx", 20_000, cell=16_383)
        _book(there / "million.xlsx", 1_000_000)
        endless_texts(there / "texts-15.xlsx", 15)
        endless_texts(there / "texts-84.xlsx", 84)
        for name, fmt in (
            *(("million.csv", fmt) for fmt in ("json", "csv", "table")),
            *((f"{each}.xlsx", "json") for each in ("far-header", "far-cells", "texts-15", "texts-84", "million")),
        ):
            seconds, peak, code = _measured(["check", str(there / name), "--format", fmt])
            size = (there / name).stat().st_size / 1e3
            print(f"{name:16} {size:8.0f} kB  as {fmt:5}  {seconds:5.1f} s  {peak:5.0f} MB  exit {code}")


if __name__ == "__main__":
    main()
