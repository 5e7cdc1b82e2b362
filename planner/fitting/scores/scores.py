"""What score a larger run will get on each benchmark, with an interval for one model, or a refusal with its reason."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from planner._util.defaults import LEVEL
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers
from planner._util.showing import Raw
from planner.allocation.loss_interval import check_level
from planner.errors import OptionError
from planner.fitting import settings as fitting_settings
from planner.fitting.fit import TableLike
from planner.fitting.scores.about import read_about, source_name
from planner.fitting.scores.fitting import FLAT
from planner.fitting.scores.known_tasks import LOSS_KINDS
from planner.fitting.scores.public_models import public_table
from planner.fitting.scores.result import Scores, ScoreTarget, TaskScore
from planner.fitting.scores.score_model import ScoreModel, fit_model, observed, suites_of
from planner.fitting.scores.settings import settings
from planner.fitting.scores.shipped import called, shipped_source
from planner.fitting.scores.table import NOT_ASKED, ScoreTable, read_score_table
from planner.fitting.tables.column_names import named
from planner.fitting.tables.raw_table import is_source
from planner.inputs.input_row import Number, yes_or_no
from planner.inputs.registry import asks
from planner.inputs.table_inputs import Reading, TableInputs
from planner.notes import Note
from planner.quantities import bare, format_factor, listed, parse_count, parse_flops, parse_number, plain, shown

_FEW_ROWS = 12


@asks(TableInputs)
def scores(
    runs: TableLike | None = None,
    *,
    target: Number | None = None,
    params: Number | None = None,
    tokens: Number | None = None,
    loss: Number | None = None,
    task: Sequence[str] | str | None = None,
    about: TableLike | None = None,
    chance: Mapping[str, Number] | None = None,
    questions: Mapping[str, Number] | None = None,
    ceiling: Mapping[str, Number] | None = None,
    suite: Mapping[str, Sequence[str] | str] | None = None,
    group: str | None = None,
    observational: bool = False,
    level: Number = LEVEL,
    workers: Workers = 1,
    progress: Progress | None = None,
    **asked: Unpack[TableInputs],
) -> Scores:
    """Forecast the benchmark scores of a run from the scores of smaller ones.

    Parameters
    ----------
    runs : path, name of a shipped table of scores, data frame, or open binary file
        A row a run: params, tokens (or flops), a loss if there is one, and one column a task with its score, as a fraction or
        in per cent. A column with the loss of a task's correct answers (``hellaswag_bpb``) is used for that task.
    target : float or str, optional
        Compute [FLOP] of the run: ``1e23``. With ``params`` or ``tokens`` the other follows.
    params, tokens : float or str, optional
        The run itself.
    loss : float or str, optional
        A loss that the run reaches, in the unit of the table, where neither compute nor sizes are known.
    task : sequence of str, optional
        The columns to forecast. By default those of the side file, or all that look like scores.
    about : path or data frame, optional
        A side file with columns task, chance, questions, ceiling.
    chance, questions, ceiling : mapping, optional
        A value a task: the share that guessing gets, the number of questions, the score that cannot be exceeded. They go before
        the side file, and that before the registry of known tasks.
    suite : mapping of str to sequence of str, optional
        Means over some of the tasks, by name.
    group : str, optional
        Which group of the table; ``"all"`` pools them.
    observational : bool
        Without runs of one's own: from public models by their compute, with an interval that holds how much recipes differ.
    level : float or str
        Of the intervals.
    workers : int or map-like callable
        Processes, or an engine's map: tasks are independent.
    progress : callable, optional
        Called with (pieces that came back, pieces in all).
    {inputs}

    Returns
    -------
    Scores

    Raises
    ------
    RunsFileError
        A table that cannot be read, or has no task.
    CannotPlanError
        A target that the table's columns say nothing of.

    References
    ----------
    Forms: Krajewski et al. 2025, arXiv 2512.08894; Bhagia et al. 2024, arXiv 2412.04403; Gadre et al. 2024, arXiv 2403.08540.

    Examples
    --------
    >>> import planner
    >>> found = planner.scores("gadre2024", group="rpj", target=1e22, task=["piqa", "boolq"])
    >>> [(name, each.verdict) for name, each in found.tasks.items()]
    [('boolq', 'not monotone'), ('piqa', 'predictable')]
    """
    reading = Reading.of(asked, "scores", TableInputs)
    wanted = _asked_for(target, params, tokens, loss)
    confidence = check_level(level)
    of_tasks = {"chance": chance, "questions": questions, "ceiling": ceiling}
    if yes_or_no(observational, "`observational`"):
        given = {"runs": runs, "about": about, "group": group, "loss": loss, **reading.stated(), **of_tasks}
        return _observed(wanted, task, suite, confidence, [name for name, each in given.items() if each is not None])
    if runs is None:
        raise OptionError("no runs: give a table of them, or `observational` for a forecast from public models")
    table, side = read_table(runs, reading, of_tasks, task=task, about=about, group=group, by_loss=wanted["loss"] is not None)
    suites = _read_suites(suite, [each.name for each in table.tasks])
    model, told = fit_model(table, workers, progress)
    inputs: dict[str, Any] = {"runs": table.name, "sha256": table.sha256, "group": group}
    inputs |= {"task": None if task is None else ",".join(_names(task)), "about": side}
    inputs |= {field: ",".join(f"{name}={each}" for name, each in (of or {}).items()) or None for field, of in of_tasks.items()}
    inputs["suite"] = "; ".join(f"{name}={','.join(each)}" for name, each in suites.items()) or None
    inputs |= {**wanted, "level": confidence, **reading.stated()}
    return _answer(model, wanted, suites, confidence, (*table.notes, *_notes(table, told)), inputs)


def _observed(wanted: Mapping[str, float | None], task: Raw, suite: Raw, level: float, given: Sequence[str]) -> Scores:
    """Return the scores of public models at a compute: never mixed with runs of one's own."""
    if given:
        which = "the table of runs" if given[0] == "runs" else f"`{given[0]}`"
        raise OptionError(f"`observational` rests on public models alone: leave out {which}")
    table = public_table()
    if task is not None:
        known = {each.name.lower(): each for each in table.tasks}
        unknown = [each for each in _names(task) if each.lower() not in known]
        if unknown:
            raise OptionError(f"`task` {shown(unknown[0])}: public models have {', '.join(each.name for each in table.tasks)}")
        table = table._replace(tasks=tuple(known[each.lower()] for each in _names(task)))
    suites = _read_suites(suite, [each.name for each in table.tasks])
    model, most = observed(table), float(settings("public")["most"])
    text = (
        "from public models by compute alone: their recipes, data and scoring differ from yours and from each other's; the "
        "intervals hold that spread, and runs of your own say more"
    )
    inputs: dict[str, Any] = {"observational": True, "runs": table.name, "task": None if task is None else ",".join(_names(task))}
    inputs |= {**wanted, "level": level}
    return _answer(model, wanted, suites, level, (Note("recipes-differ", "warning", text),), inputs, most)


