"""A sweep as a table, Markdown, CSV or JSON, piece by piece: a block of rows is written where it was solved, then forgotten."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from planner._util.parallel import Progress
from planner.notes import Note
from planner.output import Format
from planner.output.csv_json import cell
from planner.output.documents.blocks import (
    NOTEBOOK_ROWS,
    Block,
    Facts,
    Table,
    Title,
    below_rows,
    beyond_text,
    four_digits,
    or_dash,
)
from planner.output.text import table_pieces, to_markdown, to_text
from planner.planning.sweep import Sweep
from planner.planning.sweep_rows import Rows
from planner.quantities import (
    format_bytes,
    format_count,
    format_dollars,
    format_duration,
    format_energy,
    format_flops,
    format_mass,
    format_overhead,
    format_percent,
    format_whole,
    plain,
    significant,
)

Heard = Callable[[tuple[Note, ...]], None]


def sweep_pieces(found: Sweep, fmt: Format, heard: Heard, progress: Progress | None = None) -> Iterator[str]:
    """Give the text of a sweep in pieces; ``heard`` gets the notes once all rows are counted."""
    if fmt == "json":
        yield from _json(found, heard, progress)
    elif fmt in {"csv", "csv-semicolon"}:
        yield from _csv(found, heard, progress, decimal_comma=fmt == "csv-semicolon")
    else:
        yield from _table(found, heard, progress, markdown=fmt == "markdown")


def _streamed(found: Sweep, finish: Callable[[Rows], str], heard: Heard, progress: Progress | None) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for piece, counted in found.blocks(finish, progress):
        counts += counted
        yield piece
    heard(found.remarks(counts))


def _csv(found: Sweep, heard: Heard, progress: Progress | None, decimal_comma: bool = False) -> Iterator[str]:
    head = ("\ufeff" + ";".join(found.columns) if decimal_comma else ",".join(found.columns)) + "\n"
    for piece in _streamed(found, partial(_csv_rows, names=found.columns, decimal_comma=decimal_comma), heard, progress):
        yield head + piece  # the header with the first rows: what cannot be answered leaves nothing behind
        head = ""


def _csv_rows(block: Rows, names: tuple[str, ...], decimal_comma: bool) -> str:
    columns = []
    for name in names:
        column = block.columns[name]
        if column.dtype.kind != "f":
            known = {value: cell(value, decimal_comma) for value in set(column.tolist())}
            columns.append([known[value] for value in column.tolist()])
            continue
        texts: Any = map(repr, column.tolist())  # shortest text that reads back to the same double
        if decimal_comma:
            texts = (text.replace(".", ",") for text in texts)
        columns.append(["" if text == "nan" else text for text in texts] if (column != column).any() else texts)
    separator = ";" if decimal_comma else ","
    return "".join([separator.join(row) + "\n" for row in zip(*columns, strict=True)])


def _json(found: Sweep, heard: Heard, progress: Progress | None) -> Iterator[str]:
    head = json.dumps(found.head(), indent=2, ensure_ascii=False, allow_nan=False)
    start = head.removesuffix("\n}") + ',\n  "rows": [\n'
    said: list[Note] = []
    for piece in _streamed(found, partial(_json_rows, names=found.columns), said.extend, progress):
        yield start + piece
        start = ",\n"
    rest = {"notes": [note.to_dict() for note in said], "version": found.version}
    yield "\n  ]," + json.dumps(rest, indent=2, ensure_ascii=False).removeprefix("{") + "\n"
    heard(tuple(said))


def _json_rows(block: Rows, names: tuple[str, ...]) -> str:
    rows = block.rows(names)
    return ",\n".join("    " + json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)


_COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "law": ("law", str),
    "flops": ("compute", format_flops),
    "params": ("parameters", format_count),
    "weight_bytes": ("served weights", format_bytes),
    "cache_bytes": ("served cache", format_bytes),
    "served_loss": ("served loss", four_digits),
    "total_params": ("in all", format_count),
    "experts": ("experts", partial(plain, digits=4)),
    "granularity": ("granularity", partial(plain, digits=4)),
    "sparsity": ("sparsity", format_percent),
    "params_low": ("from", format_count),
    "params_high": ("to", format_count),
    "tokens": ("tokens", format_count),
    "tokens_per_param": ("tok/param", significant),
    "loss": ("loss", four_digits),
    "loss_low": ("loss from", four_digits),
    "loss_high": ("loss to", four_digits),
    "epochs": ("epochs", significant),
    "regime": ("regime", str),
    "overhead": ("extra compute", format_overhead),
    "extrapolation": ("outside its data", beyond_text),
    "mfu": ("MFU", format_percent),
    "device_hours": ("device-hours", format_whole),
    "hours": ("time", format_duration),
    "dollars": ("cost", format_dollars),
    "kwh": ("energy", format_energy),
    "kg_co2e": ("CO2e", format_mass),
    "devices_needed": ("devices", format_whole),
}
"""Header and writer of what a table shows of a row: of a machine's costs the expected ones."""

