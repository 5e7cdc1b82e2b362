"""Sweeps: every row is the plan of its point, whatever varies, however it is spread and written."""

import contextlib
import csv
import io
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.errors import PlannerError
from planner.inputs.ranges import ALONG, axes, axis_of, has_ranges
from planner.output import FORMATS, stream_sweep
from planner.planning import sweep as sweeping
from planner.quantities import is_range, parse_flops, parse_range
from tests.conftest import Run

SAME = {"flops": "flops", "params": "params", "tokens": "tokens", "tokens_per_param": "tokens_per_param", "loss": "loss"}


def assert_is_plan(row: dict[str, Any], answer: planner.Plan) -> None:
    """A row has the numbers of the plan of its point."""
    for name, attribute in SAME.items():
        expected = getattr(answer, attribute)
        assert row[name] == (None if expected is None else pytest.approx(expected, rel=1e-9)), name
    assert row["law"] == answer.law.id
    assert row["extrapolation"] == pytest.approx(answer.extrapolation, rel=1e-9)
    if "regime" in row:
        assert row["regime"] == answer.regime
        assert row["overhead"] == pytest.approx(answer.overhead, rel=1e-6, abs=1e-9)
    if answer.cost is not None:
        for name in ("device_hours", "dollars", "kwh"):
            span = getattr(answer.cost, name)
            assert [row[f"{name}{end}"] for end in ("_low", "", "_high")] == pytest.approx(list(span), rel=1e-9)


CASES: list[tuple[dict[str, Any], dict[str, list[Any]]]] = [
    ({"flops": "1e18..1e26"}, {"flops": [1e18, 1e22, 1e26]}),
    ({"flops": (1e18, 1e26), "law": "kaplan2020"}, {"flops": [1e18, 1e22, 1e26]}),
    ({"flops": "1e20..1e24", "law": "llama3"}, {"flops": [1e20, 1e22, 1e24]}),
    ({"flops": "1e20..1e24", "law": "krajewski2024-moe"}, {"flops": [1e20, 1e22, 1e24]}),
    ({"loss": "1.9..2.5"}, {"loss": [1.9, 2.2, 2.5]}),
    ({"loss": "1.95..2.55", "unique_tokens": "1T"}, {"loss": [1.95, 2.25, 2.55]}),
    ({"params": "1B..100B", "flops": 1e22}, {"params": ["1B", "10B", "100B"]}),
    ({"params": "1B..100B"}, {"params": ["1B", "10B", "100B"]}),
    ({"tokens_per_param": "5..500", "flops": 1e22}, {"tokens_per_param": [5, 50, 500]}),
    ({"max_params": "1B..100B", "flops": 1e22}, {"max_params": ["1B", "10B", "100B"]}),
    ({"unique_tokens": "1B..100B", "flops": 1e22}, {"unique_tokens": ["1B", "10B", "100B"]}),
    ({"inference_tokens": "1B..100B", "flops": 1e22}, {"inference_tokens": ["1B", "10B", "100B"]}),
    ({"dollars": "10k..1M", "gpu": "h100-sxm"}, {"dollars": ["10k", "100k", "1M"]}),
    ({"energy": "1..100MWh", "gpu": "h100-sxm"}, {"energy": ["1MWh", "10MWh", "100MWh"]}),
    ({"co2": "1t..100t", "gpu": "h100-sxm", "grid": "france"}, {"co2": ["1t", "10t", "100t"]}),
    ({"gpu_hours": "1k..100k", "gpu": "a100-80gb", "mfu": 0.4}, {"gpu_hours": ["1k", "10k", "100k"]}),
    ({"days": "1..100", "gpus": "64xh100-sxm"}, {"days": [1, 10, 100]}),
    ({"pf_days": "1..100"}, {"pf_days": [1, 10, 100]}),
    ({"gpus": "16..1024xh100-sxm", "days": 3}, {"gpus": ["16xh100-sxm", "128xh100-sxm", "1024xh100-sxm"]}),
    ({"mfu": "30%..50%", "flops": 1e22, "gpu": "h100-sxm"}, {"mfu": [0.3, 0.4, 0.5]}),
    ({"price": "1..4", "dollars": "1M", "gpu": "h100-sxm"}, {"price": [1, 2.5, 4]}),
    ({"grid": "50..450", "flops": 1e22, "gpu": "h100-sxm"}, {"grid": [50, 250, 450]}),
    ({"overhead": "0..0.2", "flops": 1e22, "gpu": "h100-sxm"}, {"overhead": [0, 0.1, 0.2]}),
    ({"data_quality": "0.6..1", "flops": 1e21}, {"data_quality": [0.6, 0.8, 1]}),
    ({"flops": "1e20..1e24", "exponents": (0.73, 0.27)}, {"flops": [1e20, 1e22, 1e24]}),
]


