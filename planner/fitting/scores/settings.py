"""The numbers of score forecasts, read from ``data/scores/settings.toml`` where each stands with its origin."""

from functools import partial

from planner._util import files as _files

settings = partial(_files.settings, "scores/settings.toml")
"""Return one section of the settings; ``"priors.compute"`` names a nested one."""
