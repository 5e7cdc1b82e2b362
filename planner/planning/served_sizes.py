"""Devices for some days train, and serving comes after: smaller models on the same devices and days, and which of them pays."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.stable_choice import lowest
from planner.allocation import solver
from planner.allocation.compute_cost import Spending
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine

RATIOS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
"""Sizes over the training-optimal one that are shown."""

_SIZES = np.geomspace(1.0, 0.01, 1000)
"""Sizes that are tried for the best one: half a per cent apart."""


class ServedSize(NamedTuple):
    """A model trained on the devices and days, and served.

    Attributes
    ----------
    ratio : float
        Its N over that of the training-optimal run.
    params, tokens, tokens_per_param : float
    loss : float
        In the law's loss unit.
    worth : float
        The least training compute that reaches its loss [FLOP].
    serving_flops : float
        What serving it costs [FLOP, at the price of training].
    serving_saved : float
        What that saves on the training-optimal size [FLOP, at the price of training].
    net : float
        The serving saved, less what the worse loss is worth: the budget minus ``worth`` [FLOP, at the price of training].
    net_dollars : float or None
        The same at the price of the machine.
    best : bool
        Whether ``net`` is the largest of all sizes down to a hundredth; of none where it is still growing there: a worse loss
        is never worth more than the training budget, so that serving enough makes the smallest model pay.
    """

    ratio: float
    params: float
    tokens: float
    tokens_per_param: float
    loss: float
    worth: float
    serving_flops: float
    serving_saved: float
    net: float
    net_dollars: float | None
    best: bool


def served_sizes(
    problem: Problem, flops: float, params: float, spending: Spending, machine: "Machine | None"
) -> tuple[ServedSize, ...]:
    """Return sizes below the N of the training-optimal run, trained with the same budget [FLOP], the best one among them.

    The problem is of training alone; ``spending`` has the tokens to serve.
    """
    surface = landscape(problem.judged())
    ratios = np.unique(np.concatenate([np.array(RATIOS), _SIZES]))[::-1]
    N = ratios * params
    D = problem.spending.tokens(flops, N)
    reducible = surface.reducible(N, D)
    worth = np.minimum(solver.equivalent_flops(problem.without_limits(), reducible), flops)
    saved = spending.serving(params) - spending.serving(N)
    net = saved - (flops - worth)
    best = lowest(-net)
    best = -1 if best == len(net) - 1 else best
    rate = machine.cost(1.0).dollars if machine else None
    shown = [place for place, ratio in enumerate(ratios) if ratio in RATIOS or place == best]
    return tuple(
        ServedSize(
            ratio=float(ratios[i]),
            params=float(N[i]),
            tokens=float(D[i]),
            tokens_per_param=float(D[i] / N[i]),
            loss=float(surface.floor + reducible[i]),
            worth=float(worth[i]),
            serving_flops=float(spending.serving(N[i])),
            serving_saved=float(saved[i]),
            net=float(net[i]),
            net_dollars=float(net[i]) * rate.expected if rate else None,
            best=i == best,
        )
        for i in shown
    )
