"""Public models by compute: scores without runs of one's own, and a check on tasks that one's own runs show at chance."""

from collections.abc import Mapping

import numpy as np

from planner._util.files import kept_while_unchanged, read_bundled
from planner.fitting.scores.about import read_about
from planner.fitting.scores.forms import Array
from planner.fitting.scores.known_tasks import stem
from planner.fitting.scores.settings import settings
from planner.fitting.scores.shipped import shipped_scores
from planner.fitting.scores.table import ScoreTable, read_score_table
from planner.inputs.table_inputs import Reading

_TABLE = "obsscaling2024"
_COLUMNS = {"flops": "FLOPs (1E21):1e21", "params": "none", "tokens": "none", "loss": "none"}


@kept_while_unchanged("scores/obsscaling2024.csv")
def public_table() -> ScoreTable:
    """Return the public models that say their compute, without their sizes: recipes differ too much for these to tell more."""
    shipped = shipped_scores(_TABLE)
    about = read_about(shipped.tasks, {}, chooses=True)
    found = read_score_table(shipped.file, Reading(columns=_COLUMNS), about, None, None, 6.0, False)
    return found._replace(name=f"{_TABLE} ({shipped.reference})")


@kept_while_unchanged("scores/obsscaling2024.csv")
def _by_name() -> Mapping[str, tuple[Array, Array]]:
    """Return compute of public models [FLOP] and their scores on each benchmark."""
    table = public_table()
    assert table.where.flops is not None
    found: dict[str, tuple[Array, Array]] = {}
    for column, names in read_bundled(f"scores/{_TABLE}.toml")["names"].items():
        task = next(each for each in table.tasks if each.name == column)
        has = np.isfinite(task.scores)
        found |= dict.fromkeys(names, (table.where.flops[has], task.scores[has]))
    return found


def public_upper(task: str, flops: float) -> float | None:
    """Return the upper quartile of public models near a compute on a task; None for a task, or a compute, that few have."""
    known, found = settings("public"), _by_name().get(stem(task))
    if found is None:
        return None
    near = np.abs(np.log(found[0] / flops)) <= np.log(float(known["near"]))
    return float(np.quantile(found[1][near], 0.75)) if near.sum() >= int(known["fewest"]) else None
