"""The page that finds optima without a closed formula: ln N by a fixed number of bisection steps, one row for each budget."""

from collections.abc import Sequence
from math import log
from typing import Any

from planner.allocation import solver
from planner.scaling_laws.derivation import evaluate
from planner.scaling_laws.law import Law
from planner.sheets.workbook.formulas import CLOSED, MEAN, SUM, kind_of
from planner.sheets.workbook.styles import Book, letters

STEPS = 50
"""Halvings of ln C: the last one moves ln N by less than 1e-13."""

POWERS = ("floor", "size", "size_power", "more", "more_power", "data", "data_power", "share", "routing")
"""Names of a form's powers in the workbook, in the form's order."""

_MEMBERS = ("E", "A", "B", "alpha", "beta", "gamma", "weight")
_FIRST = 20  # row of the first budget, counted from 1
N, D, LOSS, _START = 1, 2, 3, 4  # columns


def searched(column: int, number: int) -> str:
    """Return the cell in which N, D or the loss of the budget of that number is found."""
    return f"Search!${letters(column)}${_FIRST + number}"


def write_search(book: Book, sheet: Any, row: str, budgets: Sequence[tuple[str, float | None]]) -> None:
    """Write what the law chosen is made of, whose row a formula gives, and a row for each budget: its cell, its FLOP at first."""
    law = book.inputs.law
    text = "Mixtures of experts and forecasts from runs of your own have no closed formula: their ln N is halved towards here."
    heads = ("budget, FLOP", "parameters", "tokens", "loss", "ln N, start", *(f"step {i}" for i in range(1, STEPS + 1)))
    book.table(sheet, _FIRST - 2, heads, above=f"{text} Nothing on this page is to be changed.")
    members = [each for each in book.laws if kind_of(each) == MEAN]
    _chosen(book, sheet, row, members)
    for number, (budget, flops) in enumerate(budgets):
        _write_row(book, sheet, _FIRST + number, budget, flops, law, bool(members))
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, _START + STEPS, 14)
    sheet.freeze_panes(_FIRST - 1, 1)
    sheet.print_area(0, 0, _FIRST + len(budgets) - 2, LOSS)  # the steps are for machines


def write_members(book: Book, sheet: Any, law: Law) -> None:
    """Write the members of a forecast, whose losses' logarithms it averages."""
    text = f"Members of {law.id}: ln L is their weighted mean. The constants (yellow) may be changed: everything follows."
    book.table(sheet, 3, _MEMBERS, above=text)
    for column, name in enumerate(_MEMBERS):
        for line, value in enumerate(law.params[name], 4):
            sheet.write_number(line, column, float(value), book.formats["in_plain"])
        last = 4 + len(law.params[name])
        book.name(f"member_{name.lower()}", f"=Members!${letters(column)}$5:${letters(column)}${last}")
    sheet.set_column(0, len(_MEMBERS) - 1, 16)


def _chosen(book: Book, sheet: Any, row: str, members: Sequence[Law]) -> None:
    """Write what the chosen law is made of, and whether its numbers can be used."""
    law = book.inputs.law
    kind, powers = kind_of(law) or CLOSED, power_values(law)
    book.part(sheet, 2, "The law chosen", width=1)
    lines: list[tuple[str, str, Any]] = [("kind", f"INDEX(law_kind,{row})", float(kind))]
    lines += [(name, f"IF(search_kind={SUM},INDEX(law_{name},{row}),0)", powers[name] if kind == SUM else 0.0) for name in POWERS]
    lines.append(("k", f"INDEX(law_k,{row})", float(law.symbols["k"])))
    sums = "+".join(f"search_{name}" for name in POWERS)
    closed = f"ISNUMBER(INDEX(law_n,{row})+INDEX(law_k,{row})+INDEX(law_a,{row}))"
    logs = "+".join(f"LN(member_{name})" for name in ("e", "a", "b", "gamma"))
    means = f"AND(ISNUMBER(SUMPRODUCT({logs}+0)),COUNT(member_alpha,member_beta,member_weight)=3*ROWS(member_alpha))"
    usable = f"IF(search_kind={CLOSED},{closed},IF(search_kind={SUM},ISNUMBER({sums}+search_k),{means if members else 'FALSE'}))"
    lines.append(("usable", usable, True))
    floor = "EXP(SUMPRODUCT(member_weight*LN(member_e))/SUM(member_weight))" if members else "0"
    at_first = float(law.irreducible_loss) if kind == MEAN else 0.0
    lines.append(("mean_floor", f"IF(search_kind={MEAN},{floor},0)", at_first))
    for line, (name, formula, value) in enumerate(lines, 3):
        book.text(sheet, line, 0, name.replace("_", " "))
        book.formula(sheet, line, 1, formula, "plain", value)
        book.name(f"search_{name}", f"=Search!$B${line + 1}")


