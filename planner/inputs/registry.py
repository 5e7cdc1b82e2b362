"""Everything a user can say, each once: its type, reader, help, unit, and whether it may be a range.

From these rows come the keyword arguments of the library with their documentation, the options of the command line in their
groups, the axes of a sweep, the arguments of spreadsheet functions, shell completion, and the reference of inputs. What is read
of them is a :class:`planner.inputs.question.Question`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypedDict, TypeVar

from planner._util.defaults import DEFAULT_LAW, LEVEL, TOLERANCE
from planner.errors import OptionError
from planner.quantities import parse_anchor, parse_count, parse_flops, parse_fraction, parse_number, shown

if TYPE_CHECKING:
    from pathlib import Path

    from planner.architectures.transformer import Shape
    from planner.scaling_laws.law import Law

    LawLike = str | Path | Law
    ShapeLike = str | Mapping[str, object] | Shape
    FileLike = str | Path

Number = float | str
"""A number, or a text with a unit such as ``"70B"`` or ``"40%"``."""

Reader = Callable[[object, str], Any]
Function = TypeVar("Function", bound=Callable[..., Any])


class Input(NamedTuple):
    """One thing a user can say.

    Attributes
    ----------
    read : (value, name) -> value in base units
    help : str
        One sentence, for options and documentation.
    metavar : str
    unit : str
        Base unit of what is read; empty for plain numbers and names.
    range : str
        An example of a range, where one may be given.
    even : bool
        Whether a range is divided evenly, rather than evenly in its logarithm.
    whole : bool
        Whether the points of a range are whole numbers.
    column : str
        In the rows of a sweep, where not the input's own name.
    per : float
        Base units to one of the column's.
    column_unit : str
        The unit there, where another.
    default : object
    choices : tuple of str
        The only texts there are, for options and completion.
    completes : str
        What the shell offers: ``devices``, ``grids``, ``models`` or ``laws``.
    option : str
        How the command line writes it, where not ``--`` and its name.
    flag, many, pair : bool
        An option without a value, one that may be repeated, one of two values.
    cell : str
        What it is, for an argument of a spreadsheet function.
    """

    read: Reader
    help: str
    metavar: str = ""
    unit: str = ""
    range: str = ""
    even: bool = False
    whole: bool = False
    column: str = ""
    per: float = 1.0
    column_unit: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    completes: str = ""
    option: str = ""
    flag: bool = False
    many: bool = False
    pair: bool = False
    cell: str = ""


def _later(name: str) -> Reader:
    """Return a reader that is imported when it is first used: it knows laws, shapes or devices."""

    def read(value: object, called: str) -> Any:
        from planner.inputs import readers

        return getattr(readers, name)(value, called)

    return read


def _resource(name: str) -> Reader:
    """Return a reader of devices, time, money, energy or carbon, imported when it is first used."""

    def read(value: object, called: str) -> Any:
        from planner.quantities import resource_parsing as resources

        return getattr(resources, f"parse_{name}")(value, called)

    return read


def _count(what: Any) -> Reader:
    return lambda value, name: parse_count(value, name, what)


def above_zero(value: object, name: str) -> float:
    """Read a number above 0."""
    from planner.quantities import plain

    number = parse_number(value, name)
    if number <= 0:
        raise OptionError(f"{name} {plain(number)}: must be above 0")
    return number


def _within(least: float, most: float) -> Reader:
    def read(value: object, name: str) -> float:
        from planner.quantities import plain

        number = above_zero(value, name)
        if not least <= number <= most:
            raise OptionError(f"{name} {plain(number)}: expected {plain(least)} to {plain(most)}")
        return number

    return read


def _one_of(*choices: str) -> Reader:
    def read(value: object, name: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise OptionError(f"{name} {shown(value)}: expected one of {', '.join(choices)}")
        return value

    return read


def _yes_or_no(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"{name} {shown(value)}: expected True or False")
    return value


def _as_given(value: object, name: str) -> Any:
    return value


_PARAMS, _TOKENS = _count("parameters"), _count("tokens")
_PLAIN = _within(1e-60, 1e60)
DTYPES = ("bf16", "fp16", "fp8")
RULES = ("exact", "kaplan", "6nd")


class ChosenLaw(TypedDict, total=False):
    """The law that answers."""

    law: Annotated[
        "LawLike",
        Input(
            _as_given,
            "Law to use: an id from `plan laws`, or your own .toml or .json file.",
            "ID|FILE",
            default=DEFAULT_LAW,
            completes="laws",
            cell=f"law, an id of PLAN_LAWS; {DEFAULT_LAW} if blank",
        ),
    ]


class Constants(TypedDict, total=False):
    """Other constants for the law."""

    constants: Annotated[
        "Mapping[str, Number]",
        Input(_later("constants"), "Replace a constant of the law; repeat for more.", "NAME=VALUE", option="--set", many=True),
    ]


class Exponents(TypedDict, total=False):
    """Exponents of one's own."""

    exponents: Annotated[
        "Sequence[Number]", Input(_later("exponents"), "Your own exponents: N ~ C^A, D ~ C^B.", "A B", pair=True)
    ]
    anchor: Annotated[
        "str | Sequence[Number]",
        Input(parse_anchor, "Known optimum the exponents pass through.  [default: the law's own at 1e20 FLOP]", "C:N"),
    ]


