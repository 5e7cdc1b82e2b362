"""Mixtures of experts: loss by total parameters, tokens and how sparse the model is. What is paid for is what is active."""

import numpy as np

from planner.scaling_laws.forms import additive
from planner.scaling_laws.forms._base import Derivation, Form, Num, Parameter, Surface, Symbols
from planner.scaling_laws.forms._searched import searched_frontier


def powers_of(additive: tuple[str, ...], *, more: tuple[str, str] = ("0", "1"), share: str, q: str) -> Derivation:
    """Return ``Form.powers`` by the formulas of E, A_1, a_1, B and b, those of A_2 and a_2, and the price of a token."""
    E, A_1, a_1, B, b = additive
    names = ("E", "A_1", "a_1", "A_2", "a_2", "B", "b", "share", "q")
    return tuple(zip(names, (E, A_1, a_1, *more, B, b, share, q), strict=True))


# ---------------------------------------------------------------- Krajewski 2024, Eq. 9: granularity G at a fixed expansion E

_BLOCK = (8.0, 4.0, 12.0)
"""Parameters of a block over d_model^2: 8 E in the experts, 4 in attention; 12 of them active (Krajewski 2024, Sec. 6.1)."""


def _as_additive(p: Symbols) -> Symbols:
    """Rewrite c + (g/G^gamma + a)/N^alpha + b/D^beta as E + A/N^alpha + B/D^beta."""
    return {**p, "E": p["c"], "A": p["g"] * p["G"] ** -p["gamma"] + p["a"], "B": p["b"]}


def _active_share(p: Symbols) -> Num:
    """Return N_active/N = 12/(8 E + 4)."""
    experts, attention, active = _BLOCK
    return active / (experts * p["E"] + attention)


def _routed_price(p: Symbols) -> tuple[Num, Num]:
    """Return the share of N that is paid for, and q: routing costs c_r d_model E G a block and token (Eq. 10)."""
    experts, attention, _ = _BLOCK
    # N = (8 E + 4) d^3/w and routing is c_r E G d^2/w a token
    per_block = (experts * p["E"] + attention) / p["width_per_block"]
    return _active_share(p), p["c_r"] * p["E"] * p["G"] / p["width_per_block"] * per_block ** (-2 / 3)


FINE_GRAINED = Form(
    name="fine_grained_experts",
    equation="L(N, D, G) = c + (g/G^gamma + a)/N^alpha + b/D^beta, N all parameters of E experts, each split into G",
    parameters={
        "c": Parameter("irreducible loss", closed=True),
        "a": Parameter("size of the parameter term without granularity"),
        "alpha": Parameter("exponent of N", high=10, fitted_with="a"),
        "b": Parameter("size of the data term"),
        "beta": Parameter("exponent of D", high=10, fitted_with="b"),
        "g": Parameter("size of the granularity term"),
        "gamma": Parameter("exponent of G", high=10, fitted_with="g"),
        "c_r": Parameter("FLOP of routing per token, expert part and unit of width", closed=True),
        "width_per_block": Parameter("d_model over the number of blocks"),
        "E": Parameter("expansion: parameters of all experts over those active", low=1, closed=True),
        "G": Parameter("granularity: parts into which an expert is split", low=1, high=1e6, closed=True, choice=True),
    },
    surface=additive.surface_of(_as_additive, (("R_N", "(g/G^gamma+a)/N^alpha"), ("R_D", "b/D^beta"), ("L", "c+R_N+R_D"))),
    frontier=additive.frontier_of(
        _as_additive,
        (("A", "g/G^gamma+a"), ("N", "(alpha*A/(beta*b))^(1/(alpha+beta))*(C/k)^(beta/(alpha+beta))")),
        (("C_opt", "L_opt(C_opt)-c = R"),),
    ),
    price=_routed_price,
    active=_active_share,
    powers=powers_of(
        ("c", "g/G^gamma+a", "alpha", "b", "beta"),
        share=f"{_BLOCK[2]:g}/({_BLOCK[0]:g}*E+{_BLOCK[1]:g})",
        q=f"c_r*E*G/width_per_block*(({_BLOCK[0]:g}*E+{_BLOCK[1]:g})/width_per_block)^(-2/3)",
    ),
)

# ---------------------------------------------------------------- Abnar 2025, Eq. 6: sparsity S = share of experts that rest


def _sparse_parts(p: Symbols, N: Num) -> tuple[Num, Num]:
    return p["a"] * N ** -p["alpha"], p["d"] * (1 - p["S"]) ** -p["delta"] * N ** -p["gamma"]


def _sparse_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    plain, sparse = _sparse_parts(p, N)
    return p["alpha"] * plain + p["gamma"] * sparse, p["beta"] * p["b"] * D ** -p["beta"]


_SPARSE_SURFACE = Surface(
    lambda p: p["e_S"] + p["c"] * (1 - p["S"]) ** -p["lambda_S"],
    lambda p, N, D: (sum(_sparse_parts(p, N)), p["b"] * D ** -p["beta"]),
    _sparse_slopes,
    derivation=(
        ("E", "e_S+c/(1-S)^lambda_S"),
        ("R_N", "a/N^alpha+d/((1-S)^delta*N^gamma)"),
        ("R_D", "b/D^beta"),
        ("L", "E+R_N+R_D"),
    ),
)

