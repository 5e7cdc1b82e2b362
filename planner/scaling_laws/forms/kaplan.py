"""The forms of Kaplan 2020 (arXiv 2001.08361). Kaplan's compute is in PF-days and his N counts no embeddings.

``C_min`` is the compute of a run at a batch far below the critical one; a run at the critical batch spends C = C_per_Cmin *
C_min with C_per_Cmin = 2 (Eq. 5.4-5.5).
"""

import numpy as np

from planner._util.root_finding import find_root
from planner.quantities import PF_DAY
from planner.scaling_laws.forms import additive
from planner.scaling_laws.forms._base import Form, Frontier, Num, Parameter, Surface, Symbols

# ---------------------------------------------------------------- L(N, D), Eq. 1.5


def _bracket(p: Symbols) -> Symbols:
    """Return the sum inside Kaplan's bracket, (N_c/N)^(alpha_N/alpha_D) + D_c/D, as an additive surface."""
    ratio = p["alpha_N"] / p["alpha_D"]
    return {"E": 0.0, "A": p["N_c"] ** ratio, "B": p["D_c"], "alpha": ratio, "beta": 1.0, "k": p["k"]}


def _joint_terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return L split in proportion to the two terms inside the bracket of Eq. 1.5."""
    from_params, from_tokens = additive.terms(_bracket(p), N, D)
    inside = from_params + from_tokens
    share = inside ** (p["alpha_D"] - 1)
    return from_params * share, from_tokens * share


def _joint_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    from_params, from_tokens = _joint_terms(p, N, D)
    return p["alpha_N"] * from_params, p["alpha_D"] * from_tokens


def excess_over_infinite_data(p: Symbols, N: Num, D: Num) -> Num:
    """Return delta L = L(N, D)/L(N, inf) - 1 (Eq. 4.2-4.3)."""
    return np.expm1(p["alpha_D"] * np.log1p((N / p["N_c"]) ** (p["alpha_N"] / p["alpha_D"]) * p["D_c"] / D))


def tokens_for_excess(p: Symbols, N: Num, delta: Num) -> Num:
    """Return the tokens D at which delta L equals ``delta``: Eq. 4.3 solved for D."""
    return p["D_c"] * (N / p["N_c"]) ** (p["alpha_N"] / p["alpha_D"]) / np.expm1(np.log1p(delta) / p["alpha_D"])


_RATIO, _SCALE = ("q", "alpha_N/alpha_D"), ("G", "(q*N_c^q/D_c)^(1/(q+1))")

KAPLAN_JOINT = Form(
    name="kaplan_joint",
    equation="L(N, D) = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D",
    parameters={
        "N_c": Parameter("critical parameters"),
        "D_c": Parameter("critical tokens"),
        "alpha_N": Parameter("exponent of N", high=5, fitted_with="N_c"),
        "alpha_D": Parameter("exponent of D", high=5, fitted_with="D_c"),
    },
    surface=Surface(
        lambda p: 0.0,
        _joint_terms,
        _joint_slopes,
        derivation=(("u", "(N_c/N)^(alpha_N/alpha_D)"), ("v", "D_c/D"), ("L", "(u+v)^alpha_D")),
    ),
    frontier=additive.frontier_of(
        _bracket,
        (_RATIO, ("a", "1/(q+1)"), _SCALE, ("N", "G*(C/k)^a")),
        (_RATIO, _SCALE, ("K", "N_c^q*G^(-q)+D_c*G"), ("C_opt", "k*(K/R^(1/alpha_D))^((q+1)/q)")),
        power="alpha_D",
    ),
)

# ---------------------------------------------------------------- L(N, S_min), Eq. 1.6, along the critical batch


def _token_scale(p: Symbols) -> Num:
    """Return Q with S_c/S_min = Q/(D L^(1/alpha_B)), from D = C_per_Cmin B_crit(L) S_min (Eq. 1.4, 5.5)."""
    return p["C_per_Cmin"] * p["B_star"] * p["S_c"]


def _curve_terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Solve L = (N_c/N)^alpha_N + (Q/(D L^(1/alpha_B)))^alpha_S for L and return its two terms."""
    from_params = (p["N_c"] / N) ** p["alpha_N"]
    log_u = np.log(from_params)
    log_w = p["alpha_S"] * np.log(_token_scale(p) / D)
    feedback = p["alpha_S"] / p["alpha_B"]
    # ln L = ln(u + w L^-feedback) lies between its two one-term solutions and ln 2 above the larger
    low = np.maximum(log_u, log_w / (1 + feedback))
    log_L = find_root(lambda x: x - np.logaddexp(log_u, log_w - feedback * x), low, low + np.log(2.0))
    return from_params, np.exp(log_w - feedback * log_L)


def _curve_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    from_params, from_tokens = _curve_terms(p, N, D)
    damping = 1 + from_tokens / (from_params + from_tokens) * p["alpha_S"] / p["alpha_B"]
    return p["alpha_N"] * from_params / damping, p["alpha_S"] * from_tokens / damping


