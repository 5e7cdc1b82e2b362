"""Ranges in, one row for each point out: plans over budgets, losses, sizes, prices, laws, in blocks of bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import inf, prod
from typing import Any, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from planner._util.defaults import DEFAULT_LAW
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers, check_workers, mapper
from planner._util.to_json import Shown, as_json
from planner._version import __version__
from planner.allocation.extrapolation import FAR, own_notes
from planner.errors import OptionError
from planner.inputs.law_choice import LawLike, load_laws
from planner.inputs.mixture_choice import varies
from planner.inputs.mixtures import CHOICE_INPUTS
from planner.inputs.question import Question
from planner.inputs.ranges import ALONG, Axis, axis_of
from planner.inputs.ranges import axes as axes_known
from planner.inputs.registry import SweepInputs, asks, stated
from planner.inputs.request import Request, read_request, refuse_served_after
from planner.notes import Note, Severity
from planner.planning.plan_details import MOSTLY, NO_RUN
from planner.planning.sweep_rows import TAKEN, Along, Job, Rows, solve
from planner.quantities import format_count, format_percent, format_price, is_range, shown, whole_number
from planner.scaling_laws.law import Law

BLOCK = 10_000
"""Rows of a block: what a sweep holds in memory, whatever its length."""

_FEW = 200  # questions of a block, where each must be read by itself
_POINTS = {0: 1, 1: 50, 2: 10}  # of each range, unless the user says otherwise
_MOST = 10_000_000
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Shown):
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
    question: Question
    named: tuple[Law, ...] = ()
    workers: Workers = 1
    version: str = __version__

    def __repr__(self) -> str:
        ranges = ", ".join(f"{axis.name} {axis.values[0]:.6g} to {axis.values[-1]:.6g}" for axis in self.axes)
        return f"Sweep({len(self)} rows: {ranges or 'no range'}; {', '.join(law.id for law in self.named)[:150]})"

    def __len__(self) -> int:
        return len(self.laws) * prod(len(axis.values) for axis in self.axes)

    def blocks(
        self, finish: Callable[[Rows], Result] | None = None, progress: Progress | None = None
    ) -> Iterator[tuple[Any, Counter[str]]]:
        """Give blocks with their counts one after the other, each passed through ``finish`` where it was made."""
        jobs = iter(self._jobs())
        ahead = 1 if self.workers == 1 else 8
        with mapper(self.workers) as spread:
            while batch := [(job, finish) for job in islice(jobs, ahead)]:
                for found in spread(solve, batch):
                    if not isinstance(found, tuple) or len(found) != 3:
                        text = f"workers {shown(self.workers)}: a map must return what the work gives, got {shown(found)}"
                        raise OptionError(text)
                    result, rows, counts = found
                    if progress:
                        progress(rows, len(self))
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

    def _jobs(self) -> Iterator[Job]:
        for law in self.laws:
            outer, inner, along = self.axes, None, np.ones(1)
            if self.axes and self.axes[-1].name in ALONG and not varies(self.question, law):
                outer, last = self.axes[:-1], self.axes[-1]
                inner, along = Along(last.name, last.column, float(last.values[0]), last.at(0)), last.values
            few = max(1, min(_FEW, BLOCK // len(along)))
            points = product(*(range(len(axis.values)) for axis in outer))
            while some := tuple(_point(outer, places) for places in islice(points, few)):
                for start in range(0, len(along), BLOCK):
                    yield Job(self.question, law, some, inner, along[start : start + BLOCK], self.columns)


_SAID: dict[str, tuple[Severity, str]] = {
    "extrapolation": ("warning", f"lie more than {FAR:g}x outside the runs of their law: guesses, not forecasts"),
    "no-answer": ("warning", "have no answer: serving alone spends the budget, or no budget reaches the loss"),
    "epochs": ("warning", "repeat their tokens beyond what helps: more compute is all but wasted there, find more data"),
    "overfitting": (
        "warning",
        "repeat their tokens so often that more passes raise the loss, by a penalty fitted to repeated runs (plan says from when "
        "on): the losses here are of tokens that fade",
    ),
    "mostly-serving": (
        "warning",
        f"spend more than {format_percent(MOSTLY)} on serving: the demand decides the size, so check it well",
    ),
    "deadline": ("warning", "miss the deadline"),
    "no-run": (
        "warning",
        f"have fewer than {format_count(NO_RUN, 2)} parameters or tokens, which are no model: was a suffix such as B forgotten?",
    ),
    "memory": ("warning", "do not fit their devices: weights, gradients and Adam's states take more than there is"),
    "served-copy": ("warning", "have a served copy that does not fit the devices it is to be served on"),
    "quantised-outside": ("warning", f"lie more than {FAR:g}x outside the models whose rounding was measured: a guess there"),
    "usual-speed": ("info", "take the published MFU: the speed of no model of about their size can be forecast"),
    "inference-not-counted": ("info", "are underfit by training compute alone: small models may be meant, to be cheap to serve"),
}


def _point(axes: tuple[Axis, ...], places: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return one point of some ranges, as a question has it and as rows have it."""
    at = list(zip(axes, places, strict=True))
    return {axis.name: axis.at(place) for axis, place in at}, {axis.column: float(axis.values[place]) for axis, place in at}


