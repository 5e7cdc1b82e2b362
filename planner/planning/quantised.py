"""What rounding the weights after training adds to the loss of a served model, and what size is best served so."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.root_finding import find_root, reach_above
from planner.allocation import solver
from planner.allocation.extrapolation import FAR, extrapolation
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.notes import Note
from planner.planning.overfitting import dense_in_nats
from planner.planning.plan_details import without_embeddings
from planner.quantities import format_factor, plain
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.forms.counting import quantising_loss
from planner.scaling_laws.law import Law


class Quantised(NamedTuple):
    """A model whose weights are rounded after training.

    Attributes
    ----------
    bits : float
        Of a served weight.
    law : str
        Which law says what that adds.
    added : float
        What rounding adds to the loss [nats per token].
    loss : float
        Of the served model.
    worth : float or None
        The share of the budget that an unrounded run of the served loss would not need; None where a limit fixes the run.
    best_params, best_tokens, best_loss : float or None
        The run of the same budget whose served loss is the lowest; None where a limit fixes the run.
    outside : float
        Largest factor by which the run leaves what was quantised, 1 inside.
    """

    bits: float
    law: str
    added: float
    loss: float
    worth: float | None
    best_params: float | None
    best_tokens: float | None
    best_loss: float | None
    outside: float


_REACH = 64.0
"""How far above the best size the best served one is looked for, in e-folds: rounding always wants more parameters."""


def quantised_of(
    problem: Problem, bits: float, flops: float, params: float, tokens: float, loss: float | None, most: float
) -> Quantised | None:
    """Return what serving at so many bits does to a run; None where nothing is rounded, or nothing is known of such models.

    ``most`` are the parameters that the devices it is served on hold.
    """
    section, own = settings("planning.toml", "precision"), problem.law
    if bits >= section["baseline"] or not dense_in_nats(own) or loss is None:
        return None
    law = load_law(section["after"])
    added = float(added_loss(own, params, tokens, bits))
    floor, free = float(own.irreducible_loss), problem.limits.free
    N, D, served = _best(problem, bits, flops, params, most) if free else (None, None, None)
    worth = 1 - float(solver.equivalent_flops(problem, loss + added - floor)) / flops if free else None
    return Quantised(bits, law.id, added, loss + added, worth, N, D, served, rounding_outside(own, params, tokens))


def rounding_outside(law: Law, params: Num, tokens: Num) -> Num:
    """Return how many times a run lies outside the models whose rounding was measured; 1 inside."""
    source = load_law(settings("planning.toml", "precision")["after"])
    return extrapolation(source, without_embeddings(law, params), tokens, 6 * params * tokens)


def added_loss(law: Law, params: Num, tokens: Num, bits: float) -> Num:
    """Return what rounding to so many bits adds to the loss of a run whose N a law counts [nats per token]."""
    source = load_law(settings("planning.toml", "precision")["after"])
    return quantising_loss(source.params, without_embeddings(law, params), tokens, bits)


def _best(problem: Problem, bits: float, flops: float, params: float, most: float) -> tuple[float, float, float]:
    """Return N, D and served loss of the run of a budget that is best once rounded."""
    law, spending, surface = problem.law, problem.spending, landscape(problem)
    constants = load_law(settings("planning.toml", "precision")["after"]).params

    def tilt(log_N: Num) -> Num:
        """Return how the served loss changes with ln N along the budget: it falls before the best size, and rises beyond."""
        N = np.exp(log_N)
        D = spending.tokens(flops, N)
        lost = D <= 0  # serving alone spends all
        D = np.where(lost, 1.0, D)
        fewer = spending.params_elasticity(N) / spending.token_elasticity(D)  # what a size takes from the tokens
        by_params, by_tokens = (np.exp(each) for each in surface.log_slopes(N, D))
        step = 1e-6
        grows = np.log(without_embeddings(law, N * np.exp(step)) / without_embeddings(law, N * np.exp(-step))) / (2 * step)
        rounding = added_loss(law, N, D, bits) * (constants["gamma_N"] * grows + constants["gamma_D"] * fewer)
        return np.where(lost, np.inf, fewer * by_tokens - by_params - rounding)[()]

    start = float(np.log(params))
    N = min(float(np.exp(find_root(tilt, start, start + reach_above(tilt, start, 0.5, _REACH)))), most)
    D = float(spending.tokens(flops, N))
    served = float(law.irreducible_loss) + float(sum(solver.reducible(problem, N, D))) + float(added_loss(law, N, D, bits))
    return N, D, served


def quantised_notes(found: Quantised | None, law: Law, bits: float) -> Iterator[Note]:
    """Say what the law of rounding knows, and who sees it otherwise."""
    section = settings("planning.toml", "precision")
    if bits >= section["baseline"]:
        return
    if found is None:
        text = f"what rounding to {plain(bits)} bits adds to the loss is known of dense models in nats per token alone"
        yield Note("quantised-unknown", "warning", f"{text}: nothing is added here under {law.id}")
        return
    yield Note("quantised-views", "info", section["views"])
    if found.outside > 1:
        far = f"{format_factor(found.outside)} outside the models whose rounding {found.law} measured"
        warn = found.outside > FAR
        yield Note("quantised-outside", "warning" if warn else "info", f"{far}{': a guess, not a forecast' * warn}")
