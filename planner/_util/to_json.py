"""Results as JSON types: base units, full precision, the attributes' own names."""

import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Number
from typing import Any, ClassVar, TypeVar

Listed = TypeVar("Listed")


class Shown:
    """What can show itself: as the command prints it, in a notebook, as a data frame.

    How is known to the packages above, so the one that knows them all is asked.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def text(self, width: int | None = None) -> str:
        """Return what the command prints.

        Parameters
        ----------
        width : int, optional
            Columns; by default the terminal's, or 100.
        """
        return str(_presenting().text(self, width))

    def to_frame(self) -> Any:
        """Return the rows of ``--format csv`` as a pandas data frame: full precision, base units.

        Raises
        ------
        OptionError
            pandas is not installed.
        """
        return _presenting().frame(self)

    def __repr__(self) -> str:
        parts = [(name, getattr(self, name)) for name in self.__dataclass_fields__ if name != "version"]
        told = [part for part in parts if isinstance(part[1], (str, bool, int, float)) or _rows(part[1])]
        said = ", ".join(f"{name}={_short(value)}" for name, value in told)
        text = f"{type(self).__name__}({said})"
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 5]} ...)"

    def _repr_html_(self) -> str:
        return str(_presenting().html(self))


_LONGEST = 300
"""Characters of a ``repr``: what a notebook shows of a list of answers is still readable."""


def _rows(value: Any) -> bool:
    return type(value) is tuple and bool(value) and any(hasattr(value[0], name) for name in ("__dataclass_fields__", "_fields"))


def _short(value: Any) -> str:
    if _rows(value):
        return f"<{len(value)} {type(value[0]).__name__}>"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _presenting() -> Any:
    return sys.modules["planner"].presenting()  # loaded, for whatever is here was imported through it


class Listing(Shown, tuple[Listed, ...]):
    """A tuple that shows itself: a catalogue, or anything else that is a list of results.

    Attributes
    ----------
    kind : str
        What it lists.
    """

    kind: str

    def __new__(cls, listed: Iterable[Listed], kind: str) -> "Listing[Listed]":
        """Take the members, and what to call them."""
        made = super().__new__(cls, listed)
        made.kind = kind
        return made

    def __getnewargs__(self) -> tuple[tuple[Listed, ...], str]:
        """Return what a copy is made of."""
        return tuple(self), self.kind

    def __repr__(self) -> str:
        return f"Listing(<{len(self)} {self.kind}>)"


class Answer(Shown):
    """Base of every result, a frozen dataclass: equality, a short text of its own, and what it is as JSON types are said once.

    Said here rather than made for each class, which would cost every start of the command a millisecond or two.
    """

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name, each in self.__dataclass_fields__.items() if each.compare)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: base units, full precision, stable keys with the attributes' names."""
        return fields_as_json(self)


def as_json(value: Any) -> Any:
    """Turn a frozen result into JSON types, attribute by attribute; what says itself what it is, is asked."""
    own = getattr(value, "to_dict", None)
    if own is not None:
        return own()
    if hasattr(value, "__dataclass_fields__"):
        return fields_as_json(value)
    if hasattr(value, "_asdict"):
        return {name: as_json(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    if isinstance(value, Number) and not isinstance(value, (int, float)):  # as another library has it
        return int(value) if isinstance(value, Integral) else float(value)  # type: ignore[arg-type]  # answers hold real ones
    return value


def fields_as_json(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON types; the problem that was solved is no result."""
    return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__ if name != "problem"}
