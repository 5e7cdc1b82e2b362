"""CSV and JSON, with the rows of plans, checks, laws, fits and run tables: full precision, base units, the attributes' names."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from planner.inputs.mixtures import CHOICE_INPUTS
from planner.notes import Note
from planner.output.csv_json_machines import Row, cost_columns, fields, span
from planner.output.documents.scores import score_columns
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.allocation.published_checks import CheckResult
    from planner.fitting.backtest import Backtest
    from planner.fitting.results import FitResult
    from planner.fitting.tables.shipped import RunTable
    from planner.planning.check import Check
    from planner.planning.explain.steps import Step
    from planner.planning.plan_result import Alternative, DataUse, Plan
    from planner.planning.trade import TradeOff

_RANGES = ("params", "tokens", "flops", "tokens_per_param")
LAW_COLUMNS = (
    *("id", "title", "role", "form", "exponent_params", "exponent_tokens", "params_convention", "loss_unit"),
    *(f"{name}_{end}" for name in _RANGES for end in ("low", "high")),
    *("checks", "reference"),
)
"""Columns of a list of laws."""


def to_json(content: Any, steps: "Sequence[Step]" = ()) -> str:
    """Write JSON types as JSON; the arithmetic goes under ``explanation``."""
    if steps:
        content = {**content, "explanation": step_rows(steps)}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row], header: Sequence[str] = (), *, decimal_comma: bool = False) -> str:
    """Write rows as CSV with a header; ``header`` is the one to write where there are no rows.

    With ``decimal_comma`` as spreadsheets read it where the decimal sign is a comma: semicolons between cells, and a mark that
    the text is UTF-8.
    """
    names = list(rows[0]) if rows else list(header)
    separator = ";" if decimal_comma else ","
    lines: list[list[Any]] = [names, *([row.get(name) for name in names] for row in rows)]
    text = "".join(separator.join(cell(value, decimal_comma) for value in line) + "\n" for line in lines)
    return "\ufeff" + text if decimal_comma else text


def csv_pieces(blocks: Iterable[Sequence[Row]], *, decimal_comma: bool = False) -> Iterator[str]:
    """Write rows as CSV block by block, the header with the first."""
    for number, rows in enumerate(blocks):
        text = to_csv(rows, decimal_comma=decimal_comma)
        yield text.partition("\n")[2] if number else text


def cell(value: Any, decimal_comma: bool) -> str:
    """Write a cell: numbers as the spreadsheet reads them, no text that it would take for a formula or take apart."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(float(value)).replace(".", ",") if decimal_comma else repr(float(value))
    text = str(value)
    if isinstance(value, str) and text.lstrip()[:1] in set("=+-@＝＋－＠|%"):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',;\t"\n\r') else text


def step_rows(steps: "Sequence[Step]") -> list[Row]:
    """Return a row for each line of arithmetic."""
    return [step.to_dict() for step in steps]


def plan_rows(plan: "Plan") -> list[Row]:
    """Return a row for the plan and one for each alternative."""
    extra = score_columns(plan.scores)
    return [_plan_row(plan) | extra, *(_alternative_row(plan, other) | dict.fromkeys(extra) for other in plan.others)]


def trade_rows(found: "TradeOff") -> list[Row]:
    """Return a row for each size."""
    return [{"law": found.law.id, "loss": found.loss, **row._asdict()} for row in found.rows]


def _plan_row(plan: "Plan") -> Row:
    a, b = plan.exponents or (None, None)
    return {
        "law": plan.law.id,
        "flops": plan.flops,
        "exponent_params": a,
        "exponent_tokens": b,
        **fields(plan, "params", "tokens", "tokens_per_param"),
        "params_convention": plan.law.conventions.params,
        **fields(plan, "loss", "irreducible_loss", "loss_unit"),
        **_ends("params_band", plan.params_band),
        "judged_by": (plan.law.surface_law or plan.law).id,
        **fields(plan, "regime", "overhead", "tolerance", "extrapolation"),
        **fields(plan.intervals, "level"),
        **_interval_columns(plan.intervals, "params", "tokens", "loss", "run_loss"),
        **fields(plan.optimum or plan, optimum_params="params", optimum_tokens="tokens", optimum_loss="loss"),
        **fields(plan.doubling, doubling_loss_gain="loss_gain", doubling_share="share_of_reducible"),
        **_condition_columns(plan),
        "notes": _note_text(plan.notes),
        "reference": plan.law.reference,
    }


def _ends(name: str, ends: "Sequence[float | None] | None") -> Row:
    low, high = ends or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _interval_columns(sure: object, *names: str) -> Row:
    """Return the same columns with and without intervals."""
    return {column: end for name in names for column, end in _ends(name, getattr(sure, name, None)).items()}


def _data_columns(data: "DataUse | None") -> Row:
    return fields(data, "unique_tokens", "epochs", "effective_tokens", repetition_loss="loss_owed")


def _condition_columns(plan: "Plan") -> Row:
    """Return what limits, repetition and serving do, the same columns for every plan."""
    mixture = plan.mixture
    return {
        **fields(plan, "params_total", "params_non_embedding"),
        "target_loss": plan.inputs.get("loss"),
        **_interval_columns(plan.intervals, "flops"),
        **fields(plan, "spent", "training_flops"),
        **_data_columns(plan.data),
        **fields(plan.serving, inference_tokens="tokens", serving_flops="serving_flops"),
        **fields(plan.serving, serving_price="price", serving_saved="saved"),
        **fields(plan.data, doubling_data_gain="doubling_gain"),
        **fields(plan.served_copy, "weight_bytes"),
        **fields(plan.quantised, served_loss="loss"),
        **fields(mixture, "active_params", "total_params"),
        **{name: plan.law.params.get(of) if mixture else None for of, name in CHOICE_INPUTS.items()},
        **fields(mixture, "training_bytes", "dense_flops", "dense_equivalent"),
        **fields(plan.funded, budget_kind="kind", budget_amount="amount", budget_unit="unit"),
        **span("budget_flops", plan.funded.flops if plan.funded else None),
        **cost_columns(plan.machine, plan.cost),
    }


