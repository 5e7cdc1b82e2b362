"""What to say of all rows of a sweep: speed, intervals, prices, serving, losses."""

from collections.abc import Sequence
from math import inf

from planner.accelerators.fleet import Machine
from planner.allocation.extrapolation import own_notes
from planner.inputs.request import Request
from planner.notes import Note
from planner.quantities import format_price
from planner.scaling_laws.law import Law


def of_all_rows(request: Request) -> tuple[Note, ...]:
    """Return what is said of a question, of its speed for all rows."""
    if request.speeds is None:
        return request.notes
    every = Note("mfu-forecast", "info", "MFU is forecast for the model of each row that configure would propose; yours: --mfu")
    return (*(note for note in request.notes if note.code not in {"mfu-forecast", "mfu-default"}), every)


def unasked_notes(first: Sequence[Request], columns: tuple[str, ...]) -> list[Note]:
    """Say that there are intervals, where nobody asked for those of a published law."""
    known = [request.problem.law.id for request in first if request.problem.law.draws is not None]
    if not known or "params_low" in columns:
        return []
    return [Note("intervals", "info", f"{known[0]} has intervals: --level 95% gives their ends for each row (they take time)")]


def price_notes(machines: Sequence[Machine | None]) -> list[Note]:
    """Say at which price dollars are counted; over a range of prices, from which to which."""
    parts = [machine.parts[0] for machine in machines if machine]
    prices = [part.price for part in parts if part.price is not None]
    if not prices:
        return []
    device = parts[0].device
    low, high = min(price.low for price in prices), max(price.high for price in prices)
    if len({price.expected for price in prices}) > 1:
        text = f"dollars at {format_price(low)} to {format_price(high)} a device-hour of {device.id}, row by row"
        return [Note("price", "info", text)]
    span = "" if prices[0].known else f", {format_price(low)} to {format_price(high)}"
    dated = f", published {device.price_date}" if device.price_date and not prices[0].known else ""
    known = f"{format_price(prices[0].expected)} a device-hour of {device.id}"
    text = f"dollars at {known}{span}{dated}; CSV and JSON have both ends"
    return [Note("price", "info", text)]


def serving_notes(first: Sequence[Request]) -> list[Note]:
    """Say that what a machine takes is of training alone where the budget pays serving too."""
    if not any(request.held.machine and request.problem.spending.served for request in first):
        return []
    text = "compute is training and serving together; device-hours, time, cost, energy and CO2e are of training alone"
    return [Note("costs-train", "info", text)]


def loss_notes(laws: Sequence[Law]) -> list[Note]:
    if len({law.conventions.data for law in laws if law.surface_law}) < 2:
        return []
    text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
    return [Note("losses-differ", "info", text)]


def law_notes(request: Request) -> list[Note]:
    problem = request.problem
    return own_notes(problem.law, inf if request.flops is None else request.flops, problem.repetition)
