"""The utilisation that a model reaches on counted devices over a whole run: forecast for the fastest layout that fits."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.files import settings
from planner.allocation import solver
from planner.allocation.problem import Problem
from planner.errors import PlannerError
from planner.inputs.held_budgets import Held, read_held
from planner.inputs.question import Question
from planner.inputs.shape import counted_flops_per_token
from planner.notes import Note
from planner.quantities import format_count, format_percent, plain
from planner.quantities.estimate import Range
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine
    from planner.architectures.parallelism import Fit
    from planner.inputs.proposed_speed import Speeds

FILE = "throughput.toml"


class Forecast(NamedTuple):
    """A utilisation, as the question counts FLOP, the layout that it is forecast for in short, and what to say of it."""

    share: Range
    layout: str
    note: Note


def forecast_speed(question: Question, law: Law) -> Forecast | None:
    """Return the utilisation of a question's model on its devices; None where there is no model, or it cannot be forecast.

    By the layout that ``configure`` would take: with Adam, a batch that a published law says for the tokens, and every split
    searched. Nothing is forecast where the utilisation is the user's own; where memory rules all layouts out, that of the one
    that comes nearest, which is said.
    """
    if question.shape is None or question.gpus is None or is_own(question):
        return None
    plainly = read_held(question)
    machine = plainly.machine
    if machine is None or len(machine.parts) > 1:
        return None
    from planner.architectures.advice import advised
    from planner.architectures.layout_grid import site
    from planner.architectures.layout_search import layouts
    from planner.architectures.parallelism import Asked, read_scheme, smallest_memory
    from planner.inputs.proposed_speed import steps_known, whole_run

    shape, capacity = question.shape, smallest_memory(machine)
    each = counted_flops_per_token(question, law)
    budget = question.flops or plainly.flops
    tokens = question.tokens or (budget / each if budget else None)
    told = advised(shape, tokens)
    where = site(machine, capacity, told.batch / shape.context)
    if where.running is None or capacity is None:
        return None
    first = layouts(shape, read_scheme("adam"), Asked(recompute="full") if question.recompute else Asked(), where)[0]
    if first.speed is None:
        return None
    step = first.speed.tokens_per_second_per_device.times(each / where.running.peak)
    share = Range(*(float(end) for end in whole_run(step, own=steps_known(machine))))
    return _forecast(share, f"this model ({format_count(shape.total)})", first, machine)


def is_own(question: Question) -> bool:
    """Tell whether the utilisation, or what it is a share of, is the user's own."""
    return bool(question.named("mfu", "tokens_per_second", "peak"))


def held_at_speed(question: Question, problem: Problem) -> tuple[Held, Forecast | None]:
    """Return what a budget is held in, at the utilisation of the model that a problem makes of it, where that is forecast."""
    held = read_held(question)
    speeds = proposing(question, problem, held)
    if speeds is None or (question.flops is None and held.flops is None):
        return held, None
    found = proposed_speed(speeds, problem, question.flops if held.flops is None else held.flops, held)
    if found is None:
        return held, None
    held = read_held(question, found.share)
    return held._replace(notes=(found.note, *held.notes)), found


def why_usual(question: Question, problem: Problem, held: Held) -> str:
    """Return why devices are taken at the published utilisation, where no other is said."""
    machine, law = held.machine, problem.law
    if machine is None or not machine.counted:
        return "of a number of devices, such as --gpus 64xH100, it would be forecast"
    if len(machine.parts) > 1:
        return "nothing was measured of a mixed fleet, so none is forecast"
    if question.peak is not None:
        return "with a peak of your own none is forecast"
    if question.shape is None and proposing(question, problem, held) is None:
        if law.form.active is not None or law.hides_total or law.conventions.params == "active":
            return f"{law.id} is of mixtures, of which no shape is proposed; of one that is named (--shape) it is forecast"
        return f"links, memory or efficiency of {machine.parts[0].device.id} are not known, so none is forecast"
    return "the speed of no model of about its size can be forecast on these devices"


def proposing(question: Question, problem: Problem, held: Held) -> "Speeds | None":
    """Return the speeds of the models that a plan would propose; None where the model is known, or they cannot be forecast."""
    if question.gpus is None or question.shape is not None or is_own(question):
        return None
    law = problem.law
    if law.form.active is not None or law.hides_total or law.conventions.params == "active":
        return None
    from planner.inputs.proposed_speed import speeds

    return speeds(held.machine, law.conventions.params)


def proposed_speed(
    found: "Speeds",
    problem: Problem,
    flops: float | None,
    held: Held,
    run: tuple[float, float] | None = None,
    loss: float | None = None,
) -> Forecast | None:
    """Return the utilisation of the model that is proposed for a budget, a loss or a run; None where it cannot be forecast.

    A budget in another unit than FLOP buys the more the faster its run is, so that follows from both together.
    """
    machine = found.machine
    try:
        if held.funding is not None and held.flops is not None and held.machine is not None:
            full = held.flops / held.machine.mfu.expected
            share = found.settled(problem, np.float64(full))
            N, D = solver.best_run(problem, full * float(share.expected))
        else:
            if run is not None:
                N, D = run
            elif loss is not None:
                _, N, D = solver.cheapest(problem, loss - float(problem.law.irreducible_loss))
            else:
                N, D = solver.best_run(problem, flops)
            share = found.shares(problem, N, D)
    except PlannerError:  # the answer says it
        return None
    if not np.isfinite(share.expected):
        return None
    share = Range(*(float(end) for end in share))
    first = found.first(float(N), float(D))
    size = format_count(float(N))
    what, fit = f"models of about {size}, for no layout of one of {size} itself works on these devices", None
    if first is not None:
        shape, fit = first
        what = f"the model of {size} that configure would propose, {shape.layers} layers of width {shape.width}"
    return _forecast(share, what, fit, machine)


def _forecast(share: Range, what: str, fit: "Fit | None", machine: "Machine") -> Forecast:
    """Return a utilisation with what it is forecast of, and what would be taken without."""
    from planner.architectures.layout import split_text
    from planner.inputs.machine import usual_utilisation
    from planner.inputs.proposed_speed import slower_than_steps, steps_known

    ends = f"{format_percent(share.low)} to {format_percent(share.high)}"
    year = plain(settings(FILE, "asked")["year"], 5)
    slower, _ = slower_than_steps(own=steps_known(machine))
    layout = f"{split_text(fit.layout)}, ZeRO {fit.layout.zero}" if fit else "no layout of its own"
    laid_out, reached = f"{layout} and " if fit else "", format_percent(slower * share.expected)
    unfit = "; its memory fits no layout on these devices: configure says how many hold it" if fit and fit.fits is False else ""
    text = (
        f"MFU {format_percent(share.expected)} ({ends}, four of five runs) is forecast for {what}: its steps reach "
        f"{reached}, compute counted as here, with {laid_out}software of {year} (plan throughput says how), and "
        f"whole runs took {plain(slower, 3)} times as long as that{unfit}; the median of published runs is "
        f"{format_percent(usual_utilisation(machine.dtype).expected)}; yours: --mfu"
    )
    return Forecast(share, layout, Note("mfu-forecast", "info", text))
