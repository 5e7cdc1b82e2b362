"""What repeated data and serving do to a plan: how they are used, what they cost; and what to say of any plan."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from planner._util.files import settings
from planner.allocation import solver
from planner.allocation.assessment import regime_notes
from planner.allocation.effective_size import non_embedding_params
from planner.allocation.extrapolation import own_notes, range_notes
from planner.allocation.intervals import interval_notes
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.inputs.limits import limit_texts
from planner.inputs.mixture_memory import all_params, cache_bytes, refuse_cache, served_bits, serving_devices, state_bytes
from planner.inputs.question import Question
from planner.inputs.request import Request
from planner.notes import Note
from planner.planning.mixture import mixture_notes
from planner.planning.overfitting import beyond_runs, harmful_from
from planner.planning.plan_result import DataUse, Doubling, Plan, Serving
from planner.quantities import format_bytes, format_count, format_duration, format_factor, format_percent, significant
from planner.scaling_laws.catalogue import embedding_count
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine
    from planner.architectures.transformer import Shape


def data_use(problem: Problem, flops: float, params: float, tokens: float) -> DataUse | None:
    """Return how a run uses the unique tokens, None where none were given."""
    found = problem.repetition
    if found is None:
        return None
    fresh = problem.on_fresh_tokens()
    more = problem._replace(modifiers=(found._replace(unique=2 * found.unique), *fresh.modifiers))
    here, then = (float(sum(solver.reducible(each, *solver.best_run(each, flops)))) for each in (problem, more))
    counts = landscape(problem._replace(modifiers=(found,))).counts(params, tokens)
    owed = float(sum(solver.reducible(problem, params, tokens)) - sum(solver.reducible(fresh, params, tokens)))
    return DataUse(
        unique_tokens=float(found.unique),
        epochs=tokens / float(found.unique),
        effective_tokens=float(counts.tokens),
        effective_params=float(counts.params),
        loss_owed=max(owed, 0.0),
        tokens_wanted=float(solver.best_run(fresh, flops)[1]),
        doubling_gain=max(here - then, 0.0),
        harmful_from=harmful_from(problem.law, params, float(found.unique)),
    )


_ROUNDING = 1e-12
"""What two costs of the same run may differ by, as a fraction."""


def serving_of(problem: Problem, request: Request, params: float, tokens: float) -> Serving | None:
    """Return what serving costs and what planning for it saves, None where nothing is to be served."""
    demand, machine = request.demand, request.held.machine
    if demand is None:
        return None
    spending = problem.spending
    if request.served_after:
        spending = spending._replace(served=request.served_after)
    trained = problem.without_limits()._replace(spending=spending._replace(served=0.0))
    _, N, D = solver.cheapest(trained, sum(solver.reducible(problem, params, tokens)))
    spent, alone = (float(spending.paid(*run)) for run in ((params, tokens), (N, D)))
    saved = 1 - spent / alone
    return Serving(
        tokens=demand.tokens,
        price=demand.price,
        weights=demand.weights,
        training_flops=float(spending.training(params, tokens)),
        serving_flops=float(spending.serving(params)),
        share=float(spending.serving(params)) / spent,
        trained_alone_params=float(N),
        trained_alone_tokens=float(D),
        saved=saved if abs(saved) > _ROUNDING else 0.0,
        dollars=machine.cost(float(spending.serving(params))).dollars if machine else None,
        after=bool(request.served_after),
    )


def embedded_params(law: Law, params: float, shape: "Shape | None" = None) -> tuple[float | None, float | None]:
    """Return N with and without embeddings: exact for a shape, converted by Pearce & Song 2024 for dense models, else None."""
    if shape is not None:
        return float(shape.total), float(shape.non_embedding)
    if law.form.active is not None or law.conventions.params not in {"total", "non-embedding"}:
        return None, None
    return float(all_params(law, params)), float(without_embeddings(law, params))


def without_embeddings(law: Law, params: Num) -> Num:
    """Return N without embeddings, where the law counts all parameters; else as it counts."""
    if law.conventions.params != "total":
        return params
    return non_embedding_params(params, embedding_count().params["gamma"])


def plan_notes(request: Request, answer: Plan, *, free: bool) -> Iterator[Note]:
    """Say what must be known of a plan; ``free`` where no limit of the user's binds."""
    problem, question = request.problem, request.question
    law, params, tokens, flops = answer.law, answer.params, answer.tokens, answer.training_flops
    yield from own_notes(law, flops, problem.repetition)
    yield from range_notes(law, params, tokens, flops)
    yield from _law_notes(request, answer)
    yield from size_notes(min(params, tokens, answer.data.unique_tokens if answer.data else tokens))
    yield from waste_notes(answer.doubling)
    yield from limit_notes(problem, answer.flops, answer.spent, free=free)
    yield from data_notes(problem, answer.data, params)
    yield from serving_notes(answer.serving, limited=answer.optimum is not None)
    yield from mixture_notes(problem, answer.mixture)
    held = answer.mixture.total_params if answer.mixture else answer.params_total or params
    yield from memory_notes(request.held.machine, held)
    yield from deadline_notes(request, flops, params, tokens)
    yield from idle_notes(request)
    yield from served_copy_notes(answer.served_copy)
    if question.serve_precision is not None:
        from planner.planning.quantised import quantised_notes

        yield from quantised_notes(answer.quantised, law, question.serve_precision)
    yield from interval_notes(answer.intervals, law)
    yield from question.idle_notes(judged=True, drawn=law.draws is not None)


