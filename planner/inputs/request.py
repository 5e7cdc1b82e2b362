"""A question, read: which problem, for which budget or loss."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from planner._util.frozen_dict import FrozenDict
from planner.allocation.compute_cost import Spending
from planner.allocation.open_choices import open_choices
from planner.allocation.problem import Limits, Problem, problem_of, spending_of
from planner.errors import CannotPlanError, OptionError
from planner.inputs.effective_size import modifiers_of
from planner.inputs.forecast_speed import Forecast, forecast_speed, proposed_speed, proposing, why_usual
from planner.inputs.held_budgets import Held, read_held
from planner.inputs.law_choice import resolve_law
from planner.inputs.limits import limits_of, one_question, optimal_budget, within_reach
from planner.inputs.measured_speed import measured
from planner.inputs.mixture_choice import Chosen, Open, choose_mixture
from planner.inputs.mixtures import mixed, share_given
from planner.inputs.question import Question
from planner.inputs.serving import Demand, demand_of
from planner.inputs.shape import Counted, counted_shape, shape_notes
from planner.notes import Note
from planner.quantities import LARGEST, format_count, plain
from planner.quantities.estimate import exactly
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.inputs.proposed_speed import Speeds

_SERVED_AS_TRAINED = Note(
    "served-as-trained",
    "warning",
    "serving is taken at the utilisation of training; generating reaches far less, which favours smaller models: give "
    "--inference-mfu, or --generated-tokens with --generation-mfu",
)


_NOT_MONEY = ("gpu_hours", "energy", "co2")
"""Budgets that a cheaper device-hour does not stretch."""


class Request(NamedTuple):
    """A question under a law."""

    question: Question
    problem: Problem
    flops: float | None  # budget [FLOP]; None where a loss is asked for
    loss: float | None  # loss to reach
    demand: Demand | None
    notes: tuple[Note, ...]
    inputs: FrozenDict  # what was asked, in base units
    held: Held = Held()  # what the budget is held in, and the machine
    run: tuple[float, float] | None = None  # N and D, where the question states the run itself
    speeds: "Speeds | None" = None  # of the models that would be proposed for it on its devices
    openly: Open | None = None  # of a mixture of experts whose experts were chosen for the question

    @property
    def served_after(self) -> float:
        """Tokens served after devices trained for some days, at their price over training's; 0 where the budget pays them."""
        return self.demand.tokens * self.demand.price if self.demand and self.held.name == "days" else 0.0


def refuse_served_after(request: Request, what: str) -> None:
    """Refuse tokens to serve after devices have trained for some days, where nothing is made of them."""
    if request.served_after:
        raise OptionError(
            f"devices for some `days` train and serving comes after, which {what} does not weigh: plan and trade do; or give the "
            "whole budget, as `dollars`, `gpu_hours` or `flops`"
        )


def read_request(question: Question) -> Request:
    """Read a question of a plan.

    Raises
    ------
    PlannerError
        Anything missing, contradictory, or beyond what the law can answer.
    """
    if (question.exponents is not None or question.anchor is not None) and load_law(question.law).form.active is not None:
        known = load_law(question.law).id
        raise OptionError(f"`exponents` and `anchor`: {known} is a law of mixtures of experts; they are for dense models")
    resolved = resolve_law(question.law, constants=question.constants, exponents=question.exponents, anchor=question.anchor)
    chosen = mixed(resolved, question)
    return _at_its_speed(lambda forecast: _request(question, chosen, forecast))


def _at_its_speed(read: Callable[[Forecast | None], Request]) -> Request:
    """Return a request at the utilisation of the model that is proposed for it: what serving costs may hang on that in turn."""
    request = read(None)
    plainly = _saying_why(request)
    speeds = proposing(request.question, request.problem, request.held)
    if speeds is None:
        return plainly
    forecast = None
    for _ in range(_ROUNDS):
        found = proposed_speed(speeds, request.problem, request.flops, request.held, request.run, request.loss)
        if found is None or (forecast is not None and found.share == forecast.share):
            request = plainly if found is None else request
            break
        forecast, request = found, read(found)
        if request.demand is None:
            break
    return request._replace(speeds=speeds)


