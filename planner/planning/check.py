"""A proposed run in, a verdict out: regime, overhead, what is to blame, and what would mend it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation.assessment import Assessment, Change, Regime, Remedy, assess, regime_notes, remedies
from planner.allocation.effective_size import non_embedding_params
from planner.allocation.extrapolation import extrapolation, own_notes, range_notes
from planner.allocation.intervals import Intervals, answer_intervals, interval_notes
from planner.allocation.overfitting_test import OverfittingTest, overfitting_test
from planner.allocation.problem import Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.law_choice import resolve_law
from planner.inputs.mixture_memory import all_params, state_bytes
from planner.inputs.mixtures import experts_of
from planner.inputs.question import Question
from planner.inputs.registry import CheckInputs, asks
from planner.inputs.request import Request, read_run
from planner.inputs.serving import Demand
from planner.notes import Note
from planner.planning.plan import best_plan
from planner.planning.plan_details import data_notes, data_use, deadline_notes, memory_notes, size_notes, waste_notes
from planner.planning.plan_result import DataUse, Plan
from planner.quantities import LARGEST, PF_DAY, format_bytes, format_count, format_factor, plain
from planner.scaling_laws.catalogue import embedding_count, load_law
from planner.scaling_laws.law import Law, guarded, require_finite

if TYPE_CHECKING:
    from planner.accelerators.fleet import Cost, Machine
    from planner.architectures.transformer import Shape

JOINT_LAW = "kaplan2020-lnd"
OVERFIT_RULE = "kaplan2020-overfit"


@dataclass(frozen=True)
class Shares:
    """Shares of the reducible loss owed to too few parameters and to too few tokens; they add to 1."""

    params: float
    tokens: float


@dataclass(frozen=True, eq=False, repr=False)
class Check(Answer):
    """The verdict on a proposed run.

    Attributes
    ----------
    flops, pf_days : float
        What training the run takes [FLOP], [PF-days].
    spent : float
        The same with serving [FLOP, at the price of training]: what the run is judged by.
    law : Law
        The judge.
    problem : Problem
        What counts and what is paid.
    params, tokens, tokens_per_param : float
        The run: N, counted as ``law.conventions.params`` says, and D.
    loss, irreducible_loss : float or None
        Expected loss and its irreducible part, in ``loss_unit``.
    loss_unit : str or None
    shares, optimal_shares : Shares or None
        Who is to blame for the reducible loss, here and at the optimum of the same compute.
    regime : {"overfit", "underfit", "balanced", "compute wasted"} or None
    overhead : float or None
        Extra compute over an optimal run of the same loss, as a fraction.
    tolerance : float
        Overhead up to which the run is balanced.
    extrapolation : float or None
        Largest factor by which C, N or D leaves the law's fitted range, 1 inside; None where the range is not known.
    intervals : Intervals or None
        How sure the loss is, where the law is a fitted one with draws.
    equivalent_flops : float or None
        Compute [FLOP] with which an optimal run reaches the same loss.
    optimum : Plan or None
        The best run for the same compute.
    optimum_change : Change or None
        What it would change.
    remedies : tuple of Remedy
        Runs on the optimal line: the cheapest of the same loss, and those that change only tokens, or only parameters.
    data : DataUse or None
        Where unique tokens were given.
    demand : Demand or None
        Where tokens to serve were given.
    machine : Machine or None
        Devices, utilisation, prices and power, where a device was named.
    cost : Cost or None
        What training takes on the machine.
    overfitting_test : OverfittingTest
        Kaplan's own test, whatever the law.
    pays_from : float or None
        Of an underfit run by training compute alone: the tokens served over its life from which on it costs less than the run of
        the same loss that is cheapest to train; None for other runs, and where what is served was said.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    pf_days: float
    spent: float
    law: Law
    problem: Problem = field(compare=False)
    params: float
    tokens: float
    tokens_per_param: float
    loss: float | None
    irreducible_loss: float | None
    loss_unit: str | None
    shares: Shares | None
    optimal_shares: Shares | None
    regime: Regime | None
    overhead: float | None
    tolerance: float
    extrapolation: float | None
    intervals: Intervals | None
    equivalent_flops: float | None
    optimum: Plan | None
    optimum_change: Change | None
    remedies: tuple[Remedy, ...]
    data: DataUse | None
    demand: Demand | None
    machine: "Machine | None"
    cost: "Cost | None"
    overfitting_test: OverfittingTest
    pays_from: float | None
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    def __post_init__(self) -> None:
        names = ("loss", "irreducible_loss", "overhead", "equivalent_flops", "extrapolation")
        require_finite(self.law, {name: getattr(self, name) for name in names})

    @property
    def serving_flops(self) -> float:
        """What serving costs [FLOP, at the price of training]; 0 where nothing is served."""
        return self.spent - self.flops


