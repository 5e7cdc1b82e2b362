"""What a user may hold fixed in a fit, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.errors import OptionError
from planner.fitting.generalised_law import ALPHA, BETA, Array, E, G
from planner.fitting.sample import Sample
from planner.quantities import parse_number, plain, shown

_NAMES = ("E", "A", "B", "alpha", "beta", "gamma")
PLACES = {"E": E, "alpha": ALPHA, "beta": BETA, "gamma": G}
"""Where constants that can be bounded stand among a fit's coordinates."""


@dataclass(frozen=True)
class Limits:
    """Constants that a user pinned or bounded, and how much more a run predicted too high costs (None: the method's own)."""

    fixed: Mapping[str, float] = field(default_factory=FrozenDict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=FrozenDict)
    penalty: float | None = None

    def applied(self, sample: Sample, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Return bounds (B, 6) with the user's inside them."""
        for name, (low, high) in self.bounds.items():
            place = PLACES[name]
            ends = np.log([max(low, 1e-30), high]) if name in {"E", "gamma"} else (low, high)
            lower[:, place], upper[:, place] = ends
        for place, value in sample.coordinates(self.fixed).items():
            lower[:, place] = upper[:, place] = value
        return lower, upper


def read_limits(fixed: Raw, bounds: Raw, penalty: Raw) -> Limits:
    """Read pins such as {"E": 1.69}, bounds such as {"alpha": (0.1, 0.6)} and a penalty such as 3."""
    pins = {name: parse_number(value, f"fix {name}") for name, value in _pairs(fixed, "fix", "E=1.69").items()}
    for name, value in pins.items():
        if value < 0 or (value == 0 and name != "E"):
            raise OptionError(f"fix {name} = {plain(value)}: must be {'at least' if name == 'E' else 'above'} 0")
    for name, exponent in (("A", "alpha"), ("B", "beta")):
        if name in pins and exponent not in pins:
            raise OptionError(f"fix {name}: only together with {exponent}, for {name} alone means nothing; add {exponent}=...")
    spans: dict[str, tuple[float, float]] = {}
    for name, span in _pairs(bounds, "bound", "alpha=0.1:0.6").items():
        ends = span.split(":") if isinstance(span, str) else span
        if not isinstance(ends, (list, tuple)) or len(ends) != 2:
            raise OptionError(f"bound {name} {shown(span)}: expected LOW:HIGH such as 0.1:0.6")
        low, high = (parse_number(end, f"bound {name}") for end in ends)
        if name in {"A", "B"}:
            raise OptionError(f"bound {name}: bounds are for E, alpha, beta and gamma; {name} follows from its exponent")
        if not 0 <= low < high or (low == 0 and name == "gamma"):
            needed = "0 <= low < high, above 0" if name == "gamma" else "0 <= low < high"
            raise OptionError(f"bound {name} {plain(low)}:{plain(high)}: needs {needed}")
        if name in pins:
            raise OptionError(f"{name} is both fixed and bounded; drop one")
        spans[name] = (low, high)
    weight = None if penalty is None else parse_number(penalty, "overestimate penalty")
    if weight is not None and not 0.01 <= weight <= 1000:
        raise OptionError(f"overestimate penalty {plain(weight)}: must lie between 0.01 and 1000; 1 treats both sides alike")
    return Limits(FrozenDict(pins), FrozenDict(spans), weight)


def _pairs(given: Raw, what: str, example: str) -> Mapping[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(f"{what} {shown(given)}: expected names and values, such as {example}")
    unknown = [name for name in given if name not in _NAMES]
    if unknown:
        raise OptionError(f"{what} {shown(unknown[0])}: no such constant; known are {', '.join(_NAMES)}")
    return given
