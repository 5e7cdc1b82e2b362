"""Writing files: none is lost, none is left half-written, and what exists keeps its mode."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import planner
from planner._util import files
from planner.errors import OptionError, PlannerError
from tests.conftest import Run

FIT = ("fit", "--runs", "porian2024", "--group", "rw|tuned|short|const", "--method", "classical", "--draws", "0")


def _main(*args: str) -> list[str]:
    return [sys.executable, "-c", "from planner.cli import main; main()", *args]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """FAT, many network and container mounts: the file is made exclusively instead, and an existing one is still safe."""

    def no_link(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_link)
    path = tmp_path / "plan.html"
    files.write_new(path, "first", overwrite=False)
    assert path.read_text() == "first"
    with pytest.raises(OptionError, match="exists already"):
        files.write_new(path, "second", overwrite=False)
    monkeypatch.setattr(files, "refuse_existing", lambda *_, **__: None)  # another process was quicker
    with pytest.raises(OptionError, match="cannot be written"):
        files.write_new(path, "third", overwrite=False)
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["plan.html"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_overwriting_keeps_mode_and_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that only its owner reads stays so; what is somebody else's is written in place and stays theirs."""
    path = tmp_path / "law.json"
    path.write_text("old")
    path.chmod(0o600)
    files.write_new(path, "new", overwrite=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    before = path.stat().st_ino
    real = Path.chmod

    def refused(self: Path, mode: int) -> None:
        if self.suffix == ".part":
            raise PermissionError(errno.EPERM, "not yours")
        real(self, mode)

    monkeypatch.setattr(Path, "chmod", refused)
    files.write_new(path, "newer", overwrite=True)
    assert (path.read_text(), path.stat().st_ino) == ("newer", before)
    assert os.listdir(tmp_path) == ["law.json"]


def test_names_as_long_as_a_file_system_allows(tmp_path: Path) -> None:
    """255 bytes, written and replaced; one more is refused in a line."""
    path = tmp_path / ("n" * 250 + ".html")
    files.write_new(path, "first", overwrite=False)
    files.write_new(path, "second", overwrite=True)
    assert path.read_text() == "second"
    with pytest.raises(OptionError, match="cannot be written"):
        files.new_file(tmp_path / ("n" * 251 + ".html"), False, ".html", "a report")


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor what was to become it."""

    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", no_link)
    real = Path.open

    def opened(self: Path, mode: str = "r") -> Any:
        file = real(self, mode)
        if mode != "xb":
            return file
        file.close()
        return Full()

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OptionError, match="No space left"):
        files.write_new(tmp_path / "plan.html", "x", overwrite=False)
    assert os.listdir(tmp_path) == []


def test_the_table_of_runs_is_no_target(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before the fit, even where files may be replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.json").write_text('[{"params": 1e9, "tokens": 2e10, "loss": 3}]')
    monkeypatch.setattr("planner.fitting.fit.fit", lambda *_, **__: pytest.fail("worked before it looked"))
    code, _, err = run("fit", "runs.json", "--save", "runs.json", "--overwrite")
    assert code == 2
    assert "the table of runs itself" in err


@pytest.mark.parametrize("target", ["taken.json", "nowhere/law.json", "law.csv"])
def test_a_fit_that_cannot_be_saved_is_not_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """The target is looked at before the work, in every command that writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.json").write_text("{}")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("worked before it looked")

    monkeypatch.setattr("planner.fitting.fit.fit", never)
    code, out, err = run("fit", "--runs", "porian2024", "--save", target)
    assert (code, out) == (2, "")
    assert target in err


def test_the_answer_is_printed_where_its_file_fails(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up at the end costs the file, not the answer."""
    monkeypatch.chdir(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OptionError("law.json: cannot be written (No space left on device)")

    monkeypatch.setattr("planner.fitting.results.write_new", full)
    code, out, err = run(*FIT, "--save", "law.json")
    assert code == 2
    assert "No space left" in err
    assert "alpha" in out


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor as a shell does")
def test_a_closed_output_is_an_error() -> None:
    """Not an answer that nobody sees and exit code 0."""
    command = " ".join(f"'{part}'" for part in _main("--flops", "1e21"))
    found = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True)  # a shell closes it
    assert found.returncode == 2
    assert found.stderr == "plan: standard output is closed: nowhere to print an answer\n"
    both = subprocess.run(f"{command} 2>&- >&-", shell=True, capture_output=True, text=True)
    assert (both.returncode, both.stdout, both.stderr) == (2, "", "")


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_killed_parent_leaves_no_word(tmp_path: Path) -> None:
    """What multiprocessing clears up after a kill it clears up in silence, and no worker stays."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        work = subprocess.Popen(
            _main("pilots", "--budget", "1e20", "--target", "1e23", "--simulate", "--workers", "2", "--tables", "60"),
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        group, until = os.getpgid(work.pid), time.monotonic() + 20
        while time.monotonic() < until and _count(group) < 4:  # itself, the tracker, two workers
            time.sleep(0.05)
        assert _count(group) >= 4
        work.send_signal(signal.SIGKILL)
        work.wait()
        while time.monotonic() < until and _count(group):
            time.sleep(0.05)
    assert _count(group) == 0
    assert "leaked" not in log.read_text()


def _count(group: int) -> int:
    """Return how many processes of a group run."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return sum(1 for line in listed.splitlines() if line.split()[0] == str(group) and not line.split()[1].startswith("Z"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_cannot_be_printed_is_saved_all_the_same(tmp_path: Path) -> None:
    """A reader of the pipe that has gone must not cost a fit."""
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            _main(*FIT, "--save", "law.json"), stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False
        )
    assert found.returncode == 2
    assert "cannot write the answer" in found.stderr
    assert planner.load_law(tmp_path / "law.json").exponents


def test_every_writer_looks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook, a page, a picture: an existing file is refused before anything is made of it."""
    for name in ("budget.xlsx", "plan.html", "plan.svg"):
        (tmp_path / name).write_text("mine")
    monkeypatch.setattr("planner.sheets.workbook.write.written", lambda *_: pytest.fail("worked before it looked"))
    answer = planner.plan(flops=1e21)
    writers: dict[str, Callable[[Path], object]] = {
        "budget.xlsx": planner.write_workbook,
        "plan.html": partial(planner.write_report, answer),
        "plan.svg": partial(planner.plot, answer),
    }
    for name, write in writers.items():
        with pytest.raises(PlannerError, match="exists already"):
            write(tmp_path / name)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}
