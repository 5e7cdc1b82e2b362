"""Modifiers: what is trained -> what counts: counting conventions of parameters, repeated data, low precision, data quality.

A modifier maps (N, D) to effective (N', D') before a loss surface is read; each also tells how N' and D' respond to N and D, so
that one search serves all of them.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from planner._util.root_finding import find_root
from planner.scaling_laws.forms import Num, Symbols
from planner.scaling_laws.forms.counting import QUANTISED, kept_params, kept_tokens


def total_params(non_embedding: Num, gamma: Num) -> Num:
    """Add the embeddings: N_total = N + gamma N^(1/3) (Pearce & Song 2024, arXiv 2406.12907).

    ``gamma`` depends on vocabulary and aspect ratio (law file ``pearce2024``).
    """
    return non_embedding + gamma * np.cbrt(non_embedding)


def non_embedding_params(total: Num, gamma: Num) -> Num:
    """Leave the embeddings out: the inverse of :func:`total_params`, elementwise."""
    # with s = cbrt(N): s^3 + gamma s = total, rising in s
    root = find_root(lambda s: s**3 + gamma * s - total, np.zeros(np.shape(total)), np.cbrt(total))
    return root**3


def repeated_tokens(tokens: Num, unique: Num, R_D: Num) -> Num:
    """Return D' = U + U R_D (1 - exp(-R/R_D)) with R = D/U - 1 repetitions: what tokens are worth when U of them are different.

    After R_D repetitions further ones are worth 1/e of the first; where U is larger than D, every token counts. Muennighoff et
    al. 2023, arXiv 2305.16264, Eq. 5.
    """
    U = np.minimum(unique, tokens)
    return U - U * R_D * np.expm1(-(tokens / U - 1) / R_D)


def repeated_params(params: Num, enough: Num, R_N: Num) -> Num:
    """Return N' = U_N + U_N R_N (1 - exp(-R/R_N)), R = N/U_N - 1: what parameters beyond those the data can fill are worth.

    ``enough`` is U_N, the parameters that are best for the unique tokens seen once. Muennighoff et al. 2023, Eq. 8.
    """
    return repeated_tokens(params, enough, R_N)


class Counts(NamedTuple):
    """Effective parameters and tokens, and ln(d ln N'/d ln N) and ln(d ln D'/d ln D): how each responds to what is trained.

    Logs, because what a token seen ten thousand times still adds is below the range of a double, and yet has an optimum.
    """

    params: Num
    tokens: Num
    by_params: Num = 0.0
    by_tokens: Num = 0.0

    def then(self, later: "Counts") -> "Counts":
        """Return these counts followed by another modifier's."""
        return Counts(later.params, later.tokens, self.by_params + later.by_params, self.by_tokens + later.by_tokens)


Line = Callable[[Num], Num]
"""Tokens -> N for which they are optimal."""


Derived = tuple[dict[str, float], tuple[tuple[str, str, str], ...]]
"""What a reader needs beside N and D, and (symbol, formula, unit) lines; N_eff and D_eff, where given, are what counts."""


class Modifier(Protocol):
    """What is trained -> what counts."""

    @property
    def reference(self) -> str:
        """Where its constants come from."""

    def derivation(self, N: float, D: float, line: Line, symbols: Symbols) -> Derived:
        """Return the arithmetic of :meth:`bind` at one run, for a reader."""

    def bind(self, line: Line, symbols: Symbols) -> Callable[[Num, Num], Counts]:
        """Return the counts as a function of (N, D), given the law's optimal line where all counts, and its constants."""


