"""Forms that inform a plan but cannot make one: loss against one quantity, Kaplan's rule of thumb, a change of counting.

Loss against compute alone is what a table says when its runs were all near their optimum.
"""

from planner.scaling_laws.forms._base import Form, Num, Parameter, Surface, Symbols


def _loss(p: Symbols, of: str, size: Num) -> Num:
    """Return L = (N_c/N)^alpha_N, or the same of D (Kaplan 2020, Eq. 1.1 and 1.2)."""
    return (p[f"{of}_c"] / size) ** p[f"alpha_{of}"]


PARAMS_POWER = Form(
    name="params_power",
    equation="L(N) = (N_c/N)^alpha_N, trained to convergence on ample data",
    parameters={"N_c": Parameter("critical parameters"), "alpha_N": Parameter("exponent of N", high=5)},
    surface=Surface(
        lambda p: 0.0,
        lambda p, N, D: (_loss(p, "N", N), 0.0 * D),
        lambda p, N, D: (p["alpha_N"] * _loss(p, "N", N), 0.0 * D),
        uses=("params",),
    ),
)

TOKENS_POWER = Form(
    name="tokens_power",
    equation="L(D) = (D_c/D)^alpha_D, an ample model stopped early",
    parameters={"D_c": Parameter("critical tokens"), "alpha_D": Parameter("exponent of D", high=5)},
    surface=Surface(
        lambda p: 0.0,
        lambda p, N, D: (0.0 * N, _loss(p, "D", D)),
        lambda p, N, D: (0.0 * N, p["alpha_D"] * _loss(p, "D", D)),
        uses=("tokens",),
    ),
)


def _compute_loss(p: Symbols, N: Num, D: Num) -> Num:
    """Return K C^-c with C = k N D."""
    return p["K"] * (p["k"] * N * D) ** -p["c"]


COMPUTE_POWER = Form(
    name="compute_power",
    equation="L(C) = E + K C^-c, C = k N D",
    parameters={
        "E": Parameter("irreducible loss", closed=True),
        "K": Parameter("size of the compute term"),
        "c": Parameter("exponent of C", high=10, fitted_with="K"),
    },
    surface=Surface(
        lambda p: p["E"],
        lambda p, N, D: (
            0.5 * _compute_loss(p, N, D),
            0.5 * _compute_loss(p, N, D),
        ),  # compute does not say which of the two is short
        lambda p, N, D: (p["c"] * _compute_loss(p, N, D), p["c"] * _compute_loss(p, N, D)),
        uses=("flops",),
    ),
)


def rule_tokens(p: Symbols, N: Num) -> Num:
    """Return D = K N^p, the tokens that keep overfitting below the threshold (Kaplan 2020, Eq. 4.4)."""
    return p["K"] * N ** p["p"]


TOKENS_RULE = Form(
    name="tokens_rule",
    equation="D >= K N^p keeps delta L below delta",
    parameters={
        "K": Parameter("tokens at N = 1"),
        "p": Parameter("exponent of N", high=5),
        "delta": Parameter("relative loss over endless data that counts as overfitting", high=10),
    },
)

EMBEDDING_COUNT = Form(
    name="embedding_count",
    equation="N_total = N + gamma N^(1/3), N without embeddings",
    parameters={"gamma": Parameter("embedding parameters per cube root of N")},
)