class Tolerance(TypedDict, total=False):
    """When a run is called balanced."""

    tolerance: Annotated[
        Number, Input(parse_fraction, "Extra compute up to which a run is balanced.", "FRACTION", default=TOLERANCE)
    ]


class Level(TypedDict, total=False):
    """How sure an interval is."""

    level: Annotated[Number, Input(_later("level"), "Level of intervals.", "FRACTION", default=LEVEL)]


class Judging(Tolerance, Level, total=False):
    """When a run is called balanced, and how sure an interval is."""


class Compute(TypedDict, total=False):
    """A budget of compute."""

    flops: Annotated[Number, Input(parse_flops, 'Budget: 1e21, "3 PF-days", "1 ZFLOP".', "FLOP", "FLOP", "1e18..1e26")]


class PfDays(TypedDict, total=False):
    """The same in PF-days."""

    pf_days: Annotated[
        Number, Input(_later("pf_days"), "Budget: PF-days.", "NUMBER", "PF-days", "10..1000", column="budget_pf_days")
    ]


class HeldBudget(TypedDict, total=False):
    """A budget held in devices, money, energy or carbon."""

    days: Annotated[
        Number,
        Input(
            _resource("duration"),
            "Budget: the devices of --gpus for so many days (30, 30d, 720h).",
            "TIME",
            "h",
            "10..60",
            column="budget_days",
            per=24.0,
            column_unit="days",
        ),
    ]
    gpu_hours: Annotated[
        Number,
        Input(
            _resource("device_hours"),
            "Budget: device-hours (350k) of --gpu.",
            "HOURS",
            "device-hours",
            "100k..2M",
            column="budget_device_hours",
        ),
    ]
    dollars: Annotated[
        Number,
        Input(
            _resource("dollars"),
            "Budget: money (2M) for --gpu, at --price or a published price.",
            "USD",
            "USD",
            "1M..10M",
            column="budget_dollars",
        ),
    ]
    energy: Annotated[
        str,
        Input(
            _resource("energy"), "Budget: energy at the meter (4GWh) of --gpu.", "ENERGY", "kWh", "1..10GWh", column="budget_kwh"
        ),
    ]
    co2: Annotated[
        str,
        Input(_resource("mass"), "Budget: CO2e (300t) of --gpu on a --grid.", "MASS", "kg", "100..500t", column="budget_kg_co2e"),
    ]


