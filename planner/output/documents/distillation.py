"""A student with and without a teacher, as blocks to read and as rows."""

from planner.output.csv_json_machines import Row, fields
from planner.output.documents.blocks import Block, Facts, Table, Title, four_digits, note_blocks
from planner.planning.distill_result import Distillation, Teaching
from planner.quantities import format_count, format_flops, significant

_PAID = {
    "free": "the teacher costs nothing",
    "served": "the teacher's logits are paid",
    "trained": "the teacher's logits and training are paid",
}


def distillation_document(found: Distillation) -> list[Block]:
    taught = found.taught
    student = f"{format_count(found.student_params)} student on {format_count(found.student_tokens)} tokens"
    by = "the best teacher" if found.chosen else "a given teacher" if taught.teacher_params is None else _teacher(taught)
    shared = f" by {found.students} students" if found.students > 1 else ""
    teacher = f"nats/token; the teacher has {four_digits(taught.teacher_loss)}{_of(taught)}"
    rows = [
        ("with teacher", four_digits(taught.loss), teacher),
        ("without", four_digits(found.alone), "on the same tokens"),
        *_alone_rows(found),
        ("verdict", *_verdict(found)),
        ("compute", format_flops(taught.flops), _compute(found)),
        ("", "", _alone_text(found)),
        ("capacity gap", four_digits(found.best_teacher_loss), _gap_text(found)),
    ]
    if not found.chosen:
        best = found.best
        text = f"gains {_signed(best.gain)} at equal compute: the best for this cost in the range"
        rows.append(("best teacher", format_count(best.teacher_params or 0.0), f"{_tokens(best)}, {text}"))
    law = [("law", found.distilled.id, found.distilled.form.equation), ("", "", found.distilled.reference)]
    law.append(("alone by", found.supervised.id, found.supervised.form.equation))
    title = f"A {student}, taught by {by}; {_PAID[found.cost]}{shared}"
    return [Title(title), Facts(rows), Facts(law), _others(found), *note_blocks(found.notes, None)]


def distillation_rows(found: Distillation) -> list[Row]:
    """Return a row for the teacher of the answer, and one for each other size."""
    student, kind = fields(found, "student_params", "student_tokens", "alone"), fields(found, "cost", "students")
    each = [("answer", found.taught), ("best", found.best), *(("other", other) for other in found.others)]
    return [{"which": which, **student, **one._asdict(), "gain": one.gain, **kind} for which, one in each]


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{significant(abs(value))}"


def _teacher(taught: Teaching) -> str:
    return f"{format_count(taught.teacher_params or 0.0)}{_of(taught)}".replace(",", " trained")


def _of(taught: Teaching) -> str:
    return "" if taught.teacher_tokens is None else f", {_tokens(taught)}"


def _tokens(taught: Teaching) -> str:
    return "" if taught.teacher_tokens is None else f"on {format_count(taught.teacher_tokens)} tokens"


def _alone_rows(found: Distillation) -> list[tuple[str, str, str]]:
    """Return what the compute does without a teacher: the student's for longer, the best size, the smallest that is as good."""
    rows = []
    if found.taught.teacher_flops:
        text = f"alone on {format_count(found.taught.alone_tokens)} tokens, which the same compute pays for"
        rows.append(("longer instead", four_digits(found.taught.alone_loss), text))
    N, D, loss = found.optimum
    text = f"{format_count(N)} on {format_count(D)} tokens: any size, no teacher, same compute"
    rows.append(("best alone", four_digits(loss), text))
    if found.smaller:
        size, tokens = (format_count(value) for value in found.smaller)
        rows.append(("smaller", size, f"alone on {tokens} tokens is as good as the taught student, for the same compute"))
    return rows


def _verdict(found: Distillation) -> tuple[str, str]:
    taught = found.taught
    way = "the teacher helps" if taught.gain > 0 else "train longer" if taught.teacher_flops else "train alone"
    better = "lower" if taught.gain > 0 else "higher"
    return way, f"at equal compute the loss is {significant(abs(taught.gain))} {better} with the teacher"


def _compute(found: Distillation) -> str:
    taught = found.taught
    if not taught.teacher_flops:
        return "for the student alone"
    own = format_flops(taught.flops - taught.teacher_flops)
    return f"{own} for the student, {format_flops(taught.teacher_flops)} for the teacher"


def _alone_text(found: Distillation) -> str:
    what = "this teacher" if found.taught.teacher_params is None else f"a teacher of {format_count(found.taught.teacher_params)}"
    if found.alone_from is None:
        return f"{what} is worth it for as many tokens as the study knows"
    if found.alone_from == 0:
        return f"{what} is not worth it at any number of tokens"
    return f"{what} is worth it up to {format_count(found.alone_from)} tokens; from there on training alone is better"


def _gap_text(found: Distillation) -> str:
    taught = found.taught
    which = "this one is weaker"
    if abs(taught.teacher_loss / found.best_teacher_loss - 1) < 0.002:
        which = "about this one"
    elif taught.teacher_loss < found.best_teacher_loss:
        which = "this one is stronger: a weaker one would teach better"
    known = "whatever it costs, of those that the study's models have"
    return f"the teacher's loss that is best for this student, {known}; {which}"


def _others(found: Distillation) -> Table:
    rows = []
    for each in found.others:
        sizes = [format_count(size or 0.0) for size in (each.teacher_params, each.teacher_tokens)]
        teacher, student, alone = (four_digits(loss) for loss in (each.teacher_loss, each.loss, each.alone_loss))
        rows.append([*sizes, teacher, student, format_flops(each.flops), alone, _signed(each.gain)])
    headers = ["teacher", "its tokens", "its loss", "student", "in all", "alone for that", "gain"]
    footnote = "teachers on their compute-optimal tokens; gain: what the teacher takes off the loss at equal compute"
    return Table("Teachers of other sizes", "rrrrrrr", headers, rows, [footnote])
