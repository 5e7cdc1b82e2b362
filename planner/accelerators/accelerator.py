"""A device as data: peaks, memory, power and prices, each with its origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from planner.quantities.estimate import Range

DTYPES = ("bf16", "fp16", "fp8")
"""Formats that peaks are given for, the usual one first."""


FILE = "hardware.toml"


class Price(NamedTuple):
    """A published price of a device-hour.

    Attributes
    ----------
    low, high : float
        US dollars per device-hour; equal where one price was published.
    date, source : str
    """

    low: float
    high: float
    date: str
    source: str


@dataclass(frozen=True)
class Accelerator:
    """One accelerator as it is sold: per GPU or chip, never per pair or server.

    Attributes
    ----------
    id, name : str
    aliases : tuple of str
        Other ways of writing the id.
    family : str
        Whose ratio of server to device power it takes.
    peaks : mapping of str to float
        Dense peak of each format [FLOP/s]; never the headline with 2:4 sparsity.
    sparse : mapping of str to float
        That headline, to recognise it [FLOP/s].
    matmul : mapping of str to float
        Best dense matrix product measured [FLOP/s].
    memory_gb, bandwidth_tb_s : float or None
        Memory [1e9 bytes] and its bandwidth [1e12 bytes/s].
    watts : float or None
        Power [W]; None where it is not published.
    watts_range : (low, high) or None
        Of measured power.
    watts_kind : str
        What kind of figure ``watts`` is.
    prices : tuple of Price
        Published prices, newest first.
    sources : tuple of str
    matmul_source : str
    unverified : tuple of str
        What was not read in a source.
    note : str
    origin : str
        ``planner`` or the user's file.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    family: str
    peaks: Mapping[str, float]
    sparse: Mapping[str, float]
    matmul: Mapping[str, float]
    memory_gb: float | None
    bandwidth_tb_s: float | None
    watts: float | None
    watts_range: tuple[float, float] | None
    watts_kind: str
    prices: tuple[Price, ...]
    sources: tuple[str, ...]
    matmul_source: str
    unverified: tuple[str, ...]
    note: str
    origin: str = "planner"

    def __repr__(self) -> str:
        return f"Accelerator({self.id!r})"

    @property
    def price(self) -> Range | None:
        """Dollars per device-hour: lowest, highest published; expected the newest single one, else the newest range's middle."""
        if not self.prices:
            return None
        single = [price for price in self.prices if price.low == price.high]
        newest = single[0] if single else self.prices[0]
        middle = (newest.low * newest.high) ** 0.5
        return Range(min(price.low for price in self.prices), middle, max(price.high for price in self.prices))

    @property
    def price_date(self) -> str:
        """Date of the expected price; empty where none is known."""
        single = [price for price in self.prices if price.low == price.high]
        return (single or self.prices)[0].date if self.prices else ""

    @property
    def dtype(self) -> str:
        """The usual format: bf16 where the device has it."""
        return next(dtype for dtype in DTYPES if dtype in self.peaks)

    def best_share(self, dtype: str) -> float | None:
        """Return the best measured matrix product over the peak; None where none was measured."""
        return self.matmul[dtype] / self.peaks[dtype] if dtype in self.matmul else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        return {**plain, **lists, "prices": [price._asdict() for price in self.prices]}
