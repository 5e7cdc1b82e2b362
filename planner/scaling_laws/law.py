"""A law: a form with its constants, conventions, fitted range and source. Published and user-written ones are the same type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Shown
from planner.errors import CannotPlanError, OptionError
from planner.notes import Note
from planner.quantities import parse_anchor, parse_number, plain
from planner.quantities.arrays import real_numbers
from planner.scaling_laws.forms import FORMS, Form, Num, Symbols
from planner.scaling_laws.law_constants import check_constant
from planner.scaling_laws.provenance import UNKNOWN_DOMAIN, Conventions, Domain, Interval, PublishedCheck, Source

if TYPE_CHECKING:
    from planner.scaling_laws.parameter_draws import Draws

Role = Literal["plan", "check", "anchor", "reference"]
T = TypeVar("T")
MODIFIED = " (modified)"


@dataclass(frozen=True, repr=False)
class Law(Shown):
    """A scaling law: form + constants + conventions + fitted range + source.

    Attributes
    ----------
    id : str
        Name in the catalogue, or of a user's file.
    form : Form
        The equations.
    params : mapping
        Constants by the form's names: floats, or tuples of them where the form is an ensemble.
    notes : tuple of Note
        Caveats that every answer from this law carries.
    traps : tuple of str
        Known traps, shown by ``plan laws ID``.
    no_allocation : str
        Why this law must not be used to choose N and D although its form could; empty where it may.
    change : str
        What a user changed, empty for a law as it was published or written.
    judge : Law or None
        For an allocation without a loss: the law whose surface judges it.
    draws : Draws or None
        For a fitted law: what its intervals come from.
    fit : mapping
        For a fitted law: the table it came from with its hash, the options, the seed and the version.
    chosen : bool
        Whether the user's choices, such as the experts, were made: by whoever asks, or for the budget.
    """

    id: str
    title: str
    form: Form
    params: Mapping[str, Any]
    conventions: Conventions
    source: Source
    domain: Domain = UNKNOWN_DOMAIN
    interval: Interval | None = None
    notes: tuple[Note, ...] = ()
    traps: tuple[str, ...] = ()
    checks: tuple[PublishedCheck, ...] = ()
    no_allocation: str = ""
    judge: "Law | None" = None
    change: str = ""
    draws: "Draws | None" = field(default=None, compare=False)
    fit: Mapping[str, Any] = FrozenDict()
    chosen: bool = False

    def __hash__(self) -> int:
        return hash((self.id, self.form.name, tuple(sorted(self.params.items()))))

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"Law({self.id!r})"

    @cached_property
    def symbols(self) -> Symbols:
        """The constants in paper symbols, with k, ready for the form."""
        return FrozenDict({**self.params, "k": self.conventions.flops_per_param_token})

    @property
    def role(self) -> Role:
        """What the law can do: ``plan``, ``check`` only, plan once given an ``anchor``, or serve as a ``reference``."""
        if self.form.frontier and not self.no_allocation:
            return "plan"
        if self.surface_law:
            return "check"
        return "anchor" if self.form.exponents else "reference"

    @property
    def surface_law(self) -> "Law | None":
        """The law whose loss surface L(N, D) judges a run: this one, its ``judge``, or None."""
        own = self.form.surface is not None and set(self.form.surface.uses) == {"params", "tokens"}
        return self if own else self.judge

    @property
    def exponents(self) -> tuple[float, float] | None:
        """(a, b) with N_opt ~ C^a and D_opt ~ C^b, or None."""
        if self.no_allocation:
            return None
        fn = self.form.frontier.exponents if self.form.frontier else self.form.exponents
        if fn is None:
            return None
        a, b = fn(self.symbols)
        return float(a), float(b)

    @property
    def reference(self) -> str:
        """Where the numbers come from: the source, and what a user changed of it."""
        return f"{self.change}; otherwise {self.source.reference}" if self.change else self.source.reference

    @property
    def citation(self) -> str:
        """Authors and year."""
        return f"{self.source.authors} {self.source.year}"

    @property
    def modified(self) -> bool:
        """Whether a user changed this law."""
        return self.id.endswith(MODIFIED)

    @property
    def irreducible_loss(self) -> Num:
        """The loss that no amount of parameters and tokens removes, in the law's loss unit; None without a surface."""
        law = self.surface_law
        return law.form.surface.floor(law.symbols) if law and law.form.surface else None

    def loss(self, params: Num = None, tokens: Num = None) -> Num:
        """Return the expected loss of a run.

        Parameters
        ----------
        params, tokens : float or array
            Parameters N, counted as ``conventions.params`` says, and tokens D; they broadcast. A law of one quantity takes
            that one.

        Returns
        -------
        float or array
            Loss in ``conventions.loss_unit``.

        Raises
        ------
        CannotPlanError
            The law has no loss surface.
        OptionError
            A quantity that the law needs is missing.

        Examples
        --------
        >>> import planner
        >>> round(planner.load_law("besiroglu2024").loss(70e9, 1.4e12), 4)
        1.9739
        """
        import numpy as np

        law = self if self.form.surface else self.surface_law
        if law is None or law.form.surface is None:
            raise CannotPlanError(f"{self.id} has no loss surface; laws with one: plan laws")
        given = {"params": params, "tokens": tokens}
        uses = ("params", "tokens") if law.form.surface.uses == ("flops",) else law.form.surface.uses  # C = k N D
        missing = [name for name in uses if given[name] is None]
        if missing:
            raise OptionError(f"{self.id}: loss needs {' and '.join(missing)}")
        sizes = [1.0 if value is None else real_numbers(value, name) for name, value in given.items()]
        try:
            N, D = np.broadcast_arrays(*sizes)
        except ValueError:
            raise OptionError(f"{self.id}: loss needs params and tokens of one shape") from None
        if not (np.all(N > 0) and np.all(D > 0)):
            raise OptionError(f"{self.id}: loss needs params and tokens above 0 and finite")
        surface, p = law.form.surface, law.symbols
        total = guarded(law, lambda: surface.floor(p) + sum(surface.terms(p, N, D)))
        return float(total) if np.ndim(total) == 0 else total

    def replace(self, /, **constants: float) -> "Law":
        """Return a copy with other constants, named "<id> (modified)".

        Raises
        ------
        OptionError
            A name the form does not have, or a value outside what the form allows.
        """
        if any(parameter.many for parameter in self.form.parameters.values()):
            raise OptionError(
                f"{self.id} is an ensemble: its constants cannot be replaced; pin them in a fit instead: --fix E=1.7"
            )
        changed = {name: check_constant(self.form, name, value, self.id) for name, value in constants.items()}
        values = {name: value for name, value in changed.items() if value != self.params[name]}
        if not values:
            return self
        list_of = ", ".join(f"{name} = {value:g} instead of {self.params[name]:g}" for name, value in values.items())
        still_true = [note for note in self.notes if not set(note.constants) & set(values)]
        notes = [*still_true, Note("modified", "info", f"not the published law: {list_of}")]
        for name in values:
            partner = self.form.parameters[name].fitted_with
            if partner and partner not in values:
                text = f"{name} was changed without {partner}, which was fitted with it: likely far off; change both"
                notes.append(Note("fitted-together", "warning", text))
        return self._changed("your constants", notes, params=FrozenDict({**self.params, **values}))

    @property
    def active_share(self) -> float:
        """The share of the parameters counted that work on a token."""
        return 1.0 if self.form.active is None else float(self.form.active(self.symbols))

    @property
    def hides_total(self) -> bool:
        """Whether it is of mixtures of experts and does not say how many parameters these have in all."""
        return self.form.active is None and any(note.code == "mixture" for note in self.notes)

    @property
    def choices(self) -> tuple[str, ...]:
        """The constants that are the user's to choose, such as the granularity of experts."""
        return tuple(name for name, parameter in self.form.parameters.items() if parameter.choice)

    def choose(self, /, **values: float) -> "Law":
        """Return the law with its choices made, still the published one.

        Raises
        ------
        OptionError
            A name that is no choice of the form, or a value outside what it allows.
        """
        for name in values:
            if name not in self.choices:
                known = ", ".join(self.choices) or "none"
                raise OptionError(f"{self.id}: {name} is not the user's to choose; choices are {known}")
        checked = {name: check_constant(self.form, name, value, self.id) for name, value in values.items()}
        return replace(self, params=FrozenDict({**self.params, **checked}), chosen=True)

    def with_exponents(self, a: float, b: float, *, anchor: tuple[float, float], change: str) -> "Law":
        """Return the allocation N = N_0 (C/C_0)^a through a known optimum, judged by this law's loss surface.

        Parameters
        ----------
        a, b : float
            Exponents of N and D; both in (0, 1), adding to 1 but for rounding (D follows from the budget).
        anchor : (flops, params)
            The known optimum: N_0 parameters [count] at C_0 [FLOP].
        change : str
            Whose exponents go through whose anchor, for the note and the reference.
        """
        a, b = parse_number(a, "exponents"), parse_number(b, "exponents")
        anchor = parse_anchor(anchor, "anchor")
        if not (0 < a < 1 and 0 < b < 1):
            raise OptionError(f"`exponents` {a:g} {b:g}: each must lie between 0 and 1: a bigger budget buys more of both")
        if abs(a + b - 1) > _ROUNDING:
            raise OptionError(
                f"`exponents` {a:g} {b:g}: they add to {a + b:g}, but N and D share one budget C = k N D, so they must add to 1; "
                f"did you mean {a:g} {1 - a:g}?"
            )
        through = f"{plain(anchor[1], 4)} parameters at {plain(anchor[0], 4)} FLOP"
        text = f"not the published law: N ~ C^{a:g} through {through} ({change})"
        still_true = [note for note in self.notes if not note.constants]  # the others speak of the published optimum
        notes = [*still_true, Note("modified", "info", text)]
        if a + b != 1 and abs(a + b - 1) > 1e-12:
            rounding = f"exponents add to {a + b:g}: taken as rounding, D ~ C^{1 - a:g} follows from the budget"
            notes.append(Note("exponents-rounded", "info", rounding))
        return self._changed(
            change,
            notes,
            title=f"{self.title}, other exponents",
            form=FORMS["anchored"],
            params=FrozenDict({"N_0": anchor[1], "C_0": anchor[0], "a": a}),
            no_allocation="",
            judge=self.surface_law,
        )

    def _changed(self, change: str, notes: list[Note], **others: Any) -> "Law":
        """Return the law as a user changed it: without what the published one was held against."""
        named = self.id if self.modified else self.id + MODIFIED
        return replace(self, id=named, change=change, notes=tuple(notes), interval=None, checks=(), draws=None, **others)

    def to_dict(self) -> dict[str, Any]:
        """Return the law as JSON types, in base units."""
        return {
            "id": self.id,
            "title": self.title,
            "role": self.role,
            "form": self.form.name,
            "equation": self.form.equation,
            "params": dict(self.params),
            "exponents": list(self.exponents) if self.exponents else None,
            "interval": self.interval and self.interval.to_dict(),
            "conventions": self.conventions._asdict(),
            "domain": self.domain.to_dict(),
            "source": self.source._asdict(),
            "reference": self.reference,
            "no_allocation": self.no_allocation or None,
            "notes": [note.to_dict() for note in self.notes],
            "traps": list(self.traps),
            "checks": [{**check._asdict(), "inputs": dict(check.inputs)} for check in self.checks],
            "draws": len(self.draws) if self.draws else None,
            "fit": dict(self.fit) or None,
        }


_ROUNDING = 0.0101
"""Two exponents printed to two digits can be 0.01 off 1."""


def is_id(text: str) -> bool:
    """Tell whether a text can name a law: letters, digits, '-', '.' and '_', at most 100 of them."""
    return 0 < len(text) <= 100 and all(c.isascii() and (c.isalnum() or c in "-._") for c in text)


def guarded(law: Law, compute: Callable[[], T]) -> T:
    """Run arithmetic under a law; constants that take it out of the range of a double are refused, not answered with inf."""
    import numpy as np

    with np.errstate(over="raise", divide="raise", invalid="raise", under="ignore"):
        try:
            return compute()
        except ArithmeticError:
            text = f"{law.id}: its constants take this answer out of the range of numbers; check them with plan laws"
            raise CannotPlanError(text) from None


def require_finite(law: Law, values: Mapping[str, float | None]) -> None:
    """Refuse an answer that holds a number which is not finite."""
    for name, value in values.items():
        if value is not None and not isfinite(value):
            raise CannotPlanError(f"{law.id}: {name} comes out as {value}; check the law's constants with plan laws")
