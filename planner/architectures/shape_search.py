"""Concrete shapes for a number of parameters: within 2 %, with proportions that published models of the size have."""

from math import log
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import order
from planner.architectures.published_models import Model, models
from planner.architectures.transformer import Shape
from planner.errors import CannotPlanError
from planner.quantities import format_count, format_percent
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms.counting import best_vocab


class Proportions(NamedTuple):
    """Width over layers and feed-forward over model width: median, and the range that is allowed."""

    aspect: float
    aspects: tuple[float, float]
    ffn: float
    ffns: tuple[float, float]
    like: tuple[str, ...]


class Proposal(NamedTuple):
    """A shape, and what it counts over what was asked for, less one."""

    shape: Shape
    off: float


def usual_proportions(params: float, *, gated: bool) -> Proportions:
    """Return the proportions of the published dense models nearest in size."""
    section = settings("planning.toml", "shapes")
    dense = [each for each in models() if each.shape.experts == 1 and not each.flag]
    dense = [each for each in dense if not each.shape.details.relative_positions]  # one family, in many sizes

    def nearest(candidates: list[Model]) -> list[Model]:
        away = order([abs(log(each.params / params)) for each in candidates])
        return [candidates[place] for place in away[: section["neighbours"]]]

    ffns = [each.shape.ffn / each.shape.width for each in nearest([each for each in dense if each.shape.gated == gated])]
    return proportions(nearest(dense), ffns)


def proportions(near: list[Model], ffns: list[float]) -> Proportions:
    """Return width over layers as models have it, and feed-forward over model width."""
    aspects, slack = [each.aspect for each in near], settings("planning.toml", "shapes")["slack"]
    return Proportions(
        aspect=float(np.median(aspects)),
        aspects=(min(aspects) / slack, max(aspects) * slack),
        ffn=float(np.median(ffns)),
        ffns=(min(ffns) / slack, max(ffns) * slack),
        like=tuple(each.name for each in near),
    )


def usual_vocab(params: float, aspect: float) -> int:
    """Return the best vocabulary for such a size, by the catalogue's law of vocabularies, at most the largest published."""
    section = settings("planning.toml", "shapes")
    width = (params * aspect / 12) ** (1 / 3)  # of 12 layers width^2 parameters
    law = load_law(settings("planning.toml", "vocabulary")["law"])
    step = section["vocab_step"]
    most = max(each.shape.vocab for each in models())
    return int(min(max(step, round(float(best_vocab(law.params, params, width)) / step) * step), most))


def propose(
    params: float,
    *,
    convention: str,
    count: int,
    vocab: int | None = None,
    context: int | None = None,
    gated: bool = True,
    tied: bool | None = None,
    kv_heads: int | None = None,
) -> tuple[tuple[Proposal, ...], Proportions]:
    """Propose shapes of so many parameters, counted by a convention of :meth:`planner.architectures.transformer.Shape.counted`.

    Returned are ``count`` of them, best first, and the proportions that published models have. Of parts that are not fixed the
    vocabulary is the best for the size, and the rest by house conventions.

    Raises
    ------
    CannotPlanError
        No shape of sane proportions comes near.
    """
    section = settings("planning.toml", "shapes")
    usual = usual_proportions(params, gated=gated)
    words = vocab if vocab is not None else usual_vocab(params, usual.aspect)
    shared = params < section["tie_below"] if tied is None else tied
    window = section["context"] if context is None else context
    if params > section["most"]:
        raise CannotPlanError(f"no published model is near {format_count(params)} parameters; shapes are proposed up to 100 T")
    guess = (params * usual.aspect / 12) ** (1 / 3)
    step = steps(guess)
    widths, depths = _searched(guess, step, usual)
    width, layers = (axis.ravel() for axis in np.meshgrid(widths, depths))
    heads, keys = width / step.head, np.tile(kv_heads_of(widths / step.head, kv_heads, section["kv_heads"]), len(depths))

    def of(layers: Any, width: Any, heads: Any, keys: Any, ffn: Any) -> Shape:
        return Shape(layers, width, heads, words, window, ffn, keys, step.head, gated=gated, tied=shared)

    without, slope = (of(layers, width, heads, keys, ffn).counted(convention) for ffn in (0, 1))
    slope -= without
    ffn = np.round((params - without) / slope / step.ffn) * step.ffn
    off = (without + slope * ffn) / params - 1
    aspect, share = width / layers, ffn / width
    good = (np.abs(off) <= section["within"]) & between(aspect, usual.aspects) & between(share, usual.ffns)
    good &= (keys > 0) & (heads % np.maximum(keys, 1) == 0)
    if not good.any():
        tables = of(0, guess, 0, 0, 0).counted(convention) - of(0, guess, 0, 0, 0).non_embedding
        raise CannotPlanError(_no_shape(params, words, tables, window if convention == "flops-equivalent" else None))
    parts = (width, layers, heads, keys, ffn, off, aspect, share)
    width, layers, heads, keys, ffn, off, aspect, share = (values[good] for values in parts)
    ugly = 0.05 * (width % (4 * step.width) != 0) + 0.02 * (ffn % (4 * step.ffn) != 0)
    ugly += 0.03 * (layers % 2 != 0) + step.undivided * (heads % 8 != 0)  # which tensor parallelism divides
    ugly += 0.1 * ((keys == heads) & (heads >= 2 * section["kv_heads"]) & (kv_heads is None))  # a cache several times too large
    score = np.log(aspect / usual.aspect) ** 2 + np.log(share / usual.ffn) ** 2 + ugly + np.abs(off)
    best = varied(order(score), width, count)
    chosen = ((of(*(int(values[i]) for values in (layers, width, heads, keys, ffn))), float(off[i])) for i in best)
    return tuple(Proposal(*each) for each in chosen), usual


