"""The command with all its subcommands; a run loads those alone that it needs."""

from importlib import import_module

from planner.cli._commands import MODULES
from planner.cli._plan import app

for _name in MODULES.values():
    import_module(f"planner.cli.{_name}")

__all__ = ["app"]
