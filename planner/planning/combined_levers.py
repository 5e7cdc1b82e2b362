"""Several efficiency levers at once: their gains multiply, by assumption."""

from collections.abc import Callable
from math import prod
from typing import Any

from planner.errors import OptionError
from planner.planning.levers_result import Worth
from planner.planning.published_levers import published_levers
from planner.quantities import shown


def combined(found: list[Worth], combine: Any, worth: Callable[..., Worth]) -> Worth | None:
    """Return the lever of several at once, their gains multiplied; None where none are named.

    Raises
    ------
    OptionError
        A lever that there is not, that is named twice or in two versions, or of which no gain is known.
    """
    if combine is None:
        return None
    asked = combine.split(",") if isinstance(combine, str) else list(combine) if isinstance(combine, (list, tuple)) else [combine]
    if not all(isinstance(name, str) for name in asked):
        raise OptionError(f"combine {shown(combine)}: expected names of levers, such as fp8,mfu")
    names = [name.strip() for name in asked]
    known = {each.id: each for each in found}
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise OptionError(f"combine {shown(wrong)}: no such lever; there are {', '.join(known)}")
    if len(set(names)) < len(names) or len(names) < 2:
        raise OptionError(f"combine {shown(', '.join(names))}: name two levers or more, each once")
    chosen = [known[name] for name in names]
    without = next((each.id for each in chosen if each.gain is None), None)
    if without is not None:
        why = (
            "no gain in training, while part of the budget serves"
            if without == "exponents"
            else "only a range is published of it"
        )
        raise OptionError(f"combine {shown(without)}: {why}; give your own gain")
    kinds = {each.id: each.kind for each in published_levers()}
    same = [name for name in names if kinds.get(name, name) in {kinds.get(other, other) for other in names if other != name}]
    if same:
        raise OptionError(f"combine {', '.join(same)}: versions of one lever; name one of them")
    works_on = "flops" if all(each.works_on == "flops" for each in chosen) else "price"
    ends = [_product(gains) for gains in zip(*(_ends(each) for each in chosen), strict=True)]
    if all(each.gain_low is None and each.gain_high is None for each in chosen):
        ends = [None, ends[1], None]
    return worth("combined", " and ".join(names), works_on, tuple(ends), caveat="that gains multiply is an assumption")


def _ends(each: Worth) -> tuple[float | None, float | None, float | None]:
    """Return a lever's gains; where no range is published of it alone, the value itself is taken for its ends."""
    return each.gain_low or each.gain, each.gain, each.gain_high or each.gain


def _product(gains: tuple[float | None, ...]) -> float | None:
    return None if any(gain is None for gain in gains) else prod(gain for gain in gains if gain is not None)
