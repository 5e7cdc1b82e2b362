"""How fast a model trains: the forecast against published steps, its intervals, what it refuses, and how its parts add up."""

import json
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner._util.files import settings as numbers
from planner.architectures.measured_steps import grouped, measured_steps, nearest
from planner.architectures.parallelism import factor_of
from planner.architectures.step_time import FILE, work_of
from planner.errors import PlannerError
from planner.inputs.proposed_speed import whole_run
from tests.conftest import Run

ROWS = measured_steps()
DENSE, WIDE = (numbers(FILE, "intervals")[kind] for kind in ("dense", "wide"))


def test_the_rows_may_be_shipped() -> None:
    """Each with source, place, licence and a measured step; none under a share-alike licence, none typed from memory."""
    assert len(ROWS) == 2055
    for row in ROWS:
        assert row["source"]
        assert row["locator"]
        assert row["licence"] in {"MIT", "Apache-2.0", "BSD-3-Clause", "BSD-3-Clause-like (NVIDIA)", "paper; Apache-2.0 repo"}
        assert "from memory" not in row["locator"] + row["notes"]
        assert row["step_time_s"] > 0
        assert row["devices"] == row["tp"] * row["pp"] * row["dp"] * row["cp"]


def test_the_forecast_holds_on_its_own_rows() -> None:
    """A constant utilisation of 37.5 % misses by 40 % in the median; the model by under 12, of dense models and their tail by 25."""
    error = np.full(len(ROWS), np.nan)
    for group in grouped(ROWS):
        error[group.places] = np.log([ROWS[place]["step_time_s"] for place in group.places] / group.forecast().total)
    assert np.isfinite(error).all()
    dense = np.array([row["experts"] <= 1 and row["params"] >= 1e9 for row in ROWS])
    assert np.median(np.abs(error[dense])) < 0.12
    sources = np.array([row["source"] for row in ROWS])
    medians = [np.median(np.abs(error[dense & (sources == source)])) for source in np.unique(sources[dense])]
    assert np.median(medians) < 0.12


@pytest.mark.calibration
def test_the_forecast_holds_on_sources_left_out() -> None:
    """Constants fitted without a source are asked for it; those fitted on at most 512 devices for more (benchmarks/throughput.py)."""
    from tests import step_fit as bench

    dense = ~bench.MIXTURE & bench.LARGE
    apart = bench.left_out(bench.SOURCES)
    middle, tail = bench.quantiles(apart, dense)
    assert middle <= 0.13
    assert tail <= 0.33
    middle, tail = bench.quantiles(apart, bench.MIXTURE)
    assert middle <= 0.30
    assert tail <= 0.74
    for level, least, most in ((0.8, 0.75, 0.85), (0.95, 0.90, 0.98)):
        factor = log(factor_of(level, DENSE))
        each = [np.mean(np.abs(apart[dense & (source == bench.SOURCES)]) <= factor) for source in np.unique(bench.SOURCES[dense])]
        assert least <= np.mean(each) <= most
    small = bench.COUNTS <= 512
    middle, tail = bench.quantiles(bench.errors(bench.fit(small)), ~small & ~bench.MIXTURE)
    assert middle <= 0.10
    assert tail <= 0.40


@pytest.mark.calibration
def test_the_shipped_constants_are_the_fit() -> None:
    """What data/throughput.toml has is what the benchmark fits to the rows, to the digits written."""
    from tests import step_fit as bench

    fitted = bench.fit(np.ones(len(ROWS), bool))
    known = numbers(FILE, "constants")
    for name in numbers(FILE, "prior"):
        assert fitted[name] == pytest.approx(known[name], rel=0.02), name


