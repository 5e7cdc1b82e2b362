"""Budgets as people hold them: devices for some days, money, energy, carbon; what a plan takes in each; the catalogue of devices."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner._util.files import data_root, read_table
from planner.accelerators import prices
from planner.accelerators.accelerator import DTYPES
from planner.accelerators.prices import Price, one_line
from planner.errors import HardwareFileError, OptionError, PlannerError, QuantityError
from planner.quantities.estimate import Range
from planner.quantities.resource_parsing import (
    parse_device_hours,
    parse_dollars,
    parse_duration,
    parse_energy,
    parse_fleet,
    parse_intensity,
    parse_mass,
    parse_peak,
    parse_power,
    parse_price,
)
from planner.scaling_laws.derivation import evaluate
from tests.conftest import Run

DEVICES = planner.hardware()
H100_PEAK = 989e12


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.id)
def test_every_device_carries_its_source_and_no_sparse_headline(device: planner.Accelerator) -> None:
    """Peaks are dense, sourced, and apart from the headline with sparsity in the same format; prices have date and source."""
    assert device.sources
    for dtype, peak in device.peaks.items():
        assert 1e13 < peak < 1e16
        if dtype in device.sparse:
            assert peak < 0.6 * device.sparse[dtype], "the headline stands where the dense peak belongs"
    for price in device.prices:
        assert 0.1 < price.low <= price.high < 100
        assert price.date
        assert price.source
    if device.watts is None:
        assert device.watts_kind == "not published"
    for dtype in device.matmul:
        assert dtype in device.peaks
        assert device.matmul_source


def test_the_catalogue_is_the_one_that_was_read() -> None:
    """Dense peaks as the vendors print them, per GPU: GB200 is one of the two GPUs of its superchip."""
    peaks = {device.id: device.peaks for device in DEVICES}
    assert len(DEVICES) >= 28
    assert peaks["h100-sxm"] == {"bf16": 989e12, "fp16": 989e12, "fp8": 1979e12}
    assert peaks["a100-sxm-80gb"]["bf16"] == 312e12
    assert peaks["gb200"]["bf16"] == 2500e12
    assert set(peaks["v100-sxm2-32gb"]) == {"fp16"}
    assert peaks["tpu-v7x"] == {"bf16": 2307e12, "fp8": 4614e12}
    low = {device.id: dict(device.low_bit) for device in DEVICES}
    assert (low["b200-sxm"]["fp4"], low["gb300"]["fp4"], low["h100-sxm"]) == (9e15, 15e15, {"int8": 1979e12})
    (gb200,) = planner.hardware("GB200")
    assert gb200.price is not None
    assert gb200.price.low == pytest.approx(9.08 / 2)  # quoted per superchip of two GPUs (spheron.network, 2026-03-17)
    assert gb200.price.expected == 10.5, "42.00 for four (CoreWeave, 2026-02), and not one line of a blog"
    answer = planner.plan(flops=1e22, gpu="gb200")
    assert "TWO GPUs" in next(note.text for note in answer.notes if note.code == "superchip")


@pytest.mark.parametrize(
    ("name", "found"),
    [("H100", "h100-sxm"), ("nvidia h100 sxm", "h100-sxm"), ("A100", "a100-sxm-80gb"), ("TPU v4", "tpu-v4"), ("mi300", "mi300x"),
     ("NVIDIA A100-SXM4-80GB", "a100-sxm-80gb"), ("NVIDIA H100 80GB HBM3", "h100-sxm"), ("H800", "h800"), ("Tesla V100-SXM2-16GB", "v100-sxm2-16gb"),
     ("V100 16GB", "v100-sxm2-16gb"), ("NVIDIA GeForce RTX 4090", "rtx4090"), ("NVIDIA GH200 480GB", "gh200"), ("NVIDIA L40S", "l40s"),
     ("NVIDIA RTX 6000 Ada Generation", "rtx6000-ada"), ("AMD Instinct MI300X", "mi300x"), ("NVIDIA B300 SXM6 AC", "b300-sxm")],
)  # fmt: skip
def test_devices_are_known_by_their_usual_names(name: str, found: str) -> None:
    """People do not type ids."""
    assert planner.hardware(name)[0].id == found


# ---------------------------------------------------------------- known runs


def test_llama_3_405b() -> None:
    """3.8e25 FLOP on 16,384 H100 at the published 38 to 43 % MFU takes the published 30.84 million GPU-hours within its range.

    Llama 3 paper (arXiv 2407.21783), Sec. 1 and Table 4: 380 to 430 TFLOP/s per GPU; model card of Llama 3.1: 30.84M GPU-hours,
    which include what failures cost: more than 90 % of the time was effective (Sec. 3.3.4), an overhead of up to 11 %.
    """
    run: dict[str, Any] = {"params": "405B", "tokens": "15.6T", "gpus": "16384xH100"}
    fast, slow = (planner.check(**run, mfu=mfu, overhead=lost).cost for mfu, lost in ((0.43, 0.0), (0.38, 0.11)))
    assert fast is not None
    assert slow is not None
    assert planner.check(**run).flops == pytest.approx(3.8e25, rel=0.005)
    assert fast.device_hours.expected < 30.84e6 < slow.device_hours.expected
    assert fast.hours is not None
    assert fast.hours.expected / 24 == pytest.approx(3.79e25 / (16384 * H100_PEAK * 0.43) / 86_400, rel=0.001)
    assert pytest.approx(0.38, abs=0.005) == 380e12 / H100_PEAK


def test_gpt_3_and_chinchilla() -> None:
    """174.6 B on 300 B tokens are 3.14e23 FLOP, 3640 PF-days (Brown et al. 2020, Table D.1); 70 B on 1.37 T are Chinchilla's 5.76e23."""
    gpt3 = planner.check(params=174.6e9, tokens=300e9)
    assert gpt3.flops == pytest.approx(3.14e23, rel=0.003)
    assert gpt3.pf_days == pytest.approx(3640, rel=0.003)
    chinchilla = planner.check(params="70B", tokens="1.4T")
    assert chinchilla.flops == pytest.approx(5.76e23, rel=0.022)  # 5.88e23 by 6 N D; the paper rounds the tokens up
    assert planner.plan(pf_days=chinchilla.pf_days).flops == pytest.approx(chinchilla.flops, rel=1e-12)


