"""The machine that a budget runs on: devices in a format, their utilisation, prices, power and grid, and what to say of them."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from planner._util.files import settings
from planner._util.showing import Raw
from planner.accelerators.accelerator import DTYPES, FILE, Accelerator
from planner.accelerators.catalogue import accelerators, average_watts
from planner.accelerators.fleet import Grid, Machine, Part
from planner.accelerators.prices import doubt
from planner.errors import OptionError
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_factor, format_peak, format_percent, shown
from planner.quantities.estimate import Range, exactly
from planner.quantities.resource_parsing import parse_intensity


def read_machine(
    question: Question, pairs: tuple[tuple[float, Accelerator], ...], counted: bool, forecast: Range | None = None
) -> tuple[Machine, tuple[Note, ...]]:
    """Return the machine of so many devices, used as the user says, or as was forecast, and what to say of it.

    Raises
    ------
    PlannerError
        A format that a device lacks, a utilisation that none reaches, numbers out of range, or of more than one kind of device.
    """
    if len(pairs) > 1 and (given := question.named("price", "peak", "power")):
        raise OptionError(f"`{given[0]}` is of one kind of device; for a mixed fleet describe them in a `gpu_file`")
    dtype = _dtype(question.dtype, pairs)
    watts = exactly(question.power) if question.power is not None else None
    parts = tuple(
        Part(
            number=count,
            device=device,
            peak=question.peak or device.peaks[dtype],
            price=exactly(question.price) if question.price is not None else device.price,
            watts=watts or average_watts(device),
        )
        for count, device in pairs
    )
    share, share_notes = (forecast, ()) if forecast is not None else utilisation(question.mfu, dtype, parts)
    machine = Machine(
        parts=parts,
        counted=counted,
        dtype=dtype,
        mfu=share,
        overhead=question.overhead or 0.0,
        pue=question.pue or _range(settings(FILE, "power")["pue"]),
        grid=question.grid,
        deadline=question.deadline,
    )
    return machine, (
        *share_notes,
        *(note for part in parts for note in _part_notes(part, dtype)),
        *_dtype_notes(machine, question),
        *_mixed_notes(machine),
        *_energy_notes(machine),
    )


def _mixed_notes(machine: Machine) -> Iterator[Note]:
    """Say what a fleet of unequal devices is counted as, and how much longer it takes if work is split evenly."""
    even = machine.devices * min(part.peak for part in machine.parts)
    if machine.peak > even * (1 + _SAME):
        slower = f"split evenly, all wait for the slowest, and a run takes {format_factor(machine.peak / even)} as long"
        text = f"a mixed fleet counts as the sum of its peaks, as if each device had work in proportion to its own; {slower}"
        yield Note("mixed-fleet", "warning", text)


def _dtype(value: str | None, pairs: tuple[tuple[float, Accelerator], ...]) -> str:
    """Return the format trained in: the one asked for, or the first that all devices have."""
    if value is None:
        common = [dtype for dtype in DTYPES if all(dtype in device.peaks for _, device in pairs)]
        if not common:
            raise OptionError(f"{' and '.join(device.id for _, device in pairs)} have no format in common")
        return common[0]
    for _, device in pairs:
        if value not in device.peaks:
            raise OptionError(f"`dtype` {value}: {device.id} has {' and '.join(device.peaks)} only")
    return value


def usual_utilisation(dtype: str) -> Range:
    """Return the published default of a format, with its range."""
    section = settings(FILE, "mfu")
    return _range(section.get(dtype, section))


def _range(table: Mapping[str, Any]) -> Range:
    return Range(table["low"], table["expected"], table["high"])


def utilisation(mfu: float | None, dtype: str, parts: tuple[Part, ...]) -> tuple[Range, tuple[Note, ...]]:
    """Return the utilisation and what to say of it: the user's, refused above what was measured, or the published default."""
    section = settings(FILE, "mfu")
    usual = section.get(dtype, section)
    if mfu is None:
        default = _range(usual)
        ends = f"{format_percent(default.low)} to {format_percent(default.high)}"
        text = f"MFU {format_percent(default.expected)} is {usual['what']}; the range is {ends}: {usual['range']}; yours: --mfu"
        return default, (Note("mfu-default", "info", text),)
    for part in parts:
        best = part.device.matmul.get(dtype)
        if best is not None and mfu > best / part.peak:
            dense = part.device.peaks[dtype]
            typed = "" if part.peak == dense else f"; is {format_peak(part.peak)} the dense peak? Known is {format_peak(dense)}"
            raise OptionError(
                f"`mfu` {format_percent(mfu)}: above {format_percent(best / part.peak)}, what the best {dtype} matrix product "
                f"measured on {part.device.id} reaches ({format_peak(best)} of {format_peak(part.peak)}); training stays below; "
                f"the source: plan hardware {part.device.id}{typed}"
            )
    if mfu > section["high"]:
        record = section["record"]
        text = (
            f"mfu {format_percent(mfu)} is above the {format_percent(section['high'])} of {section['high_run']}, the highest of "
            f"the large published runs (benchmarks reach {format_percent(record)}): is it HFU, which counts recomputation? Where "
            f"all activations are recomputed, MFU is 3/4 of it, {format_percent(0.75 * mfu)}"
        )
        return exactly(mfu), (Note("mfu-high", "warning", text),)
    return exactly(mfu), ()