@pytest.mark.parametrize(("asked", "values"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_each_row_is_the_plan_of_its_point(asked: dict[str, Any], values: dict[str, list[Any]]) -> None:
    """Whatever varies: sizes, budgets in any unit, losses, utilisations, prices, conditions."""
    rows = list(planner.sweep(**asked, points=3))
    ((name, points),) = values.items()
    assert len(rows) == len(points) == 3
    for row, value in zip(rows, points, strict=True):
        assert_is_plan(row, planner.plan(**{**asked, name: value}, others=()))


def test_two_ranges_are_a_grid_with_budgets_innermost() -> None:
    """Every pair has its row; the order is that of the axes."""
    found = planner.sweep(flops="1e20..1e22", mfu="0.3..0.5", gpu="h100-sxm", points=3)
    rows = list(found)
    assert [axis.name for axis in found.axes] == ["mfu", "flops"]
    assert [(row["mfu"], row["flops"]) for row in rows] == [(m, C) for m in (0.3, 0.4, 0.5) for C in (1e20, 1e21, 1e22)]
    for row in rows:
        assert_is_plan(row, planner.plan(flops=row["flops"], mfu=row["mfu"], gpu="h100-sxm", others=()))


def test_neither_range_need_be_a_budget() -> None:
    """Two conditions vary at one budget."""
    rows = list(planner.sweep(flops=1e22, unique_tokens="10B..100B", inference_tokens="1T..4T", points=2))
    assert len(rows) == 4
    for row in rows:
        given = {name: row[name] for name in ("unique_tokens", "inference_tokens")}
        assert_is_plan(row, planner.plan(flops=1e22, others=(), **given))


def test_defaults_of_points() -> None:
    """Fifty of one range, ten each of two, one row of none."""
    assert len(planner.sweep(flops="1e20..1e22")) == 50
    assert len(planner.sweep(flops="1e20..1e22", params="1B..2B")) == 100
    assert len(planner.sweep(flops=1e21, law=["kaplan2020", "llama3"])) == 2


def test_several_laws_follow_each_other() -> None:
    """Rows of each law, with blanks where one has no loss."""
    rows = list(planner.sweep(flops="1e20..1e22", law="llama3,besiroglu2024", points=2))
    assert [row["law"] for row in rows] == ["llama3"] * 2 + ["besiroglu2024"] * 2
    assert [row["loss"] is None for row in rows] == [True, True, False, False]


def test_intervals_of_a_fitted_law_stand_in_the_rows(tmp_path: Path) -> None:
    """The same as the plan's, for N and for the mean loss."""
    fit = planner.fit(planner.load_runs("gadre2024"), group="rpj|c4_val", method="classical", draws=50)
    saved = tmp_path / "own.json"
    fit.save(saved)
    for row in planner.sweep(flops="1e20..1e22", law=str(saved), points=3):
        sure = planner.plan(flops=row["flops"], law=str(saved), others=()).intervals
        assert sure is not None
        assert sure.params is not None
        assert sure.loss is not None
        assert (row["params_low"], row["params_high"]) == pytest.approx(sure.params, rel=1e-9)
        assert (row["loss_low"], row["loss_high"]) == pytest.approx(sure.loss, rel=1e-9)


def test_what_a_deadline_needs() -> None:
    """Whole devices, as a plan says."""
    for row in planner.sweep(flops="1e21..1e24", gpu="h100-sxm", deadline="30d", points=4):
        cost = planner.plan(flops=row["flops"], gpu="h100-sxm", deadline="30d", others=()).cost
        assert cost is not None
        assert cost.devices_needed is not None
        assert row["devices_needed"] == cost.devices_needed.expected


def test_repeated_data_are_counted_and_warned_of() -> None:
    """Epochs in every row, and as strict as a single plan is."""
    found = planner.sweep(flops=1e22, unique_tokens="5B..500B", points=3)
    rows = list(found)
    for row in rows:
        data = planner.plan(flops=1e22, unique_tokens=row["unique_tokens"], others=()).data
        assert data is not None
        assert row["epochs"] == pytest.approx(data.epochs, rel=1e-9)
    (_, counts), *_ = found.blocks()
    (note,) = [note for note in found.remarks(counts) if note.code == "epochs"]
    assert note.severity == "warning"
    assert note.text.startswith("1 of 3 rows repeat")
    single = planner.plan(flops=1e22, unique_tokens="5B", others=())
    assert [each.severity for each in single.notes if each.code == "epochs"] == ["warning"]


def test_a_cap_that_does_not_bind_changes_no_verdict() -> None:
    """Balanced, as the plan is, even where repeated data leave a plateau."""
    asked: dict[str, Any] = {"unique_tokens": "14.46M", "max_params": "674B"}
    for row in planner.sweep(pf_days="14.6..20", points=2, **asked):
        answer = planner.plan(pf_days=row["budget_pf_days"], others=(), **asked)
        # on a plateau the least compute of a loss is known to a billionth's step of the loss only
        assert (row["regime"], row["overhead"]) == (answer.regime, pytest.approx(answer.overhead, rel=1e-6, abs=1e-9))


def test_overhead_of_a_machine_keeps_its_column() -> None:
    """Beside the overhead of a run, which is something else."""
    rows = list(planner.sweep(overhead="0%..10%", gpu="h100-sxm", mfu=0.4, dollars="1M", params="7B", points=3))
    assert [row["overhead_time"] for row in rows] == pytest.approx([0, 0.05, 0.1])
    assert all(row["overhead"] > 1 for row in rows)


def test_a_changed_law_bears_its_name_everywhere() -> None:
    """In rows, titles and heads."""
    found = planner.sweep(flops="1e20..1e22", points=2, constants={"alpha": 0.35})
    assert {row["law"] for row in found} == {"besiroglu2024 (modified)"}
    assert "under besiroglu2024 (modified)" in "".join(stream_sweep(found, "table", lambda notes: None))


def test_what_is_no_range_is_refused_in_python() -> None:
    """Arrays, and maps that return something else."""
    with pytest.raises(PlannerError, match="flops: expected one value or a range such as"):
        planner.sweep(flops=np.array([1e18, 1e20]), points=2)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(PlannerError, match="gpus: expected one value or a range"):
        planner.sweep(gpus=np.array([1e18, 1e20]), days=3)  # type: ignore[arg-type]  # likewise
    with pytest.raises(PlannerError, match="a map must return"):
        list(planner.sweep(flops="1e18..1e20", points=5, workers=lambda work, jobs: [1 for _ in jobs]))
    with pytest.raises(PlannerError, match="not in the catalogue"):
        planner.sweep(flops="1e18..1e20", law=",".join(["nobody"] * 1000))


def test_budgets_that_serving_spends_are_blank_and_counted() -> None:
    """No row is dropped, none is invented."""
    found = planner.sweep(flops="1e20..1e24", params=70e9, inference_tokens="10T", points=5)
    rows = list(found)
    assert [row["params"] is None for row in rows] == [True] * 5 or any(row["params"] is None for row in rows)
    for row in rows:
        if row["params"] is None:
            assert row["tokens"] is row["loss"] is row["overhead"] is row["regime"] is None
            with pytest.raises(PlannerError, match="more than the whole budget"):
                planner.plan(flops=row["flops"], params=70e9, inference_tokens="10T")
    lost = sum(row["params"] is None for row in rows)
    assert lost
    assert any(note.code == "no-answer" and note.text.startswith(f"{lost} of 5") for note in found.remarks({"no-answer": lost}))


@given(st.integers(2, 400), st.integers(1, 50), st.floats(3, 20), st.floats(0.1, 8))
def test_rows_do_not_depend_on_how_they_are_cut(points: int, block: int, start: float, length: float) -> None:
    """Any size of block gives the same table, in order and complete."""
    found = planner.sweep(flops=(10.0**start, 10.0 ** (start + length)), points=points)
    whole = found.table()
    before = sweeping.BLOCK
    sweeping.BLOCK = block
    try:
        cut = found.table()
    finally:
        sweeping.BLOCK = before
    for name in found.columns:
        assert np.array_equal(whole[name], cut[name], equal_nan=whole[name].dtype.kind == "f")
    assert len(whole["flops"]) == points
    assert (np.diff(whole["flops"]) > 0).all()
    assert whole["flops"][0] == 10.0**start
    assert whole["flops"][-1] == 10.0 ** (start + length)
    assert (np.diff(whole["loss"]) < 0).all(), "more compute never hurts"


def test_workers_change_nothing() -> None:
    """Two processes, and a map of one's own, write the same text."""
    texts = []
    for workers in (1, 2, map):
        found = planner.sweep(flops="1e18..1e26", points=25_000, workers=workers)
        texts.append("".join(stream_sweep(found, "csv", lambda notes: None)))
    assert texts[0] == texts[1] == texts[2]
    assert texts[0].count("\n") == 25_001


def test_a_long_sweep_is_never_in_memory_at_once() -> None:
    """Blocks of at most BLOCK rows come one after the other, and the next is made only when asked for."""
    found = planner.sweep(flops="1e18..1e26", points=1_000_000)
    seen = []
    for block, _ in found.blocks(progress=lambda done, total: seen.append((done, total))):
        assert block.height <= sweeping.BLOCK
        if len(seen) == 3:
            break
    assert seen == [(sweeping.BLOCK, 1_000_000)] * 3


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_holds_the_same_rows(fmt: Any) -> None:
    """CSV and JSON read back to the numbers; text and Markdown have a line for each row."""
    found = planner.sweep(flops="1e20..1e23", points=4, law="besiroglu2024,llama3")
    heard: list[Any] = []
    text = "".join(stream_sweep(found, fmt, heard.extend))
    rows = list(found)
    if fmt == "json":
        content = json.loads(text)
        assert content["rows"] == rows
        assert [note["code"] for note in content["notes"]] == [note.code for note in heard]
        assert content["inputs"]["flops"] == [1e20, 1e23]
        assert content["columns"] == list(found.columns)
    elif fmt.startswith("csv"):
        comma = fmt == "csv-semicolon"
        assert text.startswith("\ufeff") == comma
        read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";" if comma else ","))
        for row, cells in zip(rows, read, strict=True):
            for name, value in row.items():
                shown = cells[name].replace(",", ".") if comma else cells[name]
                assert shown == "" if value is None else shown == value if isinstance(value, str) else float(shown) == value, name
    else:
        assert sum("e20 FLOP" in line or "e21 FLOP" in line for line in text.splitlines()) == 4
        assert "besiroglu2024" in text
        assert "Notes" in text


