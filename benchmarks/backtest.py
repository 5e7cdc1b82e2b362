"""Would small runs have foretold large ones? Every shipped group, R = 10 and 30, beside the objectives of public fitters.

Each method sees the same rows: fitted on C <= C_max/R, predicting the rest. ``log-Huber`` is the published objective at its
exact minimum, ``squared`` that of simple-scaling-laws (which needs Python >= 3.12) and Open-Athena, ``asymmetric`` the default
objective of the ``chinchilla`` package (over-prediction costs 10 times as much), here of ln residuals, each minimised exactly by
this project's engine, so that no method suffers from its own optimiser. Errors in per cent: mean absolute relative error, and
the same over rows with the lowest loss at their compute; means over groups, core (decay matched to run length) and stress (not
matched) apart.

    python benchmarks/backtest.py
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from intervals import Case, Job, case, show

import planner
from planner.fitting.classical import Model, minimise
from planner.fitting.constraints import Limits
from planner.fitting.generalised_law import parts
from planner.fitting.sample import Sample

RATIOS = (10, 30)
PEERS: dict[str, Model] = {
    "log-Huber": Model(robust="huber"),
    "squared": Model(robust="squared"),
    "asymmetric": Model(robust="absolute", limits=Limits(penalty=10.0)),
}


def forecast(train: planner.Runs) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
    """Return the forecast's prediction and interval."""
    fitted = planner.fit(train, group="all")

    def predict(params: Any, tokens: Any) -> tuple[Any, Any, Any]:
        guess = fitted.predict(params, tokens)
        return guess.loss, *guess.run

    return predict


def peer(model: Model, train: planner.Runs) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
    """Return an exact classical fit's prediction, without an interval."""
    sample = Sample.of(train)
    theta = minimise(sample, model).theta[None]

    def predict(params: Any, tokens: Any) -> tuple[Any, Any, Any]:
        x, y = np.log(params) - sample.center[0], np.log(tokens) - sample.center[1]
        loss = np.exp(parts(theta, x, y, additive=True).log_loss[0])
        return loss, None, None

    return predict


def main() -> None:
    """Print one table."""
    methods: dict[str, Any] = {"forecast": forecast} | {
        name: lambda train, model=model: peer(model, train) for name, model in PEERS.items()
    }
    found: dict[tuple[str, str, int], list[tuple[float, float, float, float]]] = {}
    for table in planner.run_tables():
        for group, what in table.groups.items():
            if not what.kind:
                continue
            runs = table.load().select(group)
            excess = Sample.of(runs).excess
            for ratio in RATIOS:
                small = runs.flops <= runs.flops.max() / ratio
                train, test = runs.take(small), runs.take(~small)
                for name, make in methods.items():
                    loss, low, high = make(train)(test.params, test.tokens)
                    error = np.abs(loss / test.loss - 1)
                    inside = width = np.nan
                    if low is not None:
                        inside = float(((low <= test.loss) & (test.loss <= high)).mean())
                        width = float(np.median((high - low) / 2 / loss))
                    row = (float(error.mean()), float(error[excess[~small] <= 1e-9].mean()), inside, width)
                    found.setdefault((name, what.kind, ratio), []).append(row)
    columns = [(kind, ratio) for kind in ("core", "stress") for ratio in RATIOS]
    print("mean absolute error / on the frontier, %")
    print(f"{'method':12s}" + "".join(f"{f'{kind} R={ratio}':>16s}" for kind, ratio in columns))
    for name in methods:
        means = [np.mean(found[name, *column], 0) * 100 for column in columns]
        print(f"{name:12s}" + "".join(f"{f'{mean[0]:.2f} / {mean[1]:.2f}':>16s}" for mean in means))
    covered = [np.mean(found["forecast", *column], 0)[2:] * 100 for column in columns]
    print(f"{'95 % interval':12s}" + "".join(f"{f'{c:.0f} %, +-{w:.1f} %':>16s}" for c, w in covered))
    print("groups      " + "".join(f"{len(found['forecast', *column]):>16d}" for column in columns))
    print("\nthe forecast by distance beyond the largest run fitted, and at three levels (benchmarks/intervals.py asks far more)")
    show(list(_cases()))


def _cases() -> Iterator[Case]:
    """Give the same extrapolations, to 33 times beyond what was fitted, with the parts of their intervals."""
    for table in planner.run_tables():
        for group, what in table.groups.items():
            most = table.load().select(group).flops.max()
            for ratio in RATIOS if what.kind else ():
                found = case(Job(table.name, group, 0.0, most / ratio))
                if found is not None:
                    yield found


if __name__ == "__main__":
    main()
