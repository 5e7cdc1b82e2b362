"""Run tables as people have them: every reader, found columns, dirty rows, units; a right value or a refusal that says why."""

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planner
from planner.errors import OptionError, PlannerError, RunsFileError
from planner.fitting.fit import read_table_of_runs
from planner.fitting.tables.runs import Runs
from planner.inputs.registry import TAKES, rows
from planner.inputs.table_inputs import FLOPS_UNITS, FitInputs, Reading
from planner.quantities import format_count

CASES = Path(__file__).parent / "data" / "run_tables"
"""Small tables as users' reports had them; all hold the runs of units_base.csv, of besiroglu2024's law with noise."""


def load(source: Any, **asked: Any) -> Runs:
    return read_table_of_runs(source, {}, Reading.of(asked, "fit"))


BASE = load(CASES / "units_base.csv")


def codes(runs: Runs) -> list[str]:
    return [note.code for note in runs.notes]


def same(runs: Runs, loss: float = 1e-12) -> None:
    """Hold a table to the base's runs."""
    np.testing.assert_allclose(runs.params, BASE.params, rtol=1e-12)
    np.testing.assert_allclose(runs.tokens, BASE.tokens, rtol=1e-12)
    np.testing.assert_allclose(runs.flops, BASE.flops, rtol=1e-9)
    np.testing.assert_allclose(runs.loss, BASE.loss, rtol=loss)


@pytest.mark.parametrize(
    ("file", "asked", "said"),
    [
        ("units_base.csv", {}, []),
        ("units_gflops.csv", {}, ["columns-found"]),
        ("units_tflops.csv", {"flops_unit": "tflop"}, []),
        ("units_both_millions.csv", {"columns": {"params": "params:1e6", "tokens": "tokens:1e6"}}, ["columns-found"]),
        ("units_tokens_millions.csv", {"columns": {"tokens": "tokens:1e6"}}, ["columns-found"]),
        ("units_perplexity.csv", {"loss_unit": "perplexity"}, ["loss-converted"]),
        ("no_tokens.csv", {}, ["columns-found", "derived"]),
        ("runs.jsonl", {}, []),
        ("wandb_crashed.csv", {"skip_bad": True}, ["columns-found", "left-out"]),
        ("wandb_crashed.csv", {"where": "State=finished"}, ["columns-found", "left-out"]),
        ("wandb_crashed.csv", {"drop": "17"}, ["columns-found", "left-out"]),
    ],
)
def test_reported_tables_give_their_runs(file: str, asked: dict[str, Any], said: list[str]) -> None:
    """The same runs, and what was understood is said."""
    runs = load(CASES / file, **asked)
    same(runs, 4e-5 if "perplexity" in file else 1e-12)
    assert codes(runs) == said


