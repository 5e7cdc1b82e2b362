"""What a budget in other units computes, and what a run takes on a machine, as rows to read."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.output.documents.blocks import SPARE, Facts, between, four_digits
from planner.planning.plan_result import Funded
from planner.quantities import (
    format_count,
    format_dollars,
    format_duration,
    format_energy,
    format_flops,
    format_hours,
    format_mass,
    format_peak,
    format_percent,
    format_price,
    format_whole,
    plain,
    significant,
)

if TYPE_CHECKING:
    from planner.accelerators.fleet import Cost, Machine, Part
    from planner.quantities.estimate import Range


def budget_rows(funded: Funded | None, machine: "Machine | None") -> list[tuple[str, str, str]]:
    """Return a budget in other units as FLOP, and the plans at either end of what is not known exactly."""
    if funded is None or machine is None:
        return []
    rows = [("budget", format_flops(funded.flops.expected), f"= {_amount(funded, machine)}, {_speed(machine)}")]
    if not funded.flops.known:
        spans = ((funded.params, "parameters"), (funded.tokens, "tokens"))
        moved = [f"{between(span, format_count)} {what}" for span, what in spans if span and not span.known]
        loss = f", loss {between(funded.loss[::-1], four_digits)}" if funded.loss else ""
        then = f"{', '.join(moved)}{loss}" if funded.params else "the least does not pay for what is asked"
        span = between(funded.flops, format_flops)
        rows.append(("", "", f"{span} over the range of {_uncertain(funded, machine)}: {then}"))
    return rows


def spare_labels(funded: Funded | None) -> tuple[str, ...]:
    """Return what a brief answer does without: of devices for a time the time first, for all rests on their utilisation."""
    return ("wall-clock", "regime", "budget") if funded and funded.kind == "devices for a time" else SPARE


def cost_facts(machine: "Machine", cost: "Cost", *, served: bool = False) -> Facts:
    """Return what a run takes on a machine, each with its range; ``served`` where serving is paid beside it."""
    rows = [("training on" if served else "on", _fleet(machine), _speed(machine))]
    if cost.in_time is not None and cost.hours is not None and machine.deadline is not None:
        met = "met" if cost.in_time else "missed"
        rows.append(("deadline", met, f"{format_duration(machine.deadline)}, {format_duration(cost.hours.expected)} needed"))
    if cost.devices_needed is not None and machine.deadline is not None:
        what = "device ends" if cost.devices_needed.expected == 1 else "devices end"
        text = f"{what} it in {format_duration(machine.deadline)} at the MFU above"
        rows.append(_expected("needs", cost.devices_needed, format_whole, text))
    rows.append(_expected("device-hours", cost.device_hours, format_hours))
    if cost.hours is not None:
        lost = f"{format_percent(machine.overhead)} for failures and restarts included"
        text = lost if machine.overhead else "no failures counted (--overhead)"
        rows.append(_expected("wall-clock", cost.hours, format_duration, text))
    if cost.dollars is not None:
        rows.append(_expected("cost", cost.dollars, format_dollars, _price_text(machine)))
    if cost.kwh is not None:
        rows.append(_expected("energy", cost.kwh, format_energy, _power_text(machine)))
    if cost.kg_co2e is not None and machine.grid is not None:
        rows.append(_expected("carbon", cost.kg_co2e, format_mass, f"CO2e at {_grid_text(machine)}"))
    if not machine.mfu.known or (cost.dollars is not None and not cost.dollars.known):
        rows.append(("", "", "low and high: this same run at the best and the worst of utilisation, price and power"))
    return Facts(rows)


def _fleet(machine: "Machine") -> str:
    return " + ".join(f"{f'{format_whole(part.number)} x ' if machine.counted else ''}{part.device.id}" for part in machine.parts)


def _speed(machine: "Machine") -> str:
    peaks = " and ".join(dict.fromkeys(format_peak(part.peak) for part in machine.parts))
    lost = f", {format_percent(machine.overhead)} of time lost on top" if machine.overhead else ""
    return f"MFU {format_percent(machine.mfu.expected)} of {peaks} {machine.dtype}, dense{lost}"


def _amount(funded: Funded, machine: "Machine") -> str:
    match funded.kind:
        case "devices for a time":
            return f"{_fleet(machine)} for {format_duration(funded.amount)}"
        case "device-hours":
            return f"{format_hours(funded.amount)} device-hours of {_fleet(machine)}"
        case "dollars":
            return f"{format_dollars(funded.amount)} for {_fleet(machine)}, {_price_text(machine)}"
        case "energy":
            return f"{format_energy(funded.amount)} for {_fleet(machine)}, {_power_text(machine)}"
        case _:
            return f"{format_mass(funded.amount)} CO2e for {_fleet(machine)} at {_grid_text(machine)}, {_power_text(machine)}"


def _uncertain(funded: Funded, machine: "Machine") -> str:
    names = [] if machine.mfu.known else ["MFU"]
    if funded.kind == "dollars" and machine.dollars_per_hour and not machine.dollars_per_hour.known:
        names.append("price")
    if funded.kind in {"energy", "CO2e"} and machine.kilowatts and not machine.kilowatts.known:
        names.append("power")
    if funded.kind == "CO2e" and machine.grid and not machine.grid.grams_per_kwh.known:
        names.append("grid")
    return " and ".join(names)


def _price_text(machine: "Machine") -> str:
    return "at " + " and ".join(_price_of(part) for part in machine.parts if part.price is not None)


def _price_of(part: "Part") -> str:
    assert part.price is not None  # asked only where it is known
    own = f"{format_price(part.price.expected)} a device-hour"
    known = part.device.price
    if known is None:
        return own
    where = "published" if part.device.origin == "planner" else "your file"
    span = format_price(known.low) if known.known else between(known, format_price)
    return f"{own} ({where}: {span}, {part.device.price_date})"


def _power_text(machine: "Machine") -> str:
    power = machine.kilowatts
    assert power is not None  # asked only where it is known
    each = "" if machine.counted else " a device"
    return f"{significant(power.expected)} kW{each} at the meter, PUE {plain(machine.pue.expected, 4)}"


def _grid_text(machine: "Machine") -> str:
    if machine.grid is None:
        return ""
    span = machine.grid.grams_per_kwh
    ends = "" if span.known else f"; published {plain(span.low, 4)} to {plain(span.high, 4)}"
    return f"{plain(span.expected, 4)} g/kWh ({machine.grid.name}{ends})"


def _expected(label: str, span: "Range", write: Callable[[float], str], text: str = "") -> tuple[str, str, str]:
    """Return what is expected, then a text and the range where there is one."""
    return label, write(span.expected), "; ".join(filter(None, (text, "" if span.known else between(span, write))))
