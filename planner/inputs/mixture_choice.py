"""What a mixture of experts is best made of, where the user left it open, and what memory leaves room for."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.stable_choice import lowest
from planner.allocation import solver
from planner.allocation.open_choices import open_choices
from planner.allocation.problem import Limits, Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.limits import no_surface
from planner.inputs.mixture_memory import Room, all_params, cap_within, refuse_total, rooms_of
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_count, plain
from planner.scaling_laws.law import Law, guarded

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine


def varies(question: Question, law: Law) -> bool:
    """Tell whether what is chosen, or what memory allows, may differ from budget to budget."""
    return law.form.active is not None or question.serving_gpus is not None


class Chosen(NamedTuple):
    """A law with its mixture chosen, the limits that memory leaves, and what to say of both."""

    law: Law
    limits: Limits
    notes: tuple[Note, ...] = ()


def choose_mixture(
    question: Question,
    law: Law,
    limits: Limits,
    machine: "Machine | None",
    budget: float | None,
    problem_of: Callable[[Law, Limits], Problem],
) -> Chosen:
    """Return the experts, granularity or sparsity of the lowest loss, or of the least compute for a loss, that memory holds.

    Every value that was measured, or lies between two of them, is solved; the best is taken, of equal ones the cheapest, then the
    smallest. What the user chose is kept.

    Raises
    ------
    PlannerError
        No run of the law fits, or the law does not say how many parameters there are in all.
    """
    if question.cached_tokens is not None and question.serving_gpus is None:
        raise OptionError("`cached_tokens`: in the memory of which devices? Give `serving_gpus`, such as 8xH100")
    if budget is None and question.loss is None:
        return _stated(question, law, limits)
    rooms = [*rooms_of(question, law, machine)]
    candidates = open_choices(law)
    if len(candidates) == 1 and not rooms:
        return Chosen(law, limits)
    held = [_held(question, each, limits) if len(candidates) > 1 else limits for each in candidates]
    tried = list(zip(candidates, held, strict=True))
    caps = [cap_within(each, rooms) for each in candidates]
    runs = [_run(each, cap, own, budget, question.loss, problem_of) for (each, own), (cap, _) in zip(tried, caps, strict=True)]
    if not any(np.isfinite(run.merit) for run in runs):
        if limits.params is None:
            return _out_of_reach(law, limits, candidates, caps, problem_of)
        _refuse_above(question, tried)
        if all(np.isinf(cap) for cap, _ in caps):
            return Chosen(law, limits)
        runs = [_run(each, np.inf, own, budget, question.loss, problem_of) for each, own in tried]  # what is too small is said
    best = lowest(*([run[part] for run in runs] for part in range(3)))
    (chosen, limits), (cap, room) = tried[best], caps[best]
    notes = (_chosen_note(chosen, candidates),) if len(candidates) > 1 else ()
    if room is None or limits.params is not None or runs[best].params < cap * (1 - _AT_CAP):
        return Chosen(chosen, limits, (*notes, *_idle(question)))
    if room.each:
        notes = (*notes, *_idle(question))
    if limits.max_params is not None and cap < limits.max_params:
        text = f"at most {format_count(limits.max_params)} parameters: does not bind, the answer is the same without"
        notes = (*notes, Note("limit-does-not-bind", "info", text))
    why = f", {format_count(float(all_params(chosen, cap)))} in all" if chosen.form.total else ""
    binds = Note("memory-limits", "info", f"at most {format_count(cap)} parameters{why}: {room.text or _ASKED}")
    return Chosen(chosen, limits._replace(max_params=cap), (*notes, binds))


def _held(question: Question, law: Law, limits: Limits) -> Limits:
    """Return the limits under one choice: active parameters that are held are another N at each sparsity."""
    if question.active_params is None or limits.params is None:
        return limits
    return limits._replace(params=question.active_params / law.active_share)


def _stated(question: Question, law: Law, limits: Limits) -> Chosen:
    """Return a law as it is, where nothing is looked for: the run is stated, or a size asks for its budget."""
    if question.max_total_params is None:
        return Chosen(law, limits)
    refuse_total(law)
    if limits.params is None:
        raise OptionError("`max_total_params`: without a budget or a loss nothing is looked for that it could limit")
    _refuse_above(question, [(law, limits)])
    return Chosen(law, limits, _idle(question))


def _idle(question: Question) -> tuple[Note, ...]:
    """Say that the user's cap on all parameters changes nothing."""
    if question.max_total_params is None:
        return ()
    text = f"at most {format_count(question.max_total_params)} parameters in all: does not bind, the answer is the same without"
    return (Note("limit-does-not-bind", "info", text),)


_ASKED = "the cap that was asked for binds"

_AT_CAP = 1e-9
"""How far below its cap, as a fraction, a size is still at it."""


class Open(NamedTuple):
    """A law whose choice was made for the question, and can be made again: without limits, for a loss, for another budget."""

    candidates: tuple[Law, ...]
    problem_of: Callable[[Law, Limits], Problem]
    choose: Callable[[float], Chosen]  # for a budget [FLOP], within the same limits and memory

    def best(self, flops: float | None, loss: float | None = None) -> Problem:
        """Return the problem of the best choice without limits and memory, for a budget [FLOP] or a loss."""
        runs = [_run(each, np.inf, Limits(), flops, loss, self.problem_of) for each in self.candidates]
        chosen = self.candidates[lowest(*([run[part] for run in runs] for part in range(3)))]
        return self.problem_of(chosen, Limits())

    def least(self, loss: float) -> float:
        """Return the least that reaches a loss without limits and memory, whatever is chosen [FLOP]."""
        return min(_run(each, np.inf, Limits(), None, loss, self.problem_of).flops for each in self.candidates)

    def at(self, flops: float) -> Problem:
        """Return the problem with the choice that another budget [FLOP] wants, within the same limits and memory."""
        chosen = self.choose(flops)
        return self.problem_of(chosen.law, chosen.limits)


