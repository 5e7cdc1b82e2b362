"""Do intervals of the best N hold on real tables? ``python -m benchmarks.sizes``, about a minute.

Every shipped group with four budgets or more of five sizes each: fitted on the rows up to a budget, asked for the budgets at
least three times above. What is asked for is the vertex of a parabola in ln N through that budget's losses, whose own error, by
resampled residuals, is added to the interval. One line a group: how many pairs of budgets, how many the 95 % intervals hold, how
many if they were narrower, error and half-width of ln N.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np

import planner
from planner.errors import PlannerError

SIZES, BUDGETS, BEYOND = 5, 4, 3.0
NARROWER = (1.0, 0.75, 0.5)


class Pair(NamedTuple):
    """A fit and a vertex beyond it: error and half-width of ln N, and the standard error of the vertex."""

    error: float
    half: float
    vertex_error: float


def budgets(runs: planner.Runs) -> tuple[Any, list[float]]:
    """Return the budget of each row, rounded to a tenth in ln C, and those with enough sizes."""
    of = np.round(np.log(runs.flops), 1)
    return of, [each for each in np.unique(of) if len(np.unique(runs.params[of == each])) >= SIZES]


def vertex(x: Any, y: Any) -> float:
    """Return where a parabola through the points is lowest; nan where it opens downwards."""
    curve = np.polyfit(x - x.mean(), y, 2)
    return float(x.mean() - curve[1] / (2 * curve[0])) if curve[0] > 0 else np.nan


def pairs(job: tuple[str, str, float]) -> list[Pair]:
    """Fit on the rows up to a budget, and ask for those beyond."""
    name, group, most = job
    runs = planner.load_runs(name).select(group)
    of, enough = budgets(runs)
    kept = of <= most
    try:
        fitted = planner.fit(runs.take(kept), group="all", draws=300)
    except PlannerError:
        return []
    if kept.sum() < 12 or fitted.law.role != "plan":
        return []
    rng, found = np.random.default_rng(0), []
    for budget in (each for each in enough if each >= most + np.log(BEYOND)):
        x, y = np.log(runs.params[of == budget]), np.log(runs.loss[of == budget])
        there = vertex(x, y)
        if not x.min() <= there <= x.max():
            continue
        curve = np.polyval(np.polyfit(x, y, 2), x)
        scatter = (y - curve) * np.sqrt(len(x) / (len(x) - 3))
        again = [vertex(x, curve + rng.choice(scatter, len(x))) for _ in range(200)]
        interval = planner.size_interval(fitted.law, float(np.exp(budget)))
        assert interval is not None
        low, high = np.log(interval)
        own = np.diff(np.nanquantile(again, [0.16, 0.84]))[0] / 2  # a nearly flat parabola throws some very far
        found.append(Pair(there - (low + high) / 2, (high - low) / 2, float(own)))
    return found


def jobs() -> Iterator[tuple[str, str, float]]:
    """Give every group with enough budgets, up to each but the last."""
    for table in planner.run_tables():
        for group, what in table.groups.items():
            enough = budgets(table.load().select(group))[1] if what.kind else []
            if len(enough) >= BUDGETS:
                yield from ((table.name, group, most) for most in enough[:-1])


def main() -> None:
    """Print the table."""
    groups: dict[str, list[Pair]] = {}
    asked = list(jobs())
    with ProcessPoolExecutor(2) as pool:
        for (name, group, _), found in zip(asked, pool.map(pairs, asked), strict=True):
            groups.setdefault(f"{name} {group}", []).extend(found)
    print(f"{'group':44}{'pairs':>6}{'held':>6}{'x0.75':>7}{'x0.5':>7}{'error':>7}{'half':>6}")
    held = []
    for group, found in groups.items():
        error, half, own = np.array(found).T
        shares = [float((np.abs(error) <= np.hypot(times * half, 1.96 * own)).mean()) for times in NARROWER]
        held.append(shares)
        narrower = "".join(f"{share:7.0%}" for share in shares[1:])
        print(f"{group:44}{len(found):6}{shares[0]:6.0%}{narrower}{np.sqrt((error**2).mean()):7.2f}{np.median(half):6.2f}")
    print(f"{'mean of groups':44}{'':6}{np.mean(held, 0)[0]:6.0%}{np.mean(held, 0)[1]:7.0%}{np.mean(held, 0)[2]:7.0%}")


if __name__ == "__main__":
    main()
