"""The lines of the plan's page: what each answer is, as a formula and as the value that stands there at first."""

from typing import Any, NamedTuple

from planner.accelerators.fleet import HOUR
from planner.allocation import solver
from planner.quantities import PF_DAY
from planner.scaling_laws.provenance import PARAM_COUNTS
from planner.sheets.workbook.formulas import CLOSED, REFERENCE
from planner.sheets.workbook.inputs import MODES, Inputs
from planner.sheets.workbook.search_page import LOSS, D, N, searched
from planner.sheets.workbook.styles import WAITS

ROW = "MATCH(in_law,law_ids,0)"
"""Row of the chosen law."""

OWN, DOUBLED = 0, 1
"""Numbers of the budget, and of twice it, on the page Search."""


_SEARCHED = f"search_kind>{CLOSED}"
_DEVICE_ROW = "MATCH(in_device,device_ids,0)"
_UNKNOWN, _NO_LOSS = "not known", "none"
_NO_PRICE = "no price is known for this device: fill in your price"


class Line(NamedTuple):
    """One line of the page: its label, the name of its cell, its formula, look and remark, and planner's own value."""

    label: str
    name: str
    formula: str
    look: str
    remark: str
    value: Any


def _of_law(column: str) -> str:
    return f"INDEX({column},{ROW})"


def _of_device(column: str) -> str:
    return f"INDEX({column},{_DEVICE_ROW})"


def size_formula(budget: str, number: int) -> str:
    """Return the formula of the compute-optimal N of the budget in a cell, which has that number on the page Search."""
    return f"IF({_SEARCHED},{searched(N, number)},{_of_law('law_n')}*({budget}/{REFERENCE!r})^{_of_law('law_a')})"


def data_formula(budget: str, size: str, number: int) -> str:
    """Return the formula of the tokens that the budget leaves for N."""
    return f"IF({_SEARCHED},{searched(D, number)},{budget}/({_of_law('law_k')}*{size}))"


def loss_formula(budget: str, otherwise: str, number: int) -> str:
    """Return the formula of the optimal loss; ``otherwise`` where the law has none."""
    r = _of_law("law_r")
    closed = f"IF(ISERROR({r}),NA(),IF(ISNUMBER({r}),{_of_law('law_floor')}+{_reducible(budget)},{otherwise}))"
    return f"IF({_SEARCHED},{searched(LOSS, number)},{closed})"


def _reducible(budget: str) -> str:
    return f"{_of_law('law_r')}*({budget}/{REFERENCE!r})^(0-{_of_law('law_slope')})"


def compute_of(inputs: Inputs) -> float | None:
    """Return the budget in FLOP that the marked cells hold at first; None where no price is known."""
    if inputs.mode == MODES[0]:
        return inputs.flops
    if inputs.mode == MODES[1]:
        return inputs.gpus * inputs.days * 24 * hourly(inputs)
    price = price_of(inputs)
    return None if price is None else inputs.dollars / price * hourly(inputs)


def hourly(inputs: Inputs) -> float:
    """Return the FLOP of a device-hour."""
    machine = inputs.machine
    return machine.parts[0].peak * machine.mfu.expected * HOUR / (1 + machine.overhead)


def price_of(inputs: Inputs) -> float | None:
    """Return dollars per device-hour: the user's, else the published one, None without either."""
    if inputs.price is not None:
        return inputs.price
    return inputs.device.price.expected if inputs.device.price else None


def answers(inputs: Inputs) -> list[Line]:
    """Return the lines below the marked cells, with planner's own values."""
    flops = compute_of(inputs)
    return [_check_line(flops), *_run_lines(inputs, flops), *_cost_lines(inputs, flops), *_source_lines(inputs)]


def _unusable(column: str) -> str:
    """Return the test of a number on the page Devices that is none of a device."""
    return f"AND(ISNUMBER({_of_device(column)}),N({_of_device(column)})<=0)"


