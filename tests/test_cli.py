"""The command as a user types it."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import planner
from planner.cli._app import app
from planner.cli._commands import COMMANDS, SUMMARIES
from planner.cli._completion import completions
from planner.cli._words import _COMMANDS as _WORD_COMMANDS
from planner.cli._words import _INPUTS, _SAID
from tests.conftest import Run


def test_the_main_job(run: Run) -> None:
    """plan --flops 1e21 prints the plan, its law and the other laws."""
    code, out, err = run("--flops", "1e21")
    assert (code, err) == (0, "")
    assert out.startswith("Compute-optimal plan for 1.00e21 FLOP (11.6 PF-days)\n")
    for text in ("2.78 B", "60.0 B", "21.6 per parameter", "2.306", "1.817 of it irreducible", "2.35 B to 3.28 B cost at most 1 %",
                 "11.6 % of what is reducible", "balanced", "besiroglu2024", "arXiv 2404.10102", "kaplan2020", "0.73", "4.68 B",
                 "hoffmann2022-approach1", "hoffmann2022-approach2", "hoffmann2022-approach3", "deepseek2024", "llama3", "muennighoff2023",
                 "overfit", "caution: printed constants are rounded", "1.82 B - 4.68 B"):  # fmt: skip
        assert text in out, text
    assert max(map(len, out.splitlines())) <= 140


def test_units_of_the_budget(run: Run) -> None:
    """PF-days and ZFLOP give the same plan as plain FLOP."""
    _, plain, _ = run("--flops", "1e21", "--format", "json")
    _, words, _ = run("--flops", "1 ZFLOP", "--format", "json")
    assert plain == words


def test_json_is_the_library(run: Run) -> None:
    """The JSON of the command is to_dict() of the library's answer."""
    _, out, _ = run("--flops", "1e21", "--format", "json")
    assert json.loads(out) == planner.plan(flops=1e21).to_dict()
    _, out, _ = run("check", "--params", "175B", "--tokens", "300B", "--format", "json")
    assert json.loads(out) == planner.check(params=175e9, tokens=300e9).to_dict()
    _, out, _ = run("laws", "llama3", "--format", "json")
    assert json.loads(out) == planner.load_law("llama3").to_dict()
    _, out, _ = run("laws", "--format", "json")
    assert [law["id"] for law in json.loads(out)] == [law.id for law in planner.laws()]


def test_csv_agrees_with_json_to_the_digit(run: Run) -> None:
    """Every number of the CSV is the JSON's, in full precision."""
    content = planner.plan(flops=1e21).to_dict()
    _, out, _ = run("--flops", "1e21", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["law"] for row in rows] == ["besiroglu2024", *(other["law"]["id"] for other in content["others"])]
    for key in ("flops", "params", "tokens", "tokens_per_param", "loss", "irreducible_loss", "overhead"):
        assert float(rows[0][key]) == content[key]
    assert (float(rows[0]["params_band_low"]), float(rows[0]["params_band_high"])) == tuple(content["params_band"])
    for row, other in zip(rows[1:], content["others"], strict=True):
        for key in ("params", "tokens", "tokens_per_param", "overhead"):
            assert float(row[key]) == other[key]
        assert row["loss"] == ("" if other["loss"] is None else repr(other["loss"]))


def test_markdown_has_the_tables_numbers(run: Run) -> None:
    """Text and Markdown round alike."""
    _, text, _ = run("--flops", "1e21")
    _, markdown, _ = run("--flops", "1e21", "--format", "markdown")
    for number in ("2.78 B", "60.0 B", "2.306", "4.68 B", "35.6 B", "2.435", "3.12x"):
        assert number in text
        assert number in markdown
    assert markdown.startswith("## Compute-optimal plan")
    assert "| kaplan2020 \\[1,2,3\\]" in markdown


