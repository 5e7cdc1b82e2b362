"""``plan configure``, ``throughput``, ``hardware``, ``models``. Heavy modules are imported inside."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, plot_wanted, tell
from planner.cli._options import ORDERS, Names, OneOf, format_option, inputs
from planner.cli._plan import app
from planner.inputs.layout_inputs import RECOMPUTED
from planner.inputs.registry import Budget, ConfigureInputs, RankInputs, ThroughputInputs, option_of, rows
from planner.inputs.run_inputs import Target
from planner.quantities import is_range, shown

_recompute_option = click.option("--recompute", type=OneOf(RECOMPUTED), help="Activations computed anew.  [default: searched]")


@app.command(cls=Command)
@inputs(ConfigureInputs, law="Law that plans and counts N.")
@click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the size, by tao2024]")
@click.option("--context", metavar="N", help="Tokens of context.  [default: 4096]")
@click.option("--kv-heads", metavar="N", help="Key-value heads.  [default: near 8]")
@click.option("--gated/--not-gated", default=None, help="Gated feed-forward parts (SwiGLU) or plain ones.")
@click.option("--tied/--not-tied", default=None, help="One table for embedding and head, or two.")
@click.option("--count", type=int, help="Shapes to propose.  [default: 5]")
@_recompute_option
@answer_options
def configure(**options: Any) -> None:
    """Propose what to configure: shapes that hit the size, whether they fit in memory, batch size and learning rate.

    \b
    plan configure --params 7B --tokens 140B --gpus 64xH100
    plan configure --gpus 64xH100 --days 30
    plan configure --shape llama2-7b --tokens 2T --gpu a100
    """
    from planner.planning.configure import configure as configured

    tell(configured(**chosen(**options)))


@app.command(cls=Command)
@inputs(ThroughputInputs)
@click.option("--save-measured", "save", type=click.Path(dir_okay=False), help="Write your own step, for --gpu-file.")
@_recompute_option
@answer_options
def throughput(save: Any, force: bool, **options: Any) -> None:
    """Forecast how fast a model trains on devices: a step's time, tokens a second and MFU, each with an interval.

    \b
    plan throughput --shape llama3-8b --gpus 64xH100
    plan throughput --shape llama3.1-405b --gpus 16384xH100 --tensor 8
    plan throughput --shape llama3-8b --gpus 64..4096xH100 --batch 4M
    plan throughput --shape llama3-8b --gpus 8xH100 --tokens-per-second 9000
    plan throughput --shape config.json --gpus 8xA100 --software fsdp
    """
    from planner.planning.scaling import scaling
    from planner.planning.throughput import throughput as forecast

    if is_range(options["gpus"]):
        if save is not None:
            raise click.UsageError("--save-measured goes with one number of devices")
        tell(scaling(**chosen(**options)))
        return
    if save is not None:
        from planner.planning.own_step import step_file

        step_file(save, overwrite=force)
    answer = forecast(**chosen(**options))

    def saved() -> str:
        answer.save_measured(save, overwrite=force)
        return f"use it with plan throughput ... --gpu-file {shown(save)}"

    tell(answer, saved if save is not None else None)


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


@app.command(cls=Command)
@click.argument("name", required=False, type=Names("models"))
@format_option
def models(name: str | None) -> None:
    """List published models with shapes, parameters, tokens and compute, or show one by NAME."""
    from planner.architectures.published_models import models as published_models

    tell(published_models(name))
