"""``plan hardware``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, plot_wanted, tell
from planner.cli._options import ORDERS, Names, OneOf, inputs
from planner.cli._plan import app
from planner.inputs.registry import Budget, RankInputs, option_of, rows
from planner.inputs.run_inputs import Target


@app.command(cls=Command)
@click.argument("device", required=False, type=Names("devices"))
@click.option("--by", type=OneOf(ORDERS), help="What devices are ranked by.  [default: dollars; loss for a budget that is held]")
@click.option("--gpu", metavar="DEVICE,...", help="Only these devices: h100,mi300x.")
@inputs(RankInputs, flops="Rank the devices by what this compute takes on them.", pf_days="The same in PF-days.")
@answer_options
def hardware(device: str | None, **options: Any) -> None:
    """List the accelerators with peaks, power and prices, show one DEVICE whole, or rank them for a budget.

    \b
    plan hardware                                   the catalogue
    plan hardware h100                              one device, with sources
    plan hardware --flops 1e22 --deadline 30d    the cheapest first, and how many
    plan hardware --dollars 2M --gpu h100,b200   what money buys on each
    """
    from planner.planning.hardware_ranking import hardware as known_hardware
    from planner.planning.hardware_ranking import rank_hardware

    given = chosen(**options)
    if any(options[name] is not None for name in (*rows(Budget), *rows(Target))):
        if device is not None:
            raise click.UsageError(f"name one device, or rank them all; for one: plan --flops 1e22 --gpu {device}")
        tell(rank_hardware(**given))
        return
    ranking = [name for name in given if name != "gpu_file"]
    if ranking:
        raise click.UsageError(f"{option_of(ranking[0])} goes with --flops: plan hardware --flops 1e22 --deadline 30d")
    if plot_wanted():
        raise click.UsageError("--plot draws a ranking: plan hardware --flops 1e22 --plot FILE.png")
    tell(known_hardware(device, **given))