def test_check(run: Run) -> None:
    """plan check prints the verdict first, then who is to blame and what would mend it."""
    code, out, _ = run("check", "--params", "175B", "--tokens", "300B")
    assert code == 0
    assert out.startswith("overfit: 175 B parameters on 300 B tokens (1.71 per parameter)\n")
    for text in ("3.15e23 FLOP", "3646 PF-days", "2.009", "64.5 % more compute", "31 % / 69 %", "53.0 B", "990 B",
                 "same loss 41.1 B 0.235x 777 B 2.59x 1.92e23 FLOP 0.608x 2.0085",
                 "same parameters, train longer 175 B 3.08 T 10.3x 3.24e24 FLOP 10.3x 1.9328 -0.0757",
                 "same tokens, shrink 15.1 B 0.0863x 300 B 2.72e22 FLOP 0.0863x 2.0882 +0.0797",
                 "remedy 53.0 B parameters on 990 B tokens for the same compute, or train on 10.3x the tokens, or shrink to 15.1 B", "failed", "1.09 T tokens", "1.04 T", "about 175 B without embeddings", "116x outside his data"):  # fmt: skip
        assert text in " ".join(out.split()), text


def test_remedies_out_of_reach_are_not_advised(run: Run) -> None:
    """Neither in the table nor in the line of advice; what leads is the demand from which the run pays."""
    out = " ".join(run("check", "--params", "8B", "--tokens", "15T", "--law", "kaplan2020")[1].split())
    assert "grow" not in out
    out = " ".join(run("check", "--params", "8B", "--tokens", "15T")[1].split())
    assert "925 B" not in out
    assert out.startswith(
        "pays when it serves 11.4 T tokens or more: 8.00 B parameters on 15.0 T tokens (1875 per parameter) pays from 11.4 T tokens served over its life"
    )
    assert "tokens for the same compute; compared below" in out
    assert "or grow to" not in out
    out = " ".join(run("check", "--params", "8B", "--tokens", "15T")[1].split())
    assert "remedy 81.0 B parameters on 1.48 T tokens for the same compute; compared below" in out


def test_a_plan_whose_data_are_worn_out_is_called_so_by_either_command(run: Run) -> None:
    """2 B unique tokens for 1e24 FLOP: what plan proposes, check does not find underfit, nor would it mend it by itself."""
    out = " ".join(run("--flops", "1e24", "--unique-tokens", "2B")[1].split())
    assert "regime compute wasted the unique tokens are worn out" in out
    assert "33.9x the compute of an optimal run of the same loss" in out
    checked = ("check", "--params", "47.3B", "--tokens", "3.52T", "--unique-tokens", "2B")
    out = " ".join(run(*checked)[1].split())
    assert out.startswith("compute wasted: 47.3 B parameters on 3.52 T tokens")
    assert "remedy find more data, or spend 0.0295x the compute: 8.20 B on 599 B reach the same loss" in out
    assert "twice the compute would buy 0 % of the reducible loss" in out
    assert "same compute" not in out
    out = " ".join(run("check", "--params", "1.3B", "--tokens", "8.7T", "--unique-tokens", "1.16B")[1].split())
    assert "remedy find more data, or spend 0.0136x the compute: 1.47 B on 104 B reach the same loss" in out
    assert "grow to" not in out


def test_fixed_size(run: Run) -> None:
    """--params with --flops: tokens follow, the regime says what it costs."""
    code, out, _ = run("--flops", "1e22", "--params", "70B")
    assert code == 0
    assert out.startswith("Plan with 70.0 B parameters for 1.00e22 FLOP")
    assert "overfit" in out
    assert "optimum here" in out
    _, out, _ = run("--flops", "1e22", "--tokens", "1T")
    assert out.startswith("Plan with 1.00 T tokens for 1.00e22 FLOP")


def test_own_exponents_and_constants(run: Run) -> None:
    """Changed laws are named (modified) and say what was changed."""
    _, out, _ = run("--flops", "1e21", "--exponents", "0.73", "0.27")
    assert "besiroglu2024 (modified)" in out
    assert "0.73 through 8.535e8 parameters at 1e20 FLOP" in " ".join(out.split())
    _, out, _ = run("--flops", "1e21", "--exponents", "0.5", "0.5", "--anchor", "1e21:2.8B")
    assert "2.80 B" in out
    _, out, _ = run("--flops", "1e21", "--law", "kaplan2020", "--set", "C_per_Cmin=1")
    assert "7.77 B" in out
    assert "kaplan2020 (modified)" in out


