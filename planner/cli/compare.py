"""``plan compare``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, plot_wanted, tell
from planner.cli._options import inputs
from planner.cli._plan import app
from planner.inputs.registry import CompareInputs, CompareMixturesInputs, option_of, rows


class _Both(CompareInputs, CompareMixturesInputs, total=False):
    """What either comparison takes."""


@app.command(cls=Command)
@click.option("--laws", metavar="ID,ID", help="These laws, and the judge (--law), instead of the whole catalogue.")
@click.option("--moe", is_flag=True, help="The laws of mixtures of experts instead, each with its best mixture.")
@inputs(_Both, tolerance="Extra compute up to which a size counts as near.", law="The judge: a law with a loss surface.")
@answer_options
def compare(moe: bool, **options: Any) -> None:
    """Say what every law makes of a budget: consensus and spread over the studies, which laws disagree, and why.

    \b
    plan compare --flops 1e21
    plan compare --flops 1e21 --laws kaplan2020,llama3,besiroglu2024
    plan compare --flops 1e23 --moe --gpus 64xH100
    """
    asked = chosen(**options)
    foreign = [name for name in asked if name not in rows(CompareMixturesInputs if moe else CompareInputs) and name != "laws"]
    if moe and (foreign or "laws" in asked):
        raise click.UsageError(f"{option_of((*foreign, 'laws')[0])} does not go with --moe, which compares laws of mixtures")
    if moe and plot_wanted():
        raise click.UsageError("--plot does not go with --moe: there is no drawing of it")
    if foreign:
        raise click.UsageError(f"{option_of(foreign[0])} goes with --moe, which compares mixtures of experts")
    if moe:
        from planner.planning.compare_mixtures import compare_mixtures

        tell(compare_mixtures(**asked))
        return
    from planner.planning.compare import compare as compared

    tell(compared(**asked))
