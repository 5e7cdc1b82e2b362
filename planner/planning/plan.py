"""A question in, a plan out: composes inputs, the solver and the assessment into one answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

from planner._util.frozen_dict import FrozenDict
from planner.allocation import solver
from planner.allocation.assessment import Regime, assess
from planner.allocation.extrapolation import extrapolation
from planner.allocation.intervals import answer_intervals
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
from planner.planning.alternatives import MAIN_LAWS, alternatives, other_studies
from planner.planning.answering_run import funded_runs, run_of
from planner.planning.mixture import judged_openly, mixture_of
from planner.planning.mixture_result import Mixture
from planner.planning.plan_details import ServedCopy, data_use, embedded_params, plan_notes, served_copy, serving_of
from planner.planning.plan_result import BAND, DataUse, Doubling, Plan, Serving
from planner.quantities import PF_DAY, shown
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


def _planned(request: Request, others: Sequence[Law]) -> Plan:
    problem, question, machine = request.problem, request.question, request.held.machine
    law, limits = problem.law, problem.limits
    flops, N, D = run_of(request)
    training = float(problem.spending.training(N, D))
    free = limits.free or _is_best(problem, flops, N)
    judged = _judged(request, flops, N, D, free=free)
    beside = alternatives(others, problem, flops, question.tolerance, _referee(problem))
    sure = answer_intervals(problem, flops, N, D, question.level, sizes=not limits.fixed, loss=request.loss)
    life = _life(request, flops, N, D, judged["loss"], free=free, is_optimum=judged["optimum"] is None)
    total, without = embedded_params(law, N, question.shape)
    answer = Plan(
        flops=flops,
        pf_days=flops / PF_DAY,
        law=law,
        problem=problem,
        params=N,
        tokens=D,
        params_total=total,
        params_non_embedding=without,
        tokens_per_param=D / N,
        exponents=law.exponents,
        **judged,
        band_tolerance=BAND,
        spent=float(problem.spending.paid(N, D)),
        training_flops=training,
        tolerance=question.tolerance,
        extrapolation=extrapolation(law, N, D, training),
        intervals=sure,
        other_studies=other_studies(problem, flops) if request.loss is None and free else None,
        limits=limits if request.run is None else limits._replace(tokens=D),
        **life,
        machine=machine,
        funded=funded_runs(request, judged["loss"] is not None),
        cost=machine.cost(training) if machine else None,
        notes=(),
        others=beside,
        inputs=request.inputs,
    )
    return replace(answer, notes=(*request.notes, *plan_notes(request, answer, free=free)))


class _Judged(TypedDict):
    loss: float | None
    irreducible_loss: float | None
    loss_unit: str | None
    params_band: tuple[float, float] | None
    doubling: Doubling | None
    regime: Regime | None
    overhead: float | None
    optimum: Plan | None


def _judged(request: Request, flops: float, N: float, D: float, *, free: bool) -> _Judged:
    """Return how a run stands, under the law that can tell: its loss, and what it wastes against the best one."""
    problem, openly, tolerance = request.problem, request.openly, request.question.tolerance
    law, referee = problem.law, _referee(problem)
    best = None if openly is None else openly.best(request.flops, request.loss)
    is_optimum = free and referee is problem and (best is None or best.law.params == law.params)
    verdict = assess(problem, N, D, tolerance)
    loss = irreducible = regime = overhead = band = optimum = None
    if verdict:
        loss, irreducible, regime, overhead = verdict.loss, verdict.irreducible_loss, verdict.regime, verdict.overhead
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
    if overhead is not None and is_optimum and regime != "compute wasted":
        regime, overhead = "balanced", 0.0  # by definition: what is left of it is rounding
    elif overhead is not None and openly is not None and loss is not None:
        regime, overhead = judged_openly(openly, problem, (N, D), loss, regime, tolerance)
    return {
        "loss": loss,
        "irreducible_loss": irreducible,
        "loss_unit": law.conventions.loss_unit if loss is not None else None,
        "params_band": band,
        "doubling": doubling,
        "regime": regime,
        "overhead": overhead,
        "optimum": optimum,
    }


class _Life(TypedDict):
    data: DataUse | None
    serving: Serving | None
    served_sizes: "tuple[ServedSize, ...]"
    mixture: Mixture | None
    served_copy: ServedCopy | None
    quantised: "Quantised | None"


def _life(request: Request, flops: float, N: float, D: float, loss: float | None, *, free: bool, is_optimum: bool) -> _Life:
    """Return what the data, serving and experts make of a run."""
    problem, question, machine = request.problem, request.question, request.held.machine
    found: _Life = {
        "data": data_use(problem, flops, N, D),
        "serving": serving_of(problem, request, N, D),
        "served_sizes": (),
        "mixture": None if loss is None else mixture_of(problem, request, N, D, loss),
        "served_copy": served_copy(question, problem.law, N),
        "quantised": None,
    }
    if request.served_after and is_optimum and loss is not None:
        from planner.planning.served_sizes import served_sizes

        served = problem.spending._replace(served=request.served_after)
        found["served_sizes"] = served_sizes(problem, flops, N, served, machine)
    if question.serve_precision is not None:
        from planner.planning.quantised import quantised_of

        most = cap_of(question, problem.law, machine)
        alone = problem.without_limits() if free else problem
        found["quantised"] = quantised_of(alone, question.serve_precision, flops, N, D, loss, most)
    return found


def _is_best(problem: Problem, flops: float, params: float) -> bool:
    """Tell whether the limits left the answer where it would have been without them."""
    if problem.limits.fixed:
        return False
    free, spent = problem.without_limits(), float(problem.spending.paid(*solver.best_run(problem, flops)))
    return abs(float(solver.best_run(free, flops)[0]) / params - 1) < 1e-9 and abs(spent / flops - 1) < 1e-9


def _referee(problem: Problem) -> Problem:
    """Return the problem whose optimum measures the answer: under the judge of a changed allocation where it can plan."""
    return problem.judged() if problem.law.judge and problem.law.judge.role == "plan" else problem


def _doubling(problem: Problem, flops: float, openly: Open | None) -> Doubling:
    """Return what 2C buys under the same limits, from reducible losses, so that nothing cancels; a mixture is chosen anew."""
    twice = problem if openly is None else openly.at(2 * flops)
    here = _left_to_gain(problem, flops)
    gain = here - _left_to_gain(twice, 2 * flops)
    if openly is not None:
        gain = gain + float(problem.law.irreducible_loss) - float(twice.law.irreducible_loss)
    gain = max(gain, 0.0)
    return Doubling(gain, gain / here)


def _left_to_gain(problem: Problem, flops: float) -> float:
    if problem.law.surface_law is None:
        return float(solver.allocate(problem, flops).loss)  # a law of the optimal line alone has no floor
    return float(sum(solver.reducible(problem, *solver.best_run(problem, flops))))
