"""What a user says, read: one frozen question, every part of its real type and in base units; None where nothing was said."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from planner._util.defaults import DEFAULT_LAW, LEVEL, TOLERANCE
from planner._util.frozen_dict import FrozenDict
from planner.inputs.registry import read_stated
from planner.notes import Note

if TYPE_CHECKING:
    from pathlib import Path

    from planner.accelerators.fleet import Grid
    from planner.architectures.layout import Schedule
    from planner.architectures.transformer import Rule, Shape
    from planner.inputs.input_row import LawLike
    from planner.quantities.estimate import Range


class Devices(NamedTuple):
    """Devices as they were named: (number, name) pairs, a name empty where ``gpu`` says it, and hours that stood beside them."""

    parts: tuple[tuple[float, str], ...]
    hours: float | None = None

    def __str__(self) -> str:
        each = [f"{number:.0f}x{name}" if name else f"{number:.0f}" for number, name in self.parts]
        return "+".join(each) + (f" for {self.hours:g}h" if self.hours is not None else "")


class TokensPerSecond(NamedTuple):
    """A measured speed of training, of a device or of ``all``; in ``sequences`` where a log says no more; ``log`` tells of it."""

    tokens: float
    all: bool = False
    log: str = ""
    sequences: bool = False

    def __str__(self) -> str:
        return f"{self.tokens:.7g}{' sequences' if self.sequences else ''}{' in all' if self.all else ''}"

    @property
    def told(self) -> str:
        """It, and which steps of which log it is of, for whoever gave the log."""
        return f"{self}, {self.log}" if self.log else str(self)

    def of(self, context: float) -> "TokensPerSecond":
        """Return it in tokens, for sequences of so many."""
        return self._replace(tokens=self.tokens * context, sequences=False) if self.sequences else self


class Question(NamedTuple):
    """What was asked, in base units: FLOP, parameters, tokens, hours, device-hours, US dollars, kWh, kg, W, FLOP/s, fractions."""

    flops: float | None = None
    pf_days: float | None = None
    days: float | None = None
    gpu_hours: float | None = None
    dollars: float | None = None
    energy: float | None = None
    co2: float | None = None
    loss: float | None = None
    params: float | None = None
    tokens: float | None = None
    tokens_per_param: float | None = None
    max_params: float | None = None
    max_tokens: float | None = None
    shape: "Shape | None" = None
    flops_rule: "Rule | None" = None
    recompute: bool | None = None
    attention_flops: str | None = None
    active_params: float | None = None
    experts: float | None = None
    granularity: float | None = None
    experts_per_token: float | None = None
    sparsity: float | None = None
    max_total_params: float | None = None
    unique_tokens: float | None = None
    precision: tuple[float, float, float] | None = None
    data_quality: float | None = None
    inference_tokens: float | None = None
    inference_per_month: float | None = None
    requests_per_month: float | None = None
    tokens_per_request: float | None = None
    generated_per_request: float | None = None
    months: float | None = None
    generated_tokens: float | None = None
    inference_mfu: float | None = None
    generation_mfu: float | None = None
    inference_price: float | None = None
    serving_gpus: Devices | None = None
    cached_tokens: float | None = None
    serve_precision: float | None = None
    gpus: Devices | None = None
    gpu: str | None = None
    deadline: float | None = None
    dtype: str | None = None
    peak: float | None = None
    price: float | None = None
    mfu: float | None = None
    tokens_per_second: TokensPerSecond | None = None
    overhead: float | None = None
    power: float | None = None
    pue: "Range | None" = None
    grid: "Grid | None" = None
    gpu_file: "str | Path | None" = None
    zero: int | None = None
    tensor: int | None = None
    pipeline: int | None = None
    expert: int | None = None
    expert_tensor: int | None = None
    context_parallel: int | None = None
    micro_batch: int | None = None
    batch: float | None = None
    schedule: "Schedule | None" = None
    virtual: int | None = None
    optimizer: str | None = None
    loss_kernel: str | None = None
    lora: int | None = None
    offload: bool | None = None
    software: str | None = None
    year: float | None = None
    scores: "str | Path | None" = None
    target_score: Mapping[str, float] | None = None
    law: "LawLike" = DEFAULT_LAW
    constants: Mapping[str, float] = FrozenDict()
    exponents: tuple[float, float] | None = None
    anchor: tuple[float, float] | None = None
    tolerance: float = TOLERANCE
    level: float = LEVEL

    @classmethod
    def of(cls, kind: type, verb: str, asked: Mapping[str, object]) -> "Question":
        """Read what the function ``verb`` was asked of the inputs of ``kind``; PlannerError for what it cannot take."""
        return cls(**read_stated(asked, kind, verb))

    def named(self, *names: str) -> list[str]:
        """Return those of some inputs that were given, in the order asked for."""
        return [name for name in names if getattr(self, name) is not None]

    def idle_notes(self, *, judged: bool, drawn: bool) -> list[Note]:
        """Say which of tolerance and level the user changed in vain: nothing is ``judged``, or no law has draws."""
        notes = []
        if self.tolerance != TOLERANCE and not judged:
            notes.append(Note("tolerance-idle", "info", "tolerance changes nothing here: no run is called balanced or not"))
        if self.level != LEVEL and not drawn:
            text = "level changes nothing here: the law has no draws, so there are no intervals"
            notes.append(Note("level-idle", "info", text))
        return notes

    def stated(self, *without: str) -> dict[str, Any]:
        """Return what was given as an answer's ``inputs`` have it; what has a default is left to whoever answers."""
        hidden = {*_DEFAULTED, *without}
        return {name: _plainly(value) for name, value in self._asdict().items() if value is not None and name not in hidden}


_DEFAULTED = {"law", "constants", "exponents", "anchor", "tolerance", "level"}


def _plainly(value: Any) -> Any:
    """Return a part of a question as JSON and a person take it: devices as a text, a shape by its parts, a grid by its name."""
    if isinstance(value, (Devices, TokensPerSecond)):
        return str(value)
    if hasattr(value, "grams_per_kwh"):
        return value.name if value.name != "yours" else value.grams_per_kwh.expected
    if hasattr(value, "known") and value.known:  # a range that is one number
        return value.expected
    if hasattr(value, "_asdict"):
        return FrozenDict(value._asdict())
    return str(value) if hasattr(value, "__fspath__") else value
