"""Training curves of models that never were: four kinds of laws with constants of their own, and rows with noise."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import planner
from planner.fitting.training_curve.rate_path import Defaults, RatePath, in_words

Array = NDArray[np.float64]

KINDS = ("momentum", "progress", "multi-power", "spectrum")
_REFERENCE = 20000.0


class Simulated(NamedTuple):
    """A model: its law, and its constants; ``early`` is what it loses beside that in its first hundreds of steps."""

    kind: str
    floor: float
    power: float
    exponent: float
    decay: float
    relaxation: float
    progress: float
    early: float

    @classmethod
    def drawn(cls, kind: str, rng: np.random.Generator) -> "Simulated":
        """Draw constants over wider ranges than the published fits have."""
        relaxation = {"momentum": (200, 1500), "progress": (60, 300), "multi-power": (5, 20), "spectrum": (50, 400)}[kind]
        progress = rng.uniform(0.6, 0.95) if kind == "progress" else 1.0
        ends = {
            "floor": (1.8, 3.2),
            "power": (0.15, 0.5),
            "exponent": (0.35, 0.65),
            "decay": (0.05, 0.16),
            "relaxation": relaxation,
        }
        drawn = {name: float(rng.uniform(*each)) for name, each in ends.items()}
        return cls(kind, **drawn, progress=progress, early=float(rng.uniform(0.5, 1.5)))

    def loss(self, path: RatePath, steps: Array, peak: float) -> Array:
        """Return the loss at some steps, summed over 2,000 pieces of the path."""
        t = np.unique(np.concatenate([np.linspace(0, path.end, 2001), path.steps]))
        u = path.at(t) / peak
        u[-1] = path.lr[-1] / peak
        middle, dt, fall = np.maximum((u[1:] + u[:-1]) / 2, 1e-9), np.diff(t), u[:-1] - u[1:]
        clock = {"momentum": 0.0, "progress": 0.5, "multi-power": 1.0, "spectrum": 1.0}[self.kind]
        time = np.append(0.0, np.cumsum(dt * middle**clock))
        x = np.maximum(np.interp(steps, t, time)[:, None] - time[1:][None], 0.0) / self.relaxation
        if self.kind == "multi-power":
            x = x * np.maximum(u[1:], 1e-6)[None] ** -0.65
        tail = {"momentum": 0.0, "progress": 1.4, "multi-power": 0.59, "spectrum": 1.0}[self.kind]
        reached = 1 - ((1 + x) ** -tail if tail else np.exp(-x))
        progress = np.interp(steps, t, np.append(0.0, np.cumsum(dt * middle**self.progress)))
        falls = (
            self.floor + self.power * (np.maximum(progress, 1.0) / _REFERENCE) ** -self.exponent - self.decay * (reached @ fall)
        )
        return np.asarray(falls + self.early * np.exp(-steps / 400))


def schedules(steps: float, warmup: float, peak: float) -> tuple[dict[str, str], dict[str, str]]:
    """Return schedules to fit, and others to foretell, in words."""
    head = f"warmup {warmup:.0f} peak {peak:.6g}"
    fitted = {
        "cosine": f"cosine {steps:.0f} {head} end {peak / 10:.6g}",
        "constant": f"constant {steps:.0f} {head}",
        "drop": f"steps {2 * steps / 3:.0f} {head} at {steps / 3:.0f} {0.3 * peak:.6g}",
        "part of a long cosine": f"cosine {3 * steps:.0f} {head} end {peak / 10:.6g}",
    }
    others = {
        "long cosine": fitted["part of a long cosine"],
        "long constant": f"constant {3 * steps:.0f} {head}",
        "wsd": f"wsd {steps:.0f} {head} decay {steps / 5:.0f} end {peak / 10:.6g}",
        "long wsd": f"wsd {3 * steps:.0f} {head} decay {0.4 * steps:.0f}",
        "linear": f"linear {steps:.0f} {head}",
        "deep drop": f"steps {steps:.0f} {head} at {steps / 2:.0f} {peak / 10:.6g}",
    }
    return fitted, others


def log_of(
    model: Simulated, words: str, until: float, peak: float, rng: np.random.Generator, noise: float, every: int
) -> dict[str, Any]:
    """Return a log of a model under a schedule, with rows that scatter."""
    path = in_words(words, Defaults())
    t = np.arange(every, min(until, path.end) + 1, every, dtype=float)
    loss = model.loss(path, t, peak) + noise * rng.standard_normal(len(t))
    return {"step": t, "lr": path.at(t), "loss": loss}


def forecasts(
    models: int, seed: int, fitted: tuple[str, ...] = (), noise: float = 0.02, every: int = 10
) -> list[tuple[str, float, float, float]]:
    """Return (kind, error at the end, half-width there, share of the curve inside) of each model and schedule that was left out."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(models):
        model = Simulated.drawn(KINDS[number % len(KINDS)], rng)
        peak, steps = float(10 ** rng.uniform(-4, -2)), float(np.round(rng.uniform(1e4, 4e4)))
        warmup = float(np.round(rng.uniform(0.01, 0.08) * steps))
        known, others = schedules(steps, warmup, peak)
        logs = [log_of(model, known[name], steps, peak, rng, noise, every) for name in fitted or tuple(known)]
        curve = planner.training_curve(logs)
        for words in others.values():
            path = in_words(words, Defaults())
            there = curve.predict(words)
            loss = model.loss(path, there.steps, peak)
            late = there.steps >= 0.3 * path.end
            inside = float(((there.low <= loss) & (loss <= there.high))[late].mean())
            half = float((there.high[-1] / there.low[-1] - 1) / 2)
            found.append((model.kind, float(there.loss[-1] / loss[-1] - 1), half, inside))
    return found


def held(models: int, seed: int) -> tuple[float, float, float]:
    """Return the mean share of the curves inside their intervals, the median half-width, and the largest error at an end."""
    found = forecasts(models, seed)
    return (
        float(np.mean([each[3] for each in found])),
        float(np.median([each[2] for each in found])),
        max(abs(each[1]) for each in found),
    )
