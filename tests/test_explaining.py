"""The arithmetic that --explain prints can be redone on paper."""

import re
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.scaling_laws.derivation import evaluate
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.latex import equation, latex
from tests.strategies import BUDGETS, COUNTS, SURFACES, answered, laws_of

PLANNING = [law.id for law in planner.laws() if law.role == "plan"]


def _redo(numbers: str) -> float:
    """Evaluate a printed line the way a reader with a calculator would."""
    assert re.fullmatch(r"([0-9e.+\-*/^() ]|ln(?=\())+", numbers), numbers
    return float(eval(numbers.replace("^", "**"), {"ln": log}))  # our own digits and signs only, asserted above


def _first(steps: tuple[planner.Step, ...]) -> dict[str, float]:
    """Return each symbol's first result: that of the plan or run itself, before the optimum's."""
    found: dict[str, float] = {}
    for step in steps:
        found.setdefault(step.symbol, step.result)
    return found


def _assert_redone(steps: tuple[planner.Step, ...]) -> None:
    for step in steps:
        if "=" not in step.formula:
            assert _redo(step.numbers) == pytest.approx(step.result, rel=1e-5, abs=2e-8), step
        assert step.source


@pytest.mark.parametrize("law", PLANNING)
@pytest.mark.parametrize("flops", [1e19, 1e21, 1e25])
def test_every_line_of_a_plan_can_be_redone(law: str, flops: float) -> None:
    """Putting the printed numbers into a calculator gives the printed results, and they are the plan's."""
    plan = planner.plan(flops=flops, law=law, others=())
    steps = planner.explain(plan)
    _assert_redone(steps)
    results = _first(steps)
    assert results["N"] == pytest.approx(plan.params, rel=1e-12)
    assert results["D"] == pytest.approx(plan.tokens, rel=1e-12)
    assert results["ratio"] == pytest.approx(plan.tokens_per_param, rel=1e-12)
    if plan.loss is not None:
        assert results["L"] == pytest.approx(plan.loss, rel=1e-12)
        assert plan.doubling is not None
        assert results["gain"] == pytest.approx(plan.doubling.loss_gain, rel=1e-9)
    if plan.params_band:
        assert (results["N_low"], results["N_high"]) == plan.params_band


@given(laws_of(SURFACES), BUDGETS, COUNTS, COUNTS)
def test_the_derivations_are_the_code(law: planner.Law, flops: float, params: float, tokens: float) -> None:
    """For every form with random constants, the formulas on paper give what the code computed another way."""
    plan = answered(lambda: planner.plan(flops=flops, law=law, others=()))
    results = _first(planner.explain(plan))
    assert results["N"] == pytest.approx(plan.params, rel=1e-9)
    assert results["L"] == pytest.approx(plan.loss, rel=1e-9)
    check = answered(lambda: planner.check(params=params, tokens=tokens, law=law))
    assert check.overfitting_test.params < params  # random laws count embeddings, Kaplan does not
    verdict = _first(planner.explain(check))
    assert verdict["L"] == pytest.approx(check.loss, rel=1e-9)
    assert verdict["C_opt"] == pytest.approx(check.equivalent_flops, rel=1e-8)
    assert verdict["delta_L"] == pytest.approx(check.overfitting_test.excess, rel=1e-9)
    assert verdict["D_needed"] == pytest.approx(check.overfitting_test.tokens_needed, rel=1e-9)


@pytest.mark.parametrize("law", ["kaplan2020", "kaplan2020-lns"])
def test_equations_that_are_solved_hold(law: str) -> None:
    """Where a line says "solves", both sides agree at the solution."""
    check = planner.check(params="10B", tokens="20B", law=law)
    values = {**check.law.symbols, "PF_day": 8.64e19, "N": check.params, "D": check.tokens, "C": check.flops}
    solved = [step for step in planner.explain(check) if step.part == "its loss" and "=" in step.formula]
    assert len(solved) == 1
    for step in planner.explain(check):
        if step.part == "its loss":
            values[step.symbol] = step.result
    left, right = solved[0].formula.split("=")
    assert evaluate(left.strip(), values) == pytest.approx(evaluate(right.strip(), values), rel=1e-9)


