"""What to configure for a run: shapes that hit its size, whether they fit in memory, batch size and learning rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

from planner._util.frozen_dict import FrozenDict
from planner._util.stable_choice import order
from planner._util.to_json import Answer
from planner._version import __version__
from planner.accelerators.fleet import Cost, Machine
from planner.allocation.loss_surface import landscape
from planner.allocation.problem import Problem
from planner.architectures.advice import Advice, advice
from planner.architectures.hyperparameters import Suggestion, Used, batch_trade, recipes, suggest, used
from planner.architectures.launch import Arguments, Training, arguments, sequences
from planner.architectures.layout_grid import Site, site
from planner.architectures.layout_search import layouts
from planner.architectures.memory import Scheme
from planner.architectures.parallelism import Asked, Fit, read_recompute, read_scheme, smallest_memory
from planner.architectures.shape_search import Proportions
from planner.errors import OptionError
from planner.inputs.input_row import Number
from planner.inputs.law_choice import resolve_law
from planner.inputs.layout_asked import layout_asked
from planner.inputs.mixtures import divided
from planner.inputs.proposed_speed import steps_known, whole_run
from planner.inputs.question import Question
from planner.inputs.registry import ConfigureInputs, asks
from planner.notes import Note
from planner.planning.configure_notes import configure_notes
from planner.planning.configured_run import ConfiguredRun, run_of
from planner.planning.own_step import corrected
from planner.planning.shape_candidates import Candidate, FixedParts, candidate, shapes_for
from planner.quantities import LARGEST, plain
from planner.scaling_laws.law import Law, guarded


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
        Layouts of the first shape; the first is the one to take.
    arguments : tuple of Arguments
        The first layout for Megatron-LM, torchtitan and DeepSpeed.
    advice : Advice or None
        One batch size and learning rate with their ranges.
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
    arguments: tuple[Arguments, ...]
    advice: Advice | None
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

    @property
    def batch(self) -> float | None:
        """Tokens of a step: as asked for, else as advised."""
        given: float | None = self.inputs.get("batch")
        return given if given is not None or self.advice is None else self.advice.batch


@asks(ConfigureInputs)
def configure(
    *,
    vocab: Number | None = None,
    context: Number | None = None,
    kv_heads: Number | None = None,
    gated: bool | None = None,
    tied: bool | None = None,
    count: int | None = None,
    recompute: str | None = None,
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
    recompute : {"none", "selective", "op", "full"}, optional
        Which activations are computed anew; by default that which is fastest and fits.
    {inputs}

    Returns
    -------
    Configuration

    Raises
    ------
    PlannerError
        Bad input, or a size that no sane shape has.

    Examples
    --------
    >>> import planner
    >>> found = planner.configure(params="7B", tokens="140B", vocab=32000)
    >>> best = found.shapes[0]
    >>> best.shape.layers, best.shape.width, f"{best.off:+.2%}"
    (36, 4096, '-0.26%')
    """
    question = Question.of(ConfigureInputs, "configure", asked)
    wanted, scheme = layout_asked(question, read_recompute(recompute)), read_scheme(question.optimizer or "adam")
    fixed = FixedParts(vocab, context, kv_heads, gated, tied, count)
    run = run_of(question, resolve_law(question.law, constants=question.constants))
    chosen = run.law
    found, usual = shapes_for(chosen, fixed, question.shape, run.params, divided(question, chosen))

    def trained(machine: Machine | None, budget: float | None) -> Iterator[Candidate]:
        causal, lora = question.attention_flops == "causal", question.lora or 0
        return (candidate(shape, off, chosen, run.tokens, budget, machine, causal=causal, lora=lora) for shape, off in found)

    budget = None if run.timed else run.budget
    for _ in range(_ROUNDS if run.timed else 1):
        first = next(trained(None, budget))
        loss, suggestions, advised, where, fits = _laid_out(question, run, first, scheme, wanted)
        machine = _forecast(run, fits[0], question)
        budget = _bought(run, machine)
    own = {**fixed._asdict(), "recompute": recompute, "constants": question.constants or None}.items()
    dtype = run.machine.dtype if run.machine else question.dtype or "bf16"
    training = Training(scheme, dtype, advised and advised.learning_rate)
    return Configuration(
        params=run.params,
        tokens=first.tokens,
        loss=loss,
        flops=budget,
        law=chosen,
        shapes=tuple(trained(machine, budget)),
        proportions=usual,
        machine=machine,
        capacity=smallest_memory(run.machine),
        scheme=scheme,
        fits=fits,
        arguments=arguments(first.shape, fits[0].layout, training),
        advice=advised,
        suggestions=suggestions,
        trade=batch_trade() if suggestions else (),
        used=_nearest(run.params) if suggestions else (),
        notes=tuple(configure_notes(first, run, usual, scheme, wanted, where, fits, suggestions, machine, vocab is None)),
        inputs=FrozenDict({**question.stated(), **{name: part for name, part in own if part is not None}, "law": chosen.id}),
    )


