"""Forms that say what counts of what is trained: parameters at low precision, tokens of imperfect quality."""

import numpy as np

from planner.scaling_laws.forms._base import Form, Num, Parameter, Symbols

QUANTISED = ("w", "a", "kv")
"""What precision applies to: weights, activations, key-value cache."""


def kept_params(p: Symbols, bits: tuple[Num, Num, Num]) -> Num:
    """Return N_eff/N = product of 1 - exp(n - P/gamma) over weights, activations and key-value cache (Kumar 2024, App. K)."""
    kept: Num = 1.0
    for name, P in zip(QUANTISED, bits, strict=True):
        kept = kept * -np.expm1(p[f"n_{name}"] - P / p[f"gamma_{name}"])
    return kept


PRECISION = Form(
    name="precision",
    equation="N_eff = N prod_i (1 - exp(n_i - P_i/gamma_i)) over weights, activations and key-value cache, P_i in bits",
    parameters={
        **{f"gamma_{name}": Parameter("bits over which what is lost falls to 1/e") for name in QUANTISED},
        **{f"n_{name}": Parameter("log of what is lost at 0 bits") for name in QUANTISED},
    },
)


def quantising_loss(p: Symbols, N: Num, D: Num, P: Num) -> Num:
    """Return what quantising the weights of a trained model to P bits adds to its loss (Kumar 2024, App. K)."""
    return p["C_T"] * D ** p["gamma_D"] / N ** p["gamma_N"] * np.exp(-P / p["gamma_post"])


QUANTISED_AFTER = Form(
    name="quantised_after",
    equation="delta L = C_T D^gamma_D/N^gamma_N e^(-P/gamma_post), P bits of the weights, quantised after training",
    parameters={
        "C_T": Parameter("size of what is added"),
        "gamma_D": Parameter("exponent of D: more training makes it worse", high=10, fitted_with="C_T"),
        "gamma_N": Parameter("exponent of N", high=10, fitted_with="C_T"),
        "gamma_post": Parameter("bits over which what is added falls to 1/e"),
    },
)


def kept_tokens(p: Symbols, quality: Num) -> Num:
    """Return D_eff/D = Q^(gamma/beta), from B/(D^beta Q^gamma) (Subramanyam 2025)."""
    return quality ** (p["gamma"] / p["beta"])


QUALITY = Form(
    name="quality",
    equation="L = E + A/N^alpha + B/(D^beta Q^gamma), so that D_eff = D Q^(gamma/beta)",
    parameters={
        "beta": Parameter("exponent of D", high=10, fitted_with="gamma"),
        "gamma": Parameter("exponent of the quality Q", high=10, fitted_with="beta"),
    },
)


def best_vocab(p: Symbols, params: Num, width: Num) -> Num:
    """Return the vocabulary V = N_v/d with N_v = N_v0 (N_nv/N_nv0)^gamma (Tao 2024, approach 2)."""
    return p["N_v0"] * (params / p["N_nv0"]) ** p["gamma"] / width


VOCABULARY = Form(
    name="vocabulary",
    equation="V d = N_v0 (N/N_nv0)^gamma, N without vocabulary parameters, d the width",
    parameters={
        "N_v0": Parameter("vocabulary parameters that are best at N_nv0"),
        "N_nv0": Parameter("other parameters there"),
        "gamma": Parameter("exponent of N", high=10, fitted_with="N_v0"),
    },
)
