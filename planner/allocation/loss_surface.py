"""The loss over what is trained: a law's surface behind what its modifiers leave of N and D, ready for a search."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from planner.allocation.effective_size import Counts, Line
from planner.allocation.problem import LawOrProblem, Problem, as_problem
from planner.scaling_laws.forms import Num
from planner.scaling_laws.forms._searched import root_from


class Landscape(NamedTuple):
    """The loss over what is trained, with all that a search needs worked out once.

    Attributes
    ----------
    problem : Problem
        Judged.
    counting : tuple of callables (N, D) -> Counts
    """

    problem: Problem
    counting: tuple[Callable[[Num, Num], Counts], ...]

    def counts(self, params: Num, tokens: Num) -> Counts:
        """Return what counts of N parameters and D tokens, with the elasticities."""
        found = Counts(params, tokens)
        for count in self.counting:
            found = found.then(count(found.params, found.tokens))
        return found

    def terms(self, params: Num, tokens: Num) -> tuple[Num, Num]:
        """Return the reducible loss of a run, split into (owed to params, owed to tokens)."""
        counted = self.counts(params, tokens)
        return self.problem.surface.terms(self.problem.symbols, counted.params, counted.tokens)

    def log_slopes(self, params: Num, tokens: Num) -> tuple[Num, Num]:
        """Return ln(-dL/dlnN) at fixed D and ln(-dL/dlnD) at fixed N, of what is trained; -inf where nothing is left to gain."""
        counted = self.counts(params, tokens)
        with np.errstate(divide="ignore"):
            slopes = self.problem.surface.slopes(self.problem.symbols, counted.params, counted.tokens)
            by_params, by_tokens = (np.log(slope) for slope in slopes)
        return by_params + counted.by_params, by_tokens + counted.by_tokens

    def reducible(self, params: Num, tokens: Num) -> Num:
        """Return the reducible loss of a run."""
        return sum(self.terms(params, tokens))

    @property
    def floor(self) -> Num:
        """The irreducible loss."""
        return self.problem.surface.floor(self.problem.symbols)


def landscape(question: LawOrProblem) -> Landscape:
    """Return the loss over what is trained, judged by the law whose surface judges; CannotPlanError where none does."""
    problem = as_problem(question).judged()
    line = line_of(problem) if problem.modifiers else None
    return Landscape(problem, tuple(modifier.bind(line, problem.symbols) for modifier in problem.modifiers if line))


def line_of(problem: Problem) -> Line:
    """Return the law's optimal line where all counts and training alone is paid, by tokens."""
    frontier, p = problem.frontier, problem.symbols
    a, b = frontier.exponents(p)
    flops = 1e20  # anywhere: the line is anchored here
    params = frontier.params(p, flops)
    tokens_there = flops / (p["k"] * params)

    def straight(tokens: Num) -> Num:
        return params * (tokens / tokens_there) ** (a / b)

    surface = Landscape(problem._replace(modifiers=()), ())

    def bent(tokens: Num) -> Num:
        start = np.log(straight(tokens))

        def tilt(log_N: Num) -> Num:
            by_params, by_tokens = surface.log_slopes(np.exp(log_N), tokens)
            return by_tokens - by_params  # where a parameter and a token buy as much as each other

        return np.exp(root_from(tilt, start, 0.1))

    return straight if frontier.straight else bent
