"""The report in a real browser: its arithmetic is planner's, nothing is fetched, and it can be used without a mouse."""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planner
from planner.accelerators.prices import one_line
from planner.allocation import solver
from planner.allocation.extrapolation import extrapolation
from planner.allocation.problem import problem_of
from planner.errors import PlannerError
from planner.inputs.effective_size import repetition
from planner.output.html_report.content import page_content, page_laws, spoken
from planner.output.html_report.javascript import law_functions
from planner.output.html_report.page import report_page
from planner.quantities import format_count, format_flops, significant
from planner.scaling_laws.law import Law
from tests import browser
from tests.strategies import law_of

LAWS = [law.id for law in planner.laws() if law.role == "plan"]
BUDGETS = [1.0, *(float(C) for C in np.geomspace(1e17, 1e28, 12)), 1e60]
WEIGHING = [law.id for law in planner.laws() if law.role == "plan" and set(law_functions(law)) == {"reducible"}]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the report of 1e21 FLOP."""
    return planner.write_report(planner.plan(flops=1e21), tmp_path_factory.mktemp("report") / "plan.html").as_uri()


@pytest.fixture
def page(chromium: Any, address: str) -> Any:
    """The report of 1e21 FLOP, opened, or as the last test left it; what it asked for while it loaded is checked here."""
    if chromium.current_url.partition("#")[0] != address:
        browser.requests(chromium)
        chromium.get(address)
        assert browser.complaints(chromium) == []
        assert browser.requests(chromium) == [address], "one file, and nothing else"
    return chromium


def answers(driver: Any, cases: Sequence[tuple[str, float, float | None]]) -> list[dict[str, Any]]:
    """Return the page's own answers to (law, budget, unique tokens)."""
    found: list[dict[str, Any]] = driver.execute_script("return arguments[0].map(each => planner.answer(...each))", cases)
    return found


def text(driver: Any, name: str) -> str:
    return str(driver.execute_script("return document.getElementById(arguments[0]).textContent", name))


def put(driver: Any, name: str, value: str) -> None:
    """Put a value into a field, and say so to the page."""
    driver.execute_script(
        "const field = document.getElementById(arguments[0]); field.value = arguments[1]; field.dispatchEvent(new Event('input', {bubbles: true}))",
        name, value,
    )  # fmt: skip


def type_in(driver: Any, name: str, value: str) -> None:
    """Type a value into a field key by key, as a person would."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    field = driver.find_element(By.ID, name)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(value if value else Keys.DELETE)


def assert_same(found: dict[str, Any], law: Law, C: float, unique: float | None) -> None:
    """The page's answer is the solver's, to a billionth."""
    problem = problem_of(law, modifiers=(repetition(law, unique),) if unique else ())
    best = solver.allocate(problem, C)
    assert found["params"] == pytest.approx(float(best.params), rel=1e-9)
    assert found["tokens"] == pytest.approx(float(best.tokens), rel=1e-9)
    assert found["loss"] == (None if best.loss is None else pytest.approx(float(best.loss), rel=1e-9))
    far = extrapolation(law, float(best.params), float(best.tokens), float(problem.spending.training(best.params, best.tokens)))
    assert found["extrapolation"] == (None if far is None else pytest.approx(far, rel=1e-9))
    if found["band"] is not None:
        assert found["band"] == pytest.approx(
            [float(end) for end in solver.flat_band(problem, C, 0.01)], rel=1e-6 if unique is None else 1e-3
        )


@pytest.mark.parametrize("law", LAWS)
def test_the_arithmetic_is_planners(page: Any, law: str) -> None:
    """Every law that plans, over eleven decades of budgets."""
    known = planner.load_law(law)
    for C, found in zip(BUDGETS, answers(page, [(law, C, None) for C in BUDGETS]), strict=True):
        assert_same(found, known, C, None)


OWN = {
    "kaplan_joint": {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    "overtraining": {"E": 1.5, "a": 141.0, "b": 190.0, "eta": 0.121},
}


@pytest.mark.parametrize("form", OWN)
def test_a_law_of_ones_own_may_have_any_form(chromium: Any, tmp_path: Path, form: str) -> None:
    """Forms that no shipped law plans with: one with its compute in the loss, one that is not a sum of two terms."""
    law = law_of(form, OWN[form])
    chromium.get(planner.write_report(planner.plan(flops=1e21, law=law), tmp_path / "own.html").as_uri())
    assert browser.complaints(chromium) == []
    for C, found in zip(BUDGETS[1:5], answers(chromium, [(law.id, C, None) for C in BUDGETS[1:5]]), strict=True):
        assert_same(found, law, C, None)


@pytest.mark.parametrize("law", WEIGHING)
def test_repeated_tokens_are_weighed_alike(page: Any, law: str) -> None:
    """From data enough to data seen hundreds of times."""
    known = planner.load_law(law)
    cases = []
    for C in (1e19, 1e21, 1e23):
        best = float(solver.allocate(known, C).tokens)
        cases += [(law, C, best * share) for share in (3.0, 0.5, 0.1, 0.02)]
    for (_, C, unique), found in zip(cases, answers(page, cases), strict=True):
        assert_same(found, known, C, unique)


def test_losses_off_the_optimum_are_the_laws(page: Any) -> None:
    """What the isoFLOP curves are drawn of, Kaplan's implicit surfaces included."""
    for law in LAWS:
        known = planner.load_law(law)
        if known.surface_law is not known:
            assert page.execute_script("return planner.lossOf(arguments[0], 1e9, 2e10)", law) is None
            continue
        runs = [(N, D) for N in (1e8, 1e9, 3e10) for D in (1e9, 2e10, 1e12)]
        found = page.execute_script("return arguments[1].map(run => planner.lossOf(arguments[0], ...run))", law, runs)
        assert found == pytest.approx([float(known.loss(N, D)) for N, D in runs], rel=1e-9), law


