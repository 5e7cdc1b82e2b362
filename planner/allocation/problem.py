"""A planning problem as data: whose loss, what counts, what is paid, which limits. The solver searches it."""

from typing import NamedTuple

import numpy as np

from planner.allocation.compute_cost import Spending
from planner.allocation.effective_size import Modifier, Repetition
from planner.errors import CannotPlanError
from planner.quantities import LARGEST, plain
from planner.scaling_laws.forms import Form, Frontier, Num, Surface, Symbols
from planner.scaling_laws.law import Law

MOST = 1e100
"""Parameters, tokens or FLOP beyond this, or below its inverse, answer no question."""


FARTHEST = 256.0
"""How far a search goes from where it starts, in e-folds: 111 decades."""


class Limits(NamedTuple):
    """What the user fixes or caps; None where it is free. At most one of the first three is given."""

    params: Num = None
    tokens: Num = None
    tokens_per_param: Num = None
    max_params: Num = None
    max_tokens: Num = None

    @property
    def free(self) -> bool:
        """Whether nothing is limited."""
        return all(each is None for each in self)

    @property
    def fixed(self) -> bool:
        """Whether N, D or their ratio is fixed."""
        return not (self.params is None and self.tokens is None and self.tokens_per_param is None)


class Problem(NamedTuple):
    """Minimise the expected loss over (N, D) subject to what is paid and to limits.

    Attributes
    ----------
    law : Law
        Whose optimum and whose loss.
    spending : Spending
        What a run costs.
    modifiers : tuple of Modifier
        What counts of what is trained, applied in this order before the loss.
    limits : Limits
    form, symbols : Form, mapping
        The equations and their constants: the law's own, or arrays of draws of them.
    """

    law: Law
    spending: Spending
    modifiers: tuple[Modifier, ...]
    limits: Limits
    form: Form
    symbols: Symbols

    @property
    def plain(self) -> bool:
        """Whether closed forms hold: every parameter and token counts, and training alone is paid."""
        return not self.modifiers and self.spending.simple

    @property
    def repetition(self) -> Repetition | None:
        """What repeats the unique tokens, None where every token is different."""
        return next((each for each in self.modifiers if isinstance(each, Repetition)), None)

    def on_fresh_tokens(self) -> "Problem":
        """Return the same problem with every token different."""
        return self._replace(modifiers=tuple(each for each in self.modifiers if each is not self.repetition))

    def without_limits(self) -> "Problem":
        """Return the same problem without the user's limits."""
        return self._replace(limits=Limits())

    def judged(self) -> "Problem":
        """Return the problem under the law whose surface judges runs; CannotPlanError where there is none."""
        if self.form.surface is not None and set(self.form.surface.uses) == {"params", "tokens"}:
            return self
        judge = self.law.judge
        if judge is None:
            raise CannotPlanError(
                f"{self.law.id} has no loss surface L(N, D), so it cannot judge a run; besiroglu2024 and kaplan2020 can"
            )
        return self._replace(law=judge, form=judge.form, symbols=judge.symbols)

    @property
    def surface(self) -> Surface:
        """The loss surface of a judged problem."""
        assert self.form.surface is not None  # what judged() promises
        return self.form.surface

    @property
    def frontier(self) -> Frontier:
        """The optimal line of the law when everything counts; CannotPlanError where it has none, or must not be used for one."""
        law = self.law
        if law.no_allocation:
            raise CannotPlanError(
                f"{law.id} must not choose a model size: {law.no_allocation}; judge a run with plan check instead"
            )
        if self.form.frontier is None:
            if law.exponents:
                a, b = law.exponents
                raise CannotPlanError(
                    f"{law.id} published exponents only (N ~ C^{a:.3g}, D ~ C^{b:.3g}); say where they pass: "
                    "--anchor FLOPS:PARAMS, or anchor=(flops, params) in Python"
                )
            raise CannotPlanError(
                f"{law.id} has no compute-optimal line ({law.form.equation}); plan laws shows the laws that plan"
            )
        return self.form.frontier


LawOrProblem = Law | Problem
"""A law alone asks the plain question: least loss for C = k N D."""


def problem_of(
    law: Law,
    *,
    served: Num = 0.0,
    spending: Spending | None = None,
    modifiers: tuple[Modifier, ...] = (),
    limits: Limits | None = None,
) -> Problem:
    """Return the problem of a law, plain unless said otherwise; ``served`` tokens are part of what a spending rule says too."""
    return Problem(law, spending or spending_of(law, served), modifiers, limits or Limits(), law.form, law.symbols)


def spending_of(law: Law, served: Num = 0.0) -> Spending:
    """Return what a run costs under a law: k N D, or what its form says of active parameters and routing."""
    k = law.symbols["k"]
    if law.form.price is None:
        return Spending(k, served)
    share, q = law.form.price(law.symbols)
    return Spending(k * share, served, q)


def as_problem(question: LawOrProblem) -> Problem:
    """Return a question as a problem."""
    return problem_of(question) if isinstance(question, Law) else question


def corner(limits: Limits) -> tuple[Num, Num]:
    """Return the largest run that the limits allow whatever it costs: where the loss is lowest."""
    N = MOST if limits.params is None else limits.params
    D = MOST if limits.tokens is None else limits.tokens
    N = N if limits.max_params is None else np.minimum(N, limits.max_params)
    D = D if limits.max_tokens is None else np.minimum(D, limits.max_tokens)
    if limits.tokens_per_param is not None:
        N = np.minimum(N, D / limits.tokens_per_param)
        D = N * limits.tokens_per_param
    return N, D


def possible(params: Num, tokens: Num) -> Num:
    """Tell whether a run could be stated as an input: parameters and tokens from 1 to 1e60."""
    return (params >= 1) & (params <= LARGEST) & (tokens >= 1) & (tokens <= LARGEST)


def require_possible(question: LawOrProblem, params: Num, tokens: Num) -> None:
    """Refuse an answer that is no run: a law that gives it has constants of another world, or the budget is too small for it."""
    outside = np.flatnonzero(~np.asarray(possible(params, tokens)))
    if len(outside):
        N, D = (float(np.ravel(each)[outside[0]]) for each in np.broadcast_arrays(params, tokens))
        problem = as_problem(question)
        another = "another budget or less to serve" if np.any(problem.spending.served) else "another budget"
        raise CannotPlanError(
            f"{problem.law.id}: its run would be {plain(N, 4)} parameters on {plain(D, 4)} tokens, outside 1 to "
            f"{plain(LARGEST)}: {another}, or check the law's constants with plan laws"
        )
