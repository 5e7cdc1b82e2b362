"""Which form do the runs support? Compared by the error on larger runs kept aside, and by an information criterion."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from planner._util.stable_choice import first_lowest
from planner.errors import FitError
from planner.fitting.classical import SHAPES, Model, Shape, minimise
from planner.fitting.generalised_law import parts
from planner.fitting.results import Candidate
from planner.fitting.sample import Sample
from planner.notes import Note
from planner.quantities import format_percent

_KEPT_ASIDE = 4.0  # held out: runs with C > C_max / 4
_FEWEST_ASIDE = 3

_SUPPORTED = 0.1
"""Weight below which the information criterion speaks against a form, whatever its held-out error: a house convention."""

_SURE = 0.5
"""Weight from which a form is called sure, if no other comes within a tenth of its held-out error: a house convention."""

_CLOSE = 1.1


def choose_form(sample: Sample, model: Model, spread: Any) -> tuple[Shape, tuple[Candidate, ...], str, tuple[Note, ...]]:
    """Return the form with the lowest held-out error among those that the information criterion supports.

    Beside it what it was compared with, how it was chosen, and what to say where that is not sure.

    Held out are the runs with more than a quarter of the largest compute; where fewer than three are left on either side, the
    criterion decides. Its weights say how sure the choice is among the forms fitted to all runs.
    """
    free = set(model.limits.fixed) | set(model.limits.bounds)
    shapes = [shape for shape in SHAPES if not (free and shape not in {"additive", "generalised"})]
    judged = spread(partial(_judge, sample, model), shapes)
    usable = [found for found in judged if found is not None]
    if not usable:
        raise FitError("no form can be fitted: too few runs for any of them")
    information = np.array([found.information for found in usable])
    weights = np.exp(-0.5 * (information - information.min()))
    weights = weights / weights.sum()
    candidates = tuple(found._replace(weight=float(weight)) for found, weight in zip(usable, weights, strict=True))
    of_sizes = [c for c in candidates if c.form != "compute"] or list(candidates)
    heaviest = first_lowest(of_sizes, lambda c: c.information)
    supported = [c for c in of_sizes if c.held_out is not None and c.weight >= _SUPPORTED * heaviest.weight]
    best, how = heaviest, "the largest weight was taken"
    if supported:
        best = first_lowest(supported, lambda c: c.held_out)
        how = "the lowest error among forms with a tenth of the largest weight was taken"
    return best.form, candidates, how, tuple(_unsure(best, of_sizes))


def _unsure(best: Candidate, others: Sequence[Candidate]) -> Iterator[Note]:
    """Say where the runs do not decide the form."""
    near = [c for c in others if best.held_out is None or (c.held_out is not None and c.held_out <= _CLOSE * best.held_out)]
    rivals = [c for c in near if c is not best and c.weight >= _SUPPORTED]
    if best.weight >= _SURE and not rivals:
        return
    told = [best, *(rivals or [first_lowest([c for c in others if c is not best], lambda c: c.information)])]
    errors = ["" if c.held_out is None else f" and {format_percent(c.held_out)}" for c in told]
    listed = ", ".join(f"{c.form} {format_percent(c.weight)}{error}" for c, error in zip(told, errors, strict=True))
    text = f"these runs do not decide the form (weight, held-out error: {listed}): read the constants as one of several"
    yield Note("form-unsure", "warning", text)


def _judge(sample: Sample, model: Model, shape: Shape) -> Candidate | None:
    """Return what a form makes of the runs, its weight still to be found; None where they are too few for it."""
    tried = replace(model, shape=shape)
    n = len(sample)
    if n <= tried.free + 1:
        return None
    with np.errstate(all="ignore"):
        theta = minimise(sample, tried).theta
        scale = max(float(np.abs(_residuals(sample, sample, theta, shape)).mean()), 1e-6)
        # Laplace likelihood, to which the robust loss belongs; corrected for few rows
        criterion = (
            2 * n * np.log(2 * scale) + 2 * n + 2 * tried.free + 2 * tried.free * (tried.free + 1) / max(n - tried.free - 1, 1)
        )
        return Candidate(shape, tried.free, _held_out(sample, tried), float(criterion), 0.0)


def _held_out(sample: Sample, model: Model) -> float | None:
    small = sample.flops <= sample.flops.max() / _KEPT_ASIDE
    fewest = model.free + 2
    if small.sum() < fewest or (~small).sum() < _FEWEST_ASIDE or len(np.unique(sample.params[small])) < 3:
        return None
    train, test = sample.take(small), sample.take(~small)
    return float(np.abs(np.expm1(_residuals(train, test, minimise(train, model).theta, model.shape))).mean())


def _residuals(train: Sample, test: Sample, theta: Any, shape: Shape) -> Any:
    x, y = np.log(test.params) - train.center[0], np.log(test.tokens) - train.center[1]
    if shape == "compute":
        x, y = np.log(test.flops) - np.log(train.flops).mean(), 0 * y
    return parts(theta[None], x, y, additive=shape not in {"generalised", "kaplan"}).log_loss[0] - np.log(test.loss)
