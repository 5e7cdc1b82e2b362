"""Commands about spreadsheets: workbook, sheets. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, Group, chosen
from planner.cli._options import Names, format_option, inputs
from planner.cli._plan import app
from planner.inputs.registry import WorkbookInputs
from planner.output import Format


@app.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.xlsx")
@inputs(WorkbookInputs, flops="The budget at first.  [default: 1e21]")
@click.option(
    "--law", type=Names("laws"), metavar="ID|FILE", help="The law at first; your own is added.  [default: besiroglu2024]"
)
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")
def workbook(file: str, *, overwrite: bool, **options: Any) -> None:
    """Write a workbook of live formulas for Excel or LibreOffice: plan, sweep, sensitivity, laws, devices; it needs no Python."""
    from planner.sheets.workbook.write import write_workbook

    path = write_workbook(file, overwrite=overwrite, **chosen(**options))
    click.echo(f"wrote {path}; change the yellow cells and everything follows", err=True)


@app.group(cls=Group, invoke_without_command=True)
@format_option
@click.pass_context
def sheets(ctx: click.Context, fmt: Format) -> None:
    """List the spreadsheet functions; build the add-in that puts them into LibreOffice Calc.

    \b
    plan sheets                                 PLAN_TOKENS and the others, with their arguments
    plan sheets build-addin planner.oxt         then: unopkg add planner.oxt
    """
    if ctx.invoked_subcommand:
        return
    from planner.output import render
    from planner.sheets.cell_functions.registry import FUNCTIONS

    click.echo(render(tuple(FUNCTIONS.values()), fmt, kind="functions"), nl=False)


@sheets.command("build-addin", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="[FILE.oxt]", default="planner.oxt")
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")
def build_addin(file: str, overwrite: bool) -> None:
    """Write the LibreOffice Calc add-in: =PLAN_TOKENS(A2) and the others, answered by this installation of planner."""
    from planner.sheets.calc.building import build_addin as built

    path = built(file, overwrite=overwrite)
    click.echo(f"wrote {path}; install it with: unopkg add {path}", err=True)


@sheets.command(cls=Command)
def serve() -> None:
    """Answer cells over standard input and output, a line of JSON each: what the add-in talks to."""
    from planner.sheets.calc.helper import main

    main()
