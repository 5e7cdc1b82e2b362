"""Teacher, train longer, or smaller: the law of distillation by hand, its capacity gap, equal compute, bad input."""

import json
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.errors import PlannerError
from planner.scaling_laws.forms.distillation import student_loss
from tests.conftest import Run

SIZES = st.floats(np.log10(1.43e8), np.log10(1.26e10)).map(lambda e: min(max(10.0**e, 1.43e8), 1.26e10))
LENGTHS = st.floats(9.5, np.log10(5.12e11)).map(lambda e: min(10.0**e, 5.12e11))


def _by_hand(N: float, D: float, teacher: float, supervised: float) -> float:
    """Return L_S in fifty digits, as Busbridge et al. 2025 print the law."""
    with mpmath.workdps(50):
        L_T, L = mpmath.mpf(teacher), mpmath.mpf(supervised)
        capacity = (2243 / mpmath.mpf(N) ** 0.321 + 24181 / mpmath.mpf(D) ** 0.637) ** 0.764
        broken = (1 + (L_T / (L * mpmath.mpf(1.315))) ** (1 / mpmath.mpf(0.090))) ** (-mpmath.mpf(522.6) * mpmath.mpf(0.090))
        return float(L_T + L_T ** (-mpmath.mpf(2.549)) * broken * capacity)


@given(SIZES, LENGTHS, st.floats(1.8, 4), st.floats(1.8, 4))
def test_the_law_is_the_printed_one(N: float, D: float, teacher: float, supervised: float) -> None:
    """Against fifty digits, for strong teachers and for ones so weak that (L_T/(L~ d_1))^(1/f_1) is huge."""
    law = planner.load_law("busbridge2025-distilled")
    assert student_loss(law.params, N, D, teacher, supervised) == pytest.approx(_by_hand(N, D, teacher, supervised), rel=1e-11)


@pytest.mark.parametrize(("teacher", "loss"), [("1.82B", 2.484), ("7.75B", 2.516)])
def test_the_capacity_gap_of_a_small_student(teacher: str, loss: float) -> None:
    """143 M on 512 B tokens: best taught by about 1.8 B at 20 tokens a parameter (2.484, alone 2.506); 7.75 B is worse (2.516)."""
    size = float(teacher[:-1]) * 1e9
    found = planner.distill("143M", "512B", teacher=size, teacher_tokens=20 * size, cost="free")
    assert found.taught.loss == pytest.approx(loss, abs=1e-3)
    assert found.alone == pytest.approx(2.5055, abs=1e-3)