def power_values(law: Law) -> dict[str, float]:
    """Return what a mixture's law is made of, by its names in the workbook; empty for other laws."""
    return {name: evaluate(expression, law.symbols) for name, (_, expression) in zip(POWERS, law.form.powers, strict=False)}


def _write_row(book: Book, sheet: Any, row: int, budget: str, flops: float | None, law: Law, members: bool) -> None:
    found: list[float | None] = [None if flops is None else 0.0] * (_START + STEPS)
    if flops is not None and kind_of(law) != CLOSED:
        best = solver.allocate(law, flops)
        found = [*map(float, best), *_steps(log(flops), log(float(best.params)))]
    last = f"${letters(_START + STEPS)}{row}"
    formulas = [f"EXP({last})", f"$A{row}/{_paid(f'$B{row}')}", _loss(last, row, members), f"LN($A{row})/2"]
    for step in range(1, STEPS + 1):
        before = f"{letters(_START + step - 1)}{row}"
        up = f"IF({_rises(before, row, members)},1,-1)"
        formulas.append(f"{before}+LN($A{row})/{2 ** (step + 1)}*{up}")
    book.formula(sheet, row - 1, 0, budget, "sci", flops)
    for column, (formula, value) in enumerate(zip(formulas, found, strict=True), N):
        look = "sci" if column in {N, D} else "four"
        book.formula(sheet, row - 1, column, f"IF(search_kind={CLOSED},0,{formula})", look, value)


def _steps(log_budget: float, target: float) -> list[float]:
    """Return the values of the steps towards a target."""
    values = [log_budget / 2]
    for step in range(1, STEPS + 1):
        values.append(values[-1] + log_budget / 2 ** (step + 1) * (1 if values[-1] < target else -1))
    return values


def _paid(size: str) -> str:
    """Return the formula of what training on a token costs [FLOP], for N in a cell."""
    return f"IF(search_kind={SUM},search_k*search_share*{size}+search_routing*{size}^(2/3),search_k*{size})"


def _rises(x: str, row: int, members: bool) -> str:
    """Return the test whether more parameters, and fewer tokens for the same compute, lower the loss at ln N in a cell."""
    weights, routing = f"search_k*search_share*EXP({x})", f"search_routing*EXP({x}*2/3)"
    paid = f"({weights}+{routing})"
    slope = f"({weights}+2/3*{routing})/{paid}"
    sizes = "+".join(f"search_{name}_power*search_{name}*EXP(0-search_{name}_power*{x})" for name in ("size", "more"))
    data = f"search_data_power*search_data*($A{row}/{paid})^(0-search_data_power)*{slope}"
    one = f"{sizes}>{data}"
    if not members:
        return one
    u, v = _terms(x, row)
    tilt = f"member_beta-(member_alpha+member_beta)*{u}/({u}+{v})"
    T = f"({u}+{v})^member_gamma"
    return f"IF(search_kind={SUM},{one},SUMPRODUCT(member_weight*{T}/({T}+member_e)*({tilt}))<0)"


def _terms(x: str, row: int) -> tuple[str, str]:
    """Return the members' two terms at ln N in a cell, each to the power 1/gamma."""
    u = f"EXP((LN(member_a)-member_alpha*{x})/member_gamma)"
    v = f"EXP((LN(member_b)-member_beta*(LN($A{row}/search_k)-{x}))/member_gamma)"
    return u, v


def _loss(x: str, row: int, members: bool) -> str:
    sizes = f"search_size*EXP(0-search_size_power*{x})+search_more*EXP(0-search_more_power*{x})"
    one = f"search_floor+{sizes}+search_data*$C{row}^(0-search_data_power)"
    if not members:
        return one
    u, v = _terms(x, row)
    mean = f"EXP(SUMPRODUCT(member_weight*LN(member_e+({u}+{v})^member_gamma))/SUM(member_weight))"
    return f"IF(search_kind={SUM},{one},{mean})"
