"""Reading a table of runs: what is understood, and one line with file, row and column for what is not."""

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner._util.files import data_root
from planner.errors import OptionError, RunsFileError
from planner.fitting.tables.runs import Runs, read_runs, runs_from_arrays
from planner.inputs.table_inputs import Reading
from tests import documents

HEADER = "params,tokens,loss\n"


def read(tmp_path: Path, text: str | bytes, **options: Any) -> Runs:
    path = tmp_path / "runs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_runs(path, Reading.of(options, "fit"), flops_per_param_token=6)


def test_numbers_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    """70B, 1.4T, 1e9, 3 PF-days and quoted thousands separators are understood, and rows keep the file's numbering."""
    runs = read(tmp_path, 'params,tokens,loss,flops\n70B,1.4T,1.94,5.88e23\n\n125M,"2,500,000,000",3.1,0.03 PF-days\n')
    assert runs.params.tolist() == [70e9, 125e6]
    assert runs.tokens.tolist() == [1.4e12, 2.5e9]
    assert runs.flops.tolist() == [5.88e23, pytest.approx(0.03 * 8.64e19)]
    assert runs.rows.tolist() == [2, 4]
    assert runs.measured_flops


def test_compute_is_k_n_d_where_the_table_has_none(tmp_path: Path) -> None:
    """Without a flops column C = k N D, with the stated k."""
    assert read(tmp_path, HEADER + "1e9,2e10,2.9\n").flops.tolist() == [1.2e20]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_separators_endings_and_byte_order_marks(tmp_path: Path, delimiter: str, ending: str) -> None:
    """Commas, semicolons, tabs and bars; any line ending; a byte order mark."""
    text = ending.join(line.replace(",", delimiter) for line in ["params,tokens,loss,group", "1e9,2e10,2.9,a", "2e9,2e10,2.8,a"])
    runs = read(tmp_path, b"\xef\xbb\xbf" + text.encode())
    assert runs.loss.tolist() == [2.9, 2.8]
    assert runs.groups == ("a",)


def test_decimal_commas_are_recognised_and_said(tmp_path: Path) -> None:
    """Excel's semicolons with decimal commas give the numbers meant, with a note."""
    runs = read(tmp_path, "params;tokens;loss\n1,5e9;2,25e10;2,95\n2.000.000.000;3e10;2,8\n")
    assert runs.params.tolist() == [1.5e9, 2e9]
    assert runs.loss.tolist() == [2.95, 2.8]
    assert [note.code for note in runs.notes] == ["decimal-commas"]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    """columns maps the file's names to ours."""
    runs = read(tmp_path, "N,D,val_loss\n1e9,2e10,2.9\n", columns={"params": "N", "tokens": "D", "loss": "val_loss"})
    assert runs.loss.tolist() == [2.9]


BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty; expected a header line"),
    "header only": (HEADER, "has a header but no runs"),
    "one cell": ("params tokens loss\n1 2 3\n", "is one cell; expected params,tokens,loss"),
    "missing": ("params,loss\n1e9,2\n", "lacks column tokens; it has params, loss. Other names: --columns tokens=NAME"),
    "twice": ("params,tokens,loss,loss\n1,2,3,4\n", "column 'loss' comes twice"),
    "text": (HEADER + "1e9,2e10,2.9\n1e9,many,2.9\n", "runs.csv:3:tokens: 'many': expected a number of tokens"),
    "zero": (HEADER + "0,2e10,2.9\n", "runs.csv:2:params: '0': must be above 0"),
    "negative": (HEADER + "1e9,2e10,-2.9\n", "runs.csv:2:loss: '-2.9': must be above 0"),
    "nan": (HEADER + "1e9,2e10,nan\n", "runs.csv:2:loss: 'nan': must be a number; a run that diverged or failed"),
    "infinite": (HEADER + "1e9,2e10,inf\n", "runs.csv:2:loss: 'inf': must be a number; a run that diverged or failed"),
    "overflow": (HEADER + "1e9,2e10,1e400\n", "runs.csv:2:loss: '1e400': must be from 1e-12 to 1e12"),
    "blank": (HEADER + "1e9,,2.9\n", "runs.csv:2:tokens: is empty"),
    "unit": (HEADER + "1e9,2e10 params,2.9\n", "that counts parameters"),
    "cells": (HEADER + "1e9,2e10,2,9\n", "runs.csv:2: has 4 cells, the header has 3; a decimal comma"),
    "quotes": (HEADER + '"1e9,2e10,2.9\n', "runs.csv:2: not CSV"),
    "both separators": ("params;tokens;loss\n1e9;2e10;2,95\n1e9;2e10;2.9\n", "other numbers of the table have commas"),
    "hidden thousands": ("params;tokens;loss\n1,500M;1924500897;4.488\n", "other numbers of the table have commas"),
    "thousands": ("params;tokens;loss\n1,500,000;2e10;3\n", "commas stand between thousands"),
    "one column twice": ("params,tokens,loss,params\n1,2,3,4\n", "comes twice"),
    "small": (HEADER + "0.5,2e10,2.9\n", "params .median 0.5. cannot be of a model of language: params in billions"),
    "tiny loss": (HEADER + "1e9,2e10,1e-300\n", "must be from 1e-12 to 1e12"),
    "ambiguous": ("params;tokens;loss\n1,950;2e10;2\n", "could be a decimal point or a thousands separator"),
    "latin": (b"params,tokens,loss\n1e9,2e10,\xff\n", "runs.csv:2:loss: 'ÿ': expected a number"),
    "binary": (b"params,tokens,loss\n1e9,2e10,\x00\xff\n", "is no text"),
    "workbook": (b"PK\x03\x04", "is a workbook or an archive"),
    "units": (HEADER + "1e9,2e10,2.9\n1e9,3e10,2.8\n1e9,2e10,18.2e1\n1e9,3e10,30\n", "mixed units\\? perplexity is exp"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_get_one_line(tmp_path: Path, case: str) -> None:
    """File, row, column and remedy, never a traceback or a misread number."""
    text, message = BAD[case]
    with pytest.raises(RunsFileError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_only_regular_files_of_reasonable_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a folder, a missing file and a gigabyte are refused at once, with the reason."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(1 << 30)
    for name, message in (("pipe.csv", "not a regular file"), ("folder.csv", "not a regular file"), ("none.csv", "No such file"),
                          ("huge.csv", "is larger than 256 MiB, up to which tables of runs are read"), ("a\0b.csv", "not a path")):  # fmt: skip
        with pytest.raises(RunsFileError, match=message):
            read_runs(tmp_path / name, flops_per_param_token=6)


def test_wrong_columns_are_refused(tmp_path: Path) -> None:
    """An unknown quantity and a column that is not there."""
    with pytest.raises(OptionError, match="no such quantity; map any of params"):
        read(tmp_path, HEADER + "1,2,3\n", columns={"size": "params"})
    with pytest.raises(RunsFileError, match="has no column 'N' for params; it has params"):
        read(tmp_path, HEADER + "1,2,3\n", columns={"params": "N"})


def test_a_flops_column_of_another_kind_is_said(tmp_path: Path) -> None:
    """Compute that does not go with params and tokens is noted."""
    runs = read(tmp_path, "params,tokens,loss,flops\n1e9,2e10,2.9,1.2e20\n2e9,2e10,2.8,2.4e21\n")
    assert [note.code for note in runs.notes] == ["flops-odd", "flops-differ"]


def test_spaces_quotes_and_trailing_separators_do_no_harm(tmp_path: Path) -> None:
    """Padded quoted headers and empty cells at the end of rows are read as meant; a capital letter gets a hint."""
    runs = read(tmp_path, '"params" , "tokens" , "loss"\n1e9, 2e10, 2.9,,\n')
    assert runs.loss.tolist() == [2.9]
    assert read(tmp_path, "params,tokens,Val Loss\n1e9,2e10,2.9\n").loss.tolist() == [2.9]
    with pytest.raises(RunsFileError, match="columns loss=my loss"):
        read(tmp_path, "params,tokens,my loss\n1e9,2e10,2.9\n")
    with pytest.raises(OptionError, match="two quantities at once"):
        read(tmp_path, HEADER + "1,2,3\n", columns={"params": "tokens"})


def test_repeated_rows_are_said_and_kept(tmp_path: Path) -> None:
    """A row that says the same as an earlier one is counted, with a warning and its number."""
    runs = read(tmp_path, HEADER + "1e9,2e10,2.9\n2e9,2e10,2.8\n1e9,2e10,2.9\n")
    assert len(runs) == 3
    assert "(row 4)" in runs.notes[0].text
    assert runs.notes[0].severity == "warning"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"params": [1.0], "loss": [2.0]}, "lacks tokens"),
        ({"params": [1.0], "tokens": [1.0, 2.0], "loss": [2.0]}, "they must agree"),
        ({"params": 1.0, "tokens": [1.0], "loss": [2.0]}, "expected a list or an array"),
        ({"params": "abc", "tokens": [1.0], "loss": [2.0]}, "expected a list or an array"),
        ({"params": {1.0, 2.0}, "tokens": [1.0, 2.0], "loss": [2.0, 3.0]}, "expected a list or an array"),
        ({"params": {0: 1.0}, "tokens": [1.0], "loss": [2.0]}, "expected a list or an array"),
        ({"params": np.array(5.0), "tokens": [1.0], "loss": [2.0]}, "expected a list or an array"),
        ({"params": [True], "tokens": [1.0], "loss": [2.0]}, "expected a finite number"),
        ({"params": [float("nan")], "tokens": [1.0], "loss": [2.0]}, "expected a finite number"),
        ({"params": [10**400], "tokens": [1.0], "loss": [2.0]}, "expected a finite number"),
        ({"params": [], "tokens": [], "loss": []}, "are empty"),
    ],
)
def test_arrays_are_checked(values: dict[str, Any], message: str) -> None:
    """Sequences of one length and finite positive numbers; the entry is named."""
    with pytest.raises(RunsFileError, match=message):
        runs_from_arrays(values, flops_per_param_token=6)


