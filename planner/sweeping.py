"""Ranges in, one row for each point out: plans over budgets, losses, sizes, prices, laws, in blocks of bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from planner._frozen import FrozenDict
from planner._spread import Progress, Workers, check_workers, mapper
from planner._version import __version__
from planner.accounting import MOSTLY
from planner.answers import as_json
from planner.asking.ranges import ALONG, AXES, Axis, axis_of
from planner.asking.request import Request
from planner.choosing import DEFAULT_LAW, LawLike, load_laws
from planner.errors import OptionError
from planner.intervals import LEVEL, check_level
from planner.law import Law
from planner.machines.fleet import Machine
from planner.notes import Note, Severity
from planner.plans import TOLERANCE
from planner.regimes import FAR, own_notes
from planner.sweep_rows import TAKEN, Along, Job, Rows, limited, read_point, solve
from planner.units import format_percent, format_price, is_range, parse_fraction, shown, whole_number

BLOCK = 10_000
"""Rows of a block: what a sweep holds in memory, whatever its length."""

_FEW = 200  # questions of a block, where each must be read by itself
_POINTS = {0: 1, 1: 50, 2: 10}  # of each range, unless the user says otherwise
_MOST = 10_000_000
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Sweep:
    """Plans over one or two ranges, a row for each point; nothing is computed until rows are asked for.

    Attributes
    ----------
    axes : tuple of Axis
        What varies, with its values; the last one varies fastest.
    laws : tuple of Law
        One after the other.
    columns : tuple of str
        What each row has: ``law``, what varies, ``flops``, ``params``, ``tokens``, ``tokens_per_param``, ``loss`` and
        ``extrapolation``, in base units; where something limits the run ``regime`` and ``overhead``; ends of intervals where a
        law has draws; what it takes on a machine, with low and high end, where one was named.
    named : tuple of Law
        The same as they answer: with replaced constants or exponents they bear another name.
    notes : tuple of Note
        Of the question; ``remarks`` adds those of the rows.
    inputs : mapping
    version : str
    """

    axes: tuple[Axis, ...]
    laws: tuple[Law, ...]
    columns: tuple[str, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    question: Mapping[str, Any]
    named: tuple[Law, ...] = ()
    workers: Workers = 1
    version: str = __version__

    def __len__(self) -> int:
        rows = len(self.laws)
        for axis in self.axes:
            rows *= len(axis.values)
        return rows

    def blocks(
        self, finish: Callable[[Rows], Result] | None = None, progress: Progress | None = None
    ) -> Iterator[tuple[Any, Counter[str]]]:
        """Give blocks with their counts one after the other, each passed through ``finish`` where it was made."""
        jobs = iter(self._jobs())
        ahead = 1 if self.workers == 1 else 8
        total = len(self)
        with mapper(self.workers) as spread:
            while batch := [(job, finish) for job in islice(jobs, ahead)]:
                for found in spread(solve, batch):
                    if not isinstance(found, tuple) or len(found) != 3:
                        raise OptionError(
                            f"workers {shown(self.workers)}: a map must return what the work gives, got {shown(found)}"
                        )
                    result, rows, counts = found
                    if progress:
                        progress(rows, total)
                    yield result, counts

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give each row as a mapping; what a row has not is None."""
        for block, _ in self.blocks():
            yield from block.rows(self.columns)

    def table(self) -> dict[str, NDArray[Any]]:
        """Return every column as one array, all rows in memory."""
        parts = [block.columns for block, _ in self.blocks()]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.columns}

    def remarks(self, counts: Mapping[str, int]) -> tuple[Note, ...]:
        """Return what must be said of all rows once they are counted."""
        said = [
            Note(code, severity, f"{counts[code]} of {len(self)} rows {text}")
            for code, (severity, text) in _SAID.items()
            if counts.get(code)
        ]
        return (*self.notes, *said)

    def head(self) -> dict[str, Any]:
        """Return all but the rows as JSON types."""
        ranges = [{"name": axis.name, "unit": axis.unit, "points": len(axis.values)} for axis in self.axes]
        laws = [{"id": law.id, "reference": law.reference, "loss_unit": law.conventions.loss_unit} for law in self.named]
        return {"inputs": as_json(self.inputs), "ranges": ranges, "laws": laws, "columns": list(self.columns)}

    def try_first(self, law: Law) -> None:
        """Solve the first point under a law, so that what cannot be answered is refused before any row is given."""
        job = next(iter(replace(self, laws=(law,))._jobs()))
        solve((job._replace(points=job.points[:1], along=job.along[:1]), None))

    def _jobs(self) -> Iterator["Job"]:
        inner = self.axes[-1] if self.axes and self.axes[-1].name in ALONG else None
        outer = self.axes[:-1] if inner else self.axes
        along = inner.values if inner else np.ones(1)
        few = max(1, min(_FEW, BLOCK // len(along)))
        for law in self.laws:
            points = product(*(range(len(axis.values)) for axis in outer))
            while some := [_point(outer, indices) for indices in islice(points, few)]:
                for start in range(0, len(along), BLOCK):
                    part = along[start : start + BLOCK]
                    yield Job(self.question, law, tuple(some), _along(inner), part, self.columns)


_SAID: dict[str, tuple[Severity, str]] = {
    "extrapolation": ("warning", f"lie more than {FAR:g}x outside the runs of their law: guesses, not forecasts"),
    "no-answer": ("warning", "have no answer: serving alone spends the budget, or no budget reaches the loss"),
    "epochs": ("warning", "repeat their tokens beyond what helps: more compute is all but wasted there, find more data"),
    "mostly-serving": (
        "warning",
        f"spend more than {format_percent(MOSTLY)} on serving: the demand decides the size, so check it well",
    ),
    "inference-not-counted": ("info", "are underfit by training compute alone: small models may be meant, to be cheap to serve"),
}


def _point(axes: tuple[Axis, ...], indices: tuple[int, ...]) -> tuple[dict[str, object], dict[str, float]]:
    """Return one point of the outer ranges, as a question has it and as rows have it."""
    at = list(zip(axes, indices, strict=True))
    return {axis.name: axis.given(i) for axis, i in at}, {axis.column: float(axis.values[i]) for axis, i in at}


def _along(inner: Axis | None) -> Along | None:
    return inner and Along(inner.name, inner.column, float(inner.values[0]), inner.given(0))


def sweep(
    *,
    law: LawLike | Sequence[LawLike] = DEFAULT_LAW,
    points: int | None = None,
    workers: Workers = 1,
    flops: object = None,
    loss: object = None,
    params: object = None,
    tokens: object = None,
    tokens_per_param: object = None,
    active_params: object = None,
    max_params: object = None,
    max_tokens: object = None,
    experts: object = None,
    granularity: object = None,
    experts_per_token: object = None,
    sparsity: object = None,
    shape: object = None,
    flops_rule: object = None,
    recompute: object = None,
    unique_tokens: object = None,
    precision: object = None,
    data_quality: object = None,
    inference_tokens: object = None,
    inference_per_month: object = None,
    months: object = None,
    generated_tokens: object = None,
    mfu: object = None,
    inference_mfu: object = None,
    generation_mfu: object = None,
    price: object = None,
    inference_price: object = None,
    gpus: object = None,
    gpu: object = None,
    days: object = None,
    gpu_hours: object = None,
    dollars: object = None,
    energy: object = None,
    co2: object = None,
    pf_days: object = None,
    deadline: object = None,
    dtype: object = None,
    peak: object = None,
    power: object = None,
    pue: object = None,
    grid: object = None,
    overhead: object = None,
    gpu_file: object = None,
    exponents: Sequence[object] | None = None,
    anchor: object = None,
    constants: Mapping[str, object] | None = None,
    tolerance: object = TOLERANCE,
    level: object = LEVEL,
) -> Sweep:
    """Plan over ranges of one or two inputs: each row is what :func:`planner.plan` answers for its point.

    Parameters
    ----------
    law : str, Path or Law, or a sequence of them
        Several laws (``"kaplan2020,besiroglu2024"``) are swept one after the other.
    points : int, optional
        Values of each range: 50 of one, 10 each of two. Ranges are divided evenly in the logarithm; fractions, losses, PUE and
        grids evenly.
    workers : int or map-like callable
        Processes, as of :func:`planner.fit`.
    flops, loss, params, ... : float or str
        As of :func:`planner.plan`. At most two are ranges: ``"1e18..1e26"``, or a pair of ends.

    Returns
    -------
    Sweep
        Iterate over it for rows, or take ``table()`` for arrays.

    Raises
    ------
    PlannerError
        As :func:`planner.plan`, a range that ends where it begins or before, or more than two ranges.

    Examples
    --------
    >>> import planner
    >>> for row in planner.sweep(flops="1e20..1e22", points=3):
    ...     print(f"{row['flops']:.0e} FLOP: {row['params']:.3g} parameters, {row['tokens']:.3g} tokens, loss {row['loss']:.3f}")
    1e+20 FLOP: 8.53e+08 parameters, 1.95e+10 tokens, loss 2.553
    1e+21 FLOP: 2.78e+09 parameters, 6e+10 tokens, loss 2.306
    1e+22 FLOP: 9.05e+09 parameters, 1.84e+11 tokens, loss 2.141
    """
    asked = {name: value for name, value in locals().items() if name not in {"law", "points", "workers"}}
    given = {name: value for name, value in asked.items() if value is not None}
    check_workers(workers)
    laws = load_laws(law, "law")
    axes = _axes(given, points)
    allowed = parse_fraction(tolerance, "tolerance")
    confidence = check_level(parse_fraction(level, "level"))
    question = FrozenDict({**given, "tolerance": allowed, "level": confidence})
    found = Sweep(axes, laws, (), (), FrozenDict(), question, laws, workers)
    if len(found) > _MOST:
        raise OptionError(f"points: {len(found)} rows; expected at most {_MOST}")
    corners = list(product(*((0, -1) for _ in axes)))
    ends = [{axis.name: axis.given(end) for axis, end in zip(axes, corner, strict=True)} for corner in corners]
    first = [read_point(question, each, end) for each in laws for end in ends]
    named = tuple(request.problem.law for request in first[:: len(ends)])
    for request in first:
        _ = request.problem.frontier  # a law that must not choose a size is refused, whatever is fixed
    seen = {(note.code, note.text): note for request in first for note in (*own_notes(request.problem), *request.notes)}
    constant = {key: value for key, value in first[0].inputs.items() if key not in {axis.name for axis in axes} and key != "law"}
    ranges = {axis.name: [float(axis.values[0]), float(axis.values[-1])] for axis in axes}
    inputs = {
        **ranges,
        "law": [each.id for each in laws],
        "points": points,
        **{k: v for k, v in constant.items() if v is not None},
    }
    notes = (*seen.values(), *_price_notes(first[0].held.machine), *_loss_notes(named))
    found = Sweep(axes, laws, _columns(axes, first), notes, FrozenDict(inputs), question, named, workers)
    for each in laws:
        found.try_first(each)
    return found


def _axes(given: Mapping[str, object], points: int | None) -> tuple[Axis, ...]:
    """Read the ranges, the one that arrays are solved along last."""
    odd = next((name for name, value in given.items() if isinstance(value, np.ndarray)), None)
    if odd is not None:
        raise OptionError(f"{odd}: expected one value or a range such as 1e18..1e26, not an array; planner.allocate takes arrays")
    ranged = [name for name, value in given.items() if name in AXES and is_range(value)]
    foreign = [
        name for name, value in given.items() if name not in {*AXES, "gpu_file"} and isinstance(value, str) and is_range(value)
    ]
    if foreign:
        raise OptionError(f"{foreign[0]} {shown(given[foreign[0]])}: no range goes there; ranges go with {', '.join(AXES)}")
    if len(ranged) > 2:
        raise OptionError(f"{', '.join(ranged)} are {len(ranged)} ranges: give at most two")
    if points is not None and not ranged:
        raise OptionError("points go with a range, such as flops 1e18..1e26")
    count = _POINTS[len(ranged)] if points is None else whole_number(points, "points", 2, _MOST)
    return tuple(axis_of(name, given[name], count) for name in sorted(ranged, key=lambda name: name in ALONG))


def _columns(axes: tuple[Axis, ...], first: Sequence[Request]) -> tuple[str, ...]:
    """Return what every row has, so that all blocks are alike."""
    names = ["law", *(axis.column for axis in axes), "flops", "params", "tokens", "tokens_per_param", "loss"]
    if any(request.problem.repetition is not None for request in first):
        names.append("epochs")
    if any(limited(request.problem) for request in first):
        names += ["regime", "overhead"]
    names.append("extrapolation")
    if any(request.problem.law.draws is not None for request in first):
        names += [f"{name}_{end}" for name in ("params", "loss") for end in ("low", "high")]
    machine = first[0].held.machine
    if machine is not None:
        known = [name for name in TAKEN if getattr(machine.cost(1.0), name) is not None]
        names += [each for name in known for each in (f"{name}_low", name, f"{name}_high")]
    return tuple(dict.fromkeys(names))


def _price_notes(machine: Machine | None) -> list[Note]:
    """Say at which price dollars are counted."""
    part = machine.parts[0] if machine else None
    if part is None or part.price is None:
        return []
    span = "" if part.price.known else f", {format_price(part.price.low)} to {format_price(part.price.high)}"
    dated = f", published {part.device.price_date}" if part.device.price_date and not part.price.known else ""
    known = f"{format_price(part.price.expected)} a device-hour of {part.device.id}"
    text = f"dollars at {known}{span}{dated}; CSV and JSON have both ends"
    return [Note("price", "info", text)]


def _loss_notes(laws: Sequence[Law]) -> list[Note]:
    if len({law.conventions.data for law in laws if law.surface_law}) < 2:
        return []
    text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
    return [Note("losses-differ", "info", text)]
