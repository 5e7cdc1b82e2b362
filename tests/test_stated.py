"""Nothing stated is lost: every input changes an answer that names it, or is refused by name, on every command and surface."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.errors import PlannerError
from planner.inputs.registry import TAKES, PlanInputs, every_input, rows
from planner.inputs.table_inputs import FitInputs
from planner.output import Format, render
from planner.sheets.workbook import write

_OWN_DEVICES = """
[[accelerator]]
id = "h100-sxm"
name = "ours"
peak_tflops = { bf16 = 700.0, fp8 = 1400.0 }
memory_gb = 80
power_w = 650

[[price]]
id = "h100-sxm"
usd_per_hour = 1.75
date = "2026-05-01"
source = "our contract"
"""

# a value that differs from every default, and what must stand beside it for it to mean anything
_SAID: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "flops": (3e22, {}),
    "pf_days": (400, {}),
    "days": (21, {"gpus": "64xH100"}),
    "gpu_hours": ("90k", {"gpu": "h100"}),
    "dollars": ("300k", {"gpu": "h100"}),
    "energy": ("90MWh", {"gpu": "h100"}),
    "co2": ("30t", {"gpu": "h100", "grid": "france"}),
    "loss": (2.2, {}),
    "params": ("3B", {}),
    "tokens": ("300B", {}),
    "tokens_per_param": (40, {}),
    "max_params": ("2B", {}),
    "max_tokens": ("50B", {}),
    "shape": ("llama2-7b", {}),
    "flops_rule": ("kaplan", {"shape": "llama2-7b"}),
    "recompute": (True, {"shape": "llama2-7b"}),
    "attention_flops": ("causal", {"shape": "llama2-7b"}),
    "active_params": ("2B", {"law": "krajewski2024-moe"}),
    "experts": (64, {"law": "abnar2025", "experts_per_token": 4}),
    "granularity": (4, {"law": "krajewski2024-moe"}),
    "experts_per_token": (4, {"law": "abnar2025", "experts": 64}),
    "sparsity": (0.75, {"law": "abnar2025"}),
    "max_total_params": ("8B", {"law": "abnar2025"}),
    "unique_tokens": ("20B", {}),
    "precision": ("fp8", {}),
    "data_quality": (0.8, {}),
    "inference_tokens": ("2T", {}),
    "inference_per_month": ("80B", {"months": 24}),
    "requests_per_month": ("50M", {"tokens_per_request": 1500, "months": 24}),
    "tokens_per_request": (1500, {"requests_per_month": "50M", "months": 24}),
    "generated_per_request": (
        500,
        {"requests_per_month": "50M", "tokens_per_request": 1500, "months": 24, "mfu": 0.4, "inference_mfu": 0.3, "generation_mfu": 0.05},
    ),
    "months": (36, {"inference_per_month": "80B"}),
    "generated_tokens": ("1T", {"inference_tokens": "2T", "mfu": 0.4, "inference_mfu": 0.3, "generation_mfu": 0.05}),
    "inference_mfu": (0.2, {"inference_tokens": "2T", "mfu": 0.4}),
    "generation_mfu": (0.05, {"inference_tokens": "2T", "generated_tokens": "2T", "mfu": 0.4}),
    "inference_price": (1.2, {"inference_tokens": "2T", "price": 3}),
    "serving_gpus": ("1xH100", {}),
    "cached_tokens": ("900k", {"law": "ludziejewski2025", "serving_gpus": "1xH100"}),
    "serve_precision": ("int4", {}),
    "gpus": ("128xH100", {}),
    "gpu": ("a100", {}),
    "deadline": ("10d", {"gpu": "h100"}),
    "dtype": ("fp8", {"gpu": "h100"}),
    "peak": ("800TFLOPS", {"gpu": "h100"}),
    "price": (1.9, {"gpu": "h100"}),
    "mfu": (0.33, {"gpu": "h100"}),
    "tokens_per_second": ("3000", {"gpu": "h100", "shape": "llama2-7b"}),
    "overhead": (0.15, {"gpu": "h100"}),
    "power": ("900W", {"gpu": "h100"}),
    "pue": (1.1, {"gpu": "h100"}),
    "grid": ("france", {"gpu": "h100"}),
    "gpu_file": ("ours.toml", {"gpu": "h100-sxm"}),
    # of what is searched, values that no search comes to
    "zero": (2, {"gpus": "320xH100", "shape": "llama2-7b", "pipeline": 4}),
    "tensor": (16, {"gpus": "320xH100", "shape": "llama2-7b"}),
    "pipeline": (5, {"gpus": "320xH100", "shape": "llama2-7b"}),
    "expert": (1, {"gpus": "320xH100", "shape": "mixtral-8x7b"}),
    "expert_tensor": (2, {"gpus": "320xH100", "shape": "mixtral-8x7b"}),
    "context_parallel": (2, {"gpus": "320xH100", "shape": "llama2-7b"}),
    "micro_batch": (3, {"gpus": "320xH100", "shape": "llama2-7b"}),
    "batch": (320 * 2**20, {"gpus": "320xH100", "shape": "llama2-7b"}),
    "schedule": ("zero-bubble", {"gpus": "320xH100", "shape": "llama2-7b", "pipeline": 4}),
    "virtual": (8, {"gpus": "320xH100", "shape": "llama2-7b", "pipeline": 4}),
    "optimizer": ("adam-8bit", {"shape": "llama2-7b"}),
    "loss_kernel": ("fused", {"shape": "llama2-7b"}),
    "lora": (8, {"shape": "llama2-7b", "tokens": "1B"}),
    "offload": (True, {"shape": "llama2-7b"}),
    "software": ("fsdp", {}),
    "year": (2024.0, {}),
    "scores": ("scores.json", {}),
    "target_score": ("task=0.55", {"scores": "scores.json"}),
    "law": ("hoffmann2022-approach3-tex", {}),
    "constants": ({"alpha": 0.36}, {}),
    "exponents": ((0.55, 0.45), {}),
    "anchor": ("1e21:4B", {"exponents": (0.55, 0.45)}),
    "tolerance": (0.01, {}),
    "level": (0.8, {}),
}  # fmt: skip
_BUDGETS = {"flops", "pf_days", "days", "gpu_hours", "dollars", "energy", "co2", "loss"}
_BASE: Mapping[str, Mapping[str, Any]] = {
    "plan": {"flops": 1e24},  # pays for every demand below
    "sweep": {"flops": "1e21..1e22", "points": 3},
    "check": {"params": "4B", "tokens": "200B"},
    "configure": {"flops": 1e24},
    "trade": {"flops": 1e22},
    "compare": {"flops": 1e22},
    "compare_mixtures": {"flops": 1e22},
    "limits": {"flops": 1e22},
    "levers": {"flops": 1e22},
    "pilots": {"target": 1e23, "budget": 1e20, "seed": 1},
    "rank_hardware": {"flops": 1e22},
    "throughput": {"shape": "llama2-70b", "gpus": "320xH100"},
}


def _asked(verb: str, *said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question: the base of the function, in which a budget or a run that is said replaces the base's own."""
    told = {name: value for each in said for name, value in each.items()}
    base = dict(_BASE[verb])
    if told.keys() & _BUDGETS and verb != "check":
        base.pop("flops", None)
        base.pop("points", None)
        base.pop("budget", None)
    if "shape" in told and verb == "check":
        base.pop("params", None)
    if "active_params" in told:
        base.pop("params", None)
    return {**base, **told}


