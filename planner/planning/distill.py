"""Teacher, train longer, or smaller: what a student learns from a teacher, and from the same compute without one."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

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
    """The laws, who pays what, and the ends of the range: smallest and largest model, fewest and most tokens."""

    supervised: Law
    distilled: Law
    cost: str
    students: int
    forward: float
    sizes: tuple[float, float]
    lengths: tuple[float, float]

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
        return logits if self.cost == "served" else logits + self.training(params) * trained / self.students

    def training(self, params: Num) -> Num:
        """Return what training on a token costs [FLOP]."""
        return 3 * self.forward * params

    def optimal_tokens(self, params: Num) -> Num:
        """Return the tokens for which a teacher's size is compute-optimal, within the range."""
        budgets = solver.optimal_at(self.supervised, params=np.asarray(params, float))
        return np.minimum(solver.best_run(problem_of(self.supervised), budgets)[1], self.lengths[1])

    @property
    def losses(self) -> tuple[float, float]:
        """The lowest and highest loss of its models without a teacher."""
        (small, large), (short, long) = self.sizes, self.lengths
        return float(self.alone(large, long)), float(self.alone(small, short))


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
    supervised, forward = load_law(section["supervised"]), float(section["forward"])
    assert supervised.domain.params  # of the catalogue's own
    assert supervised.domain.tokens
    ends = supervised.domain.params, (float(section["least_tokens"]), supervised.domain.tokens[1])
    school = _School(supervised, load_law(section["distilled"]), cost, shared, forward, *ends)
    N, D = _within(student, "`student`", "parameters", school), _within(tokens, "`tokens`", "tokens", school)
    known = _known_teacher(school, teacher, teacher_tokens, teacher_loss)
    given = dict(zip(("teacher", "teacher_tokens", "teacher_loss"), known or (None, None, None), strict=True))
    best = _best(school, N, D, section)
    taught = best if known is None else _teaching(school, N, D, *known)
    losses = np.geomspace(*school.losses, 20_001)
    sizes = [ratio * N for ratio in section["shown"] if school.sizes[0] <= ratio * N <= school.sizes[1]]
    return Distillation(
        student_params=N,
        student_tokens=D,
        cost=cost,
        students=shared,
        alone=float(school.alone(N, D)),
        taught=taught,
        chosen=known is None,
        best=best,
        best_teacher_loss=float(losses[lowest(school.student(N, D, losses))]),
        alone_from=_alone_from(school, N, taught),
        optimum=_optimum(school, taught.flops),
        smaller=_smaller(school, N, taught),
        others=tuple(_teaching(school, N, D, size, float(school.optimal_tokens(size))) for size in sizes),
        supervised=school.supervised,
        distilled=school.distilled,
        notes=tuple(_notes(school, taught, assumed=given["teacher_tokens"] is not None and teacher_tokens is None)),
        inputs=FrozenDict(student=N, tokens=D, **given, cost=cost, students=shared),
    )


def _within(value: Number, name: str, what: Literal["parameters", "tokens"], school: _School) -> float:
    """Read a size, or tokens, within the study's range."""
    number = parse_count(value, name, what)
    low, high = school.sizes if what == "parameters" else school.lengths
    if not low <= number <= high * (1 + 1e-9):
        ends = f"{format_count(low)} to {format_count(high)}"
        known = f"knows {ends}, without embeddings" if what == "parameters" else f"is asked for {ends}"
        raise OptionError(f"{name} {format_count(number)} {what}: {school.distilled.id} {known}")
    return number


