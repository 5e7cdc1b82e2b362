"""The formats that every result is written in."""

from typing import Literal

Format = Literal["table", "markdown", "csv", "csv-semicolon", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "csv", "csv-semicolon", "json")
