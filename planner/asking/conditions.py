"""What holds beside budget and law, as the user gave it and as numbers in base units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from planner._files import settings
from planner.catalogue import load_law
from planner.errors import OptionError
from planner.forms.counting import kept_params
from planner.shapes import RULES, Shape
from planner.units import LARGEST, parse_count, parse_fraction, parse_number, parse_whole, plain, shown


@dataclass(frozen=True)
class Conditions:
    """What holds beside budget and law, as the user gave it; see :func:`planner.plan` for each."""

    params: object = None
    tokens: object = None
    tokens_per_param: object = None
    max_params: object = None
    max_tokens: object = None
    active_params: object = None
    experts: object = None
    granularity: object = None
    experts_per_token: object = None
    sparsity: object = None
    shape: object = None
    flops_rule: object = None
    recompute: object = None
    unique_tokens: object = None
    precision: object = None
    data_quality: object = None
    inference_tokens: object = None
    inference_per_month: object = None
    months: object = None
    generated_tokens: object = None
    mfu: object = None
    inference_mfu: object = None
    generation_mfu: object = None
    price: object = None
    inference_price: object = None


Asked = TypeVar("Asked")


def picked(kind: type[Asked], given: Mapping[str, object]) -> Asked:
    """Return a dataclass of what a user may ask with those of the arguments that it knows."""
    return kind(**{each.name: given[each.name] for each in fields(kind) if each.name in given})  # type: ignore[arg-type]


def read(conditions: Conditions) -> Conditions:
    """Return the conditions as numbers in base units."""
    read: dict[str, Any] = {}
    for name, value in vars(conditions).items():
        if value is None:
            continue
        if name.endswith("params"):
            read[name] = parse_count(value, name, "parameters")
        elif name.endswith("tokens") or name == "inference_per_month":
            read[name] = parse_count(value, name, "tokens")
        elif name == "shape":
            read[name] = _shape(value)
        elif name == "flops_rule":
            if value not in RULES:
                raise OptionError(f"flops_rule {shown(value)}: expected one of {', '.join(RULES)}")
            read[name] = value
        elif name == "recompute":
            if not isinstance(value, bool):
                raise OptionError(f"recompute {shown(value)}: expected True or False")
            read[name] = value
        elif name == "sparsity":
            read[name] = _share_at_rest(value)
        elif name == "precision":
            read[name] = _bits(value)
        elif name == "data_quality":
            read[name] = _quality(value)
        elif name.endswith("mfu"):
            read[name] = _utilisation(value, name)
        elif name.endswith("price"):
            from planner.units.resources import parse_price

            read[name] = parse_price(value, name)
        else:
            read[name] = above_zero(value, name)
            least, most = _SANE.get(name, (0.0, LARGEST))
            if not least <= read[name] <= most:
                raise OptionError(f"{name} {plain(read[name])}: expected {plain(least)} to {plain(most)}")
    return Conditions(**read)


_SANE = {"tokens_per_param": (1e-9, 1e12), "months": (1e-3, 1e5)}


def above_zero(value: object, name: str) -> float:
    """Read a number above 0."""
    number = parse_number(value, name)
    if number <= 0:
        raise OptionError(f"{name} {plain(number)}: must be above 0")
    return number


_LEAST_MFU = 1e-4
"""Utilisations below this are slips: a house convention."""


def _utilisation(value: object, name: str) -> float:
    number = parse_fraction(value, name)
    if not _LEAST_MFU <= number <= 1:
        least = f"from {plain(_LEAST_MFU)} on: less is a slip"
        raise OptionError(f"{name} {plain(number)}: model FLOP utilisation lies above 0 and is at most 1, such as 40% ({least})")
    return number


def _bits(value: object) -> tuple[float, float, float]:
    """Read a precision: a format for all, or bits of weights, activations and key-value cache, such as ``w4a8kv8``."""
    formats = settings("planning.toml", "precision.formats")
    text = value.strip().lower() if isinstance(value, str) else ""
    parts = re.fullmatch(r"w(\d{1,2})a(\d{1,2})kv(\d{1,2})", text)
    if parts:
        bits = tuple(float(part) for part in parts.groups())
    elif text in formats:
        bits = (float(formats[text]),) * 3
    else:
        raise OptionError(f"precision {shown(value)}: expected one of {', '.join(formats)}, or bits such as w4a8kv8")
    section = settings("planning.toml", "precision")
    kept = kept_params(load_law(section["law"]).params, (bits[0], bits[1], bits[2]))
    if not (min(bits) >= section["least"] and max(bits) <= section["baseline"] and kept > 0):
        span = f"{section['least']} to {section['baseline']} bits"
        raise OptionError(
            f"precision {shown(value)}: {section['law']} covers {span}, not all parts at the fewest; nothing is known beyond"
        )
    return bits[0], bits[1], bits[2]


def _share_at_rest(value: object) -> float:
    number = parse_fraction(value, "sparsity")
    if not 0 <= number < 1:
        raise OptionError(f"sparsity {plain(number)}: the share of experts at rest lies from 0 to below 1, such as 0.9")
    return number


def _quality(value: object) -> float:
    least = settings("planning.toml", "quality")["least"]
    number = parse_fraction(value, "data_quality")
    if not least <= number <= 1:
        raise OptionError(
            f"data_quality {plain(number)}: 1 is clean and {least:g} was the worst that was measured; give a share between"
        )
    return number


SHAPE = "layers=32,width=4096,heads=32,kv_heads=8,ffn=14336,gated=1,vocab=128256,context=8192"
_NEEDED = ("layers", "width", "heads", "vocab", "context")
_FLAGS = ("gated", "tied")


def _shape(value: object) -> Shape:
    """Read a shape: NAME=NUMBER pairs, as a text or a mapping."""
    if isinstance(value, Shape):
        return value
    if isinstance(value, str) and "=" not in value.partition(",")[0]:
        return _published(value)
    if isinstance(value, Mapping):
        pairs = {str(name): item for name, item in value.items()}
    elif isinstance(value, str):
        pairs = _pairs(value)
    else:
        raise OptionError(f"shape {shown(value)}: expected NAME=NUMBER pairs such as {SHAPE}")
    known = [name for name in Shape._fields if name != "details"]
    unknown = [name for name in pairs if name not in known]
    missing = [name for name in _NEEDED if name not in pairs]
    if unknown or missing:
        what = f"{shown(unknown[0])} is none of its names" if unknown else f"lacks {missing[0]}"
        raise OptionError(f"shape: {what}; names are {', '.join(known)}")
    read = {name: parse_whole(item, f"shape {name}", least=0 if name in _FLAGS else 1) for name, item in pairs.items()}
    if any(read.get(name, 0) > 1 for name in _FLAGS):
        raise OptionError("shape: gated and tied are 0 or 1")
    if "head_size" not in read and read["width"] % read["heads"]:
        raise OptionError(f"shape: width {read['width']} is not a multiple of {read['heads']} heads; give head_size")
    shape = Shape(
        layers=read["layers"],
        width=read["width"],
        heads=read["heads"],
        vocab=read["vocab"],
        context=read["context"],
        ffn=read.get("ffn", 4 * read["width"]),
        kv_heads=read.get("kv_heads", read["heads"]),
        head_size=read.get("head_size", read["width"] // read["heads"]),
        gated=bool(read.get("gated", 0)),
        tied=bool(read.get("tied", 0)),
        experts=read.get("experts", 1),
        experts_per_token=read.get("experts_per_token", 1),
    )
    if shape.experts_per_token > shape.experts or shape.kv_heads > shape.heads:
        raise OptionError("shape: experts_per_token is at most experts, and kv_heads at most heads")
    return shape


def _published(text: str) -> Shape:
    """Read a published model's name, with changes after it: ``llama2-7b,context=2048``."""
    from planner.published import model  # only where a name is given: it costs some milliseconds

    name, _, changes = text.partition(",")
    known = model(name).shape
    if not changes:
        return known
    parts = {key: int(value) for key, value in known._asdict().items() if key != "details"}
    changed = {**parts, **_pairs(changes)}
    return _shape(changed)._replace(details=known.details)


def _pairs(text: str) -> dict[str, object]:
    """Read NAME=NUMBER pairs, each once."""
    pairs: dict[str, object] = {}
    for part in text.split(","):
        name, sign, number = (each.strip() for each in part.partition("="))
        if not sign or name in pairs:
            raise OptionError(f"shape {shown(part)}: expected NAME=NUMBER pairs, each once, such as {SHAPE}")
        pairs[name] = number
    return pairs
