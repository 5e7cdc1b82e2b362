"""What the maths promises, over every form and random constants."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from planner.allocation import solver
from planner.allocation.problem import spending_of
from planner.inputs.law_choice import laws
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.law import Law
from tests.strategies import BENT, BUDGETS, COUNTS, PLANNING, POWER_LAWS, RATIOS, SURFACES, laws_of

CATALOGUED_PLANS = [law for law in laws() if law.role == "plan"]
CATALOGUED_SURFACES = [law for law in laws() if law.surface_law]


def _reducible(law: Law, params: float, tokens: float) -> float:
    return float(sum(solver.reducible(law, params, tokens)))


def test_every_planning_form_has_a_strategy() -> None:
    """A new form must join the property tests."""
    assert set(PLANNING) == {name for name, form in FORMS.items() if form.frontier}


@given(laws_of(PLANNING), BUDGETS)
def test_the_optimum_spends_exactly_the_budget(law: Law, flops: float) -> None:
    """k N D is C to the last bits."""
    best = solver.allocate(law, flops)
    assert best.params * best.tokens * law.symbols["k"] == pytest.approx(flops, rel=4e-16 * 4)


@given(laws_of(SURFACES), BUDGETS)
def test_closed_form_and_search_agree(law: Law, flops: float) -> None:
    """The search along the iso-FLOP line finds the closed form's N to 1e-9."""
    assert solver.search_run(law, flops)[0] == pytest.approx(solver.allocate(law, flops).params, rel=1e-9)


@given(laws_of(SURFACES), BUDGETS, RATIOS)
def test_no_neighbour_on_the_iso_flop_line_is_better(law: Law, flops: float, ratio: float) -> None:
    """Moving N either way at the same compute never lowers the loss."""
    best = solver.allocate(law, flops)
    here = _reducible(law, best.params, best.tokens)
    there = _reducible(law, best.params * ratio, best.tokens / ratio)
    assert there >= here * (1 - 1e-12)


@given(laws_of(SURFACES), BUDGETS)
def test_frontier_loss_is_the_loss_at_the_optimum(law: Law, flops: float) -> None:
    """The closed-form loss of a budget equals the surface at its optimum, and the budget for that loss is the budget."""
    best = solver.allocate(law, flops)
    reducible = _reducible(law, best.params, best.tokens)
    assert best.loss == pytest.approx(law.irreducible_loss + reducible, rel=1e-11)
    assert solver.equivalent_flops(law, reducible) == pytest.approx(flops, rel=1e-9)


@given(laws_of(SURFACES), BUDGETS, st.floats(1.0001, 1e6))
def test_more_compute_never_raises_the_optimal_loss(law: Law, flops: float, factor: float) -> None:
    """The optimal reducible loss falls with compute."""
    small, large = solver.allocate(law, flops), solver.allocate(law, flops * factor)
    assert _reducible(law, large.params, large.tokens) < _reducible(law, small.params, small.tokens)


@given(laws_of(SURFACES), COUNTS, COUNTS, st.floats(1.001, 1000))
def test_loss_falls_in_params_and_in_tokens(law: Law, params: float, tokens: float, factor: float) -> None:
    """More of either alone lowers the reducible loss."""
    here = _reducible(law, params, tokens)
    assert _reducible(law, params * factor, tokens) <= here * (1 + 1e-13)
    assert _reducible(law, params, tokens * factor) <= here * (1 + 1e-13)
    assert _reducible(law, params * factor, tokens * factor) < here


@given(laws_of(SURFACES), COUNTS, RATIOS)
def test_slopes_are_the_derivatives(law: Law, params: float, ratio: float) -> None:
    """-dL/dlnN and -dL/dlnD agree with central differences."""
    surface, p = law.form.surface, law.symbols
    assert surface
    best = solver.allocate(law, 6 * params * params)
    N, D, step = best.params * ratio, best.tokens, 1e-5
    by_params, by_tokens = surface.slopes(p, N, D)
    numeric_params = (sum(surface.terms(p, N * np.exp(-step), D)) - sum(surface.terms(p, N * np.exp(step), D))) / (2 * step)
    numeric_tokens = (sum(surface.terms(p, N, D * np.exp(-step))) - sum(surface.terms(p, N, D * np.exp(step)))) / (2 * step)
    total = sum(surface.terms(p, N, D))
    assert by_params == pytest.approx(numeric_params, rel=1e-5, abs=1e-9 * total)
    assert by_tokens == pytest.approx(numeric_tokens, rel=1e-5, abs=1e-9 * total)


