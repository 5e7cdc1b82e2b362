"""A budget in, a plan out: composes catalogue, solver and regimes into one answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from planner import solver
from planner._frozen import FrozenDict
from planner.answers import Alternative, Doubling, Plan
from planner.catalogue import load_law
from planner.choosing import DEFAULT_LAW, LawLike, read_constants, resolve_law
from planner.errors import OptionError, PlannerError
from planner.forms import Num
from planner.intervals import LEVEL, answer_intervals, check_level, interval_notes
from planner.law import Law, guarded
from planner.modifiers import total_params
from planner.notes import Note
from planner.regimes import Regime, assess, convention_notes, extrapolation, range_notes, regime_notes
from planner.units import (
    LARGEST,
    PF_DAY,
    format_count,
    format_factor,
    parse_count,
    parse_flops,
    parse_fraction,
    plain,
    shown,
)

MAIN_LAWS = (
    "kaplan2020",
    "hoffmann2022-approach1",
    "hoffmann2022-approach2",
    "hoffmann2022-approach3",
    "besiroglu2024",
    "deepseek2024",
    "llama3",
    "muennighoff2023",
)
"""The laws that stand beside every plan."""

BAND = 0.01
"""The flat-optimum band is the range of N that costs at most this much more compute for the same loss."""

TOLERANCE = 0.10
"""Extra compute up to which a run is called balanced, unless the user says otherwise."""


def plan(
    *,
    flops: object,
    law: LawLike = DEFAULT_LAW,
    params: object = None,
    tokens: object = None,
    exponents: Sequence[object] | None = None,
    anchor: object = None,
    constants: Mapping[str, object] | None = None,
    tolerance: object = TOLERANCE,
    others: Sequence[LawLike] = MAIN_LAWS,
    level: object = LEVEL,
) -> Plan:
    """Plan a training run for a compute budget.

    Parameters
    ----------
    flops : float or str
        Budget: FLOP, or a text such as ``"3 PF-days"``.
    law : str, Path or Law
        Catalogue id, law file or Law.
    params, tokens : float or str, optional
        Fix the number of parameters, or of tokens; the other follows from the budget.
    exponents : (a, b), optional
        Your own exponents of N and D, through ``anchor``.
    anchor : (flops, params) or str, optional
        A known optimum, such as ``"1e21:2.8B"``; by default the law's own at 1e20 FLOP.
    constants : mapping, optional
        Constants of the law to replace, such as ``{"alpha": 0.34}``.
    tolerance : float or str
        Extra compute up to which a run counts as balanced.
    others : sequence of laws
        Laws to show beside the answer.
    level : float or str
        Of the intervals that a fitted law gives.

    Returns
    -------
    Plan

    Raises
    ------
    PlannerError
        Bad input, or a law that cannot plan; the message is one line with the remedy.

    Examples
    --------
    >>> import planner
    >>> answer = planner.plan(flops=1e21)
    >>> f"{answer.params:.3g} parameters, {answer.tokens:.3g} tokens, loss {answer.loss:.3f}"
    '2.78e+09 parameters, 6e+10 tokens, loss 2.306'
    """
    if flops is None:
        raise OptionError("a plan needs a budget: flops=1e21, or --flops 1e21")
    budget = parse_flops(flops, "flops")
    if params is not None and tokens is not None:
        raise OptionError("flops, params and tokens together say too much: C = k N D leaves two free; drop one, or use check")
    fixed_params = None if params is None else parse_count(params, "params", "parameters")
    fixed_tokens = None if tokens is None else parse_count(tokens, "tokens", "tokens")
    replaced = read_constants(constants)
    chosen = resolve_law(law, constants=replaced, exponents=exponents, anchor=anchor)
    allowed = parse_fraction(tolerance, "tolerance")
    confidence = check_level(parse_fraction(level, "level"))
    inputs = {
        "flops": budget,
        "law": load_law(law).id,
        "params": fixed_params,
        "tokens": fixed_tokens,
        "constants": replaced,
        "exponents": chosen.exponents if exponents is not None and chosen.exponents else None,
        "anchor": (chosen.params["C_0"], chosen.params["N_0"]) if exponents is not None or anchor is not None else None,
        "tolerance": allowed,
        "level": confidence,
    }
    if not isinstance(others, (list, tuple)):
        raise OptionError(f"others {shown(others)}: expected a list of laws")
    beside = [load_law(other) for other in others]
    return guarded(chosen, lambda: _planned(chosen, budget, fixed_params, fixed_tokens, allowed, beside, FrozenDict(inputs)))


def allocate(law: LawLike, flops: Num) -> solver.Allocation:
    """Return compute-optimal (params, tokens, loss) for a budget or an array of budgets, without the rest of a plan.

    Parameters
    ----------
    law : str, Path or Law
        A law that can plan.
    flops : float or array
        Budgets [FLOP], at least 1, at most 1e60.

    Returns
    -------
    Allocation
        Named tuple of floats or arrays of the budgets' shape; ``loss`` is None where the law has none.

    Raises
    ------
    PlannerError
        A budget that is not a finite number of at least 1, or a law that cannot plan.

    Examples
    --------
    >>> import planner
    >>> planner.allocate("besiroglu2024", [1e20, 1e21]).params.round(-6)
    array([8.530e+08, 2.778e+09])
    """
    import numpy as np

    chosen = load_law(law)
    try:
        given = np.asarray(flops)
        if given.ndim == 0:
            budget = parse_flops(flops.item() if isinstance(flops, np.ndarray) else flops, "flops")
            return guarded(chosen, lambda: solver.allocate(chosen, budget))
        if given.dtype.kind not in "iufO":
            raise TypeError
        budgets = given.astype(float)
    except (TypeError, OverflowError) as error:
        raise OptionError("flops: expected an array of numbers") from error
    except ValueError as error:
        raise error if isinstance(error, PlannerError) else OptionError("flops: expected an array of numbers") from error
    good = (budgets >= 1) & (budgets <= LARGEST)
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        place = where[0] if len(where) == 1 else where
        raise OptionError(f"flops[{place}] = {budgets[where]:g}: every budget must lie between 1 and {plain(LARGEST)} FLOP")
    return guarded(chosen, lambda: solver.allocate(chosen, budgets))


def _planned(
    law: Law,
    flops: float,
    params: float | None,
    tokens: float | None,
    tolerance: float,
    others: Sequence[Law],
    inputs: Mapping[str, Any],
) -> Plan:
    best = solver.allocate(law, flops)
    free = params is None and tokens is None
    N, D = (float(x) for x in ((best.params, best.tokens) if free else solver.fixed(law, flops, params=params, tokens=tokens)))
    referee = _referee(law)
    is_optimum = free and referee is law
    verdict = assess(law, N, D, tolerance)
    loss = irreducible = doubling = band = optimum = None
    if verdict:
        loss, irreducible = verdict.loss, verdict.irreducible_loss
    elif free and best.loss is not None:
        loss, irreducible = float(best.loss), 0.0
    if loss is not None:
        doubling = _doubling(law, flops, params, tokens)
    if referee.surface_law and referee.surface_law.role == "plan":
        low, high = solver.flat_band(referee, flops, BAND)
        band = (float(low), float(high))
    if not is_optimum:
        optimum = _planned(
            referee, flops, None, None, tolerance, (), FrozenDict(flops=flops, law=referee.id, tolerance=tolerance)
        )
    measured = verdict is not None and verdict.overhead is not None
    regime = ("balanced" if is_optimum else verdict.regime) if verdict and measured else None
    beside = tuple(_alternative(other, law, flops, tolerance) for other in others if other.id != law.id)
    sure = answer_intervals(law, flops, N, D, inputs.get("level", LEVEL), sizes=free)
    return Plan(
        flops=flops,
        pf_days=flops / PF_DAY,
        law=law,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        exponents=law.exponents,
        loss=loss,
        irreducible_loss=irreducible,
        loss_unit=law.conventions.loss_unit if loss is not None else None,
        params_band=band,
        band_tolerance=BAND,
        doubling=doubling,
        regime=regime,
        overhead=(0.0 if is_optimum else verdict.overhead) if verdict and measured else None,
        tolerance=tolerance,
        extrapolation=extrapolation(law, N, D, flops),
        intervals=sure,
        optimum=optimum,
        notes=(*_plan_notes(law, flops, N, D, loss, regime, beside), *interval_notes(sure, law)),
        others=beside,
        inputs=inputs,
    )


def _referee(law: Law) -> Law:
    """Return the law whose optimum measures the answer: the judge of a changed allocation where it can plan, else the law."""
    return law.judge if law.judge and law.judge.role == "plan" else law


def _plan_notes(
    law: Law,
    flops: float,
    params: float,
    tokens: float,
    loss: float | None,
    regime: Regime | None,
    beside: Sequence[Alternative],
) -> Iterator[Note]:
    yield from law.notes
    yield from range_notes(law, params, tokens, flops)
    if loss is None:
        yield Note("no-loss", "info", f"{law.id} says how N and D grow, not which loss follows")
    if law.judge:
        text = f"loss, band and regime are those of {law.judge.id}; exponents alone say nothing of them"
        yield Note("judged-by", "info", text)
    if regime is None:
        ratio = params / float(solver.allocate(law, flops).params)
        where = "this is the law's own optimum" if abs(ratio - 1) < 1e-9 else f"N is {format_factor(ratio)} the law's optimum"
        yield Note(
            "no-regime", "info", f"{law.id} cannot measure the regime, for it does not say what another size costs; {where}"
        )
    yield from regime_notes(regime)
    if loss is not None and any(o.loss is not None and o.law.conventions.data != law.conventions.data for o in beside):
        text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
        yield Note("losses-differ", "info", text)


def _doubling(law: Law, flops: float, params: float | None, tokens: float | None) -> Doubling:
    """Return what 2C buys under the same rule (optimum, or size fixed), from reducible losses, so that nothing cancels."""
    left = [_left_to_gain(law, budget, params, tokens) for budget in (flops, 2 * flops)]
    gain = max(left[0] - left[1], 0.0)
    return Doubling(gain, gain / left[0])


def _left_to_gain(law: Law, flops: float, params: float | None, tokens: float | None) -> float:
    best = solver.allocate(law, flops)
    free = params is None and tokens is None
    if law.surface_law is None:
        return float(best.loss)  # a law of the optimal line alone has no floor
    N, D = (best.params, best.tokens) if free else solver.fixed(law, flops, params=params, tokens=tokens)
    return float(sum(solver.reducible(law, N, D)))


def _alternative(other: Law, law: Law, flops: float, tolerance: float) -> Alternative:
    best = solver.allocate(other, flops)
    N, D = float(best.params), float(best.tokens)
    verdict = assess(law, N, D, tolerance)
    notes = [*(note for note in other.notes if note.code != "params-convention"), *convention_notes(other, law)]
    if other.conventions.params != law.conventions.params:
        notes = [_counted(note, other, N) for note in (*notes, *(n for n in other.notes if n.code == "params-convention"))]
    assert other.exponents is not None  # a law that allocates has them
    return Alternative(
        law=other,
        exponents=other.exponents,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        loss=None if best.loss is None else float(best.loss),
        params_ratio=N / float(solver.allocate(_referee(law), flops).params),
        regime=verdict.regime if verdict else None,
        overhead=verdict.overhead if verdict else None,
        extrapolation=extrapolation(other, N, D, flops),
        notes=(*notes, *range_notes(other, N, D, flops)),
    )


def _counted(note: Note, law: Law, params: float) -> Note:
    """Add to a note on counting what the number would be with embeddings, where the law counts none."""
    if note.code != "params-convention" or law.conventions.params != "non-embedding":
        return note
    count = load_law("pearce2024")
    total = float(total_params(params, count.params["gamma"]))
    if format_count(total) == format_count(params):
        return note
    text = f"{note.text}: about {format_count(total)} with them ({count.conventions.data}; {count.citation})"
    return Note(note.code, note.severity, text)
