"""A Hugging Face config.json as a shape: counted to the last parameter, or refused by name."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner import PlannerError
from planner.architectures.model_config import read_config
from planner.architectures.published_models import Model, model
from planner.architectures.transformer import Shape
from planner.inputs.shape_text import read_shape

FILES = Path(__file__).parent / "data" / "model_configs"
QWEN3_4B = FILES / "config_head_dim.json"
QWEN_MOE = FILES / "config_shared_expert.json"
GPT_OSS = FILES / "config_sliding_window.json"

TYPES = {
    "llama": "llama", "llama2": "llama", "llama3": "llama", "llama3.1": "llama", "deepseek-llm": "llama", "smollm2": "llama",
    "mistral": "mistral", "mixtral": "mixtral", "gemma3": "gemma3_text", "olmoe": "olmoe", "gpt-neox": "gpt_neox", "qwen2.5": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2", "olmo2": "olmo2",
    "pythia": "gpt_neox", "phi-2": "phi", "phi-3": "phi3", "gpt2": "gpt2", "deepseek-v2": "deepseek_v2",
    "deepseek-v3": "deepseek_v3", "kimi-k2": "kimi_k2", "olmo3": "olmo3", "glm-4.5": "glm4_moe", "falcon": "falcon", "phi-4": "phi3", "gpt-oss": "gpt_oss", "smollm3": "smollm3",
}  # fmt: skip
"""Type of each published family."""

# A shape's parts as transformers calls them (configuration_gpt2.py is alone in its names).
NAMES = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "ffn": "intermediate_size",
    "vocab": "vocab_size",
    "context": "max_position_embeddings",
    "tied": "tie_word_embeddings",
}
NAMES_GPT2 = NAMES | {"layers": "n_layer", "width": "n_embd", "heads": "n_head", "ffn": "n_inner", "context": "n_positions"}


def type_of(name: str) -> str | None:
    """Return the model_type of a published model, None where its family has none here."""
    family = max((each for each in TYPES if name.startswith(f"{each}-") or name == each), key=len, default=None)
    if name in {"qwen3-235b-a22b", "qwen3-30b-a3b"}:
        return "qwen3_moe"
    return TYPES[family] if family else None


def written(published: Model) -> dict[str, Any]:
    """Return the config.json that a published model would have, by the names that its class reads."""
    assert published.shape is not None
    shape, kind = published.shape, type_of(published.id)
    details = shape.details
    names = NAMES_GPT2 if kind == "gpt2" else NAMES
    config = {"model_type": kind, **{key: getattr(shape, part) for part, key in names.items()}}
    if shape.head_size * shape.heads != shape.width:
        config["head_dim"] = shape.head_size
    if details.windowed_layers:
        config["sliding_window"] = details.window
    elif kind in {"mistral", "phi3"}:
        config["sliding_window"] = None
    if kind == "glm4_moe":
        config |= {"attention_bias": True, "use_qk_norm": details.qk_norm == "head", "num_nextn_predict_layers": 1}
        config |= {"n_routed_experts": shape.experts, "n_shared_experts": details.shared_experts}
        config |= {"first_k_dense_replace": details.dense_layers, "moe_intermediate_size": details.expert_ffn}
    if kind == "falcon":
        config |= {
            "num_kv_heads": shape.kv_heads,
            "multi_query": shape.kv_heads == 1,
            "new_decoder_architecture": shape.kv_heads > 1,
        }
    if details.latent:
        config.pop("head_dim", None)
        latent = details.latent
        config |= {"q_lora_rank": latent.query_rank or None, "kv_lora_rank": latent.kv_rank, "qk_nope_head_dim": latent.nope}
        config |= {"qk_rope_head_dim": latent.rope, "v_head_dim": latent.value, "num_nextn_predict_layers": 1}
        config |= {"n_routed_experts": shape.experts, "n_shared_experts": details.shared_experts}
        config |= {"first_k_dense_replace": details.dense_layers, "moe_intermediate_size": details.expert_ffn}
    elif shape.experts > 1 and kind != "glm4_moe":
        config["num_experts" if kind in {"qwen3_moe", "olmoe"} else "num_local_experts"] = shape.experts
        if kind == "qwen3_moe":
            config["moe_intermediate_size"] = details.expert_ffn or shape.ffn
    if shape.experts > 1:
        config["num_experts_per_tok"] = shape.experts_per_token
    return config


def kept(path: Path, config: Any) -> Path:
    """Write a config."""
    path.write_text(json.dumps(config))
    return path


def changed(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a case's config with changes; None takes a key out."""
    config = json.loads(path.read_text()) | changes
    return {key: value for key, value in config.items() if value is not None}