SPARSE_EXPERTS = Form(
    name="sparse_experts",
    equation=(
        "L(N, D, S) = a/N^alpha + b/D^beta + c/(1-S)^lambda_S + d/((1-S)^delta N^gamma) + e_S, N all parameters, S the share of "
        "experts that rest"
    ),
    parameters={
        "a": Parameter("size of the parameter term"),
        "alpha": Parameter("exponent of N", high=10, fitted_with="a"),
        "b": Parameter("size of the data term"),
        "beta": Parameter("exponent of D", high=10, fitted_with="b"),
        "c": Parameter("size of the sparsity term"),
        "lambda_S": Parameter("exponent of 1-S", low=-10, high=10, fitted_with="c"),
        "d": Parameter("size of the term of sparsity and parameters"),
        "delta": Parameter("its exponent of 1-S", high=10, fitted_with="d"),
        "gamma": Parameter("its exponent of N", high=10, fitted_with="d"),
        "e_S": Parameter("irreducible loss of the densest model", closed=True),
        "S": Parameter("sparsity: share of experts that rest", high=1, closed=True, choice=True),
    },
    surface=_SPARSE_SURFACE,
    frontier=searched_frontier(_SPARSE_SURFACE),
    price=lambda p: (1 - p["S"], 0.0),
    active=lambda p: 1 - p["S"],
    powers=powers_of(("e_S+c/(1-S)^lambda_S", "a", "alpha", "b", "beta"), more=("d/(1-S)^delta", "gamma"), share="1-S", q="0"),
)

# ---------------------------------------------------------------- Ling 2025: compute that a mixture saves


def leverage(p: Symbols, C: Num, A: Num, G: Num) -> Num:
    """Return the compute of the dense model of the same loss over a mixture's (Tian et al. 2025, the joint law of leverage).

    The mixture spends C [FLOP], has the share A of its experts at work on a token, a shared one counted, and granularity G.
    """
    log_G = np.log2(G)
    effective = 1 / (1 / (A + 1 / (1 / p["A_start"] - 1 / p["A_max"])) + 1 / p["A_max"])
    exponent = p["a"] + p["d"] * np.log10(C) + p["gamma"] * log_G**2 + p["beta"] * log_G
    return effective**exponent


EFFICIENCY_LEVERAGE = Form(
    name="efficiency_leverage",
    equation=(
        "EL = A^^(a + d log10 C + gamma (log2 G)^2 + beta log2 G) with 1/A^ = 1/(A+1/(1/A_start-1/A_max)) + 1/A_max, "
        "A the share of experts at work, G the granularity"
    ),
    parameters={
        "a": Parameter("exponent of A^ at C = 1 FLOP and G = 1", low=-10, high=10),
        "d": Parameter("how the exponent changes with log10 C", low=-10, high=10),
        "gamma": Parameter("how it changes with the square of log2 G", low=-10, high=10),
        "beta": Parameter("how it changes with log2 G", low=-10, high=10),
        "A_start": Parameter("share below which fewer experts at work no longer help"),
        "A_max": Parameter("share that the effective one does not exceed"),
    },
)

# ---------------------------------------------------------------- Clark 2022, Eq. 1: E experts around a dense base, 130 B tokens


def saturated_experts(p: Symbols, E: Num) -> Num:
    """Return the effective number of experts E^ of Clark 2022, Eq. 1."""
    return 1 / (1 / (E - 1 + 1 / (1 / p["E_start"] - 1 / p["E_max"])) + 1 / p["E_max"])


def dense_equivalent(p: Symbols, N: Num, E: Num) -> Num:
    """Return the size of the dense model whose loss one of E experts and N active parameters has (Clark 2022, Eq. 11)."""
    log_N = np.log10(N)
    log_E, log_one = np.log10(saturated_experts(p, E)), np.log10(saturated_experts(p, 1.0))
    target = p["a"] * log_N + p["b"] * log_E + p["c"] * log_N * log_E + p["d"]
    return 10.0 ** ((target - p["b"] * log_one - p["d"]) / (p["a"] + p["c"] * log_one))


ROUTED_EXPERTS = Form(
    name="routed_experts",
    equation="log10 L = a log10 N + b log10 E^ + c log10 N log10 E^ + d with 1/E^ = 1/(E-1+1/(1/E_start-1/E_max)) + 1/E_max",
    parameters={
        "a": Parameter("exponent of N", low=-10, high=0),
        "b": Parameter("exponent of E", low=-10, high=0),
        "c": Parameter("how much less routing helps larger models"),
        "d": Parameter("log10 L at N = E^ = 1"),
        "E_start": Parameter("effective experts of a dense model", low=1),
        "E_max": Parameter("effective experts that no number exceeds", low=1),
        "N_cutoff": Parameter("parameters beyond which routing no longer helps, as printed"),
    },
)
