"""The schema of a law file: a parsed table -> Law, or one line that says file, key and rule."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from planner._util.frozen_dict import FrozenDict
from planner._util.toml_schema import legible, number_of, only, range_of, table_of, tables_of, text_of, texts_of
from planner.errors import LawFileError, OptionError
from planner.notes import SEVERITIES, Note, Severity
from planner.quantities import LARGEST, bare, finite, shown
from planner.scaling_laws.forms import Form
from planner.scaling_laws.law import Law, is_id
from planner.scaling_laws.law_constants import check_constant, form_of
from planner.scaling_laws.provenance import PARAM_COUNTS, UNKNOWN_DOMAIN, Conventions, Domain, Interval, PublishedCheck, Source

if TYPE_CHECKING:
    from planner.scaling_laws.parameter_draws import Draws

_NEEDED = {"id", "title", "form", "params", "conventions", "source"}
_OPTIONAL = {"domain", "interval", "note", "traps", "check", "no_allocation", "covariance", "draws", "fit"}
QUANTITIES: dict[str, tuple[set[str], Callable[[Form], bool]]] = {
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
    "repeated_loss": ({"params", "tokens", "unique_tokens"}, lambda form: "R_D" in form.parameters),
    "repeated_params": ({"flops", "unique_tokens"}, lambda form: "R_D" in form.parameters),
    "epochs": ({"flops", "unique_tokens"}, lambda form: "R_D" in form.parameters),
    "served_params": ({"params", "served_tokens"}, lambda form: form.surface is not None and form.frontier is not None),
    "served_tokens": ({"params", "served_tokens"}, lambda form: form.surface is not None and form.frontier is not None),
    "served_tokens_ratio": ({"params", "served_tokens"}, lambda form: form.surface is not None and form.frontier is not None),
    "served_saving": ({"params", "served_tokens"}, lambda form: form.surface is not None and form.frontier is not None),
    "kept_params": ({"bits"}, lambda form: form.name == "precision"),
    "best_bits": (set(), lambda form: form.name == "precision"),
    "chosen_loss": ({"params", "tokens", "G"}, lambda form: form.name == "fine_grained_experts"),
    "chosen_flops": ({"params", "tokens", "G"}, lambda form: form.name == "fine_grained_experts"),
    "chosen_params": ({"flops", "E"}, lambda form: form.name == "joint_experts"),
    "chosen_tokens": ({"flops", "E"}, lambda form: form.name == "joint_experts"),
    "leverage": ({"flops", "active_share", "granularity"}, lambda form: form.name == "efficiency_leverage"),
    "dense_equivalent": ({"params", "experts"}, lambda form: form.name == "routed_experts"),
    "best_vocab": ({"params", "width"}, lambda form: form.name == "vocabulary"),
    "batch_growth": ({"loss_ratio"}, lambda form: "alpha_B" in form.parameters),
    "total_params": ({"params"}, lambda form: form.name == "embedding_count"),
    "rule_tokens": ({"params"}, lambda form: form.name == "tokens_rule"),
    "rule_tokens_growth": ({"params_factor"}, lambda form: form.name == "tokens_rule"),
}
"""What a ``[[check]]`` may ask: the inputs it needs, and which forms can answer."""


def law_from_table(table: Mapping[str, Any], file: str) -> Law:
    """Build a Law from a parsed law file; LawFileError for a key, a constant or a source that is missing or not as it must be."""
    only(table, _NEEDED | _OPTIONAL, file, "")
    form = form_of(table, file)
    law_id = text_of(table, "id", file)
    if not is_id(law_id):
        raise LawFileError(f"{file}: id = {shown(law_id)}: use letters, digits, '-', '.' and '_' only, at most 100")
    domain, params = _domain(table, form, file), _constants(table, form, file)
    notes = tuple(_notes(table, form, file))
    if not domain.known and all(note.code != "range-unknown" for note in notes):
        notes += (Note("range-unknown", "info", f"the range of runs that {law_id} was fitted on is not known"),)
    return Law(
        id=law_id,
        title=text_of(table, "title", file),
        form=form,
        params=params,
        conventions=_conventions(table, file),
        source=_source(table, file),
        domain=domain,
        interval=_interval(table, form, file),
        notes=notes,
        traps=tuple(texts_of(table, "traps", file)),
        checks=tuple(_checks(table, form, file)),
        no_allocation=text_of(table, "no_allocation", file, default=""),
        draws=_draws(table, form, params, file),
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
    optional = {
        "domain": law.domain.known and {name: value for name, value in law.domain.to_dict().items() if value},
        "interval": law.interval and law.interval.to_dict(),
        "note": [
            {**note.to_dict(), "constants": list(note.constants), **({"from_flops": note.from_flops} if note.from_flops else {})}
            for note in law.notes
        ],
        "traps": list(law.traps),
        "no_allocation": law.no_allocation,
        "fit": dict(law.fit),
    }
    table |= {name: value for name, value in optional.items() if value}
    if law.draws:
        known = law.draws.covariance
        table["draws" if known is None else "covariance"] = (known or law.draws).to_dict()
    return table


def _constants(table: Mapping[str, Any], form: Form, file: str) -> Mapping[str, Any]:
    given = table_of(table, "params", file)
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
    given = table_of(table, "conventions", file)
    only(given, Conventions._fields, file, "conventions.")
    params = text_of(given, "params", file, "conventions.")
    if params not in PARAM_COUNTS:
        raise LawFileError(f"{file}: conventions.params = {shown(params)}: must be one of {', '.join(PARAM_COUNTS)}")
    per_token = number_of(given, "flops_per_param_token", file, "conventions.")
    if not 0.01 <= per_token <= 1000:
        raise LawFileError(f"{file}: conventions.flops_per_param_token = {per_token:g}: must lie between 0.01 and 1000")
    return Conventions(
        params=params,
        loss_unit=text_of(given, "loss_unit", file, "conventions."),
        flops_per_param_token=per_token,
        data=text_of(given, "data", file, "conventions."),
        params_detail=text_of(given, "params_detail", file, "conventions.", default=""),
    )


def _source(table: Mapping[str, Any], file: str) -> Source:
    given = table_of(table, "source", file)
    only(given, Source._fields, file, "source.")
    year = given.get("year")
    if "year" not in given:
        raise LawFileError(f"{file}: lacks source.year")
    if isinstance(year, bool) or not isinstance(year, int) or not 1600 <= year <= 9999:
        raise LawFileError(f"{file}: source.year: expected a whole number such as 2024, got {shown(year)}")
    links = ("arxiv", "doi", "url")
    if not any(given.get(key) for key in links):
        raise LawFileError(f"{file}: [source] needs one of arxiv, doi or url (for runs of your own: where they are kept)")
    texts = {name: text_of(given, name, file, "source.") for name in ("authors", "title", "locator", "read")}
    return Source(year=year, **texts, **{name: text_of(given, name, file, "source.", default="") for name in links})


def _domain(table: Mapping[str, Any], form: Form, file: str) -> Domain:
    if "domain" not in table:
        return UNKNOWN_DOMAIN
    given = table_of(table, "domain", file)
    only(given, Domain._fields, file, "domain.")
    names = [name for name in Domain._fields if name not in {"detail", "choices"} and name in given]
    ranges = {name: range_of(given, name, file, "domain.") for name in names}
    for name, (low, high) in ranges.items():
        if low <= 0:
            raise LawFileError(f"{file}: domain.{name}: must be above 0")
        if low < 1 / LARGEST or high > LARGEST:
            raise LawFileError(f"{file}: domain.{name}: must lie between {1 / LARGEST:g} and {LARGEST:g}")
    chosen = table_of(given, "choices", file, "domain.") if "choices" in given else {}
    only(chosen, [name for name, parameter in form.parameters.items() if parameter.choice], file, "domain.choices.")
    choices = FrozenDict({name: range_of(chosen, name, file, "domain.choices.") for name in chosen})
    return Domain(**ranges, detail=text_of(given, "detail", file, "domain.", default=""), choices=choices)


def _interval(table: Mapping[str, Any], form: Form, file: str) -> Interval | None:
    if "interval" not in table:
        return None
    given = table_of(table, "interval", file)
    only(given, {"level", "how", "a", "b", *form.parameters}, file, "interval.")
    values = {name: range_of(given, name, file, "interval.") for name in given if name not in {"level", "how"}}
    return Interval(text_of(given, "level", file, "interval."), text_of(given, "how", file, "interval."), FrozenDict(values))


def _notes(table: Mapping[str, Any], form: Form, file: str) -> Iterable[Note]:
    for number, given in enumerate(tables_of(table, "note", file), 1):
        where = f"note[{number}]."
        only(given, {"code", "severity", "text", "constants", "from_flops"}, file, where)
        severity = text_of(given, "severity", file, where)
        if severity not in SEVERITIES:
            raise LawFileError(f"{file}: {where}severity = {shown(severity)}: must be one of {', '.join(SEVERITIES)}")
        constants = tuple(texts_of(given, "constants", file, where))
        unknown = [name for name in constants if name not in form.parameters]
        if unknown:
            raise LawFileError(f"{file}: {where}constants: {shown(unknown[0])} is no constant of the form {form.name}")
        level: Severity = "warning" if severity == "warning" else "info"
        least = number_of(given, "from_flops", file, where) if "from_flops" in given else 0.0
        if least < 0:
            raise LawFileError(f"{file}: {where}from_flops = {least:g}: must be at least 0 FLOP")
        yield Note(text_of(given, "code", file, where), level, text_of(given, "text", file, where), constants, least)


def _draws(table: Mapping[str, Any], form: Form, params: Mapping[str, Any], file: str) -> "Draws | None":
    """Return the draws of a law file, or those of its covariance, None where it has neither; they must belong to its form."""
    if "covariance" in table:
        if "draws" in table:
            raise LawFileError(f"{file}: draws and covariance say the same twice: give one")
        from planner.scaling_laws.covariance import covariance_from_table

        return covariance_from_table(table_of(table, "covariance", file), form, params, file)
    if "draws" not in table:
        return None
    from planner.scaling_laws.law_file_draws import draws_from_table

    return draws_from_table(table_of(table, "draws", file), form, file)


def _fit(table: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return where a fitted law came from: texts and numbers only."""
    if "fit" not in table:
        return FrozenDict()
    given = table_of(table, "fit", file)
    kept: dict[str, Any] = {}
    for key, value in given.items():
        if not isinstance(value, (str, bool, type(None))) and finite(value) is None:
            raise LawFileError(f"{file}: fit.{bare(key)}: expected a text or a number")
        kept[legible(key, f"{file}: fit")] = text_of(given, key, file, "fit.") if isinstance(value, str) else value
    return FrozenDict(kept)