def _check_line(flops: float | None) -> Line:
    """Return the line that says which marked cell cannot be used; everything below waits for it."""
    bad, peak, best = "OR(NOT(ISNUMBER({0})),{1})", _of_device("device_peak"), _of_device("device_best")
    flop, days, money = (f'in_mode="{mode}"' for mode in MODES)
    checks = [
        (f"NOT(ISNUMBER({ROW}))", "no such law: choose one from the list"),
        (f"NOT(ISNUMBER({_DEVICE_ROW}))", "no such device: choose one from the list"),
        (bad.format(peak, f"N({peak})<=0"), "the peak of this device must be a number above 0"),
        (f'AND(in_price="",{_unusable("device_price")})', "the price of this device must be above 0, or no number"),
        (_unusable("device_watts"), "the power of this device must be above 0, or no number"),
        ("NOT(search_usable)", "a constant of this law cannot be used"),
        (f"ISERROR({_of_law('law_r')})", "a constant of this law cannot be used"),
        (bad.format("in_mfu", "N(in_mfu)<=0,N(in_mfu)>1"), "the utilisation must be above 0 and at most 100 %"),
        ("OR(ISTEXT(in_overhead),N(in_overhead)<0)", "what is lost to failures must be 0 or more"),
        (bad.format("in_pue", "N(in_pue)<1"), "PUE must be a number from 1 on"),
        ("OR(NOT(ISNUMBER(in_grams)),N(in_grams)<0)", "the grid must be one of the page Grids, or a number of grams"),
        (
            f"AND(ISNUMBER({best}),N(in_mfu)>{best})",
            "the utilisation is above what the best matrix product measured on this device reaches",
        ),
        (bad.format("in_gpus", "N(in_gpus)<1"), "the number of devices must be 1 or more"),
        ('AND(in_price<>"",OR(NOT(ISNUMBER(in_price)),N(in_price)<=0))', "your price must be a number above 0, or empty"),
        (f"AND({flop},{bad.format('in_flops', 'N(in_flops)<1')})", "the compute must be a number of FLOP, at least 1"),
        (f"AND({days},{bad.format('in_days', 'N(in_days)<=0')})", "the days must be a number above 0"),
        (f"AND({money},{bad.format('in_dollars', 'N(in_dollars)<=0')})", "the money must be a number above 0"),
        (f"AND({money},NOT(ISNUMBER(out_price)))", _NO_PRICE),
        (f"AND({flop},{days},{money})".replace("=", "<>"), "choose how the budget is held"),
    ]
    formula = '"ok"'
    for test, message in reversed(checks):
        formula = f'IF({test},"{message}",{formula})'
    return Line("Check of the yellow cells", "out_check", formula, "text", "", _NO_PRICE if flops is None else "ok")


def _run_lines(inputs: Inputs, flops: float | None) -> list[Line]:
    best, twice = (solver.allocate(inputs.law, each) if flops else None for each in (flops, 2 * (flops or 1.0)))
    loss = None if best is None or best.loss is None else float(best.loss)
    fall = None if loss is None or twice is None else loss - float(twice.loss)
    has_loss = solver.allocate(inputs.law, REFERENCE).loss is not None
    floor = float(inputs.law.irreducible_loss or 0.0) if has_loss else None
    no_loss = WAITS if has_loss else _NO_LOSS
    compute = (
        f'IF(out_check<>"ok",NA(),IF(in_mode="{MODES[0]}",in_flops,'
        f'IF(in_mode="{MODES[1]}",in_gpus*in_days*24*out_hourly,in_dollars/out_price*out_hourly)))'
    )
    has = f"ISNUMBER({_of_law('law_r')})"
    closed_gain = f'IF({has},{_reducible("out_flops")}-{_reducible("(2*out_flops)")},"{_NO_LOSS}")'
    gain = f"IF({_SEARCHED},{searched(LOSS, OWN)}-{searched(LOSS, DOUBLED)},{closed_gain})"
    floor_of = f'IF({_SEARCHED},search_floor+search_mean_floor,IF({has},{_of_law("law_floor")},"{_NO_LOSS}"))'
    size, data = size_formula("out_flops", OWN), data_formula("out_flops", "out_params", OWN)
    loss_of = loss_formula("out_flops", f'"{_NO_LOSS}"', OWN)
    inside, guess = _inside_formula(), "outside, take the answer as a guess"
    return [
        Line("Compute", "out_flops", compute, "sci", "FLOP", _or(flops)),
        Line("", "out_pfdays", f"out_flops/{PF_DAY!r}", "one", "PF-days", _or(flops and flops / PF_DAY)),
        Line("Parameters", "out_params", size, "count", "compute-optimal, as the law counts them", _or(best and best.params)),
        Line("Training tokens", "out_tokens", data, "count", "compute-optimal", _or(best and best.tokens)),
        Line("Tokens per parameter", "out_ratio", "out_tokens/out_params", "one", "", _or(best and best.tokens / best.params)),
        Line("Expected loss", "out_loss", loss_of, "four", "in the law's unit, on its own data", _or(loss, no_loss)),
        Line("irreducible part", "out_floor", floor_of, "four", "", _or(floor, _NO_LOSS)),
        Line("Next doubling of compute", "out_gain", gain, "four", "fall in loss", _or(fall, no_loss)),
        Line("Inside the law's runs?", "out_inside", inside, "answer", guess, _inside(inputs, flops)),
    ]


