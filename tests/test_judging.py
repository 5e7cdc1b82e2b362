"""A table of proposed runs: each row is judged as plan check judges one run."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.errors import CannotPlanError, PlannerError, RunsFileError
from tests.hostile import endless_texts

TABLE = "run,params,tokens,loss\ngpt3,175B,300B,2.0\nchinchilla,70B,1.4T,\nllama,7B,2T,1.75\n"
CAN_JUDGE = [law.id for law in planner.laws() if law.role == "plan" and law.surface_law is law]


def _table(tmp_path: Path, text: str = TABLE) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("law", CAN_JUDGE)
def test_rows_agree_with_check(tmp_path: Path, law: str) -> None:
    """Loss, extra compute, regime and distance from the data of every row are those of planner.check, under every law that judges."""
    found = planner.check_runs(_table(tmp_path), law=law)
    for row in found.runs:
        one = planner.check(params=row.params, tokens=row.tokens, law=law)
        assert row.loss == pytest.approx(one.loss, rel=1e-12)
        assert row.overhead == pytest.approx(one.overhead, rel=1e-9, abs=1e-12)
        assert row.flops == pytest.approx(one.flops, rel=1e-12)
        assert row.regime == one.regime
        assert row.extrapolation == one.extrapolation


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(1e7, 1e12), st.floats(0.06, 9e4)), min_size=1, max_size=8))
def test_any_table(tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[float, float]]) -> None:
    """Whatever the runs: as many verdicts as rows, in their order, each what a check of it alone says."""
    runs = [(N, N * ratio) for N, ratio in runs]
    path = _table(tmp_path_factory.mktemp("any"), "params;tokens\n" + "".join(f"{N!r};{D!r}\n" for N, D in runs))
    found = planner.check_runs(path)
    assert [(each.row, each.params, each.tokens) for each in found.runs] == [(i, *run) for i, run in enumerate(runs, 2)]
    for each in found.runs:
        assert each.regime == planner.check(params=each.params, tokens=each.tokens).regime
        assert each.overhead >= 0


def test_what_a_table_says_besides(tmp_path: Path) -> None:
    """Names and measured losses pass through; an empty loss is none; row numbers are the file's; a warning counts far rows."""
    found = planner.check_runs(_table(tmp_path))
    assert [(each.row, each.run, each.measured) for each in found.runs] == [
        (2, "gpt3", 2.0),
        (3, "chinchilla", None),
        (4, "llama", 1.75),
    ]
    assert [each.regime for each in found.runs] == ["overfit", "balanced", "underfit"]
    codes = {note.code: note for note in found.notes}
    assert codes["extrapolation"].severity == "warning"
    assert "2 of 3 runs" in codes["extrapolation"].text
    assert {"measured-loss", "inference-not-counted"} <= set(codes)
    assert json.loads(json.dumps(found.to_dict()))["runs"][0]["regime"] == "overfit"
    assert planner.check_runs(_table(tmp_path), tolerance="70%").runs[0].regime == "balanced"


def test_tables_as_people_leave_them(tmp_path: Path) -> None:
    """Blank rows of separators, capitals in the header, and a suffix that was forgotten."""
    found = planner.check_runs(_table(tmp_path, "Params ,TOKENS,Note\n7B,140B,x\n,,\n,,\n70,1.4T,y\n"))
    assert [each.row for each in found.runs] == [2, 5]
    assert "was a suffix such as B forgotten?" in next(note.text for note in found.notes if note.code == "no-run")
    assert "no-run" in {note.code for note in planner.check(params=70, tokens=1400).notes}


def test_tables_as_spreadsheets_write_them(tmp_path: Path) -> None:
    """A line that names the separator, and a loss that is an error there."""
    found = planner.check_runs(_table(tmp_path, "sep=;\nparams;tokens;loss\n7B;140B;#N/A\n70B;1,4T;1,9\n"))
    assert [(each.row, each.tokens, each.measured) for each in found.runs] == [(3, 140e9, None), (4, 1.4e12, 1.9)]


