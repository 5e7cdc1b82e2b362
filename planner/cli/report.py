"""``plan report``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, chosen
from planner.cli._options import inputs
from planner.cli._plan import app
from planner.inputs.registry import PlanInputs
from planner.quantities import shown


@app.command(cls=Command)
@click.option("-o", "--out", "path", required=True, metavar="PLAN.html", help="The page to write.")
@click.option("--overwrite", "--force", "overwrite", is_flag=True, help="Let it replace a file.")
@inputs(PlanInputs)
def report(path: str, overwrite: bool, **options: Any) -> None:
    """Write a plan as one HTML page that goes on planning in a browser, with nothing to install and nothing fetched.

    \b
    plan report --flops 1e21 -o plan.html
    plan report --gpus 512xH100 --days 30 -o plan.html
    """
    from planner._util.files import new_file
    from planner.output.html_report.page import write_report
    from planner.planning.plan import plan

    new_file(path, overwrite, ".html", "a report")
    write_report(plan(**chosen(**options)), path, overwrite=overwrite)
    click.echo(f"wrote {shown(path)}: open it in a browser", err=True)
