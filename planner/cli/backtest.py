"""``plan backtest``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, named_scores, of_tasks, task_options, tell
from planner.cli._options import METHODS, OneOf, inputs, named_table, progress_bar, runs_options, seed_option, workers_option
from planner.cli._plan import app
from planner.inputs.run_inputs import Level


@app.command(cls=Command)
@runs_options
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Fit on C <= C_max/R; repeat for more.  [default: 10 and 30]"
)
@click.option("--method", "methods", multiple=True, type=OneOf(METHODS[:2]), help="Only this method.  [default: both]")
@click.option("--scores", "of_scores", is_flag=True, help="Of benchmark scores, one column a task, instead of the loss.")
@task_options
@seed_option
@workers_option
@inputs(Level)
@answer_options
def backtest(table: tuple[str, ...], shipped: str | None, of_scores: bool, **options: Any) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group.

    \b
    plan backtest runs.csv --ratio 10
    plan backtest --scores runs.csv --about tasks.csv     scores, task by task
    """
    said = of_tasks(options)
    asked = chosen(**options)
    if said and not of_scores:
        raise click.UsageError(f"--{next(iter(said))} goes with --scores")
    with progress_bar("back-test") as progress:
        if not of_scores:
            from planner.fitting.backtest import backtest as test_runs

            answer: Any = test_runs(named_table(table, shipped), **asked, progress=progress)
        else:
            from planner.fitting.scores.backtest import backtest_scores

            for name in ("methods", "seed", "exclude_outliers"):
                if asked.pop(name, None):
                    raise click.UsageError(f"--{name.replace('_', '-').removesuffix('s')} does not go with --scores")
            answer = backtest_scores(named_scores(table, shipped), **said, **asked, progress=progress)
    tell(answer)
