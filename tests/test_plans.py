"""plan() and check(): the answers people act on."""

import copy
import dataclasses
import json
import math
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import planner
from planner._util.files import data_root
from planner.allocation import solver
from planner.allocation.problem import possible
from planner.errors import CannotPlanError, OptionError, PlannerError, QuantityError
from planner.inputs.law_choice import REFERENCE_FLOPS
from planner.planning.alternatives import MAIN_LAWS
from tests.strategies import BUDGETS, COUNTS, SURFACES, answered, laws_of


def _codes(notes: tuple[planner.Note, ...]) -> dict[str, str]:
    return {note.code: note.severity for note in notes}


def test_the_main_answer() -> None:
    """1e21 FLOP under the default law: 2.78 B parameters, 60.0 B tokens, loss 2.306, band 2.35-3.28 B, next doubling 0.057 (11.6 %)."""
    plan = planner.plan(flops=1e21)
    assert plan.law.id == planner.DEFAULT_LAW == "besiroglu2024"
    assert plan.params == pytest.approx(2.778e9, rel=5e-4)
    assert plan.tokens == pytest.approx(59.99e9, rel=5e-4)
    assert plan.tokens_per_param == pytest.approx(21.6, abs=0.05)
    assert plan.loss == pytest.approx(2.3055, abs=1e-4)
    assert plan.irreducible_loss == 1.8172
    assert plan.loss_unit == "nats/token"
    assert plan.pf_days == pytest.approx(11.574, abs=1e-3)
    assert plan.params_band == pytest.approx((2.351e9, 3.283e9), rel=1e-3)
    assert plan.doubling is not None
    assert plan.doubling.loss_gain == pytest.approx(0.0568, abs=1e-4)
    assert plan.doubling.share_of_reducible == pytest.approx(0.1162, abs=1e-4)
    assert plan.regime == "balanced"
    assert plan.overhead == 0.0
    assert plan.optimum is None


def test_other_laws_stand_beside_the_answer() -> None:
    """Kaplan, Hoffmann 1-3, DeepSeek, Llama 3 and Muennighoff, with what the chosen law thinks of them."""
    others = {other.law.id: other for other in planner.plan(flops=1e21).others}
    assert list(others) == [law for law in MAIN_LAWS if law != "besiroglu2024"]
    kaplan = others["kaplan2020"]
    assert kaplan.exponents == pytest.approx((0.73, 0.27))
    assert kaplan.params == pytest.approx(4.68e9, rel=0.005)
    assert kaplan.regime == "overfit"
    assert kaplan.overhead == pytest.approx(0.102, abs=1e-3)
    assert kaplan.params_ratio == pytest.approx(4.683 / 2.778, rel=1e-3)
    assert "4.76 B with them" in next(note.text for note in kaplan.notes if note.code == "params-convention")
    assert others["hoffmann2022-approach1"].loss is None
    assert others["hoffmann2022-approach3"].regime == "balanced"
    assert others["hoffmann2022-approach3"].overhead == pytest.approx(0.065, abs=1e-3)
    assert "rounded-constants" in _codes(others["hoffmann2022-approach3"].notes)
    assert others["deepseek2024"].extrapolation == pytest.approx(1e21 / 3e20)
    assert others["llama3"].extrapolation == 1.0


def test_kaplan_style_plan() -> None:
    """N ~ C^0.73 and D ~ C^0.27, loss from L(C_min), the C_min convention stated."""
    plan = planner.plan(flops=1e21, law="kaplan2020")
    assert plan.exponents == pytest.approx((0.73, 0.27))
    assert plan.params == pytest.approx(4.68e9, rel=0.005)
    assert plan.loss == pytest.approx((3.1e8 / (1e21 / 2 / 8.64e19)) ** 0.05, rel=1e-12)
    assert plan.irreducible_loss == 0.0
    assert {"c-min", "params-convention", "extrapolation"} <= set(_codes(plan.notes))
    ten = planner.plan(flops=1e22, law="kaplan2020")
    assert ten.params / plan.params == pytest.approx(10**0.73)
    assert ten.tokens / plan.tokens == pytest.approx(10**0.27)


@pytest.mark.parametrize(
    ("params", "tokens", "law", "regime"),
    [
        ("175B", "300B", "besiroglu2024", "overfit"),  # GPT-3 (arXiv 2005.14165)
        ("70B", "1.4T", "besiroglu2024", "balanced"),  # Chinchilla (arXiv 2203.15556)
        ("8B", "15T", "besiroglu2024", "underfit"),  # Llama 3 8B (arXiv 2407.21783)
        ("100M", "10B", "kaplan2020", "balanced"),
        ("10B", "10B", "kaplan2020", "overfit"),
        ("280B", "300B", "besiroglu2024", "overfit"),  # Gopher
    ],
)
def test_known_models_land_in_their_regime(params: str, tokens: str, law: str, regime: str) -> None:
    """Acceptance cases from the literature."""
    assert planner.check(params=params, tokens=tokens, law=law).regime == regime


