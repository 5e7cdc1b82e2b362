"""What spreadsheet functions take: a function's arguments with units, help and the reader of a cell, each defined once."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from planner._util.defaults import DEFAULT_LAW
from planner._util.files import stamp
from planner.accelerators.accelerator import FILE
from planner.accelerators.catalogue import accelerator, accelerators
from planner.allocation.problem import problem_of
from planner.errors import OptionError, QuantityError
from planner.inputs.forecast_speed import FILE as THROUGHPUT
from planner.inputs.forecast_speed import held_at_speed
from planner.inputs.question import Question
from planner.inputs.readers import device, devices
from planner.inputs.registry import every_input
from planner.quantities import finite, parse_flops, shown
from planner.quantities.resource_parsing import names_devices
from planner.scaling_laws.catalogue import load_law


class Argument(NamedTuple):
    """One argument of a function.

    Attributes
    ----------
    name : str
    help : str
        What it is, with its unit.
    read : (cell) -> value
        Reads a cell that is not blank.
    default : object
        Of a blank or missing cell; ``REQUIRED`` where there is none: then the result is blank too.
    varies : bool
        Whether it is computed as an array over the rows; otherwise rows are grouped by it.
    zero : bool
        Whether somebody may mean 0 by it; Calc does not tell it from a blank cell.
    """

    name: str
    help: str
    read: Callable[[Any], Any]
    default: Any = None
    varies: bool = False
    zero: bool = False


REQUIRED = object()
"""Default of an argument without one: where its cell is blank, the result is blank."""


class Function(NamedTuple):
    """A spreadsheet function.

    Attributes
    ----------
    name : str
        As in a cell: ``PLAN_TOKENS``.
    summary : str
        One line, with the unit of the result.
    arguments : tuple of Argument
        Its own; ``takes`` has those that every function takes too.
    compute : (**arguments) -> array
        Of the arguments that vary, arrays of one length.
    example : str
        A formula.
    table : bool
        Whether the result is a table with a header, of the whole range at once.
    text : bool
        Whether the result is a text.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    compute: Callable[..., Any]
    example: str
    table: bool = False
    text: bool = False

    @property
    def takes(self) -> tuple[Argument, ...]:
        """All arguments in their order."""
        return (*self.arguments, ERRORS)

    @property
    def python(self) -> str:
        """Its name in Python: ``plan_tokens``."""
        return self.name.lower()


class HeldBudget(float):
    """FLOP of devices for a time, or of money, as a plan has them; the text, for another law or a utilisation of one's own."""

    text: str

    def at(self, mfu: Any = None, overhead: Any = None, law: str = DEFAULT_LAW) -> float:
        """Return the FLOP under a law or at another utilisation, less what failures cost."""
        return _held(self.text, mfu, overhead, law, _stamps(law))[0]

    def share_on(self, name: str) -> float | None:
        """Return the utilisation that is forecast for the devices that hold it, where they are of this kind."""
        _, held, share = _held(self.text, None, None, DEFAULT_LAW, _stamps(DEFAULT_LAW))
        try:
            return share if held == accelerator(name, accelerators()).id else None
        except OptionError:  # which is said where the device is read
            return None


def read_budget(cell: Any) -> float:
    """Read a budget: FLOP, PF-days, devices for some days such as ``512xH100 x 30d``, or money such as ``$2M of h100``."""
    number = finite(cell)
    if number is not None and 1 <= number <= 1e60:
        return number
    if isinstance(cell, str) and (names_devices(cell) or _MONEY.match(cell)):
        budget = HeldBudget(_held(cell, None, None, DEFAULT_LAW, _stamps(DEFAULT_LAW))[0])
        budget.text = cell
        return budget
    try:
        return parse_flops(cell, "budget")
    except QuantityError as error:
        raise QuantityError(f"{error}; or devices for a time: 512xH100 x 30d; or money: $2M of h100") from None


