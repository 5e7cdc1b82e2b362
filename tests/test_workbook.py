"""The living workbook: its cached values are planner's own, and so are those of two engines that recalculate its formulas."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given

import planner
from planner.allocation import solver
from planner.allocation.extrapolation import extrapolation
from planner.cli._app import app
from planner.errors import OptionError, PlannerError
from planner.inputs.question import Question
from planner.quantities import PF_DAY
from planner.scaling_laws.derivation import evaluate
from planner.scaling_laws.law import Law
from planner.sheets.workbook.formulas import CLOSED, formula, kind_of, loss_formulas, optimum_formula
from planner.sheets.workbook.inputs import GRID, read_inputs
from planner.sheets.workbook.plan_lines import answers
from planner.sheets.workbook.reference_pages import _K
from planner.sheets.workbook.search_page import power_values
from planner.sheets.workbook.styles import letters
from planner.sheets.workbook.write import written
from tests import office
from tests.strategies import POWER_LAWS, laws_of

LAWS = [law for law in planner.laws() if kind_of(law) is not None]
_AT_FIRST = read_inputs(planner.load_law("besiroglu2024"), Question(flops=1e21))
ANSWERS = [each.name for each in answers(_AT_FIRST)]
CELL = {name: f"Plan!B{row}" for row, name in enumerate(ANSWERS, 18)}
PAGE = f"Plan!B18:B{17 + len(ANSWERS)}"
IN = {
    name: f"Plan!B{row}"
    for row, name in enumerate(
        ("mode", "flops", "gpus", "days", "dollars", "device", "mfu", "price", "overhead", "pue", "grid", "law"), 4
    )
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of a plain budget."""
    return planner.write_workbook(tmp_path_factory.mktemp("book") / "budget.xlsx", flops=1e21)


@given(laws_of(POWER_LAWS))
def test_formulas_of_every_form_are_the_solvers(law: Law) -> None:
    """A law of one's own may have any form that plans: its row's optimum and loss are what the solver finds."""
    cells = {name: repr(float(value)) for name, value in {**law.symbols, "PF_day": PF_DAY}.items()}
    if law.form.powers:  # the page of sums of powers finds the optimum from these
        written = [_value(formula(expression, cells)) for _, expression in law.form.powers]
        assert written == pytest.approx(list(power_values(law).values()), rel=1e-12)
        return
    if kind_of(law) != CLOSED:
        return
    best = solver.allocate(law, 1e21)
    size = optimum_formula(law, cells, "1e21")
    assert _value(size) == pytest.approx(float(best.params), rel=1e-9)
    losses = loss_formulas(law, cells, repr(float(best.params)), "1e21")
    assert (losses is None) == (best.loss is None)
    if losses is not None:
        assert sum(map(_value, losses)) == pytest.approx(float(best.loss), rel=1e-9)


def _value(formula: str) -> float:
    return evaluate(formula.replace("LN(", "ln("), {})


def _cells(path: Path, *, values: bool) -> Any:
    import openpyxl

    return openpyxl.load_workbook(path, data_only=values)


def _cached(path: Path) -> dict[str, Any]:
    sheet = _cells(path, values=True)["Plan"]
    return {name: sheet[cell.split("!")[1]].value for name, cell in CELL.items()}


def _answers(page: list[list[Any]]) -> dict[str, Any]:
    return {name: row[0] for name, row in zip(ANSWERS, page, strict=True)}


def _agrees(found: dict[str, Any], answer: planner.Plan) -> None:
    """Compare a page of the plan with planner's own answer."""
    assert found["out_flops"] == pytest.approx(answer.flops, rel=1e-12)
    assert found["out_params"] == pytest.approx(answer.params, rel=1e-9)
    assert found["out_tokens"] == pytest.approx(answer.tokens, rel=1e-9)
    if planner.allocate(answer.law, answer.flops).loss is None:
        assert found["out_loss"] == "none"
    else:
        assert found["out_loss"] == pytest.approx(answer.loss, rel=1e-9)
        assert found["out_gain"] == pytest.approx(answer.doubling.loss_gain if answer.doubling else None, rel=1e-6)