def test_the_gpt3_verdict() -> None:
    """175B on 300B: 3.15e23 FLOP, 64 % too many, 31/69 % to blame, optimum 53.0B on 990B, and Kaplan's test failed."""
    check = planner.check(params="175B", tokens="300B")
    assert check.flops == 6 * 175e9 * 300e9
    assert check.pf_days == pytest.approx(3646, abs=1)
    assert check.loss == pytest.approx(2.009, abs=5e-4)
    assert check.overhead == pytest.approx(0.6445, abs=1e-3)
    assert check.equivalent_flops == pytest.approx(1.915e23, rel=1e-3)
    assert check.shares is not None
    assert (check.shares.params, check.shares.tokens) == pytest.approx((0.31, 0.69), abs=0.002)
    assert check.optimum is not None
    assert check.optimum.params == pytest.approx(53.0e9, rel=1e-3)
    assert check.optimum.tokens == pytest.approx(990e9, rel=1e-3)
    same, longer, shrink = check.remedies
    assert same.action == "same loss"
    assert (same.loss, same.flops) == (check.loss, check.equivalent_flops)
    assert same.flops < 0.61 * check.flops
    assert check.loss is not None
    assert check.optimum is not None
    assert check.optimum.loss is not None
    assert longer.change.tokens == pytest.approx(longer.tokens / 300e9)
    assert longer.change.loss == pytest.approx(longer.loss - check.loss)
    assert shrink.change.flops == pytest.approx(shrink.flops / check.flops)
    assert check.optimum_change is not None
    assert check.optimum_change.loss == pytest.approx(check.optimum.loss - check.loss)
    assert check.optimal_shares is not None
    assert check.optimal_shares.params == pytest.approx(0.3658 / (0.3478 + 0.3658))  # beta/(alpha+beta)
    assert (longer.action, longer.params) == ("train longer", 175e9)
    assert (shrink.action, shrink.tokens) == ("shrink", 300e9)
    assert longer.tokens == pytest.approx(3.08e12, rel=1e-3)
    assert shrink.params == pytest.approx(15.1e9, rel=1e-3)
    test = check.overfitting_test
    assert not test.passed
    assert test.params == pytest.approx(174.7e9, rel=1e-3)  # 175 B less embeddings
    assert test.rule_tokens == pytest.approx(1.04e12, rel=5e-3)
    assert test.tokens_needed == pytest.approx(1.09e12, rel=5e-3)


@pytest.mark.parametrize(("params", "tokens", "excess"), [(1.5e9, 22e9, 0.0285)])
def test_kaplans_overfitting_formula(params: float, tokens: float, excess: float) -> None:
    """delta L(1.5e9, 22e9) = 0.0285 (Kaplan 2020, Eq. 4.3 with Table 2)."""
    test = planner.check(params=params, tokens=tokens, law="kaplan2020").overfitting_test
    assert test.excess == pytest.approx(excess, rel=5e-3)
    assert test.params == params
    enough = planner.check(params=params, tokens=test.tokens_needed * (1 + 1e-9), law="kaplan2020").overfitting_test
    assert enough.passed
    assert enough.excess == pytest.approx(test.threshold, rel=1e-6)
    assert test.tokens_needed == pytest.approx(5519 * params**0.738, rel=0.02)  # the inversion of Eq. 4.3


@given(laws_of(SURFACES), COUNTS, COUNTS)
def test_the_regime_is_the_side_of_the_optimum(law: planner.Law, params: float, tokens: float) -> None:
    """With no tolerance, a run with more parameters than the optimum of its compute is overfit, one with fewer is underfit."""
    check = answered(lambda: planner.check(params=params, tokens=tokens, law=law, tolerance=0))
    assert check.optimum is not None
    assert check.overhead is not None
    if check.overhead > 1e-9:
        assert check.regime == ("overfit" if params > check.optimum.params else "underfit")


@given(st.sampled_from(["besiroglu2024", "kaplan2020", "kaplan2020-lns", "muennighoff2023"]), BUDGETS, BUDGETS, st.floats(-2, 2))
def test_the_regime_is_scale_free(law: str, small: float, large: float, log_ratio: float) -> None:
    """The same distance from the optimum means the same overhead at any compute."""
    found = []
    for flops in (max(small, 1e6), max(large, 1e6)):
        best = solver.allocate(planner.load_law(law), flops)
        ratio = 10.0**log_ratio
        run = {"params": best.params * ratio, "tokens": best.tokens / ratio}
        if min(run.values()) < 1:
            return
        found.append(answered(partial(planner.check, law=law, **run)).overhead)
    assert found[0] == pytest.approx(found[1], rel=1e-6, abs=1e-9)


