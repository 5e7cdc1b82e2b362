"""What a target accuracy would really cost, by the published regressions of benchmark errors on compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Any, NamedTuple

from planner._frozen import FrozenDict
from planner._version import __version__
from planner.answers import as_json
from planner.asking.conditions import Conditions, read
from planner.asking.holding import read_means
from planner.asking.means import Means
from planner.benchmarks import Benchmark, Kind, Regression, benchmark_named
from planner.choosing import LawLike
from planner.diminishing import ComputeLimits, compute_limits
from planner.errors import CannotPlanError, OptionError
from planner.intervals import LEVEL, check_level
from planner.machines.devices import Range
from planner.machines.fleet import Cost, Machine
from planner.notes import Note
from planner.units import LARGEST, format_factor, format_percent, parse_fraction, plain, shown

_DEVICE = "h100-sxm"


class Needed(NamedTuple):
    """What one regression says an error takes.

    Attributes
    ----------
    kind : {"polynomial", "exponential"}
    flops, low, high : float or None
        Hardware burden [FLOP]: on the line, and at the ends of the slope's interval; None above 1e60 or without an end.
    factor, factor_low, factor_high : float or None
        Times the compute of today's error; None without one, or above 1e60.
    halving : float or None
        Times the compute for half of the target's error; None above 1e60.
    r2, t : float
        Share of the variance explained, and the slope over its standard error.
    systems : int
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


@dataclass(frozen=True)
class BenchmarkLimits:
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

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: base units, full precision, stable keys with the attributes' names."""
        result: dict[str, Any] = as_json(self)
        return result


def limits(
    *,
    flops: object = None,
    law: LawLike | None = None,
    constants: Mapping[str, object] | None = None,
    stock: object = None,
    share: object = None,
    points: int | None = None,
    benchmark: str | None = None,
    error: object = None,
    today: object = None,
    gpu: object = None,
    price: object = None,
    peak: object = None,
    power: object = None,
    pue: object = None,
    grid: object = None,
    gpu_file: object = None,
    level: object = None,
) -> BenchmarkLimits | ComputeLimits:
    """Say where compute stops paying over a range of budgets, or what an error on a benchmark takes.

    Parameters
    ----------
    flops : str, pair or float
        A range of budgets, ``"1e18..1e28"``, or one: what a doubling of compute, of parameters or of tokens still buys, and the
        budgets from which the law is far outside its runs, the rest is small beside the irreducible loss, and the data run out.
    law, constants : optional
        The law, and constants of it to replace.
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
    gpu, price, peak, power, pue, grid, gpu_file : optional
        The device that the compute is paid for, as for :func:`planner.plan`.
    level : float or str
        Of the slope's interval.

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
    [('polynomial', '1.2e+26'), ('exponential', '1.2e+31')]
    """
    given = {name: value for name, value in locals().items() if value is not None}
    asked, other = (("flops", _OF_BUDGETS), ("benchmark", _OF_BENCHMARKS))["benchmark" in given]
    foreign = [name for name in given if name not in other]
    if foreign or asked not in given:
        if "flops" in given and "benchmark" in given:
            raise OptionError("flops and benchmark are two questions: ask one of them")
        if asked not in given:
            raise OptionError("limits of what? flops, a budget or a range such as 1e18..1e28, or benchmark and error")
        raise OptionError(f"{foreign[0]} does not go with {asked}")
    if asked == "flops":
        return compute_limits(**given)
    return _benchmark_limits(given)


_OF_BUDGETS = {"flops", "law", "constants", "stock", "share", "points"}
_OF_BENCHMARKS = {"benchmark", "error", "today", "gpu", "price", "peak", "power", "pue", "grid", "gpu_file", "level"}


