"""Where bundled data lies, reading TOML and JSON, and writing a file without losing one."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from planner._util.frozen_dict import FrozenDict
from planner._util.showing import Raw, shown, shown_path
from planner.errors import LawFileError, OptionError, PlannerError

Asked = ParamSpec("Asked")
Made = TypeVar("Made")
_HERE = Path(__file__).resolve().parent.parent
_MAX_BYTES = {".toml": 256 * 1024, ".json": 4 * 1024 * 1024}  # a fitted law is JSON and carries its draws
_LONGEST_LINE = 10_000


@cache
def data_root() -> Path:
    """Return the folder of bundled data: beside the module when installed, the checkout's ``data/`` otherwise."""
    installed = _HERE / "_data"
    return installed if installed.is_dir() else _HERE.parent / "data"


def kept_while_unchanged(file: str) -> Callable[[Callable[Asked, Made]], Callable[Asked, Made]]:
    """Keep what a function makes of a bundled file until that changes, by its path, size and time.

    ``file`` is its name under ``data/``, with the function's arguments in braces: ``"laws/{0}.toml"``. The file is looked at
    every time: a long session, such as a spreadsheet's, must not go on with what was edited.
    """

    def keeping(make: Callable[Asked, Made]) -> Callable[Asked, Made]:
        held: dict[tuple[Any, ...], tuple[object, Made]] = {}

        @wraps(make)
        def found(*asked: Asked.args, **named: Asked.kwargs) -> Made:
            now = stamp(file.format(*asked))
            if now is None or named:
                return make(*asked, **named)
            if asked not in held or held[asked][0] != now:
                held[asked] = now, make(*asked)  # type: ignore[call-arg]  # nothing is named here
            return held[asked][1]

        return found

    return keeping


def stamp(name: str) -> tuple[str, int, int] | None:
    """Return what tells one state of a bundled file from another: its path, time and size; None where there is none."""
    path = f"{data_root()}/{name}"
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    return path, seen.st_mtime_ns, seen.st_size


@kept_while_unchanged("{0}")
def settings(file: str, section: str) -> FrozenDict:
    """Return one section of a bundled file of numbers with their origins; ``"forecast.interval"`` names a nested one."""
    table: Any = read_bundled(file)
    for name in section.split("."):
        table = table[name]
    return FrozenDict(table)


def read_bundled(name: str) -> dict[str, Any]:
    """Read a bundled TOML file. What was parsed is kept as Python keeps bytecode, where and as long as Python would."""
    import marshal
    from importlib.util import cache_from_source

    path = data_root() / name
    kept = Path(cache_from_source(str(path)))
    now = stamp(name)
    with suppress(OSError, ValueError, EOFError, TypeError):  # nothing there, or damaged
        of, content = marshal.loads(kept.read_bytes())
        if now and of == now[1:]:
            return dict(content)
    table = read_table(path)
    if now and not sys.dont_write_bytecode:
        with suppress(OSError, ValueError):  # a folder that cannot be written, a date, which is not kept
            kept.parent.mkdir(parents=True, exist_ok=True)
            spare = kept.with_suffix(f".{os.getpid()}")
            spare.write_bytes(marshal.dumps((now[1:], table)))
            spare.replace(kept)
    return table


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML or JSON file whose top level is a table.

    Parameters
    ----------
    path : Path
        A regular file ending in ``.toml`` or ``.json``, of at most 256 KiB, or 4 MiB of JSON.

    Returns
    -------
    dict
        The parsed content; plain types only.

    Raises
    ------
    LawFileError
        The file is missing, unreadable, no regular file, too large, of another kind, not UTF-8, or does not parse.
    """
    name = shown_path(path)
    kind = path.suffix.lower()
    if kind not in {".toml", ".json"}:
        raise LawFileError(f"{name}: expected a file ending in .toml or .json, got {shown(path.suffix) if kind else 'no ending'}")
    text = read_text(path, _MAX_BYTES[kind], LawFileError)
    if kind == ".toml" and max(map(len, text.splitlines()), default=0) > _LONGEST_LINE:
        raise LawFileError(f"{name}: has a line of more than {_LONGEST_LINE} characters, which no such file has")
    try:
        if kind == ".toml":
            import tomllib

            content: Any = tomllib.loads(text)
        else:
            import json

            content = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise LawFileError(f"{name}: not valid {kind[1:].upper()}: {reason}") from None
    if not isinstance(content, dict):
        raise LawFileError(f"{name}: expected a table at the top level, got {type(content).__name__}")
    return content


def read_bytes(path: Path, limit: int, too_large: str, fail: Callable[[str], PlannerError]) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes; ``fail`` makes the complaints, path first."""
    name = shown_path(path)
    with _refusing(name, "read", fail):
        if path.exists() and not path.is_file():
            raise fail(f"{name}: cannot be read (not a regular file)")
        if path.stat().st_size > limit:
            raise fail(f"{name}: {too_large}")
        with path.open("rb") as file:
            content = file.read(limit + 1)  # a file may grow, or say nothing of its size
    if len(content) > limit:
        raise fail(f"{name}: {too_large}")
    return content


