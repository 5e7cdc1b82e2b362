"""What the commands share: their classes, and what they do with options and warnings."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from planner.cli._options import Once
from planner.errors import PlannerError
from planner.inputs.registry import GROUPS, every_input, option_of
from planner.output.formats import Format
from planner.quantities import parse_flops, shown


class Headed:
    """Mix-in for commands: options stand under the headings of the registry, and one of other commands is told which they are."""

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
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> Any:
        """Parse, and say of an option that only other commands take which they are."""
        try:
            return super().make_context(info_name, args, parent, **extra)  # type: ignore[misc]
        except click.NoSuchOption as error:
            name = next((each for each in every_input() if option_of(each) == error.option_name), None)
            if name is None or error.ctx is None:
                raise
            root = error.ctx.find_root().command
            known = {"plan": root, **{f"plan {each}": command for each, command in getattr(root, "commands", {}).items()}}
            able = [each for each, command in known.items() if any(name == param.name for param in command.params)]
            raise click.UsageError(f"{error.ctx.command_path} does not take {option_of(name)}; {', '.join(able)} do") from None


class Command(Headed, Once, click.Command):
    """A command whose options are given once."""


class Group(Headed, Once, click.Group):
    """A group whose options are given once."""


class Budgets(Group):
    """A group that plans by itself, and knows a budget typed without its option when it sees one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if self.get_command(ctx, name) is None:
            try:
                parse_flops(name)
            except PlannerError:
                hint = f"commands are {', '.join(self.list_commands(ctx))}"
            else:
                hint = f"a budget goes with its option: plan --flops {shown(name)}"
            raise click.UsageError(f"no command {shown(name)}; {hint}")
        return super().resolve_command(ctx, args)


def chosen(**options: Any) -> dict[str, Any]:
    """Return the options that the user gave, so that defaults stay in the library."""
    return {name: value for name, value in options.items() if value not in (None, (), {})}


def stop_if_strict(ctx: click.Context, strict: bool, notes: Any) -> None:
    """Leave with 1 where a note is a warning and the user wants to hear of that."""
    if strict and any(note.severity == "warning" for note in notes):
        ctx.exit(1)


_PLOT = "planner.plot"


def plot_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --plot and --force; what cannot be written is refused before anything is computed. :func:`plot_file` draws."""

    @wraps(command)
    def prepared(ctx: click.Context, /, plot: str | None, force: bool, **options: Any) -> Any:
        if plot is not None:
            from planner.output.plots.plot import TERMINAL, check_plot

            if plot == TERMINAL and options.get("fmt") not in {"table", "markdown"}:
                raise click.UsageError(f"--plot - draws below a table, not below {options['fmt']}; name a file")
            check_plot(plot, overwrite=force)
            ctx.meta[_PLOT] = plot, force
        elif force and "save" not in options:
            raise click.UsageError("--force goes with --plot FILE")
        return command(ctx, **({"force": force, **options} if "save" in options else options))

    wanted = click.option("--plot", metavar="FILE|-", help="Draw it: a .png, .svg or .pdf file, or - for the terminal.")
    forced = click.option("--overwrite", "--force", "force", is_flag=True, help="Let --plot or --save replace a file.")
    return wanted(forced(prepared))


def plot_wanted(ctx: click.Context) -> bool:
    """Tell whether a plot was asked for."""
    return _PLOT in ctx.meta


def plot_file(ctx: click.Context, result: Any) -> None:
    """Draw a result into a file, where that was asked for; before it is printed, so that what cannot be drawn leaves nothing."""
    if plot_wanted(ctx):
        from planner.output.plots.plot import TERMINAL, plot

        target, force = ctx.meta[_PLOT]
        if target != TERMINAL:
            plot(result, target, overwrite=force)
            click.echo(f"drawn: {shown(str(target))}", err=True)


def plot_here(ctx: click.Context, result: Any) -> None:
    """Draw a result below its table, where that was asked for."""
    if plot_wanted(ctx):
        from planner.output.plots.plot import TERMINAL, plot_text

        if ctx.meta[_PLOT][0] == TERMINAL:
            click.echo("\n" + plot_text(result, colours=bool(sys.stdout and sys.stdout.isatty())), nl=False)


def tell(ctx: click.Context, answer: Any, fmt: Format, *, strict: bool = False, steps: Any = (), kind: str = "") -> None:
    """Draw an answer where that was asked for, print it, and leave with 1 where the user wants to hear of its warnings."""
    from planner.output import render

    plot_file(ctx, answer)
    click.echo(render(answer, fmt, steps, kind=kind), nl=False)
    plot_here(ctx, answer)
    if not kind:
        stop_if_strict(ctx, strict, answer.notes)
