"""The pages beside the plan: a sweep over budgets with charts, what a change of budget, utilisation or price does, and notes."""

from itertools import accumulate
from operator import mul
from typing import Any

from planner._version import __version__
from planner.accelerators.fleet import HOUR
from planner.allocation import solver
from planner.sheets.workbook.plan_lines import DOUBLED, compute_of, data_formula, loss_formula, size_formula
from planner.sheets.workbook.styles import Book, letters

_START, _STEP, _COUNT = 1e18, 10**0.5, 17
_FIRST_ROW, _TITLE_ROW = 6, 6 + _COUNT + 2
_SWEEP = DOUBLED + 1  # number of the sweep's first budget on the page Search
_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
_PRICES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
_SHARES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
_HEADS = ("FLOP", "parameters", "tokens", "tokens per parameter", "loss")
_NOTES = (
    "Every number is a live formula: no Python, no macro, no network.",
    "The caveats of every law stand on Laws, those of the chosen one on Plan.",
    "N and D are the compute-optimal ones of the law chosen; sizes near them cost little more.",
    "A law describes its own data, tokenizer and recipe; beyond the compute of its runs (Plan says so) the answer is a guess.",
    "C = k N D is training alone. Repeated data, serving, own exponents and intervals are in the command plan and in Python.",
    "Laws without a closed formula (mixtures of experts, forecasts from your own runs) are solved by bisection on Search.",
    "Peaks are dense; utilisation is model FLOP utilisation, without recomputation.",
    "Prices are published ones of the date shown on Devices; plan shows how wide the ranges of utilisation, price and power are.",
)


def write_sweep(book: Book, sheet: Any) -> None:
    """Write a table over budgets and its charts."""
    book.text(sheet, 1, 0, "First budget")
    sheet.write_number(1, 1, _START, book.formats["in_sci"])
    book.text(sheet, 2, 0, "each times")
    sheet.write_number(2, 1, _STEP, book.formats["in_four"])
    book.table(sheet, 4, _HEADS, fixed=1)
    flops = _START
    for line in range(5, 5 + _COUNT):
        book.formula(sheet, line, 0, "$B$2" if line == 5 else f"A{line}*$B$3", "sci", flops)
        _run_cells(book, sheet, line, 1, f"$A{line + 1}", flops, _SWEEP + line - 5)
        flops *= _STEP
    sheet.set_column(0, 4, 16)
    law, unit = book.inputs.law, book.inputs.law.conventions.loss_unit
    known = law.irreducible_loss is not None or solver.allocate(law, _START).loss is not None
    titles = {
        "B": ('"Best size and data by "&in_law', f"Best size and data by {law.id}"),
        "C": (
            f'IF(ISNUMBER($E${_FIRST_ROW}),"Expected loss by "&in_law,in_law&" gives no loss")',
            f"Expected loss by {law.id}" if known else f"{law.id} gives no loss",
        ),
        "D": ('"loss, "&out_unit', f"loss, {unit}"),
    }
    for column, (formula, value) in titles.items():  # what charts are called, out of the way
        sheet.write_formula(f"{column}{_TITLE_ROW}", f"={formula}", book.formats["small"], value)
    best, loss, axis = ({"name": f"=Sweep!${column}${_TITLE_ROW}", "data": [value]} for column, (_, value) in titles.items())
    _chart(book, sheet, "G2", best, {"name": "parameters, tokens"}, {1: "parameters", 2: "tokens"}, log=True)
    _chart(book, sheet, "G22", loss, axis, {4: "loss"}, log=False)


def budgets(book: Book) -> list[tuple[str, float | None]]:
    """Return the cells that hold budgets, with what is in them at first: in the order of their numbers on the page Search."""
    flops = compute_of(book.inputs)
    own = [("out_flops", flops), ("2*out_flops", flops and 2 * flops)]
    sweep = [(f"Sweep!$A${6 + i}", value) for i, value in enumerate(accumulate([_START, *[_STEP] * (_COUNT - 1)], mul))]
    return [*own, *sweep, *((f"Sensitivity!$B${5 + i}", flops and factor * flops) for i, factor in enumerate(_FACTORS))]


