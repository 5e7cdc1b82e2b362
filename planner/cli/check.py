"""``plan check``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, refuse_brief, steps_of, tell
from planner.cli._options import (
    collected,
    explain_option,
    files,
    format_option,
    inputs,
    strict_option,
    table_options,
)
from planner.cli._plan import app
from planner.inputs.registry import CheckInputs, option_of, rows
from planner.inputs.table_inputs import TableInputs
from planner.quantities import shown

_OF_A_TABLE = {"table", "law", "tolerance", "constants", *rows(TableInputs)}


@app.command(cls=Command)
@table_options
@inputs(CheckInputs, params="Parameters of the run, such as 175B.", tokens="Training tokens of the run, such as 300B.")
@explain_option
@strict_option
@format_option
@click.pass_context
@plot_option
def check(
    ctx: click.Context,
    /,
    constants: tuple[tuple[str, str], ...],
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
    given = chosen(**options, constants=collected(constants))
    if "table" in given:
        foreign = [name for name in given if name not in _OF_A_TABLE]
        if explained:
            foreign.append("explain")
        if foreign:
            raise click.UsageError(
                f"{option_of(foreign[0])} goes with one run, --params and --tokens, not with the table {shown(given['table'][0])}"
            )
        refuse_brief(ctx)
        from planner.planning.check_table import check_runs

        judged = check_runs(files(given.pop("table")), **given)
        tell(ctx, judged, fmt, strict=strict)
        return
    if of_table := next((name for name in rows(TableInputs) if given.get(name)), None):
        raise click.UsageError(f"{option_of(of_table)} goes with a table: plan check budget.xlsx --sheet Runs")
    from planner.planning.check import check as check_run

    answer = check_run(**given)
    tell(ctx, answer, fmt, strict=strict, steps=steps_of(answer) if explained else ())
