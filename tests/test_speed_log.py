"""The speed that a log shows: lines of frameworks, tables of steps, warm-up and slow steps, and what is no log."""

from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner._util.files import read_bundled
from planner.errors import PlannerError
from planner.inputs.readers import tokens_per_second
from planner.inputs.speed_log import FILE

LINES = {
    "Megatron-LM": (
        " [2026-01-02 10:00:00] iteration {step:8d}/  500000 | consumed samples: {step} | elapsed time per iteration (ms): {ms:.1f} | "
        "throughput per GPU (TFLOP/s/GPU): 400.1 | learning rate: 1.0E-04 | global batch size:   256 | lm loss: 2.1E+00 |"
    ),
    "torchtitan": "\x1b[31mstep: {step:2}  \x1b[32mloss:  7.4\x1b[39m  memory: 40.9GiB(43.1%)  \x1b[34mtps: {device:,.0f}  \x1b[36mtflops: 300.2",
    "MaxText": "completed step: {step}, seconds: 5.018, TFLOP/s/device: 107.127, Tokens/s/device: {device:.3f}, total_weights: 1, loss: 9.1",
    "nanotron": "iteration: {step} / 100 | elapsed_time_per_iteration_ms: 4.2K | tokens_per_sec: 600K | tokens_per_sec_per_gpu: {kilo:.3f}K | lr: 1e-4",
    "OLMo or Composer": "    throughput/device/tokens_per_second={device:.1f}",
}
"""A line of each framework, as its source prints it."""


