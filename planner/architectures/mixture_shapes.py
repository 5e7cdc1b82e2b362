"""Concrete mixtures for numbers of active and of all parameters, with experts as published mixtures of the size have."""

from math import log
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import order
from planner.architectures.published_models import Model, models
from planner.architectures.shape_search import Proportions, Proposal, between, kv_heads_of, proportions, steps, varied
from planner.architectures.transformer import PLAIN, Shape
from planner.errors import CannotPlanError
from planner.quantities import format_count


class Experts(NamedTuple):
    """How a mixture's layers are divided: experts at work, shared ones, and how many there are; None where that follows."""

    at_work: int
    shared: int
    many: int | None = None


class _Target(NamedTuple):
    """What is to be hit: active and all parameters, as a law counts them."""

    active: float
    total: float
    convention: str


def _like(active: float, total: float) -> list[Model]:
    """Return the published mixtures nearest in active and all parameters."""
    known = [each for each in models() if each.shape.experts > 1 and not each.flag]
    away = order([abs(log(each.shape.active / active)) + abs(log(each.shape.total / total)) for each in known])
    return [known[place] for place in away[: settings("planning.toml", "mixtures")["neighbours"]]]


def propose_mixtures(
    active: float,
    total: float,
    *,
    convention: str,
    count: int,
    experts: Experts | None = None,
    vocab: int | None = None,
    context: int | None = None,
    gated: bool = True,
    tied: bool | None = None,
    kv_heads: int | None = None,
) -> tuple[tuple[Proposal, ...], Proportions]:
    """Propose mixtures of so many parameters at work on a token, and so many in all.

    Returned are ``count`` of them, best first, with ``off`` of all parameters, and the proportions that published ones have, with
    ``ffn`` an expert's width over the model's. Embeddings count but where the convention is ``non-embedding``.

    Layers are divided as in each of the published mixtures nearest in size, unless ``experts`` says how: with a number of
    experts, all parameters are hit, and those at work follow. Of parts that are not fixed the vocabulary is that of the nearest
    published mixture, and the rest by house conventions.

    Raises
    ------
    CannotPlanError
        No mixture of sane proportions comes near.
    """
    section, house = settings("planning.toml", "shapes"), settings("planning.toml", "mixtures")
    near = _like(active, total)
    words = near[0].shape.vocab if vocab is None else vocab
    window = section["context"] if context is None else context
    shared_tables = active < section["tie_below"] if tied is None else tied
    target = _Target(active, total, "non-embedding" if convention == "non-embedding" else "total")
    # what published mixtures have: width over layers, and an expert's width over the model's
    usual = proportions(near, [(each.shape.details.expert_ffn or each.shape.ffn) / each.shape.width for each in near])
    known = dict.fromkeys(Experts(each.shape.experts_per_token, each.shape.details.shared_experts) for each in near)
    patterns = [experts] if experts else list(known)
    found: list[tuple[float, float, Shape, float]] = []
    for nearness, pattern in enumerate(patterns):
        plain = Shape(1, 1, 1, words, window, 0, 1, 1, gated=gated, tied=shared_tables)
        for score, width, shape, off in _of_pattern(target, pattern, plain, usual, kv_heads):
            found.append((score + house["farther"] * nearness, width, shape, off))
    if not found:
        raise CannotPlanError(
            f"no sane mixture has {format_count(active)} parameters at work of {format_count(total)} with a vocabulary of "
            f"{words:,}; change the vocabulary, the experts or `max_total_params`, or give a `shape`"
        )
    ranked = order([each[0] for each in found])
    best = varied(ranked, np.array([each[1] for each in found]), count)
    return tuple(Proposal(found[place][2], found[place][3]) for place in best), usual


class _Grid(NamedTuple):
    """Candidates of one way to divide layers, an array each: sizes, an expert's width, how many there are, and what is off."""

    width: Any
    layers: Any
    kv_heads: Any
    ffn: Any
    experts: Any
    off_active: Any
    off_total: Any


