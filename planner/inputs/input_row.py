"""What is declared of an input: a row, and the readers that rows share; those that know laws or devices are imported late."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.showing import Raw, shown
from planner.errors import OptionError
from planner.quantities import parse_count, parse_number, parse_whole, plain

if TYPE_CHECKING:
    from pathlib import Path

    from planner.architectures.transformer import Shape
    from planner.scaling_laws.law import Law

    LawLike = str | Path | Law
    ShapeLike = str | Path | Mapping[str, object] | Shape
    FileLike = str | Path

Number = float | str
"""A number, or a text with a unit such as ``"70B"`` or ``"40%"``."""

Reader = Callable[[object, str], Any]


class Input(NamedTuple):
    """One thing a user can say."""

    read: Reader  # (value, name) -> value in base units
    help: str  # one sentence, for options and documentation
    metavar: str = ""
    unit: str = ""  # base unit of what is read; empty for plain numbers and names
    range: str = ""  # an example of a range, where one may be given
    even: bool = False  # whether a range is divided evenly, rather than evenly in its logarithm
    whole: bool = False  # whether the points of a range are whole numbers
    column: str = ""  # in the rows of a sweep, where not the input's own name
    per: float = 1.0  # base units to one of the column's
    column_unit: str = ""  # the unit there, where another
    default: Any = None
    choices: tuple[str, ...] = ()  # the only texts there are, for options and completion
    completes: str = ""  # what the shell offers: devices, grids, models or laws
    option: str = ""  # how the command line writes it, where not -- and its name
    flag: bool = False  # an option without a value
    many: bool = False  # one that may be repeated
    pair: bool = False  # one of two values
    cell: str = ""  # what it is, for an argument of a spreadsheet function


def later(name: str, module: str = "planner.inputs.readers") -> Reader:
    """Return a reader that is imported when it is first used: it knows laws, shapes or devices."""

    def read(value: Raw, called: str) -> Any:
        return getattr(import_module(module), name)(value, called)

    return read


def resource(name: str) -> Reader:
    """Return a reader of devices, time, money, energy or carbon, imported when it is first used."""
    return later(f"parse_{name}", "planner.quantities.resource_parsing")


def above_zero(value: Raw, name: str) -> float:
    """Read a number above 0."""
    number = parse_number(value, name)
    if number <= 0:
        raise OptionError(f"{name} {plain(number)}: must be above 0")
    return number


def within(least: float, most: float) -> Reader:
    def read(value: Raw, name: str) -> float:
        number = above_zero(value, name)
        if not least <= number <= most:
            raise OptionError(f"{name} {plain(number)}: expected {plain(least)} to {plain(most)}")
        return number

    return read


def yes_or_no(value: Raw, name: str) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"{name} {shown(value)}: expected True or False")
    return value


def as_given(value: Raw, name: str) -> Any:
    return value


def params_row(help: str, range: str = "1B..70B", **rest: Any) -> Input:
    return Input(partial(parse_count, what="parameters"), help, "N", "parameters", range, **rest)


def tokens_row(help: str, range: str = "100B..2T", metavar: str = "TOKENS", **rest: Any) -> Input:
    return Input(partial(parse_count, what="tokens"), help, metavar, "tokens", range, **rest)


def fraction_row(reader: str, help: str, range: str = "30%..50%", **rest: Any) -> Input:
    return Input(later(reader), help, "FRACTION", range=range, even=True, **rest)


def number_row(help: str, whole: bool = False) -> Input:
    return Input(within(1e-60, 1e60), help, "NUMBER", range="1..10", whole=whole)


def price_row(help: str, **rest: Any) -> Input:
    return Input(resource("price"), help, "USD", "USD/hour", "2..4", even=True, **rest)


def whole_row(least: int, most: int, help: str, metavar: str) -> Input:
    return Input(partial(parse_whole, least=least, most=most), help, metavar)


def choice_row(choices: tuple[str, ...], help: str, metavar: str = "") -> Input:
    def read(value: Raw, name: str) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise OptionError(f"{name} {shown(value)}: expected one of {', '.join(choices)}")
        return value.lower()

    return Input(read, help, metavar, choices=choices)


def flag_row(help: str) -> Input:
    return Input(yes_or_no, help, flag=True)


DTYPES = ("bf16", "fp16", "fp8")
RULES = ("exact", "kaplan", "6nd")
ATTENTION = ("full", "causal")
