"""Pilots from trunks: one run a size at a constant learning rate, and from it cooldowns at several lengths.

A model of D tokens leaves its trunk at (1 - c) D and cools down over c D, c the share of its tokens. The trunk of a size is
paid once, with the cooldown of its longest model: k N D_max; every shorter one adds its own cooldown, k N c D. Models of one
trunk share its luck: with a correlation rho between their errors, a fit that takes them as independent has the variance

    g' H^-1 (Q + ((1 - rho) sum J J' + rho sum_t s_t s_t') / noise^2) H^-1 g

H = Q + sum J J'/noise^2 being what it believes to know, Q its prior, and s_t the sum of J over trunk t.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import PRECISION, lowest, order
from planner.errors import CannotPlanError
from planner.fitting.generalised_law import Array
from planner.pilot_design.candidate_runs import Grid
from planner.pilot_design.expected_regret import Expected, expected_of
from planner.pilot_design.information import CONSTANTS, FILE, DesignAim, information, pays, sensitivities
from planner.quantities import format_flops, format_percent, format_whole, plain


class Trunk(NamedTuple):
    """One size: a run at a constant learning rate, and the models that cool down from it.

    Attributes
    ----------
    params : float
        N.
    lengths : tuple of float
        D of every model, the longest first.
    cooldown : float
        Share of its tokens over which each cools down.
    per_token : float
        k of C = k N D.
    """

    params: float
    lengths: tuple[float, ...]
    cooldown: float
    per_token: float

    @property
    def alone(self) -> tuple[float, ...]:
        """What every model costs when it is trained from the start [FLOP]."""
        return tuple(self.per_token * self.params * D for D in self.lengths)

    @property
    def bills(self) -> tuple[float, ...]:
        """What every model adds to the bill [FLOP]: the longest its whole length, the others their cooldown."""
        longest, *others = self.alone
        return (longest, *(self.cooldown * each for each in others))

    @property
    def starts(self) -> tuple[float, ...]:
        """Tokens of the trunk at which the cooldown of every model begins."""
        return tuple((1 - self.cooldown) * D for D in self.lengths)

    @property
    def flops(self) -> float:
        """Of the trunk and of all its cooldowns [FLOP]."""
        return sum(self.bills)


def trunk_runs(design: Sequence[Trunk]) -> tuple[Array, Array]:
    """Return N and D of every model."""
    pairs = np.array([(each.params, D) for each in design for D in each.lengths])
    return pairs[:, 0], pairs[:, 1]


class _Told(NamedTuple):
    """What trunks tell together under each law: the sum of J J' over models, and of s s' over trunks, (..., laws, 6, 6)."""

    apart: Array
    together: Array

    def variances(self, aim: DesignAim, correlation: float) -> Array:
        """Return v_N and v_L of a fit that takes the models as independent, (..., laws, 2)."""
        of_noise = aim.noise**2
        prior = information(np.zeros((1, 0, CONSTANTS)), aim.noise)[0]
        wanted_by = np.stack([aim.to_size, aim.to_loss], -1)[: self.apart.shape[-3]]
        spread = np.linalg.solve(prior + self.apart / of_noise, np.broadcast_to(wanted_by, (*self.apart.shape[:-1], 2)))
        errors = prior + ((1 - correlation) * self.apart + correlation * self.together) / of_noise
        found: Array = (spread * (errors @ spread)).sum(-2)
        return found

    def criterion(self, aim: DesignAim, correlation: float) -> Array:
        """Return the mean over laws of ln v_N + w ln v_L."""
        of_size, of_loss = np.moveaxis(np.log(self.variances(aim, correlation)).mean(-2), -1, 0)
        found: Array = of_size + aim.loss_weight * of_loss
        return found


def _told(aim: DesignAim, trunks: Sequence[Trunk], laws: int) -> _Told:
    """Return what each of some trunks tells under the first laws, (trunks, laws, 6, 6)."""
    some = aim.laws._replace(theta=aim.laws.theta[:laws])
    J = sensitivities(some, *some.logs(*trunk_runs(trunks)))
    first = np.cumsum([0, *(len(each.lengths) for each in trunks)])[:-1]
    squares = J[:, :, :, None] * J[:, :, None, :]
    sums = np.add.reduceat(J, first, axis=1)
    apart, together = np.add.reduceat(squares, first, axis=1), sums[:, :, :, None] * sums[:, :, None, :]
    return _Told(apart.swapaxes(0, 1), together.swapaxes(0, 1))


def trunk_expectation(name: str, aim: DesignAim, target: float, design: Sequence[Trunk], correlation: float) -> Expected:
    """Return what a design leads to where the errors of one trunk's models are so much correlated."""
    told = _told(aim, design, len(aim.laws.theta))
    v_N, v_L = np.moveaxis(_Told(*(each.sum(0) for each in told)).variances(aim, correlation), -1, 0)
    J = sensitivities(aim.laws, *aim.laws.logs(*trunk_runs(design)))
    return expected_of(name, aim, target, sum(each.flops for each in design), J, v_N, v_L)


