"""What text is written for: how wide, and whether headings and warnings may stand out in colour."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from planner._util.terminal import columns, is_terminal

FILE_WIDTH = 100
"""Columns of a file or a pipe; of a terminal its own, unless ``COLUMNS`` says otherwise."""

NARROWEST = 40
TEXT_WIDTH = 110
"""Running text is not wider, however wide the terminal: long lines are hard to read."""


class Screen(NamedTuple):
    """Where text goes.

    Attributes
    ----------
    width : int
        Columns: no line is longer.
    colours : bool
        Whether headings and warnings stand out by escape sequences.
    """

    width: int = FILE_WIDTH
    colours: bool = False

    @property
    def text_width(self) -> int:
        """Columns of running text."""
        return min(self.width, TEXT_WIDTH)


_CHOSEN: ContextVar[Screen | None] = ContextVar("screen", default=None)


def screen() -> Screen:
    """Return what text is written for now: what a command chose, else the width alone."""
    return _CHOSEN.get() or Screen(_columns())


@contextmanager
def written_for(color: str, width: int | None = None) -> Iterator[None]:
    """Write for standard output, with colours ``always``, ``never``, or where it is a terminal and ``NO_COLOR`` is not set."""
    chosen = _CHOSEN.set(
        Screen(width or _columns(), color == "always" or (color == "auto" and is_terminal() and not os.environ.get("NO_COLOR")))
    )
    try:
        yield
    finally:
        _CHOSEN.reset(chosen)


def _columns() -> int:
    return max(columns() or FILE_WIDTH, NARROWEST)