def _cost_lines(inputs: Inputs, flops: float | None) -> list[Line]:
    part, price, published = inputs.machine.parts[0], price_of(inputs), inputs.device.price
    hours = None if flops is None else flops / hourly(inputs)
    watts = part.watts.expected if part.watts else None
    energy = None if hours is None or watts is None else hours * watts * inputs.machine.pue.expected / 1000
    listed, power = _of_device("device_price"), _of_device("device_watts")
    own = f'IF(ISNUMBER(in_price),in_price,IF(ISNUMBER({listed}),{listed},"{_UNKNOWN}"))'

    def times(rate: str) -> str:
        return f'IF(ISNUMBER({rate}),out_hours*{rate},"{_UNKNOWN}")'

    def dollars(rate: float | None) -> Any:
        return _UNKNOWN if rate is None else _or(None if hours is None else hours * rate)

    drawn = f'IF(ISNUMBER({power}),out_hours*{power}*in_pue/1000,"{_UNKNOWN}")'
    low, high = _of_device("device_low"), _of_device("device_high")
    least, most = (dollars(end) for end in ((published.low, published.high) if published else (None, None)))
    emitted = None if energy is None else energy * inputs.grams / 1000
    carbon = f'IF(ISNUMBER(out_energy),out_energy*in_grams/1000,"{_UNKNOWN}")'
    peak = f"{_of_device('device_peak')}*in_mfu*3600/(1+in_overhead)"
    whose = "US dollars per device-hour: yours, else the published one"
    less = "dense peak times utilisation, less what failures cost"
    return [
        Line("Device-hours", "out_hours", "out_flops/out_hourly", "whole", "", _or(hours)),
        Line("Days on these devices", "out_days", "out_hours/in_gpus/24", "one", "", _or(hours and hours / inputs.gpus / 24)),
        Line("Price used", "out_price", own, "cents", whose, _or(price, _UNKNOWN)),
        Line("Cost", "out_cost", times("out_price"), "money", "US dollars", dollars(price)),
        Line("this compute at the lowest price", "out_cost_low", times(low), "money", "", least),
        Line("this compute at the highest price", "out_cost_high", times(high), "money", "", most),
        Line("Energy", "out_energy", drawn, "whole", "kWh at the meter", _or(energy, _UNKNOWN if watts is None else WAITS)),
        Line("Carbon", "out_carbon", carbon, "whole", "kg of CO2e", _or(emitted, _UNKNOWN)),
        Line("FLOP of a device-hour", "out_hourly", peak, "sci", less, hourly(inputs)),
    ]


def _source_lines(inputs: Inputs) -> list[Line]:
    counts, unit = PARAM_COUNTS[inputs.law.conventions.params], inputs.law.conventions.loss_unit
    caveats = "; ".join(note.text for note in inputs.law.notes) or "none stated"
    known, differ = _of_device("device_asof"), "losses in different units cannot be compared"
    asof = f'IF(ISNUMBER(in_price),"yours",IF({known}="","none is published",{known}))'
    date = "yours" if inputs.price is not None else inputs.device.price_date or "none is published"
    return [
        Line("Price is of", "out_asof", asof, "answer", "when the published price was read", date),
        Line("Unit of the loss", "out_unit", _of_law("law_unit"), "answer", differ, unit),
        Line("Caveats of the law", "out_caveats", _of_law("law_caveats"), "wrap", "", caveats),
        Line("Source of the law", "out_source", _of_law("law_source"), "wrap", "", inputs.law.reference),
        Line("N counts", "out_counts", _of_law("law_counts"), "text", "", counts),
    ]


def _or(value: Any, otherwise: str = WAITS) -> Any:
    return otherwise if value is None else float(value)


def _inside_formula() -> str:
    """Return the formula of how far the answer leaves the law's runs, in compute, parameters, tokens or their ratio."""
    spans = {"out_flops": "law", "out_params": "law_n", "out_tokens": "law_d", "out_ratio": "law_ratio"}
    ends = [(value, _of_law(f"{of}_from"), _of_law(f"{of}_to")) for value, of in spans.items()]
    factors = [f"IF(ISNUMBER({high}),MAX({value}/{high},{low}/{value}),0)" for value, low, high in ends]
    known = ",".join(f"ISNUMBER({high})" for _, _, high in ends)
    worst = f"MAX({','.join(factors)})"
    return (
        f'IF(NOT(OR({known})),"no range known",IF({worst}>1,"NO: outside by "&FIXED({worst},IF({worst}<10,2,1),TRUE)&"x","yes"))'
    )


def _inside(inputs: Inputs, flops: float | None) -> str:
    domain = inputs.law.domain
    spans = (domain.flops, domain.params, domain.tokens, domain.tokens_per_param)
    if not any(spans):
        return "no range known"
    if flops is None:
        return WAITS
    best = solver.allocate(inputs.law, flops)
    values = (flops, float(best.params), float(best.tokens), float(best.tokens / best.params))
    worst = max(max(value / span[1], span[0] / value) for value, span in zip(values, spans, strict=True) if span)
    return f"NO: outside by {worst:.{2 if worst < 10 else 1}f}x" if worst > 1 else "yes"
