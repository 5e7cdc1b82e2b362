"""A run held against a scaling law: is it ahead of what the law says of its size and tokens, or behind, and since when?"""

from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from planner.allocation.loss_interval import loss_interval
from planner.errors import OptionError
from planner.fitting.training_curve.decide import Asked
from planner.fitting.training_curve.forecast import loss_at
from planner.fitting.training_curve.rate_path import RatePath
from planner.notes import Note
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.law import Law


class Held(NamedTuple):
    """The run at a step, had it decayed there, beside the law.

    Attributes
    ----------
    step, tokens : float
    loss, low, high : float
        Of the run with a decay to zero over the fifth before; at its planned end as planned.
    law_loss, law_low, law_high : float
        What the law says of a run of so many tokens; without an interval where it has none.
    difference : float
        The run's loss over the law's, less 1.
    sure : bool
        Whether the difference is larger than the two intervals together.
    """

    step: float
    tokens: float
    loss: float
    low: float
    high: float
    law_loss: float
    law_low: float
    law_high: float
    difference: float
    sure: bool


class HeldToLaw(NamedTuple):
    """The run beside a law.

    Attributes
    ----------
    law, reference : str
    note : Note or None
        What keeps the two from being compared.
    params, batch : float
    rows : tuple of Held
        Along the run, its planned end last.
    verdict : {"ahead", "behind", "on the law"}
        At the planned end.
    since : float or None
        The first step shown from which on it is so.
    """

    law: str
    reference: str
    note: Note | None
    params: float
    batch: float
    rows: tuple[Held, ...]
    verdict: str
    since: float | None


_SHOWN = 8
_DECAY = 0.2
"""Share of the steps over which the run is thought to decay where it is held against the law: most of the gain is had by then."""


def held_to_law(run: Asked, law: Any, params: float, batch: float, unit: str) -> HeldToLaw:
    """Hold a run of ``params``, as the law counts them, against a law; ``batch`` are the tokens of a step, ``unit`` its loss's.

    Raises
    ------
    PlannerError
        No such law, or one that gives no loss for N and D.
    """
    known = load_law(law)
    surface = known.surface_law
    if surface is None:
        raise OptionError(f"`law` {known.id}: gives no loss for parameters and tokens, so a run cannot be held against it")
    first = max(2 * run.warmup, 0.1 * run.plan.end)
    steps = np.round(np.linspace(first, run.plan.end, _SHOWN)).tolist() if first < run.plan.end else [run.plan.end]
    rows = tuple(_held(run, surface, params, batch, step) for step in steps)
    verdict, alike = [(verdict, list(part)) for verdict, part in groupby(rows, _verdict)][-1]
    since = alike[0].step if alike[0].sure else None
    return HeldToLaw(known.id, known.reference, _foreign(known, unit), params, batch, rows, verdict, since)


def _verdict(row: Held) -> str:
    return "on the law" if not row.sure else "ahead" if row.difference < 0 else "behind"


def _foreign(law: Law, unit: str) -> Note | None:
    """Say of a law that its losses are in another unit, or, of one not fitted to runs of the user's, of other data."""
    own, said = law.conventions.loss_unit, unit or "nats/token"
    if own != said:
        text = f"{law.id} gives its loss in {own}, the log's is in {said}{'' if unit else ', for nothing else is said'}"
        return Note("law-of-other-unit", "warning", f"{text}: they do not compare")
    if law.fit:
        return None
    of = f"{law.conventions.data}, loss in {law.conventions.loss_unit}"
    text = f"{law.id} speaks of {of}: beside other data or tokenizers its level says nothing"
    return Note("law-of-other-data", "warning", text)


def _held(run: Asked, law: Law, params: float, batch: float, step: float) -> Held:
    path, tokens = run.plan, step * batch
    if step < run.plan.end:
        before = run.plan.until((1 - _DECAY) * step)
        path = before.then(RatePath(np.array([before.end, step]), np.array([float(before.lr[-1]), 0.0])))
    loss, low, high = loss_at(run.fit, path, step, run.level)
    says = float(law.loss(params, tokens))
    interval = loss_interval(law, params, tokens, run.level)
    law_low, law_high = (says, says) if interval is None else (float(interval.run[0]), float(interval.run[1]))
    apart = np.log(loss / says)
    # the run above the law: how far it may lie lower, and the law higher; the two are unsure independently of each other
    ends = (loss / low, law_high / says) if apart > 0 else (high / loss, says / law_low)
    width = np.hypot(*np.log(ends))
    return Held(step, tokens, loss, low, high, says, law_low, law_high, float(np.expm1(apart)), bool(abs(apart) > width))
