"""What to configure for a run: shapes that hit its size, whether they fit in memory, batch size and learning rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner._choice import order
from planner._files import settings
from planner._frozen import FrozenDict
from planner._version import __version__
from planner.answers import as_json
from planner.asking.conditions import Conditions, picked, read
from planner.asking.holding import read_means
from planner.asking.means import Means
from planner.candidates import Candidate, candidate, shapes_for
from planner.choosing import DEFAULT_LAW, LawLike, resolve_law
from planner.errors import OptionError
from planner.law import Law, guarded
from planner.machines.fleet import Cost, Machine
from planner.memory import Scheme
from planner.notes import Note
from planner.placing import Fit, fewest, placements, read_layout, read_scheme, usable_memory
from planner.plans import plan
from planner.proposing import Proportions
from planner.provenance import PARAM_COUNTS
from planner.recipes import Suggestion, Used, batch_trade, recipes, suggest, used
from planner.shapes import Shape
from planner.units import (
    LARGEST,
    format_count,
    format_percent,
    format_signed_percent,
    format_whole,
    plain,
)


@dataclass(frozen=True)
class Configuration:
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

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        result: dict[str, Any] = as_json(self)
        return result


def configure(
    *,
    flops: object = None,
    loss: object = None,
    params: object = None,
    tokens: object = None,
    shape: object = None,
    law: LawLike = DEFAULT_LAW,
    vocab: object = None,
    context: object = None,
    kv_heads: object = None,
    gated: bool | None = None,
    tied: bool | None = None,
    count: int | None = None,
    optimizer: str = "adam",
    zero: int | None = None,
    tensor: int | None = None,
    pipeline: int | None = None,
    micro_batch: int | None = None,
    recompute: str = "selective",
    gpus: object = None,
    gpu: object = None,
    days: object = None,
    gpu_hours: object = None,
    dollars: object = None,
    energy: object = None,
    co2: object = None,
    pf_days: object = None,
    deadline: object = None,
    dtype: object = None,
    mfu: object = None,
    price: object = None,
    peak: object = None,
    power: object = None,
    pue: object = None,
    grid: object = None,
    overhead: object = None,
    gpu_file: object = None,
) -> Configuration:
    """Propose what to configure: shapes, memory, batch size and learning rate.

    Parameters
    ----------
    flops, loss, params, tokens : optional
        The run: N and D, or a budget (also as devices, money, ...) or loss whose plan gives them, see :func:`planner.plan`.
    shape : mapping or str, optional
        A concrete model instead of proposals: name=number pairs, or a published model such as ``"llama2-7b"``.
    law : str, Path or Law
        Of dense models: plans, and says what N counts.
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
    gpus, gpu, ... : optional
        Devices, as for :func:`planner.plan`.

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
    given = dict(locals())
    conditions = read(picked(Conditions, {**given, "recompute": None}))
    chosen = resolve_law(law)
    if chosen.form.active is not None:
        raise OptionError(f"configure proposes dense models; {chosen.id} is a law of mixtures of experts")
    layout = read_layout(zero, tensor, pipeline, micro_batch, recompute)
    scheme = read_scheme(optimizer)
    held = read_means(picked(Means, given), mfu=conditions.mfu, price=conditions.price)  # type: ignore[arg-type]  # read above
    N, planned, budget, budget_notes = _run(chosen, given, conditions)
    known: Shape | None = conditions.shape  # type: ignore[assignment]  # read above
    found, usual = shapes_for(chosen, given, known, N)
    shapes = tuple(candidate(shape, off, chosen, planned, budget, held.machine) for shape, off in found)
    first, D = shapes[0].shape, shapes[0].tokens
    if shapes[0].training_flops > LARGEST:
        raise OptionError(f"the run spends {plain(shapes[0].training_flops, 4)} FLOP, above {plain(LARGEST)}")
    surface = chosen.surface_law
    expected = None if surface is None else float(guarded(chosen, lambda: surface.loss(N, D)))
    capacity = usable_memory(held.machine)
    comparable = expected if chosen.conventions.loss_unit == "nats/token" else None
    fits = tuple(placements(first, scheme, layout, held.machine, capacity))
    notes = [*held.notes, *budget_notes, *_notes(chosen, shapes[0], planned, usual, scheme)]
    if capacity is not None and not any(fit.fits for fit in fits):
        notes.append(_no_fit(fewest(first, scheme, layout, capacity)))
    suggestions = tuple(suggest(each, first, D, comparable) for each in recipes())
    notes += _crowd(fits, suggestions)
    asked = {name: value for name, value in given.items() if value is not None and name not in {"law", "shape"}}
    return Configuration(
        params=N,
        tokens=D,
        loss=expected,
        flops=budget,
        law=chosen,
        shapes=shapes,
        proportions=usual,
        machine=held.machine,
        capacity=capacity,
        scheme=scheme,
        fits=fits,
        suggestions=suggestions,
        trade=batch_trade(),
        used=_nearest(N),
        notes=tuple(notes),
        inputs=FrozenDict(
            {**{name: _plain(value) for name, value in asked.items()}, "law": chosen.id, "shape": conditions.shape}
        ),
    )


