"""Constants of a law, held to what its form says of each."""

from contextlib import suppress
from typing import Any

from planner._util.showing import Raw
from planner.errors import OptionError, PlannerError
from planner.quantities import finite, parse_number, shown
from planner.scaling_laws.forms import Form


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
