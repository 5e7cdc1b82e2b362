"""Teacher, train longer, or smaller: what a student learns from a teacher, and from the same compute without one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.root_finding import find_root
from planner._util.stable_choice import lowest
from planner.allocation import solver
from planner.allocation.problem import problem_of
from planner.errors import OptionError
from planner.inputs.input_row import Number
from planner.notes import Note
from planner.planning.distill_result import Distillation, Teaching
from planner.quantities import format_count, parse_count, parse_number, plain, shown, significant, whole_number
from planner.scaling_laws.catalogue import load_law
from planner.scaling_laws.forms._base import Num
from planner.scaling_laws.forms.distillation import student_loss
from planner.scaling_laws.law import Law

COSTS = ("free", "served", "trained")


class _School(NamedTuple):
    """The laws, and who pays what."""

    supervised: Law
    distilled: Law
    cost: str
    students: int
    forward: float

    def alone(self, params: Num, tokens: Num) -> Num:
        """Return the loss without a teacher."""
        return self.supervised.loss(params, tokens)

    def student(self, params: Num, tokens: Num, teacher_loss: Num) -> Num:
        """Return the loss with a teacher."""
        return student_loss(self.distilled.params, params, tokens, teacher_loss, self.alone(params, tokens))

    def teacher_flops(self, params: Num, trained: Num, taught: Num) -> Num:
        """Return what a teacher costs a student [FLOP]: forward passes over its tokens, and a share of its training."""
        if self.cost == "free":
            return 0.0 * params
        logits = self.forward * params * taught
        return logits if self.cost == "served" else logits + 3 * self.forward * params * trained / self.students

    def optimal_tokens(self, params: Num) -> Num:
        """Return the tokens for which a teacher's size is compute-optimal, within the range."""
        budgets = solver.optimal_at(self.supervised, params=np.asarray(params, float))
        return np.minimum(solver.best_run(problem_of(self.supervised), budgets)[1], self.most_tokens)

    @property
    def most_tokens(self) -> float:
        """The most tokens of the study."""
        assert self.supervised.domain.tokens is not None  # of the catalogue's own
        return self.supervised.domain.tokens[1]

    @property
    def sizes(self) -> tuple[float, float]:
        """Its smallest and largest model."""
        assert self.supervised.domain.params is not None  # of the catalogue's own
        return self.supervised.domain.params


def distill(
    student: Number,
    tokens: Number,
    *,
    teacher: Number | None = None,
    teacher_tokens: Number | None = None,
    teacher_loss: Number | None = None,
    cost: str = "served",
    students: int = 1,
) -> Distillation:
    """Say what a student learns from a teacher, and what the same compute would give without one.

    Parameters
    ----------
    student : float or str
        Parameters of the student, without embeddings.
    tokens : float or str
        Tokens that it is taught on.
    teacher : float or str, optional
        Parameters of the teacher, without embeddings; by default the best for the cost is looked for.
    teacher_tokens : float or str, optional
        That the teacher was, or is to be, trained on; by default the compute-optimal ones.
    teacher_loss : float, optional
        Instead: its loss [nats per token], on the data that the student's is measured on.
    cost : {"served", "free", "trained"}
        What of the teacher is paid: the logits that it serves, nothing, or its training too.
    students : int
        That share the teacher's training.

    Returns
    -------
    Distillation

    Raises
    ------
    PlannerError
        A student or teacher outside the study's range, or parts that contradict each other.

    References
    ----------
    Busbridge et al. 2025, arXiv 2502.08606: one study, on C4.

    Examples
    --------
    >>> import planner
    >>> found = planner.distill("143M", "512B", teacher="1.82B", cost="free")
    >>> f"{found.taught.loss:.2f} with the teacher, {found.alone:.2f} without"
    '2.48 with the teacher, 2.51 without'
    """
    section = settings("planning.toml", "distillation")
    if not isinstance(cost, str) or cost not in COSTS:
        raise OptionError(f"`cost` {shown(cost)}: expected {', '.join(COSTS)}: what of the teacher is paid")
    shared = whole_number(students, "`students`", 1, 10**6)
    if shared > 1 and cost != "trained":
        raise OptionError(f"`students` {shared}: they share the teacher's training, which `cost` {cost} does not pay")
    school = _School(load_law(section["supervised"]), load_law(section["distilled"]), cost, shared, float(section["forward"]))
    N, D = _size(student, "`student`", school), _length(tokens, "`tokens`", school)
    known = _known_teacher(school, teacher, teacher_tokens, teacher_loss)
    best = _best(school, N, D, section)
    taught = best if known is None else _teaching(school, N, D, *known)
    sizes = [ratio * N for ratio in section["shown"] if school.sizes[0] <= ratio * N <= school.sizes[1]]
    others = [_teaching(school, N, D, size, float(school.optimal_tokens(size)), None) for size in sizes]
    return Distillation(
        student_params=N,
        student_tokens=D,
        cost=cost,
        students=shared,
        alone=float(school.alone(N, D)),
        taught=taught,
        chosen=known is None,
        best=best,
        best_teacher_loss=_best_teacher_loss(school, N, D),
        alone_from=_alone_from(school, N, taught),
        optimum=_optimum(school, taught.flops),
        smaller=_smaller(school, N, taught),
        others=tuple(others),
        supervised=school.supervised,
        distilled=school.distilled,
        notes=tuple(_notes(school, taught, known is not None and known[1] is not None and teacher_tokens is None)),
        inputs=FrozenDict(
            student=N,
            tokens=D,
            teacher=None if known is None else known[0],
            teacher_tokens=None if known is None else known[1],
            teacher_loss=None if known is None else known[2],
            cost=cost,
            students=shared,
        ),
    )