def test_megascale_days() -> None:
    """175 B on 300 B tokens at 55.2 % MFU on 12,288 A100 takes 1.75 days (MegaScale, Table 2; with attention in the MFU)."""
    cost = planner.check(params="175B", tokens="300B", gpus="12288xA100", mfu=0.544).cost  # 6ND over the printed step time
    assert cost is not None
    assert cost.hours is not None
    assert cost.hours.expected / 24 == pytest.approx(1.75, rel=0.005)


@pytest.mark.parametrize(
    ("hours", "watts", "pue", "grid", "tonnes"),
    [
        (184_320, 400, 1.1, 385, 31.22),  # Llama 2 7B, model card
        (1_720_320, 400, 1.1, 385, 291.42),  # Llama 2 70B
        (1_022_362, 400, 1.1, 385, 173),  # LLaMA 65B, arXiv 2302.13971, Table 15
        (1_082_990, 400, 1.0, 57, 24.7),  # BLOOM, arXiv 2211.02001
        (10_000 * 14.8 * 24, 330, 1.1, 429, 552.1),  # GPT-3, Patterson et al. 2021, arXiv 2104.10350, Table 4
        (512 * 20 * 24, 310, 1.12, 545, 46.7),  # T5 11B on TPU v3, the same
    ],
)
def test_published_carbon(hours: float, watts: float, pue: float, grid: float, tonnes: float) -> None:
    """Device-hours x average power x PUE x grid, as published."""
    cost = planner.plan(gpu_hours=hours, gpu="a100", power=watts, pue=pue, grid=grid, mfu=0.4).cost
    assert cost is not None
    assert cost.kg_co2e is not None
    assert cost.kg_co2e.expected / 1000 == pytest.approx(tonnes, rel=0.005)


# ---------------------------------------------------------------- blunders of public calculators (peers.md, A4)


def test_a_7b_on_2t_tokens_is_not_off_by_a_thousand() -> None:
    """7 B on 2 T tokens: 8.4e22 FLOP, 3116 A100-days at 100 % MFU, $224 thousand at $3; one tutorial says 104 days and $7,500."""
    run = planner.check(params="7B", tokens="2T")
    assert run.flops == pytest.approx(8.4e22)
    assert pytest.approx(3116, rel=1e-3) == 8.4e22 / 312e12 / 86_400
    at_half = planner.check(params="7B", tokens="2T", gpu="a100", mfu=0.5, price=3).cost
    assert at_half is not None
    assert at_half.dollars is not None
    assert at_half.device_hours.expected == pytest.approx(2 * 3116 * 24, rel=1e-3)
    assert at_half.dollars.expected == pytest.approx(2 * 224e3, rel=2e-3)


def test_288m_on_57b_tokens_is_not_1e22() -> None:
    """6 x 288e6 x 5.7e9 is 9.8e18 FLOP, not the 1e22 of one tutorial."""
    assert planner.check(params="288M", tokens="5.7B").flops == pytest.approx(9.85e18, rel=1e-3)


@pytest.mark.parametrize(
    ("device", "dtype"),
    [(device, dtype) for device in DEVICES for dtype in device.sparse if dtype in device.peaks],
    ids=lambda value: getattr(value, "id", value),
)
def test_a_sparse_peak_typed_in_is_recognised(device: planner.Accelerator, dtype: str) -> None:
    """1979 TFLOP/s for an H100 in bf16 and its like bring a warning."""
    answer = planner.plan(flops=1e21, gpu=device.id, dtype=dtype, peak=device.sparse[dtype], mfu=0.2)
    assert "sparse-peak" in {note.code for note in answer.notes}
    plain = planner.plan(flops=1e21, gpu=device.id, dtype=dtype, peak=device.peaks[dtype], mfu=0.2)
    assert not {"sparse-peak", "peak-high"} & {note.code for note in plain.notes}


