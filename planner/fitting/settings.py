"""The numbers of the fitting methods, read from ``data/fitting.toml`` where each stands with its origin."""

from planner import _files
from planner._frozen import FrozenDict


def settings(section: str) -> FrozenDict:
    """Return one section of the settings; ``"forecast.interval"`` names a nested one."""
    return _files.settings("fitting.toml", section)
