"""How sure the loss of a run is under a law with draws: of the law's mean, and of a single run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.normal import normal_quantile
from planner._util.quantiles import quantiles
from planner._util.showing import Raw
from planner._util.student_t import student_quantile
from planner.errors import OptionError
from planner.quantities import parse_fraction, plain, shown
from planner.quantities.arrays import real_numbers
from planner.scaling_laws.forms import FORMS, Num
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.scaling_laws.parameter_draws import Calibration


class LossInterval(NamedTuple):
    """Intervals of the loss at one run or at an array of runs, in the law's loss unit.

    Attributes
    ----------
    mean : (low, high)
        Of the law itself: the average over runs trained alike.
    run : (low, high)
        Of a single new run.
    parts : dict of str to float or array
        What half the width is made of, in ln loss: ``local``, ``structures``, ``distance`` and ``rows`` of a forecast, ``draws``
        and ``noise`` of a classical fit. Their squares add.
    calibrated : bool or array of bool
        Whether the run lies where the interval's coverage was measured.
    """

    mean: tuple[Num, Num]
    run: tuple[Num, Num]
    parts: dict[str, Num]
    calibrated: Num


def check_level(level: Raw) -> float:
    """Return a level of confidence, a number such as 0.95 or a text such as "95%", or refuse it."""
    level = parse_fraction(level, "level")
    if not 0.01 <= level <= 0.9999:
        raise OptionError(f"`level` {plain(level)}: must lie between 0.01 and 0.9999, such as 0.95 or 95%")
    return level


def loss_interval(law: Law, params: Num, tokens: Num, level: float = LEVEL) -> LossInterval | None:
    """Return the intervals of the loss of a run, or of each of arrays of runs; None for a law without draws."""
    if not isinstance(law, Law):
        raise OptionError(f"law {shown(law)}: expected a Law, such as planner.load_law('my-law.json')")
    params, tokens, level = real_numbers(params, "params"), real_numbers(tokens, "tokens"), check_level(level)
    if law.draws is None or law.surface_law is not law:
        return None
    log_loss = np.log(law.loss(params, tokens))
    N, D = np.broadcast_arrays(np.asarray(params, float), np.asarray(tokens, float))
    if law.draws.calibration is not None:
        return _above_floor(law, _forecast_interval(law, law.draws.calibration, N, D, log_loss, level))
    surface = law.draws.form.surface
    assert surface is not None
    p = drawn_symbols(law, law.draws.params, N.ndim)
    drawn = np.log(surface.floor(p) + sum(surface.terms(p, N, D)))
    tail = (1 - level) / 2
    low, high = quantiles(drawn, (tail, 1 - tail))
    noise = normal_quantile(1 - tail) * law.draws.noise
    below, above = np.maximum(log_loss - low, 0), np.maximum(high - log_loss, 0)
    found = LossInterval(
        mean=(np.exp(log_loss - below), np.exp(log_loss + above)),
        run=(np.exp(log_loss - np.hypot(below, noise)), np.exp(log_loss + np.hypot(above, noise))),
        parts={"draws": (below + above) / 2, "noise": noise + 0 * below},
        calibrated=(law.symbols["k"] * N * D <= (law.domain.flops or (0, np.inf))[1])[()],
    )
    return _above_floor(law, found)


def _above_floor(law: Law, found: LossInterval) -> LossInterval:
    """Return an interval that ends at the law's irreducible loss where it would reach below: the two stand side by side."""
    mean, run = ((np.maximum(low, law.irreducible_loss or 0.0)[()], high) for low, high in (found.mean, found.run))
    return found._replace(mean=mean, run=run)


def _forecast_interval(law: Law, known: "Calibration", N: Num, D: Num, log_loss: Num, level: float) -> LossInterval:
    """Combine the four parts of a forecast's error, each a half-width at 95 % in ln loss."""
    s = known.scales
    flops = law.symbols["k"] * N * D
    low, high = known.flops
    beyond = np.log(flops / high)
    distance = np.maximum(beyond, s["least_distance"])
    span = max(np.log(high / low), s["least_distance"])
    parts = {
        "local": s["local"] * _local_misfit(known, np.log(N), np.log(D)),
        "structures": s["structures"] * _disagreement(law, known, N, D),
        "distance": s["distance"] * distance ** s["distance_power"] / span ** s["span_power"],
        "rows": s["rows"] * distance ** s["rows_distance"] * (40 / known.rows) ** s["rows_power"],
    }
    wider = widening(s["degrees_of_freedom"], level)
    parts = {name: (part * wider)[()] for name, part in parts.items()}
    half = np.sqrt(sum(part**2 for part in parts.values()))
    of_mean = np.sqrt(sum(part**2 for name, part in parts.items() if name != "local"))
    return LossInterval(
        mean=(np.exp(log_loss - of_mean), np.exp(log_loss + of_mean)),
        run=(np.exp(log_loss - half), np.exp(log_loss + half)),
        parts=parts,
        calibrated=(beyond <= np.log(s["calibrated_to"]))[()],
    )


def _local_misfit(known: "Calibration", log_N: Num, log_D: Num) -> Num:
    """Return the mean size of residuals of rows near each run in size and in tokens per parameter, by the calibrated power."""
    s = known.scales
    ratio = (log_D - log_N)[..., None] - (known.log_tokens - known.log_params)
    size = log_N[..., None] - known.log_params
    away = (ratio / s["ratio_width"]) ** 2 + (size / s["size_width"]) ** 2
    away = away - s["shrink"] * away.min(-1, keepdims=True)
    near = np.exp(-away / 2)
    power = s["local_power"]
    total = (near * np.abs(known.residuals) ** power).sum(-1) + s["prior_rows"] * known.base
    return (total / (near.sum(-1) + s["prior_rows"])) ** (1 / power)


def _disagreement(law: Law, known: "Calibration", N: Num, D: Num) -> Num:
    """Return the root mean square difference in ln L between the reference member and those of another structure."""
    surface = FORMS["generalised"].surface
    assert surface is not None
    p = drawn_symbols(law, known.structures, N.ndim)
    log_loss = np.log(surface.floor(p) + sum(surface.terms(p, N, D)))
    return np.sqrt(((log_loss[1:] - log_loss[0]) ** 2).mean(0))


def drawn_symbols(law: Law, values: Mapping[str, Num], ndim: int) -> dict[str, Num]:
    """Return arrays of constants, shaped to broadcast against ``ndim`` axes of runs behind them, with the law's k."""
    shaped = {name: np.asarray(value, float) for name, value in values.items()}
    shaped = {name: value.reshape(value.shape + (1,) * ndim) if value.ndim else value for name, value in shaped.items()}
    return {**shaped, "k": law.symbols["k"]}


def widening(degrees: float, level: float) -> float:
    """Return how much wider an interval of another level is than one of 95 %, by Student's t."""
    return student_quantile((1 + level) / 2, degrees) / student_quantile((1 + LEVEL) / 2, degrees)
