"""The page of every published number that is reproduced: ``python -m tests.update_docs`` runs them and writes it."""

import ast
import re
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path

import numpy as np

import planner
from planner._util.files import settings
from planner.architectures.step_time import FILE
from planner.quantities import format_percent, format_signed_percent, format_whole, plain
from tests.documents import DOCS, ROOT
from tests.step_fit import ROWS, SOURCES, errors
from tests.whole_runs import whole_runs

PAGE = DOCS / "explanation" / "validation.md"
_CITED = re.compile(r"arXiv|et al\. \d{4}|Table \w?\d|Fig\. \d|App\. [A-Z]|Sec\. \d|Eq\. \d")


def page() -> str:
    """Return the page."""
    laws = [row for law in planner.laws() for row in _law_rows(law)]
    models = [model for model in planner.models() if model.exact and model.shape]
    tests = list(_tests())
    return "\n".join(
        [
            "# Validation: published numbers, recomputed",
            "",
            f"Every figure below was recomputed when this page was written: {len(laws)} outputs that the sources of laws print, the parameters of "
            f"{len(models)} published models, and {len(tests)} further tests against published numbers. The tests hold this page to what planner gives.",
            "",
            "## What the laws' sources print",
            "",
            "The tolerance is the precision of the printed figure, or of the constants that it follows from; `plan laws ID` prints the same with reasons.",
            "",
            *_table(["law", "quantity", "at", "published", "planner", "off", "tolerance", "where"], "lllrrrrl", laws),
            "",
            "## Parameters of published models",
            "",
            "Counted from the published shape, against the parameters of the released weights.",
            "",
            *_table(
                ["model", "published", "planner", "off"],
                "lrrr",
                [
                    [model.id, f"{model.params:,.0f}", f"{model.shape.total:,}", f"{model.shape.total - model.params:+,.0f}"]
                    for model in models
                ],
            ),
            "",
            "## Published steps of training, forecast",
            "",
            f"{len(ROWS):,} measured steps that ship (`data/throughput_rows.csv`), beside the step model as it is fitted to them: the median of the "
            "absolute error of a step's time, and of the signed one. With sources left out of the fit: [how fast will it run](../how-to/throughput.md).",
            "",
            *_table(["source", "rows", "devices", "models", "off", "signed", "licence", "first row"], "lrrrrrll", list(_steps())),
            "",
            "## Published whole runs",
            "",
            "Device-hours of whole runs (`data/whole_runs.csv`) beside those that a plan says of such a model, devices and tokens, with the software of the "
            f"run's year: forecast steps of the fastest layout, times {_SLOWER}, which is what these runs took in the middle, one voice a source.",
            "",
            *_table(["source", "model", "devices", "device-hours", "planner", "off", "where"], "lllrrrl", list(_whole_runs())),
            "",
            "## Others, held by the tests",
            "",
            *_table(["what", "test"], "ll", tests),
            "",
        ]
    )


def _law_rows(law: planner.Law) -> Iterator[list[str]]:
    for result in planner.verify(law):
        check = result.check
        off = result.computed / check.expected - 1
        yield [
            f"`{law.id}`",
            check.quantity,
            ", ".join(f"{name} {plain(value, 4)}" for name, value in check.inputs.items()),
            plain(check.expected, 6),
            plain(result.computed, 6),
            "0 %" if abs(off) < 1e-6 else f"{100 * off:+.2g} %",
            format_percent(check.rel_tolerance),
            check.locator,
        ]


def _steps() -> Iterator[list[str]]:
    """Return a row for each source of measured steps."""
    off = np.abs(np.exp(np.abs(errors(settings(FILE, "constants")))) - 1)
    signed = np.exp(errors(settings(FILE, "constants"))) - 1
    for source in np.unique(SOURCES):
        among = source == SOURCES
        rows = [row for row in ROWS if row["source"] == source]
        yield [
            str(source),
            f"{len(rows):,}",
            " to ".join(f"{end(row['devices'] for row in rows):,.0f}" for end in (min, max)),
            str(len({row["model"] for row in rows})),
            format_percent(float(np.median(off[among]))),
            format_signed_percent(float(np.median(signed[among]))),
            rows[0]["licence"],
            rows[0]["locator"],
        ]


_SLOWER = settings(FILE, "whole_runs")["slower"]


def _whole_runs() -> Iterator[list[str]]:
    """Return a row for each published whole run."""
    for run in whole_runs():
        said = run.hours / exp(run.log_slower) * _SLOWER
        off = format_signed_percent(said / run.hours - 1)
        yield [run.source, run.model, run.devices, format_whole(run.hours), format_whole(said), off, run.locator]


def _tests() -> Iterator[list[str]]:
    """Return the tests whose first line cites a source, the laws' own checks and those above left out."""
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = (ast.get_docstring(node) or "").split("\n")[0]
                if _CITED.search(said):
                    yield [said, f"`{path.name}::{node.name}`"]


def _table(headers: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> list[str]:
    sides = ["---" if side == "l" else "--:" for side in align]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (headers, sides, *rows)]


def write() -> None:
    """Write it anew."""
    Path(PAGE).write_text(page(), encoding="utf-8")
