"""Allocation laws: how N and D grow with compute, without a loss. D follows as C/(k N), so the budget is spent exactly."""

from collections.abc import Callable

from planner.scaling_laws.forms._base import Form, Frontier, Num, Parameter, Symbols

_SHARE = Parameter("exponent", high=1)


def _line(params: Callable[[Symbols, Num], Num], a: Callable[[Symbols], Num], *derivation: tuple[str, str]) -> Frontier:
    """Return the line of an N that grows as C^a."""
    return Frontier(params, lambda p: (a(p), 1 - a(p)), derivation=derivation)


PARAMS_ALLOCATION = Form(
    name="params_allocation",
    equation="N_opt = k_N C^a, D_opt = C/(k N_opt)",
    parameters={"k_N": Parameter("parameters at C = 1 FLOP"), "a": _SHARE._replace(fitted_with="k_N")},
    frontier=_line(lambda p, C: p["k_N"] * C ** p["a"], lambda p: p["a"], ("N", "k_N*C^a")),
)

TOKENS_ALLOCATION = Form(
    name="tokens_allocation",
    equation="D_opt = k_D C^b, N_opt = C/(k D_opt)",
    parameters={"k_D": Parameter("tokens at C = 1 FLOP"), "b": _SHARE._replace(fitted_with="k_D")},
    frontier=Frontier(
        lambda p, C: C ** (1 - p["b"]) / (p["k"] * p["k_D"]),
        lambda p: (1 - p["b"], p["b"]),
        derivation=(("D", "k_D*C^b"), ("N", "C/(k*D)")),
    ),
)

FLOPS_PER_TOKEN_ALLOCATION = Form(
    name="flops_per_token_allocation",
    equation="M_opt = k_M C^a FLOP per token, D_opt = C/M_opt, N_opt = M_opt/k",
    parameters={"k_M": Parameter("FLOP per token at C = 1 FLOP"), "a": _SHARE._replace(fitted_with="k_M")},
    frontier=_line(lambda p, C: p["k_M"] * C ** p["a"] / p["k"], lambda p: p["a"], ("M", "k_M*C^a"), ("N", "M/k")),
)

ANCHORED = Form(
    name="anchored",
    equation="N_opt = N_0 (C/C_0)^a, D_opt = C/(k N_opt)",
    parameters={
        "N_0": Parameter("parameters of the known optimum"),
        "C_0": Parameter("compute of the known optimum [FLOP]"),
        "a": _SHARE,
    },
    frontier=_line(lambda p, C: p["N_0"] * (C / p["C_0"]) ** p["a"], lambda p: p["a"], ("N", "N_0*(C/C_0)^a")),
)

TOKEN_RATIO = Form(
    name="token_ratio",
    equation="D_opt = r N_opt",
    parameters={"r": Parameter("tokens per parameter")},
    frontier=_line(lambda p, C: (C / (p["k"] * p["r"])) ** 0.5, lambda p: 0.5, ("N", "(C/(k*r))^(1/2)")),
)

EXPONENTS = Form(
    name="exponents",
    equation="N_opt ~ C^a, D_opt ~ C^b; no prefactor was published",
    parameters={"a": _SHARE, "b": _SHARE},
    exponents=lambda p: (p["a"], p["b"]),
)

SURFACE_EXPONENTS = Form(
    name="surface_exponents",
    equation="L(N, D) = E + A/N^alpha + B/D^beta of which only alpha and beta were published: a = beta/(alpha+beta)",
    parameters={"alpha": Parameter("exponent of N", high=10), "beta": Parameter("exponent of D", high=10)},
    exponents=lambda p: (p["beta"] / (p["alpha"] + p["beta"]), p["alpha"] / (p["alpha"] + p["beta"])),
)