EXACT = [each for each in planner.models() if each.exact and each.shape and type_of(each.id)]


def test_every_type_of_the_catalogue_is_among_those_tried() -> None:
    assert {type_of(each.id) for each in EXACT} == {*TYPES.values(), "qwen3_moe"}
    assert len(EXACT) >= 40


@pytest.mark.parametrize("published", EXACT, ids=lambda each: each.id)
def test_config_of_a_published_model_counts_its_exact_parameters(published: Model, tmp_path: Path) -> None:
    read = read_config(kept(tmp_path / "config.json", written(published)))
    assert published.shape is not None
    assert read.total == published.params
    assert read.active == published.shape.active
    assert read.flops_per_token("exact", 0) == published.shape.flops_per_token("exact", 0)


# Totals that public repositories quote for checkpoints that are not in models.toml; each config as its card has it.
GEMMA3_1B = {
    "model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 6912, "vocab_size": 262144, "sliding_window": 512,
    "sliding_window_pattern": 6, "max_position_embeddings": 32768,
}  # fmt: skip
OTHERS: dict[str, tuple[dict[str, Any], int, int]] = {
    "qwen3-4b": (json.loads(QWEN3_4B.read_text()), 4_022_468_096, 4_022_468_096),
    "qwen1.5-moe-a2.7b": (json.loads(QWEN_MOE.read_text()), 14_315_784_192, 2_689_173_504),
    "gemma3-1b": (GEMMA3_1B, 999_885_952, 999_885_952),
    "gemma3-4b, text": ({"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024,
    }}, 3_880_263_168, 3_880_263_168),
    "olmoe-1b-7b": ({
        "model_type": "olmoe", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
        "num_key_value_heads": 16, "intermediate_size": 1024, "vocab_size": 50304, "num_experts": 64,
        "num_experts_per_tok": 8, "max_position_embeddings": 4096, "tie_word_embeddings": False,
    }, 6_919_161_856, 6_919_161_856 - 16 * 56 * 3 * 2048 * 1024),
    "qwen3-30b-a3b": ({
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768,
        "vocab_size": 151936, "num_experts": 128, "num_experts_per_tok": 8, "max_position_embeddings": 40960,
        "tie_word_embeddings": False,
    }, 30_532_122_624, 3_353_032_704),
    "gpt-neox-20b": ({
        "model_type": "gpt_neox", "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
        "intermediate_size": 24576, "vocab_size": 50432, "max_position_embeddings": 2048, "tie_word_embeddings": False,
    }, 20_554_567_680, 20_554_567_680),
    "gemma-7b": ({
        "model_type": "gemma", "hidden_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 16, "head_dim": 256, "intermediate_size": 24576, "vocab_size": 256000,
        "max_position_embeddings": 8192,
    }, 8_537_680_896, 8_537_680_896),
    "granite-3.1-2b": ({
        "model_type": "granite", "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 49155, "max_position_embeddings": 131072,
        "tie_word_embeddings": True,
    }, 2_533_531_648, 2_533_531_648),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_checkpoints_count_what_is_published(name: str, tmp_path: Path) -> None:
    config, total, active = OTHERS[name]
    read = read_config(kept(tmp_path / "config.json", config))
    assert (read.total, read.active) == (total, active)


