"""How well the time of a step is forecast: ``python -m benchmarks.throughput [fit]``.

Published steps that ship with planner (``data/throughput_rows.csv``). Constants are fitted with whole sources left out, and asked
for those; with whole kinds of devices left out; and on at most 512 devices, asked for more. A source of n rows counts as sqrt(n).
``fit`` prints the constants fitted to all rows, for ``data/throughput.toml``; that file's own tables are what a plan uses.
"""

import sys
from math import log
from time import perf_counter
from typing import Any

import numpy as np

from planner._util.files import settings
from planner.architectures.measured_steps import Group
from planner.architectures.step_time import FILE
from tests.step_fit import COUNTS, DEVICES, GROUPS, LARGE, MEASURED, MIXTURE, ROWS, SOURCES, errors, fit, left_out, quantiles


def coverage(found: np.ndarray, among: np.ndarray, kind: str) -> str:
    """Return the share of rows within the intervals that are printed, averaged over sources."""
    ends = settings(FILE, "intervals")[kind]
    shares = []
    for level, factor in ends.items():
        inside = [np.mean(np.abs(found[among & (source == SOURCES)]) <= log(factor)) for source in np.unique(SOURCES[among])]
        shares.append(f"{float(level):.0%} interval (x/÷ {factor}) holds {np.mean(inside):.0%}")
    return ", ".join(shares)


def show(name: str, found: np.ndarray, among: np.ndarray) -> None:
    """Print one line of the table."""
    middle, tail = quantiles(found, among)
    sources = len(np.unique(SOURCES[among]))
    print(f"{name:44} {among.sum():5} rows of {sources:2} sources: median {middle:.2f}, 90th percentile {tail:.2f}")


def main() -> None:
    """Print the tables, or the constants."""
    everything = np.ones(len(ROWS), bool)
    if sys.argv[1:] == ["fit"]:
        for name, value in fit(everything).items():
            print(f"{name} = {value:.4g}")
        return
    dense = ~MIXTURE & LARGE
    constant = np.log(0.375 / _utilisation())
    show("constant MFU of 37.5 %", constant, everything)
    here = errors(settings(FILE, "constants"))
    for name, among in (("all", everything), ("dense, 1e9 parameters and more", dense), ("mixtures", MIXTURE)):
        show(f"as shipped, on its own rows: {name}", here, among)
    apart = left_out(SOURCES)
    for name, among in (("all", everything), ("dense, 1e9 parameters and more", dense), ("mixtures", MIXTURE)):
        show(f"sources left out: {name}", apart, among)
    print(f"{'':44} dense: {coverage(apart, dense, 'dense')}")
    print(f"{'':44} mixtures: {coverage(apart, MIXTURE, 'wide')}")
    show("devices left out: dense", left_out(DEVICES), dense)
    small = COUNTS <= 512
    show("fitted on 512 devices or fewer, asked for more", errors(fit(small)), ~small & ~MIXTURE)
    print(f"{rate():,.0f} forecasts a second")


def rate(times: int = 50) -> float:
    """Return forecasts a second, of the rows as columns."""
    start = perf_counter()
    for _ in range(times):
        for group in GROUPS:
            group.forecast()
    return times * len(ROWS) / (perf_counter() - start)


def _utilisation() -> np.ndarray:
    """Return the model FLOP utilisation of each row, attention counted causally."""
    found = np.full(len(ROWS), np.nan)
    for group in GROUPS:
        found[group.places] = _of_group(group)
    return found


def _of_group(group: Group) -> Any:
    work, layout = group.work, group.layout
    each = 6 * (work.rest + work.routed + work.table + work.scores)
    tokens = layout.data * layout.micro_batch * layout.micro_batches * work.context
    return each * tokens / (MEASURED[group.places] * layout.devices * group.rate.peak)


if __name__ == "__main__":
    main()