@given(laws_of(SURFACES), BUDGETS, st.sampled_from(["params", "tokens"]), st.floats(-2, 2))
def test_fixing_one_side_spends_the_budget(law: planner.Law, flops: float, name: str, log_ratio: float) -> None:
    """The other side follows from the budget, and the overhead is never negative."""
    best = solver.allocate(law, flops)
    wanted = getattr(best, name) * 10.0**log_ratio
    if not 1 <= wanted <= 1e59:
        return
    fixed = {"params": wanted} if name == "params" else {"tokens": wanted}
    plan = answered(partial(planner.plan, flops=flops, law=law, others=(), **fixed))
    assert getattr(plan, name) == wanted
    assert 6 * plan.params * plan.tokens == pytest.approx(flops, rel=1e-14)
    assert plan.overhead is not None
    assert plan.overhead >= 0
    assert plan.optimum is not None
    assert plan.loss is not None
    assert plan.optimum.loss is not None
    assert plan.loss >= plan.optimum.loss * (1 - 1e-12)


def test_remedies_are_balanced_and_keep_one_side() -> None:
    """Each remedy lies on the optimal line; underfit runs are told to grow or to train less."""
    check = planner.check(params="8B", tokens="15T")
    assert [remedy.action for remedy in check.remedies] == ["same loss", "train shorter", "grow"]
    assert "inference-not-counted" in _codes(check.notes)
    for remedy in check.remedies:
        again = planner.check(params=remedy.params, tokens=remedy.tokens)
        assert again.overhead == pytest.approx(0, abs=1e-9)
        assert again.loss == pytest.approx(remedy.loss)
        assert again.flops == pytest.approx(remedy.flops)
    assert planner.check(params="70B", tokens="1.4T").remedies == ()


def test_tolerance_moves_the_border() -> None:
    """A run of 6.5 % overhead is balanced at 10 % and not at 5 %."""
    allocation = planner.allocate("hoffmann2022-approach3", 1e21)
    run = {"params": allocation.params, "tokens": allocation.tokens}
    assert planner.check(**run).regime == "balanced"
    assert planner.check(**run, tolerance="5%").regime == "underfit"


def test_own_exponents_pass_through_the_laws_optimum() -> None:
    """By default they are anchored on the chosen law's own optimum at the stated reference budget."""
    base = planner.allocate("besiroglu2024", REFERENCE_FLOPS)
    at = planner.plan(flops=REFERENCE_FLOPS, exponents=(0.73, 0.27))
    plan = planner.plan(flops=1e21, exponents=(0.73, 0.27))
    assert at.params == pytest.approx(base.params)
    assert plan.params == pytest.approx(base.params * 10**0.73)
    assert plan.law.id == "besiroglu2024 (modified)"
    assert "1e20 FLOP" in next(note.text for note in plan.notes if note.code == "modified")
    assert plan.loss == pytest.approx(planner.load_law("besiroglu2024").loss(plan.params, plan.tokens))
    assert plan.overhead is not None
    assert plan.overhead > 0.09
    assert plan.optimum is not None
    assert plan.optimum.law.id == "besiroglu2024"
    assert {"judged-by", "modified"} <= set(_codes(plan.notes))


def test_own_anchor() -> None:
    """An anchor of one's own, with one's own exponents, the law's, or those of a law of exponents only."""
    assert planner.plan(flops=1e21, exponents=(0.5, 0.5), anchor="1e21:2.8B").params == pytest.approx(2.8e9)
    assert planner.plan(flops=1e23, exponents=(0.5, 0.5), anchor=(1e21, 2.8e9)).params == pytest.approx(2.8e10)
    kaplan = planner.plan(flops=1e22, law="kaplan2020", anchor="1e21:2.8B")
    assert kaplan.params == pytest.approx(2.8e9 * 10**0.73)
    xlstm = planner.plan(flops=1e22, law="xlstm2025", anchor="1e21:2.8B")
    assert xlstm.params == pytest.approx(2.8e9 * 10**0.547)
    assert xlstm.loss is None
    assert xlstm.regime is None  # nothing measures what another size would cost
    text = next(note.text for note in xlstm.notes if note.code == "exponents-published")
    assert "published D ~ C^0.417; here D ~ C^0.453" in text


def test_exponents_through_a_law_that_must_not_allocate() -> None:
    """Gadre's surface judges the loss of a user's allocation, but its own optimum is never consulted."""
    plan = planner.plan(flops=1e21, law="gadre2024-c4", exponents=(0.5, 0.5), anchor="1e21:2.8B")
    assert plan.params == pytest.approx(2.8e9)
    assert plan.loss == pytest.approx(planner.load_law("gadre2024-c4").loss(plan.params, plan.tokens))
    assert plan.params_band is None
    assert plan.optimum is None
    fixed = planner.plan(flops=1e21, law="gadre2024-c4", exponents=(0.5, 0.5), anchor="1e21:2.8B", params="1B")
    assert fixed.regime is None
    assert fixed.optimum is not None


@pytest.mark.parametrize(
    ("exponents", "message"),
    [
        ((0.7, 0.7), "they add to 1.4.*did you mean 0.7 0.3"),
        ((-0.2, 1.2), "each must lie between 0 and 1"),
        ((1.0, 0.0), "each must lie between 0 and 1"),
        ((0.5,), "expected two numbers"),
        ("55", "expected two numbers"),
        ((0.5, "x"), "expected a number"),
        ((0.5, float("nan")), "expected a number"),
    ],
)
def test_impossible_exponents_are_refused(exponents: tuple[float, ...], message: str) -> None:
    """The reason is given."""
    with pytest.raises(PlannerError, match=message):
        planner.plan(flops=1e21, exponents=exponents)