_SHARES = {"mfu", "inference_mfu", "generation_mfu", "sparsity", "data_quality"}
_BY_UNIT = {"parameters": format_count, "tokens": format_count, "devices": format_whole, "USD": format_dollars}


def _shown_columns(found: Sweep) -> dict[str, tuple[str, Callable[[Any], str]]]:
    """Return header and writer of each column of a table: laws where there are several, what varies, what a row answers."""
    varied = {axis.column: axis for axis in found.axes}
    names = [name for name in found.columns if name in _COLUMNS or name in varied]
    shown = {}
    for name in sorted(names, key=lambda name: (name != "law", name not in varied)):
        if name in _COLUMNS:
            shown[name] = _COLUMNS[name]
        else:
            label, unit = (name if name.startswith("target") else varied[name].name).replace("_", " "), varied[name].unit
            write = format_percent if name in _SHARES else _BY_UNIT.get(unit, significant)
            shown[name] = label if unit in {"", label, *_BY_UNIT} else f"{label} [{unit}]", write
    if len(found.laws) == 1:
        del shown["law"]
    return shown


def _align(columns: Iterable[str]) -> str:
    return "".join("l" if name in {"law", "regime"} else "r" for name in columns)


def _table(found: Sweep, heard: Heard, progress: Progress | None, *, markdown: bool = False) -> Iterator[str]:
    columns = _shown_columns(found)
    counts: Counter[str] = Counter()

    def blocks() -> Iterator[list[list[str]]]:
        for block, counted in found.blocks(progress=progress):
            counts.update(counted)
            yield [_cells(row, columns) for row in block.rows(columns)]

    laws = [[law.id if name == "law" else "" for name in columns] for law in found.named]
    headers = [header for header, _ in columns.values()]
    yield from table_pieces(_title(found), headers, _align(columns), blocks(), markdown=markdown, widest=laws)
    said = found.remarks(counts)
    rest = _below(found, said)
    yield "\n" + (to_markdown(rest) if markdown else to_text(rest))
    heard(said)


def sweep_document(found: Sweep) -> list[Block]:
    """Return a sweep as blocks, of a long one the first rows: for a notebook, which holds all of them in memory."""
    columns = _shown_columns(found)
    counts: Counter[str] = Counter()
    rows: list[list[str]] = []
    for block, counted in found.blocks():
        counts.update(counted)
        some = block.rows(columns) if len(rows) < NOTEBOOK_ROWS else []
        rows += [_cells(row, columns) for row in some]
    more = [f"{len(found) - NOTEBOOK_ROWS} more rows: .table(), or .to_frame()"] if len(found) > NOTEBOOK_ROWS else []
    table = Table("", _align(columns), [header for header, _ in columns.values()], rows[:NOTEBOOK_ROWS], more)
    return [Title(_title(found)), table, *_below(found, found.remarks(counts))]


def _below(found: Sweep, said: tuple[Note, ...]) -> list[Block]:
    return below_rows([Facts([("law", law.id, law.reference) for law in found.named])], said)


def _title(found: Sweep) -> str:
    if not found.axes:
        return f"Plans under {len(found.laws)} laws"
    ranges = " and ".join(
        f"{len(axis.values)} values of {axis.name.replace('_', ' ')}, {plain(axis.values[0], 4)} to {plain(axis.values[-1], 4)}"
        + (f" {axis.unit}" if axis.unit else "")
        for axis in found.axes
    )
    under = found.named[0].id if len(found.laws) == 1 else f"{len(found.laws)} laws"
    return f"Plans for {ranges}, under {under}"


def _cells(row: Mapping[str, Any], columns: Mapping[str, tuple[str, Callable[[Any], str]]]) -> list[str]:
    return [or_dash(value, write) for value, (_, write) in zip(row.values(), columns.values(), strict=True)]
