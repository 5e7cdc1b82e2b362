"""What a user asks, read into a problem: budget or target loss, limits, unique tokens, tokens to serve."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from planner import solver
from planner._files import settings
from planner._frozen import FrozenDict
from planner.catalogue import load_law
from planner.choosing import LawLike, read_constants, resolve_law
from planner.errors import CannotPlanError, OptionError
from planner.forms import Num
from planner.forms.counting import kept_params
from planner.law import Law, guarded
from planner.modifiers import Modifier, Precision, Quality, Repetition
from planner.notes import Note
from planner.problems import Limits, Problem, problem_of, spending_of
from planner.units import (
    format_count,
    format_percent,
    parse_count,
    parse_flops,
    parse_fraction,
    parse_number,
    plain,
    shown,
    significant,
)


@dataclass(frozen=True)
class Conditions:
    """What holds beside budget and law, as the user gave it; see :func:`planner.plan` for each."""

    params: object = None
    tokens: object = None
    tokens_per_param: object = None
    max_params: object = None
    max_tokens: object = None
    active_params: object = None
    experts: object = None
    granularity: object = None
    experts_per_token: object = None
    sparsity: object = None
    unique_tokens: object = None
    precision: object = None
    data_quality: object = None
    inference_tokens: object = None
    inference_per_month: object = None
    months: object = None
    generated_tokens: object = None
    mfu: object = None
    inference_mfu: object = None
    generation_mfu: object = None
    price: object = None
    inference_price: object = None


class Demand(NamedTuple):
    """Tokens to serve over a model's life, and what a served FLOP costs over a trained one."""

    tokens: float
    price: float


class Request(NamedTuple):
    """A question, read.

    Attributes
    ----------
    problem : Problem
    flops : float or None
        Budget [FLOP]; None where a loss is asked for.
    loss : float or None
        Loss to reach.
    demand : Demand or None
    notes : tuple of Note
    inputs : mapping
        What was asked, in base units.
    """

    problem: Problem
    flops: float | None
    loss: float | None
    demand: Demand | None
    notes: tuple[Note, ...]
    inputs: FrozenDict


def read_request(
    *,
    flops: object,
    loss: object,
    law: LawLike,
    constants: Mapping[str, object] | None,
    exponents: Sequence[object] | None,
    anchor: object,
    conditions: Conditions,
) -> Request:
    """Read a question.

    Raises
    ------
    PlannerError
        Anything missing, contradictory, out of range, or beyond what the law can answer.
    """
    replaced = read_constants(constants)
    chosen = mixed(resolve_law(law, constants=replaced, exponents=exponents, anchor=anchor), conditions)
    limits = _limits(conditions, chosen)
    budget = None if flops is None else parse_flops(flops, "flops")
    target = None if loss is None else _above_zero(loss, "loss")
    _one_question(budget, target, limits)
    problem, demand, notes = _problem(chosen, conditions, limits)
    if budget is None and target is None:
        budget, limits = _optimal_budget(problem)
        problem = problem._replace(limits=limits)
    _within_reach(problem, chosen, target)
    given = {name: value for name, value in vars(_read(conditions)).items() if value is not None}
    inputs = {
        "flops": None if flops is None else budget,
        "loss": target,
        "law": load_law(law).id,
        "params": None,
        "tokens": None,
        **given,
        "constants": replaced,
        "exponents": chosen.exponents if exponents is not None and chosen.exponents else None,
        "anchor": (chosen.params["C_0"], chosen.params["N_0"]) if exponents is not None or anchor is not None else None,
    }
    return Request(problem, budget, target, demand, notes, FrozenDict(inputs))


def read_run(law: Law, conditions: Conditions) -> Request:
    """Read what holds for a run whose N and D are given."""
    law = mixed(law, conditions)
    problem, demand, notes = _problem(law, conditions, Limits())
    given = {name: value for name, value in vars(_read(conditions)).items() if value is not None}
    return Request(problem, None, None, demand, notes, FrozenDict(given))


def _read(conditions: Conditions) -> Conditions:
    """Return the conditions as numbers in base units."""
    counted = {
        name: "parameters" if name.endswith("params") else "tokens"
        for name in (
            "params",
            "tokens",
            "max_params",
            "max_tokens",
            "unique_tokens",
            "inference_tokens",
            "inference_per_month",
            "generated_tokens",
        )
    }
    read: dict[str, Any] = {}
    for name, value in vars(conditions).items():
        if value is None:
            continue
        if name in counted:
            read[name] = parse_count(value, name, "parameters" if counted[name] == "parameters" else "tokens")
        elif name == "sparsity":
            read[name] = _share_at_rest(value)
        elif name == "precision":
            read[name] = _bits(value)
        elif name == "data_quality":
            read[name] = _quality(value)
        elif name.endswith("mfu"):
            read[name] = _utilisation(value, name)
        else:
            read[name] = _above_zero(value, name)
    return Conditions(**read)


