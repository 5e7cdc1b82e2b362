"""Published efficiency levers: by what factor each multiplies compute, and what is wrong with the number."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled

WorksOn = Literal["flops", "price"]


class PublishedLever(NamedTuple):
    """An efficiency lever as its source prints it.

    Attributes
    ----------
    id, title : str
    kind : str
        What it is a version of: versions of one lever do not combine.
    works_on : {"flops", "price"}
        Whether the same FLOP count for more, or the same money buys more of them.
    low, value, high : float or None
        Gain as a factor, or the time of halving or doubling; None where it is not published.
    per : {"", "months", "years"}
        Unit of the time in which the gain is two; empty for a factor.
    interval : str
        What low and high are.
    claimed : float or None
        The gain that was claimed before somebody measured again.
    applies_to, source, read, caveat : str
    """

    id: str
    title: str
    kind: str
    works_on: WorksOn
    low: float | None
    value: float | None
    high: float | None
    per: str
    interval: str
    claimed: float | None
    applies_to: str
    source: str
    read: str
    caveat: str

    def gain(self, years: float) -> tuple[float | None, float | None, float | None]:
        """Return the gain (low, value, high); of those that come with time after so many years."""
        if not self.per:
            return self.low, self.value, self.high
        time = years * (12 if self.per == "months" else 1)
        slow, usual, fast = (None if each is None else 2 ** (time / each) for each in (self.high, self.value, self.low))
        return slow, usual, fast


@kept_while_unchanged("levers.toml")
def published_levers() -> tuple[PublishedLever, ...]:
    """Return the levers that have a usable published number."""
    return tuple(_lever(entry) for entry in read_bundled("levers.toml")["lever"])


@kept_while_unchanged("levers.toml")
def unusable_levers() -> tuple[tuple[str, str], ...]:
    """Return (lever, why) of those that have none."""
    return tuple((entry["what"], entry["why"]) for entry in read_bundled("levers.toml")["unusable"])


def _lever(entry: Mapping[str, Any]) -> PublishedLever:
    kinds = {"gain": "", "halving_months": "months", "doubling_years": "years"}
    key = next(name for name in kinds if name in entry)
    ends = {name: float(entry[key][name]) if name in entry[key] else None for name in ("low", "value", "high")}
    said = {name: value for name, value in entry.items() if name != key}
    return PublishedLever(**{"kind": entry["id"], "interval": "", "claimed": None, **said, **ends, "per": kinds[key]})