def test_head_size_is_the_files_and_not_width_over_heads() -> None:
    assert read_config(QWEN3_4B).head_size == 128  # 2560 / 32 would be 80


def test_windowed_layers_attend_no_further_than_their_window() -> None:
    shape = read_config(GPT_OSS, 4096)
    assert shape.seen == 12 * 4096 + 12 * 128
    assert shape.flops_per_token("exact", 0) == pytest.approx(2.414e10, rel=0.002)
    whole = shape._replace(details=shape.details._replace(windowed_layers=0))
    assert whole.seen == 24 * 4096
    assert shape._replace(context=64).seen == 24 * 64  # a context within the window: all of it, everywhere


@pytest.mark.parametrize(
    ("kind", "keys", "windowed"),
    [
        ("mistral", {"sliding_window": 4096}, 32),
        ("mistral", {"sliding_window": None}, 0),
        ("mistral", {}, 32),
        ("qwen2", {"sliding_window": 4096}, 0),
        ("qwen2", {"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 28}, 4),
        ("gemma2", {}, 16),
        ("llama", {"sliding_window": 4096}, 0),
        ("gemma3_text", {"sliding_window": 512, "sliding_window_pattern": 6}, 27),
    ],
)
def test_which_layers_have_a_window(kind: str, keys: dict[str, Any], windowed: int, tmp_path: Path) -> None:
    config = {NAMES[part]: getattr(model("llama3-8b").shape, part) for part in NAMES}
    read = read_config(kept(tmp_path / "config.json", {**config, "model_type": kind, **keys}))
    assert read.details.windowed_layers == windowed


def test_defaults_of_the_type_are_told(tmp_path: Path) -> None:
    remark = read_config(QWEN3_4B).details.remark
    assert "what it leaves to the defaults of type qwen3: max_position_embeddings = 32768" in remark
    assert read_config(QWEN3_4B, 4096).details.remark == ""
    plain = read_config(kept(tmp_path / "config.json", changed(QWEN3_4B, head_dim=None, max_position_embeddings=4096)))
    assert plain.head_size == 128
    assert "head_dim = 128" in plain.details.remark


def test_context_is_that_before_an_extension_and_is_told(tmp_path: Path) -> None:
    config = written(model("llama3.1-8b")) | {"max_position_embeddings": 131072}
    read = read_config(kept(tmp_path / "config.json", config))
    assert read.context == 131072
    assert "a context of 131,072 (the longest it allows, often longer than in pretraining)" in read.details.remark
    for extended in ({"rope_scaling": {"original_max_position_embeddings": 8192}}, {"original_max_position_embeddings": 8192}):
        read = read_config(kept(tmp_path / "config.json", config | extended))
        assert read.context == 8192
        assert "a context of 8,192 (the longest is 131,072)" in read.details.remark
    assert read_config(tmp_path / "config.json", 2048).context == 2048
    kept(tmp_path / "config.json", config | {"rope_scaling": {"original_max_position_embeddings": "8k"}})
    with pytest.raises(PlannerError, match="original_max_position_embeddings '8k'"):
        read_config(tmp_path / "config.json")


def test_what_is_left_out_of_the_count_is_told(tmp_path: Path) -> None:
    remark = read_config(kept(tmp_path / "v3.json", written(model("deepseek-v3")))).details.remark
    assert "multi-token prediction modules (num_nextn_predict_layers = 1) are not counted" in remark
    parts = {"model_type": "gemma3", "text_config": GEMMA3_1B, "vision_config": {"hidden_size": 1152}}
    read = read_config(kept(tmp_path / "parts.json", parts))
    assert read.total == 999_885_952
    assert "its text_config alone is counted" in read.details.remark


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"model_type": "mamba"}, ["'mamba'", "not counted here", "types are llama"]),
    ({"model_type": None}, ["no model_type"]),
    ({"model_type": 7}, ["type 7"]),
    ({"hidden_size": None}, ["lacks hidden_size"]),
    ({"intermediate_size": None}, ["lacks intermediate_size"]),
    ({"vocab_size": "many"}, ["vocab_size 'many'", "whole number"]),
    ({"vocab_size": True}, ["vocab_size", "whole number"]),
    ({"num_hidden_layers": -1}, ["num_hidden_layers -1"]),
    ({"num_hidden_layers": 10**12}, ["num_hidden_layers"]),
    ({"hidden_size": 2560.5}, ["hidden_size 2560.5"]),
    ({"tie_word_embeddings": "no"}, ["tie_word_embeddings 'no'", "true or false"]),
    ({"num_key_value_heads": 64}, ["32 heads", "64 key-value heads"]),
    ({"num_key_value_heads": 5}, ["32 heads", "5 key-value heads"]),
    ({"attention_bias": True}, ["attention_bias", "changes the parameters"]),
    ({"num_experts": 8}, ["num_experts 8", "qwen3 is a type without experts"]),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=lambda each: str(each)[:40])
