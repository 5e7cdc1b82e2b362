"""What the commands share: their classes, and what they do with options and warnings."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from importlib import import_module
from typing import Any

import click

from planner.cli._options import files, format_option, mapping_option, shown_as, strict_option, together
from planner.errors import PlannerError
from planner.inputs.registry import GROUPS, every_input, option_of
from planner.quantities import parse_flops, parse_range, shown


def example_of(ctx: click.Context) -> str:
    """Return the first example in the help of a command, as the end of a message."""
    lines = (line.strip() for line in (ctx.command.help or "").splitlines())
    line = next((line for line in lines if line.startswith(f"{ctx.command_path} ")), "")
    return f"; for example: {line.split('  ')[0]}" if line else f"; {ctx.command_path} --help says what it takes"


class Careful:
    """Mix-in for commands: options stand under the headings of the registry, each given once, and none of another command."""

    params: list[click.Parameter]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, the command's own first; the main command's own, which are of its output, last."""
        headed: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]  # of click's own class
            if record := param.get_help_record(ctx):
                headed.setdefault(getattr(param, "heading", "") or "Options", []).append(record)
        for heading in (*GROUPS, "Options") if isinstance(self, Budgets) else ("Options", *GROUPS):
            if headed.get(heading):
                with formatter.section(heading):
                    formatter.write_dl(headed[heading])
        if isinstance(self, click.Group) and not isinstance(self, Budgets):
            self.format_commands(ctx, formatter)

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

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> Any:
        """Parse, and say of an option that only other commands take which they are."""
        try:
            return super().make_context(info_name, args, parent, **extra)  # type: ignore[misc]
        except click.MissingParameter as error:
            if error.ctx is None or error.param is None:
                raise
            option = isinstance(error.param, click.Option)
            named = " or ".join(error.param.opts) if option else error.param.human_readable_name
            raise click.UsageError(f"{error.ctx.command_path} needs {named}{example_of(error.ctx)}") from None
        except click.NoSuchOption as error:
            if error.ctx is None:
                raise
            name = next((each for each in every_input() if option_of(each) == error.option_name), None)
            if name is None:
                from planner.cli._words import instead_of_option

                options = (option for param in error.ctx.command.params for option in param.opts if option.startswith("--"))
                raise click.UsageError(instead_of_option(error.option_name, options, error.ctx.command_path)) from None
            root: Any = error.ctx.find_root().command
            known = {"plan": root, **{f"plan {each}": root.get_command(error.ctx, each) for each in SUMMARIES}}
            able = [each for each, command in known.items() if any(name == param.name for param in command.params)]
            do = "do" if len(able) > 1 else "does"
            raise click.UsageError(f"{error.ctx.command_path} does not take {option_of(name)}; {', '.join(able)} {do}") from None


class Command(Careful, click.Command):
    """A command whose options are given once."""


class Group(Careful, click.Group):
    """A group whose options are given once, and that says of a command that there is not what there is."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command that the first argument names."""
        if self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"no command {shown(args[0])}; {self.instead_of(ctx, args[0])}")
        return super().resolve_command(ctx, args)

    def instead_of(self, ctx: click.Context, name: str) -> str:
        """Return what to say of a command that there is not."""
        from planner.cli._words import instead_of_command

        return instead_of_command(name, self.list_commands(ctx))