@contextmanager
def _refusing(name: str, done: str, fail: Callable[[str], PlannerError]) -> Iterator[None]:
    """Say what the system makes of a file that cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise fail(f"{name}: cannot be {done} ({error.strerror or error})") from None
    except PlannerError:
        raise
    except ValueError as error:  # a NUL in the path
        raise fail(f"{name}: not a path ({error})") from None


def read_text(path: Path, limit: int, fail: Callable[[str], PlannerError]) -> str:
    """Return the text of a regular file of at most ``limit`` bytes; ``fail`` makes the complaints, path first."""
    content = read_bytes(path, limit, f"larger than {limit >> 10} KiB, which no such file is", fail)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fail(f"{shown_path(path)}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def new_file(path: Raw, overwrite: Raw, endings: str | tuple[str, ...], what: str) -> Path:
    """Return the file that a user wants written, before the work is done that it is for.

    Refused are no path, another ending, an ``overwrite`` that is no boolean, and what :func:`refuse_existing` refuses.
    """
    known = (endings,) if isinstance(endings, str) else endings
    listed = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))
    if not isinstance(path, (str, Path)):
        raise OptionError(f"path {shown(path)}: expected a file to write, ending in {listed}")
    if not isinstance(overwrite, bool):
        raise OptionError(f"overwrite {shown(overwrite)}: expected True or False")
    target = Path(path)
    if target.suffix.lower() not in known:
        raise OptionError(f"{shown_path(path) or shown(path)}: the name of {what} ends in {listed}")
    refuse_existing(target, overwrite=overwrite)
    return target


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that exists already, unless it may be overwritten, and a folder that takes none; links are followed."""
    name = shown_path(path)
    with _refusing(name, "written", OptionError):
        found = Path(os.path.realpath(path))
        if found.exists() and not (overwrite and found.is_file()):
            remedy = "" if overwrite else ", or `overwrite` it"
            raise OptionError(f"{name}: exists already; choose another name{remedy}")
        if not found.parent.is_dir():
            raise OptionError(f"{name}: cannot be written (No such file or directory)")
        if not os.access(found.parent, os.W_OK):
            raise OptionError(f"{name}: cannot be written (its folder is read-only)")


def write_new(path: Path, content: str | bytes, *, overwrite: bool) -> None:
    """Write a file whole or not at all; an existing file is refused unless ``overwrite``; links are followed."""
    name = shown_path(path)
    with _refusing(name, "written", OptionError):
        refuse_existing(path, overwrite=overwrite)
        path = Path(os.path.realpath(path))
        locks = [path.with_name(lock) for lock in (f".~lock.{path.name}#", f"~${path.name}")] if path.exists() else []
        if any(os.path.exists(lock) for lock in locks):  # one whose name is too long is not there
            raise OptionError(f"{name}: is open in a spreadsheet program; close it there first")
        _put(path, content if isinstance(content, bytes) else content.encode("utf-8"), replace=overwrite and path.exists())


def _put(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file beside its place first, then put it there; a file in its place keeps its mode and owner."""
    spare = path.with_name(f".planner-{os.getpid()}-{os.urandom(4).hex()}.part")  # a name of its own: 255 bytes are all there are
    try:
        with spare.open("xb") as file:
            file.write(content)
        if replace and _dressed(spare, path):
            spare.replace(path)
        elif replace:
            path.write_bytes(content)  # somebody else's, and stays theirs; that the disk has room is known by now
        else:
            _place(spare, path, content)
    finally:
        spare.unlink(missing_ok=True)


def _dressed(spare: Path, path: Path) -> bool:
    """Give one file the mode and the owner of another; tell whether that could be done."""
    held, own = path.stat(), spare.stat()
    try:
        if hasattr(os, "chown") and (held.st_uid, held.st_gid) != (own.st_uid, own.st_gid):
            os.chown(spare, held.st_uid, held.st_gid)
        spare.chmod(held.st_mode & 0o7777)
    except PermissionError:
        return False
    return True


def _place(spare: Path, path: Path, content: bytes) -> None:
    """Give a file its name where nothing has that name, even if another process was quicker."""
    try:
        os.link(spare, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with path.open("xb") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{shown(next(name for name in names if names.count(name) > 1))} is given twice")
    return table