@pytest.mark.parametrize(
    ("file", "asked", "complaint"),
    [
        ("units_tflops.csv", {}, "is 6e-12 in the median, where 6 is meant: is that column in TFLOP? Then flops_unit tflop"),
        ("units_gflops.csv", {"columns": {"flops": "throughput/total_gflops"}, "flops_unit": "flop"}, "Then flops_unit gflop"),
        (
            "units_both_millions.csv",
            {},
            'params in millions and tokens in millions? Then columns "params=params:1e6,tokens=tokens:1e6"',
        ),
        ("units_tokens_millions.csv", {}, 'tokens in millions? Then columns "tokens=tokens:1e6"'),
        ("units_perplexity.csv", {}, "loss 21.67 in the median is no loss in nats per token"),
        ("wandb_wide.csv", {}, "is a W&B history export in wide form, val/loss of 2 runs (d10, d12), without their parameters"),
        ("wandb_crashed.csv", {}, "2 faults; skip_bad leaves bad rows out"),
    ],
)
def test_reported_tables_are_refused_with_what_is_wrong(file: str, asked: dict[str, Any], complaint: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(RunsFileError) as refused:
        planner.fit(CASES / file, **asked)
    assert complaint in str(refused.value)
    assert all("wandb_crashed.csv:17:" in line for line in str(refused.value).split("\n")[1:])


def test_the_law_behind_the_reported_tables_comes_back() -> None:
    """2.83 B on 58.9 B at 1e21 for the law that made them; every fit within its interval, and gigaFLOP as good as FLOP."""
    fitted = planner.fit(CASES / "units_gflops.csv", method="classical", draws=0)
    best = planner.plan(flops=1e21, law=fitted.law, others=())
    assert best.params == pytest.approx(2.83e9, rel=0.1)
    assert dict(fitted.constants) == pytest.approx(dict(planner.fit(BASE, method="classical", draws=0).constants), rel=1e-9)


# ---------------------------------------------------------------- every reader

_LAW = planner.load_law("besiroglu2024")


def _table(count: int, seed: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    N = 10 ** rng.uniform(7, 10, count)
    D = N * 10 ** rng.uniform(0, 2.5, count)
    return {"params": N.tolist(), "tokens": D.tolist(), "loss": _LAW.loss(N, D).tolist(), "flops": (6 * N * D).tolist()}


def _csv(table: Mapping[str, list[Any]], separator: str = ",") -> str:
    lines = [separator.join(table), *(separator.join(map(repr, row)) for row in zip(*table.values(), strict=True))]
    return "\n".join(lines) + "\n"


def _xlsx(table: Mapping[str, list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (list(table), *map(list, zip(*table.values(), strict=True))):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _parquet(table: Mapping[str, list[Any]]) -> bytes:
    import pandas as pd

    content = io.BytesIO()
    pd.DataFrame(table).to_parquet(content)
    return content.getvalue()


def _rows(table: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


WRITERS: dict[str, tuple[str, Callable[[Mapping[str, list[Any]]], bytes]]] = {
    "comma": ("csv", lambda table: _csv(table).encode()),
    "semicolon": ("csv", lambda table: _csv(table, ";").encode()),
    "tab": ("tsv", lambda table: _csv(table, "\t").encode()),
    "decimal commas": ("csv", lambda table: _csv(table, ";").replace(".", ",").encode()),
    "utf-8 with a mark": ("csv", lambda table: ("\ufeff" + _csv(table)).encode()),
    "utf-16": ("csv", lambda table: _csv(table).encode("utf-16")),
    "Windows": ("csv", lambda table: (_csv({"größe": ["ä"] * len(table["loss"]), **table})).replace("'", "").encode("cp1252")),
    "xlsx": ("xlsx", _xlsx),
    "json": ("json", lambda table: json.dumps(_rows(table)).encode()),
    "json by column": ("json", lambda table: json.dumps(table).encode()),
    "json of pandas": ("json", lambda table: json.dumps({k: dict(enumerate(v)) for k, v in table.items()}).encode()),
    "json lines": ("jsonl", lambda table: "\n".join(map(json.dumps, _rows(table))).encode()),
    "nested json": ("json", lambda table: json.dumps([{"config": {"params": each.pop("params")}, **each} for each in _rows(table)]).encode()),
    "parquet": ("parquet", _parquet),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(WRITERS))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 30), seed=st.integers(0, 2**31), order=st.permutations(["params", "tokens", "loss", "flops"]))
def test_a_table_comes_back_from_every_reader(tmp_path: Path, kind: str, count: int, seed: int, order: list[str]) -> None:
    """Whatever it is written in, and in whatever order its columns stand: the same numbers, to the digits written."""
    table = _table(count, seed)
    suffix, write = WRITERS[kind]
    path = tmp_path / f"runs.{suffix}"
    path.write_bytes(write({name: table[name] for name in order}))
    runs = load(path)
    for name in table:
        np.testing.assert_allclose(getattr(runs, name), table[name], rtol=1e-15 if suffix != "xlsx" else 1e-14)
    with path.open("rb") as opened:
        np.testing.assert_array_equal(load(opened).loss, runs.loss)


NAMES: dict[str, Mapping[str, str]] = {
    "levanter": {"params": "parameter_count", "tokens": "throughput/total_tokens", "loss": "eval/loss", "flops": "flops"},
    "W&B API": {"params": "config.n_params", "tokens": "summary.total_tokens", "loss": "summary.val/loss", "flops": "compute"},
    "OLMo": {"params": "params", "tokens": "throughput/total_tokens", "loss": "train/CrossEntropyLoss", "flops": "train_flops"},
    "torchtitan": {"params": "num_params", "tokens": "n_tokens_seen", "loss": "validation_metrics/loss", "flops": "FLOPs"},
    "nanotron": {"params": "nparams", "tokens": "consumed_tokens", "loss": "lm_loss", "flops": "total_flops"},
    "trainer": {"params": "model_params", "tokens": "num_input_tokens_seen", "loss": "eval_loss", "flops": "total_flos"},
    "Trainer in W&B": {
        "params": "model/num_parameters",
        "tokens": "train/num_input_tokens_seen",
        "loss": "eval/loss",
        "flops": "train/total_flos",
    },
    "MLflow": {
        "params": "params.num_parameters",
        "tokens": "metrics.tokens",
        "loss": "metrics.val_loss",
        "flops": "metrics.flops",
    },
    "a paper": {"params": "Model Size", "tokens": "Training Tokens", "loss": "Final Loss", "flops": "Training FLOP"},
}
SCALES = {"(M)": 1e6, "[B]": 1e9, "in millions": 1e6, "(in trillions)": 1e12, "k": 1e3}


@pytest.mark.parametrize("logger", list(NAMES))
@pytest.mark.parametrize("scale", ["", *SCALES])
def test_names_and_units_of_loggers_are_known(tmp_path: Path, logger: str, scale: str) -> None:
    """With a unit in the name of the parameters' and the tokens' column too; what was understood is said."""
    called, table = NAMES[logger], _table(12, 1)
    path = tmp_path / "runs.csv"
    header, values = [], []
    for name, column in called.items():
        scaled = scale if name in {"params", "tokens"} else ""
        header.append(f"{column} {scaled}".strip())
        values.append([value / SCALES.get(scaled, 1.0) for value in table[name]])
    path.write_text(",".join(header) + "\n" + "\n".join(",".join(map(repr, row)) for row in zip(*values, strict=True)) + "\n")
    runs = load(path)
    for name in table:
        np.testing.assert_allclose(getattr(runs, name), table[name], rtol=1e-12)
    said = " ".join(note.text for note in runs.notes)
    for name, column in called.items():
        assert column == name or column.lower() == name or f"{name} from '{column}" in said


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("Loss (nats)", 1.0),
        ("loss_nats", 1.0),
        ("val loss, nats", 1.0),
        ("Eval loss [nats/token]", 1.0),
        ("loss (bits per byte)", 2.0),
    ],
)
def test_units_of_losses_in_their_names(tmp_path: Path, column: str, unit: float) -> None:
    """Our own unit too; bits become nats."""
    path = tmp_path / "runs.csv"
    path.write_text(f'params,tokens,"{column}"\n1e9,2e10,2.5\n1e9,4e10,2.4\n')
    expected = np.array([2.5, 2.4]) * (np.log(2) if unit == 2.0 else 1.0)
    np.testing.assert_allclose(load(path).loss, expected)


def test_what_headers_leave_open_is_said(tmp_path: Path) -> None:
    """Passes beside tokens of a data set, tokens of a batch, and a title with a comma in it."""
    path = tmp_path / "runs.csv"
    path.write_text("params,dataset_tokens,epochs,loss\n1e9,1e10,2,2.5\n1e9,2e10,2,2.4\n")
    assert "times the passes" in next(note.text for note in load(path).notes if note.code == "passes")
    path.write_text("params,steps,batch_size_tokens,loss\n1e9,1000,524288,2.5\n")
    with pytest.raises(RunsFileError, match="Tokens are steps times the tokens of a batch") as caught:
        load(path)
    assert "tokens=batch_size_tokens" not in str(caught.value)
    path.write_text("My pilot runs, August\n\nparams,tokens,loss\n1e9,2e10,2.5\n1e9,4e10,2.4\n")
    assert load(path).loss.tolist() == [2.5, 2.4]


def test_evaluation_beats_training_and_both_are_named(tmp_path: Path) -> None:
    """Also where the plain name is there; --columns takes the other."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss,train/loss,eval_loss\n" + "1e9,2e10,2.9,2.8,3.1\n" * 2)
    runs = load(path)
    assert runs.loss.tolist() == [3.1, 3.1]
    assert "loss from 'eval_loss' (not 'loss', 'train/loss')" in runs.notes[0].text
    assert load(path, columns={"loss": "loss"}).loss.tolist() == [2.9, 2.9]
    path.write_text("params,tokens,val/loss,val_loss\n1e9,2e10,2.9,2.8\n")
    with pytest.raises(RunsFileError, match="loss could be 'val/loss' or 'val_loss'; say which: columns loss=NAME"):
        load(path)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("params,tokens,train/loss,eval/paloma/c4_en/loss", "eval/paloma/c4_en/loss"),
        ("params,tokens,loss,eval_c4_loss", "eval_c4_loss"),
        ("params,tokens,train/CrossEntropyLoss,eval/c4_en-validation/CrossEntropyLoss", "eval/c4_en-validation/CrossEntropyLoss"),
        ("params,tokens,eval/runtime,metrics/eval/c4/LanguageCrossEntropy", "metrics/eval/c4/LanguageCrossEntropy"),
        ("params,tokens,loss/train,loss/val", "loss/val"),
        ("N,D,val_loss_std,L", "L"),
    ],
)
def test_the_one_evaluation_is_found(tmp_path: Path, header: str, taken: str) -> None:
    """By its words, whatever the data set is called; of several the reader says which."""
    path = tmp_path / "runs.csv"
    path.write_text(f"{header}\n1e9,2e10,2.5,3.1\n")
    assert load(path).loss.tolist() == [3.1]
    assert f"loss from '{taken}'" in load(path).notes[0].text
    path.write_text("params,tokens,train/loss,eval/c4/loss,eval/pile/loss\n1e9,2e10,2.5,3.1,3\n")
    with pytest.raises(
        RunsFileError, match=r"losses of several evaluations, eval/c4/loss, eval/pile/loss; say which: columns loss=NAME"
    ):
        load(path)
    path.write_text("params,tokens,loss,eval/c4/loss,eval/pile/loss\n1e9,2e10,2.5,3.1,3\n")
    assert [note.severity for note in load(path).notes if note.code == "loss-of-what"] == ["warning"]


def test_what_could_be_two_things_is_asked(tmp_path: Path) -> None:
    """Total and active parameters of mixtures; a constant beside another column of its kind; the same file twice."""
    path = tmp_path / "runs.csv"
    path.write_text("total_params,active_params,tokens,loss\n1e9,1e8,2e10,3.1\n")
    with pytest.raises(
        RunsFileError, match=r"in all and those at work on a token \(total_params, active_params\): which of them is N"
    ):
        load(path)
    active = load(path, columns={"params": "active_params"})
    assert (active.params.tolist(), active.params_count) == ([1e8], "active")
    path.write_text("non_embedding_params,tokens,loss\n1e9,2e10,3.1\n")
    assert load(path).params_count == "non-embedding"
    path.write_text("params,tokens,train_tokens,loss\n" + "".join(f"{N}e8,3e11,{N}e9,3.1\n" for N in range(1, 5)))
    with pytest.raises(
        RunsFileError, match="tokens are 3e11 in every row; are they in another column: columns tokens=train_tokens"
    ):
        load(path)
    assert load(path, columns={"tokens": "train_tokens"}).tokens.tolist() == [1e9, 2e9, 3e9, 4e9]
    with pytest.raises(OptionError, match="is given twice"):
        load([path, path])


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("PF-days", 8.64e19),
        ("compute_pf_days", 8.64e19),
        ("flops (PF-days)", 8.64e19),
        ("FLOPs (TFLOP)", 1e12),
        ("flops (G)", 1e9),
        ("Compute (TFLOPs)", 1e12),
        ("total_tflops", 1e12),
        ("compute_exaflops", 1e18),
        ("throughput/total_gflops", 1e9),
    ],
)
def test_compute_in_a_unit_is_found(tmp_path: Path, column: str, unit: float) -> None:
    """Beside parameters alone too; a bare rate is no compute, and a column can be left out."""
    table = _table(6, 2)
    path = tmp_path / "runs.csv"
    path.write_text(_csv({"params": table["params"], column: [C / unit for C in table["flops"]], "loss": table["loss"]}))
    np.testing.assert_allclose(load(path).tokens, table["tokens"], rtol=1e-9)
    path.write_text(_csv({**table, "flops": [412.0] * 6, "tflops": [412.0] * 6}))
    with pytest.raises(RunsFileError, match="columns flops=none leaves that column out"):
        load(path)
    np.testing.assert_allclose(load(path, columns={"flops": "none"}).flops, table["flops"], rtol=1e-9)
    path.write_text(_csv({"params": table["params"], "flops": [C / unit for C in table["flops"]], "loss": table["loss"]}))
    with pytest.raises(RunsFileError, match=r"tokens that follow from 'flops' are .* in the median: is that column in"):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "params;tokens;loss\n51000000;306184192;4,481\n61000000;406184192;4,381\n",
        "# exported by hand\nparams;tokens;loss\n51000000;306184192;4,481\n61000000;406184192;4,381\n",
        "Runs of spring\n\nparams,tokens,loss\n51000000,306184192,4.481\n61000000,406184192,4.381\n",
        '{"runs": [{"params": 51000000, "tokens": 306184192, "loss": 4.481}, {"params": 61000000, "tokens": 406184192, "loss": 4.381}]}',
        '{"columns": ["params", "tokens", "loss"], "index": [0, 1], "data": [[51000000, 306184192, 4.481], [61000000, 406184192, 4.381]]}',
        '{"a": {"params": 51000000, "tokens": 306184192, "loss": 4.481}, "b": {"params": 61000000, "tokens": 406184192, "loss": 4.381}}',
        "N (M),D [billions],L\n51,0.306184192,4.481\n61,0.406184192,4.381\n",
        "Params (mn),ntokens_bil,loss\n51,0.306184192,4.481\n61,0.406184192,4.381\n",
    ],
)
def test_odd_ways_of_writing_a_table(tmp_path: Path, text: str) -> None:
    """Decimal commas with three digits, remarks and titles above, every orientation of pandas, single letters; gzip too."""
    path = tmp_path / "runs.txt"
    packed = tmp_path / "runs.gz"
    path.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    for runs in (load(path), load(packed), load(io.StringIO(text))):
        np.testing.assert_allclose(runs.params, [51e6, 61e6], rtol=1e-12)
        np.testing.assert_allclose(runs.tokens, [306184192, 406184192], rtol=1e-12)
        np.testing.assert_allclose(runs.loss, [4.481, 4.381], rtol=1e-12)


def test_python_tables_of_other_kinds() -> None:
    """Mappings a row, a list a column, an index with names, pyarrow; a lazy query says what to do."""
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    table = {name: [float(x) for x in getattr(BASE, name)] for name in ("params", "tokens", "loss")}
    indexed = pd.DataFrame(table).set_index(["params", "tokens"])
    for source in (_rows(table), table, indexed, pa.table(table), {name: np.array(values) for name, values in table.items()}):
        same(load(source))
    with pytest.raises(RunsFileError, match=r"collect\(\) it first"):
        load(pl.DataFrame(table).lazy())
    twice = pd.concat([pd.DataFrame(table), pd.DataFrame(table)], axis=1)
    with pytest.raises(RunsFileError, match="column 'params' comes twice"):
        load(twice)


def test_units_of_losses_are_converted(tmp_path: Path) -> None:
    """Bits to nats, by the name of the column or as said; a name of another unit only names it."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,val_bpb\n1e9,2e10,0.9\n2e9,4e10,0.85\n")
    runs = load(path)
    np.testing.assert_allclose(runs.loss, np.log(2) * np.array([0.9, 0.85]))
    assert runs.loss_unit == "nats/byte"
    path.write_text("params,tokens,loss\n1e9,2e10,4\n")
    assert load(path, loss_unit="bits per token").loss == pytest.approx([4 * np.log(2)])
    assert load(path, loss_unit="bits per token").loss_unit == "nats/token"
    assert load(path, loss_unit="nats/image").loss_unit == "nats/image"
    path.write_text("params,tokens,loss\n1e9,2e10,0.9\n")
    with pytest.raises(RunsFileError, match=r"runs\.csv:2:loss: 0\.9: no perplexity is 1 or less"):
        load(path, loss_unit="perplexity")


