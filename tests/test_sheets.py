"""planner in spreadsheet cells: scalars, ranges and columns in the shape they came; blanks stay blank, errors are values."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner import sheets
from planner.sheets.cell_functions.arguments import REQUIRED
from planner.sheets.cell_functions.cells import CellError, grid
from planner.sheets.cell_functions.registry import FUNCTIONS
from tests import documents

plan_tokens: Any = sheets.plan_tokens


def test_one_registry() -> None:
    """Every function has a name that a cell takes, help for each argument, and an example of itself; Python offers just these."""
    for name, function in FUNCTIONS.items():
        assert name == function.name == name.upper()
        assert name.startswith("PLAN_")
        assert function.summary.endswith(".")
        assert function.example.startswith(f"={name}(")
        optional = [each.default is not REQUIRED for each in function.arguments]
        assert optional == sorted(optional), "required arguments come first"
        assert all(each.help for each in function.arguments)
        made = getattr(sheets, function.python)
        assert function.summary in made.__doc__
        assert all(each.name in made.__doc__ for each in function.arguments)
    assert set(sheets.functions()) == {name.lower() for name in FUNCTIONS}
    assert set(sheets.functions()) < set(dir(sheets))
    with pytest.raises(AttributeError, match="plan_nonsense"):
        _ = sheets.plan_nonsense


@pytest.mark.parametrize("law", [law.id for law in planner.laws() if law.role == "plan"])
@pytest.mark.parametrize("budget", [1e18, "1e21", 1e26])
def test_cells_agree_with_plan(law: str, budget: Any) -> None:
    """Each cell is what planner.plan says, under every law that plans."""
    answer = planner.plan(flops=budget, law=law, others=())
    assert sheets.plan_params(budget, law) == pytest.approx(answer.params, rel=1e-12)
    assert sheets.plan_tokens(budget, law) == pytest.approx(answer.tokens, rel=1e-12)
    loss = sheets.plan_loss(budget, law)
    if planner.allocate(law, float(budget)).loss is None:
        assert isinstance(loss, CellError)
    else:
        assert loss == pytest.approx(answer.loss, rel=1e-12)


@pytest.mark.parametrize(("params", "tokens"), [("175B", "300B"), ("70B", "1.4T"), (1e9, 1e12), (1e11, 1e10)])
def test_cells_agree_with_check(params: Any, tokens: Any) -> None:
    """A run's loss, compute, overhead and regime are those of planner.check."""
    verdict = planner.check(params=params, tokens=tokens)
    assert sheets.plan_run_loss(params, tokens) == pytest.approx(verdict.loss, rel=1e-12)
    assert sheets.plan_run_flops(params, tokens) == pytest.approx(verdict.flops, rel=1e-12)
    assert sheets.plan_overhead(params, tokens) == pytest.approx(verdict.overhead, rel=1e-9, abs=1e-12)
    assert sheets.plan_regime(params, tokens) == verdict.regime
    assert sheets.plan_flops_for_loss(verdict.loss) == pytest.approx(verdict.equivalent_flops, rel=1e-12)


@pytest.mark.parametrize("law", [law.id for law in planner.laws() if law.role == "plan" and law.surface_law is law])
def test_runs_agree_with_check_under_every_law(law: str) -> None:
    """Compute as the law counts it, of mixtures with their active parameters; regime and overhead."""
    verdict = planner.check(params="8B", tokens="300B", law=law)
    assert sheets.plan_run_flops("8B", "300B", law) == pytest.approx(verdict.flops, rel=1e-12)
    assert sheets.plan_overhead("8B", "300B", law) == pytest.approx(verdict.overhead, rel=1e-9, abs=1e-12)
    assert sheets.plan_regime("8B", "300B", law) == verdict.regime


