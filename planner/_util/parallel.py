"""Spreading independent work: an int of processes, or any map-like callable (SciPy's convention), with progress reported."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from planner._util.showing import Raw, shown, whole
from planner.errors import OptionError, PlannerError

Workers = int | Callable[..., Iterable[Any]]
_MOST = 256
Progress = Callable[[int, int], None]
"""Called with (pieces that came back, pieces in all)."""


def check_workers(workers: Raw) -> None:
    """Refuse what work cannot be spread over."""
    if callable(workers):
        return
    if not 1 <= (whole(workers) or 0) <= _MOST:
        raise OptionError(
            f"`workers` {shown(workers)}: expected a number of processes from 1 to {_MOST}, or a map such as executor.map"
        )


@contextmanager
def mapper(workers: Workers, progress: Progress | None = None) -> Iterator[Callable[..., list[Any]]]:
    """Give a map that runs on ``workers``: 1 stays in this process, more are processes, a callable is used as it is."""
    check_workers(workers)
    if progress is not None and not callable(progress):
        raise OptionError(f"progress {shown(progress)}: expected a function of two numbers: pieces that came back, pieces in all")
    if callable(workers):
        yield _reporting(_trusted(workers), progress)
        return
    if workers == 1:
        yield _reporting(map, progress)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    _quieten_tracker()
    # "spawn" starts clean: forking a process whose numpy has threads can hang
    with ProcessPoolExecutor(int(workers), mp_context=get_context("spawn"), initializer=_leave_with_parent) as pool:
        yield _reporting(pool.map, progress)


def _quieten_tracker() -> None:
    """Start what clears up after a killed process so that it does so without a word."""
    import os
    import sys

    if os.name == "posix":
        from multiprocessing import resource_tracker

        sys.warnoptions.append("ignore:resource_tracker")  # handed down to the process that is started
        try:
            resource_tracker.ensure_running()
        finally:
            sys.warnoptions.pop()


def _leave_with_parent() -> None:
    """End this process when its parent is gone: one that a closed pipe has ended clears nothing up."""
    import os
    import signal
    from multiprocessing import parent_process
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to answer
    parent = parent_process()
    if parent is None:  # a thread of the parent itself
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _trusted(run: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
    """Say of a user's map that fails that it did."""

    def mapped(work: Callable[[Any], Any], items: Sequence[Any]) -> Any:
        try:
            return run(work, items)
        except PlannerError:
            raise
        except Exception as error:
            raise OptionError(f"workers {shown(run)}: the map failed ({type(error).__name__}: {error})") from error

    return mapped


def _reporting(run: Callable[..., Iterable[Any]], progress: Progress | None) -> Callable[..., list[Any]]:
    def run_all(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        results: list[Any] = []
        found = run(work, items)
        if not hasattr(found, "__iter__"):
            raise OptionError(f"workers {shown(run)}: a map must return the results, got {shown(found)}")
        for result in found:
            results.append(_gathered(result))
            if progress:
                try:
                    progress(1, len(items))
                except Exception as error:
                    raise OptionError(f"progress {shown(progress)}: failed ({type(error).__name__}: {error})") from error
        if len(results) != len(items):
            raise OptionError(
                f"workers {shown(run)}: a map must return one result for each piece; {len(results)} of {len(items)}"
            )
        return results

    return run_all


def _gathered(result: Any) -> Any:
    """Return the value of a future: the map of some engines (dask, Ray) yields futures instead of values."""
    done = getattr(result, "result", None)
    return done() if callable(done) else result
