"""What a target accuracy would really cost, by the published regressions of benchmark errors on compute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log10
from typing import Any, NamedTuple, Unpack

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner._util.to_json import Answer
from planner._version import __version__
from planner.accelerators.fleet import Machine
from planner.errors import CannotPlanError, OptionError
from planner.inputs.budget import PAID
from planner.inputs.held_budgets import BUDGETS, read_held
from planner.inputs.input_row import Number
from planner.inputs.machine_inputs import Serving
from planner.inputs.question import Question
from planner.inputs.registry import LimitsInputs, asks, rows, stated
from planner.inputs.served_budget import read_served_budget
from planner.notes import Note
from planner.planning.benchmark_regressions import Benchmark, Kind, Regression, benchmark_named
from planner.planning.diminishing_returns import ComputeLimits, compute_limits
from planner.quantities import (
    LARGEST,
    format_factor,
    format_flops,
    format_percent,
    is_range,
    parse_flops,
    parse_fraction,
    parse_range,
    plain,
    shown,
)
from planner.quantities.estimate import Range


class Needed(NamedTuple):
    """What one regression says an error takes.

    Attributes
    ----------
    flops, low, high : float or None
        Hardware burden [FLOP]: on the line, and at the ends of the slope's interval; None above 1e60 or without an end.
    factor, factor_low, factor_high : float or None
        Times the compute of today's error; None without one, or above 1e60.
    halving : float or None
        Times the compute for half of the target's error; None above 1e60.
    r2, t : float
        Share of the variance explained, and the slope over its standard error.
    device_hours, dollars, kwh, kg_co2e : float or None
        On the device at its peak; None where price, power or grid are not known, and above 1e60 FLOP.
    """

    kind: Kind
    flops: float | None
    low: float | None
    high: float | None
    factor: float | None
    factor_low: float | None
    factor_high: float | None
    halving: float | None
    r2: float
    t: float
    systems: int
    device_hours: float | None
    dollars: float | None
    kwh: float | None
    kg_co2e: float | None


@dataclass(frozen=True, eq=False, repr=False)
class BenchmarkLimits(Answer):
    """What an error on a benchmark takes.

    Attributes
    ----------
    benchmark : Benchmark
    error : float
        The target.
    today : float or None
        The error to start from.
    needed : tuple of Needed
        One for each regression.
    said : str
        What the paper itself says of this error; empty where nothing.
    machine : Machine
    level : float
        Of the slope's interval.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    benchmark: Benchmark
    error: float
    today: float | None
    needed: tuple[Needed, ...]
    said: str
    machine: Machine
    level: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(LimitsInputs)
def limits(
    *,
    stock: Number | None = None,
    share: Number | None = None,
    points: int | None = None,
    benchmark: str | None = None,
    error: Number | None = None,
    today: Number | None = None,
    **asked: Unpack[LimitsInputs],
) -> BenchmarkLimits | ComputeLimits:
    """Say where compute stops paying over a range of budgets, or what an error on a benchmark takes.

    Of a budget, or a range of ``flops`` such as ``"1e18..1e28"``: what a doubling of compute, of parameters or of tokens still
    buys, and the budgets from which the law is far outside its runs, the rest is small beside the irreducible loss, and the data
    run out.

    Parameters
    ----------
    stock : float or str, optional
        Different tokens there are; by default Villalobos et al. 2024's stock of public human text.
    share : float or str, optional
        Of the irreducible loss below which the rest is called small (10 %).
    points : int, optional
        Budgets of the table.
    benchmark : str
        Instead: imagenet, coco, squad, conll, wmt-en-fr or wmt-en-de.
    error : float or str
        The error to reach there, as a fraction or ``"5%"``.
    today : float or str, optional
        The error to start from: then the factor in compute between them is given too.
    {inputs}

    Returns
    -------
    BenchmarkLimits or ComputeLimits

    Raises
    ------
    PlannerError
        An unknown benchmark, an error that is none, or a benchmark whose errors do not follow compute significantly; a range that
        is none, a law that does not plan; both questions at once.

    Notes
    -----
    A benchmark's compute is the regressions' hardware burden, devices times peak times seconds: utilisation is in it already. The
    interval turns the line around the middle of the published systems by the slope's interval; single systems scatter wider.

    References
    ----------
    Thompson et al., arXiv 2007.05558.

    Examples
    --------
    >>> import planner
    >>> found = planner.limits(benchmark="imagenet", error="5%")
    >>> [(each.kind, f"{each.flops:.1e}") for each in found.needed]
    [('polynomial', '1.2e+26'), ('exponential', '1.2e+31'), ('operations', '8.5e+25')]
    """
    given = stated(asked, LimitsInputs, "limits")
    own = {"stock": stock, "share": share, "points": points, "benchmark": benchmark, "error": error, "today": today}
    told = {*given, *(name for name, value in own.items() if value is not None)}
    budgets = [name for name in ("flops", *BUDGETS, "gpus") if name in given]
    if benchmark is None:
        foreign = sorted(told & {"error", "today", "level"})
        if foreign and budgets:
            raise OptionError(f"`{foreign[0]}` does not go with `{budgets[0]}`; it goes with `benchmark`")
        if not budgets:
            raise OptionError("limits of what? A budget or a range of `flops` such as 1e18..1e28, or `benchmark` and `error`")
        return _budget_limits(given, stock, share, points)
    if any(name != "gpus" for name in budgets):
        raise OptionError(f"`{budgets[0]}` and `benchmark` are two questions: ask one of them")
    of_budgets = {"law", "constants", "stock", "share", "points", "mfu", "overhead", "deadline", "gpus", *rows(Serving)}
    if foreign := sorted(told & of_budgets):
        raise OptionError(f"`{foreign[0]}` does not go with `benchmark`")
    return _benchmark_limits(Question.of(LimitsInputs, "limits", given), benchmark, error, today)


