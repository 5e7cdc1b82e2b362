"""What the names of columns mean that loggers of training code write: quantities, units, losses of evaluations."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled
from planner.quantities import compute_unit

SCALED = ("params", "tokens", "flops", "unique_tokens", "size")
"""Quantities whose columns may be in thousands, millions or more."""


class Meaning(NamedTuple):
    """What the name of a column may mean: the lower ``rank``, the likelier; ``kind`` is of losses and of parameters."""

    quantity: str
    rank: int
    factor: float = 1.0
    unit: str = ""
    kind: str = ""


class _Known(NamedTuple):
    """The names that loggers write."""

    names: Mapping[str, Meaning]
    units: Mapping[str, float]
    words: Mapping[str, frozenset[str]]


@kept_while_unchanged("run_columns.toml")
def _known() -> _Known:
    table = read_bundled("run_columns.toml")
    names: dict[str, Meaning] = {}
    for quantity, said in table["names"].items():
        for rank, alias in enumerate(said):
            names.setdefault(alias, Meaning(quantity, rank))
    for kind, said in table["params_kinds"].items():
        names |= {alias: Meaning("params", 100, kind=kind) for alias in said}
    for start, kind in enumerate(("evaluation", "unsaid", "training")):
        names |= {alias: Meaning("loss", 100 * start + rank, kind=kind) for rank, alias in enumerate(table["loss"][kind])}
    return _Known(names, table["units"], {kind: frozenset(words) for kind, words in table["words"].items()})


def meanings(header: Sequence[str]) -> dict[int, Meaning]:
    """Return what the columns may mean, by place; single letters only where both N and D are there."""
    found = {at: each for at, each in enumerate(map(meaning_of, header)) if each}
    letters = {at: (_LETTER.match(cell), peeled(cell)[1]) for at, cell in enumerate(header)}
    named = {letter[1]: at for at, (letter, _) in letters.items() if letter}
    if {"N", "D"} <= named.keys():
        for letter, at in named.items():
            found[at] = Meaning(_LETTERS[letter], 200, letters[at][1], kind="unsaid" if letter == "L" else "")
    return found


_LETTERS = {"N": "params", "D": "tokens", "C": "flops", "L": "loss"}
_LETTER = re.compile(r"([NDCL])(?![A-Za-z_])")


def meaning_of(cell: str) -> Meaning | None:
    """Return what a name may mean; None for one that is not known."""
    known, (words, factor) = _known(), peeled(cell)
    stem = known.names.get("_".join(words[:-1]))
    if stem and stem.quantity == "flops" and words[-1] in _PREFIXES:
        return stem._replace(factor=compute_unit(f"{words[-1]}flop") or 1.0)
    worth = {word: compute_unit(word) or 1.0 for word in words}
    flops = [factor for factor in worth.values() if factor != 1]
    rest = [word for word in words if worth[word] == 1]
    text = "_".join(words)
    if flops and set(rest) <= known.words["flops"] and (rest or "pfdays" in words):
        return Meaning("flops", 100, flops[0])
    prefixed = "_".join(words[1:]) if words and words[0] in known.words["prefixes"] else text
    if meaning := known.names.get(text) or known.names.get(prefixed):
        scaled = meaning.quantity in SCALED
        return meaning._replace(factor=factor if scaled else 1.0, unit=unit_said(cell) if meaning.quantity == "loss" else "")
    if (stem := known.names.get("_".join(without_unit(words)))) and stem.quantity == "loss":
        return stem._replace(unit=unit_said(cell))
    of_loss = (known.words["loss"] & {*words} or unit_said(cell)) and not known.words["not_loss"] & {*words}
    if of_loss and known.words["evaluation"] & {*words}:
        return Meaning("loss", 50, unit=unit_said(cell), kind="set")
    if of_loss and unit_said(cell) and len(words) <= _FEW_WORDS:
        return Meaning("loss", 150, unit=unit_said(cell), kind="unsaid")
    return None


def without_unit(words: list[str]) -> list[str]:
    """Return the words of a loss before its unit, as in ``loss (nats/token)``."""
    end = len(words)
    while end and words[end - 1] in _LOSS_UNITS:
        end -= 1
    return words[:end]


_LOSS_UNITS = {"nats", "nat", "bits", "bit", "per", "token", "tok", "byte", "bytes", "character", "char", "bpb", "bpc"}
_FEW_WORDS = 4
_PREFIXES = {"g", "p", "e", "z"}
"""Letters that are prefixes of the metric system at the end of a name of compute; k, m, b and t are scales of every quantity."""


def peeled(cell: str) -> tuple[list[str], float]:
    """Return the words of a name without the unit at its end, and what that is worth."""
    known = _known()
    text = re.sub(r"[\[(]\s*in\s+", "(", cell.lower()).replace("10^", "1e")
    text = re.sub(r"(pf|pflops?|petaflops?)([\s_/\-]*s)?[\s_\-]*days?", "pfdays", text)
    words = [word for word in re.split(r"[^a-z0-9]+", text) if word]
    factor = 1.0
    if len(words) > 1 and words[-1] in known.units:
        factor = known.units[words.pop()]
        if len(words) > 1 and words[-1] == "in":
            words.pop()
    return words, factor


def unit_said(cell: str) -> str:
    """Return the unit of a loss that its name says; empty where it says none."""
    words = {*re.split(r"[^a-z0-9]+", cell.lower())}
    if words & {"bpb"} or (words & {"bits", "bit"} and words & {"byte", "bytes"}):
        return "bits/byte"
    if words & {"bpc"} or (words & {"bits", "bit"} and words & {"char", "character", "characters"}):
        return "bits/character"
    if words & {"bits", "bit"}:
        return "bits/token"
    return "perplexity" if words & {"perplexity", "ppl"} else ""