def _of_pattern(
    target: _Target, experts: Experts, plain: Shape, usual: Proportions, kv_heads: int | None
) -> list[tuple[float, float, Shape, float]]:
    """Return mixtures of a pattern within reach of the target: score, width, shape, and all parameters over the target less 1."""
    section, house = settings("planning.toml", "shapes"), settings("planning.toml", "mixtures")
    guess = (target.active * usual.aspect / 12) ** (1 / 3)
    step, head, _, undivided = steps(guess)
    widths = np.arange(max(1, guess / 3 // step), guess * 3 // step + 2) * step
    widths = widths[widths % head == 0]
    depths = np.arange(2, min(3 * guess / usual.aspects[0], 200) + 1)
    width, layers = (axis.ravel() for axis in np.meshgrid(widths, depths))
    keys: Any = np.tile(kv_heads_of(widths / head, kv_heads, section["kv_heads"]), len(depths))
    sized: Any = plain._replace(layers=layers, width=width, heads=width / head, kv_heads=keys, head_size=head)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _solved(target, experts, sized, step)
        good = _sane(found, experts, usual, head)
    found = _Grid(*(each[good] for each in found))
    heads = found.width / head
    score = np.log(found.width / found.layers / usual.aspect) ** 2
    score += 0.05 * (found.width % (4 * step) != 0) + 0.03 * (found.layers % 2 != 0) + undivided * (heads % 8 != 0)
    score += np.abs(found.off_total) + np.abs(found.off_active)
    # of experts of the user's own what works on a token comes before how wide published ones are
    score += (1.0 if experts.many is None else 0.03) * np.log(found.ffn / found.width / usual.ffn) ** 2
    if experts.many is None:
        score += 0.05 * (found.experts % 64 != 0)
    places: Any = order(score)[: house["kept"]] if good.any() else []
    return [
        (float(score[i]), float(found.width[i]), _shape(plain, experts, found, i, head), float(found.off_total[i]))
        for i in places
    ]


def _solved(target: _Target, experts: Experts, sized: Any, step: int) -> _Grid:
    """Return the width of an expert that hits the active parameters, and how many hit all; or the width alone that hits all."""
    width, layers, every = sized.width, sized.layers, settings("planning.toml", "mixtures")["step"]
    rest = sized.counted(target.convention)
    per_unit = layers * width * (3 if sized.gated else 2)  # parameters of experts of width one
    at_work, shared, given = experts
    many = np.full(len(width), float(given or 8 * at_work))
    for _ in range(4):  # routers grow with the experts, a little
        inner = rest + layers * width * many
        if given is not None:
            ffn = (target.total - inner) / ((given + shared) * per_unit)
            continue
        ffn = (target.active - inner) / ((at_work + shared) * per_unit)
        many = at_work + (target.total - target.active) / (ffn * per_unit)
    ffn = np.round(ffn / step) * step
    if given is None:
        many = np.round((at_work + (target.total - target.active) / (ffn * per_unit)) / every) * every
    inner = rest + layers * width * many
    off_active = (inner + (at_work + shared) * ffn * per_unit) / target.active - 1
    off_total = (inner + (many + shared) * ffn * per_unit) / target.total - 1
    return _Grid(width, layers, sized.kv_heads, ffn, many, off_active, off_total)


def _sane(found: _Grid, experts: Experts, usual: Proportions, head: int) -> Any:
    """Tell which candidates come near, in proportions that published mixtures have; those of the user's own experts any width."""
    section, house = settings("planning.toml", "shapes"), settings("planning.toml", "mixtures")
    good = between(found.width / found.layers, usual.aspects) & (found.ffn > 0) & (np.abs(found.off_total) <= house["within"])
    good &= (found.kv_heads > 0) & (found.width / head % np.maximum(found.kv_heads, 1) == 0)
    if experts.many is not None:
        return good
    good &= between(found.ffn / found.width, usual.ffns) & (np.abs(found.off_active) <= section["within"])
    return good & (found.experts >= 2 * experts.at_work) & (found.experts <= house["most"])


def _shape(plain: Shape, experts: Experts, found: _Grid, place: int, head: int) -> Shape:
    names = ("width", "layers", "kv_heads", "ffn", "experts")
    numbers: dict[str, Any] = {name: int(getattr(found, name)[place]) for name in names}
    details = PLAIN._replace(expert_ffn=numbers["ffn"], shared_experts=experts.shared)
    at_work, heads = experts.at_work, numbers["width"] // head
    return plain._replace(**numbers, heads=heads, head_size=head, experts_per_token=at_work, details=details)
