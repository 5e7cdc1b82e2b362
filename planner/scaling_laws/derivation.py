"""Formulas on paper, parsed once: + - * / ^, ln and parentheses over names and numbers, folded into whatever a reader wants."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_ARITHMETIC = dict(zip("+-*/^", (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow), strict=True))


@lru_cache(maxsize=1024)
def _parsed(formula: str) -> ast.expr:
    return ast.parse(formula.strip().replace("^", "**"), mode="eval").body


def folded(
    formula: str,
    *,
    name: Callable[[str], T],
    number: Callable[[float], T],
    minus: Callable[[T], T],
    binary: Callable[[str, T, T], T],
    ln: Callable[[T], T],
) -> T:
    """Fold a formula from its leaves up; ValueError where it holds anything but arithmetic.

    The callables say what a name, a number, a negative, an operation (its sign, ``^`` for powers, and both sides) and a logarithm
    become.
    """

    def visit(node: ast.expr) -> T:
        match node:
            case ast.BinOp(left, sign, right) if type(sign) in _SIGNS:
                return binary(_SIGNS[type(sign)], visit(left), visit(right))
            case ast.UnaryOp(ast.USub(), operand):
                return minus(visit(operand))
            case ast.Call(ast.Name("ln"), [inner], []):
                return ln(visit(inner))
            case ast.Name(id):
                return name(id)
            case ast.Constant(int(value) | float(value)):
                return number(value)
        raise ValueError(f"not arithmetic: {ast.unparse(node)}")

    return visit(_parsed(formula))


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """Evaluate a formula; ValueError where it is no arithmetic."""
    found: float = folded(
        formula,
        name=lambda name: float(values[name]),
        number=float,
        minus=lambda value: -value,
        binary=lambda sign, left, right: _ARITHMETIC[sign](left, right),
        ln=math.log,
    )
    return found


def names_in(formula: str) -> frozenset[str]:
    """Return the names in a formula, on both sides of an equation."""
    nodes = (node for side in formula.split("=") for node in ast.walk(_parsed(side)))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name)) - {"ln"}
