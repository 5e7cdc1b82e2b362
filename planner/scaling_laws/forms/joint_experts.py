"""One law of dense models and mixtures: loss by active parameters, tokens and experts (Ludziejewski et al. 2025)."""

import numpy as np

from planner.scaling_laws.forms import additive
from planner.scaling_laws.forms._base import Form, Num, Parameter, Symbols
from planner.scaling_laws.forms.experts import powers_of, saturated_experts


def _width(p: Symbols, N: Num, per_block: Num) -> Num:
    """Return d with 2 V d + ``per_block`` d^3/w = N: embedding and head, and d/w blocks. The cubic has one real root."""
    P, Q = 2 * p["V"] * p["w"] / per_block, p["w"] * N / per_block
    root = (P / 3) ** 0.5
    return 2 * root * np.sinh(np.arcsinh(Q / (2 * root**3)) / 3)


def _counted(p: Symbols, width: Num, per_block: Num) -> Num:
    return 2 * p["V"] * width + per_block * width**3 / p["w"]


_JOINT_BLOCK = (4.0, 9.0)
"""Parameters of a block over d^2: 4 in attention, 9 in each expert, of which one is at work (Ludziejewski 2025)."""


def _blocks(p: Symbols) -> tuple[Num, Num]:
    """Return the active and all parameters of a block over d^2."""
    attention, expert = _JOINT_BLOCK
    return attention + expert, attention + expert * p["E"]


def joint_width(p: Symbols, total: Num) -> Num:
    """Return the width d of a mixture of so many parameters in all."""
    return _width(p, total, _blocks(p)[1])


def joint_total(p: Symbols, N: Num) -> Num:
    """Return all parameters of a mixture with N active ones."""
    active, every = _blocks(p)
    return _counted(p, _width(p, N, active), every)


def joint_active(p: Symbols, total: Num) -> Num:
    """Return the active parameters of a mixture of so many in all."""
    active, every = _blocks(p)
    return _counted(p, _width(p, total, every), active)


def _joint_as_additive(p: Symbols) -> Symbols:
    """Rewrite a E^^delta N^(alpha + gamma ln E^) + b E^^omega D^(beta + zeta ln E^) + c as E + A/N^alpha + B/D^beta."""
    effective = saturated_experts(p, p["E"])
    return {
        "E": p["c"],
        "A": p["a"] * effective ** p["delta"],
        "B": p["b"] * effective ** p["omega"],
        "alpha": -p["alpha"] - p["gamma"] * np.log(effective),
        "beta": -p["beta"] - p["zeta"] * np.log(effective),
        "k": p["k"],
    }


_EFFECTIVE = ("E_hat", "1/(1/(E-1+1/(1/E_start-1/E_max))+1/E_max)")
_EXPONENTS = (("a_N", "-alpha-gamma*ln(E_hat)"), ("b_D", "-beta-zeta*ln(E_hat)"))
_SIZES = (("A", "a*E_hat^delta"), ("B", "b*E_hat^omega"))


def _written_out(*lines: tuple[str, str]) -> list[str]:
    """Return the formulas of lines over the law's own constants."""
    return [formula.replace("E_hat", f"({_EFFECTIVE[1]})") for _, formula in lines]


JOINT_EXPERTS = Form(
    name="joint_experts",
    equation=(
        "L(N, D, E) = a E^^delta N^(alpha+gamma ln E^) + b E^^omega D^(beta+zeta ln E^) + c, N the active parameters, "
        "1/E^ = 1/(E-1+1/(1/E_start-1/E_max)) + 1/E_max"
    ),
    parameters={
        "a": Parameter("size of the parameter term"),
        "alpha": Parameter("exponent of N with one effective expert", low=-10, high=0, fitted_with="a"),
        "delta": Parameter("exponent of E^ in the parameter term", low=-10, high=10, fitted_with="a"),
        "gamma": Parameter("how the exponent of N changes with ln E^", low=-1, high=1),
        "b": Parameter("size of the data term"),
        "beta": Parameter("exponent of D with one effective expert", low=-10, high=0, fitted_with="b"),
        "omega": Parameter("exponent of E^ in the data term", low=-10, high=10, fitted_with="b"),
        "zeta": Parameter("how the exponent of D changes with ln E^", low=-1, high=1),
        "c": Parameter("irreducible loss", closed=True),
        "E_start": Parameter("effective experts of a dense model", low=1),
        "E_max": Parameter("effective experts that no number exceeds", low=1),
        "V": Parameter("vocabulary: embedding and head take 2 V d parameters"),
        "w": Parameter("d_model over the number of blocks"),
        "E": Parameter("experts, one of them at work on a token", low=1, high=1e6, closed=True, choice=True),
    },
    surface=additive.surface_of(
        _joint_as_additive,
        (_EFFECTIVE, *_EXPONENTS, ("R_N", "a*E_hat^delta/N^a_N"), ("R_D", "b*E_hat^omega/D^b_D"), ("L", "c+R_N+R_D")),
    ),
    frontier=additive.frontier_of(
        _joint_as_additive,
        (_EFFECTIVE, *_EXPONENTS, *_SIZES, ("N", "(a_N*A/(b_D*B))^(1/(a_N+b_D))*(C/k)^(b_D/(a_N+b_D))")),
        (("C_opt", "L_opt(C_opt)-c = R"),),
    ),
    active=lambda p: 1.0,
    total=joint_total,
    active_of=joint_active,
    powers=powers_of(("c", *_written_out(_SIZES[0], _EXPONENTS[0], _SIZES[1], _EXPONENTS[1])), share="1", q="0"),
)
