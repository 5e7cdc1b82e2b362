"""The methods: each takes a job and returns a FitResult."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from planner._util.frozen_dict import FrozenDict
from planner.fitting import diagnostics
from planner.fitting.classical import Minimum, Model, bootstrap, minimise
from planner.fitting.forecast import Forecast, failed, forecast, forecast_draws
from planner.fitting.generalised_law import Array
from planner.fitting.isoflop import by_budget, by_envelope
from planner.fitting.repetition import MOST_DRAWS, ONCE, effective, fit_repetition
from planner.fitting.result_building import Job, common_notes, constant_intervals, law_of, result_of, why_no_size
from planner.fitting.results import Combination, FitResult, Method, Search, typical
from planner.fitting.sample import Sample
from planner.fitting.settings import settings
from planner.notes import Note
from planner.quantities import plain
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.parameter_draws import Calibration, Draws

_MOST_ROWS_KEPT = 2000


def fit_classical(job: Job, spread: Any) -> FitResult:
    """Fit the classical law at the exact minimum, with a bootstrap over runs."""
    sample, model = job.sample, job.model
    diagnostics.refuse_hopeless(sample, model.free, job.table.name, needs_both=model.shape != "compute")
    with np.errstate(all="ignore"):
        minimum = minimise(sample, model)
        drawn = None
        if job.draws:
            rng = np.random.default_rng(job.seed)
            drawn = bootstrap(sample, model, minimum.theta, job.draws, rng, spread)
    constants = {key: float(value) for key, value in law_constants(sample, model, minimum.theta).items()}
    form = {"kaplan": "kaplan_joint", "compute": "compute_power", "generalised": "generalised"}.get(model.shape, "additive")
    law = law_of(job, "classical", form, constants, why_no_size(job))
    residuals = np.log(law.loss(sample.params, sample.tokens)) - sample.rows.target
    noise = float(1.4826 * np.median(np.abs(residuals - np.median(residuals))))
    if drawn is not None:
        law = replace(law, draws=Draws(law.form, FrozenDict(law_constants(sample, model, drawn)), noise))
    notes = [*common_notes(job, residuals, squared=model.robust == "squared"), *diagnostics.bound_note(minimum.bound)]
    notes += diagnostics.starts_note(minimum.starts, minimum.agree)
    if model.shape == "additive" and not model.limits.fixed:
        notes += diagnostics.bend_notes(sample, constants)
    intervals = constant_intervals(law, job.level)
    if model.shape in {"additive", "generalised", "tied"} and "E" not in model.limits.fixed:
        notes += diagnostics.floor_note(intervals.get("E"), float(sample.loss.min()))
    if drawn is not None and model.shape == "additive" and not {"alpha", "beta"} & set(model.limits.fixed):
        notes += diagnostics.equal_exponents_note(drawn[:, 3], drawn[:, 4], job.level)
    return result_of(job, "classical", law, constants, intervals, notes, residuals, _search(minimum, model), None)


def _search(minimum: Minimum, model: Model) -> Search:
    of = {"huber": "sum of Huber's loss", "squared": "sum of squares over 2", "absolute": "sum of absolute values"}[model.robust]
    minimised = f"{of} of ln(law/loss)"
    if model.robust == "huber":
        minimised += f", delta {plain(settings('classical')['huber_delta'])}"
    scale = 1.0 if model.robust != "absolute" else 1e7
    return Search(minimum.starts, minimum.agree, minimum.objective * scale, minimised)


def law_constants(sample: Sample, model: Model, theta: Array) -> dict[str, Array]:
    """Return the constants of the law's own form, for parameters (..., 6)."""
    theta = np.asarray(theta, float)
    plainly = sample.constants(theta)
    if model.shape in {"no-floor", "kaplan"} or model.limits.fixed.get("E") == 0:
        plainly["E"] = np.zeros(theta.shape[:-1])
    if model.shape == "kaplan":
        alpha, beta = plainly["alpha"], plainly["beta"]
        scales = {"N_c": plainly["A"] ** (1 / alpha), "D_c": plainly["B"] ** (1 / beta)}
        return {**scales, "alpha_N": alpha, "alpha_D": beta}
    if model.shape == "compute":
        c = theta[..., 3]
        return {"E": plainly["E"], "K": np.exp(theta[..., 1] + c * np.log(sample.flops).mean()), "c": c}
    return plainly if model.shape == "generalised" else {key: plainly[key] for key in ("E", "A", "B", "alpha", "beta")}