def test_perplexities_that_could_be_losses_are_told(tmp_path: Path) -> None:
    """Large models have perplexities below 12; their logarithms are what such models reach."""
    N = np.geomspace(1e9, 1e11, 6)
    path = tmp_path / "runs.csv"
    path.write_text(
        "params,tokens,loss\n" + "".join(f"{n!r},{20 * n!r},{float(np.exp(_LAW.loss(n, 20 * n)))!r}\n" for n in N.tolist())
    )
    with pytest.raises(RunsFileError, match="their logarithms are about that: are they perplexities"):
        load(path)
    assert load(path, loss_unit="perplexity").loss == pytest.approx(_LAW.loss(N, 20 * N))


@pytest.mark.parametrize("unit", list(FLOPS_UNITS))
def test_every_unit_of_compute_is_guessed_and_read(tmp_path: Path, unit: str) -> None:
    """Named in the refusal, or in a note where it is within a factor of a few; read where it is said."""
    table = _table(8, 3)
    path = tmp_path / "runs.csv"
    path.write_text(_csv({**table, "flops": [C / FLOPS_UNITS[unit] for C in table["flops"]]}))
    np.testing.assert_allclose(load(path, flops_unit=unit).flops, table["flops"], rtol=1e-12)
    if unit == "mac":
        assert "--flops-unit mac" in next(note.text for note in load(path).notes if note.code == "flops-odd")
    elif unit != "flop":
        with pytest.raises(RunsFileError, match=f"flops_unit {unit}"):
            load(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["params", "tokens"]), st.sampled_from([1e3, 1e6, 1e9, 1e12]), st.floats(7.5, 11), st.floats(0.3, 2))