@pytest.mark.parametrize("mfu", [None, 0.4, "40%"])
def test_cells_agree_with_costs(mfu: Any) -> None:
    """Device-hours, days, dollars, energy and CO2e are those of planner.plan on the same machine."""
    given = {} if mfu is None else {"mfu": mfu}
    cost = planner.plan(flops=1e22, gpu="h100", grid="france", overhead=0.1, **given).cost
    assert cost is not None
    asked = {
        "plan_gpu_hours": (cost.device_hours, ["h100", mfu, 0.1]),
        "plan_cost": (cost.dollars, ["h100", mfu, None, 0.1]),
        "plan_energy": (cost.kwh, ["h100", mfu, 0.1]),
        "plan_co2": (cost.kg_co2e, ["h100", "france", mfu, 0.1]),
    }
    for name, (span, arguments) in asked.items():
        assert span is not None
        assert getattr(sheets, name)(1e22, *arguments) == pytest.approx(span.expected, rel=1e-12), name
    counted = planner.plan(flops=1e22, gpus="64xH100", overhead=0.1, **given).cost
    assert counted is not None
    assert counted.hours is not None
    assert sheets.plan_days(1e22, "64xH100", mfu, 0.1) == pytest.approx(counted.hours.expected / 24, rel=1e-12)
    assert sheets.plan_cost(1e22, "h100", 0.4, "$2.95") == pytest.approx(
        planner.plan(flops=1e22, gpu="h100", mfu=0.4, price=2.95).cost.dollars.expected  # type: ignore[union-attr]
    )


def test_results_have_the_shape_of_the_cells() -> None:
    """A cell gives a cell, a column a column, rows rows; arguments of one cell, row or column are repeated."""
    one = plan_tokens(1e21)
    assert isinstance(one, float)
    assert plan_tokens([1e21, 1e21]) == [one, one]
    assert plan_tokens([[1e21], [1e21]]) == [[one], [one]]
    assert plan_tokens([[1e21, None], [None, "1e21"]]) == [[one, None], [None, one]]
    assert plan_tokens(np.array([[1e21, 1e21]])) == [[one, one]]
    other = plan_tokens(1e21, "kaplan2020")
    assert plan_tokens(1e21, [["besiroglu2024", "kaplan2020"]]) == [[one, other]]
    assert plan_tokens([1e21, 1e21], [["besiroglu2024", "kaplan2020"]]) == [[one, other], [one, other]]
    assert plan_tokens(budget=1e21, law="kaplan2020") == other
    assert "ranges of different shape" in repr(plan_tokens([1e21] * 3, ["kaplan2020"] * 2))
    assert plan_tokens([]) == []


def test_budgets_as_a_sheet_writes_them() -> None:
    """Numbers, texts, PF-days, devices for some days."""
    for text in ("512xH100 x 30d", "512 H100 x 30d", "512 H100 for 30 days", "512*h100, 720h"):
        assert sheets.plan_flops(text) == planner.plan(gpus="512xH100", days=30).flops
    assert sheets.plan_flops(["3 PF-days", 1e21, np.int64(10)]) == [3 * 8.64e19, 1e21, 10.0]
    assert "devices for how long" in repr(sheets.plan_flops("512xH100"))


@pytest.mark.parametrize("blank", [None, "", "  ", float("nan")])
def test_blank_rows_stay_blank(blank: Any) -> None:
    """A blank required cell leaves the result blank; a blank optional one takes its default."""
    assert plan_tokens(blank) is None
    assert plan_tokens([1e21, blank]) == [plan_tokens(1e21), None]
    assert plan_tokens(1e21, blank) == plan_tokens(1e21)
    assert sheets.plan_overhead("7B", blank) is None


