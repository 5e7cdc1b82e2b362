"""Commands about machines and models: hardware, configure, models. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, stop_if_strict
from planner.cli._options import (
    FLOPS,
    NUMBER,
    LawName,
    configuration_options,
    format_option,
    hardware_options,
    run_options,
)
from planner.cli._plan import app
from planner.render import Format


@app.command(cls=Command)
@click.argument("device", required=False)
@click.option("--flops", type=FLOPS, help="Rank the devices by what this compute takes on them.")
@hardware_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def hardware(ctx: click.Context, /, device: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """List the accelerators with peaks, power and prices, show one DEVICE whole, or rank them for --flops.

    \b
    plan hardware                                   the catalogue
    plan hardware h100                              one device, with sources
    plan hardware --flops 1e22 --deadline 30d       the cheapest first, and how many it takes
    """
    from planner.purchasing import hardware as known_hardware
    from planner.purchasing import rank_hardware
    from planner.render import render_hardware, render_ranking

    given = chosen(**options)
    if options["flops"] is None:
        ranking = [name for name in given if name != "gpu_file"]
        if ranking:
            raise click.UsageError(f"--{ranking[0]} goes with --flops: plan hardware --flops 1e22 --deadline 30d")
        click.echo(render_hardware(known_hardware(device, **given), fmt), nl=False)
        return
    if device is not None:
        raise click.UsageError(f"name one device, or rank them all; for one: plan --flops 1e22 --gpu {device}")
    answer = rank_hardware(**given)
    click.echo(render_ranking(answer, fmt), nl=False)
    stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=Command)
@click.option("--flops", type=FLOPS, help="Budget; or one of those below, or --params and --tokens.")
@click.option("--loss", type=NUMBER, help="Instead of a budget: the loss to reach.")
@run_options
@click.option("--law", type=LawName(), help="Law that plans and counts N.  [default: besiroglu2024]")
@configuration_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def configure(ctx: click.Context, /, strict: bool, fmt: Format, **options: Any) -> None:
    """Propose what to configure: shapes that hit the size, whether they fit in memory, batch size and learning rate.

    \b
    plan configure --params 7B --tokens 140B --gpus 64xH100
    plan configure --gpus 64xH100 --days 30
    plan configure --shape llama2-7b --tokens 2T --gpu a100
    """
    from planner.configuring import configure as configured
    from planner.render import render_configuration

    answer = configured(**chosen(**options))
    click.echo(render_configuration(answer, fmt), nl=False)
    stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=Command)
@click.argument("name", required=False)
@format_option
def models(name: str | None, fmt: Format) -> None:
    """List published models with shapes, parameters, tokens and compute, or show one by NAME."""
    from planner.published import models as published_models
    from planner.render import render_models

    click.echo(render_models(published_models(name), fmt), nl=False)
