"""Every law's answer to one budget, as blocks to read and as rows."""

from typing import Any

from planner.output.documents.blocks import Block, Facts, Items, Table, Title, beyond_text, note_blocks
from planner.planning.compare import Comparison, Spread, Voice
from planner.quantities import format_count, format_factor, format_flops, format_percent, format_pf_days, significant

_SHORT = {"conventions": "counts", "data": "data", "range": "range", "method": "method", "model": "model"}


def comparison_document(found: Comparison) -> list[Block]:
    """Return the blocks of a comparison."""
    heard = [voice for voice in found.voices if not voice.silent]
    away = [voice for voice in found.voices if not voice.agrees]
    low, high = (format_factor(end) for end in found.band)
    rows = [
        ("parameters", format_count(found.params.middle), _span(found.params, format_count)),
        ("tokens", format_count(found.tokens.middle), _span(found.tokens, format_count)),
    ]
    if found.loss:
        rows.append(("loss", _loss(found.loss.middle), f"nats/token, {_span(found.loss, _loss)}; on each law's own data"))
    else:
        rows.append(("loss", "-", "fewer than two of them give one in nats/token"))
    sizes = (
        f"further from the consensus than {low} to {high}: sizes that cost at most {format_percent(found.tolerance)} more compute"
    )
    rows.append(("disagree", str(len(away)), f"of {len(found.voices)} laws, marked *, {sizes} under {found.judge.id}"))
    budget = f"{format_flops(found.flops)} ({format_pf_days(found.flops)})"
    title = f"What {len(found.studies)} studies make of {budget}, by {len(heard)} laws that have a voice"
    return [Title(title), Facts(rows), _table(found), *_notes(found)]


def comparison_rows(found: Comparison) -> list[dict[str, Any]]:
    """Return a row for each law."""
    return [
        {
            "flops": found.flops,
            "law": voice.answer.law.id,
            "study": voice.study,
            "params": voice.answer.params,
            "tokens": voice.answer.tokens,
            "tokens_per_param": voice.answer.tokens_per_param,
            "loss": voice.answer.loss,
            "loss_unit": voice.answer.law.conventions.loss_unit,
            "params_convention": voice.answer.law.conventions.params,
            "params_with_embeddings": voice.params,
            "ratio": voice.ratio,
            "agrees": voice.agrees,
            "silent": voice.silent or None,
            "extrapolation": voice.answer.extrapolation,
            "judge": found.judge.id,
            "regime": voice.answer.regime,
            "overhead": voice.answer.overhead,
            "consensus_params": found.params.middle,
            "consensus_params_low": found.params.low,
            "consensus_params_high": found.params.high,
            "why": " | ".join(f"{kind}: {text}" for kind, text in voice.why),
        }
        for voice in found.voices
    ]


def _span(spread: Spread, write: Any) -> str:
    ends = [write(end) for end in spread]
    return f"middle half of the studies {ends[1]} to {ends[3]}, all {ends[0]} to {ends[4]}"


def _loss(value: float) -> str:
    return significant(value, 4)


def _table(found: Comparison) -> Table:
    footnotes: list[str] = []
    rows = []
    for voice in found.voices:
        texts = list(dict.fromkeys(text for kind, text in voice.why if kind not in {"data", "range"} or not _in_table(text)))
        footnotes += [text for text in texts if text not in footnotes]
        mark = f" [{','.join(str(footnotes.index(text) + 1) for text in texts)}]" if texts else ""
        rows.append(_row(voice, mark))
    headers = ["law", "parameters", "tokens", "tok/param", "loss", "over consensus", "outside its data", "voice", "differs by"]
    return Table("Every law that plans", "lrrrrrrll", headers, rows, footnotes)


def _in_table(text: str) -> bool:
    """Tell whether a column says it already."""
    return text.startswith(("fitted on ", "outside the runs"))


def _row(voice: Voice, mark: str) -> list[str]:
    answer = voice.answer
    kinds = list(dict.fromkeys(_SHORT[kind] for kind, _ in voice.why))
    return [
        answer.law.id + mark,
        format_count(answer.params),
        format_count(answer.tokens),
        significant(answer.tokens_per_param),
        "-" if answer.loss is None else _loss(answer.loss),
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
