"""Every exception this package raises on purpose.

PlannerError                bad input or an impossible question; one line says what, what is required, what to do
├── QuantityError           a number or a unit that does not fit
├── OptionError             options that contradict each other, or a missing one
├── UnknownLawError         no law of that name; `matches` lists close ones
├── LawFileError            a law file that cannot be read or breaks a rule (file, key, rule)
├── RunsFileError           a table of runs that cannot be read or breaks a rule (file:row:column)
├── HardwareFileError       a file of devices and prices that cannot be read or breaks a rule
├── FitError                runs from which nothing can be concluded; carries the best attempt
└── CannotPlanError         the law has no answer to this question, and says why
"""

import re
from collections.abc import Callable, Sequence

_ARGUMENT = re.compile(r"`([a-z][a-z0-9_]*)`")


class PlannerError(ValueError):
    """Root of the tree. The message is one line, ready to show to a person.

    A keyword of the library stands in backquotes in the text that is raised: Python shows it without them, the command line as
    the option that was typed.

    Attributes
    ----------
    marked : str
        The message with its backquotes.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_ARGUMENT.sub(r"\1", message))
        self.marked = message

    def renamed(self, rename: Callable[[str], str]) -> str:
        """Return the message with each keyword under another name."""
        return _ARGUMENT.sub(lambda found: rename(found[1]), self.marked)


class QuantityError(PlannerError):
    """A quantity that is not a number, not positive, not finite, or in a unit that does not fit."""


class OptionError(PlannerError):
    """Options that contradict each other, or one that is missing."""


class UnknownLawError(PlannerError):
    """No law of that name.

    Attributes
    ----------
    matches : tuple of str
        Ids of laws with a similar name.
    """

    def __init__(self, message: str, matches: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.matches = tuple(matches)


class LawFileError(PlannerError):
    """A law file that cannot be read or breaks a rule of the schema."""


class CannotPlanError(PlannerError):
    """The law cannot answer this question (no loss surface, no optimum, exponents without an anchor)."""


class RunsFileError(PlannerError):
    """A table of runs that cannot be read, lacks a column, or has a cell that is no positive number."""


class FitError(PlannerError):
    """Runs from which no law can be concluded.

    Attributes
    ----------
    attempt : mapping or None
        The constants that came out and must not be trusted, where there are any.
    """

    def __init__(self, message: str, attempt: object = None) -> None:
        super().__init__(message)
        self.attempt = attempt


class HardwareFileError(PlannerError):
    """A file of devices and prices that cannot be read or breaks a rule."""
