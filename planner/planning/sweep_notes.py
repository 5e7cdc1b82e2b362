"""What to say of all rows of a sweep: speed, prices, serving, losses, intervals."""

from collections.abc import Iterator, Sequence
from math import inf

from planner.allocation.extrapolation import own_notes
from planner.inputs.question import Question
from planner.inputs.request import Request
from planner.notes import Note
from planner.quantities import format_price
from planner.scaling_laws.law import Law

_FORECAST = Note("mfu-forecast", "info", "MFU is forecast for the model of each row that configure would propose; yours: --mfu")


def sweep_notes(question: Question, first: Sequence[Request], laws: Sequence[Law], columns: tuple[str, ...]) -> Iterator[Note]:
    """Say what holds for all rows, by the requests at the ends of the ranges under each law."""
    yield from {(note.code, note.text): note for request in first for note in _of_request(request)}.values()
    yield from _price_notes(first)
    if any(request.held.machine and request.problem.spending.served for request in first):
        text = "compute is training and serving together; device-hours, time, cost, energy and CO2e are of training alone"
        yield Note("costs-train", "info", text)
    if len({law.conventions.data for law in laws if law.surface_law}) > 1:
        text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
        yield Note("losses-differ", "info", text)
    yield from question.idle_notes(judged="regime" in columns, drawn="params_low" in columns)
    known = [request.problem.law.id for request in first if request.problem.law.draws is not None]
    if known and "params_low" not in columns:
        text = f"{known[0]} has intervals: --level 95% gives their ends for each row (they take time)"
        yield Note("intervals", "info", text)


def _of_request(request: Request) -> Iterator[Note]:
    """Give what is said of a law and a question, of its speed for all rows."""
    flops = inf if request.flops is None else request.flops
    yield from own_notes(request.problem.law, flops, request.problem.repetition)
    if request.speeds is None:
        yield from request.notes
    else:
        yield from (note for note in request.notes if note.code not in {"mfu-forecast", "mfu-default"})
        yield _FORECAST


def _price_notes(first: Sequence[Request]) -> Iterator[Note]:
    """Say at which price dollars are counted; over a range of prices, from which to which."""
    parts = [request.held.machine.parts[0] for request in first if request.held.machine]
    prices = [part.price for part in parts if part.price is not None]
    if not prices:
        return
    device, price = parts[0].device, prices[0]
    span = f"{format_price(min(each.low for each in prices))} to {format_price(max(each.high for each in prices))}"
    if len({each.expected for each in prices}) > 1:
        yield Note("price", "info", f"dollars at {span} a device-hour of {device.id}, row by row")
        return
    dated = f", published {device.price_date}" if device.price_date else ""
    known = f"{format_price(price.expected)} a device-hour of {device.id}{'' if price.known else f', {span}{dated}'}"
    yield Note("price", "info", f"dollars at {known}; CSV and JSON have both ends")
