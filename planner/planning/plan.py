"""A question in, a plan out: composes inputs, the solver and the assessment into one answer."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Unpack

from planner._util.frozen_dict import FrozenDict
from planner.allocation import solver
from planner.allocation.assessment import Regime, assess, regime_notes
from planner.allocation.extrapolation import extrapolation, own_notes, range_notes
from planner.allocation.intervals import Intervals, answer_intervals, interval_notes
from planner.allocation.problem import Problem
from planner.errors import OptionError
from planner.inputs.held_budgets import Held
from planner.inputs.input_row import Number
from planner.inputs.law_choice import LawLike
from planner.inputs.mixture_choice import Open
from planner.inputs.mixture_memory import cap_of
from planner.inputs.question import Question
from planner.inputs.registry import PlanInputs, asks
from planner.inputs.request import Request, read_request
from planner.notes import Note
from planner.planning.alternatives import MAIN_LAWS, alternatives, other_studies
from planner.planning.answering_run import funded_runs, run_of
from planner.planning.mixture import judged_openly, mixture_notes, mixture_of
from planner.planning.mixture_result import Mixture
from planner.planning.plan_details import (
    counted_params,
    data_notes,
    data_use,
    deadline_notes,
    idle_notes,
    memory_notes,
    serving_notes,
    serving_of,
)
from planner.planning.plan_notes import limit_notes, size_notes, waste_notes
from planner.planning.plan_result import BAND, Alternative, DataUse, Doubling, Plan, Serving
from planner.planning.served_copy import ServedCopy, served_copy, served_copy_notes
from planner.quantities import (
    PF_DAY,
    format_factor,
    shown,
)
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import Law, guarded

if TYPE_CHECKING:
    from planner.planning.quantised import Quantised
    from planner.planning.served_sizes import ServedSize


@asks(PlanInputs)
def plan(  # type: ignore[misc]  # the budget, which is one of the inputs, may stand first without its name
    flops: Number | None = None, *, others: Sequence[LawLike] = MAIN_LAWS, **asked: Unpack[PlanInputs]
) -> Plan:
    """Plan a training run for a compute budget or for a loss to reach, or say what a run takes.

    A budget, or a loss, asks for the best run; parameters or tokens beside it fix one side. Without one, either alone asks for
    the budget that makes it optimal, and both, or a shape with tokens, for what that run takes.

    Parameters
    ----------
    others : sequence of laws
        Laws to show beside the answer.
    {inputs}

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
    return answered(Question.of(PlanInputs, "plan", {"flops": flops, **asked}), others)


def answered(question: Question, others: Sequence[LawLike] = ()) -> Plan:
    """Return the plan of a question."""
    request = read_request(question)
    if not isinstance(others, (list, tuple)):
        raise OptionError(f"others {shown(others)}: expected a list of laws")
    beside = [load_law(other) for other in others]
    inputs = FrozenDict({**request.inputs, "tolerance": question.tolerance, "level": question.level})
    request = request._replace(inputs=inputs)
    found = guarded(request.problem.law, lambda: _planned(request, beside))
    if question.scores is None and question.target_score is None:
        return found
    from planner.planning.plan_scores import with_scores

    return with_scores(found, question)


def best_plan(request: Request) -> Plan:
    """Return the best plan of a question without its limits, for what is judged against it."""
    asked = request.question
    inputs = FrozenDict(
        flops=request.flops, loss=request.loss, law=request.problem.law.id, tolerance=asked.tolerance, level=asked.level
    )
    # what is known of the user's shape is not known of another size
    other = asked._replace(shape=None, serving_gpus=None, cached_tokens=None)
    free = request._replace(problem=request.problem.without_limits(), notes=(), inputs=inputs, held=Held(), run=None, openly=None)
    return _planned(free._replace(question=other), ())


class _Run(NamedTuple):
    """The run that answers: budget, N, D and training compute [FLOP]."""

    flops: float
    params: float
    tokens: float
    training: float


class _Judged(NamedTuple):
    """How the run stands: its loss, and what it wastes against the best one."""

    free: bool
    is_optimum: bool
    loss: float | None
    irreducible: float | None
    regime: Regime | None
    overhead: float | None
    optimum: Plan | None
    band: tuple[float, float] | None
    doubling: Doubling | None


class _Life(NamedTuple):
    """What the data, serving and experts make of the run."""

    data: DataUse | None
    serving: Serving | None
    served_sizes: "tuple[ServedSize, ...]"
    mixture: Mixture | None
    served_copy: ServedCopy | None
    quantised: "Quantised | None"