def _above_zero(value: object, name: str) -> float:
    number = parse_number(value, name)
    if number <= 0:
        raise OptionError(f"{name} {plain(number)}: must be above 0")
    return number


def _utilisation(value: object, name: str) -> float:
    number = parse_fraction(value, name)
    if not 0 < number <= 1:
        raise OptionError(
            f"{name} {significant(number)}: model FLOP utilisation lies above 0 and is at most 1, such as 0.4 or 40%"
        )
    return number


def _limits(conditions: Conditions, law: Law) -> Limits:
    given = _read(conditions)
    if given.active_params is not None:
        given = _all_of_active(given, law)
    fixed = [name for name in ("params", "tokens", "tokens_per_param") if getattr(given, name) is not None]
    if len(fixed) > 1:
        if fixed == ["params", "tokens"]:
            raise OptionError("flops, params and tokens together say too much: C = k N D leaves two free; drop one, or use check")
        raise OptionError(
            f"{' and '.join(fixed)} together fix the whole run; drop one, or judge the run: plan check --params N --tokens D"
        )
    for name in ("params", "tokens"):
        value, most = getattr(given, name), getattr(given, f"max_{name}")
        if value is not None and most is not None and value > most:
            raise OptionError(f"{name} {format_count(value)} contradicts max_{name} {format_count(most)}: drop one of them")
    return Limits(given.params, given.tokens, given.tokens_per_param, given.max_params, given.max_tokens)


def _all_of_active(given: Any, law: Law) -> Conditions:
    """Return the conditions with all parameters instead of active ones."""
    if law.form.active is None:
        raise OptionError(f"active_params: {law.id} is no law of mixtures of experts; {_MIXTURES}")
    if given.params is not None:
        raise OptionError("active_params and params together say too much: give one of them")
    all_params: Conditions = replace(given, params=given.active_params / float(law.form.active(law.symbols)))
    return all_params


_MIXTURES = (
    "laws with experts are krajewski2024-moe (--granularity) and abnar2025 (--experts with --experts-per-token, or --sparsity)"
)


def mixed(law: Law, conditions: Conditions) -> Law:
    """Return a law with the mixture of experts that the user chose.

    Raises
    ------
    OptionError
        The law knows no experts, or not this number, or what was given contradicts itself.
    """
    given: Any = _read(conditions)
    named = [name for name in ("experts", "granularity", "experts_per_token", "sparsity") if getattr(given, name) is not None]
    if not named:
        return law
    if not law.choices:
        raise OptionError(f"{named[0]}: {law.id} is no law of mixtures of experts; {_MIXTURES}")
    if "G" in law.choices:
        unknown = [name for name in named if name not in {"experts", "granularity"}]
        if unknown:
            raise OptionError(f"{unknown[0]}: {law.id} knows experts and granularity; abnar2025 knows sparsity")
        if given.experts is not None and given.experts != law.params["E"]:
            raise OptionError(
                f"experts {plain(given.experts)}: {law.id} was fitted with {plain(law.params['E'])}; krajewski2024-moe has 64, "
                "krajewski2024-moe16 has 16, and abnar2025 takes any number with experts_per_token"
            )
        return law if given.granularity is None else law.choose(G=given.granularity)
    if given.granularity is not None:
        raise OptionError(f"granularity: {law.id} knows sparsity only; krajewski2024-moe knows granularity")
    if (given.experts is None) != (given.experts_per_token is None):
        raise OptionError("experts and experts_per_token go together, such as 64 with 2 at work on a token")
    if given.sparsity is not None and given.experts is not None:
        raise OptionError("give sparsity, or experts with experts_per_token, not both")
    if given.experts is None:
        return law.choose(S=given.sparsity)
    if given.experts_per_token > given.experts:
        raise OptionError(
            f"experts_per_token {plain(given.experts_per_token)}: at most as many as experts, {plain(given.experts)}"
        )
    return law.choose(S=1 - given.experts_per_token / given.experts)


def _one_question(flops: float | None, loss: float | None, limits: Limits) -> None:
    if flops is not None and loss is not None:
        raise OptionError("flops and loss together say too much: give the budget, or the loss to reach")
    if flops is None and loss is None and limits.params is None and limits.tokens is None:
        raise OptionError(
            "no budget: give --flops, such as --flops 1e21 (flops=1e21 in Python), or --loss to reach, or --params or --tokens "
            "alone for the budget that makes them optimal"
        )