@given(SIZES, LENGTHS, SIZES, st.sampled_from(["free", "served", "trained"]), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_compute_is_equal_and_the_best_teacher_is_best(N: float, D: float, teacher: float, cost: str, students: int) -> None:
    """What is spent is what the tokens alone cost; no teacher of the table gains more than the best; the gap is where it is said."""
    found = planner.distill(N, D, teacher=teacher, cost=cost, students=students if cost == "trained" else 1)
    law = planner.load_law("busbridge2025")
    for each in (found.taught, found.best, *found.others):
        assert 6 * N * each.alone_tokens == pytest.approx(each.flops, rel=1e-12)
        assert each.alone_loss == pytest.approx(law.loss(N, each.alone_tokens), rel=1e-12)
        assert each.gain <= found.best.gain + 2e-4  # sizes between those looked at
    taught = found.taught
    assert taught.teacher_tokens is not None
    logits, training = 2 * teacher * D, 6 * teacher * taught.teacher_tokens / students
    paid = {"free": 0.0, "served": logits, "trained": logits + training}[cost]
    assert taught.teacher_flops == pytest.approx(paid, rel=1e-12)
    distilled = planner.load_law("busbridge2025-distilled").params
    lowest = float(student_loss(distilled, N, D, found.best_teacher_loss, found.alone))
    for loss in np.linspace(law.loss(1.26e10, 5.12e11), 3, 200):
        assert lowest <= student_loss(distilled, N, D, loss, found.alone) + 1e-9


@given(SIZES, LENGTHS, SIZES, st.sampled_from(["served", "trained"]))
@settings(max_examples=30, deadline=None)
def test_from_some_tokens_on_training_alone_wins(N: float, D: float, teacher: float, cost: str) -> None:
    """Just below the crossing the teacher helps, just above it does not."""
    found = planner.distill(N, D, teacher=teacher, cost=cost)
    crossing, trained = found.alone_from, found.taught.teacher_tokens
    if not crossing or crossing < 2e9 or crossing > 5e11:
        return
    below, above = (
        planner.distill(N, crossing * factor, teacher=teacher, teacher_tokens=trained, cost=cost) for factor in (0.99, 1.01)
    )
    assert below.taught.gain > 0 > above.taught.gain


@given(SIZES, LENGTHS)
@settings(max_examples=20, deadline=None)
def test_what_the_same_compute_does_alone(N: float, D: float) -> None:
    """The best run alone is that of the supervised law; the smaller model reaches the taught loss, and spends as much."""
    found = planner.distill(N, D)
    assert found.chosen
    size, tokens, loss = found.optimum
    best = planner.allocate("busbridge2025", found.taught.flops)
    assert (size, tokens, loss) == pytest.approx((best.params, best.tokens, best.loss), rel=1e-9)
    if found.smaller is not None:
        small, longer = found.smaller
        assert small < N
        assert 6 * small * longer == pytest.approx(found.taught.flops, rel=1e-9)
        assert planner.load_law("busbridge2025").loss(small, longer) <= found.taught.loss * (1 + 1e-9)


def test_more_students_share_the_teacher() -> None:
    """The more students, the less each pays, and the more the best teacher gains; free gains most."""
    gains = [planner.distill("1B", "20B", cost="trained", students=count).best.gain for count in (1, 4, 16, 64)]
    assert gains == sorted(gains)
    assert planner.distill("1B", "20B", cost="free").best.gain > gains[-1]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"student": "100M"}, "143 M to 12.6 B"),
        ({"student": "20B"}, "143 M to 12.6 B"),
        ({"tokens": "1T"}, "1.00 B to 512 B"),
        ({"teacher": "70B"}, "143 M to 12.6 B"),
        ({"teacher": "7B", "teacher_tokens": "2T"}, "1.00 B to 512 B"),
        ({"teacher_tokens": "20B"}, "of which teacher"),
        ({"teacher_loss": 2.1}, "needs its teacher parameters"),
        ({"teacher_loss": 1.3, "cost": "free"}, "nats per token on its data"),
        ({"teacher_loss": 9, "cost": "free"}, "nats per token on its data"),
        ({"teacher": "7B", "teacher_loss": 2.1, "cost": "trained"}, "what its training took is not known"),
        ({"teacher": "7B", "teacher_loss": 2.1, "teacher_tokens": "1B"}, "say too much"),
        ({"students": 3}, "share the teacher's training"),
        ({"students": 0, "cost": "trained"}, "students"),
        ({"cost": "dear"}, "expected free, served, trained"),
        ({"student": "nan"}, "student"),
        ({"tokens": -5}, "tokens"),
        ({"teacher_loss": "inf", "cost": "free"}, "teacher_loss"),
    ],
)
def test_what_is_outside_the_study_is_one_line(asked: dict[str, Any], message: str) -> None:
    """The range is said, and what is missing."""
    with pytest.raises(PlannerError) as caught:
        planner.distill(**{"student": "1B", "tokens": "10B", **asked})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_says_the_verdict_first(run: Run) -> None:
    """Text, JSON and CSV agree; the verdict and the study stand in the text."""
    line = ["distill", "--student", "1B", "--tokens", "100B", "--teacher", "7B"]
    code, text, _ = run(*line)
    assert code == 0
    assert "train longer" in text
    assert "one study, on C4" in text
    found = planner.distill("1B", "100B", teacher="7B")
    content = json.loads(run(*line, "--format", "json")[1])
    assert content["taught"]["loss"] == found.taught.loss
    rows = run(*line, "--format", "csv")[1].splitlines()
    assert len(rows) == 1 + 2 + len(found.others)
    assert run(*line[:-1], "70B")[0] == 2