def test_an_answer_holds_together() -> None:
    """Tokens, seconds and devices agree; the level widens the interval; JSON has it all."""
    found = planner.throughput(shape="llama3-8b", gpus="64xH100", batch=4 * 2**20)
    assert found.batch == 4 * 2**20
    assert found.tokens_per_second * found.step_time == pytest.approx(found.batch)
    assert found.tokens_per_second_per_device == pytest.approx(found.tokens_per_second / 64)
    each = found.shape.flops_per_token("exact", found.shape.active)
    assert found.mfu_full_attention == pytest.approx(found.tokens_per_second_per_device * each / 989e12)
    assert found.mfu < found.mfu_full_attention
    assert found.limited_by == "products"
    for name, (low, high) in found.intervals.items():
        assert low < getattr(found, name) < high
    narrow = planner.throughput(shape="llama3-8b", gpus="64xH100", batch=4 * 2**20, level=0.8)
    assert narrow.intervals["step_time"][1] / narrow.step_time == pytest.approx(1.25)
    assert found.intervals["step_time"][1] / found.step_time == pytest.approx(1.5)
    mixture = planner.throughput(shape="mixtral-8x7b,context=4096", gpus="64xH100")
    assert mixture.intervals["step_time"][1] / mixture.step_time == pytest.approx(2.3)
    assert {each.device for each in found.nearest} <= {"h100-sxm", "h200-sxm", "h800"}
    assert json.loads(json.dumps(found.to_dict()))["intervals"]["mfu"]
    older = planner.throughput(shape="llama3-8b", gpus="64xH100", batch=4 * 2**20, year=2023)
    assert older.step_time > found.step_time
    assert planner.throughput(shape="llama3-8b", gpus="64xH100", software="fsdp").software == "fsdp"


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 0.99), st.floats(0.5, 0.99), st.booleans())
def test_intervals_widen_with_their_level(one: float, other: float, wide: bool) -> None:
    """A higher level is never narrower, the measured ones are as measured, and mixtures are wider."""
    low, high = sorted((one, other))
    kind = WIDE if wide else DENSE
    assert 1 < factor_of(low, kind) <= factor_of(high, kind)
    assert factor_of(low, DENSE) < factor_of(low, WIDE)
    assert factor_of(0.95, DENSE) == pytest.approx(1.5)


def test_a_published_row_is_its_own_nearest() -> None:
    """Rows beside an answer are those of the same kind of device and size."""
    found = planner.throughput(shape="llama3-8b", gpus="8xH100")
    models = [each.model for each in found.nearest]
    assert "llama3-8b" in models
    mixed = nearest(work_of(planner.models("deepseek-v3")[0].shape), found.layout, found.machine.parts[0].device)
    assert all("deepseek" in each.model or "kimi" in each.model or "qwen" in each.model for each in mixed)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"gpus": "64xH100"}, "shape: of which model"),
        ({"shape": "llama3-8b"}, "gpus: on how many devices"),
        ({"shape": "llama3-8b", "gpu": "h100"}, "gpus: on how many devices"),
        ({"shape": "llama3-8b", "gpus": "8xL40S"}, "l40s: its links are not known"),
        ({"shape": "llama3-8b", "gpus": "8xH100+8xA100"}, "a mixed fleet"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "tensor": 16}, "tensor 16 is wider than the 8 devices of a fast domain"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "tensor": 8, "pipeline": 3}, "64 devices are no multiple of 24"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "offload": True}, "the optimizer is offloaded"),
        ({"shape": "llama3-8b,context=512", "gpus": "64xH100", "micro_batch": 1}, "512 tokens at once, fewer than the 1,000"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "batch": 8192 * 9, "tensor": 1, "pipeline": 1}, "splits it evenly over 64"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "year": 1999}, "expected 2,019 to 2,035|expected 2019 to 2035"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "software": "jax"}, "expected one of megatron, fsdp, xla, old"),
        ({"shape": "llama3-8b", "gpus": "64xH100", "dtype": "fp4"}, "expected one of bf16, fp16, fp8"),
    ],
    ids=str,
)
def test_what_nothing_was_measured_of_is_refused(asked: dict[str, Any], complaint: str) -> None:
    """By name, with the reason."""
    with pytest.raises(PlannerError, match=complaint) as caught:
        planner.throughput(**asked)
    assert "\n" not in str(caught.value)


