"""Commands about runs of one's own: fit, backtest, runs. Heavy modules are imported inside them: --help stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, plot_file, plot_here, plot_option, plot_wanted, stop_if_strict, tell
from planner.cli._options import (
    ASSIGNMENT,
    BOUND,
    COLUMNS,
    COUNTS,
    FORMS,
    METHODS,
    ROBUST,
    Names,
    collected,
    format_option,
    inputs,
    progress_bar,
    runs_options,
    sheet_options,
    strict_option,
    work_options,
)
from planner.cli._plan import app
from planner.inputs.registry import PilotInputs
from planner.inputs.run_inputs import Level
from planner.output import Format
from planner.quantities import shown


@app.command(cls=Command)
@runs_options
@click.option("--method", type=click.Choice(METHODS), help="What the law is made with.  [default: forecast]")
@click.option("--form", type=click.Choice(FORMS), help="Form of the classical fit; auto compares them.  [default: additive]")
@click.option("--robust", type=click.Choice(ROBUST), help="Loss of the classical fit's residuals.  [default: huber]")
@click.option("--fix", multiple=True, type=ASSIGNMENT, help="Pin a constant, such as E=1.69; repeat for more.")
@click.option("--bound", multiple=True, type=BOUND, help="Bound a constant, such as alpha=0.1:0.6; repeat for more.")
@click.option("--overestimate-penalty", metavar="NUMBER", help="Cost of a run predicted too high over one predicted too low.")
@click.option("--draws", type=int, help="Bootstrap refits of the classical fit; 0 for none.  [default: 1000]")
@work_options
@inputs(Level)
@click.option("--name", help="What to call the law.  [default: my-law]")
@click.option("--params-count", type=click.Choice(COUNTS), help="Which parameters N counts.  [default: the table's, or unstated]")
@click.option("--loss-unit", help="Unit of the losses.  [default: the table's, or nats/token]")
@click.option("--data", help="Training data and tokenizer, for the law's conventions.")
@click.option("--save", type=click.Path(dir_okay=False), help="Write the law with its draws, for plan --law FILE.json.")
@strict_option
@format_option
@click.pass_context
@plot_option
def fit(
    ctx: click.Context,
    /,
    table: str | None,
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
    plan fit runs.csv --save my-law.json        then: plan --flops 1e23 --law my-law.json
    plan fit --runs porian2024 --group GROUP    a table that ships with planner
    """
    from planner.fitting.fit import fit as fit_runs
    from planner.output import render

    if force and save is None and not plot_wanted(ctx):
        raise click.UsageError("--overwrite goes with --save FILE.json, or with --plot FILE")
    with progress_bar("bootstrap") as progress:
        pins = chosen(fix=collected(fix, "--fix"), bound=collected(bound, "--bound"))
        answer = fit_runs(_source(table, shipped), **chosen(**options), **pins, progress=progress)
    if save is not None:
        answer.save(save, overwrite=force)
    plot_file(ctx, answer)
    click.echo(render(answer, fmt), nl=False)
    plot_here(ctx, answer)
    if save is not None:
        question = "plan --flops 1e23" if answer.law.role == "plan" else "plan check --params 1B --tokens 20B"
        click.echo(f"saved; use it with {question} --law {shown(save)}", err=True)
    stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=Command)
