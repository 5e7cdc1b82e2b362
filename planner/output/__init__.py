"""Results in, text out. Rounding happens here (through quantities) and nowhere else; nothing here computes.

Tables and Markdown are rounded for reading; CSV and JSON keep full precision and base units. What a result looks like is imported
when it is asked for, so that ``plan --help`` loads none of it.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.formats import FORMATS as FORMATS
from planner._util.formats import Format as Format
from planner._util.to_json import Listing

if TYPE_CHECKING:
    from pathlib import Path

    from planner._util.parallel import Progress
    from planner.notes import Note
    from planner.output.documents.blocks import Block
    from planner.pilot_design.pilots_result import Pilots
    from planner.planning.explain.steps import Step
    from planner.planning.sweep import Sweep


class Looks(NamedTuple):
    """The functions that make a result's blocks to read, its rows of a CSV, and its content as JSON types, else ``to_dict``.

    One that is named without a module stands in ``room``.
    """

    room: str
    document: str
    rows: str = ""
    content: str = ""


_LOOKS = {
    "Plan": Looks("documents.plan", "plan_document", "csv_json:plan_rows"),
    "Check": Looks("documents.check", "check_document", "csv_json:check_rows"),
    "Comparison": Looks("documents.comparison", "comparison_document", "comparison_rows"),
    "Distillation": Looks("documents.distillation", "distillation_document", "distillation_rows"),
    "MixtureComparison": Looks("documents.comparison", "mixtures_document", "mixtures_rows"),
    "TradeOff": Looks("documents.trade", "trade_document", "csv_json:trade_rows"),
    "Law": Looks("documents.law", "law_document", "csv_json:law_parts"),
    "laws": Looks("documents.law", "catalogue_document", "csv_json:law_rows", "csv_json:contents"),
    "FitResult": Looks("documents.fit", "fit_document", "csv_json:fit_rows"),
    "Backtest": Looks("documents.fit", "backtest_document", "csv_json:backtest_rows"),
    "shipped tables": Looks("documents.fit", "tables_document", "csv_json:table_rows", "csv_json:contents"),
    "RunTable": Looks("documents.fit", "table_document", "csv_json:run_rows", "csv_json:table_content"),
    "devices": Looks(
        "documents.hardware", "hardware_document", "csv_json_machines:device_rows", "csv_json_machines:hardware_content"
    ),
    "Ranking": Looks("documents.hardware", "ranking_document", "csv_json_machines:ranking_rows"),
    "Configuration": Looks("documents.configuration", "configuration_document", "csv_json_machines:shape_rows"),
    "Scaling": Looks("documents.throughput", "scaling_document", "csv_json_machines:scaling_rows"),
    "Throughput": Looks("documents.throughput", "throughput_document", "csv_json_machines:throughput_rows"),
    "models": Looks("documents.configuration", "published_document", "csv_json_machines:model_rows", "csv_json:contents"),
    "Curve": Looks("documents.curve", "curve_document", "curve_rows"),
    "TrainingCurve": Looks("documents.training_curve", "training_curve_document", "training_curve_rows"),
    "ScoreBacktest": Looks("documents.scores", "score_backtest_document", "score_backtest_rows"),
    "Scores": Looks("documents.scores", "scores_document", "scores_rows"),
    "ComputeLimits": Looks("documents.limits", "returns_document", "returns_rows"),
    "BenchmarkLimits": Looks("documents.limits", "limits_document", "limits_rows"),
    "Levers": Looks("documents.levers", "levers_document", "levers_rows"),
    "Pilots": Looks("documents.pilots", "pilots_document", "pilots_rows"),
    "RunsCheck": Looks("documents.check", "runs_document", "runs_rows"),
    "Sweep": Looks("documents.sweep", "sweep_document"),
    "published checks": Looks("documents.law", "checks_document", "csv_json:check_result_rows", "csv_json:check_result_rows"),
    "steps": Looks("documents.blocks", "arithmetic", "csv_json:step_rows", "csv_json:step_rows"),
    "functions": Looks("documents.sheet", "functions_document", "function_rows", "function_content"),
}
"""What each kind of result looks like; listings by what they list."""


def render(result: Any, fmt: Format, steps: "Sequence[Step]" = ()) -> str:
    """Write a result; with ``steps`` the arithmetic too (in CSV: instead)."""
    if _name(result) in _PIECES:
        return "".join(pieces(result, fmt))
    if _name(result) == "Sweep" and fmt not in {"table", "markdown"}:
        return "".join(stream_sweep(result, fmt, lambda notes: None))
    looks = _LOOKS[_name(result)]
    if fmt == "json":
        from planner.output.csv_json import to_json

        return to_json(_made(looks.room, looks.content)(result) if looks.content else result.to_dict(), steps)
    if fmt in {"csv", "csv-semicolon"}:
        from planner.output.csv_json import HEADERS, step_rows, to_csv

        rows = step_rows(steps) if steps else _made(looks.room, looks.rows)(result)
        return to_csv(rows, HEADERS.get(_name(result), ()), decimal_comma=fmt == "csv-semicolon")
    from planner.output.text import to_markdown, to_text

    whole = document(result, steps)
    return to_markdown(whole) if fmt == "markdown" else to_text(whole)


def document(result: Any, steps: "Sequence[Step]" = ()) -> "list[Block]":
    """Return what a person reads of a result: the answer, then its warnings, then the rest."""
    from planner.output.documents.blocks import answer_first, arithmetic

    looks = _LOOKS[_name(result)]
    return answer_first([*_made(looks.room, looks.document)(result), *arithmetic(steps)])


def rows_of(result: Any) -> Any:
    """Return the rows of ``--format csv`` as mappings, or as arrays by column where there are many."""
    if _name(result) == "Sweep":
        return result.table()
    looks = _LOOKS[_name(result)]
    return list(_made(looks.room, looks.rows)(result))


def brief(result: Any) -> str:
    """Write the answer of a result alone, in at most eight lines.

    Raises
    ------
    OptionError
        A table of runs, or anything else that is written in pieces.
    """
    from planner.errors import OptionError
    from planner.output.text import brief

    if _name(result) in _PIECES:
        raise OptionError("`brief` goes with one answer, not with a table of them")
    return brief(document(result))


def _name(result: Any) -> str:
    """Return the name of the kind of a result: what a listing lists, its class's, or that of the one it was derived from."""
    if isinstance(result, Listing):
        return result.kind
    names = [each.__name__ for each in type(result).__mro__]
    return next((name for name in names if name in _LOOKS), names[0])


