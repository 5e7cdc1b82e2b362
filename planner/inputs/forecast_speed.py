"""The utilisation that a concrete model reaches on counted devices: forecast for the fastest layout that fits."""

from typing import TYPE_CHECKING, NamedTuple

from planner._util.files import settings
from planner.inputs.held_budgets import read_held
from planner.inputs.question import Question
from planner.inputs.shape import counted_flops_per_token
from planner.notes import Note
from planner.quantities import format_percent, plain
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.quantities.estimate import Range


class Forecast(NamedTuple):
    """A utilisation, as the question counts FLOP, and what to say of it."""

    share: "Range"
    note: Note


def forecast_speed(question: Question, law: Law) -> Forecast | None:
    """Return the utilisation of a question's model on its devices; None where there is no model, or it cannot be forecast.

    By the layout that ``configure`` would take: with Adam, a batch that a published law says for the tokens, and every split
    searched. Nothing is forecast where no layout fits, or where the utilisation is the user's own.
    """
    if question.shape is None or question.gpus is None or question.named("mfu", "tokens_per_second", "peak"):
        return None
    plainly = read_held(question)
    machine = plainly.machine
    if machine is None or len(machine.parts) > 1:
        return None
    from planner.architectures.advice import advised
    from planner.architectures.layout import split_text
    from planner.architectures.layout_grid import site
    from planner.architectures.layout_search import layouts
    from planner.architectures.parallelism import Asked, read_scheme, smallest_memory
    from planner.inputs.machine import usual_utilisation

    shape, capacity = question.shape, smallest_memory(machine)
    each = counted_flops_per_token(question, law)
    budget = question.flops or plainly.flops
    tokens = question.tokens or (budget / each if budget else None)
    told = advised(shape, tokens)
    where = site(machine, capacity, told.batch / shape.context)
    if where.running is None or capacity is None:
        return None
    first = layouts(shape, read_scheme("adam"), Asked(), where)[0]
    if first.speed is None or first.fits is False:
        return None
    share = first.speed.tokens_per_second_per_device.times(each / where.running.peak)
    year = plain(settings("throughput.toml", "asked")["year"], 5)
    ends = f"{format_percent(share.low)} to {format_percent(share.high)}"
    how = f"{split_text(first.layout)}, ZeRO {first.layout.zero} and software of {year} (plan throughput says how)"
    text = (
        f"MFU {format_percent(share.expected)} ({ends}, four of five runs) is forecast for this model with {how}; the median of "
    )
    text += f"published runs is {format_percent(usual_utilisation(machine.dtype).expected)}; yours: --mfu"
    return Forecast(share, Note("mfu-forecast", "info", text))