def _curve_exponents(p: Symbols) -> tuple[Num, Num]:
    """Return a = alpha_C/alpha_N with alpha_C = 1/(1/alpha_S + 1/alpha_B + 1/alpha_N) (Eq. 6.3-6.5)."""
    a = 1 / (1 + p["alpha_N"] / p["alpha_S"] + p["alpha_N"] / p["alpha_B"])
    return a, 1 - a


def _curve_budget(p: Symbols, R: Num) -> Num:
    """Return k N D at loss R, where (N_c/N)^alpha_N = R alpha_S/(alpha_S + alpha_N) (Eq. B.5)."""
    total = p["alpha_S"] + p["alpha_N"]
    N = p["N_c"] * (R * p["alpha_S"] / total) ** (-1 / p["alpha_N"])
    D = _token_scale(p) * R ** (-1 / p["alpha_B"]) * (R * p["alpha_N"] / total) ** (-1 / p["alpha_S"])
    return p["k"] * N * D


def _curve_reducible(p: Symbols, C: Num) -> Num:
    alpha_C = _curve_exponents(p)[0] * p["alpha_N"]
    return (C / _curve_budget(p, 1.0)) ** -alpha_C


def _curve_params(p: Symbols, C: Num) -> Num:
    share = p["alpha_S"] / (p["alpha_S"] + p["alpha_N"])
    return p["N_c"] * (_curve_reducible(p, C) * share) ** (-1 / p["alpha_N"])


_AT_LOSS_ONE = (
    ("u_1", "alpha_S/(alpha_S+alpha_N)"),
    ("N_1", "N_c*u_1^(-1/alpha_N)"),
    ("D_1", "C_per_Cmin*B_star*S_c*(1-u_1)^(-1/alpha_S)"),
)

KAPLAN_LEARNING_CURVE = Form(
    name="kaplan_learning_curve",
    equation=(
        "L(N, S_min) = (N_c/N)^alpha_N + (S_c/S_min)^alpha_S with D = C_per_Cmin B_crit S_min and B_crit = B_star/L^(1/alpha_B)"
    ),
    parameters={
        "N_c": Parameter("critical parameters"),
        "S_c": Parameter("critical steps"),
        "alpha_N": Parameter("exponent of N", high=5, fitted_with="N_c"),
        "alpha_S": Parameter("exponent of S_min", high=5, fitted_with="S_c"),
        "B_star": Parameter("critical batch at loss 1 [tokens]"),
        "alpha_B": Parameter("exponent of the critical batch", high=5, fitted_with="B_star"),
        "C_per_Cmin": Parameter("compute spent over C_min: 2 at the critical batch", low=1, closed=True),
    },
    surface=Surface(
        lambda p: 0.0,
        _curve_terms,
        _curve_slopes,
        derivation=(
            ("R_N", "(N_c/N)^alpha_N"),
            ("L", "L = R_N+(C_per_Cmin*B_star*S_c/(D*L^(1/alpha_B)))^alpha_S"),
        ),
    ),
    frontier=Frontier(
        _curve_params,
        _curve_exponents,
        _curve_reducible,
        _curve_budget,
        derivation=(
            *_AT_LOSS_ONE,
            ("alpha_C", "1/(1/alpha_S+1/alpha_B+1/alpha_N)"),
            ("N", "N_1*(C/(k*N_1*D_1))^(alpha_C/alpha_N)"),
        ),
        loss_derivation=(*_AT_LOSS_ONE, ("C_opt", "k*N_1*D_1*R^(-(1/alpha_S+1/alpha_B+1/alpha_N))")),
    ),
)

# ---------------------------------------------------------------- N(C_min), L(C_min), and what another size costs (App. B.4)


def _log_cost(p: Symbols, log_v: Num) -> tuple[Num, Num]:
    """Return ln r and ln(C/C_eff) of Eq. B.16, C/C_eff = r v^(-1/alpha_S), by the log of its bracket v."""
    # v = 1 + (alpha_S/alpha_N)(1 - r^-alpha_N), solved for r
    below_one = np.minimum(np.expm1(log_v) * p["alpha_N"] / p["alpha_S"], 1 - 2.0**-53)  # rounding must not cross the end
    log_r = -np.log1p(-below_one) / p["alpha_N"]
    return log_r, log_r - log_v / p["alpha_S"]


