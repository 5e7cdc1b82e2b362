"""Options that several commands share: those of inputs come from the registry, and texts go to the library as they were typed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner._util.formats import FORMATS
from planner._util.showing import Raw
from planner.inputs.input_row import Input
from planner.inputs.registry import group_of, option_of, options_of, rows
from planner.inputs.table_inputs import FitInputs, RowInputs, TableInputs
from planner.quantities import format_percent, shown

# click's ParamType is generic only from 8.4 on, and only for type checkers
if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType

Command = TypeVar("Command", bound=Callable[..., Any])


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


class Once:
    """Mix-in for commands: an option given twice is refused, where click would silently take the last."""

    params: list[click.Parameter]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Count the options before parsing them."""
        single = {opt for p in self.params if isinstance(p, click.Option) and not p.multiple for opt in p.opts}
        seen: set[str] = set()
        commands = self.list_commands(ctx) if isinstance(self, click.Group) else []
        for arg in args:
            name = arg.split("=", 1)[0]
            if arg == "--" or arg in commands:
                break
            if name in seen and name in single:
                raise click.UsageError(f"{name} is given twice")
            seen.add(name)
        if not isinstance(self, click.Group):
            ctx.allow_extra_args = True  # what is too much is said below
        rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        if ctx.args and not isinstance(self, click.Group) and not ctx.resilient_parsing:
            many = "is one argument" if len(ctx.args) == 1 else "are arguments"
            raise click.UsageError(f"{' '.join(map(shown, ctx.args))} {many} too many{example_of(ctx)}")
        return rest


def example_of(ctx: click.Context) -> str:
    """Return the first example in the help of a command, as the end of a message."""
    lines = (line.strip() for line in (ctx.command.help or "").splitlines())
    line = next((line for line in lines if line.startswith(f"{ctx.command_path} ")), "")
    return f"; for example: {line.split('  ')[0]}" if line else f"; {ctx.command_path} --help says what it takes"


def _assignment(value: str, name: str) -> tuple[str, str]:
    key, sign, number = value.partition("=")
    if not sign or not key.strip():
        raise click.UsageError(f"{name} {shown(value)}: expected NAME=VALUE such as alpha=0.34")
    return key.strip(), number.strip()


def _pairs(value: Raw, name: str) -> tuple[tuple[str, str], ...]:
    """Read NAME=VALUE pairs; a comma ends one where what follows is another, for names of columns may hold one."""
    parts = str(value).split(",")
    pairs = [part.partition("=") for part in (parts if all("=" in part for part in parts) else [str(value)])]
    if not all(key.strip() and sign and called.strip() for key, sign, called in pairs):
        example = "QUANTITY=COLUMN pairs such as params=n_params,loss=val_loss" if name == "--columns" else "NAME=VALUE"
        raise click.UsageError(f"{name} {shown(value)}: expected {example}")
    return tuple((key.strip(), called.strip()) for key, _, called in pairs)


def _bound(value: Raw, name: str) -> tuple[str, str]:
    key, sign, ends = str(value).partition("=")
    if not sign or not key.strip() or ":" not in ends:
        raise click.UsageError(f"{name} {shown(value)}: expected NAME=LOW:HIGH such as alpha=0.1:0.6")
    return key.strip(), ends.strip()


PAIRS = Pair("name=value", _pairs)
BOUND = Pair("name=low:high", _bound)
ASSIGNMENT = Pair("name=value", _assignment)

ORDERS = ("dollars", "energy", "co2", "devices", "loss")


class Grouped(click.Option):
    """An option that stands under a heading in ``--help``."""

    def __init__(self, *names: Any, heading: str = "", **rest: Any) -> None:
        super().__init__(*names, **rest)
        self.heading = heading


def inputs(kind: type, **says: str) -> Callable[[Command], Command]:
    """Add the options of a group of inputs; ``says`` replaces the help of some of them."""

    def add(command: Command) -> Command:
        for name, row in reversed(list(options_of(kind))):
            command = _option(name, row, says.get(name, row.help))(command)
        return command

    return add


def _option(name: str, row: Input, text: str) -> Callable[[Command], Command]:
    known: dict[str, Any] = {"help": text, "cls": Grouped, "heading": group_of(name)}
    if row.default is not None and name != "law":
        known["help"] += f"  [default: {format_percent(row.default).replace(' ', '')}]"
    elif row.default is not None:
        known["help"] += f"  [default: {row.default}]"
    if row.flag:
        return click.option(option_of(name), name, is_flag=True, default=None, **known)
    if row.many:
        pair = PAIRS if name in rows(RowInputs) else ASSIGNMENT
        return click.option(option_of(name), name, multiple=True, type=pair, metavar=row.metavar, **known)
    if row.choices:
        return click.option(option_of(name), name, type=OneOf(row.choices), metavar=row.metavar or None, **known)
    if row.pair:
        return click.option(option_of(name), name, nargs=2, metavar=row.metavar, **known)
    kind = Names(row.completes) if row.completes else click.Path() if row.metavar.startswith("FILE") else None
    return click.option(option_of(name), name, type=kind, metavar=row.metavar or None, **known)