def test_a_sparse_peak_in_a_file_is_recognised(tmp_path: Path) -> None:
    """A user's own H100 with 1979 TFLOP/s is noticed too."""
    path = tmp_path / "mine.toml"
    path.write_text('[[accelerator]]\nid = "h100-sxm"\npeak_tflops = { bf16 = 1979 }\n', encoding="utf-8")
    answer = planner.plan(flops=1e21, gpu="h100-sxm", gpu_file=path)
    assert "sparse-peak" in {note.code for note in answer.notes}


def test_hfu_is_recognised() -> None:
    """PaLM's HFU of 57.8 % is above every published run's MFU: warned about, with the MFU it would be."""
    note = next(note for note in planner.plan(gpus="6144xtpu-v4", days=50, mfu=0.578).notes if note.code == "mfu-high")
    assert note.severity == "warning"
    assert "HFU" in note.text
    assert "43.4 %" in note.text  # 3/4 of it


def test_an_mfu_above_the_best_matrix_product_is_refused() -> None:
    """No H100 has multiplied matrices at more than 80.3 % of its peak."""
    with pytest.raises(OptionError, match=r"mfu 85 %: above 80.3 %.*h100-sxm.*794.5 TFLOP/s"):
        planner.plan(gpus="512xH100", days=30, mfu=0.85)


# ---------------------------------------------------------------- properties

machines = st.fixed_dictionaries(
    {
        "gpu": st.sampled_from([device.id for device in DEVICES if device.price and device.watts]),
        "mfu": st.floats(0.05, 0.45),
        "overhead": st.floats(0, 0.5),
        "grid": st.sampled_from(["france", "usa", 56.0]),
    }
)
amounts = st.floats(1e3, 1e8)


@settings(max_examples=15, deadline=None)
@given(machines, amounts)
def test_conversions_invert(machine: dict[str, Any], amount: float) -> None:
    """A budget in device-hours, dollars, energy or CO2e costs just that in the same unit, to 1e-12."""
    asked = {
        "gpu_hours": (amount, "device_hours"),
        "dollars": (amount, "dollars"),
        "energy": (f"{amount!r} kWh", "kwh"),
        "co2": (f"{amount!r} kg", "kg_co2e"),
    }
    for name, (value, unit) in asked.items():
        budget: dict[str, Any] = {name: value}
        answer = planner.plan(**budget, **machine, others=())
        assert getattr(answer.cost, unit).expected == pytest.approx(amount, rel=1e-12), name
        back = planner.plan(flops=answer.flops, **machine, others=())
        assert getattr(back.cost, unit).expected == pytest.approx(amount, rel=1e-12), name


@given(st.integers(1, 100_000), st.floats(0.1, 1000), st.floats(0.05, 0.45), st.floats(0, 0.5))
def test_devices_for_some_days_invert(count: int, days: float, mfu: float, overhead: float) -> None:
    """The wall-clock of a budget of devices for some days is those days; device-hours are their product; a deadline asks as many."""
    machine: dict[str, Any] = {"mfu": mfu, "overhead": overhead, "others": ()}
    answer = planner.plan(gpus=f"{count}xH100", days=days, **machine)
    cost = answer.cost
    assert cost is not None
    assert cost.hours is not None
    assert cost.hours.expected == pytest.approx(24 * days, rel=1e-12)
    assert cost.device_hours.expected == pytest.approx(24 * days * count, rel=1e-12)
    assert answer.flops == pytest.approx(count * H100_PEAK * mfu * days * 86_400 / (1 + overhead), rel=1e-12)
    needed = planner.plan(flops=answer.flops, gpu="h100", deadline=days, **machine).cost
    assert needed is not None
    assert needed.devices_needed is not None
    assert needed.devices_needed.expected == count


@given(machines, st.floats(1e18, 1e26), st.floats(1.01, 100))
def test_cost_is_monotone_and_homogeneous(machine: dict[str, Any], flops: float, factor: float) -> None:
    """k times the compute takes k times the hours, dollars, energy and carbon; ranges keep their order."""
    one, many = (planner.plan(flops=each, **machine, others=()).cost for each in (flops, factor * flops))
    for name in ("device_hours", "dollars", "kwh", "kg_co2e"):
        small, large = getattr(one, name), getattr(many, name)
        assert small.low <= small.expected <= small.high
        assert tuple(large) == pytest.approx([factor * end for end in small], rel=1e-12)


def test_a_better_utilisation_costs_less() -> None:
    """Hours fall as 1/MFU; without one given the range is that of published runs, and low and high lie either side."""
    half, whole = (planner.plan(flops=1e22, gpu="h100", mfu=mfu).cost for mfu in (0.2, 0.4))
    assert half is not None
    assert whole is not None
    assert half.device_hours.expected == pytest.approx(2 * whole.device_hours.expected)
    free = planner.plan(flops=1e22, gpu="h100")
    assert free.machine is not None
    assert free.machine.mfu == Range(0.213, 0.375, 0.462)
    assert free.cost is not None
    assert free.cost.device_hours.low < free.cost.device_hours.expected < free.cost.device_hours.high
    assert "mfu-default" in {note.code for note in free.notes}