def test_devices_of_ones_own_may_have_links(tmp_path: Any) -> None:
    """A file may give an H100 other links: slower ones between domains make many devices slower, few as fast."""
    own = tmp_path / "ours.toml"
    lines = ['id = "h100-sxm"', 'name = "ours"', "peak_tflops = { bf16 = 989, fp8 = 1979 }", "memory_gb = 80"]
    lines += ["memory_bandwidth_tb_s = 3.35", "links = { inside_gb_s = 450, between_gb_s = 5, domain = 8 }"]
    own.write_text("[[accelerator]]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    asked: dict[str, Any] = {
        "shape": "llama3-8b",
        "batch": 2**23,
        "zero": 3,
        "tensor": 1,
        "pipeline": 1,
        "micro_batch": 1,
        "recompute": "full",
    }
    few, many = (dict[str, Any](gpus=f"{count}xh100-sxm") for count in (8, 512))
    assert planner.throughput(**asked, **few, gpu_file=own).step_time == pytest.approx(
        planner.throughput(**asked, **few).step_time, rel=1e-9
    )
    assert planner.throughput(**asked, **many, gpu_file=own).step_time > 1.5 * planner.throughput(**asked, **many).step_time


def test_a_plan_of_a_known_model_rests_on_the_forecast() -> None:
    """A shape on counted devices: the forecast of the layout that configure takes, with its range; one's own utilisation overrides;
    a number that is open, or a device that nothing is known of, keeps the published median.
    """
    asked: dict[str, Any] = {"shape": "llama2-7b", "tokens": "2T", "gpus": "64xH100"}
    planned, judged, laid = planner.plan(**asked), planner.check(**asked), planner.configure(**asked)
    assert planned.machine is not None
    assert laid.fits[0].speed is not None
    assert planned.machine.mfu == pytest.approx(whole_run(laid.fits[0].speed.mfu_full_attention))
    slower = numbers(FILE, "whole_runs")["slower"]
    assert planned.machine.mfu.expected == pytest.approx(laid.fits[0].speed.mfu_full_attention.expected / slower)
    assert judged.machine == planned.machine
    assert laid.machine is not None
    assert laid.machine.mfu == pytest.approx(planned.machine.mfu)
    assert planned.cost is not None
    assert planned.cost.hours is not None
    seconds = (
        laid.fits[0].speed.step_time.expected
        * 2e12
        / (laid.fits[0].speed.tokens_per_second.expected * laid.fits[0].speed.step_time.expected)
    )
    assert planned.cost.hours.expected * 3600 == pytest.approx(seconds * slower)
    text = next(note.text for note in planned.notes if note.code == "mfu-forecast")
    assert "the median of published runs is 37.5 %" in text
    days = planner.plan(shape="llama2-7b", gpus="64xH100", days=30)
    assert days.funded is not None
    assert days.funded.flops.low < days.flops < days.funded.flops.high
    assert planner.plan(**asked, mfu=0.4).machine.mfu.expected == 0.4  # type: ignore[union-attr]  # devices are named
    for other in ({"gpus": "64xL40S"}, {"gpu": "h100"}):
        kept = planner.plan(shape="llama2-7b", tokens="2T", **other)  # type: ignore[arg-type]  # keywords by name
        assert kept.machine is not None
        assert kept.machine.mfu.expected == 0.375
    causal = planner.plan(**asked, attention_flops="causal")
    assert causal.cost is not None
    assert causal.cost.device_hours.expected == pytest.approx(planned.cost.device_hours.expected)
    swept = planner.sweep(shape="llama2-7b", tokens="2T", gpus="32..64xH100", points=2)
    assert list(swept)[-1]["device_hours"] == pytest.approx(planned.cost.device_hours.expected)