def fit_forecast(job: Job) -> FitResult:
    """Fit the forecast: every member, the draws of its first adaptive one, and what its intervals are made of."""
    sample, limits = job.sample, job.model.limits
    diagnostics.refuse_hopeless(sample, max(5 - len(limits.fixed), 1), job.table.name, needs_both=True)
    with np.errstate(all="ignore"):
        sound = ~failed(sample)[0]
        used = sample if sound.all() else sample.take(sound)
        fitted = forecast(used, limits)
        count = settings("forecast")["draws"] if job.draws else 0
        drawn = forecast_draws(used, fitted, count, np.random.default_rng(job.seed), limits) if count else None
    weights = fitted.weights(designed=job.table.designed)
    free = weights[: len(fitted.frontier) + len(fitted.adaptive)] > 0  # gamma is pinned in some of the structures
    members = used.constants(fitted.members[weights > 0])
    weights = weights[weights > 0]
    constants: dict[str, Any] = {key: tuple(value.tolist()) for key, value in members.items()}
    constants |= {"weight": tuple(weights.tolist()), "C_ref": float(used.flops.max())}
    law = law_of(job, "forecast", "ensemble", constants, why_no_size(job))
    residuals = np.log(law.loss(sample.params, sample.tokens)) - sample.rows.target
    if drawn is not None:
        noise = float(1.4826 * np.median(np.abs(residuals)))
        known = _calibration(used, fitted, diagnostics.held_in(residuals[sound]))
        law = replace(law, draws=Draws(FORMS["generalised"], FrozenDict(used.constants(drawn)), noise, known))
    middle = {key: typical(value, weights) for key, value in members.items()}
    middle["E"] = float(law.irreducible_loss)
    intervals = _member_intervals(job, members, weights, None if drawn is None else used.constants(drawn))
    gammas = members["gamma"][: free.sum()]
    middling, ends = float(np.exp(np.log(gammas).mean())), (float(gammas.min()), float(gammas.max()))
    combination = Combination(middling, ends, len(weights), float(fitted.eta), float(fitted.zeta))
    notes = common_notes(job, residuals, aside=int((~sound).sum()))
    if job.table.designed:
        text = (
            "pilots that planner designed: every run was chosen for what it tells, so the members that use them all count, and "
            "not those near the lowest loss alone; the intervals were calibrated on other tables"
        )
        notes.append(Note("designed-pilots", "info", text))
    if drawn is not None:
        factor, top = settings("forecast.interval")["calibrated_to"], float(used.flops.max())
        text = f"intervals were calibrated on extrapolations to {plain(factor)}x the largest run ({plain(factor * top, 3)} FLOP)"
        notes.append(Note("calibrated-to", "info", f"{text}; beyond, trust them less"))
    return result_of(job, "forecast", law, middle, intervals, notes, residuals, None, combination)


def _member_intervals(
    job: Job, members: Mapping[str, Array], weights: Array, drawn: Mapping[str, Array] | None
) -> dict[str, tuple[float, float]]:
    """Return intervals of the constants over members and draws together: settings and scatter each count half."""
    if drawn is None:
        return {}
    ends = ((1 - job.level) / 2, (1 + job.level) / 2)
    found = {}
    for name, values in members.items():
        both = np.concatenate([values, drawn[name]])
        share = np.concatenate([weights / 2, np.full(len(drawn[name]), 0.5 / len(drawn[name]))])
        order = np.argsort(both)
        below = np.cumsum(share[order])
        low, high = (float(both[order][np.searchsorted(below, end)]) for end in ends)
        found[name] = (low, high)
    return found


