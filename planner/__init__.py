"""planner: how large a model to train on how many tokens for a compute budget, from published scaling laws.

>>> import planner
>>> planner.plan(flops=1e21).tokens_per_param > 20
True
"""

from typing import TYPE_CHECKING, Any

from planner._version import __version__

if TYPE_CHECKING:
    from planner._util.defaults import DEFAULT_LAW
    from planner.accelerators.accelerator import Accelerator
    from planner.accelerators.fleet import Cost, Machine
    from planner.allocation.assessment import Remedy
    from planner.allocation.intervals import LossInterval, loss_interval, size_interval
    from planner.allocation.overfitting_test import OverfittingTest
    from planner.allocation.published_checks import CheckResult, verify
    from planner.allocation.solver import Allocation
    from planner.architectures.published_models import Model, models
    from planner.errors import (
        CannotPlanError,
        FitError,
        HardwareFileError,
        LawFileError,
        OptionError,
        PlannerError,
        QuantityError,
        RunsFileError,
        UnknownLawError,
    )
    from planner.fitting.backtest import Backtest, backtest
    from planner.fitting.fit import fit
    from planner.fitting.learning_curve.curve import curve
    from planner.fitting.learning_curve.curve_result import Curve
    from planner.fitting.results import FitResult, Prediction
    from planner.fitting.tables.runs import Runs
    from planner.fitting.tables.shipped import RunTable, load_runs, run_tables
    from planner.inputs.law_choice import laws
    from planner.notes import Note
    from planner.output.html_report.page import write_report
    from planner.output.plots.plot import plot
    from planner.pilot_design.pilots import Pilots, pilots
    from planner.planning.allocate import allocate
    from planner.planning.benchmark_limits import BenchmarkLimits, limits
    from planner.planning.check import Check, check
    from planner.planning.check_table import JudgedRun, RunsCheck, check_runs
    from planner.planning.compare import Comparison, compare
    from planner.planning.configure import Configuration, configure
    from planner.planning.diminishing_returns import ComputeLimits
    from planner.planning.explain.answers import explain
    from planner.planning.explain.steps import Step
    from planner.planning.hardware_ranking import Ranking, hardware, rank_hardware
    from planner.planning.levers import levers
    from planner.planning.levers_result import Levers
    from planner.planning.plan import plan
    from planner.planning.plan_result import Alternative, Plan
    from planner.planning.sweep import Sweep, sweep
    from planner.planning.trade import Trade, TradeOff, trade
    from planner.scaling_laws.catalogue import load_law
    from planner.scaling_laws.law import Law
    from planner.scaling_laws.parameter_draws import Draws
    from planner.sheets.workbook.write import write_workbook

_HOMES = {
    "planner.planning.allocate": ("allocate",),
    "planner.planning.plan_result": ("Alternative", "Plan"),
    "planner.planning.explain.steps": ("Step",),
    "planner.scaling_laws.catalogue": ("load_law",),
    "planner._util.defaults": ("DEFAULT_LAW",),
    "planner.inputs.law_choice": ("laws",),
    "planner.planning.configure": ("Configuration", "configure"),
    "planner.planning.compare": ("Comparison", "compare"),
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
    "planner.allocation.intervals": ("LossInterval", "loss_interval", "size_interval"),
    "planner.planning.check_table": ("JudgedRun", "RunsCheck", "check_runs"),
    "planner.scaling_laws.law": ("Law",),
    "planner.fitting.learning_curve.curve": ("curve",),
    "planner.fitting.learning_curve.curve_result": ("Curve",),
    "planner.planning.benchmark_limits": ("BenchmarkLimits", "limits"),
    "planner.accelerators.accelerator": ("Accelerator",),
    "planner.accelerators.fleet": ("Cost", "Machine"),
    "planner.notes": ("Note",),
    "planner.pilot_design.pilots": ("Pilots", "pilots"),
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
    "planner.planning.trade": ("Trade", "TradeOff", "trade"),
    "planner.scaling_laws.parameter_draws": ("Draws",),
    "planner.planning.check": ("Check", "check"),
    "planner.allocation.published_checks": ("CheckResult", "verify"),
    "planner.planning.levers": ("levers",),
    "planner.planning.levers_result": ("Levers",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_LAW",
    "Accelerator",
    "Allocation",
    "Alternative",
    "Backtest",
    "BenchmarkLimits",
    "CannotPlanError",
    "Check",
    "CheckResult",
    "Comparison",
    "ComputeLimits",
    "Configuration",
    "Cost",
    "Curve",
    "Draws",
    "FitError",
    "FitResult",
    "HardwareFileError",
    "JudgedRun",
    "Law",
    "LawFileError",
    "Levers",
    "LossInterval",
    "Machine",
    "Model",
    "Note",
    "OptionError",
    "OverfittingTest",
    "Pilots",
    "Plan",
    "PlannerError",
    "Prediction",
    "QuantityError",
    "Ranking",
    "Remedy",
    "RunTable",
    "Runs",
    "RunsCheck",
    "RunsFileError",
    "Step",
    "Sweep",
    "Trade",
    "TradeOff",
    "UnknownLawError",
    "__version__",
    "allocate",
    "backtest",
    "check",
    "check_runs",
    "compare",
    "configure",
    "curve",
    "explain",
    "fit",
    "hardware",
    "laws",
    "levers",
    "limits",
    "load_law",
    "load_runs",
    "loss_interval",
    "models",
    "pilots",
    "plan",
    "plot",
    "rank_hardware",
    "run_tables",
    "size_interval",
    "sweep",
    "trade",
    "verify",
    "write_report",
    "write_workbook",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that ``import planner`` costs nothing."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
