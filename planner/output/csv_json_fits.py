"""Fits, back-tests and run tables as rows and JSON types."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from planner.output.csv_json_machines import Row

if TYPE_CHECKING:
    from planner.fitting.backtest import Backtest
    from planner.fitting.results import FitResult
    from planner.fitting.tables.shipped import RunTable


def fit_rows(fit: "FitResult") -> list[Row]:
    """Return a row for each constant of each method, then the compute-optimal runs."""
    rows: list[Row] = []
    for each in (fit, *fit.others):
        for name, value in each.constants.items():
            low, high = each.intervals.get(name, (None, None))
            rows.append({"method": each.method, "quantity": name, "flops": None, "value": value, "low": low, "high": high})
        if each.exponents:
            low, high = each.exponent_interval or (None, None)
            row = {"method": each.method, "quantity": "exponent_params", "flops": None, "value": each.exponents[0]}
            rows.append({**row, "low": low, "high": high})
        for ratio in each.ratios:
            intervals = {"params": ratio.params_interval, "tokens_per_param": ratio.ratio_interval, "loss": ratio.loss_interval}
            for name, ends in intervals.items():
                low, high = ends or (None, None)
                row = {"method": each.method, "quantity": name, "flops": ratio.flops, "value": getattr(ratio, name)}
                rows.append({**row, "low": low, "high": high})
    return rows


def run_rows(table: "RunTable") -> list[Row]:
    """Return a row for each run of a shipped table."""
    runs = table.load()
    columns: dict[str, Any] = {name: getattr(runs, name).tolist() for name in ("params", "tokens", "flops", "loss")}
    columns |= {name: getattr(runs, name) for name in ("group", "run") if getattr(runs, name)}
    if runs.unique_tokens is not None:
        columns["unique_tokens"] = runs.unique_tokens.tolist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def backtest_rows(found: "Backtest") -> list[Row]:
    """Return a row for each case."""
    return [{name: value for name, value in case._asdict().items() if name != "runs"} for case in found.cases]


def table_rows(tables: "Sequence[RunTable]") -> list[Row]:
    """Return the shipped tables, one a row."""
    return [
        {**row, "groups": " ; ".join(row["groups"]), "notes": " ; ".join(row["notes"])}
        for row in (table.to_dict() for table in tables)
    ]


def table_content(table: "RunTable") -> dict[str, Any]:
    """Return one shipped table with its runs."""
    return {**table.to_dict(), "runs": run_rows(table)}
