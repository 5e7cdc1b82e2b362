"""Readers of inputs that know laws, devices or shapes; the registry imports this room when the first of them is asked for."""

import re
from collections.abc import Mapping
from os.path import isfile
from pathlib import Path
from typing import Any

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw
from planner.allocation.loss_interval import check_level
from planner.errors import OptionError, PlannerError
from planner.inputs.input_row import above_zero
from planner.inputs.question import Devices, TokensPerSecond
from planner.inputs.shape_text import read_shape
from planner.quantities import LARGEST, PF_DAY, bare, parse_count, parse_fraction, parse_number, plain, shown
from planner.quantities.estimate import Range, exactly
from planner.quantities.resource_parsing import parse_devices, parse_fleet
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms.counting import kept_params

shape = read_shape


_LEAST_MFU = 1e-4
"""Utilisations below this are slips: a house convention."""


def _between(number: float, least: float, most: float, name: str, said: str) -> float:
    if not least <= number <= most:
        raise OptionError(f"{name} {plain(number)}: {said}")
    return number


def utilisation(value: Raw, name: str) -> float:
    said = f"model FLOP utilisation lies above 0 and is at most 1, such as 40% (from {plain(_LEAST_MFU)} on: less is a slip)"
    return _between(parse_fraction(value, name, most=1), _LEAST_MFU, 1, name, said)


def tokens_per_second(value: Raw, name: str) -> TokensPerSecond:
    """Read a training speed: ``9600`` or ``"9.6k tokens/s/GPU"`` of a device, ``"1.2M in all"`` of all, or the log of a run."""
    found = _SPEED.fullmatch(value.strip()) if isinstance(value, str) else None
    if isinstance(value, Path) or (isinstance(value, str) and (_LOG.search(value) or (not found and isfile(value)))):
        from planner.inputs.speed_log import read_speed_log

        return read_speed_log(Path(value), name)
    number = parse_count(found["number"] if found else value, name, "tokens per second")
    return TokensPerSecond(number, bool(found and found["all"]), "", bool(found and found["sequences"]))


_LOG = re.compile(r"[^\s]\.(?:log|txt|out|csv|jsonl?|ndjson)$", re.IGNORECASE)
"""What a log is known by even where there is none: the ending of its name."""


_SPEED = re.compile(
    r"(?P<number>[0-9][0-9_,.]*(?:e[+]?[0-9]+)?\s*[kmb]?)\s*(?:(?:tok(?:en)?s?|(?P<sequences>sequences?))\s*(?:(?:/|\bper\b)\s*s(?:ec(?:ond)?)?)?)?\s*"
    r"(?:(?P<all>in all|in total|overall)|(?:(?:/|\bper\b|\ba\b|\bon a\b)\s*)?(?:gpu|tpu|chip|device|accelerator)?)",
    re.IGNORECASE,
)


def precision(value: Raw, name: str) -> tuple[float, float, float]:
    """Read a precision: a format for all, or bits of weights, activations and key-value cache, such as ``w4a8kv8``."""
    formats = settings("planning.toml", "precision.formats")
    text = value.strip().lower() if isinstance(value, str) else ""
    parts = re.fullmatch(r"w(\d{1,2})a(\d{1,2})kv(\d{1,2})", text)
    if parts:
        bits = tuple(float(part) for part in parts.groups())
    elif text in formats:
        bits = (float(formats[text]),) * 3
    else:
        raise OptionError(f"{name} {shown(value)}: expected one of {', '.join(formats)}, or bits such as w4a8kv8")
    section = settings("planning.toml", "precision")
    kept = kept_params(load_law(section["law"]).params, (bits[0], bits[1], bits[2]))
    if not (min(bits) >= section["least"] and max(bits) <= section["baseline"] and kept > 0):
        span = f"{section['least']} to {section['baseline']} bits"
        raise OptionError(
            f"{name} {shown(value)}: {section['law']} covers {span}, not all parts at the fewest; nothing is known beyond"
        )
    return bits[0], bits[1], bits[2]


def sparsity(value: Raw, name: str) -> float:
    number = parse_fraction(value, name, most=1)
    if not 0 <= number < 1:
        raise OptionError(f"{name} {plain(number)}: the share of experts at rest lies from 0 to below 1, such as 0.9")
    return number


def data_quality(value: Raw, name: str) -> float:
    least = settings("planning.toml", "quality")["least"]
    said = f"1 is clean and {least:g} was the worst that was measured; give a share between"
    return _between(parse_fraction(value, name, most=1), least, 1, name, said)


_ANY_RUN = 1e4
"""No run is worse than this, in any unit of loss."""


def loss(value: Raw, name: str) -> float:
    """Read a loss to reach."""
    return _between(above_zero(value, name), 0, _ANY_RUN, name, "any run is better than that")


def pf_days(value: Raw, name: str) -> float:
    """Read a budget in PF-days."""
    most = LARGEST / PF_DAY
    return _between(parse_number(value, name), 1 / PF_DAY, most, name, f"must be above 0 and at most {most:.0e}, such as 100")


