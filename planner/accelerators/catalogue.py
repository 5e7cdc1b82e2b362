"""The catalogue of accelerators: dense peaks, memory, power and prices, each with its source."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from planner._util import toml_schema as _schema
from planner._util.files import kept_while_unchanged, read_bundled, read_table, settings
from planner._util.frozen_dict import FrozenDict
from planner.accelerators.accelerator import DTYPES, FILE, LOW_BITS, Accelerator, Links, MeasuredStep
from planner.accelerators.prices import KINDS, Price
from planner.errors import HardwareFileError, LawFileError, OptionError
from planner.quantities import shown, shown_path
from planner.quantities.estimate import Range, exactly


def accelerators(file: str | Path | None = None) -> tuple[Accelerator, ...]:
    """Return the catalogue, with a user's devices and prices in front where a file is given.

    Parameters
    ----------
    file : str or Path, optional
        A TOML file with ``[[accelerator]]`` and ``[[price]]`` tables, as in ``data/hardware.toml``, and ``[[measured]]`` ones, as
        ``plan throughput --save-measured`` writes them.

    Raises
    ------
    HardwareFileError
        The file cannot be read or breaks a rule.
    """
    own = _shipped()
    if file is None:
        return own
    if not isinstance(file, (str, Path)):
        raise OptionError(f"gpu_file {shown(file)}: expected the path of a TOML file")
    path = Path(file)
    added, prices, steps = _read(path)
    shipped, mine = ({device.id: device for device in devices} for devices in (own, added))
    for name in shipped.keys() & mine.keys():  # one that stands for a shipped one answers to that one's other names too
        mine[name] = replace(mine[name], aliases=(*mine[name].aliases, *shipped[name].aliases))
    by_id = shipped | mine
    unknown = [name for name in (*prices, *steps) if name not in by_id]
    if unknown:
        what = f"{'price' if unknown[0] in prices else 'measured step'} of {shown(unknown[0])}"
        raise HardwareFileError(f"{shown_path(path)}: {what}, which is no accelerator here or in the catalogue")
    mine |= {name: replace(by_id[name], prices=own_prices, origin=shown_path(path)) for name, own_prices in prices.items()}
    mine |= {name: replace(mine.get(name, by_id[name]), measured=own_steps) for name, own_steps in steps.items()}
    return (*mine.values(), *(device for device in own if device.id not in mine))


def accelerator(name: str, catalogue: tuple[Accelerator, ...]) -> Accelerator:
    """Return a device by its id or another way of writing it.

    Raises
    ------
    OptionError
        No device of that name; close ones are named.
    """
    if not isinstance(name, str):
        raise OptionError(f"device {shown(name)}: expected a name such as h100-sxm")
    wanted, vendors = _key(name), _VENDOR.match(name.strip().lower())
    for device in catalogue:
        if wanted in {_key(each) for each in (device.id, *device.aliases)} and _made_by(device, vendors[0] if vendors else ""):
            return device
    for entry in read_bundled(FILE)["unlisted"]:
        if wanted == _key(entry["name"]):
            known = f"known ({entry['what']}), but not in the catalogue"
            raise OptionError(f"no device {shown(name)}: {known}; --gpu-file adds your own")
    names = {_key(each): device.id for device in catalogue for each in (*device.aliases, device.id)}
    close = list(dict.fromkeys(names[key] for key in get_close_matches(wanted, names, n=4, cutoff=0.6)))
    hint = f"did you mean {' or '.join(close)}?" if close else f"devices are {', '.join(device.id for device in catalogue)}"
    raise OptionError(f"no device {shown(name)}; {hint} (plan hardware lists them; --gpu-file adds your own)")


_VENDOR = re.compile(r"^(?:(?:nvidia|amd|google|aws|geforce|instinct|tesla)[\s_\-]*)+")


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]", "", _VENDOR.sub("", name.strip().lower(), count=1))


def _made_by(device: Accelerator, vendors: str) -> bool:
    """Tell whether a device's name holds the vendor that was typed; a user's own device is anyone's."""
    typed = [each for each in ("nvidia", "amd", "google", "aws") if each in vendors]
    return device.origin != "planner" or all(each in device.name.lower() for each in typed)


