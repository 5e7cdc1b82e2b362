"""The best mixtures of every law side by side, as blocks to read and as rows."""

from typing import Any

from planner.output.documents.blocks import Block, Facts, Table, Title, beyond_text, note_blocks
from planner.output.documents.law import fitted_on
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


def mixtures_document(found: MixtureComparison) -> list[Block]:
    """Return the blocks of a comparison of mixtures."""
    spans = (("active", found.active_params), ("in all", found.total_params), ("tokens", found.tokens))
    rows = [(name, f"{format_count(ends[0])} - {format_count(ends[1])}", "") for name, ends in spans if ends]
    if found.memory_bytes is not None:
        rows.append(("memory", format_bytes(found.memory_bytes), "of the devices that train, which the plans fit"))
    lever = found.leverage
    of = f"a mixture with {format_percent(lever.active_share)} of its experts at work, granularity {plain(lever.granularity)}"
    value = "-" if lever.factor is None else format_factor(lever.factor)
    rows.append(("leverage", value, f"compute of a dense model as good as {of}: {lever.text}"))
    title = (
        f"What {len(found.plans)} laws of mixtures of experts make of {format_flops(found.flops)} ({format_pf_days(found.flops)})"
    )
    return [Title(title), Facts(rows), _table(found), *note_blocks(found.notes, None)]


def _table(found: MixtureComparison) -> Table:
    headers = ["law", "chosen", "active", "in all", "tokens", "loss", "dense run", "memory", "outside"]
    footnotes = [f"{each.law.id}: {each.reason}" for each in found.plans if each.reason]
    footnotes.append("dense run: compute of the cheapest dense run of the same loss over the mixture's, by the same authors")
    ranges = "; ".join(f"{each.law.id} {fitted_on(each.law)}" for each in found.plans)
    footnotes.append(f"outside: the largest factor by which the plan leaves the runs that the law was fitted on ({ranges})")
    footnotes.append("memory: weights, gradients and Adam's states of training")
    return Table("The best mixture of each", "llrrrrrrr", headers, [_row(each) for each in found.plans], footnotes)


def _row(each: MixturePlan) -> list[str]:
    made = ", ".join(
        f"{name} {format_percent(value) if name == 'sparsity' else plain(value, 4)}" for name, value in each.choices.items()
    )
    written = (
        (each.active_params, format_count),
        (each.total_params, format_count),
        (each.tokens, format_count),
        (each.loss, lambda value: significant(value, 4)),
        (each.dense_ratio, format_factor),
        (each.training_bytes, format_bytes),
    )
    cells = ["-" if value is None else write(value) for value, write in written]
    return [each.law.id, made or "-", *cells, "-" if each.reason else beyond_text(each.extrapolation)]


def mixtures_rows(found: MixtureComparison) -> list[dict[str, Any]]:
    """Return a row for each law."""
    return [
        {
            "flops": found.flops,
            "law": each.law.id,
            **{name: each.choices.get(name) for name in ("experts", "granularity", "sparsity")},
            **{name: getattr(each, name) for name in _NUMBERS},
            "loss_unit": each.law.conventions.loss_unit,
            "params_convention": each.law.conventions.params,
            "leverage": found.leverage.factor,
            "reason": each.reason or None,
        }
        for each in found.plans
    ]


_NUMBERS = ("active_params", "total_params", "tokens", "loss", "dense_ratio", "training_bytes", "extrapolation")
