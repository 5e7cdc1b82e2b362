"""The page that compares laws: what each makes of the plan's budget, beside the chosen one."""

from typing import Any

from planner.allocation import solver
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS
from planner.sheets.workbook.formulas import CLOSED, REFERENCE, kind_of
from planner.sheets.workbook.plan_lines import compute_of
from planner.sheets.workbook.styles import FIRST, Book, widths

_HEADS = ("law", "parameters", "over the chosen law", "tokens", "tokens per parameter", "loss", "unit of the loss", "N counts")


def write_compare(book: Book, sheet: Any) -> None:
    """Write a row for each law with a closed formula; the chosen one stands out."""
    text = "Compare sizes, not losses: those of other laws are for other data. Mixtures and forecasts: choose them on Plan."
    book.table(sheet, FIRST - 2, _HEADS, above=text, fixed=1)
    flops = compute_of(book.inputs)
    closed = [(place, law) for place, law in enumerate(book.laws, 1) if kind_of(law) in {None, CLOSED}]
    own = None if flops is None else float(solver.allocate(book.inputs.law, flops).params)
    for line, (place, law) in enumerate(closed, FIRST - 1):
        _write_row(book, sheet, line, place, law, flops, own)
    rule = {"type": "formula", "criteria": f"=$A{FIRST}=in_law", "format": book.formats["chosen"]}
    sheet.conditional_format(FIRST - 1, 0, FIRST - 2 + len(closed), len(_HEADS) - 1, rule)
    widths(sheet, 28, 14, 14, 14, 14, 14, 30, 56)


def _write_row(book: Book, sheet: Any, line: int, place: int, law: Law, flops: float | None, own: float | None) -> None:
    row = line + 1
    best = None if flops is None else solver.allocate(law, flops)
    loss = f"INDEX(law_r,{place})"
    cells: list[tuple[str, str, Any]] = [
        (f"INDEX(law_n,{place})*(out_flops/{REFERENCE!r})^INDEX(law_a,{place})", "count", best and float(best.params)),
        (f"B{row}/out_params", "four", best and own and float(best.params) / own),
        (f"out_flops/(INDEX(law_k,{place})*B{row})", "count", best and float(best.tokens)),
        (f"D{row}/B{row}", "one", best and float(best.tokens / best.params)),
        (
            f'IF(ISNUMBER({loss}),INDEX(law_floor,{place})+{loss}*(out_flops/{REFERENCE!r})^(0-INDEX(law_slope,{place})),"none")',
            "four",
            best and ("none" if best.loss is None else float(best.loss)),
        ),
    ]
    book.text(sheet, line, 0, law.id)
    for column, (formula, look, value) in enumerate(cells, 1):
        book.formula(sheet, line, column, formula, look, value)
    book.text(sheet, line, 6, law.conventions.loss_unit)
    book.text(sheet, line, 7, PARAM_COUNTS[law.conventions.params])
