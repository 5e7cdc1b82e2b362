"""The speed of a model that is proposed, not named: forecast on a table of sizes and tokens, between which it is interpolated."""

from functools import lru_cache
from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings, stamp
from planner._util.root_finding import find_root
from planner.accelerators.accelerator import Accelerator
from planner.accelerators.fleet import Machine, Part
from planner.allocation import solver
from planner.allocation.problem import Problem
from planner.architectures.advice import advised
from planner.architectures.layout_grid import site
from planner.architectures.layout_search import layouts
from planner.architectures.parallelism import Asked, Fit, read_scheme, smallest_memory
from planner.architectures.shape_search import propose
from planner.architectures.step_time import FILE
from planner.architectures.transformer import Shape
from planner.errors import PlannerError
from planner.quantities.estimate import Range, exactly
from planner.scaling_laws.forms import Num

Node = tuple[float, float, float]
"""Logarithms of a proposed model's parameters, as the law counts them, times the tokens a second of a device by its first layout:
low, expected, high."""


class Speeds(NamedTuple):
    """Devices that proposed models train on, and how a law counts their parameters."""

    machine: Machine
    convention: str

    def shares(self, problem: Problem, params: Num, tokens: Num) -> Range:
        """Return the utilisation of whole runs as arrays: NaN where no model of about the size can be forecast."""
        N, D = np.broadcast_arrays(np.asarray(params, float), np.asarray(tokens, float))
        found = np.full((3, *N.shape), np.nan)
        for place in np.ndindex(N.shape):
            if N[place] > 0 and D[place] > 0 and (logs := self._between(log(N[place]), log(D[place]))) is not None:
                found[(slice(None), *place)] = logs
        cost = problem.spending.training(N, np.where(D > 0, D, 1.0)) / (N * np.where(D > 0, D, 1.0))
        part = self.machine.parts[0]
        return whole_run(Range(*(np.exp(each) * cost / part.peak for each in found)), own=steps_known(self.machine))

    def settled(self, problem: Problem, full: Num) -> Range:
        """Return the utilisation at which a budget buys the run that reaches it: C is what devices do at most, times it.

        ``full`` is what the budget buys at a utilisation of 1 [FLOP]; NaN where no model of about the size can be forecast. Where
        larger models are so much faster that several runs reach their own, the largest: then more devices or days never buy less.
        """
        usual = self.machine.mfu.expected

        def run(log_flops: Any) -> Range:
            return self.shares(problem, *solver.best_run(problem, np.exp(log_flops)))

        def excess(log_flops: Any) -> Any:
            share = run(log_flops).expected
            return log_flops - np.log(full) - np.log(np.where(np.isnan(share), usual, share))

        with np.errstate(all="ignore"):
            high = np.log(full)
            while np.any(beyond := (excess(high - _STEP) > 0) & (high > np.log(full) + log(_LEAST))):
                high = np.where(beyond, high - _STEP, high)
            root = find_root(excess, high - _STEP, high)
            found, off = run(root), np.abs(excess(root))
        ends: Any = (np.where(off < _SETTLED, end, np.nan) for end in found)
        return Range(*ends)

    def machine_for(self, problem: Problem, params: Num, tokens: Num) -> Machine:
        """Return the machine at the utilisation of each run, at the usual one where that is not forecast."""
        found = self.shares(problem, params, tokens)
        ends: Any = (np.where(np.isnan(share), usual, share)[()] for usual, share in zip(self.machine.mfu, found, strict=True))
        return self.machine._replace(mfu=Range(*ends))

    def first(self, params: float, tokens: float) -> tuple[Shape, Fit] | None:
        """Return the model that is proposed for a run and its layout; None where there is none."""
        part = self.machine.parts[0]
        return _first(part.device, self.machine.dtype, int(self.machine.devices), self.convention, params, tokens)

    def _between(self, log_params: float, log_tokens: float) -> Any:
        """Return the logarithms of low, expected and high, linear between the four nodes around a run."""
        steps = settings(FILE, "table")
        x, y = log_params / log(steps["params"]), log_tokens / log(steps["tokens"])
        i, j = int(np.floor(x)), int(np.floor(y))
        x, y = x - i, y - j
        corners = [(i + a, j + b, (x if a else 1 - x) * (y if b else 1 - y)) for a in (0, 1) for b in (0, 1)]
        nodes = [(self._near(*at), weight) for *at, weight in corners if weight > 0]
        if any(node is None for node, _ in nodes):
            return None
        return sum(np.array(node) * weight for node, weight in nodes if node is not None)

    def _near(self, i: int, j: int) -> "Node | None":
        """Return a node, or the nearest that there is: of smaller models first, then of larger ones."""
        part, far = self.machine.parts[0], settings(FILE, "table")["far"]
        for off in sorted(range(-far, far + 1), key=abs):
            found = _node(part.device, self.machine.dtype, int(self.machine.devices), self.convention, i + off, j, _stamps())
            if found is not None:
                return found
        return None