def test_errors_as_text_when_asked_for() -> None:
    """With errors="text" the reason stands in the cell, in every shape; other cells are what they were."""
    found = plan_tokens([[1e21], ["lots"], [None]], errors="text")
    assert found == [[plan_tokens(1e21)], [repr(plan_tokens("lots"))], [None]]
    assert found[1][0].startswith("#PLAN! budget 'lots': expected")
    assert plan_tokens([1e21] * 2, ["a"] * 3, "text").startswith("#PLAN! ranges of different shape")
    assert sheets.plan_table(["x"], errors="text")[1][0].startswith("#PLAN! budget 'x'")
    assert sheets.plan_table([1e21], "nolaw", errors="text").startswith("#PLAN! ")
    pandas = pytest.importorskip("pandas")
    frame = pandas.Series([1e21, "lots"], index=[4, 7])
    assert plan_tokens(frame, errors="text")[7].startswith("#PLAN!")
    assert isinstance(plan_tokens("lots", errors="value"), CellError)


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("plan_tokens", ["x"], "expected a number of FLOPs"),
        ("plan_tokens", [-1], "must be above 0"),
        ("plan_tokens", [True], "expected a number of FLOPs"),
        ("plan_tokens", [math.inf], "must be finite"),
        ("plan_tokens", [{"a": 1}], "expected a number of FLOPs"),
        ("plan_tokens", ["#N/A"], "the input holds #N/A"),
        ("plan_tokens", ["Err:502"], "the input holds Err:502"),
        ("plan_tokens", [1e21, "nolaw"], "is not in the catalogue"),
        ("plan_tokens", [1e21, 5], "expected a text"),
        ("plan_tokens", [1e21, "gadre2024-c4"], "plans no runs"),
        ("plan_tokens", [1e21, None, None, 3], "takes 3 arguments: budget, [law], [errors]"),
        ("plan_tokens", [1e21, None, 3], 'errors 3: expected "text" or "value"'),
        ("plan_tokens", [], "takes 3 arguments: budget, [law], [errors]"),
        ("plan_laws", [None, None], "takes 1 argument: [errors]"),
        ("plan_cost", [1e21], "takes 6 arguments: budget, device"),
        ("plan_co2", [1e22, "h100", True], "expected a country"),
        ("plan_co2", [1e22, "h100", {1, 2}], "expected a country"),
        ("plan_table", [[1e20, 1e21], ["kaplan2020", "llama3"]], "one law for the whole table"),
        ("plan_run_loss", [None, "#N/A"], "the input holds #N/A"),
        ("plan_tokens", [[1e21, 1e22], []], "ranges of different shape"),
        ("plan_loss", [1e21, "llama3"], "says which size, not which loss"),
        ("plan_flops_for_loss", [1.5], "cannot be reached"),
        ("plan_flops_for_loss", [-1], "must be above 0"),
        ("plan_run_loss", ["7B", "1T", "llama3"], "no loss surface"),
        ("plan_cost", [1e22, "h1000"], "no device 'h1000'"),
        ("plan_cost", [1e22, "mi250x"], "no price of mi250x is known"),
        ("plan_cost", [1e22, "h100", 0.9], "above 80.3 %"),
        ("plan_energy", [1e22, "tpu-v5p"], "power of tpu-v5p is not published"),
        ("plan_co2", [1e22, "h100", "frence"], "did you mean france"),
        ("plan_table", [["1e21", "x"], "nolaw"], "is not in the catalogue"),
        ("plan_flops", ["512xH100 x 30d", 0.95], "above 80.3 %"),
        ("plan_cost", ["512xH100", "h100"], "devices for how long"),
        ("plan_flops_for_loss", [5000], "is reached without any training"),
        ("plan_run_loss", [1, 1e60], "FLOP, above 1e60"),
        ("plan_regime", [1, 1e60], "FLOP, above 1e60"),
        ("plan_tokens", ["#N/A\n\x1b[31m"], "the input holds #N/A??[31m"),
        ("plan_price", ["mi250x"], "no price of mi250x is known"),
        ("plan_outside", [1e21, "gadre2024-c4"], "plans no runs"),
        ("plan_tokens", [1e21, "pearce2024"], "pearce2024 plans no runs"),
        ("plan_tokens", ["512 H100 for a month"], "or devices for a time: 512xH100 x 30d"),
        ("plan_tokens", ["64 H1000 for 30 days"], "did you mean h100-sxm"),
    ],
)
def test_errors_are_values_with_a_reason(name: str, cells: list[Any], reason: str) -> None:
    """Never an exception; not a number, so that a sum shows it; the reason is one line."""
    found = getattr(sheets, name)(*cells)
    assert isinstance(found, CellError)
    assert math.isnan(found)
    assert reason in found.reason
    assert repr(found) == f"#PLAN! {found.reason}"
    assert "\n" not in found.reason
    assert math.isnan(sum([1.0, found]))
    assert copy.copy(found).reason == pickle.loads(pickle.dumps(found)).reason == found.reason


