"""JSON documents, lines of JSON and Python's own mappings as tables of runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from planner.errors import RunsFileError
from planner.fitting.tables.raw_table import RawTable
from planner.fitting.tables.tensorboard_scalars import HEADER
from planner.quantities import shown


def of_json(text: str, name: str, digest: str) -> RawTable:
    """Return the table of a JSON document, or of lines of JSON: a mapping a run, or a list a column."""
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise RunsFileError(f"{name}: is nested too deeply for a table of runs") from None
    except _TwiceError as error:
        raise RunsFileError(f"{name}: names {error} twice in one mapping") from None
    except ValueError:
        return of_mappings(_json_lines(text, name), name, digest)
    if isinstance(content, dict):
        return of_mapping(content, name)._replace(sha256=digest)
    if isinstance(content, list) and content and all(map(_is_scalar, content)):
        return RawTable(name, list(HEADER), lambda faults: enumerate(content, 1), digest)
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise RunsFileError(f"{name}: expected a JSON list with a mapping a run, such as [{{'params': 5e7, ...}}, ...]")
    return of_mappings(list(enumerate(content, 1)), name, digest)


def of_mapping(content: Mapping[str, Any], name: str) -> RawTable:
    """Return the table of a mapping: a list a column, as pandas orients its JSON, a list of runs under a name, or one run."""
    if isinstance(content.get("columns"), list) and isinstance(content.get("data"), list):  # pandas, orient="split"
        header, lines = [str(cell) for cell in content["columns"]], content["data"]
        if not all(isinstance(line, list) and len(line) == len(header) for line in lines):
            raise RunsFileError(f"{name}: its data have rows of another length than its {len(header)} columns")
        return RawTable(name, header, lambda faults: enumerate(lines, 1))
    lists = [
        value for value in content.values() if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    ]
    if len(lists) == 1 and "log_history" not in content:  # {"runs": [...]}
        return of_mappings(list(enumerate(lists[0], 1)), name, "")
    inner = [value for value in content.values() if isinstance(value, Mapping)]
    numbered = all(str(key).isdigit() for value in inner for key in value)  # the names of rows, from 0
    if content and len(inner) == len(content) and not numbered:
        return of_mappings(list(enumerate(inner, 1)), name, "")  # pandas, orient="index"
    axes = [value for value in content.values() if isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1]
    if not content or len(inner) + len(axes) < len(content):
        return of_mappings([(1, content)], name, "")
    keys = list(inner[0] if inner else {})
    columns = {
        str(key): [value.get(each) for each in keys] if isinstance(value, Mapping) else list(value)
        for key, value in content.items()
    }
    if len(set(map(len, columns.values()))) > 1:
        raise RunsFileError(f"{name}: its columns are of different lengths")
    cells = list(zip(*columns.values(), strict=True))
    return RawTable(name, list(columns), lambda faults: enumerate(cells, 1))


def _is_scalar(row: object) -> bool:
    """Tell whether a row is wall time, step and value: a scalar as TensorBoard exports it in JSON."""
    return isinstance(row, list) and len(row) == len(HEADER) and isinstance(row[0], (int, float)) and row[0] > _A_CLOCK


_A_CLOCK = 1e8
"""Seconds since 1970 of a time that a logger may have run at."""


class _TwiceError(ValueError):
    """A name that comes twice in one mapping."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(shown(next(name for name in names if names.count(name) > 1)))
    return found


def _json_lines(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.lstrip("\ufeff"), object_pairs_hook=_once)
        except _TwiceError as error:
            raise RunsFileError(f"{name}:{number}: names {error} twice in one mapping") from None
        except (ValueError, RecursionError) as error:
            unsaid = "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"
            why = getattr(error, "msg", unsaid)
            raise RunsFileError(f"{name}:{number}: is no JSON ({why}); expected a mapping a line, or one JSON list") from None
        if not isinstance(row, dict):
            raise RunsFileError(f"{name}:{number}: expected a mapping such as {{'params': 5e7, 'tokens': 1e9, 'loss': 3.1}}")
        found.append((number, row))
    return found


def of_mappings(found: Sequence[tuple[int, Mapping[str, Any]]], name: str, digest: str) -> RawTable:
    flat: list[tuple[int, dict[str, object]]] = []
    header: dict[str, None] = {}
    for number, row in found:
        pairs = list(_flat(row, name))
        flat.append((number, dict(pairs)))
        if len(flat[-1][1]) < len(pairs):
            raise RunsFileError(f"{name}:{number}: nested names say the same thing twice")
        header |= dict.fromkeys(flat[-1][1])
        if len(header) > _WIDEST or len(header) * len(flat) > _MOST_CELLS:
            raise RunsFileError(f"{name}: has more than {_WIDEST} names, or {_MOST_CELLS} cells; leave out what is no run's")
    if not header:
        raise RunsFileError(f"{name}: is empty; expected a mapping a run with params, tokens and loss")
    return RawTable(
        name, list(header), lambda faults: ((number, [row.get(key) for key in header]) for number, row in flat), digest
    )


_WIDEST, _MOST_CELLS = 5_000, 10_000_000
_LONGEST_NAME = 1_000


def _flat(row: Mapping[str, Any], name: str, prefix: str = "") -> Iterable[tuple[str, object]]:
    """Give the parts of nested mappings, such as config and summary of a run, by their names joined with a slash."""
    for key, value in row.items():
        if len(prefix) + len(str(key)) > _LONGEST_NAME:
            raise RunsFileError(f"{name}: has a name of more than {_LONGEST_NAME} letters")
        if isinstance(value, Mapping):
            yield from _flat(value, name, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
