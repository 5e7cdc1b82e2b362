"""The arithmetic of an answer, line by line: formula, numbers put in, result, source. Redo it on paper.

Each form writes its derivation as formulas in a small notation (+ - * / ^ and parentheses over names). Here they are
evaluated anew, apart from the code that made the answer, so that a reader and a test can hold one against the other.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from planner import solver
from planner.answers import Plan
from planner.catalogue import load_law
from planner.errors import OptionError
from planner.law import Law, guarded
from planner.regimes import Remedy
from planner.spending import training_flops
from planner.units import PF_DAY, plain
from planner.verdicts import EMBEDDING_COUNT, JOINT_LAW, OVERFIT_RULE, Check


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


_BUDGET = "the budget: C = k N D"
_UNITS = {
    "N": "parameters",
    "D": "tokens",
    "C": "FLOP",
    "C_opt": "FLOP",
    "C_eff": "FLOP",
    "C_min": "PF-days",
    "PF": "PF-days",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_BINARY: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def explain(answer: Plan | Check) -> tuple[Step, ...]:
    """Return the arithmetic behind a plan or a check.

    Parameters
    ----------
    answer : Plan or Check

    Returns
    -------
    tuple of Step
        In the order in which a reader would redo them.

    Examples
    --------
    >>> import planner
    >>> steps = planner.explain(planner.plan(flops=1e21))
    >>> [step.symbol for step in steps][:5]
    ['PF', 'a', 'G', 'N', 'D']
    """
    if not isinstance(answer, (Plan, Check)):
        raise OptionError(f"explain takes a Plan or a Check, got {type(answer).__name__}")
    return guarded(answer.law, lambda: tuple(_explain_plan(answer) if isinstance(answer, Plan) else _explain_check(answer)))


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """Evaluate a formula of + - * / ^, parentheses, numbers and names.

    Raises
    ------
    ValueError
        Anything else in the formula.
    """
    return _value(ast.parse(formula.replace("^", "**"), mode="eval").body, values)


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.Name):
        return float(values[node.id])
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    raise ValueError(f"not arithmetic: {ast.unparse(node)}")


class _Paper:
    """Collects steps; each result can be used by the lines below it."""

    def __init__(self, law: Law, part: str, **known: float) -> None:
        self.law = law
        self.part = part
        scalars = {name: value for name, value in law.symbols.items() if not isinstance(value, tuple)}
        self.values: dict[str, float] = {**scalars, "PF_day": PF_DAY, **known}
        self.source = law.reference
        self.steps: list[Step] = []

    def line(self, symbol: str, formula: str, unit: str = "", source: str = "", solved: float | None = None) -> float:
        """Compute one line, or state an equation with its solution."""
        result = evaluate(formula, self.values) if solved is None else solved
        numbers = _NAME.sub(lambda m: m[0] if m[0] == symbol else self._number(m[0]), formula)
        if formula != numbers or solved is not None:
            cited = source or self.source
            self.steps.append(Step(symbol, formula, numbers, result, unit or _UNITS.get(symbol, ""), cited, self.part))
        self.values[symbol] = result
        return result

    def lines(self, derivation: Iterable[tuple[str, str]], **solutions: float) -> None:
        """Write a form's derivation; ``solutions`` are the results of its equations."""
        for symbol, formula in derivation:
            self.line(symbol, formula, self.unit(symbol), solved=solutions.get(symbol) if "=" in formula else None)

    def optimum(self) -> None:
        """Write the compute-optimal N and D for the budget C known so far."""
        assert self.law.form.frontier is not None  # only asked of laws that plan
        self.lines(self.law.form.frontier.derivation, N=float(solver.allocate(self.law, self.values["C"]).params))
        if "D" not in self.values:
            self.line("D", "C/(k*N)", source=_BUDGET)

    def unit(self, symbol: str) -> str:
        """Return the unit of a symbol: losses are in the law's own."""
        return self.law.conventions.loss_unit if symbol in {"L", "R", "R_N", "R_D", "E"} else _UNITS.get(symbol, "")

    def _number(self, name: str) -> str:
        if name not in self.values:
            return name
        text = plain(self.values[name])
        return f"({text})" if text.startswith("-") else text