COMMANDS: dict[str, dict[str, str]] = {
    "Plan and judge": {
        "check": "Judge a run, or a table of runs: overfit, underfit, balanced.",
        "compare": "What every law makes of a budget, and why they differ.",
        "trade": "The same loss at other sizes, and from which demand each pays.",
        "distill": "Whether a student learns more from a teacher or from more tokens.",
        "limits": "Where more compute stops paying; what an accuracy takes.",
        "levers": "What else than compute would lower the loss, and by how much.",
    },
    "Runs of your own": {
        "pilots": "Which small runs to train before a large one.",
        "fit": "A scaling law from a table of runs, with intervals.",
        "backtest": "Whether the small runs would have foretold the large ones.",
        "curve": "Where on its learning curve a problem is.",
        "training-curve": "What a run in progress will end at, and when to decay.",
        "scores": "Benchmark scores of a larger run, or why none can be said.",
    },
    "Machines and models": {
        "configure": "Shapes, memory, batch size and learning rate for a run.",
        "throughput": "How fast a model trains on devices, with an interval.",
        "hardware": "Accelerators with peaks and dated prices; ranked for a budget.",
        "models": "Published models with their shapes.",
    },
    "For others": {
        "report": "A page that goes on planning in a browser.",
        "workbook": "A workbook of live formulas for Excel and LibreOffice.",
        "sheets": "Spreadsheet functions, and the add-in for LibreOffice Calc.",
    },
    "Look up": {
        "laws": "The catalogue of laws, or one law whole.",
        "runs": "The tables of real runs that ship.",
        "help": "What a command does and takes.",
    },
}
"""Every command with one line: ``plan --help`` lists them and loads none."""

SUMMARIES = {name: text for group in COMMANDS.values() for name, text in group.items()}


