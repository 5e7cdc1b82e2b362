"""The schema of a law file: a parsed table -> Law, or one line that says file, key and rule."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from planner._frozen import FrozenDict
from planner.errors import LawFileError, OptionError
from planner.forms import FORMS, Form
from planner.law import Law, check_constant, is_id
from planner.notes import SEVERITIES, Note, Severity
from planner.provenance import PARAM_COUNTS, UNKNOWN_DOMAIN, Conventions, Domain, Interval, PublishedCheck, Source
from planner.uncertainty import SCALES, Calibration, Draws
from planner.units import LARGEST, finite, shown

_LONGEST_TEXT = 2000
_TOP = {
    "id",
    "title",
    "form",
    "params",
    "conventions",
    "domain",
    "source",
    "interval",
    "note",
    "traps",
    "check",
    "no_allocation",
    "draws",
    "fit",
}
_QUANTITIES: dict[str, tuple[set[str], Callable[[Form], bool]]] = {
    "params": ({"flops"}, lambda form: form.frontier is not None),
    "tokens": ({"flops"}, lambda form: form.frontier is not None),
    "tokens_per_param": ({"flops"}, lambda form: form.frontier is not None),
    "params_growth": ({"flops_factor"}, lambda form: form.frontier is not None),
    "tokens_growth": ({"flops_factor"}, lambda form: form.frontier is not None),
    "exponent_params": (set(), lambda form: form.frontier is not None or form.exponents is not None),
    "optimal_loss": ({"flops"}, lambda form: form.frontier is not None and form.frontier.reducible is not None),
    "loss": ({"params", "tokens"}, lambda form: form.surface is not None and len(form.surface.uses) == 2),
    "loss_ratio": ({"params_factor"}, lambda form: form.surface is not None and form.surface.uses == ("params",)),
    "overhead": ({"params_ratio"}, lambda form: form.surface is not None and form.frontier is not None),
    "tokens_ratio": ({"params_ratio"}, lambda form: form.surface is not None and form.frontier is not None),
    "tokens_at_ratio": ({"flops", "params_ratio"}, lambda form: form.surface is not None and form.frontier is not None),
    "batch_growth": ({"loss_ratio"}, lambda form: "alpha_B" in form.parameters),
    "total_params": ({"params"}, lambda form: form.name == "embedding_count"),
    "rule_tokens": ({"params"}, lambda form: form.name == "tokens_rule"),
    "rule_tokens_growth": ({"params_factor"}, lambda form: form.name == "tokens_rule"),
}
"""What a ``[[check]]`` may ask: the inputs it needs, and which forms can answer."""


def law_from_table(table: Mapping[str, Any], file: str) -> Law:
    """Build a Law from a parsed law file.

    Raises
    ------
    LawFileError
        A missing, unknown or ill-typed key, a constant outside what the form allows, a missing source or convention.
    """
    _only(table, _TOP, file, "")
    form = _form(table, file)
    law_id = _text(table, "id", file)
    if not is_id(law_id):
        raise LawFileError(f"{file}: id = {shown(law_id)}: use letters, digits, '-', '.' and '_' only, at most 100")
    return Law(
        id=law_id,
        title=_text(table, "title", file),
        form=form,
        params=_constants(table, form, file),
        conventions=_conventions(table, file),
        source=_source(table, file),
        domain=_domain(table, file),
        interval=_interval(table, form, file),
        notes=tuple(_notes(table, form, file)),
        traps=tuple(_texts(table, "traps", file)),
        checks=tuple(_checks(table, form, file)),
        no_allocation=_text(table, "no_allocation", file, default=""),
        draws=_draws(table, form, file),
        fit=_fit(table, file),
    )


def law_to_table(law: Law) -> dict[str, Any]:
    """Return the content of a law file from which :func:`law_from_table` makes the same law."""
    table: dict[str, Any] = {
        "id": law.id,
        "title": law.title,
        "form": law.form.name,
        "params": {name: list(value) if isinstance(value, tuple) else value for name, value in law.params.items()},
        "conventions": law.conventions._asdict(),
        "source": {name: value for name, value in law.source._asdict().items() if value != ""},
    }
    if law.domain.known:
        ranges = {name: value for name, value in law.domain._asdict().items() if value}
        table["domain"] = {name: list(value) if isinstance(value, tuple) else value for name, value in ranges.items()}
    if law.interval:
        values = {name: list(ends) for name, ends in law.interval.values.items()}
        table["interval"] = {"level": law.interval.level, "how": law.interval.how, **values}
    if law.notes:
        table["note"] = [{**note.to_dict(), "constants": list(note.constants)} for note in law.notes]
    if law.traps:
        table["traps"] = list(law.traps)
    if law.no_allocation:
        table["no_allocation"] = law.no_allocation
    if law.fit:
        table["fit"] = dict(law.fit)
    if law.draws:
        table["draws"] = law.draws.to_dict()
    return table


def _form(table: Mapping[str, Any], file: str) -> Form:
    name = _text(table, "form", file)
    if name not in FORMS:
        raise LawFileError(f"{file}: form = {shown(name)} is not known; forms are {', '.join(FORMS)}")
    return FORMS[name]


def _constants(table: Mapping[str, Any], form: Form, file: str) -> Mapping[str, Any]:
    given = _table(table, "params", file)
    missing = [name for name in form.parameters if name not in given]
    if missing:
        raise LawFileError(
            f"{file}: [params] lacks {', '.join(missing)}; the form {form.name} needs {', '.join(form.parameters)}"
        )
    try:
        constants = {name: check_constant(form, name, value, f"{file}: [params]") for name, value in given.items()}
    except OptionError as error:
        raise LawFileError(str(error)) from None
    lengths = {name: len(value) for name, value in constants.items() if isinstance(value, tuple)}
    if len(set(lengths.values())) > 1:
        raise LawFileError(f"{file}: [params]: every list needs one value for each member, got {lengths}")
    return FrozenDict(constants)


def _conventions(table: Mapping[str, Any], file: str) -> Conventions:
    given = _table(table, "conventions", file)
    _only(given, Conventions._fields, file, "conventions.")
    params = _text(given, "params", file, "conventions.")
    if params not in PARAM_COUNTS:
        raise LawFileError(f"{file}: conventions.params = {shown(params)}: must be one of {', '.join(PARAM_COUNTS)}")
    per_token = _number(given, "flops_per_param_token", file, "conventions.")
    if not 0.01 <= per_token <= 1000:
        raise LawFileError(f"{file}: conventions.flops_per_param_token = {per_token:g}: must lie between 0.01 and 1000")
    return Conventions(
        params=params,
        loss_unit=_text(given, "loss_unit", file, "conventions."),
        flops_per_param_token=per_token,
        data=_text(given, "data", file, "conventions."),
        params_detail=_text(given, "params_detail", file, "conventions.", default=""),
    )


def _source(table: Mapping[str, Any], file: str) -> Source:
    given = _table(table, "source", file)
    _only(given, Source._fields, file, "source.")
    year = given.get("year")
    if "year" not in given:
        raise LawFileError(f"{file}: lacks source.year")
    if isinstance(year, bool) or not isinstance(year, int) or not 1600 <= year <= 9999:
        raise LawFileError(f"{file}: source.year: expected a whole number such as 2024, got {shown(year)}")
    if not any(given.get(key) for key in ("arxiv", "doi", "url")):
        raise LawFileError(f"{file}: [source] needs one of arxiv, doi or url (for runs of your own: where they are kept)")
    names = ("authors", "title", "locator", "read")
    links = ("arxiv", "doi", "url")
    return Source(
        year=year,
        **{name: _text(given, name, file, "source.") for name in names},
        **{name: _text(given, name, file, "source.", default="") for name in links},
    )


def _domain(table: Mapping[str, Any], file: str) -> Domain:
    if "domain" not in table:
        return UNKNOWN_DOMAIN
    given = _table(table, "domain", file)
    _only(given, Domain._fields, file, "domain.")
    ranges = {name: _range(given, name, file, "domain.") for name in Domain._fields if name != "detail" and name in given}
    for name, (low, high) in ranges.items():
        if low <= 0:
            raise LawFileError(f"{file}: domain.{name}: must be above 0")
        if low < 1 / LARGEST or high > LARGEST:
            raise LawFileError(f"{file}: domain.{name}: must lie between {1 / LARGEST:g} and {LARGEST:g}")
    return Domain(**ranges, detail=_text(given, "detail", file, "domain.", default=""))


def _interval(table: Mapping[str, Any], form: Form, file: str) -> Interval | None:
    if "interval" not in table:
        return None
    given = _table(table, "interval", file)
    _only(given, {"level", "how", "a", "b", *form.parameters}, file, "interval.")
    values = {name: _range(given, name, file, "interval.") for name in given if name not in {"level", "how"}}
    return Interval(_text(given, "level", file, "interval."), _text(given, "how", file, "interval."), FrozenDict(values))


def _notes(table: Mapping[str, Any], form: Form, file: str) -> Iterable[Note]:
    for number, given in enumerate(_tables(table, "note", file), 1):
        where = f"note[{number}]."
        _only(given, {"code", "severity", "text", "constants"}, file, where)
        severity = _text(given, "severity", file, where)
        if severity not in SEVERITIES:
            raise LawFileError(f"{file}: {where}severity = {shown(severity)}: must be one of {', '.join(SEVERITIES)}")
        constants = tuple(_texts(given, "constants", file, where))
        unknown = [name for name in constants if name not in form.parameters]
        if unknown:
            raise LawFileError(f"{file}: {where}constants: {shown(unknown[0])} is no constant of the form {form.name}")
        level: Severity = "warning" if severity == "warning" else "info"
        yield Note(_text(given, "code", file, where), level, _text(given, "text", file, where), constants)


def _draws(table: Mapping[str, Any], law_form: Form, file: str) -> "Draws | None":
    if "draws" not in table:
        return None
    given = _table(table, "draws", file)
    _only(given, {"form", "noise", "params", "calibration"}, file, "draws.")
    form = _form(given, f"{file}: draws")
    ensemble = any(parameter.many for parameter in law_form.parameters.values())
    wanted = "generalised" if ensemble else law_form.name
    if form.name != wanted:
        raise LawFileError(f"{file}: draws.form = {shown(form.name)}: draws of a law of the form {law_form.name} are {wanted}")
    if ensemble != ("calibration" in given):
        raise LawFileError(f"{file}: draws.calibration: an ensemble needs one, and no other law has one")
    params = _arrays(_table(given, "params", file, "draws."), form, f"{file}: draws.params")
    noise = _number(given, "noise", file, "draws.")
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
    given = _table(draws, "calibration", file, "draws.")
    _only(given, {field.name for field in fields(Calibration)}, file, where)
    rows = {name: _array(given.get(name), f"{file}: {where}{name}") for name in ("log_params", "log_tokens", "residuals")}
    if len({len(values) for values in rows.values()}) != 1:
        raise LawFileError(f"{file}: {where}log_params, log_tokens and residuals need the same number of values")
    scales = _table(given, "scales", file, where)
    low, high = _range(given, "flops", file, where)
    count = _number(given, "rows", file, where)
    base = _number(given, "base", file, where)
    if not 1 <= low < high <= LARGEST or not 1 <= count <= 1e9 or count != int(count) or not 0 <= base <= 10:
        raise LawFileError(f"{file}: {where}flops must rise, rows be a whole number of at least 1, base lie between 0 and 10")
    if any(abs(values).max() > 150 for values in rows.values()):
        raise LawFileError(f"{file}: {where}log_params, log_tokens and residuals are logarithms; none lies beyond 150")
    missing = [name for name in SCALES if finite(scales.get(name)) is None or not 1e-6 <= scales[name] <= 1e3]
    if missing:
        raise LawFileError(f"{file}: {where}scales.{missing[0]}: expected a number from 1e-6 to 1000")
    structures = _arrays(_table(given, "structures", file, where), form, f"{file}: {where}structures")
    if len(structures["E"]) < 2:
        raise LawFileError(f"{file}: {where}structures: needs the reference and at least one other")
    return Calibration(
        structures=structures,
        **rows,
        base=base,
        flops=(low, high),
        rows=int(count),
        scales=FrozenDict({name: float(scales[name]) for name in SCALES}),
    )


def _fit(table: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return where a fitted law came from: texts and numbers only."""
    if "fit" not in table:
        return FrozenDict()
    given = _table(table, "fit", file)
    kept: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, str):
            kept[_legible(key, f"{file}: fit")] = _text(given, key, file, "fit.")
        elif value is None or isinstance(value, bool) or finite(value) is not None:
            kept[_legible(key, f"{file}: fit")] = value
        else:
            raise LawFileError(f"{file}: fit.{shown(key)[1:-1]}: expected a text or a number")
    return FrozenDict(kept)


