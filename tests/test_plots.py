"""Plots: what is drawn is what the solver says, on scales with units, in every kind of file and in a terminal."""

import csv
import io
import itertools
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.allocation import solver
from planner.allocation.problem import as_problem
from planner.architectures.published_models import model
from planner.errors import PlannerError
from planner.output.charts import chart_of
from planner.output.charts._base import Band, Box, Chart, Line, Panel, Points, Rule, Scale, Span
from planner.output.plots.axis_ticks import apart, ticks, writer
from planner.output.plots.matplotlib_plots import ENDINGS, figure_of
from planner.output.plots.terminal_plots import to_terminal

LAW = planner.load_law("besiroglu2024")
POINTS = [
    (100, 0.95),
    (200, 0.94),
    (400, 0.93),
    (800, 0.7),
    (1600, 0.5),
    (3200, 0.36),
    (6400, 0.26),
    (12800, 0.19),
    (25600, 0.145),
    (51200, 0.115),
]
PROPOSED = "run,params,tokens\nGPT-3,175B,300B\nChinchilla,70B,1.4T\nLlama 2,7B,2T\n"


@cache
def fitted(method: Any) -> planner.FitResult:
    return planner.fit(planner.load_runs("gadre2024"), group="rpj|c4_val", method=method, draws=60)


@cache
def foretold() -> planner.Backtest:
    return planner.backtest(planner.load_runs("clark2022"), ratios=(10,))


RESULTS: dict[str, Callable[[], Any]] = {
    "hardware": lambda: planner.rank_hardware(flops=1e22),
    "levers": lambda: planner.levers(flops=1e22),
    "levers with serving": lambda: planner.levers(flops=1e22, inference_tokens="2T"),
    "configure": lambda: planner.configure(params="7B", tokens="140B", gpus="64xH100"),
    "scaling": lambda: planner.scaling(shape="llama3-8b", gpus="64..4096xH100", batch="4M"),
    "throughput": lambda: planner.throughput(shape="llama3-8b", gpus="64xH100"),
    "plan": lambda: planner.plan(flops=1e21),
    "plan of a size": lambda: planner.plan(flops=1e21, params="7B"),
    "plan with own exponents": lambda: planner.plan(flops=1e21, exponents=(0.73, 0.27), anchor="1e19:300M"),
    "plan with repeated data": lambda: planner.plan(flops=1e22, unique_tokens="25B"),
    "plan with serving": lambda: planner.plan(flops=1e23, inference_tokens="2T"),
    "plan by a theory": lambda: planner.plan(flops=1e21, law="kaplan2020"),
    "plan of a mixture": lambda: planner.plan(flops=1e21, law="krajewski2024-moe"),
    "plan without a loss": lambda: planner.plan(flops=1e21, law="llama3"),
    "check": lambda: planner.check(params="175B", tokens="300B"),
    "check without a loss": lambda: planner.check(params="7B", tokens="140B", law="llama3"),
    "sweep": lambda: planner.sweep(flops="1e18..1e26", law="besiroglu2024,kaplan2020,llama3"),
    "sweep of two": lambda: planner.sweep(dollars="100k..10M", gpu="h100-sxm", mfu="0.3..0.5", points=3),
    "sweep of a price": lambda: planner.sweep(price="1..4", dollars="1M", gpu="h100-sxm", points=4),
    "sweep of a cap": lambda: planner.sweep(max_params="1B..20B", flops=1e22, points=5),
    "sweep of laws": lambda: planner.sweep(flops=1e21, law="kaplan2020,besiroglu2024"),
    "plan on a plateau": lambda: planner.plan(flops=1e22, unique_tokens="100M"),
    "plan far out": lambda: planner.plan(flops=1e40),
    "plan of almost nothing": lambda: planner.plan(flops=1e10),
    "sweep of losses": lambda: planner.sweep(loss="1.9..2.5", points=4),
    "sweep of budgets and sizes": lambda: planner.sweep(flops="1e20..1e24", params="1B..100B"),
    "compare": lambda: planner.compare(flops=1e21),
    "trade": lambda: planner.trade(flops=1e22),
    "fit": lambda: fitted("forecast"),
    "classical fit": lambda: fitted("classical"),
    "backtest": foretold,
    "training curve": lambda: planner.training_curve("25M/cosine_72000:24000", schedule="cosine 72000 end 3e-5"),
    "curve": lambda: planner.curve([s for s, _ in POINTS], [e for _, e in POINTS], target=0.1),
    "scores": lambda: planner.scores("gadre2024", group="rpj", target=1e22, task=["piqa", "boolq"]),
    "limits": lambda: planner.limits(flops="1e18..1e28"),
    "limits with serving": lambda: planner.limits(flops="1e20..1e24", inference_tokens="2T"),
    "limits of one budget": lambda: planner.limits(flops=1e22),
    "limits without a loss": lambda: planner.limits(flops="1e18..1e24", law="llama3"),
    "benchmark": lambda: planner.limits(benchmark="imagenet", error="5%", today="11%"),
}


