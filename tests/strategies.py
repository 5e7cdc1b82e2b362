"""Shared Hypothesis strategies: laws of every form with random constants in physical ranges, budgets and runs."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, TypeVar

from hypothesis import assume
from hypothesis import strategies as st

from planner.errors import CannotPlanError
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import Conventions, Source

T = TypeVar("T")

BUDGETS = st.floats(3, 40).map(lambda e: 10.0**e)
COUNTS = st.floats(6, 15).map(lambda e: 10.0**e)
RATIOS = st.floats(-3, 3).map(lambda e: 10.0**e)

_SOURCE = Source("Nobody", "A test", 2026, "nowhere", "made up", url="https://example.org")


def _log(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda e: 10.0**e)


_EXPONENT = st.floats(0.1, 0.9)
_CONSTANTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "additive": {"E": st.floats(0, 4), "A": _log(0, 6), "B": _log(0, 6), "alpha": _EXPONENT, "beta": _EXPONENT},
    "additive_units": {
        "E": st.floats(0, 4),
        "A": _log(-3, 0),
        "B": _log(-3, 0),
        "alpha": _EXPONENT,
        "beta": _EXPONENT,
        "u": st.sampled_from([1e6, 1e9]),
    },
    "repeated": {
        "E": st.floats(0, 4),
        "A": _log(0, 6),
        "B": _log(0, 6),
        "alpha": _EXPONENT,
        "beta": _EXPONENT,
        "R_D": _log(0, 2),
        "R_N": _log(0, 2),
    },
    "generalised": {
        "E": st.floats(0, 4),
        "A": _log(0, 6),
        "B": _log(0, 6),
        "alpha": _EXPONENT,
        "beta": _EXPONENT,
        "gamma": st.floats(0.25, 2.5),
    },
    "powered": {
        "E": st.floats(0, 4),
        "A": _log(1, 5),
        "B": _log(1, 5),
        "alpha": _EXPONENT,
        "beta": _EXPONENT,
        "gamma": st.floats(0.3, 1.5),
    },
    "ensemble": {
        **{
            name: st.tuples(*3 * (values,))
            for name, values in {
                "E": st.floats(0.5, 4),
                "A": _log(1, 4),
                "B": _log(1, 4),
                "alpha": st.floats(0.2, 0.6),
                "beta": st.floats(0.2, 0.6),
                "gamma": st.floats(0.4, 1.5),
                "weight": st.floats(0.1, 1),
            }.items()
        },
        "C_ref": _log(18, 22),
    },
    "fine_grained_experts": {
        "c": st.floats(0, 4),
        "a": _log(0, 6),
        "alpha": _EXPONENT,
        "b": _log(0, 6),
        "beta": _EXPONENT,
        "g": _log(0, 2),
        "gamma": _EXPONENT,
        "c_r": st.just(0.0),  # with one expert and no routing all parameters are paid for: C = k N D
        "width_per_block": st.just(64.0),
        "E": st.just(1.0),
        "G": st.floats(1, 64),
    },
    "sparse_experts": {
        "a": _log(0, 6),
        "alpha": _EXPONENT,
        "b": _log(0, 6),
        "beta": _EXPONENT,
        "c": _log(-2, 0),
        "lambda_S": st.floats(-0.5, 0.5),
        "d": _log(0, 3),
        "delta": _EXPONENT,
        "gamma": _EXPONENT,
        "e_S": st.floats(0, 4),
        "S": st.just(0.0),  # nothing rests: C = k N D
    },
    "joint_experts": {
        "a": _log(0, 3),
        "alpha": st.floats(-0.6, -0.15),
        "delta": st.floats(-0.5, 0.2),
        "gamma": st.floats(-0.02, 0.02),
        "b": _log(0, 3),
        "beta": st.floats(-0.6, -0.2),
        "omega": st.floats(-0.2, 0.8),
        "zeta": st.floats(-0.03, 0.03),
        "c": st.floats(0, 4),
        "E_start": st.floats(1.2, 4),
        "E_max": st.floats(100, 400),
        "V": st.just(50257.0),
        "w": st.just(64.0),
        "E": st.sampled_from([1.0, 4.0, 32.0]),
    },
    "overtraining": {"E": st.floats(0, 4), "a": _log(0, 3), "b": _log(0, 3), "eta": st.floats(0.05, 0.4)},
    "kaplan_joint": {"N_c": _log(12, 15), "D_c": _log(12, 15), "alpha_N": st.floats(0.03, 0.3), "alpha_D": st.floats(0.03, 0.3)},
    "kaplan_learning_curve": {
        "N_c": _log(12, 15),
        "S_c": _log(2, 5),
        "alpha_N": st.floats(0.03, 0.3),
        "alpha_S": st.floats(0.3, 1.5),
        "B_star": _log(7, 9),
        "alpha_B": st.floats(0.1, 0.5),
        "C_per_Cmin": st.floats(1, 3),
    },
    "kaplan_compute": {
        "N_e": _log(8, 10),
        "p_N": st.floats(0.3, 0.9),
        "C_c": _log(6, 9),
        "alpha_C": st.floats(0.02, 0.1),
        "C_per_Cmin": st.floats(1, 3),
        "alpha_N": st.floats(0.03, 0.3),
        "alpha_S": st.floats(0.3, 1.5),
    },
    "compute_frontier": {
        "N_e": _log(8, 10),
        "p_N": st.floats(0.3, 0.9),
        "C_c": _log(6, 9),
        "alpha_C": st.floats(0.02, 0.1),
        "C_per_Cmin": st.floats(1, 3),
    },
    "params_allocation": {"k_N": _log(-2, 0), "a": st.floats(0.3, 0.8)},
    "tokens_allocation": {"k_D": _log(-2, 0), "b": st.floats(0.3, 0.8)},
    "flops_per_token_allocation": {"k_M": _log(-2, 0), "a": st.floats(0.3, 0.8)},
    "anchored": {"N_0": _log(8, 11), "C_0": _log(18, 24), "a": st.floats(0.1, 0.9)},
    "token_ratio": {"r": _log(0, 3)},
}

PLANNING = tuple(_CONSTANTS)
BENT = ("ensemble", "sparse_experts")  # sums of several power laws, whose optimal line is found by search
POWER_LAWS = tuple(name for name in PLANNING if name not in BENT)
SURFACES = tuple(name for name in _CONSTANTS if FORMS[name].surface)


def law_of(form: str, constants: dict[str, float]) -> Law:
    """Return a law of a form with the given constants."""
    conventions = Conventions("total", "nats/token", 6.0, "made up")
    return Law(f"random-{form}", "random", FORMS[form], MappingProxyType(constants), conventions, _SOURCE)


def laws(form: str) -> st.SearchStrategy[Law]:
    """Return random laws of one form."""
    return st.fixed_dictionaries(_CONSTANTS[form]).map(lambda constants: law_of(form, constants))


def laws_of(forms: tuple[str, ...]) -> st.SearchStrategy[Law]:
    """Return random laws of any of the forms."""
    return st.sampled_from(forms).flatmap(laws)


def answered(ask: Callable[[], T]) -> T:
    """Return an answer; where a random law's answer is no run at all, a property of runs says nothing."""
    try:
        return ask()
    except CannotPlanError as error:
        assume("outside 1 to" not in str(error))
        raise
