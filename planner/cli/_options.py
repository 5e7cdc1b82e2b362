"""Option types and groups that several commands share. Types call ``units``; they add nothing but the option's name."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.render import FORMATS
from planner.units import is_range, parse_anchor, parse_count, parse_flops, parse_fraction, parse_number, shown

# click's ParamType is generic only from 8.4 on, and only for type checkers
if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType

Command = TypeVar("Command", bound=Callable[..., Any])


class Quantity(_ParamType):
    """A human quantity, read by one of the parsers of ``units``."""

    def __init__(self, name: str, parse: Callable[[object, str], Any], *, ranged: bool = False) -> None:
        self.name = name
        self._parse = parse
        self._ranged = ranged

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a text; numbers that are read already pass, and ranges where the command takes them."""
        if not isinstance(value, str) or (
            self._ranged and is_range(value) and getattr(ctx and ctx.command, "takes_ranges", False)
        ):
            return value
        return self._parse(value, param.opts[0] if param else self.name)


class Once:
    """Mix-in for commands: an option given twice is refused, where click would silently take the last."""

    params: list[click.Parameter]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Count the options before parsing them."""
        single = {opt for p in self.params if isinstance(p, click.Option) and not p.multiple for opt in p.opts}
        seen: set[str] = set()
        for arg in args:
            name = arg.split("=", 1)[0]
            if arg == "--" or arg in getattr(self, "commands", {}):
                break
            if name in seen and name in single:
                raise click.UsageError(f"{name} is given twice")
            seen.add(name)
        return super().parse_args(ctx, args)  # type: ignore[misc, no-any-return]


class LawName(_ParamType):
    """A catalogue id or a law file; completes ids in the shell."""

    name = "id|file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the catalogue's ids."""
        from click.shell_completion import CompletionItem

        from planner.catalogue import law_ids

        return [CompletionItem(law_id) for law_id in law_ids() if law_id.startswith(incomplete)]


def _assignment(value: object, name: str) -> tuple[str, float]:
    key, sign, number = str(value).partition("=")
    if not sign or not key.strip():
        raise click.UsageError(f"{name} {shown(value)}: expected NAME=VALUE such as alpha=0.34")
    return key.strip(), parse_number(number, f"{name} {key.strip()}")


def _columns(value: object, name: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in str(value).split(",")]
    if not all(key.strip() and sign and called.strip() for key, sign, called in pairs):
        raise click.UsageError(f"{name} {shown(value)}: expected QUANTITY=COLUMN pairs such as params=n_params,loss=val_loss")
    return collected(tuple((key.strip(), called.strip()) for key, _, called in pairs), name)


def _bound(value: object, name: str) -> tuple[str, str]:
    key, sign, ends = str(value).partition("=")
    if not sign or not key.strip() or ":" not in ends:
        raise click.UsageError(f"{name} {shown(value)}: expected NAME=LOW:HIGH such as alpha=0.1:0.6")
    return key.strip(), ends.strip()


COLUMNS = Quantity("quantity=column", _columns)
BOUND = Quantity("name=low:high", _bound)
FLOPS = Quantity("flops", parse_flops, ranged=True)
PARAMS = Quantity("params", lambda value, name: parse_count(value, name, "parameters"), ranged=True)
TOKENS = Quantity("tokens", lambda value, name: parse_count(value, name, "tokens"), ranged=True)
FRACTION = Quantity("fraction", parse_fraction)
NUMBER = Quantity("number", parse_number, ranged=True)
ANCHOR = Quantity("flops:params", parse_anchor)
ASSIGNMENT = Quantity("name=value", _assignment)