def _calibration(sample: Sample, fitted: Forecast, residuals: Array) -> Calibration:
    """Gather what the forecast's intervals are made of."""
    s = settings("forecast.interval")
    near = 1 / (1 + (sample.excess / s["excess_width"]) ** 2)
    kept = np.unique(np.linspace(0, len(sample) - 1, min(len(sample), _MOST_ROWS_KEPT)).round().astype(int))
    structures = np.concatenate([fitted.reference[None], fitted.structures])
    return Calibration(
        structures=FrozenDict(sample.constants(structures)),
        log_params=np.log(sample.params)[kept],
        log_tokens=np.log(sample.tokens)[kept],
        residuals=residuals[kept],
        base=float((near * np.abs(residuals) ** s["local_power"]).sum() / near.sum()),
        flops=(float(sample.flops.min()), float(sample.flops.max())),
        rows=len(sample),
        scales=FrozenDict({key: float(value) for key, value in s.items() if key != "source"}),
    )


def fit_repeated(job: Job) -> tuple[FitResult, Job]:
    """Fit the classical law with decay constants of repeated data; return it with the job of the runs that repeated nothing."""
    sample, unique = job.sample, job.table.unique_tokens
    with np.errstate(all="ignore"):
        rng = np.random.default_rng(job.seed)
        once, minimum, (R_D, R_N), least, drawn = fit_repetition(sample, unique, job.model, job.draws, rng, job.table.name)
    base = law_constants(once, job.model, minimum.theta)
    constants = {**{key: float(value) for key, value in base.items()}, "R_D": R_D, "R_N": R_N}
    law = law_of(job, "classical", "repeated", constants, "")
    assert unique is not None  # fit_repetition refuses a table without
    N, D = effective(base, R_D, R_N, sample.params, sample.tokens, np.minimum(unique, sample.tokens))
    residuals = np.log(law.loss(N, D)) - sample.rows.target
    if drawn is not None:
        refitted = law_constants(once, job.model, drawn[:, :6]) | {"R_D": drawn[:, 6], "R_N": drawn[:, 7]}
        noise = float(1.4826 * np.median(np.abs(residuals - np.median(residuals))))
        law = replace(law, draws=Draws(law.form, FrozenDict(refitted), noise))
    intervals = constant_intervals(law, job.level)
    notes = [*common_notes(job, residuals), *diagnostics.decay_notes(intervals, constants)]
    notes += diagnostics.bound_note(minimum.bound)
    if job.draws > MOST_DRAWS:
        notes.append(Note("fewer-draws", "info", f"this form draws at most {MOST_DRAWS} times; {job.draws} were asked for"))
    search = Search(minimum.starts, minimum.agree, least, "sum of Huber's loss of ln(law/loss), all runs")
    result = result_of(job, "classical", law, constants, intervals, notes, residuals, search, None)
    seen_once = sample.tokens <= np.minimum(unique, sample.tokens) * ONCE
    return result, replace(job, table=job.table.take(seen_once), sample=once, design=diagnostics.design_of(once))


def fit_by_groups(job: Job, method: Method, classical: FitResult) -> FitResult:
    """Fit N_opt = k_N C^a through the best sizes of budgets by Hoffmann's approach 1 or 2, with the bias that it is known for."""
    sample = job.sample
    find = by_budget if method == "isoflop" else by_envelope
    found = find(sample, job.draws, np.random.default_rng(job.seed), job.table.name)
    constants = {"k_N": found.prefactor, "a": found.exponent}
    law = law_of(job, method, "params_allocation", constants, "")
    if found.drawn is not None:
        law = replace(law, draws=Draws(law.form, FrozenDict(zip(constants, found.drawn, strict=True)), 0.0))
    notes = [*job.table.notes, *diagnostics.design_notes(sample, job.design), *found.notes]
    if method == "isoflop" and not job.design.collinear:
        notes += found.bias_note(sample, classical.law)
        notes.append(Note("no-loss", "info", "this method gives sizes only; the classical and the forecast fit give losses"))
    return result_of(job, method, law, constants, constant_intervals(law, job.level), notes, None, None, None)
