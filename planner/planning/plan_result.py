"""The frozen answer to a budget. Nothing here rounds or prints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.to_json import Answer, as_json
from planner._version import __version__
from planner.allocation.assessment import Regime
from planner.allocation.intervals import Intervals
from planner.allocation.problem import Limits, Problem
from planner.notes import Note
from planner.planning.mixture_result import Mixture
from planner.scaling_laws.law import Law, require_finite

if TYPE_CHECKING:
    from planner.accelerators.fleet import Cost, Machine
    from planner.inputs.serving import Weights
    from planner.planning.alternatives import OtherStudies
    from planner.planning.plan_details import ServedCopy
    from planner.planning.plan_scores import PlanScores
    from planner.planning.quantised import Quantised
    from planner.planning.served_sizes import ServedSize
    from planner.quantities.estimate import Range

BAND = 0.01
"""The flat-optimum band is the range of N that costs at most this much more compute for the same loss."""

_FINITE = ("flops", "params", "tokens", "tokens_per_param", "loss", "irreducible_loss", "overhead", "spent", "extrapolation")


class Doubling(NamedTuple):
    """What twice the compute would still buy: the fall in loss, and its share of the reducible loss."""

    loss_gain: float
    share_of_reducible: float


class DataUse(NamedTuple):
    """How a plan uses its unique tokens, and what more of them would be worth.

    Attributes
    ----------
    unique_tokens, epochs : float
        Different tokens at hand, and passes over them (below 1 where not all are needed).
    effective_tokens, effective_params : float
        D' and N': what repeated tokens, and parameters beyond what the unique ones can fill, are worth.
    loss_owed : float
        Loss that the same run would not have, were all its tokens different.
    tokens_wanted : float
        Tokens of the best run of this budget, without the user's limits, were all of them different.
    doubling_gain : float
        Fall in loss with twice the unique tokens and the same budget.
    harmful_from : float or None
        Passes from which on further ones raise the loss, by an over-fitting penalty; None where it cannot be said.
    """

    unique_tokens: float
    epochs: float
    effective_tokens: float
    effective_params: float
    loss_owed: float
    tokens_wanted: float
    doubling_gain: float
    harmful_from: float | None = None


class Serving(NamedTuple):
    """What serving costs beside training, and what planning for it saves.

    Attributes
    ----------
    tokens : float
        Tokens served over the model's life.
    price : float
        What a served FLOP costs over a trained one.
    training_flops, serving_flops : float
        The two parts of what is spent [FLOP, at the price of training].
    share : float
        Of serving in what is spent.
    trained_alone_params, trained_alone_tokens : float
        The run of the same loss that is cheapest to train.
    saved : float
        What this plan saves over that run, training and serving together, as a fraction; below 0 where a limit costs more.
    weights : Weights
        Utilisations and prices that made the price.
    dollars : Range or None
        What serving costs, at the price of training, where a machine with a price was given.
    after : bool
        Whether it comes after a budget that pays the training alone, as devices for some days do.
    """

    tokens: float
    price: float
    training_flops: float
    serving_flops: float
    share: float
    trained_alone_params: float
    trained_alone_tokens: float
    saved: float
    weights: "Weights"
    dollars: "Range | None" = None
    after: bool = False

    @property
    def training_share(self) -> float:
        """Share of training in what is spent."""
        return 1 - self.share


class Funded(NamedTuple):
    """A budget that was not given in FLOP, and what its uncertainty does to the plan.

    Attributes
    ----------
    kind : str
        ``devices for a time``, ``device-hours``, ``dollars``, ``energy`` or ``CO2e``.
    amount : float
        In hours, device-hours, US dollars, kWh or kg.
    flops : "Range"
        What it computes [FLOP], from the least to the most favourable utilisation, price, power and grid.
    params, tokens : Range or None
        The best run of each; None where the least does not pay for what was asked.
    loss : Range or None
        Its loss: the lowest for the most compute.
    """

    kind: str
    amount: float
    flops: "Range"
    params: "Range | None"
    tokens: "Range | None"
    loss: "Range | None"

    @property
    def unit(self) -> str:
        """Unit of the amount."""
        return {"devices for a time": "hours", "device-hours": "device-hours", "dollars": "USD", "energy": "kWh"}.get(
            self.kind, "kg"
        )


class Alternative(NamedTuple):
    """The same budget under another law, and what the chosen law thinks of that allocation.

    Attributes
    ----------
    law : Law
    exponents : (a, b)
        N ~ C^a and D ~ C^b under this law.
    params, tokens, tokens_per_param : float
        Its compute-optimal allocation, N counted as this law counts.
    loss : float or None
        Its own expected loss, in its own unit and for its own data.
    params_ratio : float
        Its N over the chosen law's optimal N, of mixtures of experts the active ones.
    regime, overhead : str, float or None
        How the chosen law judges the allocation; None where the chosen law has no loss surface.
    extrapolation : float or None
        Largest factor by which the answer leaves this law's fitted range; None where the range is not known.
    notes : tuple of Note
    """

    law: Law
    exponents: tuple[float, float]
    params: float
    tokens: float
    tokens_per_param: float
    loss: float | None
    params_ratio: float
    regime: Regime | None
    overhead: float | None
    extrapolation: float | None
    notes: tuple[Note, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units, of the law what tells it from others."""
        law = {
            "id": self.law.id,
            "reference": self.law.reference,
            "params_convention": self.law.conventions.params,
            "loss_unit": self.law.conventions.loss_unit,
        }
        return {"law": law, **{name: as_json(item) for name, item in self._asdict().items() if name != "law"}}


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Answer):
    """The answer to "what should this budget train?".

    Attributes
    ----------
    flops : float
        Budget C [FLOP]: the one given, or the least that reaches the loss asked for.
    pf_days : float
        The same [PF-days].
    law : Law
        The law that answers.
    problem : Problem
        What was minimised, ready for the solver.
    params, tokens : float
        Parameters N, counted as ``law.conventions.params`` says, and tokens D.
    params_total, params_non_embedding : float or None
        N with and without embeddings, the one that the law does not count converted by Pearce & Song 2024, or exact for a
        shape; None where the law counts something else.
    tokens_per_param : float
    exponents : (a, b) or None
        N_opt ~ C^a, D_opt ~ C^b.
    loss, irreducible_loss : float or None
        Expected loss and its irreducible part, in ``loss_unit``; None where the law has no loss.
    loss_unit : str or None
    params_band : (low, high) or None
        Range of N that costs at most ``band_tolerance`` more compute for the same loss.
    doubling : Doubling or None
        What twice the compute would still buy, what the user limits staying as it is.
    spent : float
        What the run costs over its life [FLOP, at the price of training]: below ``flops`` where caps leave some of it.
    training_flops : float
        Its training compute k N D [FLOP].
    regime, overhead : str, float or None
        As :func:`planner.check` judges the run, and what is spent over the cheapest run of the same loss without the user's
        limits, as a fraction: the price of the limits.
    tolerance : float
        Overhead up to which a run is balanced.
    extrapolation : float or None
        Largest factor by which C, N or D leaves the law's fitted range, 1 inside; None where the range is not known.
    intervals : Intervals or None
        How sure the answer is, where the law has draws: a fitted one, or a published one with a covariance.
    other_studies : OtherStudies or None
        Where the optimum of another data set and recipe lies, by the spread of published studies; None beside limits.
    optimum : Plan or None
        The best plan of the same budget, or loss, where this one is not it (the user's limits bind, or own exponents).
    limits : Limits
        What the user fixed or capped.
    data : DataUse or None
        Where unique tokens were given.
    serving : Serving or None
        Where tokens to serve were given.
    served_sizes : tuple of ServedSize
        Where devices train for some days and tokens are served after: smaller sizes on the same devices and days.
    mixture : Mixture or None
        Where the law is one of mixtures of experts.
    served_copy : ServedCopy or None
        What a copy takes of the devices that are to serve it, where they were named.
    quantised : Quantised or None
        Where the weights are to be rounded after training.
    machine : Machine or None
        Devices, utilisation, prices and power, where a device was named.
    funded : Funded or None
        Where the budget was devices for a time, device-hours, dollars, energy or CO2e.
    cost : Cost or None
        What training takes on the machine: device-hours, wall-clock, dollars, energy, CO2e.
    notes : tuple of Note
        Caveats.
    others : tuple of Alternative
        The same budget under other laws.
    inputs : mapping
        What was asked, in base units.
    scores : PlanScores or None
    version : str
        Version of planner.
    """

    flops: float
    pf_days: float
    law: Law
    problem: Problem = field(compare=False)
    params: float
    tokens: float
    params_total: float | None
    params_non_embedding: float | None
    tokens_per_param: float
    exponents: tuple[float, float] | None
    loss: float | None
    irreducible_loss: float | None
    loss_unit: str | None
    params_band: tuple[float, float] | None
    band_tolerance: float
    doubling: Doubling | None
    spent: float
    training_flops: float
    regime: Regime | None
    overhead: float | None
    tolerance: float
    extrapolation: float | None
    intervals: Intervals | None
    other_studies: "OtherStudies | None"
    optimum: "Plan | None"
    limits: Limits
    data: DataUse | None
    serving: Serving | None
    served_sizes: "tuple[ServedSize, ...]"
    mixture: Mixture | None
    served_copy: "ServedCopy | None"
    quantised: "Quantised | None"
    machine: "Machine | None"
    funded: Funded | None
    cost: "Cost | None"
    notes: tuple[Note, ...]
    others: tuple[Alternative, ...]
    inputs: Mapping[str, Any]
    scores: "PlanScores | None" = None
    version: str = __version__

    def __post_init__(self) -> None:
        low, high = self.params_band or (None, None)
        ends = {"params_band": low, "params_band end": high, "extrapolation": self.extrapolation}
        require_finite(self.law, {**{name: getattr(self, name) for name in _FINITE}, **ends})

    @property
    def spent_share(self) -> float:
        """What is spent over the budget: below 1 where caps leave some of it."""
        return self.spent / self.flops

    @property
    def params_spread(self) -> tuple[float, float] | None:
        """Smallest and largest N that the laws beside this one would plan; None where none stands beside it."""
        sizes = [other.params for other in self.others]
        return (min(sizes), max(sizes)) if sizes else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: base units, full precision, stable keys with the attributes' names."""
        return {**super().to_dict(), "params_spread": as_json(self.params_spread)}
