"""The pages that others look things up in: laws with their constants, devices with peaks, prices and power."""

import re
from math import log
from typing import Any

from planner._util.files import settings
from planner.accelerators.accelerator import FILE
from planner.accelerators.catalogue import average_watts
from planner.allocation import solver
from planner.allocation.open_choices import choice_text
from planner.quantities import PF_DAY
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS
from planner.sheets.workbook.formulas import (
    CLOSED,
    FACTOR,
    MEAN,
    REFERENCE,
    SUM,
    formula,
    kind_of,
    loss_formulas,
    optimum_formula,
)
from planner.sheets.workbook.search_page import POWERS, power_values
from planner.sheets.workbook.styles import FIRST, Book, letters, widths

MOST_CONSTANTS = 14
"""Columns for constants: the most that a law has."""

_CONSTANTS = 12  # column of the first
_K = _CONSTANTS + 2 * MOST_CONSTANTS  # column of k; those after it follow from the constants
_POWERS = _K + 10  # column of what a mixture's law is made of, but for the floor, which other laws have too
_HEADS = (
    *("law", "source", "N counts", "loss unit"),
    *(text for of in ("FLOP", "N", "D", "D/N") for text in (f"{of} of its runs, from", "to")),
    *(text for number in range(1, MOST_CONSTANTS + 1) for text in (f"constant {number}", "value")),
    *("FLOP per N and D", "N at 1e20 FLOP", "N at 1e24 FLOP", "N ~ C^"),
    *("irreducible loss", "reducible loss at 1e20", "reducible loss at 1e24", "falls as C^-", "caveats", "kind"),
    *(name.replace("_", " ") for name in POWERS[1:]),
)
_DEVICE_HEADS = (
    *("device", "name", "FLOP/s, bf16 dense", "$ a device-hour", "lowest published", "highest published", "as of"),
    *("average watts with server", "best MFU of a matrix product", "source"),
)


def write_laws(book: Book, sheet: Any) -> None:
    """Write a row for each law: constants that may be changed, and by live formulas what follows from them."""
    text = "Constants (yellow) may be changed: everything follows. The published ones stand with their sources."
    book.table(sheet, FIRST - 2, _HEADS, above=text, fixed=1)
    for row, law in enumerate(book.laws, FIRST):
        _write_law(book, sheet, row, law)
    widths(sheet, 28, 70, 42, 34)
    sheet.set_column(4, len(_HEADS) - 1, 13)
    sheet.set_column(_K + 8, _K + 8, 60)
    sheet.repeat_rows(FIRST - 2)
    sheet.repeat_columns(0)
    sheet.fit_to_pages(4, 0)
    spans = (f"{of}{end}" for of in ("", "n_", "d_", "ratio_") for end in ("from", "to"))
    names = {name: column for column, name in enumerate(("ids", "source", "counts", "unit", *spans))}
    names |= {"caveats": _K + 8, "kind": _K + 9, **{name: column for column, name in enumerate(POWERS[1:], _POWERS)}}
    names |= {"k": _K, "n": _K + 1, "a": _K + 3, "floor": _K + 4, "r": _K + 5, "slope": _K + 7}
    book.columns("Laws", len(book.laws), {f"law_{name}": letters(column) for name, column in names.items()})


def _write_law(book: Book, sheet: Any, row: int, law: Law) -> None:
    line, look = row - 1, book.formats
    for column, text in enumerate((law.id, law.reference, PARAM_COUNTS[law.conventions.params], law.conventions.loss_unit)):
        book.text(sheet, line, column, text)
    if re.fullmatch(r"\d{4}\.\d{5}", law.source.arxiv):
        sheet.write_url(line, 1, f"https://arxiv.org/abs/{law.source.arxiv}", look["link"], law.reference)
    ranges = (law.domain.flops, law.domain.params, law.domain.tokens, law.domain.tokens_per_param)
    for column, end in enumerate((end for span in ranges for end in span or (None, None)), 4):
        book.number(sheet, line, column, end, "sci")
    said = [*(note.text for note in law.notes), *filter(None, [choice_text(law)])]
    book.text(sheet, line, _K + 8, "; ".join(said) or "none stated")
    cells = {"PF_day": repr(PF_DAY), "k": f"${letters(_K)}{row}"}
    kind = kind_of(law)
    sheet.write_number(line, _K + 9, float(kind or CLOSED), look["whole"])
    sheet.write_number(line, _K, law.symbols["k"], look["in_plain"])
    if kind == MEAN:
        book.text(sheet, line, _CONSTANTS, "on Members")
        return
    for number, (name, value) in enumerate(law.params.items()):
        column = _CONSTANTS + 2 * number
        book.text(sheet, line, column, name, "answer")
        sheet.write_number(line, column + 1, value, look["in_plain"])
        cells[name] = f"${letters(column + 1)}{row}"
    there = f"COUNT(${letters(_CONSTANTS)}{row}:${letters(_K)}{row})={len(law.params) + 1}"  # an empty cell counts as 0 elsewhere
    if kind == SUM:
        values = power_values(law)
        columns = [_K + 4 if name == "floor" else column for column, name in enumerate(POWERS, _POWERS - 1)]
        for column, ((_, expression), name) in zip(columns, zip(law.form.powers, POWERS, strict=True), strict=True):
            book.formula(sheet, line, column, _where(there, formula(expression, cells)), "four", values[name])
        return
    _write_optima(book, sheet, row, law, cells, there)


