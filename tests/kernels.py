"""The kernels that an answer must not depend on: ``python -m tests.kernels -- ARGUMENTS OF PYTEST`` runs tests under each in turn.

OpenBLAS's kernels for two older processors, NumPy without its AVX-512 (or its widest) instructions, and the machine as it is.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

OWN = "own"
NARROW = "no-avx512"
BLAS = ("Haswell", "Nehalem")

_PROBE = """
import sys
import numpy
from threadpoolctl import threadpool_info
kind, *wanted = sys.argv[1:]
if kind == "blas":
    found = [each.get("architecture", "") for each in threadpool_info() if each["user_api"] == "blas"]
    print("" if found and all(each.lower() == wanted[0].lower() for each in found) else f"BLAS runs as {found}, not {wanted[0]}")
else:
    from numpy._core._multiarray_umath import __cpu_features__ as on
    left = [each for each in wanted if on[each]]
    print("" if wanted and not left else f"NumPy still dispatches to {left}")
"""


def _dispatched() -> list[str]:
    """Return the features beyond AVX2 that this NumPy has loops for and this processor has, under NumPy's own names."""
    from numpy._core import _multiarray_umath as numpy_core  # type: ignore[attr-defined]  # no public list names them

    on = numpy_core.__cpu_features__
    return [each for each in numpy_core.__cpu_dispatch__ if on[each] and each.startswith(("AVX512", "X86_V4"))]


def _has_openblas() -> bool:
    import numpy  # noqa: F401  # loads its BLAS
    from threadpoolctl import threadpool_info

    return any(each.get("internal_api") == "openblas" for each in threadpool_info())


def names() -> list[str]:
    """Return the kernels that can be tried on this machine."""
    import platform

    blas = BLAS if platform.machine().lower() in {"x86_64", "amd64"} and _has_openblas() else ()
    return [*blas, *([NARROW] if _dispatched() else [])]


def environment(name: str) -> dict[str, str]:
    """Return the variables that ask for a kernel."""
    if name == NARROW:
        return {"NPY_DISABLE_CPU_FEATURES": ",".join(_dispatched())}
    return {} if name == OWN else {"OPENBLAS_CORETYPE": name}


def in_force(name: str, variables: Mapping[str, str] | None = None) -> str:
    """Say why a process with a kernel's environment does not run it; nothing where it does."""
    wanted = ["numpy", *_dispatched()] if name == NARROW else ["blas", name]
    asked = {**os.environ, **(environment(name) if variables is None else variables)}
    found = subprocess.run(
        [sys.executable, "-c", _PROBE, *wanted], env=asked, capture_output=True, text=True, check=False, timeout=60
    )
    return found.stdout.strip() if found.returncode == 0 else found.stderr


def main(arguments: list[str]) -> int:
    """Run pytest under each kernel; return the first exit code that is not 0."""
    for name in names():
        if problem := in_force(name):
            print(f"{name}: {problem}", file=sys.stderr)
            return 1
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "pytest", *arguments]
        code = subprocess.run(command, env={**os.environ, **environment(name)}, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main([each for each in sys.argv[1:] if each != "--"]))