def test_texts_are_whole_in_any_locale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with separators is quoted, whichever sign separates, so that no part of it becomes a cell or a formula."""
    from planner.cli import main

    path = _table(tmp_path, 'run,params,tokens\n"x;=1+1,=2+2",7B,140B\n')
    for fmt, sign in (("csv", ","), ("csv-semicolon", ";")):
        monkeypatch.setattr("sys.argv", ["plan", "check", str(path), "--format", fmt])
        with pytest.raises(SystemExit):
            main()
        out = capsys.readouterr().out
        assert '"x;=1+1,=2+2"' in out
        assert next(csv.DictReader(io.StringIO(out.removeprefix("\ufeff")), delimiter=sign))["run"] == "x;=1+1,=2+2"


def test_formulas_without_a_value_are_refused(tmp_path: Path) -> None:
    """A workbook that no spreadsheet program has calculated loses no rows: it is refused with the row."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["params", "tokens"], [7e9, 1e11], ["=A2*2", "=B2*2"]):
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(RunsFileError, match=r"x\.xlsx:3: holds a formula that was never calculated"):
        planner.check_runs(tmp_path / "x.xlsx")


def test_a_sheet_with_empty_cells_at_the_end(tmp_path: Path) -> None:
    """A workbook's sheet is judged as CSV is; losses not yet measured are left empty, blank rows passed over."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Runs")
    for row in (["run", "params", "tokens", "loss"], ["a", 70e9, "1.4T", None], [None] * 4, ["b", "7B", 1e12, 1.9]):
        sheet.append(row)
    book.save(tmp_path / "budget.xlsx")
    found = planner.check_runs(tmp_path / "budget.xlsx", sheet="Runs")
    assert [(each.row, each.run, each.measured) for each in found.runs] == [(2, "a", None), (4, "b", 1.9)]


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("params,loss\n7B,2\n", {}, "lacks column tokens"),
        ("params,tokens\n7B,\n", {}, "runs.csv:2:tokens: is empty"),
        ("params,tokens\n7B,-1\n", {}, "runs.csv:2:tokens: '-1': must be above 0"),
        ("params,tokens\n1e40,1e40\n", {}, "runs.csv:2: spends 6e80 FLOP"),
        ("params,tokens,loss\n7B,1T,low\n", {}, "runs.csv:2:loss"),
        ("params,tokens\n", {}, "no runs"),
        (TABLE, {"sheet": "Runs"}, "is no .xlsx workbook"),
        (TABLE, {"law": "llama3"}, "cannot judge runs"),
        (TABLE, {"law": "nolaw"}, "not in the catalogue"),
        (TABLE, {"tolerance": "x"}, "tolerance"),
        (TABLE, {"columns": 5}, "columns 5: expected names such as"),
        ("params,tokens," + "x" * 200_000 + "\n7e9,1e11,1\n", {}, "runs.csv:1: the header is not CSV"),
        ("params,tokens,note\n7e9,1e11," + "x" * 200_000 + "\n", {}, "runs.csv:2: not CSV (field larger"),
        ("sep=;\n\n", {}, "is empty"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, options: dict[str, Any], complaint: str) -> None:
    """One line with file, row and column."""
    with pytest.raises(PlannerError, match=r"(?s).") as refused:
        planner.check_runs(_table(tmp_path, text), **options)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    """What is no file of runs."""
    with pytest.raises(RunsFileError, match="cannot be read"):
        planner.check_runs(tmp_path / "none.csv")
    with pytest.raises(PlannerError, match="expected a file of runs"):
        planner.check_runs(3)
    with pytest.raises(CannotPlanError, match="cannot judge runs"):
        planner.check_runs(_table(tmp_path), law="gadre2024-c4")


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table, its verdicts, its data; options of one run do not go with a table, those of a table not with one run."""
    from planner.cli import main

    def run(*args: str) -> tuple[Any, str, str]:
        monkeypatch.setattr("sys.argv", ["plan", *args])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    path = str(_table(tmp_path))
    code, out, _ = run("check", path)
    assert code == 0
    assert out.startswith(f"3 runs of {path}: 1 balanced, 1 overfit, 1 underfit\n")
    assert run("check", path, "--strict")[0] == 1
    rows = list(csv.DictReader(io.StringIO(run("check", path, "--format", "csv")[1])))
    assert [float(row["overhead"]) for row in rows] == [each.overhead for each in planner.check_runs(path).runs]
    assert json.loads(run("check", path, "--format", "json")[1])["runs"][1]["measured"] is None
    for args, complaint in (
        (("check", path, "--gpus", "8xh100"), "plan: --gpus goes with one run"),
        (("check", path, "--params", "7B"), "plan: --params goes with one run"),
        (("check", path, "--explain"), "plan: --explain goes with one run"),
        (("check", "--sheet", "Runs", "--params", "7B", "--tokens", "1T"), "plan: --sheet goes with a table"),
        (("check", "--params", "7B"), "plan: a check needs a run"),
    ):
        code, _, err = run(*args)
        assert code == 2
        assert err.startswith(complaint)
        assert err.count("\n") == 1


