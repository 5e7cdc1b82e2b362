"""What a table cannot say, each with the remedy, and what is hopeless."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from planner._util.stable_choice import order
from planner.errors import FitError
from planner.fitting.constraints import PLACES
from planner.fitting.generalised_law import Array
from planner.fitting.sample import Sample
from planner.notes import Note
from planner.quantities import format_factor, listed, plain, significant

# House conventions, not published: where a design is called too narrow to decide.
_ONE_RATIO = 0.25  # spread of ln D about a line in ln N: 25 %
_NARROW = 10.0  # factor between the smallest and the largest compute
_ONE_BUDGET = 0.1  # range of ln C within which rounding, or what is counted, may decide which run spent more
_FEW_SIZES = 4
_OUTLIER = 8.0  # robust standard deviations
_FLOOR_UNSEEN = 0.35  # width of ln E's interval
_BENT = 3.0  # standard errors of a square in ln N or ln D: none of 450 tables of a true law with noise has so many
_FEWEST_FREE = 6  # rows beyond the constants of that


class Design(NamedTuple):
    """What the sampled sizes allow: ``ratio`` is the range of D/N, ``spread`` that of ln D about a line in ln N."""

    sizes: int
    spans: float
    ratio: tuple[float, float]
    spread: float

    @property
    def collinear(self) -> bool:
        """Whether N and D move together so closely that their exponents cannot be told apart."""
        return self.spread < _ONE_RATIO

    @property
    def one_budget(self) -> bool:
        """Whether that line is one of equal compute, on which D/N is spread but nothing else."""
        return self.spans < self.ratio[1] / self.ratio[0] / 2


def design_of(sample: Sample) -> Design:
    """Measure a table's design."""
    x, y = sample.rows.x, sample.rows.y
    slope = float((x * y).sum() / (x * x).sum()) if (x * x).sum() > 0 else 0.0
    ratio = sample.tokens / sample.params
    return Design(
        sizes=len(np.unique(sample.params)),
        spans=float(sample.flops.max() / sample.flops.min()),
        ratio=(float(ratio.min()), float(ratio.max())),
        spread=float(np.std(y - slope * x)),
    )


def refuse_hopeless(sample: Sample, free: int, name: str, *, needs_both: bool) -> None:
    """Raise FitError where no fit means anything."""
    n = len(sample)
    if n <= free:
        runs = "1 run" if n == 1 else f"{n} runs"
        raise FitError(f"{name}: {runs} for {free} constants; at least {free + 1} are needed, 20 are better")
    if np.ptp(np.log(sample.loss)) < 1e-9:
        raise FitError(f"{name}: every loss is {plain(float(sample.loss[0]))}: there is nothing to learn from")
    # by ranks: one diverged run must not decide
    x, y = (np.argsort(np.argsort(values)).astype(float) for values in (sample.flops, sample.loss))
    if np.ptp(np.log(sample.flops)) > _ONE_BUDGET and ((x - x.mean()) * (y - y.mean())).sum() > 0:
        raise FitError(f"{name}: losses rise with compute; a scaling law is for a measure that falls, such as cross-entropy")
    if np.ptp(np.log(sample.flops)) < 1e-9 and not needs_both:
        raise FitError(f"{name}: every run spends the same compute; add runs at other budgets")
    for what, values in (("params", sample.params), ("tokens", sample.tokens)):
        if needs_both and np.ptp(np.log(values)) < 1e-9:
            text = f"{name}: every run has the same {what}, so their exponent cannot be known"
            raise FitError(f"{text}; add runs with other {what}")