@asks(CheckInputs)
def check(**asked: Unpack[CheckInputs]) -> Check:
    """Judge a proposed run: parameters, or a shape, on tokens; by what it costs over its life, where tokens to serve are given.

    Parameters
    ----------
    {inputs}

    Returns
    -------
    Check

    Raises
    ------
    PlannerError
        Bad input, or a law that can judge nothing of a run.

    Examples
    --------
    >>> import planner
    >>> verdict = planner.check(params="175B", tokens="300B")
    >>> verdict.regime, round(verdict.overhead, 2)
    ('overfit', 0.64)
    """
    question = Question.of(CheckInputs, "check", asked)
    judge = resolve_law(question.law, constants=question.constants)
    if judge.role in {"anchor", "reference"}:
        raise CannotPlanError(f"{judge.id} cannot judge a run ({judge.form.equation}); besiroglu2024 and kaplan2020 can")
    request = read_run(question, judge)
    assert request.run is not None  # asked for by read_run
    N, D = request.run
    inputs = {"params": N, "tokens": D, "law": load_law(question.law).id, **request.inputs}
    inputs |= {"constants": question.constants, "tolerance": question.tolerance, "level": question.level}
    return guarded(judge, lambda: _checked(request._replace(inputs=FrozenDict(inputs)), N, D))


def _checked(request: Request, N: float, D: float) -> Check:
    problem, allowed = request.problem, request.question.tolerance
    judge = problem.law
    flops, spent = float(problem.spending.training(N, D)), float(problem.spending.paid(N, D))
    if spent > LARGEST:
        run = f"`params` {plain(N, 4)} on `tokens` {plain(D, 4)}"
        raise OptionError(f"{run} spends {plain(spent, 4)} FLOP, above {plain(LARGEST)}")
    sure = answer_intervals(problem, flops, N, D, request.question.level, sizes=False)
    plans = judge.role == "plan"
    optimum = best_plan(request._replace(flops=spent)) if plans else None
    verdict = assess(problem, N, D, allowed)
    data = data_use(problem, spent, N, D) if plans else None
    counted, counted_for = _as_kaplan_counts(judge, N, request.question.shape)
    different = min(D, data.unique_tokens) if data else D  # Kaplan's D is the dataset, seen many times
    test = overfitting_test(load_law(JOINT_LAW), load_law(OVERFIT_RULE), counted, different, counted_for=counted_for)
    notes = (
        *request.notes,
        *own_notes(problem.law, flops, problem.repetition),
        *range_notes(judge, N, D, flops),
        *interval_notes(sure, judge),
        *request.question.idle_notes(judged=True, drawn=judge.draws is not None),
        *size_notes(min(N, D)),
        *data_notes(problem, data, N),
        *_mixture_note(problem.law, N),
        *memory_notes(request.held.machine, float(all_params(problem.law, N))),
        *deadline_notes(request, flops, N, D),
        *waste_notes(optimum.doubling if optimum else None),
        *_verdict_notes(judge, N, optimum, verdict, test, served=request.demand is not None),
    )
    return _put_together(request, (N, D, flops, spent), verdict, optimum, data, sure, test, notes)


def _mixture_note(law: Law, params: float) -> Iterator[Note]:
    """Say of a mixture which experts it was judged with, and what it holds in all."""
    if law.form.active is None:
        return
    total = float(all_params(law, params))
    held = f"{format_bytes(total * state_bytes())} of weights, gradients and Adam's states"
    yield Note("mixture-size", "info", f"judged with {experts_of(law)}: {format_count(total)} parameters in all, {held}")