def test_a_cell_that_cannot_even_be_shown_is_an_error() -> None:
    """Whatever an object does when it is looked at, the sheet goes on."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    found = plan_tokens([1e21, Odd()])
    assert found[0] == plan_tokens(1e21)
    assert "an object of type Odd: expected a number of FLOPs" in found[1].reason


def test_an_error_stays_in_its_cell() -> None:
    """One bad row leaves the others as they are, and errors in a cell go through other functions."""
    good = plan_tokens(1e21)
    found = plan_tokens([1e21, "bad", 1e21, "#REF!", None])
    assert [each for each in found if isinstance(each, float) and each == each] == [good, good]
    assert isinstance(found[1], CellError)
    assert found[4] is None
    assert sheets.plan_params(found[1]).reason == found[1].reason
    losses = sheets.plan_flops_for_loss([2.1, 1.0, 2.2])
    assert isinstance(losses[1], CellError)
    assert losses[0] == sheets.plan_flops_for_loss(2.1)


def test_devices_for_a_time_count_at_the_utilisation_given() -> None:
    """A budget in devices takes what planner.plan says it takes, whatever the utilisation and the time lost: here 30 days."""
    answer = planner.plan(gpus="512xH100", days=30, mfu=0.4, overhead=0.1, price=2.95)
    assert answer.cost is not None
    text = "512xH100 x 30d"
    assert sheets.plan_flops(text, 0.4, 0.1) == pytest.approx(answer.flops, rel=1e-12)
    assert sheets.plan_days(text, "512xH100", 0.4, 0.1) == pytest.approx(30, rel=1e-12)
    assert sheets.plan_gpu_hours(text, "h100", 0.4, 0.1) == pytest.approx(512 * 720, rel=1e-12)
    assert sheets.plan_cost(text, "h100", 0.4, 2.95, 0.1) == pytest.approx(512 * 720 * 2.95, rel=1e-12)
    assert sheets.plan_tokens(sheets.plan_flops(text, 0.4, 0.1)) == pytest.approx(answer.tokens, rel=1e-12)
    held = planner.plan(gpus="512xH100", days=30, others=())  # at the utilisation that is forecast for these devices
    assert held.cost is not None
    assert held.cost.dollars is not None
    assert sheets.plan_gpu_hours(text, "h100") == pytest.approx(512 * 720, rel=1e-12)
    assert sheets.plan_cost([text, 1e22], "h100")[0] == pytest.approx(held.cost.dollars.expected, rel=1e-12)
    assert sheets.plan_cost([text, 1e22], "h100")[1] == sheets.plan_cost(1e22, "h100")
    assert sheets.plan_gpu_hours(text, "a100") == pytest.approx(sheets.plan_gpu_hours(held.flops, "a100"), rel=1e-12)
    mixed = sheets.plan_days([text, "1e22", None, text], "512xH100", [0.4, 0.4, 0.4, 2.0])
    assert mixed[0] == pytest.approx(30, rel=1e-12)
    assert mixed[1] == sheets.plan_days(1e22, "512xH100", 0.4)
    assert mixed[2] is None
    assert isinstance(mixed[3], CellError)


def test_how_far_to_trust_a_cell() -> None:
    """Factors beyond the law's runs and caveats are those of planner.plan and planner.check."""
    for budget in (1e20, 1e25):
        answer = planner.plan(flops=budget, others=())
        assert sheets.plan_outside(budget) == pytest.approx(answer.extrapolation, rel=1e-9)
        assert all(note.text in sheets.plan_notes(budget) for note in answer.notes)
    assert sheets.plan_notes(1e25).startswith("WARNING: outside the runs")
    verdict = planner.check(params="405B", tokens="15T")
    assert sheets.plan_run_outside(["405B", None], ["15T", "1T"]) == [pytest.approx(verdict.extrapolation, rel=1e-12), None]
    unknown = next(law.id for law in planner.laws() if law.role == "plan" and not law.domain.known)
    assert sheets.plan_outside(1e21, unknown) is None
    assert sheets.plan_price("H100") == planner.hardware("h100")[0].price.expected  # type: ignore[union-attr]


