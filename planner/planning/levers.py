"""Instead of more compute: what each efficiency lever is worth, in loss, in equivalent compute and in money."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.accelerators.fleet import Machine
from planner.allocation import solver
from planner.allocation.extrapolation import FAR, extrapolation_of, own_notes
from planner.allocation.problem import Problem
from planner.errors import CannotPlanError, OptionError
from planner.inputs.budget import PAID
from planner.inputs.input_row import Number
from planner.inputs.law_choice import read_constants
from planner.inputs.question import Question
from planner.inputs.registry import LeversInputs, asks
from planner.inputs.served_budget import read_served_budget
from planner.notes import Note
from planner.planning.allocate import possible_allocation
from planner.planning.lever_gains import Reached, combined, loss_of_gain, with_gain, worth_of, worth_of_gain
from planner.planning.levers_result import Levers, Worth
from planner.planning.published_levers import WorksOn, published_levers, unusable_levers
from planner.quantities import LARGEST, format_factor, parse_fraction, parse_number, plain, shown
from planner.scaling_laws.law import guarded

_SOON = 3.0
"""Years beyond which a rate of the past is stretched: a house convention."""
_NOTHING = 1e-9
"""A gain nearer to 1 than this is the solver's rounding."""


@asks(LeversInputs)
def levers(
    *,
    own: Mapping[str, Number] | None = None,
    better: Mapping[str, Number] | None = None,
    mfu_to: Number | None = None,
    years: Number = 1,
    combine: Iterable[str] | str | None = None,
    **asked: Unpack[LeversInputs],
) -> Levers:
    """Say what each efficiency lever is worth at a budget, in loss, equivalent compute and money.

    Parameters
    ----------
    own : mapping, optional
        Levers of your own, name to gain: ``{"dedup": 1.2}``.
    better : mapping, optional
        Constants of the law that a better method would have, ``{"alpha": 0.36}``: the lever of better exponents.
    mfu_to : float or str, optional
        The utilisation to reach, from ``mfu``: the lever of higher utilisation.
    years : float
        Waited for algorithmic progress and cheaper hardware.
    combine : names, optional
        Levers whose gains are multiplied.
    {inputs}

    Returns
    -------
    Levers

    Raises
    ------
    PlannerError
        Bad input, or a law without a loss.

    Notes
    -----
    A gain of g makes a budget C worth g C: the loss is that of the optimum at g C, and the same loss as before costs C/g. Where
    part of the budget serves, a lever makes training alone cheaper, so that it is worth less. Gains were measured in other
    places, mostly on smaller models; that they multiply is an assumption.

    Examples
    --------
    >>> import planner
    >>> found = planner.levers(flops=1e22, own={"dedup": 1.2})
    >>> found.levers[0].id, round(found.loss - found.levers[0].loss, 4)
    ('dedup', 0.0104)
    """
    question = Question.of(LeversInputs, "levers", asked)
    read = read_served_budget(_weighing(question, mfu_to), PAID)
    budget, machine, problem = read.flops, read.held.machine, read.chosen()
    chosen = problem.law
    _refuse_idle(question, machine, mfu_to, serves=read.demand is not None)
    base = guarded(chosen, lambda: possible_allocation(problem, budget))
    if base.loss is None:
        why = "says which size, not which loss: a lever's worth cannot be told; besiroglu2024 has one"
        raise CannotPlanError(f"{chosen.id} {why}")
    waited = _years(years)
    cost = machine.cost(budget) if machine else None
    worth = partial(_worth, problem, budget, float(base.loss), cost.dollars.expected if cost and cost.dollars else None)
    improved = read_constants(better)
    published, gone = _published(budget, waited, worth, mixture=chosen.form.active is not None or chosen.hides_total)
    gains = _own_gains(own)
    found = [
        *(worth(name, name, "flops", (None, gain, None)) for name, gain in gains.items()),
        *([worth("mfu", *_utilisation(question.mfu, mfu_to))] if mfu_to is not None else []),
        *([_exponents(problem, improved, budget, worth)] if improved else []),
        *published,
    ]
    both = combined(found, combine, worth)
    told = [note for note in read.notes if note.code == "mfu-forecast" or not note.code.startswith("mfu-")]
    of_levers = {"own": gains, "better": improved, "mfu_to": None if mfu_to is None else parse_fraction(mfu_to, "mfu_to")}
    read_as = {"flops": budget, "law": chosen.id, "constants": question.constants, "years": waited, "machine": machine}
    return Levers(
        flops=budget,
        law=chosen,
        loss=float(base.loss),
        levers=tuple(found),
        combined=both,
        years=waited,
        demand=read.demand,
        served=read.served,
        machine=machine,
        cost=cost,
        unusable=unusable_levers(),
        notes=(*_notes(problem, budget, base, found, both, waited, gone), *told),
        inputs=FrozenDict({**question.stated(), **read_as, **of_levers, "combine": both and both.title}),
    )


