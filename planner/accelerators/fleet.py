"""What devices do and cost in an hour, and the conversions that follow: FLOP, device-hours, dollars, energy, CO2e."""

from math import ceil
from typing import Any, NamedTuple

from planner._util.to_json import as_json
from planner.accelerators.accelerator import Accelerator
from planner.quantities.estimate import Range, exactly

HOUR = 3600.0
"""Seconds in an hour."""


class Grid(NamedTuple):
    """What electricity emits: grams of CO2e per kWh, and where the number comes from."""

    name: str
    grams_per_kwh: Range
    source: str


class Part(NamedTuple):
    """Devices of one kind in a fleet.

    Attributes
    ----------
    number : float
    device : Accelerator
    peak : float
        FLOP/s of one device in the format trained in, dense.
    price : Range or None
        US dollars per device-hour.
    watts : Range or None
        Average power of one device with its share of the server [W], before the building's overhead.
    """

    number: float
    device: Accelerator
    peak: float
    price: Range | None
    watts: Range | None


class Cost(NamedTuple):
    """What an amount of compute takes, each as low, expected and high.

    Attributes
    ----------
    device_hours : Range
    hours : Range or None
        Wall-clock time on the fleet [h]; None where the number of devices is not given.
    dollars : Range or None
        None where no price is known.
    kwh : Range or None
        At the meter [kWh]; None where the power is not published.
    kg_co2e : Range or None
    devices_needed : Range or None
        Devices that meet the deadline; None without one.
    in_time : bool or None
        Whether the devices there are meet it; None where their number is not given.
    """

    device_hours: Range
    hours: Range | None
    dollars: Range | None
    kwh: Range | None
    kg_co2e: Range | None
    devices_needed: Range | None
    in_time: bool | None = None


class Machine(NamedTuple):
    """Devices as they are used.

    Attributes
    ----------
    parts : tuple of Part
    counted : bool
        Whether the number of devices is given; otherwise one stands for any number.
    dtype : str
        Format whose peak counts.
    mfu : Range
        Model FLOP utilisation.
    overhead : float
        Time lost to failures and restarts, over the time that counts.
    pue : Range
        Power at the meter over power of the servers.
    grid : Grid or None
    deadline : float or None
        Hours in which the run must end.

    Notes
    -----
    MFU = model FLOP/s over peak FLOP/s, recomputation left out (Chowdhery et al. 2022, arXiv 2204.02311, App. B).
    """

    parts: tuple[Part, ...]
    counted: bool
    dtype: str
    mfu: Range
    overhead: float
    pue: Range
    grid: Grid | None
    deadline: float | None

    @property
    def devices(self) -> float:
        """Number of devices; 1 where it is not given."""
        return sum(part.number for part in self.parts)

    @property
    def peak(self) -> float:
        """Dense peak of all devices together [FLOP/s]."""
        return sum(part.number * part.peak for part in self.parts)

    @property
    def memory(self) -> float | None:
        """Memory of all devices together [bytes]; None where their number or a memory is not known."""
        each = [part.number * part.device.memory for part in self.parts if part.device.memory is not None]
        return sum(each) if self.counted and len(each) == len(self.parts) else None

    @property
    def dollars_per_hour(self) -> Range | None:
        """Price of the fleet for an hour; None where a price is missing."""
        return _total([(part.number, part.price) for part in self.parts])

    @property
    def kilowatts(self) -> Range | None:
        """Power of the fleet at the meter [kW]; None where a power is missing."""
        watts = _total([(part.number, part.watts) for part in self.parts])
        return None if watts is None else watts.times(self.pue).times(1e-3)

    @property
    def kg_per_hour(self) -> Range | None:
        """CO2e of the fleet in an hour [kg]; None where the power or the grid is missing."""
        power = self.kilowatts
        return None if power is None or self.grid is None else power.times(self.grid.grams_per_kwh).times(1e-3)

    def flops_in(self, hours: float) -> Range:
        """Return what the fleet computes in so many hours [FLOP]."""
        return self.mfu.times(hours * HOUR * self.peak / (1 + self.overhead))

    def hours_for(self, flops: float) -> Range:
        """Return how long the fleet takes [h]: least where the utilisation is highest."""
        slow, usual, fast = (flops * (1 + self.overhead) / (share * self.peak * HOUR) for share in self.mfu)
        return Range(fast, usual, slow)

    def cost(self, flops: float) -> Cost:
        """Return what an amount of compute [FLOP] takes."""
        hours = self.hours_for(flops)
        dollars, kwh, kg = (rate and hours.times(rate) for rate in (self.dollars_per_hour, self.kilowatts, self.kg_per_hour))
        needed = None
        if self.deadline is not None:
            needed = Range(*(float(ceil(each / self.deadline * (1 - 1e-12))) for each in hours.times(self.devices)))
        return Cost(
            device_hours=hours.times(self.devices),
            hours=hours if self.counted else None,
            dollars=dollars,
            kwh=kwh,
            kg_co2e=kg,
            devices_needed=needed,
            in_time=hours.expected <= self.deadline if self.deadline is not None and self.counted else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        parts = [
            {
                "device": part.device.id,
                "count": part.number if self.counted else None,
                "peak_flops_per_s": part.peak,
                "usd_per_hour": as_json(part.price),
                "watts": as_json(part.watts),
            }
            for part in self.parts
        ]
        rest = {name: as_json(getattr(self, name)) for name in ("dtype", "mfu", "overhead", "pue", "grid")}
        return {"parts": parts, **rest, "deadline_hours": self.deadline}


class Funding(NamedTuple):
    """A budget that was not given in FLOP.

    Attributes
    ----------
    kind : {"devices for a time", "device-hours", "dollars", "energy", "CO2e"}
    amount : float
        In hours, device-hours, US dollars, kWh or kg.
    flops : Range
        What it computes [FLOP]: expected, and from the dearest to the cheapest of what is not known exactly.
    """

    kind: str
    amount: float
    flops: Range


def funding(machine: Machine, kind: str, amount: float) -> Funding | None:
    """Return what a budget computes; None where the machine's price, power or grid is missing."""
    rate = {
        "devices for a time": exactly(1.0),
        "device-hours": exactly(machine.devices),
        "dollars": machine.dollars_per_hour,
        "energy": machine.kilowatts,
        "CO2e": machine.kg_per_hour,
    }[kind]
    if rate is None:
        return None
    low, usual, high = (machine.flops_in(amount / each)[end] for end, each in enumerate((rate.high, rate.expected, rate.low)))
    return Funding(kind, amount, Range(low, usual, high))


def _total(each: list[tuple[float, Range | None]]) -> Range | None:
    totals = [rate.times(count) for count, rate in each if rate is not None]
    return Range(*(sum(ends) for ends in zip(*totals, strict=True))) if len(totals) == len(each) else None
