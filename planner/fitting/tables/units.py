"""Whether the numbers of a table can be parameters, tokens, FLOP and losses, by the median over its rows.

The bounds are house conventions, wide enough for every table that ships: no model of language lies beyond them.
"""

from collections.abc import Callable, Mapping

import numpy as np

from planner._util.defaults import DEFAULT_LAW
from planner._util.stable_choice import lowest
from planner.errors import RunsFileError
from planner.fitting.tables.cells import Array
from planner.inputs.table_inputs import FLOPS_UNITS
from planner.notes import Note
from planner.quantities import format_count, plain, shown
from planner.scaling_laws.catalogue import load_law

FEWEST_PARAMS = 1e4
RATIOS = (0.05, 1e5)
"""Tokens per parameter."""
PER_TOKEN = (0.3, 60.0)
"""FLOP per parameter and token: 6, within what embeddings, attention, recomputation and experts at rest make of it."""
USUAL_PER_TOKEN = (3.05, 12.0)
LARGEST_LOSS = 12.0
"""Nats per token: guessing evenly among 160,000 entries of a vocabulary costs as much."""

_SCALES = {1e3: ("thousands", "1e3"), 1e6: ("millions", "1e6"), 1e9: ("billions", "1e9"), 1e12: ("trillions", "1e12")}
"""Scales that a column may be in, in words and as they are typed."""


def check_units(
    numbers: Mapping[str, Array], loss_unit: str, name: str, called: Mapping[str, str], *, flops: bool = True
) -> list[Note]:
    """Return notes on numbers that are odd: params, tokens, and flops and loss where they are known.

    Losses without a unit are taken to be in nats per token, and checked; ``called`` is what the table calls its quantities, empty
    where it is no file; ``flops`` tells whether compute is the table's own, and nothing was computed from it.

    Raises
    ------
    RunsFileError
        Numbers that cannot be what they are said to be, with the likely unit.
    """
    N, D = numbers["params"], numbers["tokens"]
    if not flops and called:
        _check_derived(N, D, name, called)
    if scales := _scales(N, D):
        named = " and ".join(f"{quantity} (median {plain(float(np.median(numbers[quantity])), 4)})" for quantity in scales)
        other = set(scales) == {"tokens"} and 1 < float(np.median(N / D)) < _USUAL_RATIO
        swapped = f"? Or are the two columns interchanged?{_swap(called)}" if other else "?"
        units = " and ".join(f"{quantity} in {_SCALES[scale][0]}" for quantity, scale in scales.items())
        raise RunsFileError(f"{name}: {named} cannot be of a model of language: {units}{swapped} Then {_remedy(scales, called)}")
    ratio = D / N
    odd, typical = (ratio < RATIOS[0]) | (ratio > RATIOS[1]), f"{plain(float(np.median(ratio)), 3)} in the median"
    if odd.mean() > 0.5 or np.median(ratio) < RATIOS[0]:
        raise RunsFileError(
            f"{name}: tokens per parameter are {typical}: expected {plain(RATIOS[0])} to {plain(RATIOS[1])}; are params and "
            f"tokens in one unit, and not interchanged?{_swap(called) if np.median(ratio) < 1 else ''}"
        )
    notes = []
    if np.median(ratio) < 1:
        text = f"tokens per parameter are {typical}: hardly any run has so few"
        notes.append(Note("ratios-low", "warning", f"{text}; are params and tokens interchanged?{_swap(called)}"))
    if flops and "flops" in numbers:
        each = numbers["flops"] / (N * D)
        notes += _check_flops(each, name, called) or _contradicting(each, N, D)
    if "loss" in numbers and not loss_unit and not np.isnan(numbers["loss"]).all():
        notes += _check_losses(N, D, numbers["loss"], name)
    return notes


def _swap(called: Mapping[str, str]) -> str:
    """Say how columns that were interchanged are read."""
    if not {"params", "tokens"} <= set(called):
        return ""
    return f' Then --columns "params={called["tokens"]},tokens={called["params"]}"'


def _check_derived(N: Array, D: Array, name: str, called: Mapping[str, str]) -> None:
    """Refuse what follows from compute in another unit than FLOP."""
    quantity = "tokens" if "tokens" not in called else "params"
    ratio = float(np.median(D / N))
    if RATIOS[0] <= ratio <= RATIOS[1] or "flops" not in called:
        return
    power = 1 if quantity == "tokens" else -1
    near = min(FLOPS_UNITS, key=lambda unit: (round(abs(np.log(ratio * FLOPS_UNITS[unit] ** power / 20)), 6), unit))
    typical = f"{plain(float(np.median(D if quantity == 'tokens' else N)), 3)} in the median"
    text = f"{name}: {quantity} that follow from {shown(called['flops'])} are {typical}"
    raise RunsFileError(f"{text}: is that column in {_spelt(near)}? Then `flops_unit` {near}")


_USUAL_RATIO = 2000.0
"""Tokens per parameter up to which two interchanged columns may be all that is wrong."""