@pytest.mark.parametrize(
    "asked",
    [
        {"flops": 1e21},
        {"flops": "3 PF-days", "law": "kaplan2020"},
        {"gpus": "512xH100", "days": 30, "mfu": 0.4},
        {"gpus": "64xH100", "gpu_hours": "100k"},
        {"dollars": "2M", "gpu": "a100", "price": 1.9, "overhead": 0.1},
        {"flops": 1e24, "law": "hoffmann2022-approach1", "gpu": "tpu-v5p"},
        {"dollars": "2M", "gpu": "mi250x"},
        {"flops": 1e22, "pue": 1.1, "grid": "france"},
    ],
    ids=str,
)
def test_cached_values_are_planners_own(tmp_path: Path, asked: dict[str, Any]) -> None:
    """What stands in the cells before any engine has calculated is what planner.plan says."""
    path = planner.write_workbook(tmp_path / "budget.xlsx", **asked)
    found = _cached(path)
    if asked.get("gpu") == "mi250x":
        assert found["out_check"].startswith("no price is known"), "dollars buy nothing that is known"
        assert (found["out_flops"], found["out_cost"]) == ("#N/A", "not known")
        return
    assert found["out_check"] == "ok"
    machine = {"gpu": "h100"} if not {"gpu", "gpus"} & set(asked) else {}
    answer = planner.plan(**{"pue": 1.25, "grid": GRID, **asked, **machine})
    _agrees(found, answer)
    assert answer.cost is not None
    assert found["out_hours"] == pytest.approx(answer.cost.device_hours.expected, rel=1e-9)
    for name, span in (("out_cost", answer.cost.dollars), ("out_energy", answer.cost.kwh), ("out_carbon", answer.cost.kg_co2e)):
        assert found[name] == ("not known" if span is None else pytest.approx(span.expected, rel=1e-9))


def test_every_answer_is_a_formula(book: Path) -> None:
    """No answer is a number that stands still; names do not clash with cells, and every function is in Excel 2010."""
    import re

    sheets = _cells(book, values=False)
    for cell in CELL.values():
        assert str(sheets["Plan"][cell.split("!")[1]].value).startswith("=")
    written = [
        str(cell.value)
        for page in sheets.worksheets
        for row in page.iter_rows()
        for cell in row
        if str(cell.value).startswith("=")
    ]
    assert len(written) > 300
    known = {
        "IF",
        "ISNUMBER",
        "ISERROR",
        "ISTEXT",
        "AND",
        "OR",
        "N",
        "MAX",
        "INDEX",
        "MATCH",
        "LN",
        "NOT",
        "FIXED",
        "NA",
        "EXP",
        "LEFT",
        "COUNT",
    }
    assert {name for text in written for name in re.findall(r"([A-Z][A-Z0-9]+)\(", text)} <= known
    names = list(sheets.defined_names)
    assert set(ANSWERS) < set(names)
    assert {name for text in written for name in re.findall(r"\b(?:in|out|law|device|grid|search|member)_[a-z_]+", text)} <= set(
        names
    )
    assert all("_" in name for name in names)
    assert sheets.sheetnames == ["Plan", "Sweep", "Sensitivity", "Compare", "Laws", "Devices", "Grids", "Notes", "Search"]
    assert len(sheets["Plan"].data_validations.dataValidation) >= 8
    with zipfile.ZipFile(book) as archive:
        assert sum("charts/chart" in name for name in archive.namelist()) == 2