def test_refused_in_one_line(changes: dict[str, Any], said: list[str], tmp_path: Path) -> None:
    with pytest.raises(PlannerError) as refused:
        read_config(kept(tmp_path / "config.json", changed(QWEN3_4B, **changes)))
    text = str(refused.value)
    assert "config.json" in text
    assert all(each in text for each in said), text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_experts_per_tok": 61}, "more experts at work"),
        ({"decoder_sparse_step": 2}, "decoder_sparse_step"),
        ({"mlp_only_layers": [24]}, "mlp_only_layers"),
        ({"mlp_only_layers": "none"}, "mlp_only_layers"),
        ({"shared_expert_intermediate_size": 2000}, "no multiple"),
        ({"moe_intermediate_size": None}, "lacks moe_intermediate_size"),
        ({"mlp_only_layers": list(range(24))}, "24 dense layers of 24 leave none"),
        ({"experts_per_token": 2}, "experts_per_token contradicts num_experts_per_tok"),
    ],
)
def test_mixture_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(PlannerError, match=said):
        read_config(kept(tmp_path / "config.json", changed(QWEN_MOE, **changes)))


@pytest.mark.parametrize("text", ["", "[]", "{", '"llama"', "[1, 2]", '{"model_type": {"a": 1}}', "\x00\x00"])
def test_file_that_is_no_config_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(PlannerError) as refused:
        read_config(path)
    assert "\n" not in str(refused.value)


def test_no_file_and_what_is_no_regular_file_are_refused_at_once(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(PlannerError):
            read_config(path)
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    with pytest.raises(PlannerError):
        read_config(pipe)


@pytest.mark.parametrize("changes", ["width=4096", "context=0", "context=x", "context=1,context=2", "context", ""])
def test_only_a_context_may_follow_a_file(changes: str) -> None:
    with pytest.raises(PlannerError):
        read_shape(f"{QWEN3_4B},{changes}", "shape")


@pytest.mark.parametrize(
    "changes",
    [{"layer_types": ["weird"] * 24}, {"layer_types": "all"}, {"layer_types": ["full_attention"]}, {"sliding_window": None}],
)
def test_layers_of_an_unknown_kind_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PlannerError, match="layer_types"):
        read_config(kept(tmp_path / "config.json", json.loads(GPT_OSS.read_text()) | changes))


def test_a_context_beyond_what_the_file_allows(tmp_path: Path) -> None:
    """Learned positions end it; others are told of."""
    path = kept(tmp_path / "config.json", written(model("gpt2-small")))
    assert read_config(path, 512).context == 512
    with pytest.raises(PlannerError, match="above the 1,024 positions that are learned"):
        read_config(path, 4096)
    remark = read_config(QWEN_MOE, 16384).details.remark
    assert "a context of 16,384 is above the 8,192 that it allows" in remark


