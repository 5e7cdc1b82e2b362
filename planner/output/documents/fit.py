"""A fit, a back-test and the shipped tables as blocks to read."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from math import expm1
from typing import TYPE_CHECKING

from planner.output.documents.blocks import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    between,
    four_digits,
    note_blocks,
    note_lines,
    or_dash,
    three_digits,
)
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
    from planner.fitting.backtest import Backtest, Case, Summary
    from planner.fitting.results import FitResult, Quality
    from planner.fitting.tables.shipped import RunTable

_LISTED = 8


def fit_document(fit: "FitResult") -> list[Block]:
    domain = fit.law.domain
    spans = f"{_ends(domain.flops, three_digits)} FLOP" if domain.flops else ""
    sizes = f"{fit.quality.sizes} sizes" if fit.quality else "sizes only, no loss"
    group = f", group {fit.inputs['group']}" if fit.inputs["group"] else ""
    rows = [("method", fit.method, _method(fit)), ("runs", domain.detail, f"{spans}; {sizes}")]
    if fit.exponents:
        a, b = fit.exponents
        level = format_percent(fit.level)
        found = f"{level} interval of N's exponent {_ends(fit.exponent_interval)}" if fit.exponent_interval else ""
        rows.append(("exponents", f"N ~ C^{significant(a)}, D ~ C^{significant(b)}", found))
    elif fit.law.no_allocation:
        rows.append(("exponents", "not concluded", fit.law.no_allocation))
    rows += _quality_rows(fit)
    rows += [("classical fit", *_quality(other.quality)) for other in fit.others if other.method == "classical" and other.quality]
    fits, said = [fit, *fit.others], {note.text for note in fit.notes}
    own = [(other.method, [note for note in other.notes if note.text not in said]) for other in fit.others]
    return [
        Title(f"Fit of {fit.inputs['runs']}{group}"),
        Facts(rows),
        *([_ratios(fit)] if fit.ratios else []),
        _constants(fits),
        *[_candidates(each) for each in fits if each.candidates][:1],
        *note_blocks(fit.notes),
        *(Items(f"Notes on the {method} fit", note_lines(notes)) for method, notes in own if notes),
        *([_outliers(fit)] if fit.outliers else []),
    ]


_METHODS = {
    "forecast": "generalised laws under weak priors, averaged: made to extrapolate; what a plan should use",
    "classical": "{} at the {} of the published objective",
    "isoflop": "parabolas through the runs of each budget (Hoffmann's approach 2)",
    "envelope": "the lowest loss at each compute (Hoffmann's approach 1)",
}


def _method(fit: "FitResult") -> str:
    alone = fit.search is not None and fit.search.starts > 1 and fit.search.agree == 1
    found = "lowest minimum found" if alone else "exact minimum"
    text = _METHODS[fit.method].format(", ".join(fit.constants), found)
    asked = fit.method == "classical" and fit.inputs.get("robust") != "huber"
    return text.replace("the published objective", "the objective asked for") if asked else text


def _ends(ends: Sequence[float] | None, write: Callable[[float], str] = significant) -> str:
    return between(ends, write, " - ") if ends else "-"


def _quality_rows(fit: "FitResult") -> list[tuple[str, str, str]]:
    rows = []
    if fit.quality:
        rows.append(("fit", *_quality(fit.quality)))
    if fit.search:
        agree = f"{fit.search.agree} of {fit.search.starts} starts agree"
        rows.append(("minimum", plain(fit.search.objective, 7), f"{fit.search.minimised}; {agree}"))
    if fit.combination:
        mix = fit.combination
        pinned = "gamma=" in (fit.inputs.get("fix") or "")
        text = "pinned" if pinned else f"{_ends(mix.gamma_range)} over members that leave it free"
        text += f"; {_gamma_meaning(mix.gamma)}"
        rows.append(("gamma", significant(mix.gamma), text))
        alike = mix.eta == 0 and mix.zeta == 0
        fall = f"1/sqrt(1 + ({plain(mix.eta)} x)^2 + ({plain(mix.zeta)} ln(C_max/C))^2)"
        fall += ", x the excess over the lowest loss at the run's compute"
        text = "the law describes every run equally well" if alike else f"found from their residuals: {fall}"
        rows.append(("weights of runs", "alike" if alike else "unequal", text))
    return rows


def _quality(quality: "Quality") -> tuple[str, str]:
    largest = format_percent(expm1(quality.largest))
    middle = f"of all runs {format_percent(quality.median_absolute)} in the median, largest {largest}"
    lean = f"leaning {'low' if quality.bias < 0 else 'high'} by {format_percent(abs(quality.bias))}"
    return format_percent(quality.near_frontier), f"mean distance of runs near the lowest loss at their compute, {lean}; {middle}"


def _gamma_meaning(gamma: float) -> str:
    if gamma < 0.95:
        return "below 1 the larger of the two terms counts more than in the classical sum"
    if gamma <= 1.05:
        return "about 1: the classical sum of the two terms"
    return "above 1 the smaller term counts more than in the sum"


def _ratios(fit: "FitResult") -> Table:
    level = format_percent(fit.level)
    rows = []
    for ratio in fit.ratios:
        budget = [format_flops(ratio.flops, 1), format_factor(ratio.beyond)]
        params = [format_count(ratio.params), _ends(ratio.params_interval, partial(format_count, digits=2))]
        tokens = [format_count(ratio.tokens), significant(ratio.tokens_per_param)]
        tokens += [_ends(ratio.ratio_interval, partial(significant, digits=2))]
        rows.append([*budget, *params, *tokens, or_dash(ratio.loss, significant), _ends(ratio.loss_interval)])
    legend = f"{level}: the {level} interval; largest run: the budget over that of the largest run fitted"
    headers = ["budget", "largest run", "parameters", level, "tokens", "tok/param", level, "loss", f"{level}, a run"]
    return Table(f"Compute-optimal runs ({fit.method})", "rrrrrrrrr", headers, rows, [legend])


def _constants(fits: "Sequence[FitResult]") -> Table:
    """Put the constants of the parametric methods side by side."""
    names = list(dict.fromkeys(name for fit in fits for name in fit.constants))
    headers, rows = ["constant"], [[name] for name in names]
    for fit in fits:
        headers += [fit.method, f"{format_percent(fit.level)} interval"]
        for row, name in zip(rows, names, strict=True):
            value = significant(fit.constants[name], 5) if name in fit.constants else "-"
            ends = fit.intervals.get(name)
            row += [value, "fixed" if ends and ends[1] - ends[0] < 1e-9 * abs(ends[1]) else _ends(ends)]
    exponents = [[significant(fit.exponents[0]), _ends(fit.exponent_interval)] if fit.exponents else ["-", "-"] for fit in fits]
    rows.append(["N ~ C^a", *chain.from_iterable(exponents)])
    forms = [f"{fit.method}: {fit.law.form.equation}" for fit in fits]
    if any(fit.method == "forecast" for fit in fits):
        forms.append(
            "the forecast's constants are means over its members, which the law holds one by one; its a is that of the law, "
            "from the largest run to 100x it"
        )
    return Table("Constants", "l" + "rr" * len(fits), headers, rows, forms)


def _candidates(fit: "FitResult") -> Table:
    taken_as = " (taken, not sure)" if any(note.code == "form-unsure" for note in fit.notes) else " (taken)"
    rows = []
    for each in fit.candidates:
        form = each.form + (taken_as if each.form == fit.inputs.get("chosen_form") else "")
        figures = [or_dash(each.held_out, format_percent), significant(each.information, 5), format_percent(each.weight)]
        rows.append([form, str(each.constants), *figures])
    headers = ["form", "constants", "held-out error", "AICc", "weight"]
    text = f"of the classical fit; held out: runs above a quarter of the largest compute; {fit.inputs.get('chosen_by')}"
    return Table("Forms compared", "lrrrr", headers, rows, [text])


def _outliers(fit: "FitResult") -> Table:
    named = any(outlier.run for outlier in fit.outliers)
    rows = []
    for each in fit.outliers[:_LISTED]:
        run = [f"{each.file}:{each.row}" if each.file else str(each.row), *([each.run] if named else [])]
        sizes = [format_count(each.params), format_count(each.tokens)]
        rows.append([*run, *sizes, four_digits(each.loss), format_signed_percent(expm1(each.residual))])
    more = len(fit.outliers) - _LISTED
    headers = ["row", *(["run"] if named else []), "parameters", "tokens", "loss", "off the law"]
    align = "rl" * named + "r" * (len(headers) - 2 * named)
    return Table("Runs far from the law", align, headers, rows, [f"and {more} more: --format json lists all"] if more > 0 else [])


def backtest_document(found: "Backtest") -> list[Block]:
    title = f"Back-test of {found.inputs['runs']}: fitted on C <= C_max/R, predicting the rest"
    rows = [_case(case) for case in found.cases]
    level = format_percent(found.level)
    errors = ["error", "on frontier", "bias", f"inside {level}", "half-width"]
    headers = ["group", "method", "R", "fitted", "predicted", "reach", *errors]
    blocks: list[Block] = [Title(title), Table("Each group", "llrrrrrrrrr", headers, rows, [])]
    if len({case.group for case in found.cases}) > 1:
        means = [[each.method, plain(each.ratio), str(each.groups), *_errors(each)] for each in found.summaries]
        blocks.append(Table("Means over groups", "lrrrrrrr", ["method", "R", "groups", *errors], means, []))
    legend = [
        "error: mean of |predicted/reached - 1|; on frontier: over runs with the lowest loss at their compute",
        f"inside: share of predicted runs inside the {level} interval of a new run; half-width: its median, relative to the loss",
    ]
    return [*blocks, Items("", legend), *note_blocks(found.notes)]


def _case(case: "Case") -> list[str]:
    counts = [case.group, case.method, plain(case.ratio), str(case.fitted), str(case.predicted)]
    if case.error is None or case.bias is None or case.reach is None:
        return [*counts, "-", "refused", "-", "-", "-", "-"]
    return [*counts, format_factor(case.reach), *_errors(case)]


def _errors(of: "Case | Summary") -> list[str]:
    shares = (of.error, of.frontier_error, of.coverage, of.half_width)
    error, frontier, inside, width = (or_dash(share, format_percent) for share in shares)
    return [error, frontier, or_dash(of.bias, partial(format_signed_percent, decimals=2)), inside, width]


def tables_document(tables: "Sequence[RunTable]") -> list[Block]:
    rows = [
        [each.name, str(len(each.groups)), each.title, each.data, each.params, each.licence, each.reference] for each in tables
    ]
    headers = ["table", "groups", "what", "data", "N counts", "licence", "source"]
    hint = "plan runs NAME shows one; plan fit --runs NAME --group GROUP fits it; plan backtest --runs NAME tests it"
    return [Table(f"{len(tables)} tables of real runs", "lrlllll", headers, rows, []), Items("", [hint])]


def table_document(table: "RunTable") -> list[Block]:
    runs = table.load()
    rows = []
    for name, group in table.groups.items():
        part = runs.select(name)
        sizes = [_ends(sorted(values), partial(format_count, digits=2)) for values in (part.params, part.tokens)]
        compute = _ends(sorted(part.flops), three_digits)
        rows.append([name, group.kind or "-", str(len(part)), *sizes, compute, group.detail])
    facts = [
        ("source", table.reference, ""),
        ("origin", table.origin, ""),
        ("licence", table.licence, ""),
        ("N counts", table.params, table.params_detail),
        ("loss", table.loss_unit, table.data),
    ]
    headers = ["group", "kind", "runs", "parameters", "tokens", "compute [FLOP]", ""]
    return [
        Title(f"{table.name}: {table.title}"),
        Facts(facts),
        Table("Groups", "llrrrrl", headers, rows, []),
        Items("", ["core: learning-rate decay matched to run length; stress: not matched"]),
        Items("Notes", list(table.notes)),
    ]