def _law_notes(request: Request, answer: Plan) -> Iterator[Note]:
    """Say what the law cannot tell of a run, and which regime it is in."""
    law, loss = answer.law, answer.loss
    if loss is None:
        yield Note("no-loss", "info", f"{law.id} says how N and D grow, not which loss follows")
    if law.judge:
        text = f"loss, band and regime are those of {law.judge.id}; exponents alone say nothing of them"
        yield Note("judged-by", "info", text)
    if answer.regime is None:
        ratio = answer.params / float(solver.best_run(request.problem.without_limits(), answer.training_flops)[0])
        where = "this is the law's own optimum" if abs(ratio - 1) < 1e-9 else f"N is {format_factor(ratio)} the law's optimum"
        yield Note(
            "no-regime", "info", f"{law.id} cannot measure the regime, for it does not say what another size costs; {where}"
        )
    yield from regime_notes(answer.regime, served=request.demand is not None)
    if loss is not None and any(o.loss is not None and o.law.conventions.data != law.conventions.data for o in answer.others):
        text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
        yield Note("losses-differ", "info", text)


def data_notes(problem: Problem, data: DataUse | None, params: float) -> Iterator[Note]:
    found = problem.repetition
    if data is None or found is None:
        return
    if data.effective_params < params * (1 - 1e-9):
        share = format_percent(data.effective_params / params)
        text = f"{share} of the parameters count: the unique tokens cannot fill the rest, by the law of repeated data"
        yield Note("excess-params", "info", text)
    if data.epochs <= 1:
        yield Note("data-suffice", "info", f"the unique tokens suffice: {format_percent(data.epochs)} of them are used, once")
        return
    yield from _harm(data, params)
    few, many = settings("planning.toml", "repetition")["few_epochs"], 1 + found.constants(problem.symbols)[0]
    epochs = significant(data.epochs)
    if data.epochs > many:
        text = (
            f"{epochs} epochs: beyond {significant(many)} a token seen once more is worth less than 1/e of a fresh one, and soon "
            "nothing; more compute is all but wasted here, find more data"
        )
        yield Note("epochs", "warning", text)
    elif data.epochs > few:
        text = f"{epochs} epochs: up to about {few} repeated tokens are nearly as good as fresh ones, beyond they fade"
        yield Note("epochs", "info", text)


def _harm(data: DataUse, params: float) -> Iterator[Note]:
    """Say from when on passes raise the loss, where they are half as many already."""
    if data.harmful_from is None or data.epochs < data.harmful_from / 2:
        return
    when = f"from about {significant(data.harmful_from, 2)} passes over so few tokens on, further ones raise"
    if data.harmful_from == 1:
        when = "any second pass over so few tokens raises"
    outside = beyond_runs(params, data.unique_tokens)
    far = f"; {format_factor(outside)} outside those runs" if outside > 1 else ""
    text = (
        f"over-fitting: {when} the loss of such a model, by a penalty fitted to the repeated runs of muennighoff2023; the law "
        f"plans with tokens that fade{far}"
    )
    yield Note("overfitting", "warning" if data.epochs > data.harmful_from else "info", text)


MOSTLY = 0.9
"""Share of serving in what is spent above which the demand decides everything: a house convention."""


def deadline_notes(request: Request, training_flops: float, params: float, tokens: float) -> Iterator[Note]:
    """Say when the devices there are do not end the run in time, and how many would."""
    machine = request.held.machine
    cost = machine.cost(training_flops) if machine else None
    if machine is None or cost is None or cost.in_time is not False or cost.hours is None or machine.deadline is None:
        return
    late = f"{format_duration(cost.hours.expected)} needed, {format_duration(machine.deadline)} given"
    from planner.planning.more_devices import devices_in_time

    more = devices_in_time(request, training_flops, params, tokens)
    yield Note("deadline", "warning", f"the deadline is missed: {late}{more}")


