"""Holds a law against the published outputs in its own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner._util.stable_choice import lowest
from planner.allocation import solver
from planner.allocation.effective_size import Repetition, total_params
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem, problem_of, spending_of
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms.counting import best_vocab, kept_params
from planner.scaling_laws.forms.experts import dense_equivalent
from planner.scaling_laws.forms.reference import rule_tokens
from planner.scaling_laws.law import Law, guarded
from planner.scaling_laws.provenance import PublishedCheck


@dataclass(frozen=True)
class CheckResult:
    """One published output and what the law gives for it."""

    check: PublishedCheck
    computed: float

    @property
    def passed(self) -> bool:
        """Whether the two agree within the tolerance that the printed precision allows."""
        return abs(self.computed - self.check.expected) <= self.check.rel_tolerance * abs(self.check.expected)


def verify(law: str | Path | Law) -> tuple[CheckResult, ...]:
    """Run every published check of a law file.

    Parameters
    ----------
    law : str, Path or Law
        As for :func:`planner.load_law`.

    Returns
    -------
    tuple of CheckResult
        Empty where the file has no ``[[check]]``.

    Examples
    --------
    >>> import planner
    >>> all(result.passed for result in planner.verify("devries2023"))
    True
    """
    loaded = load_law(law)
    computed = guarded(loaded, lambda: [_compute(loaded, check) for check in loaded.checks])
    return tuple(CheckResult(check, value) for check, value in zip(loaded.checks, computed, strict=True))


def _compute(law: Law, check: PublishedCheck) -> float:
    given = check.inputs
    reference = 1e20  # growth, cost and ratios of these power laws do not depend on it
    match check.quantity:
        case "params" | "tokens":
            value = getattr(solver.allocate(law, given["flops"]), check.quantity)
        case "tokens_per_param":
            best = solver.allocate(law, given["flops"])
            value = best.tokens / best.params
        case "loss":
            value = law.loss(given["params"], given["tokens"])
        case "optimal_loss":
            value = solver.allocate(law, given["flops"]).loss
        case "exponent_params":
            value = law.exponents[0] if law.exponents else float("nan")
        case "params_growth" | "tokens_growth":
            name = check.quantity.removesuffix("_growth")
            value = getattr(solver.allocate(law, reference * given["flops_factor"]), name) / getattr(
                solver.allocate(law, reference), name
            )
        case "loss_ratio":
            value = law.loss(params=given["params_factor"]) / law.loss(params=1.0)
        case "overhead":
            value = _cost(law, reference, given["params_ratio"]) / reference - 1
        case "tokens_ratio":
            value = _cost(law, reference, given["params_ratio"]) / reference / given["params_ratio"]
        case "tokens_at_ratio":
            params = solver.allocate(law, given["flops"]).params * given["params_ratio"]
            value = solver.cost_of_size(law, given["flops"], params) / (law.symbols["k"] * params)
        case "repeated_loss":
            land = landscape(_repeating(law, given))
            value = land.floor + land.reducible(given["params"], given["tokens"])
        case "repeated_params":
            value = solver.allocate(_repeating(law, given), given["flops"]).params
        case "epochs":
            value = solver.allocate(_repeating(law, given), given["flops"]).tokens / given["unique_tokens"]
        case "served_params" | "served_tokens" | "served_tokens_ratio" | "served_saving":
            value = _served(law, given)[check.quantity]
        case "kept_params":
            value = kept_params(law.params, (given["bits"],) * 3)
        case "best_bits":
            value = _best_bits(law)
        case "chosen_loss":
            value = law.choose(G=given["G"]).loss(given["params"], given["tokens"])
        case "chosen_flops":
            value = spending_of(law.choose(G=given["G"])).paid(given["params"], given["tokens"])
        case "dense_equivalent":
            value = dense_equivalent(law.params, given["params"], given["experts"])
        case "best_vocab":
            value = best_vocab(law.params, given["params"], given["width"])
        case "batch_growth":
            value = given["loss_ratio"] ** (-1 / law.params["alpha_B"])
        case "total_params":
            value = total_params(given["params"], law.params["gamma"])
        case "rule_tokens":
            value = rule_tokens(law.symbols, given["params"])
        case "rule_tokens_growth":
            value = rule_tokens(law.symbols, given["params_factor"]) / rule_tokens(law.symbols, 1.0)
        case _:  # the schema lets no other quantity through
            raise AssertionError(check.quantity)
    return float(value)


def _best_bits(law: Law) -> float:
    """Return the bits P at which N_eff costs least, where compute is paid by N D P (Kumar 2024, Sec. 4.3)."""
    bits = np.linspace(4, 16, 12_001)
    return float(bits[lowest(bits / kept_params(law.params, (bits, bits, bits)))])


def _repeating(law: Law, given: Mapping[str, float]) -> Problem:
    return problem_of(law, modifiers=(Repetition(given["unique_tokens"]),))


def _served(law: Law, given: Mapping[str, float]) -> dict[str, float]:
    """Return the cheapest run over its life with the loss of an optimal run of the given size, and what it saves."""
    own = solver.fixed(law, solver.optimal_at(law, params=given["params"]), params=given["params"])
    problem = problem_of(law, spending=spending_of(law, given["served_tokens"]))
    flops, params, tokens = solver.cheapest(problem, sum(solver.reducible(law, *own)))
    return {
        "served_params": params,
        "served_tokens": tokens,
        "served_tokens_ratio": tokens / own[1],
        "served_saving": 1 - flops / problem.spending.paid(*own),
    }


def _cost(law: Law, flops: float, params_ratio: float) -> float:
    return float(solver.cost_of_size(law, flops, solver.allocate(law, flops).params * params_ratio))
