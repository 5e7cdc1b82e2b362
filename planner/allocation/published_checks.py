"""Holds a law against the published outputs in its own file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from planner._util.stable_choice import lowest
from planner._util.to_json import Listing
from planner.allocation import solver
from planner.allocation.effective_size import Repetition, total_params
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem, problem_of, spending_of
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import Num
from planner.scaling_laws.forms.counting import best_vocab, kept_params
from planner.scaling_laws.forms.experts import dense_equivalent, leverage
from planner.scaling_laws.forms.reference import rule_tokens
from planner.scaling_laws.law import Law, guarded
from planner.scaling_laws.provenance import PublishedCheck

Given = Mapping[str, float]
Quantity = Callable[[Law, Given], Num]


@dataclass(frozen=True)
class CheckResult:
    """One published output and what the law gives for it."""

    check: PublishedCheck
    computed: float

    @property
    def passed(self) -> bool:
        """Whether the two agree within the tolerance that the printed precision allows."""
        return abs(self.computed - self.check.expected) <= self.check.rel_tolerance * abs(self.check.expected)


def verify(law: str | Path | Law) -> Listing[CheckResult]:
    """Run every published check of a law file.

    Parameters
    ----------
    law : str, Path or Law
        As for :func:`planner.load_law`.

    Returns
    -------
    tuple of CheckResult
        One that shows itself; empty where the file has no ``[[check]]``.

    Examples
    --------
    >>> import planner
    >>> all(result.passed for result in planner.verify("devries2023"))
    True
    """
    loaded = load_law(law)
    computed = guarded(loaded, lambda: [float(COMPUTED[check.quantity](loaded, check.inputs)) for check in loaded.checks])
    results = (CheckResult(check, value) for check, value in zip(loaded.checks, computed, strict=True))
    return Listing(results, "published checks")


_REFERENCE = 1e20
"""Budget [FLOP] for growth, cost and ratios of power laws, which do not depend on it."""


def _growth(name: str, law: Law, given: Given) -> Num:
    there, here = (solver.allocate(law, flops) for flops in (_REFERENCE * given["flops_factor"], _REFERENCE))
    return getattr(there, name) / getattr(here, name)


def _tokens_per_param(law: Law, given: Given) -> Num:
    best = solver.allocate(law, given["flops"])
    return best.tokens / best.params


def _tokens_at_ratio(law: Law, given: Given) -> Num:
    params = solver.allocate(law, given["flops"]).params * given["params_ratio"]
    return solver.cost_of_size(law, given["flops"], params) / (law.symbols["k"] * params)


def _repeated_loss(law: Law, given: Given) -> Num:
    surface = landscape(_repeating(law, given))
    return surface.floor + surface.reducible(given["params"], given["tokens"])


def _best_bits(law: Law, _: Given) -> float:
    """Return the bits P at which N_eff costs least, where compute is paid by N D P (Kumar 2024, Sec. 4.3)."""
    bits = np.linspace(4, 16, 12_001)
    return float(bits[lowest(bits / kept_params(law.params, (bits, bits, bits)))])


def _repeating(law: Law, given: Given) -> Problem:
    return problem_of(law, modifiers=(Repetition(given["unique_tokens"]),))


def _served(name: str, law: Law, given: Given) -> Num:
    """Return a quantity of the cheapest run over its life with the loss of an optimal run of the given size."""
    own = solver.fixed(law, solver.optimal_at(law, params=given["params"]), params=given["params"])
    problem = problem_of(law, served=given["served_tokens"])
    flops, params, tokens = solver.cheapest(problem, sum(solver.reducible(law, *own)))
    saving = 1 - flops / problem.spending.paid(*own)
    found = {"params": params, "tokens": tokens, "tokens_ratio": tokens / own[1], "saving": saving}
    return found[name]


def _cost(law: Law, flops: float, params_ratio: float) -> float:
    return float(solver.cost_of_size(law, flops, solver.allocate(law, flops).params * params_ratio))


COMPUTED: Mapping[str, Quantity] = {
    "params": lambda law, given: solver.allocate(law, given["flops"]).params,
    "tokens": lambda law, given: solver.allocate(law, given["flops"]).tokens,
    "tokens_per_param": _tokens_per_param,
    "loss": lambda law, given: law.loss(given["params"], given["tokens"]),
    "optimal_loss": lambda law, given: solver.allocate(law, given["flops"]).loss,
    "exponent_params": lambda law, given: law.exponents[0] if law.exponents else float("nan"),
    "params_growth": partial(_growth, "params"),
    "tokens_growth": partial(_growth, "tokens"),
    "loss_ratio": lambda law, given: law.loss(params=given["params_factor"]) / law.loss(params=1.0),
    "overhead": lambda law, given: _cost(law, _REFERENCE, given["params_ratio"]) / _REFERENCE - 1,
    "tokens_ratio": lambda law, given: _cost(law, _REFERENCE, given["params_ratio"]) / _REFERENCE / given["params_ratio"],
    "tokens_at_ratio": _tokens_at_ratio,
    "repeated_loss": _repeated_loss,
    "repeated_params": lambda law, given: solver.allocate(_repeating(law, given), given["flops"]).params,
    "epochs": lambda law, given: solver.allocate(_repeating(law, given), given["flops"]).tokens / given["unique_tokens"],
    **{f"served_{name}": partial(_served, name) for name in ("params", "tokens", "tokens_ratio", "saving")},
    "kept_params": lambda law, given: kept_params(law.params, (given["bits"],) * 3),
    "best_bits": _best_bits,
    "chosen_loss": lambda law, given: law.choose(G=given["G"]).loss(given["params"], given["tokens"]),
    "chosen_flops": lambda law, given: spending_of(law.choose(G=given["G"])).paid(given["params"], given["tokens"]),
    "chosen_params": lambda law, given: solver.allocate(law.choose(E=given["E"]), given["flops"]).params,
    "chosen_tokens": lambda law, given: solver.allocate(law.choose(E=given["E"]), given["flops"]).tokens,
    "leverage": lambda law, given: leverage(law.params, given["flops"], given["active_share"], given["granularity"]),
    "dense_equivalent": lambda law, given: dense_equivalent(law.params, given["params"], given["experts"]),
    "best_vocab": lambda law, given: best_vocab(law.params, given["params"], given["width"]),
    "batch_growth": lambda law, given: given["loss_ratio"] ** (-1 / law.params["alpha_B"]),
    "total_params": lambda law, given: total_params(given["params"], law.params["gamma"]),
    "rule_tokens": lambda law, given: rule_tokens(law.symbols, given["params"]),
    "rule_tokens_growth": lambda law, given: rule_tokens(law.symbols, given["params_factor"]) / rule_tokens(law.symbols, 1.0),
}
"""How each quantity that a law file may state is computed; the schema says what it needs and which forms can answer."""