DTYPES = ("bf16", "fp16", "fp8")
ORDERS = ("dollars", "energy", "devices")
RECOMPUTED = ("none", "selective", "full")
OPTIMIZERS = ("adam", "adam-fp32-gradients", "adam-8bit", "muon", "sgd", "adam-fp32", "adam-bf16")
_LIFE = (
    click.option("--experts", type=NUMBER, help="Experts of a mixture, with --law krajewski2024-moe or abnar2025."),
    click.option("--granularity", type=NUMBER, help="Parts into which an expert is split (krajewski2024-moe)."),
    click.option("--experts-per-token", type=NUMBER, help="Experts at work on a token (abnar2025)."),
    click.option("--sparsity", metavar="FRACTION", help="Or the share of experts at rest (abnar2025)."),
    click.option("--unique-tokens", type=TOKENS, help="Different tokens at hand (25B); more come from repeating them."),
    click.option("--precision", metavar="FORMAT", help="Precision of training: fp8, int4, ... or bits such as w4a8kv8."),
    click.option("--data-quality", metavar="FRACTION", help="Share of the tokens that is not corrupted (90%)."),
    click.option("--inference-tokens", type=TOKENS, help="Tokens to serve over the model's life (2T)."),
    click.option("--inference-per-month", type=TOKENS, help="Or tokens to serve a month (80B), with --months."),
    click.option("--months", type=NUMBER, help="Months of serving."),
    click.option("--mfu", metavar="FRACTION", help="FLOP utilisation in training (40%), with a device or --inference-mfu."),
    click.option("--inference-mfu", metavar="FRACTION", help="FLOP utilisation in serving."),
    click.option(
        "--generated-tokens", type=TOKENS, help="The part of the served tokens that is generated, with --generation-mfu."
    ),
    click.option("--generation-mfu", metavar="FRACTION", help="FLOP utilisation while generating (1%)."),
    click.option("--price", metavar="USD", help="Price of a device-hour in training (2.95), with a device or --inference-price."),
    click.option("--inference-price", metavar="USD", help="Price of a device-hour in serving, at the same peak FLOP/s."),
)


_DAYS = click.option("--days", metavar="TIME", help="Budget: --gpus for so many days (30, 30d, 720h).")
_DOLLARS = click.option("--dollars", metavar="USD", help="Budget: money (2M) for --gpu, at --price or a published price.")
_GPUS = click.option("--gpus", metavar="NxDEVICE", help="Devices: 512xH100, or 256xH100+512xA100.")
_GPU = click.option("--gpu", metavar="DEVICE", help="One kind of device, their number left open: h100-sxm (see `plan hardware`).")
_OVERHEAD = click.option("--overhead", metavar="FRACTION", help="Time lost to failures and restarts (10%).  [default: 0]")
_MFU = click.option("--mfu", metavar="FRACTION", help="FLOP utilisation in training (40%).  [default: a published median]")
_PRICE = click.option("--price", metavar="USD", help="Price of a device-hour in US dollars (2.95).  [default: a published one]")
_PUE = click.option("--pue", metavar="RATIO", help="Power at the meter over that of the servers.  [default: 1.25]")
_GRID = click.option("--grid", metavar="COUNTRY|G/KWH", help="Grid, for CO2e: france, or grams per kWh.")
_GPU_FILE = click.option("--gpu-file", type=click.Path(), metavar="FILE.toml", help="Your own devices and prices.")
_USE = (
    click.option("--deadline", metavar="TIME", help="Time in which the run must end (30d): gives the number of devices needed."),
    _OVERHEAD,
    click.option("--dtype", type=click.Choice(DTYPES), help="Format trained in.  [default: bf16 where the device has it]"),
    _PUE,
    _GRID,
    _GPU_FILE,
)
_PEAK = click.option("--peak", metavar="FLOP/S", help="Your own dense peak of one device (989TFLOPS).")
_POWER = click.option("--power", metavar="WATTS", help="Average power of one device with its server (1.1kW).")
_MACHINE = (
    _GPUS,
    _GPU,
    _PEAK,
    _POWER,
    *_USE,
)
_BUDGETS = (
    _DAYS,
    click.option("--gpu-hours", metavar="HOURS", help="Budget: device-hours (350k) of --gpu."),
    _DOLLARS,
    click.option("--energy", metavar="ENERGY", help="Budget: energy at the meter (4GWh) of --gpu."),
    click.option("--co2", metavar="MASS", help="Budget: CO2e (300t) of --gpu on a --grid."),
    click.option("--pf-days", type=NUMBER, help="Budget: PF-days."),
)


