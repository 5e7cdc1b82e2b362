"""Published regressions of benchmark errors on compute."""

from collections.abc import Mapping
from math import log10
from typing import Literal, NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled
from planner._util.showing import Raw
from planner._util.student_t import student_quantile
from planner.errors import OptionError
from planner.quantities import shown

Kind = Literal["polynomial", "exponential", "operations"]
KINDS: tuple[Kind, ...] = ("polynomial", "exponential", "operations")


class Regression(NamedTuple):
    """A line through published systems: log10(1/error) (polynomial) or 1/error (exponential) = c0 + c1 log10(C).

    C is hardware burden, peak FLOP/s times seconds; of ``operations``, drawn as a polynomial too, it is what training computed.

    Attributes
    ----------
    c0, c1, c0_se, c1_se : float
        Constants and their standard errors.
    n : int
        Systems.
    r2 : float
    """

    kind: Kind
    c0: float
    c1: float
    c0_se: float
    c1_se: float
    n: int
    r2: float

    @property
    def t(self) -> float:
        """The slope over its standard error."""
        return self.c1 / self.c1_se

    @property
    def middle(self) -> float:
        """About where the systems lie, in log10(C).

        The variance of c0 is that of c1 times the mean square of log10(C), whose root is the mean but for the systems' spread.
        """
        return self.c0_se / self.c1_se

    def significant(self, level: float) -> bool:
        """Tell whether the slope is above 0 at a two-sided level."""
        return self.t > student_quantile((1 + level) / 2, self.n - 2)

    def height(self, error: float) -> float:
        """Return what the line is drawn of for an error."""
        return 1 / error if self.kind == "exponential" else log10(1 / error)

    def error(self, log_flops: float) -> float:
        """Return the error on the line at log10(C)."""
        height = self.c0 + self.c1 * log_flops
        return 1 / height if self.kind == "exponential" else float(10**-height)

    def log_flops(self, error: float, slope: float | None = None) -> float:
        """Return log10(C) on the line at an error; another slope turns it around the middle of the systems."""
        if slope is None:
            return (self.height(error) - self.c0) / self.c1
        return self.middle + (self.height(error) - self.c0 - self.c1 * self.middle) / slope

    def slopes(self, level: float) -> tuple[float, float]:
        """Return the interval of the slope."""
        half = student_quantile((1 + level) / 2, self.n - 2) * self.c1_se
        return self.c1 - half, self.c1 + half


class BenchmarkCheck(NamedTuple):
    """A published statement that the polynomial regression must reproduce."""

    error: float
    log10_flops: float
    tolerance: float
    reason: str


class Benchmark(NamedTuple):
    """A benchmark with its regressions.

    Attributes
    ----------
    said : mapping of float to str
        What the paper itself says of an error.
    remarks : tuple of str
        How its numbers stand to those that were printed.
    """

    id: str
    title: str
    metric: str
    regressions: tuple[Regression, ...]
    checks: tuple[BenchmarkCheck, ...]
    said: Mapping[float, str]
    source: str
    read: str
    remarks: tuple[str, ...]


@kept_while_unchanged("benchmarks.toml")
def benchmarks() -> tuple[Benchmark, ...]:
    """Return the benchmarks."""
    table = read_bundled("benchmarks.toml")
    return tuple(
        Benchmark(
            id=entry["id"],
            title=entry["title"],
            metric=entry["metric"],
            regressions=tuple(Regression(kind, **entry[kind]) for kind in KINDS if kind in entry),
            checks=tuple(BenchmarkCheck(**each) for each in entry.get("check", ())),
            said={float(each["error"]): each["text"] for each in table["said"] if each["benchmark"] == entry["id"]},
            source=table["source"]["text"],
            read=table["source"]["read"],
            remarks=tuple(entry.get("remarks", ())),
        )
        for entry in table["benchmark"]
    )


def benchmark_named(name: Raw) -> Benchmark:
    """Return a benchmark by its id."""
    known = {each.id: each for each in benchmarks()}
    if not isinstance(name, str) or name.strip().lower() not in known:
        raise OptionError(f"`benchmark` {shown(name)}: expected one of {', '.join(known)}")
    return known[name.strip().lower()]
