"""Forecast benchmark scores as blocks to read, and as rows."""

from typing import TYPE_CHECKING

from planner._util.showing import bare, printable
from planner.output.csv_json_machines import Row, fields, span
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, between, four_digits, note_blocks, or_dash
from planner.quantities import format_count, format_factor, format_flops, format_percent, format_points, significant

if TYPE_CHECKING:
    from planner.fitting.scores.backtest import ScoreBacktest, TestSummary
    from planner.fitting.scores.result import Scores, ScoreTarget, Suite, TaskScore
    from planner.planning.plan_scores import PlanScores

_LOSSES = ("loss", "bits")


def scores_document(found: "Scores") -> list[Block]:
    """Return the scores with their intervals, then what is refused and why."""
    count = f"{len(found.predictable)} of {len(found.tasks)}"
    blocks: list[Block] = [
        Title(f"Expected scores of {_run_text(found.target)}: {count} tasks can be forecast"),
        Facts(_about(found)),
        *_given(found),
    ]
    rows = [[bare(name), each.verdict, each.reason, each.decided_by] for name, each in found.tasks.items() if each.refused]
    if rows:
        headers = ["task", "verdict", "why", "what would decide it"]
        blocks.append(Table(f"Refused: no score is given for {len(rows)}", "llll", headers, rows, [], ("what would decide it",)))
    return blocks + note_blocks(found.notes)


def scores_rows(found: "Scores") -> list[Row]:
    """Return a row for each task, with empty cells where a score is refused, then for each mean over tasks."""
    means = [{"task": each.name, **fields(each, "score", "low", "high"), "kind": "mean"} for each in found.suites]
    tasks = [
        {"task": name, **fields(each, "score", "low", "high", "verdict", "reason", "decided_by", "kind", "chance", "questions")}
        | fields(each, "floor", "ceiling", "largest", "above_chance", "runs", "doubling", "error")
        | fields(each.would_be, would_be_score="score", would_be_low="low", would_be_high="high")
        for name, each in found.tasks.items()
    ]
    return [*tasks, *means]


def _run_text(target: "ScoreTarget") -> str:
    texts = []
    if target.params is not None and target.tokens is not None:
        texts.append(f"{format_count(target.params)} parameters on {format_count(target.tokens)} tokens")
    if target.flops is not None:
        texts.append(format_flops(target.flops))
    return ", ".join(texts) or f"a run of loss {four_digits(target.loss or 0.0)}"


def score_backtest_document(found: "ScoreBacktest") -> list[Block]:
    """Return how far forecasts were off, over all tasks and task by task."""
    several = len(found.summaries) > 1
    headers = ["task", *(["R"] if several else []), "verdict", "error", "interval +-", "inside", "noise of questions", "no law"]
    rows = []
    for test in found.tests:
        noise = "" if test.noise is None else format_points(test.noise)
        inside = [format_points(test.half_width), f"{100 * test.coverage:.0f} %"]
        figures = [format_points(test.error), *inside, noise, format_points(test.no_law)]
        rows.append([bare(test.task), *([f"{test.ratio:g}"] if several else []), test.verdict, *figures])
    notes = [
        "error: mean of |predicted - measured| over the runs held out, in points, also of tasks that are refused",
        "noise of questions: what as many questions as the test has give by chance; no law: the three best fitted runs instead",
    ]
    spare = ("no law", "noise of questions", "interval +-")
    return [
        Title(f"Back-test of the scores of {found.name}: fitted on C <= C_max/R, predicting the rest"),
        *(Facts(_summary(each, found.level)) for each in found.summaries),
        Table("Each task, in points", f"l{'r' if several else ''}lrrrrr", headers, rows, notes, spare),
        *note_blocks(found.notes),
    ]


def score_backtest_rows(found: "ScoreBacktest") -> list[Row]:
    """Return a row for each ratio and task."""
    return [{name: value for name, value in test._asdict().items() if name != "runs"} for test in found.tests]


def _summary(each: "TestSummary", level: float) -> list[tuple[str, str, str]]:
    ratio = f"R = {each.ratio:g}"
    if each.error is None or each.coverage is None:
        return [(ratio, "-", f"none of {each.tasks} tasks is predictable")]
    text = "mean over them"
    if each.narrow_error is not None:
        text += f"; {format_points(each.narrow_error)} over the half with the narrowest intervals"
    text += "" if each.no_law is None else f"; {format_points(each.no_law)} without a law"
    text += "" if each.noise is None else f"; their questions alone give {format_points(each.noise)}"
    inside = f"share of predicted scores inside their {format_percent(level)} interval"
    return [
        (ratio, f"{each.kept} of {each.tasks}", "tasks are predictable from the runs fitted"),
        ("error", f"{format_points(each.error)} points", text),
        ("inside", f"{format_points(each.coverage)} %", inside),
        ("refused", f"{each.caught} of {each.large}", "of the tasks whose error exceeds 6 points"),
        ("", f"{each.missed} of {each.small}", "of those whose error is under 3 points"),
    ]