def _optimal_budget(problem: Problem) -> tuple[float, Limits]:
    """Return the budget whose optimum has the N or D given, and the limits without it."""
    given = {name: getattr(problem.limits, name) for name in ("params", "tokens") if getattr(problem.limits, name) is not None}
    flops = guarded(problem.law, lambda: float(solver.optimal_at(problem, **given)))
    name, value = next(iter(given.items()))
    if not 1 <= flops <= 1e60:
        raise CannotPlanError(
            f"{name} {format_count(value)}: no budget from 1 to 1e60 FLOP makes that optimal under {problem.law.id}"
        )
    return flops, problem.limits._replace(params=None, tokens=None)


def _problem(law: Law, conditions: Conditions, limits: Limits) -> tuple[Problem, Demand | None, tuple[Note, ...]]:
    given = _read(conditions)
    demand = _demand(given)
    modifiers, notes = _modifiers(law, given)
    spending = spending_of(law, demand.tokens * demand.price if demand else 0.0)
    weighed = ("unique_tokens", "precision", "data_quality", "inference_tokens", "inference_per_month")
    needs = [name for name in weighed if getattr(given, name) is not None]
    if needs and law.judge is not None:
        raise OptionError(
            f"exponents and anchor fix the line of N and D; they cannot be combined with {needs[0]}, which moves it"
        )
    if needs and law.surface_law is None:
        raise CannotPlanError(
            f"{law.id} has no loss surface L(N, D), so it cannot weigh {needs[0]}; laws with one, such as besiroglu2024, can"
        )
    return problem_of(law, spending=spending, modifiers=modifiers, limits=limits), demand, tuple(notes)


def _modifiers(law: Law, given: Any) -> tuple[tuple[Modifier, ...], list[Note]]:
    """Return what changes what counts, in the order in which it applies, and what to say of each."""
    modifiers: list[Modifier] = []
    notes: list[Note] = []
    if given.unique_tokens is not None:
        repeated = repetition(law, given.unique_tokens)
        modifiers.append(repeated)
        notes += _carried_over(law, repeated)
    if given.precision is not None:
        section = settings("planning.toml", "precision")
        source = load_law(section["law"])
        lowered = Precision(given.precision, source.params, float(section["baseline"]), source.reference)
        modifiers.append(lowered)
        if lowered.kept != 1:
            text = (
                f"at this precision {format_percent(lowered.kept)} of the parameters count, by {source.id}: measured on integer "
                f"types and small models, carried over to {law.id}; what it saves in time and money is not counted here"
            )
            notes.append(Note("precision", "info", text))
    if given.data_quality is not None:
        source = load_law(settings("planning.toml", "quality")["law"])
        clean = Quality(given.data_quality, source.params, source.reference)
        modifiers.append(clean)
        if clean.kept != 1:
            text = (
                f"{format_percent(clean.kept)} of the tokens count, by {source.id}: synthetic corruption at one model size, "
                f"carried over to {law.id}; the quality of real corpora was not measured there"
            )
            notes.append(Note("data-quality", "warning", text))
    return tuple(modifiers), notes


def _bits(value: object) -> tuple[float, float, float]:
    """Read a precision: a format for all, or bits of weights, activations and key-value cache, such as ``w4a8kv8``."""
    formats = settings("planning.toml", "precision.formats")
    text = value.strip().lower() if isinstance(value, str) else ""
    parts = re.fullmatch(r"w(\d{1,2})a(\d{1,2})kv(\d{1,2})", text)
    if parts:
        bits = tuple(float(part) for part in parts.groups())
    elif text in formats:
        bits = (float(formats[text]),) * 3
    else:
        raise OptionError(f"precision {shown(value)}: expected one of {', '.join(formats)}, or bits such as w4a8kv8")
    section = settings("planning.toml", "precision")
    kept = kept_params(load_law(section["law"]).params, (bits[0], bits[1], bits[2]))
    if not (min(bits) >= section["least"] and max(bits) <= section["baseline"] and kept > 0):
        raise OptionError(
            f"precision {shown(value)}: {section['law']} measured {section['least']} bits and more; nothing is known below"
        )
    return bits[0], bits[1], bits[2]


def _share_at_rest(value: object) -> float:
    number = parse_fraction(value, "sparsity")
    if not 0 <= number < 1:
        raise OptionError(f"sparsity {plain(number)}: the share of experts at rest lies from 0 to below 1, such as 0.9")
    return number


