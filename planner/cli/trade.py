"""``plan trade``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import inputs
from planner.cli._plan import app
from planner.inputs.registry import TradeInputs


@app.command(cls=Command)
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Size over the optimal one; repeat for more.  [default: 0.1 to 3]"
)
@inputs(TradeInputs, flops="Training budget whose optimal run sets the loss.", loss="Instead of a budget: the loss.")
@answer_options
def trade(**options: Any) -> None:
    """Smaller and larger models of the same loss: their tokens, extra compute, and from which demand they pay."""
    from planner.planning.trade import trade as trade_sizes

    tell(trade_sizes(**chosen(**options)))
