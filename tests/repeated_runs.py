"""The repeated runs of the shipped table, and two forms of what repeating costs, fitted to few passes and asked for more."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

import planner
from planner.fitting.classical import Model, minimise
from planner.fitting.repetition import effective
from planner.fitting.sample import Sample
from planner.planning.overfitting import penalty

DIVERGED = 1.15
Loss = Callable[[Any, Any, Any, Any], Any]


class Study(NamedTuple):
    """The repeated runs, and each form's loss with where its fit starts."""

    runs: tuple[Any, Any, Any]
    loss: Any
    forms: dict[str, tuple[Loss, list[float]]]

    def fitted(self, name: str, most: float) -> Any:
        """Return the constants' logarithms, of the runs of at most so many passes: the lowest soft-L1 distance in ln loss."""
        loss, start = self.forms[name]
        few = self.runs[1] / self.runs[2] <= most
        runs, measured = [each[few] for each in self.runs], self.loss[few]

        def off(logs: Any) -> Any:
            return np.log(loss(logs, *runs) / measured)

        tries = [np.array(start) + shift for shift in (-0.5, 0.0, 0.5)]
        found = [least_squares(off, each, loss="soft_l1", f_scale=0.01, bounds=(-20, 12)) for each in tries]
        return min(found, key=lambda each: float(each.cost)).x

    def errors(self, name: str, most: float) -> Any:
        """Return |ln error| of the runs of more passes, or of all where there are none."""
        asked = self.runs[1] / self.runs[2] > most
        asked = asked if asked.any() else ~asked
        found = self.forms[name][0](self.fitted(name, most), *(each[asked] for each in self.runs))
        return np.abs(np.log(found / self.loss[asked]))


def study() -> Study:
    """Read the table, fit the law of runs that saw each token once, and leave diverged runs out."""
    table = next(each for each in planner.run_tables() if each.name == "muennighoff2023").load()
    once = Sample.of(table.select("one epoch"))
    law = {name: np.asarray(value) for name, value in once.constants(minimise(once, Model()).theta).items()}
    runs = table.select("repeated")
    assert runs.unique_tokens is not None
    N, D, L, U = (np.asarray(each, float) for each in (runs.params, runs.tokens, runs.loss, runs.unique_tokens))

    def fresh(params: Any, tokens: Any) -> Any:
        return law["E"] + law["A"] * params ** -law["alpha"] + law["B"] * tokens ** -law["beta"]

    def decay(logs: Any, params: Any, tokens: Any, unique: Any) -> Any:
        R_D, R_N = np.exp(logs)
        return fresh(*effective(dict(law), R_D, R_N, params, tokens, np.minimum(unique, tokens)))

    def over(logs: Any, params: Any, tokens: Any, unique: Any) -> Any:
        return fresh(params, tokens) + penalty(params, tokens, unique, float(np.exp(logs[0])))

    sane = DIVERGED * fresh(N, U) >= L
    return Study((N[sane], D[sane], U[sane]), L[sane], {"decay": (decay, [2.7, 1.6]), "penalty": (over, [-4.0])})
