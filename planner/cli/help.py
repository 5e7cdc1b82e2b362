"""``plan help``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command
from planner.cli._plan import app


@app.command(name="help", cls=Command)
@click.argument("command", required=False)
@click.pass_context
def help_(ctx: click.Context, command: str | None) -> None:
    """Show what a COMMAND does and takes, as COMMAND --help does."""
    root = ctx.find_root()
    if command in {None, "plan"}:
        click.echo(root.get_help())
        return
    found = app.get_command(root, str(command))
    if found is None:
        app.resolve_command(root, [str(command)])  # which says what is near
        return
    click.echo(found.get_help(click.Context(found, info_name=found.name, parent=root)))