def _weighing(question: Question, mfu_to: Raw) -> Question:
    """Return what a budget is read from: a utilisation to rise from weighs serving on devices, or beside serving's own."""
    weighs = mfu_to is None or question.named("gpu", "gpus", "inference_mfu", "generation_mfu")
    return question if weighs else question._replace(mfu=None)


def _years(years: Number) -> float:
    waited = parse_number(years, "`years`")
    if not 0 <= waited <= 20:
        raise OptionError(f"`years` {shown(years)}: expected from 0 to 20")
    return waited


def _worth(
    problem: Problem,
    budget: float,
    without: float,
    dollars: float | None,
    id: str,
    title: str,
    works_on: WorksOn,
    gains: tuple[float | None, float | None, float | None],
    instead: Problem | None = None,
    **about: Any,
) -> Worth:
    low, value, high = gains
    if any(gain is not None and not 1 <= budget * gain <= LARGEST for gain in gains):
        largest = plain(max(gain for gain in gains if gain), 3)
        raise OptionError(f"{id}: a gain of {largest} leaves the budgets that can be planned")

    def loss(gain: float | None) -> float | None:
        return None if gain is None else guarded(problem.law, lambda: loss_of_gain(problem, budget, gain))

    found: Reached | None = None
    if instead is not None:
        found = guarded(instead.law, lambda: worth_of(problem, budget, instead, without))
    elif value is not None:
        found = guarded(problem.law, lambda: worth_of_gain(problem, budget, value, without))
    return Worth(
        id=id,
        title=title,
        works_on=works_on,
        gain=value,
        gain_low=low,
        gain_high=high,
        loss=found and found.loss,
        loss_low=loss(high),
        loss_high=loss(low),
        equivalent_flops=found and found.equivalent,
        saved=found and found.saved,
        dollars_saved=None if not found or found.saved is None or dollars is None else found.saved * dollars,
        **about,
    )


def _own_gains(own: Any) -> dict[str, float]:
    if own is None:
        return {}
    if not isinstance(own, Mapping) or not all(isinstance(name, str) and name.strip() for name in own):
        raise OptionError(f"own {shown(own)}: expected names and gains, such as {{'dedup': 1.2}}")
    known = {each.id for each in published_levers()} | {"mfu", "exponents", "combined"}
    taken = next((name for name in own if name.strip().lower() in known or "," in name), None)
    if taken is not None:
        raise OptionError(f"lever {shown(taken)}: is the name of a lever already, or holds a comma; choose another")
    gains = {}
    for name, value in own.items():
        gains[name] = parse_number(value, name)
        if not 0 < gains[name] <= 1e12:
            raise OptionError(f"{name} {shown(value)}: a gain is a factor above 0 and at most 1e12, such as 1.2")
    return gains


def _utilisation(now: Any, then: Raw) -> tuple[str, WorksOn, tuple[None, float, None]]:
    if now is None:
        raise OptionError("`mfu_to`: from which utilisation? Give `mfu` too, such as `mfu` 35% and `mfu_to` 45%")
    reached = parse_fraction(then, "mfu_to")
    if not 0 < reached <= 1:
        raise OptionError(f"mfu_to {shown(then)}: must be above 0 and at most 100 %")
    return f"utilisation from {float(now):.0%} to {reached:.0%}", "price", (None, reached / float(now), None)


