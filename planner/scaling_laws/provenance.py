"""What a law carries besides its equation: conventions, fitted range, source, published intervals and published outputs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from planner._util.frozen_dict import FrozenDict


class Conventions(NamedTuple):
    """What a law's numbers mean.

    Attributes
    ----------
    params : str
        Which parameters N counts: one of ``PARAM_COUNTS``.
    params_detail : str
        The same in the source's terms.
    loss_unit : str
        Such as ``nats/token``; ``none`` where the law has no loss.
    flops_per_param_token : float
        k in C = k N D.
    data : str
        Training data and tokenizer.
    """

    params: str
    loss_unit: str
    flops_per_param_token: float
    data: str
    params_detail: str = ""


PARAM_COUNTS: Mapping[str, str] = FrozenDict(
    {
        "total": "all parameters, embeddings included",
        "non-embedding": "parameters without embeddings",
        "non-input-embedding": "parameters without the input embedding, output head included",
        "active": "active parameters",
        "flops-equivalent": "FLOP per token over k, attention included",
        "unstated": "parameters of a kind that the source does not state",
    }
)


class Domain(NamedTuple):
    """The ranges of the runs a law was fitted on, each (low, high) or None where the source does not print it."""

    params: tuple[float, float] | None = None
    tokens: tuple[float, float] | None = None
    flops: tuple[float, float] | None = None
    tokens_per_param: tuple[float, float] | None = None
    detail: str = ""
    choices: Mapping[str, tuple[float, float]] = FrozenDict()

    @property
    def known(self) -> bool:
        """Whether any range is known."""
        return any((self.params, self.tokens, self.flops, self.tokens_per_param))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        ranges = {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}
        return {**ranges, "choices": {name: list(ends) for name, ends in self.choices.items()}}


UNKNOWN_DOMAIN = Domain()


class Source(NamedTuple):
    """Where a law's numbers come from and how they were read."""

    authors: str
    title: str
    year: int
    locator: str
    read: str
    arxiv: str = ""
    doi: str = ""
    url: str = ""

    @property
    def reference(self) -> str:
        """Short reference: ``Hoffmann et al. 2022, arXiv 2203.15556, Table 3``."""
        where = f"arXiv {self.arxiv}" if self.arxiv else f"doi {self.doi}" if self.doi else self.url
        return ", ".join(part for part in (f"{self.authors} {self.year}", where, self.locator) if part)


class Interval(NamedTuple):
    """Published intervals of constants or exponents: what they are, and {name: (low, high)}."""

    level: str
    how: str
    values: Mapping[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: what a law file stores under ``interval``."""
        return {"level": self.level, "how": self.how, **{name: list(ends) for name, ends in self.values.items()}}


class PublishedCheck(NamedTuple):
    """A published output that the law must reproduce within the printed precision."""

    quantity: str
    inputs: Mapping[str, float]
    expected: float
    rel_tolerance: float
    reason: str
    locator: str
