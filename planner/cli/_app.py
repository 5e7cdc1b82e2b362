"""The command with all its subcommands, each module of which adds its own."""

from planner.cli import _fits, _limits, _machines, _sheets  # noqa: F401  # they register their commands
from planner.cli._plan import app

__all__ = ["app"]
