"""A Hugging Face ``config.json`` as a shape: read as data, counted to the last parameter, refused by name where it cannot be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner._util.files import kept_while_unchanged, read_bundled, read_table
from planner.architectures.transformer import Details, Latent, Shape
from planner.errors import LawFileError, OptionError
from planner.quantities import shown, shown_path

_ORIGINAL = "original_max_position_embeddings"

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_LAYERS = ("sliding_attention", "full_attention")

_LARGEST = 10**9
"""No whole number of a config is larger."""


@kept_while_unchanged("model_configs.toml")
def _known() -> Mapping[str, Any]:
    return read_bundled("model_configs.toml")


def read_config(path: str | Path, context: int | None = None) -> Shape:
    """Read a ``config.json``, with another context where one is given.

    Raises
    ------
    OptionError
        It cannot be read, lacks a key, contradicts itself, or is of a type whose parameters are not counted here.
    """
    name = shown_path(path)
    try:
        config = read_table(Path(path))
    except LawFileError as error:
        raise OptionError(f"shape {error}") from None
    return _Config(config, name).shape(context)


class _Config:
    """One config, with what its type makes of it."""

    def __init__(self, config: Mapping[str, Any], name: str) -> None:
        text = config.get("text_config")
        self.whole_file = not isinstance(text, Mapping)
        if isinstance(text, Mapping):
            config = {"model_type": config.get("model_type"), **text}
        self.config, self.name = config, name
        kind = config.get("model_type")
        known = _known()["type"]
        if not isinstance(kind, str) or kind not in known:
            said = "has no model_type" if kind is None else f"is of type {shown(kind)}, whose parameters are not counted here"
            raise self.fault(f"{said}; types are {', '.join(known)}")
        self.kind, self.type = kind, known[kind]
        self.keys = {**_known()["keys"], **self.type.get("keys", {})}
        self.defaults: dict[str, Any] = {}
        for key, value in self.type.get("must", {}).items():
            if key in config and config[key] != value:
                counted = f"of type {kind} only {shown(value)} is counted here, for it changes the parameters"
                raise self.fault(f"{key} is {shown(config[key])}; {counted}")

    def fault(self, text: str) -> OptionError:
        return OptionError(f"shape {self.name}: {text}")

    def shape(self, context: int | None) -> Shape:
        """Return the shape."""
        width, heads, layers = (self.whole(part) for part in ("width", "heads", "layers"))
        kv_heads = self.kv_heads(heads)
        head_size = self.whole("head_size", default=None) or self._divided(width, heads)
        gated = not self.type.get("plain_ffn", False)
        ffn = self.whole("ffn") if gated else self.whole("ffn", default=None) or 4 * width
        if self.type.get("halved_ffn"):
            ffn //= 2
        moe = self.mixture(layers)
        length = context or self.context()
        if kv_heads > heads or heads % kv_heads:
            raise self.fault(f"{heads} heads are no multiple of {kv_heads} key-value heads")
        details = Details(
            **{**self.type.get("details", {}), **self.flagged(), **moe.get("details", {})},
            learned_positions=self.whole("context") if self.type.get("learned_positions") else 0,
            latent=self.latent() if self.type.get("latent") else None,
            **self.window(layers),
        )
        if details.learned_positions and length > details.learned_positions:
            raise self.fault(f"a context of {length:,} is above the {details.learned_positions:,} positions that are learned")
        shape = Shape(
            layers=layers,
            width=width,
            heads=heads,
            vocab=self.whole("vocab"),
            context=length,
            ffn=ffn,
            kv_heads=heads if details.latent else kv_heads,
            head_size=head_size,
            gated=gated,
            tied=self.flag("tied"),
            experts=moe.get("experts", 1),
            experts_per_token=moe.get("experts_per_token", 1),
            details=details,
        )
        if shape.experts_per_token > shape.experts:
            raise self.fault("more experts at work than there are")
        if shape.experts > 1 and details.dense_layers >= layers:
            raise self.fault(f"{details.dense_layers} dense layers of {layers} leave none for experts")
        return shape._replace(details=details._replace(remark=self.remark(context, length)))

    def value(self, key: str, *, default: object = ...) -> Any:
        """Return what a key says: in the file, or by the default of its type, which is then told."""
        if self.config.get(key) is not None:
            return self.config[key]
        if key in self.type.get("defaults", {}):
            self.defaults[key] = self.type["defaults"][key]
            return self.defaults[key]
        if default is not ...:
            return default
        raise self.fault(f"lacks {key}, without which its parameters are not known")

    def whole(self, part: str, *, default: object = ..., least: int = 1) -> int:
        """Return a whole number by the part of a shape it is, or by a key; 0 for one that is left out and may be."""
        key = self.keys.get(part, part)
        found = self.value(key, default=default)
        return 0 if found is None else self.checked(key, found, least)

    def checked(self, key: str, found: object, least: int = 1) -> int:
        """Return what a key says, a whole number."""
        if type(found) is not int or not least <= found <= _LARGEST:
            raise self.fault(f"{key} {shown(found)}: expected a whole number{' above 0' if least else ''}")
        return found

    def context(self) -> int:
        """Return the context before it was extended, where the file says that, else the longest."""
        longest = self.whole("context")
        places = [self.config, *(self.config.get(key) for key in ("rope_scaling", "rope_parameters"))]
        said = [place.get(_ORIGINAL) for place in places if isinstance(place, Mapping)]
        before = next((each for each in said if each is not None), longest)
        return min(self.checked(_ORIGINAL, before), longest)

    def flag(self, part: str) -> bool:
        """Return a truth value."""
        key = self.keys.get(part, part)
        found = self.value(key, default=False)
        if not isinstance(found, bool):
            raise self.fault(f"{key} {shown(found)}: expected true or false")
        return found

    def flagged(self) -> dict[str, Any]:
        """Return the details that keys add where they are true; a Falcon has one norm a layer, in its newer architecture two."""
        flags = self.type.get("flags", {})
        added = {part: value for key, more in flags.items() if self.flag(key) for part, value in more.items()}
        if self.type.get("falcon"):
            added["norms_per_layer"] = 2 if self.config.get("new_decoder_architecture", False) else 1
        return added

    def kv_heads(self, heads: int) -> int:
        """Return the key-value heads."""
        if self.type.get("falcon") and not self.config.get("new_decoder_architecture", False):
            return 1 if self.config.get("multi_query", True) else heads
        found = self.whole("kv_heads", default=None)
        if not found and not self.type.get("plain_ffn") and not self.type.get("latent"):
            self.defaults[self.keys["kv_heads"]] = heads
        return found or heads

    def latent(self) -> Latent:
        """Return the ranks of latent attention."""
        keys = ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
        if "q_lora_rank" not in self.config:
            raise self.fault("lacks q_lora_rank; null says that queries have no rank of their own")
        return Latent(self.whole(keys[0], default=None), *(self.whole(key) for key in keys[1:]))

    def mixture(self, layers: int) -> dict[str, Any]:
        """Return the parts of a mixture of experts, nothing for a dense model."""
        keys = self.type.get("moe")
        if not keys:
            for key in _EXPERTS:
                if self.config.get(key) not in (None, 0, 1):
                    raise self.fault(f"{key} {shown(self.config[key])}, but {self.kind} is a type without experts")
            return {}
        for key in ("num_experts_per_tok", "experts_per_token"):
            if self.config.get(key) not in (None, self.config.get(keys["experts_per_token"])):
                raise self.fault(f"{key} contradicts {keys['experts_per_token']}")
        details: dict[str, Any] = {}
        if "expert_ffn" in keys:
            details["expert_ffn"] = self.whole(keys["expert_ffn"])
        if "shared" in keys:
            details["shared_experts"] = self.whole(keys["shared"], default=None)
        if "shared_ffn" in keys:
            shared = self.whole(keys["shared_ffn"])
            if shared % details["expert_ffn"]:
                raise self.fault(f"{keys['shared_ffn']} {shared} is no multiple of an expert's {details['expert_ffn']}")
            details["shared_experts"] = shared // details["expert_ffn"]
        if "first_dense" in keys:
            details["dense_layers"] = self.whole(keys["first_dense"], default=0, least=0)
        if "dense" in keys:
            dense = self.config.get(keys["dense"]) or []
            if not isinstance(dense, list) or not all(type(each) is int and 0 <= each < layers for each in dense):
                raise self.fault(f"{keys['dense']} {shown(dense)}: expected a list of layers")
            details["dense_layers"] = len(set(dense))
        parts = {part: self.whole(keys[part]) for part in ("experts", "experts_per_token")}
        return {**parts, "details": details}

    def window(self, layers: int) -> dict[str, Any]:
        """Return how far layers with a sliding window look back, and how many those are."""
        how = self.type.get("window")
        if not how or (how == "use_sliding_window" and self.config.get("use_sliding_window") is not True):
            return {}
        kinds = self.config.get("layer_types")
        if kinds is not None and (not isinstance(kinds, list) or len(kinds) != layers or any(k not in _LAYERS for k in kinds)):
            raise self.fault(f"layer_types: expected a list of {layers}, each {' or '.join(_LAYERS)}")
        if self.config.get("sliding_window", ...) is None or self.value("sliding_window", default=None) is None:
            if kinds is not None and _LAYERS[0] in kinds:
                raise self.fault(f"layer_types has {_LAYERS[0]}, but sliding_window is not given")
            return {}  # null says that there is none; a file without the key leaves it to its type
        if kinds is not None:
            many = kinds.count("sliding_attention")
        elif how == "every second":
            many = (layers + 1) // 2
        elif how == "all but every pattern":
            many = layers - layers // self.whole("sliding_window_pattern")
        else:
            many = layers if how == "all" else max(layers - self.whole("max_window_layers", default=0, least=0), 0)
        return {"window": self.whole("sliding_window"), "windowed_layers": many} if many else {}

    def remark(self, context: int | None, length: int) -> str:
        """Say what the file leaves open."""
        said = [] if self.whole_file else ["of a model of several parts, its text_config alone is counted"]
        taken = {key: value for key, value in self.defaults.items() if not (context and key == self.keys["context"])}
        words = {key: str(value).lower() if isinstance(value, bool) else value for key, value in taken.items()}
        if words:
            values = ", ".join(f"{key} = {value}" for key, value in words.items())
            said.append(f"what it leaves to the defaults of type {self.kind}: {values}")
        if not context and not self.type.get("learned_positions"):
            longest, which = self.whole("context"), "the longest it allows, often longer than in pretraining"
            if length < longest:
                which = f"the longest is {longest:,}"
            said.append(f"a context of {length:,} ({which}): --shape {self.name},context=4096 says another")
        elif context and context > self.whole("context"):
            said.append(f"a context of {context:,} is above the {self.whole('context'):,} that it allows")
        for key, what in self.type.get("left_out", {}).items():
            if self.config.get(key):
                said.append(f"its {what} ({key} = {self.config[key]}) are not counted")
        return f"{self.name}: {'; '.join(said)}" if said else ""

    def _divided(self, width: int, heads: int) -> int:
        if width % heads:
            raise self.fault(f"{self.keys['width']} {width} is no multiple of {heads} heads, and head_dim is not given")
        return width // heads
