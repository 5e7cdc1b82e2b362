"""Asks planner's helper over a pipe. It runs in LibreOffice's own Python: standard library only, and nothing newer than 3.8."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

START_SECONDS = 20.0
"""In which a helper must say that it is there."""
ANSWER_SECONDS = 10.0
"""In which it must answer, and one more for every so many cells:"""
CELLS_A_SECOND = 1000
PAUSE_SECONDS = 10.0
"""For which a helper that cannot be started, or failed twice in a row, is not tried again: a thousand cells wait once."""
LONGEST = 256 * 1024 * 1024
"""Bytes of an answer."""


class HelperError(Exception):
    """There is no helper, or it does not answer."""


class Helper:
    """A helper process, started when it is first asked, and anew when it has died.

    Parameters
    ----------
    commands : list of list of str
        How to start it: the first that works is taken.
    start_seconds, answer_seconds, pause_seconds : float
        See the constants above.
    """

    def __init__(
        self,
        commands: list[list[str]],
        start_seconds: float = START_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._commands = commands
        self._start_seconds = start_seconds
        self._answer_seconds = answer_seconds
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._failures = 0
        self._paused_at: float | None = None
        self._reason = ""

    def ask(self, name: str, cells: Any) -> Any:
        """Return the result for a function's cells; None for a blank. HelperError where no helper answers in time."""
        with self._lock:
            if self._paused_at is not None and time.monotonic() - self._paused_at < self._pause_seconds:
                raise HelperError(self._reason)
            try:
                found = self._answer(name, cells)
            except HelperError as error:
                self._failures += 1
                if self._process is None and self._failures > 1:
                    self._paused_at, self._reason = time.monotonic(), str(error)
                raise
            self._failures, self._paused_at = 0, None
            return found

    def close(self) -> None:
        """End the helper."""
        with self._lock:
            self._end()

    def _answer(self, name: str, cells: Any) -> Any:
        for _ in range(2):  # once more where the helper has died since it was last asked
            process = self._process or self._start()
            self._asked += 1
            try:
                request = json.dumps({"id": self._asked, "call": name, "cells": cells}).encode() + b"\n"
            except (TypeError, ValueError, RecursionError) as error:
                raise HelperError(f"cells that cannot be sent ({type(error).__name__})") from None
            said, late = _exchange(process, request, self._answer_seconds + _size(cells) / CELLS_A_SECOND)
            if said is not None and said.get("id") == self._asked:
                return said.get("result")
            self._end(abandon=late)
            if late:
                raise HelperError("planner's helper did not answer in time")
        raise HelperError("planner's helper died twice on this cell")

    def _start(self) -> subprocess.Popen[bytes]:
        reasons = []
        home = os.path.expanduser("~")
        for command in self._commands:
            try:
                self._process = process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=home if os.path.isdir(home) else None,
                    env={name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}},
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                    start_new_session=os.name == "posix",  # a group of its own, so that its children end with it
                )
            except OSError as error:
                reasons.append(f"{command[0]}: {error.strerror or error}")
                continue
            said, late = _exchange(process, b"", self._start_seconds)
            if said is not None and "planner" in said:
                return process
            self._end(abandon=late)
            reasons.append(f"{command[0]}: planner does not start there")
        self._failures += 1  # no use in trying the next cell at once
        raise HelperError(f"no helper of planner ({'; '.join(reasons)}); build the add-in anew: plan sheets build-addin")

    def _end(self, abandon: bool = False) -> None:
        """End the helper and its children; ``abandon`` leaves its pipes to the thread that still waits on them."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):  # all are gone already
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        if not abandon:
            _close(process)
        process.wait()


def _exchange(process: subprocess.Popen[bytes], request: bytes, seconds: float) -> tuple[dict[str, Any] | None, bool]:
    """Return what the helper says, None where it is dead or talks nonsense; and whether it is late.

    A thread waits for it, so that nothing here waits longer, whoever holds the pipe open.
    """
    heard: list[bytes] = []
    late = threading.Event()

    def talk() -> None:
        with suppress(OSError, ValueError):
            if process.stdin is not None and process.stdout is not None:  # both are pipes
                process.stdin.write(request)
                process.stdin.flush()
                heard.append(process.stdout.readline(LONGEST))
        if late.is_set():
            _close(process)

    worker = threading.Thread(target=talk, daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        late.set()
        return None, True
    try:
        said = json.loads(heard[0]) if heard else None
    except (ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else None, False


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was not yet sent
            if pipe:
                pipe.close()


def _size(cells: Any) -> int:
    """Return how many cells the ranges have."""
    ranges = [value for value in cells if isinstance(value, (list, tuple))]
    return sum(len(row) if isinstance(row, (list, tuple)) else 1 for rows in ranges for row in rows)
