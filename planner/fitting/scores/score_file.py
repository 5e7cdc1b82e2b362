"""A score model as a JSON file, for ``plan --scores``: written whole or not at all, and read as data that others wrote."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from planner._util.files import new_file, read_table, write_new
from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw, finite, shown, shown_path
from planner.errors import LawFileError, OptionError, PlannerError, RunsFileError
from planner.fitting.results import compact_lists
from planner.fitting.scores.fitting import FLAT, FormFit
from planner.fitting.scores.forms import FORMS, Array, Center, Where
from planner.fitting.scores.known_tasks import KINDS, LOSS_KINDS
from planner.fitting.scores.score_model import ScoreModel
from planner.fitting.scores.task_model import TaskModel
from planner.scaling_laws.law_file import law_from_table, law_to_table

_KIND, _VERSION = "planner scores", 1
_MOST = 5000


def score_target(path: Raw, overwrite: Raw, runs: Sequence[str] = ()) -> Path:
    """Return the file that scores are to be written to, before they are fitted; never the table itself.

    Raises
    ------
    OptionError
        As :func:`planner._util.files.new_file`, or the table of runs.
    """
    target = new_file(path, overwrite, ".json", "a file of scores")
    if any(target.exists() and Path(each).exists() and target.samefile(each) for each in runs if each != "-"):
        raise OptionError(f"save {shown(str(path))}: that is the table of runs itself; choose another name")
    return target


def save_model(model: ScoreModel, path: Raw, *, overwrite: bool = False) -> Path:
    """Write a score model."""
    target = score_target(path, overwrite, [model.name])
    text = json.dumps(_to_table(model), indent=1, ensure_ascii=False, allow_nan=False)
    write_new(target, compact_lists(text) + "\n", overwrite=overwrite)
    return target


def load_model(path: Raw) -> ScoreModel:
    """Read a score model.

    Raises
    ------
    RunsFileError
        No such file, or none that ``plan scores --save`` writes.
    """
    if not isinstance(path, (str, Path)) or Path(path).suffix.lower() != ".json":
        raise OptionError(f"`scores` {shown(path)}: expected a file that plan scores --save FILE.json wrote")
    name = shown_path(path)
    try:
        table = read_table(Path(path))
        if table.get("kind") != _KIND or table.get("format") != _VERSION:
            raise RunsFileError(
                f"{name}: is no file of scores; plan scores runs.csv --target 1e23 --save {Path(path).name} writes one"
            )
        return _from_table(table, name)
    except RunsFileError:
        raise
    except LawFileError as error:
        raise RunsFileError(str(error)) from None
    except PlannerError as error:
        raise RunsFileError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise RunsFileError(
            f"{name}: is damaged ({type(error).__name__}: {str(error)[:80]}); write it anew with plan scores --save"
        ) from None


def _numbers(values: Array | None) -> list[float | None] | None:
    return None if values is None else [float(each) if math.isfinite(each) else None for each in values.tolist()]


def _to_table(model: ScoreModel) -> dict[str, Any]:
    return {
        "kind": _KIND,
        "format": _VERSION,
        "name": model.name,
        "sha256": model.sha256,
        "per_token": model.per_token,
        "ratio": model.ratio,
        "rows": {name: _numbers(values) for name, values in model.rows._asdict().items()},
        "loss_law": None if model.loss_law is None else law_to_table(model.loss_law),
        "answer_laws": {name: law_to_table(law) for name, law in model.answer_laws.items()},
        "tasks": [_task_to_table(task) for task in model.tasks],
    }


def _task_to_table(task: TaskModel) -> dict[str, Any]:
    plain = ("name", "kind", "chance", "questions", "held_out", "scatter", "floor", "top", "rise", "top_error", "reached")
    return {
        **{name: getattr(task, name) for name in plain},
        "ceiling": task.ceiling if math.isfinite(task.ceiling) else None,
        "scores": _numbers(task.scores),
        "where": {name: _numbers(values) for name, values in task.where._asdict().items()},
        "fits": [{"form": fit.form, "plateau": fit.plateau, "constants": list(fit.constants)} for fit in task.fits],
        "weights": list(task.weights),
        "center": {name: value if math.isfinite(value) else None for name, value in task.center._asdict().items()},
    }


def _from_table(table: Mapping[str, Any], name: str) -> ScoreModel:
    tasks = [_task(each) for each in table["tasks"][:_MOST]]
    laws = {task: law_from_table(law, f"{name}: {task}") for task, law in table["answer_laws"].items()}
    if not tasks or len({task.name for task in tasks}) != len(tasks):
        raise ValueError("tasks")
    law = table["loss_law"]
    return ScoreModel(
        _text(table["name"]),
        _text(table["sha256"]),
        tuple(tasks),
        None if law is None else law_from_table(law, f"{name}: loss_law"),
        FrozenDict(laws),
        _above_zero(table["per_token"]),
        _or_none(table["ratio"], _above_zero),
        _where(table["rows"]),
    )


def _task(table: Mapping[str, Any]) -> TaskModel:
    kind = table["kind"]
    fits = tuple(_fit(each) for each in table["fits"])
    weights = tuple(_number(each) for each in table["weights"])
    scores = _array(table["scores"])
    where = _where(table["where"])
    if kind not in KINDS or len(weights) != len(fits) or any(len(each) != len(scores) for each in where if each is not None):
        raise ValueError("task")
    if (table["ceiling"] is None) != (kind in LOSS_KINDS):
        raise ValueError("ceiling")
    if fits and not (min(weights) >= 0 and math.isclose(sum(weights), 1.0, rel_tol=1e-6)):
        raise ValueError("weights")
    return TaskModel(
        _text(table["name"]),
        kind,
        _or_none(table["chance"]),
        _or_none(table["questions"], _above_zero),
        math.inf if table["ceiling"] is None else _above_zero(table["ceiling"]),
        scores,
        where,
        fits,
        weights,
        **{name: _number(table[name]) for name in ("held_out", "scatter", "floor", "top", "rise", "top_error")},
        reached=_above_zero(table["reached"]),
        center=Center(**{each: math.nan if value is None else _number(value) for each, value in table["center"].items()}),
    )


def _fit(table: Mapping[str, Any]) -> FormFit:
    form, plateau = table["form"], bool(table["plateau"])
    constants = tuple(_number(each) for each in table["constants"])
    if len(constants) != (1 if form == FLAT else 1 + len(FORMS[form].constants) + plateau):
        raise ValueError("constants")
    return FormFit(form, plateau, constants)


def _where(table: Mapping[str, Any]) -> Where:
    return Where(**{name: None if values is None else _array(values) for name, values in table.items()})


def _array(values: Sequence[Any]) -> Array:
    if not 1 <= len(values) <= _MOST:
        raise ValueError("rows")
    return np.array([math.nan if each is None else _number(each) for each in values])


def _number(value: Raw) -> float:
    found = finite(value)
    if found is None:
        raise ValueError(f"{shown(value)} is no number")
    return found


def _above_zero(value: Raw) -> float:
    found = _number(value)
    if found <= 0:
        raise ValueError(f"{shown(value)} is not above 0")
    return found


def _or_none(value: Raw, read: Callable[[Raw], float] = _number) -> float | None:
    return None if value is None else read(value)


def _text(value: Raw) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{shown(value)} is no text")
    return value