def _scales(N: Array, D: Array) -> dict[str, float]:
    """Return which of parameters and tokens are in thousands, millions or more, and in which, by what models there are."""
    params, tokens = float(np.median(N)), float(np.median(D))
    found = {}
    if params < FEWEST_PARAMS:
        found["params"] = _likely(lambda scale: params * scale / 1e8)
        params *= found["params"]
    if np.mean(RATIOS[0] * (params / float(np.median(N))) > D / N) > 0.5:
        found["tokens"] = _likely(lambda scale: tokens * scale / params / 20)
    return found


def _likely(of: Callable[[float], float]) -> float:
    """Return the scale that brings a number nearest to 1."""
    return min(_SCALES, key=lambda scale: (round(abs(np.log(of(scale))), 6), scale))


def _remedy(scales: Mapping[str, float], called: Mapping[str, str]) -> str:
    if not called:
        return " and ".join(f"multiply {quantity} by {_SCALES[scale][1]}" for quantity, scale in scales.items())
    pairs = [f"{quantity}={called[quantity]}:{_SCALES[scale][1]}" for quantity, scale in scales.items() if quantity in called]
    return f'`columns` "{",".join(pairs)}"'


def _check_flops(per_token: Array, name: str, called: Mapping[str, str]) -> list[Note]:
    k = float(np.median(per_token))
    column = f" ({shown(called['flops'])})" if called.get("flops", "flops") != "flops" else ""
    text = f"flops{column}/(params x tokens) is {plain(k, 3)} in the median, where 6 is meant"
    if not PER_TOKEN[0] <= k <= PER_TOKEN[1]:
        near = [unit for unit, factor in FLOPS_UNITS.items() if PER_TOKEN[0] <= k * factor <= PER_TOKEN[1] and unit != "mac"]
        best = min(near, key=lambda unit: (round(abs(np.log(k * FLOPS_UNITS[unit] / 6)), 6), unit), default="")
        likely = "do they belong together, in base units? `columns` flops=none leaves that column out"
        if best and float(per_token.max() / per_token.min()) < _ONE_UNIT:
            likely = f"is that column in {_spelt(best)}? Then `flops_unit` {best}"
        raise RunsFileError(f"{name}: {text}: {likely}")
    if USUAL_PER_TOKEN[0] <= k <= USUAL_PER_TOKEN[1]:
        return []
    low = "multiplications counted once (--flops-unit mac), parameters at rest in a mixture of experts, or a forward pass alone?"
    high = "parameters without embeddings, attention over a long context, recomputation, or experts beside those counted?"
    return [Note("flops-odd", "warning", f"{text}: {low if k < USUAL_PER_TOKEN[0] else high}")]


def _contradicting(per_token: Array, N: Array, D: Array) -> list[Note]:
    """Warn of few runs whose compute for a parameter and token is far from that of all others: a number of theirs is wrong."""
    off = per_token / np.median(per_token)
    far = np.flatnonzero((off > _FAR_OFF) | (off < 1 / _FAR_OFF))
    if not 0 < len(far) <= max(1, _FEW * len(off)):
        return []
    worst = far[lowest(-np.abs(np.log(off[far])))]
    run = f"{format_count(float(N[worst]))} parameters on {format_count(float(D[worst]))} tokens"
    text = f"flops contradict params and tokens in {len(far)} of {len(off)} runs"
    spends = f"that of {run} spends {plain(off[worst], 3)} times what others do"
    return [Note("flops-contradict", "warning", f"{text}: {spends}; is one of its numbers wrong?")]


_FAR_OFF, _FEW = 2.0, 0.05
"""How far from the median FLOP/(params x tokens) contradict, and of how many runs at most: more are small models' attention."""

_ONE_UNIT = 100.0
"""Spread of flops/(params x tokens) within which a wrong unit may be all that is wrong."""


def _spelt(unit: str) -> str:
    return "PF-days" if unit == "pf-days" else unit.upper()


def _check_losses(N: Array, D: Array, loss: Array, name: str) -> list[Note]:
    seen = ~np.isnan(loss)
    typical = float(np.median(loss[seen]))
    remedy = "perplexities? Then `loss_unit` perplexity, which takes their logarithm; `loss_unit` NAME says what else they are"
    if typical > LARGEST_LOSS:
        raise RunsFileError(f"{name}: loss {plain(typical, 4)} in the median is no loss in nats per token: are they {remedy}")
    expected = load_law(DEFAULT_LAW).loss(N[seen], D[seen])
    above = float(np.median(loss[seen] / expected))
    if above > _FAR_ABOVE and float(np.median(np.abs(np.log(loss[seen]) / expected - 1))) < _NEAR:
        text = f"losses are {plain(above, 2)} times what such models reach, and their logarithms are about that"
        raise RunsFileError(f"{name}: {text}: are they {remedy}")
    if above < _FAR_BELOW:
        text = f"losses are {plain(above, 2)} times what language models of these sizes reach: parameters or tokens in thousands"
        why = "the two interchanged, or losses per character or byte? --loss-unit says the last"
        return [Note("losses-low", "warning", f"{text}, {why}")]
    return []


_FAR_ABOVE, _NEAR = 1.8, 0.25
_FAR_BELOW = 0.5
