"""A budget in, what every law says of it out: the consensus of the studies, their spread, and why the others differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.quantiles import quantiles
from planner._util.stable_choice import rounded
from planner._util.to_json import Answer
from planner._version import __version__
from planner.allocation import solver
from planner.allocation.extrapolation import FAR
from planner.allocation.problem import problem_of, require_possible
from planner.errors import CannotPlanError, OptionError
from planner.inputs.budget import needed_budget
from planner.inputs.law_choice import LawLike, load_laws, refuse_without_plans, resolve_law
from planner.inputs.question import Question
from planner.inputs.registry import CompareInputs, asks
from planner.notes import Note
from planner.planning.allocate import possible_allocation
from planner.planning.alternatives import alternative
from planner.planning.plan_details import embedded_params
from planner.planning.plan_result import Alternative
from planner.quantities import format_factor, plain
from planner.scaling_laws.catalogue import all_laws
from planner.scaling_laws.law import Law, guarded


class Voice(NamedTuple):
    """One law's answer among the others.

    Attributes
    ----------
    answer : Alternative
        Its plan, how the judge sees it, and its notes.
    study : str
        Who published it: the laws of one study have one voice together.
    params : float
        N with embeddings where the law's count can be converted, else as printed: what is compared.
    ratio : float
        That over the consensus.
    silent : str
        Why it has no voice in the consensus; empty where it has one.
    agrees : bool
        Whether its N lies within the sizes that the judge calls balanced around the consensus.
    why : tuple of (kind, text)
        What may make it differ: kinds are ``conventions``, ``data``, ``range``, ``method`` and ``model``.
    """

    answer: Alternative
    study: str
    params: float
    ratio: float
    silent: str
    agrees: bool
    why: tuple[tuple[str, str], ...]


class Spread(NamedTuple):
    """The middle of the studies, the middle half of them, and the ends; each study one voice."""

    low: float
    lower: float
    middle: float
    upper: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Answer):
    """What every law that can plan says of a budget.

    Attributes
    ----------
    flops : float
        The budget C [FLOP].
    judge : Law
        The law whose surface says what counts as near, and sees the others.
    band : (low, high)
        Sizes over its optimum that cost it at most ``tolerance`` more compute: laws within it of the consensus agree.
    tolerance : float
    params, tokens : Spread
        Over the studies with a voice.
    loss : Spread or None
        Over those in nats per token, whatever their data; None where there are fewer than two.
    studies : tuple of str
        Those with a voice.
    voices : tuple of Voice
        Laws with a voice first, by size.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    flops: float
    judge: Law
    band: tuple[float, float]
    tolerance: float
    params: Spread
    tokens: Spread
    loss: Spread | None
    studies: tuple[str, ...]
    voices: tuple[Voice, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__


@asks(CompareInputs)
def compare(*, laws: str | Sequence[LawLike] | None = None, **asked: Unpack[CompareInputs]) -> Comparison:
    """Compare what every law that can plan makes of a budget: consensus, spread, who disagrees and why.

    The chosen law is the judge: its loss surface says which sizes are near the consensus.

    Parameters
    ----------
    laws : sequence of laws, or str, optional
        Instead of the whole catalogue's; as a text with commas between them.
    {inputs}

    Returns
    -------
    Comparison

    Notes
    -----
    A study, not a law, has a voice: the geometric mean of its laws. The consensus is the median over studies, in the logarithm.
    Laws whose own file says why they must not be followed are shown without one, and so are those that plan more than ten times
    outside their runs, unless fewer than three studies plan nearer.

    Raises
    ------
    PlannerError
        A judge without a loss surface to plan on, laws that cannot plan, or fewer than two of them.

    Examples
    --------
    >>> import planner
    >>> found = planner.compare(flops=1e21)
    >>> f"{found.params.middle:.2g} parameters by {len(found.studies)} studies, {found.params.low:.2g} to {found.params.high:.2g}"
    '2.9e+09 parameters by 9 studies, 2.7e+09 to 3.1e+09'
    """
    question = Question.of(CompareInputs, "compare", asked)
    judge = _judge(question)
    budget, held = needed_budget(question, problem_of(judge))
    allowed = question.tolerance
    chosen = _chosen(laws, judge)
    best = guarded(judge, lambda: float(possible_allocation(judge, budget).params))
    low, high = guarded(judge, lambda: solver.flat_band(judge, budget, allowed))
    band = float(low) / best, float(high) / best
    answers, mute = _answers(chosen, judge, budget, allowed, best)
    near = _near(answers)
    silent = [_silence(answer, near) for answer in answers]
    sizes = [embedded_params(a.law, a.params)[0] or a.params for a in answers]
    heard = [(a, N) for a, N, why in zip(answers, sizes, silent, strict=True) if not why]
    if len({_study(a.law) for a, _ in heard}) < 2:
        text = "`laws`: a consensus needs two studies whose laws have a voice; plan laws shows what speaks against each"
        raise CannotPlanError(f"{text}, and plan compare --moe sets mixtures of experts side by side")
    params = _spread([(a.law, N) for a, N in heard])
    voices = [
        Voice(a, _study(a.law), N, N / params.middle, why, band[0] <= N / params.middle <= band[1], _reasons(a, judge))
        for a, N, why in zip(answers, sizes, silent, strict=True)
    ]
    losses = [(a.law, a.loss) for a, _ in heard if a.loss and a.law.conventions.loss_unit == "nats/token"]
    asked_for = {"flops": budget, "law": judge.id, "constants": question.constants, "tolerance": allowed}
    return Comparison(
        flops=budget,
        judge=judge,
        band=band,
        tolerance=allowed,
        params=params,
        tokens=_spread([(a.law, a.tokens) for a, _ in heard]),
        loss=_spread(losses) if len({_study(law) for law, _ in losses}) > 1 else None,
        studies=tuple(dict.fromkeys(_study(a.law) for a, _ in heard)),
        voices=tuple(sorted(voices, key=lambda voice: (bool(voice.silent), rounded(voice.params)))),
        notes=(*_notes(voices, near), *mute, *held.notes),
        inputs=FrozenDict({**question.stated(), **asked_for, "laws": tuple(each.id for each in chosen)}),
    )


def _chosen(laws: str | Sequence[LawLike] | None, judge: Law) -> list[Law]:
    known = [each for each in all_laws() if each.role == "plan"] if laws is None else list(load_laws(laws, "laws"))
    for each in known:
        refuse_without_plans(each)
    return [judge if each.id == judge.id else each for each in known] + [judge] * (judge.id not in {each.id for each in known})


def _answers(
    laws: Sequence[Law], judge: Law, flops: float, tolerance: float, best: float
) -> tuple[list[Alternative], list[Note]]:
    """Return what each law makes of a budget, and a word on those whose answer is no run, or that the judge cannot weigh."""
    found, left = [], []
    for law in laws:
        try:
            answer = guarded(law, lambda law=law: alternative(law, problem_of(judge), flops, tolerance, best))  # type: ignore[misc]
            require_possible(law, answer.params, answer.tokens)
            found.append(answer)
        except CannotPlanError:
            left.append(law.id)
    text = f"left out, for their answers are no runs that {judge.id} can weigh: {', '.join(left)}"
    return found, [Note("left-out", "info", text)] if left else []


def _study(law: Law) -> str:
    return f"{law.source.authors} {law.source.year}"


_ENOUGH = 3
"""Studies within ten times of their runs that are needed for those further out to be left aside: a house convention."""


def _near(answers: Sequence[Alternative]) -> bool:
    """Tell whether enough studies plan this budget near their runs."""
    heard = [answer for answer in answers if not _silence(answer, near=False)]
    close = [answer for answer in heard if not _silence(answer, near=True)]
    return len(close) == len(heard) or len({_study(answer.law) for answer in close}) >= _ENOUGH


def _silence(answer: Alternative, near: bool) -> str:
    """Say why a law has no voice; nothing where it has. Where few plan ``near`` their runs, distance silences nobody."""
    reasons = settings("planning.toml", "consensus.silent")
    if own := next((reasons[note.code] for note in answer.law.notes if note.code in reasons), ""):
        return str(own)
    if near and answer.extrapolation is not None and answer.extrapolation > FAR:
        return f"{format_factor(answer.extrapolation)} outside"
    return ""


def _reasons(answer: Alternative, judge: Law) -> tuple[tuple[str, str], ...]:
    kinds, data = settings("planning.toml", "consensus.kinds"), answer.law.conventions.data
    found = [(kinds[note.code], note.text) for note in answer.notes if note.code in kinds]
    return (*found, *([("data", f"fitted on {data}")] if data != judge.conventions.data else []))


def _spread(values: Sequence[tuple[Law, float]]) -> Spread:
    """Return the quartiles and ends over studies, in the logarithm; the laws of a study are averaged."""
    studies: dict[str, list[float]] = {}
    for law, value in values:
        studies.setdefault(_study(law), []).append(float(np.log(value)))
    means = [sum(logs) / len(logs) for logs in studies.values()]
    return Spread(*(float(np.exp(each)) for each in quantiles(means, (0, 0.25, 0.5, 0.75, 1))))


def _judge(question: Question) -> Law:
    """Return the law that says which sizes agree."""
    judge = resolve_law(question.law, constants=question.constants)
    if question.tolerance <= 0:
        raise OptionError(f"`tolerance` {plain(question.tolerance)}: must be above 0, such as 10%")
    if judge.surface_law is not judge or judge.role != "plan":
        raise CannotPlanError(f"{judge.id} cannot judge other laws: it has no loss surface to plan on; besiroglu2024 has one")
    return judge


def _notes(voices: Sequence[Voice], near: bool) -> Iterator[Note]:
    heard = [voice.answer for voice in voices if not voice.silent]
    outside = [answer.extrapolation for answer in heard if answer.extrapolation is not None and answer.extrapolation > 1]
    most = format_factor(max(outside, default=1.0))
    if not near:
        text = f"fewer than {_ENOUGH} studies plan this within {FAR:g}x of their runs: the laws are extrapolated, by up to {most}"
        yield Note("extrapolation", "warning", f"{text}; agreement is no evidence there")
    elif outside:
        text = f"{len(outside)} of the {len(heard)} laws with a voice plan outside their runs, by up to {most}"
        yield Note("extrapolation", "info", text)
    text = "losses of different laws are for different data and tokenizers: compare sizes, not losses"
    yield Note("losses-differ", "info", text)
    yield Note("not-independent", "info", "agreement is not independence: studies share methods, and some share runs")
