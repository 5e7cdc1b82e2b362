"""``plan models``. Heavy modules are imported inside, so that ``--help`` stays quick."""

import click

from planner.cli._commands import Command, tell
from planner.cli._options import Names, format_option
from planner.cli._plan import app


@app.command(cls=Command)
@click.argument("name", required=False, type=Names("models"))
@format_option
def models(name: str | None) -> None:
    """List published models with shapes, parameters, tokens and compute, or show one by NAME."""
    from planner.architectures.published_models import models as published_models

    tell(published_models(name))
