"""Results in, charts out: what each result looks like, as data. Nothing here draws."""

from typing import Any

from planner.errors import OptionError
from planner.output.charts._base import Chart
from planner.quantities import shown

_CHARTS = {
    "Plan": ("surfaces", "plan_chart"),
    "Check": ("surfaces", "check_chart"),
    "RunsCheck": ("surfaces", "runs_chart"),
    "TradeOff": ("surfaces", "trade_chart"),
    "Sweep": ("frontiers", "sweep_chart"),
    "Comparison": ("frontiers", "comparison_chart"),
    "FitResult": ("fits", "fit_chart"),
    "Backtest": ("fits", "backtest_chart"),
    "Pilots": ("fits", "pilots_chart"),
    "Curve": ("returns", "curve_chart"),
    "TrainingCurve": ("training", "training_chart"),
    "Scores": ("scores", "scores_chart"),
    "ScoreBacktest": ("scores", "score_backtest_chart"),
    "ComputeLimits": ("returns", "compute_chart"),
    "BenchmarkLimits": ("returns", "benchmark_chart"),
    "Ranking": ("machines", "ranking_chart"),
    "Throughput": ("machines", "throughput_chart"),
    "Scaling": ("machines", "scaling_chart"),
    "Configuration": ("machines", "configuration_chart"),
    "Levers": ("machines", "levers_chart"),
}


def chart_of(result: Any) -> Chart:
    """Return the chart of what a command answered.

    Raises
    ------
    PlannerError
        Nothing of that kind can be drawn.
    """
    from importlib import import_module

    room, name = _CHARTS.get(type(result).__name__, ("", ""))
    if not room:
        raise OptionError(
            f"plot {shown(result)}: expected what plan, check, sweep, compare, trade, fit, backtest, pilots, curve, scores, "
            "training_curve, limits, levers, configure, throughput, scaling or rank_hardware answered"
        )
    found: Chart = getattr(import_module(f"planner.output.charts.{room}"), name)(result)
    return found
