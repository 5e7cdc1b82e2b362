"""What changes what counts: repeated data, low precision, imperfect data; and where its constants come from."""

from planner._util.files import settings
from planner.allocation.effective_size import Modifier, Precision, Quality, Repetition
from planner.errors import OptionError
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import format_percent, significant
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms import Num
from planner.scaling_laws.law import Law


def modifiers_of(law: Law, question: Question) -> tuple[tuple[Modifier, ...], list[Note]]:
    """Return what changes what counts, in the order in which it applies, and what to say of each."""
    modifiers: list[Modifier] = []
    notes: list[Note] = []
    if question.unique_tokens is not None:
        repeated = repetition(law, question.unique_tokens)
        modifiers.append(repeated)
        notes += _carried_over(law, repeated)
    if question.precision is not None:
        if question.serve_precision is not None:
            raise OptionError(
                "`serve_precision` with `precision`: what rounding adds to weights trained in few bits is not known"
            )
        section = settings("planning.toml", "precision")
        source = load_law(section["law"])
        lowered = Precision(question.precision, source.params, float(section["baseline"]), source.reference)
        modifiers.append(lowered)
        if lowered.kept != 1:
            saves = "what it saves in time and money is not counted here"
            if question.dtype is not None:
                saves = f"what it saves in time and money is the speed of dtype {question.dtype}"
            text = (
                f"at this precision {format_percent(lowered.kept)} of the parameters count, by {source.id}: measured on integer "
                f"types and small models, carried over to {law.id}; {saves}"
            )
            notes.append(Note("precision", "info", text))
    if question.data_quality is not None:
        source = load_law(settings("planning.toml", "quality")["law"])
        clean = Quality(question.data_quality, source.params, source.reference)
        if clean.kept != 1:
            modifiers.append(clean)
            text = (
                f"{format_percent(clean.kept)} of the tokens count, by {source.id}: synthetic corruption at one model size, "
                f"carried over to {law.id}; the quality of real corpora was not measured there"
            )
            notes.append(Note("data-quality", "warning", text))
    return tuple(modifiers), notes


def repetition(law: Law, unique: Num) -> Repetition:
    """Return the decay of repeated tokens: with the law's own constants, or those of the law that measured them."""
    if "R_D" in law.params:
        return Repetition(unique)
    source = load_law(settings("planning.toml", "repetition")["law"])
    return Repetition(unique, source.params["R_D"], source.params["R_N"])


def _carried_over(law: Law, found: Repetition) -> list[Note]:
    if found.R_D is None:
        return []
    source = settings("planning.toml", "repetition")["law"]
    text = (
        f"what repeated tokens are worth (R_D {significant(found.R_D)}, R_N {significant(found.R_N)}) was measured by {source} "
        f"with its own surface; here it is carried over to {law.id}, untested together"
    )
    return [Note("repetition-carried-over", "info", text)]
