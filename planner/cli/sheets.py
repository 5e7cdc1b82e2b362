"""``plan sheets``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command, Group, tell
from planner.cli._options import format_option, replace_option
from planner.cli._plan import app
from planner.quantities import shown


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
@replace_option
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