def design_notes(sample: Sample, design: Design) -> Iterator[Note]:
    """Say what the design cannot decide, with the runs that would."""
    if design.collinear:
        if design.one_budget:
            low, high = (significant(end, 2) for end in design.ratio)
            which = f"all runs spend about one budget, {plain(float(np.exp(np.mean(np.log(sample.flops)))), 3)} FLOP"
            remedy = f"{low} to {high} tokens per parameter are enough, other budgets are missing: add runs of 1/10 and 1/100"
        else:
            middle = float(np.exp(np.mean(np.log(sample.tokens / sample.params))))
            which = f"all runs lie near one line in N and D (about {significant(middle, 2)} tokens per parameter)"
            remedy = f"add two runs at {significant(middle / 4, 2)} and two at {significant(middle * 4, 2)} tokens per parameter"
        why = "so the shares of parameters and data, and with them the best size, cannot be known"
        yield Note("one-ratio", "warning", f"not concluded: {which}, {why}; {remedy}")
    if design.sizes < _FEW_SIZES:
        text = f"only {design.sizes} sizes: the exponent of N rests on them alone"
        yield Note("few-sizes", "warning", f"{text}; add runs of at least {_FEW_SIZES - design.sizes} more")
    if design.spans < _NARROW:
        text = f"the runs span only {format_factor(design.spans)} in compute; extrapolating needs 100x: add cheaper runs"
        yield Note("narrow-span", "warning", text)


def bend_notes(sample: Sample, constants: Mapping[str, float]) -> Iterator[Note]:
    """Say when residuals of the additive law bend along tokens or parameters, as no constant exponent lets them.

    A score test: ln u, or ln v, gets a square in ln N, or ln D, beside the law's own gradient; outlying rows weigh less.
    """
    N, D = sample.params, sample.tokens
    u, v = constants["A"] * N ** -constants["alpha"], constants["B"] * D ** -constants["beta"]
    loss = constants["E"] + u + v
    residuals = np.log(sample.loss / loss)
    x, y = sample.rows.x, sample.rows.y
    spread = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals)))) + 1e-12
    root = np.sqrt(sample.weight / np.maximum(1.0, np.abs(residuals) / (2 * spread)))
    own = [1 / loss, u / loss, v / loss, u * x / loss, v * y / loss]
    for name, square in (("tokens", v / loss * y * y), ("parameters", u / loss * x * x)):
        columns = np.stack([*own, square], 1) * root[:, None]
        scale = np.linalg.norm(columns, axis=0)
        columns = columns / scale
        found, _, rank, singular = np.linalg.lstsq(columns, residuals * root, rcond=1e-8)
        free = len(sample) - columns.shape[1]
        if free < _FEWEST_FREE or rank < columns.shape[1]:
            continue
        left = residuals * root - columns @ found
        inverse = np.linalg.inv(columns.T @ columns)
        alike = len(sample) / len(np.unique(sample.block))  # checkpoints of a run say less than as many runs
        error = float(np.sqrt(left @ left / free * inverse[-1, -1] * alike))
        if not error > 0 or abs(found[-1]) <= _BENT * error or singular[-1] < 1e-6 * singular[0]:
            continue
        change = -2 * float(found[-1] / scale[-1]) * np.log(10)
        sure = significant(abs(float(found[-1])) / error, 2)
        text = (
            f"residuals of the classical fit bend along the {name}: their exponent changes by {change:+.2g} a decade ({sure} "
            "standard errors), which no constant exponent follows; beyond these runs sizes may be far off: before you trust "
            "them, put runs near the optimum at the two dearest budgets you can pay"
        )
        yield Note("bend", "warning", text)


def floor_note(interval: tuple[float, float] | None, lowest: float) -> Iterator[Note]:
    """Say where the irreducible loss is not pinned down."""
    if interval and np.log(max(interval[1], 1e-9) / max(interval[0], 1e-9)) > _FLOOR_UNSEEN:
        ends = f"{significant(interval[0])} to {significant(interval[1])} (lowest loss seen {significant(lowest, 4)})"
        text = f"these runs do not show the irreducible loss: it may lie anywhere from {ends}; larger runs would narrow it"
        yield Note("floor-unseen", "info", text)


def ratio_note(design: Design, flops: float, ratio: float) -> Iterator[Note]:
    """Say where the best ratio lies outside the sampled ones."""
    low, high = design.ratio
    if not 0.99 * low <= ratio <= 1.01 * high:
        near = low if ratio < low else high
        best = f"the best tokens per parameter at {plain(flops, 3)} FLOP, {significant(ratio)}"
        text = f"{best}, lies outside the sampled {significant(low)} - {significant(high)}: add runs beyond {significant(near)}"
        yield Note("ratio-outside", "warning", text)