def _known_teacher(
    school: _School, teacher: Number | None, tokens: Number | None, loss: Number | None
) -> tuple[float | None, float | None, float | None] | None:
    """Return the teacher's parameters, tokens and loss as they were given; None where one is to be looked for."""
    if teacher is None and tokens is not None:
        raise OptionError("`teacher_tokens`: of which teacher? Give `teacher`, its parameters")
    if tokens is not None and loss is not None:
        text = "`teacher_tokens` and `teacher_loss` together say too much"
        raise OptionError(f"{text}: give the loss, or the tokens it follows from")
    if teacher is None and loss is None:
        return None
    if teacher is None and school.cost != "free":
        raise OptionError("`teacher_loss` alone: what the teacher costs needs its `teacher` parameters; or `cost` free")
    size = None if teacher is None else _within(teacher, "`teacher`", "parameters", school)
    if loss is not None:
        if school.cost == "trained":
            raise OptionError("`teacher_loss` with `cost` trained: what its training took is not known; give `teacher_tokens`")
        known, (low, high) = parse_number(loss, "`teacher_loss`"), school.losses
        if not low <= known <= high:
            ends = f"{significant(low)} to {significant(high)} nats per token on its data"
            raise OptionError(f"`teacher_loss` {plain(known)}: models that {school.distilled.id} knows have {ends}")
        return size, None, known
    assert size is not None  # one of the two is given
    if tokens is None:
        return size, float(school.optimal_tokens(size)), None
    return size, _within(tokens, "`teacher_tokens`", "tokens", school), None


def _teaching(
    school: _School, N: float, D: float, teacher: float | None, trained: float | None, teacher_loss: float | None = None
) -> Teaching:
    if teacher_loss is None:
        teacher_loss = float(school.alone(teacher, trained))
    paid = 0.0 if teacher is None else float(school.teacher_flops(teacher, trained or 0.0, D))
    own = school.training(N)
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
    lengths = np.geomspace(*school.lengths, section["lengths"])
    sizes, trained = (each.ravel() for each in np.meshgrid(np.geomspace(*school.sizes, section["sizes"]), lengths))
    paid = school.teacher_flops(sizes, trained, D)
    gain = school.alone(N, D + paid / school.training(N)) - school.student(N, D, school.alone(sizes, trained))
    place = lowest(-gain, paid, sizes)
    return _teaching(school, N, D, float(sizes[place]), float(trained[place]))


def _alone_from(school: _School, N: float, taught: Teaching) -> float | None:
    """Return the student's tokens from which on it is better trained alone on the same compute; 0 where it always is."""
    teacher, trained = taught.teacher_params, taught.teacher_tokens or 0.0

    def gain(log_D: Num) -> Num:
        D = np.exp(log_D)
        paid = 0.0 if teacher is None else school.teacher_flops(teacher, trained, D)
        return school.alone(N, D + paid / school.training(N)) - school.student(N, D, taught.teacher_loss)

    grid = np.linspace(np.log(school.lengths[0]), np.log(school.lengths[1]), 2001)
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

    def above(log_N: Num) -> Num:
        """Return how far the loss of a size lies above the taught student's: it falls towards the best size."""
        return school.alone(np.exp(log_N), taught.flops / school.training(np.exp(log_N))) - taught.loss

    if least > taught.loss or high <= low or above(high) > 0:
        return None
    size = school.sizes[0] if above(low) <= 0 else float(np.exp(find_root(lambda x: -above(x), low, high)))
    tokens = taught.flops / school.training(size)
    return None if tokens > school.lengths[1] else (size, tokens)


def _notes(school: _School, taught: Teaching, *, assumed: bool) -> Iterator[Note]:
    """Say what the answer rests on, and where it leaves what was measured."""
    yield Note("one-study", "info", "one study, on C4: on other data the gain is another; N counts no embeddings")
    text = "a forward pass is counted as 2 FLOP per parameter and token, training as three of them; attention is left out"
    yield Note("forward-cost", "info", text)
    if assumed and taught.teacher_tokens is not None:
        trained = format_count(taught.teacher_tokens)
        text = f"the teacher's {trained} tokens are the compute-optimal ones of {school.supervised.id}"
        yield Note("teacher-tokens", "info", text)
    size, tokens, _ = _optimum(school, taught.flops)
    largest, longest = school.sizes[1], school.lengths[1]
    beyond = [f"alone it would see {format_count(taught.alone_tokens)} tokens"] * (taught.alone_tokens > longest)
    if size > largest or tokens > longest:
        beyond.append(f"the best run alone has {format_count(size)} parameters on {format_count(tokens)} tokens")
    if beyond:
        ends = f"{format_count(largest)} parameters and {format_count(longest)} tokens"
        yield Note("extrapolation", "info", f"{'; '.join(beyond)}: beyond the {ends} of the study")
