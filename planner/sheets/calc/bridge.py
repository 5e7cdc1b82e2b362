"""Asks planner's helper over a pipe. It runs in LibreOffice's own Python: standard library only, and nothing newer than 3.8."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from typing import Any

START_SECONDS = 20.0
"""In which a helper must say that it is there."""
ANSWER_SECONDS = 10.0
"""In which it must answer, and one more for every so many cells:"""
CELLS_A_SECOND = 2000
PAUSE_SECONDS = 10.0
"""For which a helper that failed is not tried again, so that a sheet of a thousand cells waits once."""


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
        self._failed_at: float | None = None
        self._reason = ""

    def ask(self, name: str, cells: Any) -> Any:
        """Return the result for a function's cells; None for a blank.

        Raises
        ------
        HelperError
            No helper can be started, or it does not answer in time.
        """
        with self._lock:
            if self._failed_at is not None and time.monotonic() - self._failed_at < self._pause_seconds:
                raise HelperError(self._reason)
            try:
                found = self._answer(name, cells)
            except HelperError as error:
                self._failed_at, self._reason = time.monotonic(), str(error)
                raise
            self._failed_at = None
            return found

    def close(self) -> None:
        """End the helper."""
        with self._lock:
            self._end()

    def _answer(self, name: str, cells: Any) -> Any:
        for _ in range(2):  # once more where the helper has died since it was last asked
            process = self._process or self._start()
            self._asked += 1
            request = {"id": self._asked, "call": name, "cells": cells}
            said, late = _exchange(process, request, self._answer_seconds + _size(cells) / CELLS_A_SECOND)
            if said is not None and said.get("id") == self._asked:
                return said.get("result")
            self._end()
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
                )
            except OSError as error:
                reasons.append(f"{command[0]}: {error.strerror or error}")
                continue
            said, _ = _exchange(process, None, self._start_seconds)
            if said is not None and "planner" in said:
                return process
            self._end()
            reasons.append(f"{command[0]}: planner does not start there")
        raise HelperError(f"no helper of planner ({'; '.join(reasons)}); build the add-in anew: plan sheets build-addin")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe:
                    pipe.close()
            except OSError:  # what was not yet sent
                pass
        process.wait()


def _exchange(process: subprocess.Popen[bytes], request: Any, seconds: float) -> tuple[dict[str, Any] | None, bool]:
    """Return what the helper says, None where it is dead or talks nonsense; and whether it was ended for being late."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()  # which ends the waiting below

    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()
    try:
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018  # no test: both are pipes
        if request is not None:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        said = json.loads(process.stdout.readline())
    except (OSError, ValueError):
        said = None
    finally:
        watch.cancel()
    return said if isinstance(said, dict) and not late.is_set() else None, late.is_set()


def _size(cells: Any) -> int:
    """Return how many cells the ranges have."""
    return sum(len(row) for value in cells if isinstance(value, (list, tuple)) for row in value)
