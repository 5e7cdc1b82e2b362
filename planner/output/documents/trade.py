"""The trade of size against data, as blocks to read."""

from planner.output.documents.blocks import (
    Block,
    Facts,
    Table,
    Title,
    beyond_text,
    four_digits,
    law_facts,
    loss_text,
    note_blocks,
    or_dash,
    price_text,
)
from planner.planning.trade import Trade, TradeOff
from planner.quantities import (
    format_count,
    format_factor,
    format_flops,
    format_overhead,
    format_percent,
    format_pf_days,
    significant,
)


def trade_document(found: TradeOff) -> list[Block]:
    unique = f", {format_count(found.unique_tokens)} unique tokens" if found.unique_tokens else ""
    least = f"{four_digits(found.loss)}, for which {format_flops(found.flops)} are the least"
    rows = [
        ("loss", *loss_text(found.loss, found.irreducible_loss, found.loss_unit)),
        ("cheapest to train", format_flops(found.flops), format_pf_days(found.flops)),
        ("smallest", format_count(found.smallest), "parameters: below, no amount of data reaches the loss"),
    ]
    headers = ["size", "parameters", "tokens", "tok/param", *(["epochs"] if found.unique_tokens else [])]
    headers += ["training", "more than the least", "serving saved", "pays from tokens served", "outside its data"]
    cells = [_row(row, epochs=bool(found.unique_tokens)) for row in found.rows]
    footnotes = []
    if found.demand is not None:
        headers.insert(-1, "training and serving")
        for row, texts in zip(found.rows, cells, strict=True):
            texts.insert(-1, or_dash(row.life, format_flops) + " [1]" * row.cheapest)
        life = f"serving {format_count(found.demand.tokens)} tokens{price_text(found.demand.price)}"
        footnotes.append(f"the least for training it and {life}")
    best = next((at for at, row in enumerate(found.rows) if (row.cheapest if found.demand else row.ratio == 1)), 0)
    table = Table("Sizes", "r" * len(headers), headers, cells, footnotes, best=best)
    title = Title(f"The same loss at other sizes{unique}: {least}")
    return [title, Facts(rows), table, law_facts(found.law), *note_blocks(found.notes)]


def _row(row: Trade, *, epochs: bool) -> list[str]:
    start = [format_factor(row.ratio), format_count(row.params)]
    saved = "-" if row.ratio == 1 else format_percent(row.saved_share) if row.saved_share > 0 else "none"
    if row.tokens is None or row.tokens_per_param is None or row.flops is None or row.overhead is None:
        return [*start, "out of reach", "-", *(["-"] if epochs else []), "-", "-", saved, "never", "-"]
    tokens = [format_count(row.tokens), significant(row.tokens_per_param)]
    tokens += [significant(row.epochs)] if epochs and row.epochs is not None else []
    more, pays = "-", "-"
    if row.ratio != 1:
        more = format_overhead(row.overhead)
        pays = "never" if row.break_even is None else format_count(row.break_even)
    return [*start, *tokens, format_flops(row.flops), more, saved, pays, beyond_text(row.extrapolation)]
