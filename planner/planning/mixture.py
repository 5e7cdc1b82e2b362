"""A mixture of experts in a plan: what works on a token, what must be held, and the dense models that stand beside it."""

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner.allocation import solver
from planner.allocation.assessment import Regime
from planner.allocation.problem import Limits, Problem, problem_of
from planner.inputs.mixture_choice import Open
from planner.inputs.mixture_memory import all_params, cache_bytes, served_bits, state_bytes
from planner.inputs.mixtures import CHOICE_INPUTS, share_given
from planner.inputs.request import Request
from planner.notes import Note
from planner.planning.mixture_result import Beside, Mixture
from planner.quantities import LARGEST, format_count, format_factor, format_flops, plain
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms.experts import dense_equivalent, leverage
from planner.scaling_laws.law import Law


class _Sizes(NamedTuple):
    """A run's active parameters, those that its law counts, all there are, and its tokens."""

    active: float
    counted: float
    total: float
    tokens: float


def dense_of(law: Law) -> Law | None:
    """Return the law of the dense models that a mixture's law was measured beside; None where there is none."""
    known = settings("planning.toml", "mixture")["dense"]
    if law.id in known:
        return load_law(known[law.id])
    densest = {"S": 0.0, "E": 1.0}
    return next((law.choose(**{name: densest[name]}) for name in law.choices if name in densest), None)


def mixture_of(problem: Problem, request: Request, params: float, tokens: float, loss: float) -> Mixture | None:
    """Return what is active of a mixture of experts and the dense models it stands for; None for other laws."""
    law, question = problem.law, request.question
    if law.form.active is None:
        return None
    dense = dense_of(law)
    served, modifiers = problem.spending.served, problem.modifiers
    plainly = None if dense is None else problem_of(dense, served=served, modifiers=modifiers)
    spent = float(problem.spending.paid(params, tokens))
    flops, size, trained = _same_loss(plainly, loss)
    shape = question.shape
    share = share_given(question, law) or law.active_share
    active = float(shape.active) if shape is not None else share * params
    total = float(shape.total) if shape is not None else float(all_params(law, params))
    routed = load_law(settings("planning.toml", "mixture")["routed"])
    experts = shape.experts if shape is not None else question.experts or law.params.get("E")
    known = experts is not None and active <= routed.params["N_cutoff"]
    assert routed.domain.tokens is not None  # what all its runs saw
    mixture = _Sizes(active, params, total, tokens)
    return Mixture(
        active_params=active,
        total_params=total,
        choices=FrozenDict({name: law.params[name] for name in law.choices}),
        dense_law=dense.id if dense else "",
        dense_params=size if flops < LARGEST else None,
        dense_flops=flops if flops < LARGEST else None,
        tokens_per_active_param=tokens / active,
        dense_ratio=flops / spent if flops < LARGEST else None,
        routed_law=routed.id,
        routed_tokens=routed.domain.tokens[0],
        dense_equivalent=float(dense_equivalent(routed.params, active, experts)) if known else None,
        training_bytes=total * state_bytes(),
        beside=_beside(problem, request, mixture, loss, plainly, _Sizes(size, size, size, trained)),
    )


def _same_loss(dense: Problem | None, loss: float) -> tuple[float, float, float]:
    """Return C, N and D of the cheapest dense run of the same loss; C is infinite where none reaches it."""
    if dense is None or loss <= float(dense.law.irreducible_loss):
        return inf, inf, inf
    flops, N, D = solver.cheapest(dense, loss - float(dense.law.irreducible_loss))
    return float(flops), float(N), float(D)


def _beside(
    problem: Problem, request: Request, mixture: _Sizes, loss: float, dense: Problem | None, same_loss: _Sizes
) -> tuple[Beside, ...]:
    """Return the mixture, the dense run of its loss, and the best dense run of its compute in its memory."""
    rows = [_row("this mixture", problem, request, mixture, loss)]
    if dense is None:
        return tuple(rows)
    if same_loss.counted < LARGEST:
        rows.append(_row("dense, the same loss", dense, request, same_loss, loss))
    spent = float(problem.spending.paid(mixture.counted, mixture.tokens))
    N, D = (float(value) for value in solver.best_run(dense._replace(limits=Limits(max_params=mixture.total)), spent))
    if D > 0:
        reached = float(dense.law.irreducible_loss) + float(sum(solver.reducible(dense, N, D)))
        rows.append(_row("dense, the same compute and memory", dense, request, _Sizes(N, N, N, D), reached))
    return tuple(rows)


