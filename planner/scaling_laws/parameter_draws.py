"""What a fitted law knows of its own error: parameter draws, and for a forecast the parts its intervals are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planner._util.frozen_dict import FrozenDict
from planner.scaling_laws.forms import Form, Num

if TYPE_CHECKING:
    from planner.scaling_laws.covariance import Covariance

SCALES = (
    *("local", "structures", "distance", "rows", "least_distance", "ratio_width", "size_width", "prior_rows", "excess_width"),
    *("shrink", "degrees_of_freedom", "calibrated_to", "size_factor", "size_draws", "size_least"),
)
"""The calibrated constants that a forecast's intervals need."""

POWERS = FrozenDict({"local_power": 2.0, "distance_power": 1.0, "span_power": 1.0, "rows_distance": 1.0, "rows_power": 0.5})
"""How the parts grow, with what held before files said it (0.2.0)."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What widens a forecast's interval besides its draws: misfit nearby, disagreement between structures, distance.

    Attributes
    ----------
    structures : mapping of str to array
        Constants of the form ``generalised``: the reference member first, then members that differ from it in structure.
    log_params, log_tokens, residuals : array
        ln N, ln D and ln(forecast/loss) of the rows the law was fitted on (at most 2,000 of them).
    base : float
        Mean of |residual|^``local_power`` of rows near the loss-compute frontier, to which a lonely point's local misfit shrinks.
    flops : (low, high)
        Range of their compute [FLOP].
    rows : int
        How many rows there were.
    scales : mapping of str to float
        The calibrated constants, see ``data/fitting.toml``.
    """

    structures: Mapping[str, Num]
    log_params: Num
    log_tokens: Num
    residuals: Num
    base: float
    flops: tuple[float, float]
    rows: int
    scales: FrozenDict


@dataclass(frozen=True, eq=False)
class Draws:
    """Equally likely constants of a law, from a bootstrap over runs or by a covariance.

    Attributes
    ----------
    form : Form
        The form the constants belong to: the law's own, or ``generalised`` where the law is an ensemble.
    params : mapping of str to array
        One value of each constant a draw, all of one length.
    noise : float
        Standard deviation of ln loss of a single run around the law, robust.
    calibration : Calibration or None
        For a forecast: what its intervals add to the draws.
    covariance : Covariance or None
        Of a published law: what the constants were drawn by.
    """

    form: Form
    params: Mapping[str, Num]
    noise: float
    calibration: Calibration | None = None
    covariance: "Covariance | None" = None

    def __len__(self) -> int:
        return len(next(iter(self.params.values())))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: what a law file stores under ``draws``."""
        result: dict[str, Any] = {"form": self.form.name, "noise": self.noise, "params": _lists(self.params)}
        if self.calibration:
            parts = vars(self.calibration)
            arrays = {name: value for name, value in parts.items() if hasattr(value, "tolist")}
            lists = {"structures": _lists(parts["structures"]), "flops": list(parts["flops"]), "scales": dict(parts["scales"])}
            result["calibration"] = {**parts, **_lists(arrays), **lists}
        return result


def _lists(values: Mapping[str, Num]) -> dict[str, list[float]]:
    return {name: value.tolist() for name, value in values.items()}
