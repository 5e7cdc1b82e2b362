"""Commands about where compute stops paying: limits. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, stop_if_strict
from planner.cli._options import device_options, format_option, level_option
from planner.cli._plan import app
from planner.render import Format


@app.command(cls=Command)
@click.option("--benchmark", metavar="NAME", required=True, help="imagenet, coco, squad, conll, wmt-en-fr or wmt-en-de.")
@click.option("--error", metavar="FRACTION", required=True, help="Error to reach (5%).")
@click.option("--today", metavar="FRACTION", help="Error to start from (11%): gives the factor in compute.")
@device_options
@level_option
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def limits(ctx: click.Context, /, strict: bool, fmt: Format, **options: Any) -> None:
    """Say what compute, money and carbon an error on a benchmark takes, by published regressions.

    \b
    plan limits --benchmark imagenet --error 5%
    plan limits --benchmark squad --error 5% --today 10% --gpu a100 --grid france
    """
    from planner.limiting import limits as benchmark_limits
    from planner.render import render_limits

    answer = benchmark_limits(**chosen(**options))
    click.echo(render_limits(answer, fmt), nl=False)
    stop_if_strict(ctx, strict, answer.notes)