def _size(value: Number, name: str, school: _School) -> float:
    """Read a size within the study's range."""
    number = parse_count(value, name, "parameters")
    low, high = school.sizes
    if not low <= number <= high * (1 + 1e-9):
        raise OptionError(
            f"{name} {format_count(number)} parameters: {school.distilled.id} knows {format_count(low)} to {format_count(high)}, "
            "without embeddings"
        )
    return number


def _least_tokens() -> float:
    return float(settings("planning.toml", "distillation")["least_tokens"])


def _length(value: Number, name: str, school: _School) -> float:
    """Read tokens within the study's range."""
    number = parse_count(value, name, "tokens")
    least = _least_tokens()
    if not least <= number <= school.most_tokens * (1 + 1e-9):
        raise OptionError(
            f"{name} {format_count(number)} tokens: {school.distilled.id} is asked for {format_count(least)} to "
            f"{format_count(school.most_tokens)}"
        )
    return number


def _known_teacher(
    school: _School, teacher: Number | None, tokens: Number | None, loss: Number | None
) -> tuple[float | None, float | None, float | None] | None:
    """Return the teacher's parameters, tokens and loss as they were given; None where one is to be looked for."""
    if teacher is None and tokens is not None:
        raise OptionError("`teacher_tokens`: of which teacher? Give `teacher`, its parameters")
    if tokens is not None and loss is not None:
        raise OptionError(
            "`teacher_tokens` and `teacher_loss` together say too much: give the loss, or the tokens it follows from"
        )
    if teacher is None and loss is None:
        return None
    if teacher is None and school.cost != "free":
        raise OptionError("`teacher_loss` alone: what the teacher costs needs its `teacher` parameters; or `cost` free")
    size = None if teacher is None else _size(teacher, "`teacher`", school)
    if loss is not None:
        if school.cost == "trained":
            raise OptionError("`teacher_loss` with `cost` trained: what its training took is not known; give `teacher_tokens`")
        return size, None, _loss(loss, school)
    assert size is not None  # one of the two is given
    trained = float(school.optimal_tokens(size)) if tokens is None else _length(tokens, "`teacher_tokens`", school)
    return size, trained, None


def _loss(value: Number, school: _School) -> float:
    """Read a teacher's loss that some model of the range has."""
    number = parse_number(value, "`teacher_loss`")
    low = float(school.alone(school.sizes[1], school.most_tokens))
    high = float(school.alone(school.sizes[0], 1e9))
    if not low <= number <= high:
        raise OptionError(
            f"`teacher_loss` {plain(number)}: models that {school.distilled.id} knows have {significant(low)} to "
            f"{significant(high)} nats per token on its data"
        )
    return number


def _teaching(
    school: _School, N: float, D: float, teacher: float | None, trained: float | None, teacher_loss: float | None
) -> Teaching:
    """Return a student taught by a teacher."""
    if teacher_loss is None:
        teacher_loss = float(school.alone(teacher, trained))
    paid = 0.0 if teacher is None else float(school.teacher_flops(teacher, trained or 0.0, D))
    own = 3 * school.forward * N
    longer = D + paid / own
    return Teaching(
        teacher_params=teacher,
        teacher_tokens=trained,
        teacher_loss=teacher_loss,
        loss=float(school.student(N, D, teacher_loss)),
        teacher_flops=paid,
        flops=own * D + paid,
        alone_tokens=longer,
        alone_loss=float(school.alone(N, longer)),
    )