def _budget_limits(given: dict[str, Any], stock: Any, share: Any, points: int | None) -> ComputeLimits:
    ranged = given.get("flops")
    if is_range(ranged):
        low, high = parse_range(ranged, "`flops`", parse_flops, "1e18..1e28")
        question = Question.of(LimitsInputs, "limits", {**given, "flops": low})
        devices = question.named("gpus", "gpu")
        if devices and question.named("inference_mfu", "generation_mfu"):
            raise OptionError(f"`{devices[0]}`: a range of `flops` trains at one utilisation; give that as `mfu` instead")
        read = read_served_budget(question)
    else:
        if isinstance(ranged, (list, tuple)):
            raise OptionError(f"`flops` {shown(ranged)}: expected a range of budgets such as 1e18..1e28, or one")
        question = Question.of(LimitsInputs, "limits", given)
        weighs = question.named("inference_mfu", "generation_mfu")  # training's utilisation weighs serving's
        read = read_served_budget(question, PAID if weighs else ())
        high = read.flops
    return compute_limits(read, high, question, stock=stock, share=share, points=points)


def _benchmark_limits(question: Question, benchmark: str, error: Any, today: Any) -> BenchmarkLimits:
    chosen = benchmark_named(benchmark)
    if error is None:
        raise OptionError("a benchmark needs an `error` to reach, such as 5%")
    target = _error(error, "`error`")
    start = None if today is None else _error(today, "`today`")
    if start is not None and start <= target:
        raise OptionError(f"`today` {shown(today)}: not above the error to reach, {shown(error)}; nothing is needed")
    usable = [each for each in chosen.regressions if each.significant(LEVEL)]
    if not usable:
        best = chosen.regressions[0]
        raise CannotPlanError(
            f"{chosen.id}: its errors do not follow compute significantly ({best.n} systems, slope over its standard error "
            f"{plain(best.t, 3)}, R2 {plain(best.r2, 3)}): no compute can be read off them"
        )
    held = read_held(question._replace(gpu=question.gpu or "h100-sxm"))
    assert held.machine is not None  # a device is named
    machine = held.machine._replace(mfu=Range(1.0, 1.0, 1.0))  # the burden counts peak FLOP/s
    needed = tuple(_needed(each, target, start, question.level, machine) for each in usable)
    inputs = {**question.stated(), "benchmark": chosen.id, "error": target, "today": start}
    return BenchmarkLimits(
        benchmark=chosen,
        error=target,
        today=start,
        needed=needed,
        said=chosen.said.get(target, ""),
        machine=machine,
        level=question.level,
        notes=tuple(_notes(chosen, usable, needed)),
        inputs=FrozenDict({**inputs, "machine": machine, "level": question.level}),
    )


def _error(value: Raw, name: str) -> float:
    error = parse_fraction(value, name)
    if not 0 < error < 1:
        raise OptionError(f"{name} {shown(value)}: must be above 0 and below 1, such as 5%")
    return error


def _needed(line: Regression, target: float, today: float | None, level: float, machine: Machine) -> Needed:
    slow, fast = line.slopes(level)
    flops = _power(line.log_flops(target))
    ends = sorted(line.log_flops(target, slope) for slope in (slow, fast) if slope > 0)
    rise = None if today is None else line.height(target) - line.height(today)
    burden = line.kind != "operations"  # it alone gives a device's hours, whatever its utilisation
    cost = machine.cost(flops) if burden and flops is not None else None
    spent = {name: getattr(cost, name, None) for name in ("device_hours", "dollars", "kwh", "kg_co2e")}
    return Needed(
        kind=line.kind,
        flops=flops,
        low=_power(ends[0]),
        high=_power(ends[1]) if len(ends) > 1 else None,
        factor=None if rise is None else _power(rise / line.c1),
        factor_low=None if rise is None else _power(rise / fast),
        factor_high=None if rise is None or slow <= 0 else _power(rise / slow),
        halving=_power((line.height(target / 2) - line.height(target)) / line.c1),
        r2=line.r2,
        t=line.t,
        systems=line.n,
        **{name: each and each.expected for name, each in spent.items()},
    )


def _power(log: float) -> float | None:
    """Return 10^log, None above what any budget may be."""
    return float(10**log) if log <= log10(LARGEST) else None


def _notes(chosen: Benchmark, usable: list[Regression], needed: tuple[Needed, ...]) -> Iterator[Note]:
    text = "a regression through published systems, not a law of nature: better methods move the line"
    yield Note("regression", "warning", text)
    text = "compute is hardware burden, peak FLOP/s times seconds: utilisation is in it, and no MFU is applied"
    yield Note("burden", "info", text)
    known = [each.flops for each in needed if each.flops is not None and each.kind != "operations"]
    if len(known) > 1:
        text = f"the two ways to draw the line fit about as well and lie {format_factor(max(known) / min(known))} apart here"
        yield Note("forms-differ", "warning", text)
    for each in needed:
        if each.flops is None:
            yield Note("out-of-range", "warning", f"the {each.kind} line gives more than {plain(LARGEST)} FLOP: nobody's budget")
    line = usable[0]
    text = f"the systems lie about {format_flops(10**line.middle)} and an error of {format_percent(line.error(line.middle))}"
    yield Note("middle", "info", f"{text}: the further from there, the more the line is a guess")
    yield from (Note("remark", "info", text) for text in chosen.remarks)
    for left in chosen.regressions:
        if left not in usable:
            yield Note("not-significant", "info", f"the {left.kind} slope is not significant and left out")