def _part_notes(part: Part, dtype: str) -> Iterator[Note]:
    """Say when a peak is the sparse headline, and what the device's own entry warns of."""
    device = part.device
    known = device
    if device.origin != "planner":
        known = next((each for each in accelerators() if each.id == device.id), device)
    dense, headline = known.peaks.get(dtype), known.sparse.get(dtype)
    if dense and headline is not None and abs(part.peak / headline - 1) < _SAME:
        text = (
            f"{format_peak(part.peak)} is the headline of {device.id} with structured sparsity; dense training has "
            f"{format_peak(dense)}: with the headline, days and dollars come out far below what they will be"
        )
        yield Note("sparse-peak", "warning", text)
    elif dense and part.peak > dense * (1 + _SAME):
        text = f"{format_peak(part.peak)} is above the dense {dtype} peak of {device.id}, {format_peak(dense)}"
        yield Note("peak-high", "warning", text)
    if device.family == "superchip":
        yield Note("superchip", "info", device.note)
    if dtype in device.unverified:
        yield Note("peak-unverified", "info", f"the {dtype} peak of {device.id} was not read in a source: {device.note}")


def _dtype_notes(machine: Machine, question: Question) -> Iterator[Note]:
    if machine.dtype == "fp8" and question.precision is None:  # with a precision, its own note says what both do
        text = (
            "dtype fp8 changes the speed alone: the law's runs were in 16 bits; what lower precision costs in loss is "
            "--precision fp8 (Kumar et al. 2024)"
        )
        yield Note("fp8-loss", "info", text)


def _energy_notes(machine: Machine) -> Iterator[Note]:
    alone = len(machine.parts) == 1
    unknown = [part.device.id for part in machine.parts if part.watts is None]
    if unknown:
        own = "--power, watts" if alone else "in a --gpu-file"
        text = f"the power of {' and '.join(unknown)} is not published, so no energy is given; with yours it is: {own}"
        yield Note("power-unknown", "info", text)
    for part in machine.parts:
        if part.price is not None and part.price == part.device.price and (why := doubt(part.device.prices)):
            yield Note("price-doubt", "info", f"{part.device.id}: {why}; --price gives yours")
    unpriced = [part.device.id for part in machine.parts if part.price is None]
    if unpriced:
        own = "--price" if alone else "in a --gpu-file"
        text = f"no price of {' and '.join(unpriced)} is known here, so no dollars are given; with yours they are: {own}"
        yield Note("price-unknown", "info", text)


_SAME = 0.02
"""Peaks closer than this are printed roundings of each other."""


def read_grid(value: Raw, called: str) -> Grid:
    """Read a country, or grams of CO2e per kWh."""
    section = settings(FILE, "grid")
    name = value.strip().lower() if isinstance(value, str) else ""
    if name and not name[0].isdigit() and name[0] not in ".+-":
        entry = next((key for key, each in section.items() if name in {key, *each.get("aliases", ())}), None)
        if entry is None:
            close = get_close_matches(name, section, n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"countries are {', '.join(section)}"
            raise OptionError(f"{called} {shown(value)}: not known; {hint} (or grams of CO2e per kWh, such as 56)")
        found = section[entry]
        return Grid(entry, _range(found), found["source"])
    return Grid("yours", exactly(parse_intensity(value, called)), "as given")
