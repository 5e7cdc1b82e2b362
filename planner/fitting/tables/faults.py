"""What is wrong with a table: listed all at once, or left out where that was asked for."""

from planner.errors import RunsFileError

_MOST = 20
"""Faults that are listed; more are counted."""


class Faults:
    """Faults by row, in the order in which they are found.

    Attributes
    ----------
    skip : bool
        Whether bad rows are left out; where they can be, the message gives a ``hint``.
    rows : dict of int to str
        What is wrong with each bad row, first.
    broken : set of int
        Bad rows among those that are dropped.
    """

    def __init__(self, skip: bool = False, *, hint: bool = True, dropped: frozenset[int] = frozenset()) -> None:
        self.skip = skip
        self._dropped, self.broken = dropped, set[int]()
        self._hint = "; `skip_bad` leaves bad rows out" if hint else ""
        self.rows: dict[int, str] = {}
        self._texts: list[str] = []
        self._count = 0

    def add(self, row: int, text: str, what: str) -> None:
        """Add a fault of a row that is not dropped: the whole message, and what a list of rows left out says of it."""
        if row in self._dropped:
            self.broken.add(row)
            return
        self.rows.setdefault(row, what)
        self._count += 1
        if len(self._texts) < _MOST:
            self._texts.append(text)

    def stop(self, name: str) -> None:
        """Refuse the table where it has faults that are not left out."""
        if self.skip or not self._count:
            return
        if self._count == 1:
            raise RunsFileError(self._texts[0] + self._hint)
        more = f"\n... and {self._count - _MOST} more" if self._count > _MOST else ""
        lines = "\n".join(self._texts)
        raise RunsFileError(f"{name}: {self._count} faults{self._hint}\n{lines}{more}")
