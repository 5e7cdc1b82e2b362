"""``plan throughput``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import inputs, recompute_option
from planner.cli._plan import app
from planner.inputs.registry import ThroughputInputs
from planner.quantities import is_range, shown


@app.command(cls=Command)
@inputs(ThroughputInputs)
@click.option("--save-measured", "save", type=click.Path(dir_okay=False), help="Write your own step, for --gpu-file.")
@recompute_option
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
