"""The answer of a fit: a law with draws, how good it is, what it cannot say. Nothing here rounds or prints."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.files import new_file, write_new
from planner._util.showing import Raw
from planner._util.to_json import Shown, as_json
from planner._version import __version__
from planner.allocation.loss_interval import check_level, loss_interval
from planner.errors import CannotPlanError, OptionError
from planner.fitting.repetition import effective
from planner.fitting.sample import Sample
from planner.inputs.input_row import Number
from planner.notes import Note
from planner.quantities import parse_count, shown
from planner.quantities.arrays import real_numbers
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law, guarded
from planner.scaling_laws.parameter_draws import Draws

Method = Literal["forecast", "classical", "isoflop", "envelope"]
METHODS: tuple[Method, ...] = get_args(Method)


class Quality(NamedTuple):
    """How well the law describes the runs it was fitted on, in ln loss.

    Attributes
    ----------
    rows, sizes : int
        Runs, and distinct numbers of parameters among them.
    rms, mean_absolute, median_absolute, largest : float
        Of ln(law/loss): 0.01 is 1 %.
    bias : float
        Mean of ln(law/loss) near the frontier: a forecast leans low on purpose.
    near_frontier : float
        Mean absolute value over runs at most 5 % above the lowest loss at their compute: what a larger, tuned run resembles.
    explained : float
        Share of the variance of ln loss that the law explains.
    """

    rows: int
    sizes: int
    rms: float
    mean_absolute: float
    median_absolute: float
    bias: float
    largest: float
    near_frontier: float
    explained: float


class RatioAt(NamedTuple):
    """The compute-optimal run of one budget [FLOP], with the intervals of N, of D/N and of the loss that such a run will reach.

    ``beyond`` is the budget over the largest compute among the runs.
    """

    flops: float
    beyond: float
    params: float
    tokens: float
    tokens_per_param: float
    loss: float | None
    loss_interval: tuple[float, float] | None
    params_interval: tuple[float, float] | None
    ratio_interval: tuple[float, float] | None


class Outlier(NamedTuple):
    """A run far from the law: its row in the table, ln(loss/law), and its name and file where the table has them."""

    row: int
    params: float
    tokens: float
    loss: float
    residual: float
    run: str = ""
    file: str = ""


class Search(NamedTuple):
    """How the minimum was found: descents begun, how many agree on it to one millionth, its objective, and what was minimised."""

    starts: int
    agree: int
    objective: float
    minimised: str


class Combination(NamedTuple):
    """How a forecast sees the runs.

    Attributes
    ----------
    gamma : float
        Geometric mean over members that leave it free: 1 means that the two terms add up, less that the larger one dominates.
    gamma_range : (low, high)
        Over those members.
    members : int
    eta, zeta : float
        Growth of misfit with distance from the loss-compute frontier and from the largest compute; 0, 0: the law describes every
        run alike.
    """

    gamma: float
    gamma_range: tuple[float, float]
    members: int
    eta: float
    zeta: float


class Candidate(NamedTuple):
    """One form that ``--form auto`` tried: its held-out error, information criterion and what it needs from the data."""

    form: str
    constants: int
    held_out: float | None
    information: float
    weight: float


class Prediction(NamedTuple):
    """The loss of a run, or of arrays of runs, with intervals; ``parts`` are half-widths in ln loss whose squares add."""

    loss: Num
    mean: tuple[Num, Num]
    run: tuple[Num, Num]
    level: float
    parts: dict[str, Num]
    calibrated: Num


@dataclass(frozen=True, eq=False)
class FitResult(Shown):
    """What a table of runs says.

    Attributes
    ----------
    method : {"forecast", "classical", "isoflop", "envelope"}
    law : Law
        Usable wherever a published law is: ``planner.plan(flops=1e23, law=result.law)``.
    quality : Quality or None
        None where the method makes no loss surface.
    intervals : mapping of str to (low, high)
        Of the law's constants, from its draws; for a forecast those of its members' typical constants.
    constants : mapping of str to float
        The law's constants; for a forecast the weighted geometric means over its members.
    exponents, exponent_interval : (a, b) and (low, high) or None
        N_opt ~ C^a, D_opt ~ C^b, and the interval of a.
    ratios : tuple of RatioAt
        Compute-optimal runs at round budgets.
    search : Search or None
    combination : Combination or None
        Of a forecast.
    outliers : tuple of Outlier
        Runs that the law misses by much more than the rest. None of them was dropped: ``exclude_outliers`` does that.
    candidates : tuple of Candidate
        Where ``form="auto"`` chose the form.
    others : tuple of FitResult
        The other parametric method on the same runs.
    notes : tuple of Note
    level : float
    inputs : mapping
        What was asked.
    sample : Sample
        The runs themselves.
    """

    method: Method
    law: Law
    quality: Quality | None
    constants: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    exponents: tuple[float, float] | None
    exponent_interval: tuple[float, float] | None
    ratios: tuple[RatioAt, ...]
    search: Search | None
    combination: Combination | None
    outliers: tuple[Outlier, ...]
    notes: tuple[Note, ...]
    level: float
    inputs: Mapping[str, Any]
    candidates: tuple[Candidate, ...] = ()
    others: "tuple[FitResult, ...]" = ()
    sample: "Sample | None" = None
    version: str = __version__

    @property
    def draws(self) -> Draws | None:
        """The law's parameter draws."""
        return self.law.draws

    def __repr__(self) -> str:
        return f"FitResult({self.method!r}, {self.inputs['runs']!r}, exponents={self.exponents})"

    def predict(self, params: Num, tokens: Num, *, unique_tokens: Num = None, level: Number = LEVEL) -> Prediction:
        """Return the expected loss of a run, with the interval of the law and of a single new run.

        Parameters
        ----------
        params, tokens : float, str or array
            N and D, such as ``"1.3B"``; they broadcast.
        unique_tokens : float or array, optional
            Different tokens among D, for a law of the form ``repeated``; by default each is seen once.
        level : float or str
            Of the intervals, in (0, 1).

        Returns
        -------
        Prediction

        Raises
        ------
        CannotPlanError
            The method gave no loss surface.
        """
        confidence = check_level(level)
        params = parse_count(params, "params", "parameters") if isinstance(params, str) else params
        tokens = parse_count(tokens, "tokens", "tokens") if isinstance(tokens, str) else tokens
        if self.law.surface_law is not self.law:
            raise CannotPlanError(f"the {self.method} method gives no loss of a run: fit with method='forecast' or 'classical'")
        if unique_tokens is not None:
            if "R_D" not in self.law.params:
                raise OptionError("unique_tokens: this law knows nothing of repeated data; fit with form='repetition'")
            p = self.law.params
            given = {"params": params, "tokens": tokens, "unique_tokens": unique_tokens}
            N, D, unique = (real_numbers(value, name) for name, value in given.items())
            params, tokens = effective(dict(p), p["R_D"], p["R_N"], N, D, np.minimum(unique, D))
        loss = self.law.loss(params, tokens)
        found = guarded(self.law, lambda: loss_interval(self.law, params, tokens, confidence))
        if found is None:
            raise CannotPlanError(f"{self.law.id} has no draws, so it has no intervals: fit with draws=200 or more")
        mean, run = ((_float(low), _float(high)) for low, high in (found.mean, found.run))
        parts = {name: _float(part) for name, part in found.parts.items()}
        calibrated = bool(found.calibrated) if np.ndim(found.calibrated) == 0 else found.calibrated
        return Prediction(loss, mean, run, confidence, parts, calibrated)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the law with its draws and provenance as a law file (JSON) for ``plan --law``.

        Raises
        ------
        OptionError
            The name does not end in .json, or the file exists and ``overwrite`` is not given.
        """
        import json

        from planner.scaling_laws.law_file import law_to_table

        target = law_target(path, overwrite, self.inputs["runs"])
        text = json.dumps(law_to_table(self.law), indent=1, ensure_ascii=False, allow_nan=False)
        write_new(target, compact_lists(text) + "\n", overwrite=overwrite)
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: base units, full precision."""
        names = (
            "method law constants intervals level exponents exponent_interval ratios quality search combination outliers "
            "candidates notes others inputs version"
        )
        return {name: as_json(getattr(self, name)) for name in names.split()}


def law_target(path: Raw, overwrite: Raw, runs: Raw) -> Path:
    """Return the file that a fitted law is to be written to, before the fit; never the table of runs itself.

    Raises
    ------
    OptionError
        As :func:`planner._util.files.new_file`, or the table of runs.
    """
    target = new_file(path, overwrite, ".json", "a fitted law")
    sources = [*runs] if isinstance(runs, tuple) else [runs, *runs.split(", ")] if isinstance(runs, str) else [runs]
    paths = [Path(each) for each in sources if isinstance(each, (str, Path))]
    if target.exists() and any(path.exists() and target.samefile(path) for path in paths):
        raise OptionError(f"save {shown(str(path))}: that is the table of runs itself; choose another name")
    return target


def _float(value: Num) -> Num:
    return float(value) if np.ndim(value) == 0 else value


def typical(values: Num, weight: Num) -> float:
    """Return the weighted geometric mean."""
    return float(np.exp(np.sum(np.log(values) * weight) / np.sum(weight)))


def compact_lists(text: str) -> str:
    """Put each list of numbers on one line: a thousand draws a line each would bury the rest."""
    import re

    return re.sub(r"\[\s+([^\[\]{}\"]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
