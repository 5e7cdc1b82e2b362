"""A law's arithmetic as JavaScript: the derivations of its form, on numbers and on dual numbers, with its constants put in.

A dual number is [value, derivative]: the page finds optima where the derivative of the loss along the spending curve is 0, to
the last digits, from the same lines that ``--explain`` prints.
"""

from collections.abc import Iterable
from typing import NamedTuple

from planner.allocation.problem import spending_of
from planner.quantities import PF_DAY
from planner.scaling_laws.derivation import folded, names_in
from planner.scaling_laws.forms._base import Derivation
from planner.scaling_laws.forms.generalised import GENERALISED
from planner.scaling_laws.law import Law

_DUAL = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


class _Script(NamedTuple):
    """An expression, and whether a dual number takes part in it."""

    text: str
    dual: bool


def law_functions(law: Law) -> dict[str, str]:
    """Return the JavaScript functions of a law: those that it has of ``reducible``, ``optimum``, ``loss`` and ``implicit``.

    ``reducible(N, D)`` gives the reducible loss of dual N and D; ``optimum(C)`` the N of a law without such a surface,
    ``loss(C)`` its loss on the optimal line, ``implicit(N, D)`` the loss of a run where an equation must be solved for it.
    """
    form, frontier = law.form, law.form.frontier
    assert frontier is not None  # asked of laws that plan
    found: dict[str, str] = {}
    if any(parameter.many for parameter in form.parameters.values()):
        return {"reducible": _ensemble(law)}
    surface = form.surface.derivation if form.surface else ()
    if surface and not any("=" in expression for _, expression in surface):
        lines = (("C", "k*N*D"), *surface) if "C" in _needed(surface) else surface
        terms = {"R_N", "R_D"} <= dict(surface).keys()  # a form without them has no floor either
        return {"reducible": _function(law, "N, D", lines, ("N", "D"), "add(R_N, R_D)" if terms else "L")}
    found["optimum"] = _function(law, "C", frontier.derivation, (), "N")
    if frontier.budget is not None:
        one, two = (float(frontier.budget(law.symbols, reducible)) for reducible in (1.0, 2.0))
        found["loss"] = f"C => Math.pow(C / {one!r}, -(Math.log(2) / Math.log({one!r} / {two!r})))"
    if surface:
        found["implicit"] = _function(law, "N, D", (("C", "k*N*D"), *surface), (), "L")
    return found


def spending(law: Law) -> tuple[float, float]:
    """Return f and q: training on a token costs f N + q N^(2/3) [FLOP]."""
    paid = spending_of(law)
    return float(paid.k), float(paid.q)


def _function(law: Law, arguments: str, lines: Derivation, duals: Iterable[str], result: str) -> str:
    """Return a function whose body is a derivation, with the law's constants before it."""
    known = set(duals)
    constants = {**law.symbols, "PF_day": PF_DAY}
    body = [f"const {name} = {float(constants[name])!r};" for name in _needed(lines) if name in constants]
    for symbol, expression in lines:
        if "=" in expression:
            left, right = (_script(side, set()).text for side in expression.split("="))
            ends = "Math.log(C) - 200, Math.log(C)" if symbol.startswith("C") else "-50, 50"
            body.append(f"const {symbol} = root({symbol} => ({left}) - ({right}), {ends});")
            continue
        script = _script(expression, known)
        body.append(f"const {symbol} = {script.text};")
        if script.dual:
            known.add(symbol)
    return f"({arguments}) => {{ {' '.join(body)} return {result}; }}"


def _ensemble(law: Law) -> str:
    """Return the reducible loss of a forecast, whose ln L is the weighted mean of its members'."""
    names = [*GENERALISED.parameters, "weight"]
    members = zip(*([float(value) for value in law.params[name]] for name in names), strict=True)
    rows = ", ".join("[" + ", ".join(map(repr, member)) + "]" for member in members)
    assert GENERALISED.surface is not None
    lines = GENERALISED.surface.derivation
    known = {"N", "D"}
    body = []
    for symbol, expression in lines[: [name for name, _ in lines].index("T") + 1]:
        body.append(f"const {symbol} = {_script(expression, known).text};")
        known.add(symbol)
    return (
        f"ensemble([{rows}], ([{', '.join(names[:-1])}], N, D) => {{ {' '.join(body)} return T; }}, "
        f"{names.index('E')}, {names.index('weight')})"
    )


def _needed(lines: Derivation) -> list[str]:
    """Return the names that lines use before one of them defines it; R_N and R_D are terms in some forms, constants in others."""
    defined: set[str] = set()
    needed: list[str] = []
    for symbol, expression in lines:
        needed += [name for name in sorted(names_in(expression)) if name not in defined and name not in needed and name != symbol]
        defined.add(symbol)
    return needed


def _script(expression: str, known: set[str]) -> _Script:
    """Return an expression: plain arithmetic where no dual number takes part, calls where one does."""

    def binary(sign: str, left: _Script, right: _Script) -> _Script:
        dual = left.dual or right.dual
        if sign == "^":
            assert not right.dual  # every exponent of the forms is a constant
            return _Script(f"{'power' if dual else 'Math.pow'}({left.text}, {right.text})", dual)
        return _Script(f"{_DUAL[sign]}({left.text}, {right.text})" if dual else f"({left.text} {sign} {right.text})", dual)

    return folded(
        expression,
        name=lambda name: _Script(name, name in known),
        number=lambda value: _Script(repr(float(value)), False),
        minus=lambda inner: _Script(f"sub(0, {inner.text})" if inner.dual else f"(-{inner.text})", inner.dual),
        binary=binary,
        ln=lambda inner: _Script(f"log({inner.text})" if inner.dual else f"Math.log({inner.text})", inner.dual),
    )