def decay_notes(intervals: Mapping[str, tuple[float, float]], constants: Mapping[str, float]) -> Iterator[Note]:
    """Say when the decay of repeated data is not pinned down."""
    for name, what in (("R_D", "repeated tokens"), ("R_N", "excess parameters")):
        low, high = intervals.get(name, (constants[name], constants[name]))
        if high > 10 * low or constants[name] > _NO_DECAY:
            ends = f"{significant(constants[name])}, interval {significant(low)} to {significant(high)}"
            text = f"{name}, how fast {what} lose their worth, is hardly decided: {ends}"
            remedy = "runs with more repetitions of few unique tokens would decide it"
            yield Note("decay-undecided", "warning", f"{text}; {remedy}")


_NO_DECAY = 1000.0


def bound_note(bound: tuple[int, ...]) -> Iterator[Note]:
    """Say which constants ended at the edge of what was searched."""
    names = [name for name, place in PLACES.items() if place in bound]
    if names:
        text = f"{' and '.join(names)} ended at the edge of what was searched: the runs do not decide it"
        yield Note("at-bound", "warning", f"{text}; pin it (--fix) or use a form without it")


def starts_note(starts: int, agree: int) -> Iterator[Note]:
    """Say when only one start found the minimum."""
    if agree < 2:
        text = f"only {agree} of {starts} starts reached the lowest minimum; the others ended higher"
        yield Note("starts-disagree", "info", text)


def equal_exponents_note(alpha: Array, beta: Array, level: float) -> Iterator[Note]:
    """Say when the draws cannot tell alpha from beta."""
    low, high = np.quantile(alpha - beta, [(1 - level) / 2, (1 + level) / 2])
    if low <= 0 <= high:
        text = f"alpha and beta cannot be told apart (alpha - beta from {low:+.2f} to {high:+.2f})"
        yield Note("equal-exponents", "info", f"{text}: N and D may grow alike, and the tied form would do")


def outlying(residuals: Array, deviations: float = _OUTLIER) -> Array:
    """Return the positions of runs whose loss is far from the law's, judged by the median size of residuals, worst first."""
    center, spread = _robust(residuals)
    far = np.flatnonzero(np.abs(residuals - center) > deviations * spread)
    return far[order(-np.abs(residuals[far]))]


def held_in(residuals: Array) -> Array:
    """Return residuals with the few that are far from all others held to the edge of what counts as such.

    One run that failed must not widen what is said of every other; where many are far, the law is what misses them.
    """
    far = outlying(residuals)
    if not few(len(far), len(residuals)):
        return residuals
    center, spread = _robust(residuals)
    return np.clip(residuals, center - _OUTLIER * spread, center + _OUTLIER * spread)


_FEW = 0.1
"""Share of runs up to which those far from a law are failures of theirs and not of the law: a house convention."""


_LEAST_SPREAD = 0.0025
"""Scatter of ln loss below which two runs trained alike hardly come: no run within 2 % is called far from its law."""


def _robust(residuals: Array) -> tuple[float, float]:
    center = float(np.median(residuals))
    return center, max(1.4826 * float(np.median(np.abs(residuals - center))), _LEAST_SPREAD)


def outlier_note(rows: Sequence[str], total: int, aside: int = 0, *, squared: bool) -> Iterator[Note]:
    """List runs that look undertuned or diverged, the worst first, ``aside`` of which the forecast does without."""
    if rows:
        which = f"{len(rows)} of {total} runs lie" if len(rows) > 1 else f"one of {total} runs lies"
        where = f"{'rows' if len(rows) > 1 else 'row'} {listed(rows, 8)}"
        weight = "squares give such runs much weight" if squared else "the robust loss gives such runs little weight"
        done = f"kept, {'and' if squared else 'but'} {weight}"
        if aside:
            those = f"the worst {aside}" if aside < len(rows) else "them" if aside > 1 else "it"
            done = f"the forecast leaves {those} aside" + (", and gives the others little weight" if aside < len(rows) else "")
        text = f"{which} far from the law, undertuned or diverged? {where}: {done}"
        yield Note("outliers", "warning" if aside else "info", text)


def few(outliers: int, rows: int) -> bool:
    """Tell whether the runs far from a law are so few that they are failures of theirs."""
    return 0 < outliers <= _FEW * rows
