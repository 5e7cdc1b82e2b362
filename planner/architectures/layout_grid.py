"""Which layouts the rules allow: sizes of each kind of parallelism that suit a shape, and where it is trained."""

from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner.accelerators.fleet import Machine
from planner.architectures.layout import Layout, Recompute, even_stages
from planner.architectures.parallelism import Asked, Running, divides
from planner.architectures.step_time import Software, rates, usual_software
from planner.architectures.transformer import Shape
from planner.quantities import listed


class Site(NamedTuple):
    """Where a shape is to be trained."""

    counted: int | None  # devices there are; None where their number is open
    capacity: float | None  # bytes of a device
    running: Running | None  # what it does in a second, where a step can be forecast
    sequences: float | None  # of a step, where anything is known of the batch


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


def powers(most: float) -> list[int]:
    return [2**i for i in range(12) if 2**i <= most]


def combinations(shape: Shape, asked: Asked, **beside: list[int]) -> Layout:
    """Return every combination, as columns, of sizes of each kind of parallelism and ``beside``: of those fixed, or that suit."""
    limits = settings("memory.toml", "fit")
    of_a_sequence = powers(max(1, shape.context / limits["context_each"]))  # not below the tokens that each device needs
    suiting = {
        "tensor": [each for each in powers(limits["largest_tensor"]) if divides(shape, each)],
        "pipeline": [each for each in powers(shape.layers) if even_stages(shape.layers, each)],
        "context_parallel": [each for each in of_a_sequence if shape.context % each == 0],
        "expert": [each for each in powers(shape.experts) if shape.experts % each == 0],
        **beside,
    }
    tried = {name: sizes if getattr(asked, name) is None else [getattr(asked, name)] for name, sizes in suiting.items()}
    axes = np.meshgrid(*tried.values(), indexing="ij")
    columns: dict[str, Any] = {name: axis.ravel() for name, axis in zip(tried, axes, strict=True)}
    return asked.start._replace(**columns)


INTERLEAVED = [2, 3, 4, 5, 6, 8]
"""Stages of a device that are tried in an interleaved schedule."""


def staged(shape: Shape, asked: Asked, many: Layout) -> Any:
    """Tell which pipelines come out even with so many stages a device, and have what their schedule needs."""
    piped = np.asarray(many.pipeline) > 1
    even = even_stages(shape.layers, many.pipeline * many.virtual)
    return ((np.asarray(many.virtual) == 1) | (piped & even)) & (piped | (asked.schedule in {None, "1f1b"}))


def nothing_left(asked: Asked) -> str:
    """Say that what was fixed leaves no layout."""
    fixed = [f"{name} {value}" for name, value in asked._asdict().items() if value not in (None, False) and name != "loss_kernel"]
    told = listed(fixed, 9) or "by the number of devices"
    return f"no layout is left by what was fixed ({told}): drop one, or see which sizes divide the shape's layers and heads"