def test_explain(run: Run) -> None:
    """--explain adds formula, numbers, result and citation; in JSON under explanation, in CSV instead of the plan."""
    _, out, _ = run("--flops", "1e21", "--explain")
    assert "= (0.3478*482.01/(0.3658*2085.43))^(1/(0.3478+0.3658))" in out
    assert "= 2.77845946e9 parameters\n" in out
    assert "[2] Besiroglu et al. 2024, arXiv 2404.10102, Table 1" in out
    _, out, _ = run("--flops", "1e21", "--explain", "--format", "json")
    assert [step["symbol"] for step in json.loads(out)["explanation"]][:3] == ["PF", "a", "G"]
    _, out, _ = run("check", "--params", "1B", "--tokens", "1B", "--explain", "--format", "csv")
    assert out.startswith("symbol,formula,numbers,result,unit,source,part\n")
    headers = {
        tuple(run("check", "--params", n, "--tokens", "20B", "--format", "csv")[1].split("\n")[0].split(","))
        for n in ("1B", "90B", "9M")
    }
    assert len(headers) == 1  # the same columns whatever the verdict
    _, out, _ = run("check", "--params", "1B", "--tokens", "1B", "--explain", "--format", "markdown")
    assert "```text" in out


def test_laws(run: Run) -> None:
    """The list, one law whole, and those that apply."""
    code, out, _ = run("laws")
    assert code == 0
    assert all(law.id in out for law in planner.laws())
    _, out, _ = run("laws", "hoffmann2022-approach3")
    for text in ("L(N, D) = E + A/N^alpha + B/D^beta", "406.4", "[0.4540, 0.4550]", "nats/token", "6e18 - 3e21", "arXiv 2203.15556",
                 "Eq. 10", "read in the paper", "typo", "1 of 1 published outputs reproduced"):  # fmt: skip
        assert text in out, text
    _, out, _ = run("laws", "--applicable", "--flops", "1e21")
    assert "besiroglu2024" in out
    assert "deepseek2024" not in out
    code, out, _ = run("laws", "--applicable", "--flops", "1e45")
    assert code == 0
    assert out.startswith("0 laws")
    code, out, _ = run("laws", "--applicable", "--flops", "1e45", "--format", "csv")
    assert code == 0


@pytest.mark.parametrize("law", [law.id for law in planner.laws()])
@pytest.mark.parametrize("fmt", ["table", "markdown", "csv", "json"])
def test_every_law_can_be_shown(law: str, fmt: str) -> None:
    """plan laws ID works for the whole catalogue in every format."""
    result = CliRunner().invoke(app, ["laws", law, "--format", fmt])
    assert result.exit_code == 0, result.output
    assert law in result.output


@pytest.mark.parametrize("law", [law.id for law in planner.laws() if law.role == "plan"])
def test_every_planning_law_plans_and_explains(law: str) -> None:
    """plan --law ID --explain works for all of them, and so does check."""
    for args in (
        ["--flops", "1e22", "--law", law, "--explain"],
        ["check", "--params", "7B", "--tokens", "2T", "--law", law, "--explain"],
    ):
        result = CliRunner().invoke(app, args)
        assert result.exit_code == 0, result.output
        assert "nan" not in result.output.replace("nano", "")


def test_strict_turns_warnings_into_exit_1(run: Run) -> None:
    """Warnings fail under --strict, remarks do not, and bad input stays 2."""
    assert run("--flops", "1e21", "--strict")[0] == 0
    code, out, _ = run("--flops", "1e27", "--strict")
    assert code == 1
    assert out.startswith("Compute-optimal plan")
    assert run("--flops", "1e27")[0] == 0
    assert run("check", "--params", "175B", "--tokens", "300B", "--strict")[0] == 1
    assert run("--flops", "x", "--strict")[0] == 2


