"""Which law answers: the user's choice, with the user's constants, exponents and anchor."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner._util.to_json import Listing
from planner.allocation import solver
from planner.allocation.extrapolation import covers
from planner.errors import CannotPlanError, OptionError
from planner.notes import Note
from planner.quantities import parse_flops, parse_number, plain, shown
from planner.scaling_laws.catalogue import all_laws, law_ids, load_law
from planner.scaling_laws.law import Law, guarded

REFERENCE_FLOPS = 1e20
"""Where a law's own optimum anchors a user's exponents: a budget that the runs behind every main law reach."""

LawLike = str | Path | Law


def read_constants(constants: Mapping[str, object] | None) -> FrozenDict:
    """Read the constants that a user wants replaced, as {name: number}; empty for None."""
    if constants is None:
        return FrozenDict()
    if not (isinstance(constants, Mapping) and all(isinstance(name, str) for name in constants)):
        raise OptionError(f"constants {shown(constants)}: expected names and values, such as {{'alpha': 0.34}}")
    return FrozenDict({name: parse_number(value, name) for name, value in constants.items()})


def several_laws(law: Raw) -> bool:
    """Tell whether a text names several laws, with commas between them, and no file of that name."""
    return isinstance(law, str) and "," in law and not os.path.exists(law)


def load_laws(laws: Raw, name: str) -> tuple[Law, ...]:
    """Load one law, or each of several: a sequence, or ids with commas between them."""
    several: Sequence[Any] = laws if isinstance(laws, (list, tuple)) else [laws]
    if several_laws(laws):
        several = [each.strip() for each in str(laws).split(",")]
    found = tuple(load_law(each) for each in several)
    if not found or len({law.id for law in found}) < len(found):
        raise OptionError(f"{name} {shown(laws)}: expected laws, each once, such as kaplan2020,besiroglu2024")
    return found


def refuse_without_plans(law: Law) -> None:
    """Refuse a law that does not say which size to train, with the reason that its file gives."""
    if law.role != "plan":
        raise CannotPlanError(f"{law.id} plans no runs" + (f": {law.no_allocation}" if law.no_allocation else ""))


def resolve_law(
    law: LawLike,
    *,
    constants: Mapping[str, float] | None = None,
    exponents: tuple[float, float] | None = None,
    anchor: tuple[float, float] | None = None,
) -> Law:
    """Load a law and apply the user's constants and exponents to it."""
    chosen = load_law(law)
    if constants:
        try:
            chosen = chosen.replace(**constants)
        except OptionError as error:
            raise OptionError(f"`constants` of {error}") from None
    chosen = _held_to_its_checks(chosen)
    if exponents is None:
        return chosen if anchor is None else _anchored(chosen, anchor)
    change = "your exponents through your anchor"
    if anchor is None:
        anchor = REFERENCE_FLOPS, guarded(chosen, lambda: float(solver.allocate(chosen, REFERENCE_FLOPS).params))
        change = f"your exponents through {chosen.id}'s own optimum there"
    return chosen.with_exponents(*exponents, anchor=anchor, change=change)


def _held_to_its_checks(law: Law) -> Law:
    """Warn where a law of the user's own misses the outputs that its file states; tests hold the catalogue to them."""
    if not law.checks or law.id in law_ids():
        return law
    from planner.allocation.published_checks import verify

    failed = [result for result in verify(law) if not result.passed]
    if not failed:
        return law
    share = f"{len(law.checks) - len(failed)} of the {len(law.checks)}"
    text = f"{law.id} reproduces only {share} outputs that its file states: see plan laws"
    return replace(law, notes=(*law.notes, Note("own-checks", "warning", text)))


def _anchored(law: Law, anchor: tuple[float, float]) -> Law:
    """Take a law's own exponents through an anchor; published pairs need not add to 1, but D follows from the budget."""
    if law.exponents is None:
        raise CannotPlanError(f"{law.id} has no exponents to anchor; give your own: --exponents 0.5 0.5")
    a, b = law.exponents
    through = law.with_exponents(a, 1 - a, anchor=anchor, change="its exponents through your anchor")
    if abs(a + b - 1) < 1e-9:
        return through
    text = f"{law.id} published D ~ C^{plain(b, 4)}; here D ~ C^{plain(1 - a, 4)} follows from the budget C = k N D"
    return replace(through, notes=(*through.notes, Note("exponents-published", "info", text)))


def laws(*, flops: Raw = None) -> Listing[Law]:
    """Return the catalogue.

    Parameters
    ----------
    flops : float or str, optional
        Only the laws that can plan this budget inside their fitted range: the compute, and the N and D they would choose.

    Returns
    -------
    tuple of Law
        One that shows itself, sorted by id.

    Examples
    --------
    >>> import planner
    >>> "kaplan2020" in {law.id for law in planner.laws(flops=1e20)}
    True
    """
    budget = None if flops is None else parse_flops(flops, "flops")
    return Listing((law for law in all_laws() if budget is None or covers(law, budget)), "laws")
