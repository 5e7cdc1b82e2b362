"""A design of pilot runs as data: which runs, what for, and what they lead to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Answer
from planner._version import __version__
from planner.fitting.tables.row_choice import PURPOSES
from planner.notes import Note
from planner.pilot_design.candidate_runs import Cells, Model
from planner.pilot_design.expected_regret import Expected
from planner.pilot_design.information import Laws, optimum
from planner.pilot_design.simulation import Simulated
from planner.pilot_design.trunks import Trunk


class PilotRun(NamedTuple):
    """One run to train.

    Attributes
    ----------
    params, tokens, tokens_per_param : float
        N and D.
    flops : float
        C = k N D, or the exact FLOP of its model.
    share : float
        Its share of the pilot budget: of a model that cools down from a trunk only its cooldown's, unless it is the longest.
    purpose : str
        ``near the optimum``, ``starved`` (few tokens for its size) or ``overtrained`` (many).
    model : Model or None
        What to train, where shapes were asked for: then N, D and C are exactly its own.
    beyond_rule : float
        What it costs beyond C = k N D, as a fraction: nothing on paper.
    trunk : int or None
        From which of the trunks it cools down, counted from 1.
    cools_from : float or None
        Tokens of the trunk at which its cooldown begins.
    """

    params: float
    tokens: float
    tokens_per_param: float
    flops: float
    share: float
    purpose: str
    model: Model | None = None
    beyond_rule: float = 0.0
    trunk: int | None = None
    cools_from: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Pilots(Answer):
    """Which pilot runs to train.

    Attributes
    ----------
    budget, target : float
        Of the pilots and of the run that they are for [FLOP].
    noise : float
        Of ln loss between runs trained alike.
    runs : tuple of PilotRun
        The dearest first.
    expected : tuple of Expected
        Of the design, and of a 5x5 isoFLOP grid and a ray of one ratio that cost the whole budget, on paper and without limits;
        where ratios are limited, of the design without that limit too; where runs are given, of them alone first, and of each
        with them.
    saved : float or None
        Where runs are given: what the next ones are expected to save at the target [FLOP].
    dollars_per_flop : float or None
        Where a device with a price was named.
    simulation : tuple of Simulated
        Where it was asked for: regrets of real fits to simulated tables.
    ratios : (low, high)
        Tokens per parameter that runs may have.
    notes : tuple of Note
    inputs : mapping
    columns : mapping of str to str
        What the table of runs given calls its quantities: a saved design calls them so too, and both are fitted together.
    group : str
        Of the runs given.
    trunks : tuple of Trunk
        Where trunks were asked for: the runs are the models that cool down from them.
    version : str
    """

    budget: float
    target: float
    noise: float
    runs: tuple[PilotRun, ...]
    expected: tuple[Expected, ...]
    saved: float | None
    dollars_per_flop: float | None
    simulation: tuple[Simulated, ...]
    ratios: tuple[float, float]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    columns: Mapping[str, str] = FrozenDict()
    group: str = ""
    trunks: tuple[Trunk, ...] = ()
    version: str = __version__

    @property
    def spent(self) -> float:
        """What the runs cost together [FLOP]."""
        return sum(each.flops for each in self.trunks or self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: base units, full precision, None for what is infinite."""
        content = super().to_dict()
        for row in content["expected"]:
            row.update({name: None for name, value in row.items() if isinstance(value, float) and not np.isfinite(value)})
        return {**content, "spent": self.spent}


def planned_runs(laws: Laws, chosen: Cells, budget: float) -> tuple[PilotRun, ...]:
    """Return each run with its purpose, by how far its ratio is from the optimum of its cost."""
    found, (near, starved, overtrained) = [], PURPOSES
    numbers = (each.tolist() for each in (chosen.costs, chosen.params, chosen.tokens))
    for C, N, D, model in zip(*numbers, chosen.models, strict=True):
        x, y = optimum(laws, C)
        usual = float(np.exp(np.median(y - x) + laws.y0 - laws.x0))
        away = D / N / usual
        purpose = near if 1 / 3 <= away <= 3 else starved if away < 1 else overtrained
        found.append(PilotRun(N, D, D / N, C, C / budget, purpose, model, C / (laws.k * N * D) - 1 if model else 0.0))
    return tuple(found)


def cooled_runs(runs: tuple[PilotRun, ...], design: tuple[Trunk, ...], budget: float) -> tuple[PilotRun, ...]:
    """Return the runs with the trunk that each cools down from, and what it adds to the bill."""
    rest = iter(runs)
    return tuple(
        next(rest)._replace(share=bill / budget, trunk=number, cools_from=start)
        for number, each in enumerate(design, 1)
        for bill, start in zip(each.bills, each.starts, strict=True)
    )
