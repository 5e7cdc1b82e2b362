"""Forecast benchmark scores as blocks to read, and as rows."""

from typing import TYPE_CHECKING

from planner._util.showing import bare, printable
from planner.output.documents.blocks import Block, Facts, Items, Table, Title, note_blocks
from planner.quantities import format_count, format_factor, format_flops, format_percent, format_points, significant

if TYPE_CHECKING:
    from planner.fitting.scores.backtest import ScoreBacktest, TestSummary
    from planner.fitting.scores.result import Scores, ScoreTarget, Suite, TaskScore
    from planner.output.csv_json_machines import Row
    from planner.planning.plan_scores import PlanScores

_LOSSES = ("loss", "bits")


def scores_document(found: "Scores") -> list[Block]:
    """Return the scores with their intervals, then what is refused and why."""
    count = len(found.predictable)
    blocks: list[Block] = [
        Title(f"Expected scores of {run_text(found.target)}: {count} of {len(found.tasks)} tasks can be forecast"),
        Facts(_about(found)),
    ]
    given = {name: each for name, each in found.tasks.items() if not each.refused}
    if given:
        blocks.append(_given(given, found.level))
    refused = {name: each for name, each in found.tasks.items() if each.refused}
    if refused:
        rows = [[bare(name), each.verdict, each.reason, each.decided_by] for name, each in refused.items()]
        headers = ["task", "verdict", "why", "what would decide it"]
        blocks.append(
            Table(f"Refused: no score is given for {len(refused)}", "llll", headers, rows, [], ("what would decide it",))
        )
    return blocks + note_blocks(found.notes)


def scores_rows(found: "Scores") -> "list[Row]":
    """Return a row for each task; empty cells where a score is refused."""
    return [_row(name, each) for name, each in found.tasks.items()]


def run_text(target: "ScoreTarget") -> str:
    """Return a target in words."""
    if target.params is not None and target.tokens is not None:
        size = f"{format_count(target.params)} parameters on {format_count(target.tokens)} tokens"
        return f"{size}, {format_flops(target.flops)}" if target.flops is not None else size
    if target.flops is not None:
        return format_flops(target.flops)
    return f"a run of loss {significant(target.loss or 0.0, 4)}"


def score_backtest_document(found: "ScoreBacktest") -> list[Block]:
    """Return how far forecasts were off, over all tasks and task by task."""
    blocks: list[Block] = [Title(f"Back-test of the scores of {found.name}: fitted on C <= C_max/R, predicting the rest")]
    for each in found.summaries:
        blocks.append(Facts(_summary(each, found.level)))
    several = len(found.summaries) > 1
    headers = ["task", *(["R"] if several else []), "verdict", "error", "interval +-", "inside", "noise of questions", "no law"]
    rows = []
    for test in found.tests:
        noise = "" if test.noise is None else format_points(test.noise)
        figures = [
            format_points(test.error),
            format_points(test.half_width),
            f"{100 * test.coverage:.0f} %",
            noise,
            format_points(test.no_law),
        ]
        rows.append([bare(test.task), *([f"{test.ratio:g}"] if several else []), test.verdict, *figures])
    notes = [
        "error: mean of |predicted - measured| over the runs held out, in points, also of tasks that are refused",
        "noise of questions: what as many questions as the test has give by chance; no law: the three best fitted runs instead",
    ]
    align = f"l{'r' if several else ''}lrrrrr"
    blocks.append(Table("Each task, in points", align, headers, rows, notes, ("no law", "noise of questions", "interval +-")))
    return blocks + note_blocks(found.notes)


def score_backtest_rows(found: "ScoreBacktest") -> "list[Row]":
    """Return a row for each ratio and task."""
    return [{name: value for name, value in test._asdict().items() if name != "runs"} for test in found.tests]


def _summary(each: "TestSummary", level: float) -> list[tuple[str, str, str]]:
    ratio = f"R = {each.ratio:g}"
    if each.error is None or each.coverage is None:
        return [(ratio, "-", f"none of {each.tasks} tasks is predictable")]
    noise = "" if each.noise is None else f"; their questions alone give {format_points(each.noise)}"
    narrow = (
        "" if each.narrow_error is None else f"; {format_points(each.narrow_error)} over the half with the narrowest intervals"
    )
    beside = "" if each.no_law is None else f"; {format_points(each.no_law)} without a law"
    inside = f"share of predicted scores inside their {format_percent(level)} interval"
    return [
        (ratio, f"{each.kept} of {each.tasks}", "tasks are predictable from the runs fitted"),
        ("error", f"{format_points(each.error)} points", f"mean over them{narrow}{beside}{noise}"),
        ("inside", f"{format_points(each.coverage)} %", inside),
        ("refused", f"{each.caught} of {each.large}", "of the tasks whose error exceeds 6 points"),
        ("", f"{each.missed} of {each.small}", "of those whose error is under 3 points"),
    ]