@cache
def chart(name: str) -> Chart:
    return chart_of(RESULTS[name]())


def label(mark: Any) -> str:
    """The label of a mark; rules have a text instead."""
    return "" if isinstance(mark, Rule) else str(mark.label)


def one(panel: Panel, kind: type[Any], label: str = "") -> Any:
    """The only mark of a kind whose label begins so."""
    (mark,) = panel.found(kind, label)
    return mark


@pytest.mark.parametrize("name", RESULTS)
def test_every_chart_says_what_it_shows(name: str) -> None:
    """A title, a source, a label on every numeric scale, finite points, logarithms only of what is above 0."""
    found = chart(name)
    assert found.title
    assert found.source
    assert found.panels
    for panel in found.panels:
        assert panel.title
        assert panel.x.label
        assert panel.y.label or panel.rows
        assert panel.marks
        for mark in panel.marks:
            if isinstance(mark, (Line, Points)):
                assert len(mark.x) == len(mark.y) > 0, label(mark)
                assert np.isfinite(mark.x).all()
                assert np.isfinite(mark.y).all(), mark.label
                assert not panel.x.log or (mark.x > 0).all()
                assert not panel.y.log or (mark.y > 0).all(), mark.label
            if isinstance(mark, Points) and mark.texts:
                assert len(mark.texts) == len(mark.x)
        assert any(map(label, panel.marks))


@cache
def drawn(name: str) -> Any:
    """Return the figure of a chart, drawn."""
    figure = figure_of(chart(name))
    figure.canvas.draw()
    return figure


@pytest.mark.parametrize("name", RESULTS)
def test_every_chart_is_drawn(name: str) -> None:
    """The figure has an axes for each panel with its labels, its scales, its lines, and a legend."""
    found, figure = chart(name), drawn(name)
    assert len(figure.axes) == len(found.panels)
    assert figure.get_suptitle() == found.title
    for axes, panel in zip(figure.axes, found.panels, strict=True):
        assert (axes.get_xlabel(), axes.get_ylabel()) == (panel.x.label, panel.y.label)
        assert (axes.get_xscale() == "log", axes.get_yscale() == "log") == (panel.x.log, panel.y.log)
        lines = [tuple(np.asarray(line.get_xdata(), float)) for line in axes.get_lines()]
        for mark in panel.marks:
            if isinstance(mark, (Line, Points)):
                assert tuple(np.asarray(mark.x, float)) in lines, mark.label
        legend = axes.get_legend()
        labels = {text.get_text() for text in legend.get_texts()} if legend else set()
        assert labels == {label(mark) for mark in panel.marks} - {""}
        shown = {text.get_text() for text in axes.texts}
        for mark in panel.marks:
            if isinstance(mark, Points):
                assert mark.marker == "star" or set(mark.texts) <= shown, "names of published models may find no room"
        assert axes.get_title("left") == panel.title


@pytest.mark.parametrize("name", RESULTS)
def test_texts_do_not_overlap_and_legends_stand_outside(name: str) -> None:
    """No text beside a point runs into another, or out of its panel; a legend covers no panel, title, axis label or source."""
    figure = drawn(name)
    renderer = figure.canvas.get_renderer()
    legends = [legend.get_window_extent(renderer) for axes in figure.axes if (legend := axes.get_legend())]
    for axes, panel in zip(figure.axes, chart(name).panels, strict=True):
        beside = {text for mark in panel.marks if isinstance(mark, Points) for text in mark.texts}
        texts = [text for text in axes.texts if text.get_text() in beside]
        boxes = [text.get_window_extent(renderer) for text in texts]
        for place, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:place]), texts[place]
        area = axes.get_window_extent()
        labels = [axes.xaxis.label.get_window_extent(renderer), axes.title.get_window_extent(renderer)]
        source = figure.texts[-1].get_window_extent(renderer)
        for key in legends:
            assert not any(key.overlaps(box) for box in (area, *labels, source) if box.width > 1), axes.get_title("left")


