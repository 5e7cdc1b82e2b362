"""The command ``plan``: parse, one library call, render. No arithmetic, no formatting, no file reading here."""

import gc
import os
import sys


def main() -> None:
    """Run the command and leave with its exit code.

    0 answered, 1 a warning under --strict, 2 bad input, 70 a fault of planner's own, 130 interrupted.
    """
    gc.set_threshold(100_000, 50, 50)  # hardly anything that a command makes is garbage before it ends
    if sys.stdout is None:  # before any work, and before a file that is opened takes its place
        sys.exit(_complain("standard output is closed: nowhere to print an answer"))
    try:
        code = _run()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        _silence(sys.stdout.fileno())
        code = 141
    except OSError as error:
        code = _complain(f"cannot write the answer ({error.strerror or error})")
    except Exception as error:  # the last line of defence: whatever comes here should have been a PlannerError
        if os.environ.get("PLANNER_DEBUG") == "1":
            from traceback import print_exc

            print_exc()
        code = _complain(_own_fault(error), code=70)
    gc.freeze()  # nor is any looked for on the way out
    sys.exit(code)


def _run() -> int:
    import signal

    import click

    from planner._util.terminal import help_width
    from planner.cli._plan import app
    from planner.errors import PlannerError, RunsFileError

    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end as other commands do when the reader of a pipe has gone
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = app.main(prog_name="plan", standalone_mode=False, terminal_width=help_width()) or 0
        if sys.stdout:
            sys.stdout.flush()
    except click.ClickException as error:
        return _complain(error.format_message())
    except PlannerError as error:
        from planner.inputs.registry import option_of

        return _complain(error.renamed(option_of), lines=isinstance(error, RunsFileError))
    except click.Abort:
        return 130
    return int(code)


def _silence(descriptor: int) -> None:
    """Keep the interpreter from complaining when it flushes on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _own_fault(error: Exception) -> str:
    """Say that planner is at fault, where, and what to report."""
    from traceback import extract_tb

    where = "".join(f" in {frame.name}, line {frame.lineno}" for frame in extract_tb(error.__traceback__)[-1:])
    what = f"{type(error).__name__}{where}{f': {error}' if str(error) else ''}"
    return (
        f"a fault of planner, not of your input ({what[:300]}); please report it to planner's maintainers with this command and "
        "what it prints under PLANNER_DEBUG=1"
    )


def _complain(message: str, code: int = 2, *, lines: bool = False) -> int:
    """Print a message on one line, or on ``lines`` where it lists many things."""
    from planner._util.showing import printable

    parts = message.split("\n") if lines else [message]
    text = "\n".join(printable(" ".join(part.split())) for part in parts)
    try:
        if sys.stderr:  # else print would take standard output
            print(f"plan: {text}", file=sys.stderr)  # noqa: T201  # not click.echo: click may be what failed
        if sys.stdout and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:
        _silence(1)
    return code
