"""Formulas as LaTeX: the same parsed arithmetic that is evaluated and compiled, and the equations that forms print."""

import re
from typing import NamedTuple

from planner.scaling_laws.derivation import folded

_GREEK = ("alpha", "beta", "gamma", "delta", "lambda", "mu", "sigma", "rho", "eta")
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly a piece holds together
_JOINED = re.compile(r"(?<=[\w)\]']) +(?=[\w(\[])|(?<=\))(?=\()")
_PARTS = re.compile(r"(, (?![^(\[]*[)\]])|; | with | and )")
_BETWEEN = {", ": r",\quad ", "; ": r";\quad ", " with ": r"\text{ with }", " and ": r"\text{ and }"}
_SPOKEN = (" per ", " over ", " of ", "ln ", "log10 ", "prod_")


class _Piece(NamedTuple):
    text: str
    holds: int


def latex(formula: str) -> str:
    """Return a formula over names and numbers as LaTeX; ValueError where it is no arithmetic.

    >>> latex("A/N^alpha")
    '\\\\frac{A}{N^{\\\\alpha}}'
    """
    return folded(
        formula,
        name=lambda name: _Piece(symbol(name), _ATOM),
        number=_number,
        minus=lambda value: _Piece(f"-{_held(value, _PRODUCT)}", _SUM),
        binary=_binary,
        ln=lambda value: _Piece(rf"\ln {_held(value, _ATOM)}", _PRODUCT),
    ).text


def symbol(name: str) -> str:
    """Return a name such as ``alpha_N`` as LaTeX: Greek letters as such, what follows the first underscore below the line."""
    stem, _, below = name.partition("_")
    text = f"\\{stem}" if stem in _GREEK else stem if len(stem) <= 1 else rf"\mathrm{{{stem}}}"
    if len(below) > 1:
        below = f"\\{below}" if below in _GREEK else rf"\mathrm{{{below.replace('_', ',')}}}"
    return f"{text}_{{{below}}}" if below else text


def equation(text: str) -> str:
    """Return an equation as the literature prints it as LaTeX; what is no arithmetic, such as a remark, stays text."""
    return "".join(_BETWEEN.get(part) or _part(part) for part in _PARTS.split(text) if part)


def _part(part: str) -> str:
    words, told = re.match(r"((?:[a-z]{2,} )*)(.*)", part).groups()  # type: ignore[union-attr]  # it matches any text
    if "=" in told and not any(word in told for word in _SPOKEN):
        try:
            return _said(words) + " = ".join(_side(side.strip()) for side in told.split("="))
        except (ValueError, SyntaxError):
            pass
    return _said(part)


def _said(text: str) -> str:
    return rf"\text{{{text}}}" if text else ""


def _side(side: str) -> str:
    called = re.fullmatch(r"(\w+)\(([\w, ]+)\)", side)
    if called:
        return f"{symbol(called[1])}({', '.join(symbol(name) for name in called[2].split(', '))})"
    plain = side.replace("[", "(").replace("]", ")").replace("'", "_prime")
    return latex(_JOINED.sub("*", plain)).replace(r"_{\mathrm{prime}}", "'")


def _number(value: float) -> _Piece:
    digits, _, power = f"{value:g}".partition("e")
    return _Piece(rf"{digits} \cdot 10^{{{int(power)}}}", _PRODUCT) if power else _Piece(digits, _ATOM)


def _held(piece: _Piece, by: int) -> str:
    return piece.text if piece.holds >= by else rf"\left({piece.text}\right)"


def _binary(sign: str, left: _Piece, right: _Piece) -> _Piece:
    if sign == "/":
        return _Piece(rf"\frac{{{left.text}}}{{{right.text}}}", _PRODUCT)
    if sign == "^":
        base = left.text if left.holds == _ATOM else rf"\left({left.text}\right)"
        return _Piece(f"{base}^{{{right.text}}}", _POWER)
    if sign == "*":
        between = r" \cdot " if right.text[0].isdigit() else r" \, "
        return _Piece(f"{_held(left, _PRODUCT)}{between}{_held(right, _PRODUCT)}", _PRODUCT)
    return _Piece(f"{left.text} {sign} {_held(right, _PRODUCT if sign == '-' else _SUM)}", _SUM)
