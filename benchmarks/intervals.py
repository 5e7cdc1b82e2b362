"""Do a forecast's intervals hold, at every distance and level? ``python -m benchmarks.intervals [fit]``, about six minutes.

Every shipped group, asked for runs up to 33 times beyond those fitted: rolling origins (the largest compute left out 3 to 300
times over), the same with spans narrowed to 30 and 100, and 8 or 12 rows drawn at random. Coverage, half-width, error and bias by
distance, one voice a group; coverage at three levels. ``fit`` prints the constants of ``data/fitting.toml`` by likelihood
(Student's t of 4 degrees, sources and distances weighted alike), scaled to 95 %, and what they hold of sources left out, for the
structures free and held at shares of their shipped constant: the likelihood hardly tells them apart, sources left out do.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import t

import planner
from planner._util.files import settings
from planner.errors import PlannerError

BEYOND = 33.0
BANDS = (("to 3.3x", 0.0, 3.3), ("3.3 to 11x", 3.3, 11.0), ("11 to 33x", 11.0, BEYOND))
PARTS = ("local", "structures", "distance", "rows")
DEGREES = 4


class Job(NamedTuple):
    """Rows to fit: of a group, from ``least`` to ``most`` FLOP, all of them or ``few`` drawn."""

    table: str
    group: str
    least: float
    most: float
    few: int = 0
    seed: int = 0


class Case(NamedTuple):
    """An extrapolation: errors of ln loss, how many times beyond the fitted compute, and half the width's parts at 95 %."""

    job: Job
    error: Any
    beyond: Any
    parts: Any


def jobs() -> Iterator[Job]:
    """Give every question."""
    for table in planner.run_tables():
        for group, what in table.groups.items():
            if not what.kind:
                continue
            flops = table.load().select(group).flops
            for ratio in (3, 5.5, 10, 17, 30, 55, 100, 300):
                most = flops.max() / ratio
                if most < 10 * flops.min():
                    continue
                yield Job(table.name, group, 0.0, most)
                yield from (Job(table.name, group, most / span, most) for span in (30, 100) if most / span > 1.5 * flops.min())
            for ratio in (10, 30):
                yield from (Job(table.name, group, 0.0, flops.max() / ratio, few, seed) for few in (8, 12) for seed in (1, 2))


def case(job: Job) -> Case | None:
    """Fit and ask; None where there are too few rows, or no forecast of them."""
    runs = next(table for table in planner.run_tables() if table.name == job.table).load().select(job.group)
    kept = (runs.flops >= job.least) & (runs.flops <= job.most)
    if job.few:
        if kept.sum() < job.few + 4:
            return None
        drawn = np.random.default_rng(job.seed).choice(np.flatnonzero(kept), job.few, replace=False)
        kept = np.isin(np.arange(len(kept)), drawn)
    asked = (runs.flops > job.most * 1.0001) & (runs.flops <= BEYOND * job.most)
    if (not job.few and kept.sum() < 12) or not asked.any() or len(np.unique(runs.params[kept])) < 3:
        return None
    train, test = runs.take(kept), runs.take(asked)
    try:
        fitted = planner.fit(train, group="all", draws=20)
    except PlannerError:
        return None
    if fitted.law.role != "plan":
        return None
    found = planner.loss_interval(fitted.law, test.params, test.tokens)
    assert found is not None
    error = np.log(fitted.law.loss(test.params, test.tokens) / test.loss)
    return Case(job, error, test.flops / train.flops.max(), np.stack([found.parts[name] * np.ones(len(error)) for name in PARTS]))


def half_width(found: Case) -> Any:
    """Return the 95 % half-width of each row."""
    return np.sqrt((found.parts**2).sum(0))


