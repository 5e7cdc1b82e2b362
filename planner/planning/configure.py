"""What to configure for a run: shapes that hit its size, whether they fit in memory, batch size and learning rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import order
from planner._util.to_json import Answer
from planner._version import __version__
from planner.accelerators.fleet import Cost, Machine
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.architectures.hyperparameters import Suggestion, Used, batch_trade, recipes, suggest, used
from planner.architectures.memory import Scheme
from planner.architectures.parallelism import Fit, fewest, placements, read_layout, read_scheme, smallest_memory
from planner.architectures.shape_search import Proportions
from planner.architectures.transformer import Shape
from planner.errors import OptionError
from planner.inputs.held_budgets import read_held
from planner.inputs.input_row import Number
from planner.inputs.law_choice import resolve_law
from planner.inputs.mixtures import MIXTURES
from planner.inputs.question import Question
from planner.inputs.registry import ConfigureInputs, asks
from planner.inputs.request import read_request, read_run, refuse_served_after
from planner.inputs.shape import vocabulary_law
from planner.notes import Note
from planner.planning.plan import answered
from planner.planning.shape_candidates import Candidate, FixedParts, candidate, shapes_for
from planner.quantities import (
    LARGEST,
    format_count,
    format_factor,
    format_percent,
    format_signed_percent,
    format_whole,
    plain,
)
from planner.scaling_laws.law import Law, guarded
from planner.scaling_laws.provenance import PARAM_COUNTS


@dataclass(frozen=True, eq=False, repr=False)
class Configuration(Answer):
    """What to configure for a run.

    Attributes
    ----------
    params, tokens : float
        N as the law counts it, and D: with a budget what the first shape's exact FLOP leave of it.
    loss : float or None
        Expected, where the law has one.
    flops : float or None
        The budget, where there was one [FLOP].
    law : Law
    shapes : tuple of Candidate
        Best first.
    proportions : Proportions or None
        What published models of the size have; None for a given shape.
    machine : Machine or None
    capacity : float or None
        Bytes of a device that training may use.
    scheme : Scheme
        Bytes kept of each parameter.
    fits : tuple of Fit
    suggestions : tuple of Suggestion
    trade : tuple of (batch over the critical one, steps over the least, compute over the least)
    used : tuple of Used
        What the published models nearest in size used.
    notes : tuple of Note
    inputs : mapping
    version : str
    """

    params: float
    tokens: float
    loss: float | None
    flops: float | None
    law: Law
    shapes: tuple[Candidate, ...]
    proportions: Proportions | None
    machine: Machine | None
    capacity: float | None
    scheme: Scheme
    fits: tuple[Fit, ...]
    suggestions: tuple[Suggestion, ...]
    trade: tuple[tuple[float, float, float], ...]
    used: tuple[Used, ...]
    notes: tuple[Note, ...]
    inputs: Mapping[str, Any]
    version: str = __version__

    @property
    def cost(self) -> Cost | None:
        """What training the first shape takes on the machine."""
        return self.shapes[0].cost


@asks(ConfigureInputs)
def configure(
    *,
    vocab: Number | None = None,
    context: Number | None = None,
    kv_heads: Number | None = None,
    gated: bool | None = None,
    tied: bool | None = None,
    count: int | None = None,
    optimizer: str = "adam",
    zero: int | None = None,
    tensor: int | None = None,
    pipeline: int | None = None,
    micro_batch: int | None = None,
    recompute: str = "selective",
    **asked: Unpack[ConfigureInputs],
) -> Configuration:
    """Propose what to configure: shapes, memory, batch size and learning rate.

    The run is N and D, or a shape and D, or what :func:`planner.plan` answers to a budget or a loss.

    Parameters
    ----------
    vocab, context, kv_heads : int, optional
        Fixed parts of the proposals; by default the best vocabulary for the size, and house conventions.
    gated, tied : bool, optional
        Gated feed-forward parts (SwiGLU), and one table for embedding and head.
    count : int
        Shapes to propose.
    optimizer : str
        What is kept of each parameter, one of ``data/memory.toml``.
    zero, tensor, pipeline, micro_batch, recompute : optional
        The layout; by default those that need the fewest devices are searched.
    {inputs}

    Returns
    -------
    Configuration

    Raises
    ------
    PlannerError
        Bad input, a law of mixtures of experts, or a size that no sane shape has.

    Examples
    --------
    >>> import planner
    >>> found = planner.configure(params="7B", tokens="140B", vocab=32000)
    >>> best = found.shapes[0]
    >>> best.shape.layers, best.shape.width, f"{best.off:+.2%}"
    (34, 4096, '+0.52%')
    """
    question = Question.of(ConfigureInputs, "configure", asked)
    chosen = resolve_law(question.law, constants=question.constants)
    mixed = question.shape is not None and question.shape.experts > 1
    if mixed or chosen.form.active is not None:
        what = "`shape`: a mixture of experts, but" if mixed else f"{chosen.id} is a law of mixtures of experts, but"
        raise OptionError(
            f"{what} configure proposes dense models and lays those out; plan and check say what mixtures take: {MIXTURES}"
        )
    asked_layout = read_layout(zero, tensor, pipeline, micro_batch, recompute)
    scheme = read_scheme(optimizer)
    fixed = FixedParts(vocab, context, kv_heads, gated, tied, count)
    run = _run(question, chosen)
    machine, N = run.machine, run.params
    found, usual = shapes_for(chosen, fixed, question.shape, N)
    shapes = tuple(candidate(shape, off, chosen, run.tokens, run.budget, machine) for shape, off in found)
    first, D = shapes[0].shape, shapes[0].tokens
    if shapes[0].training_flops > LARGEST:
        raise OptionError(f"the run spends {plain(shapes[0].training_flops, 4)} FLOP, above {plain(LARGEST)}")
    expected = guarded(chosen, lambda: _loss(run.problem, N, D))
    capacity = smallest_memory(machine)
    comparable = expected if chosen.conventions.loss_unit == "nats/token" else None
    fits = tuple(placements(first, scheme, asked_layout, machine, capacity))
    notes = [*run.notes, *_notes(chosen, shapes[0], run.tokens, usual, scheme)]
    if usual is not None and vocab is None:
        notes += _vocabulary(first)
    if capacity is not None and not any(fit.fits for fit in fits):
        notes.append(_no_fit(fits, fewest(first, scheme, asked_layout, capacity)))
    suggestions = tuple(suggest(each, first, D, comparable) for each in recipes())
    notes += _crowd(fits, suggestions)
    own = {**fixed._asdict(), "zero": zero, "tensor": tensor, "pipeline": pipeline, "micro_batch": micro_batch}
    constants = {"constants": question.constants} if question.constants else {}
    said = {**_given(own), "optimizer": optimizer, "recompute": recompute, "law": chosen.id, **constants}
    return Configuration(
        params=N,
        tokens=D,
        loss=expected,
        flops=run.budget,
        law=chosen,
        shapes=shapes,
        proportions=usual,
        machine=machine,
        capacity=capacity,
        scheme=scheme,
        fits=fits,
        suggestions=suggestions,
        trade=batch_trade(),
        used=_nearest(N),
        notes=tuple(notes),
        inputs=FrozenDict({**question.stated(), **said}),
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that the user gave."""
    return {name: value for name, value in options.items() if value is not None}


