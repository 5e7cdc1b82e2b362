"""Whatever is given, to whatever takes it: a right answer, or one line that says what was expected."""

import random
from collections.abc import Callable
from functools import partial
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import planner
from tests import fuzz

_CASES = 3000
"""About four seconds; ``.ci/run`` tries for a minute, and for longer every night."""


def test_every_public_function_is_tried(tmp_path: Path) -> None:
    """A new one needs arguments that it answers."""
    public = {name for name in dir(planner) if callable(found := getattr(planner, name)) and not isinstance(found, type)}
    assert set(fuzz.functions(tmp_path)) == {name for name in public if not name.startswith("_")}


def test_odd_objects_in_every_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd objects into arguments of every public function; in CI every pair, of the slow ones a hundred."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(1)
    wrong = {}
    for name, (function, asked) in fuzz.functions(tmp_path).items():
        pairs = [(argument, odd) for argument in signature(function).parameters for odd in fuzz.ODD]
        for argument, odd in rng.sample(pairs, min(settings().max_examples * (1 if name in fuzz.SLOW else 40), len(pairs))):
            if found := fuzz.put(function, asked, argument, odd):
                wrong[f"{name}({argument}={odd})"] = found
    assert wrong == {}


def test_odd_objects_in_methods(tmp_path: Path) -> None:
    """Those of a law and of a fit, with and without draws."""
    law = planner.load_law("besiroglu2024")
    fitted = planner.fit(**fuzz.some_runs(), method="classical", draws=50)
    run = {"params": 1e9, "tokens": 2e10}
    methods: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (law.loss, run),
        (law.replace, {"alpha": 0.3}),
        (planner.load_law("abnar2025").choose, {"S": 0.5}),
        (partial(law.with_exponents, change="yours"), {"a": 0.5, "b": 0.5, "anchor": (1e21, 1e9)}),
        (fitted.predict, {**run, "level": 0.9}),
        (fitted.save, {"path": tmp_path / "law.json", "overwrite": True}),
        (planner.loss_interval, {"law": fitted.law, **run, "level": 0.9}),
        (planner.size_interval, {"question": fitted.law, "flops": 1e21, "level": 0.9}),
    ]
    for function, asked in methods:
        wrong = {
            (argument, odd): found
            for argument in asked
            for odd in fuzz.ODD
            if (found := fuzz.put(function, asked, argument, odd))
        }
        assert wrong == {}, function


def test_nothing_imaginary_and_no_truth_is_taken_for_a_size() -> None:
    """They were: the imaginary part was dropped, and True was one parameter."""
    law = planner.load_law("besiroglu2024")
    for wrong in (1e9 + 1j, True, [True, False], [1e9 + 0j], ["1e9"]):
        with pytest.raises(planner.PlannerError, match="expected a finite number, or an array of numbers"):
            law.loss(wrong, 2e10)


@pytest.mark.calibration
def test_seeded_fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command lines, arguments and files near those that work."""
    monkeypatch.chdir(tmp_path)
    wrong = {text: found for text, trial in islice(fuzz.cases(1, tmp_path), _CASES) if (found := trial())}
    assert wrong == {}
