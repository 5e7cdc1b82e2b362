"""``plan distill``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen, tell
from planner.cli._options import OneOf, format_option, strict_option
from planner.cli._plan import app


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