@runs_options
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Fit on C <= C_max/R; repeat for more.  [default: 10 and 30]"
)
@click.option("--method", "methods", multiple=True, type=click.Choice(METHODS[:2]), help="Only this method.  [default: both]")
@work_options
@inputs(Level)
@strict_option
@format_option
@click.pass_context
@plot_option
def backtest(ctx: click.Context, /, table: str | None, shipped: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group."""
    from planner.fitting.backtest import backtest as test_runs

    with progress_bar("back-test") as progress:
        answer = test_runs(_source(table, shipped), **chosen(**options), progress=progress)
    tell(ctx, answer, fmt, strict=strict)


@app.command(cls=Command)
@click.argument("table", required=False, type=Names("runs"))
@format_option
def runs(table: str | None, fmt: Format) -> None:
    """List the tables of real runs that ship with planner, or show one TABLE."""
    from planner.fitting.tables.shipped import run_table, run_tables
    from planner.output import render

    click.echo(render(run_table(table), fmt) if table is not None else render(run_tables(), fmt, kind="run tables"), nl=False)


@app.command(cls=Command)
@click.argument("points", type=click.Path(), metavar="POINTS.csv|.xlsx")
@click.option("--best-guess", metavar="ERROR", help="Error of guessing.  [default: estimated where the points show it]")
@click.option("--target", metavar="ERROR", help="An error to reach, in the unit of the points.")
@click.option("--domain", metavar="NAME", help="Whose model grows so: word-lm, char-lm, translation, imagenet, speech.")
@click.option("--params", metavar="N", help="Parameters of the model at the largest size.")
@sheet_options
@click.option("--seed", type=int, help="Seed of the draws.  [default: 0]")
@inputs(Level)
@strict_option
@format_option
@click.pass_context
@plot_option
def curve(ctx: click.Context, /, points: str, strict: bool, fmt: Format, **options: Any) -> None:
    """Find the three regions of a learning curve: best guess, power law, floor; what more data buys. Columns: size, error.

    \b
    plan curve points.csv --target 5%
    plan curve points.csv --columns size=samples,error=top1 --best-guess 0.999 --domain imagenet
    """
    from planner.fitting.learning_curve.curve import curve as fit_curve

    answer = fit_curve(points, **chosen(**options))
    tell(ctx, answer, fmt, strict=strict)


@app.command(cls=Command)
@click.option("--budget", metavar="FLOP", help="What all pilots may cost: 1e20, or one of the budgets below.")
@click.option("--target", metavar="FLOP", required=True, help="The budget of the run that they are for.")
@click.option("--runs", type=int, help="How many pilots.  [default: 24]")
@click.option("--ratios", metavar="FROM..TO", help="Tokens per parameter that a pilot may have (3..120).  [default: 1..400]")
@click.option("--min-params", metavar="N", help="Smallest pilot.")
@click.option("--max-params", metavar="N", help="Largest pilot.")
@click.option("--noise", metavar="FRACTION", help="Scatter of ln loss between runs trained alike.  [default: 0.5%]")
@click.option("--shapes", is_flag=True, help="Choose models that exist: shapes, whole batches, exact FLOP.")
@click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the target, by tao2024]")
@click.option("--context", metavar="N", help="Tokens of context of the shapes.  [default: 4096]")
@click.option("--batch", metavar="TOKENS", help="Tokens of a step of the shapes.  [default: by deepseek2024]")
@click.option("--given", type=click.Path(), metavar="RUNS.csv", help="Runs that are done: choose the next ones.")
@click.option("--group", metavar="NAME", help="Which group of --given.")
@click.option("--columns", type=COLUMNS, help="Other column names of --given: params=n_params,loss=val_loss.")
@click.option("--simulate", is_flag=True, help="Also fit simulated tables, of these runs and of an isoFLOP grid.")
@click.option("--tables", type=int, help="Simulated tables for each law and misfit.  [default: 20]")
@click.option("--workers", type=int, help="Processes of the simulation.  [default: 1]")
@inputs(PilotInputs)
@click.option("--seed", type=int, help="Seed of the laws drawn.  [default: 0]")
@click.option("--save", metavar="PILOTS.csv", help="Write a table whose losses wait to be filled in, for plan fit.")
@strict_option
@format_option
@click.pass_context
@plot_option
def pilots(ctx: click.Context, /, save: str | None, force: bool, strict: bool, fmt: Format, **options: Any) -> None:
    """Choose which small runs to train, so that the plan for a large budget is right.

    \b
    plan pilots --budget 1e20 --target 1e23 --save pilots.csv
    plan pilots --gpus 64xh100 --days 2 --target 1e24 --ratios 3..120 --min-params 20M
    plan pilots --budget 1e20 --target 1e23 --shapes --vocab 32000 --context 2048
    plan pilots --given runs.csv --budget 3e19 --target 1e23
    plan pilots --budget 1e20 --target 1e23 --simulate --workers 2
    """
    from planner.output import render, save_pilots
    from planner.pilot_design.pilots import pilots as design

    if save is not None:
        from planner._util.files import new_file, refuse_existing

        refuse_existing(new_file(save, force, ".csv", "a table of pilots"), overwrite=force)
    elif force and not plot_wanted(ctx):
        raise click.UsageError("--force goes with --save FILE.csv, or with --plot FILE")
    with progress_bar("simulating", wanted=bool(options["simulate"])) as progress:
        answer = design(**chosen(**options), progress=progress)
    plot_file(ctx, answer)
    click.echo(render(answer, fmt), nl=False)
    if save is not None:
        save_pilots(answer, save, overwrite=force)
        click.echo(f"saved; fill in the losses, then: plan fit {shown(save)}", err=True)
    plot_here(ctx, answer)
    stop_if_strict(ctx, strict, answer.notes)


def _source(table: str | None, shipped: str | None) -> Any:
    """Return the file or the shipped table that was named."""
    from pathlib import Path

    if (table is None) == (shipped is None):
        raise click.UsageError(
            "name one table: a file, plan fit runs.csv, or one that ships, --runs porian2024 (plan runs lists them)"
        )
    if table is not None:
        return Path(table)
    from planner.fitting.tables.shipped import load_runs

    return load_runs(str(shipped))
