"""The runs of a design as they are shown: what each is for, its share of the budget, and the trunk that it cools down from."""

import numpy as np

from planner.fitting.tables.row_choice import PURPOSES
from planner.pilot_design.candidate_runs import Cells
from planner.pilot_design.information import Laws, optimum
from planner.pilot_design.pilots_result import PilotRun
from planner.pilot_design.trunks import Trunk


def planned_runs(laws: Laws, chosen: Cells, budget: float) -> tuple[PilotRun, ...]:
    """Return each run with its purpose, by how far its ratio is from the optimum of its cost."""
    found = []
    numbers = (each.tolist() for each in (chosen.costs, chosen.params, chosen.tokens))
    for C, N, D, model in zip(*numbers, chosen.models, strict=True):
        x, y = optimum(laws, C)
        usual = float(np.exp(np.median(y - x) + laws.y0 - laws.x0))
        away = D / N / usual
        near, starved, overtrained = PURPOSES
        purpose = near if 1 / 3 <= away <= 3 else starved if away < 1 else overtrained
        found.append(PilotRun(N, D, D / N, C, C / budget, purpose, model, C / (laws.k * N * D) - 1 if model else 0.0))
    return tuple(found)


def cooled_runs(runs: tuple[PilotRun, ...], design: tuple[Trunk, ...], budget: float) -> tuple[PilotRun, ...]:
    """Return the runs with the trunk that each cools down from, and what it adds to the bill."""
    added = [
        (number, bill / budget, start)
        for number, each in enumerate(design, 1)
        for bill, start in zip(each.bills, each.starts, strict=True)
    ]
    return tuple(
        run._replace(share=share, trunk=number, cools_from=start) for run, (number, share, start) in zip(runs, added, strict=True)
    )