def test_scaled_tables_are_refused_or_read_rightly(tmp_path: Path, scaled: str, scale: float, size: float, ratio: float) -> None:
    """Beside a flops column a wrong scale never passes in silence."""
    N = 10 ** np.linspace(size - 0.5, size + 0.5, 7)
    D = N * 10**ratio
    table = {"params": N, "tokens": D, "loss": _LAW.loss(N, D), "flops": 6 * N * D}
    path = tmp_path / "runs.csv"
    path.write_text(_csv({name: (values / (scale if name == scaled else 1)).tolist() for name, values in table.items()}))
    with pytest.raises(RunsFileError, match=r"cannot be of a model|flops/\(params x tokens\)|tokens per parameter|must be"):
        load(path)


def test_no_shipped_table_is_refused(tmp_path: Path) -> None:
    """By any check of units, with its compute and without."""
    for table in planner.run_tables():
        runs = table.load()
        assert not {"flops-odd", "unfinished", "left-out"} & set(codes(runs))
        for group in runs.groups or ("",):
            some = runs.select(group) if group else runs
            assert len(planner.load_runs(table.name)) == len(runs)
            arrays = {"params": some.params, "tokens": some.tokens, "loss": some.loss}
            assert len(read_table_of_runs(None, arrays, Reading())) == len(some)


# ---------------------------------------------------------------- dirty rows

DIRTY = """Name,State,params,tokens,val_loss
a,finished,1e8,2e9,3.31
b,crashed,1e8,4e9,3.30
c,finished,1e8,,3.2
d,finished,2e8,4e9,nan
e,finished,2e8,4e9,3.08
f,finished,2e8,8e9,many
g,running,4e8,8e9,2.9
h,finished,4e8,8e9,2.86
i,finished,4e8,9e9,45
"""


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "dirty.csv"
    path.write_text(DIRTY)
    return path


def test_all_faults_are_listed_at_once(dirty: Path) -> None:
    """Each with file, row and column; twenty of them, and how many more."""
    with pytest.raises(RunsFileError) as refused:
        load(dirty)
    first, *faults = str(refused.value).split("\n")
    assert first.endswith("dirty.csv: 3 faults; skip_bad leaves bad rows out")
    assert [line.partition("dirty.csv:")[2].split(": ")[0] for line in faults] == [
        "4:tokens",
        "5:val_loss".replace("val_", ""),
        "7:loss",
    ]
    dirty.write_text("params,tokens,loss\n" + "1e8,2e9,\n" * 33)
    with pytest.raises(RunsFileError) as refused:
        load(dirty)
    assert len(str(refused.value).split("\n")) == 22
    assert str(refused.value).endswith("... and 13 more")


def test_bad_rows_are_left_out_and_listed(dirty: Path) -> None:
    """Without a number, not finished, diverged; each with its reason."""
    runs = load(dirty, skip_bad=True)
    assert runs.rows.tolist() == [2, 6, 9]
    text = next(note.text for note in runs.notes if note.code == "left-out")
    assert text.startswith(
        "6 of 9 rows left out: row 3 (crashed), row 4 (tokens: is empty), row 5 (loss: 'nan': must be a number)"
    )
    assert "row 8 (running), row 10 (diverged: loss 45)" in text
    dirty.write_text("params,tokens,loss\n1e8,2e9,\n")
    with pytest.raises(RunsFileError, match=r"of 1 rows none is left; row 2 \(loss: is empty\)"):
        load(dirty, skip_bad=True)


def test_rows_are_chosen_by_conditions_and_numbers(dirty: Path) -> None:
    """What is left out otherwise is no fault; runs that did not finish get a warning where nothing was asked."""
    assert load(dirty, where=["State=finished", "val_loss!=45"], drop="4,5,7").rows.tolist() == [2, 6, 9]
    assert load(dirty, where={"state": "FINISHED"}, drop=[4, 5, 7, 10]).rows.tolist() == [2, 6, 9]
    kept = load(dirty, drop="4-5,7,10")
    note = next(note for note in kept.notes if note.code == "unfinished")
    assert (note.severity, "row 3 (crashed), row 8 (running)" in note.text) == ("warning", True)
    for asked, complaint in (
        ({"where": "Stat=finished"}, "has no column 'Stat' for where"),
        ({"where": "finished"}, "where 'finished': expected COLUMN=VALUE"),
        ({"drop": "4,99"}, "drop 99: .* has no such row; its last is row 10"),
        ({"drop": "0"}, "drop '0': expected row numbers"),
        ({"drop": "5-3"}, "drop '5-3': expected row numbers"),
        ({"skip_bad": "yes"}, "skip_bad 'yes': expected True or False"),
        ({"flops_unit": "parsec"}, "flops_unit 'parsec': expected one of flop"),
        ({"flops_unit": "gflop", "skip_bad": True}, "has no column of compute"),
        ({"columns": {"params": "params:0"}}, "columns params: '0': expected what one of the column is worth"),
    ):
        with pytest.raises(PlannerError, match=complaint):
            load(dirty, **{"skip_bad": True, **asked})


