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


def _inlined(derivation: Derivation, wanted: str, cells: Mapping[str, str]) -> str:
    """Return the last of a derivation's lines with the lines above put in."""
    known = dict(cells)
    for symbol, expression in derivation:
        known[symbol] = formula(expression, known)
    return known[wanted]


def optimum_formula(law: Law, cells: Mapping[str, str], budget: str) -> str:
    """Return the formula of the compute-optimal N of a budget."""
    assert law.form.frontier is not None  # asked of laws that plan
    derivation = law.form.frontier.derivation
    known = {**cells, "C": budget}
    symbols = {symbol for symbol, _ in derivation}
    return _inlined(derivation, "N", known) if "N" in symbols else known["N"]


def loss_formulas(law: Law, cells: Mapping[str, str], optimum: str, budget: str) -> tuple[str, str] | None:
    """Return the formulas of the irreducible loss and of the reducible loss of the optimum of a budget; None without a loss."""
    form = law.form
    if form.frontier is None or form.frontier.budget is None:
        return None
    floor = cells.get("E", "0")
    surface = form.surface.derivation if form.surface else ()
    if surface and not any("=" in expression for _, expression in surface) and form.surface and len(form.surface.uses) == 2:
        known = {**cells, "N": optimum, "D": f"({budget}/({cells['k']}*{optimum}))"}
        for symbol, expression in surface[: [name for name, _ in surface].index("R_D") + 1]:
            known[symbol] = formula(expression, known)
        return floor, f"({known['R_N']}+{known['R_D']})"
    one, two = (_inlined(form.frontier.loss_derivation, "C_opt", {**cells, "R": reducible}) for reducible in ("1", "2"))
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