def _run_cells(book: Book, sheet: Any, line: int, first: int, budget: str, flops: float | None, number: int) -> None:
    """Write N, D, their ratio and the loss of the budget in a cell, from a column on."""
    best = None if flops is None else solver.allocate(book.inputs.law, flops)
    size, data = f"{letters(first)}{line + 1}", f"{letters(first + 1)}{line + 1}"
    cells = [
        (size_formula(budget, number), "count", best and best.params),
        (data_formula(budget, size, number), "count", best and best.tokens),
        (f"{data}/{size}", "one", best and best.tokens / best.params),
        (loss_formula(budget, "NA()", number), "four", best and best.loss),
    ]
    for column, (formula, look, value) in enumerate(cells, first):
        book.formula(sheet, line, column, formula, look, None if value is None else float(value))


def _chart(
    book: Book, sheet: Any, where: str, title: dict[str, Any], axis: dict[str, Any], columns: dict[int, str], *, log: bool
) -> None:
    chart = book.book.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
    last = 4 + _COUNT
    for (column, name), (colour, marker, dash) in zip(columns.items(), _LOOKS, strict=False):
        series = {"name": name, "categories": ["Sweep", 5, 0, last, 0], "values": ["Sweep", 5, column, last, column]}
        line = {"color": colour, "width": 2, "dash_type": dash}
        points = {"type": marker, "size": 6, "fill": {"color": colour}, "border": {"color": colour}}
        chart.add_series({**series, "line": line, "marker": points})
    chart.set_title({**title, "name_font": {"size": 12}})
    across = {"name": "budget, FLOP", "log_base": 10, "num_format": "0E+00", "min": 1e17, "max": 1e27}
    chart.set_x_axis({**across, "major_gridlines": {"visible": True}})
    chart.set_y_axis({**axis, **({"log_base": 10, "num_format": "0E+00"} if log else {"num_format": "0.0"})})
    chart.set_legend({"position": "bottom"} if len(columns) > 1 else {"none": True})
    chart.set_size({"width": 640, "height": 380})
    sheet.insert_chart(where, chart)


_LOOKS = (("#1F3864", "circle", "solid"), ("#C55A11", "square", "dash"))


def write_sensitivity(book: Book, sheet: Any) -> None:
    """Write what more or less compute gives, and what the plan costs by utilisation and price."""
    flops, machine = compute_of(book.inputs), book.inputs.machine
    book.part(sheet, 2, "More or less compute", width=5)
    book.heads(sheet, 3, ("times the budget", *_HEADS))
    for line, factor in enumerate(_FACTORS, 4):
        sheet.write_number(line, 0, factor, book.formats["in_plain"])
        value = None if flops is None else factor * flops
        book.formula(sheet, line, 1, f"A{line + 1}*out_flops", "sci", value)
        _run_cells(book, sheet, line, 2, f"$B{line + 1}", value, _SWEEP + _COUNT + line - 4)
    text = "Cost in US dollars of the compute on Plan, by utilisation (down) and price of a device-hour (across)"
    book.part(sheet, 10, text, width=6)
    book.text(sheet, 11, 0, "MFU", "head")
    for column, price in enumerate(_PRICES, 1):
        sheet.write_number(11, column, price, book.formats["in_cents"])
    for line, share in enumerate(_SHARES, 12):
        sheet.write_number(line, 0, share, book.formats["in_share"])
        rate = machine.parts[0].peak * share * HOUR / (1 + machine.overhead)
        for column, price in enumerate(_PRICES, 1):
            formula = f"out_flops/(out_hourly/in_mfu*$A{line + 1})*{letters(column)}$12"
            book.formula(sheet, line, column, formula, "money", None if flops is None else flops / rate * price)
    sheet.set_column(0, 6, 17)


def write_notes(book: Book, sheet: Any) -> None:
    """Write what to know before trusting the numbers."""
    sheet.set_column(0, 0, 130)
    law = book.inputs.law
    texts = (f"Written by planner {__version__}.", *_NOTES, *(f"{law.id}: {note.text}" for note in law.notes))
    for line, text in enumerate(texts, 2):
        book.text(sheet, line, 0, text, "wrap")