def _run(law: Law, given: Mapping[str, Any], conditions: Conditions) -> tuple[float, float, float | None, list[Note]]:
    """Return N, D, the budget that its tokens come from (None where D is given or follows from a loss), and warnings."""
    has_run = conditions.tokens is not None and (conditions.params is not None or conditions.shape is not None)
    budgets = ("flops", "loss", "days", "gpu_hours", "dollars", "energy", "co2", "pf_days")
    if has_run and all(given[name] is None for name in budgets):
        if conditions.params is not None and conditions.shape is not None:
            raise OptionError("shape fixes the parameters: drop params")
        shape: Any = conditions.shape
        N: Any = conditions.params if shape is None else shape.counted(law.conventions.params)
        D: Any = conditions.tokens
        return N, D, None, []
    names = {*Means.__dataclass_fields__, "flops", "loss", "params", "tokens", "shape", "law", "mfu", "price"}
    answer = plan(**{name: value for name, value in given.items() if name in names}, others=())
    kept = [note for note in answer.notes if note.code in {"extrapolation", "params-convention", "no-run"}]
    paid = given["loss"] is None and conditions.tokens is None
    return answer.params, answer.tokens, answer.training_flops if paid else None, kept


def _nearest(N: float) -> tuple[Used, ...]:
    """Return the three published models nearest in size."""
    known = tuple(used())
    return tuple(known[place] for place in order([abs(each.params - N) / max(each.params, N) for each in known])[:3])


def _plain(value: object) -> object:
    return value if isinstance(value, (bool, int, float, str)) else str(value)


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


def _no_fit(found: Fit | None) -> Note:
    """Say that no layout fits, and on how many devices one would."""
    less = "full recomputation (--recompute full) and --optimizer adam-8bit take less"
    if found is None:
        return Note("no-fit", "warning", f"no layout fits on any number of these devices: larger ones, a shorter context; {less}")
    layout = found.layout
    text = (
        f"no layout fits: the fewest that do are {layout.devices} devices (ZeRO {layout.zero}, data {layout.data}, tensor "
        f"{layout.tensor}, pipeline {layout.pipeline}); {less}"
    )
    return Note("no-fit", "warning", text)


def _notes(law: Law, first: Candidate, planned: float, usual: Proportions | None, scheme: Scheme) -> Iterator[Note]:
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
    section = settings("memory.toml", "fit")
    text = (
        f"memory: {settings('memory.toml', 'schemes')[scheme.name]['source']}; activations by Korthikanti et al. 2022; "
        f"{format_percent(section['usable'])} of a device may be used. Not modelled: communication and its buffers, offloading"
    )
    yield Note("memory", "info", text)


_NOTABLE = 0.02
"""A difference of compute that is worth a word: a house convention."""
