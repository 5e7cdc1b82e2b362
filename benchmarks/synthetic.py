"""Do the 95 % intervals of N_opt at 100x the largest budget hold the truth, on tables drawn from known laws?

Five designs; the truth is one of four published laws, the noise of ln loss 0.5 % unless said; the fit is told none of it.
Where all runs lie on one ray in N and D the law must refuse to size a model; that counts as a Note, not as coverage.

    python benchmarks/synthetic.py --tables 1000 --workers 2
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

import planner

LAWS = ("besiroglu2024", "hoffmann2022-approach3-tex", "muennighoff2023", "sardana2023-500")
DESIGNS = ("isoflop", "grid", "collinear", "sparse", "checkpoints")
BEYOND = 100.0


def design(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return N, D and, for checkpoints, the run each row belongs to."""
    if name == "isoflop":
        flops, ratio = np.meshgrid(10 ** np.linspace(18, 20, 5), 20 * 3.0 ** np.arange(-2, 3))
    elif name == "collinear":
        flops, ratio = 10 ** np.linspace(18, 20, 20), 20 * np.exp(0.1 * rng.standard_normal(20))
    elif name == "sparse":
        flops, ratio = 10 ** rng.uniform(18, 20, 12), 20 * 10 ** rng.uniform(-1, 1, 12)
    elif name == "grid":
        params, tokens = (grid.ravel() for grid in np.meshgrid(10 ** np.linspace(7.5, 9.3, 6), 10 ** np.linspace(9, 10.7, 5)))
        return params, tokens, None
    else:
        params, share = (grid.ravel() for grid in np.meshgrid(10 ** np.linspace(7.5, 9.3, 8), np.linspace(0.2, 1, 8)))
        return params, share * 4e10 * (params / 3e8) ** 0.3, np.repeat(np.arange(8), 8).reshape(8, 8).T.ravel()
    params = np.sqrt(flops / (6 * ratio)).ravel()
    return params, (flops / (6 * np.sqrt(flops / (6 * ratio)))).ravel(), None


def one(job: tuple[str, int, float]) -> tuple[str, bool | None, float, float]:
    """Draw and fit one table: (design, whether the interval holds the true N or None for a Note, half-width, error)."""
    name, seed, noise = job
    rng = np.random.default_rng([DESIGNS.index(name), seed])
    law = planner.load_law(LAWS[seed % len(LAWS)])
    params, tokens, run = design(name, rng)
    scatter = noise * rng.standard_normal(len(params))
    if run is not None:  # half of the variance is shared by the checkpoints of a run
        scatter = np.sqrt(0.5) * scatter + np.sqrt(0.5) * noise * rng.standard_normal(run.max() + 1)[run]
    loss = law.loss(params, tokens) * np.exp(scatter)
    target = BEYOND * float((6 * params * tokens).max())
    fitted = planner.fit(
        params=params.tolist(),
        tokens=tokens.tolist(),
        loss=loss.tolist(),
        run=None if run is None else [str(r) for r in run],
        draws=20,
        seed=seed,
    ).law
    if fitted.role != "plan":
        return name, None, np.nan, np.nan
    found = planner.size_interval(fitted, target)
    truth = float(planner.allocate(law, target).params)
    best = float(planner.allocate(fitted, target).params)
    assert found is not None
    return name, bool(found[0] <= truth <= found[1]), float(np.log(found[1] / found[0]) / 2), float(np.log(best / truth))


def main() -> None:
    """Print one line a design."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tables", type=int, default=1000)
    ask.add_argument("--noise", type=float, default=0.005)
    ask.add_argument("--workers", type=int, default=1)
    given = ask.parse_args()
    print(f"{given.tables} tables a design, noise {given.noise:.1%}, target {BEYOND:g}x the largest run")
    print("design        covered  a Note instead  median factor  rms error of ln N")
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        for name in DESIGNS:
            results = list(pool.map(one, [(name, seed, given.noise) for seed in range(given.tables)], chunksize=5))
            said = [r for r in results if r[1] is not None]
            noted = len(results) - len(said)
            if said:
                covered = np.mean([r[1] for r in said])
                factor = np.exp(np.median([r[2] for r in said]))
                rms = np.sqrt(np.mean([r[3] ** 2 for r in said]))
                print(f"{name:12s}  {covered:7.1%}  {noted:14d}  {'x/' + format(factor, '.2f'):>13s}  {rms:17.2f}", flush=True)
            else:
                print(f"{name:12s}  {'-':>7s}  {noted:14d}", flush=True)


if __name__ == "__main__":
    main()
