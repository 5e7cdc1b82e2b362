"""Answers in Python and notebooks: short reprs, tables, data frames, figures, axes of one's own, the budget first."""

import copy
import pickle
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planner
from planner.errors import OptionError
from planner.output import rows_of
from planner.output.documents.blocks import Facts, Items, Table, Title
from planner.output.presenting import to_html
from planner.output.text import to_text

ANSWERS: dict[str, Callable[[], Any]] = {
    "plan": lambda: planner.plan(flops=1e26, gpu="h100"),
    "check": lambda: planner.check(params="175B", tokens="300B"),
    "sweep": lambda: planner.sweep(flops="1e20..1e22", points=150),
    "compare": lambda: planner.compare(flops=1e21),
    "trade": lambda: planner.trade(flops=1e22),
    "fit": lambda: planner.fit("clark2022", method="classical", draws=20),
    "backtest": lambda: planner.backtest("clark2022", ratios=[10], methods=["classical"]),
    "law": lambda: planner.load_law("kaplan2020"),
    "limits": lambda: planner.limits(flops="1e20..1e24", points=3),
    "benchmark": lambda: planner.limits(benchmark="imagenet", error="5%"),
    "levers": lambda: planner.levers(flops=1e22),
    "configure": lambda: planner.configure(params="7B", tokens="1T"),
    "scaling": lambda: planner.scaling(shape="llama3-8b", gpus="64..256xH100", batch="4M"),
    "throughput": lambda: planner.throughput(shape="llama3-8b", gpus="64xH100"),
    "hardware": lambda: planner.rank_hardware(flops=1e22),
    "pilots": lambda: planner.pilots(budget=1e19, target=1e21),
    "runs": lambda: planner.run_tables()[0],
    "laws": planner.laws,
    "models": lambda: planner.models("llama2-7b"),
    "devices": planner.hardware,
    "shipped tables": planner.run_tables,
    "published checks": lambda: planner.verify("kaplan2020"),
    "steps": lambda: planner.explain(planner.plan(flops=1e21)),
    "training curve": lambda: planner.training_curve("25M/cosine_72000:24000", schedule="cosine 72000 end 3e-5"),
    "scores": lambda: planner.scores("gadre2024", group="rpj", target=1e22, task=["piqa", "boolq"]),
    "curve": lambda: planner.curve([1e4, 1e5, 1e6, 1e7, 1e8], [0.8, 0.4, 0.2, 0.1, 0.05]),
}


class _Balanced(HTMLParser):
    """Reads HTML and fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module", params=list(ANSWERS))
def answer(request: pytest.FixtureRequest) -> Any:
    """Give each kind of answer."""
    return ANSWERS[request.param]()


def test_a_repr_is_short(answer: Any) -> None:
    """At most 300 characters, on one line, with the name of the type."""
    text = repr(answer)
    assert len(text) <= 300
    assert "\n" not in text
    assert text.startswith(type(answer).__name__)


def test_a_repr_counts_rows_and_names_what_ships() -> None:
    """Rows by their number and kind; accelerators and models by their ids."""
    assert "voices=<35 Voice>" in repr(planner.compare(flops=1e21))
    assert "version" not in repr(planner.compare(flops=1e21))
    assert repr(planner.hardware()[0]) == "Accelerator('p100')"
    assert repr(planner.models()[0]) == "Model('gpt2-124m')"


def test_a_listing_is_a_tuple() -> None:
    """Equal to one, and copied and sent to another process whole."""
    listed = planner.laws(flops=1e22)
    assert listed == tuple(listed)
    for other in (pickle.loads(pickle.dumps(listed)), copy.deepcopy(listed)):
        assert (other, other.text(80)) == (listed, listed.text(80))
    assert repr(listed) == f"Listing(<{len(listed)} laws>)"
    assert "no law's fitted range" in planner.laws(flops=1e40).text()


def test_html_is_what_the_terminal_shows(answer: Any) -> None:
    """Well-formed, with no script and nothing fetched; the words of the text are in it."""
    page = answer._repr_html_()
    reader = _Balanced()
    reader.feed(page)
    assert reader.open == []
    assert not any(part in page for part in ("<script", "http-equiv", "src=", "href=", "@import"))
    said = " ".join(" ".join(reader.words).split())
    for word in answer.text(width=200).split()[:60]:
        assert word in said


def test_text_fits_the_width(answer: Any) -> None:
    """No line is wider than asked."""
    assert max(map(len, answer.text(width=70).split("\n"))) <= 70


def test_frames_hold_the_rows_of_csv(answer: Any) -> None:
    """Names and full precision."""
    frame, rows = answer.to_frame(), rows_of(answer)
    if isinstance(rows, dict):
        assert list(frame.columns) == list(rows)
        np.testing.assert_array_equal(frame["params"].to_numpy(), rows["params"])
    else:
        assert len(frame) == len(rows) > 0
        assert list(frame.columns) == list(dict.fromkeys(name for row in rows for name in row))


def test_a_table_of_runs_shows_itself_too(tmp_path: Path) -> None:
    """Of a long one the first hundred rows, and how many there are more."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens\n" + "7B,1T\n" * 130, encoding="utf-8")
    judged = planner.check_runs(path)
    assert "30 more runs: .to_frame()" in judged._repr_html_()
    assert judged.to_frame().shape[0] == 130
    assert len(repr(judged)) <= 300
    assert len(repr(planner.load_runs("clark2022"))) <= 300
    assert "50 more rows" in ANSWERS["sweep"]()._repr_html_()