def candidate_trunks(grid: Grid, budget: float, cooldown: float) -> list[Trunk]:
    """Return trunks whose longest models are those that independent pilots are chosen from, with shorter ones a factor apart."""
    s = settings(FILE, "trunks")
    cells, least, low, k = grid.cells(int(np.floor(grid.rung(budget)))), grid.least(budget), grid.bounds.ratios[0], grid.bounds.k
    found = []
    for N, D in zip(cells.params.tolist(), cells.tokens.tolist(), strict=True):
        for factor in s["factors"]:
            for count in s["lengths"]:
                lengths = tuple(D / factor**step for step in range(count))
                there = lengths[-1] >= low * N * (1 - 1e-12) and k * N * lengths[-1] >= least * (1 - 1e-12)
                if there and (count > 1 or factor == s["factors"][0]):
                    found.append(Trunk(N, lengths, cooldown, k))
    return found


def design_trunks(aim: DesignAim, grid: Grid, budget: float, runs: int, cooldown: float) -> tuple[Trunk, ...]:
    """Return the trunks of a budget, with at most so many models, that tell most of the target; the dearest first.

    Some numbers of trunks are tried, each from equal shares of the budget, by exchanging one trunk at a time for the best other,
    where the errors of one trunk's models are correlated as usual. What is left of the budget makes all of them larger.

    Raises
    ------
    CannotPlanError
        The bounds leave too few models.
    """
    s = settings(FILE, "trunks")
    choice = candidate_trunks(grid, budget, cooldown)
    best: tuple[list[int], float] = ([], np.inf)
    if choice:
        search = _Search(aim, choice, budget, runs)
        for count in s["trunks"]:
            found = search.exchanged(min(count, runs))
            if search.models(found[0]) >= CONSTANTS and (not best[0] or found[1] < best[1] - PRECISION * abs(best[1])):
                best = found
    if not best[0]:
        low, high = (plain(each) for each in grid.bounds.ratios)
        text = (
            f"no trunks of at most {format_whole(runs)} models between {low} and {high} tokens per parameter and within the "
            f"sizes given for {format_flops(budget)}: wider `ratios`, other `min_params` or `max_params`, or another budget"
        )
        raise CannotPlanError(text)
    chosen = [choice[each] for each in best[0]]
    most = (grid.bounds.sizes[1] or np.inf) / max(each.params for each in chosen)
    larger = max(float(min(np.sqrt(budget / sum(each.flops for each in chosen)), most)), 1.0)
    scaled = [each._replace(params=each.params * larger, lengths=tuple(D * larger for D in each.lengths)) for each in chosen]
    first = order([-each.flops for each in scaled], [each.params for each in scaled])
    return tuple(scaled[each] for each in first)


class _Search:
    """The exchange of trunks within a budget and a number of models."""

    def __init__(self, aim: DesignAim, choice: Sequence[Trunk], budget: float, runs: int) -> None:
        s = settings(FILE, "trunks")
        self._aim, self._budget, self._runs = aim, budget, runs
        self._told = _told(aim, choice, int(s["laws"]))
        self._costs = np.array([each.flops for each in choice])
        self._models = np.array([len(each.lengths) for each in choice])
        self._sizes = np.log([each.params for each in choice])
        self._assumed, self._sweeps, self._apart = float(s["assumed"]), int(s["sweeps"]), float(np.log(s["apart"]))

    def models(self, chosen: list[int]) -> int:
        """Return how many models some trunks have."""
        return int(self._models[chosen].sum())

    def exchanged(self, count: int) -> tuple[list[int], float]:
        """Return at most so many trunks, and the criterion."""
        chosen: list[int] = []
        value = np.inf
        for place in range(1, count + 1):
            value = self._improve(chosen, self._budget * place / count, self._runs * place // count, value)
        for _ in range(self._sweeps):
            before = value
            for _ in range(len(chosen)):
                chosen.pop(0)  # the oldest gives way, and may come back
                value = self._improve(chosen, self._budget, self._runs, np.inf)
            if value > before - PRECISION * abs(before):
                break
        return chosen, value

    def _improve(self, chosen: list[int], budget: float, runs: int, without: float) -> float:
        """Add the best trunk that a budget and a number of models leave room for; return the criterion."""
        allowed = pays(budget, self._costs[chosen].sum() + self._costs) & (self._models + self.models(chosen) <= runs)
        allowed &= (np.abs(self._sizes[:, None] - self._sizes[chosen]) >= self._apart).all(1)
        places = np.flatnonzero(allowed)
        if not len(places):
            return without
        told = _Told(*(each[chosen].sum(0) + each[places] for each in self._told))
        values = told.criterion(self._aim, self._assumed)
        best = lowest(values, self._costs[places])
        chosen.append(int(places[best]))
        return float(values[best])


def beside_text(own: Expected, alone: Expected) -> str:
    """Say how trunks do beside as many independent runs of the same cost."""
    regrets = f"{format_percent(own.regret_90)} beside {format_percent(alone.regret_90)} of {format_whole(alone.runs)}"
    better = own.regret_90 < alone.regret_90
    verdict = "plan the target better" if better else "spare starts and models to set up, but do not plan the target better"
    return f"at the same cost trunks {verdict}: regret that 90 % stay below, {regrets} independent runs"


def trunk_text(design: Sequence[Trunk]) -> str:
    """Say what trunks assume and save."""
    s = settings(FILE, "trunks")
    cooldown = design[0].cooldown
    saved = sum(sum(each.alone) for each in design) / sum(each.flops for each in design)
    return (
        f"a model of D tokens leaves its trunk at {format_percent(1 - cooldown)} of D and cools down over the last "
        f"{format_percent(cooldown)} (--cooldown): trained from the start each, these models would cost {plain(saved, 3)} times "
        f"as much. Constant rate with cooldowns scales as reliably as cosine ({s['source']}); a target under another schedule "
        "has another law"
    )