def _explain_plan(plan: Plan) -> Iterable[Step]:
    law = plan.law
    if law.judge and law.judge.role == "plan" and solver.allocate(law.judge, law.params["C_0"]).params == law.params["N_0"]:
        anchor = _Paper(law.judge, "the anchor", C=law.params["C_0"])
        anchor.optimum()
        yield from anchor.steps
    paper = _Paper(law, "this plan", C=plan.flops)
    paper.line("PF", "C/PF_day", source="definition: 1e15 FLOP/s for a day")
    if plan.inputs.get("params"):
        paper.values["N"] = plan.params
        paper.line("D", "C/(k*N)", source=_BUDGET)
    elif plan.inputs.get("tokens"):
        paper.values["D"] = plan.tokens
        paper.line("N", "C/(k*D)", source=_BUDGET)
    else:
        paper.optimum()
    paper.line("ratio", "D/N", "tokens per parameter", "definition")
    yield from paper.steps
    judge = plan.law.surface_law
    if judge:
        yield from _loss_steps(judge, plan.params, plan.tokens, "its loss")
    elif plan.loss is not None:
        yield from _frontier_loss_steps(plan.law, plan.flops, "its loss")
    if judge and plan.optimum and plan.overhead is not None:
        yield from _overhead_steps(judge, plan.params, plan.tokens)
    if plan.params_band and judge:
        yield from _band_steps(judge, plan)
    if plan.optimum:
        yield from _optimum_steps(plan.optimum.law, plan.flops)
    if plan.doubling and plan.loss is not None:
        yield from _doubling_steps(plan)


def _explain_check(check: Check) -> Iterable[Step]:
    judge = check.law.surface_law
    paper = _Paper(check.law, "this run", N=check.params, D=check.tokens)
    paper.line("C", "k*N*D", source=_BUDGET)
    paper.line("ratio", "D/N", "tokens per parameter", "definition")
    yield from paper.steps
    if judge:
        yield from _loss_steps(judge, check.params, check.tokens, "its loss")
    if judge and check.shares:
        reducible = solver.reducible(judge, check.params, check.tokens)
        owed = _Paper(judge, "what it owes", R_N=float(reducible[0]), R_D=float(reducible[1]))
        owed.line("share_N", "R_N/(R_N+R_D)", "of the reducible loss, to parameters", "definition")
        owed.line("share_D", "R_D/(R_N+R_D)", "of the reducible loss, to data", "definition")
        yield from owed.steps
    if judge and check.overhead is not None:
        yield from _overhead_steps(judge, check.params, check.tokens)
    if check.optimum:
        yield from _optimum_steps(check.law, check.flops)
    for remedy in check.remedies:
        yield from _remedy_steps(check, remedy)
    yield from _overfitting_steps(check)


_KEPT = {"train longer": "N", "train shorter": "N", "shrink": "D", "grow": "D"}


def _remedy_steps(check: Check, remedy: Remedy) -> Iterable[Step]:
    """Write the optimal run whose compute gives the loss, the parameters or the tokens that a remedy keeps."""
    judge = check.law.surface_law
    assert judge is not None  # remedies come from a loss surface
    part = f"instead: {remedy.action}"
    kept = _KEPT.get(remedy.action)
    value = {"N": check.params, "D": check.tokens, None: check.loss}[kept]
    name = kept or "L"
    source = "the budget whose optimum keeps it"
    yield Step("C", f"{name}_opt(C) = {name}", f"{name}_opt(C) = {plain(value or 0.0)}", remedy.flops, "FLOP", source, part)
    yield from _optimum_steps(judge, remedy.flops, part)


def _optimum_steps(law: Law, flops: float, part: str = "the optimum of the same compute") -> Iterable[Step]:
    best = _Paper(law, part, C=flops)
    best.optimum()
    yield from best.steps
    if law.surface_law:
        yield from _loss_steps(law.surface_law, best.values["N"], best.values["D"], part)


def _loss_steps(law: Law, params: float, tokens: float, part: str) -> list[Step]:
    assert law.form.surface is not None  # only asked of laws with a surface
    paper = _Paper(law, part, N=params, D=tokens, C=float(training_flops(params, tokens, law.symbols["k"])))
    solutions: dict[str, float] = {"L": float(law.loss(params, tokens))}
    if law.role == "plan":
        solutions["C_eff"] = float(solver.equivalent_flops(law, _reducible(law, params, tokens)))
    paper.lines(law.form.surface.derivation, **solutions)
    return paper.steps