class Target(TypedDict, total=False):
    """A loss to reach instead of a budget."""

    loss: Annotated[
        Number,
        Input(
            _later("loss"),
            "Instead of a budget: the loss to reach, at the least compute.",
            "LOSS",
            range="1.9..2.5",
            even=True,
            column="target_loss",
            cell="loss to reach, in the law's unit",
        ),
    ]


class Run(TypedDict, total=False):
    """A run: parameters and tokens."""

    params: Annotated[
        Number,
        Input(
            _PARAMS,
            "Parameters: alone with a budget, tokens follow (70B); with tokens, the run itself.",
            "N",
            "parameters",
            "1B..70B",
            cell='parameters: 7e9 or "7B"',
        ),
    ]
    tokens: Annotated[
        Number,
        Input(
            _TOKENS,
            "Tokens: alone with a budget, parameters follow (1.4T); with parameters or a shape, the run itself.",
            "D",
            "tokens",
            "100B..2T",
            cell='training tokens: 1.4e12 or "1.4T"',
        ),
    ]


class SizeLimits(TypedDict, total=False):
    """What limits the size of a run."""

    tokens_per_param: Annotated[Number, Input(_within(1e-9, 1e12), "Fix the tokens per parameter (20).", "RATIO", range="1..10")]
    max_params: Annotated[
        Number, Input(_PARAMS, "At most so many parameters, for memory or latency (13B).", "N", "parameters", "1B..70B")
    ]
    max_tokens: Annotated[Number, Input(_TOKENS, "At most so many tokens (2T).", "D", "tokens", "100B..2T")]


class Model(TypedDict, total=False):
    """A concrete model."""

    shape: Annotated[
        "ShapeLike",
        Input(
            _later("shape"),
            "A concrete model, which fixes the parameters: layers=32,width=4096,heads=32,vocab=32000,context=4096 (with ffn, "
            "kv_heads, head_size, gated, tied, experts and experts_per_token where they differ from a plain one), or a "
            "published one: llama2-7b.",
            "NAME=N,...|MODEL",
            completes="models",
        ),
    ]


class Counting(TypedDict, total=False):
    """How the FLOP of a concrete model are counted."""

    flops_rule: Annotated[str, Input(_one_of(*RULES), "How its FLOP are counted.  [default: exact]", choices=RULES)]
    recompute: Annotated[bool, Input(_yes_or_no, "Activations are computed anew in the backward pass.", flag=True)]


class Mixture(TypedDict, total=False):
    """A mixture of experts."""

    active_params: Annotated[
        Number, Input(_PARAMS, "Fix the active parameters of a mixture of experts (7B).", "N", "parameters", "1B..70B")
    ]
    experts: Annotated[
        Number,
        Input(_PLAIN, "Experts of a mixture, with --law krajewski2024-moe or abnar2025.", "NUMBER", range="1..10", whole=True),
    ]
    granularity: Annotated[
        Number, Input(_PLAIN, "Parts into which an expert is split (krajewski2024-moe).", "NUMBER", range="1..10")
    ]
    experts_per_token: Annotated[
        Number, Input(_PLAIN, "Experts at work on a token (abnar2025).", "NUMBER", range="1..10", whole=True)
    ]
    sparsity: Annotated[
        Number, Input(_later("sparsity"), "Or the share of experts at rest (abnar2025).", "FRACTION", range="30%..50%", even=True)
    ]


class Data(TypedDict, total=False):
    """The data there are, and how they are trained on."""

    unique_tokens: Annotated[
        Number, Input(_TOKENS, "Different tokens at hand (25B); more come from repeating them.", "D", "tokens", "100B..2T")
    ]
    precision: Annotated[
        str, Input(_later("precision"), "Precision of training: fp8, int4, ... or bits such as w4a8kv8.", "FORMAT")
    ]
    data_quality: Annotated[
        Number,
        Input(
            _later("data_quality"), "Share of the tokens that is not corrupted (90%).", "FRACTION", range="60%..90%", even=True
        ),
    ]


