"""Commands about where compute stops paying: limits, levers. Heavy modules are imported inside them."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import ASSIGNMENT, Names, collected, format_option, inputs, strict_option
from planner.cli._plan import app
from planner.inputs.registry import LeversInputs, LimitsInputs
from planner.output import Format


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
@strict_option
@format_option
@click.pass_context
@plot_option
def limits(ctx: click.Context, /, constants: tuple[tuple[str, str], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Say where compute stops paying over a range of budgets, or what an error on a published benchmark takes.

    \b
    plan limits --flops 1e18..1e28
    plan limits --benchmark imagenet --error 5%
    plan limits --benchmark squad --error 5% --today 10% --gpu a100 --grid france
    """
    from planner.planning.benchmark_limits import limits as found_limits

    answer = found_limits(**chosen(**options, constants=collected(constants)))
    tell(ctx, answer, fmt, strict=strict)


@app.command(cls=Command)
@click.option("--lever", "own", multiple=True, type=ASSIGNMENT, help="A lever of your own: dedup=1.2; repeat for more.")
@click.option("--better", multiple=True, type=ASSIGNMENT, help="A constant that a better method would have: alpha=0.36.")
@click.option("--mfu-to", metavar="FRACTION", help="Utilisation to reach (45%).")
@click.option("--years", metavar="NUMBER", help="Waited for algorithmic progress and cheaper hardware.  [default: 1]")
@click.option("--combine", metavar="ID,ID", help="Levers whose gains are multiplied.")
@inputs(LeversInputs, mfu="Utilisation now (35%), with --mfu-to or a device.")
@strict_option
@format_option
@click.pass_context
def levers(
    ctx: click.Context,
    /,
    constants: tuple[tuple[str, str], ...],
    own: tuple[tuple[str, str], ...],
    better: tuple[tuple[str, str], ...],
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Say what each efficiency lever is worth instead of more compute: in loss, equivalent compute and money.

    \b
    plan levers --flops 1e22
    plan levers --flops 1e22 --gpu h100 --mfu 35% --mfu-to 45% --combine mfu,fp8
    plan levers --flops 1e22 --lever dedup=1.2 --better alpha=0.36
    """
    from planner.planning.levers import levers as weighed

    pairs = chosen(constants=collected(constants), own=collected(own, "--lever"), better=collected(better, "--better"))
    answer = weighed(**chosen(**options), **pairs)
    tell(ctx, answer, fmt, strict=strict)
