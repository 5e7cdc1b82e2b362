"""``plan workbook``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen
from planner.cli._options import Names, inputs, replace_option
from planner.cli._plan import app
from planner.inputs.registry import WorkbookInputs
from planner.quantities import shown


@app.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.xlsx")
@inputs(WorkbookInputs, flops="The budget at first.  [default: 1e21]")
@click.option(
    "--law", type=Names("laws"), metavar="ID|FILE", help="The law at first; your own is added.  [default: besiroglu2024]"
)
@replace_option
def workbook(file: str, overwrite: bool, **options: Any) -> None:
    """Write a workbook of live formulas for Excel or LibreOffice: plan, sweep, sensitivity, laws, devices; it needs no Python."""
    from planner.sheets.workbook.write import write_workbook

    path = write_workbook(file, overwrite=overwrite, **chosen(**options))
    click.echo(f"wrote {shown(str(path))}; change the yellow cells and everything follows", err=True)
