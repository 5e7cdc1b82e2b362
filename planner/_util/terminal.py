"""How wide standard output is, and whether it is a terminal."""

import os
import sys


def help_width() -> int:
    """Return the width of help as click has it, without the module that it asks: loading that takes a twentieth of ``--help``."""
    return max(min(columns() or 80, 80) - 2, 50)


def columns() -> int | None:
    """Return how wide standard output is: as ``COLUMNS`` says, else as its terminal is; None of a file or a pipe."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdecimal() and len(said) <= _DIGITS and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal() else None
    except (OSError, ValueError):
        return None


_DIGITS = 6


def is_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return bool(sys.stdout and sys.stdout.isatty())