def test_rounded_exponents_are_accepted_with_a_note() -> None:
    """0.53 and 0.46 miss 1 by rounding only."""
    plan = planner.plan(flops=1e21, exponents=(0.53, 0.46))
    assert plan.exponents == pytest.approx((0.53, 0.47))
    assert "exponents-rounded" in _codes(plan.notes)


def test_own_constants() -> None:
    """constants= plans under a renamed law; the printed Chinchilla constants give the printed law's plan."""
    printed: dict[str, float | str] = {"E": 1.69, "A": 406.4, "B": "410.7", "alpha": 0.34, "beta": 0.28}
    plan = planner.plan(flops=1e21, constants=printed)
    assert plan.law.id == "besiroglu2024 (modified)"
    assert plan.params == pytest.approx(planner.allocate("hoffmann2022-approach3", 1e21).params)
    assert plan.inputs["constants"]["B"] == 410.7
    assert plan.inputs["law"] == "besiroglu2024"
    both = planner.plan(flops=1e21, constants=printed, exponents=(0.5, 0.5))
    assert both.inputs["constants"] == plan.inputs["constants"]
    again = planner.plan(
        flops=1e21, law=both.inputs["law"], constants=both.inputs["constants"], exponents=both.inputs["exponents"]
    )
    assert again == both


def test_extrapolation_is_a_note_with_the_factor() -> None:
    """Inside no note; a little outside a remark; far outside a warning."""
    assert "extrapolation" not in _codes(planner.plan(flops=1e21).notes)
    assert _codes(planner.plan(flops=5e22).notes)["extrapolation"] == "info"
    far = planner.plan(flops=1e26)
    assert _codes(far.notes)["extrapolation"] == "warning"
    text = next(note.text for note in far.notes if note.code == "extrapolation")
    assert "compute 7716x above 1.30e22 FLOP" in text or "compute 7.72e3x above" in text
    assert _codes(planner.plan(flops=1e17).notes)["extrapolation"] == "warning"
    assert "range-unknown" in _codes(planner.plan(flops=1e21, law="shukor2025-sparse").notes)


def test_notes_follow_changed_constants() -> None:
    """A note about a constant goes when the constant is replaced; the others stay."""
    published = _codes(planner.plan(flops=1e21, law="kaplan2020").notes)
    changed = _codes(planner.plan(flops=1e21, law="kaplan2020", constants={"C_per_Cmin": 1}).notes)
    assert "c-min" in published
    assert "c-min" not in changed
    assert {"params-convention", "modified"} <= set(changed)


def test_kaplans_test_is_told_apart_from_the_regime() -> None:
    """A balanced run that fails Kaplan's test on data alone says why both can be true."""
    check = planner.check(params="1B", tokens="20B")
    assert check.regime == "balanced"
    assert not check.overfitting_test.passed
    assert "overfitting-test" in _codes(check.notes)
    assert "overfitting-test" not in _codes(planner.check(params="175B", tokens="300B").notes)


EXTREME = [
    ("besiroglu2024", {"B": 1e300}), ("besiroglu2024", {"A": 1e300}), ("besiroglu2024", {"alpha": 9.0, "beta": 9.0}),
    ("deepseek2024", {"k_M": 1e-300}), ("porian2024-kaplan", {"C_0": 1e-300}), ("minicpm2024", {"alpha": 0.001}),
    ("kaplan2020-lns", {"alpha_S": 1e-30}), ("kaplan2020", {"N_e": 1e300}), ("gadre2024-c4", {"eta": 4.9}), ("besiroglu2024", {"E": 1e16}),
]  # fmt: skip


@pytest.mark.parametrize(("law", "constants"), EXTREME)
def test_absurd_constants_never_give_inf_or_nan(law: str, constants: dict[str, float]) -> None:
    """Either a finite answer or one line that blames the constants; never a traceback, a warning or a number that is none."""
    for ask in (
        lambda: planner.plan(flops=1e21, law=law, constants=constants),
        lambda: planner.plan(flops=1e21, law=law, constants=constants, params="17B"),
        lambda: planner.check(params="1B", tokens="10B", law=law, constants=constants),
        lambda: planner.allocate(planner.load_law(law).replace(**constants), np.array([1e18, 1e26])),
    ):
        try:
            answer = ask()
            if not isinstance(answer, planner.Allocation):
                json.dumps(answer.to_dict(), allow_nan=False)
                planner.explain(answer)
        except PlannerError as error:
            assert "\n" not in str(error)  # noqa: PT017  # an answer is as good as a refusal


