"""The layout of a question, as far as the user fixed it."""

from planner.architectures.layout import Recompute
from planner.architectures.parallelism import Asked
from planner.errors import OptionError
from planner.inputs.question import Question


def layout_asked(question: Question, recompute: Recompute | None) -> Asked:
    """Return what of a layout was asked for.

    Raises
    ------
    OptionError
        Stages of an interleaved schedule beside another schedule.
    """
    if question.virtual and question.schedule not in {None, "interleaved"}:
        raise OptionError(
            f"`virtual` {question.virtual}: stages of the schedule interleaved, not of {question.schedule}; drop one"
        )
    return Asked(
        zero=question.zero,
        tensor=question.tensor,
        pipeline=question.pipeline,
        expert=question.expert,
        expert_tensor=question.expert_tensor,
        context_parallel=question.context_parallel,
        micro_batch=question.micro_batch,
        recompute=recompute,
        batch=question.batch,
        schedule=question.schedule,
        virtual=question.virtual,
        loss_kernel=question.loss_kernel or "eager",
        offload=bool(question.offload),
        lora=question.lora or 0,
    )