class Steps(NamedTuple):
    """Multiples that widths, heads and feed-forward parts are of, and what heads count that no eight devices divide."""

    width: int
    head: int
    ffn: int
    undivided: float


def steps(guess: float) -> Steps:
    """Return the multiples around a width: finer ones of small models."""
    section = settings("planning.toml", "shapes")
    finer, undivided = (2, 0.03) if guess < section["small_width"] else (1, 0.3)
    return Steps(section["width_step"] // finer, section["head_size"] // finer, section["ffn_step"] // finer**2, undivided)


def _searched(guess: float, step: Steps, usual: Proportions) -> tuple[Any, Any]:
    """Return the widths and the numbers of layers to try, around the width that usual proportions give."""
    coarse = step.width * max(1, int(2 ** np.floor(np.log2(guess / step.width / 32)))) if guess > 32 * step.width else step.width
    widths = np.arange(max(1, guess / 3 // coarse), guess * 3 // coarse + 2) * coarse
    fewest, most = (max(2, guess / 3 / usual.aspects[1]), max(8.0, 3 * guess / usual.aspects[0]))
    return widths[widths % step.head == 0], np.arange(int(fewest), min(most, 1000) + 1)


def varied(ranked: np.ndarray, width: np.ndarray, count: int) -> list[int]:
    """Return the first of an order, two of a width before any more of it."""
    seen: dict[float, int] = {}
    first: list[int] = []
    rest: list[int] = []
    for i in ranked:
        seen[width[i]] = seen.get(width[i], 0) + 1
        (first if seen[width[i]] <= 2 else rest).append(int(i))
    return (first + rest)[:count]


def kv_heads_of(heads: np.ndarray, asked: int | None, usual: int) -> np.ndarray:
    """Return the key-value heads: the number asked for where it divides the heads, else the divisor nearest the usual one."""
    if asked is not None:
        return np.where((heads >= asked) & (heads % asked == 0), float(asked), 0.0)
    found = heads.copy()
    for keys in sorted(range(usual // 2, 2 * usual + 1), key=lambda each: -abs(each - usual)):  # the best is written last
        found = np.where((heads >= 2 * usual) & (heads % keys == 0), float(keys), found)
    return found


def between(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    found: np.ndarray = (values >= ends[0]) & (values <= ends[1])
    return found


def _no_shape(params: float, vocab: int, tables: float, context: int | None) -> str:
    if tables > 0.6 * params:
        share = format_percent(min(tables / params, 1.0))
        return (
            f"no sane shape has {format_count(params)} parameters with a vocabulary of {format_count(vocab)}: its tables would "
            f"take about {share} of them; a smaller vocab, or tied embeddings"
        )
    if context is not None:  # attention counts, and grows with the context
        return (
            f"no sane shape has {format_count(params)} parameters, attention over a context of {context:,} counted as the law "
            "does; a shorter context, or a larger model"
        )
    return f"no sane shape has {format_count(params)} parameters within the limits given; drop kv_heads, or change the vocabulary"
