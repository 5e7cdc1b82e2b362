"""CSV and JSON: full precision, base units, the attributes' own names."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from planner.inputs.mixtures import CHOICE_INPUTS
from planner.notes import Note
from planner.output.csv_json_machines import Row, cost_columns, span
from planner.output.documents.scores import score_columns
from planner.scaling_laws.law import Law

if TYPE_CHECKING:
    from planner.allocation.intervals import Intervals
    from planner.allocation.published_checks import CheckResult
    from planner.planning.check import Check
    from planner.planning.explain.steps import Step
    from planner.planning.plan_result import Alternative, Plan
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


def check_rows(check: "Check") -> list[Row]:
    """Return the one row of a check."""
    return [_check_row(check)]


def trade_rows(found: "TradeOff") -> list[Row]:
    """Return a row for each size."""
    return [{"law": found.law.id, "loss": found.loss, **row._asdict()} for row in found.rows]


def law_rows(laws: Sequence[Law]) -> list[Row]:
    """Return a row for each law."""
    return [_law_row(law) for law in laws]


def flat_rows(content: Row) -> list[Row]:
    """Return nested JSON types as rows of dotted key and value."""
    return [{"key": key, "value": value} for key, value in _flat(content)]


def _plan_row(plan: "Plan") -> Row:
    a, b = plan.exponents or (None, None)
    low, high = plan.params_band or (None, None)
    return {
        "law": plan.law.id,
        "flops": plan.flops,
        "exponent_params": a,
        "exponent_tokens": b,
        "params": plan.params,
        "tokens": plan.tokens,
        "tokens_per_param": plan.tokens_per_param,
        "params_convention": plan.law.conventions.params,
        "loss": plan.loss,
        "irreducible_loss": plan.irreducible_loss,
        "loss_unit": plan.loss_unit,
        "params_band_low": low,
        "params_band_high": high,
        "judged_by": (plan.law.surface_law or plan.law).id,
        "regime": plan.regime,
        "overhead": plan.overhead,
        "tolerance": plan.tolerance,
        "extrapolation": plan.extrapolation,
        **_interval_columns(plan.intervals, ("params", "tokens", "loss", "run_loss")),
        **{f"optimum_{name}": getattr(plan.optimum or plan, name) for name in ("params", "tokens", "loss")},
        "doubling_loss_gain": plan.doubling.loss_gain if plan.doubling else None,
        "doubling_share": plan.doubling.share_of_reducible if plan.doubling else None,
        **_condition_columns(plan),
        "notes": _note_text(plan.notes),
        "reference": plan.law.reference,
    }


def _interval_columns(sure: "Intervals | None", names: Sequence[str]) -> Row:
    """Return the same columns with and without intervals."""
    row: Row = {"level": sure.level if sure else None}
    for name in names:
        ends = getattr(sure, name, None) or (None, None)
        row |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return row


def _condition_columns(plan: "Plan") -> Row:
    """Return what limits, repetition and serving do, the same columns for every plan."""
    data, serving, mixture = plan.data, plan.serving, plan.mixture
    low, high = (plan.intervals.flops if plan.intervals else None) or (None, None)
    return {
        "params_total": plan.params_total,
        "params_non_embedding": plan.params_non_embedding,
        "target_loss": plan.inputs.get("loss"),
        "flops_low": low,
        "flops_high": high,
        "spent": plan.spent,
        "training_flops": plan.training_flops,
        "unique_tokens": data.unique_tokens if data else None,
        "epochs": data.epochs if data else None,
        "effective_tokens": data.effective_tokens if data else None,
        "repetition_loss": data.loss_owed if data else None,
        "inference_tokens": serving.tokens if serving else None,
        "serving_flops": serving.serving_flops if serving else None,
        "serving_price": serving.price if serving else None,
        "serving_saved": serving.saved if serving else None,
        "doubling_data_gain": data.doubling_gain if data else None,
        "weight_bytes": plan.served_copy.weight_bytes if plan.served_copy else None,
        "served_loss": plan.quantised.loss if plan.quantised else None,
        "active_params": mixture.active_params if mixture else None,
        "total_params": mixture.total_params if mixture else None,
        **{name: plan.law.params.get(of) if mixture else None for of, name in CHOICE_INPUTS.items()},
        "training_bytes": mixture.training_bytes if mixture else None,
        "dense_flops": mixture.dense_flops if mixture else None,
        "dense_equivalent": mixture.dense_equivalent if mixture else None,
        "budget_kind": plan.funded.kind if plan.funded else None,
        "budget_amount": plan.funded.amount if plan.funded else None,
        "budget_unit": plan.funded.unit if plan.funded else None,
        **span("budget_flops", plan.funded.flops if plan.funded else None),
        **cost_columns(plan.machine, plan.cost),
    }


_OF_THE_PLAN = (
    *("level", "params_low", "params_high", "tokens_low", "tokens_high"),
    *("loss_low", "loss_high", "run_loss_low", "run_loss_high", "params_band_low", "params_band_high"),
    *("optimum_params", "optimum_tokens", "optimum_loss", "doubling_loss_gain", "doubling_share"),
    *("params_total", "params_non_embedding", "target_loss", "flops_low", "flops_high", "spent", "training_flops"),
    *("unique_tokens", "epochs", "effective_tokens", "repetition_loss", "inference_tokens"),
    *("serving_flops", "serving_price", "serving_saved", "budget_kind", "budget_amount", "budget_unit"),
    *("doubling_data_gain", "weight_bytes", "served_loss", "active_params", "total_params"),
    *(*CHOICE_INPUTS.values(), "training_bytes", "dense_flops", "dense_equivalent"),
)
"""Columns that an alternative leaves empty."""


def _alternative_row(plan: "Plan", other: "Alternative") -> Row:
    judge = plan.law.surface_law
    own: Row = {
        "law": other.law.id,
        "exponent_params": other.exponents[0],
        "exponent_tokens": other.exponents[1],
        "params_convention": other.law.conventions.params,
        "irreducible_loss": other.law.irreducible_loss,
        "loss_unit": other.law.conventions.loss_unit if other.loss is not None else None,
        "tolerance": plan.tolerance,
        **dict.fromkeys((*_OF_THE_PLAN, *cost_columns(None, None), *span("budget_flops", None), "budget_kind", "budget_amount")),
        "judged_by": judge.id if judge else None,
        "notes": _note_text(other.notes),
        "reference": other.law.reference,
        "flops": plan.flops,
    }
    return {key: own[key] if key in own else getattr(other, key) for key in _plan_row(plan)}


_CHECK_COLUMNS = (
    *("flops", "params", "tokens", "tokens_per_param", "loss", "irreducible_loss", "loss_unit"),
    *("regime", "overhead", "extrapolation"),
)


def _check_row(check: "Check") -> Row:
    test, best = check.overfitting_test, check.optimum
    return {
        "law": check.law.id,
        **{name: getattr(check, name) for name in _CHECK_COLUMNS},
        **_interval_columns(check.intervals, ("loss", "run_loss")),
        "equivalent_flops": check.equivalent_flops,
        "share_params": check.shares.params if check.shares else None,
        "share_tokens": check.shares.tokens if check.shares else None,
        "optimum_params": best.params if best else None,
        "optimum_tokens": best.tokens if best else None,
        "optimum_loss": best.loss if best else None,
        **_remedy_columns(check),
        "spent": check.spent,
        "unique_tokens": check.data.unique_tokens if check.data else None,
        "epochs": check.data.epochs if check.data else None,
        "effective_tokens": check.data.effective_tokens if check.data else None,
        "repetition_loss": check.data.loss_owed if check.data else None,
        "inference_tokens": check.demand.tokens if check.demand else None,
        "serving_price": check.demand.price if check.demand else None,
        **cost_columns(check.machine, check.cost),
        "kaplan_params": test.params,
        "kaplan_excess": test.excess,
        "kaplan_passed": test.passed,
        "kaplan_tokens_needed": test.tokens_needed,
        "kaplan_extrapolation": test.extrapolation,
        "notes": _note_text(check.notes),
        "reference": check.law.reference,
    }


_REMEDIES = {"same_loss": {"same loss"}, "same_params": {"train longer", "train shorter"}, "same_tokens": {"shrink", "grow"}}


def _remedy_columns(check: "Check") -> Row:
    """Return the same columns for every check, empty where a remedy does not apply."""
    row: Row = {}
    for column, actions in _REMEDIES.items():
        remedy = next((remedy for remedy in check.remedies if remedy.action in actions), None)
        row |= {f"{column}_{name}": getattr(remedy, name, None) for name in ("params", "tokens", "flops", "loss")}
    return row


def _law_row(law: Law) -> Row:
    a, b = law.exponents or (None, None)
    limits = {name: getattr(law.domain, name) or (None, None) for name in _RANGES}
    return {
        "id": law.id,
        "title": law.title,
        "role": law.role,
        "form": law.form.name,
        "exponent_params": a,
        "exponent_tokens": b,
        "params_convention": law.conventions.params,
        "loss_unit": law.conventions.loss_unit,
        **{f"{name}_{end}": limits[name][i] for name in limits for i, end in enumerate(("low", "high"))},
        "checks": len(law.checks),
        "reference": law.reference,
    }


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
    """Return one law, a row for each of its parts."""
    return flat_rows(law.to_dict())


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


HEADERS = {"laws": LAW_COLUMNS}
"""Columns of a catalogue that may be empty."""
