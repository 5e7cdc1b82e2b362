"""Arithmetic on paper: formulas in a small notation, evaluated anew apart from the code that made an answer.

The notation is + - * / ^ and parentheses over names and numbers, so that a reader and a test can redo each line.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from planner.allocation import solver
from planner.quantities import PF_DAY, plain
from planner.scaling_laws.derivation import evaluate
from planner.scaling_laws.law import Law


@dataclass(frozen=True)
class Step:
    """One line of arithmetic.

    Attributes
    ----------
    symbol : str
        What is computed.
    formula : str
        How; a formula with ``=`` is an equation that the symbol solves.
    numbers : str
        The formula with numbers put in, to 9 digits.
    result : float
        Full precision.
    unit : str
    source : str
        Citation.
    part : str
        What the line belongs to: the run, the optimum, twice the compute, ... Symbols hold within a part.
    """

    symbol: str
    formula: str
    numbers: str
    result: float
    unit: str
    source: str
    part: str

    def to_dict(self) -> dict[str, object]:
        """Return the step as JSON types."""
        return dict(vars(self))


BUDGET = "the budget: C = k N D"
_SYMBOLS = {"parameters": ("N",), "tokens": ("D",), "FLOP": ("C", "C_opt", "C_eff"), "PF-days": ("C_min", "PF")}
_UNITS = {symbol: unit for unit, symbols in _SYMBOLS.items() for symbol in symbols}
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class Paper:
    """Collects steps; each result can be used by the lines below it."""

    def __init__(self, law: Law, part: str, **known: float) -> None:
        self.law = law
        self.part = part
        scalars = {name: value for name, value in law.symbols.items() if not isinstance(value, tuple)}
        self.values: dict[str, float] = {**scalars, "PF_day": PF_DAY, "e": math.e, **known}
        self.source = law.reference
        self.steps: list[Step] = []

    def line(self, symbol: str, formula: str, unit: str = "", source: str = "", solved: float | None = None) -> float:
        """Compute one line, or state an equation with its solution."""
        result = evaluate(formula, self.values) if solved is None else solved
        numbers = _NAME.sub(lambda m: m[0] if m[0] == symbol else self._number(m[0]), formula)
        if formula != numbers or solved is not None:
            cited = source or self.source
            self.steps.append(Step(symbol, formula, numbers, result, unit or self._unit(symbol), cited, self.part))
        self.values[symbol] = result
        return result

    def lines(self, derivation: Iterable[tuple[str, str]], **solutions: float) -> None:
        """Write a form's derivation; ``solutions`` are the results of its equations."""
        for symbol, formula in derivation:
            self.line(symbol, formula, solved=solutions.get(symbol) if "=" in formula else None)

    def optimum(self) -> None:
        """Write the compute-optimal N and D for the budget C known so far, where all counts and training alone is paid."""
        assert self.law.form.frontier is not None  # only asked of laws that plan
        self.lines(self.law.form.frontier.derivation, N=float(solver.allocate(self.law, self.values["C"]).params))
        if "D" not in self.values:
            self.line("D", "C/(k*N)", source=BUDGET)

    def _unit(self, symbol: str) -> str:
        """Return the unit of a symbol: losses are in the law's own."""
        return self.law.conventions.loss_unit if symbol in {"L", "R", "R_N", "R_D", "E"} else _UNITS.get(symbol, "")

    def _number(self, name: str) -> str:
        if name not in self.values:
            return name
        text = plain(self.values[name])
        return f"({text})" if text.startswith("-") else text