def show(cases: list[Case]) -> None:
    """Print coverage and width by distance and level."""
    print(f"{'distance':12}{'groups':>7}{'covered':>9}{'worst':>7}{'half-width':>11}{'error':>8}{'bias':>8}")
    for name, low, high in BANDS:
        groups: dict[tuple[str, str], list[Any]] = {}
        for each in cases:
            among = (each.beyond > low) & (each.beyond <= high)
            if among.any():
                half, error = half_width(each)[among], each.error[among]
                row = (
                    float((np.abs(error) <= half).mean()),
                    float(np.median(half)),
                    float(np.abs(error).mean()),
                    float(error.mean()),
                )
                groups.setdefault((each.job.table, each.job.group), []).append(row)
        mean = np.array([np.mean(rows, 0) for rows in groups.values()])
        covered, width, error, bias = mean[:, 0], np.median(mean[:, 1]), mean[:, 2].mean(), mean[:, 3].mean()
        print(f"{name:12}{len(mean):7}{covered.mean():9.1%}{covered.min():7.0%}{width:11.2%}{error:8.2%}{bias:+8.2%}")
    for level in (0.5, 0.8, 0.95):
        wider = t.ppf((1 + level) / 2, DEGREES) / t.ppf(0.975, DEGREES)
        each_group: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for each in cases:
            half = wider * half_width(each)
            inside = float((np.abs(each.error) <= half).mean())
            each_group.setdefault((each.job.table, each.job.group), []).append((inside, float(np.median(half))))
        held, width = np.array([np.mean(rows, 0) for rows in each_group.values()]).T
        print(f"{level:.0%} intervals hold {held.mean():.1%}, median half-width {np.median(width):.2%}")


def weights(cases: list[Case]) -> Any:
    """Return a weight for each row: sources alike, then their groups, cases and distances."""
    groups: dict[str, dict[str, int]] = {}
    for each in cases:
        of = groups.setdefault(each.job.table, {})
        of[each.job.group] = of.get(each.job.group, 0) + 1
    found = []
    for each in cases:
        of = groups[each.job.table]
        band = np.searchsorted([3.3, 11.0], each.beyond)
        count = np.bincount(band, minlength=3)
        found.append(1 / len(groups) / len(of) / of[each.job.group] / (count > 0).sum() / count[band])
    return np.concatenate(found)


def fitted(cases: list[Case], structures: float | None) -> tuple[Any, float]:
    """Return what each part is to be multiplied by, ``structures`` held unless None, and the mean log-likelihood of a row."""
    parts = np.concatenate([each.parts for each in cases], 1)
    error, weight = np.concatenate([each.error for each in cases]), weights(cases)

    def unlikely(logs: Any) -> float:
        half = np.sqrt((np.exp(2 * logs)[:, None] * parts**2).sum(0))
        return -float((weight * (t.logpdf(error / half, DEGREES) - np.log(half))).sum())

    bounds = [(-8.0, 4.0)] * len(PARTS)
    if structures is not None:  # a half-width at 95 % is that many times the scale of the likelihood
        bounds[PARTS.index("structures")] = (np.log(structures / t.ppf(0.975, DEGREES)),) * 2
    best = minimize(unlikely, np.clip(-1.0, *np.transpose(bounds)), method="L-BFGS-B", bounds=bounds)
    factor = np.exp(best.x)
    ratio = np.abs(error) / np.sqrt((factor[:, None] ** 2 * parts**2).sum(0))
    order = np.argsort(ratio)
    return factor * ratio[order][np.searchsorted(np.cumsum(weight[order]), 0.95 * weight.sum())], -best.fun / weight.sum()


def main() -> None:
    """Print the tables, or the constants."""
    with ProcessPoolExecutor(2) as pool:
        cases = [found for found in pool.map(case, jobs(), chunksize=4) if found is not None]
    print(f"{len(cases)} extrapolations")
    print("rolling origins and narrowed spans")
    show([each for each in cases if not each.job.few])
    print("8 or 12 rows")
    show([each for each in cases if each.job.few])
    if sys.argv[1:] != ["fit"]:
        return
    used = settings("fitting.toml", "forecast.interval")
    for structures in (None, 3.0, 1.0, 0.1):
        factor, likelihood = fitted(cases, structures)
        found = ", ".join(f"{name} {used[name] * times:.4g}" for name, times in zip(PARTS, factor, strict=True))
        print(f"structures {'free' if structures is None else f'held at {structures:g}'}: {found}; {likelihood:.4f} a row")
        for source in sorted({each.job.table for each in cases}):
            factor, _ = fitted([each for each in cases if each.job.table != source], structures)
            rest = [each._replace(parts=each.parts * factor[:, None]) for each in cases if each.job.table == source]
            covered = np.mean([(np.abs(each.error) <= half_width(each)).mean() for each in rest])
            print(f"    {source} left out: {covered:.0%} of it in the others' 95 %")


if __name__ == "__main__":
    main()
