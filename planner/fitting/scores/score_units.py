"""Scores in per cent, in fractions, or in both, brought to fractions."""

from collections.abc import Mapping

import numpy as np

from planner.errors import RunsFileError
from planner.fitting.scores.about import About
from planner.fitting.scores.forms import Array
from planner.fitting.scores.known_tasks import is_loss
from planner.fitting.tables.column_names import named
from planner.notes import Note
from planner.quantities import bare, plain


def as_fractions(
    columns: Mapping[str, Array], about: About, asked: set[str], left: dict[str, str], name: str
) -> tuple[dict[str, Array], list[Note]]:
    """Bring columns of scores to fractions: what most of them are in holds for all, unless a chance level says otherwise.

    ``asked`` are the columns that the user named, in lower case. Those that nobody named and that go above 1 beside fractions, a
    loss, perhaps, or a setting, go to ``left``; ``name`` is the table's.

    Raises
    ------
    RunsFileError
        One column holds fractions and per cent.
    """
    highest = {called: float(np.nanmax(values)) for called, values in columns.items() if not is_loss(called)}
    above = [called for called, top in highest.items() if top > 1]
    within = [called for called in highest if called not in above]
    if not above:
        return dict(columns), []
    if len(within) > len(above):
        return _few_per_cent(columns, about, asked, left, above, name)
    odd = [called for called in within if highest[called] > 0.5 * (about.of(called).chance or np.inf)]
    scaled = {called: values / 100 if called in highest and called not in odd else values for called, values in columns.items()}
    top = plain(max(highest.values()), 3)
    notes = [Note("per-cent", "info", f"scores were read as per cent: {named(above, 3)} go up to {top}")]
    if doubtful := [called for called in within if called not in odd and highest[called] > 0]:
        text = f"{named(doubtful, 6)} hold at most 1: read as per cent, as the others are; bring all to one unit if that is wrong"
        notes.append(Note("per-cent-mixed", "warning", text))
    if odd:
        text = f"{named(odd, 6)} were read as fractions beside the others in per cent, by their chance level"
        notes.append(Note("per-cent-mixed", "warning", text))
    return scaled, notes


def _few_per_cent(
    columns: Mapping[str, Array], about: About, asked: set[str], left: dict[str, str], above: list[str], name: str
) -> tuple[dict[str, Array], list[Note]]:
    """Return fractions where most columns are: those above 1 are in per cent if they are known to be tasks, else left out."""
    tasks = [called for called in above if called.lower() in asked or about.of(called).chance is not None]
    found = {}
    for called, values in columns.items():
        if called in above and called not in tasks:
            left[called] = f"goes up to {plain(float(np.nanmax(values)), 3)} beside fractions"
        else:
            if called in tasks and float(np.nanmedian(values)) <= 1:
                text = f"{plain(float(np.nanmax(values)), 4)} beside scores that are fractions, as those of the other tasks"
                raise RunsFileError(f"{name}:{bare(called)}: {text}: bring all to one unit, or leave that row out")
            found[called] = values / 100 if called in tasks else values
    if not tasks:
        return found, []
    text = f"{named(tasks, 6)} go above 1: read as per cent beside the others, which are fractions"
    return found, [Note("per-cent-mixed", "warning", text)]
