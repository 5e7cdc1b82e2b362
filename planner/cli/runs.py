"""``plan runs``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner._util.formats import Format
from planner.cli._commands import Command, tell
from planner.cli._options import (
    Names,
    format_option,
)
from planner.cli._plan import app


@app.command(cls=Command)
@click.argument("table", required=False, type=Names("runs"))
@format_option
@click.pass_context
def runs(ctx: click.Context, table: str | None, fmt: Format) -> None:
    """List the tables of real runs that ship with planner, or show one TABLE."""
    from planner.fitting.tables.shipped import run_table, run_tables

    if table is not None:
        tell(ctx, run_table(table), fmt)
    else:
        tell(ctx, run_tables(), fmt)
