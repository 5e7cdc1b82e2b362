"""A device as data: peaks, memory, power and prices, each with its origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from planner._util.to_json import fields_as_json
from planner.accelerators.prices import FILE as FILE
from planner.accelerators.prices import Price as Price
from planner.accelerators.prices import spread, used
from planner.quantities.estimate import Range

DTYPES = ("bf16", "fp16", "fp8")
"""Formats that peaks are given for, the usual one first."""

LOW_BITS = ("int8", "fp4")
"""Formats that no law of compute counts in, whose peaks are given all the same."""


class Links(NamedTuple):
    """How devices reach each other [bytes/s, one way a device], and how many are within one domain of the fast links."""

    inside: float
    between: float
    domain: int


class MeasuredStep(NamedTuple):
    """A step that the user measured, against its forecast.

    Attributes
    ----------
    log_time : float
        Logarithm of the measured time over the forecast.
    params : float
        Of the model.
    mixture : bool
    devices : int
    text : str
        What was run.
    """

    log_time: float
    params: float
    mixture: bool
    devices: int
    text: str


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
    low_bit : mapping of str to float
        Dense peaks of int8 and fp4 [operations/s], where they are published.
    memory_gb, bandwidth_tb_s : float or None
        Memory as it is sold [1e9 bytes] and its bandwidth [1e12 bytes/s].
    driver_bytes : float or None
        Memory that the driver reports [bytes], where that is known.
    links : Links or None
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
    like : str
        The shipped device whose efficiencies a user's own one shares.
    measured : tuple of MeasuredStep
        Steps of the user's own.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    family: str
    peaks: Mapping[str, float]
    sparse: Mapping[str, float]
    matmul: Mapping[str, float]
    low_bit: Mapping[str, float]
    memory_gb: float | None
    driver_bytes: float | None
    bandwidth_tb_s: float | None
    links: Links | None
    watts: float | None
    watts_range: tuple[float, float] | None
    watts_kind: str
    prices: tuple[Price, ...]
    sources: tuple[str, ...]
    matmul_source: str
    unverified: tuple[str, ...]
    note: str
    origin: str = "planner"
    like: str = ""
    measured: tuple[MeasuredStep, ...] = ()

    def __repr__(self) -> str:
        return f"Accelerator({self.id!r})"

    @property
    def price(self) -> Range | None:
        """Dollars per device-hour: lowest and highest published, and the one used (:func:`planner.accelerators.prices.used`)."""
        return spread(self.prices)

    @property
    def price_date(self) -> str:
        """Date of the newest price that is used; empty where none is known."""
        return max((price.date for price in used(self.prices)), default="")

    @property
    def memory(self) -> float | None:
        """Bytes that there are: as the driver reports them, else as sold; None where neither is known."""
        return self.driver_bytes or (self.memory_gb and 1e9 * self.memory_gb)

    @property
    def dtype(self) -> str:
        """The usual format: bf16 where the device has it."""
        return next(dtype for dtype in DTYPES if dtype in self.peaks)

    def best_share(self, dtype: str) -> float | None:
        """Return the best measured matrix product over the peak; None where none was measured."""
        return self.matmul[dtype] / self.peaks[dtype] if dtype in self.matmul else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        return fields_as_json(self)
