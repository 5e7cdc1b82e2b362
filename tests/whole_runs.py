"""Published whole runs (``data/whole_runs.csv``) against the steps that are forecast for the fastest layout of such a model."""

import csv
from math import log
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from planner._util.files import data_root
from planner.architectures.advice import advised
from planner.architectures.layout_grid import site
from planner.architectures.layout_search import layouts
from planner.architectures.parallelism import Asked, read_scheme, smallest_memory
from planner.architectures.published_models import models
from planner.architectures.shape_search import propose
from planner.architectures.step_time import usual_software
from planner.inputs.held_budgets import read_held
from planner.inputs.question import Devices, Question


class Run(NamedTuple):
    """A run: who published it, which, on what, where, its device-hours, and their logarithm over those of the forecast's steps."""

    source: str
    model: str
    devices: str
    locator: str
    hours: float
    log_slower: float


def whole_runs() -> list[Run]:
    """Forecast each: its own shape where planner knows it, else the one it proposes; software of its year, a law's batch."""
    with (data_root() / "whole_runs.csv").open(encoding="utf-8", newline="") as file:
        return [_run(row) for row in csv.DictReader(file)]


def _run(row: dict[str, str]) -> Run:
    params, tokens, hours = (float(row[name]) for name in ("params", "tokens", "device_hours"))
    machine = read_held(Question(gpus=Devices(((float(row["devices"]), row["device"]),)))).machine
    assert machine is not None
    known = next((model.shape for model in models() if model.id == row["model"]), None)
    shape = known or propose(params, convention="total", count=1)[0][0].shape
    software = usual_software()._replace(year=float(row["date"]))
    where = site(machine, smallest_memory(machine), advised(shape, tokens).batch / shape.context, software)
    fit = layouts(shape, read_scheme("adam"), Asked(), where)[0]
    assert fit.speed is not None
    assert fit.fits is not False
    steps = tokens * params / (fit.speed.tokens_per_second_per_device.expected * shape.total) / 3600
    return Run(row["source"], row["model"], f"{row['devices']} x {row['device']}", row["locator"], hours, log(hours / steps))


def of_sources(runs: list[Run]) -> dict[str, float]:
    """Return the median of each source: one voice each."""
    return {
        source: float(np.median([run.log_slower for run in runs if run.source == source])) for source in {r.source for r in runs}
    }


def slower(voices: list[float]) -> tuple[float, float]:
    """Return the mean logarithm, and half the width of what four of five other sources lie in."""
    count = len(voices)
    return fmean(voices), float(t.ppf(0.9, count - 1)) * stdev(voices) * (1 + 1 / count) ** 0.5