def _checks(table: Mapping[str, Any], form: Form, file: str) -> Iterable[PublishedCheck]:
    for number, given in enumerate(tables_of(table, "check", file), 1):
        where = f"check[{number}]."
        only(given, PublishedCheck._fields, file, where)
        quantity = text_of(given, "quantity", file, where)
        if quantity not in QUANTITIES:
            raise LawFileError(f"{file}: {where}quantity = {shown(quantity)}: must be one of {', '.join(QUANTITIES)}")
        needed, answers = QUANTITIES[quantity]
        if not answers(form):
            raise LawFileError(f"{file}: {where}quantity = {shown(quantity)}: the form {form.name} has no answer to that")
        inputs = table_of(given, "inputs", file, where)
        if set(inputs) != needed:
            takes = ", ".join(sorted(needed)) or "nothing"
            raise LawFileError(f"{file}: {where}inputs: {quantity} takes {takes}, got {', '.join(sorted(inputs)) or 'nothing'}")
        for name in (*(f"inputs.{key}" for key in inputs), "expected", "rel_tolerance"):
            source, key = (inputs, name.removeprefix("inputs.")) if name.startswith("inputs.") else (given, name)
            if number_of(source, key, file, where) <= 0:
                raise LawFileError(f"{file}: {where}{name}: must be above 0")
        yield PublishedCheck(
            quantity=quantity,
            inputs=FrozenDict({name: number_of(inputs, name, file, f"{where}inputs.") for name in inputs}),
            expected=number_of(given, "expected", file, where),
            rel_tolerance=number_of(given, "rel_tolerance", file, where),
            reason=text_of(given, "reason", file, where),
            locator=text_of(given, "locator", file, where),
        )