def _frontier_loss_steps(law: Law, flops: float, part: str) -> list[Step]:
    """Write the loss of a law that knows it on its optimal line only."""
    paper = _Paper(law, part, C=flops)
    paper.line("L", "(C_c*C_per_Cmin*PF_day/C)^alpha_C", paper.unit("L"))
    return paper.steps


def _overhead_steps(law: Law, params: float, tokens: float) -> list[Step]:
    assert law.form.frontier is not None  # only asked of laws that plan
    paper = _Paper(law, "its overhead", N=params, D=tokens, R=_reducible(law, params, tokens))
    reached = float(solver.equivalent_flops(law, paper.values["R"])) if law.surface_law else 0.0
    paper.lines(law.form.frontier.loss_derivation, C_opt=reached)
    paper.line("overhead", "k*N*D/C_opt-1", "extra compute over an optimal run of the same loss", "definition")
    return paper.steps


def _band_steps(law: Law, plan: Plan) -> Iterable[Step]:
    assert plan.params_band is not None
    more = plain(1 + plan.band_tolerance)
    budget = f"C/{more}"
    part, less = "the flat band", plan.flops / (1 + plan.band_tolerance)
    target = plain(float(solver.allocate(law, less).loss))
    yield Step("C_less", budget, f"{plain(plan.flops)}/{more}", less, "FLOP", "definition", part)
    yield from _optimum_steps(law, less, part)
    source = f"N at which the budget buys the loss {target} that an optimal run reaches with {budget}"
    for name, end in zip(("N_low", "N_high"), plan.params_band, strict=True):
        tokens = float(solver.fixed(law, plan.flops, params=end)[1])
        text = f"L({name}, C/(k*{name})) = L_opt({budget})"
        yield Step(name, text, f"L({plain(end)}, {plain(tokens)}) = {target}", end, "parameters", source, part)


def _doubling_steps(plan: Plan) -> Iterable[Step]:
    assert plan.doubling is not None
    assert plan.loss is not None
    part, law, flops = "twice the compute", plan.law, 2 * plan.flops
    if plan.inputs.get("params") or plan.inputs.get("tokens"):
        params, tokens = solver.fixed(law, flops, params=plan.inputs.get("params"), tokens=plan.inputs.get("tokens"))
    else:
        twice = _Paper(law, part, C=flops)
        twice.optimum()
        yield from twice.steps
        params, tokens = twice.values["N"], twice.values["D"]
    judge = law.surface_law
    yield from _loss_steps(judge, params, tokens, part) if judge else _frontier_loss_steps(law, flops, part)
    known = {"L": plan.loss, "E": plan.irreducible_loss or 0.0, "L_2": plan.loss - plan.doubling.loss_gain}
    gain = _Paper(law, "what it would buy", **known)
    gain.line("gain", "L-L_2", plan.loss_unit or "", "L: this plan's loss, L_2: that of twice the compute")
    gain.line("share", "gain/(L-E)", "of the reducible loss", "definition")
    yield from gain.steps


def _overfitting_steps(check: Check) -> list[Step]:
    joint, rule = load_law(JOINT_LAW), load_law(OVERFIT_RULE)
    test = check.overfitting_test
    paper = _Paper(joint, "Kaplan's test", N=test.params, D=check.tokens, **rule.params)
    if test.params != check.params:
        count = load_law(EMBEDDING_COUNT)
        paper.values |= {"N_total": check.params, "gamma": count.params["gamma"]}
        paper.line("N", "N_total = N+gamma*N^(1/3)", "parameters without embeddings", count.reference, solved=test.params)
    cite = f"{joint.citation}, arXiv {joint.source.arxiv}"
    paper.line("delta_L", "(1+(N/N_c)^(alpha_N/alpha_D)*D_c/D)^alpha_D-1", "L(N, D)/L(N, inf) - 1", f"{cite}, Eq. 4.3, Table 2")
    needed = "D_c*(N/N_c)^(alpha_N/alpha_D)/((1+delta)^(1/alpha_D)-1)"
    paper.line("D_needed", needed, "tokens", f"{cite}, Eq. 4.3 at delta L = {plain(test.threshold)}")
    paper.line("D_rule", "K*N^p", "tokens", f"{cite}, Eq. 4.4")
    return paper.steps


def _reducible(law: Law, params: float, tokens: float) -> float:
    return float(sum(solver.reducible(law, params, tokens)))