@kept_while_unchanged(FILE)
def _shipped() -> tuple[Accelerator, ...]:
    return _of_table(read_bundled(FILE), FILE, "planner")


def _read(path: Path) -> tuple[tuple[Accelerator, ...], dict[str, tuple[Price, ...]], dict[str, tuple[MeasuredStep, ...]]]:
    """Read a user's file."""
    name = shown_path(path)
    try:
        table = read_table(path)
        _schema.only(table, ("accelerator", "price", "measured"), name, "")
        devices = _of_table({**table, "price": []}, name, name)
        prices, steps = _prices(table, name), _measured(table, name)
    except LawFileError as error:
        raise HardwareFileError(str(error)) from None
    if not devices and not prices and not steps:
        raise HardwareFileError(f"{name}: holds neither [[accelerator]] nor [[price]] nor [[measured]]")
    return devices, prices, steps


def _measured(table: Mapping[str, Any], file: str) -> dict[str, tuple[MeasuredStep, ...]]:
    """Read steps of the user's own."""
    found: dict[str, tuple[MeasuredStep, ...]] = {}
    for entry in _schema.tables_of(table, "measured", file):
        name = _schema.text_of(entry, "id", file, "measured ")
        where = f"measured {name} "
        _schema.only(entry, ("id", "log_time", "params", "mixture", "devices", "text"), file, where)
        mixture = entry.get("mixture", False)
        off, params, devices = (_schema.number_of(entry, key, file, where) for key in ("log_time", "params", "devices"))
        if not (isinstance(mixture, bool) and abs(off) <= 3 and 1 <= params <= 1e15 and 1 <= devices <= 1e8):
            raise LawFileError(
                f"{file}: {where.strip()}: expected log_time from -3 to 3, params and devices above 0, mixture true or false"
            )
        text = _schema.text_of(entry, "text", file, where, default="")
        found[name] = (*found.get(name, ()), MeasuredStep(off, params, mixture, int(devices), text))
    return found


_KEYS = (
    *("id", "name", "aliases", "family", "peak_tflops", "sparse_tflops", "matmul_tflops", "matmul_source", "memory_gb"),
    *("low_bit_tops", "driver_mib", "links", "like"),
    *("memory_bandwidth_tb_s", "power_w", "power_range_w", "power_kind", "sources", "unverified", "note"),
)


def _of_table(table: Mapping[str, Any], file: str, origin: str) -> tuple[Accelerator, ...]:
    prices = _prices(table, file)
    devices = tuple(_device(entry, file, origin, prices) for entry in _schema.tables_of(table, "accelerator", file))
    ids = [device.id for device in devices]
    twice = [name for name in ids if ids.count(name) > 1]
    if twice:
        raise LawFileError(f"{file}: accelerator {shown(twice[0])} is given twice")
    return devices


