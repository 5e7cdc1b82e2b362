"""From when on repeating data does harm: an over-fitting penalty on the loss of runs that repeat it.

Fitted to few passes and asked for more it misses less than the decay that plans rest on (``benchmarks/repetition.py``), but it is
no worth of tokens, which a plan needs: it says where passes turn to harm, and nothing else.
"""

import numpy as np

from planner._util.files import settings
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law

_MOST = 1e4
_STEPS = 2001


def penalty(params: Num, tokens: Num, unique: Num, scale: float | None = None) -> Num:
    """Return what repeating adds to the loss of as many fresh tokens [nats/token]: c sqrt((D/U - 1) N/U), c being ``scale``."""
    c = settings("planning.toml", "overfitting")["scale"] if scale is None else scale
    return c * np.sqrt(np.maximum(tokens / unique - 1, 0) * params / unique)


def many_harmful_from(law: Law, params: Num, unique: float) -> Num:
    """Return :func:`harmful_from` of many sizes, between a few of which it is interpolated; infinite where nothing is said."""
    sizes = np.geomspace(np.nanmin(params), np.nanmax(params), _SIZES)
    found = [harmful_from(law, float(size), unique) or _MOST for size in sizes]
    passes = np.exp(np.interp(np.log(params), np.log(sizes), np.log(found)))
    return np.where(passes < _MOST * (1 - 1e-9), passes, np.inf)


_SIZES = 16
"""Sizes, evenly in the logarithm, at which many are computed."""


def dense_in_nats(law: Law) -> bool:
    """Tell whether a law has a loss surface of its own, of dense models and in nats per token."""
    return law.form.active is None and law.surface_law is law and law.conventions.loss_unit == "nats/token"


def beyond_runs(params: float, unique: float) -> float:
    """Return the largest factor by which a model or its data leave the runs that the penalty was fitted on; 1 inside."""
    section = settings("planning.toml", "overfitting")
    ends = ((params, section["params"]), (unique, section["unique"]))
    return float(max(1.0, *(max(low / value, value / high) for value, (low, high) in ends)))


def harmful_from(law: Law, params: float, unique: float) -> float | None:
    """Return the passes over so many unique tokens from which on further ones raise the loss of a model, to a fiftieth.

    1 where no second pass helps; None under a law whose loss is not in nats a token, or where ten thousand passes still help.
    """
    if not dense_in_nats(law):
        return None
    passes = np.geomspace(1.0, _MOST, _STEPS)
    loss = law.loss(params, unique * passes) + penalty(params, unique * passes, unique)
    lowest = int(np.argmin(np.round(loss, 12)))
    return float(passes[lowest]) if lowest < _STEPS - 1 else None