def _effective(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return ln C_eff, the optimal compute [FLOP] for the loss of a run (N, D), and the log of the bracket of Eq. B.16."""
    log_C = np.log(p["k"] * N * D)
    log_N1 = np.log(p["N_e"]) - p["p_N"] * np.log(p["C_per_Cmin"] * PF_DAY)  # ln N_opt at C = 1 FLOP
    v_max = 1 + p["alpha_S"] / p["alpha_N"]

    def mismatch(log_v: Num) -> Num:
        log_r, log_cost = _log_cost(p, log_v)
        return (np.log(N) - log_N1 - log_r) / p["p_N"] + log_cost - log_C

    # log_v -> -inf is a model with endless data, log_v -> ln v_max one far too large
    top = np.log(v_max)
    log_v = find_root(mismatch, np.full(np.shape(log_C), -600.0), np.full(np.shape(log_C), top))
    # far too large, r hangs on the last bits of v, which the data alone then fix: the same equation without r
    without_r = (log_C - np.log(N) + log_N1 + log_v / p["alpha_S"]) / (1 - p["p_N"])
    return np.where(log_v > top / 2, without_r, log_C - _log_cost(p, log_v)[1])[()], log_v


def _loss_of_log(p: Symbols, log_C: Num) -> Num:
    """Return (C_c/C_min)^alpha_C with C_min = C/C_per_Cmin in PF-days (Eq. 1.3)."""
    return np.exp(p["alpha_C"] * (np.log(p["C_c"] * p["C_per_Cmin"] * PF_DAY) - log_C))


def _suboptimal_terms(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    """Return L(C_eff) split as Eq. 1.6 splits it: the step term is (alpha_N/(alpha_S+alpha_N)) times the bracket of Eq. B.16."""
    log_eff, log_v = _effective(p, N, D)
    L = _loss_of_log(p, log_eff)
    data_share = np.exp(log_v) * p["alpha_N"] / (p["alpha_S"] + p["alpha_N"])
    return L * (1 - data_share), L * data_share


def _suboptimal_slopes(p: Symbols, N: Num, D: Num) -> tuple[Num, Num]:
    log_eff, log_v = _effective(p, N, D)
    log_r = _log_cost(p, log_v)[0]
    rest = np.exp(-p["alpha_N"] * log_r - log_v)  # 1 - d ln(C/C_eff) / d ln r
    per_token = 1 / (1 - p["p_N"] + p["p_N"] * rest)
    steep = p["alpha_C"] * _loss_of_log(p, log_eff)
    return steep * rest * per_token, steep * per_token


_COMPUTE_PARAMETERS = {
    "N_e": Parameter("parameters at C_min = 1 PF-day"),
    "p_N": Parameter("exponent of N with compute", high=1, fitted_with="N_e"),
    "C_c": Parameter("critical compute [PF-days]"),
    "alpha_C": Parameter("exponent of loss with compute", high=5, fitted_with="C_c"),
    "C_per_Cmin": Parameter("compute spent over C_min: 2 at the critical batch", low=1, closed=True),
}
_COMPUTE_FRONTIER = Frontier(
    lambda p, C: p["N_e"] * (C / (p["C_per_Cmin"] * PF_DAY)) ** p["p_N"],  # Table 6, with C_min in PF-days
    lambda p: (p["p_N"], 1 - p["p_N"]),
    lambda p, C: _loss_of_log(p, np.log(C)),
    lambda p, R: p["C_c"] * p["C_per_Cmin"] * PF_DAY * R ** (-1 / p["alpha_C"]),
    derivation=(("C_min", "C/(C_per_Cmin*PF_day)"), ("N", "N_e*C_min^p_N")),
    loss_derivation=(("C_opt", "C_c*C_per_Cmin*PF_day*R^(-1/alpha_C)"),),
)

KAPLAN_COMPUTE = Form(
    name="kaplan_compute",
    equation=(
        "N_opt = N_e C_min^p_N, L = (C_c/C_min)^alpha_C with C = C_per_Cmin C_min; "
        "off the optimum C/C_eff = r [1 + (alpha_S/alpha_N)(1 - r^-alpha_N)]^(-1/alpha_S), r = N/N_opt(C_eff)"
    ),
    parameters={
        **_COMPUTE_PARAMETERS,
        "alpha_N": Parameter("exponent of N in L(N, S_min)", high=5),
        "alpha_S": Parameter("exponent of S_min in L(N, S_min)", high=5),
    },
    surface=Surface(
        lambda p: 0.0,
        _suboptimal_terms,
        _suboptimal_slopes,
        derivation=(
            (
                "C_eff",
                "C = C_eff*(N/(N_e*(C_eff/(C_per_Cmin*PF_day))^p_N))"
                "*(1+alpha_S/alpha_N*(1-(N/(N_e*(C_eff/(C_per_Cmin*PF_day))^p_N))^(-alpha_N)))^(-1/alpha_S)",
            ),
            ("L", "(C_c*C_per_Cmin*PF_day/C_eff)^alpha_C"),
        ),
    ),
    frontier=_COMPUTE_FRONTIER,
)

COMPUTE_FRONTIER = Form(
    name="compute_frontier",
    equation="N_opt = N_e (C/C_per_Cmin)^p_N, L = (C_c C_per_Cmin/C)^alpha_C, C in PF-days",
    parameters=_COMPUTE_PARAMETERS,
    frontier=_COMPUTE_FRONTIER,
)