def test_a_pilot_table_half_filled_in_is_read(tmp_path: Path) -> None:
    """Pilots without a loss are still to be trained."""
    designed = planner.pilots(budget=1e20, target=1e23)
    lines = ["run,params,tokens,loss,purpose"]
    for number, run in enumerate(designed.runs):
        loss = f"{float(_LAW.loss(run.params, run.tokens)):.4f}" if number % 2 else ""
        lines.append(f"{number},{run.params!r},{run.tokens!r},{loss},{run.purpose}")
    path = tmp_path / "pilots.csv"
    path.write_text("\n".join(lines))
    runs = load(path)
    assert len(runs) == 12
    assert "12 of 24 pilots have no loss yet: left out" in [note.text for note in runs.notes]


def test_names_of_runs(tmp_path: Path) -> None:
    """Rows of one run and size are checkpoints and called so; a name of several sizes names no run."""
    path = tmp_path / "runs.csv"
    path.write_text("Name,params,tokens,loss\na,1e8,2e9,3.3\na,1e8,4e9,3.2\nb,2e8,4e9,3.1\n")
    runs = load(path)
    assert runs.run == ("a", "a", "b")
    assert "3 checkpoints of 2 runs" in runs.notes[-1].text
    path.write_text("Name,params,tokens,loss\na,1e8,2e9,3.3\na,2e8,4e9,3.1\n")
    assert load(path).run is None
    assert codes(load(path))[-1] == "run-names"
    path.write_text("Name,params,tokens,loss\na,1e8,2e9,3.3\na,1e8,2e9,3.31\nb,2e8,4e9,3.1\n")
    assert "(seeds?)" in load(path).notes[-1].text
    path.write_text("Name,params,tokens,loss\na,1e8,2e9,3.3\nb,2e8,4e9,3.1\n")
    assert "checkpoints" not in codes(load(path))


# ---------------------------------------------------------------- several files, standard input, data frames


def test_several_files_are_one_table(tmp_path: Path) -> None:
    """With each row's file; names of their own columns; what only one has is refused, or follows."""
    first, second = tmp_path / "a.csv", tmp_path / "b.jsonl"
    first.write_text("Name,params,tokens,loss\nx,1e8,2e9,3.3\nx,1e8,4e9,3.2\n")
    second.write_text('{"n_params": 2e8, "Name": "x", "flops": 4.8e18, "loss": 3.1}\n')
    runs = load([first, second])
    assert runs.params.tolist() == [1e8, 1e8, 2e8]
    assert runs.tokens.tolist() == [2e9, 4e9, pytest.approx(4e9)]
    assert runs.run is not None
    assert len(set(runs.run_ids or ())) == 2, "the same name in two files is not the same run"
    assert [Path(name).name for name in runs.file or ()] == ["a.csv", "a.csv", "b.jsonl"]
    second.write_text("params,tokens,loss,weight\n2e8,4e9,3.1,2\n")
    with pytest.raises(RunsFileError, match=r"a\.csv: lacks column weight, which the others have"):
        load([first, second])
    second.write_text("params,tokens,val_bpb\n2e8,4e9,1.1\n")
    with pytest.raises(RunsFileError, match="losses in different units"):
        load([first, second])
    with pytest.raises(OptionError, match="drop goes with one table"):
        load([first, first], drop="2")
    first.write_text("non_embedding_params,tokens_b,loss\n1e8,2,3.3\n")
    second.write_text("non_embedding_params,tokens_b,loss\n2e8,4,3.1\n")
    runs = load([first, second])
    assert runs.params_count == load(first).params_count == "non-embedding"
    assert runs.columns == load(first).columns, "a column in billions is not where the quantity itself stands"
    second.write_text("params,tokens,loss\n2e8,4e9,3.1\n")
    with pytest.raises(RunsFileError, match=r"counted differently: .*a\.csv non-embedding, .*b\.jsonl unsaid"):
        load([first, second])


def test_a_history_is_read_beside_its_run_table(tmp_path: Path) -> None:
    """The last value of each run, in either order of the files; a table without those runs is refused with their names."""
    table = tmp_path / "runs.csv"
    table.write_text(
        "Name,State,parameter_count,total_tokens,val/loss\nd10,finished,1e8,2e9,9\nd12,finished,2e8,4e9,9\nd14,finished,4e8,8e9,9\n"
    )
    history = tmp_path / "history.csv"
    history.write_text(
        '"Step","d10 - val/loss","d10 - val/loss__MIN","d10 - val/loss__MAX","d12 - val/loss","d12 - val/loss__MIN"\n'
        '"100","4.9","4.9","4.9","",""\n"200","4.8","4.8","4.8","4.7","4.7"\n"300","","","","4.6","4.6"\n'
    )
    for order in ([history, table], [table, history]):
        runs = load(order)
        assert runs.loss.tolist() == [4.8, 4.6]
        assert runs.params.tolist() == [1e8, 2e8]
        assert runs.rows.tolist() == [2, 3]
    history.write_text('"throughput/total_tokens","d10 - val/loss","d99 - val/loss"\n"1e9","4.9",""\n"1.5e9","4.8","4"\n')
    runs = load([history, table])
    assert (runs.tokens.tolist(), runs.loss.tolist()) == ([1.5e9], [4.8])
    assert "1 of its runs have no row there: d99" in runs.notes[0].text
    table.write_text("Name,parameter_count,total_tokens\nx,1e8,2e9\n")
    with pytest.raises(RunsFileError, match=r"has no column of run names that .*history\.csv knows \(d10, d99\)"):
        load([history, table])
    with pytest.raises(RunsFileError, match="give the run table beside it"):
        load(history)


def test_scalars_of_tensorboard_are_read_beside_the_table_of_their_runs(tmp_path: Path) -> None:
    """The last value of each run and tag, in CSV or JSON, in any order; a tag that a run lacks is not made up."""
    table = tmp_path / "runs.csv"
    table.write_text("Name,params,tokens\nd10,1e8,2e9\nd12,2e8,4e9\nd14,4e8,8e9\n")
    first = tmp_path / "run-d10-tag-eval_loss.csv"
    first.write_text("Wall time,Step,Value\n1.7e9,10,4.5\n1.7e9,20,4.1\n")
    second = tmp_path / "run-d12-tag-eval_loss.json"
    second.write_text("[[1.7e9, 10, 4.4], [1.7e9, 20, 3.9]]")
    other = tmp_path / "run-d12-tag-train_loss (1).csv"
    other.write_text("Wall time,Step,Value\n1.7e9,20,3.7\n")
    for order in ([first, second, table], [table, other, second, first]):
        runs = load(order)
        assert runs.loss.tolist() == [4.1, 3.9]
        assert runs.params.tolist() == [1e8, 2e8]
        assert runs.rows.tolist() == [2, 3]
    unnamed = tmp_path / "loss.csv"
    unnamed.write_text(first.read_text())
    again = tmp_path / "run-d10-tag-eval_loss (2).csv"
    again.write_text(first.read_text())
    for files, said in (
        ([first, unnamed, table], "its name does not say of which"),
        ([first, again, table], "run 'd10' and tag 'eval_loss' was given before"),
        ([first, table], "all scalars are of one run, 'd10'"),
        ([first, second], "beside a table of their names, params and tokens"),
    ):
        with pytest.raises(RunsFileError, match=said):
            load(files)