def _refuse_idle(question: Question, machine: Machine | None, mfu_to: Raw, *, serves: bool) -> None:
    """Refuse what says something of a device where there is none."""
    alone = question.named("price", "peak", "gpu_file")
    if alone and not question.named("gpu", "gpus") and not (serves and alone[0] == "price"):
        raise OptionError(f"`{alone[0]}` goes with a device: `gpu`, such as h100")
    if mfu_to is None and question.mfu is not None and machine is None and not serves:
        raise OptionError("`mfu` goes with `mfu_to`, the utilisation to reach, or with a device")


def _published(budget: float, years: float, worth: Callable[..., Worth], *, mixture: bool) -> tuple[list[Worth], list[str]]:
    """Return what the published levers are worth, and those whose gain leaves what can be planned; a mixture is one already."""
    found, gone = [], []
    for each in published_levers():
        if mixture and each.kind == "moe":
            continue
        about = {"claimed": each.claimed, "applies_to": each.applies_to, "source": each.source, "caveat": each.caveat}
        gains = each.gain(years)
        if all(gain is None or 1 <= budget * gain <= LARGEST for gain in gains):
            found.append(worth(each.id, each.title, each.works_on, gains, **about))
        else:
            gone.append(each.id)
    return found, gone


def _exponents(problem: Problem, better: Mapping[str, float], budget: float, worth: Callable[..., Worth]) -> Worth:
    """Return what better constants are worth: their gain is the compute at which the law as it is reaches their loss; where part
    of the budget serves, they are no gain in training.
    """
    law = problem.law
    if law.surface_law is not law:
        raise CannotPlanError(
            f"{law.id} has no loss surface of its own, so that better constants cannot be weighed; besiroglu2024 has"
        )
    improved = law.replace(**better)
    there = problem._replace(law=improved, form=improved.form, symbols=improved.symbols)
    loss = float(guarded(improved, lambda: solver.allocate(there, budget).loss))
    floor = float(law.irreducible_loss)
    if loss <= floor:
        raise CannotPlanError(f"better: the loss would be {plain(loss, 4)}, at or below the floor {plain(floor, 4)} of {law.id}")
    same = float(guarded(law, lambda: solver.equivalent_flops(problem, loss - floor)))
    if abs(same / budget - 1) < _NOTHING and any(law.params[name] != value for name, value in better.items()):
        raise CannotPlanError(f"better: {', '.join(better)} does not change what {law.id} says of an optimum")
    text = ", ".join(f"{name} = {plain(value)}" for name, value in better.items())
    gain = None if problem.spending.served else same / budget
    return worth("exponents", f"better constants: {text}", "flops", (None, gain, None), instead=there)


def _notes(
    problem: Problem,
    budget: float,
    base: solver.Allocation,
    found: list[Worth],
    both: Worth | None,
    years: float,
    gone: list[str],
) -> Iterator[Note]:
    yield from own_notes(problem.law, budget)
    text = "gains are of other data, recipes and sizes, mostly smaller ones, and not all of loss: see what each applies to"
    yield Note("elsewhere", "warning", text)
    largest = max((each.gain or each.gain_high or 1.0 for each in (*found, both) if each), default=1.0)
    best = solver.allocate(*with_gain(problem, budget, largest))
    near, far = (extrapolation_of(problem, float(run.params), float(run.tokens)) or 1.0 for run in (base, best))
    if near > FAR or far > FAR:
        what = "without any lever the budget's optimum lies" if near > FAR else "the largest gain is worth"
        which = "every loss here" if near > FAR else "its loss"
        outside = f"{format_factor(near if near > FAR else far)} outside the runs of {problem.law.id}"
        yield Note("extrapolation", "warning", f"{what} {outside}: {which} is a guess")
    if both is not None:
        text = f"combined: that the gains of {both.title} multiply is an assumption; published ranges alone are carried through"
        yield Note("combined", "warning", text)
    if years > _SOON:
        yield Note("far-ahead", "warning", f"{plain(years)} years: rates of the past are stretched that far")
    for name in gone:
        yield Note("left-out", "info", f"{name}: at this budget its gain leaves what can be planned")
    if problem.spending.served:
        text = "a lever makes training cheaper and leaves serving at what it costs; what cheapens that too, such as hardware"
        yield Note("training-alone", "info", f"{text}, is worth more")
    claims = ", ".join(f"{each.id} ({format_factor(each.claimed)})" for each in found if each.claimed)
    if claims:
        yield Note("shrank", "info", f"claims that shrank when measured again: {claims}")
