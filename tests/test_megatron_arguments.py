"""Megatron-LM's arguments as a shape, and a shape as its arguments."""

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.architectures.launch import Training, arguments
from planner.architectures.layout import Layout
from planner.architectures.megatron_arguments import read_arguments
from planner.architectures.memory import Scheme
from planner.architectures.published_models import Model
from planner.errors import PlannerError
from planner.inputs.shape_text import read_shape

# the 126 M model of Megatron-LM's own example of GPT-3, written anew: values from examples/gpt3 and its README
SCRIPT = """
#!/bin/bash
TP_SIZE=2   # devices
NUM_LAYERS="12"
GPT_MODEL_ARGS=(
    --num-layers $NUM_LAYERS
    --hidden-size 768   # --hidden-size 999 is not read
    --num-attention-heads=12 \\
    --seq-length 2048
    --max-position-embeddings 2048
)
TRAINING_ARGS=( --micro-batch-size 1 --tensor-model-parallel-size ${TP_SIZE} --vocab-size 50257 )
torchrun pretrain_gpt.py ${GPT_MODEL_ARGS[@]} ${TRAINING_ARGS[@]}
"""


def test_a_script_is_read_as_data(tmp_path: Path) -> None:
    """Variables that it assigns are filled in, comments are not read, the vocabulary is padded as Megatron-LM pads it."""
    script = tmp_path / "run.sh"
    script.write_text(SCRIPT, encoding="utf-8")
    shape = planner.configure(shape=str(script), tokens="10B").shapes[0].shape
    assert (shape.layers, shape.width, shape.heads, shape.ffn, shape.context) == (12, 768, 12, 3072, 2048)
    assert shape.vocab == 50_432  # the next multiple of 128 x 2
    assert (shape.gated, shape.tied, shape.details.norm, shape.details.bias) == (False, True, "ln", "all")
    assert shape.details.learned_positions == 2048
    layers = 12 * (12 * 768**2 + 13 * 768)
    assert shape.total == layers + 2 * 768 + (50_432 + 2048) * 768
    assert read_shape(Path(script), "shape") == shape
    assert "--tensor-model-parallel-size 2, --micro-batch-size 1" in shape.details.remark, "its layout is not taken"
    other = read_shape(f"{script},vocab=51200,context=4k", "shape")
    assert (other.vocab, other.context) == (51_200, 4000)
    script.write_text(
        "TP=2; L=6\n--num-layers ${L:-12} --hidden-size ${H:-768} --num-attention-heads 12 --seq-length 64 --vocab-size 512"
    )
    assert (read_shape(script, "shape").layers, read_shape(script, "shape").width) == (6, 768)


def _expressible(known: Model) -> bool:
    """Tell whether Megatron-LM has arguments for all of a model."""
    details = known.shape.details
    odd = details.head_bias or details.relative_positions or details.embedding_norm or details.sinks or details.windowed_layers
    usual = details.norms_per_layer == 2 and details.norm != "ln_nobias" and details.qk_norm != "full"
    return bool(usual and not odd and not details.expert_bias)


EXPRESSIBLE = [known for known in planner.models() if _expressible(known)]


@pytest.mark.parametrize("known", EXPRESSIBLE, ids=lambda known: known.id)
def test_what_is_typed_comes_back(known: Model) -> None:
    """The arguments that are printed of a published model are read as that model, to the last parameter."""
    text = arguments(known.shape, Layout(), Training(Scheme("adam", 2, 2, 12), rate=3e-4))[0].text
    shape = read_arguments(text, "shape")
    assert shape.total == known.shape.total
    assert shape.active == known.shape.active
    assert shape.flops_per_token("exact", shape.active) == known.shape.flops_per_token("exact", known.shape.active)


@pytest.mark.parametrize("known", planner.models(), ids=lambda known: known.id)
def test_arguments_are_of_the_model_or_say_what_they_leave_out(known: Model) -> None:
    """What is typed counts to the last parameter, unless something of the shape is named that it lacks."""
    said = arguments(known.shape, Layout(), Training(Scheme("adam", 2, 2, 12)))[0]
    typed = read_arguments(said.text, "shape")
    assert (typed.total == known.shape.total) or said.without
    if not said.without:
        assert typed.flops_per_token("exact", 0) == known.shape.flops_per_token("exact", 0)


def test_most_published_models_can_be_typed() -> None:
    """Llama, Qwen, DeepSeek and mixtures among them."""
    ids = {known.id for known in EXPRESSIBLE}
    assert {"llama3.1-405b", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3", "gpt3-175b", "qwen2.5-7b"} <= ids


NEEDED = "--num-layers 4 --hidden-size 64 --num-attention-heads 4 --seq-length 128 --vocab-size 1000"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("--num-layers 4 --hidden-size 64", "lacks --num-attention-heads"),
        (NEEDED.replace(" --vocab-size 1000", ""), r"lacks --vocab-size \(the tokenizer's\)"),
        (NEEDED.replace("4 --seq", "5 --seq"), "is no multiple of 5 heads"),
        (NEEDED + " --num-layers 5", "--num-layers: given twice, '4' and '5'"),
        (
            NEEDED.replace("layers 4", "layers $N"),
            r"--num-layers '\$N' \(a variable that the text does not set to a plain number\)",
        ),
        (NEEDED.replace("layers 4", "layers 4.5"), "expected a whole number"),
        (NEEDED + " --group-query-attention --num-query-groups 3", "does not divide 4 heads"),
        (NEEDED + " --hybrid-override-pattern M*M*", "--hybrid-override-pattern: changes the parameters"),
        (NEEDED + " --num-experts 8 --moe-layer-freq ([0]*3+[1]*58)", "is not of 4 layers"),
        (NEEDED + " --num-experts 8 --moe-layer-freq x", "expected one in N, or a list"),
        (NEEDED + " --num-experts 8 --moe-shared-expert-intermediate-size 100", "is no multiple of an expert's 256"),
        (NEEDED + " --swigl", r"--swigl: is no argument that is known here; did you mean --swiglu\?"),
        (NEEDED + " --normalization BatchNorm", "expected one of LayerNorm, RMSNorm"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(text: str, complaint: str) -> None:
    """By the argument's own name."""
    with pytest.raises(PlannerError, match=complaint) as caught:
        planner.plan(shape=text, tokens="1B")
    assert "\n" not in str(caught.value)


def test_bad_scripts_are_refused(tmp_path: Path) -> None:
    """One that is not there, holds nothing, is no text, or is too large."""
    for content, complaint in (
        (None, "cannot be read (No such file or directory)"),
        (b"echo hello", "has no --num-layers"),
        (b"\xff\xfe\x00 --num-layers", "not UTF-8 text (invalid start byte at byte 0)"),
        (b"#" * (1024 * 1024 + 1), "larger than 1024 KiB"),
    ):
        script = tmp_path / "run.sh"
        if content is not None:
            script.write_bytes(content)
        with pytest.raises(PlannerError, match=re.escape(complaint)):
            planner.plan(shape=str(script), tokens="1B")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never another error."""
    with suppress(PlannerError):
        assert read_arguments(f"{NEEDED} {text}", "shape").total > 0


def test_a_script_that_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A named pipe without a writer would be waited for without end."""
    pipe = tmp_path / "run.sh"
    os.mkfifo(pipe)
    with pytest.raises(PlannerError, match="not a regular file"):
        planner.check(shape=str(pipe), tokens="1T")
