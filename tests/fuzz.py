"""Seeded fuzz over command line, Python and files: ``python -m tests.fuzz --seconds 60 --seed 1``.

A case is good when it is answered, or refused in one line: never a traceback, another exception, a number that is none, or a second
line. Case ``i`` of a seed is always the same: ``--case i`` runs it alone.
"""

import argparse
import io
import json
import os
import random
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from decimal import Decimal
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import planner
from planner._util.files import data_root
from planner.cli import main as command
from planner.errors import PlannerError
from tests.documents import blocks, pages


class _NoTruth:
    """As missing values of data frames are: neither true nor false, equal to nothing, no number."""

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise TypeError("boolean value is ambiguous")

    def __eq__(self, other: object) -> Any:
        return self


class _NoText:
    def __repr__(self) -> str:
        raise RuntimeError("says nothing of itself")


_LOOP: list[Any] = []
_LOOP.append(_LOOP)

ODD: Mapping[str, Callable[[], Any]] = {
    "None": lambda: None, "empty array": lambda: np.array([]), "array": lambda: np.ones(3), "long array": lambda: np.arange(1e5),
    "0-d array": lambda: np.array(1e21), "0-d text": lambda: np.array("1e21"), "matrix": lambda: np.ones((2, 2)),
    "objects": lambda: np.array([None, "x"], dtype=object), "records": lambda: np.zeros(2, dtype=[("a", float)]),
    "masked": lambda: np.ma.masked, "pandas.NA": lambda: pd.NA, "NaT": lambda: pd.NaT, "series": lambda: pd.Series([1.0, 2.0]),
    "frame": lambda: pd.DataFrame({"a": [1]}), "no truth": _NoTruth, "no text": _NoText, "Decimal": lambda: Decimal("1e21"),
    "Decimal nan": lambda: Decimal("nan"), "Fraction": lambda: Fraction(1, 3), "complex": lambda: 1 + 2j,
    "complex128": lambda: np.complex128(1), "True": lambda: True, "numpy True": lambda: np.True_, "NotImplemented": lambda: NotImplemented,
    "Ellipsis": lambda: ..., "bytes": lambda: b"1e21", "bytearray": lambda: bytearray(b"x"), "memoryview": lambda: memoryview(b"x"),
    "dict": dict, "mapping": lambda: {"a": 1}, "list": list, "numbers": lambda: [1, 2, 3], "pair": lambda: (1, 2), "set": set,
    "frozenset": lambda: frozenset({1}), "itself": lambda: _LOOP, "object": object, "class": lambda: int, "function": lambda: len,
    "generator": lambda: (i for i in range(3)), "range": lambda: range(3), "nan": lambda: float("nan"), "inf": lambda: float("inf"),
    "negative": lambda: -1, "zero": lambda: 0, "endless integer": lambda: 10**5000, "float32": lambda: np.float32(3.5),
    "int64": lambda: np.int64(5), "date": lambda: np.datetime64("2020-01-01"), "span": lambda: np.timedelta64(3, "D"), "no letters": str,
    "blank": lambda: "  ", "NUL": lambda: "\0", "half a character": lambda: "\ud800", "long text": lambda: "x" * 100_000,
}  # fmt: skip
"""What nobody means to give, made anew each time."""

_LAW = planner.load_law("besiroglu2024")
_CURVE: dict[str, Any] = {"sizes": [1e3, 1e4, 1e5, 1e6], "errors": [0.9, 0.5, 0.3, 0.2]}


def some_runs() -> dict[str, Any]:
    runs = planner.load_runs("porian2024").select("rw|tuned|short|const")
    return {name: getattr(runs, name)[:30].tolist() for name in ("params", "tokens", "loss")}


def some_scores() -> dict[str, list[float]]:
    N = np.geomspace(1e7, 1e9, 8)
    return {"params": N.tolist(), "tokens": (20 * N).tolist(), "task": (0.25 + 0.05 * np.arange(8)).tolist()}