@given(laws_of(SURFACES), COUNTS, COUNTS)
def test_remedies_go_the_way_they_say(law: planner.Law, params: float, tokens: float) -> None:
    """Longer is longer, smaller is smaller, and the same loss never costs more."""
    check = answered(lambda: planner.check(params=params, tokens=tokens, law=law))
    for remedy in check.remedies:
        if remedy.action == "same loss":
            assert remedy.flops <= check.flops * (1 + 1e-12)
        elif remedy.action in {"train longer", "train shorter"}:
            assert remedy.params == params
            assert (remedy.tokens > tokens) == (remedy.action == "train longer")
        else:
            assert remedy.tokens == tokens
            assert (remedy.params < params) == (remedy.action == "shrink")


_FACTORS = st.one_of(st.just(1.0), st.floats(-3, 3).map(lambda e: 10.0**e), st.floats(-300, 300).map(lambda e: 10.0**e))


@given(st.data(), st.sampled_from(planner.laws()), BUDGETS, COUNTS, COUNTS)
def test_no_constants_lead_to_inf_nan_or_a_traceback(
    data: st.DataObject, law: planner.Law, flops: float, params: float, tokens: float
) -> None:
    """Any law of the catalogue with any of its constants changed by any factor: a finite answer, or one line."""
    changed = {name: value * data.draw(_FACTORS, name) for name, value in law.params.items()}
    for ask in (
        lambda: planner.plan(flops=flops, law=law, constants=changed, others=()),
        lambda: planner.plan(flops=flops, law=law, constants=changed, params=params, others=()),
        lambda: planner.check(params=params, tokens=tokens, law=law, constants=changed),
    ):
        try:
            answer = ask()
            json.dumps(answer.to_dict(), allow_nan=False)
            planner.explain(answer)
        except PlannerError as error:
            assert "\n" not in str(error)  # noqa: PT017  # an answer is as good as a refusal


def test_remedies_nobody_can_afford_are_no_advice() -> None:
    """An 8B on 15T under Kaplan would have to grow a million-fold: shown as out of reach."""
    check = planner.check(params="8B", tokens="15T", law="kaplan2020")
    grow = next(remedy for remedy in check.remedies if remedy.action == "grow")
    assert grow.out_of_reach
    assert not any(remedy.out_of_reach for remedy in planner.check(params="175B", tokens="300B").remedies)


@pytest.mark.parametrize(
    "asked",
    [
        {"shape": "llama2-7b", "tokens": "2T"},
        {"shape": "llama2-7b", "tokens": "2T", "recompute": True},
        {"shape": "llama2-7b", "tokens": "2T", "flops_rule": "kaplan"},
        {"params": "7B", "tokens": "2T", "unique_tokens": "500B"},
        {"params": "7B", "tokens": "2T", "precision": "fp8"},
        {"params": "20B", "tokens": "20T", "law": "abnar2025", "experts": 64, "experts_per_token": 4},
    ],
    ids=str,
)
def test_what_it_pays_from_is_where_lives_cost_the_same(asked: dict[str, Any]) -> None:
    """With that demand the run costs over its life what the run of the same loss does: recomputation is none of serving's."""
    run = planner.check(**asked)
    assert run.pays_from is not None
    same = next(each for each in run.remedies if each.action == "same loss")
    spending = planner.check(**asked, inference_tokens=run.pays_from).problem.spending
    assert spending.served == pytest.approx(run.pays_from)
    assert float(spending.paid(run.params, run.tokens)) == pytest.approx(float(spending.paid(same.params, same.tokens)), rel=1e-6)
    if not {"shape", "experts"} & set(asked):
        trade = planner.trade(
            loss=run.loss, ratios=[run.params / same.params], **{k: v for k, v in asked.items() if k not in {"params", "tokens"}}
        )
        assert trade.rows[0].break_even == pytest.approx(run.pays_from, rel=1e-5)


@given(params=st.floats(8, 11).map(lambda x: 10**x), ratio=st.floats(40, 3000))
def test_an_overtrained_run_pays_from_the_demand_named(params: float, ratio: float) -> None:
    """Just below that demand the larger run of the same loss is cheaper over its life, just above the small one is."""
    run = planner.check(params=params, tokens=ratio * params)
    if run.pays_from is None:
        return
    same = next(each for each in run.remedies if each.action == "same loss")
    for share, cheaper in ((0.99, same), (1.01, run)):
        served = share * run.pays_from
        lives = {each.params: each.flops + 2 * each.params * served for each in (run, same)}
        assert min(lives, key=lambda size: lives[size]) == cheaper.params
    trade = planner.trade(loss=run.loss, ratios=[run.params / same.params]).rows[0]
    assert trade.break_even == pytest.approx(run.pays_from, rel=1e-6)
    assert planner.check(params=params, tokens=ratio * params, inference_tokens=1e12).pays_from is None


