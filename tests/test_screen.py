"""What a terminal shows: no line wider than it, the answer first, short where asked, coloured where that helps."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.output.documents.blocks import Facts, Items, Table, Title
from planner.output.screen import NARROWEST, Screen
from planner.output.text import brief, to_text
from planner.output.text_table import laid_out, stacks
from tests import documents
from tests.conftest import Run

_ESCAPE = re.compile(r"\x1b\[[\d;]*m")
_SLOW = ("pilots", "fit ", "backtest", "report", "workbook", "--plot", ".csv", ".toml", ".json", "proposals")
_COMMANDS = sorted(
    {command for text in documents.pages().values() for block in documents.blocks(text) for command, _ in block
     if not any(part in command for part in _SLOW)}
    | {"plan laws", "plan laws kaplan2020", "plan models", "plan hardware", "plan hardware h100", "plan sheets", "plan runs porian2024",
       "plan --flops 1e26 --gpus 64xH100 --explain", "plan trade --flops 1e22 --inference-tokens 5T"}
)  # fmt: skip


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: command[5:60])
def test_no_line_is_wider_than_the_terminal(command: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every quick command of README and docs, and the catalogues, at three widths; nothing of the answer is lost."""
    words = {}
    for width in (60, 80, 132):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, error = run(*shlex.split(command)[1:])
        assert code == 0 or "cannot be reached" in error
        assert max(map(len, out.split("\n")), default=0) <= width, width
        words[width] = out
    if "no room here" not in words[60]:  # divided tables say their first column again, and no character is lost
        narrow, wide = (Counter("".join(words[width].split())) for width in (60, 132))
        assert not wide - narrow