@given(st.lists(st.tuples(st.floats(1e4, 1e15), st.floats(0.06, 9e4), st.floats(1, 1e15)), min_size=1, max_size=20))
def test_a_table_written_is_the_table_read(rows: list[tuple[float, float, float]]) -> None:
    """Numbers survive the way through a CSV file to the last bit."""
    import tempfile

    rows = [(n, n * ratio, 1 + loss % 1.5) for n, ratio, loss in rows]
    with tempfile.TemporaryDirectory() as folder:
        text = HEADER + "".join(f"{n!r},{d!r},{loss!r}\n" for n, d, loss in rows)
        runs = read(Path(folder), text)
    assert list(zip(runs.params.tolist(), runs.tokens.tolist(), runs.loss.tolist(), strict=True)) == rows


def test_several_groups_ask_for_one(tmp_path: Path) -> None:
    """A table of several recipes is not pooled unasked."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss,group\n1e9,2e10,2.9,a\n1e9,3e10,2.8,b\n")
    with pytest.raises(OptionError, match=r"holds 2 groups \(a, b\); choose one: --group NAME, or --group all"):
        planner.fit(path)
    with pytest.raises(OptionError, match="no group 'c'; groups are a, b"):
        planner.fit(path, group="c")


@pytest.mark.parametrize("table", planner.run_tables(), ids=lambda table: table.name)
def test_shipped_tables_are_whole(table: planner.RunTable) -> None:
    """Each has a licence that allows shipping, an origin, a citation, and groups that are those of its CSV."""
    runs = table.load()
    assert table.licence in {"MIT", "Apache-2.0", "CC-BY-4.0"}
    assert "@" in table.origin
    assert table.arxiv
    assert set(runs.groups) == set(table.groups)
    assert len(runs) >= 200
    assert runs.measured_flops
    assert (data_root() / "runs" / f"{table.name}.csv").stat().st_size < 200_000
    assert np.isfinite(runs.loss).all()


def test_an_unknown_table_lists_those_there_are() -> None:
    """A typo gets the list."""
    with pytest.raises(OptionError, match="there are clark2022, gadre2024"):
        planner.load_runs("porian")


# ---------------------------------------------------------------- workbooks

TABLE: list[list[Any]] = [["params", "tokens", "loss"], ["50M", 0.31e9, 4.499], ["100M", 1.7e9, 3.692], ["200M", "9B", 2.909]]


def _book(path: Path, **sheets: list[list[Any]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)
    return path


def test_a_sheet_of_a_workbook_is_read_as_a_csv_is(tmp_path: Path) -> None:
    """Numbers and texts, blank rows passed over, the sheet named or the one called Runs."""
    rows: list[list[Any]] = [[], *TABLE[:2], [], *TABLE[2:]]
    only = read_runs(_book(tmp_path / "one.xlsx", Mine=rows), flops_per_param_token=6)
    assert only.params.tolist() == [50e6, 100e6, 200e6]
    assert only.tokens.tolist() == [0.31e9, 1.7e9, 9e9]
    assert only.loss.tolist() == [4.499, 3.692, 2.909]
    several = _book(tmp_path / "two.xlsx", Notes=[["hello"]], Runs=TABLE, Other=[*TABLE[:2], ["1B", "20B", 2.5]])
    assert len(read_runs(several, flops_per_param_token=6)) == 3
    assert read_runs(several, Reading(sheet="Other"), flops_per_param_token=6).params.tolist() == [50e6, 1e9]
    same = tmp_path / "fit.csv"
    same.write_text(documents.files(documents.pages()["docs/how-to/fit.md"])["runs.csv"], encoding="utf-8")
    both = [planner.fit(path, method="classical", draws=0).constants for path in (_fit_book(tmp_path), same)]
    assert dict(both[0]) == pytest.approx(dict(both[1]), rel=1e-12)


def _fit_book(folder: Path) -> Path:
    text = "\n".join(documents.files(documents.pages()["docs/how-to/fit.md"])["runs.csv"].strip().split("\n"))
    rows = [line.split(",") for line in text.split("\n")]
    return _book(folder / "fit.xlsx", Runs=[rows[0], *([a, b, float(c)] for a, b, c in rows[1:])])


@pytest.mark.parametrize(
    ("sheets", "options", "complaint"),
    [
        ({"A": TABLE, "B": TABLE}, {}, "has no sheet 'Runs'; it has 'A', 'B': --sheet"),
        ({"A": TABLE}, {"sheet": "Runs"}, "has no sheet 'Runs'; it has 'A'"),
        ({"A": [["params", "tokens", "loss"], ["1B", "20B", "#DIV/0!"]]}, {}, ":2:loss: '#DIV/0!'"),
        ({"A": [["params", "tokens", "loss"], ["1B", None, 2.5]]}, {}, ":2:tokens: is empty"),
        ({"A": [["params", "loss"], ["1B", 2.5]]}, {}, "lacks column tokens"),
        ({"A": []}, {}, "is empty; expected a header line"),
    ],
    ids=str,
)
def test_bad_sheets_are_refused(tmp_path: Path, sheets: dict[str, Any], options: dict[str, Any], complaint: str) -> None:
    """The sheets there are, or the row and column."""
    path = _book(tmp_path / "runs.xlsx", **sheets)
    with pytest.raises(RunsFileError, match=re.escape(complaint)):
        read_runs(path, Reading.of(options, "fit"), flops_per_param_token=6)


def _rewritten(path: Path, pattern: bytes, put: bytes) -> Path:
    """Change the text of the only sheet in a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in parts if name.endswith("sheet1.xml"))
    parts[sheet], changed = re.subn(pattern, put, parts[sheet], count=1)
    assert changed
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


