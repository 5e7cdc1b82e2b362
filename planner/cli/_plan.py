"""The main command. Heavy modules are imported inside it: --help stays quick."""

import sys
from typing import Any

import click
from click.core import ParameterSource

from planner._version import __version__
from planner.cli._commands import Budgets, chosen, plot_option, refuse_brief, show_pieces, shown_with_files, stop_if_strict, tell
from planner.cli._options import explain_option, format_option, inputs, progress_bar, shown_as, strict_option
from planner.inputs.registry import PlanInputs
from planner.quantities import is_range


@click.group(cls=Budgets, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@inputs(PlanInputs)
@click.option("--points", type=int, help="Values of a range, such as --flops 1e18..1e26.  [default: 50; of two, 10 each]")
@click.option("--workers", type=int, help="Processes over a range.  [default: 1]")
@explain_option
@strict_option
@format_option
@click.version_option(__version__, prog_name="plan", message="%(prog)s %(version)s")
@plot_option
@click.pass_context
def app(ctx: click.Context, /, **options: Any) -> None:
    """How large a model to train on how many tokens for a compute budget, what loss to expect, how far published laws disagree.

    \b
    plan --flops 1e21                            the compute-optimal plan
    plan --gpus 512xH100 --days 30               what these devices can train
    plan --dollars 2M --gpu h100 --grid france   what this money can, with CO2e
    plan --loss 2.1                              the least compute for a loss
    plan --flops 1e21 --params 7B                with a fixed size
    plan --flops 1e22 --unique-tokens 25B        where data run out
    plan --flops 1e24 --inference-tokens 2T      training and serving together
    plan --shape llama2-7b --tokens 2T           what a run takes
    plan --flops 1e18..1e26 --law llama3,kaplan2020    a range, under two laws
    plan check --params 175B --tokens 300B       is this run sensible?
    """
    given = [p.opts[0] for p in ctx.command.params if p.name and ctx.get_parameter_source(p.name) == ParameterSource.COMMANDLINE]
    if ctx.invoked_subcommand:
        if given:
            raise click.UsageError(f"{given[0]} stands before {ctx.invoked_subcommand!r}; options of a command go after its name")
        return
    if not given:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
    asked = chosen(**options)
    if _several(asked):
        _sweep(asked)
        return
    if "workers" in asked:
        raise click.UsageError("--workers goes with a range, such as --flops 1e18..1e26")
    from planner.planning.plan import plan

    tell(plan(**asked))


def _several(asked: dict[str, Any]) -> bool:
    """Tell whether more than one plan is asked for; what reads ranges is imported only where one may be."""
    if "points" not in asked and "," not in str(asked.get("law", "")) and not any(map(is_range, asked.values())):
        return False
    from planner.inputs.ranges import has_ranges

    return has_ranges(asked)


def _sweep(asked: dict[str, Any]) -> None:
    if shown_as("explained"):
        raise click.UsageError("--explain goes with one plan, not with a range")
    refuse_brief()
    from planner.output import stream_sweep
    from planner.planning.sweep import BLOCK, sweep

    found = sweep(**asked)
    said: list[Any] = []

    def show() -> None:
        with progress_bar("planning", wanted=len(found) > BLOCK or not (sys.stdout and sys.stdout.isatty())) as bar:
            show_pieces(lambda: stream_sweep(found, shown_as("fmt"), said.extend, bar))

    shown_with_files(found, show)
    stop_if_strict(said)