def test_texts_of_a_law_file_are_no_html() -> None:
    """What a user's file says is shown, not run."""
    page = to_html(
        [
            Title("<b>x</b>"),
            Facts([("<i>", "&", "a<script>")]),
            Items("Warnings", ["\x1b<u>"]),
            Table("", "l", ["<"], [["<td>"]], []),
        ]
    )
    assert not any(tag in page for tag in ("<b>", "<i>", "<script", "<u>", "\x1b"))
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("width", [0, 39, -1, "80", 80.0, True])
def test_a_width_that_is_none(width: Any) -> None:
    """One line."""
    with pytest.raises(OptionError, match="expected a whole number of at least 40"):
        planner.plan(flops=1e21).text(width)


def test_what_is_derived_from_an_answer_shows_itself_too() -> None:
    """A subclass of a result, and widths of any whole kind."""

    class Mine(planner.Plan):
        pass

    answer = planner.plan(flops=1e21)
    mine = Mine(**{name: getattr(answer, name) for name in answer.__dataclass_fields__})
    assert mine.text(np.int64(80)) == answer.text(80)  # type: ignore[arg-type]  # any whole number will do
    assert len(mine.to_frame()) == len(answer.to_frame())


def test_the_budget_may_stand_first() -> None:
    """Without its name; twice is Python's own error, nothing at all is refused as ever."""
    assert planner.plan("1e21") == planner.plan(flops=1e21)
    with pytest.raises(TypeError):
        planner.plan("1e21", flops=1e21)  # type: ignore[misc]  # that is the point
    with pytest.raises(planner.PlannerError):
        planner.plan()


def test_frames_without_pandas_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the command."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(OptionError, match=r'pip install "compute-budget-planner\[pandas\]"'):
        planner.plan(flops=1e21).to_frame()


def test_a_figure_without_a_file() -> None:
    """As large as asked, and shown by a notebook."""
    figure = planner.plot(planner.plan(flops=1e21), dpi=50, size="8x4")
    assert figure.get_size_inches().tolist() == [8, 4]
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_axes_of_ones_own() -> None:
    """One axes gets the first panel, two get both; what is none is refused."""
    import matplotlib.pyplot as plt

    answer = planner.plan(flops=1e21)
    figure, one = plt.subplots()
    assert planner.plot(answer, ax=one) is figure
    assert one.get_title(loc="left")
    assert one.get_lines()
    figure, two = plt.subplots(1, 2)
    planner.plot(answer, ax=two)
    assert all(axes.get_title(loc="left") for axes in two)
    for wrong, said in (
        (3, "expected matplotlib axes"),
        ([], "expected matplotlib axes"),
        (plt.subplots(1, 3)[1], "3 axes for 2 panels"),
    ):
        with pytest.raises(OptionError, match=said):
            planner.plot(answer, ax=wrong)
    with pytest.raises(OptionError, match="not both"):
        planner.plot(answer, "plan.png", ax=one)
    plt.close("all")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"dpi": "x"}, "dots per inch from 20 to 1200"),
        ({"dpi": 5}, "dots per inch from 20 to 1200"),
        ({"dpi": float("nan")}, "dots per inch from 20 to 1200"),
        ({"size": "3"}, "width and height in inches"),
        ({"size": "0x5"}, "width and height in inches"),
        ({"size": (1, 100)}, "width and height in inches"),
        ({"size": 7}, "width and height in inches"),
    ],
)
def test_pictures_of_no_size(how: dict[str, Any], said: str) -> None:
    """One line each."""
    with pytest.raises(OptionError, match=said):
        planner.plot(planner.plan(flops=1e21), **how)


def test_size_on_the_command_line(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    """Dots are inches times dots per inch; without a picture both are refused."""
    from PIL import Image

    path = str(tmp_path / "plan.png")
    assert run("--flops", "1e21", "--plot", path, "--dpi", "50", "--size", "8x4")[0] == 0
    with Image.open(path) as picture:
        assert picture.size == (400, 200)
    for option, value in (("--dpi", "50"), ("--size", "8x4")):
        code, _, error = run("--flops", "1e21", option, value)
        assert code == 2
        assert f"{option} goes with --plot FILE" in error
    code, _, error = run("--flops", "1e21", "--plot", str(tmp_path / "other.png"), "--size", "8")
    assert code == 2
    assert "--size '8': expected width and height in inches" in error


def test_text_of_blocks_is_the_commands(run: Callable[..., tuple[int, str, str]]) -> None:
    """What ``text`` says is what is printed."""
    assert planner.plan(flops=1e21).text() == run("--flops", "1e21")[1]
    assert to_text([Title("x")]) == "x\n"
