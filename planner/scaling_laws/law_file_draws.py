"""The schema of the draws in a law file: what a fitted law's intervals come from."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from planner._util.frozen_dict import FrozenDict
from planner._util.toml_schema import number_of, only, range_of, table_of
from planner.errors import LawFileError
from planner.quantities import LARGEST, finite, shown
from planner.scaling_laws.forms import Form
from planner.scaling_laws.law_constants import form_of
from planner.scaling_laws.parameter_draws import POWERS, SCALES, Calibration, Draws


def draws_from_table(given: Mapping[str, Any], law_form: Form, file: str) -> Draws:
    """Read the draws of a law; they must belong to its form."""
    only(given, {"form", "noise", "params", "calibration"}, file, "draws.")
    form = form_of(given, f"{file}: draws")
    ensemble = any(parameter.many for parameter in law_form.parameters.values())
    wanted = "generalised" if ensemble else law_form.name
    if form.name != wanted:
        raise LawFileError(f"{file}: draws.form = {shown(form.name)}: draws of a law of the form {law_form.name} are {wanted}")
    if ensemble != ("calibration" in given):
        raise LawFileError(f"{file}: draws.calibration: an ensemble needs one, and no other law has one")
    params = _arrays(table_of(given, "params", file, "draws."), form, f"{file}: draws.params")
    noise = number_of(given, "noise", file, "draws.")
    if not 0 <= noise < 10:
        raise LawFileError(f"{file}: draws.noise = {noise:g}: must be at least 0 and below 10")
    return Draws(form, params, noise, _calibration(given, form, file) if "calibration" in given else None)


_MOST_VALUES = 100_000


def _arrays(given: Mapping[str, Any], form: Form, where: str) -> Mapping[str, Any]:
    if set(given) != set(form.parameters):
        raise LawFileError(f"{where}: needs exactly {', '.join(form.parameters)}, got {', '.join(map(str, given)) or 'nothing'}")
    arrays = {name: _array(values, f"{where}.{name}") for name, values in given.items()}
    for name, values in arrays.items():
        if not all(form.parameters[name].allows(value) for value in values.tolist()):
            raise LawFileError(f"{where}.{name}: every value must be {form.parameters[name].rule}")
    if len({len(values) for values in arrays.values()}) != 1:
        raise LawFileError(f"{where}: every list needs the same number of values")
    return FrozenDict(arrays)


def _array(values: Any, where: str) -> Any:
    import numpy as np

    if not isinstance(values, list) or not 0 < len(values) <= _MOST_VALUES or not all(finite(v) is not None for v in values):
        raise LawFileError(f"{where}: expected a list of 1 to {_MOST_VALUES} finite numbers")
    return np.array(values, float)


def _calibration(draws: Mapping[str, Any], form: Form, file: str) -> Calibration:
    where = "draws.calibration."
    given = table_of(draws, "calibration", file, "draws.")
    only(given, {field.name for field in fields(Calibration)}, file, where)
    rows = {name: _array(given.get(name), f"{file}: {where}{name}") for name in ("log_params", "log_tokens", "residuals")}
    if len({len(values) for values in rows.values()}) != 1:
        raise LawFileError(f"{file}: {where}log_params, log_tokens and residuals need the same number of values")
    scales = {**POWERS, **table_of(given, "scales", file, where)}
    low, high = range_of(given, "flops", file, where)
    count = number_of(given, "rows", file, where)
    base = number_of(given, "base", file, where)
    if not 1 <= low < high <= LARGEST or not 1 <= count <= 1e9 or count != int(count) or not 0 <= base <= 10:
        raise LawFileError(f"{file}: {where}flops must rise, rows be a whole number of at least 1, base lie between 0 and 10")
    if any(abs(values).max() > 150 for values in rows.values()):
        raise LawFileError(f"{file}: {where}log_params, log_tokens and residuals are logarithms; none lies beyond 150")
    missing = [name for name in SCALES if finite(scales.get(name)) is None or not 1e-6 <= scales[name] <= 1e3]
    if missing:
        raise LawFileError(f"{file}: {where}scales.{missing[0]}: expected a number from 1e-6 to 1000")
    wrong = [name for name in POWERS if finite(scales[name]) is None or not 0 <= scales[name] <= 4]
    if wrong or not scales["local_power"] >= 0.1:
        raise LawFileError(f"{file}: {where}scales.{wrong[0] if wrong else 'local_power'}: expected a power from 0 to 4")
    structures = _arrays(table_of(given, "structures", file, where), form, f"{file}: {where}structures")
    if len(structures["E"]) < 2:
        raise LawFileError(f"{file}: {where}structures: needs the reference and at least one other")
    return Calibration(
        structures=structures,
        **rows,
        base=base,
        flops=(low, high),
        rows=int(count),
        scales=FrozenDict({name: float(scales[name]) for name in (*SCALES, *POWERS)}),
    )
