"""The catalogue, or one law whole, as blocks to read."""

from collections.abc import Sequence
from functools import partial
from operator import add

from planner.allocation.published_checks import CheckResult, verify
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, between, four_digits, note_lines, three_digits
from planner.quantities import format_count, format_flops, format_percent, plain, significant
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

_NONE = "no law's fitted range covers this budget and what it would plan for it; plan --flops says how far each would extrapolate"


def catalogue_document(laws: Sequence[Law]) -> list[Block]:
    rows = []
    for law in laws:
        exponents = between(law.exponents, partial(significant, digits=2), " / ") if law.exponents else "-"
        means = [law.conventions.params, law.conventions.loss_unit, fitted_on(law)]
        rows.append([law.id, law.role, law.form.name, exponents, *means, str(len(law.checks) or "-"), law.citation])
    headers = ["law", "can", "form", "N, D ~ C^", "N counts", "loss unit", "fitted on", "checks", "source"]
    roles = "plan: chooses N and D; check: judges runs only; anchor: exponents that need --anchor; reference: informs only"
    legend = [roles, "checks: published outputs that the law is held against", "plan laws ID shows one whole"]
    return [
        Table(f"{len(laws)} laws", "lllllllrl", headers, rows, [], ("checks", "form", "loss unit", "N counts", "fitted on")),
        Items("", legend if laws else [_NONE]),
    ]


def fitted_on(law: Law) -> str:
    """Return the range of a law's runs, in a few words."""
    if law.domain.flops:
        return f"{between(law.domain.flops, three_digits, ' - ')} FLOP"
    if law.domain.params:
        return f"{_counts(law.domain.params, 2)} params"
    return "-"


def law_document(law: Law) -> list[Block]:
    rows = [("equation", law.form.equation, "")]
    known = {name: f"[{between(ends, four_digits, ', ')}]" for name, ends in law.interval.values.items()} if law.interval else {}
    for name, value in law.params.items():
        if isinstance(value, tuple):
            text = f"{between(sorted(value), four_digits)} over {len(value)} members"
        else:
            text = plain(value, 10) + (f"  {known[name]}" if name in known else "")
        rows.append((name, text, law.form.parameters[name].meaning))
    rows += [(name, known[name], f"C^{name}") for name in ("a", "b") if name in known and name not in law.params]
    if law.interval:
        rows.append(("intervals", law.interval.level, law.interval.how))
    if law.exponents:
        rows.append(("exponents", "N ~ C^{}, D ~ C^{}".format(*map(four_digits, law.exponents)), ""))
    rows += [
        ("can", law.role, law.no_allocation),
        ("N counts", law.conventions.params, law.conventions.params_detail or PARAM_COUNTS[law.conventions.params]),
        ("compute", f"C = {law.conventions.flops_per_param_token:g} N D", "FLOP"),
        ("loss unit", law.conventions.loss_unit, ""),
        ("data", law.conventions.data, ""),
        ("fitted on", _domain(law), law.domain.detail),
        ("source", law.reference, ""),
        ("", law.source.title, ""),
        ("numbers", law.source.read, ""),
    ]
    results = verify(law)
    passed = sum(result.passed for result in results)
    rows.append(("checks", f"{passed} of {len(results)} published outputs reproduced" if results else "none published", ""))
    blocks: list[Block] = [Title(f"{law.id}: {law.title}"), Facts(rows)]
    if law.notes:
        starts = [f"from {format_flops(each.from_flops)} on: " if each.from_flops else "" for each in law.notes]
        blocks.append(Items("Notes that every answer carries", list(map(add, starts, note_lines(law.notes)))))
    if law.traps:
        blocks.append(Items("Known traps", list(law.traps)))
    if results:
        blocks += checks_document(results)
    return blocks


def checks_document(results: Sequence[CheckResult]) -> list[Block]:
    rows = []
    for result in results:
        check, agrees = result.check, "yes" if result.passed else "NO"
        at = ", ".join(f"{name} {plain(value, 4)}" for name, value in check.inputs.items())
        values = [plain(check.expected, 6), plain(result.computed, 6), format_percent(check.rel_tolerance)]
        rows.append([check.quantity, at, *values, agrees, check.locator])
    headers = ["quantity", "at", "published", "this law", "tolerance", "agrees", "where"]
    return [Table("Published outputs", "llrrrll", headers, rows, [] if rows else ["the law file states none"])]


def _domain(law: Law) -> str:
    known = law.domain
    parts = [f"{name} {_counts(ends)}" for name, ends in (("N", known.params), ("D", known.tokens)) if ends]
    parts += [f"C {fitted_on(law)}"] if known.flops else []
    parts += [f"D/N {between(known.tokens_per_param, three_digits, ' - ')}"] if known.tokens_per_param else []
    return ", ".join(parts) or "range not known"


def _counts(limits: tuple[float, float], digits: int = 3) -> str:
    """Write a range of counts; a low end of 1 stands for one that the source does not print."""
    low, high = (format_count(end, digits) for end in limits)
    return f"to {high}" if limits[0] <= 1 else f"{low} - {high}"
