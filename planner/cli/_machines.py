"""Commands about machines and models: hardware, configure, models. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, tell
from planner.cli._options import OPTIMIZERS, ORDERS, RECOMPUTED, Names, collected, format_option, inputs, strict_option
from planner.cli._plan import app
from planner.inputs.registry import ConfigureInputs, RankInputs, option_of
from planner.output import Format


@app.command(cls=Command)
@click.argument("device", required=False, type=Names("devices"))
@click.option("--by", type=click.Choice(ORDERS), help="What devices are ranked by.  [default: dollars]")
@inputs(RankInputs, flops="Rank the devices by what this compute takes on them.", pf_days="The same in PF-days.")
@strict_option
@format_option
@click.pass_context
def hardware(ctx: click.Context, /, device: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """List the accelerators with peaks, power and prices, show one DEVICE whole, or rank them for --flops.

    \b
    plan hardware                                   the catalogue
    plan hardware h100                              one device, with sources
    plan hardware --flops 1e22 --deadline 30d       the cheapest first, and how many it takes
    """
    from planner.planning.hardware_ranking import hardware as known_hardware
    from planner.planning.hardware_ranking import rank_hardware

    given = chosen(**options)
    if options["flops"] is None and options["pf_days"] is None:
        ranking = [name for name in given if name != "gpu_file"]
        if ranking:
            raise click.UsageError(f"{option_of(ranking[0])} goes with --flops: plan hardware --flops 1e22 --deadline 30d")
        tell(ctx, known_hardware(device, **given), fmt, kind="devices")
        return
    if device is not None:
        raise click.UsageError(f"name one device, or rank them all; for one: plan --flops 1e22 --gpu {device}")
    answer = rank_hardware(**given)
    tell(ctx, answer, fmt, strict=strict)


@app.command(cls=Command)
@inputs(ConfigureInputs, law="Law that plans and counts N.")
@click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the size, by tao2024]")
@click.option("--context", metavar="N", help="Tokens of context.  [default: 4096]")
@click.option("--kv-heads", metavar="N", help="Key-value heads.  [default: near 8]")
@click.option("--gated/--not-gated", default=None, help="Gated feed-forward parts (SwiGLU) or plain ones.")
@click.option("--tied/--not-tied", default=None, help="One table for embedding and head, or two.")
@click.option("--count", type=int, help="Shapes to propose.  [default: 5]")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="What is kept of each parameter.  [default: adam]")
@click.option("--zero", type=int, help="Stage of ZeRO or FSDP, 0 to 3.  [default: each]")
@click.option("--tensor", type=int, help="Devices that share each matrix.  [default: searched]")
@click.option("--pipeline", type=int, help="Devices that share the layers.  [default: searched]")
@click.option("--micro-batch", type=int, help="Sequences that a device works on at once.  [default: 1]")
@click.option("--recompute", type=click.Choice(RECOMPUTED), help="Activations computed anew.  [default: selective]")
@strict_option
@format_option
@click.pass_context
def configure(ctx: click.Context, /, constants: tuple[tuple[str, str], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Propose what to configure: shapes that hit the size, whether they fit in memory, batch size and learning rate.

    \b
    plan configure --params 7B --tokens 140B --gpus 64xH100
    plan configure --gpus 64xH100 --days 30
    plan configure --shape llama2-7b --tokens 2T --gpu a100
    """
    from planner.planning.configure import configure as configured

    answer = configured(**chosen(**options, constants=collected(constants)))
    tell(ctx, answer, fmt, strict=strict)


@app.command(cls=Command)
@click.argument("name", required=False, type=Names("models"))
@format_option
def models(name: str | None, fmt: Format) -> None:
    """List published models with shapes, parameters, tokens and compute, or show one by NAME."""
    from planner.architectures.published_models import models as published_models
    from planner.output import render

    click.echo(render(published_models(name), fmt, kind="models"), nl=False)