@pytest.fixture(scope="module")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A law fitted to runs: the mean of eighteen members."""
    path = tmp_path_factory.mktemp("law") / "my-law.json"
    planner.fit("gadre2024", group="rpj|c4_val", draws=0, name="my-law").save(path)
    return path


@pytest.mark.calibration
@pytest.mark.parametrize("law", ["besiroglu2024", "forecast"])
def test_a_second_engine_agrees(tmp_path: Path, forecast: Path, law: str) -> None:
    """The package formulas, which knows nothing of us, finds what planner wrote: the plan, of other pages some, the steps of a search."""
    formulas = pytest.importorskip("formulas")
    import warnings

    own = planner.load_law(forecast if law == "forecast" else law)
    others = [planner.load_law(each) for each in ("llama3", "kaplan2020", "muennighoff2023")]  # each row takes the engine long
    book = tmp_path / "budget.xlsx"
    book.write_bytes(written(read_inputs(own, Question(flops=1e21)), [own, *others]))
    live, cached = _cells(book, values=False), _cells(book, values=True)
    wanted = [("Plan", cell.coordinate) for row in live["Plan"].iter_rows() for cell in row if str(cell.value).startswith("=")]
    if law == "besiroglu2024":  # the engine takes long over each cell: one law's pages, and for the others what the plan needs
        wanted += [
            ("Laws", cell.coordinate) for row in live["Laws"].iter_rows() for cell in row if str(cell.value).startswith("=")
        ]
        wanted += [("Sweep", f"{column}{row}") for row in (14,) for column in "ABCDE"]
        wanted += [("Sensitivity", f"{column}5") for column in "BCDEF"]
        wanted += [("Sensitivity", f"{column}{row}") for row in range(13, 20) for column in "BCDEFG"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        cells = {f"'[{book.name}]{page.upper()}'!{where}": (page, where) for page, where in wanted}
        asked = [f"'[{book}]{page.upper()}'!{where}" for page, where in wanted]
        found = formulas.ExcelModel().from_ranges(*asked).finish().calculate()
    compared = 0
    for cell in [*cells, *(str(name) for name in found if "]SEARCH'!" in str(name))]:
        page, where = cells.get(cell, ("Search", cell.split("!")[-1]))
        if cell not in found or ":" in where or not where[0].isalpha():
            assert page == "Search", f"{page}!{where} was not calculated"
            continue
        value, expected = found[cell].value[0, 0], cached[page][where].value
        if isinstance(expected, (int, float)):
            assert float(value) == pytest.approx(float(expected), rel=1e-9, abs=1e-12), f"{page}!{where}"
            compared += 1
    assert compared > 100


# ---------------------------------------------------------------- in the real thing


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_agrees_for_every_law(book: Path) -> None:
    """Recalculated by force after changing the law: N, D and loss of the page and of the sweep, 1e18 to 1e26 FLOP, to 1e-9."""
    budgets = [(1e18, 3e21, 1e26)[i % 3] for i in range(len(LAWS))]
    jobs = [
        {"set": [[IN["mode"], "FLOP"], [IN["flops"], budget], [IN["law"], law.id]], "get": [PAGE, "Sweep!A6:E22"]}
        for law, budget in zip(LAWS, budgets, strict=True)
    ]
    for listed, budget, (page, sweep) in zip(LAWS, budgets, office.recalculate(book, jobs), strict=True):
        law = listed.choose(**{name: listed.params[name] for name in listed.choices})  # the workbook solves for no choice
        found = _answers(page)
        assert found["out_flops"] == budget
        assert sweep[-1][0] == pytest.approx(1e26)
        rows = [[found[name] for name in ("out_flops", "out_params", "out_tokens", "out_ratio", "out_loss")], *sweep]
        for flops, params, tokens, _, loss in rows:
            best = planner.allocate(law, flops)
            assert params == pytest.approx(best.params, rel=1e-9), law.id
            assert tokens == pytest.approx(best.tokens, rel=1e-9), law.id
            assert loss in {"none", None} if best.loss is None else loss == pytest.approx(best.loss, rel=1e-9), law.id
        assert None not in found.values(), law.id
        best = planner.allocate(law, budget)
        factor = extrapolation(law, float(best.params), float(best.tokens), budget)
        said = (
            "no range known"
            if factor is None
            else "yes"
            if factor == 1
            else f"NO: outside by {factor:.{2 if factor < 10 else 1}f}x"
        )
        assert found["out_inside"] == said, law.id


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_follows_every_marked_cell(book: Path) -> None:
    """Devices, days, money, price, utilisation, overhead, and a law's own constants: all change what planner says they change."""
    named = next(cell for cell in _cells(book, values=False)["Laws"][5] if cell.value == "alpha")  # the law at first stands first
    alpha = f"Laws!{letters(named.column)}5"
    cases: list[tuple[list[list[Any]], dict[str, Any]]] = [
        (
            [[IN["mode"], "devices for days"], [IN["gpus"], 512], [IN["days"], 30], [IN["mfu"], 0.4]],
            {"gpus": "512xH100", "days": 30, "mfu": 0.4},
        ),
        ([[IN["overhead"], 0.1]], {"gpus": "512xH100", "days": 30, "mfu": 0.4, "overhead": 0.1}),
        ([[IN["mode"], "US dollars"], [IN["dollars"], 2e6]], {"dollars": 2e6, "gpu": "h100", "mfu": 0.4, "overhead": 0.1}),
        (
            [[IN["price"], 2.0], [IN["device"], "a100-sxm-80gb"]],
            {"dollars": 2e6, "gpu": "a100", "mfu": 0.4, "overhead": 0.1, "price": 2.0},
        ),
        (
            [[alpha, 0.34]],
            {"dollars": 2e6, "gpu": "a100", "mfu": 0.4, "overhead": 0.1, "price": 2.0, "constants": {"alpha": 0.34}},
        ),
    ]
    jobs = [{"set": changes, "get": [PAGE]} for changes, _ in cases]
    for (_, asked), (page,) in zip(cases, office.recalculate(book, jobs), strict=True):
        found = _answers(page)
        answer = planner.plan(**asked, pue=1.25, grid=GRID, others=())
        _agrees(found, answer)
        assert answer.cost is not None
        assert answer.cost.dollars is not None
        assert found["out_hours"] == pytest.approx(answer.cost.device_hours.expected, rel=1e-9)
        assert found["out_cost"] == pytest.approx(answer.cost.dollars.expected, rel=1e-9)


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize(
    ("asked", "changes"),
    [({"dollars": "2M", "gpu": "mi250x"}, []), ({"gpus": "512xH100", "days": 30}, []), ({"flops": 1e24, "law": "llama3"}, [])],
    ids=str,
)
def test_cached_values_are_what_libreoffice_calculates(tmp_path: Path, asked: dict[str, Any], changes: list[Any]) -> None:
    """Nothing jumps at the first recalculation, not even where a price is missing or a law has no loss."""
    path = planner.write_workbook(tmp_path / "budget.xlsx", **asked)
    cached = _cached(path)
    ((page,),) = office.recalculate(path, [{"set": changes, "get": [PAGE]}])
    for name, value in _answers(page).items():
        expected = None if cached[name] == "#N/A" else cached[name]
        assert value == (pytest.approx(expected, rel=1e-9) if isinstance(expected, float) else expected), name