def _quality(value: object) -> float:
    least = settings("planning.toml", "quality")["least"]
    number = parse_fraction(value, "data_quality")
    if not least <= number <= 1:
        raise OptionError(
            f"data_quality {plain(number)}: 1 is clean and {least:g} was the worst that was measured; give a share between"
        )
    return number


def repetition(law: Law, unique: Num) -> Repetition:
    """Return the decay of repeated tokens: with the law's own constants, or those of the law that measured them."""
    if "R_D" in law.params:
        return Repetition(unique)
    source = load_law(settings("planning.toml", "repetition")["law"])
    return Repetition(unique, source.params["R_D"], source.params["R_N"])


def _carried_over(law: Law, found: Repetition) -> list[Note]:
    if found.R_D is None:
        return []
    source = settings("planning.toml", "repetition")["law"]
    text = (
        f"what repeated tokens are worth (R_D {significant(found.R_D)}, R_N {significant(found.R_N)}) was measured by {source} "
        f"with its own surface; here it is carried over to {law.id}, untested together"
    )
    return [Note("repetition-carried-over", "info", text)]


def _demand(given: Conditions) -> Demand | None:
    """Return the tokens to serve and their price over training's."""
    tokens: Any = given.inference_tokens
    if (given.inference_per_month is None) != (given.months is None):
        raise OptionError("inference_per_month and months go together, such as 80B a month for 24 months")
    if given.inference_per_month is not None:
        if tokens is not None:
            raise OptionError("give inference_tokens over the model's life, or inference_per_month with months, not both")
        per_month: Any = given.inference_per_month
        tokens = per_month * given.months
    if tokens is None:
        priced = [
            name
            for name in ("generated_tokens", "mfu", "inference_mfu", "generation_mfu", "price", "inference_price")
            if getattr(given, name) is not None
        ]
        if priced:
            raise OptionError(
                f"{priced[0]} says what serving costs, so it needs inference_tokens (or inference_per_month and months)"
            )
        return None
    return Demand(tokens, _price(given, tokens))


def _price(given: Any, tokens: float) -> float:
    """Return what a served FLOP costs over a trained one: prices per device-hour over utilisations."""
    if (given.price is None) != (given.inference_price is None):
        raise OptionError("price and inference_price go together: what a device-hour costs in training and in serving")
    if (given.generated_tokens is None) != (given.generation_mfu is None):
        raise OptionError("generated_tokens and generation_mfu go together: the part of the served tokens that is generated")
    served_mfu = given.inference_mfu is not None or given.generation_mfu is not None
    if (given.mfu is None) == served_mfu:
        raise OptionError("mfu and inference_mfu go together: utilisation in training and in serving")
    money = given.inference_price / given.price if given.price is not None else 1.0
    if given.mfu is None:
        return money
    generated = given.generated_tokens or 0.0
    if generated > tokens:
        raise OptionError(
            f"generated_tokens {format_count(generated)}: a part of the served tokens, so at most {format_count(tokens)}"
        )
    if given.inference_mfu is None and generated < tokens:
        raise OptionError("inference_mfu: needed for the served tokens that are read rather than generated")
    slow = generated / tokens
    read = (1 - slow) * given.mfu / given.inference_mfu if slow < 1 else 0.0
    written = slow * given.mfu / given.generation_mfu if generated else 0.0
    return float(money * (read + written))


def _within_reach(problem: Problem, law: Law, loss: float | None) -> None:
    """Refuse a loss below what the limits allow, with the floor and the distance."""
    if loss is None:
        return
    judge = law.surface_law
    if law.role != "plan" or judge is None or judge is not law:
        if law.judge is not None:
            raise OptionError("exponents and anchor fix the line of N and D; they cannot be combined with loss")
        raise CannotPlanError(
            f"{law.id} cannot say which budget reaches a loss: it has no loss surface to plan on; besiroglu2024 has one"
        )
    unit = law.conventions.loss_unit
    free = float(law.irreducible_loss)
    floor = free + float(guarded(law, lambda: solver.lowest_reducible(problem)))
    if loss <= free:
        raise CannotPlanError(
            f"loss {plain(loss)} cannot be reached at all: it lies {significant(free - loss)} below the irreducible "
            f"loss of {law.id}, {significant(free, 5)} {unit}"
        )
    if loss <= floor:
        raise CannotPlanError(
            f"loss {plain(loss)} cannot be reached with {' and '.join(_condition_texts(problem))}: the floor there is "
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
