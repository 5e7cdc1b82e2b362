"""``plan throughput``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import OneOf, format_option, inputs, strict_option
from planner.cli._plan import app
from planner.inputs.layout_inputs import RECOMPUTED
from planner.inputs.registry import ThroughputInputs


@app.command(cls=Command)
@inputs(ThroughputInputs)
@click.option(
    "--save-measured",
    "save",
    type=click.Path(dir_okay=False),
    help="Write your own step, for --gpu-file.",
)
@click.option("--recompute", type=OneOf(RECOMPUTED), help="Activations computed anew.  [default: searched]")
@strict_option
@format_option
@click.pass_context
@plot_option
def throughput(ctx: click.Context, /, save: str | None, force: bool, strict: bool, fmt: Format, **options: Any) -> None:
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
    from planner.quantities import is_range, shown

    if is_range(options["gpus"]):
        if save is not None:
            raise click.UsageError("--save-measured goes with one number of devices")
        tell(ctx, scaling(**chosen(**options)), fmt, strict=strict)
        return
    if save is not None:
        from planner.planning.own_step import step_file

        step_file(save, overwrite=force)
    answer = forecast(**chosen(**options))

    def saved() -> None:
        if save is not None:
            answer.save_measured(save, overwrite=force)
            click.echo(f"saved; use it with plan throughput ... --gpu-file {shown(save)}", err=True)

    tell(ctx, answer, fmt, strict=strict, save=saved)
