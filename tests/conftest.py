"""Hypothesis profiles, deterministic in CI, more examples when asked for; the command in this process; whether LibreOffice and Chromium are there."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from planner.cli import main
from tests import browser, office

Run = Callable[..., tuple[int, str, str]]

settings.register_profile("dev", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=500)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded: every core has a worker of its own
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


ENGINES = ("libreoffice", "chromium")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a real browser or office as long."""
    for item in items:
        if set(ENGINES) & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.calibration)


@pytest.fixture(autouse=True)
def own_pipes() -> Iterator[None]:
    """The command ends with the reader of its pipe; the process of the tests must not."""
    pipes = signal.getsignal(signal.SIGPIPE) if hasattr(signal, "SIGPIPE") else None
    yield
    if pipes is not None:
        signal.signal(signal.SIGPIPE, pipes)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table finds room, so that tests of content need not know how it wraps; ``test_screen`` tries narrow ones."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``plan`` in this process: returns (exit code, stdout, stderr)."""

    def call(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plan", *args])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


@pytest.fixture(scope="session")
def libreoffice() -> None:
    """Skip where LibreOffice or its Python is missing; in CI that fails."""
    there = shutil.which("soffice") is not None and shutil.which("unopkg") is not None and Path(office.SYSTEM_PYTHON).exists()
    if there:
        probe = [office.SYSTEM_PYTHON, "-c", "import uno"]
        there = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    if not there:
        assert not os.environ.get("CI"), "LibreOffice must be there in CI: see .ci/run"
        pytest.skip("LibreOffice (soffice with python3-uno) is not installed: NOTHING was tried in the real thing")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Give a driver of headless Chromium; skip where it is missing, which in CI fails."""
    if browser.CHROMIUM is None or browser.DRIVER is None:
        assert not os.environ.get("CI"), "Chromium and its driver must be there in CI: see .ci/run"
        pytest.skip("Chromium (chromium with chromium-driver) is not installed: NOTHING was tried in a browser")
    with browser.opened() as driver:
        yield driver
