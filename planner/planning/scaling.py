"""One batch on ever more devices: how much faster a step gets, and where more devices stop paying."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any, NamedTuple, Unpack

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.to_json import Answer
from planner._version import __version__
from planner.architectures.step_time import FILE
from planner.errors import CannotPlanError, OptionError
from planner.inputs.question import Question
from planner.inputs.ranges import axis_of
from planner.inputs.registry import ThroughputInputs, asks
from planner.notes import Note
from planner.planning.throughput import Throughput, batch_for, model_of, throughput
from planner.quantities import format_count, format_whole, is_range, shown


class ScaledRun(NamedTuple):
    """The same step on so many devices.

    Attributes
    ----------
    devices : int
    throughput : Throughput or None
        None where no layout works on the batch or fits in memory, or none is forecast.
    speedup, efficiency : float or None
        Tokens a second over those of the first row, and that over the devices'.
    dollars_per_trillion : float or None
        What 1e12 tokens cost at the devices' price.
    reason : str
        Why there is no forecast.
    """

    devices: int
    throughput: Throughput | None
    speedup: float | None
    efficiency: float | None
    dollars_per_trillion: float | None
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Scaling(Answer):
    """One batch on ever more devices (strong scaling).

    Attributes
    ----------
    rows : tuple of ScaledRun
    batch : float
        Tokens of a step, the same for all.
    pays_to : int or None
        The most devices up to which every doubling pays.
    worth : float
        How much faster a doubling must make it to pay.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    rows: tuple[ScaledRun, ...]
    batch: float
    pays_to: int | None
    worth: float
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(ThroughputInputs)
def scaling(*, recompute: str | None = None, **asked: Unpack[ThroughputInputs]) -> Scaling:
    """Forecast how fast a model trains on ever more devices, at the same batch: ``gpus="64..4096xH100"``.

    Parameters
    ----------
    recompute : {"none", "selective", "op", "full"}, optional
        Which activations are computed anew; by default that which is fastest and fits.
    {inputs}

    Returns
    -------
    Scaling

    Raises
    ------
    PlannerError
        As :func:`planner.throughput`, and where the devices are no range of one kind.

    Examples
    --------
    >>> import planner
    >>> found = planner.scaling(shape="llama3-8b", gpus="64..1024xH100", batch="4M")
    >>> [row.devices for row in found.rows]
    [64, 128, 256, 512, 1024]
    """
    gpus = asked.get("gpus")
    if not is_range(gpus):
        raise OptionError(f"`gpus` {shown(gpus)}: expected a range of devices of one kind, such as 64..1024xH100")
    axis = axis_of("gpus", gpus, 2)
    low, high = int(axis.values[0]), int(axis.values[-1])
    counts = sorted({*(low * 2**times for times in range((high // low).bit_length())), high})  # each twice the last
    rest: dict[str, Any] = {name: value for name, value in asked.items() if name != "gpus"}
    question = Question.of(ThroughputInputs, "scaling", rest)
    batch, said = batch_for(question, model_of(question))
    found = {count: _forecast({**rest, "gpus": f"{count}x{axis.device}", "batch": batch}, recompute) for count in counts}
    first = next(((count, each) for count, each in found.items() if isinstance(each, Throughput)), None)
    if first is None:
        raise CannotPlanError(f"`gpus` {gpus}: nothing can be forecast on any of these; on {counts[0]}: {found[counts[0]]}")
    rows = tuple(_row(count, each, *first) for count, each in found.items())
    given = {"recompute": recompute} if recompute is not None else {}
    inputs = FrozenDict({**question.stated(), "gpus": str(gpus), **given, "level": question.level})
    worth = float(settings(FILE, "asked")["doubling"])
    return Scaling(rows, batch, _pays_to(rows, worth), worth, tuple(_notes(rows, batch, said)), inputs)


def _forecast(asked: dict[str, Any], recompute: str | None) -> Throughput | str:
    """Return a forecast, or why there is none."""
    try:
        found = throughput(recompute=recompute, **asked)
    except (OptionError, CannotPlanError) as error:
        return str(error)
    return "no layout fits in their memory" if found.fits is False else found


def _row(count: int, found: Throughput | str, fewest: int, first: Throughput) -> ScaledRun:
    """Return a row beside the first that has a forecast, on the fewest devices."""
    if isinstance(found, str):
        return ScaledRun(count, None, None, None, None, found)
    speedup = found.tokens_per_second / first.tokens_per_second
    return ScaledRun(count, found, speedup, speedup * fewest / count, found.dollars_per_trillion, "")


def _pays_to(rows: tuple[ScaledRun, ...], worth: float) -> int | None:
    """Return the most devices up to which every doubling pays; a last step that is less than one is held to its own part."""
    reached: tuple[int, float] | None = None
    for row in rows:
        if row.speedup is None and reached is None:
            continue
        if row.speedup is None:
            break
        if reached and row.speedup / reached[1] < worth ** log2(row.devices / reached[0]) * (1 - 1e-12):
            break
        reached = row.devices, row.speedup
    return reached and reached[0]


def _notes(rows: tuple[ScaledRun, ...], batch: float, said: str) -> Iterator[Note]:
    if said:
        yield Note("batch", "info", said)
    text = f"one batch of about {format_count(batch)} tokens on all: more devices could take a larger one, which costs compute"
    yield Note("strong-scaling", "info", text)
    for reason in dict.fromkeys(row.reason for row in rows if row.reason):
        counts = ", ".join(format_whole(row.devices) for row in rows if row.reason == reason)
        yield Note("no-layout", "info", f"no forecast on {counts} devices: {reason}")
