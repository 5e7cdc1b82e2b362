"""What a law says of a run: overfit, underfit or balanced, what to do about it, and how far the answer leaves the data."""

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner import solver
from planner.landscapes import landscape
from planner.notes import Note
from planner.problems import LawOrProblem, Problem, as_problem
from planner.quantities import format_count, format_factor, format_flops, significant
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.forms.kaplan import excess_over_infinite_data, tokens_for_excess
from planner.scaling_laws.forms.reference import rule_tokens
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS
from planner.spending import training_flops

Regime = Literal["overfit", "underfit", "balanced"]
Action = Literal["same loss", "train longer", "train shorter", "shrink", "grow"]

FAR = 10.0
"""An answer further outside the fitted range than this is a warning, not a remark: a house convention, not published."""


class Assessment(NamedTuple):
    """A law's judgement of a run of N parameters on D tokens.

    Attributes
    ----------
    loss, irreducible_loss : float
        Expected loss and the part that nothing removes, in the law's loss unit.
    from_params, from_tokens : float
        The reducible loss owed to too few parameters and to too few tokens; with the irreducible part they add to ``loss``.
    equivalent_flops : float or None
        Compute [FLOP] with which an optimal run reaches the same loss; None where the law must not allocate.
    overhead : float or None
        Extra compute over that, as a fraction.
    regime : {"overfit", "underfit", "balanced"} or None
        ``overfit``: data-limited, too many parameters for the tokens. ``underfit``: capacity-limited, too few. ``balanced``: the
        overhead is at most the tolerance.
    """

    loss: float
    irreducible_loss: float
    from_params: float
    from_tokens: float
    equivalent_flops: float | None
    overhead: float | None
    regime: Regime | None


OUT_OF_REACH = 1000.0
"""A remedy that costs more than this many times the run's compute is no advice: a house convention, not published."""


class Change(NamedTuple):
    """What another run would change: factors on params, tokens and flops, and the difference in loss (negative is better)."""

    params: float
    tokens: float
    flops: float
    loss: float | None


class Remedy(NamedTuple):
    """A run on the optimal line that mends an unbalanced one: the cheapest of the same loss, or one that keeps N or D.

    ``same loss`` costs less compute; ``train longer`` and ``train shorter`` keep N; ``shrink`` and ``grow`` keep D.
    """

    action: Action
    params: float
    tokens: float
    flops: float
    loss: float
    change: Change

    @property
    def out_of_reach(self) -> bool:
        """Whether it costs so much more than the run that nobody would follow it."""
        return self.change.flops > OUT_OF_REACH


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


def assess(question: LawOrProblem, params: float, tokens: float, tolerance: float) -> Assessment | None:
    """Judge a run under a law; None where the law has no loss surface.

    Parameters
    ----------
    question : Law or Problem
        The judge (for an allocation with other exponents: the law it was taken from), and what counts and is paid; its limits do
        not matter.
    params, tokens : float
        N, counted as the law counts, and D.
    tolerance : float
        Extra compute up to which a run is balanced (0.1 = 10 %).
    """
    problem = as_problem(question)
    judge = problem.law.surface_law
    if judge is None:
        return None
    problem = problem.judged().without_limits()
    from_params, from_tokens = (float(part) for part in solver.reducible(problem, params, tokens))
    floor = float(judge.irreducible_loss)
    equivalent = extra = regime = None
    if judge.role == "plan":
        equivalent = float(solver.equivalent_flops(problem, from_params + from_tokens))
        extra = float(solver.overhead(problem, params, tokens, equivalent))
        regime = _regime(regimes_of(problem, params, tokens, extra, tolerance))
    return Assessment(floor + from_params + from_tokens, floor, from_params, from_tokens, equivalent, extra, regime)


def regimes_of(problem: Problem, params: Num, tokens: Num, extra: Num, tolerance: float) -> NDArray[np.str_]:
    """Name the regimes of runs with the given overheads: their side is that of N from the optimum at the same cost."""
    balanced = np.asarray(extra) <= tolerance
    if balanced.all():
        return np.full(balanced.shape, "balanced")
    best = solver.best_run(problem, problem.spending.paid(params, tokens))[0]
    return np.where(balanced, "balanced", np.where(params > best, "overfit", "underfit"))


def _regime(named: Any) -> Regime:
    found: Regime = str(named)  # type: ignore[assignment]  # one of the three
    return found


