"""What the commands share: their classes, and what they do with options and warnings."""

from typing import Any

import click

from planner.cli._options import Once
from planner.errors import PlannerError
from planner.units import parse_flops, shown


class Command(Once, click.Command):
    """A command whose options are given once."""


class Group(Once, click.Group):
    """A group whose options are given once."""


class Budgets(Group):
    """A group that plans by itself, over ranges too, and knows a budget typed without its option when it sees one."""

    takes_ranges = True

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if self.get_command(ctx, name) is None:
            try:
                parse_flops(name)
            except PlannerError:
                hint = f"commands are {', '.join(self.list_commands(ctx))}"
            else:
                hint = f"a budget goes with its option: plan --flops {shown(name)}"
            raise click.UsageError(f"no command {shown(name)}; {hint}")
        return super().resolve_command(ctx, args)


def chosen(**options: Any) -> dict[str, Any]:
    """Return the options that the user gave, so that defaults stay in the library."""
    return {name: value for name, value in options.items() if value not in (None, (), {})}


def stop_if_strict(ctx: click.Context, strict: bool, notes: Any) -> None:
    """Leave with 1 where a note is a warning and the user wants to hear of that."""
    if strict and any(note.severity == "warning" for note in notes):
        ctx.exit(1)
