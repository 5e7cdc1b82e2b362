"""The design of a pilot budget, found by climbing from small budgets to it, so that more money never makes a plan worse.

A climb to a budget passes the rungs of a ladder set by the target alone. On every rung the design held is scaled up, and on
some a search begins with the one below; either is taken only where none of the expected regrets is higher than what is held. A
climb to a larger budget begins with the climb to a smaller one, so that its regrets cannot be higher; a design may thus cost less
than its budget.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from planner._util.stable_choice import order
from planner.errors import CannotPlanError
from planner.fitting.sample import Sample
from planner.pilot_design.candidate_runs import Cells, Grid
from planner.pilot_design.expected_regret import Expected, expectation, sensitivities_of
from planner.pilot_design.information import DesignAim, exchange, information, pays, sensitivities
from planner.quantities import format_count, format_flops, format_whole, rounded_up


class Design(NamedTuple):
    """Runs to train, what they lead to, and the least budget on the ladder that they are the design of [FLOP]."""

    cells: Cells
    expected: Expected
    budget: float


_REGRETS = ("regret_median", "regret_90", "regret_mean")
_SLACK = 1.05
"""How much less sure of the loss a design with lower regrets may be than the surest one passed: a house convention."""


def designed(aim: DesignAim, grid: Grid, budget: float, count: int, seed: int, done: Sample | None, name: str) -> list[Design]:
    """Return designs of ``count`` runs, the dearest run first: those of smaller budgets, and last the budget's own [FLOP].

    ``done`` are runs that there are already, ``seed`` is of the first search.

    Raises
    ------
    CannotPlanError
        The bounds leave too few runs, or the budget does not pay for as many.
    """
    rungs = climb(grid, budget, count)
    search = _Search(aim, grid, count, seed, done, name)
    lowest, reached = rungs[0] - (_SCALED if grid.any_cost else 0), grid.rung(budget)
    top = int(np.floor(reached + _SAME))
    if top < lowest:
        return [search.judged(grid.dearer(search.cells(rungs[0], None), reached - rungs[0]), reached)]
    given = None if done is None else (done.params, done.tokens)
    kept = _kept(_hashable((name, grid.target, grid.bounds, grid.cheapest, rungs[0], count, seed, aim, given)))
    steps = list(kept)
    if not steps:
        pattern = search.cells(rungs[0], None)
        design = search.judged(grid.dearer(pattern, lowest - rungs[0]), lowest)
        steps.append(_Step(design, rungs[0], pattern, pattern, design.expected.loss_error))
    for rung in range(lowest + len(steps), top + 1):
        steps.append(search.climbed(steps[-1], rung, anew=rung in rungs))
    if len(steps) > len(kept) and rungs[-1] + grid.searched > top:  # limits may end a search early
        kept[:] = steps
    passed = [step.held for step in steps[: top - lowest + 1]]
    return [*(design for design, following in pairwise(passed) if design is not following), passed[-1]]


class _Step(NamedTuple):
    """Where a climb stands: the design held, the rung and cells it was scaled from, the last cells searched, the surest ln L."""

    held: Design
    since: int
    pattern: Cells
    searched: Cells
    surest: float


@dataclass(frozen=True)
class _Search:
    """What designs are looked for, and judged, under."""

    aim: DesignAim
    grid: Grid
    count: int
    seed: int
    done: Sample | None
    name: str

    @cached_property
    def known(self) -> Any:
        """What the runs that there are tell of the constants."""
        return information(sensitivities_of(self.aim.laws, self.done), self.aim.noise)

    def judged(self, cells: Cells, rung: float) -> Design:
        """Return cells as a design, the dearest run first."""
        cells = cells.of(order(-cells.costs, cells.params).tolist())
        return Design(cells, expectation(self.name, self.aim, self.grid.target, *cells[:3], self.done), self.grid.budget(rung))

    def cells(self, rung: int, before: Cells | None) -> Cells:
        """Return the best cells of a rung that a search finds, which begins with those of the rung below."""
        choice, laws = self.grid.cells(rung), self.aim.laws
        J = sensitivities(laws, *laws.logs(choice.params, choice.tokens))
        where = {place: cell for cell, place in enumerate(choice.places)}
        start = [where[place] for place in before.places if place in where] if before else []
        rng, budget = np.random.default_rng(self.seed), self.grid.budget(rung)
        return choice.of(exchange(self.aim, J, choice.costs, self.known, budget, self.count, rng, start)[0])

    def climbed(self, step: _Step, rung: int, *, anew: bool) -> _Step:
        """Return where a climb stands on the next rung, searched ``anew`` or only scaled up to."""
        tried = [(step.since, step.pattern)]
        if anew:
            step = step._replace(searched=self.cells(rung, step.searched))
            tried.append((rung, step.searched))
        for place, cells in tried:
            design = self.judged(self.grid.dearer(cells, rung - place), rung)
            own, held = design.expected, step.held.expected
            paid = pays(design.budget, own.flops)  # a model's batches may come nearer to its cost
            lower = all(getattr(own, name) <= getattr(held, name) for name in _REGRETS)
            if paid and lower and own.loss_error <= _SLACK * step.surest:
                step = _Step(design, place, cells, step.searched, min(step.surest, own.loss_error))
        return step


@lru_cache(maxsize=16)
def _kept(climbed: tuple[Any, ...]) -> list[_Step]:
    """Return the steps taken so far of a climb, at first none: the next budget of the same target goes on from there."""
    return []


def _hashable(value: Any) -> Any:
    """Return a tuple with its arrays, at any depth, as bytes."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return tuple(map(_hashable, value)) if isinstance(value, tuple) else value


