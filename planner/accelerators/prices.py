"""Published prices of a device-hour: which of them is used, how far they spread, and how old they are."""

import re
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from planner._util.files import settings
from planner.quantities.estimate import Range

FILE = "hardware.toml"
KINDS = ("median", "on-demand", "from", "range", "reserved", "spot", "blog")
"""A median over sellers, a seller's price on demand, its lowest one, a span over sellers, with a term, interruptible, hearsay."""


class Price(NamedTuple):
    """A published price of a device-hour.

    Attributes
    ----------
    low, high : float
        US dollars per device-hour; equal where one price was published.
    date, source : str
    kind : str
        One of ``KINDS``.
    """

    low: float
    high: float
    date: str
    source: str
    kind: str = "on-demand"

    @property
    def middle(self) -> float:
        """Geometric mean of the ends."""
        return float((self.low * self.high) ** 0.5)


def used(prices: Sequence[Price]) -> list[Price]:
    """Return those of the prices from which the one that is used comes.

    The newest median over sellers; else prices on demand and spans over sellers of the last months, else all of those, else all.
    """
    medians = [price for price in prices if price.kind == "median"]
    if medians:
        return medians[:1]
    on_demand = [price for price in prices if price.kind in {"on-demand", "range"}]
    return [price for price in on_demand if not is_old(price.date)] or on_demand or list(prices)


def spread(prices: Sequence[Price]) -> Range | None:
    """Return the lowest, the used and the highest price; None where there is none."""
    if not prices:
        return None
    middle = float(median(price.middle for price in used(prices)))
    return Range(min(price.low for price in prices), middle, max(price.high for price in prices))


def is_old(date: str) -> bool:
    """Tell whether a date lies further before the catalogue's own than it allows; a year alone is taken for its end."""
    section = settings(FILE, "prices")
    return _months(str(section["as_of"])) - _months(date) > int(section["old_after_months"])


def _months(date: str) -> int:
    found = re.match(r"(\d{4})(?:-(\d{2}))?", date)
    return 12 * int(found[1]) + int(found[2] or 12) if found else 0


def one_line(prices: Sequence[Price]) -> bool:
    """Tell whether one quote alone, or hearsay, says what a device costs."""
    kinds = {price.kind for price in prices}
    return kinds <= {"blog"} or (len(prices) < 2 and "median" not in kinds)


def doubt(prices: Sequence[Price]) -> str:
    """Say why the price that is used should not be relied on; nothing where there is no reason."""
    if not prices:
        return ""
    taken = used(prices)
    date = max(price.date for price in taken)
    if all(price.kind == "blog" for price in taken):
        return f"its price rests on one line of a blog of {date}"
    if is_old(date):
        return f"its price is of {date}, more than {settings(FILE, 'prices')['old_after_months']} months before these data"
    return ""
