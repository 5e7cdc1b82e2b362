"""The questions of a sweep's block, solved: what is read once, and what follows for every row along the last range."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.accelerators.fleet import Cost, Machine
from planner.allocation import solver
from planner.allocation.assessment import regimes_of
from planner.allocation.extrapolation import FAR, extrapolation_of
from planner.allocation.intervals import span_of_rows
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem, possible
from planner.inputs.mixture_choice import Open
from planner.inputs.mixture_memory import all_params, serving_devices, state_bytes
from planner.inputs.mixtures import CHOICE_INPUTS
from planner.inputs.question import Question
from planner.inputs.request import Request, read_request
from planner.planning.mixture import judged_openly
from planner.planning.overfitting import dense_in_nats, many_harmful_from
from planner.planning.plan_details import MOSTLY, NO_RUN, served_copy
from planner.planning.quantised import added_loss, rounding_outside
from planner.quantities import LARGEST
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law, guarded

TAKEN = ("device_hours", "hours", "dollars", "kwh", "kg_co2e", "devices_needed")
"""What a run takes on a machine, in the order of the columns."""


class Rows(NamedTuple):
    """Some rows of a sweep.

    Attributes
    ----------
    columns : mapping of str to array
        As ``Sweep.columns`` names them; NaN where a row has no such number.
    counts : Counter
        How many rows something must be said of, by the code of the note.
    """

    columns: Mapping[str, NDArray[Any]]
    counts: Counter[str]

    @property
    def height(self) -> int:
        """How many there are."""
        return len(self.columns["law"])

    def rows(self, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Give each row's values of those names; what a row has not is None."""
        for values in zip(*(_plain(self.columns[name]) for name in names), strict=True):
            yield dict(zip(names, values, strict=True))


class Along(NamedTuple):
    """The last range: its name and column, and its first point, as a number and as a question has it."""

    name: str
    column: str
    least: float
    first: Any


class Job(NamedTuple):
    """Questions, each with its points of the outer ranges, solved along a part of the last one."""

    question: Question
    law: Law
    points: tuple[tuple[dict[str, Any], dict[str, float]], ...]
    inner: Along | None
    along: NDArray[np.float64]
    columns: tuple[str, ...]


def solve(task: tuple[Job, Callable[[Rows], Any] | None]) -> tuple[Any, int, Counter[str]]:
    """Solve a job, wherever it runs."""
    job, finish = task
    parts = [guarded(job.law, lambda: _solved(job, point)) for point in job.points]  # noqa: B023  # called at once
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in job.columns}
    counts: Counter[str] = sum((part.counts for part in parts), Counter())
    counts["extrapolation"] = int((np.nan_to_num(columns["extrapolation"]) > FAR).sum())
    counts["no-answer"] = int(np.isnan(columns["params"]).sum())
    if "regime" in columns and not job.question.named("inference_tokens", "inference_per_month", "requests_per_month"):
        counts["inference-not-counted"] = int((columns["regime"] == "underfit").sum())
    block = Rows(columns, counts)
    return (finish(block) if finish else block), block.height, counts


def _solved(job: Job, point: tuple[dict[str, Any], dict[str, float]]) -> Rows:
    """Solve one question along the last range."""
    given: dict[str, Any] = {**point[0]}
    columns: dict[str, Any] = {**point[1]}
    count = len(job.along)
    if job.inner is not None:
        given[job.inner.name] = job.inner.first  # the least, which is the hardest to reach
        columns[job.inner.column] = job.along
    ranged = set(columns)
    request = read_request(job.question._replace(law=job.law, **given))
    flops, N, D, known = _runs(request, job)
    columns |= _run_columns(request, job, flops, N, D)
    if "overhead" in job.columns:
        columns |= _verdicts(request.problem, flops, N, D, job.question.tolerance)
        if request.openly is not None and known.all():
            columns |= _openly(request.openly, request.problem, columns, job.question.tolerance)
    if "params_low" in job.columns:
        columns |= _spans(request.problem, flops, N, D, job, known)
    speeds = request.speeds  # at the usual utilisation where that of a row's model is not forecast
    machine = request.held.machine if speeds is None else speeds.machine_for(request.problem, N, D)
    if machine is not None:
        columns |= {"mfu": machine.mfu.expected, **_costs(machine, request.problem.spending.training(N, D))}
    solved = {name: np.broadcast_to(np.asarray(columns.get(name, np.nan)), count).copy() for name in job.columns}
    for name in set(solved) - ranged - {"law", "regime"}:
        solved[name] = np.where(known, solved[name], np.nan)
    if "regime" in solved:
        solved["regime"] = np.where(known, solved["regime"], "")
    counts = _counts(request, solved, known, machine)
    if request.problem.spending.served:
        share = request.problem.spending.serving(N) / request.problem.spending.paid(N, D)
        counts["mostly-serving"] = int((np.broadcast_to(share, count)[np.broadcast_to(known, count)] > MOSTLY).sum())
    return Rows(solved, counts)


