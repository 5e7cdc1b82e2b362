"""``plan check``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, refuse_brief, tell
from planner.cli._options import explain_option, files, inputs, shown_as, table_argument
from planner.cli._plan import app
from planner.inputs.registry import CheckInputs, option_of, rows
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
