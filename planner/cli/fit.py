"""``plan fit``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import (
    BOUND,
    COUNTS,
    FORMS,
    METHODS,
    ROBUST,
    OneOf,
    inputs,
    mapping_option,
    named_table,
    progress_bar,
    runs_options,
    seed_option,
    workers_option,
)
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.quantities import shown


@app.command(cls=Command)
@runs_options
@click.option("--method", type=OneOf(METHODS), help="What the law is made with.  [default: forecast]")
@click.option("--form", type=OneOf(FORMS), help="Form of the classical fit; auto compares them.  [default: additive]")
@click.option("--robust", type=OneOf(ROBUST), help="Loss of the classical fit's residuals.  [default: huber]")
@mapping_option("--fix", help="Pin a constant, such as E=1.69; repeat for more.")
@mapping_option("--bound", kind=BOUND, help="Bound a constant, such as alpha=0.1:0.6; repeat for more.")
@click.option("--overestimate-penalty", metavar="NUMBER", help="Cost of a run predicted too high over one predicted too low.")
@click.option("--draws", type=int, help="Bootstrap refits of the classical fit; 0 for no intervals, of no fit.  [default: 1000]")
@seed_option
@workers_option
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
@answer_options
def fit(table: tuple[str, ...], shipped: str | None, save: Any, force: bool, **options: Any) -> None:
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
    with progress_bar("bootstrap") as progress:
        answer = fit_runs(named_table(table, shipped), **chosen(**options), progress=progress)

    def saved() -> str:
        answer.save(save, overwrite=force)
        if answer.law.role == "plan":
            return f"use it with plan --flops 1e23 --law {shown(save)}"
        if answer.law.surface_law is None:
            return "it says the loss of a budget alone, so nothing can be planned or checked with it"
        return f"use it with plan check --params 1B --tokens 20B --law {shown(save)}"

    tell(answer, saved if save is not None else None)
