"""From when on repeating data does harm: the penalty against the runs it was fitted to, and what a plan says of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner._util.files import settings
from planner.planning.overfitting import beyond_runs, harmful_from, penalty
from tests.repeated_runs import study

LAW = planner.load_law("muennighoff2023")


def test_the_penalty_foretells_more_passes_better_than_the_decay() -> None:
    """Fitted to few passes and asked for more, in the median and in the mean; its constant is the one that ships."""
    found = study()
    assert len(found.loss) == 247
    for most in (8.0, 30.0):
        decay, over = (found.errors(name, most) for name in ("decay", "penalty"))
        assert np.median(over) < np.median(decay)
        assert over.mean() < decay.mean()
    scale = float(np.exp(found.fitted("penalty", np.inf)[0]))
    assert scale == pytest.approx(settings("planning.toml", "overfitting")["scale"], rel=2e-3)


def test_harm_begins_where_losses_turned() -> None:
    """Series of runs that differ in passes alone: the passes of the lowest loss, within a factor of 3, of half within 1.6."""
    found = study()
    N, D, U = found.runs
    factors = []
    for size, unique in {(round(n, -6), u) for n, u in zip(N, U, strict=True)}:
        series = (np.round(N, -6) == size) & (unique == U)
        passes, loss = D[series] / unique, found.loss[series]
        best = int(np.argmin(loss))
        if len(passes) < 5 or passes[best] == passes.min() or loss[passes > passes[best]].max(initial=0.0) < 1.01 * loss[best]:
            continue  # the lowest loss is at an end, or nothing rises beyond it: where it turns was not seen
        said = harmful_from(LAW, float(N[series][0]), float(unique))
        assert said is not None
        factors.append(abs(np.log(said / passes[best])))
    assert len(factors) >= 6
    assert max(factors) < np.log(3)
    assert np.median(factors) < np.log(1.6)


@given(st.floats(1e7, 1e11), st.floats(1e8, 1e12), st.floats(1.0, 1e3))
def test_the_penalty_grows_with_passes_and_size(params: float, unique: float, passes: float) -> None:
    """Nothing for tokens seen once, more for larger models, less for more different tokens at as many passes."""
    assert penalty(params, unique, unique) == 0
    here = float(penalty(params, unique * passes, unique))
    assert here <= float(penalty(params, unique * passes * 1.1, unique))
    assert here <= float(penalty(2 * params, unique * passes, unique))
    assert here >= float(penalty(params, 2 * unique * passes, 2 * unique)) * (1 - 1e-12)
    assert beyond_runs(params, unique) >= 1


def test_a_plan_warns_where_its_passes_do_harm() -> None:
    """Beyond them a warning, near them a word, else nothing; other laws than of nats a token say nothing."""
    many, few = (planner.plan(flops=flops, unique_tokens="1B") for flops in (1e21, 1e19))
    assert many.data is not None
    assert many.data.harmful_from is not None
    assert many.data.epochs > many.data.harmful_from
    (note,) = [note for note in many.notes if note.code == "overfitting"]
    assert note.severity == "warning"
    assert "further ones raise the loss" in note.text
    assert not [note for note in few.notes if note.code == "overfitting"]
    swept = planner.sweep(flops="1e19..1e23", points=3, unique_tokens="1B")
    (_, counts), *_ = swept.blocks()
    (note,) = [note for note in swept.remarks(counts) if note.code == "overfitting"]
    assert note.text.startswith("2 of 3 rows repeat their tokens so often")
    judged = planner.check(params=many.params, tokens=many.tokens, unique_tokens="1B")
    assert [note for note in judged.notes if note.code == "overfitting"]
    lowest = many.data.harmful_from
    law, N = many.law, many.params

    def loss(passes: float) -> float:
        return float(law.loss(N, 1e9 * passes) + penalty(N, 1e9 * passes, 1e9))

    assert loss(lowest) <= min(loss(lowest * 0.9), loss(lowest * 1.1))
    assert harmful_from(planner.load_law("minicpm2024"), 1e9, 1e9) is None
    assert harmful_from(law, 5e11, 5e10) == 1  # of a model far too large for its tokens no second pass helps
    assert "any second pass" in next(
        n.text for n in planner.plan(flops=1e26, unique_tokens="50B").notes if n.code == "overfitting"
    )
