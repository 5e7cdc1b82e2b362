"""``plan hardware``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, plot_wanted, tell
from planner.cli._options import ORDERS, Names, OneOf, format_option, inputs, strict_option
from planner.cli._plan import app
from planner.inputs.registry import Budget, RankInputs, option_of, rows
from planner.inputs.run_inputs import Target


@app.command(cls=Command)
@click.argument("device", required=False, type=Names("devices"))
@click.option("--by", type=OneOf(ORDERS), help="What devices are ranked by.  [default: dollars; loss for a budget that is held]")
@click.option("--gpu", metavar="DEVICE,...", help="Only these devices: h100,mi300x.")
@inputs(RankInputs, flops="Rank the devices by what this compute takes on them.", pf_days="The same in PF-days.")
@strict_option
@format_option
@click.pass_context
@plot_option
def hardware(ctx: click.Context, /, device: str | None, strict: bool, fmt: Format, **options: Any) -> None:
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
    if not any(options[name] is not None for name in (*rows(Budget), *rows(Target))):
        ranking = [name for name in given if name != "gpu_file"]
        if ranking:
            raise click.UsageError(f"{option_of(ranking[0])} goes with --flops: plan hardware --flops 1e22 --deadline 30d")
        if plot_wanted(ctx):
            raise click.UsageError("--plot draws a ranking: plan hardware --flops 1e22 --plot FILE.png")
        tell(ctx, known_hardware(device, **given), fmt)
        return
    if device is not None:
        raise click.UsageError(f"name one device, or rank them all; for one: plan --flops 1e22 --gpu {device}")
    answer = rank_hardware(**given)
    tell(ctx, answer, fmt, strict=strict)
