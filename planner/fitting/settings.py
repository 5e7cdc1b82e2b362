"""The numbers of the fitting methods, read from ``data/fitting.toml`` where each stands with its origin."""

from functools import cache
from typing import Any

from planner._files import data_root, read_table
from planner._frozen import FrozenDict


@cache
def settings(section: str) -> FrozenDict:
    """Return one section of the settings; ``"forecast.interval"`` names a nested one."""
    table: Any = read_table(data_root() / "fitting.toml")
    for name in section.split("."):
        table = table[name]
    return FrozenDict(table)
