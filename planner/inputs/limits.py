"""What a question fixes and caps, and whether a budget or a loss can be had within that."""

from collections.abc import Sequence

from planner.allocation import solver
from planner.allocation.effective_size import Precision, Quality, Repetition
from planner.allocation.problem import Limits, Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.mixtures import all_of_active
from planner.inputs.question import Question
from planner.inputs.shape import Counted, of_shape
from planner.quantities import LARGEST, format_count, format_percent, plain, significant
from planner.scaling_laws.law import Law, guarded


def limits_of(question: Question, law: Law, counted: Counted | None) -> Limits:
    """Return what a question fixes or caps; parts that contradict each other are refused."""
    question = all_of_active(question, law)
    fixed = question.named("params", "tokens", "tokens_per_param")
    if len(fixed) > 1 and "tokens_per_param" in fixed:
        others = " and ".join(f"`{name}`" for name in fixed)
        raise OptionError(
            f"{others} together fix the whole run; drop one, or state the run by its parameters and tokens: --params N --tokens D"
        )
    for name in ("params", "tokens"):
        value, most = getattr(question, name), getattr(question, f"max_{name}")
        if value is not None and most is not None and value > most:
            raise OptionError(f"`{name}` {format_count(value)} contradicts `max_{name}` {format_count(most)}: drop one of them")
    limits = Limits(question.params, question.tokens, question.tokens_per_param, question.max_params, question.max_tokens)
    return limits if counted is None else of_shape(limits, counted)


def one_question(name: str, flops: float | None, loss: float | None, limits: Limits) -> None:
    """Refuse a budget beside a loss, and neither of them where nothing is fixed."""
    if flops is not None and loss is not None:
        raise OptionError(f"`{name}` and `loss` together say too much: give the budget, or the loss to reach")
    if flops is None and loss is None and limits.params is None and limits.tokens is None:
        raise OptionError(
            "no budget: give --flops, such as --flops 1e21 (flops=1e21 in Python), --gpus 512xH100 with --days, --dollars with "
            "--gpu, or --loss to reach, or --params or --tokens alone for the budget that makes them optimal, or both for what "
            "that run takes"
        )


def optimal_budget(problem: Problem) -> tuple[float, Limits]:
    """Return the budget whose optimum has the N or D given, and the limits without it."""
    if problem.limits.max_params is not None or problem.limits.max_tokens is not None:
        raise OptionError(
            "without a budget, `params` or `tokens` ask for the budget that makes them optimal: a cap has no place there"
        )
    given = {name: getattr(problem.limits, name) for name in ("params", "tokens") if getattr(problem.limits, name) is not None}
    flops = guarded(problem.law, lambda: float(solver.optimal_at(problem, **given)))
    name, value = next(iter(given.items()))
    if not 1 <= flops <= LARGEST:
        raise CannotPlanError(
            f"{name} {format_count(value)}: no budget from 1 FLOP to {plain(LARGEST)} makes that optimal under {problem.law.id}"
        )
    return flops, problem.limits._replace(params=None, tokens=None)


def no_surface(law: Law) -> CannotPlanError:
    """Return what to raise where a law without a loss surface is asked for a loss."""
    text = "cannot say which budget reaches a loss: it has no loss surface to plan on; besiroglu2024 has one"
    return CannotPlanError(f"{law.id} {text}")


def within_reach(problem: Problem, law: Law, loss: float | None, choices: Sequence[Law] = ()) -> None:
    """Refuse a loss below what the limits allow, with the floor and the distance; of ``choices`` the lowest is without limits."""
    if loss is None:
        return
    judge = law.surface_law
    if law.role != "plan" or judge is None or judge is not law:
        if law.judge is not None:
            raise OptionError("`exponents` and `anchor` fix the line of N and D; they cannot be combined with `loss`")
        raise no_surface(law)
    unit = law.conventions.loss_unit
    free = min(float(each.irreducible_loss) for each in choices or (law,))
    floor = float(law.irreducible_loss) + float(guarded(law, lambda: solver.lowest_reducible(problem)))
    if loss <= free:
        raise CannotPlanError(
            f"`loss` {plain(loss)} cannot be reached at all: "
            f"{f'it lies {significant(free - loss)} below' if loss < free else 'it is'} the irreducible loss of {law.id}, "
            f"{significant(free, 5)} {unit}"
        )
    if loss < floor * (1 - 1e-12):
        raise CannotPlanError(
            f"`loss` {plain(loss)} cannot be reached with {' and '.join(_condition_texts(problem))}: the floor there is "
            f"{significant(floor, 5)} {unit}; without limits it is {significant(free, 5)}"
        )


def limit_texts(limits: Limits) -> list[str]:
    """Return what the user fixed or capped, in words."""
    texts = []
    for name, what in (("params", "parameters"), ("tokens", "tokens")):
        value, most = getattr(limits, name), getattr(limits, f"max_{name}")
        if value is not None:
            texts.append(f"{format_count(value)} {what}")
        elif most is not None:
            texts.append(f"at most {format_count(most)} {what}")
    if limits.tokens_per_param is not None:
        texts.append(f"{significant(limits.tokens_per_param)} tokens per parameter")
    return texts


def _condition_texts(problem: Problem) -> list[str]:
    texts = limit_texts(problem.limits)
    for each in problem.modifiers:
        if isinstance(each, Repetition):
            texts.append(f"{format_count(each.unique)} unique tokens")
        elif isinstance(each, Quality):
            texts.append(f"data of quality {plain(each.quality)}")
        elif isinstance(each, Precision):
            texts.append(f"{format_percent(each.kept)} of the parameters left by the precision")
    return texts