@given(
    C=st.floats(18, 27).map(lambda x: 10**x),
    unique=st.floats(7, 13).map(lambda x: 10**x),
    law=st.sampled_from(["besiroglu2024", "muennighoff2023", "hoffmann2022-approach3"]),
    capped=st.booleans(),
)
@example(C=1e24, unique=2e9, law="besiroglu2024", capped=False)
@example(C=3e22, unique=2e9, law="besiroglu2024", capped=False)
def test_plan_and_check_of_its_run_agree_on_the_regime(C: float, unique: float, law: str, capped: bool) -> None:
    """However worn the tokens are: one verdict, and no remedy that leaves the run as it is."""
    limits: dict[str, Any] = {"max_params": 1e9} if capped else {}
    plan = planner.plan(flops=C, unique_tokens=unique, law=law, others=(), **limits)
    check = planner.check(params=plan.params, tokens=plan.tokens, unique_tokens=unique, law=law)
    swept = next(iter(planner.sweep(flops=(C, 2 * C), points=2, unique_tokens=unique, law=law, **limits)))
    assert plan.overhead is not None
    assert check.overhead is not None
    assert check.regime == plan.regime or abs(check.overhead - plan.tolerance) < 1e-6
    assert check.overhead == pytest.approx(plan.overhead, rel=1e-6, abs=1e-6)
    assert all(abs(np.log(remedy.change.flops)) > 1e-3 for remedy in check.remedies)
    if capped:
        assert swept["regime"] == plan.regime
    assert check.loss is not None
    assert check.irreducible_loss is not None
    wasted = check.loss - check.irreducible_loss <= solver.lowest_reducible(check.problem) * (1 + 1e-9)
    assert (plan.regime == "compute wasted") == wasted


def test_doubling_does_not_cancel() -> None:
    """The gain comes from the reducible losses: a huge floor or a hopeless size cannot turn it into noise."""
    plan = planner.plan(flops=1e21)
    shifted = planner.plan(flops=1e21, constants={"E": 1e12})
    assert plan.doubling is not None
    assert shifted.doubling is not None
    assert shifted.doubling.loss_gain == pytest.approx(plan.doubling.loss_gain, rel=1e-12)
    hopeless = planner.plan(flops=1e60, law="kaplan2020", params=1e9).doubling
    assert hopeless is not None
    assert hopeless.loss_gain >= 0


def test_answers_can_be_copied_pickled_and_hashed() -> None:
    """Frozen answers go through multiprocessing and into sets; their mappings cannot be changed."""
    for answer in (
        planner.plan(flops=1e21),
        planner.check(params=1e9, tokens=2e10),
        planner.load_law("kaplan2020").replace(p_N=0.7),
    ):
        assert pickle.loads(pickle.dumps(answer)) == answer  # our own bytes
        assert copy.deepcopy(answer) == answer
        assert len({answer, copy.deepcopy(answer)}) == 1
    with pytest.raises(TypeError, match="read-only"):
        planner.plan(flops=1e21).inputs["flops"] = 1.0  # type: ignore[index]
    assert repr(planner.load_law("llama3")) == "Law('llama3')"


def test_tokens_per_parameter_have_a_range_too() -> None:
    """Gadre fitted 20 to 320 tokens per parameter: runs outside say so, though N, D and C are inside."""
    for params, tokens, text in (
        ("11M", "100B", "tokens per parameter 28.4x above 320"),
        ("400M", "1B", "tokens per parameter 8.00x below 20.0"),
    ):
        check = planner.check(params=params, tokens=tokens, law="gadre2024-c4")
        assert text in next(note.text for note in check.notes if note.code == "extrapolation")
        assert check.extrapolation is not None
        assert check.extrapolation > 5
    assert "sardana2023-100" not in {law.id for law in planner.laws(flops=1e21)}


def test_kaplans_test_says_how_far_it_extrapolates() -> None:
    """GPT-3 is 116x larger than any model behind the test."""
    far = planner.check(params="175B", tokens="300B").overfitting_test.extrapolation
    assert far == pytest.approx(174.7 / 1.5, rel=1e-3)
    assert planner.check(params="1B", tokens="20B").overfitting_test.extrapolation == 1.0


def test_a_law_of_ones_own_that_misses_its_checks_warns(tmp_path: Path) -> None:
    """The file says what the law must reproduce; a plan from one that does not is marked."""
    text = (
        (data_root() / "laws" / "besiroglu2024.toml").read_text(encoding="utf-8").replace('id = "besiroglu2024"', 'id = "mine"')
    )
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    assert "own-checks" not in _codes(planner.plan(flops=1e21, law=path).notes)
    path.write_text(text.replace("expected = 0.5126", "expected = 0.4"), encoding="utf-8")
    notes = planner.plan(flops=1e21, law=path).notes
    assert _codes(notes)["own-checks"] == "warning"
    assert "reproduces only 1 of the 2" in next(note.text for note in notes if note.code == "own-checks")


