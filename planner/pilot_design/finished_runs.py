"""Pilot runs that are done: whether they tell of a law, how much they scatter, and what to say of them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from planner._util.files import settings
from planner.errors import OptionError
from planner.fitting.constraints import Limits
from planner.fitting.diagnostics import few, outlying, refuse_hopeless
from planner.fitting.fit import RunsLike, one_group, read_table_of_runs
from planner.fitting.forecast import fit_under_prior
from planner.fitting.generalised_law import Array, parts
from planner.fitting.result_building import place_of
from planner.fitting.sample import Sample
from planner.fitting.tables.runs import Runs
from planner.inputs.table_inputs import Reading
from planner.notes import Note
from planner.pilot_design.expected_regret import RAY_CONDITION, condition, sensitivities_of
from planner.pilot_design.information import CONSTANTS, FILE, drawn_laws
from planner.quantities import format_flops, format_percent
from planner.scaling_laws.provenance import PARAM_COUNTS

_FEWEST = 4
_TELLING = 10
"""Distinct runs from which their scatter around their own fit is believed below the usual noise: a house convention."""


class Given(NamedTuple):
    """Runs that are done."""

    runs: Sample
    convention: str  # which parameters their N counts: all, where the table does not say
    noise: float | None  # of ln loss, by their scatter around their own fit; None where it was not asked for
    cheapest: float  # the cost that further runs keep above [FLOP]: a tenth of the runs cost no more
    told: bool  # whether they tell all constants of a law
    notes: tuple[Note, ...]
    columns: Mapping[str, str]  # what their table calls its quantities
    group: str  # of that table, where it has groups


def read_given(given: RunsLike, group: str | None, reading: Reading, target: float, *, guess: bool) -> Given:
    """Read runs that are done; ``guess`` says whether their noise is wanted.

    Raises
    ------
    PlannerError
        The table cannot be read, its runs are too few or say nothing of a law, or the target [FLOP] is not far above them.
    """
    table = one_group(read_table_of_runs(given, {}, reading), group)
    refuse_hopeless(Sample.of(table), _FEWEST - 1, table.name, needs_both=True)
    table, missed, far_notes = _without_far(table, leave_out=reading.exclude_outliers)
    runs = Sample.of(table)
    dearest = float(runs.flops.max())
    if target < 2 * dearest:
        raise OptionError(f"target {format_flops(target)} is less than twice the dearest run given, {format_flops(dearest)}")
    notes = []
    prior = drawn_laws(int(settings(FILE, "laws")["draws"]), target, runs.per_token, np.random.default_rng(0))
    distinct = len({*zip(runs.params.tolist(), runs.tokens.tolist(), strict=True)})
    told = distinct >= CONSTANTS and condition(sensitivities_of(prior, runs)) < RAY_CONDITION
    if not told:
        text = (
            f"the {distinct} different runs given cannot tell a law's constants apart: further ones are chosen beside them under "
            "laws of the prior, as if nothing were known of their losses"
        )
        notes.append(Note("given", "warning", text))
    noise, said = _noise(missed, distinct) if guess else (None, [])
    told_count = table.params_count
    convention = told_count if told_count in PARAM_COUNTS and told_count != "unstated" else "total"
    return Given(
        runs,
        convention,
        noise,
        float(np.quantile(runs.flops, 0.1, method="higher")),
        told,
        (*far_notes, *notes, *said),
        table.columns,
        table.group[0] if table.group else "",
    )


def _without_far(table: Runs, *, leave_out: bool) -> tuple[Runs, Array, list[Note]]:
    """Return the runs, how far those miss their own fit that tell of their scatter, and what to say of the others.

    The few that are far from the fit, failed or from elsewhere, say nothing of how much runs trained alike scatter.
    """
    runs = Sample.of(table)
    missed = _misses(runs)
    far = outlying(missed)
    if not few(len(far), len(missed)):
        return table, missed, []
    named = ", ".join(place_of(table, i, float(-missed[i])) for i in far[:8])
    kept = np.ones(len(missed), bool)
    kept[far] = False
    if leave_out:
        table = table.take(kept)
        return table, _misses(Sample.of(table)), [Note("left-out", "info", f"runs far from their own fit left out: row {named}")]
    text = f"far from the fit of the runs given, and left out of their scatter: row {named}; failed, or of another recipe?"
    return table, missed[kept], [Note("outliers", "warning", f"{text} --exclude-outliers leaves them out")]


def _misses(runs: Sample) -> Array:
    theta = fit_under_prior(runs, Limits())[None]
    missed: Array = parts(theta, runs.rows.x, runs.rows.y, additive=False).log_loss[0] - runs.rows.target
    return missed


def _noise(missed: Array, distinct: int) -> tuple[float, list[Note]]:
    """Return what runs scatter around their own fit, within what is believed of it, and what to say of it."""
    s = settings(FILE, "noise")
    spread = float(np.sqrt((missed**2).sum() / max(len(missed) - (CONSTANTS - 1), 1)))
    least, most = float(s["least" if distinct >= _TELLING else "usual"]), float(s["most"])
    if least <= spread <= most:
        return spread, []
    text = f"the runs given scatter by {format_percent(spread)} around their own fit"
    if spread > most:
        text += f": {format_percent(most)} is assumed; look for runs that failed or do not belong together"
    else:
        text += f", of {distinct} different ones: {format_percent(least)} is assumed; --noise says what it is"
    return min(max(spread, least), most), [Note("noise", "warning" if spread > most else "info", text)]
