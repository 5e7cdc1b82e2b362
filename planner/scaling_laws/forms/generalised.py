"""The additive surface with a sixth constant gamma, how its two terms combine, and a weighted mean of such surfaces.

gamma = 1 is the sum of Hoffmann 2022; the smaller gamma, the more the larger term alone counts; Kaplan's joint law (2020,
Eq. 1.5) is E = 0 with gamma = beta.
"""

import numpy as np

from planner._util.root_finding import find_root
from planner.scaling_laws.forms import additive
from planner.scaling_laws.forms._base import Form, Num, Parameter, Surface, Symbols
from planner.scaling_laws.forms._searched import DECADES, bent_frontier


def _primed(p: Symbols) -> Symbols:
    """Rewrite u^(1/gamma) + v^(1/gamma) as the additive terms A'/N^alpha' + B'/D^beta'."""
    gamma = p["gamma"]
    primed = {"A": p["A"] ** (1 / gamma), "B": p["B"] ** (1 / gamma), "alpha": p["alpha"] / gamma, "beta": p["beta"] / gamma}
    return {**p, **primed}


def _mixed(p: Symbols, log_A: Num, log_B: Num, log_N: Num, log_D: Num) -> tuple[Num, Num]:
    """Return ln T with T = (u^(1/gamma) + v^(1/gamma))^gamma and the share of u in it, without overflow for any gamma."""
    log_u = log_A - p["alpha"] * log_N
    log_v = log_B - p["beta"] * log_D
    gap = (log_u - log_v) / p["gamma"]
    small = np.exp(-np.abs(gap))
    log_T = np.maximum(log_u, log_v) + p["gamma"] * np.log1p(small)
    return log_T, np.where(gap >= 0, 1.0, small) / (1 + small)


def terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return T split by the shares of u^(1/gamma) and v^(1/gamma)."""
    log_T, share = _mixed(p, np.log(p["A"]), np.log(p["B"]), np.log(N), np.log(D))
    T = np.exp(log_T)
    return (T * share)[()], (T * (1 - share))[()]


def slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return -dL/dlnN = alpha T u'/(u'+v') and -dL/dlnD = beta T v'/(u'+v')."""
    from_params, from_tokens = terms(p, N, D)
    return p["alpha"] * from_params, p["beta"] * from_tokens


_COMBINED = (("T", "(u+v)^gamma"), ("R_N", "T*u/(u+v)"), ("R_D", "T*v/(u+v)"), ("L", "E+T"))
"""How u and v make the loss, in the derivations of both forms."""

_SCALE = ("G", "(alpha*A^(1/gamma)/(beta*B^(1/gamma)))^(gamma/(alpha+beta))")
_BUDGET = ("C_opt", "k*(K/R)^(1/s)")


GENERALISED = Form(
    name="generalised",
    equation="L(N, D) = E + ((A/N^alpha)^(1/gamma) + (B/D^beta)^(1/gamma))^gamma",
    parameters={
        **additive.ADDITIVE.parameters,
        "gamma": Parameter("how the terms combine: 1 their sum, towards 0 the larger one", high=10),
    },
    surface=Surface(
        additive.floor,
        terms,
        slopes,
        derivation=(("u", "(A/N^alpha)^(1/gamma)"), ("v", "(B/D^beta)^(1/gamma)"), *_COMBINED),
    ),
    frontier=additive.frontier_of(
        _primed,
        (additive.OPTIMUM[0], _SCALE, additive.OPTIMUM[2]),
        (_SCALE, ("s", "alpha*beta/(alpha+beta)"), ("K", "((A*G^(-alpha))^(1/gamma)+(B*G^beta)^(1/gamma))^gamma"), _BUDGET),
        power="gamma",
    ),
)


# ---------------------------------------------------------------- the same in Busbridge's symbols: a power of the sum


def powered_terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return T = (u + v)^gamma split by the shares of u = A/N^alpha and v = B/D^beta (Busbridge 2025, Eq. 1)."""
    u, v = additive.terms(p, N, D)
    T = (u + v) ** p["gamma"]
    return T * u / (u + v), T * v / (u + v)


def powered_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return -dL/dlnN = gamma alpha T u/(u+v) and -dL/dlnD = gamma beta T v/(u+v)."""
    from_params, from_tokens = powered_terms(p, N, D)
    return p["gamma"] * p["alpha"] * from_params, p["gamma"] * p["beta"] * from_tokens


