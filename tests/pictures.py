"""The pictures of README and docs: ``python -m tests.pictures`` draws them anew with the commands that the pages show."""

import os
import re
import shlex
import tempfile
from io import BytesIO
from pathlib import Path

from tests import browser
from tests.documents import DOCS, blocks, files, pages, replay

FOLDER = DOCS / "images"
_COLOURS = 128  # of a picture's palette: small files, and lines stay lines


def commands() -> dict[str, str]:
    """Return the commands that draw, by the name of their picture."""
    found = {}
    for block in blocks(_text()):
        for command, _ in block:
            words = shlex.split(command)
            if "--plot" in words:
                found[words[words.index("--plot") + 1]] = command
            elif words[1] == "report":
                found[Path(words[words.index("-o") + 1]).with_suffix(".png").name] = command
    return {name: command for name, command in found.items() if name.endswith(".png")}


def shown() -> list[str]:
    """Return the pictures that the pages show."""
    return re.findall(r"!\[[^\]]+\]\([\w./-]*images/([\w-]+\.png)\)", _text())


def _text() -> str:
    return "\n".join(pages().values())


def small(content: bytes) -> bytes:
    """Return a PNG with few colours."""
    from PIL import Image

    with Image.open(BytesIO(content)) as picture:
        flat = picture.convert("RGB").quantize(_COLOURS)
    written = BytesIO()
    flat.save(written, "PNG", optimize=True)
    return written.getvalue()


def screenshot(page: Path) -> bytes:
    """Return the interactive part of a report as a browser shows it."""
    with browser.opened() as driver:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 1100, "height": 1250, "deviceScaleFactor": 1, "mobile": False}
        )
        driver.get(page.as_uri())
        driver.execute_script("document.getElementById('explore').scrollIntoView()")
        content: bytes = driver.get_screenshot_as_png()
    return content


def redraw() -> None:
    """Run every command that draws, in a folder of its own, and keep its picture."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, text in files(_text()).items():
            Path(name).write_text(text, encoding="utf-8")
        for name, command in commands().items():
            replay(command)
            page = Path(name).with_suffix(".html").resolve()
            content = screenshot(page) if page.exists() else Path(name).read_bytes()
            (FOLDER / name).write_bytes(small(content))


if __name__ == "__main__":
    redraw()