def test_exports_that_are_no_tables_of_runs_say_so(tmp_path: Path) -> None:
    """One scalar of one run, as TensorBoard exports it, in CSV and in JSON."""
    for name, text in (("a.csv", "Wall time,Step,Value\n1.7e9,10,4.5\n"), ("a.json", "[[1.7e9, 10, 4.5], [1.7e9, 20, 4.1]]")):
        (tmp_path / name).write_text(text)
        with pytest.raises(RunsFileError, match="one scalar of one run, as TensorBoard exports it"):
            load(tmp_path / name)


def test_pilots_are_saved_for_the_table_given(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers under its names; with losses filled in, one fit takes both files."""
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_bytes((CASES / "units_gflops.csv").read_bytes())
    _, _, said = run("pilots", "--given", "runs.csv", "--budget", "1e20", "--target", "1e22", "--save", "next.csv")
    assert said == "saved; fill in the losses, then: plan fit 'runs.csv' 'next.csv'\n"
    header, *lines = [line.split(",") for line in Path("next.csv").read_text().splitlines()]
    assert header[:5] == ["Name", "parameter_count", "throughput/total_tokens", "flops", "eval/loss"]
    assert all(line[1].isdigit() and line[2].isdigit() for line in lines)
    for line in lines:
        line[4] = f"{float(_LAW.loss(float(line[1]), float(line[2]))):.4f}"
    Path("next.csv").write_text("\n".join(",".join(line) for line in (header, *lines)))
    fitted = planner.fit(["runs.csv", "next.csv"], method="classical", draws=0)
    assert fitted.quality is not None
    assert fitted.quality.rows == 15 + 8
    assert [Path(str(outlier.file)).name for outlier in fitted.outliers] in ([], ["next.csv"])


def test_a_form_that_is_not_decided_is_called_so() -> None:
    """By its weight and by the rivals' held-out errors; none that the criterion speaks against is taken."""
    clear = planner.fit(**_with_one_off(noise=1e-4), form="auto", method="classical", draws=0)
    vague = planner.fit(**_with_one_off(noise=0.005), form="auto", method="classical", draws=0)
    for fitted in (clear, vague):
        taken = next(each for each in fitted.candidates if each.form == fitted.inputs["chosen_form"])
        assert taken.weight >= 0.1 * max(each.weight for each in fitted.candidates if each.form != "compute")
    assert not [note for note in clear.notes if note.code == "form-unsure"]
    assert "do not decide the form" in next(note.text for note in vague.notes if note.code == "form-unsure")
    assert "(taken, not sure)" in vague.text()
    assert "(taken)" in clear.text()


def test_standard_input_is_read() -> None:
    """From a pipe; once."""
    command = [sys.executable, "-m", "planner", "fit", "-", "--draws", "0", "--format", "json"]
    content = (CASES / "runs.jsonl").read_bytes()
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert json.loads(done.stdout)["inputs"]["runs"] == "standard input"
    done = subprocess.run([*command[:4], "-", "-"], input=content, capture_output=True, check=False)
    assert (done.returncode, b"can be read once" in done.stderr) == (2, True)


def _frames() -> dict[str, Any]:
    import pandas as pd
    import polars as pl

    table = {"params": BASE.params, "tokens": BASE.tokens, "val_loss": BASE.loss}
    return {"pandas": pd.DataFrame(table), "polars": pl.DataFrame(table)}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_tables(library: str) -> None:
    """Wherever Python takes a table; missing values of either library are empty cells."""
    frame = _frames()[library]
    same(load(frame))
    assert planner.fit(frame, method="classical", draws=0).law.role == "plan"
    assert len(planner.check_runs(frame).runs) == len(BASE)
    assert planner.pilots(given=frame, budget=1e19, target=1e22).runs
    assert planner.backtest(frame, methods=["classical"], ratios=[5]).cases
    missing = frame.copy() if library == "pandas" else frame.clone()
    if library == "pandas":
        missing.loc[2, "val_loss"] = None
    else:
        missing[2, "val_loss"] = None
    with pytest.raises(RunsFileError, match="the data frame:3:loss: is empty"):
        load(missing)
    assert len(load(missing, skip_bad=True)) == len(BASE) - 1


def test_a_curve_is_read_from_every_reader(tmp_path: Path) -> None:
    """Sizes and errors too."""
    import pandas as pd

    points = {"size": [1e4, 1e5, 1e6, 1e7, 1e8], "error": [0.8, 0.4, 0.2, 0.1, 0.05]}
    expected = planner.curve(points["size"], points["error"]).exponent
    path = tmp_path / "points.jsonl"
    path.write_text("\n".join(map(json.dumps, _rows(points))))
    assert planner.curve(path).exponent == expected
    assert planner.curve(pd.DataFrame(points)).exponent == expected
    path.write_text("\n".join(map(json.dumps, [*_rows(points), {"size": 1e9, "error": None}])))
    with pytest.raises(RunsFileError, match=r"points\.jsonl:6:error: is empty"):
        planner.curve(path)
    assert planner.curve(path, skip_bad=True).exponent == expected


# ---------------------------------------------------------------- nothing stated is lost

_SAID: Mapping[str, Any] = {
    "columns": {"loss": "other"},
    "sheet": "Second",
    "where": "kind=a",
    "drop": "3",
    "skip_bad": True,
    "flops_unit": "mac",
    "loss_unit": "bits/token",
    "exclude_outliers": True,
}
_VERBS: Mapping[str, dict[str, Any]] = {
    "fit": {"method": "classical", "draws": 0},
    "backtest": {"methods": ["classical"], "ratios": [4]},
    "check_runs": {},
    "pilots": {"budget": 1e19, "target": 1e23},
}


def test_every_input_of_a_table_has_an_example() -> None:
    """The table above knows what the registry knows."""
    assert set(_SAID) == set(rows(FitInputs))


@pytest.mark.parametrize(("verb", "name"), [(verb, name) for verb in _VERBS for name in _SAID if name in rows(TAKES[verb])])
def test_an_input_of_a_table_is_heard(tmp_path: Path, verb: str, name: str) -> None:
    """It changes the answer and stands in its inputs."""
    table = _table(24, 5)
    if name == "exclude_outliers":
        table["loss"][5] *= 1.15
    table |= {"other": [loss * (1.02 if N < 1e9 else 1) for N, loss in zip(table["params"], table["loss"], strict=True)]}
    kinds: dict[str, list[Any]] = {**table, "kind": ["a", "b", "a"] * 8}
    if name == "skip_bad":
        kinds["loss"] = [*table["loss"][:-1], "crashed"]
        if verb == "check_runs":
            kinds["tokens"] = [*table["tokens"][:-1], "none"]
    path = tmp_path / ("runs.xlsx" if name == "sheet" else "runs.csv")
    if name == "sheet":
        import openpyxl

        book = openpyxl.Workbook()
        book.remove(book["Sheet"])
        for title, factor in (("Runs", 1.0), ("Second", 1.01)):
            page = book.create_sheet(title)
            for row in (list(kinds), *zip(*kinds.values(), strict=True)):
                page.append([cell * factor if cell in table["loss"] and factor > 1 and cell < 3 else cell for cell in row])
        book.save(path)
    else:
        path.write_text(_csv(kinds).replace("'", ""))
    given = {"given": path} if verb == "pilots" else {"runs": path}

    def content(**asked: Any) -> Any:
        try:
            found = getattr(planner, verb)(**given, **_VERBS[verb], **asked).to_dict()
        except PlannerError as error:
            return str(error), {}
        inputs = found.pop("inputs")
        return json.dumps(found), inputs

    before, asked = content(), content(**{name: _SAID[name]})
    assert asked[1].get(name), asked[0][:300]
    assert asked[0] != before[0] or (verb == "check_runs" and name in {"flops_unit"})


@pytest.mark.parametrize("name", sorted(set(_SAID) - {"loss_unit", "exclude_outliers"}))
def test_inputs_of_a_file_are_refused_beside_arrays(name: str) -> None:
    """By name; a shipped table is read as it is."""
    for runs in ({"params": [1e8], "tokens": [2e9], "loss": [3.0]}, {"runs": "clark2022"}):
        with pytest.raises(OptionError, match=f"{name} goes with a file of runs"):
            planner.fit(**runs, **{name: _SAID[name]})


def test_a_law_that_is_saved_can_be_used(tmp_path: Path) -> None:
    """Whatever units the table was in: plan takes what fit wrote."""
    for file, unit in (("units_gflops.csv", None), ("units_tflops.csv", "tflop"), ("no_tokens.csv", None)):
        path = tmp_path / f"{Path(file).stem}.json"
        planner.fit(CASES / file, draws=0, flops_unit=unit).save(path)
        assert planner.plan(flops=1e21, law=path, others=()).params == pytest.approx(3e9, rel=0.3)


# ---------------------------------------------------------------- robust everywhere


def _with_one_off(by: float = 1.0, noise: float = 0.005) -> dict[str, Any]:
    """Return 29 runs of a known law, one of them off."""
    rng = np.random.default_rng(3)
    N = np.repeat(np.geomspace(2e7, 1e9, 10), 3)[:29]
    D = N * np.tile([5.0, 20.0, 80.0], 10)[:29]
    loss = _LAW.loss(N, D) * np.exp(noise * rng.standard_normal(29))
    loss[14] *= by
    return {"params": N, "tokens": D, "loss": loss, "run": [f"run {i}" for i in range(29)]}


def _frame(runs: Mapping[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame(runs)


def test_one_run_that_failed_moves_little() -> None:
    """Neither the noise and regret of pilots, nor the interval of a forecast; it is named, and what it changes is said."""
    clean, off = (
        planner.pilots(given=_frame(_with_one_off()), budget=1e20, target=1e23),
        planner.pilots(given=_frame(_with_one_off(1.12)), budget=1e20, target=1e23),
    )
    assert off.noise == pytest.approx(clean.noise, rel=0.25)
    assert off.expected[1].regret_90 < 2 * clean.expected[1].regret_90
    note = next(note for note in off.notes if note.code == "outliers")
    assert "row 15 (run run 14, +11" in note.text
    assert not [note for note in clean.notes if note.code == "outliers"]
    clean_loss, off_loss = (planner.fit(**_with_one_off(by), draws=20).ratios[0].loss_interval for by in (1.0, 1.12))
    assert clean_loss is not None
    assert off_loss is not None
    assert off_loss == pytest.approx(clean_loss, rel=0.01)
    fitted = planner.fit(**_with_one_off(1.12), draws=20)
    assert [(outlier.row, outlier.run) for outlier in fitted.outliers] == [(15, "run 14")]
    said = {note.code: note.text for note in fitted.notes}
    assert "one of 29 runs lies far from the law" in said["outliers"]
    without = planner.fit(**_with_one_off(1.12), draws=20, exclude_outliers=True)
    assert without.quality is not None
    assert without.quality.rows == 28
    assert "the forecast leaves it aside" in said["outliers"]
    assert "without-outliers" not in said
    assert without.ratios[1].params == pytest.approx(fitted.ratios[1].params, rel=1e-6)
    mild = planner.fit(**_with_one_off(1.09), draws=20)
    told = planner.fit(**_with_one_off(1.09), draws=20, exclude_outliers=True).ratios[1]
    said = {note.code: note.text for note in mild.notes}
    assert "kept, but the robust loss" in said["outliers"]
    assert f"would be {format_count(told.params)} instead of {format_count(mild.ratios[1].params)}" in said["without-outliers"]
    assert "1 of 29 runs far from the law left out: row 15 (run run 14, +11" in " ".join(note.text for note in without.notes)


@pytest.mark.parametrize("method", ["forecast", "classical"])
def test_intervals_do_not_move_with_names_or_order(method: str) -> None:
    """Of independent runs; and hardly with the seed."""
    runs = {name: np.asarray(values) for name, values in _with_one_off().items()}
    order = np.random.default_rng(1).permutation(29)
    found = [
        planner.fit(**given, method=method, seed=seed).ratios[1].params_interval  # type: ignore[arg-type]  # arrays
        for given, seed in (
            (runs, 0),
            ({name: values[order] for name, values in runs.items()}, 0),
            ({**runs, "run": [f"other {i}" for i in order]}, 0),
            ({**runs, "run": None}, 0),
            *((runs, seed) for seed in (1, 2, 3, 4)),
        )
    ]
    ends = np.log(np.array(found))
    width = float(np.diff(ends[0])[0])
    assert np.abs(ends[1:4] - ends[0]).max() < 1e-3 * width
    assert np.abs(ends[4:] - ends[0]).max() < 0.1 * width


def test_no_interval_of_loss_reaches_below_the_floor() -> None:
    """Of neither method, at any budget."""
    fitted = planner.fit(**_with_one_off(), draws=50)
    for each in (fitted, *fitted.others):
        found = [planner.loss_interval(each.law, 1e9 * 10.0**i, 2e10 * 10.0**i) for i in range(8)]
        for interval in found:
            assert interval is not None
            assert each.law.irreducible_loss is not None
            assert min(float(interval.mean[0]), float(interval.run[0])) >= each.law.irreducible_loss


# ---------------------------------------------------------------- found by trying


def test_a_law_says_how_its_table_was_read(tmp_path: Path) -> None:
    """Every way of reading goes into the law file, and comes back."""
    path = tmp_path / "runs.csv"
    table = _table(16, 5)
    path.write_text(_csv({**table, "kind": [1, 2] * 8}))
    asked: dict[str, Any] = {"columns": {"params": "params"}, "where": "kind=1", "drop": [3, 4], "skip_bad": True}
    planner.fit(path, draws=0, method="classical", **asked).save(tmp_path / "law.json")
    law = planner.load_law(tmp_path / "law.json")
    assert {name: law.fit[name] for name in asked} == {
        "columns": "params=params",
        "where": "kind=1",
        "drop": "3,4",
        "skip_bad": True,
    }


def test_a_pipe_is_read_to_its_end() -> None:
    """Which gives its bytes in pieces."""

    class Pieces:
        def __init__(self) -> None:
            self.left = list((CASES / "units_base.csv").read_bytes())

        def read(self, size: int) -> bytes:
            piece, self.left = bytes(self.left[:7]), self.left[7:]
            return piece

    same(load(Pieces()))


@pytest.mark.parametrize("unit", ["bits / byte", "bits-per-byte", "bits_per_byte", "Bits per byte", "bpb"])
def test_units_of_losses_as_people_write_them(tmp_path: Path, unit: str) -> None:
    """All are the same one; of perplexity too."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n1e9,2e10,0.9\n")
    assert load(path, loss_unit=unit).loss_unit == "nats/byte"
    assert load(path, loss_unit=unit).loss == pytest.approx([0.9 * np.log(2)])
    path.write_text("params,tokens,loss\n1e9,2e10,20\n")
    for called in ("ppl/token", "Perplexities", "perplexity per word"):
        assert load(path, loss_unit=called).loss == pytest.approx([np.log(20)])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfep\x00a\x00x", "is no text"),
        (b'[{"params": 1e8, "params": 2e8, "tokens": 1e9, "loss": 3}]', "names 'params' twice in one mapping"),
        (
            b'[{"config": {"params": 1e8}, "config/params": 5e8, "tokens": 1e9, "loss": 3}]',
            "nested names say the same thing twice",
        ),
        (b'{"' + b"k" * 2000 + b'": {"a": [1]}, "b": 1}', "lacks column|has a name of more than"),
        (b"[" + b",".join(b'{"k%d": 1}' % i for i in range(6000)) + b"]", "has more than 5000 names"),
        (b'[{"params": ' + b"1" * 5000 + b"}]", "too many digits|is no JSON"),
        (b"\x1f\x8bnonsense", "is no gzip file"),
        (b"PAR1nonsense", "is no Parquet file"),
    ],
)
def test_hostile_files_are_refused_at_once(tmp_path: Path, content: bytes, complaint: str) -> None:
    """With what is wrong; nothing is taken twice, nothing takes long."""
    path = tmp_path / "runs.any"
    path.write_bytes(content)
    with pytest.raises(RunsFileError, match=complaint):
        load(path)


def test_hostile_objects_are_refused() -> None:
    """Closed files, readers that fail, columns that are none."""
    import pandas as pd

    class Failing:
        def read(self, size: int = -1) -> bytes:
            raise RuntimeError("no")

    class Columns:
        columns = 3

        def __getitem__(self, key: object) -> object:
            return key

    closed = io.BytesIO(b"params")
    closed.close()
    for source in (Failing(), closed, Columns(), pd.DataFrame):
        with pytest.raises(PlannerError):
            planner.fit(source)
    with pytest.raises(OptionError, match="row numbers; at most"):
        load(CASES / "units_base.csv", drop=range(1, 30_000_000))


def test_columns_by_name_keep_their_rows(tmp_path: Path) -> None:
    """Inner keys in another order are the same rows; rows of two frames are not."""
    path = tmp_path / "runs.json"
    path.write_text('{"params": {"0": 1e8, "1": 2e8}, "tokens": {"0": 2e9, "1": 4e9}, "loss": {"1": 3.1, "0": 3.3}}')
    assert load(path).loss.tolist() == [3.3, 3.1]
    clean, off = _frame(_with_one_off()), _frame(_with_one_off(1.2))
    found = planner.fit([clean, off], method="classical", draws=0)
    assert {(outlier.file, outlier.row) for outlier in found.outliers} == {("the data frame 2", 15)}


def test_histories_with_names_twice_are_refused(tmp_path: Path) -> None:
    """In the export or in the table; rows of which the export knows nothing are counted."""
    table, history = tmp_path / "runs.csv", tmp_path / "history.csv"
    table.write_text("Name,params,tokens\na,1e8,2e9\nb,2e8,4e9\nc,4e8,8e9\n")
    history.write_text("Step,a - val/loss,a - val/loss,b - val/loss\n1,3.3,3.2,3.1\n")
    with pytest.raises(RunsFileError, match="two runs are called 'a'"):
        load([history, table])
    history.write_text("Step,a - val/loss,b - val/loss\n1,3.3,3.1\n")
    assert "1 of 3 rows have no run there, and are left out" in load([history, table]).notes[0].text
    table.write_text("Name,params,tokens\na,1e8,2e9\na,2e8,4e9\nb,2e8,4e9\n")
    with pytest.raises(RunsFileError, match="two rows are of the run 'a'"):
        load([history, table])


def test_a_condition_may_hold_any_text(tmp_path: Path) -> None:
    """As a mapping, whatever the column is called."""
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss,a=b\n1e8,2e9,3.3,c\n2e8,4e9,3.1,d\n")
    assert load(path, where={"a=b": "c"}).params.tolist() == [1e8]


def test_losses_far_below_what_such_models_reach_are_told(tmp_path: Path) -> None:
    """Parameters in thousands look like tiny models; a stated unit is believed."""
    N = np.geomspace(5e7, 8e8, 6)
    path = tmp_path / "runs.csv"
    path.write_text(_csv({"params": (N / 1e3).tolist(), "tokens": (20 * N).tolist(), "loss": _LAW.loss(N, 20 * N).tolist()}))
    assert "parameters or tokens in thousands" in next(note.text for note in load(path).notes if note.code == "losses-low")
    assert "losses-low" not in codes(load(path, loss_unit="nats/character"))
    assert "losses-low" not in codes(load(path, columns={"params": "params:1e3"}))


def test_a_run_whose_compute_contradicts_its_sizes_is_named(tmp_path: Path) -> None:
    """One row three times above 6 N D is warned of; all rows above it are attention or recomputation, and said as before."""
    path, rows = tmp_path / "runs.csv", ["params,tokens,flops,loss"]
    for i, N in enumerate(np.geomspace(2e7, 2e9, 15)):
        rows.append(
            f"{N:.0f},{20 * N:.0f},{(18 if i == 3 else 6) * N * 20 * N:.4e},{1.8 + 480 / N**0.34 + 2000 / (20 * N) ** 0.37:.5f}"
        )
    path.write_text("\n".join(rows))
    (text,) = [note.text for note in planner.fit(path, method="classical", draws=0).notes if note.code == "flops-contradict"]
    assert "in 1 of 15 runs: that of 53.7 M parameters on 1.07 B tokens spends 3 times what others do" in text
    path.write_text("\n".join(row for i, row in enumerate(rows) if i != 4))
    assert not [note for note in planner.fit(path, method="classical", draws=0).notes if note.code == "flops-contradict"]