@pytest.mark.usefixtures("libreoffice")
def test_a_law_of_your_own_lives_in_the_workbook(tmp_path: Path, forecast: Path) -> None:
    """A forecast from runs, over all budgets, then with one member's constant changed, then beside a published law."""
    path = planner.write_workbook(tmp_path / "budget.xlsx", law=forecast)
    own = planner.load_law(forecast)
    content = json.loads(forecast.read_text())
    content["params"]["alpha"][0] = 0.5
    (tmp_path / "changed.json").write_text(json.dumps({**content, "id": "changed"}))
    changed = planner.load_law(tmp_path / "changed.json")
    jobs = [
        *({"set": [[IN["flops"], budget]], "get": [PAGE, "Sweep!A6:E22"]} for budget in (1e18, 3e21, 1e26)),
        {"set": [["Members!D5", 0.5]], "get": [PAGE, "Sweep!A6:E22"]},
        {"set": [[IN["law"], "kaplan2020"]], "get": [PAGE, "Sweep!A6:E22"]},
        *({"set": [[IN["law"], own.id], ["Members!D5", bad]], "get": [PAGE]} for bad in ("half", "")),
    ]
    *found, half, empty = office.recalculate(path, jobs)
    laws = [own, own, own, changed, planner.load_law("kaplan2020")]
    for law, (page, sweep) in zip(laws, found, strict=True):
        answers = _answers(page)
        rows = [[answers[name] for name in ("out_flops", "out_params", "out_tokens", "out_ratio", "out_loss")], *sweep]
        for flops, params, tokens, _, loss in rows:
            best = planner.allocate(law, flops)
            assert [params, tokens, loss] == pytest.approx([best.params, best.tokens, best.loss], rel=1e-9), law.id
    assert _answers(found[0][0])["out_floor"] == pytest.approx(own.irreducible_loss, rel=1e-9)
    assert [_answers(each[0])["out_check"] for each in (half, empty)] == ["a constant of this law cannot be used"] * 2