_SCALED = 128
"""Rungs below the first one searched from which its design is scaled up, to a 2700th; below them no rise was ever measured."""

_SAME = 1e-9  # of a rung
_LOWEST = -60  # steps of cost that a climb begins with: a 1e-16th of rung 0


def climb(grid: Grid, budget: float, count: int) -> range:
    """Return the rungs that a budget's design is searched on, from the lowest that pays for ``count`` runs up to the budget.

    Where models may be as small as one likes and runs as cheap, there is no lowest: then rung 0 is searched for budgets below it.

    Raises
    ------
    CannotPlanError
        There is none; with a budget that is enough, where one below half of the target is found.
    """

    def enough(rung: int) -> bool:
        return grid.cells(rung).least(count) <= grid.budget(rung)

    every, any_cost = grid.searched, grid.any_cost
    reached = int(np.floor(grid.rung(budget) + _SAME)) // every * every
    below = range(max(reached, 0) if any_cost else reached, _LOWEST * grid.per_step, -every)
    top = next((rung for rung in below if enough(rung)), None)
    if top is None:
        raise CannotPlanError(_too_small(grid, budget, reached, count, enough))
    if any_cost:
        return range(min(top, 0), top + 1, every)
    low = top
    while low in below and enough(low - every):
        low -= every
    return range(low, top + 1, every)


def _too_small(grid: Grid, budget: float, rung: int, count: int, enough: Callable[[int], bool]) -> str:
    """Say what limits leave too few runs, or how much too little a budget is."""
    sizes, builder = grid.bounds.sizes, grid.bounds.builder
    limits = [f"no run cheaper than {format_flops(grid.cheapest)}, as those given"] if grid.cheapest else []
    limits += [f"{name} {format_count(size)}" for name, size in zip(("min_params", "max_params"), sizes, strict=True) if size]
    cures = "fewer runs, wider limits or smaller models"
    if builder:
        limits.append(
            f"shapes with a vocabulary of {format_whole(builder.vocab)} and a context of {format_whole(builder.context)}, "
            f"trained for {builder.least_steps} steps or more"
        )
        cures += " (vocab, context, batch)"
    higher = rung + grid.searched
    while grid.budget(higher) <= grid.target / 2:
        if enough(higher):
            cures += f", or a larger budget: {format_flops(rounded_up(grid.budget(higher)))} is enough"
            break
        higher += grid.searched
    choice = grid.cells(rung)
    least = choice.least(count)
    if np.isfinite(least):
        return f"budget {format_flops(budget)}: {count} runs within these limits cost at least {format_flops(least)}; {cures}"
    return (
        f"{' and '.join(limits)}: leave {len(choice.costs)} of the runs that {format_flops(budget)} could buy, of which "
        f"{count} are wanted; {cures}"
    )