def _content(verb: str, asked: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what an answer says beside its inputs, and the inputs."""
    answer = getattr(planner, verb)(**asked)
    if verb == "sweep":
        return json.dumps([list(answer), [note.text for note in answer.notes]], default=str), answer.inputs
    content = answer.to_dict()
    return json.dumps({name: value for name, value in content.items() if name != "inputs"}), content["inputs"]


_KNOWN: dict[str, tuple[Any, Any] | str] = {}


def _outcome(verb: str, asked: Mapping[str, Any]) -> tuple[Any, Any] | str:
    """Return an answer, or why there is none; many questions are asked without one input after another."""
    key = f"{verb} {sorted(asked.items())} {Path.cwd() if {'gpu_file', 'scores'} & asked.keys() else ''}"
    if key not in _KNOWN:
        try:
            _KNOWN[key] = _content(verb, asked)
        except PlannerError as error:
            _KNOWN[key] = str(error)
    return _KNOWN[key]


def _heard(name: str, verb: str, asked: Mapping[str, Any], without: Mapping[str, Any]) -> str:
    """Say how an input was lost; nothing where it changed an answer that names it, or was refused by name."""
    found = _outcome(verb, asked)
    if isinstance(found, str):
        told = [each for each in asked if each in found]
        return "" if told else f"refused without a name: {found}"
    content, inputs = found
    if inputs.get(name) is None:
        return f"not in inputs: {sorted(name for name, value in inputs.items() if value is not None)}"
    before = _outcome(verb, without)
    same = not isinstance(before, str) and before[0] == content
    return "changed nothing" if same and name not in _A_THRESHOLD else ""


_A_THRESHOLD = {"tolerance"}
"""What the runs at hand may lie on one side of, whichever it is."""


@cache
def _scores() -> str:
    """What plan scores --save writes of a few runs whose one task rises."""
    sizes = [1e7 * 2**at for at in range(8)]
    runs = {"params": sizes, "tokens": [20 * N for N in sizes], "task": [0.25 + 0.03 * at for at in range(8)]}
    with TemporaryDirectory() as folder:
        return planner.scores(runs, target=1e21).save(Path(folder) / "scores.json").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with a device file of one's own."""
    (tmp_path / "ours.toml").write_text(_OWN_DEVICES, encoding="utf-8")
    (tmp_path / "scores.json").write_text(_scores(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_every_input_has_an_example() -> None:
    """The table above knows what the registry knows; inputs of a table of runs have tests of their own, with tables."""
    assert set(_SAID) == set(every_input()) - set(rows(FitInputs))


@pytest.mark.parametrize(
    ("verb", "name"), [(verb, name) for verb in _BASE for name in rows(TAKES[verb]) if name in _SAID], ids=lambda each: str(each)
)
@pytest.mark.usefixtures("here")
def test_an_input_alone_is_heard(verb: str, name: str) -> None:
    """It changes the answer and stands in its inputs, or is refused by name."""
    value, beside = _SAID[name]
    assert _heard(name, verb, _asked(verb, beside, {name: value}), _asked(verb, beside)) == ""


@pytest.mark.parametrize("name", list(rows(PlanInputs)))
@pytest.mark.usefixtures("here")
def test_an_input_alone_is_heard_in_text_and_csv(name: str) -> None:
    """What a person or a spreadsheet reads of a plan changes with every input, unless it is refused by name."""
    value, beside = _SAID[name]
    asked, without = (_asked("plan", beside, more) for more in ({name: value}, {}))
    try:
        told = planner.plan(**asked)
        before = planner.plan(**without)
    except PlannerError:
        return  # by name: the test above
    for form in FORMS:
        assert render(told, form) != render(before, form), form


FORMS: tuple[Format, ...] = ("table", "csv")


@pytest.mark.parametrize("name", list(rows(TAKES["write_workbook"])))
@pytest.mark.usefixtures("here")
def test_an_input_alone_is_heard_in_a_workbook(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell changes, or the input is refused by name; in a workbook of one law, for the others say nothing of inputs."""
    monkeypatch.setattr(write, "all_laws", list)
    value, beside = _SAID[name]
    found = _cells({**beside, name: value})
    if isinstance(found, str):
        assert name in found
    else:
        assert found != _before(beside)


_CELLS: dict[str, Any] = {}


def _before(beside: Mapping[str, Any]) -> Any:
    return _CELLS.get(key := str(sorted(beside.items()))) or _CELLS.setdefault(key, _cells(beside))


def _cells(asked: Mapping[str, Any]) -> list[Any] | str:
    """Return every formula and value of a workbook, or why it is refused."""
    try:
        path = planner.write_workbook("budget.xlsx", overwrite=True, **asked)
    except PlannerError as error:
        return str(error)
    with ZipFile(path) as book:  # the cells as the file has them, and the texts that they share
        return [book.read(name) for name in sorted(book.namelist()) if "sheet" in name or "sharedStrings" in name]


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[str, str, str]:
    verb = draw(st.sampled_from(["plan", "sweep", "check", "configure", "trade", "compare", "levers"]))
    one, other = draw(st.lists(st.sampled_from(list(rows(TAKES[verb]))), min_size=2, max_size=2, unique=True))
    return verb, one, other


@settings(max_examples=250)
@given(_pairs())
def test_an_input_beside_another_is_heard(pair: tuple[str, str, str]) -> None:
    """Of two inputs neither is lost: each changes what the other alone answers, or one of them is refused by name."""
    verb, name, other = pair
    with _own_devices() as path:
        said = {each: ({**_SAID[each][1]}, path if each == "gpu_file" else _SAID[each][0]) for each in (other, name)}
        (beside_other, value_other), (beside, value) = said[other], said[name]
        asked = _asked(verb, beside_other, beside, {other: value_other}, {name: value})
        without = {key: each for key, each in asked.items() if key != name}
        if name in _BUDGETS and not without.keys() & _BUDGETS:
            without = _asked(verb, beside_other, {other: value_other})
        assert _heard(name, verb, asked, without) == "", (verb, name, other)


@contextmanager
def _own_devices() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ours.toml"
        path.write_text(_OWN_DEVICES, encoding="utf-8")
        yield str(path)
