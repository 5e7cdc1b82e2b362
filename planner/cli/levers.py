"""``plan levers``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import inputs, mapping_option
from planner.cli._plan import app
from planner.inputs.registry import LeversInputs


@app.command(cls=Command)
@mapping_option("--lever", "own", help="A lever of your own: dedup=1.2; repeat for more.")
@mapping_option("--better", help="A constant that a better method would have: alpha=0.36.")
@click.option("--mfu-to", metavar="FRACTION", help="Utilisation to reach (45%).")
@click.option("--years", metavar="NUMBER", help="Waited for algorithmic progress and cheaper hardware.  [default: 1]")
@click.option("--combine", metavar="ID,ID", help="Levers whose gains are multiplied.")
@inputs(LeversInputs, mfu="Utilisation now (35%), with --mfu-to or a device.")
@answer_options
def levers(**options: Any) -> None:
    """Say what each efficiency lever is worth instead of more compute: in loss, equivalent compute and money.

    \b
    plan levers --flops 1e22
    plan levers --flops 1e22 --gpu h100 --mfu 35% --mfu-to 45% --combine mfu,fp8
    plan levers --flops 1e22 --lever dedup=1.2 --better alpha=0.36
    """
    from planner.planning.levers import levers as weighed

    tell(weighed(**chosen(**options)))
