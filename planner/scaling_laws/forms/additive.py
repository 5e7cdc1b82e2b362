"""The additive surface of Hoffmann 2022 (approach 3), and forms that are it in other symbols."""

from collections.abc import Callable

from planner.scaling_laws.forms._base import Derivation, Form, Frontier, Num, Parameter, Surface, Symbols


def floor(p: Symbols) -> Num:
    """Return the irreducible loss E."""
    return p["E"]


def terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return A/N^alpha and B/D^beta (Hoffmann 2022, Eq. 2)."""
    return p["A"] * N ** -p["alpha"], p["B"] * D ** -p["beta"]


def slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return -dL/dlnN = alpha A/N^alpha and -dL/dlnD = beta B/D^beta."""
    from_params, from_tokens = terms(p, N, D)
    return p["alpha"] * from_params, p["beta"] * from_tokens


def scale(p: Symbols) -> Num:
    """Return G = (alpha A / (beta B))^(1/(alpha+beta)) (Hoffmann 2022, Eq. 4)."""
    return (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))


def exponents(p: Symbols) -> tuple[Num, Num]:
    """Return a = beta/(alpha+beta) and b = alpha/(alpha+beta)."""
    return p["beta"] / (p["alpha"] + p["beta"]), p["alpha"] / (p["alpha"] + p["beta"])


def optimal_params(p: Symbols, C: Num) -> Num:
    """Return N = G (C/k)^a (Hoffmann 2022, Eq. 4)."""
    return scale(p) * (C / p["k"]) ** exponents(p)[0]


def _line(p: Symbols) -> tuple[Num, Num]:
    """Return K and gamma with reducible loss K (C/k)^-gamma on the optimal line."""
    G = scale(p)
    gamma = p["alpha"] * p["beta"] / (p["alpha"] + p["beta"])
    return p["A"] * G ** -p["alpha"] + p["B"] * G ** p["beta"], gamma


def reducible(p: Symbols, C: Num) -> Num:
    """Return K (C/k)^-gamma, gamma = alpha beta/(alpha+beta)."""
    K, gamma = _line(p)
    return K * (C / p["k"]) ** -gamma


def budget(p: Symbols, R: Num) -> Num:
    """Return C = k (K/R)^(1/gamma), the inverse of :func:`reducible`."""
    K, gamma = _line(p)
    return p["k"] * (K / R) ** (1 / gamma)


def surface_of(as_additive: Callable[[Symbols], Symbols], derivation: Derivation) -> Surface:
    """Return the additive surface in other symbols, which ``as_additive`` rewrites."""
    return Surface(
        lambda p: as_additive(p)["E"],
        lambda p, N, D: terms(as_additive(p), N, D),
        lambda p, N, D: slopes(as_additive(p), N, D),
        derivation=derivation,
    )


def frontier_of(
    as_additive: Callable[[Symbols], Symbols], derivation: Derivation, loss_derivation: Derivation, power: str = ""
) -> Frontier:
    """Return the additive optimum in other symbols; where a constant ``power`` is named, the sum is raised to it."""
    return Frontier(
        lambda p, C: optimal_params(as_additive(p), C),
        lambda p: exponents(as_additive(p)),
        lambda p, C: reducible(as_additive(p), C) ** (p[power] if power else 1),
        lambda p, R: budget(as_additive(p), R ** (1 / p[power]) if power else R),
        derivation=derivation,
        loss_derivation=loss_derivation,
    )


SCALE = ("G", "(alpha*A/(beta*B))^(1/(alpha+beta))")
OPTIMUM = (("a", "beta/(alpha+beta)"), SCALE, ("N", "G*(C/k)^a"))
_LINE = (SCALE, ("gamma", "alpha*beta/(alpha+beta)"), ("K", "A*G^(-alpha)+B*G^beta"))
_BUDGET = (*_LINE, ("C_opt", "k*(K/R)^(1/gamma)"))

ADDITIVE = Form(
    name="additive",
    equation="L(N, D) = E + A/N^alpha + B/D^beta",
    parameters={
        "E": Parameter("irreducible loss", closed=True),
        "A": Parameter("size of the parameter term"),
        "B": Parameter("size of the data term"),
        "alpha": Parameter("exponent of N", high=10, fitted_with="A"),
        "beta": Parameter("exponent of D", high=10, fitted_with="B"),
    },
    surface=Surface(floor, terms, slopes, derivation=(("R_N", "A/N^alpha"), ("R_D", "B/D^beta"), ("L", "E+R_N+R_D"))),
    frontier=Frontier(optimal_params, exponents, reducible, budget, derivation=OPTIMUM, loss_derivation=_BUDGET),
)


REPEATED = ADDITIVE._replace(
    name="repeated",
    equation="L(N, D) = E + A/N'^alpha + B/D'^beta, N' and D' being N and D less what repeating unique tokens wastes",
    parameters={
        **ADDITIVE.parameters,
        "R_D": Parameter("repetitions after which further ones are worth 1/e of the first"),
        "R_N": Parameter("the same of parameters beyond those that the unique tokens can fill"),
    },
)


def _from_units(p: Symbols) -> Symbols:
    """Rewrite A/(N/u)^alpha as A u^alpha/N^alpha, and the data term alike."""
    return {**p, "A": p["A"] * p["u"] ** p["alpha"], "B": p["B"] * p["u"] ** p["beta"]}


ADDITIVE_UNITS = Form(
    name="additive_units",
    equation="L(N, D) = E + A/(N/u)^alpha + B/(D/u)^beta",
    parameters={**ADDITIVE.parameters, "u": Parameter("unit in which the source counts N and D", closed=True, low=1)},
    surface=surface_of(_from_units, (("R_N", "A/(N/u)^alpha"), ("R_D", "B/(D/u)^beta"), ("L", "E+R_N+R_D"))),
    frontier=frontier_of(
        _from_units,
        (*OPTIMUM[:2], ("N", "u*G*(C/(k*u^2))^a")),
        (*_LINE, ("C_opt", "k*u^2*(K/R)^(1/gamma)")),
    ),
)


def _from_overtraining(p: Symbols) -> Symbols:
    """Rewrite E + (a M^eta + b M^-eta) C^-eta, M = D/N, C = k N D, as E + A/N^(2 eta) + B/D^(2 eta)."""
    shrink, twice = p["k"] ** -p["eta"], 2 * p["eta"]
    return {"E": p["E"], "A": p["a"] * shrink, "B": p["b"] * shrink, "alpha": twice, "beta": twice, "k": p["k"]}


OVERTRAINING = Form(
    name="overtraining",
    equation="L = E + (a M^eta + b M^-eta) C^-eta with M = D/N and C = k N D",
    parameters={
        "E": Parameter("irreducible loss", closed=True),
        "a": Parameter("size of the term that grows with M"),
        "b": Parameter("size of the term that falls with M"),
        "eta": Parameter("exponent of C", high=5, fitted_with="a"),
    },
    surface=surface_of(
        _from_overtraining, (("M", "D/N"), ("R_N", "a*M^eta*C^(-eta)"), ("R_D", "b*M^(-eta)*C^(-eta)"), ("L", "E+R_N+R_D"))
    ),
    frontier=frontier_of(
        _from_overtraining,
        (("M", "(b/a)^(1/(2*eta))"), ("N", "(C/(k*M))^(1/2)")),
        (("C_opt", "(2*(a*b)^(1/2)/R)^(1/eta)"),),
    ),
)