def test_costs_are_the_machines(page: Any) -> None:
    """Device-hours, time, dollars and energy of every device, as a plan has them."""
    for device in planner.hardware():
        asked: dict[str, Any] = {"flops": 1e22, "device": device.id, "devices": 64, "mfu": 0.4, "price": 2.5, "overhead": 0.1}
        found = page.execute_script("return planner.cost(arguments[0])", asked)
        cost = planner.plan(flops=1e22, gpus=f"64x{device.id}", mfu=0.4, price=2.5, overhead=0.1, others=()).cost
        assert cost is not None
        assert cost.hours is not None
        assert cost.dollars is not None
        assert found["device_hours"] == pytest.approx(cost.device_hours.expected, rel=1e-9)
        assert found["hours"] == pytest.approx(cost.hours.expected, rel=1e-9)
        assert found["dollars"] == pytest.approx(cost.dollars.expected, rel=1e-9)
        assert found["kwh"] == (None if cost.kwh is None else pytest.approx(cost.kwh.expected, rel=1e-9))
    free = page.execute_script(
        "return planner.cost({flops: 1e22, device: 'h100-sxm', devices: 1, mfu: 0.4, price: null, overhead: 0})"
    )
    published = planner.plan(flops=1e22, gpu="h100-sxm", mfu=0.4, others=()).cost
    assert published is not None
    assert published.dollars is not None
    assert free["dollars"] == pytest.approx(published.dollars.expected, rel=1e-9)


_OWN = """
[[accelerator]]
id = "my-gpu"
name = "ours"
peak_tflops = { bf16 = 500.0 }
memory_gb = 64
power_w = 500

[[price]]
id = "my-gpu"
usd_per_hour = 1.25
date = "2026-05-01"
source = "our contract"
"""