POWERED = Form(
    name="powered",
    equation="L(N, D) = E + (A/N^alpha + B/D^beta)^gamma",
    parameters={**additive.ADDITIVE.parameters, "gamma": Parameter("power of the sum", high=10)},
    surface=Surface(
        additive.floor, powered_terms, powered_slopes, derivation=(("u", "A/N^alpha"), ("v", "B/D^beta"), *_COMBINED)
    ),
    frontier=additive.frontier_of(
        lambda p: p,
        additive.OPTIMUM,
        (additive.SCALE, ("s", "alpha*beta*gamma/(alpha+beta)"), ("K", "(A*G^(-alpha)+B*G^beta)^gamma"), _BUDGET),
        power="gamma",
    ),
)


# ---------------------------------------------------------------- an ensemble: ln L is the weighted mean of its members' ln L


def _members(p: Symbols) -> Symbols:
    return {**{name: np.asarray(p[name], float) for name in (*GENERALISED.parameters, "weight")}, "k": p["k"]}


def _each(values: Num) -> Num:
    """Make room for a last axis, one entry a member."""
    return np.asarray(values, float)[..., None]


def _mean(p: Symbols, values: Num) -> Num:
    weight = p["weight"] / p["weight"].sum()
    return (values * weight).sum(-1)[()]


def ensemble_floor(p: Symbols) -> Num:
    """Return the geometric mean of the members' floors."""
    m = _members(p)
    return np.exp(_mean(m, np.log(m["E"])))


def ensemble_terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return the reducible loss, split as the members split theirs."""
    m = _members(p)
    from_params, from_tokens = terms(m, _each(N), _each(D))
    T = from_params + from_tokens
    # expm1 of the difference: nothing cancels where little is left to reduce
    reducible = ensemble_floor(p) * np.expm1(_mean(m, np.log1p(T / m["E"])))
    share = _mean(m, from_params / (m["E"] + T)) / _mean(m, T / (m["E"] + T))
    return reducible * share, reducible * (1 - share)


def ensemble_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return -dL/dlnN and -dL/dlnD."""
    m = _members(p)
    from_params, from_tokens = terms(m, _each(N), _each(D))
    each = m["E"] + from_params + from_tokens
    L = np.exp(_mean(m, np.log(each)))
    return L * _mean(m, m["alpha"] * from_params / each), L * _mean(m, m["beta"] * from_tokens / each)


def ensemble_params(p: Symbols, C: Num) -> Num:
    """Return the N that minimises the mean ln L along k N D = C: between the smallest and the largest of the members' own."""
    m = _members(p)
    own = np.log(GENERALISED.frontier.params(m, _each(C)))  # type: ignore[union-attr]  # the form above has a frontier
    low, high = own.min(-1) - 1e-9, own.max(-1) + 1e-9
    log_A, log_B, log_ND = np.log(m["A"]), np.log(m["B"]), np.log(np.asarray(C, float) / p["k"])[..., None]
    by_tokens, by_both = m["weight"] * m["beta"], m["weight"] * (m["alpha"] + m["beta"])

    def tilt(log_N: Num) -> Num:
        log_N = log_N[..., None]
        log_T, share = _mixed(m, log_A, log_B, log_N, log_ND - log_N)
        of_loss = 1 / (1 + m["E"] * np.exp(-log_T))
        return (of_loss * (by_tokens - by_both * share)).sum(-1)  # rises with N

    return np.exp(find_root(tilt, low, high))


def ensemble_exponents(p: Symbols) -> tuple[Num, Num]:
    """Return a and b between C_ref and 100 C_ref: an ensemble's line is not quite straight."""
    C = np.asarray(p["C_ref"]) * 10.0 ** np.array([0.0, DECADES])
    low, high = np.log(ensemble_params(p, C))
    a = (high - low) / (DECADES * np.log(10.0))
    return a, 1 - a


_MEAN = Surface(ensemble_floor, ensemble_terms, ensemble_slopes, derivation=(("L", "exp(mean(ln(L_m(N, D)))) = L"),))

ENSEMBLE = Form(
    name="ensemble",
    equation="ln L(N, D) = weighted mean of ln(E + ((A/N^alpha)^(1/gamma) + (B/D^beta)^(1/gamma))^gamma) over members",
    parameters={
        **{name: parameter._replace(many=True) for name, parameter in GENERALISED.parameters.items()},
        "E": Parameter("irreducible loss", many=True),
        "weight": Parameter("weight of the member", many=True),
        "C_ref": Parameter("budget from which the exponents are measured"),
    },
    surface=_MEAN,
    frontier=bent_frontier(_MEAN, ensemble_params, ensemble_exponents, lambda p: p["C_ref"], farthest=400.0),
)