def _saying_why(request: Request) -> Request:
    """Return a request at the published utilisation with the reason why none is forecast."""
    held = request.held
    why = why_usual(request.question, request.problem, held)

    def said(notes: tuple[Note, ...]) -> tuple[Note, ...]:
        return tuple(
            note._replace(text=note.text.replace("; yours:", f"; {why}; yours:")) if note.code == "mfu-default" else note
            for note in notes
        )

    return request._replace(notes=said(request.notes), held=held._replace(notes=said(held.notes)))


_ROUNDS = 20
"""How often what serving costs is read again at the utilisation that follows from it."""


def _request(question: Question, chosen: Law, forecast: Forecast | None) -> Request:
    """Return what a question says under a law, at the utilisation of the model that is proposed for it."""
    asked, (question, held, speed_notes) = question, _on_devices(question, chosen, forecast)
    budget = question.flops if held.flops is None else held.flops
    name = held.name or "flops"
    counted = counted_shape(question, chosen)
    limits = limits_of(question, chosen, counted)
    whole = limits.params is not None and limits.tokens is not None
    if whole and (budget is not None or question.loss is not None):
        what = "loss" if budget is None else name
        size = "shape" if counted is not None else "active_params" if question.params is None else "params"
        raise OptionError(f"`{what}`, `{size}` and `tokens` together say too much: C = k N D leaves two free; drop one")
    one_question(name, budget, question.loss, limits)

    def of(law: Law, limits: Limits) -> Problem:
        return _problem(law, question, limits, counted, held)[0]

    def choose(flops: float | None) -> Chosen:
        return choose_mixture(question, chosen, limits, held.machine, flops, of)

    mixture, candidates = choose(budget), open_choices(chosen)
    looked_for = len(candidates) > 1 and (budget is not None or question.loss is not None)
    openly = Open(candidates, of, choose) if looked_for else None
    problem, demand, notes = _problem(mixture.law, question, mixture.limits, counted, held)
    run = None
    if whole:
        run = mixture.limits.params, mixture.limits.tokens
        budget, problem = _stated(problem, run)
    elif budget is None and question.loss is None:
        budget, free = optimal_budget(problem)
        problem = problem._replace(limits=free)
    within_reach(problem, mixture.law, question.loss, candidates if looked_for else ())
    inputs = _inputs(asked, mixture.law, held)
    said = (*mixture.notes, *notes, *speed_notes, *held.notes)
    return Request(question, problem, budget, question.loss, demand, said, inputs, held, run, openly=openly)


def _on_devices(question: Question, law: Law, proposed: Forecast | None) -> tuple[Question, Held, tuple[Note, ...]]:
    """Return the question with the utilisation that a measured speed means, what its budget is held in, and what to say: without
    a utilisation of the user's, that of its model is forecast, or of the one that is proposed.
    """
    question, notes = measured(question, law)
    forecast = forecast_speed(question, law) or proposed
    if forecast is None:
        seen = exactly(question.mfu) if notes and question.mfu is not None else None  # measured, so nothing is doubted
        return question, read_held(question, seen), notes
    return question, read_held(question, forecast.share), (*notes, forecast.note)


def _stated(problem: Problem, run: tuple[float, float]) -> tuple[float, Problem]:
    """Return what a run takes over its life [FLOP], and the problem whose N is fixed to its own."""
    flops = float(problem.spending.paid(*run))
    if flops > LARGEST:
        raise OptionError(
            f"`params` {plain(run[0], 4)} on `tokens` {plain(run[1], 4)} spends {plain(flops, 4)} FLOP, above {plain(LARGEST)}"
        )
    return flops, problem._replace(limits=problem.limits._replace(tokens=None))


def _inputs(question: Question, law: Law, held: Held) -> FrozenDict:
    """Return what was asked of a plan, in base units."""
    own = question.exponents is not None or question.anchor is not None
    return FrozenDict(
        {
            "flops": None,
            "loss": None,
            "law": load_law(question.law).id,
            "params": None,
            "tokens": None,
            **question.stated(),
            **({"machine": held.machine} if held.machine else {}),
            **({"days": held.funding.amount} if held.funding and held.name == "days" else {}),
            "constants": question.constants,
            "exponents": law.exponents if question.exponents is not None and law.exponents else None,
            "anchor": (law.params["C_0"], law.params["N_0"]) if own else None,
        }
    )


