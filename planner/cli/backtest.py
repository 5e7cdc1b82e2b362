"""``plan backtest``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import (
    METHODS,
    OneOf,
    format_option,
    inputs,
    named_table,
    progress_bar,
    runs_options,
    strict_option,
    work_options,
)
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.output.formats import Format


@app.command(cls=Command)
@runs_options
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Fit on C <= C_max/R; repeat for more.  [default: 10 and 30]"
)
@click.option("--method", "methods", multiple=True, type=OneOf(METHODS[:2]), help="Only this method.  [default: both]")
@work_options
@inputs(Level)
@strict_option
@format_option
@click.pass_context
@plot_option
def backtest(
    ctx: click.Context, /, table: tuple[str, ...], shipped: str | None, strict: bool, fmt: Format, **options: Any
) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group."""
    from planner.fitting.backtest import backtest as test_runs

    with progress_bar("back-test") as progress:
        answer = test_runs(named_table(table, shipped), **chosen(**options), progress=progress)
    tell(ctx, answer, fmt, strict=strict)