BAD = {
    ("--flops", "1e21x"): "--flops '1e21x': expected a number of FLOPs such as 1e21",
    ("--flops", "-5"): "--flops '-5': must be above 0",
    ("--flops", "0"): "must be above 0",
    ("--flops", "nan"): "expected a number of FLOPs",
    ("--flops", "inf"): "expected a number of FLOPs",
    ("--flops", ""): "--flops '': expected a number of FLOPs",
    ("--flops", "70B"): "that is a count",
    ("--flops", "5 TFLOP/s"): "that is a speed",
    ("--flops", "1e21", "--params", "3 PF-days"): "--params '3 PF-days': that is an amount of compute",
    ("--flops", "1e21", "--params", "1B", "--tokens", "1B"): "say too much",
    ("--flops", "1e21", "--law", "besiroglu"): "did you mean besiroglu2024?",
    ("--flops", "1e21", "--law", "none.toml"): "none.toml: cannot be read",
    ("--flops", "1e21", "--law", "gadre2024-c4"): "artefact",
    ("--flops", "1e21", "--law", "xlstm2025"): "--anchor",
    ("--flops", "1e21", "--exponents", "0.7", "0.7"): "they add to 1.4",
    ("--flops", "1e21", "--exponents", "-0.1", "1.1"): "each must lie between 0 and 1",
    ("--flops", "1e21", "--exponents", "0.5", "x"): "--exponents 'x': expected a number",
    ("--flops", "1e21", "--anchor", "1e21"): "--anchor '1e21': expected FLOPS:PARAMS",
    ("--flops", "1e21", "--set", "alpha"): "expected NAME=VALUE",
    ("--flops", "1e21", "--set", "alpha=x"): "--set alpha 'x': expected a number",
    ("--flops", "1e21", "--set", "alpha=1", "--set", "alpha=2"): "given twice",
    ("--flops", "1e21", "--set", "zeta=1"): "no constant 'zeta'",
    ("--flops", "1e21", "--tolerance", "-1%"): "--tolerance '-1%': must be at least 0",
    ("--flops", "1e21", "--format", "xml"): "'xml' is not one of",
    ("--flops", "1e21", "--flops", "1e22"): "--flops is given twice",
    ("check", "--params", "1B", "--params=2B", "--tokens", "1B"): "--params is given twice",
    ("--flops", "3 PFLOPS"): "that reads as a speed",
    ("--flops", "1,400"): "a comma could be a decimal point or a thousands separator",
    ("--flops", "1e21", "--tolerance", "5"): "write 5% or 500%",
    ("--flops", "1e21", "--set", "B=1e300"): "besiroglu2024 (modified): its constants take this answer out of the range",
    ("check", "--params", "1", "--tokens", "1e60"): "spends 6e60 FLOP, above 1e60",
    ("--flops", "1e21", "--nonsense"): "no option --nonsense; plan --help lists what there is",
    ("check", "175B", "300B"): "'175B' is no file; a run goes with its options: plan check --params 175B --tokens 300B",
    ("laws", "a", "b", "c"): "'b' 'c' are arguments too many; plan laws --help says what it takes",
    ("report", "--flops", "1e21"): "plan report needs -o or --out; for example: plan report --flops 1e21 -o plan.html",
    ("curve",): "plan curve needs POINTS.csv|.xlsx; for example: plan curve points.csv --target 5%",
    ("moe",): "a mixture of experts is planned by a law of mixtures: --law ludziejewski2025",
    ("cost",): "no command 'cost'; planner says that with --dollars, such as --dollars 2M --gpu h100",
    ("1e18:1e26",): "a budget goes with its option: plan --flops '1e18..1e26'",
    ("1:2:3",): "no command '1:2:3'; commands are",
    ("sheets", "build_addin"): "no command 'build_addin'; did you mean build-addin?",
    ("--law", "kaplan2020"): "no budget: give --flops",
    ("1e21",): "a budget goes with its option: plan --flops '1e21'",
    ("chekc",): "no command 'chekc'; did you mean check?",
    ("--flops", "1e21", "check", "--params", "1B", "--tokens", "1B"): "--flops stands before 'check'",
    ("check",): "a check needs a run: --params and --tokens",
    ("check", "--params", "1B"): "a check needs a run: --params and --tokens",
    ("check", "--params", "1B", "--tokens", "1B", "--flops", "1e21"): "plan check does not take --flops; plan, ",
    ("check", "--params", "0", "--tokens", "1B"): "--params '0': must be above 0",
    ("check", "--params", "1B", "--tokens", "1B", "--law", "pearce2024"): "cannot judge a run",
    ("laws", "nope"): "not in the catalogue",
    ("laws", "--applicable"): "--applicable and --flops go together",
    ("laws", "--flops", "1e21"): "--applicable and --flops go together",
    ("laws", "llama3", "--applicable", "--flops", "1e21"): "not both",
}