def _laid_out(
    question: Question, run: ConfiguredRun, first: Candidate, scheme: Scheme, wanted: Asked
) -> tuple[float | None, tuple[Suggestion, ...], Advice | None, Site, tuple[Fit, ...]]:
    """Return a run's expected loss, what the recipes say of it, and where its first shape runs in which layouts."""
    if first.training_flops > LARGEST:
        raise OptionError(f"the run spends {plain(first.training_flops, 4)} FLOP, above {plain(LARGEST)}")
    if question.batch is not None and question.batch > first.tokens:
        raise OptionError(f"`batch` {plain(question.batch, 4)}: more than the {plain(first.tokens, 4)} tokens of the run")
    loss = guarded(run.law, partial(_loss, run.problem, run.params, first.tokens))
    comparable = loss if run.law.conventions.loss_unit == "nats/token" else None
    laws = () if question.lora is not None else recipes()  # they say nothing of adapters
    suggestions = tuple(suggest(each, first.shape, first.tokens, comparable) for each in laws)
    advised = advice(suggestions)
    batch = question.batch or (advised.batch if advised else None)
    where = site(run.machine, smallest_memory(run.machine), None if batch is None else batch / first.shape.context)
    fits = layouts(first.shape, scheme, wanted, where)
    if question.tokens_per_second is not None and where.running is not None and fits[0].speed is not None:
        taken = float(sequences(fits[0].layout) * first.shape.context)
        fits, _ = corrected(question, fits, first.shape, where.running, taken)
    return loss, suggestions, advised, where, fits


_ROUNDS = 3
"""How often what devices do in a time is read again at the speed of the layout that is best for it."""


def _bought(run: ConfiguredRun, machine: Machine | None) -> float | None:
    """Return the exact FLOP that a run's budget pays for: of some time, what the layout does in it."""
    if not run.timed or run.budget is None or machine is None or run.machine is None:
        return run.budget
    return run.budget * machine.mfu.expected / run.machine.mfu.expected


def _forecast(run: ConfiguredRun, fit: Fit, question: Question) -> Machine | None:
    """Return the machine with the utilisation of a whole run by the layout: not where that is the user's, where the budget rests
    on another, or where the number of devices is open, for a layout on as few as hold the model says nothing of many.
    """
    machine = run.machine
    said = question.named("days", "gpu_hours", "dollars", "energy", "co2", "mfu", "tokens_per_second") and not run.timed
    if machine is None or not machine.counted or fit.speed is None or said:
        return machine
    step = fit.speed.mfu if question.attention_flops == "causal" else fit.speed.mfu_full_attention
    return machine._replace(mfu=whole_run(step, own=steps_known(machine)))


def _loss(problem: Problem | None, N: float, D: float) -> float | None:
    """Return the expected loss of a run, of what counts of it; None under a law without one."""
    if problem is None or problem.law.surface_law is None:
        return None
    surface = landscape(problem.judged())
    return float(surface.floor + surface.reducible(N, D))


def _nearest(N: float) -> tuple[Used, ...]:
    """Return the three published models nearest in size."""
    known = tuple(used())
    return tuple(known[place] for place in order([abs(each.params - N) / max(each.params, N) for each in known])[:3])
