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

    Where no range is published of a lever, its gain itself is taken for the ends.
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
        why = "only a range is published of it"
        if without == "exponents":
            why = "no gain in training, while part of the budget serves"
        raise OptionError(f"combine {shown(without)}: {why}; give your own gain")
    kinds = {each.id: each.kind for each in published_levers()}
    same = [name for name in names if kinds.get(name, name) in {kinds.get(other, other) for other in names if other != name}]
    if same:
        raise OptionError(f"combine {', '.join(same)}: versions of one lever; name one of them")
    works_on = "flops" if all(each.works_on == "flops" for each in chosen) else "price"
    gains = [(each.gain_low or each.gain, each.gain, each.gain_high or each.gain) for each in chosen if each.gain]
    low, value, high = (prod(ends) for ends in zip(*gains, strict=True))
    ranged = any(each.gain_low or each.gain_high for each in chosen)
    ends = (low, value, high) if ranged else (None, value, None)
    return worth("combined", " and ".join(names), works_on, ends, caveat="that gains multiply is an assumption")
