"""The numbers of score forecasts, read from ``data/scores/settings.toml`` where each stands with its origin."""

from planner._util import files as _files
from planner._util.frozen_dict import FrozenDict


def settings(section: str) -> FrozenDict:
    """Return one section of the settings; ``"priors.compute"`` names a nested one."""
    return _files.settings("scores/settings.toml", section)