@pytest.mark.usefixtures("libreoffice")
def test_a_constant_that_is_emptied_is_named(book: Path) -> None:
    """An empty cell would count as 0: a sum of powers, a power law and a rule of tokens wait for each of theirs."""
    sheet = _cells(book, values=False)["Laws"]
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=5)}
    for law in ("besiroglu2024", "kaplan2020", "deepseek2024"):
        known, row = planner.load_law(law), rows[law][0].row
        cells = {cell.value: f"Laws!{letters(cell.column)}{row}" for cell in rows[law] if cell.value in known.params}
        cells["k"] = f"Laws!{letters(_K)}{row}"
        jobs = [
            {"set": [[IN["law"], law], [cell, value]], "get": [PAGE]}
            for name, cell in cells.items()
            for value in ("", known.symbols[name])
        ]
        told = [_answers(page)["out_check"] for (page,) in office.recalculate(book, jobs)]
        assert told == ["a constant of this law cannot be used", "ok"] * len(cells), law


@pytest.mark.usefixtures("libreoffice")
def test_bad_cells_are_named(book: Path) -> None:
    """A cell that cannot be used is named in one line, and nothing below pretends to a number."""
    cases: list[tuple[str, Any, Any, str]] = [
        ("mode", "", "FLOP", "choose how the budget is held"),
        ("mode", "euros", "FLOP", "choose how the budget is held"),
        ("flops", 0, 1e21, "the compute must be a number of FLOP"),
        ("flops", "1e21 FLOP", 1e21, "the compute must be a number of FLOP"),
        ("gpus", 0, 64, "the number of devices"),
        ("device", "h1000", "h100-sxm", "no such device"),
        ("mfu", 40, 0.4, "the utilisation must be above 0"),
        ("mfu", "", 0.4, "the utilisation must be above 0"),
        ("mfu", 0.95, 0.4, "the utilisation is above what the best matrix product measured on this device reaches"),
        ("gpus", 0.5, 64, "the number of devices"),
        ("price", -1, 2.0, "your price must be a number above 0"),
        ("price", "cheap", 2.0, "your price must be a number above 0"),
        ("overhead", -0.1, 0.0, "what is lost to failures"),
        ("pue", "", 1.25, "PUE must be a number from 1 on"),
        ("grid", "", 475, "the grid must be one of the page Grids, or a number"),
        ("grid", "atlantis", "france", "the grid must be one of the page Grids, or a number"),
        ("grid", -5, "world", "the grid must be one of the page Grids, or a number"),
        ("law", "nolaw", "besiroglu2024", "no such law"),
    ]
    row = next(cell.row for (cell,) in _cells(book, values=True)["Devices"]["A5:A99"] if cell.value == "h100-sxm")
    cells = {**IN, "peak": f"Devices!C{row}", "published": f"Devices!D{row}", "watts": f"Devices!H{row}"}
    cases += [
        ("peak", 0, 989e12, "the peak of this device must be a number above 0"),
        ("peak", "x", 989e12, "the peak of this device must be a number above 0"),
        ("watts", -900, 900, "the power of this device must be above 0"),
        ("price", 2.0, "", "ok"),
        ("published", -2, 2.95, "the price of this device must be above 0"),
    ]
    jobs = []
    for name, bad, good, _ in cases:
        jobs += [{"set": [[cells[name], bad]], "get": [PAGE]}, {"set": [[cells[name], good]], "get": [PAGE]}]
    results = [_answers(page) for (page,) in office.recalculate(book, jobs)]
    for (name, bad, _, message), found, mended in zip(cases, results[::2], results[1::2], strict=True):
        assert found["out_check"].startswith(message), (name, bad)
        if message == "ok":  # so that the price is the published one from there on
            continue
        for answer in ("out_flops", "out_params", "out_tokens", "out_hours", "out_days"):
            assert found[answer] is None, (name, bad, answer)
        for answer in ("out_cost", "out_energy", "out_carbon"):
            assert not isinstance(found[answer], float), (name, bad, answer)
        assert mended["out_check"] == "ok", name


