"""Hoffmann's approaches 1 and 2: the best size of each budget first, then a line through them on log axes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from planner.allocation.solver import allocate
from planner.errors import FitError
from planner.fitting.generalised_law import Array
from planner.fitting.sample import Sample
from planner.notes import Note
from planner.quantities import format_flops, format_percent, format_signed_percent, significant
from planner.scaling_laws.law import Law

# House conventions, not published.
_SAME_BUDGET = 0.10  # runs within 10 % of compute are one budget
_FEWEST = 4  # runs for a parabola
_BINS_A_DECADE = 4
_NEGLIGIBLE = 0.02
_BIAS_AT = 100.0  # times the largest budget


class Grouped(NamedTuple):
    """N_opt = k_N C^a from points (C, N), with bootstrap draws of (k_N, a) where asked.

    ``budgets`` and ``sizes`` are the points the line goes through.
    """

    prefactor: float
    exponent: float
    drawn: tuple[Array, Array] | None
    budgets: Array
    sizes: Array
    notes: tuple[Note, ...]
    labels: Array

    def bias_note(self, sample: Sample, law: Law) -> Iterator[Note]:
        """Measure the method's own error: the same parabolas through noise-free losses of the classical fit."""
        if law.role != "plan":
            return
        clean = law.loss(sample.params, sample.tokens)
        found = _vertices(sample, self.labels, np.log(clean), np.ones(len(sample)))
        if found is None:
            return
        prefactor, exponent = _line(*found)
        assert law.exponents is not None
        far = _BIAS_AT * float(sample.flops.max())
        off = prefactor * far**exponent / float(allocate(law, far).params) - 1
        a = law.exponents[0]
        if abs(off) < _NEGLIGIBLE:
            text = "the method's own bias, measured on noise-free losses of the classical fit, is negligible here"
            yield Note("isoflop-bias", "info", text)
            return
        text = (
            "the method's own bias: on noise-free losses of the classical fit, whose exponents are unequal, parabolas on these "
            f"sizes give a = {significant(exponent)} instead of {significant(a)}, and N {format_signed_percent(off, 0)} at "
            f"{format_flops(far)}"
        )
        yield Note("isoflop-bias", "warning" if abs(off) > 0.1 else "info", text)


def by_budget(sample: Sample, draws: int, rng: np.random.Generator, name: str) -> Grouped:
    """Fit a parabola of ln loss in ln N to the runs of each budget, and a line through the vertices (approach 2)."""
    labels = _budgets(sample)
    found = _vertices(sample, labels, sample.rows.target, sample.weight)
    if found is None:
        text = f"{name}: fewer than 2 budgets have a minimum inside their sizes; each needs {_FEWEST} runs of one compute"
        within = f"(within {format_percent(_SAME_BUDGET)}), some smaller and some larger than the best"
        raise FitError(f"{text} {within}. Use method forecast")
    budgets = len(set(labels[labels >= 0].tolist()))
    left = int((labels < 0).sum())
    notes = []
    if len(found[0]) < budgets or left:
        text = f"{len(found[0])} of {budgets} budgets have their minimum inside the sampled sizes and count"
        notes.append(Note("budgets-left-out", "info", f"{text}; {left} runs belong to no budget"))
    drawn = _drawn(sample, draws, rng, lambda weight: _vertices(sample, labels, sample.rows.target, weight))
    return Grouped(*_line(*found), drawn, *found, tuple(notes), labels)


def by_envelope(sample: Sample, draws: int, rng: np.random.Generator, name: str) -> Grouped:
    """Take the size of the lowest loss in each quarter decade of compute, and a line through them (approach 1)."""
    labels = np.floor(np.log10(sample.flops) * _BINS_A_DECADE).astype(int)
    labels -= labels.min()
    found = _lowest_of(sample, labels, sample.weight)
    if found is None:
        text = f"{name}: the lowest losses show fewer than 3 budgets or one size"
        raise FitError(f"{text}: approach 1 needs training curves of many sizes")
    drawn = _drawn(sample, draws, rng, lambda weight: _lowest_of(sample, labels, weight))
    text = "sizes on the envelope are those that were trained: a coarse grid of sizes makes a coarse line"
    return Grouped(*_line(*found), drawn, *found, (Note("envelope-grid", "info", text),), labels)


def _budgets(sample: Sample) -> Array:
    """Label rows by budget: runs whose compute lies within a tenth of the smallest of their group; -1 for too few."""
    order = np.argsort(sample.flops, kind="stable")
    labels = np.empty(len(sample), int)
    label, first = -1, 0.0
    for place in order:
        if label < 0 or sample.flops[place] > first * (1 + _SAME_BUDGET):
            label, first = label + 1, sample.flops[place]
        labels[place] = label
    count = np.bincount(labels)
    return np.where(count[labels] >= _FEWEST, labels, -1)


def _vertices(sample: Sample, labels: Array, log_loss: Array, weight: Array) -> tuple[Array, Array] | None:
    """Return (C, N) of the minima that lie inside the sizes of their budget; None where fewer than two do."""
    budgets, sizes = [], []
    log_N = np.log(sample.params)
    for label in np.unique(labels[labels >= 0]):
        here = (labels == label) & (weight > 0)
        x, y = log_N[here], log_loss[here]
        if len(np.unique(x)) < 3:
            continue
        center = x.mean()
        rows = np.stack([np.ones_like(x), x - center, (x - center) ** 2], 1)
        # far from the best size a parabola is a poor picture: rows count less the higher their loss
        root = np.sqrt(weight[here]) / (1 + (y - y.min()) / _CURVED)
        coefficients = np.linalg.lstsq(rows * root[:, None], y * root, rcond=None)[0]
        vertex = center - coefficients[1] / (2 * coefficients[2]) if coefficients[2] > 0 else np.inf
        if x.min() <= vertex <= x.max():
            budgets.append(np.median(sample.flops[here]))
            sizes.append(np.exp(vertex))
    return (np.array(budgets), np.array(sizes)) if len(budgets) >= 2 else None


_CURVED = 0.05  # in ln loss


def _lowest_of(sample: Sample, labels: Array, weight: Array) -> tuple[Array, Array] | None:
    budgets = [np.flatnonzero((labels == label) & (weight > 0)) for label in np.unique(labels)]
    best = [here[np.argmin(sample.loss[here])] for here in budgets if len(here)]
    sizes = sample.params[best]
    return (sample.flops[best], sizes) if len(best) >= 3 and len(np.unique(sizes)) >= 2 else None


def _line(budgets: Array, sizes: Array) -> tuple[float, float]:
    """Return prefactor and exponent of the least-squares line of ln N in ln C."""
    x, y = np.log(budgets), np.log(sizes)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    slope = min(max(slope, 1e-3), 1 - 1e-3)
    return float(np.exp(y.mean() - slope * x.mean())), slope


def _drawn(sample: Sample, draws: int, rng: np.random.Generator, find: Any) -> tuple[Array, Array] | None:
    """Resample the points' rows in blocks and find the line again."""
    if not draws:
        return None
    found = (find(counts * sample.weight) for counts in sample.resamples(draws, rng))
    lines = [_line(*points) for points in found if points is not None]
    if len(lines) < draws / 2:
        return None
    prefactors, exponents = np.array(lines).T
    return prefactors, exponents