def plan_scores_blocks(found: "PlanScores") -> list[Block]:
    """Return the scores expected of a plan, what is refused, and the compute that scores take."""
    given = {name: each for name, each in found.tasks.items() if not each.refused}
    blocks: list[Block] = []
    if given:
        table = _given(given, found.level)
        blocks.append(table._replace(heading=f"Expected scores, forecast from {bare(found.name)}"))
    refused = [f"{bare(name)}: {each.verdict}" for name, each in found.tasks.items() if each.refused]
    if refused:
        blocks.append(Items("No score is given for", [", ".join(refused)]))
    if found.needed:
        rows = []
        for each in found.needed:
            flops = "-" if each.flops is None else format_flops(each.flops)
            low = "" if each.low is None else format_flops(each.low, 2)
            high = "no end that is known" if each.high is None else format_flops(each.high, 2)
            rows.append([bare(each.task), f"{format_points(each.score)} %", flops, each.reason or f"{low} to {high}"])
        headers = ["task", "score", "compute", f"{format_percent(found.level)} interval for one model"]
        blocks.append(Table("Compute for a score", "lrrl", headers, rows, []))
    return blocks


def score_columns(found: "PlanScores | None") -> "Row":
    """Return three columns a task, empty where a score is refused, and the compute that scores take."""
    row: Row = {}
    for name, each in (found.tasks if found else {}).items():
        row |= {f"score_{name}_low": each.low, f"score_{name}": each.score, f"score_{name}_high": each.high}
    for need in found.needed if found else ():
        ends = {"low": need.low, "": need.flops, "high": need.high}
        row |= {f"flops_for_{need.task}{'_' if end else ''}{end}": value for end, value in ends.items()}
    return row


def _about(found: "Scores") -> list[tuple[str, str, str]]:
    target = found.target
    rows = [_mean(suite, found.level) for suite in found.suites if len(found.tasks) > 1 or suite.name != "all tasks"]
    if target.loss is not None and target.loss_low is not None:
        rows.append(("loss", significant(target.loss, 4), "by a law of loss fitted to the same runs"))
    reach = f"the run takes {format_factor(target.reach)} the compute of the largest" if target.reach is not None else ""
    weighed = "others left out in turn" if found.model.local else "what smaller runs foretold of larger ones"
    forms = f"forms: {', '.join(found.forms)}; weighted by {weighed}"
    what = "models" if found.model.local else "runs"
    return [*rows, (what, str(found.runs), reach or "their loss is what scores are read by"), ("", "", forms)]


def _mean(suite: "Suite", level: float) -> tuple[str, str, str]:
    name = "mean" if suite.name == "all tasks" else f"mean of {printable(suite.name)}"
    if suite.score is None or suite.low is None or suite.high is None:
        return name, "-", "none of its tasks can be forecast"
    ends = f"{format_percent(level)} interval {format_points(suite.low)} to {format_points(suite.high)}"
    left = f"; {len(suite.left_out)} left out" if suite.left_out else ""
    return (
        name,
        f"{format_points(suite.score)} %",
        f"{ends}, over {len(suite.tasks)} predictable task{'' if len(suite.tasks) == 1 else 's'}{left}",
    )


def _given(tasks: "dict[str, TaskScore]", level: float) -> Table:
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
    footnotes = [texts[kind] for kind in used]
    largest = "largest third"
    headers = ["task", "score, %", f"{format_percent(level)} interval", largest, "chance", "2x compute adds"]
    return Table("Scores for one such model", "lrrrrr", headers, rows, footnotes, ("chance", largest))


def _numbers(each: "TaskScore") -> list[str]:
    assert each.score is not None
    assert each.low is not None
    assert each.high is not None
    if each.kind in _LOSSES:
        unit = "nats" if each.kind == "loss" else "bits"
        ends = f"{significant(each.low)} to {significant(each.high)}"
        return [f"{significant(each.score)} {unit}", ends, significant(each.largest), "", ""]
    adds = "" if each.doubling is None else f"{100 * each.doubling:+.1f}"
    chance = "" if each.chance is None else format_points(each.chance)
    return [
        format_points(each.score),
        f"{format_points(each.low)} to {format_points(each.high)}",
        format_points(each.largest),
        chance,
        adds,
    ]


def _row(name: str, each: "TaskScore") -> "Row":
    names = ("score", "low", "high", "verdict", "reason", "decided_by", "kind", "chance", "questions", "floor", "ceiling")
    row: Row = {"task": name, **{column: getattr(each, column) for column in names}}
    row |= {column: getattr(each, column) for column in ("largest", "above_chance", "runs", "doubling", "error")}
    return row | {f"would_be_{end}": getattr(each.would_be, end) for end in ("score", "low", "high")}