def _answer(
    model: ScoreModel,
    wanted: Mapping[str, float | None],
    suites: Mapping[str, Sequence[str]],
    level: float,
    notes: tuple[Note, ...],
    inputs: Mapping[str, Any],
    most: float | None = None,
) -> Scores:
    """Return the answer of a fitted model at one target."""
    place = model.place(*wanted.values())
    found = model.score(place, level, most)
    forms = dict.fromkeys(fit.form for each in model.tasks for fit in each.fits if fit.form != FLAT)
    return Scores(
        tasks=FrozenDict(found),
        target=place,
        suites=suites_of(found, suites, float(settings("interval")["shared"])),
        name=model.name,
        runs=len(next(each for each in model.rows if each is not None)),
        forms=tuple(forms),
        level=level,
        notes=(*notes, *_loss_notes(model, place), *target_notes(place, found)),
        inputs=FrozenDict(inputs),
        model=model,
    )


def read_table(
    runs: Any, reading: Reading, of_tasks: Mapping[str, Any], *, task: Raw, about: Any, group: Raw, by_loss: bool = False
) -> tuple[ScoreTable, str | None]:
    """Read a table of scores, a file's or one that ships, and what is said of its tasks; return the side file's name too."""
    if group is not None and not isinstance(group, str):
        raise OptionError(f"`group` {shown(group)}: expected one name, or all")
    source, own_about = shipped_source(runs)
    for name, given in (("runs", source), ("about", about)):
        if (given is not None or name == "runs") and not is_source(given):
            raise OptionError(f"`{name}` {shown(given)}: expected a table: a file, a data frame, or columns by name")
    side = own_about if about is None else about
    k = float(fitting_settings.settings("conventions")["flops_per_param_token"])
    known = read_about(side, of_tasks, chooses=about is None)
    with called(runs, source):
        table = read_score_table(source, reading, known, None if task is None else _names(task), group, k, by_loss)
    table = table if runs is source else table._replace(name=runs)
    tasks = [each.name for each in table.tasks]
    has = {each.lower() for each in (*tasks, *table.left_out)}
    for field, given in of_tasks.items():
        for name in given or {}:
            if name.lower() not in has:
                raise OptionError(f"`{field}` {shown(name)}: {table.name} has no such task; tasks are {named(tasks, 12)}")
    return table, source_name(about)


def _names(value: Raw) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(each, str) and each.strip() for each in found):
        raise OptionError(f"`task` {shown(value)}: expected names of columns, such as ['hellaswag', 'piqa']")
    return [each.strip() for each in found]