def _alternative_row(plan: "Plan", other: "Alternative") -> Row:
    """Return the columns of the plan's row, empty where an alternative does not say."""
    judge = plan.law.surface_law
    own: Row = {
        "law": other.law.id,
        "exponent_params": other.exponents[0],
        "exponent_tokens": other.exponents[1],
        "params_convention": other.law.conventions.params,
        "irreducible_loss": other.law.irreducible_loss,
        "loss_unit": other.law.conventions.loss_unit if other.loss is not None else None,
        "tolerance": plan.tolerance,
        "judged_by": judge.id if judge else None,
        "notes": _note_text(other.notes),
        "reference": other.law.reference,
        "flops": plan.flops,
    }
    return {key: own[key] if key in own else getattr(other, key, None) for key in _plan_row(plan)}


def check_rows(check: "Check") -> list[Row]:
    """Return the one row of a check."""
    row = {
        "law": check.law.id,
        **fields(check, "flops", "params", "tokens", "tokens_per_param", "loss", "irreducible_loss", "loss_unit"),
        **fields(check, "regime", "overhead", "extrapolation"),
        **fields(check.intervals, "level"),
        **_interval_columns(check.intervals, "loss", "run_loss"),
        "equivalent_flops": check.equivalent_flops,
        **fields(check.shares, share_params="params", share_tokens="tokens"),
        **fields(check.optimum, optimum_params="params", optimum_tokens="tokens", optimum_loss="loss"),
        **_remedy_columns(check),
        "spent": check.spent,
        **_data_columns(check.data),
        **fields(check.demand, inference_tokens="tokens", serving_price="price"),
        **cost_columns(check.machine, check.cost),
        **fields(check.overfitting_test, kaplan_params="params", kaplan_excess="excess", kaplan_passed="passed"),
        **fields(check.overfitting_test, kaplan_tokens_needed="tokens_needed", kaplan_extrapolation="extrapolation"),
        "notes": _note_text(check.notes),
        "reference": check.law.reference,
    }
    return [row]


_REMEDIES = {"same_loss": {"same loss"}, "same_params": {"train longer", "train shorter"}, "same_tokens": {"shrink", "grow"}}


def _remedy_columns(check: "Check") -> Row:
    """Return the same columns for every check, empty where a remedy does not apply."""
    row: Row = {}
    for column, actions in _REMEDIES.items():
        remedy = next((remedy for remedy in check.remedies if remedy.action in actions), None)
        row |= {f"{column}_{name}": getattr(remedy, name, None) for name in ("params", "tokens", "flops", "loss")}
    return row


def law_rows(laws: Sequence[Law]) -> list[Row]:
    """Return a row for each law."""
    rows = []
    for law in laws:
        a, b = law.exponents or (None, None)
        known = {**fields(law, "id", "title", "role"), "form": law.form.name, "exponent_params": a, "exponent_tokens": b}
        known |= {"params_convention": law.conventions.params, "loss_unit": law.conventions.loss_unit}
        rows.append({**known, **_interval_columns(law.domain, *_RANGES), "checks": len(law.checks), "reference": law.reference})
    return rows


def _note_text(notes: Iterable[Note]) -> str:
    return " | ".join(f"{note.severity}: {note.text}" for note in notes)


def _flat(value: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Return (dotted key, scalar) pairs of nested JSON."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _flat(item, f"{prefix}.{number}")
    else:
        yield prefix, value


def law_parts(law: "Law") -> list[Row]:
    """Return one law as rows of dotted key and value."""
    return [{"key": key, "value": value} for key, value in _flat(law.to_dict())]


def contents(listed: "Sequence[Any]") -> list[Any]:
    """Return what a catalogue lists, as JSON types."""
    return [each.to_dict() for each in listed]


def check_result_rows(results: "Sequence[CheckResult]") -> list[Row]:
    """Return a row for each published output that a law is held against."""
    return [
        {
            "quantity": result.check.quantity,
            **{f"at_{name}": value for name, value in result.check.inputs.items()},
            "expected": result.check.expected,
            "computed": result.computed,
            "rel_tolerance": result.check.rel_tolerance,
            "passed": result.passed,
            "locator": result.check.locator,
        }
        for result in results
    ]


def fit_rows(fit: "FitResult") -> list[Row]:
    """Return a row for each constant of each method, then the compute-optimal runs."""
    rows: list[Row] = []
    for each in (fit, *fit.others):
        found: list[Any] = [(name, None, value, each.intervals.get(name)) for name, value in each.constants.items()]
        if each.exponents:
            found.append(("exponent_params", None, each.exponents[0], each.exponent_interval))
        for ratio in each.ratios:
            intervals = {"params": ratio.params_interval, "tokens_per_param": ratio.ratio_interval, "loss": ratio.loss_interval}
            found += [(name, ratio.flops, getattr(ratio, name), ends) for name, ends in intervals.items()]
        for name, flops, value, ends in found:
            low, high = ends or (None, None)
            rows.append({"method": each.method, "quantity": name, "flops": flops, "value": value, "low": low, "high": high})
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


HEADERS = {"laws": LAW_COLUMNS}
"""Columns of a catalogue that may be empty."""
