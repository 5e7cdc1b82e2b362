"""A learning curve as blocks to read, and as rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.fitting.learning_curve.curve_result import Curve, Estimate
from planner.output.documents.blocks import Block, Facts, Title, note_blocks
from planner.quantities import format_count, format_factor, format_percent, significant

if TYPE_CHECKING:
    from planner.output.csv_json_machines import Row


def curve_document(curve: Curve) -> list[Block]:
    """Return the blocks of a learning curve."""
    largest = format_count(curve.sizes[-1])
    falls = f"{format_percent(1 - curve.doubling.value)} less error from twice the data"
    level = format_percent(curve.level)
    rows = [
        ("small data", *_small_data(curve)),
        (
            "power law",
            f"error ~ size^-{significant(curve.exponent.value)}",
            f"{level} interval {_ends(curve.exponent, significant)}",
        ),
        ("irreducible", *_irreducible(curve)),
        ("noise", format_percent(curve.noise), "standard deviation around the curve"),
        (
            "twice the data",
            format_factor(curve.doubling.value),
            f"the error at {largest}; {level} interval {_ends(curve.doubling, significant)}",
        ),
    ]
    blocks: list[Block] = [Title(f"Learning curve of {curve.name}, {len(curve.sizes)} points to {largest}: {falls}"), Facts(rows)]
    if curve.reach:
        blocks.append(Facts(_reach(curve)))
    if curve.domain:
        blocks.append(Facts(_domain(curve)))
    blocks += note_blocks(curve.notes)
    return blocks


def curve_rows(curve: Curve) -> "list[Row]":
    """Return a row for each number of the curve, then for each point."""
    estimates = {
        name: getattr(curve, name)
        for name in ("exponent", "best_guess", "learning_from", "floor", "half_floor_from", "doubling")
        if getattr(curve, name) is not None
    }
    if curve.reach:
        estimates["target_size"] = curve.reach.size
    none = {"low": None, "high": None}
    single = {name: getattr(curve, name) for name in ("reducible", "floor_at_most", "noise")}
    points = zip(curve.sizes, curve.errors, strict=True)
    return [
        *({"quantity": name, "size": None, **each._asdict()} for name, each in estimates.items()),
        *({"quantity": name, "size": None, "value": value, **none} for name, value in single.items()),
        *({"quantity": "error", "size": size, "value": error, **none} for size, error in points),
    ]


def _small_data(curve: Curve) -> tuple[str, str]:
    if curve.best_guess is None or curve.learning_from is None:
        return "not seen", "in these data"
    known = curve.best_guess.low == curve.best_guess.high
    width = "given" if known else _ends(curve.best_guess, significant)
    return (
        f"up to {format_count(curve.learning_from.value)}",
        f"interval {_ends(curve.learning_from, format_count)}; best guess {significant(curve.best_guess.value, 4)} ({width})",
    )


def _irreducible(curve: Curve) -> tuple[str, str]:
    if curve.floor is None:
        return "not seen", f"in these data; at most {significant(curve.floor_at_most)}"
    floor = f"floor {significant(curve.floor.value, 4)} ({_ends(curve.floor, significant)})"
    if curve.half_floor_from is None:
        return "far beyond", floor
    half = f"interval {_ends(curve.half_floor_from, format_count)}, where the floor is half of the error"
    return f"from {format_count(curve.half_floor_from.value)}", f"{half}; {floor}"


def _reach(curve: Curve) -> list[tuple[str, str, str]]:
    reach = curve.reach
    assert reach is not None  # asked only then
    beyond = f", {format_factor(reach.beyond)} the largest" if reach.beyond > 1 else ", inside the data"
    rows = [
        (
            f"error {significant(reach.error)}",
            format_count(reach.size.value),
            f"interval {_ends(reach.size, format_count)}{beyond}",
        )
    ]
    if reach.model_factor:
        span = _span(reach.model_factor, format_factor)
        sizes = f": {_span(reach.params, format_count)} parameters" if reach.params else ""
        whose = f"{curve.domain.title}" if curve.domain and curve.domain.model_exponents else "all domains of the paper"
        rows.append(("model", span, f"as large as at the largest size{sizes}; exponents of {whose}"))
    return rows


def _domain(curve: Curve) -> list[tuple[str, str, str]]:
    known = curve.domain
    assert known is not None  # asked only then
    model = f", model ~ size^{'-'.join(dict.fromkeys(map(str, known.model_exponents)))}" if known.model_exponents else ""
    detail = f"{known.metric}; {known.detail}"
    return [("published", f"error ~ size^-{known.exponent:g}{model}", detail), ("", "", f"{known.title}: {known.source}")]


def _ends(each: Estimate, write: Callable[[float], str]) -> str:
    return f"{write(each.low)} to {'no end' if each.high is None else write(each.high)}"


def _span(ends: tuple[float, float], write: Callable[[float], str]) -> str:
    return " to ".join(dict.fromkeys(map(write, ends)))
