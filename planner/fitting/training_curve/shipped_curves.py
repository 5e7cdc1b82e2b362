"""The training curves that ship with planner: real runs under several schedules, by their names."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from planner._util.files import data_root, read_bundled
from planner._util.showing import Raw
from planner.errors import OptionError
from planner.fitting.training_curve.rate_path import LONGEST, Array
from planner.quantities import listed, parse_number, shown

_TABLE = "multipowerlaw2025"


@cache
def shipped_curves() -> dict[str, dict[str, Array]]:
    """Return steps, learning rates and losses of every curve, by size and schedule: ``25M/cosine_24000``.

    Two sizes under nine schedules each, of Luo et al. 2025 (arXiv 2503.12811), under the MIT licence; ``data/curves`` says more.
    """
    lines = (data_root() / "curves" / f"{_TABLE}.csv").read_text(encoding="utf-8").splitlines()[1:]
    found: dict[str, list[list[float]]] = {}
    for size, schedule, *numbers in (line.split(",") for line in lines):
        found.setdefault(f"{size}/{schedule}", []).append([float(each) for each in numbers])
    return {name: dict(zip(("step", "lr", "loss"), np.array(rows).T, strict=True)) for name, rows in found.items()}


def curves_source() -> dict[str, Any]:
    """Return where the curves came from, and under which licence they are shipped."""
    return dict(read_bundled(f"curves/{_TABLE}.toml")["source"])


def shipped_curve(name: Raw) -> dict[str, Array] | None:
    """Return one curve, or its first steps: ``25M/cosine_72000:24000``; None for anything that is not written so.

    Raises
    ------
    OptionError
        Written so, but no curve of that name.
    """
    if not isinstance(name, str) or name.count("/") != 1 or Path(name).suffix or Path(name).exists():
        return None
    called, sign, until = name.partition(":")
    curves = shipped_curves()
    if called not in curves:
        if called.partition("/")[0] not in {each.partition("/")[0] for each in curves}:
            return None
        raise OptionError(f"runs {shown(name)}: no shipped curve of that name; there are {listed(list(curves), 99)}")
    rows = curves[called]
    kept = rows["step"] <= (parse_number(until, "runs") if sign else LONGEST)
    return {quantity: values[kept] for quantity, values in rows.items()}
