"""``plan scores``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, named_scores, of_tasks, plot_option, plot_wanted, task_options, tell
from planner.cli._options import (
    ASSIGNMENT,
    collected,
    format_option,
    inputs,
    progress_bar,
    strict_option,
    table_options,
)
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.quantities import shown


@app.command(cls=Command)
@table_options
@click.option("--runs", "shipped", metavar="NAME", help="A table of scores that ships with planner: gadre2024.")
@click.option("--group", metavar="NAME", help='Which group of the table; "all" pools them.')
@click.option("--target", metavar="FLOP", help="Compute of the run, such as 1e23; with --params or --tokens the other follows.")
@click.option("--params", metavar="N", help="Parameters of the run.")
@click.option("--tokens", metavar="D", help="Tokens of the run.")
@click.option("--loss", metavar="NUMBER", help="A loss that the run reaches, where neither compute nor sizes are known.")
@task_options
@click.option("--suite", multiple=True, type=ASSIGNMENT, help="A mean over tasks: core=hellaswag,piqa; repeat for more.")
@click.option("--observational", is_flag=True, help="Without runs: from public models by compute.")
@click.option("--workers", type=int, help="Processes to use.  [default: 1]")
@inputs(Level)
@click.option("--save", type=click.Path(dir_okay=False), help="Write what forecasts them, for plan --scores FILE.json.")
@strict_option
@format_option
@click.pass_context
@plot_option
def scores(
    ctx: click.Context,
    /,
    table: tuple[str, ...],
    shipped: str | None,
    observational: bool,
    save: str | None,
    force: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Forecast benchmark scores of a larger run, or say why not. Columns: params, tokens (or flops), loss, and one a task.

    \b
    plan scores runs.csv --target 1e23
    plan scores runs.csv --params 7B --tokens 2T --about tasks.csv
    plan scores --runs gadre2024 --group rpj --target 1e23 --task piqa
    plan scores --observational --target 1e23     without runs of one's own
    """
    from planner.fitting.scores.scores import scores as forecast

    if save is not None:
        from planner.fitting.scores.score_file import score_target

        score_target(save, force, table)
    elif force and not plot_wanted(ctx):
        raise click.UsageError("--overwrite goes with --save FILE.json, or with --plot FILE")
    said = of_tasks(options)
    said |= chosen(suite=collected(options.pop("suite"), "--suite"))
    asked = chosen(**options)
    if observational:
        said["observational"] = True
    runs = None if observational and not table and shipped is None else named_scores(table, shipped)
    with progress_bar("scores") as progress:
        answer = forecast(runs, **asked, **said, progress=progress)

    def saved() -> None:
        if save is not None:
            answer.save(save, overwrite=force)
            click.echo(f"saved; use it with plan --flops 1e23 --scores {shown(save)}", err=True)

    tell(ctx, answer, fmt, strict=strict, save=saved)
