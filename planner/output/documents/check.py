"""A check as blocks to read; a table of checks as text in any format, piece by piece."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from planner._util.formats import Format
from planner._util.to_json import as_json
from planner.allocation.assessment import Change, Remedy
from planner.output.csv_json import csv_pieces, to_json
from planner.output.documents.blocks import (
    NOTEBOOK_ROWS,
    Block,
    Facts,
    Items,
    Table,
    Title,
    below_rows,
    beyond_text,
    four_digits,
    law_facts,
    loss_interval_rows,
    loss_text,
    note_blocks,
    or_dash,
    price_text,
    regime_text,
    repetition_rows,
)
from planner.output.documents.cost import cost_facts
from planner.output.text import table_pieces, to_markdown, to_text
from planner.planning.check import Check, Shares
from planner.planning.check_table import JudgedRun, RunsCheck
from planner.planning.plan_result import Plan
from planner.quantities import (
    format_change,
    format_count,
    format_factor,
    format_flops,
    format_overhead,
    format_percent,
    format_pf_days,
    significant,
)

_REMEDIES = {
    "same loss": "same loss",
    "train longer": "same parameters, train longer",
    "train shorter": "same parameters, train shorter",
    "shrink": "same tokens, shrink",
    "grow": "same tokens, grow",
}


def check_document(check: Check) -> list[Block]:
    per = f"{significant(check.tokens_per_param)} per parameter"
    run = f"{format_count(check.params)} parameters on {format_count(check.tokens)} tokens ({per})"
    verdict = f"{check.regime}: {run}" if check.regime else run
    if served := _serving_rows(check):
        verdict = f"pays when it serves {served[0][1]} tokens or more: {run}"
    rows = [
        *served,
        ("spends", format_flops(check.spent), _spending_text(check)),
        ("loss", *loss_text(check.loss, check.irreducible_loss, check.loss_unit)),
        *loss_interval_rows(check.intervals),
        *repetition_rows(check.data),
        ("regime", *regime_text(check)),
    ]
    if check.shares:
        at_best = f"; at the optimum {_shares(check.optimal_shares)}" if check.optimal_shares else ""
        rows.append(("owed to", _shares(check.shares), f"of the reducible loss, to parameters / to data{at_best}"))
    if advice := _remedy_text(check):
        rows.append(("remedy", advice, ""))
    rows.append(("Kaplan's test", *_overfitting_text(check)))
    cost = [cost_facts(check.machine, check.cost, served=check.demand is not None)] if check.machine and check.cost else []
    return [
        Title(verdict),
        Facts(rows),
        *([_better_runs(check)] if check.optimum else []),
        *cost,
        law_facts(check.law),
        *note_blocks(check.notes, check.law),
    ]


def runs_pieces(found: RunsCheck, fmt: Format) -> Iterator[str]:
    """Give the text of a table of runs in pieces: a long one is never held as text."""
    if fmt == "json":
        return _runs_json(found)
    if fmt in {"csv", "csv-semicolon"}:
        return csv_pieces((_runs_rows(found, some) for some in found.runs.blocks()), decimal_comma=fmt == "csv-semicolon")
    return _runs_text(found, markdown=fmt == "markdown")


def _runs_json(found: RunsCheck) -> Iterator[str]:
    content = {name: [] if name == "runs" else as_json(getattr(found, name)) for name in found.__dataclass_fields__}
    before, after = to_json(content).split('\n  "runs": []', 1)
    head = before + '\n  "runs": [\n'
    for some in found.runs.blocks():
        yield head + ",\n".join("    " + json.dumps(run._asdict(), ensure_ascii=False, allow_nan=False) for run in some)
        head = ",\n"
    yield "\n  ]" + after


def _runs_rows(found: RunsCheck, some: tuple[JudgedRun, ...]) -> list[dict[str, Any]]:
    head = {"law": found.law.id, "loss_unit": found.law.conventions.loss_unit}
    renamed = {"loss": "law_loss", "measured": "loss"}  # so that the table can be judged, or fitted, again
    return [{**head, **{renamed.get(name, name): value for name, value in run._asdict().items()}} for run in some]


def runs_document(found: RunsCheck) -> list[Block]:
    """Return a table of checks as blocks, of a long one the first rows: for a notebook."""
    headers, align, cells = _columns(found)
    rows = [cells(run) for run in found.runs[:NOTEBOOK_ROWS]]
    more = [f"{len(found.runs) - NOTEBOOK_ROWS} more runs: .to_frame()"] if len(found.runs) > NOTEBOOK_ROWS else []
    return [Title(_runs_title(found)), Table("", align, headers, rows, more), *_below(found)]


def runs_rows(found: RunsCheck) -> Iterator[dict[str, Any]]:
    """Give the rows of a CSV."""
    for some in found.runs.blocks():
        yield from _runs_rows(found, some)


def _runs_title(found: RunsCheck) -> str:
    said = ", ".join(f"{count} {regime}" for regime, count in found.runs.counts().items() if count)
    return f"{len(found.runs)} {'run' if len(found.runs) == 1 else 'runs'} of {found.name}: {said}"


def _below(found: RunsCheck) -> list[Block]:
    remark = f"extra compute: over an optimal run of the same loss; up to {format_percent(found.tolerance)} is balanced"
    return [Items("", [remark]), *below_rows([law_facts(found.law)], found.notes)]


def _columns(found: RunsCheck) -> tuple[list[str], str, Callable[[JudgedRun], list[str]]]:
    """Return the headers, how each column is aligned, and what writes a run."""
    named, measured = any(found.runs.names), found.runs.measured
    headers = ["row", *(["run"] if named else []), "regime", "parameters", "tokens", "tok/param", "compute", "loss"]
    headers += [*(["measured"] if measured else []), "extra compute", "outside its data"]

    def cells(run: JudgedRun) -> list[str]:
        return [
            str(run.row),
            *([run.run] if named else []),
            run.regime,
            format_count(run.params),
            format_count(run.tokens),
            significant(run.tokens_per_param),
            format_flops(run.flops),
            four_digits(run.loss),
            *([or_dash(run.measured, four_digits)] if measured else []),
            format_overhead(run.overhead),
            beyond_text(run.extrapolation),
        ]

    return headers, "".join("l" if header in {"run", "regime"} else "r" for header in headers), cells


def _runs_text(found: RunsCheck, *, markdown: bool) -> Iterator[str]:
    headers, align, cells = _columns(found)
    rows = ([cells(run) for run in some] for some in found.runs.blocks())
    yield from table_pieces(_runs_title(found), headers, align, rows, markdown=markdown)
    yield "\n" + (to_markdown(_below(found)) if markdown else to_text(_below(found)))


def _spending_text(check: Check) -> str:
    if check.demand is None:
        return format_pf_days(check.spent)
    serving = f"{format_count(check.demand.tokens)} tokens served{price_text(check.demand.price)}"
    return f"{format_flops(check.flops)} for training, {format_flops(check.serving_flops)} for {serving}"


def _serving_rows(check: Check) -> list[tuple[str, str, str]]:
    """Say from which demand on a small model trained for long pays: it is what such runs are made for."""
    if check.pays_from is None or check.regime != "underfit":
        return []
    same = next(each for each in check.remedies if each.action == "same loss")
    text = (
        f"tokens served over its life; then training and serving cost less than with {format_count(same.params)} on "
        f"{format_count(same.tokens)}, the cheapest run of the same loss"
    )
    return [("pays from", format_count(check.pays_from), text)]


def _remedy_text(check: Check) -> str:
    """Return in one line what would bring the run onto the optimal line: at the same compute, or without changing one side."""
    best = check.optimum
    if not check.remedies or best is None:
        return ""
    if best.regime == "compute wasted":  # the best run of the same compute would waste it too
        same = check.remedies[0]
        spare = f"{format_count(same.params)} on {format_count(same.tokens)} reach the same loss"
        return f"find more data, or spend {format_factor(same.change.flops)} the compute: {spare}"
    texts = [f"{format_count(best.params)} parameters on {format_count(best.tokens)} tokens for the same compute"]
    for remedy in check.remedies:
        if remedy.another_run:
            continue
        worse = ", cheaper at a higher loss" if remedy.costs_loss else ""
        if remedy.action in {"train longer", "train shorter"}:
            texts.append(f"train on {format_factor(remedy.change.tokens)} the tokens{worse}")
        elif remedy.action in {"shrink", "grow"}:
            texts.append(f"{remedy.action} to {format_count(remedy.params)} parameters{worse}")
    return ", or ".join(texts) + "; compared below"


def _better_runs(check: Check) -> Table:
    """Return this run beside the optimum of the same compute and the remedies, with what each would change."""
    rows = [_run("this run", check, check.spent, None)]
    if check.optimum and check.regime != "compute wasted":
        rows.append(_run("same compute", check.optimum, check.optimum.flops, check.optimum_change))
    for remedy in check.remedies:
        if not remedy.out_of_reach:  # it is no advice; JSON has it
            rows.append(_run(_REMEDIES[remedy.action], remedy, remedy.flops, remedy.change))
    headers = ["", "parameters", "", "tokens", "", "compute", "", "loss", ""]
    return Table("Optimal runs instead", "lrrrrrrrr", headers, rows, [])


def _run(name: str, run: Check | Plan | Remedy, flops: float, change: Change | None) -> list[str]:
    """Return a run's sizes, compute and loss, each with its change from the run that is checked."""
    factors = [change.params, change.tokens, change.flops] if change else [1.0, 1.0, 1.0]
    changes = ["" if factor == 1 else format_factor(factor) for factor in factors]
    sizes = [format_count(run.params), format_count(run.tokens), format_flops(flops)]
    difference = format_change(change.loss) if change and change.loss is not None else ""
    return [name, *chain(*zip(sizes, changes, strict=True)), or_dash(run.loss, partial(significant, digits=5)), difference]


def _shares(shares: Shares) -> str:
    return f"{format_percent(shares.params)} / {format_percent(shares.tokens)}"


def _overfitting_text(check: Check) -> tuple[str, str]:
    test = check.overfitting_test
    counted = f", for about {format_count(test.params)} without embeddings ({test.counted_for})" if test.counted_for else ""
    far = f"; {format_factor(test.extrapolation)} outside his data" if test.extrapolation and test.extrapolation > 1 else ""
    excess = f"loss {format_percent(test.excess)} above endless data, limit {format_percent(test.threshold)}"
    kind, given = ("unique tokens", check.data.unique_tokens) if check.data else ("tokens", check.tokens)
    tokens = format_count(test.tokens_needed)
    if not test.passed and tokens == format_count(given):
        tokens = format_count(test.tokens_needed, 5)
    needs = f"needs {tokens} {kind} (by his rounded rule {format_count(test.rule_tokens)})"
    return "passed" if test.passed else "failed", f"{excess}: {needs}{counted}{far}"