def _checks(table: Mapping[str, Any], form: Form, file: str) -> Iterable[PublishedCheck]:
    for number, given in enumerate(_tables(table, "check", file), 1):
        where = f"check[{number}]."
        _only(given, PublishedCheck._fields, file, where)
        quantity = _text(given, "quantity", file, where)
        if quantity not in _QUANTITIES:
            raise LawFileError(f"{file}: {where}quantity = {shown(quantity)}: must be one of {', '.join(_QUANTITIES)}")
        needed, answers = _QUANTITIES[quantity]
        if not answers(form):
            raise LawFileError(f"{file}: {where}quantity = {shown(quantity)}: the form {form.name} has no answer to that")
        inputs = _table(given, "inputs", file, where)
        if set(inputs) != needed:
            takes = ", ".join(sorted(needed)) or "nothing"
            raise LawFileError(f"{file}: {where}inputs: {quantity} takes {takes}, got {', '.join(sorted(inputs)) or 'nothing'}")
        for name in (*(f"inputs.{key}" for key in inputs), "expected", "rel_tolerance"):
            table_of, key = (inputs, name.removeprefix("inputs.")) if name.startswith("inputs.") else (given, name)
            if _number(table_of, key, file, where) <= 0:
                raise LawFileError(f"{file}: {where}{name}: must be above 0")
        yield PublishedCheck(
            quantity=quantity,
            inputs=FrozenDict({name: _number(inputs, name, file, f"{where}inputs.") for name in inputs}),
            expected=_number(given, "expected", file, where),
            rel_tolerance=_number(given, "rel_tolerance", file, where),
            reason=_text(given, "reason", file, where),
            locator=_text(given, "locator", file, where),
        )