def functions(folder: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return every public function with arguments that it answers; files go to a folder."""
    plan = planner.plan(flops=1e21, others=())
    (folder / "runs.csv").write_text("params,tokens\n1e9,2e10\n")
    asked: dict[str, dict[str, Any]] = {
        "plan": {"flops": 1e21, "others": ()},
        "check": {"params": "7B", "tokens": "140B"},
        "sweep": {"flops": "1e20..1e22", "points": 2},
        "trade": {"flops": 1e21, "ratios": (0.5, 1)},
        "compare": {"flops": 1e21},
        "compare_mixtures": {"flops": 1e21},
        "distill": {"student": "1B", "tokens": "10B"},
        "levers": {"flops": 1e21},
        "limits": {"flops": "1e20..1e22", "points": 3},
        "configure": {"params": "1B", "tokens": "20B", "count": 1},
        "throughput": {"shape": "llama2-7b", "gpus": "64xH100"},
        "scaling": {"shape": "llama2-7b", "gpus": "64..128xH100"},
        "allocate": {"law": "besiroglu2024", "flops": 1e21},
        "load_law": {"law": "besiroglu2024"},
        "laws": {},
        "verify": {"law": "besiroglu2024"},
        "hardware": {},
        "rank_hardware": {"flops": 1e21},
        "models": {},
        "load_runs": {"name": "porian2024"},
        "run_tables": {},
        "explain": {"answer": plan},
        "plot": {"result": plan, "path": folder / "plan.svg", "overwrite": True},
        "write_report": {"plan": plan, "path": folder / "plan.html", "overwrite": True},
        "write_workbook": {"path": folder / "budget.xlsx", "overwrite": True},
        "check_runs": {"runs": folder / "runs.csv"},
        "curve": _CURVE,
        "training_curve": {"logs": "25M/constant_24000", "schedule": "wsd 30000 decay 5000"},
        "scores": {"runs": some_scores(), "target": 1e21},
        "backtest_scores": {"runs": some_scores(), "ratios": (10,)},
        "loss_interval": {"law": _LAW, "params": 1e9, "tokens": 2e10},
        "size_interval": {"question": _LAW, "flops": 1e21},
        "pilots": {"budget": 1e20, "target": 1e22, "runs": 6},
        "fit": {**some_runs(), "method": "classical", "draws": 0},
        "backtest": {**some_runs(), "methods": ("classical",), "ratios": (10,)},
    }
    return {name: (getattr(planner, name), arguments) for name, arguments in asked.items()}


SLOW = (
    *("plot", "write_workbook", "write_report", "pilots", "fit", "backtest"),
    *("scores", "backtest_scores", "training_curve", "compare_mixtures"),
)
"""Functions that take longer than a few milliseconds where they do answer."""

_FUNDS = ("pf_days", "gpu_hours", "dollars", "energy", "co2", "loss")


def put(function: Callable[..., Any], asked: Mapping[str, Any], argument: str, odd: str) -> str:
    """Put an odd object into an argument; return what is wrong with what comes back, nothing where it is right."""
    given = {**asked, argument: ODD[odd]()}
    if argument in _FUNDS:
        given.pop("flops", None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = function(**given)
            if function is planner.sweep:
                answer.table()
            elif hasattr(answer, "to_dict"):
                json.dumps(answer.to_dict(), allow_nan=False)
    except PlannerError as error:
        return "" if _one_line(str(error)) else f"says {str(error)[:200]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def _one_line(text: str) -> bool:
    """Tell whether a message is one line, or the faults of a table, a line each."""
    first, *faults = text.split("\n")
    return bool(text) and all(line.isprintable() for line in (first, *faults)) and (not faults or " faults" in first)


# ---------------------------------------------------------------- the command line

_TEXTS = (
    *("", " ", "-", "--", "0", "-1", "1e21", "1e400", "nan", "inf", "-inf", "1e-400", "10^21", "1e18..1e22", "1e18:1e22", "..", "1..", "7B"),
    *("1,5", "1_000", "1.000.000", "½", "١٢", "1e21x", "\udcff", "\x1b[31m", "=1+1", "a,b", "512xH100", "64 H100", "x" * 500),
    *("50%", "-5%", "150%", "30d", "6 weeks", "3 PF-days", "1 ZFLOP", "$2M", "€5", "300t", "4GWh", "france", "fp8", "w4a8kv8", "h100", "json"),
    *("besiroglu2024", "kaplan2020", "abnar2025", "nolaw", "/dev/null", "/", ".", "../..", "nowhere/x.toml", "llama2-7b", "32x4096x32x128"),
)  # fmt: skip
_LEFT_OUT = ("pilots", "fit", "backtest", "workbook", "sheets", "report", "--plot", "--points", "--workers", "--simulate")
"""Commands and options that take long, write, or wait for input; Python and files try what they do."""


def _commands() -> list[list[str]]:
    """Return the command lines that README and docs show, without those left out."""
    text = "\n".join(pages().values())
    shown = [shlex.split(line)[1:] for block in blocks(text) for line, _ in block]
    return [
        words
        for words in shown
        if not set(words) & set(_LEFT_OUT) and not any(word.endswith((".csv", ".json", ".toml", ".xlsx")) for word in words)
    ]


def _options() -> list[str]:
    from planner.inputs.registry import every_input, option_of

    return [option for name in every_input() if (option := option_of(name)) not in _LEFT_OUT]


def _changed_text(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:place] + text[place + 1 :],
            text[:place] + rng.choice("0159.,eExX %-:+=kMBT'\"\\\t\n€") + text[place:],
            text[:place] + text[place:][::-1],
            text + text,
            rng.choice(_TEXTS),
        )
    )


def command_line(rng: random.Random, known: list[list[str]], options: list[str]) -> list[str]:
    """Return a command line near one that works."""
    words = list(rng.choice(known))
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(words)) if words else 0
        change = rng.randrange(6)
        if change == 0 and words:
            del words[place]
        elif change == 1 and words:
            words.insert(place, words[place])
        elif change == 2:
            words[place:place] = [rng.choice(options), rng.choice(_TEXTS)]
        elif change == 3 and words:
            words[place] = rng.choice(_TEXTS)
        elif words:
            words[place] = _changed_text(words[place], rng)
    words = [word for word in words if word.partition("=")[0] not in _LEFT_OUT]
    return [*words, "--format", "json"] if rng.random() < 0.3 and "--format" not in words else words


def run_command(words: list[str]) -> str:
    """Run a command line in this process; return what is wrong with what it does, nothing where it is right."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["plan", *words]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            command()
    except SystemExit as left:
        code = left.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        sys.argv = before
    said, answer = err.getvalue(), out.getvalue()
    if code not in {0, 1, 2, None}:
        return f"exit {code}: {said[:300]}"
    if code == 2 and set(words) - {"--"} and len(said.splitlines()) != 1:
        return f"{len(said.splitlines())} lines of complaint: {said[:300]}"
    if "Traceback" in said + answer:
        return "a traceback"
    if not code and words[-2:] == ["--format", "json"]:
        try:
            json.loads(answer, parse_constant=_no_constant)
        except ValueError as error:
            return f"JSON that is none ({error})"
    return ""


def _no_constant(name: str) -> Any:
    raise ValueError(name)


# ---------------------------------------------------------------- files


def _files(folder: Path) -> list[tuple[str, bytes, Callable[[Path], Any]]]:
    """Return files that are read, and how."""
    law = (data_root() / "laws" / "besiroglu2024.toml").read_text().replace('id = "besiroglu2024"', 'id = "mine"')
    mixture = (data_root() / "laws" / "abnar2025.toml").read_text().replace('id = "abnar2025"', 'id = "mine"')
    fitted = folder / "fitted.json"
    planner.fit(**some_runs(), method="classical", draws=50).save(fitted)
    devices = '[[accelerator]]\nid = "mine"\npeak_tflops = { bf16 = 500 }\nmemory_gb = 80\npower_w = 700\n[[price]]\naccelerator = "mine"\nusd_per_hour = 2.5\n'
    runs = "run,params,tokens,loss\na,1e9,2e10,2.9\nb,70B,1.4T,1.9\n" * 3
    points = "size,error\n1e3,0.9\n1e4,0.5\n1e5,0.3\n1e6,0.2\n1e7,0.15\n"
    log = "step,loss,lr\n" + "".join(
        f"{step},{2 + 25 / step**0.5:.4f},{3e-4 - step * 1e-8:.4g}\n" for step in range(100, 10001, 250)
    )
    book = folder / "book.xlsx"
    pd.DataFrame({"run": ["a", "b"], "params": [1e9, 7e10], "tokens": ["20B", 1.4e12]}).to_excel(
        book, sheet_name="Runs", index=False
    )

    def under(path: Path) -> Any:
        return planner.plan(flops=1e21, law=path, others=())

    return [
        ("law.toml", law.encode(), under),
        ("law.toml", mixture.encode(), under),
        ("law.json", fitted.read_bytes(), under),
        ("gpus.toml", devices.encode(), lambda path: planner.plan(gpus="64xmine", days=3, gpu_file=path, others=())),
        ("runs.csv", runs.encode(), planner.check_runs),
        ("points.csv", points.encode(), planner.curve),
        ("log.csv", log.encode(), planner.training_curve),
        ("runs.xlsx", book.read_bytes(), planner.check_runs),
    ]


_PIECES = (
    b"",
    b"0",
    b"-1",
    b"nan",
    b"1e400",
    b'"',
    b"[",
    b"]",
    b"{",
    b"=",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"#",
    b"'''",
    b",",
    b";",
    b"\t",
)


def changed_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return a file near one that can be read."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice((0, 1, 1, 2, 8, 64, 100_000)))
        piece = rng.choice(
            (
                rng.choice(_PIECES),
                bytes([rng.randrange(256)]),
                content[start:end] * 2,
                rng.choice(_TEXTS).encode(errors="replace"),
            )
        )
        content = content[:start] + piece + content[end:]
    return content


def read(name: str, content: bytes, reader: Callable[[Path], Any], folder: Path) -> str:
    """Read a file; return what is wrong with what comes back, nothing where it is right."""
    path = folder / name
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            json.dumps(reader(path).to_dict(), allow_nan=False)
    except PlannerError as error:
        return "" if _one_line(str(error)) else f"says {str(error)[:200]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


# ---------------------------------------------------------------- both


def cases(seed: int, folder: Path, start: int = 0) -> Iterator[tuple[str, Callable[[], str]]]:
    """Give (what is tried, the trial) without end; each by a generator of its own, so that any can be had again."""
    known, options, there = _commands(), _options(), functions(folder)
    places = [
        (name, argument)
        for name, (function, _) in there.items()
        if name not in SLOW
        for argument in signature(function).parameters
    ]
    files = _files(folder)
    number = start
    while True:
        rng = random.Random(f"{seed}:{number}")
        kind = rng.choice(("command", "command", "python", "file"))
        if kind == "command":
            words = command_line(rng, known, options)
            yield f"{number}: plan {shlex.join(words)}", lambda words=words: run_command(words)  # type: ignore[misc]
        elif kind == "python":
            (name, argument), odd = rng.choice(places), rng.choice(list(ODD))
            yield (
                f"{number}: planner.{name}({argument}={odd})",
                lambda name=name, argument=argument, odd=odd: put(*there[name], argument, odd),  # type: ignore[misc]
            )
        else:
            name, whole, reader = rng.choice(files)
            content = changed_bytes(whole, rng)
            yield (
                f"{number}: {name} {content[:2000]!r}",
                lambda name=name, content=content, reader=reader: read(name, content, reader, folder),  # type: ignore[misc]
            )
        number += 1


def main() -> None:
    """Try for so many seconds; leave with 1 where anything was wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--case", type=int)
    asked = options.parse_args()
    found, tried, until = 0, 0, time.monotonic() + asked.seconds
    with tempfile.TemporaryDirectory() as name, chdir(name):
        for text, trial in cases(asked.seed, Path(name), asked.case or 0):
            began = time.monotonic()
            wrong = trial()
            took = time.monotonic() - began
            tried += 1
            if wrong or took > 20:
                found += 1
                sys.stdout.write(f"{text!a}\n    {ascii(wrong) or f'{took:.0f} s'}\n")
                sys.stdout.flush()
            if asked.case is not None or time.monotonic() > until:
                break
    sys.stdout.write(f"seed {asked.seed}: {tried} cases, {found} wrong\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    os.environ.pop("PLANNER_DEBUG", None)
    main()