def test_tables_have_a_header() -> None:
    """A table of budgets, the laws and the devices."""
    header, *rows = sheets.plan_table([[1e20], [None], ["lots"], ["1e21"]])
    assert header == ["FLOP", "parameters", "tokens", "tokens per parameter", "loss"]
    assert rows[0][0] == 1e20
    assert rows[1] == [None] * 5
    assert [repr(cell) for cell in rows[2]] == [repr(plan_tokens("lots"))] * 5
    assert (rows[3][0], rows[3][2]) == (1e21, plan_tokens(1e21))
    assert sheets.plan_table([None]) is None
    assert len(sheets.plan_laws()) == 1 + len(planner.laws())
    assert len(sheets.plan_devices()) == 1 + len(planner.hardware())
    assert all(len(row) == len(sheets.plan_laws()[0]) for row in sheets.plan_laws())


def test_columns_of_a_data_frame() -> None:
    """A pandas Series gives a Series with its index, blanks and errors in place."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"budget": [1e20, None, "bad", 1e21]}, index=list("abcd"))
    found = plan_tokens(frame["budget"])
    assert list(found.index) == list("abcd")
    assert found["a"] == plan_tokens(1e20)
    assert pandas.isna(found["b"])
    assert isinstance(found["c"], CellError)
    assert plan_tokens(frame[["budget"]]).shape == (4, 1)
    good = plan_tokens(1e21)
    for missing in (pandas.NaT, pandas.NA, np.float32("nan")):
        assert plan_tokens(missing) is None
        assert plan_tokens([1e21, missing]) == [good, None]
    assert plan_tokens(pandas.Index([1e21, 1e21])) == [good, good]
    assert plan_tokens(pandas.Series([1e21, None], dtype="Float64"))[0] == good
    assert isinstance(plan_tokens(pandas.Timestamp("2020")), CellError)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=8), st.integers(), st.booleans()), max_size=4), max_size=4
    )
)
def test_no_cell_raises(cells: list[list[Any]]) -> None:
    """Whatever stands in a sheet, the result has its shape, and every cell is a number, a blank or an error."""
    found = plan_tokens(cells)
    if not cells:
        assert found == []
        return
    width = max(len(row) for row in cells)
    assert [len(row) for row in found] == [width] * len(cells)
    for row in found:
        for cell in row:
            assert cell is None or isinstance(cell, CellError) or cell > 0


def test_rows_of_one_law_are_computed_together() -> None:
    """A column gives what its cells give one by one."""
    budgets = np.logspace(18, 26, 200)
    laws = ["besiroglu2024", "kaplan2020"] * 100
    alone = [plan_tokens(budget, law) for budget, law in zip(budgets.tolist(), laws, strict=True)]
    assert plan_tokens(budgets, laws) == pytest.approx(alone, rel=1e-12)
    assert grid(budgets).rows == 200


def test_every_function_stands_in_the_docs() -> None:
    """Name and what it gives."""
    text = documents.pages()["docs/how-to/spreadsheets.md"]
    for name in FUNCTIONS:
        assert f"`{name}`" in text


@pytest.mark.parametrize(
    "text",
    [
        "$2M of h100",
        "$2M h100",
        "US$ 2M on h100-sxm",
        "$2,000,000 for h100",
        "$2 million of H100",
        "$2e6 of h100",
        "$.002B of h100",
    ],
)
def test_money_is_a_budget(text: str) -> None:
    """At the published price, and at the function's utilisation where it takes one: what planner makes of these dollars."""
    asked: dict[str, Any] = {"dollars": 2e6, "gpu": "h100", "others": ()}
    assert plan_tokens(text) == pytest.approx(planner.plan(**asked).tokens, rel=1e-12)
    assert sheets.plan_flops(text, 0.4, 0.1) == pytest.approx(planner.plan(**asked, mfu=0.4, overhead=0.1).flops, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [("$2M", "money for which device"), ("$2M of", "money for which device"), ("$2,5M of h100", "a comma could be"), ("$0 of h100", "must be above 0"), ("$2M of x", "no device"),
     ("$2M of mi250x", "no price of mi250x"), ("€2M of h100", "or money: $2M of h100")],
)  # fmt: skip
def test_money_that_buys_nothing_known(text: str, said: str) -> None:
    """An error value with its reason."""
    assert said in str(sheets.plan_flops(text))
