"""``plan backtest``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import (
    METHODS,
    format_option,
    inputs,
    progress_bar,
    runs_options,
    strict_option,
    work_options,
)
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.output.formats import Format


def _source(table: str | None, shipped: str | None) -> Any:
    """Return the file or the shipped table that was named."""
    from pathlib import Path

    if (table is None) == (shipped is None):
        raise click.UsageError(
            "name one table: a file, plan fit runs.csv, or one that ships, --runs porian2024 (plan runs lists them)"
        )
    if table is not None:
        return Path(table)
    from planner.fitting.tables.shipped import load_runs

    return load_runs(str(shipped))


@app.command(cls=Command)
@runs_options
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Fit on C <= C_max/R; repeat for more.  [default: 10 and 30]"
)
@click.option("--method", "methods", multiple=True, type=click.Choice(METHODS[:2]), help="Only this method.  [default: both]")
@work_options
@inputs(Level)
@strict_option
@format_option
@click.pass_context
@plot_option
def backtest(ctx: click.Context, /, table: str | None, shipped: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group."""
    from planner.fitting.backtest import backtest as test_runs

    with progress_bar("back-test") as progress:
        answer = test_runs(_source(table, shipped), **chosen(**options), progress=progress)
    tell(ctx, answer, fmt, strict=strict)