@given(laws_of(SURFACES), BUDGETS, st.sampled_from([0.001, 0.01, 0.1]))
def test_the_band_contains_the_optimum_and_its_ends_cost_what_they_say(law: Law, flops: float, extra: float) -> None:
    """At both ends of the flat band the overhead is the stated one."""
    low, high = solver.flat_band(law, flops, extra)
    best = solver.allocate(law, flops).params
    assert low < best < high
    for end in (low, high):
        _, tokens = solver.fixed(law, flops, params=end)
        assert solver.overhead(law, end, tokens) == pytest.approx(extra, rel=1e-6)


@given(laws_of(PLANNING), st.lists(BUDGETS, min_size=1, max_size=5))
def test_scalars_equal_arrays(law: Law, budgets: list[float]) -> None:
    """An array of budgets gives what each gives alone."""
    together = solver.allocate(law, np.array(budgets))
    for i, flops in enumerate(budgets):
        alone = solver.allocate(law, flops)
        # powers of vectors and of scalars differ in their last bits; an ensemble's optimum is a root, and so do those of its search
        close = 1e-12 if law.form.name in BENT else 1e-13
        assert together.params[i] == pytest.approx(alone.params, rel=close)
        assert together.tokens[i] == pytest.approx(alone.tokens, rel=close)
        if alone.loss is not None:
            assert together.loss[i] == pytest.approx(alone.loss, rel=close)


@given(laws_of(SURFACES), st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=4))
def test_surfaces_broadcast(law: Law, runs: list[tuple[float, float]]) -> None:
    """Arrays of runs give what each gives alone."""
    params, tokens = np.array(runs).T
    together = law.loss(params, tokens)
    assert together.shape == params.shape
    for value, (N, D) in zip(together, runs, strict=True):
        assert value == pytest.approx(law.loss(N, D), rel=1e-14)


@given(laws_of(POWER_LAWS))
def test_exponents_add_to_one_and_are_the_slopes_of_the_line(law: Law) -> None:
    """a + b = 1, and N grows as C^a."""
    assert law.exponents
    a, b = law.exponents
    assert a + b == pytest.approx(1, abs=1e-12)
    growth = np.log(solver.allocate(law, 1e24).params / solver.allocate(law, 1e20).params) / np.log(1e4)
    assert growth == pytest.approx(a, rel=1e-9)


@given(laws_of(SURFACES), BUDGETS)
def test_a_size_is_optimal_at_the_budget_that_makes_it_so(law: Law, flops: float) -> None:
    """optimal_at inverts the optimal line in N and in D."""
    best = solver.allocate(law, flops)
    assert solver.optimal_at(law, params=best.params) == pytest.approx(flops, rel=1e-9)
    assert solver.optimal_at(law, tokens=best.tokens) == pytest.approx(flops, rel=1e-9)


@given(laws_of(("additive", "overtraining", "kaplan_compute", "kaplan_learning_curve")), BUDGETS, st.floats(0.3, 3))
def test_cost_of_another_size_reaches_the_same_loss(law: Law, flops: float, ratio: float) -> None:
    """A model of another size, given cost_of_size, reaches the optimal run's loss; never more cheaply."""
    best = solver.allocate(law, flops)
    params = best.params * ratio
    cost = solver.cost_of_size(law, flops, params)
    assume(np.isfinite(cost))
    assert cost >= flops * (1 - 1e-12)
    tokens = cost / (6 * params)
    assert _reducible(law, params, tokens) == pytest.approx(_reducible(law, best.params, best.tokens), rel=1e-9)