class Budgets(Group):
    """A group that plans by itself, loads a command when it is asked for, and knows a budget typed without its option."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command, loaded or not."""
        return sorted(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loaded now where it was not."""
        if cmd_name in SUMMARIES:
            import_module(f"planner.cli.{cmd_name.replace('-', '_')}")
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        for heading, group in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl(list(group.items()))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write commands first, then the options group by group."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def instead_of(self, ctx: click.Context, name: str) -> str:
        """Return what to say of a command that there is not: it may be a budget."""
        for text, read in ((name, parse_flops), (name.replace(":", ".."), _budgets)):
            with suppress(PlannerError):
                read(text)
                return f"a budget goes with its option: plan --flops {shown(text)}"
        return super().instead_of(ctx, name)


def _budgets(text: str) -> object:
    return parse_range(text, "flops", parse_flops, "1e18..1e26")


def chosen(**options: Any) -> dict[str, Any]:
    """Return the options that the user gave, so that defaults stay in the library."""
    return {name: value for name, value in options.items() if value not in (None, (), {})}


_PLOT = "planner.plot"
_TERMINAL = "-"  # planner.output.plots.plot.TERMINAL, written out so that --help need not load it


def plot_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --plot and --force; what cannot be written is refused before anything is computed. :func:`shown_with_files` draws."""

    @wraps(command)
    def prepared(plot: str | None, dpi: str | None, size: str | None, force: bool, **options: Any) -> Any:
        if plot is not None:
            from planner.output.plots.plot import check_plot

            if plot == _TERMINAL and shown_as("fmt") not in {"table", "markdown"}:
                raise click.UsageError(f"--plot - draws below a table, not below {shown_as('fmt')}; name a file")
            check_plot(plot, overwrite=force, dpi=dpi, size=size)
            click.get_current_context().meta[_PLOT] = plot, {"overwrite": force, "dpi": dpi, "size": size}
        elif dpi or size:
            raise click.UsageError(f"{'--dpi' if dpi else '--size'} goes with --plot FILE")
        elif force and not options.get("save"):
            named = (param.opts[0] for param in click.get_current_context().command.params if param.name == "save")
            raise click.UsageError(f"--force goes with {''.join(f'{name} FILE or ' for name in named)}--plot FILE")
        return command(**({"force": force, **options} if "save" in options else options))

    return together(
        click.option("--plot", metavar="FILE|-", help="Draw it: a .png, .svg or .pdf file, or - for the terminal."),
        click.option("--dpi", metavar="NUMBER", help="Dots per inch of a .png.  [default: 110]"),
        click.option("--size", metavar="WxH", help="Its width and height in inches, such as 11x5."),
        click.option("--overwrite", "--force", "force", is_flag=True, help="Let --plot or --save replace a file."),
    )(prepared)


answer_options = together(strict_option, format_option, plot_option)
"""What becomes of an answer: its format, a drawing of it, and whether its warnings fail."""


def plot_wanted() -> bool:
    """Tell whether a plot was asked for."""
    return _PLOT in click.get_current_context().meta


def shown_with_files(result: Any, show: Callable[[], object], save: Callable[[], str] | None = None) -> None:
    """Write the files that were asked for, then show an answer, even where a file is refused; a plot may stand below it.

    A reader of the output that is gone must not cost the files, nor a file that cannot be written the answer.
    """
    target, look = click.get_current_context().meta.get(_PLOT, (None, {}))
    try:
        if save is not None:
            click.echo(f"saved; {save()}", err=True)
        if target is not None and target != _TERMINAL:
            from planner.output.plots.plot import plot

            plot(result, target, **look)
            click.echo(f"drawn: {shown(str(target))}", err=True)
    except PlannerError:
        show()
        raise
    show()
    if target == _TERMINAL:
        from planner.output.plots.plot import plot_text

        show_pieces(lambda: iter(["\n" + plot_text(result)]))


def refuse_brief() -> None:
    """Refuse --brief where there is no one answer, before anything is computed or written."""
    if shown_as("brief"):
        raise click.UsageError("--brief goes with one answer, not with a range or a table of runs")


def show_pieces(pieces: Callable[[], Iterator[str]]) -> None:
    """Print an answer as --color and --pager ask."""
    from planner.output.screen import written_for

    color = shown_as("color") or "auto"
    with written_for(color):
        always = True if color == "always" else None
        if shown_as("pager"):
            click.echo_via_pager(pieces(), color=always)
            return
        for piece in pieces():
            click.echo(piece, nl=False, color=always)


def stop_if_strict(notes: Any) -> None:
    """Leave with 1 where a note is a warning and the user wants to hear of that."""
    if shown_as("strict") and any(note.severity == "warning" for note in notes):
        click.get_current_context().exit(1)


def tell(answer: Any, save: Callable[[], str] | None = None) -> None:
    """Print an answer as was asked, ``save`` it first, which says what the file is for; leave with 1 where warnings fail."""
    steps: Any = ()
    if shown_as("explained"):
        from planner.planning.explain.answers import explain

        steps = explain(answer)
    if steps and shown_as("brief"):
        raise click.UsageError("--brief leaves out what --explain asks for: give one of them")

    def show() -> None:
        from planner.output import brief, pieces

        show_pieces(lambda: iter([brief(answer)]) if shown_as("brief") else pieces(answer, shown_as("fmt"), steps))

    shown_with_files(answer, show, save)
    stop_if_strict(getattr(answer, "notes", ()))


task_options = together(
    click.option("--task", multiple=True, metavar="COLUMN", help="Only this task; may repeat.  [default: all found]"),
    click.option("--about", type=click.Path(), metavar="FILE", help="A side file of tasks: task, chance, questions, ceiling."),
    mapping_option("--chance", help="What guessing gets (mmlu=0.25); may repeat."),
    mapping_option("--questions", help="Questions of a task (mmlu=14042); may repeat."),
    mapping_option("--ceiling", help="What cannot be exceeded (boolq=0.92); may repeat."),
)
"""Which columns of scores are tasks, and what is known of them."""


def of_tasks(options: dict[str, Any]) -> dict[str, Any]:
    """Take out of the options what was said of tasks."""
    task, about = options.pop("task"), options.pop("about")
    pairs = {name: options.pop(name) for name in ("chance", "questions", "ceiling")}
    return chosen(task=list(task) or None, about=None if about is None else files((about,)), **pairs)


def named_scores(table: tuple[str, ...], shipped: str | None) -> Any:
    """Return the file or the shipped table of scores that was named."""
    if bool(table) == (shipped is not None) or len(table) > 1:
        raise click.UsageError(
            "name one table: a file, runs.csv, or the one that ships, --runs gadre2024 (plan scores --observational needs none)"
        )
    if shipped is None:
        return files(table)
    from planner.fitting.scores.shipped import own_table

    return own_table(shipped)