def _benchmark_limits(given: Mapping[str, Any]) -> BenchmarkLimits:
    chosen = benchmark_named(given["benchmark"])
    error, today = given.get("error"), given.get("today")
    if error is None:
        raise OptionError("a benchmark needs an error to reach, such as 5%")
    target = _error(error, "error")
    start = None if today is None else _error(today, "today")
    confidence = check_level(parse_fraction(given.get("level", LEVEL), "level"))
    if start is not None and start <= target:
        raise OptionError(f"today {shown(today)}: not above the error to reach, {shown(error)}; nothing is needed")
    usable = [each for each in chosen.regressions if each.significant(LEVEL)]
    if not usable:
        best = chosen.regressions[0]
        raise CannotPlanError(
            f"{chosen.id}: its errors do not follow compute significantly ({best.n} systems, slope over its standard error "
            f"{plain(best.t, 3)}, R2 {plain(best.r2, 3)}): no compute can be read off them"
        )
    conditions: Any = read(Conditions(price=given.get("price")))
    means = Means(**{"gpu": _DEVICE, **{name: value for name, value in given.items() if name in Means.__dataclass_fields__}})
    held = read_means(means, mfu=None, price=conditions.price)
    assert held.machine is not None  # a device is named
    machine = held.machine._replace(mfu=Range(1.0, 1.0, 1.0))  # the burden counts peak FLOP/s
    if held.flops is not None:
        raise OptionError("limits say what an error takes; a budget goes with plan")
    needed = tuple(_needed(each, target, start, confidence, machine) for each in usable)
    inputs = {"benchmark": chosen.id, "error": target, "today": start, "machine": machine, "level": confidence}
    return BenchmarkLimits(
        benchmark=chosen,
        error=target,
        today=start,
        needed=needed,
        said=chosen.said.get(target, ""),
        machine=machine,
        level=confidence,
        notes=tuple(_notes(chosen, usable, needed)),
        inputs=FrozenDict(inputs),
    )


def _error(value: object, name: str) -> float:
    error = parse_fraction(value, name)
    if not 0 < error < 1:
        raise OptionError(f"{name} {shown(value)}: must be above 0 and below 1, such as 5%")
    return error


def _needed(line: Regression, target: float, today: float | None, level: float, machine: Machine) -> Needed:
    slow, fast = line.slopes(level)
    flops = _power(line.log_flops(target))
    ends = sorted(line.log_flops(target, slope) for slope in (slow, fast) if slope > 0)
    rise = None if today is None else line.height(target) - line.height(today)
    cost: Cost | None = None if flops is None else machine.cost(flops)
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
        device_hours=cost.device_hours.expected if cost else None,
        dollars=cost.dollars.expected if cost and cost.dollars else None,
        kwh=cost.kwh.expected if cost and cost.kwh else None,
        kg_co2e=cost.kg_co2e.expected if cost and cost.kg_co2e else None,
    )


def _power(log: float) -> float | None:
    """Return 10^log, None above what any budget may be."""
    return float(10**log) if log <= log10(LARGEST) else None


def _notes(chosen: Benchmark, usable: list[Regression], needed: tuple[Needed, ...]) -> list[Note]:
    text = "a regression through published systems, not a law of nature: better methods move the line"
    notes = [Note("regression", "warning", text)]
    text = "compute is hardware burden, peak FLOP/s times seconds: utilisation is in it, and no MFU is applied"
    notes.append(Note("burden", "info", text))
    known = [each.flops for each in needed if each.flops is not None]
    if len(known) > 1:
        text = f"the two ways to draw the line fit about as well and lie {format_factor(max(known) / min(known))} apart here"
        notes.append(Note("forms-differ", "warning", text))
    notes += [
        Note("out-of-range", "warning", f"the {each.kind} line gives more than {plain(LARGEST)} FLOP: nobody's budget")
        for each in needed
        if each.flops is None
    ]
    line = usable[0]
    text = f"the systems lie about 1e{line.middle:.1f} FLOP and an error of {format_percent(line.error(line.middle))}"
    notes.append(Note("middle", "info", f"{text}: the further from there, the more the line is a guess"))
    left = [each for each in chosen.regressions if each not in usable]
    notes += [Note("not-significant", "info", f"the {each.kind} slope is not significant and left out") for each in left]
    return notes
