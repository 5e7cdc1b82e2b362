"""Every law on one budget: who has a voice, what the middle is, who disagrees and why."""

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner._util.files import settings
from planner.errors import PlannerError
from planner.output import render
from planner.scaling_laws.catalogue import all_laws


def test_every_law_that_plans_is_there_once() -> None:
    """With what plan itself says of it."""
    found = planner.compare(flops=1e21)
    assert sorted(voice.answer.law.id for voice in found.voices) == sorted(law.id for law in all_laws() if law.role == "plan")
    for voice in found.voices:
        own = planner.plan(flops=1e21, law=voice.answer.law.id, others=())
        assert voice.answer.params == pytest.approx(own.params, rel=1e-9)
        assert voice.answer.tokens == pytest.approx(own.tokens, rel=1e-9)
        assert voice.params == pytest.approx(own.params_total or own.params, rel=1e-9)


def test_the_consensus_is_the_median_of_studies() -> None:
    """Worked out anew from the rows: the laws of a study are averaged first, so that no paper votes twice."""
    found = planner.compare(flops=1e21)
    studies: dict[str, list[float]] = {}
    for voice in found.voices:
        if not voice.silent:
            studies.setdefault(voice.study, []).append(math.log(voice.params))
    middle = sorted(sum(logs) / len(logs) for logs in studies.values())
    assert found.params.middle == pytest.approx(math.exp(float(np.median(middle))), rel=1e-12)
    assert (found.params.low, found.params.high) == pytest.approx((math.exp(middle[0]), math.exp(middle[-1])))
    assert set(found.studies) == set(studies)
    assert "Hoffmann et al. 2022" in studies
    assert len(studies["Hoffmann et al. 2022"]) == 2, "approaches 1 and 2; approach 3 contradicts them"


def test_who_disagrees_and_why() -> None:
    """Kaplan's laws, the flawed steps of Porian's argument, and mixtures: each with its reasons."""
    voices = {voice.answer.law.id: voice for voice in planner.compare(flops=1e23).voices}
    assert not voices["kaplan2020"].agrees
    assert voices["kaplan2020"].silent == "superseded method"
    assert {kind for kind, _ in voices["kaplan2020"].why} >= {"conventions", "method", "range", "data"}
    assert voices["porian2024-kaplan"].silent == "repeats a known flaw"
    assert voices["krajewski2024-moe"].silent == "mixture of experts"
    assert voices["hoffmann2022-approach3"].silent == "rounded constants"
    assert voices["llama3"].agrees
    assert not voices["llama3"].silent


@given(st.floats(17, 27))
def test_the_order_of_the_quartiles(decades: float) -> None:
    """Ends, quartiles and middle are in order; agreement is what the band says; voices come first, by size."""
    found = planner.compare(flops=10.0**decades)
    for spread in (found.params, found.tokens, found.loss):
        assert spread is None or list(spread) == sorted(spread)
    assert found.band[0] < 1 < found.band[1]
    for voice in found.voices:
        assert voice.ratio == pytest.approx(voice.params / found.params.middle)
        assert voice.agrees == (found.band[0] <= voice.ratio <= found.band[1])
    keys = [(bool(voice.silent), voice.params) for voice in found.voices]
    assert keys == sorted(keys)
    far = [note for note in found.notes if note.severity == "warning"]
    assert bool(far) == (not any(voice.silent.endswith("outside") for voice in found.voices) and decades > 22) or decades < 22


def test_few_laws_inside_their_runs_are_no_guess() -> None:
    """Two studies near their runs are fewer than three, and yet not extrapolated."""
    found = planner.compare(flops=1e21, laws="kaplan2020,llama3,besiroglu2024")
    assert [note.severity for note in found.notes] == ["info"] * len(found.notes)


def test_the_band_is_the_judges() -> None:
    """Its ends cost the judge exactly the tolerance."""
    found = planner.compare(flops=1e22, tolerance="5%")
    best = planner.plan(flops=1e22, others=())
    for end in found.band:
        N = end * best.params
        overhead = planner.check(params=N, tokens=1e22 / 6 / N).overhead
        assert overhead == pytest.approx(0.05, rel=1e-6)


def test_beyond_all_runs_it_warns_instead_of_refusing() -> None:
    """At 1e26 FLOP every law is extrapolated: all speak, and the note says that agreement is no evidence."""
    found = planner.compare(flops=1e26)
    assert [note.severity for note in found.notes if note.code == "extrapolation"] == ["warning"]
    assert len(found.studies) >= 6
    assert all(not voice.silent.endswith("outside") for voice in found.voices)


def test_reasons_stand_in_data_with_known_codes() -> None:
    """Every code that silences or explains is one that a law's file has."""
    codes = {note.code for law in all_laws() for note in law.notes} | {"loss-unit", "extrapolation", "params-convention"}
    for section in ("consensus.silent", "consensus.kinds"):
        assert set(settings("planning.toml", section)) <= codes, section


@pytest.mark.parametrize("fmt", ["table", "markdown", "csv", "json"])
def test_every_format(fmt: Any) -> None:
    """A line for each law; numbers in full in CSV and JSON."""
    found = planner.compare(flops=1e21)
    text = render(found, fmt)
    if fmt == "json":
        content = json.loads(text)
        assert content["params"]["middle"] == found.params.middle
        assert [voice["answer"]["law"]["id"] for voice in content["voices"]] == [voice.answer.law.id for voice in found.voices]
    elif fmt == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [float(row["params"]) for row in rows] == [voice.answer.params for voice in found.voices]
        assert [row["silent"] for row in rows] == [voice.silent for voice in found.voices]
    else:
        assert all(voice.answer.law.id in text.replace("\\", "") for voice in found.voices)
        assert "2.92 B" in text
        assert "superseded method" in text


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"flops": "lots"}, "expected a number of FLOPs"),
        ({"flops": 1e21, "laws": []}, "expected laws, each once"),
        ({"flops": 1e21, "laws": ["kaplan2020", "kaplan2020"]}, "expected laws, each once"),
        ({"flops": 1e21, "laws": ["nobody"]}, "not in the catalogue"),
        ({"flops": 1e21, "laws": ["clark2022-hash"]}, "clark2022-hash plans no runs"),
        ({"flops": 1e21, "laws": ["kaplan2020"]}, "a consensus needs two studies"),
        ({"flops": 1e21, "law": "llama3"}, "llama3 cannot judge other laws"),
        ({"flops": 1e21, "tolerance": 0}, "tolerance 0: must be above 0"),
    ],
)
def test_bad_questions_are_refused(asked: dict[str, Any], complaint: str) -> None:
    """One line that says what is required."""
    with pytest.raises(PlannerError, match=complaint):
        planner.compare(**asked)
