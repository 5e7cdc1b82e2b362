"""What the shell offers for a name: laws, devices, grids, models, run tables with their groups, benchmarks."""

from collections.abc import Callable, Mapping


def completions(kind: str, start: str, table: str = "") -> list[str]:
    """Return the names of a kind that begin so; groups are those of a run table."""
    found = _groups(table) if kind == "groups" else _NAMES[kind]()
    head, sign, start = start.rpartition("x") if kind == "devices" and start[:1].isdigit() else ("", "", start)
    return [f"{head}{sign}{name}" for name in found if name.lower().startswith(start.lower())]


def _laws() -> list[str]:
    from planner.scaling_laws.catalogue import law_ids

    return list(law_ids())


def _devices() -> list[str]:
    from planner.accelerators.catalogue import accelerators

    return [each.id for each in accelerators()]


def _grids() -> list[str]:
    from planner._util.files import settings
    from planner.accelerators.accelerator import FILE

    return list(settings(FILE, "grid"))


def _models() -> list[str]:
    from planner.architectures.published_models import models

    return [each.id for each in models()]


def _runs() -> list[str]:
    from planner.fitting.tables.shipped import run_tables

    return [each.name for each in run_tables()]


def _benchmarks() -> list[str]:
    from planner.planning.benchmark_regressions import benchmarks

    return [each.id for each in benchmarks()]


def _groups(table: str) -> list[str]:
    from planner.fitting.tables.shipped import load_runs

    if table not in _runs():
        return []
    groups = load_runs(table).group
    return sorted(set(groups)) if groups is not None else []


_NAMES: Mapping[str, Callable[[], list[str]]] = {
    "laws": _laws,
    "devices": _devices,
    "grids": _grids,
    "models": _models,
    "runs": _runs,
    "benchmarks": _benchmarks,
}