class Serving(TypedDict, total=False):
    """What is served over the model's life, and what serving costs."""

    inference_tokens: Annotated[
        Number, Input(_TOKENS, "Tokens to serve over the model's life (2T).", "TOKENS", "tokens", "100B..2T")
    ]
    inference_per_month: Annotated[
        Number, Input(_TOKENS, "Or tokens to serve a month (80B), with --months.", "TOKENS", "tokens", "100B..2T")
    ]
    requests_per_month: Annotated[
        Number,
        Input(_count("requests"), "Or requests to serve a month (50M), with --tokens-per-request.", "NUMBER", range="1M..1B"),
    ]
    tokens_per_request: Annotated[
        Number, Input(_TOKENS, "Tokens of a request, read and generated.", "TOKENS", "tokens", "100..4000")
    ]
    generated_per_request: Annotated[
        Number, Input(_TOKENS, "The part of them that is generated.", "TOKENS", "tokens", "100..4000")
    ]
    months: Annotated[Number, Input(_within(1e-3, 1e5), "Months of serving.", "NUMBER", "months", "1..10")]
    generated_tokens: Annotated[
        Number,
        Input(_TOKENS, "The part of the served tokens that is generated, with --generation-mfu.", "TOKENS", "tokens", "100B..2T"),
    ]
    inference_mfu: Annotated[
        Number, Input(_later("utilisation"), "FLOP utilisation in serving.", "FRACTION", range="30%..50%", even=True)
    ]
    generation_mfu: Annotated[
        Number, Input(_later("utilisation"), "FLOP utilisation while generating (1%).", "FRACTION", range="30%..50%", even=True)
    ]
    inference_price: Annotated[
        Number,
        Input(_resource("price"), "Price of a device-hour in serving, at the same peak FLOP/s.", "USD", "USD/hour", "2..4"),
    ]


class FleetSize(TypedDict, total=False):
    """How many devices."""

    gpus: Annotated[
        Number,
        Input(
            _later("devices"),
            "Devices: 512xH100, or 256xH100+512xA100; a number with --gpu.",
            "NxDEVICE",
            "devices",
            "64..1024xH100",
            whole=True,
            completes="devices",
        ),
    ]


class Device(TypedDict, total=False):
    """A kind of device, and what it costs."""

    gpu: Annotated[
        str,
        Input(
            _later("device"),
            "One kind of device, their number left open: h100-sxm (see `plan hardware`).",
            "DEVICE",
            completes="devices",
        ),
    ]
    peak: Annotated[
        Number, Input(_resource("peak"), "Your own dense peak of one device (989TFLOPS).", "FLOP/S", "FLOP/s", "312..989TFLOPS")
    ]
    price: Annotated[
        Number,
        Input(
            _resource("price"),
            "Price of a device-hour in US dollars (2.95).  [default: a published one]",
            "USD",
            "USD/hour",
            "2..4",
            cell="US dollars per device-hour; a published price if blank",
        ),
    ]


class OwnDevices(TypedDict, total=False):
    """Devices and prices of one's own."""

    gpu_file: Annotated["FileLike", Input(_later("file"), "Your own devices and prices.", "FILE.toml")]


class Deadline(TypedDict, total=False):
    """When the run must end."""

    deadline: Annotated[
        Number,
        Input(_resource("duration"), "Time in which the run must end (30d): gives the number of devices needed.", "TIME", "h"),
    ]


class Watts(TypedDict, total=False):
    """What one device draws."""

    power: Annotated[
        Number, Input(_resource("power"), "Average power of one device with its server (1.1kW).", "WATTS", "W", "700W..1.4kW")
    ]


class Power(TypedDict, total=False):
    """The building and the grid."""

    pue: Annotated[
        Number,
        Input(
            _later("pue"), "Power at the meter over that of the servers.  [default: 1.25]", "RATIO", range="1.1..1.4", even=True
        ),
    ]
    grid: Annotated[
        Number,
        Input(
            _later("grid"),
            "Grid, for CO2e: a country such as france, or grams per kWh.",
            "COUNTRY|G/KWH",
            "g/kWh",
            "50..500",
            even=True,
            completes="grids",
            cell="country, or grams of CO2e per kWh",
        ),
    ]