class Precision(NamedTuple):
    """Parameters count for less where weights, activations and key-value cache have few bits.

    Attributes
    ----------
    bits : (weights, activations, key-value cache)
    constants : mapping
        Of the form ``precision``.
    baseline : float
        Bits at which the law's own runs were trained: all counts there.
    reference : str
    """

    bits: tuple[float, float, float]
    constants: Symbols
    baseline: float
    reference: str

    @property
    def kept(self) -> float:
        """Return N_eff/N."""
        return float(kept_params(self.constants, self.bits) / kept_params(self.constants, (self.baseline,) * 3))

    def bind(self, line: Line, symbols: Symbols) -> Callable[[Num, Num], Counts]:
        """Return the counts as a function of (N, D)."""
        kept = self.kept
        return lambda N, D: Counts(kept * N, D)

    def derivation(self, N: float, D: float, line: Line, symbols: Symbols) -> Derived:
        """Return the arithmetic at one run, for a reader."""
        known = {**self.constants, "P_ref": self.baseline}
        lines = []
        for name, P in zip(QUANTISED, self.bits, strict=True):
            known[f"P_{name}"] = P
            lost = f"e^(n_{name}-P_{name}/gamma_{name})"
            lines.append((f"f_{name}", f"(1-{lost})/(1-{lost.replace(f'P_{name}', 'P_ref')})", f"of N, at {P:g} bits"))
        lines.append(("N_eff", "*".join(["N", *(f"f_{name}" for name in QUANTISED)]), "parameters that count at this precision"))
        return known, tuple(lines)


class Quality(NamedTuple):
    """Tokens count for less where a share of them is corrupted.

    Attributes
    ----------
    quality : float
        Q, 1 for clean data.
    constants : mapping
        Of the form ``quality``.
    reference : str
    """

    quality: float
    constants: Symbols
    reference: str

    @property
    def kept(self) -> float:
        """Return D_eff/D."""
        return float(kept_tokens(self.constants, self.quality))

    def bind(self, line: Line, symbols: Symbols) -> Callable[[Num, Num], Counts]:
        """Return the counts as a function of (N, D)."""
        kept = self.kept
        return lambda N, D: Counts(N, kept * D)

    def derivation(self, N: float, D: float, line: Line, symbols: Symbols) -> Derived:
        """Return the arithmetic at one run, for a reader."""
        known = {"Q": self.quality, "beta_Q": self.constants["beta"], "gamma_Q": self.constants["gamma"]}
        return known, (("D_eff", "D*Q^(gamma_Q/beta_Q)", "tokens, as clean ones"),)


class Repetition(NamedTuple):
    """Only ``unique`` tokens are different, and a token seen again counts for less.

    Attributes
    ----------
    unique : float
        Different tokens U at hand.
    R_D, R_N : float or None
        Decay of repeated tokens, and of parameters beyond those that the unique tokens can fill; None for the law's own.

    Notes
    -----
    The source takes the smaller of the unique tokens and D for what fills the parameters; here it is the unique tokens at hand,
    so that with more of them than are used nothing changes.

    References
    ----------
    Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5 and 8.
    """

    unique: Num
    R_D: Num = None
    R_N: Num = None
    reference: str = "Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5 and 8"

    def constants(self, symbols: Symbols) -> tuple[Num, Num]:
        """Return R_D and R_N: its own, or the law's."""
        R_D = symbols["R_D"] if self.R_D is None else self.R_D
        return R_D, symbols["R_N"] if self.R_N is None else self.R_N

    def derivation(self, N: float, D: float, line: Line, symbols: Symbols) -> Derived:
        """Return the arithmetic at one run, for a reader."""
        filled = float(line(self.unique))
        R_D, R_N = self.constants(symbols)
        known = {"U": float(self.unique), "R_D_star": float(R_D), "R_N_star": float(R_N)}
        lines = []
        if self.unique < D:
            lines.append(("D_eff", "U+U*R_D_star*(1-e^(-(D/U-1)/R_D_star))", "tokens, as fresh ones"))
        if filled < N:
            known["U_N"] = filled
            lines.append(("U_N", "D_opt(U_N) = U", "parameters that they can fill"))
            lines.append(("N_eff", "U_N+U_N*R_N_star*(1-e^(-(N/U_N-1)/R_N_star))", "parameters that count"))
        return known, tuple(lines)

    def bind(self, line: Line, symbols: Symbols) -> Callable[[Num, Num], Counts]:
        """Return the counts as a function of (N, D)."""
        R_D, R_N = self.constants(symbols)
        enough = line(self.unique)

        def count(N: Num, D: Num) -> Counts:
            seen = np.minimum(self.unique, D)
            tokens = repeated_tokens(D, self.unique, R_D)
            params = repeated_params(N, enough, R_N)
            by_tokens = np.log(D / tokens) - (D / seen - 1) / R_D
            by_params = np.log(N / params) - np.maximum(N / enough - 1, 0) / R_N
            return Counts(params, tokens, by_params, by_tokens)

        return count