def _best(school: _School, N: float, D: float, section: Mapping[str, Any]) -> Teaching:
    """Return the teacher that gains most at equal compute, of any size and length in the range."""
    lengths = np.geomspace(section["least_tokens"], school.most_tokens, section["lengths"])
    sizes, trained = (each.ravel() for each in np.meshgrid(np.geomspace(*school.sizes, section["sizes"]), lengths))
    losses = school.alone(sizes, trained)
    own = 3 * school.forward * N
    paid = school.teacher_flops(sizes, trained, D)
    gain = school.alone(N, D + paid / own) - school.student(N, D, losses)
    place = lowest(-gain, paid, sizes)
    return _teaching(school, N, D, float(sizes[place]), float(trained[place]), None)


def _best_teacher_loss(school: _School, N: float, D: float) -> float:
    """Return the teacher's loss at which the student's is lowest."""
    low, high = float(school.alone(school.sizes[1], school.most_tokens)), float(school.alone(school.sizes[0], 1e9))
    losses = np.geomspace(low, high, 20_001)
    return float(losses[lowest(school.student(N, D, losses))])


def _alone_from(school: _School, N: float, taught: Teaching) -> float | None:
    """Return the student's tokens from which on it is better trained alone on the same compute; 0 where it always is."""
    teacher, trained, own = taught.teacher_params, taught.teacher_tokens or 0.0, 3 * school.forward * N

    def gain(log_D: Num) -> Num:
        D = np.exp(log_D)
        paid = 0.0 if teacher is None else school.teacher_flops(teacher, trained, D)
        return school.alone(N, D + paid / own) - school.student(N, D, taught.teacher_loss)

    grid = np.linspace(np.log(_least_tokens()), np.log(school.most_tokens), 2001)
    better = gain(grid) > 0
    if better[-1]:
        return None
    if not better.any():
        return 0.0
    last = int(np.flatnonzero(better)[-1])
    return float(np.exp(find_root(lambda x: -gain(x), grid[last], grid[last + 1])))


def _optimum(school: _School, flops: float) -> tuple[float, float, float]:
    """Return the best run of a compute without a teacher."""
    N, D = (float(value) for value in solver.best_run(problem_of(school.supervised), flops))
    return N, D, float(school.alone(N, D))


def _smaller(school: _School, N: float, taught: Teaching) -> tuple[float, float] | None:
    """Return the smallest model that reaches the taught student's loss alone with the same compute, where it is smaller."""
    best, _, least = _optimum(school, taught.flops)
    low, high = np.log(school.sizes[0]), np.log(min(best, N))
    each = 3 * school.forward

    def above(log_N: Num) -> Num:
        """Return how far the loss of a size lies above the taught student's: it falls towards the best size."""
        return school.alone(np.exp(log_N), taught.flops / (each * np.exp(log_N))) - taught.loss

    if least > taught.loss or high <= low or above(high) > 0:
        return None
    size = school.sizes[0] if above(low) <= 0 else float(np.exp(find_root(lambda x: -above(x), low, high)))
    tokens = taught.flops / (each * size)
    return None if tokens > school.most_tokens else (size, tokens)


def _notes(school: _School, taught: Teaching, assumed: bool) -> list[Note]:
    """Say what the answer rests on, and where it leaves what was measured."""
    notes = [
        Note("one-study", "info", "one study, on C4: on other data the gain is another; N counts no embeddings"),
        Note(
            "forward-cost",
            "info",
            "a forward pass is counted as 2 FLOP per parameter and token, training as three of them; attention is left out",
        ),
    ]
    if assumed and taught.teacher_tokens is not None:
        text = (
            f"the teacher's {format_count(taught.teacher_tokens)} tokens are the compute-optimal ones of {school.supervised.id}"
        )
        notes.append(Note("teacher-tokens", "info", text))
    size, tokens, _ = _optimum(school, taught.flops)
    beyond = [f"alone it would see {format_count(taught.alone_tokens)} tokens"] * (taught.alone_tokens > school.most_tokens)
    if size > school.sizes[1] or tokens > school.most_tokens:
        beyond.append(f"the best run alone has {format_count(size)} parameters on {format_count(tokens)} tokens")
    if beyond:
        ends = f"{format_count(school.sizes[1])} parameters and {format_count(school.most_tokens)} tokens"
        notes.append(Note("extrapolation", "info", f"{'; '.join(beyond)}: beyond the {ends} of the study"))
    return notes
