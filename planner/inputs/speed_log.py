"""The speed that a log of a training run shows: the median of its steps, as frameworks print them (``data/speed_logs.toml``)."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

from planner._util.files import read_bundled, read_bytes
from planner.errors import OptionError, PlannerError
from planner.inputs.question import TokensPerSecond
from planner.quantities import format_percent, parse_count, shown, shown_path

FILE = "speed_logs.toml"


class _Found(NamedTuple):
    """Speeds of the steps of a log, in its order, and what each is of: ``device``, ``all`` tokens, or ``sequences`` of all."""

    what: str
    kind: str
    speeds: list[float]


def read_speed_log(path: Path, called: str) -> TokensPerSecond:
    """Read the speed of a run from its log: text of a training framework, a CSV file, or JSON lines.

    Returns
    -------
    TokensPerSecond
        The median of its steps, the first ones left out, with what the slow ones among them cost in all.

    Raises
    ------
    OptionError
        A file that cannot be read, no speed in it, or too few steps.
    """
    table = read_bundled(FILE)
    limits, name = table["read"], shown_path(path)

    def fail(text: str) -> PlannerError:
        return OptionError(f"{called} {text}")

    too_large = f"larger than {limits['most_bytes'] >> 20} MiB; give its last part, such as the last 10,000 lines"
    text = read_bytes(path, limits["most_bytes"], too_large, fail).decode("utf-8-sig", "replace")
    lines = list(_lines(text, table))
    found = max((*_columns(text, table, f"{called} {name}"), *lines), key=lambda each: len(each.speeds), default=None)
    if found is None or not found.speeds:
        frameworks = ", ".join(each["framework"] for each in table["line"])
        names = ", ".join(name for kind in table["columns"].values() for name in kind)
        raise OptionError(
            f"{called} {name}: no speed of a step in it; read are the logs of {frameworks}, and CSV or JSON lines with a column "
            f"{names}; or give the number: tokens a second of a device, such as 9600"
        )
    for other in lines if found in lines else ():
        if other.kind == found.kind and other.speeds and abs(median(other.speeds) / median(found.speeds) - 1) > limits["same"]:
            raise OptionError(
                f"{called} {name}: steps of {found.what} and of {other.what} at other speeds; give the log of one run"
            )
    first = max(1, round(limits["warm_up"] * len(found.speeds)))
    kept = found.speeds[first:]
    if len(kept) < limits["least"]:
        raise OptionError(
            f"{called} {name}: steps with a speed in it: {len(found.speeds)}; expected at least {limits['least'] + first}, "
            f"of which {first} to warm up"
        )
    usual = median(kept)
    slow = fmean(usual / each for each in kept) - 1
    said = f"the median of {len(kept)} steps of {shown_path(Path(path.name))} ({found.what}), after {first} to warm up"
    if slow >= limits["slow"]:
        said += f"; all of them took {format_percent(slow)} longer than that, as --overhead counts it"
    return TokensPerSecond(usual, found.kind != "device", said, found.kind == "sequences")


def _lines(text: str, table: dict[str, Any]) -> Iterator[_Found]:
    """Read what lines of each framework say."""
    plainly = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for each in table["line"]:
        pattern = re.compile(each["pattern"])
        if "ms" in pattern.groupindex:
            steps = ((_number(step["ms"]), _number(step["sequences"])) for step in pattern.finditer(plainly))
            yield _Found(each["framework"], "sequences", _positive(1000 * many / ms for ms, many in steps if ms > 0))
        else:
            speeds = (_number(step["device"]) for step in pattern.finditer(plainly))
            yield _Found(each["framework"], "device", _positive(speeds))


def _columns(text: str, table: dict[str, Any], where: str) -> Iterator[_Found]:
    """Read a column of a table of steps: CSV with a header, or JSON lines."""
    rows = [{str(name).lower(): value for name, value in row.items()} for row in _rows(text)]
    for kind, names in table["columns"].items():
        for name in names:
            cells = [str(row[name.lower()]).strip() for row in rows if row.get(name.lower()) not in (None, "")]
            commas = [cell for cell in cells if "," in cell]
            if commas and ";" in text.partition("\n")[0] and all(map(_EITHER.fullmatch, commas)):
                raise OptionError(
                    f"{where}: {name} {shown(commas[0])}: its comma could be a decimal point or set thousands apart"
                )
            if not all(map(_GROUPED.fullmatch, commas)):  # a decimal point
                cells = [cell.replace(".", "").replace(",", ".") if "," in cell else cell for cell in cells]
            speeds = _positive(map(_number, cells))
            if speeds:
                yield _Found(name, kind, speeds)


_EITHER = re.compile(r"\d{1,3},\d{3}")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")


def _rows(text: str) -> Iterator[dict[str, Any]]:
    if text.lstrip().startswith("{"):
        for line in text.splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # a line cut off while it was written
            if isinstance(row, dict):
                yield row
        return
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    if delimiter in header:
        try:
            yield from csv.DictReader(StringIO(text), delimiter=delimiter)
        except csv.Error:
            return


def _positive(numbers: Iterator[float]) -> list[float]:
    return [each for each in numbers if 0 < each < float("inf")]


def _number(value: Any) -> float:
    """Return a number as loggers write it, such as 7,412 or 15.3K; 0 where it is none."""
    text = str(value).strip(" .,")
    with suppress(ValueError):
        return float(text.replace(",", ""))
    with suppress(PlannerError):
        return parse_count(text, "speed", "tokens per second")
    return 0.0