# ---------------------------------------------------------------- typed access, with the key in every message


def _only(given: Mapping[str, Any], allowed: Iterable[str], file: str, where: str) -> None:
    unknown = [key for key in given if key not in set(allowed)]
    if unknown:
        raise LawFileError(
            f"{file}: {where}{shown(unknown[0])[1:-1]} is not a key of a law file; known here: {', '.join(sorted(allowed))}"
        )


def _table(given: Mapping[str, Any], key: str, file: str, where: str = "") -> Mapping[str, Any]:
    if key not in given:
        raise LawFileError(f"{file}: lacks [{where}{key}]")
    value = given[key]
    if not isinstance(value, dict):
        raise LawFileError(f"{file}: {where}{key}: expected a table, got {type(value).__name__}")
    return value


def _tables(given: Mapping[str, Any], key: str, file: str) -> list[Mapping[str, Any]]:
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise LawFileError(f"{file}: {key}: expected a list of tables, [[{key}]]")
    return value


def _texts(given: Mapping[str, Any], key: str, file: str, where: str = "") -> list[str]:
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LawFileError(f"{file}: {where}{key}: expected a list of texts")
    return [_legible(item, f"{file}: {where}{key}") for item in value]


def _text(given: Mapping[str, Any], key: str, file: str, where: str = "", default: str | None = None) -> str:
    if key not in given:
        if default is None:
            raise LawFileError(f"{file}: lacks {where}{key}")
        return default
    value = given[key]
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise LawFileError(f"{file}: {where}{key}: expected a text, got {shown(value)}")
    return _legible(value, f"{file}: {where}{key}")


def _legible(text: str, where: str) -> str:
    """Refuse what could steer a terminal or break out of a table cell: control characters, line breaks, reversed text."""
    if not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise LawFileError(f"{where}: must be one line of at most {_LONGEST_TEXT} printable characters, got {shown(text)}")
    return text


def _number(given: Mapping[str, Any], key: str, file: str, where: str) -> float:
    if key not in given:
        raise LawFileError(f"{file}: lacks {where}{key}")
    value = given[key]
    number = finite(value)
    if number is None:
        raise LawFileError(f"{file}: {where}{key}: expected a finite number, got {shown(value)}")
    return number


def _range(given: Mapping[str, Any], key: str, file: str, where: str) -> tuple[float, float]:
    if key not in given:
        raise LawFileError(f"{file}: lacks {where}{key}")
    value = given[key]
    if not isinstance(value, list) or len(value) != 2:
        raise LawFileError(f"{file}: {where}{key}: expected [low, high], got {shown(value)}")
    low, high = (_number({key: item}, key, file, where) for item in value)
    if low > high:
        raise LawFileError(f"{file}: {where}{key}: low end {low:g} is above high end {high:g}")
    return low, high