def test_more_devices_stop_paying() -> None:
    """The same batch on twice the devices is never more than twice as fast; the last number that pays is where 1.5 times ends."""
    found = planner.scaling(shape="llama3-8b", gpus="64..8192xH100", batch="4M")
    assert [row.devices for row in found.rows] == [64 * 2**i for i in range(8)]
    speeds = [row.throughput.tokens_per_second for row in found.rows if row.throughput]
    gains = [after / before for before, after in pairwise(speeds)]
    assert len(gains) == 7
    assert all(gain < 2.05 for gain in gains)
    paying = next((i for i, gain in enumerate(gains) if gain < 1.5), len(gains))
    assert found.pays_to == found.rows[paying].devices
    for row in found.rows:
        assert row.throughput is not None
        assert row.throughput.batch == pytest.approx(4e6, rel=0.05)
        assert row.efficiency == pytest.approx(row.throughput.tokens_per_second * 64 / (speeds[0] * row.devices))
    one = planner.throughput(shape="llama3-8b", gpus="256xH100", batch="4M")
    assert found.rows[2].throughput is not None
    assert found.rows[2].throughput.tokens_per_second == one.tokens_per_second
    odd = planner.scaling(shape="llama3-8b", gpus="64..200xH100", batch="4M")
    assert [row.devices for row in odd.rows] == [64, 128, 200]


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"gpus": "64xH100"}, "expected a range of devices"),
        ({"gpus": "64..32xH100"}, "gpus"),
        ({"gpus": "64..128xL40S"}, "nothing can be forecast on any of these; on 64: l40s: its links are not known"),
    ],
    ids=str,
)
def test_bad_ranges_of_devices_are_refused(asked: dict[str, Any], complaint: str) -> None:
    """One line."""
    with pytest.raises(PlannerError, match=complaint):
        planner.scaling(shape="llama3-8b", **asked)


def test_a_step_of_ones_own_corrects_and_narrows(tmp_path: Any) -> None:
    """Three quarters of its logarithm are taken off, at its own run and, through a file, at others of the kind; never a mixture's."""
    asked: dict[str, Any] = {"shape": "llama3-8b", "gpus": "8xH100", "batch": 2**20}
    plainly = planner.throughput(**asked)
    seen = planner.throughput(**asked, tokens_per_second=0.8 * plainly.tokens_per_second_per_device)
    assert seen.measured is not None
    assert seen.measured.log_time == pytest.approx(log(1 / 0.8))
    assert seen.step_time == pytest.approx(plainly.step_time * (1 / 0.8) ** 0.76)
    assert seen.intervals["step_time"][1] / seen.step_time == pytest.approx(1.44)
    every = planner.throughput(**asked, tokens_per_second=f"{8 * 0.8 * plainly.tokens_per_second_per_device} in all")
    assert every.step_time == pytest.approx(seen.step_time)
    file = seen.save_measured(tmp_path / "mine.toml")
    with pytest.raises(PlannerError, match="exists"):
        seen.save_measured(file)
    large: dict[str, Any] = {"shape": "llama3-70b", "gpus": "256xH100", "batch": 2**22}
    before, after = planner.throughput(**large), planner.throughput(**large, gpu_file=file)
    assert after.step_time == pytest.approx(before.step_time * (1 / 0.8) ** 0.76)
    assert after.intervals["step_time"][1] / after.step_time == pytest.approx(1.41)
    assert any(note.code == "own-step" for note in after.notes)
    mixture: dict[str, Any] = {"shape": "mixtral-8x7b,context=4096", "gpus": "64xH100"}
    assert planner.throughput(**mixture, gpu_file=file).step_time == planner.throughput(**mixture).step_time
    planned = planner.plan(shape="llama3-70b", tokens="1T", gpus="256xH100", gpu_file=file)
    assert planned.machine is not None
    other = planner.plan(shape="llama3-70b", tokens="1T", gpus="256xH100").machine
    known = numbers(FILE, "whole_runs")  # a whole run is nearer to one's own steps than to those of a forecast
    assert other is not None
    assert planned.machine.mfu.expected * known["own"] < other.mfu.expected * known["slower"]
    assert planned.machine.mfu.high / planned.machine.mfu.low < other.mfu.high / other.mfu.low
    with pytest.raises(PlannerError, match="no speed was given"):
        plainly.save_measured(tmp_path / "none.toml")
    for speed, complaint in ((1e6, "above the best product"), (100, "must have been meant")):
        with pytest.raises(PlannerError, match=complaint):
            planner.throughput(**asked, tokens_per_second=speed)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('log_time = "a"', "log_time"),
        ("log_time = 9", "expected log_time from -3 to 3"),
        ("log_time = 0.1\nmixture = 1", "mixture true or false"),
        ("log_time = 0.1\nsecret = 1", "secret"),
    ],
)
def test_bad_files_of_steps_are_refused(tmp_path: Any, line: str, complaint: str) -> None:
    """One line with the file's name."""
    file = tmp_path / "mine.toml"
    file.write_text(f'[[measured]]\nid = "h100-sxm"\nparams = 1e9\ndevices = 8\n{line}\n', encoding="utf-8")
    with pytest.raises(PlannerError, match=complaint):
        planner.throughput(shape="llama3-8b", gpus="8xH100", gpu_file=file)