def _device(entry: Mapping[str, Any], file: str, origin: str, prices: Mapping[str, tuple[Price, ...]]) -> Accelerator:
    name = _schema.text_of(entry, "id", file, "accelerator ")
    where = f"accelerator {name} "
    if not re.fullmatch(r"[a-z][a-z0-9\-]{0,40}", name):
        raise LawFileError(
            f"{file}: accelerator id {shown(name)}: expected a letter, then up to 40 letters, digits or hyphens, all in lower "
            "case, such as my-gpu"
        )
    _schema.only(entry, _KEYS, file, where)
    peaks = _speeds(entry, "peak_tflops", file, where)
    if not peaks:
        raise LawFileError(f"{file}: lacks {where}peak_tflops, such as peak_tflops = {{ bf16 = 989 }}: the dense peak")
    watts = _optional(entry, "power_w", file, where)
    return Accelerator(
        id=name,
        name=_schema.text_of(entry, "name", file, where, default=name),
        aliases=tuple(_schema.texts_of(entry, "aliases", file, where)),
        family=_choice(entry, "family", (*settings(FILE, "power")["server_over_device"], "superchip"), file, where, "gpu"),
        peaks=peaks,
        low_bit=_speeds(entry, "low_bit_tops", file, where, LOW_BITS),
        sparse=_speeds(entry, "sparse_tflops", file, where, (*DTYPES, *LOW_BITS)),
        matmul=_speeds(entry, "matmul_tflops", file, where),
        memory_gb=_optional(entry, "memory_gb", file, where),
        driver_bytes=None if (mib := _optional(entry, "driver_mib", file, where)) is None else 2.0**20 * mib,
        links=_links(entry, file, where),
        like=_like(entry, file, where),
        bandwidth_tb_s=_optional(entry, "memory_bandwidth_tb_s", file, where),
        watts=watts,
        watts_range=_watts_range(entry, watts, file, where),
        watts_kind=_schema.text_of(entry, "power_kind", file, where, default="" if watts else "not published"),
        prices=prices.get(name, ()),
        sources=tuple(_schema.texts_of(entry, "sources", file, where)),
        matmul_source=_schema.text_of(entry, "matmul_source", file, where, default=""),
        unverified=tuple(_schema.texts_of(entry, "unverified", file, where)),
        note=_schema.text_of(entry, "note", file, where, default=""),
        origin=origin,
    )


def _like(entry: Mapping[str, Any], file: str, where: str) -> str:
    known = [name for kind in settings("throughput.toml", "kinds").values() for name in kind]
    like = _schema.text_of(entry, "like", file, where, default="")
    if like and like not in known:
        expected = f"expected a device whose efficiency is known: {', '.join(known)}"
        raise LawFileError(f"{file}: {where}like = {shown(like)}: {expected}")
    return like


def _links(entry: Mapping[str, Any], file: str, where: str) -> Links | None:
    if "links" not in entry:
        return None
    table = _schema.table_of(entry, "links", file, where)
    keys = ("inside_gb_s", "between_gb_s", "domain")
    _schema.only(table, keys, file, f"{where}links.")
    inside, between, domain = (_schema.number_of(table, key, file, f"{where}links.") for key in keys)
    if not (0 < between <= inside <= 1e5 and 1 <= domain <= 1e6 and domain == int(domain)):
        raise LawFileError(f"{file}: {where}links: expected 0 < between_gb_s <= inside_gb_s, and domain a whole number from 1 on")
    return Links(1e9 * inside, 1e9 * between, int(domain))


def _speeds(entry: Mapping[str, Any], key: str, file: str, where: str, known: Sequence[str] = DTYPES) -> FrozenDict:
    if key not in entry:
        return FrozenDict()
    table = _schema.table_of(entry, key, file, where)
    _schema.only(table, known, file, f"{where}{key}.")
    speeds = {dtype: _schema.number_of(table, dtype, file, f"{where}{key}.") for dtype in known if dtype in table}
    wrong = [dtype for dtype, speed in speeds.items() if not 0.1 <= speed <= 1e5]
    if wrong:
        raise LawFileError(f"{file}: {where}{key}.{wrong[0]}: expected TFLOP/s from 0.1 to 1e5, got {speeds[wrong[0]]:g}")
    return FrozenDict({dtype: 1e12 * speed for dtype, speed in speeds.items()})


def _choice(entry: Mapping[str, Any], key: str, known: Sequence[str], file: str, where: str, default: str) -> str:
    chosen = _schema.text_of(entry, key, file, where, default=default)
    if chosen not in known:
        raise LawFileError(f"{file}: {where}{key} {shown(chosen)}: expected one of {', '.join(known)}")
    return chosen


_BOUNDS = {"memory_gb": (0.1, 1e5), "driver_mib": (100.0, 1e8), "memory_bandwidth_tb_s": (1e-4, 1e4), "power_w": (1.0, 1e5)}


def _optional(entry: Mapping[str, Any], key: str, file: str, where: str) -> float | None:
    if key not in entry:
        return None
    number = _schema.number_of(entry, key, file, where)
    least, most = _BOUNDS[key]
    if not least <= number <= most:
        raise LawFileError(f"{file}: {where}{key}: expected {least:g} to {most:g}, got {number:g}")
    return number


