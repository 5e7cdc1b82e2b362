"""``plan limits``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import Names, inputs
from planner.cli._plan import app
from planner.inputs.registry import LimitsInputs


@app.command(cls=Command)
@inputs(
    LimitsInputs, flops="A budget, or a range (1e18..1e28): what more compute still buys.", level="Level of the slope's interval."
)
@click.option("--stock", metavar="TOKENS", help="Different tokens there are.  [default: 300T, public human text]")
@click.option("--share", metavar="FRACTION", help="Of the irreducible loss, below which the rest is small.  [default: 10%]")
@click.option("--points", type=int, help="Budgets of the table.  [default: 11]")
@click.option(
    "--benchmark", type=Names("benchmarks"), metavar="NAME", help="Instead: imagenet, coco, squad, conll, wmt-en-fr or wmt-en-de."
)
@click.option("--error", metavar="FRACTION", help="Error to reach there (5%).")
@click.option("--today", metavar="FRACTION", help="Error to start from (11%): gives the factor in compute.")
@answer_options
def limits(**options: Any) -> None:
    """Say where compute stops paying over a range of budgets, or what an error on a published benchmark takes.

    \b
    plan limits --flops 1e18..1e28
    plan limits --benchmark imagenet --error 5%
    plan limits --benchmark squad --error 5% --today 10% --gpu a100 --grid france
    """
    from planner.planning.benchmark_limits import limits as found_limits

    tell(found_limits(**chosen(**options)))
