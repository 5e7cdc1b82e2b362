"""The commands. Heavy modules are imported inside them, so that ``plan --help`` stays quick."""

from typing import Any

import click
from click.core import ParameterSource

from planner._version import __version__
from planner.cli._options import (
    ANCHOR,
    ASSIGNMENT,
    BOUND,
    COUNTS,
    FLOPS,
    FORMS,
    METHODS,
    NUMBER,
    PARAMS,
    ROBUST,
    TOKENS,
    LawName,
    Once,
    collected,
    condition_options,
    configuration_options,
    format_option,
    hardware_options,
    judging_options,
    law_options,
    level_option,
    life_options,
    progress_bar,
    run_options,
    runs_options,
    table_options,
    work_options,
    workbook_options,
)
from planner.errors import PlannerError
from planner.render import Format
from planner.units import parse_flops, shown


class _Command(Once, click.Command):
    """A command whose options are given once."""


class _Group(Once, click.Group):
    """A group whose options are given once."""


class _Budgets(_Group):
    """A group that knows a budget typed without its option when it sees one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if self.get_command(ctx, name) is None:
            try:
                parse_flops(name)
            except PlannerError:
                hint = f"commands are {', '.join(self.list_commands(ctx))}"
            else:
                hint = f"a budget goes with its option: plan --flops {shown(name)}"
            raise click.UsageError(f"no command {shown(name)}; {hint}")
        return super().resolve_command(ctx, args)


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that the user gave, so that defaults stay in the library."""
    return {name: value for name, value in options.items() if value not in (None, (), {})}


def _stop_if_strict(ctx: click.Context, strict: bool, notes: Any) -> None:
    if strict and any(note.severity == "warning" for note in notes):
        ctx.exit(1)