@pytest.mark.parametrize("name", RESULTS)
def test_every_chart_is_drawn_in_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each panel's labels and what is marked, within the width, without escape codes unless colours are wanted."""
    found = chart(name)
    text = to_terminal(found, colours=False)
    words = " ".join(text.split())  # long lines wrap
    assert words.startswith(" ".join(found.title.split()))
    assert words.endswith(" ".join(found.source.split()))
    assert "\x1b" not in text
    monkeypatch.setenv("FORCE_COLOR", "1")  # plotille asks whether it writes to a terminal
    assert "\x1b[" in to_terminal(found, colours=True)
    assert "\x1b" not in to_terminal(found, colours=False)
    for panel in found.panels:
        assert f"{panel.title}: {panel.y.label or 'groups'} (up) against {panel.x.label} (right)" in text
        for mark in panel.marks:
            assert label(mark) in text
    assert any("\N{BRAILLE PATTERN BLANK}" < sign <= "\N{BRAILLE PATTERN DOTS-12345678}" for sign in text) or "o" in text


@pytest.mark.parametrize("names", [("dense", "sparse", "both"), tuple(f"a layout of many words, {i}" for i in range(9))])
def test_rows_of_a_terminal_have_their_label_and_their_interval_in_one_line(names: tuple[str, ...]) -> None:
    """A row's name stands once: beside it where it has room, or under a number; its interval reaches beyond the points."""
    places = np.arange(len(names) - 1, -1, -1.0)
    middle = 2.0 ** np.arange(1, len(names) + 1)
    points = Points(middle, places, "measured, with its range", spans=(middle / 3, middle * 3))
    panel = Panel("What each is worth", Scale("gain"), Scale("", log=False), (points,), names)
    lines = to_terminal(Chart("Gains", "a source", (panel,)), colours=False).splitlines()
    drawn = {line.split("|")[0].strip(): line for line in lines if "o" in line.split("|")[-1] and line.count("|") == 1}
    for number, name in enumerate(names, 1):
        label = name if len(name) <= 10 else str(number)
        row = drawn[label].split("|")[1]
        assert row.count("o") == 1
        assert sum("\N{BRAILLE PATTERN BLANK}" < sign <= "\N{BRAILLE PATTERN DOTS-12345678}" for sign in row) > 10
        assert sum(name in line for line in lines) == 1


def test_isoflop_curves_touch_their_optimum() -> None:
    """The marked optimum is the solver's; no point of its curve lies lower; the band's ends cost 1 % more compute."""
    panel = chart("plan").panels[0]
    best = one(panel, Points, "compute-optimal")
    for place, flops in enumerate((1e21, 1e20, 1e22)):
        expected = solver.allocate(LAW, flops)
        assert best.x[place] == pytest.approx(expected.params, rel=1e-12)
        assert best.y[place] == pytest.approx(expected.loss, rel=1e-12)
        line = panel.found(Line)[place]
        assert line.label == f"{flops:.2e}".replace("e+", "e") + " FLOP"
        assert line.y.min() >= best.y[place]
        assert line.y == pytest.approx(LAW.loss(line.x, flops / 6 / line.x))
    band = one(panel, Span)
    assert (band.low, band.high) == planner.plan(flops=1e21).params_band
    assert best.texts[0] == "2.78 B"


def test_the_users_run_is_a_cross_on_both_panels() -> None:
    """At its N, its loss, its D."""
    answer = planner.check(params="175B", tokens="300B")
    isoflop, surface = chart("check").panels
    cross = one(isoflop, Points, "this run")
    assert cross.marker == "cross"
    assert (cross.x[0], cross.y[0]) == (175e9, pytest.approx(answer.loss))
    cross = one(surface, Points, "this run")
    assert (cross.x[0], cross.y[0]) == (175e9, 300e9)