@pytest.mark.parametrize("args", BAD, ids=" ".join)
def test_bad_input_is_one_line_and_exit_2(run: Run, args: tuple[str, ...]) -> None:
    """One line on stderr that begins with the command's name; nothing on stdout; exit code 2."""
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert err.startswith("plan: ")
    assert err.count("\n") == 1
    assert BAD[args] in err


def test_no_arguments_print_help_and_exit_2(run: Run) -> None:
    """A bare plan shows what can be asked."""
    code, out, err = run()
    assert code == 2
    assert out == ""
    assert "Usage: plan" in err
    assert "--flops" in err


def test_version(run: Run) -> None:
    """--version names the version."""
    assert run("--version")[1] == f"plan {planner.__version__}\n"


def test_a_law_file_of_ones_own(run: Run, tmp_path: Path) -> None:
    """Good ones plan; one without a source says what is missing; hostile text does not reach the terminal or a spreadsheet."""
    source = Path(planner.__file__).parent.parent / "data" / "laws" / "besiroglu2024.toml"
    text = (source if source.is_file() else Path(planner.__file__).parent / "_data/laws/besiroglu2024.toml").read_text(
        encoding="utf-8"
    )
    mine = tmp_path / "mine.toml"
    mine.write_text(
        text.replace('id = "besiroglu2024"', 'id = "mine"').replace("Besiroglu et al.", "=cmd()|[x](y)"), encoding="utf-8"
    )
    code, out, _ = run("--flops", "1e21", "--law", str(mine))
    assert code == 0
    assert "mine" in out
    _, out, _ = run("--flops", "1e21", "--law", str(mine), "--format", "csv")
    assert next(iter(csv.DictReader(io.StringIO(out))))["reference"].startswith("'=cmd()")
    _, out, _ = run("laws", str(mine), "--format", "markdown")
    assert "=cmd()\\|\\[x\\](y)" in out
    mine.write_text(text.replace("Besiroglu et al.", "\\u001b]0;owned\\u0007"), encoding="utf-8")
    code, out, err = run("--flops", "1e21", "--law", str(mine), "--format", "csv")
    assert (code, out) == (2, "")
    assert "\x1b" not in err
    assert "source.authors: must be one line" in err
    broken = tmp_path / "broken.toml"
    broken.write_text(text.split("[source]")[0], encoding="utf-8")
    code, _, err = run("--flops", "1e21", "--law", str(broken))
    assert code == 2
    assert f"{broken}: lacks [source]" in err


def test_help_lists_every_option(run: Run) -> None:
    """Each command's help names its options and exits 0."""
    for args, words in (
        ((), ("--flops", "--law", "--exponents", "--anchor", "--set", "--explain", "--strict", "--format", "check", "laws")),
        (("check",), ("--params", "--tokens", "--law", "--tolerance", "--explain")),
        (("laws",), ("--applicable", "--flops", "--format")),
    ):
        code, out, _ = run(*args, "--help")
        assert code == 0
        assert all(word in out for word in words)


def test_help_names_the_librarys_defaults(run: Run) -> None:
    """Defaults are the library's; the help only repeats them."""
    from planner._util.defaults import DEFAULT_LAW, TOLERANCE
    from planner.inputs.law_choice import REFERENCE_FLOPS
    from planner.quantities import format_percent, plain

    words = " ".join(run("--help")[1].split())
    assert f"[default: {DEFAULT_LAW}]" in words
    assert f"[default: the law's own at {plain(REFERENCE_FLOPS)} FLOP]" in words
    assert f"[default: {format_percent(TOLERANCE).replace(' ', '')}]" in words