@pytest.mark.usefixtures("libreoffice")
def test_grids_by_name_are_planners(book: Path) -> None:
    """Every grid of the list gives the CO2e that planner gives; a number of grams is taken as it is."""
    grids: list[str | float] = ["france", "germany", "usa", "world", 300]
    jobs = [{"set": [[IN["mode"], "FLOP"], [IN["flops"], 1e22], [IN["grid"], grid]], "get": [PAGE]} for grid in grids]
    for grid, (page,) in zip(grids, office.recalculate(book, jobs), strict=True):
        cost = planner.plan(flops=1e22, gpu="h100-sxm", grid=grid, others=()).cost
        assert cost is not None
        assert cost.kg_co2e is not None
        assert _answers(page)["out_carbon"] == pytest.approx(cost.kg_co2e.expected, rel=1e-9), grid


@pytest.mark.usefixtures("libreoffice")
def test_the_page_that_compares_laws(book: Path) -> None:
    """What each law makes of the budget on Plan, recalculated, is planner's own answer."""
    laws = [law for law in planner.laws() if law.role == "plan" and kind_of(law) == CLOSED]
    jobs = [
        {
            "set": [[IN["mode"], "FLOP"], [IN["flops"], 3e22], [IN["law"], "besiroglu2024"]],
            "get": [f"Compare!A5:F{4 + len(laws)}"],
        }
    ]
    ((rows,),) = office.recalculate(book, jobs)
    assert {row[0] for row in rows} == {law.id for law in laws}
    own = planner.plan(flops=3e22, others=()).params
    for name, N, over, D, ratio, loss in rows:
        best = planner.allocate(name, 3e22)
        assert (N, D, ratio, over) == pytest.approx(
            (best.params, best.tokens, best.tokens / best.params, best.params / own), rel=1e-9
        )
        assert loss == ("none" if best.loss is None else pytest.approx(best.loss, rel=1e-9))


def test_formulas_are_protected_and_marked_cells_are_not(book: Path) -> None:
    """Without a password; what cannot be used, and what leaves the law's runs, stands out; authors and sources are there."""
    sheets = _cells(book, values=False)
    for page in sheets.worksheets:
        assert page.protection.sheet, page.title
        assert not page.protection.password
    plan = sheets["Plan"]
    for cell in IN.values():
        assert not plan[cell.split("!")[1]].protection.locked
    for cell in CELL.values():
        assert plan[cell.split("!")[1]].protection.locked
    assert len(plan.conditional_formatting) == 2
    assert sheets.properties.creator == "planner"
    links = [cell.hyperlink.target for row in sheets["Laws"].iter_rows(max_col=2) for cell in row if cell.hyperlink]
    assert len(links) > 20
    assert all(link.startswith("https://arxiv.org/abs/") for link in links)


def test_charts_bear_the_laws_name(tmp_path: Path) -> None:
    """And the unit of its loss; under a law without one the second says so."""
    for law, said in (("besiroglu2024", "Expected loss by besiroglu2024"), ("llama3", "llama3 gives no loss")):
        path = planner.write_workbook(tmp_path / f"{law}.xlsx", law=law)
        sheet = _cells(path, values=True)["Sweep"]
        assert f"Best size and data by {law}" in {cell.value for row in sheet.iter_rows() for cell in row}
        assert said in {cell.value for row in sheet.iter_rows() for cell in row}