def test_a_deadline_is_met_or_missed() -> None:
    """Devices that are there end a run in time or not, and how many would."""
    asked: dict[str, Any] = {"params": "13B", "tokens": "300B", "gpus": "64xA100"}
    late, early = (planner.check(**asked, deadline=days).cost for days in (24, 40))
    assert late is not None
    assert early is not None
    assert late.hours is not None
    assert late.devices_needed is not None
    assert (late.in_time, early.in_time) == (False, True)
    assert 64 < late.devices_needed.expected == -(-late.device_hours.expected // (24 * 24))


def test_what_cannot_fit_is_warned_about() -> None:
    """16 bytes of each parameter must fit in all devices together; serving at training's utilisation and fp8 are remarked upon."""
    codes = {note.code for note in planner.check(params="175B", tokens="300B", gpus="8xA100").notes}
    assert "memory" in codes
    assert "memory" not in {note.code for note in planner.check(params="175B", tokens="300B", gpus="64xA100").notes}
    served = planner.plan(dollars="2M", gpu="h100", inference_tokens="1T")
    assert "served-as-trained" in {note.code for note in served.notes}
    assert "fp8-loss" in {note.code for note in planner.plan(flops=1e22, gpu="h100", dtype="fp8").notes}


def test_a_mixed_fleet_is_summed() -> None:
    """256 H100 and 512 A100 compute what both do, and cost what both cost; the same kind twice is one."""
    both = planner.plan(gpus="256xH100+512xA100", days=30, mfu=0.4)
    parts = [planner.plan(gpus=text, days=30, mfu=0.4) for text in ("256xH100", "512xA100")]
    assert both.flops == pytest.approx(sum(part.flops for part in parts), rel=1e-12)
    assert both.cost is not None
    for name in ("device_hours", "dollars", "kwh"):
        assert getattr(both.cost, name).expected == pytest.approx(
            sum(getattr(part.cost, name).expected for part in parts), rel=1e-12
        )
    assert planner.plan(gpus="8xH100+8xh100-sxm", days=1).flops == pytest.approx(planner.plan(gpus="16xH100", days=1).flops)
    assert planner.plan(gpus="512xH100 for 30 days").flops == planner.plan(gpus=512, gpu="h100", days="720h").flops


def test_the_range_of_a_budget_gives_a_range_of_plans() -> None:
    """Dollars at an uncertain utilisation and price buy from little to much compute: sizes, tokens and losses follow."""
    funded = planner.plan(dollars="2M", gpu="h100").funded
    assert funded is not None
    ends = [planner.plan(flops=flops) for flops in funded.flops]
    assert funded.params is not None
    assert tuple(funded.params) == pytest.approx([end.params for end in ends])
    assert funded.loss is not None
    assert tuple(funded.loss) == pytest.approx([end.loss for end in ends[::-1]])
    low = 2e6 / 6.88 * 3600 * H100_PEAK * 0.213
    assert funded.flops.low == pytest.approx(low)


def test_a_low_end_that_pays_for_nothing_is_left_out() -> None:
    """Where the least favourable prices do not pay for serving, the expected budget is answered all the same."""
    found = planner.plan(dollars=10_000, gpu="h100", params="1B", inference_tokens="1T")
    assert found.funded is not None
    assert found.funded.params is None
    assert found.tokens > 1e9


def test_names_of_the_wrong_type_are_refused() -> None:
    """No attribute errors from numbers in place of names."""
    for call in (lambda: planner.hardware(1), lambda: planner.models(3), lambda: planner.hardware(gpu_file=1)):  # type: ignore[arg-type]
        with pytest.raises(OptionError, match="expected"):
            call()
    assert planner.hardware("NVIDIA GeForce RTX 4090")[0].id == "rtx4090"


def test_serving_beside_a_budget_in_dollars() -> None:
    """Money pays for training and serving: together they cost the budget, weighed with the machine's own utilisation and price."""
    asked: dict[str, Any] = {"dollars": "5M", "gpu": "h100", "mfu": 0.4, "price": 3, "inference_tokens": "1T"}
    answer = planner.plan(**asked)
    assert answer.cost is not None
    assert answer.cost.dollars is not None
    assert answer.serving is not None
    assert answer.serving.dollars is not None
    assert answer.cost.dollars.expected + answer.serving.dollars.expected == pytest.approx(5e6)
    slow = planner.plan(**asked, inference_mfu=0.2)
    assert slow.serving is not None
    assert slow.serving.price == pytest.approx(2)
    assert planner.plan(**asked, inference_price=6).serving.price == pytest.approx(2)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "asked",
    [
        {"gpus": "512xH100", "days": 30, "overhead": 0.1},
        {"gpus": "256xH100+512xA100", "days": 30, "mfu": 0.4},
        {"gpu_hours": "350k", "gpu": "h100"},
        {"dollars": "2M", "gpu": "h100", "price": 2.5},
        {"energy": "4GWh", "gpu": "tpu-v4"},
        {"co2": "300t", "gpu": "h100", "grid": "france", "overhead": "5%"},
        {"flops": 1e22, "gpu": "h100", "deadline": "14d", "grid": "world"},
        {"dollars": "2M", "gpu": "h100", "law": "kaplan2020", "inference_tokens": None},
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_the_arithmetic_of_budgets_can_be_redone(asked: dict[str, Any]) -> None:
    """Each line follows from the lines above it: the budget in FLOP, and what training takes."""
    answer = planner.plan(**asked)
    steps = planner.explain(answer)
    assert any(step.part == "what training takes" for step in steps)
    for part in ("the budget in FLOP", "what training takes"):
        for step in (step for step in steps if step.part == part):
            assert evaluate(step.numbers, {}) == pytest.approx(step.result, rel=1e-8)
    funding = [step for step in steps if step.part == "the budget in FLOP"]
    if answer.funded:
        assert funding[-1].result == pytest.approx(answer.flops, rel=1e-12)
    results = {step.symbol: step.result for step in steps if step.part == "what training takes"}
    assert answer.cost is not None
    found = {"H": answer.cost.device_hours, "M": answer.cost.dollars, "E_kWh": answer.cost.kwh, "m": answer.cost.kg_co2e}
    for symbol, span in found.items():
        if span is not None:
            assert results[symbol] == pytest.approx(span.expected, rel=1e-12), symbol


# ---------------------------------------------------------------- ranking


@pytest.mark.parametrize("by", ["dollars", "energy", "devices"])
def test_devices_are_ranked(by: str) -> None:
    """The least comes first, the unknown last, and each row is what plan says of that device."""
    ranking = planner.rank_hardware(flops=1e22, deadline="30d", by=by, grid="usa")
    name = {"dollars": "dollars", "energy": "kwh", "devices": "devices_needed"}[by]
    values = [getattr(row.cost, name) for row in ranking.rows]
    several = [by == "dollars" and one_line(row.device.prices) for row in ranking.rows]
    known = [value.expected for value, weak in zip(values, several, strict=True) if value is not None and not weak]
    assert known == sorted(known)
    assert all(value is None or weak for value, weak in list(zip(values, several, strict=True))[len(known) :])
    assert len(ranking.rows) == len(DEVICES)
    for row in ranking.rows[:3]:
        assert planner.plan(flops=1e22, gpu=row.device.id, deadline="30d", grid="usa", others=()).cost == row.cost
    json.dumps(ranking.to_dict())


def test_the_price_that_is_used() -> None:
    """A median over sellers, else that of recent prices on demand; an old or lonely one is told, and heads no ranking."""
    quotes = [
        Price(1, 1, "2026-10", "a", "spot"),
        Price(2, 8, "2026-09", "b"),
        Price(5, 5, "2026-08", "c"),
        Price(9, 9, "2024-01", "d"),
    ]
    found = prices.spread(quotes)
    assert found is not None
    assert (found.low, found.expected, found.high) == (1, 4.5, 9), "the median of 5 and of the geometric middle of 2 to 8"
    assert prices.spread([*quotes, Price(3, 3, "2025-01", "e", "median")]).expected == 3  # type: ignore[union-attr]  # there are prices
    assert "more than 12 months before these data" in prices.doubt([Price(9, 9, "2024-01", "d")])
    assert "one line of a blog" in prices.doubt([Price(9, 9, "2026-09", "d", "blog")])
    assert prices.doubt(quotes) == ""
    assert one_line(quotes[:1])
    ranking = planner.rank_hardware(flops=1e22)
    assert not one_line(ranking.rows[0].device.prices)
    old = planner.plan(flops=1e22, gpu="v100-pcie", others=())
    assert [note.text for note in old.notes if note.code == "price-doubt"] == []
    with pytest.raises(OptionError, match=r"known \(H20 with 141 GB HBM3e.*\), but not in the catalogue"):
        planner.hardware("NVIDIA H20-3e")


@pytest.mark.parametrize(("name", "amount"), [("dollars", "2M"), ("energy", "1GWh"), ("co2", "100t"), ("gpu_hours", "500k")])
def test_a_budget_that_is_held_ranks_by_what_it_buys(name: str, amount: str) -> None:
    """Each row is what plan says of that device and budget; the most compute, and with it the least loss, first."""
    grid = "france" if name == "co2" else None
    ranking = planner.rank_hardware(**{name: amount}, grid=grid, gpu="h100,b200, mi300x")  # type: ignore[arg-type]
    assert ranking.flops is None
    losses = [row.loss for row in ranking.rows]
    assert losses == sorted(losses, key=lambda loss: loss or 0)
    for row in ranking.rows:
        answer = planner.plan(gpu=row.device.id, others=(), grid=grid, **{name: amount})  # type: ignore[arg-type]  # texts
        assert (answer.flops, answer.params, answer.tokens, answer.loss) == pytest.approx(
            (row.flops, row.params, row.tokens, row.loss)
        )
    assert "What the budget buys on each device, by loss" in ranking.text()


def test_a_loss_ranks_by_what_reaching_it_takes() -> None:
    """The least compute that reaches it under the law, on every device."""
    ranking = planner.rank_hardware(loss=2.05, law="hoffmann2022-approach3", gpu=["h100", "a100"])
    assert ranking.flops == planner.plan(loss=2.05, law="hoffmann2022-approach3", others=()).flops
    assert [row.device.id for row in ranking.rows] == ["h100-sxm", "a100-sxm-80gb"]
    for asked, complaint in (
        ({"flops": 1e21, "dollars": "1M"}, "flops and dollars are two budgets"),
        ({"days": 30}, "days: of how many devices"),
        ({"flops": 1e21, "by": "loss"}, "the same compute has the same loss on every device"),
        ({"flops": 1e21, "by": "co2"}, "of which electricity"),
        ({"dollars": "1M", "gpu": "mi250x"}, "dollars: no price of mi250x is known"),
        ({"flops": 1e21, "gpu": 3}, "gpu 3: expected names"),
        ({}, "no budget"),
    ):
        with pytest.raises(PlannerError, match=complaint):
            planner.rank_hardware(**asked)


def test_ranking_leaves_out_what_cannot() -> None:
    """Devices without the format are named, and nothing is ranked where none fits."""
    ranking = planner.rank_hardware(flops=1e22, dtype="fp8")
    assert all("fp8" in row.device.peaks for row in ranking.rows)
    assert "a100-sxm-80gb" in next(note.text for note in ranking.notes if note.code == "left-out")
    with pytest.raises(OptionError, match="give a deadline"):
        planner.rank_hardware(flops=1e22, by="devices")
    with pytest.raises(OptionError, match="expected one of dollars, energy, co2, devices, loss"):
        planner.rank_hardware(flops=1e22, by="colour")


# ---------------------------------------------------------------- one's own devices and prices


def test_own_devices_and_prices(tmp_path: Path) -> None:
    """A file adds a device and replaces a price; the rest of the catalogue stays."""
    path = tmp_path / "mine.toml"
    path.write_text(
        """
[[accelerator]]
id = "my-gpu"
name = "Ours"
peak_tflops = { bf16 = 500 }
memory_gb = 64
power_w = 600

[[price]]
id = "my-gpu"
usd_per_hour = [1.0, 4.0]
date = "2026-11"
source = "our contract"

[[price]]
id = "h100-sxm"
usd_per_hour = 1.9
date = "2026-11"
source = "our contract"
""",
        encoding="utf-8",
    )
    answer = planner.plan(gpu_hours=1000, gpu="my-gpu", gpu_file=path, mfu=0.5)
    assert answer.flops == pytest.approx(1000 * 3600 * 500e12 * 0.5)
    assert answer.cost is not None
    assert answer.cost.dollars is not None
    assert tuple(answer.cost.dollars) == pytest.approx((1000, 2000, 4000))
    other = planner.plan(gpu_hours=1000, gpu="H100", gpu_file=str(path)).cost
    assert other is not None
    assert other.dollars is not None
    assert other.dollars.expected == pytest.approx(1900)
    assert len(planner.hardware(gpu_file=path)) == len(DEVICES) + 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds neither"),
        ("[[accelerator]]\nid = 'x1'\n", "lacks accelerator x1 peak_tflops"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf17 = 3 }\n", "bf17 is not a key known here"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = -3 }\n", "expected TFLOP/s from 0.1 to 1e5, got -3"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 989e12 }\n", "expected TFLOP/s from 0.1 to 1e5"),
        ("[[accelerator]]\nid = 'X 1'\npeak_tflops = { bf16 = 3 }\n", "expected a letter, then up to 40"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\npower_w = 0\n", "power_w: expected 1 to"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\n" * 2, "given twice"),
        ("[[price]]\nid = 'h101'\nusd_per_hour = 3\ndate = '2026-10'\nsource = 'me'\n", "price of 'h101'"),
        ("[[price]]\nid = 'h100-sxm'\nusd_per_hour = 3\nsource = 'me'\n", "lacks price of h100-sxm: date"),
        ("[[price]]\nid = 'h100-sxm'\nusd_per_hour = [5, 3]\ndate = '2026-10'\nsource = 'me'\n", "low end 5 is above high end 3"),
        ("[[prices]]\nid = 'h100-sxm'\n", "prices is not a key known here"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\npower_w = 1e308\n", "power_w: expected 1 to 100000"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\nmemory_gb = 1e308\n", "memory_gb: expected 0.1 to 100000"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\npower_w = 700\npower_range_w = [800, 900]\n", "around power_w"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\npower_range_w = [800, 900]\n", "around power_w"),
        ("[[accelerator]]\nid = 'x1'\npeak_tflops = { bf16 = 3 }\nfamily = 'zzz'\n", "expected one of h100"),
        ("[[price]]\nid = 'h100-sxm'\nusd_per_hour = 5e-324\ndate = '2026-10'\nsource = 'me'\n", "usd_per_hour: expected 0.001"),
        ("nonsense", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """One line: file, key, rule."""
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HardwareFileError, match=complaint):
        planner.hardware(gpu_file=path)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"gpus": "512xH1000", "days": 3}, r"no device 'H1000'; did you mean h100-sxm"),
        ({"gpus": "512xH100"}, "no budget"),
        ({"gpus": 512, "days": 3}, "of which kind"),
        ({"gpus": "512", "days": 3}, "of which kind"),
        ({"days": 3}, "days: of which devices"),
        ({"gpu": "h100", "days": 3}, "days: of how many devices"),
        ({"gpu": "8xh100", "flops": 1e21}, "names one kind of device"),
        ({"gpus": "512xH100", "gpu": "h100", "days": 3}, "gpus is then a number"),
        ({"gpus": "512xH100", "days": -3}, "days -3: must be above 0"),
        ({"gpus": "512xH100", "days": "3 months"}, "expected a time such as 30d"),
        ({"gpus": "512xH100 for 3d", "days": 3}, "has a time already"),
        ({"gpus": "512xH100", "days": 3, "flops": 1e21}, "flops and days are two budgets"),
        ({"gpus": "512xH100", "days": 3, "dollars": "2M"}, "days and dollars are two budgets"),
        ({"gpus": "512xH100", "days": 3, "deadline": 3}, "a deadline adds nothing"),
        ({"gpu": "h100", "dollars": "50k", "loss": 2.1}, "dollars and loss together say too much"),
        ({"gpus": "512xH100", "days": 3, "mfu": 0}, "above 0 and is at most 1"),
        ({"gpus": "512xH100", "days": 3, "mfu": 40}, "could be meant in per cent"),
        ({"gpus": "512xA100", "days": 3, "dtype": "fp8"}, "a100-sxm-80gb has bf16 and fp16 only"),
        ({"gpus": "512xA100", "days": 3, "dtype": "int8"}, "expected one of bf16, fp16, fp8"),
        ({"gpus": "8xv100+8xtpu-v4", "days": 3}, "no format in common"),
        ({"gpus": "8xh100+8xa100", "days": 3, "price": 3}, "price is of one kind of device"),
        ({"dollars": "2M", "flops": 1e21}, "flops and dollars are two budgets"),
        ({"dollars": "2M€", "gpu": "h100"}, "only US dollars are known; convert"),
        ({"dollars": "2 MEUR", "gpu": "h100"}, "only US dollars are known; convert"),
        ({"dollars": "2M", "gpu": "mi250x"}, "no price of mi250x is known; give price"),
        ({"dollars": "2M", "gpu": "h100", "price": "3€"}, "only US dollars are known"),
        ({"energy": 4, "gpu": "h100"}, "expected an energy with its unit"),
        ({"energy": "4 GW", "gpu": "h100"}, "expected an energy with its unit"),
        ({"energy": "4GWh", "gpu": "tpu-v5p"}, "power of tpu-v5p is not published; give power"),
        ({"co2": "300t", "gpu": "h100"}, "co2: on which grid"),
        ({"co2": "300t", "gpu": "h100", "grid": "frence"}, "grid 'frence': not known; did you mean france"),
        ({"co2": "300", "gpu": "h100", "grid": "france"}, "expected a mass of CO2e with its unit"),
        ({"flops": 1e21, "gpu": "h100", "pue": 0.9}, "from 1 to 5"),
        ({"flops": 1e21, "gpu": "h100", "peak": 989}, "must lie between 1e\\+11 and 1e\\+17"),
        ({"flops": 1e21, "gpu": "h100", "power": 0.7}, "expected watts of one device"),
        ({"flops": 1e21, "gpu": "h100", "overhead": 40}, "could be meant in per cent"),
        ({"flops": 1e21, "mfu": 0.4}, "or for what training costs a device"),
        ({"flops": 1e21, "gpu_file": "nowhere.toml"}, "gpu_file: on which device"),
        ({"flops": 1e21, "gpu": "h100", "gpu_file": "nowhere.toml"}, "nowhere.toml: cannot be read"),
        ({"pf_days": 0}, "pf_days 0: must be above 0"),
        ({"pf_days": 1e300}, "at most 1e"),
        ({"flops": 1e60, "gpu": "h100", "mfu": 1e-300}, "above 0"),
        ({"gpus": "8xH100 for 1 month"}, "the time after 'for' is not understood"),
        ({"gpus": "8xH100 x -3d"}, "the time after 'x' is not understood"),
        ({"gpus": "1e400xH100", "days": 3}, "must lie between 1 and"),
        ({"gpus": "h100" + " " * 20_000 + "b", "days": 3}, "expected devices"),
        ({"gpus": "h100", "days": 3}, "gpus 'h100': how many"),
        ({"gpus": "8xh100+a100", "days": 3}, "how many"),
        ({"flops": 1e21, "gpu": "amd-h100"}, "no device 'amd-h100'"),
        ({"flops": 1e21, "gpu": 1}, "expected devices such as"),
        ({"flops": 1e21, "gpu": "h100", "gpu_file": 1}, "expected the path of a TOML file"),
        ({"flops": 1e21, "gpu": "h100", "dtype": [1, 2]}, "expected one of bf16"),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_bad_budgets_are_refused(asked: dict[str, Any], complaint: str) -> None:
    """One line: what was given, what is required, what to do."""
    with pytest.raises(PlannerError, match=complaint) as caught:
        planner.plan(**asked)
    assert "\n" not in str(caught.value)


