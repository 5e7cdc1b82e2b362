"""Memory of the fullest device, forecast and measured: ``python -m benchmarks.memory``.

64 runs that others published, dense of known layout: 60 peaks, and four that ran out of memory. Nothing is fitted to them.
"""

import math
from collections import Counter

import numpy as np

from tests.measured_memory import Measured, measured

_CONTEXT_GIB = {"allocated": 1, "reserved": 2}
"""GiB that a tool shows beside the tensors; 5 for nvidia-smi and tools that are not stated."""


def _as_read(run: Measured) -> float:
    """Return the forecast of what that run's tool reads."""
    return run.expected.total + (_CONTEXT_GIB.get(run.kind, 5) - 2) * 2**30


def main() -> None:
    """Print errors and verdicts."""
    runs = list(measured())
    ran = [run for run in runs if run.peak is not None]
    for name, forecast in (("as planner says", lambda run: run.expected.total), ("as the tool reads", _as_read)):
        errors = np.array([math.log((run.peak or math.nan) / forecast(run)) for run in ran])
        middle, tail = np.quantile(np.abs(errors), [0.5, 0.9])
        inside = np.mean(np.abs(errors) <= math.log(1.41))
        print(f"{name:18} {len(ran)} peaks: |log error| {middle:.2f} in the median, {tail:.2f} at the 90th percentile; ", end="")
        print(f"signed median {np.median(errors):+.2f}; within the range {inside:.0%}")
    words = {True: "fits", None: "too close to say", False: "does not fit"}
    for name, some in (("ran", ran), ("ran out of memory", [run for run in runs if run.peak is None])):
        verdicts = Counter(words[run.expected.fits(run.capacity)] for run in some)
        print(f"{name}: " + ", ".join(f"{word} {verdicts[word]}" for word in words.values()))


if __name__ == "__main__":
    main()
