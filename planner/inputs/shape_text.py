"""A concrete model in words: NAME=NUMBER pairs, or the name of a published one with changes."""

import re
from collections.abc import Mapping
from os.path import isfile
from pathlib import Path
from typing import Any

from planner._util.showing import Raw
from planner.architectures.transformer import PLAIN, Details, Latent, Shape
from planner.errors import OptionError, PlannerError
from planner.quantities import parse_whole, shown

SHAPE = "layers=32,width=4096,heads=32,kv_heads=8,ffn=14336,gated=1,vocab=128256,context=8192"
_NEEDED = ("layers", "width", "heads", "vocab", "context")
_FLAGS = ("gated", "tied")
_PARTS = tuple(part for part in Shape._fields if part != "details")
_WORDS = {"norm": ("rms", "ln", "ln_nobias"), "bias": ("none", "qkv", "all"), "qk_norm": ("none", "head", "full")}
_DETAILS = tuple(part for part in Details._fields if part not in {"latent", "remark"})


def read_shape(value: Raw, name: str) -> Shape:
    """Read a shape: NAME=NUMBER pairs, as a text or a mapping."""
    if isinstance(value, Shape):
        return value
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str) and (_CONFIG.match(value) or _is_of_megatron(value)):
        return _of_config(value, name)
    if isinstance(value, str) and "=" not in value.partition(",")[0]:
        return _published(value, name)
    if isinstance(value, Mapping):
        pairs = _flat(value, name)
    elif isinstance(value, str):
        pairs = _pairs(value, name)
    else:
        raise OptionError(f"{name} {shown(value)}: expected NAME=NUMBER pairs such as {SHAPE}")
    return _of_pairs(pairs, name, PLAIN)


