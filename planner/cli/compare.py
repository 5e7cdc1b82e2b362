"""``plan compare``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, plot_wanted, tell
from planner.cli._options import (
    collected,
    format_option,
    inputs,
    strict_option,
)
from planner.cli._plan import app
from planner.inputs.registry import CompareInputs, CompareMixturesInputs, option_of, rows


class _Both(CompareInputs, CompareMixturesInputs, total=False):
    """What either comparison takes."""


@app.command(cls=Command)
@click.option("--laws", metavar="ID,ID", help="These laws, and the judge (--law), instead of the whole catalogue.")
@click.option("--moe", is_flag=True, help="The laws of mixtures of experts instead, each with its best mixture.")
@inputs(_Both, tolerance="Extra compute up to which a size counts as near.", law="The judge: a law with a loss surface.")
@strict_option
@format_option
@click.pass_context
@plot_option
def compare(
    ctx: click.Context, /, moe: bool, constants: tuple[tuple[str, str], ...], strict: bool, fmt: Format, **options: Any
) -> None:
    """Say what every law makes of a budget: consensus and spread over the studies, which laws disagree, and why.

    \b
    plan compare --flops 1e21
    plan compare --flops 1e21 --laws kaplan2020,llama3,besiroglu2024
    plan compare --flops 1e23 --moe --gpus 64xH100
    """
    asked = chosen(**options, constants=collected(constants))
    foreign = [name for name in asked if name not in rows(CompareMixturesInputs if moe else CompareInputs) and name != "laws"]
    if moe and (foreign or "laws" in asked):
        raise click.UsageError(f"{option_of((*foreign, 'laws')[0])} does not go with --moe, which compares laws of mixtures")
    if moe and plot_wanted(ctx):
        raise click.UsageError("--plot does not go with --moe: there is no drawing of it")
    if foreign:
        raise click.UsageError(f"{option_of(foreign[0])} goes with --moe, which compares mixtures of experts")
    if moe:
        from planner.planning.compare_mixtures import compare_mixtures

        tell(ctx, compare_mixtures(**asked), fmt, strict=strict)
        return
    from planner.planning.compare import compare as compared

    answer = compared(**asked)
    tell(ctx, answer, fmt, strict=strict)