def test_a_check_takes_a_machine_but_no_second_budget() -> None:
    """N and D fix what a run takes."""
    with pytest.raises(OptionError, match="check does not take dollars; plan, "):
        planner.check(params="7B", tokens="1T", gpus="8xH100", dollars=3)  # type: ignore[call-arg]
    for asked in ({"gpus": "8xH100", "days": 3}, {"gpus": "8xH100 for 3d"}):  # which give a utilisation, here one that none has
        with pytest.raises(
            OptionError, match=r"days: 1\.00 T tokens in 3\.00 days of it are an MFU of 2048 % on h100-sxm, above 80"
        ):
            planner.check(params="7B", tokens="1T", **asked)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "30d", 720.0),
        (parse_duration, 30, 720.0),
        (parse_duration, "6 weeks", 1008.0),
        (parse_device_hours, "1.2M GPU-hours", 1.2e6),
        (parse_device_hours, "350k", 350e3),
        (parse_dollars, "$2M", 2e6),
        (parse_dollars, "1.5 million dollars", 1.5e6),
        (parse_dollars, "US$250k", 250e3),
        (parse_price, "$2.95/GPU-hour", 2.95),
        (parse_energy, "4GWh", 4e6),
        (parse_energy, "3.6 TJ", 1e6),
        (parse_mass, "300 tCO2e", 300e3),
        (parse_power, "0.7kW", 700.0),
        (parse_peak, "989 TFLOP/s", 989e12),
        (parse_peak, "1PFLOPS", 1e15),
        (parse_intensity, "56 g/kWh", 56.0),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_quantities_are_read(parse: Any, text: object, value: float) -> None:
    """As people write them, in base units."""
    assert parse(text, "x") == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_duration, "1,5d"),
        (parse_device_hours, "3 kWh"),
        (parse_dollars, "-2"),
        (parse_dollars, "2M GBP"),
        (parse_price, "2,95"),
        (parse_energy, "4"),
        (parse_energy, "nan kWh"),
        (parse_mass, True),
        (parse_power, "0.7"),
        (parse_peak, "989"),
        (parse_fleet, "1.5xH100"),
        (parse_fleet, "0xH100"),
        (parse_fleet, ""),
        (parse_fleet, "8xH100+"),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_unclear_quantities_are_refused(parse: Any, text: object) -> None:
    """A slip of a thousand is worse than a complaint."""
    with pytest.raises(QuantityError):
        parse(text, "x")