# ---------------------------------------------------------------- bad input, files, command


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"flops": "x"}, "expected a number of FLOPs"),
        ({"flops": 1e21, "dollars": "2M"}, "flops and dollars are two budgets"),
        ({"gpus": "512xH100"}, "gpus and days go together"),
        ({"days": 30}, "gpus and days go together"),
        ({"gpus": "8xH100+8xA100", "days": 3}, "one kind of device"),
        ({"gpus": "8xH100", "days": 3, "gpu": "h100"}, "gpus and gpu together: gpus is then a number"),
        ({"gpu": "v100"}, "the workbook counts in bf16"),
        ({"dollars": "2M"}, "on which device"),
        ({"gpu": ""}, "expected devices"),
        ({"overwrite": "no"}, "expected True or False"),
        ({"gpu": "h1000"}, "did you mean h100-sxm"),
        ({"mfu": 0.9}, "above 80.3 %"),
        ({"law": "gadre2024-c4"}, "gadre2024-c4 plans no runs that cells could hold"),
        ({"law": "nolaw"}, "is not in the catalogue"),
    ],
    ids=str,
)
def test_bad_input_writes_nothing(tmp_path: Path, asked: dict[str, Any], complaint: str) -> None:
    """One line, and no file."""
    with pytest.raises(PlannerError, match=complaint):
        planner.write_workbook(tmp_path / "budget.xlsx", **asked)
    assert not list(tmp_path.iterdir())


