"""``plan compare``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import (
    collected,
    format_option,
    inputs,
    strict_option,
)
from planner.cli._plan import app
from planner.inputs.registry import CompareInputs
from planner.output.formats import Format


@app.command(cls=Command)
@click.option("--laws", metavar="ID,ID", help="These laws instead of the whole catalogue.")
@inputs(CompareInputs, tolerance="Extra compute up to which a size counts as near.", law="The judge: a law with a loss surface.")
@strict_option
@format_option
@click.pass_context
@plot_option
def compare(ctx: click.Context, /, constants: tuple[tuple[str, str], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Say what every law makes of a budget: consensus and spread over the studies, which laws disagree, and why.

    \b
    plan compare --flops 1e21
    plan compare --flops 1e21 --laws kaplan2020,llama3,besiroglu2024
    """
    from planner.planning.compare import compare as compared

    answer = compared(**chosen(**options, constants=collected(constants)))
    tell(ctx, answer, fmt, strict=strict)