def _out_of_reach(
    law: Law,
    limits: Limits,
    candidates: Sequence[Law],
    caps: Sequence[tuple[float, Room | None]],
    problem_of: Callable[[Law, Limits], Problem],
) -> Chosen:
    """Return the choice whose floor within its cap is lowest: a loss that it does not reach is refused with that floor.

    Where nothing fits at all, that is refused here.
    """
    held = [(each, cap) for each, (cap, _) in zip(candidates, caps, strict=True) if cap >= _least(each)]
    if not held:
        raise CannotPlanError(_nothing_fits(law, candidates, caps))

    def within(cap: float) -> Limits:
        most = cap if limits.max_params is None else min(cap, limits.max_params)
        return limits if np.isinf(most) else limits._replace(max_params=most)

    if law.surface_law is None:
        return Chosen(held[0][0], within(held[0][1]))
    problems = [problem_of(each, within(cap)) for each, cap in held]
    floors = [float(each.law.irreducible_loss) + float(solver.lowest_reducible(each)) for each in problems]
    best = lowest(floors)
    return Chosen(problems[best].law, problems[best].limits)


def _refuse_above(question: Question, tried: Sequence[tuple[Law, Limits]]) -> None:
    """Refuse a size whose parameters in all exceed the user's own cap on them, whatever is chosen."""
    most = question.max_total_params
    least = min(float(all_params(law, limits.params)) for law, limits in tried)
    if most is not None and least > most * (1 + _AT_CAP):
        said = next(iter(question.named("active_params", "params", "shape")), "params")
        stated = float(question.active_params or tried[0][1].params or 0.0)
        has = f"{format_count(stated)}, {format_count(least)} in all," if least != stated else format_count(stated)
        raise OptionError(f"`{said}` {has} contradicts `max_total_params` {format_count(most)}: drop one of them")


class _Run(NamedTuple):
    """A law's best run within its cap: what is compared of it, what it costs, all its parameters, and N as the law counts."""

    merit: float
    flops: float
    total: float
    params: float


_NO_RUN = _Run(np.inf, np.inf, np.inf, np.inf)


def _run(
    law: Law,
    cap: float,
    limits: Limits,
    budget: float | None,
    loss: float | None,
    problem_of: Callable[[Law, Limits], Problem],
) -> _Run:
    """Return the best run of a law within its cap; of infinite merit where none fits."""
    if cap < _least(law) or (limits.params is not None and limits.params > cap * (1 + _AT_CAP)):
        return _NO_RUN
    if limits.params is None and np.isfinite(cap):
        limits = limits._replace(max_params=cap if limits.max_params is None else min(cap, limits.max_params))
    problem = problem_of(law, limits)
    if law.surface_law is None:  # an allocation alone: the law is not chosen by loss, and has one candidate
        if budget is None:
            raise no_surface(law)
        N = float(guarded(law, lambda: solver.best_run(problem, budget))[0])
        return _Run(0.0, budget, float(all_params(law, N)), N)
    return guarded(law, lambda: _best_run(problem, budget, loss))


def _best_run(problem: Problem, budget: float | None, loss: float | None) -> _Run:
    floor = float(problem.law.irreducible_loss)
    if budget is None:
        assert loss is not None  # a question has a budget or a loss
        if loss <= floor:
            return _NO_RUN
        flops, N, _ = (float(value) for value in solver.cheapest(problem, loss - floor))
        return _Run(flops, flops, float(all_params(problem.law, N)), N)
    N, D = (float(value) for value in solver.best_run(problem, budget))
    if not D > 0:
        return _NO_RUN
    reached = floor + float(sum(solver.reducible(problem, N, D)))
    return _Run(reached, float(problem.spending.paid(N, D)), float(all_params(problem.law, N)), N)


_SMALLEST = 1e6
"""Fewer parameters than this are no model to plan for, where a law does not print its smallest: a house convention."""


def _least(law: Law) -> float:
    known = law.domain.params
    return max(_SMALLEST, known[0]) if known else _SMALLEST


def _nothing_fits(law: Law, candidates: Sequence[Law], caps: Sequence[tuple[float, Room | None]]) -> str:
    place = lowest([-cap for cap, _ in caps])
    cap, room = caps[place]
    held = f"holds {format_count(all_params(candidates[place], cap))}" if cap > 0 else "holds none"
    what = (
        "`max_total_params`" if room is not None and not room.each else f"what there is ({room.text})" if room else "the budget"
    )
    smallest = f"{law.id} knows models from {format_count(_least(law))} parameters on"
    return f"no plan fits: {what} {held}, and {smallest}; take more devices or memory, or a larger cap"


def _chosen_note(chosen: Law, candidates: Sequence[Law]) -> Note:
    (name,) = chosen.choices
    values = [law.params[name] for law in candidates]
    value, low, high = chosen.params[name], values[0], values[-1]
    what = chosen.form.parameters[name].meaning.split(":")[0].split(",")[0]
    text = f"{what} {plain(value, 4)}: the best of {plain(low, 4)} to {plain(high, 4)}, which were measured"
    text += "; it is their end, and more might be better still" if value == high and high > low else ""
    return Note("mixture-chosen", "info", text)
