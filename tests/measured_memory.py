"""Peaks of memory that others measured and published (``tests/data/memory_measured.csv``, a row's source, place and licence in it)."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from planner.accelerators.catalogue import accelerator, accelerators
from planner.architectures.layout import Layout
from planner.architectures.memory import Memory, Scheme, memory
from planner.architectures.transformer import Shape

FILE = Path(__file__).parent / "data" / "memory_measured.csv"
_GRADIENTS = {"megatron": 2}
"""Bytes of a gradient by framework, where it is not 4: Megatron reduces in bf16, DeepSpeed of 2022 in fp16."""


class Measured(NamedTuple):
    """A run of known shape and layout.

    Attributes
    ----------
    peak : float or None
        Bytes of the fullest device; None where it ran out of memory.
    kind : str
        What was read: allocated, reserved, nvidia-smi, or a tool that is not stated.
    capacity : float
        Bytes of the device.
    expected : Memory
    """

    source: str
    model: str
    device: str
    layout: Layout
    peak: float | None
    kind: str
    capacity: float
    expected: Memory


def measured() -> Iterator[Measured]:
    """Yield the runs, with what planner expects of each."""
    with FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = {key: int(float(value)) for key, value in row.items() if key in _WHOLE and value}
            shape = Shape(
                layers=number["layers"],
                width=number["width"],
                heads=number["heads"],
                vocab=number["vocab"],
                context=number["seq_len"],
                ffn=number["ffn"],
                kv_heads=number.get("kv_heads", number["heads"]),
                head_size=number.get("head_dim", number["width"] // number["heads"]),
                gated=bool(number["gated"]),
                tied=bool(number["tied"]),
            )
            old = row["attention"] == "unfused"  # a stack of about 2022
            recompute = "selective" if row["recompute"] == "none" and not old else row["recompute"]
            layout = Layout(
                data=number.get("dp", 1),
                context_parallel=number.get("cp", 1),
                tensor=number["tp"],
                pipeline=number["pp"],
                zero=number.get("zero_stage", 0),
                micro_batch=number["micro_batch"],
                recompute=recompute,  # type: ignore[arg-type]  # one of the three
                sequence=not old,
                dropout=old,
                schedule="interleaved" if number["virtual_pp"] > 1 else "1f1b",
                virtual=number["virtual_pp"],
            )
            gradients = next((size for name, size in _GRADIENTS.items() if name in row["framework"].lower()), 4)
            scheme = Scheme("mixed", 2, gradients, 12)
            peak = float(row["memory_gib_per_device"]) * 2**30 if row["memory_gib_per_device"] else None
            there = 96e9 if "96 GB" in row["notes"] else accelerator(row["device"], accelerators()).memory
            assert there is not None
            expected = memory(shape, scheme, layout)
            yield Measured(row["source"], row["model"], row["device"], layout, peak, row["memory_kind"], there, expected)


_WHOLE = (
    *("layers", "width", "heads", "vocab", "seq_len", "cp", "ffn", "kv_heads", "head_dim", "gated", "tied"),
    *("dp", "tp", "pp", "virtual_pp", "zero_stage", "micro_batch"),
)
