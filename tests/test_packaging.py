"""The wheel carries its data and works from an empty directory, with the source tree out of reach."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import planner

ROOT = Path(planner.__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the source tree, as in a checkout")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the installed hatchling, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel where nothing else is."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def _run(installed: Path, empty: Path, code: str) -> str:
    """Run code from an empty directory that sees the unpacked wheel before anything else."""
    prelude = f"import sys; sys.path.insert(0, {str(installed)!r}); import planner; assert planner.__file__.startswith({str(installed)!r});"
    done = subprocess.run([sys.executable, "-c", prelude + code], cwd=empty, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_package_data_and_licence(wheel: Path) -> None:
    """All law files, py.typed and the licence; no tests, no stray copy of data/."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"planner/_data/laws/{law.id}.toml" for law in planner.laws()} <= set(names)
    assert "planner/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "data/", "benchmarks/")) for name in names)


def test_the_installed_package_plans_from_an_empty_directory(installed: Path, tmp_path: Path) -> None:
    """The same answer as the checkout's, from the wheel's own data."""
    out = _run(installed, tmp_path, "import json; print(json.dumps(planner.plan(flops=1e21).to_dict()))")
    assert json.loads(out) == planner.plan(flops=1e21).to_dict()
    assert "_data" in _run(installed, tmp_path, "from planner._util.files import data_root; print(data_root())")
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    """plan check works from the wheel."""
    out = _run(
        installed,
        tmp_path,
        "sys.argv = ['plan', 'check', '--params', '175B', '--tokens', '300B']; from planner.cli import main; main()",
    )
    assert out.startswith("overfit: 175 B parameters")


def test_metadata_is_complete(wheel: Path) -> None:
    """Name, version, licence, dependencies and the command."""
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    for text in ("Name: compute-budget-planner", f"Version: {planner.__version__}", "License-Expression: Apache-2.0", "Requires-Python: >=3.11",
                 "Requires-Dist: click", "Requires-Dist: numpy", "Requires-Dist: tabulate", "Description-Content-Type: text/markdown"):  # fmt: skip
        assert text in metadata
    entry = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "plan = planner.cli:main" in entry