@pytest.mark.parametrize(
    ("pattern", "put"),
    [
        (rb"</row>.*", b""),
        (rb"<sheetData>", b"<sheetData>&unknown;"),
        (rb"<v>[0-9.]+</v></c></row></sheetData>", b"<v>1x</v></c></row></sheetData>"),
    ],
    ids=["cut", "entity", "number"],
)
def test_a_damaged_sheet_is_refused(tmp_path: Path, pattern: bytes, put: bytes) -> None:
    """What only breaks when the rows are read is one line too."""
    path = _rewritten(_book(tmp_path / "runs.xlsx", Runs=TABLE), pattern, put)
    with pytest.raises(RunsFileError, match="is no workbook that can be read"):
        read_runs(path, flops_per_param_token=6)


@pytest.mark.parametrize("claimed", [b"A1", b"A1:C3", b"A1:XFD1048576"], ids=bytes.decode)
def test_the_size_that_a_sheet_claims_loses_no_runs(tmp_path: Path, claimed: bytes) -> None:
    """Some writers leave a wrong dimension; every row is read all the same."""
    path = _rewritten(_book(tmp_path / "runs.xlsx", Runs=TABLE), rb'<dimension ref="[^"]*"', b'<dimension ref="' + claimed + b'"')
    assert read_runs(path, flops_per_param_token=6).loss.tolist() == [4.499, 3.692, 2.909]


@pytest.mark.calibration
def test_a_stray_cell_in_the_last_corner_of_a_sheet_is_passed_over(tmp_path: Path) -> None:
    """A million empty rows between are no runs, and take no width of their own."""
    path = _rewritten(
        _book(tmp_path / "runs.xlsx", Runs=TABLE),
        rb"</sheetData>",
        b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t> </t></is></c></row></sheetData>',
    )
    assert len(read_runs(path, flops_per_param_token=6)) == 3


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    """An archive under a workbook's name, a sheet of a CSV file or of a shipped table."""
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK nonsense")
    with pytest.raises(RunsFileError, match="is no workbook that can be read"):
        read_runs(broken, flops_per_param_token=6)
    csv = tmp_path / "runs.csv"
    csv.write_text("params,tokens,loss\n1B,20B,2.5\n", encoding="utf-8")
    with pytest.raises(RunsFileError, match=r"is no \.xlsx workbook"):
        read_runs(csv, Reading(sheet="Runs"), flops_per_param_token=6)
    with pytest.raises(planner.OptionError, match="sheet goes with a file of runs"):
        planner.fit("gadre2024", sheet="Runs")


def test_the_row_whose_compute_is_odd_is_named() -> None:
    """One cell a hundred times too large, among twenty."""
    N, D = np.geomspace(1e7, 1e9, 20), np.geomspace(1e9, 1e10, 20)
    flops = 6 * N * D
    flops[7] *= 100
    found = planner.fit(params=N, tokens=D, flops=flops, loss=np.linspace(3.5, 2.5, 20), draws=0)
    (note,) = [note.text for note in found.notes if note.code == "flops-differ"]
    assert "of most 6; row 8 is not like them" in note