def _read_suites(value: Raw, tasks: Sequence[str]) -> dict[str, list[str]]:
    """Read named suites: names of tasks, in any case."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise OptionError(f"`suite` {shown(value)}: expected names of tasks by suite, such as {{'core': ['hellaswag', 'piqa']}}")
    known = {each.lower(): each for each in tasks}
    found = {}
    for name, members in value.items():
        names = _names(members.split(",") if isinstance(members, str) else members)
        unknown = [each for each in names if each.lower() not in known]
        if unknown:
            raise OptionError(f"`suite` {bare(name)}: no task {shown(unknown[0])}; tasks are {named(tasks, 12)}")
        found[name] = list(dict.fromkeys(known[each.lower()] for each in names))
    return found


def _asked_for(target: Raw, params: Raw, tokens: Raw, loss: Raw) -> dict[str, float | None]:
    """Read the target, of which one thing must be known and not too much: compute, params, tokens and loss, in this order."""
    C = None if target is None else parse_flops(target, "`target`")
    N = None if params is None else parse_count(params, "`params`", "parameters")
    D = None if tokens is None else parse_count(tokens, "`tokens`", "tokens")
    L = None if loss is None else parse_number(loss, "`loss`")
    if L is not None and L <= 0:
        raise OptionError(f"`loss` {plain(L)}: must be above 0")
    given = sum(each is not None for each in (C, N, D))
    if given == 0 and L is None:
        raise OptionError("say which run: `target` 1e23, or `params` with `tokens`, or `loss`")
    if L is not None and given:
        raise OptionError("`loss` is a target of its own: leave out `target`, `params` and `tokens`, whose loss follows")
    if given == 3:
        raise OptionError("`target`, `params` and `tokens`: two of them give the third")
    if given == 1 and C is None:
        alone, other = ("params", "tokens") if N is not None else ("tokens", "params")
        raise OptionError(f"`{alone}` alone is no run: add `{other}` or `target`")
    return {"target": C, "params": N, "tokens": D, "loss": L}


def _notes(table: ScoreTable, told: Sequence[str]) -> list[Note]:
    """Say what the table lacks, and which columns were left out."""
    found = [Note("not-fitted", "warning", text) for text in told]
    if table.runs < _FEW_ROWS:
        text = f"{table.runs} runs: intervals are wide, and little can be held out; 20 runs over a factor of 100 are better"
        found.append(Note("few-runs", "warning", text))
    where = table.where
    if where.loss is None:
        found.append(Note("no-loss", "info", "no column of losses: the forms in the loss are left out"))
    elif where.params is None and where.flops is not None:
        text = "no params or tokens: no law of loss can be fitted, so scores are forecast by compute"
        found.append(Note("no-sizes", "info", text))
    unknown = [task.name for task in table.tasks if task.questions is None and task.kind not in LOSS_KINDS]
    if unknown:
        text = f"number of questions not known of {named(unknown, 6)}: the scatter of the runs stands for their noise"
        found.append(Note("questions-unknown", "info", text))
    some = [f"{bare(name)} ({why})" for name, why in table.left_out.items() if why != NOT_ASKED]
    if some:
        found.append(Note("columns-left-out", "info", f"columns that are no tasks: {listed(some, 6)}"))
    return found


def _loss_notes(model: ScoreModel, place: ScoreTarget) -> list[Note]:
    """Say that a loss by which scores are read lies outside those of the runs."""
    if place.flops is not None or place.loss is None or model.rows.loss is None:
        return []
    low, high = float(np.nanmin(model.rows.loss)), float(np.nanmax(model.rows.loss))
    if low <= place.loss <= high:
        return []
    where = f"{'below' if place.loss < low else 'above'} those of every run, {plain(low, 4)} to {plain(high, 4)}"
    text = f"a loss of {plain(place.loss, 4)} is {where}: how scores go on there is a guess, and whether it can be had"
    return [Note("extrapolation", "warning", text)]


def target_notes(place: ScoreTarget, found: Mapping[str, TaskScore]) -> list[Note]:
    """Say how far the target is, and where chance is not the floor."""
    notes = []
    tested = float(settings("interval")["tested_to"])
    if place.reach is not None and place.reach > tested:
        text = f"the target takes {format_factor(place.reach)} the compute of the largest run; intervals were back-tested to "
        notes.append(Note("extrapolation", "warning", f"{text}{format_factor(tested)}, so beyond it they are a guess"))
    floors = {name: (each.floor, each.chance) for name, each in found.items() if each.chance is not None and each.predictable}
    if below := [name for name, (floor, chance) in floors.items() if floor < chance - 0.05]:
        text = f"the smallest runs are well below the chance level of {named(below, 6)}: is it the right one?"
        notes.append(Note("floor-below-chance", "warning", text))
    if above := [name for name, (floor, chance) in floors.items() if floor - chance > 0.05]:
        text = f"the smallest runs are well above chance on {named(above, 6)}: the floor is estimated from them"
        notes.append(Note("floor-above-chance", "info", text))
    return notes