def test_changes_are_named_for_what_they_are() -> None:
    """Whose exponents, whose anchor, whose constants: the reference never credits a paper with the user's numbers."""
    both = planner.plan(flops=1e21, exponents=(0.6, 0.4), anchor="1e21:3B").law
    assert both.reference.startswith("your exponents through your anchor; otherwise Besiroglu")
    assert planner.plan(flops=1e21, exponents=(0.6, 0.4)).law.reference.startswith(
        "your exponents through besiroglu2024's own optimum"
    )
    assert planner.plan(flops=1e21, anchor="1e21:3B").law.reference.startswith("its exponents through your anchor")
    assert planner.load_law("llama3").replace(k_D=0.3, b=0.5).reference.startswith("your constants; otherwise Llama Team")
    changed = _codes(planner.plan(flops=1e21, law="minicpm2024", exponents=(0.5, 0.5), anchor="1e21:3B").notes)
    assert "ratio-extrapolated" not in changed


def test_laws_without_loss_say_so() -> None:
    """No invented number: loss, band and regime of another size stay empty, with a note."""
    plan = planner.plan(flops=1e21, law="llama3", params="8B")
    assert (plan.loss, plan.params_band, plan.doubling, plan.regime, plan.overhead) == (None, None, None, None, None)
    assert {"no-loss", "no-regime"} <= set(_codes(plan.notes))
    assert all(other.regime is None for other in plan.others)
    check = planner.check(params="405B", tokens="15.6T", law="llama3")
    assert check.loss is None
    assert check.regime is None
    assert check.optimum is not None
    assert "no-regime" in _codes(check.notes)


def test_laws_that_only_judge() -> None:
    """Gadre's law gives a loss but no optimum; a law of one quantity judges nothing."""
    check = planner.check(params="1.4B", tokens="28B", law="gadre2024-c4")
    assert check.loss is not None
    assert check.optimum is None
    assert check.regime is None
    assert "no-optimum" in _codes(check.notes)
    with pytest.raises(CannotPlanError, match="cannot judge a run"):
        planner.check(params="1B", tokens="20B", law="kaplan2020-ln")


def test_a_frontier_without_surface_still_gives_its_loss() -> None:
    """Kaplan's naive fit has a loss on its line only."""
    plan = planner.plan(flops=1e20, law="kaplan2020-naive")
    assert plan.loss == pytest.approx((1.6e7 / (1e20 / 8.64e19)) ** 0.057)
    assert plan.doubling is not None
    off = planner.plan(flops=1e20, law="kaplan2020-naive", params="1B")
    assert off.loss is None
    assert off.regime is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"flops": None}, "no budget: give --flops"),
        ({"flops": 1e21, "params": 1e9, "tokens": 1e9}, "say too much"),
        ({"flops": [1e21]}, "expected a number of FLOPs"),
        ({"flops": np.array([1e21, 1e22])}, "expected a number of FLOPs"),
        ({"flops": 1e21, "params": -1}, "params -1"),
        ({"flops": 1e21, "tolerance": -0.1}, "tolerance -0.1"),
        ({"flops": 1e21, "law": "nope"}, "not in the catalogue"),
        ({"flops": 1e21, "anchor": "1e21"}, "expected FLOPS:PARAMS"),
        ({"flops": 1e21, "constants": {"alpha": "x"}}, "expected a number"),
        ({"flops": 1e21, "constants": ["alpha"]}, "expected names and values"),
        ({"flops": 1e21, "constants": {1: 2.0}}, "expected names and values"),
        ({"flops": 1e21, "constants": {"self": 2.0}}, "no constant 'self'"),
        ({"flops": 1e21, "exponents": {0.5, 0.4}}, "expected two numbers"),
        ({"flops": 1e21, "exponents": 0.5}, "expected two numbers"),
        ({"flops": 1e21, "others": None}, "expected a list of laws"),
        ({"flops": np.array([[1e21], [2e21]])}, "expected a number of FLOPs"),
    ],
)
def test_bad_questions_are_one_line(call: dict[str, object], message: str) -> None:
    """A PlannerError with the reason, never a traceback of something else."""
    with pytest.raises(PlannerError, match=message) as caught:
        planner.plan(**call)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_check_needs_a_run() -> None:
    """Both params and tokens."""
    with pytest.raises(OptionError, match="a check needs a run"):
        planner.check(params=None, tokens=1e9)
    with pytest.raises(OptionError, match="spends 6e60 FLOP, above 1e60"):
        planner.check(params=1, tokens=1e60)
    with pytest.raises(QuantityError, match="tokens 'x'"):
        planner.check(params=1e9, tokens="x")


def test_allocate_takes_arrays_of_any_shape() -> None:
    """Shapes are kept; a bad element is named by its place."""
    grid = np.logspace(18, 26, 6).reshape(2, 3)
    best = planner.allocate("besiroglu2024", grid)
    assert best.params.shape == best.tokens.shape == best.loss.shape == (2, 3)
    assert planner.allocate("besiroglu2024", "3 PF-days").params == planner.allocate("besiroglu2024", 3 * 8.64e19).params
    assert planner.allocate("llama3", grid).loss is None
    with pytest.raises(OptionError, match=r"flops\[1\] = nan"):
        planner.allocate("besiroglu2024", [1e21, math.nan])
    with pytest.raises(OptionError, match=r"flops\[\(0, 1\)\] = -1"):
        planner.allocate("besiroglu2024", [[1e21, -1.0]])
    with pytest.raises(OptionError, match="array of numbers"):
        planner.allocate("besiroglu2024", ["1e21", "x"])
    for odd in ([[1e21], [1e21, 1e22]], [10**400], [True], np.array(["2020"], dtype="datetime64[Y]"), [None], [1e21 + 1j]):
        with pytest.raises(PlannerError):
            planner.allocate("besiroglu2024", odd)
    assert planner.allocate("besiroglu2024", []).params.shape == (0,)


