"""What is not known exactly: a low, an expected and a high value."""

from typing import NamedTuple


class Range(NamedTuple):
    """Low, expected and high value of what is not known exactly."""

    low: float
    expected: float
    high: float

    def times(self, factor: "float | Range") -> "Range":
        """Return the product, end by end."""
        if isinstance(factor, Range):
            return Range(*(mine * its for mine, its in zip(self, factor, strict=True)))
        return Range(*(factor * each for each in self))

    @property
    def known(self) -> bool:
        """Whether low and high end are the same."""
        return self.low == self.high


def exactly(value: float) -> Range:
    """Return a range of one value."""
    return Range(value, value, value)