def _planned(request: Request, others: Sequence[Law]) -> Plan:
    problem, question = request.problem, request.question
    flops, N, D = run_of(request)
    run = _Run(flops, N, D, float(problem.spending.training(N, D)))
    judged = _judged(request, run)
    beside = alternatives(others, problem, flops, question.tolerance, _referee(problem))
    fixed = problem.limits.fixed
    sure = answer_intervals(problem, flops, N, D, question.level, sizes=not fixed, loss=request.loss)
    life = _life(request, run, judged)
    total, without = counted_params(problem.law, request, N)
    smallest = min(N, D, life.data.unique_tokens if life.data else D)
    notes = (
        *request.notes,
        *_plan_notes(request, run, judged, beside),
        *size_notes(smallest),
        *waste_notes(judged.doubling),
        *limit_notes(problem, flops, float(problem.spending.paid(N, D)), free=judged.free),
        *data_notes(problem, life.data, N),
        *serving_notes(life.serving, limited=not judged.is_optimum),
        *mixture_notes(problem, request, life.mixture),
        *memory_notes(request.held.machine, _held(life.mixture, total or N)),
        *deadline_notes(request, run.training, N, D),
        *idle_notes(request),
        *served_copy_notes(life.served_copy),
        *_quantised_notes(request, life.quantised),
        *interval_notes(sure, problem.law),
        *question.idle_notes(judged=True, drawn=problem.law.draws is not None),
    )
    return _put_together(request, run, judged, life, (total, without), sure, beside, notes)


def _quantised_notes(request: Request, found: "Quantised | None") -> Iterator[Note]:
    if request.question.serve_precision is not None:
        from planner.planning.quantised import quantised_notes

        yield from quantised_notes(found, request.problem.law, request.question.serve_precision)


def _held(mixture: Mixture | None, params: float) -> float:
    """Return the parameters that memory must hold: all of a mixture."""
    return params if mixture is None else mixture.total_params


def _judged(request: Request, run: _Run) -> _Judged:
    """Return how a run stands, under the law that can tell."""
    problem = request.problem
    law, flops, N, D, _ = problem.law, *run
    referee = _referee(problem)
    free = problem.limits.free or _is_best(problem, flops, N)
    openly = request.openly
    best = None if openly is None else openly.best(request.flops, request.loss)
    is_optimum = free and referee is problem and (best is None or best.law.params == law.params)
    verdict = assess(problem, N, D, request.question.tolerance)
    loss = irreducible = band = optimum = None
    if verdict:
        loss, irreducible = verdict.loss, verdict.irreducible_loss
    elif problem.limits.free:
        on_line = solver.allocate(problem, flops).loss
        loss, irreducible = (None, None) if on_line is None else (float(on_line), 0.0)
    if not is_optimum:
        optimum = best_plan(request._replace(problem=best or referee))
        band = optimum.params_band
    elif law.surface_law and law.surface_law.role == "plan":
        low, high = solver.flat_band(problem, flops, BAND)
        band = (float(low), float(high))
    doubling = None if loss is None else _doubling(problem, flops, openly)
    if verdict is None or verdict.overhead is None:
        return _Judged(free, is_optimum, loss, irreducible, None, None, optimum, band, doubling)
    regime, overhead = verdict.regime, verdict.overhead
    if is_optimum and regime != "compute wasted":
        regime, overhead = "balanced", 0.0  # by definition: what is left of it is rounding
    elif openly is not None and loss is not None:
        regime, overhead = judged_openly(openly, problem, (N, D), loss, regime, request.question.tolerance)
    return _Judged(free, is_optimum, loss, irreducible, regime, overhead, optimum, band, doubling)


def _life(request: Request, run: _Run, judged: _Judged) -> _Life:
    """Return what the data, serving and experts make of a run."""
    problem, flops, N, D = request.problem, run.flops, run.params, run.tokens
    sizes: tuple[ServedSize, ...] = ()
    if request.served_after and judged.is_optimum and judged.loss is not None:
        from planner.planning.served_sizes import served_sizes

        served = problem.spending._replace(served=request.served_after)
        sizes = served_sizes(problem, flops, N, served, request.held.machine)
    mixture = None if judged.loss is None else mixture_of(problem, request, N, D, judged.loss)
    copy = served_copy(request.question, problem.law, N)
    quantised = None
    if request.question.serve_precision is not None:
        from planner.planning.quantised import quantised_of

        most = cap_of(request.question, problem.law, request.held.machine)
        alone = problem.without_limits() if judged.free else problem
        quantised = quantised_of(alone, request.question.serve_precision, flops, N, D, judged.loss, most)
    return _Life(data_use(problem, flops, N, D), serving_of(problem, request, N, D), sizes, mixture, copy, quantised)


