"""A learning curve as blocks to read, and as rows."""

from collections.abc import Callable

from planner.fitting.learning_curve.curve_result import Curve, Estimate, Reach
from planner.fitting.learning_curve.published import PublishedCurve
from planner.output.csv_json_machines import Row, fields
from planner.output.documents.blocks import Block, Facts, Title, four_digits, note_blocks
from planner.quantities import format_count, format_factor, format_percent, significant


def curve_document(curve: Curve) -> list[Block]:
    largest = format_count(curve.sizes[-1])
    falls = f"{format_percent(1 - curve.doubling.value)} less error from twice the data"
    level = format_percent(curve.level)
    exponent, doubling = (f"{level} interval {_ends(each, significant)}" for each in (curve.exponent, curve.doubling))
    rows = [
        ("small data", *_small_data(curve)),
        ("power law", f"error ~ size^-{significant(curve.exponent.value)}", exponent),
        ("irreducible", *_irreducible(curve)),
        ("noise", format_percent(curve.noise), "standard deviation around the curve"),
        ("twice the data", format_factor(curve.doubling.value), f"the error at {largest}; {doubling}"),
    ]
    return [
        Title(f"Learning curve of {curve.name}, {len(curve.sizes)} points to {largest}: {falls}"),
        *([Facts(_reach(curve, curve.reach))] if curve.reach else []),
        Facts(rows),
        *([Facts(_domain(curve.domain))] if curve.domain else []),
        *note_blocks(curve.notes),
    ]


def curve_rows(curve: Curve) -> list[Row]:
    """Return a row for each number of the curve, then for each point."""
    estimates = fields(curve, "exponent", "best_guess", "learning_from", "floor", "half_floor_from", "doubling")
    estimates["target_size"] = curve.reach and curve.reach.size
    none = {"low": None, "high": None}
    single = fields(curve, "reducible", "floor_at_most", "noise")
    points = zip(curve.sizes, curve.errors, strict=True)
    return [
        *({"quantity": name, "size": None, **each._asdict()} for name, each in estimates.items() if each is not None),
        *({"quantity": name, "size": None, "value": value, **none} for name, value in single.items()),
        *({"quantity": "error", "size": size, "value": error, **none} for size, error in points),
    ]


def _small_data(curve: Curve) -> tuple[str, str]:
    if curve.best_guess is None or curve.learning_from is None:
        return "not seen", "in these data"
    guess = curve.best_guess
    width = "given" if guess.low == guess.high else _ends(guess, significant)
    text = f"interval {_ends(curve.learning_from, format_count)}; best guess {four_digits(guess.value)} ({width})"
    return f"up to {format_count(curve.learning_from.value)}", text


def _irreducible(curve: Curve) -> tuple[str, str]:
    if curve.floor is None:
        return "not seen", f"in these data; at most {significant(curve.floor_at_most)}"
    floor = f"floor {four_digits(curve.floor.value)} ({_ends(curve.floor, significant)})"
    if curve.half_floor_from is None:
        return "far beyond", floor
    half = f"interval {_ends(curve.half_floor_from, format_count)}, where the floor is half of the error"
    return f"from {format_count(curve.half_floor_from.value)}", f"{half}; {floor}"


def _reach(curve: Curve, reach: Reach) -> list[tuple[str, str, str]]:
    beyond = f", {format_factor(reach.beyond)} the largest" if reach.beyond > 1 else ", inside the data"
    interval = f"interval {_ends(reach.size, format_count)}{beyond}"
    rows = [(f"error {significant(reach.error)}", format_count(reach.size.value), interval)]
    if reach.model_factor:
        span = _span(reach.model_factor, format_factor)
        sizes = f": {_span(reach.params, format_count)} parameters" if reach.params else ""
        whose = curve.domain.title if curve.domain and curve.domain.model_exponents else "all domains of the paper"
        rows.append(("model", span, f"as large as at the largest size{sizes}; exponents of {whose}"))
    return rows


def _domain(known: PublishedCurve) -> list[tuple[str, str, str]]:
    model = f", model ~ size^{'-'.join(dict.fromkeys(map(str, known.model_exponents)))}" if known.model_exponents else ""
    published = ("published", f"error ~ size^-{known.exponent:g}{model}", f"{known.metric}; {known.detail}")
    return [published, ("", "", f"{known.title}: {known.source}")]


def _ends(each: Estimate, write: Callable[[float], str]) -> str:
    return f"{write(each.low)} to {'no end' if each.high is None else write(each.high)}"


def _span(ends: tuple[float, float], write: Callable[[float], str]) -> str:
    return " to ".join(dict.fromkeys(map(write, ends)))