def _verdict_notes(
    judge: Law, N: float, optimum: Plan | None, verdict: Assessment | None, test: OverfittingTest, *, served: bool
) -> Iterator[Note]:
    """Say what a law cannot tell of a run, and what a failed test of overfitting means."""
    if optimum is None:
        yield Note("no-optimum", "info", f"{judge.id} gives the loss of a run but no optimum: {judge.no_allocation}")
    elif verdict is None:
        ratio = format_factor(N / optimum.params)
        text = f"{judge.id} has no loss surface: extra compute and regime cannot be measured; N is {ratio} its optimum"
        yield Note("no-regime", "info", text)
    yield from regime_notes(verdict.regime if verdict else None, served=served)
    if verdict and verdict.regime in {"balanced", "underfit"} and not test.passed:
        text = "Kaplan's test is about data alone (many passes over D tokens, stopped early)"
        yield Note("overfitting-test", "info", f"{text}: a run can fail it and yet spend its compute well")


def _put_together(
    request: Request,
    run: tuple[float, float, float, float],
    verdict: Assessment | None,
    optimum: Plan | None,
    data: DataUse | None,
    sure: Intervals | None,
    test: OverfittingTest,
    notes: tuple[Note, ...],
) -> Check:
    problem, allowed, machine = request.problem, request.question.tolerance, request.held.machine
    judge, (N, D, flops, spent) = problem.law, run
    better = remedies(problem, N, D, verdict)
    one_ratio = any(note.code == "one-ratio" for note in judge.notes)  # whose runs could not tell parameters from data
    names = ("loss", "irreducible_loss", "regime", "overhead", "equivalent_flops")
    gained = optimum.loss - verdict.loss if optimum and verdict and optimum.loss is not None else None
    told: dict[str, Any] = {name: getattr(verdict, name, None) for name in names}
    return Check(
        flops=flops,
        pf_days=flops / PF_DAY,
        spent=spent,
        law=judge,
        problem=problem,
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        **told,
        loss_unit=judge.conventions.loss_unit if verdict else None,
        shares=None if one_ratio else _shares(verdict),
        optimal_shares=_shares(assess(problem, optimum.params, optimum.tokens, allowed)) if optimum else None,
        tolerance=allowed,
        extrapolation=extrapolation(judge, N, D, flops),
        intervals=sure,
        optimum=optimum,
        optimum_change=Change(optimum.params / N, optimum.tokens / D, 1.0, gained) if optimum else None,
        remedies=better,
        data=data,
        demand=request.demand,
        machine=machine,
        cost=machine.cost(flops) if machine else None,
        overfitting_test=test,
        pays_from=None if request.demand else _pays_from(problem, N, spent, better),
        notes=notes,
        inputs=request.inputs,
    )


def _pays_from(problem: Problem, params: float, spent: float, better: Sequence[Remedy]) -> float | None:
    """Return how many tokens served make a smaller run cheaper over its life than the larger one of the same loss."""
    same = next((each for each in better if each.action == "same loss"), None)
    if same is None or same.params <= params:
        return None
    saved = float(problem.spending.serving_token(same.params)) - float(problem.spending.serving_token(params))
    return float((spent - same.flops) / saved)


def _shares(verdict: Assessment | None) -> Shares | None:
    if verdict is None:
        return None
    reducible = verdict.from_params + verdict.from_tokens
    return Shares(verdict.from_params / reducible, verdict.from_tokens / reducible)


def _as_kaplan_counts(law: Law, params: float, shape: "Shape | None") -> tuple[float, str]:
    """Return N without embeddings where the law counts them, and for which vocabulary and shape; else N as it is."""
    working = params * law.active_share
    if law.conventions.params != "total":
        return working, "" if law.form.active is None else "its active parameters"
    if shape is not None and law.form.active is None:
        return float(shape.non_embedding), "of the shape"
    count = embedding_count()
    return float(non_embedding_params(working, count.params["gamma"])), count.conventions.data