def level(value: Raw, name: str) -> float:
    """Read the level of intervals."""
    return check_level(parse_fraction(value, name, most=1))


def overhead(value: Raw, name: str) -> float:
    """Read time lost over the time that counts."""
    return _between(parse_fraction(value, name), 0, 10, name, "time lost over the time that counts, such as 10%")


def constants(value: Raw, name: str) -> FrozenDict:
    """Read the constants that a user wants replaced, as {name: number}."""
    if not (isinstance(value, Mapping) and all(isinstance(each, str) for each in value)):
        raise OptionError(f"{name} {shown(value)}: expected names and values, such as {{'alpha': 0.34}}")
    return FrozenDict({each: parse_number(number, f"{name} {each}") for each, number in value.items()})


def exponents(value: Raw, name: str) -> tuple[float, float]:
    """Read exponents of N and of D."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise OptionError(f"{name} {shown(value)}: expected two numbers, of N and of D, such as 0.73 0.27")
    return parse_number(value[0], name), parse_number(value[1], name)


def devices(value: Raw, name: str) -> Devices:
    """Read devices such as ``512xH100``, or their number alone."""
    if not isinstance(value, str) or value.strip().replace(",", "").isdigit():
        return Devices(((parse_devices(value, name), ""),))
    found = Devices(*parse_fleet(value, name))
    if not all(part.strip()[:1].isdigit() for part in value.split("+")):
        raise OptionError(
            f"{name} {shown(value)}: how many? Write their number, 8x{found.parts[0][1].lstrip('x')}; `gpu` leaves it open"
        )
    return found


def serving_devices(value: Raw, name: str) -> Devices:
    """Read the devices that hold a served copy, such as ``8xH100``; a name alone is one of them."""
    found = Devices(*parse_fleet(value, name))
    if found.hours is not None:
        raise OptionError(f"{name} {shown(value)}: how many and which, without a time, such as 8xH100")
    return found


def serve_precision(value: Raw, name: str) -> float:
    """Read the bits of a served weight: a format, or their number."""
    section = settings("planning.toml", "precision")
    text = value.strip().lower() if isinstance(value, str) else value
    bits = section["formats"].get(text) if isinstance(text, str) else None
    if isinstance(text, str):
        text = re.sub(r"^(?:int|w)(?=[0-9]+$)", "", text)
    if bits is None:
        try:
            bits = parse_number(re.sub(r"\s*bits?$", "", text) if isinstance(text, str) else text, name)
        except PlannerError:
            bits = 0
    if not section["least"] <= bits <= section["baseline"]:
        span = f"{section['least']} to {section['baseline']} bits, such as 4"
        raise OptionError(f"{name} {shown(value)}: expected one of {', '.join(section['formats'])}, or {span}")
    return float(bits)


def device(value: Raw, name: str) -> str:
    """Read the name of one kind of device."""
    pairs, hours = parse_fleet(value, name)
    if len(pairs) > 1 or pairs[0][0] != 1 or hours is not None:
        raise OptionError(f"{name} {shown(value)}: names one kind of device; how many goes with gpus, such as 512xH100")
    return pairs[0][1]


def file(value: Raw, name: str) -> str | Path:
    """Take the path of a file."""
    if not isinstance(value, (str, Path)):
        raise OptionError(f"{name} {shown(value)}: expected the path of a TOML file")
    return value


def score_file(value: Raw, name: str) -> str | Path:
    """Take the path of a file of scores."""
    if not isinstance(value, (str, Path)) or Path(value).suffix.lower() != ".json":
        raise OptionError(f"{name} {shown(value)}: expected a file that plan scores --save FILE.json wrote")
    return value


def target_score(value: Raw, name: str) -> FrozenDict:
    """Read scores by task: ``{"hellaswag": 0.8}``, or ``"hellaswag=80%,piqa=0.82"``."""
    pairs = [part.partition("=") for part in value.split(",")] if isinstance(value, str) else []
    given = {task.strip(): text.strip() for task, _, text in pairs} if pairs else value
    if not isinstance(given, Mapping) or not given or not all(isinstance(task, str) and task for task in given):
        raise OptionError(f"{name} {shown(value)}: expected scores by task, such as hellaswag=80%")
    found = FrozenDict({task: parse_fraction(score, f"{name} {bare(task)}") for task, score in given.items()})
    if bad := next((task for task, score in found.items() if not 0 < score < 1), None):
        raise OptionError(f"{name} {bare(bad)}: a score to reach lies between 0 and 1")
    return found


def pue(value: Raw, name: str) -> Range:
    """Read power at the meter over power of the servers."""
    said = "power at the meter over that of the servers, so from 1 to 5, such as 1.2"
    return exactly(_between(parse_number(value, name), 1, 5, name, said))


def grid(value: Raw, name: str) -> Any:
    """Read a country, or grams of CO2e per kWh."""
    from planner.inputs.machine import read_grid

    return read_grid(value, name)
