"""Options that several commands share: those of inputs come from the registry, and texts go to the library as they were typed."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from planner._util.formats import FORMATS
from planner._util.showing import Raw
from planner.errors import PlannerError
from planner.inputs.input_row import Input
from planner.inputs.layout_inputs import RECOMPUTED
from planner.inputs.registry import group_of, option_of, options_of, rows
from planner.inputs.table_inputs import FitInputs, RowInputs
from planner.quantities import format_percent, parse_number, shown

# click's ParamType is generic only from 8.4 on, and only for type checkers
if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Pair(_ParamType):
    """Two parts of a text, such as NAME=VALUE; what they mean is the library's to say."""

    def __init__(self, name: str, parse: Callable[[str, str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Divide a text."""
        return self._parse(value, param.opts[0] if param else self.name) if isinstance(value, str) else value


class Names(_ParamType):
    """A text whose completions the library knows."""

    def __init__(self, kind: str) -> None:
        self.name = "text"
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer what the library knows under this kind."""
        from click.shell_completion import CompletionItem

        from planner.cli._completion import completions

        table = str(ctx.params.get("shipped") or "")
        return [CompletionItem(name) for name in completions(self._kind, incomplete, table)]


class OneOf(click.Choice):  # type: ignore[type-arg]  # generic only from click 8.2 on
    """One of some texts, in any case."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text as it is spelt here."""
        known = {str(choice).lower(): choice for choice in self.choices}
        return known.get(str(value).lower()) or self.fail(
            f"{shown(value)} is not one of {', '.join(known.values())}.", param, ctx
        )


def _named(expected: str, within: str = "") -> Callable[[str, str], tuple[tuple[str, str], ...]]:
    """Return what divides NAME=VALUE, whose value has the sign ``within``."""

    def divide(value: str, option: str) -> tuple[tuple[str, str], ...]:
        key, sign, said = value.partition("=")
        if not sign or not key.strip() or within not in said:
            raise click.UsageError(f"{option} {shown(value)}: expected {expected}")
        return ((key.strip(), said.strip()),)

    return divide


def _pairs(value: Raw, name: str) -> tuple[tuple[str, str], ...]:
    """Read NAME=VALUE pairs; a comma ends one where what follows is another, for names of columns may hold one."""
    parts = str(value).split(",")
    pairs = [part.partition("=") for part in (parts if all("=" in part for part in parts) else [str(value)])]
    if not all(key.strip() and sign and called.strip() for key, sign, called in pairs):
        example = "QUANTITY=COLUMN pairs such as params=n_params,loss=val_loss" if name == "--columns" else "NAME=VALUE"
        raise click.UsageError(f"{name} {shown(value)}: expected {example}")
    return tuple((key.strip(), called.strip()) for key, _, called in pairs)


_PAIRS = Pair("name=value", _pairs)
BOUND = Pair("name=low:high", _named("NAME=LOW:HIGH such as alpha=0.1:0.6", ":"))
_ASSIGNMENT = Pair("name=value", _named("NAME=VALUE such as alpha=0.34"))


def together(*options: Decorator) -> Decorator:
    """Return several decorators as one; ``--help`` lists their options in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def mapping_option(*names: str, kind: Pair = _ASSIGNMENT, **rest: Any) -> Decorator:
    """Return an option of NAME=VALUE that may repeat; a command takes a mapping."""
    return click.option(*names, multiple=True, type=kind, callback=_collected, **rest)


def _collected(ctx: click.Context, param: click.Parameter, given: Iterable[Any]) -> dict[str, Any]:
    """Return the pairs of an option that may repeat as a mapping; the same name twice is refused."""
    found: dict[str, Any] = {}
    for name, value in chain.from_iterable(given):
        if name in found:
            raise click.UsageError(f"{param.opts[0]} {name}: given twice ({found[name]} and {value})")
        found[name] = value
    return found


ORDERS = ("dollars", "energy", "co2", "devices", "loss")


class Grouped(click.Option):
    """An option that stands under a heading in ``--help``."""

    def __init__(self, *names: Any, heading: str = "", **rest: Any) -> None:
        super().__init__(*names, **rest)
        self.heading = heading


def inputs(kind: type, **says: str) -> Decorator:
    """Add the options of a group of inputs; ``says`` replaces the help of some of them."""

    return together(*(_option(name, row, says.get(name, row.help)) for name, row in options_of(kind)))


def _option(name: str, row: Input, text: str) -> Decorator:
    if row.default is not None:
        text += f"  [default: {row.default if name == 'law' else format_percent(row.default).replace(' ', '')}]"
    known: dict[str, Any] = {"help": text, "metavar": row.metavar or None, "cls": Grouped, "heading": group_of(name)}
    if row.flag:
        known |= {"is_flag": True, "default": None}
    elif row.many:
        pair = _PAIRS if name in rows(RowInputs) else _ASSIGNMENT
        known |= {"multiple": True, "type": pair, "callback": _conditions if name == "where" else _collected}
    elif row.pair:
        known["nargs"] = 2
    elif row.choices:
        known["type"] = OneOf(row.choices)
    elif row.completes:
        known["type"] = Names(row.completes)
    elif row.metavar.startswith("FILE"):
        known["type"] = click.Path()
    return click.option(option_of(name), name, **known)


def _conditions(ctx: click.Context, param: click.Parameter, given: Iterable[Any]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in chain.from_iterable(given))


table_argument = click.argument("table", nargs=-1, metavar="[FILE|-]...", type=click.Path(allow_dash=True))

runs_options = together(
    table_argument,
    inputs(FitInputs),
    click.option("--runs", "shipped", type=Names("runs"), metavar="NAME", help="A table that ships with planner, see plan runs."),
    click.option("--group", type=Names("groups"), metavar="NAME", help='Which group of the table; "all" pools them.'),
)
"""Where training runs come from: a file, or a shipped table, a group of it, and what its columns are called."""


def named_table(table: tuple[str, ...], shipped: str | None) -> Any:
    """Return the files or the shipped table that was named."""
    if bool(table) == (shipped is not None):
        raise click.UsageError("name one table: a file, runs.csv, or one that ships, --runs porian2024 (plan runs lists them)")
    from planner.fitting.tables.shipped import load_runs, table_names

    if not table:
        return load_runs(str(shipped))
    meant = [name for name in table if name in table_names() and not os.path.exists(name)]
    if meant:
        raise click.UsageError(f"{shown(meant[0])} is no file here; the table of that name that ships is --runs {meant[0]}")
    return files(table)


def files(named: tuple[str, ...]) -> Any:
    """Return the files that were named, one by itself; ``-`` is standard input."""
    from pathlib import Path

    if named.count("-") > 1:
        raise click.UsageError("standard input (-) can be read once")
    if odd := next((name for name in named if _is_quantity(name) and not os.path.exists(name)), None):
        raise click.UsageError(f"{shown(odd)} is no file; a run goes with its options: plan check --params 175B --tokens 300B")
    found: list[Any] = [sys.stdin.buffer if name == "-" else Path(name) for name in named]
    return found[0] if len(found) == 1 else found


def _is_quantity(text: str) -> bool:
    try:
        parse_number(text.rstrip("KMBTkmbt"), "")
    except PlannerError:
        return False
    return True


seed_option = click.option("--seed", type=int, help="Seed of the draws.  [default: 0]")
workers_option = click.option("--workers", type=int, help="Processes to use.  [default: 1]")

_SHOWN = "planner.shown"


def shown_as(name: str) -> Any:
    """Return what the user asked of how an answer is shown, such as ``fmt`` or ``brief``; None where nothing."""
    return click.get_current_context().meta.get(_SHOWN, {}).get(name)


def _kept(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if param.name == "fmt" and value != "table" and shown_as("brief"):  # before anything is computed or written
        raise click.UsageError(f"--brief goes with --format table, not with {value}")
    if value:
        ctx.meta.setdefault(_SHOWN, {})[param.name] = value


def _of_showing(*names: str, **rest: Any) -> Decorator:
    """Return an option of how an answer is shown, which is none of a command's business: kept until it is printed."""
    return click.option(*names, expose_value=False, callback=_kept, **rest)


explain_option = _of_showing("--explain", "explained", is_flag=True, help="Show the arithmetic line by line.")
strict_option = _of_showing("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
format_option = together(
    _of_showing(
        "--format",
        "fmt",
        type=OneOf(FORMATS),
        default="table",
        show_default=True,
        help="csv and json keep full precision; csv-semicolon is for spreadsheets with a decimal comma.",
    ),
    _of_showing("--brief", is_flag=True, is_eager=True, help="The answer alone, in at most eight lines."),
    _of_showing("--color", type=OneOf(("auto", "always", "never")), help="Headings and warnings stand out.  [default: auto]"),
    _of_showing("--pager", is_flag=True, help="Show a long answer through the pager."),
)
"""The output format, and how a terminal shows it."""

METHODS = ("forecast", "classical", "isoflop", "envelope")
FORMS = ("additive", "tied", "no-floor", "kaplan", "compute", "generalised", "repetition", "auto")
ROBUST = ("huber", "squared", "absolute")
COUNTS = ("total", "non-embedding", "non-input-embedding", "active", "flops-equivalent", "unstated")
# the library's own lists, written out so that --help need not load numpy; a test holds them equal


@contextmanager
def progress_bar(label: str, *, wanted: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """Give a callable that shows work done on a terminal, and nothing in a pipe."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar: Any = None

    def report(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=total, label=label, file=sys.stderr)
            bar.__enter__()
        bar.update(done)

    try:
        yield report
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


recompute_option = click.option("--recompute", type=OneOf(RECOMPUTED), help="Activations computed anew.  [default: searched]")
replace_option = click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")