@click.group(cls=_Budgets, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--flops", type=FLOPS, help='Budget: 1e21, "3 PF-days", "1 ZFLOP".')
@click.option("--loss", type=NUMBER, help="Instead of a budget: the loss to reach, at the least compute.")
@condition_options
@law_options
@click.option("--exponents", nargs=2, type=NUMBER, metavar="A B", help="Your own exponents: N ~ C^A, D ~ C^B.")
@click.option(
    "--anchor",
    type=ANCHOR,
    metavar="C:N",
    help="Known optimum the exponents pass through.  [default: the law's own at 1e20 FLOP]",
)
@judging_options
@level_option
@format_option
@click.version_option(__version__, prog_name="plan", message="%(prog)s %(version)s")
@click.pass_context
def app(
    ctx: click.Context,
    /,
    constants: tuple[tuple[str, float], ...],
    explained: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """How large a model to train on how many tokens for a compute budget, what loss to expect, how far published laws disagree.

    \b
    plan --flops 1e21                           the compute-optimal plan
    plan --flops 1e21 --law kaplan2020          under another law
    plan --flops 1e21 --exponents 0.73 0.27     with exponents of your own
    plan --flops 1e21 --params 7B               with a fixed size
    plan --loss 2.1                             the least compute that reaches a loss
    plan --flops 1e22 --unique-tokens 25B       where data run out and must be repeated
    plan --flops 1e24 --inference-tokens 2T     training and serving together
    plan check --params 175B --tokens 300B      judge a proposed run
    plan --gpus 512xH100 --days 30 --mfu 0.4    what these devices can train
    plan --dollars 2M --gpu h100 --grid france  what this money can, with time, energy and CO2e
    plan trade --flops 1e23                     smaller models trained longer, and when they pay
    plan configure --gpus 64xH100 --days 30     layers, width, heads, memory, batch size, learning rate
    plan hardware --flops 1e22 --deadline 30d   the cheapest devices for it
    plan workbook budget.xlsx --flops 1e21      live formulas for Excel and LibreOffice
    plan sheets                                 functions for cells, and the add-in for LibreOffice Calc
    plan models                                 published models and their shapes
    plan laws                                   the catalogue
    plan fit runs.csv --save my-law.json        a law from runs of your own
    plan backtest runs.csv                      would they have foretold the larger ones?
    """
    given = [p.opts[0] for p in ctx.command.params if p.name and ctx.get_parameter_source(p.name) == ParameterSource.COMMANDLINE]
    if ctx.invoked_subcommand:
        if given:
            raise click.UsageError(f"{given[0]} stands before {ctx.invoked_subcommand!r}; options of a command go after its name")
        return
    if not given:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
    from planner.plans import plan
    from planner.render import render_plan

    answer = plan(**_given(**options, constants=collected(constants)))
    click.echo(render_plan(answer, fmt, _steps(answer) if explained else ()), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


_OF_A_TABLE = {"table", "sheet", "columns", "law", "tolerance", "constants"}


@app.command(cls=_Command)
@table_options
@click.option("--params", type=PARAMS, help="Parameters of the run, such as 175B.")
@click.option("--tokens", type=TOKENS, help="Training tokens of the run, such as 300B.")
@law_options
@life_options
@judging_options
@level_option
@format_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    constants: tuple[tuple[str, float], ...],
    explained: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Judge a proposed run: overfit, underfit or balanced, what it wastes, and what would mend it; or every run of a table.

    \b
    plan check --params 175B --tokens 300B
    plan check budget.xlsx --sheet Runs         each row with params and tokens
    """
    given = _given(**options, constants=collected(constants))
    if "table" in given:
        foreign = [name for name in given if name not in _OF_A_TABLE]
        if explained:
            foreign.append("explain")
        if foreign:
            raise click.UsageError(f"--{foreign[0].replace('_', '-')} goes with one run, --params and --tokens, not with a table")
        from planner.judging import check_runs
        from planner.render import render_runs_check

        judged = check_runs(given.pop("table"), **given)
        click.echo(render_runs_check(judged, fmt), nl=False)
        _stop_if_strict(ctx, strict, judged.notes)
        return
    if "sheet" in given or "columns" in given:
        raise click.UsageError("--sheet and --columns go with a table: plan check budget.xlsx --sheet Runs")
    from planner.render import render_check
    from planner.verdicts import check as check_run

    answer = check_run(**{"params": None, "tokens": None, **given})
    click.echo(render_check(answer, fmt, _steps(answer) if explained else ()), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@click.option("--flops", type=FLOPS, help="Training budget whose optimal run sets the loss.")
@click.option("--loss", type=NUMBER, help="Instead of a budget: the loss.")
@click.option(
    "--ratio", "ratios", multiple=True, type=NUMBER, help="Size over the optimal one; repeat for more.  [default: 0.1 to 3]"
)
@click.option("--unique-tokens", type=TOKENS, help="Different tokens at hand (25B); more come from repeating them.")
@law_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def trade(ctx: click.Context, /, constants: tuple[tuple[str, float], ...], strict: bool, fmt: Format, **options: Any) -> None:
    """Smaller and larger models of the same loss: their tokens, extra compute, and from which demand they pay."""
    from planner.render import render_trade
    from planner.trading import trade as trade_sizes

    answer = trade_sizes(**_given(**options, constants=collected(constants)))
    click.echo(render_trade(answer, fmt), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@click.argument("law", required=False, type=LawName())
@click.option("--applicable", is_flag=True, help="Only laws whose fitted range covers --flops and what they would plan for it.")
@click.option("--flops", type=FLOPS, help="The budget for --applicable.")
@format_option
def laws(law: str | None, applicable: bool, flops: float | None, fmt: Format) -> None:
    """List the catalogue, or show one LAW whole: equation, constants, conventions, range, source and traps."""
    from planner.catalogue import load_law
    from planner.choosing import laws as chosen_laws
    from planner.render import render_law, render_laws

    if applicable != (flops is not None):
        raise click.UsageError("--applicable and --flops go together: plan laws --applicable --flops 1e21")
    if law is not None and applicable:
        raise click.UsageError("name one law, or list the applicable ones, not both")
    click.echo(render_law(load_law(law), fmt) if law is not None else render_laws(chosen_laws(flops=flops), fmt), nl=False)


@app.command(cls=_Command)
@runs_options
@click.option("--method", type=click.Choice(METHODS), help="What the law is made with.  [default: forecast]")
@click.option("--form", type=click.Choice(FORMS), help="Form of the classical fit; auto compares them.  [default: additive]")
@click.option("--robust", type=click.Choice(ROBUST), help="Loss of the classical fit's residuals.  [default: huber]")
@click.option("--fix", multiple=True, type=ASSIGNMENT, help="Pin a constant, such as E=1.69; repeat for more.")
@click.option("--bound", multiple=True, type=BOUND, help="Bound a constant, such as alpha=0.1:0.6; repeat for more.")
@click.option("--overestimate-penalty", type=NUMBER, help="Cost of a run predicted too high over one predicted too low.")
@click.option("--draws", type=int, help="Bootstrap refits of the classical fit; 0 for none.  [default: 1000]")
@work_options
@level_option
@click.option("--name", help="What to call the law.  [default: my-law]")
@click.option("--params-count", type=click.Choice(COUNTS), help="Which parameters N counts.  [default: the table's, or unstated]")
@click.option("--loss-unit", help="Unit of the losses.  [default: the table's, or nats/token]")
@click.option("--data", help="Training data and tokenizer, for the law's conventions.")
@click.option("--save", type=click.Path(dir_okay=False), help="Write the law with its draws, for plan --law FILE.json.")
@click.option("--overwrite", is_flag=True, help="Let --save replace a file.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def fit(
    ctx: click.Context,
    /,
    table: str | None,
    shipped: str | None,
    fix: tuple[tuple[str, float], ...],
    bound: tuple[tuple[str, str], ...],
    save: str | None,
    overwrite: bool,
    strict: bool,
    fmt: Format,
    **options: Any,
) -> None:
    """Fit a scaling law to a table of your own runs: params, tokens, loss (optional: flops, group, run, weight).

    \b
    plan fit runs.csv --save my-law.json        then: plan --flops 1e23 --law my-law.json
    plan fit --runs porian2024 --group GROUP    a table that ships with planner
    """
    from planner.fitting.fitter import fit as fit_runs
    from planner.render import render_fit

    if overwrite and save is None:
        raise click.UsageError("--overwrite goes with --save FILE.json")
    with progress_bar("bootstrap") as progress:
        pins = _given(fix=collected(fix, "--fix"), bound=collected(bound, "--bound"))
        answer = fit_runs(_source(table, shipped), **_given(**options), **pins, progress=progress)
    if save is not None:
        answer.save(save, overwrite=overwrite)
    click.echo(render_fit(answer, fmt), nl=False)
    if save is not None:
        question = "plan --flops 1e23" if answer.law.role == "plan" else "plan check --params 1B --tokens 20B"
        click.echo(f"saved; use it with {question} --law {shown(save)}", err=True)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@runs_options
@click.option("--ratio", "ratios", multiple=True, type=NUMBER, help="Fit on C <= C_max/R; repeat for more.  [default: 10 and 30]")
@click.option("--method", "methods", multiple=True, type=click.Choice(METHODS[:2]), help="Only this method.  [default: both]")
@work_options
@level_option
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def backtest(ctx: click.Context, /, table: str | None, shipped: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """Would your small runs have foretold your large ones? Fit the small, predict the large, group by group."""
    from planner.fitting.backtesting import backtest as test_runs
    from planner.render import render_backtest

    with progress_bar("back-test") as progress:
        answer = test_runs(_source(table, shipped), **_given(**options), progress=progress)
    click.echo(render_backtest(answer, fmt), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@click.argument("table", required=False)
@format_option
def runs(table: str | None, fmt: Format) -> None:
    """List the tables of real runs that ship with planner, or show one TABLE."""
    from planner.render import render_table, render_tables
    from planner.tables import run_table, run_tables

    click.echo(render_table(run_table(table), fmt) if table is not None else render_tables(run_tables(), fmt), nl=False)


@app.command(cls=_Command)
@click.argument("device", required=False)
@click.option("--flops", type=FLOPS, help="Rank the devices by what this compute takes on them.")
@hardware_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def hardware(ctx: click.Context, /, device: str | None, strict: bool, fmt: Format, **options: Any) -> None:
    """List the accelerators with peaks, power and prices, show one DEVICE whole, or rank them for --flops.

    \b
    plan hardware                                   the catalogue
    plan hardware h100                              one device, with sources
    plan hardware --flops 1e22 --deadline 30d       the cheapest first, and how many it takes
    """
    from planner.purchasing import hardware as known_hardware
    from planner.purchasing import rank_hardware
    from planner.render import render_hardware, render_ranking

    given = _given(**options)
    if options["flops"] is None:
        ranking = [name for name in given if name != "gpu_file"]
        if ranking:
            raise click.UsageError(f"--{ranking[0]} goes with --flops: plan hardware --flops 1e22 --deadline 30d")
        click.echo(render_hardware(known_hardware(device, **given), fmt), nl=False)
        return
    if device is not None:
        raise click.UsageError(f"name one device, or rank them all; for one: plan --flops 1e22 --gpu {device}")
    answer = rank_hardware(**given)
    click.echo(render_ranking(answer, fmt), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@click.option("--flops", type=FLOPS, help="Budget; or one of those below, or --params and --tokens.")
@click.option("--loss", type=NUMBER, help="Instead of a budget: the loss to reach.")
@run_options
@click.option("--law", type=LawName(), help="Law that plans and counts N.  [default: besiroglu2024]")
@configuration_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any note is a warning.")
@format_option
@click.pass_context
def configure(ctx: click.Context, /, strict: bool, fmt: Format, **options: Any) -> None:
    """Propose what to configure: shapes that hit the size, whether they fit in memory, batch size and learning rate.

    \b
    plan configure --params 7B --tokens 140B --gpus 64xH100
    plan configure --gpus 64xH100 --days 30
    plan configure --shape llama2-7b --tokens 2T --gpu a100
    """
    from planner.configuring import configure as configured
    from planner.render import render_configuration

    answer = configured(**_given(**options))
    click.echo(render_configuration(answer, fmt), nl=False)
    _stop_if_strict(ctx, strict, answer.notes)


@app.command(cls=_Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.xlsx")
@click.option("--flops", type=FLOPS, help="The budget at first.  [default: 1e21]")
@workbook_options
@click.option("--law", type=LawName(), help="The law at first; your own is added to the list.  [default: besiroglu2024]")
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")
def workbook(file: str, *, overwrite: bool, **options: Any) -> None:
    """Write a workbook of live formulas for Excel or LibreOffice: plan, sweep, sensitivity, laws, devices; it needs no Python."""
    from planner.sheets.workbook import write_workbook

    path = write_workbook(file, overwrite=overwrite, **_given(**options))
    click.echo(f"wrote {path}; change the yellow cells and everything follows", err=True)


@app.group(cls=_Group, invoke_without_command=True)
@format_option
@click.pass_context
def sheets(ctx: click.Context, fmt: Format) -> None:
    """List the spreadsheet functions; build the add-in that puts them into LibreOffice Calc.

    \b
    plan sheets                                 PLAN_TOKENS and the others, with their arguments
    plan sheets build-addin planner.oxt         then: unopkg add planner.oxt
    """
    if ctx.invoked_subcommand:
        return
    from planner.render import render_functions
    from planner.sheets.registry import FUNCTIONS

    click.echo(render_functions(tuple(FUNCTIONS.values()), fmt), nl=False)


@sheets.command("build-addin", cls=_Command)
@click.argument("file", type=click.Path(dir_okay=False), metavar="[FILE.oxt]", default="planner.oxt")
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Replace a file that exists.")
def build_addin(file: str, overwrite: bool) -> None:
    """Write the LibreOffice Calc add-in: =PLAN_TOKENS(A2) and the others, answered by this installation of planner."""
    from planner.sheets.calc.building import build_addin as built

    path = built(file, overwrite=overwrite)
    click.echo(f"wrote {path}; install it with: unopkg add {path}", err=True)


@sheets.command(cls=_Command)
def serve() -> None:
    """Answer cells over standard input and output, a line of JSON each: what the add-in talks to."""
    from planner.sheets.calc.helper import main

    main()


@app.command(cls=_Command)
@click.argument("name", required=False)
@format_option
def models(name: str | None, fmt: Format) -> None:
    """List published models with shapes, parameters, tokens and compute, or show one by NAME."""
    from planner.published import models as published_models
    from planner.render import render_models

    click.echo(render_models(published_models(name), fmt), nl=False)


def _source(table: str | None, shipped: str | None) -> Any:
    """Return the file or the shipped table that was named."""
    from pathlib import Path

    if (table is None) == (shipped is None):
        raise click.UsageError(
            "name one table: a file, plan fit runs.csv, or one that ships, --runs porian2024 (plan runs lists them)"
        )
    if table is not None:
        return Path(table)
    from planner.tables import load_runs

    return load_runs(str(shipped))


def _steps(answer: Any) -> Any:
    from planner.explaining import explain

    return explain(answer)
