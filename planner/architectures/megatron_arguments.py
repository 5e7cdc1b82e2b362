"""Megatron-LM's arguments as a shape: those of a command line, or of a script that holds them; read as data, nothing is run."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from planner._util.files import read_text
from planner.architectures.transformer import Details, Latent, Shape
from planner.errors import OptionError
from planner.quantities import listed, parse_whole, shown, shown_path

_LARGEST_FILE = 1024 * 1024
_OPTION = re.compile(r"(?<![\w-])--(?P<name>[a-z][a-z0-9-]*)(?:[ \t]*=[ \t]*|[ \t]+)?(?P<value>(?!--)[^\s\\]+)?")
_ASSIGNED = re.compile(r"(?m)(?:^|[;\s])(?P<name>[A-Za-z_]\w*)=[\"']?(?P<value>[^\s\"'();$#]+)[\"']?(?=[;\s]|$)")
_CHANGES = (
    *("window-size", "window-attn-skip-freq", "hybrid-override-pattern", "hybrid-attention-ratio", "is-hybrid-model", "spec"),
    *("heterogeneous-layers-config-path", "experimental-attention-variant", "moe-latent-size", "num-experts-per-layer"),
    *("retro-add-retriever", "apply-layernorm-1p", "attention-output-gate", "linear-attention-type"),
    *("decoder-num-layers", "encoder-num-layers"),
)
"""Arguments that change the count in ways that are not counted here."""

_LAYOUT = (
    *("tensor-model-parallel-size", "pipeline-model-parallel-size", "context-parallel-size", "expert-model-parallel-size"),
    *("micro-batch-size", "global-batch-size"),
)


def is_arguments(text: str) -> bool:
    """Tell whether a text is a list of Megatron-LM's arguments."""
    return "--num-layers" in text and "--hidden-size" in text


def read_script(path: str, called: str) -> str:
    """Return the text of a script.

    Raises
    ------
    OptionError
        It cannot be read, is too large, or holds no arguments of Megatron-LM.
    """
    text = read_text(Path(path), _LARGEST_FILE, lambda complaint: OptionError(f"{called} {complaint}"))
    if not is_arguments(text):
        missing = "has no --num-layers and --hidden-size; expected Megatron-LM's arguments, or a config.json"
        raise OptionError(f"{called} {shown_path(path)}: {missing}")
    return text


def read_arguments(text: str, called: str, *, vocab: str | None = None, context: str | None = None) -> Shape:
    """Read the shape that arguments describe, with another vocabulary or context where one is given.

    Variables are filled in where the text assigns them.

    Raises
    ------
    OptionError
        An argument is missing, given twice with two values, no number, or changes the count in a way that is not known here.
    """
    found = _Arguments(text, called)
    changes = {"vocab-size": vocab, "seq-length": context}
    found.given |= {name: str(parse_whole(value, f"{called} {name}", 1)) for name, value in changes.items() if value is not None}
    shape = found.shape()
    found.refuse_slips()
    return shape