def test_interrupts_are_quiet(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves no traceback."""

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("planner.planning.plan.plan", interrupted)
    code, out, err = run("--flops", "1e21")
    assert code == 130
    assert out == ""
    assert "Traceback" not in err


def test_completion_offers_law_ids() -> None:
    """Shells complete --law."""
    context = click.Context(app)
    option = next(param for param in app.params if param.name == "law")
    assert "llama3" in [item.value for item in option.type.shell_complete(context, option, "ll")]


@pytest.mark.parametrize(
    ("kind", "start", "found"),
    [
        ("laws", "ll", "llama3"),
        ("devices", "H100", "h100-sxm"),
        ("devices", "512xh100", "512xh100-sxm"),
        ("grids", "fra", "france"),
        ("models", "llama2-7", "llama2-7b"),
        ("runs", "por", "porian2024"),
        ("benchmarks", "ima", "imagenet"),
    ],
)
def test_completion_knows_every_kind_of_name(kind: str, start: str, found: str) -> None:
    """Devices (with their number), grids, models, run tables and benchmarks are offered, in any case."""
    assert found in completions(kind, start)
    assert completions(kind, "no-such-name") == []


def test_completion_offers_the_groups_of_the_table_named() -> None:
    """Groups are those of --runs; without a table there are none."""
    assert "rpj|c4_val" in completions("groups", "rpj", "gadre2024")
    assert completions("groups", "", "") == []


def _process(*args: str, **kwargs: object) -> "subprocess.CompletedProcess[str]":
    code = "from planner.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60, **kwargs)  # type: ignore[call-overload, no-any-return]


def test_a_closed_pipe_ends_quietly() -> None:
    """plan laws | head leaves no traceback."""
    code = "from planner.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "laws", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    """What cannot be written is said, not traced back."""
    code = "from planner.cli import main; main()"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code, "laws"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "plan: cannot write the answer (No space left on device)\n"


def test_a_closed_stdout_is_no_traceback() -> None:
    """plan laws >&- has nowhere to write, and says nothing."""
    code = "import sys; sys.stdout = None; from planner.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "laws"], stderr=subprocess.PIPE, text=True, timeout=60)
    assert "Traceback" not in done.stderr


def test_any_terminal_encoding_works() -> None:
    """An ASCII terminal and no locale at all get text, not a traceback."""
    done = _process("laws", "discrete-diffusion2025", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "2512.10858" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "absent"),
    [
        (["--help"], ("numpy", "tabulate", "scipy", "tomllib")),
        (["check", "--help"], ("numpy", "tabulate", "scipy")),
        (["--flops", "1e21"], ("scipy", "tabulate", "json", "decimal", "difflib", "numpy.ma", "numpy.polynomial")),
        (["check", "--params", "1B", "--tokens", "1B"], ("scipy",)),
        (["--flops", "1e21", "--format", "json"], ("scipy", "tabulate")),
    ],
)
def test_start_up_imports_only_what_it_needs(args: list[str], absent: tuple[str, ...]) -> None:
    """Help loads neither numpy nor tabulate, the main command never loads scipy."""
    code = f"""
import sys
sys.argv = ["plan", *{args!r}]
from planner.cli import main
try:
    main()
except SystemExit as done:
    assert done.code == 0
print("loaded:", *(name for name in {absent!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "loaded:"


def test_importing_planner_is_free() -> None:
    """import planner loads neither scipy nor tabulate, nor numpy."""
    code = "import sys, planner; print([m for m in ('numpy', 'scipy', 'tabulate', 'click') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (("--loss", "2.1"), "Cheapest plan for loss 2.1: 2.14e22 FLOP"),
        (("--params", "8B"), "Compute-optimal plan for 7.87e21 FLOP"),
        (("--flops", "1e22", "--max-params", "4B"), "price of limits"),
        (("--flops", "1e22", "--tokens-per-param", "20"), "Plan with 20.0 tokens per parameter"),
        (("--flops", "1e22", "--unique-tokens", "25B"), "twice the data"),
        (("--flops", "1e24", "--inference-tokens", "2T"), "over the run of the same loss that is cheapest to train"),
        (("--flops", "1e24", "--inference-per-month", "80B", "--months", "24"), "training and serving 1.92 T tokens"),
        (
            (
                *("--flops", "1e24", "--inference-tokens", "2T", "--mfu", "50%", "--inference-mfu", "50%"),
                *("--generated-tokens", "1T", "--generation-mfu", "1%", "--price", "2", "--inference-price", "1"),
            ),
            "a served FLOP counted 12.8 times",
        ),
        (("--flops", "1e21", "--law", "krajewski2024-moe", "--granularity", "8"), "parameters at work on a token; granularity 8"),
        (("--flops", "1e21", "--law", "abnar2025", "--sparsity", "90%"), "dense instead"),
        (("--flops", "1e21", "--precision", "fp8"), "83.3 % of the parameters count"),
        (("--flops", "1e21", "--data-quality", "90%"), "89.9 % of the tokens count"),
        (
            ("--flops", "1e21", "--shape", "layers=12,width=768,heads=12,vocab=50257,context=1024,tied=1", "--recompute"),
            "by the rule exact",
        ),
        (("check", "--params", "8B", "--tokens", "500B", "--unique-tokens", "50B"), "50.0 B unique tokens seen 10.0 times"),
        (("check", "--params", "8B", "--tokens", "500B", "--inference-tokens", "10T"), "for 10.0 T tokens served"),
        (("trade", "--flops", "1e22", "--ratio", "0.5"), "0.500x"),
        (("trade", "--loss", "2.2", "--unique-tokens", "50B"), "epochs"),
    ],
)
def test_constraints_on_the_command_line(run: Run, args: tuple[str, ...], shown: str) -> None:
    """Every condition is an option, and what it does stands in the answer; every format of it holds."""
    code, out, err = run(*args)
    assert (code, err) == (0, "")
    assert shown in " ".join(out.split())
    for fmt in ("markdown", "csv", "json"):
        code, out, _ = run(*args, "--format", fmt)
        assert code == 0
        if fmt == "json":
            json.loads(out)
        elif fmt == "csv":
            rows = list(csv.DictReader(io.StringIO(out)))
            assert rows
            assert all(None not in row for row in rows)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--loss", "1.7"), "cannot be reached at all"),
        (("--loss", "2", "--flops", "1e21"), "say too much"),
        (("--flops", "1e21", "--experts", "64"), "laws with experts are"),
        (("--flops", "1e21", "--inference-tokens", "2T/month"), "inference-tokens"),
        (("--flops", "1e21", "--flops-rule", "exact"), "needs a concrete model"),
        (("--flops", "1e21", "--precision", "fp7"), "expected one of"),
        (("trade",), "no budget"),
        (("trade", "--flops", "1e21", "--law", "llama3"), "no loss surface"),
        (("check", "--params", "8B", "--tokens", "1T", "--mfu", "40%"), "needs --inference-tokens"),
    ],
)
def test_bad_constraints_exit_with_2_and_one_line(run: Run, args: tuple[str, ...], message: str) -> None:
    """One line on standard error, nothing on standard output."""
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_help_lists_every_command_once_in_a_line(run: Run) -> None:
    """plan --help loads no command, and lists all before any option, each whole in one line of 80 columns."""
    assert set(SUMMARIES) == set(app.commands)
    assert sum(map(len, COMMANDS.values())) == len(SUMMARIES)
    _, out, _ = run("--help")
    lines = [" ".join(line.split()) for line in out.split("\n")]
    assert all(lines.count(f"{name} {text}") == 1 for name, text in SUMMARIES.items())
    assert out.index(SUMMARIES["help"]) < out.index("--flops FLOP")
    assert max(map(len, out.split("\n"))) <= 80


