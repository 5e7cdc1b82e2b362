"""A fit, a back-test and the shipped tables as blocks to read."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from planner.output.documents.blocks import Block, Facts, Items, Table, Title, note_blocks, note_lines
from planner.quantities import (
    format_count,
    format_factor,
    format_flops,
    format_percent,
    format_signed_percent,
    plain,
    significant,
)

if TYPE_CHECKING:
    from planner.fitting.backtest import Backtest, Case
    from planner.fitting.results import FitResult, Quality
    from planner.fitting.tables.shipped import RunTable

_LISTED = 8


def fit_document(fit: "FitResult") -> list[Block]:
    """Return the blocks of a fit."""
    domain = fit.law.domain
    spans = f"{_flops(domain.flops)} FLOP" if domain.flops else ""
    inputs = fit.inputs
    group = f", group {inputs['group']}" if inputs["group"] else ""
    rows: list[tuple[str, str, str]] = [("method", fit.method, _method(fit))]
    rows.append(("runs", domain.detail, f"{spans}; {_sizes(fit)}"))
    if fit.exponents:
        a, b = fit.exponents
        found = f"{_percent(fit.level)} interval of N's exponent {_ends(fit.exponent_interval)}" if fit.exponent_interval else ""
        rows.append(("exponents", f"N ~ C^{significant(a, 3)}, D ~ C^{significant(b, 3)}", found))
    elif fit.law.no_allocation:
        rows.append(("exponents", "not concluded", fit.law.no_allocation))
    rows += _quality_rows(fit)
    rows += [("classical fit", *_quality(other.quality)) for other in fit.others if other.method == "classical" and other.quality]
    blocks: list[Block] = [Title(f"Fit of {inputs['runs']}{group}"), Facts(rows)]
    if fit.ratios:
        blocks.append(_ratios(fit))
    blocks.append(_constants([fit, *fit.others]))
    if fit.candidates or any(other.candidates for other in fit.others):
        blocks.append(_candidates(fit))
    blocks += note_blocks(fit.notes)
    for other in fit.others:
        own = [note for note in other.notes if note.text not in {note.text for note in fit.notes}]
        if own:
            blocks.append(Items(f"Notes on the {other.method} fit", note_lines(own)))
    if fit.outliers:
        blocks.append(_outliers(fit))
    return blocks


_METHODS = {
    "forecast": "generalised laws under weak priors, averaged: made to extrapolate; what a plan should use",
    "classical": "E, A, B, alpha, beta at the exact minimum of the published objective",
    "isoflop": "parabolas through the runs of each budget (Hoffmann's approach 2)",
    "envelope": "the lowest loss at each compute (Hoffmann's approach 1)",
}


def _method(fit: "FitResult") -> str:
    text = _METHODS[fit.method]
    asked = fit.method == "classical" and fit.inputs.get("robust") != "huber"
    return text.replace("the published objective", "the objective asked for") if asked else text


def _sizes(fit: "FitResult") -> str:
    return f"{fit.quality.sizes} sizes" if fit.quality else "sizes only, no loss"


def _percent(level: float) -> str:
    return format_percent(level)


def _ends(ends: tuple[float, float] | None, digits: int = 3) -> str:
    return f"{significant(ends[0], digits)} - {significant(ends[1], digits)}" if ends else ""


def _flops(limits: tuple[float, float]) -> str:
    return " - ".join(plain(end, 3) for end in limits)


def _quality_rows(fit: "FitResult") -> list[tuple[str, str, str]]:
    rows = []
    if fit.quality:
        rows.append(("fit", *_quality(fit.quality)))
    if fit.search:
        agree = f"{fit.search.agree} of {fit.search.starts} starts agree"
        rows.append(("minimum", plain(fit.search.objective, 7), f"{fit.search.minimised}; {agree}"))
    if fit.combination:
        mix = fit.combination
        low, high = mix.gamma_range
        pinned = "gamma=" in (fit.inputs.get("fix") or "")
        text = "pinned" if pinned else f"{significant(low)} - {significant(high)} over members that leave it free"
        text += f"; {_gamma_meaning(mix.gamma)}"
        rows.append(("gamma", significant(mix.gamma), text))
        alike = mix.eta == 0 and mix.zeta == 0
        fall = f"1/sqrt(1 + ({plain(mix.eta)} x)^2 + ({plain(mix.zeta)} ln(C_max/C))^2)"
        fall += ", x the excess over the lowest loss at the run's compute"
        text = "the law describes every run equally well" if alike else f"found from their residuals: {fall}"
        rows.append(("weights of runs", "alike" if alike else "unequal", text))
    return rows


def _quality(quality: "Quality") -> tuple[str, str]:
    middle = f"of all runs {format_percent(quality.median_absolute)} in the median, largest {format_percent(quality.largest)}"
    lean = f"leaning {'low' if quality.bias < 0 else 'high'} by {format_percent(abs(quality.bias))}"
    return format_percent(quality.near_frontier), f"mean distance of runs near the lowest loss at their compute, {lean}; {middle}"


def _gamma_meaning(gamma: float) -> str:
    if gamma < 0.95:
        return "below 1 the larger of the two terms counts more than in the classical sum"
    return (
        "about 1: the classical sum of the two terms" if gamma <= 1.05 else "above 1 the smaller term counts more than in the sum"
    )


def _ratios(fit: "FitResult") -> Table:
    level = _percent(fit.level)
    rows = []
    for ratio in fit.ratios:
        ends = ratio.params_interval
        rows.append(
            [
                format_flops(ratio.flops, 1),
                format_factor(ratio.beyond),
                format_count(ratio.params),
                " - ".join(format_count(end, 2) for end in ends) if ends else "-",
                format_count(ratio.tokens),
                significant(ratio.tokens_per_param),
                _ends(ratio.ratio_interval, 2) or "-",
                "-" if ratio.loss is None else significant(ratio.loss),
                _ends(ratio.loss_interval) or "-",
            ]
        )
    legend = f"{level}: the {level} interval; largest run: the budget over that of the largest run fitted"
    headers = ["budget", "largest run", "parameters", level, "tokens", "tok/param", level, "loss", f"{level}, a run"]
    return Table(
        f"Compute-optimal runs ({fit.method})",
        "rrrrrrrrr",
        headers,
        rows,
        [legend],
    )


def _constants(fits: "Sequence[FitResult]") -> Table:
    """Put the constants of the parametric methods side by side."""
    names = list(dict.fromkeys(name for fit in fits for name in fit.constants))
    headers, rows = ["constant"], [[name] for name in names]
    for fit in fits:
        headers += [fit.method, f"{_percent(fit.level)} interval"]
        for row, name in zip(rows, names, strict=True):
            value = significant(fit.constants[name], 5) if name in fit.constants else "-"
            ends = fit.intervals.get(name)
            row += [value, "fixed" if ends and ends[1] - ends[0] < 1e-9 * abs(ends[1]) else _ends(ends) or "-"]
    rows.append(["N ~ C^a", *(cell for fit in fits for cell in _exponent(fit))])
    forms = [f"{fit.method}: {fit.law.form.equation}" for fit in fits]
    if any(fit.method == "forecast" for fit in fits):
        forms.append(
            "the forecast's constants are means over its members, which the law holds one by one; its a is that of the law, "
            "from the largest run to 100x it"
        )
    return Table("Constants", "l" + "rr" * len(fits), headers, rows, forms)


def _exponent(fit: "FitResult") -> list[str]:
    if not fit.exponents:
        return ["-", "-"]
    return [significant(fit.exponents[0]), _ends(fit.exponent_interval) or "-"]


def _candidates(fit: "FitResult") -> Table:
    owner = next(each for each in (fit, *fit.others) if each.candidates)
    taken = owner.inputs.get("chosen_form")
    taken_as = " (taken, not sure)" if any(note.code == "form-unsure" for note in owner.notes) else " (taken)"
    rows = [
        [
            candidate.form + (taken_as if candidate.form == taken else ""),
            str(candidate.constants),
            "-" if candidate.held_out is None else format_percent(candidate.held_out),
            significant(candidate.information, 5),
            format_percent(candidate.weight),
        ]
        for candidate in owner.candidates
    ]
    headers = ["form", "constants", "held-out error", "AICc", "weight"]
    text = f"of the classical fit; held out: runs above a quarter of the largest compute; {owner.inputs.get('chosen_by')}"
    return Table("Forms compared", "lrrrr", headers, rows, [text])


def _outliers(fit: "FitResult") -> Table:
    named = any(outlier.run for outlier in fit.outliers)
    rows = [
        [
            f"{outlier.file}:{outlier.row}" if outlier.file else str(outlier.row),
            *([outlier.run] if named else []),
            format_count(outlier.params),
            format_count(outlier.tokens),
            significant(outlier.loss, 4),
            format_signed_percent(outlier.residual),
        ]
        for outlier in fit.outliers[:_LISTED]
    ]
    more = len(fit.outliers) - _LISTED
    headers = ["row", *(["run"] if named else []), "parameters", "tokens", "loss", "off the law"]
    align = "rl" * named + "r" * (len(headers) - 2 * named)
    return Table("Runs far from the law", align, headers, rows, [f"and {more} more: --format json lists all"] if more > 0 else [])


def backtest_document(found: "Backtest") -> list[Block]:
    """Return the blocks of a back-test."""
    title = f"Back-test of {found.inputs['runs']}: fitted on C <= C_max/R, predicting the rest"
    rows = [_case(case) for case in found.cases]
    level = _percent(found.level)
    headers = [
        "group",
        "method",
        "R",
        "fitted",
        "predicted",
        "reach",
        "error",
        "on frontier",
        "bias",
        f"inside {level}",
        "half-width",
    ]
    blocks: list[Block] = [Title(title), Table("Each group", "llrrrrrrrrr", headers, rows, [])]
    if len({case.group for case in found.cases}) > 1:
        means = [
            [
                summary.method,
                plain(summary.ratio),
                str(summary.groups),
                format_percent(summary.error),
                _or_dash(summary.frontier_error),
                format_signed_percent(summary.bias, 2),
                _or_dash(summary.coverage),
                _or_dash(summary.half_width),
            ]
            for summary in found.summaries
        ]
        headers = ["method", "R", "groups", "error", "on frontier", "bias", f"inside {level}", "half-width"]
        blocks.append(Table("Means over groups", "lrrrrrrr", headers, means, []))
    legend = [
        "error: mean of |predicted/reached - 1|; on frontier: over runs with the lowest loss at their compute",
        f"inside: share of predicted runs inside the {level} interval of a new run; half-width: its median, relative to the loss",
    ]
    return [*blocks, Items("", legend), *note_blocks(found.notes)]


def _case(case: "Case") -> list[str]:
    counts = [case.group, case.method, plain(case.ratio), str(case.fitted), str(case.predicted)]
    if case.error is None or case.bias is None or case.reach is None:
        return [*counts, "-", "refused", "-", "-", "-", "-"]
    return [
        *counts,
        format_factor(case.reach),
        format_percent(case.error),
        _or_dash(case.frontier_error),
        format_signed_percent(case.bias, 2),
        _or_dash(case.coverage),
        _or_dash(case.half_width),
    ]


def _or_dash(share: float | None) -> str:
    return "-" if share is None else format_percent(share)


def tables_document(tables: "Sequence[RunTable]") -> list[Block]:
    """Return the blocks of the list of shipped tables."""
    rows = [
        [table.name, str(len(table.groups)), table.title, table.data, table.params, table.licence, table.reference]
        for table in tables
    ]
    headers = ["table", "groups", "what", "data", "N counts", "licence", "source"]
    hint = "plan runs NAME shows one; plan fit --runs NAME --group GROUP fits it; plan backtest --runs NAME tests it"
    return [Table(f"{len(tables)} tables of real runs", "lrlllll", headers, rows, []), Items("", [hint])]


def table_document(table: "RunTable") -> list[Block]:
    """Return the blocks of one shipped table."""
    runs = table.load()
    rows = []
    for name, group in table.groups.items():
        part = runs.select(name)
        rows.append(
            [
                name,
                group.kind or "-",
                str(len(part)),
                _counts(part.params),
                _counts(part.tokens),
                _flops((float(part.flops.min()), float(part.flops.max()))),
                group.detail,
            ]
        )
    facts = [
        ("source", table.reference, ""),
        ("origin", table.origin, ""),
        ("licence", table.licence, ""),
        ("N counts", table.params, table.params_detail),
        ("loss", table.loss_unit, table.data),
    ]
    headers = ["group", "kind", "runs", "parameters", "tokens", "compute [FLOP]", ""]
    legend = ["core: learning-rate decay matched to run length; stress: not matched"]
    return [
        Title(f"{table.name}: {table.title}"),
        Facts(facts),
        Table("Groups", "llrrrrl", headers, rows, []),
        Items("", legend),
        Items("Notes", list(table.notes)),
    ]


def _counts(values: "Iterable[float]") -> str:
    ends = sorted(values)
    return f"{format_count(ends[0], 2)} - {format_count(ends[-1], 2)}"
