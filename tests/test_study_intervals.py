"""How sure a published law is: intervals by its covariance, and where other studies put the optimum."""

import json
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

import planner
from planner._util.files import settings
from planner._util.normal import normal_quantile
from planner.errors import LawFileError, PlannerError
from planner.planning.alternatives import spread, voices
from planner.scaling_laws.covariance import DRAWS
from planner.scaling_laws.law_file import law_from_table, law_to_table

LAW = planner.load_law("besiroglu2024")


@given(st.floats(1e-250, 1 - 1e-12))
def test_normal_quantiles(p: float) -> None:
    """Against SciPy, to 1e-12; odd about the middle."""
    assert normal_quantile(p) == pytest.approx(norm.ppf(p), rel=1e-12, abs=1e-13)


def test_draws_have_the_covariance_of_the_file() -> None:
    """The mean is the printed constant, of A and B in the logarithm; second moments are the matrix."""
    draws = LAW.draws
    assert draws is not None
    assert draws.covariance is not None
    columns = [
        np.log(np.asarray(draws.params[name.removeprefix("log ")])) - log(LAW.params[name.removeprefix("log ")])
        if name.startswith("log ")
        else np.asarray(draws.params[name]) - LAW.params[name]
        for name in draws.covariance.of
    ]
    assert len(draws) == DRAWS
    away = np.array(columns)
    assert away.mean(axis=1) == pytest.approx(np.zeros(5), abs=1e-3)
    assert away @ away.T / DRAWS == pytest.approx(np.array(draws.covariance.matrix), rel=1e-6, abs=1e-9)


def test_intervals_are_those_of_a_large_sample() -> None:
    """400,000 normal draws by NumPy give the same ends to 1 %; at 1e21 N 2.37 to 3.26 B, at 1e23 21 to 41 B, as the covariance's source says."""
    draws = LAW.draws
    assert draws is not None
    assert draws.covariance is not None
    middle = [LAW.params["E"], log(LAW.params["A"]), log(LAW.params["B"]), LAW.params["alpha"], LAW.params["beta"]]
    sample = np.random.default_rng(7).multivariate_normal(middle, np.array(draws.covariance.matrix), 400_000)
    _, log_a, log_b, alpha, beta = sample.T
    for flops, rounded in ((1e19, (0.249, 0.278)), (1e21, (2.37, 3.26)), (1e23, (21, 41)), (1e26, (550, 1830))):
        scale = (alpha * np.exp(log_a) / (beta * np.exp(log_b))) ** (1 / (alpha + beta))
        brute = np.quantile(scale * (flops / 6) ** (beta / (alpha + beta)), [0.025, 0.975])
        found = planner.size_interval(LAW, flops)
        assert found is not None
        assert found == pytest.approx(tuple(brute), rel=0.01)
        assert np.array(found) / 1e9 == pytest.approx(np.array(rounded), rel=0.02)


def test_a_plan_says_what_its_intervals_are() -> None:
    """Of that study, with its source, and the wider one of other studies; narrower levels lie inside wider ones."""
    found = [planner.plan(flops=1e21, level=level) for level in (0.5, 0.8, 0.95, 0.99)]
    for inner, outer in pairwise(found):
        assert inner.intervals is not None
        assert outer.intervals is not None
        for name in ("params", "tokens", "tokens_per_param", "loss", "run_loss"):
            low, high = getattr(inner.intervals, name)
            assert getattr(outer.intervals, name)[0] < low < high < getattr(outer.intervals, name)[1]
    (text,) = [note.text for note in found[0].notes if note.code == "study-interval"]
    assert "sampling error of that study" in text
    assert "another data set or recipe" in text
    one = found[2]
    assert one.intervals is not None
    assert one.intervals.params is not None
    assert one.other_studies is not None
    assert (
        one.other_studies.params[0] < one.intervals.params[0] < one.params < one.intervals.params[1] < one.other_studies.params[1]
    )
    assert one.to_dict()["other_studies"]["params"] == list(one.other_studies.params)
    swept = next(iter(planner.sweep(flops="1e21..1e22", points=2, level=0.95)))
    assert (swept["params_low"], swept["params_high"]) == pytest.approx(one.intervals.params)
    assert (swept["loss_low"], swept["loss_high"]) == pytest.approx(one.intervals.loss)
    assert "params_low" not in planner.sweep(flops="1e21..1e22", points=2).columns


