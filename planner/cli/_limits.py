"""Commands about where compute stops paying: limits. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, stop_if_strict
from planner.cli._options import TOKENS, collected, device_options, format_option, law_options
from planner.cli._plan import app
from planner.render import Format


@app.command(cls=Command)
@click.option("--flops", metavar="FROM..TO", help="Range of budgets (1e18..1e28): what more compute still buys.")
@law_options
@click.option("--stock", type=TOKENS, help="Different tokens there are.  [default: 300T, public human text]")
@click.option("--share", metavar="FRACTION", help="Of the irreducible loss, below which the rest is small.  [default: 10%]")
@click.option("--points", type=int, help="Budgets of the table.  [default: 11]")
@click.option("--benchmark", metavar="NAME", help="Instead: imagenet, coco, squad, conll, wmt-en-fr or wmt-en-de.")
@click.option("--error", metavar="FRACTION", help="Error to reach there (5%).")
@click.option("--today", metavar="FRACTION", help="Error to start from (11%): gives the factor in compute.")
@device_options
@click.option("--level", metavar="FRACTION", help="Level of the slope's interval.  [default: 95%]")
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def limits(ctx: click.Context, /, constants: tuple[tuple[str, float], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Say where compute stops paying over a range of budgets, or what an error on a published benchmark takes.

    \b
    plan limits --flops 1e18..1e28
    plan limits --benchmark imagenet --error 5%
    plan limits --benchmark squad --error 5% --today 10% --gpu a100 --grid france
    """
    from planner.limiting import limits as found_limits
    from planner.render import render_limits

    answer = found_limits(**chosen(**options, constants=collected(constants)))
    click.echo(render_limits(answer, fmt), nl=False)
    stop_if_strict(ctx, strict, answer.notes)
