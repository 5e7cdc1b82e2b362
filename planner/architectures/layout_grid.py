"""Which layouts the rules allow: sizes of each kind of parallelism that suit a shape, and where it is trained."""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner.accelerators.fleet import Machine
from planner.architectures.layout import Recompute
from planner.architectures.parallelism import Asked, Running, divides
from planner.architectures.step_time import Software, rates, usual_software
from planner.architectures.transformer import Shape
from planner.quantities import listed


class Site(NamedTuple):
    """Where a shape is to be trained.

    Attributes
    ----------
    counted : int or None
        Devices there are; None where their number is open.
    capacity : float or None
        Bytes of a device.
    running : Running or None
        What it does in a second, where a step can be forecast.
    sequences : float or None
        Of a step, where anything is known of the batch.
    """

    counted: int | None
    capacity: float | None
    running: Running | None
    sequences: float | None


def site(
    machine: Machine | None, capacity: float | None, sequences: float | None, software: Software | None = None, level: float = 0.8
) -> Site:
    """Return where a shape is trained; of a mixed fleet nothing is known of its speed."""
    if machine is None:
        return Site(None, capacity, None, sequences)
    part = machine.parts[0]
    alone = len(machine.parts) == 1 and part.peak == part.device.peaks.get(machine.dtype)
    rate = rates(part.device, machine.dtype) if alone else None
    running = Running(rate, part.peak, software or usual_software(), level, part.device.measured) if rate is not None else None
    return Site(int(machine.devices) if machine.counted else None, capacity, running, sequences)


def recomputations(asked: Asked) -> tuple[Recompute, ...]:
    return ("selective", "full") if asked.recompute is None else (asked.recompute,)


def _powers(most: float) -> list[int]:
    return [2**i for i in range(12) if 2**i <= most]


def tensor_sizes(shape: Shape) -> list[int]:
    return [each for each in _powers(settings("memory.toml", "fit")["largest_tensor"]) if divides(shape, each)]


def pipeline_sizes(shape: Shape) -> list[int]:
    """Return pipelines whose stages come out even, the tables counted as a layer each, as Megatron-LM can, or not."""
    return [each for each in _powers(shape.layers) if any((shape.layers + tables) % each == 0 for tables in (0, 1, 2))]


def context_sizes(shape: Shape) -> list[int]:
    """Return how many devices may share a sequence: not below the tokens that each of them needs."""
    least = settings("memory.toml", "fit")["context_each"]
    return [each for each in _powers(max(1, shape.context / least)) if shape.context % each == 0]


def expert_sizes(shape: Shape) -> list[int]:
    return [each for each in _powers(shape.experts) if shape.experts % each == 0]


def split_sizes(shape: Shape, asked: Asked) -> list[list[int]]:
    """Return the sizes to try of tensor, pipeline, context and expert parallelism: that which was fixed, else all that suit."""
    kinds = (
        ("tensor", tensor_sizes),
        ("pipeline", pipeline_sizes),
        ("context_parallel", context_sizes),
        ("expert", expert_sizes),
    )
    return [sizes(shape) if getattr(asked, name) is None else [getattr(asked, name)] for name, sizes in kinds]


def virtual_stages(asked: Asked) -> list[int]:
    """Return stages of a device: 1 but in an interleaved schedule."""
    if asked.virtual is not None:
        return [asked.virtual]
    return {None: [1, 2, 4], "interleaved": [2, 3, 4, 5, 6, 8]}.get(asked.schedule, [1])


def sizes_at_once(where: Site) -> list[int]:
    """Return sequences at once; where no step can be forecast, nothing says what more than one is good for."""
    return _powers(settings("memory.toml", "fit")["largest_micro_batch"]) if where.running is not None else [1]


def staged(shape: Shape, asked: Asked, pipeline: Any, virtual: Any) -> Any:
    """Tell which pipelines come out even with so many stages a device, and have what their schedule needs."""
    stages = pipeline * virtual
    even = np.any([(shape.layers + tables) % stages == 0 for tables in (0, 1, 2)], axis=0)
    return ((virtual == 1) | ((pipeline > 1) & even)) & ((pipeline > 1) | (asked.schedule in {None, "1f1b"}))


def nothing_left(asked: Asked) -> str:
    """Say that what was fixed leaves no layout."""
    fixed = [f"{name} {value}" for name, value in asked._asdict().items() if value not in (None, False) and name != "loss_kernel"]
    told = listed(fixed, 9) or "by the number of devices"
    return f"no layout is left by what was fixed ({told}): drop one, or see which sizes divide the shape's layers and heads"