class Use(TypedDict, total=False):
    """How well the devices are used."""

    mfu: Annotated[
        Number,
        Input(
            _later("utilisation"),
            "FLOP utilisation in training (40%).  [default: a published median]",
            "FRACTION",
            range="30%..50%",
            even=True,
            cell="model FLOP utilisation: 0.4; a published median if blank",
        ),
    ]
    overhead: Annotated[
        Number,
        Input(
            _later("overhead"),
            "Time lost to failures and restarts, over the time that counts (10%).  [default: 0]",
            "FRACTION",
            range="5%..20%",
            even=True,
            column="overhead_time",
            cell="time lost to failures over the time that counts; 0 if blank",
        ),
    ]
    dtype: Annotated[str, Input(_one_of(*DTYPES), "Format trained in.  [default: bf16 where the device has it]", choices=DTYPES)]


class Machine(FleetSize, Device, OwnDevices, Deadline, Watts, Power, Use, total=False):
    """The devices a run is trained on."""


class Budget(Compute, PfDays, HeldBudget, total=False):
    """What a run may cost."""


class PlanInputs(
    Budget,
    Target,
    Run,
    SizeLimits,
    Model,
    Counting,
    Mixture,
    Data,
    Serving,
    Machine,
    ChosenLaw,
    Constants,
    Exponents,
    Judging,
    total=False,
):
    """What a plan is asked."""


class SweepInputs(
    Budget, Target, Run, SizeLimits, Model, Counting, Mixture, Data, Serving, Machine, Constants, Exponents, Judging, total=False
):
    """What a sweep is asked, beside its laws."""


class CheckInputs(Run, Model, Counting, Mixture, Data, Serving, Machine, ChosenLaw, Constants, Judging, total=False):
    """What a run is judged by."""


class ConfigureInputs(Budget, Target, Run, SizeLimits, Model, Data, Serving, Machine, ChosenLaw, Constants, total=False):
    """What a configuration is for."""


class TradeInputs(Budget, Target, Data, Serving, Machine, ChosenLaw, Constants, total=False):
    """What sizes of the same loss are asked for."""


class CompareInputs(Budget, Machine, ChosenLaw, Constants, Tolerance, total=False):
    """A budget in any unit, and the law that judges what others make of it."""


class LeversInputs(Budget, Machine, ChosenLaw, Constants, total=False):
    """A budget in any unit, and the law that says what a lever is worth."""


class PilotInputs(PfDays, HeldBudget, Machine, total=False):
    """What pilots may cost, in other units than FLOP, and on what."""


class LimitsInputs(Budget, Machine, ChosenLaw, Constants, Level, total=False):
    """A budget, and the device that an error on a benchmark would be paid for on."""


class RankInputs(Compute, PfDays, OwnDevices, Deadline, Power, Use, total=False):
    """What devices are ranked for."""


class WorkbookInputs(Budget, FleetSize, Device, OwnDevices, Watts, Power, Use, total=False):
    """What stands in a workbook's marked cells at first."""


GROUPS: Mapping[str, tuple[type, ...]] = {
    "Budget": (Compute, PfDays, HeldBudget, Target),
    "Run and its limits": (Run, SizeLimits),
    "Concrete model": (Model, Counting),
    "Mixture of experts": (Mixture,),
    "Data": (Data,),
    "Serving": (Serving,),
    "Devices": (FleetSize, Device, Use, Deadline, OwnDevices),
    "Power and carbon": (Watts, Power),
    "Law and judgement": (ChosenLaw, Constants, Exponents, Tolerance, Level),
}
"""Every group under its heading, in the order of the reference."""