def test_the_command_streams_ranges(run: Run) -> None:
    """The main command with a range: table, several laws, strictness, one line for each row."""
    code, table, _ = run("--flops", "1e20..1e22", "--points", "3")
    assert code == 0
    assert table.splitlines()[0] == "Plans for 3 values of flops, 1e20 to 1e22 FLOP, under besiroglu2024"
    assert "2.78 B" in table
    assert run("--flops", "1e20..1e26", "--points", "3", "--strict")[0] == 1
    both = run("--flops", "1e21", "--law", "kaplan2020,llama3", "--format", "csv")[1]
    assert [line.split(",")[0] for line in both.splitlines()] == ["law", "kaplan2020", "llama3"]
    spread = run("--flops", "1e20..1e22", "--points", "3", "--workers", "2", "--format", "csv")
    assert spread == run("--flops", "1e20..1e22", "--points", "3", "--format", "csv")


def _of_session(leader: int) -> list[int]:
    """The processes of a session that are left."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_workers_leave_with_a_command_whose_reader_has_gone() -> None:
    """`plan ... --workers 2 | head -1` ends as other commands do, and no process of it is left behind."""
    code = "from planner.cli import main; main()"
    line = ["--flops", "1e18..1e26", "--points", "1000000", "--workers", "2", "--format", "csv"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"law,flops")
    process.stdout.close()
    process.wait(timeout=60)
    for _ in range(100):
        if not _of_session(process.pid):
            break
        time.sleep(0.1)
    assert _of_session(process.pid) == []


REFUSED = [
    ("--flops 1e22..1e18", "flops '1e22..1e18': the range ends where it begins or before; smaller first, such as 1e18..1e26"),
    ("--flops 1e18..1e18", "ends where it begins"),
    ("--flops 1e18..", "flops '1e18..': expected a range such as 1e18..1e26"),
    ("--flops 1e18...1e20", "expected a range such as"),
    ("--flops 1e18..huge", "1e18 or 1e18huge?"),
    ("--flops 1e18..1e20 --mfu 0.3..0.4 --gpu h100 --price 1..2", "--flops, --mfu, --price are 3 ranges: give at most two"),
    ("--flops 1e21 --points 3", "points go with a range"),
    ("--flops 1e18..1e20 --points 1", "points 1: expected a whole number from 2"),
    ("--flops 1e18..1e20 --params 1B..2B --points 9999", "rows; expected at most"),
    ("--flops 1e18..1e20 --law besiroglu2024,nobody", "law 'nobody' is not in the catalogue"),
    ("--flops 1e18..1e20 --law kaplan2020,kaplan2020", "expected laws, each once"),
    ("--flops 1e18..1e20 --law clark2022-hash", "clark2022-hash has no compute-optimal line"),
    ("--flops 1e18..1e20 --explain", "--explain goes with one plan"),
    ("--flops 1e18..1e20 --workers 0", "workers 0: expected a number of processes"),
    ("--flops 1e21 --workers 2", "--workers goes with a range"),
    ("--dollars 1..10M --gpu h100", "dollars '1..10M': 1 or 1M? Write the unit at both ends: 1M..10M"),
    ("--mfu 0.3..50% --gpu h100 --flops 1e21", "0.3 or 0.3%?"),
    ("--days 1..720h --gpus 8xh100", "1 or 1h?"),
    ("--flops 1e18 --set E=1..2", "expected a number"),
    (
        "--deadline 1d..30d --flops 1e20..1e21 --gpu h100",
        "--deadline '1d..30d': no range goes there; ranges go with --flops, --pf-days",
    ),
    ("--flops 1e21 --tokens-per-param 20..40 --law gadre2024-c4", "gadre2024-c4 must not choose a model size"),
    ("--flops 1e20..1e22 --params 7B --law besiroglu2024,kumar2024", "kumar2024 has no compute-optimal line"),
    (
        "--experts 8..32 --experts-per-token 2..16 --law abnar2025 --flops 1e21",
        "--experts-per-token 16: at most as many as experts, 8",
    ),
    ("--flops 1..3B", "1B..3B"),
    ("--gpus 64..1024 --days 3", "expected a range of devices of one kind, such as 64..1024xH100"),
    ("--gpus 64xA100..1024xH100 --days 3", "expected a range of devices of one kind"),
    ("--loss 1.5..2.2", "loss 1.5 cannot be reached at all"),
    ("--precision fp4..fp8 --flops 1e21", "precision 'fp4..fp8': expected one of"),
    ("--flops 1e20..1e22 --pf-days 3..4", "two budgets"),
    ("check --params 1B..2B --tokens 1T", "expected a number of parameters"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[each[0] for each in REFUSED])
def test_bad_ranges_get_one_line_and_no_rows(run: Run, line: str, message: str) -> None:
    """What was given, what is required; exit code 2; nothing on standard output."""
    code, out, err = run(*line.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_every_range_is_read_by_name() -> None:
    """Inputs that can be ranges are inputs of a plan, and their examples are ranges that can be read."""
    import inspect

    known = set(inspect.signature(planner.plan).parameters)
    assert set(axes()) <= known
    assert set(ALONG) <= set(axes())
    assert set(inspect.signature(planner.sweep).parameters) - {"points", "workers"} == known - {
        "others",
        "scores",
        "target_score",
    }
    for name, row in axes().items():
        axis = axis_of(name, row.range, 2)
        assert axis.values[0] < axis.values[-1], name
        assert has_ranges({name: row.range})


@given(st.floats(1, 1e50), st.floats(1.001, 1e9))
def test_a_range_is_its_ends(low: float, factor: float) -> None:
    """As a text, with spaces, and as a pair."""
    high = low * factor
    for value in (f"{low!r}..{high!r}", f" {low!r} .. {high!r} ", (low, high), [low, high]):
        assert is_range(value)
        assert parse_range(value, "flops", parse_flops, "1..2") == (low, high)
    with pytest.raises(PlannerError, match="smaller first"):
        parse_range((high, low), "flops", parse_flops, "1..2")


def test_paths_with_two_dots_are_no_ranges(tmp_path: Path) -> None:
    """A law or device file in the folder above is a file."""
    assert not has_ranges({"law": "../own.json", "gpu_file": "../own.toml", "flops": 1e21})
    odd = tmp_path / "a,b.toml"
    source = Path(planner.__file__).parents[1] / "data" / "laws" / "besiroglu2024.toml"
    odd.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    assert not has_ranges({"law": str(odd)})


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"params": "60B..70B", "tokens": "1T", "serving_gpus": "1xH100"}, "served-copy", "2 of 2 rows have a served copy"),
        (
            {"flops": "1e21..1e24", "serve_precision": "int4"},
            "quantised-outside",
            "2 of 2 rows lie more than 10x outside the models",
        ),
        ({"flops": "1e20..1e21", "params": 7}, "no-run", "2 of 2 rows have fewer than 10 K parameters"),
        ({"params": "60B..70B", "tokens": "1T", "gpus": "1xH100"}, "memory", "2 of 2 rows do not fit their devices"),
    ],
)
def test_rows_are_warned_of_as_plans_are(asked: dict[str, Any], code: str, text: str) -> None:
    """What a plan of one value warns of, a range counts the rows of."""
    found = planner.sweep(points=2, **asked)
    counts = sum((counts for _, counts in found.blocks()), Counter())
    told = {note.code: note for note in found.remarks(counts)}
    assert told[code].severity == "warning"
    assert told[code].text.startswith(text)
    one: dict[str, Any] = {name: value.split("..")[-1] if isinstance(value, str) else value for name, value in asked.items()}
    assert {note.severity for note in planner.plan(**one, others=()).notes if note.code == code} == {"warning"}