def pieces(result: Any, fmt: Format, steps: "Sequence[Step]" = ()) -> Iterator[str]:
    """Write a result in pieces, where it may be too long for one text."""
    if _name(result) in _PIECES:
        yield from _made(*_PIECES[_name(result)])(result, fmt)
    else:
        yield render(result, fmt, steps)


_PIECES = {"RunsCheck": ("documents.check", "runs_pieces")}


def _made(room: str, name: str) -> Any:
    where, _, own = name.rpartition(":")
    return getattr(import_module(f"planner.output.{where or room}"), own)


def stream_sweep(
    found: "Sweep", fmt: Format, heard: "Callable[[tuple[Note, ...]], None]", progress: "Progress | None" = None
) -> Iterator[str]:
    """Write a sweep piece by piece; ``heard`` gets its notes when all rows are written."""
    from planner.output.documents.sweep import sweep_pieces

    return sweep_pieces(found, fmt, heard, progress)


def save_pilots(found: "Pilots", path: "str | Path", *, overwrite: bool = False) -> "Path":
    """Write pilot runs as a CSV file whose column ``loss`` waits to be filled in."""
    from planner._util.files import new_file, write_new

    target = new_file(path, overwrite, ".csv", "a table of pilots")
    write_new(target, render(found, "csv"), overwrite=overwrite)
    return target