@pytest.mark.parametrize(
    "asked",
    [
        {"gpus": "64xh100", "dtype": "fp8", "pue": 1.05},
        {"gpus": "64xh100", "peak": "800TFLOPS", "power": "900W", "price": 1.9, "overhead": 0.2},
        {"gpus": "256xh100+128xa100", "mfu": 0.35},
        {"gpu": "h100", "deadline": "10d"},
        {"gpu": "h100"},
        {"gpus": "32xmy-gpu", "gpu_file": "ours.toml"},
    ],
    ids=str,
)
def test_the_panel_begins_with_the_plans_own_machine(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    """Format, peak, power, PUE, prices, failures, fleets and devices of one's own: the panel's cost is the plan's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.toml").write_text(_OWN, encoding="utf-8")
    plan = planner.plan(flops=1e22, others=(), **asked)
    assert plan.cost is not None
    path = planner.write_report(plan, tmp_path / "own-machine.html")
    chromium.get(path.as_uri())
    assert browser.complaints(chromium) == []
    found = chromium.execute_script("return planner.cost(planner.data.asked)")
    expected = plan.cost
    assert found["device_hours"] == pytest.approx(expected.device_hours.expected, rel=1e-9)
    assert found["dollars"] == (None if expected.dollars is None else pytest.approx(expected.dollars.expected, rel=1e-9))
    assert found["kwh"] == (None if expected.kwh is None else pytest.approx(expected.kwh.expected, rel=1e-9))
    field = chromium.execute_script("return document.getElementById('devices').value")
    if expected.hours is not None:
        assert found["hours"] == pytest.approx(expected.hours.expected, rel=1e-9)
    elif expected.devices_needed is not None:
        assert field == f"{expected.devices_needed.expected:.0f}"
    else:
        assert field == ""
        assert "how many" in text(chromium, "out-time")


def test_what_is_shown_is_what_planner_prints(page: Any) -> None:
    """The same digits and units, while a budget is typed in; the table of laws follows."""
    for typed, C in (("3e19", "3e19"), ("1 ZFLOP", "1e21"), ("100 PF-days", "8.64e21"), ("7.7e24", "7.7e24")):
        put(page, "flops", typed)
        answer = planner.plan(flops=float(C), others=())
        assert text(page, "out-flops") == format_flops(float(C))
        assert text(page, "out-params") == format_count(answer.params)
        assert text(page, "out-tokens") == format_count(answer.tokens)
        assert text(page, "out-loss") == f"{significant(answer.loss or 0, 4)} nats/token"
        assert answer.params_band is not None
        assert text(page, "out-band") == " to ".join(format_count(end) for end in answer.params_band) + " within 1 %"
        rows = page.execute_script(
            "return [...document.querySelectorAll('#laws tbody tr')].map(row => [row.dataset.law, ...[...row.cells].slice(1, 4).map(cell => cell.textContent)])"
        )
        assert sorted(row[0] for row in rows) == sorted(LAWS)
        for law, N, D, loss in rows:
            best = solver.allocate(planner.load_law(law), float(C))
            assert (format_count(float(best.params)), format_count(float(best.tokens))) == (N, D)
            assert loss.partition(" (")[0] == ("-" if best.loss is None else significant(float(best.loss), 4))
    put(page, "flops", "1e21")


def test_plots_are_redrawn_with_the_optimum_marked(page: Any) -> None:
    """The mark is the answer's, labels and units are there, and each plot says in words what it shows."""
    put(page, "flops", "1e22")
    for plot, labels in (
        ("isoflop", {"parameters N", "loss, nats/token"}),
        ("growth", {"training compute C, FLOP", "parameters N, tokens D"}),
    ):
        found = page.execute_script(
            "const svg = document.getElementById(arguments[0]); return {title: svg.querySelector('title').textContent,"
            " labels: [...svg.querySelectorAll('.label')].map(each => each.textContent),"
            " best: [...svg.querySelectorAll('.best')].map(each => [Number(each.dataset.x), Number(each.dataset.y)]),"
            " lines: [...svg.querySelectorAll('polyline:not(.thin)')].map(each => [each.dataset.label, each.getAttribute('points').split(' ').length]),"
            " key: [...document.querySelectorAll(`#${arguments[0]}-key li`)].map(each => each.textContent.trim())}",
            plot,
        )
        assert found["title"]
        assert set(found["labels"]) == labels
        assert [label for label, _ in found["lines"]] == found["key"][: len(found["lines"])]
        assert all(points > 20 for _, points in found["lines"])
        answer = planner.plan(flops=1e22, others=())
        if plot == "isoflop":
            assert found["best"][0] == pytest.approx([answer.params, answer.loss], rel=1e-9)
            assert found["key"] == ["1.00e22 FLOP", "1.00e21 FLOP", "1.00e23 FLOP"]
        else:
            assert found["best"] == [pytest.approx([1e22, answer.params]), pytest.approx([1e22, answer.tokens])]
        assert format_count(answer.params) in text(page, f"{plot}-said") or plot == "growth"
    put(page, "flops", "1e21")


def test_it_works_from_the_keyboard(page: Any) -> None:
    """The slider moves with arrow keys, laws are chosen by Enter, every field has a label, and focus is never lost."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    slider = page.find_element(By.ID, "slider")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert text(page, "out-flops") == format_flops(10**21.01)
    assert slider.get_attribute("aria-valuetext") == format_flops(10**21.01)
    slider.send_keys(Keys.END)
    assert text(page, "out-flops") == "1.00e28 FLOP"
    button = page.find_element(By.CSS_SELECTOR, "tr[data-law='kaplan2020'] button")
    button.send_keys(Keys.ENTER)
    assert page.find_element(By.ID, "law").get_attribute("value") == "kaplan2020"
    assert button.get_attribute("aria-pressed") == "true"
    assert page.switch_to.active_element == button
    assert "kaplan2020" in text(page, "law-source")
    type_in(page, "unique", "5B")
    assert text(page, "out-params") == "-", "his surface is not weighed with repeated tokens here, and no other answer is given"
    assert "kaplan2020 cannot weigh 5.00 B unique tokens on this page" in text(page, "out-beyond")
    button = page.find_element(By.CSS_SELECTOR, "tr[data-law='besiroglu2024'] button")
    button.send_keys(Keys.ENTER)
    type_in(page, "flops", "1e22")
    repeated = planner.plan(flops=1e22, law="muennighoff2023", unique_tokens="5B", others=())
    row = [cell.text for cell in page.find_elements(By.CSS_SELECTOR, "tr[data-law='muennighoff2023'] td")]
    assert row[:2] == [format_count(repeated.params), format_count(repeated.tokens)]
    other = page.find_elements(By.CSS_SELECTOR, "tr[data-law='hoffmann2022-approach1'] td")
    assert [cell.text for cell in other[:4]] == ["-"] * 4, "it says no loss, so it cannot weigh repeated tokens"
    assert "that weigh repeated tokens here" in text(page, "out-others")
    button = page.find_element(By.CSS_SELECTOR, "tr[data-law='kaplan2020'] button")
    button.send_keys(Keys.ENTER)
    type_in(page, "unique", "")
    type_in(page, "flops", "1e21")
    kaplan = planner.plan(flops=1e21, law="kaplan2020", others=())
    assert text(page, "out-params") == format_count(kaplan.params)
    assert kaplan.params_band is not None
    assert text(page, "out-band") == " to ".join(format_count(end) for end in kaplan.params_band) + " within 1 %"
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('input, select, button, svg[role=img]')].filter(each => !(each.labels?.length || each.textContent.trim() "
        "|| each.getAttribute('aria-labelledby') || each.getAttribute('aria-label'))).map(each => each.id)"
    )
    assert unnamed == []
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    for name in page.execute_script("return [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].flatMap(each => "
                                    "`${each.getAttribute('aria-labelledby') ?? ''} ${each.getAttribute('aria-describedby') ?? ''}`.trim().split(/ +/))"):  # fmt: skip
        assert name in ids
    page.execute_script(
        "document.getElementById('law').value = 'llama3'; document.getElementById('law').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    assert text(page, "out-loss") == "this law gives none"
    assert page.find_element(By.ID, "isoflop-none").is_displayed()
    page.execute_script(
        "document.getElementById('law').value = 'besiroglu2024'; document.getElementById('law').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    put(page, "flops", "1e21")
    assert browser.complaints(page) == []


def test_bad_entries_say_what_is_expected_and_change_nothing(page: Any) -> None:
    """One sentence beside the field; the last good answer stays."""
    before = text(page, "out-params")
    for name, bad, good in (
        ("flops", "lots", "1e21"),
        ("unique", "-3", ""),
        ("devices", "0", "1"),
        ("mfu", "140", "37.5%"),
        ("price", "free", ""),
        ("price", "2,95", ""),
        ("flops", "1,234", "1e21"),
        ("flops", "1,5e21", "1e21"),
        ("flops", "1 PFLOP/s", "1e21"),
        ("mfu", "90%", ""),
    ):
        put(page, name, bad)
        assert text(page, f"{name}-wrong"), name
        assert page.execute_script("return document.getElementById(arguments[0]).getAttribute('aria-invalid')", name) == "true"
        assert text(page, "out-params") == "-"
        assert "cannot be read" in text(page, "out-beyond")
        put(page, name, good)
        assert text(page, "out-params") == before
        assert text(page, f"{name}-wrong") == "", name
    put(page, "unique", "25B")
    answer = planner.plan(flops=1e21, unique_tokens="25B", others=())
    assert text(page, "out-params") == format_count(answer.params)
    assert answer.data is not None
    assert text(page, "out-epochs") == f"{significant(answer.data.epochs)} passes over 25.0 B unique tokens"
    put(page, "unique", "")
    assert browser.complaints(page) == []


def test_worn_out_data_are_warned_of_and_endless_repetition_names_no_size(page: Any) -> None:
    """As a plan warns; where the loss is flat to the last digit, dashes instead of an arbitrary size, and no broken picture."""
    put(page, "flops", "1e22")
    put(page, "unique", "5B")
    answer = planner.plan(flops=1e22, unique_tokens="5B", others=())
    assert text(page, "out-params") == format_count(answer.params)
    assert answer.data is not None
    assert f"Warning: {significant(answer.data.epochs)} passes over the unique tokens" in text(page, "out-beyond")
    put(page, "unique", "1000")
    assert text(page, "out-params") == text(page, "out-tokens") == "-"
    assert text(page, "out-loss").endswith("nats/token")
    assert "more compute no longer changes the loss" in text(page, "isoflop-none")
    put(page, "unique", "")
    for C in ("1", "1e60", "1e21"):
        put(page, "flops", C)
    assert browser.complaints(page) == []


def test_it_asks_for_nothing_while_it_is_used(page: Any) -> None:
    """No request at all after it is loaded, and its policy forbids them."""
    browser.requests(page)
    put(page, "flops", "2e21")
    put(page, "flops", "1e21")
    assert browser.requests(page) == []
    refused = page.execute_async_script("const done = arguments[0]; fetch('https://example.org').then(() => done('sent'), done)")
    assert refused != "sent"
    browser.complaints(page)  # the refusal


def test_it_fits_a_narrow_screen_and_paper(page: Any) -> None:
    """Nothing wider than a phone's screen but what scrolls by itself; on paper the fields are values."""
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 360
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert page.execute_script("return getComputedStyle(document.getElementById('slider')).display") == "none"
        assert page.execute_script("return getComputedStyle(document.getElementById('flops')).borderStyle") == "none"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert len(page.print_page()) > 10_000


def test_a_screenshot_shows_ink(page: Any, tmp_path: Path) -> None:
    """The page is not blank: plots have their colours."""
    from matplotlib import image

    page.execute_script("document.getElementById('isoflop').scrollIntoView()")
    assert page.save_screenshot(str(tmp_path / "page.png"))
    pixels = image.imread(tmp_path / "page.png")[..., :3]
    blue = np.abs(pixels - np.array([0x0B, 0x5F, 0xA5]) / 255).max(-1) < 0.02
    assert blue.sum() > 300


@cache
def fitted(method: Any) -> planner.FitResult:
    return planner.fit(planner.load_runs("gadre2024"), group="rpj|c4_val", method=method, draws=20)


@pytest.mark.parametrize("method", ["forecast", "classical"])
def test_a_law_of_ones_own_plans_in_the_page(chromium: Any, tmp_path: Path, method: Any) -> None:
    """A forecast's ensemble and a classical fit, repeated tokens included, where the page begins."""
    law = fitted(method).law
    path = planner.write_report(
        planner.plan(flops=1e22, law=law, unique_tokens="30B", gpus="64xh100-sxm", mfu=0.4), tmp_path / "own.html"
    )
    chromium.get(path.as_uri())
    assert browser.complaints(chromium) == []
    cases = [(law.id, C, unique) for C in (1e19, 1e22, 1e25) for unique in (None, 1e10, 1e12)]
    for (_, C, unique), found in zip(cases, answers(chromium, cases), strict=True):
        assert_same(found, law, C, unique)
    assert text(chromium, "out-flops") == "1.00e22 FLOP"
    assert "30.0 B unique tokens" in text(chromium, "out-epochs")
    assert chromium.execute_script("return document.getElementById('mfu').value") == "40%"
    assert chromium.execute_script("return document.getElementById('devices').value") == "64"


@pytest.mark.parametrize(
    "asked",
    [
        {"flops": 1e21, "unique_tokens": 1},
        {"flops": 1e21, "constants": {"E": 1e300}},
        {"flops": 1e23, "constants": {"A": 1e-200, "B": 1e-200}},
        {"flops": 1e21, "constants": {"alpha": 9.9, "beta": 9.9}},
        {"flops": 1e60, "unique_tokens": 1000},
    ],
    ids=str,
)
def test_odd_plans_break_no_page(chromium: Any, tmp_path: Path, asked: dict[str, Any]) -> None:
    """Nothing in the console, no number that is none."""
    path = planner.write_report(planner.plan(**asked), tmp_path / "odd.html")
    chromium.get(path.as_uri())
    assert browser.complaints(chromium) == []
    shown = chromium.execute_script(
        "return document.body.innerText + [...document.querySelectorAll('polyline')].map(each => each.getAttribute('points'))"
    )
    assert not re.search(r"NaN|Infinity|undefined", shown)


def test_texts_of_a_law_file_stay_texts(chromium: Any, tmp_path: Path) -> None:
    """No markup and no script comes out of a file of somebody else's."""
    source = (Path(planner.__file__).parents[1] / "data" / "laws" / "besiroglu2024.toml").read_text(encoding="utf-8")
    evil = "</script><script>document.title='stolen'</script><img src=x onerror=document.title='stolen'>{{data}}"
    text_of = source.replace('id = "besiroglu2024"', 'id = "evil"').replace('title = "', f'title = "{evil} ', 1)
    text_of += f'\n[[note]]\ncode = "evil"\nseverity = "info"\ntext = "{evil}"\n'
    (tmp_path / "evil.toml").write_text(text_of, encoding="utf-8")
    path = planner.write_report(planner.plan(flops=1e21, law=tmp_path / "evil.toml"), tmp_path / "evil.html")
    browser.requests(chromium)
    chromium.get(path.as_uri())
    assert chromium.title.startswith("2.78 B parameters")
    assert browser.complaints(chromium) == []
    assert browser.requests(chromium) == [path.as_uri()]
    assert evil in text(chromium, "law-notes")


HELD = [
    ({"gpus": "512xH100", "days": 30, "mfu": 0.4, "grid": "france"}, "devices"),
    ({"gpus": "64xa100", "days": "6 weeks", "overhead": 0.1}, "devices"),
    ({"dollars": "2M", "gpu": "h100", "grid": "germany"}, "money"),
    ({"dollars": 250_000, "gpu": "h100", "price": 1.9, "mfu": 0.45}, "money"),
    ({"energy": "4GWh", "gpu": "h100"}, "compute"),
    ({"flops": 5.25e23, "gpu": "b200", "grid": 300}, "compute"),
]


@pytest.mark.parametrize(("asked", "mode"), HELD, ids=str)
def test_the_panel_begins_with_what_the_plan_holds(chromium: Any, tmp_path: Path, asked: dict[str, Any], mode: str) -> None:
    """Money, devices for days or compute: budget, answer, and every range of cost, energy and CO2e are the plan's."""
    plan = planner.plan(**asked)
    chromium.get(planner.write_report(plan, tmp_path / "held.html").as_uri())
    assert browser.complaints(chromium) == []
    assert chromium.execute_script("return document.querySelector('input[name=mode]:checked').value") == mode
    assert text(chromium, "out-flops") == format_flops(plan.flops)
    assert text(chromium, "out-params") == format_count(plan.params)
    assert not chromium.execute_script("return !document.getElementById('moved').hidden")
    assert plan.cost is not None
    start = {**chromium.execute_script("return planner.data.asked"), "flops": plan.flops}
    grid = chromium.execute_script("return planner.data.grids.find(each => each.name === planner.data.start.grid) ?? null")
    found = chromium.execute_script("return planner.costs(arguments[0])", {**start, "grid": grid})
    for name, expected in (
        ("device_hours", plan.cost.device_hours),
        ("dollars", plan.cost.dollars),
        ("kwh", plan.cost.kwh),
        ("kg", plan.cost.kg_co2e),
    ):
        assert found[name] == (None if expected is None else pytest.approx(expected._asdict(), rel=1e-9)), name
    if plan.funded and mode != "compute":
        ends = [format_flops(plan.funded.flops.low), format_flops(plan.funded.flops.high)]
        assert text(chromium, "out-flops-range") == (
            ""
            if ends[0] == ends[1]
            else f"{' to '.join(ends)} over the range of utilisation{' and price' if mode == 'money' else ''}"
        )


@pytest.mark.parametrize(
    ("field", "typed", "keyword"),
    [
        ("flops", "1e21", "flops"), ("flops", "1,234", "flops"), ("flops", "1,234,567", "flops"), ("flops", "3 PF-days", "flops"),
        ("flops", "1_000e18", "flops"), ("flops", "2 ZFLOP", "flops"), ("flops", "-1", "flops"), ("flops", "1e21x", "flops"), ("flops", "0.5", "flops"),
        ("flops", "12,34", "flops"), ("dollars", "2M", "dollars"), ("dollars", "$2.5M", "dollars"), ("dollars", "2,5M", "dollars"), ("dollars", "2,500,000", "dollars"),
        ("dollars", "many", "dollars"), ("days", "30", "days"), ("days", "6 weeks", "days"), ("days", "720h", "days"), ("days", "1,5", "days"), ("days", "30 parsecs", "days"),
        ("mfu", "0.4", "mfu"), ("mfu", "40%", "mfu"), ("mfu", "40", "mfu"), ("mfu", "90%", "mfu"), ("mfu", "80.4%", "mfu"), ("price", "2.95", "price"), ("price", "2,95", "price"),
        ("price", "$3", "price"), ("price", "0", "price"),
    ],
)  # fmt: skip
def test_fields_read_and_refuse_as_the_command_line_does(page: Any, field: str, typed: str, keyword: str) -> None:
    """The same texts, the same numbers; what planner refuses the page refuses, with a sentence."""
    mode = {"dollars": "money", "days": "devices"}.get(field, "compute")
    published = 0.375  # which a page without devices of its plan takes, where a plan forecasts
    asked: dict[str, Any] = {"gpus": "64xh100-sxm", "days": 30, "mfu": published} if mode == "devices" else {"gpu": "h100-sxm"}
    by_mode: dict[str, dict[str, Any]] = {"compute": {"flops": 1e21}, "money": {"dollars": "1M"}, "devices": {}}
    asked |= by_mode[mode]
    asked[keyword] = typed
    page.execute_script("document.getElementById('reset').click()")
    page.execute_script(
        "const each = document.getElementById(arguments[0]); each.checked = true; each.dispatchEvent(new Event('change', {bubbles: true}))",
        f"mode-{mode}",
    )
    if mode == "devices":
        put(page, "devices", "64")
    put(page, field, typed)
    try:
        plan = planner.plan(others=(), **asked)
    except PlannerError:
        assert text(page, f"{field}-wrong") != ""
        assert text(page, "out-params") == "-"
    else:
        assert text(page, f"{field}-wrong") == ""
        assert text(page, "out-flops") == format_flops(plan.flops)
        assert text(page, "out-params") == format_count(plan.params)
    page.execute_script("document.getElementById('reset').click()")
    assert browser.complaints(page) == []


def test_the_page_says_when_it_has_left_the_plan_and_remembers_where(chromium: Any, tmp_path: Path) -> None:
    """What is changed stands in the address, which brings it back; one button returns to the plan."""
    path = planner.write_report(planner.plan(flops=1e21), tmp_path / "moved.html")
    chromium.get(path.as_uri())
    hidden = "return document.getElementById('moved').hidden"
    assert chromium.execute_script(hidden)
    put(chromium, "flops", "3e22")
    put(chromium, "price", "2.5")
    assert not chromium.execute_script(hidden)
    address = chromium.current_url
    assert address.endswith("#flops=3e22&price=2.5")
    shown = text(chromium, "out-params"), text(chromium, "out-dollars")
    chromium.get("about:blank")
    chromium.get(address)
    assert (text(chromium, "out-params"), text(chromium, "out-dollars")) == shown
    assert shown[0] == format_count(planner.plan(flops=3e22, others=()).params)
    from selenium.webdriver.common.by import By

    chromium.find_element(By.ID, "reset").click()
    assert chromium.execute_script(hidden)
    assert chromium.current_url == path.as_uri()
    assert text(chromium, "out-params") == "2.78 B"
    for odd in ("#law=nolaw&mode=x", "#flops=", "#=&&=", "#explore", "#flops=%E0%A4%A", "#grid=<b>"):
        chromium.get("about:blank")
        chromium.get(path.as_uri() + odd)
        assert browser.complaints(chromium) == [], odd
        assert "besiroglu2024" in text(chromium, "law-source") or text(chromium, "out-params") == "-"


def test_what_has_no_answer_leaves_no_old_one(page: Any) -> None:
    """Source, notes and table are those of what is asked; what is no run is refused as planner refuses it."""
    put(page, "flops", "1e25")
    assert "at 1e26 FLOP the draws here" in text(page, "law-notes")
    put(page, "flops", "foo")
    assert text(page, "law-notes") == ""
    assert page.execute_script("return document.querySelector('#laws tbody tr').cells[1].textContent") == "-"
    page.execute_script("document.getElementById('reset').click()")
    put(page, "unique", "25B")
    put(page, "law", "llama3")
    assert text(page, "law-source").startswith("llama3:")
    page.execute_script("document.getElementById('reset').click()")
    with pytest.raises(PlannerError):
        planner.plan(flops=1)
    put(page, "flops", "1")
    assert text(page, "out-params") == "-"
    assert "which is no run" in text(page, "out-beyond")
    page.execute_script("document.getElementById('reset').click()")
    assert browser.complaints(page) == []


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("C is C/2; with C 1.66x (--set C_per_Cmin=1)", "C is C/2; with C 1.66x"),
        ("the range is 21 % to 46 %; yours: --mfu", "the range is 21 % to 46 %"),
        ("give --co2 with --grid.", "give co2 with grid."),
        ("see law--v2.json", "see law--v2.json"),
        ("no option here", "no option here"),
    ],
)
def test_notes_speak_of_no_command_line(said: str, left: str) -> None:
    """Options go, and nothing else of the words does."""
    assert spoken(said) == left