def test_key_value_heads_and_ties_that_are_left_out_are_told(tmp_path: Path) -> None:
    config = written(model("llama3-8b"))
    del config["num_key_value_heads"], config["tie_word_embeddings"]
    read = read_config(kept(tmp_path / "config.json", config), 4096)
    assert read.kv_heads == 32
    assert "num_key_value_heads = 32" in read.details.remark
    assert "tie_word_embeddings = false" in read.details.remark


def test_a_file_of_another_name_and_a_folder_are_told_apart_from_models(tmp_path: Path) -> None:
    kept(tmp_path / "config.json", json.loads(QWEN3_4B.read_text()))
    kept(tmp_path / "config.txt", {})
    with pytest.raises(PlannerError, match="a folder; give the file in it"):
        read_shape(str(tmp_path), "shape")
    with pytest.raises(PlannerError, match=r"a config's name ends in \.json"):
        read_shape(str(tmp_path / "config.txt"), "shape")


def test_a_published_model_keeps_its_name_beside_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "llama2-7b").mkdir()
    kept(tmp_path / "llama2-7b" / "config.json", json.loads(QWEN3_4B.read_text()))
    monkeypatch.chdir(tmp_path)
    assert read_shape("llama2-7b", "shape").total == 6_738_415_616


@pytest.mark.parametrize(
    "name",
    ["x" * 5000, "x" * 5000 + ".json", "a\0b", "a\0b.json", "\ud800", "\ud800.json", ".json", "x" * 300 + "/y", "", "no.json"],
)
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    for given_as in (name, Path(name)):
        with pytest.raises(PlannerError):
            read_shape(given_as, "shape")


def test_a_path_is_a_shape_as_its_text_is() -> None:
    assert read_shape(QWEN3_4B, "shape") == read_shape(str(QWEN3_4B), "shape")
    assert read_shape(f"{QWEN3_4B},context=4k", "shape") == read_shape(f"{QWEN3_4B},context=4000", "shape")


def test_a_plan_of_a_config_says_what_the_file_leaves_open() -> None:
    found = planner.plan(shape=str(QWEN3_4B), tokens=8e10, others=())
    assert found.params == 4_022_468_096
    assert any("max_position_embeddings = 32768" in note.text for note in found.notes)
    asked = planner.plan(shape=f"{QWEN3_4B},context=4096", tokens=8e10, others=())
    assert not any("max_position_embeddings" in note.text for note in asked.notes)


MOE = "layers=24,width=2048,heads=16,ffn=1408,gated=1,vocab=151936,context=8192,experts=60,experts_per_token=4"


@pytest.mark.parametrize(
    ("text", "total", "active"),
    [
        (f"{MOE},expert_ffn=1408,shared_experts=4,shared_gate=1,bias=qkv", 14_315_784_192, 2_689_173_504),
        ("layers=36,width=2560,heads=32,kv_heads=8,head_size=128,ffn=9728,gated=1,vocab=151936,context=4096,tied=1,qk_norm=head",
         4_022_468_096, 4_022_468_096),
        ("qwen3-4b,qk_norm=none", 4_022_468_096 - 36 * 256, 4_022_468_096 - 36 * 256),
        ("deepseek-v3,router_bias=0", 671_026_419_200 - 58 * 256, None),
        ("layers=44,width=6144,heads=64,ffn=24576,vocab=50432,context=2048,norm=ln,bias=all", 20_554_567_680, 20_554_567_680),
    ],
)  # fmt: skip
def test_a_text_says_what_published_models_have(text: str, total: int, active: int | None) -> None:
    read = read_shape(text, "shape")
    assert read.total == total
    assert active is None or read.active == active


