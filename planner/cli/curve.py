"""``plan curve``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner._util.formats import Format
from planner.cli._commands import Command, chosen, plot_option, tell
from planner.cli._options import (
    files,
    format_option,
    inputs,
    reading_options,
    strict_option,
)
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.inputs.table_inputs import RowInputs


@app.command(cls=Command)
@click.argument("points", type=click.Path(allow_dash=True), metavar="POINTS.csv|.xlsx")
@click.option("--best-guess", metavar="ERROR", help="Error of guessing.  [default: estimated where the points show it]")
@click.option("--target", metavar="ERROR", help="An error to reach, in the unit of the points.")
@click.option("--domain", metavar="NAME", help="Whose model grows so: word-lm, char-lm, translation, imagenet, speech.")
@click.option("--params", metavar="N", help="Parameters of the model at the largest size.")
@reading_options(RowInputs)
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
    plan curve points.csv --columns size=samples,error=top1 --domain imagenet
    """
    from planner.fitting.learning_curve.curve import curve as fit_curve

    answer = fit_curve(files((points,)), **chosen(**options))
    tell(ctx, answer, fmt, strict=strict)