def _run_columns(request: Request, job: Job, flops: Num, N: Num, D: Num) -> dict[str, Any]:
    problem = request.problem
    columns: dict[str, Any] = {"law": problem.law.id, "flops": flops, "params": N, "tokens": D, "tokens_per_param": D / N}
    columns["loss"] = _losses(problem, flops, N, D)
    if request.question.serving_gpus is not None:
        copies = [served_copy(request.question, problem.law, float(size)) for size in np.ravel(N)]
        for name in ("weight_bytes", "cache_bytes"):
            columns[name] = np.reshape([getattr(copy, name) for copy in copies], np.shape(N))
    if request.question.serve_precision is not None and dense_in_nats(problem.law):
        columns["served_loss"] = columns["loss"] + added_loss(problem.law, N, D, request.question.serve_precision)
    outside = extrapolation_of(problem, N, D)
    columns["extrapolation"] = np.nan if outside is None else outside
    if "total_params" in job.columns and problem.law.form.active is not None:
        columns["total_params"] = all_params(problem.law, N)
        columns |= {CHOICE_INPUTS[name]: problem.law.params[name] for name in problem.law.choices}
    if problem.repetition is not None:
        columns["epochs"] = D / problem.repetition.unique
    return columns


def _counts(request: Request, solved: Mapping[str, Any], known: NDArray[np.bool_], machine: Machine | None) -> Counter[str]:
    """Return how many rows there are of what notes speak of."""
    problem, counts = request.problem, Counter[str]()
    if problem.repetition is not None:
        worn = 1 + problem.repetition.constants(problem.symbols)[0]
        passes = np.nan_to_num(solved["epochs"])
        counts["epochs"] = int((passes > worn).sum())
        if (passes > 1).any():
            harm = many_harmful_from(problem.law, np.where(passes > 1, solved["params"], np.nan), problem.repetition.unique)
            counts["overfitting"] = int((passes > np.nan_to_num(harm, nan=np.inf)).sum())
    if request.speeds is not None:
        usual = solved["mfu"] == request.speeds.machine.mfu.expected
        counts["usual-speed"] = int((usual & known).sum())
    N, D, question = solved["params"], solved["tokens"], request.question
    counts["no-run"] = int((np.fmin(N, D) < NO_RUN).sum())
    if machine is not None and machine.memory is not None:
        counts["memory"] = int((np.nan_to_num(all_params(problem.law, N)) * state_bytes() > machine.memory).sum())
    if question.serving_gpus is not None:
        taken = solved["weight_bytes"] + solved.get("cache_bytes", 0.0)
        counts["served-copy"] = int((np.nan_to_num(taken) > serving_devices(question).bytes).sum())
    if question.serve_precision is not None and "served_loss" in solved and not np.isnan(solved["served_loss"]).all():
        counts["quantised-outside"] = int((np.nan_to_num(rounding_outside(problem.law, N, D)) > FAR).sum())
    deadline = machine.deadline if machine else None
    if deadline is not None and "hours" in solved:
        counts["deadline"] = int((np.nan_to_num(solved["hours"]) > deadline).sum())
    return counts


def _runs(request: Request, job: Job) -> tuple[Num, Num, Num, NDArray[np.bool_]]:
    """Return C, N, D along the last range, and where there is an answer; elsewhere what stands there is to be dropped."""
    problem = request.problem
    if request.loss is not None:
        losses = job.along if job.inner else np.full(1, request.loss)
        with np.errstate(over="ignore"):
            flops, N, D = solver.cheapest(problem, losses - float(problem.law.irreducible_loss))
        known = (flops >= 1) & (flops <= LARGEST) & possible(N, D)
        return flops, N, D, np.asarray(known)
    assert request.flops is not None  # a request has a budget or a loss
    flops = np.full(1, request.flops)
    if job.inner is not None:
        flops = job.along if job.inner.name == "flops" else _bought(request, job.along / job.inner.least)
    N, D = solver.best_run(problem, flops)
    known = np.asarray(possible(N, D))
    return flops, N, np.where(known, D, 1.0), known


