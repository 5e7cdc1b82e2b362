"""The catalogue: every file is whole, every published number is reproduced, changes rename."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import planner
from planner._util import files
from planner._util.files import data_root, read_table
from planner.accelerators.catalogue import accelerators
from planner.allocation.published_checks import COMPUTED
from planner.errors import CannotPlanError, LawFileError, OptionError, UnknownLawError
from planner.fitting.learning_curve.published import published_curves
from planner.planning.benchmark_regressions import benchmarks
from planner.planning.published_levers import published_levers
from planner.scaling_laws.catalogue import law_ids
from planner.scaling_laws.forms import FORMS
from planner.scaling_laws.law_file import QUANTITIES, law_from_table

LAWS = planner.laws()
GOOD = data_root() / "laws" / "besiroglu2024.toml"


@pytest.mark.parametrize(
    ("law", "number"), [(law, i) for law in LAWS for i in range(len(law.checks))], ids=lambda value: str(value)
)
def test_published_outputs_are_reproduced(law: planner.Law, number: int) -> None:
    """Each [[check]] of each law file holds within the printed precision."""
    result = planner.verify(law)[number]
    assert result.passed, (
        f"{law.id}: {result.check.quantity} {dict(result.check.inputs)}: {result.computed} != {result.check.expected}"
    )


def test_the_catalogue_is_large_and_checked() -> None:
    """The laws that the project promises are all there, and over fifty published outputs are held against them."""
    promised = {
        "kaplan2020", "kaplan2020-naive", "kaplan2020-ln", "kaplan2020-ld", "kaplan2020-lnd", "kaplan2020-lns", "kaplan2020-overfit",
        "hoffmann2022-approach1", "hoffmann2022-approach2", "hoffmann2022-approach3", "hoffmann2022-approach3-tex", "devries2023",
        "besiroglu2024", "porian2024-tuned", "pearce2024", "muennighoff2023", "deepseek2024", "llama3", "minicpm2024", "gadre2024-c4",
        "krajewski2024-dense", "shukor2025-sparse", "soda2026", "olmo-hybrid2026-transformer",
    }  # fmt: skip
    assert promised <= set(law_ids())
    assert sum(len(law.checks) for law in LAWS) > 50


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_every_law_carries_its_provenance(law: planner.Law) -> None:
    """Id and file name agree; source, conventions and a way to read the number are given."""
    assert (data_root() / "laws" / f"{law.id}.toml").is_file()
    assert law.source.locator
    assert law.source.read
    assert law.source.arxiv or law.source.doi or law.source.url
    assert law.conventions.data
    assert law.conventions.flops_per_param_token == 6
    if law.form.surface:
        assert law.conventions.loss_unit != "none"
    if law.conventions.params != "total" and law.role == "plan" and law.conventions.params != "unstated":
        assert "params-convention" in {note.code for note in law.notes}


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_law_survives_json(law: planner.Law, tmp_path: Path) -> None:
    """The same content as a JSON file gives the same law."""
    table = read_table(data_root() / "laws" / f"{law.id}.toml")
    path = tmp_path / "law.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    assert planner.load_law(path) == law


def test_no_published_number_stands_in_code() -> None:
    """Constants of the catalogue with four digits or more appear in no .py file of the package."""
    package = Path(planner.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    assert "32,000" not in code  # Pearce & Song's vocabulary
    for law in LAWS:
        for name, value in law.params.items():
            digits = f"{value:.10g}"
            if len(digits.replace(".", "").strip("0")) >= 4 and "e" not in digits:
                assert digits not in code, f"{law.id}: {name} = {digits} stands in code"


@pytest.mark.parametrize(("flops", "expected"), [(1e21, 4.68e9)])
def test_kaplan_needs_c_min(flops: float, expected: float) -> None:
    """4.68 B with C_min = C/2 (Hoffmann 2022, App. D.4); 7.77 B with C_min = C, the usual mistake."""
    law = planner.load_law("kaplan2020")
    assert planner.allocate(law, flops).params == pytest.approx(expected, rel=0.005)
    assert planner.allocate(law.replace(C_per_Cmin=1), flops).params == pytest.approx(7.77e9, rel=0.002)


@pytest.mark.parametrize(
    ("law", "flops", "params", "ratio", "loss"),
    [
        ("hoffmann2022-approach3", 1e21, 1.82e9, 50, 2.329),
        ("hoffmann2022-approach3-tex", 1e21, 2.22e9, 34, 2.295),
        ("devries2023", 1e21, 2.28e9, 32, 2.328),
        ("besiroglu2024", 1e21, 2.78e9, 21.6, 2.306),
        ("muennighoff2023", 1e21, 2.92e9, 19.6, 2.348),
        ("hoffmann2022-approach3", 5.76e23, 32.2e9, 93, 1.931),
        ("hoffmann2022-approach3-tex", 5.76e23, 40.3e9, 59, 1.918),
        ("besiroglu2024", 5.76e23, 72.3e9, 18.4, 1.974),
        ("muennighoff2023", 3.8e25, 568e9, 19.6, 1.944),
        ("besiroglu2024", 3.8e25, 619e9, 16.5, 1.892),
    ],
)
def test_worked_table_of_chinchilla_constants(law: str, flops: float, params: float, ratio: float, loss: float) -> None:
    """N, D/N and L of the rival constants at three budgets, worked out independently with the printed constants."""
    best = planner.allocate(law, flops)
    assert best.params == pytest.approx(params, rel=0.006)
    assert best.tokens / best.params == pytest.approx(ratio, rel=0.02)
    assert best.loss == pytest.approx(loss, abs=0.0006)


def test_muennighoff_is_the_full_precision_law() -> None:
    """E, A and B are the exponentials of the printed logarithms (Muennighoff 2023, App. A)."""
    import math

    p = planner.load_law("muennighoff2023").params
    assert p["A"] == pytest.approx(math.exp(6.255414), rel=1e-12)
    assert p["B"] == pytest.approx(math.exp(7.3049974), rel=1e-12)
    assert p["E"] == pytest.approx(math.exp(0.6254804), rel=1e-12)


def test_rounding_moves_the_data_term_by_13_percent() -> None:
    """beta 0.2849 rounded to 0.28 moves B/D^beta by 13 % at 1e11 tokens (Besiroglu 2024, Sec. 3.1)."""
    exact = planner.load_law("hoffmann2022-approach3-tex").params["beta"]
    rounded = planner.load_law("hoffmann2022-approach3").params["beta"]
    assert 1e11 ** (exact - rounded) - 1 == pytest.approx(0.13, rel=0.03)


def test_replacing_a_constant_renames_the_law() -> None:
    """An edited published law can never pass for the published one."""
    law = planner.load_law("besiroglu2024")
    changed = law.replace(alpha=0.34, A=400)
    assert changed.id == "besiroglu2024 (modified)"
    assert "alpha = 0.34 instead of 0.3478" in changed.notes[-1].text
    assert changed.replace(E=1.7).id == "besiroglu2024 (modified)"
    assert changed.checks == ()
    assert changed.interval is None
    assert law.replace(alpha=0.3478) is law
    assert law.params["alpha"] == 0.3478


def test_an_exponent_without_its_prefactor_is_a_warning() -> None:
    """alpha and A were fitted together: changing one alone is called out."""
    codes = {note.code: note.severity for note in planner.load_law("besiroglu2024").replace(alpha=0.34).notes}
    assert codes["fitted-together"] == "warning"


def test_a_law_is_frozen() -> None:
    """Neither attributes nor constants can be changed in place."""
    law = planner.load_law("besiroglu2024")
    with pytest.raises(AttributeError):
        law.id = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        law.params["E"] = 0.0  # type: ignore[index]


@pytest.mark.parametrize(("name", "value", "text"), [
    ("gamma", 1.0, "no constant 'gamma'; it has E, A, B, alpha, beta"), ("alpha", -0.1, "alpha = -0.1: must be above 0 and below 10"),
    ("E", float("nan"), "E = nan: must be a finite number"), ("A", True, "A = True: must be a finite number"),
])  # fmt: skip
def test_impossible_constants_are_refused(name: str, value: float, text: str) -> None:
    """Unknown names and values outside the form's range."""
    with pytest.raises(OptionError, match=text.replace("(", r"\(")):
        planner.load_law("besiroglu2024").replace(**{name: value})


