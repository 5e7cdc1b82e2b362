"""Are two dear runs near the optimum worth their part of a pilot budget? ``python -m benchmarks.dear_pilots``, two minutes.

The design of a budget; the design of 80 or 60 % of it with the rest on two runs of 20 tokens per parameter, at costs of 35 to 65;
the 5x5 isoFLOP grid and the L that cost as much. Regret at the target (median, 90 % below) and error of the loss there, over
published laws and laws drawn from the prior, without misfit and with each of those that ``plan pilots --simulate`` tries.
"""

from typing import Any

import numpy as np

import planner
from planner.pilot_design.expected_regret import usual_runs
from planner.pilot_design.information import drawn_laws
from planner.pilot_design.simulation import simulated

BUDGET, TARGET, K, NOISE = 1e20, 1e23, 6.0, 0.005
PARTS = np.array([0.35, 0.65])


def design(budget: float) -> tuple[Any, Any]:
    """Return N and D of the design of a budget."""
    runs = planner.pilots(budget=budget, target=TARGET).runs
    return np.array([run.params for run in runs]), np.array([run.tokens for run in runs])


def main() -> None:
    """Print one row a design, law and misfit."""
    designs = {"design": design(BUDGET)}
    for share in (0.2, 0.4):
        params, tokens = design(BUDGET * (1 - share))
        dear = np.sqrt(share * BUDGET * PARTS / (K * 20))
        designs[f"two dear, {share:.0%}"] = np.r_[params, dear], np.r_[tokens, 20 * dear]
    designs |= {name: runs for name, runs in usual_runs(BUDGET, K).items() if not name.startswith("ray")}
    laws = drawn_laws(48, TARGET, K, np.random.default_rng(0))
    found = simulated(designs, laws, TARGET, NOISE, draws=20, seed=1, workers=2, progress=None)
    print(f"{'design':18}{'laws':11}{'misfit':12}{'median':>8}{'90 % below':>12}{'loss error':>12}")
    for each in found:
        regrets = f"{each.regret_median:8.2%}{each.regret_90:12.2%}"
        print(f"{each.design:18}{each.truths:11}{each.misfit:12}{regrets}{each.loss_error:12.2%}")


if __name__ == "__main__":
    main()
