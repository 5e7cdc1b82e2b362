"""A law's arithmetic as JavaScript: the derivations of its form, on numbers and on dual numbers, with its constants put in.

A dual number is [value, derivative]: the page finds optima where the derivative of the loss along the spending curve is 0, to
the last digits, from the same lines that ``--explain`` prints.
"""

import ast
from collections.abc import Iterable

from planner.allocation.problem import spending_of
from planner.quantities import PF_DAY
from planner.scaling_laws.forms._base import Derivation
from planner.scaling_laws.forms.generalised import GENERALISED
from planner.scaling_laws.law import Law

_PLAIN = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_DUAL = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


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
        return {"reducible": _function(law, "N, D", surface, ("N", "D"), "add(R_N, R_D)")}
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
            left, right = (_number(side, set()) for side in expression.split("="))
            ends = "Math.log(C) - 200, Math.log(C)" if symbol.startswith("C") else "-50, 50"
            body.append(f"const {symbol} = root({symbol} => ({left}) - ({right}), {ends});")
            continue
        tree = _tree(expression)
        body.append(f"const {symbol} = {_written(tree, known)};")
        if _is_dual(tree, known):
            known.add(symbol)
    return f"({arguments}) => {{ {' '.join(body)} return {result}; }}"


def _ensemble(law: Law) -> str:
    """Return the reducible loss of a forecast, whose ln L is the weighted mean of its members'."""
    names = [*GENERALISED.parameters, "weight"]
    members = zip(*([float(value) for value in law.params[name]] for name in names), strict=True)
    rows = ", ".join("[" + ", ".join(map(repr, member)) + "]" for member in members)
    assert GENERALISED.surface is not None
    lines = [(symbol, _tree(text)) for symbol, text in GENERALISED.surface.derivation]
    known = {"N", "D"}
    body = []
    for symbol, tree in lines[: [name for name, _ in lines].index("T") + 1]:
        body.append(f"const {symbol} = {_written(tree, known)};")
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
        needed += [name for name in sorted(_names(expression)) if name not in defined and name not in needed and name != symbol]
        defined.add(symbol)
    return needed


def _names(expression: str) -> set[str]:
    return {node.id for side in expression.split("=") for node in ast.walk(_tree(side)) if isinstance(node, ast.Name)}


def _tree(expression: str) -> ast.expr:
    return ast.parse(expression.strip().replace("^", "**"), mode="eval").body


def _number(expression: str, known: set[str]) -> str:
    return _written(_tree(expression), known)


def _is_dual(node: ast.expr, known: set[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in known for each in ast.walk(node))


def _written(node: ast.expr, known: set[str]) -> str:
    """Return an expression: plain arithmetic where no dual number takes part, calls where one does."""
    if isinstance(node, ast.BinOp):
        left, right = _written(node.left, known), _written(node.right, known)
        if isinstance(node.op, ast.Pow):
            assert not _is_dual(node.right, known)  # every exponent of the forms is a constant
            return f"power({left}, {right})" if _is_dual(node.left, known) else f"Math.pow({left}, {right})"
        if _is_dual(node, known):
            return f"{_DUAL[type(node.op)]}({left}, {right})"
        return f"({left} {_PLAIN[type(node.op)]} {right})"
    if isinstance(node, ast.UnaryOp):
        inner = _written(node.operand, known)
        return f"sub(0, {inner})" if _is_dual(node, known) else f"(-{inner})"
    if isinstance(node, ast.Name):
        return node.id
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, (int, float))  # the notation has nothing else
    return repr(float(node.value))