class _Planned(NamedTuple):
    """The run to configure: N, D, the budget that its tokens come from (None where D is given or follows from a loss)."""

    params: float
    tokens: float
    budget: float | None
    machine: Machine | None
    problem: Problem
    notes: tuple[Note, ...]


def _run(question: Question, law: Law) -> _Planned:
    """Return the run that is stated, or that the plan of the question gives."""
    held = read_held(question)
    if question.tokens is not None and question.named("params", "shape") and not (held.name or question.named("flops", "loss")):
        stated = read_run(question, law)
        assert stated.run is not None  # what read_run promises
        return _Planned(*stated.run, None, held.machine, stated.problem, held.notes)
    refuse_served_after(read_request(question), "configure")
    answer = answered(question)
    kept = [note for note in answer.notes if note.code in _KEPT]
    paid = question.loss is None and question.tokens is None
    budget = answer.training_flops if paid else None
    return _Planned(answer.params, answer.tokens, budget, held.machine, answer.problem, (*held.notes, *kept))


def _loss(problem: Problem, N: float, D: float) -> float | None:
    """Return the expected loss of a run, of what counts of it; None under a law without one."""
    if problem.law.surface_law is None:
        return None
    land = landscape(problem.judged())
    return float(land.floor + land.reducible(N, D))


_KEPT = {"extrapolation", "params-convention", "no-run", "limit-does-not-bind", "budget-not-spent"}
"""What is said of the plan that a configuration is made for."""