def test_unknown_laws_name_close_matches() -> None:
    """A typo, a fragment and a word of the title all find something; nonsense finds the list."""
    for wanted, expected in (
        ("besiroglu2023", "besiroglu2024"),
        ("kaplan", "kaplan2020"),
        ("chinchilla", "hoffmann2022-approach1"),
    ):
        with pytest.raises(UnknownLawError) as caught:
            planner.load_law(wanted)
        assert expected in caught.value.matches
        assert "did you mean" in str(caught.value)
    for nonsense in ("zzz", "", "../besiroglu2024\x00", "a" * 500):
        with pytest.raises((UnknownLawError, LawFileError)):
            planner.load_law(nonsense)
    with pytest.raises(UnknownLawError, match="got int"):
        planner.load_law(5)  # type: ignore[arg-type]


def test_applicable_laws_cover_the_budget() -> None:
    """laws(flops=C) are those whose fitted range holds C and the N and D that they would choose."""
    found = {law.id for law in planner.laws(flops=1e21)}
    assert {"besiroglu2024", "llama3", "hoffmann2022-approach1"} <= found
    assert "deepseek2024" not in found  # fitted up to 3e20
    assert "kaplan2020" not in found  # would plan 4.68 B, fitted up to 1.5 B
    assert "kaplan2020" in {law.id for law in planner.laws(flops="1e20 FLOP")}
    assert planner.laws(flops=1e35) == ()