_LEAST = 1e-5
"""Utilisations below this are no forecast's."""

_STEP = 0.1
"""Steps in which the logarithm of compute is searched from above for the first run that reaches its own utilisation."""

_SETTLED = 1e-9
"""How near a budget must come to what its run reaches; it does not where the table breaks off."""


def speeds(machine: Machine | None, convention: str) -> Speeds | None:
    """Return the speeds of proposed models on devices; None where these are not counted, not of one kind, or not forecast."""
    if machine is None or not machine.counted or len(machine.parts) > 1 or smallest_memory(machine) is None:
        return None
    return Speeds(machine, convention) if site(machine, 1.0, None).running is not None else None


def steps_known(machine: Machine) -> bool:
    """Tell whether steps on the devices were measured by the user, so that whole runs are set against those."""
    return bool(machine.parts[0].device.measured)


def slower_than_steps(*, own: bool) -> tuple[float, float]:
    """Return how many times longer whole runs take than their steps, forecast or one's own, and the factor either way of that."""
    known = settings(FILE, "whole_runs")
    return (known["own"], known["own_spread"]) if own else (known["slower"], known["spread"])


def whole_run(step: Range, *, own: bool = False) -> Range:
    """Return the utilisation of a whole run from that of the steps of its fastest layout, which ``own`` ones were measured of."""
    slower, spread = slower_than_steps(own=own)
    usual = step.expected / slower
    below, above = (np.exp(np.hypot(np.log(step.expected / end), log(spread))) for end in (step.low, step.high))
    return Range(usual / below, usual, usual * above)


def _stamps() -> tuple[object, ...]:
    """Return what tells one state of the files that a forecast rests on from another."""
    return tuple(stamp(name) for name in (FILE, "memory.toml", "recipes.toml", "planning.toml", "models.toml"))


@lru_cache(maxsize=65536)
def _node(
    device: Accelerator, dtype: str, count: int, convention: str, i: int, j: int, _stamps: tuple[object, ...]
) -> Node | None:
    steps = settings(FILE, "table")
    params, tokens = exp(i * log(steps["params"])), exp(j * log(steps["tokens"]))
    found = _first(device, dtype, count, convention, params, tokens)
    if found is None or found[1].speed is None:
        return None
    shape, fit = found
    assert fit.speed is not None  # looked at above
    counted = shape.counted(convention)
    low, usual, high = (log(counted * each) for each in fit.speed.tokens_per_second_per_device)
    return low, usual, high


def _first(
    device: Accelerator, dtype: str, count: int, convention: str, params: float, tokens: float
) -> tuple[Shape, Fit] | None:
    """Return a model of so many parameters, and the layout on devices that is fastest on the batch that a law says."""
    part = Part(float(count), device, device.peaks[dtype], None, None)
    machine = Machine((part,), True, dtype, exactly(1.0), 0.0, exactly(1.0), None, None)
    try:
        shape = _proposed(params, convention, _stamps())
        where = site(machine, smallest_memory(machine), advised(shape, tokens).batch / shape.context)
        return shape, layouts(shape, read_scheme("adam"), Asked(), where)[0]
    except PlannerError:  # no sane shape, or no layout on so many devices
        return None


@lru_cache(maxsize=4096)
def _proposed(params: float, convention: str, _stamps: tuple[object, ...]) -> Shape:
    return propose(params, convention=convention, count=1)[0][0].shape
