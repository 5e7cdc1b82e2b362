"""``plan scores``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, named_scores, of_tasks, task_options, tell
from planner.cli._options import inputs, mapping_option, progress_bar, table_argument, workers_option
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.inputs.table_inputs import TableInputs
from planner.quantities import shown


@app.command(cls=Command)
@table_argument
@inputs(TableInputs)
@click.option("--runs", "shipped", metavar="NAME", help="A table of scores that ships with planner: gadre2024.")
@click.option("--group", metavar="NAME", help='Which group of the table; "all" pools them.')
@click.option("--target", metavar="FLOP", help="Compute of the run, such as 1e23; with --params or --tokens the other follows.")
@click.option("--params", metavar="N", help="Parameters of the run.")
@click.option("--tokens", metavar="D", help="Tokens of the run.")
@click.option("--loss", metavar="NUMBER", help="A loss that the run reaches, where neither compute nor sizes are known.")
@task_options
@mapping_option("--suite", help="A mean over tasks: core=hellaswag,piqa; repeat for more.")
@click.option("--observational", is_flag=True, help="Without runs: from public models by compute.")
@workers_option
@inputs(Level)
@click.option("--save", type=click.Path(dir_okay=False), help="Write what forecasts them, for plan --scores FILE.json.")
@answer_options
def scores(table: tuple[str, ...], shipped: str | None, observational: bool, save: Any, force: bool, **options: Any) -> None:
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
    asked = {**of_tasks(options), **chosen(**options)}
    runs = None if observational and not table and shipped is None else named_scores(table, shipped)
    with progress_bar("scores") as progress:
        answer = forecast(runs, **asked, observational=observational, progress=progress)

    def saved() -> str:
        answer.save(save, overwrite=force)
        return f"use it with plan --flops 1e23 --scores {shown(save)}"

    tell(answer, saved if save is not None else None)