@pytest.mark.parametrize("name", sorted(SUMMARIES))
def test_help_of_a_command_is_its_own_help(run: Run, name: str) -> None:
    """plan help COMMAND is COMMAND --help."""
    _, out, _ = run(name, "--help")
    assert run("help", name)[1] == out
    assert max(map(len, out.splitlines())) <= 80


def test_help_without_a_command_is_the_main_help(run: Run) -> None:
    """plan help, and plan help plan; a command that there is not is refused with what is near."""
    assert run("help")[1] == run("help", "plan")[1] == run("--help")[1]
    assert run("help", "chek")[0] == 2
    assert "did you mean check?" in run("help", "chek")[2]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("--flop 1e21", "did you mean --flops?"),
        ("--flopz=1e21", "did you mean --flops?"),
        ("--n-params 7B", "--params, such as --params 7B"),
        ("--accuracy 5%", "plan limits --benchmark imagenet --error 5%"),
        ("--warmup 2000", "plan configure proposes"),
        ("--schedule 1f1b", "plan configure, plan throughput do"),
        ("check --software fsdp", "plan throughput does"),
        ("--finetune", "planner plans pre-training"),
        ("--rl", "planner plans pre-training"),
        ("--moe", "--law ludziejewski2025"),
        ("--gpus 64:h100-sxm", "'64:h100-sxm': expected devices such as 512xH100"),
        ("--flops 1e18:1e26", "a range is written with two dots, 1e18..1e26"),
        ("--xyzzy 3", "plan --help lists what there is"),
        ("check --xyzzy 3", "plan check --help lists what there is"),
        ("fit runs.csv --budget 3", "plan fit --help lists what there is"),
        ("check --json", "--format json"),
        ("chart", "--plot plan.png"),
        ("comprae", "did you mean compare?"),
        ("xyzzy", "commands are backtest, check"),
    ],
)
def test_what_people_type_is_answered_with_what_there_is(run: Run, args: str, said: str) -> None:
    """What is near, what says it here, or where to look: never an option that has nothing to do with it."""
    code, out, err = run(*args.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize("text", [text for part in (_SAID, _INPUTS, _WORD_COMMANDS) for text in part.values()])
def test_what_is_advised_exists(text: str) -> None:
    """Every option and command in those answers is one of the main command, or of the command named."""
    options = {option for param in app.params for option in param.opts} | {
        option for command in app.commands.values() for param in command.params for option in param.opts
    }
    assert set(re.findall(r"--[a-z][\w-]*", text)) <= options
    assert set(re.findall(r"plan (?=[a-z])(\w+)", text)) <= set(app.commands)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--flops", "1e18:1e26"), "1e18..1e26"),
        (("--flops", "1e21", "--gpu", "h100", "--mfu", "40"), "write 40%\n"),
        (("--gpus", "64xh100", "--weeks", "3"), '--days, such as --days "3 weeks"'),
        (("--budget", "1e21"), "--flops"),
        (("--flops", "1e21", "--format", "y" * 400), "is not one of table"),
    ],
)
def test_what_people_paste_is_met_with_what_would_have_worked(run: Run, args: tuple[str, ...], says: str) -> None:
    """One short line that names it."""
    code, _, err = run(*args)
    assert code == 2
    assert says in err
    assert len(err) < 250


