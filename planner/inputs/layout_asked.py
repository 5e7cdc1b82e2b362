"""The layout of a question, as far as the user fixed it."""

from typing import Any

from planner.architectures.layout import Recompute
from planner.architectures.parallelism import Asked
from planner.errors import OptionError
from planner.inputs.question import Question


def layout_asked(question: Question, recompute: Recompute | None) -> Asked:
    """Return what of a layout was asked for; stages of an interleaved schedule beside another schedule are refused."""
    if question.virtual and question.schedule not in {None, "interleaved"}:
        raise OptionError(
            f"`virtual` {question.virtual}: stages of the schedule interleaved, not of {question.schedule}; drop one"
        )
    given = {name: getattr(question, name) for name in Asked._fields if name != "recompute"}
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Asked(recompute=recompute, **said)
