"""What the commands share: their classes, and what they do with options and warnings."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from planner.cli._options import Once
from planner.errors import PlannerError
from planner.units import parse_flops, shown


class Command(Once, click.Command):
    """A command whose options are given once."""


class Group(Once, click.Group):
    """A group whose options are given once."""


class Budgets(Group):
    """A group that plans by itself, over ranges too, and knows a budget typed without its option when it sees one."""

    takes_ranges = True

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
            from planner.render.plotting import TERMINAL, check_plot

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
        from planner.render.plotting import TERMINAL, plot

        target, force = ctx.meta[_PLOT]
        if target != TERMINAL:
            plot(result, target, overwrite=force)
            click.echo(f"drawn: {shown(str(target))}", err=True)


def plot_here(ctx: click.Context, result: Any) -> None:
    """Draw a result below its table, where that was asked for."""
    if plot_wanted(ctx):
        from planner.render.plotting import TERMINAL, plot_text

        if ctx.meta[_PLOT][0] == TERMINAL:
            click.echo("\n" + plot_text(result, colours=bool(sys.stdout and sys.stdout.isatty())), nl=False)
