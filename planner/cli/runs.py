"""``plan runs``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command, tell
from planner.cli._options import Names, format_option
from planner.cli._plan import app


@app.command(cls=Command)
@click.argument("table", required=False, type=Names("runs"))
@format_option
def runs(table: str | None) -> None:
    """List the tables of real runs that ship with planner, or show one TABLE."""
    from planner.fitting.tables.shipped import run_table, run_tables

    tell(run_table(table) if table is not None else run_tables())