def test_the_surface_is_the_laws() -> None:
    """Lines of equal loss have it, iso-FLOP lines their compute, the path is optimal, the box is the law's range."""
    panel = chart("plan").panels[1]
    for line in panel.found(Line):
        if line.note.endswith("FLOP"):
            C = 6 * line.x * line.y
            assert pytest.approx(float(line.note.removesuffix(" FLOP")), rel=0.3) == C
            assert np.ptp(np.log(C)) < 1e-9
        elif line.note:
            loss = LAW.loss(line.x, line.y)
            assert np.ptp(loss) < 1e-9
            assert loss[0] == pytest.approx(float(line.note), abs=0.006)
    path = one(panel, Line, "optimal path")
    best = solver.allocate(LAW, 6 * path.x * path.y)
    assert path.x == pytest.approx(best.params, rel=1e-9)
    box = one(panel, Box)
    assert (box.x, box.y) == (LAW.domain.params, LAW.domain.tokens)
    optimum = one(panel, Points, "optimum of 1.00e21 FLOP")
    assert optimum.x[0] == pytest.approx(solver.allocate(LAW, 1e21).params)


def test_conditions_bend_the_surface() -> None:
    """With unique tokens or serving, marks are those of that problem, not of the plain law."""
    for name in ("plan with repeated data", "plan with serving"):
        answer = RESULTS[name]()
        best = one(chart(name).panels[0], Points, "compute-optimal")
        assert best.x[0] == pytest.approx(answer.params, rel=1e-9)
        assert best.y[0] == pytest.approx(answer.loss, rel=1e-9)
        assert best.x[0] != pytest.approx(solver.allocate(LAW, answer.flops).params, rel=0.01)


def test_laws_without_a_surface_show_how_their_optimum_grows() -> None:
    """No isoFLOP curve is invented where a law knows none."""
    titles = [panel.title for panel in chart("plan without a loss").panels]
    assert titles == ["Parameters", "Tokens"]
    point = one(chart("plan without a loss").panels[0], Points, "this plan")
    assert (point.x[0], point.y[0]) == (1e21, pytest.approx(solver.allocate(planner.load_law("llama3"), 1e21).params))


def test_growth_with_published_models() -> None:
    """Lines are the laws' own; models stand where they were trained."""
    parameters, tokens, loss, ratios = chart("sweep").panels
    sizes = np.array([one(parameters, Line, law).y for law in ("besiroglu2024", "kaplan2020", "llama3")])
    for law, values in zip(("besiroglu2024", "kaplan2020", "llama3"), sizes, strict=True):
        assert one(ratios, Line, law).y == pytest.approx(values / np.prod(sizes, axis=0) ** (1 / 3))
    for law in ("besiroglu2024", "kaplan2020", "llama3"):
        line = one(parameters, Line, law)
        best = solver.allocate(planner.load_law(law), line.x)
        assert line.y == pytest.approx(best.params)
        assert one(tokens, Line, law).y == pytest.approx(best.tokens)
    assert [line.label for line in loss.found(Line)] == ["besiroglu2024", "kaplan2020"], "llama3 has no loss"
    for panel, which in ((parameters, "params"), (tokens, "tokens")):
        marked = one(panel, Points, "published models")
        for x, y, name in zip(marked.x, marked.y, marked.texts, strict=True):
            known = model(name)
            assert x == (known.flops or known.flops_6nd)
            assert y == (known.shape.active if which == "params" else known.tokens)
        assert {"GPT-3 175B", "Chinchilla 70B", "LLaMA 7B", "Llama 3.1 405B"} <= set(marked.texts)


def test_a_dot_tells_model_names_apart() -> None:
    """1.3B is not 13B; both are found by id and by name."""
    assert model("cerebras-gpt-1.3b").params < model("cerebras-gpt-13b").params
    for each in planner.models():
        assert model(each.id) is each
        assert model(each.name).name == each.name


def test_a_range_of_a_fitted_law_has_its_fan(tmp_path: Path) -> None:
    """The interval's ends are the rows', and the data's range is shaded."""
    fit = fitted("classical")
    fit.save(tmp_path / "own.json")
    found = planner.sweep(flops="1e19..1e23", law=str(tmp_path / "own.json"), points=5)
    drawn = chart_of(found)
    table = found.table()
    for panel, name in ((drawn.panels[0], "params"), (drawn.panels[2], "loss")):
        band = one(panel, Band)
        assert band.label == "95 % interval"
        assert (band.low <= table[name]).all()
        assert np.array_equal(band.low, table[f"{name}_low"])
        assert np.array_equal(band.high, table[f"{name}_high"])
        assert one(panel, Span).label == "runs of my-law"


