"""What a functional form is: pure, broadcasting functions in the papers' own symbols.

Every function takes ``p``, a mapping from the form's parameter names to numbers, plus ``k``, the law's FLOP per parameter and
token (so that C = k N D). N is parameters, D tokens, C compute [FLOP], L loss. Arrays broadcast.

The types here are named tuples, not dataclasses: creating a dataclass costs some milliseconds of start-up, and these are many.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

# numpy scalars, arrays and floats alike: the functions broadcast, and a union only hides that from the reader
Num: TypeAlias = Any
Symbols: TypeAlias = Mapping[str, Any]
Derivation: TypeAlias = tuple[tuple[str, str], ...]  # (symbol, formula) lines, see planner.planning.explain.answers


class Parameter(NamedTuple):
    """One constant of a form: what it means and the interval it must lie in (the high end excluded, the low one unless
    ``closed``).

    ``fitted_with`` names the constant that only makes sense together with this one, as a power law's prefactor with its exponent.
    ``many`` marks a constant that has one value for each member of an ensemble; ``choice`` one that is the user's to choose, as
    the number of experts.
    """

    meaning: str
    low: float = 0.0
    high: float = float("inf")
    closed: bool = False
    fitted_with: str = ""
    many: bool = False
    choice: bool = False

    def allows(self, value: float) -> bool:
        """Tell whether the value lies in the interval."""
        return (self.low < value or (self.closed and value == self.low)) and value < self.high

    @property
    def rule(self) -> str:
        """The interval in words."""
        lower = f"{'at least' if self.closed else 'above'} {self.low:g}"
        return lower if self.high == float("inf") else f"{lower} and below {self.high:g}"


class Surface(NamedTuple):
    """A loss surface L(N, D) = floor + from_params + from_tokens.

    Attributes
    ----------
    floor : (p) -> L
        The irreducible loss, 0 where the form has none.
    terms : (p, N, D) -> (from_params, from_tokens)
        The reducible loss, split into what is owed to too few parameters and to too few tokens.
    slopes : (p, N, D) -> (s_N, s_D)
        -dL/dlnN at fixed D and -dL/dlnD at fixed N, both >= 0. Along an iso-FLOP line dL/dlnN = s_D - s_N.
    uses : tuple of str
        Which of ``params`` and ``tokens`` the loss depends on.
    derivation : tuple of (symbol, formula)
        The arithmetic of ``terms`` for a reader, see ``planner.planning.explain.answers``.
    """

    floor: Callable[[Symbols], Num]
    terms: Callable[[Symbols, Num, Num], tuple[Num, Num]]
    slopes: Callable[[Symbols, Num, Num], tuple[Num, Num]]
    uses: tuple[str, ...] = ("params", "tokens")
    derivation: Derivation = ()


class Frontier(NamedTuple):
    """The compute-optimal line in closed form.

    Attributes
    ----------
    params : (p, C) -> N
        The best number of parameters; tokens follow as D = C / (k N).
    exponents : (p) -> (a, b)
        N ~ C^a and D ~ C^b along the line.
    reducible : (p, C) -> L - floor, or None
        Reducible loss on the line.
    budget : (p, L - floor) -> C, or None
        Its inverse.
    derivation : tuple of (symbol, formula)
        The arithmetic of ``params`` for a reader.
    straight : bool
        Whether the line is a power law, so that its exponents hold everywhere.
    loss_derivation : tuple of (symbol, formula)
        The arithmetic of ``budget`` for a reader: how much compute an optimal run needs for the reducible loss R.
    """

    params: Callable[[Symbols, Num], Num]
    exponents: Callable[[Symbols], tuple[Num, Num]]
    reducible: Callable[[Symbols, Num], Num] | None = None
    budget: Callable[[Symbols, Num], Num] | None = None
    derivation: Derivation = ()
    loss_derivation: Derivation = ()
    straight: bool = True


class Form(NamedTuple):
    """A functional form.

    Attributes
    ----------
    name : str
        What a law file writes under ``form``.
    equation : str
        The equation as the literature prints it.
    parameters : mapping of str to Parameter
        The constants a law file must give, exactly these.
    surface, frontier : Surface, Frontier or None
        What the form can answer.
    exponents : (p) -> (a, b), or None
        For forms that know only the exponents and need an anchor to plan.
    price : (p) -> (share, q), or None
        For forms whose N is not what is paid for: training on a token costs k share N + q N^(2/3).
    active : (p) -> share, or None
        For mixtures of experts: active parameters over all that N counts.
    total : (p, N) -> parameters, or None
        For mixtures whose N counts active parameters alone: all there are.
    active_of : (p, total) -> N, or None
        Its inverse.
    powers : derivation
        For forms whose optimum is searched: E, A_1, a_1, A_2, a_2, B, b, share and q, so that
        L = E + A_1/N^a_1 + A_2/N^a_2 + B/D^b, and training on a token costs k share N + q N^(2/3).
    """

    name: str
    equation: str
    parameters: Mapping[str, Parameter]
    surface: Surface | None = None
    frontier: Frontier | None = None
    exponents: Callable[[Symbols], tuple[Num, Num]] | None = None
    price: Callable[[Symbols], tuple[Num, Num]] | None = None
    active: Callable[[Symbols], Num] | None = None
    total: Callable[[Symbols, Num], Num] | None = None
    active_of: Callable[[Symbols, Num], Num] | None = None
    powers: Derivation = ()

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return form_named, (self.name,)  # functions cannot be pickled or copied, names can


def form_named(name: str) -> Form:
    """Return the form of that name."""
    from planner.scaling_laws.forms import FORMS

    return FORMS[name]
