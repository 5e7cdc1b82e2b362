"""The command with all its subcommands, each a module; a run loads those alone that it needs."""

from importlib import import_module

from planner.cli._commands import SUMMARIES
from planner.cli._plan import app

for _name in SUMMARIES:
    import_module(f"planner.cli.{_name.replace('-', '_')}")

__all__ = ["app"]