def test_roles() -> None:
    """What a law can do follows from its form and from what its file forbids."""
    roles = {law.id: law.role for law in LAWS}
    assert roles["besiroglu2024"] == "plan"
    assert roles["gadre2024-c4"] == "check"
    assert roles["xlstm2025"] == "anchor"
    assert roles["pearce2024"] == "reference"


def test_laws_refuse_what_they_cannot_answer() -> None:
    """No loss without a surface, no optimum where it would be an artefact, no plan from exponents alone."""
    with pytest.raises(CannotPlanError, match="no loss surface"):
        planner.load_law("llama3").loss(1e9, 1e10)
    with pytest.raises(CannotPlanError, match="artefact"):
        planner.plan(flops=1e21, law="gadre2024-c4")
    with pytest.raises(CannotPlanError, match="--anchor"):
        planner.plan(flops=1e21, law="xlstm2025")
    with pytest.raises(CannotPlanError, match="no compute-optimal line"):
        planner.plan(flops=1e21, law="kaplan2020-ln")
    with pytest.raises(OptionError, match="loss needs tokens"):
        planner.load_law("besiroglu2024").loss(1e9)
    odd_values: tuple[Any, ...] = ("7B", 10**400, {}, 1j, float("nan"), float("inf"))
    for odd in odd_values:
        with pytest.raises(OptionError):
            planner.load_law("besiroglu2024").loss(odd, 1e9)
    with pytest.raises(OptionError, match="one shape"):
        planner.load_law("besiroglu2024").loss([1e9, 2e9], [1e9, 2e9, 3e9])
    with pytest.raises(OptionError, match="above 0"):
        planner.load_law("besiroglu2024").loss(1e9, -1.0)


def test_single_quantity_laws() -> None:
    """L(N) needs no tokens and L(D) no parameters; twice the parameters cut L(N) by 5 % (Kaplan 2020, Sec. 1.2)."""
    assert planner.load_law("kaplan2020-ln").loss(params=1e9) == pytest.approx((8.8e13 / 1e9) ** 0.076)
    assert planner.load_law("kaplan2020-ld").loss(tokens=1e10) == pytest.approx((5.4e13 / 1e10) ** 0.095)


