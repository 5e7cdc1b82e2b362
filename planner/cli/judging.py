"""``plan check``, ``compare``, ``trade``, ``distill``, ``limits``, ``levers``. Heavy modules are imported inside."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, plot_wanted, refuse_brief, tell
from planner.cli._options import (
    Names,
    OneOf,
    explain_option,
    files,
    format_option,
    inputs,
    mapping_option,
    shown_as,
    strict_option,
    table_argument,
)
from planner.cli._plan import app
from planner.inputs.registry import (
    CheckInputs,
    CompareInputs,
    CompareMixturesInputs,
    LeversInputs,
    LimitsInputs,
    TradeInputs,
    option_of,
    rows,
)
from planner.inputs.table_inputs import TableInputs
from planner.quantities import shown

_OF_A_TABLE = {"table", "law", "tolerance", "constants", *rows(TableInputs)}


@app.command(cls=Command)
@table_argument
@inputs(TableInputs)
@inputs(CheckInputs, params="Parameters of the run, such as 175B.", tokens="Training tokens of the run, such as 300B.")
@explain_option
@answer_options
def check(**options: Any) -> None:
    """Judge a proposed run: overfit, underfit or balanced, what it wastes, and what would mend it; or every run of a table.

    \b
    plan check --params 175B --tokens 300B
    plan check budget.xlsx --sheet Runs         each row with params and tokens
    """
    given = chosen(**options)
    if "table" in given:
        asked = (*given, "explain") if shown_as("explained") else (*given,)
        if foreign := next((name for name in asked if name not in _OF_A_TABLE), None):
            raise click.UsageError(
                f"{option_of(foreign)} goes with one run, --params and --tokens, not with the table {shown(given['table'][0])}"
            )
        refuse_brief()
        from planner.planning.check_table import check_runs

        tell(check_runs(files(given.pop("table")), **given))
        return
    if of_table := next((name for name in rows(TableInputs) if given.get(name)), None):
        raise click.UsageError(f"{option_of(of_table)} goes with a table: plan check budget.xlsx --sheet Runs")
    from planner.planning.check import check as check_run

    tell(check_run(**given))


class _Both(CompareInputs, CompareMixturesInputs, total=False):
    """What either comparison takes."""


@app.command(cls=Command)
@click.option("--laws", metavar="ID,ID", help="These laws, and the judge (--law), instead of the whole catalogue.")
@click.option("--moe", is_flag=True, help="The laws of mixtures of experts instead, each with its best mixture.")
@inputs(_Both, tolerance="Extra compute up to which a size counts as near.", law="The judge: a law with a loss surface.")
@answer_options
def compare(moe: bool, **options: Any) -> None:
    """Say what every law makes of a budget: consensus and spread over the studies, which laws disagree, and why.

    \b
    plan compare --flops 1e21
    plan compare --flops 1e21 --laws kaplan2020,llama3,besiroglu2024
    plan compare --flops 1e23 --moe --gpus 64xH100
    """
    asked = chosen(**options)
    foreign = [name for name in asked if name not in rows(CompareMixturesInputs if moe else CompareInputs) and name != "laws"]
    if moe and (foreign or "laws" in asked):
        raise click.UsageError(f"{option_of((*foreign, 'laws')[0])} does not go with --moe, which compares laws of mixtures")
    if moe and plot_wanted():
        raise click.UsageError("--plot does not go with --moe: there is no drawing of it")
    if foreign:
        raise click.UsageError(f"{option_of(foreign[0])} goes with --moe, which compares mixtures of experts")
    if moe:
        from planner.planning.compare_mixtures import compare_mixtures

        tell(compare_mixtures(**asked))
        return
    from planner.planning.compare import compare as compared

    tell(compared(**asked))


@app.command(cls=Command)
@click.option(
    "--ratio", "ratios", multiple=True, metavar="NUMBER", help="Size over the optimal one; repeat for more.  [default: 0.1 to 3]"
)
@inputs(TradeInputs, flops="Training budget whose optimal run sets the loss.", loss="Instead of a budget: the loss.")
@answer_options
def trade(**options: Any) -> None:
    """Smaller and larger models of the same loss: their tokens, extra compute, and from which demand they pay."""
    from planner.planning.trade import trade as trade_sizes

    tell(trade_sizes(**chosen(**options)))


@app.command(cls=Command)
@click.option("--student", metavar="N", required=True, help="Parameters of the student, without embeddings (1B).")
@click.option("--tokens", metavar="D", required=True, help="Tokens that it is taught on (100B).")
@click.option("--teacher", metavar="N", help="Parameters of the teacher.  [default: the best for the cost]")
@click.option("--teacher-tokens", metavar="D", help="Tokens of the teacher.  [default: the compute-optimal ones]")
@click.option("--teacher-loss", metavar="LOSS", help="Or its loss, on the data that the student is measured on.")
@click.option(
    "--cost",
    type=OneOf(["served", "free", "trained"]),
    help="What of the teacher is paid: its logits, nothing, or its training too.  [default: served]",
)
@click.option("--students", type=int, metavar="NUMBER", help="Students that share the teacher's training.  [default: 1]")
@strict_option
@format_option
def distill(**options: Any) -> None:
    """Teacher, train longer, or smaller: a student's loss with and without a teacher, at equal compute.

    \b
    plan distill --student 1B --tokens 100B --teacher 7B
    plan distill --student 1B --tokens 20B --cost trained --students 20
    """
    from planner.planning.distill import distill as taught

    tell(taught(**chosen(**options)))


@app.command(cls=Command)
@inputs(
    LimitsInputs, flops="A budget, or a range (1e18..1e28): what more compute still buys.", level="Level of the slope's interval."
)
@click.option("--stock", metavar="TOKENS", help="Different tokens there are.  [default: 300T, public human text]")
@click.option("--share", metavar="FRACTION", help="Of the irreducible loss, below which the rest is small.  [default: 10%]")
@click.option("--points", type=int, help="Budgets of the table.  [default: 11]")
@click.option(
    "--benchmark", type=Names("benchmarks"), metavar="NAME", help="Instead: imagenet, coco, squad, conll, wmt-en-fr or wmt-en-de."
)
@click.option("--error", metavar="FRACTION", help="Error to reach there (5%).")
@click.option("--today", metavar="FRACTION", help="Error to start from (11%): gives the factor in compute.")
@answer_options
def limits(**options: Any) -> None:
    """Say where compute stops paying over a range of budgets, or what an error on a published benchmark takes.

    \b
    plan limits --flops 1e18..1e28
    plan limits --benchmark imagenet --error 5%
    plan limits --benchmark squad --error 5% --today 10% --gpu a100 --grid france
    """
    from planner.planning.benchmark_limits import limits as found_limits

    tell(found_limits(**chosen(**options)))


@app.command(cls=Command)
@mapping_option("--lever", "own", help="A lever of your own: dedup=1.2; repeat for more.")
@mapping_option("--better", help="A constant that a better method would have: alpha=0.36.")
@click.option("--mfu-to", metavar="FRACTION", help="Utilisation to reach (45%).")
@click.option("--years", metavar="NUMBER", help="Waited for algorithmic progress and cheaper hardware.  [default: 1]")
@click.option("--combine", metavar="ID,ID", help="Levers whose gains are multiplied.")
@inputs(LeversInputs, mfu="Utilisation now (35%), with --mfu-to or a device.")
@answer_options
def levers(**options: Any) -> None:
    """Say what each efficiency lever is worth instead of more compute: in loss, equivalent compute and money.

    \b
    plan levers --flops 1e22
    plan levers --flops 1e22 --gpu h100 --mfu 35% --mfu-to 45% --combine mfu,fp8
    plan levers --flops 1e22 --lever dedup=1.2 --better alpha=0.36
    """
    from planner.planning.levers import levers as weighed

    tell(weighed(**chosen(**options)))
