"""How many of the same devices end a run in time, each number at the utilisation that is forecast for it."""

from math import ceil, floor, log2

from planner.inputs.forecast_speed import forecast_speed, proposed_speed, proposing
from planner.inputs.held_budgets import read_held
from planner.inputs.question import Question
from planner.inputs.request import Request
from planner.quantities import format_duration, format_percent, format_whole

_NODE = 8
_EVEN = 128.0
_TRIES = 8
_MOST = 1e6


def devices_in_time(request: Request, flops: float, params: float, tokens: float) -> str:
    """Say with how many devices a run that is late would end in time; nothing where the utilisation is not forecast."""
    machine = request.held.machine
    forecast = any(note.code == "mfu-forecast" for note in (*request.notes, *request.held.notes))
    if machine is None or machine.deadline is None or len(machine.parts) > 1 or not forecast:
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


def _share(request: Request, count: float, params: float, tokens: float) -> float | None:
    question: Question = request.question
    assert question.gpus is not None  # devices are counted
    name = question.gpus.parts[0][1]
    other = question._replace(gpus=question.gpus._replace(parts=((count, name),)))
    if question.shape is not None:
        found = forecast_speed(other, request.problem.law)
    else:
        held = read_held(other)
        speeds = proposing(other, request.problem, held)
        if speeds is None or held.funding is not None:
            return None
        found = proposed_speed(speeds, request.problem, None, held, run=(params, tokens))
    return found and float(found.share.expected)
