"""The form that a law file names."""

from collections.abc import Mapping
from typing import Any

from planner._util.showing import shown
from planner._util.toml_schema import text_of
from planner.errors import LawFileError
from planner.scaling_laws.forms import FORMS, Form


def form_of(table: Mapping[str, Any], file: str) -> Form:
    """Return the form that a table names."""
    name = text_of(table, "form", file)
    if name not in FORMS:
        raise LawFileError(f"{file}: form = {shown(name)} is not known; forms are {', '.join(FORMS)}")
    return FORMS[name]