def hardware_options(command: Command) -> Command:
    """Add what decides how devices rank."""
    ranked = (
        click.option("--by", type=click.Choice(ORDERS), help="What devices are ranked by.  [default: dollars]"),
        _MFU,
    )
    for option in reversed((*ranked, *_USE)):
        command = option(command)
    return command


_RUN = (
    click.option("--params", type=PARAMS, help="Fix the parameters (70B); tokens follow."),
    click.option("--tokens", type=TOKENS, help="Fix the tokens (1.4T); parameters follow."),
    click.option(
        "--shape",
        metavar="NAME=N,...|MODEL",
        help="A concrete model: layers=32,width=4096,heads=32,vocab=32000,context=4096, or a published one: llama2-7b.",
    ),
)
_CONFIGURED = (
    click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the size, by tao2024]"),
    click.option("--context", metavar="N", help="Tokens of context.  [default: 4096]"),
    click.option("--kv-heads", metavar="N", help="Key-value heads.  [default: near 8]"),
    click.option("--gated/--not-gated", default=None, help="Gated feed-forward parts (SwiGLU) or plain ones."),
    click.option("--tied/--not-tied", default=None, help="One table for embedding and head, or two."),
    click.option("--count", type=int, help="Shapes to propose.  [default: 5]"),
    click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="What is kept of each parameter.  [default: adam]"),
    click.option("--zero", type=int, help="Stage of ZeRO or FSDP, 0 to 3.  [default: each]"),
    click.option("--tensor", type=int, help="Devices that share each matrix.  [default: searched]"),
    click.option("--pipeline", type=int, help="Devices that share the layers.  [default: searched]"),
    click.option("--micro-batch", type=int, help="Sequences that a device works on at once.  [default: 1]"),
    click.option("--recompute", type=click.Choice(RECOMPUTED), help="Activations computed anew.  [default: selective]"),
)


def run_options(command: Command) -> Command:
    """Add N, D and a concrete shape."""
    for option in reversed(_RUN):
        command = option(command)
    return command


def configuration_options(command: Command) -> Command:
    """Add budgets, devices, and what is fixed of a configuration."""
    for option in reversed((*_CONFIGURED, *_BUDGETS, _MFU, _PRICE, *_MACHINE)):
        command = option(command)
    return command


def held_budget_options(command: Command) -> Command:
    """Add budgets in other units than FLOP, and the devices that they are of."""
    for option in reversed((_GPUS, *_BUDGETS, _GPU, _MFU, _PRICE, _OVERHEAD, _GRID)):
        command = option(command)
    return command


def workbook_options(command: Command) -> Command:
    """Add what stands in a workbook's marked cells at first."""
    for option in reversed((_GPUS, _DAYS, _DOLLARS, _GPU, _MFU, _PRICE, _OVERHEAD, _PUE, _GRID)):
        command = option(command)
    return command


def device_options(command: Command) -> Command:
    """Add one kind of device with its price, peak and power, where no utilisation is asked for."""
    for option in reversed((_GPU, _PRICE, _PEAK, _POWER, _PUE, _GRID, _GPU_FILE)):
        command = option(command)
    return command


def levers_device_options(command: Command) -> Command:
    """Add one kind of device with its price and peak."""
    for option in reversed((_GPU, _PRICE, _PEAK, _GPU_FILE)):
        command = option(command)
    return command


