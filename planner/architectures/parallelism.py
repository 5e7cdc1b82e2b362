"""A shape on devices: layouts that fit in their memory, on those there are or on as few as do."""

from collections.abc import Iterator
from typing import NamedTuple

from planner._util.files import settings
from planner._util.showing import Raw
from planner._util.stable_choice import rounded
from planner.accelerators.fleet import Machine
from planner.architectures.memory import RECOMPUTE, Layout, Memory, Scheme, fewest_devices, memory
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.quantities import shown, whole_number


class Fit(NamedTuple):
    """The first shape on devices by one layout.

    Attributes
    ----------
    layout : Layout
    memory : Memory
        Bytes of the fullest device.
    fits : bool or None
        Whether it fits even where the forecast is low (True) or does not even where it is high (False); None between, and where
        no device was named.
    verdict : str
        The same in words, empty without a device.
    """

    layout: Layout
    memory: Memory
    fits: bool | None
    verdict: str


_VERDICTS = {True: "yes", None: "too close to say", False: "no"}


def smallest_memory(machine: Machine | None) -> float | None:
    """Return the bytes of the smallest device, as its driver reports them; None without one, or where that is not known."""
    if machine is None or any(part.device.memory is None for part in machine.parts):
        return None
    return float(min(part.device.memory or 0.0 for part in machine.parts))


def read_scheme(optimizer: Raw) -> Scheme:
    """Return what an optimizer keeps of each parameter."""
    schemes = settings("memory.toml", "schemes")
    if not isinstance(optimizer, str) or optimizer not in schemes:
        raise OptionError(f"optimizer {shown(optimizer)}: expected one of {', '.join(schemes)}")
    found = schemes[optimizer]
    return Scheme(optimizer, found["weights"], found["gradients"], found["optimizer"])


class Asked(NamedTuple):
    """A layout as far as the user fixed it."""

    zero: int | None
    tensor: int | None
    pipeline: int | None
    rest: Layout


def read_layout(zero: Raw, tensor: Raw, pipeline: Raw, micro_batch: Raw, recompute: Raw) -> Asked:
    """Read a layout; what is None is searched."""
    if recompute not in RECOMPUTE if isinstance(recompute, str) else True:
        raise OptionError(f"recompute {shown(recompute)}: expected one of {', '.join(RECOMPUTE)}")
    at_once = 1 if micro_batch is None else whole_number(micro_batch, "micro_batch", 1, 65_536)
    return Asked(
        zero=None if zero is None else whole_number(zero, "zero", 0, 3),
        tensor=None if tensor is None else whole_number(tensor, "tensor", 1, 1024),
        pipeline=None if pipeline is None else whole_number(pipeline, "pipeline", 1, 1024),
        rest=Layout(micro_batch=at_once, recompute=recompute),  # type: ignore[arg-type]  # checked above
    )


def placements(shape: Shape, scheme: Scheme, asked: Asked, machine: Machine | None, capacity: float | None) -> Iterator[Fit]:
    """Yield layouts: on the devices there are, or on as few as do; each once.

    Raises
    ------
    OptionError
        A split that the shape or the number of devices does not allow.
    """
    counted = int(machine.devices) if machine is not None and machine.counted else None
    _check_split(shape, asked, counted)
    if capacity is None:
        yield _unlimited(shape, scheme, asked, counted)
        return
    seen: set[Layout] = set()
    for zero in (0, 1, 2, 3) if asked.zero is None else (asked.zero,):
        fit = _best(shape, scheme, asked._replace(zero=zero), counted, capacity)
        bare = fit.layout._replace(zero=0) if fit.layout.data == 1 else fit.layout  # sharding over one device is none
        if bare in seen:
            continue
        seen.add(bare)
        yield fit


def fewest(shape: Shape, scheme: Scheme, asked: Asked, capacity: float) -> Fit | None:
    """Return the placement on the fewest devices of any stage; None where none fits."""
    stages = (0, 1, 2, 3) if asked.zero is None else (asked.zero,)
    found = [_best(shape, scheme, asked._replace(zero=zero), None, capacity) for zero in stages]
    return min((fit for fit in found if fit.fits), key=lambda fit: fit.layout.devices, default=None)


def _best(shape: Shape, scheme: Scheme, asked: Asked, counted: int | None, capacity: float) -> Fit:
    """Return the placement of one stage: the fewest devices, then the least split; where none surely fits, the least memory."""
    found: list[Fit] = []
    splits = [each for each in _splits(shape, asked) if counted is None or counted % (each[0] * each[1]) == 0]
    for tensor, pipeline in splits:
        layout = asked.rest._replace(zero=asked.zero or 0, tensor=tensor, pipeline=pipeline)
        if counted is not None:
            layout = layout._replace(data=counted // (tensor * pipeline))
        else:
            layout = fewest_devices(shape, scheme, layout, capacity) or layout
        taken = memory(shape, scheme, layout)
        fits = taken.fits(capacity)
        found.append(Fit(layout, taken, fits, _VERDICTS[fits]))
    good = [fit for fit in found if fit.fits]
    if good:
        return min(good, key=lambda fit: (fit.layout.devices, fit.layout.tensor * fit.layout.pipeline))
    return min(found, key=lambda fit: rounded(fit.memory.total))


def _check_split(shape: Shape, asked: Asked, counted: int | None) -> None:
    """Refuse a split that cannot be."""
    tensor, pipeline = asked.tensor or 1, asked.pipeline or 1
    if pipeline > shape.layers:
        raise OptionError(f"pipeline {pipeline}: the shape has {shape.layers} layers")
    if not _divides(shape, tensor):
        raise OptionError(
            f"tensor {tensor}: does not divide the shape's {shape.heads} heads, {shape.kv_heads} key-value heads and "
            f"feed-forward width {shape.ffn} evenly"
        )
    if counted is not None and counted % (tensor * pipeline):
        raise OptionError(f"tensor {tensor} x pipeline {pipeline}: {counted} devices are no multiple of {tensor * pipeline}")


def _divides(shape: Shape, tensor: int) -> bool:
    """Tell whether matrices can be split over so many devices; key-value heads are split, or repeated where they are fewer."""
    keys = shape.kv_heads % tensor == 0 or tensor % shape.kv_heads == 0
    return keys and shape.heads % tensor == 0 and shape.ffn % tensor == 0


def _unlimited(shape: Shape, scheme: Scheme, asked: Asked, counted: int | None) -> Fit:
    """Return the layout as asked for, where no memory is known to hold it against: on all devices there are, or on one."""
    tensor, pipeline = asked.tensor or 1, asked.pipeline or 1
    data = 1 if counted is None else counted // (tensor * pipeline)
    layout = asked.rest._replace(zero=asked.zero or 0, data=data, tensor=tensor, pipeline=pipeline)
    return Fit(layout, memory(shape, scheme, layout), None, "")


def _splits(shape: Shape, asked: Asked) -> Iterator[tuple[int, int]]:
    """Yield (tensor, pipeline) splits that suit the shape: powers of two within a server, and of its layers."""
    largest = settings("memory.toml", "fit")["largest_tensor"]
    tensors = [2**i for i in range(12) if 2**i <= largest and _divides(shape, 2**i)]
    pipelines = [2**i for i in range(12) if 2**i <= shape.layers]
    for pipeline in pipelines if asked.pipeline is None else [asked.pipeline]:
        for tensor in tensors if asked.tensor is None else [asked.tensor]:
            yield tensor, pipeline