def test_pearce_conversion_round_trips() -> None:
    """Adding and leaving out embeddings are inverse."""
    from planner.allocation.effective_size import non_embedding_params, total_params

    gamma = planner.load_law("pearce2024").params["gamma"]
    for params in (768.0, 1e6, 1.5e9, 1e12):
        assert non_embedding_params(total_params(params, gamma), gamma) == pytest.approx(params, rel=1e-12)


def _broken(change: Any) -> dict[str, Any]:
    table = read_table(GOOD)
    change(table)
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("source"), "lacks [source]"),
        (lambda t: t["source"].pop("locator"), "lacks source.locator"),
        (lambda t: t["source"].pop("year"), "lacks source.year"),
        (lambda t: t["source"].update(year="2024"), "source.year: expected a whole number"),
        (lambda t: t["source"].pop("arxiv"), "[source] needs one of arxiv, doi or url"),
        (lambda t: t.pop("conventions"), "lacks [conventions]"),
        (lambda t: t["conventions"].pop("loss_unit"), "lacks conventions.loss_unit"),
        (lambda t: t["conventions"].update(params="some"), "conventions.params = 'some': must be one of total"),
        (lambda t: t["conventions"].update(flops_per_param_token=0), "must lie between 0.01 and 1000"),
        (lambda t: t["conventions"].update(flops_per_param_token="6"), "expected a finite number, got '6'"),
        (lambda t: t["params"].pop("beta"), "[params] lacks beta; the form additive needs E, A, B, alpha, beta"),
        (lambda t: t["params"].update(gamma=1.0), "no constant 'gamma'"),
        (lambda t: t["params"].update(alpha=-1.0), "alpha = -1.0: must be above 0"),
        (lambda t: t["params"].update(alpha="0.3"), "alpha = '0.3': must be a finite number"),
        (lambda t: t["params"].update(alpha=float("inf")), "alpha = inf: must be a finite number"),
        (lambda t: t.update(form="chinchilla"), "form = 'chinchilla' is not known; forms are additive"),
        (lambda t: t.update(parms={}), "parms is not a key known here"),
        (lambda t: t.update(id="my law"), "use letters, digits"),
        (lambda t: t.update(id=""), "id: expected a text"),
        (lambda t: t.update(params=[1]), "params: expected a table, got list"),
        (lambda t: t["domain"].update(params=[1.0]), "domain.params: expected [low, high]"),
        (lambda t: t["domain"].update(params=[2.0, 1.0]), "low end 2 is above high end 1"),
        (lambda t: t["domain"].update(params=[0.0, 1.0]), "domain.params: must be above 0"),
        (lambda t: t["interval"].update(zeta=[1.0, 2.0]), "interval.zeta is not a key"),
        (lambda t: t.update(note=[{"code": "x", "severity": "fatal", "text": "y"}]), "severity = 'fatal': must be one of info, warning"),
        (lambda t: t.update(note="x"), "note: expected a list of tables"),
        (lambda t: t.update(traps="x"), "traps: expected a list of texts"),
        (lambda t: t["params"].update(A=10**400), "must be a finite number"),
        (lambda t: t["domain"].update(params=[1.0, 10**400]), "expected a finite number"),
        (lambda t: t.update(title="a\nb"), "title: must be one line"),
        (lambda t: t.update(title="\x1b[31m"), "title: must be one line"),
        (lambda t: t["source"].update(authors="\u202eevil"), "source.authors: must be one line"),
        (lambda t: t["source"].update(authors="\x9b31m"), "source.authors: must be one line"),
        (lambda t: t.update(title="x" * 100_000), "title: must be one line of at most"),
        (lambda t: t.update(traps=["\ud800"]), "traps: must be one line"),
        (lambda t: t.update({"x\ny": 1}), "is not a key known here"),
        (lambda t: t["conventions"].update(flops_per_param_token=1e-300), "must lie between 0.01 and 1000"),
        (lambda t: t.update(note=[{"code": "x", "severity": "info", "text": "y", "constants": ["zeta"]}]), "'zeta' is no constant"),
        (lambda t: t["check"][0].update(quantity="rule_tokens", inputs={"params": 1.0}), "has no answer to that"),
        (lambda t: t["check"][1].update(inputs={"flops": -5.0}), "inputs.flops: must be above 0"),
        (lambda t: t["check"][1].update(rel_tolerance=-1.0), "rel_tolerance: must be above 0"),
        (lambda t: t["check"][0].update(quantity="mood"), "quantity = 'mood': must be one of params"),
        (lambda t: t["check"][1].update(inputs={}), "tokens_per_param takes flops, got nothing"),
    ],
)  # fmt: skip
def test_a_broken_law_file_says_file_key_and_rule(change: Any, message: str) -> None:
    """Every rule of the schema has its own line."""
    with pytest.raises(LawFileError) as caught:
        law_from_table(_broken(change), "my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("x.toml", b"id = ", "not valid TOML"), ("x.json", b"{", "not valid JSON"), ("x.json", b"[1]", "expected a table at the top level"),
    ("x.toml", b"\xff\xfe", "not UTF-8 text"), ("x.yaml", b"id: x", "ending in .toml or .json"), ("x.json", b"[" * 100_000, "not valid JSON"),
])  # fmt: skip
def test_unreadable_files_are_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Bad syntax, encoding or kind."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LawFileError, match=message) as caught:
        planner.load_law(path)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_one_line(tmp_path: Path) -> None:
    """No file, and a folder that ends in .toml."""
    with pytest.raises(LawFileError, match="cannot be read"):
        planner.load_law(tmp_path / "none.toml")
    (tmp_path / "dir.toml").mkdir()
    with pytest.raises(LawFileError, match="cannot be read"):
        planner.load_law(tmp_path / "dir.toml")