def test_csv_for_a_decimal_comma(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Semicolons, decimal commas and a mark of UTF-8: the same numbers; and planner reads back what it wrote."""
    from planner.cli import main

    path = str(_table(tmp_path))

    def written(fmt: str) -> str:
        monkeypatch.setattr("sys.argv", ["plan", "check", path, "--format", fmt])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    plain = list(csv.DictReader(io.StringIO(written("csv"))))
    text = written("csv-semicolon")
    assert text.startswith("\ufefflaw;")
    comma = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    for one, other in zip(plain, comma, strict=True):
        assert one["run"] == other["run"]
        for name in ("params", "tokens", "flops", "law_loss", "overhead"):
            assert "." not in other[name]
            assert float(other[name].replace(",", ".")) == float(one[name])
    back = tmp_path / "back.csv"
    back.write_text(text, encoding="utf-8")
    again = planner.check_runs(back)
    assert [each.overhead for each in again.runs] == [float(row["overhead"]) for row in plain]
    assert [each.measured for each in again.runs] == [2.0, None, 1.75]  # not the law's own losses


def test_a_shape_is_put_to_kaplans_test_by_its_own_count() -> None:
    """Its parameters without embeddings are known exactly, so that no other vocabulary or aspect ratio stands in for them."""
    verdict = planner.check(shape="mistral-7b-v0.1", tokens="8T")
    assert verdict.overfitting_test.params == planner.check(shape="mistral-7b-v0.1", tokens="8T", law="kaplan2020").params
    assert verdict.overfitting_test.counted_for == "of the shape"
    steps = [step for step in planner.explain(verdict) if step.part == "Kaplan's test"]
    assert "N" not in {step.symbol for step in steps}
    assert "N" in {
        step.symbol for step in planner.explain(planner.check(params="7B", tokens="8T")) if step.part == "Kaplan's test"
    }


def _peak(folder: Path, *args: str) -> tuple[int, float]:
    """Run a command by itself; return its exit code and peak memory [MB]; a shell between, for what this process has held counts too."""
    code = (
        "import resource, sys\nfrom planner.cli import main\ntry: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    with (folder / "out").open("wb") as out:
        found = subprocess.run(
            ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", code, *args],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return found.returncode, int(found.stderr.split()[-1]) / 1e3


@pytest.mark.calibration
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_table_is_streamed(tmp_path: Path) -> None:
    """100,000 runs as JSON in 130 MB, where each run as an object took 330; ``benchmarks/large_tables.py`` measures a million."""
    path = tmp_path / "long.csv"
    rng = np.random.default_rng(0)
    params, tokens = (10 ** rng.uniform(low, low + 3, 100_000) for low in (8, 9))
    path.write_text("run,params,tokens\n" + "".join(f"r{i},{params[i]:.6g},{tokens[i]:.6g}\n" for i in range(100_000)))
    code, peak = _peak(tmp_path, "check", str(path), "--format", "json")
    assert code == 0
    assert peak < 130
    found = json.loads((tmp_path / "out").read_text())
    assert len(found["runs"]) == 100_000
    assert found["runs"][7] == planner.check_runs(path).runs[7]._asdict()
    assert list(found) == ["name", "law", "tolerance", "runs", "notes", "inputs", "version"]


@pytest.mark.calibration
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("header", [True, False])
def test_a_cell_far_to_the_right_costs_nothing(tmp_path: Path, header: bool) -> None:
    """One in column XFD, of the header or of every row: only the columns that are needed are read."""
    path = tmp_path / "far.xlsx"
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet("Runs")
    sheet.write_row(0, 0, ["params", "tokens"])
    if header:
        sheet.write(0, 16_383, "far")
    for row in range(1, 1501):
        sheet.write_row(row, 0, [1e9 + row, 2e10])
        if not header:
            sheet.write(row, 16_383, 1)
    book.close()
    code, peak = _peak(tmp_path, "check", str(path), "--format", "csv")
    assert code == 0
    assert peak < 130
    assert len((tmp_path / "out").read_text().splitlines()) == 1501


def test_a_workbook_that_unpacks_to_endless_texts_is_refused(tmp_path: Path) -> None:
    """All texts of a workbook are read before its first cell; 20 MiB of them pack to a few kB."""
    path = tmp_path / "texts.xlsx"
    endless_texts(path, 20)
    with pytest.raises(RunsFileError, match="holds more than 16 MiB of texts"):
        planner.check_runs(path)


def test_judged_runs_are_a_sequence(tmp_path: Path) -> None:
    """Counted from either end, cut, compared, as the tuple that they stand for."""
    runs = planner.check_runs(_table(tmp_path)).runs
    assert runs[0] == next(iter(runs))
    assert runs[-1] == tuple(runs)[-1]
    assert runs[1:] == tuple(runs)[1:]
    assert runs == tuple(runs)
    assert hash(runs) == hash(tuple(runs))
    assert runs != tuple(runs)[1:]
    with pytest.raises(IndexError):
        runs[len(runs)]


def test_titles_may_stand_above_the_header_of_a_sheet(tmp_path: Path) -> None:
    """As in budgets that people keep; the rows keep their numbers, and without any header the first row is complained about."""
    path = tmp_path / "budget.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Runs")
    sheet.write(0, 0, "Budget of 2027")
    sheet.write_row(2, 1, ["run", "params", "tokens"])
    sheet.write_row(3, 1, ["a", "7B", 1.4e11])
    book.close()
    assert [(each.row, each.run, each.params) for each in planner.check_runs(path).runs] == [(4, "a", 7e9)]
    with pytest.raises(RunsFileError, match="lacks column params, tokens, loss; it has Budget of 2027"):
        planner.fit(path, draws=0)


def test_what_a_measured_loss_compares_with(tmp_path: Path) -> None:
    """Runs without one are named, or left out; of a law of one's own, fitted to these runs or to others, it is said."""
    runs = tmp_path / "runs.csv"
    runs.write_text("run,params,tokens,loss\na,1B,20B,nan\nb,1B,20B,2.6\n")
    found = planner.check_runs(runs)
    assert "1 of 2 runs have no measured loss (row 2)" in next(note.text for note in found.notes if note.code == "loss-missing")
    assert [each.run for each in planner.check_runs(runs, skip_bad=True).runs] == ["b"]
    table = planner.load_runs("muennighoff2023").select("one epoch")
    rows = zip(table.params.tolist(), table.tokens.tolist(), table.loss.tolist(), strict=True)
    runs.write_text("params,tokens,loss\n" + "".join(f"{n!r},{d!r},{loss!r}\n" for n, d, loss in rows))
    planner.fit(runs, draws=0).save(tmp_path / "law.json")

    def said(path: Path) -> str:
        notes = planner.check_runs(path, law=tmp_path / "law.json").notes
        return next(note.text for note in notes if note.code == "measured-loss")

    assert "fitted to these very runs" in said(runs)
    other = tmp_path / "other.csv"
    other.write_text("params,tokens,loss\n1e8,2e9,3.4\n")
    assert "on the data that the law was fitted to" in said(other)


def test_tables_say_what_keeps_their_losses_apart(tmp_path: Path) -> None:
    """Losses in another unit than the law's, and tokens that are seen again, are warned of."""
    runs = tmp_path / "runs.csv"
    runs.write_text("params,tokens,val_bpb,unique_tokens\n7e9,2e12,0.7,25e9\n1e9,2e10,0.9,3e10\n")
    told = {note.code: note for note in planner.check_runs(runs).notes}
    assert told["measured-loss"].severity == told["repeats-fresh"].severity == "warning"
    assert "losses are in nats/byte, those of besiroglu2024 in nats/token: they do not compare" in told["measured-loss"].text
    assert told["repeats-fresh"].text.startswith("1 of 2 runs see tokens again")
