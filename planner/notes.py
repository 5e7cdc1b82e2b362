"""A caveat as data: it travels inside every result, so that each way of showing a result shows it too."""

from typing import Literal, NamedTuple

Severity = Literal["info", "warning"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning")


class Note(NamedTuple):
    """One caveat.

    Attributes
    ----------
    code : str
        Stable machine name, such as ``extrapolation``.
    severity : {"info", "warning"}
        ``warning`` means: do not act on the number before reading this. ``--strict`` turns it into exit code 1.
    text : str
        One sentence or two for a person.
    constants : tuple of str
        The law's constants that the note speaks of: it is dropped when a user replaces one of them.
    from_flops : float
        Compute [FLOP] below which the note does not bear on an answer, and is left out.
    """

    code: str
    severity: Severity
    text: str
    constants: tuple[str, ...] = ()
    from_flops: float = 0.0

    def to_dict(self) -> dict[str, str]:
        """Return the note as JSON types."""
        return {"code": self.code, "severity": self.severity, "text": self.text}