def test_tables_are_sorted_by_their_headers(page: Any) -> None:
    """Devices by cost at first; another click turns the order; what has no number, or one quote alone, comes last."""
    from selenium.webdriver.common.by import By

    def column(table: str, place: int) -> list[float | None]:
        texts = page.execute_script(
            "return [...document.getElementById(arguments[0]).tBodies[0].rows].map(row => row.cells[arguments[1]].dataset.value)",
            table,
            place,
        )
        return [float(each) if each else None for each in texts]

    def rising(values: list[float | None], turn: int = 1) -> bool:
        known = [turn * each for each in values if each is not None]
        return known == sorted(known) and None not in values[: len(known)]

    put(page, "flops", "1e22")
    assert rising(column("device-table", 3))
    ranked = [
        row.device.id
        for row in planner.rank_hardware(flops=1e22).rows
        if row.cost.dollars is not None and not one_line(row.device.prices)
    ]
    names = page.execute_script("return [...document.querySelectorAll('#device-table tbody tr')].map(row => row.dataset.device)")
    assert [name for name in names if name in ranked] == ranked
    for place, turn in ((1, 1), (1, -1), (6, 1)):
        page.find_elements(By.CSS_SELECTOR, "#device-table thead button")[place].click()
        assert rising(column("device-table", place), turn)
        assert page.execute_script("return document.querySelectorAll('#device-table [aria-sort]').length") == 1
    page.find_elements(By.CSS_SELECTOR, "#laws thead button")[1].click()
    assert rising(column("laws", 1))
    page.find_element(By.CSS_SELECTOR, "tr[data-device='a100-sxm-80gb'] button").click()
    assert page.execute_script("return document.getElementById('device').value") == "a100-sxm-80gb"
    page.execute_script("document.getElementById('reset').click()")