def strict_option(command: Command) -> Command:
    """Add whether warnings fail."""
    return click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")(command)


def explain_option(command: Command) -> Command:
    """Add whether the arithmetic is shown."""
    return click.option("--explain", "explained", is_flag=True, help="Show the arithmetic line by line.")(command)


def runs_options(command: Command) -> Command:
    """Add where training runs come from: a file, or a shipped table, a group of it, and what its columns are called."""
    for option in (
        click.option("--group", type=Names("groups"), metavar="NAME", help='Which group of the table; "all" pools them.'),
        click.option(
            "--runs", "shipped", type=Names("runs"), metavar="NAME", help="A table that ships with planner, see plan runs."
        ),
    ):
        command = option(command)
    return table_options(command, FitInputs)


def named_table(table: tuple[str, ...], shipped: str | None) -> Any:
    """Return the files or the shipped table that was named."""
    if bool(table) == (shipped is not None):
        raise click.UsageError("name one table: a file, runs.csv, or one that ships, --runs porian2024 (plan runs lists them)")
    from pathlib import Path

    from planner.fitting.tables.shipped import load_runs, table_names

    if not table:
        return load_runs(str(shipped))
    meant = [name for name in table if name in table_names() and not Path(name).exists()]
    if meant:
        raise click.UsageError(f"{shown(meant[0])} is no file here; the table of that name that ships is --runs {meant[0]}")
    return files(table)


def files(named: tuple[str, ...]) -> Any:
    """Return the files that were named, one by itself; ``-`` is standard input."""
    from pathlib import Path

    if named.count("-") > 1:
        raise click.UsageError("standard input (-) can be read once")
    for name in named:
        if _is_quantity(name) and not Path(name).exists():
            raise click.UsageError(
                f"{shown(name)} is no file; a run goes with its options: plan check --params 175B --tokens 300B"
            )
    found: list[Any] = [sys.stdin.buffer if name == "-" else Path(name) for name in named]
    return found[0] if len(found) == 1 else found


def _is_quantity(text: str) -> bool:
    from planner.errors import PlannerError
    from planner.quantities import parse_number

    try:
        parse_number(text.rstrip("KMBTkmbt"), "")
    except PlannerError:
        return False
    return True


def table_options(command: Command, kind: type = TableInputs) -> Command:
    """Add files of runs, and how they are read."""
    argument = click.argument("table", nargs=-1, metavar="[FILE|-]...", type=click.Path(allow_dash=True))
    return argument(reading_options(kind)(command))


def reading_options(kind: type) -> Callable[[Command], Command]:
    """Add how a table is read: pairs that come in several options are brought together."""

    def add(command: Command) -> Command:
        @wraps(command)
        def read(*context: Any, columns: Any = (), where: Any = (), **options: Any) -> Any:
            named = collected(tuple(pair for pairs in columns for pair in pairs), "--columns")
            conditions = [f"{key}={value}" for pairs in where for key, value in pairs]
            called: Callable[..., Any] = command
            return called(*context, columns=named or None, where=conditions or None, **options)

        return inputs(kind)(read)  # type: ignore[return-value]  # click adds to the function it is given

    return add


def work_options(command: Command) -> Command:
    """Add seed and processes."""
    for option in (
        click.option("--workers", type=int, help="Processes to use.  [default: 1]"),
        click.option("--seed", type=int, help="Seed of the draws.  [default: 0]"),
    ):
        command = option(command)
    return command


def format_option(command: Command) -> Command:
    """Add the output format, and how a terminal shows it."""
    for option in (
        click.option("--pager", is_flag=True, help="Show a long answer through the pager.", **_SHOWN),
        click.option(
            "--color", type=OneOf(("auto", "always", "never")), help="Headings and warnings stand out.  [default: auto]", **_SHOWN
        ),
        click.option("--brief", is_flag=True, is_eager=True, help="The answer alone, in at most eight lines.", **_SHOWN),
        click.option(
            "--format",
            "fmt",
            type=OneOf(FORMATS),
            default="table",
            show_default=True,
            callback=_with_brief,
            help="csv and json keep full precision; csv-semicolon is for spreadsheets with a decimal comma.",
        ),
    ):
        command = option(command)
    return command


SHOWN = "planner.shown"


def _kept(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value:
        ctx.meta.setdefault(SHOWN, {})[param.name] = value


def _with_brief(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Refuse a format for machines beside --brief, before anything is computed or written."""
    if ctx.meta.get(SHOWN, {}).get("brief") and value != "table":
        raise click.UsageError(f"--brief goes with --format table, not with {value}")
    return value


_SHOWN: dict[str, Any] = {"expose_value": False, "callback": _kept}
"""How an answer is shown is none of a command's business: kept until it is printed."""


def collected(pairs: tuple[tuple[str, Any], ...], option: str = "--set") -> dict[str, Any]:
    """Return NAME=VALUE pairs as a mapping; the same name twice is refused."""
    constants: dict[str, Any] = {}
    for name, value in pairs:
        if name in constants:
            raise click.UsageError(f"{option} {name}: given twice ({constants[name]} and {value})")
        constants[name] = value
    return constants


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