def test_a_covariance_goes_through_a_file_and_is_refused_where_it_is_none(tmp_path: Path) -> None:
    """Written as it was read; what is no covariance of the law's constants is refused by name."""
    table = law_to_table(LAW)
    again = law_from_table(json.loads(json.dumps(table)), "again")
    assert again.draws is not None
    assert LAW.draws is not None
    assert again.draws.covariance == LAW.draws.covariance
    assert np.array_equal(np.asarray(again.draws.params["A"]), np.asarray(LAW.draws.params["A"]))
    good: dict[str, Any] = table["covariance"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"of": ["E", "log A", "log B", "alpha", "gamma"]}, "expected constants of the form additive"),
        ({"of": ["E", "A", "log A", "alpha", "beta"]}, "each once"),
        ({"matrix": good["matrix"][:4]}, "expected 5 rows of 5 numbers"),
        ({"matrix": [[*row[:4], "x"] for row in good["matrix"]]}, "expected 5 rows of 5 numbers"),
        (
            {"matrix": [[value + (i > j) * 1e-3 for j, value in enumerate(row)] for i, row in enumerate(good["matrix"])]},
            "symmetric",
        ),
        ({"matrix": [[-value for value in row] for row in good["matrix"]]}, "positive definite"),
        ({"matrix": [[100 * value for value in row] for row in good["matrix"]]}, "so wide that"),
        ({"of": ["log A"], "matrix": [[1e6]]}, "so wide that A"),
        ({"noise": -1}, "must be at least 0"),
        ({"more": 1}, "more"),
    ]
    for change, complaint in wrong:
        with pytest.raises(LawFileError, match=complaint):
            law_from_table({**table, "covariance": {**good, **change}}, "mine.json")
    with pytest.raises(LawFileError, match="give one"):
        law_from_table({**table, "draws": {}}, "mine.json")


def test_every_dense_law_that_plans_has_a_voice_or_a_reason() -> None:
    """One voice a data set; laws of other models are named with what they are of."""
    section = settings("planning.toml", "studies")
    heard = [law for laws in section["voices"].values() for law in laws]
    assert len(heard) == len(set(heard))
    planning = {law.id for law in planner.laws() if law.role == "plan"}
    assert set(heard) | set(section["without"]) == planning
    assert not set(heard) & set(section["without"])
    mixtures = {law.id for law in planner.laws() if law.role == "plan" and law.form.active is not None}
    assert mixtures <= set(section["without"])


def test_the_rest_cover_a_study_that_is_left_out() -> None:
    """A study at a budget, 1e19 to 1e24: 90 % intervals of the others hold 80 to 100 % of them, and 80 % intervals 70 to 90 %."""
    for level, least, most in ((0.9, 0.8, 1.0), (0.8, 0.7, 0.9)):
        inside = []
        for flops in 10.0 ** np.arange(19, 24.5, 0.5):
            heard = voices(flops)
            for name, own in heard.items():
                low, high = spread({other: value for other, value in heard.items() if other != name}, level)
                inside.append(log(low) <= own <= log(high))
        assert least <= np.mean(inside) <= most, level


@given(st.lists(st.floats(15, 30), min_size=3, max_size=12, unique=True), st.floats(0.2, 0.99))
def test_the_spread_is_a_prediction_interval(logs: list[float], level: float) -> None:
    """Mean and Student's t of one more value, by SciPy."""
    low, high = spread({str(place): value for place, value in enumerate(logs)}, level)
    half = t.ppf((1 + level) / 2, len(logs) - 1) * np.std(logs, ddof=1) * (1 + 1 / len(logs)) ** 0.5
    assert (log(low), log(high)) == pytest.approx((np.mean(logs) - half, np.mean(logs) + half), rel=1e-9)


def test_other_studies_stand_beside_plain_questions_only() -> None:
    """Not beside limits, data at hand, serving, a shape, a mixture, a loss asked for; embeddings counted as the law does."""
    assert planner.plan(flops=1e21).other_studies is not None
    asked: list[dict[str, Any]] = [
        {"params": "3B"},
        {"unique_tokens": "1B"},
        {"inference_tokens": "1T"},
        {"precision": "fp8"},
        {"exponents": (0.5, 0.5)},
        {"law": "krajewski2024-moe", "experts": 64, "granularity": 4},
    ]
    for each in asked:
        assert planner.plan(flops=1e21, **each).other_studies is None, each
    assert planner.plan(loss=2.3).other_studies is None
    assert planner.plan(flops=1_234_567).other_studies is None, "a study's run would be no run"
    whole, bare = (planner.plan(flops=1e19, law=law).other_studies for law in ("besiroglu2024", "krajewski2024-dense"))
    assert whole is not None
    assert bare is not None
    assert bare.params[0] < whole.params[0]
    assert whole.tokens == pytest.approx((1e19 / 6 / whole.params[1], 1e19 / 6 / whole.params[0]))
    with pytest.raises(PlannerError):
        planner.plan(flops=1e21, level=2)


def test_the_covariance_in_the_docs_is_one(tmp_path: Path) -> None:
    """The example of a law file's page gives its law intervals, and ``plan`` repeats what they are."""
    text = (Path(__file__).parent.parent / "docs" / "how-to" / "law-file.md").read_text(encoding="utf-8")
    law, covariance = (block.partition("```")[0] for block in text.split("```toml\n")[1:3])
    path = tmp_path / "my-law.toml"
    path.write_text(law + covariance, encoding="utf-8")
    found = planner.plan(flops=1e20, law=path)
    assert found.intervals is not None
    assert found.intervals.params is not None
    assert found.intervals.params[0] < found.params < found.intervals.params[1]
    assert any("1,000 resamples of its runs" in note.text for note in found.notes)
