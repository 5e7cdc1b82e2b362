"""The learning rate over the steps of a run as a path of straight pieces, and schedules in words as such paths."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner._util.showing import Raw
from planner.errors import OptionError, PlannerError
from planner.quantities import format_whole, parse_number, plain, shown

Array = NDArray[np.float64]

LONGEST = 1e12
"""Steps of the longest run that is taken."""


class RatePath(NamedTuple):
    """A learning rate that is linear between knots; of its steps, which never fall, two equal ones are a jump."""

    steps: Array
    lr: Array

    @property
    def end(self) -> float:
        """Return the last step."""
        return float(self.steps[-1])

    def at(self, steps: Array) -> Array:
        """Return the rate at some steps; after a jump where one stands there."""
        place = np.clip(np.searchsorted(self.steps, steps, side="right"), 1, len(self.steps) - 1)
        low, high = self.steps[place - 1], self.steps[place]
        share = np.clip((steps - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
        found: Array = self.lr[place - 1] + share * (self.lr[place] - self.lr[place - 1])
        return found

    def until(self, step: float) -> "RatePath":
        """Return the path up to a step, held at its last rate where it is shorter."""
        kept = self.steps < step
        last = float(self.at(np.array([np.nextafter(step, 0)]))[0]) if step < self.end else float(self.lr[-1])
        return RatePath(np.append(self.steps[kept], step), np.append(self.lr[kept], last))

    def then(self, other: "RatePath") -> "RatePath":
        """Return this path, and after its end the other."""
        later = other.steps > self.end
        first = float(other.at(np.array([self.end]))[0]) if other.end > self.end else 0.0
        steps = np.concatenate([self.steps, [self.end] if later.any() else [], other.steps[later]])
        return RatePath(steps, np.concatenate([self.lr, [first] if later.any() else [], other.lr[later]]))

    def after(self, step: float) -> "RatePath":
        """Return what comes after a step."""
        later = self.steps > step
        return RatePath(np.append(step, self.steps[later]), np.append(self.at(np.array([step])), self.lr[later]))


class Defaults(NamedTuple):
    """What words need not say where a log says it: steps in all, highest rate, steps of warm-up."""

    total: float | None = None
    peak: float | None = None
    warmup: float | None = None


_PIECES = 128
"""Straight pieces of a bent part: its chords lie within 1e-4 of the peak of it."""

KINDS: Mapping[str, str] = {
    "constant": "constant 24000",
    "cosine": "cosine 24000 warmup 2160 peak 3e-4 end 3e-5",
    "linear": "linear 24000 warmup 2160 peak 3e-4",
    "wsd": "wsd 72000 decay 12000",
    "inverse-sqrt": "inverse-sqrt 24000 warmup 2000",
    "steps": "steps 24000 at 8000 9e-5 at 16000 3e-5",
}
"""Kinds of schedules, each with an example."""

SHAPES: Mapping[str, Callable[[Array, float], Array]] = {
    "linear": lambda x, end: 1 - (1 - end) * x,
    "cosine": lambda x, end: end + (1 - end) * (1 + np.cos(np.pi * x)) / 2,
    "sqrt": lambda x, end: 1 - (1 - end) * np.sqrt(x),
    "exponential": lambda x, end: np.maximum(end, 1e-3) ** x,
}
"""Shapes of the decay of wsd: the share of the peak after a share x of the decay, down to ``end``."""


def in_words(text: str, known: Defaults, name: str = "schedule") -> RatePath:
    """Read a schedule in words.

    Parameters
    ----------
    text : str
        Its kind, its steps in all, and in any order ``warmup N``, ``peak RATE``, ``end RATE``; ``decay N`` or ``decay 20%`` and
        ``shape linear|cosine|sqrt|exponential`` of wsd; ``at STEP RATE``, several times, of steps.
    known : Defaults
        What holds where the words say nothing.

    Raises
    ------
    OptionError
        Words that are not understood, that contradict each other, or too few of them.
    """
    where = f"`{name}` {shown(text)}"
    said, drops = _parsed(text, where)
    kind = str(said["kind"])

    def number(word: str, default: float | None) -> float:
        value = said.get(word, default)
        if value is None:
            raise OptionError(f"{where}: lacks {_LACKING[word]}; for example {shown(KINDS[kind])}")
        return float(value)

    total, peak = number("total", known.total), number("peak", known.peak)
    warmup, end = number("warmup", known.warmup or 0.0), number("end", 0.0)
    decay = number("decay", 0.2 * total) if kind == "wsd" else 0.0
    warmup, decay = (steps * (total if f"{word}%" in said else 1.0) for word, steps in (("warmup", warmup), ("decay", decay)))
    for word, steps in (("warmup", warmup), ("decay", decay)):
        if 0 < steps < 1:
            raise OptionError(f"{where}: {word} {plain(steps)}: expected steps, or a share with its sign, such as 20%")
    kind = "constant" if kind == "wsd" and decay == 0 else kind
    wrong = (
        f"a warm-up of {plain(warmup)} steps" if warmup >= total else
        f"an end of {plain(end)} above the peak of {plain(peak)}" if end > peak else
        f"a decay of {plain(decay)} steps after a warm-up of {plain(warmup)}" if decay > total - warmup else
        next((f"a drop at step {plain(step)}" for step, _ in drops if not warmup <= step < total), "")
    )  # fmt: skip
    if wrong:
        raise OptionError(f"{where}: {wrong} does not fit into {format_whole(total)} steps")
    return _path(kind, total, warmup, peak, end / peak, decay, str(said.get("shape", "linear")), drops)


_LACKING = {"total": "its number of steps", "peak": "its highest rate, peak 3e-4"}


def _path(
    kind: str, total: float, warmup: float, peak: float, end: float, decay: float, shape: str, drops: list[tuple[float, float]]
) -> RatePath:
    """Return the knots of a schedule whose words fit together; ``end`` is a share of the peak."""
    head = ([0.0, warmup], [0.0, 1.0]) if warmup else ([0.0], [1.0])
    x = np.linspace(0, 1, _PIECES + 1)[1:]
    if kind in {"cosine", "linear"}:
        x = x if kind == "cosine" else x[-1:]
        steps, share = warmup + x * (total - warmup), SHAPES[kind](x, end)
    elif kind == "wsd":
        x = x[-1:] if shape == "linear" else x
        steps = np.concatenate([[total - decay], total - decay + x * decay])
        share = np.concatenate([[1.0], SHAPES[shape](x, end)])
    elif kind == "inverse-sqrt":
        first = max(warmup, 1.0)
        steps = first * (total / first) ** x
        share = np.sqrt(first / steps)
    else:
        rates = [1.0, *(rate / peak for _, rate in sorted(drops))]
        steps = np.array([step for step, _ in sorted(drops) for _ in (0, 1)] + [total])
        share = np.array([rate for pair in pairwise(rates) for rate in pair] + [rates[-1]])
    steps[-1] = total
    return RatePath(np.concatenate([head[0], steps]), peak * np.concatenate([head[1], share]))


_MOST_WORDS = 200


def _parsed(text: str, where: str) -> tuple[dict[str, float | str], list[tuple[float, float]]]:
    """Return what words say, by word, and the rates after each drop."""
    words = re.findall(r"[^\s,;]+", text.lower())[: _MOST_WORDS + 1]
    kind = _ALIASES.get(words[0], words[0]) if words else ""
    if kind not in KINDS or len(words) > _MOST_WORDS:
        raise OptionError(f"{where}: expected {', '.join(KINDS)}, such as {shown(KINDS['cosine'])}, or a file")
    said: dict[str, float | str] = {"kind": kind}
    drops: list[tuple[float, float]] = []
    at = 1
    while at < len(words):
        word, values = words[at], words[at + 1 : at + 3]
        if word in _ONLY and kind not in _ONLY[word]:
            raise OptionError(f"{where}: {word} goes with {' or '.join(_ONLY[word])}")
        if word == "at" and len(values) == 2:
            drops.append((_steps(values[0], where), _rate(values[1], where)))
            at += 3
        elif word in {"warmup", "peak", "end", "decay", "shape"} and values and word not in said:
            said |= _value(word, values[0], where)
            at += 2
        elif "total" not in said and word[0].isdigit():
            said["total"] = _steps(word, where)
            at += 1
        else:
            raise OptionError(f"{where}: {shown(word)} is not understood; for example {shown(KINDS[kind])}")
    if kind == "steps" and not drops:
        raise OptionError(f"{where}: says no step at which the rate changes; for example {shown(KINDS[kind])}")
    return said, drops


_ALIASES = {"const": "constant", "cos": "cosine", "inverse_sqrt": "inverse-sqrt", "invsqrt": "inverse-sqrt", "step": "steps"}
_ONLY = {"decay": ("wsd",), "shape": ("wsd",), "at": ("steps",), "end": ("cosine", "linear", "wsd")}


def _value(word: str, value: str, where: str) -> dict[str, float | str]:
    if word == "shape":
        if value not in SHAPES:
            raise OptionError(f"{where}: shape {shown(value)}: expected {', '.join(SHAPES)}")
        return {"shape": value}
    if word in {"peak", "end"}:
        return {word: _rate(value, where, zero=word == "end")}
    if value.endswith("%"):
        share = _number(value[:-1], where) / 100
        if not 0 < share <= 1:
            raise OptionError(f"{where}: {word} {shown(value)}: expected steps, or a share such as 20%")
        return {word: share, f"{word}%": True}
    return {word: _steps(value, where, least=0)}


def _number(value: str, where: str) -> float:
    try:
        return parse_number(value, where)
    except PlannerError:
        raise OptionError(f"{where}: {shown(value)} is no number") from None


def _steps(value: str, where: str, least: int = 1) -> float:
    factor = {"k": 1e3, "m": 1e6}.get(value[-1:], 1.0)
    number = _number(value[:-1] if factor != 1 else value, where) * factor
    if not least <= number <= LONGEST:
        raise OptionError(f"{where}: {shown(value)}: expected steps, from {least} to {plain(LONGEST)}")
    return number


def _rate(value: str, where: str, *, zero: bool = True) -> float:
    number = _number(value, where)
    if not (number >= 0 if zero else number > 0) or number > 1e6:
        raise OptionError(f"{where}: {shown(value)}: expected a learning rate such as 3e-4")
    return number


def checked(steps: Raw, lr: Raw, name: str) -> RatePath:
    """Return a path through steps and rates that are given as arrays; it need not begin at step 0.

    Raises
    ------
    OptionError
        Arrays of different lengths, steps that do not rise, rates below 0, or anything that is no number.
    """
    try:
        s, r = np.array(steps, float), np.array(lr, float)
    except (TypeError, ValueError):
        raise OptionError(f"`{name}`: expected steps and learning rates as two arrays of numbers") from None
    if s.ndim != 1 or s.shape != r.shape or not len(s):
        raise OptionError(f"`{name}`: expected steps and learning rates as two arrays of one length, got {s.shape} and {r.shape}")
    if not (np.isfinite(s).all() and np.isfinite(r).all() and s[0] >= 0 and s[-1] <= LONGEST and (np.diff(s) >= 0).all()):
        raise OptionError(f"`{name}`: steps must rise from 0 or more, and steps and rates must be finite")
    if (r < 0).any() or not (r > 0).any():
        raise OptionError(f"`{name}`: learning rates must be at least 0, and one of them above it")
    return RatePath(s, r)