def test_results_are_frozen_and_plain() -> None:
    """Attributes cannot be set; numbers are Python floats; to_dict has the attributes' names."""
    plan = planner.plan(flops=1e21)
    with pytest.raises(AttributeError):
        plan.params = 1.0  # type: ignore[misc]
    assert type(plan.params) is float
    assert type(plan.loss) is float
    content = plan.to_dict()
    for key in (
        "flops",
        "law",
        "params",
        "tokens",
        "tokens_per_param",
        "loss",
        "irreducible_loss",
        "params_band",
        "regime",
        "notes",
        "others",
    ):
        assert key in content
        assert hasattr(plan, key)
    check = planner.check(params=1e9, tokens=2e10)
    for key in ("flops", "params", "tokens", "loss", "regime", "overhead", "optimum", "notes"):
        assert key in check.to_dict()
        assert hasattr(check, key)


def test_the_same_question_gives_the_same_answer() -> None:
    """Plans compare equal by value."""
    assert planner.plan(flops=1e21) == planner.plan(flops="1 ZFLOP")
    assert planner.plan(flops=1e21) != planner.plan(flops=2e21)


ABSURD: list[dict[str, float]] = [
    {"A": 1e-30}, {"A": 1e60}, {"B": 1e60}, {"alpha": 0.01, "beta": 0.01},
]  # fmt: skip


@pytest.mark.parametrize("constants", ABSURD, ids=str)
def test_absurd_laws_are_refused_on_either_side(constants: dict[str, float]) -> None:
    """N or D outside what inputs may be is no answer: not of a plan, an array, a sweep or a cell, and nothing to judge by."""
    law = planner.load_law("besiroglu2024").replace(**constants)
    for ask in (
        lambda: planner.plan(flops=1e21, law=law),
        lambda: planner.check(params=1e9, tokens=2e10, law=law),
        lambda: planner.allocate(law, [1e20, 1e21]),
        lambda: planner.allocate(law, 1e21),
        lambda: planner.trade(flops=1e21, law=law),
        lambda: planner.levers(flops=1e21, law=law),
        lambda: planner.compare(flops=1e21, law=law),
        lambda: planner.limits(flops="1e20..1e22", law=law),
        lambda: planner.configure(flops=1e21, law=law),
    ):
        with pytest.raises(CannotPlanError, match=r"outside 1 to 1e60|out of the range of numbers"):
            ask()
    rows = list(planner.sweep(flops="1e20..1e22", points=2, law=law))
    assert [row["params"] for row in rows] == [None, None]


@given(laws_of(SURFACES), st.floats(0, 60).map(lambda x: 10**x))
def test_what_is_answered_could_be_asked(law: planner.Law, C: float) -> None:
    """Whatever plan answers, check can be asked about: parameters and tokens lie in the range of inputs."""
    try:
        plan = planner.plan(flops=C, law=law)
    except PlannerError:
        return
    assert 1 <= plan.params <= 1e60
    assert 1 <= plan.tokens <= 1e60
    assert plan.tokens_per_param > 0
    for each in plan.others:
        assert possible(each.params, each.tokens)


def test_no_remedy_ends_where_compute_is_wasted() -> None:
    """23 B tokens of 1.16 B: training on 23.7 times as many would be condemned in its turn."""
    for params, tokens in ((7.2e9, 23e9), (1.3e9, 8.7e12), (5e8, 1e12), (3e11, 1e10)):
        check = planner.check(params=params, tokens=tokens, unique_tokens=1.16e9)
        for remedy in check.remedies:
            if remedy.action != "same loss":
                again = planner.check(params=remedy.params, tokens=remedy.tokens, unique_tokens=1.16e9)
                assert again.regime == "balanced"


def test_a_law_that_cannot_be_weighed_leaves_the_comparison_to_the_others() -> None:
    """One law's answer that is no run costs its own voice, not the whole table."""
    judge = planner.load_law("besiroglu2024")
    absurd = dataclasses.replace(judge.replace(A=1e60), id="absurd")
    found = planner.compare(flops=1e21, laws=[judge, "hoffmann2022-approach1", "muennighoff2023", absurd])
    assert "absurd" not in {voice.answer.law.id for voice in found.voices}
    assert any(note.code == "left-out" and "absurd" in note.text for note in found.notes)


def test_a_loss_beyond_reason_is_no_fault() -> None:
    """A floor of 1e300 leaves no batch that a law of batches could give."""
    found = planner.configure(flops=1e21, constants={"E": 1e300}, count=1)
    assert None in {each.batch for each in found.suggestions}
