"""planner: how large a model to train on how many tokens for a compute budget, from published scaling laws.

>>> import planner
>>> planner.plan(flops=1e21).tokens_per_param > 20
True
"""

from typing import Any

from planner._version import __version__ as __version__

_HOMES = {
    "planner.planning.allocate": ("allocate",),
    "planner.planning.plan_result": ("Alternative", "Plan"),
    "planner.planning.explain.steps": ("Step",),
    "planner.scaling_laws.catalogue": ("load_law",),
    "planner._util.defaults": ("DEFAULT_LAW",),
    "planner.inputs.law_choice": ("laws",),
    "planner.planning.configure": ("Configuration", "configure"),
    "planner.planning.throughput": ("Throughput", "throughput"),
    "planner.planning.scaling": ("Scaling", "scaling"),
    "planner.planning.compare": ("Comparison", "compare"),
    "planner.planning.compare_mixtures": ("MixtureComparison", "compare_mixtures"),
    "planner.planning.diminishing_returns": ("ComputeLimits",),
    "planner.errors": (
        "CannotPlanError",
        "FitError",
        "HardwareFileError",
        "LawFileError",
        "OptionError",
        "PlannerError",
        "QuantityError",
        "RunsFileError",
        "UnknownLawError",
    ),
    "planner.planning.explain.answers": ("explain",),
    "planner.fitting.backtest": ("Backtest", "backtest"),
    "planner.fitting.fit": ("fit",),
    "planner.fitting.results": ("FitResult", "Prediction"),
    "planner.fitting.scores.scores": ("scores",),
    "planner.fitting.scores.result": ("Scores",),
    "planner.fitting.scores.backtest": ("ScoreBacktest", "backtest_scores"),
    "planner.allocation.intervals": ("size_interval",),
    "planner.allocation.loss_interval": ("LossInterval", "loss_interval"),
    "planner.planning.check_table": ("JudgedRun", "RunsCheck", "check_runs"),
    "planner.scaling_laws.law": ("Law",),
    "planner.fitting.learning_curve.curve": ("curve",),
    "planner.fitting.learning_curve.curve_result": ("Curve",),
    "planner.fitting.training_curve.training_curve": ("training_curve",),
    "planner.fitting.training_curve.curve_result": ("TrainingCurve",),
    "planner.fitting.training_curve.forecast": ("LossForecast",),
    "planner.planning.benchmark_limits": ("BenchmarkLimits", "limits"),
    "planner.accelerators.accelerator": ("Accelerator",),
    "planner.accelerators.fleet": ("Cost", "Machine"),
    "planner.notes": ("Note",),
    "planner.pilot_design.pilots": ("pilots",),
    "planner.pilot_design.pilots_result": ("Pilots",),
    "planner.planning.plan": ("plan",),
    "planner.architectures.published_models": ("Model", "models"),
    "planner.planning.hardware_ranking": ("Ranking", "hardware", "rank_hardware"),
    "planner.allocation.assessment": ("Remedy",),
    "planner.allocation.overfitting_test": ("OverfittingTest",),
    "planner.output.plots.plot": ("plot",),
    "planner.output.html_report.page": ("write_report",),
    "planner.fitting.tables.runs": ("Runs",),
    "planner.sheets.workbook.write": ("write_workbook",),
    "planner.allocation.solver": ("Allocation",),
    "planner.planning.sweep": ("Sweep", "sweep"),
    "planner.fitting.tables.shipped": ("RunTable", "load_runs", "run_tables"),
    "planner.planning.distill": ("distill",),
    "planner.planning.distill_result": ("Distillation",),
    "planner.planning.trade": ("Trade", "TradeOff", "trade"),
    "planner.scaling_laws.parameter_draws": ("Draws",),
    "planner.planning.check": ("Check", "check"),
    "planner.allocation.published_checks": ("CheckResult", "verify"),
    "planner.planning.levers": ("levers",),
    "planner.planning.levers_result": ("Levers",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # the stub writes it out


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that ``import planner`` costs nothing."""
    home = _HOME_OF.get(name)
    if home is None and name != "errors":
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    from importlib import import_module

    value = import_module("planner.errors") if home is None else getattr(import_module(home), name)
    globals()[name] = value
    return value


def presenting() -> Any:
    """Return what writes results: they stand on lower floors than it, and ask here."""
    from planner.output import presenting as written

    return written


def __dir__() -> list[str]:
    return sorted(__all__)