def write(path: Path, line: str, speeds: list[float]) -> Path:
    """Write a log whose steps have these speeds, in tokens a second of a device; of 256 sequences of 4,096 on 64 devices."""
    rows = [
        line.format(step=step, device=speed, kilo=speed / 1e3, ms=256 * 4096 / (64 * speed) * 1e3)
        for step, speed in enumerate(speeds)
    ]
    path.write_text("\n".join(["starting up", *rows, "done"]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("framework", LINES)
def test_the_median_of_the_steps_is_read(tmp_path: Path, framework: str) -> None:
    """The first steps warm up, one slow one moves nothing but is told; in plan and check as the number itself."""
    assert framework in {each["framework"] for each in read_bundled(FILE)["line"]}
    path = write(tmp_path / "train.log", LINES[framework], [800.0, *[9600.0] * 8, 4800.0])
    asked: dict[str, Any] = {"shape": "llama2-7b,context=4096", "tokens": "1T", "gpus": "64xH100"}
    from_log, by_hand = (planner.check(**asked, tokens_per_second=each) for each in (path, 9600))
    assert from_log.machine is not None
    assert by_hand.machine is not None
    assert from_log.machine.mfu.expected == pytest.approx(by_hand.machine.mfu.expected, rel=1e-4)
    (text,) = [note.text for note in from_log.notes if note.code == "mfu-measured"]
    assert f"the median of 9 steps of train.log ({framework}), after 1 to warm up" in text
    assert "took 11.1 % longer" in text
    again = planner.check(**asked, tokens_per_second=from_log.inputs["tokens_per_second"])
    assert again.machine is not None
    assert again.machine.mfu.expected == pytest.approx(from_log.machine.mfu.expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.csv", "step,loss,throughput/device/tokens_per_sec\n0,9,10\n1,8,9600\n2,8,9600\n3,8,9600\n"),
        ("w.csv", "step,tokens_per_second\n0,10\n1,614400\n2,614400\n3,614400\n"),
        ("w.csv", "step;TPS\n0;10\n1;9600\n2;9600\n3;9600\n"),
        ("p.csv", "step;tps\n0;10\n1;9600,0\n2;9.600,0\n3;9600,04\n"),
        ("q.csv", 'step,tps\n0,10\n1,"9600,0"\n2,"9600,0"\n3,9600\n'),
        ("t.csv", 'step,tps\n0,10\n1,"9,600"\n2,"9,600.0"\n3,9600\n'),
        ("w.tsv", "step\ttps\n0\t10\n1\t9600\n2\t9600\n3\t9600\n"),
        ("train log", "step,tps\n0,10\n1,9600\n2,9600\n3,9600\n"),
        ("w.jsonl", '{"step": 0, "tps": 10}\n{"step": 1, "tps": 9600}\n{"step": 2, "tps": 9600}\n{"tps": 9600}\n{"tps": 96'),
        ("w.jsonl", '{"step": 0, "train_tokens_per_second": 1}\n' + '{"train_tokens_per_second": 614400.0}\n' * 3),
    ],
)
def test_tables_of_steps_are_read(tmp_path: Path, name: str, text: str) -> None:
    """CSV and JSON lines, a last line that was cut off among them; corrected forecasts and saved steps name the log."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    asked: dict[str, Any] = {"shape": "llama2-7b,context=4096", "gpus": "64xH100", "batch": 2**21}
    found, by_hand = (planner.throughput(**asked, tokens_per_second=each) for each in (str(path), 9600))
    assert found.step_time == pytest.approx(by_hand.step_time)
    saved = found.save_measured(tmp_path / "mine.toml")
    kept = planner.throughput(**asked, gpu_file=saved)
    assert kept.step_time == pytest.approx(found.step_time)
    assert f"3 steps of {name}" in next(note.text for note in kept.notes if note.code == "own-step")


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    """One line, with what is read; sequences need a context; too few steps say how many are needed."""
    nothing, few, odd = tmp_path / "a.log", tmp_path / "b.log", tmp_path / "e.csv"
    odd.write_text("step;tps\n0;10\n1;9,600\n2;9,600\n3;9,600\n", encoding="utf-8")
    nothing.write_text("hello\n", encoding="utf-8")
    write(few, LINES["torchtitan"], [1.0, 9600.0])
    for path, complaint in (
        (nothing, "no speed of a step in it"),
        (odd, "tps '9,600': its comma could be a decimal point or set thousands apart"),
        (few, "steps with a speed in it: 2; expected at least 4, of which 1 to warm up"),
        (tmp_path / "c.log", "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(PlannerError, match=complaint):
            planner.check(shape="llama2-7b", tokens="1T", gpus="64xH100", tokens_per_second=path)
    sequences = write(tmp_path / "d.log", LINES["Megatron-LM"], [9600.0] * 9)
    with pytest.raises(PlannerError, match="of how many tokens each"):
        planner.check(params="7B", tokens="1T", gpus="64xH100", tokens_per_second=sequences)


def test_a_long_line_without_an_end_is_soon_read(tmp_path: Path) -> None:
    """Half of a framework's line, again and again: no search that grows with the square of it."""
    path = tmp_path / "long.log"
    path.write_text("elapsed time per iteration (ms): 1 " * 60_000, encoding="utf-8")
    started = perf_counter()
    with pytest.raises(PlannerError, match="no speed of a step in it"):
        tokens_per_second(str(path), "speed")
    assert perf_counter() - started < 20


def test_logs_of_two_runs_in_one_file_are_refused(tmp_path: Path) -> None:
    """Two frameworks at two speeds are two runs, whichever stands first; the same speed twice is one."""
    texts = [
        write(tmp_path / "one.log", LINES[name], [speed] * 9).read_text(encoding="utf-8")
        for name, speed in (("torchtitan", 7453.0), ("MaxText", 9900.0), ("MaxText", 7453.0))
    ]
    path = tmp_path / "both.log"
    for text in (texts[0] + texts[1], texts[1] + texts[0]):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PlannerError, match="at other speeds; give the log of one run"):
            tokens_per_second(str(path), "speed")
    path.write_text(texts[0] + texts[2], encoding="utf-8")
    assert tokens_per_second(str(path), "speed").tokens == pytest.approx(7453)


def test_errors_of_a_log_name_it(tmp_path: Path) -> None:
    """What follows from it is refused as its, not as a number that nobody gave."""
    path = write(tmp_path / "fast.log", LINES["torchtitan"], [9e6] * 9)
    with pytest.raises(PlannerError, match=r"the median of 8 steps of fast\.log"):
        planner.check(shape="llama2-7b", tokens="1T", gpus="64xH100", tokens_per_second=path)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from([".log", ".csv", ".jsonl"]))
def test_any_text_is_read_or_refused(tmp_path_factory: Any, text: str, ending: str) -> None:
    """Never a traceback, whatever stands in the file."""
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_text(text, encoding="utf-8", errors="replace")
    with suppress(PlannerError):
        assert tokens_per_second(str(path), "speed").tokens > 0
