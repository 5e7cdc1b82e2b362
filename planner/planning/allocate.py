"""Many budgets at once: N, D and loss, without the rest of a plan."""

from planner.allocation import solver
from planner.allocation.open_choices import allocate_best
from planner.allocation.problem import LawOrProblem, require_possible
from planner.errors import OptionError
from planner.inputs.law_choice import LawLike
from planner.quantities import LARGEST, parse_flops, plain
from planner.quantities.arrays import real_numbers
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law, guarded


def allocate(law: LawLike, flops: Num) -> solver.Allocation:
    """Return compute-optimal (params, tokens, loss) for a budget or an array of budgets, without the rest of a plan.

    Parameters
    ----------
    law : str, Path or Law
        A law that can plan.
    flops : float or array
        Budgets [FLOP], at least 1, at most 1e60.

    Returns
    -------
    Allocation
        Named tuple of floats or arrays of the budgets' shape; ``loss`` is None where the law has none.

    Raises
    ------
    PlannerError
        A budget that is not a finite number of at least 1, or a law that cannot plan.

    Examples
    --------
    >>> import planner
    >>> planner.allocate("besiroglu2024", [1e20, 1e21]).params.round(-6)
    array([8.530e+08, 2.778e+09])
    """
    import numpy as np

    chosen = load_law(law)
    if isinstance(flops, np.ndarray) and flops.ndim == 0:
        flops = flops.item()
    if isinstance(flops, str) or not hasattr(flops, "__len__"):
        budget = parse_flops(flops, "flops")
        return guarded(chosen, lambda: best_allocation(chosen, budget))
    budgets = real_numbers(flops, "flops")
    good = (budgets >= 1) & (budgets <= LARGEST)
    if not good.all():
        where = tuple(np.argwhere(~good)[0].tolist())
        place = where[0] if len(where) == 1 else where
        raise OptionError(f"flops[{place}] = {budgets[where]:g}: every budget must lie between 1 and {plain(LARGEST)} FLOP")
    return guarded(chosen, lambda: best_allocation(chosen, budgets))


def best_allocation(law: Law, flops: Num) -> solver.Allocation:
    """Return the best allocation with the best of what a law leaves open, or refuse one that is no run."""
    found = allocate_best(law, flops)
    require_possible(law, found.params, found.tokens)
    return found


def possible_allocation(question: LawOrProblem, flops: Num) -> solver.Allocation:
    """Return the best allocation, as :func:`planner.allocation.solver.allocate` does, or refuse one that is no run."""
    found = solver.allocate(question, flops)
    require_possible(question, found.params, found.tokens)
    return found
