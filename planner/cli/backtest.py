"""``plan backtest``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, named_scores, of_tasks, plot_option, task_options, tell
from planner.cli._options import (
    METHODS,
    OneOf,
    format_option,
    inputs,
    named_table,
    progress_bar,
    runs_options,
    strict_option,
    work_options,
)
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
@work_options
@inputs(Level)
@strict_option
@format_option
@click.pass_context
@plot_option
def backtest(
    ctx: click.Context,
    /,
    table: tuple[str, ...],
    shipped: str | None,
    of_scores: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group.

    \b
    plan backtest runs.csv --ratio 10
    plan backtest --scores runs.csv --about tasks.csv     scores, task by task
    """
    said = of_tasks(options)
    if of_scores:
        _of_scores(ctx, table, shipped, strict, fmt, {**said, **options})
        return
    if said:
        raise click.UsageError(f"--{next(iter(said))} goes with --scores")
    from planner.fitting.backtest import backtest as test_runs

    with progress_bar("back-test") as progress:
        answer = test_runs(named_table(table, shipped), **chosen(**options), progress=progress)
    tell(ctx, answer, fmt, strict=strict)


def _of_scores(
    ctx: click.Context, table: tuple[str, ...], shipped: str | None, strict: bool, fmt: Format, options: dict[str, Any]
) -> None:
    """Test the scores of a table of runs."""
    from planner.fitting.scores.backtest import backtest_scores

    asked = chosen(**options)
    for name in ("methods", "seed", "exclude_outliers"):
        if asked.pop(name, None):
            raise click.UsageError(f"--{name.replace('_', '-').removesuffix('s')} does not go with --scores")
    with progress_bar("back-test") as progress:
        answer = backtest_scores(named_scores(table, shipped), **asked, progress=progress)
    tell(ctx, answer, fmt, strict=strict)