@pytest.mark.parametrize("command", ["plan fit --runs clark2022 --draws 20", "plan pilots --budget 1e19 --target 1e22"])
def test_slow_commands_fit_too(command: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit and a design at the common width."""
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(*shlex.split(command)[1:])[1].split("\n"))) <= 80


def test_files_and_pipes_are_100_wide(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither a terminal nor COLUMNS; nonsense in COLUMNS counts as none, and 40 is the least."""
    monkeypatch.delenv("COLUMNS")
    piped = run("laws")[1]
    assert 80 < max(map(len, piped.split("\n"))) <= 100
    for nonsense in ("", "0", "-5", "wide", "1e3", "9" * 5000, "\N{SUPERSCRIPT TWO}"):
        monkeypatch.setenv("COLUMNS", nonsense)
        assert run("laws")[1] == piped
    monkeypatch.setenv("COLUMNS", "3")
    for command in ("check --params 7B --tokens 1T", "laws", "models", "sheets", "compare --flops 1e21", "hardware"):
        assert max(map(len, run(*command.split())[1].split("\n"))) <= NARROWEST, command


def test_formats_for_machines_know_no_width(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV and JSON are the same at any width."""
    for fmt in ("csv", "json"):
        wide = run("--flops", "1e21", "--format", fmt)[1]
        monkeypatch.setenv("COLUMNS", "50")
        assert run("--flops", "1e21", "--format", fmt)[1] == wide


def test_columns_without_room_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range leaves columns out and says which; a catalogue likewise; another table puts them below."""
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = run("--flops", "1e20..1e24", "--points", "3", "--gpu", "h100")
    assert "no room here for device-hours, cost, energy: a wider terminal" in " ".join(out.split())
    assert "no room here for" in run("laws")[1]
    rows = run("trade", "--flops", "1e22")[1]
    assert rows.count("0.500x") == 2
    assert "pays from" in " ".join(rows.split())


def test_the_answer_comes_first_and_its_warnings_next(run: Run) -> None:
    """Then the law, the other laws, and notes; what is true of any two laws last of all."""
    _, out, _ = run("--flops", "1e26")
    places = [
        out.index(part)
        for part in ("Compute-optimal plan", "Warnings", "conventions", "The same budget", "Notes", "compare sizes")
    ]
    assert places == sorted(places)


def test_notes_that_do_not_bear_are_left_out(run: Run) -> None:
    """The interval at 1e26 FLOP is no word on a plan of 1e18; on one of 1e24 it is."""
    assert "at 1e26 FLOP the draws here" not in run("--flops", "1e18")[1]
    assert "at 1e26 FLOP the draws here" in " ".join(run("--flops", "1e24")[1].split())


@pytest.mark.parametrize("command", [each for each in _COMMANDS if ".." not in each and "--explain" not in each and "50B" not in each],
                         ids=lambda command: command[5:60])  # fmt: skip
def test_brief_is_at_most_eight_lines(command: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The title first, no line wider than the terminal, and the first warning."""
    monkeypatch.setenv("COLUMNS", "80")
    code, whole, _ = run(*shlex.split(command)[1:])
    assert code == 0
    _, out, _ = run(*shlex.split(command)[1:], "--brief")
    lines = out.rstrip("\n").split("\n")
    assert 2 <= len(lines) <= 8
    assert max(map(len, lines)) <= 80
    assert lines[0].removesuffix("...") in " ".join(whole.split())
    assert ("warning" in lines[-1]) == ("\nWarnings\n" in whole)
    if "warning" in lines[-1]:
        first = whole.partition("\nWarnings\n  - ")[2].partition(":")[0]
        assert lines[-1].partition(": ")[2].removesuffix("...")[:40] in " ".join(first.split())


def test_brief_keeps_what_is_asked_for(run: Run) -> None:
    """Money, time and utilisation where devices are named, beside a warning; the demand from which an over-trained run pays."""
    _, out, _ = run("--gpus", "512xH100", "--days", "30", "--brief")
    assert [line.split()[0] for line in out.split("\n")[1:-1]] == [
        "budget",
        "parameters",
        "tokens",
        "loss",
        "regime",
        "cost",
        "warning:",
    ]
    assert "for 30.0 days, MFU 3" in out
    assert [line.split()[0] for line in run("check", "--params", "8B", "--tokens", "15T", "--brief")[1].split("\n")[1:3]] == [
        "pays",
        "loss",
    ]
    sizes = [line.split()[0] for line in run("trade", "--flops", "1e22", "--brief")[1].split("\n")[5:7]]
    assert sizes == ["0.700x", "1.00x"]


def test_brief_is_refused_where_there_is_no_one_answer(run: Run) -> None:
    """A range, a format for machines."""
    for more in (["--flops", "1e20..1e22"], ["--flops", "1e21", "--format", "json"]):
        code, out, error = run(*more, "--brief")
        assert (code, out) == (2, "")
        assert "--brief goes with" in error


def test_brief_is_refused_before_anything_is_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture and no law is left behind, in whatever order the options stand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text("params,tokens\n7B,1T\n", encoding="utf-8")
    for command in (
        "--flops 1e21 --brief --format csv --plot a.png",
        "--flops 1e21 --format csv --plot a.png --brief",
        "--flops 1e18..1e24 --brief --plot b.png",
        "fit --runs clark2022 --method classical --draws 0 --save law.json --brief --format json",
        "check runs.csv --brief --plot c.png",
    ):
        assert run(*command.split())[:2] == (2, ""), command
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_colours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """None in a pipe; headings and warnings where asked; never where that is said."""
    plain = run("--flops", "1e26")[1]
    assert "\x1b" not in plain
    coloured = run("--flops", "1e26", "--color", "always")[1]
    assert "\x1b[1;33mWarnings\x1b[0m" in coloured
    assert _ESCAPE.sub("", coloured) == plain
    monkeypatch.setattr("planner.output.screen.is_terminal", lambda: True)
    assert "\x1b" not in run("--flops", "1e26", "--color", "never")[1]


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal colours are on, unless NO_COLOR is set to anything."""
    from planner.output.screen import screen, written_for

    monkeypatch.setattr("planner.output.screen.is_terminal", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with written_for("auto"):
        assert screen().colours
    monkeypatch.setenv("NO_COLOR", "1")
    with written_for("auto"):
        assert not screen().colours
    with written_for("always"):
        assert screen().colours


def test_a_reader_of_text_is_not_steered() -> None:
    """Control characters of a law file are dropped; the colours are planner's own."""
    text = to_text([Title("a\x1b[31mb"), Facts([("x", "y\x07", "")]), Items("Warnings", ["c\x1b]0;d"])], Screen(80, colours=True))
    assert _ESCAPE.sub("", text).isprintable() or "\x1b" not in _ESCAPE.sub("", text)
    assert "\x1b[31m" not in text
    assert "\x1b" not in _ESCAPE.sub("", brief([Title("a\x1b[31mb"), Facts([("x", "y", "")])], Screen(80, colours=True)))


_WORDS = st.lists(st.text("abc12-/.%", min_size=1, max_size=14), min_size=1, max_size=6).map(" ".join)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str]:
    many = draw(st.integers(1, 7))
    align = draw(st.text("lr", min_size=many, max_size=many))
    cell = [_WORDS if side == "l" else st.text("0123456789.", min_size=1, max_size=12) for side in align]
    rows = draw(st.lists(st.tuples(*cell).map(list), min_size=1, max_size=4))
    return [draw(_WORDS) for _ in range(many)], rows, align


def _squeezed(texts: Sequence[str]) -> str:
    return "".join(sorted("".join(texts).replace(" ", "").replace("\n", "")))


@given(_tables(), st.integers(34, 120))
def test_any_table_fits_and_keeps_every_character(table: tuple[list[str], list[list[str]], str], width: int) -> None:
    """No line is wider; each cell is there, what names the rows as often as the table had to be divided."""
    headers, rows, align = table
    lines = laid_out(headers, rows, align, width)
    assert all(len(line) <= width for line in lines)
    parts = stacks(headers, rows, align, width)
    assert lines.count("") + 1 == len(parts)
    assert _squeezed(lines) == _squeezed([row[at] for part in parts for row in (headers, *rows) for at in part])
    assert {at for part in parts for at in part} == set(range(len(headers)))


def test_a_header_that_breaks_at_a_sign_leaves_no_empty_line() -> None:
    """A header of a stroke and a letter, in a column of one letter."""
    assert "" not in laid_out(["1"] * 5 + ["/a", "1"], [["1"] * 6 + ["1 111111 1111111"]], "lllllll", 34)


def test_a_divided_table_names_its_rows_in_every_part() -> None:
    """By as many columns as tell them apart."""
    figures = [f"{percent}.00 %" for percent in range(1, 9)]
    rows = [["dense", method, ratio, *figures] for method in ("forecast", "classical") for ratio in ("10", "30")]
    headers = ["group", "method", "R", *(f"figure {place}" for place in range(1, 9))]
    parts = stacks(headers, rows, "llr" + 8 * "r", 60)
    assert len(parts) > 1
    assert all(part[:3] == [0, 1, 2] for part in parts)


def test_numbers_stay_with_their_units() -> None:
    """A cell that wraps breaks between words, not between 10 and %."""
    lines = laid_out(["law", "seen"], [["a", "balanced, under 10 % more"]], "ll", 24)
    assert any("10 %" in line for line in lines)
    assert to_text([Table("T", "lr", ["a", "b"], [["x", "1"]], [])], Screen(80)) == "T\n  a  b\n  x  1\n"


@pytest.mark.parametrize("said", ["1", "40", "61", "80", "200"])
def test_help_is_as_wide_as_click_has_it(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """The command says the width itself, for click loads a module to find it."""
    from click.formatting import HelpFormatter

    from planner._util.terminal import help_width

    monkeypatch.setenv("COLUMNS", said)
    assert help_width() == HelpFormatter().width