def test_shares_and_parts_are_explained() -> None:
    """Every part of a verdict has its own heading, and the shares are worked out."""
    check = planner.check(params="175B", tokens="300B")
    steps = planner.explain(check)
    assert list(dict.fromkeys(step.part for step in steps)) == [
        "this run", "its loss", "what it owes", "its overhead", "the optimum of the same compute",
        "instead: same loss", "instead: train longer", "instead: shrink", "Kaplan's test",
    ]  # fmt: skip
    assert check.shares is not None
    assert _first(steps)["share_N"] == pytest.approx(check.shares.params)
    for remedy in check.remedies:
        worked = {step.symbol: step.result for step in steps if step.part == f"instead: {remedy.action}"}
        assert (worked["N"], worked["D"], worked["L"]) == pytest.approx((remedy.params, remedy.tokens, remedy.loss))
    optimum = {step.symbol: step.result for step in steps if step.part == "the optimum of the same compute"}
    assert check.optimum is not None
    assert optimum["N"] == pytest.approx(check.optimum.params)
    assert optimum["L"] == pytest.approx(check.optimum.loss)
    with pytest.raises(planner.PlannerError, match="explain takes a Plan or a Check"):
        planner.explain(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("run", [("175B", "300B"), ("70B", "1.4T"), ("8B", "15T")])
@pytest.mark.parametrize(
    "law", ["besiroglu2024", "kaplan2020", "kaplan2020-lns", "minicpm2024", "hoffmann2022-approach1", "gadre2024-c4"]
)
def test_every_line_of_a_check_can_be_redone(run: tuple[str, str], law: str) -> None:
    """The same for verdicts."""
    check = planner.check(params=run[0], tokens=run[1], law=law)
    steps = planner.explain(check)
    _assert_redone(steps)
    results = _first(steps)
    if check.overhead is not None:
        assert results["overhead"] == pytest.approx(check.overhead, rel=1e-6, abs=1e-9)


def test_fixed_sizes_and_own_exponents_are_explained() -> None:
    """The optimum's own lines follow those of the fixed run."""
    for plan in (
        planner.plan(flops=1e22, params="7B"),
        planner.plan(flops=1e22, tokens="100B"),
        planner.plan(flops=1e22, exponents=(0.6, 0.4)),
    ):
        steps = planner.explain(plan)
        _assert_redone(steps)
        assert plan.optimum is not None
        optimum = {step.symbol: step.result for step in steps if step.part == "the optimum of the same compute"}
        assert optimum["N"] == pytest.approx(plan.optimum.params)
        assert optimum["D"] == pytest.approx(plan.optimum.tokens)
        if plan.law.judge:
            assert (
                next(step.result for step in steps if step.part == "the anchor" and step.symbol == "N") == plan.law.params["N_0"]
            )
        overhead = next(step.result for step in steps if step.symbol == "overhead")
        assert overhead == pytest.approx(plan.overhead, rel=1e-6)


@pytest.mark.parametrize("formula", ["__import__('os')", "a.b", "f(1)", "[1]", "'x'", "a if b else c"])
def test_only_arithmetic_is_evaluated(formula: str) -> None:
    """Formulas are arithmetic, never code."""
    with pytest.raises(ValueError, match="not arithmetic"):
        evaluate(formula, {"a": 1.0, "b": 1.0, "c": 1.0})


def _read_back(text: str) -> str:
    """Return LaTeX as Python arithmetic, by its signs alone."""
    while found := re.search(r"\\frac{([^{}]*)}{([^{}]*)}", text):
        text = f"{text[: found.start()]}(({found[1]})/({found[2]})){text[found.end() :]}"
        text = re.sub(r"\^{([^{}]*)}", r"**(\1)", text)
    while found := re.search(r"\^{([^{}]*)}", text):
        text = f"{text[: found.start()]}**({found[1]}){text[found.end() :]}"
        while inner := re.search(r"\\frac{([^{}]*)}{([^{}]*)}", text):
            text = f"{text[: inner.start()]}(({inner[1]})/({inner[2]})){text[inner.end() :]}"
    return text.replace(r"\left", "").replace(r"\right", "").replace(r"\cdot", "*").replace(r"\,", "*")


_LEAVES = st.sampled_from(["a", "b", "c", "2", "0.5"])
_FORMULAS = st.recursive(
    _LEAVES,
    lambda some: st.builds("({}{}{})".format, some, st.sampled_from("+-*/^"), some) | st.builds("(-{})".format, some),
    max_leaves=8,
)


@given(_FORMULAS)
def test_latex_says_the_same_arithmetic(formula: str) -> None:
    """Read back by its signs alone, a formula in LaTeX has the value that the formula has."""
    values = {"a": 1.25, "b": 0.75, "c": 1.5}

    def value(text: str) -> complex | None:
        try:
            return complex(eval(text.replace("^", "**"), {"__builtins__": {}}, values))
        except (ZeroDivisionError, OverflowError):
            return None

    told, expected = value(_read_back(latex(formula))), value(formula)
    assert (told is None) == (expected is None)
    if told is not None and expected is not None and abs(expected) < 1e300:
        assert told == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_equations_in_latex() -> None:
    """Equations as printed; words stay words; every form has one whose braces close."""
    assert equation("L(N, D) = E + A/N^alpha + B/D^beta") == r"L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}"
    assert equation("N_opt = k_N C^a, D_opt = C/(k N_opt)").count(r"\quad") == 1
    assert equation("L(D) = (D_c/D)^alpha_D, an ample model stopped early").endswith(r"\text{an ample model stopped early}")
    for form in FORMS.values():
        text = equation(form.equation)
        assert text.count("{") == text.count("}")
        assert text.count(r"\left(") == text.count(r"\right)")
