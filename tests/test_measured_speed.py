"""The other way round: tokens a second, or a run that is done, give the utilisation, and the days of other tokens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.errors import PlannerError


def _note(answer: Any) -> str:
    return str(next(note.text for note in answer.notes if note.code == "mfu-measured"))


def test_tokens_a_second_give_a_utilisation_and_days() -> None:
    """A 7B on H100 at 9,600 tokens/s a device is at about 45 %; 2 T tokens take 2e12/(9600 x 96) s on 96 of them."""
    asked: dict[str, Any] = {"shape": "llama2-7b", "tokens": "2T", "gpus": "96xH100"}
    for answer in (planner.plan(**asked, tokens_per_second=9600), planner.check(**asked, tokens_per_second="9.6k tokens/s/GPU")):
        assert answer.machine is not None
        assert answer.machine.mfu.expected == pytest.approx(0.45, abs=0.01)
        assert answer.cost is not None
        assert answer.cost.hours is not None
        assert answer.cost.hours.expected / 24 == pytest.approx(2e12 / (9600 * 96) / 86400)
        assert answer.inputs["tokens_per_second"] == "9600"
        assert "attention counted in full" in _note(answer)
        assert "with attention counted causally" in _note(answer)
    every = planner.plan(**asked, tokens_per_second="921600 in all")
    assert every.machine == planner.plan(**asked, tokens_per_second=9600).machine
    size = planner.check(params="6.7B", tokens="2T", gpus="96xH100", tokens_per_second=9600)
    assert size.machine is not None
    assert size.machine.mfu.expected == pytest.approx(9600 * 6 * 6.7e9 / 989e12)


def test_devices_days_and_tokens_give_a_utilisation() -> None:
    """70B on 16.384 M tokens in 13.5 hours on 16 A100: 2.8 %, not 45.5 %; time lost counts as overhead does elsewhere."""
    asked: dict[str, Any] = {"params": "70B", "tokens": "16.384M", "gpus": "16xA100", "days": "13.5h"}
    for answer in (planner.check(**asked), planner.plan(**asked)):
        assert answer.machine is not None
        assert answer.machine.mfu.expected == pytest.approx(0.0284, abs=1e-4)
        assert answer.cost is not None
        assert answer.cost.hours is not None
        assert answer.cost.hours.expected == pytest.approx(13.5)
    slower = planner.check(**asked, overhead=0.2)
    assert slower.machine is not None
    assert slower.machine.mfu.expected == pytest.approx(0.0284 * 1.2, abs=1e-4)
    assert slower.cost is not None
    assert slower.cost.hours is not None
    assert slower.cost.hours.expected == pytest.approx(13.5)
    timed = planner.check(params="70B", tokens="16.384M", gpus="16xA100 for 13.5h")
    assert timed.machine == planner.check(**asked).machine


def test_the_convention_of_attention_is_chosen_and_named() -> None:
    """Causally counted attention is half of that over the whole context, of layers with a window as they are; tokens stay."""
    asked: dict[str, Any] = {"shape": "llama3-8b", "tokens": "1T", "gpus": "8xH100", "tokens_per_second": 9000}
    full, causal = (planner.plan(**asked, attention_flops=kind) for kind in ("full", "causal"))
    half = 32 * 32 * 128 * 6 * 2 * (8192 - 8193 / 2) + 3 * 3 * 32 * 32 * (8192 - 8193 / 2)
    assert (full.flops - causal.flops) / 1e12 == pytest.approx(half)
    assert full.cost is not None
    assert causal.cost is not None
    assert full.cost.device_hours == pytest.approx(causal.cost.device_hours)
    assert "attention counted in full" in next(note.text for note in full.notes if note.code == "shape")
    assert "attention counted causally" in next(note.text for note in causal.notes if note.code == "shape")


@settings(max_examples=40, deadline=None)
@given(st.floats(100, 12_000), st.integers(1, 4096), st.sampled_from(["h100-sxm", "h200-sxm", "b200-sxm"]))
def test_a_speed_comes_back(speed: float, count: int, device: str) -> None:
    """What the utilisation takes of a run is what the speed takes, whatever model and devices; or the speed is above the best."""
    asked: dict[str, Any] = {"shape": "llama3-8b", "tokens": "1T", "gpus": f"{count}x{device}", "tokens_per_second": speed}
    found = planner.check(**asked)
    assert found.cost is not None
    assert found.cost.hours is not None
    assert found.cost.hours.expected == pytest.approx(1e12 / (speed * count) / 3600)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"shape": "llama2-7b", "tokens": "1T", "tokens_per_second": 9600}, "tokens_per_second 9600: on which device"),
        ({"flops": 1e22, "gpu": "h100", "tokens_per_second": 9600}, "tokens_per_second 9600: of which model"),
        (
            {"shape": "llama2-7b", "tokens": "1T", "gpu": "h100", "tokens_per_second": "9600 in all"},
            "tokens_per_second 9600 in all: of how many devices",
        ),
        (
            {"shape": "llama2-7b", "tokens": "1T", "gpu": "h100", "tokens_per_second": 9600, "mfu": 0.4},
            "and mfu together say too",
        ),
        ({"shape": "llama2-7b", "tokens": "1T", "gpu": "h100", "tokens_per_second": 99_999}, "is it of all devices"),
        (
            {"shape": "llama2-7b", "tokens": "1T", "gpus": "8xh100", "tokens_per_second": "2M in all"},
            "is it a device's",
        ),
        ({"shape": "llama2-7b", "tokens": "1T", "gpu": "h100", "tokens_per_second": 1}, "less than 0.0001 is a slip"),
        ({"shape": "llama2-7b", "tokens": "1T", "gpu": "h100", "tokens_per_second": "fast"}, "expected tokens per second of a"),
        ({"shape": "llama2-7b", "tokens": "1T", "attention_flops": "half"}, "expected one of full, causal"),
        ({"shape": "llama2-7b", "tokens": "1T", "attention_flops": "causal", "flops_rule": "6nd"}, "of the exact rule"),
        ({"params": "7B", "tokens": "1T", "attention_flops": "causal"}, "attention_flops needs a concrete model"),
    ],
    ids=str,
)
def test_a_speed_that_says_nothing_is_refused(asked: dict[str, Any], complaint: str) -> None:
    """By name, with what is missing."""
    with pytest.raises(PlannerError, match=complaint) as caught:
        planner.plan(**asked)
    assert "\n" not in str(caught.value)
