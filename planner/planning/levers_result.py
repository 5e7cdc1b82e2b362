"""What efficiency levers are worth, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from planner._util.to_json import Answer
from planner._version import __version__
from planner.accelerators.fleet import Cost, Machine
from planner.inputs.serving import Demand
from planner.notes import Note
from planner.planning.published_levers import WorksOn
from planner.scaling_laws.law import Law


class Worth(NamedTuple):
    """What one lever is worth at a budget.

    Attributes
    ----------
    id, title : str
    works_on : {"flops", "price"}
        Whether the same FLOP count for more, or the same money buys more of them.
    gain, gain_low, gain_high : float or None
        Factor on compute; None where it is not published.
    loss, loss_low, loss_high : float or None
        With the lever, for the same money; ``loss_low`` is that of the highest gain.
    equivalent_flops : float or None
        Compute that gives that loss without the lever.
    saved : float or None
        Share of the money that the same loss costs less.
    dollars_saved : float or None
        The same on the machine.
    claimed : float or None
        The gain that was claimed before somebody measured again.
    applies_to, source, caveat : str
    """

    id: str
    title: str
    works_on: WorksOn
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    loss: float | None
    loss_low: float | None
    loss_high: float | None
    equivalent_flops: float | None
    saved: float | None
    dollars_saved: float | None
    claimed: float | None = None
    applies_to: str = ""
    source: str = "yours"
    caveat: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Levers(Answer):
    """Efficiency levers at a budget.

    Attributes
    ----------
    flops : float
    law : Law
    loss : float
        Of the optimum without any lever.
    levers : tuple of Worth
        The user's own first, then published ones.
    combined : Worth or None
        Of those to be combined: their gains multiplied.
    years : float
        Waited for what comes with time.
    demand : Demand or None
        Tokens to serve over the model's life.
    served : float
        Those that the budget serves too, each counted as its price says; 0 where devices train for some days, and serving comes
        after.
    machine : Machine or None
    cost : Cost or None
        Of the budget on the machine.
    unusable : tuple of (lever, why)
        Those without a usable published number.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    law: Law
    loss: float
    levers: tuple[Worth, ...]
    combined: Worth | None
    years: float
    demand: Demand | None
    served: float
    machine: Machine | None
    cost: Cost | None
    unusable: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__
