"""``plan fit``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, plot_wanted, tell
from planner.cli._options import (
    ASSIGNMENT,
    BOUND,
    COUNTS,
    FORMS,
    METHODS,
    ROBUST,
    OneOf,
    collected,
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
from planner.quantities import shown


@app.command(cls=Command)
@runs_options
@click.option("--method", type=OneOf(METHODS), help="What the law is made with.  [default: forecast]")
@click.option("--form", type=OneOf(FORMS), help="Form of the classical fit; auto compares them.  [default: additive]")
@click.option("--robust", type=OneOf(ROBUST), help="Loss of the classical fit's residuals.  [default: huber]")
@click.option("--fix", multiple=True, type=ASSIGNMENT, help="Pin a constant, such as E=1.69; repeat for more.")
@click.option("--bound", multiple=True, type=BOUND, help="Bound a constant, such as alpha=0.1:0.6; repeat for more.")
@click.option("--overestimate-penalty", metavar="NUMBER", help="Cost of a run predicted too high over one predicted too low.")
@click.option("--draws", type=int, help="Bootstrap refits of the classical fit; 0 for no intervals, of no fit.  [default: 1000]")
@work_options
@inputs(Level)
@click.option("--name", help="What to call the law.  [default: my-law]")
@click.option(
    "--params-count",
    type=OneOf(COUNTS),
    metavar="COUNT",
    help=f"Which parameters N counts: {', '.join(COUNTS)}.  [default: the table's, or unstated]",
)
@click.option("--data", help="Training data and tokenizer, for the law's conventions.")
@click.option("--save", type=click.Path(dir_okay=False), help="Write the law with its draws, for plan --law FILE.json.")
@strict_option
@format_option
@click.pass_context
@plot_option
def fit(
    ctx: click.Context,
    /,
    table: tuple[str, ...],
    shipped: str | None,
    fix: tuple[tuple[str, str], ...],
    bound: tuple[tuple[str, str], ...],
    save: str | None,
    force: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Fit a scaling law to a table of your own runs: params, tokens, loss (optional: flops, group, run, weight).

    \b
    plan fit runs.csv --save my-law.json     then: plan --law my-law.json
    plan fit wandb.csv --skip-bad     finds the columns, lists bad rows
    plan fit --runs porian2024 --group GROUP    a table that ships with planner
    """
    from planner.fitting.fit import fit as fit_runs

    if save is not None:
        from planner.fitting.results import law_target

        law_target(save, force, table)
    elif force and not plot_wanted(ctx):
        raise click.UsageError("--overwrite goes with --save FILE.json, or with --plot FILE")
    with progress_bar("bootstrap") as progress:
        pins = chosen(fix=collected(fix, "--fix"), bound=collected(bound, "--bound"))
        answer = fit_runs(named_table(table, shipped), **chosen(**options), **pins, progress=progress)

    def saved() -> None:
        if save is not None:
            answer.save(save, overwrite=force)
            question = "plan --flops 1e23" if answer.law.role == "plan" else "plan check --params 1B --tokens 20B"
            click.echo(f"saved; use it with {question} --law {shown(save)}", err=True)

    tell(ctx, answer, fmt, strict=strict, save=saved)
