"""Everything in README, docs and stub that is generated: ``python -m tests.update_docs`` writes it anew."""

import os
import tempfile
from pathlib import Path

from tests import documents, reference, validation


def console_blocks() -> None:
    """Put fresh output under every command of every page."""
    for name, text in documents.pages().items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for file, content in documents.files(text).items():
                Path(file).write_text(content, encoding="utf-8")
            fresh = documents.renewed(text)
            os.chdir(documents.ROOT)
        if fresh != text:
            (documents.ROOT / name).write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    reference.write()
    validation.write()
    console_blocks()