def test_pictures_say_when_they_are_guesses_and_under_which_conditions() -> None:
    """Far outside the law's runs, with repeated data, with serving; own exponents have their own path."""
    assert "a guess, not a forecast" in chart("plan far out").source
    assert "a guess" not in chart("plan").source
    assert "25.0 B unique tokens" in chart("plan with repeated data").title
    assert "serving counted" in chart("plan with serving").title
    path = one(chart("plan with own exponents").panels[1], Line, "your exponents")
    assert np.diff(np.log(path.y)) / np.diff(np.log(path.x)) == pytest.approx(0.27 / 0.73, rel=1e-6)


def test_a_range_of_losses_shows_the_compute() -> None:
    """And never a quantity against itself."""
    titles = [panel.title for panel in chart("sweep of losses").panels]
    assert titles == ["Training", "Parameters", "Tokens"]
    assert "Compute-optimal" not in chart("sweep of budgets and sizes").title
    assert [panel.title for panel in chart("sweep of budgets and sizes").panels] == ["Tokens", "Loss"]


def test_losses_in_different_units_share_no_axis() -> None:
    """Only those in the unit on the scale are drawn; every law is cited."""
    found = chart_of(planner.sweep(flops="1e20..1e22", law="besiroglu2024,czech2026-llama3,minicpm2024,kaplan2020", points=5))
    assert [line.label for line in found.panels[2].found(Line)] == ["besiroglu2024", "kaplan2020"]
    for law in ("besiroglu2024", "czech2026-llama3", "minicpm2024", "kaplan2020"):
        assert law in found.source


def test_long_sweeps_are_thinned() -> None:
    """A million points are drawn as some hundred, ends included."""
    drawn = chart_of(planner.sweep(flops="1e18..1e26", points=1_000_000))
    line = one(drawn.panels[0], Line)
    assert len(line.x) <= 400
    assert (line.x[0], line.x[-1]) == (1e18, 1e26)


def test_the_comparison_marks_the_consensus() -> None:
    """With its spread, at its budget; laws without a voice are faint."""
    found = planner.compare(flops=1e21)
    panel = chart("compare").panels[0]
    mark = one(panel, Points, "consensus")
    assert mark.y[0] == found.params.middle
    assert (mark.spans[0][0], mark.spans[1][0]) == (found.params.low, found.params.high)
    voiced = {line.label for line in panel.found(Line) if line.weight != "faint"}
    assert voiced == {voice.answer.law.id for voice in found.voices if not voice.silent}
    assert one(panel, Rule).at == 1e21


def test_trade_passes_through_its_rows() -> None:
    """The curve is lowest at the cheapest run and goes through the table's sizes."""
    found = planner.trade(flops=1e22)
    training = chart("trade").panels[0]
    line, best = one(training, Line), one(training, Points, "cheapest")
    assert best.y[0] == pytest.approx(found.flops)
    assert line.y.min() >= found.flops * (1 - 1e-12)
    for row in found.rows:
        if row.flops is not None and row.flops < 50 * found.flops:
            assert np.exp(np.interp(np.log(row.params), np.log(line.x), np.log(line.y))) == pytest.approx(row.flops, rel=0.01)


def test_a_fit_shows_residuals_draws_and_fan() -> None:
    """Residuals are the runs' own, the cloud has a point for each draw, the fan widens and the runs' compute is shaded."""
    for method in ("forecast", "classical"):
        fit = fitted(method)
        residuals, cloud, fan = chart("fit" if method == "forecast" else "classical fit").panels
        runs = fit.sample
        assert runs is not None
        dots = one(residuals, Points, f"{len(runs)} runs")
        assert dots.y == pytest.approx(runs.loss / fit.law.loss(runs.params, runs.tokens) - 1)
        assert len(residuals.found(Points)) == 1 + bool(fit.outliers)
        assert fit.draws is not None
        assert len(one(cloud, Points, f"{len(fit.draws)} draws").x) == len(fit.draws)
        own = one(cloud, Points, "my-law")
        assert own.x[0] == fit.exponents[0] if fit.exponents else True
        shaded = one(fan, Span)
        assert (shaded.low, shaded.high) == (runs.flops.min(), runs.flops.max())
        run = one(fan, Band, "95 % interval of a run")
        mean = one(fan, Band, "95 % interval of the law")
        assert (run.low <= mean.low * (1 + 1e-12)).all()
        assert (run.high >= mean.high * (1 - 1e-12)).all()
        width = np.log(run.high / run.low)
        inside = run.x < shaded.high
        assert width[-1] > width[inside][-1]
        assert len(one(fan, Points, "runs").x) == len(runs)