def test_plots_are_read_under_the_cursor(page: Any) -> None:
    """By mouse and by arrow keys: budget, size and loss, as planner gives them; the other main laws are thin lines."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    page.execute_script(
        "const svg = document.getElementById('growth'), box = svg.getBoundingClientRect();"
        "svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2 + 22, clientY: box.top + 50}))"
    )
    said = text(page, "growth-readout")
    C = float(said.split()[0])
    assert f"{format_count(planner.plan(flops=C, others=()).params)[:3]}" in said
    assert "over the main laws" in said
    others = [each.law.id for each in planner.plan(flops=1e21).others]
    assert page.execute_script("return [...document.querySelectorAll('#growth .thin')].map(each => each.dataset.label)") == others
    plot = page.find_element(By.ID, "isoflop")
    plot.send_keys(Keys.ARROW_RIGHT)
    before = text(page, "isoflop-readout")
    plot.send_keys(Keys.ARROW_LEFT)
    assert "parameters on" in before
    assert text(page, "isoflop-readout") != before
    assert browser.complaints(page) == []


def test_words_say_what_numbers_say(page: Any) -> None:
    """One paragraph, with the sizes of the plan and of the other main laws, and no option of a command line on the page."""
    answer = planner.plan(flops=1e21, gpu="h100")
    said = text(page, "out-words")
    assert answer.params_spread is not None
    assert answer.params_band is not None
    for part in (answer.params, answer.tokens, *answer.params_spread, *answer.params_band):
        assert format_count(part) in said
    assert not re.search(r"--[a-z]", page.execute_script("return document.body.innerText"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_no_violation(chromium: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """Contrast, names, roles, order: axe-core over the whole page, as it opens and after a mistake; texts in plots have 11 pixels."""
    from axe_core_python.selenium import Axe

    path = planner.write_report(planner.plan(gpus="512xH100", days=30, grid="france"), tmp_path / "axe.html")
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    )
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    try:
        chromium.get(path.as_uri())
        assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
        assert chromium.execute_script(wide) == 0
        small = chromium.execute_script(
            "return [...document.querySelectorAll('svg text')].filter(each => { const svg = each.ownerSVGElement;"
            " return parseFloat(getComputedStyle(each).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width < 10.9 }).length"
        )
        assert small == 0
        for typed in ("", "lots"):
            if typed:
                put(chromium, "days", typed)
            found = Axe().run(chromium)
            assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]] == []
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# ---------------------------------------------------------------- without a browser


def test_the_page_is_one_small_file() -> None:
    """Below a megabyte; no address is loaded from; the plan, its notes and every law's source stand in it without a script."""
    page = report_page(planner.plan(flops=1e21))
    assert len(page.encode()) < 300_000
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", page)
    assert "@import" not in page
    assert "{{" not in page
    body = page.partition("<script")[0]
    for law in LAWS:
        assert f'data-law="{law}"' in body
    for needed in (
        "2.78 B",
        "60.0 B",
        "2.35 B to 3.28 B cost",
        "Besiroglu et al. 2024",
        "arXiv 2001.08361",
        "kaplan2020 [1,2,3]",
    ):
        assert needed in body
    assert report_page(planner.plan(flops=1e21)) == page, "the same question is the same page"


