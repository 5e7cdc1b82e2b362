"""What the shell offers for a name: laws, devices, grids, models, run tables with their groups, benchmarks."""

from importlib import import_module

from planner._util.files import settings

_LISTS = {
    "laws": ("scaling_laws.catalogue", "law_ids", ""),
    "devices": ("accelerators.catalogue", "accelerators", "id"),
    "models": ("architectures.published_models", "models", "id"),
    "runs": ("fitting.tables.shipped", "run_tables", "name"),
    "benchmarks": ("planning.benchmark_regressions", "benchmarks", "id"),
}
"""Where the names of a kind are: module, function, and which attribute of what it lists."""


def completions(kind: str, start: str, table: str = "") -> list[str]:
    """Return the names of a kind that begin so; groups are those of a run table."""
    head, sign, start = start.rpartition("x") if kind == "devices" and start[:1].isdigit() else ("", "", start)
    return [f"{head}{sign}{name}" for name in _names(kind, table) if name.lower().startswith(start.lower())]


def _names(kind: str, table: str) -> list[str]:
    if kind == "grids":
        from planner.accelerators.accelerator import FILE

        return list(settings(FILE, "grid"))
    if kind == "groups":
        from planner.fitting.tables.shipped import load_runs

        groups = load_runs(table).group if table in _names("runs", "") else None
        return sorted(set(groups)) if groups is not None else []
    module, function, attribute = _LISTS[kind]
    listed = getattr(import_module(f"planner.{module}"), function)()
    return [getattr(each, attribute) if attribute else each for each in listed]