@asks(SweepInputs)
def sweep(
    *,
    law: LawLike | Sequence[LawLike] = DEFAULT_LAW,
    points: int | None = None,
    workers: Workers = 1,
    **asked: Unpack[SweepInputs],
) -> Sweep:
    """Plan over ranges of one or two inputs: each row is what :func:`planner.plan` answers for its point.

    At most two inputs are ranges: ``"1e18..1e26"``, or a pair of ends.

    Parameters
    ----------
    law : str, Path or Law, or a sequence of them
        Several laws (``"kaplan2020,besiroglu2024"``) are swept one after the other.
    points : int, optional
        Values of each range: 50 of one, 10 each of two. Ranges are divided evenly in the logarithm; fractions, losses, PUE and
        grids evenly.
    workers : int or map-like callable
        Processes, as of :func:`planner.fit`.
    {inputs}

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
    given = stated(asked, SweepInputs, "sweep")
    check_workers(workers)
    laws = load_laws(law, "law")
    axes = _axes(given, points)
    varied = {axis.name for axis in axes}
    question = Question.of(SweepInputs, "sweep", {name: value for name, value in given.items() if name not in varied})
    found = Sweep(axes, laws, (), (), FrozenDict(), question, workers=workers)
    if len(found) > _MOST:
        raise OptionError(f"points: {len(found)} rows; expected at most {_MOST}")
    corners = [_point(axes, ends)[0] for ends in product((0, -1), repeat=len(axes))]
    first = [read_request(question._replace(law=each, **corner)) for each in laws for corner in corners]
    named = tuple(request.problem.law for request in first[:: 2 ** len(axes)])
    for request in first:
        refuse_served_after(request, "a range")
        _ = request.problem.frontier  # a law that must not choose a size is refused, whatever is fixed
    inputs = {
        **{axis.name: [float(axis.values[0]), float(axis.values[-1])] for axis in axes},
        "law": [each.id for each in laws],
        "points": points,
        **{name: value for name, value in first[0].inputs.items() if name not in {*varied, "law"} and value is not None},
        "tolerance": question.tolerance,
        "level": question.level,
    }
    columns = _columns(axes, first, sure="level" in given)
    notes = tuple(_notes(question, first, named, columns))
    found = replace(found, columns=columns, notes=notes, inputs=FrozenDict(inputs), named=named)
    for each in laws:
        found.try_first(each)
    return found


def _axes(given: Mapping[str, object], points: int | None) -> tuple[Axis, ...]:
    """Read the ranges, the one that arrays are solved along last."""
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            said = "expected one value or a range such as 1e18..1e26, not an array; planner.allocate takes arrays"
            raise OptionError(f"`{name}`: {said}")
    known, ranged = axes_known(), []
    for name, value in given.items():
        if name in known and is_range(value):
            ranged.append(name)
        elif name not in {*known, "gpu_file"} and isinstance(value, str) and is_range(value):
            where = ", ".join(f"`{each}`" for each in known)
            raise OptionError(f"`{name}` {shown(value)}: no range goes there; ranges go with {where}")
    if len(ranged) > 2:
        raise OptionError(f"{', '.join(f'`{name}`' for name in ranged)} are {len(ranged)} ranges: give at most two")
    if points is not None and not ranged:
        raise OptionError("`points` go with a range, such as `flops` 1e18..1e26")
    count = _POINTS[len(ranged)] if points is None else whole_number(points, "`points`", 2, _MOST)
    return tuple(axis_of(name, given[name], count) for name in sorted(ranged, key=lambda name: name in ALONG))


def _columns(axes: tuple[Axis, ...], first: Sequence[Request], *, sure: bool) -> tuple[str, ...]:
    """Return what every row has, so that all blocks are alike; intervals of a published law, which take time, if ``sure``."""
    names = ["law", *(axis.column for axis in axes), "flops", "params", "tokens", "tokens_per_param", "loss"]
    mixtures = [request.problem.law for request in first if request.problem.law.form.active is not None]
    if mixtures:
        names.append("total_params")
        names += [CHOICE_INPUTS[name] for law in mixtures for name in law.choices]
    question = first[0].question
    if question.serving_gpus is not None:
        names += ["weight_bytes", *(["cache_bytes"] if question.cached_tokens is not None else [])]
    if question.serve_precision is not None:
        names.append("served_loss")
    if any(request.problem.repetition is not None for request in first):
        names.append("epochs")
    if any(not request.problem.limits.free or request.problem.law.judge is not None for request in first):
        names += ["regime", "overhead"]
    names.append("extrapolation")
    drawn = [request.problem.law.draws for request in first]
    if any(draws is not None and (sure or draws.covariance is None) for draws in drawn):
        names += [f"{name}_{end}" for name in ("params", "loss") for end in ("low", "high")]
    machine = first[0].held.machine
    if any(request.speeds is not None for request in first):
        names.append("mfu")
    if machine is not None:
        known = [name for name in TAKEN if getattr(machine.cost(1.0), name) is not None]
        names += [each for name in known for each in (f"{name}_low", name, f"{name}_high")]
    return tuple(dict.fromkeys(names))


def _notes(question: Question, first: Sequence[Request], laws: Sequence[Law], columns: tuple[str, ...]) -> Iterator[Note]:
    """Say what holds for all rows, by the requests at the ends of the ranges under each law."""
    yield from {(note.code, note.text): note for request in first for note in _of_request(request)}.values()
    yield from _price_notes(first)
    if any(request.held.machine and request.problem.spending.served for request in first):
        text = "compute is training and serving together; device-hours, time, cost, energy and CO2e are of training alone"
        yield Note("costs-train", "info", text)
    if len({law.conventions.data for law in laws if law.surface_law}) > 1:
        text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
        yield Note("losses-differ", "info", text)
    if len({request.held.machine.devices for request in first if request.held.machine and request.speeds}) > 1:
        text = "each row uses all its devices; some numbers train less than a smaller one that divides better into layouts and "
        yield Note("idle-devices", "info", f"{text}batches, which the plan of one number names")
    yield from question.idle_notes(judged="regime" in columns, drawn="params_low" in columns)
    known = [request.problem.law.id for request in first if request.problem.law.draws is not None]
    if known and "params_low" not in columns:
        text = f"{known[0]} has intervals: --level 95% gives their ends for each row (they take time)"
        yield Note("intervals", "info", text)


def _of_request(request: Request) -> Iterator[Note]:
    """Give what is said of a law and a question, of its speed for all rows."""
    flops = inf if request.flops is None else request.flops
    yield from own_notes(request.problem.law, flops, request.problem.repetition)
    if request.speeds is None:
        yield from request.notes
    else:
        yield from (note for note in request.notes if note.code not in {"mfu-forecast", "mfu-default"})
        text = "MFU is forecast for the model of each row that configure would propose; yours: --mfu"
        yield Note("mfu-forecast", "info", text)


def _price_notes(first: Sequence[Request]) -> Iterator[Note]:
    """Say at which price dollars are counted; over a range of prices, from which to which."""
    parts = [request.held.machine.parts[0] for request in first if request.held.machine]
    prices = [part.price for part in parts if part.price is not None]
    if not prices:
        return
    device, price = parts[0].device, prices[0]
    span = f"{format_price(min(each.low for each in prices))} to {format_price(max(each.high for each in prices))}"
    if len({each.expected for each in prices}) > 1:
        yield Note("price", "info", f"dollars at {span} a device-hour of {device.id}, row by row")
        return
    dated = f", published {device.price_date}" if device.price_date else ""
    known = f"{format_price(price.expected)} a device-hour of {device.id}{'' if price.known else f', {span}{dated}'}"
    yield Note("price", "info", f"dollars at {known}; CSV and JSON have both ends")
