"""``plan trade``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import (
    collected,
    format_option,
    inputs,
    strict_option,
)
from planner.cli._plan import app
from planner.inputs.registry import TradeInputs


@app.command(cls=Command)
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Size over the optimal one; repeat for more.  [default: 0.1 to 3]"
)
@inputs(TradeInputs, flops="Training budget whose optimal run sets the loss.", loss="Instead of a budget: the loss.")
@strict_option
@format_option
@click.pass_context
@plot_option
def trade(ctx: click.Context, /, constants: tuple[tuple[str, str], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Smaller and larger models of the same loss: their tokens, extra compute, and from which demand they pay."""
    from planner.planning.trade import trade as trade_sizes

    answer = trade_sizes(**chosen(**options, constants=collected(constants)))
    tell(ctx, answer, fmt, strict=strict)
