"""``plan report``, ``workbook``, ``sheets``. Heavy modules are imported inside."""

from typing import Any

import click

from planner.cli._commands import Command, Group, chosen, tell
from planner.cli._options import Names, format_option, inputs
from planner.cli._plan import app
from planner.inputs.registry import PlanInputs, WorkbookInputs
from planner.quantities import shown

_replace_option = click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")


@app.command(cls=Command)
@click.option("-o", "--out", "path", required=True, metavar="PLAN.html", help="The page to write.")
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Let it replace a file.")
@inputs(PlanInputs)
def report(path: str, overwrite: bool, **options: Any) -> None:
    """Write a plan as one HTML page that goes on planning in a browser, with nothing to install and nothing fetched.

    \b
    plan report --flops 1e21 -o plan.html
    plan report --gpus 512xH100 --days 30 -o plan.html
    """
    from planner._util.files import new_file
    from planner.output.html_report.page import write_report
    from planner.planning.plan import plan

    new_file(path, overwrite, ".html", "a report")
    write_report(plan(**chosen(**options)), path, overwrite=overwrite)
    click.echo(f"wrote {shown(path)}: open it in a browser", err=True)


@app.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.xlsx")
@inputs(WorkbookInputs, flops="The budget at first.  [default: 1e21]")
@click.option(
    "--law", type=Names("laws"), metavar="ID|FILE", help="The law at first; your own is added.  [default: besiroglu2024]"
)
@_replace_option
def workbook(file: str, overwrite: bool, **options: Any) -> None:
    """Write a workbook of live formulas for Excel or LibreOffice: plan, sweep, sensitivity, laws, devices; it needs no Python."""
    from planner.sheets.workbook.write import write_workbook

    path = write_workbook(file, overwrite=overwrite, **chosen(**options))
    click.echo(f"wrote {shown(str(path))}; change the yellow cells and everything follows", err=True)


@app.group(cls=Group, invoke_without_command=True)
@format_option
@click.pass_context
def sheets(ctx: click.Context) -> None:
    """List the spreadsheet functions; build the add-in that puts them into LibreOffice Calc.

    \b
    plan sheets                              PLAN_TOKENS and the others
    plan sheets build-addin planner.oxt      then: unopkg add --force planner.oxt
    """
    if ctx.invoked_subcommand:
        return
    from planner._util.to_json import Listing
    from planner.sheets.cell_functions.registry import FUNCTIONS

    tell(Listing(FUNCTIONS.values(), "functions"))


@sheets.command("build-addin", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="[FILE.oxt]", default="planner.oxt")
@_replace_option
def build_addin(file: str, overwrite: bool) -> None:
    """Write the LibreOffice Calc add-in: =PLAN_TOKENS(A2) and the others, answered by this installation of planner."""
    from planner.sheets.calc.building import build_addin as built

    path = built(file, overwrite=overwrite)
    click.echo(f"wrote {shown(str(path))}; install it with: unopkg add --force {path}", err=True)


@sheets.command(cls=Command)
def serve() -> None:
    """Answer cells over standard input and output, a line of JSON each: what the add-in talks to."""
    from planner.sheets.calc.helper import main

    main()