def _watts_range(entry: Mapping[str, Any], watts: float | None, file: str, where: str) -> tuple[float, float] | None:
    if "power_range_w" not in entry:
        return None
    low, high = _schema.range_of(entry, "power_range_w", file, where)
    if watts is None or not 1 <= low <= watts <= high <= _BOUNDS["power_w"][1]:
        raise LawFileError(f"{file}: {where}power_range_w: expected [low, high] around power_w, the average that was measured")
    return low, high


_CHEAPEST, _DEAREST = 1e-3, 1e5  # US dollars per device-hour


def _prices(table: Mapping[str, Any], file: str) -> dict[str, tuple[Price, ...]]:
    """Return published prices by device, newest first."""
    found: dict[str, list[Price]] = {}
    for entry in _schema.tables_of(table, "price", file):
        name = _schema.text_of(entry, "id", file, "price ")
        where = f"price of {name}: "
        _schema.only(entry, ("id", "usd_per_hour", "date", "kind", "source"), file, where)
        if isinstance(entry.get("usd_per_hour"), list):
            low, high = _schema.range_of(entry, "usd_per_hour", file, where)
        else:
            low = high = _schema.number_of(entry, "usd_per_hour", file, where)
        if not (low >= _CHEAPEST and high <= _DEAREST):
            raise LawFileError(f"{file}: {where}usd_per_hour: expected {_CHEAPEST:g} to {_DEAREST:g}, got {low:g}")
        date, source = (_schema.text_of(entry, key, file, where) for key in ("date", "source"))
        if not re.fullmatch(r"20\d\d(-[01]\d(-[0-3]\d)?)?( \(undated\))?", date):
            raise LawFileError(f"{file}: {where}date {shown(date)}: expected a year, month or day, such as 2026-10-08 or 2026-10")
        kind = _choice(entry, "kind", KINDS, file, where, "on-demand")
        found.setdefault(name, []).append(Price(low, high, date, source, kind))
    return {name: tuple(sorted(prices, key=lambda price: price.date, reverse=True)) for name, prices in found.items()}


def average_watts(device: Accelerator) -> Range | None:
    """Return the average power of a device with its share of the server [W]; None where it is not published."""
    if device.watts is None:
        return None
    section = settings(FILE, "power")
    server = section["server_over_device"].get(device.family, section["server_over_device"]["gpu"])
    if device.watts_range is not None:  # measured in use: no share of a limit
        return Range(device.watts_range[0], device.watts, device.watts_range[1]).times(server)
    share = section["share_of_limit"]
    return Range(share["low"], share["expected"], share["high"]).times(device.watts * server)


class Assumption(NamedTuple):
    """A number that conversions use beside the devices' own: what it is, its range and its source."""

    name: str
    value: Range
    source: str


def assumptions() -> tuple[Assumption, ...]:
    """Return utilisations, power of servers and buildings, and grids [g CO2e/kWh], as they are used where a user gives none."""
    table = read_bundled(FILE)
    usual, power = table["mfu"], table["power"]
    found = [
        Assumption("MFU, 16 bits", _span(usual), f"{usual['what']}; {usual['source']}"),
        Assumption("MFU, fp8", _span(usual["fp8"]), f"{usual['fp8']['what']}; {usual['fp8']['source']}"),
        Assumption("average power over the limit", _span(power["share_of_limit"]), power["source"]),
        Assumption("PUE", _span(power["pue"]), power["pue"]["source"]),
    ]
    servers = power["server_over_device"].items()
    found += [Assumption(f"server over device power, {name}", exactly(float(value)), power["source"]) for name, value in servers]
    return (*found, *(Assumption(f"grid, {name}", _span(each), each["source"]) for name, each in table["grid"].items()))


def _span(entry: Mapping[str, Any]) -> Range:
    return Range(float(entry["low"]), float(entry["expected"]), float(entry["high"]))
