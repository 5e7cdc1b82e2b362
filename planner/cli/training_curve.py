"""``plan training-curve``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, example_of, tell
from planner.cli._options import files, inputs
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.inputs.table_inputs import RowInputs


@app.command("training-curve", cls=Command)
@click.argument("logs", nargs=-1, type=click.Path(allow_dash=True), metavar="[LOG.csv|-]...")
@click.option(
    "--runs", "shipped", multiple=True, metavar="NAME", help="A curve that ships: 25M/cosine_72000:24000; repeat for more."
)
@click.option(
    "--schedule",
    metavar="WORDS|FILE",
    help='Its schedule: "cosine 24000 warmup 2160 peak 3e-4 end 3e-5", wsd, linear, constant, inverse-sqrt, steps; or a file.',
)
@click.option("--until", metavar="STEP", help="The step at which the run ends.  [default: the schedule's end]")
@click.option("--compare", multiple=True, metavar="WORDS|FILE", help="Another schedule to set beside it; repeat for more.")
@click.option("--warmup", metavar="STEPS", help="Warm-up before a log's first row.  [default: up to that row]")
@click.option("--batch", metavar="TOKENS", help="Tokens a step, for logs that count tokens (0.5M).")
@click.option("--law", metavar="ID|FILE", help="A law to hold the run against, best your own: ahead or behind, and since when.")
@click.option("--params", metavar="N", help="Its parameters, for --law.")
@inputs(RowInputs)
@inputs(Level)
@answer_options
@click.pass_context
def training_curve(ctx: click.Context, /, logs: tuple[str, ...], shipped: tuple[str, ...], **options: Any) -> None:
    """Forecast what a run in progress will end at, and what else it could do. Columns: step (or tokens), loss, lr.

    The first log is the run's; more are of the same model under other schedules, or branches.

    \b
    plan training-curve log.csv --schedule "cosine 72000 end 3e-5"
    plan training-curve log.csv branch.csv --schedule "wsd 72000 decay 12000"
    """
    from planner.fitting.training_curve.training_curve import training_curve as forecast_run

    if bool(logs) == bool(shipped):
        raise click.UsageError(f"name a log, or a curve that ships: --runs 25M/cosine_24000{example_of(ctx)}")
    tell(forecast_run(list(shipped) or files(logs), **chosen(**options)))