def test_shipped_numbers_have_sources() -> None:
    """MFU, power and every grid say where they come from; formats are the ones the code knows."""
    table = read_table(data_root() / "hardware.toml")
    assert table["mfu"]["source"]
    assert table["power"]["source"]
    for grid in table["grid"].values():
        assert grid["source"]
        assert 0 < grid["low"] <= grid["expected"] <= grid["high"] < 1000
    assert {dtype for entry in table["accelerator"] for dtype in entry["peak_tflops"]} == set(DTYPES)


def test_a_missed_deadline_is_a_warning(run: Run) -> None:
    """A plan, a check and a range say it, so that --strict ends with 1."""
    taken = ["--params", "7B", "--tokens", "1T", "--deadline", "10d"]
    for verb in ((), ("check",)):
        assert [run(*verb, *taken, "--gpus", f"{many}xH100", "--strict")[0] for many in (64, 512)] == [1, 0]
    code, out, err = run(*taken, *["--gpus", "64..512xH100", "--points", "3"])
    assert (code, err) == (0, "")
    assert "1 of 3 rows miss the deadline" in out


def test_an_own_device_that_stands_for_a_shipped_one_keeps_its_names(tmp_path: Path) -> None:
    """H100 and h100-sxm are the user's then, not one the user's and one not to be found."""
    path = tmp_path / "gpus.toml"
    path.write_text('[[accelerator]]\nid = "h100-sxm"\naliases = ["mine"]\npeak_tflops = { bf16 = 500 }\n', encoding="utf-8")
    for name in ("h100-sxm", "H100", "mine", "nvidia h100"):
        assert planner.plan(gpus=f"64x{name}", days=3, mfu=0.4, gpu_file=path, others=()).flops == 64 * 3 * 86400 * 0.4 * 500e12


def test_a_mixed_fleet_says_what_its_sum_supposes() -> None:
    """Devices of unlike peaks are summed, with what an even split would take; options of one kind are not advised."""
    found = planner.plan(gpus="32xH100+32xA100", days=10, others=())
    (text,) = [note.text for note in found.notes if note.code == "mixed-fleet"]
    assert "a run takes 2.08x as long" in text  # (989 + 312) / (2 x 312)
    assert not [note for note in planner.plan(gpus="32xH100+32xH200", days=10, others=()).notes if note.code == "mixed-fleet"]
    unpriced = planner.plan(gpus="8xH100+8xV100", days=10, others=())
    assert any(note.text.endswith("with yours they are: in a --gpu-file") for note in unpriced.notes)
