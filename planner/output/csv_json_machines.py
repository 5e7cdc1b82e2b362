"""Devices, rankings, shapes, models and costs as rows of CSV: full precision, base units."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.accelerators.accelerator import Accelerator
    from planner.accelerators.fleet import Cost, Machine
    from planner.architectures.published_models import Model
    from planner.architectures.transformer import Shape
    from planner.planning.configure import Configuration
    from planner.planning.hardware_ranking import Ranking
    from planner.planning.scaling import Scaling
    from planner.planning.throughput import Throughput
    from planner.quantities.estimate import Range

Row = dict[str, Any]


def fields(of: object, *names: str, **columns: str) -> Row:
    """Return attributes as columns of the same names, or of others (``column="attribute"``); empty cells of what is None."""
    wanted = {**{name: name for name in names}, **columns}
    return {column: None if of is None else getattr(of, name) for column, name in wanted.items()}


def device_rows(devices: "Sequence[Accelerator]") -> list[Row]:
    """Return a row for each device."""
    rows = []
    for device in devices:
        row = fields(device, "id", "name", "family")
        for kind in ("peaks", "sparse", "matmul"):
            row |= {f"{kind}_{dtype}": getattr(device, kind).get(dtype) for dtype in ("bf16", "fp16", "fp8")}
        row |= fields(device, "memory_gb", "bandwidth_tb_s", "watts", "watts_kind") | span("usd_per_hour", device.price)
        texts = {"sources": " ; ".join(device.sources), "unverified": " ; ".join(device.unverified), "note": device.note}
        rows.append({**row, "price_date": device.price_date, **texts, "origin": device.origin})
    return rows


def hardware_content(devices: "Sequence[Accelerator]") -> Row:
    """Return one device, or the list with what conversions assume."""
    from planner.accelerators.catalogue import assumptions

    if len(devices) == 1:
        return devices[0].to_dict()
    taken = [{"name": each.name, **each.value._asdict(), "source": each.source} for each in assumptions()]
    return {"devices": [device.to_dict() for device in devices], "assumptions": taken}


def ranking_rows(ranking: "Ranking") -> list[Row]:
    """Return a row for each device."""
    return [
        {"rank": rank, "device": row.device.id, **fields(row, "flops", "params", "tokens", "loss")}
        | {"deadline_hours": ranking.deadline_hours, **cost_columns(row.machine, row.cost), "price_date": row.device.price_date}
        for rank, row in enumerate(ranking.rows, 1)
    ]


def shape_rows(found: "Configuration") -> list[Row]:
    """Return a row for each shape."""
    return [
        {"rank": rank, **_shape_columns(each.shape), "params_total": each.params, "off": each.off}
        | fields(each, "params_non_embedding", "flops_per_token", "over_6nd", "training_flops")
        | {"cache_bytes_per_token": each.cache_bytes, "tokens": each.tokens, "law": found.law.id}
        | cost_columns(found.machine, each.cost)
        for rank, each in enumerate(found.shapes, 1)
    ]


def throughput_rows(found: "Throughput") -> list[Row]:
    """Return one row: the figures with their intervals, the layout, and the parts of a step [s]."""
    row: Row = {"params": found.shape.total, "devices": found.layout.devices, "machine": _machine_name(found.machine)}
    for name, (low, high) in found.intervals.items():
        row |= {f"{name}_low": low, name: getattr(found, name), f"{name}_high": high}
    row |= fields(found, "level", "batch", "software", "year")
    row |= {f"layout_{name}": value for name, value in found.layout._asdict().items()}
    row |= {f"seconds_{name}": seconds for name, seconds in found.parts.items()}
    return [row | {"memory_bytes": found.memory.total, "fits": found.fits, "limited_by": found.limited_by}]


def scaling_rows(found: "Scaling") -> list[Row]:
    """Return a row for each number of devices; empty cells where nothing is forecast."""
    known = [throughput_rows(row.throughput)[0] for row in found.rows if row.throughput is not None]
    empty: Row = dict.fromkeys(known[0])
    rows = []
    for row in found.rows:
        content = throughput_rows(row.throughput)[0] if row.throughput is not None else {**empty, "devices": row.devices}
        compared = fields(row, "speedup", "efficiency", "dollars_per_trillion", "reason")
        rows.append({**content, **compared, "pays_to": found.pays_to})
    return rows


def model_rows(models: "Sequence[Model]") -> list[Row]:
    """Return a row for each published model."""
    return [
        fields(each, "id", "name", "org", "year", "params", "exact")
        | fields(each.shape, params_of_shape="total", non_embedding_of_shape="non_embedding", active_of_shape="active")
        | {"tokens": each.tokens, "flops_published": each.flops, "flops_6nd": each.flops_6nd}
        | _shape_columns(each.shape)
        | {"sources": " ; ".join(each.sources), "flag": each.flag, "note": each.note}
        for each in models
    ]


def _shape_columns(shape: "Shape") -> Row:
    return {name: value for name, value in shape._asdict().items() if name != "details"}


def cost_columns(machine: "Machine | None", cost: "Cost | None") -> Row:
    """Return what a run takes on a machine, the same columns with and without one."""
    row: Row = {
        "machine": _machine_name(machine) if machine else None,
        **fields(machine, "dtype", overhead_time="overhead"),
        **span("mfu", machine.mfu if machine else None),
        **span("usd_per_hour_of_fleet", machine.dollars_per_hour if machine else None),
    }
    for name in ("device_hours", "hours", "dollars", "kwh", "kg_co2e", "devices_needed"):
        row |= span(name, getattr(cost, name, None))
    return {**row, "in_time": getattr(cost, "in_time", None)}


def span(name: str, ends: "Range | tuple[float | None, float | None, float | None] | None") -> Row:
    low, usual, high = ends or (None, None, None)
    return {f"{name}_low": low, name: usual, f"{name}_high": high}


def _machine_name(machine: "Machine") -> str:
    """Return ``512xh100-sxm``, without the number where it is open."""
    return " + ".join(f"{f'{part.number:.0f}x' if machine.counted else ''}{part.device.id}" for part in machine.parts)