def idle_notes(request: Request) -> Iterator[Note]:
    """Say where fewer of the devices that train for a time would train more."""
    if request.question.days is None or request.held.funding is None:
        return
    from planner.planning.more_devices import fewer_that_train_more

    text, more = fewer_that_train_more(request)
    if text:
        yield Note("idle-devices", "warning" if more > _MUCH_MORE else "info", text)


_MUCH_MORE = 0.05
"""Share of compute from which on devices that would better be idle are a warning: a house convention."""


def serving_notes(serving: Serving | None, *, limited: bool) -> Iterator[Note]:
    """Say where serving decides the answer, and that devices for some days do not pay it."""
    if serving is not None and serving.after:
        alone = "; loss, regime and optimum are those of training alone" if limited else ""
        text = f"the devices and days train; serving comes after, and this budget does not pay it{alone}"
        yield Note("served-after", "info", text)
    elif serving is not None and serving.share > 0.5:
        text = f"serving takes {format_percent(serving.share)} of what is spent: the demand decides the size, so check it well"
        yield Note("mostly-serving", "warning" if serving.share > MOSTLY else "info", text)


def memory_notes(machine: "Machine | None", params: float) -> Iterator[Note]:
    """Say when the devices there are cannot hold the states of so many parameters, however they are sharded."""
    there, needed = machine and machine.memory, params * state_bytes()
    if there is not None and needed > there:
        text = (
            f"does not fit: weights, gradients and Adam's states of {format_count(params)} parameters take "
            f"{format_bytes(needed)}, these devices have {format_bytes(there)}; plan configure says what fits"
        )
        yield Note("memory", "warning", text)


class ServedCopy(NamedTuple):
    """A copy of a model on the devices that serve it.

    Attributes
    ----------
    devices : str
    bytes : float
        Their memory.
    bits : float
        Of a weight.
    weight_bytes : float
    cache_bytes : float
        Keys and values of the tokens that are cached.
    """

    devices: str
    bytes: float
    bits: float
    weight_bytes: float
    cache_bytes: float

    @property
    def fits(self) -> bool:
        """Whether weights and cache take no more than there is."""
        return self.weight_bytes + self.cache_bytes <= self.bytes


def served_copy(question: Question, law: Law, params: float) -> ServedCopy | None:
    """Return what a copy takes; None where no devices to serve on were named."""
    if question.serving_gpus is None:
        return None
    refuse_cache(question, law)
    shape, bits = question.shape, served_bits(question)
    total = float(all_params(law, params)) if shape is None else float(shape.total)
    cached = question.cached_tokens or 0.0
    each = 2.0 * shape.cached_per_token if shape is not None else float(cache_bytes(law, total)) if cached else 0.0
    devices = serving_devices(question)
    return ServedCopy(devices.text, devices.bytes, bits, total * bits / 8, cached * each)


def served_copy_notes(found: ServedCopy | None) -> Iterator[Note]:
    """Say where a copy does not fit the devices that are to hold it."""
    if found is not None and not found.fits:
        needed = format_bytes(found.weight_bytes + found.cache_bytes)
        text = f"a served copy takes {needed}, {found.devices} have {format_bytes(found.bytes)}: it does not fit"
        yield Note("served-copy", "warning", text)


def limit_notes(problem: Problem, flops: float, spent: float, *, free: bool) -> Iterator[Note]:
    """Say when limits change nothing, and when they leave some of the budget."""
    if free and not problem.limits.free:
        limits = " and ".join(limit_texts(problem.limits))
        yield Note("limit-does-not-bind", "info", f"{limits}: does not bind, the answer is the same without")
    left = 1 - spent / flops
    if left > UNSPENT:
        text = f"{format_percent(left)} of the budget is not spent: the caps on parameters and on tokens leave no use for it"
        yield Note("budget-not-spent", "warning", text)


UNSPENT = 1e-6
"""Share of a budget that must be left for it to be called not spent: less is rounding."""

NO_RUN = 1e4
"""Fewer parameters or tokens than this are no language model: a house convention."""


def size_notes(smallest: float) -> Iterator[Note]:
    """Say that a run is too small to be one, by the smaller of its parameters and tokens."""
    if smallest < NO_RUN:
        text = f"fewer than {format_count(NO_RUN, 2)} parameters or tokens are no model: was a suffix such as B forgotten?"
        yield Note("no-run", "warning", text)


_IN_VAIN = 1e-3
"""A doubling of compute that buys less than this share of the reducible loss is wasted: a house convention."""


def waste_notes(doubling: Doubling | None) -> Iterator[Note]:
    if doubling and doubling.share_of_reducible < _IN_VAIN:
        share = format_percent(doubling.share_of_reducible)
        text = f"twice the compute would buy {share} of the reducible loss: most of this budget is wasted here"
        yield Note("compute-wasted", "warning", text)