def _put_together(
    request: Request,
    run: _Run,
    judged: _Judged,
    life: _Life,
    counted: tuple[float | None, float | None],
    sure: Intervals | None,
    beside: tuple[Alternative, ...],
    notes: tuple[Note, ...],
) -> Plan:
    problem, machine = request.problem, request.held.machine
    law, N, D = problem.law, run.params, run.tokens
    return Plan(
        flops=run.flops,
        pf_days=run.flops / PF_DAY,
        law=law,
        problem=problem,
        params=N,
        tokens=D,
        params_total=counted[0],
        params_non_embedding=counted[1],
        tokens_per_param=D / N,
        exponents=law.exponents,
        loss=judged.loss,
        irreducible_loss=judged.irreducible,
        loss_unit=law.conventions.loss_unit if judged.loss is not None else None,
        params_band=judged.band,
        band_tolerance=BAND,
        doubling=judged.doubling,
        spent=float(problem.spending.paid(N, D)),
        training_flops=run.training,
        regime=judged.regime,
        overhead=judged.overhead,
        tolerance=request.question.tolerance,
        extrapolation=extrapolation(law, N, D, run.training),
        intervals=sure,
        other_studies=other_studies(problem, run.flops) if request.loss is None and judged.free else None,
        optimum=judged.optimum,
        limits=problem.limits if request.run is None else problem.limits._replace(tokens=D),
        **life._asdict(),
        machine=machine,
        funded=funded_runs(request, judged.loss is not None),
        cost=machine.cost(run.training) if machine else None,
        notes=notes,
        others=beside,
        inputs=request.inputs,
    )


def _is_best(problem: Problem, flops: float, params: float) -> bool:
    """Tell whether the limits left the answer where it would have been without them."""
    if problem.limits.fixed:
        return False
    free, spent = problem.without_limits(), float(problem.spending.paid(*solver.best_run(problem, flops)))
    return abs(float(solver.best_run(free, flops)[0]) / params - 1) < 1e-9 and abs(spent / flops - 1) < 1e-9


def _referee(problem: Problem) -> Problem:
    """Return the problem whose optimum measures the answer: under the judge of a changed allocation where it can plan."""
    return problem.judged() if problem.law.judge and problem.law.judge.role == "plan" else problem


def _plan_notes(request: Request, run: _Run, judged: _Judged, beside: Sequence[Alternative]) -> Iterator[Note]:
    problem, loss, regime = request.problem, judged.loss, judged.regime
    law = problem.law
    flops, params, tokens = run.training, run.params, run.tokens
    yield from own_notes(law, flops, problem.repetition)
    yield from range_notes(law, params, tokens, flops)
    if loss is None:
        yield Note("no-loss", "info", f"{law.id} says how N and D grow, not which loss follows")
    if law.judge:
        text = f"loss, band and regime are those of {law.judge.id}; exponents alone say nothing of them"
        yield Note("judged-by", "info", text)
    if regime is None:
        ratio = params / float(solver.best_run(problem.without_limits(), flops)[0])
        where = "this is the law's own optimum" if abs(ratio - 1) < 1e-9 else f"N is {format_factor(ratio)} the law's optimum"
        yield Note(
            "no-regime", "info", f"{law.id} cannot measure the regime, for it does not say what another size costs; {where}"
        )
    yield from regime_notes(regime, served=request.demand is not None)
    if loss is not None and any(o.loss is not None and o.law.conventions.data != law.conventions.data for o in beside):
        text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
        yield Note("losses-differ", "info", text)


def _doubling(problem: Problem, flops: float, openly: Open | None) -> Doubling:
    """Return what 2C buys under the same limits, from reducible losses, so that nothing cancels; a mixture is chosen anew."""
    if openly is not None:
        twice = openly.at(2 * flops)
        here, floors = _left_to_gain(problem, flops), [float(each.law.irreducible_loss) for each in (problem, twice)]
        gain = max(here - _left_to_gain(twice, 2 * flops) + floors[0] - floors[1], 0.0)
        return Doubling(gain, gain / here)
    left = [_left_to_gain(problem, budget) for budget in (flops, 2 * flops)]
    gain = max(left[0] - left[1], 0.0)
    return Doubling(gain, gain / left[0])


def _left_to_gain(problem: Problem, flops: float) -> float:
    if problem.law.surface_law is None:
        return float(solver.allocate(problem, flops).loss)  # a law of the optimal line alone has no floor
    return float(sum(solver.reducible(problem, *solver.best_run(problem, flops))))