def test_a_backtest_shows_every_case() -> None:
    """One point for each group, method and ratio, at its error."""
    found = foretold()
    agreement, panel, _ = chart("backtest").panels
    pairs = sorted((x, y) for mark in agreement.found(Points) for x, y in zip(mark.x, mark.y, strict=True))
    assert pairs == sorted(
        (x, y) for case in found.cases if case.runs for x, y in zip(case.runs.measured, case.runs.predicted, strict=True)
    )
    assert sum(case.predicted for case in found.cases if not case.refused) == len(pairs)
    drawn = sorted(value for mark in panel.found(Points) for value in mark.x)
    assert drawn == sorted(case.error for case in found.cases if case.error is not None)
    assert panel.rows == tuple(dict.fromkeys(case.group for case in found.cases))


def test_devices_and_levers_stand_on_rows_with_their_ranges() -> None:
    """Expected values and both ends, in the order of the answer, from the top."""
    ranking = planner.rank_hardware(flops=1e22)
    panel = chart("hardware").panels[0]
    mark = one(panel, Points)
    known = [row for row in ranking.rows if row.cost.dollars or row.cost.kwh][:24]
    known = [row for row in known if row.cost.dollars]
    assert [panel.rows[len(panel.rows) - 1 - int(place)] for place in mark.y[::-1]] == [row.device.id for row in known]
    assert mark.x[::-1] == pytest.approx([row.cost.dollars.expected for row in known if row.cost.dollars])
    assert mark.spans[1][::-1] == pytest.approx([row.cost.dollars.high for row in known if row.cost.dollars])
    bought = planner.rank_hardware(dollars="2M", gpu="h100,b200,mi300x")
    compute = one(chart_of(bought).panels[0], Points)
    assert compute.x[::-1] == pytest.approx([row.flops for row in bought.rows])
    levers = planner.levers(flops=1e22)
    mark, rows = one(chart("levers").panels[0], Points), chart("levers").panels[0].rows
    gains = {each.id: each.gain for each in levers.levers if each.gain}
    assert {rows[len(rows) - 1 - int(place)]: gain for place, gain in zip(mark.y, mark.x, strict=True)}.items() >= gains.items()


def test_layouts_and_batches_of_a_configuration() -> None:
    """Memory in all of each layout, what may be used, and each law's batch."""
    found = RESULTS["configure"]()
    memory, batch, rate = chart("configure").panels
    assert sorted(one(memory, Points, "and activations").x) == pytest.approx(sorted(fit.memory.total / 1e9 for fit in found.fits))
    assert memory.found(Rule)[0].at == pytest.approx(found.capacity / 1e9)
    assert list(batch.rows) == [each.recipe.id for each in found.suggestions if each.batch]
    assert list(rate.rows) == [each.recipe.id for each in found.suggestions if each.learning_rate]


def test_the_line_of_break_even_is_smooth_and_meets_its_rows() -> None:
    """Every smaller size, not the table's alone, and through them."""
    found = RESULTS["trade"]()
    panel = chart("trade").panels[1]
    line, rows = one(panel, Line), one(panel, Points)
    assert len(line.x) > 30
    assert np.exp(np.interp(np.log(rows.x), np.log(line.x), np.log(line.y))) == pytest.approx(rows.y, rel=1e-6)
    assert rows.y == pytest.approx([row.break_even for row in found.rows if row.break_even is not None and row.ratio != 1])


def test_a_learning_curve_shows_its_regions() -> None:
    """Shaded from end to end, meeting at the break points; floor, guess and target marked; the curve is the answer's."""
    found = RESULTS["curve"]()
    panel = chart("curve").panels[0]
    small, power, flat = panel.found(Span)
    assert (small.label, power.label) == ("small-data region", "power-law region")
    assert flat.label.startswith("irreducible region")
    assert small.high == power.low == found.learning_from.value
    assert power.high == flat.low == found.half_floor_from.value
    assert (small.low, flat.high) == panel.x.ends
    line = one(panel, Line)
    assert line.y == pytest.approx([found.error(size) for size in line.x])
    assert {rule.text.split()[0] for rule in panel.found(Rule)} == {"floor", "best", "largest"}
    star = one(panel, Points, "target")
    assert (star.x[0], star.y[0]) == (found.reach.size.value, 0.1)