@cache
def rows(kind: type) -> Mapping[str, tuple[Any, Input]]:
    """Return the inputs of a group, or of several together: the type that Python takes, and the row."""
    return {name: (each.__origin__, each.__metadata__[0]) for name, each in kind.__annotations__.items()}


@cache
def every_input() -> Mapping[str, tuple[Any, Input]]:
    """Return all inputs there are."""
    return {name: row for groups in GROUPS.values() for group in groups for name, row in rows(group).items()}


@cache
def group_of(name: str) -> str:
    """Return the heading under which an input stands."""
    return next(heading for heading, groups in GROUPS.items() if any(name in rows(group) for group in groups))


def options_of(kind: type) -> Iterator[tuple[str, Input]]:
    """Give the inputs of a command in the order of the groups."""
    known = rows(kind)
    yield from ((name, row) for name, (_, row) in every_input().items() if name in known)


def takers(name: str) -> list[str]:
    """Return the functions that take an input, in the order of the reference."""
    return [verb for verb, kind in TAKES.items() if name in rows(kind)]


TAKES: Mapping[str, type] = {
    "plan": PlanInputs,
    "sweep": SweepInputs,
    "check": CheckInputs,
    "configure": ConfigureInputs,
    "trade": TradeInputs,
    "compare": CompareInputs,
    "limits": LimitsInputs,
    "levers": LeversInputs,
    "pilots": PilotInputs,
    "rank_hardware": RankInputs,
    "write_workbook": WorkbookInputs,
}
"""Which function takes which inputs."""


def option_of(name: str) -> str:
    """Return an input as the command line writes it: ``--gpu-hours``."""
    known = every_input().get(name)
    return known[1].option if known and known[1].option else "--" + name.replace("_", "-")


def stated(asked: Mapping[str, object], kind: type, verb: str) -> dict[str, object]:
    """Return what was said, as it was said; nothing that is None.

    Raises
    ------
    OptionError
        An input of other functions, which are named.
    TypeError
        No input at all, as Python says it of any other function.
    """
    known = rows(kind)
    for name, value in asked.items():
        if name in known:
            continue
        if name not in every_input():
            close = get_close_matches(name, known, 1)
            hint = f". Did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
        if value is not None:
            raise OptionError(f"{verb} does not take `{name}`; {', '.join(takers(name))} take it")
    return {name: value for name, value in asked.items() if value is not None}


def documented(type_: Any) -> str:
    """Return a type as documentation writes it."""
    text = getattr(type_, "__forward_arg__", None) or getattr(type_, "__name__", None) or str(type_)
    return _WORDS.get(text, text)


_WORDS = {
    "float | str": "float or str",
    "LawLike": "str, Path or Law",
    "ShapeLike": "str, mapping or Shape",
    "FileLike": "str or Path",
    "Mapping[str, Number]": "mapping",
    "Sequence[Number]": "pair",
    "str | Sequence[Number]": "str or pair",
}


def asks(kind: type) -> Callable[[Function], Function]:
    """Give a function of ``**asked`` the signature of its inputs, and their part of its docstring in place of ``{inputs}``."""
    from inspect import Parameter, Signature, signature

    def complete(function: Function) -> Function:
        own = [each for each in signature(function).parameters.values() if each.kind is not each.VAR_KEYWORD]
        taken = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=row.default, annotation=getattr(type_, "__forward_arg__", type_))
            for name, (type_, row) in rows(kind).items()
        ]
        names = {each.name for each in own}
        returned = function.__annotations__.get("return", Signature.empty)
        parameters = [*own, *(each for each in taken if each.name not in names)]
        function.__signature__ = Signature(parameters, return_annotation=returned)  # type: ignore[attr-defined]
        lines = [
            f"    {each.name} : {documented(rows(kind)[each.name][0])}, optional\n        {rows(kind)[each.name][1].help}"
            for each in parameters
            if each.name in rows(kind)
        ]
        function.__doc__ = (function.__doc__ or "").replace("    {inputs}", "\n".join(lines))
        return function

    return complete
