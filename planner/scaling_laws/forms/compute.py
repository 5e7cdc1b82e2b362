"""Loss against compute alone: what a table says when its runs were all near their optimum."""

from planner.scaling_laws.forms._base import Form, Num, Parameter, Surface, Symbols


def _loss(p: Symbols, N: Num, D: Num) -> Num:
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
        lambda p, N, D: (0.5 * _loss(p, N, D), 0.5 * _loss(p, N, D)),  # compute does not say which of the two is short
        lambda p, N, D: (p["c"] * _loss(p, N, D), p["c"] * _loss(p, N, D)),
        uses=("flops",),
    ),
)