def law_options(command: Command) -> Command:
    """Add the choice of a law and of other constants for it."""
    for option in (
        click.option(
            "--set", "constants", multiple=True, type=ASSIGNMENT, help="Replace a constant of the law; repeat for more."
        ),
        click.option(
            "--law",
            type=LawName(),
            help="Law to use: an id from `plan laws`, or your own .toml or .json file.  [default: besiroglu2024]",
        ),
    ):
        command = option(command)
    return command


def condition_options(command: Command) -> Command:
    """Add what limits a run beside its budget: fixed sizes, caps, unique tokens, tokens to serve."""
    for option in reversed(
        (
            *_RUN,
            click.option("--tokens-per-param", type=NUMBER, help="Fix the tokens per parameter (20)."),
            click.option("--active-params", type=PARAMS, help="Fix the active parameters of a mixture of experts (7B)."),
            click.option("--flops-rule", type=click.Choice(RULES), help="How its FLOP are counted.  [default: exact]"),
            click.option("--recompute", is_flag=True, default=None, help="Activations are computed anew in the backward pass."),
            click.option("--max-params", type=PARAMS, help="At most so many parameters, for memory or latency (13B)."),
            click.option("--max-tokens", type=TOKENS, help="At most so many tokens (2T)."),
            *_BUDGETS,
            *_LIFE,
            *_MACHINE,
        )
    ):
        command = option(command)
    return command


def sweep_options(command: Command) -> Command:
    """Add what ranges need beside themselves."""
    for option in (
        click.option("--workers", type=int, help="Processes over a range.  [default: 1]"),
        click.option("--points", type=int, help="Values of a range, such as --flops 1e18..1e26.  [default: 50; of two, 10 each]"),
    ):
        command = option(command)
    return command


def life_options(command: Command) -> Command:
    """Add unique tokens and tokens to serve."""
    for option in reversed((*_LIFE, *_MACHINE)):
        command = option(command)
    return command


def judging_options(command: Command) -> Command:
    """Add what decides when a run is called balanced, and whether warnings fail."""
    for option in (
        click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning."),
        click.option("--explain", "explained", is_flag=True, help="Show the arithmetic line by line."),
        click.option("--tolerance", type=FRACTION, help="Extra compute up to which a run is balanced.  [default: 10%]"),
    ):
        command = option(command)
    return command


def level_option(command: Command) -> Command:
    """Add the level of the intervals that a fitted law gives."""
    return click.option("--level", type=FRACTION, help="Level of intervals from a fitted law.  [default: 95%]")(command)


def runs_options(command: Command) -> Command:
    """Add where training runs come from: a file, or a shipped table, a group of it, and what its columns are called."""
    for option in (
        click.option("--group", metavar="NAME", help='Which group of the table; "all" pools them.'),
        click.option("--runs", "shipped", metavar="NAME", help="A table that ships with planner, see `plan runs`."),
    ):
        command = option(command)
    return table_options(command)


def table_options(command: Command) -> Command:
    """Add a file of runs, its sheet, and what its columns are called."""
    argument = click.argument("table", required=False, metavar="[RUNS.csv|.xlsx]", type=click.Path())
    return argument(sheet_options(command))


def sheet_options(command: Command) -> Command:
    """Add the sheet of a table, and what its columns are called."""
    for option in (
        click.option("--sheet", metavar="NAME", help="Sheet of an .xlsx workbook.  [default: the only one, or Runs]"),
        click.option("--columns", type=COLUMNS, help="Other column names: params=n_params,loss=val_loss."),
    ):
        command = option(command)
    return command


def work_options(command: Command) -> Command:
    """Add seed and processes."""
    for option in (
        click.option("--workers", type=int, help="Processes to use.  [default: 1]"),
        click.option("--seed", type=int, help="Seed of the draws.  [default: 0]"),
    ):
        command = option(command)
    return command


def format_option(command: Command) -> Command:
    """Add the output format."""
    return click.option(
        "--format",
        "fmt",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="csv and json keep full precision; csv-semicolon is for spreadsheets with a decimal comma.",
    )(command)


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
RULES = ("exact", "kaplan", "6nd")
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