def remedies(question: LawOrProblem, params: float, tokens: float, verdict: Assessment | None) -> tuple[Remedy, ...]:
    """Return the runs on the optimal line that keep the loss, the parameters, or the tokens; none for a balanced run."""
    if verdict is None or verdict.regime in {None, "balanced"} or verdict.equivalent_flops is None:
        return ()
    judge = as_problem(question).judged().without_limits()
    too_large = verdict.regime == "overfit"
    spent = float(judge.spending.paid(params, tokens))

    def remedy(action: Action, N: float, D: float, C: float, L: float) -> Remedy:
        return Remedy(action, N, D, C, L, Change(N / params, D / tokens, C / spent, L - verdict.loss))

    same = solver.allocate(judge, verdict.equivalent_flops)
    found = [remedy("same loss", float(same.params), float(same.tokens), verdict.equivalent_flops, verdict.loss)]
    flops = float(solver.optimal_at(judge, params=params))
    enough = float(solver.allocate(judge, flops).tokens) if flops < inf else inf
    if enough < inf and (enough > tokens) == too_large:
        longer: Action = "train longer" if too_large else "train shorter"
        found.append(remedy(longer, params, enough, flops, _loss(judge, params, enough)))
    flops = float(solver.optimal_at(judge, tokens=tokens))
    fitting = float(solver.allocate(judge, flops).params) if flops < inf else inf
    if fitting < inf and (fitting < params) == too_large:
        smaller: Action = "shrink" if too_large else "grow"
        found.append(remedy(smaller, fitting, tokens, flops, _loss(judge, fitting, tokens)))
    return tuple(found)


def _loss(problem: Problem, params: float, tokens: float) -> float:
    land = landscape(problem)
    return float(land.floor + land.reducible(params, tokens))


def regime_notes(regime: Regime | None, *, served: bool = False) -> list[Note]:
    """Say what a regime does not know; ``served`` tells that serving is counted."""
    if regime != "underfit" or served:
        return []
    text = "training compute only: a small model trained for long may be meant, to be cheap to serve; that is not counted here"
    return [Note("inference-not-counted", "info", text)]


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


def extrapolation(law: Law, params: Num, tokens: Num, flops: Num) -> Num:
    """Return the largest factor by which N, D or C leaves the fitted range (1 inside), or None where no range is known.

    Scalars give a float, arrays an array.
    """
    if not law.domain.known:
        return None
    factors: Num = 1.0
    for _, value, limits, _ in _held_to(law, params, tokens, flops):
        outside = np.maximum(value / limits[1], limits[0] / value)
        factors = np.maximum(factors, np.where(outside > PRINTED, outside, 1.0))
    return float(factors) if np.ndim(factors) == 0 else factors


def covers(law: Law, flops: float) -> bool:
    """Tell whether a law can plan this budget inside its fitted range: compute, and the N and D it would choose."""
    if law.role != "plan":
        return False
    best = solver.allocate(law, flops)
    return bool(extrapolation(law, float(best.params), float(best.tokens), flops) == 1.0)


def own_notes(problem: Problem) -> list[Note]:
    """Return what the law's file says of every answer; that tokens count as fresh only where that is so."""
    return [note for note in problem.law.notes if not (problem.repetition and note.code == "single-epoch")]


def range_notes(law: Law, params: float, tokens: float, flops: float) -> list[Note]:
    """Say how far an answer leaves the runs that the law was fitted on."""
    if not law.domain.known:
        return [Note("range-unknown", "info", f"the range of runs that {law.id} was fitted on is not known")]
    outside = sorted(_outside(law, params, tokens, flops), reverse=True)
    if not outside:
        return []
    worst = outside[0][0]
    texts = "; ".join(text for _, text in outside)
    advice = ": a guess, not a forecast" if worst > FAR else ""
    severity: Literal["info", "warning"] = "warning" if worst > FAR else "info"
    return [Note("extrapolation", severity, f"outside the runs that {law.id} was fitted on{advice}: {texts}")]


def convention_notes(law: Law, other: Law) -> list[Note]:
    """Say where the numbers of two laws must not be compared: which parameters count, which loss unit, which data."""
    notes = []
    if law.conventions.params != other.conventions.params and "params-convention" not in {note.code for note in law.notes}:
        notes.append(Note("params-convention", "info", f"N counts {PARAM_COUNTS[law.conventions.params]}"))
    ours, theirs = law.conventions.loss_unit, other.conventions.loss_unit
    if (
        law.form.surface
        and ours != theirs
        and "none" not in {ours, theirs}
        and "loss-unit" not in {note.code for note in law.notes}
    ):
        notes.append(Note("loss-unit", "info", f"loss is in {ours}, not {theirs}"))
    return notes


PRINTED = 1.005
"""Ranges are printed to three digits: half a unit of the last is not outside."""


def _outside(law: Law, params: float, tokens: float, flops: float) -> list[tuple[float, str]]:
    found = []
    for name, value, limits, write in _held_to(law, params, tokens, flops):
        if value > limits[1] * PRINTED:
            found.append((value / limits[1], f"{name} {format_factor(value / limits[1])} above {write(limits[1])}"))
        elif value * PRINTED < limits[0]:
            found.append((limits[0] / value, f"{name} {format_factor(limits[0] / value)} below {write(limits[0])}"))
    return found


def _held_to(
    law: Law, params: Num, tokens: Num, flops: Num
) -> Iterator[tuple[str, Num, tuple[float, float], Callable[..., str]]]:
    """Give each quantity of a run whose fitted range is known: its name, its value, the range, and what writes it."""
    for name, value, limits, write in (
        ("compute", flops, law.domain.flops, format_flops),
        ("parameters", params, law.domain.params, format_count),
        ("tokens", tokens, law.domain.tokens, format_count),
        ("tokens per parameter", tokens / params, law.domain.tokens_per_param, significant),
    ):
        if limits:
            yield name, value, limits, write