def test_windows_and_latent_attention_in_a_text() -> None:
    assert read_shape("llama2-7b,window=512,windowed_layers=16,context=4096", "shape").seen == 16 * 4096 + 16 * 512
    assert read_shape("llama2-7b,window=512,context=4096", "shape").seen == 32 * 512
    assert read_shape("gpt-oss-20b,window=0,context=4096", "shape").seen == 24 * 4096
    assert read_shape("gpt-oss-20b,window=256,context=4096", "shape").seen == 12 * 4096 + 12 * 256
    known = model("deepseek-v2").shape
    assert known is not None
    latent = known.details.latent
    assert latent is not None
    ranks = ",".join(f"{part}={number}" for part, number in latent._asdict().items())
    plain = "layers=10,width=1024,heads=8,head_size=128,vocab=32000,context=4096"
    mine = read_shape(f"{plain},{ranks}", "shape")
    assert mine.details.latent == latent
    query = 1024 * latent.query_rank + latent.query_rank + latent.query_rank * 8 * (latent.nope + latent.rope)
    keys = 1024 * (latent.kv_rank + latent.rope) + latent.kv_rank + latent.kv_rank * 8 * (latent.nope + latent.value)
    attention = query + keys + 8 * latent.value * 1024  # DeepSeek-V2, Sec. 2.1, with a norm of each latent
    assert mine.total - read_shape(plain, "shape").total == 10 * (attention - 4 * 1024 * 8 * 128)


@pytest.mark.parametrize("name", ["llama2-7b", "gpt-oss-20b", "deepseek-v3", "gpt2-small", "olmoe-1b-7b"])
def test_a_shape_in_an_answers_inputs_is_that_shape(name: str) -> None:
    """As Python has it, and after a way through JSON."""
    shape = read_shape(name, "shape")
    whole = {**shape._asdict(), "details": shape.details._asdict()}
    whole["details"]["latent"] = shape.details.latent and shape.details.latent._asdict()
    for said in (shape._asdict(), json.loads(json.dumps(whole))):
        read = read_shape(said, "shape")
        assert read == shape._replace(details=shape.details._replace(remark=""))
    for wrong in ({**whole, "details": 3}, {**whole, "details": {"latent": "all"}}, {**whole, "details": {"x": 1}}):
        with pytest.raises(PlannerError):
            read_shape(wrong, "shape")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("llama2-7b,windowed_layers=3", "needs a window"),
        ("llama2-7b,window=4096,windowed_layers=40", "of 32 layers at most 32"),
        ("gpt-oss-20b,layers=6", "windowed_layers 12: of 6 layers at most 6"),
        ("llama2-7b,bias=some", "bias 'some': expected one of none, qkv, all"),
        ("llama2-7b,shared_experts=1", "of a mixture of experts"),
        ("llama2-7b,nope=3", "latent attention needs all of"),
        ("llama2-7b,sinks=2", "sinks: 0 or 1"),
        (f"{MOE},shared_gate=1", "give shared_experts"),
        (f"{MOE},dense_layers=24", "leave none for experts"),
        ("llama2-7b,window=-1", "window"),
        ("llama2-7b,wibble=1", "'wibble' is none of its names"),
        ("llama2-7b,remark=1", "'remark' is none of its names"),
    ],
)
def test_details_that_cannot_be_are_refused(text: str, said: str) -> None:
    with pytest.raises(PlannerError) as refused:
        read_shape(text, "shape")
    assert said in str(refused.value)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 9), max_size=4)
)
KEYS = sorted({key for path in (QWEN3_4B, QWEN_MOE, GPT_OSS) for key in json.loads(path.read_text())} | {"sliding_window"})


@given(path=st.sampled_from([QWEN3_4B, QWEN_MOE, GPT_OSS]), changes=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_config_is_counted_or_refused(path: Path, changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    where = tmp_path_factory.getbasetemp() / "any.json"
    try:
        read = read_config(kept(where, json.loads(path.read_text()) | changes))
    except PlannerError as refused:
        said = str(refused)
    else:
        said = ""
        assert isinstance(read, Shape)
        assert 0 < read.active <= read.total
        assert 0 < read.flops_per_token("exact", 0) < float("inf")
    assert "\n" not in said
    assert not said or "any.json" in said