def test_limits_show_what_doubling_buys() -> None:
    """The rows' own falls, with every mark of the table inside the range."""
    found = RESULTS["limits"]()
    fall, loss = chart("limits").panels
    assert one(fall, Line, "twice the compute").y == pytest.approx([row.doubling for row in found.rows])
    assert {rule.at for rule in fall.found(Rule)} == {mark.flops for mark in found.marks if 1e18 <= mark.flops <= 1e28}
    floor = next(rule for rule in loss.found(Rule) if rule.across == "y")
    assert floor.at == LAW.irreducible_loss


def test_a_benchmark_shows_both_lines() -> None:
    """They pass through the answer's compute at the target."""
    found = RESULTS["benchmark"]()
    panel = chart("benchmark").panels[0]
    stars = [mark for mark in panel.found(Points) if mark.marker == "star"]
    assert [star.x[0] for star in stars] == [need.flops for need in found.needed]
    for line, need in zip([line for line in panel.found(Line) if line.label], found.needed, strict=True):
        assert 10 ** np.interp(np.log10(need.flops), np.log10(line.x), np.log10(line.y)) == pytest.approx(0.05, rel=0.01)
    assert {rule.at for rule in panel.found(Rule)} == {0.05, 0.11}


def test_a_table_of_runs_has_a_point_for_each(tmp_path: Path) -> None:
    """Under its regime, with its name."""
    (tmp_path / "runs.csv").write_text(PROPOSED, encoding="utf-8")
    found = planner.check_runs(tmp_path / "runs.csv")
    (panel,) = chart_of(found).panels
    points = {
        text: (x, y, mark.label) for mark in panel.found(Points) for x, y, text in zip(mark.x, mark.y, mark.texts, strict=True)
    }
    assert points["GPT-3"] == (175e9, 300e9, "overfit (1)")
    assert points["Llama 2"] == (7e9, 2e12, "underfit (1)")
    assert points["Chinchilla"][2] == "balanced (1)"


# ---------------------------------------------------------------- the way out


def test_colours_are_told_apart_without_colour() -> None:
    """Neighbouring lines differ in lightness or dash, so that grey print keeps them."""
    from matplotlib.colors import to_rgb

    from planner.output.plots import matplotlib_plots as pictures

    lightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(to_rgb, pictures._COLOURS)]
    dashes = [str(pictures._DASHES[group % len(pictures._DASHES)]) for group in range(len(lightness))]
    for one_line in range(len(lightness)):
        for other in range(one_line):
            assert abs(lightness[one_line] - lightness[other]) > 0.1 or dashes[one_line] != dashes[other]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1e18, 1e26, [1e18, 1e20, 1e22, 1e24, 1e26]),
        (1e8, 1e11, [1e8, 1e9, 1e10, 1e11]),
        (1e9, 2e10, [1e9, 2e9, 5e9, 1e10, 2e10]),
        (0.011, 0.019, []),
        (0.76, 1.34, [0.8, 0.9, 1.0, 1.1, 1.2, 1.3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    """Whole decades where there are many, 1-2-5 where few, and some even where the range is narrow."""
    found = ticks(low, high)
    assert all(low <= tick <= high for tick in found)
    assert set(np.round(np.log10(expected), 6)) <= set(np.round(np.log10(found), 6))
    assert 3 <= len(found) <= 8


@given(st.floats(1e-3, 1e3), st.floats(1.001, 1e6), st.floats(5, 300), st.floats(20, 500))
def test_texts_along_a_scale_stay_apart(low: float, factor: float, width: float, decade: float) -> None:
    """Evenly picked from the places, one kept where it is one of them, and no text meets the next."""
    places = ticks(low, low * factor)
    kept = apart(places, [width] * len(places), decade)
    assert set(kept) <= set(places)
    assert kept or not places
    assert all(decade * np.log10(after / before) > width for before, after in itertools.pairwise(kept))
    if any(abs(place - 1) < 1e-9 for place in places) and len(kept) > 1:
        assert any(abs(place - 1) < 1e-9 for place in kept)


def test_numbers_along_scales() -> None:
    """Each unit is written as the tables write it."""
    assert [writer("count")(value) for value in (1e9, 2.5e12, 0.5)] == ["1 B", "2.5 T", "0.500"]
    assert [writer("flops")(value) for value in (1e21, 3.2e21)] == ["1e21", "3.2e21"]
    assert writer("percent")(0.05) == "5 %"
    assert writer("plain")(0) == "0"
    assert [writer("plain", (1.8172, 1.8173))(value) for value in (1.81721, 1.81722)] == ["1.817210", "1.817220"]
    assert writer("dollars")(2e6) == "$2.00M"


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_are_what_their_ending_says(tmp_path: Path, ending: str) -> None:
    """Signatures of PNG, SVG and PDF; the same chart is the same file; SVG keeps its text."""
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        assert planner.plot(planner.plan(flops=1e21), path) == path
    contents = [path.read_bytes() for path in paths]
    assert contents[0] == contents[1]
    assert contents[0].startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending])
    if ending == ".svg":
        assert b"tokens D" in contents[0]
        assert b"2.78 B" in contents[0]
    assert len(contents[0]) < 300_000


