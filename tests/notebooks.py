"""The notebooks of the docs: ``python -m tests.notebooks`` runs each in an empty folder and holds its texts to those it shows.

``--write`` stores what came out instead.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.documents import DOCS


def _nbformat() -> Any:
    """Return the library, which comes with the extra "docs" alone."""
    return import_module("nbformat")


def texts(notebook: Any) -> list[str]:
    """Return what the cells of a notebook print and give; pictures and HTML hang on other libraries' versions too."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            if "image/png" not in output.get("data", {}):
                found.append("".join(text))
    return found


def executed(path: Path) -> Any:
    """Return a notebook as it comes out of a fresh kernel in an empty folder."""
    nbformat = _nbformat()
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)
    return notebook


def main() -> None:
    """Run all."""
    nbformat = _nbformat()
    for path in sorted(DOCS.rglob("*.ipynb")):
        shown, fresh = nbformat.read(path, 4), executed(path)
        if "--write" in sys.argv:
            nbformat.write(fresh, path)
        elif texts(shown) != texts(fresh):
            sys.exit(f"{path.name}: {[(a, b) for a, b in zip(texts(shown), texts(fresh), strict=False) if a != b][:1]}")


if __name__ == "__main__":
    main()
