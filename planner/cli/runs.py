"""``plan runs``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command
from planner.cli._options import (
    Names,
    format_option,
)
from planner.cli._plan import app
from planner.output.formats import Format


@app.command(cls=Command)
@click.argument("table", required=False, type=Names("runs"))
@format_option
def runs(table: str | None, fmt: Format) -> None:
    """List the tables of real runs that ship with planner, or show one TABLE."""
    from planner.fitting.tables.shipped import run_table, run_tables
    from planner.output import render

    click.echo(render(run_table(table), fmt) if table is not None else render(run_tables(), fmt, kind="run tables"), nl=False)
