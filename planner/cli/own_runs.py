"""``plan pilots``, ``fit``, ``backtest``, ``curve``, ``training-curve``, ``scores``. Heavy modules are imported inside."""

from typing import Any

import click

from planner.cli._commands import (
    Command,
    answer_options,
    chosen,
    example_of,
    named_scores,
    of_tasks,
    plot_wanted,
    task_options,
    tell,
)
from planner.cli._options import (
    BOUND,
    COUNTS,
    FORMS,
    METHODS,
    ROBUST,
    OneOf,
    files,
    inputs,
    mapping_option,
    named_table,
    progress_bar,
    runs_options,
    seed_option,
    table_argument,
    workers_option,
)
from planner.cli._plan import app
from planner.inputs.registry import PilotInputs
from planner.inputs.run_inputs import Level
from planner.inputs.table_inputs import FitInputs, RowInputs, TableInputs
from planner.quantities import shown


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
@click.option("--given", multiple=True, type=click.Path(allow_dash=True), metavar="FILE|-",
              help="Runs that are done: choose the next ones; repeat for more files.")  # fmt: skip
@click.option("--group", metavar="NAME", help="Which group of --given.")
@click.option("--trunk", is_flag=True, help="One constant-rate run a size, and models of several lengths cooled down from it.")
@click.option("--cooldown", metavar="FRACTION", help="Share of its tokens over which such a model cools down.  [default: 20%]")
@click.option("--simulate", is_flag=True, help="Also fit simulated tables, of these runs and of an isoFLOP grid.")
@click.option("--tables", type=int, help="Simulated tables for each law and misfit.  [default: 20]")
@click.option("--workers", type=int, help="Processes of the simulation.  [default: 1]")
@inputs(FitInputs)
@inputs(PilotInputs)
@click.option("--seed", type=int, help="Seed of the laws drawn.  [default: 0]")
@click.option("--save", metavar="PILOTS.csv", help="Write a table whose losses wait to be filled in, for plan fit.")
@answer_options
def pilots(save: Any, force: bool, **options: Any) -> None:
    """Choose which small runs to train, so that the plan for a large budget is right.

    \b
    plan pilots --budget 1e20 --target 1e23 --save pilots.csv
    plan pilots --gpus 64xh100 --days 2 --target 1e24 --ratios 3..120
    plan pilots --budget 1e20 --target 1e23 --shapes --vocab 32000 --context 2048
    plan pilots --given runs.csv --budget 3e19 --target 1e23
    plan pilots --budget 1e20 --target 1e23 --trunk --cooldown 10%
    plan pilots --budget 1e20 --target 1e23 --simulate --workers 2
    """
    from planner.output import save_pilots
    from planner.pilot_design.pilots import pilots as design

    if save is not None:
        from planner._util.files import new_file

        new_file(save, force, ".csv", "a table of pilots")
    elif force and not plot_wanted():
        raise click.UsageError("--force goes with --save FILE.csv, or with --plot FILE")
    with progress_bar("simulating", wanted=bool(options["simulate"])) as progress:
        given = chosen(**options)
        if "given" in given:
            given["given"] = files(given["given"])
        answer = design(**given, progress=progress)

    def saved() -> str:
        save_pilots(answer, save, overwrite=force)
        beside = "".join(f"{shown(each)} " for each in options["given"] if each != "-")
        return f"fill in the losses, then: plan fit {beside}{shown(save)}"

    tell(answer, saved if save is not None else None)


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
    elif force and not plot_wanted():
        raise click.UsageError("--overwrite goes with --save FILE.json, or with --plot FILE")
    with progress_bar("bootstrap") as progress:
        answer = fit_runs(named_table(table, shipped), **chosen(**options), progress=progress)

    def saved() -> str:
        answer.save(save, overwrite=force)
        question = "plan --flops 1e23" if answer.law.role == "plan" else "plan check --params 1B --tokens 20B"
        return f"use it with {question} --law {shown(save)}"

    tell(answer, saved if save is not None else None)


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


@app.command(cls=Command)
@click.argument("points", type=click.Path(allow_dash=True), metavar="POINTS.csv|.xlsx")
@click.option("--best-guess", metavar="ERROR", help="Error of guessing.  [default: estimated where the points show it]")
@click.option("--target", metavar="ERROR", help="An error to reach, in the unit of the points.")
@click.option("--domain", metavar="NAME", help="Whose model grows so: word-lm, char-lm, translation, imagenet, speech.")
@click.option("--params", metavar="N", help="Parameters of the model at the largest size.")
@inputs(RowInputs)
@seed_option
@inputs(Level)
@answer_options
def curve(points: str, **options: Any) -> None:
    """Find the three regions of a learning curve: best guess, power law, floor; what more data buys. Columns: size, error.

    \b
    plan curve points.csv --target 5%
    plan curve points.csv --columns size=samples,error=top1 --domain imagenet
    """
    from planner.fitting.learning_curve.curve import curve as fit_curve

    tell(fit_curve(files((points,)), **chosen(**options)))


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
    elif force and not plot_wanted():
        raise click.UsageError("--overwrite goes with --save FILE.json, or with --plot FILE")
    asked = {**of_tasks(options), **chosen(**options)}
    runs = None if observational and not table and shipped is None else named_scores(table, shipped)
    with progress_bar("scores") as progress:
        answer = forecast(runs, **asked, observational=observational, progress=progress)

    def saved() -> str:
        answer.save(save, overwrite=force)
        return f"use it with plan --flops 1e23 --scores {shown(save)}"

    tell(answer, saved if save is not None else None)