def _nearest(N: float) -> tuple[Used, ...]:
    """Return the three published models nearest in size."""
    known = tuple(used())
    return tuple(known[place] for place in order([abs(each.params - N) / max(each.params, N) for each in known])[:3])


def _crowd(fits: tuple[Fit, ...], suggestions: tuple[Suggestion, ...]) -> Iterator[Note]:
    """Say when the devices work on more sequences at once than any law would put into a batch."""
    at_once = min(fit.layout.data * fit.layout.micro_batch for fit in fits)
    largest = max((each.sequences for each in suggestions if each.sequences is not None), default=None)
    if largest is not None and at_once > largest:
        text = (
            f"{format_whole(at_once)} sequences are worked on at once, more than the largest batch suggested, "
            f"{format_whole(largest)}: so many devices cannot all be used"
        )
        yield Note("batch-too-large", "warning", text)


def _no_fit(fits: tuple[Fit, ...], found: Fit | None) -> Note:
    """Say that no layout surely fits, and on how many devices one would."""
    close = any(fit.fits is None for fit in fits)
    no = "no layout surely fits, measure a step first" if close else "no layout fits"
    less = "full recomputation (--recompute full) and --optimizer adam-8bit take less"
    if found is None:
        return Note("no-fit", "warning", f"{no}: on no number of these devices does one; larger ones, a shorter context; {less}")
    layout = found.layout
    text = (
        f"{no}: the fewest that do are {layout.devices} devices (ZeRO {layout.zero}, data {layout.data}, tensor "
        f"{layout.tensor}, pipeline {layout.pipeline}); {less}"
    )
    return Note("no-fit", "warning", text)


def _vocabulary(shape: Shape) -> Iterator[Note]:
    """Say when the vocabulary, which nobody chose, is a law's far from what that was measured on."""
    law, span, outside = vocabulary_law(shape.total - shape.embeddings)
    if outside > 1:
        text = (
            f"a vocabulary of {format_whole(shape.vocab)} is {law.id}'s, {format_factor(outside)} outside its {span}, and no "
            "larger than any published one: a guess, so give your tokenizer's (--vocab 128k, vocab in Python)"
        )
        yield Note("vocabulary", "info", text)


def _notes(law: Law, first: Candidate, planned: float, usual: Proportions | None, scheme: Scheme) -> Iterator[Note]:
    if remark := first.shape.details.remark:
        yield Note("published-shape", "info", remark)
    convention = law.conventions.params
    if convention == "unstated":
        text = f"{law.id} does not say which parameters it counts: the shapes have its N in all of them"
        yield Note("params-convention", "info", text)
    elif convention not in {"total", "non-embedding"}:
        text = f"{law.id} counts {PARAM_COUNTS[convention]}: that is what the shapes have N of"
        yield Note("params-convention", "info", text)
    if abs(first.over_6nd) > _NOTABLE:
        exact = format_signed_percent(first.over_6nd)
        why = f"attention over {format_whole(first.shape.context)} tokens counts, looking up embeddings does not"
        paid = f"the budget pays for {format_count(first.tokens)} tokens, where 6 N D gave {format_count(planned)}"
        text = f"the exact FLOP of the first shape are {exact} against 6 N D: {why}"
        text += f"; {paid}" if first.tokens != planned else ""
        yield Note("over-6nd", "info", text)
    if usual is not None:
        low, high = (plain(end, 3) for end in usual.aspects)
        text = (
            f"proportions of {', '.join(usual.like[:4])} and others of the size: width over layers {plain(usual.aspect, 3)}, "
            f"from {low} to {high} allowed; the loss depends on them only mildly (Kaplan et al. 2020, Fig. 5)"
        )
        yield Note("proportions", "info", text)
    beside = settings("memory.toml", "overhead")
    least, usual_gib, most = beside["context_gib"]
    text = (
        f"memory: {settings('memory.toml', 'schemes')[scheme.name]['source']}; activations by Korthikanti et al. 2022; "
        f"{format_percent(beside['fragmentation'])} for fragmentation and {usual_gib} GiB for the framework and communication; "
        f"the range takes {least} to {most} GiB and a factor of {beside['spread']} either way ({beside['source']}). "
        "Not modelled: offloading, chunked losses, contexts over several devices"
    )
    yield Note("memory", "info", text)


_NOTABLE = 0.02
"""A difference of compute that is worth a word: a house convention."""