def test_a_device_like_a_shipped_one_is_forecast_like_it(tmp_path: Any) -> None:
    """Links, bandwidth and a shipped device that it is like: then it is as fast as that one with the same numbers."""
    own = tmp_path / "ours.toml"
    lines = [
        'id = "ours"',
        "peak_tflops = { bf16 = 989 }",
        "matmul_tflops = { bf16 = 794.5 }",
        "memory_gb = 80",
        "driver_mib = 81559",
    ]
    lines += ["memory_bandwidth_tb_s = 3.35", "links = { inside_gb_s = 450, between_gb_s = 50, domain = 8 }", 'like = "h100-sxm"']
    own.write_text("[[accelerator]]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    asked: dict[str, Any] = {"shape": "llama3-8b", "batch": 2**22}
    found = planner.throughput(**asked, gpus="64xours", gpu_file=own)
    assert found.step_time == planner.throughput(**asked, gpus="64xh100-sxm").step_time
    own.write_text("\n".join(["[[accelerator]]", *lines[:-1], 'like = "nothing"']), encoding="utf-8")
    with pytest.raises(PlannerError, match="like = 'nothing': expected a device whose efficiency is known: v100-sxm2-16gb"):
        planner.plan(gpus="8xours", days=3, gpu_file=own)
    own.write_text("[[accelerator]]\n" + "\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(PlannerError, match='say memory_bandwidth_tb_s, and like = "h100-sxm"'):
        planner.throughput(**asked, gpus="64xours", gpu_file=own)


def test_tensor_parallelism_stays_within_a_fast_domain() -> None:
    """Of V100, four: where more is not asked for, a step can be forecast."""
    assert planner.throughput(shape="llama3-8b", gpus="8xv100", batch="4M").layout.tensor <= 4
    assert any(note.code == "mfu-forecast" for note in planner.plan(shape="llama3-8b", tokens="1T", gpus="8xv100").notes)


def test_numbers_of_devices_that_hold_no_layout_have_no_forecast() -> None:
    """They are named, and nothing is compared with them."""
    found = planner.scaling(shape="llama3-70b", gpus="4..16xH100", batch="4M")
    assert [(row.devices, row.throughput is None) for row in found.rows] == [(4, True), (8, True), (16, False)]
    assert "no forecast on 4, 8 devices: no layout fits in their memory" in [note.text for note in found.notes]
    assert found.rows[-1].efficiency == 1


def test_a_file_of_steps_is_looked_at_before_the_work(tmp_path: Path, run: Run) -> None:
    """One line, and no answer."""
    path = tmp_path / "mine.toml"
    path.write_text("")
    asked = ("throughput", "--shape", "llama3-8b", "--gpus", "8xH100", "--batch", "1M", "--tokens-per-second", "9000")
    code, out, err = run(*asked, "--save-measured", str(path))
    assert (code, out) == (2, "")
    assert "exists already" in err