COMMANDS = [
    "--flops 1e21",
    "--flops 1e20..1e22 --points 3",
    "check --params 7B --tokens 2T",
    "check runs.csv",
    "compare --flops 1e21",
    "trade --flops 1e22",
    "trade --loss 2.1 --ratio 0.5 --ratio 2",
    "fit --runs gadre2024 --group rpj|c4_val --draws 20",
    "backtest --runs clark2022 --ratio 10",
    "curve points.csv",
    "limits --flops 1e18..1e24",
    "limits --benchmark imagenet --error 5%",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_draws(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The table as without a plot, then the picture; the second time it is refused, before anything is printed, unless forced."""
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_text(PROPOSED, encoding="utf-8")
    text = io.StringIO()
    csv.writer(text).writerows([("size", "error"), *POINTS])
    Path("points.csv").write_text(text.getvalue(), encoding="utf-8")
    plain = run(*line.split())
    drawn = run(*line.split(), "--plot", "out.svg")
    assert drawn[:2] == plain[:2]
    assert "drawn: 'out.svg'" in drawn[2]
    assert Path("out.svg").read_bytes().startswith(b"<?xml")
    again = run(*line.split(), "--plot", "out.svg")
    assert again == (2, "", "plan: out.svg: exists already; choose another name, or --overwrite it\n")
    if line.startswith(("--flops 1e21", "check --params")):
        assert run(*line.split(), "--plot", "out.svg", "--force")[0] == 0
        shown = run(*line.split(), "--plot", "-")
        assert shown[0] == 0
        assert "(up) against" in shown[1]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--plot out.jpg", "out.jpg: the name of a picture ends in .png, .svg or .pdf"),
        ("--plot out", "the name of a picture ends in"),
        ("--plot nowhere/out.png", "nowhere/out.png: cannot be written (No such file or directory)"),
        ("--plot - --force", "force goes with a file to write"),
        ("--plot - --format json", "--plot - draws below a table, not below json; name a file"),
        ("--force", "--force goes with --plot FILE"),
    ],
)
def test_bad_targets_get_one_line(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: str, message: str) -> None:
    """Before anything is computed or printed."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run("--flops", "1e21", *args.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("missing", "target"), [("matplotlib", "out.png"), ("plotille", "-")])
def test_a_missing_extra_says_what_installs_it(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, target: str
) -> None:
    """One line with the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    code, out, err = run("--flops", "1e21", "--plot", target)
    assert (code, out) == (2, "")
    assert 'pip install "compute-budget-planner[plot]"' in err


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    """A law, a number, no path."""
    with pytest.raises(PlannerError, match="expected what plan, check"):
        planner.plot(LAW, tmp_path / "out.png")
    with pytest.raises(PlannerError, match="gadre2024-c4 plans nothing"):
        planner.plot(planner.check(params="1B", tokens="20B", law="gadre2024-c4"), tmp_path / "out.png")
    with pytest.raises(PlannerError, match="expected a file to write"):
        planner.plot(planner.plan(flops=1e21), 3)  # type: ignore[arg-type]
    assert as_problem(LAW).limits.free
