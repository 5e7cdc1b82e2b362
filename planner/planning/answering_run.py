"""The run that answers a request, and those at either end of what a budget in other units computes."""

from planner.allocation import solver
from planner.allocation.assessment import assess
from planner.allocation.problem import require_possible
from planner.errors import CannotPlanError, PlannerError
from planner.inputs.request import Request
from planner.planning.plan_result import Funded
from planner.quantities import LARGEST, format_count, format_flops, plain
from planner.quantities.estimate import Range


def run_of(request: Request) -> tuple[float, float, float]:
    """Return (C, N, D): the best run of the budget, or the cheapest of the loss; refuse what no budget reaches or pays."""
    problem = request.problem
    if request.run is not None:
        return float(problem.spending.paid(*request.run)), *request.run
    if request.loss is not None:
        flops, N, D = (float(value) for value in solver.cheapest(problem, request.loss - float(problem.law.irreducible_loss)))
        if not flops <= LARGEST:
            needed = f"needs more than {plain(LARGEST)} FLOP under {problem.law.id}"
            raise CannotPlanError(f"`loss` {plain(request.loss, 12)} {needed}")
        if flops < 1:
            raise CannotPlanError(f"`loss` {plain(request.loss)}: any run is better than that under {problem.law.id}")
    else:
        assert request.flops is not None  # a request has a budget or a loss
        flops = request.flops
        N, D = (float(value) for value in solver.best_run(problem, flops))
        if D <= 0 and request.demand:
            serving = format_flops(float(problem.spending.serving(N)))
            text = f"serving {format_count(N)} parameters costs {serving}, more than the whole budget of {format_flops(flops)}"
            raise CannotPlanError(f"{text}: fewer parameters, fewer tokens to serve, or a larger budget")
    require_possible(problem, N, D)
    return flops, N, D


def funded_runs(request: Request, has_loss: bool) -> Funded | None:
    """Return a budget in other units with the best run at either end of what it computes."""
    held, problem = request.held.funding, request.problem
    if held is None:
        return None
    try:
        runs = [run_of(request._replace(flops=flops))[1:] for flops in held.flops]
    except PlannerError:  # the low end does not pay for what the expected budget does
        return Funded(held.kind, held.amount, held.flops, None, None, None)
    losses = [assess(problem, N, D, 0.0) for N, D in runs] if has_loss else []
    loss = Range(*(each.loss for each in losses[::-1] if each)) if losses and all(losses) else None
    params, tokens = (Range(*values) for values in zip(*runs, strict=True))
    return Funded(held.kind, held.amount, held.flops, params, tokens, loss)
