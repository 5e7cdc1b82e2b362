"""``plan curve``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import files, inputs, seed_option
from planner.cli._plan import app
from planner.inputs.run_inputs import Level
from planner.inputs.table_inputs import RowInputs


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
