"""Kaplan's own test of overfitting, by his joint law."""

from typing import NamedTuple

from planner.allocation.compute_cost import training_flops
from planner.allocation.extrapolation import extrapolation
from planner.scaling_laws.forms.kaplan import excess_over_infinite_data, tokens_for_excess
from planner.scaling_laws.forms.reference import rule_tokens
from planner.scaling_laws.law import Law


class OverfittingTest(NamedTuple):
    """Kaplan's test: is the loss more than ``threshold`` above that of endless data? (Kaplan 2020, Sec. 4.2)

    Attributes
    ----------
    params : float
        N as Kaplan counts it, without embeddings; converted by Pearce & Song 2024 where the law counts them.
    tokens : float
        D as Kaplan counts it: the different tokens of the dataset.
    counted_for : str
        The vocabulary and shape that the conversion assumes; empty where nothing was converted.
    excess : float
        delta L = L(N, D)/L(N, inf) - 1 (Eq. 4.2-4.3).
    threshold : float
        The excess that counts as overfitting: the seed noise.
    passed : bool
        Whether the excess stays below the threshold.
    tokens_needed : float
        Tokens at which the excess equals the threshold: Eq. 4.3 solved for D.
    rule_tokens : float
        The same by Kaplan's rounded rule (Eq. 4.4).
    extrapolation : float or None
        Largest factor by which N or D leaves the range of Kaplan's runs, 1 inside.
    """

    params: float
    tokens: float
    counted_for: str
    excess: float
    threshold: float
    passed: bool
    tokens_needed: float
    rule_tokens: float
    extrapolation: float | None


def overfitting_test(joint: Law, rule: Law, params: float, tokens: float, *, counted_for: str = "") -> OverfittingTest:
    """Apply Kaplan's test to N without embeddings; ``joint`` is L(N, D), ``rule`` D >= K N^p with its threshold."""
    threshold = rule.params["delta"]
    excess = float(excess_over_infinite_data(joint.symbols, params, tokens))
    return OverfittingTest(
        params=params,
        tokens=tokens,
        counted_for=counted_for,
        excess=excess,
        threshold=threshold,
        passed=excess < threshold,
        tokens_needed=float(tokens_for_excess(joint.symbols, params, threshold)),
        rule_tokens=float(rule_tokens(rule.symbols, params)),
        extrapolation=extrapolation(rule, params, tokens, training_flops(params, tokens, rule.symbols["k"])),
    )