def test_only_regular_files_of_reasonable_size_are_read(tmp_path: Path) -> None:
    """A pipe would hang, a device never ends, a huge file is no law, one endless key takes the parser minutes."""
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "huge.json").write_text(" " * 5_000_000, encoding="utf-8")
    (tmp_path / "huge.toml").write_text("#\n" * 150_000, encoding="utf-8")
    (tmp_path / "dots.toml").write_text("a" + ".a" * 50_000 + " = 1", encoding="utf-8")
    for name, message in (("pipe.toml", "not a regular file"), ("zero.toml", "not a regular file"), ("huge.json", "larger than 4096 KiB"), ("huge.toml", "larger than 256 KiB"),
                          ("dots.toml", "a line of more than")):  # fmt: skip
        with pytest.raises(LawFileError, match=message):
            planner.load_law(tmp_path / name)


def test_json_keys_given_twice_are_refused(tmp_path: Path) -> None:
    """TOML refuses them by itself; JSON would silently take the last."""
    (tmp_path / "x.json").write_text('{"id": "a", "id": "b"}', encoding="utf-8")
    with pytest.raises(LawFileError, match="'id' is given twice"):
        planner.load_law(tmp_path / "x.json")


def test_an_edited_catalogue_is_noticed_in_a_long_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is kept of a bundled file is kept by path, size and time: a spreadsheet's helper runs for days."""
    root = tmp_path / "data"
    shutil.copytree(files.data_root(), root)
    monkeypatch.setattr(files, "data_root", lambda: root)
    monkeypatch.setattr("planner.scaling_laws.catalogue.data_root", lambda: root)
    edits: dict[str, tuple[str, str, Callable[[], Any]]] = {
        "laws/besiroglu2024.toml": (r"(?m)^(E *= *)1\.8172", r"\g<1>1.9172", lambda: planner.plan(flops=1e21).irreducible_loss),
        "hardware.toml": (r'name = "NVIDIA H100 SXM', 'name = "Edited H100 SXM', lambda: [each.name for each in accelerators()]),
        "models.toml": (r'name = "([^"]+)"', r'name = "Edited \1"', lambda: [each.name for each in planner.models()]),
        "benchmarks.toml": (r'(?m)^title = "', 'title = "Edited ', lambda: [each.title for each in benchmarks()]),
        "levers.toml": (r'(?m)^title = "', 'title = "Edited ', lambda: [each.title for each in published_levers()]),
        "learning_curves.toml": (r'(?m)^title = "', 'title = "Edited ', lambda: [each.title for each in published_curves()]),
        "runs/porian2024.toml": (r'(?m)^title = "', 'title = "Edited ', lambda: [each.title for each in planner.run_tables()]),
        "planning.toml": (r"(?m)^least *= *[0-9.]+", "least = 0.123", lambda: files.settings("planning.toml", "quality")["least"]),
    }  # fmt: skip
    for name, (found, put, ask) in edits.items():
        before = ask()
        assert ask() == before
        path = root / name
        text = path.read_text(encoding="utf-8")
        edited = re.sub(found, put, text)
        assert edited != text, name
        path.write_text(edited, encoding="utf-8")
        assert ask() != before, name
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(1, 1))  # another time again
        assert ask() == before, name


