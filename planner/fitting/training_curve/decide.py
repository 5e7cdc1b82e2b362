"""What else a run could do, as figures: stop, decay now, go on for longer, decay at another step, another schedule."""

from typing import NamedTuple

import numpy as np

from planner._util.stable_choice import lowest
from planner.fitting.training_curve.curve_fit import CurveFit
from planner.fitting.training_curve.forecast import Gain, gain, loss_at
from planner.fitting.training_curve.laws import settings
from planner.fitting.training_curve.rate_path import Defaults, RatePath, in_words
from planner.quantities import format_percent, format_rate, plain


class Choice(NamedTuple):
    """One thing that a run could do.

    Attributes
    ----------
    kind : {"plan", "stop", "decay now", "hold", "longer", "schedule"}
    what : str
    steps : float
        At its end, from the start.
    loss, low, high : float
        There.
    gain : Gain
        How much lower the loss is than at the planned end.
    """

    kind: str
    what: str
    steps: float
    loss: float
    low: float
    high: float
    gain: Gain


class DecayStart(NamedTuple):
    """A decay to zero that begins at a step and ends with the run.

    Attributes
    ----------
    step, share : float
        Where it begins, and how much of the run it takes.
    loss, low, high : float
        At the end.
    """

    step: float
    share: float
    loss: float
    low: float
    high: float


class Asked(NamedTuple):
    """The run that decisions are about: its fit, its path so far, its plan, and the level of intervals."""

    fit: CurveFit
    past: RatePath
    plan: RatePath
    warmup: float
    level: float

    @property
    def now(self) -> float:
        """Return the last step so far."""
        return self.past.end

    @property
    def rate(self) -> float:
        """Return the rate at the last step."""
        return float(self.past.lr[-1])


def choices(run: Asked, compared: list[tuple[str, RatePath]]) -> tuple[list[Choice], list[RatePath]]:
    """Return what the run could do, the plan first, and the path of each."""
    how = settings("decide")
    end, now, rate = run.plan.end, run.now, run.rate
    found = [("plan", "as planned", run.plan, end)]
    if end > now:
        found.append(("stop", "stop now", run.plan.until(now), now))
    if rate > how["least_rate"] * run.fit.peak:  # a decay is to come
        for share in how["cooldowns"]:
            last = now * (1 + share)
            path = _going_on(run.past, [now, last], [rate, 0.0])
            found.append(("decay now", f"decay now to 0, {format_percent(share)} more steps", path, last))
        if end > now and np.abs(run.plan.after(now).lr - rate).max() > _OTHER * rate:
            path = _going_on(run.past, [now, end], [rate, rate])
            found.append(("hold", f"hold the rate of now, {format_rate(rate)}", path, end))
    for factor in how["longer"]:
        path = _longer(run, factor)
        found.append(("longer", f"{plain(factor)}x the steps", path, path.end))
    found += [("schedule", what, path, path.end) for what, path in (*_others(run), *compared)]
    return [_choice(run, *each) for each in found], [path for _, _, path, _ in found]


_OTHER = 0.02
"""Share by which rates differ that are not the same."""


def _choice(run: Asked, kind: str, what: str, path: RatePath, step: float) -> Choice:
    better = gain(run.fit, (run.plan, run.plan.end), (path, step), run.level) if kind != "plan" else Gain(0.0, 0.0, 0.0)
    return Choice(kind, what, step, *loss_at(run.fit, path, step, run.level), better)


def _going_on(past: RatePath, steps: list[float], rates: list[float]) -> RatePath:
    return past.then(RatePath(np.array(steps), np.array(rates)))


def _longer(run: Asked, factor: float) -> RatePath:
    """Return the plan over more steps: what is left of it is stretched, or all after its warm-up where nothing much is left."""
    start, head = run.now, run.past
    if not _under_way(run):
        start = run.warmup
        head = run.plan.until(start) if start else RatePath(np.zeros(1), run.plan.lr[:1])
    rest, end = run.plan.after(start), run.plan.end
    stretch = (factor * end - start) / (end - start)
    return head.then(RatePath(start + (rest.steps - start) * stretch, rest.lr))


def _under_way(run: Asked) -> bool:
    """Tell whether enough of the run is left for its rest to be stretched."""
    return run.plan.end - run.now >= MUCH * run.plan.end


MUCH = 0.05
"""Share of the run that must be left for its rest to be stretched."""


def _others(run: Asked) -> list[tuple[str, RatePath]]:
    """Return other schedules of the same length and peak, from the start."""
    known = Defaults(run.plan.end, float(run.plan.lr.max()), run.warmup)
    names = {"cosine": "cosine to 0", "linear": "linear to 0", "wsd": "wsd, last 20 % to 0"}
    if run.warmup >= 0.8 * run.plan.end:
        return []
    return [(f"{names[kind]}, from the start", in_words(kind, known)) for kind in settings("decide")["others"]]


def decay_starts(run: Asked) -> tuple[list[DecayStart], int]:
    """Return decays to zero that begin at other steps from now on, and which ends lowest; none where a decay has begun."""
    end, now, rate = run.plan.end, run.now, run.rate
    if not _under_way(run) or rate < 0.95 * run.fit.peak:
        return [], 0
    found = []
    for share in settings("decide")["starts"]:
        start = now + share * (end - now)
        path = _going_on(run.past, [now, start, end], [rate, rate, 0.0])
        found.append(DecayStart(start, (end - start) / end, *loss_at(run.fit, path, end, run.level)))
    # of those that end within 0.01 % of the lowest the first one, which decays longest
    ends = np.round(np.log([each.loss for each in found]), 9)
    return found, lowest(np.where(ends <= ends.min() + _SAME, 0.0, 1.0))


_SAME = 1e-4
