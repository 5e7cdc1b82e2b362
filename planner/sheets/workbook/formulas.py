"""A law's arithmetic as spreadsheet formulas: the derivations of its form with cells put in for its constants."""

from collections.abc import Mapping

from planner.scaling_laws.derivation import folded
from planner.scaling_laws.forms._base import Derivation
from planner.scaling_laws.law import Law

REFERENCE = 1e20
"""Budget [FLOP] at which a law's row states its optimum; the rest follows by its power law."""

FACTOR = 1e4
"""Over the reference, the second budget: exponents are logarithms of ratios, exact to the last digits."""


def formula(expression: str, cells: Mapping[str, str]) -> str:
    """Return a formula with cells for its names; parentheses everywhere, for spreadsheets bind minus and powers otherwise."""
    return folded(
        expression,
        name=cells.__getitem__,
        number=repr,
        minus=lambda inner: f"(0-{inner})",
        binary=lambda sign, left, right: f"({left}{sign}{right})",
        ln=lambda inner: f"LN({inner})",
    )


def _inlined(derivation: Derivation, cells: Mapping[str, str]) -> dict[str, str]:
    """Return the cells, and the formula of each line of a derivation with the lines above put in."""
    known = dict(cells)
    for symbol, expression in derivation:
        known[symbol] = formula(expression, known)
    return known


def optimum_formula(law: Law, cells: Mapping[str, str], budget: str) -> str:
    """Return the formula of the compute-optimal N of a budget."""
    assert law.form.frontier is not None  # asked of laws that plan
    return _inlined(law.form.frontier.derivation, {**cells, "C": budget})["N"]


def loss_formulas(law: Law, cells: Mapping[str, str], optimum: str, budget: str) -> tuple[str, str] | None:
    """Return the formulas of the irreducible loss and of the reducible loss of the optimum of a budget; None without a loss."""
    form = law.form
    if form.frontier is None or form.frontier.budget is None:
        return None
    floor = cells.get("E", "0")
    surface = form.surface.derivation if form.surface and len(form.surface.uses) == 2 else ()
    if "R_D" in dict(surface) and not any("=" in expression for _, expression in surface):
        known = _inlined(surface, {**cells, "C": budget, "N": optimum, "D": f"({budget}/({cells['k']}*{optimum}))"})
        return floor, f"({known['R_N']}+{known['R_D']})"
    one, two = (_inlined(form.frontier.loss_derivation, {**cells, "R": reducible})["C_opt"] for reducible in ("1", "2"))
    slope = f"(LN(2)/LN({one}/{two}))"
    return floor, f"(({budget}/{one})^(0-{slope}))"


CLOSED, SUM, MEAN = 0, 1, 2
"""Kinds of laws: a power law in closed form; a sum of powers whose optimum is searched; a forecast, the mean of its members."""


def kind_of(law: Law) -> int | None:
    """Return how cells hold a law's optimum; None where they cannot."""
    frontier = law.form.frontier
    if law.role != "plan" or frontier is None:
        return None
    if law.form.powers:
        return SUM
    if any(parameter.many for parameter in law.form.parameters.values()):
        return MEAN
    written = frontier.straight and not any("=" in expression for _, expression in frontier.derivation)
    return CLOSED if written else None
