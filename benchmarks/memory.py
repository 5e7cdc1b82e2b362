"""Memory of the fullest device, forecast and measured: ``python -m benchmarks.memory``.

64 runs that others published, dense of known layout: 60 peaks, and four that ran out of memory. Nothing is fitted to them.
"""

import math
from collections import Counter

import numpy as np

from planner._util.files import settings
from tests.measured_memory import Measured, measured


def _as_read(run: Measured) -> float:
    """Return the forecast of what that run's tool reads beside the tensors: nvidia-smi, or one that is not stated, the most."""
    least, usual, most = settings("memory.toml", "overhead")["context_gib"]
    beside: int = {"allocated": least, "reserved": usual}.get(run.kind, most)
    return float(run.expected.total + (beside - usual) * 2**30)


def main() -> None:
    """Print errors and verdicts."""
    runs = list(measured())
    ran = [run for run in runs if run.peak is not None]
    for name, forecast in (("as planner says", lambda run: run.expected.total), ("as the tool reads", _as_read)):
        errors = np.array([math.log((run.peak or math.nan) / forecast(run)) for run in ran])
        middle, tail = np.quantile(np.abs(errors), [0.5, 0.9])
        print(f"{name:18} {len(ran)} peaks: |log error| {middle:.2f} in the median, {tail:.2f} at the 90th percentile; ", end="")
        print(f"signed median {np.median(errors):+.2f}")
    inside = [run.expected.range[0] <= (run.peak or 0.0) <= run.expected.range[1] for run in ran]
    print(f"peaks within the range: {np.mean(inside):.0%}")
    words = {True: "fits", None: "too close to say", False: "does not fit"}
    for name, some in (("ran", ran), ("ran out of memory", [run for run in runs if run.peak is None])):
        verdicts = Counter(words[run.expected.fits(run.capacity)] for run in some)
        print(f"{name}: " + ", ".join(f"{word} {verdicts[word]}" for word in words.values()))


if __name__ == "__main__":
    main()
