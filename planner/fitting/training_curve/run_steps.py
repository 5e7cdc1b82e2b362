"""Steps of a run in progress, and the tokens of one: stated, or as its log counts them."""

from planner._util.showing import Raw
from planner.errors import OptionError
from planner.fitting.training_curve.log_reader import Log
from planner.fitting.training_curve.rate_path import LONGEST
from planner.notes import Note
from planner.quantities import format_count, format_whole, parse_count, parse_number, plain, shown

_APART = 0.05
"""How far a stated batch may be from the log's own: a house convention."""

_MOST_STEPS = 1e8
"""More steps than any run takes: such an end is one in tokens."""


def tokens_a_step(batch: float | None, log: Log) -> tuple[float | None, list[Note]]:
    """Return the tokens of a step as stated, else as the log counts them, and what is to be said of it."""
    counted = log.per_step
    if batch is None or counted is None or abs(batch / counted - 1) <= _APART:
        return batch or counted, []
    text = f"`batch` {format_whole(batch)} is taken, but {log.name} counts {format_whole(counted)} tokens a step"
    return batch, [Note("batch-differs", "warning", text)]


def last_step(until: Raw, per_step: float | None) -> tuple[float, list[Note]]:
    """Read where a run ends: a step, or tokens where that would be more steps than any run takes.

    Raises
    ------
    OptionError
        No number of steps; tokens, where those of a step are not known.
    """
    number = read_step(until, "until", unlimited=True)
    if number <= _MOST_STEPS and not (isinstance(until, str) and until.strip().lower().endswith("tokens")):
        return number, []
    if per_step is None:
        raise OptionError(
            f"`until` {shown(until)}: more steps than any run takes; where tokens are meant, give `batch`, the tokens of a step"
        )
    step = number / per_step
    if not 1 <= step <= LONGEST:
        raise OptionError(
            f"`until` {shown(until)}: {plain(step, 4)} steps of {format_whole(per_step)} tokens; expected 1 or more"
        )
    text = f"`until` {format_count(number)} tokens is step {format_whole(step)}, of {format_whole(per_step)} tokens each"
    return step, [Note("until-tokens", "info", text)]


def read_step(value: Raw, name: str, least: float = 1.0, *, unlimited: bool = False) -> float:
    """Read a step, or a number of them, such as 72000 or 72k.

    Raises
    ------
    OptionError
        Not a number, or outside what a run has.
    """
    text = value.strip() if isinstance(value, str) else value
    suffixed = isinstance(text, str) and text[-1:].isalpha()
    number = parse_count(text, f"`{name}`", "tokens") if suffixed else parse_number(text, f"`{name}`")
    if not least <= number or (number > LONGEST and not unlimited):
        raise OptionError(f"`{name}` {shown(value)}: expected steps, from {plain(least)} to {plain(LONGEST)}")
    return number
