"""The page of the plan: marked cells for what one has, and live formulas for what to train and what it takes."""

from typing import Any

from planner._version import __version__
from planner.quantities import format_percent
from planner.sheets.workbook.inputs import MODES, Inputs
from planner.sheets.workbook.plan_lines import answers
from planner.sheets.workbook.styles import Book, widths

_GIVEN_LINE, _ANSWER_LINE = 3, 17
_LONG = 62  # height of a line with a long text


def write_plan(book: Book, sheet: Any) -> None:
    """Write the page."""
    widths(sheet, 30, 22, 74)
    book.text(sheet, 1, 0, f"Yellow cells are yours to change; everything follows at once. planner {__version__}", "small")
    book.part(sheet, _GIVEN_LINE - 1, "What you have")
    for line, (label, name, value, look, remark) in enumerate(_given(book.inputs), _GIVEN_LINE):
        book.text(sheet, line, 0, label)
        if isinstance(value, str):
            book.text(sheet, line, 1, value, look)
        else:
            book.number(sheet, line, 1, value, look)
        book.text(sheet, line, 2, remark, "remark")
        book.name(name, f"=Plan!$B${line + 1}")
    _validate(sheet)
    book.part(sheet, _ANSWER_LINE - 1, "What to train")
    for line, each in enumerate(answers(book.inputs), _ANSWER_LINE):
        book.text(sheet, line, 0, each.label, "top" if each.look == "wrap" else "text")
        if each.look == "wrap":  # a long text, over both columns
            sheet.merge_range(line, 1, line, 2, "", book.formats["wrap"])
            sheet.set_row(line, _LONG)
        book.formula(sheet, line, 1, each.formula, each.look, each.value)
        if each.remark:  # without one a long answer may run on
            book.text(sheet, line, 2, each.remark, "remark")
        book.name(each.name, f"=Plan!$B${line + 1}")
        if each.name in _ALARMS:
            criteria = f"={_ALARMS[each.name].format(line + 1)}"
            alarm = {"type": "formula", "criteria": criteria, "format": book.formats["alarm"]}
            sheet.conditional_format(line, 0, line, 1, alarm)
    row = "MATCH(Plan!$B$14,grid_names,0)"
    book.name("in_grams", f'=IF(ISNUMBER(Plan!$B$14),Plan!$B$14,IF(ISNUMBER({row}),INDEX(grid_grams,{row}),""))')
    sheet.freeze_panes(2, 0)
    sheet.fit_to_pages(1, 1)


_ALARMS = {"out_check": '$B{0}<>"ok"', "out_inside": 'LEFT($B{0},2)="NO"'}
"""When an answer stands out: a marked cell cannot be used, the answer is outside the law's runs."""


def _given(inputs: Inputs) -> list[tuple[str, str, Any, str, str]]:
    """Return label, name, value, look and remark of each marked cell."""
    machine, grid_look = inputs.machine, "in_text" if isinstance(inputs.grid, str) else "in_whole"
    speed = f"model FLOP/s over dense peak; {_speed(inputs)}"
    return [
        ("Budget held in", "in_mode", inputs.mode, "in_text", "FLOP, devices for days, or US dollars"),
        ("Compute", "in_flops", inputs.flops, "in_sci", "FLOP; used where the budget is held in FLOP"),
        ("Devices", "in_gpus", inputs.gpus, "in_whole", "how many there are"),
        ("Days", "in_days", inputs.days, "in_one", "used where the budget is devices for days"),
        ("Money", "in_dollars", inputs.dollars, "in_money", "US dollars; used where the budget is held in them"),
        ("Device", "in_device", inputs.device.id, "in_text", "one of the page Devices"),
        ("Utilisation (MFU)", "in_mfu", machine.mfu.expected, "in_share", speed),
        ("Your price", "in_price", inputs.price, "in_cents", "US dollars per device-hour; leave empty for the published one"),
        ("Lost to failures", "in_overhead", machine.overhead, "in_share", "time lost over the time that counts"),
        ("PUE", "in_pue", machine.pue.expected, "in_plain", "power at the meter over that of the servers"),
        ("Grid", "in_grid", inputs.grid, grid_look, "one of the page Grids, or grams of CO2e per kWh"),
        ("Law", "in_law", inputs.law.id, "in_text", "one of the page Laws"),
    ]


def _speed(inputs: Inputs) -> str:
    """Return where the utilisation at first comes from."""
    if inputs.forecast is None:
        return "a published median unless given"
    low, _, high = (format_percent(end) for end in inputs.forecast.share)
    return f"forecast for the plan as first written, {low} to {high}: {inputs.forecast.layout}; type yours for another"


def _validate(sheet: Any) -> None:
    """Refuse what cannot be in the marked cells."""
    above = {"ignore_blank": False, "validate": "decimal", "criteria": ">", "value": 0, "error_message": "A number above 0."}
    between = {"validate": "decimal", "criteria": "between"}
    listed = {"ignore_blank": False, "validate": "list", "error_message": "Choose from the list."}
    rules: dict[int, dict[str, Any]] = {
        3: {**listed, "source": list(MODES)},
        8: {**listed, "source": "=device_ids"},
        13: {**listed, "source": "=grid_names", "show_error": False},  # it may be a number too
        14: {**listed, "source": "=law_ids"},
        4: above,
        5: {**above, "criteria": ">=", "value": 1, "error_message": "A number from 1 on."},
        6: above,
        7: above,
        9: {**between, "minimum": 0.0001, "maximum": 1, "error_message": "Above 0, at most 100 %."},
        10: {**above, "ignore_blank": True},
        11: {**between, "minimum": 0, "maximum": 10, "error_message": "From 0 to 1000 %."},
        12: above,
    }
    for line, rule in rules.items():
        sheet.data_validation(line, 1, line, 1, rule)