def read_run(question: Question, law: Law) -> Request:
    """Read what holds for a run whose N and D are given; refused as :func:`read_request` does, and where one is missing."""
    chosen = mixed(law, question)
    return _at_its_speed(lambda forecast: _run(question, chosen, forecast))


def _run(question: Question, chosen: Law, forecast: Forecast | None) -> Request:
    """Return a run that is stated, at the utilisation of a model of its size."""
    asked, (question, held, speed_notes) = question, _on_devices(question, chosen, forecast)
    if held.name:
        raise OptionError(f"`{held.name}`: `params` and `tokens` fix what a run takes; a device says what that costs")
    counted = counted_shape(question, chosen)
    if question.tokens is None or (question.params is None and question.active_params is None and counted is None):
        raise OptionError(
            "a check needs a run: `params` and `tokens`, as in --params 175B --tokens 300B; or a `shape` and `tokens`; or a table"
        )
    limits = limits_of(question, chosen, counted)
    assert limits.params is not None  # asked for above
    problem, demand, notes = _problem(chosen, question, Limits(), counted, held)
    inputs = FrozenDict({**asked.stated(), **({"machine": held.machine} if held.machine else {})})
    run = limits.params, question.tokens
    return Request(question, problem, None, None, demand, (*notes, *speed_notes, *held.notes), inputs, held, run)


def _problem(
    law: Law, question: Question, limits: Limits, counted: Counted | None, held: Held
) -> tuple[Problem, Demand | None, tuple[Note, ...]]:
    demand = demand_of(question, held.machine)
    if held.name in _NOT_MONEY and question.inference_price is not None:
        raise OptionError(
            f"`inference_price` weighs serving by money, which `{held.name}` is not: leave `price` and `inference_price` out, or "
            "give `dollars`"
        )
    served_slower = bool(question.named("inference_mfu", "generation_mfu"))
    serving_notes = [_SERVED_AS_TRAINED] if demand and held.machine and not served_slower else []
    modifiers, notes = modifiers_of(law, question)
    served = demand.tokens * demand.price if demand and held.name != "days" else 0.0  # devices for some days train only
    share, spending = share_given(question, law), spending_of(law, served)
    if share is not None:
        spending = Spending(law.symbols["k"] * share, served)
        notes = [*notes, _active_note(question, law)]
    if counted is not None:
        spending = Spending(counted.flops_per_token / counted.params, served, forward=counted.served_over_trained)
    needs = question.named(*_WEIGHED)
    if needs and law.judge is not None:
        raise OptionError(
            f"`exponents` and `anchor` fix the line of N and D; they cannot be combined with `{needs[0]}`, which moves it"
        )
    if needs and law.surface_law is None:
        raise CannotPlanError(
            f"{law.id} has no loss surface L(N, D), so it cannot weigh `{needs[0]}`; laws with one, such as besiroglu2024, can"
        )
    if question.unique_tokens is not None and law.role != "plan":
        raise CannotPlanError(
            f"{law.id} must not say which size `unique_tokens` can fill, for it plans none; besiroglu2024 and muennighoff2023 can"
        )
    return (
        problem_of(law, spending=spending, modifiers=modifiers, limits=limits),
        demand,
        (*notes, *serving_notes, *shape_notes(counted)),
    )


def _active_note(question: Question, law: Law) -> Note:
    """Say that compute is of the active parameters given, and what the law would take."""
    assert question.params is not None  # both are given
    assert question.active_params is not None
    own = law.active_share * question.params
    text = f"compute is counted of the {format_count(question.active_params)} active parameters given"
    if abs(own / question.active_params - 1) > 1e-9:
        text += f", where {law.id} takes {format_count(own)}"
    return Note("active-given", "info", text)


_WEIGHED = ("unique_tokens", "precision", "data_quality", "inference_tokens", "inference_per_month", "requests_per_month")
"""What only a law with a loss surface can weigh."""
