"""The arithmetic of budgets and costs: from devices, money or energy to FLOP, and back."""

from collections.abc import Iterator

from planner.accelerators.fleet import Machine
from planner.planning.explain.steps import Paper, Step
from planner.planning.plan_result import Funded
from planner.scaling_laws.law import Law


def funding_steps(law: Law, machine: Machine, funded: Funded) -> Iterator[Step]:
    """Write how a budget in other units becomes FLOP."""
    names = {"dollars": "M", "energy": "E_kWh", "CO2e": "m", "device-hours": "H", "devices for a time": "T"}
    paper = _paper(law, machine, "the budget in FLOP", **{names[funded.kind]: funded.amount})
    match funded.kind:
        case "device-hours":
            paper.line("T", f"H/({_sum(machine, 'n')})", "hours on these devices")
        case "dollars":
            _price(paper, machine)
            paper.line("T", "M/R", "hours on these devices", "the money over the price of an hour")
        case "energy":
            _power(paper, machine)
            paper.line("T", "E_kWh/K", "hours on these devices", "the energy over the power at the meter")
        case "CO2e":
            _power(paper, machine)
            paper.line("T", "m*1000/(K*g)", "hours on these devices", _grid(machine))
    _speed(paper, machine)
    paper.line("C", "P*u*3600*T/(1+o)", "FLOP", "definition of MFU; o: time lost to failures and restarts")
    yield from paper.steps


def cost_steps(law: Law, machine: Machine, flops: float) -> Iterator[Step]:
    """Write what an amount of compute takes on a machine, at the expected values."""
    paper = _paper(law, machine, "what training takes", C=flops)
    _speed(paper, machine)
    paper.line("T", "C*(1+o)/(P*u*3600)", "hours on these devices", "definition of MFU; o: time lost to failures and restarts")
    paper.line("H", f"({_sum(machine, 'n')})*T", "device-hours", "definition")
    if machine.deadline is not None:
        paper.values["T_end"] = machine.deadline
        paper.line("n_needed", "H/T_end", "devices, rounded up", "the deadline, in hours")
    if machine.dollars_per_hour:
        _price(paper, machine)
        paper.line("M", "R*T", "US dollars", "the price of an hour")
    if machine.kilowatts:
        _power(paper, machine)
        paper.line("E_kWh", "K*T", "kWh", "the power at the meter")
        if machine.grid:
            paper.line("m", "E_kWh*g/1000", "kg CO2e", _grid(machine))
    yield from paper.steps


def _paper(law: Law, machine: Machine, part: str, **known: float) -> Paper:
    paper = Paper(law, part, **known)
    paper.values |= {"u": machine.mfu.expected, "o": machine.overhead, "PUE": machine.pue.expected}
    if machine.grid:
        paper.values["g"] = machine.grid.grams_per_kwh.expected
    for i, each in enumerate(machine.parts, 1):
        paper.values |= {f"n_{i}": each.number, f"F_{i}": each.peak}
        if each.price:
            paper.values[f"p_{i}"] = each.price.expected
        if each.watts:
            paper.values[f"W_{i}"] = each.watts.expected
    return paper


def _sum(machine: Machine, *symbols: str) -> str:
    """Return a sum over the kinds of device of the product of the symbols."""
    return "+".join("*".join(f"{symbol}_{i}" for symbol in symbols) for i in range(1, len(machine.parts) + 1))


def _speed(paper: Paper, machine: Machine) -> None:
    paper.line("P", _sum(machine, "n", "F"), "FLOP/s", "dense peak of each device, see plan hardware")


def _price(paper: Paper, machine: Machine) -> None:
    sources = []
    for part in machine.parts:
        published = part.price is not None and part.price == part.device.price
        sources.append(f"{part.device.id} " + (f"published, {part.device.price_date}" if published else "as given"))
    paper.line("R", _sum(machine, "n", "p"), "US dollars an hour", f"price of a device-hour: {', '.join(sources)}")


def _power(paper: Paper, machine: Machine) -> None:
    source = "average power of a device with its server, see plan hardware and data/hardware.toml, [power]"
    paper.line("K", f"({_sum(machine, 'n', 'W')})*PUE/1000", "kW", source)


def _grid(machine: Machine) -> str:
    return f"grams of CO2e per kWh: {machine.grid.source}" if machine.grid else ""
