"""Every law's answer to one budget, of dense models and of mixtures of experts, as blocks to read and as rows."""

from collections.abc import Callable

from planner.output.csv_json_machines import Row, fields
from planner.output.documents.blocks import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    between,
    beyond_text,
    four_digits,
    note_blocks,
    or_dash,
)
from planner.output.documents.law import fitted_on
from planner.planning.compare import Comparison, Spread, Voice
from planner.planning.compare_mixtures import MixtureComparison, MixturePlan
from planner.quantities import (
    format_bytes,
    format_count,
    format_factor,
    format_flops,
    format_percent,
    format_pf_days,
    plain,
    significant,
)


def comparison_document(found: Comparison) -> list[Block]:
    heard = [voice for voice in found.voices if not voice.silent]
    away = [voice for voice in found.voices if not voice.agrees]
    rows = [
        ("parameters", format_count(found.params.middle), _span(found.params, format_count)),
        ("tokens", format_count(found.tokens.middle), _span(found.tokens, format_count)),
    ]
    if found.loss:
        text = f"nats/token, {_span(found.loss, four_digits)}; on each law's own data"
        rows.append(("loss", four_digits(found.loss.middle), text))
    else:
        rows.append(("loss", "-", "fewer than two of them give one in nats/token"))
    sizes = f"sizes that cost at most {format_percent(found.tolerance)} more compute under {found.judge.id}"
    far = f"further from the consensus than {between(found.band, format_factor)}: {sizes}"
    rows.append(("disagree", str(len(away)), f"of {len(found.voices)} laws, marked *, {far}"))
    budget = f"{format_flops(found.flops)} ({format_pf_days(found.flops)})"
    title = f"What {len(found.studies)} studies make of {budget}, by {len(heard)} laws that have a voice"
    return [Title(title), Facts(rows), _table(found), *_notes(found)]


def comparison_rows(found: Comparison) -> list[Row]:
    """Return a row for each law."""
    return [
        {
            "flops": found.flops,
            "law": voice.answer.law.id,
            "study": voice.study,
            **fields(voice.answer, "params", "tokens", "tokens_per_param", "loss"),
            **fields(voice.answer.law.conventions, "loss_unit", params_convention="params"),
            "params_with_embeddings": voice.params,
            **fields(voice, "ratio", "agrees"),
            "silent": voice.silent or None,
            "extrapolation": voice.answer.extrapolation,
            "judge": found.judge.id,
            **fields(voice.answer, "regime", "overhead"),
            **fields(found.params, consensus_params="middle", consensus_params_low="low", consensus_params_high="high"),
            "why": " | ".join(f"{kind}: {text}" for kind, text in voice.why),
        }
        for voice in found.voices
    ]


def _span(spread: Spread, write: Callable[[float], str]) -> str:
    return f"middle half of the studies {between(spread[1:4], write)}, all {between(spread, write)}"


def _table(found: Comparison) -> Table:
    footnotes: list[str] = []
    rows = []
    for voice in found.voices:
        own = (text for kind, text in voice.why if kind not in {"data", "range"} or not text.startswith(_IN_THE_TABLE))
        texts = list(dict.fromkeys(own))
        footnotes += [text for text in texts if text not in footnotes]
        mark = f" [{','.join(str(footnotes.index(text) + 1) for text in texts)}]" if texts else ""
        rows.append(_row(voice, mark))
    headers = ["law", "parameters", "tokens", "tok/param", "loss", "over consensus", "outside its data", "voice", "differs by"]
    return Table("Every law that plans", "lrrrrrrll", headers, rows, footnotes)


_IN_THE_TABLE = ("fitted on ", "outside the runs")
"""How reasons begin that a column says already."""


def _row(voice: Voice, mark: str) -> list[str]:
    answer = voice.answer
    kinds = dict.fromkeys("counts" if kind == "conventions" else kind for kind, _ in voice.why)
    return [
        answer.law.id + mark,
        format_count(answer.params),
        format_count(answer.tokens),
        significant(answer.tokens_per_param),
        or_dash(answer.loss, four_digits),
        format_factor(voice.ratio) + ("" if voice.agrees else " *"),
        beyond_text(answer.extrapolation),
        f"none: {voice.silent}" if voice.silent else "yes",
        ", ".join(kinds) or "-",
    ]


def _notes(found: Comparison) -> list[Block]:
    reading = [
        "over consensus: N with embeddings where the law's count can be converted (Pearce & Song 2024), over the median; a "
        "study has one voice, whatever its number of laws",
        "differs by: counts (which parameters, which compute), data, range of its runs, method, model",
    ]
    return [Items("", reading), *note_blocks(found.notes)]


def mixtures_document(found: MixtureComparison) -> list[Block]:
    spans = (("active", found.active_params), ("in all", found.total_params), ("tokens", found.tokens))
    rows = [(name, between(ends, format_count, " - "), "") for name, ends in spans if ends]
    if found.memory_bytes is not None:
        rows.append(("memory", format_bytes(found.memory_bytes), "of the devices that train, which the plans fit"))
    lever = found.leverage
    of = f"a mixture with {format_percent(lever.active_share)} of its experts at work, granularity {plain(lever.granularity)}"
    text = f"compute of a dense model as good as {of}: {lever.text}"
    rows.append(("leverage", or_dash(lever.factor, format_factor), text))
    budget = f"{format_flops(found.flops)} ({format_pf_days(found.flops)})"
    title = f"What {len(found.plans)} laws of mixtures of experts make of {budget}"
    return [Title(title), Facts(rows), _mixtures(found), *note_blocks(found.notes)]


def _mixtures(found: MixtureComparison) -> Table:
    headers = ["law", "chosen", "active", "in all", "tokens", "loss", "dense run", "memory", "outside"]
    footnotes = [f"{each.law.id}: {each.reason}" for each in found.plans if each.reason]
    footnotes.append("dense run: compute of the cheapest dense run of the same loss over the mixture's, by the same authors")
    ranges = "; ".join(f"{each.law.id} {fitted_on(each.law)}" for each in found.plans)
    footnotes.append(f"outside: the largest factor by which the plan leaves the runs that the law was fitted on ({ranges})")
    footnotes.append("memory: weights, gradients and Adam's states of training")
    return Table("The best mixture of each", "llrrrrrrr", headers, [_mixture(each) for each in found.plans], footnotes)


def _mixture(each: MixturePlan) -> list[str]:
    made = ", ".join(
        f"{name} {format_percent(value) if name == 'sparsity' else plain(value, 4)}" for name, value in each.choices.items()
    )
    written = (
        (each.active_params, format_count),
        (each.total_params, format_count),
        (each.tokens, format_count),
        (each.loss, four_digits),
        (each.dense_ratio, format_factor),
        (each.training_bytes, format_bytes),
    )
    cells = [or_dash(value, write) for value, write in written]
    return [each.law.id, made or "-", *cells, "-" if each.reason else beyond_text(each.extrapolation)]


def mixtures_rows(found: MixtureComparison) -> list[Row]:
    """Return a row for each law."""
    return [
        {
            "flops": found.flops,
            "law": each.law.id,
            **{name: each.choices.get(name) for name in ("experts", "granularity", "sparsity")},
            **fields(each, "active_params", "total_params", "tokens", "loss", "dense_ratio", "training_bytes", "extrapolation"),
            **fields(each.law.conventions, "loss_unit", params_convention="params"),
            "leverage": found.leverage.factor,
            "reason": each.reason or None,
        }
        for each in found.plans
    ]