def _of_pairs(pairs: Mapping[str, object], name: str, known: Details) -> Shape:
    """Return the shape of pairs; what they leave out of its details is as known."""
    names = (*_PARTS, *_DETAILS, *Latent._fields)
    unknown = [part for part in pairs if part not in names]
    missing = [part for part in _NEEDED if part not in pairs]
    if unknown or missing:
        what = f"{shown(unknown[0])} is none of its names" if unknown else f"lacks {missing[0]}"
        raise OptionError(f"{name}: {what}; names are {', '.join(names)}")
    plain = {part: item for part, item in pairs.items() if part in _PARTS}
    read = {part: parse_whole(item, f"{name} {part}", least=0 if part in _FLAGS else 1) for part, item in plain.items()}
    if any(read.get(part, 0) > 1 for part in _FLAGS):
        raise OptionError(f"{name}: gated and tied are 0 or 1")
    if "head_size" not in read and read["width"] % read["heads"]:
        raise OptionError(f"{name}: width {read['width']} is not a multiple of {read['heads']} heads; give head_size")
    width, heads = read["width"], read["heads"]
    parts: dict[str, Any] = {"ffn": 4 * width, "kv_heads": heads, "head_size": width // heads, **read}
    parts |= {part: bool(read[part]) for part in _FLAGS if part in read}
    shape = Shape(**parts, details=_details(pairs, name, known, read["layers"]))
    if shape.details.latent is not None:  # which has no key-value heads of its own
        shape = shape._replace(kv_heads=shape.heads)
    mixed = [part for part in ("expert_ffn", "shared_experts", "dense_layers", "shared_gate") if getattr(shape.details, part)]
    if mixed and shape.experts == 1:
        raise OptionError(f"{name} {mixed[0]}: of a mixture of experts; give experts and experts_per_token")
    if shape.kv_heads and shape.kv_heads <= shape.heads and shape.heads % shape.kv_heads:
        raise OptionError(f"{name}: {shape.heads} heads are no multiple of {shape.kv_heads} key-value heads")
    if shape.experts_per_token > shape.experts or shape.kv_heads > shape.heads:
        raise OptionError(f"{name}: experts_per_token is at most experts, and kv_heads at most heads")
    return shape


def _flat(value: Mapping[Any, object], name: str) -> dict[str, object]:
    """Return the pairs of a mapping, those of an answer's ``inputs`` among them, whose details are a level deeper."""
    pairs = {str(part): item for part, item in value.items()}
    details = pairs.pop("details", {})
    inner = details._asdict() if isinstance(details, Details) else details
    if not isinstance(inner, Mapping):
        raise OptionError(f"{name} details {shown(inner)}: expected {', '.join(_DETAILS)}")
    latent = inner.get("latent") or {}
    ranks = latent._asdict() if isinstance(latent, Latent) else latent
    if not isinstance(ranks, Mapping):
        raise OptionError(f"{name} latent {shown(ranks)}: expected {', '.join(Latent._fields)}")
    pairs = {**{str(part): item for part, item in inner.items() if part not in {"latent", "remark"}}, **ranks, **pairs}
    return {part: int(item) if isinstance(item, bool) else item for part, item in pairs.items()}


def _details(pairs: Mapping[str, object], name: str, known: Details, layers: int) -> Details:
    """Return the details that pairs give, over those known: whole numbers, 0 or 1, or a word."""
    found: dict[str, Any] = {}
    for part in (part for part in _DETAILS if part in pairs):
        if part in _WORDS:
            word = pairs[part] or "none"
            if word not in _WORDS[part]:
                raise OptionError(f"{name} {part} {shown(pairs[part])}: expected one of {', '.join(_WORDS[part])}")
            found[part] = "" if (part, word) == ("qk_norm", "none") else word
            continue
        number = parse_whole(pairs[part], f"{name} {part}", least=0)
        flag = isinstance(getattr(PLAIN, part), bool)
        if flag and number > 1:
            raise OptionError(f"{name} {part}: 0 or 1")
        found[part] = bool(number) if flag else number
    ranks = {part: parse_whole(pairs[part], f"{name} {part}", least=1) for part in Latent._fields if part in pairs}
    if ranks and known.latent is None and len(ranks) < len(Latent._fields):
        raise OptionError(f"{name}: latent attention needs all of {', '.join(Latent._fields)}")
    if ranks:
        found["latent"] = known.latent._replace(**ranks) if known.latent is not None else Latent(**ranks)
    if "window" in found and "windowed_layers" not in found:
        found["windowed_layers"] = (known.windowed_layers or layers) if found["window"] else 0
    details = known._replace(**found)
    if details.windowed_layers and not details.window:
        raise OptionError(f"{name} windowed_layers: needs a window, as in window=4096")
    if details.shared_gate and not details.shared_experts:
        raise OptionError(f"{name} shared_gate: of shared experts; give shared_experts")
    if details.dense_layers == layers:
        raise OptionError(f"{name} dense_layers: all {layers} layers leave none for experts")
    for part in ("windowed_layers", "dense_layers"):
        if getattr(details, part) > layers:
            raise OptionError(f"{name} {part} {getattr(details, part)}: of {layers} layers at most {layers}; give {part}=N")
    return details


_CONFIG = re.compile(r".*\.json(,|$)", re.IGNORECASE | re.DOTALL)
_SCRIPT = re.compile(r"(?P<file>.*\.(?:sh|bash|args))(?:,(?P<changes>.*))?", re.IGNORECASE | re.DOTALL)


def _is_of_megatron(text: str) -> bool:
    """Tell whether a text is Megatron-LM's arguments, or names a script that may hold them."""
    return "--num-layers" in text or _SCRIPT.fullmatch(text) is not None


def _of_config(text: str, called: str) -> Shape:
    """Read a config.json, with another context after it: ``config.json,context=4096``; or Megatron-LM's arguments."""
    if _is_of_megatron(text):
        from planner.architectures.megatron_arguments import read_arguments, read_script  # only where they are given

        if "--num-layers" in text:
            return read_arguments(text, called)
        named = _SCRIPT.fullmatch(text)
        assert named is not None  # looked at above
        changed = _pairs(named["changes"], called) if named["changes"] else {}
        other = next((part for part in changed if part not in {"vocab", "context"}), None)
        if other is not None:
            raise OptionError(f"{called} {shown(other)}: only vocab and context may follow a script, as in run.sh,vocab=51200")
        return read_arguments(read_script(named["file"], called), called, **{part: str(item) for part, item in changed.items()})
    from planner.architectures.model_config import read_config  # only where a file is given

    end = text.lower().index(".json") + len(".json")
    pairs = _pairs(text[end + 1 :], called) if text[end:] else {}
    other = next((part for part in pairs if part != "context"), None)
    if other is not None:
        raise OptionError(f"{called} {shown(other)}: only a context may follow a file, as in config.json,context=4096")
    context = parse_whole(pairs["context"], f"{called} context", least=1) if pairs else None
    return read_config(text[:end], context)


def _published(text: str, called: str) -> Shape:
    """Read a published model's name, with changes after it: ``llama2-7b,context=2048``."""
    from planner.architectures.published_models import model  # only where a name is given: it costs some milliseconds

    model_name, _, changes = text.partition(",")
    pairs = _pairs(changes, called) if changes else {}
    try:
        known = model(model_name).named_shape(context="context" in pairs)
    except PlannerError:
        _refuse_file(model_name, called)
        raise
    if not pairs:
        return known
    parts = {key: int(value) for key, value in known._asdict().items() if key != "details"}
    return _of_pairs({**parts, **pairs}, called, known.details)


def _refuse_file(name: str, called: str) -> None:
    """Say of a file or a folder, which is no model's name, how a config is given."""
    if isfile(name):
        raise OptionError(f"{called} {shown(name)}: a file; a config's name ends in .json, a script's of Megatron-LM in .sh")
    inside = str(Path(name, "config.json"))
    if isfile(inside):
        raise OptionError(f"{called} {shown(name)}: a folder; give the file in it, {shown(inside)}")


def _pairs(text: str, called: str) -> dict[str, object]:
    """Read NAME=NUMBER pairs, each once."""
    pairs: dict[str, object] = {}
    for part in text.split(","):
        name, sign, number = (each.strip() for each in part.partition("="))
        if not sign or name in pairs:
            raise OptionError(f"{called} {shown(part)}: expected NAME=NUMBER pairs, each once, such as {SHAPE}")
        pairs[name] = number
    return pairs