def test_a_file_cannot_pass_for_a_catalogued_law(tmp_path: Path) -> None:
    """The id of a published law belongs to its published constants."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.read_text(encoding="utf-8").replace("E = 1.8172", "E = 1.5"), encoding="utf-8")
    with pytest.raises(LawFileError, match="belongs to a catalogued law"):
        planner.load_law(path)


def test_a_law_of_ones_own_plans(tmp_path: Path) -> None:
    """A copied and edited file enters by the same door."""
    path = tmp_path / "mine.toml"
    shutil.copy(GOOD, path)
    text = path.read_text(encoding="utf-8").replace('id = "besiroglu2024"', 'id = "mine"').replace("E = 1.8172", "E = 1.5")
    path.write_text(text, encoding="utf-8")
    mine, base = planner.plan(flops=1e21, law=str(path)), planner.plan(flops=1e21)
    assert mine.law.id == "mine"
    assert mine.loss is not None
    assert base.loss is not None
    assert mine.loss == pytest.approx(base.loss - 1.8172 + 1.5)


def test_every_form_is_in_use() -> None:
    """No form without a law: dead equations would rot."""
    assert {law.form.name for law in LAWS} | {"generalised", "ensemble", "compute_power"} == set(FORMS)  # what fits make


def test_what_a_file_may_state_can_be_computed() -> None:
    """The schema and the arithmetic know the same quantities."""
    assert set(QUANTITIES) == set(COMPUTED)


def test_what_was_parsed_is_kept_as_bytecode_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside Python's own, where Python writes it; an edited file is read anew, and what is damaged or cannot be written does no harm."""
    monkeypatch.setattr(files, "data_root", lambda: tmp_path)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    source, kept = tmp_path / "some.toml", tmp_path / "__pycache__"
    source.write_text("[one]\nvalue = 1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert files.read_bundled("some.toml") == {"one": {"value": 1}}
    assert not kept.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for _ in range(2):
        assert files.read_bundled("some.toml") == {"one": {"value": 1}}
        (name,) = kept.iterdir()
    source.write_text("[one]\nvalue = 22\n", encoding="utf-8")
    assert files.read_bundled("some.toml") == {"one": {"value": 22}}
    for damage in (b"", b"nonsense", name.read_bytes()[:-3]):
        name.write_bytes(damage)
        assert files.read_bundled("some.toml") == {"one": {"value": 22}}
    source.write_text("day = 2026-01-01\n", encoding="utf-8")  # a date cannot be kept
    assert str(files.read_bundled("some.toml")["day"]) == "2026-01-01"
    name.unlink()
    kept.rmdir()
    kept.write_text("in the way", encoding="utf-8")
    assert str(files.read_bundled("some.toml")["day"]) == "2026-01-01"