def test_what_the_page_leaves_out_is_said() -> None:
    """Limits, serving and precision are in the plan above, not in what follows the fields."""
    for asked, words in (
        ({"params": "7B"}, "the limits of the plan as it was written"),
        ({"inference_tokens": "1T"}, "serving of the plan as it was written"),
        ({"precision": "fp8", "max_tokens": "1T"}, "the limits and precision or data quality of the plan as it was written"),
    ):
        assert words in report_page(planner.plan(flops=1e22, **asked))  # type: ignore[arg-type]
    assert "The fields below plan with" not in report_page(planner.plan(flops=1e22, unique_tokens="50B"))


def test_constants_are_those_of_the_law_files() -> None:
    """Every number of a law's functions comes from its file, changed constants included."""
    plan = planner.plan(flops=1e21, constants={"alpha": 0.35})
    page = report_page(plan)
    assert "const alpha = 0.35;" in page
    content = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert content["laws"][0]["id"] == "besiroglu2024 (modified)"
    assert content["laws"][0]["floor"] == 1.8172
    assert len(content["laws"]) == len(page_laws(plan.law)) == len(LAWS) + 1


def test_every_law_that_plans_has_functions() -> None:
    """A surface to search, or an optimum in closed form; Kaplan's laws a loss and an implicit surface."""
    for law in planner.laws():
        if law.role != "plan":
            continue
        found = law_functions(law)
        assert "reducible" in found or "optimum" in found
        assert ("loss" in found) == ("reducible" not in found and solver.allocate(law, 1e21).loss is not None)
    assert set(law_functions(planner.load_law("kaplan2020"))) == {"optimum", "loss", "implicit"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plan.txt", "the name of a report ends in .html"),
        ("nowhere/plan.html", "cannot be written"),
        (3, "expected a file to write"),
    ],
)
def test_bad_paths_are_refused(tmp_path: Path, name: Any, message: str) -> None:
    """One line with what is required."""
    with pytest.raises(PlannerError, match=message):
        planner.write_report(planner.plan(flops=1e21), tmp_path / name if isinstance(name, str) else name)


