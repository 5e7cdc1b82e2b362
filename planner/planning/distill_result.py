"""What distillation gives, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from planner._util.to_json import Answer
from planner._version import __version__
from planner.notes import Note
from planner.scaling_laws.law import Law


class Teaching(NamedTuple):
    """A student taught by one teacher, beside the same compute without one.

    Attributes
    ----------
    teacher_params : float or None
        None where the teacher's loss alone is known.
    teacher_loss : float
        [nats per token].
    loss : float
        Of the student.
    teacher_flops : float
        What the teacher costs: the logits it serves, and its training over the students that share it, as far as they are paid.
    flops : float
        In all, a student [FLOP].
    alone_tokens, alone_loss : float
        The same student without a teacher on the tokens that all this compute pays for.
    """

    teacher_params: float | None
    teacher_tokens: float | None
    teacher_loss: float
    loss: float
    teacher_flops: float
    flops: float
    alone_tokens: float
    alone_loss: float

    @property
    def gain(self) -> float:
        """What the teacher takes off the loss at equal compute; below 0 where training longer is better."""
        return self.alone_loss - self.loss


@dataclass(frozen=True, eq=False, repr=False)
class Distillation(Answer):
    """A student, with and without a teacher.

    Attributes
    ----------
    student_params, student_tokens : float
        N without embeddings, and tokens that it is taught on.
    cost : str
        What of the teacher is paid: nothing (``free``), its logits (``served``), or its training too (``trained``).
    students : int
        That share the teacher's training.
    alone : float
        The student's loss on the same tokens without a teacher [nats per token].
    taught : Teaching
        By the teacher asked for, or by the best.
    chosen : bool
        Whether the teacher was looked for.
    best : Teaching
        By the best teacher at that cost.
    best_teacher_loss : float
        The teacher's loss, of models in the study's range, at which the student's is lowest, whatever it costs: a better teacher
        makes a worse student.
    alone_from : float or None
        Tokens of the student from which on training it alone on the same compute is better; None where it is nowhere in the
        range, 0 where it is everywhere.
    optimum : (params, tokens, loss)
        The best run of the same compute without a teacher, of any size.
    smaller : (params, tokens) or None
        The smallest model that reaches the taught student's loss alone, with the same compute; None where none below the
        student's size in the range does.
    others : tuple of Teaching
        Teachers of other sizes, each on its compute-optimal tokens.
    supervised, distilled : Law
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    student_params: float
    student_tokens: float
    cost: str
    students: int
    alone: float
    taught: Teaching
    chosen: bool
    best: Teaching
    best_teacher_loss: float
    alone_from: float | None
    optimum: tuple[float, float, float]
    smaller: tuple[float, float] | None
    others: tuple[Teaching, ...]
    supervised: Law
    distilled: Law
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__
