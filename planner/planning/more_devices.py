"""Other numbers of the same devices, each at its own forecast: how many end a run in time, and whether fewer train more."""

from math import ceil, floor, log2

from planner.inputs.forecast_speed import forecast_speed, proposed_speed, proposing
from planner.inputs.held_budgets import read_held
from planner.inputs.request import Request
from planner.quantities import format_duration, format_percent, format_whole

_NODE = 8
"""Devices of a node, of which numbers of devices are multiples."""

_EVEN = 128.0
"""Devices from which on twice as many are counted in twice as large steps."""

_TRIES = 8
_MOST = 1e6
"""Devices beyond which nothing is forecast."""


def devices_in_time(request: Request, flops: float, params: float, tokens: float) -> str:
    """Say with how many devices a run that is late would end in time; nothing where the utilisation is not forecast."""
    machine = request.held.machine
    if machine is None or machine.deadline is None or len(machine.parts) > 1 or not _forecast(request):
        return ""
    part, hours = machine.parts[0], machine.hours_for(flops).expected
    count = part.number
    for _ in range(_TRIES):
        wanted = max(count * hours / machine.deadline, count + 1)
        step = _NODE * 2.0 ** max(floor(log2(wanted / _EVEN)), 0)  # numbers that divide evenly lose least to their layouts
        count = step * ceil(wanted / step)
        share = _share(request, count, params, tokens) if count <= _MOST else None
        if share is None:
            return ""
        hours = flops * (1 + machine.overhead) / (share * part.peak * count * 3600)
        if hours <= machine.deadline:
            text = f"{format_whole(count)} devices, whose MFU is forecast at {format_percent(share)}, would end it in"
            return f"; {text} {format_duration(hours)}"
    return ""


def fewer_that_train_more(request: Request) -> tuple[str, float]:
    """Say how many of the devices would train more in their time if the rest were idle, and by how much; else nothing and 0."""
    machine = request.held.machine
    if machine is None or not machine.counted or len(machine.parts) > 1 or not _forecast(request):
        return "", 0.0
    count = int(machine.parts[0].number)
    even = {many * 2**power for many in (2, 3) for power in range(int(log2(count)))}
    least = count * (_FEWEST if count < _LARGE else _FEWEST_OF_LARGE)
    fewer = sorted({count // step * step for step in (_NODE, 64, 128)} | even)
    shares = {each: _share(request, each) for each in fewer if least <= each < count}
    reached = {each: share * each for each, share in shares.items() if share is not None}
    best = max(reached, key=lambda each: (reached[each], -each), default=count)
    more = reached.get(best, 0.0) / (machine.mfu.expected * count) - 1
    if more < _WORTH:
        return "", 0.0
    text = f"{format_whole(best)} of these {format_whole(count)} devices, the others idle, would compute {format_percent(more)}"
    return f"{text} more in the same time: their number divides better into layouts and batches", more


_FEWEST, _WORTH = 0.75, 0.02
"""The smallest share of the devices that is tried, and the least gain that is told: house conventions."""

_LARGE, _FEWEST_OF_LARGE = 16_384, 0.125
"""Devices from which on a smaller share is tried too: the batch divides no further."""


def _forecast(request: Request) -> bool:
    return any(note.code == "mfu-forecast" for note in (*request.notes, *request.held.notes))


def _share(request: Request, count: float, params: float | None = None, tokens: float | None = None) -> float | None:
    """Return the utilisation of so many devices on a run, or on the run that they train in the time they have."""
    question = request.question
    assert question.gpus is not None  # devices are counted
    name = question.gpus.parts[0][1]
    other = question._replace(gpus=question.gpus._replace(parts=((count, name),)))
    if question.shape is not None:
        found = forecast_speed(other, request.problem.law)
    else:
        held = read_held(other)
        speeds = proposing(other, request.problem, held)
        if speeds is None or (held.funding is None) != (params is not None):
            return None
        run = None if params is None or tokens is None else (params, tokens)
        found = proposed_speed(speeds, request.problem, None, held, run=run)
    return found and float(found.share.expected)
