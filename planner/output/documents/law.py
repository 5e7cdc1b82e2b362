"""The catalogue, or one law whole, as blocks to read."""

from collections.abc import Sequence

from planner.allocation.published_checks import CheckResult, verify
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, note_lines
from planner.quantities import format_count, format_flops, format_percent, plain, significant
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

_NONE = "no law's fitted range covers this budget and what it would plan for it; plan --flops says how far each would extrapolate"


def catalogue_document(laws: Sequence[Law]) -> list[Block]:
    """Return the blocks of a list of laws."""
    rows = []
    for law in laws:
        a, b = law.exponents or (None, None)
        rows.append(
            [
                law.id,
                law.role,
                law.form.name,
                "-" if a is None or b is None else f"{significant(a, 2)} / {significant(b, 2)}",
                law.conventions.params,
                law.conventions.loss_unit,
                fitted_on(law),
                str(len(law.checks) or "-"),
                law.citation,
            ]
        )
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
        return f"{_range(law.domain.flops)} FLOP"
    if law.domain.params:
        return f"{_counts(law.domain.params, 2)} params"
    return "-"


def law_document(law: Law) -> list[Block]:
    """Return the blocks of one law whole."""
    rows = [("equation", law.form.equation, "")]
    intervals = law.interval.values if law.interval else {}
    for name, value in law.params.items():
        if isinstance(value, tuple):
            ends = f"{significant(min(value), 4)} to {significant(max(value), 4)} over {len(value)} members"
            rows.append((name, ends, law.form.parameters[name].meaning))
            continue
        interval = f"  [{significant(intervals[name][0], 4)}, {significant(intervals[name][1], 4)}]" if name in intervals else ""
        rows.append((name, plain(value, 10) + interval, law.form.parameters[name].meaning))
    for name in ("a", "b"):
        if name in intervals and name not in law.params:
            rows.append((name, f"[{significant(intervals[name][0], 4)}, {significant(intervals[name][1], 4)}]", f"C^{name}"))
    if law.interval:
        rows.append(("intervals", law.interval.level, law.interval.how))
    if law.exponents:
        rows.append(("exponents", f"N ~ C^{significant(law.exponents[0], 4)}, D ~ C^{significant(law.exponents[1], 4)}", ""))
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
        said = [f"from {format_flops(each.from_flops)} on: " if each.from_flops else "" for each in law.notes]
        lines = [start + line for start, line in zip(said, note_lines(law.notes), strict=True)]
        blocks.append(Items("Notes that every answer carries", lines))
    if law.traps:
        blocks.append(Items("Known traps", list(law.traps)))
    if results:
        blocks += checks_document(results)
    return blocks


def checks_document(results: Sequence[CheckResult]) -> list[Block]:
    """Return the blocks of the published outputs that a law is held against."""
    rows = [
        [
            result.check.quantity,
            ", ".join(f"{name} {plain(value, 4)}" for name, value in result.check.inputs.items()),
            plain(result.check.expected, 6),
            plain(result.computed, 6),
            format_percent(result.check.rel_tolerance),
            "yes" if result.passed else "NO",
            result.check.locator,
        ]
        for result in results
    ]
    headers = ["quantity", "at", "published", "this law", "tolerance", "agrees", "where"]
    return [Table("Published outputs", "llrrrll", headers, rows, [] if rows else ["the law file states none"])]


def _domain(law: Law) -> str:
    parts = [
        f"N {_counts(law.domain.params)}" if law.domain.params else "",
        f"D {_counts(law.domain.tokens)}" if law.domain.tokens else "",
        f"C {_range(law.domain.flops)} FLOP" if law.domain.flops else "",
        f"D/N {_range(law.domain.tokens_per_param)}" if law.domain.tokens_per_param else "",
    ]
    return ", ".join(part for part in parts if part) or "range not known"


def _counts(limits: tuple[float, float], digits: int = 3) -> str:
    """Write a range of counts; a low end of 1 stands for one that the source does not print."""
    low, high = (format_count(end, digits) for end in limits)
    return f"to {high}" if limits[0] <= 1 else f"{low} - {high}"


def _range(limits: tuple[float, float]) -> str:
    return " - ".join(plain(end, 3) for end in limits)
