"""The numbers of the fitting methods, read from ``data/fitting.toml`` where each stands with its origin."""

from planner._util import files as _files
from planner._util.frozen_dict import FrozenDict


def settings(section: str) -> FrozenDict:
    """Return one section of the settings; ``"forecast.interval"`` names a nested one."""
    return _files.settings("fitting.toml", section)
