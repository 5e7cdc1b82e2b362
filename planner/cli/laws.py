"""``plan laws``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command, tell
from planner.cli._options import Names, format_option
from planner.cli._plan import app


@app.command(cls=Command)
@click.argument("law", required=False, type=Names("laws"))
@click.option("--applicable", is_flag=True, help="Only laws whose fitted range covers --flops and what they would plan for it.")
@click.option("--flops", metavar="FLOP", help="The budget for --applicable.")
@format_option
def laws(law: str | None, applicable: bool, flops: str | None) -> None:
    """List the catalogue, or show one LAW whole: equation, constants, conventions, range, source and traps."""
    from planner.inputs.law_choice import laws as chosen_laws
    from planner.scaling_laws.catalogue import load_law

    if applicable != (flops is not None):
        raise click.UsageError("--applicable and --flops go together: plan laws --applicable --flops 1e21")
    if law is not None and applicable:
        raise click.UsageError("name one law, or list the applicable ones, not both")
    tell(load_law(law) if law is not None else chosen_laws(flops=flops))