@pytest.mark.parametrize("law", CATALOGUED_SURFACES, ids=str)
def test_nothing_overflows_from_1e3_to_1e40(law: Law) -> None:
    """No warning, no nan, no infinity over 37 decades of compute, on and off the optimum."""
    flops = np.logspace(3, 40, 75)
    with np.errstate(all="raise"):
        for ratio in (1e-3, 1.0, 1e3):
            params = np.sqrt(flops / 6) * ratio
            tokens = flops / 6 / params
            loss = law.loss(params, tokens)
            assert np.all(np.isfinite(loss))
            if law.role == "plan":
                extra = solver.overhead(law, params, tokens)
                assert np.all(np.isfinite(extra))
                assert np.all(extra >= 0)


@pytest.mark.parametrize("law", CATALOGUED_PLANS, ids=str)
def test_every_catalogued_plan_holds_from_1e3_to_1e40(law: Law) -> None:
    """Allocations, bands and budgets stay finite and positive over 37 decades."""
    flops = np.logspace(3, 40, 38)
    with np.errstate(all="raise"):
        best = solver.allocate(law, flops)
        values = [best.params, best.tokens, *([best.loss] if best.loss is not None else [])]
        if law.surface_law:
            values += [*solver.flat_band(law, flops, 0.01), *solver.search_run(law, flops)]
    for value in values:
        assert np.all(np.isfinite(value))
        assert np.all(value > 0)


@pytest.mark.parametrize("law", [law for law in CATALOGUED_PLANS if law.surface_law], ids=str)
@pytest.mark.parametrize("flops", [1e18, 1e24])
def test_optimum_agrees_with_an_independent_minimiser(law: Law, flops: float) -> None:
    """scipy's bounded minimiser of the loss along the line lands on the closed form (to a minimiser's precision)."""
    best = solver.allocate(law, flops)

    def along(log_N: float) -> float:
        return _reducible(law, np.exp(log_N), spending_of(law).tokens(flops, np.exp(log_N)))

    center = float(np.log(best.params))
    found = minimize_scalar(along, bounds=(center - 3, center + 3), method="bounded", options={"xatol": 1e-10})
    assert found.x == pytest.approx(center, abs=2e-6)


def _mp_additive(p: dict[str, float], flops: float) -> mpmath.mpf:
    """Return N_opt by solving dL/dlnN = 0 along the iso-FLOP line with 40 digits."""
    E, A, B, alpha, beta, k = (mpmath.mpf(p[name]) for name in ("E", "A", "B", "alpha", "beta", "k"))

    def loss(x: mpmath.mpf) -> mpmath.mpf:
        return E + A * mpmath.exp(-alpha * x) + B * (mpmath.mpf(flops) / k * mpmath.exp(-x)) ** -beta

    return mpmath.exp(mpmath.findroot(lambda x: mpmath.diff(loss, x), mpmath.log(flops) / 2))


@pytest.mark.parametrize("law_id", ["besiroglu2024", "hoffmann2022-approach3-tex", "muennighoff2023", "krajewski2024-dense"])
@pytest.mark.parametrize("flops", [1e18, 1e21, 1e26])
def test_additive_optimum_agrees_with_mpmath(law_id: str, flops: float) -> None:
    """40-digit root finding on the derivative of the loss gives the same N."""
    law = load_law(law_id)
    with mpmath.workdps(40):
        assert solver.allocate(law, flops).params == pytest.approx(float(_mp_additive(dict(law.symbols), flops)), rel=1e-12)


_MP_LOSS: dict[str, Callable[..., mpmath.mpf]] = {
    "besiroglu2024": lambda p, N, D: p["E"] + p["A"] / N ** p["alpha"] + p["B"] / D ** p["beta"],
    "minicpm2024": lambda p, N, D: p["E"] + p["A"] / (N / p["u"]) ** p["alpha"] + p["B"] / (D / p["u"]) ** p["beta"],
    "gadre2024-c4": lambda p, N, D: (
        p["E"] + (p["a"] * (D / N) ** p["eta"] + p["b"] * (N / D) ** p["eta"]) / (p["k"] * N * D) ** p["eta"]
    ),
    "kaplan2020-lnd": lambda p, N, D: ((p["N_c"] / N) ** (p["alpha_N"] / p["alpha_D"]) + p["D_c"] / D) ** p["alpha_D"],
}
"""Loss surfaces as their papers print them, for mpmath."""