def _bought(request: Request, times: NDArray[np.float64]) -> Num:
    """Return what so many times the budget buys [FLOP]: of devices, at the utilisation of the model that follows from it."""
    assert request.flops is not None  # a request has a budget or a loss
    held, speeds = request.held, request.speeds
    if speeds is None or held.machine is None or held.funding is None:
        return request.flops * times
    full = request.flops / held.machine.mfu.expected * times
    share = speeds.settled(request.problem, full).expected
    return full * np.where(np.isnan(share), speeds.machine.mfu.expected, share)


def _losses(problem: Problem, flops: Num, params: Num, tokens: Num) -> Num:
    """Return the expected loss of each run, NaN under a law without one."""
    if problem.law.surface_law is not None:
        judged = problem.judged()
        surface = landscape(judged)
        return surface.floor + surface.reducible(params, tokens)
    loss = solver.allocate(problem, flops).loss if problem.limits.free else None
    return np.nan if loss is None else loss


def _verdicts(problem: Problem, flops: Num, params: Num, tokens: Num, tolerance: float) -> dict[str, Any]:
    """Return regime and overhead of each run, as the law that judges sees it."""
    judge = problem.law.surface_law
    if judge is None or judge.role != "plan":
        return {"regime": "", "overhead": np.nan}
    judged = problem.judged().without_limits()
    extra = solver.overhead(judged, params, tokens)
    regime = regimes_of(judged, params, tokens, extra, tolerance)
    if not problem.limits.fixed and problem.law.judge is None:  # caps that do not bind leave the optimum as it is
        best, spent = solver.best_run(judged, flops)[0], problem.spending.paid(params, tokens)
        own = (np.abs(best / params - 1) < 1e-9) & (np.abs(spent / flops - 1) < 1e-9) & (regime != "compute wasted")
        regime, extra = np.where(own, "balanced", regime), np.where(own, 0.0, extra)
    return {"regime": regime, "overhead": extra}


def _openly(openly: Open, problem: Problem, columns: Mapping[str, Any], tolerance: float) -> dict[str, Any]:
    """Return regime and overhead of the one row whose mixture was chosen for it, against the best of all choices."""
    N, D, loss, found = (np.ravel(columns[name])[0] for name in ("params", "tokens", "loss", "regime"))
    regime, extra = judged_openly(openly, problem, (float(N), float(D)), float(loss), found, tolerance)
    return {"regime": regime, "overhead": extra}


def _spans(problem: Problem, flops: Num, params: Num, tokens: Num, job: Job, known: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the ends of the intervals of N and of the law's mean loss, some rows at once: they are quantiles of draws."""
    names = ("params_low", "params_high", "loss_low", "loss_high")
    found = np.full((4, len(job.along)), np.nan)
    runs = np.broadcast_arrays(flops, params, tokens, np.empty(len(job.along)))[:3]
    rows = np.flatnonzero(np.broadcast_to(known, len(job.along)))
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        C, N, D = (each[some] for each in runs)
        of_sizes, of_loss = span_of_rows(problem, C, N, D, job.question.level)
        for ends, place in ((of_sizes, 0), (of_loss, 2)):
            if ends is not None:
                found[place : place + 2, some] = ends
    return dict(zip(names, found, strict=True))


_AT_ONCE = 200
"""Rows whose draws are held in memory together."""


def _costs(machine: Machine, training: Num) -> dict[str, Any]:
    """Return what each run takes, low, expected and high."""
    cost: Cost = machine._replace(deadline=None).cost(training)
    columns: dict[str, Any] = {}
    for name in TAKEN:
        if (span := getattr(cost, name)) is not None:
            columns |= {f"{name}_low": span.low, name: span.expected, f"{name}_high": span.high}
    if machine.deadline is not None:
        for end in ("_low", "", "_high"):
            columns[f"devices_needed{end}"] = np.ceil(columns[f"device_hours{end}"] / machine.deadline * (1 - 1e-12))
    return columns


def _plain(column: NDArray[Any]) -> list[Any]:
    """Return a column as Python's own types, None for what a row has not."""
    if column.dtype.kind != "f":
        return [value or None for value in column.tolist()]
    missing = np.isnan(column)
    values: list[Any] = column.tolist()
    return [None if gone else value for value, gone in zip(values, missing, strict=True)] if missing.any() else values