def _row(name: str, problem: Problem, request: Request, sizes: _Sizes, loss: float) -> Beside:
    machine, demand = request.held.machine, request.demand
    training = float(problem.spending.training(sizes.counted, sizes.tokens))
    cost = machine.cost(training) if machine else None
    each = float(problem.spending.serving_token(sizes.counted))
    cached, law = request.question.cached_tokens, problem.law
    cache = float(cached * cache_bytes(law, sizes.total)) if cached and law.form.total is not None else None
    return Beside(
        name=name,
        active_params=sizes.active,
        total_params=sizes.total,
        tokens=sizes.tokens,
        loss=loss,
        training_flops=training,
        training_dollars=cost.dollars.expected if cost and cost.dollars else None,
        training_bytes=sizes.total * state_bytes(),
        serving_flops_per_token=each,
        serving_flops=each * demand.tokens if demand else None,
        weight_bytes=sizes.total * served_bits(request.question) / 8,
        cache_bytes=cache,
    )


def judged_openly(
    openly: Open, problem: Problem, run: tuple[float, float], loss: float, regime: Regime | None, tolerance: float
) -> tuple[Regime | None, float]:
    """Return how a mixture stands against the best of all choices without limits and memory: its regime, and what it wastes."""
    N, D = run
    spent = float(problem.spending.paid(N, D))
    extra = max(spent / openly.least(loss) - 1, 0.0)
    if regime == "compute wasted":
        return regime, extra
    if extra <= tolerance:
        return "balanced", extra
    best = openly.best(spent)
    size = float(solver.best_run(best, spent)[0]) * best.law.active_share
    return ("underfit" if N * problem.law.active_share < size else "overfit"), extra


_CHOSEN_WITH = {**{name: (said,) for name, said in CHOICE_INPUTS.items()}, "S": ("sparsity", "experts")}


def mixture_notes(problem: Problem, mixture: Mixture | None) -> Iterator[Note]:
    """Say which choice nobody made, and where a mixture leaves what was measured."""
    if mixture is None:
        return
    for name, value in mixture.choices.items():
        if not problem.law.chosen:
            options = " or ".join(option.replace("_", " ") for option in _CHOSEN_WITH[name])
            yield Note("default-choice", "info", f"{plain(value, 4)} is a default nobody chose: say it with {options}")
    measured = load_law(mixture.routed_law).domain.params
    if mixture.dense_equivalent is not None and measured and mixture.active_params > measured[1]:
        far = format_factor(mixture.active_params / measured[1])
        most = format_count(measured[1])
        text = f"the dense equivalent is a guess: {mixture.routed_law} measured up to {most} parameters, this has {far} as many"
        yield Note("equivalent-outside", "info", text)
    for name, value in mixture.choices.items():
        known = problem.law.domain.choices.get(name)
        meaning = problem.law.form.parameters[name].meaning.split(":")[0].split(",")[0]
        if known and not known[0] <= value <= known[1]:
            text = f"{meaning} {plain(value, 4)}: measured were {plain(known[0], 4)} to {plain(known[1], 4)}"
            yield Note("choice-outside", "warning", text)


def leverage_of(flops: float, active_share: float, granularity: float) -> tuple[float | None, str]:
    """Return the compute of a dense model over that of a mixture of the same loss, and why it is not given where it is not.

    Beyond 1e22 FLOP, the last use that the law's source makes of it, it grows without limit and nothing is given.
    """
    section = settings("planning.toml", "mixture")
    law = load_law(section["leverage"])
    low, high = law.domain.flops or (0.0, inf)
    if not low <= flops <= section["leverage_most"]:
        return None, f"{law.id} says nothing outside {format_flops(low)} to {format_flops(section['leverage_most'])}"
    far = f"; its runs end at {format_flops(high)}" if flops > high else ""
    return float(leverage(law.params, flops, active_share, granularity)), f"by {law.id}{far}"
