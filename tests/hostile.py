"""Small files that unpack to much: for tests and ``benchmarks/large_tables.py``."""

import zipfile
from pathlib import Path

import xlsxwriter


def endless_texts(path: Path, mib: int) -> None:
    """Write a small workbook whose table of texts unpacks to many MiB."""
    plain = path.with_name("plain.xlsx")
    book = xlsxwriter.Workbook(plain)
    sheet = book.add_worksheet("Runs")
    sheet.write_row(0, 0, ["params", "tokens"])
    sheet.write_row(1, 0, [1e9, 2e10])
    book.close()
    one = b"<si><t>a</t></si>"
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            content = read.read(name)
            if name.endswith("sharedStrings.xml"):
                content = content.replace(b"</sst>", one * ((mib << 20) // len(one)) + b"</sst>")
            written.writestr(name, content)