def test_what_people_paste_is_read(run: Run) -> None:
    """Choices in any case, and devices without an x."""
    assert run("--flops", "1e21", "--format", "JSON") == run("--flops", "1e21", "--format", "json")
    assert run("--flops", "1e21", "--gpus", "64 H100") == run("--flops", "1e21", "--gpus", "64xH100")
    few = ("--days", "10", "--points", "3")
    assert run("--gpus", "64..512 H100", *few) == run("--gpus", "64..512xH100", *few)


def test_no_command_is_sent_to_an_option_that_it_lacks(run: Run) -> None:
    """What --weeks mean is said only where days are an input."""
    code, _, err = run("curve", "--weeks", "3")
    assert code == 2
    assert "--days" not in err


def test_a_fault_of_our_own_is_one_line_and_exit_70(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never exit 1, which means a warning; the traceback only where it is asked for."""

    def broken(*_: Any, **__: Any) -> None:
        raise StopIteration("by design")

    monkeypatch.setattr("planner.planning.plan.answered", broken)
    monkeypatch.delenv("PLANNER_DEBUG", raising=False)
    code, out, err = run("--flops", "1e21")
    assert (code, out) == (70, "")
    assert err.startswith("plan: a fault of planner, not of your input (StopIteration in broken")
    assert err.count("\n") == 1
    monkeypatch.setenv("PLANNER_DEBUG", "1")
    code, _, err = run("--flops", "1e21")
    assert code == 70
    assert "Traceback" in err


def test_a_plot_in_the_terminal_is_coloured_as_the_answer_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--color rules both: asked for, in a pipe too; refused, on a terminal too."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # plotille asks too
    coloured, plain = (run("--flops", "1e21", "--plot", "-", "--color", how)[1] for how in ("always", "never"))
    assert "\x1b[" in coloured.split("Loss at fixed compute")[1]
    assert "\x1b" not in plain
