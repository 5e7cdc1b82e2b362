"""The form that a law file names, and the law's constants, held to what the form says of each."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from planner._util.showing import Raw
from planner._util.toml_schema import text_of
from planner.errors import LawFileError, OptionError, PlannerError
from planner.quantities import finite, parse_number, shown
from planner.scaling_laws.forms import FORMS, Form


def form_of(table: Mapping[str, Any], file: str) -> Form:
    """Return the form that a table names."""
    name = text_of(table, "form", file)
    if name not in FORMS:
        raise LawFileError(f"{file}: form = {shown(name)} is not known; forms are {', '.join(FORMS)}")
    return FORMS[name]


def check_constant(form: Form, name: str, value: Raw, where: str) -> Any:
    """Return a form's constant as a float, or as a tuple of floats where it has one for each member; refuse its name or value."""
    if name not in form.parameters:
        raise OptionError(f"{where}: the form {form.name} has no constant {shown(name)}; it has {', '.join(form.parameters)}")
    if not form.parameters[name].many:
        return _check_number(form, name, value, where)
    if not isinstance(value, (list, tuple)) or not value:
        raise OptionError(
            f"{where}: {name} = {shown(value)}: the form {form.name} has a list of values here, one for each member"
        )
    return tuple(_check_number(form, name, item, where) for item in value)


def _check_number(form: Form, name: str, value: Raw, where: str) -> float:
    rule = form.parameters[name].rule
    number = finite(value)
    if number is None and not isinstance(value, str):
        with suppress(PlannerError):  # a number of another library
            number = parse_number(value, name)
    if number is None:
        raise OptionError(f"{where}: {name} = {shown(value)}: must be a finite number, {rule}")
    if not form.parameters[name].allows(number):
        raise OptionError(f"{where}: {name} = {shown(value)}: must be {rule}")
    return number