def plan_scores_blocks(found: "PlanScores") -> list[Block]:
    """Return the scores expected of a plan, what is refused, and the compute that scores take."""
    heading = f"Expected scores, forecast from {bare(found.name)}"
    blocks: list[Block] = [table._replace(heading=heading) for table in _given(found)]
    refused = [f"{bare(name)}: {each.verdict}" for name, each in found.tasks.items() if each.refused]
    if refused:
        blocks.append(Items("No score is given for", [", ".join(refused)]))
    if found.needed:
        rows = []
        for each in found.needed:
            flops = or_dash(each.flops, format_flops)
            low = "" if each.low is None else format_flops(each.low, 2)
            high = "no end that is known" if each.high is None else format_flops(each.high, 2)
            rows.append([bare(each.task), f"{format_points(each.score)} %", flops, each.reason or f"{low} to {high}"])
        headers = ["task", "score", "compute", f"{format_percent(found.level)} interval for one model"]
        blocks.append(Table("Compute for a score", "lrrl", headers, rows, []))
    return blocks


def score_columns(found: "PlanScores | None") -> Row:
    """Return three columns a task, empty where a score is refused, and the compute that scores take."""
    row: Row = {}
    for name, each in (found.tasks if found else {}).items():
        row |= span(f"score_{name}", (each.low, each.score, each.high))
    for need in found.needed if found else ():
        row |= span(f"flops_for_{need.task}", (need.low, need.flops, need.high))
    return row


def _about(found: "Scores") -> list[tuple[str, str, str]]:
    target = found.target
    rows = [_mean(suite, found.level) for suite in found.suites if len(found.tasks) > 1 or suite.name != "all tasks"]
    if target.loss is not None and target.loss_low is not None:
        rows.append(("loss", four_digits(target.loss), "by a law of loss fitted to the same runs"))
    reach = f"the run takes {format_factor(target.reach)} the compute of the largest" if target.reach is not None else ""
    weighed = "others left out in turn" if found.model.local else "what smaller runs foretold of larger ones"
    forms = f"forms: {', '.join(found.forms)}; weighted by {weighed}"
    what = "models" if found.model.local else "runs"
    return [*rows, (what, str(found.runs), reach or "their loss is what scores are read by"), ("", "", forms)]


def _mean(suite: "Suite", level: float) -> tuple[str, str, str]:
    name = "mean" if suite.name == "all tasks" else f"mean of {printable(suite.name)}"
    if suite.score is None or suite.low is None or suite.high is None:
        return name, "-", "none of its tasks can be forecast"
    ends = f"{format_percent(level)} interval {between((suite.low, suite.high), format_points)}"
    over = f"{len(suite.tasks)} predictable task{'' if len(suite.tasks) == 1 else 's'}"
    left = f"; {len(suite.left_out)} left out" if suite.left_out else ""
    return name, f"{format_points(suite.score)} %", f"{ends}, over {over}{left}"


def _given(found: "Scores | PlanScores") -> list[Table]:
    """Return the scores that are given, if any."""
    tasks = {name: each for name, each in found.tasks.items() if not each.refused}
    if not tasks:
        return []
    texts = {
        "at chance": "at chance, or near its floor, in all runs: holds unless it jumps where no run shows a rise",
        "saturated": "saturated: at its ceiling, so it tells larger runs apart no more, and counts in no mean",
    }
    kinds = {
        name: "saturated" if each.verdict == "saturated" else "" if each.above_chance else "at chance"
        for name, each in tasks.items()
    }
    used = [kind for kind in texts if kind in kinds.values()]
    marks = {kind: f" [{used.index(kind) + 1}]" for kind in used}
    rows = [[bare(name) + marks.get(kinds[name], ""), *_numbers(each)] for name, each in tasks.items()]
    headers = ["task", "score, %", f"{format_percent(found.level)} interval", "largest third", "chance", "2x compute adds"]
    footnotes, spare = [texts[kind] for kind in used], ("chance", "largest third")
    return [Table("Scores for one such model", "lrrrrr", headers, rows, footnotes, spare)]


def _numbers(each: "TaskScore") -> list[str]:
    assert each.score is not None
    assert each.low is not None
    assert each.high is not None
    if each.kind in _LOSSES:
        unit = "nats" if each.kind == "loss" else "bits"
        ends = between((each.low, each.high), significant)
        return [f"{significant(each.score)} {unit}", ends, significant(each.largest), "", ""]
    adds = "" if each.doubling is None else f"{100 * each.doubling:+.1f}"
    chance = "" if each.chance is None else format_points(each.chance)
    ends = between((each.low, each.high), format_points)
    return [format_points(each.score), ends, format_points(each.largest), chance, adds]
