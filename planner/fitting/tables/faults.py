"""What is wrong with a table: listed all at once, or left out where that was asked for."""

from planner.errors import RunsFileError

_MOST = 20
"""Faults that are listed; more are counted."""


class Faults:
    """Faults by row, in the order in which they are found; where bad rows can be left out, the message gives a ``hint``."""

    def __init__(self, skip: bool = False, *, hint: bool = True, dropped: frozenset[int] = frozenset()) -> None:
        self.skip = skip  # whether bad rows are left out
        self.broken = set[int]()  # bad rows among those that are dropped
        self.rows: dict[int, str] = {}  # what is wrong with each bad row, first
        self._dropped = dropped
        self._hint = "; `skip_bad` leaves bad rows out" if hint else ""
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
        more = [f"... and {self._count - _MOST} more"] if self._count > _MOST else []
        raise RunsFileError("\n".join([f"{name}: {self._count} faults{self._hint}", *self._texts, *more]))
