"""Everything a user can say, each once: its type, reader, help, unit, and whether it may be a range.

From these rows come the keyword arguments of the library with their documentation, the options of the command line in their
groups, the axes of a sweep, the arguments of spreadsheet functions, shell completion, and the reference of inputs. What is read
of them is a :class:`planner.inputs.question.Question`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from planner.errors import OptionError
from planner.inputs.input_row import Input
from planner.inputs.layout_inputs import Kept, Running, Split
from planner.inputs.machine_inputs import (
    Deadline,
    Device,
    Format,
    OwnDevices,
    Power,
    ServedCopy,
    ServePrecision,
    Serving,
    Speed,
    Use,
    Watts,
)
from planner.inputs.run_inputs import (
    Attention,
    ChosenLaw,
    Compute,
    Constants,
    Counting,
    Data,
    Days,
    Exponents,
    HeldBudget,
    Judging,
    Level,
    Mixture,
    Model,
    PfDays,
    Run,
    Scored,
    SizeLimits,
    Target,
    Tolerance,
    TotalParams,
)
from planner.inputs.table_inputs import FitInputs, OutlierInputs, RowInputs, TableInputs, UnitInputs

Function = TypeVar("Function", bound=Callable[..., Any])


class PaidDevices(Device, Use, OwnDevices, Watts, Power, total=False):
    """The devices that an amount of compute, money, energy or carbon is spent on."""


class Machine(PaidDevices, Deadline, total=False):
    """The devices a run is trained on."""


class Budget(Compute, PfDays, HeldBudget, total=False):
    """What a run may cost."""


class SweepInputs(
    Budget,
    Target,
    Run,
    SizeLimits,
    Model,
    Counting,
    Mixture,
    TotalParams,
    Data,
    Serving,
    ServedCopy,
    ServePrecision,
    Machine,
    Speed,
    Constants,
    Exponents,
    Judging,
    total=False,
):
    """What a sweep is asked, beside its laws."""


class PlanInputs(SweepInputs, ChosenLaw, Scored, total=False):
    """What a plan is asked."""


class CheckInputs(Days, Run, Model, Counting, Mixture, Data, Serving, Machine, Speed, ChosenLaw, Constants, Judging, total=False):
    """What a run is judged by."""


class ConfigureInputs(
    Budget,
    Target,
    Run,
    SizeLimits,
    Model,
    Attention,
    Mixture,
    TotalParams,
    Data,
    Serving,
    Machine,
    Speed,
    Split,
    Kept,
    ChosenLaw,
    Constants,
    total=False,
):
    """What a configuration is for."""


class ThroughputInputs(Model, Device, OwnDevices, Format, Speed, Split, Kept, Running, Level, total=False):
    """What a forecast of training speed is for."""


class TradeInputs(Budget, Target, Data, Serving, PaidDevices, ChosenLaw, Constants, total=False):
    """What sizes of the same loss are asked for."""


class CompareInputs(Budget, PaidDevices, ChosenLaw, Constants, Tolerance, total=False):
    """A budget in any unit, and the law that judges what others make of it."""


class CompareMixturesInputs(Budget, PaidDevices, TotalParams, ServedCopy, total=False):
    """A budget in any unit, and the memory that a mixture of experts must fit."""


class LeversInputs(Budget, Serving, PaidDevices, ChosenLaw, Constants, total=False):
    """A budget in any unit, what is served of it, and the law that says what a lever is worth."""


class PilotInputs(PfDays, HeldBudget, PaidDevices, total=False):
    """What pilots may cost, in other units than FLOP, and on what."""


class PilotsAsked(PilotInputs, FitInputs, total=False):
    """What pilots may cost, and how a table of runs that are done is read."""


class LimitsInputs(Budget, Serving, PaidDevices, ChosenLaw, Constants, Level, total=False):
    """A budget, what is served of it, and the device that an error on a benchmark would be paid for on."""


class RankInputs(Budget, Target, OwnDevices, Deadline, Power, Use, ChosenLaw, Constants, total=False):
    """What devices are ranked for."""


class WorkbookInputs(Budget, PaidDevices, total=False):
    """What stands in a workbook's marked cells at first."""


GROUPS: Mapping[str, tuple[type, ...]] = {
    "Budget": (Compute, PfDays, HeldBudget, Target),
    "Run and its limits": (Run, SizeLimits),
    "Concrete model": (Model, Counting),
    "Mixture of experts": (Mixture, TotalParams),
    "Data": (Data,),
    "Serving": (Serving, ServedCopy, ServePrecision),
    "Devices": (Device, Use, Speed, Deadline, OwnDevices),
    "Power and carbon": (Watts, Power),
    "Layout": (Split, Kept),
    "Software": (Running,),
    "Benchmark scores": (Scored,),
    "Table of runs": (RowInputs, UnitInputs, OutlierInputs),
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


TAKES: Mapping[str, type] = {
    "plan": PlanInputs,
    "sweep": SweepInputs,
    "check": CheckInputs,
    "configure": ConfigureInputs,
    "trade": TradeInputs,
    "compare": CompareInputs,
    "compare_mixtures": CompareMixturesInputs,
    "limits": LimitsInputs,
    "levers": LeversInputs,
    "pilots": PilotsAsked,
    "fit": FitInputs,
    "backtest": FitInputs,
    "check_runs": TableInputs,
    "curve": RowInputs,
    "training_curve": RowInputs,
    "scores": TableInputs,
    "backtest_scores": TableInputs,
    "throughput": ThroughputInputs,
    "scaling": ThroughputInputs,
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
        if name not in known and name not in every_input():
            from difflib import get_close_matches

            close = get_close_matches(name, known, 1)
            hint = f". Did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
        if name not in known and value is not None:
            takers = [other for other, inputs in TAKES.items() if name in rows(inputs)]
            raise OptionError(f"{verb} does not take `{name}`; {', '.join(takers)} {'take' if takers[1:] else 'takes'} it")
    return {name: value for name, value in asked.items() if value is not None}


def read_stated(asked: Mapping[str, object], kind: type, verb: str) -> dict[str, Any]:
    """Read what was said, as :func:`stated` has it."""
    return {name: rows(kind)[name][1].read(value, f"`{name}`") for name, value in stated(asked, kind, verb).items()}


def documented(type_: Any) -> str:
    """Return a type as documentation writes it."""
    text = getattr(type_, "__forward_arg__", None) or getattr(type_, "__name__", None) or str(type_)
    return _WORDS.get(text, text)


_WORDS = {
    "float | str": "float or str",
    "LawLike": "str, Path or Law",
    "ShapeLike": "str, path, mapping or Shape",
    "FileLike": "str or Path",
    "Number | FileLike": "float, str or Path",
    "Mapping[str, Number]": "mapping",
    "Sequence[Number]": "pair",
    "str | Sequence[Number]": "str or pair",
}


def asks(kind: type) -> Callable[[Function], Function]:
    """Give a function of ``**asked`` the signature of its inputs, and their part of its docstring in place of ``{inputs}``."""
    from inspect import Parameter, Signature, cleandoc, signature

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
            f"{each.name} : {documented(rows(kind)[each.name][0])}, optional\n    {rows(kind)[each.name][1].help}"
            for each in parameters
            if each.name in rows(kind)
        ]
        function.__doc__ = cleandoc(function.__doc__ or "").replace("{inputs}", "\n".join(lines))
        return function

    return complete