@pytest.mark.parametrize("law_id", _MP_LOSS)
@pytest.mark.parametrize(("params", "tokens"), [(1e8, 1e10), (70e9, 1.4e12), (1e12, 1e9)])
def test_surfaces_and_derivatives_agree_with_mpmath(law_id: str, params: float, tokens: float) -> None:
    """Loss and both slopes equal the printed formula and its 40-digit derivatives."""
    law = load_law(law_id)
    assert law.form.surface
    p = {name: mpmath.mpf(value) for name, value in law.symbols.items()}
    with mpmath.workdps(40):
        loss = _MP_LOSS[law_id]
        x, y = mpmath.log(params), mpmath.log(tokens)
        by_params = -mpmath.diff(lambda t: loss(p, mpmath.exp(t), mpmath.mpf(tokens)), x)
        by_tokens = -mpmath.diff(lambda t: loss(p, mpmath.mpf(params), mpmath.exp(t)), y)
        value = loss(p, mpmath.mpf(params), mpmath.mpf(tokens))
    assert law.loss(params, tokens) == pytest.approx(float(value), rel=1e-13)
    slopes = law.form.surface.slopes(law.symbols, params, tokens)
    assert slopes[0] == pytest.approx(float(by_params), rel=1e-11)
    assert slopes[1] == pytest.approx(float(by_tokens), rel=1e-11)


@pytest.mark.parametrize(("params", "tokens"), [(1e8, 1e10), (1e10, 1e10), (175e9, 300e9), (1e9, 1e13)])
def test_kaplan_off_optimum_loss_agrees_with_mpmath(params: float, tokens: float) -> None:
    """Eq. B.16 solved for C_eff with 40 digits gives the same loss as the form."""
    law = load_law("kaplan2020")
    p = {name: mpmath.mpf(value) for name, value in law.symbols.items()}
    with mpmath.workdps(40):
        day = mpmath.mpf("8.64e19") * p["C_per_Cmin"]
        spent = 6 * mpmath.mpf(params) * mpmath.mpf(tokens)

        def mismatch(log_eff: mpmath.mpf) -> mpmath.mpf:
            eff = mpmath.exp(log_eff)
            r = params / (p["N_e"] * (eff / day) ** p["p_N"])
            bracket = 1 + p["alpha_S"] / p["alpha_N"] * (1 - r ** -p["alpha_N"])
            return mpmath.log(eff * r * bracket ** (-1 / p["alpha_S"]) / spent)

        # at r_min the bracket is 0: no amount of data takes a smaller model to the loss of C_eff
        r_min = (1 + p["alpha_N"] / p["alpha_S"]) ** (-1 / p["alpha_N"])
        high = mpmath.log(day * (params / (p["N_e"] * r_min)) ** (1 / p["p_N"])) - mpmath.mpf("1e-35")
        low = high - 40
        for _ in range(140):
            middle = (low + high) / 2
            low, high = (middle, high) if mismatch(middle) < 0 else (low, middle)
        loss = (p["C_c"] * day / mpmath.exp(low)) ** p["alpha_C"]
    assert law.loss(params, tokens) == pytest.approx(float(loss), rel=1e-12)


@pytest.mark.parametrize(("params", "tokens"), [(1e8, 1e10), (1e10, 1e10), (1e12, 1e9)])
def test_kaplan_learning_curve_loss_agrees_with_mpmath(params: float, tokens: float) -> None:
    """The implicit equation for L, solved with 40 digits, gives the form's loss."""
    law = load_law("kaplan2020-lns")
    p = {name: mpmath.mpf(value) for name, value in law.symbols.items()}
    with mpmath.workdps(40):

        def mismatch(loss: mpmath.mpf) -> mpmath.mpf:
            steps = tokens / (p["C_per_Cmin"] * p["B_star"] * loss ** (-1 / p["alpha_B"]))
            return (p["N_c"] / params) ** p["alpha_N"] + (p["S_c"] / steps) ** p["alpha_S"] - loss

        solved = mpmath.findroot(mismatch, law.loss(params, tokens) * 1.01)
    assert law.loss(params, tokens) == pytest.approx(float(solved), rel=1e-12)