class _Arguments:
    """Arguments, each once."""

    def __init__(self, text: str, called: str) -> None:
        self.called, self.asked = called, set[str]()
        text = re.sub(r"\\\r?\n", " ", text)
        text = re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", text)
        variables = {found["name"]: found["value"] for found in _ASSIGNED.finditer(text)}
        self.given: dict[str, str] = {}
        for found in _OPTION.finditer(text):
            name = found["name"].replace("_", "-")
            value = _filled((found["value"] or "").strip("\"'"), variables)
            if self.given.get(name, value) != value:
                raise self.fault(name, f": given twice, {shown(self.given[name])} and {shown(value)}")
            self.given[name] = value
        changing = next((name for name in _CHANGES if name in self.given), None)
        if changing is not None:
            raise self.fault(changing, ": changes the parameters in a way that is not counted here; give the shape in words")

    def fault(self, name: str, text: str) -> OptionError:
        return OptionError(f"{self.called} --{name}{text}")

    def refuse_slips(self) -> None:
        """Refuse an argument that is all but one of those that count: it would be passed over like those of data or logs."""
        for name in self.given.keys() - self.asked:
            if near := get_close_matches(name, self.asked, 1, 0.9):
                raise self.fault(name, f": is no argument that is known here; did you mean --{near[0]}?")

    def flag(self, name: str) -> bool:
        self.asked.add(name)
        return name in self.given

    def whole(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """Return a whole number."""
        if not self.flag(name):
            if default is None:
                hint = " (the tokenizer's)" if name == "vocab-size" else ""
                raise OptionError(f"{self.called}: lacks --{name}{hint}, without which its parameters are not known")
            return default
        value = self.given[name].replace("_", "")
        if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) < least:
            unset = " (a variable that the text does not set to a plain number)" if "$" in value else ""
            raise self.fault(name, f" {shown(self.given[name])}{unset}: expected a whole number")
        return int(value)

    def word(self, name: str, default: str, known: Mapping[str, str]) -> str:
        found = self.given[name] if self.flag(name) else default
        if found not in known:
            raise self.fault(name, f" {shown(found)}: expected one of {', '.join(known)}")
        return known[found]

    def shape(self) -> Shape:
        """Return the shape."""
        layers, width, heads = (self.whole(name) for name in ("num-layers", "hidden-size", "num-attention-heads"))
        gated = self.flag("swiglu")
        ffn = self.whole("ffn-hidden-size", int(4 * width * 2 / 3 / 64) * 64 if gated else 4 * width)
        latent = self.latent()
        keys = self.whole("num-query-groups", 1) if self.flag("group-query-attention") else heads
        if "kv-channels" not in self.given and not latent and width % heads:
            raise OptionError(f"{self.called}: --hidden-size {width} is no multiple of {heads} heads; give --kv-channels")
        if heads % keys:
            raise self.fault("num-query-groups", f" {keys}: does not divide {heads} heads")
        experts = self.whole("num-experts", 1)
        context = self.whole("seq-length")
        positions = {"learned_absolute": "learned", "rope": "", "none": "", "yarn": "", "mrope": ""}
        rotary = self.flag("use-rotary-position-embeddings")
        learned = self.word("position-embedding-type", "learned_absolute", positions) and not rotary
        return Shape(
            layers=layers,
            width=width,
            heads=heads,
            vocab=self.vocab(),
            context=context,
            ffn=ffn,
            kv_heads=heads if latent else keys,
            head_size=self.whole("kv-channels", max(width // heads, 1)),
            gated=gated,
            tied=not self.flag("untie-embeddings-and-output-weights"),
            experts=experts,
            experts_per_token=min(self.whole("moe-router-topk", 2), experts) if experts > 1 else 1,
            details=Details(
                norm=self.word("normalization", "LayerNorm", {"LayerNorm": "ln", "RMSNorm": "rms"}),
                bias="qkv" if self.flag("add-qkv-bias") else "none" if self.flag("disable-bias-linear") else "all",
                qk_norm="head" if self.flag("qk-layernorm") and not latent else "",
                learned_positions=self.whole("max-position-embeddings", context) if learned else 0,
                latent=latent,
                mtp=self.whole("mtp-num-layers", 0, least=0),
                **(self.mixture(layers, ffn) if experts > 1 else {}),  # type: ignore[arg-type]  # whole numbers and flags
                remark=self.remark(),
            ),
        )

    def remark(self) -> str:
        """Say what was read, and what of the arguments is no part of a shape and was not."""
        left = [f"--{name} {self.given[name]}" for name in _LAYOUT if name in self.given]
        told = "the shape was read from Megatron-LM's arguments"
        return f"{told}; its layout and batch were not ({listed(left, 9)}): give --tensor, --batch and so on" if left else told

    def vocab(self) -> int:
        """Return the vocabulary as Megatron-LM pads it: to a multiple of 128 for each tensor-parallel device."""
        step = self.whole("make-vocab-size-divisible-by", 128) * self.whole("tensor-model-parallel-size", 1)
        padded = self.whole("padded-vocab-size", 0, least=0)
        return padded or -(-self.whole("vocab-size") // step) * step

    def latent(self) -> Latent | None:
        """Return the ranks of latent attention."""
        if not self.flag("multi-latent-attention"):
            return None
        rank = self.whole("q-lora-rank", 0, least=0)
        rest = (("kv-lora-rank", 32), ("qk-head-dim", 128), ("qk-pos-emb-head-dim", 64), ("v-head-dim", 128))
        return Latent(rank, *(self.whole(name, usual) for name, usual in rest))

    def mixture(self, layers: int, ffn: int) -> dict[str, int | bool]:
        """Return the details of a mixture of experts."""
        width, shared = self.whole("moe-ffn-hidden-size", ffn), self.whole("moe-shared-expert-intermediate-size", 0, least=0)
        if shared % width:
            raise self.fault("moe-shared-expert-intermediate-size", f" {shared}: is no multiple of an expert's {width}")
        return {
            "expert_ffn": width,
            "shared_experts": shared // width,
            "shared_gate": self.flag("moe-shared-expert-gate"),
            "router_bias": self.flag("moe-router-enable-expert-bias"),
            "expert_bias": not self.flag("disable-bias-linear") and not self.flag("add-qkv-bias"),
            "dense_layers": self.dense(layers),
        }

    def dense(self, layers: int) -> int:
        """Return how many layers have no experts: ``--moe-layer-freq`` is one in so many, or a list such as ([0]*3+[1]*58)."""
        text = self.given["moe-layer-freq"] if self.flag("moe-layer-freq") else "1"
        if re.fullmatch(r"[0-9]{1,4}", text) and int(text):
            return layers - len(range(0, layers, int(text)))
        parts = re.fullmatch(r"\(?((?:\[[01]\]\*[0-9]{1,4}\+?)+)\)?", text)
        if parts is None:
            raise self.fault("moe-layer-freq", f" {shown(text)}: expected one in N, or a list such as ([0]*3+[1]*58)")
        kinds = re.findall(r"\[([01])\]\*([0-9]+)", parts[1])
        if sum(int(count) for _, count in kinds) != layers:
            raise self.fault("moe-layer-freq", f" {shown(text)}: is not of {layers} layers")
        return sum(int(count) for kind, count in kinds if kind == "0")


def _filled(value: str, variables: Mapping[str, str]) -> str:
    """Return a value with the variables in it that are assigned."""
    pattern = r"\$(?:\{([A-Za-z_]\w*)(?::-([^}]*))?\}|([A-Za-z_]\w*))"
    return re.sub(pattern, lambda found: variables.get(found[1] or found[3]) or found[2] or found[0], value)
