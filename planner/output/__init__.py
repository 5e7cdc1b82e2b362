"""Results in, text out. Rounding happens here (through units) and nowhere else; nothing here computes.

Tables and Markdown are rounded for reading; CSV and JSON keep full precision and base units. Each function imports what it
needs, so that ``plan --help`` loads none of it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from planner.output.formats import FORMATS as FORMATS
from planner.output.formats import Format as Format

if TYPE_CHECKING:
    from pathlib import Path

    from planner._util.parallel import Progress
    from planner.accelerators.accelerator import Accelerator
    from planner.architectures.published_models import Model
    from planner.fitting.backtest import Backtest
    from planner.fitting.learning_curve.curve_result import Curve
    from planner.fitting.results import FitResult
    from planner.fitting.tables.shipped import RunTable
    from planner.notes import Note
    from planner.output.csv_json_machines import Row
    from planner.output.documents.blocks import Block
    from planner.pilot_design.pilots import Pilots
    from planner.planning.benchmark_limits import BenchmarkLimits
    from planner.planning.check import Check
    from planner.planning.check_table import RunsCheck
    from planner.planning.compare import Comparison
    from planner.planning.configure import Configuration
    from planner.planning.diminishing_returns import ComputeLimits
    from planner.planning.explain.steps import Step
    from planner.planning.hardware_ranking import Ranking
    from planner.planning.levers_result import Levers
    from planner.planning.plan_result import Plan
    from planner.planning.sweep import Sweep
    from planner.planning.trade import TradeOff
    from planner.scaling_laws.law import Law
    from planner.sheets.cell_functions.arguments import Function

_DATA: frozenset[Format] = frozenset({"csv", "csv-semicolon", "json"})


def render_plan(plan: "Plan", fmt: Format, steps: "Sequence[Step]" = ()) -> str:
    """Write a plan; with ``steps`` the arithmetic too (in CSV: instead)."""
    if fmt in _DATA:
        from planner.output.csv_json import plan_rows

        return _exported(fmt, plan.to_dict, lambda: plan_rows(plan), steps)
    from planner.output.documents.plan import plan_document

    return _written(plan_document(plan), fmt, steps)


def stream_sweep(
    found: "Sweep", fmt: Format, heard: "Callable[[tuple[Note, ...]], None]", progress: "Progress | None" = None
) -> Iterator[str]:
    """Write a sweep piece by piece; ``heard`` gets its notes when all rows are written."""
    from planner.output.documents.sweep import sweep_pieces

    return sweep_pieces(found, fmt, heard, progress)


def render_check(check: "Check", fmt: Format, steps: "Sequence[Step]" = ()) -> str:
    """Write a check; with ``steps`` the arithmetic too (in CSV: instead)."""
    if fmt in _DATA:
        from planner.output.csv_json import check_rows

        return _exported(fmt, check.to_dict, lambda: check_rows(check), steps)
    from planner.output.documents.check import check_document

    return _written(check_document(check), fmt, steps)


def render_runs_check(found: "RunsCheck", fmt: Format) -> str:
    """Write the verdicts on a table of runs."""
    if fmt in _DATA:
        from planner.output.csv_json import judged_rows

        return _exported(fmt, found.to_dict, lambda: judged_rows(found))
    from planner.output.documents.check import runs_document

    return _written(runs_document(found), fmt)


def render_comparison(found: "Comparison", fmt: Format) -> str:
    """Write what every law says of a budget."""
    if fmt in _DATA:
        from planner.output.documents.comparison import comparison_rows

        return _exported(fmt, found.to_dict, lambda: comparison_rows(found))
    from planner.output.documents.comparison import comparison_document

    return _written(comparison_document(found), fmt)


def render_trade(found: "TradeOff", fmt: Format) -> str:
    """Write a trade-off of size against data."""
    if fmt in _DATA:
        from planner.output.csv_json import trade_rows

        return _exported(fmt, found.to_dict, lambda: trade_rows(found))
    from planner.output.documents.trade import trade_document

    return _written(trade_document(found), fmt)


def render_law(law: "Law", fmt: Format) -> str:
    """Write one law whole."""
    if fmt in _DATA:
        from planner.output.csv_json import flat_rows

        return _exported(fmt, law.to_dict, lambda: flat_rows(law.to_dict()))
    from planner.output.documents.law import law_document

    return _written(law_document(law), fmt)


def render_laws(laws: "Sequence[Law]", fmt: Format) -> str:
    """Write a list of laws."""
    if fmt in _DATA:
        from planner.output.csv_json import LAW_COLUMNS, law_rows

        return _exported(fmt, lambda: [law.to_dict() for law in laws], lambda: law_rows(laws), header=LAW_COLUMNS)
    from planner.output.documents.law import catalogue_document

    return _written(catalogue_document(laws), fmt)


def render_fit(fit: "FitResult", fmt: Format) -> str:
    """Write a fit."""
    if fmt in _DATA:
        from planner.output.csv_json import fit_rows

        return _exported(fmt, fit.to_dict, lambda: fit_rows(fit))
    from planner.output.documents.fit import fit_document

    return _written(fit_document(fit), fmt)


def render_backtest(found: "Backtest", fmt: Format) -> str:
    """Write a back-test."""
    if fmt in _DATA:
        from planner.output.csv_json import backtest_rows

        return _exported(fmt, found.to_dict, lambda: backtest_rows(found))
    from planner.output.documents.fit import backtest_document

    return _written(backtest_document(found), fmt)


def render_tables(tables: "Sequence[RunTable]", fmt: Format) -> str:
    """Write the list of shipped tables."""
    if fmt in _DATA:
        content = [table.to_dict() for table in tables]
        flat = [{**row, "groups": " ; ".join(row["groups"]), "notes": " ; ".join(row["notes"])} for row in content]
        return _exported(fmt, lambda: content, lambda: flat)
    from planner.output.documents.fit import tables_document

    return _written(tables_document(tables), fmt)


def render_table(table: "RunTable", fmt: Format) -> str:
    """Write one shipped table: what it is, and in CSV its runs."""
    if fmt in _DATA:
        from planner.output.csv_json import run_rows

        return _exported(fmt, lambda: {**table.to_dict(), "runs": run_rows(table)}, lambda: run_rows(table))
    from planner.output.documents.fit import table_document

    return _written(table_document(table), fmt)


def render_hardware(devices: "Sequence[Accelerator]", fmt: Format) -> str:
    """Write the catalogue of devices, or one device whole."""
    if fmt in _DATA:
        from planner.output.csv_json_machines import device_rows, hardware_content

        return _exported(fmt, lambda: hardware_content(devices), lambda: device_rows(devices))
    from planner.output.documents.hardware import device_document, devices_document

    return _written(device_document(devices[0]) if len(devices) == 1 else devices_document(devices), fmt)


def render_ranking(ranking: "Ranking", fmt: Format) -> str:
    """Write devices ranked by what compute takes on them."""
    if fmt in _DATA:
        from planner.output.csv_json_machines import ranking_rows

        return _exported(fmt, ranking.to_dict, lambda: ranking_rows(ranking))
    from planner.output.documents.hardware import ranking_document

    return _written(ranking_document(ranking), fmt)


def render_configuration(found: "Configuration", fmt: Format) -> str:
    """Write what to configure."""
    if fmt in _DATA:
        from planner.output.csv_json_machines import shape_rows

        return _exported(fmt, found.to_dict, lambda: shape_rows(found))
    from planner.output.documents.configuration import configuration_document

    return _written(configuration_document(found), fmt)


def render_models(models: "Sequence[Model]", fmt: Format) -> str:
    """Write the published models, or one whole."""
    if fmt in _DATA:
        from planner.output.csv_json_machines import model_rows

        return _exported(fmt, lambda: [model.to_dict() for model in models], lambda: model_rows(models))
    from planner.output.documents.configuration import model_document, models_document

    return _written(model_document(models[0]) if len(models) == 1 else models_document(models), fmt)


def render_curve(curve: "Curve", fmt: Format) -> str:
    """Write a learning curve."""
    if fmt in _DATA:
        from planner.output.documents.curve import curve_rows

        return _exported(fmt, curve.to_dict, lambda: curve_rows(curve))
    from planner.output.documents.curve import curve_document

    return _written(curve_document(curve), fmt)


def render_limits(found: "BenchmarkLimits | ComputeLimits", fmt: Format) -> str:
    """Write where compute stops paying, or what an error on a benchmark takes."""
    from planner.output.documents import limits as page
    from planner.planning.diminishing_returns import ComputeLimits

    over_budgets = isinstance(found, ComputeLimits)
    if fmt in _DATA:
        rows: Callable[[Any], list[Row]] = page.returns_rows if over_budgets else page.limits_rows
        return _exported(fmt, found.to_dict, lambda: rows(found))
    document: Callable[[Any], list[Block]] = page.returns_document if over_budgets else page.limits_document
    return _written(document(found), fmt)


def render_levers(found: "Levers", fmt: Format) -> str:
    """Write what efficiency levers are worth."""
    if fmt in _DATA:
        from planner.output.documents.levers import levers_rows

        return _exported(fmt, found.to_dict, lambda: levers_rows(found))
    from planner.output.documents.levers import levers_document

    return _written(levers_document(found), fmt)


def render_pilots(found: "Pilots", fmt: Format) -> str:
    """Write a design of pilot runs."""
    if fmt in _DATA:
        from planner.output.documents.pilots import pilots_rows

        return _exported(fmt, found.to_dict, lambda: pilots_rows(found))
    from planner.output.documents.pilots import pilots_document

    return _written(pilots_document(found), fmt)


def save_pilots(found: "Pilots", path: "str | Path", *, overwrite: bool = False) -> "Path":
    """Write pilot runs as a CSV file whose column ``loss`` waits to be filled in."""
    from planner._util.files import new_file, write_new

    target = new_file(path, overwrite, ".csv", "a table of pilots")
    write_new(target, render_pilots(found, "csv"), overwrite=overwrite)
    return target


def render_functions(functions: "Sequence[Function]", fmt: Format) -> str:
    """Write the spreadsheet functions."""
    if fmt in _DATA:
        from planner.output.documents.sheet import function_content, function_rows

        return _exported(fmt, lambda: function_content(functions), lambda: function_rows(functions))
    from planner.output.documents.sheet import functions_document

    return _written(functions_document(functions), fmt)


def _exported(
    fmt: Format,
    content: Callable[[], Any],
    rows: "Callable[[], Sequence[Row]]",
    steps: "Sequence[Step]" = (),
    header: Sequence[str] = (),
) -> str:
    from planner.output.csv_json import step_rows, to_csv, to_json

    if fmt == "json":
        return to_json(content(), steps)
    return to_csv(step_rows(steps) if steps else rows(), header, decimal_comma=fmt == "csv-semicolon")


def _written(blocks: "list[Block]", fmt: Format, steps: "Sequence[Step]" = ()) -> str:
    from planner.output.documents.blocks import arithmetic
    from planner.output.text import to_markdown, to_text

    whole = [*blocks, *arithmetic(steps)]
    return to_markdown(whole) if fmt == "markdown" else to_text(whole)