def test_files_are_not_lost(tmp_path: Path) -> None:
    """Another ending, an existing file, a folder that is not there: refused; replaced only when asked."""
    path = tmp_path / "budget.xlsx"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(OptionError, match="exists already"):
        planner.write_workbook(path)
    assert path.read_text(encoding="utf-8") == "mine"
    planner.write_workbook(path, overwrite=True)
    assert zipfile.is_zipfile(path)
    for wrong, complaint in ((tmp_path / "budget.xls", "ends in .xlsx"), (tmp_path / "no" / "budget.xlsx", "cannot be written")):
        with pytest.raises(OptionError, match=complaint):
            planner.write_workbook(wrong)
    assert [each.name for each in tmp_path.iterdir()] == ["budget.xlsx"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Overwriting a link writes the file that it names; a link to itself is one line."""
    path, link, loop = tmp_path / "budget.xlsx", tmp_path / "latest.xlsx", tmp_path / "loop.xlsx"
    path.write_text("mine", encoding="utf-8")
    link.symlink_to(path)
    loop.symlink_to(loop)
    with pytest.raises(OptionError, match="exists already"):
        planner.write_workbook(link)
    planner.write_workbook(link, overwrite=True)
    assert link.is_symlink()
    assert zipfile.is_zipfile(path)
    with pytest.raises(OptionError, match="loop"):
        planner.write_workbook(loop)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["budget.xlsx", "latest.xlsx", "loop.xlsx"]


def test_ones_own_law_is_listed_as_text(tmp_path: Path) -> None:
    """A law file of another's stands first in the list; texts that look like formulas stay texts."""
    law = tmp_path / "mine.toml"
    text = (Path(planner.__file__).parent.parent / "data" / "laws" / "besiroglu2024.toml").read_text(encoding="utf-8")
    shipped = planner.load_law("besiroglu2024")
    text = text.replace('id = "besiroglu2024"', 'id = "mine"').replace(
        f'authors = "{shipped.source.authors}"', 'authors = "=1+1"'
    )
    law.write_text(text, encoding="utf-8")
    path = planner.write_workbook(tmp_path / "budget.xlsx", flops=1e21, law=str(law))
    sheet = _cells(path, values=False)["Laws"]
    assert sheet["A5"].value == "mine"
    assert sheet["B5"].data_type == "s"
    assert _cached(path)["out_params"] == pytest.approx(planner.plan(flops=1e21).params)


@pytest.mark.parametrize("name", ["KAPLAN2020", "Besiroglu2024"])
def test_a_law_that_a_sheet_takes_for_another_is_refused(tmp_path: Path, name: str) -> None:
    """Spreadsheets look names up without regard to case: a law of one's own must not stand in for a published one."""
    law = tmp_path / "mine.toml"
    text = (Path(planner.__file__).parent.parent / "data" / "laws" / "besiroglu2024.toml").read_text(encoding="utf-8")
    law.write_text(text.replace('id = "besiroglu2024"', f'id = "{name}"'), encoding="utf-8")
    with pytest.raises(PlannerError, match=r"rename it|lower-case|catalogue"):
        planner.write_workbook(tmp_path / "budget.xlsx", law=str(law))


def test_the_command(tmp_path: Path) -> None:
    """plan workbook writes the file, refuses to replace it, and replaces it with --force."""
    path = str(tmp_path / "budget.xlsx")
    assert CliRunner().invoke(app, ["workbook", path, "--flops", "1e21"]).exit_code == 0
    again = CliRunner().invoke(app, ["workbook", path])
    assert isinstance(again.exception, OptionError)
    assert CliRunner().invoke(app, ["workbook", path, "--force", "--gpus", "512xH100", "--days", "30"]).exit_code == 0
    assert _cached(Path(path))["out_days"] == pytest.approx(30)


def test_without_xlsxwriter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which command installs it."""
    import sys

    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(OptionError, match=r'pip install "compute-budget-planner\[xlsx\]"'):
        planner.write_workbook(tmp_path / "budget.xlsx")


def test_formulas_bind_as_on_paper() -> None:
    """Parentheses everywhere: minus before a power and powers of powers mean in a cell what they mean here."""
    assert formula("-a^2", {"a": "A1"}) == "(0-(A1^2))"
    assert formula("a^b^c", {"a": "A1", "b": "B1", "c": "C1"}) == "(A1^(B1^C1))"
    assert formula("a*b^(-c)", {"a": "A1", "b": "B1", "c": "C1"}) == "(A1*(B1^(0-C1)))"
    assert letters(0) + letters(25) + letters(26) + letters(27) == "AZAAAB"
    assert {law.id for law in LAWS} == {law.id for law in planner.laws() if law.role == "plan"}
    assert math.isfinite(GRID)


def test_the_devices_page_holds_what_was_asked_of_the_device(tmp_path: Path) -> None:
    """Your price, peak and power, and a device of your own: what the plan's formulas look up is what it was written with."""
    own = tmp_path / "own.toml"
    own.write_text(
        '[[accelerator]]\nid = "my-gpu"\npeak_tflops = { bf16 = 500 }\nmemory_gb = 64\npower_w = 600\nsources = ["us"]\n'
        '[[price]]\nid = "my-gpu"\nusd_per_hour = 1.5\ndate = "2026-11"\nsource = "ours"\n'
        '[[price]]\nid = "h100-sxm"\nusd_per_hour = 1.0\ndate = "2026-11"\nsource = "ours"\n'
    )
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("h100-sxm", {"flops": 1e22, "gpu": "h100", "gpu_file": own}),
        ("h100-sxm", {"flops": 1e22, "gpu": "h100", "peak": "800TFLOPS", "power": "2kW"}),
        ("my-gpu", {"gpus": "64xmy-gpu", "days": 10, "gpu_file": own}),
    )
    for number, (name, options) in enumerate(asked):
        path = planner.write_workbook(tmp_path / f"{number}.xlsx", **options)
        rows = {row[0]: row for row in _cells(path, values=True)["Devices"].iter_rows(values_only=True)}
        machine = planner.plan(**options, others=()).machine
        assert machine is not None
        (part,) = machine.parts
        assert part.watts is not None
        assert part.price is not None
        assert rows[name][2] == part.peak
        assert rows[name][3] == pytest.approx(part.price.expected)
        assert rows[name][7] == pytest.approx(part.watts.expected)


def test_a_mixture_that_memory_holds_down_is_refused(tmp_path: Path) -> None:
    """The cells know no such limit, and would plan a hundred times the size."""
    asked: dict[str, Any] = {"gpus": "8xh200", "law": "krajewski2024-moe", "mfu": 0.5}
    with pytest.raises(PlannerError, match="knows no limits of memory, and here they bind"):
        planner.write_workbook(tmp_path / "a.xlsx", flops=1e24, **asked)
    planner.write_workbook(tmp_path / "b.xlsx", flops=1e20, **asked)
