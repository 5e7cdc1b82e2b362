"""Recalculates a workbook by force in a real LibreOffice: run by the system's Python, which alone knows ``uno``.

One office serves a process of the tests for each add-in, and one without: questions are lines of JSON on its standard input,
``{"workbook": "book.xlsx", "jobs": [{"set": [["Plan!B5", 1e21]], "get": ["Plan!B18:B34"]}]}``, and answers lines of the rows of each
range: numbers, texts, and null for an error. A job may also hold ``formulas`` and ``arrays`` to enter, cells to ``show`` as they are
displayed, a command to ``run`` before it recalculates, a file to ``save`` to, and whether recalculating is ``timed``.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Timer
from typing import IO, Any

SYSTEM_PYTHON = "/usr/bin/python3"


def recalculate(workbook: Path | None, jobs: list[dict[str, Any]], addin: Path | None = None) -> list[list[list[list[Any]]]]:
    """Set cells and read ranges of a workbook, or of a new one, recalculated after each job.

    ``addin`` is installed first, in the scratch profile that all this happens in.
    """
    serving, said = _office(addin)
    assert serving.stdin is not None
    assert serving.stdout is not None
    late, line = Timer(300, serving.kill), ""
    late.start()
    try:
        with suppress(BrokenPipeError):
            serving.stdin.write(json.dumps({"workbook": str(workbook or ""), "jobs": jobs}) + "\n")
            serving.stdin.flush()
            line = serving.stdout.readline()
    finally:
        late.cancel()
    if not line.endswith("\n"):
        _office.cache_clear()
        said.seek(0)
        raise AssertionError(f"LibreOffice died or was silent for 300 s: exit code {serving.wait(30)}\n{said.read()[-2000:]}")
    found: list[list[list[list[Any]]]] = json.loads(line)
    return found


@cache
def _office(addin: Path | None) -> "tuple[subprocess.Popen[str], IO[str]]":
    """Start the office of an add-in, and a file of what it complains of."""
    active = os.environ.get("VIRTUAL_ENV", "")  # with an activated environment LibreOffice's own Python does not start
    path = [each for each in os.environ["PATH"].split(os.pathsep) if not active or not each.startswith(active)]
    said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # until the tests end
    serving = subprocess.Popen(
        [SYSTEM_PYTHON, __file__, str(addin or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env={**os.environ, "PATH": os.pathsep.join(path)},
    )
    atexit.register(serving.communicate)  # its input closed, it ends its office and tidies up
    return serving, said


def _main() -> None:
    import uno  # type: ignore[import-not-found]
    from com.sun.star.beans import PropertyValue  # type: ignore[import-not-found]

    addin = sys.argv[1]
    with tempfile.TemporaryDirectory() as profile:
        pipe = f"planner{Path(profile).name}"
        accept = f"--accept=pipe,name={pipe};urp;"
        scratch = [f"-env:UserInstallation=file://{profile}", f"-env:UNO_SHARED_PACKAGES_CACHE=file://{profile}/shared"]
        if addin:  # into the shared part of the scratch profile, for unopkg serves no root elsewhere
            Path(profile, "shared").mkdir()
            subprocess.run(["unopkg", "add", "--shared", addin, *scratch], check=True, stdout=sys.stderr, timeout=120)
        command = ["soffice", "--headless", "--norestore", "--nologo", *scratch, accept]
        office = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            local = uno.getComponentContext()
            resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
            desktop = _desktop(resolver, pipe)
            hidden = PropertyValue()
            hidden.Name, hidden.Value = "Hidden", True
            for line in sys.stdin:
                asked = json.loads(line)
                address = Path(asked["workbook"]).resolve().as_uri() if asked["workbook"] else "private:factory/scalc"
                document = desktop.loadComponentFromURL(address, "_blank", 0, (hidden,))
                print(json.dumps([_job(document, job) for job in asked["jobs"]]), flush=True)  # noqa: T201  # the answer
                document.close(True)
        finally:
            office.terminate()
            office.wait(30)


def _desktop(resolver: Any, pipe: str) -> Any:
    for _ in range(150):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except Exception:  # uno's own, until the office listens
            time.sleep(0.2)
        else:
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
    raise SystemExit("LibreOffice did not start")


def _job(document: Any, job: dict[str, Any]) -> list[Any]:
    def cells(where: str) -> Any:
        sheet, address = where.split("!")
        return document.Sheets.getByName(sheet).getCellRangeByName(address)

    start = time.perf_counter()
    for where, value in job.get("set", ()):
        if isinstance(value, str):
            cells(where).getCellByPosition(0, 0).String = value
        else:
            cells(where).getCellByPosition(0, 0).Value = value
    for where, formula in job.get("formulas", ()):
        cells(where).getCellByPosition(0, 0).Formula = formula
    for where, formula in job.get("arrays", ()):
        cells(where).setArrayFormula(formula)
    if "run" in job:
        subprocess.run(job["run"], check=True, timeout=60)
    document.calculateAll()
    took = time.perf_counter() - start
    if "save" in job:
        document.storeAsURL(Path(job["save"]).resolve().as_uri(), ())
    plain = (int, float, str)
    read = [
        [[each if isinstance(each, plain) else None for each in row] for row in cells(where).getDataArray()]
        for where in job.get("get", ())
    ]
    shown = [[[cells(where).getCellByPosition(0, 0).String]] for where in job.get("show", ())]
    return [*read, *shown, *([[[took]]] if job.get("timed") else [])]


if __name__ == "__main__":
    _main()