def test_an_existing_page_is_kept(tmp_path: Path) -> None:
    """Unless it may be overwritten."""
    path = tmp_path / "plan.html"
    planner.write_report(planner.plan(flops=1e21), path)
    before = path.read_bytes()
    with pytest.raises(PlannerError, match="exists already"):
        planner.write_report(planner.plan(flops=1e22), path)
    assert path.read_bytes() == before
    planner.write_report(planner.plan(flops=1e22), path, overwrite=True)
    assert path.read_bytes() != before


def test_what_a_page_cannot_plan_with_is_refused(tmp_path: Path) -> None:
    """Own exponents have no surface of their own."""
    with pytest.raises(PlannerError, match="is no law that a page can plan with"):
        planner.write_report(planner.plan(flops=1e21, exponents=(0.73, 0.27)), tmp_path / "plan.html")


def test_a_plan_that_serves_keeps_the_main_laws_on_its_page() -> None:
    """Serving is not in the page's fields: laws that cannot weigh it stand beside the answer all the same, unless none was asked for."""
    served = page_content(planner.plan(flops=1e24, inference_tokens="2T"))["main"]
    assert set(served) == set(page_content(planner.plan(flops=1e24))["main"])
    assert page_content(planner.plan(flops=1e24, inference_tokens="2T", others=()))["main"] == []