def _stamps(law: str) -> tuple[object, ...]:
    return tuple(stamp(name) for name in (FILE, THROUGHPUT, f"laws/{law}.toml"))


@lru_cache(maxsize=4096)
def _held(
    text: str, mfu: float | None, overhead: float | None, law: str, _files: object
) -> tuple[float, str | None, float | None]:
    """Return the FLOP of devices for a time, or of money, and of one kind of devices for a time which they are and how used.

    They are kept as long as the files that they rest on are what they were.
    """
    problem = problem_of(load_law(law))
    money = _MONEY.match(text)
    if money:
        if not money["device"]:
            raise QuantityError(f"budget {shown(text)}: money for which device? Such as {money['amount'].strip()} of h100")
        dollars, gpu = every_input()["dollars"][1].read(money["amount"], "budget"), device(money["device"], "budget")
        found = held_at_speed(Question(dollars=dollars, gpu=gpu, overhead=overhead, mfu=mfu), problem)[0].flops
        assert found is not None  # a device is named
        return found, None, None
    held = held_at_speed(Question(gpus=devices(text, "budget"), overhead=overhead, mfu=mfu), problem)[0]
    if held.flops is None or held.machine is None:
        raise QuantityError(f"budget {shown(text)}: devices for how long? Such as 512xH100 x 30d")
    parts = held.machine.parts
    return held.flops, parts[0].device.id if len(parts) == 1 else None, held.machine.mfu.expected


_MONEY = re.compile(
    r"\s*(?P<amount>(?:us)?\$\s*[0-9.][0-9.,_]*(?:e\+?[0-9]+)?\s*(?:(?:k|m|b|t|thousand|million|billion|trillion)(?![a-z]))?)"
    r"\s*(?:(?:of|on|for)(?![a-z])\s*)?(?P<device>\S.*)?$",
    re.IGNORECASE,
)
"""Money, and the device it pays for: ``$2M of h100``."""


def _text(name: str) -> Callable[[Any], str]:
    def parse(cell: Any) -> str:
        if not isinstance(cell, str):
            raise QuantityError(f"{name} {shown(cell)}: expected a text")
        return cell.strip()

    return parse


def _errors(cell: Any) -> bool:
    if not isinstance(cell, str) or cell.strip().lower() not in {"text", "value"}:
        raise QuantityError(f'errors {shown(cell)}: expected "text" or "value"')
    return cell.strip().lower() == "text"


BUDGET = Argument(
    "budget",
    'compute: FLOP, "3 PF-days", "512xH100 x 30d" or "$2M of h100" (at mfu, else as plan has it)',
    read_budget,
    REQUIRED,
    varies=True,
)


def _of(name: str, default: Any = None, *, varies: bool = False, zero: bool = False) -> Argument:
    """Return an input of the registry as an argument."""
    row = every_input()[name][1]

    def parse(cell: Any) -> Any:
        number = finite(cell) if varies else None
        if number is not None and 1 <= number <= 1e60 and name != "loss":
            return number  # the common case, in columns of thousands
        return row.read(cell, name)

    return Argument(name, row.cell, parse, default, varies, zero)


PARAMS = _of("params", REQUIRED, varies=True)
TOKENS = _of("tokens", REQUIRED, varies=True)
LOSS = _of("loss", REQUIRED, varies=True)
LAW = Argument("law", every_input()["law"][1].cell, _text("law"), DEFAULT_LAW)
DEVICE = Argument("device", 'device: "h100", see PLAN_DEVICES', _text("device"), REQUIRED)
FLEET = Argument("devices", 'devices: "512xH100"', _text("devices"), REQUIRED)
MFU = _of("mfu")
PRICE = _of("price", zero=True)
OVERHEAD = _of("overhead")
GRID = _of("grid", REQUIRED)
ERRORS = Argument(
    "errors", '"text" writes an error\'s reason into its cell, which sums pass over; an error value if blank', _errors, False
)
"""The last argument of every function."""
