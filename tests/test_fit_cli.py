"""plan fit, plan backtest and plan runs on the command line: output, files, exit codes, one line for bad input."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import planner
from planner.cli import _options
from planner.cli._app import app
from planner.fitting.classical import ROBUST
from planner.fitting.fit import FORM_CHOICES
from planner.fitting.results import METHODS
from planner.scaling_laws.provenance import PARAM_COUNTS
from tests.conftest import Run

PLAN = [str(Path(sys.executable).with_name("plan"))]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of runs in an otherwise empty folder."""
    monkeypatch.chdir(tmp_path)
    runs = planner.load_runs("gadre2024").select("rpj|c4_val")
    rows = zip(runs.params.tolist(), runs.tokens.tolist(), runs.loss.tolist(), strict=True)
    (tmp_path / "runs.csv").write_text("params,tokens,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    return "runs.csv"


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PLAN, *args], capture_output=True, text=True, timeout=120, check=False)


def invoke(*args: str) -> str:
    result = CliRunner().invoke(app, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_choices_written_out_are_the_librarys() -> None:
    """The lists that spare --help an import are those of the library."""
    assert _options.METHODS == METHODS
    assert _options.FORMS == FORM_CHOICES
    assert _options.ROBUST == ROBUST
    assert set(_options.COUNTS) == set(PARAM_COUNTS)


def test_fit_save_and_plan(table: str) -> None:
    """The way a team goes: fit, save, plan, check; nothing on standard error but where the law went, no progress bar in a pipe."""
    found = run("fit", table, "--save", "my-law.json", "--draws", "50", "--params-count", "total", "--data", "RedPajama, 50k BPE")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("Fit of runs.csv\n")
    assert found.stderr == "saved; use it with plan --flops 1e23 --law 'my-law.json'\n"
    for text in ("forecast", "classical", "Compute-optimal runs", "95 % interval", "1e25 FLOP", "gamma"):
        assert text in found.stdout
    planned = run("--flops", "1e22", "--law", "my-law.json", "--level", "80%")
    assert planned.returncode == 0, planned.stderr
    assert "80 % interval" in planned.stdout
    assert "RedPajama, 50k BPE" in planned.stdout
    assert "N counts all parameters" in planned.stdout
    judged = run("check", "--params", "1B", "--tokens", "20B", "--law", "my-law.json", "--format", "json")
    assert json.loads(judged.stdout)["intervals"]["run_loss"]
    again = run("fit", table, "--save", "my-law.json", "--draws", "50")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert again.stdout == ""
    assert run("fit", table, "--save", "my-law.json", "--draws", "50", "--overwrite").returncode == 0


def test_json_and_csv_keep_full_precision(table: str) -> None:
    """JSON is the library's answer; CSV has a row for each constant, exponent and round budget."""
    content = json.loads(invoke("fit", table, "--draws", "30", "--format", "json"))
    assert content == json.loads(json.dumps(planner.fit(table, draws=30).to_dict()))
    rows = list(csv.DictReader(io.StringIO(invoke("fit", table, "--draws", "30", "--format", "csv"))))
    assert {row["method"] for row in rows} == {"forecast", "classical"}
    assert {row["quantity"] for row in rows} >= {"E", "alpha", "gamma", "exponent_params", "params", "tokens_per_param"}
    alpha = next(row for row in rows if row["method"] == "classical" and row["quantity"] == "alpha")
    assert float(alpha["value"]) == content["others"][0]["constants"]["alpha"]


def test_plan_json_under_a_fitted_law_has_intervals_and_under_most_published_ones_null(table: str) -> None:
    """The same keys either way."""
    invoke("fit", table, "--save", "law.json", "--draws", "30")
    fitted, published = (
        json.loads(invoke("--flops", "1e22", *law, "--format", "json"))
        for law in (("--law", "law.json"), ("--law", "muennighoff2023"))
    )
    assert set(fitted) == set(published)
    assert published["intervals"] is None
    assert fitted["intervals"]["params"][0] < fitted["params"] < fitted["intervals"]["params"][1]
    assert set(fitted["intervals"]["loss_parts"]) == {"local", "structures", "distance", "rows"}
    row = next(csv.DictReader(io.StringIO(invoke("--flops", "1e22", "--law", "law.json", "--format", "csv"))))
    assert float(row["params_low"]) == fitted["intervals"]["params"][0]
    assert float(row["run_loss_high"]) == fitted["intervals"]["run_loss"][1]


def test_every_method_form_and_loss_prints(table: str) -> None:
    """Each choice gives a document; a fit's notes decide under --strict."""
    for method in ("classical", "envelope"):
        assert method in invoke("fit", table, "--method", method, "--draws", "30")
    for form in ("tied", "no-floor", "kaplan", "compute", "generalised", "auto"):
        assert "Constants" in invoke("fit", table, "--method", "classical", "--form", form, "--draws", "0")
    assert "held-out error" in invoke("fit", table, "--form", "auto", "--draws", "0", "--format", "markdown")
    assert "sum of squares" in invoke("fit", table, "--method", "classical", "--robust", "squared", "--draws", "0")
    assert "1.6900" in invoke(
        "fit", table, "--fix", "E=1.69", "--bound", "alpha=0.1:0.9", "--overestimate-penalty", "3", "--draws", "0"
    )
    strict = run("fit", "--runs", "porian2024", "--group", "rw|tuned|short|const", "--draws", "0", "--strict")
    assert strict.returncode in {0, 1}
    assert (strict.returncode == 1) == ("WARNING" in strict.stdout.split("Notes on the")[0])


def test_backtest_prints_cases_and_means() -> None:
    """Each group, each ratio, both methods; CSV has a row a case."""
    text = invoke("backtest", "--runs", "muennighoff2023", "--ratio", "10")
    assert "Means over groups" in text
    assert text.count("one epoch") == 2
    rows = list(csv.DictReader(io.StringIO(invoke("backtest", "--runs", "clark2022", "--ratio", "10", "--format", "csv"))))
    assert [row["method"] for row in rows] == ["forecast", "classical"]
    one = json.loads(invoke("backtest", "--runs", "clark2022", "--method", "forecast", "--format", "json"))
    assert {case["method"] for case in one["cases"]} == {"forecast"}
    assert [case["ratio"] for case in one["cases"]] == [10.0, 30.0]


def test_shipped_tables_are_listed_and_shown() -> None:
    """The list, one table whole, and its runs as CSV that plan fit reads again."""
    assert "porian2024" in invoke("runs")
    shown = invoke("runs", "porian2024")
    assert "MIT" in shown
    assert "rw|base|short|chinchilla" in shown
    assert len(json.loads(invoke("runs", "--format", "json"))) == 5
    assert invoke("runs", "--format", "csv").startswith("name,")
    rows = list(csv.DictReader(io.StringIO(invoke("runs", "clark2022", "--format", "csv"))))
    assert len(rows) == 200
    assert {"params", "tokens", "flops", "loss", "group", "run"} <= set(rows[0])


def test_a_pinned_gamma_is_called_so() -> None:
    """Not the range over members that leave it free, for none does."""
    args = ("fit", "--runs", "porian2024", "--group", "rw|base|long|kaplan", "--draws", "0")
    assert "pinned; about 1" in invoke(*args, "--fix", "gamma=1")
    assert "over members that leave it free" in invoke(*args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fit"], "name one table"),
        (["fit", "runs.csv", "--runs", "porian2024"], "name one table"),
        (["fit", "porian2024"], "that ships is --runs porian2024"),
        (["fit", "none.csv"], "cannot be read"),
        (["fit", ""], "cannot be read"),
        (["fit", "--runs", "nope"], "no shipped table of that name; there are clark2022"),
        (["fit", "--runs", "porian2024"], "choose one: --group NAME"),
        (["fit", "runs.csv", "--columns", "params"], "expected QUANTITY=COLUMN pairs"),
        (["fit", "runs.csv", "--columns", "params=params,params=tokens"], "given twice"),
        (["fit", "runs.csv", "--fix", "E=1", "--fix", "E=2"], "--fix E: given twice"),
        (["fit", "runs.csv", "--bound", "alpha=3"], "expected NAME=LOW:HIGH"),
        (["fit", "runs.csv", "--method", "magic"], "Invalid value for '--method'"),
        (["fit", "runs.csv", "--draws", "5"], "too few for an interval"),
        (["fit", "runs.csv", "--workers", "0"], "expected a number of processes"),
        (["fit", "runs.csv", "--save", "law.toml"], "ends in .json"),
        (["fit", "runs.csv", "--save", ""], "ends in .json"),
        (["fit", "runs.csv", "--overwrite"], "--force goes with --save FILE or --plot FILE"),
        (["fit", "runs.csv", "--name", "kaplan2020"], "belongs to a catalogued law"),
        (["backtest", "runs.csv", "--ratio", "1"], "must be above 1"),
        (["runs", "nope"], "no shipped table of that name"),
        (["--flops", "1e21", "--level", "100%"], "must lie between 0.01 and 0.9999"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(args: list[str], message: str, table: str, run: Run) -> None:
    """What was given, what is required, what to do."""
    code, out, err = run(*args)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


def test_the_table_itself_is_never_overwritten(table: str) -> None:
    """--save onto the file of runs is refused, even with --overwrite."""
    Path("runs.json").write_text(Path(table).read_text())
    found = run("fit", "runs.json", "--save", "runs.json", "--overwrite", "--draws", "0")
    assert found.returncode == 2
    assert "the table of runs itself" in found.stderr
    assert Path("runs.json").read_text() == Path(table).read_text()


def test_a_progress_bar_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal sees a bar that reaches its end; a pipe sees nothing."""
    with _options.progress_bar("work") as nothing:
        assert nothing is None

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with _options.progress_bar("work") as report:
        assert report is not None
        for _ in range(4):
            report(1, 4)
    assert "work" in screen.getvalue()
    assert "100%" in screen.getvalue()


def test_help_loads_no_numbers() -> None:
    """plan fit --help imports neither numpy nor the fitting engine."""
    code = (
        "import sys; from planner.cli._app import app; app(['fit', '--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = found.stdout.splitlines()[-1]
    assert "'numpy'" not in modules
    assert "'planner.fitting" not in modules
    assert isinstance(app.commands["fit"], click.Command)


def test_the_method_names_its_objective() -> None:
    """The published one where it was taken, else the one asked for."""
    asked = ("fit", "--runs", "gadre2024", "--group", "rpj|c4_val", "--method", "classical", "--draws", "0")
    assert "of the published" in invoke(*asked)
    assert "asked for" in invoke(*asked, "--robust", "absolute")