def _where(there: str, written: str) -> str:
    return f"IF({there},{written},NA())"


def _write_optima(book: Book, sheet: Any, row: int, law: Law, cells: dict[str, str], there: str) -> None:
    """Write the best size at two budgets, its exponent, and how its loss falls, where all constants are ``there``."""
    line, budgets = row - 1, (REFERENCE, REFERENCE * FACTOR)
    best = [solver.allocate(law, budget) for budget in budgets]
    sizes = [f"${letters(_K + 1 + i)}{row}" for i in range(2)]
    for i, budget in enumerate(budgets):
        size = _where(there, optimum_formula(law, cells, repr(budget)))
        book.formula(sheet, line, _K + 1 + i, size, "sci", float(best[i].params))
    a, _ = law.exponents or (0.0, 0.0)
    book.formula(sheet, line, _K + 3, f"LN({sizes[1]}/{sizes[0]})/LN({FACTOR!r})", "four", float(a))
    written = [loss_formulas(law, cells, size, repr(budget)) for size, budget in zip(sizes, budgets, strict=True)]
    floor = float(law.irreducible_loss or 0.0)
    reducible = [0.0 if each.loss is None else float(each.loss) - floor for each in best]
    for i, formulas in enumerate(written):
        if formulas is not None:
            book.formula(sheet, line, _K + 4, _where(there, formulas[0]), "four", floor)
            book.formula(sheet, line, _K + 5 + i, _where(there, formulas[1]), "four", reducible[i])
    if written[0] is not None:
        first, second = (f"${letters(_K + 5 + i)}{row}" for i in range(2))
        slope = log(reducible[0] / reducible[1]) / log(FACTOR)
        book.formula(sheet, line, _K + 7, f"LN({first}/{second})/LN({FACTOR!r})", "four", slope)


def write_devices(book: Book, sheet: Any) -> None:
    """Write a row for each device with a bf16 peak; that of the plan as it was asked for, its peak and power too."""
    text = (
        "Dense bf16 peaks, never the headline with sparsity. Prices are published ones of the date shown; change them to yours."
    )
    book.table(sheet, FIRST - 2, _DEVICE_HEADS, above=text, fixed=1)
    part = book.inputs.machine.parts[0]
    for line, device in enumerate(book.inputs.devices, FIRST - 1):
        own = device.id == part.device.id
        price, watts = device.price, part.watts if own else average_watts(device)
        book.text(sheet, line, 0, device.id)
        book.text(sheet, line, 1, device.name)
        sheet.write_number(line, 2, part.peak if own else device.peaks["bf16"], book.formats["in_sci"])
        for column, value in enumerate((price.expected, price.low, price.high) if price else (None, None, None), 3):
            book.number(sheet, line, column, value, "in_cents")
        book.text(sheet, line, 6, device.price_date)
        book.number(sheet, line, 7, watts.expected if watts else None, "in_one")
        book.number(sheet, line, 8, device.best_share("bf16"), "share")
        _wrapped(book, sheet, line, 9, "; ".join(device.sources))
    widths(sheet, 18, 24, *[12] * 7, 70)
    sheet.repeat_rows(FIRST - 2)
    sheet.repeat_columns(0)
    sheet.fit_to_pages(2, 0)  # the sources on a page of their own: legible, and not cut
    names = {"ids": "A", "peak": "C", "price": "D", "low": "E", "high": "F", "watts": "H", "asof": "G", "best": "I"}
    book.columns("Devices", len(book.inputs.devices), {f"device_{name}": column for name, column in names.items()})


def write_grids(book: Book, sheet: Any) -> None:
    """Write a row for each published grid."""
    book.heads(sheet, FIRST - 2, ("grid", "g CO2e per kWh", "low", "high", "source"))
    grids = settings(FILE, "grid")
    for line, (name, each) in enumerate(grids.items(), FIRST - 1):
        book.text(sheet, line, 0, name)
        for column, end in enumerate(("expected", "low", "high"), 1):
            sheet.write_number(line, column, float(each[end]), book.formats["in_one"])
        _wrapped(book, sheet, line, 4, each["source"])
    widths(sheet, 18, 16, 16, 16, 90)
    book.columns("Grids", len(grids), {"grid_names": "A", "grid_grams": "B"})


def _wrapped(book: Book, sheet: Any, line: int, column: int, text: str) -> None:
    """Write a source into a wide column, on as many lines as it needs."""
    book.text(sheet, line, column, text, "wrap")
    sheet.set_row(line, 15 * -(-len(text) // _WRAPS))


_WRAPS = 68
"""Characters of a line in a column of sources, nearly."""
